//! `[migration]`: what is kept of who connects how.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::key::{Key, KeyDoc};
use crate::config::model::Migration;
use crate::config::section::{Section, assemble};
use crate::config::value::{Node, Value};

const STATE_DIRECTORY: Key<Directory> = Key::optional(
    "migration.state_directory",
    "nothing outlives the process",
    "Directory in which the ledger of who connects how is kept over restarts. It must be there, and the proxy's user must be allowed to write in it.",
);

const MAX_ENTRIES: Key<u32> = Key::with_default(
    "migration.max_entries",
    "10000",
    "Entries of the ledger: accounts times networks times programs times listeners. Past that, what is new counts in one bucket for its account.",
)
.accepting("whole number from 1 to 1000000", |count| (1..=1_000_000).contains(count));

const QUIET_PERIOD: Key<Duration> = Key::with_default(
    "migration.quiet_period",
    "\"7d\"",
    "How long an account must have been seen with nothing but TLS to be called ready for TLS to be enforced.",
);

pub(super) const KEYS: &[KeyDoc] = &[STATE_DIRECTORY.doc(), MAX_ENTRIES.doc(), QUIET_PERIOD.doc()];

pub(super) fn read(section: &Section<'_>) -> Option<Migration> {
    assemble!(Migration {
        state_directory: section.optional(&STATE_DIRECTORY).map(|directory| directory.map(|it| it.0)),
        max_entries: section.value(&MAX_ENTRIES),
        quiet_period: section.value(&QUIET_PERIOD),
    })
}

/// A directory that is there.
struct Directory(PathBuf);

impl Value for Directory {
    const FORM: &'static str = "path of a directory";

    fn read(node: &Node<'_>) -> Option<Self> {
        let path = node.document().resolve(node.text::<Self>()?);
        if path.is_dir() {
            Some(Self(path))
        } else {
            node.refuse(format!("{}, which is no directory", path.display()))
        }
    }
}
