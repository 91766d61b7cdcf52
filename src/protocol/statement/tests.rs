//! Executions as clients send them, and cut short.

use proptest::prelude::*;

use super::*;

/// Two parameters, the second NULL: an integer 5 (LONG), types sent.
const EXECUTE: &[u8] = b"\x17\x2a\x00\x00\x00\x00\x01\x00\x00\x00\x02\x01\x03\x00\x06\x00\x05\x00\x00\x00";
/// The same again, without the types.
const AGAIN: &[u8] = b"\x17\x2a\x00\x00\x00\x00\x01\x00\x00\x00\x02\x00\x05\x00\x00\x00";

#[test]
fn the_id_is_read_and_written_where_a_command_has_one() {
    for command in [0x17, 0x18, 0x19, 0x1A, 0x1C, 0xFA] {
        let mut payload = [command, 1, 2, 0, 0, 9];
        assert_eq!(id(&payload), Some(0x0201));
        assert_eq!(set_id(&mut payload, 7), Some(()));
        assert_eq!(payload, [command, 7, 0, 0, 0, 9]);
        assert_eq!(id(&[command, 1, 2, 0]), None);
    }
    let mut query = *b"\x03SELECT 1";
    assert_eq!((id(&query), set_id(&mut query, 7)), (None, None));
    assert_eq!(&query, b"\x03SELECT 1");
}

#[test]
fn an_execution_says_how_its_parameters_are_bound() {
    let execute = Execute::parse(EXECUTE, 2).unwrap();
    assert_eq!((execute.id, execute.flags, execute.iterations), (42, ExecuteFlags(0), 1));
    assert_eq!((execute.nulls, execute.types), (b"\x02".as_slice(), Some(b"\x03\x00\x06\x00".as_slice())));
    assert_eq!(EXECUTE.get(execute.values..), Some(b"\x05\x00\x00\x00".as_slice()));
    assert_eq!(Execute::parse(AGAIN, 2).map(|again| again.types), Some(None));
}

#[test]
fn types_are_put_in_where_none_came() {
    let again = Execute::parse(AGAIN, 2).unwrap();
    let mut out = Vec::new();
    again.encode_with(42, b"\x03\x00\x06\x00", &mut out);
    out.extend_from_slice(&AGAIN[again.values..]);
    assert_eq!(out, EXECUTE);
    assert_eq!(again.growth(b"\x03\x00\x06\x00"), EXECUTE.len() - AGAIN.len());
}

#[test]
fn types_that_came_stay() {
    let execute = Execute::parse(EXECUTE, 2).unwrap();
    let mut out = Vec::new();
    execute.encode_with(1, b"\xff\xff\xff\xff", &mut out);
    assert_eq!(out.get(5..), EXECUTE.get(5..execute.values));
    assert_eq!(execute.growth(b"\xff\xff\xff\xff"), 0);
}

#[test]
fn without_parameters_there_is_nothing_behind_the_iterations() {
    let payload = b"\x17\x01\x00\x00\x00\x01\x01\x00\x00\x00";
    let execute = Execute::parse(payload, 0).unwrap();
    assert!(execute.flags.asks_cursor());
    let mut out = Vec::new();
    execute.encode_with(1, b"", &mut out);
    assert_eq!((out.as_slice(), execute.values, execute.growth(b"")), (payload.as_slice(), 10, 0));
}

#[test]
fn a_bulk_execution_has_types_when_it_says_so() {
    let payload = b"\xfa\x05\x00\x00\x00\x80\x00\xfd\x00\x00\x01a\x00\x01b";
    let bulk = BulkExecute::parse(payload, 1).unwrap();
    assert_eq!((bulk.id, bulk.types, bulk.rows), (5, Some(b"\xfd\x00".as_slice()), 9));
    assert!(!bulk.flags.contains(BulkFlags::SEND_UNIT_RESULTS));
    let without = b"\xfa\x05\x00\x00\x00\x00\x00\x00\x01a\x00\x01b";
    let again = BulkExecute::parse(without, 1).unwrap();
    let mut out = Vec::new();
    again.encode_with(5, b"\xfd\x00", &mut out);
    out.extend_from_slice(&without[again.rows..]);
    assert_eq!((out.as_slice(), again.growth(b"\xfd\x00")), (payload.as_slice(), 2));
}

proptest! {
    #[test]
    fn any_bytes_can_be_parsed(bytes in prop::collection::vec(any::<u8>(), 0..64), parameters in 0..40_u16) {
        let _ = (id(&bytes), Execute::parse(&bytes, parameters), BulkExecute::parse(&bytes, parameters));
    }

    #[test]
    fn a_head_cut_short_is_no_head_and_a_whole_one_is_the_same_with_and_without_the_rest(
        parameters in 1..300_u16,
        seed in prop::collection::vec(any::<u8>(), 700..1000),
        bound in any::<bool>(),
    ) {
        let bits = usize::from(parameters).div_ceil(8);
        let mut payload = seed;
        payload[0] = 0x17;
        payload[EXECUTE_HEAD + bits] = u8::from(bound);
        let whole = Execute::parse(&payload, parameters).unwrap();
        prop_assert_eq!(whole.types.is_some(), bound);
        prop_assert_eq!(Execute::parse(&payload[..whole.values], parameters), Some(whole));
        for len in 0..whole.values {
            prop_assert_eq!(Execute::parse(&payload[..len], parameters), None);
        }
        let mut out = Vec::new();
        whole.encode_with(whole.id, b"", &mut out);
        if bound {
            prop_assert_eq!(out.as_slice(), &payload[..whole.values]);
        }
    }
}
