//! What the configuration asks of the certificates of an account's clients.

use std::collections::HashMap;

use super::demand::ShownCertificate;
use crate::config::model::CertificateRule;

/// All rules, by account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateRules {
    by_user: HashMap<Vec<u8>, Vec<CertificateRule>>,
}

/// What the rules say of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// There is no rule for its account.
    NoRule,
    /// One of them is met; the client has to prove its password as well.
    Met,
    /// One of them is met, and stands for the password.
    StandsForPassword,
}

/// Why a client's certificate is not enough.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleFailure {
    /// It showed none.
    #[error("the account needs a client certificate ([[certificate_rule]]), and the client showed none")]
    NoCertificate,
    /// None of the account's rules is met: what each of them misses.
    #[error("no [[certificate_rule]] of the account is met: {}", .0.join("; "))]
    NotMet(Vec<String>),
}

impl CertificateRules {
    /// Takes the rules of a configuration.
    pub fn new(rules: &[CertificateRule]) -> Self {
        let mut by_user: HashMap<Vec<u8>, Vec<CertificateRule>> = HashMap::new();
        for rule in rules {
            by_user.entry(rule.account.clone().into_bytes()).or_default().push(rule.clone());
        }
        Self { by_user }
    }

    /// Judges a client of this account by the certificate that it showed. The first rule that is met counts.
    ///
    /// # Errors
    /// There are rules, and none is met.
    pub fn judge(&self, user: &[u8], shown: Option<&ShownCertificate>) -> Result<Ruling, RuleFailure> {
        let Some(rules) = self.by_user.get(user) else { return Ok(Ruling::NoRule) };
        let shown = shown.ok_or(RuleFailure::NoCertificate)?;
        let mut missed = Vec::with_capacity(rules.len());
        for rule in rules {
            match missing(rule, shown) {
                None if rule.instead_of_password => return Ok(Ruling::StandsForPassword),
                None => return Ok(Ruling::Met),
                Some(difference) => missed.push(difference),
            }
        }
        Err(RuleFailure::NotMet(missed))
    }
}

/// The first thing in which a certificate differs from a rule.
fn missing(rule: &CertificateRule, shown: &ShownCertificate) -> Option<String> {
    let differs = |what: &str, wanted: &Option<String>, found: &str| {
        let wanted = wanted.as_ref().filter(|wanted| *wanted != found)?;
        Some(format!("its {what} is {found:?}, not {wanted:?}"))
    };
    let unnamed = || {
        let wanted = rule.san.as_ref().filter(|wanted| !shown.alternative_names.contains(wanted))?;
        Some(format!("its alternative names are {:?}, without {wanted:?}", shown.alternative_names))
    };
    differs("subject", &rule.subject, &shown.subject)
        .or_else(|| differs("issuer", &rule.issuer, &shown.issuer))
        .or_else(unnamed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(subject: Option<&str>, san: Option<&str>, instead_of_password: bool) -> CertificateRule {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let (subject, san) = (owned(subject), owned(san));
        CertificateRule { account: "nova".to_owned(), subject, issuer: None, san, instead_of_password }
    }

    fn shown() -> ShownCertificate {
        ShownCertificate {
            issuer: "/CN=ca".to_owned(),
            subject: "/CN=nova".to_owned(),
            alternative_names: vec!["URI:spiffe://example.org/nova".to_owned()],
        }
    }

    #[test]
    fn one_rule_of_an_account_has_to_be_met_in_all_that_it_says() {
        let rules = CertificateRules::new(&[
            rule(Some("/CN=nova"), Some("DNS:nova"), false),
            rule(None, Some("URI:spiffe://example.org/nova"), true),
        ]);
        assert_eq!(rules.judge(b"nova", Some(&shown())), Ok(Ruling::StandsForPassword));
        assert_eq!(rules.judge(b"glance", None), Ok(Ruling::NoRule));
        assert_eq!(rules.judge(b"nova", None), Err(RuleFailure::NoCertificate));
        let other = ShownCertificate { alternative_names: Vec::new(), ..shown() };
        let failure = rules.judge(b"nova", Some(&other)).unwrap_err().to_string();
        assert!(failure.contains("DNS:nova") && failure.contains("spiffe://example.org/nova"), "{failure}");
    }
}
