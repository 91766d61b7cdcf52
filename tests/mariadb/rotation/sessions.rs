//! What becomes of those who are there when a certificate is replaced.

use std::fs;
use std::io;
use std::time::{Duration, Instant};

use super::{Recorder, Site, generation, sealock, text};
use crate::support::capabilities::TLS;
use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::Login;
use crate::support::server::{PASSWORD, USER};
use crate::support::tls::unverified;
use crate::support::wire::Wire;

fn rotate(site: &Site, proxy: &crate::support::proxy::Proxy, number: usize) {
    site.stage(number);
    site.publish(number);
    let done = sealock(proxy, &["reload"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
}

#[test]
fn a_handshake_under_way_finishes_with_the_certificate_it_began_with() {
    let site = Site::new();
    let proxy = site.proxy("watch = \"off\"").start();
    let recorder = Recorder::trusting(&site.path("listeners-ca.pem"));
    let login = Login::new(proxy.endpoint(), USER, PASSWORD).tls(&recorder.config(), "localhost");
    let mut greeted = Wire::connect(&proxy.endpoint()).unwrap();
    greeted.read().unwrap();
    rotate(&site, &proxy, 2);
    greeted.write(&login.fixed_part(TLS)).unwrap();
    let mut inside = greeted.into_tls(&recorder.config(), "localhost");
    inside.write(&login.fixed_part(TLS)).unwrap();
    assert_eq!(recorder.generation(), 1);
    assert_eq!(site.log_in(proxy.endpoint()).unwrap().0, 2);
}

#[test]
fn sessions_go_on_unless_an_age_is_set() {
    let site = Site::new();
    let proxy = site.proxy("watch = \"off\"").start();
    let (_, mut first) = site.log_in(proxy.endpoint()).unwrap();
    let (_, mut second) = site.log_in(site.second()).unwrap();
    first.run("SET @kept = 'here'");
    for number in 2..6 {
        rotate(&site, &proxy, number);
        assert_eq!((first.value("SELECT @kept"), second.value("SELECT 1")), ("here".into(), "1".into()));
    }
    assert_eq!(proxy.metric("sealock_client_disconnects_total", &[]), 0.0);
}

#[test]
fn a_new_certificate_of_a_listener_leaves_pooled_connections_alone() {
    let site = Site::new();
    let proxy = site.proxy("watch = \"off\"").start();
    let replaced = || proxy.metric("sealock_backend_closes_total", &["reloaded"]);
    let visit = || {
        let (shown, mut client) = site.log_in(proxy.endpoint()).unwrap();
        client.send(b"\x01").unwrap();
        eventually("its connection is pooled", || {
            proxy.metric("sealock_backend_connections", &["idle"]) == 1.0
        });
        shown
    };
    assert_eq!(visit(), 1);
    // The listeners' files only: those of the backend stay.
    for stem in ["first", "second"] {
        let pair = site.server_pair(2);
        pair.write(&site.path(&format!("{stem}.pem")), &site.path(&format!("{stem}.key"))).unwrap();
    }
    assert!(sealock(&proxy, &["reload"]).status.success());
    std::thread::sleep(Duration::from_millis(1500)); // idle connections are looked through every second
    assert_eq!((visit(), replaced()), (2, 0.0));
    // A backend's new client certificate, on the other hand, is for new connections.
    rotate(&site, &proxy, 3);
    eventually("the connection of before is closed", || replaced() == 1.0);
    assert_eq!(visit(), 3);
}

/// Whether the proxy has closed this connection.
fn is_closed(client: &mut RawClient) -> bool {
    match client.try_query("SELECT 1") {
        Ok(packets) => sealock_error(&packets[0].payload) == Some(1047),
        Err(error) => error.kind() != io::ErrorKind::InvalidData,
    }
}

fn sealock_error(payload: &[u8]) -> Option<u16> {
    crate::support::login::ServerError::parse(payload).map(|error| error.code)
}

#[test]
fn sessions_of_an_old_certificate_end_at_their_safe_point_and_the_others_notice_nothing() {
    for mode in ["session", "multiplex"] {
        let site = Site::new();
        let age = "[tls]\nmax_session_age_after_rotation = \"1s\"\n[pool]\nmode = ";
        let proxy = site.proxy("watch = \"off\"").section(&format!("{age}\"{mode}\"")).start();
        let (_, mut idle) = site.log_in(proxy.endpoint()).unwrap();
        let (_, mut busy) = site.log_in(proxy.endpoint()).unwrap();
        let (_, mut elsewhere) = site.log_in(site.second()).unwrap();
        let mut plain = RawClient::connect(&Login::new(proxy.endpoint(), USER, PASSWORD)).unwrap();
        busy.run("CREATE SCHEMA IF NOT EXISTS rotated");
        busy.run("CREATE OR REPLACE TABLE rotated.done (n INT)");
        busy.run("BEGIN");
        busy.run("INSERT INTO rotated.done VALUES (1)");

        // The first listener's certificate only.
        let pair = site.server_pair(2);
        pair.write(&site.path("first.pem"), &site.path("first.key")).unwrap();
        let begun = Instant::now();
        assert!(sealock(&proxy, &["reload"]).status.success());
        assert_eq!(idle.value("SELECT 'not yet'"), "not yet");
        let ended = || proxy.metric("sealock_client_disconnects_total", &["rotated"]);
        eventually("the idle session ends", || ended() == 1.0);
        assert!(begun.elapsed() >= Duration::from_secs(1));
        assert!(is_closed(&mut idle));

        busy.run("INSERT INTO rotated.done VALUES (2)");
        busy.run("COMMIT");
        eventually("the transaction's session ends after it", || ended() == 2.0);
        assert!(is_closed(&mut busy));
        let (shown, mut new) = site.log_in(proxy.endpoint()).unwrap();
        assert_eq!((shown, new.value("SELECT COUNT(*) FROM rotated.done")), (2, "2".into()));
        std::thread::sleep(Duration::from_millis(1500));
        for staying in [&mut elsewhere, &mut plain, &mut new] {
            assert_eq!(staying.value("SELECT 'still here'"), "still here");
        }
        assert_eq!(ended(), 2.0, "{mode}");
    }
}

#[test]
fn an_age_that_is_set_later_holds_for_sessions_that_are_old_already() {
    let site = Site::new();
    let proxy = site.proxy("watch = \"off\"").start();
    let (_, mut old) = site.log_in(proxy.endpoint()).unwrap();
    rotate(&site, &proxy, 2);
    assert_eq!(old.value("SELECT 1"), "1");
    let file = proxy.path("sealock.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text + "[tls]\nmax_session_age_after_rotation = \"0s\"\n").unwrap();
    assert!(sealock(&proxy, &["reload"]).status.success());
    eventually("it ends", || proxy.metric("sealock_client_disconnects_total", &["rotated"]) == 1.0);
    assert!(is_closed(&mut old));
    assert_eq!(generation(&proxy), 3);
}

#[test]
fn tickets_resume_over_a_rotation_and_groups_are_counted() {
    let site = Site::new();
    let proxy = site.proxy("watch = \"off\"").start();
    let config = unverified();
    let visit = || {
        let login = Login::new(proxy.endpoint(), USER, PASSWORD).tls(&config, "localhost");
        assert_eq!(RawClient::connect(&login).unwrap().value("SELECT 1"), "1");
    };
    let resumed = || proxy.metric("sealock_tls_resumptions_total", &["client", "TLSv1.3"]);
    visit();
    assert_eq!(resumed(), 0.0);
    visit();
    assert_eq!(resumed(), 1.0);
    let pair = |site: &Site| site.server_pair(1); // the same names
    pair(&site).write(&site.path("first.pem"), &site.path("first.key")).unwrap();
    assert!(sealock(&proxy, &["reload"]).status.success());
    visit();
    assert_eq!(resumed(), 2.0);
    // Another revocation list: whoever was let in before is looked at again.
    fs::write(site.path("crl.pem"), site.revocation_list(2)).unwrap();
    assert!(sealock(&proxy, &["reload"]).status.success());
    visit();
    assert_eq!(resumed(), 2.0);
    let offered = |group: &str| {
        let label = format!("group=\"{group}\"");
        proxy.metric("sealock_tls_offered_groups_total", &[label.as_str()])
    };
    assert_eq!((offered("X25519MLKEM768"), offered("X25519"), offered("unsaid")), (4.0, 4.0, 0.0));
    let agreed = proxy.metric("sealock_tls_handshakes_total", &["client", "group=\"X25519MLKEM768\""]);
    assert_eq!(agreed, 4.0);
}
