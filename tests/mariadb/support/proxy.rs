//! Proxies as an operator runs them: the program, a configuration file, signals.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use super::eventually;
use super::login::Login;
use super::server::{PASSWORD, USER, server};
use super::tls::unverified;
use super::wire::Endpoint;

/// What a proxy's configuration file will say. The default: one account, the shared scratch server, TLS where the client asks.
pub struct ProxyBuilder {
    backend: String,
    backend_keys: String,
    backend_tls: String,
    listener: String,
    listener_tls: String,
    accounts: String,
    log_format: &'static str,
    sections: String,
}

/// A running proxy; dropping it kills it.
pub struct Proxy {
    child: Child,
    port: u16,
    directory: TempDir,
}

impl Proxy {
    /// In front of the shared scratch server.
    pub fn builder() -> ProxyBuilder {
        Self::in_front_of(&format!("127.0.0.1:{}", server().port().unwrap()))
    }

    /// In front of whatever listens at `address`, written as the configuration writes addresses.
    pub fn in_front_of(address: &str) -> ProxyBuilder {
        ProxyBuilder {
            backend: address.to_owned(),
            backend_keys: String::new(),
            backend_tls: "mode = \"disabled\"".to_owned(),
            listener: String::new(),
            listener_tls: String::new(),
            accounts: format!("[[account]]\nuser = \"{USER}\"\npassword = \"{PASSWORD}\"\n"),
            log_format: "text",
            sections: String::new(),
        }
    }

    pub fn endpoint(&self) -> Endpoint {
        Endpoint::Tcp(self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn socket(&self) -> Endpoint {
        Endpoint::Unix(self.socket_path())
    }

    pub fn socket_path(&self) -> PathBuf {
        self.path("clients.sock")
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    /// A login here as the configured account.
    pub fn login(&self) -> Login {
        Login::new(self.endpoint(), USER, PASSWORD)
    }

    /// The same inside TLS, without verifying the certificate.
    pub fn tls_login(&self) -> Login {
        self.login().tls(&unverified(), "localhost")
    }

    /// Everything that was logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    /// Replaces the configuration file; the proxy does not look at it before [`Self::signal`] tells it to.
    pub fn configure(&self, builder: &ProxyBuilder) {
        fs::write(self.path("sealock.toml"), builder.text(self.directory.path())).unwrap();
    }

    /// Sends a signal by its name, such as `HUP`.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    /// Status line and body of a page of the admin address.
    pub fn page(&self, path: &str) -> std::io::Result<(u16, String)> {
        let mut stream = UnixStream::connect(self.path("admin.sock"))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Ok((status, body.to_owned()))
    }

    /// The sum of a metric over the series that have all these labels (`cause="garbage"`).
    pub fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let (status, text) = self.page("/metrics").unwrap();
        assert_eq!(status, 200);
        let values = text.lines().filter_map(|line| line.strip_prefix(name)).filter_map(|rest| {
            let exact = rest.starts_with([' ', '{']) && labels.iter().all(|label| rest.contains(label));
            exact.then(|| rest.rsplit(' ').next()?.parse::<f64>().ok()).flatten()
        });
        values.sum()
    }

    /// Resident memory in bytes.
    pub fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for the process to end by itself.
    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        eventually("the proxy ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.path("log")).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            println!("the proxy's log ends with:\n{}", lines[lines.len().saturating_sub(30)..].join("\n"));
        }
    }
}

impl ProxyBuilder {
    /// Another server, as the configuration writes addresses.
    pub fn backend(mut self, address: &str) -> Self {
        address.clone_into(&mut self.backend);
        self
    }

    /// Further lines of `[[backend]]`.
    pub fn backend_keys(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.backend_keys);
        self
    }

    /// The lines of `[backend.tls]`.
    pub fn backend_tls(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.backend_tls);
        self
    }

    /// Further lines of `[[listener]]`.
    pub fn listener(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.listener);
        self
    }

    /// The lines of `[listener.tls]`.
    pub fn tls(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.listener_tls);
        self
    }

    /// One more `[[account]]`.
    pub fn account(mut self, lines: &str) -> Self {
        let _ = write!(self.accounts, "[[account]]\n{lines}\n");
        self
    }

    /// Each client has a connection of its own: for tests of that, and in front of a backend that only plays a server.
    pub fn own_connections(mut self) -> Self {
        self.accounts = self.accounts.replace("[[account]]\n", "[[account]]\nmode = \"session\"\n");
        self
    }

    /// No account at all: every login is relayed.
    pub fn without_accounts(mut self) -> Self {
        self.accounts.clear();
        self
    }

    /// A whole section, its header included.
    pub fn section(mut self, text: &str) -> Self {
        let _ = writeln!(self.sections, "{text}");
        self
    }

    /// How the log is written: `text` unless said otherwise.
    pub fn log_format(mut self, format: &'static str) -> Self {
        self.log_format = format;
        self
    }

    pub fn start(&self) -> Proxy {
        let proxy = self.start_without_backend();
        eventually("a backend is reached", || proxy.page("/readyz").is_ok_and(|(status, _)| status == 200));
        proxy
    }

    /// Starts a proxy whose server may be away: waits for the listeners only.
    pub fn start_without_backend(&self) -> Proxy {
        let directory = tempfile::Builder::new().prefix("sealock-test-").tempdir().unwrap();
        fs::write(directory.path().join("sealock.toml"), self.text(directory.path())).unwrap();
        let log = File::create(directory.path().join("log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_sealock"))
            .args(["run", "-c"])
            .arg(directory.path().join("sealock.toml"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut proxy = Proxy { child, port: 0, directory };
        eventually("the proxy listens", || {
            let log = proxy.log();
            assert!(proxy.is_running(), "the proxy ended at once:\n{log}");
            proxy.port = port_in(&log).unwrap_or_default();
            proxy.port > 0 && log.lines().any(|line| line.contains("ready") && line.contains("pid"))
        });
        proxy
    }

    fn text(&self, directory: &Path) -> String {
        let Self {
            backend,
            backend_keys,
            backend_tls,
            listener,
            listener_tls,
            accounts,
            log_format,
            sections,
        } = self;
        let directory = directory.display();
        format!(
            "[[listener]]\nbind = [\"127.0.0.1:0\", \"unix:{directory}/clients.sock\"]\n{listener}\n\
             [listener.tls]\n{listener_tls}\n\
             [[backend]]\nname = \"db\"\naddress = \"{backend}\"\n{backend_keys}\n[backend.tls]\n{backend_tls}\n\
             {accounts}\n[admin]\nhttp = \"unix:{directory}/admin.sock\"\n[log]\nlevel = \"debug\"\nformat = \"{log_format}\"\n{sections}"
        )
    }
}

/// The port that the log says the proxy found.
fn port_in(log: &str) -> Option<u16> {
    let line = log.lines().find(|line| line.contains("listening") && line.contains("127.0.0.1:"))?;
    let (_, rest) = line.split_once("127.0.0.1:")?;
    rest.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

/// An address at which nobody listens and, while the socket lives, nobody else can.
pub fn deserted() -> (Socket, String) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    (socket, format!("127.0.0.1:{port}"))
}
