//! What was read from a connection and not used yet.

use std::io;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// First size of a buffer: a login, or a statement and its answer, fit into it.
const SMALL: usize = 4 * 1024;

/// What a buffer grows to while a peer keeps filling it.
const LARGE: usize = 64 * 1024;

/// Bytes of a connection between the socket and whoever understands them.
///
/// It grows while reads fill it and is small again once it was emptied, so that a connection that once moved a large
/// result does not keep its room. A packet that must be there as a whole makes it as large as that packet.
#[derive(Debug)]
pub struct ReadBuffer {
    bytes: BytesMut,
    room: usize,
}

impl Default for ReadBuffer {
    fn default() -> Self {
        Self { bytes: BytesMut::new(), room: SMALL }
    }
}

impl ReadBuffer {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, to be changed in place.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Drops the first `count` bytes.
    pub fn consume(&mut self, count: usize) {
        self.bytes.advance(count.min(self.bytes.len()));
        if self.bytes.is_empty() && self.bytes.capacity() > LARGE {
            self.bytes = BytesMut::new();
        }
    }

    /// Takes the first `count` bytes out.
    pub fn split(&mut self, count: usize) -> Bytes {
        self.bytes.split_to(count.min(self.bytes.len())).freeze()
    }

    /// Takes everything out.
    pub fn take(&mut self) -> Bytes {
        self.bytes.split().freeze()
    }

    /// Reads once; 0 means that the peer has closed. Nothing is lost when the call is given up.
    pub fn poll_fill<R>(&mut self, cx: &mut Context<'_>, reader: &mut R) -> Poll<io::Result<usize>>
    where
        R: AsyncRead + Unpin,
    {
        if self.bytes.capacity() - self.bytes.len() < self.room / 2 {
            self.bytes.reserve(self.room);
        }
        let room = self.bytes.capacity() - self.bytes.len();
        let read = std::task::ready!(pin!(reader.read_buf(&mut self.bytes)).poll(cx));
        if let Ok(count) = read {
            self.room = if count >= room { (self.room * 2).min(LARGE) } else { self.room };
        }
        Poll::Ready(read)
    }

    /// Reads once; see [`Self::poll_fill`].
    ///
    /// # Errors
    /// What the connection says.
    pub async fn fill<R>(&mut self, reader: &mut R) -> io::Result<usize>
    where
        R: AsyncRead + Unpin,
    {
        std::future::poll_fn(|cx| self.poll_fill(cx, reader)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_buffer_that_was_large_gives_its_room_back() {
        let mut source: &[u8] = &vec![7; 1 << 20];
        let mut buffer = ReadBuffer::default();
        while buffer.fill(&mut source).await.unwrap() > 0 {}
        assert_eq!(buffer.len(), 1 << 20);
        buffer.consume(1 << 20);
        assert!(buffer.bytes.capacity() <= LARGE);
    }

    #[tokio::test]
    async fn the_end_of_the_stream_is_zero_bytes() {
        let mut buffer = ReadBuffer::default();
        assert_eq!(buffer.fill(&mut [].as_slice()).await.unwrap(), 0);
    }
}
