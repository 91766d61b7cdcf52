//! Whether the certificate that a client showed would still let it in: asked again after each reload.
//!
//! A session whose certificate fails now ends at its next command outside of a transaction, which is answered with 1045, and
//! at the deadline (`tls.max_session_age_after_revocation`) whatever it does, but for a statement that runs. Others notice nothing.

use std::time::{Duration, Instant};

use crate::frontend::client::ClientFacts;
use crate::frontend::context::Context;

/// What the last look at a session's certificate said.
#[derive(Debug, Default)]
pub(super) struct Recheck {
    /// The generation that was asked; 0 before the first look, since a reload may have come while the client logged in.
    number: u64,
    failed: Option<Instant>,
}

/// How a session stands with its certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Certified {
    /// It showed none, or a good one.
    Good,
    /// It would be refused now; what is under way may end.
    Failed,
    /// It was for too long.
    Overdue,
}

impl Recheck {
    /// How a client's certificate stands in this generation.
    pub fn look(&mut self, facts: &ClientFacts, user: &[u8], context: &Context) -> Certified {
        if facts.shown.is_none() {
            return Certified::Good;
        }
        if self.number != context.number {
            self.number = context.number;
            let fails = !is_accepted(facts, user, context);
            self.failed = fails.then(|| self.failed.unwrap_or_else(Instant::now));
        }
        certified(self.failed, context.tls.max_session_age_after_revocation)
    }
}

fn certified(failed: Option<Instant>, most: Duration) -> Certified {
    match failed {
        None => Certified::Good,
        Some(since) if since.elapsed() >= most => Certified::Overdue,
        Some(_) => Certified::Failed,
    }
}

fn is_accepted(facts: &ClientFacts, user: &[u8], context: &Context) -> bool {
    let policy = context.listener(facts.listener).and_then(|listener| listener.tls.as_ref());
    let chain = facts.shown.as_ref().map(|shown| shown.chain()).unwrap_or_default();
    let verified = policy.is_none_or(|tls| tls.policy().verify_again(chain).is_ok());
    verified && context.certificate_rules.judge(user, facts.certificate()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_fails_may_finish_until_the_deadline() {
        assert_eq!(certified(None, Duration::ZERO), Certified::Good);
        assert_eq!(certified(Some(Instant::now()), Duration::from_secs(60)), Certified::Failed);
        assert_eq!(certified(Some(Instant::now()), Duration::ZERO), Certified::Overdue);
    }
}
