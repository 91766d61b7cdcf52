//! `[migration]`: what is kept of who connects how, and what is asked of those in plaintext.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::key::{Key, KeyDoc};
use crate::config::model::{Brownout, DailyWindow, Migration, Stage, StepBack};
use crate::config::section::{Section, assemble};
use crate::config::value::{Node, POSITIVE, Value, is_positive};

const STATE_DIRECTORY: Key<Directory> = Key::optional(
    "migration.state_directory",
    "nothing outlives the process",
    "Directory in which the ledger of who connects how is kept over restarts. It must be there, and the proxy's user must be allowed to write in it.",
);

const MAX_ENTRIES: Key<u32> = Key::with_default(
    "migration.max_entries",
    "10000",
    "Entries of the ledger: accounts times networks times programs times listeners. Past that, what is new counts in one bucket for its account.",
)
.accepting("whole number from 1 to 1000000", |count| (1..=1_000_000).contains(count));

const QUIET_PERIOD: Key<Duration> = Key::with_default(
    "migration.quiet_period",
    "\"7d\"",
    "How long an account must have been seen with nothing but TLS to be called ready for TLS to be enforced.",
);

const STAGE: Key<Stage> = Key::with_default(
    "migration.stage",
    "\"observe\"",
    "What is asked of clients in plaintext whose account does not say it itself. `sealock stage` sets it for an account at run time.",
);

const BROWNOUT_SHARE: Key<u32> = Key::with_default(
    "migration.brownout_share",
    "10",
    "Percent of an account's logins in plaintext that stage `brownout` refuses while a window is open: exactly so many of each hundred.",
)
.accepting("whole number from 1 to 100", |share| (1..=100).contains(share));

const BROWNOUT_WINDOWS: Key<Vec<DailyWindow>> = Key::with_default(
    "migration.brownout_windows",
    "[]",
    "When, each day, in UTC. Without any, stage `brownout` refuses nobody.",
);

const BROWNOUT_SEED: Key<u32> = Key::with_default(
    "migration.brownout_seed",
    "0",
    "Decides which of each hundred are refused; with the same seed it is the same ones again.",
);

const STEP_BACK_REFUSALS: Key<u32> = Key::with_default(
    "migration.step_back_refusals",
    "20",
    "Refusals of one account within `evaluation_period` that `brownout` and `enforce` bear. Instead of the next, the account goes back to `warn` until somebody sets its stage again; 0 never goes back.",
)
.accepting("whole number from 0 to 100000", |count| (0..=100_000).contains(count));

const EVALUATION_PERIOD: Key<Duration> =
    Key::with_default("migration.evaluation_period", "\"5m\"", "See `step_back_refusals`.")
        .accepting(POSITIVE, is_positive);

pub(super) const KEYS: &[KeyDoc] = &[
    STATE_DIRECTORY.doc(),
    MAX_ENTRIES.doc(),
    QUIET_PERIOD.doc(),
    STAGE.doc(),
    BROWNOUT_SHARE.doc(),
    BROWNOUT_WINDOWS.doc(),
    BROWNOUT_SEED.doc(),
    STEP_BACK_REFUSALS.doc(),
    EVALUATION_PERIOD.doc(),
];

pub(super) fn read(section: &Section<'_>) -> Option<Migration> {
    assemble!(Migration {
        state_directory: section.optional(&STATE_DIRECTORY).map(|directory| directory.map(|it| it.0)),
        max_entries: section.value(&MAX_ENTRIES),
        quiet_period: section.value(&QUIET_PERIOD),
        stage: section.value(&STAGE),
        brownout: read_brownout(section),
        step_back: read_step_back(section),
    })
}

fn read_brownout(section: &Section<'_>) -> Option<Brownout> {
    assemble!(Brownout {
        share: section.value(&BROWNOUT_SHARE),
        windows: section.value(&BROWNOUT_WINDOWS),
        seed: section.value(&BROWNOUT_SEED),
    })
}

fn read_step_back(section: &Section<'_>) -> Option<StepBack> {
    assemble!(StepBack {
        refusals: section.value(&STEP_BACK_REFUSALS),
        period: section.value(&EVALUATION_PERIOD),
    })
}

impl Value for DailyWindow {
    const FORM: &'static str = "part of a day in UTC such as \"09:30-10:00\" or \"23:45-00:15\"";
    const LIST: &'static str = "list of parts of a day in UTC, such as [\"09:30-10:00\", \"23:45-00:15\"]";

    fn read(node: &Node<'_>) -> Option<Self> {
        let text = node.text::<Self>()?;
        parse_window(text).or_else(|| node.refuse(format!("{text:?}")))
    }
}

fn parse_window(text: &str) -> Option<DailyWindow> {
    let (from, until) = text.split_once('-')?;
    let (from, until) = (parse_minute(from)?, parse_minute(until)?);
    (from < 1440 && from != until).then_some(DailyWindow { from, until })
}

/// A time of the day as the minute since its beginning; 24:00 is its end.
fn parse_minute(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let two = |digits: &str| {
        let plain = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit());
        plain.then(|| digits.parse::<u32>().ok()).flatten()
    };
    let (hour, minute) = (two(hour)?, two(minute)?);
    (minute < 60 && hour * 60 + minute <= 1440).then_some(hour * 60 + minute)
}

/// A directory that is there.
struct Directory(PathBuf);

impl Value for Directory {
    const FORM: &'static str = "path of a directory";

    fn read(node: &Node<'_>) -> Option<Self> {
        let path = node.document().resolve(node.text::<Self>()?);
        if path.is_dir() {
            Some(Self(path))
        } else {
            node.refuse(format!("{}, which is no directory", path.display()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_a_part_of_a_day_and_may_go_over_midnight() {
        let window = |from, until| Some(DailyWindow { from, until });
        assert_eq!(parse_window("09:30-10:00"), window(570, 600));
        assert_eq!(parse_window("00:00-24:00"), window(0, 1440));
        assert_eq!(parse_window("23:45-00:15"), window(1425, 15));
        for wrong in [
            "",
            "09:30",
            "9:30-10:00",
            "09:30-09:30",
            "24:00-01:00",
            "09:60-10:00",
            "23:00-24:01",
            "+9:30-10:00",
        ] {
            assert_eq!(parse_window(wrong), None, "{wrong}");
        }
    }
}
