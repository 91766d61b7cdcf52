//! Plays: one script, acted once without the proxy and once through it for every kind of client, and compared.

use std::sync::Arc;

use super::Sharing;
use super::disturbance::{Disturbers, Writes};
use super::session::{Book, Protocol, Session};
use crate::support::capabilities::{BASE, DEPRECATE_EOF, SESSION_TRACK};
use crate::support::client::RawClient;
use crate::support::compare::{DIALECTS, assert_same};
use crate::support::eventually;
use crate::support::login::Login;
use crate::support::proxy::{Proxy, ProxyBuilder};
use crate::support::server::{PASSWORD, direct, root};
use crate::support::tls::unverified;

/// A promise about sessions that share connections.
pub struct Play {
    /// The account, and the schema that every run finds empty.
    name: &'static str,
    capabilities: u64,
    dialects: Vec<u64>,
    protocols: Vec<Protocol>,
    others: Vec<&'static str>,
    grant: String,
}

/// One run of a play.
pub struct Stage {
    pub a: Session,
    pub b: Session,
    /// A second one who must not notice A: with B it holds every connection there is.
    witness: Session,
    cast: Cast,
    disturbers: Option<Disturbers>,
}

/// What is needed to let one more session come in.
#[derive(Clone)]
struct Cast {
    login: Login,
    protocol: Protocol,
    book: Book,
}

impl Play {
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            capabilities: 0,
            dialects: DIALECTS.to_vec(),
            protocols: vec![Protocol::Text, Protocol::Binary],
            others: Vec::new(),
            grant: "ALL ON *.*".to_owned(),
        }
    }

    /// Capabilities beside the basic ones and the dialect.
    pub fn capabilities(mut self, capabilities: u64) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Fewer ways of reading responses, where a run is long.
    pub fn dialects(mut self, dialects: &[u64]) -> Self {
        self.dialects = dialects.to_vec();
        self
    }

    /// The oldest and the newest kind of client only.
    pub fn extremes(self) -> Self {
        self.dialects(&[0, DEPRECATE_EOF | SESSION_TRACK])
    }

    /// The script chooses the protocol itself.
    pub fn in_one_protocol(mut self) -> Self {
        self.protocols = vec![Protocol::Text];
        self
    }

    /// One more account that the proxy knows, with the same rights and password.
    pub fn account(mut self, user: &'static str) -> Self {
        self.others.push(user);
        self
    }

    /// What the accounts may do instead of everything.
    pub fn granted(mut self, grant: &str) -> Self {
        grant.clone_into(&mut self.grant);
        self
    }

    /// Acts the script directly and through the proxy, for each kind of client, and compares what every session was sent.
    pub fn compare(&self, script: impl Fn(&mut Stage)) {
        self.accounts();
        let proxy = self.proxy().start();
        for (number, &dialect) in self.dialects.iter().enumerate() {
            for &protocol in &self.protocols {
                let login = Login::new(direct(), self.name, PASSWORD)
                    .schema(self.name)
                    .capabilities(BASE | self.capabilities | dialect);
                let expected = self.act(&login, protocol, None, &script);
                let through = Login { endpoint: proxy.endpoint(), ..login };
                let secured = number % 2 == 1;
                let through = if secured { through.tls(&unverified(), "localhost") } else { through };
                let found = self.act(&through, protocol, Some(&proxy), &script);
                let place = format!("{} in dialect {dialect:#x}, {protocol:?}, TLS {secured}", self.name);
                same(&place, &expected, &found, dialect);
            }
        }
    }

    /// The accounts at the server, and a schema for them.
    pub fn accounts(&self) {
        let mut root = root();
        root.run(&format!("CREATE DATABASE IF NOT EXISTS {} CHARACTER SET utf8mb4", self.name));
        for user in self.others.iter().chain([&self.name]) {
            root.run(&format!("CREATE OR REPLACE USER {user} IDENTIFIED BY '{PASSWORD}'"));
            root.run(&format!("GRANT {} TO {user} WITH GRANT OPTION", self.grant));
        }
    }

    /// A proxy whose account of this name shares two connections.
    pub fn proxy(&self) -> ProxyBuilder {
        let builder = Proxy::builder().section(Sharing::chosen().pool());
        self.others.iter().chain([&self.name]).fold(builder, |builder, user| {
            builder.account(&format!("user = \"{user}\"\npassword = \"{PASSWORD}\""))
        })
    }

    fn act(
        &self,
        login: &Login,
        protocol: Protocol,
        proxy: Option<&Proxy>,
        script: &impl Fn(&mut Stage),
    ) -> Book {
        let mut root = root();
        self.empty(&mut root);
        let cast = Cast { login: login.clone(), protocol, book: Book::default() };
        let disturbers = proxy.map(|_| Disturbers::new(self.name, login));
        let mut stage = Stage {
            a: cast.session("A"),
            b: cast.session("B"),
            witness: cast.session("witness"),
            cast: cast.clone(),
            disturbers,
        };
        script(&mut stage);
        drop(stage);
        cast.book
    }

    /// Waits until nobody of the last run is left, and makes an empty schema.
    fn empty(&self, root: &mut RawClient) {
        let count = "SELECT COUNT(*) FROM information_schema.processlist WHERE user";
        eventually("the last run's connections are gone or idle", || {
            let left = root.value(&format!("{count} = '{}' AND command <> 'Sleep'", self.name));
            left == "0"
        });
        root.run(&format!("DROP DATABASE IF EXISTS {}", self.name));
        root.run(&format!("CREATE DATABASE {} CHARACTER SET utf8mb4", self.name));
    }
}

impl Cast {
    fn session(&self, name: &str) -> Session {
        Session::connect(&self.login, name, self.protocol, &self.book)
    }
}

impl Stage {
    /// One more session of the same account.
    pub fn session(&self, name: &str) -> Session {
        self.cast.session(name)
    }

    /// One more session, of another account.
    pub fn session_of(&self, user: &str, name: &str) -> Session {
        let login = Login { user: user.to_owned(), ..self.cast.login.clone() };
        Session::connect(&login, name, self.cast.protocol, &self.cast.book)
    }

    /// The protocol in which this run's statements are sent.
    pub fn protocol(&self) -> Protocol {
        self.cast.protocol
    }

    /// How A came in.
    pub fn login(&self) -> &Login {
        &self.cast.login
    }

    /// Whether this is the run through the proxy.
    pub fn is_proxied(&self) -> bool {
        self.disturbers.is_some()
    }

    /// Others take and dirty every connection, all at the same time. Fails where A keeps one to itself.
    pub fn disturb(&mut self) {
        if let Some(disturbers) = &mut self.disturbers {
            disturbers.take_all();
        }
    }

    /// Others take and dirty every connection that A leaves them.
    pub fn disturb_around(&mut self) {
        if let Some(disturbers) = &mut self.disturbers {
            disturbers.take_what_is_free();
        }
    }

    /// While somebody holds a lock on everything, nobody else may try to write.
    pub fn others_write(&mut self, writes: Writes) {
        if let Some(disturbers) = &mut self.disturbers {
            disturbers.writes = writes;
        }
    }

    /// Two who must not notice A look around on every connection that A leaves them.
    pub fn others(&mut self, look: impl Fn(&mut Session)) {
        let locks = [format!("{}_b", self.cast.login.user), format!("{}_witness", self.cast.login.user)];
        self.b.query(&format!("SELECT GET_LOCK('{}', 0)", locks[0]));
        let lock = format!("SELECT GET_LOCK('{}', 0)", locks[1]);
        self.witness.send(&[b"\x03", lock.as_bytes()].concat()).unwrap();
        let both = self.disturbers.as_mut().is_none_or(|disturbers| disturbers.is_held_soon(&locks[1]));
        look(&mut self.b);
        if !both {
            self.b.query("SELECT RELEASE_ALL_LOCKS()");
        }
        self.witness.receive(&lock, crate::support::response::Kind::Results, &[]).unwrap();
        look(&mut self.witness);
        self.witness.query("SELECT RELEASE_ALL_LOCKS()");
        if both {
            self.b.query("SELECT RELEASE_ALL_LOCKS()");
        }
    }
}

fn same(place: &str, expected: &Book, found: &Book, dialect: u64) {
    let (expected, found) = (Arc::clone(expected), Arc::clone(found));
    let (expected, found) = (expected.lock().unwrap(), found.lock().unwrap());
    assert!(expected.keys().eq(found.keys()), "{place}: other sessions");
    assert!(expected["A"].len() > 1, "{place}: A never spoke");
    for (name, exchanges) in expected.iter() {
        assert_same(&format!("{name} of {place}"), exchanges, &found[name], dialect);
    }
}
