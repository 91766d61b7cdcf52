//! Why a TLS handshake came to nothing, as finely as rustls and the other side's alert say.

use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

use crate::tls::stream::HandshakeError;

/// Why a TLS handshake came to nothing. The same on both sides: *peer* is a client, or a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeCause {
    /// The peer closed the connection.
    Closed,
    /// The connection failed.
    Io,
    /// No protocol version in common.
    NoCommonVersion,
    /// No cipher suite in common.
    NoCommonCipher,
    /// No key-exchange group in common.
    NoCommonGroup,
    /// No signature scheme in common that fits the certificate's key.
    NoCommonSignature,
    /// Something else that one side needs and the other does not have.
    Incompatible,
    /// The peer does not know the CA of our certificate, and says so.
    AlertUnknownCa,
    /// The peer does not like our certificate: most often its name.
    AlertBadCertificate,
    /// The peer finds our certificate expired.
    AlertCertificateExpired,
    /// The peer dislikes our certificate for a reason that it keeps to itself.
    AlertCertificateUnknown,
    /// The peer finds a signature of ours wrong: most often it has a CA of the same name with another key.
    AlertDecryptError,
    /// The peer finds no common ground.
    AlertHandshakeFailure,
    /// The peer wants another protocol version.
    AlertProtocolVersion,
    /// The peer refuses for another reason, by an alert.
    PeerRefused,
    /// The peer has to show a certificate and does not.
    CertificateMissing,
    /// The peer's certificate has expired.
    CertificateExpired,
    /// It is not valid yet.
    CertificateNotYetValid,
    /// It was revoked.
    CertificateRevoked,
    /// No CA that is trusted vouches for it.
    CertificateUnknownIssuer,
    /// It has another name.
    CertificateWrongName,
    /// It is not meant for this side of a connection.
    CertificateWrongPurpose,
    /// The revocation list of its CA is missing.
    RevocationUnknown,
    /// The revocation list of its CA is out of date.
    RevocationListExpired,
    /// It cannot be used for another reason.
    BadCertificate,
    /// The peer sent something that is not TLS or breaks its rules.
    Malformed,
}

crate::label!(HandshakeCause {
    Closed => "closed",
    Io => "io",
    NoCommonVersion => "no_common_version",
    NoCommonCipher => "no_common_cipher",
    NoCommonGroup => "no_common_group",
    NoCommonSignature => "no_common_signature",
    Incompatible => "incompatible",
    AlertUnknownCa => "alert_unknown_ca",
    AlertBadCertificate => "alert_bad_certificate",
    AlertCertificateExpired => "alert_certificate_expired",
    AlertCertificateUnknown => "alert_certificate_unknown",
    AlertDecryptError => "alert_decrypt_error",
    AlertHandshakeFailure => "alert_handshake_failure",
    AlertProtocolVersion => "alert_protocol_version",
    PeerRefused => "peer_refused",
    CertificateMissing => "certificate_missing",
    CertificateExpired => "certificate_expired",
    CertificateNotYetValid => "certificate_not_yet_valid",
    CertificateRevoked => "certificate_revoked",
    CertificateUnknownIssuer => "certificate_unknown_issuer",
    CertificateWrongName => "certificate_wrong_name",
    CertificateWrongPurpose => "certificate_wrong_purpose",
    RevocationUnknown => "revocation_unknown",
    RevocationListExpired => "revocation_list_expired",
    BadCertificate => "bad_certificate",
    Malformed => "malformed",
});

impl HandshakeError {
    /// The cause as a metric label.
    pub fn cause(&self) -> HandshakeCause {
        match self {
            Self::Closed => HandshakeCause::Closed,
            Self::Io(_) => HandshakeCause::Io,
            Self::Refused(Error::AlertReceived(alert)) => of_alert(*alert),
            Self::Refused(Error::NoCertificatesPresented) => HandshakeCause::CertificateMissing,
            Self::Refused(Error::InvalidCertificate(error)) => of_certificate(error),
            Self::Refused(Error::InvalidCertRevocationList(_)) => HandshakeCause::RevocationUnknown,
            Self::Refused(Error::PeerIncompatible(error)) => of_incompatibility(error),
            Self::Refused(_) => HandshakeCause::Malformed,
        }
    }
}

/// RFC 8446, section 6.2.
fn of_alert(alert: AlertDescription) -> HandshakeCause {
    match alert {
        AlertDescription::UnknownCA => HandshakeCause::AlertUnknownCa,
        AlertDescription::BadCertificate | AlertDescription::UnsupportedCertificate => {
            HandshakeCause::AlertBadCertificate
        }
        AlertDescription::CertificateExpired => HandshakeCause::AlertCertificateExpired,
        AlertDescription::CertificateUnknown => HandshakeCause::AlertCertificateUnknown,
        AlertDescription::DecryptError => HandshakeCause::AlertDecryptError,
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
            HandshakeCause::AlertHandshakeFailure
        }
        AlertDescription::ProtocolVersion => HandshakeCause::AlertProtocolVersion,
        _ => HandshakeCause::PeerRefused,
    }
}

fn of_certificate(error: &CertificateError) -> HandshakeCause {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            HandshakeCause::CertificateExpired
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            HandshakeCause::CertificateNotYetValid
        }
        CertificateError::Revoked => HandshakeCause::CertificateRevoked,
        CertificateError::UnknownIssuer => HandshakeCause::CertificateUnknownIssuer,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            HandshakeCause::CertificateWrongName
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            HandshakeCause::CertificateWrongPurpose
        }
        CertificateError::UnknownRevocationStatus => HandshakeCause::RevocationUnknown,
        CertificateError::ExpiredRevocationList | CertificateError::ExpiredRevocationListContext { .. } => {
            HandshakeCause::RevocationListExpired
        }
        _ => HandshakeCause::BadCertificate,
    }
}

fn of_incompatibility(error: &PeerIncompatible) -> HandshakeCause {
    match error {
        PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
        | PeerIncompatible::SupportedVersionsExtensionRequired
        | PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled => HandshakeCause::NoCommonVersion,
        PeerIncompatible::NoCipherSuitesInCommon => HandshakeCause::NoCommonCipher,
        PeerIncompatible::NoKxGroupsInCommon
        | PeerIncompatible::NamedGroupsExtensionRequired
        | PeerIncompatible::KeyShareExtensionRequired => HandshakeCause::NoCommonGroup,
        PeerIncompatible::NoSignatureSchemesInCommon
        | PeerIncompatible::SignatureAlgorithmsExtensionRequired => HandshakeCause::NoCommonSignature,
        _ => HandshakeCause::Incompatible,
    }
}
