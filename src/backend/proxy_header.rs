//! The PROXY protocol header that tells a backend who its client is.
//!
//! Version 2 of the HAProxy specification, binary. MariaDB takes it from the networks in `proxy_protocol_networks`
//! (MariaDB: "Proxy Protocol Support").

use std::net::SocketAddr;

use ppp::v2::{Addresses, Builder, Command, Protocol, Version};

/// Both ends of the client's connection to the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The client's address.
    pub client: SocketAddr,
    /// The address that the client connected to.
    pub local: SocketAddr,
}

/// The header. Without an origin (a unix socket, the proxy's own probes) it is of kind LOCAL: the server takes the
/// connection's own address.
pub fn encode(origin: Option<Origin>) -> Vec<u8> {
    let header = match origin {
        Some(Origin { client, local }) => Builder::with_addresses(
            Version::Two | Command::Proxy,
            Protocol::Stream,
            Addresses::from((client, local)),
        ),
        None => Builder::with_addresses(
            Version::Two | Command::Local,
            Protocol::Unspecified,
            Addresses::Unspecified,
        ),
    };
    header.build().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_names_both_ends() {
        let origin = Origin {
            client: "192.0.2.7:40000".parse().unwrap(),
            local: "198.51.100.1:6033".parse().unwrap(),
        };
        let header = encode(Some(origin));
        assert!(header.starts_with(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x07\xc6\x33\x64\x01"));
    }

    #[test]
    fn without_an_origin_it_is_local() {
        assert_eq!(encode(None), b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00");
    }
}
