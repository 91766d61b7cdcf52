//! TLS, unix sockets and PROXY headers on both sides.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use sealock::app::scratch::{Options, ScratchServer, TlsFiles};

use crate::support::client::RawClient;
use crate::support::login::Login;
use crate::support::proxy::Proxy;
use crate::support::relay;
use crate::support::server::{PASSWORD, USER, server};
use crate::support::tls::trusting;
use crate::support::wire::Wire;

/// Certificates as an operator makes them.
pub fn generate_certificates(directory: &Path) {
    let output = Command::new(env!("CARGO_BIN_EXE_sealock"))
        .args(["certs", "generate", "--name", "localhost", "--client", "proxy", "--directory"])
        .arg(directory)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn listener_with(directory: &Path) -> String {
    let directory = directory.display();
    format!("certificate = \"{directory}/server.pem\"\nkey = \"{directory}/server.key\"")
}

#[test]
fn a_client_with_the_ca_verifies_the_listener() {
    let certificates = tempfile::tempdir().unwrap();
    generate_certificates(certificates.path());
    let proxy = Proxy::builder().tls(&listener_with(certificates.path())).start();
    let config = trusting(&certificates.path().join("ca.pem"));
    let mut client = RawClient::connect(&proxy.login().tls(&config, "localhost")).expect("verified");
    assert_eq!(client.value("SELECT 1"), "1");
    assert!(RawClient::connect(&proxy.login().tls(&config, "elsewhere.example")).is_err(), "a wrong name");
}

#[test]
fn a_listener_without_certificates_mints_one_and_says_so() {
    let proxy = Proxy::builder().start();
    RawClient::connect(&proxy.tls_login()).expect("TLS");
    assert!(proxy.log().contains("self-signed"), "{}", proxy.log());
}

#[test]
fn a_listener_without_tls_does_not_offer_it() {
    let proxy = Proxy::builder().tls("mode = \"disabled\"").start();
    let client = RawClient::connect(&proxy.login()).unwrap();
    assert_eq!(client.greeting.capabilities & 0x800, 0);
}

#[test]
fn the_server_is_reached_over_its_unix_socket() {
    let proxy = Proxy::builder()
        .backend(&format!("unix:{}", server().socket().display()))
        .account("user = \"inside\"\npassword = \"x\"\nbackend_user = \"root\"\nbackend_password = \"\"")
        .start();
    let mut client = RawClient::connect(&Login::new(proxy.endpoint(), "inside", "x")).unwrap();
    assert_eq!(client.value("SELECT CURRENT_USER()"), "root@localhost");
}

#[test]
fn the_server_sees_the_clients_address_when_told_by_proxy_header() {
    let proxy = Proxy::builder()
        .backend_keys("proxy_protocol = true")
        .listener("proxy_protocol_from = [\"127.0.0.0/8\"]")
        .start();
    for header in [b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 3306\r\n".to_vec(), proxy_v2([192, 0, 2, 7])] {
        assert_eq!(user_seen(&proxy, &header), "app@192.0.2.7");
    }
}

#[test]
fn a_proxy_header_from_elsewhere_is_no_header() {
    let proxy = Proxy::builder().listener("proxy_protocol_from = [\"192.0.2.0/24\"]").start();
    let login = proxy.login();
    let mut wire = Wire::connect(&login.endpoint).unwrap();
    wire.write_raw(b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 3306\r\n").unwrap();
    let _ = wire.read().unwrap();
    let answer = wire.read().map(|packet| packet.payload);
    assert!(answer.is_err() || answer.is_ok_and(|payload| payload[0] == 0xff), "refused");
}

fn user_seen(proxy: &Proxy, header: &[u8]) -> String {
    let relay = relay::with_preamble(proxy.port(), header);
    let mut client = RawClient::connect(&Login::new(relay, USER, PASSWORD)).unwrap();
    client.value("SELECT USER()")
}

fn proxy_v2(source: [u8; 4]) -> Vec<u8> {
    let signature = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c";
    [&signature[..], &source, &[127, 0, 0, 1], &4711_u16.to_be_bytes(), &3306_u16.to_be_bytes()].concat()
}

#[test]
fn every_mode_of_tls_towards_the_server_verifies_what_it_says() {
    let certificates = tempfile::tempdir().unwrap();
    generate_certificates(certificates.path());
    fs::set_permissions(certificates.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(certificates.path().join("server.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let file = |name: &str| certificates.path().join(name);
    let options = Options {
        tcp: true,
        tls: Some(TlsFiles { certificate: file("server.pem"), key: file("server.key"), ca: file("ca.pem") }),
        statements: vec![
            format!("CREATE USER app@'%' IDENTIFIED BY '{PASSWORD}' REQUIRE SSL"),
            format!("CREATE USER known@'%' IDENTIFIED BY '{PASSWORD}' REQUIRE X509"),
        ],
        ..Options::default()
    };
    let secure = ScratchServer::start(&options, &mut |_| {}).unwrap_or_else(|error| panic!("{error}"));
    let port = secure.port().unwrap();
    let ca = format!("ca = \"{}\"", file("ca.pem").display());
    let client = format!(
        "certificate = \"{}\"\nkey = \"{}\"",
        file("client.pem").display(),
        file("client.key").display()
    );
    let start = |host: &str, tls: &str| {
        let builder = Proxy::builder().backend(&format!("{host}:{port}")).backend_tls(tls);
        let builder = builder.account(&format!("user = \"known\"\npassword = \"{PASSWORD}\""));
        builder.section("[pool]\nacquire_timeout = \"2s\"").start_without_backend()
    };
    for (host, tls, comes_in) in [
        ("localhost", format!("mode = \"verify-full\"\n{ca}"), true),
        ("localhost", "mode = \"verify-full\"".to_owned(), false),
        ("127.0.0.1", format!("mode = \"verify-full\"\n{ca}\nserver_name = \"elsewhere.example\""), false),
        ("127.0.0.1", format!("mode = \"verify-full\"\n{ca}\nserver_name = \"localhost\""), true),
        ("127.0.0.1", format!("mode = \"verify-ca\"\n{ca}\nserver_name = \"elsewhere.example\""), true),
        ("127.0.0.1", "mode = \"required\"".to_owned(), true),
        ("127.0.0.1", "mode = \"disabled\"".to_owned(), false),
    ] {
        let proxy = start(host, &tls);
        assert_eq!(RawClient::connect(&proxy.login()).is_ok(), comes_in, "{host} with {tls}");
    }
    let known = |proxy: &Proxy| RawClient::connect(&Login::new(proxy.endpoint(), "known", PASSWORD)).is_ok();
    assert!(
        !known(&start("localhost", &format!("mode = \"verify-full\"\n{ca}"))),
        "without a client certificate"
    );
    assert!(known(&start("localhost", &format!("mode = \"verify-full\"\n{ca}\n{client}"))), "with one");
}
