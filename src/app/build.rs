//! One generation: from a configuration to everything that sessions run with.
//!
//! Staging and validating are the same thing: every certificate is read and played a handshake with, every backend's
//! trust is loaded, and only a generation in which all of it worked comes out.

use std::fmt;
use std::sync::Arc;

use crate::auth::{Accounts, BackendSecret};
use crate::backend::Backend;
use crate::backend::connector::Login;
use crate::backend::health::Health;
use crate::config::Config;
use crate::config::model;
use crate::frontend::context::{Context, ListenerContext};
use crate::telemetry::{Registry, names};
use crate::tls::identity::Identity;
use crate::tls::server::ServerTls;

/// Everything that keeps a generation from being used, one line each.
#[derive(Debug)]
pub struct BuildErrors(Vec<String>);

impl BuildErrors {
    /// The lines.
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for BuildErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for BuildErrors {}

/// What generations have in common.
pub struct Builder {
    /// Where metrics are registered.
    pub registry: Arc<Registry>,
    /// Certificate of listeners that name none. One for the whole process, so that a client that pinned it finds it again.
    pub minted: Arc<Identity>,
}

impl Builder {
    /// Builds generation `number`. `before` is the one in force, whose knowledge of the backends is kept.
    ///
    /// # Errors
    /// All that is wrong; nothing has been changed then.
    pub fn build(
        &self,
        config: &Config,
        number: u64,
        before: Option<&Context>,
    ) -> Result<Context, BuildErrors> {
        let mut problems = Vec::new();
        let listeners = self.listeners(config, &mut problems);
        let backends = self.backends(config, before, &mut problems);
        let accounts =
            Accounts::new(&config.accounts).map_err(|error| problems.push(format!("account: {error}")));
        match (accounts, problems.is_empty()) {
            (Ok(accounts), true) => Ok(Context {
                generation: number,
                listeners,
                backends,
                accounts,
                auth: config.auth.clone(),
                service: config.service.as_ref().map(service_login),
                prober: prober(config),
                limits: config.limits.clone(),
                pool: config.pool.clone(),
            }),
            _ => Err(BuildErrors(problems)),
        }
    }

    /// Records what a published generation consists of.
    pub fn record(&self, context: &Context) {
        self.registry.gauge(&names::CONFIG_GENERATION, &[]).set(as_f64(context.generation));
        self.registry.gauge(&names::CLIENTS_LIMIT, &[]).set(f64::from(context.limits.max_clients));
        for (index, listener) in context.listeners.iter().enumerate() {
            if let Some(tls) = &listener.tls {
                self.record_expiry(&format!("listener[{index}]"), tls.identity());
            }
        }
        for backend in &context.backends {
            if let Some(identity) = backend.tls().and_then(|tls| tls.identity()) {
                self.record_expiry(&format!("backend.{}", backend.name()), identity);
            }
        }
    }

    fn record_expiry(&self, name: &str, identity: &Identity) {
        let seconds = identity.not_after().unix_timestamp();
        let seconds = u64::try_from(seconds).map_or(0.0, as_f64);
        self.registry.gauge(&names::CERTIFICATE_NOT_AFTER, &[name]).set(seconds);
    }

    fn listeners(&self, config: &Config, problems: &mut Vec<String>) -> Vec<ListenerContext> {
        let mut built = Vec::with_capacity(config.listeners.len());
        for (index, listener) in config.listeners.iter().enumerate() {
            match ServerTls::build(&listener.tls, &self.minted) {
                Ok(tls) => built.push(ListenerContext {
                    mode: listener.tls.mode,
                    tls,
                    proxy_protocol_from: listener.proxy_protocol_from.clone(),
                }),
                Err(error) => report(problems, &format!("listener[{index}].tls"), &error),
            }
        }
        built
    }

    fn backends(
        &self,
        config: &Config,
        before: Option<&Context>,
        problems: &mut Vec<String>,
    ) -> Vec<Arc<Backend>> {
        let mut built = Vec::with_capacity(config.backends.len());
        for (index, backend) in config.backends.iter().enumerate() {
            let known = before.and_then(|before| known(before, backend));
            match Backend::build(backend, &self.registry, known) {
                Ok(backend) => built.push(Arc::new(backend)),
                Err(error) => report(problems, &format!("backend[{index}].tls"), &error),
            }
        }
        built
    }
}

/// What was known of the same server before.
fn known(before: &Context, backend: &model::Backend) -> Option<Arc<Health>> {
    let same = |old: &&Arc<Backend>| old.name() == backend.name && *old.address() == backend.address;
    before.backends.iter().find(same).map(|old| Arc::clone(old.health()))
}

fn report(problems: &mut Vec<String>, place: &str, error: &dyn fmt::Display) {
    problems.extend(error.to_string().lines().map(|line| format!("{place}: {line}")));
}

/// A login for health probes: the service account, else the first account whose password is known.
fn prober(config: &Config) -> Option<Login> {
    let own = config.service.as_ref().map(service_login);
    own.or_else(|| config.accounts.iter().find_map(account_login))
}

fn account_login(account: &model::Account) -> Option<Login> {
    let (user, password) = match (&account.backend, &account.credential) {
        (Some(login), _) => (&login.user, &login.password),
        (None, model::Credential::Password(password)) => (&account.user, password),
        (None, model::Credential::NativeHash(_)) => return None,
    };
    Some(Login { user: user.clone().into_bytes(), secret: BackendSecret::Password(password.clone()) })
}

fn service_login(service: &model::Service) -> Login {
    Login {
        user: service.user.clone().into_bytes(),
        secret: BackendSecret::Password(service.password.clone()),
    }
}

/// Exact up to 2⁵³, which generations and timestamps stay below.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn as_f64(number: u64) -> f64 {
    number as f64
}
