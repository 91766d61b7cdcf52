//! The scratch server of this binary, and what the suites need in it.

use std::sync::OnceLock;

use sealock::app::scratch::{Options, ScratchServer};

use super::client::RawClient;
use super::login::Login;
use super::wire::Endpoint;

/// An account with every privilege that logs in by mysql_native_password.
pub const USER: &str = "app";
/// Its password.
pub const PASSWORD: &str = "correct horse";

/// Starts once a binary; the process's end takes it away.
pub fn server() -> &'static ScratchServer {
    static SERVER: OnceLock<ScratchServer> = OnceLock::new();
    SERVER.get_or_init(own_server)
}

/// One more server of the same kind, for a test that stops it, kills it or counts what everybody does there.
pub fn own_server() -> ScratchServer {
    own_server_with(&[])
}

/// The same with more arguments.
pub fn own_server_with(more: &[&str]) -> ScratchServer {
    // No statement is slow: the status of a response would say so.
    let usual = ["--plugin-load-add=auth_ed25519", "--long-query-time=3600"];
    let options = Options {
        tcp: true,
        statements: accounts(),
        proxy_protocol_networks: Some("127.0.0.1,localhost".to_owned()),
        arguments: usual.iter().chain(more).map(Into::into).collect(),
        ..Options::default()
    };
    ScratchServer::start(&options, &mut |_| {}).unwrap_or_else(|error| panic!("{error}"))
}

/// The server itself, without a proxy.
pub fn direct() -> Endpoint {
    Endpoint::Tcp(server().port().unwrap())
}

/// A connection straight to the server that may do everything.
pub fn root() -> RawClient {
    root_of(server())
}

/// The same at a server of the test's own.
pub fn root_of(server: &ScratchServer) -> RawClient {
    RawClient::connect(&Login::new(Endpoint::Unix(server.socket()), "root", ""))
        .expect("root comes in by the socket")
}

fn accounts() -> Vec<String> {
    let all = |user: &str, how: &str| {
        [format!("CREATE USER {user}@'%' {how}"), format!("GRANT ALL ON *.* TO {user}@'%' WITH GRANT OPTION")]
    };
    let native = format!("IDENTIFIED BY '{PASSWORD}'");
    let ed25519 = format!("IDENTIFIED VIA ed25519 USING PASSWORD('{PASSWORD}')");
    [all(USER, &native), all("other", &native), all("edward", &ed25519), all("nobody", "IDENTIFIED BY ''")]
        .concat()
}
