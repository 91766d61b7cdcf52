//! `sealock certs inspect`: what a certificate file contains, and whether the proxy would accept it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::{Args, ValueEnum};

use crate::cli::ask::Whom;
use crate::cli::certs::live;
use crate::tls::inspect::{Entry, Report, Role, inspect};

/// Arguments of `sealock certs inspect`.
#[derive(Args, Clone, Debug)]
pub struct InspectArgs {
    /// PEM file with certificates.
    #[arg(value_name = "FILE", required_unless_present = "live")]
    pub file: Option<PathBuf>,
    /// Show what a running proxy uses, and whether the files on disk are the same; exit code 1: they are not.
    #[arg(long, conflicts_with_all = ["file", "key", "role"])]
    pub live: bool,
    /// Which proxy to ask.
    #[command(flatten)]
    pub whom: Whom,
    /// Private key that should belong to the first of them.
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// What it is for; left out, the file decides.
    #[arg(long = "as", value_name = "ROLE")]
    pub role: Option<RoleChoice>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Values of `--as`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleChoice {
    /// What a listener shows.
    Server,
    /// What is shown to a backend.
    Client,
    /// CA certificates to trust.
    Ca,
}

pub(super) fn run(args: &InspectArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let Some(file) = &args.file else { return live::run(&args.whom, args.json, out) };
    let report = inspect(file, args.key.as_deref(), args.role.map(Role::from));
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &report)?;
        writeln!(out)?;
    } else {
        print(&report, file, out)?;
    }
    match report.problems.len() {
        0 => Ok(()),
        1 => bail!("{} would be refused", file.display()),
        count => bail!("{} would be refused for {count} reasons", file.display()),
    }
}

fn print(report: &Report, file: &Path, out: &mut dyn Write) -> io::Result<()> {
    let role = match report.role {
        Role::Server => "server chain",
        Role::Client => "client chain",
        Role::Ca => "CA certificates",
    };
    writeln!(out, "{}: {role}", file.display())?;
    print_entries(&report.certificates, out)?;
    writeln!(out)?;
    for problem in &report.problems {
        writeln!(out, "problem: {problem}")?;
    }
    if report.problems.is_empty() {
        writeln!(out, "no problems found")?;
    }
    Ok(())
}

/// Each certificate with everything that matters of it.
pub(super) fn print_entries(entries: &[Entry], out: &mut dyn Write) -> io::Result<()> {
    for (index, entry) in entries.iter().enumerate() {
        writeln!(out, "\n{}. {}", index + 1, entry.subject)?;
        for (label, value) in lines(entry) {
            writeln!(out, "   {label:<8} {value}")?;
        }
    }
    Ok(())
}

fn lines(entry: &Entry) -> Vec<(&'static str, String)> {
    let usages: Vec<_> = entry.usages.iter().map(ToString::to_string).collect();
    let list =
        |items: &[String], none: &str| if items.is_empty() { none.to_owned() } else { items.join(", ") };
    let left = match entry.days_left {
        days if days < 0 => format!("ended {} days ago", days.unsigned_abs()),
        days => format!("{days} days left"),
    };
    vec![
        ("issuer", entry.issuer.clone()),
        ("names", list(&entry.names, "none")),
        ("valid", format!("{} to {} ({left})", entry.not_before, entry.not_after)),
        ("key", entry.key_type.clone()),
        ("usages", list(&usages, "not limited")),
        ("serial", entry.serial.clone()),
        ("sha256", entry.sha256.clone()),
    ]
}

impl From<RoleChoice> for Role {
    fn from(choice: RoleChoice) -> Self {
        match choice {
            RoleChoice::Server => Self::Server,
            RoleChoice::Client => Self::Client,
            RoleChoice::Ca => Self::Ca,
        }
    }
}
