//! How long it takes to take the secrets out of dumps of an Envoy, against a plain scan of the same JSON that keeps
//! nothing: both of a slice in memory, the least that reading can take; and both of a stream.

mod mesh;

use std::{
    hint::black_box,
    io,
    path::Path,
    time::{Duration, Instant},
};

use criterion::{Criterion, Throughput};
use serde::de::IgnoredAny;
use serde_json::{Value as Json, json};
use xdsnap::{model::Document, redact::Redactor};

const SERVICES: usize = 500;

/// How often a small recording is repeated.
const REPEATED: usize = 40;

fn main() {
    let [mesh, _] = mesh::dumps(SERVICES);
    let bodies = [
        ("the dump of a mesh", mesh.clone()),
        ("the same with secrets all over", with_secrets(&mesh)),
        ("a recording, repeated", recording()),
    ];
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    for (name, dump) in &bodies {
        let mut group = criterion.benchmark_group(*name);
        group.throughput(Throughput::Bytes(dump.len() as u64));
        let known = Redactor::default();
        group.bench_function("scan a stream", |b| b.iter(|| scan_stream(dump)));
        group.bench_function("scan a slice", |b| b.iter(|| scan(dump)));
        group.bench_function("redact the first", |b| {
            b.iter(|| redact(&Redactor::default(), dump))
        });
        group.bench_function("redact the next", |b| b.iter(|| redact(&known, dump)));
        group.bench_function("redact a stream", |b| {
            b.iter(|| redact_stream(&known, dump))
        });
        group.finish();
    }

    for (name, dump) in &bodies {
        let known = Redactor::default();
        // One after the other, so that a busy machine is busy for all of them.
        let mut times: [Vec<Duration>; 5] = Default::default();
        for _ in 0..25 {
            times[0].push(time(|| scan_stream(dump)));
            times[1].push(time(|| scan(dump)));
            times[2].push(time(|| _ = redact(&Redactor::default(), dump)));
            times[3].push(time(|| _ = redact(&known, dump)));
            times[4].push(time(|| _ = redact_stream(&known, dump)));
        }
        let [scan_of_stream, scan, first, next, stream] = times.map(|mut times| {
            times.sort();
            times[times.len() / 2].as_secs_f64()
        });
        println!(
            "redaction takes {:.2} times a scan, of the next dump {:.2}, of it as a stream {:.2} times a scan of the \
             stream: {name}, {:.1} MB, {} secrets, {:.1} ms and {:.1} ms",
            first / scan,
            next / scan,
            stream / scan_of_stream,
            dump.len() as f64 / 1e6,
            redact(&known, dump),
            first * 1e3,
            scan * 1e3,
        );
    }
}

fn time(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

fn scan(dump: &[u8]) {
    black_box(serde_json::from_slice::<IgnoredAny>(dump).unwrap());
}

fn scan_stream(dump: &[u8]) {
    black_box(serde_json::from_reader::<_, IgnoredAny>(dump).unwrap());
}

fn redact(redactor: &Redactor, dump: &[u8]) -> u64 {
    let redacted = redactor.copy_slice(Document::ConfigDump, dump, &mut io::sink());
    black_box(redacted.unwrap()).total()
}

fn redact_stream(redactor: &Redactor, mut dump: &[u8]) -> u64 {
    let redacted = redactor.copy(Document::ConfigDump, &mut dump, &mut io::sink());
    black_box(redacted.unwrap()).total()
}

/// `dump` with a Lua filter in each chain of its listeners and credentials in each of its virtual hosts.
fn with_secrets(dump: &[u8]) -> Vec<u8> {
    let mut dump: Json = serde_json::from_slice(dump).unwrap();
    let mut number = 0;
    add_secrets(&mut dump, &mut number);
    print(&dump)
}

fn add_secrets(value: &mut Json, number: &mut usize) {
    match value {
        Json::Object(members) => {
            members
                .values_mut()
                .for_each(|value| add_secrets(value, number));
            *number += 1;
            let secret = format!("Bearer s3cr3t-{number:06}-of-nobody");
            if let Some(filters) = members.get_mut("http_filters").and_then(Json::as_array_mut) {
                filters.push(json!({
                    "name": "envoy.filters.http.lua",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
                        "default_source_code": {"inline_string": format!(
                            "function envoy_on_request(handle)\n handle:headers():add(\"authorization\", \"{secret}\")\nend\n"
                        )},
                    },
                }));
            }
            if members.contains_key("domains") {
                let header = json!({"header": {"key": "authorization", "value": secret}});
                members.insert("request_headers_to_add".to_owned(), json!([header]));
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| add_secrets(item, number)),
        _ => {}
    }
}

/// A dump with mutual TLS, its sections again and again.
fn recording() -> Vec<u8> {
    let file = "testdata/corpus/c_mtls/3_strict_dr_istio_mutual/envoy/productpage-v1-6b746f74dc-9stvs.default/config_dump.json.zst";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = zstd::decode_all(std::fs::File::open(file).unwrap()).unwrap();
    let dump: Json = serde_json::from_slice(&text).unwrap();
    let sections = dump["configs"].as_array().unwrap();
    let configs: Vec<_> = (0..REPEATED).flat_map(|_| sections).collect();
    print(&json!({"configs": configs}))
}

/// Prints as Envoy does, with one space of indentation.
fn print(dump: &Json) -> Vec<u8> {
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    serde::Serialize::serialize(dump, &mut serializer).unwrap();
    out
}
