//! The scanner that finds the end of a response.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use sealock::protocol::command::Shape;
use sealock::protocol::packet::{SequenceId, append};
use sealock::protocol::response::{Reports, ResponseScanner};

/// An OK packet: no rows affected, no insert id, autocommit, no warnings.
const OK: &[u8] = b"\x00\x00\x00\x02\x00\x00\x00";
/// The end of rows, as an OK packet in the canonical dialect.
const ROWS_END: &[u8] = b"\xfe\x00\x00\x02\x00\x00\x00";
/// Length of a definition and of a row, as point selects have them.
const DEFINITION: [u8; 46] = [3; 46];
const ROW: [u8; 121] = [b'c'; 121];

pub fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("response");
    let ok = response([OK].into_iter());
    group.throughput(Throughput::Bytes(ok.len() as u64));
    group.bench_function("ok", |bencher| bencher.iter(|| scan(black_box(&ok), ok.len())));
    for rows in [1, 100, 10_000] {
        let bytes = result_set(rows);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_with_input(BenchmarkId::new("rows", rows), &bytes, |bencher, bytes| {
            bencher.iter(|| scan(black_box(bytes), bytes.len()));
        });
    }
    let bytes = result_set(10_000);
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("rows/10000 in chunks of 16 KiB", |bencher| {
        bencher.iter(|| scan(black_box(&bytes), 16 * 1024));
    });
    group.finish();
}

fn result_set(rows: usize) -> Vec<u8> {
    let rows = std::iter::repeat_n(&ROW[..], rows);
    response([&b"\x01"[..], &DEFINITION].into_iter().chain(rows).chain([ROWS_END]))
}

fn response<'a>(packets: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let (mut bytes, mut sequence) = (Vec::new(), SequenceId(1));
    for packet in packets {
        sequence = append(&mut bytes, sequence, packet);
    }
    bytes
}

/// Scans a response that arrives in pieces; what a step leaves over comes again with the next piece.
fn scan(bytes: &[u8], piece: usize) -> ResponseScanner {
    let mut scanner = ResponseScanner::new(Shape::Results, Reports::Unasked);
    let (mut done, mut arrived) = (0, 0);
    while !scanner.is_done() && arrived < bytes.len() {
        arrived = (arrived + piece).min(bytes.len());
        while let Ok(Some(step)) = scanner.step(bytes.get(done..arrived).unwrap_or_default()) {
            done += step.len;
        }
    }
    assert!(scanner.is_done(), "the response ends");
    scanner
}
