//! A statement's shape: what people see of it in views.

use super::SqlMode;
use super::lexer::{Lexer, Token, TokenKind};

/// Longest digest, in bytes.
const LONGEST: usize = 1024;

/// `text` with `?` for every literal, lists of literals folded, comments left out and space collapsed; at most 1024 bytes.
///
/// `(1, 2, 3)` is `(...)` and `(1)` is `(?)`; of rows, `(…), (…)`, the first stands for all. Names are kept as written. For people
/// and views only: no decision may depend on it.
pub fn digest(text: &[u8], mode: SqlMode) -> String {
    let mut digest =
        Digest { lexer: Lexer::new(text, mode), out: String::new(), lists: Vec::new(), end: 0, gap: false };
    while digest.out.len() <= LONGEST
        && let Some(token) = digest.lexer.next()
    {
        digest.add(&token);
    }
    digest.finish()
}

struct Digest<'a> {
    lexer: Lexer<'a>,
    out: String,
    /// Parentheses that are open.
    lists: Vec<List>,
    /// Where the last list of literals ended, behind its parenthesis, if nothing but a comma came since.
    end: usize,
    /// Space stands before the next token.
    gap: bool,
}

/// What is between parentheses, as far as it has been read.
struct List {
    /// Where its parenthesis stands in the digest.
    start: usize,
    literals: usize,
    /// It holds something beside literals, their signs and commas.
    mixed: bool,
}

impl Digest<'_> {
    fn add(&mut self, token: &Token) {
        match token.kind {
            TokenKind::Space | TokenKind::Comment | TokenKind::Marker => self.gap = !self.out.is_empty(),
            TokenKind::String | TokenKind::Number | TokenKind::Parameter => self.literal(),
            TokenKind::Open => self.open(),
            TokenKind::Close => self.close(),
            TokenKind::Comma => self.put(",", Kept::Literals),
            TokenKind::Operator if matches!(self.lexer.text(token), b"-" | b"+") => {
                let sign = String::from_utf8_lossy(self.lexer.text(token));
                self.put(&sign, Kept::Literals);
            }
            _ => {
                let text = String::from_utf8_lossy(self.lexer.text(token));
                self.put(&text, Kept::Mixed);
            }
        }
    }

    fn literal(&mut self) {
        if let Some(list) = self.lists.last_mut() {
            list.literals += 1;
        }
        self.put("?", Kept::Literals);
    }

    /// Writes a token that stands in the innermost list, if there is one.
    fn put(&mut self, text: &str, kept: Kept) {
        if let (Kept::Mixed, Some(list)) = (kept, self.lists.last_mut()) {
            list.mixed = true;
        }
        if std::mem::take(&mut self.gap) && text != "," {
            self.out.push(' ');
        }
        self.out.push_str(text);
    }

    fn open(&mut self) {
        self.put("(", Kept::Mixed);
        self.lists.push(List { start: self.out.len() - 1, literals: 0, mixed: false });
    }

    fn close(&mut self) {
        self.gap = false;
        let Some(list) = self.lists.pop() else { return self.put(")", Kept::Mixed) };
        if list.mixed || list.literals == 0 {
            return self.put(")", Kept::Mixed);
        }
        let behind = self.out.get(self.end..list.start);
        if self.end > 0 && behind.is_some_and(|text| text.trim() == ",") {
            // One more row, like the one before.
            return self.out.truncate(self.end);
        }
        self.out.truncate(list.start);
        self.out.push_str(if list.literals == 1 { "(?)" } else { "(...)" });
        self.end = self.out.len();
    }

    fn finish(mut self) -> String {
        let end = (0..=LONGEST.min(self.out.len())).rev().find(|end| self.out.is_char_boundary(*end));
        self.out.truncate(end.unwrap_or_default());
        self.out.truncate(self.out.trim_end_matches([';', ' ']).len());
        self.out
    }
}

/// What a token leaves of the list that it stands in.
enum Kept {
    Literals,
    Mixed,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn literals_comments_and_space_are_gone() {
        for (text, expected) in [
            ("SELECT  1", "SELECT ?"),
            (
                "select a FROM `t`\n where b='x''y' -- z\n and c=0x41 or d = -1.5",
                "select a FROM `t` where b=? and c=? or d = -?",
            ),
            ("SELECT \"a\" ,b/* c */FROM t;", "SELECT ?,b FROM t"),
            ("/* lead */ SELECT ? ; ", "SELECT ?"),
            ("/*!40101 SET NAMES utf8 */;", "SET NAMES utf8"),
            ("SET PASSWORD = 'secret'", "SET PASSWORD = ?"),
            ("SELECT @a := 5, @@version, t.`c`", "SELECT @a := ?, @@version, t.`c`"),
            ("KILL 42", "KILL ?"),
            ("", ""),
            ("-- nothing", ""),
        ] {
            assert_eq!(digest(text.as_bytes(), SqlMode::default()), expected, "{text}");
        }
    }

    #[test]
    fn lists_and_rows_are_folded() {
        for (text, expected) in [
            ("a IN (1)", "a IN (?)"),
            ("a IN (1, 2,3)", "a IN (...)"),
            ("a IN ('x', -1, ?)", "a IN (...)"),
            ("f(1, b, 2)", "f(?, b, ?)"),
            ("(a, b) IN ((1, 2), (3, 4))", "(a, b) IN ((...))"),
            (
                "VALUES (1, 'a'), (2, 'b'),(3,'c') ON DUPLICATE KEY UPDATE a = 1",
                "VALUES (...) ON DUPLICATE KEY UPDATE a = ?",
            ),
            ("VALUES (1), (2)", "VALUES (?)"),
            ("VALUES (1, NOW()), (2, NOW())", "VALUES (?, NOW()), (?, NOW())"),
            ("f(), (1, 2)", "f(), (...)"),
            ("a IN (1, 2) AND b IN (1, 2)", "a IN (...) AND b IN (...)"),
            (") (", ") ("),
        ] {
            assert_eq!(digest(text.as_bytes(), SqlMode::default()), expected, "{text}");
        }
    }

    #[test]
    fn a_digest_is_never_long() {
        let text = format!("SELECT {} FROM t", "é, ".repeat(2000));
        let digest = digest(text.as_bytes(), SqlMode::default());
        assert!((LONGEST - 3..=LONGEST).contains(&digest.len()), "{}", digest.len());
    }

    proptest! {
        #[test]
        fn any_text_has_a_digest(
            noise in proptest::collection::vec(any::<u8>(), 0..100),
            words in proptest::collection::vec(
                proptest::sample::select(vec!["(", ")", ",", "1", "'a'", "x", " ", "-", ";", "/*", "*/", "é", "`"]), 0..60),
        ) {
            let text = [words.concat().into_bytes(), noise].concat();
            prop_assert!(digest(&text, SqlMode::default()).len() <= LONGEST);
        }
    }
}
