//! Where the admin endpoint is: from the command line, or from the configuration of the proxy.
//!
//! Of the file only `admin.http` is read: whoever asks for the status need not be able to read the secrets and keys that
//! the rest of it names, and a file that is being edited is no hindrance.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::config::model::Address;

/// What `admin.http` is when the file does not say.
const DEFAULT: &str = "127.0.0.1:6070";

/// Why there is no address to ask.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// The file cannot be read.
    #[error(
        "{}: {source}; say which file with -c FILE, or where the admin endpoint is with --admin ADDRESS",
        .file.display()
    )]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The file is no configuration.
    #[error("{}: {problem}", .file.display())]
    Malformed {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// What was given is no address.
    #[error("{0:?} is no address of an admin endpoint: \"host:port\", \"[IPv6]:port\" or \"unix:/path\"")]
    NoAddress(String),
    /// The endpoint is switched off.
    #[error("{}: admin.http is \"\", so this proxy cannot be asked; give it an address and restart the proxy", .0.display())]
    SwitchedOff(PathBuf),
    /// The port is found at each start.
    #[error(
        "{}: admin.http has port 0, another one at each start; the line \"admin endpoint\" in the proxy's log has it: --admin ADDRESS",
        .0.display()
    )]
    AnyPort(PathBuf),
}

impl AddressError {
    /// Whether what was given cannot be used at all.
    pub(super) fn is_unusable(&self) -> bool {
        match self {
            Self::Unreadable { .. } | Self::Malformed { .. } | Self::NoAddress(_) => true,
            Self::SwitchedOff(_) | Self::AnyPort(_) => false,
        }
    }
}

/// The part of a configuration that matters here.
#[derive(Default, Deserialize)]
struct Document {
    #[serde(default)]
    admin: Admin,
}

#[derive(Default, Deserialize)]
struct Admin {
    http: Option<String>,
}

/// The address that a configuration file names.
pub(super) fn read(file: &Path) -> Result<Address, AddressError> {
    let unreadable = |source| AddressError::Unreadable { file: file.to_owned(), source };
    parse_document(&std::fs::read_to_string(file).map_err(unreadable)?, file)
}

/// An address on the command line; a URL, as it would be given to `curl`, means the same.
pub(super) fn parse_argument(text: &str) -> Result<Address, AddressError> {
    let bare = text.strip_prefix("http://").map_or(text, |rest| rest.trim_end_matches('/'));
    parse(bare).filter(has_port).ok_or_else(|| AddressError::NoAddress(text.to_owned()))
}

fn parse_document(text: &str, file: &Path) -> Result<Address, AddressError> {
    let malformed = |problem| AddressError::Malformed { file: file.to_owned(), problem };
    let document: Document = toml::from_str(text).map_err(|error| malformed(error.to_string()))?;
    let http = document.admin.http.unwrap_or_else(|| DEFAULT.to_owned());
    match parse(&http) {
        _ if http.is_empty() => Err(AddressError::SwitchedOff(file.to_owned())),
        Some(Address::Unix(path)) => Ok(Address::Unix(beside(file, &path))),
        Some(address) if has_port(&address) => Ok(address),
        Some(_) => Err(AddressError::AnyPort(file.to_owned())),
        None => Err(malformed(format!("admin.http: {}", AddressError::NoAddress(http)))),
    }
}

/// Relative paths in a file start at its directory.
fn beside(file: &Path, path: &Path) -> PathBuf {
    file.parent().map_or_else(|| path.to_owned(), |directory| directory.join(path))
}

fn parse(text: &str) -> Option<Address> {
    if let Some(path) = text.strip_prefix("unix:") {
        return (!path.is_empty()).then(|| Address::Unix(path.into()));
    }
    let (host, port) = text.rsplit_once(':')?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let known = !bare.is_empty() && !bare.contains(['/', ' ']) && (bare == host) != bare.contains(':');
    let port = port.parse().ok().filter(|_| known)?;
    Some(Address::Tcp { host: bare.to_owned(), port })
}

fn has_port(address: &Address) -> bool {
    !matches!(address, Address::Tcp { port: 0, .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_file(text: &str) -> Result<String, AddressError> {
        parse_document(text, Path::new("/etc/sealock/sealock.toml")).map(|address| address.to_string())
    }

    #[test]
    fn every_form_of_an_address_is_understood_also_as_a_url() {
        for text in ["127.0.0.1:6070", "[::1]:6070", "localhost:6070", "unix:/run/sealock/admin.sock"] {
            assert_eq!(parse_argument(text).unwrap().to_string(), text);
        }
        assert_eq!(parse_argument("http://127.0.0.1:6070/").unwrap().to_string(), "127.0.0.1:6070");
    }

    #[test]
    fn what_is_no_address_is_refused_by_name() {
        for text in
            ["", "6070", "127.0.0.1", "127.0.0.1:x", "::1:6070", "[a]:1", "unix:", ":1", "a/b:1", "a:0"]
        {
            let error = parse_argument(text).unwrap_err();
            assert!(error.is_unusable() && error.to_string().starts_with(&format!("{text:?}")), "{error}");
        }
    }

    #[test]
    fn of_a_file_only_the_admin_address_counts() {
        let broken = "[[account]]\nuser = \"a\"\npassword_file = \"/nobody/may/read\"\nno_such_key = 1\n";
        assert_eq!(in_file(broken).unwrap(), DEFAULT);
        assert_eq!(in_file("[admin]\nhttp = \"[::1]:7\"\n").unwrap(), "[::1]:7");
        assert_eq!(in_file("admin.http = \"unix:run/a.sock\"\n").unwrap(), "unix:/etc/sealock/run/a.sock");
    }

    #[test]
    fn a_file_that_names_no_address_says_what_to_do() {
        for (text, told, unusable) in [
            ("admin.http = \"\"", "restart the proxy", false),
            ("admin.http = \"127.0.0.1:0\"", "--admin", false),
            ("admin.http = \"6070\"", "host:port", true),
            ("admin.http = 6070", "string", true),
            ("[admin", "", true),
        ] {
            let error = in_file(text).unwrap_err();
            assert!(error.to_string().contains(told), "{error}");
            assert_eq!(error.is_unusable(), unusable, "{error}");
        }
        let missing = read(Path::new("/no/such/file")).unwrap_err();
        assert!(missing.is_unusable() && missing.to_string().contains("-c FILE"), "{missing}");
    }
}
