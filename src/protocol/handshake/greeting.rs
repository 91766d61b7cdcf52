//! The first packet of a connection: the server's greeting.

use super::{HandshakeError, SALT_LEN, field};
use crate::protocol::capabilities::Capabilities;
use crate::protocol::reply::{ERR_HEADER, ServerError};
use crate::protocol::wire::{Reader, put_nul_terminated};

const PROTOCOL_VERSION: u8 = 10;
const SALT_HEAD_LEN: usize = 8;
const SALT_TAIL_LEN: usize = SALT_LEN - SALT_HEAD_LEN;
/// Bytes between the length of the salt and its second part: six reserved ones and MariaDB's extended flags.
const RESERVED_LEN: usize = 6;

/// What a server says first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// Server version as sent, with the `5.5.5-` that MariaDB before 11.0 puts in front.
    pub version: Vec<u8>,
    /// The id that CONNECTION_ID() returns and KILL takes; its low 32 bits where a server's ids are longer.
    pub connection_id: u32,
    /// Random bytes of this connection.
    pub salt: [u8; SALT_LEN],
    /// What the server can do.
    pub capabilities: Capabilities,
    /// Default collation.
    pub collation: u8,
    /// Status flags.
    pub status: u16,
    /// The plugin that the salt is meant for; empty without `PLUGIN_AUTH`.
    pub plugin: Vec<u8>,
}

impl Greeting {
    /// Reads a greeting.
    ///
    /// # Errors
    /// [`HandshakeError::Refused`] when the server sent an error instead; otherwise what is wrong with the packet.
    pub fn parse(payload: &[u8]) -> Result<Self, HandshakeError> {
        let mut reader = Reader::new(payload);
        match field(reader.u8(), "protocol version")? {
            PROTOCOL_VERSION => Self::parse_fields(reader),
            ERR_HEADER => Err(field(ServerError::parse(payload), "error")
                .map_or_else(|malformed| malformed, HandshakeError::Refused)),
            other => Err(HandshakeError::ProtocolVersion(other)),
        }
    }

    fn parse_fields(mut reader: Reader<'_>) -> Result<Self, HandshakeError> {
        let version = field(reader.nul_terminated(), "server version")?.to_vec();
        let connection_id = field(reader.u32(), "connection id")?;
        let head = field(reader.array::<SALT_HEAD_LEN>(), "salt")?;
        field(reader.u8(), "filler")?;
        let low = field(reader.u16(), "capabilities")?;
        let collation = field(reader.u8(), "collation")?;
        let status = field(reader.u16(), "status")?;
        let high = field(reader.u16(), "capabilities")?;
        let salt_len = usize::from(field(reader.u8(), "length of the salt")?);
        field(reader.bytes(RESERVED_LEN), "reserved bytes")?;
        let extended = field(reader.u32(), "extended capabilities")?;
        let capabilities = Capabilities::from_fields(u32::from(low) | u32::from(high) << 16, extended);
        if !capabilities.contains(Capabilities::PROTOCOL_41 | Capabilities::SECURE_CONNECTION) {
            return Err(HandshakeError::Old);
        }
        let tail = parse_salt_tail(&mut reader, salt_len)?;
        let plugin = match capabilities.contains(Capabilities::PLUGIN_AUTH) {
            true => reader.nul_terminated_or_rest().to_vec(),
            false => Vec::new(),
        };
        let salt = joined(head, tail);
        Ok(Self { version, connection_id, salt, capabilities, collation, status, plugin })
    }

    /// The payload.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (head, tail) = self.salt.split_at(SALT_HEAD_LEN);
        let [c0, c1, c2, c3] = self.capabilities.classic().to_le_bytes();
        let mut out = Vec::with_capacity(64 + self.version.len() + self.plugin.len());
        out.push(PROTOCOL_VERSION);
        put_nul_terminated(&mut out, &self.version);
        out.extend_from_slice(&self.connection_id.to_le_bytes());
        out.extend_from_slice(head);
        out.extend_from_slice(&[0, c0, c1, self.collation]);
        out.extend_from_slice(&self.status.to_le_bytes());
        out.extend_from_slice(&[c2, c3]);
        out.push(if self.capabilities.contains(Capabilities::PLUGIN_AUTH) { 21 } else { 0 });
        out.extend_from_slice(&[0; RESERVED_LEN]);
        out.extend_from_slice(&self.capabilities.extended().to_le_bytes());
        out.extend_from_slice(tail);
        out.push(0);
        if self.capabilities.contains(Capabilities::PLUGIN_AUTH) {
            put_nul_terminated(&mut out, &self.plugin);
        }
        out
    }
}

/// Reads the second part of the salt, which spans at least 13 bytes with its NUL; servers of any length are taken at their word.
fn parse_salt_tail(reader: &mut Reader<'_>, salt_len: usize) -> Result<[u8; SALT_TAIL_LEN], HandshakeError> {
    let tail = field(reader.array::<SALT_TAIL_LEN>(), "salt")?;
    let unused = salt_len.saturating_sub(SALT_LEN).max(1);
    field(reader.bytes(unused), "salt")?;
    Ok(tail)
}

fn joined(head: [u8; SALT_HEAD_LEN], tail: [u8; SALT_TAIL_LEN]) -> [u8; SALT_LEN] {
    let mut salt = [0; SALT_LEN];
    for (to, from) in salt.iter_mut().zip(head.into_iter().chain(tail)) {
        *to = from;
    }
    salt
}
