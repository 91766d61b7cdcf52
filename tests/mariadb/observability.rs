//! What an operator's tools read: the log as JSON, and every metric that the documentation promises.

use sealock::telemetry::names::{self, Kind};

use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::Login;
use crate::support::proxy::Proxy;
use crate::support::server::{PASSWORD, USER};

/// Something of everything: logins of each kind, refusals, errors, reloads.
fn traffic(proxy: &Proxy) {
    for login in [proxy.login(), proxy.tls_login(), Login::new(proxy.socket(), USER, PASSWORD)] {
        let mut client = RawClient::connect(&login).unwrap();
        client.run("DO 1");
        client.error("a \"syntax\" error\nover two lines");
        client.send(b"\x01").unwrap();
    }
    RawClient::connect(&Login::new(proxy.endpoint(), "other", PASSWORD)).unwrap().run("DO 1");
    assert!(RawClient::connect(&Login::new(proxy.endpoint(), USER, "wrong")).is_err());
    assert!(RawClient::connect(&Login::new(proxy.endpoint(), "no \"such\"\nuser", "wrong")).is_err());
    proxy.signal("HUP");
    eventually("the reload is applied", || proxy.metric("sealock_config_generation", &[]) >= 2.0);
    let file = proxy.path("sealock.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}\n[nonsense]\nkey = 1\n")).unwrap();
    proxy.signal("HUP");
    eventually("the reload is refused", || proxy.metric("sealock_config_reloads_total", &["refused"]) >= 1.0);
}

#[test]
fn a_log_in_json_is_one_object_a_line() {
    let mut proxy = Proxy::builder().log_format("json").start();
    traffic(&proxy);
    proxy.signal("TERM");
    proxy.wait();
    let log = proxy.log();
    let mut messages = Vec::new();
    for line in log.lines() {
        let event: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let event = event.as_object().unwrap_or_else(|| panic!("no object: {line}"));
        for key in ["timestamp", "level", "target", "message"] {
            assert!(event.get(key).is_some_and(serde_json::Value::is_string), "no {key} in {line}");
        }
        messages.push(event["message"].as_str().unwrap().to_owned());
    }
    for message in ["listening", "ready", "client logged in", "client refused", "drained"] {
        assert!(messages.iter().any(|found| found == message), "{message:?} among {messages:?}");
    }
    assert!(!log.contains(PASSWORD) && !log.contains("syntax"), "neither secrets nor SQL are logged");
}

#[test]
fn every_metric_that_is_documented_is_there_after_some_traffic() {
    let proxy = Proxy::builder().start();
    traffic(&proxy);
    let missing = || {
        let text = proxy.page("/metrics").unwrap().1;
        let is_there = |name: &str, kind: Kind| {
            let series = if kind == Kind::Histogram { format!("{name}_count") } else { name.to_owned() };
            let help = format!("# HELP {name} ");
            let typed = format!("# TYPE {name} {}", kind.as_str());
            text.lines()
                .any(|line| line.strip_prefix(&series).is_some_and(|rest| rest.starts_with([' ', '{'])))
                && text.lines().any(|line| line.starts_with(&help))
                && text.lines().any(|line| line == typed)
        };
        let absent = names::ALL.iter().filter(|metric| !is_there(metric.name, metric.kind));
        absent.map(|metric| metric.name).collect::<Vec<_>>()
    };
    // Gauges of the pool follow once a second; a first look tells what a failure is about.
    let at_first = missing();
    eventually(&format!("these come too: {at_first:?}"), || missing().is_empty());
}

#[test]
fn no_series_tells_what_a_client_made_up() {
    let proxy = Proxy::builder().start();
    traffic(&proxy);
    let text = proxy.page("/metrics").unwrap().1;
    assert!(!text.contains("such") && !text.contains("syntax"), "{text}");
}
