//! From the canonical dialect of backend connections to the one a client negotiated.
//!
//! Backend connections always speak CLIENT_DEPRECATE_EOF and CLIENT_SESSION_TRACK. A client without the former gets an
//! EOF packet after definitions and another in place of the OK that ends rows, with all later sequence ids moved up; a
//! client without the latter gets OK packets without session state. A client with both gets the bytes as they came.

use crate::protocol::command::Shape;
use crate::protocol::ok::{self, Ok as OkPacket};
use crate::protocol::packet::{HEADER_LEN, Header, MAX_PAYLOAD, SequenceId};
use crate::protocol::reply::{EOF_HEADER, EofReply, OK_HEADER};
use crate::protocol::response::{Malformed, Reports, ResponseScanner, Unit};
use crate::protocol::status::StatusFlags;

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
    /// CLIENT_SESSION_TRACK.
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
    /// Why it stopped there.
    pub stop: Stop,
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

/// Flags that the server sets only once the last row is out (10.11).
const ONLY_AT_THE_END: StatusFlags =
    StatusFlags(StatusFlags::SLOW.0 | StatusFlags::LAST_ROW_SENT.0 | StatusFlags::SESSION_STATE_CHANGED.0);

/// Translates one response while it streams through.
#[derive(Debug)]
pub struct Translator {
    scanner: ResponseScanner,
    dialect: Dialect,
    /// How many packets were put in so far, modulo 256.
    shift: u8,
    /// Sequence id of the last packet written to the client.
    last: SequenceId,
    /// Status to show in the EOF after definitions when the end of the rows cannot be seen yet.
    expected: StatusFlags,
    /// Definitions have ended, and the next packet decides whether an EOF goes in.
    definitions_ended: bool,
    files: FileAccess,
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
            files,
        }
    }

    /// The scanner that follows the response.
    pub fn scanner(&self) -> &ResponseScanner {
        &self.scanner
    }

    /// Whether the whole response has been passed on.
    pub fn is_done(&self) -> bool {
        self.scanner.is_done() && !self.definitions_ended
    }

    /// Whether the bytes can go out as they came.
    pub fn is_transparent(&self) -> bool {
        self.dialect.ends == Ends::Ok && self.dialect.state == StateChanges::Reported
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

    /// Goes through `input` as far as possible. Unless [`Self::is_transparent`], what the client is to get is appended
    /// to `out`; else `out` stays as it is and the first `taken` bytes of `input` are to be sent. Either way they are to
    /// be sent whatever the reason to stop: what this translator says of the response afterwards counts on it.
    pub fn advance(&mut self, input: &[u8], out: &mut Vec<u8>) -> Advance {
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
            self.translate(step.unit, unit, out);
            rest = after;
            if step.unit == Unit::LocalFile {
                break Stop::FileWanted;
            }
        };
        if self.definitions_ended && self.scanner.is_done() {
            self.end_definitions(rest, out);
        }
        Advance { taken: input.len() - rest.len(), stop }
    }

    fn translate(&mut self, unit: Unit, bytes: &[u8], out: &mut Vec<u8>) {
        match unit {
            Unit::DefinitionsEnd => self.definitions_ended = self.dialect.ends == Ends::Eof,
            Unit::PacketRest if self.is_transparent() => {}
            Unit::PacketRest => out.extend_from_slice(bytes),
            Unit::Ok if self.dialect.state == StateChanges::Dropped => self.replace_ok(OK_HEADER, bytes, out),
            Unit::RowsEnd if self.dialect.ends == Ends::Eof => self.replace_with_eof(bytes, out),
            Unit::RowsEnd if self.dialect.state == StateChanges::Dropped => {
                self.replace_ok(EOF_HEADER, bytes, out);
            }
            Unit::PacketStart | Unit::Ok | Unit::RowsEnd | Unit::Error | Unit::LocalFile => {
                self.pass_packet(bytes, out);
            }
        }
    }

    /// Passes on bytes that start with a packet header.
    fn pass_packet(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let Some((header, payload)) = split_header(bytes) else { return };
        self.last = header.sequence.shifted(self.shift);
        if self.is_transparent() {
            return;
        }
        out.extend_from_slice(&Header { sequence: self.last, ..header }.encode());
        out.extend_from_slice(payload);
    }

    fn replace_ok(&mut self, marker: u8, bytes: &[u8], out: &mut Vec<u8>) {
        let Some((header, payload)) = split_header(bytes) else { return };
        let Some(ok) = OkPacket::parse(payload).filter(|_| payload.len() != ok::EOF_LEN) else {
            return self.pass_packet(bytes, out);
        };
        let start = out.len();
        out.extend_from_slice(&[0; HEADER_LEN]);
        ok.encode_without_session_track(marker, out);
        self.last = header.sequence.shifted(self.shift);
        let header = Header { len: out.len() - start - HEADER_LEN, sequence: self.last }.encode();
        out.iter_mut().skip(start).zip(header).for_each(|(place, byte)| *place = byte);
    }

    fn replace_with_eof(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let Some((header, payload)) = split_header(bytes) else { return };
        let Some(ok) = OkPacket::parse(payload) else { return };
        self.last = header.sequence.shifted(self.shift);
        self.append_eof(ok.status, ok.warnings, out);
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
        let status = self.status_before_rows(rest);
        self.append_eof(status, 0, out);
        self.shift = self.shift.wrapping_add(1);
        true
    }

    /// The status that the server had when it wrote the definitions: that of the end of these rows when it is in sight.
    fn status_before_rows(&self, rest: &[u8]) -> StatusFlags {
        let mut ahead = self.scanner;
        let mut rest = rest;
        while let Ok(Some(step)) = ahead.step(rest) {
            if step.unit == Unit::RowsEnd {
                return ahead.status().unwrap_or(self.expected).without(ONLY_AT_THE_END);
            }
            if step.unit == Unit::Error {
                break;
            }
            rest = rest.get(step.len..).unwrap_or_default();
        }
        self.expected
    }

    fn append_eof(&self, status: StatusFlags, warnings: u16, out: &mut Vec<u8>) {
        let status = match self.dialect.state {
            StateChanges::Reported => status,
            StateChanges::Dropped => status.without(StatusFlags::SESSION_STATE_CHANGED),
        };
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
