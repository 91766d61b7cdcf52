//! The contract of multiplexing: thirty hard behaviours, one test each, named by its number.
//!
//! Every test has an account of its own with at most **two** connections to the server, and more sessions than that: A, whose
//! script it is, B and others who must not notice A, and those who see to it that A never finds the connection that it left
//! (`disturbance`). What every session is sent is the same, packet by packet, as in a run without the proxy (`play`), in
//! text and in binary protocol, in every dialect of clients, with and without TLS.
//!
//! What keeps a test from passing for nothing: `say` refuses errors and `fails` refuses successes, so a typing error does
//! not compare equal; disturbers tell from the server's own connection ids that they held every connection at once, and
//! that there are no more than two of them.
//!
//! Where a text says "keeps its connection" the session has a right to it, and `disturb_around` takes what it leaves. Everywhere
//! else `disturb` asks for every connection, and fails with the list of sessions when one is kept.
//!
//! Nothing is cached so far, so 30 promises freshness only.
//!
//! | environment | meaning |
//! |---|---|
//! | `SEALOCK_BEHAVIOURS_MODE` | `multiplex` (unless told) or `session`, where every client has a connection of its own: it proves the scripts, not the sharing |
//! | `SEALOCK_BEHAVIOURS_FULL` | when set, every play in every dialect with both protocols instead of four kinds of client in turns |
//! | `SEALOCK_VANISHING_REPETITIONS` | how many clients vanish in 28 (280 unless told) |
//! | `SEALOCK_PROPERTY_SECONDS`, `SEALOCK_PROPERTY_SEED` | how long `property` runs (15 unless told), and with which scripts |

mod disturbance;
mod faults;
mod play;
mod property;
mod session;
mod stage;

mod b01_session_variables;
mod b02_set;
mod b03_user_variables;
mod b04_transaction_characteristics;
mod b05_set_statement;
mod b06_temporary_tables;
mod b07_user_locks;
mod b08_table_locks;
mod b09_last_insert_id;
mod b10_counts;
mod b11_sequences;
mod b12_diagnostics;
mod b13_autocommit;
mod b14_savepoints;
mod b15_xa;
mod b16_roles;
mod b17_handlers;
mod b18_prepared_statements;
mod b19_extensions;
mod b20_charsets;
mod b21_schemas;
mod b22_resets;
mod b23_several_results;
mod b24_commits;
mod b24_retries;
mod b25_kills;
mod b26_local_files;
mod b27_sizes;
pub mod b28_vanishing;
mod b29_accounts;
mod b30_freshness;

use std::env;

/// How connections are shared unless the environment says otherwise.
const MODE: &str = "multiplex";

/// Prepared statements kept on each connection.
const MAX_STATEMENTS: usize = 50;

/// How the connections of an account are shared among its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sharing {
    /// Two connections for everybody.
    Multiplex,
    /// One for each client.
    Session,
}

impl Sharing {
    fn chosen() -> Self {
        match env::var("SEALOCK_BEHAVIOURS_MODE").as_deref().unwrap_or(MODE) {
            "multiplex" => Self::Multiplex,
            "session" => Self::Session,
            other => panic!("SEALOCK_BEHAVIOURS_MODE is multiplex or session, not {other}"),
        }
    }

    /// The most that an account has at the server.
    fn connections(self) -> usize {
        match self {
            Self::Multiplex => 2,
            Self::Session => 100,
        }
    }

    /// The `[pool]` section: as few connections as the promise allows.
    fn pool(self) -> String {
        let rest = match self {
            Self::Multiplex => {
                format!("mode = \"multiplex\"\nmax_connections = 2\nmax_statements = {MAX_STATEMENTS}")
            }
            Self::Session => "mode = \"session\"\nmax_connections = 100".to_owned(),
        };
        format!("[pool]\nacquire_timeout = \"20s\"\n{rest}")
    }
}
