//! Certificates that are replaced while everything runs.
//!
//! Every file of every TLS context lies in a directory as a kubelet keeps it: names that never change are links into
//! `..data`, a link to the version in force. Each version's certificates name it (`generation-7.example`), so that who
//! connects sees which one serves.

mod failures;
mod sessions;
mod soak;
mod triggers;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, OnceLock};

use rcgen::{CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, SerialNumber};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use sealock::app::scratch::{Options, ScratchServer, TlsFiles};
use sealock::tls::certificate::Certificate;
use sealock::tls::mint::{Authority, KeyType, PemPair};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

use crate::support::client::RawClient;
use crate::support::login::{Login, Refusal};
use crate::support::proxy::{Proxy, ProxyBuilder};
use crate::support::server::{PASSWORD, USER};
use crate::support::wire::Endpoint;

const DAYS: u32 = 30;

/// A server whose account asks for a client certificate, so that each connection to it shows that ours is good.
struct Server {
    scratch: ScratchServer,
    ca: Authority,
    _directory: TempDir,
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        let ca = Authority::generate("the servers' CA", KeyType::Ecdsa).unwrap();
        let file = |name: &str| directory.path().join(name);
        let pair = ca.issue_server(&["localhost".to_owned()], DAYS, KeyType::Ecdsa).unwrap();
        pair.write(&file("server.pem"), &file("server.key")).unwrap();
        fs::set_permissions(file("server.key"), Permissions::from_mode(0o644)).unwrap();
        fs::write(file("ca.pem"), &ca.pem().certificate).unwrap();
        let options = Options {
            tcp: true,
            tls: Some(TlsFiles {
                certificate: file("server.pem"),
                key: file("server.key"),
                ca: file("ca.pem"),
            }),
            statements: vec![
                format!("CREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD}' REQUIRE X509"),
                format!("GRANT ALL ON *.* TO {USER}@'%'"),
            ],
            arguments: vec!["--max-connections=400".into()],
            ..Options::default()
        };
        let scratch = ScratchServer::start(&options, &mut |_| {}).unwrap_or_else(|error| panic!("{error}"));
        Server { scratch, ca, _directory: directory }
    })
}

/// Everything that a proxy with two listeners and one backend reads.
struct Site {
    directory: TempDir,
    /// Issues what listeners show.
    ca: Authority,
    clients: Issuer<'static, KeyPair>,
    clients_ca: String,
}

impl Site {
    fn new() -> Self {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, "clients");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let clients_ca = params.self_signed(&key).unwrap().pem();
        let site = Self {
            directory: tempfile::Builder::new().prefix("sealock-site-").tempdir().unwrap(),
            ca: Authority::generate("the listeners' CA", KeyType::Ecdsa).unwrap(),
            clients: Issuer::new(params, key),
            clients_ca,
        };
        fs::write(site.path("listeners-ca.pem"), &site.ca.pem().certificate).unwrap();
        site.stage(1);
        site.publish(1);
        for name in FILES {
            symlink(format!("..data/{name}"), site.path(name)).unwrap();
        }
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Makes a version, which nobody looks at yet.
    fn stage(&self, number: usize) -> Staged {
        let staged = Staged(self.path(&format!("..{number}")));
        fs::create_dir_all(&staged.0).unwrap();
        for stem in ["first", "second"] {
            staged.put(stem, &self.server_pair(number));
        }
        staged.put("client", &server().ca.issue_client("sealock", DAYS, KeyType::Ecdsa).unwrap());
        let unrelated = Authority::generate(&format!("of {number}"), KeyType::Ecdsa).unwrap();
        let both = server().ca.pem().certificate.clone() + &unrelated.pem().certificate;
        fs::write(staged.file("ca.pem"), both).unwrap();
        fs::write(staged.file("clients-ca.pem"), &self.clients_ca).unwrap();
        fs::write(staged.file("crl.pem"), self.revocation_list(number)).unwrap();
        staged
    }

    fn server_pair(&self, number: usize) -> PemPair {
        let names = ["localhost".to_owned(), format!("generation-{number}.example")];
        self.ca.issue_server(&names, DAYS, KeyType::Ecdsa).unwrap()
    }

    fn revocation_list(&self, number: usize) -> String {
        let params = CertificateRevocationListParams {
            this_update: OffsetDateTime::now_utc() - Duration::HOUR,
            next_update: OffsetDateTime::now_utc() + Duration::DAY,
            crl_number: SerialNumber::from(number as u64),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.clients).unwrap().pem().unwrap()
    }

    /// Puts a version in force, in one step.
    fn publish(&self, number: usize) {
        symlink(format!("..{number}"), self.path("..new")).unwrap();
        fs::rename(self.path("..new"), self.path("..data")).unwrap();
    }

    /// A proxy whose every context reads from here.
    fn proxy(&self, reload: &str) -> ProxyBuilder {
        let directory = self.directory.path().display();
        let tls = |stem: &str| {
            format!(
                "certificate = \"{directory}/{stem}.pem\"\nkey = \"{directory}/{stem}.key\"\nclient_certificate = \"request\"\n\
                 client_ca = \"{directory}/clients-ca.pem\"\ncrl = [\"{directory}/crl.pem\"]"
            )
        };
        let port = server().scratch.port().unwrap();
        Proxy::in_front_of(&format!("localhost:{port}"))
            .backend_tls(&format!(
                "ca = \"{directory}/ca.pem\"\ncertificate = \"{directory}/client.pem\"\nkey = \"{directory}/client.key\""
            ))
            .tls(&tls("first"))
            .section(&format!("[reload]\n{reload}"))
            .section(&format!("[[listener]]\nbind = \"unix:{directory}/second.sock\"\n[listener.tls]\n{}", tls("second")))
    }

    fn second(&self) -> Endpoint {
        Endpoint::Unix(self.path("second.sock"))
    }

    /// Logs in at `endpoint`, verifies what is shown there, and tells of which version it is.
    fn log_in(&self, endpoint: Endpoint) -> Result<(usize, RawClient), Refusal> {
        let recorder = Recorder::trusting(&self.path("listeners-ca.pem"));
        let client =
            RawClient::connect(&Login::new(endpoint, USER, PASSWORD).tls(&recorder.config(), "localhost"))?;
        Ok((recorder.generation(), client))
    }
}

const FILES: [&str; 9] = [
    "first.pem",
    "first.key",
    "second.pem",
    "second.key",
    "client.pem",
    "client.key",
    "ca.pem",
    "clients-ca.pem",
    "crl.pem",
];

/// A version of all files.
struct Staged(PathBuf);

impl Staged {
    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn put(&self, stem: &str, pair: &PemPair) {
        pair.write(&self.file(&format!("{stem}.pem")), &self.file(&format!("{stem}.key"))).unwrap();
    }
}

/// Verifies as any client does, and remembers the leaf.
#[derive(Debug)]
struct Recorder {
    verifier: Arc<WebPkiServerVerifier>,
    leaf: Mutex<Option<Certificate>>,
}

impl Recorder {
    fn trusting(ca: &Path) -> Arc<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        Arc::new(Self { verifier, leaf: Mutex::default() })
    }

    fn config(self: &Arc<Self>) -> Arc<ClientConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(self) as Arc<dyn ServerCertVerifier>)
            .with_no_client_auth();
        Arc::new(config)
    }

    fn generation(&self) -> usize {
        let leaf = self.leaf.lock().unwrap();
        let names = &leaf.as_ref().unwrap().names;
        let name = names.iter().find_map(|name| name.strip_prefix("generation-")).unwrap();
        name.strip_suffix(".example").unwrap().parse().unwrap()
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.leaf.lock().unwrap() = Certificate::parse(end_entity);
        self.verifier.verify_server_cert(end_entity, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// Runs `sealock` with these words against the proxy.
fn sealock(proxy: &Proxy, words: &[&str]) -> Output {
    let admin = format!("unix:{}", proxy.path("admin.sock").display());
    Command::new(env!("CARGO_BIN_EXE_sealock")).args(words).args(["--admin", &admin]).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json(proxy: &Proxy, page: &str) -> serde_json::Value {
    let (status, body) = proxy.page(page).unwrap();
    assert_eq!(status, 200, "{page}: {body}");
    serde_json::from_str(&body).unwrap()
}

fn generation(proxy: &Proxy) -> usize {
    whole(proxy.metric("sealock_config_generation", &[]))
}

fn refused(proxy: &Proxy) -> usize {
    whole(proxy.metric("sealock_config_reloads_total", &["refused"]))
}

#[expect(clippy::cast_sign_loss, reason = "counts are not negative")]
fn whole(count: f64) -> usize {
    count as usize
}
