//! Ids in statements: `CONNECTION_ID()` and KILL speak of the client's id, the server knows only its own.
//!
//! A statement that asks for the connection's id gets the client's id as a number in place of the call; KILL of a
//! client's id gets the id of the backend connection which that client has on the same server. Any other id goes to the
//! server as it is: it is one of the server's own, or unknown to it too, since no server counts as far as client ids start.

use crate::backend::BackendThreadId;
use crate::frontend::registry::{ClientId, Registry};
use crate::sql::SqlMode;
use crate::sql::classify::Statement;

/// The clients whose ids mean something to a statement: those with connections to the same server.
#[derive(Clone, Copy)]
pub struct Clients<'a> {
    /// All clients.
    pub registry: &'a Registry,
    /// Name of the server that the statement goes to.
    pub backend: &'a str,
}

impl Clients<'_> {
    fn target(self, id: u64) -> Option<BackendThreadId> {
        self.registry.target(ClientId::from_number(id)?, self.backend)
    }
}

/// The statement as it is to be sent; `None`: as it came.
pub fn statement(
    text: &[u8],
    statement: &Statement,
    mode: SqlMode,
    own: ClientId,
    clients: Clients<'_>,
) -> Option<Vec<u8>> {
    if let Some(kill) = &statement.kill {
        let thread = clients.target(kill.id)?;
        let (before, after) = (text.get(..kill.id_range.start)?, text.get(kill.id_range.end..)?);
        return Some([before, thread.to_string().as_bytes(), after].concat());
    }
    if statement.connection_id.is_empty() {
        return None;
    }
    Some(statement.connection_id.replace(text, mode, u64::from(own.number())))
}

/// The payload of COM_PROCESS_KILL with the backend's id in place of a client's; `None`: as it came.
pub fn process_kill(payload: &[u8], clients: Clients<'_>) -> Option<[u8; 5]> {
    let &[command, a, b, c, d] = payload else { return None };
    let id = u64::from(u32::from_le_bytes([a, b, c, d]));
    let [a, b, c, d] = clients.target(id)?.0.to_le_bytes();
    Some([command, a, b, c, d])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::frontend::activity::Profile;
    use crate::frontend::registry::Located;
    use crate::sql::classify::classify;

    fn rewritten(text: &str, own: ClientId, registry: &Registry) -> Option<String> {
        let clients = Clients { registry, backend: "db1" };
        let mode = SqlMode::default();
        let bytes = statement(text.as_bytes(), &classify(text.as_bytes(), mode), mode, own, clients)?;
        Some(String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn a_kill_of_a_client_goes_to_its_backend_connection() {
        let clients = Arc::new(Registry::default());
        let victim = clients.enter(clients.issue(), Profile::of_nobody());
        victim.attach(Located { backend: "db1".into(), thread: BackendThreadId(42) });
        let own = clients.issue();
        let text = format!("KILL QUERY {} -- please", victim.id());
        assert_eq!(rewritten(&text, own, &clients).as_deref(), Some("KILL QUERY 42 -- please"));
    }

    #[test]
    fn a_kill_of_an_id_that_is_no_clients_is_left_alone() {
        let clients = Arc::new(Registry::default());
        let own = clients.issue();
        assert_eq!(rewritten("KILL 17", own, &clients), None);
        assert_eq!(rewritten(&format!("KILL {own}"), own, &clients), None);
    }

    #[test]
    fn the_id_of_the_connection_is_the_clients() {
        let clients = Arc::new(Registry::default());
        let own = clients.issue();
        let text = rewritten("SELECT CONNECTION_ID() AS id", own, &clients).unwrap();
        assert!(text.contains(&own.to_string()), "{text}");
        assert!(!text.contains("CONNECTION_ID"), "{text}");
    }

    #[test]
    fn the_binary_kill_is_translated_too() {
        let clients = Arc::new(Registry::default());
        let victim = clients.enter(clients.issue(), Profile::of_nobody());
        victim.attach(Located { backend: "db1".into(), thread: BackendThreadId(7) });
        let [a, b, c, d] = victim.id().number().to_le_bytes();
        let clients = Clients { registry: &clients, backend: "db1" };
        assert_eq!(process_kill(&[0x0C, a, b, c, d], clients), Some([0x0C, 7, 0, 0, 0]));
        assert_eq!(process_kill(&[0x0C, 7, 0, 0, 0], clients), None);
    }
}
