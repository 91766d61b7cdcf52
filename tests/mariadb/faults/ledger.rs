//! What was written, after what the writers were told.

use std::collections::HashMap;

use crate::support::client::RawClient;
use crate::support::response::lenenc;

/// What a writer may conclude from what it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was acknowledged.
    Done,
    /// It was refused, rolled back, or lost before its COMMIT was sent.
    Never,
    /// The connection was lost in the middle of the decisive command.
    Unknown,
}

/// One thing written, under a number that no other has.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub number: u32,
    /// Rows it consists of: all of them or none.
    pub parts: u32,
    pub outcome: Outcome,
}

/// How often each outcome came up.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    pub done: usize,
    pub never: usize,
    pub unknown: usize,
    /// Of the unknown, those that turned out to be there.
    pub applied: usize,
}

/// Compares what each writer knows with the rows, over a connection of its own to the server.
pub fn compare(root: &mut RawClient, schema: &str, writers: &[Vec<Entry>]) -> Tally {
    let rows = rows(root, schema);
    let mut tally = Tally::default();
    let mut known = 0;
    for (writer, entries) in writers.iter().enumerate() {
        for entry in entries {
            let found = rows.get(&(writer as u32, entry.number)).map_or(&[][..], Vec::as_slice);
            let whole: Vec<u32> = (0..entry.parts).collect();
            let right = match entry.outcome {
                Outcome::Done => found == whole,
                Outcome::Never => found.is_empty(),
                Outcome::Unknown => found == whole || found.is_empty(),
            };
            assert!(right, "writer {writer}, {entry:?}: parts {found:?} are there");
            known += usize::from(!found.is_empty());
            tally.count(entry.outcome, found);
        }
    }
    assert_eq!(rows.len(), known, "something is there that nobody wrote");
    tally
}

/// The parts that are there of every number of every writer, in order.
fn rows(root: &mut RawClient, schema: &str) -> HashMap<(u32, u32), Vec<u32>> {
    let mut rows: HashMap<_, Vec<u32>> = HashMap::new();
    let packets = root.query(&format!("SELECT writer, number, part FROM {schema}.ledger ORDER BY part"));
    for packet in &packets[4..packets.len() - 1] {
        let [writer, number, part] = three(&packet.payload);
        rows.entry((writer, number)).or_default().push(part);
    }
    rows
}

fn three(mut row: &[u8]) -> [u32; 3] {
    [(); 3].map(|()| {
        let (length, start) = lenenc(row);
        let (value, rest) = row[start..].split_at(length as usize);
        row = rest;
        std::str::from_utf8(value).unwrap().parse().unwrap()
    })
}

impl Tally {
    fn count(&mut self, outcome: Outcome, found: &[u32]) {
        match outcome {
            Outcome::Done => self.done += 1,
            Outcome::Never => self.never += 1,
            Outcome::Unknown => {
                self.unknown += 1;
                self.applied += usize::from(!found.is_empty());
            }
        }
    }
}
