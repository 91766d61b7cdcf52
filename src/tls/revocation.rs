//! Certificate revocation lists (RFC 5280 §5): read, checked against the CAs that may have signed them.
//!
//! A list past its next update is still used, with a caution: refusing every client because a file is late would be the
//! larger damage, and `sealock_crl_next_update_timestamp_seconds` tells in time.

use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject as _;
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::revocation_list::CertificateRevocationList;

use crate::tls::pem;
use crate::tls::problem::{Problem, Problems, date};
use crate::tls::provider;
use crate::tls::trust::Authorities;

/// The revocation lists of a listener.
#[derive(Clone, Debug, Default)]
pub struct RevocationLists {
    lists: Vec<RevocationList>,
    cautions: Vec<String>,
}

/// One list.
#[derive(Clone, Debug)]
pub struct RevocationList {
    /// The file that it is in.
    pub file: PathBuf,
    /// Name of the CA that signed it, as text.
    pub issuer: String,
    /// When the CA made it.
    pub this_update: OffsetDateTime,
    /// When the CA will have made the next; none: it does not say.
    pub next_update: Option<OffsetDateTime>,
    /// How many certificates are on it.
    pub revoked: usize,
    der: CertificateRevocationListDer<'static>,
    issuer_der: Vec<u8>,
}

impl RevocationLists {
    /// Reads `files`, whose lists should come from `authorities`.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub fn load(files: &[PathBuf], authorities: &Authorities) -> Result<Self, Problems> {
        let mut all = Self::default();
        let mut problems = Vec::new();
        for file in files {
            match read(file, authorities) {
                Ok(lists) => all.lists.extend(lists),
                Err(found) => problems.extend(found.0),
            }
        }
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        all.cautions = all.cautions_at(authorities, OffsetDateTime::now_utc());
        Ok(all)
    }

    /// The lists, in the order of the files.
    pub fn lists(&self) -> &[RevocationList] {
        &self.lists
    }

    /// What an operator should look at, though it keeps nothing from being used.
    pub fn cautions(&self) -> &[String] {
        &self.cautions
    }

    /// In the form in which rustls wants them.
    pub(super) fn der(&self) -> Vec<CertificateRevocationListDer<'static>> {
        self.lists.iter().map(|list| list.der.clone()).collect()
    }

    fn cautions_at(&self, authorities: &Authorities, now: OffsetDateTime) -> Vec<String> {
        let late = self.lists.iter().filter_map(|list| {
            let next = list.next_update.filter(|next| *next < now)?;
            let (file, issuer) = (list.file.display(), &list.issuer);
            Some(format!("{file}: the list of {issuer} should have been replaced by {}", date(next)))
        });
        let uncovered = authorities.parsed().filter(|authority| {
            !self.lists.is_empty()
                && self.lists.iter().all(|list| list.issuer_der != authority.subject().as_raw())
        });
        let uncovered = uncovered.map(|authority| {
            format!("{} has no revocation list: the certificates it issued are refused", authority.subject())
        });
        late.chain(uncovered).collect()
    }
}

fn read(file: &Path, authorities: &Authorities) -> Result<Vec<RevocationList>, Problems> {
    let text = std::fs::read(file).map_err(|source| Problem::Unreadable { file: file.to_owned(), source })?;
    let sections: Vec<_> = CertificateRevocationListDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|error| pem::malformed(file, &error))?;
    if sections.is_empty() {
        return Err(Problem::NoRevocationList { file: file.to_owned() }.into());
    }
    let mut lists = Vec::with_capacity(sections.len());
    let mut problems = Vec::new();
    for (index, der) in sections.into_iter().enumerate() {
        match parse(der, file, authorities) {
            Ok(list) => lists.push(list),
            Err(reason) => problems.push(Problem::UnusableRevocationList {
                file: file.to_owned(),
                position: index + 1,
                reason: reason.to_owned(),
            }),
        }
    }
    if problems.is_empty() { Ok(lists) } else { Err(Problems(problems)) }
}

fn parse(
    der: CertificateRevocationListDer<'static>,
    file: &Path,
    authorities: &Authorities,
) -> Result<RevocationList, &'static str> {
    let (rest, list) = CertificateRevocationList::from_der(&der).map_err(|_| "it is damaged")?;
    if !rest.is_empty() {
        return Err("there are bytes behind its end");
    }
    let named: Vec<_> =
        authorities.parsed().filter(|authority| authority.subject() == list.issuer()).collect();
    if !named.is_empty() && !named.iter().any(|authority| signed(&list, authority)) {
        return Err("its signature is not that of the CA that it names");
    }
    let (issuer, issuer_der) = (list.issuer().to_string(), list.issuer().as_raw().to_vec());
    let this_update = list.last_update().to_datetime();
    let next_update = list.next_update().map(|next| next.to_datetime());
    let revoked = list.iter_revoked_certificates().count();
    Ok(RevocationList { file: file.to_owned(), issuer, this_update, next_update, revoked, der, issuer_der })
}

/// Whether the key of `authority` made the signature, by any algorithm that such a key could have used.
fn signed(list: &CertificateRevocationList<'_>, authority: &X509Certificate<'_>) -> bool {
    let key = authority.public_key().subject_public_key.data.as_ref();
    let (message, signature) = (list.tbs_cert_list.as_ref(), list.signature_value.data.as_ref());
    let algorithms = provider().signature_verification_algorithms.all;
    algorithms.iter().any(|algorithm| algorithm.verify_signature(key, message, signature).is_ok())
}

impl Authorities {
    fn parsed(&self) -> impl Iterator<Item = X509Certificate<'_>> {
        self.der.iter().filter_map(|der| X509Certificate::from_der(der).ok().map(|(_, parsed)| parsed))
    }
}
