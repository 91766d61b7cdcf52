//! `CONNECTION_ID()` and `@@pseudo_thread_id` in a statement, and the text with the client's own id in their place.
//!
//! Both answer with the backend connection's id, which a client must not see: its id is the one in its handshake. Setting
//! `pseudo_thread_id` instead would need a privilege (1227). The replacement gives the same column, byte for byte: name, type,
//! length and flags (measured on 10.11), and unlike a bare number it is no column position in ORDER BY.

use std::ops::Range;

use super::SqlMode;
use super::item;

/// Every use in one text, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionIdUses(Vec<Use>);

/// One use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The bytes to replace: the call with its parentheses, or the variable with its sigils and scope.
    pub range: Range<usize>,
    /// How the id is asked for.
    pub form: Form,
}

/// How an id is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `CONNECTION_ID()`: `INT(10) UNSIGNED NOT NULL`.
    Function,
    /// `@@pseudo_thread_id`: `BIGINT(21) UNSIGNED`.
    Variable,
}

impl ConnectionIdUses {
    /// Whether the text asks for no id, so that it can be sent as it is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The uses.
    pub fn iter(&self) -> impl Iterator<Item = &Use> {
        self.0.iter()
    }

    /// The text with `id` in place of every use; `text` and `mode` are those that were classified.
    ///
    /// A select-list item that has no name of its own gets its old text as its name. Where the server would take the
    /// name from something else than the bare text (an executable comment inside, more than 256 bytes) or
    /// where it is unclear whether there is a name, the column is named after the replacement.
    pub fn replace(&self, text: &[u8], mode: SqlMode, id: u64) -> Vec<u8> {
        let mut edits: Vec<Edit> = self.0.iter().map(|used| Edit::expression(used, id)).collect();
        let holds_use = |item: &Range<usize>| {
            let next = self.0.partition_point(|used| used.range.start < item.start);
            self.0.get(next).is_some_and(|used| used.range.end <= item.end)
        };
        edits.extend(item::unnamed(text, mode).filter(holds_use).map(|item| Edit::alias(text, item)));
        edits.sort_by_key(|edit| edit.range.start);
        apply(text, &edits)
    }

    pub(super) fn push(&mut self, range: Range<usize>, form: Form) {
        self.0.push(Use { range, form });
    }
}

/// A range of the text and what comes in its place.
struct Edit {
    range: Range<usize>,
    with: Vec<u8>,
}

impl Edit {
    fn expression(used: &Use, id: u64) -> Self {
        let with = match used.form {
            // Ten digits make the column ten characters wide.
            Form::Function => format!("CAST({id:010} AS UNSIGNED)"),
            // The variable's column may be NULL.
            Form::Variable => format!("IF(1,{id}|0,NULL)"),
        };
        Self { range: used.range.clone(), with: with.into_bytes() }
    }

    /// Names the item after its own text.
    fn alias(text: &[u8], item: Range<usize>) -> Self {
        let name = text.get(item.clone()).unwrap_or_default();
        let mut with = b" AS `".to_vec();
        for byte in name {
            with.push(*byte);
            if *byte == b'`' {
                with.push(b'`');
            }
        }
        with.push(b'`');
        Self { range: item.end..item.end, with }
    }
}

/// The text with `edits` made; they are in order and do not overlap.
fn apply(text: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + edits.iter().map(|edit| edit.with.len()).sum::<usize>());
    let mut copied = 0;
    for edit in edits {
        out.extend_from_slice(text.get(copied..edit.range.start).unwrap_or_default());
        out.extend_from_slice(&edit.with);
        copied = edit.range.end;
    }
    out.extend_from_slice(text.get(copied..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use crate::sql::SqlMode;
    use crate::sql::classify::classify;

    /// The text with client id 7 in place of the connection's.
    fn replaced(text: &str) -> String {
        let mode = SqlMode::default();
        let uses = classify(text.as_bytes(), mode).connection_id;
        String::from_utf8(uses.replace(text.as_bytes(), mode, 7)).unwrap()
    }

    /// `text` with `{}` standing for the replacement of a call.
    fn with_id(text: &str) -> String {
        text.replace("{}", "CAST(0000000007 AS UNSIGNED)")
    }

    #[test]
    fn a_column_keeps_the_name_that_the_call_gave_it() {
        for (text, expected) in [
            ("SELECT CONNECTION_ID()", "SELECT {} AS `CONNECTION_ID()`"),
            ("select connection_id ( /* x */ )", "select {} AS `connection_id ( /* x */ )`"),
            ("SELECT `connection_id`()", "SELECT {} AS ```connection_id``()`"),
            (
                "SELECT DISTINCT CONNECTION_ID() /* c */ , 1",
                "SELECT DISTINCT {} AS `CONNECTION_ID()` /* c */ , 1",
            ),
            ("SELECT 1, CONNECTION_ID()+1 FROM t", "SELECT 1, {}+1 AS `CONNECTION_ID()+1` FROM t"),
            ("SELECT CONNECTION_ID() UNION SELECT 1", "SELECT {} AS `CONNECTION_ID()` UNION SELECT 1"),
            ("/*! SELECT CONNECTION_ID() */", "/*! SELECT {} AS `CONNECTION_ID()` */"),
            ("SELECT CONNECTION_ID() IS NULL", "SELECT {} IS NULL AS `CONNECTION_ID() IS NULL`"),
            ("SELECT CONNECTION_ID(); SELECT 2", "SELECT {} AS `CONNECTION_ID()`; SELECT 2"),
            (
                "INSERT INTO t VALUES (1) RETURNING CONNECTION_ID(), a",
                "INSERT INTO t VALUES (1) RETURNING {} AS `CONNECTION_ID()`, a",
            ),
            (
                "SELECT (SELECT CONNECTION_ID())",
                "SELECT (SELECT {} AS `CONNECTION_ID()`) AS `(SELECT CONNECTION_ID())`",
            ),
        ] {
            assert_eq!(replaced(text), with_id(expected));
        }
        assert_eq!(
            replaced("SELECT @@session . pseudo_thread_id"),
            "SELECT IF(1,7|0,NULL) AS `@@session . pseudo_thread_id`"
        );
    }

    #[test]
    fn a_named_column_gets_no_second_name() {
        for rest in ["AS x", "x", "'x'", "AS'x'", "`x`", "\"x\"", "DIV 2 x", "as x FROM t", "+ a b"] {
            let text = format!("SELECT CONNECTION_ID() {rest}");
            assert_eq!(replaced(&text), with_id(&format!("SELECT {{}} {rest}")));
        }
    }

    #[test]
    fn outside_a_select_list_nothing_is_named() {
        for text in [
            "SELECT a FROM t WHERE c = {} ORDER BY {}",
            "UPDATE t SET a = {}",
            "SET @a = {}",
            "INSERT INTO t VALUES ({})",
            "DELETE FROM t WHERE a IN (1, {})",
            "DO {}",
        ] {
            assert_eq!(replaced(&text.replace("{}", "CONNECTION_ID()")), with_id(text));
        }
    }
}
