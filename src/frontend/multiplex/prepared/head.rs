//! The head of a command for a prepared statement, as one connection understands it. Pure.

use crate::backend::statements::Known;
use crate::protocol::command::Command;
use crate::protocol::statement::{self, BulkExecute, Execute};

/// Bytes of a statement's command up to the end of its id.
const UP_TO_ID: usize = 5;

/// What goes out in place of the first bytes of a command.
pub(super) struct Head {
    pub bytes: Vec<u8>,
    /// How many bytes of the command's payload it stands for.
    pub replaced: usize,
    /// By how many bytes the payload grows.
    pub growth: usize,
    /// The types that are bound from now on, where the command says so.
    pub bound: Option<Box<[u8]>>,
}

/// A statement on the connection that the command goes to.
pub(super) struct Here<'a> {
    /// As the connection knows it.
    pub known: &'a Known,
    /// Number of its parameters.
    pub parameters: u16,
    /// The types that the client bound last, on whichever connection.
    pub types: Option<&'a [u8]>,
}

impl Here<'_> {
    /// The head of a command's `payload`: with the connection's id, and with the types where the client relies on some that
    /// were bound elsewhere.
    pub(super) fn head(&self, payload: &[u8], command: Command) -> Head {
        let head = match command {
            Command::StmtExecute => self.of_execution(payload),
            Command::StmtBulkExecute => self.of_bulk_execution(payload),
            _ => None,
        };
        head.unwrap_or_else(|| self.with_id(payload))
    }

    fn of_execution(&self, payload: &[u8]) -> Option<Head> {
        let execute = Execute::parse(payload, self.parameters)?;
        let Some(types) = self.missing(execute.types) else {
            return Some(Head { bound: execute.types.map(Box::from), ..self.with_id(payload) });
        };
        let mut bytes = Vec::new();
        execute.encode_with(self.known.id, types, &mut bytes);
        let growth = execute.growth(types);
        Some(Head { bytes, replaced: execute.values, growth, bound: Some(types.into()) })
    }

    fn of_bulk_execution(&self, payload: &[u8]) -> Option<Head> {
        let bulk = BulkExecute::parse(payload, self.parameters)?;
        let Some(types) = self.missing(bulk.types) else {
            return Some(Head { bound: bulk.types.map(Box::from), ..self.with_id(payload) });
        };
        let mut bytes = Vec::new();
        bulk.encode_with(self.known.id, types, &mut bytes);
        let growth = bulk.growth(types);
        Some(Head { bytes, replaced: bulk.rows, growth, bound: Some(types.into()) })
    }

    /// The types that the connection lacks, of a command that comes with `sent`.
    fn missing(&self, sent: Option<&[u8]>) -> Option<&[u8]> {
        let bound_here = self.known.types.as_deref();
        self.types.filter(|types| sent.is_none() && self.parameters > 0 && bound_here != Some(*types))
    }

    fn with_id(&self, payload: &[u8]) -> Head {
        let mut bytes = payload.get(..UP_TO_ID).unwrap_or(payload).to_vec();
        let _ = statement::set_id(&mut bytes, self.known.id);
        Head { replaced: bytes.len(), bytes, growth: 0, bound: None }
    }
}
