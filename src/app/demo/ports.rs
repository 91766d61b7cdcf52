//! The ports of the demo, looked at before anything is started.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, TcpListener};

/// Where the demo listens, on 127.0.0.1; 0 is any free port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// For clients.
    pub proxy: u16,
    /// For metrics.
    pub admin: u16,
}

/// Why the demo cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// Another process listens there.
    #[error(
        "{0} taken by another process, perhaps another demo: end that one, or choose with {options} (0 is any free port)",
        options = .0.options()
    )]
    Taken(Refused),
    /// This user may not listen there.
    #[error("{0} not open to this user: choose a port above 1023 with {options}", options = .0.options())]
    Forbidden(Refused),
    /// Both are the same.
    #[error("--port and --admin-port are both {0}: they have to differ")]
    Same(u16),
    /// Anything else.
    #[error("cannot listen on port {port} of 127.0.0.1")]
    Failed {
        /// The port.
        port: u16,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Ports that cannot be had, each with the option that sets it; one or two.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused(Vec<(u16, &'static str)>);

impl Ports {
    /// Whether both can be listened on now.
    ///
    /// # Errors
    /// See [`PortError`].
    pub fn check(&self) -> Result<(), PortError> {
        if self.proxy == self.admin && self.proxy != 0 {
            return Err(PortError::Same(self.proxy));
        }
        let (mut taken, mut forbidden) = (Vec::new(), Vec::new());
        for (port, option) in [(self.proxy, "--port"), (self.admin, "--admin-port")] {
            match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => taken.push((port, option)),
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    forbidden.push((port, option));
                }
                Err(source) => return Err(PortError::Failed { port, source }),
            }
        }
        match (taken.is_empty(), forbidden.is_empty()) {
            (true, true) => Ok(()),
            (false, _) => Err(PortError::Taken(Refused(taken))),
            (true, false) => Err(PortError::Forbidden(Refused(forbidden))),
        }
    }
}

impl Refused {
    fn options(&self) -> String {
        self.0.iter().map(|(_, option)| *option).collect::<Vec<_>>().join(" and ")
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [(port, _)] => write!(f, "port {port} on 127.0.0.1 is"),
            ports => {
                let numbers: Vec<String> = ports.iter().map(|(port, _)| port.to_string()).collect();
                write!(f, "ports {} on 127.0.0.1 are", numbers.join(" and "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken() -> (TcpListener, u16) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, port)
    }

    #[test]
    fn a_taken_port_is_named_with_the_option_that_changes_it() {
        let (_listener, admin) = taken();
        let text = Ports { proxy: 0, admin }.check().unwrap_err().to_string();
        assert!(text.contains(&format!("port {admin} on 127.0.0.1 is taken")), "{text}");
        assert!(text.contains("with --admin-port (0"), "{text}");
    }

    #[test]
    fn two_taken_ports_are_named_together() {
        let ((_one, proxy), (_other, admin)) = (taken(), taken());
        let text = Ports { proxy, admin }.check().unwrap_err().to_string();
        assert!(text.starts_with(&format!("ports {proxy} and {admin} on 127.0.0.1 are taken")), "{text}");
        assert!(text.contains("--port and --admin-port"), "{text}");
    }

    #[test]
    fn any_free_port_will_do_for_both_but_no_single_one() {
        assert!(Ports { proxy: 0, admin: 0 }.check().is_ok());
        assert!(matches!(Ports { proxy: 6033, admin: 6033 }.check(), Err(PortError::Same(6033))));
    }

    #[test]
    fn a_port_that_is_not_for_everybody_is_told_with_what_to_choose() {
        let text = PortError::Forbidden(Refused(vec![(80, "--port")])).to_string();
        assert!(text.contains("port 80 on 127.0.0.1") && text.ends_with("above 1023 with --port"), "{text}");
    }
}
