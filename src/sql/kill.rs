//! `KILL [HARD | SOFT] [CONNECTION | QUERY [ID]] expression | USER name` (MariaDB: "KILL").
//!
//! Clients know the ids that the proxy gave them, so a KILL with such an id has to be translated, and one whose id cannot be
//! seen must not reach the server: there, the number may belong to anybody.

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
    /// What is killed.
    pub target: KillTarget,
    /// How.
    pub severity: KillSeverity,
}

/// What a KILL ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillTarget {
    /// The statement that runs (`KILL QUERY`).
    Query,
    /// The connection (`KILL`, `KILL CONNECTION`).
    Connection,
}

/// Whether operations are cut short that may leave a non-transactional table damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillSeverity {
    /// `HARD`, the default.
    Hard,
    /// `SOFT`.
    Soft,
}

/// What follows the word KILL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Victim {
    /// A connection by a literal id.
    Literal(Kill),
    /// No connection id of a client is involved: the connection itself, a query id, a user.
    None,
    /// Anything else.
    Unclear,
}

/// Reads one KILL up to its semicolon or the end; `lexer` stands behind the word KILL.
pub(super) fn parse(lexer: &mut Lexer<'_>) -> Victim {
    let mut word = Words::new(lexer);
    let severity = match word.keyword() {
        Some(Keyword::Soft) => word.pass(KillSeverity::Soft),
        Some(Keyword::Hard) => word.pass(KillSeverity::Hard),
        _ => KillSeverity::Hard,
    };
    let target = match word.keyword() {
        Some(Keyword::Query) => word.pass(KillTarget::Query),
        Some(Keyword::Connection) => word.pass(KillTarget::Connection),
        _ => KillTarget::Connection,
    };
    match word.keyword() {
        Some(Keyword::User) => Victim::None,
        Some(Keyword::Id) if target == KillTarget::Query => Victim::None,
        Some(Keyword::ConnectionId) => own_connection(word.lexer),
        _ => literal(&word, target, severity),
    }
}

/// `CONNECTION_ID()` and nothing more: left as it is, the server knows which connection that means.
fn own_connection(lexer: &mut Lexer<'_>) -> Victim {
    let mut kinds = || lexer.significant().map(|token| token.kind);
    let call = (kinds(), kinds(), kinds());
    match call {
        (Some(TokenKind::Open), Some(TokenKind::Close), None | Some(TokenKind::Semicolon)) => Victim::None,
        _ => Victim::Unclear,
    }
}

fn literal(word: &Words<'_, '_>, target: KillTarget, severity: KillSeverity) -> Victim {
    let Some(number) = word.token.as_ref().filter(|token| token.kind == TokenKind::Number) else {
        return Victim::Unclear;
    };
    let digits = std::str::from_utf8(word.lexer.text(number)).unwrap_or_default();
    let Ok(id) = digits.parse() else { return Victim::Unclear };
    match word.lexer.clone().significant() {
        None | Some(Token { kind: TokenKind::Semicolon, .. }) => {
            Victim::Literal(Kill { id, id_range: number.range.clone(), target, severity })
        }
        Some(_) => Victim::Unclear,
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

    /// Goes on to the next token, with what this one meant.
    fn pass<T>(&mut self, meaning: T) -> T {
        self.token = self.lexer.significant();
        meaning
    }
}
