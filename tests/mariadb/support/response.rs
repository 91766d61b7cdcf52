//! Where a response ends, told by rules of the test's own and as simple as the protocol allows.

use std::io;

use super::capabilities::{CACHE_METADATA, DEPRECATE_EOF};
use super::wire::{MAX_FRAME, Packet, Wire};

const MORE_RESULTS: u16 = 0x8;
const CURSOR_EXISTS: u16 = 0x40;

/// What kind of response a command has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// OK, ERR, a file request or result sets, as many as there are.
    Results,
    /// A prepared statement and its definitions.
    Prepared,
    /// Definitions without a count.
    FieldList,
    /// Rows without definitions.
    Rows,
    /// One packet.
    One,
    /// Nothing at all.
    Silence,
}

/// Reads one response.
pub struct Reader<'a> {
    pub wire: &'a mut Wire,
    pub capabilities: u64,
    /// What to send when the server asks for a file; each entry is a packet.
    pub file: &'a [Vec<u8>],
    packets: Vec<Packet>,
}

impl<'a> Reader<'a> {
    pub fn new(wire: &'a mut Wire, capabilities: u64, file: &'a [Vec<u8>]) -> Self {
        Self { wire, capabilities, file, packets: Vec::new() }
    }

    pub fn read(mut self, kind: Kind) -> io::Result<Vec<Packet>> {
        match kind {
            Kind::Results => while self.result()? {},
            Kind::Prepared => self.prepared()?,
            Kind::FieldList | Kind::Rows => loop {
                let packet = self.next()?;
                if self.is_end(&packet) {
                    break;
                }
            },
            Kind::One => drop(self.next()?),
            Kind::Silence => {}
        }
        Ok(self.packets)
    }

    fn next(&mut self) -> io::Result<Vec<u8>> {
        let packet = self.wire.read()?;
        self.packets.push(packet.clone());
        Ok(packet.payload)
    }

    /// Reads one result and tells whether another follows.
    fn result(&mut self) -> io::Result<bool> {
        let first = self.next()?;
        match first.first() {
            Some(0) => return Ok(ok_status(&first) & MORE_RESULTS != 0),
            Some(0xff) => return Ok(false),
            Some(0xfb) => {
                for part in self.file {
                    self.wire.write(part)?;
                }
                self.wire.write(&[])?;
                return self.result();
            }
            _ => {}
        }
        let (columns, length) = lenenc(&first);
        let described = self.capabilities & CACHE_METADATA == 0 || first.get(length) == Some(&1);
        if described {
            self.definitions(columns)?;
        }
        if self.capabilities & DEPRECATE_EOF == 0 {
            let end = self.next()?;
            if end[0] == 0xff || eof_status(&end) & CURSOR_EXISTS != 0 {
                return Ok(false);
            }
        }
        loop {
            let packet = self.next()?;
            if self.is_end(&packet) {
                return Ok(packet[0] != 0xff && self.end_status(&packet) & MORE_RESULTS != 0);
            }
        }
    }

    fn prepared(&mut self) -> io::Result<()> {
        let first = self.next()?;
        if first[0] == 0xff {
            return Ok(());
        }
        for count in [u16::from_le_bytes([first[7], first[8]]), u16::from_le_bytes([first[5], first[6]])] {
            self.definitions(u64::from(count))?;
            if count > 0 && self.capabilities & DEPRECATE_EOF == 0 {
                self.next()?;
            }
        }
        Ok(())
    }

    fn definitions(&mut self, count: u64) -> io::Result<()> {
        (0..count).try_for_each(|_| self.next().map(drop))
    }

    /// Whether a packet among rows or definitions is none.
    fn is_end(&self, payload: &[u8]) -> bool {
        let longest = if self.capabilities & DEPRECATE_EOF == 0 { 8 } else { MAX_FRAME - 1 };
        payload[0] == 0xff || payload[0] == 0xfe && payload.len() <= longest
    }

    fn end_status(&self, payload: &[u8]) -> u16 {
        if self.capabilities & DEPRECATE_EOF == 0 { eof_status(payload) } else { ok_status(payload) }
    }
}

/// The status of an OK packet, or of an OK packet in an EOF's place.
pub fn ok_status(payload: &[u8]) -> u16 {
    let after_rows = 1 + lenenc(&payload[1..]).1;
    let at = after_rows + lenenc(&payload[after_rows..]).1;
    u16::from_le_bytes([payload[at], payload[at + 1]])
}

fn eof_status(payload: &[u8]) -> u16 {
    u16::from_le_bytes([payload[3], payload[4]])
}

/// A length-encoded integer, and how many bytes it takes.
pub fn lenenc(bytes: &[u8]) -> (u64, usize) {
    let number =
        |length: usize| bytes[1..=length].iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte));
    match bytes[0] {
        0xfc => (number(2), 3),
        0xfd => (number(3), 4),
        0xfe => (number(8), 9),
        small => (u64::from(small), 1),
    }
}
