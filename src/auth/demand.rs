//! What an account demands of its client's connection: `REQUIRE SSL`, `X509`, `ISSUER`, `SUBJECT`, `CIPHER`
//! (<https://mariadb.com/kb/en/securing-connections-for-client-and-server/#requiring-tls>).

use std::fmt;

/// What an account demands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Demand {
    /// Nothing.
    #[default]
    None,
    /// TLS.
    Tls,
    /// TLS with a certificate of the client that was verified.
    Certificate,
    /// Such a certificate with these properties; those that are not named do not matter.
    Properties {
        /// The cipher suite, by OpenSSL's name.
        cipher: Option<String>,
        /// The certificate's issuer, in OpenSSL's one-line form.
        issuer: Option<String>,
        /// Its subject, in the same form.
        subject: Option<String>,
    },
}

/// What a client's TLS connection offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// The cipher suite, by OpenSSL's name.
    pub cipher: &'static str,
    /// The client's certificate, if it showed one that was verified.
    pub certificate: Option<ShownCertificate>,
}

/// A client certificate that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownCertificate {
    /// Its issuer, in OpenSSL's one-line form, such as `/O=Example/CN=Clients CA`.
    pub issuer: String,
    /// Its subject, in the same form.
    pub subject: String,
    /// Its subject alternative names with their kind, such as `DNS:nova.example.org`.
    pub alternative_names: Vec<String>,
}

impl Demand {
    /// Whether it is met; `offered` is none for a connection in plaintext, be it by a unix socket.
    pub fn is_met_by(&self, offered: Option<&Offered>) -> bool {
        let certificate = offered.and_then(|offered| offered.certificate.as_ref());
        match self {
            Self::None => true,
            Self::Tls => offered.is_some(),
            Self::Certificate => certificate.is_some(),
            Self::Properties { cipher, issuer, subject } => {
                let is = |wanted: &Option<String>, has: Option<&str>| {
                    wanted.as_deref().is_none_or(|wanted| has == Some(wanted))
                };
                // CIPHER alone asks for no certificate.
                let certified = certificate.is_some() || (issuer.is_none() && subject.is_none());
                offered.is_some()
                    && certified
                    && is(cipher, offered.map(|offered| offered.cipher))
                    && is(issuer, certificate.map(|certificate| certificate.issuer.as_str()))
                    && is(subject, certificate.map(|certificate| certificate.subject.as_str()))
            }
        }
    }
}

/// As in CREATE USER.
impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("NONE"),
            Self::Tls => f.write_str("SSL"),
            Self::Certificate => f.write_str("X509"),
            Self::Properties { cipher, issuer, subject } => {
                let all = [("ISSUER", issuer), ("SUBJECT", subject), ("CIPHER", cipher)];
                let named = all.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
                let text: Vec<String> = named.map(|(name, value)| format!("{name} '{value}'")).collect();
                f.write_str(&text.join(" AND "))
            }
        }
    }
}

/// OpenSSL's name of a cipher suite, which `REQUIRE CIPHER` is written with, for its IANA name.
pub fn openssl_cipher(iana: &'static str) -> &'static str {
    match iana {
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" => "ECDHE-ECDSA-AES256-GCM-SHA384",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" => "ECDHE-ECDSA-AES128-GCM-SHA256",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256" => "ECDHE-ECDSA-CHACHA20-POLY1305",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" => "ECDHE-RSA-AES256-GCM-SHA384",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" => "ECDHE-RSA-AES128-GCM-SHA256",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256" => "ECDHE-RSA-CHACHA20-POLY1305",
        same => same,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(cipher: Option<&str>, issuer: Option<&str>, subject: Option<&str>) -> Demand {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Demand::Properties { cipher: owned(cipher), issuer: owned(issuer), subject: owned(subject) }
    }

    #[test]
    fn every_demand_is_met_by_what_it_names_and_by_nothing_less() {
        let bare = Offered { cipher: "TLS_AES_256_GCM_SHA384", certificate: None };
        let shown = ShownCertificate {
            issuer: "/CN=ca".into(),
            subject: "/CN=nova".into(),
            alternative_names: vec![],
        };
        let full = Offered { certificate: Some(shown), ..bare.clone() };
        for (demand, plain, bare_meets, full_meets) in [
            (Demand::None, true, true, true),
            (Demand::Tls, false, true, true),
            (Demand::Certificate, false, false, true),
            (properties(Some("TLS_AES_256_GCM_SHA384"), None, None), false, true, true),
            (properties(Some("TLS_AES_128_GCM_SHA256"), None, None), false, false, false),
            (properties(None, Some("/CN=ca"), Some("/CN=nova")), false, false, true),
            (properties(None, Some("/CN=ca"), Some("/CN=glance")), false, false, false),
            (properties(None, Some("/CN=other"), None), false, false, false),
        ] {
            assert_eq!(demand.is_met_by(None), plain, "{demand}");
            assert_eq!(demand.is_met_by(Some(&bare)), bare_meets, "{demand}");
            assert_eq!(demand.is_met_by(Some(&full)), full_meets, "{demand}");
        }
    }
}
