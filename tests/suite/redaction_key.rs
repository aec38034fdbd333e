//! Whose key makes tokens: the user's own, made once; a team's; one that is thrown away. And when nothing is taken out.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Stdio,
    thread,
};

use assert_cmd::Command;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{
    capture::{envoy_routes, with},
    support::{
        http::{Answer, Server},
        program::{BEFORE, Ran, run, xdsnap},
    },
};

const SECRET: &str = "hunter2-correct-horse";

/// A folder to work in, with a home of its own.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        fs::create_dir(desk.path("home")).unwrap();
        fs::create_dir(desk.path("tmp")).unwrap();
        fs::write(desk.path("a.json"), dump(SECRET)).unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The command, as somebody types it whose home this is.
    fn command(&self, args: &str) -> Command {
        let mut command = xdsnap(args.split_whitespace());
        command
            .current_dir(self.0.path())
            .env_remove("XDG_STATE_HOME")
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"));
        command
    }

    fn run(&self, args: &str) -> Ran {
        run(&mut self.command(args))
    }

    fn key(&self) -> PathBuf {
        self.path("home/.local/state/xdsnap/redaction.key")
    }
}

/// A dump with one secret, which every version of the rules takes out.
fn dump(secret: &str) -> String {
    json!({"configs": [{
        "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
        "dynamic_active_clusters": [{"cluster": {
            "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            "name": "web",
            "transport_socket": {"name": "tls", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                "common_tls_context": {"tls_certificates": [{
                    "private_key": {"inline_string": secret}
                }]}
            }}
        }}]
    }]})
    .to_string()
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

/// What stands in the place of the secret.
fn token(ran: &Ran) -> String {
    let (_, rest) = ran
        .out
        .split_once("[redacted:")
        .unwrap_or_else(|| panic!("{ran:?}"));
    rest.split_once(']').unwrap().0.to_owned()
}

#[test]
fn the_key_is_made_on_first_use_for_its_owner_alone() {
    let desk = Desk::new();
    let first = desk.run("normalize a.json");
    assert_eq!((first.status, first.err.as_str()), (0, ""));
    assert!(!first.out.contains(SECRET));
    assert_eq!(mode(&desk.key()), 0o600);
    assert_eq!(mode(desk.key().parent().unwrap()), 0o700);
    let text = fs::read_to_string(desk.key()).unwrap();
    let digits = text.strip_suffix('\n').unwrap();
    assert!(digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()));
    assert_eq!(
        fs::read_dir(desk.key().parent().unwrap()).unwrap().count(),
        1
    );
    // Equal secrets stay equal from run to run, and nothing of the key is printed.
    let second = desk.run("normalize a.json");
    assert_eq!(first.out, second.out);
    assert!(!first.out.contains(&digits[..8]));
    // Another user has another key.
    assert_ne!(token(&first), token(&Desk::new().run("normalize a.json")));
    // XDG_STATE_HOME is where state is, if it says so; a relative one says nothing.
    let state = desk.path("state");
    let ran = run(desk
        .command("normalize a.json")
        .env("XDG_STATE_HOME", &state));
    assert_ne!(token(&ran), token(&first));
    assert!(state.join("xdsnap/redaction.key").exists());
    let ran = run(desk
        .command("normalize a.json")
        .env("XDG_STATE_HOME", "tmp"));
    assert_eq!(token(&ran), token(&first));
}

#[test]
fn commands_that_redact_nothing_make_no_key() {
    let desk = Desk::new();
    assert_eq!(desk.run("capture -q -o a.xdsnap a.json").status, 0);
    fs::remove_dir_all(desk.path("home/.local")).unwrap();
    for args in [
        "",
        "help",
        "help capture",
        "rules",
        "rules --redaction -o markdown",
        "info a.xdsnap",
        "info a.json",
        "verify a.xdsnap",
        "extract a.xdsnap --output-dir out",
        "redact --dry-run a.json",
        "capture -o json a.json",
        "capture --no-redact a.json",
        "diff --show-secrets a.json a.json",
        "normalize a.json --redaction-key none",
    ] {
        let ran = desk.run(args);
        assert!(!ran.out.contains(SECRET), "{args}: {ran:?}");
        assert!(!desk.path("home/.local").exists(), "{args}: {ran:?}");
    }
}

#[test]
fn twenty_first_runs_at_once_agree_on_one_key() {
    let desk = Desk::new();
    let threads: Vec<_> = (0..20)
        .map(|_| {
            let mut command = desk.command("normalize a.json");
            thread::spawn(move || run(&mut command))
        })
        .collect();
    let tokens: Vec<String> = threads
        .into_iter()
        .map(|thread| token(&thread.join().unwrap()))
        .collect();
    assert!(tokens.iter().all(|found| *found == tokens[0]), "{tokens:?}");
    assert_eq!(token(&desk.run("normalize a.json")), tokens[0]);
    assert_eq!(
        fs::read_dir(desk.key().parent().unwrap()).unwrap().count(),
        1
    );
}

#[test]
fn a_broken_key_is_one_line_and_never_written_over() {
    let desk = Desk::new();
    desk.run("normalize a.json");
    let key = desk.key();
    let digits = "ab".repeat(32);
    for content in [
        "",
        "\n",
        "ab",
        "not a key at all: hunter2",
        &format!("{digits}{digits}"),
        &"ab".repeat(100_000),
    ] {
        fs::write(&key, content).unwrap();
        let ran = desk.run("capture -o x.xdsnap a.json");
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{ran:?}");
        assert_eq!(ran.err.lines().count(), 1, "{ran:?}");
        assert!(
            ran.err.contains("no key (expected 64 hexadecimal digits"),
            "{ran:?}"
        );
        assert!(ran.err.contains("move it away"), "{ran:?}");
        assert!(
            !ran.err.contains("hunter2") && !ran.err.contains("abab"),
            "{ran:?}"
        );
        assert_eq!(fs::read_to_string(&key).unwrap(), content);
        assert!(!desk.path("x.xdsnap").exists());
    }
    fs::remove_file(&key).unwrap();
    fs::create_dir(&key).unwrap();
    let ran = desk.run("normalize a.json");
    assert!(
        ran.status == 2 && ran.err.contains("no regular file"),
        "{ran:?}"
    );
    fs::remove_dir(&key).unwrap();
    for target in ["/dev/zero", "/dev/null", "nothing"] {
        symlink(target, &key).unwrap();
        let ran = desk.run("normalize a.json");
        assert_eq!(ran.status, 2, "{target}: {ran:?}");
        assert_eq!(ran.err.lines().count(), 1, "{target}: {ran:?}");
        fs::remove_file(&key).unwrap();
    }
    let made = std::process::Command::new("mkfifo").arg(&key).status();
    assert!(made.unwrap().success());
    let ran = desk.run("normalize a.json");
    assert!(
        ran.status == 2 && ran.err.contains("no regular file"),
        "{ran:?}"
    );
}

#[test]
fn where_no_key_can_be_kept_one_is_thrown_away_and_that_is_said() {
    let desk = Desk::new();
    fs::write(desk.path("file"), "").unwrap();
    let homes = [None, Some("/proc/self"), Some("/dev/null"), Some("file")];
    let mut tokens = Vec::new();
    for home in homes {
        let mut command = desk.command("normalize a.json");
        match home {
            None => command.env_remove("HOME"),
            // A relative home is none.
            Some(home) => command.env("HOME", home),
        };
        let ran = run(&mut command);
        assert_eq!(ran.status, 0, "{home:?}: {ran:?}");
        assert_eq!(ran.err.lines().count(), 1, "{home:?}: {ran:?}");
        assert!(
            ran.err.contains("a key of this run alone"),
            "{home:?}: {ran:?}"
        );
        tokens.push(token(&ran));
    }
    let ran = desk.run("normalize a.json --redaction-key none");
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    tokens.push(token(&ran));
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), homes.len() + 1, "each is another one");
}

#[test]
fn a_key_that_others_can_read_is_warned_of_with_what_to_type() {
    let desk = Desk::new();
    desk.run("normalize a.json");
    let key = desk.key();
    let first = fs::read(&key).unwrap();
    for open in [0o640, 0o604, 0o666] {
        fs::set_permissions(&key, fs::Permissions::from_mode(open)).unwrap();
        let ran = desk.run("normalize a.json");
        assert_eq!(ran.status, 0);
        let advice = format!("chmod 600 {}", key.display());
        assert!(ran.err.contains("others can read this key"), "{ran:?}");
        assert!(ran.err.trim_end().ends_with(&advice), "{ran:?}");
    }
    assert_eq!(fs::read(&key).unwrap(), first);
    // A team may share by its group.
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    fs::rename(&key, desk.path("team.key")).unwrap();
    let with_key = "normalize a.json --redaction-key-file team.key";
    assert_eq!(desk.run(with_key).err, "");
    fs::set_permissions(desk.path("team.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let ran = desk.run(with_key);
    assert!(ran.err.contains("chmod o= team.key"), "{ran:?}");
}

#[test]
fn a_key_file_is_shared_by_flag_or_variable() {
    let desk = Desk::new();
    let missing = desk.run("normalize a.json --redaction-key-file team.key");
    assert_eq!(missing.status, 2);
    assert_eq!(
        missing.err,
        "xdsnap: --redaction-key-file: `team.key`: there is no such key file; make one (openssl rand -hex 32 > \
         team.key), or copy that of a colleague or your own\n"
    );
    fs::write(desk.path("team.key"), "0123456789abcdef".repeat(4)).unwrap();
    fs::set_permissions(desk.path("team.key"), fs::Permissions::from_mode(0o600)).unwrap();
    let ran = desk.run("normalize a.json --redaction-key-file team.key");
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    let variable = run(desk
        .command("normalize a.json")
        .env("XDSNAP_REDACTION_KEY_FILE", "team.key"));
    assert_eq!(variable.out, ran.out);
    assert!(!desk.key().exists(), "the user's own is not needed");
    let none = run(desk
        .command("normalize a.json --redaction-key none")
        .env("XDSNAP_REDACTION_KEY_FILE", "team.key"));
    assert_ne!(none.out, ran.out);
    let gone = run(desk
        .command("normalize a.json")
        .env("XDSNAP_REDACTION_KEY_FILE", "gone.key"));
    assert!(
        gone.err
            .starts_with("xdsnap: XDSNAP_REDACTION_KEY_FILE: `gone.key`"),
        "{gone:?}"
    );
    // Every command that reads inputs takes it; a key that was typed is not repeated.
    desk.run("capture -q -o a.xdsnap a.json");
    let digits = "0123456789abcdef".repeat(4);
    for command in [
        "capture -o b.xdsnap a.json",
        "diff a.json a.json",
        "status a.json",
        "show a.json",
        "normalize a.json",
        "redact a.json",
    ] {
        let ran = desk.run(&format!("{command} --redaction-key {digits}"));
        assert_eq!(ran.status, 2, "{command}");
        assert!(
            ran.err.contains("--redaction-key: expected `none`"),
            "{ran:?}"
        );
        assert!(!ran.err.contains("0123"), "{ran:?}");
        let ran = desk.run(&format!("{command} --redaction-key-file {digits}"));
        assert_eq!(ran.status, 2, "{command}");
        assert!(ran.err.contains("there is no such key file"), "{ran:?}");
    }
}

#[test]
fn the_manifest_names_rules_counts_and_key_and_no_value() {
    let desk = Desk::new();
    let ran = desk.run("capture -o a.xdsnap a.json");
    assert!(ran.err.contains(", 1 value redacted"), "{ran:?}");
    let fingerprint = token(&desk.run("normalize a.json"))[..8].to_owned();
    let info = desk.run("info a.xdsnap");
    let line = format!("redacted  1 value with key {fingerprint}: 1 annotated-fields\n");
    assert!(info.out.contains(&line), "{info:?}");
    let info = desk.run("info a.xdsnap -o json").json();
    assert_eq!(info["redaction"]["by_rule"], json!({"annotated-fields": 1}));
    assert_eq!(info["redaction"]["keys"], json!([fingerprint]));
    assert_eq!(info["redaction"]["off"], false);
    let manifest: Value = manifest(&desk, "a.xdsnap");
    assert_eq!(manifest["redaction"]["values"], 1);
    assert_eq!(
        manifest["members"][0]["redacted_by"],
        json!({"annotated-fields": 1})
    );
    assert_eq!(manifest["redaction"].get("off"), None);

    // A bundle made of two names both keys, and what was counted in both.
    fs::write(desk.path("b.json"), dump("another")).unwrap();
    desk.run("capture -q -o b.xdsnap --redaction-key none --envoy b=b.json");
    let ran = desk.run("capture -q -o both.xdsnap a.xdsnap b.xdsnap");
    assert_eq!(ran.status, 0, "{ran:?}");
    let info = desk.run("info both.xdsnap -o json").json();
    assert_eq!(info["redaction"]["values"], 2);
    assert_eq!(
        info["redaction"]["keys"].as_array().unwrap().len(),
        2,
        "{info}"
    );
    assert!(desk.run("info both.xdsnap").out.contains("with keys "));
}

fn manifest(desk: &Desk, bundle: &str) -> Value {
    let bytes = zstd::decode_all(fs::File::open(desk.path(bundle)).unwrap()).unwrap();
    let mut archive = tar::Archive::new(&bytes[..]);
    let first = archive.entries().unwrap().next().unwrap().unwrap();
    serde_json::from_reader(first).unwrap()
}

#[test]
fn a_raw_dump_compares_with_a_bundle_and_a_rotated_secret_shows() {
    let desk = Desk::new();
    desk.run("capture -q -o a.xdsnap a.json");
    fs::write(desk.path("b.json"), dump("rotated")).unwrap();
    let same = desk.run("diff a.xdsnap a.json");
    assert!(!same.out.contains(SECRET) && !same.out.contains("rotated"));
    let rotated = desk.run("diff a.xdsnap b.json");
    assert!(!rotated.out.contains(SECRET) && !rotated.out.contains("rotated"));
    // The canonical forms tell them apart by the key of the user.
    let form = |input: &str| token(&desk.run(&format!("normalize {input}")));
    assert_eq!(form("a.xdsnap"), form("a.json"));
    assert_ne!(form("a.xdsnap"), form("b.json"));
}

#[test]
fn nothing_is_kept_in_clear_without_consent() {
    let desk = Desk::new();
    for value in ["--no-redact", "--no-redact=yes", "--no-redact=no"] {
        let ran = desk.run(&format!("capture {value} -o a.xdsnap a.json"));
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{ran:?}");
        assert!(ran.err.contains("yes-it-holds-secrets"), "{ran:?}");
        assert_eq!(ran.err.lines().count(), 1, "{ran:?}");
        assert!(!desk.path("a.xdsnap").exists());
    }
    let ran = desk.run("capture --no-redact=yes-it-holds-secrets -o a.xdsnap a.json");
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(
        ran.err.contains("NOT REDACTED: it holds secrets in clear"),
        "{ran:?}"
    );
    let saved = manifest(&desk, "a.xdsnap");
    assert_eq!(
        saved["redaction"],
        json!({"rules": [], "values": 0, "off": true})
    );
    assert_eq!(saved["members"][0].get("redacted"), None);
    let info = desk.run("info a.xdsnap");
    assert!(
        info.out
            .contains("redacted  NOTHING: it holds private keys"),
        "{info:?}"
    );
    assert_eq!(
        desk.run("info a.xdsnap -o json").json()["redaction"]["off"],
        true
    );
    // What is printed of it is redacted with the key of the user, like a dump.
    let printed = desk.run("normalize a.xdsnap");
    assert!(!printed.out.contains(SECRET));
    assert_eq!(token(&printed), token(&desk.run("normalize a.json")));
    let diff = desk.run("diff -o json a.xdsnap a.json");
    assert!(diff.status != 2 && !diff.out.contains(SECRET), "{diff:?}");
    // Captured again, it is a redacted bundle, and so it is by `redact`.
    for (make, new) in [
        ("capture -q -o b.xdsnap a.xdsnap", "b.xdsnap"),
        ("redact -q -o c.xdsnap a.xdsnap", "c.xdsnap"),
    ] {
        assert_eq!(desk.run(make).status, 0);
        let saved = manifest(&desk, new);
        assert_eq!(saved["redaction"]["values"], 1);
        assert_eq!(saved["redaction"].get("off"), None);
        let bytes = zstd::decode_all(fs::File::open(desk.path(new)).unwrap()).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains(SECRET));
    }
    // Unpacked it is what it is, and that is said.
    let ran = desk.run("extract a.xdsnap --output-dir out");
    assert!(ran.err.contains("secrets in clear"), "{ran:?}");
}

/// Runs the program on a terminal, where somebody types `answer`; what the terminal shows.
fn on_terminal(desk: &Desk, args: &str, answer: &str) -> (i32, String) {
    const SCRIPT: &str = r#"
import os, pty, sys
answer, program, args = sys.argv[1], sys.argv[2], sys.argv[3:]
child, terminal = pty.fork()
if child == 0:
    os.execv(program, [program] + args)
if answer:
    os.write(terminal, (answer + "\n").encode())
shown = b""
while True:
    try:
        piece = os.read(terminal, 4096)
    except OSError:
        break
    if not piece:
        break
    shown += piece
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.stdout.buffer.write(shown)
sys.exit(status)
"#;
    let output = std::process::Command::new("python3")
        .args(["-c", SCRIPT, answer, env!("CARGO_BIN_EXE_xdsnap")])
        .args(args.split_whitespace())
        .current_dir(desk.0.path())
        .env("HOME", desk.path("home"))
        .env_remove("XDG_STATE_HOME")
        .env("PAGER", "cat")
        .output()
        .unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), shown)
}

#[test]
fn on_a_terminal_one_is_asked_and_the_answer_is_no_unless_it_is_yes() {
    let desk = Desk::new();
    for answer in ["", "n", "no", "maybe", "yess"] {
        let typed = if answer.is_empty() { " " } else { answer };
        let (status, shown) = on_terminal(&desk, "capture --no-redact -o a.xdsnap a.json", typed);
        assert!(
            status == 2 && shown.contains("Keep them? [y/N]"),
            "{answer}: {shown}"
        );
        assert!(!desk.path("a.xdsnap").exists(), "{answer}");
    }
    let (status, shown) = on_terminal(&desk, "capture --no-redact -o a.xdsnap a.json", "yes");
    assert_eq!(status, 0, "{shown}");
    assert_eq!(manifest(&desk, "a.xdsnap")["redaction"]["off"], true);
}

#[test]
fn secrets_are_shown_on_a_terminal_or_to_who_says_so() {
    let desk = Desk::new();
    fs::write(desk.path("b.json"), dump("rotated")).unwrap();
    for command in [
        "diff a.json b.json",
        "normalize a.json",
        "show a.json",
        "status a.json",
    ] {
        let ran = desk.run(&format!("{command} --show-secrets"));
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{ran:?}");
        assert!(
            ran.err.contains("--show-secrets=yes-it-holds-secrets"),
            "{ran:?}"
        );
    }
    let all = desk.run("normalize a.json --show-secrets=yes-it-holds-secrets");
    assert!(all.out.contains(SECRET) && all.err.is_empty(), "{all:?}");
    let diff = desk.run("diff a.json b.json --show-secrets=yes-it-holds-secrets");
    assert!(
        diff.out.contains(SECRET) && diff.out.contains("rotated"),
        "{diff:?}"
    );
    let (_, shown) = on_terminal(&desk, "normalize a.json --show-secrets", "");
    assert!(shown.contains(SECRET), "{shown}");
    // A file is no terminal, whatever standard output is.
    let (status, shown) = on_terminal(&desk, "normalize a.json --show-secrets --output-dir x", "");
    assert!(status == 2 && !desk.path("x").exists(), "{shown}");
    // What is not there cannot be shown.
    desk.run("capture -q -o a.xdsnap a.json");
    let ran = desk.run("normalize a.xdsnap --show-secrets=yes-it-holds-secrets");
    assert!(
        ran.out.contains("[redacted:") && !ran.out.contains(SECRET),
        "{ran:?}"
    );
    assert!(
        ran.err
            .contains("a.xdsnap: what was redacted when it was captured"),
        "{ran:?}"
    );
}

/// Every file below `folder`, with what it holds, also unpacked.
fn holds(folder: &Path, needle: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holds(&path, needle));
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let mut unpacked = Vec::new();
        if let Ok(mut decoder) = zstd::Decoder::new(&bytes[..]) {
            // What a killed program leaves may end anywhere.
            let _ = std::io::copy(&mut decoder, &mut unpacked);
        }
        let is_in = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(needle);
        if is_in(&bytes) || is_in(&unpacked) {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_capture_that_is_killed_within_a_document_leaves_no_secret_anywhere() {
    let desk = Desk::new();
    fs::remove_file(desk.path("a.json")).unwrap();
    let proxy = "productpage-v1-6b746f74dc-9stvs.default";
    // A document larger than what is held in memory, of which half comes: the secrets are in that half.
    let mut big = dump(SECRET);
    big.truncate(big.rfind("]}]}").unwrap());
    let one = &dump(SECRET)[dump(SECRET).find("{\"cluster\"").unwrap()..];
    let one = &one[..one.rfind("]}]}").unwrap()];
    while big.len() < 24 << 20 {
        big.push(',');
        big.push_str(one);
    }
    big.push_str("]}]}");
    let page = "/config_dump?include_eds";
    let routes = with(
        envoy_routes(BEFORE, proxy),
        page,
        Answer::StallHalfway(big.into_bytes()),
    );
    let server = Server::start(routes);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_xdsnap"));
    let mut child = command
        .args(["capture", "-q", "-o", "x.xdsnap", &server.url()])
        .current_dir(desk.0.path())
        .env("HOME", desk.path("home"))
        .env_remove("XDG_STATE_HOME")
        .env("TMPDIR", desk.path("tmp"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let stat = format!("/proc/{}/stat", child.id());
    let is_idle = || fs::read_to_string(&stat).unwrap().contains(") S ");
    while !server.requests().iter().any(|asked| asked == page) {
        thread::sleep(std::time::Duration::from_millis(10));
    }
    // Until what came is worked up.
    let mut idle = 0;
    while idle < 20 {
        thread::sleep(std::time::Duration::from_millis(20));
        idle = if is_idle() { idle + 1 } else { 0 };
    }
    // Nobody writes its memory to a file either.
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let words: Vec<&str> = core.unwrap().split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{limits}");
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    assert!(!child.wait().unwrap().success());
    assert!(desk.path("x.xdsnap.partial").exists());
    assert_eq!(holds(desk.0.path(), SECRET), Vec::<PathBuf>::new());
    // What is looked for is found where it is.
    fs::write(
        desk.path("a.json.zst"),
        zstd::encode_all(SECRET.as_bytes(), 1).unwrap(),
    )
    .unwrap();
    assert_eq!(holds(desk.0.path(), SECRET).len(), 1);
}
