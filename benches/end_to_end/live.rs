//! What is seen while it runs: on a terminal a table that grows, elsewhere a line for each turn.

use std::io::{IsTerminal as _, stderr};

/// Whoever watches.
pub struct Live {
    terminal: bool,
    /// Lines of the table that stands there.
    drawn: usize,
}

impl Live {
    /// On standard error.
    pub fn new() -> Self {
        Self { terminal: stderr().is_terminal(), drawn: 0 }
    }

    /// Something that stays.
    pub fn say(&mut self, line: &str) {
        self.drawn = 0;
        eprintln!("{line}");
    }

    /// After a turn: the table in place of the last one, or the line.
    pub fn show(&mut self, progress: &str, line: &str, table: &[String]) {
        if !self.terminal {
            eprintln!("{progress}  {line}");
            return;
        }
        if self.drawn > 0 {
            eprint!("\x1b[{}A\x1b[J", self.drawn);
        }
        // Without line breaks of the terminal's own, which nobody would count.
        eprint!("\x1b[?7l");
        for line in table {
            eprintln!("{line}");
        }
        eprintln!("{progress}\x1b[?7h");
        self.drawn = table.len() + 1;
    }
}
