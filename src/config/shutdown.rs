//! `[shutdown]`.

use std::time::Duration;

use crate::config::key::{Key, KeyDoc};
use crate::config::model::Shutdown;
use crate::config::section::{Section, assemble};

const DRAIN_TIMEOUT: Key<Duration> = Key::with_default(
    "shutdown.drain_timeout",
    "\"30s\"",
    "How long open transactions may go on after SIGTERM; \"0s\" closes everything at once.",
);

pub(super) const KEYS: &[KeyDoc] = &[DRAIN_TIMEOUT.doc()];

pub(super) fn read(section: &Section<'_>) -> Option<Shutdown> {
    assemble!(Shutdown { drain_timeout: section.value(&DRAIN_TIMEOUT) })
}
