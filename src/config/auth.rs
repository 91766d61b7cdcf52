//! `[auth]`.

use crate::config::key::{Key, KeyDoc};
use std::time::Duration;

use crate::config::model::{Auth, AuthPlugin, HostCheck};
use crate::config::section::{Section, assemble};

const DEFAULT_PLUGIN: Key<AuthPlugin> = Key::with_default(
    "auth.default_plugin",
    "\"mysql_native_password\"",
    "Plugin that the greeting announces, and that accounts without `plugin` use.",
);

/// Relay needs no list of users; without it there must be one.
pub(super) const RELAY: Key<bool> = Key::with_default(
    "auth.relay",
    "true",
    "Whether the login of a user without an `[[account]]` is passed on to the server, with any plugin the server asks for.",
);

const RECOVER: Key<bool> = Key::with_default(
    "auth.recover",
    "true",
    "Whether the servers' account tables are read, so that accounts with `mysql_native_password` need no `[[account]]` to share connections, and host patterns and `REQUIRE …` hold for clients as they do directly. Takes a `[service]` login that may `SELECT` from `mysql.global_priv`.",
);

const REFRESH: Key<Duration> = Key::with_default(
    "auth.refresh",
    "\"10s\"",
    "How often they are read again; a login that they do not explain has them read at once, at most once a second. What changes in an account holds here after as long.",
)
.accepting("duration from \"100ms\" to \"1h\"", |every| {
    (Duration::from_millis(100)..=Duration::from_secs(3600)).contains(every)
});

const HOSTS: Key<HostCheck> = Key::with_default(
    "auth.hosts",
    "\"client\"",
    "Whose address the host patterns of those accounts are held against: `client`, the client's own, as directly; `server`, the one that the server sees, which without `backend.proxy_protocol` is the proxy's.",
);

pub(super) const KEYS: &[KeyDoc] =
    &[DEFAULT_PLUGIN.doc(), RELAY.doc(), RECOVER.doc(), REFRESH.doc(), HOSTS.doc()];

pub(super) fn read(section: &Section<'_>) -> Option<Auth> {
    assemble!(Auth {
        default_plugin: section.value(&DEFAULT_PLUGIN),
        relay: section.value(&RELAY),
        recover: section.value(&RECOVER),
        refresh: section.value(&REFRESH),
        hosts: section.value(&HOSTS),
    })
}
