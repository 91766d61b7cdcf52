//! COM_CHANGE_USER: a new login on a connection that is already there.

use super::{HandshakeError, field};
use crate::protocol::capabilities::Capabilities;
use crate::protocol::wire::{Reader, put_lenenc_bytes, put_nul_terminated};

const COM_CHANGE_USER: u8 = 0x11;

/// A request to log in again, as another or the same user.
///
/// MariaDB 10.11 never trusts the answer in it: it always replies with AuthSwitchRequest and a fresh salt.
#[derive(Clone, PartialEq, Eq)]
pub struct ChangeUser {
    /// User name.
    pub user: Vec<u8>,
    /// Answer to a salt from before, at most 255 bytes. May be a password: never log it.
    pub auth_response: Vec<u8>,
    /// Schema to start in; an empty name is none.
    pub schema: Option<Vec<u8>>,
    /// Collation of the connection; none in the packets of very old clients.
    pub collation: Option<u16>,
    /// The plugin that made the answer.
    pub plugin: Option<Vec<u8>>,
    /// Connection attributes as sent, without the total length.
    pub attributes: Option<Vec<u8>>,
}

impl ChangeUser {
    /// Reads the command, its first byte included, from a client with these capabilities.
    ///
    /// # Errors
    /// What is wrong with the packet. MariaDB answers that with 1047, or 1043 where the attributes are wrong.
    pub fn parse(payload: &[u8], capabilities: Capabilities) -> Result<Self, HandshakeError> {
        let mut reader = Reader::new(payload);
        match field(reader.u8(), "command")? {
            COM_CHANGE_USER => {}
            found => return Err(HandshakeError::Unexpected { expected: "COM_CHANGE_USER", found }),
        }
        let user = field(reader.nul_terminated(), "user name")?.to_vec();
        let auth_response =
            field(auth_response(&mut reader, capabilities), "authentication response")?.to_vec();
        let schema = Some(field(reader.nul_terminated(), "schema")?.to_vec()).filter(|name| !name.is_empty());
        let collation = reader.u16();
        let plugin = plugin(&mut reader, capabilities)?;
        let attributes = match capabilities.contains(Capabilities::CONNECT_ATTRS) {
            true => Some(field(reader.lenenc_bytes(), "attributes")?.to_vec()),
            false => None,
        };
        Ok(Self { user, auth_response, schema, collation, plugin, attributes })
    }

    /// The whole command for a connection with these capabilities: fields that were not negotiated are left out, and
    /// negotiated ones are sent empty where there is no value. An answer over 255 bytes is replaced by an empty one,
    /// which servers meet with AuthSwitchRequest.
    #[must_use]
    pub fn encode(&self, capabilities: Capabilities) -> Vec<u8> {
        let mut out = vec![COM_CHANGE_USER];
        put_nul_terminated(&mut out, &self.user);
        match u8::try_from(self.auth_response.len()) {
            Ok(len) => {
                out.push(len);
                out.extend_from_slice(&self.auth_response);
            }
            Err(_) => out.push(0),
        }
        put_nul_terminated(&mut out, self.schema.as_deref().unwrap_or_default());
        out.extend_from_slice(&self.collation.unwrap_or_default().to_le_bytes());
        if capabilities.contains(Capabilities::PLUGIN_AUTH) {
            put_nul_terminated(&mut out, self.plugin.as_deref().unwrap_or_default());
        }
        if capabilities.contains(Capabilities::CONNECT_ATTRS) {
            put_lenenc_bytes(&mut out, self.attributes.as_deref().unwrap_or_default());
        }
        out
    }
}

/// Without the authentication response.
impl std::fmt::Debug for ChangeUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChangeUser")
            .field("user", &String::from_utf8_lossy(&self.user))
            .field("schema", &self.schema.as_deref().map(String::from_utf8_lossy))
            .field("collation", &self.collation)
            .field("plugin", &self.plugin.as_deref().map(String::from_utf8_lossy))
            .finish_non_exhaustive()
    }
}

fn auth_response<'a>(reader: &mut Reader<'a>, capabilities: Capabilities) -> Option<&'a [u8]> {
    if capabilities.contains(Capabilities::SECURE_CONNECTION) {
        let len = reader.u8()?;
        reader.bytes(usize::from(len))
    } else {
        reader.nul_terminated()
    }
}

fn plugin(reader: &mut Reader<'_>, capabilities: Capabilities) -> Result<Option<Vec<u8>>, HandshakeError> {
    if !capabilities.contains(Capabilities::PLUGIN_AUTH) {
        return Ok(None);
    }
    if reader.is_empty() {
        return Err(HandshakeError::Truncated("plugin"));
    }
    Ok(Some(reader.nul_terminated_or_rest().to_vec()))
}
