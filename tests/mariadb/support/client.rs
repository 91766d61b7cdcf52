//! A client that knows packets only, and remembers every one it was sent.

use std::io;

use super::login::{Greeting, Login, Refusal, ServerError, answer};
use super::response::{Kind, Reader, lenenc};
use super::wire::{Packet, Wire};

/// The id that stands for the statement prepared last, in MariaDB's pipelining.
pub const LAST_PREPARED: u32 = u32::MAX;

/// One command and the packets that answered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    pub command: String,
    pub packets: Vec<Packet>,
}

/// A logged-in connection.
pub struct RawClient {
    pub wire: Wire,
    pub greeting: Greeting,
    pub transcript: Vec<Exchange>,
    login: Login,
}

/// A parameter of a prepared statement.
#[derive(Debug, Clone, Copy)]
pub enum Parameter<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    /// Sent before, as long data.
    Long,
}

impl RawClient {
    pub fn connect(login: &Login) -> Result<Self, Refusal> {
        let (wire, greeting, packets) = login.perform()?;
        let last = packets.last().cloned().into_iter().collect();
        let transcript = vec![Exchange { command: "login".to_owned(), packets: last }];
        Ok(Self { wire, greeting, transcript, login: login.clone() })
    }

    /// Sends a command without reading an answer.
    pub fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        self.wire.begin_command();
        self.wire.write(payload)
    }

    /// Reads an answer and writes it down under `command`.
    pub fn receive(&mut self, command: &str, kind: Kind, file: &[Vec<u8>]) -> io::Result<Vec<Packet>> {
        let packets = Reader::new(&mut self.wire, self.login.capabilities, file).read(kind)?;
        self.transcript.push(Exchange { command: command.to_owned(), packets: packets.clone() });
        Ok(packets)
    }

    pub fn try_ask(&mut self, command: &str, payload: &[u8], kind: Kind) -> io::Result<Vec<Packet>> {
        self.send(payload)?;
        self.receive(command, kind, &[])
    }

    pub fn ask(&mut self, command: &str, payload: &[u8], kind: Kind) -> Vec<Packet> {
        self.try_ask(command, payload, kind).unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    pub fn query(&mut self, sql: &str) -> Vec<Packet> {
        self.ask(sql, &[b"\x03", sql.as_bytes()].concat(), Kind::Results)
    }

    pub fn try_query(&mut self, sql: &str) -> io::Result<Vec<Packet>> {
        self.try_ask(sql, &[b"\x03", sql.as_bytes()].concat(), Kind::Results)
    }

    /// The error that `sql` is answered with.
    pub fn error(&mut self, sql: &str) -> ServerError {
        let packets = self.query(sql);
        ServerError::parse(&packets.last().unwrap().payload).unwrap_or_else(|| panic!("{sql}: no error"))
    }

    /// Runs a statement that has to succeed.
    pub fn run(&mut self, sql: &str) {
        let packets = self.query(sql);
        if let Some(error) = ServerError::parse(&packets.last().unwrap().payload) {
            panic!("{sql}: {error:?}");
        }
    }

    /// The first column of the first row of a text result.
    pub fn value(&mut self, sql: &str) -> String {
        let packets = self.query(sql);
        let columns = usize::from(packets[0].payload[0]);
        let classic = self.login.capabilities & super::capabilities::DEPRECATE_EOF == 0;
        let row = &packets
            .get(1 + columns + usize::from(classic))
            .unwrap_or_else(|| panic!("{sql}: {packets:?}"))
            .payload;
        let (length, start) = lenenc(row);
        String::from_utf8_lossy(&row[start..start + length as usize]).into_owned()
    }

    /// LOAD DATA LOCAL: answers the request for a file with these packets and an empty one.
    pub fn load(&mut self, sql: &str, file: &[Vec<u8>]) -> io::Result<Vec<Packet>> {
        self.send(&[b"\x03", sql.as_bytes()].concat())?;
        self.receive(sql, Kind::Results, file)
    }

    pub fn prepare(&mut self, sql: &str) -> u32 {
        let packets =
            self.ask(&format!("prepare {sql}"), &[b"\x16", sql.as_bytes()].concat(), Kind::Prepared);
        let first = &packets[0].payload;
        if first[0] == 0 { u32::from_le_bytes(first[1..5].try_into().unwrap()) } else { 0 }
    }

    /// Executes with the cursor flags given (0 none, 1 read-only); types are sent along.
    pub fn execute(&mut self, statement: u32, cursor: u8, parameters: &[Parameter<'_>]) -> Vec<Packet> {
        self.ask("execute", &execution(statement, cursor, parameters), Kind::Results)
    }

    pub fn fetch(&mut self, statement: u32, rows: u32) -> Vec<Packet> {
        let payload = [&[0x1c][..], &statement.to_le_bytes(), &rows.to_le_bytes()].concat();
        self.ask(&format!("fetch {rows}"), &payload, Kind::Rows)
    }

    pub fn long_data(&mut self, statement: u32, parameter: u16, data: &[u8]) {
        let payload = [&[0x18][..], &statement.to_le_bytes(), &parameter.to_le_bytes(), data].concat();
        self.ask("long data", &payload, Kind::Silence);
    }

    pub fn reset_statement(&mut self, statement: u32) -> Vec<Packet> {
        self.ask("reset statement", &[&[0x1a][..], &statement.to_le_bytes()].concat(), Kind::One)
    }

    pub fn close_statement(&mut self, statement: u32) {
        self.ask("close statement", &[&[0x19][..], &statement.to_le_bytes()].concat(), Kind::Silence);
    }

    /// Becomes `user`; the server is expected to ask for the proof separately.
    pub fn change_user(&mut self, user: &str, password: &str, schema: &str) -> io::Result<Packet> {
        self.change_user_with(user, password, schema, 45)
    }

    /// The same with the id of a collation.
    pub fn change_user_with(
        &mut self,
        user: &str,
        password: &str,
        schema: &str,
        collation: u16,
    ) -> io::Result<Packet> {
        let [low, high] = collation.to_le_bytes();
        let names = [b"\x11", user.as_bytes(), b"\0\0", schema.as_bytes(), b"\0"].concat();
        let payload = [&names[..], &[low, high], b"mysql_native_password\0"].concat();
        self.send(&payload)?;
        let mut packet = self.wire.read()?;
        while packet.payload[0] == 0xfe {
            let zero = packet.payload.iter().position(|&byte| byte == 0).unwrap();
            let plugin = String::from_utf8_lossy(&packet.payload[1..zero]).into_owned();
            let proof = answer(&plugin, password, &packet.payload[zero + 1..]);
            self.wire.write(&proof)?;
            packet = self.wire.read()?;
        }
        let command = format!("change user to {user} in {schema}");
        self.transcript.push(Exchange { command, packets: vec![packet.clone()] });
        Ok(packet)
    }
}

/// The payload of a COM_STMT_EXECUTE that relies on the types sent before.
pub fn execution_again(statement: u32, cursor: u8, parameters: &[Parameter<'_>]) -> Vec<u8> {
    let mut payload = execution(statement, cursor, parameters);
    let bound = 10 + parameters.len().div_ceil(8);
    payload[bound] = 0;
    payload.drain(bound + 1..=bound + 2 * parameters.len());
    payload
}

/// The payload of a COM_STMT_EXECUTE.
pub fn execution(statement: u32, cursor: u8, parameters: &[Parameter<'_>]) -> Vec<u8> {
    let mut payload = [&[0x17][..], &statement.to_le_bytes(), &[cursor], &1_u32.to_le_bytes()].concat();
    if parameters.is_empty() {
        return payload;
    }
    let mut nulls = vec![0_u8; parameters.len().div_ceil(8)];
    let (mut types, mut values) = (Vec::new(), Vec::new());
    for (at, parameter) in parameters.iter().enumerate() {
        let kind: u16 = match parameter {
            Parameter::Null => {
                nulls[at / 8] |= 1 << (at % 8);
                6
            }
            Parameter::Int(value) => {
                values.extend_from_slice(&value.to_le_bytes());
                8
            }
            Parameter::Text(text) => {
                assert!(text.len() < 251, "a short text");
                values.push(text.len() as u8);
                values.extend_from_slice(text.as_bytes());
                253
            }
            Parameter::Long => 252,
        };
        types.extend_from_slice(&kind.to_le_bytes());
    }
    payload.extend_from_slice(&nulls);
    payload.push(1);
    payload.extend_from_slice(&types);
    payload.extend_from_slice(&values);
    payload
}
