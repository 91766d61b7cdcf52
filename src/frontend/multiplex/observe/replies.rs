//! What the server replied to the proxy's questions.

use std::sync::Arc;

use crate::backend::control::Row;
use crate::frontend::multiplex::{Diagnostics, Multiplex};
use crate::protocol::reply::ServerError;
use crate::protocol::session_track::ClientTracking;
use crate::session::PinReason;
use crate::session::baseline::TRACKING;

impl Multiplex {
    /// The rows of SHOW WARNINGS: level, number and text of each condition.
    pub(super) fn observe_conditions(&mut self, rows: Option<&[Row]>) {
        let error = match &self.diagnostics {
            Diagnostics::Error(error) => Some(error.clone()),
            _ => None,
        };
        self.diagnostics = match (rows, error) {
            (Some([]), _) => Diagnostics::Clean,
            (Some([only]), Some(error)) if is_condition(only, &error) => Diagnostics::Error(error),
            _ => Diagnostics::Here,
        };
        self.pins.follow(PinReason::Diagnostics, (self.diagnostics == Diagnostics::Here).into());
    }

    /// Values that were asked for; the server says 1 and 0 here where it reports ON and OFF.
    pub(super) fn observe_values(&mut self, names: &[String], row: Option<Row>) {
        let Some(row) = row else { return self.pins.set(PinReason::UnknownState) };
        let mut wish = (*self.wish).clone();
        for (name, value) in names.iter().zip(row) {
            let value = value.unwrap_or_default();
            let switch = matches!(self.baseline.value(name), Some(b"ON" | b"OFF"));
            let tracked = TRACKING.iter().position(|tracking| tracking == name);
            let value = match (value.as_slice(), switch || tracked.is_some_and(|at| at == 0 || at == 2)) {
                (b"1", true) => b"ON".to_vec(),
                (b"0", true) => b"OFF".to_vec(),
                _ => value,
            };
            match tracked.and_then(|at| wish.get_mut(at)) {
                Some(place) => *place = value,
                None => self.assign(name, &value),
            }
        }
        self.follow_wish(wish);
    }

    /// What the client wants to be told of from now on.
    pub(in crate::frontend::multiplex) fn follow_wish(&mut self, wish: [Vec<u8>; 4]) {
        if *self.wish == wish {
            return;
        }
        let [schema, variables, state_change, transaction] = &wish;
        match ClientTracking::parse(variables, schema, state_change, transaction) {
            Some(told) => self.told = Arc::new(told),
            None => self.pins.set(PinReason::Tracking),
        }
        self.wish = Arc::new(wish);
    }

    pub(super) fn observe_locks(&mut self, names: &[Vec<u8>], row: Option<Row>) {
        let Some(row) = row else { return };
        for (name, held) in names.iter().zip(row) {
            if held.as_deref() == Some(b"0") {
                self.pins.locks.remove(name);
            }
        }
        self.pins.follow_names();
    }

    /// @@timestamp stands still when it was set, and runs when not.
    pub(super) fn observe_timestamps(&mut self, first: Option<Row>, second: Option<Row>) {
        let value = |row: Option<Row>| row.and_then(|mut row| row.pop()?);
        match (value(first), value(second)) {
            (Some(first), Some(second)) if first == second => {
                self.state.variables.assign("timestamp", &first, &self.baseline);
            }
            _ => self.state.variables.forget("timestamp"),
        }
    }
}

fn is_condition(row: &Row, error: &ServerError) -> bool {
    let code = error.code.to_string();
    matches!(row.as_slice(), [Some(level), Some(number), _] if level == b"Error" && number == code.as_bytes())
}
