//! The end of a command: the connection goes back, or stays for a reason.

use crate::backend::connection::{Activity, Certainty};
use crate::frontend::multiplex::Multiplex;
use crate::frontend::session::Session;
use crate::protocol::status::StatusFlags;
use crate::session::PinReason;

impl Session {
    /// Counts what pins the session now.
    pub(super) fn record_pins(&self, own: &mut Multiplex) {
        if own.pins.may_release() && own.counted.is_empty() {
            return;
        }
        self.registered.activity().pin(own.pins.iter());
        let pins = &own.pins;
        own.counted.retain(|(reason, _)| pins.has(*reason));
        for (reason, _) in pins.iter() {
            if own.counted.iter().all(|(counted, _)| *counted != reason) {
                self.frontend.metrics.pinned.increment(reason);
                own.counted.push((reason, self.frontend.metrics.pins.hold(reason)));
            }
        }
    }

    /// Gives the connection to the pool unless something pins it.
    pub(super) fn release(&mut self, own: &mut Multiplex) {
        let Ok(connection) = self.connection() else { return };
        let at_rest = connection.activity() == Activity::AtRest
            && connection.certainty() == Certainty::Told
            && connection.buffer.is_empty();
        if connection.certainty() == Certainty::Told {
            let open = connection.status().contains(StatusFlags::IN_TRANSACTION);
            own.pins.follow(PinReason::Transaction, open.into());
            if !open {
                own.pins.end(PinReason::Xa);
            }
        }
        if let Some(shared) = connection.shared() {
            own.last = Some(shared.usage);
        }
        self.record_pins(own);
        if at_rest && own.pins.may_release() && !own.may_end {
            self.hand_back();
        }
    }
}
