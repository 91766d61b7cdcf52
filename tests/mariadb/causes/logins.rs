//! Refusals of clients that speak MySQL's protocol.

use std::io::{Read as _, Write as _};

use sealock::migration::explain::Cause;

use super::{frame, greeted, refused_for, say, say_for_tls};
use crate::support::client::RawClient;
use crate::support::login::Login;
use crate::support::proxy::{Proxy, deserted};
use crate::support::server::{PASSWORD, USER};

fn fail(login: &Login) {
    assert!(RawClient::connect(login).is_err());
}

#[test]
fn limits() {
    let proxy = Proxy::builder().section("[limits]\nmax_clients = 1").start();
    let _first = RawClient::connect(&proxy.login()).unwrap();
    refused_for(&proxy, Cause::TooManyClients, |proxy| fail(&proxy.login()));
    let proxy = Proxy::builder().section("[limits]\nmax_clients_per_account = 1").start();
    let _first = RawClient::connect(&proxy.login()).unwrap();
    refused_for(&proxy, Cause::TooManyAccountClients, |proxy| fail(&proxy.login()));
    let proxy = Proxy::builder().section("[limits]\nhandshake_timeout = \"200ms\"").start();
    refused_for(&proxy, Cause::TimedOut, |proxy| {
        let _ = greeted(proxy).read_to_end(&mut Vec::new());
    });
}

#[test]
fn servers() {
    let (_nobody, address) = deserted();
    let proxy =
        Proxy::in_front_of(&address).section("[pool]\nacquire_timeout = \"1s\"").start_without_backend();
    refused_for(&proxy, Cause::Unavailable, |proxy| fail(&proxy.login()));
    let account = "user = \"other\"\npassword = \"not the server's\"";
    let proxy = Proxy::builder().account(account).start();
    refused_for(&proxy, Cause::Denied, |proxy| fail(&Login::new(proxy.endpoint(), USER, "wrong")));
    let known_here = |proxy: &Proxy| fail(&Login::new(proxy.endpoint(), "other", "not the server's"));
    refused_for(&proxy, Cause::BackendDenied, known_here);
}

#[test]
fn plaintext() {
    let proxy = Proxy::builder().tls("mode = \"required\"").start();
    refused_for(&proxy, Cause::Plaintext, |proxy| fail(&proxy.login()));
    let proxy = Proxy::builder().tls("mode = \"disabled\"").start();
    refused_for(&proxy, Cause::TlsNotOffered, |proxy| say_for_tls(proxy, b""));
    let proxy = Proxy::builder().section("[migration]\nstage = \"enforce\"").start();
    refused_for(&proxy, Cause::Enforced, |proxy| fail(&proxy.login()));
    let always =
        "[migration]\nstage = \"brownout\"\nbrownout_share = 100\nbrownout_windows = [\"00:00-24:00\"]";
    let proxy = Proxy::builder().section(always).start();
    refused_for(&proxy, Cause::Brownout, |proxy| fail(&proxy.login()));
}

#[test]
fn packets() {
    let proxy = Proxy::builder().start();
    let hello = Login::new(proxy.endpoint(), USER, PASSWORD).fixed_part(0);
    refused_for(&proxy, Cause::Closed, |proxy| drop(greeted(proxy)));
    refused_for(&proxy, Cause::Malformed, |proxy| say(proxy, &frame(1, b"\x85")));
    refused_for(&proxy, Cause::Oversized, |proxy| {
        say(proxy, &[&[0xff, 0xff, 0xff, 1][..], &[b'x'; 9000]].concat());
    });
    refused_for(&proxy, Cause::OutOfOrder, |proxy| say(proxy, &frame(7, &hello)));
    refused_for(&proxy, Cause::OldClient, |proxy| say(proxy, &frame(1, &[0x05, 0xa4, 0, 0, 0, b'a', 0])));
    refused_for(&proxy, Cause::Http, |proxy| say(proxy, b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"));
    refused_for(&proxy, Cause::TlsWithoutRequest, |proxy| {
        say(proxy, &[&[0x16, 3, 1, 2, 0][..], &[0; 512]].concat());
    });
    refused_for(&proxy, Cause::UnexpectedProxyHeader, |proxy| {
        say(proxy, b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 3306\r\n");
    });
    let proxy = Proxy::builder().listener("proxy_protocol_from = [\"127.0.0.0/8\"]").start();
    refused_for(&proxy, Cause::ProxyHeader, |proxy| {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
        stream.write_all(&frame(0, b"no header at all")).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
}

#[test]
fn a_client_that_leaves_when_it_is_asked_for_its_password() {
    let account = format!("user = \"edward\"\npassword = \"{PASSWORD}\"\nplugin = \"client_ed25519\"");
    let proxy = Proxy::builder().account(&account).start();
    refused_for(&proxy, Cause::ClosedDuringLogin, |proxy| {
        let mut stream = greeted(proxy);
        let login = Login::new(proxy.endpoint(), "edward", PASSWORD);
        let response = [&login.fixed_part(0)[..], b"edward\0\0mysql_native_password\0"].concat();
        stream.write_all(&frame(1, &response)).unwrap();
        let mut question = [0; 5];
        stream.read_exact(&mut question).unwrap();
        assert_eq!(question[4], 0xfe, "another plugin is asked for");
    });
}
