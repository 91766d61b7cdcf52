//! The counts of one shelf: one lock, one function for each change of state.
//!
//! A connection is *held* (a client has it, or it is being opened or cleaned) or *idle*. Whoever may have one more
//! holds a permit; when none is to be had, a waiter queues and is handed a permit in order of arrival. A waiter that has its
//! permit and has not run since holds no connection yet: an idle one must stay for it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::backend::connection::Connection;
use crate::backend::shared::Use;
use crate::backend::sync::is_reachable;
use crate::pool::key::Key;
use crate::session::residue::Owed;
use crate::session::{Baseline, SessionState};

/// Connections of one account on one backend.
#[derive(Default)]
pub(super) struct Inner {
    /// Permits that are out.
    leased: u32,
    /// Those of them that have a connection, or are about to open one.
    held: u32,
    idle: VecDeque<Idle>,
    waiters: VecDeque<Waiter>,
}

struct Waiter {
    since: Instant,
    granted: oneshot::Sender<Granted>,
}

/// A permit passed on to a waiter, who gives it back if it does not wait any more.
pub(super) struct Granted;

/// A clean connection that nobody uses.
pub(super) struct Idle {
    pub key: Key,
    pub connection: Box<Connection>,
    pub since: Instant,
}

impl Idle {
    /// Ends it, after it has told sessions what it owes them.
    pub async fn close(self) {
        self.connection.settle_and_quit().await;
    }
}

/// The answer to a wish for one more connection.
pub(super) enum Claim {
    /// Granted.
    Now,
    /// All are taken; the receiver resolves when it is this waiter's turn.
    Later(oneshot::Receiver<Granted>),
}

/// What a session wants of a connection that it shares with others.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// Its state.
    pub state: &'a SessionState,
    /// The baseline that the state differs from.
    pub baseline: &'a Arc<Baseline>,
    /// The connection that it used last.
    pub last: Option<Use>,
}

/// How well an idle connection suits a wish; the better the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// It can be brought to the session's state.
    Reachable,
    /// It is in the session's state, and owes something to another.
    Indebted,
    /// It is in the session's state.
    Equal,
    /// The session used it last, and nobody since.
    Own,
}

/// How many there are of what.
#[derive(Clone, Copy, Debug, Default)]
pub struct Census {
    /// In use, being opened or cleaned.
    pub leased: u32,
    /// Waiting for a session.
    pub idle: usize,
    /// Sessions waiting for one.
    pub waiters: usize,
    /// How long the first of those has waited.
    pub oldest_wait: Duration,
}

impl Inner {
    /// Asks for a permit.
    pub fn claim(&mut self, max_connections: u32) -> Claim {
        self.grant(max_connections);
        if self.leased < max_connections && self.waiters.is_empty() {
            self.leased += 1;
            return Claim::Now;
        }
        let (granted, receiver) = oneshot::channel();
        self.waiters.push_back(Waiter { since: Instant::now(), granted });
        Claim::Later(receiver)
    }

    /// A permit beside one that its holder is about to return: waiting for it would be waiting for oneself.
    pub fn claim_beside(&mut self) {
        self.leased += 1;
    }

    /// Where a permit is to be had without waiting and an idle connection suits: both, as one.
    pub fn lend(&mut self, max_connections: u32, key: &Key, wish: Wish<'_>) -> Option<Idle> {
        if self.leased >= max_connections || !self.waiters.is_empty() {
            return None;
        }
        let idle = self.take_best(key, wish)?;
        self.leased += 1;
        self.hold();
        Some(idle)
    }

    /// With a permit in hand: the idle connection that matches and was used last.
    pub fn take_idle(&mut self, key: &Key) -> Option<Idle> {
        let at = self.idle.iter().rposition(|idle| idle.key == *key)?;
        self.idle.remove(at)
    }

    /// With a permit in hand: the idle connection that suits a session best, of several the one used last.
    pub fn take_best(&mut self, key: &Key, wish: Wish<'_>) -> Option<Idle> {
        let mut best = None;
        for (at, idle) in self.idle.iter_mut().enumerate().rev() {
            let Some(fit) = fit(idle, key, wish) else { continue };
            if best.is_none_or(|(found, _)| fit > found) {
                best = Some((fit, at));
            }
            if fit == Fit::Own || (fit == Fit::Equal && wish.last.is_none()) {
                break;
            }
        }
        self.idle.remove(best?.1)
    }

    /// The idle connection that owes this number.
    pub fn take_debtor(&mut self, owed: &Arc<Owed>) -> Option<Idle> {
        let owes = |idle: &mut Idle| idle.connection.shared().is_some_and(|shared| shared.owes_this(owed));
        let at = self.idle.iter_mut().position(owes)?;
        self.idle.remove(at)
    }

    /// A permit has a connection, or is about to.
    pub fn hold(&mut self) {
        self.held += 1;
    }

    /// The connection that a permit had is none of its own any more.
    pub fn let_go(&mut self) {
        self.held = self.held.saturating_sub(1);
    }

    /// Where there are too many with those that are held: the idle one that must make room.
    pub fn evict(&mut self, max_connections: u32) -> Option<Idle> {
        let total = self.held as usize + self.idle.len();
        if total > max_connections as usize { self.idle.pop_front() } else { None }
    }

    /// A clean connection that nobody holds any more. `Err` gives back the one that is over `max_idle`, or over
    /// `max_connections` together with those that are held.
    pub fn keep(&mut self, idle: Idle, max_idle: u32, max_connections: u32) -> Result<(), Box<Idle>> {
        let most = max_idle.min(max_connections.saturating_sub(self.held));
        if most == 0 {
            return Err(Box::new(idle));
        }
        self.idle.push_back(idle);
        let surplus = if self.idle.len() > most as usize { self.idle.pop_front() } else { None };
        surplus.map_or(Ok(()), |idle| Err(Box::new(idle)))
    }

    /// A permit is returned.
    pub fn give_back(&mut self, max_connections: u32) {
        self.leased = self.leased.saturating_sub(1);
        self.grant(max_connections);
    }

    /// Hands permits to waiters, in order, as far as there are any: after a permit was returned, or the limit was raised. A
    /// waiter that gave up is passed over.
    pub fn grant(&mut self, max_connections: u32) {
        while self.leased < max_connections {
            let Some(waiter) = self.waiters.pop_front() else { return };
            if waiter.granted.send(Granted).is_ok() {
                self.leased += 1;
            }
        }
    }

    /// Takes out every idle connection that `stale` gives a reason for; the first is the one used last.
    pub fn sweep<R>(&mut self, mut stale: impl FnMut(&mut Idle, usize) -> Option<R>) -> Vec<(R, Idle)> {
        let mut swept = Vec::new();
        let mut kept = VecDeque::new();
        for mut idle in std::mem::take(&mut self.idle).into_iter().rev() {
            match stale(&mut idle, kept.len()) {
                Some(reason) => swept.push((reason, idle)),
                None => kept.push_front(idle),
            }
        }
        self.idle = kept;
        swept
    }

    /// Leased connections, idle connections and waiters.
    pub fn census(&self) -> Census {
        let mut waiting = self.waiters.iter().filter(|waiter| !waiter.granted.is_closed());
        Census {
            leased: self.leased,
            idle: self.idle.len(),
            waiters: waiting.clone().count(),
            oldest_wait: waiting.next().map(|waiter| waiter.since.elapsed()).unwrap_or_default(),
        }
    }

    /// Whether nobody is here, and nothing.
    pub fn is_empty(&self) -> bool {
        self.leased == 0 && self.held == 0 && self.idle.is_empty() && self.waiters.is_empty()
    }
}

fn fit(idle: &mut Idle, key: &Key, wish: Wish<'_>) -> Option<Fit> {
    if idle.key != *key {
        return None;
    }
    let shared = idle.connection.shared()?;
    if Some(shared.usage) == wish.last {
        return Some(Fit::Own);
    }
    let equal = Arc::ptr_eq(&shared.baseline, wish.baseline) && shared.state == *wish.state;
    match (equal, shared.owes()) {
        (true, false) => Some(Fit::Equal),
        (true, true) => Some(Fit::Indebted),
        _ => is_reachable(&shared.state, wish.state).then_some(Fit::Reachable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_returned_permit_goes_to_the_waiter_that_came_first() {
        let mut inner = Inner::default();
        assert!(matches!(inner.claim(1), Claim::Now));
        let Claim::Later(mut first) = inner.claim(1) else { panic!("over the limit") };
        let Claim::Later(mut second) = inner.claim(1) else { panic!("over the limit") };
        inner.give_back(1);
        assert!(first.try_recv().is_ok());
        assert!(second.try_recv().is_err());
    }

    #[test]
    fn a_waiter_that_gave_up_is_passed_over() {
        let mut inner = Inner::default();
        assert!(matches!(inner.claim(1), Claim::Now));
        let Claim::Later(gone) = inner.claim(1) else { panic!("over the limit") };
        let Claim::Later(mut second) = inner.claim(1) else { panic!("over the limit") };
        drop(gone);
        inner.give_back(1);
        assert!(second.try_recv().is_ok());
    }

    #[test]
    fn a_raised_limit_lets_in_who_waits_and_nobody_before_them() {
        let mut inner = Inner::default();
        assert!(matches!(inner.claim(1), Claim::Now));
        let Claim::Later(mut waiting) = inner.claim(1) else { panic!("over the limit") };
        assert!(matches!(inner.claim(2), Claim::Later(_)));
        assert!(waiting.try_recv().is_ok());
    }

    #[test]
    fn after_a_lowered_limit_nobody_gets_in_until_enough_have_left() {
        let mut inner = Inner::default();
        for _ in 0..3 {
            assert!(matches!(inner.claim(3), Claim::Now));
        }
        let Claim::Later(mut waiting) = inner.claim(1) else { panic!("over the limit") };
        inner.give_back(1);
        inner.give_back(1);
        assert!(waiting.try_recv().is_err());
        inner.give_back(1);
        assert!(waiting.try_recv().is_ok());
    }

    #[test]
    fn counts_return_to_nothing() {
        let mut inner = Inner::default();
        for _ in 0..3 {
            assert!(matches!(inner.claim(3), Claim::Now));
        }
        for _ in 0..3 {
            inner.give_back(3);
        }
        assert!(inner.is_empty());
    }
}
