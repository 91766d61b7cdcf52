//! Every file in config/ loads, and says what its comments say.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sealock::config::{Address, BackendTlsMode, Config, ListenerTlsMode};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config")
}

/// Copies an example to a directory with all the files that it names, and loads it there.
fn load(name: &str) -> Config {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().to_str().unwrap();
    let text =
        fs::read_to_string(examples().join(name)).unwrap().replace("\"/etc/sealock", &format!("\"{root}"));
    let settings = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    for (key, value) in settings.filter_map(|line| line.split_once(" = ")) {
        let key = key.rsplit('.').next().unwrap();
        if ["certificate", "key", "ca", "password_file"].contains(&key) {
            provide(&directory.path().join(value.trim_matches('"')));
        }
    }
    let file = directory.path().join(name);
    fs::write(&file, text).unwrap();
    Config::load(&file).unwrap_or_else(|errors| panic!("{name} does not load:\n{errors}"))
}

fn provide(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "swordfish\n").unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o640)).unwrap();
}

#[test]
fn every_example_loads() {
    let mut names: Vec<String> = fs::read_dir(examples())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    names.sort();
    for name in &names {
        load(name);
    }
    assert_eq!(
        names,
        ["galera.toml", "kubernetes.toml", "minimal.toml", "sealock.toml", "systemd-unix-socket.toml"]
    );
}

#[test]
fn the_minimal_file_needs_no_other_file() {
    let config = Config::load(&examples().join("minimal.toml")).unwrap();
    assert_eq!(config.listeners[0].bind, [Address::Tcp { host: "127.0.0.1".into(), port: 6033 }]);
    assert_eq!(config.listeners[0].tls.mode, ListenerTlsMode::Optional);
    assert_eq!(config.backends[0].tls.mode, BackendTlsMode::Disabled);
    assert_eq!(config.limits.max_handshake_packet, 65536);
    assert_eq!(config.limits.client_idle_timeout, Duration::from_secs(8 * 3600));
    assert!(config.auth.relay && config.accounts.is_empty() && config.service.is_none());
}

#[test]
fn the_annotated_file_says_what_holds_without_it() {
    let annotated = Config::load(&examples().join("sealock.toml")).unwrap();
    let bare = "[[listener]]\nbind = '127.0.0.1:6033'\n[[backend]]\nname = 'db1'\naddress = '127.0.0.1:3306'";
    assert_eq!(annotated, Config::parse(bare, Path::new("bare.toml")).unwrap());
}

#[test]
fn galera_prefers_its_nodes_in_order_and_verifies_them() {
    let config = load("galera.toml");
    let names: Vec<&str> = config.backends.iter().map(|backend| backend.name.as_str()).collect();
    assert_eq!(names, ["node1", "node2", "node3"]);
    assert!(config.backends.iter().all(|backend| backend.tls.mode == BackendTlsMode::VerifyFull));
    assert!(config.backends.iter().all(|backend| backend.tls.ca.as_ref().is_some_and(|ca| ca.is_absolute())));
    assert_eq!(config.listeners[0].proxy_protocol_from[0].to_string(), "10.20.0.11/32");
    assert_eq!(config.service.unwrap().password.expose(), b"swordfish");
}

#[test]
fn a_unix_socket_to_the_server_needs_no_tls() {
    let config = load("systemd-unix-socket.toml");
    assert_eq!(config.backends[0].address, Address::Unix("/run/mysqld/mysqld.sock".into()));
    assert_eq!(config.backends[0].tls.mode, BackendTlsMode::Disabled);
    assert_eq!(config.listeners[1].unix_mode, 0o660);
    assert_eq!(config.admin.http, Some(Address::Unix("/run/sealock/admin.sock".into())));
}
