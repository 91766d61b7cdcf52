//! Secrets: given in place, in a file, or in the environment. Never quoted in a message.

use std::io::Read;
use std::os::unix::ffi::OsStringExt;

use toml::de::DeValue;
use zeroize::Zeroize;

use crate::config::files::open_private;
use crate::config::key::Key;
use crate::config::model::Secret;
use crate::config::section::Section;
use crate::config::value::{Node, Value};

/// Largest secret file, in bytes; a password is far smaller, a wrong path often is not.
const LARGEST: u64 = 4096;

impl Value for Secret {
    const FORM: &'static str = "text";

    fn read(node: &Node<'_>) -> Option<Self> {
        Some(Self::new(node.text::<Self>()?.as_bytes().to_vec()))
    }

    fn describe(value: &DeValue<'_>) -> String {
        format!("a value of type {}", value.type_str())
    }
}

/// A secret that is the only line of a file.
pub(super) struct SecretFile(pub(super) Secret);

impl Value for SecretFile {
    const FORM: &'static str =
        "path of a file with the password as its only line, that not everybody can read (mode 0600 or 0640)";

    fn read(node: &Node<'_>) -> Option<Self> {
        let path = node.document().resolve_file(node.text::<Self>()?);
        let mut bytes = Vec::new();
        let read = open_private(&path).and_then(|file| {
            let read = file.take(LARGEST + 1).read_to_end(&mut bytes);
            read.map_err(|error| format!("{}: {error}", path.display()))
        });
        if let Err(found) = read {
            return node.refuse(found);
        }
        match only_line(&bytes) {
            Some(line) => {
                let secret = Secret::new(line.to_vec());
                bytes.zeroize();
                Some(Self(secret))
            }
            None => {
                bytes.zeroize();
                node.refuse(format!("{}, which is empty, too long or has several lines", path.display()))
            }
        }
    }
}

/// The line without its end; none when there is no text or more than a line of it.
fn only_line(bytes: &[u8]) -> Option<&[u8]> {
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let fits = u64::try_from(bytes.len()).is_ok_and(|length| length <= LARGEST);
    (fits && !line.is_empty() && !line.contains(&b'\n') && !line.contains(&0)).then_some(line)
}

/// A secret from an environment variable.
pub(super) struct SecretVariable(pub(super) Secret);

impl Value for SecretVariable {
    const FORM: &'static str = "name of an environment variable that holds the password";

    fn read(node: &Node<'_>) -> Option<Self> {
        let name = node.text::<Self>()?;
        let usable = !name.is_empty() && !name.contains(['=', '\0']);
        match std::env::var_os(name).filter(|_| usable) {
            Some(value) if !value.is_empty() => Some(Self(Secret::new(value.into_vec()))),
            Some(_) => node.refuse(format!("{name:?}, which is set but empty")),
            None => node.refuse(format!("{name:?}, which is not set")),
        }
    }
}

/// The three ways to give one password.
pub(super) struct PasswordKeys {
    /// In place.
    pub(super) inline: Key<Secret>,
    /// In a file.
    pub(super) file: Key<SecretFile>,
    /// In the environment.
    pub(super) variable: Key<SecretVariable>,
}

impl PasswordKeys {
    /// The password that is given, if one is. Each that is given is read, so that the problems of all are known.
    pub(super) fn read(&self, section: &Section<'_>) -> Option<Option<Secret>> {
        let inline = section.optional(&self.inline);
        let file = section.optional(&self.file);
        let variable = section.optional(&self.variable);
        Some(inline?.or(file?.map(|file| file.0)).or(variable?.map(|variable| variable.0)))
    }

    /// Names of those that are given.
    pub(super) fn given(&self, section: &Section<'_>) -> Vec<&'static str> {
        let given = [
            (section.has(&self.inline), self.inline.doc()),
            (section.has(&self.file), self.file.doc()),
            (section.has(&self.variable), self.variable.doc()),
        ];
        given.iter().filter(|(given, _)| *given).map(|(_, doc)| doc.name()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_the_only_line_of_its_file() {
        assert_eq!(only_line(b"pw"), Some(&b"pw"[..]));
        assert_eq!(only_line(b" p w \n"), Some(&b" p w "[..]));
        assert_eq!(only_line(b"pw\r\n"), Some(&b"pw"[..]));
        for bytes in [&b""[..], b"\n", b"a\nb\n", b"a\n\n", b"a\0b", &[b'x'; 4097]] {
            assert_eq!(only_line(bytes), None);
        }
    }
}
