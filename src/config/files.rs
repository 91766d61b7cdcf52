//! Files that the configuration names: there, readable, and not readable by everybody when they hold a key.

use std::fs::{self, File, Metadata};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::config::value::{Node, Value};

/// A file that exists and can be read; what is in it is for others to judge.
#[derive(Clone, Debug)]
pub(super) struct ReadableFile(pub(super) PathBuf);

impl Value for ReadableFile {
    const FORM: &'static str = "path of a readable PEM file";
    const LIST: &'static str = "list of paths of readable PEM files";

    fn read(node: &Node<'_>) -> Option<Self> {
        let path = node.document().resolve_file(node.text::<Self>()?);
        match open(&path) {
            Ok(_) => Some(Self(path)),
            Err(found) => node.refuse(found),
        }
    }
}

/// The same for a private key: nobody but its owner and group may read it.
#[derive(Clone, Debug)]
pub(super) struct PrivateFile(pub(super) PathBuf);

impl Value for PrivateFile {
    const FORM: &'static str = "path of a readable PEM file that not everybody can read (mode 0600 or 0640)";

    fn read(node: &Node<'_>) -> Option<Self> {
        let path = node.document().resolve_file(node.text::<Self>()?);
        match open_private(&path) {
            Ok(_) => Some(Self(path)),
            Err(found) => node.refuse(found),
        }
    }
}

/// Opens a file of secrets, unless everybody may read or change it. An error says what was found.
pub(super) fn open_private(path: &Path) -> Result<File, String> {
    let (file, metadata) = open(path)?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o007 == 0 {
        return Ok(file);
    }
    Err(format!("{}, which everybody on this machine can use (mode {mode:04o})", path.display()))
}

/// Opens a regular file. The kind is looked at first: opening a FIFO would wait for its writer.
fn open(path: &Path) -> Result<(File, Metadata), String> {
    let refused = |error: std::io::Error| format!("{}: {error}", path.display());
    if !fs::metadata(path).map_err(refused)?.is_file() {
        return Err(format!("{}, which is not a file", path.display()));
    }
    let file = File::open(path).map_err(refused)?;
    let metadata = file.metadata().map_err(refused)?;
    Ok((file, metadata))
}
