//! Runs one script directly and elsewhere, and compares what came back packet by packet.

use super::capabilities::{BASE, DEPRECATE_EOF, SESSION_TRACK};
use super::client::{Exchange, RawClient};
use super::login::Login;
use super::response::lenenc;
use super::server::{PASSWORD, USER, root};
use super::wire::Endpoint;

/// How to turn a login at the server into one elsewhere, and what to call that.
pub type WayIn<'a> = (&'a str, &'a dyn Fn(Login) -> Login);

/// The four ways of reading responses that clients negotiate.
pub const DIALECTS: [u64; 4] = [0, DEPRECATE_EOF, SESSION_TRACK, DEPRECATE_EOF | SESSION_TRACK];

const CURSOR_EXISTS: u16 = 0x40;
const STATE_CHANGED: u16 = 0x4000;
/// How the two errors begin whose text names a statement's id.
const ACCESS_DENIED: [u8; 3] = [0xff, 0x15, 0x04];
const UNKNOWN_STATEMENT: [u8; 3] = [0xff, 0xdb, 0x04];
const NO_CURSOR: [u8; 3] = [0xff, 0x8d, 0x05];

/// One promise: whatever `script` does in a fresh schema `name`, its answers are the same in both places.
pub struct Comparison<'a> {
    /// Also the name of the schema, so that metadata agrees.
    pub name: &'a str,
    /// Capabilities beside the basic ones and the dialect.
    pub capabilities: u64,
    pub script: &'a dyn Fn(&mut RawClient),
}

impl Comparison<'_> {
    /// Runs the script once directly and once with each way in, in each of the dialects.
    pub fn run(&self, here: &Endpoint, dialects: &[u64], ways_in: &[WayIn<'_>]) {
        for &dialect in dialects {
            let login = Login::new(here.clone(), USER, PASSWORD)
                .schema(self.name)
                .capabilities(BASE | self.capabilities | dialect);
            let expected = self.transcript(&login);
            for (way, way_in) in ways_in {
                let found = self.transcript(&way_in(login.clone()));
                let place = format!("{} in dialect {dialect:#x} {way}", self.name);
                assert_same(&place, &expected, &found, dialect);
            }
        }
    }

    fn transcript(&self, login: &Login) -> Vec<Exchange> {
        let mut admin = root();
        admin.run(&format!("DROP DATABASE IF EXISTS {}", self.name));
        admin.run(&format!("CREATE DATABASE {} CHARACTER SET utf8mb4", self.name));
        let mut client = RawClient::connect(login).unwrap_or_else(|error| panic!("{}: {error:?}", self.name));
        (self.script)(&mut client);
        client.transcript
    }
}

/// Fails at the first exchange that differs by more than two connections to the same server do by nature.
pub fn assert_same(place: &str, expected: &[Exchange], found: &[Exchange], dialect: u64) {
    assert_eq!(expected.len(), found.len(), "{place}: another number of commands");
    for (expected, found) in expected.iter().zip(found) {
        let (left, right) = (normalised(expected, dialect), normalised(found, dialect));
        assert!(
            left == right,
            "{place}: `{}`\ndirectly {}\n   found {}",
            expected.command,
            shown(&left, &right),
            shown(&right, &left)
        );
    }
}

/// The exchange without what differs between two connections to the same server by nature.
fn normalised(exchange: &Exchange, dialect: u64) -> Exchange {
    let mut exchange = exchange.clone();
    let prepared = exchange.command.starts_with("prepare ");
    let result_set = exchange.packets.first().is_some_and(|packet| announces_columns(&packet.payload));
    let mut definitions_ended = !result_set;
    let login = exchange.command == "login";
    for (at, packet) in exchange.packets.iter_mut().enumerate() {
        if login {
            packet.sequence = 0; // TLS and a change of plugin take packets of their own
        }
        let payload = &mut packet.payload;
        if prepared && at == 0 && payload[0] == 0 {
            payload[1..5].fill(0); // statement ids are counted by the server's thread, not by the connection
        }
        if payload.starts_with(&ACCESS_DENIED) {
            *payload = without_host(payload); // over a unix socket the client's host is localhost
        }
        if payload.starts_with(&UNKNOWN_STATEMENT) || payload.starts_with(&NO_CURSOR) {
            payload.retain(|byte| !byte.is_ascii_digit());
        }
        if dialect & DEPRECATE_EOF == 0 && payload[0] == 0xfe && payload.len() == 5 {
            normalise_eof(payload, !definitions_ended);
            definitions_ended = !definitions_ended || !result_set;
        }
        if dialect & SESSION_TRACK != 0 && matches!(payload[0], 0 | 0xfe) {
            sort_variables(payload);
        }
    }
    exchange
}

fn without_host(payload: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(payload).replace("'@'127.0.0.1'", "'@'localhost'").into_bytes()
}

/// The EOF after definitions says what the server knew before the rows. Warnings and most status bits are settled, for a
/// server that was asked not to send that EOF, only after them; clients look for the cursor in it. The bit that tells of
/// state changes stays set in EOFs until some OK packet has carried them, which here is every response.
fn normalise_eof(payload: &mut [u8], after_definitions: bool) {
    let mut status = u16::from_le_bytes([payload[3], payload[4]]) & !STATE_CHANGED;
    if after_definitions {
        payload[1..3].fill(0);
        status &= CURSOR_EXISTS;
    }
    payload[3..5].copy_from_slice(&status.to_le_bytes());
}

/// The server writes changed variables in the order of a hash table that is seeded for each connection: several in one
/// entry, or each in its own.
fn sort_variables(payload: &mut [u8]) {
    let Some(start) = state_changes(payload) else { return };
    let mut entries: Vec<Vec<u8>> = Vec::new();
    let mut at = start;
    while at < payload.len() {
        // A row of the binary protocol may begin like an OK packet.
        let Some((length, prefix)) = checked_lenenc(payload, at + 1) else { return };
        let data = at + 1 + prefix;
        let Some(content) = payload.get(data..data + length as usize) else { return };
        let pairs = if payload[at] == 0 { sorted_pairs(content) } else { Some(content.to_vec()) };
        let Some(pairs) = pairs else { return };
        entries.push([&payload[at..data], &pairs].concat());
        at = data + length as usize;
    }
    let variables = entries.iter().take_while(|entry| entry[0] == 0).count();
    entries[..variables].sort();
    payload[start..].copy_from_slice(&entries.concat());
}

fn sorted_pairs(content: &[u8]) -> Option<Vec<u8>> {
    let mut pairs: Vec<&[u8]> = Vec::new();
    let mut at = 0;
    while at < content.len() {
        let entry = at;
        for _ in 0..2 {
            let (length, prefix) = checked_lenenc(content, at)?;
            at += prefix + length as usize;
        }
        pairs.push(content.get(entry..at)?);
    }
    pairs.sort_unstable();
    Some(pairs.concat())
}

fn announces_columns(payload: &[u8]) -> bool {
    payload.len() <= 3 && payload.first().is_some_and(|first| !matches!(first, 0 | 0xfb | 0xff))
}

/// Where the state changes begin that an OK packet ends with, if it is one that has some.
fn state_changes(payload: &[u8]) -> Option<usize> {
    let mut at = 1;
    for _ in 0..2 {
        at += checked_lenenc(payload, at)?.1;
    }
    let status = u16::from_le_bytes([*payload.get(at)?, *payload.get(at + 1)?]);
    if status & STATE_CHANGED == 0 {
        return None;
    }
    at += 4;
    let (info, prefix) = checked_lenenc(payload, at)?;
    at += prefix + info as usize;
    let (total, prefix) = checked_lenenc(payload, at)?;
    at += prefix;
    (at + total as usize == payload.len()).then_some(at)
}

fn checked_lenenc(payload: &[u8], at: usize) -> Option<(u64, usize)> {
    payload
        .get(at..)
        .filter(|rest| rest.len() > 8 || rest.first().is_some_and(|&first| first < 0xfb))
        .map(lenenc)
}

/// The packets of one that the other does not have in the same place.
fn shown(exchange: &Exchange, other: &Exchange) -> String {
    let line = |at: usize, packet: &super::wire::Packet| {
        let start = &packet.payload[..packet.payload.len().min(200)];
        let text: String = start
            .iter()
            .map(|&byte| if (32..127).contains(&byte) { char::from(byte) } else { '.' })
            .collect();
        let hex: String = start.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("#{at} {:02x} {} bytes {hex} {text}", packet.sequence, packet.payload.len())
    };
    let apart =
        exchange.packets.iter().enumerate().filter(|&(at, packet)| other.packets.get(at) != Some(packet));
    let lines: Vec<String> = apart.map(|(at, packet)| line(at, packet)).take(20).collect();
    format!("{} packets, of which these differ\n  {}", exchange.packets.len(), lines.join("\n  "))
}
