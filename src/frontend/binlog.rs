//! A replica that reads the binlog: events come until one side closes, and meanwhile the client may acknowledge them.
//!
//! The server may refuse the dump, or end it with an error or an EOF packet, and then waits for commands again. So the
//! stream is followed like any response, and of what the client sends only acknowledgements of semi-synchronous replicas
//! are passed on: anything else would be a command that nobody has looked at.
//! MariaDB: "COM_BINLOG_DUMP", "Semi-synchronous Replication".

use std::future::poll_fn;
use std::task::Poll;

use crate::frontend::client::Incoming;
use crate::frontend::error::SessionEnd;
use crate::frontend::session::Session;
use crate::pool::Lease;
use crate::pool::close_reason::CloseReason;
use crate::protocol::command::Shape;
use crate::protocol::packet::{HEADER_LEN, Header};

/// First byte of an acknowledgement.
const ACKNOWLEDGEMENT: u8 = 0xEF;

/// An acknowledgement names a binlog file and a position.
const LONGEST_ACKNOWLEDGEMENT: usize = 1024;

impl Session {
    /// Relays COM_BINLOG_DUMP and the events that answer it, until the server ends them or one side closes.
    pub(super) async fn stream_binlog(&mut self, incoming: Incoming) -> Result<(), SessionEnd> {
        self.waits_for_answer = true;
        let files = self.send_command(incoming).await?;
        self.taint(CloseReason::Streamed);
        self.relay_response(Shape::Stream, files).await
    }

    /// Waits for events; meanwhile passes on what the client acknowledges.
    pub(super) async fn wait_in_stream(&mut self) -> Result<(), SessionEnd> {
        while let News::FromClient = self.stream_news().await? {
            self.pass_acknowledgements().await?;
        }
        Ok(())
    }

    async fn stream_news(&mut self) -> Result<News, SessionEnd> {
        let connection = self.lease.as_mut().and_then(Lease::connection).ok_or(SessionEnd::BackendClosed)?;
        let (client, wake, phase) = (&mut self.client, &mut self.wake, &self.frontend.phase);
        poll_fn(|cx| {
            match connection.poll_fill(cx) {
                Poll::Ready(Ok(1..)) => return Poll::Ready(Ok(News::Events)),
                Poll::Ready(_) => return Poll::Ready(Err(SessionEnd::StreamEnded)),
                Poll::Pending => {}
            }
            match client.poll_fill(cx) {
                Poll::Ready(Ok(1..)) => return Poll::Ready(Ok(News::FromClient)),
                Poll::Ready(_) => return Poll::Ready(Err(SessionEnd::StreamEnded)),
                Poll::Pending => {}
            }
            let woken = wake.as_mut().poll(cx).is_ready() && phase.is_draining();
            if woken { Poll::Ready(Err(SessionEnd::Draining)) } else { Poll::Pending }
        })
        .await
    }

    async fn pass_acknowledgements(&mut self) -> Result<(), SessionEnd> {
        while let Some(header) = Header::parse(self.client.buffer.bytes()) {
            let bytes = self.client.buffer.bytes().get(..HEADER_LEN + header.len);
            match bytes.map(|bytes| (bytes, bytes.get(HEADER_LEN))) {
                None if header.len <= LONGEST_ACKNOWLEDGEMENT => return Ok(()),
                Some((bytes, Some(&ACKNOWLEDGEMENT))) => {
                    let connection =
                        self.lease.as_mut().and_then(Lease::connection).ok_or(SessionEnd::BackendClosed)?;
                    connection.send(bytes).await.map_err(|error| SessionEnd::BackendLost(Some(error)))?;
                }
                _ => return Err(SessionEnd::StreamEnded),
            }
            self.client.buffer.consume(HEADER_LEN + header.len);
        }
        Ok(())
    }
}

/// What there is to do in the middle of a stream.
enum News {
    Events,
    FromClient,
}
