//! How long it takes to take the secrets out of the dump of an Envoy in a mesh of 500 services, against a scan of the
//! same bytes that keeps nothing: the least that reading JSON can take.

mod mesh;

use std::{
    hint::black_box,
    io,
    time::{Duration, Instant},
};

use criterion::{Criterion, Throughput};
use serde::de::IgnoredAny;
use xdsnap::{model::Document, redact::Redactor};

const SERVICES: usize = 500;

fn main() {
    let [dump, _] = mesh::dumps(SERVICES);

    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    let mut group = criterion.benchmark_group(format!("a dump of {SERVICES} services"));
    group.throughput(Throughput::Bytes(dump.len() as u64));
    group.bench_function("scan", |b| b.iter(|| scan(&dump)));
    group.bench_function("redact", |b| b.iter(|| redact(&dump)));
    group.finish();

    // One after the other, so that a busy machine is busy for all of them.
    let mut times: [Vec<Duration>; 2] = Default::default();
    for _ in 0..15 {
        times[0].push(time(|| scan(&dump)));
        times[1].push(time(|| redact(&dump)));
    }
    let [scanned, redacted] = times.map(|mut times| {
        times.sort();
        times[times.len() / 2].as_secs_f64()
    });
    println!(
        "redaction takes {:.2} times a scan of its {:.1} MB",
        redacted / scanned,
        dump.len() as f64 / 1e6,
    );
}

fn time(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

fn scan(dump: &[u8]) {
    black_box(serde_json::from_slice::<IgnoredAny>(dump).unwrap());
}

fn redact(dump: &[u8]) {
    let redacted = Redactor::default().copy(Document::ConfigDump, &mut &*dump, &mut io::sink());
    black_box(redacted.unwrap());
}
