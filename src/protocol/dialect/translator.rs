//! The translator: one response while it streams through.

use std::sync::Arc;

use crate::protocol::command::Shape;
use crate::protocol::definitions::{ColumnCount, Definitions, Doubt};
use crate::protocol::dialect::metadata::{Counted, Metadata, Released};
use crate::protocol::dialect::{Advance, Dialect, Ends, FileAccess, Source, StateChanges, Stop};
use crate::protocol::observed::{Observed, Prepared};
use crate::protocol::ok::{self, Ok as OkPacket};
use crate::protocol::packet::{HEADER_LEN, Header, MAX_PAYLOAD, SequenceId};
use crate::protocol::reply::{EOF_HEADER, EofReply, OK_HEADER};
use crate::protocol::response::{Malformed, ResponseScanner, Unit};
use crate::protocol::session_track::telling::{InOk, Telling};
use crate::protocol::session_track::{ClientTracking, PendingChanges};
use crate::protocol::status::StatusFlags;

/// Flags that the server sets only once the last row is out (10.11).
const ONLY_AT_THE_END: StatusFlags = StatusFlags(StatusFlags::SLOW.0 | StatusFlags::LAST_ROW_SENT.0);

/// Translates one response while it streams through, and observes it.
#[derive(Debug)]
pub struct Translator {
    scanner: ResponseScanner,
    dialect: Dialect,
    /// How far the client's sequence ids are ahead of the backend's, modulo 256.
    shift: u8,
    /// Sequence id of the last packet written to the client.
    last: SequenceId,
    /// Status to show in the EOF after definitions when the end of the rows cannot be seen yet.
    expected: StatusFlags,
    /// Definitions have ended, and the next packet decides whether an EOF goes in.
    definitions_ended: bool,
    /// Where the output has the status of the EOF after definitions, while the end of the rows can still correct it.
    provisional: Option<usize>,
    /// The output is written in this call; else the input is to be sent.
    writing: bool,
    files: FileAccess,
    telling: Telling,
    statement_id: Option<u32>,
    metadata: Metadata,
    observed: Observed,
}

impl Translator {
    /// A translator for the response to a command of this shape, whose last packet had the sequence id `asked`; `status`
    /// is what the session's last response said.
    pub fn new(
        shape: Shape,
        dialect: Dialect,
        status: StatusFlags,
        asked: SequenceId,
        files: FileAccess,
    ) -> Self {
        Self {
            scanner: ResponseScanner::new(shape, dialect.reports),
            dialect,
            shift: 0,
            last: asked,
            expected: status & StatusFlags::OF_SESSION,
            definitions_ended: false,
            provisional: None,
            writing: false,
            files,
            telling: Telling::default(),
            statement_id: None,
            metadata: Metadata::default(),
            observed: Observed::default(),
        }
    }

    /// The client is told only of what it asked to hear. Means nothing for a client without CLIENT_SESSION_TRACK.
    #[must_use]
    pub fn tracking(mut self, tracking: Arc<ClientTracking>) -> Self {
        self.telling.tracking = Some(tracking);
        self
    }

    /// What the client has still to be told; [`Self::take_pending`] gives it back.
    #[must_use]
    pub fn with_pending(mut self, pending: PendingChanges) -> Self {
        self.telling.pending = pending;
        self
    }

    /// The answer to COM_STMT_PREPARE gets this id; [`Observed::prepared`] keeps the one that came.
    #[must_use]
    pub fn with_statement_id(mut self, id: u32) -> Self {
        self.statement_id = Some(id);
        self
    }

    /// The client knows the statement that is executed to have so many columns: where they are others, its status says so.
    #[must_use]
    pub fn with_columns(mut self, columns: u16) -> Self {
        self.metadata.known_columns = Some(columns.into());
        self
    }

    /// The client keeps definitions of columns, so [`Observed::definitions`] is to have what comes of them.
    #[must_use]
    pub fn collecting(mut self) -> Self {
        self.metadata.collects = true;
        self
    }

    /// The client may not have the definitions that the server takes it to have: it gets them if they are others.
    #[must_use]
    pub fn in_doubt(mut self, doubt: Doubt) -> Self {
        self.metadata.doubt = Some(doubt);
        self
    }

    /// The command went out in other packets than it came in: its last one had the sequence id `sent` on the backend's side,
    /// and the response goes on from there.
    #[must_use]
    pub fn sent_as(mut self, sent: SequenceId) -> Self {
        self.shift = self.last.0.wrapping_sub(sent.0);
        self
    }

    /// The scanner that follows the response.
    pub fn scanner(&self) -> &ResponseScanner {
        &self.scanner
    }

    /// What the response has said so far.
    pub fn observed(&self) -> &Observed {
        &self.observed
    }

    /// What the response has said; for its end.
    #[must_use]
    pub fn take_observed(&mut self) -> Observed {
        let definitions = self.metadata.take();
        Observed { definitions, ..std::mem::take(&mut self.observed) }
    }

    /// What the client has still to be told, for the session's next translator.
    #[must_use]
    pub fn take_pending(&mut self) -> PendingChanges {
        std::mem::take(&mut self.telling.pending)
    }

    /// Whether the whole response has been passed on.
    pub fn is_done(&self) -> bool {
        self.scanner.is_done() && !self.definitions_ended
    }

    /// How far the client's sequence ids are ahead of the backend's.
    pub fn shift(&self) -> u8 {
        self.shift
    }

    /// Sequence id of the last packet that the client got, or sent.
    pub fn last_sequence(&self) -> SequenceId {
        self.last
    }

    /// The client has sent its file; its last packet had this id on the client's side.
    pub fn file_sent(&mut self, last: SequenceId) {
        self.last = last;
        self.scanner.file_sent();
    }

    /// Goes through `input` as far as possible. [`Advance::source`] says where the bytes for the client are: the input as
    /// it came, and nothing was appended to `out`, or what was appended. They are to be sent whatever the reason to stop:
    /// what this translator says of the response afterwards counts on it.
    pub fn advance(&mut self, input: &[u8], out: &mut Vec<u8>) -> Advance {
        self.provisional = None;
        self.writing = !self.is_canonical() || self.shift != 0 || self.metadata.holds();
        let mut rest = input;
        let stop = loop {
            if self.definitions_ended && !self.end_definitions(rest, out) {
                break Stop::Input;
            }
            let before = self.scanner;
            let step = match self.scanner.step(rest) {
                Ok(Some(step)) => step,
                Ok(None) => break Stop::Input,
                Err(malformed) => break Stop::Malformed(malformed),
            };
            if step.unit == Unit::LocalFile && self.files == FileAccess::Refused {
                self.scanner = before;
                break Stop::FileRefused;
            }
            let (unit, after) = rest.split_at_checked(step.len).unwrap_or((rest, &[]));
            if !self.writing && self.is_to_change(step.unit, unit) {
                self.writing = true;
                out.extend_from_slice(input.get(..input.len() - rest.len()).unwrap_or_default());
            }
            self.translate(step.unit, unit, out);
            rest = after;
            if step.unit == Unit::LocalFile {
                break Stop::FileWanted;
            }
            if self.metadata.lost() {
                break Stop::Malformed(Malformed::DEFINITIONS);
            }
        };
        if self.definitions_ended && self.scanner.is_done() {
            self.end_definitions(rest, out);
        }
        let taken = input.len() - rest.len();
        self.observed.something_sent |= taken > 0;
        let source = if self.writing { Source::Output } else { Source::Input };
        Advance { taken, source, stop }
    }

    /// Whether packets go out as they came, but for single ones that say too much.
    fn is_canonical(&self) -> bool {
        self.dialect.ends == Ends::Ok && self.dialect.state == StateChanges::Reported
    }

    /// Whether this unit cannot go to a canonical client as it came.
    fn is_to_change(&self, unit: Unit, bytes: &[u8]) -> bool {
        match unit {
            Unit::Prepared => self.statement_id.is_some(),
            Unit::ColumnCount => self.metadata.doubt.is_some(),
            Unit::Ok | Unit::RowsEnd => parse_ok(bytes).is_some_and(|ok| {
                !self.telling.leaves(&ok) || self.metadata.corrected(ok.status) != ok.status
            }),
            _ => false,
        }
    }

    fn translate(&mut self, unit: Unit, bytes: &[u8], out: &mut Vec<u8>) {
        match unit {
            Unit::PacketRest => {
                if self.metadata.rest(bytes) {
                    self.copy(bytes, out);
                }
            }
            Unit::Definition => {
                if self.metadata.start(bytes) {
                    self.pass_packet(bytes, out);
                }
            }
            Unit::ColumnCount => self.pass_count(bytes, out),
            Unit::RowStart => {
                self.observed.rows += 1;
                self.pass_packet(bytes, out);
            }
            Unit::PacketStart | Unit::LocalFile => self.pass_packet(bytes, out),
            Unit::DefinitionsEnd => {
                self.observed.rows = 0;
                self.release_definitions(out);
                self.definitions_ended = self.dialect.ends == Ends::Eof;
            }
            Unit::Ok => self.pass_ok(OK_HEADER, bytes, out),
            Unit::RowsEnd => self.end_rows(bytes, out),
            Unit::Prepared => self.pass_prepared(bytes, out),
            Unit::Error => {
                self.provisional = None;
                self.observed.error(bytes);
                self.pass_packet(bytes, out);
            }
        }
    }

    fn copy(&self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.writing {
            out.extend_from_slice(bytes);
        }
    }

    /// Passes on bytes that start with a packet header.
    fn pass_packet(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let Some((header, payload)) = split_header(bytes) else { return };
        self.last = header.sequence.shifted(self.shift);
        if self.writing {
            out.extend_from_slice(&Header { sequence: self.last, ..header }.encode());
            out.extend_from_slice(payload);
        }
    }

    fn pass_prepared(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.observed.prepared = bytes.get(HEADER_LEN..).and_then(Prepared::parse);
        let start = out.len();
        self.pass_packet(bytes, out);
        if let Some(id) = self.statement_id {
            overwrite(out, start + HEADER_LEN + 1, &id.to_le_bytes());
        }
    }

    fn pass_count(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let Some((header, payload)) = split_header(bytes) else { return };
        let Some(count) = ColumnCount::parse(payload) else { return };
        self.observed.columns.get_or_insert(count.columns);
        match self.metadata.count(count, header.sequence) {
            Counted::Passes => self.pass_packet(bytes, out),
            Counted::Waits => {}
            Counted::Lacks(definitions) => {
                let count = ColumnCount { follow: Some(true), ..count };
                self.put_count(count, header.sequence, Some(&definitions), out);
                self.shift = self.shift.wrapping_add(low_byte(count.columns));
            }
        }
    }

    fn release_definitions(&mut self, out: &mut Vec<u8>) {
        if let Some(Released { count, sequence, definitions }) = self.metadata.end() {
            self.put_count(count, sequence, definitions.as_ref(), out);
            if definitions.is_none() {
                self.shift = self.shift.wrapping_sub(low_byte(count.columns));
            }
        }
    }

    /// Writes a column count that had this id, and the definitions that belong to it.
    fn put_count(
        &mut self,
        count: ColumnCount,
        sequence: SequenceId,
        definitions: Option<&Definitions>,
        out: &mut Vec<u8>,
    ) {
        self.last = sequence.shifted(self.shift);
        count.append(self.last, out);
        if let Some(definitions) = definitions {
            self.last = definitions.append(self.last, out);
        }
    }

    fn end_rows(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match self.dialect.ends {
            Ends::Ok => self.pass_ok(EOF_HEADER, bytes, out),
            Ends::Eof => self.replace_with_eof(bytes, out),
        }
    }

    fn pass_ok(&mut self, marker: u8, bytes: &[u8], out: &mut Vec<u8>) {
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
    fn end_definitions(&mut self, rest: &[u8], out: &mut Vec<u8>) -> bool {
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

fn split_header(bytes: &[u8]) -> Option<(Header, &[u8])> {
    Some((Header::parse(bytes)?, bytes.get(HEADER_LEN..)?))
}

/// The OK or EOF packet that `bytes` are, header included.
fn parse_ok(bytes: &[u8]) -> Option<OkPacket<'_>> {
    OkPacket::parse(bytes.get(HEADER_LEN..)?)
}

/// By how much sequence ids, which count modulo 256, move up for so many packets.
fn low_byte(packets: u64) -> u8 {
    let [low, ..] = packets.to_le_bytes();
    low
}

fn overwrite(out: &mut [u8], at: usize, bytes: &[u8]) {
    out.iter_mut().skip(at).zip(bytes).for_each(|(place, byte)| *place = *byte);
}

#[cfg(test)]
mod tests;
