//! What is said of a text once all of it has been seen.

use super::Scan;
use crate::sql::classify::Statement;
use crate::sql::effects::Effects;
use crate::sql::kind::Kind;
use crate::sql::place::Place;
use crate::sql::subject::{self, Subject};

/// With any of these, a text is not to be executed twice.
const NOT_REPEATABLE: Effects = Effects::ONCE
    .union(Effects::ROUTINE)
    .union(Effects::USER_VARIABLE)
    .union(Effects::TAKES_USER_LOCK)
    .union(Effects::RELEASES_USER_LOCK)
    .union(Effects::SEQUENCE)
    .union(Effects::WRITES_INSERT_ID)
    .union(Effects::READS_ROW_COUNT)
    .union(Effects::READS_FOUND_ROWS)
    .union(Effects::READS_DIAGNOSTICS);

impl Scan<'_> {
    pub(super) fn finish(&mut self) -> Statement {
        if self.lexer.is_unclosed() || matches!(self.place, Place::StoredProgram(1..)) {
            self.effects |= Effects::ROUTINE;
        }
        self.effects |= self.of_whole_text();
        Statement {
            effects: self.effects - Effects::ONCE,
            subject: self.subject(),
            ..std::mem::take(&mut self.statement)
        }
    }

    fn of_whole_text(&self) -> Effects {
        let (first, rest) = &self.opened;
        match self.statement.kind {
            Kind::Select | Kind::Show if !self.effects.intersects(NOT_REPEATABLE) => Effects::REPEATABLE_READ,
            Kind::Select | Kind::Do
                if self.effects.contains(Effects::RELEASES_USER_LOCK)
                    && subject::releases_all(*first, rest) =>
            {
                Effects::RELEASES_ALL_USER_LOCKS
            }
            Kind::Set if !self.effects.intersects(NOT_REPEATABLE - Effects::WRITES_INSERT_ID) => {
                let assigned = self.assigned.as_ref().map_or(Effects::NONE, |assigned| assigned.effects);
                if assigned.contains(Effects::LITERAL_SET) { Effects::LITERAL_SET } else { Effects::NONE }
            }
            _ => Effects::NONE,
        }
    }

    fn subject(&mut self) -> Subject {
        if matches!(self.statement.kind, Kind::Several | Kind::Compound) {
            return Subject::Unknown;
        }
        if self.effects.contains(Effects::RELEASES_ALL_USER_LOCKS) {
            return Subject::None;
        }
        let (first, rest) = &self.opened;
        match (Subject::of(*first, rest, self.effects), self.assigned.take()) {
            (Subject::None, Some(assigned)) => assigned.subject,
            (subject, _) => subject,
        }
    }
}
