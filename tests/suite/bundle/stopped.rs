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
    desk::Desk,
    http::{Answer, Server},
    program::{BEFORE, bare, home, recording, testdata},
};

const PROXY: &str = "productpage-v1-6b746f74dc-9stvs.default";

const STATS_PAGE: &str = "/stats?filter=(update_attempt|update_success|update_failure|update_rejected|\
    init_fetch_timeout|version|control_plane)&format=json";

impl Desk {
    /// Starts the program here.
    fn start(&self, args: &str) -> Child {
        bare()
            .args(args.split_whitespace())
            .current_dir(self.0.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
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
}

#[test]
fn the_first_signal_ends_a_capture_with_a_bundle_of_what_came() {
    for signal in [Signal::INT, Signal::TERM] {
        let page = "/listeners?format=json";
        let listeners = recording(&format!("{BEFORE}/envoy/{PROXY}/listeners.json"));
        for answer in [Answer::Stall, Answer::StallHalfway(listeners)] {
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
        // Waiting for the end of a child would close it.
        let input = child.stdin.take();
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
        drop(input);
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

/// A folder of recordings that takes a moment to capture, of several proxies.
static MESH: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    for proxy in 0..PROXIES {
        // What repeats nowhere.
        let noise =
            (0..3_000_u32).map(|n| Sha256::digest([proxy, n].map(u32::to_le_bytes).concat()));
        let noise: String = noise.map(|digest| format!("{digest:x?}")).collect();
        let dump = json!({"configs": [{
            "@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump",
            "bootstrap": {"node": {"id": "x", "metadata": {"noise": noise}}},
        }]});
        let path = folder
            .path()
            .join(format!("envoy/web-{proxy}.shop/config_dump.json"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, dump.to_string()).unwrap();
    }
    folder
});

/// How many proxies that folder has, with a dump each.
const PROXIES: u32 = 4;

/// `capture`, of the folder, to `output`.
fn capture_mesh(output: &Path) -> Command {
    let mut command = bare();
    command
        .args(["capture", "-q", "-o"])
        .arg(output)
        .arg(MESH.path());
    command
}

/// How many members stand in whole frames of a partial file.
fn members_in_whole_frames(bytes: &[u8]) -> usize {
    let magic = 0xFD2F_B528_u32.to_le_bytes();
    let mut starts: Vec<usize> = (0..bytes.len())
        .filter(|at| bytes[*at..].starts_with(&magic))
        .collect();
    starts.push(bytes.len());
    let frames = starts
        .windows(2)
        .filter_map(|ends| zstd::decode_all(&bytes[ends[0]..ends[1]]).ok());
    frames
        .map(|frame| {
            let mut archive = tar::Archive::new(&frame[..]);
            let paths = archive
                .entries()
                .unwrap()
                .map(|entry| entry.unwrap().path_bytes().into_owned());
            paths
                .filter(|path| !path.starts_with(b"manifest.d/"))
                .count()
        })
        .sum()
}

/// Where a capture was when it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Nothing was captured.
    Begun,
    /// Some was captured, or all.
    Captured,
    /// The bundle was being packed.
    Packing,
    /// The bundle was packed.
    Packed,
    /// The bundle was in its place.
    InPlace,
    /// And the partial file was gone.
    Ended,
}

/// Checks what stands after a capture that did not end by itself, and clears it away but for what the next one must cope
/// with.
fn check_remains(path: &Path, bundle: &[u8], whole: &Members) -> Phase {
    let beside = |suffix: &str| path.with_extension(format!("xdsnap.{suffix}"));
    let found = fs::read(path).unwrap();
    assert!(
        found == b"old" || found == bundle,
        "neither the old nor the new"
    );
    let partial = fs::read(beside("partial"));
    let mut members = 0;
    if let Ok(bytes) = &partial {
        let intact = recovered(bytes);
        members = intact.len();
        assert_eq!(
            members,
            members_in_whole_frames(bytes),
            "all that was captured"
        );
        for found in intact {
            assert!(
                found.bytes == whole[&found.entry.path],
                "{}",
                found.entry.path
            );
            assert!(found.entry.origin.file.is_some());
        }
        fs::remove_file(beside("partial")).unwrap();
    }
    let packing = fs::read(beside("packing"));
    match (found == b"old", partial, packing) {
        (false, Err(_), _) => Phase::Ended,
        (false, Ok(_), _) => Phase::InPlace,
        (true, Ok(_), Ok(packed)) => {
            assert_eq!(members, whole.len());
            match packed == bundle {
                true => Phase::Packed,
                false => Phase::Packing,
            }
        }
        (true, _, _) if members > 0 => Phase::Captured,
        (true, _, _) => Phase::Begun,
    }
}

#[test]
fn a_capture_that_is_killed_at_any_moment_leaves_the_old_file_or_the_whole_new_one() {
    use Phase::{Begun, Captured, Ended, InPlace, Packed, Packing};
    let desk = Desk::new();
    let path = desk.path("x.xdsnap");
    assert!(
        capture_mesh(&path)
            .stdout(Stdio::null())
            .status()
            .unwrap()
            .success()
    );
    let bundle = fs::read(&path).unwrap();
    let whole = read_all(&bundle);
    let mut hit: BTreeMap<Phase, usize> = BTreeMap::new();
    let is_enough = |hit: &BTreeMap<Phase, usize>| {
        let often = |phase| hit.get(phase).is_some_and(|times| *times >= 3);
        [Begun, Captured, Packing, Ended].iter().all(often)
    };
    let mut random = 7_u64;
    for round in 0..300_u64 {
        if is_enough(&hit) && round >= 25 {
            break;
        }
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(round);
        let share = (random >> 33) as f64 / (1_u64 << 31) as f64;
        let full = bundle.len() as f64;
        fs::write(&path, "old").unwrap();
        let mut child = capture_mesh(&path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // A moment that lies in the phase that is wanted, if the signal is quick enough.
        let size = |name: &str| desk.path(name).metadata().map_or(0, |found| found.len()) as f64;
        while child.try_wait().unwrap().is_none() {
            let is_time = match round % 5 {
                0 => true,
                1 => size("x.xdsnap.partial") > share * full,
                2 => size("x.xdsnap.packing") > share * full,
                3 => size("x.xdsnap.packing") >= full,
                _ => size("x.xdsnap") >= full,
            };
            if is_time {
                break;
            }
        }
        let pause = match round % 5 {
            0 => (share * 20_000.0) as u64,
            _ => (share * 300.0) as u64,
        };
        thread::sleep(Duration::from_micros(pause));
        // On Unix this is SIGKILL.
        let _ = child.kill();
        child.wait().unwrap();
        *hit.entry(check_remains(&path, &bundle, &whole))
            .or_default() += 1;
    }
    println!("{hit:?}");
    assert!(is_enough(&hit), "{hit:?}");
    assert!(
        hit.contains_key(&InPlace) || hit.contains_key(&Packed),
        "{hit:?}"
    );
    // Nothing that a killed one left is in the way, or stays.
    assert!(
        capture_mesh(&path)
            .stdout(Stdio::null())
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(desk.files(), ["x.xdsnap"]);
}

/// A command that the shell runs after `before`.
fn in_shell(before: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(format!("{before}; exec \"$@\""))
        .arg("sh")
        .arg(command.get_program())
        .args(command.get_args())
        .env("XDG_STATE_HOME", home());
    shell
}

#[test]
fn a_quota_that_is_used_up_leaves_the_old_file_and_what_was_captured() {
    use std::os::unix::process::ExitStatusExt;
    const SIGXFSZ: i32 = 25;
    let desk = Desk::new();
    let path = desk.path("x.xdsnap");
    assert!(
        capture_mesh(&path)
            .stdout(Stdio::null())
            .status()
            .unwrap()
            .success()
    );
    let bundle = fs::read(&path).unwrap();
    let whole = read_all(&bundle);
    // A file can get no larger than so many blocks of 512 bytes.
    let most = bundle.len() / 512;
    for (blocks, kept) in [(0, false), (1, false), (most / 2, true), (most - 1, true)] {
        for trap in ["trap '' XFSZ; ", ""] {
            fs::write(&path, "old").unwrap();
            let limits = format!("{trap}ulimit -c 0; ulimit -f {blocks}");
            let output = in_shell(&limits, &capture_mesh(&path)).output().unwrap();
            let text = String::from_utf8(output.stderr).unwrap();
            let is_killed = trap.is_empty();
            let expected = (!is_killed).then_some(2);
            assert_eq!(output.status.code(), expected, "{blocks} blocks: {text}");
            if is_killed {
                assert_eq!(output.status.signal(), Some(SIGXFSZ));
            } else {
                assert_eq!(text.lines().count(), 1, "{text}");
                assert!(
                    text.contains("cannot write `") && text.contains(": File too large"),
                    "{text}"
                );
                let is_named =
                    text.contains("x.xdsnap.partial` makes a bundle of it, for which up to ");
                assert_eq!(is_named, kept, "{text}");
                assert_eq!(desk.path("x.xdsnap.partial").exists(), kept);
            }
            let phase = check_remains(&path, &bundle, &whole);
            assert_eq!(phase == Phase::Captured, kept, "{blocks} blocks: {phase:?}");
        }
    }
    // What is recovered is still where it was, so nothing of it stays.
    fs::write(desk.path("left.partial"), partial_mesh(&desk)).unwrap();
    for blocks in [0, most / 2] {
        let command = ["verify", "--recover", "new", "left.partial"];
        let mut verify = bare();
        verify.args(command);
        let mut limited = in_shell(&format!("trap '' XFSZ; ulimit -f {blocks}"), &verify);
        let output = limited.current_dir(desk.0.path()).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert_eq!(text, "xdsnap: cannot write `new.partial`: File too large\n");
        assert_eq!(desk.files(), ["left.partial", "x.xdsnap"]);
    }
}

/// The partial file of the folder, with everything in it.
fn partial_mesh(desk: &Desk) -> Vec<u8> {
    let path = desk.path("y.xdsnap");
    let packing = desk.path("y.xdsnap.packing");
    fs::create_dir(&packing).unwrap();
    let ran = capture_mesh(&path).output().unwrap();
    assert_eq!(ran.status.code(), Some(2));
    fs::remove_dir(packing).unwrap();
    let partial = desk.path("y.xdsnap.partial");
    let bytes = fs::read(&partial).unwrap();
    fs::remove_file(partial).unwrap();
    bytes
}

/// Runs a script in a namespace where it can mount what it likes, if there can be one.
fn in_namespace(script: &str, args: &[&OsStr]) -> Option<std::process::Output> {
    [["-rm"].as_slice(), &["-m"]].iter().find_map(|flags| {
        let mut probe = Command::new("unshare");
        probe
            .args(*flags)
            .args(["sh", "-c", "mount -t tmpfs none /mnt"]);
        if !probe.output().is_ok_and(|ran| ran.status.success()) {
            return None;
        }
        let mut command = Command::new("unshare");
        command
            .env("XDG_STATE_HOME", home())
            .args(*flags)
            .args(["sh", "-c", script, "sh"])
            .args(args);
        Some(command.output().unwrap())
    })
}

#[test]
fn a_disk_that_is_full_at_any_stage_leaves_the_old_file_and_what_was_captured() {
    let desk = Desk::new();
    let whole = desk.path("whole");
    assert!(
        capture_mesh(&whole)
            .stdout(Stdio::null())
            .status()
            .unwrap()
            .success()
    );
    let (bundle, partial) = (
        whole.metadata().unwrap().len(),
        partial_mesh(&desk).len() as u64,
    );
    let script = "mount -t tmpfs -o size=$1k none /mnt && cd /mnt && echo old > x.xdsnap || exit 9
        \"$2\" capture -q -o x.xdsnap \"$3\"; echo capture $?
        ls -A; cat x.xdsnap
        \"$2\" verify --recover new x.xdsnap.partial; echo here $?
        \"$2\" verify --recover \"$4\" x.xdsnap.partial; echo elsewhere $?
        ls -A";
    // Room for half of the partial file; for all of it and half of the bundle; and for a little less than both.
    for (room, file, members) in [
        (partial / 2, "x.xdsnap.partial", None),
        (partial + bundle / 2, "x.xdsnap", Some(PROXIES as usize)),
        (
            partial + bundle - (bundle >> 3),
            "x.xdsnap",
            Some(PROXIES as usize),
        ),
    ] {
        let saved = desk.path("saved");
        let _ = fs::remove_file(&saved);
        let room = (room >> 10).to_string();
        let program = OsStr::new(env!("CARGO_BIN_EXE_xdsnap"));
        let args = [
            OsStr::new(&room),
            program,
            MESH.path().as_os_str(),
            saved.as_os_str(),
        ];
        let Some(ran) = in_namespace(script, &args) else {
            // The limit on the size of files, above, is what can be had here.
            return;
        };
        let (out, told) = (
            String::from_utf8(ran.stdout).unwrap(),
            String::from_utf8(ran.stderr).unwrap(),
        );
        let left = "x.xdsnap\nx.xdsnap.partial\n";
        let start = format!("capture 2\n{left}old\nhere 2\n");
        assert!(out.starts_with(&start), "{room} KiB: {out}{told}");
        assert!(
            out.ends_with(&format!("elsewhere 0\n{left}")),
            "{room} KiB: {out}{told}"
        );
        let mut told = told.lines();
        let first = told.next().unwrap();
        let start =
            format!("xdsnap: cannot write `{file}`: No space left on device; what was captured (");
        assert!(first.starts_with(&start), "{room} KiB: {first}");
        assert!(
            first.contains(" makes a bundle of it, for which up to "),
            "{first}"
        );
        let second = told.next().unwrap();
        assert!(second.starts_with("xdsnap: cannot write `new"), "{second}");
        let manifest = desk.manifest("saved");
        assert!(
            members.is_none_or(|members| members == manifest.members.len()),
            "{room} KiB"
        );
        assert!(!manifest.members.is_empty());
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named_before_anybody_is_asked() {
    use std::os::unix::fs::PermissionsExt;
    let server = envoy("", Answer::Close);
    let desk = Desk::new();
    let locked = desk.path("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).unwrap();
    let url = server.url();
    let check = |ran: std::process::Output, file: &Path| {
        let told = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(2), "{told}");
        let start = format!("xdsnap: cannot write `{}.partial`: ", file.display());
        assert!(
            told.starts_with(&start) && told.lines().count() == 1,
            "{told}"
        );
        assert_eq!(server.requests(), [""; 0]);
    };
    let capture = |file: &Path| {
        let mut command = bare();
        command.args(["capture", "-o"]).arg(file).arg(&url);
        command
    };
    // Nobody makes files here, not even the superuser.
    let file = Path::new("/proc/self/x.xdsnap");
    if cfg!(target_os = "linux") {
        check(capture(file).output().unwrap(), file);
    }
    // The superuser writes in every folder, but for one without this capability.
    let file = locked.join("x.xdsnap");
    let under: &[&str] = match rustix::process::geteuid().is_root() {
        true => &["setpriv", "--bounding-set=-dac_override"],
        false => &["env"],
    };
    let mut probe = Command::new(under[0]);
    probe
        .args(&under[1..])
        .args(["touch", "x"])
        .current_dir(&locked);
    let probe = probe.output().unwrap();
    assert!(!probe.status.success(), "{probe:?}");
    let command = capture(&file);
    let mut limited = Command::new(under[0]);
    limited
        .args(&under[1..])
        .arg(command.get_program())
        .args(command.get_args())
        .env("XDG_STATE_HOME", home());
    check(limited.output().unwrap(), &file);
    // A disk without room for another file, or that is mounted to be read only.
    let script = "mount -t tmpfs -o ro none /mnt && exec \"$1\" capture -o /mnt/x.xdsnap \"$2\"";
    let args = [OsStr::new(env!("CARGO_BIN_EXE_xdsnap")), OsStr::new(&url)];
    if let Some(ran) = in_namespace(script, &args) {
        check(ran, Path::new("/mnt/x.xdsnap"));
    }
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(fs::read_dir(&locked).unwrap().count(), 0);
}
