//! `kill -9` of the server, which comes back with the same data, several times under load.

use std::time::Instant;

use super::application::{CONNECTIONS, endures};
use super::estate::Estate;
use super::victim::Victim;
use super::{end_of_fault, pause, seed};
use crate::support::chance::Chance;

#[test]
fn a_server_that_crashes_and_comes_back_costs_nobody_what_was_acknowledged() {
    let (victim, seed) = (Victim::start(), seed());
    let estate = Estate::new("faults_crash", victim.server(), CONNECTIONS, "", |proxy| proxy);
    let mut chance = Chance::new(seed, 100, 0);
    let mut crashes = 0;
    let tally = endures(&estate, seed, || {
        let end = end_of_fault();
        while crashes < 2 || Instant::now() < end {
            pause(&mut chance, 600);
            victim.crash();
            pause(&mut chance, 100);
            victim.restart();
            crashes += 1;
        }
    });
    assert!(tally.unknown + tally.never > 0, "{crashes} crashes hit nobody: {tally:?}");
}
