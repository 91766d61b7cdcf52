//! Every metric there is: name, kind, unit, labels and help text.
//!
//! Modules resolve handles for these through [`Registry`](crate::telemetry::Registry) once, when they are built.
//! docs/metrics.md is the operator's copy; `tests/docs.rs` compares the two.
//!
//! Names follow `sealock_<subject>_<unit>[_total]`; the `process_…` ones are Prometheus' own, so that stock dashboards
//! find them. Label values come from enums or from names in the configuration, never from SQL or from a client.

use std::marker::PhantomData;

use metrics::{Counter, Gauge, Histogram, Unit};

/// A metric whose handles are of type `H`: asking for a gauge's counter does not compile.
#[derive(Clone, Copy, Debug)]
pub struct Metric<H> {
    /// What it is called and means.
    pub spec: Spec,
    handle: PhantomData<H>,
}

/// What a metric is called and means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Full name, as scraped.
    pub name: &'static str,
    /// Counter, gauge or histogram.
    pub kind: Kind,
    /// Unit of the value.
    pub unit: Unit,
    /// Label names, in the order in which their values are given.
    pub labels: &'static [&'static str],
    /// One sentence for `# HELP`.
    pub help: &'static str,
}

/// How a metric behaves over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows while the process lives.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations by size.
    Histogram,
}

impl Kind {
    /// The word that the exposition format and the documentation use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Declares each metric as a constant and lists them all in [`ALL`]; the help text is the constant's documentation.
macro_rules! metrics {
    ($($kind:ident $constant:ident = $name:literal in $unit:ident [$($label:literal),*] $help:literal;)+) => {
        $(
            #[doc = $help]
            pub const $constant: Metric<$kind> = Metric {
                spec: Spec {
                    name: $name,
                    kind: Kind::$kind,
                    unit: Unit::$unit,
                    labels: &[$($label),*],
                    help: $help,
                },
                handle: PhantomData,
            };
        )+

        /// Every metric, in the order of docs/metrics.md.
        pub const ALL: &[Spec] = &[$($constant.spec),+];
    };
}

metrics! {
    // The process.
    Gauge BUILD_INFO = "sealock_build_info" in Count ["version"]
        "Always 1; the version is in the label.";
    Gauge PROCESS_START = "process_start_time_seconds" in Seconds []
        "When the process started, as a Unix timestamp.";
    Gauge PROCESS_OPEN_FDS = "process_open_fds" in Count []
        "File descriptors in use; each client and each backend connection takes one.";
    Gauge PROCESS_MAX_FDS = "process_max_fds" in Count []
        "File descriptors allowed (soft limit).";
    Gauge PROCESS_RESIDENT_MEMORY = "process_resident_memory_bytes" in Bytes []
        "Resident memory of the process.";
    Gauge DRAINING = "sealock_draining" in Count []
        "1 while the process lets its clients finish before it ends, otherwise 0.";
    Counter LOG_EVENTS = "sealock_log_events_total" in Count ["level"]
        "Log events at level warn or error, also where the filter hides them.";

    // Configuration and certificates.
    Gauge CONFIG_GENERATION = "sealock_config_generation" in Count []
        "Generation of the configuration in use: 1 at start, one more after each applied reload.";
    Counter CONFIG_RELOADS = "sealock_config_reloads_total" in Count ["outcome"]
        "Reloads of configuration and certificates: applied, or refused with everything left as it was.";
    Gauge CONFIG_LAST_RELOAD = "sealock_config_last_reload_timestamp_seconds" in Seconds []
        "When the configuration in use was loaded, as a Unix timestamp.";
    Gauge CRL_NEXT_UPDATE = "sealock_crl_next_update_timestamp_seconds" in Seconds ["identity"]
        "When the revocation list of a listener's client CAs that is the first to end should have a successor, as a Unix timestamp; NaN where there is none.";
    Gauge CERTIFICATE_NOT_AFTER = "sealock_certificate_not_after_timestamp_seconds" in Seconds ["identity", "part"]
        "When a certificate in use expires, as a Unix timestamp: the leaf, the first to end of its intermediates, or of the CAs that the other side is verified with; NaN once a reload took it away.";

    // Clients.
    Gauge CLIENTS = "sealock_clients" in Count ["transport"]
        "Clients that are logged in.";
    Gauge CLIENTS_LIMIT = "sealock_clients_limit" in Count []
        "Client connections allowed in all (limits.max_clients).";
    Gauge CLIENTS_HANDSHAKING = "sealock_clients_handshaking" in Count []
        "Client connections accepted but not logged in yet.";
    Counter CLIENT_CONNECTIONS = "sealock_client_connections_total" in Count ["transport"]
        "Client connections whose login was completed.";
    Counter CLIENT_LOGINS = "sealock_client_logins_total" in Count ["rung"]
        "Completed logins by the way in which the client was authenticated; COM_CHANGE_USER is one too.";
    Gauge ACCOUNT_RUNGS = "sealock_account_rungs" in Count ["rung"]
        "Accounts that are known, by how their clients are authenticated: those of the configuration, and those of each server's account table.";
    Counter CLIENT_REFUSALS = "sealock_client_refusals_total" in Count ["cause"]
        "Client connections that ended before their login was complete.";
    Counter PLAINTEXT_LOGINS = "sealock_plaintext_logins_total" in Count ["outcome"]
        "Logins in plaintext over a network, the proof being right, by what their account's stage did with them.";
    Counter ACCOUNT_LOGINS = "sealock_account_logins_total" in Count ["account", "transport"]
        "Logins that were let in, by account and transport: those of the configuration by name, all others together as (other).";
    Gauge ACCOUNTS = "sealock_accounts" in Count ["stage"]
        "Accounts that are in the configuration or have been seen, by the stage in force, as of the last five seconds.";
    Gauge ACCOUNTS_READY = "sealock_accounts_ready" in Count []
        "Those of them that are ready for TLS to be enforced, see sealock adoption.";
    Counter STAGE_STEP_BACKS = "sealock_stage_step_backs_total" in Count []
        "Times that an account went back to stage warn because more of its clients would have been refused than are borne.";
    Counter SHADOW_LOGINS = "sealock_shadow_logins_total" in Count ["verdict"]
        "Logins inside TLS that the candidate of their listener (listener.shadow) was tried on: kept, or broken if it were in use.";
    Counter DOWNGRADES = "sealock_downgrades_total" in Count ["kind"]
        "Logins that are less safe than those before from the same account and network: plaintext after TLS, an older version, no hybrid key exchange.";
    Counter CLIENT_DISCONNECTS = "sealock_client_disconnects_total" in Count ["cause"]
        "Ends of logged-in client connections.";
    Histogram CLIENT_HANDSHAKE = "sealock_client_handshake_seconds" in Seconds []
        "Time from accepting a client to the end of its login: TLS, a relayed login and the wait for a backend connection included.";
    Counter CLIENT_RECEIVED_BYTES = "sealock_client_received_bytes_total" in Bytes []
        "Bytes of commands and local files from logged-in clients, packet headers included, without TLS and compression.";
    Counter CLIENT_SENT_BYTES = "sealock_client_sent_bytes_total" in Bytes []
        "Bytes of responses relayed to clients, packet headers included, without TLS and compression.";

    // TLS, on both sides.
    Counter TLS_HANDSHAKES = "sealock_tls_handshakes_total" in Count ["side", "version", "group"]
        "Completed TLS handshakes by protocol version and key-exchange group; none is the group of a resumed TLS 1.2 session.";
    Counter TLS_RESUMPTIONS = "sealock_tls_resumptions_total" in Count ["side", "version"]
        "Those of the completed TLS handshakes that resumed an earlier session by its ticket.";
    Counter TLS_OFFERED_GROUPS = "sealock_tls_offered_groups_total" in Count ["group"]
        "ClientHellos of clients by the key-exchange groups they offer, each group once; ffdhe, other and unsaid are kinds.";
    Counter TLS_HANDSHAKE_FAILURES = "sealock_tls_handshake_failures_total" in Count ["side", "cause"]
        "Failed TLS handshakes with backends, by cause; one that was given up for lack of time counts as a backend that timed out, and those of clients are refusals.";

    // Commands.
    Counter COMMANDS = "sealock_commands_total" in Count ["command"]
        "Commands of logged-in clients; a command refused because of a drain is not counted.";
    Histogram STATEMENT = "sealock_statement_seconds" in Seconds []
        "Time from the first bytes of a command to the last of its response: a long command's arrival and a slow reader's delay included.";
    Counter ERROR_REPLIES = "sealock_error_replies_total" in Count ["origin"]
        "Errors told to logged-in clients, except in answer to COM_CHANGE_USER: relayed from the server, or of the proxy's own making.";
    Counter STATEMENTS_KILLED = "sealock_statements_killed_total" in Count []
        "Backend connections killed because their client went away while a statement ran.";
    Counter LOCAL_INFILE_REFUSALS = "sealock_local_infile_refusals_total" in Count []
        "File requests of a backend that the client's statement had not asked for, and that were therefore refused.";

    // Backends.
    Gauge BACKEND_UP = "sealock_backend_up" in Count ["backend"]
        "1 when the latest attempt to connect found it usable, a refused login included, otherwise 0; 0 also once a reload took it away.";
    Gauge BACKEND_CONNECTIONS = "sealock_backend_connections" in Count ["backend", "state"]
        "Backend connections as of the last second: leased (also while being opened, cleaned or killed) or idle.";
    Counter BACKEND_CONNECTS = "sealock_backend_connects_total" in Count ["backend", "outcome"]
        "Attempts to open a backend connection, probes included; where a client's login is relayed, without that login.";
    Histogram BACKEND_CONNECT = "sealock_backend_connect_seconds" in Seconds ["backend"]
        "Time to open a backend connection: TCP, TLS and login; where a client's login is relayed, without that login.";
    Counter BACKEND_CLOSES = "sealock_backend_closes_total" in Count ["backend", "reason"]
        "Ends of backend connections that clients had or could have had; those of probes and kills are not counted.";

    // The pool.
    Histogram POOL_ACQUIRE = "sealock_pool_acquire_seconds" in Seconds []
        "Time a client waited for the backend connection it got, opening or resetting one included; without relayed logins.";
    Gauge POOL_WAITERS = "sealock_pool_waiters" in Count ["backend"]
        "Clients that wait, as of the last second, because an account's connections to the backend are all taken.";
    Counter POOL_SYNCS = "sealock_pool_syncs_total" in Count ["backend"]
        "Times a shared connection had to be brought to the state of the session that borrowed it.";
    Counter POOL_SYNC_STATEMENTS = "sealock_pool_sync_statements_total" in Count ["backend"]
        "Commands sent to bring shared connections to sessions' states; those of one time are sent together.";
    Counter POOL_SYNC_BYTES = "sealock_pool_sync_bytes_total" in Bytes ["backend"]
        "Bytes of those commands, packet headers not counted.";
    Counter POOL_RESETS = "sealock_pool_resets_total" in Count ["backend"]
        "Connections reset with COM_RESET_CONNECTION after a session left something on them.";
    Gauge PINS = "sealock_pins" in Count ["reason"]
        "Reasons for which sessions keep a shared connection between statements at this moment; a session may have several.";
    Counter PINNED = "sealock_pins_total" in Count ["reason"]
        "Times that a session began to keep a shared connection for this reason.";
    Counter SESSION_ANSWERS = "sealock_session_answers_total" in Count ["kind"]
        "Commands answered without a backend, because the answer was known.";
    Counter RETRIES = "sealock_retries_total" in Count []
        "Statements sent again on another connection, because the first was lost before anything of an answer came.";
    Counter POOL_TIMEOUTS = "sealock_pool_timeouts_total" in Count ["backend"]
        "Waits for a connection to the backend that pool.acquire_timeout ended.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_used_once() {
        for (i, metric) in ALL.iter().enumerate() {
            assert!(ALL[..i].iter().all(|other| other.name != metric.name), "{} twice", metric.name);
        }
    }

    #[test]
    fn names_follow_the_convention() {
        for Spec { name, kind, unit, .. } in ALL {
            assert!(name.starts_with("sealock_") || name.starts_with("process_"), "{name}");
            assert_eq!(
                *kind == Kind::Counter,
                name.ends_with("_total"),
                "{name}: only counters end in _total"
            );
            let base = name.trim_end_matches("_total");
            assert_eq!(*unit == Unit::Seconds, base.ends_with("_seconds"), "{name}: unit {unit:?}");
            assert_eq!(*unit == Unit::Bytes, base.ends_with("_bytes"), "{name}: unit {unit:?}");
        }
    }

    #[test]
    fn every_help_text_is_one_line_that_ends_as_a_sentence() {
        for Spec { name, help, .. } in ALL {
            assert!(help.ends_with('.') && !help.contains('\n'), "{name}: {help:?}");
        }
    }
}
