//! What one X.509 certificate says, read once.
//!
//! [`crate::tls::identity`] checks it, [`crate::tls::inspect`] shows it. It holds plain values, so that nobody else needs
//! a DER parser.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::X509Version;

use crate::tls::fingerprint::Fingerprint;

/// The contents of one certificate (RFC 5280).
#[derive(Clone, Debug)]
pub struct Certificate {
    /// Distinguished name of the owner, as text.
    pub subject: String,
    /// Distinguished name of the signer, as text.
    pub issuer: String,
    /// Serial number, hexadecimal.
    pub serial: String,
    /// DNS names and IP addresses among the subject alternative names; empty when there are none.
    pub names: Vec<String>,
    /// First moment of validity.
    pub not_before: OffsetDateTime,
    /// Last moment of validity.
    pub not_after: OffsetDateTime,
    /// Kind and size of the public key, such as `ECDSA P-256`.
    pub key_type: String,
    /// What the key may be used for; empty when the certificate does not limit it.
    pub usages: Vec<Usage>,
    /// Whether it may sign other certificates.
    pub is_ca: bool,
    /// Whether it is of version 3, the only one that can carry names and usages.
    pub is_version_3: bool,
    /// SHA-256 over the DER form.
    pub fingerprint: Fingerprint,
    subject_der: Vec<u8>,
    issuer_der: Vec<u8>,
    issuer_key: Option<Vec<u8>>,
    permits_server: bool,
    permits_client: bool,
}

/// A use that a certificate names (key usage, RFC 5280 §4.2.1.3, and extended key usage, §4.2.1.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Usage {
    /// Signing, among others in a TLS handshake.
    DigitalSignature,
    /// Receiving a key encrypted for it.
    KeyEncipherment,
    /// Agreeing on a key.
    KeyAgreement,
    /// Signing certificates.
    CertificateSigning,
    /// Signing revocation lists.
    CrlSigning,
    /// TLS servers.
    ServerAuth,
    /// TLS clients.
    ClientAuth,
    /// Every purpose.
    AnyPurpose,
}

impl Certificate {
    /// Reads a certificate in DER form; `None` when it is none, or has bytes behind its end.
    pub fn parse(der: &[u8]) -> Option<Self> {
        let (rest, parsed) = X509Certificate::from_der(der).ok()?;
        if !rest.is_empty() {
            return None;
        }
        let permits = Permits::of(&parsed)?;
        Some(Self {
            subject: parsed.subject().to_string(),
            issuer: parsed.issuer().to_string(),
            serial: parsed.raw_serial_as_string(),
            names: names(&parsed)?,
            not_before: parsed.validity().not_before.to_datetime(),
            not_after: parsed.validity().not_after.to_datetime(),
            key_type: key_type(&parsed),
            usages: permits.usages,
            is_ca: parsed.is_ca(),
            is_version_3: parsed.version() == X509Version::V3,
            fingerprint: Fingerprint::of(der),
            subject_der: parsed.subject().as_raw().to_vec(),
            issuer_der: parsed.issuer().as_raw().to_vec(),
            issuer_key: issuer_key(&parsed),
            permits_server: permits.server,
            permits_client: permits.client,
        })
    }

    /// Whether `issuer` has the name of this certificate's signer. The signature itself is not checked.
    pub fn names_as_issuer(&self, issuer: &Self) -> bool {
        self.issuer_der == issuer.subject_der
    }

    /// Equal for certificates that the same key of the same CA signed; where that cannot be told, for the same certificate only.
    pub fn lineage(&self) -> Vec<u8> {
        match &self.issuer_key {
            Some(key) if !self.is_self_issued() => [self.issuer_der.as_slice(), key].concat(),
            _ => self.fingerprint.as_bytes().to_vec(),
        }
    }

    /// Whether it names itself as its signer.
    pub fn is_self_issued(&self) -> bool {
        self.names_as_issuer(self)
    }

    /// Whether its usages let a TLS server show it.
    pub fn permits_server(&self) -> bool {
        self.permits_server
    }

    /// Whether its usages let a TLS client show it.
    pub fn permits_client(&self) -> bool {
        self.permits_client
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DigitalSignature => "digital signature",
            Self::KeyEncipherment => "key encipherment",
            Self::KeyAgreement => "key agreement",
            Self::CertificateSigning => "certificate signing",
            Self::CrlSigning => "CRL signing",
            Self::ServerAuth => "server authentication",
            Self::ClientAuth => "client authentication",
            Self::AnyPurpose => "any purpose",
        })
    }
}

/// The two usage extensions, taken together. An absent extension limits nothing.
struct Permits {
    usages: Vec<Usage>,
    server: bool,
    client: bool,
}

impl Permits {
    fn of(certificate: &X509Certificate<'_>) -> Option<Self> {
        let mut usages = Vec::new();
        let mut note = |named: bool, usage: Usage| {
            if named {
                usages.push(usage);
            }
            named
        };
        let key_may_be_used = certificate.key_usage().ok()?.is_none_or(|usage| {
            let usage = usage.value;
            let signs = note(usage.digital_signature(), Usage::DigitalSignature);
            let enciphers = note(usage.key_encipherment(), Usage::KeyEncipherment);
            let agrees = note(usage.key_agreement(), Usage::KeyAgreement);
            note(usage.key_cert_sign(), Usage::CertificateSigning);
            note(usage.crl_sign(), Usage::CrlSigning);
            signs || enciphers || agrees
        });
        let (mut server, mut client) = (key_may_be_used, key_may_be_used);
        if let Some(extended) = certificate.extended_key_usage().ok()? {
            let extended = extended.value;
            let any = note(extended.any, Usage::AnyPurpose);
            server &= note(extended.server_auth, Usage::ServerAuth) || any;
            client &= note(extended.client_auth, Usage::ClientAuth) || any;
        }
        Some(Self { usages, server, client })
    }
}

fn names(certificate: &X509Certificate<'_>) -> Option<Vec<String>> {
    let Some(extension) = certificate.subject_alternative_name().ok()? else {
        return Some(Vec::new());
    };
    let readable = extension.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => ip_address(bytes).map(|address| address.to_string()),
        _ => None,
    });
    Some(readable.collect())
}

/// What identifies the signer's key (RFC 5280 §4.2.1.1).
fn issuer_key(certificate: &X509Certificate<'_>) -> Option<Vec<u8>> {
    certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(identifier) => {
            Some(identifier.key_identifier.as_ref()?.0.to_vec())
        }
        _ => None,
    })
}

fn ip_address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
    let v6 = || <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from);
    v4().or_else(v6)
}

fn key_type(certificate: &X509Certificate<'_>) -> String {
    let key = certificate.public_key();
    match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => format!("RSA {}", rsa.key_size()),
        Ok(PublicKey::EC(point)) => match point.key_size() {
            528 => "ECDSA P-521".to_owned(), // 521 bits, in whole bytes
            bits => format!("ECDSA P-{bits}"),
        },
        _ if key.algorithm.algorithm.to_id_string() == "1.3.101.112" => "Ed25519".to_owned(),
        _ => format!("OID {}", key.algorithm.algorithm),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_not_read() {
        assert!(Certificate::parse(b"").is_none());
        assert!(Certificate::parse(&[0x30, 0x82, 0xff, 0xff]).is_none());
    }
}
