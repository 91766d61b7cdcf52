//! Reading and mending the bytes of single packets.

use crate::protocol::ok::Ok as OkPacket;
use crate::protocol::packet::{HEADER_LEN, Header};

/// A packet that starts here: its header, and what of its payload is there.
pub(super) fn split_header(bytes: &[u8]) -> Option<(Header, &[u8])> {
    Some((Header::parse(bytes)?, bytes.get(HEADER_LEN..)?))
}

/// The OK or EOF packet that `bytes` are, header included.
pub(super) fn parse_ok(bytes: &[u8]) -> Option<OkPacket<'_>> {
    OkPacket::parse(bytes.get(HEADER_LEN..)?)
}

/// By how much sequence ids, which count modulo 256, move up for so many packets.
pub(super) fn low_byte(packets: u64) -> u8 {
    let [low, ..] = packets.to_le_bytes();
    low
}

/// Puts other bytes in the place of those at `at`.
pub(super) fn overwrite(out: &mut [u8], at: usize, bytes: &[u8]) {
    out.iter_mut().skip(at).zip(bytes).for_each(|(place, byte)| *place = *byte);
}
