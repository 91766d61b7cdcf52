//! What a server sent to a connection that speaks the canonical dialect, translated, is what the same server sent to
//! connections that speak the others.

use sealock::protocol::command::Shape;
use sealock::protocol::dialect::{Dialect, Ends, FileAccess, StateChanges, Stop, Translator};
use sealock::protocol::packet::SequenceId;
use sealock::protocol::response::Reports;
use sealock::protocol::session_track::{PendingChanges, Report};
use sealock::protocol::status::StatusFlags;

use crate::captures::{Capture, fixtures, hex};

/// Captures that are compared less strictly, each with its reason.
const DIFFERS_BY_NATURE: &[(&str, &str)] = &[
    (
        "explain",
        "warnings are raised before the definitions go out, and the canonical dialect counts them only at the end",
    ),
    (
        "select_error_after_rows",
        "that no index is used is said at the end, and here there is no end but an error",
    ),
    ("statistics", "counters of the server"),
    ("process_info", "ids of threads"),
];

/// What the connections with session tracking had been told, and not been told yet, of their transaction before a capture.
const TRANSACTIONS: &[(&str, &[u8], &[u8])] = &[
    ("select_in_transaction", b"T_______", b""),
    ("commit", b"T_______", b"T_R___S_"),
    ("select_second_in_transaction", b"________", b"I_R___S_"),
    ("xa_prepare_then_select", b"T___W___", b""),
];

#[test]
fn translated_responses_are_those_that_the_server_sends_itself() {
    let captures = fixtures("mariadb-10.11");
    assert!(captures.len() > 50, "only {} captures found", captures.len());
    let mut differences = Vec::new();
    for (name, modes) in &captures {
        let Some(canonical) = modes.get("deprecate-track") else { continue };
        for (mode, dialect) in [
            ("deprecate-track", Dialect::CANONICAL),
            ("deprecate", Dialect { ends: Ends::Ok, state: StateChanges::Dropped, reports: Reports::Asked }),
            ("classic", Dialect { ends: Ends::Eof, state: StateChanges::Dropped, reports: Reports::Asked }),
            ("track", Dialect { ends: Ends::Eof, state: StateChanges::Reported, reports: Reports::Asked }),
        ] {
            let Some(expected) = modes.get(mode) else { continue };
            let whole = translate(canonical, dialect, canonical.bytes.len());
            if DIFFERS_BY_NATURE.iter().any(|(other, _)| other == name) {
                assert!(mode != "classic" || whole != expected.bytes, "{name}.{mode} is equal after all");
                continue;
            }
            if without_counters(canonical, whole.clone())
                != without_counters(canonical, expected.bytes.clone())
            {
                differences.push(format!(
                    "{name}.{mode}:\n  got  {}\n  want {}",
                    hex(&whole),
                    hex(&expected.bytes)
                ));
            }
        }
    }
    assert!(differences.is_empty(), "{} differ\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn however_the_bytes_are_split_the_packets_are_the_same() {
    for (name, modes) in fixtures("mariadb-10.11") {
        let Some(canonical) = modes.get("deprecate-track").filter(|capture| capture.bytes.len() < 4096)
        else {
            continue;
        };
        for dialect in [
            Dialect::CANONICAL,
            Dialect { ends: Ends::Eof, state: StateChanges::Dropped, reports: Reports::Asked },
        ] {
            let whole = translate(canonical, dialect, canonical.bytes.len());
            for piece in [1, 2, 3, 7] {
                let pieced = translate(canonical, dialect, piece);
                let same = comparable(canonical, &pieced) == comparable(canonical, &whole);
                assert!(
                    same,
                    "{name} in pieces of {piece}:\n  got  {}\n  want {}",
                    hex(&pieced),
                    hex(&whole)
                );
            }
        }
    }
}

/// The packets of a response, the status of EOFs between definitions and rows masked: it can tell of the end of the rows
/// only when that has arrived too.
fn comparable(capture: &Capture, bytes: &[u8]) -> Vec<Vec<u8>> {
    let (mut packets, mut rest, mut in_rows) = (Vec::new(), bytes, capture.shape != Shape::Results);
    while let Some((header, after)) = rest.split_at_checked(4) {
        let (payload, after) = after.split_at(usize::from(header[0]) | usize::from(header[1]) << 8);
        let mut packet = [header, payload].concat();
        if let [0xFE, _, _, low, _] = *payload {
            let is_the_only_one = StatusFlags(u16::from(low)).contains(StatusFlags::CURSOR_EXISTS);
            if !in_rows && !is_the_only_one {
                packet[7..9].fill(0);
            }
            in_rows = !in_rows && !is_the_only_one;
        }
        packets.push(packet);
        rest = after;
    }
    assert!(rest.is_empty(), "half a packet: {}", hex(rest));
    packets
}

/// Statement ids count up from connection to connection, and transaction ids from capture to capture.
fn without_counters(capture: &Capture, mut bytes: Vec<u8>) -> Vec<u8> {
    if capture.shape == Shape::Prepare && bytes.get(4) == Some(&0) {
        bytes[5..9].fill(0);
    }
    let gtid = b"last_gtid\x08".as_slice();
    if let Some(at) = bytes.windows(gtid.len()).position(|window| window == gtid) {
        let at = at + gtid.len();
        bytes[at..at + 8].fill(0);
    }
    bytes
}

/// What the connection of a capture had still to be told before it.
fn pending(capture: &Capture) -> PendingChanges {
    let mut pending = PendingChanges::default();
    let Some((_, told, waiting)) = TRANSACTIONS.iter().find(|(name, ..)| *name == capture.name) else {
        return pending;
    };
    let block = |state| {
        let mut block = Vec::new();
        Report::TransactionState(state).encode(&mut block);
        block
    };
    pending.note_told(&block(told));
    if !waiting.is_empty() {
        let _ = pending.add(&block(waiting));
    }
    pending
}

/// Feeds a capture in pieces of `piece` bytes.
fn translate(capture: &Capture, dialect: Dialect, piece: usize) -> Vec<u8> {
    let status = if capture.in_transaction { 0x0003 } else { 0x0002 };
    let mut translator =
        Translator::new(capture.shape, dialect, StatusFlags(status), SequenceId(0), FileAccess::Asked);
    if dialect.ends == Ends::Eof {
        translator = translator.with_pending(pending(capture));
    }
    let mut only_asked = false;
    let (mut buffer, mut out) = (Vec::new(), Vec::new());
    for bytes in capture.bytes.chunks(piece.max(1)) {
        buffer.extend_from_slice(bytes);
        loop {
            let mut now = Vec::new();
            let advance = translator.advance(&buffer, &mut now);
            out.extend_from_slice(advance.bytes(&buffer, &now));
            buffer.drain(..advance.taken);
            if advance.stop != Stop::FileWanted {
                assert_eq!(advance.stop, Stop::Input, "{}", capture.command);
                break;
            }
            translator.file_sent(SequenceId(2));
            only_asked = buffer.is_empty();
        }
    }
    assert!(
        translator.is_done() || only_asked,
        "the response to {} has not ended: {}",
        capture.command,
        hex(&buffer)
    );
    out
}
