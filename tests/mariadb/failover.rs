//! Two servers: clients go to the first that is there, and ids of one mean nothing on the other.

use std::cmp::Ordering;
use std::{fs, mem};

use sealock::app::scratch::{Options, ScratchServer};

use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::{Login, ServerError};
use crate::support::proxy::{Proxy, deserted};
use crate::support::server::{PASSWORD, USER, server};
use crate::support::wire::Endpoint;

/// A server of the test's own, with the account that every proxy is configured with.
fn another_server() -> ScratchServer {
    let create = format!("CREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD}'");
    let statements = vec![create, format!("GRANT ALL ON *.* TO {USER}@'%' WITH GRANT OPTION")];
    let options = Options { tcp: true, statements, ..Options::default() };
    ScratchServer::start(&options, &mut |_| {}).unwrap_or_else(|error| panic!("{error}"))
}

fn address(server: &ScratchServer) -> String {
    format!("127.0.0.1:{}", server.port().unwrap())
}

/// The second backend of a configuration.
fn and_then(address: &str) -> String {
    format!("[[backend]]\nname = \"second\"\naddress = \"{address}\"\n[backend.tls]\nmode = \"disabled\"")
}

/// The name under which the server that a client is connected to stores its data.
fn home(client: &mut RawClient) -> String {
    client.value("SELECT @@datadir")
}

fn data(server: &ScratchServer) -> String {
    format!("{}/", server.directory().join("data").display())
}

#[test]
fn where_the_first_server_is_down_clients_get_the_second() {
    let (_nobody, first) = deserted();
    let proxy = Proxy::in_front_of(&first).section(&and_then(&address(server()))).start();
    for login in [proxy.login(), Login::new(proxy.endpoint(), "edward", PASSWORD).plugin("client_ed25519")] {
        assert_eq!(home(&mut RawClient::connect(&login).unwrap()), data(server()), "{}", login.user);
    }
    let up = |name: &str| proxy.metric("sealock_backend_up", &[&format!("backend=\"{name}\"")]);
    eventually("the metric tells both", || up("db") == 0.0 && up("second") == 1.0);
    assert_eq!(proxy.page("/readyz").unwrap().0, 200, "one is enough");
}

#[test]
fn when_the_first_server_dies_its_sessions_end_and_new_clients_get_the_second() {
    let first = another_server();
    let (first_address, first_data) = (address(&first), data(&first));
    let proxy =
        Proxy::in_front_of(&first_address).own_connections().section(&and_then(&address(server()))).start();
    let mut idle = RawClient::connect(&proxy.login()).unwrap();
    let mut busy = RawClient::connect(&proxy.login()).unwrap();
    let mut pooled = RawClient::connect(&proxy.login()).unwrap();
    assert_eq!(home(&mut idle), first_data);
    busy.send(b"\x03SELECT SLEEP(60)").unwrap();
    pooled.send(b"\x01").unwrap();
    eventually("one is pooled", || proxy.metric("sealock_backend_connections", &["idle"]) >= 1.0);
    first.kill();
    let end = busy.wire.rest();
    let error = end.get(4..).and_then(ServerError::parse).expect("an error");
    assert_eq!((error.code, error.state.as_str()), (1927, "08S01"), "{error:?}");
    assert!(idle.wire.rest().is_empty());
    for login in [proxy.login(), proxy.tls_login(), Login::new(proxy.socket(), USER, PASSWORD)] {
        assert_eq!(home(&mut RawClient::connect(&login).unwrap()), data(server()));
    }
    let relayed = Login::new(proxy.endpoint(), "other", PASSWORD);
    assert_eq!(home(&mut RawClient::connect(&relayed).unwrap()), data(server()));
}

#[test]
fn the_kill_of_a_client_on_another_server_hits_nobody() {
    let fresh = another_server();
    let (shared, other) = (address(server()), address(&fresh));
    let proxy = Proxy::in_front_of(&shared).own_connections().section(&and_then(&other)).start();
    let (mut target, mut bystander) = with_the_same_id(&proxy, &fresh);
    // The other order; each name stays with its server.
    let file = proxy.path("sealock.toml");
    let text = swapped(&fs::read_to_string(&file).unwrap(), "\"db\"", "\"second\"");
    fs::write(&file, swapped(&text, &shared, &other)).unwrap();
    proxy.signal("HUP");
    eventually("the order is another", || proxy.metric("sealock_config_generation", &[]) >= 2.0);
    let mut killer = RawClient::connect(&proxy.login()).unwrap();
    assert_eq!(home(&mut killer), data(&fresh));
    let id = target.greeting.id;
    for sql in [format!("KILL QUERY {id}"), format!("KILL CONNECTION {id}"), format!("KILL {id}")] {
        assert_eq!(killer.error(&sql).code, 1094, "{sql}");
    }
    assert_eq!(target.value("SELECT 'alive'"), "alive");
    assert_eq!(bystander.value("SELECT 'alive'"), "alive");
    assert_eq!(home(&mut target), data(server()));
}

/// A client, and a connection straight to the other server that has the id there which the client's has on its own.
fn with_the_same_id(proxy: &Proxy, other: &ScratchServer) -> (RawClient, RawClient) {
    let own = "SELECT id FROM information_schema.processlist WHERE info LIKE '%this very statement%'";
    let client = || RawClient::connect(&proxy.login()).unwrap();
    let direct = || RawClient::connect(&Login::new(Endpoint::Unix(other.socket()), "root", "")).unwrap();
    let (mut target, mut bystander) = (client(), direct());
    let mut passed_over = Vec::new();
    loop {
        let id: u32 = target.value(own).parse().unwrap();
        match id.cmp(&bystander.greeting.id) {
            Ordering::Equal => return (target, bystander),
            Ordering::Less => passed_over.push(mem::replace(&mut target, client())),
            Ordering::Greater => bystander = direct(),
        }
    }
}

fn swapped(text: &str, one: &str, other: &str) -> String {
    text.replace(one, "\0").replace(other, one).replace('\0', other)
}
