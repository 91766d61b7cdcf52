//! One logged-in connection to a MariaDB server.
//!
//! Between commands a connection is *at rest*; while a response is outstanding it is *busy*. Only a connection at rest
//! may be reset or given to somebody else: whoever holds it says when that changes, with [`Connection::begin`] and
//! [`Connection::end`]. Dropping it closes the socket.

mod alone;
mod facts;

use std::io;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::AsyncWriteExt as _;

use crate::backend::BackendThreadId;
use crate::backend::control::Outcome;
use crate::backend::shared::Shared;
use crate::protocol::capabilities::Capabilities;
use crate::protocol::command::Command;
use crate::protocol::packet::SequenceId;
use crate::protocol::reply::ServerError;
use crate::protocol::response::Last;
use crate::protocol::status::StatusFlags;
use crate::tls::packets::{PacketError, PacketStream};
use crate::tls::read_buffer::ReadBuffer;
use crate::tls::stream::{MaybeTls, TlsInfo};

pub(super) use facts::Facts;
pub use facts::{Activity, Certainty};

/// Largest packet accepted in answer to a command of the proxy's own, in bytes.
const CONTROL_PACKET_LIMIT: usize = 1 << 20;

/// One logged-in connection.
#[derive(Debug)]
pub struct Connection {
    stream: MaybeTls,
    /// What the server sent and nobody has taken yet.
    pub buffer: ReadBuffer,
    facts: Facts,
    shared: Option<Box<Shared>>,
}

/// Why a command of the proxy's own failed.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The connection broke.
    #[error("the connection to the backend broke")]
    Broken(#[from] PacketError),
    /// The server refused it.
    #[error("the backend refuses: {0}")]
    Refused(ServerError),
    /// The server answered with something that does not belong there, or with too much of it.
    #[error("the backend's answer cannot be understood: {0}")]
    Unexpected(&'static str),
}

impl Connection {
    pub(super) fn new(
        stream: MaybeTls,
        buffer: ReadBuffer,
        thread: u32,
        capabilities: Capabilities,
        login_ok: Vec<u8>,
    ) -> Self {
        let facts = Facts {
            thread: BackendThreadId(thread),
            capabilities,
            status: StatusFlags::default(),
            certainty: Certainty::Told,
            activity: Activity::AtRest,
            login_ok: Vec::new(),
            born: Instant::now(),
        };
        Self { stream, buffer, facts: facts.logged_in(login_ok), shared: None }
    }

    /// The server's id for it.
    pub fn thread(&self) -> BackendThreadId {
        self.facts.thread
    }

    /// What was negotiated for it.
    pub fn capabilities(&self) -> Capabilities {
        self.facts.capabilities
    }

    /// Status flags of the last response.
    pub fn status(&self) -> StatusFlags {
        self.facts.status
    }

    /// Payload of the OK packet that ended the last login on it.
    pub fn login_ok(&self) -> &[u8] {
        &self.facts.login_ok
    }

    /// When it was opened.
    pub fn born(&self) -> Instant {
        self.facts.born
    }

    /// What was negotiated for its encryption; none in plaintext.
    pub fn tls_info(&self) -> Option<TlsInfo> {
        self.stream.tls_info()
    }

    /// The address of this end; none on a unix socket.
    pub fn local_ip(&self) -> Option<std::net::IpAddr> {
        self.stream.socket().local_addr().map(|address| address.ip())
    }

    /// Whether a response is outstanding.
    pub fn activity(&self) -> Activity {
        self.facts.activity
    }

    /// A command is about to be written.
    pub fn begin(&mut self) {
        self.facts.activity = Activity::Busy;
    }

    /// The response has ended as `last` says, with `status` as the last flags in it. What it did not tell stays as it was:
    /// after an error only an answer with flags makes the state certain again.
    pub fn end(&mut self, last: Last, status: Option<StatusFlags>) {
        self.facts.observe_end(last, status);
        self.buffer.rest();
    }

    /// Whether the flags are those that the session has now.
    pub fn certainty(&self) -> Certainty {
        self.facts.certainty
    }

    /// Reads what the server sends into [`Self::buffer`]; 0 means that it has closed.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.buffer.poll_fill(cx, &mut self.stream)
    }

    /// Sends bytes.
    ///
    /// # Errors
    /// What the connection says; some of the bytes may have gone out.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// What is known of it because sessions share it; `None` where one session has it to itself.
    pub fn shared(&mut self) -> Option<&mut Shared> {
        self.shared.as_deref_mut()
    }

    /// From now on sessions share it.
    pub(super) fn share(&mut self, shared: Shared) {
        self.shared = Some(Box::new(shared));
    }

    pub(super) fn control(&mut self) -> (PacketStream<&mut MaybeTls>, Outcome<'_>) {
        let buffer = std::mem::take(&mut self.buffer);
        let packets =
            PacketStream::from_parts(&mut self.stream, buffer, SequenceId::default(), CONTROL_PACKET_LIMIT);
        (packets, Outcome { buffer: &mut self.buffer, facts: &mut self.facts })
    }

    /// Says goodbye and closes.
    pub async fn quit(mut self) {
        let _ = self.send(&[1, 0, 0, 0, Command::Quit.byte()]).await;
        let _ = self.stream.shutdown().await;
    }
}

#[cfg(test)]
mod tests;
