//! What the servers' account tables say of a client that logs in.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::auth::account_row::AccountRow;
use crate::auth::standing::{Announced, Applicant, Reason, Refused, Standing};
use crate::backend::Backend;
use crate::backend::account_table::Reading;
use crate::config::model::PoolMode;
use crate::frontend::account_watch::Looked;
use crate::frontend::context::Context;
use crate::frontend::login::{Claim, LoginAttempt, Opening};
use crate::protocol::handshake::plugin;

impl Context {
    /// Whether the servers' account tables are read, and with which login.
    pub fn recovers(&self) -> bool {
        self.auth.recover && self.service.is_some()
    }
}

impl LoginAttempt<'_> {
    /// What becomes of this login, by what is known of the account. Where the server would refuse it, the tables are read
    /// again first, unless they were a moment ago.
    pub(super) async fn standing(&self, claim: &Claim) -> Standing {
        if !self.context.recovers() {
            return Standing::Relayed(Reason::Unread("the account tables are not read".to_owned()));
        }
        self.frontend.account_watch.begun().await;
        let standing = self.standing_now(&claim.user);
        let doubtful = matches!(standing, Standing::Refused(Refused::Host(_) | Refused::NotFromHere(_)));
        if doubtful && self.frontend.account_watch.look_again().await == Looked::Again {
            return self.standing_now(&claim.user);
        }
        standing
    }

    fn standing_now(&self, user: &[u8]) -> Standing {
        let now = seconds(SystemTime::now());
        let standings = self.context.backends.iter().filter_map(|backend| {
            let Reading::Read(sight) = &*backend.accounts().reading() else { return None };
            let applicant = Applicant {
                user,
                ip: self.client.origin.map(|origin| origin.client.ip()),
                offered: self.client.offered.as_deref(),
                announced: announced(backend, self.client.origin.is_some()),
            };
            Some(sight.judge(&applicant, self.context.auth.hosts, now))
        });
        match Standing::agreed(standings) {
            None => Standing::Relayed(Reason::Unread(why_unread(self.context))),
            Some(Standing::Recovered(_)) if self.context.pool.mode == PoolMode::Session => {
                Standing::Relayed(Reason::SessionMode)
            }
            Some(standing) => standing,
        }
    }
}

/// Whether a server is told the address of a client that has one.
pub fn announced(backend: &Backend, has_address: bool) -> Announced {
    if backend.announces_clients() && has_address { Announced::Yes } else { Announced::No }
}

/// Whether the client's answer can be checked here. One that may prove itself by several plugins is asked by the server, which
/// knows their order, unless it has answered for `mysql_native_password` already.
pub(super) fn is_answered_here(row: &AccountRow, claim: &Claim, opening: Opening) -> bool {
    let native = claim.plugin.as_deref().is_none_or(|named| named == plugin::NATIVE_PASSWORD);
    !row.has_alternatives() || (opening == Opening::Answered && native)
}

/// Why no server's table is known.
pub fn why_unread(context: &Context) -> String {
    if !context.auth.recover {
        return "auth.recover is off".to_owned();
    }
    if context.service.is_none() {
        return "there is no [service] login to read the account table with".to_owned();
    }
    let failures = context.backends.iter().find_map(|backend| match &*backend.accounts().reading() {
        Reading::Failed(why) => Some(why.clone()),
        Reading::NotYet | Reading::Read(_) => None,
    });
    failures.unwrap_or_else(|| "the account table has not been read yet".to_owned())
}

/// Of the epoch.
pub fn seconds(now: SystemTime) -> i64 {
    now.duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(0)
}
