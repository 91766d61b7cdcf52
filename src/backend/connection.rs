//! One logged-in connection to a MariaDB server.
//!
//! Between commands a connection is *at rest*; while a response is outstanding it is *busy*. Only a connection at rest
//! may be reset or given to somebody else: whoever holds it says when that changes, with [`Connection::begin`] and
//! [`Connection::end`]. Dropping it closes the socket.

use std::io;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::AsyncWriteExt as _;

use crate::auth::Channel;
use crate::auth::Prover;
use crate::backend::BackendThreadId;
use crate::backend::connector::{Login, Terms, prove};
use crate::backend::error::ConnectError;
use crate::protocol::capabilities::Capabilities;
use crate::protocol::handshake::ChangeUser;
use crate::protocol::ok::Ok as OkPacket;
use crate::protocol::packet::SequenceId;
use crate::protocol::reply::ServerError;
use crate::protocol::status::StatusFlags;
use crate::tls::packets::{PacketError, PacketStream};
use crate::tls::read_buffer::ReadBuffer;
use crate::tls::stream::MaybeTls;

/// Largest packet accepted in answer to a command of the proxy's own, in bytes.
const CONTROL_PACKET_LIMIT: usize = 1 << 20;

const COM_QUIT: u8 = 0x01;
const COM_QUERY: u8 = 0x03;
const COM_RESET_CONNECTION: u8 = 0x1F;

/// One logged-in connection.
#[derive(Debug)]
pub struct Connection {
    stream: MaybeTls,
    /// What the server sent and nobody has taken yet.
    pub buffer: ReadBuffer,
    thread: BackendThreadId,
    capabilities: Capabilities,
    status: StatusFlags,
    activity: Activity,
    login_ok: Vec<u8>,
    born: Instant,
}

/// Whether a response is outstanding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// The server waits for a command.
    AtRest,
    /// A command was sent, or begun, and its response has not ended.
    Busy,
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
}

impl Connection {
    pub(super) fn new(
        stream: MaybeTls,
        buffer: ReadBuffer,
        thread: u32,
        capabilities: Capabilities,
        login_ok: Vec<u8>,
    ) -> Self {
        let mut connection = Self {
            stream,
            buffer,
            thread: BackendThreadId(thread),
            capabilities,
            status: StatusFlags::default(),
            activity: Activity::AtRest,
            login_ok: Vec::new(),
            born: Instant::now(),
        };
        connection.logged_in(login_ok);
        connection
    }

    /// The server's id for it.
    pub fn thread(&self) -> BackendThreadId {
        self.thread
    }

    /// What was negotiated for it.
    pub fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    /// Status flags of the last response.
    pub fn status(&self) -> StatusFlags {
        self.status
    }

    /// Payload of the OK packet that ended the last login on it.
    pub fn login_ok(&self) -> &[u8] {
        &self.login_ok
    }

    /// When it was opened.
    pub fn born(&self) -> Instant {
        self.born
    }

    /// The stream below, for what is not a command and its response: a binlog stream.
    pub fn stream_mut(&mut self) -> &mut MaybeTls {
        &mut self.stream
    }

    /// Whether a response is outstanding.
    pub fn activity(&self) -> Activity {
        self.activity
    }

    /// A command is about to be written.
    pub fn begin(&mut self) {
        self.activity = Activity::Busy;
    }

    /// The response has ended with these flags.
    pub fn end(&mut self, status: StatusFlags) {
        self.status = status;
        self.activity = Activity::AtRest;
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

    /// Resets the session: transaction rolled back, locks, temporary tables, variables and statements gone. The role,
    /// the schema and FOUND_ROWS() stay (FACTS §1).
    ///
    /// # Errors
    /// See [`ControlError`]; the connection cannot be used any more.
    pub async fn reset(self) -> Result<Self, ControlError> {
        let (connection, _) = self.command(&[COM_RESET_CONNECTION]).await?;
        Ok(connection)
    }

    /// Runs a statement of the proxy's own that answers with OK.
    ///
    /// # Errors
    /// See [`ControlError`]; the connection cannot be used any more.
    pub async fn execute(self, statement: &str) -> Result<Self, ControlError> {
        let (connection, _) = self.command(&query(statement)).await?;
        Ok(connection)
    }

    /// Runs a query of the proxy's own with a single-column result and returns its rows, text or NULL.
    ///
    /// # Errors
    /// See [`ControlError`]; the connection cannot be used any more.
    pub async fn rows(self, statement: &str) -> Result<(Self, Vec<Option<Vec<u8>>>), ControlError> {
        let (mut packets, state) = self.into_packets();
        packets.set_sequence(SequenceId::default());
        packets.write(&query(statement)).await?;
        let mut rows = Vec::new();
        let mut seen = 0_usize;
        let last = loop {
            let packet = packets.read().await?;
            match (packet.first(), seen) {
                (Some(0xFF), _) => return Err(refused(&packet)),
                (Some(0x00), 0) | (Some(0xFE), 2..) => break packet,
                (_, 0 | 1) => seen += 1,
                _ => rows.push(first_column(&packet)),
            }
        };
        Ok((Self::rejoin(packets, state, &last), rows))
    }

    /// Logs in again with COM_CHANGE_USER: everything but the role and FOUND_ROWS() starts afresh, the client's
    /// attributes are taken over and init_connect runs.
    ///
    /// # Errors
    /// See [`ConnectError`]; the connection cannot be used any more.
    pub async fn log_in_again(self, login: &Login, terms: &Terms) -> Result<Self, ConnectError> {
        let channel = if self.stream.is_secure() { Channel::Secure } else { Channel::Insecure };
        let mut prover = Prover::new(login.secret.clone(), channel);
        // Whatever is answered here, the server asks again with an AuthSwitchRequest (10.11).
        let command = ChangeUser {
            user: login.user.clone(),
            auth_response: Vec::new(),
            schema: terms.schema.clone(),
            collation: Some(terms.collation),
            plugin: Some(prover.unanswered().plugin.to_vec()),
            attributes: terms.attributes.clone(),
        };
        let (mut packets, state) = self.into_packets();
        packets.set_sequence(SequenceId::default());
        packets.write(&command.encode(state.capabilities)).await.map_err(ConnectError::Broken)?;
        let ok = prove(&mut packets, &mut prover).await?;
        let mut connection = Self::rejoin(packets, state, &ok);
        connection.logged_in(ok);
        Ok(connection)
    }

    /// Says goodbye and closes.
    pub async fn quit(mut self) {
        let _ = self.send(&[1, 0, 0, 0, COM_QUIT]).await;
        let _ = self.stream.shutdown().await;
    }

    async fn command(self, payload: &[u8]) -> Result<(Self, Vec<u8>), ControlError> {
        let (mut packets, state) = self.into_packets();
        packets.set_sequence(SequenceId::default());
        packets.write(payload).await?;
        let packet = packets.read().await?;
        if packet.first() == Some(&0xFF) {
            return Err(refused(&packet));
        }
        let connection = Self::rejoin(packets, state, &packet);
        Ok((connection, packet))
    }

    fn logged_in(&mut self, ok: Vec<u8>) {
        self.status = OkPacket::parse(&ok).map_or(StatusFlags::AUTOCOMMIT, |ok| ok.status);
        self.activity = Activity::AtRest;
        self.login_ok = ok;
    }

    fn into_packets(self) -> (PacketStream, Remainder) {
        let remainder = Remainder {
            thread: self.thread,
            capabilities: self.capabilities,
            login_ok: self.login_ok,
            born: self.born,
        };
        let packets =
            PacketStream::from_parts(self.stream, self.buffer, SequenceId::default(), CONTROL_PACKET_LIMIT);
        (packets, remainder)
    }

    fn rejoin(packets: PacketStream, remainder: Remainder, last: &[u8]) -> Self {
        let (stream, buffer) = packets.into_parts();
        Self {
            stream,
            buffer,
            thread: remainder.thread,
            capabilities: remainder.capabilities,
            status: OkPacket::parse(last).map(|ok| ok.status).unwrap_or_default(),
            activity: Activity::AtRest,
            login_ok: remainder.login_ok,
            born: remainder.born,
        }
    }
}

/// What a connection is beside its stream, while packets are exchanged on it.
struct Remainder {
    thread: BackendThreadId,
    capabilities: Capabilities,
    login_ok: Vec<u8>,
    born: Instant,
}

fn query(statement: &str) -> Vec<u8> {
    let mut payload = Vec::with_capacity(1 + statement.len());
    payload.push(COM_QUERY);
    payload.extend_from_slice(statement.as_bytes());
    payload
}

fn refused(packet: &[u8]) -> ControlError {
    let unknown = || ServerError::new(0, *b"HY000", "an error that cannot be read");
    ControlError::Refused(ServerError::parse(packet).unwrap_or_else(unknown))
}

/// The first column of a text row.
fn first_column(row: &[u8]) -> Option<Vec<u8>> {
    crate::protocol::wire::Reader::new(row).lenenc_bytes().map(<[u8]>::to_vec)
}
