//! Commands of the binary protocol: whose statement they are for, and how their parameters are bound.
//!
//! Works on the head of a command's payload, so that the rest of a long one streams past. A statement's id is another one
//! on every backend connection, and parameter types, which clients send once, have to be sent again where a statement was
//! prepared anew. MariaDB: "3-binary-protocol-prepared-statements".

use crate::protocol::command::Command;
use crate::protocol::wire::Reader;

/// The id that stands for the statement prepared last on the connection (MariaDB 10.2).
pub const LAST_PREPARED: u32 = u32::MAX;

/// Bytes of a COM_STMT_EXECUTE in front of its parameters: command, id, flags, iterations.
const EXECUTE_HEAD: usize = 10;

/// Most statements that one client may have: as many as a server grants to all of them by default
/// (`max_prepared_stmt_count`).
pub const MOST: usize = 16_382;

/// Bytes of a COM_STMT_BULK_EXECUTE in front of its types: command, id, flags.
const BULK_HEAD: usize = 7;

/// The id of the statement that a command is for. `None` when it is for none, or too short for an id.
pub fn id(payload: &[u8]) -> Option<u32> {
    let (&command, rest) = payload.split_first()?;
    has_id(command).then(|| rest.first_chunk().copied().map(u32::from_le_bytes)).flatten()
}

/// Writes another id over that of the statement. `None` when there is none, and nothing is changed.
pub fn set_id(payload: &mut [u8], id: u32) -> Option<()> {
    let (&mut command, rest) = payload.split_first_mut()?;
    let place = rest.first_chunk_mut().filter(|_| has_id(command))?;
    *place = id.to_le_bytes();
    Some(())
}

fn has_id(command: u8) -> bool {
    matches!(
        Command::from_byte(command),
        Command::StmtExecute
            | Command::StmtBulkExecute
            | Command::StmtSendLongData
            | Command::StmtFetch
            | Command::StmtReset
            | Command::StmtClose
    )
}

/// The first part of a COM_STMT_EXECUTE, up to the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Execute<'a> {
    /// The statement's id.
    pub id: u32,
    /// What is asked for besides.
    pub flags: ExecuteFlags,
    /// Always 1.
    pub iterations: u32,
    /// One bit a parameter: it is NULL.
    pub nulls: &'a [u8],
    /// Two bytes a parameter, when they are sent with this execution.
    pub types: Option<&'a [u8]>,
    /// Where the values begin.
    pub values: usize,
}

/// Flags of COM_STMT_EXECUTE: which cursor is to be opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExecuteFlags(pub u8);

impl ExecuteFlags {
    /// Whether a cursor is asked for, of whatever kind.
    pub fn asks_cursor(self) -> bool {
        self.0 & 0x07 != 0
    }
}

impl<'a> Execute<'a> {
    /// Reads the head of a COM_STMT_EXECUTE for a statement with this many parameters. `None` when it is another command,
    /// not all there up to the values, or one that a server calls malformed.
    pub fn parse(payload: &'a [u8], parameters: u16) -> Option<Self> {
        let mut reader = Reader::new(payload);
        if Command::from_byte(reader.u8()?) != Command::StmtExecute {
            return None;
        }
        let id = reader.u32()?;
        let flags = ExecuteFlags(reader.u8()?);
        let iterations = reader.u32()?;
        if parameters == 0 {
            return Some(Self { id, flags, iterations, nulls: &[], types: None, values: EXECUTE_HEAD });
        }
        let nulls = reader.bytes(nulls_len(parameters))?;
        let types = match reader.u8()? {
            0 => None,
            1 => Some(reader.bytes(types_len(parameters))?),
            _ => return None,
        };
        let values = EXECUTE_HEAD + nulls.len() + 1 + types.map_or(0, <[u8]>::len);
        Some(Self { id, flags, iterations, nulls, types, values })
    }

    /// Appends the head with another id and with `types` where none came. What follows [`Self::values`] in the client's
    /// payload comes behind it, and the payload is longer by [`Self::growth`].
    pub fn encode_with(&self, id: u32, types: &[u8], out: &mut Vec<u8>) {
        out.push(Command::StmtExecute.byte());
        out.extend_from_slice(&id.to_le_bytes());
        out.push(self.flags.0);
        out.extend_from_slice(&self.iterations.to_le_bytes());
        if self.nulls.is_empty() {
            return;
        }
        out.extend_from_slice(self.nulls);
        out.push(1);
        out.extend_from_slice(self.types.unwrap_or(types));
    }

    /// By how much the payload grows when `types` go in.
    pub fn growth(&self, types: &[u8]) -> usize {
        if self.nulls.is_empty() || self.types.is_some() { 0 } else { types.len() }
    }
}

/// The first part of a COM_STMT_BULK_EXECUTE, up to the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkExecute<'a> {
    /// The statement's id.
    pub id: u32,
    /// What it says of itself.
    pub flags: BulkFlags,
    /// Two bytes a parameter, when they are sent with this execution.
    pub types: Option<&'a [u8]>,
    /// Where the rows begin.
    pub rows: usize,
}

/// Flags of COM_STMT_BULK_EXECUTE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BulkFlags(pub u16);

impl BulkFlags {
    /// The types are sent.
    pub const SEND_TYPES: Self = Self(128);
    /// A result for each row is asked for (MariaDB 11.5).
    pub const SEND_UNIT_RESULTS: Self = Self(64);

    /// Whether all flags of `other` are set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl<'a> BulkExecute<'a> {
    /// Reads the head of a COM_STMT_BULK_EXECUTE for a statement with this many parameters. `None` when it is another
    /// command or not all there up to the rows.
    pub fn parse(payload: &'a [u8], parameters: u16) -> Option<Self> {
        let mut reader = Reader::new(payload);
        if Command::from_byte(reader.u8()?) != Command::StmtBulkExecute {
            return None;
        }
        let id = reader.u32()?;
        let flags = BulkFlags(reader.u16()?);
        let sent = flags.contains(BulkFlags::SEND_TYPES);
        let types = if sent { Some(reader.bytes(types_len(parameters))?) } else { None };
        Some(Self { id, flags, types, rows: BULK_HEAD + types.map_or(0, <[u8]>::len) })
    }

    /// Appends the head with another id and with `types` where none came; see [`Execute::encode_with`].
    pub fn encode_with(&self, id: u32, types: &[u8], out: &mut Vec<u8>) {
        out.push(Command::StmtBulkExecute.byte());
        out.extend_from_slice(&id.to_le_bytes());
        out.extend_from_slice(&(self.flags.0 | BulkFlags::SEND_TYPES.0).to_le_bytes());
        out.extend_from_slice(self.types.unwrap_or(types));
    }

    /// By how much the payload grows when `types` go in.
    pub fn growth(&self, types: &[u8]) -> usize {
        if self.types.is_some() { 0 } else { types.len() }
    }
}

fn nulls_len(parameters: u16) -> usize {
    usize::from(parameters).div_ceil(8)
}

fn types_len(parameters: u16) -> usize {
    usize::from(parameters) * 2
}

#[cfg(test)]
mod tests;
