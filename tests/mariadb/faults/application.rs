//! The application: writers at work while something goes wrong.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::estate::Estate;
use super::ledger::{Entry, Tally, compare};
use super::writer::{Habit, Writer};
use crate::support::chance::Chance;
use crate::support::eventually;

/// Everybody's habits: two of the writers keep what no other connection can have, so a few connections are left for the rest.
const HABITS: [Habit; 12] = [
    Habit::Carried,
    Habit::Carried,
    Habit::NoAutocommit,
    Habit::TemporaryTable,
    Habit::Carried,
    Habit::UserLock,
    Habit::Carried,
    Habit::NoAutocommit,
    Habit::UserVariable,
    Habit::Carried,
    Habit::Carried,
    Habit::Carried,
];

/// Connections on which all of that fits and somebody always has to wait.
pub const CONNECTIONS: usize = 6;

/// Lets the application run under `fault`, and on until every writer has got over it; then compares what was written with what
/// was acknowledged.
pub fn endures(estate: &Estate<'_>, seed: u64, fault: impl FnOnce()) -> Tally {
    let over = AtomicBool::new(false);
    let progress: Vec<AtomicUsize> = HABITS.iter().map(|_| AtomicUsize::new(0)).collect();
    let written: Vec<Vec<Entry>> = thread::scope(|scope| {
        let end = Ender(&over);
        let (over, progress) = (&over, &progress);
        let writers: Vec<_> = (0..HABITS.len())
            .map(|at| scope.spawn(move || write(estate, at, seed, over, &progress[at])))
            .collect();
        fault();
        everybody_gets_on(progress, || writers.iter().any(|writer| writer.is_finished()));
        drop(end);
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    estate.assert_deserted();
    let tally = compare(&mut estate.root(), estate.name, &written);
    println!("{}: {tally:?}", estate.name);
    assert!(tally.done > 50, "{}: hardly anything was done: {tally:?}", estate.name);
    tally
}

/// Writers stop also where the test fails: the scope waits for them.
struct Ender<'a>(&'a AtomicBool);

impl Drop for Ender<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn write(estate: &Estate<'_>, at: usize, seed: u64, over: &AtomicBool, progress: &AtomicUsize) -> Vec<Entry> {
    let mut writer = Writer::new(estate, at, HABITS[at]);
    let mut chance = Chance::new(seed, at as u64, 0);
    while !over.load(Ordering::Relaxed) {
        if writer.take_turn(&mut chance) {
            progress.fetch_add(1, Ordering::Relaxed);
        }
    }
    writer.written
}

/// Waits until every writer has been acknowledged a few times more, or one has failed.
fn everybody_gets_on(progress: &[AtomicUsize], one_has_failed: impl Fn() -> bool) {
    let now = |at: &AtomicUsize| at.load(Ordering::Relaxed);
    let before: Vec<usize> = progress.iter().map(now).collect();
    for (at, (progress, before)) in progress.iter().zip(before).enumerate() {
        eventually(&format!("writer {at} gets on"), || one_has_failed() || now(progress) >= before + 3);
    }
}
