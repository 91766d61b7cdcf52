//! What a client answers to the greeting: a request for TLS, or its name and proof.

use super::{HandshakeError, field};
use crate::protocol::capabilities::Capabilities;
use crate::protocol::wire::{Reader, put_lenenc, put_lenenc_bytes, put_nul_terminated};

/// Reserved bytes before MariaDB's extended flags.
const RESERVED_LEN: usize = 19;

/// The first packet of a client, in plaintext.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirstPacket {
    /// TLS is asked for. Whatever the packet holds beyond its fixed part is ignored, as MariaDB does: it came unprotected.
    SslRequest(SslRequest),
    /// The client goes on in plaintext.
    Response(HandshakeResponse),
}

impl FirstPacket {
    /// Reads what follows the greeting. Inside TLS only [`HandshakeResponse::parse`] is right: there the flag `SSL` stays set.
    ///
    /// # Errors
    /// What is wrong with the packet; [`HandshakeError::Old`] for a client from before 4.1.
    pub fn parse(payload: &[u8]) -> Result<Self, HandshakeError> {
        let fixed = SslRequest::parse_from(&mut Reader::new(payload))?;
        if fixed.capabilities.contains(Capabilities::SSL) {
            return Ok(Self::SslRequest(fixed));
        }
        HandshakeResponse::parse(payload).map(Self::Response)
    }
}

/// The fixed part of a handshake response, alone on the wire when TLS is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SslRequest {
    /// What the client wants to use.
    pub capabilities: Capabilities,
    /// Largest packet that the client accepts, in bytes.
    pub max_packet: u32,
    /// Collation of the connection.
    pub collation: u8,
}

impl SslRequest {
    fn parse_from(reader: &mut Reader<'_>) -> Result<Self, HandshakeError> {
        let [low, high] = [field(reader.u16(), "capabilities")?, reader.u16().unwrap_or(0)];
        let classic = u32::from(low) | u32::from(high) << 16;
        if !Capabilities::from_fields(classic, 0).contains(Capabilities::PROTOCOL_41) {
            return Err(HandshakeError::Old);
        }
        let max_packet = field(reader.u32(), "packet limit")?;
        let collation = field(reader.u8(), "collation")?;
        field(reader.bytes(RESERVED_LEN), "reserved bytes")?;
        let extended = field(reader.u32(), "extended capabilities")?;
        Ok(Self { capabilities: Capabilities::from_fields(classic, extended), max_packet, collation })
    }

    /// The payload: always 32 bytes. The caller sets the flag `SSL`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(32);
        out.extend_from_slice(&self.capabilities.classic().to_le_bytes());
        out.extend_from_slice(&self.max_packet.to_le_bytes());
        out.push(self.collation);
        out.extend_from_slice(&[0; RESERVED_LEN]);
        out.extend_from_slice(&self.capabilities.extended().to_le_bytes());
        out
    }
}

/// A client's name, its proof and its wishes.
#[derive(Clone, PartialEq, Eq)]
pub struct HandshakeResponse {
    /// What the client wants to use.
    pub capabilities: Capabilities,
    /// Largest packet that the client accepts, in bytes.
    pub max_packet: u32,
    /// Collation of the connection; ids over 255 do not fit and are set by a statement.
    pub collation: u8,
    /// User name, in the collation's character set.
    pub user: Vec<u8>,
    /// The answer to the greeting's salt, by the rules of `plugin`. May be a password: never log it.
    pub auth_response: Vec<u8>,
    /// Schema to start in; an empty name is none.
    pub schema: Option<Vec<u8>>,
    /// The plugin that made the answer.
    pub plugin: Option<Vec<u8>>,
    /// Connection attributes as sent: length-encoded names and values in the client's order, without the total length.
    pub attributes: Option<Vec<u8>>,
}

impl HandshakeResponse {
    /// Reads a whole response, in plaintext or inside TLS. Bytes after the last field are ignored.
    ///
    /// # Errors
    /// What is wrong with the packet; [`HandshakeError::Old`] for a client from before 4.1.
    pub fn parse(payload: &[u8]) -> Result<Self, HandshakeError> {
        let mut reader = Reader::new(payload);
        let SslRequest { capabilities, max_packet, collation } = SslRequest::parse_from(&mut reader)?;
        let user = field(reader.nul_terminated(), "user name")?.to_vec();
        let auth_response =
            field(auth_response(&mut reader, capabilities), "authentication response")?.to_vec();
        let schema = schema(&mut reader, capabilities)?;
        let plugin = capabilities
            .contains(Capabilities::PLUGIN_AUTH)
            .then(|| reader.nul_terminated_or_rest().to_vec());
        let attributes = match capabilities.contains(Capabilities::CONNECT_ATTRS) {
            true => Some(field(reader.lenenc_bytes(), "attributes")?.to_vec()),
            false => None,
        };
        Ok(Self { capabilities, max_packet, collation, user, auth_response, schema, plugin, attributes })
    }

    /// The payload. The flags that announce a field follow the fields: `CONNECT_WITH_DB`, `PLUGIN_AUTH` and
    /// `CONNECT_ATTRS` are set exactly where the field is, and an answer over 255 bytes sets the flag for long ones.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let capabilities = self.flags_of_fields();
        let fixed = SslRequest { capabilities, max_packet: self.max_packet, collation: self.collation };
        let mut out = fixed.encode();
        put_nul_terminated(&mut out, &self.user);
        match u8::try_from(self.auth_response.len()) {
            Ok(len) if !capabilities.contains(Capabilities::PLUGIN_AUTH_LENENC_CLIENT_DATA) => out.push(len),
            _ => put_lenenc(&mut out, self.auth_response.len().try_into().unwrap_or(u64::MAX)),
        }
        out.extend_from_slice(&self.auth_response);
        for name in [&self.schema, &self.plugin].into_iter().flatten() {
            put_nul_terminated(&mut out, name);
        }
        if let Some(attributes) = &self.attributes {
            put_lenenc_bytes(&mut out, attributes);
        }
        out
    }

    fn flags_of_fields(&self) -> Capabilities {
        let mut flags = self.capabilities | Capabilities::PROTOCOL_41 | Capabilities::SECURE_CONNECTION;
        let optional = [
            (Capabilities::CONNECT_WITH_DB, self.schema.is_some()),
            (Capabilities::PLUGIN_AUTH, self.plugin.is_some()),
            (Capabilities::CONNECT_ATTRS, self.attributes.is_some()),
        ];
        for (flag, present) in optional {
            if present { flags.insert(flag) } else { flags.remove(flag) }
        }
        if self.auth_response.len() > usize::from(u8::MAX) {
            flags.insert(Capabilities::PLUGIN_AUTH_LENENC_CLIENT_DATA);
        }
        flags
    }
}

/// Without the authentication response.
impl std::fmt::Debug for HandshakeResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HandshakeResponse")
            .field("capabilities", &self.capabilities)
            .field("max_packet", &self.max_packet)
            .field("collation", &self.collation)
            .field("user", &String::from_utf8_lossy(&self.user))
            .field("schema", &self.schema.as_deref().map(String::from_utf8_lossy))
            .field("plugin", &self.plugin.as_deref().map(String::from_utf8_lossy))
            .finish_non_exhaustive()
    }
}

fn auth_response<'a>(reader: &mut Reader<'a>, capabilities: Capabilities) -> Option<&'a [u8]> {
    if capabilities.contains(Capabilities::PLUGIN_AUTH_LENENC_CLIENT_DATA) {
        reader.lenenc_bytes()
    } else if capabilities.contains(Capabilities::SECURE_CONNECTION) {
        let len = reader.u8()?;
        reader.bytes(usize::from(len))
    } else {
        reader.nul_terminated()
    }
}

fn schema(reader: &mut Reader<'_>, capabilities: Capabilities) -> Result<Option<Vec<u8>>, HandshakeError> {
    if !capabilities.contains(Capabilities::CONNECT_WITH_DB) {
        return Ok(None);
    }
    if reader.is_empty() {
        return Err(HandshakeError::Truncated("schema"));
    }
    let name = reader.nul_terminated_or_rest();
    Ok((!name.is_empty()).then(|| name.to_vec()))
}
