//! Responses that servers sent, as `tools/capture.py` recorded them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sealock::protocol::command::{Command, Shape};

/// One response.
pub struct Capture {
    pub name: String,
    pub command: String,
    pub shape: Shape,
    pub bytes: Vec<u8>,
    pub in_transaction: bool,
}

/// One response of each kind, by name and then by the mode of the connection that it was sent to.
pub fn fixtures(version: &str) -> BTreeMap<String, BTreeMap<String, Capture>> {
    let directory = directory(version);
    let mut captures: BTreeMap<String, BTreeMap<String, Capture>> = BTreeMap::new();
    for entry in fs::read_dir(&directory).expect("captures are there") {
        let path = entry.expect("a directory entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        let Some((response, mode)) = name.strip_suffix(".txt").and_then(|name| name.split_once('.')) else {
            continue;
        };
        if let Some(capture) = read(&path, response) {
            captures.entry(response.to_owned()).or_default().insert(mode.to_owned(), capture);
        }
    }
    captures
}

/// One packet a line: sequence id and payload in hexadecimal. `None` for exchanges that are no command and response.
fn read(path: &PathBuf, name: &str) -> Option<Capture> {
    let text = fs::read_to_string(path).expect("a capture");
    let command = text.lines().find_map(|line| line.strip_prefix("# command: "))?;
    let shape = shape(command)?;
    let mut bytes = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        append_packet(line, &mut bytes);
    }
    let in_transaction = command.contains("in a transaction");
    Some(Capture { name: name.to_owned(), command: command.to_owned(), shape, bytes, in_transaction })
}

/// Appends the packet that a line has: its sequence id, and its payload in hexadecimal.
fn append_packet(line: &str, bytes: &mut Vec<u8>) {
    let (sequence, payload) = line.split_once(' ').unwrap_or((line, ""));
    let sequence = u8::from_str_radix(sequence, 16).expect("a sequence id");
    let payload = unhex(payload);
    bytes.extend_from_slice(&u32::try_from(payload.len()).expect("a short packet").to_le_bytes()[..3]);
    bytes.push(sequence);
    bytes.extend_from_slice(&payload);
}

/// A whole session under certain settings of session_track_*.
pub struct Tracked {
    /// The settings, as the server shows them: variables, schema, state change, transaction.
    pub settings: Vec<String>,
    /// Statements, each with the bytes of its response.
    pub responses: Vec<(String, Vec<u8>)>,
}

/// The session that was recorded with these settings, by name, and in this mode.
pub fn tracked(version: &str, settings: &str, mode: &str) -> Tracked {
    let path = directory(version).join("session_track").join(format!("{settings}.{mode}.txt"));
    let mut tracked = Tracked { settings: Vec::new(), responses: Vec::new() };
    for line in fs::read_to_string(&path).expect("a capture").lines() {
        if let Some(values) = line.strip_prefix("# settings: ") {
            tracked.settings = values.split('|').map(str::to_owned).collect();
        } else if let Some(command) = line.strip_prefix("# command: ") {
            tracked.responses.push((command.to_owned(), Vec::new()));
        } else if let Some((_, bytes)) = tracked.responses.last_mut() {
            append_packet(line, bytes);
        }
    }
    tracked
}

fn directory(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(version)
}

fn shape(command: &str) -> Option<Shape> {
    let name = command.split([' ', ',']).next()?;
    let byte = match name {
        "COM_INIT_DB" => 0x02,
        "COM_QUERY" | "LOAD" => 0x03,
        "COM_FIELD_LIST" => 0x04,
        "COM_STATISTICS" => 0x09,
        "COM_PROCESS_INFO" => 0x0A,
        "COM_DEBUG" => 0x0D,
        "COM_PING" => 0x0E,
        "COM_STMT_PREPARE" => 0x16,
        "COM_STMT_EXECUTE" => 0x17,
        "COM_STMT_BULK_EXECUTE" => 0xFA,
        "COM_STMT_FETCH" => 0x1C,
        "COM_STMT_RESET" => 0x1A,
        "COM_SET_OPTION" => 0x1B,
        "COM_RESET_CONNECTION" => 0x1F,
        _ => return None,
    };
    Some(Command::from_byte(byte).shape())
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair =
        |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hexadecimal");
    digits.chunks(2).map(pair).collect()
}

/// The first bytes of a response, for people.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(200).map(|byte| format!("{byte:02x}")).collect()
}
