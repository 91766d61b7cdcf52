//! What is counted on the client's side; handles are resolved once, when the proxy starts.

use std::sync::Arc;

use crate::config::model::Stage;
use crate::frontend::error::{DisconnectCause, ErrorOrigin};
use crate::frontend::login::Rung;
use crate::frontend::multiplex::SessionAnswer;
use crate::migration::downgrade::Downgrade;
use crate::migration::explain::Cause;
use crate::migration::stages::Verdict;
use crate::protocol::command::Command;
use crate::session::PinReason;
use crate::telemetry::label::{Side, Transport};
use crate::telemetry::{Counter, Family, Gauge, Histogram, Label, Registry, names};
use crate::tls::metrics::TlsMetrics;

/// Handles for the client's side.
pub struct FrontendMetrics {
    /// Clients that are logged in.
    pub clients: Family<Transport, Gauge>,
    /// Clients that are not logged in yet.
    pub handshaking: Gauge,
    /// Clients that have logged in.
    pub connections: Family<Transport>,
    /// How they were authenticated.
    pub logins: Family<Rung>,
    /// Connections refused before or during the login.
    pub refusals: Family<Cause>,
    /// What became of logins in plaintext.
    pub plaintext_logins: Family<PlaintextOutcome>,
    /// Logins that were let in.
    pub account_logins: AccountLogins,
    /// Accounts that went back to *warn* by themselves.
    pub step_backs: Counter,
    /// Logins that a candidate was tried on.
    pub shadow_logins: Family<ShadowVerdict>,
    /// Clients that are less safe than they were.
    pub downgrades: Family<Downgrade>,
    /// Ends of sessions.
    pub disconnects: Family<DisconnectCause>,
    /// Time to log in.
    pub handshake_seconds: Histogram,
    /// TLS handshakes.
    pub tls: TlsMetrics,
    /// Commands.
    pub commands: Family<Command>,
    /// Time of a command and its response.
    pub statement_seconds: Histogram,
    /// Bytes from clients.
    pub received: Counter,
    /// Bytes to clients.
    pub sent: Counter,
    /// Errors told to clients.
    pub error_replies: Family<ErrorOrigin>,
    /// Statements sent again.
    pub retries: Counter,
    /// Commands answered without a server.
    pub session_answers: Family<SessionAnswer>,
    /// What pins sessions.
    pub pins: Family<PinReason, Gauge>,
    /// Times that something began to.
    pub pinned: Family<PinReason>,
    /// Files that were not handed out.
    pub file_refusals: Counter,
}

impl FrontendMetrics {
    /// Resolves everything.
    pub fn new(registry: &Arc<Registry>) -> Self {
        Self {
            clients: registry.gauges(&names::CLIENTS, &[]),
            handshaking: registry.gauge(&names::CLIENTS_HANDSHAKING, &[]),
            connections: registry.counters(&names::CLIENT_CONNECTIONS, &[]),
            logins: registry.counters(&names::CLIENT_LOGINS, &[]),
            refusals: registry.counters(&names::CLIENT_REFUSALS, &[]),
            plaintext_logins: registry.counters(&names::PLAINTEXT_LOGINS, &[]),
            account_logins: AccountLogins(Arc::clone(registry)),
            step_backs: registry.counter(&names::STAGE_STEP_BACKS, &[]),
            shadow_logins: registry.counters(&names::SHADOW_LOGINS, &[]),
            downgrades: registry.counters(&names::DOWNGRADES, &[]),
            disconnects: registry.counters(&names::CLIENT_DISCONNECTS, &[]),
            handshake_seconds: registry.histogram(&names::CLIENT_HANDSHAKE, &[]),
            tls: TlsMetrics::new(registry, Side::Client),
            commands: registry.counters(&names::COMMANDS, &[]),
            statement_seconds: registry.histogram(&names::STATEMENT, &[]),
            received: registry.counter(&names::CLIENT_RECEIVED_BYTES, &[]),
            sent: registry.counter(&names::CLIENT_SENT_BYTES, &[]),
            error_replies: registry.counters(&names::ERROR_REPLIES, &[]),
            retries: registry.counter(&names::RETRIES, &[]),
            session_answers: registry.counters(&names::SESSION_ANSWERS, &[]),
            pins: registry.gauges(&names::PINS, &[]),
            pinned: registry.counters(&names::PINNED, &[]),
            file_refusals: registry.counter(&names::LOCAL_INFILE_REFUSALS, &[]),
        }
    }
}

/// Logins by account, of which only those of the configuration have names here.
pub struct AccountLogins(Arc<Registry>);

/// All other accounts; a user name that reads so is another matter, but no configuration will have it.
pub const OTHER_ACCOUNTS: &str = "(other)";

impl AccountLogins {
    /// Counts one. Looked up by name: a login is far dearer than that.
    pub fn increment(&self, account: Option<&str>, transport: Transport) {
        let labels = [account.unwrap_or(OTHER_ACCOUNTS), transport.label()];
        self.0.counter(&names::ACCOUNT_LOGINS, &labels).increment(1);
    }
}

/// What a candidate would have done with a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShadowVerdict {
    /// It would have come in, as far as can be known.
    Kept,
    /// It would not.
    Broken,
}

crate::label!(ShadowVerdict { Kept => "kept", Broken => "broken" });

/// What became of a login in plaintext.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaintextOutcome {
    /// Let in under *observe*.
    Observed,
    /// Let in under *warn*.
    Warned,
    /// Let in under *brownout*.
    Spared,
    /// Refused by a brownout.
    Brownout,
    /// Refused under *enforce*.
    Enforced,
}

crate::label!(PlaintextOutcome {
    Observed => "observed",
    Warned => "warned",
    Spared => "spared",
    Brownout => "brownout",
    Enforced => "enforced",
});

impl PlaintextOutcome {
    /// By the stage in force. What is refused was refused by a stage that refuses.
    pub fn of(stage: Stage, verdict: Verdict) -> Self {
        match (stage, verdict) {
            (Stage::Observe, _) => Self::Observed,
            (Stage::Brownout, Verdict::Refused) => Self::Brownout,
            (Stage::Brownout, Verdict::Admitted) => Self::Spared,
            (Stage::Enforce, _) => Self::Enforced,
            (Stage::Warn, _) => Self::Warned,
        }
    }
}

/// A command as a label; bytes without a name share one.
impl Label for Command {
    const ALL: &'static [Self] = &[
        Self::Quit,
        Self::InitDb,
        Self::Query,
        Self::FieldList,
        Self::Statistics,
        Self::ProcessInfo,
        Self::ProcessKill,
        Self::Debug,
        Self::Ping,
        Self::ChangeUser,
        Self::BinlogDump,
        Self::RegisterReplica,
        Self::StmtPrepare,
        Self::StmtExecute,
        Self::StmtSendLongData,
        Self::StmtClose,
        Self::StmtReset,
        Self::SetOption,
        Self::StmtFetch,
        Self::ResetConnection,
        Self::StmtBulkExecute,
        Self::Other(0),
    ];

    fn label(self) -> &'static str {
        match self {
            Self::Quit => "quit",
            Self::InitDb => "init_db",
            Self::Query => "query",
            Self::FieldList => "field_list",
            Self::Statistics => "statistics",
            Self::ProcessInfo => "process_info",
            Self::ProcessKill => "process_kill",
            Self::Debug => "debug",
            Self::Ping => "ping",
            Self::ChangeUser => "change_user",
            Self::BinlogDump => "binlog_dump",
            Self::RegisterReplica => "register_replica",
            Self::StmtPrepare => "stmt_prepare",
            Self::StmtExecute => "stmt_execute",
            Self::StmtSendLongData => "stmt_send_long_data",
            Self::StmtClose => "stmt_close",
            Self::StmtReset => "stmt_reset",
            Self::SetOption => "set_option",
            Self::StmtFetch => "stmt_fetch",
            Self::ResetConnection => "reset_connection",
            Self::StmtBulkExecute => "stmt_bulk_execute",
            Self::Other(_) => "other",
        }
    }

    fn index(self) -> usize {
        match self {
            Self::Quit => 0,
            Self::InitDb => 1,
            Self::Query => 2,
            Self::FieldList => 3,
            Self::Statistics => 4,
            Self::ProcessInfo => 5,
            Self::ProcessKill => 6,
            Self::Debug => 7,
            Self::Ping => 8,
            Self::ChangeUser => 9,
            Self::BinlogDump => 10,
            Self::RegisterReplica => 11,
            Self::StmtPrepare => 12,
            Self::StmtExecute => 13,
            Self::StmtSendLongData => 14,
            Self::StmtClose => 15,
            Self::StmtReset => 16,
            Self::SetOption => 17,
            Self::StmtFetch => 18,
            Self::ResetConnection => 19,
            Self::StmtBulkExecute => 20,
            Self::Other(_) => 21,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_counts_under_its_own_name() {
        for (index, command) in Command::ALL.iter().enumerate() {
            assert_eq!(command.index(), index, "{command:?}");
            assert!(Command::ALL[..index].iter().all(|other| other.label() != command.label()));
        }
    }
}
