//! What was read from a connection and not used yet.

use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf};

/// What is read at first: a login, or a statement and its answer, fit into it.
const SMALL: usize = 4 * 1024;

/// What a buffer grows to while a peer keeps filling it.
const LARGE: usize = 64 * 1024;

/// Bytes of a connection between the socket and whoever understands them.
///
/// It has room for what came and no more as long as little comes at once, since most connections wait most of the time. It
/// grows while reads fill it; [`Self::rest`] gives the room back. A packet that must be there as a whole makes it as large
/// as that packet.
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

    /// Nothing is expected for a while: large room that is empty is given back.
    pub fn rest(&mut self) {
        if self.bytes.is_empty() && self.bytes.capacity() > SMALL {
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
        if self.room == SMALL && self.bytes.is_empty() {
            return self.poll_fill_small(cx, reader);
        }
        if self.bytes.capacity() - self.bytes.len() < self.room / 2 {
            self.bytes.reserve(self.room);
        }
        let room = self.bytes.capacity() - self.bytes.len();
        let read = ready!(pin!(reader.read_buf(&mut self.bytes)).poll(cx));
        if let Ok(count) = read {
            self.expect(count, room);
        }
        Poll::Ready(read)
    }

    /// Reads into the stack first, so that a connection that waits has no empty room on the heap.
    fn poll_fill_small<R>(&mut self, cx: &mut Context<'_>, reader: &mut R) -> Poll<io::Result<usize>>
    where
        R: AsyncRead + Unpin,
    {
        let mut room = [const { MaybeUninit::uninit() }; SMALL];
        let mut read = ReadBuf::uninit(&mut room);
        ready!(Pin::new(reader).poll_read(cx, &mut read))?;
        self.bytes.extend_from_slice(read.filled());
        let count = read.filled().len();
        self.expect(count, SMALL);
        Poll::Ready(Ok(count))
    }

    /// After `count` bytes were read where `room` bytes had been: how many may come next.
    fn expect(&mut self, count: usize, room: usize) {
        if count >= room {
            self.room = (self.room * 2).min(LARGE);
        } else if count < self.room / 8 {
            self.room = (self.room / 2).max(SMALL);
        }
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
        buffer.rest();
        assert_eq!(buffer.bytes.capacity(), 0);
    }

    #[tokio::test]
    async fn what_little_comes_takes_little_room() {
        let mut source: &[u8] = &[7; 100];
        let mut buffer = ReadBuffer::default();
        assert_eq!(buffer.fill(&mut source).await.unwrap(), 100);
        assert!(buffer.bytes.capacity() < 256, "{}", buffer.bytes.capacity());
    }

    #[tokio::test]
    async fn more_is_read_at_once_while_much_comes_and_less_again_when_it_does_not() {
        let mut source: &[u8] = &vec![7; 1 << 20];
        let mut buffer = ReadBuffer::default();
        for _ in 0..8 {
            buffer.fill(&mut source).await.unwrap();
        }
        assert_eq!(buffer.room, LARGE);
        for _ in 0..4 {
            buffer.consume(buffer.len());
            buffer.fill(&mut [1].as_slice()).await.unwrap();
        }
        assert_eq!(buffer.room, SMALL);
    }

    #[tokio::test]
    async fn the_end_of_the_stream_is_zero_bytes() {
        let mut buffer = ReadBuffer::default();
        assert_eq!(buffer.fill(&mut [].as_slice()).await.unwrap(), 0);
    }
}
