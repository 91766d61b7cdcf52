//! `[limits]`.

use std::time::Duration;

use crate::config::key::{Key, KeyDoc};
use crate::config::model::Limits;
use crate::config::section::{Section, assemble};
use crate::config::value::{POSITIVE, Size, is_positive};

const MAX_CLIENTS: Key<u32> = Key::with_default(
    "limits.max_clients",
    "10000",
    "Client connections at once; the next one hears 1040. Each takes two file descriptors.",
)
.accepting("whole number from 1 to 1000000", |count| (1..=1_000_000).contains(count));

const MAX_CLIENTS_PER_ACCOUNT: Key<u32> = Key::with_default(
    "limits.max_clients_per_account",
    "0",
    "Client connections of one account at once; 0 is no limit.",
);

const HANDSHAKE_TIMEOUT: Key<Duration> = Key::with_default(
    "limits.handshake_timeout",
    "\"10s\"",
    "Time from accepting a connection until the client has done its part of the login, TLS included. Waiting for a backend has limits of its own.",
)
.accepting(POSITIVE, is_positive);

const MAX_HANDSHAKE_PACKET: Key<Size> = Key::with_default(
    "limits.max_handshake_packet",
    "\"64KiB\"",
    "Largest packet accepted before authentication.",
)
.accepting("size from \"1KiB\" to \"1MiB\", or a number of bytes", |size| {
    (1 << 10..=1 << 20).contains(&size.0)
});

const CLIENT_IDLE_TIMEOUT: Key<Duration> = Key::with_default(
    "limits.client_idle_timeout",
    "\"8h\"",
    "How long a client may stay without sending a command; \"0s\" is for ever.",
);

const WRITE_TIMEOUT: Key<Duration> = Key::with_default(
    "limits.write_timeout",
    "\"10m\"",
    "How long a client may read nothing of what is sent to it; \"0s\" is for ever.",
);

const KILL_TIMEOUT: Key<Duration> = Key::with_default(
    "limits.kill_timeout",
    "\"5s\"",
    "Time to kill the running statement of a client that went away, or to clean a connection for the next client; a connection that takes longer is closed.",
)
.accepting(POSITIVE, is_positive);

pub(super) const KEYS: &[KeyDoc] = &[
    MAX_CLIENTS.doc(),
    MAX_CLIENTS_PER_ACCOUNT.doc(),
    HANDSHAKE_TIMEOUT.doc(),
    MAX_HANDSHAKE_PACKET.doc(),
    CLIENT_IDLE_TIMEOUT.doc(),
    WRITE_TIMEOUT.doc(),
    KILL_TIMEOUT.doc(),
];

pub(super) fn read(section: &Section<'_>) -> Option<Limits> {
    assemble!(Limits {
        max_clients: section.value(&MAX_CLIENTS),
        max_clients_per_account: section.value(&MAX_CLIENTS_PER_ACCOUNT),
        handshake_timeout: section.value(&HANDSHAKE_TIMEOUT),
        max_handshake_packet: section.value(&MAX_HANDSHAKE_PACKET).map(|size| size.0),
        client_idle_timeout: section.value(&CLIENT_IDLE_TIMEOUT),
        write_timeout: section.value(&WRITE_TIMEOUT),
        kill_timeout: section.value(&KILL_TIMEOUT),
    })
}
