//! `KILL [HARD | SOFT] [CONNECTION | QUERY [ID]] expression | USER name` (MariaDB: "KILL").
//!
//! Clients know the ids that the proxy gave them, so a KILL with such an id has to be translated. Only a plain number is:
//! a client id that is hidden in an expression reaches the server as it is and is unknown there, since no server counts
//! as far as client ids start.

use std::ops::Range;

use super::keyword::Keyword;
use super::lexer::{Lexer, Token, TokenKind};

/// A KILL of one connection or of its statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kill {
    /// The connection id as written.
    pub id: u64,
    /// Where the id stands in the text.
    pub id_range: Range<usize>,
}

/// Reads one KILL up to its semicolon or the end; `lexer` stands behind the word KILL. `None` unless it ends a connection,
/// or its statement, by a literal id.
pub(super) fn parse(lexer: &mut Lexer<'_>) -> Option<Kill> {
    let mut word = Words::new(lexer);
    if matches!(word.keyword(), Some(Keyword::Soft | Keyword::Hard)) {
        word.pass();
    }
    if matches!(word.keyword(), Some(Keyword::Query | Keyword::Connection)) {
        word.pass();
    }
    let number = word.token.as_ref().filter(|token| token.kind == TokenKind::Number)?;
    let id = std::str::from_utf8(word.lexer.text(number)).ok()?.parse().ok()?;
    match word.lexer.clone().significant() {
        None | Some(Token { kind: TokenKind::Semicolon, .. }) => {
            Some(Kill { id, id_range: number.range.clone() })
        }
        Some(_) => None,
    }
}

/// The token under consideration, and what follows it.
struct Words<'l, 'a> {
    lexer: &'l mut Lexer<'a>,
    token: Option<Token>,
}

impl<'l, 'a> Words<'l, 'a> {
    fn new(lexer: &'l mut Lexer<'a>) -> Self {
        let token = lexer.significant();
        Self { lexer, token }
    }

    fn keyword(&self) -> Option<Keyword> {
        let token = self.token.as_ref().filter(|token| token.kind == TokenKind::Word)?;
        Keyword::of(self.lexer.text(token))
    }

    /// Goes on to the next token.
    fn pass(&mut self) {
        self.token = self.lexer.significant();
    }
}
