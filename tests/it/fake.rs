//! A backend that does what its script says, whatever a server would do.
//!
//! A script runs once for every connection, in a thread of its own, and the connection closes when it ends. What the proxy
//! does of its own accord (probing, resetting, killing) is answered as a server answers it, so that a script deals with
//! clients only.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::support::wire::MAX_FRAME;

/// OK, autocommit.
pub const OK: &[u8] = b"\x00\x00\x00\x02\x00\x00\x00";
/// OK, and another result follows.
pub const OK_AND_MORE: &[u8] = b"\x00\x00\x00\x0a\x00\x00\x00";
/// The OK that ends rows.
pub const END: &[u8] = b"\xfe\x00\x00\x02\x00\x00\x00";
/// The definition of a column called `1`.
pub const COLUMN: &[u8] = b"\x03def\x00\x00\x00\x011\x00\x0c\x3f\x00\x01\x00\x00\x00\x03\x81\x00\x00\x00";

/// Capabilities of MariaDB 10.11 without TLS.
pub const CAPABILITIES: u64 = 0x1d_81bf_f7fe;
/// The flag that offers TLS.
pub const TLS: u64 = 0x800;

/// A listening backend; it stops to listen when dropped.
pub struct Backend {
    port: u16,
    over: Arc<AtomicBool>,
}

/// The other end of one connection: the proxy.
pub struct Peer {
    stream: TcpStream,
    sequence: u8,
    /// How many connections there were before this one. The first is the proxy's own probe.
    pub number: usize,
    /// Who logged in.
    pub user: String,
    /// What was asked for at the login.
    pub capabilities: u64,
}

impl Backend {
    /// A backend that plays this script to everybody.
    pub fn playing(script: impl Fn(&mut Peer) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let backend = Self { port: listener.local_addr().unwrap().port(), over: Arc::default() };
        let (over, script) = (Arc::clone(&backend.over), Arc::new(script));
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let (mut peer, script) = (Peer::new(stream.unwrap(), number), Arc::clone(&script));
                // An error is the proxy's hanging up; what a test expects, it looks for on the client's side.
                thread::spawn(move || script(&mut peer));
            }
        });
        backend
    }

    /// As the configuration writes addresses.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Peer {
    fn new(stream: TcpStream, number: usize) -> Self {
        stream.set_nodelay(true).unwrap();
        Self { stream, sequence: 0, number, user: String::new(), capabilities: 0 }
    }

    /// Closes the connection for both sides, at once.
    pub fn hang_up(&mut self) -> io::Result<()> {
        self.stream.shutdown(std::net::Shutdown::Both)
    }

    /// Greets, takes any proof for good, and says OK.
    pub fn let_in(&mut self) -> io::Result<()> {
        self.send(&greeting(CAPABILITIES))?;
        self.introduction()?;
        self.send(OK)
    }

    /// The same with an AuthSwitchRequest in between.
    pub fn let_in_after_a_switch(&mut self) -> io::Result<()> {
        self.send(&greeting(CAPABILITIES))?;
        self.introduction()?;
        self.send(&switch())?;
        self.packet()?;
        self.send(OK)
    }

    /// Reads who logs in.
    pub fn introduction(&mut self) -> io::Result<()> {
        let response = self.packet()?;
        let number = |at: usize| u64::from(u32::from_le_bytes(response[at..at + 4].try_into().unwrap()));
        self.capabilities = number(0) | number(28) << 32;
        self.user =
            String::from_utf8_lossy(response[32..].split(|&byte| byte == 0).next().unwrap()).into_owned();
        Ok(())
    }

    /// The next command of a client.
    pub fn command(&mut self) -> io::Result<Vec<u8>> {
        loop {
            let command = self.packet()?;
            if !self.housekeeping(&command)? {
                return Ok(command);
            }
        }
    }

    /// Answers what the proxy asks for itself; `false` when this is a client's command.
    pub fn housekeeping(&mut self, command: &[u8]) -> io::Result<bool> {
        let text = String::from_utf8_lossy(command).into_owned();
        match command.first() {
            Some(0x01) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Some(0x11) => {
                self.send(&switch())?;
                self.packet()?;
                self.send(OK)?;
            }
            Some(0x1f) => self.send(OK)?,
            Some(0x03) if text.contains("KILL ") => self.send(OK)?,
            Some(0x03) if text.contains("CURRENT_ROLE()") => {
                [b"\x01", COLUMN, END].iter().try_for_each(|packet| self.send(packet))?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The next packet, whatever it is.
    pub fn packet(&mut self) -> io::Result<Vec<u8>> {
        let mut payload = Vec::new();
        loop {
            let mut header = [0; 4];
            self.stream.read_exact(&mut header)?;
            let length = usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
            let start = payload.len();
            payload.resize(start + length, 0);
            self.stream.read_exact(&mut payload[start..])?;
            self.sequence = header[3].wrapping_add(1);
            if length < MAX_FRAME {
                return Ok(payload);
            }
        }
    }

    /// Sends a packet with the sequence id that is due.
    pub fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        let bytes = packets(self.sequence, &[payload]);
        self.sequence = self.sequence.wrapping_add(1);
        self.send_raw(&bytes)
    }

    /// Sends bytes as they are.
    pub fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends bytes in pieces of this size, each with a write of its own.
    pub fn send_in_pieces(&mut self, bytes: &[u8], size: usize) -> io::Result<()> {
        bytes.chunks(size).try_for_each(|piece| self.send_raw(piece))
    }

    /// Says nothing any more; returns what came before the proxy hung up.
    pub fn hang(&mut self) -> io::Result<Vec<u8>> {
        let mut heard = Vec::new();
        self.stream.read_to_end(&mut heard)?;
        Ok(heard)
    }
}

/// Packets with ascending sequence ids, all of them short.
pub fn packets(first: u8, payloads: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut sequence = first;
    for payload in payloads {
        bytes.extend_from_slice(&(payload.len() as u32).to_le_bytes()[..3]);
        bytes.push(sequence);
        bytes.extend_from_slice(payload);
        sequence = sequence.wrapping_add(1);
    }
    bytes
}

/// A greeting as MariaDB 10.11 sends it.
pub fn greeting(capabilities: u64) -> Vec<u8> {
    greeting_with_salt_length(capabilities, 21)
}

/// The same, with another length announced for the salt; the salt stays as it is.
pub fn greeting_with_salt_length(capabilities: u64, length: u8) -> Vec<u8> {
    let flags = capabilities.to_le_bytes();
    [
        b"\x0a5.5.5-10.11.6-MariaDB\0\x4d\0\0\0",
        b"saltsalt\0".as_slice(),
        &flags[..2],
        b"\x2d\x02\x00",
        &flags[2..4],
        &[length],
        &[0; 6],
        &flags[4..],
        b"andmoresalt!\0mysql_native_password\0",
    ]
    .concat()
}

/// An AuthSwitchRequest for mysql_native_password.
pub fn switch() -> Vec<u8> {
    b"\xfemysql_native_password\0another salt20 bytes\0".to_vec()
}

/// An ERR packet.
pub fn error(code: u16, text: &str) -> Vec<u8> {
    [&[0xff][..], &code.to_le_bytes(), text.as_bytes()].concat()
}
