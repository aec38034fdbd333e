//! How long `xdsnap diff` takes for two bundles that the user's key sealed, of one Envoy in a mesh of 5,000 services with a
//! change in five resources: by digests, by reading everything, and against what decompressing both bundles takes.

mod mesh;

use std::{
    fs::{self, File},
    io,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use criterion::{Criterion, Throughput};

const SERVICES: usize = 5000;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut size = 0;
    for (side, dump) in ["before", "after"].iter().zip(mesh::dumps(SERVICES)) {
        let input = folder.join(side).join("envoy/web-1.shop");
        fs::create_dir_all(&input).unwrap();
        size += dump.len();
        fs::write(input.join("config_dump.json"), dump).unwrap();
        let bundle = format!("{side}.xdsnap");
        run(
            folder,
            &["capture", "-q", "--allow-missing", "-o", &bundle, side],
            0,
        );
    }
    let by_digests = || run(folder, &["diff", "before.xdsnap", "after.xdsnap"], 1);
    let by_reading = || {
        let args = [
            "diff",
            "--redaction-key",
            "none",
            "before.xdsnap",
            "after.xdsnap",
        ];
        run(folder, &args, 1);
    };
    let start = || run(folder, &["--version"], 0);

    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    let mut group = criterion.benchmark_group(format!("two bundles of {SERVICES} services"));
    group.throughput(Throughput::Bytes(size as u64));
    group.bench_function("decompress", |b| b.iter(|| decompress(folder)));
    group.bench_function("diff by digests", |b| b.iter(by_digests));
    group.bench_function("diff by reading", |b| b.iter(by_reading));
    group.finish();

    // One after the other, so that a busy machine is busy for all of them.
    let mut times: [Vec<Duration>; 4] = Default::default();
    for _ in 0..15 {
        times[0].push(time(|| decompress(folder)));
        times[1].push(time(by_digests));
        times[2].push(time(by_reading));
        times[3].push(time(start));
    }
    let [decompressed, by_digests, by_reading, started] = times.map(|mut times| {
        times.sort();
        times[times.len() / 2].as_secs_f64()
    });
    println!(
        "diff takes {:.2} times the decompressing of {} MB by digests ({:.1} ms, of which {:.1} ms to start), {:.1} times \
         by reading all",
        by_digests / decompressed,
        size / 1_000_000,
        by_digests * 1e3,
        started * 1e3,
        by_reading / decompressed,
    );
}

fn time(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

fn decompress(folder: &Path) {
    for side in ["before", "after"] {
        let file = File::open(folder.join(format!("{side}.xdsnap"))).unwrap();
        zstd::stream::copy_decode(file, io::sink()).unwrap();
    }
}

/// Runs the program in a folder, where its key is too.
fn run(folder: &Path, args: &[&str], status: i32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xdsnap"));
    command
        .env("XDG_STATE_HOME", folder)
        .env_remove("XDSNAP_REDACTION_KEY_FILE");
    command.args(args).current_dir(folder).stdout(Stdio::null());
    assert_eq!(command.status().unwrap().code(), Some(status), "{args:?}");
}
