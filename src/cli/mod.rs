//! The command line.

pub mod adoption;
pub mod ask;
pub mod certs;
pub mod reload;
pub mod shadow;
pub mod stage;
pub mod status;
mod table;

use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};

use crate::app::StartError;
use crate::app::build::Builder;
use crate::app::demo::{self, Ports, Until};
use crate::app::run::{self, RunError};
use crate::cli::adoption::{AdoptionArgs, AdoptionError};
use crate::cli::certs::CertsCommand;
use crate::cli::reload::ReloadArgs;
use crate::cli::shadow::{ShadowArgs, ShadowError};
use crate::cli::stage::{StageArgs, StageError};
use crate::cli::status::{StatusArgs, StatusError};
use crate::config::Config;
use crate::telemetry::{Registry, chain};

/// The configuration cannot be used. Also clap's code for a wrong command line.
const UNUSABLE: u8 = 2;

/// TLS in front of MariaDB: clients and servers move to encrypted connections, one service at a time.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the proxy.
    ///
    /// SIGHUP reads the configuration and all certificates again and applies them together or not at all. SIGTERM and
    /// SIGINT let open transactions finish, up to shutdown.drain_timeout; a second one ends at once.
    Run {
        /// The configuration file.
        #[arg(short, long, value_name = "FILE", default_value = "/etc/sealock/sealock.toml")]
        config: PathBuf,
    },
    /// Check a configuration and the certificates that it names, and report every problem.
    ///
    /// Exit code 0: it can be run. 2: it cannot; each line of standard error is one problem, with file, line and key.
    Check {
        /// The configuration file.
        #[arg(short, long, value_name = "FILE", default_value = "/etc/sealock/sealock.toml")]
        config: PathBuf,
    },
    /// Show it at work: a throw-away MariaDB with the proxy in front, checked over verified TLS.
    ///
    /// Needs a MariaDB server's programs and nothing else. Everything is temporary and removed at the end, with Ctrl-C.
    Demo {
        /// End after the self-check; exit code 0 if it passed.
        #[arg(long)]
        once: bool,
        /// Where clients connect, on 127.0.0.1; 0 is any free port.
        #[arg(long, value_name = "PORT", default_value_t = 6033)]
        port: u16,
        /// Where the metrics are, on 127.0.0.1; 0 is any free port.
        #[arg(long, value_name = "PORT", default_value_t = 6070)]
        admin_port: u16,
    },
    /// Show a running proxy's pools and sessions: who holds backend connections, who waits, and why.
    ///
    /// Asks the admin endpoint (admin.http) of a proxy on this machine. Sessions that keep a connection without using it come
    /// first, the longest first. docs/multiplexing.md explains each reason.
    #[command(after_help = status::EXAMPLES)]
    Status(StatusArgs),
    /// Show how far each account has come on its way to TLS, and who is left in plaintext.
    ///
    /// Counted by the running proxy from every completed login; kept over restarts with migration.state_directory.
    #[command(after_help = adoption::EXAMPLES)]
    Adoption(AdoptionArgs),
    /// Show what a running proxy asks of accounts' clients in plaintext, or set it for one account.
    ///
    /// From observe over warn and brownout to enforce: docs/migration.md. An account that stepped back by itself goes on when
    /// its stage is set again.
    #[command(after_help = stage::EXAMPLES)]
    Stage(StageArgs),
    /// Show what the candidate in [listener.shadow] would have broken: a certificate, a version, ciphers, or a rule for clients'
    /// certificates that is tried on real handshakes without being used.
    Shadow(ShadowArgs),
    /// Make a running proxy read its configuration and certificates again, and wait for the outcome.
    ///
    /// The same as SIGHUP, with an answer: all of it is applied together, or nothing is and every problem is a line of standard
    /// error.
    #[command(after_help = reload::EXAMPLES)]
    Reload(ReloadArgs),
    /// Make development certificates, or look at certificates.
    #[command(subcommand)]
    Certs(CertsCommand),
}

/// Does what the command line says.
pub fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run { config } => run_proxy(&config),
        Command::Check { config } => check(&config),
        Command::Demo { once, port, admin_port } => {
            let until = if once { Until::SelfCheck } else { Until::Signal };
            let ports = Ports { proxy: port, admin: admin_port };
            demo::run(&demo::Options { ports, until }).map_err(Into::into)
        }
        Command::Status(args) => show_status(&args),
        Command::Adoption(args) => show_adoption(&args),
        Command::Stage(args) => stage_account(&args),
        Command::Shadow(args) => show_shadow(&args),
        Command::Reload(args) => reload_proxy(&args),
        Command::Certs(command) => certs::run(&command, &mut std::io::stdout()).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        complain(&format!("{error:#}"));
        ExitCode::FAILURE
    })
}

fn run_proxy(file: &std::path::Path) -> anyhow::Result<ExitCode> {
    match Config::load(file) {
        Ok(config) => match run::run(config, file) {
            Ok(()) => Ok(ExitCode::SUCCESS),
            Err(RunError::Start(StartError::Build(errors))) => Ok(unusable(&errors.to_string())),
            Err(error) => Err(error.into()),
        },
        Err(errors) => Ok(unusable(&errors.to_string())),
    }
}

fn check(file: &std::path::Path) -> anyhow::Result<ExitCode> {
    let config = match Config::load(file) {
        Ok(config) => config,
        Err(errors) => return Ok(unusable(&errors.to_string())),
    };
    let builder = Builder::new(Arc::new(Registry::new()))?;
    match builder.build(&config, 1, None) {
        Ok(context) => {
            let (listeners, backends) = (context.listeners.len(), context.backends.len());
            writeln!(
                std::io::stdout(),
                "{}: can be run ({listeners} listeners, {backends} backends, {} accounts)",
                file.display(),
                config.accounts.len()
            )?;
            Ok(ExitCode::SUCCESS)
        }
        Err(errors) => Ok(unusable(&chain(&errors))),
    }
}

fn show_status(args: &StatusArgs) -> anyhow::Result<ExitCode> {
    match status::run(args, &mut std::io::stdout()) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(StatusError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) if error.is_unusable() => Ok(unusable(&error.to_string())),
        Err(error) => Err(error.into()),
    }
}

fn show_adoption(args: &AdoptionArgs) -> anyhow::Result<ExitCode> {
    match adoption::run(args, &mut std::io::stdout()) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(AdoptionError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) if error.is_unusable() => Ok(unusable(&error.to_string())),
        Err(error) => Err(error.into()),
    }
}

fn stage_account(args: &StageArgs) -> anyhow::Result<ExitCode> {
    match stage::run(args, &mut std::io::stdout()) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(StageError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) if error.is_unusable() => Ok(unusable(&error.to_string())),
        Err(error) => Err(error.into()),
    }
}

fn show_shadow(args: &ShadowArgs) -> anyhow::Result<ExitCode> {
    match shadow::run(args, &mut std::io::stdout()) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(ShadowError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) if error.is_unusable() => Ok(unusable(&error.to_string())),
        Err(error) => Err(error.into()),
    }
}

fn reload_proxy(args: &ReloadArgs) -> anyhow::Result<ExitCode> {
    match reload::run(args, &mut std::io::stdout()) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) if error.is_unusable() => Ok(unusable(&error.to_string())),
        Err(error) => Err(error.into()),
    }
}

fn unusable(problems: &str) -> ExitCode {
    complain(problems);
    ExitCode::from(UNUSABLE)
}

fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
