//! `sealock stage`: shows what is asked of accounts' clients in plaintext, or sets it for one account.

use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use axum::http::StatusCode;
use clap::{Args, ValueEnum};

use crate::admin::stages::{SetBy, StageChange, StageRow, Stages};
use crate::cli::ask::{Whom, WhomError};
use crate::cli::table::{Align, Table};
use crate::config::model::Stage;
use crate::migration::adoption::span;
use crate::migration::ledger::seconds;
use crate::telemetry::Label as _;

const SHOW: &str = "/api/v1/stages";
const SET: &str = "/api/v1/stage";

/// Examples, for `--help`.
pub const EXAMPLES: &str = "\
Examples:
  sealock stage                          what is in force, and why
  sealock stage nova warn                tell of nova's clients in plaintext; nothing fails
  sealock stage nova enforce             refuse them with error 3159
  sealock stage nova configured          as account.tls or migration.stage says

What is set holds until the configuration gives the account another stage than it does now, over restarts where
migration.state_directory is set. The ledger of `sealock adoption` says who is ready.";

/// Arguments of `sealock stage`.
#[derive(Args, Clone, Debug)]
pub struct StageArgs {
    #[command(flatten)]
    whom: Whom,
    /// The account whose stage is set; without it all are shown.
    #[arg(requires = "stage")]
    account: Option<String>,
    /// Its stage from now on.
    #[arg(value_enum)]
    stage: Option<Choice>,
    /// Print what the endpoint answered.
    #[arg(long)]
    json: bool,
}

/// Stages on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Choice {
    /// Count clients in plaintext.
    Observe,
    /// Tell of them in the log, too.
    Warn,
    /// Refuse a share of them in windows that are announced.
    Brownout,
    /// Refuse them.
    Enforce,
    /// As the configuration says.
    Configured,
}

impl Choice {
    fn stage(self) -> Option<Stage> {
        match self {
            Self::Observe => Some(Stage::Observe),
            Self::Warn => Some(Stage::Warn),
            Self::Brownout => Some(Stage::Brownout),
            Self::Enforce => Some(Stage::Enforce),
            Self::Configured => None,
        }
    }
}

/// Why nothing was shown or set.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The proxy did not answer.
    #[error(transparent)]
    Whom(#[from] WhomError),
    /// The change cannot be put into a request.
    #[error("this account name cannot be sent: {0}")]
    Name(#[from] serde_urlencoded::ser::Error),
    /// The output cannot be written.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

impl StageError {
    /// Whether what the operator gave cannot be used.
    pub fn is_unusable(&self) -> bool {
        matches!(self, Self::Whom(error) if error.is_unusable())
    }
}

/// Shows or sets, and writes what is in force then to `out`.
///
/// # Errors
/// See [`StageError`].
pub fn run(args: &StageArgs, out: &mut dyn Write) -> Result<(), StageError> {
    match (&args.account, args.stage) {
        (Some(account), Some(choice)) => {
            let change = StageChange { account: account.clone(), stage: choice.stage() };
            set(args, &change, out)
        }
        _ => show(args, out),
    }
}

fn set(args: &StageArgs, change: &StageChange, out: &mut dyn Write) -> Result<(), StageError> {
    let target = format!("{SET}?{}", serde_urlencoded::to_string(change)?);
    let (address, answer) = args.whom.ask(async |client| client.command(&target).await)?;
    let row: StageRow = answer.understood(&address, SET, &[StatusCode::OK]).map_err(WhomError::from)?;
    if args.json {
        out.write_all(&answer.body)?;
        return Ok(writeln!(out)?);
    }
    let now = seconds(SystemTime::now());
    writeln!(out, "{}: {}, {}", row.account, row.stage.label(), because(&row, now))?;
    if row.kept == Some(false) {
        writeln!(out, "until the proxy ends: it has no migration.state_directory")?;
    }
    Ok(())
}

fn show(args: &StageArgs, out: &mut dyn Write) -> Result<(), StageError> {
    let (address, answer) = args.whom.ask(async |client| client.read(SHOW).await)?;
    let stages: Stages = answer.understood(&address, SHOW, &[StatusCode::OK]).map_err(WhomError::from)?;
    if args.json {
        out.write_all(&answer.body)?;
        return Ok(writeln!(out)?);
    }
    Ok(out.write_all(text(&stages, seconds(SystemTime::now())).as_bytes())?)
}

fn text(stages: &Stages, now: u64) -> String {
    let columns = [("ACCOUNT", Align::Left), ("STAGE", Align::Left), ("BECAUSE", Align::Left)];
    let mut table = Table::new(&columns);
    for row in &stages.accounts {
        table.push([row.account.clone(), row.stage.label().to_owned(), because(row, now)]);
    }
    table.push(["(others)".to_owned(), stages.default.label().to_owned(), "configured".to_owned()]);
    let brownout = match (stages.brownout_open, stages.next_brownout) {
        (true, _) => "brownout: a window is open\n".to_owned(),
        (false, Some(next)) => {
            format!(
                "brownout: the next window opens in {}\n",
                span(Duration::from_secs(next.saturating_sub(now)))
            )
        }
        (false, None) => String::new(),
    };
    format!("{table}{brownout}")
}

fn because(row: &StageRow, now: u64) -> String {
    let ago = row.since.map(|since| format!("{} ago", span(Duration::from_secs(now.saturating_sub(since)))));
    let ago = ago.unwrap_or_default();
    let configured = row.configured.label();
    match row.set_by {
        SetBy::Configuration => "configured".to_owned(),
        SetBy::Command => format!("set {ago}; configured: {configured}"),
        SetBy::StepBack { from, refusals } => {
            let from = from.label();
            format!("stepped back from {from} {ago}, after {refusals} refusals; configured: {configured}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_what_is_in_force_and_why() {
        let row = |account: &str, stage, set_by, since| StageRow {
            account: account.to_owned(),
            stage,
            configured: Stage::Enforce,
            set_by,
            since,
            kept: None,
        };
        let back = SetBy::StepBack { from: Stage::Enforce, refusals: 20 };
        let stages = Stages {
            default: Stage::Observe,
            brownout_open: false,
            next_brownout: Some(1090),
            accounts: vec![
                row("glance", Stage::Enforce, SetBy::Configuration, None),
                row("keystone", Stage::Brownout, SetBy::Command, Some(940)),
                row("nova", Stage::Warn, back, Some(990)),
            ],
        };
        let expected = "\
ACCOUNT   STAGE     BECAUSE
glance    enforce   configured
keystone  brownout  set 1m 0s ago; configured: enforce
nova      warn      stepped back from enforce 10s ago, after 20 refusals; configured: enforce
(others)  observe   configured
brownout: the next window opens in 1m 30s
";
        assert_eq!(text(&stages, 1000), expected);
    }
}
