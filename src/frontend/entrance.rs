//! How a client came in: what the ledger counts, and what its account's stage says to plaintext.
//!
//! A login is judged when the client has proved who it is, at the handshake and at COM_CHANGE_USER: whoever only claims a name
//! is neither counted nor refused under it, and cannot make its account step back.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use crate::backend::proxy_header::Origin;
use crate::config::model::Stage;
use crate::frontend::login::{Claim, LoginAttempt};
use crate::frontend::login_error::LoginError;
use crate::frontend::metrics::{PlaintextOutcome, ShadowVerdict};
use crate::migration::attributes::{self, Software};
use crate::migration::downgrade::Downgrade;
use crate::migration::explain::Cause;
use crate::migration::ledger::{self, Sighting, Transport};
use crate::migration::mend::switch_on;
use crate::migration::stages::{Setting, Verdict};
use crate::telemetry::{Label as _, label};
use crate::tls::stream::TlsInfo;

/// How a client came in.
#[derive(Clone, Debug)]
pub struct Entrance {
    /// Its network, see [`ledger::network`].
    pub network: String,
    /// Its address; none over a unix socket.
    pub address: Option<IpAddr>,
    /// The listener, as in the configuration.
    pub listener: String,
    /// In plaintext or not.
    pub transport: Transport,
    /// What its listener's candidate has against it; none where nothing was tried.
    pub objections: Option<Vec<Cause>>,
}

impl Entrance {
    /// Of a client from `origin`, none being a unix socket, at the listener of that number.
    pub fn new(
        origin: Option<Origin>,
        tls: Option<&TlsInfo>,
        listener: usize,
        objections: Option<Vec<Cause>>,
    ) -> Arc<Self> {
        let transport = match (tls, origin) {
            (Some(tls), _) => Transport::Tls(ledger::Tls {
                version: tls.version_name().to_owned(),
                cipher: tls.cipher.to_owned(),
                group: tls.group.unwrap_or("none").to_owned(),
            }),
            (None, Some(_)) => Transport::Plaintext,
            (None, None) => Transport::Unix,
        };
        let address = origin.map(|origin| origin.client.ip());
        let network = ledger::network(address);
        Arc::new(Self { network, address, listener: format!("listener[{listener}]"), transport, objections })
    }

    /// As a metric label.
    pub fn label(&self) -> label::Transport {
        match self.transport {
            Transport::Plaintext => label::Transport::Plaintext,
            Transport::Unix => label::Transport::Unix,
            Transport::Tls(_) => label::Transport::Tls,
        }
    }

    fn sighting(&self, claim: &Claim) -> Sighting {
        let software = claim.terms.attributes.as_deref().map(Software::of).unwrap_or_default();
        let client = ledger::Key {
            account: attributes::clean(&claim.user),
            network: self.network.clone(),
            program: software.program,
            listener: self.listener.clone(),
        };
        Sighting {
            client,
            address: self.address,
            library: software.library,
            transport: self.transport.clone(),
        }
    }
}

impl LoginAttempt<'_> {
    /// Counts a login whose proof was right, and judges it by its account's stage.
    ///
    /// # Errors
    /// The stage refuses plaintext.
    pub fn settle(&self, claim: &Claim) -> Result<(), LoginError> {
        let sighting = self.client.entrance.sighting(claim);
        let now = SystemTime::now();
        if sighting.transport == Transport::Plaintext {
            self.judge(claim, sighting, now)?;
        } else {
            let client = sighting.client.clone();
            self.count_shadow(&client);
            self.alarm(self.frontend.ledger.record(sighting, now), &client);
        }
        let account = self.context.accounts.find(&claim.user).map(|account| account.user.as_str());
        self.frontend.metrics.account_logins.increment(account, self.client.entrance.label());
        Ok(())
    }

    /// Counts what a candidate would have done with this client.
    fn count_shadow(&self, client: &ledger::Key) {
        let since = self.context.shadow_since();
        let (Some(since), Some(objections)) = (since, &self.client.entrance.objections) else { return };
        self.frontend.shadows.record(since, client, objections);
        let verdict = if objections.is_empty() { ShadowVerdict::Kept } else { ShadowVerdict::Broken };
        self.frontend.metrics.shadow_logins.increment(verdict);
    }

    /// Tells of a client that is less safe than it was.
    fn alarm(&self, downgrade: Option<Downgrade>, client: &ledger::Key) {
        let Some(downgrade) = downgrade else { return };
        self.frontend.metrics.downgrades.increment(downgrade);
        let ledger::Key { account, network, program, listener } = client;
        let kind = downgrade.label();
        tracing::warn!(
            account,
            network,
            program,
            listener,
            kind,
            "a client is less safe than it was: downgrade"
        );
    }

    fn judge(&self, claim: &Claim, sighting: Sighting, now: SystemTime) -> Result<(), LoginError> {
        let Sighting { client, library, .. } = sighting.clone();
        let account = String::from_utf8_lossy(&claim.user);
        let judged = self.frontend.stages.judge(&self.context.stages, &account, now);
        if let Some(setting) = &judged.stepped_back {
            self.frontend.metrics.step_backs.increment(1);
            tell_of_step_back(setting, &client);
        }
        let outcome = PlaintextOutcome::of(judged.stage, judged.verdict);
        self.frontend.metrics.plaintext_logins.increment(outcome);
        let ledger = &self.frontend.ledger;
        let downgrade = match judged.verdict {
            Verdict::Admitted => ledger.record(sighting, now),
            Verdict::Refused => ledger.refuse(sighting, now),
        };
        self.alarm(downgrade, &client);
        if judged.stage != Stage::Observe && ledger.is_due(&client, now) {
            tell(&client, &library, judged.stage, judged.verdict);
        }
        match judged.verdict {
            Verdict::Admitted => Ok(()),
            Verdict::Refused => Err(LoginError::PlaintextRefused(judged.stage)),
        }
    }
}

fn tell(client: &ledger::Key, library: &str, stage: Stage, verdict: Verdict) {
    let ledger::Key { account, network, program, listener } = client;
    let (stage, remedy) = (stage.label(), switch_on(library));
    match verdict {
        Verdict::Admitted => {
            tracing::warn!(
                account,
                network,
                program,
                library,
                listener,
                stage,
                remedy,
                "client in plaintext"
            );
        }
        Verdict::Refused => {
            tracing::warn!(
                account,
                network,
                program,
                library,
                listener,
                stage,
                remedy,
                "client in plaintext refused"
            );
        }
    }
}

fn tell_of_step_back(setting: &Setting, client: &ledger::Key) {
    tracing::error!(
        account = setting.account,
        network = client.network,
        program = client.program,
        "too many refusals: TLS is not enforced for this account any more, its stage is warn until it is set again \
         (sealock stage)"
    );
}
