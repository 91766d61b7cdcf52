//! Everything that can be wrong with each file: the old generation serves, whole, until all of the new one is good.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rcgen::{CertificateParams, KeyPair};
use sealock::tls::mint::{Authority, KeyType, PemPair};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::{Site, Staged, generation, refused, sealock, server, text};

/// What `openssl x509 -req` makes without `-extfile`.
const VERSION_1: &str = include_str!("version-1.pem");

/// A way to spoil a version, the file that is named for it, and a piece of what is said.
struct Failure {
    what: String,
    file: String,
    said: &'static str,
    spoil: Spoil,
}

type Spoil = Box<dyn Fn(&Site, &Staged)>;

fn failure(file: impl Into<String>, said: &'static str, spoil: impl Fn(&Site, &Staged) + 'static) -> Failure {
    let file = file.into();
    Failure { what: format!("{file}: {said}"), file, said, spoil: Box::new(spoil) }
}

/// Writes `text` over a file.
fn written(file: &'static str, said: &'static str, text: &'static str) -> Failure {
    failure(file, said, move |_, staged| fs::write(staged.file(file), text).unwrap())
}

fn missing(file: &'static str) -> Failure {
    failure(file, "No such file", move |_, staged| fs::remove_file(staged.file(file)).unwrap())
}

/// What an authority of its own makes with these settings, and the key of it.
fn made(stem: &'static str, said: &'static str, spoil: fn(&mut CertificateParams)) -> Failure {
    failure(format!("{stem}.pem"), said, move |_, staged| {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        spoil(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        staged.put(stem, &PemPair { certificate, key: Zeroizing::new(key.serialize_pem()) });
    })
}

fn chain(stem: &'static str, said: &'static str, change: fn(Vec<&str>) -> Vec<String>) -> Failure {
    failure(format!("{stem}.pem"), said, move |_, staged| {
        let upper = Authority::generate("root", KeyType::Ecdsa)
            .unwrap()
            .issue_authority("upper", KeyType::Ecdsa)
            .unwrap();
        let lower = upper.issue_authority("lower", KeyType::Ecdsa).unwrap();
        let pair = match stem {
            "client" => lower.issue_client("sealock", 30, KeyType::Ecdsa),
            _ => lower.issue_server(&["localhost".to_owned()], 30, KeyType::Ecdsa),
        };
        let mut pair = pair.unwrap();
        let end = "-----END CERTIFICATE-----\n";
        let parts: Vec<&str> = pair.certificate.split_inclusive(end).collect();
        pair.certificate = change(parts).concat();
        staged.put(stem, &pair);
    })
}

/// What can be wrong with a chain and its key.
fn of_identity(stem: &'static str, pem: &'static str, key: &'static str) -> Vec<Failure> {
    vec![
        missing(pem),
        missing(key),
        failure(key, "2 private keys", move |_, staged| {
            let twice = fs::read_to_string(staged.file(key)).unwrap().repeat(2);
            fs::write(staged.file(key), twice).unwrap();
        }),
        written(pem, "no certificate", ""),
        written(pem, "not valid PEM", "-----BEGIN CERTIFICATE-----\nAAAA"),
        written(
            pem,
            "certificate 1 is damaged",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ),
        written(pem, "X.509 version 1", VERSION_1),
        written(key, "no private key", "nothing"),
        written(
            key,
            "is encrypted",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        ),
        failure(key, "everybody on this machine can use", move |_, staged| {
            fs::set_permissions(staged.file(key), Permissions::from_mode(0o644)).unwrap();
        }),
        failure(key, "does not belong", move |site, staged| {
            fs::write(staged.file(key), site.server_pair(0).key.as_bytes()).unwrap();
        }),
        made(stem, "expired", |params| params.not_after = OffsetDateTime::now_utc() - Duration::HOUR),
        made(stem, "not valid before", |params| {
            params.not_before = OffsetDateTime::now_utc() + Duration::HOUR;
        }),
        made(stem, "is a CA certificate", |params| {
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        }),
        chain(stem, "out of order", |parts| vec![parts[0].into(), parts[2].into(), parts[1].into()]),
        chain(stem, "out of order at certificate 1", |parts| vec![parts[1].into(), parts[0].into()]),
        chain(stem, "incomplete", |parts| vec![parts[0].into(), parts[2].into()]),
        chain(stem, "does not verify", |parts| {
            let forger = Authority::generate("lower", KeyType::Ecdsa).unwrap();
            vec![parts[0].into(), forger.pem().certificate.clone()]
        }),
    ]
}

fn of_listener(stem: &'static str) -> Vec<Failure> {
    vec![
        made(stem, "no subject alternative name", |params| params.subject_alt_names.clear()),
        made(stem, "do not allow server authentication", |params| {
            params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        }),
    ]
}

fn of_authorities(file: &'static str) -> Vec<Failure> {
    vec![
        missing(file),
        written(file, "no certificate", ""),
        written(file, "not valid PEM", "-----BEGIN CERTIFICATE-----\nAAAA"),
        written(
            file,
            "certificate 1 is damaged",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ),
        failure(file, "expired", move |_, staged| {
            let mut params = CertificateParams::default();
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            params.not_after = OffsetDateTime::now_utc() - Duration::HOUR;
            let ended = params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
            fs::write(staged.file(file), ended).unwrap();
        }),
    ]
}

fn everything() -> Vec<Failure> {
    let mut all = of_identity("first", "first.pem", "first.key");
    all.extend(of_identity("second", "second.pem", "second.key"));
    all.extend(of_identity("client", "client.pem", "client.key"));
    all.extend(["first", "second"].into_iter().flat_map(of_listener));
    all.push(made("client", "do not allow client authentication", |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    }));
    all.extend(["ca.pem", "clients-ca.pem"].into_iter().flat_map(of_authorities));
    all.push(failure("clients-ca.pem", "no CA certificate", |_, staged| {
        fs::copy(staged.file("client.pem"), staged.file("clients-ca.pem")).unwrap();
    }));
    all.extend([
        missing("crl.pem"),
        written("crl.pem", "no revocation list", "nothing"),
        written(
            "crl.pem",
            "revocation list 1 cannot be used",
            "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
        ),
        failure("crl.pem", "signature", |_, staged| {
            let namesake = Site::new();
            fs::write(staged.file("crl.pem"), namesake.revocation_list(0)).unwrap();
        }),
    ]);
    all
}

#[test]
fn whatever_is_wrong_with_whichever_file_the_old_generation_serves_whole() {
    let site = Site::new();
    let proxy = site.proxy("watch = \"off\"").start();
    let (over, connects) = (AtomicBool::new(false), AtomicUsize::new(0));
    let failures = everything();
    thread::scope(|scope| {
        // Whoever connects, to whichever listener and in whichever order, never meets an older generation than before.
        for _ in 0..2 {
            scope.spawn(|| {
                let mut last = 1;
                while !over.load(Ordering::Relaxed) {
                    for endpoint in [proxy.endpoint(), site.second()] {
                        let (shown, mut client) =
                            site.log_in(endpoint).unwrap_or_else(|error| panic!("{error:?}"));
                        assert_eq!(client.value("SELECT 1"), "1");
                        assert!(shown >= last, "generation {shown} after {last}");
                        last = shown;
                        connects.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let finished = Finish(&over);
        let mut good = 1;
        for (index, failure) in failures.iter().enumerate() {
            let number = index + 2;
            let staged = site.stage(number);
            (failure.spoil)(&site, &staged);
            site.publish(number);
            let done = sealock(&proxy, &["reload"]);
            let said = text(&done.stderr);
            assert_eq!(done.status.code(), Some(1), "{}: {said}{}", failure.what, text(&done.stdout));
            assert!(
                said.contains(&format!("/{}", failure.file)) && said.contains(failure.said),
                "{}: {said}",
                failure.what
            );
            for endpoint in [proxy.endpoint(), site.second()] {
                assert_eq!(site.log_in(endpoint).unwrap().0, good, "{}", failure.what);
            }
            // Now and then a good one, so that there is something to mix up.
            if index % 8 == 7 {
                good = 1000 + number;
                site.stage(good);
                site.publish(good);
                let done = sealock(&proxy, &["reload"]);
                assert!(done.status.success(), "{}", text(&done.stderr));
            }
        }
        drop(finished);
    });
    assert_eq!(refused(&proxy), failures.len());
    assert_eq!(generation(&proxy), 1 + failures.len() / 8);
    println!("{} failures, {} connects", failures.len(), connects.load(Ordering::Relaxed));
    assert!(connects.load(Ordering::Relaxed) > 2 * failures.len());
    let _running = server();
}

#[test]
fn everything_that_is_wrong_is_reported_at_once() {
    let site = Site::new();
    let proxy = site.proxy("watch = \"off\"").start();
    let staged = site.stage(2);
    for name in ["first.pem", "second.key", "client.pem", "ca.pem", "clients-ca.pem"] {
        fs::write(staged.file(name), "nothing").unwrap();
    }
    site.publish(2);
    let said = text(&sealock(&proxy, &["reload"]).stderr);
    for (place, name) in [
        ("listener[0].tls", "first.pem"),
        ("listener[0].tls", "clients-ca.pem"),
        ("listener[1].tls", "second.key"),
        ("listener[1].tls", "clients-ca.pem"),
        ("backend[0].tls", "client.pem"),
        ("backend[0].tls", "ca.pem"),
    ] {
        let told = |line: &str| line.starts_with(place) && line.contains(&format!("/{name}"));
        assert!(said.lines().any(told), "{place} {name} in {said}");
    }
    assert_eq!(said.lines().count(), 7, "{said}");
}

/// Ends the threads beside, however the test ends.
struct Finish<'a>(&'a AtomicBool);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
