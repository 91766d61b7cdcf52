//! A reload as a transaction: stage everything, validate it, publish it in one step, or keep everything and say why.
//!
//! [`Reloader::reload`] is called at SIGHUP (`run`), when files have changed ([`watch`]) and for `sealock reload` (`admin`);
//! one at a time. Reading several files is no atomic act, so what is staged counts only if no file changed meanwhile; else
//! it is staged again. Publishing is one pointer that changes: whoever comes before it is served by all of the former
//! generation, whoever comes after it by all of the new one. A cancelled caller cancels nothing.

mod journal;
mod stamp;
pub mod watch;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use time::OffsetDateTime;

use crate::admin::reloads::{Outcome, ReloadRow, Trigger};
use crate::app::build::{BuildErrors, Builder};
use crate::app::expiry;
use crate::app::metrics::{AppMetrics, ReloadOutcome};
use crate::app::reload::journal::Journal;
use crate::app::reload::stamp::Stamp;
use crate::config::model::Address;
use crate::config::{Config, ConfigErrors};
use crate::frontend::context::{Context, Frontend, ListenerContext};
use crate::tasks;
use crate::telemetry;
use crate::tls::problem::date;

/// How often a reload begins again because a file changed under it.
const ATTEMPTS: usize = 5;

/// Replaces the generation in force.
pub struct Reloader {
    frontend: Arc<Frontend>,
    builder: Builder,
    metrics: AppMetrics,
    file: Option<PathBuf>,
    /// One reload at a time.
    attempts: Mutex<()>,
    in_force: Mutex<InForce>,
    journal: Journal,
}

/// What the generation in force was made of.
#[derive(Clone)]
struct InForce {
    config: Config,
    /// Of the configuration file; none when there is no file.
    text: String,
    /// Of the files as they were at the last attempt, whatever became of it.
    attempted: Stamp,
}

/// A generation that could be published: its configuration, the text that says so, and what it consists of.
type Staged = (Config, String, Context);

/// Why a reload changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// There is no file to read again.
    #[error("this proxy was not started from a file")]
    NoFile,
    /// The file is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// A certificate is.
    #[error(transparent)]
    Build(#[from] BuildErrors),
    /// What changed takes a restart; each of it.
    #[error("{}", needs_restart(.0))]
    NeedsRestart(Vec<&'static str>),
}

impl Reloader {
    /// For a proxy that runs `config`, read from `file`.
    pub(super) fn new(
        frontend: Arc<Frontend>,
        builder: Builder,
        metrics: AppMetrics,
        file: Option<PathBuf>,
        config: Config,
    ) -> Self {
        let text = file.as_ref().and_then(|file| Config::read_text(file).ok()).unwrap_or_default();
        let attempted = file.as_ref().map(|file| Stamp::of(file, &text)).unwrap_or_default();
        let in_force = Mutex::new(InForce { config, text, attempted });
        let (attempts, journal) = (Mutex::default(), Journal::default());
        let reloader = Self { frontend, builder, metrics, file, attempts, in_force, journal };
        reloader.begin();
        reloader
    }

    /// What has been reloaded, the latest first.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The configuration in force.
    pub fn config(&self) -> Config {
        self.lock().config.clone()
    }

    /// Reads the configuration and everything that it names again and, if all of it can be used, publishes it. Sessions and
    /// handshakes under way go on with what they began with. At [`Trigger::Files`] the configuration file itself is left
    /// alone unless `reload.watch` is `all`, and a refusal for the same reasons as the last one is not told again.
    ///
    /// It blocks; [`Self::run`] does not.
    pub fn reload(&self, trigger: Trigger) -> ReloadRow {
        let begun = Instant::now();
        let _alone = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let in_force = self.lock().clone();
        let (looked_at, staged) = self.stage_at_rest(&in_force, trigger);
        let changed = looked_at.changed_since(&in_force.attempted);
        let follows = in_force.config.reload.watch.includes_configuration();
        let outcome = staged.map(|(config, text, context)| {
            let warnings = self.publish(&config, context);
            *self.lock() = InForce { config, text, attempted: looked_at.clone() };
            warnings
        });
        if outcome.is_err() && (trigger == Trigger::Files || follows) {
            self.lock().attempted = looked_at; // else it was another text than the one that is watched
        }
        let row = ReloadRow {
            at: date(OffsetDateTime::now_utc()),
            trigger,
            outcome: if outcome.is_ok() { Outcome::Applied } else { Outcome::Refused },
            generation: self.frontend.context.load().number,
            seconds: begun.elapsed().as_secs_f64(),
            changed,
            problems: outcome.as_ref().err().map(lines).unwrap_or_default(),
            warnings: outcome.unwrap_or_default(),
        };
        self.note(&row);
        row
    }

    /// The same on a thread that may block.
    pub async fn run(self: &Arc<Self>, trigger: Trigger) -> Option<ReloadRow> {
        let own = Arc::clone(self);
        tokio::task::spawn_blocking(move || own.reload(trigger)).await.ok()
    }

    /// What the next generation would be, and of which files: of such as did not change while they were read.
    fn stage_at_rest(&self, in_force: &InForce, trigger: Trigger) -> (Stamp, Result<Staged, ReloadError>) {
        let mut left = ATTEMPTS;
        loop {
            let text = match self.text(in_force, trigger) {
                Ok(text) => text,
                Err(error) => return (in_force.attempted.clone(), Err(error)),
            };
            let looked_at = self.stamp(&text);
            let staged = self.stage(in_force, &text);
            left -= 1;
            if left == 0 || self.stamp(&text) == looked_at {
                return (looked_at, staged.map(|(config, context)| (config, text, context)));
            }
        }
    }

    fn text(&self, in_force: &InForce, trigger: Trigger) -> Result<String, ReloadError> {
        let file = self.file.as_ref().ok_or(ReloadError::NoFile)?;
        match trigger {
            Trigger::Files if !in_force.config.reload.watch.includes_configuration() => {
                Ok(in_force.text.clone())
            }
            _ => Ok(Config::read_text(file)?),
        }
    }

    /// Everything that the next generation consists of, validated.
    fn stage(&self, in_force: &InForce, text: &str) -> Result<(Config, Context), ReloadError> {
        let file = self.file.as_ref().ok_or(ReloadError::NoFile)?;
        let config = Config::parse(text, file)?;
        compare(&in_force.config, &config)?;
        let before = self.frontend.context.load();
        let mut context = self.builder.build(&config, before.number + 1, Some(&before))?;
        if config == in_force.config && only_listeners_differ(&context, &before) {
            context.generation = before.generation;
            context.backends.clone_from(&before.backends);
        }
        Ok((config, context))
    }

    /// The one step. Everything after it is bookkeeping.
    fn publish(&self, config: &Config, context: Context) -> Vec<String> {
        let context = Arc::new(context);
        let before = self.frontend.context.swap(Arc::clone(&context));
        for (old, new) in before.listeners.iter().zip(&context.listeners) {
            if !Arc::ptr_eq(&old.retirement, &new.retirement) {
                old.retirement.begin();
            }
        }
        self.builder.record(&context, Some(&before));
        self.metrics.last_reload.set(super::now());
        self.frontend.account_watch.hurry();
        if let Some(age) = config.tls.max_session_age_after_rotation {
            self.wake_now_and_after(age);
        }
        if asks_otherwise(&context, &before) {
            self.wake_now_and_after(config.tls.max_session_age_after_revocation);
        }
        expiry::warnings(&context, Some(&before))
    }

    /// Has every session look whether its time is over.
    fn wake_now_and_after(&self, age: Duration) {
        self.frontend.registry.wake_all();
        let frontend = Arc::clone(&self.frontend);
        tasks::spawn("retire", async move {
            tokio::time::sleep(age).await;
            frontend.registry.wake_all();
        });
    }

    /// Counts it, writes it down and tells.
    fn note(&self, row: &ReloadRow) {
        if row.trigger == Trigger::Files && self.journal.last_was_refused_for(&row.problems) {
            return;
        }
        let trigger = telemetry::Label::label(row.trigger);
        for warning in &row.warnings {
            tracing::warn!(warning, "applied, but look at this");
        }
        for problem in &row.problems {
            tracing::error!(problem, trigger, "reload refused; everything stays as it was");
        }
        if row.outcome == Outcome::Applied {
            let (generation, changed) = (row.generation, row.changed.len());
            tracing::info!(generation, trigger, changed, "configuration and certificates reloaded");
        }
        self.journal.add(row.clone());
        let applied = row.outcome == Outcome::Applied;
        self.metrics.reloads.increment(if applied { ReloadOutcome::Applied } else { ReloadOutcome::Refused });
    }

    /// Writes the start down.
    fn begin(&self) {
        let context = self.frontend.context.load();
        let warnings = expiry::warnings(&context, None);
        warnings.iter().for_each(|warning| tracing::warn!(warning, "started, but look at this"));
        self.journal.add(ReloadRow {
            at: date(OffsetDateTime::now_utc()),
            trigger: Trigger::Start,
            outcome: Outcome::Applied,
            generation: context.number,
            seconds: 0.0,
            changed: Vec::new(),
            warnings,
            problems: Vec::new(),
        });
    }

    fn stamp(&self, text: &str) -> Stamp {
        self.file.as_ref().map(|file| Stamp::of(file, text)).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, InForce> {
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lines(error: &ReloadError) -> Vec<String> {
    telemetry::chain(error).lines().map(str::to_owned).collect()
}

/// Whether nothing changed that backend connections depend on, and something that clients are shown did.
fn only_listeners_differ(new: &Context, old: &Context) -> bool {
    let same_backends =
        new.backends.iter().zip(&old.backends).all(|(new, old)| match (new.tls(), old.tls()) {
            (Some(new), Some(old)) => new.is_same_as(old),
            (new, old) => new.is_none() && old.is_none(),
        });
    let differs = |(new, old): (&ListenerContext, _)| {
        let old: &ListenerContext = old;
        match (&new.tls, &old.tls) {
            (Some(tls), Some(former)) => {
                tls.identity().fingerprint() != former.identity().fingerprint()
                    || tls.policy().digest() != former.policy().digest()
            }
            _ => false,
        }
    };
    same_backends && new.listeners.iter().zip(&old.listeners).any(differs)
}

/// Whether something else is asked of clients' certificates than before.
fn asks_otherwise(new: &Context, old: &Context) -> bool {
    let policy = |listener: &ListenerContext| listener.tls.as_ref().map(|tls| *tls.policy().digest());
    let listeners = new.listeners.iter().zip(&old.listeners);
    new.certificate_rules != old.certificate_rules
        || listeners.into_iter().any(|(new, old)| policy(new) != policy(old))
}

/// What is fixed when the process starts must be the same.
fn compare(old: &Config, new: &Config) -> Result<(), ReloadError> {
    let binds = |config: &Config| -> Vec<(Vec<Address>, u32)> {
        config.listeners.iter().map(|listener| (listener.bind.clone(), listener.unix_mode)).collect()
    };
    let kept = |config: &Config| (config.migration.state_directory.clone(), config.migration.max_entries);
    let differences = [
        ("listener.bind and listener.unix_mode", binds(old) != binds(new)),
        ("admin.http", old.admin != new.admin),
        ("log", old.log != new.log),
        ("migration.state_directory and migration.max_entries", kept(old) != kept(new)),
        ("runtime", old.runtime != new.runtime),
    ];
    let found: Vec<&'static str> =
        differences.into_iter().filter(|(_, differs)| *differs).map(|(what, _)| what).collect();
    if found.is_empty() { Ok(()) } else { Err(ReloadError::NeedsRestart(found)) }
}

/// One line for each.
fn needs_restart(differences: &[&'static str]) -> String {
    let line = |what: &&str| format!("{what} cannot change while the proxy runs; restart it for that");
    differences.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const PLAIN: &str = "[[listener]]\nbind = \"127.0.0.1:0\"\n\
        [[backend]]\nname = \"db1\"\naddress = \"127.0.0.1:1\"\ntls.mode = \"disabled\"\n\
        [admin]\nhttp = \"127.0.0.1:0\"\n";

    fn config(text: &str) -> Config {
        Config::parse(text, Path::new("sealock.toml")).unwrap()
    }

    #[test]
    fn everything_that_takes_a_restart_is_told_at_once_a_line_each() {
        let changed = PLAIN
            .replace("127.0.0.1:0\"\n[[backend", "127.0.0.1:6033\"\n[[backend")
            .replace("http = \"127.0.0.1:0\"", "http = \"\"");
        let changed = config(&(changed + "[log]\nlevel = \"warn\"\n[runtime]\nworker_threads = 2\n"));
        let text = compare(&config(PLAIN), &changed).unwrap_err().to_string();
        let subjects: Vec<&str> =
            text.lines().map(|line| line.split_once(" cannot change").unwrap().0).collect();
        assert_eq!(subjects, ["listener.bind and listener.unix_mode", "admin.http", "log", "runtime"]);
    }

    #[test]
    fn what_can_change_while_the_proxy_runs_is_no_difference() {
        let changed =
            PLAIN.replace("db1", "db2") + "[pool]\nmax_idle = 0\n[shutdown]\ndrain_timeout = \"1s\"\n";
        assert!(compare(&config(PLAIN), &config(&changed)).is_ok());
    }
}
