//! Other sessions of the account, who take every connection that is free, all at once, and leave each in another state.
//!
//! A user lock keeps a session on its connection without touching anything that a test is about. Which connection holds a
//! lock is asked of the server: two locks on two connections at the same time, and no more than two connections of the
//! account, prove that none was left out.

use std::thread;
use std::time::{Duration, Instant};

use super::Sharing;
use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::Login;
use crate::support::response::Kind;

/// How long a connection may take to come before it counts as somebody's own.
const HESITATION: Duration = Duration::from_millis(60);
/// How long it may take where it has to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// Character set, SQL mode, time zone and schema that a session leaves its connection with.
const STATES: [(&str, &str, &str, &str); 5] = [
    ("latin1", "ANSI_QUOTES", "+05:00", "mysql"),
    ("greek", "NO_BACKSLASH_ESCAPES", "-03:00", "information_schema"),
    ("utf8mb4 COLLATE utf8mb4_bin", "PIPES_AS_CONCAT,NO_UNSIGNED_SUBTRACTION", "SYSTEM", "disturbance"),
    ("sjis", "TRADITIONAL", "+13:00", "mysql"),
    ("binary", "", "-11:30", "disturbance"),
];

/// What may be done while somebody else holds a lock on everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    Allowed,
    /// They would wait.
    Forbidden,
}

/// Two sessions that stay, and the way in for those who come and go.
pub struct Disturbers {
    account: String,
    login: Login,
    root: RawClient,
    residents: Option<[Occupant; 2]>,
    rounds: usize,
    pub writes: Writes,
}

/// A session with a user lock that tells where it is.
struct Occupant {
    client: RawClient,
    lock: String,
    /// What it found itself in when it last looked.
    state: Option<String>,
}

impl Disturbers {
    pub fn new(account: &str, login: &Login, mut root: RawClient) -> Self {
        root.run("CREATE DATABASE IF NOT EXISTS disturbance");
        root.run("CREATE TABLE IF NOT EXISTS disturbance.t (id INT AUTO_INCREMENT PRIMARY KEY, word TEXT)");
        let (account, login) = (account.to_owned(), login.clone());
        Self { account, login, root, residents: None, rounds: 0, writes: Writes::Allowed }
    }

    /// Takes every connection there is; tells when somebody keeps one.
    pub fn take_all(&mut self) -> bool {
        self.visit_at_times(PATIENCE) && self.settle(PATIENCE)
    }

    /// Takes every connection that nobody keeps to himself.
    pub fn take_what_is_free(&mut self) {
        self.visit_at_times(HESITATION);
        self.settle(HESITATION);
    }

    /// Whether the server gives this lock to somebody before long.
    pub fn is_held_soon(&mut self, lock: &str) -> bool {
        self.is_held_within(lock, HESITATION)
    }

    /// Connections that were cleaned and connections that carry somebody's state: A meets both.
    fn visit_at_times(&mut self, patience: Duration) -> bool {
        self.rounds % 2 == 1 || self.visit(patience)
    }

    /// Some come, leave everything lying about that pins a session, and go.
    fn visit(&mut self, patience: Duration) -> bool {
        let mut visitors = ["visitor_1", "visitor_2"].map(|name| self.occupant(name));
        let writes = self.writes;
        let both = self.occupy(&mut visitors, patience, |visitor, _| visitor.litter(writes), Occupant::leave);
        for visitor in &visitors {
            let free = format!("SELECT IS_FREE_LOCK('{}')", visitor.lock);
            eventually("a visitor is gone", || self.root.value(&free) == "1");
        }
        both
    }

    /// Some stay, each with a state of its own that it finds again and changes.
    fn settle(&mut self, patience: Duration) -> bool {
        let mut residents = self
            .residents
            .take()
            .unwrap_or_else(|| ["resident_1", "resident_2"].map(|name| self.occupant(name)));
        self.rounds += 1;
        let (round, writes) = (self.rounds, self.writes);
        let dirty = |resident: &mut Occupant, at: usize| resident.dirty(round + 2 * at, writes);
        let both = self.occupy(&mut residents, patience, dirty, Occupant::release);
        self.residents = Some(residents);
        both
    }

    fn occupant(&self, name: &str) -> Occupant {
        let client = RawClient::connect(&self.login).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        Occupant { client, lock: format!("{}_{name}", self.account), state: None }
    }

    /// Lets both act, on two connections at the same time if they can be had; tells whether they could.
    fn occupy(
        &mut self,
        pair: &mut [Occupant; 2],
        patience: Duration,
        act: impl Fn(&mut Occupant, usize),
        end: impl Fn(&mut Occupant),
    ) -> bool {
        let [one, other] = pair;
        one.ask_for_lock();
        one.await_lock();
        other.ask_for_lock();
        let both = self.is_held_within(&other.lock, patience);
        if both {
            self.assert_that_there_are_no_more(one, other);
        }
        act(one, 0);
        if !both {
            end(one);
        }
        other.await_lock();
        act(other, 1);
        end(other);
        if both {
            end(one);
        }
        both
    }

    fn is_held_within(&mut self, lock: &str, patience: Duration) -> bool {
        let begun = Instant::now();
        loop {
            let held = self.root.value(&format!("SELECT IS_USED_LOCK('{lock}') IS NOT NULL")) == "1";
            if held || begun.elapsed() > patience {
                return held;
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn assert_that_there_are_no_more(&mut self, one: &Occupant, other: &Occupant) {
        if Sharing::chosen() != Sharing::Multiplex {
            return;
        }
        let (one, other) = (&one.lock, &other.lock);
        let apart = format!("SELECT IS_USED_LOCK('{one}') <> IS_USED_LOCK('{other}')");
        assert_eq!(self.root.value(&apart), "1", "two locks of two sessions on one connection");
        let count = "SELECT COUNT(*) FROM information_schema.processlist WHERE user";
        let count = format!("{count} = '{}'", self.account);
        eventually("two connections are all there are", || self.root.value(&count) == "2");
    }
}

impl Occupant {
    fn ask_for_lock(&mut self) {
        let take = format!("\x03SELECT GET_LOCK('{}', 0)", self.lock);
        self.client.send(take.as_bytes()).unwrap();
    }

    fn await_lock(&mut self) {
        let packets = self.client.receive("the lock", Kind::Results, &[]).expect("a connection");
        assert!(packets.iter().any(|packet| packet.payload == b"\x011"), "the lock is free: {packets:?}");
    }

    fn release(&mut self) {
        self.client.run("SELECT RELEASE_ALL_LOCKS()");
    }

    fn leave(&mut self) {
        self.client.send(b"\x01").unwrap();
    }

    /// Leaves behind what lasts as long as a session.
    fn litter(&mut self, writes: Writes) {
        self.client.run("SET @a = 'disturbed', @b = 'disturbed', @x = 'disturbed'");
        self.client.run("PREPARE s FROM 'SELECT ''disturbed'''");
        self.client.run("SET autocommit = 0, last_insert_id = 4711, timestamp = 4711");
        self.client.run("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE");
        if writes == Writes::Allowed {
            self.client.run("CREATE TEMPORARY TABLE t (disturbed INT)");
            self.client.run("HANDLER disturbance.t OPEN AS h");
            self.client.run("INSERT INTO disturbance.t (word) VALUES ('never committed')");
        }
        self.client.run("SET insert_id = 4711");
        self.client.prepare("SELECT 'disturbed', ?");
    }

    /// Checks that the connection is in the state this session left, wherever that was, and makes it another.
    fn dirty(&mut self, number: usize, writes: Writes) {
        if let Some(state) = self.state.take() {
            assert_eq!(self.look(), state, "a session finds its own state again");
        }
        if writes == Writes::Allowed {
            self.client.run("INSERT INTO disturbance.t (word) VALUES ('one'), ('two'), ('three')");
        }
        let (charset, mode, zone, schema) = STATES[number % STATES.len()];
        let limit = 20 + number;
        self.client.run(&format!("SET sql_mode = '{mode}', time_zone = '{zone}', NAMES {charset}"));
        self.client.run(&format!("SET group_concat_max_len = {}, sql_select_limit = {limit}", 4000 + number));
        self.client.run(&format!("USE {schema}"));
        self.client.run("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
        // A warning that nobody has cleared would keep the connection; the statement behind it does.
        self.client.run("SELECT CAST('disturbed' AS SIGNED)");
        self.client.run("SELECT SQL_CALC_FOUND_ROWS seq FROM mysql.seq_1_to_777 LIMIT 2");
        self.client.run("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE");
        self.state = Some(self.look());
    }

    fn look(&mut self) -> String {
        self.client.value(
            "SELECT CONCAT_WS('|', @@sql_mode, @@time_zone, @@group_concat_max_len, @@sql_select_limit, \
             @@character_set_client, @@collation_connection, @@tx_isolation, DATABASE())",
        )
    }
}
