//! Packet framing: a three-byte little-endian payload length, a sequence id, the payload.
//!
//! MariaDB: "0-packet" in the protocol documentation. A payload of [`MAX_PAYLOAD`] bytes is continued by the next packet.

/// Bytes of a packet header.
pub const HEADER_LEN: usize = 4;

/// Largest payload of one packet (2²⁴ − 1 bytes); a payload of exactly this length is continued in the next packet.
pub const MAX_PAYLOAD: usize = 0x00ff_ffff;

/// The sequence id of a packet: starts at 0 with each command and wraps at 255.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SequenceId(pub u8);

impl SequenceId {
    /// The id after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// The id `by` packets later.
    #[must_use]
    pub fn shifted(self, by: u8) -> Self {
        Self(self.0.wrapping_add(by))
    }
}

/// The header of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Payload length, at most [`MAX_PAYLOAD`].
    pub len: usize,
    /// Sequence id.
    pub sequence: SequenceId,
}

impl Header {
    /// Reads the header at the front of `bytes`; `None` while fewer than [`HEADER_LEN`] bytes are there.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, sequence] = *bytes.first_chunk::<HEADER_LEN>()?;
        let len = usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16;
        Some(Self { len, sequence: SequenceId(sequence) })
    }

    /// The header's bytes. A length over [`MAX_PAYLOAD`] is cut to its low 24 bits; callers split first.
    pub fn encode(self) -> [u8; HEADER_LEN] {
        let [a, b, c, ..] = self.len.to_le_bytes();
        [a, b, c, self.sequence.0]
    }
}

/// Appends `payload` as one packet, or as several when it reaches [`MAX_PAYLOAD`]; returns the sequence id that follows.
pub fn append(out: &mut Vec<u8>, sequence: SequenceId, payload: &[u8]) -> SequenceId {
    let mut sequence = sequence;
    let mut rest = payload;
    loop {
        let (now, later) = rest.split_at(rest.len().min(MAX_PAYLOAD));
        out.extend_from_slice(&Header { len: now.len(), sequence }.encode());
        out.extend_from_slice(now);
        sequence = sequence.next();
        if now.len() < MAX_PAYLOAD {
            return sequence;
        }
        rest = later;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_survives_the_round_trip() {
        for len in [0, 1, 255, 256, 65_535, 65_536, MAX_PAYLOAD] {
            let header = Header { len, sequence: SequenceId(7) };
            assert_eq!(Header::parse(&header.encode()), Some(header));
        }
    }

    #[test]
    fn a_payload_of_exactly_the_maximum_is_followed_by_an_empty_packet() {
        let mut out = Vec::new();
        let next = append(&mut out, SequenceId(255), &vec![1; MAX_PAYLOAD]);
        assert_eq!(next, SequenceId(1));
        assert_eq!(out.len(), HEADER_LEN + MAX_PAYLOAD + HEADER_LEN);
        assert_eq!(out.get(HEADER_LEN + MAX_PAYLOAD..), Some([0, 0, 0, 0].as_slice()));
    }

    #[test]
    fn fewer_than_four_bytes_are_no_header() {
        assert_eq!(Header::parse(&[1, 0, 0]), None);
    }
}
