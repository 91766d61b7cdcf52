//! A backend that is lost before, in or after a response: what the client hears is the truth.

use std::io;

use crate::fake::{Backend, COLUMN, END, OK, Peer, error, packets};
use crate::support::capabilities::{BASE, DEPRECATE_EOF, SESSION_TRACK};
use crate::support::client::RawClient;
use crate::support::login::ServerError;
use crate::support::proxy::Proxy;
use crate::support::wire::{MAX_FRAME, Packet};

const CANONICAL: u64 = BASE | DEPRECATE_EOF | SESSION_TRACK;
/// What a client hears whose statement may or may not have been executed.
const LOST: u16 = 1927;
const EOF: &[u8] = b"\xfe\x00\x00\x02\x00";
const ROWS: [&[u8]; 3] = [b"\x03one", b"\x03two", b"\x05three"];

/// A whole response as the backend sends it.
fn response() -> Vec<u8> {
    packets(1, &[b"\x01", COLUMN, ROWS[0], ROWS[1], ROWS[2], END])
}

/// The same as a client with these capabilities is to see it.
fn expected(capabilities: u64) -> Vec<u8> {
    match capabilities & DEPRECATE_EOF {
        0 => packets(1, &[b"\x01", COLUMN, EOF, ROWS[0], ROWS[1], ROWS[2], EOF]),
        _ => response(),
    }
}

/// Sends as many bytes of the response as the command says, and closes.
fn breaks_off(peer: &mut Peer) -> io::Result<()> {
    peer.let_in()?;
    let command = peer.command()?;
    let length: usize = String::from_utf8_lossy(&command[1..]).parse().unwrap();
    peer.send_raw(&response()[..length])
}

/// What a client gets to see of a response of which the backend sent `length` bytes.
fn seen(proxy: &Proxy, capabilities: u64, length: usize) -> Vec<u8> {
    let mut client = RawClient::connect(&proxy.login().capabilities(capabilities)).unwrap();
    client.send(format!("\x03{length}").as_bytes()).unwrap();
    client.wire.rest()
}

/// Where the packets of `bytes` begin, and the end.
fn boundaries(bytes: &[u8]) -> Vec<usize> {
    let mut found = vec![0];
    while let Some(&at) = found.last().filter(|&&at| at < bytes.len()) {
        found.push(at + 4 + usize::from(bytes[at]));
    }
    found
}

/// The packet that these bytes consist of, and nothing else.
fn only_packet(bytes: &[u8]) -> Option<Packet> {
    let (header, payload) = bytes.split_at_checked(4)?;
    (payload.len() == usize::from(header[0]))
        .then(|| Packet { sequence: header[3], payload: payload.to_vec() })
}

fn is_lost_connection(bytes: &[u8], sequence: usize) -> bool {
    let Some(packet) = only_packet(bytes) else { return false };
    let error = ServerError::parse(&packet.payload).map(|error| (error.code, error.state));
    error == Some((LOST, "08S01".to_owned())) && usize::from(packet.sequence) == sequence
}

#[test]
fn at_whatever_byte_a_response_breaks_off_it_never_looks_complete() {
    let backend = Backend::playing(breaks_off);
    let proxy = Proxy::in_front_of(&backend.address()).own_connections().start();
    for capabilities in [CANONICAL, BASE] {
        let whole = expected(capabilities);
        let boundaries = boundaries(&whole);
        for length in 0..response().len() {
            let seen = seen(&proxy, capabilities, length);
            let common = seen.iter().zip(&whole).take_while(|(a, b)| a == b).count();
            let half_a_packet = common == seen.len() && !boundaries.contains(&common);
            let told = boundaries.iter().enumerate().any(|(index, &at)| {
                at < whole.len() && at <= common && is_lost_connection(&seen[at..], index + 1)
            });
            assert!(half_a_packet || told, "after {length} bytes the client saw {seen:02x?}");
        }
    }
}

#[test]
fn between_two_rows_the_client_hears_of_the_loss_with_the_sequence_id_that_is_due() {
    let backend = Backend::playing(breaks_off);
    let proxy = Proxy::in_front_of(&backend.address()).own_connections().start();
    let after_two_rows = boundaries(&response())[4];
    for (capabilities, packets) in [(CANONICAL, 4), (BASE, 5)] {
        let (seen, whole) = (seen(&proxy, capabilities, after_two_rows), expected(capabilities));
        let (rows, told) = seen.split_at(boundaries(&whole)[packets]);
        assert_eq!(rows, &whole[..rows.len()]);
        assert!(is_lost_connection(told, packets + 1), "{told:02x?}");
    }
}

#[test]
fn a_backend_that_closes_without_an_answer_is_told_as_a_lost_connection() {
    let backend = Backend::playing(breaks_off);
    let proxy = Proxy::in_front_of(&backend.address()).own_connections().start();
    for capabilities in [CANONICAL, BASE] {
        assert!(is_lost_connection(&seen(&proxy, capabilities, 0), 1));
    }
    assert!(proxy.metric("sealock_client_disconnects_total", &["backend_lost"]) >= 2.0);
}

#[test]
fn nothing_is_put_behind_half_a_row() {
    const SENT: usize = 300_000;
    let backend = Backend::playing(|peer| {
        peer.let_in()?;
        peer.command()?;
        peer.send_raw(&packets(1, &[b"\x01", COLUMN]))?;
        peer.send_raw(&[&[0x00, 0x00, 0x10, 0x03, 0xfd, 0xfc, 0xff, 0x0f][..], &[b'x'; SENT]].concat())
    });
    let proxy = Proxy::in_front_of(&backend.address()).own_connections().start();
    for capabilities in [CANONICAL, BASE] {
        let seen = seen(&proxy, capabilities, 0);
        let row = seen.iter().rposition(|&byte| byte != b'x').unwrap() + 1;
        assert_eq!(seen.len() - row, SENT, "half a row is passed on as it came");
        assert_eq!(seen[row - 4..row], [0xfd, 0xfc, 0xff, 0x0f], "and is the last thing that is");
    }
}

#[test]
fn a_response_in_single_bytes_arrives_as_if_in_one() {
    let backend = Backend::playing(|peer| {
        peer.let_in_after_a_switch()?;
        loop {
            let command = peer.command()?;
            let size: usize = String::from_utf8_lossy(&command[1..]).parse().unwrap();
            peer.send_in_pieces(&response(), size)?;
        }
    });
    let proxy = Proxy::in_front_of(&backend.address()).own_connections().start();
    for capabilities in [CANONICAL, BASE] {
        let mut client = RawClient::connect(&proxy.login().capabilities(capabilities)).unwrap();
        for size in [1, 2, 5, 1000] {
            let answer = client.query(&size.to_string());
            let payloads: Vec<&[u8]> = answer.iter().map(|packet| packet.payload.as_slice()).collect();
            assert_eq!(packets(1, &payloads), expected(capabilities), "in pieces of {size}");
        }
    }
}

#[test]
fn a_command_for_a_backend_that_closed_meanwhile_is_never_answered_as_if_it_had_been_run() {
    let (closed, closes) = std::sync::mpsc::channel();
    let backend = Backend::playing(move |peer| {
        peer.let_in()?;
        peer.hang_up()?;
        closed.send(()).map_err(io::Error::other)
    });
    let proxy = Proxy::in_front_of(&backend.address()).own_connections().start();
    for capabilities in [CANONICAL, BASE] {
        while closes.try_recv().is_ok() {}
        let mut client = RawClient::connect(&proxy.login().capabilities(capabilities)).unwrap();
        closes.recv().unwrap();
        let seen = client.send(b"\x03DO 1").map(|()| client.wire.rest()).unwrap_or_default();
        if !seen.is_empty() {
            let packet = only_packet(&seen).expect("one packet");
            let error = ServerError::parse(&packet.payload).expect("an error");
            assert_eq!((packet.sequence, error.code, error.state.as_str()), (1, 1047, "08S01"), "{error:?}");
        }
    }
}

#[test]
fn an_error_after_a_command_of_several_packets_follows_the_last_of_them() {
    let backend = Backend::playing(|peer| {
        peer.let_in()?;
        let refused = peer.command()?;
        assert_eq!(refused[0], 0x03);
        peer.send(&error(1064, "#42000too long for this test"))?;
        peer.command().map(drop)
    });
    let proxy = Proxy::in_front_of(&backend.address()).own_connections().start();
    for capabilities in [CANONICAL, BASE] {
        for length in [MAX_FRAME - 1, MAX_FRAME, MAX_FRAME + 1] {
            let mut client = RawClient::connect(&proxy.login().capabilities(capabilities)).unwrap();
            let command = [b"\x03DO 1".as_slice(), &vec![b' '; length - 5]].concat();
            for code in [1064, LOST] {
                client.send(&command).unwrap();
                let due = client.wire.sequence;
                assert_eq!(due, 1 + u8::from(length >= MAX_FRAME));
                let answer = client.wire.read().expect("a packet with the id that is due");
                assert_eq!(
                    ServerError::parse(&answer.payload).expect("an error").code,
                    code,
                    "{length} bytes"
                );
            }
            assert!(client.wire.rest().is_empty());
        }
    }
}

#[test]
fn a_session_whose_backend_was_lost_leaves_others_alone() {
    let backend = Backend::playing(|peer| {
        peer.let_in()?;
        while peer.command()? != b"\x03die" {
            peer.send(OK)?;
        }
        Ok(())
    });
    let proxy = Proxy::in_front_of(&backend.address()).own_connections().start();
    let mut bystander = RawClient::connect(&proxy.login()).unwrap();
    let mut victim = RawClient::connect(&proxy.login()).unwrap();
    victim.send(b"\x03die").unwrap();
    assert!(is_lost_connection(&victim.wire.rest(), 1));
    bystander.run("live");
    RawClient::connect(&proxy.login()).unwrap().run("live");
}
