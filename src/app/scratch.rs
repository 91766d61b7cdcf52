//! Throw-away MariaDB servers: what `sealock demo`, the integration tests and the benchmarks run against.
//!
//! A [`ScratchServer`] is a freshly installed server in a directory of its own. It listens on a unix socket in that directory and,
//! where asked for, on a free TCP port of 127.0.0.1; `root` has no password and can come in through the unix socket only, which nobody
//! but the server's and our own user can reach.
//!
//! Invariant: server and directory are gone soon after the value is dropped *or our process ended in any way*. A shell that
//! holds the read end of a pipe sees to that, while the system tables are made and while the server runs: it kills what runs and
//! removes the directory when the pipe closes. Everything
//! here blocks; call it from a thread that may wait (a start takes about a second).

mod server_user;
mod watchdog;

use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::{env, fs};

use thiserror::Error;

use crate::app::scratch::server_user::ServerUser;
use crate::app::scratch::watchdog::{START_DEADLINE, Watchdog, run_failed, tail};

/// How often another port is tried when somebody took the one that was free a moment ago.
const PORT_ATTEMPTS: u32 = 5;

/// What a scratch server is to be like; the default is a unix socket and nothing else.
#[derive(Debug, Default, Clone)]
pub struct Options {
    /// Where the server's directory is made (a new one inside this one); the system's directory for temporary files unless given.
    pub directory: Option<PathBuf>,
    /// The server program; `mariadbd` from the search path and the usual directories unless given.
    pub binary: Option<PathBuf>,
    /// Listen on a free TCP port of 127.0.0.1 too.
    pub tcp: bool,
    /// Networks from which the server takes PROXY headers (`proxy_protocol_networks`), such as `127.0.0.1, localhost`.
    pub proxy_protocol_networks: Option<String>,
    /// The server's own TLS files; without them it offers none (MariaDB before 11.4).
    pub tls: Option<TlsFiles>,
    /// SQL that is run as root before the first client is let in: one statement an entry, no line breaks.
    pub statements: Vec<String>,
    /// More arguments for the server; they win over ours.
    pub arguments: Vec<OsString>,
}

/// The PEM files of a server that does TLS itself. The user that the server runs as must be able to read them.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The CA that client certificates are checked against.
    pub ca: PathBuf,
}

/// A running server; dropping it kills it and removes its directory.
#[derive(Debug)]
pub struct ScratchServer {
    directory: PathBuf,
    port: Option<u16>,
    version: String,
    _watchdog: Watchdog,
}

/// Why there is no scratch server; each message says what to do about it.
#[derive(Debug, Error)]
pub enum ScratchError {
    /// A program of the server is neither on the search path nor in the usual directories.
    #[error(
        "{program} is not installed: install a MariaDB server (Debian and Ubuntu: apt-get install mariadb-server)"
    )]
    NotInstalled {
        /// The program that was looked for.
        program: &'static str,
    },
    /// The directory cannot be made or handed to the server's user.
    #[error("cannot prepare a directory in {path}: set TMPDIR to one that can be written")]
    Directory {
        /// The directory in which it was tried.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The server's user cannot reach what is in the directory.
    #[error(
        "the server runs as user {user}, to whom {path} is closed: set TMPDIR to a directory below which everybody may go, such as /tmp"
    )]
    Closed {
        /// The directory that is closed.
        path: PathBuf,
        /// The server's user.
        user: &'static str,
    },
    /// A program was found and does not start.
    #[error("cannot run {program}")]
    Run {
        /// The program that was tried.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Making the system tables failed.
    #[error("mariadb-install-db failed; it ended with:\n{output}")]
    Install {
        /// The end of what it wrote.
        output: String,
    },
    /// The server ended before it greeted.
    #[error("the scratch MariaDB server did not start; its log ends with:\n{log}")]
    Exited {
        /// The end of its log.
        log: String,
    },
    /// The server runs and does not greet.
    #[error("the scratch MariaDB server did not answer within {} s; its log ends with:\n{log}", START_DEADLINE.as_secs())]
    Silent {
        /// The end of its log.
        log: String,
    },
}

impl ScratchServer {
    /// Installs and starts a server, telling `progress` each step in a few words, and returns once it greets.
    ///
    /// # Errors
    /// Where something is missing or the server does not come up. Nothing is left behind then.
    pub fn start(options: &Options, progress: &mut dyn FnMut(&str)) -> Result<Self, ScratchError> {
        let program = locate(options.binary.as_deref(), "mariadbd")?;
        let installer = locate(None, "mariadb-install-db")?;
        let account = ServerUser::choose();
        let parent = options.directory.clone().unwrap_or_else(env::temp_dir);
        let directory = account
            .make_directory(&parent)
            .map_err(|source| ScratchError::Directory { path: parent, source })?;
        account.check_way_to(directory.path())?;
        progress("creating the system tables");
        let installed = install(&installer, directory.path(), &account)?;
        write_init_file(directory.path(), &options.statements)?;
        progress("starting MariaDB");
        let mut left = PORT_ATTEMPTS;
        loop {
            left -= 1;
            let port =
                options.tcp.then(free_port).transpose().map_err(|source| run_failed(&program, source))?;
            let arguments = server_arguments(directory.path(), port, options, &account);
            let mut watchdog = Watchdog::spawn(&program, directory.path(), "exited", &arguments)?;
            match watchdog.wait_until_greeting(directory.path()) {
                Ok(version) => {
                    installed.leave();
                    let directory = directory.keep(); // the watchdog removes it
                    return Ok(Self { directory, port, version, _watchdog: watchdog });
                }
                Err(ScratchError::Exited { log }) if left > 0 && log.contains("already in use") => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The unix socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.join("server.sock")
    }

    /// The TCP port on 127.0.0.1, where one was asked for.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// The version that the server announces, such as `10.11.6-MariaDB`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The server's directory: log, data and sockets. It goes away with the server.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Ends the server now, as a crash would: no connection is told anything, nothing is flushed.
    pub fn kill(self) {}
}

fn locate(given: Option<&Path>, program: &'static str) -> Result<PathBuf, ScratchError> {
    if let Some(path) = given {
        return Ok(path.to_owned());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let usual =
        ["/usr/sbin", "/usr/local/sbin", "/usr/local/mysql/bin", "/opt/homebrew/bin"].map(PathBuf::from);
    env::split_paths(&path)
        .chain(usual)
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file())
        .ok_or(ScratchError::NotInstalled { program })
}

/// Makes the system tables. The directory is watched over until the server's own watchdog does.
fn install(installer: &Path, directory: &Path, account: &ServerUser) -> Result<Watchdog, ScratchError> {
    let mut arguments: Vec<OsString> = [
        "--no-defaults",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        "--skip-name-resolve",
        "--innodb-log-file-size=8M",
        "--innodb-buffer-pool-size=16M",
    ]
    .map(OsString::from)
    .into();
    arguments.push(joined("--datadir=", &directory.join("data")));
    arguments.push(joined("--tmpdir=", &directory.join("tmp")));
    arguments.extend(account.argument());
    let mut watchdog = Watchdog::spawn(installer, directory, "installed", &arguments)?;
    match watchdog.wait_until_exited(&directory.join("installed")) {
        Some(0) => Ok(watchdog),
        _ => Err(ScratchError::Install { output: tail(&directory.join("server.log")) }),
    }
}

/// The installer also makes `root` accounts for TCP; with an empty password they would be open to everyone on this machine.
fn write_init_file(directory: &Path, statements: &[String]) -> Result<(), ScratchError> {
    let only_socket = "DELETE FROM mysql.global_priv WHERE User <> 'mariadb.sys' AND Host <> 'localhost'";
    let mut lines = vec!["SET sql_log_bin = 0", only_socket, "FLUSH PRIVILEGES"];
    lines.extend(statements.iter().map(String::as_str));
    let text: String = lines.iter().flat_map(|line| [line, ";\n"]).collect();
    fs::write(directory.join("init.sql"), text)
        .map_err(|source| ScratchError::Directory { path: directory.to_owned(), source })
}

fn server_arguments(
    directory: &Path,
    port: Option<u16>,
    options: &Options,
    account: &ServerUser,
) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["--no-defaults".into()];
    arguments.extend(account.argument());
    for (flag, file) in [
        ("--datadir=", "data"),
        ("--socket=", "server.sock"),
        ("--pid-file=", "server.pid"),
        ("--init-file=", "init.sql"),
        ("--tmpdir=", "tmp"),
    ] {
        arguments.push(joined(flag, &directory.join(file)));
    }
    match port {
        Some(port) => arguments.extend(["--bind-address=127.0.0.1".into(), format!("--port={port}").into()]),
        None => arguments.push("--skip-networking".into()),
    }
    arguments.extend(SMALL_SERVER.map(OsString::from));
    if let Some(networks) = &options.proxy_protocol_networks {
        arguments.push(format!("--proxy-protocol-networks={networks}").into());
    }
    if let Some(tls) = &options.tls {
        arguments.extend(
            [("--ssl-cert=", &tls.certificate), ("--ssl-key=", &tls.key), ("--ssl-ca=", &tls.ca)]
                .map(|(f, p)| joined(f, p)),
        );
    }
    arguments.extend(options.arguments.iter().cloned());
    arguments
}

/// Small and quick to start; durability is of no use to data that is thrown away.
const SMALL_SERVER: [&str; 9] = [
    "--skip-name-resolve",
    "--skip-log-bin",
    "--local-infile=1",
    "--max-connections=1000",
    "--max-allowed-packet=1G",
    "--innodb-buffer-pool-size=32M",
    "--innodb-log-file-size=8M",
    "--innodb-flush-log-at-trx-commit=0",
    "--loose-skip-innodb-doublewrite",
];

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn joined(flag: &str, path: &Path) -> OsString {
    let mut argument = OsString::from(flag);
    argument.push(path);
    argument
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::app::scratch::server_user::user_ids;

    fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < Duration::from_secs(10), "{what}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_dropped_server_leaves_nothing_behind() {
        let mut steps = Vec::new();
        let server = ScratchServer::start(&Options { tcp: true, ..Options::default() }, &mut |step| {
            steps.push(step.to_owned());
        })
        .expect("a server starts");
        let (directory, socket, port) = (server.directory().to_owned(), server.socket(), server.port());
        let mode = fs::metadata(&directory).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "others could come in as root");
        assert!(server.version().contains("MariaDB") && socket.exists() && steps.len() == 2);
        let port = port.expect("asked for TCP");
        std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it listens");
        drop(server);
        assert!(!directory.exists());
        assert!(std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
    }

    #[test]
    fn a_server_that_does_not_start_is_told_with_the_reason_in_its_log() {
        let options = Options { arguments: vec!["--no-such-option".into()], ..Options::default() };
        let error = ScratchServer::start(&options, &mut |_| {}).expect_err("the option is unknown");
        assert!(error.to_string().contains("no-such-option"), "{error}");
    }

    #[test]
    fn a_missing_program_is_told_with_the_package_to_install() {
        let error = locate(None, "no-such-program").expect_err("it is not there");
        assert!(error.to_string().contains("mariadb-server"));
    }

    #[test]
    fn the_watchdog_cleans_up_when_nobody_is_left_to_drop_it() {
        let directory = tempfile::tempdir().expect("a directory").keep();
        let mut watchdog = Watchdog::spawn(Path::new("/bin/sleep"), &directory, "exited", &["1000".into()])
            .expect("a shell");
        drop(watchdog.0.stdin.take());
        eventually("the directory goes away", || !directory.exists());
        std::mem::forget(watchdog);
    }

    #[test]
    fn a_watchdog_that_is_told_to_leave_removes_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut watchdog =
            Watchdog::spawn(Path::new("/bin/true"), directory.path(), "installed", &[]).expect("a shell");
        assert_eq!(watchdog.wait_until_exited(&directory.path().join("installed")), Some(0));
        watchdog.leave(); // waits for the shell to end
        assert!(directory.path().join("installed").exists());
    }

    #[test]
    fn a_directory_that_the_servers_user_cannot_enter_is_named() {
        let closed = tempfile::tempdir().expect("a directory");
        fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).expect("our own");
        let account = ServerUser { name: Some("mysql"), ids: Some((1, 1)) };
        let error = account.check_way_to(&closed.path().join("inner")).expect_err("it is closed").to_string();
        assert!(error.contains(&closed.path().display().to_string()) && error.contains("TMPDIR"), "{error}");
    }

    #[test]
    fn ids_come_from_the_line_of_that_user() {
        let passwd = "root:x:0:0::/root:/bin/sh\nmysql2:x:1:1::/:/bin/sh\nmysql:x:101:102::/:/bin/false\n";
        assert_eq!(user_ids(passwd, "mysql"), Some((101, 102)));
        assert_eq!(user_ids(passwd, "nobody"), None);
    }
}
