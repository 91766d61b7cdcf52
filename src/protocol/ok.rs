//! The OK packet as a backend sends it, and the EOF packet that it replaces (CLIENT_DEPRECATE_EOF, MySQL WL#7766).

use crate::protocol::lenenc;
use crate::protocol::status::StatusFlags;

/// What an OK packet, or an EOF packet, says. Slices point into the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ok<'a> {
    /// Rows changed.
    pub affected_rows: u64,
    /// Value given to an AUTO_INCREMENT column.
    pub last_insert_id: u64,
    /// Server status.
    pub status: StatusFlags,
    /// Number of warnings, at most 65 535.
    pub warnings: u16,
    /// Text for people, such as `Rows matched: 1  Changed: 1  Warnings: 0`.
    pub info: &'a [u8],
    /// Session state changes, there when [`StatusFlags::SESSION_STATE_CHANGED`] is set.
    pub state_changes: &'a [u8],
}

/// Payload length of an EOF packet: header, warnings, status.
pub const EOF_LEN: usize = 5;

impl<'a> Ok<'a> {
    /// Reads the payload of an OK packet (header 0x00 or 0xFE) or of an EOF packet.
    ///
    /// `None` when the bytes are neither. The session information is only there when both sides negotiated
    /// CLIENT_SESSION_TRACK, as every backend connection does.
    pub fn parse(payload: &'a [u8]) -> Option<Self> {
        let (&header, rest) = payload.split_first()?;
        match header {
            0xFE if payload.len() == EOF_LEN => Self::parse_eof(rest),
            0x00 | 0xFE => Self::parse_ok(rest),
            _ => None,
        }
    }

    fn parse_eof(rest: &'a [u8]) -> Option<Self> {
        let (warnings, rest) = split_u16(rest)?;
        let (status, _) = split_u16(rest)?;
        Some(Self {
            affected_rows: 0,
            last_insert_id: 0,
            status: StatusFlags(status),
            warnings,
            info: &[],
            state_changes: &[],
        })
    }

    fn parse_ok(rest: &'a [u8]) -> Option<Self> {
        let (affected_rows, rest) = lenenc::split_int(rest)?;
        let (last_insert_id, rest) = lenenc::split_int(rest)?;
        let (status, rest) = split_u16(rest)?;
        let (warnings, rest) = split_u16(rest)?;
        let status = StatusFlags(status);
        let (info, rest) = if rest.is_empty() { (rest, rest) } else { lenenc::split_bytes(rest)? };
        let state_changes = if status.contains(StatusFlags::SESSION_STATE_CHANGED) && !rest.is_empty() {
            lenenc::split_bytes(rest)?.0
        } else {
            &[]
        };
        Some(Self { affected_rows, last_insert_id, status, warnings, info, state_changes })
    }

    /// Appends the payload as a client without CLIENT_SESSION_TRACK gets it from MariaDB: no state changes, no flag
    /// for them, and the text only when there is one. `header` is 0x00, or 0xFE at the end of a result set.
    pub fn encode_without_session_track(&self, header: u8, out: &mut Vec<u8>) {
        out.push(header);
        lenenc::append_int(out, self.affected_rows);
        lenenc::append_int(out, self.last_insert_id);
        out.extend_from_slice(&self.status.without(StatusFlags::SESSION_STATE_CHANGED).0.to_le_bytes());
        out.extend_from_slice(&self.warnings.to_le_bytes());
        if !self.info.is_empty() {
            lenenc::append_bytes(out, self.info);
        }
    }
}

/// The payload of an EOF packet.
pub fn encode_eof(status: StatusFlags, warnings: u16) -> [u8; EOF_LEN] {
    let [w0, w1] = warnings.to_le_bytes();
    let [s0, s1] = status.0.to_le_bytes();
    [0xFE, w0, w1, s0, s1]
}

fn split_u16(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<2>()?;
    Some((u16::from_le_bytes(*head), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ok_with_state_changes_loses_them_and_their_flag() {
        // MariaDB 10.11, `USE mysql` with CLIENT_SESSION_TRACK: no text, schema change.
        let payload = b"\x00\x00\x00\x02\x40\x00\x00\x00\x08\x01\x06\x05mysql";
        let ok = Ok::parse(payload).unwrap();
        assert_eq!(ok.state_changes, b"\x01\x06\x05mysql");
        let mut out = Vec::new();
        ok.encode_without_session_track(0x00, &mut out);
        assert_eq!(out, b"\x00\x00\x00\x02\x00\x00\x00");
    }

    #[test]
    fn the_text_survives() {
        let payload = b"\x00\x01\x00\x02\x00\x00\x00\x28Rows matched: 1  Changed: 1  Warnings: 0";
        let ok = Ok::parse(payload).unwrap();
        let mut out = Vec::new();
        ok.encode_without_session_track(0x00, &mut out);
        assert_eq!(out, payload);
    }

    #[test]
    fn an_eof_is_five_bytes_and_round_trips() {
        let payload = encode_eof(StatusFlags(0x0022), 3);
        let ok = Ok::parse(&payload).unwrap();
        assert_eq!((ok.status, ok.warnings), (StatusFlags(0x0022), 3));
    }

    #[test]
    fn truncation_at_any_length_is_an_answer_not_a_panic() {
        let payload = b"\x00\xfc\x10\x27\x00\x02\x40\x00\x00\x00\x08\x01\x06\x05mysql";
        for len in 0..payload.len() {
            let _ = Ok::parse(payload.get(..len).unwrap());
        }
    }
}
