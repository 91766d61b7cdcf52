//! The host part of an account's name: which clients it means, and which of several is meant first.
//!
//! As MariaDB does it (<https://mariadb.com/kb/en/create-user/#host-name-component>); the order of precedence was measured on
//! 10.11.19 by asking `CURRENT_USER()` with up to seventy patterns for one address, taking away the one that won each time.

use std::cmp::{Ordering, Reverse};
use std::net::{IpAddr, Ipv4Addr};

/// A host pattern, such as `%`, `10.0.%`, `10.0.0.0/255.255.0.0` or `db1.example.org`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    text: String,
    network: Option<Network>,
    rank: Rank,
}

/// Who a server takes somebody for: an address, a name, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    ip: Option<IpAddr>,
    name: Name,
}

/// What is known of a peer's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// The server does not look names up, or finds none.
    None,
    /// This one.
    Known(String),
    /// The server looks it up, and only it knows with which result.
    Unknown,
}

/// Whether a server looks up the names of addresses (`skip_name_resolve`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameLookup {
    /// It does.
    On,
    /// It does not.
    Off,
}

/// Whether a pattern means a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It depends on a name that only the server knows.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    base: u32,
    mask: u32,
}

/// Smaller is looked at first: no wildcard at all, by the length of the network; then patterns by how much of the address they
/// fix, how few wildcards they need, and how early the first one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Fixed(Reverse<u32>),
    Wild { fixed: Reverse<usize>, many: usize, one: usize, first: usize },
}

impl HostPattern {
    /// Takes a pattern as the account table holds it; nothing at all means everybody.
    pub fn new(text: &str) -> Self {
        let text = if text.is_empty() { "%" } else { text };
        let network = Network::parse(text);
        Self { rank: Rank::of(text, network), network, text: text.to_owned() }
    }

    /// As in the account table.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it means `peer`.
    pub fn matches(&self, peer: &Peer) -> Match {
        if let (Some(network), Some(IpAddr::V4(ip))) = (self.network, peer.ip) {
            return if u32::from(ip) & network.mask == network.base { Match::Yes } else { Match::No };
        }
        let by_ip = peer.ip.is_some_and(|ip| is_like(&self.text, &ip.to_string()));
        let by_name = match &peer.name {
            Name::Known(name) => is_like(&self.text.to_lowercase(), &name.to_lowercase()),
            Name::None | Name::Unknown => false,
        };
        match (by_ip || by_name, &peer.name) {
            (true, _) => Match::Yes,
            (false, Name::Unknown) if self.could_be_a_name() => Match::Unknown,
            (false, _) => Match::No,
        }
    }

    /// The order in which a server looks at patterns.
    pub fn precedence(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank).then_with(|| other.text.cmp(&self.text))
    }

    /// Whether a server's name look-up could come up with something that this means. `localhost` it finds for loopback only,
    /// and names that begin like an address it does not accept.
    fn could_be_a_name(&self) -> bool {
        let numbers = self.text.trim_start_matches(|character: char| character.is_ascii_digit());
        let begins_like_an_address = numbers.len() < self.text.len() && numbers.starts_with('.');
        let literal_address = self.text.parse::<IpAddr>().is_ok();
        let nobody = self.text == "localhost" || self.network.is_some();
        !(begins_like_an_address || literal_address || nobody || self.text.contains(':'))
    }
}

impl Peer {
    /// A client of a unix socket: `localhost`, without an address.
    pub fn local() -> Self {
        Self { ip: None, name: Name::Known(LOCALHOST.to_owned()) }
    }

    /// A client that connects from `ip`. Loopback addresses are `localhost` where names are looked up.
    pub fn at(ip: IpAddr, names: NameLookup) -> Self {
        let ip = ip.to_canonical();
        let loopback =
            matches!(ip, IpAddr::V4(Ipv4Addr::LOCALHOST)) || matches!(ip, IpAddr::V6(v6) if v6.is_loopback());
        let name = match names {
            NameLookup::Off => Name::None,
            NameLookup::On if loopback => Name::Known(LOCALHOST.to_owned()),
            NameLookup::On => Name::Unknown,
        };
        Self { ip: Some(ip), name }
    }

    /// Somebody whom the server calls `shown` in `USER()`, and whose own end of the connection is `ip`.
    pub fn shown_as(shown: &str, ip: Option<IpAddr>) -> Self {
        match (shown.parse::<IpAddr>(), ip) {
            (Ok(shown), _) => Self { ip: Some(shown.to_canonical()), name: Name::None },
            (Err(_), ip) => Self { ip: ip.map(|ip| ip.to_canonical()), name: Name::Known(shown.to_owned()) },
        }
    }

    /// What the server's messages call it.
    pub fn called(&self) -> String {
        match (&self.name, self.ip) {
            (Name::Known(name), _) => name.clone(),
            (Name::None | Name::Unknown, Some(ip)) => ip.to_string(),
            (Name::None | Name::Unknown, None) => LOCALHOST.to_owned(),
        }
    }
}

/// The name of whoever is on the same machine.
const LOCALHOST: &str = "localhost";

impl Network {
    /// Base address and netmask. MariaDB 10.11 takes no prefix lengths, and a mask of zeros for no mask.
    fn parse(text: &str) -> Option<Self> {
        let (base, mask) = text.split_once('/')?;
        let (base, mask) = (base.parse::<Ipv4Addr>().ok()?, mask.parse::<Ipv4Addr>().ok()?);
        Some(Self { base: base.into(), mask: mask.into() }).filter(|network| network.mask != 0)
    }
}

impl Rank {
    fn of(text: &str, network: Option<Network>) -> Self {
        let (mut fixed, mut many, mut one, mut first) = (0, 0, 0, None);
        for (at, piece) in pieces(text).enumerate() {
            match piece {
                Piece::Many => many += 1,
                Piece::One => one += 1,
                Piece::This(_) => {}
            }
            fixed += usize::from(piece != Piece::Many);
            first = first.or((!matches!(piece, Piece::This(_))).then_some(at));
        }
        match first {
            Some(first) => Self::Wild { fixed: Reverse(fixed), many, one, first },
            None => Self::Fixed(Reverse(network.map_or(u32::BITS, |network| network.mask.count_ones()))),
        }
    }
}

/// A part of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    /// `%`
    Many,
    /// `_`
    One,
    This(char),
}

fn pieces(pattern: &str) -> impl Iterator<Item = Piece> + Clone + '_ {
    let mut characters = pattern.chars();
    std::iter::from_fn(move || {
        Some(match characters.next()? {
            '%' => Piece::Many,
            '_' => Piece::One,
            '\\' => Piece::This(characters.next().unwrap_or('\\')),
            other => Piece::This(other),
        })
    })
}

/// Whether `text` is as `pattern` says.
fn is_like(pattern: &str, text: &str) -> bool {
    let pieces: Vec<Piece> = pieces(pattern).collect();
    let text: Vec<char> = text.chars().collect();
    // reached[n]: the pieces so far can take up the first n characters.
    let mut reached = vec![false; text.len() + 1];
    reached.first_mut().into_iter().for_each(|start| *start = true);
    for piece in pieces {
        let mut next = vec![false; text.len() + 1];
        for (at, _) in reached.iter().enumerate().filter(|(_, reached)| **reached) {
            let step = match piece {
                Piece::Many => at..=text.len(),
                Piece::One if at < text.len() => at + 1..=at + 1,
                Piece::This(wanted) if text.get(at) == Some(&wanted) => at + 1..=at + 1,
                Piece::One | Piece::This(_) => continue,
            };
            next.iter_mut().take(step.end() + 1).skip(*step.start()).for_each(|here| *here = true);
        }
        reached = next;
    }
    reached.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ip: &str) -> Peer {
        Peer::at(ip.parse().unwrap(), NameLookup::Off)
    }

    /// As MariaDB 10.11.19 took them for 127.0.0.2, the winner taken away each time.
    const MEASURED: [&[&str]; 2] = [
        &[
            "127.0.0.2/255.255.255.255",
            "127.0.0.2",
            "127.0.0.0/255.255.255.240",
            "127.0.0.0/255.255.255.0",
            "127.0.0.0/255.0.0.0",
            "12_.0.0.2",
            "127._.0.2",
            "127.0.0._",
            "____0.0.2",
            "_________",
            "127.0.0.2%",
            "127.0.0.%",
            "%.0.0.2",
            "127.%.2",
            "127.0.%",
            "127.%2",
            "127.%",
            "%.2",
            "__%",
            "%2",
            "1%",
            "_%",
            "%",
        ],
        &[
            "1_7.0.0.2",
            "12_.0.0.2",
            "127_0.0.2",
            "127.0_0.2",
            "127.0._.2",
            "127.0.0_2",
            "_2_.0.0.2",
            "_27.0.0_2",
            "1_7_0.0.2",
            "127__.0.2",
            "127.0.0__",
            "12_.0__.2",
            "1%27.0.0.2",
            "12%7.0.0.2",
            "127.%0.0.2",
            "127.0%.0.2",
            "127.0.0%.2",
            "_2%7.0.0._",
            "127.%0._._",
            "127.0_%0._",
            "127.0.0%2",
            "1_7.0.%.2",
            "12%.0._.2",
            "__%.0.0.2",
            "1_7._.0.%",
            "127.%._._",
            "%_27.0.0%2",
            "%127.0._%2",
            "1%.0.0.2",
            "12%0.0.2",
            "127_0.0%",
            "1__.0.0%",
            "_27%0.0%2",
            "12%7.%0_2",
            "%_.%0.0_2",
            "12%.0.2",
            "127%0.2",
            "_27.0.%",
            "_27.0%2",
            "%.0.0_2",
            "12%.0._",
            "127_0%2",
            "127.0%_",
            "127%0__",
            "1_7%_._",
            "%.0.0%.2",
            "127.0%.%",
            "_2%.%0.2",
            "%7.0.%_2",
            "1_7.0%.%",
            "12%0.0_%",
            "1%__.0.%",
            "%12%.%0.2",
            "1%.0.2",
            "1%.0._",
            "12%0_2",
            "_2_.%2",
            "_27_%2",
            "%27%0.2",
            "1%0%0_2",
            "_27.%",
            "%_0._",
            "%0%0.2",
            "12%0.%",
            "1%.2",
            "12%2",
            "1%._",
            "%7%.2",
            "1%_.%",
            "12%",
        ],
    ];

    #[test]
    fn patterns_are_looked_at_in_the_order_of_mariadb_10_11() {
        for measured in MEASURED {
            let mut sorted: Vec<HostPattern> =
                measured.iter().rev().map(|text| HostPattern::new(text)).collect();
            assert!(sorted.iter().all(|pattern| pattern.matches(&at("127.0.0.2")) == Match::Yes));
            sorted.sort_by(HostPattern::precedence);
            assert_eq!(sorted.iter().map(HostPattern::as_str).collect::<Vec<_>>(), measured);
        }
    }

    #[test]
    fn networks_are_addresses_and_masks_and_nothing_else() {
        for (pattern, ip, expected) in [
            ("10.1.0.0/255.255.0.0", "10.1.2.3", Match::Yes),
            ("10.1.0.0/255.255.0.0", "::ffff:10.1.2.3", Match::Yes),
            ("10.1.0.0/255.255.0.0", "10.2.2.3", Match::No),
            ("127.0.0.1/255.0.0.0", "127.0.0.1", Match::No), // the base is not a network's
            ("127.0.0.0/24", "127.0.0.1", Match::No),
            ("0.0.0.0/0.0.0.0", "127.0.0.1", Match::No),
            ("2001:db8::%", "2001:db8::7", Match::Yes),
            ("", "10.0.0.1", Match::Yes),
        ] {
            assert_eq!(HostPattern::new(pattern).matches(&at(ip)), expected, "{pattern} {ip}");
        }
    }

    #[test]
    fn localhost_is_the_socket_and_where_names_are_looked_up_loopback() {
        let pattern = HostPattern::new("localhost");
        assert_eq!(pattern.matches(&Peer::local()), Match::Yes);
        assert_eq!(pattern.matches(&at("127.0.0.1")), Match::No);
        let looked_up = |ip: &str| Peer::at(ip.parse().unwrap(), NameLookup::On);
        assert_eq!(pattern.matches(&looked_up("127.0.0.1")), Match::Yes);
        assert_eq!(pattern.matches(&looked_up("10.0.0.1")), Match::No);
        assert_eq!(HostPattern::new("127.0.0.1").matches(&Peer::local()), Match::No);
        assert_eq!(HostPattern::new("%").matches(&Peer::local()), Match::Yes);
    }

    #[test]
    fn a_name_that_only_the_server_can_look_up_leaves_it_open() {
        let peer = Peer::at("10.0.0.7".parse().unwrap(), NameLookup::On);
        for (pattern, expected) in [
            ("db1.example.org", Match::Unknown),
            ("%.example.org", Match::Unknown),
            ("10.0.0.8", Match::No),
            ("10.1.%", Match::No),
            ("10.0.%", Match::Yes),
            ("%", Match::Yes),
        ] {
            assert_eq!(HostPattern::new(pattern).matches(&peer), expected, "{pattern}");
        }
    }

    #[test]
    fn a_backslash_takes_the_meaning_from_a_wildcard() {
        let named = |name: &str| Peer::shown_as(name, None);
        assert_eq!(HostPattern::new("db\\_1").matches(&named("db_1")), Match::Yes);
        assert_eq!(HostPattern::new("db\\_1").matches(&named("dbx1")), Match::No);
        assert_eq!(HostPattern::new("DB_1").matches(&named("dbx1")), Match::Yes);
    }
}
