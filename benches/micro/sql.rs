//! What is found out about a statement's text.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use sealock::sql::SqlMode;
use sealock::sql::classify::classify;
use sealock::sql::digest::digest;
use sealock::sql::lexer::Lexer;

/// Names and texts, from what applications send most to what is long.
const TEXTS: [(&str, &str); 4] = [
    ("point select", "SELECT c FROM sbtest1 WHERE id=5023"),
    ("set", "SET SESSION sql_mode = 'TRADITIONAL'"),
    ("rollback", "ROLLBACK"),
    (
        "orm select",
        "SELECT instances.id AS instances_id, instances.created_at AS instances_created_at, instances.uuid AS \
         instances_uuid, instances.hostname AS instances_hostname FROM instances LEFT OUTER JOIN instance_metadata AS m ON \
         m.instance_uuid = instances.uuid AND m.deleted = 0 WHERE instances.deleted = 0 AND instances.host = 'compute-17' \
         AND instances.vm_state IN ('active', 'building', 'paused') ORDER BY instances.created_at DESC LIMIT 1000",
    ),
];

pub fn benches(criterion: &mut Criterion) {
    let insert = bulk_insert();
    let texts = TEXTS.into_iter().chain([("bulk insert", insert.as_str())]);
    let mode = SqlMode::default();
    let mut group = criterion.benchmark_group("sql");
    for (name, text) in texts {
        let text = text.as_bytes();
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_with_input(BenchmarkId::new("lex", name), text, |bencher, text| {
            bencher.iter(|| tokens(black_box(text), mode));
        });
        group.bench_with_input(BenchmarkId::new("classify", name), text, |bencher, text| {
            bencher.iter(|| classify(black_box(text), mode));
        });
        group.bench_with_input(BenchmarkId::new("digest", name), text, |bencher, text| {
            bencher.iter(|| digest(black_box(text), mode));
        });
    }
    group.finish();
}

/// About 16 KiB, the most that is looked at.
fn bulk_insert() -> String {
    let row = "(1, 'a name of some length', 3.14159, '2026-01-01 00:00:00', NULL)";
    format!("INSERT INTO measurements VALUES {}", vec![row; 230].join(", "))
}

fn tokens(text: &[u8], mode: SqlMode) -> usize {
    let mut lexer = Lexer::new(text, mode);
    std::iter::from_fn(|| lexer.significant()).count()
}
