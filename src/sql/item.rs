//! The items of select lists, to know which columns are named by their own text.
//!
//! Called only for statements that are about to be rewritten. A wrong "unnamed" would make the statement invalid and a wrong
//! "named" costs a column its name, so doubt means named.

use std::ops::Range;

use super::SqlMode;
use super::keyword::Keyword;
use super::lexer::{Lexer, Token, TokenKind};

/// Longest name that the server accepts as an alias, in bytes for want of the character set.
pub(super) const LONGEST_NAME: usize = 256;

/// Lists within items of lists that are told apart; deeper ones count as part of the item around them. Without a bound, each
/// token would cost as much as it is nested deep.
const DEEPEST: usize = 32;

/// Ranges of all select-list items without an alias, those of subqueries before the ones that contain them.
pub(super) fn unnamed(text: &[u8], mode: SqlMode) -> impl Iterator<Item = Range<usize>> {
    let mut scan = Scan { lexer: Lexer::new(text, mode), depth: 0, lists: Vec::new(), unnamed: Vec::new() };
    while let Some(token) = scan.lexer.next() {
        scan.observe(&token);
    }
    scan.close_lists(0);
    scan.unnamed.into_iter()
}

struct Scan<'a> {
    lexer: Lexer<'a>,
    /// Parentheses open.
    depth: usize,
    /// Select lists that have not ended, the innermost last.
    lists: Vec<List>,
    unnamed: Vec<Range<usize>>,
}

/// A select list being read.
struct List {
    depth: usize,
    item: Option<Item>,
}

/// An item being read.
struct Item {
    range: Range<usize>,
    /// `AS` was seen.
    named: bool,
    /// An executable comment starts or ends inside; the server's name for the column would leave its delimiters out.
    marked: bool,
    pending_marker: bool,
    last: Role,
    before_last: Role,
}

/// What a token can be in an item.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Ends an operand and cannot be an alias.
    Operand,
    /// Ends an operand, or is the alias of what ended before.
    Name,
    /// Must be followed by an operand.
    Operator,
}

impl Scan<'_> {
    fn observe(&mut self, token: &Token) {
        match token.kind {
            TokenKind::Space | TokenKind::Comment => {}
            TokenKind::Marker => self.mark(),
            TokenKind::Semicolon => self.close_lists(0),
            TokenKind::Open => {
                self.extend(token, Role::Operator);
                self.depth += 1;
            }
            TokenKind::Close => {
                self.close_lists(self.depth);
                self.depth = self.depth.saturating_sub(1);
                self.extend(token, Role::Operand);
            }
            TokenKind::Comma if self.in_list() => self.close_item(),
            TokenKind::Word => self.word(token),
            TokenKind::QuotedName | TokenKind::String => self.extend(token, Role::Name),
            TokenKind::Number
            | TokenKind::Parameter
            | TokenKind::UserVariable
            | TokenKind::SystemVariable => {
                self.extend(token, Role::Operand);
            }
            TokenKind::Comma | TokenKind::Dot | TokenKind::Operator | TokenKind::Unknown => {
                self.extend(token, Role::Operator);
            }
        }
    }

    fn word(&mut self, token: &Token) {
        match Keyword::of(self.lexer.text(token)) {
            Some(Keyword::Select | Keyword::Returning) => {
                self.extend(token, Role::Operator);
                if self.lists.len() < DEEPEST {
                    self.lists.push(List { depth: self.depth, item: None });
                }
            }
            Some(Keyword::SelectOption | Keyword::CalcFoundRows)
                if self.lists.last().is_some_and(|list| list.item.is_none()) => {}
            Some(Keyword::EndOfList | Keyword::Lock | Keyword::Into | Keyword::For | Keyword::Procedure)
                if self.in_list() =>
            {
                self.close_lists(self.depth);
            }
            Some(Keyword::As) if self.in_list() => {
                if let Some(item) = self.lists.last_mut().and_then(|list| list.item.as_mut()) {
                    item.named = true;
                }
            }
            Some(Keyword::Operator | Keyword::Collate) => self.extend(token, Role::Operator),
            Some(Keyword::Literal) => self.extend(token, Role::Operand),
            _ => self.extend(token, Role::Name),
        }
    }

    /// Whether the innermost list is at this depth: not in parentheses within one of its items.
    fn in_list(&self) -> bool {
        self.lists.last().is_some_and(|list| list.depth == self.depth)
    }

    /// Makes `token` part of every item being read.
    fn extend(&mut self, token: &Token, role: Role) {
        for list in &mut self.lists {
            match &mut list.item {
                Some(item) => item.extend(token, role),
                None => list.item = Some(Item::new(token, role)),
            }
        }
    }

    fn mark(&mut self) {
        self.lists
            .iter_mut()
            .filter_map(|list| list.item.as_mut())
            .for_each(|item| item.pending_marker = true);
    }

    /// Ends the innermost list's item.
    fn close_item(&mut self) {
        if let Some(item) = self.lists.last_mut().and_then(|list| list.item.take())
            && item.is_unnamed()
        {
            self.unnamed.push(item.range);
        }
    }

    /// Ends the lists at `depth` and deeper.
    fn close_lists(&mut self, depth: usize) {
        while self.lists.last().is_some_and(|list| list.depth >= depth) {
            self.close_item();
            self.lists.pop();
        }
    }
}

impl Item {
    fn new(token: &Token, role: Role) -> Self {
        let range = token.range.clone();
        Self {
            range,
            named: false,
            marked: false,
            pending_marker: false,
            last: role,
            before_last: Role::Operator,
        }
    }

    fn extend(&mut self, token: &Token, role: Role) {
        self.marked |= self.pending_marker;
        self.range.end = token.range.end;
        self.before_last = self.last;
        self.last = role;
    }

    fn is_unnamed(&self) -> bool {
        let implicit = self.last == Role::Name && self.before_last != Role::Operator;
        !self.named && !implicit && !self.marked && self.range.len() <= LONGEST_NAME
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unnamed_in(text: &str) -> Vec<&str> {
        unnamed(text.as_bytes(), SqlMode::default()).map(|range| &text[range]).collect()
    }

    #[test]
    fn items_end_at_commas_of_their_own_list() {
        assert_eq!(unnamed_in("SELECT f(a, b), t.c , -1 FROM t"), ["f(a, b)", "t.c", "-1"]);
    }

    #[test]
    fn a_list_ends_where_the_rest_of_the_statement_begins() {
        for rest in ["FROM t", "INTO @x", "LIMIT 1", "ORDER BY 1", "HAVING 1", "UNION SELECT b c", "; x", ""]
        {
            assert_eq!(unnamed_in(&format!("SELECT a {rest}")), ["a"], "{rest}");
        }
    }

    #[test]
    fn doubt_means_named() {
        for item in
            ["a b", "a 'b'", "a AS b", "f() b", "1 b", "CASE a WHEN 1 THEN 2 END", "'a' 'b'", "a /*! */ + b"]
        {
            assert_eq!(unnamed_in(&format!("SELECT {item} FROM t")), [""; 0], "{item}");
        }
    }

    #[test]
    fn subqueries_have_lists_of_their_own() {
        let text = "SELECT (SELECT a FROM t), b FROM (SELECT c, d e) x";
        assert_eq!(unnamed_in(text), ["a", "(SELECT a FROM t)", "b", "c"]);
    }
}
