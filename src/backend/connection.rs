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
use crate::backend::control::Outcome;
use crate::backend::error::ConnectError;
use crate::backend::shared::Shared;
use crate::protocol::capabilities::Capabilities;
use crate::protocol::command::Command;
use crate::protocol::handshake::ChangeUser;
use crate::protocol::ok::Ok as OkPacket;
use crate::protocol::packet::SequenceId;
use crate::protocol::reply::ServerError;
use crate::protocol::response::Last;
use crate::protocol::status::StatusFlags;
use crate::protocol::wire::Reader;
use crate::tls::packets::{PacketError, PacketStream};
use crate::tls::read_buffer::ReadBuffer;
use crate::tls::stream::{MaybeTls, TlsInfo};

/// Largest packet accepted in answer to a command of the proxy's own, in bytes.
const CONTROL_PACKET_LIMIT: usize = 1 << 20;

/// Most that the rows of a query of the proxy's own may take together, in bytes.
const ROWS_LIMIT: usize = 64 * 1024;

/// In place of a text row's value: NULL.
const NULL: u8 = 0xFB;

/// One logged-in connection.
#[derive(Debug)]
pub struct Connection {
    stream: MaybeTls,
    /// What the server sent and nobody has taken yet.
    pub buffer: ReadBuffer,
    facts: Facts,
    shared: Option<Box<Shared>>,
}

/// What is known of a connection, beside the bytes on it.
#[derive(Debug)]
pub(super) struct Facts {
    thread: BackendThreadId,
    capabilities: Capabilities,
    status: StatusFlags,
    certainty: Certainty,
    activity: Activity,
    login_ok: Vec<u8>,
    born: Instant,
}

/// Whether the status flags are those that the session has now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// The last response ended with them.
    Told,
    /// The last response ended with an error, which has none, and may have changed them before.
    Doubtful,
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

    /// Resets the session: transaction rolled back, locks, temporary tables, variables and statements gone. The role,
    /// the schema and FOUND_ROWS() stay (FACTS §1).
    ///
    /// # Errors
    /// See [`ControlError`]; the connection cannot be used any more.
    pub async fn reset(self) -> Result<Self, ControlError> {
        self.command(&[Command::ResetConnection.byte()]).await
    }

    /// Runs a statement of the proxy's own that answers with OK.
    ///
    /// # Errors
    /// See [`ControlError`]; the connection cannot be used any more.
    pub async fn execute(self, statement: &str) -> Result<Self, ControlError> {
        self.command(&query(statement)).await
    }

    /// Runs a query of the proxy's own with a single-column result and returns its rows, text or NULL: at most 64 KiB.
    ///
    /// # Errors
    /// See [`ControlError`]; the connection cannot be used any more.
    pub async fn rows(self, statement: &str) -> Result<(Self, Vec<Option<Vec<u8>>>), ControlError> {
        let (mut packets, mut facts) = self.into_packets();
        packets.write(&query(statement)).await?;
        if defines_column(&packets.read().await?)? {
            packets.read().await?;
        }
        let (mut rows, mut bytes) = (Vec::new(), 0);
        loop {
            let packet = packets.read().await?;
            if matches!(packet.first(), Some(0xFE | 0xFF)) {
                facts.end(ended(&packet)?, Certainty::Told);
                return Ok((Self::rejoin(packets, facts), rows));
            }
            bytes += packet.len();
            if bytes > ROWS_LIMIT {
                return Err(ControlError::Unexpected("there are more rows than were asked for"));
            }
            rows.push(first_column(&packet)?);
        }
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
        let (mut packets, facts) = self.into_packets();
        packets.write(&command.encode(facts.capabilities)).await.map_err(ConnectError::Broken)?;
        let ok = prove(&mut packets, &mut prover).await?;
        Ok(Self::rejoin(packets, facts.logged_in(ok)))
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

    /// Runs a command that answers with OK.
    async fn command(self, payload: &[u8]) -> Result<Self, ControlError> {
        let (mut packets, mut facts) = self.into_packets();
        packets.write(payload).await?;
        facts.end(ended(&packets.read().await?)?, Certainty::Told);
        Ok(Self::rejoin(packets, facts))
    }

    fn into_packets(self) -> (PacketStream, Facts) {
        let Self { stream, buffer, facts, .. } = self;
        (PacketStream::from_parts(stream, buffer, SequenceId::default(), CONTROL_PACKET_LIMIT), facts)
    }

    fn rejoin(packets: PacketStream, facts: Facts) -> Self {
        let (stream, buffer) = packets.into_parts();
        Self { stream, buffer, facts, shared: None }
    }
}

impl Facts {
    pub(super) fn observe_end(&mut self, last: Last, status: Option<StatusFlags>) {
        let certainty = match last {
            Last::Ok | Last::ResultSet => Certainty::Told,
            Last::Error => Certainty::Doubtful,
            Last::Other => self.certainty,
        };
        self.end(status.unwrap_or(self.status), certainty);
    }

    fn end(&mut self, status: StatusFlags, certainty: Certainty) {
        self.status = status;
        self.certainty = certainty;
        self.activity = Activity::AtRest;
    }

    /// With the OK of a login. Of one that cannot be read the worst is assumed, as of a session in a transaction.
    fn logged_in(mut self, ok: Vec<u8>) -> Self {
        self.end(OkPacket::parse(&ok).map_or(StatusFlags::IN_TRANSACTION, |ok| ok.status), Certainty::Told);
        self.login_ok = ok;
        self
    }
}

fn query(statement: &str) -> Vec<u8> {
    let mut payload = Vec::with_capacity(1 + statement.len());
    payload.push(Command::Query.byte());
    payload.extend_from_slice(statement.as_bytes());
    payload
}

/// The status flags that a response ends with.
fn ended(packet: &[u8]) -> Result<StatusFlags, ControlError> {
    if let Some(error) = ServerError::parse(packet) {
        return Err(ControlError::Refused(error));
    }
    let ok = OkPacket::parse(packet).ok_or(ControlError::Unexpected("OK or an error was due"))?;
    Ok(ok.status)
}

/// Reads the column count, which must be one. Tells whether the column's definition follows: always, but where its
/// client caches definitions (MARIADB_CLIENT_CACHE_METADATA), the server says so in another byte.
fn defines_column(packet: &[u8]) -> Result<bool, ControlError> {
    match packet {
        [1] => Ok(true),
        [1, follows] => Ok(*follows != 0),
        _ => {
            ended(packet)?;
            Err(ControlError::Unexpected("a result with one column was due"))
        }
    }
}

/// The first column of a text row; `None` is NULL.
fn first_column(row: &[u8]) -> Result<Option<Vec<u8>>, ControlError> {
    if row == [NULL] {
        return Ok(None);
    }
    let value = Reader::new(row).lenenc_bytes().ok_or(ControlError::Unexpected("a row was due"))?;
    Ok(Some(value.to_vec()))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::UnixStream;

    use super::*;
    use crate::protocol::packet::append;
    use crate::tls::socket::Socket;

    const OK: &[u8] = &[0, 0, 0, 2, 0, 0, 0];
    const OK_IN_TRANSACTION: &[u8] = &[0, 0, 0, 3, 0, 0, 0];
    const ROWS_END: &[u8] = &[0xFE, 0, 0, 2, 0, 0, 0];

    /// A connection whose server has already said `answers`, packet by packet, to the next command.
    async fn answered_with(answers: &[&[u8]]) -> (Connection, UnixStream) {
        let (ours, mut servers) = UnixStream::pair().unwrap();
        let mut bytes = Vec::new();
        let mut sequence = SequenceId(1);
        for answer in answers {
            sequence = append(&mut bytes, sequence, answer);
        }
        servers.write_all(&bytes).await.unwrap();
        let stream = MaybeTls::Plain(Socket::unix(ours).unwrap());
        let buffer = ReadBuffer::default();
        (Connection::new(stream, buffer, 7, Capabilities::NONE, OK.to_vec()), servers)
    }

    #[tokio::test]
    async fn a_reset_tells_the_servers_status_and_leaves_the_rest_as_it_was() {
        let (connection, mut server) = answered_with(&[OK_IN_TRANSACTION]).await;
        let connection = connection.reset().await.unwrap();
        assert!(connection.status().contains(StatusFlags::IN_TRANSACTION));
        assert_eq!((connection.activity(), connection.thread()), (Activity::AtRest, BackendThreadId(7)));
        assert_eq!(connection.login_ok(), OK);
        let mut command = [0; 5];
        server.read_exact(&mut command).await.unwrap();
        assert_eq!(command, [1, 0, 0, 0, 0x1F]);
    }

    #[tokio::test]
    async fn an_answer_that_is_neither_ok_nor_an_error_is_no_success() {
        for answer in [&b"\x00"[..], b"", b"\x01", b"\xFF\x15"] {
            let (connection, _server) = answered_with(&[answer]).await;
            let reset = connection.reset().await;
            assert!(matches!(reset, Err(ControlError::Unexpected(_))), "{answer:?} {reset:?}");
        }
    }

    #[tokio::test]
    async fn an_error_is_told_with_its_number() {
        let error = ServerError::new(1227, *b"42000", "no").encode(Capabilities::PROTOCOL_41);
        let (connection, _server) = answered_with(&[&error]).await;
        let answer = connection.execute("KILL CONNECTION 1").await;
        assert!(matches!(answer, Err(ControlError::Refused(error)) if error.code == 1227));
        let (connection, _server) = answered_with(&[&error]).await;
        let answer = connection.rows("SELECT 1").await;
        assert!(matches!(answer, Err(ControlError::Refused(error)) if error.code == 1227));
    }

    #[tokio::test]
    async fn rows_are_text_or_null() {
        let (connection, _server) = answered_with(&[&[1], b"definition", b"\x01a", &[NULL], ROWS_END]).await;
        let (connection, rows) = connection.rows("SELECT …").await.unwrap();
        assert_eq!(rows, [Some(b"a".to_vec()), None]);
        assert_eq!(connection.status(), StatusFlags::AUTOCOMMIT);
    }

    #[tokio::test]
    async fn the_column_is_defined_or_known_when_the_client_caches_definitions() {
        for head in [&[&[1, 1][..], b"definition"][..], &[&[1, 0]]] {
            let (connection, _server) = answered_with(&[head, &[b"\x01a", ROWS_END]].concat()).await;
            let (_, rows) = connection.rows("SELECT …").await.unwrap();
            assert_eq!(rows, [Some(b"a".to_vec())], "{head:?}");
        }
    }

    #[tokio::test]
    async fn a_server_that_goes_on_sending_rows_is_not_listened_to_for_ever() {
        let row = [&[0xFC, 0x00, 0x80][..], &[b'x'; 0x8000]].concat();
        let (connection, _server) = answered_with(&[&[1], b"definition", &row, &row, &row]).await;
        assert!(matches!(connection.rows("SELECT 1").await, Err(ControlError::Unexpected(_))));
    }

    #[tokio::test]
    async fn a_query_that_answers_with_something_else_than_one_column_has_no_rows() {
        for answer in [OK, &[2], &[0xFB, b'/', b'x']] {
            let (connection, _server) = answered_with(&[answer]).await;
            let rows = connection.rows("SELECT 1").await;
            assert!(matches!(rows, Err(ControlError::Unexpected(_))), "{answer:?} {rows:?}");
        }
    }

    #[test]
    fn after_a_login_whose_ok_cannot_be_read_the_session_counts_as_unfinished() {
        let facts = Facts {
            thread: BackendThreadId(7),
            capabilities: Capabilities::NONE,
            status: StatusFlags::AUTOCOMMIT,
            certainty: Certainty::Told,
            activity: Activity::Busy,
            login_ok: Vec::new(),
            born: Instant::now(),
        };
        assert!(facts.logged_in(vec![0]).status.contains(StatusFlags::IN_TRANSACTION));
    }
}
