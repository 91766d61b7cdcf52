//! Addresses and networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::config::model::Address;
use crate::config::value::{Node, Value};

impl Value for Address {
    const FORM: &'static str = "\"host:port\", \"[IPv6]:port\" or \"unix:/path\"";
    const LIST: &'static str = "list of \"host:port\", \"[IPv6]:port\" or \"unix:/path\"";

    fn read(node: &Node<'_>) -> Option<Self> {
        let text = node.text::<Self>()?;
        match text.strip_prefix("unix:") {
            Some(path) if !path.is_empty() => Some(Self::Unix(node.document().resolve(path))),
            _ => parse_tcp(text).or_else(|| node.refuse_with_hint(format!("{text:?}"), tcp_hint(text))),
        }
    }
}

/// An address, or `""` for none.
impl Value for Option<Address> {
    const FORM: &'static str = "\"host:port\", \"[IPv6]:port\", \"unix:/path\", or \"\" for none";

    fn read(node: &Node<'_>) -> Option<Self> {
        match node.text::<Self>()? {
            "" => Some(None),
            _ => Address::read(node).map(Some),
        }
    }
}

impl Address {
    /// Whether only this machine can reach it: a unix socket, `localhost`, or a loopback address.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp { host, .. } => {
                host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
            }
        }
    }
}

fn parse_tcp(text: &str) -> Option<Address> {
    let (host, port) = text.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(bracketed) => {
            let host = bracketed.strip_suffix(']')?;
            host.parse::<Ipv6Addr>().ok().map(|_| host)?
        }
        None => Some(host).filter(|host| is_host(host))?,
    };
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse().ok().filter(|_| digits)?;
    Some(Address::Tcp { host: host.to_owned(), port })
}

/// Whether text is an IPv4 address or a host name (RFC 1123, and `_` because container networks use it).
pub(super) fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    let numeric = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    text.len() <= 253 && if numeric { text.parse::<Ipv4Addr>().is_ok() } else { name.split('.').all(label) }
}

/// What a malformed address was probably meant to be.
fn tcp_hint(text: &str) -> Option<String> {
    if text.starts_with('/') {
        return Some(format!("did you mean \"unix:{text}\"?"));
    }
    if let Some((host, port)) = text.rsplit_once(':').filter(|(host, _)| host.parse::<Ipv6Addr>().is_ok()) {
        return Some(format!("did you mean \"[{host}]:{port}\"?"));
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        let host = if address.is_ipv6() { format!("[{address}]") } else { address.to_string() };
        return Some(format!("the port is missing: \"{host}:3306\"?"));
    }
    if let Some(port) = text.strip_prefix(':').or_else(|| text.strip_prefix("*:")) {
        return Some(format!("every address is \"0.0.0.0:{port}\", \"[::]:{port}\""));
    }
    is_host(text).then(|| format!("the port is missing: \"{text}:3306\"?"))
}

impl Value for IpNet {
    const FORM: &'static str = "network such as \"10.0.0.0/8\" or \"fd00::/8\", or an IP address";
    const LIST: &'static str = "list of networks such as \"10.0.0.0/8\" or \"fd00::/8\", or of IP addresses";

    fn read(node: &Node<'_>) -> Option<Self> {
        let text = node.text::<Self>()?;
        let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        match network {
            Some(network) if network == network.trunc() => Some(network),
            Some(network) => {
                let hint = format!("the network around that address is \"{}\"", network.trunc());
                node.refuse_with_hint(format!("{text:?}"), Some(hint))
            }
            None => node.refuse(format!("{text:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Option<Address> {
        Some(Address::Tcp { host: host.to_owned(), port })
    }

    #[test]
    fn every_form_of_a_tcp_address_reads_back_as_it_prints() {
        assert_eq!(parse_tcp("127.0.0.1:6033"), tcp("127.0.0.1", 6033));
        assert_eq!(parse_tcp("[::1]:6033"), tcp("::1", 6033));
        assert_eq!(parse_tcp("db_1.example.org:3306"), tcp("db_1.example.org", 3306));
        for text in ["127.0.0.1:6033", "[::1]:6033", "db.example.org:3306"] {
            assert_eq!(parse_tcp(text).map(|address| address.to_string()).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            ":1",
            "host",
            "host:",
            "host:x",
            "host:+1",
            "host:65536",
            "1.2.3.4.5:1",
            "1.2.3:1",
            "::1:3306",
            "[::1]",
            "[host]:1",
            "a b:1",
            "-a:1",
            "a..b:1",
        ] {
            assert_eq!(parse_tcp(text), None, "{text}");
        }
    }

    #[test]
    fn only_addresses_of_this_machine_are_local() {
        let local = |text| parse_tcp(text).unwrap().is_local();
        assert!(local("127.8.9.1:1") && local("[::1]:1") && local("localhost:1"));
        assert!(!local("0.0.0.0:1") && !local("[::]:1") && !local("localhost.example.org:1"));
        assert!(Address::Unix("/run/x".into()).is_local());
    }
}
