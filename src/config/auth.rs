//! `[auth]`.

use crate::config::key::{Key, KeyDoc};
use crate::config::model::{Auth, AuthPlugin};
use crate::config::section::{Section, assemble};

const DEFAULT_PLUGIN: Key<AuthPlugin> = Key::with_default(
    "auth.default_plugin",
    "\"mysql_native_password\"",
    "Plugin that the greeting announces, and that accounts without `plugin` use.",
);

/// Relay needs no list of users; without it there must be one.
pub(super) const RELAY: Key<bool> = Key::with_default(
    "auth.relay",
    "true",
    "Whether the login of a user without an `[[account]]` is passed on to the server, with any plugin the server asks for.",
);

pub(super) const KEYS: &[KeyDoc] = &[DEFAULT_PLUGIN.doc(), RELAY.doc()];

pub(super) fn read(section: &Section<'_>) -> Option<Auth> {
    assemble!(Auth { default_plugin: section.value(&DEFAULT_PLUGIN), relay: section.value(&RELAY) })
}
