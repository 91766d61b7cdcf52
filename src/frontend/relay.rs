//! One command to the backend and its response back, as raw packets.
//!
//! Nothing is buffered whole: a long command goes out while it comes in, rows come back while they arrive, and a side
//! that does not read holds the other back. While a response is outstanding the client is watched, so that the statement
//! of one that vanished is killed.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Instant;

use crate::frontend::client::Incoming;
use crate::frontend::error::{ErrorOrigin, SessionEnd};
use crate::frontend::send::{FileAccess, Forwarding};
use crate::frontend::session::Session;
use crate::pool::close_reason::CloseReason;
use crate::protocol::command::Shape;
use crate::protocol::dialect::Translator;
use crate::protocol::packet::{HEADER_LEN, Header, SequenceId};
use crate::protocol::response::Last;

impl Session {
    /// Relays one command and its response.
    pub(super) async fn relay(&mut self, incoming: Incoming) -> Result<(), SessionEnd> {
        let started = Instant::now();
        let shape = incoming.command.shape();
        self.waits_for_answer = shape != Shape::Nothing;
        let files = self.send_command(incoming).await?;
        if shape == Shape::Nothing {
            let status = self.status();
            self.connection()?.end(status);
            return Ok(());
        }
        self.relay_response(shape, files).await?;
        self.frontend.metrics.statement_seconds.record(started.elapsed());
        Ok(())
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
