//! Backend connections that wait for their next client: how many, for how long, and for whom.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::Login;
use crate::support::proxy::{Proxy, ProxyBuilder};
use crate::support::server::{PASSWORD, own_server_with, root, root_of};

/// An account of the test's own, whose connections can be told apart at the server.
struct Account(&'static str);

impl Account {
    fn new(user: &'static str) -> Self {
        root().run(&format!(
            "CREATE OR REPLACE USER {user} IDENTIFIED BY '{PASSWORD}'; GRANT SELECT ON *.* TO {user}"
        ));
        Self(user)
    }

    fn lines(&self) -> String {
        format!("user = \"{}\"\npassword = \"{PASSWORD}\"", self.0)
    }

    fn login(&self, proxy: &Proxy) -> Login {
        Login::new(proxy.endpoint(), self.0, PASSWORD)
    }

    /// How many connections the server has of it.
    fn connections(&self) -> usize {
        let count = "SELECT COUNT(*) FROM information_schema.processlist WHERE user";
        root().value(&format!("{count} = '{}'", self.0)).parse().unwrap()
    }

    fn proxy(&self, pool: &str) -> ProxyBuilder {
        Proxy::builder().account(&self.lines()).section(&format!("[pool]\nmode = \"session\"\n{pool}"))
    }

    fn clients(&self, proxy: &Proxy, number: usize) -> Vec<RawClient> {
        (0..number).map(|_| RawClient::connect(&self.login(proxy)).unwrap()).collect()
    }
}

fn closes(proxy: &Proxy, reason: &str) -> f64 {
    proxy.metric("sealock_backend_closes_total", &[&format!("reason=\"{reason}\"")])
}

fn leave(clients: Vec<RawClient>) {
    for mut client in clients {
        client.send(b"\x01").unwrap();
    }
}

#[test]
fn no_more_connections_stay_idle_than_max_idle_says() {
    let account = Account::new("pool_idle");
    let proxy = account.proxy("max_idle = 2").start();
    leave(account.clients(&proxy, 5));
    eventually("three are closed", || closes(&proxy, "surplus") >= 3.0);
    eventually("two are kept", || account.connections() == 2);
    leave(account.clients(&proxy, 2));
    assert_eq!(closes(&proxy, "surplus"), 3.0, "the next two clients get the two that were kept");
}

#[test]
fn none_stays_idle_where_max_idle_is_zero() {
    let account = Account::new("pool_none");
    let proxy = account.proxy("max_idle = 0").start();
    leave(account.clients(&proxy, 2));
    eventually("both are closed", || account.connections() == 0);
}

#[test]
fn an_idle_connection_is_closed_after_its_time_out() {
    let account = Account::new("pool_timeout");
    let proxy = account.proxy("idle_timeout = \"200ms\"").start();
    leave(account.clients(&proxy, 2));
    eventually("both are closed", || closes(&proxy, "idle") >= 2.0 && account.connections() == 0);
}

#[test]
fn a_connection_beyond_its_lifetime_serves_its_client_to_the_end_and_nobody_else() {
    let account = Account::new("pool_lifetime");
    let proxy = account.proxy("max_lifetime = \"200ms\"").start();
    let mut client = account.clients(&proxy, 1).remove(0);
    assert_eq!(client.value("SELECT 'old', SLEEP(0.3)"), "old");
    assert_eq!(client.value("SELECT 'older'"), "older");
    leave(vec![client]);
    eventually("it is closed", || closes(&proxy, "lifetime") >= 1.0 && account.connections() == 0);
}

#[test]
fn a_client_that_gets_no_connection_hears_so_at_the_deadline_and_not_before() {
    let account = Account::new("pool_deadline");
    let proxy = account.proxy("max_connections = 1\nacquire_timeout = \"500ms\"").start();
    let _first = account.clients(&proxy, 1);
    let begun = Instant::now();
    let error = RawClient::connect(&account.login(&proxy)).err().expect("a refusal").error();
    assert_eq!((error.code, error.state.as_str()), (1047, "08S01"), "{error:?}");
    assert!(begun.elapsed() >= Duration::from_millis(500) && begun.elapsed() < Duration::from_secs(10));
    assert_eq!(account.connections(), 1);
    assert_eq!(proxy.metric("sealock_pool_timeouts_total", &[]), 1.0);
}

#[test]
fn a_waiting_client_gets_the_connection_that_becomes_free() {
    let account = Account::new("pool_waiter");
    let proxy = account.proxy("max_connections = 1\nacquire_timeout = \"60s\"").start();
    let first = account.clients(&proxy, 1);
    let login = account.login(&proxy);
    let waiting = thread::spawn(move || RawClient::connect(&login).unwrap().value("SELECT 'my turn'"));
    eventually("it waits", || proxy.metric("sealock_pool_waiters", &[]) >= 1.0);
    leave(first);
    assert_eq!(waiting.join().unwrap(), "my turn");
    assert!(account.connections() <= 1);
}

#[test]
fn raising_the_limit_by_a_reload_lets_those_in_who_wait() {
    let account = Account::new("pool_raised");
    let limit = |most: usize| account.proxy(&format!("max_connections = {most}\nacquire_timeout = \"60s\""));
    let proxy = limit(1).start();
    let mut first = account.clients(&proxy, 1);
    let login = account.login(&proxy);
    let waiting = thread::spawn(move || RawClient::connect(&login).unwrap().value("SELECT 'let in'"));
    eventually("it waits", || proxy.metric("sealock_pool_waiters", &[]) >= 1.0);
    proxy.configure(&limit(2));
    proxy.signal("HUP");
    assert_eq!(waiting.join().unwrap(), "let in");
    assert_eq!(first[0].value("SELECT 'still there'"), "still there");
}

#[test]
fn a_reload_replaces_what_is_idle_and_leaves_clients_their_connections() {
    let account = Account::new("pool_reloaded");
    let proxy = account.proxy("").start();
    let mut clients = account.clients(&proxy, 3);
    let mut kept = clients.remove(0);
    kept.run("SET @a = 'kept'");
    leave(clients);
    eventually("two are idle", || proxy.metric("sealock_backend_connections", &["idle"]) >= 2.0);
    proxy.signal("HUP");
    eventually("both are closed", || closes(&proxy, "reloaded") >= 2.0 && account.connections() == 1);
    assert_eq!(kept.value("SELECT @a"), "kept");
}

#[test]
fn a_password_that_changed_at_the_server_holds_for_pooled_connections_too() {
    let account = Account::new("pool_changed");
    let proxy = account.proxy("").section("[auth]\nrelay = false").start();
    leave(account.clients(&proxy, 1));
    eventually("it is idle", || proxy.metric("sealock_backend_connections", &["idle"]) >= 1.0);
    root().run("ALTER USER pool_changed IDENTIFIED BY 'another'");
    assert_eq!(RawClient::connect(&account.login(&proxy)).err().expect("a refusal").error().code, 1045);
}

/// A reset takes away what init_connect had set, and does not run it again.
#[test]
fn a_connection_without_what_init_connect_had_set_serves_nobody() {
    let account = Account::new("pool_init");
    let server = own_server_with(&["--init-connect=SET autocommit=0, sql_mode='ANSI_QUOTES'"]);
    root_of(&server).run(&format!("CREATE USER pool_init IDENTIFIED BY '{PASSWORD}'"));
    let proxy = Proxy::in_front_of(&format!("127.0.0.1:{}", server.port().unwrap()))
        .account(&account.lines())
        .section("[pool]\nmax_connections = 1")
        .start();
    for pin in ["SET @a = 1", "DO GET_LOCK('pool_init', 0)", "SET @a = 2"] {
        let mut client = RawClient::connect(&account.login(&proxy)).unwrap();
        assert_eq!(
            client.value("SELECT CONCAT(@@autocommit + 0, @@sql_mode)"),
            "0ANSI_QUOTES",
            "before {pin}"
        );
        client.run(pin);
        leave(vec![client]);
    }
    eventually("they are closed", || closes(&proxy, "init_connect") >= 3.0);
}
