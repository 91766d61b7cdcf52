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
/// One problem for each that is damaged.
pub fn parse(chain: &[CertificateDer<'_>], file: &Path) -> Result<Vec<Certificate>, Problems> {
    let mut parsed = Vec::with_capacity(chain.len());
    let mut problems = Vec::new();
    for (index, der) in chain.iter().enumerate() {
        match Certificate::parse(der) {
            Some(certificate) => parsed.push(certificate),
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
