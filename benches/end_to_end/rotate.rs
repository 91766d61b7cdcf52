//! Certificates of a contestant, one after the other.

use std::fs;
use std::path::{Path, PathBuf};

use crate::contestant::Contestant;
use crate::process::Process;

/// The pairs that [`stage`](crate::stage) mints for servers, without their suffixes.
pub const PAIRS: [&str; 2] = ["server", "other"];

/// Puts one pair after the other where a contestant reads its own.
pub struct Rotator {
    directory: PathBuf,
    contestant: Contestant,
    turns: usize,
}

impl Rotator {
    /// For a contestant with files of its own, see [`provide`].
    pub fn new(directory: &Path, contestant: Contestant) -> anyhow::Result<Self> {
        Ok(Self { directory: directory.to_owned(), contestant, turns: 0 })
    }

    /// Puts the next pair there and tells the process.
    pub fn rotate(&mut self, process: &Process) -> anyhow::Result<()> {
        self.turns += 1;
        let pair = PAIRS.iter().cycle().nth(self.turns).copied().unwrap_or_default();
        place(&self.directory, pair, self.contestant)?;
        process.hang_up()
    }
}

/// Gives a contestant its own files: `CONTESTANT.pem` and `CONTESTANT.key`.
pub fn provide(directory: &Path, contestant: Contestant) -> anyhow::Result<()> {
    place(directory, PAIRS[0], contestant)
}

fn place(directory: &Path, pair: &str, contestant: Contestant) -> anyhow::Result<()> {
    for suffix in ["pem", "key"] {
        let new = directory.join(format!("{contestant}.{suffix}.new"));
        fs::copy(directory.join(format!("{pair}.{suffix}")), &new)?;
        fs::rename(&new, directory.join(format!("{contestant}.{suffix}")))?;
    }
    Ok(())
}
