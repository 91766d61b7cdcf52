//! The names of what a statement creates, drops, takes, releases or sets.

use super::cursor::{self, Cursor};
use super::effects::Effects;
use super::keyword::Keyword;
use super::lexer::{Lexer, TokenKind};

/// What a single statement names, where its effect is on something with a name:
///
/// - CREATE TEMPORARY TABLE or SEQUENCE, DROP TABLE or SEQUENCE: the tables as written, `schema.table` where it says so;
/// - PREPARE, DEALLOCATE PREPARE: the statement, in lower case;
/// - HANDLER … OPEN, HANDLER … CLOSE: the alias, or the table's name without its schema, in lower case;
/// - GET_LOCK, RELEASE_LOCK in `SELECT` or `DO` of nothing else: the locks as written, as their names differ by case;
/// - SET: the variables that are assigned, in lower case and without scope, but `global.x` for global ones and `@x` for a
///   user variable; NAMES is `names`, CHARACTER SET is `character set`;
/// - SET ROLE: the role as written.
///
/// Names are without quotes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Subject {
    /// Nothing of that sort.
    #[default]
    None,
    /// Every name, in order.
    Names(Vec<String>),
    /// There may be names which the text does not tell: several statements, effects of more than one sort, an expression, a
    /// name that is not UTF-8.
    Unknown,
}

/// Effects on something with a name, by sort.
const SORTS: [Effects; 5] = [
    Effects::CREATES_TEMPORARY.union(Effects::DROPS_TABLE),
    Effects::PREPARES.union(Effects::DEALLOCATES),
    Effects::OPENS_HANDLER.union(Effects::CLOSES_HANDLER),
    Effects::TAKES_USER_LOCK,
    Effects::RELEASES_USER_LOCK,
];

impl Subject {
    /// The names, if they are known; empty for [`None`](Self::None).
    pub fn names(&self) -> Option<&[String]> {
        match self {
            Self::None => Some(&[]),
            Self::Names(names) => Some(names),
            Self::Unknown => None,
        }
    }

    /// The subject of the statement whose first word is `first` and behind which `rest` stands.
    pub(super) fn of(first: Option<Keyword>, rest: &Lexer<'_>, effects: Effects) -> Self {
        let mut sorts = SORTS.iter().filter(|sort| effects.intersects(**sort));
        let (Some(sort), None) = (sorts.next(), sorts.next()) else {
            return if effects.intersects(SORTS.into_iter().fold(Effects::NONE, Effects::union)) {
                Self::Unknown
            } else {
                Self::None
            };
        };
        let cursor = Cursor::new(rest.clone());
        let names = match first {
            Some(Keyword::Create) => created(cursor),
            Some(Keyword::Drop) if *sort == SORTS[0] => dropped(cursor),
            Some(Keyword::Prepare) => prepared(cursor),
            Some(Keyword::Deallocate | Keyword::Drop) => deallocated(cursor),
            Some(Keyword::Handler) => handler(cursor),
            Some(Keyword::Select | Keyword::Do) => locks(cursor, *sort),
            _ => None,
        };
        names.map_or(Self::Unknown, Self::Names)
    }
}

/// `[OR REPLACE] TEMPORARY TABLE [IF NOT EXISTS] name`, and the same of sequences.
fn created(mut cursor: Cursor<'_>) -> Option<Vec<String>> {
    while cursor.accept(&[Keyword::Operator, Keyword::Replace]) {}
    cursor.accept(&[Keyword::Temporary]).then_some(())?;
    cursor.accept(&[Keyword::Table, Keyword::Sequence]).then_some(())?;
    while cursor.accept(&[Keyword::If, Keyword::Operator, Keyword::Exists]) {}
    Some(vec![qualified(&mut cursor)?])
}

/// `[TEMPORARY] TABLE [IF EXISTS] name, …`, and the same of sequences.
fn dropped(mut cursor: Cursor<'_>) -> Option<Vec<String>> {
    cursor.accept(&[Keyword::Temporary]);
    cursor.accept(&[Keyword::Table, Keyword::Tables, Keyword::Sequence]).then_some(())?;
    while cursor.accept(&[Keyword::If, Keyword::Exists]) {}
    let mut names = vec![qualified(&mut cursor)?];
    while cursor.accept_kind(TokenKind::Comma) {
        names.push(qualified(&mut cursor)?);
    }
    Some(names)
}

/// `name FROM …`.
fn prepared(mut cursor: Cursor<'_>) -> Option<Vec<String>> {
    Some(vec![cursor.name()?.to_lowercase()])
}

/// `PREPARE name`.
fn deallocated(mut cursor: Cursor<'_>) -> Option<Vec<String>> {
    cursor.accept(&[Keyword::Prepare]).then_some(())?;
    prepared(cursor)
}

/// `name OPEN [[AS] alias]` or `alias CLOSE`.
fn handler(mut cursor: Cursor<'_>) -> Option<Vec<String>> {
    let mut name = cursor.name()?;
    if cursor.accept_kind(TokenKind::Dot) {
        name = cursor.name()?;
    }
    if cursor.accept(&[Keyword::Open]) {
        cursor.accept(&[Keyword::As]);
        if !cursor.is_at_end() {
            name = cursor.name()?;
        }
    }
    Some(vec![name.to_lowercase()])
}

/// `name` or `schema.name`.
fn qualified(cursor: &mut Cursor<'_>) -> Option<String> {
    let name = cursor.name()?;
    if !cursor.accept_kind(TokenKind::Dot) {
        return Some(name);
    }
    Some(format!("{name}.{}", cursor.name()?))
}

/// `GET_LOCK('name', timeout) [[AS] alias], …` or `RELEASE_LOCK('name')`, and nothing else: then each of them is executed, once.
fn locks(mut cursor: Cursor<'_>, sort: Effects) -> Option<Vec<String>> {
    let function = if sort == Effects::TAKES_USER_LOCK { "get_lock" } else { "release_lock" };
    let mut names = Vec::new();
    loop {
        call(&mut cursor, function)?;
        names.push(lock(&mut cursor)?);
        alias(&mut cursor);
        if cursor.is_at_end() {
            return Some(names);
        }
        cursor.accept_kind(TokenKind::Comma).then_some(())?;
    }
}

/// Whether a SELECT or DO, behind whose first word `rest` stands, is of `RELEASE_ALL_LOCKS()` and nothing else.
pub(super) fn releases_all(first: Option<Keyword>, rest: &Lexer<'_>) -> bool {
    let mut cursor = Cursor::new(rest.clone());
    let simple = matches!(first, Some(Keyword::Select | Keyword::Do));
    let called =
        simple && call(&mut cursor, "release_all_locks").is_some() && cursor.accept_kind(TokenKind::Close);
    alias(&mut cursor);
    called && cursor.is_at_end()
}

/// Reads `function (`.
fn call(cursor: &mut Cursor<'_>, function: &str) -> Option<()> {
    cursor.name()?.eq_ignore_ascii_case(function).then_some(())?;
    cursor.accept_kind(TokenKind::Open).then_some(())
}

/// Reads an alias, if one is here that cannot be anything else.
fn alias(cursor: &mut Cursor<'_>) {
    if cursor.accept(&[Keyword::As]) || cursor.kind() == Some(TokenKind::QuotedName) {
        cursor.pass();
    }
}

/// The name of the lock and the timeout, as literals, and `)`.
fn lock(cursor: &mut Cursor<'_>) -> Option<String> {
    let literal = Some(cursor.text()).filter(|_| cursor.kind() == Some(TokenKind::String))?;
    let name = cursor::unquoted(literal).filter(|_| !literal.contains(&b'\\'))?;
    cursor.pass();
    if cursor.accept_kind(TokenKind::Comma) {
        if cursor.text() == b"-" {
            cursor.pass();
        }
        cursor.accept_kind(TokenKind::Number).then_some(())?;
    }
    cursor.accept_kind(TokenKind::Close).then_some(name)
}
