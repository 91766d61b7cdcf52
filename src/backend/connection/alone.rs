//! Commands of the proxy's own on a connection between two clients, one at a time. They consume it, so that one that has failed
//! cannot be used any more.

use crate::auth::{Channel, Prover};
use crate::backend::connection::{CONTROL_PACKET_LIMIT, Certainty, Connection, ControlError, Facts};
use crate::backend::connector::{Login, Terms, prove};
use crate::backend::control::query;
use crate::backend::error::ConnectError;
use crate::protocol::command::Command;
use crate::protocol::handshake::ChangeUser;
use crate::protocol::ok::Ok as OkPacket;
use crate::protocol::packet::SequenceId;
use crate::protocol::reply::ServerError;
use crate::protocol::status::StatusFlags;
use crate::protocol::wire::Reader;
use crate::tls::packets::PacketStream;

/// Most that the rows of a query of the proxy's own may take together, in bytes.
const ROWS_LIMIT: usize = 64 * 1024;

/// In place of a text row's value: NULL.
const NULL: u8 = 0xFB;

impl Connection {
    /// Resets the session: transaction rolled back, locks, temporary tables, variables and statements gone. The role,
    /// the schema and FOUND_ROWS() stay (FACTS §1).
    ///
    /// # Errors
    /// See [`ControlError`]; the connection cannot be used any more.
    pub async fn reset(self) -> Result<Self, ControlError> {
        self.command(&[Command::ResetConnection.byte()]).await
    }

    /// Runs a statement of the proxy's own that answers with OK.
    ///
    /// # Errors
    /// See [`ControlError`]; the connection cannot be used any more.
    pub async fn execute(self, statement: &str) -> Result<Self, ControlError> {
        self.command(&query(statement)).await
    }

    /// Runs a query of the proxy's own with a single-column result and returns its rows, text or NULL: at most 64 KiB.
    ///
    /// # Errors
    /// See [`ControlError`]; the connection cannot be used any more.
    pub async fn rows(self, statement: &str) -> Result<(Self, Vec<Option<Vec<u8>>>), ControlError> {
        let (mut packets, mut facts) = self.into_packets();
        packets.write(&query(statement)).await?;
        if defines_column(&packets.read().await?)? {
            packets.read().await?;
        }
        let (mut rows, mut bytes) = (Vec::new(), 0);
        loop {
            let packet = packets.read().await?;
            if matches!(packet.first(), Some(0xFE | 0xFF)) {
                facts.end(ended(&packet)?, Certainty::Told);
                return Ok((Self::rejoin(packets, facts), rows));
            }
            bytes += packet.len();
            if bytes > ROWS_LIMIT {
                return Err(ControlError::Unexpected("there are more rows than were asked for"));
            }
            rows.push(first_column(&packet)?);
        }
    }

    /// Logs in again with COM_CHANGE_USER: everything but the role and FOUND_ROWS() starts afresh, the client's
    /// attributes are taken over and init_connect runs.
    ///
    /// # Errors
    /// See [`ConnectError`]; the connection cannot be used any more.
    pub async fn log_in_again(self, login: &Login, terms: &Terms) -> Result<Self, ConnectError> {
        let channel = if self.stream.is_secure() { Channel::Secure } else { Channel::Insecure };
        let mut prover = Prover::new(login.secret.clone(), channel);
        // Whatever is answered here, the server asks again with an AuthSwitchRequest (10.11).
        let command = ChangeUser {
            user: login.user.clone(),
            auth_response: Vec::new(),
            schema: terms.schema.clone(),
            collation: Some(terms.collation),
            plugin: Some(prover.unanswered().plugin.to_vec()),
            attributes: terms.attributes.clone(),
        };
        let (mut packets, facts) = self.into_packets();
        packets.write(&command.encode(facts.capabilities)).await.map_err(ConnectError::Broken)?;
        let ok = prove(&mut packets, &mut prover).await?;
        Ok(Self::rejoin(packets, facts.logged_in(ok)))
    }

    /// Runs a command that answers with OK.
    async fn command(self, payload: &[u8]) -> Result<Self, ControlError> {
        let (mut packets, mut facts) = self.into_packets();
        packets.write(payload).await?;
        facts.end(ended(&packets.read().await?)?, Certainty::Told);
        Ok(Self::rejoin(packets, facts))
    }

    fn into_packets(self) -> (PacketStream, Facts) {
        let Self { stream, buffer, facts, .. } = self;
        (PacketStream::from_parts(stream, buffer, SequenceId::default(), CONTROL_PACKET_LIMIT), facts)
    }

    fn rejoin(packets: PacketStream, facts: Facts) -> Self {
        let (stream, buffer) = packets.into_parts();
        Self { stream, buffer, facts, shared: None }
    }
}

/// The status flags that a response ends with.
fn ended(packet: &[u8]) -> Result<StatusFlags, ControlError> {
    if let Some(error) = ServerError::parse(packet) {
        return Err(ControlError::Refused(error));
    }
    let ok = OkPacket::parse(packet).ok_or(ControlError::Unexpected("OK or an error was due"))?;
    Ok(ok.status)
}

/// Reads the column count, which must be one. Tells whether the column's definition follows: always, but where its
/// client caches definitions (MARIADB_CLIENT_CACHE_METADATA), the server says so in another byte.
fn defines_column(packet: &[u8]) -> Result<bool, ControlError> {
    match packet {
        [1] => Ok(true),
        [1, follows] => Ok(*follows != 0),
        _ => {
            ended(packet)?;
            Err(ControlError::Unexpected("a result with one column was due"))
        }
    }
}

/// The first column of a text row; `None` is NULL.
fn first_column(row: &[u8]) -> Result<Option<Vec<u8>>, ControlError> {
    if row == [NULL] {
        return Ok(None);
    }
    let value = Reader::new(row).lenenc_bytes().ok_or(ControlError::Unexpected("a row was due"))?;
    Ok(Some(value.to_vec()))
}
