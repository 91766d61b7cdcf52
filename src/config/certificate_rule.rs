//! `[[certificate_rule]]`.

use crate::config::account::{USER_FORM, is_user};
use crate::config::key::{Key, KeyDoc};
use crate::config::model::CertificateRule;
use crate::config::section::{Section, assemble};

const ACCOUNT: Key<String> = Key::required(
    "certificate_rule.account",
    "User name whose clients have to show a certificate that meets this rule, or another one of the same account. Holds for every rung; takes `listener.tls.client_certificate`.",
)
.accepting(USER_FORM, |user| is_user(user));

const SUBJECT: Key<String> = Key::optional(
    "certificate_rule.subject",
    "any",
    "The certificate's subject in OpenSSL's one-line form, such as `/O=Example/CN=nova`.",
);

const ISSUER: Key<String> = Key::optional("certificate_rule.issuer", "any", "Its issuer, in the same form.");

const SAN: Key<String> = Key::optional(
    "certificate_rule.san",
    "any",
    "One of its subject alternative names, such as `DNS:nova.example.org` or `URI:spiffe://example.org/nova`.",
)
.accepting("text that begins with `DNS:`, `URI:` or `email:`", |name| {
    ["DNS:", "URI:", "email:"].iter().any(|kind| name.len() > kind.len() && name.starts_with(kind))
});

const INSTEAD_OF_PASSWORD: Key<bool> = Key::with_default(
    "certificate_rule.instead_of_password",
    "false",
    "Whether such a certificate alone logs in. Takes an `[[account]]` with a password or a `backend_user`.",
);

pub(super) const KEYS: &[KeyDoc] =
    &[ACCOUNT.doc(), SUBJECT.doc(), ISSUER.doc(), SAN.doc(), INSTEAD_OF_PASSWORD.doc()];

pub(super) fn read(section: &Section<'_>) -> Option<CertificateRule> {
    let rule = assemble!(CertificateRule {
        account: section.value(&ACCOUNT),
        subject: section.optional(&SUBJECT),
        issuer: section.optional(&ISSUER),
        san: section.optional(&SAN),
        instead_of_password: section.value(&INSTEAD_OF_PASSWORD),
    })?;
    if rule.subject.is_none() && rule.issuer.is_none() && rule.san.is_none() {
        let accepted = "at least one of `subject`, `issuer`, `san`";
        return section.refuse(&SUBJECT, "nothing that the rule asks for", accepted);
    }
    Some(rule)
}
