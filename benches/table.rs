//! The table of the README, and how time and memory grow: `cargo bench --bench table`. The meshes are made by
//! `benches/mesh.py` and need some 7 GB of disk; with `-- --all` the row of a thousand large proxies is made, too, which needs
//! 35 GB and a quarter of an hour.
//!
//! What takes a multiple of a plain scan is measured against one in the same run: `serde_json` with `IgnoredAny`, of both
//! files in memory, on one core.

use std::{
    fs,
    hint::black_box,
    io,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use serde::de::IgnoredAny;

/// How often each work is done; the median counts.
const TIMES: usize = 7;

/// The work of one run of the program.
#[derive(Clone, Copy, Debug)]
struct Cost {
    /// In seconds.
    wall: f64,
    /// In seconds, of all cores.
    cpu: f64,
    /// The peak, in bytes.
    memory: f64,
}

fn main() {
    let all = std::env::args().any(|arg| arg == "--all");
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let desk = Desk(folder.path().to_owned());
    println!("| work | wall | CPU | memory | |\n|---|---|---|---|---|");
    desk.dumps(5000);
    desk.bundles(1, 5000);
    desk.capture(100, 1000);
    if all {
        desk.bundles(1000, 1000);
    }
    println!("\nGrowth:\n\n| work | wall | CPU | memory | |\n|---|---|---|---|---|");
    for services in [100, 1000, 10_000] {
        desk.pair("one process", services, "changed");
    }
    for proxies in [1, 10, 100, 1000] {
        desk.capture(proxies, 100);
        desk.bundles(proxies, 100);
    }
}

/// Where meshes are made, and removed when they were measured.
struct Desk(PathBuf);

impl Desk {
    /// The rows of two dumps as they are.
    fn dumps(&self, services: usize) {
        self.pair("one process", services, "changed");
        self.pair("pod replaced", services, "all");
        let mesh = self.mesh(1, services, &["--sides", "before"]);
        let mut files = files(&mesh.join("before"));
        // That of Envoy is called before that of istiod.
        files.reverse();
        self.compare("istiod against Envoy", services, &files, 0);
        fs::remove_dir_all(mesh).unwrap();
    }

    fn pair(&self, name: &str, services: usize, volatile: &str) {
        let mesh = self.mesh(1, services, &["--forms", "envoy", "--volatile", volatile]);
        let files = ["before", "after"].map(|side| files(&mesh.join(side)).remove(0));
        self.compare(name, services, &files, 1);
        fs::remove_dir_all(mesh).unwrap();
    }

    fn compare(&self, name: &str, services: usize, files: &[PathBuf], status: i32) {
        let contents: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
        let scan = median((0..TIMES).map(|_| {
            let start = Instant::now();
            for content in &contents {
                black_box(serde_json::from_slice::<IgnoredAny>(content).unwrap());
            }
            start.elapsed().as_secs_f64()
        }));
        let size: f64 = contents.iter().map(|content| content.len() as f64).sum();
        drop(contents);
        let paths: Vec<_> = files.iter().map(|file| file.to_str().unwrap()).collect();
        let cost = self.cost(&[&["diff"], &paths[..]].concat(), status);
        let note = format!(
            "{:.1} × and {:.1} × a scan ({:.3} s) of {:.0} MB, {:.2} × their size",
            cost.wall / scan,
            cost.cpu / scan,
            scan,
            size / 1e6,
            cost.memory / size
        );
        row(
            &format!("two dumps of {services} services, {name}"),
            cost,
            &note,
        );
    }

    /// A change in five resources of a mesh, between two sealed bundles.
    fn bundles(&self, proxies: usize, services: usize) {
        let mesh = self.mesh(proxies, services, &["--forms", "envoy"]);
        for side in ["before", "after"] {
            let side_of_mesh = mesh.join(side);
            let bundle = format!("{side}.xdsnap");
            let input = side_of_mesh.to_str().unwrap();
            self.run(
                &["capture", "-q", "--allow-missing", "-o", &bundle, input],
                0,
            );
            fs::remove_dir_all(side_of_mesh).unwrap();
        }
        let unpack = median((0..3).map(|_| {
            let start = Instant::now();
            for side in ["before.xdsnap", "after.xdsnap"] {
                let file = fs::File::open(self.0.join(side)).unwrap();
                zstd::stream::copy_decode(file, io::sink()).unwrap();
            }
            start.elapsed().as_secs_f64()
        }));
        let cost = self.cost(&["diff", "before.xdsnap", "after.xdsnap"], 1);
        let note = format!(
            "{:.3} × decompressing both ({unpack:.3} s)",
            cost.wall / unpack
        );
        row(
            &format!("two bundles of {proxies} proxies, {services} services"),
            cost,
            &note,
        );
        fs::remove_dir_all(mesh).unwrap();
    }

    fn capture(&self, proxies: usize, services: usize) {
        let mesh = self.mesh(
            proxies,
            services,
            &["--forms", "envoy", "--sides", "before"],
        );
        let input = mesh.join("before");
        let size: f64 = files(&input)
            .iter()
            .map(|file| file.metadata().unwrap().len() as f64)
            .sum();
        let input = input.to_str().unwrap();
        let args = [
            "capture",
            "-q",
            "--allow-missing",
            "-o",
            "mesh.xdsnap",
            input,
        ];
        let cost = self.cost(&args, 0);
        let bundle = self.0.join("mesh.xdsnap").metadata().unwrap().len() as f64;
        let note = format!(
            "{:.0} MB/s of {:.0} MB, into {:.2} MB; one stream of zstd has {:.2} MB",
            size / cost.wall / 1e6,
            size / 1e6,
            bundle / 1e6,
            one_stream(&files(Path::new(input))) as f64 / 1e6
        );
        row(
            &format!("capture of {proxies} proxies, {services} services"),
            cost,
            &note,
        );
        fs::remove_dir_all(mesh).unwrap();
    }

    /// Makes a mesh.
    fn mesh(&self, proxies: usize, services: usize, args: &[&str]) -> PathBuf {
        let out = self.0.join("mesh");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/mesh.py");
        let made = Command::new("python3")
            .arg(script)
            .args(["--quiet", "--proxies", &proxies.to_string()])
            .args(["--services", &services.to_string(), "--out"])
            .arg(&out)
            .args(args)
            .status();
        assert!(made.unwrap().success());
        out
    }

    /// Runs the program here, where its key is too.
    fn run(&self, args: &[&str], status: i32) -> Cost {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/measure.py");
        let output = Command::new("python3")
            .arg(script)
            .arg(env!("CARGO_BIN_EXE_xdsnap"))
            .args(args)
            .env("XDG_STATE_HOME", &self.0)
            .env_remove("XDSNAP_REDACTION_KEY_FILE")
            .current_dir(&self.0)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let numbers: Vec<f64> = text
            .split_whitespace()
            .map(|n| n.parse().unwrap())
            .collect();
        let [wall, cpu, memory, exit] = numbers[..] else {
            panic!("{}", String::from_utf8_lossy(&output.stderr));
        };
        assert_eq!(exit, f64::from(status), "{args:?}");
        Cost { wall, cpu, memory }
    }

    /// What it takes to run the program here.
    fn cost(&self, args: &[&str], status: i32) -> Cost {
        let runs: Vec<Cost> = (0..TIMES).map(|_| self.run(args, status)).collect();
        let of = |field: fn(&Cost) -> f64| median(runs.iter().map(field));
        Cost {
            wall: of(|cost| cost.wall),
            cpu: of(|cost| cost.cpu),
            memory: of(|cost| cost.memory),
        }
    }
}

fn row(work: &str, cost: Cost, note: &str) {
    println!(
        "| {work} | {:.3} s | {:.3} s | {:.0} MB | {note} |",
        cost.wall,
        cost.cpu,
        cost.memory / 1e6
    );
}

/// The files in a folder, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// How large `zstd -9 --long=27` makes all files together.
fn one_stream(files: &[PathBuf]) -> u64 {
    struct Count(u64);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len() as u64;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut encoder = zstd::Encoder::new(Count(0), 9).unwrap();
    encoder.long_distance_matching(true).unwrap();
    encoder.window_log(27).unwrap();
    for file in files {
        io::copy(&mut fs::File::open(file).unwrap(), &mut encoder).unwrap();
    }
    encoder.finish().unwrap().0
}
