//! Handshakes between both sides of the proxy's own TLS, over real sockets.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::WebPkiClientVerifier;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use super::cause::HandshakeCause;
use super::client::ClientTls;
use super::mint::{Authority, KeyType, PemPair, self_signed};
use super::problem::Problem;
use super::server::{Common, ServerTls};
use super::socket::Socket;
use super::stream::{self, HandshakeError, MaybeTls, TlsInfo};
use super::{TlsError, provider};
use crate::config::model::{
    Address, BackendTls, BackendTlsMode, ClientCertificate, ListenerTls, ListenerTlsMode, TlsVersion,
};
use crate::telemetry::Registry;

mod client_certificates;

const DAYS: u32 = 30;

/// A directory with a CA and a server certificate for `db.example`.
struct Site {
    directory: TempDir,
    ca: Authority,
}

impl Site {
    fn new() -> Self {
        let ca = Authority::generate("test CA", KeyType::Ecdsa).unwrap();
        let site = Self { directory: TempDir::new().unwrap(), ca };
        site.put("server", &site.ca.issue_server(&names(&["db.example"]), DAYS, KeyType::Ecdsa).unwrap());
        fs::write(site.path("ca.pem"), &site.ca.pem().certificate).unwrap();
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn put(&self, name: &str, pair: &PemPair) {
        pair.write(&self.path(&format!("{name}.pem")), &self.path(&format!("{name}.key"))).unwrap();
    }

    fn listener(&self) -> ListenerTls {
        ListenerTls {
            mode: ListenerTlsMode::Optional,
            certificate: Some(self.path("server.pem")),
            key: Some(self.path("server.key")),
            min_version: TlsVersion::V1_2,
            client_certificate: ClientCertificate::None,
            client_ca: None,
            crl: Vec::new(),
        }
    }

    fn server(&self) -> ServerTls {
        build_server(&self.listener()).unwrap()
    }

    fn backend(&self, mode: BackendTlsMode) -> BackendTls {
        BackendTls {
            mode,
            ca: Some(self.path("ca.pem")),
            certificate: None,
            key: None,
            server_name: None,
            min_version: TlsVersion::V1_2,
        }
    }

    fn client(&self, mode: BackendTlsMode, host: &str) -> ClientTls {
        ClientTls::build(&self.backend(mode), &tcp(host)).unwrap().unwrap()
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn tcp(host: &str) -> Address {
    Address::Tcp { host: host.to_owned(), port: 3306 }
}

fn build_server(tls: &ListenerTls) -> Result<ServerTls, TlsError> {
    let common = common();
    ServerTls::build(tls, &common, &common.tickets).map(Option::unwrap)
}

fn common() -> Common {
    let minted = Arc::new(self_signed(&names(&["localhost", "127.0.0.1"])).unwrap());
    Common::new(minted, &Registry::new()).unwrap()
}

fn pair() -> (Socket, Socket) {
    let (near, far) = UnixStream::pair().unwrap();
    (Socket::unix(near).unwrap(), Socket::unix(far).unwrap())
}

async fn shake_hands(
    client: &ClientTls,
    server: &ServerTls,
) -> (Result<MaybeTls, HandshakeError>, Result<MaybeTls, HandshakeError>) {
    let (near, far) = pair();
    tokio::join!(stream::connect(near, client), stream::accept(far, Arc::clone(server.config())))
}

async fn agreed(client: &ClientTls, server: &ServerTls) -> TlsInfo {
    let (client, server) = shake_hands(client, server).await;
    let (client, server) = (client.unwrap(), server.unwrap());
    assert!(server.tls_info().unwrap().peer_leaf_fingerprint.is_none());
    client.tls_info().unwrap()
}

async fn client_error(client: &ClientTls, server: &ServerTls) -> HandshakeError {
    shake_hands(client, server).await.0.unwrap_err()
}

#[tokio::test]
async fn two_ends_of_today_agree_on_tls_1_3_and_the_hybrid_group() {
    let site = Site::new();
    let server = site.server();
    let info = agreed(&site.client(BackendTlsMode::VerifyFull, "db.example"), &server).await;
    assert_eq!(info.version, TlsVersion::V1_3);
    assert_eq!(info.cipher, "TLS_AES_256_GCM_SHA384");
    assert_eq!(info.group, Some("X25519MLKEM768"));
    assert_eq!(info.peer_leaf_fingerprint, Some(server.identity().fingerprint()));
    assert!(!info.resumed);
}

#[tokio::test]
async fn bytes_pass_in_both_directions_once_the_stream_is_flushed() {
    let site = Site::new();
    let (client, server) =
        shake_hands(&site.client(BackendTlsMode::VerifyFull, "db.example"), &site.server()).await;
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    client.write_all(b"to the server").await.unwrap();
    client.flush().await.unwrap();
    let mut read = [0; 13];
    server.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"to the server");
    server.write_all(b"to the client").await.unwrap();
    server.flush().await.unwrap();
    client.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"to the client");
}

#[tokio::test]
async fn a_client_hello_that_came_with_the_ssl_request_is_not_lost() {
    let site = Site::new();
    let (near, mut far) = pair();
    let client = site.client(BackendTlsMode::VerifyFull, "db.example");
    let server = async {
        let mut early = vec![0; 64]; // a part of the ClientHello, read before anybody thought of TLS
        far.read_exact(&mut early).await.unwrap();
        far.unread(Bytes::from(early));
        stream::accept(far, Arc::clone(site.server().config())).await
    };
    let (client, server) = tokio::join!(stream::connect(near, &client), server);
    client.unwrap();
    server.unwrap();
}

#[tokio::test]
async fn verify_full_refuses_another_name() {
    let site = Site::new();
    let error = client_error(&site.client(BackendTlsMode::VerifyFull, "other.example"), &site.server()).await;
    assert_eq!(error.cause(), HandshakeCause::CertificateWrongName);
}

#[tokio::test]
async fn the_configured_server_name_is_verified_instead_of_the_address() {
    let site = Site::new();
    let tls =
        BackendTls { server_name: Some("db.example".into()), ..site.backend(BackendTlsMode::VerifyFull) };
    let client = ClientTls::build(&tls, &tcp("10.0.0.7")).unwrap().unwrap();
    agreed(&client, &site.server()).await;
}

#[tokio::test]
async fn verify_ca_accepts_another_name_but_no_other_ca() {
    let (site, stranger) = (Site::new(), Site::new());
    agreed(&site.client(BackendTlsMode::VerifyCa, "other.example"), &site.server()).await;
    let error = client_error(&site.client(BackendTlsMode::VerifyCa, "db.example"), &stranger.server()).await;
    assert_eq!(error.cause(), HandshakeCause::BadCertificate); // a CA of the same name, another key
}

#[tokio::test]
async fn required_encrypts_without_asking_who_is_there() {
    let (site, stranger) = (Site::new(), Site::new());
    agreed(&site.client(BackendTlsMode::Required, "db_1.internal"), &stranger.server()).await;
}

#[tokio::test]
async fn a_server_that_is_refused_hears_why() {
    let (site, stranger) = (Site::new(), Site::new());
    let client = site.client(BackendTlsMode::VerifyFull, "db.example");
    let error = shake_hands(&client, &stranger.server()).await.1.unwrap_err();
    assert_eq!(error.cause(), HandshakeCause::AlertDecryptError);
}

#[tokio::test]
async fn a_chain_over_an_intermediate_ca_is_sent_whole() {
    let site = Site::new();
    let intermediate = site.ca.issue_authority("intermediate", KeyType::Ecdsa).unwrap();
    site.put("server", &intermediate.issue_server(&names(&["db.example"]), DAYS, KeyType::Rsa).unwrap());
    let server = site.server();
    assert_eq!(server.identity().chain().len(), 2);
    agreed(&site.client(BackendTlsMode::VerifyFull, "db.example"), &server).await;
}

#[tokio::test]
async fn tls_1_2_is_spoken_unless_forbidden() {
    let site = Site::new();
    let old = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(roots(&site))
        .with_no_client_auth();
    let connect = |server: ServerTls| {
        let (near, far) = pair();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(old.clone()));
        async move {
            let client = connector.connect("db.example".try_into().unwrap(), near);
            tokio::join!(client, stream::accept(far, Arc::clone(server.config())))
        }
    };
    let (_client, accepted) = connect(site.server()).await;
    let info = accepted.unwrap().tls_info().unwrap();
    assert_eq!((info.version, info.group), (TlsVersion::V1_2, Some("X25519")));

    let strict = ListenerTls { min_version: TlsVersion::V1_3, ..site.listener() };
    let (_client, accepted) = connect(build_server(&strict).unwrap()).await;
    assert_eq!(accepted.unwrap_err().cause(), HandshakeCause::NoCommonVersion);
}

#[tokio::test]
async fn a_backend_that_demands_a_client_certificate_gets_it() {
    let site = Site::new();
    let pair = site.ca.issue_client("sealock", DAYS, KeyType::Ecdsa).unwrap();
    site.put("client", &pair);
    let tls = BackendTls {
        certificate: Some(site.path("client.pem")),
        key: Some(site.path("client.key")),
        ..site.backend(BackendTlsMode::VerifyFull)
    };
    let client = ClientTls::build(&tls, &tcp("db.example")).unwrap().unwrap();
    let identity = site.server().identity().certified_key().clone();
    let asks =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots(&site)), provider()).build().unwrap();
    let server = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(asks)
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(identity)));
    let (near, far) = self::pair();
    let (connected, accepted) =
        tokio::join!(stream::connect(near, &client), stream::accept(far, Arc::new(server)));
    connected.unwrap();
    let shown = accepted.unwrap().tls_info().unwrap().peer_leaf_fingerprint;
    assert_eq!(shown, Some(client.identity().unwrap().fingerprint()));
}

#[tokio::test]
async fn a_server_certificate_that_is_its_own_ca_is_trusted_when_the_ca_file_names_it() {
    let site = Site::new();
    let mut params = rcgen::CertificateParams::new(names(&["db.example"])).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    fs::write(site.path("ca.pem"), certificate.pem()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let server = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let server = Arc::new(server);
    for (host, accepted) in [("db.example", true), ("other.example", false)] {
        let client = site.client(BackendTlsMode::VerifyFull, host);
        let (near, far) = pair();
        let (connected, _) =
            tokio::join!(stream::connect(near, &client), stream::accept(far, Arc::clone(&server)));
        assert_eq!(connected.is_ok(), accepted, "{host}");
    }
}

#[tokio::test]
async fn bytes_that_are_not_tls_are_told_from_a_closed_connection() {
    let site = Site::new();
    for (sent, cause) in [
        (b"GET / HTTP/1.0\r\n\r\n".as_slice(), HandshakeCause::Malformed),
        (b"".as_slice(), HandshakeCause::Closed),
    ] {
        let (mut near, far) = pair();
        near.write_all(sent).await.unwrap();
        near.shutdown().await.unwrap();
        let error = stream::accept(far, Arc::clone(site.server().config())).await.unwrap_err();
        assert_eq!(error.cause(), cause);
    }
}

#[test]
fn a_listener_without_a_certificate_shows_the_minted_one() {
    let tls = ListenerTls {
        mode: ListenerTlsMode::Optional,
        certificate: None,
        key: None,
        ..Site::new().listener()
    };
    let common = common();
    let server = ServerTls::build(&tls, &common, &common.tickets).unwrap().unwrap();
    assert_eq!(server.identity().fingerprint(), common.minted.fingerprint());
    let disabled = ListenerTls { mode: ListenerTlsMode::Disabled, ..tls };
    assert!(ServerTls::build(&disabled, &common, &common.tickets).unwrap().is_none());
}

#[test]
fn an_issuer_that_has_the_name_but_not_the_key_is_found_before_clients_find_it() {
    let site = Site::new();
    let (old, new) =
        (Authority::generate("same name", KeyType::Ecdsa), Authority::generate("same name", KeyType::Ecdsa));
    let mut pair = old.unwrap().issue_server(&names(&["db.example"]), DAYS, KeyType::Ecdsa).unwrap();
    pair.certificate.push_str(&new.unwrap().pem().certificate);
    site.put("server", &pair);
    let error = build_server(&site.listener()).unwrap_err();
    let TlsError::Identity(problems) = error else { unreachable!("{error}") };
    assert!(matches!(problems.0.as_slice(), [Problem::BrokenChain { .. }]), "{problems}");
}

#[test]
fn verify_full_over_a_unix_socket_needs_a_name() {
    let site = Site::new();
    let address = Address::Unix("/run/mysqld/mysqld.sock".into());
    let refused = ClientTls::build(&site.backend(BackendTlsMode::VerifyFull), &address).unwrap_err();
    assert!(refused.to_string().contains("tls.server_name"), "{refused}");
    assert!(ClientTls::build(&site.backend(BackendTlsMode::VerifyCa), &address).unwrap().is_some());
}

#[test]
fn a_ca_file_without_a_certificate_is_refused_by_name() {
    let site = Site::new();
    fs::write(site.path("ca.pem"), "").unwrap();
    let refused =
        ClientTls::build(&site.backend(BackendTlsMode::VerifyFull), &tcp("db.example")).unwrap_err();
    assert!(refused.to_string().contains("ca.pem: no certificate"), "{refused}");
}

fn roots(site: &Site) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(site.path("ca.pem")).unwrap()).unwrap();
    roots
}
