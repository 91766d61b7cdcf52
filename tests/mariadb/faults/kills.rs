//! Backend connections killed at random by an administrator.

use std::time::Instant;

use super::application::{CONNECTIONS, endures};
use super::estate::Estate;
use super::{end_of_fault, pause, seed};
use crate::support::chance::Chance;
use crate::support::server::server;

/// Runs the application and KILLs whatever connection of it comes up, after one of these words.
fn endures_kills(name: &'static str, words: &[&str]) {
    let seed = seed();
    let estate = Estate::new(name, server(), CONNECTIONS, "", |proxy| proxy);
    let (mut root, mut chance, mut kills) = (estate.root(), Chance::new(seed, 100, 0), 0);
    let busy_first = "ORDER BY command = 'Sleep', RAND() LIMIT 1";
    let find = format!(
        "SELECT COALESCE(MAX(id), 0) FROM (SELECT id FROM information_schema.processlist WHERE user = '{name}' {busy_first}) x"
    );
    let tally = endures(&estate, seed, || {
        let end = end_of_fault();
        while Instant::now() < end {
            let id = root.value(&find);
            let answer = root.query(&format!("KILL {} {id}", chance.one_of(words)));
            kills += usize::from(answer[0].payload[0] == 0);
            root.transcript.clear();
            pause(&mut chance, 30);
        }
    });
    assert!(kills > 20 && tally.unknown + tally.never > 0, "{kills} kills, {tally:?}");
}

#[test]
fn connections_killed_at_random_cost_nobody_what_was_acknowledged() {
    endures_kills("faults_kills", &["CONNECTION", "HARD CONNECTION", "SOFT CONNECTION"]);
}

#[test]
fn statements_killed_at_random_are_told_to_those_whose_they_are() {
    endures_kills("faults_queries", &["QUERY", "HARD QUERY", "SOFT QUERY"]);
}
