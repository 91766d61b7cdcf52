//! The shell that ends a program, and removes its directory, however our own process ends.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::app::scratch::ScratchError;

/// How long a server may take from its start until it greets.
pub(super) const START_DEADLINE: Duration = Duration::from_secs(60);

/// The shell that outlives us by as much as it takes to clean up. Its child's exit is told through the file `exited`.
#[derive(Debug)]
pub(super) struct Watchdog(pub(super) Child);

impl Watchdog {
    /// `$1` is the directory, `$2` the file that tells the exit, the rest a command line. Killed, not shut down: the data is removed
    /// anyway. What the command itself started may take a moment longer to end, hence the attempts.
    const SCRIPT: &'static str = r#"
        directory=$1; exited=$1/$2; shift 2
        exec 3<&0
        "$@" </dev/null >"$directory/server.log" 2>&1 3<&- &
        command=$!
        { read -r word <&3; [ -e "$exited" ] || kill -KILL "$command"; [ "$word" != leave ]; } 2>/dev/null &
        reader=$!
        wait "$command"; echo $? >"$exited"
        wait "$reader" || exit 0
        for _ in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$directory" && break; sleep 0.2; done
    "#;

    pub(super) fn spawn(
        program: &Path,
        directory: &Path,
        exited: &str,
        arguments: &[OsString],
    ) -> Result<Self, ScratchError> {
        let _ = fs::remove_file(directory.join(exited));
        Command::new("/bin/sh")
            .args(["-c", Self::SCRIPT, "sealock-scratch-watchdog"])
            .arg(directory)
            .arg(exited)
            .arg(program)
            .args(arguments)
            .process_group(0) // a Ctrl-C meant for us is not meant for the server
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map(Self)
            .map_err(|source| run_failed(program, source))
    }

    /// Waits for the command's exit code; none when the watchdog itself came to an end.
    pub(super) fn wait_until_exited(&mut self, exited: &Path) -> Option<i32> {
        loop {
            let code = fs::read_to_string(exited).ok().and_then(|code| code.trim().parse().ok());
            if code.is_some() || !matches!(self.0.try_wait(), Ok(None)) {
                return code;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Goes away and leaves the directory to another watchdog.
    pub(super) fn leave(mut self) {
        if let Some(pipe) = &mut self.0.stdin {
            let _ = pipe.write_all(b"leave\n");
        }
    }

    /// Waits for the server's first packet. A server that ended leaves its directory to the caller.
    pub(super) fn wait_until_greeting(&mut self, directory: &Path) -> Result<String, ScratchError> {
        let begun = Instant::now();
        while begun.elapsed() < START_DEADLINE {
            if let Some(version) = greeted_version(&directory.join("server.sock")) {
                return Ok(version);
            }
            if directory.join("exited").exists() {
                let _ = self.0.kill();
                return Err(ScratchError::Exited { log: tail(&directory.join("server.log")) });
            }
            thread::sleep(Duration::from_millis(10));
        }
        Err(ScratchError::Silent { log: tail(&directory.join("server.log")) })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// The version in the server's first packet, if it sends one.
pub(super) fn greeted_version(socket: &Path) -> Option<String> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    let mut packet = [0; 128];
    let length = stream.read(&mut packet).ok()?;
    let version = packet.get(5..length)?.split(|&byte| byte == 0).next()?;
    let version = String::from_utf8_lossy(version);
    (packet[4] == 10).then(|| version.trim_start_matches("5.5.5-").to_owned())
}

pub(super) fn run_failed(program: &Path, source: io::Error) -> ScratchError {
    ScratchError::Run { program: program.to_owned(), source }
}

pub(super) fn tail(file: &Path) -> String {
    last_lines(&fs::read_to_string(file).unwrap_or_default())
}

pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}
