//! The certificate that a client showed and that was verified: what rules and accounts ask of it, and the chain itself, to be
//! verified again when CAs or revocation lists change.

use std::fmt::Write as _;

use rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::x509::X509Name;

/// A client's certificate, as shown in its handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificate {
    /// Its subject in OpenSSL's one-line form, such as `/O=Example/CN=nova`, which `REQUIRE SUBJECT` is written in.
    pub subject: String,
    /// Its issuer in the same form.
    pub issuer: String,
    /// Its subject alternative names, with their kind: `DNS:nova.example.org`, `URI:spiffe://example.org/nova`.
    pub alternative_names: Vec<String>,
    chain: Vec<CertificateDer<'static>>,
}

impl PeerCertificate {
    /// Of a chain, leaf first; `None` if there is none or it cannot be read.
    pub fn of(chain: &[CertificateDer<'_>]) -> Option<Self> {
        let (_, leaf) = X509Certificate::from_der(chain.first()?).ok()?;
        Some(Self {
            subject: one_line(leaf.subject()),
            issuer: one_line(leaf.issuer()),
            alternative_names: alternative_names(&leaf),
            chain: chain.iter().map(|der| der.clone().into_owned()).collect(),
        })
    }

    /// The chain, leaf first.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }
}

fn alternative_names(leaf: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = leaf.subject_alternative_name() else { return Vec::new() };
    let names = extension.value.general_names.iter();
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(format!("DNS:{name}")),
            GeneralName::URI(name) => Some(format!("URI:{name}")),
            GeneralName::RFC822Name(name) => Some(format!("email:{name}")),
            _ => None,
        })
        .collect()
}

/// As `X509_NAME_oneline` (OpenSSL) writes it: `/` before each attribute, bytes that are not printable as `\xHH`.
fn one_line(name: &X509Name<'_>) -> String {
    let mut text = String::new();
    for attribute in name.iter_attributes() {
        let identifier = attribute.attr_type().to_id_string();
        let _ = write!(text, "/{}=", short_name(&identifier).unwrap_or(&identifier));
        for byte in attribute.attr_value().data {
            match byte {
                b' '..=b'~' => text.push(char::from(*byte)),
                other => drop(write!(text, "\\x{other:02X}")),
            }
        }
    }
    text
}

/// OpenSSL's short names of what is usual in certificates (RFC 4519, RFC 5280 appendix A).
fn short_name(identifier: &str) -> Option<&'static str> {
    Some(match identifier {
        "2.5.4.3" => "CN",
        "2.5.4.4" => "SN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "street",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.12" => "title",
        "2.5.4.13" => "description",
        "2.5.4.15" => "businessCategory",
        "2.5.4.17" => "postalCode",
        "2.5.4.41" => "name",
        "2.5.4.42" => "GN",
        "2.5.4.43" => "initials",
        "2.5.4.46" => "dnQualifier",
        "2.5.4.65" => "pseudonym",
        "2.5.4.97" => "organizationIdentifier",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "emailAddress",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    #[test]
    fn names_are_written_as_openssl_writes_them() {
        let mut params = CertificateParams::new(vec!["nova.example.org".to_owned()]).unwrap();
        let uri = "spiffe://example.org/nova".try_into().unwrap();
        params.subject_alt_names.push(SanType::URI(uri));
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CountryName, "DE");
        params.distinguished_name.push(DnType::OrganizationName, "Käse & Co");
        params.distinguished_name.push(DnType::CommonName, "nova");
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let shown = PeerCertificate::of(&[certificate.der().clone()]).unwrap();
        assert_eq!(shown.subject, "/C=DE/O=K\\xC3\\xA4se & Co/CN=nova");
        assert_eq!(shown.issuer, shown.subject);
        assert_eq!(shown.alternative_names, ["DNS:nova.example.org", "URI:spiffe://example.org/nova"]);
        assert!(PeerCertificate::of(&[]).is_none());
    }
}
