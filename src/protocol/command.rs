//! Commands: the first byte of what a client sends, and the shape of the response that each has.
//!
//! MariaDB: "2-text-protocol", "3-binary-protocol-prepared-statements", "replication-protocol".

/// The commands that have a meaning of their own here. Any other byte is relayed and answered by the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// COM_QUIT.
    Quit,
    /// COM_INIT_DB: change the schema.
    InitDb,
    /// COM_QUERY: one text statement, or several.
    Query,
    /// COM_FIELD_LIST: columns of a table.
    FieldList,
    /// COM_STATISTICS: one line of text.
    Statistics,
    /// COM_PROCESS_INFO: the process list.
    ProcessInfo,
    /// COM_PROCESS_KILL: end a connection by id.
    ProcessKill,
    /// COM_DEBUG: the server writes to its log.
    Debug,
    /// COM_PING.
    Ping,
    /// COM_CHANGE_USER: log in again on this connection.
    ChangeUser,
    /// COM_BINLOG_DUMP: a stream of binlog events.
    BinlogDump,
    /// COM_REGISTER_SLAVE.
    RegisterReplica,
    /// COM_STMT_PREPARE.
    StmtPrepare,
    /// COM_STMT_EXECUTE.
    StmtExecute,
    /// COM_STMT_SEND_LONG_DATA.
    StmtSendLongData,
    /// COM_STMT_CLOSE.
    StmtClose,
    /// COM_STMT_RESET.
    StmtReset,
    /// COM_SET_OPTION: multi-statements on or off.
    SetOption,
    /// COM_STMT_FETCH: rows of a cursor.
    StmtFetch,
    /// COM_RESET_CONNECTION.
    ResetConnection,
    /// COM_STMT_BULK_EXECUTE (MariaDB).
    StmtBulkExecute,
    /// Anything else, such as COM_SHUTDOWN or a byte no server knows.
    Other(u8),
}

/// What the response to a command looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// There is none.
    Nothing,
    /// OK, ERR, a request for a local file, or result sets; several in a row.
    Results,
    /// One packet: OK, EOF or ERR.
    Single,
    /// One packet of text, or ERR.
    Text,
    /// Column definitions until EOF, or ERR.
    Definitions,
    /// The answer to COM_STMT_PREPARE.
    Prepare,
    /// Rows until EOF, or ERR.
    Rows,
    /// Packets until the connection ends.
    Stream,
}

impl Command {
    /// The command that starts with `byte`.
    pub fn from_byte(byte: u8) -> Self {
        match byte {
            0x01 => Self::Quit,
            0x02 => Self::InitDb,
            0x03 => Self::Query,
            0x04 => Self::FieldList,
            0x09 => Self::Statistics,
            0x0A => Self::ProcessInfo,
            0x0C => Self::ProcessKill,
            0x0D => Self::Debug,
            0x0E => Self::Ping,
            0x11 => Self::ChangeUser,
            0x12 => Self::BinlogDump,
            0x15 => Self::RegisterReplica,
            0x16 => Self::StmtPrepare,
            0x17 => Self::StmtExecute,
            0x18 => Self::StmtSendLongData,
            0x19 => Self::StmtClose,
            0x1A => Self::StmtReset,
            0x1B => Self::SetOption,
            0x1C => Self::StmtFetch,
            0x1F => Self::ResetConnection,
            0xFA => Self::StmtBulkExecute,
            other => Self::Other(other),
        }
    }

    /// The byte that it starts with.
    pub fn byte(self) -> u8 {
        match self {
            Self::Quit => 0x01,
            Self::InitDb => 0x02,
            Self::Query => 0x03,
            Self::FieldList => 0x04,
            Self::Statistics => 0x09,
            Self::ProcessInfo => 0x0A,
            Self::ProcessKill => 0x0C,
            Self::Debug => 0x0D,
            Self::Ping => 0x0E,
            Self::ChangeUser => 0x11,
            Self::BinlogDump => 0x12,
            Self::RegisterReplica => 0x15,
            Self::StmtPrepare => 0x16,
            Self::StmtExecute => 0x17,
            Self::StmtSendLongData => 0x18,
            Self::StmtClose => 0x19,
            Self::StmtReset => 0x1A,
            Self::SetOption => 0x1B,
            Self::StmtFetch => 0x1C,
            Self::ResetConnection => 0x1F,
            Self::StmtBulkExecute => 0xFA,
            Self::Other(byte) => byte,
        }
    }

    /// The shape of its response.
    pub fn shape(self) -> Shape {
        match self {
            Self::Quit | Self::StmtSendLongData | Self::StmtClose => Shape::Nothing,
            Self::Query | Self::ProcessInfo | Self::StmtExecute | Self::StmtBulkExecute => Shape::Results,
            Self::Statistics => Shape::Text,
            Self::FieldList => Shape::Definitions,
            Self::StmtPrepare => Shape::Prepare,
            Self::StmtFetch => Shape::Rows,
            Self::BinlogDump => Shape::Stream,
            Self::InitDb
            | Self::ProcessKill
            | Self::Debug
            | Self::Ping
            | Self::ChangeUser
            | Self::RegisterReplica
            | Self::StmtReset
            | Self::SetOption
            | Self::ResetConnection
            | Self::Other(_) => Shape::Single,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_one_command_and_that_command_is_the_byte() {
        for byte in 0..=u8::MAX {
            assert_eq!(Command::from_byte(byte).byte(), byte);
        }
    }
}
