//! The pass over a response: unit by unit, as far as the input goes.

use crate::protocol::dialect::translator::Translator;
use crate::protocol::dialect::translator::bytes::parse_ok;
use crate::protocol::dialect::{Advance, Ends, FileAccess, Source, StateChanges, Stop};
use crate::protocol::packet::HEADER_LEN;
use crate::protocol::reply::OK_HEADER;
use crate::protocol::response::{Malformed, Unit};

impl Translator {
    /// Goes through `input` as far as possible. [`Advance::source`] says where the bytes for the client are: the input as
    /// it came, and nothing was appended to `out`, or what was appended. They are to be sent whatever the reason to stop:
    /// what this translator says of the response afterwards counts on it.
    pub fn advance(&mut self, input: &[u8], out: &mut Vec<u8>) -> Advance {
        self.provisional = None;
        self.writing = !self.is_canonical() || self.shift != 0 || self.metadata.holds();
        if self.writing {
            out.reserve(input.len() + HEADER_LEN);
        }
        let mut rest = input;
        let stop = loop {
            if self.definitions_ended && !self.end_definitions(rest, out) {
                break Stop::Input;
            }
            let before = self.scanner;
            let step = match self.scanner.step(rest) {
                Ok(Some(step)) => step,
                Ok(None) => break Stop::Input,
                Err(malformed) => break Stop::Malformed(malformed),
            };
            if step.unit == Unit::LocalFile && self.files == FileAccess::Refused {
                self.scanner = before;
                break Stop::FileRefused;
            }
            let (unit, after) = rest.split_at_checked(step.len).unwrap_or((rest, &[]));
            if !self.writing && self.is_to_change(step.unit, unit) {
                self.writing = true;
                out.extend_from_slice(input.get(..input.len() - rest.len()).unwrap_or_default());
            }
            self.translate(step.unit, unit, out);
            rest = after;
            if step.unit == Unit::LocalFile {
                break Stop::FileWanted;
            }
            if self.metadata.lost() {
                break Stop::Malformed(Malformed::DEFINITIONS);
            }
        };
        if self.definitions_ended && self.scanner.is_done() {
            self.end_definitions(rest, out);
        }
        let taken = input.len() - rest.len();
        self.observed.something_sent |= taken > 0;
        let source = if self.writing { Source::Output } else { Source::Input };
        Advance { taken, source, stop }
    }

    /// Whether packets go out as they came, but for single ones that say too much.
    fn is_canonical(&self) -> bool {
        self.dialect.ends == Ends::Ok && self.dialect.state == StateChanges::Reported
    }

    /// Whether this unit cannot go to a canonical client as it came.
    fn is_to_change(&self, unit: Unit, bytes: &[u8]) -> bool {
        match unit {
            Unit::Prepared => self.statement_id.is_some(),
            Unit::ColumnCount => self.metadata.doubt.is_some(),
            Unit::Ok | Unit::RowsEnd => parse_ok(bytes).is_some_and(|ok| {
                !self.telling.leaves(&ok) || self.metadata.corrected(ok.status) != ok.status
            }),
            _ => false,
        }
    }

    fn translate(&mut self, unit: Unit, bytes: &[u8], out: &mut Vec<u8>) {
        match unit {
            Unit::PacketRest => {
                if self.metadata.rest(bytes) {
                    self.copy(bytes, out);
                }
            }
            Unit::Definition => {
                if self.metadata.start(bytes) {
                    self.pass_packet(bytes, out);
                }
            }
            Unit::ColumnCount => self.pass_count(bytes, out),
            Unit::RowStart => {
                self.observed.rows += 1;
                self.pass_packet(bytes, out);
            }
            Unit::PacketStart | Unit::LocalFile => self.pass_packet(bytes, out),
            Unit::DefinitionsEnd => {
                self.observed.rows = 0;
                self.release_definitions(out);
                self.definitions_ended = self.dialect.ends == Ends::Eof;
            }
            Unit::Ok => self.pass_ok(OK_HEADER, bytes, out),
            Unit::RowsEnd => self.end_rows(bytes, out),
            Unit::Prepared => self.pass_prepared(bytes, out),
            Unit::Error => {
                self.provisional = None;
                self.observed.error(bytes);
                self.pass_packet(bytes, out);
            }
        }
    }
}
