//! A backend that says what no server says: nothing of it reaches a client as if it were an answer.

use std::io;
use std::sync::{Mutex, mpsc};

use crate::fake::{Backend, CAPABILITIES, COLUMN, END, OK, OK_AND_MORE, error, greeting, packets};
use crate::support::capabilities::{BASE, DEPRECATE_EOF, LOCAL_FILES, SESSION_TRACK};
use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::ServerError;
use crate::support::proxy::Proxy;

type Payload = &'static [u8];

const CANONICAL: u64 = BASE | DEPRECATE_EOF | SESSION_TRACK;
/// MARIADB_CLIENT_PROGRESS.
const PROGRESS: u64 = 1 << 32;
const REPORT: &[u8] = b"\xff\xff\xff\x01\x01\x02\xe8\x03\x00\x11copy to tmp table";

/// Reads packets to the end of the connection, checking their sequence ids.
fn packets_until_closed(client: &mut RawClient) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    loop {
        match client.wire.read() {
            Ok(packet) => payloads.push(packet.payload),
            Err(error) => {
                assert_ne!(error.kind(), io::ErrorKind::InvalidData, "{error} after {payloads:02x?}");
                return payloads;
            }
        }
    }
}

/// The number of the error that this is; 0 where it is none.
fn code(payload: &[u8]) -> u16 {
    ServerError::parse(payload).map_or(0, |error| error.code)
}

#[test]
fn a_request_for_a_file_that_nobody_named_never_reaches_the_client() {
    const REQUEST: &[u8] = b"\xfb/etc/passwd";
    // What the backend sends, and how many packets of it the client is to see with and without DEPRECATE_EOF.
    let answers: [(Vec<u8>, usize, usize); 3] = [
        (packets(1, &[REQUEST]), 0, 0),
        (packets(1, &[OK_AND_MORE, REQUEST]), 1, 1),
        (packets(1, &[b"\x01", COLUMN, b"\x011", b"\xfe\x00\x00\x0a\x00\x00\x00", REQUEST]), 4, 5),
    ];
    for (answer, with, without) in answers {
        for size in [1, 1000] {
            let (heard, told) = mpsc::channel();
            let sent = answer.clone();
            let backend = Backend::playing(move |peer| {
                peer.let_in()?;
                peer.command()?;
                peer.send_in_pieces(&sent, size)?;
                heard.send(peer.hang()?).map_err(io::Error::other)
            });
            let proxy = Proxy::in_front_of(&backend.address()).own_connections().start();
            for (capabilities, before) in [(CANONICAL, with), (BASE, without), (BASE | LOCAL_FILES, without)]
            {
                let mut client = RawClient::connect(&proxy.login().capabilities(capabilities)).unwrap();
                client.send(b"\x03SELECT 1").unwrap();
                let seen = packets_until_closed(&mut client);
                assert_eq!(seen.len(), before + 1, "{seen:02x?}");
                assert!(seen.iter().all(|payload| payload[0] != 0xfb));
                let refused = ServerError::parse(&seen[before]).expect("an error");
                assert_eq!((refused.code, refused.state.as_str()), (1148, "42000"));
                assert!(!refused.message.contains("passwd"), "{refused:?}");
                assert!(told.recv().unwrap().is_empty(), "the backend gets nothing");
            }
            assert_eq!(proxy.metric("sealock_local_infile_refusals_total", &[]), 3.0);
        }
    }
}

#[test]
fn a_response_that_makes_no_sense_ends_as_a_lost_connection() {
    let after_rows = |last: Payload| vec![b"\x01", COLUMN, b"\x011", b"\x012", last];
    // A command, what answers it, and how many packets of that make sense.
    let senseless: Vec<(Payload, Vec<Payload>, usize)> = vec![
        (b"\x03SELECT 1", vec![b""], 0),
        (b"\x03SELECT 1", vec![b"\xfc\x01"], 0),
        (b"\x03SELECT 1", vec![b"\x00"], 0),
        (b"\x0e", vec![b"\x07nonsense"], 0),
        (b"\x16SELECT 1", vec![b"\x00\x01\x00"], 0),
        (b"\x16SELECT 1", vec![b"\x01"], 0),
        (b"\x03SELECT 1", after_rows(b""), 4),
        (b"\x03SELECT 1", after_rows(b"\xfe\x00"), 4),
    ];
    for (command, answer, sensible) in senseless {
        let sent = packets(1, &answer);
        let backend = Backend::playing(move |peer| {
            peer.let_in()?;
            peer.command()?;
            peer.send_raw(&sent)?;
            peer.hang().map(drop)
        });
        let proxy = Proxy::in_front_of(&backend.address()).own_connections().start();
        for (capabilities, more) in [(CANONICAL, 0), (BASE, usize::from(sensible > 0))] {
            let mut client = RawClient::connect(&proxy.login().capabilities(capabilities)).unwrap();
            client.send(command).unwrap();
            let seen = packets_until_closed(&mut client);
            assert_eq!(seen.len(), sensible + more + 1, "{answer:02x?} became {seen:02x?}");
            assert_eq!(code(seen.last().unwrap()), 1927, "{answer:02x?} became {seen:02x?}");
        }
        assert!(proxy.metric("sealock_client_disconnects_total", &["backend_malformed"]) >= 2.0);
    }
}

/// Whether the connection just closed, or with the error that makes a client connect again.
fn is_nothing_or_lost(seen: &[u8]) -> bool {
    let lost = |(header, payload): (&[u8], &[u8])| header[3] == 1 && code(payload) == 1047;
    seen.is_empty() || seen.split_at_checked(4).is_some_and(lost)
}

/// What a backend might say that was not asked anything.
fn unasked() -> [Vec<u8>; 4] {
    [OK.to_vec(), error(1927, "#70100Connection was killed"), b"\x01".to_vec(), b"junk".to_vec()]
}

#[test]
fn what_a_backend_says_beyond_its_answer_is_never_taken_for_the_next() {
    for said in unasked() {
        let sent = packets(1, &[OK, &said]);
        let backend = Backend::playing(move |peer| {
            peer.let_in()?;
            peer.command()?;
            peer.send_raw(&sent)?;
            peer.command()?;
            [b"\x01", COLUMN, END].iter().try_for_each(|packet| peer.send(packet))
        });
        let proxy = Proxy::in_front_of(&backend.address()).own_connections().start();
        for capabilities in [CANONICAL, BASE] {
            let mut client = RawClient::connect(&proxy.login().capabilities(capabilities)).unwrap();
            client.run("DO 1");
            let seen = client.send(b"\x03SELECT 1").map(|()| client.wire.rest()).unwrap_or_default();
            assert!(is_nothing_or_lost(&seen), "after {said:02x?} the next answer is {seen:02x?}");
        }
    }
}

#[test]
fn what_a_backend_says_beyond_the_login_is_never_taken_for_an_answer() {
    for said in unasked() {
        let sent = packets(2, &[OK, &said]);
        let backend = Backend::playing(move |peer| {
            peer.send(&greeting(CAPABILITIES))?;
            peer.introduction()?;
            peer.send_raw(&sent)?;
            peer.command()?;
            [b"\x01", COLUMN, END].iter().try_for_each(|packet| peer.send(packet))
        });
        let proxy = Proxy::in_front_of(&backend.address()).own_connections().start();
        for capabilities in [CANONICAL, BASE] {
            if let Ok(mut client) = RawClient::connect(&proxy.login().capabilities(capabilities)) {
                let seen = client.send(b"\x03SELECT 1").map(|()| client.wire.rest()).unwrap_or_default();
                assert!(is_nothing_or_lost(&seen), "after {said:02x?} the first answer is {seen:02x?}");
            }
        }
    }
}

#[test]
fn a_session_ends_when_its_backend_speaks_unasked() {
    for said in unasked() {
        let (go, ready) = mpsc::channel::<()>();
        let ready = Mutex::new(ready);
        let backend = Backend::playing(move |peer| {
            peer.let_in()?;
            peer.command()?;
            peer.send(OK)?;
            ready.lock().unwrap().recv().map_err(io::Error::other)?;
            peer.send_raw(&packets(0, &[&said]))?;
            peer.hang().map(drop)
        });
        let proxy = Proxy::in_front_of(&backend.address()).own_connections().start();
        for capabilities in [CANONICAL, BASE] {
            let mut client = RawClient::connect(&proxy.login().capabilities(capabilities)).unwrap();
            client.run("DO 1");
            go.send(()).unwrap();
            assert_eq!(client.wire.rest(), b"", "nothing of it reaches the client");
        }
    }
}

#[test]
fn a_connection_on_which_the_backend_spoke_unasked_is_not_lent_again() {
    let backend = Backend::playing(|peer| {
        peer.let_in()?;
        peer.command()?;
        peer.send_raw(&packets(1, &[OK, OK]))?;
        peer.command().map(drop)
    });
    let proxy = Proxy::in_front_of(&backend.address()).own_connections().start();
    for _ in 0..3 {
        let mut client = RawClient::connect(&proxy.login()).unwrap();
        client.run("DO 1");
        let _ = client.send(b"\x01");
        assert!(client.wire.rest().is_empty());
    }
    eventually("every one of them is closed", || {
        let closed = |reason| proxy.metric("sealock_backend_closes_total", &[reason]);
        closed("reason=\"spoke\"") + closed("reason=\"broken\"") >= 3.0
    });
}

#[test]
fn progress_reports_pass_to_the_clients_that_asked_for_them() {
    let backend = Backend::playing(|peer| {
        peer.let_in()?;
        loop {
            peer.command()?;
            let reports = if peer.capabilities & PROGRESS == 0 { 0 } else { 2 };
            (0..reports).try_for_each(|_| peer.send(REPORT))?;
            peer.send(OK)?;
        }
    });
    let proxy = Proxy::in_front_of(&backend.address()).own_connections().start();
    for (capabilities, reports) in
        [(CANONICAL | PROGRESS, 2), (BASE | PROGRESS, 2), (CANONICAL, 0), (BASE, 0)]
    {
        let mut client = RawClient::connect(&proxy.login().capabilities(capabilities)).unwrap();
        for _ in 0..2 {
            client.send(b"\x03ALTER TABLE t FORCE").unwrap();
            for _ in 0..reports {
                assert_eq!(client.wire.read().unwrap().payload, REPORT);
            }
            assert_eq!(client.wire.read().unwrap().payload, OK);
        }
    }
}

#[test]
fn a_client_that_did_not_ask_for_progress_reports_gets_none_from_a_backend_that_sends_them_all_the_same() {
    let backend = Backend::playing(|peer| {
        peer.let_in()?;
        loop {
            peer.command()?;
            peer.send(REPORT)?;
            peer.send(OK)?;
        }
    });
    let proxy = Proxy::in_front_of(&backend.address()).own_connections().start();
    for capabilities in [CANONICAL, BASE] {
        let mut client = RawClient::connect(&proxy.login().capabilities(capabilities)).unwrap();
        client.send(b"\x03ALTER TABLE t FORCE").unwrap();
        assert_ne!(client.wire.read().unwrap().payload, REPORT);
    }
}
