//! What a client says of its program and its library: connection attributes.
//!
//! See MariaDB's `performance_schema.session_connect_attrs`. All of it is the client's own word, shortened and cleaned.

use crate::protocol::wire::Reader;

/// Characters kept of a value.
const LONGEST: usize = 64;

/// Program and library of a client; empty where it does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Software {
    /// `program_name`.
    pub program: String,
    /// `_client_name` and `_client_version`.
    pub library: String,
}

impl Software {
    /// Reads names and values, each with its length, as in the handshake response. What is cut off counts as not said.
    pub fn of(attributes: &[u8]) -> Self {
        let (mut program, mut name, mut version) = (String::new(), String::new(), String::new());
        let mut reader = Reader::new(attributes);
        while let (Some(key), Some(value)) = (reader.lenenc_bytes(), reader.lenenc_bytes()) {
            match key {
                b"program_name" => program = clean(value),
                b"_client_name" => name = clean(value),
                b"_client_version" => version = clean(value),
                _ => {}
            }
        }
        let library = if version.is_empty() { name } else { format!("{name} {version}") };
        Self { program, library: library.trim().to_owned() }
    }
}

/// Printable and short.
pub fn clean(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(pairs: &[(&str, &str)]) -> Vec<u8> {
        let words = pairs.iter().flat_map(|(name, value)| [name, value]);
        words.flat_map(|word| [&[u8::try_from(word.len()).unwrap()], word.as_bytes()].concat()).collect()
    }

    #[test]
    fn program_and_library_are_read_among_others() {
        let attributes = encoded(&[
            ("_os", "Linux"),
            ("_client_name", "libmariadb"),
            ("_client_version", "3.3.20"),
            ("program_name", "nova-api\n"),
        ]);
        let software = Software::of(&attributes);
        assert_eq!(
            software,
            Software { program: "nova-api\u{fffd}".into(), library: "libmariadb 3.3.20".into() }
        );
    }

    #[test]
    fn cut_anywhere_it_says_less_and_nothing_breaks() {
        let attributes = encoded(&[("_client_name", "pymysql"), ("program_name", &"x".repeat(200))]);
        assert_eq!(Software::of(&attributes).program.len(), LONGEST);
        for length in 0..attributes.len() {
            assert_eq!(Software::of(&attributes[..length]).program, "");
        }
    }
}
