//! One writer: a session with a state of its own, and what it was told of everything that it wrote.

use std::io;

use super::estate::{Estate, ROLES};
use super::ledger::{Entry, Outcome};
use crate::support::chance::Chance;
use crate::support::client::{Parameter, RawClient, execution};
use crate::support::login::ServerError;
use crate::support::response::{Kind, lenenc};
use crate::support::wire::Packet;

/// What a writer's session has beside variables, role and schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// Nothing: whatever it has can be carried from connection to connection.
    Carried,
    /// The same, with `autocommit = 0`.
    NoAutocommit,
    TemporaryTable,
    UserVariable,
    UserLock,
}

/// A writer, in a session or between two.
pub struct Writer<'a> {
    estate: &'a Estate<'a>,
    at: usize,
    habit: Habit,
    session: Option<Session>,
    next: u32,
    pub written: Vec<Entry>,
}

struct Session {
    client: RawClient,
    /// The statement that inserts, once it is prepared.
    insert: Option<u32>,
}

/// Why a command did not do what it was to do.
enum Trouble {
    /// This was the answer.
    Said(ServerError),
    /// There was none: the connection has ended.
    Cut,
}

/// The modes that writers take in turns.
const MODES: [&str; 4] = ["", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "PIPES_AS_CONCAT"];

/// No connection for now; and what was open has been rolled back. Neither has done anything.
const NOTHING_DONE: [u16; 2] = [1047, 1213];
/// Interrupted by KILL QUERY: this statement did nothing, the transaction goes on.
const INTERRUPTED: u16 = 1317;
/// The connection was lost in the middle, or killed; or the server is going down.
const LOST: [u16; 3] = [1927, 2013, 1053];

impl<'a> Writer<'a> {
    pub fn new(estate: &'a Estate<'a>, at: usize, habit: Habit) -> Self {
        Self { estate, at, habit, session: None, next: 0, written: Vec::new() }
    }

    /// Looks at the session and writes something. Tells whether it was acknowledged.
    pub fn take_turn(&mut self, chance: &mut Chance) -> bool {
        if !self.is_there() {
            return false;
        }
        let number = self.next;
        self.next += 1;
        if let Err(trouble) = self.look(number) {
            self.get_over(&trouble);
            if self.habit == Habit::UserLock {
                // It may have come between releasing and taking.
                self.session = None;
            }
            return false;
        }
        let (parts, outcome) = match (self.habit, chance.below(4)) {
            (Habit::NoAutocommit, 0..3) | (_, 0) => (3, self.transaction(number)),
            (Habit::NoAutocommit, _) | (_, 1) => (1, self.regretted(number)),
            (_, 2) => (1, self.one_in_text(number)),
            _ => (1, self.one_in_binary(number)),
        };
        self.written.push(Entry { number, parts, outcome });
        outcome == Outcome::Done
    }

    /// Comes in if it has no session, and sets its state.
    fn is_there(&mut self) -> bool {
        if self.session.is_some() {
            return true;
        }
        let Ok(client) = RawClient::connect(&self.estate.login()) else {
            std::thread::sleep(std::time::Duration::from_millis(10));
            return false;
        };
        self.session = Some(Session { client, insert: None });
        let settled = self.settle();
        if settled.is_err() {
            self.session = None;
        }
        settled.is_ok()
    }

    fn settle(&mut self) -> Result<(), Trouble> {
        let (at, name) = (self.at, self.estate.name);
        let [zone, mode, limit, role] = self.state();
        self.say(&format!("SET time_zone = '{zone}', sql_mode = '{mode}', lock_wait_timeout = {limit}"))?;
        self.say(&format!("SET ROLE {role}"))?;
        match self.habit {
            Habit::Carried => {}
            Habit::NoAutocommit => drop(self.say("SET autocommit = 0")?),
            Habit::UserVariable => drop(self.say(&format!("SET @mine = 'writer {at}'"))?),
            Habit::TemporaryTable => {
                self.say(&format!("CREATE TEMPORARY TABLE shadow AS SELECT 'writer {at}' AS of"))?;
            }
            // What the last session held may take the server a moment to let go.
            Habit::UserLock => {
                let got = self.ask(&format!("SELECT GET_LOCK('{name}_{at}', 20)"))?;
                assert_eq!(got, "1", "the lock of a session that has gone");
            }
        }
        Ok(())
    }

    /// Time zone, SQL mode, time limit and role.
    fn state(&self) -> [String; 4] {
        let role = format!("{}_{}", self.estate.name, self.at % (ROLES + 1));
        [
            format!("+01:{:02}", self.at),
            MODES[self.at % MODES.len()].to_owned(),
            (1000 + self.at).to_string(),
            if self.at % (ROLES + 1) == ROLES { "NONE".to_owned() } else { role },
        ]
    }

    /// The session is as it left it, and the answer is that to its own question.
    fn look(&mut self, number: u32) -> Result<(), Trouble> {
        let (at, name) = (self.at, self.estate.name);
        // Each by itself: a subquery that KILL QUERY hits is NULL at times, and the result goes on as if nothing were the
        // matter (10.11, directly).
        let found = self.ask(&format!(
            "SELECT CONCAT_WS('|', 'writer {at} looks {number}', @@time_zone, @@sql_mode, @@lock_wait_timeout, \
             COALESCE(CURRENT_ROLE(), 'NONE'), @@autocommit, DATABASE())"
        ))?;
        let [zone, mode, limit, role] = self.state();
        let is = |habit| self.habit == habit;
        let autocommit = if is(Habit::NoAutocommit) { "OFF" } else { "ON" };
        let own = format!("writer {at} looks {number}|{zone}|{mode}|{limit}|{role}|{autocommit}|{name}");
        assert_eq!(found, own, "the session's state");
        let shadow = if is(Habit::TemporaryTable) { format!("writer {at}") } else { "everybody".to_owned() };
        let variables = if is(Habit::UserVariable) { "1" } else { "0" };
        assert_eq!(self.ask("SELECT of FROM shadow")?, shadow, "the table");
        let found = self.ask("SELECT COUNT(*) FROM information_schema.user_variables")?;
        assert_eq!(found, variables, "user variables");
        match self.habit {
            Habit::UserVariable => assert_eq!(self.ask("SELECT @mine")?, format!("writer {at}")),
            Habit::UserLock => {
                // Only who holds it can release it.
                assert_eq!(
                    self.ask(&format!("SELECT RELEASE_LOCK('{name}_{at}')"))?,
                    "1",
                    "the lock is held"
                );
                assert_eq!(
                    self.ask(&format!("SELECT GET_LOCK('{name}_{at}', 20)"))?,
                    "1",
                    "the lock is free"
                );
            }
            _ => {}
        }
        Ok(())
    }

    /// By itself, in a text.
    fn one_in_text(&mut self, number: u32) -> Outcome {
        let insert = self.insertion(number, 0);
        match self.say(&insert) {
            Ok(packets) => self.has_its_id(&packets),
            Err(trouble) => self.undecided(&trouble),
        }
    }

    /// By itself, with a prepared statement.
    fn one_in_binary(&mut self, number: u32) -> Outcome {
        match self.prepared() {
            Ok(insert) => match self.execute(insert, number, 0) {
                Ok(packets) => self.has_its_id(&packets),
                Err(trouble) => self.undecided(&trouble),
            },
            Err(trouble) => {
                self.get_over(&trouble);
                Outcome::Never
            }
        }
    }

    /// What was generated for a row is what the session finds afterwards, wherever that is.
    fn has_its_id(&mut self, packets: &[Packet]) -> Outcome {
        let ok = &packets[0].payload;
        let after_rows = 1 + lenenc(&ok[1..]).1;
        let generated = lenenc(&ok[after_rows..]).0.to_string();
        match self.ask("SELECT LAST_INSERT_ID()") {
            Ok(found) => assert_eq!(found, generated, "LAST_INSERT_ID()"),
            Err(trouble) => self.get_over(&trouble),
        }
        Outcome::Done
    }

    /// Three rows, one of them by a prepared statement, and one taken back.
    fn transaction(&mut self, number: u32) -> Outcome {
        let written = self.write_three(number);
        if let Err(trouble) = written {
            self.start_again(&trouble);
            return Outcome::Never;
        }
        match self.say("COMMIT") {
            Ok(_) => Outcome::Done,
            // Whatever became of it, the transaction is to be over.
            Err(Trouble::Said(error)) if error.code == INTERRUPTED => {
                self.start_again(&Trouble::Said(error));
                Outcome::Unknown
            }
            Err(trouble) => self.undecided(&trouble),
        }
    }

    fn write_three(&mut self, number: u32) -> Result<(), Trouble> {
        let insert = self.prepared()?;
        if self.habit != Habit::NoAutocommit {
            self.say("BEGIN")?;
        }
        self.say(&self.insertion(number, 0))?;
        self.say("SAVEPOINT here")?;
        self.say(&self.insertion(number, 7))?;
        self.say("ROLLBACK TO here")?;
        self.execute(insert, number, 1)?;
        self.say(&self.insertion(number, 2))?;
        Ok(())
    }

    /// Written and rolled back.
    fn regretted(&mut self, number: u32) -> Outcome {
        let regretted = (|| {
            self.say("START TRANSACTION")?;
            self.say(&self.insertion(number, 0))?;
            self.say("ROLLBACK")
        })();
        if let Err(trouble) = regretted {
            self.start_again(&trouble);
        }
        Outcome::Never
    }

    fn insertion(&self, number: u32, part: u32) -> String {
        format!("INSERT INTO ledger (writer, number, part) VALUES ({}, {number}, {part})", self.at)
    }

    fn prepared(&mut self) -> Result<u32, Trouble> {
        let session = self.session.as_mut().ok_or(Trouble::Cut)?;
        if let Some(insert) = session.insert {
            return Ok(insert);
        }
        let packets =
            self.command(b"\x16INSERT INTO ledger (writer, number, part) VALUES (?, ?, ?)", Kind::Prepared)?;
        let insert = u32::from_le_bytes(packets[0].payload[1..5].try_into().unwrap());
        self.session.as_mut().ok_or(Trouble::Cut)?.insert = Some(insert);
        Ok(insert)
    }

    fn execute(&mut self, insert: u32, number: u32, part: i64) -> Result<Vec<Packet>, Trouble> {
        let values = [self.at as i64, i64::from(number), part].map(Parameter::Int);
        self.command(&execution(insert, 0, &values), Kind::Results)
    }

    /// The decisive command failed: what became of it?
    fn undecided(&mut self, trouble: &Trouble) -> Outcome {
        self.start_again(trouble);
        match trouble {
            Trouble::Said(error) if error.code == INTERRUPTED || NOTHING_DONE.contains(&error.code) => {
                Outcome::Never
            }
            _ => Outcome::Unknown,
        }
    }

    /// Who was interrupted in a transaction still has it; who was told that it has gone has none.
    fn start_again(&mut self, trouble: &Trouble) {
        self.get_over(trouble);
        let interrupted = matches!(trouble, Trouble::Said(error) if error.code == INTERRUPTED);
        if (interrupted || self.habit == Habit::NoAutocommit) && self.session.is_some() {
            while let Err(trouble) = self.say("ROLLBACK") {
                self.get_over(&trouble);
                if self.session.is_none() {
                    return;
                }
            }
        }
    }

    fn get_over(&mut self, trouble: &Trouble) {
        match trouble {
            Trouble::Cut => self.session = None,
            Trouble::Said(error) if LOST.contains(&error.code) => self.session = None,
            Trouble::Said(error) => {
                let expected = error.code == INTERRUPTED || NOTHING_DONE.contains(&error.code);
                assert!(expected, "writer {}: {error:?}", self.at);
            }
        }
    }

    fn say(&mut self, sql: &str) -> Result<Vec<Packet>, Trouble> {
        self.command(&[b"\x03", sql.as_bytes()].concat(), Kind::Results)
    }

    /// The only value of the only row.
    fn ask(&mut self, sql: &str) -> Result<String, Trouble> {
        let packets = self.say(sql)?;
        let row = &packets.get(2).unwrap_or_else(|| panic!("{sql}: {packets:?}")).payload;
        let (length, start) = lenenc(row);
        assert_eq!(row.len(), start + length as usize, "{sql}: {packets:?}");
        Ok(String::from_utf8_lossy(&row[start..]).into_owned())
    }

    fn command(&mut self, payload: &[u8], kind: Kind) -> Result<Vec<Packet>, Trouble> {
        let session = self.session.as_mut().ok_or(Trouble::Cut)?;
        session.client.transcript.clear();
        let packets = session.client.try_ask("", payload, kind).map_err(|error| cut(&error))?;
        match ServerError::parse(&packets.last().unwrap().payload) {
            Some(error) => Err(Trouble::Said(error)),
            None => Ok(packets),
        }
    }
}

/// Nothing but an end is an end: bytes out of order, or none for a minute, fail the test.
fn cut(error: &io::Error) -> Trouble {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let ended = [BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof].contains(&error.kind());
    assert!(ended, "{error}");
    Trouble::Cut
}
