//! `sealock status`: asks a running proxy who holds its backend connections, and prints it for people or for programs.

use std::io::Write;

use axum::http::StatusCode;
use clap::{Args, ValueEnum};

use crate::admin::accounts::Accounts;
use crate::admin::pools::PoolFilter;
use crate::admin::sessions::{SessionFilter, SessionState};
use crate::cli::ask::{Whom, WhomError};
use crate::cli::status::snapshot::{Answers, Snapshot};

mod accounts;
mod print;
mod snapshot;

/// Sessions shown to people unless they ask for more; programs get what the endpoint gives.
const SHOWN: usize = 20;

/// Examples, for `--help`.
pub const EXAMPLES: &str = "\
Examples:
  sealock status                                     the proxy of /etc/sealock/sealock.toml
  sealock status -c sealock.toml                     the one that runs with this file
  sealock status --admin 127.0.0.1:6070              without a file
  sealock status --admin unix:/run/sealock/admin.sock
  sealock status --state pinned                      who keeps a connection without using it, and why
  sealock status --account nova --limit 500
  sealock status --accounts                          how each account is authenticated, and why
  sealock status --json | jq '.sessions.sessions[] | select(.state == \"waiting\")'

Exit code 0: the proxy answered, whatever its state. 1: it cannot be asked; standard error says why and what to do.
2: the command line or the file cannot be used.";

/// Arguments of `sealock status`.
#[derive(Args, Clone, Debug)]
pub struct StatusArgs {
    /// Which proxy to ask.
    #[command(flatten)]
    pub whom: Whom,
    /// Which accounts there are and how their clients are authenticated, instead of sessions and pools.
    #[arg(long, conflicts_with_all = ["state", "pin", "limit"])]
    pub accounts: bool,
    /// Only sessions and pools of this account.
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Only sessions in this state.
    #[arg(long)]
    pub state: Option<StateChoice>,
    /// Only sessions that are pinned for this reason; docs/multiplexing.md has all reasons.
    #[arg(long, value_name = "REASON")]
    pub pin: Option<String>,
    /// Sessions shown at most [default: 20, with --json 1000].
    #[arg(long, value_name = "NUMBER")]
    pub limit: Option<usize>,
    /// Print what the endpoint answered as one JSON object: readiness, pools, sessions.
    #[arg(long)]
    pub json: bool,
}

/// Values of `--state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StateChoice {
    /// Keeps a backend connection without using it.
    Pinned,
    /// A command is under way.
    Running,
    /// Has a command and waits for a backend connection.
    Waiting,
    /// Nothing runs, nothing is kept.
    Idle,
}

/// Why there is no status.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// The proxy did not answer.
    #[error(transparent)]
    Whom(#[from] WhomError),
    /// The output cannot be written.
    #[error("cannot write: {0}")]
    Write(#[from] std::io::Error),
}

impl StatusError {
    /// Whether what the operator gave cannot be used, as opposed to the proxy not answering.
    pub fn is_unusable(&self) -> bool {
        matches!(self, Self::Whom(error) if error.is_unusable())
    }
}

/// Asks the proxy and writes what it says to `out`.
///
/// # Errors
/// See [`StatusError`]; nothing is written then.
pub fn run(args: &StatusArgs, out: &mut dyn Write) -> Result<(), StatusError> {
    if args.accounts {
        return show_accounts(args, out);
    }
    let (pools, sessions) = (args.pool_filter(), args.session_filter());
    let (address, answers) = args.whom.ask(async |client| Answers::ask(client, &pools, &sessions).await)?;
    let snapshot = Snapshot::read(&answers, &address).map_err(WhomError::from)?;
    if args.json {
        answers.write(out)?;
    } else {
        print::print(&snapshot, &address, out)?;
    }
    Ok(())
}

fn show_accounts(args: &StatusArgs, out: &mut dyn Write) -> Result<(), StatusError> {
    let (address, answer) = args.whom.ask(async |client| client.read(accounts::TARGET).await)?;
    let understood = answer.understood(&address, accounts::TARGET, &[StatusCode::OK]);
    let all: Accounts = understood.map_err(WhomError::from)?;
    if args.json {
        out.write_all(&answer.body)?;
        writeln!(out)?;
    } else {
        accounts::print(&all, args.account.as_deref(), out)?;
    }
    Ok(())
}

impl StatusArgs {
    fn session_filter(&self) -> SessionFilter {
        let (account, pin) = (self.account.clone(), self.pin.clone());
        let state = self.state.map(SessionState::from);
        let filter = SessionFilter { account, state, pin, ..SessionFilter::default() };
        let limit = if self.json { filter.limit } else { SHOWN };
        SessionFilter { limit: self.limit.unwrap_or(limit), ..filter }
    }

    fn pool_filter(&self) -> PoolFilter {
        PoolFilter { account: self.account.clone(), ..PoolFilter::default() }
    }
}

impl From<StateChoice> for SessionState {
    fn from(choice: StateChoice) -> Self {
        match choice {
            StateChoice::Pinned => Self::Pinned,
            StateChoice::Running => Self::Running,
            StateChoice::Waiting => Self::Waiting,
            StateChoice::Idle => Self::Idle,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::os::unix::net::UnixListener;
    use std::path::Path;
    use std::sync::Arc;
    use std::thread;

    use clap::{Command, FromArgMatches as _};
    use tokio::sync::oneshot;

    use super::*;
    use crate::admin::certificates::Certificates;
    use crate::admin::http::{self, AdminState, Endpoint};
    use crate::admin::pools::{self, Pools};
    use crate::admin::ready::{BackendHealth, BackendState, Readiness};
    use crate::admin::reloads::Reloads;
    use crate::admin::sessions::{self, Sessions};
    use crate::admin::views::Views;
    use crate::app::run::runtime;
    use crate::migration::adoption::Adoption;

    fn state() -> AdminState {
        let backends = || vec![BackendHealth { name: "db1".to_owned(), state: BackendState::Up }];
        let ready = move || Readiness { backends: backends(), draining: true };
        AdminState { registry: Arc::default(), ready: Arc::new(ready) }
    }

    fn endpoint() -> Endpoint {
        let sessions =
            || [sessions::tests::row(1, "nova"), sessions::tests::pinned(2, "a&b", "user_lock", 75.0)];
        let pools = || [pools::tests::row("db1", "nova", 4, 1), pools::tests::row("db1", "a&b", 1, 0)];
        state().with_views(Views {
            sessions: Arc::new(move |filter| Sessions::select(sessions(), filter)),
            pools: Arc::new(move |filter| Pools::select(pools(), filter)),
            certificates: Arc::new(|| Certificates { generation: 1, identities: Vec::new() }),
            accounts: Arc::new(Accounts::default),
            adoption: Arc::new(|| Adoption { accounts: Vec::new(), entries: Vec::new() }),
            shadow: Arc::new(crate::migration::shadow::Report::default),
            stages: Arc::new(crate::admin::stages::tests::none),
            reloads: Arc::new(|| Reloads { reloads: Vec::new() }),
        })
    }

    /// An endpoint that serves until this is dropped.
    struct Served {
        address: String,
        _stop: oneshot::Sender<()>,
    }

    fn serve(endpoint: impl Into<Endpoint>) -> Served {
        let (endpoint, socket) = (endpoint.into(), TcpListener::bind("127.0.0.1:0").unwrap());
        let address = socket.local_addr().unwrap().to_string();
        socket.set_nonblocking(true).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        thread::spawn(move || {
            runtime(Some(1)).unwrap().block_on(async {
                let listener = tokio::net::TcpListener::from_std(socket).unwrap();
                http::serve(listener, endpoint, async { drop(stopped.await) }).await
            })
        });
        Served { address, _stop: stop }
    }

    /// Somebody else, who says this to whoever connects.
    fn stranger(says: &'static str) -> String {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap().to_string();
        thread::spawn(move || {
            let (mut stream, _) = socket.accept().unwrap();
            let _ = stream.write_all(says.as_bytes());
            let _ = stream.read(&mut [0; 1024]);
        });
        address
    }

    /// What `sealock status` with these words prints.
    fn status(words: &[&str]) -> Result<String, StatusError> {
        let command = StatusArgs::augment_args(Command::new("status"));
        let matches = command.try_get_matches_from(["status"].iter().chain(words)).unwrap();
        let mut out = Vec::new();
        run(&StatusArgs::from_arg_matches(&matches).unwrap(), &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn people_see_tables_with_totals() {
        let served = serve(endpoint());
        let expected = "\
not ready: draining: existing clients may finish, new ones are refused

BACKEND  ACCOUNT  MODE       LEASED  PINNED  IDLE  LIMIT  WAITING  LONGEST
db1      nova     multiplex       4       2     6     10        1     1.0s
db1      a&b      multiplex       1       0     9     10        0        -
total                             5       2    15     20        1     1.0s

ID  ACCOUNT  CLIENT          TLS      RUNG        MODE       STATE     FOR  PINNED BY        CONNECTION  STATEMENT
 2  a&b      10.0.0.7:51000  TLSv1.3  configured  multiplex  pinned  1m15s  user_lock 1m15s  db1 417     CREATE TEMPORARY TABLE t ( a INT )
 1  nova     10.0.0.7:51000  TLSv1.3  configured  multiplex  idle     1.0s  -                -           -
sessions: 2 (1 pinned, 0 running, 0 waiting, 1 idle)
pinned by: user_lock 1
";
        let shown = status(&["--admin", &served.address]).unwrap();
        assert_eq!(shown, format!("{}: {expected}", served.address));
    }

    #[test]
    fn filters_and_the_limit_reach_the_proxy() {
        let served = serve(endpoint());
        let shown = status(&["--admin", &served.address, "--account", "a&b"]).unwrap();
        assert!(!shown.contains("nova") && shown.contains("sessions: 1 (1 pinned"), "{shown}");
        let shown = status(&["--admin", &served.address, "--limit", "1"]).unwrap();
        assert!(shown.contains("; 1 shown, --limit 2 shows all"), "{shown}");
        let shown = status(&["--admin", &served.address, "--state", "idle"]).unwrap();
        assert!(shown.contains("sessions: 1 (0 pinned"), "{shown}");
        let shown = status(&["--admin", &served.address, "--pin", "xa"]).unwrap();
        assert!(shown.contains("sessions: 0 ("), "{shown}");
    }

    #[test]
    fn programs_get_what_the_endpoint_answered() {
        let served = serve(endpoint());
        let shown = status(&["--admin", &served.address, "--json"]).unwrap();
        let value: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(value["readiness"]["ready"], false);
        assert_eq!(value["pools"]["pools"][0]["waiters"], 1);
        assert_eq!(value["sessions"]["sessions"][0]["pins"][0]["reason"], "user_lock");
        assert_eq!(shown.lines().count(), 1);
    }

    #[test]
    fn a_configuration_says_where_to_ask_also_over_a_unix_socket() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("sealock.toml");
        std::fs::write(&file, "admin.http = \"unix:admin.sock\"\n").unwrap();
        let socket = UnixListener::bind(directory.path().join("admin.sock")).unwrap();
        socket.set_nonblocking(true).unwrap();
        thread::spawn(move || {
            runtime(Some(1)).unwrap().block_on(async {
                let listener = tokio::net::UnixListener::from_std(socket).unwrap();
                http::serve(listener, endpoint(), std::future::pending()).await
            })
        });
        let shown = status(&["-c", &file.display().to_string()]).unwrap();
        assert!(shown.contains("/admin.sock: not ready") && shown.contains("sessions: 2 ("), "{shown}");
    }

    #[test]
    fn nobody_there_is_told_with_what_to_do() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap().to_string();
        drop(socket);
        let missing = Path::new("/no/such/socket").display();
        for address in [address, format!("unix:{missing}")] {
            let error = status(&["--admin", &address]).unwrap_err();
            assert!(!error.is_unusable(), "{error}");
            let text = error.to_string();
            assert!(
                text.starts_with(&format!("nothing answers at {address}: is the proxy running?")),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_admin_endpoint_is_recognised() {
        for says in ["\x4a\0\0\0\x0a11.4.2-MariaDB\0", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"] {
            let text = status(&["--admin", &stranger(says)]).unwrap_err().to_string();
            assert!(text.contains("is no admin endpoint of Sealock"), "{text}");
        }
    }

    #[test]
    fn a_proxy_that_is_older_than_the_command_is_told_as_such() {
        let served = serve(state());
        let text = status(&["--admin", &served.address]).unwrap_err().to_string();
        assert!(text.contains("has no /api/v1/pools: it is older than this command"), "{text}");
    }
}
