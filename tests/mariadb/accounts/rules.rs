//! Every rule of the account table gives the same verdict through the proxy as directly: number, SQLSTATE and text.

use sealock::migration::explain::Cause;

use super::estate::{Channel, Estate, PASSWORD, ready, refusals, rung, verdict_of};
use crate::support::capabilities::{BASE, DEPRECATE_EOF, SESSION_TRACK};
use crate::support::client::RawClient;
use crate::support::login::Login;
use crate::support::wire::Endpoint;

/// Those that differ in the hosts that they are for.
fn by_host() -> Vec<String> {
    let hosts = [
        ("plain", "%"),
        ("narrow", "127.0.0.2"),
        ("narrow", "%"),
        ("net", "127.0.0.0/255.255.255.252"),
        ("bad", "127.0.0.1/255.0.0.0"),
        ("cidr", "127.0.0.0/24"),
        ("only", "127.0.0.3"),
        ("wild", "127.0.0._"),
        ("wild", "127.0.%"),
        ("named", "db.example.org"),
        ("sock", "localhost"),
        ("shadowed", "%"),
        ("", "127.0.0.9"),
    ];
    let create =
        |(user, host): &(&str, &str)| format!("CREATE USER '{user}'@'{host}' IDENTIFIED BY '{PASSWORD}'");
    hosts.iter().map(create).collect()
}

/// Those that differ in everything else.
fn by_rule() -> Vec<String> {
    let hash = "*0000000000000000000000000000000000000000";
    let own = |user: &str, how: &str| format!("CREATE USER '{user}'@'%' IDENTIFIED BY '{PASSWORD}' {how}");
    let via = |user: &str, how: &str| format!("CREATE USER '{user}'@'%' IDENTIFIED VIA {how}");
    let native = format!("mysql_native_password USING PASSWORD('{PASSWORD}')");
    let signing = format!("ed25519 USING PASSWORD('{PASSWORD}')");
    vec![
        own("locked", "ACCOUNT LOCK"),
        own("expired", "PASSWORD EXPIRE"),
        own("aged", "PASSWORD EXPIRE INTERVAL 3 DAY"),
        "UPDATE mysql.global_priv SET Priv = JSON_SET(Priv, '$.password_last_changed', 1000) WHERE User = 'aged'".to_owned(),
        own("ageless", "PASSWORD EXPIRE NEVER"),
        own("both", "ACCOUNT LOCK PASSWORD EXPIRE"),
        own("ssl", "REQUIRE SSL"),
        own("x509", "REQUIRE X509"),
        own("subject", "REQUIRE SUBJECT '/O=Sealock/CN=nova'"),
        own("issuer", "REQUIRE ISSUER '/O=Sealock/CN=everybody\\'s CA'"),
        own("other_issuer", "REQUIRE ISSUER '/CN=nobody'"),
        own("all_three", "REQUIRE SUBJECT '/O=Sealock/CN=nova' AND ISSUER '/O=Sealock/CN=everybody\\'s CA' AND CIPHER 'TLS_AES_256_GCM_SHA384'"),
        own("cipher", "REQUIRE CIPHER 'TLS_AES_256_GCM_SHA384'"),
        own("other_cipher", "REQUIRE CIPHER 'TLS_AES_128_CCM_SHA256'"),
        own("ssl_locked", "REQUIRE SSL ACCOUNT LOCK"),
        own("ssl_expired", "REQUIRE SSL PASSWORD EXPIRE"),
        via("signing", &signing),
        via("either", &format!("{signing} OR {native}")),
        via("native_or", &format!("{native} OR {signing}")),
        via("socket_or", &format!("unix_socket OR {native}")),
        via("or_socket", &format!("{native} OR unix_socket")),
        via("nothing", "mysql_native_password"),
        via("nobody_has", &format!("mysql_native_password USING '{hash}'")),
        via("invalid", "mysql_native_password USING 'invalid'"),
        via("invalid_or", "mysql_native_password USING 'invalid' OR unix_socket"),
        own("timed", "WITH MAX_STATEMENT_TIME 5"),
        "CREATE ROLE reader".to_owned(),
        own("roled", ""),
        "GRANT reader TO roled@'%'".to_owned(),
        "SET DEFAULT ROLE reader FOR roled@'%'".to_owned(),
        "FLUSH PRIVILEGES".to_owned(),
    ]
}

const HOST_USERS: [&str; 12] =
    ["plain", "narrow", "net", "bad", "cidr", "only", "wild", "named", "sock", "shadowed", "", "stranger"];

const RULE_USERS: [&str; 31] = [
    // A pair of quotes around a name is no part of it, to a server.
    "'ssl'",
    "'x509'",
    "''ssl''",
    "locked",
    "expired",
    "aged",
    "ageless",
    "both",
    "ssl",
    "x509",
    "subject",
    "issuer",
    "other_issuer",
    "all_three",
    "cipher",
    "other_cipher",
    "ssl_locked",
    "ssl_expired",
    "signing",
    "either",
    "native_or",
    "socket_or",
    "or_socket",
    "nothing",
    "nobody_has",
    "invalid",
    "invalid_or",
    "timed",
    "roled",
    "reader",
    "plain",
];

const CHANNELS: [Channel; 4] =
    [Channel::Plain, Channel::Tls, Channel::Certificate("nova"), Channel::Certificate("glance")];

fn estate() -> Estate {
    Estate::new(&[by_host(), by_rule()].concat())
}

#[test]
fn every_host_pattern_gives_the_verdict_that_it_gives_directly() {
    let estate = estate();
    let proxy = ready(&estate.proxy().backend_keys("proxy_protocol = true"));
    for user in HOST_USERS {
        for from in [1, 2, 3, 5, 9] {
            for password in [PASSWORD, "wrong", ""] {
                let verdict = |port| estate.verdict(port, from, user, password, Channel::Plain);
                let (direct, through) = (verdict(estate.direct()), verdict(proxy.port()));
                assert_eq!(through, direct, "{user:?} from 127.0.0.{from} with {password:?}");
            }
        }
    }
    assert_eq!(rung(&proxy, "narrow", "127.0.0.2").0, "recovered");
    assert_eq!(proxy.metric("sealock_client_logins_total", &["rung=\"recovered\""]), 20.0);
}

#[test]
fn every_other_rule_gives_the_verdict_that_it_gives_directly() {
    let estate = estate();
    let proxy = ready(&estate.proxy());
    for user in RULE_USERS {
        for channel in CHANNELS {
            for password in [PASSWORD, "wrong", ""] {
                let verdict = |port| estate.verdict(port, 1, user, password, channel);
                let (direct, through) = (verdict(estate.direct()), verdict(proxy.port()));
                // The proxy's own certificate is nova's: what a server demands it demands of the proxy, too.
                assert_eq!(through, direct, "{user} by {channel:?} with {password:?}");
            }
        }
    }
    for user in ["ssl", "x509", "subject", "issuer", "all_three", "cipher"] {
        let verdict = estate.verdict(proxy.port(), 1, user, PASSWORD, Channel::Certificate("nova"));
        assert_eq!(verdict, Ok(format!("{user}@%")), "it is not only refused alike");
    }
    assert!(refusals(&proxy, Cause::DemandUnmet) >= 1.0);
    for (user, expected) in [
        ("plain", ("recovered", "")),
        ("locked", ("relay", "locked")),
        ("expired", ("relay", "expired")),
        ("aged", ("relay", "expired")),
        ("ageless", ("recovered", "")),
        ("subject", ("recovered", "")),
        ("signing", ("relay", "plugin")),
        ("either", ("relay", "plugin")),
        ("native_or", ("recovered", "")),
        ("or_socket", ("recovered", "")),
        ("nothing", ("recovered", "")),
        ("invalid", ("relay", "plugin")),
        ("timed", ("recovered", "")),
    ] {
        let (rung, reason) = rung(&proxy, user, "%");
        assert_eq!((rung.as_str(), reason.as_str()), expected, "{user}");
    }
}

#[test]
fn clients_that_can_change_an_expired_password_get_to_do_so() {
    let estate = estate();
    let proxy = ready(&estate.proxy());
    const EXPIRED: u64 = 1 << 22;
    for user in ["expired", "aged", "ageless", "both"] {
        let verdict = |port| {
            let login = Login::new(Endpoint::Tcp(port), user, PASSWORD);
            verdict_of(&login.capabilities(BASE | DEPRECATE_EOF | SESSION_TRACK | EXPIRED))
        };
        assert_eq!(verdict(proxy.port()), verdict(estate.direct()), "{user}");
    }
}

#[test]
fn where_no_account_is_for_a_host_it_hears_1130_as_directly() {
    let estate = Estate::new(&[format!("CREATE USER only@'127.0.0.3' IDENTIFIED BY '{PASSWORD}'")]);
    estate.root().run("RENAME USER sealock@'%' TO sealock@'127.0.0.1'");
    estate.root().run("FLUSH PRIVILEGES"); // RENAME USER alone leaves the server's list of hosts as it was
    let proxy = ready(&estate.proxy().backend_keys("proxy_protocol = true"));
    for from in [1, 3, 7] {
        let verdict = |port| estate.verdict(port, from, "only", PASSWORD, Channel::Plain);
        assert_eq!(verdict(proxy.port()), verdict(estate.direct()), "from 127.0.0.{from}");
    }
    assert!(refusals(&proxy, Cause::HostNotAllowed) >= 1.0);
}

#[test]
fn limits_that_the_server_counts_are_left_to_it() {
    let limited = format!("CREATE USER limited@'%' IDENTIFIED BY '{PASSWORD}' WITH MAX_USER_CONNECTIONS 1");
    let estate = Estate::new(&[limited]);
    let proxy = ready(&estate.proxy());
    assert_eq!(rung(&proxy, "limited", "%"), ("relay".to_owned(), "limited".to_owned()));
    let second = |port| {
        let login = Login::new(Endpoint::Tcp(port), "limited", PASSWORD);
        let _first = RawClient::connect(&login).unwrap();
        verdict_of(&login)
    };
    let direct = second(estate.direct());
    assert_eq!(direct.as_ref().map_err(|error| error.code), Err(1226));
    crate::support::eventually("the direct client has gone", || {
        estate.root().value("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'limited'")
            == "0"
    });
    assert_eq!(second(proxy.port()), direct);
}

#[test]
fn without_the_clients_address_the_proxy_lends_nobody_another_accounts_rights() {
    let estate = estate();
    let proxy = ready(&estate.proxy());
    for (user, from) in [("only", 5), ("net", 5), ("sock", 2), ("named", 2), ("bad", 2)] {
        let verdict = |port| estate.verdict(port, from, user, PASSWORD, Channel::Plain);
        let direct = verdict(estate.direct());
        assert_eq!(direct.as_ref().map_err(|error| error.code), Err(1045), "{user}");
        assert_eq!(verdict(proxy.port()), direct, "{user} from 127.0.0.{from}");
    }
    let through = |user, from| estate.verdict(proxy.port(), from, user, PASSWORD, Channel::Plain);
    assert_eq!(through("plain", 2), Ok("plain@%".to_owned()));
    assert_eq!(through("wild", 5), Ok("wild@127.0.0._".to_owned()));
    // Directly it would be narrow@127.0.0.2: the server is asked, which sees the proxy at 127.0.0.1.
    assert_eq!(through("narrow", 2), Ok("narrow@%".to_owned()));
    assert_eq!(rung(&proxy, "narrow", "127.0.0.2"), ("relay".to_owned(), "other_row".to_owned()));
    // For 127.0.0.1 there is no such account, so the server refuses the proxy.
    assert_eq!(through("only", 3).map_err(|error| error.code), Err(1045));
    assert_eq!(rung(&proxy, "only", "127.0.0.3"), ("relay".to_owned(), "other_row".to_owned()));
}

#[test]
fn the_servers_view_alone_counts_where_the_configuration_says_so() {
    let estate = Estate::new(&[format!("CREATE USER behind@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'")]);
    let proxy = ready(&estate.proxy().section("[auth]\nhosts = \"server\""));
    let through = estate.verdict(proxy.port(), 7, "behind", PASSWORD, Channel::Plain);
    assert_eq!(through, Ok("behind@127.0.0.1".to_owned()));
    assert_eq!(rung(&proxy, "behind", "127.0.0.1").0, "recovered");
}
