//! A client's connection with or without zlib compression, which starts after its login.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::protocol::compress::Frames;
use crate::tls::read_buffer::ReadBuffer;
use crate::tls::stream::MaybeTls;

/// A client's connection.
#[derive(Debug)]
pub enum ClientStream {
    /// Packets as they are.
    Plain(MaybeTls),
    /// Packets in zlib frames.
    Compressed(Box<Compressed>),
}

/// A connection on which packets travel in zlib frames.
#[derive(Debug)]
pub struct Compressed {
    stream: MaybeTls,
    frames: Frames,
    received: ReadBuffer,
    /// Inflated and not handed out yet; `handed_out` bytes of it are.
    inflated: Vec<u8>,
    handed_out: usize,
    /// Frames that the stream has not taken yet; `sent` bytes of it are gone.
    outgoing: Vec<u8>,
    sent: usize,
}

impl ClientStream {
    /// Ready when the socket below has something to read, or has failed.
    pub fn poll_news(&self, cx: &mut Context<'_>) -> Poll<()> {
        let stream = match self {
            Self::Plain(stream) => stream,
            Self::Compressed(compressed) => &compressed.stream,
        };
        stream.socket().poll_news(cx)
    }

    /// Starts compression. `received` is what came after the login.
    pub fn compressed(stream: MaybeTls, received: ReadBuffer) -> Self {
        Self::Compressed(Box::new(Compressed {
            stream,
            frames: Frames::default(),
            received,
            inflated: Vec::new(),
            handed_out: 0,
            outgoing: Vec::new(),
            sent: 0,
        }))
    }
}

impl Compressed {
    fn hand_out(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let rest = self.inflated.get(self.handed_out..).unwrap_or_default();
        let now = rest.get(..rest.len().min(buf.remaining())).unwrap_or(rest);
        buf.put_slice(now);
        self.handed_out += now.len();
        let any = !now.is_empty();
        if self.handed_out == self.inflated.len() {
            self.inflated = Vec::new();
            self.handed_out = 0;
        }
        any
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.outgoing.get(self.sent..).filter(|rest| !rest.is_empty()) {
            let count = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += count;
        }
        self.outgoing.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.hand_out(buf) {
                return Poll::Ready(Ok(()));
            }
            let taken = self.frames.read(self.received.bytes(), &mut self.inflated);
            match taken.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))? {
                Some(taken) => self.received.consume(taken),
                None => {
                    if ready!(self.received.poll_fill(cx, &mut self.stream))? == 0 {
                        return Poll::Ready(Ok(()));
                    }
                }
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_drain(cx))?;
        self.frames.write(bytes, &mut self.outgoing);
        // What the stream does not take at once goes with the next write or flush.
        let _ = self.poll_drain(cx)?;
        Poll::Ready(Ok(bytes.len()))
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Compressed(compressed) => compressed.poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Compressed(compressed) => compressed.poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Compressed(compressed) => {
                ready!(compressed.poll_drain(cx))?;
                Pin::new(&mut compressed.stream).poll_flush(cx)
            }
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Compressed(compressed) => {
                ready!(compressed.poll_drain(cx))?;
                Pin::new(&mut compressed.stream).poll_shutdown(cx)
            }
        }
    }
}
