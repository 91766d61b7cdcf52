//! Every split, every truncation, and what follows what.

use proptest::prelude::*;

use super::*;
use crate::protocol::packet::{SequenceId, append};

/// Packets with ascending sequence ids.
fn packets(payloads: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut sequence = SequenceId(1);
    for payload in payloads {
        sequence = append(&mut out, sequence, payload);
    }
    out
}

const OK: &[u8] = b"\x00\x00\x00\x02\x00\x00\x00";
const OK_MORE: &[u8] = b"\x00\x00\x00\x0a\x00\x00\x00";
const END: &[u8] = b"\xfe\x00\x00\x02\x00\x00\x00";
const END_MORE: &[u8] = b"\xfe\x00\x00\x0a\x00\x00\x00";
const ERR: &[u8] = b"\xff\x28\x04#42000You have an error";
const COLUMN: &[u8] = b"\x03def\x00\x00\x00\x011\x00\x0c\x3f\x00\x01\x00\x00\x00\x03\x81\x00\x00\x00";

/// Every response shape with the bytes of one response.
fn samples() -> Vec<(Shape, Vec<u8>)> {
    // The continuation starts like the end of rows, and is none.
    let mut big = vec![b'x'; MAX_PAYLOAD + 3];
    big[MAX_PAYLOAD] = 0xFE;
    vec![
        (Shape::Results, packets(&[OK])),
        (Shape::Results, packets(&[ERR])),
        (Shape::Results, packets(&[b"\x01", COLUMN, b"\x011", END])),
        (Shape::Results, packets(&[b"\x01", COLUMN, END])),
        (Shape::Results, packets(&[b"\x01", COLUMN, b"\x011", ERR])),
        (Shape::Results, packets(&[b"\x01\x00", b"\x00\x00\x01\x00\x00\x00", END])),
        (Shape::Results, packets(&[b"\x01\x01", COLUMN, b"\x00\x00\x01\x00\x00\x00", END])),
        (Shape::Results, packets(&[b"\x01", COLUMN, b"\x011", END_MORE, OK_MORE, b"\x01", COLUMN, END])),
        (Shape::Results, packets(&[b"\xff\xff\xff\x01\x01\x02\x00\x00\x00\x04step", OK])),
        (Shape::Results, packets(&[b"\x01", COLUMN, &big, END])),
        (
            Shape::Prepare,
            packets(&[b"\x00\x01\x00\x00\x00\x01\x00\x02\x00\x00\x00\x00", COLUMN, COLUMN, COLUMN]),
        ),
        (Shape::Prepare, packets(&[b"\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"])),
        (Shape::Prepare, packets(&[ERR])),
        (Shape::Rows, packets(&[b"\x00\x00\x01\x00\x00\x00", END])),
        (Shape::Rows, packets(&[END])),
        (Shape::Definitions, packets(&[COLUMN, COLUMN, b"\xfe\x00\x00\x02\x00"])),
        (Shape::Text, packets(&[b"Uptime: 1"])),
        (Shape::Single, packets(&[b"\xfe\x00\x00\x02\x00"])),
        (Shape::Single, packets(&[ERR])),
    ]
}

/// Units with the bytes of each, fragments of one packet joined.
fn scan(shape: Shape, pieces: &[&[u8]]) -> Vec<(Unit, usize)> {
    let mut scanner = ResponseScanner::new(shape, Reports::Asked);
    let mut buffer: Vec<u8> = Vec::new();
    let mut units: Vec<(Unit, usize)> = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        let mut taken = 0;
        while let Some(step) = scanner.step(&buffer[taken..]).unwrap() {
            taken += step.len;
            match (step.unit, units.last_mut()) {
                (Unit::PacketRest, Some((_, len))) => *len += step.len,
                (unit, _) => units.push((unit, step.len)),
            }
        }
        buffer.drain(..taken);
    }
    assert!(scanner.is_done(), "{shape:?} has not ended: {units:?}");
    assert!(buffer.is_empty());
    units
}

#[test]
fn every_split_in_two_gives_the_same_units() {
    for (shape, bytes) in samples() {
        let whole = scan(shape, &[&bytes]);
        let step = if bytes.len() > 10_000 { bytes.len() / 2 - 1 } else { 1 };
        for at in (0..bytes.len()).step_by(step) {
            assert_eq!(scan(shape, &[&bytes[..at], &bytes[at..]]), whole, "{shape:?} split at {at}");
        }
    }
}

#[test]
fn byte_by_byte_gives_the_same_units() {
    for (shape, bytes) in samples().into_iter().filter(|(_, bytes)| bytes.len() < 10_000) {
        let singles: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(scan(shape, &singles), scan(shape, &[&bytes]));
    }
}

#[test]
fn the_end_of_a_response_is_found_before_bytes_that_follow_it() {
    for (shape, bytes) in samples() {
        let mut scanner = ResponseScanner::new(shape, Reports::Asked);
        let mut longer = bytes.clone();
        longer.extend_from_slice(&packets(&[OK]));
        let mut taken = 0;
        while let Some(step) = scanner.step(&longer[taken..]).unwrap() {
            taken += step.len;
        }
        assert_eq!((scanner.is_done(), taken), (true, bytes.len()));
    }
}

#[test]
fn a_truncated_response_never_looks_complete() {
    for (shape, bytes) in samples().into_iter().filter(|(_, bytes)| bytes.len() < 10_000) {
        for len in 0..bytes.len() {
            let mut scanner = ResponseScanner::new(shape, Reports::Asked);
            let mut taken = 0;
            while let Some(step) = scanner.step(&bytes[taken..len]).unwrap() {
                taken += step.len;
            }
            assert!(!scanner.is_done(), "{shape:?} ended after {len} of {} bytes", bytes.len());
        }
    }
}

#[test]
fn a_request_for_a_file_waits_for_it() {
    let mut scanner = ResponseScanner::new(Shape::Results, Reports::Asked);
    let request = packets(&[b"\xfb/tmp/x"]);
    let step = scanner.step(&request).unwrap().unwrap();
    assert_eq!((step.unit, step.len), (Unit::LocalFile, request.len()));
    let verdict = packets(&[OK]);
    assert_eq!(scanner.step(&verdict).unwrap(), None);
    scanner.file_sent();
    assert_eq!(scanner.step(&verdict).unwrap().map(|step| step.unit), Some(Unit::Ok));
    assert!(scanner.is_done());
}

#[test]
fn status_is_that_of_the_last_ok_also_when_an_error_follows() {
    let mut scanner = ResponseScanner::new(Shape::Results, Reports::Asked);
    let in_transaction_more: &[u8] = b"\x00\x00\x00\x0b\x00\x00\x00";
    let bytes = packets(&[OK_MORE, in_transaction_more, ERR]);
    let mut taken = 0;
    while let Some(step) = scanner.step(&bytes[taken..]).unwrap() {
        taken += step.len;
    }
    assert_eq!((scanner.is_done(), scanner.last()), (true, Last::Error));
    assert!(scanner.status().unwrap().contains(StatusFlags::IN_TRANSACTION));
}

#[test]
fn an_error_alone_has_no_status() {
    let mut scanner = ResponseScanner::new(Shape::Results, Reports::Asked);
    scanner.step(&packets(&[ERR])).unwrap();
    assert_eq!(scanner.status(), None);
}

#[test]
fn a_binlog_stream_ends_with_an_error_or_an_eof_and_with_nothing_else() {
    for (end, done) in [(ERR, true), (b"\xfe\x00\x00\x02\x00", true), (b"\x00event", false)] {
        let mut scanner = ResponseScanner::new(Shape::Stream, Reports::Asked);
        let bytes = packets(&[b"\x00\xfe an event", end]);
        let mut taken = 0;
        while let Some(step) = scanner.step(&bytes[taken..]).unwrap() {
            taken += step.len;
        }
        assert_eq!(scanner.is_done(), done, "{end:?}");
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), which in 0_usize..6) {
        let shapes = [Shape::Results, Shape::Single, Shape::Text, Shape::Definitions, Shape::Prepare, Shape::Rows];
        let mut scanner = ResponseScanner::new(shapes[which], Reports::Asked);
        let mut taken = 0;
        while let Ok(Some(step)) = scanner.step(&bytes[taken..]) {
            taken += step.len;
        }
        prop_assert!(taken <= bytes.len());
    }

    #[test]
    fn random_splits_give_the_same_units(which in 0_usize..19, cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let (shape, bytes) = samples().swap_remove(which);
        prop_assume!(bytes.len() < 10_000);
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let pieces: Vec<&[u8]> = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        prop_assert_eq!(scan(shape, &pieces), scan(shape, &[&bytes]));
    }
}
