//! What two clients must have in common to use the same backend connection one after the other.

use std::net::IpAddr;

use crate::protocol::capabilities::Capabilities;

/// Where connections are counted: an account on a backend.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    /// Name of the backend.
    pub backend: String,
    /// The account as its clients name it.
    pub account: Vec<u8>,
}

/// What an idle connection must match within its slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Generation of the configuration it was opened under: passwords and certificates may have changed since.
    pub generation: u64,
    /// What was negotiated; it cannot be changed later.
    pub capabilities: Capabilities,
    /// The client's address, where the backend is told: it decides which account of that name is meant.
    pub client: Option<IpAddr>,
    /// Digest of the row in the server's account table that it was opened as: what an account may do is settled at its login,
    /// so sessions that begin after a change get connections that did. 0: it does not matter.
    pub row: u64,
    /// Whether sessions share it statement by statement.
    pub sharing: Sharing,
}

impl Key {
    /// Of no connection.
    pub const NONE: Self = Self {
        generation: 0,
        capabilities: Capabilities::NONE,
        client: None,
        row: 0,
        sharing: Sharing::Shared,
    };
}

/// How a connection is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// By one session from its login to its end.
    Alone,
    /// By whichever session has a statement to run.
    Shared,
}
