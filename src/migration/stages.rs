//! The stage in force of each account: as configured, unless a command or a step back came later.
//!
//! The last word counts. A command holds until the configuration gives the account another stage than it gave it then; so does a
//! step back. Only logins that proved who they are come by: nobody can make an account step back who does not know its
//! password. One lock, taken once a login in plaintext.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::config::model::Stage;
use crate::migration::ledger::seconds;
use crate::migration::stage::{Policy, is_drawn, is_open};

/// A stage that was set at run time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Whose.
    pub account: String,
    /// The stage.
    pub stage: Stage,
    /// The configured one at that time; the setting holds as long as it is the same.
    pub over: Stage,
    /// When, as a Unix timestamp.
    pub at: u64,
    /// Why.
    pub by: By,
}

/// Who set a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// An operator.
    Command,
    /// The proxy itself, after so many refusals.
    StepBack {
        /// The stage that refused.
        from: Stage,
        /// How many were refused within the period.
        refusals: u32,
    },
}

/// What becomes of a login in plaintext.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The stage in force, after what this login brought about.
    pub stage: Stage,
    /// Whether it is let in.
    pub verdict: Verdict,
    /// What it brought about.
    pub stepped_back: Option<Setting>,
}

/// Whether a login is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Admitted,
    /// It is not, and hears 3159.
    Refused,
}

/// The stages in force.
pub struct Stages(Mutex<State>);

#[derive(Default)]
struct State {
    settings: BTreeMap<String, Setting>,
    counts: HashMap<String, Count>,
    changed: bool,
}

/// Of an account whose stage refuses.
#[derive(Default)]
struct Count {
    /// Logins that a brownout has looked at.
    drawn: u64,
    /// Refusals of the last period, the oldest first.
    refused: VecDeque<SystemTime>,
}

impl Stages {
    /// With what was set before.
    pub fn new(known: Vec<Setting>) -> Self {
        let settings = known.into_iter().map(|setting| (setting.account.clone(), setting)).collect();
        Self(Mutex::new(State { settings, ..State::default() }))
    }

    /// Judges a login in plaintext over a network; the account has proved itself.
    pub fn judge(&self, policy: &Policy, account: &str, now: SystemTime) -> Judgement {
        let mut state = self.lock();
        let stage = state.in_force(policy, account);
        if !state.would_refuse(policy, account, stage, now) {
            return Judgement { stage, verdict: Verdict::Admitted, stepped_back: None };
        }
        let count = state.counts.entry(account.to_owned()).or_default();
        if count.bears(policy, now) {
            return Judgement { stage, verdict: Verdict::Refused, stepped_back: None };
        }
        let by = By::StepBack { from: stage, refusals: policy.step_back().refusals };
        let setting = state.set(policy, account, Stage::Warn, by, now);
        Judgement { stage: Stage::Warn, verdict: Verdict::Admitted, stepped_back: Some(setting) }
    }

    /// Sets an account's stage; none: as configured again.
    pub fn command(&self, policy: &Policy, account: &str, stage: Option<Stage>, now: SystemTime) {
        let mut state = self.lock();
        match stage {
            Some(stage) => drop(state.set(policy, account, stage, By::Command, now)),
            None => {
                state.changed |= state.settings.remove(account).is_some();
                state.counts.remove(account);
            }
        }
    }

    /// The stage in force of an account, and what set it where that was not the configuration.
    pub fn in_force(&self, policy: &Policy, account: &str) -> (Stage, Option<Setting>) {
        let state = self.lock();
        let setting = state.setting(policy, account).cloned();
        (state.in_force(policy, account), setting)
    }

    /// Everything that holds although the configuration says otherwise.
    pub fn settings(&self, policy: &Policy) -> Vec<Setting> {
        let state = self.lock();
        state.settings.keys().filter_map(|account| state.setting(policy, account)).cloned().collect()
    }

    /// All settings, for keeping, if any was changed since the last time that this was asked.
    pub fn changed_settings(&self) -> Option<Vec<Setting>> {
        let mut state = self.lock();
        let changed = std::mem::take(&mut state.changed);
        changed.then(|| state.settings.values().cloned().collect())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn setting(&self, policy: &Policy, account: &str) -> Option<&Setting> {
        self.settings.get(account).filter(|setting| setting.over == policy.stage_of(account))
    }

    fn in_force(&self, policy: &Policy, account: &str) -> Stage {
        self.setting(policy, account).map_or_else(|| policy.stage_of(account), |setting| setting.stage)
    }

    fn would_refuse(&mut self, policy: &Policy, account: &str, stage: Stage, now: SystemTime) -> bool {
        match stage {
            Stage::Observe | Stage::Warn => false,
            Stage::Enforce => true,
            Stage::Brownout if !is_open(&policy.brownout().windows, now) => false,
            Stage::Brownout => {
                let count = self.counts.entry(account.to_owned()).or_default();
                let number = count.drawn;
                count.drawn += 1;
                is_drawn(policy.brownout(), account, number)
            }
        }
    }

    fn set(&mut self, policy: &Policy, account: &str, stage: Stage, by: By, now: SystemTime) -> Setting {
        let over = policy.stage_of(account);
        let setting = Setting { account: account.to_owned(), stage, over, at: seconds(now), by };
        self.settings.insert(account.to_owned(), setting.clone());
        self.counts.remove(account);
        self.changed = true;
        setting
    }
}

impl Count {
    /// Whether one more refusal is borne; then it counts.
    fn bears(&mut self, policy: &Policy, now: SystemTime) -> bool {
        let limit = policy.step_back();
        if limit.refusals == 0 {
            return true;
        }
        let recent = |refused: &SystemTime| now.duration_since(*refused).is_ok_and(|age| age < limit.period);
        while self.refused.front().is_some_and(|refused| !recent(refused)) {
            self.refused.pop_front();
        }
        let borne = u32::try_from(self.refused.len()).is_ok_and(|refused| refused < limit.refusals);
        if borne {
            self.refused.push_back(now);
        }
        borne
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::ledger::tests::at;
    use crate::migration::stage::tests::policy;

    const NOON: u64 = 12 * 3600;

    fn refused(stages: &Stages, policy: &Policy, from: u64, times: u64) -> u64 {
        let refused = |second| stages.judge(policy, "nova", at(second)).verdict == Verdict::Refused;
        (from..from + times).filter(|second| refused(*second)).count() as u64
    }

    #[test]
    fn observe_and_warn_refuse_nobody() {
        for stage in [Stage::Observe, Stage::Warn] {
            let stages = Stages::new(Vec::new());
            assert_eq!(refused(&stages, &policy(stage, &[]), 3600, 500), 0);
        }
    }

    #[test]
    fn enforce_refuses_as_many_as_are_borne_and_steps_back_instead_of_the_next() {
        let (stages, policy) = (Stages::new(Vec::new()), policy(Stage::Enforce, &[]));
        assert_eq!(refused(&stages, &policy, NOON, 3), 3);
        let judged = stages.judge(&policy, "nova", at(NOON + 59));
        assert_eq!((judged.stage, judged.verdict), (Stage::Warn, Verdict::Admitted));
        let setting = judged.stepped_back.unwrap();
        assert_eq!(setting.by, By::StepBack { from: Stage::Enforce, refusals: 3 });
        assert_eq!(refused(&stages, &policy, NOON + 60, 1000), 0, "until it is set again");
        assert_eq!(stages.in_force(&policy, "nova"), (Stage::Warn, Some(setting)));
        assert_eq!(stages.in_force(&policy, "glance").0, Stage::Enforce, "nobody else");
    }

    #[test]
    fn refusals_that_come_slowly_are_borne_for_ever() {
        let (stages, policy) = (Stages::new(Vec::new()), policy(Stage::Enforce, &[]));
        for n in 0..100 {
            assert_eq!(stages.judge(&policy, "nova", at(NOON + 20 * n)).verdict, Verdict::Refused, "{n}");
        }
    }

    #[test]
    fn a_brownout_refuses_its_share_while_a_window_is_open() {
        let mut policy = policy(Stage::Brownout, &[]);
        let stages = Stages::new(Vec::new());
        assert_eq!(refused(&stages, &policy, 0, 100), 0, "closed");
        policy = crate::migration::stage::tests::bearing_everything(policy);
        assert_eq!(refused(&stages, &policy, 3600, 100), 30);
        assert_eq!(refused(&stages, &policy, 3700, 100), 30);
    }

    #[test]
    fn the_last_word_counts_command_or_configuration() {
        let stages = Stages::new(Vec::new());
        let enforcing = policy(Stage::Observe, &[("nova", Stage::Enforce)]);
        stages.command(&enforcing, "nova", Some(Stage::Warn), at(1));
        assert_eq!(stages.in_force(&enforcing, "nova").0, Stage::Warn);
        let observing = policy(Stage::Observe, &[]);
        assert_eq!(stages.in_force(&observing, "nova"), (Stage::Observe, None), "the file came later");
        stages.command(&observing, "nova", Some(Stage::Enforce), at(2));
        assert_eq!(stages.in_force(&observing, "nova").0, Stage::Enforce);
        stages.command(&observing, "nova", None, at(3));
        assert_eq!(stages.in_force(&observing, "nova"), (Stage::Observe, None));
    }

    #[test]
    fn what_was_set_is_given_out_for_keeping_and_taken_up_again() {
        let (stages, policy) = (Stages::new(Vec::new()), policy(Stage::Observe, &[]));
        assert!(stages.changed_settings().is_none());
        stages.command(&policy, "nova", Some(Stage::Enforce), at(1));
        let kept = stages.changed_settings().unwrap();
        assert!(stages.changed_settings().is_none());
        let text = serde_json::to_string(&kept).unwrap();
        let again = Stages::new(serde_json::from_str(&text).unwrap());
        assert_eq!(again.in_force(&policy, "nova"), stages.in_force(&policy, "nova"));
        assert_eq!(refused(&again, &policy, NOON, 2), 2);
    }
}
