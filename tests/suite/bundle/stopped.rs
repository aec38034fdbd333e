//! Captures that do not come to their end: killed, interrupted, without room or without a place. What was there before
//! stays, or the whole bundle is there, and nothing that came is lost.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
    sync::LazyLock,
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use xdsnap::bundle::{Intact, recover, verify};

use super::*;
use crate::support::{
    http::{Answer, Server},
    program::{BEFORE, Ran, recording, run, testdata, xdsnap},
};

const PROXY: &str = "productpage-v1-6b746f74dc-9stvs.default";

const STATS_PAGE: &str = "/stats?filter=(update_attempt|update_success|update_failure|update_rejected|\
    init_fetch_timeout|version|control_plane)&format=json";

/// A folder to capture to.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs the program here; `args` are separated by spaces.
    fn run(&self, args: &str) -> Ran {
        run(xdsnap(args.split_whitespace()).current_dir(self.0.path()))
    }

    /// Starts the program here.
    fn start(&self, args: &str) -> Child {
        Command::new(env!("CARGO_BIN_EXE_xdsnap"))
            .args(args.split_whitespace())
            .current_dir(self.0.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn manifest(&self, name: &str) -> Manifest {
        let bytes = fs::read(self.path(name)).unwrap();
        assert_eq!(verify(name, Cursor::new(&bytes[..])).unwrap(), []);
        open(&bytes).unwrap().manifest().clone()
    }
}

/// What an Envoy answers, but that `page` meets `answer`.
fn envoy(page: &str, answer: Answer) -> Server {
    let pages = [
        ("/server_info", "server_info"),
        ("/config_dump?include_eds", "config_dump"),
        ("/clusters?format=json", "clusters"),
        ("/listeners?format=json", "listeners"),
        ("/certs", "certs"),
        (STATS_PAGE, "stats"),
    ];
    Server::start(pages.map(|(path, name)| {
        let whole = || recording(&format!("{BEFORE}/envoy/{PROXY}/{name}.json"));
        let answers = match path == page {
            true => vec![answer.clone()],
            // What is missing in all of them.
            false if path == "/certs" => vec![Answer::Whole(500, b"no certs today".to_vec())],
            false => vec![Answer::ok(whole())],
        };
        (path, answers)
    }))
}

fn wait_for(server: &Server, page: &str) {
    for _ in 0..6000 {
        if server.requests().iter().any(|request| request == page) {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("{page} was not asked for: {:?}", server.requests());
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

fn ended(child: Child) -> (std::process::ExitStatus, String) {
    let output = child.wait_with_output().unwrap();
    (output.status, String::from_utf8(output.stderr).unwrap())
}

fn documents(manifest: &Manifest) -> Vec<String> {
    let name = |entry: &xdsnap::bundle::MemberEntry| {
        let path: MemberPath = entry.path.parse().unwrap();
        path.document().to_string()
    };
    manifest.members.iter().map(name).collect()
}

#[test]
fn what_a_killed_capture_knew_is_in_the_bundle_that_is_made_of_what_it_left() {
    let server = envoy(STATS_PAGE, Answer::Stall);
    let desk = Desk::new();
    let url = server.url();
    let mut args = format!("capture -q -o x.xdsnap {url} --note before");
    let child = desk.start(&args);
    wait_for(&server, STATS_PAGE);
    send(&child, Signal::KILL);
    assert_eq!(ended(child).1, "");
    assert_eq!(desk.files(), ["x.xdsnap.partial"]);
    let left = fs::read(desk.path("x.xdsnap.partial")).unwrap();

    let ran = desk.run("verify --recover saved x.xdsnap.partial");
    assert_eq!(ran.status, 0, "{ran:?}");
    let saved = desk.manifest("saved");
    // The next one tells all the same but for what was not asked for, and when.
    args.push_str(" --timeout 1s");
    let ran = desk.run(&args);
    assert_eq!(ran.status, 3, "{ran:?}");
    let command = "`xdsnap verify --recover NEW x.xdsnap.partial` makes a bundle of it";
    let told = ran.err.lines().filter(|line| line.contains(command));
    assert_eq!(told.count(), 1, "{}", ran.err);
    assert!(fs::read(desk.path("x.xdsnap.partial")).unwrap() == left);
    let whole = desk.manifest("x.xdsnap");
    assert_eq!(saved.note.as_deref(), Some("before"));
    assert_eq!(saved.redaction, whole.redaction);
    assert!(saved.redaction.rules.len() > 3);
    assert_eq!(saved.proxies, whole.proxies);
    assert!(saved.proxies[0].envoy_version.is_some());
    assert_eq!(documents(&saved), documents(&whole));
    assert_eq!(
        saved.captured.unwrap().start,
        saved
            .members
            .iter()
            .filter_map(|m| m.requested)
            .min()
            .unwrap()
    );
    let [certs] = &saved.failures[..] else {
        panic!("{:?}", saved.failures)
    };
    let also = whole
        .failures
        .iter()
        .find(|failure| failure.document == certs.document)
        .unwrap();
    assert_eq!((&certs.reason, certs.status), (&also.reason, Some(500)));
    assert!(certs.time.is_some());
}

#[test]
fn what_is_made_of_what_a_capture_left_says_all_that_the_bundle_would_have_said() {
    let desk = Desk::new();
    let server = envoy("", Answer::Close);
    let url = server.url();
    assert_eq!(
        desk.run(&format!("capture -q -o live {url} --note live"))
            .status,
        3
    );
    // A bundle with a note, times, versions and a failure, and files of istiod's.
    let folder = desk.path("files");
    fs::create_dir_all(folder.join("istiod")).unwrap();
    fs::write(
        folder.join("istiod/version.json"),
        recording(&format!("{BEFORE}/istiod/version.json")),
    )
    .unwrap();
    let args = "live files";
    assert_eq!(desk.run(&format!("capture -q -o whole {args}")).status, 3);
    // What is in the way of packing the bundle.
    fs::create_dir(desk.path("cut.packing")).unwrap();
    fs::write(desk.path("cut"), "old").unwrap();
    let ran = desk.run(&format!("capture -q -o cut {args}"));
    assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{}", ran.err);
    assert!(
        ran.err.starts_with("xdsnap: cannot write `cut"),
        "{}",
        ran.err
    );
    for part in [
        "documents) is kept in `cut.partial`; ",
        "`xdsnap verify --recover NEW cut.partial` makes a bundle of it, for which up to ",
    ] {
        assert!(ran.err.contains(part), "{}", ran.err);
    }
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    assert_eq!(fs::read(desk.path("cut")).unwrap(), b"old");
    assert_eq!(desk.run("verify --recover saved cut.partial").status, 0);
    let whole = desk.manifest("whole");
    assert!(whole.captured.is_some() && whole.note.is_some() && !whole.failures.is_empty());
    assert!(whole.istiods[0].version.is_some() && whole.proxies[0].envoy_version.is_some());
    assert_eq!(desk.manifest("saved"), whole);
    assert!(fs::read(desk.path("saved")).unwrap() == fs::read(desk.path("whole")).unwrap());
}

#[test]
fn the_first_signal_ends_a_capture_with_a_bundle_of_what_came() {
    for signal in [Signal::INT, Signal::TERM] {
        for (page, answer) in [
            ("/listeners?format=json", Answer::Stall),
            (
                "/listeners?format=json",
                Answer::StallHalfway(vec![b'{'; 5000]),
            ),
        ] {
            let server = envoy(page, answer);
            let desk = Desk::new();
            fs::write(desk.path("x.xdsnap"), "old").unwrap();
            let child = desk.start(&format!("capture -o x.xdsnap {}", server.url()));
            wait_for(&server, page);
            send(&child, signal);
            let (status, told) = ended(child);
            assert_eq!(status.code(), Some(3), "{told}");
            assert!(
                told.contains("xdsnap: interrupted: nothing more is asked for"),
                "{told}"
            );
            let missing = format!(
                "  missing: envoy {PROXY} listeners, certs, stats ({}): interrupted\n",
                server.url()
            );
            assert!(told.contains(&missing), "{told}");
            assert_eq!(desk.files(), ["x.xdsnap"]);
            let manifest = desk.manifest("x.xdsnap");
            assert_eq!(
                documents(&manifest),
                ["config_dump", "server_info", "clusters"]
            );
            let reasons = manifest
                .failures
                .iter()
                .map(|failure| failure.reason.as_str());
            assert_eq!(reasons.collect::<Vec<_>>(), ["interrupted"; 3]);
            // Nobody was asked after it.
            assert_eq!(server.requests().last().map(String::as_str), Some(page));
        }
    }
}

#[test]
fn without_a_dump_an_interrupted_capture_leaves_nothing() {
    for page in ["/server_info", "/config_dump?include_eds"] {
        let server = envoy(page, Answer::Stall);
        let desk = Desk::new();
        fs::write(desk.path("x.xdsnap"), "old").unwrap();
        let child = desk.start(&format!("capture -o x.xdsnap {}", server.url()));
        wait_for(&server, page);
        send(&child, Signal::INT);
        let (status, told) = ended(child);
        assert_eq!(status.code(), Some(2), "{told}");
        let last = told.lines().last().unwrap();
        assert!(
            last.starts_with("xdsnap: no config dump came, so no bundle was written: envoy "),
            "{told}"
        );
        assert!(last.ends_with(": interrupted"), "{told}");
        assert_eq!(desk.files(), ["x.xdsnap"]);
        assert_eq!(fs::read(desk.path("x.xdsnap")).unwrap(), b"old");
    }
}

#[test]
fn the_second_signal_ends_at_once_and_says_where_what_came_is() {
    for (first, second, status) in [
        (Signal::INT, Signal::INT, 130),
        (Signal::INT, Signal::TERM, 143),
        (Signal::TERM, Signal::TERM, 143),
    ] {
        let server = envoy("", Answer::Close);
        let desk = Desk::new();
        // It waits for standard input, whatever it is asked.
        let mut child = desk.start(&format!("capture -q -o x.xdsnap {} -", server.url()));
        wait_for(&server, "/server_info");
        let mut told = BufReader::new(child.stderr.take().unwrap());
        let partial = desk.path("x.xdsnap.partial");
        for _ in 0..6000 {
            if recovered(&fs::read(&partial).unwrap_or_default()).len() == 1 {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        send(&child, first);
        let mut line = String::new();
        told.read_line(&mut line).unwrap();
        assert!(line.ends_with("once more ends at once\n"), "{line}");
        send(&child, second);
        line.clear();
        told.read_line(&mut line).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(status));
        let start = "xdsnap: interrupted; what was captured (1 document) is kept in `x.xdsnap.partial`; `xdsnap verify \
                     --recover NEW x.xdsnap.partial` makes a bundle of it";
        assert!(line.starts_with(start), "{line}");
        assert_eq!(desk.files(), ["x.xdsnap.partial"]);
        assert_eq!(desk.run("verify --recover new x.xdsnap.partial").status, 0);
        assert_eq!(documents(&desk.manifest("new")), ["server_info"]);
    }
}

#[test]
fn a_capture_that_is_killed_before_its_first_document_is_in_nobodys_way() {
    let server = envoy("/server_info", Answer::Stall);
    let desk = Desk::new();
    let url = server.url();
    let child = desk.start(&format!("capture -o x.xdsnap {url} --note first"));
    wait_for(&server, "/server_info");
    // Another one, to the same place, at the same time.
    let files = testdata(BEFORE);
    let ran = desk.run(&format!("capture -q -o x.xdsnap {}", files.display()));
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    assert_eq!(desk.files(), ["x.xdsnap", "x.xdsnap.partial"]);
    send(&child, Signal::KILL);
    ended(child);
    let ran = desk.run("verify --recover new x.xdsnap.partial");
    let expected = "xdsnap: x.xdsnap.partial: it holds no document: the capture ended before the first one came; there is \
                    nothing to save, and the next capture to this place takes it over\n";
    assert_eq!((ran.status, ran.err.as_str()), (2, expected));
    for left in [None, Some("")] {
        if let Some(left) = left {
            fs::write(desk.path("x.xdsnap.partial"), left).unwrap();
        }
        let ran = desk.run(&format!("capture -q -o x.xdsnap {}", files.display()));
        assert_eq!((ran.status, ran.err.as_str()), (0, ""));
        assert_eq!(desk.files(), ["x.xdsnap"]);
    }
}

/// What is intact in a file.
fn recovered(bytes: &[u8]) -> Vec<Intact> {
    match recover("x.xdsnap", Cursor::new(bytes)) {
        Ok(mut recovery) => recovery.members().filter_map(Result::ok).collect(),
        Err(_) => Vec::new(),
    }
}
