//! COM_CHANGE_USER that goes wrong: how often it may, and what is too much.

use crate::support::client::RawClient;
use crate::support::login::{Login, ServerError};
use crate::support::proxy::Proxy;
use crate::support::server::{PASSWORD, USER, root};

#[test]
fn two_failures_leave_the_session_as_it_was_and_the_third_ends_it() {
    for user in [USER, "other", "nobody-knows-me"] {
        let proxy = Proxy::builder().start();
        let mut client = RawClient::connect(&proxy.login()).unwrap();
        client.run("SET @kept = 'kept'");
        for failure in 1..=3 {
            let answer = client.change_user(user, "wrong", "").unwrap();
            let error = ServerError::parse(&answer.payload).expect("a refusal");
            assert_eq!((error.code, error.state.as_str()), (1045, "28000"), "{user}: {error:?}");
            if failure < 3 {
                assert_eq!(client.value("SELECT @kept"), "kept");
                assert_eq!(client.value("SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1)"), USER);
            }
        }
        assert!(client.wire.rest().is_empty(), "{user}: nothing more is said");
    }
}

#[test]
fn a_success_leads_to_a_session_of_the_other_account_and_back() {
    let proxy = Proxy::builder().start();
    let mut client = RawClient::connect(&proxy.login()).unwrap();
    client.run("SET @kept = 'kept'");
    for user in ["other", USER, "edward", USER] {
        let answer = client.change_user(user, PASSWORD, "").unwrap();
        assert_eq!(answer.payload[0], 0x00, "{user}: {answer:?}");
        assert_eq!(client.value("SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1)"), user);
        assert_eq!(client.value("SELECT COALESCE(@kept, 'gone')"), "gone");
    }
}

#[test]
fn one_that_is_larger_than_a_login_may_be_is_refused() {
    let proxy = Proxy::builder().section("[limits]\nmax_handshake_packet = \"4KiB\"").start();
    for length in [5000, 100_000, (16 << 20) + 10] {
        let mut client = RawClient::connect(&proxy.login()).unwrap();
        let command = [b"\x11".as_slice(), &vec![b'u'; length]].concat();
        // The proxy may have hung up before all of it was sent.
        let _ = client.send(&command);
        let seen = client.wire.rest();
        if length < 65_536 {
            let error = seen.get(4..).and_then(ServerError::parse).expect("an error");
            assert_eq!((error.code, error.state.as_str()), (1156, "08S01"), "{error:?}");
        }
        assert!(seen.len() < 200, "one error at most, and no way in: {seen:02x?}");
    }
    assert!(proxy.metric("sealock_client_disconnects_total", &["client_malformed"]) >= 3.0);
    RawClient::connect(&proxy.login()).expect("it still serves");
}

#[test]
fn the_account_that_was_left_gives_its_place_and_its_connection_back() {
    root().run(&format!(
        "CREATE OR REPLACE USER leaver IDENTIFIED BY '{PASSWORD}'; GRANT SELECT ON *.* TO leaver"
    ));
    let account = format!("user = \"leaver\"\npassword = \"{PASSWORD}\"\nmax_clients = 1");
    let proxy = Proxy::builder().account(&account).start();
    let leaver = Login::new(proxy.endpoint(), "leaver", PASSWORD);
    let mut client = RawClient::connect(&leaver).unwrap();
    assert_eq!(RawClient::connect(&leaver).err().expect("one is the most").error().code, 1203);
    assert_eq!(client.change_user(USER, PASSWORD, "").unwrap().payload[0], 0x00);
    RawClient::connect(&leaver).expect("the place is free");
}
