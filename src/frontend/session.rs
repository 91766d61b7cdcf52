//! One logged-in client with its backend connection: what it consists of, how it begins, waits and ends.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::sync::futures::OwnedNotified;

use crate::backend::connection::Connection;
use crate::backend::shared::Shared;
use crate::frontend::activity::{Profile, Sharing};
use crate::frontend::client::{Client, ClientFacts, Incoming};
use crate::frontend::client_stream::ClientStream;
use crate::frontend::context::Frontend;
use crate::frontend::error::SessionEnd;
use crate::frontend::idle::IdleTimer;
use crate::frontend::limits::{AccountPlace, Place};
use crate::frontend::login::{Backing, LoggedIn, Rung};
use crate::frontend::multiplex::Multiplex;
use crate::frontend::recheck::{Certified, Recheck};
use crate::frontend::registry::{ClientId, Kill, Located, Registered};
use crate::frontend::send::Untaken;
use crate::pool::Lease;
use crate::pool::close_reason::CloseReason;
use crate::protocol::capabilities::Capabilities;
use crate::protocol::command::Shape;
use crate::protocol::dialect::{Dialect, FileAccess, Stop, Translator};
use crate::protocol::packet::{HEADER_LEN, SequenceId, append};
use crate::protocol::session_track::ClientTracking;
use crate::protocol::status::StatusFlags;
use crate::telemetry::Held;
use crate::telemetry::label::Transport;
use crate::tls::packets::PacketStream;

/// What a waiting session keeps of the room for translated bytes.
const KEPT: usize = 1024;

/// One logged-in client.
pub struct Session {
    pub(super) frontend: Arc<Frontend>,
    pub(super) user: Vec<u8>,
    pub(super) client: Client,
    /// The backend connection, if it has one at the moment.
    pub(super) lease: Option<Lease>,
    /// What it has beside if it shares connections with others; away while a command runs.
    pub(super) multiplex: Option<Box<Multiplex>>,
    pub(super) registered: Registered,
    /// Translated bytes on their way to the client; kept for its capacity.
    pub(super) out: Vec<u8>,
    /// The client waits for an answer, and an error of ours may be it.
    pub(super) waits_for_answer: bool,
    /// Sequence id of the last packet of the exchange; an error of ours has the one after it.
    pub(super) asked: SequenceId,
    /// What of the present command is still to be taken from the client.
    pub(super) untaken: Untaken,
    /// A statement was prepared that names a local file, so executing one may ask for it.
    pub(super) prepared_files: FileAccess,
    pub(super) account_place: AccountPlace,
    /// Attempts to log in as somebody else that failed.
    pub(super) failed_logins: u8,
    recheck: Recheck,
    pub(super) wake: Pin<Box<OwnedNotified>>,
    idle: IdleTimer,
    _place: Place,
    _counted: Held,
}

/// What is to be seen of a client that has just logged in.
pub(super) fn profile(user: &[u8], facts: &ClientFacts, logged_in: &LoggedIn) -> Profile {
    let sharing = match (&logged_in.backing, logged_in.rung) {
        (Backing::Shared(_), _) => Sharing::Multiplex,
        (Backing::Own(_), Rung::Relay) => Sharing::RelayedLogin,
        (Backing::Own(_), Rung::Configured | Rung::Recovered) => Sharing::Configured,
    };
    Profile {
        account: user.to_vec(),
        address: facts.origin.map(|origin| origin.client),
        tls: facts.tls,
        rung: logged_in.rung,
        sharing,
        since: Instant::now(),
    }
}

impl Session {
    /// Sends the OK that ends the login, and starts the session.
    ///
    /// # Errors
    /// The client has gone.
    #[expect(clippy::too_many_arguments, reason = "the parts of a session, each used once")]
    pub async fn begin(
        frontend: Arc<Frontend>,
        user: Vec<u8>,
        id: ClientId,
        packets: PacketStream,
        facts: ClientFacts,
        logged_in: LoggedIn,
        place: Place,
        transport: Transport,
    ) -> Result<Self, SessionEnd> {
        let context = frontend.context.load();
        let counted = frontend.metrics.clients.hold(transport);
        let registered = frontend.registry.enter(id, profile(&user, &facts, &logged_in));
        let (lease, multiplex) = logged_in.backing.into_parts();
        let sequence = packets.sequence();
        let (stream, buffer) = packets.into_parts();
        let compressed = facts.capabilities.contains(Capabilities::COMPRESS);
        let client = Client::new(ClientStream::Plain(stream), buffer, facts, context.limits.write_timeout);
        let mut session = Self {
            wake: Box::pin(Arc::clone(registered.wake()).notified_owned()),
            idle: IdleTimer::new(context.limits.client_idle_timeout),
            recheck: Recheck::default(),
            user,
            client,
            lease,
            multiplex,
            registered,
            out: Vec::new(),
            waits_for_answer: false,
            asked: SequenceId::default(),
            untaken: Untaken::default(),
            prepared_files: FileAccess::Refused,
            account_place: logged_in.place,
            failed_logins: 0,
            _place: place,
            _counted: counted,
            frontend: Arc::clone(&frontend),
        };
        session.attach();
        session.send_login_ok(sequence).await?;
        if compressed {
            session.client = session.client.compressed();
        }
        Ok(session)
    }

    /// The id by which the client knows itself.
    pub fn id(&self) -> ClientId {
        self.registered.id()
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.client.facts().dialect()
    }

    pub(super) fn connection(&mut self) -> Result<&mut Connection, SessionEnd> {
        self.lease.as_mut().and_then(Lease::connection).ok_or(SessionEnd::BackendClosed)
    }

    /// What is known of its connection, where it has one that sessions share.
    pub(super) fn shared(&mut self) -> Option<&mut Shared> {
        self.lease.as_mut().and_then(Lease::connection)?.shared()
    }

    /// The connection is to be closed when this session gives it up.
    pub(super) fn taint(&mut self, reason: CloseReason) {
        if let Some(lease) = &mut self.lease {
            lease.taint(reason);
        }
    }

    /// The session's status flags after the last response.
    pub(super) fn status(&mut self) -> StatusFlags {
        match &self.multiplex {
            Some(own) => own.status(),
            None => self.connection().map(|connection| connection.status()).unwrap_or_default(),
        }
    }

    /// The lease is this session's from now on, and a KILL of the client's id goes to it.
    pub(super) fn attach(&mut self) {
        let Ok(thread) = self.connection().map(|connection| connection.thread()) else { return };
        if let Some(backend) = self.lease.as_ref().and_then(Lease::backend) {
            self.registered.attach(Located { backend: backend.shared_name(), thread });
        }
    }

    /// The session gives its connection up. Tells whether somebody may be killing it, so that nobody else may have it.
    pub(super) fn killed_meanwhile(&mut self) -> bool {
        self.registered.detach() == Kill::UnderWay
    }

    /// The lease is about to be given up. If somebody is killing it, nobody else may have its connection.
    pub(super) fn detach(&mut self) {
        if self.killed_meanwhile() {
            self.taint(CloseReason::KillUnderWay);
        }
    }

    /// Passes the server's OK for the login on, in the client's dialect and with its sequence id.
    pub(super) async fn send_login_ok(&mut self, sequence: SequenceId) -> Result<(), SessionEnd> {
        if let Some(own) = &self.multiplex {
            let (ok, told) = own.login_ok();
            return self.send_ok(&ok, told, sequence).await;
        }
        let ok = self.connection()?.login_ok().to_vec();
        self.send_ok(&ok, None, sequence).await
    }

    /// Sends an OK packet in the client's dialect, with what of its reports the client wants to be told.
    async fn send_ok(
        &mut self,
        ok: &[u8],
        told: Option<Arc<ClientTracking>>,
        sequence: SequenceId,
    ) -> Result<(), SessionEnd> {
        let mut packet = Vec::with_capacity(HEADER_LEN + ok.len());
        append(&mut packet, sequence, ok);
        let (dialect, status) = (self.dialect(), StatusFlags::default());
        let mut translator = Translator::new(Shape::Single, dialect, status, sequence, FileAccess::Refused);
        if let Some(told) = told {
            translator = translator.tracking(told);
        }
        let mut out = Vec::new();
        let advance = translator.advance(&packet, &mut out);
        if let Stop::Malformed(malformed) = advance.stop {
            return Err(SessionEnd::BackendMalformed(malformed));
        }
        self.client.send(advance.bytes(&packet, &out)).await
    }

    /// Waits for the client's next command.
    pub(super) async fn next_command(&mut self) -> Result<Incoming, SessionEnd> {
        self.waits_for_answer = false;
        self.asked = SequenceId::default();
        if let Some(incoming) = self.client.incoming() {
            return self.admitted(incoming);
        }
        self.idle.touch();
        self.client.buffer.rest();
        if self.out.capacity() > KEPT {
            self.out = Vec::new();
        }
        poll_fn(|cx| self.poll_command(cx)).await
    }

    /// In the middle of a command or a file: waits for more of it. The server may have had enough of it already, and a
    /// client must not take for ever.
    pub(super) async fn more_from_client(&mut self) -> Result<(), SessionEnd> {
        self.idle.touch();
        poll_fn(|cx| {
            match self.client.poll_fill(cx) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(SessionEnd::ClientGone(None))),
                Poll::Ready(Ok(_)) => return Poll::Ready(Ok(())),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(SessionEnd::ClientGone(Some(error)))),
                Poll::Pending => {}
            }
            if self.backend_has_spoken(cx) {
                return Poll::Ready(Err(SessionEnd::BackendLost(None)));
            }
            self.idle.poll_idle(cx).map(|()| Err(SessionEnd::ClientIdle))
        })
        .await
    }

    fn poll_command(&mut self, cx: &mut Context<'_>) -> Poll<Result<Incoming, SessionEnd>> {
        loop {
            match self.client.poll_fill(cx) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(SessionEnd::ClientGone(None))),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(SessionEnd::ClientGone(Some(error)))),
                Poll::Ready(Ok(_)) => {
                    if let Some(incoming) = self.client.incoming() {
                        return Poll::Ready(self.admitted(incoming));
                    }
                }
                Poll::Pending => break,
            }
        }
        // Between commands a server says nothing; it closes after wait_timeout, at KILL and at shutdown.
        if self.backend_has_spoken(cx) {
            self.taint(CloseReason::Broken);
            if !self.survives_at_rest() {
                return Poll::Ready(Err(SessionEnd::BackendClosed));
            }
        }
        if self.is_killed(cx) {
            return Poll::Ready(Err(SessionEnd::Killed));
        }
        if let Some(end) = self.departure() {
            return Poll::Ready(Err(end));
        }
        if self.certified() == Certified::Overdue {
            return Poll::Ready(Err(SessionEnd::CertificateFailed));
        }
        self.idle.poll_idle(cx).map(|()| Err(SessionEnd::ClientIdle))
    }

    /// A command that came after the session's time was over is answered with an error that makes the client connect again,
    /// unless it belongs to a transaction.
    fn admitted(&mut self, incoming: Incoming) -> Result<Incoming, SessionEnd> {
        match self.departure().or_else(|| self.refusal_of_certificate()) {
            Some(end) => {
                self.waits_for_answer = true;
                Err(end)
            }
            None => Ok(incoming),
        }
    }

    /// Why the session is to end, here, where no transaction is open.
    fn departure(&mut self) -> Option<SessionEnd> {
        let end = if self.frontend.phase.is_draining() {
            SessionEnd::Draining
        } else if self.outstays_its_certificate() {
            SessionEnd::Rotated
        } else {
            return None;
        };
        (!self.status().contains(StatusFlags::IN_TRANSACTION)).then_some(end)
    }

    /// Refuses a command of a client whose certificate fails now, unless a transaction may still be finished.
    fn refusal_of_certificate(&mut self) -> Option<SessionEnd> {
        match self.certified() {
            Certified::Good => None,
            Certified::Failed if self.status().contains(StatusFlags::IN_TRANSACTION) => None,
            Certified::Failed | Certified::Overdue => Some(SessionEnd::CertificateFailed),
        }
    }

    fn certified(&mut self) -> Certified {
        if self.client.facts().shown.is_none() {
            return Certified::Good;
        }
        let context = self.frontend.context.load();
        self.recheck.look(self.client.facts(), &self.user, &context)
    }

    /// Whether the certificate that the client was shown was replaced longer ago than sessions may go on after that.
    fn outstays_its_certificate(&self) -> bool {
        let rotation = self.client.facts().rotation.as_ref();
        let Some(since) = rotation.and_then(|rotation| rotation.since()) else { return false };
        let most = self.frontend.context.load().tls.max_session_age_after_rotation;
        most.is_some_and(|most| since.elapsed() >= most)
    }

    fn is_killed(&mut self, cx: &mut Context<'_>) -> bool {
        while self.wake.as_mut().poll(cx).is_ready() {
            self.wake = Box::pin(Arc::clone(self.registered.wake()).notified_owned());
        }
        self.registered.is_killed()
    }

    /// Whether the server has closed, or said something, while it should wait for a command.
    fn backend_has_spoken(&mut self, cx: &mut Context<'_>) -> bool {
        let connection = self.lease.as_mut().and_then(Lease::connection);
        connection.is_some_and(|connection| connection.poll_fill(cx).is_ready())
    }

    /// The server has closed the connection of a waiting session. If nothing but a transaction was on it, the client can go on:
    /// it hears of that when it asks next.
    fn survives_at_rest(&mut self) -> bool {
        if self.registered.kill_under_way() {
            return false;
        }
        let Some(mut own) = self.multiplex.take() else { return false };
        let survives = own.loses_only_its_transaction();
        if survives {
            self.give_up(CloseReason::Broken);
        }
        self.multiplex = Some(own);
        survives
    }

    /// Ends the session: tells the client why, where it waits for an answer, and closes.
    pub(super) async fn end(mut self, end: &SessionEnd, sequence: Option<SequenceId>) {
        self.frontend.metrics.disconnects.increment(end.cause());
        if let (Some(sequence), Some(error)) = (sequence, end.to_client()) {
            self.frontend.metrics.error_replies.increment(end.origin());
            let payload = error.encode(self.client.facts().capabilities);
            let _ = self.client.send_packet(sequence, &payload).await;
        }
        self.detach();
        let Self { client, lease, .. } = self;
        drop(lease);
        client.close().await;
    }
}
