//! What the configuration asks of clients in plaintext: the stage of each account, and whom *brownout* refuses when.
//!
//! A [`Policy`] is part of a generation and never changes. Which stage is in force at run time, after commands and steps
//! back, is in [`crate::migration::stages`].

use std::collections::HashMap;
use std::time::SystemTime;

use crate::config::model::{Account, Brownout, DailyWindow, Migration, Stage, StepBack};
use crate::migration::ledger::seconds;

crate::label!(Stage {
    Observe => "observe",
    Warn => "warn",
    Brownout => "brownout",
    Enforce => "enforce",
});

/// What `migration.brownout_share` is a share of.
const HUNDRED: u32 = 100;

const DAY: u64 = 86_400;

/// The stages of a configuration.
#[derive(Clone, Debug)]
pub struct Policy {
    default: Stage,
    accounts: HashMap<String, Stage>,
    brownout: Brownout,
    step_back: StepBack,
}

impl Policy {
    /// What a configuration says.
    pub fn new(migration: &Migration, accounts: &[Account]) -> Self {
        let named = |account: &Account| (account.user.clone(), account.tls.unwrap_or(migration.stage));
        Self {
            default: migration.stage,
            accounts: accounts.iter().map(named).collect(),
            brownout: migration.brownout.clone(),
            step_back: migration.step_back.clone(),
        }
    }

    /// The stage that it gives an account.
    pub fn stage_of(&self, account: &str) -> Stage {
        self.accounts.get(account).copied().unwrap_or(self.default)
    }

    /// The stage of accounts that it does not name.
    pub fn default_stage(&self) -> Stage {
        self.default
    }

    /// Accounts that it names.
    pub fn accounts(&self) -> impl Iterator<Item = &String> {
        self.accounts.keys()
    }

    /// Of stage *brownout*.
    pub fn brownout(&self) -> &Brownout {
        &self.brownout
    }

    /// Of stages that refuse.
    pub fn step_back(&self) -> &StepBack {
        &self.step_back
    }
}

/// Whether one of these windows is open.
pub fn is_open(windows: &[DailyWindow], now: SystemTime) -> bool {
    let minute = seconds(now) % DAY / 60;
    windows.iter().any(|window| {
        let (from, until) = (u64::from(window.from), u64::from(window.until));
        if from < until { (from..until).contains(&minute) } else { minute >= from || minute < until }
    })
}

/// When the next window opens, as a Unix timestamp; none without windows.
pub fn next_opening(windows: &[DailyWindow], now: SystemTime) -> Option<u64> {
    let now = seconds(now);
    let today = now - now % DAY;
    let opening = |window: &DailyWindow| {
        let at = today + u64::from(window.from) * 60;
        if at > now { at } else { at + DAY }
    };
    windows.iter().map(opening).min()
}

/// Whether an account's login of that number, counted from 0, is among those that a brownout refuses: `share` of each
/// hundred, drawn by the seed, and spread over it: 20 are one of each five.
pub fn is_drawn(brownout: &Brownout, account: &str, number: u64) -> bool {
    let parts = greatest_common_divisor(brownout.share, HUNDRED);
    let (length, quota) = (u64::from(HUNDRED / parts), brownout.share / parts);
    let block = number / length;
    let lot = |place: u64| {
        let name =
            account.bytes().fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME));
        let seeded = mixed(name ^ u64::from(brownout.seed));
        (mixed(seeded ^ mixed(block).wrapping_add(place)), place)
    };
    let own = lot(number % length);
    let before = (0..length).filter(|place| lot(*place) < own).count();
    u32::try_from(before).is_ok_and(|before| before < quota)
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// Fowler–Noll–Vo, 64 bits.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// The finisher of `SplitMix64` (Steele, Lea, Flood 2014): the same everywhere and in every version, as a seed is to mean.
fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::migration::ledger::tests::at;

    pub(crate) fn policy(default: Stage, named: &[(&str, Stage)]) -> Policy {
        let brownout = Brownout { share: 30, windows: vec![DailyWindow { from: 60, until: 120 }], seed: 7 };
        let step_back = StepBack { refusals: 3, period: Duration::from_secs(60) };
        let accounts = named.iter().map(|(name, stage)| ((*name).to_owned(), *stage)).collect();
        Policy { default, accounts, brownout, step_back }
    }

    pub(crate) fn bearing_everything(policy: Policy) -> Policy {
        Policy { step_back: StepBack { refusals: 0, ..policy.step_back }, ..policy }
    }

    #[test]
    fn an_account_without_a_stage_of_its_own_has_the_default() {
        let policy = policy(Stage::Warn, &[("nova", Stage::Enforce)]);
        assert_eq!((policy.stage_of("nova"), policy.stage_of("glance")), (Stage::Enforce, Stage::Warn));
    }

    #[test]
    fn windows_open_each_day_and_go_over_midnight() {
        let windows = [DailyWindow { from: 570, until: 600 }, DailyWindow { from: 1425, until: 15 }];
        for (minute, open) in [
            (0, true),
            (14, true),
            (15, false),
            (569, false),
            (570, true),
            (599, true),
            (600, false),
            (1425, true),
        ] {
            assert_eq!(is_open(&windows, at(5 * DAY + minute * 60)), open, "{minute}");
        }
        assert!(!is_open(&[], at(0)));
        assert_eq!(next_opening(&windows, at(DAY)), Some(DAY + 570 * 60));
        assert_eq!(next_opening(&windows, at(DAY + 1430 * 60)), Some(2 * DAY + 570 * 60));
    }

    #[test]
    fn a_brownout_draws_exactly_its_share_of_each_hundred_and_the_same_again() {
        for share in [1, 10, 37, 100] {
            let brownout = Brownout { share, windows: Vec::new(), seed: 42 };
            for block in 0..20 {
                let drawn =
                    (block * 100..block * 100 + 100).filter(|n| is_drawn(&brownout, "nova", *n)).count();
                assert_eq!(drawn, share as usize);
            }
            let first = (0..100).position(|number| is_drawn(&brownout, "nova", number)).unwrap();
            assert!(share == 1 || share == 37 || first < 10, "spread over the hundred: {first}");
        }
        let drawn = |seed, account: &str| -> Vec<u64> {
            let brownout = Brownout { share: 10, windows: Vec::new(), seed };
            (0..300).filter(|number| is_drawn(&brownout, account, *number)).collect()
        };
        assert_eq!(drawn(1, "nova"), drawn(1, "nova"));
        assert_ne!(drawn(1, "nova"), drawn(2, "nova"));
        assert_ne!(drawn(1, "nova"), drawn(1, "glance"));
        let places = |block: u64| -> Vec<u64> {
            let all = drawn(1, "nova").into_iter();
            all.filter(|number| number / 100 == block).map(|number| number % 100).collect()
        };
        assert_ne!(places(0), places(1), "a client that comes every hundredth time is not always met");
    }
}
