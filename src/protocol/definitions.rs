//! Definitions of columns, for clients that keep those of their prepared statements (MARIADB_CLIENT_CACHE_METADATA, MDEV-19237).
//!
//! To such a client the server sends the definitions of an execution only where they are others than it sent last for that
//! statement, on that connection. Where sessions share connections it takes one client for another, so what was sent to whom is
//! remembered: by the connection the [`Definitions`], by the client's statement no more than a [`Shown`].

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::protocol::packet::{HEADER_LEN, Header, SequenceId};
use crate::protocol::wire::{Reader, put_lenenc};

/// Longest definitions that are kept together, in bytes: more than any server's columns take.
const LIMIT: usize = 8 << 20;

/// The definitions of a statement's columns: whole packets, whose sequence ids mean nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definitions {
    bytes: Vec<u8>,
    overflow: bool,
}

impl Definitions {
    /// A packet's payload.
    pub fn push(&mut self, payload: &[u8]) {
        self.rest(&Header { len: payload.len(), sequence: SequenceId::default() }.encode());
        self.rest(payload);
    }

    /// The beginning of a packet, header included.
    pub fn start(&mut self, packet: &[u8]) {
        let (Some(header), Some(payload)) = (Header::parse(packet), packet.get(HEADER_LEN..)) else { return };
        self.rest(&Header { sequence: SequenceId::default(), ..header }.encode());
        self.rest(payload);
    }

    /// More of the packet that began last.
    pub fn rest(&mut self, bytes: &[u8]) {
        self.overflow |= self.bytes.len() + bytes.len() > LIMIT;
        if !self.overflow {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// Length of all packets together.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether they were too long to be kept.
    pub fn overflowed(&self) -> bool {
        self.overflow
    }

    /// Appends the packets with the ids that come after `last`, and returns the last one's.
    pub fn append(&self, mut last: SequenceId, out: &mut Vec<u8>) -> SequenceId {
        let mut rest = self.bytes.as_slice();
        while let Some(header) = Header::parse(rest) {
            let (packet, after) = rest.split_at_checked(HEADER_LEN + header.len).unwrap_or((rest, &[]));
            last = last.next();
            out.extend_from_slice(&Header { sequence: last, ..header }.encode());
            out.extend_from_slice(packet.get(HEADER_LEN..).unwrap_or_default());
            rest = after;
        }
        last
    }
}

/// Definitions as somebody was sent them, and in which character set he spoke: where that changes, the server sends them again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown(u64);

impl Shown {
    /// These definitions, sent to one who speaks so. No definitions are nothing shown.
    pub fn new(definitions: &Definitions, spoken: Spoken) -> Self {
        if definitions.is_empty() {
            return Self::default();
        }
        let mut hasher = DefaultHasher::new();
        (definitions.bytes.as_slice(), spoken.0).hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// Character set and collation of what a client sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spoken(u64);

impl Spoken {
    /// By their names.
    pub fn new(character_set: &[u8], collation: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        (character_set, collation).hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// A client has been sent other definitions of a statement than the connection on which it is executed now.
#[derive(Clone, Debug)]
pub struct Doubt {
    /// What the client was sent last.
    pub client: Shown,
    /// How it speaks.
    pub spoken: Spoken,
    /// What the connection has sent last.
    pub here: Arc<Definitions>,
}

/// The packet that begins a result set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnCount {
    /// How many columns there are.
    pub columns: u64,
    /// Whether their definitions follow, for clients that are told.
    pub follow: Option<bool>,
}

impl ColumnCount {
    /// Reads the payload.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(payload);
        let columns = reader.lenenc()?;
        Some(Self { columns, follow: reader.u8().map(|follow| follow != 0) })
    }

    /// Appends the packet.
    pub fn append(self, sequence: SequenceId, out: &mut Vec<u8>) {
        let mut payload = Vec::new();
        put_lenenc(&mut payload, self.columns);
        payload.extend(self.follow.map(u8::from));
        out.extend_from_slice(&Header { len: payload.len(), sequence }.encode());
        out.extend_from_slice(&payload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_back_with_other_sequence_ids() {
        let mut definitions = Definitions::default();
        definitions.start(b"\x03\0\0\x07ab");
        definitions.rest(b"c");
        definitions.start(b"\x01\0\0\x08d");
        let mut out = Vec::new();
        assert_eq!(definitions.append(SequenceId(254), &mut out), SequenceId(0));
        assert_eq!(out, b"\x03\0\0\xffabc\x01\0\0\0d");
    }

    #[test]
    fn definitions_differ_by_their_bytes_and_by_how_the_client_speaks() {
        let [mut one, mut other] = [Definitions::default(), Definitions::default()];
        one.start(b"\x01\0\0\x02a");
        other.start(b"\x01\0\0\x09a");
        let (greek, gbk) = (Spoken::new(b"greek", b"greek_bin"), Spoken::new(b"gbk", b"gbk_bin"));
        assert_eq!(Shown::new(&one, greek), Shown::new(&other, greek));
        assert_ne!(Shown::new(&one, greek), Shown::new(&one, gbk));
        other.start(b"\x01\0\0\x03b");
        assert_ne!(Shown::new(&one, greek), Shown::new(&other, greek));
    }

    #[test]
    fn what_is_too_long_is_not_kept() {
        let mut definitions = Definitions::default();
        definitions.rest(&vec![0; LIMIT]);
        assert!(!definitions.overflowed());
        definitions.rest(b"x");
        assert!(definitions.overflowed());
    }

    #[test]
    fn a_column_count_says_whether_definitions_follow_only_to_clients_that_ask() {
        let count = ColumnCount::parse(b"\xfc\x00\x01\x00").unwrap();
        assert_eq!(count, ColumnCount { columns: 256, follow: Some(false) });
        let mut out = Vec::new();
        count.append(SequenceId(1), &mut out);
        assert_eq!(out, b"\x04\0\0\x01\xfc\x00\x01\x00");
        assert_eq!(ColumnCount::parse(b"\x02"), Some(ColumnCount { columns: 2, follow: None }));
    }
}
