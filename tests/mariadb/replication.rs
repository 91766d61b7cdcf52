//! A replica follows its primary through the proxy.

use sealock::app::scratch::{Options, ScratchServer};

use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::{Login, ServerError};
use crate::support::proxy::Proxy;
use crate::support::wire::Endpoint;

fn start(id: u32, arguments: &[&str]) -> ScratchServer {
    let mut all = vec![format!("--server-id={id}").into()];
    all.extend(arguments.iter().map(Into::into));
    let options = Options {
        tcp: true,
        arguments: all,
        statements: vec![
            "CREATE USER app@'%' IDENTIFIED BY 'x'".to_owned(),
            "GRANT ALL ON *.* TO app@'%'".to_owned(),
        ],
        ..Options::default()
    };
    ScratchServer::start(&options, &mut |_| {}).unwrap_or_else(|error| panic!("{error}"))
}

fn admin(server: &ScratchServer) -> RawClient {
    RawClient::connect(&Login::new(Endpoint::Unix(server.socket()), "root", "")).unwrap()
}

#[test]
fn a_replica_replicates_through_the_proxy() {
    let primary = start(1, &["--log-bin=primary", "--binlog-format=ROW"]);
    let replica = start(2, &["--log-bin=replica"]);
    let proxy = Proxy::builder()
        .backend(&format!("127.0.0.1:{}", primary.port().unwrap()))
        .without_accounts()
        .account("user = \"app\"\npassword = \"x\"")
        .start();
    let (mut there, mut here) = (admin(&primary), admin(&replica));
    there.run("CREATE DATABASE copied; CREATE TABLE copied.t (a INT PRIMARY KEY, b LONGTEXT)");
    here.run(&format!(
        "CHANGE MASTER TO master_host = '127.0.0.1', master_port = {}, master_user = 'app', master_password = 'x', \
         master_use_gtid = slave_pos, master_ssl = 0; START SLAVE",
        proxy.port()
    ));
    for id in 0..20 {
        there.run(&format!("INSERT INTO copied.t VALUES ({id}, REPEAT('x', 100000))"));
    }
    let sum = "SELECT COALESCE(SUM(LENGTH(b)), 0) FROM copied.t";
    eventually("all rows arrive", || {
        let packets = here.query(sum);
        ServerError::parse(&packets[0].payload).is_none() && here.value(sum) == "2000000"
    });
    there.run("DELETE FROM copied.t WHERE a < 10");
    eventually("later changes arrive", || here.value(sum) == "1000000");
    here.run("STOP SLAVE");
}
