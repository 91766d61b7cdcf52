//! What a statement asks for that the proxy has to act on, from one pass over its text.

use super::SqlMode;
use super::connection_id::{ConnectionIdUses, Form};
use super::effects::Effects;
use super::keyword::Keyword;
use super::kill::{self, Kill};
use super::kind::Kind;
use super::lexer::{Lexer, Token, TokenKind};
use super::subject::Subject;

/// What a text, of one statement or of several, asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    /// What it is.
    pub kind: Kind,
    /// What it does that the server may not report.
    pub effects: Effects,
    /// What it names.
    pub subject: Subject,
    /// It contains LOAD DATA LOCAL or LOAD XML LOCAL, so the server may ask for a file of the client. Not seen, and
    /// therefore refused: a LOAD that is run by EXECUTE, EXECUTE IMMEDIATE or a procedure that uses those.
    pub asks_local_file: bool,
    /// The whole text is this KILL.
    pub kill: Option<Kill>,
    /// Where the connection's id is asked for. Definitions that the server stores (CREATE, ALTER) are left alone, but for
    /// the query of a CREATE TABLE … SELECT: an id written into them would stay.
    pub connection_id: ConnectionIdUses,
}

/// Classifies `text`, as it came in COM_QUERY or COM_STMT_PREPARE; a prefix of a long text does, as far as it goes.
///
/// Linear in the length of the text; allocates only where a connection id is asked for.
pub fn classify(text: &[u8], mode: SqlMode) -> Statement {
    let mut scan = Scan::new(text, mode);
    while let Some(token) = scan.lexer.significant() {
        scan.observe(&token);
    }
    scan.statement.kind = Kind::Other;
    scan.statement.effects = Effects::ROUTINE;
    scan.statement
}

/// Classifies a text of which only the beginning is at hand.
///
/// [`ROUTINE`](Effects::ROUTINE) is always among its effects, its names are unknown and it is never a literal SET or a
/// repeatable read. The kind is that of what is there.
pub fn classify_prefix(text: &[u8], mode: SqlMode) -> Statement {
    let mut statement = classify(text, mode);
    statement.effects =
        (statement.effects - Effects::LITERAL_SET - Effects::REPEATABLE_READ) | Effects::ROUTINE;
    statement.subject = Subject::Unknown;
    statement
}

struct Scan<'a> {
    lexer: Lexer<'a>,
    statement: Statement,
    place: Place,
    before: Before,
    /// No statement, and no SET STATEMENT, precedes the current one.
    first: bool,
}

/// Where in a statement the next token stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Its first word comes next.
    Start,
    /// SET was its first word.
    Set,
    /// SET STATEMENT, up to FOR outside parentheses, behind which another statement starts; with the parentheses open.
    SetStatement(u32),
    /// LOAD was its first word.
    Load,
    /// LOAD DATA or LOAD XML, and nothing after it but LOW_PRIORITY or CONCURRENT.
    LoadData,
    /// CREATE or ALTER, and it is not clear yet of what.
    Definition,
    /// CREATE TABLE or ALTER TABLE, before any SELECT.
    TableDefinition,
    /// A statement in which nothing is replaced: a definition that holds no statements, or KILL.
    LeftAlone,
    /// CREATE PROCEDURE and the like: semicolons may belong to its body, so this lasts to the end of the text.
    StoredProgram,
    /// Behind the first words of any other statement.
    Body,
}

/// What the token before the current one was, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// A dot: what follows is a name, whatever it spells.
    Dot,
    /// A word behind which a table or a routine is named, even with parentheses after it.
    Naming,
    /// SET or a comma: under SET, what follows is assigned to.
    Assigning,
    /// Anything else.
    Other,
}

impl<'a> Scan<'a> {
    fn new(text: &'a [u8], mode: SqlMode) -> Self {
        let lexer = Lexer::new(text, mode);
        Self {
            lexer,
            statement: Statement::default(),
            place: Place::Start,
            before: Before::Other,
            first: true,
        }
    }

    fn observe(&mut self, token: &Token) {
        let before = std::mem::replace(&mut self.before, Before::Other);
        if !matches!(token.kind, TokenKind::Word | TokenKind::Semicolon) {
            self.place = self.place.behind_symbol();
        }
        match token.kind {
            TokenKind::Word if before != Before::Dot => self.word(token, before),
            TokenKind::QuotedName => self.quoted(token, before),
            TokenKind::SystemVariable => self.variable(token, before),
            TokenKind::Semicolon => self.semicolon(),
            TokenKind::Dot => self.before = Before::Dot,
            TokenKind::Comma => self.before = Before::Assigning,
            TokenKind::Open => self.parentheses(|open| open.saturating_add(1)),
            TokenKind::Close => self.parentheses(|open| open.saturating_sub(1)),
            _ => {}
        }
    }

    fn word(&mut self, token: &Token, before: Before) {
        let keyword = Keyword::of(self.lexer.text(token));
        match keyword {
            Some(Keyword::Kill) => return self.kill(),
            Some(Keyword::ConnectionId) => self.call(token, before),
            Some(
                Keyword::Into
                | Keyword::Insert
                | Keyword::InsertOption
                | Keyword::Replace
                | Keyword::Call
                | Keyword::Exists
                | Keyword::Table
                | Keyword::Procedure
                | Keyword::Stored,
            ) => self.before = Before::Naming,
            Some(Keyword::Set) => self.before = Before::Assigning,
            _ => {}
        }
        self.place = self.after(keyword);
    }

    /// The place behind a word that stands at the current one.
    fn after(&mut self, keyword: Option<Keyword>) -> Place {
        match (self.place, keyword) {
            (Place::Start, Some(Keyword::Set)) => Place::Set,
            (Place::Start, Some(Keyword::Load)) => Place::Load,
            (Place::Start, Some(Keyword::Create | Keyword::Alter)) => Place::Definition,
            (Place::Set, Some(Keyword::Statement)) => Place::SetStatement(0),
            (Place::SetStatement(0), Some(Keyword::For)) => {
                self.first = false;
                Place::Start
            }
            (Place::Load, Some(Keyword::Data | Keyword::Xml)) => Place::LoadData,
            (Place::LoadData, Some(Keyword::LowPriority | Keyword::Concurrent)) => Place::LoadData,
            (Place::LoadData, Some(Keyword::Local)) => {
                self.statement.asks_local_file = true;
                Place::Body
            }
            (Place::Definition, Some(Keyword::Procedure | Keyword::Stored)) => Place::StoredProgram,
            (Place::Definition, Some(Keyword::Table)) => Place::TableDefinition,
            (Place::Definition, Some(Keyword::Plain | Keyword::User)) => Place::LeftAlone,
            (Place::TableDefinition, Some(Keyword::Select)) => Place::Body,
            (Place::Start | Place::Load | Place::LoadData, _) => Place::Body,
            (place, _) => place,
        }
    }

    /// Notes a KILL that is the whole text; the lexer stands behind that word.
    fn kill(&mut self) {
        let whole = self.first && self.place == Place::Start && is_last(self.lexer.clone());
        if whole {
            self.statement.kill = kill::parse(&mut self.lexer.clone());
        }
        if self.place != Place::StoredProgram {
            self.place = Place::LeftAlone;
        }
    }

    /// Notes `name` as a call of CONNECTION_ID when empty parentheses follow.
    fn call(&mut self, name: &Token, before: Before) {
        if matches!(before, Before::Dot | Before::Naming) || !self.place.takes_id() {
            return;
        }
        let mut ahead = self.lexer.clone();
        let mut next =
            || plain(&mut ahead).filter(|token| matches!(token.kind, TokenKind::Open | TokenKind::Close));
        let (Some(open), Some(close)) = (next(), next()) else { return };
        if (open.kind, close.kind) == (TokenKind::Open, TokenKind::Close) {
            self.statement.connection_id.push(name.range.start..close.range.end, Form::Function);
            self.lexer = ahead;
        }
    }

    fn quoted(&mut self, token: &Token, before: Before) {
        if unquoted(self.lexer.text(token)).eq_ignore_ascii_case(b"connection_id") {
            self.call(token, before);
        }
    }

    /// Notes `@@pseudo_thread_id`, with or without `session.` or `local.`, unless it is assigned to.
    fn variable(&mut self, token: &Token, before: Before) {
        let mut ahead = self.lexer.clone();
        let Some(end) = thread_id_end(&mut ahead, token) else { return };
        let assigned = before == Before::Assigning && self.place.assigns() && is_assignment(ahead.clone());
        if !assigned && self.place.takes_id() {
            self.statement.connection_id.push(token.range.start..end, Form::Variable);
            self.lexer = ahead;
        }
    }

    fn semicolon(&mut self) {
        self.first = false;
        if self.place != Place::StoredProgram {
            self.place = Place::Start;
        }
    }

    fn parentheses(&mut self, count: impl Fn(u32) -> u32) {
        if let Place::SetStatement(open) = &mut self.place {
            *open = count(*open);
        }
    }
}

impl Place {
    /// The place behind a symbol, string or the like: no statement starts with one.
    fn behind_symbol(self) -> Self {
        match self {
            Self::Start | Self::Load | Self::LoadData => Self::Body,
            other => other,
        }
    }

    /// Whether variables are assigned to here.
    fn assigns(self) -> bool {
        matches!(self, Self::Set | Self::SetStatement(_))
    }

    /// Whether an id may be put in here.
    fn takes_id(self) -> bool {
        !matches!(self, Self::Definition | Self::TableDefinition | Self::LeftAlone | Self::StoredProgram)
    }
}

/// Whether no statement follows the one that the lexer is in.
fn is_last(lexer: Lexer<'_>) -> bool {
    let mut rest =
        lexer.filter(|token| !token.kind.is_trivia()).skip_while(|token| token.kind != TokenKind::Semicolon);
    rest.all(|token| token.kind == TokenKind::Semicolon)
}

/// The next token but space and comments; `None` at an executable comment's delimiters too: what is replaced must not hold one.
fn plain(lexer: &mut Lexer<'_>) -> Option<Token> {
    let token = lexer.find(|token| !matches!(token.kind, TokenKind::Space | TokenKind::Comment))?;
    (token.kind != TokenKind::Marker).then_some(token)
}

/// A name without its quotes.
fn unquoted(name: &[u8]) -> &[u8] {
    match name {
        [b'`', inner @ .., b'`'] | [b'"', inner @ .., b'"'] => inner,
        _ => name,
    }
}

fn is_thread_id(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"pseudo_thread_id")
}

/// Where `@@pseudo_thread_id` ends, whose first token is `first` and whose scope, if any, is the session.
fn thread_id_end(lexer: &mut Lexer<'_>, first: &Token) -> Option<usize> {
    let name = unquoted(lexer.text(first).get(2..)?);
    if is_thread_id(name) {
        return Some(first.range.end);
    }
    if !name.eq_ignore_ascii_case(b"session") && !name.eq_ignore_ascii_case(b"local") {
        return None;
    }
    let (dot, part) = (plain(lexer)?, plain(lexer)?);
    (dot.kind == TokenKind::Dot && is_thread_id(unquoted(lexer.text(&part)))).then_some(part.range.end)
}

/// Whether `=` or `:=` comes next.
fn is_assignment(mut lexer: Lexer<'_>) -> bool {
    lexer.significant().is_some_and(|token| matches!(lexer.text(&token), b"=" | b":"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn classified(text: &str) -> Statement {
        classify(text.as_bytes(), SqlMode::default())
    }

    #[test]
    fn a_local_file_is_asked_for_by_load_with_local_in_any_statement() {
        for text in [
            "LOAD DATA LOCAL INFILE 'x' INTO TABLE t",
            "load data low_priority local infile 'x' into table t",
            "LOAD XML CONCURRENT LOCAL INFILE 'x' INTO TABLE t",
            "-- x\n# y\n/* z */ LOAD DATA /* local */ LOCAL INFILE 'x' INTO TABLE t",
            "/*! LOAD */ DATA /*M!100000 LOCAL*/ INFILE 'x' INTO TABLE t",
            "SET STATEMENT max_statement_time=1 FOR LOAD DATA LOCAL INFILE 'x' INTO TABLE t",
            "SET STATEMENT a=(SELECT 1 FOR UPDATE), b=2 FOR LOAD DATA LOCAL INFILE 'x' INTO TABLE t",
            "SET STATEMENT a=1 FOR SET STATEMENT b=2 FOR LOAD DATA LOCAL INFILE 'x' INTO TABLE t",
            "SELECT 1; LOAD DATA LOCAL INFILE 'x' INTO TABLE t; SELECT 2",
        ] {
            assert!(classified(text).asks_local_file, "{text}");
        }
    }

    #[test]
    fn nothing_else_asks_for_a_local_file() {
        for text in [
            "LOAD DATA INFILE 'x' INTO TABLE local",
            "SELECT 'LOAD DATA LOCAL INFILE'",
            "SELECT 1 /* ; LOAD DATA LOCAL INFILE 'x' INTO TABLE t */",
            "/*!999999 LOAD DATA LOCAL INFILE 'x' INTO TABLE t */",
            "SELECT load, data, local FROM infile",
            "SET max_statement_time=1 FOR LOAD DATA LOCAL INFILE 'x' INTO TABLE t",
            "LOAD INDEX INTO CACHE local",
            "LOAD DATA 'x' LOCAL",
            "",
        ] {
            assert!(!classified(text).asks_local_file, "{text}");
        }
    }

    #[test]
    fn a_kill_with_a_number_is_taken_apart() {
        for text in [
            "KILL 42",
            "kill connection 42;",
            "/* x */ KILL /*! HARD */ QUERY 42 -- y",
            "KILL SOFT QUERY 42;;",
            "/*! KILL SOFT 42 */",
        ] {
            let kill = classified(text).kill.unwrap();
            assert_eq!((kill.id, &text[kill.id_range]), (42, "42"), "{text}");
        }
    }

    #[test]
    fn a_kill_that_is_no_plain_number_alone_is_left_as_it_is() {
        for text in [
            "KILL '42'",
            "KILL 0x2a",
            "KILL 41+1",
            "KILL (42)",
            "KILL @id",
            "KILL ?",
            "KILL CONNECTION_ID() + 1",
            "KILL 99999999999999999999",
            "SELECT 1; KILL 42",
            "KILL 42; SELECT 1",
            "SET STATEMENT max_statement_time=1 FOR KILL 42",
            "BEGIN NOT ATOMIC KILL QUERY 42; END",
        ] {
            assert_eq!(classified(text).kill, None, "{text}");
        }
    }

    #[test]
    fn a_kill_without_a_connection_id_and_the_name_kill_are_left_alone() {
        for text in [
            "KILL QUERY ID 42",
            "KILL USER nobody",
            "KILL QUERY USER 'nobody'",
            "KILL HARD QUERY CONNECTION_ID()",
            "KILL CONNECTION_ID();",
            "SELECT t.kill FROM t",
            "SELECT `kill`, 'KILL 42', @kill",
            "CREATE PROCEDURE p(victim INT) BEGIN SELECT 1; KILL victim; END",
        ] {
            let Statement { asks_local_file, kill, connection_id, .. } = classified(text);
            assert!(!asks_local_file && kill.is_none() && connection_id.is_empty(), "{text}");
        }
    }

    fn uses(text: &str) -> Vec<&str> {
        classified(text).connection_id.iter().map(|used| &text[used.range.clone()]).collect()
    }

    #[test]
    fn calls_and_variables_that_give_the_connections_id_are_found() {
        for (text, expected) in [
            ("SELECT CONNECTION_ID(), connection_id ( )", vec!["CONNECTION_ID()", "connection_id ( )"]),
            ("SELECT `connection_id` ()", vec!["`connection_id` ()"]),
            (
                "SELECT @@pseudo_thread_id, @@`pseudo_thread_id`",
                vec!["@@pseudo_thread_id", "@@`pseudo_thread_id`"],
            ),
            ("SELECT @@session.pseudo_thread_id", vec!["@@session.pseudo_thread_id"]),
            ("SELECT @@LOCAL . `pseudo_thread_id`", vec!["@@LOCAL . `pseudo_thread_id`"]),
            ("SET @@pseudo_thread_id = @@pseudo_thread_id", vec!["@@pseudo_thread_id"]),
            ("CREATE TABLE t (a INT) AS SELECT CONNECTION_ID()", vec!["CONNECTION_ID()"]),
            (
                "SET @a = 1, @b = CONNECTION_ID(); DO CONNECTION_ID()",
                vec!["CONNECTION_ID()", "CONNECTION_ID()"],
            ),
        ] {
            assert_eq!(uses(text), expected, "{text}");
        }
        assert_eq!(uses("SET @@pseudo_thread_id = 5").len(), 0);
        let text = "SELECT \"connection_id\"()".as_bytes();
        let ansi = SqlMode { ansi_quotes: true, ..SqlMode::default() };
        assert!(!classify(text, ansi).connection_id.is_empty());
    }

    #[test]
    fn what_only_looks_like_the_connections_id_is_not_touched() {
        for text in [
            "SELECT connection_id, 'CONNECTION_ID()', \"connection_id\"()",
            "SELECT db.connection_id()",
            "SELECT CONNECTION_ID(1)",
            "SELECT @@global.pseudo_thread_id, pseudo_thread_id, @pseudo_thread_id",
            "INSERT INTO connection_id () VALUES ()",
            "REPLACE connection_id() VALUES ()",
            "CREATE TABLE t (id INT DEFAULT CONNECTION_ID())",
            "CREATE OR REPLACE VIEW v AS SELECT CONNECTION_ID()",
            "CREATE DEFINER=a@b PROCEDURE p() BEGIN SELECT CONNECTION_ID(); SELECT CONNECTION_ID(); END",
            "SELECT CONNECTION_ID /*! () */",
            "SELECT 1 -- CONNECTION_ID()",
        ] {
            assert_eq!(uses(text), [""; 0], "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_classified_and_rewritten_without_a_panic(
            words in proptest::collection::vec(
                proptest::sample::select(vec![
                    "SELECT", "CONNECTION_ID", "()", "(", ")", ",", "@@session", ".", "@@pseudo_thread_id", "KILL", "5",
                    ";", "/*!", "*/", "'", "`", "SET STATEMENT", "FOR", "LOAD DATA", "LOCAL", "AS", "x", "FROM", "\\",
                ]),
                0..40,
            ),
            glue in proptest::sample::select(vec!["", " ", "/**/"]),
            noise in proptest::collection::vec(any::<u8>(), 0..8),
        ) {
            let text = [words.join(glue).into_bytes(), noise].concat();
            let statement = classify(&text, SqlMode::default());
            let uses = statement.connection_id.iter().count();
            let rewritten = statement.connection_id.replace(&text, SqlMode::default(), 1);
            prop_assert_eq!(uses == 0, rewritten == text);
        }
    }
}
