//! The counts of the pool: one lock, one function for each change of state.
//!
//! A connection is *leased* (a client has it, or it is being opened or cleaned) or *idle*. Whoever may have one more
//! holds a permit; when none is to be had, a waiter queues and is handed a permit in order of arrival.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use tokio::sync::oneshot;

use crate::backend::connection::Connection;
use crate::pool::key::{Key, Slot};

/// All slots.
#[derive(Default)]
pub(super) struct Inner {
    slots: HashMap<Slot, Counts>,
}

#[derive(Default)]
struct Counts {
    leased: u32,
    idle: VecDeque<Idle>,
    waiters: VecDeque<oneshot::Sender<Granted>>,
}

/// A permit passed on to a waiter, who gives it back if it does not wait any more.
pub(super) struct Granted;

/// A clean connection that nobody uses.
pub(super) struct Idle {
    pub key: Key,
    pub connection: Connection,
    pub since: Instant,
}

/// The answer to a wish for one more connection.
pub(super) enum Claim {
    /// Granted.
    Now,
    /// All are taken; the receiver resolves when it is this waiter's turn.
    Later(oneshot::Receiver<Granted>),
}

impl Inner {
    /// Asks for a permit.
    pub fn claim(&mut self, slot: &Slot, max_connections: u32) -> Claim {
        let counts = self.slots.entry(slot.clone()).or_default();
        counts.grant(max_connections);
        if counts.leased < max_connections && counts.waiters.is_empty() {
            counts.leased += 1;
            return Claim::Now;
        }
        let (sender, receiver) = oneshot::channel();
        counts.waiters.push_back(sender);
        Claim::Later(receiver)
    }

    /// A permit beside one that its holder is about to return: waiting for it would be waiting for oneself.
    pub fn claim_beside(&mut self, slot: &Slot) {
        self.slots.entry(slot.clone()).or_default().leased += 1;
    }

    /// With a permit in hand: the idle connection that matches and was used last.
    pub fn take_idle(&mut self, slot: &Slot, key: &Key) -> Option<Idle> {
        let idle = &mut self.slots.get_mut(slot)?.idle;
        let at = idle.iter().rposition(|idle| idle.key == *key)?;
        idle.remove(at)
    }

    /// With a permit in hand and a connection about to be opened: the idle one that must make room, if one must.
    pub fn evict(&mut self, slot: &Slot, max_connections: u32) -> Option<Idle> {
        let counts = self.slots.get_mut(slot)?;
        let total = counts.leased as usize + counts.idle.len();
        if total > max_connections as usize { counts.idle.pop_front() } else { None }
    }

    /// A lease ends with a clean connection. `Err` gives back the one that is over `max_idle`.
    pub fn keep(&mut self, slot: &Slot, idle: Idle, max_idle: u32) -> Result<(), Box<Idle>> {
        let counts = self.slots.entry(slot.clone()).or_default();
        let surplus = if max_idle == 0 {
            Some(idle)
        } else {
            counts.idle.push_back(idle);
            if counts.idle.len() > max_idle as usize { counts.idle.pop_front() } else { None }
        };
        surplus.map_or(Ok(()), |idle| Err(Box::new(idle)))
    }

    /// A permit is returned.
    pub fn give_back(&mut self, slot: &Slot, max_connections: u32) {
        let Some(counts) = self.slots.get_mut(slot) else { return };
        counts.leased = counts.leased.saturating_sub(1);
        counts.grant(max_connections);
        if counts.is_empty() {
            self.slots.remove(slot);
        }
    }

    /// There may be more connections than before: lets in whoever waits.
    pub fn grant_all(&mut self, max_connections: u32) {
        self.slots.values_mut().for_each(|counts| counts.grant(max_connections));
    }

    /// Takes out every idle connection that `stale` gives a reason for.
    pub fn sweep<R>(&mut self, mut stale: impl FnMut(&mut Idle) -> Option<R>) -> Vec<(Slot, R, Idle)> {
        let mut swept = Vec::new();
        for (slot, counts) in &mut self.slots {
            for mut idle in std::mem::take(&mut counts.idle) {
                match stale(&mut idle) {
                    Some(reason) => swept.push((slot.clone(), reason, idle)),
                    None => counts.idle.push_back(idle),
                }
            }
        }
        self.slots
            .retain(|_, counts| counts.leased > 0 || !counts.idle.is_empty() || !counts.waiters.is_empty());
        swept
    }

    /// Leased connections, idle connections and waiters of each backend.
    pub fn census(&self) -> HashMap<&str, (u32, usize, usize)> {
        let mut census: HashMap<&str, (u32, usize, usize)> = HashMap::new();
        for (slot, counts) in &self.slots {
            let (leased, idle, waiters) = census.entry(&slot.backend).or_default();
            *leased += counts.leased;
            *idle += counts.idle.len();
            *waiters += counts.waiters.iter().filter(|waiter| !waiter.is_closed()).count();
        }
        census
    }
}

impl Counts {
    /// Hands permits to waiters, in order, as far as there are any. A waiter that gave up is passed over.
    fn grant(&mut self, max_connections: u32) {
        while self.leased < max_connections {
            let Some(waiter) = self.waiters.pop_front() else { return };
            if waiter.send(Granted).is_ok() {
                self.leased += 1;
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.leased == 0 && self.idle.is_empty() && self.waiters.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot() -> Slot {
        Slot { backend: "db1".into(), account: b"nova".to_vec() }
    }

    #[test]
    fn a_returned_permit_goes_to_the_waiter_that_came_first() {
        let mut inner = Inner::default();
        assert!(matches!(inner.claim(&slot(), 1), Claim::Now));
        let Claim::Later(mut first) = inner.claim(&slot(), 1) else { panic!("over the limit") };
        let Claim::Later(mut second) = inner.claim(&slot(), 1) else { panic!("over the limit") };
        inner.give_back(&slot(), 1);
        assert!(first.try_recv().is_ok());
        assert!(second.try_recv().is_err());
    }

    #[test]
    fn a_waiter_that_gave_up_is_passed_over() {
        let mut inner = Inner::default();
        assert!(matches!(inner.claim(&slot(), 1), Claim::Now));
        let Claim::Later(gone) = inner.claim(&slot(), 1) else { panic!("over the limit") };
        let Claim::Later(mut second) = inner.claim(&slot(), 1) else { panic!("over the limit") };
        drop(gone);
        inner.give_back(&slot(), 1);
        assert!(second.try_recv().is_ok());
    }

    #[test]
    fn a_raised_limit_lets_in_who_waits_and_nobody_before_them() {
        let mut inner = Inner::default();
        assert!(matches!(inner.claim(&slot(), 1), Claim::Now));
        let Claim::Later(mut waiting) = inner.claim(&slot(), 1) else { panic!("over the limit") };
        assert!(matches!(inner.claim(&slot(), 2), Claim::Later(_)));
        assert!(waiting.try_recv().is_ok());
    }

    #[test]
    fn after_a_lowered_limit_nobody_gets_in_until_enough_have_left() {
        let mut inner = Inner::default();
        for _ in 0..3 {
            assert!(matches!(inner.claim(&slot(), 3), Claim::Now));
        }
        let Claim::Later(mut waiting) = inner.claim(&slot(), 1) else { panic!("over the limit") };
        inner.give_back(&slot(), 1);
        inner.give_back(&slot(), 1);
        assert!(waiting.try_recv().is_err());
        inner.give_back(&slot(), 1);
        assert!(waiting.try_recv().is_ok());
    }

    #[test]
    fn counts_return_to_nothing() {
        let mut inner = Inner::default();
        for _ in 0..3 {
            assert!(matches!(inner.claim(&slot(), 3), Claim::Now));
        }
        for _ in 0..3 {
            inner.give_back(&slot(), 3);
        }
        assert!(inner.slots.is_empty());
    }
}
