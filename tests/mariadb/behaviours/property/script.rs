//! What a session does in one episode, and who does it.

use super::fragments::FRAGMENTS;
use crate::support::chance::Chance;
use crate::support::client::{Exchange, Parameter, RawClient, execution, execution_again};
use crate::support::response::Kind;
use crate::support::server::PASSWORD;

/// Prepared statements that a session holds at a time, at most.
pub const SLOTS: usize = 4;
/// An id that no statement has.
const NONE: u32 = 4_000_000;

/// One command, or one statement in either protocol.
#[derive(Debug, Clone)]
pub enum Step {
    Text(String),
    /// Prepared, executed once and closed.
    Binary(String),
    Prepare(usize, String),
    /// With types, without them, or with a cursor.
    Execute(usize, Vec<Value>, Execution),
    LongData(usize, u16, Vec<u8>),
    Fetch(usize, u32),
    Reset(usize),
    Close(usize),
    Command(&'static str, Vec<u8>),
    /// Logs in again as itself, in this schema.
    ChangeUser(String),
    Load(String, Vec<u8>),
    /// Asks the server which connection this is; nobody compares the answer.
    Where,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Execution {
    Typed,
    Again,
    Cursor,
}

/// A parameter.
#[derive(Debug, Clone)]
pub enum Value {
    Null,
    Int(i64),
    Text(String),
    Long,
}

/// Everything that a session does: tables of its own, then pieces of all behaviours.
pub fn script(chance: &mut Chance, home: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = [
        "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, w VARCHAR(40), n INT) ENGINE = InnoDB",
        "CREATE TABLE u (id INT PRIMARY KEY, w VARCHAR(40) CHARACTER SET latin1) ENGINE = InnoDB",
        "INSERT INTO u SELECT seq, CONCAT('row ', seq) FROM mysql.seq_1_to_20",
        "CREATE SEQUENCE s",
        "CREATE PROCEDURE two() BEGIN SELECT id FROM u WHERE id < 3; INSERT INTO t (w) VALUES ('by two'); SELECT COUNT(*) FROM t; END",
        "CREATE PROCEDURE sets() BEGIN SET SESSION group_concat_max_len = 9999; SET SESSION time_zone = '+08:00'; END",
    ]
    .map(|sql| Step::Text(sql.to_owned()))
    .to_vec();
    for _ in 0..10 + chance.below(30) {
        if chance.percent(30) {
            steps.push(Step::Where);
        }
        let fragment = chance.one_of(FRAGMENTS);
        steps.extend(fragment(chance, home));
    }
    steps
}

/// A client that acts a script.
pub struct Player {
    client: RawClient,
    name: String,
    user: String,
    slots: [u32; SLOTS],
    home: Option<u32>,
    moves: usize,
}

impl Player {
    /// A client that calls itself `name` where it asks for itself, and logged in as `user`.
    pub fn new(client: RawClient, name: String, user: &str) -> Self {
        Self { client, name, user: user.to_owned(), slots: [NONE; SLOTS], home: None, moves: 0 }
    }

    pub fn perform(&mut self, step: &Step) {
        match step {
            Step::Text(sql) => drop(self.client.query(sql)),
            Step::Binary(sql) => self.once(sql),
            Step::Prepare(slot, sql) => {
                let id = self.client.prepare(sql);
                self.slots[*slot] = if id == 0 { NONE } else { id };
            }
            Step::Execute(slot, values, how) => self.execute(self.slots[*slot], values, *how),
            Step::LongData(slot, parameter, data) => {
                self.client.long_data(self.slots[*slot], *parameter, data);
            }
            Step::Fetch(slot, rows) => drop(self.client.fetch(self.slots[*slot], *rows)),
            Step::Reset(slot) => drop(self.client.reset_statement(self.slots[*slot])),
            Step::Close(slot) => self.client.close_statement(self.slots[*slot]),
            Step::Command(name, payload) => drop(self.client.ask(name, payload, Kind::One)),
            Step::ChangeUser(schema) => {
                self.client.change_user(&self.user, PASSWORD, schema).unwrap();
                self.client.transcript.last_mut().unwrap().command = format!("change user in `{schema}`");
                self.home = None; // another login, of which nothing is promised
            }
            Step::Load(sql, file) => drop(self.client.load(sql, std::slice::from_ref(file)).unwrap()),
            Step::Where => self.look_where(),
        }
    }

    /// Ends the session; hands out what it saw, and how often it found itself on another connection.
    pub fn leave(mut self) -> (Vec<Exchange>, usize) {
        let _ = self.client.send(b"\x01");
        (std::mem::take(&mut self.client.transcript), self.moves)
    }

    fn once(&mut self, sql: &str) {
        let id = self.client.prepare(sql);
        if id != 0 {
            self.client.execute(id, 0, &[]);
            self.client.transcript.last_mut().unwrap().command = format!("execute {sql}");
            self.client.close_statement(id);
        }
    }

    fn execute(&mut self, id: u32, values: &[Value], how: Execution) {
        let parameters: Vec<Parameter<'_>> = values.iter().map(Value::parameter).collect();
        let again = how == Execution::Again && !parameters.is_empty();
        let cursor = u8::from(how == Execution::Cursor);
        let payload =
            if again { execution_again(id, cursor, &parameters) } else { execution(id, cursor, &parameters) };
        self.client.ask(&format!("execute {values:?} {how:?}"), &payload, Kind::Results);
    }

    fn look_where(&mut self) {
        let name = &self.name;
        let own =
            format!("SELECT id FROM information_schema.processlist WHERE info LIKE '%where {name} is%'");
        let packets = self.client.query(&own);
        self.client.transcript.pop();
        let id = packets.iter().filter_map(|packet| {
            let (&length, digits) = packet.payload.split_first()?;
            let whole = usize::from(length) == digits.len() && digits.iter().all(u8::is_ascii_digit);
            whole.then(|| std::str::from_utf8(digits).ok()?.parse::<u32>().ok()).flatten()
        });
        if let Some(id) = id.into_iter().next_back() {
            self.moves += usize::from(self.home.replace(id).is_some_and(|before| before != id));
        }
    }
}

impl Value {
    fn parameter(&self) -> Parameter<'_> {
        match self {
            Self::Null => Parameter::Null,
            Self::Int(value) => Parameter::Int(*value),
            Self::Text(text) => Parameter::Text(text),
            Self::Long => Parameter::Long,
        }
    }
}
