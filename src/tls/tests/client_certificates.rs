//! Clients that show certificates, what is refused of them, and tickets that outlive neither CA nor revocation list.

use std::path::PathBuf;

use rcgen::{
    CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams,
    SerialNumber,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ClientConfig, SupportedProtocolVersion};
use time::{Duration, OffsetDateTime};

use super::*;

/// A CA for clients that can revoke: it knows its key, and the serial numbers it gave.
struct ClientCa {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
    name: String,
}

/// A client's certificate and key.
struct Client {
    serial: u64,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl ClientCa {
    fn new(name: &str) -> Self {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(params, key), name: name.to_owned() }
    }

    fn issue(&self, serial: u64) -> Client {
        let mut params = rcgen::CertificateParams::default();
        params.serial_number = Some(SerialNumber::from(serial));
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Client {
            serial,
            chain: vec![certificate.der().clone()],
            key: PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        }
    }

    /// A list of these certificates that was made an hour ago and should be replaced at `next`.
    fn revoke(&self, clients: &[&Client], next: OffsetDateTime) -> String {
        let hour_ago = OffsetDateTime::now_utc() - Duration::HOUR;
        let revoked = |client: &&Client| RevokedCertParams {
            serial_number: SerialNumber::from(client.serial),
            revocation_time: hour_ago,
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: hour_ago,
            next_update: next,
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: clients.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

fn tomorrow() -> OffsetDateTime {
    OffsetDateTime::now_utc() + Duration::DAY
}

impl Site {
    fn asking(&self, how: ClientCertificate, ca: &ClientCa, lists: &[String]) -> ListenerTls {
        let put = |name: String, text: &str| -> PathBuf {
            fs::write(self.path(&name), text).unwrap();
            self.path(&name)
        };
        let crl = lists.iter().enumerate().map(|(at, list)| put(format!("crl-{at}.pem"), list)).collect();
        let client_ca = Some(put(format!("{}.pem", ca.name), &ca.certificate.pem()));
        ListenerTls { client_certificate: how, client_ca, crl, ..self.listener() }
    }

    /// Settings of a client that shows `client`, if it is given.
    fn showing(
        &self,
        client: Option<&Client>,
        version: &'static SupportedProtocolVersion,
    ) -> Arc<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots(self));
        Arc::new(match client {
            Some(client) => {
                builder.with_client_auth_cert(client.chain.clone(), client.key.clone_key()).unwrap()
            }
            None => builder.with_no_client_auth(),
        })
    }
}

/// What the server says of a handshake with that client. The connection is used, so that a ticket arrives.
async fn met(client: &Arc<ClientConfig>, server: &ServerTls) -> Result<TlsInfo, HandshakeCause> {
    let (near, far) = pair();
    let connector = tokio_rustls::TlsConnector::from(Arc::clone(client));
    let connect = async {
        let mut stream = connector.connect("db.example".try_into().unwrap(), near).await.ok()?;
        stream.read_exact(&mut [0]).await.ok()
    };
    let accept = async {
        let mut stream = stream::accept(far, Arc::clone(server.config())).await?;
        let info = stream.tls_info().unwrap();
        stream.write_all(b"!").await.unwrap();
        stream.flush().await.unwrap();
        Ok::<_, HandshakeError>(info)
    };
    tokio::join!(connect, accept).1.map_err(|error| error.cause())
}

const BOTH: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS13, &rustls::version::TLS12];

#[tokio::test]
async fn require_wants_a_certificate_of_that_ca_and_request_takes_none_as_well() {
    let (site, ca, stranger) = (Site::new(), ClientCa::new("clients"), ClientCa::new("strangers"));
    let (good, bad) = (ca.issue(1), stranger.issue(1));
    for version in BOTH {
        let required = build_server(&site.asking(ClientCertificate::Require, &ca, &[])).unwrap();
        let requested = build_server(&site.asking(ClientCertificate::Request, &ca, &[])).unwrap();
        for server in [&required, &requested] {
            let shown = met(&site.showing(Some(&good), version), server).await.unwrap();
            assert!(shown.peer_leaf_fingerprint.is_some());
            let refused = met(&site.showing(Some(&bad), version), server).await;
            assert_eq!(refused.unwrap_err(), HandshakeCause::CertificateUnknownIssuer);
        }
        let nothing = site.showing(None, version);
        assert_eq!(met(&nothing, &required).await.unwrap_err(), HandshakeCause::CertificateMissing);
        assert!(met(&nothing, &requested).await.unwrap().peer_leaf_fingerprint.is_none());
    }
}

#[tokio::test]
async fn a_certificate_on_the_revocation_list_is_refused_and_the_others_are_not() {
    let (site, ca) = (Site::new(), ClientCa::new("clients"));
    let (good, revoked) = (ca.issue(1), ca.issue(2));
    let lists = [ca.revoke(&[&revoked], tomorrow())];
    let server = build_server(&site.asking(ClientCertificate::Require, &ca, &lists)).unwrap();
    for version in BOTH {
        met(&site.showing(Some(&good), version), &server).await.unwrap();
        let refused = met(&site.showing(Some(&revoked), version), &server).await;
        assert_eq!(refused.unwrap_err(), HandshakeCause::CertificateRevoked);
    }
}

#[tokio::test]
async fn a_ticket_resumes_over_a_rotation_and_over_no_change_of_ca_list_or_rule() {
    let (site, ca, other) = (Site::new(), ClientCa::new("clients"), ClientCa::new("others"));
    let client = ca.issue(1);
    let common = common();
    let build = |tls: &ListenerTls| ServerTls::build(tls, &common, &common.tickets).unwrap().unwrap();
    let none_revoked = [ca.revoke(&[], tomorrow())];
    for version in BOTH {
        let before = build(&site.asking(ClientCertificate::Require, &ca, &none_revoked));
        let config = site.showing(Some(&client), version);
        assert!(!met(&config, &before).await.unwrap().resumed);
        assert!(met(&config, &before).await.unwrap().resumed, "{version:?}");
        // Another certificate with the same names: who the client was is as true as before.
        site.put("server", &site.ca.issue_server(&names(&["db.example"]), DAYS, KeyType::Ecdsa).unwrap());
        let rotated = build(&site.asking(ClientCertificate::Require, &ca, &none_revoked));
        let resumed = met(&config, &rotated).await.unwrap();
        assert!(resumed.resumed && resumed.peer_leaf_fingerprint.is_some(), "{version:?}");

        let both = ListenerTls {
            client_ca: {
                let file = site.path("both.pem");
                fs::write(&file, ca.certificate.pem() + &other.certificate.pem()).unwrap();
                Some(file)
            },
            crl: Vec::new(),
            ..site.asking(ClientCertificate::Require, &ca, &[])
        };
        let someone_else = ca.issue(9);
        let changes = [
            ("rule", site.asking(ClientCertificate::Request, &ca, &none_revoked)),
            ("CA", both),
            (
                "list",
                site.asking(ClientCertificate::Require, &ca, &[ca.revoke(&[&someone_else], tomorrow())]),
            ),
        ];
        for (what, tls) in changes {
            let config = site.showing(Some(&client), version);
            assert!(!met(&config, &before).await.unwrap().resumed);
            assert!(!met(&config, &build(&tls)).await.unwrap().resumed, "{what}");
        }
    }
}

#[tokio::test]
async fn a_ticket_resumes_neither_under_other_names_nor_under_another_ca_of_the_same_name() {
    let site = Site::new();
    let common = common();
    let build = || ServerTls::build(&site.listener(), &common, &common.tickets).unwrap().unwrap();
    let namesake = Authority::generate("test CA", KeyType::Ecdsa).unwrap();
    for version in BOTH {
        site.put("server", &site.ca.issue_server(&names(&["db.example"]), DAYS, KeyType::Ecdsa).unwrap());
        let before = build();
        for (pair, resumes) in [
            (
                site.ca.issue_server(&names(&["db.example", "more.example"]), DAYS, KeyType::Ecdsa),
                Some(false),
            ),
            (namesake.issue_server(&names(&["db.example"]), DAYS, KeyType::Ecdsa), None),
            (site.ca.issue_server(&names(&["db.example"]), DAYS, KeyType::Ecdsa), Some(true)),
        ] {
            let config = site.showing(None, version);
            assert!(!met(&config, &before).await.unwrap().resumed);
            site.put("server", &pair.unwrap());
            assert_eq!(met(&config, &build()).await.ok().map(|info| info.resumed), resumes);
        }
    }
}

#[tokio::test]
async fn who_is_revoked_does_not_come_back_by_a_ticket() {
    let (site, ca) = (Site::new(), ClientCa::new("clients"));
    let client = ca.issue(1);
    let common = common();
    let build = |tls: &ListenerTls| ServerTls::build(tls, &common, &common.tickets).unwrap().unwrap();
    for version in BOTH {
        let config = site.showing(Some(&client), version);
        let before = build(&site.asking(ClientCertificate::Require, &ca, &[ca.revoke(&[], tomorrow())]));
        met(&config, &before).await.unwrap();
        let after =
            build(&site.asking(ClientCertificate::Require, &ca, &[ca.revoke(&[&client], tomorrow())]));
        assert_eq!(met(&config, &after).await.unwrap_err(), HandshakeCause::CertificateRevoked);
    }
}

#[tokio::test]
async fn no_client_is_offered_early_data() {
    let site = Site::new();
    let server = site.server();
    assert_eq!(server.config().max_early_data_size, 0);
    let mut early = (*site.showing(None, &rustls::version::TLS13)).clone();
    early.enable_early_data = true;
    let early = Arc::new(early);
    met(&early, &server).await.unwrap();
    let mut connection =
        rustls::ClientConnection::new(Arc::clone(&early), "db.example".try_into().unwrap()).unwrap();
    assert!(connection.early_data().is_none(), "the ticket allows none");
}

#[test]
fn everything_that_is_wrong_with_a_listener_is_said_at_once() {
    let (site, ca) = (Site::new(), ClientCa::new("clients"));
    let other = ca.revoke(&[], tomorrow());
    let namesake = ClientCa::new("clients");
    let tls = site.asking(ClientCertificate::Require, &namesake, &[other, "no list".to_owned()]);
    fs::remove_file(site.path("server.key")).unwrap();
    let said = build_server(&tls).unwrap_err().to_string();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 3, "{said}");
    assert!(lines[0].contains("server.key") && lines[1].contains("crl-0.pem: revocation list 1"), "{said}");
    assert!(lines[2].contains("crl-1.pem: no revocation list"), "{said}");
}

#[test]
fn a_late_list_and_a_ca_without_one_are_told_and_still_used() {
    let (site, ca) = (Site::new(), ClientCa::new("clients"));
    let late = ca.revoke(&[], OffsetDateTime::now_utc() - Duration::MINUTE);
    let mut tls = site.asking(ClientCertificate::Require, &ca, &[late]);
    let uncovered = ClientCa::new("uncovered");
    fs::write(site.path("both.pem"), ca.certificate.pem() + &uncovered.certificate.pem()).unwrap();
    tls.client_ca = Some(site.path("both.pem"));
    let server = build_server(&tls).unwrap();
    let cautions: Vec<&String> = server.policy().cautions().collect();
    assert_eq!(cautions.len(), 2, "{cautions:?}");
    assert!(cautions[0].contains("crl-0.pem") && cautions[1].contains("CN=uncovered"), "{cautions:?}");
}

#[test]
fn a_leaf_among_the_client_cas_is_refused() {
    let (site, ca) = (Site::new(), ClientCa::new("clients"));
    let mut tls = site.asking(ClientCertificate::Require, &ca, &[]);
    tls.client_ca = tls.certificate.clone();
    assert!(build_server(&tls).unwrap_err().to_string().contains("is no CA certificate"));
}

#[test]
fn a_ca_that_has_ended_is_told_beside_another_and_refused_alone() {
    let site = Site::new();
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.not_after = OffsetDateTime::now_utc() - Duration::DAY;
    let ended = params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
    let valid = fs::read_to_string(site.path("ca.pem")).unwrap();
    fs::write(site.path("ca.pem"), ended.clone() + &valid).unwrap();
    let client = site.client(BackendTlsMode::VerifyFull, "db.example");
    assert_eq!(client.authorities().unwrap().cautions().len(), 1);
    fs::write(site.path("ca.pem"), ended).unwrap();
    let refused =
        ClientTls::build(&site.backend(BackendTlsMode::VerifyFull), &tcp("db.example")).unwrap_err();
    assert!(refused.to_string().contains("expired on"), "{refused}");
}

#[test]
fn a_client_chain_whose_issuer_did_not_sign_it_is_found_before_a_backend_finds_it() {
    let site = Site::new();
    let [old, new] =
        ["same name", "same name"].map(|name| Authority::generate(name, KeyType::Ecdsa).unwrap());
    let mut pair = old.issue_client("sealock", DAYS, KeyType::Ecdsa).unwrap();
    let tls = BackendTls {
        certificate: Some(site.path("client.pem")),
        key: Some(site.path("client.key")),
        ..site.backend(BackendTlsMode::VerifyFull)
    };
    for (issuer, fits) in [(old, true), (new, false)] {
        let leaf = pair.certificate.clone();
        pair.certificate.push_str(&issuer.pem().certificate);
        site.put("client", &pair);
        assert_eq!(ClientTls::build(&tls, &tcp("db.example")).is_ok(), fits);
        pair.certificate = leaf;
    }
}
