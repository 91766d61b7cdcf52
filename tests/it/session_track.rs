//! What a client with session tracking hears through a connection that tracks everything is what the server would have
//! told it directly, under the client's own settings.

use std::sync::Arc;

use sealock::protocol::command::Shape;
use sealock::protocol::dialect::{Dialect, Ends, FileAccess, Stop, Translator};
use sealock::protocol::ok::Ok as OkPacket;
use sealock::protocol::packet::{HEADER_LEN, Header, SequenceId};
use sealock::protocol::session_track::{ClientTracking, PendingChanges, reports};
use sealock::protocol::status::StatusFlags;

use crate::captures::{Tracked, hex, tracked};

const SETTINGS: &[&str] =
    &["all", "default", "two_variables", "transaction_state", "characteristics", "nothing"];

/// What is not equal: settings, end of rows, statement.
const DIFFERENCES: &[(&str, Ends, &str)] = &[
    // The value that SET STATEMENT restores is reported late, with the next OK packet that has a change of its own. Where
    // everything is tracked that may be one which has none under the client's settings; it hears of it earlier then.
    ("default", Ends::Ok, "COM_QUERY SET sort_buffer_size = 400000"),
    ("default", Ends::Eof, "COM_QUERY SET sort_buffer_size = 400000"),
    // The flag of a change that is not told, kept from an earlier result set, and an empty block.
    ("transaction_state", Ends::Eof, "COM_QUERY COMMIT"),
];

#[test]
fn a_client_with_deprecate_eof_hears_what_the_server_would_tell_it() {
    let everything = tracked("mariadb-10.11", "all", "deprecate-track");
    for settings in SETTINGS {
        let directly = tracked("mariadb-10.11", settings, "deprecate-track");
        compare(settings, &everything, &directly, Ends::Ok);
    }
}

#[test]
fn a_client_without_deprecate_eof_hears_it_in_the_packets_that_have_room_for_it() {
    let everything = tracked("mariadb-10.11", "all", "deprecate-track");
    for settings in SETTINGS {
        let directly = tracked("mariadb-10.11", settings, "track");
        compare(settings, &everything, &directly, Ends::Eof);
    }
}

fn compare(settings: &str, everything: &Tracked, directly: &Tracked, ends: Ends) {
    let [variables, schema, state_change, transaction] = directly.settings.as_slice() else {
        panic!("four settings");
    };
    let tracking = ClientTracking::parse(
        variables.as_bytes(),
        schema.as_bytes(),
        state_change.as_bytes(),
        transaction.as_bytes(),
    );
    let tracking = Arc::new(tracking.expect("settings that exist"));
    let mut pending = PendingChanges::default();
    let mut differences = Vec::new();
    assert!(everything.responses.len() > 40, "only {} statements", everything.responses.len());
    for ((command, sent), (_, expected)) in everything.responses.iter().zip(&directly.responses) {
        let got = translate(sent, ends, &tracking, &mut pending);
        if comparable(&got) != comparable(expected)
            && !DIFFERENCES.contains(&(settings, ends, command.as_str()))
        {
            differences.push(format!("{command}\n  got  {}\n  want {}", hex(&got), hex(expected)));
        }
    }
    assert!(differences.is_empty(), "{settings}, {ends:?}:\n{}", differences.join("\n"));
}

fn translate(
    bytes: &[u8],
    ends: Ends,
    tracking: &Arc<ClientTracking>,
    pending: &mut PendingChanges,
) -> Vec<u8> {
    let dialect = Dialect { ends, ..Dialect::CANONICAL };
    let status = StatusFlags::AUTOCOMMIT;
    let mut translator = Translator::new(Shape::Results, dialect, status, SequenceId(0), FileAccess::Refused)
        .tracking(Arc::clone(tracking))
        .with_pending(std::mem::take(pending));
    let mut out = Vec::new();
    let advance = translator.advance(bytes, &mut out);
    assert_eq!((advance.stop, translator.is_done()), (Stop::Input, true));
    *pending = translator.take_pending();
    advance.bytes(bytes, &out).to_vec()
}

/// The packets of a response; variables, which come in the order of a hash, sorted, and the flag left out of EOFs after
/// definitions, which tell nothing and have it for reasons that cannot all be seen.
fn comparable(bytes: &[u8]) -> Vec<String> {
    let (mut packets, mut rest, mut definitions) = (Vec::new(), bytes, true);
    while let Some(header) = Header::parse(rest) {
        let (packet, after) = rest.split_at(HEADER_LEN + header.len);
        let payload = &packet[HEADER_LEN..];
        packets.push(match (payload[0], OkPacket::parse(payload)) {
            (0xFE, Some(ok)) if header.len == 5 => {
                definitions = !definitions;
                let hidden = if definitions { 0 } else { StatusFlags::SESSION_STATE_CHANGED.0 };
                format!("{:?} EOF {:#x} {}", header.sequence, ok.status.0 & !hidden, ok.warnings)
            }
            (0 | 0xFE, Some(ok)) => {
                let mut told: Vec<_> = reports(ok.state_changes).collect::<Result<_, _>>().expect("reports");
                let variables = told.partition_point(|told| format!("{told:?}").starts_with("Variable"));
                told[..variables].sort_by_key(|told| format!("{told:?}"));
                format!(
                    "{header:?} {} {:#x} {} {:?} {told:?}",
                    payload[0], ok.status.0, ok.affected_rows, ok.info
                )
            }
            _ => hex(packet),
        });
        rest = after;
    }
    packets
}
