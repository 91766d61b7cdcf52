//! Whether a certificate chain is what clients need: in order, complete as far as it goes, valid now, fit for its purpose.
//!
//! Pure functions over parsed certificates; [`crate::tls::identity`] and [`crate::tls::inspect`] call them. Signatures are
//! not looked at here: the handshake that [`crate::tls::rehearsal`] plays does that.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;

use crate::tls::certificate::Certificate;
use crate::tls::identity::Purpose;
use crate::tls::problem::{Problem, Problems};

/// Parses every certificate of `file`.
///
/// # Errors
/// One problem for each that is damaged, or of a version that TLS libraries refuse.
pub fn parse(chain: &[CertificateDer<'_>], file: &Path) -> Result<Vec<Certificate>, Problems> {
    let mut parsed = Vec::with_capacity(chain.len());
    let mut problems = Vec::new();
    for (index, der) in chain.iter().enumerate() {
        match Certificate::parse(der) {
            Some(certificate) if certificate.is_version_3 => parsed.push(certificate),
            Some(Certificate { subject, .. }) => {
                problems.push(Problem::OldVersion { file: file.to_owned(), position: index + 1, subject });
            }
            None => {
                problems.push(Problem::MalformedCertificate { file: file.to_owned(), position: index + 1 });
            }
        }
    }
    if problems.is_empty() { Ok(parsed) } else { Err(Problems(problems)) }
}

/// Everything that is wrong at `now` with `chain`, which was read from `file`.
pub fn check(chain: &[Certificate], purpose: Purpose, file: &Path, now: OffsetDateTime) -> Vec<Problem> {
    let Some(leaf) = chain.first() else {
        return vec![Problem::NoCertificate { file: file.to_owned() }];
    };
    let mut problems = validity(chain, file, now);
    match order(chain, file) {
        // Whatever comes first is not the leaf then, and its other flaws would only mislead.
        Some(problem @ Problem::OutOfOrder { position: 1, .. }) => problems.push(problem),
        broken => {
            problems.extend(broken);
            problems.extend(fitness(leaf, purpose, file));
        }
    }
    problems
}

/// Which certificates of `chain` are not valid at `now`.
pub fn validity(chain: &[Certificate], file: &Path, now: OffsetDateTime) -> Vec<Problem> {
    let flaw = |(index, certificate): (usize, &Certificate)| {
        let (file, position, subject) = (file.to_owned(), index + 1, certificate.subject.clone());
        if now > certificate.not_after {
            Some(Problem::Expired { file, position, subject, since: certificate.not_after })
        } else if now < certificate.not_before {
            Some(Problem::NotYetValid { file, position, subject, until: certificate.not_before })
        } else {
            None
        }
    };
    chain.iter().enumerate().filter_map(flaw).collect()
}

/// The first place where the chain is not one.
fn order(chain: &[Certificate], file: &Path) -> Option<Problem> {
    let out_of_order = |position: usize, certificate: &Certificate| Problem::OutOfOrder {
        file: file.to_owned(),
        position,
        subject: certificate.subject.clone(),
    };
    let first = chain.first()?;
    if first.is_ca && chain.iter().any(|certificate| !certificate.is_ca) {
        return Some(out_of_order(1, first));
    }
    for (index, pair) in chain.windows(2).enumerate() {
        let [below, above] = pair else { continue };
        if !below.names_as_issuer(above) {
            let issuer_is_elsewhere = chain.iter().any(|other| below.names_as_issuer(other));
            return Some(if issuer_is_elsewhere {
                out_of_order(index + 2, above)
            } else {
                let issuer = below.issuer.clone();
                Problem::MissingIssuer { file: file.to_owned(), position: index + 1, issuer }
            });
        }
        if !above.is_ca {
            let subject = above.subject.clone();
            return Some(Problem::IssuerIsNoCa { file: file.to_owned(), position: index + 2, subject });
        }
    }
    None
}

/// What makes `leaf` unfit for `purpose`.
fn fitness(leaf: &Certificate, purpose: Purpose, file: &Path) -> Vec<Problem> {
    let (file, subject) = (|| file.to_owned(), || leaf.subject.clone());
    let mut problems = Vec::new();
    if leaf.is_ca {
        problems.push(Problem::LeafIsCa { file: file(), subject: subject() });
    }
    if purpose == Purpose::Server && leaf.names.is_empty() {
        problems.push(Problem::NoNames { file: file(), subject: subject() });
    }
    let (permitted, wanted) = match purpose {
        Purpose::Server => (leaf.permits_server(), "server authentication"),
        Purpose::Client => (leaf.permits_client(), "client authentication"),
    };
    if !permitted && !leaf.is_ca {
        problems.push(Problem::WrongUsage { file: file(), subject: subject(), wanted });
    }
    problems
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair};
    use time::Duration;

    use super::*;
    use crate::tls::mint::{Authority, KeyType, PemPair};
    use rustls::pki_types::pem::PemObject as _;

    const FILE: &str = "server.pem";

    /// What `openssl x509 -req` of OpenSSL 3.0 makes without `-extfile`.
    const VERSION_1: &str = "\
-----BEGIN CERTIFICATE-----
MIIBGTCBvwIUO6EsgQbPiYOWBaOh+yIR2dpLX+wwCgYIKoZIzj0EAwIwDjEMMAoG
A1UEAwwDb2xkMCAXDTI2MTEyMjE2MzgxOFoYDzIxMjYxMDI5MTYzODE4WjAOMQww
CgYDVQQDDANvbGQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARBVZDlwaQeD1XW
WRN/E4tj9gXrJMSh7csimPuA1moP61NjhyPX+Fhv6bmH3Bd2BxEcNFegYutf+EnF
3thdO+PKMAoGCCqGSM49BAMCA0kAMEYCIQCf6u7e8Z5YuxbzsSvIjtOHtw4//FjX
iUhCSlGQz68ikQIhAMXpE4wbLPxrAVZR/FyQKF7K0bo2lZqw02/QpX3wv3Im
-----END CERTIFICATE-----";

    fn parsed(pair: &PemPair) -> Vec<Certificate> {
        let chain: Vec<_> =
            CertificateDer::pem_slice_iter(pair.certificate.as_bytes()).map(Result::unwrap).collect();
        parse(&chain, Path::new(FILE)).unwrap()
    }

    /// Leaf, lower intermediate, upper intermediate, root.
    fn long_chain() -> Vec<Certificate> {
        let root = Authority::generate("root", KeyType::Ecdsa).unwrap();
        let upper = root.issue_authority("upper", KeyType::Ecdsa).unwrap();
        let lower = upper.issue_authority("lower", KeyType::Ecdsa).unwrap();
        let leaf = lower.issue_server(&["db.example".to_owned()], 30, KeyType::Ecdsa).unwrap();
        let mut chain = parsed(&leaf);
        chain.push(root.certificate().clone());
        chain
    }

    fn self_signed(spoil: impl FnOnce(&mut CertificateParams)) -> Vec<Certificate> {
        let mut params = CertificateParams::new(["db.example".to_owned()]).unwrap();
        spoil(&mut params);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        parse(&[certificate.der().clone()], Path::new(FILE)).unwrap()
    }

    fn problems(chain: &[Certificate]) -> Vec<Problem> {
        check(chain, Purpose::Server, Path::new(FILE), OffsetDateTime::now_utc())
    }

    #[test]
    fn a_chain_in_order_is_accepted_with_its_root_and_without() {
        let chain = long_chain();
        assert_eq!(chain.len(), 4);
        for length in 1..=4 {
            assert!(problems(&chain[..length]).is_empty(), "{length} certificates");
        }
    }

    #[test]
    fn a_leaf_that_is_not_first_is_the_only_thing_said() {
        let mut chain = long_chain();
        chain.reverse();
        assert!(matches!(problems(&chain).as_slice(), [Problem::OutOfOrder { position: 1, .. }]));
    }

    #[test]
    fn issuers_in_the_wrong_order_are_named() {
        let mut chain = long_chain();
        chain.swap(1, 2);
        let found = problems(&chain);
        assert!(
            matches!(found.as_slice(), [Problem::OutOfOrder { position: 2, subject, .. }] if subject.contains("upper"))
        );
    }

    #[test]
    fn a_missing_issuer_is_named() {
        let mut chain = long_chain();
        chain.remove(1);
        let found = problems(&chain);
        assert!(
            matches!(found.as_slice(), [Problem::MissingIssuer { position: 1, issuer, .. }] if issuer.contains("lower"))
        );
    }

    #[test]
    fn validity_ends_with_the_first_certificate_that_does() {
        let chain = long_chain();
        let at = |moment| validity(&chain, Path::new(FILE), moment);
        let end = chain[0].not_after;
        assert!(at(end).is_empty());
        assert!(matches!(
            at(end + Duration::SECOND).as_slice(),
            [Problem::Expired { position: 1, since, .. }] if *since == end
        ));
        assert_eq!(at(chain[0].not_before - Duration::DAY).len(), 4);
    }

    #[test]
    fn a_server_certificate_needs_a_name_a_client_certificate_does_not() {
        let nameless = self_signed(|params| params.subject_alt_names.clear());
        assert!(matches!(problems(&nameless).as_slice(), [Problem::NoNames { .. }]));
        let now = OffsetDateTime::now_utc();
        assert!(check(&nameless, Purpose::Client, Path::new(FILE), now).is_empty());
    }

    #[test]
    fn a_ca_certificate_is_no_server_certificate() {
        let ca = self_signed(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
        assert!(matches!(problems(&ca).as_slice(), [Problem::LeafIsCa { .. }]));
    }

    #[test]
    fn a_certificate_of_version_1_is_told_from_a_damaged_one() {
        let der = CertificateDer::from_pem_slice(VERSION_1.as_bytes()).unwrap();
        let found = parse(&[der], Path::new(FILE)).unwrap_err().0;
        assert!(matches!(found.as_slice(), [Problem::OldVersion { position: 1, .. }]), "{found:?}");
    }

    #[test]
    fn usages_are_respected() {
        let client =
            self_signed(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
        assert!(matches!(problems(&client).as_slice(), [Problem::WrongUsage { .. }]));
        let any = self_signed(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any]);
        assert!(problems(&any).is_empty());
    }
}
