//! OK and EOF packets: what of an end the client is told, and where its dialect has one more.

use crate::protocol::dialect::translator::Translator;
use crate::protocol::dialect::translator::bytes::{overwrite, parse_ok, split_header};
use crate::protocol::dialect::{Ends, StateChanges};
use crate::protocol::ok::{self, Ok as OkPacket};
use crate::protocol::packet::{HEADER_LEN, Header, MAX_PAYLOAD};
use crate::protocol::reply::{EOF_HEADER, EofReply};
use crate::protocol::session_track::telling::InOk;
use crate::protocol::status::StatusFlags;

/// Flags that the server sets only once the last row is out (10.11).
const ONLY_AT_THE_END: StatusFlags = StatusFlags(StatusFlags::SLOW.0 | StatusFlags::LAST_ROW_SENT.0);

impl Translator {
    pub(super) fn end_rows(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match self.dialect.ends {
            Ends::Ok => self.pass_ok(EOF_HEADER, bytes, out),
            Ends::Eof => self.replace_with_eof(bytes, out),
        }
    }

    pub(super) fn pass_ok(&mut self, marker: u8, bytes: &[u8], out: &mut Vec<u8>) {
        let Some(came) = parse_ok(bytes) else { return };
        let ok = OkPacket { status: self.metadata.corrected(came.status), ..came };
        self.observed.ok(&ok, self.scanner.last());
        match self.told(&ok) {
            InOk::AsItCame if ok == came => self.pass_packet(bytes, out),
            InOk::AsItCame => {
                let told = ok.status.contains(StatusFlags::SESSION_STATE_CHANGED).then_some(ok.state_changes);
                self.replace_ok(marker, bytes, &ok, told, out);
            }
            InOk::Told(told) => self.replace_ok(marker, bytes, &ok, Some(&told), out),
            InOk::Nothing => self.replace_ok(marker, bytes, &ok, None, out),
        }
    }

    fn told(&mut self, ok: &OkPacket<'_>) -> InOk {
        match self.dialect.state {
            StateChanges::Reported => self.telling.in_ok(ok),
            StateChanges::Dropped if ok.status.contains(StatusFlags::SESSION_STATE_CHANGED) => InOk::Nothing,
            StateChanges::Dropped => InOk::AsItCame,
        }
    }

    fn replace_ok(
        &mut self,
        marker: u8,
        bytes: &[u8],
        ok: &OkPacket<'_>,
        told: Option<&[u8]>,
        out: &mut Vec<u8>,
    ) {
        let Some((header, _)) = split_header(bytes) else { return };
        let start = out.len();
        out.extend_from_slice(&[0; HEADER_LEN]);
        ok.encode(marker, told, out);
        self.last = header.sequence.shifted(self.shift);
        let header = Header { len: out.len() - start - HEADER_LEN, sequence: self.last };
        overwrite(out, start, &header.encode());
    }

    fn replace_with_eof(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let (Some((header, _)), Some(ok)) = (split_header(bytes), parse_ok(bytes)) else { return };
        self.observed.ok(&ok, self.scanner.last());
        let mut status = self.metadata.corrected(ok.status).without(StatusFlags::SESSION_STATE_CHANGED);
        let mut before = status.without(ONLY_AT_THE_END);
        if self.dialect.state == StateChanges::Reported {
            let flags = self.telling.in_eof(&ok);
            (before, status) = (before | flags.definitions, status | flags.rows);
        }
        if let Some(place) = self.provisional.take() {
            overwrite(out, place, &before.0.to_le_bytes());
        }
        self.last = header.sequence.shifted(self.shift);
        self.append_eof(status, ok.warnings, out);
    }

    /// Puts the EOF after definitions in. `false` while the packet that decides is not there as a whole: a cursor that
    /// was opened has one EOF in all, the one with its status.
    pub(super) fn end_definitions(&mut self, rest: &[u8], out: &mut Vec<u8>) -> bool {
        if !self.scanner.is_done() {
            match rows_end(rest) {
                Peek::Unknown => return false,
                Peek::RowsEnd(status) if status.contains(StatusFlags::CURSOR_EXISTS) => {
                    self.definitions_ended = false;
                    return true;
                }
                Peek::RowsEnd(_) | Peek::Other => {}
            }
        }
        self.definitions_ended = false;
        self.last = self.last.next();
        self.append_eof(self.status_before_rows(), 0, out);
        self.provisional = out.len().checked_sub(size_of::<u16>());
        self.shift = self.shift.wrapping_add(1);
        true
    }

    /// The status in an EOF after definitions, as long as the end of the rows does not say better.
    fn status_before_rows(&self) -> StatusFlags {
        let tells = self.dialect.state == StateChanges::Reported && self.observed.prepared.is_none();
        let status = if tells { self.expected | self.telling.expected() } else { self.expected };
        self.metadata.corrected(status)
    }

    fn append_eof(&self, status: StatusFlags, warnings: u16, out: &mut Vec<u8>) {
        out.extend_from_slice(&Header { len: ok::EOF_LEN, sequence: self.last }.encode());
        out.extend_from_slice(&EofReply { warnings, status: status.0 }.encode());
    }
}

enum Peek {
    Unknown,
    RowsEnd(StatusFlags),
    Other,
}

/// Whether the next packet ends the rows, and with which status.
fn rows_end(bytes: &[u8]) -> Peek {
    let Some((header, payload)) = split_header(bytes) else { return Peek::Unknown };
    match payload.first() {
        None => Peek::Unknown,
        Some(&EOF_HEADER) if header.len < MAX_PAYLOAD => match payload.get(..header.len) {
            None => Peek::Unknown,
            Some(payload) => OkPacket::parse(payload).map_or(Peek::Other, |ok| Peek::RowsEnd(ok.status)),
        },
        Some(_) => Peek::Other,
    }
}
