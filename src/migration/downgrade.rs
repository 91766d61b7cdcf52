//! Clients that are less safe than they were: plaintext after TLS, an older version, a weaker key exchange.
//!
//! The ledger asks with each login ([`crate::migration::ledger::Ledger::record`]), so that it is told with the first.

use std::collections::HashSet;

use crate::migration::ledger::{Entry, Tls};

/// In what a login is less safe than those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Downgrade {
    /// It is in plaintext, where there was TLS.
    Plaintext,
    /// It agreed on an older version.
    Version,
    /// It did without the hybrid key exchange.
    Group,
}

crate::label!(Downgrade { Plaintext => "plaintext", Version => "version", Group => "group" });

/// Accounts and networks from which they came encrypted, and never in plaintext.
pub(super) fn always_encrypted(known: &[Entry]) -> HashSet<(String, String)> {
    let place = |entry: &Entry| (entry.client.account.clone(), entry.client.network.clone());
    let mut encrypted: HashSet<_> = known.iter().filter(|entry| !entry.tls.is_empty()).map(place).collect();
    for entry in known.iter().filter(|entry| entry.last_in_plaintext().is_some()) {
        encrypted.remove(&place(entry));
    }
    encrypted
}

impl Tls {
    /// What the same client has lost since it agreed on this.
    pub(super) fn shrunk_to(&self, agreed: &Self) -> Option<Downgrade> {
        let hybrid = |agreed: &Self| agreed.group.contains("MLKEM");
        if agreed.version < self.version {
            Some(Downgrade::Version)
        } else if hybrid(self) && !hybrid(agreed) {
            Some(Downgrade::Group)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::ledger::tests::{at, sighting, tls};
    use crate::migration::ledger::{Ledger, Sighting, Transport};

    #[test]
    fn who_was_encrypted_and_comes_in_plaintext_is_told_at_once() {
        let ledger = Ledger::new(10, Vec::new());
        let plaintext =
            |ledger: &Ledger, program| ledger.record(sighting("nova", program, Transport::Plaintext), at(9));
        let encrypted = |program| ledger.record(sighting("nova", program, tls()), at(1));
        assert_eq!((encrypted("api"), encrypted("api")), (None, None));
        let again = Ledger::new(10, ledger.entries());
        assert_eq!(
            plaintext(&again, "compute"),
            Some(Downgrade::Plaintext),
            "its network was all TLS, before a restart"
        );
        assert_eq!(plaintext(&ledger, "api"), Some(Downgrade::Plaintext));
        assert_eq!(plaintext(&ledger, "api"), None, "once");
        assert_eq!(plaintext(&ledger, "compute"), None, "it never was, and its network is mixed");
        assert_eq!(encrypted("api"), None);
        assert_eq!(
            ledger.refuse(sighting("nova", "api", Transport::Plaintext), at(2)),
            Some(Downgrade::Plaintext)
        );
        assert_eq!(ledger.refuse(sighting("nova", "api", Transport::Plaintext), at(2)), None);
    }

    #[test]
    fn hosts_of_one_network_are_switched_over_one_after_the_other_without_an_alarm() {
        let ledger = Ledger::new(10, Vec::new());
        let from = |address: &str, transport| {
            let address = address.parse().ok();
            ledger.record(Sighting { address, ..sighting("nova", "compute", transport) }, at(1))
        };
        assert_eq!(from("10.0.0.1", Transport::Plaintext), None);
        for _ in 0..3 {
            assert_eq!(from("10.0.0.2", tls()), None);
            assert_eq!(from("10.0.0.1", Transport::Plaintext), None, "as it always was");
        }
        assert_eq!(from("10.0.0.2", Transport::Plaintext), Some(Downgrade::Plaintext));
    }

    #[test]
    fn the_same_client_that_agrees_on_less_is_told() {
        let ledger = Ledger::new(10, Vec::new());
        let agreed = |version: &str, group: &str| {
            let agreed = Tls { version: version.to_owned(), cipher: String::new(), group: group.to_owned() };
            ledger.record(sighting("nova", "api", Transport::Tls(agreed)), at(1))
        };
        assert_eq!(agreed("TLSv1.3", "X25519MLKEM768"), None);
        assert_eq!(agreed("TLSv1.3", "X25519"), Some(Downgrade::Group));
        assert_eq!(agreed("TLSv1.2", "X25519"), Some(Downgrade::Version));
        assert_eq!(agreed("TLSv1.2", "X25519"), None);
        assert_eq!(agreed("TLSv1.3", "X25519MLKEM768"), None, "more is welcome");
    }
}
