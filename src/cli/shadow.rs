//! `sealock shadow`: what the candidate in `[listener.shadow]` would have broken.

use std::io::{self, Write};

use axum::http::StatusCode;
use clap::Args;

use crate::cli::ask::{Whom, WhomError};
use crate::cli::table::{Align, Table};
use crate::migration::shadow::Report;

const TARGET: &str = "/api/v1/shadow";

/// Arguments of `sealock shadow`.
#[derive(Args, Clone, Debug)]
pub struct ShadowArgs {
    #[command(flatten)]
    whom: Whom,
    /// Print what the endpoint answered.
    #[arg(long)]
    json: bool,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ShadowError {
    /// The proxy did not answer.
    #[error(transparent)]
    Whom(#[from] WhomError),
    /// The output cannot be written.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

impl ShadowError {
    /// Whether what the operator gave cannot be used.
    pub fn is_unusable(&self) -> bool {
        matches!(self, Self::Whom(error) if error.is_unusable())
    }
}

/// Asks and writes the report to `out`.
///
/// # Errors
/// See [`ShadowError`].
pub fn run(args: &ShadowArgs, out: &mut dyn Write) -> Result<(), ShadowError> {
    let (address, answer) = args.whom.ask(async |client| client.read(TARGET).await)?;
    let report: Report = answer.understood(&address, TARGET, &[StatusCode::OK]).map_err(WhomError::from)?;
    if args.json {
        out.write_all(&answer.body)?;
        return Ok(writeln!(out)?);
    }
    Ok(out.write_all(text(&report).as_bytes())?)
}

fn text(report: &Report) -> String {
    let Some(since) = report.since_generation else {
        return "nothing is tried: no listener has a [listener.shadow]\n".to_owned();
    };
    let mut accounts =
        Table::new(&[("ACCOUNT", Align::Left), ("LOGINS", Align::Right), ("WOULD FAIL", Align::Right)]);
    let mut causes = Table::new(&[
        ("ACCOUNT", Align::Left),
        ("CAUSE", Align::Left),
        ("LOGINS", Align::Right),
        ("LAST FROM", Align::Left),
        ("PROGRAM", Align::Left),
        ("WHAT TO DO", Align::Left),
    ]);
    for row in &report.accounts {
        accounts.push([row.account.clone(), row.logins.to_string(), row.broken.to_string()]);
        for cause in &row.causes {
            let program = if cause.program.is_empty() { "-" } else { &cause.program }.to_owned();
            let (logins, network) = (cause.logins.to_string(), cause.network.clone());
            causes.push([
                row.account.clone(),
                cause.cause.clone(),
                logins,
                network,
                program,
                cause.remedy.clone(),
            ]);
        }
    }
    let broken = report.accounts.iter().any(|row| row.broken > 0);
    let causes = if broken { format!("\n{causes}") } else { String::new() };
    format!("tried since generation {since}\n{accounts}{causes}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::explain::Cause;
    use crate::migration::ledger::tests::{sighting, tls};
    use crate::migration::shadow::Shadows;

    #[test]
    fn people_see_whom_a_candidate_would_break_and_why() {
        let shadows = Shadows::default();
        shadows.record(2, &sighting("nova", "api", tls()).client, &[Cause::NoCommonVersion]);
        shadows.record(2, &sighting("glance", "", tls()).client, &[]);
        let expected = "\
tried since generation 2
ACCOUNT  LOGINS  WOULD FAIL
glance        1           0
nova          1           1

ACCOUNT  CAUSE              LOGINS  LAST FROM    PROGRAM  WHAT TO DO
nova     no_common_version       1  10.0.0.0/24  api      Update the client's TLS library to one that speaks `listener.tls.min_version`, or lower that.
";
        assert_eq!(text(&shadows.report(Some(2))), expected);
        assert!(text(&shadows.report(None)).starts_with("nothing is tried"));
    }
}
