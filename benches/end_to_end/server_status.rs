//! What the server has counted.

use std::collections::BTreeMap;

use crate::client::Client;

/// Counters of SHOW GLOBAL STATUS (<https://mariadb.com/kb/en/server-status-variables/>).
#[derive(Clone, Debug)]
pub struct ServerStatus(BTreeMap<String, u64>);

impl ServerStatus {
    /// Reads all of them, which is a command too.
    pub async fn read(control: &mut Client) -> anyhow::Result<Self> {
        let rows = control.rows("SHOW GLOBAL STATUS").await?;
        let counter = |row: Vec<String>| {
            let mut row = row.into_iter();
            Some((row.next()?, row.next()?.parse().ok()?))
        };
        Ok(Self(rows.into_iter().filter_map(counter).collect()))
    }

    /// Commands that reached the server since `earlier`: statements, and the PINGs, resets and the like that
    /// `Questions` leaves out. The one that reads the counters is not among them.
    pub fn commands_since(&self, earlier: &Self) -> u64 {
        let commands = self.since(earlier, "Questions") + self.since(earlier, "Com_admin_commands");
        commands.saturating_sub(1)
    }

    /// Connections that were opened since `earlier`.
    pub fn connections_since(&self, earlier: &Self) -> u64 {
        self.since(earlier, "Connections")
    }

    fn since(&self, earlier: &Self, name: &str) -> u64 {
        let value = |status: &Self| status.0.get(name).copied().unwrap_or(0);
        value(self).saturating_sub(value(earlier))
    }
}
