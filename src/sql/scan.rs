//! The pass over a text that classifies it.
//!
//! Each token is looked at once, with the place where it stands and what the token before it was. The first words of a statement
//! are read ahead ([`opening`]), as are the few constructions that several tokens make together.

mod operands;
mod verdict;

use super::SqlMode;
use super::classify::Statement;
use super::effects::Effects;
use super::keyword::Keyword;
use super::kind::Kind;
use super::lexer::{Lexer, Token, TokenKind};
use super::lookahead::{closes_uncounted, counts_otherwise, is_next_value, is_table_function};
use super::names;
use super::opening::{self, Opening};
use super::place::{Before, Place};
use super::set::{self, Assigned};

/// What is said of a whole text and not of its parts.
pub(super) const WHOLE_TEXT: Effects =
    Effects::LITERAL_SET.union(Effects::REPEATABLE_READ).union(Effects::RELEASES_ALL_USER_LOCKS);

/// The state of the pass.
pub(super) struct Scan<'a> {
    lexer: Lexer<'a>,
    mode: SqlMode,
    statement: Statement,
    effects: Effects,
    place: Place,
    before: Before,
    /// No statement, and no SET STATEMENT, precedes the current one.
    first: bool,
    /// The current statement is the one that a SET STATEMENT is for.
    inner: bool,
    /// The body of a stored program has been seen. Where it ended is not sure enough to replace anything behind it.
    stored: bool,
    /// The first word of the statement that started last, and what follows it.
    opened: (Option<Keyword>, Lexer<'a>),
    assigned: Option<Assigned>,
    /// A SET has been seen behind which the text may mean something else: the server reads each statement when its turn comes.
    reread: bool,
}

impl<'a> Scan<'a> {
    /// A pass that is to start.
    pub(super) fn new(text: &'a [u8], mode: SqlMode) -> Self {
        let lexer = Lexer::new(text, mode);
        Self {
            opened: (None, lexer.clone()),
            lexer,
            mode,
            statement: Statement::default(),
            effects: Effects::NONE,
            place: Place::Start,
            before: Before::Other,
            first: true,
            inner: false,
            stored: false,
            assigned: None,
            reread: false,
        }
    }

    /// Makes the pass.
    pub(super) fn run(&mut self) -> Statement {
        while let Some(token) = self.lexer.significant() {
            self.observe(&token);
        }
        self.finish()
    }

    fn observe(&mut self, token: &Token) {
        let before = std::mem::replace(&mut self.before, Before::Other);
        if self.place == Place::Start && !matches!(token.kind, TokenKind::Word | TokenKind::Semicolon) {
            self.open_with_symbol(token.kind);
        }
        match token.kind {
            TokenKind::Word => self.word(token, before),
            TokenKind::QuotedName => self.quoted(token, before),
            TokenKind::UserVariable => self.user_variable(token),
            TokenKind::SystemVariable => self.variable(token, before),
            TokenKind::Semicolon => self.semicolon(),
            TokenKind::Dot if before == Before::Named => self.before = Before::NamedDot,
            TokenKind::Dot => self.before = Before::Dot,
            TokenKind::Comma => self.before = Before::Assigning,
            TokenKind::Open => self.parenthesis(token, before),
            TokenKind::Close => {
                self.before = Before::Operand;
                self.count(|open| open.saturating_sub(1));
            }
            TokenKind::String | TokenKind::Number | TokenKind::Parameter => self.before = Before::Operand,
            TokenKind::Unknown => self.unknown(token),
            TokenKind::Operator | TokenKind::Space | TokenKind::Comment | TokenKind::Marker => {}
        }
    }

    /// Starts a statement with a word.
    fn open(&mut self, keyword: Option<Keyword>) {
        self.opened = (keyword, self.lexer.clone());
        self.assigned = if keyword == Some(Keyword::Set) { set::parse(&self.lexer) } else { None };
        let opening = match &self.assigned {
            Some(assigned) => opening::of_set(assigned),
            None => opening::of(keyword, &self.lexer),
        };
        self.enter(&opening);
        self.reread |= self.assigned.as_ref().is_some_and(Assigned::changes_reading);
        if self.place == Place::Kill {
            self.kill();
        }
    }

    /// Starts a statement with something that is no word.
    fn open_with_symbol(&mut self, kind: TokenKind) {
        self.opened = (None, self.lexer.clone());
        self.assigned = None;
        self.enter(&match kind {
            TokenKind::Open => Opening::plain(Kind::Select),
            _ => Opening::opaque(Kind::Other),
        });
    }

    fn enter(&mut self, opening: &Opening) {
        let statement = &mut self.statement;
        statement.kind = match statement.kind {
            Kind::Several | Kind::Compound => statement.kind,
            Kind::Empty => opening.kind,
            _ if self.inner => opening.kind,
            _ => Kind::Several,
        };
        statement.asks_local_file |= opening.asks_local_file;
        self.effects |= opening.effects - WHOLE_TEXT;
        if !self.first || self.inner {
            self.effects |= Effects::ONCE;
        }
        if self.reread {
            self.effects |= Effects::ROUTINE;
        }
        self.place = opening.place;
        self.inner = false;
    }

    fn word(&mut self, token: &Token, before: Before) {
        let text = self.lexer.text(token);
        if matches!(before, Before::Dot | Before::NamedDot) {
            return self.name(token, text, before);
        }
        let keyword = Keyword::of(text);
        if self.place == Place::Start {
            self.open(keyword);
        } else if let Some(keyword) = keyword {
            self.place = self.after(keyword, before);
        }
        match keyword {
            Some(keyword) => self.keyword(token, keyword, before),
            None => self.name(token, text, before),
        }
    }

    /// A name, or a word that is not known.
    fn name(&mut self, token: &Token, text: &[u8], before: Before) {
        self.before = match before {
            Before::Naming | Before::NamedDot => Before::Named,
            Before::Operand => Before::Other,
            Before::Dot => Before::Qualified,
            _ => Before::Callable(token.range.start, token.range.end),
        };
        if names::shows_settings(text) {
            self.effects |= Effects::SHOWS_SETTINGS;
            if matches!(self.place, Place::SetStatement(_)) {
                self.effects |= Effects::SETS_TRACKING;
            }
        }
        if before == Before::Dot && text.eq_ignore_ascii_case(b"nextval") {
            self.effects |= Effects::SEQUENCE;
        }
    }

    fn keyword(&mut self, token: &Token, keyword: Keyword, before: Before) {
        self.before = match keyword {
            Keyword::Into
            | Keyword::Insert
            | Keyword::InsertOption
            | Keyword::LowPriority
            | Keyword::Replace
            | Keyword::Call
            | Keyword::Exists
            | Keyword::Table
            | Keyword::Procedure
            | Keyword::As
            | Keyword::Charset => Before::Naming,
            Keyword::SelectOption if before == Before::Naming => Before::Naming,
            Keyword::Set if before == Before::Character => Before::Naming,
            Keyword::Set => Before::Assigning,
            Keyword::Character => Before::Character,
            Keyword::End => Before::End,
            Keyword::JsonTable if is_table_function(self.lexer.clone()) => Before::Named,
            _ if before == Before::Naming => Before::Named,
            _ => Before::Callable(token.range.start, token.range.end),
        };
        match keyword {
            Keyword::Select if self.opened.1.position() != self.lexer.position() => {
                self.effects |= Effects::SELECTS;
            }
            Keyword::EndOfList if counts_otherwise(self.lexer.text(token), self.lexer.clone()) => {
                self.effects |= Effects::COUNTS_OTHERWISE;
            }
            Keyword::Into | Keyword::Procedure => self.effects |= Effects::COUNTS_OTHERWISE,
            _ => {}
        }
        match keyword {
            Keyword::Into | Keyword::Lock | Keyword::Update | Keyword::Delete => {
                self.effects |= Effects::ONCE;
            }
            Keyword::CalcFoundRows => {
                self.effects |= Effects::CALCULATES_FOUND_ROWS | Effects::COUNTS_OTHERWISE;
            }
            Keyword::Next if self.place.evaluates() && is_next_value(self.lexer.clone()) => {
                self.effects |= Effects::SEQUENCE;
            }
            Keyword::ConnectionId => self.call_id(token),
            _ => {}
        }
    }

    /// The place behind a keyword that is not the first of its statement.
    fn after(&mut self, keyword: Keyword, before: Before) -> Place {
        match (self.place, keyword) {
            (Place::Body, _) => Place::Body,
            (Place::SetStatement(0), Keyword::For) => {
                self.first = false;
                self.inner = true;
                self.effects |= Effects::SETS_BACK;
                Place::Start
            }
            (Place::Definition, Keyword::Procedure | Keyword::Stored) => {
                self.stored = true;
                Place::StoredProgram(0)
            }
            (Place::Definition, Keyword::Table) => Place::TableDefinition,
            (
                Place::Definition,
                Keyword::Plain | Keyword::Role | Keyword::Index | Keyword::Sequence | Keyword::User,
            ) => Place::LeftAlone,
            (Place::Definition, Keyword::Temporary) => {
                self.effects |= Effects::CREATES_TEMPORARY;
                Place::Definition
            }
            (Place::TableDefinition, Keyword::Rename) => {
                self.effects |= Effects::RENAMES_TABLE;
                Place::TableDefinition
            }
            (Place::TableDefinition, Keyword::Select) => {
                self.effects |= Effects::WRITES_INSERT_ID;
                Place::Body
            }
            (Place::Explain, Keyword::Insert | Keyword::Replace) => {
                self.effects |= Effects::WRITES_INSERT_ID;
                Place::Body
            }
            (Place::Explain, Keyword::Select | Keyword::Update | Keyword::Delete | Keyword::With) => {
                Place::Body
            }
            (Place::Kill, Keyword::User) => Place::Accounts,
            (Place::StoredProgram(open), keyword) => self.stored_program(open, keyword, before),
            (place, _) => place,
        }
    }

    /// Counts the blocks of a stored program. BEGIN and CASE open one; END closes one, but for END IF, END LOOP and the like, whose
    /// first words are not counted.
    fn stored_program(&self, open: u32, keyword: Keyword, before: Before) -> Place {
        Place::StoredProgram(match keyword {
            Keyword::Begin => open.saturating_add(1),
            Keyword::Case if before != Before::End => open.saturating_add(1),
            Keyword::End if !closes_uncounted(self.lexer.clone()) => open.saturating_sub(1),
            _ => open,
        })
    }

    fn semicolon(&mut self) {
        self.first = false;
        if !matches!(self.place, Place::StoredProgram(1..)) {
            self.place = Place::Start;
        }
    }

    /// Counts the parentheses of a SET STATEMENT.
    fn count(&mut self, count: impl Fn(u32) -> u32) {
        if let Place::SetStatement(open) = &mut self.place {
            *open = count(*open);
        }
    }
}
