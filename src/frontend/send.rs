//! A command on its way to the backend.
//!
//! It goes out while it comes in, whatever its length; only its first part is looked at, and changed where it speaks of
//! the ids of connections.

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use crate::frontend::client::Incoming;
use crate::frontend::error::SessionEnd;
use crate::frontend::rewrite::{self, Clients};
use crate::frontend::session::Session;
use crate::pool::Lease;
use crate::pool::close_reason::CloseReason;
use crate::protocol::command::Command;
use crate::protocol::dialect::FileAccess;
use crate::protocol::packet::{HEADER_LEN, Header, MAX_PAYLOAD, SequenceId, append};
use crate::protocol::reply::ERR_HEADER;
use crate::protocol::status::StatusFlags;
use crate::sql::SqlMode;
use crate::sql::classify::classify;

/// How long a server that has closed is listened to for its reason, and how much it may say.
const LAST_WORDS: Duration = Duration::from_secs(2);
const LAST_WORDS_LEN: usize = 64 * 1024;

/// What of the present command is still to be taken from the client.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Untaken {
    /// Bytes of the present packet.
    left: usize,
    /// Whether another packet continues it.
    continues: bool,
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
        if incoming.command == Command::StmtPrepare && files == FileAccess::Asked {
            self.prepared_files = FileAccess::Asked;
        }
        match changed {
            Some(payload) => self.send_changed(incoming, &payload).await?,
            None => self.forward(incoming).await?,
        }
        Ok(files)
    }

    /// Finds out, without a system call unless there is news, whether the server has closed since the last command.
    /// If so nothing of this one has been sent, and the client is told that it may be repeated.
    pub(super) async fn check_backend(&mut self) -> Result<(), SessionEnd> {
        let connection = self.connection()?;
        if !connection.buffer.is_empty() {
            // Came with the OK of the login; it would be taken for the answer.
            self.taint(CloseReason::Broken);
            return Err(SessionEnd::BackendLostBefore(io::ErrorKind::InvalidData.into()));
        }
        let news = poll_fn(|cx| Poll::Ready(connection.poll_fill(cx))).await;
        let error = match news {
            Poll::Pending => return Ok(()),
            Poll::Ready(Err(error)) => error,
            Poll::Ready(Ok(_)) => io::ErrorKind::UnexpectedEof.into(),
        };
        self.taint(CloseReason::Broken);
        Err(SessionEnd::BackendLostBefore(error))
    }

    fn inspect(&mut self, incoming: Incoming) -> Inspected {
        match incoming.command {
            Command::Query | Command::StmtPrepare => self.inspect_text(incoming),
            Command::ProcessKill => {
                let payload = rewrite::process_kill(self.client.head(&incoming), self.clients());
                Inspected { changed: payload.map(|payload| payload.to_vec()), ..Inspected::PLAIN }
            }
            Command::StmtExecute | Command::StmtBulkExecute => {
                Inspected { files: self.prepared_files, ..Inspected::PLAIN }
            }
            Command::SetOption => {
                self.taint(CloseReason::OptionChanged);
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
        let asks = statement.asks_local_file;
        let files = if asks { FileAccess::Asked } else { FileAccess::Refused };
        if head.len() < incoming.header.len {
            return Inspected { files, changed: None };
        }
        let changed = rewrite::statement(text, &statement, mode, self.id(), self.clients());
        Inspected { files, changed: changed.map(|text| [std::slice::from_ref(command), &text].concat()) }
    }

    fn clients(&self) -> Clients<'_> {
        let backend = self.lease.as_ref().and_then(Lease::backend).map_or("", |backend| backend.name());
        Clients { registry: &self.frontend.registry, backend }
    }

    /// Takes the command off the client's buffer and sends this payload instead.
    pub(super) async fn send_changed(
        &mut self,
        incoming: Incoming,
        payload: &[u8],
    ) -> Result<(), SessionEnd> {
        self.discard(incoming.header).await?;
        self.send_payload(payload).await
    }

    /// Sends a command whose payload is at hand.
    pub(super) async fn send_payload(&mut self, payload: &[u8]) -> Result<(), SessionEnd> {
        let mut bytes = Vec::with_capacity(HEADER_LEN + payload.len());
        append(&mut bytes, SequenceId::default(), payload);
        let connection = self.connection()?;
        connection.begin();
        connection.send(&bytes).await.map_err(|error| SessionEnd::BackendLost(Some(error)))
    }

    /// Sends the command as it comes, but with `head` in place of the first `replaced` bytes of its payload.
    pub(super) async fn forward_with_head(
        &mut self,
        incoming: Incoming,
        head: &[u8],
        replaced: usize,
    ) -> Result<(), SessionEnd> {
        let Header { len, sequence } = incoming.header;
        let rest = len.saturating_sub(replaced);
        let mut bytes = Header { len: rest + head.len(), sequence }.encode().to_vec();
        bytes.extend_from_slice(head);
        self.asked = sequence;
        self.client.buffer.consume(HEADER_LEN + replaced);
        self.untaken = Untaken { left: rest, continues: len >= MAX_PAYLOAD };
        let sent = async {
            let connection = self.connection()?;
            connection.begin();
            connection.send(&bytes).await.map_err(|error| SessionEnd::BackendLost(Some(error)))?;
            self.forward_bytes(rest).await?;
            if len < MAX_PAYLOAD {
                return Ok(());
            }
            let next = self.next_header().await?;
            self.forward_packets(next, 0).await
        };
        match sent.await {
            Err(SessionEnd::BackendLost(error)) => self.last_words(error).await,
            done => done,
        }
    }

    /// Takes a command off the client's buffer, to its last packet, without sending it anywhere.
    pub(super) async fn discard(&mut self, first: Header) -> Result<(), SessionEnd> {
        let mut header = first;
        loop {
            self.asked = header.sequence;
            self.frontend.metrics.received.increment((HEADER_LEN + header.len) as u64);
            self.take(HEADER_LEN + header.len).await?;
            if header.len < MAX_PAYLOAD {
                return Ok(());
            }
            header = self.next_header().await?;
        }
    }

    async fn take(&mut self, bytes: usize) -> Result<(), SessionEnd> {
        let mut left = bytes;
        loop {
            let now = left.min(self.client.buffer.len());
            self.client.buffer.consume(now);
            left -= now;
            if left == 0 {
                return Ok(());
            }
            self.more_from_client().await?;
        }
    }

    /// Takes what a lost connection has left of a command, so that the session can go on with the next.
    pub(super) async fn take_rest(&mut self) -> Result<(), SessionEnd> {
        let Untaken { left, continues } = std::mem::take(&mut self.untaken);
        self.take(left).await?;
        if continues {
            let next = self.next_header().await?;
            self.discard(next).await?;
        }
        Ok(())
    }

    /// The header of the packet that continues a command.
    async fn next_header(&mut self) -> Result<Header, SessionEnd> {
        loop {
            match Header::parse(self.client.buffer.bytes()) {
                Some(header) => return Ok(header),
                None => self.more_from_client().await?,
            }
        }
    }

    /// Sends the command as it comes, to its last packet.
    pub(super) async fn forward(&mut self, incoming: Incoming) -> Result<(), SessionEnd> {
        self.connection()?.begin();
        match self.forward_packets(incoming.header, 0).await {
            // The server may have refused the packet before it was complete; then its error is on its way.
            Err(SessionEnd::BackendLost(error)) => self.last_words(error).await,
            done => done,
        }
    }

    /// Moves the packet with this header, and those that continue it, from the client to the backend without waiting
    /// for the whole; `shift` is added to their sequence ids.
    pub(super) async fn forward_packets(&mut self, first: Header, shift: u8) -> Result<(), SessionEnd> {
        let mut header = first;
        loop {
            self.asked = header.sequence;
            if let Some(sequence) = self.client.buffer.bytes_mut().get_mut(HEADER_LEN - 1) {
                *sequence = sequence.wrapping_add(shift);
            }
            self.untaken = Untaken { left: HEADER_LEN + header.len, continues: header.len >= MAX_PAYLOAD };
            self.forward_bytes(HEADER_LEN + header.len).await?;
            if header.len < MAX_PAYLOAD {
                return Ok(());
            }
            header = self.next_header().await?;
        }
    }

    async fn forward_bytes(&mut self, count: usize) -> Result<(), SessionEnd> {
        self.frontend.metrics.received.increment(count as u64);
        let mut left = count;
        if count == 0 {
            return Ok(());
        }
        loop {
            let connection =
                self.lease.as_mut().and_then(Lease::connection).ok_or(SessionEnd::BackendClosed)?;
            let bytes = self.client.buffer.bytes();
            let now = bytes.get(..bytes.len().min(left)).unwrap_or_default();
            connection.send(now).await.map_err(|error| SessionEnd::BackendLost(Some(error)))?;
            let sent = now.len();
            self.client.buffer.consume(sent);
            left -= sent;
            self.untaken.left = left;
            if left == 0 {
                return Ok(());
            }
            self.more_from_client().await?;
        }
    }

    /// The server closed while a command was being sent. If it said why, the client hears that.
    async fn last_words(&mut self, error: Option<io::Error>) -> Result<(), SessionEnd> {
        self.taint(CloseReason::Broken);
        let connection = self.connection()?;
        let listen = async {
            while connection.buffer.len() < LAST_WORDS_LEN
                && matches!(poll_fn(|cx| connection.poll_fill(cx)).await, Ok(1..))
            {}
        };
        let _ = tokio::time::timeout(LAST_WORDS, listen).await;
        let buffer = &mut self.connection()?.buffer;
        let len = Header::parse(buffer.bytes()).map_or(0, |header| HEADER_LEN + header.len);
        let error_packet =
            buffer.bytes().get(..len).filter(|packet| packet.get(HEADER_LEN) == Some(&ERR_HEADER));
        if let Some(packet) = error_packet.map(<[u8]>::to_vec) {
            self.client.send(&packet).await?;
            self.waits_for_answer = false;
        }
        Err(SessionEnd::BackendLost(error))
    }
}
