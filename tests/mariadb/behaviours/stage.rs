//! One run of a play: the sessions, and what can be done to them.

use std::sync::Arc;

use sealock::app::scratch::ScratchServer;

use super::Sharing;
use super::disturbance::{Disturbers, Writes};
use super::session::{Book, Protocol, Session};
use crate::support::client::RawClient;
use crate::support::login::Login;
use crate::support::proxy::Proxy;
use crate::support::response::Kind;
use crate::support::server::root_of;

/// One run of a play.
pub struct Stage<'a> {
    pub a: Session,
    pub b: Session,
    /// A second one who must not notice A: with B it holds every connection there is.
    witness: Session,
    cast: Cast,
    disturbers: Option<Disturbers>,
    server: &'a ScratchServer,
    proxy: Option<&'a Proxy>,
}

/// What is needed to let one more session come in.
#[derive(Clone)]
struct Cast {
    login: Login,
    protocol: Protocol,
    book: Book,
}

impl Cast {
    fn session(&self, name: &str) -> Session {
        Session::connect(&self.login, name, self.protocol, &self.book)
    }
}

impl<'a> Stage<'a> {
    /// Lets the cast come in, and through a proxy those who disturb it.
    pub fn set(
        server: &'a ScratchServer,
        account: &str,
        login: &Login,
        protocol: Protocol,
        book: &Book,
        proxy: Option<&'a Proxy>,
    ) -> Self {
        let cast = Cast { login: login.clone(), protocol, book: Arc::clone(book) };
        Self {
            a: cast.session("A"),
            b: cast.session("B"),
            witness: cast.session("witness"),
            disturbers: proxy.map(|_| Disturbers::new(account, login, root_of(server))),
            cast,
            server,
            proxy,
        }
    }

    /// A connection straight to the server that may do everything.
    pub fn root(&self) -> RawClient {
        root_of(self.server)
    }

    /// One more session of the same account.
    pub fn session(&self, name: &str) -> Session {
        self.cast.session(name)
    }

    /// One more session, that comes in another way.
    pub fn session_as(&self, login: &Login, name: &str) -> Session {
        Session::connect(login, name, self.cast.protocol, &self.cast.book)
    }

    /// How A came in.
    pub fn login(&self) -> &Login {
        &self.cast.login
    }

    /// Whether the sessions have two connections between them.
    pub fn shares_connections(&self) -> bool {
        self.disturbers.is_some() && Sharing::chosen() == Sharing::Multiplex
    }

    /// Others take and dirty every connection, all at the same time. Fails where A keeps one to itself.
    pub fn disturb(&mut self) {
        if let Some(disturbers) = &mut self.disturbers {
            let all = disturbers.take_all();
            assert!(all, "a session keeps a connection to itself: {}", self.sessions());
        }
    }

    /// Who has which connection at the moment and why, as the proxy says.
    fn sessions(&self) -> String {
        let proxy = self.proxy.expect("those who disturb come through a proxy");
        proxy.page("/api/v1/sessions").map_or_else(|error| error.to_string(), |(_, body)| body)
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

    /// Two who must not notice A look around on every connection that A leaves them, and reset themselves.
    pub fn others(&mut self, look: impl Fn(&mut Session)) {
        let schema = [b"\x02", self.cast.login.schema.as_deref().unwrap_or_default().as_bytes()].concat();
        self.around(look, |other| drop(other.ask("reset connection", b"\x1f", Kind::One)));
        // Their schema is still theirs, but its character set is not any more.
        self.b.ask("init db", &schema, Kind::One);
        self.witness.ask("init db", &schema, Kind::One);
    }

    /// The same without the reset, which would end what some of them do as well.
    pub fn others_keeping_their_state(&mut self, look: impl Fn(&mut Session)) {
        self.around(look, |other| drop(other.query("SELECT RELEASE_ALL_LOCKS()")));
    }

    /// Both hold a connection by a user lock while they look; `end` gives it back.
    fn around(&mut self, look: impl Fn(&mut Session), end: impl Fn(&mut Session)) {
        let user = &self.cast.login.user;
        let second = format!("{user}_witness");
        self.b.query(&format!("SELECT GET_LOCK('{user}_b', 0)"));
        let take = format!("SELECT GET_LOCK('{second}', 0)");
        self.witness.send(&[b"\x03", take.as_bytes()].concat()).unwrap();
        let both = self.disturbers.as_mut().is_none_or(|disturbers| disturbers.is_held_soon(&second));
        look(&mut self.b);
        if !both {
            end(&mut self.b);
        }
        self.witness.receive(&take, Kind::Results, &[]).unwrap();
        look(&mut self.witness);
        end(&mut self.witness);
        if both {
            end(&mut self.b);
        }
    }
}
