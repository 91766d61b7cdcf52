//! Whole packets on a connection, for the exchanges in which each side waits for the other: logins.
//!
//! `frontend::handshake` and `backend::connector` use it; once both sides are logged in, bytes are relayed without it.
//! Cancellation: a read that is given up loses nothing; a write that is given up leaves the connection unusable.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::time::Instant;

use crate::protocol::packet::{HEADER_LEN, Header, MAX_PAYLOAD, SequenceId, append};
use crate::tls::read_buffer::ReadBuffer;
use crate::tls::stream::MaybeTls;

/// A connection that sends and receives whole packets.
#[derive(Debug)]
pub struct PacketStream<S = MaybeTls> {
    stream: S,
    buffer: ReadBuffer,
    sequence: SequenceId,
    limit: usize,
    deadline: Option<Instant>,
}

/// Why no packet could be read.
#[derive(Debug, thiserror::Error)]
pub enum PacketError {
    /// The peer closed the connection.
    #[error("the connection was closed")]
    Closed,
    /// The connection failed.
    #[error("the connection failed")]
    Io(#[source] io::Error),
    /// The peer took longer than it may.
    #[error("nothing came in time")]
    TimedOut,
    /// The packet is longer than what is accepted at this point.
    #[error("a packet of {found} bytes, where at most {limit} are accepted")]
    TooLarge {
        /// Payload length in the packet's header.
        found: usize,
        /// Most that is accepted.
        limit: usize,
    },
    /// The sequence id is not the one after the last.
    #[error("a packet with sequence id {found}, where {expected} was due")]
    OutOfOrder {
        /// Id in the packet's header.
        found: u8,
        /// Id that was due.
        expected: u8,
    },
}

impl From<io::Error> for PacketError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Closed,
            _ => Self::Io(error),
        }
    }
}

impl<S> PacketStream<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    /// Starts on `stream`, with `limit` bytes as the largest payload that is read.
    pub fn new(stream: S, limit: usize) -> Self {
        Self { stream, buffer: ReadBuffer::default(), sequence: SequenceId::default(), limit, deadline: None }
    }

    /// The connection below.
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// What was read and not taken: after a packet that was not accepted, it begins with that one.
    pub fn ahead(&self) -> &[u8] {
        self.buffer.bytes()
    }

    /// From `deadline` on, reading ends with [`PacketError::TimedOut`].
    pub fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = Some(deadline);
    }

    /// Moves the deadline, if there is one: the peer was kept waiting for `by` and owed nothing.
    pub fn postpone_deadline(&mut self, by: Duration) {
        self.deadline = self.deadline.map(|deadline| deadline + by);
    }

    /// Sequence id that the next packet has, whoever sends it.
    pub fn sequence(&self) -> SequenceId {
        self.sequence
    }

    /// Continues with another sequence id, as after a command.
    pub fn set_sequence(&mut self, sequence: SequenceId) {
        self.sequence = sequence;
    }

    /// The connection and what was read from it beyond the last packet.
    pub fn into_parts(self) -> (S, ReadBuffer) {
        (self.stream, self.buffer)
    }

    /// Goes on with a connection whose packets were relayed so far.
    pub fn from_parts(stream: S, buffer: ReadBuffer, sequence: SequenceId, limit: usize) -> Self {
        Self { stream, buffer, sequence, limit, deadline: None }
    }

    /// Reads one packet's payload. Longer payloads than a packet holds are not accepted here.
    ///
    /// # Errors
    /// See [`PacketError`].
    pub async fn read(&mut self) -> Result<Vec<u8>, PacketError> {
        let header = loop {
            if let Some(header) = Header::parse(self.buffer.bytes()) {
                break header;
            }
            self.fill().await?;
        };
        self.check(header)?;
        while self.buffer.len() < HEADER_LEN + header.len {
            self.fill().await?;
        }
        self.buffer.consume(HEADER_LEN);
        let payload = self.buffer.bytes().get(..header.len).unwrap_or_default().to_vec();
        self.buffer.consume(header.len);
        self.sequence = header.sequence.next();
        Ok(payload)
    }

    /// Sends one payload.
    ///
    /// # Errors
    /// What the connection says.
    pub async fn write(&mut self, payload: &[u8]) -> Result<(), PacketError> {
        let mut bytes = Vec::with_capacity(HEADER_LEN + payload.len());
        self.sequence = append(&mut bytes, self.sequence, payload);
        self.write_raw(&bytes).await
    }

    /// Sends packets that have their headers already.
    ///
    /// # Errors
    /// What the connection says.
    pub async fn write_raw(&mut self, packets: &[u8]) -> Result<(), PacketError> {
        self.stream.write_all(packets).await?;
        self.stream.flush().await?;
        Ok(())
    }

    fn check(&self, header: Header) -> Result<(), PacketError> {
        if header.sequence != self.sequence {
            return Err(PacketError::OutOfOrder { found: header.sequence.0, expected: self.sequence.0 });
        }
        if header.len > self.limit || header.len == MAX_PAYLOAD {
            return Err(PacketError::TooLarge { found: header.len, limit: self.limit });
        }
        Ok(())
    }

    async fn fill(&mut self) -> Result<(), PacketError> {
        let fill = self.buffer.fill(&mut self.stream);
        let filled = match self.deadline {
            Some(deadline) => {
                tokio::time::timeout_at(deadline, fill).await.map_err(|_| PacketError::TimedOut)?
            }
            None => fill.await,
        };
        match filled? {
            0 => Err(PacketError::Closed),
            _ => Ok(()),
        }
    }
}
