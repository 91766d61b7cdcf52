//! How many clients an account may have, and what they hear who are too many.

use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::{Login, ServerError};
use crate::support::proxy::Proxy;
use crate::support::server::{PASSWORD, USER};

fn refusal(login: &Login) -> ServerError {
    RawClient::connect(login).err().expect("a refusal").error()
}

fn assert_too_many(error: &ServerError) {
    assert_eq!((error.code, error.state.as_str()), (1203, "42000"), "{error:?}");
}

#[test]
fn every_account_may_have_as_many_clients_as_the_general_limit_says() {
    let proxy = Proxy::builder().section("[limits]\nmax_clients_per_account = 2").start();
    // `other` is in no configuration: its login is relayed, and counts all the same.
    for user in [USER, "other"] {
        let login = Login::new(proxy.endpoint(), user, PASSWORD);
        let first = RawClient::connect(&login).expect("the first");
        let _second = RawClient::connect(&Login::new(proxy.socket(), user, PASSWORD)).expect("the second");
        assert_too_many(&refusal(&login));
        drop(first);
        eventually("a place is free again", || RawClient::connect(&login).is_ok());
    }
    assert!(proxy.metric("sealock_client_refusals_total", &["too_many_account_clients"]) >= 2.0);
}

#[test]
fn a_limit_of_the_accounts_own_wins_over_the_general_one() {
    let proxy = Proxy::builder()
        .account(&format!("user = \"other\"\npassword = \"{PASSWORD}\"\nmax_clients = 2"))
        .section("[limits]\nmax_clients_per_account = 1")
        .start();
    let other = Login::new(proxy.endpoint(), "other", PASSWORD);
    let _two = [(); 2].map(|()| RawClient::connect(&other).expect("two are allowed"));
    assert_too_many(&refusal(&other));
    let _one = RawClient::connect(&proxy.login()).expect("one of the rest");
    assert_too_many(&refusal(&proxy.tls_login()));
}

#[test]
fn a_wrong_password_takes_no_place() {
    let proxy = Proxy::builder().section("[limits]\nmax_clients_per_account = 1").start();
    for _ in 0..3 {
        assert_eq!(refusal(&Login::new(proxy.endpoint(), USER, "wrong")).code, 1045);
    }
    let _first = RawClient::connect(&proxy.login()).expect("the place is free");
    assert_eq!(
        refusal(&Login::new(proxy.endpoint(), USER, "wrong")).code,
        1045,
        "who may not know hears nothing"
    );
}

#[test]
fn a_client_that_becomes_an_account_with_too_many_stays_who_it_was() {
    let proxy = Proxy::builder()
        .account(&format!("user = \"other\"\npassword = \"{PASSWORD}\"\nmax_clients = 1"))
        .start();
    let _other = RawClient::connect(&Login::new(proxy.endpoint(), "other", PASSWORD)).unwrap();
    let mut client = RawClient::connect(&proxy.login()).unwrap();
    let answer = client.change_user("other", PASSWORD, "").unwrap();
    assert_too_many(&ServerError::parse(&answer.payload).expect("a refusal"));
    assert_eq!(client.value("SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1)"), USER);
}
