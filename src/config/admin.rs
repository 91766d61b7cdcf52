//! `[admin]`.

use crate::config::key::{Key, KeyDoc};
use crate::config::model::{Address, Admin};
use crate::config::section::{Section, assemble};

const HTTP: Key<Option<Address>> = Key::with_default(
    "admin.http",
    "\"127.0.0.1:6070\"",
    "Where `/metrics`, `/healthz` and `/readyz` are served. Nobody has to log in there, so only this machine may reach it.",
)
.accepting("loopback \"host:port\", \"unix:/path\", or \"\" for none", |address| {
    address.as_ref().is_none_or(Address::is_local)
});

pub(super) const KEYS: &[KeyDoc] = &[HTTP.doc()];

pub(super) fn read(section: &Section<'_>) -> Option<Admin> {
    assemble!(Admin { http: section.value(&HTTP) })
}
