//! `[[listener]]` and `[listener.tls]`.

use ipnet::IpNet;

use crate::config::files::{PrivateFile, ReadableFile};
use crate::config::key::{Key, KeyDoc};
use crate::config::model::{Address, ClientCertificate, Listener, ListenerTls, ListenerTlsMode, TlsVersion};
use crate::config::section::{Section, assemble};
use crate::config::shadow;
use crate::config::value::FileMode;

const BIND: Key<Vec<Address>> = Key::required(
    "listener.bind",
    "Addresses to accept clients on. Port 0 lets the kernel choose; the log says which.",
)
.accepting("list of \"host:port\", \"[IPv6]:port\" or \"unix:/path\", at least one", |all| !all.is_empty());

const PROXY_PROTOCOL_FROM: Key<Vec<IpNet>> = Key::with_default(
    "listener.proxy_protocol_from",
    "[]",
    "Networks whose connections start with a PROXY protocol header (v1 or v2). From anywhere else none is read.",
);

const UNIX_MODE: Key<FileMode> =
    Key::with_default("listener.unix_mode", "\"0660\"", "Permissions of the unix sockets in `bind`.");

const MODE: Key<ListenerTlsMode> = Key::with_default(
    "listener.tls.mode",
    "\"optional\"",
    "Whether TLS is not offered, offered to clients that ask for it, or demanded. Unix sockets are exempt from `required`.",
);

const CERTIFICATE: Key<ReadableFile> = Key::optional(
    "listener.tls.certificate",
    "a self-signed one is made at start",
    "Certificate chain, leaf first.",
);

const KEY: Key<PrivateFile> =
    Key::optional("listener.tls.key", "as for `certificate`", "Private key of the leaf certificate.");

const MIN_VERSION: Key<TlsVersion> =
    Key::with_default("listener.tls.min_version", "\"1.2\"", "Oldest TLS version accepted.");

const CLIENT_CERTIFICATE: Key<ClientCertificate> = Key::with_default(
    "listener.tls.client_certificate",
    "\"none\"",
    "Whether clients are asked for a certificate (`request`: one that is shown has to be good), or get no TLS without a good one (`require`).",
);

const CLIENT_CA: Key<ReadableFile> = Key::optional(
    "listener.tls.client_ca",
    "needed for `request` and `require`",
    "CAs that issue client certificates.",
);

const CRL: Key<Vec<ReadableFile>> = Key::with_default(
    "listener.tls.crl",
    "[]",
    "Revocation lists of those CAs. With any of them, a certificate whose issuer has no list here is refused.",
);

pub(super) const KEYS: &[KeyDoc] = &[
    BIND.doc(),
    PROXY_PROTOCOL_FROM.doc(),
    UNIX_MODE.doc(),
    MODE.doc(),
    CERTIFICATE.doc(),
    KEY.doc(),
    MIN_VERSION.doc(),
    CLIENT_CERTIFICATE.doc(),
    CLIENT_CA.doc(),
    CRL.doc(),
];

pub(super) fn read(section: &Section<'_>) -> Option<Listener> {
    let listener = assemble!(Listener {
        bind: section.value(&BIND),
        proxy_protocol_from: section.value(&PROXY_PROTOCOL_FROM),
        unix_mode: section.value(&UNIX_MODE).map(|mode| mode.0),
        tls: section.table("tls").and_then(|section| read_tls(&section)),
        shadow: section.table("shadow").and_then(|section| shadow::read(&section)),
    })?;
    let rule = listener.shadow.as_ref().and_then(|shadow| shadow.client_certificate);
    let asks = rule.is_some_and(|rule| rule != ClientCertificate::None);
    let ca = listener.shadow.as_ref().and_then(|shadow| shadow.client_ca.as_ref());
    if asks && ca.or(listener.tls.client_ca.as_ref()).is_none() {
        let found = "nothing, here or in [listener.tls], though a rule for clients' certificates is tried";
        let section = section.table("shadow")?;
        return section.refuse(&shadow::CLIENT_CA, found, shadow::CLIENT_CA.doc().accepts);
    }
    Some(listener)
}

fn read_tls(section: &Section<'_>) -> Option<ListenerTls> {
    section.refuse_lonely(&CERTIFICATE, &KEY);
    let tls = assemble!(ListenerTls {
        mode: section.value(&MODE),
        certificate: section.optional(&CERTIFICATE).map(|file| file.map(|file| file.0)),
        key: section.optional(&KEY).map(|file| file.map(|file| file.0)),
        min_version: section.value(&MIN_VERSION),
        client_certificate: section.value(&CLIENT_CERTIFICATE),
        client_ca: section.optional(&CLIENT_CA).map(|file| file.map(|file| file.0)),
        crl: section.value(&CRL).map(|files| files.into_iter().map(|file| file.0).collect()),
    })?;
    let asks = tls.client_certificate != ClientCertificate::None;
    match &tls.client_ca {
        None if asks => {
            let found = "nothing, though clients are asked for a certificate";
            section.refuse(&CLIENT_CA, found, CLIENT_CA.doc().accepts)
        }
        Some(_) if !asks => {
            let found = "\"none\", which leaves `client_ca` without effect";
            section.refuse(&CLIENT_CERTIFICATE, found, "\"request\" or \"require\", or no `client_ca`")
        }
        None if !tls.crl.is_empty() => {
            section.refuse(&CRL, "revocation lists without a `client_ca`", CRL.doc().accepts)
        }
        _ => Some(tls),
    }
}
