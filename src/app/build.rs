//! One generation: from a configuration to everything that sessions run with.
//!
//! Staging and validating are the same thing: every certificate is read and played a handshake with, every backend's
//! trust is loaded, and only a generation in which all of it worked comes out.

use std::fmt;
use std::sync::Arc;

use crate::app::expiry;
use crate::auth::certificate_rule::CertificateRules;
use crate::auth::{Accounts, BackendSecret};
use crate::backend::Backend;
use crate::backend::connector::Login;
use crate::config::Config;
use crate::config::model;
use crate::frontend::context::{Context, ListenerContext};
use crate::frontend::metrics::OTHER_ACCOUNTS;
use crate::frontend::rotation::{self, Retirement};
use crate::migration::stage::Policy;
use crate::pool::close_reason::CloseReason;
use crate::telemetry::label::Transport;
use crate::telemetry::{Family, Registry, names};
use crate::tls::server::{Common, ServerTls};
use crate::tls::shadow::Candidate;
use crate::tls::tickets::TicketKeys;
use crate::tls::{TlsError, mint};

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
    /// What all listeners share.
    pub common: Common,
}

impl Builder {
    /// With a certificate for listeners that name none: one for the whole process.
    ///
    /// # Errors
    /// Nothing can be minted, or there is no randomness.
    pub fn new(registry: Arc<Registry>) -> Result<Self, TlsError> {
        let minted = Arc::new(mint::self_signed(&mint::local_names())?);
        Ok(Self { common: Common::new(minted, &registry)?, registry })
    }

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
        let listeners = self.listeners(config, before, &mut problems);
        let backends = self.backends(config, before, &mut problems);
        let accounts =
            Accounts::new(&config.accounts).map_err(|error| problems.push(format!("account: {error}")));
        problems.extend(unusable_rules(config));
        match (accounts, problems.is_empty()) {
            (Ok(accounts), true) => Ok(Context {
                number,
                generation: number,
                listeners,
                backends,
                accounts,
                certificate_rules: CertificateRules::new(&config.certificate_rules),
                auth: config.auth.clone(),
                service: config.service.as_ref().map(service_login),
                prober: prober(config),
                tls: config.tls.clone(),
                shadow: shadows(config, number, before),
                stages: Policy::new(&config.migration, &config.accounts),
                limits: config.limits.clone(),
                pool: config.pool.clone(),
            }),
            _ => Err(BuildErrors(problems)),
        }
    }

    /// Records what a published generation consists of, and that what only `before` had is gone.
    pub fn record(&self, context: &Context, before: Option<&Context>) {
        self.registry.gauge(&names::CONFIG_GENERATION, &[]).set(as_f64(context.number));
        self.registry.gauge(&names::CLIENTS_LIMIT, &[]).set(f64::from(context.limits.max_clients));
        expiry::record(&self.registry, context, before);
        let accounts = context.stages.accounts().map(String::as_str);
        for account in accounts.chain([OTHER_ACCOUNTS]) {
            let _zero: Family<Transport> = self.registry.counters(&names::ACCOUNT_LOGINS, &[account]);
        }
        for backend in &context.backends {
            // `pool` looks these up when a connection closes; they are to be there before.
            let _zero: Family<CloseReason> =
                self.registry.counters(&names::BACKEND_CLOSES, &[backend.name()]);
        }
    }

    fn listeners(
        &self,
        config: &Config,
        before: Option<&Context>,
        problems: &mut Vec<String>,
    ) -> Vec<ListenerContext> {
        let tickets = match &config.tls.ticket_keys {
            Some(file) => {
                TicketKeys::load(file).map(Arc::new).map_err(|error| report(problems, "tls", &error)).ok()
            }
            None => Some(Arc::clone(&self.common.tickets)),
        };
        let tickets = tickets.unwrap_or_else(|| Arc::clone(&self.common.tickets));
        let mut built = Vec::with_capacity(config.listeners.len());
        for (index, listener) in config.listeners.iter().enumerate() {
            let shadow = listener.shadow.as_ref().map(|shadow| Candidate::build(shadow, &listener.tls));
            let shadow = shadow.transpose().unwrap_or_else(|error| {
                report(problems, &format!("listener[{index}].shadow"), &error);
                None
            });
            match ServerTls::build(&listener.tls, &self.common, &tickets) {
                Ok(tls) => built.push(ListenerContext {
                    shadow,
                    mode: listener.tls.mode,
                    retirement: retirement(tls.as_ref(), before.and_then(|before| before.listener(index))),
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

/// Rules by which a certificate stands for a password that nobody has to log in at the server with.
fn unusable_rules(config: &Config) -> Vec<String> {
    let can_log_in = |user: &str| {
        let account = config.accounts.iter().find(|account| account.user == user);
        account.and_then(account_login).is_some()
    };
    let rules = config.certificate_rules.iter().enumerate();
    let unusable = rules.filter(|(_, rule)| rule.instead_of_password && !can_log_in(&rule.account));
    unusable
        .map(|(index, rule)| {
            format!(
                "certificate_rule[{index}].instead_of_password: found true for {:?}; accepted: the user of an [[account]] with a password or a backend_user",
                rule.account
            )
        })
        .collect()
}

/// Lasts as long as the listener shows the same certificate.
fn retirement(tls: Option<&ServerTls>, before: Option<&ListenerContext>) -> Arc<Retirement> {
    let shown = |tls: &ServerTls| tls.identity().fingerprint();
    let former = before.and_then(|before| Some((before.tls.as_ref().map(shown)?, &before.retirement)));
    tls.map_or_else(Arc::default, |tls| rotation::carried_over(former, &shown(tls)))
}

/// What is tried, and since when it is the same.
fn shadows(config: &Config, number: u64, before: Option<&Context>) -> (Vec<Option<model::Shadow>>, u64) {
    let shadows: Vec<_> = config.listeners.iter().map(|listener| listener.shadow.clone()).collect();
    let since = before.filter(|before| before.shadow.0 == shadows).map_or(number, |before| before.shadow.1);
    (shadows, since)
}

/// The same server before.
fn known<'a>(before: &'a Context, backend: &model::Backend) -> Option<&'a Backend> {
    let same = |old: &&Arc<Backend>| old.name() == backend.name && *old.address() == backend.address;
    before.backends.iter().find(same).map(Arc::as_ref)
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn config(listeners: &str) -> Config {
        let backend = "[[backend]]\nname = \"db1\"\naddress = \"127.0.0.1:1\"\ntls.mode = \"disabled\"\n";
        Config::parse(&format!("{listeners}{backend}"), Path::new("sealock.toml")).unwrap()
    }

    #[test]
    fn a_certificate_that_a_reload_took_away_no_longer_expires() {
        let registry = Arc::new(Registry::new());
        let builder = Builder::new(Arc::clone(&registry)).unwrap();
        let one = "[[listener]]\nbind = \"127.0.0.1:0\"\n";
        let two = format!("{one}{}", one.replace("127.0.0.1:0", "127.0.0.2:0"));
        let before = builder.build(&config(&two), 1, None).unwrap();
        builder.record(&before, None);
        let after = builder.build(&config(one), 2, Some(&before)).unwrap();
        builder.record(&after, Some(&before));
        let text = registry.render();
        let value = |identity: &str| {
            let series = format!(
                "sealock_certificate_not_after_timestamp_seconds{{identity=\"{identity}\",part=\"leaf\"}} "
            );
            let (_, rest) = text.split_once(&series).unwrap();
            rest.lines().next().unwrap().parse::<f64>().unwrap()
        };
        assert!(value("listener[0]") > 1.0e9, "{text}");
        assert!(value("listener[1]").is_nan(), "{text}");
    }
}
