//! TLS session tickets (RFC 8446 §4.6.1, RFC 5077): keys that rotate, bound to what a listener asks of its clients.
//!
//! A ticket holds who its client was, and nobody verifies that again when it resumes. So each ticket's key is derived from
//! the digest of the policy it was issued under: after a change of client CA or revocation list no older ticket opens.
//! Neither does one of a certificate with other names, or from another CA, which the client might not have accepted. One that
//! was renewed with the same names by the same CA keeps them.
//!
//! Keys are made by each process for itself, and what they protected is lost with them; or they come from a file that
//! replicas share. There is no 0-RTT: `max_early_data_size` stays 0.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::rand;
use rustls::server::ProducesTickets;
use zeroize::Zeroizing;

use crate::tls::client_policy::PolicyDigest;
use crate::tls::problem::Problem;

/// How long tickets are made with one key. They open for up to twice as long.
const LIFETIME: Duration = Duration::from_secs(6 * 3600);

/// Bytes that name a key in front of each ticket.
const NAME_LEN: usize = 16;

/// Keys in one file at most: each is tried for a ticket that is not ours.
const MOST: usize = 8;

/// The master keys of tickets.
pub struct TicketKeys(Source);

enum Source {
    /// Made here: the key in use, the one before it, and the period that the first is for.
    Own(Mutex<Own>),
    /// From a file, the one in use first. Each is good for any period.
    Shared(Vec<Master>),
}

struct Own {
    period: u64,
    current: Master,
    former: Option<Master>,
}

type Master = Zeroizing<[u8; 32]>;

impl TicketKeys {
    /// Keys of this process alone.
    ///
    /// # Errors
    /// No randomness.
    pub fn own() -> Result<Self, rustls::Error> {
        let own = Own { period: period(SystemTime::now()), current: random()?, former: None };
        Ok(Self(Source::Own(Mutex::new(own))))
    }

    /// Keys from a file: one of 64 hexadecimal digits a line, the one to make tickets with first.
    ///
    /// # Errors
    /// What is wrong with the file; never a piece of a key.
    pub fn load(file: &Path) -> Result<Self, Problem> {
        let unreadable = |source| Problem::Unreadable { file: file.to_owned(), source };
        let text = Zeroizing::new(fs::read_to_string(file).map_err(unreadable)?);
        if fs::metadata(file).map_err(unreadable)?.permissions().mode() & 0o007 != 0 {
            return Err(Problem::ExposedKey { file: file.to_owned() });
        }
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let keys: Option<Vec<Master>> = lines.map(master).collect();
        match keys {
            Some(keys) if (1..=MOST).contains(&keys.len()) => Ok(Self(Source::Shared(keys))),
            _ => Err(Problem::TicketKeys { file: file.to_owned() }),
        }
    }

    /// What a ticket may have been made with at `now`, the choice for a new one first.
    fn candidates(&self, now: SystemTime) -> Vec<(Master, u64)> {
        let current = period(now);
        match &self.0 {
            Source::Own(own) => own.lock().unwrap_or_else(PoisonError::into_inner).at(current),
            Source::Shared(keys) => {
                // The one to come too: the clocks of replicas differ.
                let periods = [current, current.saturating_sub(1), current + 1];
                let of = |period: u64| keys.iter().map(move |key| (key.clone(), period));
                periods.into_iter().flat_map(of).collect()
            }
        }
    }
}

impl Own {
    fn at(&mut self, period: u64) -> Vec<(Master, u64)> {
        if period > self.period {
            // Without randomness the old key goes on.
            if let Ok(fresh) = random() {
                let former = std::mem::replace(&mut self.current, fresh);
                self.former = (period == self.period + 1).then_some(former);
                self.period = period;
            }
        }
        let former = self.former.clone().map(|former| (former, self.period.saturating_sub(1)));
        std::iter::once((self.current.clone(), self.period)).chain(former).collect()
    }
}

/// The tickets of one listener in one generation.
pub(super) struct Tickets {
    keys: Arc<TicketKeys>,
    binding: Vec<u8>,
}

impl Tickets {
    /// Tickets that open under this policy and for identities of this lineage only.
    pub(super) fn new(keys: &Arc<TicketKeys>, policy: &PolicyDigest, lineage: &[u8]) -> Self {
        Self { keys: Arc::clone(keys), binding: [policy.as_slice(), lineage].concat() }
    }

    fn key(&self, master: &Master, period: u64) -> Option<TicketKey> {
        let info = [&b"sealock ticket"[..], &period.to_be_bytes(), &self.binding];
        let pseudo_random = Salt::new(HKDF_SHA256, &[]).extract(master.as_ref());
        let mut bytes = Zeroizing::new([0; NAME_LEN + 32]);
        pseudo_random.expand(&info, Length(NAME_LEN + 32)).ok()?.fill(bytes.as_mut()).ok()?;
        let (name, secret) = bytes.split_first_chunk::<NAME_LEN>()?;
        Some(TicketKey { name: *name, cipher: RandomizedNonceKey::new(&AES_256_GCM, secret).ok()? })
    }

    fn encrypt_at(&self, plain: &[u8], now: SystemTime) -> Option<Vec<u8>> {
        let (master, period) = self.keys.candidates(now).into_iter().next()?;
        let key = self.key(&master, period)?;
        let mut sealed = plain.to_vec();
        let nonce = key.cipher.seal_in_place_append_tag(Aad::from(key.name), &mut sealed).ok()?;
        Some([&key.name[..], nonce.as_ref(), &sealed].concat())
    }

    fn decrypt_at(&self, ticket: &[u8], now: SystemTime) -> Option<Vec<u8>> {
        let (name, rest) = ticket.split_first_chunk::<NAME_LEN>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let candidates = self.keys.candidates(now).into_iter();
        let key = candidates
            .filter_map(|(master, period)| self.key(&master, period))
            .find(|key| key.name == *name)?;
        let mut sealed = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = key.cipher.open_in_place(nonce, Aad::from(key.name), &mut sealed).ok()?.len();
        sealed.truncate(plain);
        Some(sealed)
    }
}

struct TicketKey {
    name: [u8; NAME_LEN],
    cipher: RandomizedNonceKey,
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        u32::try_from(LIFETIME.as_secs()).unwrap_or(u32::MAX)
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.encrypt_at(plain, SystemTime::now())
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        self.decrypt_at(ticket, SystemTime::now())
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tickets(***)")
    }
}

impl fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketKeys(***)")
    }
}

/// How many bytes to derive.
struct Length(usize);

impl aws_lc_rs::hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn period(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / LIFETIME.as_secs())
}

fn random() -> Result<Master, rustls::Error> {
    let mut key = Zeroizing::new([0; 32]);
    rand::fill(key.as_mut()).map_err(|_| rustls::Error::FailedToGetRandomBytes)?;
    Ok(key)
}

fn master(line: &str) -> Option<Master> {
    let digits = line.as_bytes();
    let mut key = Zeroizing::new([0; 32]);
    if digits.len() != 2 * key.len() {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(*pair.get(at)?).to_digit(16);
        *byte = u8::try_from(digit(0)? << 4 | digit(1)?).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    const POLICY: PolicyDigest = [7; 32];

    fn own() -> Arc<TicketKeys> {
        Arc::new(TicketKeys::own().unwrap())
    }

    fn of(keys: &Arc<TicketKeys>) -> Tickets {
        Tickets::new(keys, &POLICY, b"db.example")
    }

    fn file(text: &str, mode: u32) -> (tempfile::TempDir, Result<TicketKeys, Problem>) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tickets");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let loaded = TicketKeys::load(&path);
        (directory, loaded)
    }

    #[test]
    fn a_ticket_opens_under_the_policy_and_the_lineage_it_was_made_under_and_no_other() {
        let keys = own();
        let ticket = of(&keys).encrypt(b"who it was").unwrap();
        assert_eq!(of(&keys).decrypt(&ticket).unwrap(), b"who it was");
        let other_policy = Tickets::new(&keys, &[8; 32], b"db.example");
        assert!(other_policy.decrypt(&ticket).is_none());
        let other_lineage = Tickets::new(&keys, &POLICY, b"more.example");
        assert!(other_lineage.decrypt(&ticket).is_none());
        assert!(of(&own()).decrypt(&ticket).is_none());
    }

    #[test]
    fn a_ticket_opens_for_one_period_after_its_own_and_then_no_more() {
        let (keys, now) = (own(), SystemTime::now());
        let ticket = of(&keys).encrypt_at(b"x", now).unwrap();
        assert!(of(&keys).decrypt_at(&ticket, now + LIFETIME).is_some());
        let newer = of(&keys).encrypt_at(b"x", now + LIFETIME).unwrap();
        assert_ne!(newer[..NAME_LEN], ticket[..NAME_LEN]);
        assert!(of(&keys).decrypt_at(&ticket, now + 2 * LIFETIME).is_none());
        assert!(of(&keys).decrypt_at(&newer, now + 2 * LIFETIME).is_some());
        assert!(of(&keys).decrypt_at(&newer, now + 9 * LIFETIME).is_none());
    }

    #[test]
    fn replicas_with_one_file_open_each_others_tickets_also_half_way_through_its_change() {
        let (old, new) = ("11".repeat(32), "A2".repeat(32));
        let load = |text: String| Arc::new(file(&text, 0o600).1.unwrap());
        let (before, during, after) =
            (load(old.clone()), load(format!("# comment\n{new}\n{old}\n")), load(format!("{new}\n")));
        let now = SystemTime::now();
        let ticket = of(&before).encrypt_at(b"x", now).unwrap();
        assert!(of(&during).decrypt_at(&ticket, now).is_some());
        assert!(of(&during).decrypt_at(&ticket, now + LIFETIME).is_some());
        assert!(of(&during).decrypt_at(&ticket, now + 2 * LIFETIME).is_none());
        assert!(of(&after).decrypt_at(&ticket, now).is_none());
        let ticket = of(&during).encrypt_at(b"x", now + LIFETIME).unwrap();
        assert!(of(&after).decrypt_at(&ticket, now).is_some(), "a clock that is behind");
    }

    #[test]
    fn no_byte_of_a_ticket_can_be_changed_or_left_out() {
        let keys = own();
        let ticket = of(&keys).encrypt(b"who it was").unwrap();
        for at in 0..ticket.len() {
            let mut changed = ticket.clone();
            changed[at] ^= 1;
            assert!(of(&keys).decrypt(&changed).is_none(), "byte {at}");
            assert!(of(&keys).decrypt(&ticket[..at]).is_none(), "cut at {at}");
        }
    }

    #[test]
    fn a_file_of_keys_is_refused_without_repeating_a_piece_of_it() {
        let key = "0123456789abcdef".repeat(4);
        for text in ["", "# none\n", &key[1..], &key.replace('f', "g"), &format!("{key}\n").repeat(9)] {
            let said = file(text, 0o600).1.unwrap_err().to_string();
            assert!(said.contains("64 hexadecimal digits") && !said.contains("0123"), "{said}");
        }
        assert!(matches!(file(&key, 0o644).1, Err(Problem::ExposedKey { .. })));
        assert!(file(&key, 0o640).1.is_ok());
    }
}
