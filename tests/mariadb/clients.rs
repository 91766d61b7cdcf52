//! Client programs and libraries as people use them.

use std::path::{Path, PathBuf};
use std::process::Command;

use mysql_async::prelude::Queryable as _;
use mysql_async::{OptsBuilder, Row, SslOpts};

use crate::support::proxy::Proxy;
use crate::support::server::{PASSWORD, USER};
use crate::transport::generate_certificates;

/// A proxy whose certificate a CA in the directory vouches for.
fn verified_proxy() -> (Proxy, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    generate_certificates(directory.path());
    let path = directory.path().display();
    let lines = format!("certificate = \"{path}/server.pem\"\nkey = \"{path}/server.key\"");
    (Proxy::builder().tls(&lines).start(), directory)
}

#[test]
fn the_mariadb_program_works_in_plaintext_tls_and_over_the_socket() {
    let (proxy, directory) = verified_proxy();
    let ca = format!("--ssl-ca={}", directory.path().join("ca.pem").display());
    let (port, socket) =
        (format!("--port={}", proxy.port()), format!("--socket={}", proxy.socket_path().display()));
    let tcp = ["--protocol=tcp", "--host=localhost", &port];
    for (what, arguments) in [
        ("plaintext", [&tcp[..], &["--skip-ssl"]].concat()),
        ("verified TLS", [&tcp[..], &["--ssl", "--ssl-verify-server-cert", &ca]].concat()),
        ("compression", [&tcp[..], &["--skip-ssl", "--compress"]].concat()),
        ("compression inside TLS", [&tcp[..], &["--ssl", "--compress", &ca]].concat()),
        ("a unix socket", vec!["--protocol=socket", socket.as_str()]),
    ] {
        let output = Command::new("mariadb")
            .args(["--no-defaults", "--batch", "--skip-column-names", &format!("--user={USER}"), &format!("--password={PASSWORD}")])
            .args(arguments)
            .args(["--execute", "SELECT 'first'; SELECT COUNT(*), MAX(LENGTH(x)) FROM (SELECT REPEAT('x', 70000) x FROM mysql.seq_1_to_200) t; SHOW WARNINGS; SELECT CURRENT_USER()"])
            .output()
            .expect("the mariadb program is installed");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "first\n200\t70000\napp@%\n", "{what}: {errors}");
    }
}

#[test]
fn mysql_async_works_inside_verified_tls() {
    let (proxy, directory) = verified_proxy();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let tls = SslOpts::default().with_root_certs(vec![directory.path().join("ca.pem").into()]);
    for tls in [None, Some(tls)] {
        runtime.block_on(async {
            let options = OptsBuilder::default()
                .ip_or_hostname("localhost")
                .tcp_port(proxy.port())
                .user(Some(USER))
                .pass(Some(PASSWORD))
                .prefer_socket(false)
                .ssl_opts(tls.clone());
            let mut connection = mysql_async::Conn::new(options).await.expect("a connection");
            let rows: Vec<Row> =
                connection.exec("SELECT seq, ? FROM mysql.seq_1_to_1000", ("parameter",)).await.unwrap();
            assert_eq!(rows.len(), 1000);
            let mut transaction = connection.start_transaction(mysql_async::TxOpts::default()).await.unwrap();
            let open: Option<u8> = transaction.query_first("SELECT @@in_transaction").await.unwrap();
            assert_eq!(open, Some(1));
            transaction.rollback().await.unwrap();
            connection.reset().await.unwrap();
            connection.disconnect().await.unwrap();
        });
    }
}

#[test]
fn pymysql_1_1_works() {
    pymysql("1.1");
}

#[test]
fn the_newest_pymysql_works() {
    pymysql("newest");
}

fn pymysql(version: &str) {
    let python = python_with(&format!("pymysql-{version}"));
    let (proxy, directory) = verified_proxy();
    let output = Command::new(&python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mariadb/clients.py"))
        .args([&proxy.port().to_string(), USER, PASSWORD])
        .args([proxy.socket_path(), directory.path().join("ca.pem")])
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}; `make test` installs it", python.display()));
    let told = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&told));
}

/// The interpreter of the environment that the Makefile makes.
pub fn python_with(packages: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("target/python/{packages}/bin/python"))
}
