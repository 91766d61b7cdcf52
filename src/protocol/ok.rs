//! The OK packet as a backend sends it, and the EOF packet that it replaces (CLIENT_DEPRECATE_EOF, MySQL WL#7766).

use crate::protocol::status::StatusFlags;
use crate::protocol::wire::{Reader, put_lenenc, put_lenenc_bytes};

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
    /// One that says nothing but this status.
    pub fn plain(status: StatusFlags) -> Self {
        Self { affected_rows: 0, last_insert_id: 0, status, warnings: 0, info: &[], state_changes: &[] }
    }

    /// Reads the payload of an OK packet (header 0x00 or 0xFE) or of an EOF packet.
    ///
    /// `None` when the bytes are neither. The session information is only there when both sides negotiated
    /// CLIENT_SESSION_TRACK, as every backend connection does.
    pub fn parse(payload: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(payload);
        match reader.u8()? {
            0xFE if payload.len() == EOF_LEN => Self::parse_eof(reader),
            0x00 | 0xFE => Self::parse_ok(reader),
            _ => None,
        }
    }

    fn parse_eof(mut reader: Reader<'a>) -> Option<Self> {
        let warnings = reader.u16()?;
        let status = StatusFlags(reader.u16()?);
        Some(Self { warnings, ..Self::plain(status) })
    }

    fn parse_ok(mut reader: Reader<'a>) -> Option<Self> {
        let affected_rows = reader.lenenc()?;
        let last_insert_id = reader.lenenc()?;
        let status = StatusFlags(reader.u16()?);
        let warnings = reader.u16()?;
        let info = if reader.is_empty() { &[] } else { reader.lenenc_bytes()? };
        let reported = status.contains(StatusFlags::SESSION_STATE_CHANGED) && !reader.is_empty();
        let state_changes = if reported { reader.lenenc_bytes()? } else { &[] };
        Some(Self { affected_rows, last_insert_id, status, warnings, info, state_changes })
    }

    /// Appends the payload as MariaDB writes it, with `told` in place of the state changes; `None` leaves out their flag,
    /// too, as for a client without CLIENT_SESSION_TRACK. `header` is 0x00, or 0xFE at the end of a result set.
    pub fn encode(&self, header: u8, told: Option<&[u8]>, out: &mut Vec<u8>) {
        let changed = told.map_or(StatusFlags::default(), |_| StatusFlags::SESSION_STATE_CHANGED);
        let status = self.status.without(StatusFlags::SESSION_STATE_CHANGED) | changed;
        out.push(header);
        put_lenenc(out, self.affected_rows);
        put_lenenc(out, self.last_insert_id);
        out.extend_from_slice(&status.0.to_le_bytes());
        out.extend_from_slice(&self.warnings.to_le_bytes());
        if !self.info.is_empty() || told.is_some() {
            put_lenenc_bytes(out, self.info);
        }
        if let Some(told) = told {
            put_lenenc_bytes(out, told);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::reply::EofReply;

    #[test]
    fn an_ok_with_state_changes_loses_them_and_their_flag() {
        // MariaDB 10.11, `USE mysql` with CLIENT_SESSION_TRACK: no text, schema change.
        let payload = b"\x00\x00\x00\x02\x40\x00\x00\x00\x08\x01\x06\x05mysql";
        let ok = Ok::parse(payload).unwrap();
        assert_eq!(ok.state_changes, b"\x01\x06\x05mysql");
        let mut out = Vec::new();
        ok.encode(0x00, None, &mut out);
        assert_eq!(out, b"\x00\x00\x00\x02\x00\x00\x00");
    }

    #[test]
    fn the_text_survives() {
        let payload = b"\x00\x01\x00\x02\x00\x00\x00\x28Rows matched: 1  Changed: 1  Warnings: 0";
        let ok = Ok::parse(payload).unwrap();
        let mut out = Vec::new();
        ok.encode(0x00, None, &mut out);
        assert_eq!(out, payload);
    }

    #[test]
    fn an_eof_is_five_bytes_and_round_trips() {
        let payload = EofReply { warnings: 3, status: 0x0022 }.encode();
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
