//! Reports that MariaDB 10.11 sent, and bytes that nobody sends.

use proptest::prelude::*;

use super::client_tracking::{Names, Told, TransactionInfo};
use super::pending::Change;
use super::*;

/// `SET NAMES latin1` with everything tracked.
const SET_NAMES: &[u8] =
    b"\x00\x20\x18character_set_connection\x06latin1\x00\x1c\x14character_set_client\x06latin1\
                           \x00\x1d\x15character_set_results\x06latin1\x02\x011";
/// `BEGIN` with everything tracked.
const BEGIN: &[u8] = b"\x05\x09\x08T_______\x04\x13\x12START TRANSACTION;";

fn all(state_changes: &[u8]) -> Vec<Report<'_>> {
    reports(state_changes).collect::<Result<_, _>>().unwrap()
}

fn block(report: Report<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    report.encode(&mut out);
    out
}

fn drained(pending: &mut PendingChanges) -> Vec<u8> {
    let mut out = Vec::new();
    pending.drain_into(&mut out);
    out
}

#[test]
fn each_type_is_read() {
    let changes = [SET_NAMES, b"\x01\x06\x05mysql", BEGIN, b"\x03\x02\x00\x00"].concat();
    assert_eq!(
        all(&changes),
        [
            Report::Variable { name: b"character_set_connection", value: b"latin1" },
            Report::Variable { name: b"character_set_client", value: b"latin1" },
            Report::Variable { name: b"character_set_results", value: b"latin1" },
            Report::StateChanged,
            Report::Schema(b"mysql"),
            Report::TransactionState(b"T_______"),
            Report::Characteristics(b"START TRANSACTION;"),
            Report::Other(3),
        ]
    );
}

#[test]
fn several_variables_in_one_block_are_several_reports() {
    let two = b"\x00\x08\x01a\x011\x01b\x012\x02\x011";
    assert_eq!(all(two).len(), 3);
    assert_eq!(all(two).get(1), Some(&Report::Variable { name: b"b", value: b"2" }));
}

#[test]
fn a_block_that_says_too_little_ends_the_reports() {
    for bytes in [b"\x00\x00\x02\x011".as_slice(), b"\x01\x05\x05db", b"\x00\x03\x01a\x05\x02\x011", b"\x05"]
    {
        let mut reports = reports(bytes);
        assert!(reports.next().is_some_and(|report| report.is_err()), "{bytes:x?}");
        assert!(reports.next().is_none());
    }
}

#[test]
fn settings_are_read_as_a_server_shows_them_and_as_people_write_them() {
    let parsed = ClientTracking::parse(b" Time_Zone , autocommit,", b"OFF", b"1", b"state").unwrap();
    assert_eq!(
        parsed.variables,
        Names::List(vec![b"time_zone".as_slice().into(), b"autocommit".as_slice().into()])
    );
    assert_eq!((parsed.schema, parsed.state_change), (Told::No, Told::Yes));
    assert_eq!(parsed.transaction, TransactionInfo::State);
    assert_eq!(Names::parse(b"time_zone, *"), Names::All);
    assert_eq!(Names::parse(b""), Names::List(Vec::new()));
    assert_eq!(ClientTracking::parse(b"*", b"maybe", b"ON", b"OFF"), None);
}

#[test]
fn one_setting_after_another_leads_to_all_of_them() {
    let changed = ClientTracking::default()
        .with(b"session_track_system_variables", b"*")
        .and_then(|tracking| tracking.with(b"session_track_state_change", b"ON"))
        .and_then(|tracking| tracking.with(b"session_track_transaction_info", b"CHARACTERISTICS"));
    assert_eq!(changed, ClientTracking::parse(b"*", b"ON", b"ON", b"CHARACTERISTICS"));
    assert_eq!(ClientTracking::default().with(b"autocommit", b"ON"), None);
}

#[test]
fn by_default_a_client_hears_of_the_schema_and_of_five_variables() {
    let changes = [SET_NAMES, b"\x00\x09\x03lc_\x04de_D\x01\x06\x05mysql\x02\x011", BEGIN].concat();
    let mut told = Vec::new();
    ClientTracking::default().filter(&changes, &mut told);
    assert_eq!(told, [SET_NAMES.strip_suffix(b"\x02\x011").unwrap(), b"\x01\x06\x05mysql"].concat());
    assert!(ClientTracking::default().tells_all(&told));
    assert!(!ClientTracking::default().tells_all(&changes));
}

#[test]
fn of_two_changes_the_later_one_is_told_and_in_the_order_of_the_server() {
    let mut pending = PendingChanges::default();
    for report in [
        Report::StateChanged,
        Report::Schema(b"one"),
        Report::Variable { name: b"a", value: b"1" },
        Report::Variable { name: b"b", value: b"1" },
        Report::Schema(b"two"),
        Report::Variable { name: b"a", value: b"2" },
    ] {
        assert_eq!(pending.add(&block(report)), Change::Some);
    }
    let expected = [
        block(Report::Variable { name: b"a", value: b"2" }),
        block(Report::Variable { name: b"b", value: b"1" }),
        block(Report::Schema(b"two")),
        block(Report::StateChanged),
    ];
    assert_eq!(drained(&mut pending), expected.concat());
    assert!(pending.is_empty());
}

#[test]
fn a_transaction_that_is_back_where_it_was_told_to_be_is_not_mentioned() {
    let mut pending = PendingChanges::default();
    assert_eq!(pending.add(&block(Report::TransactionState(b"I_R___S_"))), Change::Some);
    assert!(pending.has_transaction());
    assert_eq!(pending.add(&block(Report::TransactionState(b"________"))), Change::None);
    assert!(pending.is_empty());
}

#[test]
fn what_waits_is_bounded() {
    let mut pending = PendingChanges::default();
    let value = vec![b'x'; 1000];
    for number in 0..1000_u16 {
        let name = format!("v{number}");
        let _ = pending.add(&block(Report::Variable { name: name.as_bytes(), value: &value }));
    }
    let kept = drained(&mut pending);
    assert!(kept.len() > 60_000 && kept.len() <= 64 * 1024, "{}", kept.len());
}

fn any_report() -> impl Strategy<Value = (u8, Vec<u8>, Vec<u8>)> {
    (0..6_u8, prop::collection::vec(any::<u8>(), 0..300), prop::collection::vec(any::<u8>(), 0..300))
}

fn report<'a>((kind, name, value): &'a (u8, Vec<u8>, Vec<u8>)) -> Report<'a> {
    match kind {
        0 => Report::Variable { name, value },
        1 => Report::Schema(name),
        2 => Report::StateChanged,
        4 => Report::Characteristics(value),
        _ => Report::TransactionState(name),
    }
}

proptest! {
    #[test]
    fn any_bytes_have_an_end(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        prop_assert!(reports(&bytes).count() <= bytes.len() + 1);
    }

    #[test]
    fn what_is_written_is_read(parts in prop::collection::vec(any_report(), 0..5)) {
        let written: Vec<Report<'_>> = parts.iter().map(report).collect();
        let bytes: Vec<u8> = written.iter().flat_map(|report| block(*report)).collect();
        prop_assert_eq!(all(&bytes), written);
    }

    #[test]
    fn whoever_asks_for_everything_is_told_it_byte_for_byte(parts in prop::collection::vec(any_report(), 0..5)) {
        let bytes: Vec<u8> = parts.iter().flat_map(|part| block(report(part))).collect();
        let everything = ClientTracking::parse(b"*", b"ON", b"ON", b"CHARACTERISTICS").unwrap();
        let mut told = Vec::new();
        everything.filter(&bytes, &mut told);
        prop_assert!(everything.tells_all(&bytes));
        prop_assert_eq!(told, bytes);
    }

    #[test]
    fn truncation_takes_reports_away_from_the_end(parts in prop::collection::vec(any_report(), 0..5), cut in 0..600_usize) {
        let bytes: Vec<u8> = parts.iter().flat_map(|part| block(report(part))).collect();
        let cut = &bytes[..bytes.len().min(cut)];
        let whole: Vec<Report<'_>> = reports(cut).flatten().collect();
        prop_assert_eq!(whole.as_slice(), &all(&bytes)[..whole.len()]);
    }
}
