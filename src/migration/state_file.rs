//! Files of the state directory: each is written whole, beside the old one, which it then replaces. Everything here blocks.
//!
//! A crash at any point leaves the old file or the new one. A file that cannot be understood is set aside under another
//! name, never overwritten: somebody may still want to know what was in it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The ledger, see [`crate::migration::ledger::Entry`].
pub const LEDGER: &str = "ledger.json";

/// Stages that were set at run time, see [`crate::migration::stages::Setting`].
pub const STAGES: &str = "stages.json";

/// The version that is written. A later one may add fields without changing it.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Document<T> {
    version: u32,
    entries: Vec<T>,
}

/// Why a file cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The operating system refuses.
    #[error("{}: {source}", file.display())]
    Io {
        /// Which file.
        file: PathBuf,
        /// What it says.
        source: io::Error,
    },
    /// The file is of a later version, or damaged; it was set aside.
    #[error("{}: {problem}; it was renamed to {}, and begins anew", file.display(), aside.display())]
    SetAside {
        /// Which file.
        file: PathBuf,
        /// Where it is now.
        aside: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// What was kept in the file `name` of `directory`; nothing when there is no file yet.
///
/// # Errors
/// See [`StateError`].
pub fn read<T: DeserializeOwned>(directory: &Path, name: &str) -> Result<Vec<T>, StateError> {
    let file = directory.join(name);
    let text = match fs::read(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(StateError::Io { file, source }),
    };
    let problem = match serde_json::from_slice::<Document<T>>(&text) {
        Ok(document) if document.version == VERSION => return Ok(document.entries),
        Ok(document) => format!("version {} is not known here", document.version),
        Err(error) => format!("it cannot be understood: {error}"),
    };
    let aside = file.with_extension("json.unreadable");
    match fs::rename(&file, &aside) {
        Ok(()) => Err(StateError::SetAside { file, aside, problem }),
        Err(source) => Err(StateError::Io { file, source }),
    }
}

/// Keeps `entries` in the file `name` of `directory`.
///
/// # Errors
/// The file cannot be written; the old one is as it was.
pub fn write<T: Serialize>(directory: &Path, name: &str, entries: Vec<T>) -> Result<(), StateError> {
    let file = directory.join(name);
    write_beside(directory, &file, entries).map_err(|source| StateError::Io { file, source })
}

fn write_beside<T: Serialize>(directory: &Path, file: &Path, entries: Vec<T>) -> io::Result<()> {
    let mut new = tempfile::Builder::new().prefix(".sealock-").tempfile_in(directory)?;
    serde_json::to_writer(io::BufWriter::new(&mut new), &Document { version: VERSION, entries })?;
    new.flush()?;
    new.as_file().sync_all()?;
    new.persist(file).map_err(|error| error.error)?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::ledger::tests::{at, sighting, tls};
    use crate::migration::ledger::{Entry, Ledger};

    fn entries() -> Vec<Entry> {
        let ledger = Ledger::new(10, Vec::new());
        ledger.record(sighting("nova", "api", tls()), at(1));
        ledger.entries()
    }

    fn kept(directory: &Path) -> Result<Vec<Entry>, StateError> {
        read(directory, LEDGER)
    }

    #[test]
    fn what_was_written_is_read_and_nothing_else_is_left_lying_about() {
        let directory = tempfile::tempdir().unwrap();
        assert!(kept(directory.path()).unwrap().is_empty());
        write::<Entry>(directory.path(), LEDGER, Vec::new()).unwrap();
        write(directory.path(), LEDGER, entries()).unwrap();
        assert_eq!(kept(directory.path()).unwrap(), entries());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_understood_is_set_aside_wherever_it_was_cut() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), LEDGER, entries()).unwrap();
        let whole = fs::read(directory.path().join(LEDGER)).unwrap();
        let later = String::from_utf8(whole.clone()).unwrap().replace("\"version\":1", "\"version\":2");
        let cut = (0..whole.len()).step_by(7).map(|length| whole[..length].to_vec());
        for damaged in cut.chain([later.into_bytes()]) {
            fs::write(directory.path().join(LEDGER), &damaged).unwrap();
            assert!(matches!(kept(directory.path()), Err(StateError::SetAside { .. })));
            assert_eq!(fs::read(directory.path().join("ledger.json.unreadable")).unwrap(), damaged);
            assert!(kept(directory.path()).unwrap().is_empty());
        }
    }

    #[test]
    fn a_file_that_cannot_be_written_leaves_the_old_one() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), LEDGER, entries()).unwrap();
        assert!(write::<Entry>(&directory.path().join("gone"), LEDGER, Vec::new()).is_err());
        assert_eq!(kept(directory.path()).unwrap(), entries());
    }
}
