//! Every reason for which a client has no session: a code, and what to do about it in a line.
//!
//! The code is the label of `sealock_client_refusals_total` and `cause` in the log, the line its `remedy`.
//! docs/troubleshooting.md lists all of them; `tests/docs.rs` compares.

use crate::tls::cause::HandshakeCause;

/// Declares the causes: code, what it means, what to do.
macro_rules! causes {
    ($($variant:ident = $code:literal $meaning:literal => $remedy:literal;)+) => {
        /// Why a client was refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Cause {
            $(#[doc = $meaning] $variant,)+
        }

        crate::label!(Cause { $($variant => $code),+ });

        impl Cause {
            /// What happened, as a sentence.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => $meaning,)+
                }
            }

            /// What to do, as a sentence.
            pub fn remedy(self) -> &'static str {
                match self {
                    $(Self::$variant => $remedy,)+
                }
            }
        }
    };
}

causes! {
    TooManyClients = "too_many_clients" "There are `limits.max_clients` clients."
        => "Raise `limits.max_clients` together with the limit on open files, or find the service that leaks connections.";
    TooManyAccountClients = "too_many_account_clients" "The account has as many clients as it may have."
        => "Raise `account.max_clients` or `limits.max_clients_per_account`, or make the program's pool smaller.";
    Unavailable = "unavailable" "No backend, or no connection to one in time."
        => "See `/readyz` for the backends, and `sealock status` for who has the connections.";
    Draining = "draining" "The proxy is shutting down."
        => "Nothing: clients connect again, to another replica or after the restart.";
    Internal = "internal" "The operating system gave no random bytes."
        => "Look at the machine: nothing can be authenticated there.";
    Closed = "closed" "The client closed the connection before it had said anything."
        => "Nothing, if it is a health check that only connects; else look for a load balancer's time-out.";
    ClosedDuringTls = "closed_during_tls" "The client closed the connection during the TLS handshake, without an alert."
        => "Give the client the CA of the listener's certificate: some hang up where they do not trust it.";
    ClosedAfterTls = "closed_after_tls" "The client completed TLS and hung up without logging in."
        => "Compare the name that the client connects to with those in the certificate (sealock certs inspect), and give it the CA: some check both only now.";
    ClosedDuringLogin = "closed_during_login" "The client closed the connection while it was asked for its password."
        => "Look at the client's own error: it may lack the plugin that the account needs.";
    TimedOut = "timed_out" "The client did not do its part within `limits.handshake_timeout`."
        => "Nothing, if it is a port scan or a TCP health check; else look at the network in between.";
    TimedOutInTls = "timed_out_in_tls" "The TLS handshake was not done within `limits.handshake_timeout`."
        => "Look for a firewall or a path MTU that swallows large packets, and at the client's load.";
    ProxyHeader = "proxy_header" "The connection comes from `listener.proxy_protocol_from` and begins without a PROXY header."
        => "Switch the PROXY protocol on in the load balancer, its health checks included, or take its network out of the list.";
    UnexpectedProxyHeader = "unexpected_proxy_header" "A PROXY header came from a network that may not send one."
        => "Add the load balancer's network to `listener.proxy_protocol_from`.";
    Http = "http" "The client speaks HTTP."
        => "Point it at the right port: metrics are at `admin.http`.";
    TlsWithoutRequest = "tls_without_request" "The client began TLS at once, without MySQL's request for it."
        => "Take the TLS wrapper (stunnel, a load balancer's TLS to the server, openssl without -starttls mysql) away: MySQL clients ask for TLS in the protocol.";
    OldClient = "old_client" "The client speaks a protocol from before 4.1."
        => "Update the client library, or switch `secure_auth` on in it.";
    Malformed = "malformed" "A packet whose content is no handshake."
        => "Look at what connects: a broken client, or a scanner.";
    Oversized = "oversized" "A packet over `limits.max_handshake_packet`."
        => "Look for connection attributes of that size, or raise `limits.max_handshake_packet`.";
    OutOfOrder = "out_of_order" "A packet with another number than is due: another protocol."
        => "Look at what connects: it does not speak MySQL.";
    TlsNotOffered = "tls_not_offered" "TLS was asked for at a listener with `tls.mode` disabled."
        => "Set `listener.tls.mode` to optional, or switch TLS off in the client.";
    Plaintext = "plaintext" "The client did not ask for TLS, and `listener.tls.mode` is required."
        => "Switch TLS on in the client and give it the CA, or let it use a unix socket.";
    Brownout = "brownout" "The account's stage is brownout, a window is open, and this login in plaintext is of the share that is refused."
        => "Switch TLS on in the client and give it the CA; sealock stage shows when the next window opens.";
    Enforced = "enforced" "The account's stage is enforce, and the client did not ask for TLS."
        => "Switch TLS on in the client and give it the CA; sealock stage sets the account back to warn meanwhile.";
    Cleartext = "cleartext" "The account's plugin wants the password itself, and the client's connection is plaintext."
        => "Switch TLS on in the client.";
    CleartextToBackend = "cleartext_to_backend" "The account's plugin wants the password itself, and the connection to the server is plaintext."
        => "Give the backend TLS, or a unix socket; loopback does not do.";
    Denied = "denied" "Wrong password, unknown user or schema, or a host that the account does not allow."
        => "Compare the password and, with CURRENT_USER(), the account's host pattern: the server sees the proxy's address unless `backend.proxy_protocol` is set.";
    HostNotAllowed = "host_not_allowed" "By the server's account table no account of that name is for clients from there."
        => "Widen the account's host at the server; where only the proxy's own address is to count, set `auth.hosts` to server.";
    DemandUnmet = "demand_unmet" "The account has a `REQUIRE` that the client's connection to the proxy does not meet."
        => "Switch TLS on in the client; for a certificate set `listener.tls.client_certificate` to request and `client_ca`.";
    CertificateRule = "certificate_rule" "The client's certificate meets no `[[certificate_rule]]` of the account."
        => "Give the client a certificate that a rule names, or write a rule for the one it has; the log's reason has both.";
    BackendDenied = "backend_denied" "The password was right here, and the server refuses the account."
        => "Make `[[account]]` and the server agree on the password, the plugin and the proxy's host.";
    SocketIdentity = "socket_identity" "The server would let the proxy itself in, by its unix socket, in place of the client."
        => "Give the account a password plugin, or run Sealock as an operating-system user of its own.";
    Io = "io" "The connection failed during the TLS handshake."
        => "Look at the network in between.";
    NoCommonVersion = "no_common_version" "The client offers no TLS version that the listener speaks."
        => "Update the client's TLS library to one that speaks `listener.tls.min_version`, or lower that.";
    NoCommonCipher = "no_common_cipher" "The client offers no cipher suite that the listener speaks."
        => "Let the client offer an ECDHE suite with AES-GCM or ChaCha20-Poly1305: its cipher list is too narrow or too old.";
    NoCommonGroup = "no_common_group" "The client offers no key-exchange group that the listener speaks."
        => "Let the client offer X25519, P-256 or P-384.";
    NoCommonSignature = "no_common_signature" "The client accepts no signature that the certificate's key can make."
        => "Let the client accept the certificate's kind of key (ECDSA or RSA), or give the listener a certificate of the other kind.";
    Incompatible = "incompatible" "The client's TLS lacks something else that is needed."
        => "Update the client's TLS library; the log's reason says what it lacks.";
    AlertUnknownCa = "alert_unknown_ca" "The client does not know the CA of the listener's certificate."
        => "Give the client the CA file that issued the certificate (sealock certs inspect shows the issuer).";
    AlertBadCertificate = "alert_bad_certificate" "The client does not accept the listener's certificate: most often its name."
        => "Connect by a name that the certificate has (sealock certs inspect), or issue one with the name that clients use.";
    AlertCertificateExpired = "alert_certificate_expired" "The client finds the listener's certificate expired."
        => "Renew the certificate (sealock certs inspect --live), or set the client's clock.";
    AlertCertificateUnknown = "alert_certificate_unknown" "The client dislikes the listener's certificate and does not say why."
        => "Give the client the CA, and connect by a name that the certificate has.";
    AlertDecryptError = "alert_decrypt_error" "The client finds a signature of the listener's certificate wrong: most often it has a CA of the same name with another key."
        => "Give the client the CA file that belongs to the certificate in use: after a CA was made anew under its old name, the old file does not do.";
    AlertHandshakeFailure = "alert_handshake_failure" "The client finds no common ground."
        => "Widen the client's list of ciphers, groups and signatures.";
    AlertProtocolVersion = "alert_protocol_version" "The client wants another TLS version than the listener chose."
        => "Let the client speak TLS 1.2 or 1.3.";
    PeerRefused = "peer_refused" "The client sent another alert."
        => "Look at the client's own error; the log's reason has the alert.";
    CertificateMissing = "certificate_missing" "The listener requires a client certificate, and the client sent none."
        => "Give the client a certificate and its key, or set `listener.tls.client_certificate` to request.";
    CertificateExpired = "certificate_expired" "The client's certificate has expired."
        => "Renew the client's certificate and restart what uses it.";
    CertificateNotYetValid = "certificate_not_yet_valid" "The client's certificate is not valid yet."
        => "Compare the clocks of this machine and of the CA.";
    CertificateRevoked = "certificate_revoked" "The client's certificate was revoked."
        => "Issue the client another one; find out why the old one was revoked and is still in use.";
    CertificateUnknownIssuer = "certificate_unknown_issuer" "No CA in `listener.tls.client_ca` issued the client's certificate."
        => "Add the issuing CA, or the intermediates that the client does not send, to `listener.tls.client_ca`.";
    CertificateWrongPurpose = "certificate_wrong_purpose" "The client's certificate is not meant for clients."
        => "Issue the client a certificate with the extended key usage clientAuth.";
    RevocationUnknown = "revocation_unknown" "No list in `listener.tls.crl` covers the CA of the client's certificate."
        => "Add the revocation list of that CA to `listener.tls.crl`.";
    BadCertificate = "bad_certificate" "The client's certificate cannot be used for another reason."
        => "Look at it with sealock certs inspect; the log's reason says what is wrong.";
    NotTls = "not_tls" "What followed the request for TLS is no TLS, or breaks its rules."
        => "Look at what connects, and for what changes bytes in between.";
}

impl From<HandshakeCause> for Cause {
    /// Of a client.
    fn from(cause: HandshakeCause) -> Self {
        match cause {
            HandshakeCause::Closed => Self::ClosedDuringTls,
            HandshakeCause::Io => Self::Io,
            HandshakeCause::NoCommonVersion => Self::NoCommonVersion,
            HandshakeCause::NoCommonCipher => Self::NoCommonCipher,
            HandshakeCause::NoCommonGroup => Self::NoCommonGroup,
            HandshakeCause::NoCommonSignature => Self::NoCommonSignature,
            HandshakeCause::Incompatible => Self::Incompatible,
            HandshakeCause::AlertUnknownCa => Self::AlertUnknownCa,
            HandshakeCause::AlertBadCertificate => Self::AlertBadCertificate,
            HandshakeCause::AlertCertificateExpired => Self::AlertCertificateExpired,
            HandshakeCause::AlertCertificateUnknown => Self::AlertCertificateUnknown,
            HandshakeCause::AlertDecryptError => Self::AlertDecryptError,
            HandshakeCause::AlertHandshakeFailure => Self::AlertHandshakeFailure,
            HandshakeCause::AlertProtocolVersion => Self::AlertProtocolVersion,
            HandshakeCause::PeerRefused => Self::PeerRefused,
            HandshakeCause::CertificateMissing => Self::CertificateMissing,
            HandshakeCause::CertificateExpired => Self::CertificateExpired,
            HandshakeCause::CertificateNotYetValid => Self::CertificateNotYetValid,
            HandshakeCause::CertificateRevoked => Self::CertificateRevoked,
            HandshakeCause::CertificateUnknownIssuer => Self::CertificateUnknownIssuer,
            // No name is asked of clients, and the age of a list is not held against them.
            HandshakeCause::CertificateWrongName
            | HandshakeCause::RevocationListExpired
            | HandshakeCause::BadCertificate => Self::BadCertificate,
            HandshakeCause::CertificateWrongPurpose => Self::CertificateWrongPurpose,
            HandshakeCause::RevocationUnknown => Self::RevocationUnknown,
            HandshakeCause::Malformed => Self::NotTls,
        }
    }
}

impl Cause {
    /// What bytes in place of a client's first packet are, where they can be told from a broken packet.
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        const METHODS: [&[u8]; 6] = [b"GET ", b"POST", b"HEAD", b"PUT ", b"OPTI", b"CONN"];
        match bytes {
            _ if METHODS.iter().any(|method| bytes.starts_with(method)) => Some(Self::Http),
            // A record of type handshake, version 3.x (RFC 8446, section 5.1).
            [0x16, 3, ..] => Some(Self::TlsWithoutRequest),
            _ if bytes.starts_with(b"PROXY") || bytes.starts_with(b"\r\n\r\n\0\r\nQUIT\n") => {
                Some(Self::UnexpectedProxyHeader)
            }
            _ => None,
        }
    }
}

/// Whom a refusal is about, as far as it said; empty where it did not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    /// The account.
    pub account: String,
    /// The program.
    pub program: String,
    /// The library, with its version.
    pub library: String,
}

impl Who {
    /// What to do, and for whom.
    pub fn remedy(&self, cause: Cause) -> String {
        let said =
            |what: &str, name: &str| if name.is_empty() { String::new() } else { format!("{what} {name}") };
        let parts =
            [said("account", &self.account), said("program", &self.program), said("with", &self.library)];
        let whom: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        if whom.is_empty() {
            cause.remedy().to_owned()
        } else {
            format!("{}: {}", whom.join(", "), cause.remedy())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Label as _;

    #[test]
    fn every_cause_has_a_code_of_its_own_and_one_line_for_each_question() {
        for (index, cause) in Cause::ALL.iter().enumerate() {
            assert!(Cause::ALL[..index].iter().all(|other| other.label() != cause.label()), "{cause:?}");
            for line in [cause.meaning(), cause.remedy()] {
                assert!(line.ends_with('.') && !line.contains(['\n', '|']), "{cause:?}: {line}");
            }
        }
    }

    #[test]
    fn a_remedy_names_whom_it_is_about_as_far_as_that_is_known() {
        let (account, program) = ("nova".to_owned(), "nova-api".to_owned());
        let known = Who { account, program, library: "pymysql 1.1.0".to_owned() };
        let line = known.remedy(Cause::Enforced);
        assert!(
            line.starts_with("account nova, program nova-api, with pymysql 1.1.0: Switch TLS on"),
            "{line}"
        );
        assert_eq!(Who::default().remedy(Cause::Http), Cause::Http.remedy());
    }

    #[test]
    fn other_protocols_are_known_by_their_first_bytes() {
        assert_eq!(Cause::of_bytes(b"GET / HTTP/1.1"), Some(Cause::Http));
        assert_eq!(Cause::of_bytes(&[0x16, 3, 1, 2, 0, 1]), Some(Cause::TlsWithoutRequest));
        assert_eq!(Cause::of_bytes(b"PROXY TCP4 "), Some(Cause::UnexpectedProxyHeader));
        for other in [&b""[..], b"GE", &[0x16], &[0; 64]] {
            assert_eq!(Cause::of_bytes(other), None);
        }
    }
}
