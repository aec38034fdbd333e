//! How long `xdsnap --version` takes beyond what it takes to start any program.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

fn main() {
    const RUNS: usize = 300;
    let mut times: [Vec<Duration>; 2] = Default::default();
    for _ in 0..RUNS {
        times[0].push(run(&mut Command::new("true")));
        times[1].push(run(
            Command::new(env!("CARGO_BIN_EXE_xdsnap")).arg("--version")
        ));
    }
    let [nothing, version] = times.map(|mut times| {
        times.sort();
        times[RUNS / 2].as_secs_f64() * 1e3
    });
    println!(
        "xdsnap --version takes {version:.2} ms, {:.2} ms more than `true` (medians of {RUNS} runs)",
        version - nothing
    );
}

fn run(command: &mut Command) -> Duration {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let start = Instant::now();
    assert!(command.status().unwrap().success());
    start.elapsed()
}
