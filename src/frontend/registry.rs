//! Who is connected: the ids that clients know themselves by, and the backend connections behind them.
//!
//! Ids start at 2³⁰, far above any server's own, so that `KILL` can take both: an id from here means a client of the
//! proxy, any other a connection of the server. The race of a KILL with the end of its target is decided under the lock
//! of the target's [`Entry`]: whoever wants to kill marks the entry first, and a marked session's backend connection is
//! closed instead of given to somebody else.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::backend::BackendThreadId;
use crate::frontend::activity::{Activity, Profile};

/// The id of a client, as in its handshake, `CONNECTION_ID()` and KILL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientId(u32);

/// The smallest client id. Fits into a signed 32-bit integer, as some client libraries need.
const FIRST: u32 = 1 << 30;

/// One more than the largest.
const END: u32 = 1 << 31;

impl ClientId {
    /// The number.
    pub fn number(self) -> u32 {
        self.0
    }

    /// The client id of this number, if it is one.
    pub fn from_number(number: u64) -> Option<Self> {
        u32::try_from(number).ok().filter(|number| (FIRST..END).contains(number)).map(Self)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// All clients that are logged in.
#[derive(Default)]
pub struct Registry {
    issued: AtomicU32,
    entries: Mutex<HashMap<ClientId, Arc<Entry>>>,
}

/// One client.
#[derive(Debug)]
pub struct Entry {
    id: ClientId,
    profile: Mutex<Profile>,
    activity: Mutex<Activity>,
    killed: AtomicBool,
    target: Mutex<Target>,
    wake: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Target {
    connection: Option<Located>,
    kill: Kill,
}

/// A connection to one of the backends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The backend's name.
    pub backend: Arc<str>,
    /// The server's id for the connection.
    pub thread: BackendThreadId,
}

/// Whether somebody is killing the session's backend connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kill {
    /// Nobody.
    #[default]
    None,
    /// A KILL is, or may still be, on its way to the server.
    UnderWay,
}

/// What became of killing a client that has no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtRest {
    /// It is done.
    Done,
    /// It has a connection, on which it can be killed.
    Busy,
    /// It is another account's.
    NotOwner,
    /// It has gone, or there never was one.
    NoSuchClient,
}

/// One client at one moment.
#[derive(Clone, Debug)]
pub struct Overview {
    /// Its id.
    pub id: ClientId,
    /// What is known of it.
    pub profile: Profile,
    /// What it is doing.
    pub activity: Activity,
    /// The connection that it has.
    pub connection: Option<Located>,
}

/// What a KILL is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victim {
    /// The client's session.
    Client,
    /// Its present statement.
    Statement,
}

/// A client's place in the registry, given up when dropped.
pub struct Registered {
    registry: Arc<Registry>,
    entry: Arc<Entry>,
}

impl Registry {
    /// A fresh id. After 2³⁰ clients they start over, passing over those still in use.
    pub fn issue(&self) -> ClientId {
        loop {
            let count = self.issued.fetch_add(1, Ordering::Relaxed) % (END - FIRST);
            let id = ClientId(FIRST + count);
            if !self.lock().contains_key(&id) {
                return id;
            }
        }
    }

    /// Enters a client that has logged in.
    pub fn enter(self: &Arc<Self>, id: ClientId, profile: Profile) -> Registered {
        let entry = Arc::new(Entry {
            id,
            profile: Mutex::new(profile),
            activity: Mutex::default(),
            killed: AtomicBool::new(false),
            target: Mutex::default(),
            wake: Arc::default(),
        });
        self.lock().insert(id, Arc::clone(&entry));
        Registered { registry: Arc::clone(self), entry }
    }

    /// The connection to `backend` of a client that is about to be killed there; from now on that connection is not
    /// passed on. None when the client has no connection to that backend: ids mean nothing on another server.
    pub fn target(&self, id: ClientId, backend: &str) -> Option<BackendThreadId> {
        let entry = self.lock().get(&id).cloned()?;
        let mut target = entry.lock();
        let thread = target.connection.as_ref().filter(|located| &*located.backend == backend)?.thread;
        target.kill = Kill::UnderWay;
        Some(thread)
    }

    /// Kills a client that has no connection at the moment, or its statement, which then is none. With an account only a client
    /// of that one, as a server does it for those without the privilege.
    pub fn kill_at_rest(&self, id: ClientId, account: Option<&[u8]>, what: Victim) -> AtRest {
        let Some(entry) = self.lock().get(&id).cloned() else { return AtRest::NoSuchClient };
        if entry.lock().connection.is_some() {
            return AtRest::Busy;
        }
        if account.is_some_and(|account| account != entry.profile().account) {
            return AtRest::NotOwner;
        }
        if what == Victim::Client {
            entry.killed.store(true, Ordering::Release);
            entry.wake.notify_waiters();
        }
        AtRest::Done
    }

    /// Every client with what it is doing.
    pub fn overview(&self) -> Vec<Overview> {
        let entries: Vec<Arc<Entry>> = self.lock().values().cloned().collect();
        entries.iter().map(|entry| entry.overview()).collect()
    }

    /// Makes every session look up: the proxy's phase has changed.
    pub fn wake_all(&self) {
        self.lock().values().for_each(|entry| entry.wake.notify_waiters());
    }

    /// How many clients there are.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ClientId, Arc<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn profile(&self) -> MutexGuard<'_, Profile> {
        self.profile.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn activity(&self) -> MutexGuard<'_, Activity> {
        self.activity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn overview(&self) -> Overview {
        Overview {
            id: self.id,
            profile: self.profile().clone(),
            activity: self.activity().clone(),
            connection: self.lock().connection.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Target> {
        self.target.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registered {
    /// The client's id.
    pub fn id(&self) -> ClientId {
        self.entry.id
    }

    /// What is to be seen of the client's doings.
    pub fn activity(&self) -> MutexGuard<'_, Activity> {
        self.entry.activity()
    }

    /// The client has logged in as somebody else.
    pub fn become_user(&self, profile: Profile) {
        *self.entry.profile() = profile;
    }

    /// Whether somebody has killed this client while it had no connection.
    pub fn is_killed(&self) -> bool {
        self.entry.killed.load(Ordering::Acquire)
    }

    /// Notified when the proxy's phase changes, and when the client was killed.
    pub fn wake(&self) -> &Arc<Notify> {
        &self.entry.wake
    }

    /// The session uses this backend connection from now on.
    pub fn attach(&self, connection: Located) {
        *self.entry.lock() = Target { connection: Some(connection), kill: Kill::None };
    }

    /// Whether somebody is killing the session's connection.
    pub fn kill_under_way(&self) -> bool {
        self.entry.lock().kill == Kill::UnderWay
    }

    /// The session gives its backend connection up. Tells whether a KILL may be on its way to it.
    #[must_use]
    pub fn detach(&self) -> Kill {
        std::mem::take(&mut *self.entry.lock()).kill
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.registry.lock().remove(&self.entry.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_db1(thread: u32) -> Located {
        Located { backend: "db1".into(), thread: BackendThreadId(thread) }
    }

    #[test]
    fn a_client_on_another_server_is_no_target() {
        let registry = Arc::new(Registry::default());
        let client = registry.enter(registry.issue(), Profile::of_nobody());
        client.attach(on_db1(7));
        assert_eq!(registry.target(client.id(), "db2"), None);
        assert_eq!(client.detach(), Kill::None);
    }

    #[test]
    fn ids_are_unique_and_recognised() {
        let registry = Arc::new(Registry::default());
        let (one, two) = (registry.issue(), registry.issue());
        assert_ne!(one, two);
        assert_eq!(ClientId::from_number(u64::from(one.number())), Some(one));
        assert_eq!(ClientId::from_number(17), None);
        assert_eq!(ClientId::from_number(u64::MAX), None);
    }

    #[test]
    fn a_connection_marked_for_a_kill_is_known_as_such_when_it_is_given_up() {
        let registry = Arc::new(Registry::default());
        let client = registry.enter(registry.issue(), Profile::of_nobody());
        assert_eq!(registry.target(client.id(), "db1"), None);
        client.attach(on_db1(7));
        assert_eq!(client.detach(), Kill::None);
        client.attach(on_db1(8));
        assert_eq!(registry.target(client.id(), "db1"), Some(BackendThreadId(8)));
        assert_eq!(client.detach(), Kill::UnderWay);
    }

    #[test]
    fn after_the_session_gave_its_connection_up_a_kill_finds_nothing() {
        let registry = Arc::new(Registry::default());
        let client = registry.enter(registry.issue(), Profile::of_nobody());
        client.attach(on_db1(7));
        assert_eq!(client.detach(), Kill::None);
        assert_eq!(registry.target(client.id(), "db1"), None);
        let id = client.id();
        drop(client);
        assert_eq!(registry.target(id, "db1"), None);
        assert!(registry.is_empty());
    }
}
