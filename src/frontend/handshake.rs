//! From an accepted connection to a session, in states that cannot be skipped.
//!
//! Accepted → Greeted → Secured → a logged-in [`Session`]. Each state consumes the former, so nobody is asked for a
//! password before TLS was decided on. Everything that the client has to do is due within `limits.handshake_timeout`
//! (waiting for a backend has limits of its own), and before the login is complete no packet may be longer than
//! `limits.max_handshake_packet`.

use std::sync::Arc;
use std::time::Instant;

use rustls::ServerConfig;
use tokio::time::Instant as Deadline;

use crate::auth::demand::{Offered, ShownCertificate, openssl_cipher};
use crate::auth::{self, Channel, Salt};
use crate::backend::connector::{CLIENT_CHOICES, Terms};
use crate::backend::health::ServerFacts;
use crate::backend::proxy_header::Origin;
use crate::config::model::ListenerTlsMode;
use crate::frontend::client::ClientFacts;
use crate::frontend::context::{Context, Frontend, ListenerContext};
use crate::frontend::entrance::Entrance;
use crate::frontend::limits::Place;
use crate::frontend::login::{Claim, LoginAttempt, Opening};
use crate::frontend::login_error::LoginError;
use crate::frontend::proxy_protocol::{self, Announced};
use crate::frontend::refusal::{Refusal, Step};
use crate::frontend::registry::ClientId;
use crate::frontend::session::Session;
use crate::migration::attributes::{self, Software};
use crate::migration::explain::{Cause, Who};
use crate::protocol::capabilities::Capabilities;
use crate::protocol::handshake::{FirstPacket, Greeting, HandshakeError as PacketProblem, HandshakeResponse};
use crate::telemetry::Label as _;
use crate::tls::packets::{PacketError, PacketStream};
use crate::tls::peer_certificate::PeerCertificate;
use crate::tls::shadow::Candidate;
use crate::tls::socket::{Peer, Socket};
use crate::tls::stream::{self, HandshakeError, MaybeTls, TlsInfo};

/// Capabilities that are announced when the backend has them. Compression is the proxy's own, and always announced.
const ANNOUNCED: Capabilities = CLIENT_CHOICES
    .union(Capabilities::LONG_FLAG)
    .union(Capabilities::CONNECT_WITH_DB)
    .union(Capabilities::PROTOCOL_41)
    .union(Capabilities::IGNORE_SIGPIPE)
    .union(Capabilities::TRANSACTIONS)
    .union(Capabilities::RESERVED)
    .union(Capabilities::SECURE_CONNECTION)
    .union(Capabilities::PLUGIN_AUTH)
    .union(Capabilities::CONNECT_ATTRS)
    .union(Capabilities::PLUGIN_AUTH_LENENC_CLIENT_DATA)
    .union(Capabilities::SESSION_TRACK)
    .union(Capabilities::DEPRECATE_EOF)
    .union(Capabilities::REMEMBER_OPTIONS);

/// A connection that nobody has said anything on.
pub struct Accepted {
    frontend: Arc<Frontend>,
    context: Arc<Context>,
    listener: usize,
    socket: Socket,
    origin: Option<Origin>,
    place: Place,
    since: Instant,
}

/// The client has been greeted.
struct Greeted {
    context: Arc<Context>,
    listener: usize,
    packets: PacketStream,
    origin: Option<Origin>,
    id: ClientId,
    salt: Salt,
    announced: Capabilities,
    deadline: Deadline,
    /// What the listener's candidate has against its TLS handshake.
    objections: Option<Vec<Cause>>,
}

/// The client has named itself, on the connection that it will use.
struct Secured {
    packets: PacketStream,
    response: HandshakeResponse,
    facts: ClientFacts,
    tls: Option<TlsInfo>,
    id: ClientId,
    salt: Salt,
}

impl Accepted {
    /// Takes a connection in.
    ///
    /// # Errors
    /// The refusal together with the socket, so that the client can be told.
    pub fn new(
        frontend: &Arc<Frontend>,
        listener: usize,
        socket: Socket,
    ) -> Result<Self, Box<(Refusal, Socket)>> {
        let context = frontend.context.load_full();
        if frontend.phase.is_draining() {
            return Err(Box::new((Refusal::Draining, socket)));
        }
        let Some(place) = frontend.limits.admit(context.limits.max_clients) else {
            return Err(Box::new((Refusal::TooManyClients, socket)));
        };
        let origin = origin(&socket);
        let since = Instant::now();
        Ok(Self { frontend: Arc::clone(frontend), context, listener, socket, origin, place, since })
    }

    /// Goes through the whole handshake.
    ///
    /// # Errors
    /// Why there is no session; the client has been told where that is possible.
    pub async fn log_in(self) -> Result<Session, Refusal> {
        let deadline = Deadline::now() + self.context.limits.handshake_timeout;
        self.proceed(deadline).await
    }

    async fn proceed(mut self, deadline: Deadline) -> Result<Session, Refusal> {
        tokio::time::timeout_at(deadline, self.read_proxy_header())
            .await
            .map_err(|_| Refusal::TimedOut)??;
        let Self { frontend, context, listener, socket, origin, place, since } = self;
        let mut packets = PacketStream::new(MaybeTls::Plain(socket), context.limits.max_handshake_packet);
        packets.set_deadline(deadline);
        let Some(facts) = server_facts(&context).await else {
            return Err(tell(&mut packets, Refusal::NoBackend, Capabilities::PROTOCOL_41).await);
        };
        let id = frontend.registry.issue();
        let salt = Salt::random()
            .map_err(|_| Refusal::Login { source: LoginError::NoRandomness, who: Box::default() })?;
        let announced = announced(&facts, context.listener(listener));
        let greeting = greeting(&facts, announced, id, &salt, &context);
        let sent = packets.write(&greeting.encode()).await;
        sent.map_err(|source| Refusal::packet(source, Step::Greeted, &[]))?;
        let greeted = Greeted {
            context: Arc::clone(&context),
            listener,
            packets,
            origin,
            id,
            salt,
            announced,
            deadline,
            objections: None,
        };
        let secured = greeted.secure(&frontend).await?;
        secured.authenticate(frontend, context, place, since).await
    }

    async fn read_proxy_header(&mut self) -> Result<(), Refusal> {
        let Peer::Tcp(peer) = *self.socket.peer() else { return Ok(()) };
        let Some(listener) = self.context.listener(self.listener) else { return Ok(()) };
        if !proxy_protocol::is_trusted(&listener.proxy_protocol_from, peer.ip()) {
            return Ok(());
        }
        match proxy_protocol::read(&mut self.socket).await {
            Ok(Announced::Origin(origin)) => self.origin = Some(origin),
            Ok(Announced::Own) => {}
            Err(_) => return Err(Refusal::ProxyHeader),
        }
        Ok(())
    }
}

impl Greeted {
    async fn secure(mut self, frontend: &Frontend) -> Result<Secured, Refusal> {
        let (response, tls) = match self.read(FirstPacket::parse).await? {
            FirstPacket::Response(response) => (response, None),
            FirstPacket::SslRequest(_) => {
                self = self.upgrade(frontend).await?;
                let tls = self.packets.stream().tls_info();
                (self.read(HandshakeResponse::parse).await?, tls)
            }
        };
        let capabilities = response.capabilities & self.announced;
        if !capabilities.contains(Capabilities::PROTOCOL_41 | Capabilities::SECURE_CONNECTION) {
            return Err(tell(&mut self.packets, Refusal::OldClient, capabilities).await);
        }
        if self.demands_tls() && !self.packets.stream().is_secure() {
            let refusal = Refusal::Plaintext(Box::new(who(&response.user, response.attributes.as_deref())));
            return Err(tell(&mut self.packets, refusal, capabilities).await);
        }
        let secure = self.packets.stream().is_secure();
        let listener = self.context.listener(self.listener);
        let facts = ClientFacts {
            capabilities,
            host: self.origin.map_or_else(
                || "localhost".to_owned(),
                |origin| origin.client.ip().to_canonical().to_string(),
            ),
            origin: self.origin,
            channel: if secure { Channel::Secure } else { Channel::Insecure },
            max_packet: response.max_packet,
            tls: tls.as_ref().map(TlsInfo::version_name),
            listener: self.listener,
            shown: tls.as_ref().and_then(|tls| tls.peer_certificate.clone()),
            offered: tls.as_ref().map(|tls| Arc::new(offered(tls))),
            rotation: tls.as_ref().and(listener).map(|listener| Arc::clone(&listener.retirement)),
            entrance: Entrance::new(self.origin, tls.as_ref(), self.listener, self.objections),
        };
        Ok(Secured { packets: self.packets, response, facts, tls, id: self.id, salt: self.salt })
    }

    async fn read<T>(&mut self, parse: fn(&[u8]) -> Result<T, PacketProblem>) -> Result<T, Refusal> {
        let refusal = match self.packets.read().await {
            Ok(payload) => match parse(&payload) {
                Ok(packet) => return Ok(packet),
                Err(PacketProblem::Old) => Refusal::OldClient,
                Err(error) => Refusal::Malformed(error),
            },
            Err(error) => {
                let encrypted = self.packets.stream().tls_info().is_some();
                let at = if encrypted { Step::Encrypted } else { Step::Greeted };
                Refusal::packet(error, at, self.packets.ahead())
            }
        };
        Err(tell(&mut self.packets, refusal, Capabilities::PROTOCOL_41).await)
    }

    /// Starts TLS. What the client sent behind its SSLRequest goes back below TLS, so that nothing received in plaintext
    /// counts as encrypted.
    async fn upgrade(mut self, frontend: &Frontend) -> Result<Self, Refusal> {
        let context = Arc::clone(&self.context);
        let Some(tls) = context.listener(self.listener).and_then(|listener| listener.tls.as_ref()) else {
            return Err(tell(&mut self.packets, Refusal::TlsNotOffered, Capabilities::PROTOCOL_41).await);
        };
        let sequence = self.packets.sequence();
        let (plain, mut buffer) = self.packets.into_parts();
        let Ok(mut socket) = plain.into_socket() else { return Err(Refusal::TlsNotOffered) };
        socket.unread(buffer.take());
        let shadow = context.listener(self.listener).and_then(|listener| listener.shadow.as_ref());
        let accepted = accept(socket, Arc::clone(tls.config()), shadow);
        let accepted =
            tokio::time::timeout_at(self.deadline, accepted).await.map_err(|_| Refusal::TimedOutInTls)?;
        let (accepted, objections) = match accepted {
            Ok((stream, objections)) => (Ok(stream), objections),
            Err(error) => (Err(error), None),
        };
        frontend.metrics.tls.observe(&accepted);
        let mut packets =
            PacketStream::new(accepted.map_err(Refusal::Tls)?, context.limits.max_handshake_packet);
        packets.set_sequence(sequence);
        packets.set_deadline(self.deadline);
        Ok(Self { packets, objections, ..self })
    }

    fn demands_tls(&self) -> bool {
        let listener = self.context.listener(self.listener);
        listener.is_none_or(|listener| listener.mode == ListenerTlsMode::Required)
    }
}

impl Secured {
    async fn authenticate(
        mut self,
        frontend: Arc<Frontend>,
        context: Arc<Context>,
        place: Place,
        since: Instant,
    ) -> Result<Session, Refusal> {
        let claim = claim(self.response, &self.facts);
        let attempt =
            LoginAttempt { frontend: &frontend, context: &context, client: &self.facts, replaces: None };
        let logged_in = attempt.log_in(&mut self.packets, &claim, self.salt, Opening::Answered).await;
        let settled = logged_in.and_then(|logged_in| attempt.settle(&claim).map(|()| logged_in));
        let logged_in = match settled {
            Ok(logged_in) => logged_in,
            Err(source) => {
                let who = Box::new(who(&claim.user, claim.terms.attributes.as_deref()));
                let refusal = Refusal::Login { source, who };
                return Err(tell(&mut self.packets, refusal, self.facts.capabilities).await);
            }
        };
        let transport = self.facts.entrance.label();
        frontend.metrics.connections.increment(transport);
        frontend.metrics.logins.increment(logged_in.rung);
        frontend.metrics.handshake_seconds.record(since.elapsed());
        tracing::debug!(
            client = %self.id,
            account = ?String::from_utf8_lossy(&claim.user),
            host = self.facts.host,
            rung = logged_in.rung.label(),
            tls = self.tls.as_ref().map(TlsInfo::version_name),
            cipher = self.tls.as_ref().map(|tls| tls.cipher),
            group = self.tls.as_ref().and_then(|tls| tls.group),
            took = ?since.elapsed(),
            "client logged in"
        );
        Session::begin(frontend, claim.user, self.id, self.packets, self.facts, logged_in, place, transport)
            .await
            .map_err(|_| Refusal::packet(PacketError::Closed, Step::LoggingIn, &[]))
    }
}

/// Tells the client why it is refused, where that can be said, and hands the refusal back.
async fn tell(packets: &mut PacketStream, refusal: Refusal, capabilities: Capabilities) -> Refusal {
    if let Some(error) = refusal.to_client() {
        let _ = packets.write(&error.encode(capabilities)).await;
    }
    refusal
}

/// Tells a client that is refused before it was greeted, and closes.
pub async fn turn_away(socket: Socket, refusal: &Refusal) {
    let mut packets = PacketStream::new(MaybeTls::Plain(socket), 0);
    if let Some(error) = refusal.to_client() {
        let _ = packets.write(&error.encode_before_greeting()).await;
    }
}

/// Performs the TLS handshake and, where there is a candidate, asks it what it would have had against it.
async fn accept(
    socket: Socket,
    config: Arc<ServerConfig>,
    shadow: Option<&Candidate>,
) -> Result<(MaybeTls, Option<Vec<Cause>>), HandshakeError> {
    let Some(shadow) = shadow else { return Ok((stream::accept(socket, config).await?, None)) };
    let (stream, hello) = stream::accept_observed(socket, config).await?;
    let objections = stream.tls_info().map(|info| {
        shadow.objections(&hello, &info, stream.peer_chain()).into_iter().map(Cause::from).collect()
    });
    Ok((stream, objections))
}

/// What a client says of itself.
fn who(user: &[u8], attributes: Option<&[u8]>) -> Who {
    let Software { program, library } = attributes.map(Software::of).unwrap_or_default();
    Who { account: attributes::clean(user), program, library }
}

/// What this connection offers to accounts that demand something of it.
fn offered(tls: &TlsInfo) -> Offered {
    let shown = |certificate: &PeerCertificate| ShownCertificate {
        issuer: certificate.issuer.clone(),
        subject: certificate.subject.clone(),
        alternative_names: certificate.alternative_names.clone(),
    };
    Offered { cipher: openssl_cipher(tls.cipher), certificate: tls.peer_certificate.as_deref().map(shown) }
}

/// The name that a server takes this one for: it takes one pair of quotes away (10.11, `parse_client_handshake_packet`; not
/// in COM_CHANGE_USER). Judged under another name, a client would get around what its account demands.
fn unquoted(user: Vec<u8>) -> Vec<u8> {
    match user.as_slice() {
        [b'\'', name @ .., b'\''] => name.to_vec(),
        _ => user,
    }
}

fn claim(response: HandshakeResponse, facts: &ClientFacts) -> Claim {
    Claim {
        user: unquoted(response.user),
        plugin: response.plugin.filter(|_| facts.capabilities.contains(Capabilities::PLUGIN_AUTH)),
        response: response.auth_response,
        terms: Terms {
            capabilities: facts.capabilities,
            collation: u16::from(response.collation),
            max_packet: response.max_packet,
            schema: response.schema.filter(|schema| !schema.is_empty()),
            attributes: response.attributes,
        },
    }
}

/// What a backend said of itself. Asked for now if none has been reached since the proxy started.
async fn server_facts(context: &Context) -> Option<ServerFacts> {
    let known = || context.backends.iter().find_map(|backend| backend.health().facts());
    if let Some(facts) = known() {
        return Some(facts);
    }
    for backend in &context.backends {
        if backend.dial(&Terms::default(), None).await.is_ok() {
            break;
        }
    }
    known()
}

fn announced(facts: &ServerFacts, listener: Option<&ListenerContext>) -> Capabilities {
    let tls = listener.and_then(|listener| listener.tls.as_ref()).is_some();
    let ssl = if tls { Capabilities::SSL } else { Capabilities::NONE };
    (facts.capabilities & ANNOUNCED) | ssl | Capabilities::COMPRESS
}

fn greeting(
    facts: &ServerFacts,
    announced: Capabilities,
    id: ClientId,
    salt: &Salt,
    context: &Context,
) -> Greeting {
    Greeting {
        version: facts.version.clone(),
        connection_id: id.number(),
        salt: *salt.bytes(),
        capabilities: announced,
        collation: facts.collation,
        status: facts.status,
        plugin: auth::greeting_plugin(context.auth.default_plugin).to_vec(),
    }
}

fn origin(socket: &Socket) -> Option<Origin> {
    match (socket.peer(), socket.local_addr()) {
        (Peer::Tcp(client), Some(local)) => Some(Origin { client: *client, local }),
        _ => None,
    }
}
