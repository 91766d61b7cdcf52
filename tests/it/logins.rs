//! A backend that spoils the login: the client hears that there is no database at the moment, and in time.

use std::io;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::fake::{Backend, CAPABILITIES, OK, Peer, TLS, error, greeting, greeting_with_salt_length, switch};
use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::{Login, Refusal, ServerError};
use crate::support::proxy::{Proxy, ProxyBuilder};

/// Long enough for a slow machine, and far from every limit but the one that is tested.
const IN_TIME: Duration = Duration::from_secs(5);

fn in_front_of(backend: &Backend) -> ProxyBuilder {
    Proxy::in_front_of(&backend.address()).own_connections().backend_keys("connect_timeout = \"300ms\"")
}

/// The configured account, and one that only the backend can judge.
fn logins(proxy: &Proxy) -> [Login; 2] {
    [proxy.login(), Login::new(proxy.endpoint(), "relayed", "secret")]
}

fn refusal(login: &Login) -> ServerError {
    RawClient::connect(login).err().expect("a refusal").error()
}

#[track_caller]
fn assert_unavailable(error: &ServerError) {
    assert_eq!(error.code, 1047, "{error:?}");
    // In place of a greeting no error packet has an SQLSTATE, MariaDB's own included.
    assert!(["08S01", ""].contains(&error.state.as_str()), "{error:?}");
    for detail in ["127.0.0.1", "blocked", "Too many", "TLS"] {
        assert!(!error.message.contains(detail), "{error:?}");
    }
}

/// Logs in where every connection but the first one, the proxy's own, is met by `script`, and where even that is.
#[track_caller]
fn assert_unavailable_behind(script: impl Fn(&mut Peer) -> io::Result<()> + Clone + Send + Sync + 'static) {
    let always = script.clone();
    let backend = Backend::playing(always);
    let proxy = in_front_of(&backend).start_without_backend();
    assert_unavailable(&refusal(&proxy.login()));
    drop((proxy, backend));
    let backend = Backend::playing(move |peer| match peer.number {
        0 => peer.let_in().and_then(|()| peer.command()).map(drop),
        _ => script(peer),
    });
    let proxy = in_front_of(&backend).start();
    for login in logins(&proxy) {
        let begun = Instant::now();
        assert_unavailable(&refusal(&login));
        assert!(begun.elapsed() < IN_TIME, "{}: {:?}", login.user, begun.elapsed());
    }
}

#[test]
fn a_greeting_that_cannot_be_read_is_told_as_no_database() {
    let good = greeting(CAPABILITIES);
    let old_protocol = [b"\x09".as_slice(), &good[1..]].concat();
    let half = good[..good.len() / 2].to_vec();
    let without_41 = greeting(CAPABILITIES & !0x200);
    let endless_version = [b"\x0a".as_slice(), &[b'1'; 400]].concat();
    let greetings = [Vec::new(), b"\x0a".to_vec(), old_protocol, half, without_41, endless_version];
    for greeting in greetings {
        assert_unavailable_behind(move |peer| {
            peer.send(&greeting)?;
            peer.hang().map(drop)
        });
    }
}

#[test]
fn a_greeting_cut_at_any_byte_is_told_as_no_database() {
    // Up to the salt's last byte: the name of the plugin that follows may be missing.
    let salt_end = greeting(CAPABILITIES).len() - "mysql_native_password\0".len();
    let backend = Backend::playing(move |peer| match peer.number {
        0 => peer.let_in().and_then(|()| peer.command()).map(drop),
        number => {
            peer.send(&greeting(CAPABILITIES)[..number % salt_end])?;
            peer.hang().map(drop)
        }
    });
    let mut proxy = in_front_of(&backend).start();
    for _ in 0..salt_end {
        assert_unavailable(&refusal(&proxy.login()));
    }
    assert!(proxy.is_running());
}

#[test]
fn a_salt_that_is_said_to_be_longer_than_the_greeting_is_no_salt() {
    for length in 128..=135 {
        assert_unavailable_behind(move |peer| {
            peer.send(&greeting_with_salt_length(CAPABILITIES, length))?;
            peer.hang().map(drop)
        });
    }
}

#[test]
fn an_error_in_place_of_a_greeting_is_told_as_no_database() {
    let errors = [
        error(1040, "Too many connections"),
        error(1129, "Host '127.0.0.1' is blocked because of many connection errors"),
        error(1130, "Host '127.0.0.1' is not allowed to connect to this MariaDB server"),
    ];
    for error in errors {
        assert_unavailable_behind(move |peer| peer.send(&error));
    }
}

#[test]
fn a_backend_that_closes_during_the_login_is_told_as_no_database() {
    assert_unavailable_behind(|_| Ok(()));
    assert_unavailable_behind(|peer| peer.send(&greeting(CAPABILITIES)));
    assert_unavailable_behind(|peer| {
        peer.send(&greeting(CAPABILITIES))?;
        peer.introduction()
    });
    assert_unavailable_behind(|peer| {
        peer.send(&greeting(CAPABILITIES))?;
        peer.introduction()?;
        peer.send(&switch())?;
        peer.packet().map(drop)
    });
}

#[test]
fn a_backend_that_says_nothing_when_connected_is_given_up_in_time() {
    assert_unavailable_behind(|peer| peer.hang().map(drop));
}

#[test]
fn a_backend_that_stops_in_the_middle_of_its_greeting_is_given_up_in_time() {
    assert_unavailable_behind(|peer| {
        peer.send_raw(&[0x5a, 0, 0, 0, 10, b'1'])?;
        peer.hang().map(drop)
    });
}

#[test]
fn a_backend_that_does_not_answer_a_login_is_given_up_in_time() {
    assert_unavailable_behind(|peer| {
        peer.send(&greeting(CAPABILITIES))?;
        peer.hang().map(drop)
    });
}

#[test]
fn a_backend_that_does_not_judge_a_proof_is_given_up_in_time() {
    assert_unavailable_behind(|peer| {
        peer.send(&greeting(CAPABILITIES))?;
        peer.introduction()?;
        peer.send(&switch())?;
        peer.hang().map(drop)
    });
}

#[test]
fn a_backend_that_hangs_in_its_tls_handshake_is_given_up_in_time() {
    let backend = Backend::playing(|peer| {
        peer.send(&greeting(CAPABILITIES | TLS))?;
        peer.hang().map(drop)
    });
    let proxy = in_front_of(&backend).backend_tls("mode = \"required\"").start_without_backend();
    for login in logins(&proxy) {
        let begun = Instant::now();
        assert_unavailable(&refusal(&login));
        assert!(begun.elapsed() < IN_TIME, "{:?}", begun.elapsed());
    }
}

#[test]
fn a_pooled_connection_that_does_not_answer_is_given_up_for_a_new_one() {
    let backend = Backend::playing(|peer| {
        peer.let_in()?;
        loop {
            let command = peer.packet()?;
            if command[0] == 0x11 {
                return peer.hang().map(drop);
            }
            if !peer.housekeeping(&command)? {
                peer.send(OK)?;
            }
        }
    });
    let proxy = in_front_of(&backend).start();
    RawClient::connect(&proxy.login()).unwrap().send(b"\x01").unwrap();
    eventually("it is pooled", || proxy.metric("sealock_backend_connections", &["idle"]) >= 1.0);
    let begun = Instant::now();
    RawClient::connect(&proxy.login()).unwrap().run("DO 1");
    assert!(begun.elapsed() < IN_TIME, "{:?}", begun.elapsed());
    assert!(proxy.metric("sealock_backend_closes_total", &["broken"]) >= 1.0);
}

#[test]
fn where_tls_is_required_and_not_offered_nothing_at_all_is_sent() {
    for mode in ["required", "verify-ca", "verify-full"] {
        let (heard, told) = mpsc::channel();
        let backend = Backend::playing(move |peer| {
            peer.send(&greeting(CAPABILITIES))?;
            heard.send(peer.hang()?).map_err(io::Error::other)
        });
        let proxy = in_front_of(&backend).backend_tls(&format!("mode = \"{mode}\"")).start_without_backend();
        for login in logins(&proxy) {
            assert_unavailable(&refusal(&login));
        }
        for _ in 0..2 {
            assert_eq!(told.recv().unwrap(), b"", "{mode}");
        }
    }
}

#[test]
fn where_tls_is_required_and_refused_late_only_tls_is_sent() {
    let (heard, told) = mpsc::channel();
    let backend = Backend::playing(move |peer| {
        peer.send(&greeting(CAPABILITIES | TLS))?;
        let request = peer.packet()?;
        peer.send(OK)?;
        heard.send((request, peer.hang()?)).map_err(io::Error::other)
    });
    let proxy = in_front_of(&backend).backend_tls("mode = \"required\"").start_without_backend();
    for login in logins(&proxy) {
        assert_unavailable(&refusal(&login));
    }
    for _ in 0..2 {
        let (request, rest) = told.recv().unwrap();
        assert_eq!(request.len(), 32, "a request for TLS names nobody");
        // 0x16: a handshake, 0x15: an alert.
        assert!([Some(&0x16), Some(&0x15)].contains(&rest.first()), "{rest:02x?}");
    }
}

#[test]
fn a_backend_that_lets_a_relayed_login_in_unproven_lets_nobody_in() {
    let backend = Backend::playing(|peer| {
        peer.let_in()?;
        peer.command().map(drop)
    });
    let proxy = in_front_of(&backend).without_accounts().start();
    for user in ["app", "root", "anybody"] {
        let error = refusal(&Login::new(proxy.endpoint(), user, "secret"));
        assert_eq!((error.code, error.state.as_str()), (1045, "28000"), "{error:?}");
    }
}

#[test]
fn a_backend_that_asks_for_proofs_without_end_is_left() {
    let backend = Backend::playing(|peer| match peer.number {
        0 => peer.let_in().and_then(|()| peer.command()).map(drop),
        _ => {
            peer.send(&greeting(CAPABILITIES))?;
            peer.introduction()?;
            loop {
                peer.send(&switch())?;
                peer.packet()?;
            }
        }
    });
    let proxy = in_front_of(&backend).start();
    for login in logins(&proxy) {
        let begun = Instant::now();
        let refused = RawClient::connect(&login).err().expect("a refusal");
        // 1045 where the proxy itself was asked without end, 1047 where its client was.
        assert!(
            matches!(&refused, Refusal::Error(error) if [1045, 1047].contains(&error.code)),
            "{refused:?}"
        );
        assert!(begun.elapsed() < IN_TIME, "{:?}", begun.elapsed());
    }
}
