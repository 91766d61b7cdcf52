//! A command on its way to the backend.
//!
//! It goes out while it comes in, whatever its length; only its first part is looked at, and changed where it speaks of
//! the ids of connections.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use crate::backend::connection::Connection;
use crate::frontend::client::{Client, Incoming};
use crate::frontend::error::SessionEnd;
use crate::frontend::rewrite::{self, Clients};
use crate::frontend::session::Session;
use crate::pool::close_reason::CloseReason;
use crate::protocol::command::Command;
use crate::protocol::packet::{HEADER_LEN, Header, MAX_PAYLOAD};
use crate::protocol::status::StatusFlags;
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

/// What became of looking at a command.
struct Inspected {
    files: FileAccess,
    /// The payload to send instead of the one that came.
    changed: Option<Vec<u8>>,
}

impl Inspected {
    /// Nothing about it matters here.
    const PLAIN: Self = Self { files: FileAccess::Refused, changed: None };
}

impl Session {
    /// Sends the command and says what its response may do.
    pub(super) async fn send_command(&mut self, incoming: Incoming) -> Result<FileAccess, SessionEnd> {
        self.check_backend().await?;
        let Inspected { files, changed } = self.inspect(incoming);
        match changed {
            Some(payload) => self.send_changed(incoming, &payload).await?,
            None => self.forward(incoming).await?,
        }
        Ok(files)
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

    fn inspect(&mut self, incoming: Incoming) -> Inspected {
        match incoming.command {
            Command::Query | Command::StmtPrepare => self.inspect_text(incoming),
            Command::ProcessKill => {
                let payload = rewrite::process_kill(self.client.head(&incoming), self.clients());
                Inspected { changed: payload.map(|payload| payload.to_vec()), ..Inspected::PLAIN }
            }
            Command::SetOption => {
                self.lease.taint(CloseReason::OptionChanged);
                Inspected::PLAIN
            }
            _ => Inspected::PLAIN,
        }
    }

    fn inspect_text(&mut self, incoming: Incoming) -> Inspected {
        let no_backslash_escapes = self.status().contains(StatusFlags::NO_BACKSLASH_ESCAPES);
        let mode = SqlMode { no_backslash_escapes, ..SqlMode::default() };
        let head = self.client.head(&incoming);
        let Some((command, text)) = head.split_first() else { return Inspected::PLAIN };
        let statement = classify(text, mode);
        let files = if statement.asks_local_file { FileAccess::Asked } else { FileAccess::Refused };
        if head.len() < incoming.header.len {
            return Inspected { files, changed: None };
        }
        let changed = rewrite::statement(text, &statement, mode, self.id(), self.clients());
        Inspected { files, changed: changed.map(|text| [std::slice::from_ref(command), &text].concat()) }
    }

    fn clients(&self) -> Clients<'_> {
        let backend = self.lease.backend().map_or("", |backend| backend.name());
        Clients { registry: &self.frontend.registry, backend }
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
}

/// Packets on their way from the client to the backend, without waiting for whole ones.
pub(super) struct Forwarding {
    /// Bytes still to come of the current packet.
    pub left: usize,
    /// Another packet continues the payload.
    pub more: bool,
}

impl Forwarding {
    /// Moves all of them; `shift` is added to their sequence ids. Returns how many bytes that were.
    pub async fn run(
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
