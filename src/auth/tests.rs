//! Both sides of a login played against each other, over every account, plugin and channel; and clients that misbehave.

use std::sync::Arc;

use proptest::prelude::*;

use super::digest::sha1;
use super::*;
use crate::config::model::{self, BackendLogin, Credential, Secret};
use crate::protocol::capabilities::Capabilities;
use crate::protocol::handshake::{AuthMoreData, AuthSwitch};
use crate::protocol::reply::{ServerError, UsingPassword};

const SALT: [u8; 20] = *b"}4&c?PWB$*Inn\\eeM2P}";
const PLUGINS: [AuthPlugin; 4] =
    [AuthPlugin::NativePassword, AuthPlugin::Ed25519, AuthPlugin::CachingSha2, AuthPlugin::ClearPassword];

/// How a login ended for both sides.
#[derive(Debug, PartialEq)]
enum Outcome {
    Accepted(BackendSecret),
    Mismatch,
    ClientRefused(AuthError),
}

/// An account `nova`; change fields as the test needs.
fn configured(credential: Credential) -> model::Account {
    model::Account {
        user: "nova".into(),
        credential,
        plugin: None,
        backend: None,
        max_clients: None,
        mode: None,
        tls: None,
    }
}

fn with_password(password: &str) -> model::Account {
    configured(Credential::Password(Secret::new(password.into())))
}

fn with_hash_of(password: &str) -> model::Account {
    configured(Credential::NativeHash(sha1(&[&sha1(&[password.as_bytes()])])))
}

fn secret(password: &str) -> BackendSecret {
    BackendSecret::Password(Secret::new(password.into()))
}

fn verifier(account: &model::Account, default: AuthPlugin, channel: Channel) -> Verifier {
    Verifier::new(Arc::new(Account::new(account)), default, Salt::from(SALT), channel)
}

/// Lets a prover with `known` log in at the verifier.
fn log_in(mut server: Verifier, default: AuthPlugin, known: BackendSecret, channel: Channel) -> Outcome {
    let mut client = Prover::new(known, channel);
    let first = client.initial(greeting_plugin(default), &SALT);
    let step = server.start(Some(first.plugin), &first.response);
    play(server, client, step)
}

fn play(mut server: Verifier, mut client: Prover, mut step: Step) -> Outcome {
    loop {
        let packet = match step {
            Step::Send(packet) => packet,
            Step::Accepted(secret) => return Outcome::Accepted(secret),
            Step::SendThenAccepted(packet, secret) => {
                assert!(client.answer(&packet) == Ok(Answer::Wait));
                return Outcome::Accepted(secret);
            }
            Step::Mismatch => return Outcome::Mismatch,
        };
        step = match client.answer(&packet) {
            Ok(Answer::Send(answer)) => server.advance(&answer),
            Ok(_) => return Outcome::Mismatch,
            Err(error) => return Outcome::ClientRefused(error),
        };
    }
}

fn switched_to(step: Step) -> Option<AuthSwitch> {
    match step {
        Step::Send(packet) => AuthSwitch::parse(&packet).ok(),
        _ => None,
    }
}

#[test]
fn the_right_password_logs_in_with_every_plugin_and_a_wrong_one_with_none() {
    for default in PLUGINS {
        for required in PLUGINS.map(Some).into_iter().chain([None]) {
            for password in ["secret", ""] {
                let account = model::Account { plugin: required, ..with_password(password) };
                let channel = Channel::Secure;
                let attempt =
                    |known| log_in(verifier(&account, default, channel), default, secret(known), channel);
                let case = format!("{default:?} {required:?} {password:?}");
                assert_eq!(attempt(password), Outcome::Accepted(secret(password)), "{case}");
                assert_eq!(attempt("wrong"), Outcome::Mismatch, "{case}");
            }
        }
    }
}

#[test]
fn on_an_insecure_channel_no_path_leads_to_a_cleartext_password() {
    for default in PLUGINS {
        for required in PLUGINS.map(Some).into_iter().chain([None]) {
            let account = model::Account { plugin: required, ..with_password("secret") };
            let channel = Channel::Insecure;
            let expected = match required {
                Some(AuthPlugin::ClearPassword) => Outcome::Mismatch,
                _ => Outcome::Accepted(secret("secret")),
            };
            let attempt =
                |known| log_in(verifier(&account, default, channel), default, secret(known), channel);
            assert_eq!(attempt("secret"), expected, "{default:?} {required:?}");
            assert_eq!(attempt("wrong"), Outcome::Mismatch, "{default:?} {required:?}");
        }
    }
}

#[test]
fn a_native_hash_is_enough_and_gives_the_token_that_the_backend_needs() {
    for default in PLUGINS {
        for channel in [Channel::Secure, Channel::Insecure] {
            let account = with_hash_of("secret");
            let login = || verifier(&account, default, channel);
            let outcome = log_in(login(), default, secret("secret"), channel);
            assert!(matches!(&outcome, Outcome::Accepted(BackendSecret::NativeToken(_))), "{outcome:?}");
            let Outcome::Accepted(token) = outcome else { return };
            assert_eq!(token, secret("secret"));
            assert_eq!(log_in(login(), default, token.clone(), channel), Outcome::Accepted(token));
            assert_eq!(log_in(login(), default, secret("wrong"), channel), Outcome::Mismatch);
            assert_eq!(log_in(login(), default, secret(""), channel), Outcome::Mismatch);
        }
    }
}

#[test]
fn another_login_at_the_backend_is_used_instead_of_the_clients() {
    let login = BackendLogin { user: "pool".into(), password: Secret::new(b"inner".to_vec()) };
    for account in [with_password("secret"), with_hash_of("secret"), with_password("")] {
        let known = if matches!(&account.credential, Credential::Password(p) if p.expose().is_empty()) {
            ""
        } else {
            "secret"
        };
        let account = model::Account { backend: Some(login.clone()), ..account };
        let native = AuthPlugin::NativePassword;
        let outcome =
            log_in(verifier(&account, native, Channel::Insecure), native, secret(known), Channel::Insecure);
        assert_eq!(outcome, Outcome::Accepted(secret("inner")));
        assert_eq!(Account::new(&account).backend_user, "pool");
    }
}

#[test]
fn the_password_of_a_caching_sha2_client_is_asked_for_only_where_nobody_reads_along() {
    let account = with_password("secret");
    for (channel, expected) in [
        (Channel::Secure, Step::Send(AuthMoreData { data: vec![4] }.encode())),
        (Channel::Insecure, Step::Mismatch),
    ] {
        let mut server = verifier(&account, AuthPlugin::CachingSha2, channel);
        assert_eq!(server.start(Some(plugin::CACHING_SHA2), &[7; 32]), expected);
        let accepted = server.advance(b"secret\0");
        assert_eq!(accepted == Step::Accepted(secret("secret")), channel == Channel::Secure);
    }
}

#[test]
fn a_plugin_that_the_account_names_is_insisted_on() {
    let account = model::Account { plugin: Some(AuthPlugin::Ed25519), ..with_password("secret") };
    let native = Prover::new(secret("secret"), Channel::Secure).initial(plugin::NATIVE_PASSWORD, &SALT);
    let mut server = verifier(&account, AuthPlugin::NativePassword, Channel::Secure);
    let asked = switched_to(server.start(Some(native.plugin), &native.response)).unwrap();
    assert_eq!((asked.plugin.as_slice(), asked.data.len()), (plugin::ED25519, 32));
    let mut server = verifier(&account, AuthPlugin::NativePassword, Channel::Secure);
    assert_eq!(server.start(None, &native.response), Step::Mismatch);
}

#[test]
fn a_client_that_wants_another_plugin_than_the_greetings_gets_it() {
    let account = with_password("secret");
    for (default, wanted) in [
        (AuthPlugin::NativePassword, AuthPlugin::CachingSha2),
        (AuthPlugin::NativePassword, AuthPlugin::Ed25519),
        (AuthPlugin::CachingSha2, AuthPlugin::NativePassword),
    ] {
        let mut server = verifier(&account, default, Channel::Insecure);
        let step = server.start(Some(wire_name(wanted)), b"");
        let Step::Send(packet) = &step else { unreachable!("{default:?} {wanted:?}") };
        assert_eq!(AuthSwitch::parse(packet).unwrap().plugin, wire_name(wanted));
        let client = Prover::new(secret("secret"), Channel::Insecure);
        assert_eq!(play(server, client, step), Outcome::Accepted(secret("secret")));
    }
    let mut server = verifier(&with_hash_of("secret"), AuthPlugin::NativePassword, Channel::Insecure);
    let asked = switched_to(server.start(Some(plugin::CACHING_SHA2), b"")).unwrap();
    assert_eq!(asked.plugin, plugin::NATIVE_PASSWORD);
}

#[test]
fn a_cleartext_password_that_nobody_asked_for_is_not_looked_at() {
    for channel in [Channel::Secure, Channel::Insecure] {
        let mut server = verifier(&with_password("secret"), AuthPlugin::ClearPassword, channel);
        let asked = switched_to(server.start(Some(plugin::CLEAR_PASSWORD), b"secret\0")).unwrap();
        assert_eq!(asked.plugin, plugin::NATIVE_PASSWORD);
    }
}

#[test]
fn using_password_tells_of_the_last_answer_as_in_mariadb_10_11() {
    let mut server = verifier(&with_password("secret"), AuthPlugin::NativePassword, Channel::Insecure);
    assert_eq!(server.start(Some(plugin::NATIVE_PASSWORD), b""), Step::Mismatch);
    assert_eq!(server.using_password(), UsingPassword::No);
    assert!(switched_to(server.start(Some(b"zz"), b"not looked at")).is_some());
    assert_eq!(server.using_password(), UsingPassword::No);
    assert_eq!(server.advance(&[7; 20]), Step::Mismatch);
    assert_eq!(server.using_password(), UsingPassword::Yes);
}

#[test]
fn a_client_that_knows_no_plugins_answers_for_the_native_one() {
    let answer = Prover::new(secret("secret"), Channel::Insecure).initial(plugin::NATIVE_PASSWORD, &SALT);
    let mut server = verifier(&with_password("secret"), AuthPlugin::NativePassword, Channel::Insecure);
    assert_eq!(server.start(None, &answer.response), Step::Accepted(secret("secret")));
}

#[test]
fn a_switch_to_the_native_plugin_looks_like_that_of_mariadb_10_11() {
    let mut server = verifier(&with_password("secret"), AuthPlugin::NativePassword, Channel::Insecure);
    let Step::Send(packet) = server.start(Some(b"dialog"), b"") else { unreachable!() };
    assert_eq!(packet, [&b"\xfemysql_native_password\0"[..], &SALT, &[0]].concat());
}

#[test]
fn change_user_is_challenged_and_then_accepted() {
    for plugin in PLUGINS {
        let account = model::Account { plugin: Some(plugin), ..with_password("secret") };
        for (known, expected) in
            [("secret", Outcome::Accepted(secret("secret"))), ("wrong", Outcome::Mismatch)]
        {
            let mut server = verifier(&account, AuthPlugin::NativePassword, Channel::Secure);
            let mut client = Prover::new(secret(known), Channel::Secure);
            assert!(client.unanswered().response.is_empty());
            let step = server.challenge();
            assert_eq!(play(server, client, step), expected, "{plugin:?}");
        }
    }
}

#[test]
fn an_account_is_found_by_its_exact_name_only() {
    let accounts = Accounts::new(&[with_password("secret")]).unwrap();
    assert_eq!(accounts.find(b"nova").map(|account| account.backend_user.as_str()), Some("nova"));
    for other in [&b"Nova"[..], b"nova ", b"", b"\xffnova"] {
        assert!(accounts.find(other).is_none());
    }
}

#[test]
fn the_decoy_takes_the_same_steps_as_an_account_and_accepts_nobody() {
    let accounts = Accounts::new(&[with_password("secret")]).unwrap();
    let nova = accounts.find(b"nova").unwrap();
    for default in PLUGINS {
        let server = |account: &Arc<Account>| {
            Verifier::new(account.clone(), default, Salt::from(SALT), Channel::Secure)
        };
        for known in ["secret", "", "x"] {
            let outcome = log_in(server(accounts.decoy()), default, secret(known), Channel::Secure);
            assert_eq!(outcome, Outcome::Mismatch);
        }
        let [unknown, known] =
            [accounts.decoy(), nova].map(|account| server(account).start(Some(b"zz"), b""));
        assert_eq!(switched_to(unknown).unwrap().plugin, switched_to(known).unwrap().plugin);
    }
}

#[test]
fn after_its_end_a_login_cannot_be_revived() {
    let mut server = verifier(&with_password("secret"), AuthPlugin::NativePassword, Channel::Secure);
    let good = Prover::new(secret("secret"), Channel::Secure).initial(plugin::NATIVE_PASSWORD, &SALT);
    assert!(switched_to(server.challenge()).is_some());
    assert_eq!(server.advance(b"nonsense"), Step::Mismatch);
    assert_eq!(server.advance(&good.response), Step::Mismatch);
}

#[test]
fn a_server_that_asks_for_the_password_in_plaintext_does_not_get_it() {
    let clear = AuthSwitch { plugin: plugin::CLEAR_PASSWORD.to_vec(), data: vec![] }.encode();
    let sha2 =
        AuthSwitch { plugin: plugin::CACHING_SHA2.to_vec(), data: [&SALT[..], &[0]].concat() }.encode();
    let mut client = Prover::new(secret("secret"), Channel::Insecure);
    assert!(matches!(client.answer(&clear), Err(AuthError::CleartextRefused { .. })));
    assert!(matches!(client.answer(&sha2), Ok(Answer::Send(_))));
    assert!(matches!(client.answer(&[1, 4]), Err(AuthError::CleartextRefused { .. })));
    let mut client = Prover::new(secret("secret"), Channel::Secure);
    assert!(client.answer(&clear) == Ok(Answer::Send(b"secret\0".to_vec())));
}

#[test]
fn a_plugin_that_cannot_be_answered_is_named() {
    let ask = |name: &[u8]| AuthSwitch { plugin: name.to_vec(), data: vec![7; 32] }.encode();
    let error = Prover::new(secret("x"), Channel::Secure).answer(&ask(b"auth_gssapi_client")).err().unwrap();
    assert!(error.to_string().contains("auth_gssapi_client"), "{error}");
    let error = Prover::new(secret("x"), Channel::Secure).answer(&[0xfe]).err().unwrap();
    assert!(error.to_string().contains("mysql_old_password"), "{error}");
    let token = BackendSecret::NativeToken(sha1(&[b"x"]).into());
    let error = Prover::new(token, Channel::Secure).answer(&ask(plugin::ED25519)).err().unwrap();
    assert_eq!(error, AuthError::PasswordUnknown { plugin: "client_ed25519".into() });
}

#[test]
fn the_servers_verdict_is_passed_on() {
    let mut client = Prover::new(secret("x"), Channel::Insecure);
    assert!(client.answer(&[0, 0, 0, 2, 0, 0, 0]) == Ok(Answer::Done));
    let refusal = ServerError::new(1045, *b"28000", "Access denied");
    let packet = refusal.encode(Capabilities::PROTOCOL_41);
    assert!(client.answer(&packet) == Ok(Answer::Refused(refusal)));
}

#[test]
fn a_server_that_switches_without_end_is_left() {
    let ask = AuthSwitch { plugin: plugin::NATIVE_PASSWORD.to_vec(), data: SALT.to_vec() }.encode();
    let mut client = Prover::new(secret("x"), Channel::Insecure);
    let ends = (0..1000).map(|_| client.answer(&ask)).find_map(Result::err);
    assert_eq!(ends, Some(AuthError::Endless));
}

#[test]
fn a_greeting_announces_only_what_works_with_its_salt_and_gives_nothing_away() {
    let announced = PLUGINS.map(greeting_plugin);
    let native = plugin::NATIVE_PASSWORD;
    assert_eq!(announced, [native, native, plugin::CACHING_SHA2, native]);
}

fn packet() -> impl Strategy<Value = Vec<u8>> {
    let switch = proptest::sample::select(PLUGINS.map(wire_name).to_vec())
        .prop_map(|name| [&[0xfe], name, &[0]].concat());
    let front = prop_oneof![Just(vec![]), Just(vec![1]), switch, Just(b"\xfeparsec\0".to_vec())];
    (front, proptest::collection::vec(any::<u8>(), 0..80)).prop_map(|(front, rest)| [front, rest].concat())
}

proptest! {
    #[test]
    fn no_packet_of_a_client_is_accepted_by_chance(packets in proptest::collection::vec(packet(), 1..6), which in 0..4_usize) {
        let account = model::Account { plugin: Some(PLUGINS[which]), ..with_password("secret") };
        let mut server = verifier(&account, AuthPlugin::NativePassword, Channel::Secure);
        for packet in &packets {
            let name = (!packet.is_empty()).then(|| wire_name(PLUGINS[which]));
            let step = server.start(name, packet);
            prop_assert!(!matches!(step, Step::Accepted(_) | Step::SendThenAccepted(..)));
            let step = server.advance(packet);
            prop_assert!(!matches!(step, Step::Accepted(_) | Step::SendThenAccepted(..)));
        }
    }

    #[test]
    fn no_packet_of_a_server_panics_or_coaxes_the_password_out(packets in proptest::collection::vec(packet(), 1..6)) {
        let mut client = Prover::new(secret("correct horse"), Channel::Insecure);
        for packet in &packets {
            if let Ok(Answer::Send(answer)) = client.answer(packet) {
                prop_assert!(!answer.windows(13).any(|part| part == b"correct horse"));
            }
        }
    }
}
