//! Values as SQL.

use std::fmt::Write as _;

use crate::session::baseline::Form;

/// A value as SQL, whatever the modes and character sets of the connection.
pub(super) fn literal(value: &[u8], form: Form) -> String {
    let number = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'e' | b'+');
    let harmless = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'\'' | b'\\');
    if form == Form::Number && !value.is_empty() && value.iter().all(number) {
        return String::from_utf8_lossy(value).into_owned();
    }
    if value.iter().all(harmless) {
        return format!("'{}'", String::from_utf8_lossy(value));
    }
    hexadecimal(value)
}

/// A text as SQL, byte for byte, whatever the character set of the connection.
pub fn hexadecimal(text: &[u8]) -> String {
    let mut hex = String::with_capacity(2 * text.len() + 12);
    hex.push_str("_utf8mb4 X'");
    for byte in text {
        let _ = write!(hex, "{byte:02X}");
    }
    hex.push('\'');
    hex
}
