//! What a configuration says, after parsing: every value is in range, every path absolute, every secret read.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A whole configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where clients connect; at least one.
    pub listeners: Vec<Listener>,
    /// The MariaDB servers, in order of preference; at least one.
    pub backends: Vec<Backend>,
    /// Accounts whose passwords the proxy knows (rung *configured*).
    pub accounts: Vec<Account>,
    /// What is asked of the certificates of accounts' clients.
    pub certificate_rules: Vec<CertificateRule>,
    /// How clients prove who they are.
    pub auth: Auth,
    /// Backend connections and their reuse.
    pub pool: Pool,
    /// Bounds on what clients may use.
    pub limits: Limits,
    /// The proxy's own login at the backends: health probes, and KILL for sessions of relayed accounts.
    pub service: Option<Service>,
    /// TLS of all listeners.
    pub tls: Tls,
    /// What makes the proxy read its files again.
    pub reload: Reload,
    /// What is kept of who connects how.
    pub migration: Migration,
    /// What happens at SIGTERM.
    pub shutdown: Shutdown,
    /// Log format and level.
    pub log: Log,
    /// The admin endpoint.
    pub admin: Admin,
    /// Threads.
    pub runtime: Runtime,
}

/// Where something listens: TCP host and port, or the path of a unix socket (`unix:/path`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Address {
    /// Host name or IP address, and port.
    Tcp {
        /// Host name, IPv4 address, or IPv6 address without its brackets.
        host: String,
        /// TCP port.
        port: u16,
    },
    /// Path of a unix stream socket.
    Unix(PathBuf),
}

/// One `[[listener]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Addresses to bind.
    pub bind: Vec<Address>,
    /// Networks whose connections start with a PROXY protocol header (v1 or v2); from anywhere else none is read.
    pub proxy_protocol_from: Vec<IpNet>,
    /// File mode of a unix socket.
    pub unix_mode: u32,
    /// TLS towards clients.
    pub tls: ListenerTls,
    /// What is tried on their handshakes without being used.
    pub shadow: Option<Shadow>,
}

/// A candidate: what is not said is as the listener has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shadow {
    /// PEM file with the chain, leaf first.
    pub certificate: Option<PathBuf>,
    /// PEM file with the private key of the leaf.
    pub key: Option<PathBuf>,
    /// Oldest protocol version.
    pub min_version: Option<TlsVersion>,
    /// Cipher suites by their IANA names; none: all.
    pub ciphers: Vec<&'static str>,
    /// Rule for clients' certificates.
    pub client_certificate: Option<ClientCertificate>,
    /// PEM file with the CAs that issue them.
    pub client_ca: Option<PathBuf>,
    /// PEM files with the revocation lists of those CAs.
    pub crl: Vec<PathBuf>,
}

/// TLS of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerTls {
    /// Whether TLS is offered or demanded.
    pub mode: ListenerTlsMode,
    /// PEM file with the chain, leaf first; none: a self-signed certificate is minted at start.
    pub certificate: Option<PathBuf>,
    /// PEM file with the private key of the leaf.
    pub key: Option<PathBuf>,
    /// Oldest protocol version accepted.
    pub min_version: TlsVersion,
    /// Whether clients are asked for a certificate.
    pub client_certificate: ClientCertificate,
    /// PEM file with the CAs that issue client certificates; there when clients are asked.
    pub client_ca: Option<PathBuf>,
    /// PEM files with the revocation lists of those CAs.
    pub crl: Vec<PathBuf>,
}

/// Whether a listener asks its TLS clients for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCertificate {
    /// They are not asked.
    None,
    /// They are asked; one that is shown has to be good.
    Request,
    /// Without a good one there is no TLS.
    Require,
}

/// Whether a listener offers TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenerTlsMode {
    /// TLS is not offered.
    Disabled,
    /// Clients choose.
    Optional,
    /// A client that does not ask for TLS is refused with 3159. Unix sockets are exempt: nothing crosses a network there.
    Required,
}

/// TLS protocol versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    V1_2,
    /// TLS 1.3 (RFC 8446).
    V1_3,
}

impl TlsVersion {
    /// The name that people, logs and metrics use.
    pub fn protocol_name(self) -> &'static str {
        match self {
            Self::V1_2 => "TLSv1.2",
            Self::V1_3 => "TLSv1.3",
        }
    }
}

/// One `[[backend]]`: one MariaDB server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Name in logs and metrics.
    pub name: String,
    /// Where it listens.
    pub address: Address,
    /// The group it belongs to.
    pub group: String,
    /// Whether to announce the client's address with a PROXY v2 header.
    pub proxy_protocol: bool,
    /// Time to connect, negotiate TLS and log in.
    pub connect_timeout: Duration,
    /// TLS towards the server.
    pub tls: BackendTls,
}

/// TLS towards a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendTls {
    /// Whether TLS is used and what is verified.
    pub mode: BackendTlsMode,
    /// PEM file with the CA certificates to trust; none: the system's store.
    pub ca: Option<PathBuf>,
    /// PEM file with the client certificate chain.
    pub certificate: Option<PathBuf>,
    /// PEM file with the client certificate's private key.
    pub key: Option<PathBuf>,
    /// Name to verify and to send as SNI; none: the host of the address.
    pub server_name: Option<String>,
    /// Oldest protocol version accepted.
    pub min_version: TlsVersion,
}

/// What is asked of TLS towards a backend. Nothing ever falls back to plaintext.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendTlsMode {
    /// Plaintext.
    Disabled,
    /// TLS without any verification: protects against listeners, not against an impostor.
    Required,
    /// The chain is verified, the name is not.
    VerifyCa,
    /// Chain and name are verified.
    VerifyFull,
}

/// One `[[account]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// User name that clients give.
    pub user: String,
    /// What proves a client to be that user.
    pub credential: Credential,
    /// Plugin asked of clients of this account; none: `auth.default_plugin`.
    pub plugin: Option<AuthPlugin>,
    /// Another login at the backend than the client's.
    pub backend: Option<BackendLogin>,
    /// Client connections of this account, 0: no limit; none: `limits.max_clients_per_account`.
    pub max_clients: Option<u32>,
    /// How its sessions share backend connections; none: `pool.mode`.
    pub mode: Option<PoolMode>,
    /// What is asked of its clients in plaintext; none: `migration.stage`.
    pub tls: Option<Stage>,
}

/// What the proxy knows of an account's password. `Debug` prints neither password nor hash.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// The password itself; any plugin works.
    Password(Secret),
    /// `SHA1(SHA1(password))`, as in `mysql.global_priv` for `mysql_native_password`.
    NativeHash([u8; 20]),
}

/// One `[[certificate_rule]]`; what is not named does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRule {
    /// Whose clients.
    pub account: String,
    /// The certificate's subject, in OpenSSL's one-line form.
    pub subject: Option<String>,
    /// Its issuer, in the same form.
    pub issuer: Option<String>,
    /// One of its subject alternative names, with its kind.
    pub san: Option<String>,
    /// Whether it stands for the password.
    pub instead_of_password: bool,
}

/// A login at a backend that differs from the client's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendLogin {
    /// User name at the backend.
    pub user: String,
    /// Its password.
    pub password: Secret,
}

/// Authentication plugins that the proxy speaks itself, towards clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthPlugin {
    /// `mysql_native_password`.
    NativePassword,
    /// `client_ed25519`.
    Ed25519,
    /// `caching_sha2_password`.
    CachingSha2,
    /// `mysql_clear_password`, inside TLS or a unix socket only.
    ClearPassword,
}

/// `[auth]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// Plugin announced in the greeting.
    pub default_plugin: AuthPlugin,
    /// Whether logins of accounts that are not configured are relayed to the backend.
    pub relay: bool,
    /// Whether the servers' account tables are read.
    pub recover: bool,
    /// How often.
    pub refresh: Duration,
    /// Which address host patterns are held against.
    pub hosts: HostCheck,
}

/// Which address the host patterns of a server's accounts are held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostCheck {
    /// The client's.
    Client,
    /// The one that the server sees.
    Server,
}

/// `[pool]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// How backend connections are shared.
    pub mode: PoolMode,
    /// Backend connections per backend and account.
    pub max_connections: u32,
    /// Idle connections kept per backend and account for sessions that have one to themselves.
    pub max_idle: u32,
    /// Idle connections kept per backend and account for sessions that share, however long nobody uses them.
    pub min_idle: u32,
    /// Prepared statements on each shared connection.
    pub max_statements: u32,
    /// How long a client waits for a connection.
    pub acquire_timeout: Duration,
    /// How long an idle connection is kept.
    pub idle_timeout: Duration,
    /// Age after which a connection is not used again.
    pub max_lifetime: Duration,
}

/// How backend connections are shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolMode {
    /// Sessions share backend connections statement by statement.
    Multiplex,
    /// One backend connection for each client, for as long as the client stays.
    Session,
}

/// `[limits]`. Zero means no limit where a field says so; the others are never zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Client connections in all.
    pub max_clients: u32,
    /// Client connections per account; 0: no limit.
    pub max_clients_per_account: u32,
    /// Time from accept until the client has done its part of the login.
    pub handshake_timeout: Duration,
    /// Largest packet accepted before authentication, in bytes.
    pub max_handshake_packet: usize,
    /// How long a client may stay without a command; zero: for ever.
    pub client_idle_timeout: Duration,
    /// How long a client may leave its receive buffer full; zero: for ever.
    pub write_timeout: Duration,
    /// Time to kill the statement of a client that went away.
    pub kill_timeout: Duration,
}

/// `[service]`: the proxy's own login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// User name.
    pub user: String,
    /// Password.
    pub password: Secret,
}

/// `[tls]`: what holds for all listeners.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// How long a session may go on after its listener's certificate was replaced; none: for ever.
    pub max_session_age_after_rotation: Option<Duration>,
    /// How long a session may go on whose client certificate is not accepted any more.
    pub max_session_age_after_revocation: Duration,
    /// File of ticket keys that replicas share; none: each process has its own.
    pub ticket_keys: Option<PathBuf>,
}

/// `[reload]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reload {
    /// Which changed files reload by themselves.
    pub watch: Watch,
    /// How often they are compared where no change is reported.
    pub interval: Duration,
    /// How long they have to stay as they are before they are read.
    pub settle: Duration,
}

/// Which changed files reload by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// None.
    Off,
    /// Those that the configuration names; it stays as it was last loaded.
    Files,
    /// The configuration file, too.
    All,
}

/// `[migration]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Where the ledger is kept over restarts; none: nowhere.
    pub state_directory: Option<PathBuf>,
    /// Entries of the ledger.
    pub max_entries: u32,
    /// How long an account must have used nothing but TLS to be called ready.
    pub quiet_period: Duration,
    /// What is asked of clients in plaintext where their account does not say.
    pub stage: Stage,
    /// Of stage *brownout*.
    pub brownout: Brownout,
    /// Of stages that refuse.
    pub step_back: StepBack,
}

/// What is asked of an account's clients that come in plaintext over a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// They are counted.
    Observe,
    /// They are told of in the log, too.
    Warn,
    /// A share of them is refused in windows that are announced.
    Brownout,
    /// They are refused with 3159.
    Enforce,
}

/// When stage *brownout* refuses whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brownout {
    /// Percent of the logins in plaintext.
    pub share: u32,
    /// Of each day; none: nobody is refused.
    pub windows: Vec<DailyWindow>,
    /// What decides which logins they are.
    pub seed: u32,
}

/// A part of each day in UTC, from one minute to another; it may go over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DailyWindow {
    /// The first minute of the day, from 0.
    pub from: u32,
    /// The first minute after it, to 1440.
    pub until: u32,
}

/// When a stage that refuses goes back to *warn*.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepBack {
    /// Refusals of an account that are borne in the period; 0: any number.
    pub refusals: u32,
    /// The period.
    pub period: Duration,
}

/// `[shutdown]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shutdown {
    /// How long open transactions may go on after SIGTERM.
    pub drain_timeout: Duration,
}

/// `[log]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Text or JSON lines.
    pub format: LogFormat,
    /// A level or a filter such as `info,sealock::tls=debug`.
    pub level: String,
}

/// Format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `[admin]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Where `/metrics`, `/healthz` and `/readyz` are served; none: nowhere.
    pub http: Option<Address>,
}

/// `[runtime]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runtime {
    /// Worker threads; none: one for each core that the process may use.
    pub worker_threads: Option<u32>,
}

/// Bytes that are never printed, wiped when dropped.
///
/// Comparing two is for reloads, to see what changed; it is not constant in time and not for authentication.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes; for authentication only.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password(_) => f.write_str("Password(***)"),
            Self::NativeHash(_) => f.write_str("NativeHash(***)"),
        }
    }
}

impl AuthPlugin {
    /// Its name in the protocol.
    pub fn name(self) -> &'static str {
        match self {
            Self::NativePassword => "mysql_native_password",
            Self::Ed25519 => "client_ed25519",
            Self::CachingSha2 => "caching_sha2_password",
            Self::ClearPassword => "mysql_clear_password",
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
