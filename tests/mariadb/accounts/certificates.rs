//! What the configuration asks of clients' certificates, and what becomes of sessions when that changes.

use std::fs;

use rcgen::{
    CertificateParams, CertificateRevocationListParams, DnType, Issuer, KeyIdMethod, KeyPair,
    RevokedCertParams, SanType, SerialNumber,
};
use time::{Duration, OffsetDateTime};

use sealock::migration::explain::Cause;

use super::estate::{Channel, Estate, PASSWORD, ready, refusals, verdict_of};
use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::Login;
use crate::support::proxy::Proxy;
use crate::support::tls::showing;

const URI: &str = "spiffe://example.org/nova";

fn estate() -> Estate {
    Estate::new(&[
        format!("CREATE USER nova@'%' IDENTIFIED BY '{PASSWORD}'"),
        format!("CREATE USER glance@'%' IDENTIFIED BY '{PASSWORD}'"),
        "CREATE DATABASE shop".to_owned(),
        "CREATE TABLE shop.t (a INT) ENGINE=InnoDB".to_owned(),
        "GRANT ALL ON shop.* TO nova@'%'".to_owned(),
        "GRANT ALL ON shop.* TO glance@'%'".to_owned(),
    ])
}

/// A CA of the clients' own, which issues what the library does not.
fn issuer(estate: &Estate) -> Issuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "clients");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().unwrap();
    let own = params.self_signed(&key).unwrap().pem();
    let both = fs::read_to_string(estate.file("ca.pem")).unwrap() + &own;
    fs::write(estate.file("clients.pem"), both).unwrap();
    Issuer::new(params, key)
}

/// A listener that asks for certificates of both CAs.
fn asking(estate: &Estate) -> String {
    let ca = estate.file("clients.pem");
    format!("client_certificate = \"request\"\nclient_ca = \"{}\"", ca.display())
}

/// The same with a list.
fn asking_with_list(estate: &Estate) -> String {
    format!("{}\ncrl = [\"{}\"]", asking(estate), estate.file("list.pem").display())
}

/// Writes a client certificate with this serial number, common name and URI.
fn issue(estate: &Estate, ca: &Issuer<'static, KeyPair>, name: &str, serial: u64, uri: Option<&str>) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(SerialNumber::from(serial));
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    params.subject_alt_names.extend(uri.map(|uri| SanType::URI(uri.try_into().unwrap())));
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, ca).unwrap();
    fs::write(estate.file(&format!("{name}.pem")), certificate.pem()).unwrap();
    fs::write(estate.file(&format!("{name}.key")), key.serialize_pem()).unwrap();
}

fn revoke(estate: &Estate, ca: &Issuer<'static, KeyPair>, serials: &[u64]) {
    let now = OffsetDateTime::now_utc();
    let revoked = serials.iter().map(|serial| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: now,
        reason_code: None,
        invalidity_date: None,
    });
    let list = CertificateRevocationListParams {
        this_update: now - Duration::hours(1),
        next_update: now + Duration::days(1),
        crl_number: SerialNumber::from(u64::try_from(serials.len()).unwrap() + 1),
        issuing_distribution_point: None,
        revoked_certs: revoked.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    fs::write(estate.file("list.pem"), list.signed_by(ca).unwrap().pem().unwrap()).unwrap();
}

fn login(proxy: &Proxy, estate: &Estate, user: &str, certificate: &str) -> Login {
    let tls =
        showing(&estate.file(&format!("{certificate}.pem")), &estate.file(&format!("{certificate}.key")));
    Login::new(proxy.endpoint(), user, PASSWORD).tls(&tls, "localhost")
}

#[test]
fn an_account_with_a_rule_needs_a_certificate_that_meets_it() {
    let estate = estate();
    let ca = issuer(&estate);
    issue(&estate, &ca, "workload", 7, Some(URI));
    let rules = format!(
        "[[certificate_rule]]\naccount = \"nova\"\nsubject = \"/O=Sealock/CN=nova\"\nissuer = \"/O=Sealock/CN=everybody's CA\"\n\
         [[certificate_rule]]\naccount = \"nova\"\nsan = \"URI:{URI}\""
    );
    let proxy = ready(&estate.proxy().tls(&asking(&estate)).section(&rules));
    for (certificate, expected) in
        [("nova", Ok("nova@%".to_owned())), ("workload", Ok("nova@%".to_owned())), ("glance", Err(1045))]
    {
        let verdict = verdict_of(&login(&proxy, &estate, "nova", certificate));
        assert_eq!(verdict.map_err(|error| error.code), expected, "{certificate}");
    }
    for channel in [Channel::Plain, Channel::Tls] {
        let refused = estate.verdict(proxy.port(), 1, "nova", PASSWORD, channel).unwrap_err();
        assert_eq!((refused.code, refused.state.as_str()), (1045, "28000"));
    }
    let wrong = Login { password: "wrong".to_owned(), ..login(&proxy, &estate, "nova", "nova") };
    assert!(verdict_of(&wrong).is_err(), "the password counts as well");
    assert_eq!(
        estate.verdict(proxy.port(), 1, "glance", PASSWORD, Channel::Plain),
        Ok("glance@%".to_owned())
    );
    assert_eq!(refusals(&proxy, Cause::CertificateRule), 3.0);
    let log = proxy.log().replace('\\', "");
    assert!(log.contains("its subject is \"/O=Sealock/CN=glance\", not \"/O=Sealock/CN=nova\""));
}

#[test]
fn a_certificate_can_stand_for_the_password() {
    let estate = estate();
    let rule = "[[certificate_rule]]\naccount = \"nova\"\nsubject = \"/O=Sealock/CN=nova\"\ninstead_of_password = true";
    let account = format!("user = \"nova\"\npassword = \"{PASSWORD}\"");
    let proxy = ready(&estate.proxy().account(&account).section(rule));
    for password in ["", "whatever"] {
        let login = Login { password: password.to_owned(), ..login(&proxy, &estate, "nova", "nova") };
        assert_eq!(verdict_of(&login), Ok("nova@%".to_owned()));
    }
    let other = Login { password: String::new(), ..login(&proxy, &estate, "nova", "glance") };
    assert_eq!(verdict_of(&other).map_err(|error| error.code), Err(1045));
}

#[test]
fn a_revoked_client_may_finish_its_transaction_and_nothing_else() {
    let estate = estate();
    let ca = issuer(&estate);
    issue(&estate, &ca, "first", 101, None);
    issue(&estate, &ca, "second", 102, None);
    revoke(&estate, &ca, &[]);
    let listener = asking_with_list(&estate);
    let proxy = ready(&estate.proxy().tls(&listener));
    let connect = |certificate| RawClient::connect(&login(&proxy, &estate, "nova", certificate));
    let (mut busy, mut idle) = (connect("first").unwrap(), connect("first").unwrap());
    let mut others = [
        connect("second").unwrap(),
        RawClient::connect(&Login::new(proxy.endpoint(), "glance", PASSWORD)).unwrap(),
    ];
    busy.run("BEGIN");
    busy.run("INSERT INTO shop.t VALUES (1)");
    assert_eq!(idle.value("SELECT 1"), "1");
    revoke(&estate, &ca, &[101]);
    proxy.signal("HUP");
    eventually("the list is in force", || proxy.metric("sealock_config_generation", &[]) >= 2.0);
    busy.run("INSERT INTO shop.t VALUES (2)");
    let refused = idle.error("SELECT 2");
    assert_eq!((refused.code, refused.state.as_str()), (1045, "28000"));
    assert!(refused.message.contains("client certificate"), "{refused:?}");
    busy.run("COMMIT");
    assert_eq!(busy.error("SELECT 3").code, 1045);
    assert_eq!(estate.root().value("SELECT COUNT(*) FROM shop.t"), "2");
    for other in &mut others {
        assert_eq!(other.value("SELECT 4"), "4");
    }
    assert!(connect("first").is_err() && connect("second").is_ok());
    assert_eq!(proxy.metric("sealock_client_disconnects_total", &["cause=\"certificate_failed\""]), 2.0);
}

#[test]
fn a_revoked_client_that_keeps_its_transaction_open_ends_at_the_deadline() {
    let estate = estate();
    let ca = issuer(&estate);
    issue(&estate, &ca, "first", 101, None);
    revoke(&estate, &ca, &[]);
    let listener = asking_with_list(&estate);
    let proxy =
        ready(&estate.proxy().tls(&listener).section("[tls]\nmax_session_age_after_revocation = \"300ms\""));
    let mut client = RawClient::connect(&login(&proxy, &estate, "nova", "first")).unwrap();
    client.run("BEGIN");
    client.run("INSERT INTO shop.t VALUES (1)");
    revoke(&estate, &ca, &[101]);
    proxy.signal("HUP");
    eventually("it is gone", || {
        proxy.metric("sealock_client_disconnects_total", &["cause=\"certificate_failed\""]) >= 1.0
    });
    eventually("its rows are, too", || {
        estate.root().value("SELECT COUNT(*) FROM information_schema.INNODB_TRX") == "0"
    });
    assert_eq!(estate.root().value("SELECT COUNT(*) FROM shop.t"), "0");
}
