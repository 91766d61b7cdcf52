//! Relayed logins against servers that do what no real one does on request.

use std::mem::replace;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::auth::Accounts;
use crate::backend::connector::Terms;
use crate::config::Config;
use crate::frontend::client::ClientFacts;
use crate::frontend::context::{Context, Frontend};
use crate::frontend::entrance::Entrance;
use crate::migration::stage::Policy;
use crate::protocol::capabilities::Capabilities;
use crate::protocol::handshake::{AuthSwitch, Greeting, plugin};
use crate::telemetry::Registry;

const OK: &[u8] = &[0, 0, 0, 2, 0, 0, 0];
const FULL: &[u8] = &[1, 4];

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn question(plugin: &[u8]) -> Vec<u8> {
    AuthSwitch { plugin: plugin.to_vec(), data: vec![7; 21] }.encode()
}

fn config(address: &str, more: &str) -> Config {
    let text = format!(
        "[[listener]]\nbind = \"127.0.0.1:0\"\n{more}\n\
         [[backend]]\nname = \"db\"\naddress = \"{address}\"\nconnect_timeout = \"5s\"\ntls = {{ mode = \"disabled\" }}\n"
    );
    Config::parse(&text, Path::new("sealock.toml")).unwrap()
}

fn backend(config: &Config) -> Arc<Backend> {
    let registry = Arc::new(Registry::new());
    Arc::new(Backend::build(&config.backends[0], &registry, None).unwrap())
}

/// Both ends of a conversation, without any network: the clock stands still while somebody works.
struct Pair {
    backend: Arc<Backend>,
    client: PacketStream<DuplexStream>,
    far_client: PacketStream<DuplexStream>,
    server: PacketStream<DuplexStream>,
    far_server: PacketStream<DuplexStream>,
}

fn pair() -> Pair {
    let (client, far_client) = packets();
    let (server, far_server) = packets();
    Pair { backend: backend(&config("unix:/nowhere", "")), client, far_client, server, far_server }
}

fn packets() -> (PacketStream<DuplexStream>, PacketStream<DuplexStream>) {
    let (near, far) = tokio::io::duplex(4096);
    (PacketStream::new(near, 1024), PacketStream::new(far, 1024))
}

impl Pair {
    /// Takes client and server out, to act at the same time as the proxy does.
    fn far_ends(&mut self) -> (PacketStream<DuplexStream>, PacketStream<DuplexStream>) {
        let ends = [replace(&mut self.far_client, packets().0), replace(&mut self.far_server, packets().0)];
        ends.map(|mut end| {
            end.set_deadline(Instant::now() + seconds(3600));
            end
        })
        .into()
    }

    async fn exchange(&mut self, client: Channel, server: Channel) -> Result<Vec<u8>, Failure> {
        let exchange = Exchange {
            backend: &self.backend,
            client: &mut self.client,
            server: &mut self.server,
            relay: Relay::new(client, server),
            using: UsingPassword::No,
        };
        timeout(seconds(3600), exchange.run()).await.expect("an end")
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_server_is_given_its_own_time_and_not_the_clients() {
    let mut pair = pair();
    pair.client.set_deadline(Instant::now() + seconds(1));
    let began = Instant::now();
    let failure = pair.exchange(Channel::Insecure, Channel::Insecure).await.unwrap_err();
    assert!(matches!(failure, Failure::Server(ConnectError::TimedOut(_))), "{failure:?}");
    assert_eq!(began.elapsed(), seconds(5));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_owes_an_answer_has_until_its_deadline() {
    let mut pair = pair();
    pair.client.set_deadline(Instant::now() + seconds(60));
    pair.far_server.write(&question(plugin::NATIVE_PASSWORD)).await.unwrap();
    let began = Instant::now();
    let failure = pair.exchange(Channel::Insecure, Channel::Insecure).await.unwrap_err();
    assert!(matches!(failure, Failure::Client(PacketError::TimedOut)), "{failure:?}");
    assert_eq!(began.elapsed(), seconds(60));
    assert!(failure.leaves_the_server_waiting());
}

#[tokio::test(start_paused = true)]
async fn a_client_does_not_pay_for_the_time_that_the_server_took() {
    let mut pair = pair();
    pair.client.set_deadline(Instant::now() + seconds(3));
    let (mut far_client, mut far_server) = pair.far_ends();
    let (verdict, (), ()) = tokio::join!(
        pair.exchange(Channel::Insecure, Channel::Insecure),
        async {
            sleep(seconds(4)).await;
            far_server.write(&question(plugin::NATIVE_PASSWORD)).await.unwrap();
            assert_eq!(far_server.read().await.unwrap(), b"proof");
            sleep(seconds(4)).await;
            far_server.write(OK).await.unwrap();
        },
        async {
            far_client.read().await.unwrap();
            sleep(seconds(2)).await;
            far_client.write(b"proof").await.unwrap();
        },
    );
    assert_eq!(verdict.unwrap(), OK);
}

#[tokio::test(start_paused = true)]
async fn a_server_may_end_with_a_packet_that_needs_no_answer() {
    let mut pair = pair();
    for packet in [&question(b"auth_gssapi_client"), &b"a last token"[..], OK] {
        pair.far_server.write(packet).await.unwrap();
    }
    assert_eq!(pair.exchange(Channel::Secure, Channel::Secure).await.unwrap(), OK);
}

#[tokio::test(start_paused = true)]
async fn a_question_for_the_password_itself_does_not_reach_a_client_where_either_way_is_plaintext() {
    let ways = [Channel::Secure, Channel::Insecure];
    for (client, server) in ways.into_iter().flat_map(|client| ways.map(|server| (client, server))) {
        let mut pair = pair();
        pair.far_server.write(&question(plugin::CACHING_SHA2)).await.unwrap();
        let (mut far_client, mut far_server) = pair.far_ends();
        let (verdict, (), asked) = tokio::join!(
            pair.exchange(client, server),
            async {
                far_server.read().await.unwrap();
                far_server.write(FULL).await.unwrap();
                far_server.set_deadline(Instant::now() + seconds(1));
                let _ = far_server.read().await;
                let _ = far_server.write(OK).await;
            },
            async {
                far_client.read().await.unwrap();
                far_client.write(&[9; 32]).await.unwrap();
                far_client.set_deadline(Instant::now() + seconds(1));
                let asked = far_client.read().await.is_ok();
                let _ = far_client.write(b"secret\0").await;
                asked
            },
        );
        let secure = (client, server) == (Channel::Secure, Channel::Secure);
        assert_eq!((verdict.is_ok(), asked), (secure, secure), "{client:?} {server:?}: {verdict:?}");
    }
}

/// A server on TCP and a proxy in front of it.
struct Stage {
    server: TcpListener,
    frontend: Arc<Frontend>,
    context: Arc<Context>,
    client: ClientFacts,
}

impl Stage {
    async fn set(more: &str) -> Self {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = config(&server.local_addr().unwrap().to_string(), more);
        let registry = Arc::new(Registry::new());
        let context = Context {
            number: 1,
            generation: 1,
            listeners: Vec::new(),
            backends: vec![Arc::new(Backend::build(&config.backends[0], &registry, None).unwrap())],
            accounts: Accounts::new(&config.accounts).unwrap(),
            certificate_rules: crate::auth::certificate_rule::CertificateRules::default(),
            auth: config.auth,
            service: None,
            prober: None,
            tls: config.tls,
            shadow: (Vec::new(), 1),
            stages: Policy::new(&config.migration, &config.accounts),
            limits: config.limits,
            pool: config.pool,
        };
        let frontend = Arc::new(Frontend::new(context, &registry));
        let client = ClientFacts {
            capabilities: Capabilities::PROTOCOL_41,
            host: "10.0.0.7".to_owned(),
            origin: None,
            channel: Channel::Secure,
            max_packet: 1024,
            tls: None,
            listener: 0,
            shown: None,
            offered: None,
            rotation: None,
            entrance: Entrance::new(None, None, 0, None),
        };
        Self { server, context: frontend.context.load_full(), frontend, client }
    }

    fn attempt(&self) -> LoginAttempt<'_> {
        LoginAttempt {
            frontend: &self.frontend,
            context: &self.context,
            client: &self.client,
            replaces: None,
        }
    }

    async fn log_in(&self, client: &mut PacketStream<DuplexStream>) -> Result<LoggedIn, LoginError> {
        relay(&self.attempt(), client, &claim()).await
    }

    /// The server's side of the next connection, up to the user's name.
    async fn accept(&self) -> PacketStream<TcpStream> {
        let mut packets = PacketStream::new(self.server.accept().await.unwrap().0, 1024);
        packets.set_deadline(Instant::now() + seconds(60));
        let greeting = Greeting {
            version: b"11.4.2-MariaDB".to_vec(),
            connection_id: 1,
            salt: [7; 20],
            capabilities: Capabilities::PROTOCOL_41
                | Capabilities::SECURE_CONNECTION
                | Capabilities::PLUGIN_AUTH
                | Capabilities::DEPRECATE_EOF
                | Capabilities::SESSION_TRACK,
            collation: 45,
            status: 2,
            plugin: plugin::NATIVE_PASSWORD.to_vec(),
        };
        packets.write(&greeting.encode()).await.unwrap();
        packets.read().await.unwrap();
        packets
    }

    /// The same for a server that asks for a proof and then says `verdict`.
    async fn decide(&self, verdict: &[u8]) -> PacketStream<TcpStream> {
        let mut server = self.accept().await;
        server.write(&question(plugin::NATIVE_PASSWORD)).await.unwrap();
        server.read().await.unwrap();
        server.write(verdict).await.unwrap();
        server
    }
}

fn claim() -> Claim {
    Claim { user: b"nat".to_vec(), plugin: None, response: Vec::new(), terms: Terms::default() }
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin>(client: &mut PacketStream<S>, proof: &[u8]) {
    client.read().await.unwrap();
    client.write(proof).await.unwrap();
}

#[tokio::test]
async fn a_refusal_names_the_clients_host_and_not_the_proxys() {
    let stage = Stage::set("").await;
    for (said, proof, told) in [
        (
            "1045 Access denied for user 'nat'@'172.16.0.1' (using password: YES)",
            &b"proof"[..],
            "1045 Access denied for user 'nat'@'10.0.0.7' (using password: YES)",
        ),
        (
            "1045 Access denied for user 'nat'@'172.16.0.1' (using password: NO)",
            b"",
            "1045 Access denied for user 'nat'@'10.0.0.7' (using password: NO)",
        ),
        (
            "1698 Access denied for user 'nat'@'172.16.0.1'",
            b"",
            "1698 Access denied for user 'nat'@'10.0.0.7'",
        ),
        ("1049 Unknown database 'nowhere'", b"proof", "1049 Unknown database 'nowhere'"),
    ] {
        let (code, words) = said.split_once(' ').unwrap();
        let error = ServerError::new(code.parse().unwrap(), *b"28000", words);
        let (mut client, mut far_client) = packets();
        let verdict = error.encode(Capabilities::PROTOCOL_41);
        let (outcome, _, ()) =
            tokio::join!(stage.log_in(&mut client), stage.decide(&verdict), answer(&mut far_client, proof));
        let error = outcome.err().unwrap();
        let reply = error.to_client().unwrap();
        assert_eq!(format!("{} {}", reply.code, reply.message), told);
        assert!(error.to_string().contains(words), "the log has the server's words: {error}");
    }
}

#[tokio::test]
async fn a_client_inside_tls_is_not_blamed_for_a_backend_in_plaintext() {
    let stage = Stage::set("").await;
    let (mut client, mut far_client) = packets();
    let (outcome, farewell, ()) = tokio::join!(
        stage.log_in(&mut client),
        async {
            let mut server = stage.accept().await;
            server.write(&question(plugin::CACHING_SHA2)).await.unwrap();
            server.read().await.unwrap();
            server.write(FULL).await.unwrap();
            let farewell = server.read().await;
            server.write(&ServerError::bad_handshake().encode(Capabilities::PROTOCOL_41)).await.unwrap();
            farewell
        },
        answer(&mut far_client, &[9; 32]),
    );
    let error = outcome.err().unwrap();
    assert!(matches!(error, LoginError::CleartextToBackend { .. }), "{error:?}");
    assert!(error.to_client().unwrap().message.starts_with("Access denied for user 'nat'@'10.0.0.7': "));
    assert!(farewell.is_ok(), "the server hears a wrong answer, not a broken handshake");
}

#[tokio::test]
async fn whoever_has_not_proved_anything_takes_no_connection_from_the_account() {
    let stage = Stage::set("[pool]\nmax_connections = 1\nmax_idle = 1\nacquire_timeout = \"50ms\"").await;
    let (mut client, mut stranger) = packets();
    let waiting = async {
        let _ = stage.log_in(&mut client).await;
    };
    let meanwhile = async {
        let mut server = stage.accept().await;
        server.write(&question(plugin::NATIVE_PASSWORD)).await.unwrap();
        stranger.read().await.unwrap();
        let (mut client, mut far_client) = packets();
        let (first, ..) =
            tokio::join!(stage.log_in(&mut client), stage.decide(OK), answer(&mut far_client, b"x"));
        let _first = first.expect("the stranger is not in the way");
        let (mut client, mut far_client) = packets();
        let (second, mut server, ()) =
            tokio::join!(stage.log_in(&mut client), stage.decide(OK), answer(&mut far_client, b"x"));
        let error = second.err().expect("the pool is full");
        assert_eq!(error.to_client().unwrap().code, 1047, "{error:?}");
        server.set_sequence(Default::default());
        assert_eq!(server.read().await.unwrap(), [1], "the server hears a goodbye");
    };
    tokio::select! {
        () = waiting => panic!("the stranger was sent away"),
        () = meanwhile => {}
    }
}

#[tokio::test]
async fn giving_a_login_up_waits_no_longer_than_a_login_may_take() {
    let stage = Stage::set("").await;
    let backend = &stage.context.backends[0];
    let claim = claim();
    let attempt = stage.attempt();
    let (dialled, mut server) = tokio::join!(dial(&attempt, backend, &claim), stage.accept());
    let dialled = dialled.unwrap();
    tokio::time::pause();
    let began = Instant::now();
    timeout(seconds(60), give_up(backend, dialled)).await.expect("an end");
    assert_eq!(began.elapsed().as_secs(), 5);
    server.read().await.unwrap();
}

#[tokio::test]
async fn a_server_that_never_answers_the_proxys_own_attempt_is_not_waited_for() {
    let stage = Stage::set("").await;
    let attempt = stage.attempt();
    let claim = claim();
    let silent = async {
        let _server = stage.accept().await;
        tokio::time::pause();
        sleep(seconds(60)).await;
    };
    let accepted = tokio::select! {
        accepted = accepts_the_proxy(&attempt, &stage.context.backends[0], &claim) => accepted,
        () = silent => Ok(true),
    };
    assert!(matches!(accepted, Err(ConnectError::TimedOut(_))), "{accepted:?}");
}
