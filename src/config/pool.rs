//! `[pool]`.

use std::time::Duration;

use crate::config::key::{Key, KeyDoc};
use crate::config::model::{Pool, PoolMode};
use crate::config::section::{Section, assemble};
use crate::config::value::{POSITIVE, is_positive};

const MODE: Key<PoolMode> = Key::with_default(
    "pool.mode",
    "\"multiplex\"",
    "How connections to the servers are shared: `multiplex` lends one for each statement (see docs/multiplexing.md); `session` gives each client one for as long as it stays, then resets it for the next. Relayed logins are always `session`.",
);

const MAX_CONNECTIONS: Key<u32> = Key::with_default(
    "pool.max_connections",
    "100",
    "Connections to each server for each account, in use and idle.",
)
.accepting("whole number from 1 to 100000", |count| (1..=100_000).contains(count));

const MAX_IDLE: Key<u32> = Key::with_default(
    "pool.max_idle",
    "10",
    "Idle connections kept to each server for each account in mode `session`; 0 closes them all.",
)
.accepting("whole number from 0 to 100000", |count| *count <= 100_000);

const MIN_IDLE: Key<u32> = Key::with_default(
    "pool.min_idle",
    "1",
    "Idle connections kept to each server for each account in mode `multiplex`, however long nobody uses them.",
)
.accepting("whole number from 0 to 100000", |count| *count <= 100_000);

const MAX_STATEMENTS: Key<u32> = Key::with_default(
    "pool.max_statements",
    "200",
    "Prepared statements kept on each connection in mode `multiplex`; those used least recently are closed, and prepared again when a client executes them.",
)
.accepting("whole number from 1 to 10000", |count| (1..=10_000).contains(count));

const ACQUIRE_TIMEOUT: Key<Duration> = Key::with_default(
    "pool.acquire_timeout",
    "\"10s\"",
    "How long a client waits for a connection before it hears 1047.",
)
.accepting(POSITIVE, is_positive);

const IDLE_TIMEOUT: Key<Duration> =
    Key::with_default("pool.idle_timeout", "\"60s\"", "How long an idle connection is kept.")
        .accepting(POSITIVE, is_positive);

const MAX_LIFETIME: Key<Duration> = Key::with_default(
    "pool.max_lifetime",
    "\"1h\"",
    "Age after which a connection is not given to another client.",
)
.accepting(POSITIVE, is_positive);

pub(super) const KEYS: &[KeyDoc] = &[
    MODE.doc(),
    MAX_CONNECTIONS.doc(),
    MAX_IDLE.doc(),
    MIN_IDLE.doc(),
    MAX_STATEMENTS.doc(),
    ACQUIRE_TIMEOUT.doc(),
    IDLE_TIMEOUT.doc(),
    MAX_LIFETIME.doc(),
];

pub(super) fn read(section: &Section<'_>) -> Option<Pool> {
    assemble!(Pool {
        mode: section.value(&MODE),
        max_connections: section.value(&MAX_CONNECTIONS),
        max_idle: section.value(&MAX_IDLE),
        min_idle: section.value(&MIN_IDLE),
        max_statements: section.value(&MAX_STATEMENTS),
        acquire_timeout: section.value(&ACQUIRE_TIMEOUT),
        idle_timeout: section.value(&IDLE_TIMEOUT),
        max_lifetime: section.value(&MAX_LIFETIME),
    })
}
