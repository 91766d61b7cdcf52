//! The client's side of a session: packets in, responses out.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use crate::auth::Channel;
use crate::auth::demand::{Offered, ShownCertificate};
use crate::backend::proxy_header::Origin;
use crate::frontend::client_stream::ClientStream;
use crate::frontend::entrance::Entrance;
use crate::frontend::error::SessionEnd;
use crate::frontend::rotation::Retirement;
use crate::protocol::capabilities::Capabilities;
use crate::protocol::command::Command;
use crate::protocol::dialect::{Dialect, Ends, StateChanges};
use crate::protocol::packet::{HEADER_LEN, Header, SequenceId, append};
use crate::protocol::response::Reports;
use crate::tls::packets::PacketStream;
use crate::tls::peer_certificate::PeerCertificate;
use crate::tls::read_buffer::ReadBuffer;

/// As much of a command as has to be there before it is looked at. Of a longer one only this much is ever looked at.
const HEAD_LEN: usize = 16 * 1024;

/// As much as a client may send ahead while a response is outstanding; then it has to wait.
const AHEAD_LEN: usize = 64 * 1024;

/// A client after its login.
#[derive(Debug)]
pub struct Client {
    stream: ClientStream,
    /// What it sent and nobody has taken yet.
    pub buffer: ReadBuffer,
    facts: ClientFacts,
    write_timeout: Option<Duration>,
}

/// What is known of a client.
#[derive(Clone, Debug)]
pub struct ClientFacts {
    /// What it negotiated.
    pub capabilities: Capabilities,
    /// Its host, as MariaDB would name it without name resolution.
    pub host: String,
    /// Both ends of its connection; none on a unix socket.
    pub origin: Option<Origin>,
    /// Whether anybody in between can read what it sends.
    pub channel: Channel,
    /// Largest packet that it announced.
    pub max_packet: u32,
    /// The TLS version between it and the proxy; none in plaintext.
    pub tls: Option<&'static str>,
    /// The number of the listener that it came by.
    pub listener: usize,
    /// The certificate that it showed, to be verified again when CAs or revocation lists change.
    pub shown: Option<Arc<PeerCertificate>>,
    /// What its TLS connection offers to an account that demands something of it; none in plaintext.
    pub offered: Option<Arc<Offered>>,
    /// What becomes of the certificate that it was shown; none in plaintext.
    pub rotation: Option<Arc<Retirement>>,
    /// How it came in.
    pub entrance: Arc<Entrance>,
}

/// A command whose first bytes are at the front of the client's buffer.
#[derive(Clone, Copy, Debug)]
pub struct Incoming {
    /// Which one.
    pub command: Command,
    /// The header of its first packet.
    pub header: Header,
}

impl ClientFacts {
    /// What the certificate that it showed says.
    pub fn certificate(&self) -> Option<&ShownCertificate> {
        self.offered.as_deref().and_then(|offered| offered.certificate.as_ref())
    }
}

impl Incoming {
    /// Bytes of the first packet, header included.
    pub fn packet_len(&self) -> usize {
        HEADER_LEN + self.header.len
    }
}

impl Client {
    /// A client that has logged in.
    pub fn new(
        stream: ClientStream,
        buffer: ReadBuffer,
        facts: ClientFacts,
        write_timeout: Duration,
    ) -> Self {
        let write_timeout = Some(write_timeout).filter(|limit| !limit.is_zero());
        Self { stream, buffer, facts, write_timeout }
    }

    /// What is known of it.
    pub fn facts(&self) -> &ClientFacts {
        &self.facts
    }

    /// Speaks compressed from now on.
    #[must_use]
    pub fn compressed(self) -> Self {
        match self.stream {
            ClientStream::Plain(stream) => Self {
                stream: ClientStream::compressed(stream, self.buffer),
                buffer: ReadBuffer::default(),
                ..self
            },
            ClientStream::Compressed(_) => self,
        }
    }

    /// The client as a stream of whole packets, for a login. [`Self::packets_done`] ends that.
    pub fn packets(&mut self, sequence: SequenceId, limit: usize) -> PacketStream<&mut ClientStream> {
        let buffer = std::mem::take(&mut self.buffer);
        PacketStream::from_parts(&mut self.stream, buffer, sequence, limit)
    }

    /// Takes back what [`Self::packets`] read ahead.
    pub fn packets_done(&mut self, ahead: ReadBuffer) {
        self.buffer = ahead;
    }

    /// The command at the front of the buffer, once enough of it is there.
    pub fn incoming(&self) -> Option<Incoming> {
        let bytes = self.buffer.bytes();
        let header = Header::parse(bytes)?;
        let needed = HEADER_LEN + header.len.min(HEAD_LEN);
        if bytes.len() < needed {
            return None;
        }
        // An empty packet is a command that no server knows, and is answered as such.
        let first = bytes.get(HEADER_LEN).copied().filter(|_| header.len > 0);
        let command = first.map_or(Command::Other(u8::MAX), Command::from_byte);
        Some(Incoming { command, header })
    }

    /// The part of a command's payload that may be looked at.
    pub fn head(&self, incoming: &Incoming) -> &[u8] {
        let end = HEADER_LEN + incoming.header.len.min(HEAD_LEN);
        self.buffer.bytes().get(HEADER_LEN..end).unwrap_or_default()
    }

    /// Reads from the client; 0 means that it has closed.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.buffer.poll_fill(cx, &mut self.stream)
    }

    /// While a response is outstanding: ready when the client has gone. What it sends ahead is kept, up to a bound.
    pub fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<SessionEnd> {
        // Every command passes here, and nearly never is there anything to read.
        ready!(self.stream.poll_news(cx));
        while self.buffer.len() < AHEAD_LEN {
            match self.poll_fill(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0)) => return Poll::Ready(SessionEnd::ClientGone(None)),
                Poll::Ready(Err(error)) => return Poll::Ready(SessionEnd::ClientGone(Some(error))),
                Poll::Ready(Ok(_)) => {}
            }
        }
        Poll::Pending
    }

    /// Sends bytes, packet headers included.
    ///
    /// # Errors
    /// [`SessionEnd::ClientGone`], or [`SessionEnd::ClientStalled`] when the client takes nothing for too long.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), SessionEnd> {
        let Some(limit) = self.write_timeout else { return self.write(bytes).await };
        // In pieces, so that the limit is on taking nothing and not on taking a large result slowly.
        for piece in bytes.chunks(AHEAD_LEN) {
            let mut write = pin!(self.write(piece));
            // Nearly always the socket takes all of it at once. Only a write that waits is worth a timer.
            let written = match poll_fn(|cx| Poll::Ready(write.as_mut().poll(cx))).await {
                Poll::Ready(written) => written,
                Poll::Pending => {
                    tokio::time::timeout(limit, write).await.unwrap_or(Err(SessionEnd::ClientStalled))
                }
            };
            written?;
        }
        Ok(())
    }

    /// Sends one payload as a packet.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn send_packet(&mut self, sequence: SequenceId, payload: &[u8]) -> Result<(), SessionEnd> {
        let mut bytes = Vec::with_capacity(HEADER_LEN + payload.len());
        append(&mut bytes, sequence, payload);
        self.send(&bytes).await
    }

    /// Closes the connection, with a goodbye where the stream has one.
    pub async fn close(mut self) {
        let _ = tokio::time::timeout(Duration::from_secs(1), self.stream.shutdown()).await;
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), SessionEnd> {
        let written = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        written.await.map_err(|error| SessionEnd::ClientGone(Some(error)))
    }
}

impl ClientFacts {
    /// How responses are to be written for it.
    pub fn dialect(&self) -> Dialect {
        let has = |flag| self.capabilities.contains(flag);
        Dialect {
            ends: if has(Capabilities::DEPRECATE_EOF) { Ends::Ok } else { Ends::Eof },
            state: if has(Capabilities::SESSION_TRACK) {
                StateChanges::Reported
            } else {
                StateChanges::Dropped
            },
            reports: if has(Capabilities::PROGRESS) { Reports::Asked } else { Reports::Unasked },
        }
    }
}
