//! What OpenStack's own database library finds, and how much of what it says reaches a server, directly and through the proxy.

use std::path::Path;
use std::process::Command;

use crate::clients::python_with;
use crate::support::client::RawClient;
use crate::support::proxy::Proxy;
use crate::support::server::{PASSWORD, USER, own_server, root_of};
use crate::transport::generate_certificates;

/// Services at a time, each with a connection of its own that lives as long as a service's usually does.
const WORKERS: &str = "12";

/// What the server has seen so far.
#[derive(Debug, Clone, Copy)]
struct Seen {
    commands: u64,
    connections: u64,
}

#[test]
fn oslo_db_finds_the_same_and_reaches_the_server_for_its_statements_only() {
    let server = own_server();
    let mut root = root_of(&server);
    root.run("CREATE DATABASE directly; CREATE DATABASE through");
    let certificates = tempfile::tempdir().unwrap();
    generate_certificates(certificates.path());
    let path = certificates.path().display();
    let port = server.port().unwrap();
    let proxy = Proxy::in_front_of(&format!("127.0.0.1:{port}"))
        .tls(&format!("certificate = \"{path}/server.pem\"\nkey = \"{path}/server.key\""))
        .section("[pool]\nmax_connections = 4")
        .start();
    let ca = format!("{path}/ca.pem");

    let (expected, directly) = run(&mut root, &[&port.to_string(), USER, PASSWORD, "directly", WORKERS]);
    let (found, through) =
        run(&mut root, &[&proxy.port().to_string(), USER, PASSWORD, "through", WORKERS, &ca]);

    assert!(expected.lines().count() >= 12, "{expected}");
    assert_eq!(found, expected);
    println!("directly {directly:?}, through {through:?}");
    let closed = closes(&proxy);
    assert!(through.connections <= 4, "none is closed while others wait: {through:?}, {closed:?}");
    assert!(through.commands * 100 < directly.commands * 85, "directly {directly:?}, through {through:?}");
}

/// The reasons for which connections were closed.
fn closes(proxy: &Proxy) -> Vec<String> {
    let (_, page) = proxy.page("/metrics").unwrap();
    let closed = page.lines().filter(|line| line.starts_with("sealock_backend_closes_total{"));
    closed.filter(|line| !line.ends_with(" 0")).map(str::to_owned).collect()
}

/// What the services printed, and what the server saw of them.
fn run(root: &mut RawClient, arguments: &[&str]) -> (String, Seen) {
    let before = seen(root);
    let python = python_with("oslo-db");
    let output = Command::new(&python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mariadb/openstack.py"))
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}; `make test` installs it", python.display()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let after = seen(root);
    let own = 2; // the two statements of `seen`
    let seen = Seen {
        commands: after.commands - before.commands - own,
        connections: after.connections - before.connections,
    };
    (String::from_utf8(output.stdout).unwrap(), seen)
}

fn seen(root: &mut RawClient) -> Seen {
    let mut status = |names: &str| {
        let sql = "SELECT CAST(SUM(VARIABLE_VALUE) AS INT) FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME";
        root.value(&format!("{sql} IN ({names})")).parse().unwrap()
    };
    // A ping is no question.
    Seen { commands: status("'Questions', 'Com_admin_commands'"), connections: status("'Connections'") }
}
