//! What is changed and what is not, what is observed, and that no bytes and no split of them do harm.

use proptest::prelude::*;

use super::*;
use crate::protocol::dialect::{Ends, Source, StateChanges, Stop};
use crate::protocol::observed::Prepared;
use crate::protocol::ok;
use crate::protocol::packet::append;
use crate::protocol::packet::{HEADER_LEN, Header, MAX_PAYLOAD};
use crate::protocol::reply::EOF_HEADER;
use crate::protocol::response::{Last, Reports};

const OK: &[u8] = b"\x00\x01\x07\x02\x00\x03\x00";
const OK_MORE: &[u8] = b"\x00\x00\x00\x0a\x00\x00\x00";
const OK_VARIABLE: &[u8] = b"\x00\x00\x00\x02\x40\x00\x00\x00\x0e\x00\x0c\x03lc_\x05de_DE\x00";
const OK_SCHEMA: &[u8] = b"\x00\x00\x00\x02\x40\x00\x00\x00\x05\x01\x03\x02db";
const OK_MARK: &[u8] = b"\x00\x00\x00\x02\x40\x00\x00\x00\x03\x02\x011";
const END: &[u8] = b"\xfe\x00\x00\x22\x00\x02\x00";
const END_MARK: &[u8] = b"\xfe\x00\x00\x02\x40\x00\x00\x00\x03\x02\x011";
const ERR: &[u8] = b"\xff\x28\x04#42000You have an error";
const COLUMN: &[u8] = b"\x03def\x00\x00\x00\x011\x00\x0c\x3f\x00\x01\x00\x00\x00\x03\x81\x00\x00\x00";
const PREPARED: &[u8] = b"\x00\x2a\x00\x00\x00\x01\x00\x01\x00\x00\x00\x00";

const CLASSIC: Dialect = Dialect { ends: Ends::Eof, state: StateChanges::Dropped, reports: Reports::Unasked };
const TRACK: Dialect = Dialect { ends: Ends::Eof, ..Dialect::CANONICAL };
const DEPRECATE: Dialect = Dialect { state: StateChanges::Dropped, ..Dialect::CANONICAL };

fn packets(payloads: &[&[u8]]) -> Vec<u8> {
    let mut sequence = SequenceId(1);
    let mut out = Vec::new();
    for payload in payloads {
        sequence = append(&mut out, sequence, payload);
    }
    out
}

fn translator(shape: Shape, dialect: Dialect) -> Translator {
    Translator::new(shape, dialect, StatusFlags::AUTOCOMMIT, SequenceId(0), FileAccess::Refused)
}

fn defaults() -> Arc<ClientTracking> {
    Arc::new(ClientTracking::default())
}

/// Everything that the client gets, and the last reason to stop.
fn run(translator: &mut Translator, bytes: &[u8], piece: usize) -> (Vec<u8>, Stop) {
    let (mut buffer, mut sent, mut stop) = (Vec::new(), Vec::new(), Stop::Input);
    for part in bytes.chunks(piece.max(1)) {
        buffer.extend_from_slice(part);
        let mut out = Vec::new();
        let advance = translator.advance(&buffer, &mut out);
        sent.extend_from_slice(advance.bytes(&buffer, &out));
        buffer.drain(..advance.taken);
        stop = advance.stop;
        if stop != Stop::Input {
            break;
        }
    }
    (sent, stop)
}

fn observed(shape: Shape, payloads: &[&[u8]]) -> Observed {
    let mut translator = translator(shape, CLASSIC);
    run(&mut translator, &packets(payloads), 5);
    assert!(translator.is_done());
    translator.take_observed()
}

#[test]
fn a_canonical_client_gets_the_input_itself_when_there_is_nothing_to_change() {
    for payloads in [[OK].as_slice(), &[OK_SCHEMA], &[b"\x01", COLUMN, b"\x011", END]] {
        let bytes = packets(payloads);
        let mut out = Vec::new();
        let mut translator = translator(Shape::Results, Dialect::CANONICAL).tracking(defaults());
        let advance = translator.advance(&bytes, &mut out);
        assert_eq!((advance.source, advance.taken, out.len()), (Source::Input, bytes.len(), 0));
    }
}

#[test]
fn without_settings_of_its_own_a_client_gets_all_that_the_server_reports() {
    let bytes = packets(&[b"\x01", COLUMN, b"\x011", END_MARK]);
    let mut translator = translator(Shape::Results, Dialect::CANONICAL);
    let advance = translator.advance(&bytes, &mut Vec::new());
    assert_eq!(advance.source, Source::Input);
}

#[test]
fn a_canonical_client_gets_a_copy_without_what_it_did_not_ask_for() {
    let bytes = packets(&[b"\x01", COLUMN, b"\x011", END_MARK]);
    let mut translator = translator(Shape::Results, Dialect::CANONICAL).tracking(defaults());
    let mut out = Vec::new();
    let advance = translator.advance(&bytes, &mut out);
    assert_eq!(advance.source, Source::Output);
    assert_eq!(out, packets(&[b"\x01", COLUMN, b"\x011", b"\xfe\x00\x00\x02\x00\x00\x00"]));
}

#[test]
fn the_answer_to_prepare_gets_the_id_of_the_client_in_every_dialect() {
    for dialect in [Dialect::CANONICAL, DEPRECATE, TRACK, CLASSIC] {
        let mut translator = translator(Shape::Prepare, dialect).with_statement_id(0x0102_0304);
        let (sent, _) = run(&mut translator, &packets(&[PREPARED, COLUMN, COLUMN]), 3);
        assert_eq!(sent.get(4..9), Some(b"\x00\x04\x03\x02\x01".as_slice()));
        let prepared = translator.observed().prepared;
        assert_eq!(prepared, Some(Prepared { id: 0x2a, columns: 1, parameters: 1 }));
        assert!(translator.is_done());
    }
}

#[test]
fn an_ok_says_what_it_did() {
    let seen = observed(Shape::Results, &[OK]);
    assert_eq!((seen.last, seen.status), (Last::Ok, Some(StatusFlags(2))));
    assert_eq!((seen.affected_rows, seen.last_insert_id, seen.warnings), (1, 7, 3));
    assert!(seen.generated_ids && seen.something_sent && seen.state_changes.capacity() == 0);
}

#[test]
fn the_rows_of_the_last_result_set_are_counted_however_long_they_are() {
    let long = vec![b'x'; MAX_PAYLOAD + 10];
    let more: &[u8] = b"\xfe\x00\x00\x0a\x00\x00\x00";
    let first: &[&[u8]] = &[b"\x01", COLUMN, b"\x011", b"\x012", b"\x013", more];
    let bytes = packets(&[first, &[b"\x01", COLUMN, &long, b"\x011", END]].concat());
    let mut translator = translator(Shape::Results, DEPRECATE);
    run(&mut translator, &bytes, 1 << 20);
    let seen = translator.observed();
    assert_eq!((seen.rows, seen.last, seen.warnings), (2, Last::ResultSet, 2));
}

#[test]
fn an_error_is_observed_by_its_number() {
    let seen = observed(Shape::Results, &[OK_MORE, ERR]);
    assert_eq!(
        (seen.last, seen.error.map(|error| error.code), seen.status),
        (Last::Error, Some(1064), Some(StatusFlags(0x0a)))
    );
}

#[test]
fn state_changes_of_all_ok_packets_are_kept_in_their_order() {
    let more: &[u8] = b"\x00\x00\x00\x0a\x40\x00\x00\x00\x05\x01\x03\x02db";
    let seen = observed(Shape::Results, &[more, b"\x01", COLUMN, END_MARK]);
    assert_eq!(seen.state_changes, b"\x01\x03\x02db\x02\x011");
    assert!(!seen.overflow);
}

#[test]
fn too_many_state_changes_are_told_from_all() {
    let mut large =
        b"\x00\x00\x00\x0a\x40\x00\x00\x00\xfd\x04\x70\x02\x01\xfd\x00\x70\x02\xfd\xfc\x6f\x02".to_vec();
    large.resize(large.len() + 0x02_6ffc, b'd');
    assert!(!observed(Shape::Results, &[&large, OK]).overflow);
    assert!(observed(Shape::Results, &[&large, &large, OK]).overflow);
}

#[test]
fn changes_at_the_end_of_rows_wait_for_an_ok_with_a_change_when_there_is_an_eof_in_its_place() {
    let mut first = translator(Shape::Results, TRACK);
    let (sent, _) = run(&mut first, &packets(&[b"\x01", COLUMN, END_MARK]), 1);
    assert!(sent.ends_with(b"\x05\x00\x00\x04\xfe\x00\x00\x02\x40"), "{sent:x?}");
    let mut second = translator(Shape::Results, TRACK).with_pending(first.take_pending());
    assert_eq!(run(&mut second, &packets(&[OK]), 1).0, packets(&[OK]));
    let mut third = translator(Shape::Results, TRACK).with_pending(second.take_pending());
    let (sent, _) = run(&mut third, &packets(&[OK_SCHEMA]), 1);
    assert_eq!(sent, packets(&[b"\x00\x00\x00\x02\x40\x00\x00\x00\x08\x01\x03\x02db\x02\x011"]));
    assert!(third.take_pending().is_empty());
}

#[test]
fn a_change_that_the_client_is_not_told_of_does_not_let_others_out() {
    let mut pending = PendingChanges::default();
    let _ = pending.add(b"\x01\x03\x02db");
    let mut translator = translator(Shape::Results, TRACK).tracking(defaults()).with_pending(pending.clone());
    let (sent, _) = run(&mut translator, &packets(&[OK_MARK]), 1);
    assert_eq!(sent, packets(&[b"\x00\x00\x00\x02\x00\x00\x00"]));
    assert_eq!(translator.take_pending(), pending);
}

#[test]
fn a_response_to_a_command_in_other_packets_follows_the_clients_ids() {
    let mut translator = Translator::new(
        Shape::Results,
        Dialect::CANONICAL,
        StatusFlags::AUTOCOMMIT,
        SequenceId(4),
        FileAccess::Refused,
    )
    .sent_as(SequenceId(5));
    let mut bytes = Vec::new();
    append(&mut bytes, SequenceId(6), OK);
    let mut expected = Vec::new();
    append(&mut expected, SequenceId(5), OK);
    assert_eq!(run(&mut translator, &bytes, 100).0, expected);
}

fn any_dialect() -> impl Strategy<Value = Dialect> {
    prop_oneof![Just(Dialect::CANONICAL), Just(DEPRECATE), Just(TRACK), Just(CLASSIC)]
}

fn any_shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Results),
        Just(Shape::Single),
        Just(Shape::Prepare),
        Just(Shape::Rows),
        Just(Shape::Definitions),
        Just(Shape::Text),
    ]
}

fn any_packet() -> impl Strategy<Value = Vec<u8>> {
    let known = [
        OK,
        OK_MORE,
        OK_VARIABLE,
        OK_SCHEMA,
        OK_MARK,
        END,
        END_MARK,
        ERR,
        COLUMN,
        PREPARED,
        b"\x01",
        b"\x02",
        b"\x011",
        b"\xfe\x00\x00\x62\x00\x00\x00",
        b"\xfe\x00\x00\x02\x40",
        b"\xfe\x00\x00\x0a\x40\x00\x00\x00\x00",
    ];
    prop_oneof![
        4 => prop::sample::select(known.to_vec()).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..12),
    ]
}

/// The status of EOFs after definitions depends on whether the end of the rows has arrived too.
fn without_eof_status(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut at = 0;
    while let Some(header) = Header::parse(&bytes[at..]) {
        if header.len == ok::EOF_LEN && bytes.get(at + HEADER_LEN) == Some(&EOF_HEADER) {
            bytes.iter_mut().skip(at + 7).take(2).for_each(|byte| *byte = 0);
        }
        at = bytes.len().min(at + HEADER_LEN + header.len);
    }
    bytes
}

proptest! {
    #[test]
    fn any_packets_in_any_split_give_the_same(
        payloads in prop::collection::vec(any_packet(), 0..10),
        cut in 0..400_usize,
        shape in any_shape(),
        dialect in any_dialect(),
        piece in 1..20_usize,
        tracks in any::<bool>(),
    ) {
        let payloads: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
        let bytes = packets(&payloads);
        let bytes = &bytes[..bytes.len().min(cut)];
        let new = || {
            let new = translator(shape, dialect).with_statement_id(77);
            if tracks { new.tracking(defaults()) } else { new }
        };
        let (mut one, mut other) = (new(), new());
        let (whole, stop) = run(&mut one, bytes, usize::MAX);
        let (pieced, pieced_stop) = run(&mut other, bytes, piece);
        prop_assert_eq!(stop, pieced_stop);
        prop_assert_eq!(without_eof_status(&whole), without_eof_status(&pieced));
        prop_assert_eq!(one.is_done(), other.is_done());
        prop_assert_eq!(one.last_sequence(), other.last_sequence());
        prop_assert_eq!(one.observed(), other.observed());
        prop_assert_eq!(one.take_pending(), other.take_pending());
    }

    #[test]
    fn any_bytes_do_no_harm(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        shape in any_shape(),
        dialect in any_dialect(),
    ) {
        run(&mut translator(shape, dialect).tracking(defaults()), &bytes, 7);
    }
}
