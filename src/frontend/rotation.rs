//! What becomes of sessions whose certificate was replaced: they go on, unless `tls.max_session_age_after_rotation` says how long.
//!
//! Each listener's identity has one [`Retirement`], which lasts over all generations that show it; sessions inside TLS keep that
//! of their handshake. Publishing a generation retires what it no longer shows.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// When an identity was replaced, if it was.
#[derive(Debug, Default)]
pub struct Retirement(OnceLock<Instant>);

impl Retirement {
    /// It is not shown any more, from now on. Once is enough.
    pub fn begin(&self) {
        let _ = self.0.set(Instant::now());
    }

    /// Since when it is not shown any more.
    pub fn since(&self) -> Option<Instant> {
        self.0.get().copied()
    }
}

/// The retirement that `successor`'s identity has: that of `former`, if both show the same.
pub fn carried_over<T: PartialEq>(former: Option<(T, &Arc<Retirement>)>, successor: &T) -> Arc<Retirement> {
    match former {
        Some((shown, retirement)) if shown == *successor => Arc::clone(retirement),
        _ => Arc::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_that_stays_is_not_retired_and_one_that_goes_is_retired_once() {
        let first: Arc<Retirement> = Arc::default();
        assert!(Arc::ptr_eq(&carried_over(Some(("a", &first)), &"a"), &first));
        assert!(!Arc::ptr_eq(&carried_over(Some(("a", &first)), &"b"), &first));
        assert!(first.since().is_none());
        first.begin();
        let since = first.since().unwrap();
        first.begin();
        assert_eq!(first.since(), Some(since));
    }
}
