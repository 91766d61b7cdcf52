//! `[[backend]]` and `[backend.tls]`.

use std::time::Duration;

use crate::config::address::is_host;
use crate::config::files::{PrivateFile, ReadableFile};
use crate::config::key::{Key, KeyDoc};
use crate::config::model::{Address, Backend, BackendTls, BackendTlsMode, TlsVersion};
use crate::config::section::{Section, assemble};
use crate::config::value::Name;

const NAME: Key<Name> = Key::required("backend.name", "Name in logs and metrics. Must be unique.");

const ADDRESS: Key<Address> = Key::required("backend.address", "Where the MariaDB server listens.")
    .accepting("\"host:port\", \"[IPv6]:port\" or \"unix:/path\"", |address| {
        !matches!(address, Address::Tcp { port: 0, .. })
    });

const GROUP: Key<Name> = Key::with_default(
    "backend.group",
    "\"main\"",
    "Group of servers that can stand in for each other; the first one that is up is used. The same for all backends, as long as nothing routes between groups.",
);

const PROXY_PROTOCOL: Key<bool> = Key::with_default(
    "backend.proxy_protocol",
    "false",
    "Whether to tell the server the client's address with a PROXY v2 header. The server must list the proxy in `proxy_protocol_networks`.",
);

const CONNECT_TIMEOUT: Key<Duration> = Key::with_default(
    "backend.connect_timeout",
    "\"5s\"",
    "Time to connect, negotiate TLS and log in, all together.",
)
.accepting("duration from \"1ms\" to \"5m\"", |time| {
    (Duration::from_millis(1)..=Duration::from_secs(300)).contains(time)
});

const MODE: Key<BackendTlsMode> = Key::optional(
    "backend.tls.mode",
    "`\"verify-full\"`; `\"disabled\"` for a unix socket",
    "Whether TLS is used, and what is verified: nothing (`required`), the chain (`verify-ca`), chain and name (`verify-full`). \
     Nothing ever falls back to plaintext.",
);

const CA: Key<ReadableFile> =
    Key::optional("backend.tls.ca", "the system's certificate store", "CA certificates to trust.");

const CERTIFICATE: Key<ReadableFile> = Key::optional(
    "backend.tls.certificate",
    "none is shown",
    "Client certificate chain, leaf first, for servers that ask for one.",
);

const KEY: Key<PrivateFile> =
    Key::optional("backend.tls.key", "as for `certificate`", "Private key of the client certificate.");

const SERVER_NAME: Key<String> = Key::optional(
    "backend.tls.server_name",
    "the host of `address`",
    "Name to verify in the server's certificate and to send as SNI.",
)
.accepting("host name or IP address", |name| is_host(name) || name.parse::<std::net::Ipv6Addr>().is_ok());

const MIN_VERSION: Key<TlsVersion> =
    Key::with_default("backend.tls.min_version", "\"1.2\"", "Oldest TLS version accepted.");

pub(super) const KEYS: &[KeyDoc] = &[
    NAME.doc(),
    ADDRESS.doc(),
    GROUP.doc(),
    PROXY_PROTOCOL.doc(),
    CONNECT_TIMEOUT.doc(),
    MODE.doc(),
    CA.doc(),
    CERTIFICATE.doc(),
    KEY.doc(),
    SERVER_NAME.doc(),
    MIN_VERSION.doc(),
];

pub(super) fn read(section: &Section<'_>) -> Option<Backend> {
    let server = section.value(&ADDRESS);
    let local_socket = matches!(server, Some(Address::Unix(_)));
    assemble!(Backend {
        name: section.value(&NAME).map(|name| name.0),
        group: section.value(&GROUP).map(|group| group.0),
        proxy_protocol: section.value(&PROXY_PROTOCOL),
        connect_timeout: section.value(&CONNECT_TIMEOUT),
        tls: section.table("tls").and_then(|section| match local_socket {
            true => read_tls_of_socket(&section),
            false => read_tls(&section, BackendTlsMode::VerifyFull),
        }),
        address: server,
    })
}

/// Over a unix socket there is no TLS unless it is asked for, and no host whose name could be verified.
fn read_tls_of_socket(section: &Section<'_>) -> Option<BackendTls> {
    let tls = read_tls(section, BackendTlsMode::Disabled)?;
    let configured = tls.ca.is_some() || tls.certificate.is_some() || tls.server_name.is_some();
    if configured && !section.has(&MODE) {
        let found = "nothing beside other TLS keys, for a unix socket, where TLS is off by default";
        return section.refuse(&MODE, found, MODE.doc().accepts);
    }
    if tls.mode == BackendTlsMode::VerifyFull && tls.server_name.is_none() {
        let accepted = "the name to verify, because a unix socket has none (or mode \"verify-ca\")";
        return section.refuse(&SERVER_NAME, "nothing", accepted);
    }
    Some(tls)
}

fn read_tls(section: &Section<'_>, default: BackendTlsMode) -> Option<BackendTls> {
    section.refuse_lonely(&CERTIFICATE, &KEY);
    let tls = assemble!(BackendTls {
        mode: section.optional(&MODE).map(|mode| mode.unwrap_or(default)),
        ca: section.optional(&CA).map(|file| file.map(|file| file.0)),
        certificate: section.optional(&CERTIFICATE).map(|file| file.map(|file| file.0)),
        key: section.optional(&KEY).map(|file| file.map(|file| file.0)),
        server_name: section.optional(&SERVER_NAME),
        min_version: section.value(&MIN_VERSION),
    })?;
    if tls.mode == BackendTlsMode::Required && tls.ca.is_some() {
        let accepted = "\"verify-ca\" or \"verify-full\", or no `ca`";
        return section.refuse(&MODE, "\"required\", which verifies nothing, with a `ca`", accepted);
    }
    Some(tls)
}
