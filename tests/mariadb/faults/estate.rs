//! A schema, an account with few connections, and a proxy in front of them.

use sealock::app::scratch::ScratchServer;

use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::Login;
use crate::support::proxy::{Proxy, ProxyBuilder};
use crate::support::server::{PASSWORD, root_of};

/// What one test has.
pub struct Estate<'a> {
    /// Of the account, the schema and everything else that has a name.
    pub name: &'static str,
    pub server: &'a ScratchServer,
    pub proxy: Proxy,
    /// Most connections that the account may have.
    connections: usize,
}

/// Roles that writers take in turns.
pub const ROLES: usize = 3;

impl<'a> Estate<'a> {
    /// With `connections` for the account; `pool` has further lines of that section, and `shape` the last word on the proxy.
    pub fn new(
        name: &'static str,
        server: &'a ScratchServer,
        connections: usize,
        pool: &str,
        shape: impl FnOnce(ProxyBuilder) -> ProxyBuilder,
    ) -> Self {
        furnish(name, &mut root_of(server));
        let builder = Proxy::in_front_of(&format!("127.0.0.1:{}", server.port().unwrap()))
            .account(&format!("user = \"{name}\"\npassword = \"{PASSWORD}\""))
            .section(&format!("[pool]\nmode = \"multiplex\"\nmax_connections = {connections}\n{pool}"));
        Self { name, server, proxy: shape(builder).start(), connections }
    }

    pub fn login(&self) -> Login {
        Login::new(self.proxy.endpoint(), self.name, PASSWORD).schema(self.name)
    }

    pub fn root(&self) -> RawClient {
        root_of(self.server)
    }

    /// One session of the account, which comes in although the server may just have gone.
    pub fn session(&self) -> RawClient {
        let mut session = None;
        eventually("a session begins", || {
            session = RawClient::connect(&self.login()).ok();
            session.is_some()
        });
        session.unwrap()
    }

    /// How many clients wait for a connection right now.
    pub fn waiting(&self) -> u64 {
        self.pool("waiters")
    }

    /// How many connections are in somebody's hands right now.
    pub fn leased(&self) -> u64 {
        self.pool("leased")
    }

    /// A number of the account's pool, after the proxy's own account of it.
    fn pool(&self, number: &str) -> u64 {
        let (status, page) = self.proxy.page("/api/v1/pools").unwrap();
        assert_eq!(status, 200);
        let pools: serde_json::Value = serde_json::from_str(&page).unwrap();
        let own = |pool: &&serde_json::Value| pool["account"] == self.name;
        let pools = pools["pools"].as_array().unwrap_or_else(|| panic!("{page}"));
        pools.iter().filter(own).map(|pool| pool[number].as_u64().unwrap()).sum()
    }

    /// Nobody is there any more: neither clients nor pins nor statements, and no more connections than may be idle.
    pub fn assert_deserted(&self) {
        let mut root = self.root();
        let metric = |name: &str, labels: &[&str]| self.proxy.metric(name, labels);
        eventually("no client is left", || {
            metric("sealock_clients", &[]) + metric("sealock_clients_handshaking", &[]) < 1.0
        });
        eventually("nothing is pinned or waited for", || {
            metric("sealock_pins", &[]) + metric("sealock_pool_waiters", &[]) < 1.0
        });
        eventually("every connection is idle", || metric("sealock_backend_connections", &["leased"]) < 1.0);
        let of = |condition: &str| {
            format!(
                "SELECT COUNT(*) FROM information_schema.processlist WHERE user = '{}' {condition}",
                self.name
            )
        };
        eventually("no statement runs on", || root.value(&of("AND command <> 'Sleep'")) == "0");
        eventually("there are no more connections than may be", || {
            root.value(&of("")).parse::<usize>().unwrap() <= self.connections
        });
        let name = self.name;
        let open = format!(
            "SELECT COUNT(*) FROM information_schema.innodb_trx JOIN information_schema.processlist \
             ON id = trx_mysql_thread_id WHERE user = '{name}'"
        );
        eventually("no transaction is open", || root.value(&open) == "0");
    }
}

fn furnish(name: &str, root: &mut RawClient) {
    root.run(&format!("CREATE OR REPLACE DATABASE {name} CHARACTER SET utf8mb4"));
    root.run(&format!("CREATE OR REPLACE USER {name} IDENTIFIED BY '{PASSWORD}'"));
    root.run(&format!("GRANT ALL ON *.* TO {name}"));
    for role in 0..ROLES {
        root.run(&format!("CREATE OR REPLACE ROLE {name}_{role}"));
        root.run(&format!("GRANT {name}_{role} TO {name}"));
    }
    root.run(&format!(
        "CREATE TABLE {name}.ledger (id INT AUTO_INCREMENT PRIMARY KEY, writer INT, number INT, part INT, \
         KEY (writer, number)) ENGINE = InnoDB"
    ));
    root.run(&format!("CREATE TABLE {name}.shadow AS SELECT 'everybody' AS of"));
}
