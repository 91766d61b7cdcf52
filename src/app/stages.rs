//! Stages as an operator sees and sets them.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use crate::admin::stages::{SetBy, StageChange, StageRow, Stages};
use crate::app::keep;
use crate::config::model::{Migration, Stage};
use crate::frontend::context::Frontend;
use crate::migration::adoption::{AccountRow, Adoption, Measure};
use crate::migration::ledger::seconds;
use crate::migration::stage::{Policy, is_open, next_opening};
use crate::migration::stages::{By, Setting};
use crate::telemetry::{Family, Gauge, Label as _};

/// Accounts that the configuration or somebody else gives a stage of their own.
pub(super) fn rows(frontend: &Frontend) -> Stages {
    let context = frontend.context.load();
    let policy = &context.stages;
    let set = frontend.stages.settings(policy).into_iter().map(|setting| setting.account);
    let names: BTreeSet<String> = policy.accounts().cloned().chain(set).collect();
    let (windows, now) = (&policy.brownout().windows, SystemTime::now());
    Stages {
        default: policy.default_stage(),
        brownout_open: is_open(windows, now),
        next_brownout: next_opening(windows, now),
        accounts: names.iter().map(|account| row(frontend, policy, account)).collect(),
    }
}

/// How far every account has come that is known in any way.
pub(super) fn adoption(frontend: &Frontend, quiet: Duration) -> Adoption {
    let context = frontend.context.load();
    let set = frontend.stages.settings(&context.stages).into_iter().map(|setting| setting.account);
    let expected: Vec<String> = context.stages.accounts().cloned().chain(set).collect();
    let stage = |account: &str| frontend.stages.in_force(&context.stages, account).0;
    let measure = Measure { stage: &stage, quiet, now: seconds(SystemTime::now()) };
    Adoption::of(frontend.ledger.entries(), expected, &measure)
}

/// Shows in the metrics how many accounts stand where.
pub(super) fn record(adoption: &Adoption, stages: &Family<Stage, Gauge>, ready: &Gauge) {
    let count = |counted: &dyn Fn(&AccountRow) -> bool| {
        u32::try_from(adoption.accounts.iter().filter(|row| counted(row)).count()).unwrap_or(u32::MAX)
    };
    for stage in Stage::ALL {
        stages.set(*stage, f64::from(count(&|row| row.stage == *stage)));
    }
    ready.set(f64::from(count(&|row| row.ready)));
}

/// The stage in force of one account.
pub(super) fn row(frontend: &Frontend, policy: &Policy, account: &str) -> StageRow {
    let (stage, setting) = frontend.stages.in_force(policy, account);
    StageRow {
        account: account.to_owned(),
        stage,
        configured: policy.stage_of(account),
        set_by: setting.as_ref().map_or(SetBy::Configuration, set_by),
        since: setting.map(|setting| setting.at),
        kept: None,
    }
}

fn set_by(setting: &Setting) -> SetBy {
    match setting.by {
        By::Command => SetBy::Command,
        By::StepBack { from, refusals } => SetBy::StepBack { from, refusals },
    }
}

/// Sets a stage, and keeps it where there is a directory for that. It blocks.
pub(super) fn set(frontend: &Frontend, settings: &Migration, change: &StageChange) -> StageRow {
    let context = frontend.context.load();
    frontend.stages.command(&context.stages, &change.account, change.stage, SystemTime::now());
    if let Some(directory) = &settings.state_directory {
        keep::keep_now(frontend, directory);
    }
    let row = row(frontend, &context.stages, &change.account);
    tracing::info!(account = row.account, stage = row.stage.label(), "stage set");
    StageRow { kept: Some(settings.state_directory.is_some()), ..row }
}
