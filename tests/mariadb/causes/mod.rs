//! Each cause of a refusal is induced, counted under its code, and told in the log with what to do about it.

pub mod certificates;
mod client_hello;
mod handshakes;
mod logins;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use sealock::migration::explain::Cause;
use sealock::telemetry::Label as _;

use crate::support::eventually;
use crate::support::login::Login;
use crate::support::proxy::Proxy;
use crate::support::server::{PASSWORD, USER};

/// Causes that no client can bring about at will, and where they are tested instead.
const ELSEWHERE: [(Cause, &str); 5] = [
    (Cause::Draining, "only in the moment of SIGTERM, between accepting and looking"),
    (Cause::Internal, "the operating system is out of random numbers"),
    (
        Cause::Cleartext,
        "frontend::login_error and frontend::relay_login: a server that asks for a password in the clear",
    ),
    (Cause::CleartextToBackend, "the same"),
    (Cause::SocketIdentity, "frontend::relay_login: a server that takes the proxy for the client"),
];

/// Does something that is refused, and finds it counted once, under this cause, with its remedy in the log.
#[track_caller]
fn refused_for(proxy: &Proxy, cause: Cause, induce: impl FnOnce(&Proxy)) {
    let code = cause.label();
    let count = || proxy.metric("sealock_client_refusals_total", &[&format!("cause=\"{code}\"")]);
    let (before, all) = (count(), proxy.metric("sealock_client_refusals_total", &[]));
    induce(proxy);
    let seen = || proxy.metric("sealock_client_refusals_total", &[]) >= all + 1.0;
    eventually(&format!("a refusal is counted: {code}"), seen);
    assert!((count() - before - 1.0).abs() < 0.1, "not {code} but:\n{}", last_refusal(proxy));
    let line = || {
        let log = proxy.log();
        log.lines().any(|line| {
            line.contains("client refused")
                && line.contains(&format!("cause=\"{code}\""))
                && line.contains(cause.remedy())
        })
    };
    eventually(&format!("the log says what to do about {code}"), line);
}

fn last_refusal(proxy: &Proxy) -> String {
    proxy.log().lines().rev().find(|line| line.contains("client refused")).unwrap_or_default().to_owned()
}

/// A connection that has read the greeting.
fn greeted(proxy: &Proxy) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut header = [0; 4];
    stream.read_exact(&mut header).unwrap();
    let mut greeting = vec![0; usize::from(header[0]) | usize::from(header[1]) << 8];
    stream.read_exact(&mut greeting).unwrap();
    stream
}

/// One that has asked for TLS, too.
fn asking_for_tls(proxy: &Proxy) -> TcpStream {
    let mut stream = greeted(proxy);
    stream.write_all(&frame(1, &Login::new(proxy.endpoint(), "", "").fixed_part(0x800))).unwrap();
    stream
}

fn frame(sequence: u8, payload: &[u8]) -> Vec<u8> {
    [&u32::try_from(payload.len()).unwrap().to_le_bytes()[..3], &[sequence], payload].concat()
}

/// Says this instead of a first packet and waits for the end.
fn say(proxy: &Proxy, bytes: &[u8]) {
    let mut stream = greeted(proxy);
    let _ = stream.write_all(bytes);
    let _ = stream.read_to_end(&mut Vec::new());
}

/// The same behind a request for TLS.
fn say_for_tls(proxy: &Proxy, bytes: &[u8]) {
    let mut stream = asking_for_tls(proxy);
    let _ = stream.write_all(bytes);
    let _ = stream.read_to_end(&mut Vec::new());
}

#[test]
fn every_cause_is_induced_by_a_test() {
    let sources = [
        include_str!("certificates.rs"),
        include_str!("client_hello.rs"),
        include_str!("handshakes.rs"),
        include_str!("logins.rs"),
        include_str!("../accounts/certificates.rs"),
        include_str!("../accounts/rules.rs"),
    ];
    for cause in Cause::ALL {
        let induced = sources.iter().any(|source| source.contains(&format!("Cause::{cause:?}")));
        let elsewhere = ELSEWHERE.iter().any(|(other, _)| other == cause);
        assert!(induced != elsewhere, "{cause:?}: induced here {induced}, said to be elsewhere {elsewhere}");
    }
}

#[test]
fn a_refusal_after_the_name_was_given_names_account_and_program() {
    let proxy = Proxy::builder().tls("mode = \"required\"").start();
    let mut login = Login::new(proxy.endpoint(), USER, PASSWORD);
    login.attributes = vec![("program_name".to_owned(), "nova-api".to_owned())];
    assert!(login.perform().is_err());
    let named = "account app, program nova-api: Switch TLS on in the client";
    eventually("both are named", || last_refusal(&proxy).contains(named));
}
