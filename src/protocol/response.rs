//! Where a response ends, found without decoding rows.
//!
//! [`ResponseScanner`] is fed with the bytes of a backend connection in whatever pieces they arrive and names each
//! [`Unit`] in turn. Packets that carry meaning (OK, ERR, column count, …) are taken whole; rows and column
//! definitions stream through in fragments, so memory stays bounded whatever their size.
//! Backend connections always speak CLIENT_DEPRECATE_EOF and CLIENT_SESSION_TRACK, so a result set ends with an OK
//! packet whose header is 0xFE and no EOF follows the column definitions.

use crate::protocol::command::Shape;
use crate::protocol::definitions::ColumnCount;
use crate::protocol::ok;
use crate::protocol::packet::{HEADER_LEN, Header, MAX_PAYLOAD};
use crate::protocol::reply::{EOF_HEADER, ERR_HEADER, OK_HEADER};
use crate::protocol::status::StatusFlags;

/// One recognised stretch of a response, and how many bytes it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Bytes from the front of what was fed, packet headers included.
    pub len: usize,
    /// What they are.
    pub unit: Unit,
}

/// What a stretch of a response is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// The start of a packet that is passed on as it is, header first; maybe not the whole packet.
    PacketStart,
    /// More of the packet that [`Unit::PacketStart`], [`Unit::Definition`] or [`Unit::RowStart`] began.
    PacketRest,
    /// The whole packet that begins a result set.
    ColumnCount,
    /// The start of a column's definition; maybe not the whole packet.
    Definition,
    /// Takes no bytes: column or parameter definitions have ended. Without CLIENT_DEPRECATE_EOF an EOF stands here.
    DefinitionsEnd,
    /// The start of a packet that is a row; maybe not the whole row.
    RowStart,
    /// The whole first packet of the answer to COM_STMT_PREPARE.
    Prepared,
    /// A whole OK packet (header byte 0x00).
    Ok,
    /// A whole OK or EOF packet with header byte 0xFE: the end of rows.
    RowsEnd,
    /// A whole ERR packet.
    Error,
    /// The server asks for a local file; the client's packets come next, then [`ResponseScanner::file_sent`].
    LocalFile,
}

/// A response that no MariaDB sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed response from the backend: {0}")]
pub struct Malformed(&'static str);

impl Malformed {
    /// Bytes came behind the end of a response, where a server waits for the next command.
    pub const SURPLUS: Self = Self("bytes behind the end of a response");
    /// Definitions of columns that are longer than any server's.
    pub const DEFINITIONS: Self = Self("definitions of columns without an end");
    /// Session state changes that cannot be read.
    pub const STATE_CHANGES: Self = Self("session state changes");
}

/// Follows one response to its end. Cheap to copy, so that a reader can look ahead.
#[derive(Clone, Copy, Debug)]
pub struct ResponseScanner {
    state: State,
    /// Bytes still to come of the packet that a `PacketStart` began.
    remaining: usize,
    /// That packet is full, so the next one continues its payload.
    continued: bool,
    status: Option<StatusFlags>,
    last: Last,
    reports: Reports,
}

/// Whether progress reports may come (MARIADB_CLIENT_PROGRESS).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reports {
    /// The client asked for them.
    Asked,
    /// It did not, and would take one for an error.
    Unasked,
}

/// How the last part of a response ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Last {
    /// With an OK packet (header byte 0x00), which has status flags.
    Ok,
    /// With the end of a result set or of a list of definitions (header byte 0xFE), which has status flags. COM_SET_OPTION
    /// and COM_DEBUG are answered so, too. `ROW_COUNT()` is -1 after it.
    ResultSet,
    /// With an error.
    Error,
    /// Otherwise, or not yet: there are no status flags.
    #[default]
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The next packet starts a response, or the next result of one.
    First(Shape),
    /// Definitions of a result set's columns are coming.
    Columns {
        left: u64,
    },
    /// Definitions of parameters are coming, then those of columns.
    Parameters {
        left: u64,
        columns: u64,
    },
    /// Definitions of a prepared statement's columns are coming.
    PreparedColumns {
        left: u64,
    },
    /// All columns are defined; the next packet is a row or the end.
    BeforeRows,
    Rows,
    /// The client is sending a file.
    LocalFile,
    Done,
}

impl ResponseScanner {
    /// A scanner for the response to a command of this shape.
    pub fn new(shape: Shape, reports: Reports) -> Self {
        let state = if shape == Shape::Nothing { State::Done } else { State::First(shape) };
        Self { state, remaining: 0, continued: false, status: None, last: Last::Other, reports }
    }

    /// Whether the response has ended.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether the bytes so far end with a whole packet, so that another packet (an error of our own) may follow.
    pub fn is_between_packets(&self) -> bool {
        self.remaining == 0 && !self.continued
    }

    /// The status flags of the last OK or EOF seen, if there was one: an error has none, but may come after one.
    pub fn status(&self) -> Option<StatusFlags> {
        self.status
    }

    /// How the last part of the response ended.
    pub fn last(&self) -> Last {
        self.last
    }

    /// Names the next unit at the front of `bytes`; `None` when more bytes are needed or the response has ended.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when the bytes are no response; the connection cannot be used any more.
    pub fn step(&mut self, bytes: &[u8]) -> Result<Option<Step>, Malformed> {
        if self.remaining > 0 {
            return Ok(self.rest_of_packet(bytes));
        }
        if let Some(step) = self.definitions_end(bytes) {
            return Ok(Some(step));
        }
        let Some(header) = Header::parse(bytes) else { return Ok(None) };
        if self.continued {
            return Ok(Some(self.start_packet(bytes, header)));
        }
        match self.state {
            State::Done | State::LocalFile => Ok(None),
            State::First(shape) => self.first(shape, bytes, header),
            State::Columns { left } => {
                Ok(self.definition(State::Columns { left: left.saturating_sub(1) }, bytes, header))
            }
            State::Parameters { left, columns } => {
                let next = State::Parameters { left: left.saturating_sub(1), columns };
                Ok(self.definition(next, bytes, header))
            }
            State::PreparedColumns { left } => {
                let next = State::PreparedColumns { left: left.saturating_sub(1) };
                Ok(self.definition(next, bytes, header))
            }
            State::BeforeRows | State::Rows => self.row(bytes, header),
        }
    }

    /// The client has sent its file, empty packet included: the server's verdict comes next.
    pub fn file_sent(&mut self) {
        if self.state == State::LocalFile {
            self.state = State::First(Shape::Results);
        }
    }

    fn rest_of_packet(&mut self, bytes: &[u8]) -> Option<Step> {
        let len = bytes.len().min(self.remaining);
        self.remaining -= len;
        (len > 0).then_some(Step { len, unit: Unit::PacketRest })
    }

    /// Definitions are over as soon as the next packet's first byte can be told, or at once for a prepare, which
    /// nothing follows.
    fn definitions_end(&mut self, bytes: &[u8]) -> Option<Step> {
        if self.continued {
            return None;
        }
        let next = match self.state {
            State::Columns { left: 0 } if bytes.len() > HEADER_LEN => State::BeforeRows,
            State::Parameters { left: 0, columns: 0 } | State::PreparedColumns { left: 0 } => State::Done,
            State::Parameters { left: 0, columns } => State::PreparedColumns { left: columns },
            _ => return None,
        };
        self.state = next;
        Some(Step { len: 0, unit: Unit::DefinitionsEnd })
    }

    fn definition(&mut self, next: State, bytes: &[u8], header: Header) -> Option<Step> {
        if matches!(self.state, State::Columns { left: 0 }) {
            return None;
        }
        let unit = match next {
            State::Parameters { .. } => Unit::PacketStart,
            _ => Unit::Definition,
        };
        self.state = next;
        Some(Step { unit, ..self.start_packet(bytes, header) })
    }

    fn first(&mut self, shape: Shape, bytes: &[u8], header: Header) -> Result<Option<Step>, Malformed> {
        if header.len == 0 {
            return Err(Malformed("an empty packet"));
        }
        let Some(&marker) = bytes.get(HEADER_LEN) else { return Ok(None) };
        if marker == ERR_HEADER {
            return self.error(bytes, header);
        }
        match shape {
            Shape::Rows => self.row(bytes, header),
            Shape::Definitions | Shape::Stream if marker == EOF_HEADER => {
                self.last_ok(bytes, header, Unit::RowsEnd)
            }
            Shape::Definitions | Shape::Stream => Ok(Some(self.start_packet(bytes, header))),
            Shape::Text => Ok(self.whole(bytes, header).map(|_| self.finish(header, Unit::PacketStart))),
            Shape::Single if marker == EOF_HEADER => self.last_ok(bytes, header, Unit::RowsEnd),
            Shape::Single if marker == OK_HEADER => self.last_ok(bytes, header, Unit::Ok),
            Shape::Prepare if marker == OK_HEADER => self.prepared(bytes, header),
            Shape::Results => self.first_of_result(marker, bytes, header),
            Shape::Single | Shape::Prepare | Shape::Nothing => Err(Malformed("an unexpected first byte")),
        }
    }

    fn first_of_result(
        &mut self,
        marker: u8,
        bytes: &[u8],
        header: Header,
    ) -> Result<Option<Step>, Malformed> {
        match marker {
            OK_HEADER => self.last_ok(bytes, header, Unit::Ok),
            0xFB => Ok(self.whole(bytes, header).map(|_| {
                self.state = State::LocalFile;
                Step { len: HEADER_LEN + header.len, unit: Unit::LocalFile }
            })),
            _ => self.column_count(bytes, header),
        }
    }

    /// The column count, followed by a byte that says whether definitions follow when the client caches metadata
    /// (MARIADB_CLIENT_CACHE_METADATA).
    fn column_count(&mut self, bytes: &[u8], header: Header) -> Result<Option<Step>, Malformed> {
        let Some(payload) = self.whole(bytes, header) else { return Ok(None) };
        let count = ColumnCount::parse(payload).ok_or(Malformed("a column count"))?;
        let left = if count.follow == Some(false) { 0 } else { count.columns };
        self.state = State::Columns { left };
        Ok(Some(Step { unit: Unit::ColumnCount, ..self.start_packet(bytes, header) }))
    }

    /// COM_STMT_PREPARE_OK: 0x00, statement id, columns, parameters, filler, warnings.
    fn prepared(&mut self, bytes: &[u8], header: Header) -> Result<Option<Step>, Malformed> {
        let Some(payload) = self.whole(bytes, header) else { return Ok(None) };
        let &[_, _, _, _, _, c0, c1, p0, p1, ..] = payload else {
            return Err(Malformed("an answer to prepare"));
        };
        let columns = u64::from(u16::from_le_bytes([c0, c1]));
        let parameters = u64::from(u16::from_le_bytes([p0, p1]));
        self.state = match (parameters, columns) {
            (0, 0) => State::Done,
            (0, left) => State::PreparedColumns { left },
            (left, columns) => State::Parameters { left, columns },
        };
        Ok(Some(Step { len: HEADER_LEN + header.len, unit: Unit::Prepared }))
    }

    fn row(&mut self, bytes: &[u8], header: Header) -> Result<Option<Step>, Malformed> {
        if header.len == 0 {
            return Err(Malformed("an empty row"));
        }
        let Some(&marker) = bytes.get(HEADER_LEN) else { return Ok(None) };
        match marker {
            EOF_HEADER if header.len < MAX_PAYLOAD => self.last_ok(bytes, header, Unit::RowsEnd),
            ERR_HEADER => self.error(bytes, header),
            _ => {
                self.state = State::Rows;
                Ok(Some(Step { unit: Unit::RowStart, ..self.start_packet(bytes, header) }))
            }
        }
    }

    fn last_ok(&mut self, bytes: &[u8], header: Header, unit: Unit) -> Result<Option<Step>, Malformed> {
        let Some(payload) = self.whole(bytes, header) else { return Ok(None) };
        let ok = ok::Ok::parse(payload).ok_or(Malformed("an OK packet"))?;
        self.status = Some(ok.status);
        self.last = if unit == Unit::RowsEnd { Last::ResultSet } else { Last::Ok };
        let more = ok.status.contains(StatusFlags::MORE_RESULTS);
        self.state = if more { State::First(Shape::Results) } else { State::Done };
        Ok(Some(Step { len: HEADER_LEN + header.len, unit }))
    }

    /// An error ends the response, but for the code 0xFFFF: a progress report (MARIADB_CLIENT_PROGRESS).
    fn error(&mut self, bytes: &[u8], header: Header) -> Result<Option<Step>, Malformed> {
        let Some(payload) = self.whole(bytes, header) else { return Ok(None) };
        if !payload.starts_with(&[ERR_HEADER, 0xFF, 0xFF]) {
            self.last = Last::Error;
            return Ok(Some(self.finish(header, Unit::Error)));
        }
        match self.reports {
            Reports::Asked => Ok(Some(self.start_packet(bytes, header))),
            Reports::Unasked => Err(Malformed("a progress report that the client did not ask for")),
        }
    }

    fn finish(&mut self, header: Header, unit: Unit) -> Step {
        self.state = State::Done;
        Step { len: HEADER_LEN + header.len, unit }
    }

    /// The payload of a packet that has to be there as a whole.
    fn whole<'a>(&self, bytes: &'a [u8], header: Header) -> Option<&'a [u8]> {
        bytes.get(HEADER_LEN..HEADER_LEN + header.len)
    }

    fn start_packet(&mut self, bytes: &[u8], header: Header) -> Step {
        let len = bytes.len().min(HEADER_LEN + header.len);
        self.remaining = HEADER_LEN + header.len - len;
        self.continued = header.len == MAX_PAYLOAD;
        Step { len, unit: Unit::PacketStart }
    }
}

#[cfg(test)]
mod tests;
