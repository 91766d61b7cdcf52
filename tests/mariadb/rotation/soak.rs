//! Many rotations under load: no handshake fails, no statement fails, and memory stays where it was.
//!
//! `SEALOCK_ROTATIONS=1000 cargo test --test mariadb rotation::soak -- --nocapture` is the full run; what it measured is printed.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Site, refused, sealock, server, text};
use crate::support::proxy::Proxy;
use crate::support::server::root_of;

/// Rotations in a run that is not asked for more.
const FEW: usize = 12;
const CLIENTS: usize = 64;
const CONNECTS_PER_SECOND: u32 = 50;
const CONNECTORS: u32 = 5;
/// Between two statements of a client.
const THINKING: Duration = Duration::from_millis(20);

fn rotations() -> usize {
    std::env::var("SEALOCK_ROTATIONS")
        .ok()
        .map_or(FEW, |number| number.parse().expect("a number of rotations"))
}

#[derive(Default)]
struct Tally {
    over: AtomicBool,
    statements: AtomicUsize,
    committed: AtomicUsize,
    connects: AtomicUsize,
}

/// Ends the threads beside, however the test ends.
struct Finish<'a>(&'a Tally);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

/// Every statement has to succeed, and each transaction to be there at the end.
fn query(site: &Site, proxy: &Proxy, tally: &Tally, number: usize, table: &str) {
    let endpoint = if number.is_multiple_of(2) { proxy.endpoint() } else { site.second() };
    let (_, mut client) = site.log_in(endpoint).unwrap();
    let mut turn = number;
    while !tally.over.load(Ordering::Relaxed) {
        turn += 1;
        if turn.is_multiple_of(16) {
            client.run("BEGIN");
            client.run(&format!("INSERT INTO {table} VALUES ({number}, {turn})"));
            client.run("COMMIT");
            tally.committed.fetch_add(1, Ordering::Relaxed);
        } else {
            assert_eq!(client.value(&format!("SELECT {turn}")), turn.to_string());
        }
        tally.statements.fetch_add(1, Ordering::Relaxed);
        thread::sleep(THINKING);
    }
}

/// Connects at its pace, to both listeners in turn; what it is shown never goes back.
fn connect(site: &Site, proxy: &Proxy, tally: &Tally) {
    let pace = Duration::from_secs(1) * CONNECTORS / CONNECTS_PER_SECOND;
    let (mut last, mut due) = (1, Instant::now());
    while !tally.over.load(Ordering::Relaxed) {
        for endpoint in [proxy.endpoint(), site.second()] {
            due += pace;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let (shown, mut client) = site.log_in(endpoint).unwrap();
            assert!(shown >= last, "generation {shown} after {last}");
            last = shown;
            assert_eq!(client.value("SELECT 1"), "1");
            client.send(b"\x01").unwrap();
            tally.connects.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Swaps all files, has it noticed in one of three ways, and waits until both listeners show it.
fn rotate(site: &Site, proxy: &Proxy, number: usize) {
    site.stage(number);
    site.publish(number);
    match number % 3 {
        0 => proxy.signal("HUP"),
        1 => {
            let done = sealock(proxy, &["reload"]);
            assert!(done.status.success(), "{}", text(&done.stderr));
        }
        _ => {} // by itself
    }
    let begun = Instant::now();
    for endpoint in [proxy.endpoint(), site.second()] {
        while site.log_in(endpoint.clone()).unwrap().0 < number {
            assert!(begun.elapsed() < Duration::from_secs(20), "rotation {number} is not noticed");
            thread::sleep(Duration::from_millis(20));
        }
    }
    let _ = fs::remove_dir_all(site.path(&format!("..{}", number.saturating_sub(2))));
}

fn soak(mode: &str) {
    let site = Site::new();
    let reload = "settle = \"10ms\"\ninterval = \"1h\"";
    let pool = format!("[pool]\nmode = \"{mode}\"\nmax_connections = 150");
    let proxy = site.proxy(reload).section(&pool).start();
    let table = format!("soak_{mode}.done");
    let mut root = root_of(&server().scratch);
    root.run(&format!("CREATE SCHEMA IF NOT EXISTS soak_{mode}"));
    root.run(&format!("CREATE OR REPLACE TABLE {table} (client INT, turn INT)"));
    let (tally, count) = (Tally::default(), rotations());
    let mut memory = Vec::with_capacity(count);
    let begun = Instant::now();
    thread::scope(|scope| {
        let finished = Finish(&tally);
        for number in 0..CLIENTS {
            let (site, proxy, tally, table) = (&site, &proxy, &tally, &table);
            scope.spawn(move || query(site, proxy, tally, number, table));
        }
        for _ in 0..CONNECTORS {
            scope.spawn(|| connect(&site, &proxy, &tally));
        }
        for number in 2..count + 2 {
            rotate(&site, &proxy, number);
            memory.push(proxy.memory());
        }
        drop(finished);
    });
    let mean = |part: &[u64]| part.iter().sum::<u64>() / part.len().max(1) as u64;
    let (early, late) = (mean(&memory[count / 4..count / 2]), mean(&memory[count - count / 4..]));
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    println!(
        "{mode}: {count} rotations in {:.0?}, {} statements, {} transactions, {} connects; memory {:.1} MiB in the second quarter, {:.1} MiB in the last",
        begun.elapsed(),
        tally.statements.load(Ordering::Relaxed),
        tally.committed.load(Ordering::Relaxed),
        tally.connects.load(Ordering::Relaxed),
        mib(early),
        mib(late),
    );
    assert_eq!(
        root.value(&format!("SELECT COUNT(*) FROM {table}")),
        tally.committed.load(Ordering::Relaxed).to_string()
    );
    assert_eq!(proxy.metric("sealock_client_refusals_total", &[]), 0.0);
    assert_eq!(refused(&proxy), 0, "{}", proxy.log());
    assert!(mib(late) < mib(early) * 1.1 + 8.0, "memory grows");
}

#[test]
fn rotations_under_load_fail_nobody_in_session_mode() {
    soak("session");
}

#[test]
fn rotations_under_load_fail_nobody_in_multiplex_mode() {
    soak("multiplex");
}
