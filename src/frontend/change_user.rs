//! COM_CHANGE_USER: another login on a live connection.
//!
//! The new login gets a backend connection of its own, and the old one is given up only when that has succeeded: after a
//! failed attempt the session goes on as it was, as it does on MariaDB 10.11, and after the third it ends.

use std::sync::Arc;

use tokio::time::Instant;

use crate::auth::Salt;
use crate::backend::connector::Terms;
use crate::frontend::client::Incoming;
use crate::frontend::client_stream::ClientStream;
use crate::frontend::error::{ErrorOrigin, SessionEnd};
use crate::frontend::login::{Claim, LoggedIn, LoginAttempt, Opening};
use crate::frontend::login_error::LoginError;
use crate::frontend::session::{Session, profile};
use crate::pool::Lease;
use crate::protocol::capabilities::Capabilities;
use crate::protocol::handshake::ChangeUser;
use crate::protocol::packet::{HEADER_LEN, SequenceId};
use crate::protocol::reply::ServerError;
use crate::telemetry;
use crate::tls::packets::PacketStream;

/// Failed attempts after which the session ends.
const MOST_FAILURES: u8 = 3;

impl Session {
    /// Logs the client in as somebody else.
    pub(super) async fn change_user(&mut self, incoming: Incoming) -> Result<(), SessionEnd> {
        self.waits_for_answer = true;
        let context = self.frontend.context.load_full();
        let limit = context.limits.max_handshake_packet;
        if incoming.header.len > limit {
            return Err(SessionEnd::ClientMalformed);
        }
        while self.client.buffer.len() < incoming.packet_len() {
            self.more_from_client().await?;
        }
        let facts = self.client.facts().clone();
        let payload = self.client.buffer.bytes().get(HEADER_LEN..incoming.packet_len()).unwrap_or_default();
        let command = ChangeUser::parse(payload, facts.capabilities);
        self.client.buffer.consume(incoming.packet_len());
        // What a server answers to a command that it cannot read; the session goes on.
        let Ok(command) = command else {
            return self.reply_error(&ServerError::unknown_command(), ErrorOrigin::Client).await;
        };
        let claim = claim(command, facts.capabilities, facts.max_packet);
        let frontend = Arc::clone(&self.frontend);
        let replaced = self.lease.as_ref().and_then(Lease::slot).cloned();
        let attempt = LoginAttempt {
            frontend: &frontend,
            context: &context,
            client: &facts,
            replaces: replaced.as_ref(),
        };
        let mut packets = self.client.packets(incoming.header.sequence.next(), limit);
        packets.set_deadline(Instant::now() + context.limits.handshake_timeout);
        let logged_in = converse(&attempt, &mut packets, &claim).await;
        let sequence = packets.sequence();
        let (_, ahead) = packets.into_parts();
        self.client.packets_done(ahead);
        match logged_in {
            Ok(logged_in) => self.become_user(claim.user, logged_in, sequence).await,
            Err(error) => self.refuse(&error, sequence).await,
        }
    }

    async fn become_user(
        &mut self,
        user: Vec<u8>,
        logged_in: LoggedIn,
        sequence: SequenceId,
    ) -> Result<(), SessionEnd> {
        self.detach();
        self.registered.become_user(profile(&user, self.client.facts(), &logged_in));
        let former = self.multiplex.take();
        (self.lease, self.multiplex) = logged_in.backing.into_parts();
        if let (Some(own), Some(former)) = (&mut self.multiplex, former) {
            own.count_on_from(&former);
        }
        self.account_place = logged_in.place;
        self.user = user;
        self.attach();
        self.frontend.metrics.logins.increment(logged_in.rung);
        self.send_login_ok(sequence).await
    }

    async fn refuse(&mut self, error: &LoginError, sequence: SequenceId) -> Result<(), SessionEnd> {
        tracing::debug!(client = %self.id(), reason = telemetry::chain(error), "user not changed");
        if let Some(reply) = error.to_client() {
            let payload = reply.encode(self.client.facts().capabilities);
            self.client.send_packet(sequence, &payload).await?;
        }
        self.waits_for_answer = false;
        let is_a_failed_proof = !matches!(error, LoginError::Unavailable(_));
        self.failed_logins += u8::from(is_a_failed_proof);
        let hopeless = matches!(error, LoginError::Client(_)) || self.failed_logins >= MOST_FAILURES;
        if hopeless { Err(SessionEnd::ChangeUserFailed) } else { Ok(()) }
    }
}

async fn converse(
    attempt: &LoginAttempt<'_>,
    packets: &mut PacketStream<&mut ClientStream>,
    claim: &Claim,
) -> Result<LoggedIn, LoginError> {
    let salt = Salt::random().map_err(|_| LoginError::NoRandomness)?;
    let logged_in = attempt.log_in(packets, claim, salt, Opening::Ask).await?;
    attempt.settle(claim).map(|()| logged_in)
}

fn claim(command: ChangeUser, capabilities: Capabilities, max_packet: u32) -> Claim {
    Claim {
        user: command.user,
        plugin: command.plugin,
        response: command.auth_response,
        terms: Terms {
            capabilities,
            collation: command.collation.unwrap_or_default(),
            max_packet,
            schema: command.schema.filter(|schema| !schema.is_empty()),
            attributes: command.attributes,
        },
    }
}
