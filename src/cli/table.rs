//! Columns aligned for a terminal.

use std::fmt;

/// On which side of its column a cell stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows under a heading. The last column is not padded.
pub(in crate::cli) struct Table {
    align: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns and no rows.
    pub(in crate::cli) fn new(columns: &[(&str, Align)]) -> Self {
        let heading = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
        Self { align: columns.iter().map(|(_, align)| *align).collect(), rows: vec![heading] }
    }

    /// Appends a row. What is not printable in its cells is replaced: clients choose some of it.
    pub(in crate::cli) fn push(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| printable(&cell)).collect());
    }

    fn widths(&self) -> Vec<usize> {
        let width =
            |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|cell| length(cell)).max();
        (0..self.align.len()).map(|column| width(column).unwrap_or(0)).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, width), align) in row.iter().zip(&widths).zip(&self.align) {
                match align {
                    Align::Left => line.push_str(&format!("{cell:<width$}  ")),
                    Align::Right => line.push_str(&format!("{cell:>width$}  ")),
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Text without control characters, which could steer a terminal.
pub(in crate::cli) fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

fn length(cell: &str) -> usize {
    cell.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_lines_have_no_end_of_spaces() {
        let mut table = Table::new(&[("NAME", Align::Left), ("N", Align::Right), ("", Align::Left)]);
        table.push(["é".to_owned(), "100".to_owned(), "x".to_owned()]);
        table.push(["longer".to_owned(), "7".to_owned(), String::new()]);
        assert_eq!(table.to_string(), "NAME      N\né       100  x\nlonger    7\n");
    }

    #[test]
    fn nothing_in_a_cell_steers_the_terminal() {
        let mut table = Table::new(&[("A", Align::Left)]);
        table.push(["\u{1b}[2Jx\ny\u{9b}".to_owned()]);
        assert_eq!(table.to_string(), "A\n\u{fffd}[2Jx\u{fffd}y\u{fffd}\n");
    }
}
