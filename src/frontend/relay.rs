//! One command to the backend and its response back, as raw packets.
//!
//! Nothing is buffered whole: a long command goes out while it comes in, rows come back while they arrive, and a side
//! that does not read holds the other back. While a response is outstanding the client is watched, so that the statement
//! of one that vanished is killed.

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Instant;

use crate::backend::connection::Connection;
use crate::frontend::client::{Client, Incoming};
use crate::frontend::error::{ErrorOrigin, SessionEnd};
use crate::frontend::rewrite;
use crate::frontend::session::Session;
use crate::pool::close_reason::CloseReason;
use crate::protocol::command::{Command, Shape};
use crate::protocol::dialect::Translator;
use crate::protocol::packet::{HEADER_LEN, Header, MAX_PAYLOAD, SequenceId};
use crate::protocol::response::Last;
use crate::sql::SqlMode;
use crate::sql::classify::classify;

/// What a command allows its response to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileAccess {
    /// The statement names a local file.
    Asked,
    /// It does not.
    Refused,
}

impl Session {
    /// Relays one command and its response.
    pub(super) async fn relay(&mut self, incoming: Incoming) -> Result<(), SessionEnd> {
        let started = Instant::now();
        self.waits_for_answer = incoming.command.shape() != Shape::Nothing;
        self.check_backend().await?;
        let files = self.look_at(incoming).await?;
        let Some(files) = files else { return Ok(()) };
        self.relay_response(incoming.command.shape(), files).await?;
        self.frontend.metrics.statement_seconds.record(started.elapsed());
        Ok(())
    }

    /// Finds out, without a system call unless there is news, whether the server has closed since the last command.
    /// If so nothing of this one has been sent, and the client is told that it may be repeated.
    async fn check_backend(&mut self) -> Result<(), SessionEnd> {
        let connection = self.lease.connection().ok_or(SessionEnd::BackendClosed)?;
        let news = poll_fn(|cx| Poll::Ready(connection.poll_fill(cx))).await;
        let error = match news {
            Poll::Pending => return Ok(()),
            Poll::Ready(Err(error)) => error,
            Poll::Ready(Ok(_)) => io::ErrorKind::UnexpectedEof.into(),
        };
        self.lease.taint(CloseReason::Broken);
        Err(SessionEnd::BackendLostBefore(error))
    }

    /// Sends the command, changed where it speaks of ids, and says what its response may do; `None` when it has none.
    async fn look_at(&mut self, incoming: Incoming) -> Result<Option<FileAccess>, SessionEnd> {
        let mut files = FileAccess::Refused;
        let mut changed = None;
        let head = self.client.head(&incoming);
        match incoming.command {
            Command::Query | Command::StmtPrepare => {
                let mode = SqlMode::default();
                let (text, whole) = (head.get(1..).unwrap_or_default(), head.len() == incoming.header.len);
                let statement = classify(text, mode);
                if statement.asks_local_file {
                    files = FileAccess::Asked;
                }
                let (own, clients) = (self.id(), &self.frontend.registry);
                let rewritten = rewrite::statement(text, &statement, mode, own, clients).filter(|_| whole);
                changed = rewritten.map(|text| [head.get(..1).unwrap_or_default(), &text].concat());
            }
            Command::ProcessKill => {
                changed =
                    rewrite::process_kill(head, &self.frontend.registry).map(|payload| payload.to_vec());
            }
            Command::SetOption => self.lease.taint(CloseReason::OptionChanged),
            _ => {}
        }
        match changed {
            Some(payload) => self.send_changed(incoming, &payload).await?,
            None => self.forward(incoming).await?,
        }
        if incoming.command.shape() == Shape::Nothing {
            let status = self.status();
            self.connection()?.end(status);
            return Ok(None);
        }
        Ok(Some(files))
    }

    async fn send_changed(&mut self, incoming: Incoming, payload: &[u8]) -> Result<(), SessionEnd> {
        self.frontend.metrics.received.increment(incoming.packet_len() as u64);
        self.client.buffer.consume(incoming.packet_len());
        let mut bytes = Vec::with_capacity(HEADER_LEN + payload.len());
        crate::protocol::packet::append(&mut bytes, incoming.header.sequence, payload);
        let connection = self.connection()?;
        connection.begin();
        connection.send(&bytes).await.map_err(|error| SessionEnd::BackendLost(Some(error)))
    }

    /// Sends the command as it comes, to its last packet.
    pub(super) async fn forward(&mut self, incoming: Incoming) -> Result<(), SessionEnd> {
        let connection = self.lease.connection().ok_or(SessionEnd::BackendClosed)?;
        connection.begin();
        let mut packets = Forwarding { left: incoming.packet_len(), more: incoming.is_continued() };
        let sent = packets.run(&mut self.client, connection, 0).await;
        match sent {
            Ok(bytes) => {
                self.frontend.metrics.received.increment(bytes);
                Ok(())
            }
            // The server may have refused the packet before it was complete; then its error is on its way.
            Err(SessionEnd::BackendLost(error)) => self.last_words(error).await,
            Err(end) => Err(end),
        }
    }

    /// The server closed while a command was being sent. If it said why, the client hears that.
    async fn last_words(&mut self, error: Option<io::Error>) -> Result<(), SessionEnd> {
        self.lease.taint(CloseReason::Broken);
        let connection = self.connection()?;
        while matches!(poll_fn(|cx| connection.poll_fill(cx)).await, Ok(1..)) {}
        let said = connection.buffer.bytes().get(HEADER_LEN) == Some(&0xFF);
        if said {
            let bytes = self.connection()?.buffer.take();
            self.client.send(&bytes).await?;
            self.waits_for_answer = false;
        }
        Err(SessionEnd::BackendLost(error))
    }

    /// Relays the response to its end.
    pub(super) async fn relay_response(&mut self, shape: Shape, files: FileAccess) -> Result<(), SessionEnd> {
        let mut translator = Translator::new(shape, self.dialect(), self.status());
        let relayed = self.relay_packets(&mut translator, files).await;
        match relayed {
            Ok(()) => {
                let scanner = translator.scanner();
                if scanner.last() == Last::Error {
                    self.frontend.metrics.error_replies.increment(ErrorOrigin::Backend);
                }
                let status = if scanner.last() == Last::Ok { scanner.status() } else { self.status() };
                self.connection()?.end(status);
                self.waits_for_answer = false;
                Ok(())
            }
            Err(end) => {
                self.interrupted(&translator, &end);
                Err(end)
            }
        }
    }

    async fn relay_packets(
        &mut self,
        translator: &mut Translator,
        files: FileAccess,
    ) -> Result<(), SessionEnd> {
        loop {
            let file_wanted = self.relay_burst(translator).await?;
            if file_wanted {
                if files == FileAccess::Refused {
                    self.frontend.metrics.file_refusals.increment(1);
                    return Err(SessionEnd::FileNotAsked);
                }
                self.send_file(translator).await?;
            } else if translator.is_done() {
                return Ok(());
            }
            self.wait_for_backend().await?;
        }
    }

    /// Passes on what is in the backend's buffer, in one write. Tells whether the server waits for a file.
    async fn relay_burst(&mut self, translator: &mut Translator) -> Result<bool, SessionEnd> {
        let connection = self.lease.connection().ok_or(SessionEnd::BackendClosed)?;
        self.out.clear();
        let input = connection.buffer.bytes();
        let advance = translator.advance(input, &mut self.out).map_err(SessionEnd::BackendMalformed)?;
        let bytes = if translator.is_transparent() {
            input.get(..advance.taken).unwrap_or_default()
        } else {
            self.out.as_slice()
        };
        if !bytes.is_empty() {
            self.frontend.metrics.sent.increment(bytes.len() as u64);
            self.client.send(bytes).await?;
        }
        connection.buffer.consume(advance.taken);
        if self.out.capacity() > LARGE {
            self.out = Vec::new();
        }
        Ok(advance.file_wanted)
    }

    /// Waits until the backend has sent more, or the client has gone.
    async fn wait_for_backend(&mut self) -> Result<(), SessionEnd> {
        let (client, lease) = (&mut self.client, &mut self.lease);
        let connection = lease.connection().ok_or(SessionEnd::BackendClosed)?;
        poll_fn(|cx| {
            match connection.poll_fill(cx) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(SessionEnd::BackendLost(None))),
                Poll::Ready(Ok(_)) => return Poll::Ready(Ok(())),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(SessionEnd::BackendLost(Some(error)))),
                Poll::Pending => {}
            }
            client.poll_gone(cx).map(Err)
        })
        .await
    }

    /// Relays the file that the server asked for: the client's packets up to an empty one.
    async fn send_file(&mut self, translator: &mut Translator) -> Result<(), SessionEnd> {
        let shift = 0_u8.wrapping_sub(translator.shift());
        loop {
            let header = loop {
                match Header::parse(self.client.buffer.bytes()) {
                    Some(header) => break header,
                    None => self.client.fill().await?,
                }
            };
            let connection = self.lease.connection().ok_or(SessionEnd::BackendClosed)?;
            let mut packet = Forwarding { left: HEADER_LEN + header.len, more: false };
            let bytes = packet.run(&mut self.client, connection, shift).await?;
            self.frontend.metrics.received.increment(bytes);
            if header.len == 0 {
                translator.file_sent(header.sequence);
                return Ok(());
            }
        }
    }

    /// A response did not come to its end: decides whether the client can still be told.
    fn interrupted(&mut self, translator: &Translator, end: &SessionEnd) {
        self.waits_for_answer = translator.scanner().is_between_packets();
        self.error_sequence = translator.next_sequence();
        match end {
            SessionEnd::BackendLost(_) | SessionEnd::BackendMalformed(_) | SessionEnd::FileNotAsked => {
                self.lease.taint(CloseReason::Broken);
            }
            _ => {}
        }
    }

    /// The sequence id of an error for the client, if it waits for an answer and is between two packets.
    pub(super) fn sequence_for_error(&self) -> Option<SequenceId> {
        self.waits_for_answer.then_some(self.error_sequence)
    }
}

/// Capacity above which the buffer of translated bytes is given back.
const LARGE: usize = 128 * 1024;

/// Packets on their way from the client to the backend, without waiting for whole ones.
struct Forwarding {
    /// Bytes still to come of the current packet.
    left: usize,
    /// Another packet continues the payload.
    more: bool,
}

impl Forwarding {
    /// Moves all of them; `shift` is added to their sequence ids. Returns how many bytes that were.
    async fn run(
        &mut self,
        client: &mut Client,
        connection: &mut Connection,
        shift: u8,
    ) -> Result<u64, SessionEnd> {
        let mut total = 0;
        let mut at_header = true;
        loop {
            let sequence = client.buffer.bytes_mut().get_mut(HEADER_LEN - 1).filter(|_| at_header);
            if let Some(sequence) = sequence {
                *sequence = sequence.wrapping_add(shift);
            }
            let now = client.buffer.len().min(self.left);
            let bytes = client.buffer.bytes().get(..now).unwrap_or_default();
            if !bytes.is_empty() {
                connection.send(bytes).await.map_err(|error| SessionEnd::BackendLost(Some(error)))?;
            }
            client.buffer.consume(now);
            self.left -= now;
            total += now as u64;
            at_header = false;
            if self.left == 0 {
                if !self.more {
                    return Ok(total);
                }
                self.next_packet(client).await?;
                at_header = true;
            } else {
                client.fill().await?;
            }
        }
    }

    async fn next_packet(&mut self, client: &mut Client) -> Result<(), SessionEnd> {
        loop {
            if let Some(header) = Header::parse(client.buffer.bytes()) {
                self.left = HEADER_LEN + header.len;
                self.more = header.len == MAX_PAYLOAD;
                return Ok(());
            }
            client.fill().await?;
        }
    }
}
