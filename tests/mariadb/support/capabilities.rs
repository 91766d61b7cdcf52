//! Capability flags as the test client knows them; MariaDB's own are the upper 32 bits.
//!
//! Written down a second time on purpose: a wrong bit in the proxy's table must not hide itself.

pub const FOUND_ROWS: u64 = 0x2;
pub const LONG_FLAG: u64 = 0x4;
pub const WITH_SCHEMA: u64 = 0x8;
pub const COMPRESS: u64 = 0x20;
pub const LOCAL_FILES: u64 = 0x80;
pub const IGNORE_SPACE: u64 = 0x100;
pub const PROTOCOL_41: u64 = 0x200;
pub const TLS: u64 = 0x800;
pub const TRANSACTIONS: u64 = 0x2000;
pub const SECURE_CONNECTION: u64 = 0x8000;
pub const MULTI_STATEMENTS: u64 = 0x1_0000;
pub const MULTI_RESULTS: u64 = 0x2_0000;
pub const PS_MULTI_RESULTS: u64 = 0x4_0000;
pub const PLUGIN_AUTH: u64 = 0x8_0000;
pub const ATTRIBUTES: u64 = 0x10_0000;
pub const SESSION_TRACK: u64 = 0x80_0000;
pub const DEPRECATE_EOF: u64 = 0x100_0000;
pub const BULK: u64 = 0x4 << 32;
pub const EXTENDED_METADATA: u64 = 0x8 << 32;
pub const CACHE_METADATA: u64 = 0x10 << 32;

/// What every client of the suites asks for.
pub const BASE: u64 = LONG_FLAG
    | PROTOCOL_41
    | TRANSACTIONS
    | SECURE_CONNECTION
    | MULTI_STATEMENTS
    | MULTI_RESULTS
    | PS_MULTI_RESULTS
    | PLUGIN_AUTH;
