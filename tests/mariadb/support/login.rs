//! Logging in as any client might: plugin, capabilities and TLS of one's choice.

use std::io;
use std::sync::Arc;

use mysql_common::scramble::{create_response_for_ed25519, scramble_native, scramble_sha256};
use rustls::ClientConfig;

use super::capabilities::{
    ATTRIBUTES, BASE, COMPRESS, DEPRECATE_EOF, PLUGIN_AUTH, SESSION_TRACK, TLS, WITH_SCHEMA,
};
use super::wire::{Endpoint, Packet, Wire};

/// How a client introduces itself.
#[derive(Clone)]
pub struct Login {
    pub endpoint: Endpoint,
    pub user: String,
    pub password: String,
    pub schema: Option<String>,
    pub capabilities: u64,
    /// Id of the collation that the client starts with.
    pub collation: u8,
    /// The plugin that the client says it starts with.
    pub plugin: &'static str,
    /// Verification and name of the server, where the client upgrades to TLS.
    pub tls: Option<(Arc<ClientConfig>, String)>,
    pub attributes: Vec<(String, String)>,
}

/// Why a login came to nothing.
#[derive(Debug)]
pub enum Refusal {
    /// The server's ERR packet.
    Error(ServerError),
    /// The connection ended or made no sense.
    Lost(io::Error),
}

/// An ERR packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    pub code: u16,
    pub state: String,
    pub message: String,
}

/// The server's first packet.
#[derive(Debug, Clone)]
pub struct Greeting {
    pub version: String,
    pub id: u32,
    pub salt: Vec<u8>,
    pub capabilities: u64,
    pub plugin: String,
}

impl Login {
    pub fn new(endpoint: Endpoint, user: &str, password: &str) -> Self {
        Self {
            endpoint,
            user: user.to_owned(),
            password: password.to_owned(),
            schema: None,
            capabilities: BASE | DEPRECATE_EOF | SESSION_TRACK,
            collation: 45,
            plugin: "mysql_native_password",
            tls: None,
            attributes: Vec::new(),
        }
    }

    pub fn schema(mut self, schema: &str) -> Self {
        self.schema = Some(schema.to_owned());
        self.capabilities |= WITH_SCHEMA;
        self
    }

    pub fn capabilities(mut self, capabilities: u64) -> Self {
        self.capabilities = capabilities | if self.schema.is_some() { WITH_SCHEMA } else { 0 };
        self
    }

    pub fn plugin(mut self, plugin: &'static str) -> Self {
        self.plugin = plugin;
        self
    }

    pub fn tls(mut self, config: &Arc<ClientConfig>, name: &str) -> Self {
        self.tls = Some((Arc::clone(config), name.to_owned()));
        self
    }

    /// Goes through the whole handshake; the packets of the server are the greeting and what followed it.
    pub fn perform(&self) -> Result<(Wire, Greeting, Vec<Packet>), Refusal> {
        let mut wire = Wire::connect(&self.endpoint)?;
        let mut packets = vec![wire.read()?];
        refuse(&packets[0].payload)?;
        let greeting = Greeting::parse(&packets[0].payload);
        if let Some((config, name)) = &self.tls {
            wire.write(&self.fixed_part(TLS))?;
            wire = wire.into_tls(config, name);
        }
        wire.write(&self.response(&greeting.salt))?;
        let mut plugin = self.plugin.to_owned();
        loop {
            let packet = wire.read()?;
            let payload = packet.payload.clone();
            packets.push(packet);
            refuse(&payload)?;
            match payload[0] {
                0 => break,
                0xfe => {
                    let (name, data) = split_at_zero(&payload[1..]);
                    plugin = String::from_utf8_lossy(name).into_owned();
                    wire.write(&answer(&plugin, &self.password, data))?;
                }
                1 if plugin == "caching_sha2_password" && payload[1] == 4 => {
                    wire.write(&[self.password.as_bytes(), b"\0"].concat())?;
                }
                1 => {}
                other => {
                    return Err(Refusal::Lost(io::Error::other(format!(
                        "a packet that begins with {other:#04x}"
                    ))));
                }
            }
        }
        if self.capabilities & COMPRESS != 0 {
            wire.compress();
        }
        Ok((wire, greeting, packets))
    }

    /// The 32 bytes that an SSLRequest consists of and a HandshakeResponse begins with.
    pub fn fixed_part(&self, more: u64) -> Vec<u8> {
        let tls = if self.tls.is_some() { TLS } else { 0 };
        let attributes = if self.attributes.is_empty() { 0 } else { ATTRIBUTES };
        let capabilities = self.capabilities | tls | attributes | more;
        let mut packet = ((capabilities & 0xffff_ffff) as u32).to_le_bytes().to_vec();
        packet.extend_from_slice(&(1_u32 << 30).to_le_bytes());
        packet.push(self.collation);
        packet.extend_from_slice(&[0; 19]);
        packet.extend_from_slice(&((capabilities >> 32) as u32).to_le_bytes());
        packet
    }

    fn response(&self, salt: &[u8]) -> Vec<u8> {
        let mut packet = self.fixed_part(0);
        packet.extend_from_slice(self.user.as_bytes());
        packet.push(0);
        let proof = answer(self.plugin, &self.password, salt);
        let first = if self.plugin == "client_ed25519" { Vec::new() } else { proof };
        packet.push(first.len() as u8);
        packet.extend_from_slice(&first);
        if let Some(schema) = &self.schema {
            packet.extend_from_slice(schema.as_bytes());
            packet.push(0);
        }
        if self.capabilities & PLUGIN_AUTH != 0 {
            packet.extend_from_slice(self.plugin.as_bytes());
            packet.push(0);
        }
        if !self.attributes.is_empty() {
            let words = self.attributes.iter().flat_map(|(name, value)| [name, value]);
            let list: Vec<u8> =
                words.flat_map(|word| [&[word.len() as u8], word.as_bytes()].concat()).collect();
            packet.push(list.len() as u8);
            packet.extend_from_slice(&list);
        }
        packet
    }
}

/// The answer to a challenge of a plugin.
pub fn answer(plugin: &str, password: &str, challenge: &[u8]) -> Vec<u8> {
    let password = password.as_bytes();
    let salt = challenge.strip_suffix(b"\0").filter(|salt| salt.len() == 20).unwrap_or(challenge);
    match plugin {
        _ if password.is_empty() => Vec::new(),
        "mysql_native_password" => scramble_native(salt, password).unwrap().to_vec(),
        "caching_sha2_password" => scramble_sha256(salt, password).unwrap().to_vec(),
        "client_ed25519" => create_response_for_ed25519(password, challenge).to_vec(),
        "mysql_clear_password" => [password, b"\0"].concat(),
        other => panic!("a plugin that this client does not have: {other}"),
    }
}

impl Greeting {
    pub fn parse(payload: &[u8]) -> Self {
        assert_eq!(payload[0], 10, "protocol version");
        let (version, rest) = split_at_zero(&payload[1..]);
        let low = u64::from(u16::from_le_bytes([rest[13], rest[14]]));
        let high = u64::from(u16::from_le_bytes([rest[18], rest[19]]));
        let extended = u64::from(u32::from_le_bytes(rest[27..31].try_into().unwrap()));
        Self {
            version: String::from_utf8_lossy(version).into_owned(),
            id: u32::from_le_bytes(rest[..4].try_into().unwrap()),
            salt: [&rest[4..12], &rest[31..43]].concat(),
            capabilities: low | high << 16 | extended << 32,
            plugin: String::from_utf8_lossy(split_at_zero(&rest[44..]).0).into_owned(),
        }
    }
}

impl ServerError {
    /// Reads an ERR packet with or without SQLSTATE.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let (&0xff, rest) = payload.split_first()? else { return None };
        let text = String::from_utf8_lossy(&rest[2..]).into_owned();
        let (state, message) = match text.strip_prefix('#') {
            Some(text) => (text[..5].to_owned(), text[5..].to_owned()),
            None => (String::new(), text),
        };
        Some(Self { code: u16::from_le_bytes([rest[0], rest[1]]), state, message })
    }
}

impl Refusal {
    /// The server's error; fails the test where the connection was cut instead.
    pub fn error(self) -> ServerError {
        match self {
            Self::Error(error) => error,
            Self::Lost(error) => panic!("no error packet, but {error}"),
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

fn refuse(payload: &[u8]) -> Result<(), Refusal> {
    ServerError::parse(payload).map_or(Ok(()), |error| Err(Refusal::Error(error)))
}

fn split_at_zero(bytes: &[u8]) -> (&[u8], &[u8]) {
    let at = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    (&bytes[..at], bytes.get(at + 1..).unwrap_or_default())
}
