//! What the first words of a statement tell.

use super::cursor::Cursor;
use super::effects::Effects;
use super::keyword::Keyword;
use super::kind::Kind;
use super::lexer::{Lexer, TokenKind};
use super::place::Place;
use super::set::Assigned;

/// What is known of a statement from its first words.
#[derive(Debug)]
pub(super) struct Opening {
    pub kind: Kind,
    pub effects: Effects,
    /// Where the token behind the first word stands.
    pub place: Place,
    /// LOAD … LOCAL.
    pub asks_local_file: bool,
}

impl Opening {
    fn new(kind: Kind, place: Place) -> Self {
        Self { kind, place, effects: Effects::NONE, asks_local_file: false }
    }

    fn with(self, effects: Effects) -> Self {
        Self { effects, ..self }
    }

    /// A statement that is not known, or not seen through.
    pub(super) fn opaque(kind: Kind) -> Self {
        Self::new(kind, Place::Body).with(Effects::ROUTINE)
    }

    /// A SELECT, or another statement that only has a body.
    pub(super) fn plain(kind: Kind) -> Self {
        Self::new(kind, Place::Body)
    }
}

/// What the statement whose first word is `first` opens with; `rest` stands behind that word. A SET is taken for SET STATEMENT.
pub(super) fn of(first: Option<Keyword>, rest: &Lexer<'_>) -> Opening {
    let Some(first) = first else { return Opening::opaque(Kind::Other) };
    let rest = || Cursor::new(rest.clone());
    match first {
        Keyword::Select | Keyword::With | Keyword::Values => Opening::plain(Kind::Select),
        Keyword::Insert | Keyword::Replace => Opening::plain(Kind::Insert).with(Effects::WRITES_INSERT_ID),
        Keyword::Update => Opening::plain(Kind::Update),
        Keyword::Delete => Opening::plain(Kind::Delete),
        Keyword::Set => Opening::new(Kind::Set, Place::SetStatement(0)),
        Keyword::Commit => finishing(rest(), Kind::Commit, Kind::CommitOther),
        Keyword::Rollback => finishing(rest(), Kind::Rollback, Kind::RollbackOther),
        Keyword::Begin => begin(rest()),
        Keyword::Start => start(rest()),
        Keyword::Savepoint | Keyword::Release => {
            Opening::new(Kind::Savepoint, Place::LeftAlone).with(Effects::SAVES)
        }
        Keyword::Show => show(rest()),
        Keyword::Use => Opening::new(Kind::Use, Place::LeftAlone),
        Keyword::Call => Opening::opaque(Kind::Call),
        Keyword::Execute => Opening::opaque(Kind::Execute),
        Keyword::Do => Opening::plain(Kind::Do),
        Keyword::Kill => Opening::new(Kind::Kill, Place::Kill),
        Keyword::Create | Keyword::Alter => Opening::new(Kind::Definition, Place::Definition),
        Keyword::Drop => drop(rest()),
        Keyword::Rename => Opening::new(Kind::Definition, Place::LeftAlone).with(Effects::RENAMES_TABLE),
        Keyword::Defining => Opening::new(Kind::Definition, Place::LeftAlone),
        Keyword::Analyze => analyze(&rest()),
        Keyword::Explain | Keyword::Describe => Opening::new(Kind::Explain, Place::Explain),
        Keyword::Case | Keyword::If | Keyword::Block | Keyword::For => Opening::opaque(Kind::Compound),
        Keyword::Plainly => Opening::plain(Kind::Other),
        Keyword::Load => load(rest()),
        _ => of_connection(first, rest()),
    }
}

/// The same for statements about what belongs to one connection.
fn of_connection(first: Keyword, rest: Cursor<'_>) -> Opening {
    match first {
        Keyword::Prepare => prepare(rest),
        Keyword::Deallocate => Opening::new(Kind::Deallocate, Place::LeftAlone).with(Effects::DEALLOCATES),
        Keyword::Handler => handler(rest),
        Keyword::Lock => Opening::new(Kind::LockTables, Place::LeftAlone).with(Effects::LOCKS_TABLES),
        Keyword::Unlock => Opening::new(Kind::UnlockTables, Place::LeftAlone).with(Effects::UNLOCKS_TABLES),
        Keyword::Flush => flush(rest),
        Keyword::Backup => backup(rest),
        Keyword::Xa => Opening::new(Kind::Xa, Place::LeftAlone).with(Effects::XA),
        Keyword::Get => Opening::plain(Kind::Diagnostics).with(Effects::READS_DIAGNOSTICS),
        _ => Opening::opaque(Kind::Other),
    }
}

/// PREPARE makes the user variables that its text assigns to, and they stay.
fn prepare(mut rest: Cursor<'_>) -> Opening {
    let mut effects = Effects::PREPARES;
    while !rest.is_at_end() {
        if rest.text().contains(&b'@') {
            effects |= Effects::USER_VARIABLE;
        }
        rest.pass();
    }
    Opening::plain(Kind::Prepare).with(effects)
}

/// COMMIT and ROLLBACK: `exact` with nothing but WORK behind them, `other` with more.
fn finishing(mut rest: Cursor<'_>, exact: Kind, other: Kind) -> Opening {
    rest.accept(&[Keyword::Work]);
    let kind = if rest.is_at_end() { exact } else { other };
    Opening::new(kind, Place::LeftAlone).with(ending(rest))
}

/// What the end of a transaction says of the session's end: `[AND [NO] CHAIN] [[NO] RELEASE]`.
fn ending(mut rest: Cursor<'_>) -> Effects {
    let mut refused = false;
    for _ in 0..5 {
        if rest.keyword() == Some(Keyword::Release) {
            return if refused { Effects::NONE } else { Effects::ENDS_SESSION };
        }
        refused = rest.text().eq_ignore_ascii_case(b"no");
        rest.pass();
    }
    Effects::MAY_END_SESSION
}

fn begin(mut rest: Cursor<'_>) -> Opening {
    rest.accept(&[Keyword::Work]);
    match rest.is_at_end() {
        true => Opening::new(Kind::Begin, Place::LeftAlone),
        false => Opening::opaque(Kind::Compound),
    }
}

fn start(mut rest: Cursor<'_>) -> Opening {
    let begins = rest.accept(&[Keyword::Transaction]);
    Opening::new(if begins { Kind::Begin } else { Kind::Other }, Place::LeftAlone)
}

/// A SET that was read.
pub(super) fn of_set(assigned: &Assigned) -> Opening {
    let place = if assigned.names_accounts { Place::Accounts } else { Place::Set };
    Opening::new(assigned.kind, place).with(assigned.effects)
}

fn show(mut rest: Cursor<'_>) -> Opening {
    let show = Opening::plain(Kind::Show);
    rest.accept(&[Keyword::Global, Keyword::Session, Keyword::Local]);
    match rest.keyword() {
        Some(Keyword::Warnings | Keyword::Errors) => {
            Opening::plain(Kind::Diagnostics).with(Effects::READS_DIAGNOSTICS)
        }
        Some(Keyword::Count) => Opening::plain(Kind::ConditionCount).with(Effects::READS_DIAGNOSTICS),
        Some(Keyword::Variables) => show.with(Effects::SHOWS_SETTINGS),
        Some(Keyword::Grants) => Opening::new(Kind::Show, Place::Accounts),
        Some(Keyword::Create) => {
            rest.pass();
            let user = rest.keyword() == Some(Keyword::User);
            Opening::new(Kind::Show, if user { Place::Accounts } else { Place::Body })
        }
        _ => show,
    }
}

fn drop(mut rest: Cursor<'_>) -> Opening {
    if rest.accept(&[Keyword::Prepare]) {
        return Opening::new(Kind::Deallocate, Place::LeftAlone).with(Effects::DEALLOCATES);
    }
    rest.accept(&[Keyword::Temporary]);
    let table = rest.accept(&[Keyword::Table, Keyword::Tables, Keyword::Sequence]);
    let effects = if table { Effects::DROPS_TABLE } else { Effects::NONE };
    Opening::new(Kind::Definition, Place::LeftAlone).with(effects)
}

/// ANALYZE TABLE, or ANALYZE of a statement, which executes it.
fn analyze(rest: &Cursor<'_>) -> Opening {
    match rest.keyword() {
        Some(Keyword::Table | Keyword::Tables | Keyword::Local | Keyword::NoWriteToBinlog) => {
            Opening::new(Kind::Definition, Place::LeftAlone)
        }
        _ => Opening::new(Kind::Explain, Place::Explain),
    }
}

fn load(mut rest: Cursor<'_>) -> Opening {
    if !rest.accept(&[Keyword::Data, Keyword::Xml]) {
        return Opening::new(Kind::Definition, Place::LeftAlone);
    }
    while rest.accept(&[Keyword::LowPriority, Keyword::Concurrent]) {}
    let asks_local_file = rest.accept(&[Keyword::Local]);
    Opening { asks_local_file, ..Opening::plain(Kind::Load).with(Effects::WRITES_INSERT_ID) }
}

/// `HANDLER table OPEN`, `HANDLER alias CLOSE` or one of the ways to read.
fn handler(mut rest: Cursor<'_>) -> Opening {
    rest.pass();
    if rest.accept_kind(TokenKind::Dot) {
        rest.pass();
    }
    let effects = match rest.keyword() {
        Some(Keyword::Open) => Effects::OPENS_HANDLER,
        Some(Keyword::Close) => Effects::CLOSES_HANDLER,
        _ => Effects::NONE,
    };
    Opening::plain(Kind::Handler).with(effects)
}

/// FLUSH; whatever it does WITH or FOR is to lock.
fn flush(mut rest: Cursor<'_>) -> Opening {
    let mut effects = Effects::NONE;
    while !rest.is_at_end() {
        if matches!(rest.keyword(), Some(Keyword::With | Keyword::For)) {
            effects = Effects::READ_LOCK;
        }
        rest.pass();
    }
    Opening::new(Kind::Flush, Place::LeftAlone).with(effects)
}

fn backup(mut rest: Cursor<'_>) -> Opening {
    let ends = match rest.accept(&[Keyword::Stage]) {
        true => rest.keyword() == Some(Keyword::End),
        false => rest.keyword() == Some(Keyword::Unlock),
    };
    let effects = if ends { Effects::ENDS_BACKUP } else { Effects::BACKUP };
    Opening::new(Kind::Backup, Place::LeftAlone).with(effects)
}
