//! Packets that go to the client as they came, but for ids, and those around definitions of columns.

use crate::protocol::definitions::{ColumnCount, Definitions};
use crate::protocol::dialect::metadata::{Counted, Released};
use crate::protocol::dialect::translator::Translator;
use crate::protocol::dialect::translator::bytes::{low_byte, overwrite, split_header};
use crate::protocol::observed::Prepared;
use crate::protocol::packet::{HEADER_LEN, Header, SequenceId};

impl Translator {
    pub(super) fn copy(&self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.writing {
            out.extend_from_slice(bytes);
        }
    }

    /// Passes on bytes that start with a packet header.
    pub(super) fn pass_packet(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let Some((header, payload)) = split_header(bytes) else { return };
        self.last = header.sequence.shifted(self.shift);
        if self.writing {
            out.extend_from_slice(&Header { sequence: self.last, ..header }.encode());
            out.extend_from_slice(payload);
        }
    }

    pub(super) fn pass_prepared(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.observed.prepared = bytes.get(HEADER_LEN..).and_then(Prepared::parse);
        let start = out.len();
        self.pass_packet(bytes, out);
        if let Some(id) = self.statement_id {
            overwrite(out, start + HEADER_LEN + 1, &id.to_le_bytes());
        }
    }

    pub(super) fn pass_count(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let Some((header, payload)) = split_header(bytes) else { return };
        let Some(count) = ColumnCount::parse(payload) else { return };
        self.observed.columns.get_or_insert(count.columns);
        match self.metadata.count(count, header.sequence) {
            Counted::Passes => self.pass_packet(bytes, out),
            Counted::Waits => {}
            Counted::Lacks(definitions) => {
                let count = ColumnCount { follow: Some(true), ..count };
                self.put_count(count, header.sequence, Some(&definitions), out);
                self.shift = self.shift.wrapping_add(low_byte(count.columns));
            }
        }
    }

    pub(super) fn release_definitions(&mut self, out: &mut Vec<u8>) {
        if let Some(Released { count, sequence, definitions }) = self.metadata.end() {
            self.put_count(count, sequence, definitions.as_ref(), out);
            if definitions.is_none() {
                self.shift = self.shift.wrapping_sub(low_byte(count.columns));
            }
        }
    }

    /// Writes a column count that had this id, and the definitions that belong to it.
    fn put_count(
        &mut self,
        count: ColumnCount,
        sequence: SequenceId,
        definitions: Option<&Definitions>,
        out: &mut Vec<u8>,
    ) {
        self.last = sequence.shifted(self.shift);
        count.append(self.last, out);
        if let Some(definitions) = definitions {
            self.last = definitions.append(self.last, out);
        }
    }
}
