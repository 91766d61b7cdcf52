//! Faults: an application that numbers its commits, and everything that can go wrong under it.
//!
//! The [`application`] has a dozen writers on few backend connections. Each numbers what it writes, and has a session state
//! of its own that it looks at on every turn. Whatever the fault: what was acknowledged is there once, what was refused is
//! not there, what nobody knows is there once or not at all, and nobody sees another's state. When the fault is over every writer gets
//! on, and nothing is left behind.
//!
//! | environment | meaning |
//! |---|---|
//! | `SEALOCK_FAULTS_SECONDS` | how long each fault goes on (3 unless told) |
//! | `SEALOCK_FAULTS_SEED` | with which numbers; printed with every run |

mod application;
mod crash;
mod cuts;
mod estate;
mod exhaustion;
mod kills;
mod ledger;
mod network;
mod stall;
mod vanishing;
mod victim;
mod writer;

use std::env;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::chance::Chance;

/// Until when a fault that begins now goes on.
fn end_of_fault() -> Instant {
    let seconds = env::var("SEALOCK_FAULTS_SECONDS").map_or(3.0, |seconds| seconds.parse().unwrap());
    Instant::now() + Duration::from_secs_f64(seconds)
}

/// The seed of this run.
fn seed() -> u64 {
    let seed = env::var("SEALOCK_FAULTS_SEED").map_or_else(
        |_| std::time::UNIX_EPOCH.elapsed().unwrap().as_micros() as u64,
        |seed| seed.parse().unwrap(),
    );
    println!("SEALOCK_FAULTS_SEED={seed}");
    seed
}

/// Lets the application work undisturbed for a moment of up to `most` milliseconds.
fn pause(chance: &mut Chance, most: usize) {
    thread::sleep(Duration::from_millis(1 + chance.below(most) as u64));
}
