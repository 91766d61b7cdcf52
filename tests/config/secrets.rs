//! Secrets are read, kept apart from what everybody can read, and never shown.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sealock::config::{Config, ConfigErrors, Credential};

const SOUND: &str = "[[listener]]\nbind = '127.0.0.1:6033'\n[[backend]]\nname = 'a'\naddress = 'db:3306'\n";

fn with_account(directory: &Path, key: &str) -> Result<Config, ConfigErrors> {
    let text = format!("{SOUND}[[account]]\nuser = 'nova'\n{key}\n");
    Config::parse(&text, &directory.join("sealock.toml"))
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn password(config: &Config) -> &[u8] {
    match &config.accounts[0].credential {
        Credential::Password(secret) => secret.expose(),
        Credential::NativeHash(_) => panic!("a hash"),
    }
}

#[test]
fn a_password_file_is_read_without_the_end_of_its_line() {
    let directory = tempfile::tempdir().unwrap();
    write(&directory.path().join("nova"), "sword fish\n", 0o640);
    let config = with_account(directory.path(), "password_file = 'nova'").unwrap();
    assert_eq!(password(&config), b"sword fish");
}

#[test]
fn a_password_comes_from_the_environment() {
    let config = with_account(Path::new("/"), "password_env = 'CARGO_PKG_NAME'").unwrap();
    assert_eq!(password(&config), b"sealock");
    let errors = with_account(Path::new("/"), "password_env = 'SEALOCK_NO_SUCH_VARIABLE'").unwrap_err();
    assert!(errors.to_string().contains("\"SEALOCK_NO_SUCH_VARIABLE\", which is not set"), "{errors}");
}

#[test]
fn a_secret_file_that_everybody_can_use_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("nova");
    for mode in [0o644, 0o604, 0o602] {
        write(&file, "swordfish\n", mode);
        let errors = with_account(directory.path(), "password_file = 'nova'").unwrap_err().to_string();
        assert!(errors.contains(&format!("{}, which everybody", file.display())), "{errors}");
        assert!(errors.contains(&format!("mode {mode:04o}")), "{errors}");
    }
}

#[test]
fn a_private_key_that_everybody_can_read_is_refused_but_a_certificate_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = (directory.path().join("c.pem"), directory.path().join("k.pem"));
    write(&certificate, "x", 0o644);
    write(&key, "x", 0o644);
    let text = format!("{SOUND}[listener.tls]\ncertificate = 'c.pem'\nkey = 'k.pem'\n");
    let file = directory.path().join("sealock.toml");
    let errors = Config::parse(&text, &file).unwrap_err();
    assert_eq!(errors.problems().len(), 1, "{errors}");
    assert_eq!(errors.problems()[0].key, "listener[0].tls.key");
    write(&key, "x", 0o600);
    assert_eq!(Config::parse(&text, &file).unwrap().listeners[0].tls.key, Some(key));
}

#[test]
fn secret_files_that_hold_no_secret_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in [("empty", ""), ("blank", "\n"), ("lines", "a\nb\n")] {
        write(&directory.path().join(name), text, 0o600);
        let errors = with_account(directory.path(), &format!("password_file = '{name}'")).unwrap_err();
        assert!(errors.to_string().contains("which is empty, too long or has several lines"), "{errors}");
    }
    for (name, told) in [("missing", "No such file"), (".", "not a file")] {
        let errors = with_account(directory.path(), &format!("password_file = '{name}'")).unwrap_err();
        assert!(errors.to_string().contains(told), "{errors}");
    }
}

#[test]
fn no_message_shows_a_secret() {
    let hash = "14E65567ABDB5135D0CFD9A70B3032C179A49EE";
    for key in [
        "password = 31415926".to_owned(),
        "password = ['31415926']".to_owned(),
        "password = 31415926x".to_owned(),
        "pasword = '31415926'".to_owned(),
        "password = '31415926'\npassword_env = 'PATH'".to_owned(),
        format!("password_hash = '*{hash}'"),
    ] {
        let errors = with_account(Path::new("/"), &key).unwrap_err();
        let shown = format!("{errors} {errors:?}");
        assert!(!shown.contains("31415926") && !shown.contains(hash), "{shown}");
    }
}

#[test]
fn a_configuration_can_be_logged() {
    for key in ["password = 'swordfish'", "password_hash = '*14E65567ABDB5135D0CFD9A70B3032C179A49EE7'"] {
        let shown = format!("{:?}", with_account(Path::new("/"), key).unwrap());
        assert!(!shown.contains("swordfish") && !shown.contains("[20,"), "{shown}");
        assert!(shown.contains("***"), "{shown}");
    }
}
