//! Lines to copy, for somebody who wants to try it from another terminal.

use crate::app::demo::stage::ACCOUNT;

/// What the lines depend on.
pub(super) struct Place {
    /// Where clients connect.
    pub port: u16,
    /// Where metrics are.
    pub admin_port: u16,
    /// File of the CA.
    pub ca: String,
    /// File of the configuration.
    pub config: String,
}

/// The lines, each with what it is for.
pub(super) fn text(place: &Place) -> String {
    let (port, admin, ca) = (place.port, place.admin_port, word(&place.ca));
    let client = format!("mariadb --host=127.0.0.1 --port={port} --user={ACCOUNT} --password={ACCOUNT}");
    format!(
        "Try it from another terminal.
  Over TLS, with the certificate verified:
    {client} --ssl-ca={ca} --ssl-verify-server-cert {ACCOUNT}
  In plaintext, on the same port:
    {client} --skip-ssl {ACCOUNT}
  SQLAlchemy with PyMySQL:
    {url}
  Metrics, and the configuration of this demo:
    curl http://127.0.0.1:{admin}/metrics
    cat {config}
",
        url = url(place),
        config = word(&place.config),
    )
}

fn url(place: &Place) -> String {
    let (port, ca) = (place.port, percent_encoded(&place.ca));
    format!("mysql+pymysql://{ACCOUNT}:{ACCOUNT}@127.0.0.1:{port}/{ACCOUNT}?ssl_ca={ca}")
}

/// One word for a POSIX shell.
fn word(text: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "/._-".contains(character);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// A value in the query of a URL (RFC 3986, section 3.4).
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(directory: &str) -> Place {
        Place {
            port: 6033,
            admin_port: 6070,
            ca: format!("{directory}/ca.pem"),
            config: format!("{directory}/sealock.toml"),
        }
    }

    #[test]
    fn an_ordinary_path_is_copied_as_it_is() {
        let text = text(&place("/tmp/sealock-scratch-x1"));
        assert!(text.contains("--ssl-ca=/tmp/sealock-scratch-x1/ca.pem --ssl-verify-server-cert demo\n"));
        assert!(text.contains("@127.0.0.1:6033/demo?ssl_ca=/tmp/sealock-scratch-x1/ca.pem\n"));
        assert!(text.contains("curl http://127.0.0.1:6070/metrics\n"));
    }

    #[test]
    fn a_path_with_spaces_and_quotes_stays_one_word_and_one_value() {
        let text = text(&place("/tmp/it's a/ü&b"));
        assert!(text.contains(r"--ssl-ca='/tmp/it'\''s a/ü&b/ca.pem' "), "{text}");
        assert!(text.contains("?ssl_ca=/tmp/it%27s%20a/%C3%BC%26b/ca.pem\n"), "{text}");
    }
}
