//! The packets with which a server leads a client through authentication, after the handshake response.

use super::{HandshakeError, field, plugin};
use crate::protocol::reply::{EOF_HEADER, ERR_HEADER, OK_HEADER, ServerError};
use crate::protocol::wire::{Reader, put_nul_terminated};

/// First byte of a plugin's data where that could be mistaken for another packet.
const MORE_DATA_HEADER: u8 = 0x01;

/// Any packet that a server may send while a login is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthPacket {
    /// The login succeeded; the caller keeps the OK payload where it needs it.
    Ok,
    /// The login failed.
    Refused(ServerError),
    /// Another plugin, another salt.
    Switch(AuthSwitch),
    /// Data of the current plugin.
    More(AuthMoreData),
}

impl AuthPacket {
    /// Tells the packets of this phase apart.
    ///
    /// # Errors
    /// An empty packet, or an ERR or AuthSwitchRequest that is cut short.
    pub fn parse(payload: &[u8]) -> Result<Self, HandshakeError> {
        match *field(payload.first(), "first byte")? {
            OK_HEADER => Ok(Self::Ok),
            ERR_HEADER => field(ServerError::parse(payload), "error").map(Self::Refused),
            EOF_HEADER => AuthSwitch::parse(payload).map(Self::Switch),
            _ => AuthMoreData::parse(payload).map(Self::More),
        }
    }
}

/// AuthSwitchRequest: authenticate with another plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthSwitch {
    /// Name of the plugin.
    pub plugin: Vec<u8>,
    /// The plugin's data as sent. For `mysql_native_password` and `caching_sha2_password` 20 bytes and a NUL, for
    /// `client_ed25519` 32 bytes.
    pub data: Vec<u8>,
}

impl AuthSwitch {
    /// Reads the packet; a lone 0xFE asks for `mysql_old_password`.
    ///
    /// # Errors
    /// The packet is empty, starts otherwise, or its plugin's name does not end.
    pub fn parse(payload: &[u8]) -> Result<Self, HandshakeError> {
        let mut reader = Reader::new(payload);
        match field(reader.u8(), "first byte")? {
            EOF_HEADER => {}
            found => return Err(HandshakeError::Unexpected { expected: "an AuthSwitchRequest", found }),
        }
        if reader.is_empty() {
            return Ok(Self { plugin: plugin::OLD_PASSWORD.to_vec(), data: Vec::new() });
        }
        let plugin = field(reader.nul_terminated(), "plugin")?.to_vec();
        Ok(Self { plugin, data: reader.rest().to_vec() })
    }

    /// The payload.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(2 + self.plugin.len() + self.data.len());
        out.push(EOF_HEADER);
        if self.data.is_empty() && self.plugin == plugin::OLD_PASSWORD {
            return out;
        }
        put_nul_terminated(&mut out, &self.plugin);
        out.extend_from_slice(&self.data);
        out
    }
}

/// Data of a plugin.
///
/// MySQL puts 0x01 before all of it. MariaDB does so only where the data starts with 0x00, 0x01, 0xFE or 0xFF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthMoreData {
    /// The data without the 0x01.
    pub data: Vec<u8>,
}

impl AuthMoreData {
    /// Reads the packet.
    ///
    /// # Errors
    /// The packet is empty or one of the other packets of this phase.
    pub fn parse(payload: &[u8]) -> Result<Self, HandshakeError> {
        match field(payload.split_first(), "first byte")? {
            (&MORE_DATA_HEADER, data) => Ok(Self { data: data.to_vec() }),
            (&found @ (OK_HEADER | EOF_HEADER | ERR_HEADER), _) => {
                Err(HandshakeError::Unexpected { expected: "a plugin's data", found })
            }
            _ => Ok(Self { data: payload.to_vec() }),
        }
    }

    /// The payload, always with the 0x01: clients of both kinds take it off.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + self.data.len());
        out.push(MORE_DATA_HEADER);
        out.extend_from_slice(&self.data);
        out
    }
}
