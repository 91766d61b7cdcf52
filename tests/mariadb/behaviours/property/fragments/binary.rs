//! Prepared statements of the binary protocol.

use super::super::script::{Execution, SLOTS, Step, Value};
use super::{say, some};
use crate::support::chance::Chance;

pub fn prepare(chance: &mut Chance, home: &str) -> Vec<Step> {
    let texts = [
        "SELECT id, w FROM HOME.u WHERE id > ? AND w <> ? ORDER BY id",
        "INSERT INTO HOME.t (w, n) VALUES (?, ?)",
        "SELECT ?, @@time_zone, ?",
        "UPDATE HOME.u SET w = ? WHERE id = ?",
        "SELECT w, LAST_INSERT_ID(), ?, ? FROM HOME.u WHERE id = 2",
        "SELECT FROM",
    ];
    let slot = chance.below(SLOTS);
    let mut steps = Vec::new();
    if chance.percent(70) {
        steps.push(Step::Close(slot));
    }
    steps.push(Step::Prepare(slot, chance.one_of(&texts).replace("HOME", home)));
    steps.push(Step::Execute(slot, values(chance), Execution::Typed));
    steps
}

fn values(chance: &mut Chance) -> Vec<Value> {
    let value = |chance: &mut Chance| match chance.below(4) {
        0 => Value::Null,
        1 => Value::Text("text".to_owned()),
        _ => Value::Int(chance.below(20) as i64),
    };
    vec![value(chance), value(chance)]
}

pub fn execute(chance: &mut Chance, _home: &str) -> Vec<Step> {
    let slot = chance.below(SLOTS);
    let values = values(chance);
    let mut steps = vec![Step::Execute(slot, values.clone(), Execution::Typed)];
    steps.extend(some(
        chance,
        2,
        &[
            "SELECT 1",
            "SELECT LAST_INSERT_ID()",
            "SET time_zone = '+06:00'",
            "INSERT INTO t (w) VALUES ('between')",
        ],
    ));
    steps.push(Step::Execute(slot, values, Execution::Again));
    if chance.percent(20) {
        steps.push(Step::Close(slot));
    }
    steps
}

pub fn long_data(chance: &mut Chance, home: &str) -> Vec<Step> {
    let slot = chance.below(SLOTS);
    let mut steps = vec![Step::Prepare(slot, format!("SELECT LENGTH(?), MD5(?) FROM {home}.u WHERE id = 1"))];
    for _ in 0..=chance.below(3) {
        steps.push(Step::LongData(slot, 0, vec![b'x'; chance.below(20_000)]));
        if chance.percent(20) {
            steps.push(Step::Reset(slot));
        }
    }
    steps.push(Step::LongData(slot, 0, b"end".to_vec()));
    steps.push(Step::Execute(slot, vec![Value::Long, Value::Text("short".to_owned())], Execution::Typed));
    steps
}

pub fn cursor(chance: &mut Chance, home: &str) -> Vec<Step> {
    let slot = chance.below(SLOTS);
    let mut steps = vec![
        Step::Prepare(slot, format!("SELECT id, w FROM {home}.u ORDER BY id")),
        Step::Execute(slot, Vec::new(), Execution::Cursor),
    ];
    for _ in 0..=chance.below(3) {
        steps.push(Step::Fetch(slot, chance.below(9) as u32 + 1));
        if chance.percent(40) {
            steps.push(say(chance, "SELECT 'between'"));
        }
    }
    steps.push(if chance.percent(50) { Step::Reset(slot) } else { Step::Close(slot) });
    steps.push(Step::Fetch(slot, 1));
    steps
}
