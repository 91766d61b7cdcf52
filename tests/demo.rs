//! `sealock demo` as a new user meets it: the real program, with a real MariaDB server, on free ports.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what does not work fails the test")]

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A directory for temporary files that the server's user may enter; what a demo leaves behind is found there.
struct Temporary(TempDir);

impl Temporary {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        Self(directory)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn demo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealock"));
        command.arg("demo").args(arguments).env("TMPDIR", self.path());
        command
    }

    /// A directory for programs, not counted as left behind.
    fn program(&self, name: &str, script: &str) -> TempDir {
        let directory = TempDir::new().unwrap();
        let file = directory.path().join(name);
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        fs::write(&file, script).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o755)).unwrap();
        directory
    }

    fn left_behind(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn assert_empty(&self) {
        assert_eq!(self.left_behind(), Vec::<String>::new(), "left behind");
    }
}

const FREE: [&str; 4] = ["--port", "0", "--admin-port", "0"];

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// It ended with exit code 1 and one line that says so; nothing else went wrong on the way.
fn failure(output: &Output) -> String {
    let complaint = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert!(!complaint.contains("panicked"), "{complaint}");
    complaint
}

/// A demo that stays, once it has said everything.
struct Running {
    child: Child,
    said: String,
}

impl Running {
    fn start(temporary: &Temporary) -> Self {
        let mut child = temporary.demo(&FREE).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = String::new();
        while !said.contains("Ctrl-C") {
            said += &lines.next().unwrap_or_else(|| panic!("it ended after\n{said}")).unwrap();
            said.push('\n');
        }
        // Whatever else it says has to go somewhere.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, said }
    }

    fn line(&self, word: &str) -> &str {
        let found = self.said.lines().find(|line| line.contains(word));
        found.unwrap_or_else(|| panic!("no {word} in\n{}", self.said)).trim()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn once_shows_what_was_negotiated_and_leaves_nothing_behind() {
    let temporary = Temporary::new();
    let output = temporary.demo(&FREE).arg("--once").output().unwrap();
    let (said, complaint) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}{complaint}");
    for part in
        ["starting MariaDB", "verified", "TLSv1.3", "TLS_AES_", "X25519MLKEM768", "greets demo@localhost"]
    {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert_eq!(complaint, "", "no log noise");
    temporary.assert_empty();
}

#[test]
fn the_lines_to_copy_work_and_an_interrupt_removes_everything() {
    let temporary = Temporary::new();
    let mut demo = Running::start(&temporary);
    for (option, cipher) in [("--ssl-verify-server-cert", "TLS_AES_"), ("--skip-ssl", "Not in use")] {
        let line = format!("{} -e '\\s'", demo.line(option));
        let output = Command::new("/bin/sh").args(["-c", &line]).output().unwrap();
        let status = text(&output.stdout);
        let shown = status.lines().find(|line| line.starts_with("SSL:")).unwrap_or_default();
        assert!(shown.contains(cipher), "{line}: {status}{}", text(&output.stderr));
    }
    let ca = demo.line("mysql+pymysql://").split("ssl_ca=").nth(1).unwrap();
    assert!(fs::read_to_string(ca).unwrap().contains("BEGIN CERTIFICATE"));
    assert!(
        metrics(demo.line("curl")).contains("sealock_client_connections_total{transport=\"plaintext\"} 1")
    );
    demo.signal(Signal::INT);
    assert_eq!(demo.child.wait().unwrap().code(), Some(0));
    temporary.assert_empty();
}

/// What `curl http://127.0.0.1:PORT/metrics` would show.
fn metrics(line: &str) -> String {
    let address = line.strip_prefix("curl http://").and_then(|rest| rest.strip_suffix("/metrics")).unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_killed_demo_takes_its_server_along() {
    let temporary = Temporary::new();
    let mut demo = Running::start(&temporary);
    assert_eq!(temporary.left_behind().len(), 1);
    demo.signal(Signal::KILL);
    demo.child.wait().unwrap();
    let begun = Instant::now();
    while !temporary.left_behind().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?} stays", temporary.left_behind());
        std::thread::yield_now();
    }
}

#[test]
fn a_signal_while_the_server_starts_removes_everything() {
    let temporary = Temporary::new();
    let mut child = temporary.demo(&FREE).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("creating the system tables")));
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    lines.for_each(drop);
    assert!(failure(&child.wait_with_output().unwrap()).contains("stopped before it was ready"));
    temporary.assert_empty();
}

#[test]
fn a_taken_port_is_named_before_anything_is_started() {
    let temporary = Temporary::new();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (arguments, option) in [
        (["--port", &port, "--admin-port", "0"], "--port"),
        (["--port", "0", "--admin-port", &port], "--admin-port"),
    ] {
        let output = temporary.demo(&arguments).output().unwrap();
        let complaint = failure(&output);
        assert!(complaint.contains(&format!("port {port} ")) && complaint.contains(option), "{complaint}");
        assert_eq!((complaint.lines().count(), text(&output.stdout)), (1, String::new()), "{complaint}");
    }
    temporary.assert_empty();
}

#[test]
fn without_mariadb_the_package_to_install_is_named() {
    let temporary = Temporary::new();
    let complaint = failure(&temporary.demo(&FREE).env("PATH", "/nonexistent").output().unwrap());
    assert!(complaint.contains("not installed") && complaint.contains("mariadb-server"), "{complaint}");
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    temporary.assert_empty();
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let temporary = Temporary::new();
    let output = temporary.demo(&FREE).env("TMPDIR", "/proc/nowhere").output().unwrap();
    let complaint = failure(&output);
    assert!(complaint.contains("/proc/nowhere") && complaint.contains("TMPDIR"), "{complaint}");
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
}

#[test]
fn a_self_check_that_fails_is_a_failure() {
    let temporary = Temporary::new();
    // The demo's account is missing from this server, so that the proxy works and cannot log in.
    let bare =
        temporary.program("mariadbd", &format!("#!/bin/sh\nexec {} \"$@\" --init-file=\n", mariadbd()));
    let path = format!("{}:{}", bare.path().display(), std::env::var("PATH").unwrap());
    let output = temporary.demo(&FREE).arg("--once").env("PATH", path).output().unwrap();
    let complaint = failure(&output);
    assert!(complaint.contains("the self-check failed"), "{complaint}");
    assert!(!text(&output.stdout).contains("It works"), "{complaint}");
    temporary.assert_empty();
}

fn mariadbd() -> String {
    let path = std::env::var("PATH").unwrap();
    let directories = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let mut programs = directories.map(|directory| directory.join("mariadbd"));
    programs.find(|program| program.is_file()).unwrap().display().to_string()
}
