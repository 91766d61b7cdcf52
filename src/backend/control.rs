//! Commands of the proxy's own on a connection that sessions share: sent together, answered one after the other.
//!
//! Cancellation: a connection whose exchange was given up is busy, and whoever holds it closes it.

use tokio::io::{AsyncRead, AsyncWrite};

use crate::backend::connection::{Connection, ControlError, Facts};
use crate::protocol::command::Command;
use crate::protocol::definitions::Definitions;
use crate::protocol::ok::Ok as OkPacket;
use crate::protocol::packet::{HEADER_LEN, SequenceId, append};
use crate::protocol::reply::ServerError;
use crate::protocol::response::Last;
use crate::protocol::status::StatusFlags;
use crate::protocol::wire::Reader;
use crate::tls::packets::PacketStream;
use crate::tls::read_buffer::ReadBuffer;

/// Most that the rows of a query of the proxy's own may take together, in bytes.
const ROWS_LIMIT: usize = 1 << 20;

/// A text row: NULL or text for each column.
pub type Row = Vec<Option<Vec<u8>>>;

/// The answer to one command.
#[derive(Debug, Default)]
pub struct Answer {
    /// Rows, if it was a query.
    pub rows: Vec<Row>,
    /// Session state changes that came with it.
    pub state_changes: Vec<u8>,
    /// What the server refused it with.
    pub refusal: Option<ServerError>,
}

/// A statement that the server has prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedHere {
    /// Its id on this connection.
    pub id: u32,
    /// The definitions of its columns.
    pub definitions: Definitions,
}

/// The payload of COM_QUERY.
pub fn query(statement: &str) -> Vec<u8> {
    [&[Command::Query.byte()], statement.as_bytes()].concat()
}

impl Connection {
    /// Sends `commands` in one write and reads the answer of each. Refusals are answers; the commands after a refused one
    /// have been executed all the same.
    ///
    /// # Errors
    /// [`ControlError`], but never a refusal; the connection cannot be used any more.
    pub async fn exchange(&mut self, commands: &[Vec<u8>]) -> Result<Vec<Answer>, ControlError> {
        self.exchange_up_to(commands, ROWS_LIMIT).await
    }

    /// The same where the rows of each answer may take `limit` bytes together.
    ///
    /// # Errors
    /// As there.
    pub async fn exchange_up_to(
        &mut self,
        commands: &[Vec<u8>],
        limit: usize,
    ) -> Result<Vec<Answer>, ControlError> {
        let mut bytes = Vec::with_capacity(commands.iter().map(|command| HEADER_LEN + command.len()).sum());
        for command in commands {
            append(&mut bytes, SequenceId::default(), command);
        }
        self.begin();
        let (mut packets, outcome) = self.control();
        packets.write_raw(&bytes).await?;
        let mut answers = Vec::with_capacity(commands.len());
        let mut status = None;
        for _ in commands {
            packets.set_sequence(SequenceId(1));
            let (answer, told) = answer(&mut packets, limit).await?;
            status = told.or(status);
            answers.push(answer);
        }
        let (_, buffer) = packets.into_parts();
        outcome.finish(buffer, answers.last().is_some_and(|answer| answer.refusal.is_none()), status);
        Ok(answers)
    }

    /// Prepares a statement of a session here.
    ///
    /// # Errors
    /// [`ControlError`]; after a refusal the connection can still be used.
    pub async fn prepare(&mut self, text: &[u8]) -> Result<PreparedHere, ControlError> {
        let mut bytes = Vec::with_capacity(HEADER_LEN + 1 + text.len());
        let payload = [&[Command::StmtPrepare.byte()], text].concat();
        append(&mut bytes, SequenceId::default(), &payload);
        self.begin();
        let (mut packets, outcome) = self.control();
        packets.write_raw(&bytes).await?;
        packets.set_sequence(SequenceId(1));
        let prepared = prepared(&mut packets).await;
        let (_, buffer) = packets.into_parts();
        match prepared {
            Ok(prepared) => {
                outcome.finish(buffer, true, None);
                Ok(prepared)
            }
            Err(ControlError::Refused(error)) => {
                outcome.finish(buffer, false, None);
                Err(ControlError::Refused(error))
            }
            Err(error) => Err(error),
        }
    }

    /// Resets the session; see [`Connection::reset`].
    ///
    /// # Errors
    /// [`ControlError`]; the connection cannot be used any more.
    pub async fn reset_here(&mut self) -> Result<(), ControlError> {
        let mut answers = self.exchange(&[vec![Command::ResetConnection.byte()]]).await?;
        match answers.pop().and_then(|answer| answer.refusal) {
            Some(refusal) => Err(ControlError::Refused(refusal)),
            None => Ok(()),
        }
    }

    /// Forgets a prepared statement; the server does not answer to that.
    ///
    /// # Errors
    /// What the connection says.
    pub async fn close_statement(&mut self, id: u32) -> std::io::Result<()> {
        let mut bytes = Vec::with_capacity(HEADER_LEN + 5);
        let [a, b, c, d] = id.to_le_bytes();
        append(&mut bytes, SequenceId::default(), &[Command::StmtClose.byte(), a, b, c, d]);
        self.send(&bytes).await
    }
}

async fn answer<S>(
    packets: &mut PacketStream<S>,
    limit: usize,
) -> Result<(Answer, Option<StatusFlags>), ControlError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let first = packets.read().await?;
    if let Some(error) = ServerError::parse(&first) {
        return Ok((Answer { refusal: Some(error), ..Answer::default() }, None));
    }
    if first.first() == Some(&0) {
        return ended(&first, Vec::new());
    }
    let mut reader = Reader::new(&first);
    let columns = reader.lenenc().ok_or(ControlError::Unexpected("a result was due"))?;
    // Where its client caches definitions (MARIADB_CLIENT_CACHE_METADATA), another byte says whether they follow.
    if reader.u8() != Some(0) {
        for _ in 0..columns {
            packets.read().await?;
        }
    }
    let (mut rows, mut bytes) = (Vec::new(), 0);
    loop {
        let packet = packets.read().await?;
        match packet.first() {
            Some(0xFE) => return ended(&packet, rows),
            Some(0xFF) => {
                let refusal = ServerError::parse(&packet);
                let refusal = refusal.ok_or(ControlError::Unexpected("an error was due"))?;
                return Ok((Answer { refusal: Some(refusal), ..Answer::default() }, None));
            }
            _ => rows.push(row(&packet, columns)?),
        }
        bytes += packet.len();
        if bytes > limit {
            return Err(ControlError::Unexpected("there are more rows than were asked for"));
        }
    }
}

fn ended(packet: &[u8], rows: Vec<Row>) -> Result<(Answer, Option<StatusFlags>), ControlError> {
    let ok = OkPacket::parse(packet).ok_or(ControlError::Unexpected("OK or an error was due"))?;
    if ok.status.contains(StatusFlags::MORE_RESULTS) {
        return Err(ControlError::Unexpected("one result was due, and there are more"));
    }
    Ok((Answer { rows, state_changes: ok.state_changes.to_vec(), refusal: None }, Some(ok.status)))
}

fn row(packet: &[u8], columns: u64) -> Result<Row, ControlError> {
    let mut reader = Reader::new(packet);
    let mut row = Row::new();
    for _ in 0..columns {
        let value = match reader.clone().rest().first() {
            Some(0xFB) => {
                reader.u8();
                None
            }
            _ => Some(reader.lenenc_bytes().ok_or(ControlError::Unexpected("a row was due"))?.to_vec()),
        };
        row.push(value);
    }
    Ok(row)
}

async fn prepared<S>(packets: &mut PacketStream<S>) -> Result<PreparedHere, ControlError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let first = packets.read().await?;
    if let Some(error) = ServerError::parse(&first) {
        return Err(ControlError::Refused(error));
    }
    let &[0, a, b, c, d, c0, c1, p0, p1, ..] = first.as_slice() else {
        return Err(ControlError::Unexpected("an answer to prepare was due"));
    };
    let (columns, parameters) = (u16::from_le_bytes([c0, c1]), u16::from_le_bytes([p0, p1]));
    for _ in 0..parameters {
        packets.read().await?;
    }
    let mut definitions = Definitions::default();
    for _ in 0..columns {
        definitions.push(&packets.read().await?);
    }
    Ok(PreparedHere { id: u32::from_le_bytes([a, b, c, d]), definitions })
}

/// Puts back what an exchange took out of its connection.
pub(super) struct Outcome<'a> {
    pub(super) buffer: &'a mut ReadBuffer,
    pub(super) facts: &'a mut Facts,
}

impl Outcome<'_> {
    fn finish(self, buffer: ReadBuffer, went_well: bool, status: Option<StatusFlags>) {
        *self.buffer = buffer;
        self.buffer.rest();
        let last = match (went_well, status) {
            (false, _) => Last::Error,
            (true, Some(_)) => Last::Ok,
            (true, None) => Last::Other,
        };
        self.facts.observe_end(last, status);
    }
}
