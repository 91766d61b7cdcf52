//! How many clients there may be: in all, and for each account.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts clients. Places are given back when dropped.
#[derive(Default)]
pub struct ClientLimits {
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    total: u32,
    accounts: HashMap<Vec<u8>, u32>,
}

/// One client's place in the total.
pub struct Place {
    limits: Arc<ClientLimits>,
}

/// One client's place among those of its account.
pub struct AccountPlace {
    limits: Arc<ClientLimits>,
    account: Vec<u8>,
}

impl ClientLimits {
    /// A place in the total, or none when there are `most` clients already.
    pub fn admit(self: &Arc<Self>, most: u32) -> Option<Place> {
        let mut counts = self.lock();
        if counts.total >= most {
            return None;
        }
        counts.total += 1;
        Some(Place { limits: Arc::clone(self) })
    }

    /// A place among the account's clients, or none when it has `most` already; 0 means any number.
    pub fn admit_account(self: &Arc<Self>, account: &[u8], most: u32) -> Option<AccountPlace> {
        let mut counts = self.lock();
        let count = counts.accounts.entry(account.to_vec()).or_default();
        if most > 0 && *count >= most {
            return None;
        }
        *count += 1;
        Some(AccountPlace { limits: Arc::clone(self), account: account.to_vec() })
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.limits.lock();
        counts.total = counts.total.saturating_sub(1);
    }
}

impl Drop for AccountPlace {
    fn drop(&mut self) {
        let mut counts = self.limits.lock();
        if let Some(count) = counts.accounts.get_mut(&self.account) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.accounts.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_client_leaves() {
        let limits = Arc::new(ClientLimits::default());
        let first = limits.admit(1);
        assert!(first.is_some() && limits.admit(1).is_none());
        drop(first);
        assert!(limits.admit(1).is_some());
    }

    #[test]
    fn accounts_are_counted_apart_and_forgotten_when_empty() {
        let limits = Arc::new(ClientLimits::default());
        let nova = limits.admit_account(b"nova", 1);
        assert!(limits.admit_account(b"nova", 1).is_none());
        assert!(limits.admit_account(b"glance", 1).is_some());
        drop(nova);
        assert!(limits.admit_account(b"nova", 1).is_some());
        assert!(limits.lock().accounts.is_empty());
    }

    #[test]
    fn zero_means_any_number() {
        let limits = Arc::new(ClientLimits::default());
        let places: Vec<_> = (0..100).map(|_| limits.admit_account(b"nova", 0)).collect();
        assert!(places.iter().all(Option::is_some));
    }
}
