//! How long it takes to normalize and to compare the dumps of an Envoy in a mesh of 500 services, against a scan of the
//! same bytes that keeps nothing: the least that reading JSON can take.

mod mesh;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use criterion::{Criterion, Throughput};
use serde::de::IgnoredAny;
use xdsnap::{
    diff::{Compared, Comparer, Mode, Options, ProxyPair, Report},
    dump::Dump,
    model::ProxyId,
    normalize::normalize,
};

const SERVICES: usize = 500;

fn main() {
    let dumps = mesh::dumps(SERVICES);
    assert_eq!(compare(&dumps).changes.len(), 5);
    let length: usize = dumps.iter().map(Vec::len).sum();

    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    let mut group = criterion.benchmark_group(format!("two dumps of {SERVICES} services"));
    group.throughput(Throughput::Bytes(length as u64));
    group.bench_function("scan", |b| b.iter(|| scan(&dumps)));
    group.bench_function("diff", |b| b.iter(|| compare(&dumps)));
    group.bench_function("normalize", |b| b.iter(|| normalize_all(&dumps)));
    group.finish();

    // One after the other, so that a busy machine is busy for all of them.
    let mut times: [Vec<Duration>; 3] = Default::default();
    for _ in 0..15 {
        times[0].push(time(|| scan(&dumps)));
        times[1].push(time(|| drop(compare(&dumps))));
        times[2].push(time(|| normalize_all(&dumps)));
    }
    let [scanned, compared, normalized] = times.map(|mut times| {
        times.sort();
        times[times.len() / 2].as_secs_f64()
    });
    println!(
        "diff takes {:.1} times a scan of its {} MB, normalize {:.1} times",
        compared / scanned,
        length / 1_000_000,
        normalized / scanned
    );
}

fn time(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

fn scan(dumps: &[Vec<u8>; 2]) {
    for dump in dumps {
        black_box(serde_json::from_slice::<IgnoredAny>(dump).unwrap());
    }
}

fn normalize_all(dumps: &[Vec<u8>; 2]) {
    for dump in dumps {
        let dump = Dump::parse([(None, dump.as_slice())]).unwrap();
        for resource in &dump.resources {
            black_box(normalize(resource, &dump.types).unwrap());
        }
    }
}

fn compare(dumps: &[Vec<u8>; 2]) -> Report {
    let proxy = ProxyId::new("web-1.shop").unwrap();
    let [before, after] = dumps
        .each_ref()
        .map(|dump| Dump::parse([(None, dump.as_slice())]).unwrap());
    let mut comparer = Comparer::new(Mode::Change, Options::default());
    comparer.proxy(&ProxyPair {
        before_id: &proxy,
        after_id: &proxy,
        before: &before,
        after: &after,
        compared: Compared::Envoy,
        last_errors: &[],
    });
    comparer.finish()
}
