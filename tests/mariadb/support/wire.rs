//! Packets on a blocking stream: framing, payloads beyond 16 MiB, the compressed protocol.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::read::{ZlibDecoder, ZlibEncoder};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use socket2::{Domain, Socket, Type};

/// The largest payload of one frame; a payload of this size is followed by another frame.
pub const MAX_FRAME: usize = 0xff_ffff;
/// No answer for so long is a failed test.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where something listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    Tcp(u16),
    /// The same, reached from this address.
    TcpFrom(Ipv4Addr, u16),
    Unix(PathBuf),
}

/// One logical packet: the sequence id of its first frame, and the payload of all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    pub sequence: u8,
    pub payload: Vec<u8>,
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// A connection that sends and receives packets.
pub struct Wire {
    stream: Box<dyn Stream>,
    compressed: Option<Compressed>,
    /// The id that the next packet either way carries.
    pub sequence: u8,
}

#[derive(Default)]
struct Compressed {
    sequence: u8,
    unpacked: Vec<u8>,
    taken: usize,
}

impl Wire {
    pub fn connect(endpoint: &Endpoint) -> io::Result<Self> {
        let stream: Box<dyn Stream> = match endpoint {
            Endpoint::Tcp(port) => Box::new(tcp(*port)?),
            Endpoint::TcpFrom(from, port) => Box::new(tcp_from(*from, *port)?),
            Endpoint::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                Box::new(stream)
            }
        };
        Ok(Self { stream, compressed: None, sequence: 0 })
    }

    /// Carries on inside TLS; the handshake runs with the first byte sent.
    pub fn into_tls(self, config: &Arc<ClientConfig>, name: &str) -> Self {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let session = ClientConnection::new(Arc::clone(config), name).unwrap();
        Self { stream: Box::new(StreamOwned::new(session, self.stream)), ..self }
    }

    pub fn compress(&mut self) {
        self.compressed = Some(Compressed::default());
    }

    /// A command starts the numbering anew, in both layers.
    pub fn begin_command(&mut self) {
        self.sequence = 0;
        if let Some(compressed) = &mut self.compressed {
            compressed.sequence = 0;
        }
    }

    pub fn write(&mut self, payload: &[u8]) -> io::Result<()> {
        let mut rest = payload;
        loop {
            let (frame, after) = rest.split_at(rest.len().min(MAX_FRAME));
            let mut bytes = Vec::with_capacity(frame.len() + 4);
            bytes.extend_from_slice(&(frame.len() as u32).to_le_bytes()[..3]);
            bytes.push(self.sequence);
            bytes.extend_from_slice(frame);
            self.sequence = self.sequence.wrapping_add(1);
            self.write_raw(&bytes)?;
            rest = after;
            if frame.len() < MAX_FRAME {
                return Ok(());
            }
        }
    }

    pub fn read(&mut self) -> io::Result<Packet> {
        let mut packet: Option<Packet> = None;
        loop {
            let mut header = [0; 4];
            self.read_exact(&mut header)?;
            let length = usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
            // Inside compressed frames the server numbers packets by the frames' ids at times, and nobody looks at it.
            if header[3] != self.sequence && self.compressed.is_none() {
                let problem = format!("sequence id {} where {} follows", header[3], self.sequence);
                return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
            }
            let joined = packet.get_or_insert(Packet { sequence: self.sequence, payload: Vec::new() });
            self.sequence = self.sequence.wrapping_add(1);
            let start = joined.payload.len();
            joined.payload.resize(start + length, 0);
            self.read_exact(&mut joined.payload[start..])?;
            if let Some(packet) = packet.take_if(|_| length < MAX_FRAME) {
                return Ok(packet);
            }
        }
    }

    /// Bytes as they are, without a header of ours.
    pub fn write_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(compressed) = &mut self.compressed else {
            return self.stream.write_all(bytes);
        };
        for chunk in bytes.chunks(MAX_FRAME) {
            let mut packed = Vec::new();
            ZlibEncoder::new(chunk, Compression::fast()).read_to_end(&mut packed)?;
            let small = chunk.len() < 50;
            let (body, plain_length) = if small { (chunk, 0) } else { (packed.as_slice(), chunk.len()) };
            let mut frame = (body.len() as u32).to_le_bytes()[..3].to_vec();
            frame.push(compressed.sequence);
            frame.extend_from_slice(&(plain_length as u32).to_le_bytes()[..3]);
            frame.extend_from_slice(body);
            compressed.sequence = compressed.sequence.wrapping_add(1);
            self.stream.write_all(&frame)?;
        }
        Ok(())
    }

    fn read_exact(&mut self, out: &mut [u8]) -> io::Result<()> {
        let Some(compressed) = &mut self.compressed else {
            return self.stream.read_exact(out);
        };
        while compressed.unpacked.len() - compressed.taken < out.len() {
            compressed.fill(&mut self.stream)?;
        }
        let end = compressed.taken + out.len();
        out.copy_from_slice(&compressed.unpacked[compressed.taken..end]);
        compressed.taken = end;
        Ok(())
    }

    /// Reads frames, keeping none of them, until one that ends a result with rows; tells of the length of each.
    pub fn drain_response(&mut self, mut seen: impl FnMut(usize)) {
        let (mut buffer, mut ends, mut short) = (vec![0; MAX_FRAME], 0, false);
        while ends < 1 || !short {
            let mut header = [0; 4];
            self.read_exact(&mut header).unwrap();
            let length = usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
            self.read_exact(&mut buffer[..length]).unwrap();
            seen(length);
            // The first short packet that begins so after something long is the end.
            short = length < 9 && buffer[0] == 0xfe;
            ends += usize::from(length == MAX_FRAME || length > 1 << 19);
        }
    }

    /// Every byte that still comes before the other side closes.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Err(error) = self.stream.read_to_end(&mut bytes) {
            assert_eq!(
                error.kind(),
                io::ErrorKind::ConnectionReset,
                "the other side neither speaks nor closes"
            );
        }
        bytes
    }

    /// Whether the other side has closed, having sent nothing more.
    pub fn is_closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0]), Ok(0)) || self.stream.write_all(&[]).is_err()
    }
}

impl Compressed {
    fn fill(&mut self, stream: &mut Box<dyn Stream>) -> io::Result<()> {
        let mut header = [0; 7];
        stream.read_exact(&mut header)?;
        let number = |at: usize| {
            usize::from(header[at]) | usize::from(header[at + 1]) << 8 | usize::from(header[at + 2]) << 16
        };
        let mut body = vec![0; number(0)];
        stream.read_exact(&mut body)?;
        self.sequence = header[3].wrapping_add(1);
        self.unpacked.drain(..self.taken);
        self.taken = 0;
        if number(4) == 0 {
            self.unpacked.extend_from_slice(&body);
            return Ok(());
        }
        let before = self.unpacked.len();
        ZlibDecoder::new(body.as_slice()).read_to_end(&mut self.unpacked)?;
        assert_eq!(
            self.unpacked.len() - before,
            number(4),
            "a compressed frame announces the length it unpacks to"
        );
        Ok(())
    }
}

/// From an address of this machine's, all of 127.0.0.0/8.
fn tcp_from(from: Ipv4Addr, port: u16) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn tcp(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}
