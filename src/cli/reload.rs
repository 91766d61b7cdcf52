//! `sealock reload`: makes a running proxy read configuration and certificates again, waits, and says what became of it.

use std::io::{self, Write};

use axum::http::StatusCode;
use clap::Args;

use crate::admin::reloads::{Outcome, ReloadRow};
use crate::cli::ask::{Whom, WhomError};

const TARGET: &str = "/api/v1/reload";

/// Examples, for `--help`.
pub const EXAMPLES: &str = "\
Examples:
  sealock check -c sealock.toml && sealock reload -c sealock.toml
  sealock reload --admin unix:/run/sealock/admin.sock --json

Exit code 0: applied. 1: refused, with everything left as it was, or the proxy cannot be asked; standard error says why.
2: the command line or the file cannot be used.";

/// Arguments of `sealock reload`.
#[derive(Args, Clone, Debug)]
pub struct ReloadArgs {
    #[command(flatten)]
    whom: Whom,
    /// Print what the endpoint answered, applied or refused, as one JSON object.
    #[arg(long)]
    json: bool,
}

/// Why there is nothing to show for it.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The proxy did not answer.
    #[error(transparent)]
    Whom(#[from] WhomError),
    /// It refused; each reason is a line.
    #[error("{}\nreload refused; generation {} stays in force", .0.problems.join("\n"), .0.generation)]
    Refused(Box<ReloadRow>),
    /// The output cannot be written.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

impl ReloadError {
    /// Whether what the operator gave cannot be used.
    pub fn is_unusable(&self) -> bool {
        matches!(self, Self::Whom(error) if error.is_unusable())
    }
}

/// Asks for it and writes what was applied to `out`.
///
/// # Errors
/// See [`ReloadError`].
pub fn run(args: &ReloadArgs, out: &mut dyn Write) -> Result<(), ReloadError> {
    let (address, answer) = args.whom.ask(async |client| client.command(TARGET).await)?;
    let statuses = [StatusCode::OK, StatusCode::UNPROCESSABLE_ENTITY];
    let row: ReloadRow = answer.understood(&address, TARGET, &statuses).map_err(WhomError::from)?;
    if args.json {
        out.write_all(&answer.body)?;
        writeln!(out)?;
    } else if row.outcome == Outcome::Applied {
        print(&row, out)?;
    }
    match row.outcome {
        Outcome::Applied => Ok(()),
        Outcome::Refused => Err(ReloadError::Refused(Box::new(row))),
    }
}

fn print(row: &ReloadRow, out: &mut dyn Write) -> io::Result<()> {
    for file in &row.changed {
        writeln!(out, "changed: {file}")?;
    }
    for warning in &row.warnings {
        writeln!(out, "warning: {warning}")?;
    }
    writeln!(out, "generation {} is in force ({:.3} s)", row.generation, row.seconds)
}
