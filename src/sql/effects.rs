//! What statements do beyond what the server reports, as a set of flags.

use std::fmt;
use std::ops::{BitOr, BitOrAssign, Sub};

/// A set of effects; the flags are its constants.
///
/// Of a text with several statements it is the union, and what cannot be told apart is [`ROUTINE`](Self::ROUTINE).
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Effects(u64);

macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident = $bit:literal,)*) => {
        impl Effects {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*

            const NAMES: &[(&str, Self)] = &[$((stringify!($name), Self::$name)),*];
        }
    };
}

flags! {
    /// Mentions a user variable, `@x`: reads it, sets it, or both.
    USER_VARIABLE = 0,
    /// `GET_LOCK(…)`.
    TAKES_USER_LOCK = 1,
    /// `RELEASE_LOCK(…)` or `RELEASE_ALL_LOCKS()`.
    RELEASES_USER_LOCK = 2,
    /// CREATE TEMPORARY TABLE or SEQUENCE.
    CREATES_TEMPORARY = 3,
    /// DROP TABLE or DROP SEQUENCE, with TEMPORARY or without: either drops a temporary one.
    DROPS_TABLE = 4,
    /// HANDLER … OPEN.
    OPENS_HANDLER = 5,
    /// HANDLER … CLOSE.
    CLOSES_HANDLER = 6,
    /// LOCK TABLES.
    LOCKS_TABLES = 7,
    /// UNLOCK TABLES, which also ends [`READ_LOCK`](Self::READ_LOCK).
    UNLOCKS_TABLES = 8,
    /// FLUSH TABLES … WITH READ LOCK or … FOR EXPORT.
    READ_LOCK = 9,
    /// BACKUP STAGE other than END, and BACKUP LOCK.
    BACKUP = 10,
    /// BACKUP STAGE END and BACKUP UNLOCK.
    ENDS_BACKUP = 11,
    /// PREPARE as an SQL statement.
    PREPARES = 12,
    /// DEALLOCATE PREPARE or DROP PREPARE.
    DEALLOCATES = 13,
    /// Something whose effects cannot be seen in the text: CALL, EXECUTE, compound statements, a call of a function that is
    /// not MariaDB's own, what does not lex and statements that are not known.
    ROUTINE = 14,
    /// NEXTVAL, NEXT VALUE FOR or SETVAL: what LASTVAL answers changes.
    SEQUENCE = 15,
    /// Any XA statement.
    XA = 16,
    /// `LAST_INSERT_ID(…)`, `@@last_insert_id` or `@@identity`.
    READS_INSERT_ID = 17,
    /// May change what `LAST_INSERT_ID()` answers.
    WRITES_INSERT_ID = 18,
    /// `ROW_COUNT()`.
    READS_ROW_COUNT = 19,
    /// `FOUND_ROWS()`.
    READS_FOUND_ROWS = 20,
    /// SQL_CALC_FOUND_ROWS.
    CALCULATES_FOUND_ROWS = 21,
    /// SHOW WARNINGS, SHOW ERRORS, their counts, `@@warning_count`, `@@error_count` or GET DIAGNOSTICS.
    READS_DIAGNOSTICS = 22,
    /// May show the values of `session_track_…` variables, which are the proxy's and not the client's.
    SHOWS_SETTINGS = 23,
    /// Sets a `session_track_…` variable.
    SETS_TRACKING = 24,
    /// SET ROLE.
    SETS_ROLE = 25,
    /// SET TRANSACTION, one-shot or for the session.
    SETS_TRANSACTION = 26,
    /// Sets a global variable.
    SETS_GLOBAL = 27,
    /// The text is one SET of session variables from literals alone, so that the same text has the same effect in the same state.
    LITERAL_SET = 28,
    /// The text is one SELECT or SHOW which may be executed twice, as far as its text tells.
    REPEATABLE_READ = 29,
    /// The text is `SELECT RELEASE_ALL_LOCKS()`, or DO of it, and nothing else: the session has no user lock when it is done.
    RELEASES_ALL_USER_LOCKS = 30,
    /// RENAME TABLE or ALTER TABLE … RENAME: a temporary table may have another name from now on.
    RENAMES_TABLE = 31,
    /// A word SELECT stands in it behind its first word.
    SELECTS = 32,
    /// A SELECT after which FOUND_ROWS() may be another number than that of the rows sent.
    COUNTS_OTHERWISE = 33,
    /// Sets a variable as `@@name`, without a scope: the server does not report that (10.11).
    SETS_UNREPORTED = 34,
    /// COMMIT or ROLLBACK with RELEASE: the server ends the session.
    ENDS_SESSION = 35,
    /// COMMIT or ROLLBACK without a word about RELEASE: `completion_type` decides.
    MAY_END_SESSION = 36,
    /// SET STATEMENT: what it sets has its former value again when the statement is done.
    SETS_BACK = 37,
    /// SAVEPOINT or RELEASE SAVEPOINT.
    SAVES = 38,
}

impl Effects {
    /// Something that makes no difference to what the session or its connection is, but must not be executed twice. Only
    /// seen while a text is classified: it keeps the text from being [`REPEATABLE_READ`](Self::REPEATABLE_READ).
    pub(super) const ONCE: Self = Self(1 << 63);

    /// No effects.
    pub const NONE: Self = Self(0);

    /// Whether every effect of `other` is among these.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any effect of `other` is among these.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// These and those of `other`.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Effects {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl BitOrAssign for Effects {
    fn bitor_assign(&mut self, other: Self) {
        *self = self.union(other);
    }
}

impl Sub for Effects {
    type Output = Self;

    /// These without those of `other`.
    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl fmt::Debug for Effects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Self::NAMES.iter().filter(|(_, flag)| self.contains(*flag)).map(|(name, _)| name);
        f.debug_set().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_is_a_bit_of_its_own() {
        let union = Effects::NAMES.iter().fold(Effects::NONE, |union, (_, flag)| union | *flag);
        assert_eq!(union.0.count_ones() as usize, Effects::NAMES.len());
    }

    #[test]
    fn sets_are_compared_as_sets() {
        let both = Effects::XA | Effects::ROUTINE;
        assert!(both.contains(Effects::XA) && both.contains(both) && both.contains(Effects::NONE));
        assert!(!Effects::XA.contains(both) && Effects::XA.intersects(both));
        assert!(!both.intersects(Effects::SEQUENCE) && !both.intersects(Effects::NONE));
        assert_eq!(both - Effects::XA, Effects::ROUTINE);
        assert_eq!(format!("{both:?}"), r#"{"ROUTINE", "XA"}"#);
    }
}
