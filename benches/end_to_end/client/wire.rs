//! Packets of the MySQL protocol on an async stream, as far as a load needs them.

use std::io;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Bytes of a packet header: three of length, the sequence id.
const HEADER_LEN: usize = 4;
/// A frame of this length is followed by another one of the same packet.
const MAX_FRAME: usize = 0xff_ffff;
/// Bytes that are read at once, at first and at most.
const READ_LEN: (usize, usize) = (4 * 1024, 256 * 1024);

/// What packets travel on.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection that sends and receives packets.
pub struct Wire {
    stream: Box<dyn Stream>,
    received: BytesMut,
    read_len: usize,
    sequence: u8,
}

/// What a load looks at of a packet that it does not keep.
#[derive(Clone, Copy, Debug)]
pub struct Passed {
    /// The payload's length.
    pub length: usize,
    /// Its first byte; 0 where there is none.
    pub first: u8,
}

impl Wire {
    /// Speaks on `stream`, from the first packet of a connection on.
    pub fn new(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), received: BytesMut::new(), read_len: READ_LEN.0, sequence: 0 }
    }

    /// Carries on in what `upgrade` makes of the stream.
    pub async fn upgrade<F>(self, upgrade: impl FnOnce(Box<dyn Stream>) -> F) -> io::Result<Self>
    where
        F: Future<Output = io::Result<Box<dyn Stream>>>,
    {
        Ok(Self { stream: upgrade(self.stream).await?, ..self })
    }

    /// A command starts the numbering anew.
    pub fn begin_command(&mut self) {
        self.sequence = 0;
    }

    /// Sends one packet.
    pub async fn write(&mut self, payload: &[u8]) -> io::Result<()> {
        let mut frames = Vec::with_capacity(payload.len() + HEADER_LEN);
        let mut rest = payload;
        loop {
            let (frame, after) = rest.split_at(rest.len().min(MAX_FRAME));
            let [low, middle, high, ..] = frame.len().to_le_bytes();
            frames.extend_from_slice(&[low, middle, high, self.sequence]);
            frames.extend_from_slice(frame);
            self.sequence = self.sequence.wrapping_add(1);
            rest = after;
            if frame.len() < MAX_FRAME {
                break;
            }
        }
        self.stream.write_all(&frames).await?;
        self.stream.flush().await
    }

    /// Receives a packet that fits in one frame.
    pub async fn packet(&mut self) -> io::Result<BytesMut> {
        let length = self.header().await?;
        self.fill(length).await?;
        Ok(self.received.split_to(length))
    }

    /// Receives a packet of any length and keeps none of it.
    pub async fn pass(&mut self) -> io::Result<Passed> {
        let mut frame = self.header().await?;
        let mut passed = Passed { length: frame, first: 0 };
        self.fill(frame.min(1)).await?;
        passed.first = self.received.first().copied().filter(|_| frame > 0).unwrap_or(0);
        self.discard(frame).await?;
        while frame == MAX_FRAME {
            frame = self.header().await?;
            passed.length += frame;
            self.discard(frame).await?;
        }
        Ok(passed)
    }

    /// Ends the connection in order.
    pub async fn close(mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    async fn header(&mut self) -> io::Result<usize> {
        self.fill(HEADER_LEN).await?;
        let length = usize::try_from(self.received.get_uint_le(3)).unwrap_or(MAX_FRAME);
        self.sequence = self.received.get_u8().wrapping_add(1);
        Ok(length)
    }

    async fn discard(&mut self, mut length: usize) -> io::Result<()> {
        loop {
            let here = length.min(self.received.len());
            self.received.advance(here);
            length -= here;
            if length == 0 {
                return Ok(());
            }
            self.read().await?;
        }
    }

    async fn fill(&mut self, length: usize) -> io::Result<()> {
        while self.received.len() < length {
            self.read().await?;
        }
        Ok(())
    }

    /// Reads once, and more the next time where there was more than fits.
    async fn read(&mut self) -> io::Result<()> {
        self.received.reserve(self.read_len);
        let read = self.stream.read_buf(&mut self.received).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if read >= self.read_len {
            self.read_len = (self.read_len * 2).min(READ_LEN.1);
        }
        Ok(())
    }
}
