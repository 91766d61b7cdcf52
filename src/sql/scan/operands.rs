//! What a statement evaluates: calls and variables, and the ids that are replaced.

use std::ops::Range;

use super::Scan;
use crate::sql::connection_id::Form;
use crate::sql::effects::Effects;
use crate::sql::function::{Call, Spelling};
use crate::sql::kill;
use crate::sql::lexer::{Lexer, Token, TokenKind};
use crate::sql::lookahead::{is_assignment, is_column_list, is_last, plain, session_variable};
use crate::sql::names;
use crate::sql::place::{Before, Place};

impl Scan<'_> {
    /// Takes a KILL apart that is the whole text; the lexer stands behind that word.
    pub(super) fn kill(&mut self) {
        if self.first && is_last(self.lexer.clone()) {
            self.statement.kill = kill::parse(&mut self.lexer.clone());
        }
    }

    pub(super) fn quoted(&mut self, token: &Token, before: Before) {
        let name = names::unquoted(self.lexer.text(token));
        self.name(token, name, before);
        if name.eq_ignore_ascii_case(b"connection_id") {
            self.call_id(token);
        }
    }

    /// An opening parenthesis: a call if a name stands before it.
    pub(super) fn parenthesis(&mut self, open: &Token, before: Before) {
        self.count(|open| open.saturating_add(1));
        let effects = match before {
            Before::Callable(start, end) => self.call(start..end, open),
            Before::Qualified => None,
            _ => return,
        };
        match effects {
            Some(effects) if self.place.evaluates() => self.effects |= effects,
            None if self.place.calls() && !is_column_list(self.lexer.clone()) => {
                self.effects |= Effects::ROUTINE;
            }
            _ => {}
        }
    }

    /// The effects of a call of what is named at `range`; `None` if the function is not the server's own.
    pub(super) fn call(&self, range: Range<usize>, open: &Token) -> Option<Effects> {
        let spelling = if range.end == open.range.start { Spelling::Adjacent } else { Spelling::Spaced };
        let text = self.lexer.text(&Token { kind: TokenKind::Word, range });
        let call = match names::unquoted(text) {
            name if name.len() < text.len() => Call { name, spelling: Spelling::Quoted },
            name => Call { name, spelling },
        };
        let effects = call.effects(self.mode)?;
        let argued = effects == Effects::READS_INSERT_ID
            && self.lexer.clone().significant().is_some_and(|next| next.kind != TokenKind::Close);
        Some(if argued { effects | Effects::WRITES_INSERT_ID } else { effects })
    }

    /// Notes `name` as a call of CONNECTION_ID when empty parentheses follow.
    pub(super) fn call_id(&mut self, name: &Token) {
        if !matches!(self.before, Before::Callable(..)) || !self.takes_id() {
            return;
        }
        let mut ahead = self.lexer.clone();
        let mut next =
            || plain(&mut ahead).filter(|token| matches!(token.kind, TokenKind::Open | TokenKind::Close));
        let (Some(open), Some(close)) = (next(), next()) else { return };
        if (open.kind, close.kind) == (TokenKind::Open, TokenKind::Close) {
            self.statement.connection_id.push(name.range.start..close.range.end, Form::Function);
            self.lexer = ahead;
            self.before = Before::Operand;
        }
    }

    pub(super) fn takes_id(&self) -> bool {
        self.place.takes_id() && !self.stored
    }

    /// Notes `@x`, unless it is the host of an account.
    pub(super) fn user_variable(&mut self, token: &Token) {
        self.before = Before::Operand;
        let host = match self.place {
            Place::Definition | Place::LeftAlone | Place::StoredProgram(_) => true,
            Place::Accounts => self.lexer.is_attached(token),
            _ => false,
        };
        if !host {
            self.effects |= Effects::USER_VARIABLE;
        }
    }

    /// Notes the system variables that matter, with or without `session.` or `local.`, unless they are assigned to.
    pub(super) fn variable(&mut self, token: &Token, before: Before) {
        self.before = Before::Operand;
        let Some((name, behind, _)) = session_variable(self.lexer.clone(), token, Lexer::significant) else {
            return;
        };
        if names::shows_settings(name) {
            self.effects |= Effects::SHOWS_SETTINGS;
        }
        if before == Before::Assigning && self.place.assigns() && is_assignment(behind) {
            return;
        }
        if names::is_any(name, &["last_insert_id", "identity"]) {
            self.effects |= Effects::READS_INSERT_ID;
        } else if names::is_any(name, &["warning_count", "error_count"]) {
            self.effects |= Effects::READS_DIAGNOSTICS;
        } else if names::is_any(name, &["pseudo_thread_id"]) && self.takes_id() {
            self.variable_id(token);
        }
    }

    /// Notes the id of the connection, unless an executable comment starts or ends in its name.
    pub(super) fn variable_id(&mut self, token: &Token) {
        if let Some((_, behind, end)) = session_variable(self.lexer.clone(), token, plain) {
            self.statement.connection_id.push(token.range.start..end, Form::Variable);
            self.lexer = behind;
        }
    }

    /// A byte that starts no token; the braces of `{d '2001-01-01'}` are none the less right.
    pub(super) fn unknown(&mut self, token: &Token) {
        if !matches!(self.lexer.text(token), b"{" | b"}") {
            self.effects |= Effects::ROUTINE;
        }
    }
}
