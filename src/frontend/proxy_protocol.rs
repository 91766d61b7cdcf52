//! The PROXY protocol header in front of a client's connection: who it really is.
//!
//! Versions 1 (text) and 2 (binary) of the HAProxy specification. Read only from the networks in
//! `listener.proxy_protocol_from`, and there it is mandatory: a header from anywhere else would let a client name any
//! address it likes.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use ppp::{HeaderResult, PartialResult as _, v1, v2};
use tokio::io::AsyncReadExt as _;

use crate::backend::proxy_header::Origin;
use crate::tls::socket::Socket;

/// The longest header that is accepted, in bytes: a version 2 header with room for its optional fields.
const LONGEST: usize = 4096;

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announced {
    /// The connection comes from there.
    Origin(Origin),
    /// It is the sender's own (a health check, or an address family that has no ports).
    Own,
}

/// There is no header, or none that can be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no PROXY header, or a malformed one")]
pub struct BadHeader;

/// Whether connections from `peer` start with a header.
pub fn is_trusted(networks: &[IpNet], peer: IpAddr) -> bool {
    let peer = peer.to_canonical();
    networks.iter().any(|network| network.contains(&peer))
}

/// Reads the header; what follows it stays on the socket.
///
/// # Errors
/// [`BadHeader`], also when the connection ends or more than 4 KiB come without one.
pub async fn read(socket: &mut Socket) -> Result<Announced, BadHeader> {
    let mut bytes = Vec::with_capacity(256);
    loop {
        let read = socket.read_buf(&mut bytes).await.map_err(|_| BadHeader)?;
        let header = HeaderResult::parse(&bytes);
        let incomplete = header.is_incomplete() || is_unfinished_line(&bytes);
        if incomplete && read > 0 && bytes.len() < LONGEST {
            continue;
        }
        let (announced, len) = understand(header)?;
        let rest = bytes.get(len..).ok_or(BadHeader)?;
        socket.unread(bytes::Bytes::copy_from_slice(rest));
        return Ok(announced);
    }
}

/// A text header is a line of at most 107 bytes; before its end no verdict on it counts.
fn is_unfinished_line(bytes: &[u8]) -> bool {
    const LONGEST_LINE: usize = 107;
    let text = b"PROXY ".iter().zip(bytes).all(|(expected, byte)| expected == byte);
    text && bytes.len() < LONGEST_LINE && memchr::memmem::find(bytes, b"\r\n").is_none()
}

fn understand(header: HeaderResult<'_>) -> Result<(Announced, usize), BadHeader> {
    match header {
        HeaderResult::V1(Ok(header)) => Ok((text(&header), header.header.len())),
        HeaderResult::V2(Ok(header)) => Ok((binary(&header), header.header.len())),
        HeaderResult::V1(Err(_)) | HeaderResult::V2(Err(_)) => Err(BadHeader),
    }
}

fn text(header: &v1::Header<'_>) -> Announced {
    match header.addresses {
        v1::Addresses::Tcp4(a) => {
            origin(a.source_address.into(), a.source_port, a.destination_address.into(), a.destination_port)
        }
        v1::Addresses::Tcp6(a) => {
            origin(a.source_address.into(), a.source_port, a.destination_address.into(), a.destination_port)
        }
        v1::Addresses::Unknown => Announced::Own,
    }
}

fn binary(header: &v2::Header<'_>) -> Announced {
    match (header.command, header.addresses) {
        (v2::Command::Proxy, v2::Addresses::IPv4(a)) => {
            origin(a.source_address.into(), a.source_port, a.destination_address.into(), a.destination_port)
        }
        (v2::Command::Proxy, v2::Addresses::IPv6(a)) => {
            origin(a.source_address.into(), a.source_port, a.destination_address.into(), a.destination_port)
        }
        _ => Announced::Own,
    }
}

fn origin(client: IpAddr, client_port: u16, local: IpAddr, local_port: u16) -> Announced {
    Announced::Origin(Origin {
        client: SocketAddr::new(client, client_port),
        local: SocketAddr::new(local, local_port),
    })
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::UnixStream;

    use super::*;
    use crate::backend::proxy_header;

    async fn read_from(bytes: &[u8]) -> (Result<Announced, BadHeader>, Vec<u8>) {
        let (near, mut far) = UnixStream::pair().unwrap();
        far.write_all(bytes).await.unwrap();
        drop(far);
        let mut socket = Socket::unix(near).unwrap();
        let announced = read(&mut socket).await;
        let mut rest = Vec::new();
        let _ = socket.read_to_end(&mut rest).await;
        (announced, rest)
    }

    #[tokio::test]
    async fn a_text_header_is_read_and_what_follows_it_stays() {
        let (announced, rest) = read_from(b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 6033\r\nhello").await;
        let Ok(Announced::Origin(origin)) = announced else { panic!("{announced:?}") };
        assert_eq!(origin.client, "192.0.2.7:40000".parse().unwrap());
        assert_eq!(rest, b"hello");
    }

    #[tokio::test]
    async fn a_text_header_may_come_in_two_pieces_split_anywhere() {
        let header = b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 6033\r\n";
        for at in 1..header.len() {
            let (near, mut far) = UnixStream::pair().unwrap();
            let mut socket = Socket::unix(near).unwrap();
            far.write_all(&header[..at]).await.unwrap();
            let (announced, ()) = tokio::join!(read(&mut socket), async {
                tokio::task::yield_now().await;
                far.write_all(&header[at..]).await.unwrap();
            });
            assert!(matches!(announced, Ok(Announced::Origin(_))), "split at {at}");
        }
    }

    #[tokio::test]
    async fn a_binary_header_is_what_we_send_ourselves() {
        let origin = Origin {
            client: "[2001:db8::7]:40000".parse().unwrap(),
            local: "[2001:db8::1]:6033".parse().unwrap(),
        };
        let mut bytes = proxy_header::encode(Some(origin));
        bytes.extend_from_slice(b"hello");
        assert_eq!(read_from(&bytes).await, (Ok(Announced::Origin(origin)), b"hello".to_vec()));
        let local = proxy_header::encode(None);
        assert_eq!(read_from(&local).await.0, Ok(Announced::Own));
    }

    #[tokio::test]
    async fn anything_else_is_refused() {
        for bytes in [b"".as_slice(), b"GET / HTTP/1.1\r\n", b"PROXY TCP4 nonsense\r\n", &[b'P'; 5000]] {
            assert_eq!(read_from(bytes).await.0, Err(BadHeader), "{bytes:?}");
        }
    }

    #[test]
    fn only_listed_networks_are_trusted_also_when_mapped_into_ipv6() {
        let networks = ["10.0.0.0/8".parse().unwrap()];
        assert!(is_trusted(&networks, "10.1.2.3".parse().unwrap()));
        assert!(is_trusted(&networks, "::ffff:10.1.2.3".parse().unwrap()));
        assert!(!is_trusted(&networks, "192.0.2.1".parse().unwrap()));
    }
}
