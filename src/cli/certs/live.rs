//! `sealock certs inspect --live`: what a running proxy shows and trusts, beside what is on disk.

use std::io::{self, Write};
use std::path::Path;

use anyhow::bail;
use axum::http::StatusCode;

use crate::admin::certificates::{Certificates, IdentityRow, Usage};
use crate::cli::ask::{AskError, Whom};
use crate::cli::certs::inspect::print_entries;
use crate::tls::inspect::{Role, inspect};

const TARGET: &str = "/api/v1/certificates";

/// How a file compares with what is in use.
#[derive(Debug, PartialEq, Eq)]
enum OnDisk {
    Same,
    /// Nothing to compare with: made at start.
    NoFile,
    /// Other certificates, good ones: a reload would take them.
    Other(Vec<String>),
    /// What a reload would refuse.
    Refused(Vec<String>),
}

/// Asks the proxy and writes the comparison to `out`.
///
/// # Errors
/// The proxy cannot be asked; something on disk differs, so that scripts see it in the exit code.
pub(super) fn run(whom: &Whom, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let (address, answer) = whom.ask(async |client| client.read(TARGET).await)?;
    let live: Certificates =
        answer.understood(&address, TARGET, &[StatusCode::OK]).map_err(|error: AskError| error)?;
    let compared: Vec<(&IdentityRow, OnDisk)> =
        live.identities.iter().map(|row| (row, compare(row))).collect();
    if json {
        out.write_all(&answer.body)?;
        writeln!(out)?;
    } else {
        writeln!(out, "{address}: generation {}", live.generation)?;
        compared.iter().try_for_each(|(row, disk)| print(row, disk, out))?;
    }
    let differs = |disk: &OnDisk| matches!(disk, OnDisk::Other(_) | OnDisk::Refused(_));
    match compared.iter().filter(|(_, disk)| differs(disk)).count() {
        0 => Ok(()),
        1 => bail!("1 file differs from what is in use"),
        count => bail!("{count} files differ from what is in use"),
    }
}

/// Revocation lists are shown and not compared.
fn compare(row: &IdentityRow) -> OnDisk {
    let Some(file) = &row.file else { return OnDisk::NoFile };
    let role = match row.usage {
        Usage::Server => Role::Server,
        Usage::Client => Role::Client,
        Usage::ClientCa | Usage::ServerCa => Role::Ca,
    };
    let report = inspect(Path::new(file), None, Some(role));
    let print_of = |entries: &[crate::tls::inspect::Entry]| -> Vec<String> {
        entries.iter().map(|entry| entry.sha256.clone()).collect()
    };
    if print_of(&report.certificates) == print_of(&row.certificates) && !report.certificates.is_empty() {
        OnDisk::Same
    } else if report.problems.is_empty() {
        let shown = |entry: &crate::tls::inspect::Entry| {
            format!("{} until {} ({})", entry.subject, entry.not_after, entry.sha256)
        };
        OnDisk::Other(report.certificates.iter().map(shown).collect())
    } else {
        OnDisk::Refused(report.problems)
    }
}

fn print(row: &IdentityRow, disk: &OnDisk, out: &mut dyn Write) -> io::Result<()> {
    let usage = match row.usage {
        Usage::Server => "shown to clients",
        Usage::Client => "shown to the backend",
        Usage::ClientCa => "trusted to issue client certificates",
        Usage::ServerCa => "trusted to issue the backend's certificate",
    };
    writeln!(
        out,
        "\n{}: {usage}, from {}",
        row.identity,
        row.file.as_deref().unwrap_or("no file: made at start")
    )?;
    print_entries(&row.certificates, out)?;
    for list in &row.revocation_lists {
        let next = list.next_update.as_deref().unwrap_or("nobody knows when");
        let (file, issuer, revoked) = (&list.file, &list.issuer, list.revoked);
        writeln!(out, "\n   revoked  {revoked} of {issuer}, until {next}, from {file}")?;
    }
    match disk {
        OnDisk::Same => writeln!(out, "\n   on disk  the same"),
        OnDisk::NoFile => writeln!(out, "\n   on disk  nothing to compare with"),
        OnDisk::Other(entries) => {
            writeln!(out, "\n   on disk  others, which a reload would take:")?;
            entries.iter().try_for_each(|entry| writeln!(out, "            {entry}"))
        }
        OnDisk::Refused(problems) => {
            writeln!(out, "\n   on disk  what a reload would refuse:")?;
            problems.iter().try_for_each(|problem| writeln!(out, "            {problem}"))
        }
    }
}
