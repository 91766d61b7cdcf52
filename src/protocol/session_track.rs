//! Session state changes as MariaDB reports them in OK packets, and how far a client wants to hear of them.
//!
//! MariaDB: "OK_Packet", section "Session State Info"; server: `sql/session_tracker.cc`. A block is a type, its length
//! and its data; the server writes one block a variable, then schema, state change, transaction state, characteristics.

pub mod client_tracking;
pub mod pending;
pub mod telling;

pub use client_tracking::ClientTracking;
pub use pending::PendingChanges;

use crate::protocol::response::Malformed;
use crate::protocol::wire::{Reader, put_lenenc, put_lenenc_bytes};

/// One thing that a server reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report<'a> {
    /// A system variable was set, maybe to the value it had.
    Variable {
        /// Its name, in lower case.
        name: &'a [u8],
        /// The value that it has now; NULL is empty.
        value: &'a [u8],
    },
    /// The current schema, empty when there is none any more.
    Schema(&'a [u8]),
    /// Something about the session changed, such as a user variable; what is not said.
    StateChanged,
    /// The statements that would start a transaction like the open or the next one; empty when there is nothing special.
    Characteristics(&'a [u8]),
    /// Eight characters about the open transaction, such as `T_R___S_`.
    TransactionState(&'a [u8]),
    /// A type that MariaDB does not send.
    Other(u8),
}

const VARIABLE: u8 = 0;
const SCHEMA: u8 = 1;
const STATE_CHANGE: u8 = 2;
const CHARACTERISTICS: u8 = 4;
const TRANSACTION_STATE: u8 = 5;

impl Report<'_> {
    /// Appends the report as a block of its own, as MariaDB writes it. [`Report::Other`] is not written: its data is not
    /// known.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Variable { name, value } => {
                put_block(VARIABLE, lenenc_len(name) + lenenc_len(value), out);
                put_lenenc_bytes(out, name);
                put_lenenc_bytes(out, value);
            }
            Self::Schema(name) => put_text(SCHEMA, name, out),
            Self::StateChanged => out.extend_from_slice(&[STATE_CHANGE, 1, b'1']),
            Self::Characteristics(text) => put_text(CHARACTERISTICS, text, out),
            Self::TransactionState(text) => put_text(TRANSACTION_STATE, text, out),
            Self::Other(_) => {}
        }
    }
}

fn put_text(kind: u8, text: &[u8], out: &mut Vec<u8>) {
    put_block(kind, lenenc_len(text), out);
    put_lenenc_bytes(out, text);
}

fn put_block(kind: u8, len: usize, out: &mut Vec<u8>) {
    out.push(kind);
    put_lenenc(out, len.try_into().unwrap_or(u64::MAX));
}

/// Bytes that `text` takes with its length in front.
fn lenenc_len(text: &[u8]) -> usize {
    let prefix = match text.len() {
        0..=0xfa => 1,
        0xfb..=0xffff => 3,
        0x1_0000..=0xff_ffff => 4,
        _ => 9,
    };
    prefix + text.len()
}

/// Goes through the state changes of one OK packet, or of several one behind the other.
///
/// After an error there is nothing more.
pub fn reports(state_changes: &[u8]) -> Reports<'_> {
    Reports { blocks: Reader::new(state_changes), variables: Reader::new(&[]) }
}

/// What [`reports`] goes through.
#[derive(Clone, Debug)]
pub struct Reports<'a> {
    blocks: Reader<'a>,
    /// What is left of a block of variables: the protocol allows several in one.
    variables: Reader<'a>,
}

impl<'a> Iterator for Reports<'a> {
    type Item = Result<Report<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.variables.is_empty() && self.blocks.is_empty() {
            return None;
        }
        let report = self.parse();
        if report.is_none() {
            (self.blocks, self.variables) = (Reader::new(&[]), Reader::new(&[]));
        }
        Some(report.ok_or(Malformed::STATE_CHANGES))
    }
}

impl<'a> Reports<'a> {
    fn parse(&mut self) -> Option<Report<'a>> {
        if !self.variables.is_empty() {
            return self.variable();
        }
        let kind = self.blocks.u8()?;
        let data = self.blocks.lenenc_bytes()?;
        let mut reader = Reader::new(data);
        Some(match kind {
            VARIABLE => {
                self.variables = reader;
                return self.variable();
            }
            SCHEMA => Report::Schema(reader.lenenc_bytes()?),
            STATE_CHANGE => Report::StateChanged,
            CHARACTERISTICS => Report::Characteristics(reader.lenenc_bytes()?),
            TRANSACTION_STATE => Report::TransactionState(reader.lenenc_bytes()?),
            other => Report::Other(other),
        })
    }

    fn variable(&mut self) -> Option<Report<'a>> {
        let name = self.variables.lenenc_bytes()?;
        let value = self.variables.lenenc_bytes()?;
        Some(Report::Variable { name, value })
    }
}

#[cfg(test)]
mod tests;
