//! Packet headers.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use sealock::protocol::packet::{HEADER_LEN, Header, SequenceId, append};

/// Packets in a burst, and the payload of each.
const PACKETS: usize = 64;
const PAYLOAD: usize = 120;

pub fn benches(criterion: &mut Criterion) {
    let payload = [b'x'; PAYLOAD];
    let mut burst = Vec::new();
    let mut sequence = SequenceId::default();
    for _ in 0..PACKETS {
        sequence = append(&mut burst, sequence, &payload);
    }
    let mut group = criterion.benchmark_group("framing");
    group.throughput(Throughput::Elements(PACKETS as u64));
    group.bench_function("walk", |bencher| bencher.iter(|| walk(black_box(&burst))));
    group.bench_function("append", |bencher| {
        let mut out = Vec::with_capacity(burst.len());
        bencher.iter(|| {
            out.clear();
            let mut sequence = SequenceId::default();
            for _ in 0..PACKETS {
                sequence = append(&mut out, sequence, black_box(&payload));
            }
            out.len()
        });
    });
    group.finish();
}

/// Packets in `bytes`.
fn walk(mut bytes: &[u8]) -> usize {
    let mut packets = 0;
    while let Some(header) = Header::parse(bytes) {
        bytes = bytes.get(HEADER_LEN + header.len..).unwrap_or_default();
        packets += 1;
    }
    packets
}
