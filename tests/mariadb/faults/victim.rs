//! A server that can be killed, started again on the same data, and stopped for a while.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::ffi::OsStringExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use sealock::app::scratch::ScratchServer;

use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::Login;
use crate::support::server::own_server_with;
use crate::support::wire::Endpoint;

/// A server of the test's own; whichever process it is at the moment ends with the value, or with ours.
pub struct Victim {
    process: Mutex<Process>,
    command: Vec<OsString>,
    server: ScratchServer,
}

struct Process {
    pid: u32,
    /// Who ends it, if it is not the first.
    watchdog: Option<Watchdog>,
}

/// A shell that kills the server when our end of its pipe closes.
struct Watchdog(Child);

const SCRIPT: &str = r#"exec 3<&0; "$@" </dev/null >/dev/null 2>&1 3<&- & echo $!; read -r _ <&3; kill -KILL $! 2>/dev/null; wait"#;

impl Victim {
    pub fn start() -> Self {
        // What was committed has reached the system: it outlives the process.
        let server = own_server_with(&["--innodb-flush-log-at-trx-commit=2", "--innodb-doublewrite=ON"]);
        let file = fs::read_to_string(server.directory().join("server.pid")).unwrap();
        let pid = file.trim().parse().unwrap();
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap();
        let words = line.split(|&byte| byte == 0).filter(|word| !word.is_empty());
        // What is run at the first start would fail at the second.
        let words = words.filter(|word| !word.starts_with(b"--init-file"));
        let command = words.map(|word| OsString::from_vec(word.to_vec())).collect();
        Self { process: Mutex::new(Process { pid, watchdog: None }), command, server }
    }

    pub fn server(&self) -> &ScratchServer {
        &self.server
    }

    /// `kill -9`.
    pub fn crash(&self) {
        self.signal("KILL");
        let mut process = self.process.lock().unwrap();
        let stat = format!("/proc/{}/stat", process.pid);
        eventually("the server has gone", || {
            fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "))
        });
        process.watchdog = None;
    }

    /// Starts it again after a crash, on the same data and the same port.
    pub fn restart(&self) {
        let (pid, watchdog) = Watchdog::start(&self.command);
        *self.process.lock().unwrap() = Process { pid, watchdog: Some(watchdog) };
        let login = Login::new(Endpoint::Unix(self.server.socket()), "root", "");
        eventually("the server is back", || RawClient::connect(&login).is_ok());
    }

    /// It does nothing any more until [`Self::resume`]; its connections stay open.
    pub fn stop(&self) {
        self.signal("STOP");
    }

    pub fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let pid = self.process.lock().unwrap_or_else(PoisonError::into_inner).pid;
        let sent = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status();
        assert!(sent.unwrap().success(), "kill -{name} {pid}");
    }
}

impl Watchdog {
    fn start(command: &[OsString]) -> (u32, Self) {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "watchdog"])
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(shell.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (line.trim().parse().unwrap(), Self(shell))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
