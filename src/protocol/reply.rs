//! Replies that the proxy makes itself: EOF and ERR packets, and every error a client can hear from it.
//!
//! The numbers are MariaDB's own, never private ones: clients decide by number and SQLSTATE whether to reconnect and
//! retry. No reply carries an address, SQL text or a certificate's details. Payloads only; `protocol::packet` adds headers.

use std::fmt;

use crate::protocol::capabilities::Capabilities;
use crate::protocol::command::Command;
use crate::protocol::statement;
use crate::protocol::wire::Reader;

/// First byte of an OK packet.
pub const OK_HEADER: u8 = 0x00;
/// First byte of an EOF packet, and of an AuthSwitchRequest.
pub const EOF_HEADER: u8 = 0xfe;
/// First byte of an ERR packet.
pub const ERR_HEADER: u8 = 0xff;

/// `ER_CON_COUNT_ERROR`, SQLSTATE 08004.
pub const TOO_MANY_CONNECTIONS: u16 = 1040;
/// `ER_HANDSHAKE_ERROR`, SQLSTATE 08S01.
pub const BAD_HANDSHAKE: u16 = 1043;
/// `ER_HOST_NOT_PRIVILEGED`, SQLSTATE HY000.
pub const HOST_NOT_PRIVILEGED: u16 = 1130;
/// `ER_ACCESS_DENIED_ERROR`, SQLSTATE 28000.
pub const ACCESS_DENIED: u16 = 1045;
/// `ER_UNKNOWN_COM_ERROR`, SQLSTATE 08S01. Clients take it for a lost connection and retry.
pub const UNKNOWN_COMMAND: u16 = 1047;
/// `ER_NOT_ALLOWED_COMMAND`, SQLSTATE 42000.
pub const NOT_ALLOWED_COMMAND: u16 = 1148;
/// `ER_LOCK_DEADLOCK`, SQLSTATE 40001.
pub const DEADLOCK: u16 = 1213;
/// `ER_UNKNOWN_STMT_HANDLER`, SQLSTATE HY000.
pub const UNKNOWN_STATEMENT: u16 = 1243;
/// `ER_MAX_PREPARED_STMT_COUNT_REACHED`, SQLSTATE 42000.
pub const TOO_MANY_STATEMENTS: u16 = 1461;
/// `ER_NEED_REPREPARE`, SQLSTATE HY000.
pub const NEED_REPREPARE: u16 = 1615;
/// `ER_NET_PACKETS_OUT_OF_ORDER`, SQLSTATE 08S01.
pub const PACKETS_OUT_OF_ORDER: u16 = 1156;
/// `ER_TOO_MANY_USER_CONNECTIONS`, SQLSTATE 42000.
pub const TOO_MANY_USER_CONNECTIONS: u16 = 1203;
/// `ER_NOT_SUPPORTED_AUTH_MODE`, SQLSTATE 08004.
pub const OLD_CLIENT: u16 = 1251;
/// `ER_CONNECTION_KILLED`, SQLSTATE 70100 from a server and 08S01 from the proxy: the connection is lost.
pub const SERVER_LOST: u16 = 1927;
/// `ER_SECURE_TRANSPORT_REQUIRED`, SQLSTATE HY000.
pub const SECURE_TRANSPORT_REQUIRED: u16 = 3159;

/// Number that marks a progress report inside an ERR packet (MariaDB, `PROGRESS`).
const PROGRESS_REPORT: u16 = 0xffff;

/// An EOF packet, for clients without `DEPRECATE_EOF`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EofReply {
    /// Number of warnings.
    pub warnings: u16,
    /// Status flags.
    pub status: u16,
}

impl EofReply {
    /// The payload: always five bytes.
    #[must_use]
    pub fn encode(self) -> [u8; 5] {
        let [w0, w1] = self.warnings.to_le_bytes();
        let [s0, s1] = self.status.to_le_bytes();
        [EOF_HEADER, w0, w1, s0, s1]
    }
}

/// The words at the end of MariaDB's 1045.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsingPassword {
    /// The client sent an authentication response.
    Yes,
    /// The client sent an empty one.
    No,
}

impl UsingPassword {
    /// What a server's own 1045 says: some plugins count an empty answer as a password.
    #[must_use]
    pub fn as_said(error: &ServerError) -> Option<Self> {
        if error.message.ends_with("(using password: YES)") {
            Some(Self::Yes)
        } else if error.message.ends_with("(using password: NO)") {
            Some(Self::No)
        } else {
            None
        }
    }

    /// From the client's answer. Where the plugin was switched, the last one counts.
    #[must_use]
    pub fn of(response: &[u8]) -> Self {
        if response.is_empty() { Self::No } else { Self::Yes }
    }
}

/// An ERR packet: one made by the proxy or one that a server sent.
///
/// Errors of a server are relayed as they came; this form is for reading them and for making one's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerError {
    /// MariaDB's error number.
    pub code: u16,
    /// SQLSTATE; `HY000` when the server sent none.
    pub state: [u8; 5],
    /// Text for people; bytes that are not UTF-8 were replaced.
    pub message: String,
}

impl ServerError {
    /// Any error of the given number and SQLSTATE.
    #[must_use]
    pub fn new(code: u16, state: [u8; 5], message: impl Into<String>) -> Self {
        Self { code, state, message: message.into() }
    }

    /// Reads an ERR payload, with or without SQLSTATE. `None`: not an ERR packet, too short, or a progress report.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(payload);
        if reader.u8()? != ERR_HEADER {
            return None;
        }
        let code = reader.u16().filter(|code| *code != PROGRESS_REPORT)?;
        let rest = reader.rest();
        let (state, message) = match rest.strip_prefix(b"#").and_then(|rest| rest.split_first_chunk::<5>()) {
            Some((state, message)) => (*state, message),
            None => (*b"HY000", rest),
        };
        Some(Self { code, state, message: String::from_utf8_lossy(message).into_owned() })
    }

    /// The payload for a client with these capabilities: with SQLSTATE only for `PROTOCOL_41`.
    #[must_use]
    pub fn encode(&self, capabilities: Capabilities) -> Vec<u8> {
        let mut out = Vec::with_capacity(9 + self.message.len());
        out.push(ERR_HEADER);
        out.extend_from_slice(&self.code.to_le_bytes());
        if capabilities.contains(Capabilities::PROTOCOL_41) {
            out.push(b'#');
            out.extend_from_slice(&self.state);
        }
        out.extend_from_slice(self.message.as_bytes());
        out
    }

    /// The payload in place of a greeting, when the client's capabilities are not known yet: with SQLSTATE, for clients to
    /// go by (PyMySQL 1.1 even takes it for granted). MariaDB itself sends none there.
    #[must_use]
    pub fn encode_before_greeting(&self) -> Vec<u8> {
        self.encode(Capabilities::PROTOCOL_41)
    }
}

/// The errors that clients hear from the proxy.
impl ServerError {
    /// 1040: `limits.max_clients` is reached.
    #[must_use]
    pub fn too_many_connections() -> Self {
        Self::new(TOO_MANY_CONNECTIONS, *b"08004", "Too many connections")
    }

    /// 1203: the account's own limit is reached.
    #[must_use]
    pub fn too_many_user_connections(user: &[u8]) -> Self {
        let message = format!(
            "User {} already has more than 'max_user_connections' active connections",
            String::from_utf8_lossy(user)
        );
        Self::new(TOO_MANY_USER_CONNECTIONS, *b"42000", message)
    }

    /// 1043: the handshake could not be understood.
    #[must_use]
    pub fn bad_handshake() -> Self {
        Self::new(BAD_HANDSHAKE, *b"08S01", "Bad handshake")
    }

    /// 1251: the client speaks a protocol from before 4.1.
    #[must_use]
    pub fn old_client() -> Self {
        let message = "Client does not support authentication protocol requested by server; consider upgrading MariaDB client";
        Self::new(OLD_CLIENT, *b"08004", message)
    }

    /// 1045, in MariaDB's words. `host` is the client's, as the server would name it.
    #[must_use]
    pub fn access_denied(user: &[u8], host: &str, using: UsingPassword) -> Self {
        let user = String::from_utf8_lossy(user);
        let using = match using {
            UsingPassword::Yes => "YES",
            UsingPassword::No => "NO",
        };
        let message = format!("Access denied for user '{user}'@'{host}' (using password: {using})");
        Self::new(ACCESS_DENIED, *b"28000", message)
    }

    /// 1045: the certificate that the client showed when it connected would be refused now.
    #[must_use]
    pub fn certificate_refused() -> Self {
        let message = "Access denied: the client certificate of this connection is not accepted any more; connect with another one";
        Self::new(ACCESS_DENIED, *b"28000", message)
    }

    /// 1130, in MariaDB's words: no account at all is for clients from there.
    #[must_use]
    pub fn host_refused(host: &str) -> Self {
        let message = format!("Host '{host}' is not allowed to connect to this MariaDB server");
        Self::new(HOST_NOT_PRIVILEGED, *b"HY000", message)
    }

    /// 3159: plaintext where TLS is required.
    #[must_use]
    pub fn plaintext_refused() -> Self {
        let message =
            "Connections using insecure transport are prohibited while --require_secure_transport=ON.";
        Self::new(SECURE_TRANSPORT_REQUIRED, *b"HY000", message)
    }

    /// 1047 with a sentence of the proxy: no backend, none in time, or shutting down. Clients reconnect and retry.
    ///
    /// `sentence` says what happened, without addresses and certificate details.
    #[must_use]
    pub fn unavailable(sentence: impl Into<String>) -> Self {
        Self::new(UNKNOWN_COMMAND, *b"08S01", sentence)
    }

    /// 1047: a command that cannot be understood.
    #[must_use]
    pub fn unknown_command() -> Self {
        Self::new(UNKNOWN_COMMAND, *b"08S01", "Unknown command")
    }

    /// 1148: a local file was asked for that the client's statement does not name.
    #[must_use]
    pub fn local_file_refused() -> Self {
        let message = "The used command is not allowed: the server asked for a local file that the statement does not name";
        Self::new(NOT_ALLOWED_COMMAND, *b"42000", message)
    }

    /// 1213 in MariaDB's words, which clients go by: nothing was applied, and the transaction is to be started again.
    #[must_use]
    pub fn deadlock() -> Self {
        Self::new(DEADLOCK, *b"40001", "Deadlock found when trying to get lock; try restarting transaction")
    }

    /// 1243 in MariaDB's words: there is no statement with the id that the client gave with this command.
    #[must_use]
    pub fn unknown_statement(id: u32, command: Command) -> Self {
        let function = match command {
            Command::StmtFetch => "mysqld_stmt_fetch",
            Command::StmtReset => "mysqld_stmt_reset",
            _ => "mysqld_stmt_execute",
        };
        let message = format!("Unknown prepared statement handler ({id}) given to {function}");
        Self::new(UNKNOWN_STATEMENT, *b"HY000", message)
    }

    /// 1615: the statement is not what it was when it was prepared.
    #[must_use]
    pub fn need_reprepare() -> Self {
        Self::new(NEED_REPREPARE, *b"HY000", "Prepared statement needs to be re-prepared")
    }

    /// 1047: no backend connection became free in time. Clients reconnect and retry.
    #[must_use]
    pub fn pool_exhausted() -> Self {
        Self::unavailable("No backend connection became free in time: the pool is exhausted")
    }

    /// 1461: a client has prepared too many statements.
    #[must_use]
    pub fn too_many_statements() -> Self {
        let message = format!(
            "Can't create more than max_prepared_stmt_count statements (current value: {})",
            statement::MOST
        );
        Self::new(TOO_MANY_STATEMENTS, *b"42000", message)
    }

    /// 1421: rows are to be fetched where no cursor is open.
    #[must_use]
    pub fn no_cursor(id: u32) -> Self {
        Self::new(1421, *b"HY000", format!("The statement ({id}) has no open cursor"))
    }

    /// 1095: a KILL of somebody else's connection, without the privilege.
    #[must_use]
    pub fn not_owner(id: u32) -> Self {
        Self::new(1095, *b"HY000", format!("You are not owner of thread {id}"))
    }

    /// 1231: a character set that clients cannot have.
    #[must_use]
    pub fn character_set_refused(name: &str) -> Self {
        let message = format!("Variable 'character_set_client' can't be set to the value of '{name}'");
        Self::new(1231, *b"42000", message)
    }

    /// 1156: a sequence id that does not follow the one before.
    #[must_use]
    pub fn packets_out_of_order() -> Self {
        Self::new(PACKETS_OUT_OF_ORDER, *b"08S01", "Got packets out of order")
    }

    /// 1927 / 08S01: the backend was lost while a statement ran; its outcome is unknown. Not 2013, which is the clients'
    /// own: Connector/C (3.3.20) takes an error from 2000 to 2999 that comes from a server for a malformed packet.
    #[must_use]
    pub fn server_lost() -> Self {
        Self::new(
            SERVER_LOST,
            *b"08S01",
            "Lost connection to the database server during the statement; whether it was executed is unknown",
        )
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.code, String::from_utf8_lossy(&self.state), self.message)
    }
}

impl std::error::Error for ServerError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_access_denied_is_byte_for_byte_that_of_mariadb_10_11() {
        let ours = ServerError::access_denied(b"nat", "localhost", UsingPassword::of(b"x"));
        let theirs = b"\xff\x15\x04#28000Access denied for user 'nat'@'localhost' (using password: YES)";
        assert_eq!(ours.encode(Capabilities::PROTOCOL_41), theirs);
        let ours = ServerError::access_denied(b"nat", "localhost", UsingPassword::of(b""));
        assert!(ours.message.ends_with("(using password: NO)"));
    }

    #[test]
    fn before_the_greeting_there_is_an_sqlstate_and_without_one_an_error_is_read_too() {
        let payload = ServerError::too_many_connections().encode_before_greeting();
        assert_eq!(payload, b"\xff\x10\x04#08004Too many connections");
        let theirs = ServerError::parse(b"\xff\x10\x04Too many connections");
        assert_eq!(theirs.map(|error| error.state), Some(*b"HY000"));
    }

    #[test]
    fn errors_about_statements_are_byte_for_byte_those_of_mariadb_10_11() {
        let fetch = ServerError::unknown_statement(99, Command::StmtFetch).encode(Capabilities::PROTOCOL_41);
        let theirs = b"\xff\xdb\x04#HY000Unknown prepared statement handler (99) given to mysqld_stmt_fetch";
        assert_eq!(fetch, theirs);
        let bulk = ServerError::unknown_statement(u32::MAX, Command::StmtBulkExecute);
        assert_eq!(
            bulk.message,
            "Unknown prepared statement handler (4294967295) given to mysqld_stmt_execute"
        );
    }

    #[test]
    fn an_eof_has_the_warnings_before_the_status() {
        assert_eq!(EofReply { warnings: 1, status: 0x22 }.encode(), [0xfe, 1, 0, 0x22, 0]);
    }

    #[test]
    fn a_progress_report_is_no_error() {
        assert_eq!(ServerError::parse(b"\xff\xff\xff\x01\x01\x02"), None);
    }

    proptest! {
        #[test]
        fn errors_survive_the_round_trip(code in 0..0xffff_u16, state in any::<[u8; 5]>(), message in ".*") {
            let error = ServerError::new(code, state, message);
            prop_assert_eq!(ServerError::parse(&error.encode(Capabilities::PROTOCOL_41)), Some(error));
        }

        #[test]
        fn any_bytes_can_be_parsed(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = ServerError::parse(&bytes);
        }
    }
}
