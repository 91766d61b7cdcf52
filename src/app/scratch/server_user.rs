//! Which user of the operating system a scratch server runs as.

use std::ffi::OsString;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::{fs, io};

use crate::app::scratch::ScratchError;

/// The user that the server runs as: a server refuses to run as root unless told to, and should not.
pub(super) struct ServerUser {
    pub(super) name: Option<&'static str>,
    pub(super) ids: Option<(u32, u32)>,
}

impl ServerUser {
    /// Our own user, or for root the package's `mysql`; root itself where there is no such user.
    pub(super) fn choose() -> Self {
        let we_are_root =
            fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
        let ids = we_are_root
            .then(|| user_ids(&fs::read_to_string("/etc/passwd").unwrap_or_default(), "mysql"))
            .flatten();
        Self { name: we_are_root.then_some(if ids.is_some() { "mysql" } else { "root" }), ids }
    }

    /// With a `tmp` of its own: a server that starts removes the temporary tables of all others that share one.
    pub(super) fn make_directory(&self, parent: &Path) -> io::Result<tempfile::TempDir> {
        let directory = tempfile::Builder::new()
            .prefix("sealock-scratch-")
            .permissions(fs::Permissions::from_mode(0o700)) // whoever reaches the socket is root in the server
            .tempdir_in(parent)?;
        fs::create_dir(directory.path().join("tmp"))?;
        if let Some((user, group)) = self.ids {
            chown(directory.path(), Some(user), Some(group))?;
            chown(directory.path().join("tmp"), Some(user), Some(group))?;
        }
        Ok(directory)
    }

    /// A directory of root's own, such as some systems set TMPDIR to, is closed to the server's user.
    pub(super) fn check_way_to(&self, directory: &Path) -> Result<(), ScratchError> {
        let Some(user) = self.name.filter(|_| self.ids.is_some()) else { return Ok(()) };
        let open =
            |path: &&Path| fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o001 != 0);
        match directory
            .ancestors()
            .skip(1)
            .filter(|path| !path.as_os_str().is_empty())
            .find(|path| !open(path))
        {
            Some(path) => Err(ScratchError::Closed { path: path.to_owned(), user }),
            None => Ok(()),
        }
    }

    pub(super) fn argument(&self) -> Option<OsString> {
        self.name.map(|name| format!("--user={name}").into())
    }
}

pub(super) fn user_ids(passwd: &str, user: &str) -> Option<(u32, u32)> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(user))?;
    let mut ids = line.split(':').skip(2);
    Some((ids.next()?.parse().ok()?, ids.next()?.parse().ok()?))
}
