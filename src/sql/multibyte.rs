//! Character sets of clients in which a byte below 0x80 can be part of a longer character.

/// Which pairs of bytes are one character.
///
/// In every other character set that a client can have (utf8mb3, utf8mb4, latin1, gb2312, ujis, …) a byte below 0x80 is itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Multibyte {
    /// None that matter.
    #[default]
    None,
    /// `sjis` and `cp932`.
    Sjis,
    /// `big5`.
    Big5,
    /// `gbk`.
    Gbk,
    /// `euckr`.
    EucKr,
}

impl Multibyte {
    /// What counts for a character set by its name (`character_set_client`), in any case.
    pub fn of(charset: &[u8]) -> Self {
        let named = |name: &str| charset.eq_ignore_ascii_case(name.as_bytes());
        match () {
            () if named("sjis") || named("cp932") => Self::Sjis,
            () if named("big5") => Self::Big5,
            () if named("gbk") => Self::Gbk,
            () if named("euckr") => Self::EucKr,
            () => Self::None,
        }
    }

    /// Whether `text` starts with a character of two bytes.
    pub(super) fn starts_pair(self, text: &[u8]) -> bool {
        let &[first, second, ..] = text else { return false };
        match self {
            Self::None => false,
            Self::Sjis => {
                matches!(first, 0x81..=0x9F | 0xE0..=0xFC) && matches!(second, 0x40..=0x7E | 0x80..=0xFC)
            }
            Self::Big5 => matches!(first, 0xA1..=0xF9) && matches!(second, 0x40..=0x7E | 0xA1..=0xFE),
            Self::Gbk => matches!(first, 0x81..=0xFE) && matches!(second, 0x40..=0x7E | 0x80..=0xFE),
            Self::EucKr => {
                matches!(first, 0x81..=0xFE) && matches!(second, 0x41..=0x5A | 0x61..=0x7A | 0x81..=0xFE)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_character_set_is_known_by_its_name() {
        assert_eq!(Multibyte::of(b"SJIS"), Multibyte::Sjis);
        assert_eq!(Multibyte::of(b"cp932"), Multibyte::Sjis);
        assert_eq!(Multibyte::of(b"big5"), Multibyte::Big5);
        assert_eq!(Multibyte::of(b"gbk"), Multibyte::Gbk);
        assert_eq!(Multibyte::of(b"euckr"), Multibyte::EucKr);
        for other in ["utf8mb4", "latin1", "ujis", "gb2312", "binary", ""] {
            assert_eq!(Multibyte::of(other.as_bytes()), Multibyte::None);
        }
    }

    #[test]
    fn a_pair_is_one_only_if_both_bytes_fit() {
        assert!(Multibyte::Sjis.starts_pair(b"\x95\\x"));
        assert!(!Multibyte::Sjis.starts_pair(b"\xA4\\"), "a character of one byte");
        assert!(!Multibyte::Gbk.starts_pair(b"\x95'") && !Multibyte::Gbk.starts_pair(b"\x95"));
        assert!(!Multibyte::EucKr.starts_pair(b"\x95\\") && Multibyte::EucKr.starts_pair(b"\x95a"));
        assert!(!Multibyte::None.starts_pair(b"\x95\\"));
    }
}
