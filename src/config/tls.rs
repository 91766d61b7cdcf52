//! `[tls]`: what holds for all listeners.

use std::time::Duration;

use crate::config::files::PrivateFile;
use crate::config::key::{Key, KeyDoc};
use crate::config::model::Tls;
use crate::config::section::{Section, assemble};

const MAX_SESSION_AGE: Key<Duration> = Key::optional(
    "tls.max_session_age_after_rotation",
    "sessions stay",
    "How long a TLS session may go on after its listener's certificate was replaced; then it ends as soon as no transaction is open.",
)
.accepting("duration from \"0s\" to \"30d\"", |time| *time <= Duration::from_secs(30 * 86_400));

const MAX_AGE_AFTER_REVOCATION: Key<Duration> = Key::with_default(
    "tls.max_session_age_after_revocation",
    "\"60s\"",
    "How long a session may keep a transaction open, or say nothing, after its client certificate was revoked, its CA taken away or its `[[certificate_rule]]` changed; outside of a transaction its next command is refused at once.",
)
.accepting("duration from \"0s\" to \"30d\"", |time| *time <= Duration::from_secs(30 * 86_400));

const TICKET_KEYS: Key<PrivateFile> = Key::optional(
    "tls.ticket_keys",
    "each process has its own, which rotate",
    "Keys of session tickets that replicas share: a line of 64 hexadecimal digits for each, the one in use first.",
)
.accepting("path of a readable file that not everybody can read (mode 0600 or 0640)", |_| true);

pub(super) const KEYS: &[KeyDoc] =
    &[MAX_SESSION_AGE.doc(), MAX_AGE_AFTER_REVOCATION.doc(), TICKET_KEYS.doc()];

pub(super) fn read(section: &Section<'_>) -> Option<Tls> {
    assemble!(Tls {
        max_session_age_after_rotation: section.optional(&MAX_SESSION_AGE),
        max_session_age_after_revocation: section.value(&MAX_AGE_AFTER_REVOCATION),
        ticket_keys: section.optional(&TICKET_KEYS).map(|file| file.map(|file| file.0)),
    })
}
