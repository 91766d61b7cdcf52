//! Payloads of 16 MiB−1, 16 MiB, 16 MiB+1 and a 1 GiB row, split at any byte by TCP; sequence ids wrap at 255; client with or
//! without DEPRECATE_EOF. Memory stays bounded with a slow reader.

use std::thread;
use std::time::{Duration, Instant};

use super::play::Play;
use super::session::Session;
use crate::support::capabilities::{BASE, DEPRECATE_EOF};
use crate::support::client::{Parameter, RawClient, execution};
use crate::support::login::Login;
use crate::support::response::Kind;
use crate::support::server::{PASSWORD, root};
use crate::support::wire::MAX_FRAME;

/// A statement of which only the beginning is looked at may keep its connection.
#[test]
fn b27_payloads_around_sixteen_megabytes_pass_whole_from_connection_to_connection() {
    Play::new("b27").extremes().in_one_protocol().compare(|stage| {
        stage.a.run("CREATE TABLE blobs (id INT PRIMARY KEY, data LONGBLOB)");
        stage.a.run("SET NAMES latin1, time_zone = '+05:00'");
        let insert = stage.a.prepare("INSERT INTO blobs VALUES (?, ?)");
        for (id, length) in [MAX_FRAME - 1, MAX_FRAME, MAX_FRAME + 1].into_iter().enumerate() {
            let head = format!("INSERT INTO blobs VALUES ({id}, '");
            let text = "x".repeat(length - 1 - head.len() - 2);
            stage.disturb_around();
            stage.a.ask(
                "insert",
                &[b"\x03", head.as_bytes(), text.as_bytes(), b"')"].concat(),
                Kind::Results,
            );
            stage.disturb_around();
            stage.a.query(&format!("SELECT REPEAT('y', {}), @@time_zone", length - 11));
            let id = 10 + id as i64;
            stage.a.long_data(insert, 1, &vec![b'z'; length - 7]);
            stage.a.execute(insert, 0, &[Parameter::Int(id), Parameter::Long]);
            stage.others(|other| {
                drop(other.query("SELECT id, MD5(data), LENGTH(data), @@time_zone FROM blobs"));
            });
        }
        stage.disturb_around();
        stage.a.query("SELECT data FROM blobs WHERE id = 1");
    });
}

/// Bytes of one command, written in pieces of every size that ends in another place of the header.
fn dribbles(session: &mut Session, command: &[u8], pieces: usize) {
    session.wire.begin_command();
    let mut bytes = (command.len() as u32).to_le_bytes()[..3].to_vec();
    bytes.push(0);
    bytes.extend_from_slice(command);
    for piece in bytes.chunks(pieces) {
        session.wire.write_raw(piece).unwrap();
    }
    session.wire.sequence = 1;
    session.receive("dribbled", Kind::Results, &[]).unwrap();
}

#[test]
fn b27_commands_may_be_cut_at_any_byte() {
    Play::new("b27_cut").in_one_protocol().compare(|stage| {
        let statement = stage.a.prepare("SELECT ?, @@time_zone, ?");
        let run = execution(statement, 0, &[Parameter::Int(7), Parameter::Text("seven")]);
        for pieces in 1..24 {
            dribbles(&mut stage.a, b"\x03SET time_zone = '+03:00', @a = NULL", pieces);
            dribbles(&mut stage.a, b"\x03SELECT @@time_zone; SELECT LAST_INSERT_ID(), 'x'", pieces);
            dribbles(&mut stage.a, &run, pieces);
            dribbles(&mut stage.b, b"\x03SELECT /* not A's */ @@time_zone", pieces);
        }
    });
}

#[test]
fn b27_sequence_ids_wrap() {
    Play::new("b27_wrap").in_one_protocol().compare(|stage| {
        for rows in [250, 251, 252, 253, 254, 255, 256, 257, 70_000] {
            stage.disturb();
            stage.a.query(&format!("SELECT seq, REPEAT('x', seq % 50) FROM mysql.seq_1_to_{rows}"));
            stage.a.query(&format!(
                "SELECT seq FROM mysql.seq_1_to_{rows}; SELECT seq FROM mysql.seq_1_to_3; DO 1"
            ));
        }
    });
}

/// Reads packets without keeping them; tells how many bytes there were.
fn drain(client: &mut RawClient, mut seen: impl FnMut()) -> u64 {
    let mut bytes = 0;
    client.wire.drain_response(|length| {
        bytes += length as u64;
        seen();
    });
    bytes
}

#[test]
fn b27_a_row_of_a_gigabyte_passes_in_bounded_memory() {
    let play = Play::new("b27_row");
    play.accounts();
    let proxy = play.proxy().start();
    root().run("SET GLOBAL max_allowed_packet = 1073741824");
    for dialect in [0, DEPRECATE_EOF] {
        let login = Login::new(proxy.endpoint(), "b27_row", PASSWORD).capabilities(BASE | dialect);
        let mut client = RawClient::connect(&login).unwrap();
        client.run("DO 1");
        let before = proxy.memory();
        let quarter = 256 << 20;
        client
            .send(format!("\x03SELECT {}", vec![format!("REPEAT('x', {quarter})"); 4].join(", ")).as_bytes())
            .unwrap();
        let mut most = 0;
        let bytes = drain(&mut client, || most = most.max(proxy.memory()));
        assert!(bytes > 4 * quarter, "{bytes} bytes came");
        assert!(most < before + (64 << 20), "{most} bytes resident after {before}");
        assert_eq!(client.value("SELECT 'still in step'"), "still in step");
    }
}

#[test]
fn b27_a_slow_reader_costs_no_memory_and_stops_nobody() {
    let play = Play::new("b27_slow");
    play.accounts();
    let proxy = play.proxy().start();
    let login = Login::new(proxy.endpoint(), "b27_slow", PASSWORD);
    let (mut slow, mut other) = (RawClient::connect(&login).unwrap(), RawClient::connect(&login).unwrap());
    other.run("DO 1");
    let before = proxy.memory();
    slow.send(b"\x03SELECT REPEAT('x', 1048576) FROM mysql.seq_1_to_400").unwrap();
    let begun = Instant::now();
    let mut most = 0;
    while begun.elapsed() < Duration::from_millis(500) {
        assert_eq!(other.value("SELECT 'served'"), "served");
        most = most.max(proxy.memory());
        thread::sleep(Duration::from_millis(10));
    }
    let bytes = drain(&mut slow, || most = most.max(proxy.memory()));
    assert!(bytes > 400 << 20, "{bytes} bytes came");
    assert!(most < before + (64 << 20), "{most} bytes resident after {before}");
    assert_eq!(slow.value("SELECT 'in step'"), "in step");
}
