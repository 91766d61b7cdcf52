//! The status flags that close every response.
//!
//! MariaDB: "OK_Packet", section "Server status flags".

use std::ops::{BitAnd, BitOr};

/// Server status: a set of flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatusFlags(pub u16);

impl StatusFlags {
    /// A transaction is open.
    pub const IN_TRANSACTION: Self = Self(0x0001);
    /// Autocommit is on.
    pub const AUTOCOMMIT: Self = Self(0x0002);
    /// Another result follows.
    pub const MORE_RESULTS: Self = Self(0x0008);
    /// A cursor is open; rows are fetched with COM_STMT_FETCH.
    pub const CURSOR_EXISTS: Self = Self(0x0040);
    /// The last row of a cursor has been sent.
    pub const LAST_ROW_SENT: Self = Self(0x0080);
    /// Backslashes are no escapes (`sql_mode`).
    pub const NO_BACKSLASH_ESCAPES: Self = Self(0x0200);
    /// Double quotes make names (`sql_mode`).
    pub const ANSI_QUOTES: Self = Self(0x8000);
    /// The open transaction is read-only.
    pub const IN_READ_ONLY_TRANSACTION: Self = Self(0x2000);
    /// The OK packet carries session state changes.
    pub const SESSION_STATE_CHANGED: Self = Self(0x4000);

    /// The statement was prepared anew before it was executed, and has another number of columns than before.
    pub const METADATA_CHANGED: Self = Self(0x0400);

    /// Flags that describe the session rather than one statement.
    pub const OF_SESSION: Self = Self(
        Self::IN_TRANSACTION.0
            | Self::AUTOCOMMIT.0
            | Self::NO_BACKSLASH_ESCAPES.0
            | Self::ANSI_QUOTES.0
            | Self::IN_READ_ONLY_TRANSACTION.0,
    );

    /// The statement was slow (`long_query_time`).
    pub const SLOW: Self = Self(0x0800);

    /// Whether all flags of `other` are set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The set without the flags of `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl BitOr for StatusFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for StatusFlags {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}
