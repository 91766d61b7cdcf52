//! SET: what it assigns to, and whether it does so from literals alone (MariaDB: "SET").

use super::cursor::{self, Cursor};
use super::effects::Effects;
use super::keyword::Keyword;
use super::kind::Kind;
use super::lexer::{Lexer, Token, TokenKind};
use super::subject::Subject;

/// What a SET, other than SET STATEMENT, assigns to.
#[derive(Debug)]
pub(super) struct Assigned {
    pub kind: Kind,
    pub effects: Effects,
    pub subject: Subject,
    /// PASSWORD or DEFAULT ROLE, which may name accounts.
    pub names_accounts: bool,
}

/// Reads one SET up to its semicolon or the end; `rest` stands behind the word SET. `None` for SET STATEMENT.
pub(super) fn parse(rest: &Lexer<'_>) -> Option<Assigned> {
    let cursor = Cursor::new(rest.clone());
    (cursor.keyword() != Some(Keyword::Statement)).then(|| assigned(cursor))
}

fn assigned(cursor: Cursor<'_>) -> Assigned {
    let mut list = List {
        cursor,
        scope: Scope::Session,
        effects: Effects::NONE,
        literal: true,
        names: Some(Vec::new()),
    };
    list.scope();
    match list.cursor.keyword() {
        Some(Keyword::Transaction) => {
            let global = if list.scope == Scope::Global { Effects::SETS_GLOBAL } else { Effects::NONE };
            Assigned::without_names(Kind::SetTransaction, Effects::SETS_TRANSACTION | global, Subject::None)
        }
        Some(Keyword::Role) => role(list.cursor),
        Some(Keyword::Password | Keyword::Default) => Assigned {
            names_accounts: true,
            ..Assigned::without_names(Kind::Set, Effects::NONE, Subject::Unknown)
        },
        _ => list.read(),
    }
}

/// SET ROLE; the role is its subject.
fn role(mut cursor: Cursor<'_>) -> Assigned {
    cursor.pass();
    let name = match cursor.kind() {
        Some(TokenKind::String) => cursor::unquoted(cursor.text()),
        _ => cursor.name(),
    };
    let subject = name.map_or(Subject::Unknown, |name| Subject::Names(vec![name]));
    Assigned::without_names(Kind::SetRole, Effects::SETS_ROLE, subject)
}

/// Whether a session's variable of this name is told to the server by `SET` alone: a SET of any other may do something else
/// each time, is not the client's to decide, or needs a privilege that comes and goes with the role.
fn is_ordinary(name: &str) -> bool {
    let special = [
        "timestamp",
        "last_insert_id",
        "identity",
        "insert_id",
        "log_disabled_statements",
        "sql_log_bin",
        "sql_log_off",
        "server_id",
        "skip_replication",
    ];
    let families =
        ["rand_seed", "pseudo_", "gtid_", "binlog_", "debug", "session_track_", "profiling", "wsrep_"];
    !special.contains(&name) && !families.iter().any(|family| name.starts_with(family))
}

impl Assigned {
    /// Whether what follows in the same text may be read in another mode or character set than this SET was.
    pub(super) fn changes_reading(&self) -> bool {
        let decides = ["sql_mode", "names", "character set", "character_set_client"];
        match &self.subject {
            Subject::Names(names) => names.iter().any(|name| decides.contains(&name.as_str())),
            Subject::None => false,
            Subject::Unknown => self.kind == Kind::Set && !self.names_accounts,
        }
    }

    fn without_names(kind: Kind, effects: Effects, subject: Subject) -> Self {
        Self { kind, effects, subject, names_accounts: false }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Session,
    Global,
}

/// The assignments of one SET as they are read.
struct List<'a> {
    cursor: Cursor<'a>,
    /// The scope named last: it holds for the assignments behind it too (measured on 10.11), unless they name one.
    scope: Scope,
    effects: Effects,
    /// All values so far are literals, and their variables ordinary ones of the session.
    literal: bool,
    /// The names so far; `None` if one was not understood.
    names: Option<Vec<String>>,
}

impl List<'_> {
    fn read(mut self) -> Assigned {
        loop {
            self.assignment();
            self.rest_of_value();
            if !self.cursor.accept_kind(TokenKind::Comma) {
                break;
            }
            self.scope();
        }
        let subject = self.names.map_or(Subject::Unknown, Subject::Names);
        let literal = if self.literal { Effects::LITERAL_SET } else { Effects::NONE };
        Assigned::without_names(Kind::Set, self.effects | literal, subject)
    }

    /// Reads GLOBAL, SESSION or LOCAL, if one of them is here.
    fn scope(&mut self) {
        if self.cursor.accept(&[Keyword::Global]) {
            self.scope = Scope::Global;
        } else if self.cursor.accept(&[Keyword::Session, Keyword::Local]) {
            self.scope = Scope::Session;
        }
    }

    fn assignment(&mut self) {
        match (self.cursor.kind(), self.cursor.keyword()) {
            (_, Some(Keyword::Names)) => self.names("names"),
            (_, Some(Keyword::Charset)) => self.character_set(),
            (_, Some(Keyword::Character | Keyword::Char)) => {
                self.cursor.pass();
                self.character_set();
            }
            (Some(TokenKind::Word | TokenKind::QuotedName), _) => {
                let name = self.cursor.name();
                self.variable(name, self.scope);
            }
            (Some(TokenKind::SystemVariable), _) => self.system_variable(),
            (Some(TokenKind::UserVariable), _) => self.user_variable(),
            _ => self.not_understood(),
        }
    }

    /// `NAMES charset [COLLATE collation]` and `CHARACTER SET charset`; the last word in front of the name is here.
    fn names(&mut self, name: &str) {
        self.cursor.pass();
        self.note(name.to_owned());
        self.word_or_string();
        if self.cursor.accept(&[Keyword::Collate]) {
            self.word_or_string();
        }
    }

    /// It gives the connection the character set of the current schema: no literal says which that is.
    fn character_set(&mut self) {
        self.literal = false;
        self.names("character set");
    }

    /// A name of a character set or collation; DEFAULT is none.
    fn word_or_string(&mut self) {
        let named = matches!(self.cursor.kind(), Some(TokenKind::Word | TokenKind::String));
        self.literal &= named && self.cursor.keyword() != Some(Keyword::Default);
        if named {
            self.cursor.pass();
        }
    }

    /// `@@name` or `@@scope.name`.
    fn system_variable(&mut self) {
        let first = self.cursor.text().get(2..).unwrap_or_default();
        let global = first.eq_ignore_ascii_case(b"global");
        let scoped = global || first.eq_ignore_ascii_case(b"session") || first.eq_ignore_ascii_case(b"local");
        let first = match first {
            [b'`', ..] => cursor::unquoted(first),
            _ => str::from_utf8(first).ok().map(str::to_owned),
        };
        self.cursor.pass();
        if scoped && self.cursor.accept_kind(TokenKind::Dot) {
            let name = self.cursor.name();
            self.variable(name, if global { Scope::Global } else { Scope::Session });
        } else {
            self.effects |= Effects::SETS_UNREPORTED;
            // A scope word in front of `@@` is an error.
            self.variable(first, Scope::Session);
        }
    }

    fn user_variable(&mut self) {
        let name = self.cursor.text().get(1..).unwrap_or_default();
        let name = match name {
            [b'`' | b'\'' | b'"', ..] => cursor::unquoted(name),
            _ => str::from_utf8(name).ok().map(str::to_owned),
        };
        self.cursor.pass();
        self.literal = false;
        match name {
            Some(name) => self.note(format!("@{}", name.to_ascii_lowercase())),
            None => self.names = None,
        }
        self.equals();
    }

    /// A variable of the server, and its value if that is a literal.
    fn variable(&mut self, name: Option<String>, scope: Scope) {
        let Some(name) = name.filter(|_| self.cursor.kind() != Some(TokenKind::Dot)) else {
            return self.not_understood();
        };
        let name = name.to_ascii_lowercase();
        self.literal &= scope == Scope::Session && is_ordinary(&name);
        if name.starts_with("session_track_") {
            self.effects |= Effects::SETS_TRACKING;
        }
        if name == "last_insert_id" || name == "identity" {
            self.effects |= Effects::WRITES_INSERT_ID;
        }
        match scope {
            Scope::Session => self.note(name),
            Scope::Global => {
                self.effects |= Effects::SETS_GLOBAL;
                self.note(format!("global.{name}"));
            }
        }
        if self.equals() {
            self.literal_value();
        }
    }

    /// Reads `=` or `:=`.
    fn equals(&mut self) -> bool {
        if self.cursor.text() == b":" {
            self.cursor.pass();
        }
        let here = self.cursor.text() == b"=";
        if here {
            self.cursor.pass();
        } else {
            self.not_understood();
        }
        here
    }

    /// Reads a value as far as it is one literal.
    fn literal_value(&mut self) {
        let signed = matches!(self.cursor.text(), b"-" | b"+");
        if signed {
            self.cursor.pass();
        }
        let literal = match self.cursor.kind() {
            Some(TokenKind::Number) => true,
            Some(TokenKind::String) => !signed,
            Some(TokenKind::Word) => !signed && self.cursor.keyword() != Some(Keyword::Default),
            _ => false,
        };
        if literal {
            self.cursor.pass();
        }
        self.literal &= literal;
    }

    /// Goes on to the comma or semicolon behind the value; what is left of it makes it more than a literal.
    fn rest_of_value(&mut self) {
        let mut open = 0_u32;
        while let Some(Token { kind, .. }) = self.cursor.token() {
            match kind {
                TokenKind::Semicolon => break,
                TokenKind::Comma if open == 0 => break,
                TokenKind::Open => open += 1,
                TokenKind::Close => open = open.saturating_sub(1),
                _ => {}
            }
            self.literal = false;
            self.cursor.pass();
        }
    }

    fn not_understood(&mut self) {
        self.literal = false;
        self.names = None;
    }

    fn note(&mut self, name: String) {
        if let Some(names) = &mut self.names {
            names.push(name);
        }
    }
}
