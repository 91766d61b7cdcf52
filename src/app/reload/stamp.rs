//! Whether files have changed: their bytes are compared, so that a touch is no change and a symbolic link is what it points to.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::config::Config;
use crate::tls::fingerprint::Fingerprint;

/// What a set of files contained at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp(BTreeMap<PathBuf, State>);

/// A file's bytes and permissions, both of which decide whether it can be used; none: it cannot be read.
type State = Option<(Fingerprint, u32)>;

impl Stamp {
    /// Of the text of the configuration `file`, and every file that it names.
    pub(super) fn of(file: &Path, text: &str) -> Self {
        let mut states: BTreeMap<PathBuf, State> =
            Config::files_named_by(text, file).into_iter().map(|path| (path.clone(), state(&path))).collect();
        states.insert(file.to_owned(), Some((Fingerprint::of(text.as_bytes()), 0)));
        Self(states)
    }

    /// Files that were changed, added or taken out.
    pub(super) fn changed_since(&self, before: &Self) -> Vec<String> {
        let differs = |path: &&PathBuf| self.0.get(*path) != before.0.get(*path);
        let both = self.0.keys().chain(before.0.keys().filter(|path| !self.0.contains_key(*path)));
        both.filter(differs).map(|path| path.display().to_string()).collect()
    }

    /// The directories in which a change of any of the files shows: those that the paths name, and those that the
    /// files themselves are in.
    pub(super) fn directories(&self) -> Vec<PathBuf> {
        let named = self.0.keys().cloned();
        let actual = self.0.keys().filter_map(|path| fs::canonicalize(path).ok());
        let mut directories: Vec<PathBuf> =
            named.chain(actual).filter_map(|path| path.parent().map(Path::to_owned)).collect();
        directories.sort_unstable();
        directories.dedup();
        directories
    }
}

fn state(path: &Path) -> State {
    let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let bytes = Zeroizing::new(fs::read(path).ok()?);
    Some((Fingerprint::of(&bytes), metadata.permissions().mode()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const TEXT: &str = "[[listener]]\nbind = \"127.0.0.1:0\"\ntls.certificate = \"live/tls.crt\"\ntls.key = \"live/tls.key\"\n";

    /// A directory as a kubelet keeps it: files are links into `..data`, which is a link to the version in force.
    fn mounted() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let live = directory.path().join("live");
        for version in ["..1", "..2"] {
            fs::create_dir_all(live.join(version)).unwrap();
            fs::write(live.join(version).join("tls.crt"), version).unwrap();
            fs::write(live.join(version).join("tls.key"), "the same key").unwrap();
        }
        symlink("..1", live.join("..data")).unwrap();
        symlink("..data/tls.crt", live.join("tls.crt")).unwrap();
        symlink("..data/tls.key", live.join("tls.key")).unwrap();
        directory
    }

    fn stamp(directory: &Path) -> Stamp {
        Stamp::of(&directory.join("sealock.toml"), TEXT)
    }

    #[test]
    fn a_touch_is_no_change_and_a_link_that_is_swapped_is_one() {
        let directory = mounted();
        let (before, live) = (stamp(directory.path()), directory.path().join("live"));
        let touched = fs::File::options().write(true).open(live.join("..1/tls.crt")).unwrap();
        touched.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(stamp(directory.path()), before);
        symlink("..2", live.join("..new")).unwrap();
        fs::rename(live.join("..new"), live.join("..data")).unwrap();
        let after = stamp(directory.path());
        assert_eq!(after.changed_since(&before), [live.join("tls.crt").display().to_string()]);
    }

    #[test]
    fn a_file_that_goes_or_becomes_readable_for_all_has_changed() {
        let directory = mounted();
        let (before, key) = (stamp(directory.path()), directory.path().join("live/..1/tls.key"));
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644 ^ 0o004)).unwrap();
        let narrowed = stamp(directory.path());
        assert_ne!(narrowed, before);
        fs::remove_file(&key).unwrap();
        assert_ne!(stamp(directory.path()), narrowed);
    }

    #[test]
    fn both_the_links_and_what_they_point_to_are_looked_after() {
        let directory = mounted();
        let live = directory.path().join("live");
        let directories = stamp(directory.path()).directories();
        for expected in [&live, &fs::canonicalize(live.join("..1")).unwrap()] {
            assert!(directories.contains(expected), "{} in {directories:?}", expected.display());
        }
    }
}
