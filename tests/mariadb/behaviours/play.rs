//! Plays: one script, acted once without the proxy and once through it for every kind of client, and compared.

use std::env;
use std::sync::Arc;

use sealock::app::scratch::ScratchServer;

use super::Sharing;
use super::session::{Book, Protocol};
use super::stage::Stage;
use crate::support::capabilities::{BASE, DEPRECATE_EOF, SESSION_TRACK};
use crate::support::client::RawClient;
use crate::support::compare::{DIALECTS, assert_same};
use crate::support::eventually;
use crate::support::login::Login;
use crate::support::proxy::{Proxy, ProxyBuilder};
use crate::support::server::{PASSWORD, root_of, server};
use crate::support::tls::unverified;
use crate::support::wire::Endpoint;

/// A promise about sessions that share connections.
pub struct Play<'a> {
    server: &'a ScratchServer,
    /// The account, and the schema that every run finds empty.
    name: &'static str,
    capabilities: u64,
    kinds: Vec<Kind>,
    /// Further accounts, and how they prove who they are.
    others: Vec<(&'static str, &'static str)>,
    grants: Vec<&'static str>,
}

/// How an account is identified unless said otherwise; the password follows.
const NATIVE: &str = "VIA mysql_native_password USING PASSWORD";

/// What a client of one run is like.
#[derive(Debug, Clone, Copy)]
struct Kind {
    dialect: u64,
    protocol: Protocol,
    /// Inside TLS.
    secured: bool,
}

/// Text in the oldest dialect, binary inside TLS in the newest.
const EXTREMES: [Kind; 2] = [
    Kind { dialect: 0, protocol: Protocol::Text, secured: false },
    Kind { dialect: DEPRECATE_EOF | SESSION_TRACK, protocol: Protocol::Binary, secured: true },
];

/// Each dialect once, in turns with the rest; or, with `SEALOCK_BEHAVIOURS_FULL` in the environment, each with each.
fn every_kind() -> Vec<Kind> {
    let of = |dialect, protocol, secured| Kind { dialect, protocol, secured };
    if env::var_os("SEALOCK_BEHAVIOURS_FULL").is_some() {
        return DIALECTS
            .into_iter()
            .flat_map(|dialect| [of(dialect, Protocol::Text, true), of(dialect, Protocol::Binary, false)])
            .collect();
    }
    vec![
        EXTREMES[0],
        of(DEPRECATE_EOF, Protocol::Text, true),
        of(SESSION_TRACK, Protocol::Binary, false),
        EXTREMES[1],
    ]
}

impl<'a> Play<'a> {
    /// On the server that all tests share.
    pub fn new(name: &'static str) -> Self {
        Self::on(server(), name)
    }

    /// On a server of its own.
    pub fn on(server: &'a ScratchServer, name: &'static str) -> Self {
        Self {
            server,
            name,
            capabilities: 0,
            kinds: every_kind(),
            others: Vec::new(),
            grants: vec!["ALL ON *.*"],
        }
    }

    /// Capabilities beside the basic ones and the dialect.
    pub fn capabilities(mut self, capabilities: u64) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Only two kinds of client, as unlike each other as they can be, where a run is long.
    pub fn extremes(mut self) -> Self {
        self.kinds = vec![EXTREMES[0], EXTREMES[1]];
        self
    }

    /// Every kind of client but those of one dialect.
    pub fn without(mut self, dialect: u64) -> Self {
        self.kinds.retain(|kind| kind.dialect != dialect);
        self
    }

    /// Clients of one dialect and no others.
    pub fn only(mut self, dialect: u64) -> Self {
        self.kinds.retain(|kind| kind.dialect == dialect);
        self
    }

    /// The script chooses the protocol itself.
    pub fn in_one_protocol(mut self) -> Self {
        self.kinds.dedup_by_key(|kind| kind.dialect);
        self.kinds.iter_mut().for_each(|kind| kind.protocol = Protocol::Text);
        self
    }

    /// One more account that the proxy knows, with the same rights and password.
    pub fn account(mut self, user: &'static str) -> Self {
        self.others.push((user, NATIVE));
        self
    }

    /// The same for an account with another plugin.
    pub fn account_with(mut self, user: &'static str, how: &'static str) -> Self {
        self.others.push((user, how));
        self
    }

    /// What the accounts may do instead of everything, beside what disturbers need.
    pub fn granted(mut self, grants: &[&'static str]) -> Self {
        self.grants = [grants, &["ALL ON disturbance.*", "SELECT ON mysql.*"]].concat();
        self
    }

    /// Acts the script directly and through the proxy, for each kind of client, and compares what every session was sent.
    pub fn compare(&self, script: impl Fn(&mut Stage<'_>)) {
        self.accounts();
        let proxy = self.proxy().start();
        let here = Endpoint::Tcp(self.server.port().unwrap());
        let announced = announced(&Login::new(proxy.endpoint(), self.name, PASSWORD)) | 0xffff_ffff;
        for kind in &self.kinds {
            let login = Login::new(here.clone(), self.name, PASSWORD)
                .schema(self.name)
                .capabilities(BASE | self.capabilities & announced | kind.dialect);
            let expected = self.act(&login, kind.protocol, None, &script);
            let through = Login { endpoint: proxy.endpoint(), ..login };
            let through = if kind.secured { through.tls(&unverified(), "localhost") } else { through };
            let found = self.act(&through, kind.protocol, Some(&proxy), &script);
            same(&format!("{} as {kind:x?}", self.name), &expected, &found, kind.dialect);
        }
    }

    /// Acts the script through the proxy only, where no two runs can be alike.
    pub fn act_through_the_proxy(&self, script: impl Fn(&mut Stage<'_>)) {
        self.accounts();
        let proxy = self.proxy().start();
        for kind in &self.kinds {
            let login = Login::new(proxy.endpoint(), self.name, PASSWORD)
                .schema(self.name)
                .capabilities(BASE | self.capabilities | kind.dialect);
            self.act(&login, kind.protocol, Some(&proxy), &script);
        }
    }

    /// The accounts at the server, and a schema for them.
    pub fn accounts(&self) {
        let mut root = root_of(self.server);
        root.run(&format!("CREATE DATABASE IF NOT EXISTS {} CHARACTER SET utf8mb4", self.name));
        for (user, how) in self.others.iter().chain([&(self.name, NATIVE)]) {
            root.run(&format!("CREATE OR REPLACE USER {user} IDENTIFIED {how}('{PASSWORD}')"));
            for grant in &self.grants {
                root.run(&format!("GRANT {grant} TO {user} WITH GRANT OPTION"));
            }
        }
    }

    /// A proxy whose account of this name shares two connections.
    pub fn proxy(&self) -> ProxyBuilder {
        let address = format!("127.0.0.1:{}", self.server.port().unwrap());
        let builder = Proxy::in_front_of(&address).section(&Sharing::chosen().pool());
        self.others.iter().map(|(user, _)| user).chain([&self.name]).fold(builder, |builder, user| {
            builder.account(&format!("user = \"{user}\"\npassword = \"{PASSWORD}\""))
        })
    }

    fn act(
        &self,
        login: &Login,
        protocol: Protocol,
        proxy: Option<&Proxy>,
        script: &impl Fn(&mut Stage<'_>),
    ) -> Book {
        self.empty(&mut root_of(self.server));
        let book = Book::default();
        let mut stage = Stage::set(self.server, self.name, login, protocol, &book, proxy);
        script(&mut stage);
        drop(stage);
        book
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

/// The capabilities in the greeting.
fn announced(login: &Login) -> u64 {
    RawClient::connect(login).map_or(0, |client| client.greeting.capabilities)
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
