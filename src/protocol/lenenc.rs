//! Length-encoded integers and strings (MariaDB: "Protocol data types").

/// Splits a length-encoded integer off the front; `None` when bytes are missing or the first byte is NULL or an error.
pub fn split_int(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    match first {
        0..=0xFA => Some((u64::from(first), rest)),
        0xFC => split_le(rest, 2),
        0xFD => split_le(rest, 3),
        0xFE => split_le(rest, 8),
        0xFB | 0xFF => None,
    }
}

/// Splits a length-encoded string off the front.
pub fn split_bytes(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = split_int(bytes)?;
    rest.split_at_checked(usize::try_from(len).ok()?)
}

/// Appends a length-encoded integer.
pub fn append_int(out: &mut Vec<u8>, value: u64) {
    let bytes = value.to_le_bytes();
    let (marker, width) = match value {
        0..=0xFA => (None, 1),
        0xFB..=0xFFFF => (Some(0xFC), 2),
        0x1_0000..=0xFF_FFFF => (Some(0xFD), 3),
        _ => (Some(0xFE), 8),
    };
    out.extend(marker);
    out.extend(bytes.iter().take(width));
}

/// Appends a length-encoded string.
pub fn append_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    append_int(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn split_le(bytes: &[u8], width: usize) -> Option<(u64, &[u8])> {
    let (head, rest) = bytes.split_at_checked(width)?;
    let value = head.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte));
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_survive_the_round_trip_at_every_width() {
        for value in [0, 250, 251, 0xFFFF, 0x1_0000, 0xFF_FFFF, 0x100_0000, u64::MAX] {
            let mut out = Vec::new();
            append_int(&mut out, value);
            assert_eq!(split_int(&out), Some((value, [].as_slice())));
            for len in 0..out.len() {
                assert_eq!(split_int(out.get(..len).unwrap()), None);
            }
        }
    }

    #[test]
    fn a_string_longer_than_the_bytes_there_is_refused() {
        assert_eq!(split_bytes(b"\x05abcd"), None);
        assert_eq!(split_bytes(b"\xfe\xff\xff\xff\xff\xff\xff\xff\xffabcd"), None);
        assert_eq!(split_bytes(b"\x03abcd"), Some((b"abc".as_slice(), b"d".as_slice())));
    }
}
