//! How long it takes to look up a message and a field in the table of the xDS API.

use std::{hint::black_box, path::Path};

use criterion::{Criterion, criterion_group, criterion_main};
use prost_reflect::DescriptorPool;
use xdsnap::xds::Message;

fn lookup(c: &mut Criterion) {
    let input = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/xds/input/xds.descriptors.pb");
    let pool = DescriptorPool::decode(std::fs::read(input).unwrap().as_slice()).unwrap();
    let mut names: Vec<String> = pool
        .all_messages()
        .filter(|message| !message.is_map_entry())
        .map(|message| message.full_name().to_owned())
        .collect();
    names.sort();
    scatter(&mut names);
    let mut fields = Vec::new();
    for name in &names {
        let message = Message::find(name).unwrap();
        for field in message.fields() {
            fields.push((message, field.name(), field.json_name()));
        }
    }
    scatter(&mut fields);

    let mut group = c.benchmark_group("lookup");
    // Every name in turn, so that no answer is still in a cache by chance.
    let mut all = names.iter().cycle();
    group.bench_function("message, any", |b| {
        b.iter(|| Message::find(black_box(all.next().unwrap())));
    });
    group.bench_function("message, the same", |b| {
        b.iter(|| Message::find(black_box("envoy.config.route.v3.RouteAction")));
    });
    let mut all = fields.iter().cycle();
    group.bench_function("field, any, snake_case", |b| {
        b.iter(|| {
            let (message, snake, _) = all.next().unwrap();
            message.field(black_box(snake))
        });
    });
    let mut all = fields.iter().cycle();
    group.bench_function("field, any, camelCase", |b| {
        b.iter(|| {
            let (message, _, camel) = all.next().unwrap();
            message.field(black_box(camel))
        });
    });
    let cluster = Message::find("envoy.config.cluster.v3.Cluster").unwrap();
    for name in ["name", "connect_timeout", "connectTimeout"] {
        group.bench_function(format!("field, the same, {name}"), |b| {
            b.iter(|| cluster.field(black_box(name)));
        });
    }
    group.finish();
}

/// Puts items that stand together apart.
fn scatter<T>(items: &mut [T]) {
    let length = items.len();
    for i in 0..length {
        items.swap(i, (i * 7_919 + 13) % length);
    }
}

criterion_group!(benches, lookup);
criterion_main!(benches);
