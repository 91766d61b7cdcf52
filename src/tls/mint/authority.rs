//! A CA for development: makes one, or takes up an existing one, and issues from it.

use rcgen::string::{BmpString, Ia5String, PrintableString, TeletexString};
use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, Issuer, KeyIdMethod, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::der_parser::asn1_rs::Tag;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{AttributeTypeAndValue, FromDer as _, X509Certificate, X509Name};
use zeroize::Zeroizing;

use super::{KeyType, MintError, PemPair, authority_params, client_params, generate_key, server_params};
use crate::tls::certificate::Certificate;

/// Ten years: a development CA that outlives what it issues.
const AUTHORITY_DAYS: u32 = 3650;

/// A CA that can issue certificates.
pub struct Authority {
    pem: PemPair,
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes a new CA, valid for ten years.
    ///
    /// # Errors
    /// A library that refuses to work.
    pub fn generate(common_name: &str, key_type: KeyType) -> Result<Self, MintError> {
        let key = generate_key(key_type)?;
        let certificate = authority_params(common_name, AUTHORITY_DAYS).self_signed(&key)?;
        Self::from_pem(PemPair { certificate: certificate.pem(), key: Zeroizing::new(key.serialize_pem()) })
    }

    /// Takes up an existing CA: a root, or an intermediate CA followed by its issuers without the root.
    ///
    /// # Errors
    /// A certificate that is none or no CA; a key that is none or another one's.
    pub fn from_pem(pem: PemPair) -> Result<Self, MintError> {
        let der = CertificateDer::from_pem_slice(pem.certificate.as_bytes())
            .map_err(|error| unusable(error.to_string()))?;
        let certificate = Certificate::parse(&der).ok_or_else(|| unusable("its certificate is damaged"))?;
        let (_, parsed) =
            X509Certificate::from_der(&der).map_err(|_| unusable("its certificate is damaged"))?;
        let key = KeyPair::from_pem(&pem.key).map_err(|_| unusable("its key is damaged"))?;
        if !certificate.is_ca {
            return Err(unusable("its certificate is not one of a CA"));
        }
        if key.public_key_raw() != parsed.public_key().subject_public_key.data.as_ref() {
            return Err(unusable("its key does not belong to its certificate"));
        }
        let issuer = Issuer::new(issuing_params(&parsed)?, key);
        Ok(Self { pem, certificate, issuer })
    }

    /// Issues a certificate for a server with these DNS names and IP addresses; the first becomes the common name.
    /// It is valid for `days`, or as long as the CA.
    ///
    /// # Errors
    /// A name that is none; a library that refuses to work.
    pub fn issue_server(&self, names: &[String], days: u32, key: KeyType) -> Result<PemPair, MintError> {
        self.issue(server_params(names, days)?, key)
    }

    /// Issues a certificate for a client, valid for `days`, or as long as the CA.
    ///
    /// # Errors
    /// A library that refuses to work.
    pub fn issue_client(&self, common_name: &str, days: u32, key: KeyType) -> Result<PemPair, MintError> {
        self.issue(client_params(common_name, days), key)
    }

    /// Issues a CA below this one, valid for ten years, or as long as this one.
    ///
    /// # Errors
    /// A library that refuses to work.
    pub fn issue_authority(&self, common_name: &str, key: KeyType) -> Result<Self, MintError> {
        Self::from_pem(self.issue(authority_params(common_name, AUTHORITY_DAYS), key)?)
    }

    /// The CA's own certificate and key.
    pub fn pem(&self) -> &PemPair {
        &self.pem
    }

    /// The CA's own certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// What goes behind an issued certificate. A root stays away: who does not have it cannot trust it either.
    fn chain(&self) -> &str {
        if self.certificate.is_self_issued() { "" } else { &self.pem.certificate }
    }

    /// Nothing that is issued outlives the CA: clients would refuse it from then on, whatever its own date says.
    fn issue(&self, mut params: CertificateParams, key_type: KeyType) -> Result<PemPair, MintError> {
        params.not_after = params.not_after.min(self.certificate.not_after);
        let key = generate_key(key_type)?;
        let issued = params.signed_by(&key, &self.issuer)?;
        // Names are compared byte by byte when a chain is built, and encodings of one name differ.
        match Certificate::parse(issued.der()) {
            Some(leaf) if leaf.names_as_issuer(&self.certificate) => Ok(PemPair {
                certificate: issued.pem() + self.chain(),
                key: Zeroizing::new(key.serialize_pem()),
            }),
            _ => Err(unusable("its name has a form that cannot be repeated as issuer")),
        }
    }
}

fn unusable(reason: impl Into<String>) -> MintError {
    MintError::Authority { reason: reason.into() }
}

/// What of the CA's certificate shows in those that it issues: its name and its key identifier.
fn issuing_params(certificate: &X509Certificate<'_>) -> Result<CertificateParams, MintError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished_name(certificate.subject())
        .ok_or_else(|| unusable("its name has a form that cannot be repeated as issuer"))?;
    let key_identifier =
        certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(identifier) => Some(identifier.0.to_vec()),
            _ => None,
        });
    if let Some(identifier) = key_identifier {
        params.key_identifier_method = KeyIdMethod::PreSpecified(identifier);
    }
    Ok(params)
}

fn distinguished_name(name: &X509Name<'_>) -> Option<DistinguishedName> {
    let mut copy = DistinguishedName::new();
    for attribute in name.iter_attributes() {
        let oid: Vec<u64> = attribute.attr_type().iter()?.collect();
        copy.push(DnType::from_oid(&oid), attribute_value(attribute)?);
    }
    Some(copy)
}

fn attribute_value(attribute: &AttributeTypeAndValue<'_>) -> Option<DnValue> {
    let text = attribute.as_str().ok()?;
    match attribute.attr_value().tag() {
        Tag::Utf8String => Some(DnValue::Utf8String(text.to_owned())),
        Tag::PrintableString => PrintableString::try_from(text).ok().map(DnValue::PrintableString),
        Tag::Ia5String => Ia5String::try_from(text).ok().map(DnValue::Ia5String),
        Tag::TeletexString => TeletexString::try_from(text).ok().map(DnValue::TeletexString),
        Tag::BmpString => BmpString::try_from(text).ok().map(DnValue::BmpString),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, IsCa};

    use super::*;
    use crate::tls::identity::Purpose;

    #[test]
    fn nothing_outlives_the_ca_that_issued_it() {
        let ca = Authority::generate("test CA", KeyType::Ecdsa).unwrap();
        let pair = ca.issue_client("sealock", 2 * AUTHORITY_DAYS, KeyType::Ecdsa).unwrap();
        assert_eq!(pair.identity(Purpose::Client).unwrap().not_after(), ca.certificate().not_after);
    }

    #[test]
    fn a_ca_whose_name_mixes_string_types_is_taken_up() {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CountryName, DnValue::PrintableString("DE".try_into().unwrap()));
        params.distinguished_name.push(DnType::OrganizationName, "Müller GmbH");
        let email = DnType::from_oid(&[1, 2, 840, 113_549, 1, 9, 1]);
        params.distinguished_name.push(email, DnValue::Ia5String("ca@example.org".try_into().unwrap()));
        let key = KeyPair::generate().unwrap();
        let pem = PemPair {
            certificate: params.self_signed(&key).unwrap().pem(),
            key: Zeroizing::new(key.serialize_pem()),
        };
        let ca = Authority::from_pem(pem).unwrap();
        assert!(ca.issue_server(&["db.example".to_owned()], 30, KeyType::Ecdsa).is_ok());
    }

    #[test]
    fn a_key_of_another_ca_is_refused() {
        let [mut one, other] =
            ["one", "other"].map(|name| Authority::generate(name, KeyType::Ecdsa).unwrap().pem().clone());
        one.key = other.key;
        assert!(Authority::from_pem(one).is_err());
    }
}
