//! Files of CA certificates: those that backends are verified with, and those that issue client certificates.
//!
//! A file is refused when a certificate in it cannot be used at all, or when none of them is valid now. One that has
//! ended beside others that have not is what a CA's replacement looks like half-way: that is a caution.

use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;

use crate::tls::certificate::Certificate;
use crate::tls::problem::{Problem, Problems};
use crate::tls::{chain, pem};

/// The CA certificates of one file.
#[derive(Clone, Debug)]
pub struct Authorities {
    pub(super) roots: RootCertStore,
    pub(super) der: Vec<CertificateDer<'static>>,
    certificates: Vec<Certificate>,
    cautions: Vec<String>,
    file: PathBuf,
}

/// Whom the CAs of a file vouch for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vouching {
    /// Servers. A server's own certificate may stand for its CA.
    Servers,
    /// Clients.
    Clients,
}

impl Authorities {
    /// Reads and checks `file`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(file: &Path, vouching: Vouching) -> Result<Self, Problems> {
        let der = pem::read_chain(file)?;
        let certificates = parse(&der, file)?;
        let mut roots = RootCertStore::empty();
        let mut problems = Vec::new();
        for (index, certificate) in der.iter().enumerate() {
            if let Err(error) = roots.add(certificate.clone()) {
                let (file, reason) = (file.to_owned(), error.to_string());
                problems.push(Problem::Untrustable { file, position: index + 1, reason });
            }
        }
        if vouching == Vouching::Clients {
            problems.extend(strangers(&certificates, file));
        }
        let ended = chain::validity(&certificates, file, OffsetDateTime::now_utc());
        let cautions = if ended.len() < certificates.len() {
            ended.iter().map(ToString::to_string).collect()
        } else {
            problems.extend(ended);
            Vec::new()
        };
        if problems.is_empty() {
            Ok(Self { roots, der, certificates, cautions, file: file.to_owned() })
        } else {
            Err(Problems(problems))
        }
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The certificates, in the order of the file.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// What an operator should look at, though it keeps nothing from working.
    pub fn cautions(&self) -> &[String] {
        &self.cautions
    }
}

/// Unlike a chain's, a trusted root may be of X.509 version 1: nothing but its name and key is used.
fn parse(der: &[CertificateDer<'static>], file: &Path) -> Result<Vec<Certificate>, Problems> {
    let mut parsed = Vec::with_capacity(der.len());
    let mut problems = Vec::new();
    for (index, certificate) in der.iter().enumerate() {
        match Certificate::parse(certificate) {
            Some(certificate) => parsed.push(certificate),
            None => {
                problems.push(Problem::MalformedCertificate { file: file.to_owned(), position: index + 1 });
            }
        }
    }
    if problems.is_empty() { Ok(parsed) } else { Err(Problems(problems)) }
}

fn strangers(certificates: &[Certificate], file: &Path) -> Vec<Problem> {
    let no_authority = |(index, certificate): (usize, &Certificate)| Problem::NoAuthority {
        file: file.to_owned(),
        position: index + 1,
        subject: certificate.subject.clone(),
    };
    let unfit = |(_, certificate): &(usize, &Certificate)| certificate.is_version_3 && !certificate.is_ca;
    certificates.iter().enumerate().filter(unfit).map(no_authority).collect()
}
