//! `[listener.shadow]`: what is tried on clients' handshakes without being used.

use crate::config::files::{PrivateFile, ReadableFile};
use crate::config::key::{Key, KeyDoc};
use crate::config::model::{ClientCertificate, Shadow, TlsVersion};
use crate::config::nearest::nearest;
use crate::config::section::{Section, assemble};
use crate::config::value::{Node, Value};

const CERTIFICATE: Key<ReadableFile> = Key::optional(
    "listener.shadow.certificate",
    "the listener's own",
    "Certificate chain to try, leaf first: would clients that name a server find the name, and can they verify its kind of key?",
);

const KEY: Key<PrivateFile> =
    Key::optional("listener.shadow.key", "as for `certificate`", "Private key of its leaf.");

const MIN_VERSION: Key<TlsVersion> =
    Key::optional("listener.shadow.min_version", "the listener's own", "Oldest TLS version to try.");

const CIPHERS: Key<Vec<Cipher>> = Key::with_default(
    "listener.shadow.ciphers",
    "[]",
    "Cipher suites to try; none: all that the proxy speaks.",
);

const CLIENT_CERTIFICATE: Key<ClientCertificate> = Key::optional(
    "listener.shadow.client_certificate",
    "not tried",
    "Rule for clients' certificates to try. Who has none shows only where the listener itself asks, that is, at least with `request`.",
);

pub(super) const CLIENT_CA: Key<ReadableFile> =
    Key::optional("listener.shadow.client_ca", "the listener's own", "CAs of clients' certificates to try.");

const CRL: Key<Vec<ReadableFile>> =
    Key::with_default("listener.shadow.crl", "[]", "Their revocation lists, to try.");

pub(super) const KEYS: &[KeyDoc] = &[
    CERTIFICATE.doc(),
    KEY.doc(),
    MIN_VERSION.doc(),
    CIPHERS.doc(),
    CLIENT_CERTIFICATE.doc(),
    CLIENT_CA.doc(),
    CRL.doc(),
];

/// None where the section is not there.
pub(super) fn read(section: &Section<'_>) -> Option<Option<Shadow>> {
    if !section.exists() {
        return Some(None);
    }
    section.refuse_lonely(&CERTIFICATE, &KEY);
    let shadow = assemble!(Shadow {
        certificate: section.optional(&CERTIFICATE).map(|file| file.map(|file| file.0)),
        key: section.optional(&KEY).map(|file| file.map(|file| file.0)),
        min_version: section.optional(&MIN_VERSION),
        ciphers: section.value(&CIPHERS).map(|ciphers| ciphers.into_iter().map(|cipher| cipher.0).collect()),
        client_certificate: section.optional(&CLIENT_CERTIFICATE),
        client_ca: section.optional(&CLIENT_CA).map(|file| file.map(|file| file.0)),
        crl: section.value(&CRL).map(|files| files.into_iter().map(|file| file.0).collect()),
    })?;
    Some(Some(shadow))
}

/// A cipher suite that the proxy speaks, by its IANA name.
struct Cipher(&'static str);

const CIPHER_NAMES: [&str; 9] = [
    "TLS_AES_256_GCM_SHA384",
    "TLS_AES_128_GCM_SHA256",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];

impl Value for Cipher {
    const FORM: &'static str =
        "IANA name of a cipher suite that the proxy speaks, such as \"TLS_AES_128_GCM_SHA256\"";
    const LIST: &'static str =
        "list of IANA names of cipher suites that the proxy speaks, such as [\"TLS_AES_128_GCM_SHA256\"]";

    fn read(node: &Node<'_>) -> Option<Self> {
        let text = node.text::<Self>()?;
        let known = CIPHER_NAMES.iter().find(|name| **name == text).map(|name| Self(name));
        known.or_else(|| {
            let hint = nearest(text, CIPHER_NAMES);
            node.refuse_with_hint(format!("{text:?}"), hint.map(|name| format!("did you mean \"{name}\"?")))
        })
    }
}
