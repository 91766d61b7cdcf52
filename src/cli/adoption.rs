//! `sealock adoption`: how far each account has come on its way to TLS, and who is left in plaintext.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use axum::http::StatusCode;
use clap::{Args, ValueEnum};

use crate::cli::ask::{Whom, WhomError};
use crate::cli::table::{Align, Table, printable};
use crate::migration::adoption::{AccountRow, Adoption, span};
use crate::migration::ledger::{Entry, seconds};
use crate::telemetry::Label as _;

const TARGET: &str = "/api/v1/adoption";

/// Examples, for `--help`.
pub const EXAMPLES: &str = "\
Examples:
  sealock adoption -c sealock.toml                 a table for people
  sealock adoption --format markdown > report.md
  sealock adoption --format csv                    one line for each account, network, program and listener
  sealock adoption --format json | jq '.accounts[] | select(.ready)'";

/// Arguments of `sealock adoption`.
#[derive(Args, Clone, Debug)]
pub struct AdoptionArgs {
    #[command(flatten)]
    whom: Whom,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Values of `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Aligned columns.
    Table,
    /// What the endpoint answered.
    Json,
    /// Tables for a page.
    Markdown,
    /// Every entry of the ledger (RFC 4180).
    Csv,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum AdoptionError {
    /// The proxy did not answer.
    #[error(transparent)]
    Whom(#[from] WhomError),
    /// The output cannot be written.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

impl AdoptionError {
    /// Whether what the operator gave cannot be used.
    pub fn is_unusable(&self) -> bool {
        matches!(self, Self::Whom(error) if error.is_unusable())
    }
}

/// Asks and writes the report to `out`.
///
/// # Errors
/// See [`AdoptionError`].
pub fn run(args: &AdoptionArgs, out: &mut dyn Write) -> Result<(), AdoptionError> {
    let (address, answer) = args.whom.ask(async |client| client.read(TARGET).await)?;
    let adoption: Adoption =
        answer.understood(&address, TARGET, &[StatusCode::OK]).map_err(WhomError::from)?;
    let now = seconds(SystemTime::now());
    match args.format {
        Format::Json => {
            out.write_all(&answer.body)?;
            writeln!(out)?;
        }
        Format::Table => out.write_all(table(&adoption, now).as_bytes())?,
        Format::Markdown => out.write_all(markdown(&adoption, now).as_bytes())?,
        Format::Csv => out.write_all(csv(&adoption).as_bytes())?,
    }
    Ok(())
}

const ACCOUNTS: [(&str, Align); 8] = [
    ("ACCOUNT", Align::Left),
    ("STAGE", Align::Left),
    ("TLS", Align::Right),
    ("PLAINTEXT", Align::Right),
    ("REFUSED", Align::Right),
    ("SHARE", Align::Right),
    ("READY", Align::Left),
    ("BECAUSE", Align::Left),
];

const LEFT: [(&str, Align); 8] = [
    ("IN PLAINTEXT", Align::Left),
    ("NETWORK", Align::Left),
    ("PROGRAM", Align::Left),
    ("LIBRARY", Align::Left),
    ("LISTENER", Align::Left),
    ("TIMES", Align::Right),
    ("SINCE", Align::Left),
    ("LAST", Align::Left),
];

fn account(row: &AccountRow) -> Vec<String> {
    let share =
        row.share.map_or_else(|| "-".to_owned(), |share| format!("{:.1}%", (share * 1000.0).floor() / 10.0));
    let ready = if row.ready { "yes" } else { "no" }.to_owned();
    vec![
        row.account.clone(),
        row.stage.label().to_owned(),
        row.tls.to_string(),
        row.plaintext.to_string(),
        row.refused.to_string(),
        share,
        ready,
        row.reason.clone(),
    ]
}

/// Entries whose last plaintext came after their account's readiness was lost: all that keep it from being ready, latest first.
fn left(adoption: &Adoption) -> Vec<&Entry> {
    let waiting = |entry: &&Entry| {
        let of = adoption.accounts.iter().find(|row| row.account == entry.client.account);
        entry.last_in_plaintext().is_some() && of.is_some_and(|row| !row.ready)
    };
    let mut left: Vec<&Entry> = adoption.entries.iter().filter(waiting).collect();
    left.sort_by_key(|entry| std::cmp::Reverse(entry.last_in_plaintext()));
    left
}

fn remaining(entry: &Entry, now: u64) -> Vec<String> {
    let said = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    let ago = |moment: Option<u64>| {
        format!("{} ago", span(Duration::from_secs(now.saturating_sub(moment.unwrap_or(now)))))
    };
    let key = &entry.client;
    vec![
        key.account.clone(),
        key.network.clone(),
        said(&key.program),
        said(&entry.library),
        key.listener.clone(),
        (entry.plaintext + entry.refused).to_string(),
        ago(entry.first_plaintext.or(entry.last_plaintext)),
        ago(entry.last_in_plaintext()),
    ]
}

fn table(adoption: &Adoption, now: u64) -> String {
    let mut accounts = Table::new(&ACCOUNTS);
    adoption.accounts.iter().for_each(|row| accounts.push(account(row)));
    let mut text = accounts.to_string();
    let left = left(adoption);
    if !left.is_empty() {
        let mut table = Table::new(&LEFT);
        left.into_iter().for_each(|entry| table.push(remaining(entry, now)));
        let _ = write!(text, "\n{table}");
    }
    text
}

fn markdown(adoption: &Adoption, now: u64) -> String {
    let mut text = String::from("# TLS adoption\n\n");
    rows(&mut text, &ACCOUNTS, adoption.accounts.iter().map(account));
    let left = left(adoption);
    if !left.is_empty() {
        text.push_str("\n## Still in plaintext\n\n");
        rows(&mut text, &LEFT, left.into_iter().map(|entry| remaining(entry, now)));
    }
    text
}

fn rows<const N: usize>(
    text: &mut String,
    columns: &[(&str, Align); N],
    rows: impl Iterator<Item = Vec<String>>,
) {
    let names: Vec<String> = columns.iter().map(|(name, _)| name.to_lowercase()).collect();
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| printable(cell).replace('|', "\\|")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    text.push_str(&line(&names));
    let rule = columns.iter().map(|(_, align)| if *align == Align::Right { "---:" } else { "---" });
    let _ = writeln!(text, "|{}|", rule.collect::<Vec<_>>().join("|"));
    rows.for_each(|cells| text.push_str(&line(&cells)));
}

fn csv(adoption: &Adoption) -> String {
    let mut text = "account,network,program,listener,library,first_seen,last_seen,plaintext,first_plaintext,last_plaintext,refused,last_refused,unix,tls,agreed\r\n".to_owned();
    let moment = |moment: Option<u64>| moment.map(|moment| moment.to_string()).unwrap_or_default();
    for entry in &adoption.entries {
        let key = &entry.client;
        let agreed = entry.tls.iter().map(|used| {
            let agreed = &used.agreed;
            format!("{} {} {} {}", used.connections, agreed.version, agreed.cipher, agreed.group)
        });
        let cells = [
            key.account.clone(),
            key.network.clone(),
            key.program.clone(),
            key.listener.clone(),
            entry.library.clone(),
            entry.first_seen.to_string(),
            entry.last_seen.to_string(),
            entry.plaintext.to_string(),
            moment(entry.first_plaintext),
            moment(entry.last_plaintext),
            entry.refused.to_string(),
            moment(entry.last_refused),
            entry.unix.to_string(),
            entry.tls_connections().to_string(),
            agreed.collect::<Vec<_>>().join("; "),
        ];
        text.push_str(&cells.map(|cell| quoted(&cell)).join(","));
        text.push_str("\r\n");
    }
    text
}

/// Clients choose some of it: quotes are doubled, and what a spreadsheet would take for a formula is led in by an apostrophe.
fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    if formula || cell.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::Stage;
    use crate::migration::adoption::Measure;
    use crate::migration::ledger::tests::{at, sighting, tls};
    use crate::migration::ledger::{Ledger, Transport};

    const DAY: u64 = 86_400;

    fn adoption() -> Adoption {
        let ledger = Ledger::new(10, Vec::new());
        ledger.record(sighting("nova", "api|=1+1", Transport::Plaintext), at(9 * DAY));
        ledger.record(sighting("nova", "compute", tls()), at(DAY));
        ledger.record(sighting("glance", "=cmd", tls()), at(DAY));
        let measure = Measure { stage: &|_| Stage::Warn, quiet: Duration::from_secs(7 * DAY), now: 10 * DAY };
        Adoption::of(ledger.entries(), [], &measure)
    }

    #[test]
    fn people_see_who_is_ready_and_who_is_left() {
        let expected = "\
ACCOUNT  STAGE  TLS  PLAINTEXT  REFUSED   SHARE  READY  BECAUSE
glance   warn     1          0        0  100.0%  yes    nothing but TLS for 9d 0h
nova     warn     1          1        0   50.0%  no     in plaintext 1d 0h ago, less than 7d 0h

IN PLAINTEXT  NETWORK      PROGRAM   LIBRARY        LISTENER     TIMES  SINCE      LAST
nova          10.0.0.0/24  api|=1+1  pymysql 1.1.0  listener[0]      1  1d 0h ago  1d 0h ago
";
        assert_eq!(table(&adoption(), 10 * DAY), expected);
    }

    #[test]
    fn what_clients_say_of_themselves_breaks_neither_a_page_nor_a_sheet() {
        let page = markdown(&adoption(), 10 * DAY);
        assert!(page.contains("| nova | 10.0.0.0/24 | api\\|=1+1 | pymysql 1.1.0 |"), "{page}");
        let sheet = csv(&adoption());
        assert!(sheet.contains("glance,10.0.0.0/24,\"'=cmd\",listener[0],"), "{sheet}");
        assert!(sheet.contains(",1 TLSv1.3 TLS_AES_256_GCM_SHA384 X25519\r\n"), "{sheet}");
        assert_eq!(quoted("a\"b,c"), "\"a\"\"b,c\"");
    }
}
