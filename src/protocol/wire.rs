//! The few field types that packets are made of: integers, NUL-terminated and length-encoded strings.
//!
//! Used by the codecs of this module. Reading never goes past the packet and never panics; every failure is `None`, to
//! which the caller gives the name of the field. MariaDB: "Protocol data types".

/// Reads fields off the front of a packet.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the front of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// The next `len` bytes.
    pub fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*taken)
    }

    /// One byte.
    pub fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Two bytes, little-endian.
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// Four bytes, little-endian.
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// A length-encoded integer. 0xFB (NULL) and 0xFF are no integers.
    pub fn lenenc(&mut self) -> Option<u64> {
        match self.u8()? {
            byte @ ..=0xfa => Some(u64::from(byte)),
            0xfc => self.u16().map(u64::from),
            0xfd => self.array::<3>().map(|[a, b, c]| u64::from(u32::from_le_bytes([a, b, c, 0]))),
            0xfe => self.array().map(u64::from_le_bytes),
            0xfb | 0xff => None,
        }
    }

    /// Bytes prefixed with their length as a length-encoded integer.
    pub fn lenenc_bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.lenenc()?).ok()?;
        self.bytes(len)
    }

    /// Bytes up to a NUL, which is taken and left out.
    pub fn nul_terminated(&mut self) -> Option<&'a [u8]> {
        let end = memchr::memchr(0, self.rest)?;
        let taken = self.bytes(end)?;
        self.u8()?;
        Some(taken)
    }

    /// Bytes up to a NUL or, as servers accept for a last field, up to the end of the packet.
    pub fn nul_terminated_or_rest(&mut self) -> &'a [u8] {
        match self.nul_terminated() {
            Some(taken) => taken,
            None => self.rest(),
        }
    }
}

/// Appends a length-encoded integer in its shortest form.
pub fn put_lenenc(out: &mut Vec<u8>, value: u64) {
    let [a, b, c, ..] = value.to_le_bytes();
    match value {
        0..=0xfa => out.push(a),
        0xfb..=0xffff => out.extend_from_slice(&[0xfc, a, b]),
        0x1_0000..=0xff_ffff => out.extend_from_slice(&[0xfd, a, b, c]),
        _ => {
            out.push(0xfe);
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
}

/// Appends bytes prefixed with their length as a length-encoded integer.
pub fn put_lenenc_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_lenenc(out, bytes.len().try_into().unwrap_or(u64::MAX));
    out.extend_from_slice(bytes);
}

/// Appends bytes and a NUL. What follows a NUL inside `bytes` is left out: it could be read as the next field.
pub fn put_nul_terminated(out: &mut Vec<u8>, bytes: &[u8]) {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    out.extend(bytes.iter().take(end));
    out.push(0);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn null_and_error_markers_are_no_integers() {
        assert_eq!(Reader::new(&[0xfb]).lenenc(), None);
        assert_eq!(Reader::new(&[0xff, 0, 0]).lenenc(), None);
    }

    #[test]
    fn a_length_beyond_the_packet_yields_nothing() {
        assert_eq!(Reader::new(b"\x05abcd").lenenc_bytes(), None);
        assert_eq!(Reader::new(&[0xfe, 255, 255, 255, 255, 255, 255, 255, 255]).lenenc_bytes(), None);
    }

    #[test]
    fn a_nul_inside_a_terminated_field_cannot_smuggle_in_another_field() {
        let mut out = Vec::new();
        put_nul_terminated(&mut out, b"root\0mysql");
        assert_eq!(out, b"root\0");
    }

    proptest! {
        #[test]
        fn integers_survive_the_round_trip(value in prop_oneof![any::<u64>(), 0..0x2_0000_u64, 0xff_fff0..0x100_0010_u64]) {
            let mut out = Vec::new();
            put_lenenc(&mut out, value);
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.lenenc(), Some(value));
            prop_assert!(reader.is_empty());
        }
    }
}
