//! One command to the backend and its response back, as raw packets.
//!
//! Nothing is buffered whole: a long command goes out while it comes in, rows come back while they arrive, and a side
//! that does not read holds the other back. While a response is outstanding the client is watched, so that the statement
//! of one that vanished is killed.

use std::future::poll_fn;
use std::task::Poll;

use crate::frontend::client::Incoming;
use crate::frontend::error::{ErrorOrigin, SessionEnd};
use crate::frontend::session::Session;
use crate::pool::Lease;
use crate::pool::close_reason::CloseReason;
use crate::protocol::command::Shape;
use crate::protocol::dialect::{FileAccess, Stop, Translator};
use crate::protocol::packet::{Header, SequenceId};
use crate::protocol::response::{Last, Malformed, ResponseScanner};

impl Session {
    /// Relays one command and its response.
    pub(super) async fn relay(&mut self, incoming: Incoming) -> Result<(), SessionEnd> {
        let shape = incoming.command.shape();
        self.waits_for_answer = shape != Shape::Nothing;
        let files = self.send_command(incoming).await?;
        if shape == Shape::Nothing {
            self.connection()?.end(Last::Other, None);
            return Ok(());
        }
        self.relay_response(shape, files).await
    }

    /// Relays the response to its end.
    pub(super) async fn relay_response(&mut self, shape: Shape, files: FileAccess) -> Result<(), SessionEnd> {
        let (dialect, status) = (self.dialect(), self.status());
        let mut translator = Translator::new(shape, dialect, status, self.asked, files);
        self.relay_with(&mut translator, shape).await
    }

    /// Relays the response to its end, translated by `translator`, which knows afterwards what it said.
    pub(super) async fn relay_with(
        &mut self,
        translator: &mut Translator,
        shape: Shape,
    ) -> Result<(), SessionEnd> {
        let relayed = self.relay_packets(translator, shape).await;
        self.asked = translator.last_sequence();
        if let Err(end) = relayed {
            self.interrupted(translator, &end);
            return Err(end);
        }
        self.completed(translator.scanner())
    }

    /// A response has come to its end: the connection is at rest, in the state that the response told.
    fn completed(&mut self, response: &ResponseScanner) -> Result<(), SessionEnd> {
        self.waits_for_answer = false;
        if response.last() == Last::Error {
            self.frontend.metrics.error_replies.increment(ErrorOrigin::Backend);
        }
        let connection = self.connection()?;
        connection.end(response.last(), response.status());
        if connection.buffer.is_empty() {
            return Ok(());
        }
        // Else the next command would be answered with what is left over.
        self.taint(CloseReason::Broken);
        Err(SessionEnd::BackendMalformed(Malformed::SURPLUS))
    }

    async fn relay_packets(&mut self, translator: &mut Translator, shape: Shape) -> Result<(), SessionEnd> {
        loop {
            match self.relay_burst(translator).await? {
                Stop::Input if translator.is_done() => return Ok(()),
                Stop::Input => {}
                Stop::FileWanted => self.send_file(translator).await?,
                Stop::FileRefused => {
                    self.frontend.metrics.file_refusals.increment(1);
                    return Err(SessionEnd::FileNotAsked);
                }
                Stop::Malformed(malformed) => return Err(SessionEnd::BackendMalformed(malformed)),
            }
            match shape {
                Shape::Stream => self.wait_in_stream().await?,
                _ => self.wait_for_backend().await?,
            }
        }
    }

    /// Passes on what is in the backend's buffer, in one write, and says why it went no further.
    async fn relay_burst(&mut self, translator: &mut Translator) -> Result<Stop, SessionEnd> {
        let connection = self.lease.as_mut().and_then(Lease::connection).ok_or(SessionEnd::BackendClosed)?;
        self.out.clear();
        let input = connection.buffer.bytes();
        let advance = translator.advance(input, &mut self.out);
        let bytes = advance.bytes(input, &self.out);
        if !bytes.is_empty() {
            self.frontend.metrics.sent.increment(bytes.len() as u64);
            self.client.send(bytes).await?;
        }
        connection.buffer.consume(advance.taken);
        if self.out.capacity() > LARGE {
            self.out = Vec::new();
        }
        Ok(advance.stop)
    }

    /// Waits until the backend has sent more, or the client has gone.
    async fn wait_for_backend(&mut self) -> Result<(), SessionEnd> {
        let (client, lease) = (&mut self.client, &mut self.lease);
        let connection = lease.as_mut().and_then(Lease::connection).ok_or(SessionEnd::BackendClosed)?;
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
                    None => self.more_from_client().await?,
                }
            };
            self.forward_packets(header, shift).await?;
            if header.len == 0 {
                translator.file_sent(self.asked);
                return Ok(());
            }
        }
    }

    /// A response did not come to its end: decides whether the client can still be told.
    fn interrupted(&mut self, translator: &Translator, end: &SessionEnd) {
        self.waits_for_answer = translator.scanner().is_between_packets();
        match end {
            SessionEnd::BackendLost(_) | SessionEnd::BackendMalformed(_) | SessionEnd::FileNotAsked => {
                self.taint(CloseReason::Broken);
            }
            _ => {}
        }
    }

    /// The sequence id of an error for the client, if it waits for an answer and is between two packets.
    pub(super) fn sequence_for_error(&self) -> Option<SequenceId> {
        self.waits_for_answer.then_some(self.asked.next())
    }
}

/// Capacity above which the buffer of translated bytes is given back.
const LARGE: usize = 128 * 1024;
