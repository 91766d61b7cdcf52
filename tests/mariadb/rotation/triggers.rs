//! What makes the proxy read its files again, and what does not.

use std::fs;
use std::time::{Duration, Instant};

use super::{Site, generation, json, refused, sealock, text};
use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::Login;
use crate::support::proxy::Proxy;
use crate::support::server::{PASSWORD, USER};

/// Fast for a test, and an interval that no test waits for.
const WATCHING: &str = "settle = \"200ms\"\ninterval = \"1h\"";

/// Nothing happens for as long as something would have.
fn stays(proxy: &Proxy, at: usize) {
    let until = Instant::now() + Duration::from_millis(1500);
    while Instant::now() < until {
        assert_eq!((generation(proxy), refused(proxy)), (at, 0), "{}", proxy.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_kubelets_swap_of_the_link_is_noticed_and_all_contexts_change_together() {
    let site = Site::new();
    let proxy = site.proxy(WATCHING).start();
    for number in 2..5 {
        site.stage(number);
        site.publish(number);
        eventually("the swap is noticed", || generation(&proxy) == number);
        assert_eq!(site.log_in(proxy.endpoint()).unwrap().0, number);
        assert_eq!(site.log_in(site.second()).unwrap().0, number);
    }
    assert_eq!(refused(&proxy), 0);
    let latest = &json(&proxy, "/api/v1/reloads")["reloads"][0];
    assert_eq!((&latest["trigger"], &latest["outcome"]), (&"files".into(), &"applied".into()));
    let changed = latest["changed"].as_array().unwrap();
    assert!(changed.iter().any(|file| file.as_str().unwrap().ends_with("/second.key")), "{latest}");
}

#[test]
fn a_certificate_and_its_key_replaced_one_after_the_other_are_one_reload() {
    let site = Site::new();
    let proxy = site.proxy("settle = \"600ms\"\ninterval = \"1h\"").start();
    let pair = site.server_pair(2);
    fs::write(site.path("..1/first.pem"), &pair.certificate).unwrap();
    std::thread::sleep(Duration::from_millis(250)); // the operator's own pace, well within `settle`
    fs::write(site.path("..1/first.key"), pair.key.as_bytes()).unwrap();
    eventually("both are taken", || generation(&proxy) == 2);
    assert_eq!(site.log_in(proxy.endpoint()).unwrap().0, 2);
    stays(&proxy, 2);
}

#[test]
fn a_key_that_stays_away_is_refused_once_and_taken_when_it_comes() {
    let site = Site::new();
    let proxy = site.proxy(WATCHING).start();
    let pair = site.server_pair(2);
    fs::write(site.path("..1/first.pem"), &pair.certificate).unwrap();
    eventually("half of it is refused", || refused(&proxy) == 1);
    std::thread::sleep(Duration::from_millis(700)); // time in which nothing changes: nothing is tried either
    assert_eq!((refused(&proxy), site.log_in(proxy.endpoint()).unwrap().0), (1, 1));
    fs::write(site.path("..1/first.key"), pair.key.as_bytes()).unwrap();
    eventually("the rest is taken", || generation(&proxy) == 2);
    assert_eq!(site.log_in(proxy.endpoint()).unwrap().0, 2);
}

#[test]
fn a_touch_and_other_files_beside_are_no_reload() {
    let site = Site::new();
    let proxy = site.proxy(WATCHING).start();
    for name in ["first.pem", "first.key", "ca.pem"] {
        let bytes = fs::read(site.path(name)).unwrap();
        fs::write(site.path(name), bytes).unwrap();
    }
    fs::write(site.path("..1/unrelated"), "x").unwrap();
    stays(&proxy, 1);
}

#[test]
fn without_reports_of_the_system_the_interval_finds_what_changed() {
    let site = Site::new();
    let away = tempfile::tempdir().unwrap();
    let proxy = site.proxy("settle = \"50ms\"\ninterval = \"1s\"").start();
    // The directory that is watched goes away, and another one comes in its place.
    let pair = site.server_pair(2);
    fs::rename(site.path("..1"), away.path().join("old")).unwrap();
    let staged = site.stage(1);
    staged.put("first", &pair);
    eventually("the new directory is read", || generation(&proxy) >= 2);
    eventually("what is in it serves", || site.log_in(proxy.endpoint()).unwrap().0 == 2);
}

#[test]
fn the_configuration_file_waits_to_be_asked_for_unless_all_is_watched() {
    let site = Site::new();
    let file = |watch: &str| {
        site.proxy(&format!("{WATCHING}\nwatch = \"{watch}\"")).section("[auth]\nrelay = false")
    };
    let other_password = |proxy: &Proxy| {
        let file = proxy.path("sealock.toml");
        let changed = fs::read_to_string(&file).unwrap().replacen(PASSWORD, "not in force", 1);
        fs::write(&file, changed).unwrap();
    };
    let waiting = file("files").start();
    other_password(&waiting);
    stays(&waiting, 1);
    // Nor does it come in with a certificate.
    site.stage(2);
    site.publish(2);
    eventually("the certificate is taken", || generation(&waiting) == 2);
    RawClient::connect(&Login::new(waiting.socket(), USER, PASSWORD)).expect("the password of before");
    waiting.signal("HUP");
    eventually("now it is read", || generation(&waiting) == 3);
    assert_eq!(refusal(&waiting), Some(1045));
    drop(waiting);

    let following = file("all").start();
    other_password(&following);
    eventually("it is read by itself", || generation(&following) == 2);
    assert_eq!(refusal(&following), Some(1045));
    drop(following);

    let off = file("off").start();
    site.stage(3);
    site.publish(3);
    stays(&off, 1);
}

#[test]
fn a_refused_configuration_does_not_keep_certificates_from_being_renewed() {
    let site = Site::new();
    let proxy = site.proxy(WATCHING).start();
    let file = proxy.path("sealock.toml");
    let sound = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{sound}\n[no_such_section]\n")).unwrap();
    proxy.signal("HUP");
    eventually("it is refused", || refused(&proxy) == 1);
    std::thread::sleep(Duration::from_millis(1200)); // several looks
    assert_eq!((generation(&proxy), refused(&proxy)), (1, 1));
    site.stage(2);
    site.publish(2);
    eventually("the certificate is taken", || generation(&proxy) == 2);
    assert_eq!((site.log_in(proxy.endpoint()).unwrap().0, refused(&proxy)), (2, 1));
}

#[test]
fn a_certificate_that_is_not_valid_yet_is_refused_once_and_taken_when_its_time_has_come() {
    let site = Site::new();
    let proxy = site.proxy("settle = \"50ms\"\ninterval = \"1s\"").start();
    let staged = site.stage(2);
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_before = time::OffsetDateTime::now_utc() + time::Duration::seconds(6);
    let certificate = params.self_signed(&key).unwrap().pem();
    let key = zeroize::Zeroizing::new(key.serialize_pem());
    staged.put("second", &sealock::tls::mint::PemPair { certificate, key });
    site.publish(2);
    eventually("it is refused", || refused(&proxy) == 1);
    eventually("its time has come", || generation(&proxy) == 2);
    assert_eq!(refused(&proxy), 1, "{}", proxy.log());
}

fn refusal(proxy: &Proxy) -> Option<u16> {
    RawClient::connect(&Login::new(proxy.socket(), USER, PASSWORD)).err().map(|refusal| refusal.error().code)
}

#[test]
fn paths_may_change_as_well_as_contents() {
    let site = Site::new();
    let proxy = site.proxy(WATCHING).start();
    let elsewhere = tempfile::tempdir().unwrap();
    let (pem, key) = (elsewhere.path().join("moved.pem"), elsewhere.path().join("moved.key"));
    site.server_pair(2).write(&pem, &key).unwrap();
    let file = proxy.path("sealock.toml");
    let moved =
        |text: String, from: &str, to: &str| text.replacen(&site.path(from).display().to_string(), to, 1);
    let text = fs::read_to_string(&file).unwrap();
    let text = moved(text, "first.pem", &pem.display().to_string());
    fs::write(&file, moved(text, "first.key", &key.display().to_string())).unwrap();
    assert!(sealock(&proxy, &["reload"]).status.success());
    assert_eq!(site.log_in(proxy.endpoint()).unwrap().0, 2);
    // And they are watched where they are now.
    site.server_pair(3).write(&pem, &key).unwrap();
    eventually("the new place is watched", || generation(&proxy) == 3);
    assert_eq!(site.log_in(proxy.endpoint()).unwrap().0, 3);
}

#[test]
fn sealock_reload_waits_and_says_what_was_applied_or_why_nothing_was() {
    let site = Site::new();
    let proxy = site.proxy("watch = \"off\"").start();
    site.stage(2);
    site.publish(2);
    let done = sealock(&proxy, &["reload"]);
    let said = text(&done.stdout);
    assert!(done.status.success() && said.contains("generation 2 is in force"), "{said}");
    assert!(said.contains("changed: ") && said.contains("/first.pem\n"), "{said}");
    assert_eq!(site.log_in(proxy.endpoint()).unwrap().0, 2);

    let staged = site.stage(3);
    fs::write(staged.file("first.key"), "nothing").unwrap();
    fs::write(staged.file("ca.pem"), "nothing").unwrap();
    site.publish(3);
    let done = sealock(&proxy, &["reload"]);
    let said = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("first.key: no private key") && said.contains("ca.pem: no certificate"), "{said}");
    assert!(said.contains("generation 2 stays in force") && done.stdout.is_empty(), "{said}");

    let done = sealock(&proxy, &["reload", "--json"]);
    let row: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&row["outcome"], &row["generation"]), (&"refused".into(), &2.into()));
    let rows = json(&proxy, "/api/v1/reloads");
    let outcomes: Vec<&str> =
        rows["reloads"].as_array().unwrap().iter().map(|row| row["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["refused", "refused", "applied", "applied"]);
}

#[test]
fn a_page_in_a_browser_cannot_reload_and_looking_changes_nothing() {
    use std::io::{Read as _, Write as _};
    let site = Site::new();
    let proxy = site.proxy("watch = \"off\"").start();
    let answer = |request: &str| {
        let mut stream = std::os::unix::net::UnixStream::connect(proxy.path("admin.sock")).unwrap();
        write!(stream, "{request}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    for request in [
        "POST /api/v1/reload HTTP/1.1\r\nhost: localhost",
        "POST /api/v1/reload HTTP/1.1\r\nhost: rebound.example\r\nsealock-command: 1",
        "POST /api/v1/reload HTTP/1.1\r\nhost: localhost\r\nsealock-command: 1\r\norigin: http://localhost",
    ] {
        assert!(answer(request).starts_with("HTTP/1.1 403"), "{request}");
    }
    let looking = "GET /api/v1/reload HTTP/1.1\r\nhost: localhost\r\nsealock-command: 1";
    assert!(answer(looking).starts_with("HTTP/1.1 405"));
    assert_eq!(generation(&proxy), 1);
}

#[test]
fn a_certificate_that_ends_sooner_than_the_one_it_replaces_is_taken_with_a_warning() {
    let site = Site::new();
    let proxy = site.proxy("watch = \"off\"").start();
    let staged = site.stage(2);
    let names = ["localhost".to_owned(), "generation-2.example".to_owned()];
    let sooner = site.ca.issue_server(&names, 5, sealock::tls::mint::KeyType::Ecdsa).unwrap();
    staged.put("second", &sooner);
    site.publish(2);
    let done = sealock(&proxy, &["reload"]);
    let said = text(&done.stdout);
    assert!(done.status.success(), "{said}");
    let warnings: Vec<&str> = said.lines().filter(|line| line.starts_with("warning: ")).collect();
    assert!(matches!(warnings[..], [one] if one.contains("listener[1]") && one.contains("sooner")), "{said}");
    assert_eq!(site.log_in(site.second()).unwrap().0, 2);
}

#[test]
fn what_is_in_use_is_shown_beside_what_is_on_disk() {
    let site = Site::new();
    let proxy = site.proxy("watch = \"off\"").start();
    let inspect = || sealock(&proxy, &["certs", "inspect", "--live"]);
    let same = inspect();
    let said = text(&same.stdout);
    assert!(same.status.success(), "{said}{}", text(&same.stderr));
    for expected in [
        "listener[0]: shown to clients, from ",
        "backend.db: shown to the backend",
        "revoked  0 of CN=clients",
    ] {
        assert!(said.contains(expected), "{expected} in {said}");
    }
    assert_eq!(said.matches("on disk  the same").count(), 6, "{said}");
    let staged = site.stage(2);
    fs::write(staged.file("client.pem"), "nothing").unwrap();
    site.publish(2);
    let differs = inspect();
    let said = text(&differs.stdout);
    assert_eq!(differs.status.code(), Some(1));
    assert_eq!(said.matches("on disk  others, which a reload would take").count(), 3, "{said}");
    assert_eq!(said.matches("on disk  what a reload would refuse").count(), 1, "{said}");

    let live = json(&proxy, "/api/v1/certificates");
    let first = &live["identities"][0];
    assert_eq!(
        (&live["generation"], &first["identity"], &first["usage"]),
        (&1.into(), &"listener[0]".into(), &"server".into())
    );
    assert_eq!(first["certificates"][0]["names"][1], "generation-1.example");
}

#[test]
fn metrics_tell_when_each_part_of_each_identity_ends() {
    let site = Site::new();
    let proxy = site.proxy("watch = \"off\"").start();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    let days_left = |identity: &str, part: &str| {
        let labels = [format!("identity=\"{identity}\""), format!("part=\"{part}\"")];
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        (proxy.metric("sealock_certificate_not_after_timestamp_seconds", &labels) - now) / 86_400.0
    };
    for (identity, part, days) in [
        ("listener[0]", "leaf", 29.0..30.0),
        ("listener[1]", "leaf", 29.0..30.0),
        ("backend.db", "leaf", 29.0..30.0),
        ("backend.db", "ca", 3600.0..3700.0),
        ("listener[0]", "ca", 3600.0..1.0e6),
    ] {
        assert!(
            days.contains(&days_left(identity, part)),
            "{identity} {part}: {}",
            days_left(identity, part)
        );
    }
    let next = proxy.metric("sealock_crl_next_update_timestamp_seconds", &["listener[0]"]);
    assert!((0.9..1.1).contains(&((next - now) / 86_400.0)), "{next}");
}
