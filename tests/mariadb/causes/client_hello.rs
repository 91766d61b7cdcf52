//! ClientHellos made by hand (RFC 8446, section 4.1.2; RFC 5246, section 7.4.1.2), each without something that the listener needs.

use sealock::migration::explain::Cause;

use super::{refused_for, say_for_tls};
use crate::support::client::RawClient;
use crate::support::proxy::Proxy;
use crate::support::tls::unverified_with;

const ECDHE_ECDSA_AES_128_GCM: u16 = 0xc02b;
const ECDHE_RSA_AES_128_GCM: u16 = 0xc02f;
const RSA_AES_128_CBC: u16 = 0x002f;
const X25519: u16 = 29;
const SECP521R1: u16 = 25;
const ECDSA_SHA256: u16 = 0x0403;
const RSA_PSS_SHA256: u16 = 0x0804;
const ED448: u16 = 0x0808;

/// A ClientHello of TLS 1.2.
struct Hello {
    version: u16,
    ciphers: Vec<u16>,
    compression: u8,
    groups: Vec<u16>,
    signatures: Vec<u16>,
}

impl Hello {
    /// One that every listener takes.
    fn good() -> Self {
        Self {
            version: 0x0303,
            ciphers: vec![ECDHE_ECDSA_AES_128_GCM, ECDHE_RSA_AES_128_GCM],
            compression: 0,
            groups: vec![X25519],
            signatures: vec![ECDSA_SHA256, RSA_PSS_SHA256],
        }
    }

    fn record(&self) -> Vec<u8> {
        let extensions = [
            extension(10, &list(&self.groups)),
            extension(11, &[1, 0]), // uncompressed points
            extension(13, &list(&self.signatures)),
            extension(23, &[]), // extended master secret
        ]
        .concat();
        let body = [
            &self.version.to_be_bytes()[..],
            &[7; 32],
            &[0], // no session
            &list(&self.ciphers),
            &[1, self.compression],
            &short(extensions.len()),
            &extensions,
        ]
        .concat();
        let message = [&[1, 0][..], &short(body.len()), &body].concat();
        [&[0x16, 3, 1][..], &short(message.len()), &message].concat()
    }
}

fn short(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap().to_be_bytes()
}

fn list(values: &[u16]) -> Vec<u8> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_be_bytes()).collect();
    [&short(bytes.len())[..], &bytes].concat()
}

fn extension(number: u16, body: &[u8]) -> Vec<u8> {
    [&number.to_be_bytes()[..], &short(body.len()), body].concat()
}

#[test]
fn what_a_client_does_not_offer_is_named() {
    let proxy = Proxy::builder().start();
    let sent = |hello: Hello| move |proxy: &Proxy| say_for_tls(proxy, &hello.record());
    refused_for(&proxy, Cause::NoCommonVersion, sent(Hello { version: 0x0301, ..Hello::good() }));
    refused_for(
        &proxy,
        Cause::NoCommonCipher,
        sent(Hello { ciphers: vec![RSA_AES_128_CBC], ..Hello::good() }),
    );
    refused_for(&proxy, Cause::NoCommonGroup, sent(Hello { groups: vec![SECP521R1], ..Hello::good() }));
    refused_for(&proxy, Cause::NoCommonSignature, sent(Hello { signatures: vec![ED448], ..Hello::good() }));
    refused_for(&proxy, Cause::Incompatible, sent(Hello { compression: 1, ..Hello::good() }));
    refused_for(&proxy, Cause::ClosedDuringTls, |proxy| {
        let mut stream = super::asking_for_tls(proxy);
        std::io::Write::write_all(&mut stream, &Hello::good().record()).unwrap();
        let mut answer = [0; 6];
        std::io::Read::read_exact(&mut stream, &mut answer).unwrap();
        assert_eq!((answer[0], answer[5]), (0x16, 2), "a good one is answered with a ServerHello");
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let _ = std::io::Read::read_to_end(&mut stream, &mut Vec::new());
    });
}

#[test]
fn a_client_without_tls_1_3_is_refused_where_it_is_the_least() {
    let proxy = Proxy::builder().tls("min_version = \"1.3\"").start();
    let old = unverified_with(&[&rustls::version::TLS12]);
    refused_for(&proxy, Cause::NoCommonVersion, |proxy| {
        assert!(RawClient::connect(&proxy.login().tls(&old, "localhost")).is_err());
    });
}
