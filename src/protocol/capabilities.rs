//! Capability flags: what the two ends of a connection agreed to speak.
//!
//! Used wherever the form of a packet depends on that agreement. The low 32 bits are the classic MySQL flags, the high
//! 32 bits MariaDB's extended ones, which travel in their own field and only while [`Capabilities::CLIENT_MYSQL`] is
//! clear. Unknown bits are kept, so that a value survives being parsed and encoded again.
//!
//! MariaDB: "Connecting to the server" in the protocol documentation.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Not};

/// A set of capability flags.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Capabilities(u64);

macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)+) => {
        impl Capabilities {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)+
        }

        /// Every flag with its name, lowest bit first.
        const NAMES: &[(Capabilities, &str)] = &[$((Capabilities::$name, stringify!($name)),)+];
    };
}

flags! {
    /// Set by MySQL's servers and clients (there: `CLIENT_LONG_PASSWORD`), clear when MariaDB's extended flags follow.
    CLIENT_MYSQL = 0;
    /// The affected-rows number counts matched rows, not changed ones.
    FOUND_ROWS = 1;
    /// Column flags have two bytes.
    LONG_FLAG = 2;
    /// The handshake response names a schema.
    CONNECT_WITH_DB = 3;
    /// `schema.table.column` is refused; a promise of the client that servers ignore.
    NO_SCHEMA = 4;
    /// zlib compression of packets.
    COMPRESS = 5;
    /// An ODBC client; no effect.
    ODBC = 6;
    /// `LOAD DATA LOCAL INFILE` may ask this client for a file.
    LOCAL_FILES = 7;
    /// Spaces are allowed between a function's name and `(`.
    IGNORE_SPACE = 8;
    /// The protocol of 4.1 and later; without it neither SQLSTATEs nor this module's packets exist.
    PROTOCOL_41 = 9;
    /// `interactive_timeout` is used instead of `wait_timeout`.
    INTERACTIVE = 10;
    /// TLS is offered, or asked for.
    SSL = 11;
    /// The client ignores SIGPIPE; no effect.
    IGNORE_SIGPIPE = 12;
    /// Status flags are sent.
    TRANSACTIONS = 13;
    /// Once the flag of the 4.1 protocol; no effect.
    RESERVED = 14;
    /// The authentication response is prefixed with its length in one byte, and the salt has 20 bytes.
    SECURE_CONNECTION = 15;
    /// Several statements in one query.
    MULTI_STATEMENTS = 16;
    /// Several results to one query.
    MULTI_RESULTS = 17;
    /// Several results to one prepared statement.
    PS_MULTI_RESULTS = 18;
    /// Authentication plugins are named and may be switched.
    PLUGIN_AUTH = 19;
    /// The handshake response ends with connection attributes.
    CONNECT_ATTRS = 20;
    /// The authentication response is prefixed with a length-encoded integer.
    PLUGIN_AUTH_LENENC_CLIENT_DATA = 21;
    /// The client can handle a session whose password has expired.
    CAN_HANDLE_EXPIRED_PASSWORDS = 22;
    /// OK packets report changes of the session's state.
    SESSION_TRACK = 23;
    /// Result sets end with an OK packet that starts with 0xFE, and column definitions end without an EOF packet.
    DEPRECATE_EOF = 24;
    /// Column definitions may be left out (MySQL only).
    OPTIONAL_RESULTSET_METADATA = 25;
    /// zstd compression of packets (MySQL only).
    ZSTD_COMPRESSION = 26;
    /// Queries carry attributes (MySQL only).
    QUERY_ATTRIBUTES = 27;
    /// Several factors of authentication (MySQL only).
    MULTI_FACTOR_AUTHENTICATION = 28;
    /// Progress reports as MariaDB before 10.2 announced them.
    PROGRESS_OBSOLETE = 29;
    /// The client verifies the server's certificate; never sent on purpose.
    SSL_VERIFY_SERVER_CERT = 30;
    /// The client keeps its options when it reconnects; never sent on purpose.
    REMEMBER_OPTIONS = 31;
    /// Progress reports of long statements, as ERR packets with the number 0xFFFF (MariaDB).
    PROGRESS = 32;
    /// The former COM_MULTI; not used any more (MariaDB).
    COM_MULTI = 33;
    /// COM_STMT_BULK_EXECUTE (MariaDB 10.2).
    STMT_BULK_OPERATIONS = 34;
    /// Column definitions carry extended type information (MariaDB 10.5).
    EXTENDED_METADATA = 35;
    /// Column definitions of prepared statements are sent only when they changed (MariaDB 10.6).
    CACHE_METADATA = 36;
    /// Bulk execution reports one result a row (MariaDB 11.5).
    BULK_UNIT_RESULTS = 37;
}

impl Capabilities {
    /// No flag at all.
    pub const NONE: Self = Self(0);

    /// From classic flags (low half) and extended flags (high half).
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// From the two fields of a handshake packet. The extended field counts only while `CLIENT_MYSQL` is clear.
    #[must_use]
    pub fn from_fields(classic: u32, extended: u32) -> Self {
        let classic = Self(u64::from(classic));
        if classic.contains(Self::CLIENT_MYSQL) {
            classic
        } else {
            Self(classic.0 | u64::from(extended) << 32)
        }
    }

    /// All bits: classic in the low half, extended in the high half.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The classic flags.
    #[must_use]
    pub fn classic(self) -> u32 {
        let [a, b, c, d, ..] = self.0.to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    /// MariaDB's extended flags; 0 while `CLIENT_MYSQL` is set.
    #[must_use]
    pub fn extended(self) -> u32 {
        if self.contains(Self::CLIENT_MYSQL) {
            return 0;
        }
        let [.., a, b, c, d] = self.0.to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    /// Whether every flag of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Sets every flag of `other`.
    pub fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Clears every flag of `other`.
    pub fn remove(&mut self, other: Self) {
        self.0 &= !other.0;
    }

    /// These flags and those of `other`.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The flags set on both sides.
    #[must_use]
    pub const fn intersect(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// These flags without those of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl BitOr for Capabilities {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl BitOrAssign for Capabilities {
    fn bitor_assign(&mut self, other: Self) {
        self.insert(other);
    }
}

impl BitAnd for Capabilities {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        self.intersect(other)
    }
}

impl Not for Capabilities {
    type Output = Self;

    fn not(self) -> Self {
        Self(!self.0)
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Capabilities({self})")
    }
}

/// The names of the flags, joined by `|`; unknown bits as one hexadecimal number.
impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut unnamed = *self;
        let mut separator = "";
        for (flag, name) in NAMES.iter().filter(|(flag, _)| self.contains(*flag)) {
            write!(f, "{separator}{name}")?;
            unnamed.remove(*flag);
            separator = "|";
        }
        if unnamed == Self::NONE && !separator.is_empty() {
            return Ok(());
        }
        write!(f, "{separator}{:#x}", unnamed.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_a_mariadb_10_11_greeting_survive_the_round_trip() {
        let flags = Capabilities::from_fields(0x81ff_f7fe, 0x0000_001d);
        assert!(flags.contains(Capabilities::DEPRECATE_EOF | Capabilities::SESSION_TRACK));
        assert!(flags.contains(Capabilities::STMT_BULK_OPERATIONS | Capabilities::CACHE_METADATA));
        assert!(!flags.contains(Capabilities::SSL) && !flags.contains(Capabilities::BULK_UNIT_RESULTS));
        assert_eq!((flags.classic(), flags.extended()), (0x81ff_f7fe, 0x0000_001d));
    }

    #[test]
    fn a_mysql_client_has_no_extended_flags_whatever_its_filler_says() {
        let flags = Capabilities::from_fields(0x0000_0201, 0xffff_ffff);
        assert_eq!(flags.bits(), 0x0000_0201);
        assert_eq!((flags | Capabilities::CACHE_METADATA).extended(), 0);
    }

    #[test]
    fn contains_asks_for_every_flag() {
        let one = Capabilities::SSL;
        assert!(!one.contains(Capabilities::SSL | Capabilities::COMPRESS));
        assert!((one | Capabilities::COMPRESS).contains(Capabilities::SSL));
    }

    #[test]
    fn names_are_printed_and_unknown_bits_stay_visible() {
        let flags = Capabilities::SSL | Capabilities::PROGRESS | Capabilities::from_bits(1 << 60);
        assert_eq!(flags.to_string(), "SSL|PROGRESS|0x1000000000000000");
        assert_eq!(Capabilities::NONE.to_string(), "0x0");
    }

    #[test]
    fn every_flag_has_a_bit_of_its_own() {
        let union = NAMES.iter().fold(Capabilities::NONE, |all, (flag, _)| all | *flag);
        assert_eq!(usize::try_from(union.bits().count_ones()), Ok(NAMES.len()));
    }
}
