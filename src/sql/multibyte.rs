//! Character sets of clients in which a byte below 0x80 can be part of a longer character.

/// Which bytes start a character of two, and which may follow them.
///
/// In every other character set that a client can have (utf8mb3, utf8mb4, latin1, eucjpms, …) a byte below 0x80 is always itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Multibyte {
    /// No such characters.
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
    /// What counts for a character set by its name, in any case.
    pub fn of(charset: &[u8]) -> Self {
        match charset.to_ascii_lowercase().as_slice() {
            b"sjis" | b"cp932" => Self::Sjis,
            b"big5" => Self::Big5,
            b"gbk" => Self::Gbk,
            b"euckr" => Self::EucKr,
            _ => Self::None,
        }
    }
}
