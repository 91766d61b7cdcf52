//! From the canonical dialect of backend connections to the one a client negotiated.
//!
//! Backend connections always speak CLIENT_DEPRECATE_EOF and CLIENT_SESSION_TRACK. A client without the former gets an
//! EOF packet after definitions and another in place of the OK that ends rows, with all later sequence ids moved up; a
//! client without the latter gets OK packets without session state, and one with it what its own settings ask for. A
//! client with both gets the bytes as they came, as long as there is nothing to change in them.
//!
//! On the way the translator notes what the response says ([`crate::protocol::observed::Observed`]).

mod metadata;
mod translator;

pub use translator::Translator;

use crate::protocol::response::{Malformed, Reports};

/// What a client negotiated that changes how responses are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// How the end of definitions and rows is marked.
    pub ends: Ends,
    /// Whether OK packets carry session state.
    pub state: StateChanges,
    /// Whether the server may report progress.
    pub reports: Reports,
}

/// How the end of definitions and rows is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// CLIENT_DEPRECATE_EOF: nothing after definitions, an OK packet after rows.
    Ok,
    /// An EOF packet after each.
    Eof,
}

/// Whether OK packets carry session state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateChanges {
    /// CLIENT_SESSION_TRACK: as far as [`Translator::tracking`] says, else all that the server reports.
    Reported,
    /// Not asked for.
    Dropped,
}

impl Dialect {
    /// What backend connections speak.
    pub const CANONICAL: Self =
        Self { ends: Ends::Ok, state: StateChanges::Reported, reports: Reports::Asked };
}

/// Whether the server may ask the client for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileAccess {
    /// The client's statement names one.
    Asked,
    /// It does not.
    Refused,
}

/// What became of the bytes given to [`Translator::advance`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advance {
    /// Bytes of the input that are done with.
    pub taken: usize,
    /// Where the bytes for the client are.
    pub source: Source,
    /// Why it stopped there.
    pub stop: Stop,
}

/// Where the bytes for the client are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The first `taken` bytes of the input, as they came.
    Input,
    /// What was appended to the output.
    Output,
}

impl Advance {
    /// The bytes for the client, of the input and the output (empty before) that were given.
    pub fn bytes<'a>(&self, input: &'a [u8], out: &'a [u8]) -> &'a [u8] {
        match self.source {
            Source::Input => input.get(..self.taken).unwrap_or(input),
            Source::Output => out,
        }
    }
}

/// Why a translation stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The response has ended, or more bytes are needed.
    Input,
    /// The server waits for a file from the client before it goes on.
    FileWanted,
    /// The server asks for a file that the client's statement does not name. The request has not been passed on.
    FileRefused,
    /// What comes next is no response.
    Malformed(Malformed),
}
