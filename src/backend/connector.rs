//! Opening a connection: TCP or unix socket, PROXY header, greeting, TLS, login.
//!
//! [`Backend::connect`] does all of it with a login that the proxy knows; [`Backend::dial`] stops before the
//! authentication, so that `frontend` can relay it. Both are given up by dropping them: the socket closes.

use std::time::Instant;

use tokio::io::AsyncWriteExt as _;

use crate::auth::{Answer, BackendSecret, Channel, Prover};
use crate::backend::Backend;
use crate::backend::connection::Connection;
use crate::backend::error::{ConnectError, ConnectOutcome};
use crate::backend::health::Change;
use crate::backend::proxy_header::{self, Origin};
use crate::protocol::capabilities::Capabilities;
use crate::protocol::handshake::{Greeting, HandshakeResponse, SslRequest};
use crate::protocol::ok::Ok as OkPacket;
use crate::protocol::reply::ServerError;
use crate::telemetry;
use crate::tls::client::ClientTls;
use crate::tls::metrics::TlsMetrics;
use crate::tls::packets::PacketStream;
use crate::tls::socket::Socket;
use crate::tls::stream::{self, MaybeTls};

/// Largest packet accepted from a server during a login, in bytes.
const LOGIN_PACKET_LIMIT: usize = 1 << 20;

/// What every backend connection speaks.
const CANONICAL: Capabilities = Capabilities::PROTOCOL_41
    .union(Capabilities::LONG_FLAG)
    .union(Capabilities::TRANSACTIONS)
    .union(Capabilities::SECURE_CONNECTION)
    .union(Capabilities::PLUGIN_AUTH)
    .union(Capabilities::PLUGIN_AUTH_LENENC_CLIENT_DATA)
    .union(Capabilities::SESSION_TRACK)
    .union(Capabilities::DEPRECATE_EOF);

/// Capabilities that change what the server does or sends and that are not translated: a connection has those that its
/// client negotiated, so they are part of the pool's key.
pub const CLIENT_CHOICES: Capabilities = Capabilities::FOUND_ROWS
    .union(Capabilities::NO_SCHEMA)
    .union(Capabilities::ODBC)
    .union(Capabilities::LOCAL_FILES)
    .union(Capabilities::IGNORE_SPACE)
    .union(Capabilities::INTERACTIVE)
    .union(Capabilities::MULTI_STATEMENTS)
    .union(Capabilities::MULTI_RESULTS)
    .union(Capabilities::PS_MULTI_RESULTS)
    .union(Capabilities::CAN_HANDLE_EXPIRED_PASSWORDS)
    .union(Capabilities::PROGRESS)
    .union(Capabilities::STMT_BULK_OPERATIONS)
    .union(Capabilities::EXTENDED_METADATA)
    .union(Capabilities::CACHE_METADATA)
    .union(Capabilities::BULK_UNIT_RESULTS);

/// What a session asks of its backend connection, beside who it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// What the client negotiated; only [`CLIENT_CHOICES`] matter.
    pub capabilities: Capabilities,
    /// Collation id. Ids above 255 do not fit into a handshake and are set by COM_CHANGE_USER.
    pub collation: u16,
    /// Largest packet that the client announced.
    pub max_packet: u32,
    /// Schema to start in.
    pub schema: Option<Vec<u8>>,
    /// Connection attributes as the client sent them.
    pub attributes: Option<Vec<u8>>,
}

/// A login that the proxy can perform.
#[derive(Clone, Debug)]
pub struct Login {
    /// User name at the backend.
    pub user: Vec<u8>,
    /// What proves it.
    pub secret: BackendSecret,
}

/// A connection that has been greeted, and encrypted where that is asked for; nobody is logged in.
#[derive(Debug)]
pub struct Dialled {
    packets: PacketStream,
    greeting: Greeting,
    capabilities: Capabilities,
}

impl Backend {
    /// Connects and logs in, within `connect_timeout`.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(
        &self,
        login: &Login,
        terms: &Terms,
        origin: Option<Origin>,
    ) -> Result<Connection, ConnectError> {
        let started = Instant::now();
        let attempt = async { self.open(terms, origin).await?.log_in(login, terms).await };
        let result = self.bounded(attempt).await;
        self.observe(started, result.as_ref().err());
        result
    }

    /// The same where the server may take its time once it is reached: as long as the caller waits.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub(super) async fn connect_patiently(
        &self,
        login: &Login,
        origin: Option<Origin>,
    ) -> Result<Connection, ConnectError> {
        let (started, terms) = (Instant::now(), Terms::default());
        let attempt = async { self.open(&terms, origin).await?.log_in(login, &terms).await };
        let result = attempt.await;
        self.observe(started, result.as_ref().err());
        result
    }

    /// Logs in again on a connection that another session had, within `connect_timeout`.
    ///
    /// # Errors
    /// See [`ConnectError`]; the connection is gone then.
    pub async fn log_in_again(
        &self,
        connection: Connection,
        login: &Login,
        terms: &Terms,
    ) -> Result<Connection, ConnectError> {
        self.bounded(connection.log_in_again(login, terms)).await
    }

    /// Connects without logging in, within `connect_timeout`.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn dial(&self, terms: &Terms, origin: Option<Origin>) -> Result<Dialled, ConnectError> {
        let started = Instant::now();
        let result = self.bounded(self.open(terms, origin)).await;
        self.observe(started, result.as_ref().err());
        result
    }

    /// Gives `attempt` as long as a whole login may take, `connect_timeout`.
    pub(crate) async fn bounded<T>(
        &self,
        attempt: impl Future<Output = Result<T, ConnectError>>,
    ) -> Result<T, ConnectError> {
        tokio::time::timeout(self.connect_timeout, attempt)
            .await
            .unwrap_or(Err(ConnectError::TimedOut(self.connect_timeout)))
    }

    async fn open(&self, terms: &Terms, origin: Option<Origin>) -> Result<Dialled, ConnectError> {
        let mut socket =
            Socket::connect(&self.address, self.connect_timeout).await.map_err(ConnectError::Unreachable)?;
        if self.proxy_protocol {
            let header = proxy_header::encode(origin);
            socket.write_all(&header).await.map_err(|error| ConnectError::Broken(error.into()))?;
        }
        let mut packets = PacketStream::new(MaybeTls::Plain(socket), LOGIN_PACKET_LIMIT);
        let greeting = read_greeting(&mut packets).await?;
        self.health.observe_greeting(&greeting);
        let capabilities = agreed(&greeting, terms)?;
        let packets = match &self.tls {
            None => packets,
            Some(tls) if greeting.capabilities.contains(Capabilities::SSL) => {
                upgrade(packets, terms, capabilities, tls, &self.metrics.tls).await?
            }
            Some(_) => return Err(ConnectError::TlsNotOffered),
        };
        let secured = if self.tls.is_some() { Capabilities::SSL } else { Capabilities::NONE };
        Ok(Dialled { packets, greeting, capabilities: capabilities | secured })
    }

    fn observe(&self, started: Instant, error: Option<&ConnectError>) {
        let outcome = error.map_or(ConnectOutcome::Connected, ConnectError::outcome);
        self.metrics.connects.increment(outcome);
        if error.is_none() {
            self.metrics.connect_seconds.record(started.elapsed());
        }
        if let Some(error) = error.filter(|error| error.is_own_shortage()) {
            let reason = telemetry::chain(error);
            tracing::error!(
                backend = self.name(),
                reason,
                "this process is short of something; the backend is not to blame"
            );
            return;
        }
        match error.filter(|error| error.is_outage()) {
            Some(error) => {
                self.metrics.up.set(0.0);
                let reason = telemetry::chain(error);
                if self.health.observe_down(reason.clone()) == Change::WentDown {
                    tracing::warn!(backend = self.name(), address = %self.address, reason, "backend is down");
                }
            }
            None => {
                self.metrics.up.set(1.0);
                if self.health.observe_up() == Change::CameUp {
                    tracing::info!(backend = self.name(), address = %self.address, "backend is up");
                }
            }
        }
    }
}

impl Dialled {
    /// Whether nobody in between can read what is sent to the server.
    pub fn channel(&self) -> Channel {
        if self.packets.stream().is_secure() { Channel::Secure } else { Channel::Insecure }
    }

    /// Ends a login whose client has gone, so that the server sees a wrong answer and not a broken handshake: it counts
    /// those against the proxy's host (`max_connect_errors`).
    pub async fn give_up(mut self) {
        // As long as an answer for mysql_native_password: of another length the server calls it a bad handshake.
        if self.packets.write(b"the client has gone!").await.is_ok() {
            let _ = self.packets.read().await;
        }
    }

    /// The packets of the login, for relaying it.
    pub fn packets(&mut self) -> &mut PacketStream {
        &mut self.packets
    }

    /// Names the user with a plugin that no server has and no answer, which makes the server say which plugin the
    /// account wants, with a fresh salt, before it decides anything (FACTS: MariaDB 10.11, known and unknown users).
    ///
    /// # Errors
    /// [`ConnectError::Broken`].
    pub async fn ask_for_plugin(&mut self, user: &[u8], terms: &Terms) -> Result<(), ConnectError> {
        let response = self.response(user, terms, b"sealock_relay".to_vec(), Vec::new());
        self.packets.write(&response.encode()).await.map_err(ConnectError::Broken)
    }

    /// The connection, once the server has sent `ok`, the payload of its OK packet.
    pub fn into_connection(self, ok: Vec<u8>) -> Connection {
        let thread = self.greeting.connection_id;
        let (stream, buffer) = self.packets.into_parts();
        Connection::new(stream, buffer, thread, self.capabilities, ok)
    }

    async fn log_in(mut self, login: &Login, terms: &Terms) -> Result<Connection, ConnectError> {
        let mut prover = Prover::new(login.secret.clone(), self.channel());
        let first = prover.initial(&self.greeting.plugin, &self.greeting.salt);
        let response = self.response(&login.user, terms, first.plugin.to_vec(), first.response);
        self.packets.write(&response.encode()).await.map_err(ConnectError::Broken)?;
        let ok = prove(&mut self.packets, &mut prover).await?;
        let mut connection = self.into_connection(ok);
        if terms.collation > u16::from(u8::MAX) {
            connection = connection.log_in_again(login, terms).await?;
        }
        Ok(connection)
    }

    fn response(
        &self,
        user: &[u8],
        terms: &Terms,
        plugin: Vec<u8>,
        auth_response: Vec<u8>,
    ) -> HandshakeResponse {
        HandshakeResponse {
            capabilities: self.capabilities,
            max_packet: terms.max_packet,
            collation: terms.handshake_collation(self.greeting.collation),
            user: quoted_again(user),
            auth_response,
            schema: terms.schema.clone(),
            plugin: Some(plugin),
            attributes: terms.attributes.clone(),
        }
    }
}

/// A name that is to reach the server as it is: of one in quotes the server takes a pair away (10.11).
fn quoted_again(user: &[u8]) -> Vec<u8> {
    match user {
        [b'\'', .., b'\''] => [b"'", user, b"'"].concat(),
        _ => user.to_vec(),
    }
}

impl Terms {
    /// Those of the client's capabilities that its backend connection has to have.
    pub fn choices(&self) -> Capabilities {
        self.capabilities & CLIENT_CHOICES
    }

    fn handshake_collation(&self, default: u8) -> u8 {
        u8::try_from(self.collation).unwrap_or(default)
    }
}

/// Answers the server until it accepts or refuses; returns the payload of its OK.
pub(super) async fn prove(packets: &mut PacketStream, prover: &mut Prover) -> Result<Vec<u8>, ConnectError> {
    loop {
        let packet = packets.read().await.map_err(ConnectError::Broken)?;
        match prover.answer(&packet).map_err(ConnectError::Auth)? {
            Answer::Send(payload) => packets.write(&payload).await.map_err(ConnectError::Broken)?,
            Answer::Wait => {}
            Answer::Done if OkPacket::parse(&packet).is_none() => return Err(ConnectError::Unexpected),
            Answer::Done => return Ok(packet),
            Answer::Refused(error) => return Err(ConnectError::Login(error)),
        }
    }
}

async fn read_greeting(packets: &mut PacketStream) -> Result<Greeting, ConnectError> {
    let packet = packets.read().await.map_err(ConnectError::Broken)?;
    match ServerError::parse(&packet) {
        Some(error) => Err(ConnectError::Turned(error)),
        None => Greeting::parse(&packet).map_err(ConnectError::Greeting),
    }
}

/// What the connection will speak: the canonical dialect, and what the client chose as far as the server can do it.
fn agreed(greeting: &Greeting, terms: &Terms) -> Result<Capabilities, ConnectError> {
    for (flag, name) in
        [(Capabilities::DEPRECATE_EOF, "DEPRECATE_EOF"), (Capabilities::SESSION_TRACK, "SESSION_TRACK")]
    {
        if !greeting.capabilities.contains(flag) {
            return Err(ConnectError::TooOld(name));
        }
    }
    let mut capabilities = CANONICAL | terms.choices();
    if terms.schema.is_some() {
        capabilities |= Capabilities::CONNECT_WITH_DB;
    }
    if terms.attributes.is_some() {
        capabilities |= Capabilities::CONNECT_ATTRS;
    }
    Ok(capabilities & greeting.capabilities)
}

async fn upgrade(
    mut packets: PacketStream,
    terms: &Terms,
    capabilities: Capabilities,
    tls: &ClientTls,
    metrics: &TlsMetrics,
) -> Result<PacketStream, ConnectError> {
    let request = SslRequest {
        capabilities: capabilities | Capabilities::SSL,
        max_packet: terms.max_packet,
        collation: terms.handshake_collation(45),
    };
    packets.write(&request.encode()).await.map_err(ConnectError::Broken)?;
    let sequence = packets.sequence();
    let (stream, mut buffer) = packets.into_parts();
    let Ok(mut socket) = stream.into_socket() else { return Err(ConnectError::TlsNotOffered) };
    socket.unread(buffer.take());
    let connected = stream::connect(socket, tls).await;
    metrics.observe(&connected);
    let mut packets = PacketStream::new(connected.map_err(ConnectError::Tls)?, LOGIN_PACKET_LIMIT);
    packets.set_sequence(sequence);
    Ok(packets)
}
