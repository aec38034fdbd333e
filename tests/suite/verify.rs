//! `xdsnap verify`: what is wrong with a bundle is named, what is intact of a damaged one is saved, and what is no bundle
//! is called what it is.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use serde_json::json;
use xdsnap::bundle::{MemberPath, Provenance, Writer};

use crate::support::program::{BEFORE, Ran, recording, run, testdata, xdsnap};

const REVIEWS: &str = "envoy/reviews-v1-545db77b95-2k8ls.default/config_dump.json";

/// A bundle of three proxies, whole.
static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.xdsnap");
    let ran = run(xdsnap(["capture", "-q", "-o"])
        .arg(&path)
        .arg(testdata(BEFORE)));
    assert_eq!(ran.status, 0, "{}", ran.err);
    fs::read(path).unwrap()
});

/// A folder in which the program runs.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        for (name, bytes) in files {
            fs::write(desk.path(name), bytes).unwrap();
        }
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs the program; `args` are separated by spaces.
    fn run(&self, args: &str) -> Ran {
        run(xdsnap(args.split_whitespace()).current_dir(self.0.path()))
    }

    fn files(&self) -> Vec<String> {
        let entries = self.0.path().read_dir().unwrap();
        let name = |entry: std::io::Result<fs::DirEntry>| {
            entry.unwrap().file_name().into_string().unwrap()
        };
        let mut names: Vec<String> = entries.map(name).collect();
        names.sort();
        names
    }
}

/// The whole bundle with other bytes in the place of some.
fn altered(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut bundle = WHOLE.clone();
    bundle[at..at + bytes.len()].copy_from_slice(bytes);
    bundle
}

fn tar(folder: &Path, args: &[&str]) {
    let status = Command::new("tar").args(args).current_dir(folder).status();
    assert!(status.unwrap().success());
}

/// The whole bundle, unpacked by stock tools, changed, and packed by them.
fn packed_again(change: impl FnOnce(&Path)) -> Vec<u8> {
    let desk = Desk::new(&[("x.xdsnap", &WHOLE)]);
    let folder = desk.path("x");
    fs::create_dir(&folder).unwrap();
    tar(&folder, &["--zstd", "-xf", "../x.xdsnap"]);
    change(&folder);
    tar(&folder, &["--zstd", "-cf", "../y.xdsnap", "."]);
    fs::read(desk.path("y.xdsnap")).unwrap()
}

fn edit_manifest(folder: &Path, edit: impl FnOnce(&mut serde_json::Value)) {
    let path = folder.join("manifest.json");
    let mut manifest = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    edit(&mut manifest);
    fs::write(path, serde_json::to_vec(&manifest).unwrap()).unwrap();
}

/// Where the frame begins that holds this byte.
fn frame_starts() -> Vec<usize> {
    let magic = 0xFD2F_B528_u32.to_le_bytes();
    let starts = 0..WHOLE.len();
    starts
        .filter(|at| WHOLE[*at..].starts_with(&magic))
        .collect()
}

/// What a capture leaves that ends after these documents.
fn partial(documents: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(&folder.path().join("x.xdsnap")).unwrap();
    for document in documents {
        let path: MemberPath = document.parse().unwrap();
        let body = recording(&format!("{BEFORE}/{document}"));
        let provenance = Provenance::of_file(document);
        writer.member(path, provenance, &mut &body[..]).unwrap();
    }
    fs::read(writer.partial_path()).unwrap()
}

#[test]
fn what_is_wrong_is_named_and_told_by_the_exit_status() {
    let starts = frame_starts();
    let reversed = packed_again(|folder| {
        edit_manifest(folder, |manifest| {
            manifest["proxies"].as_array_mut().unwrap().reverse();
        });
    });
    let changed = packed_again(|folder| {
        let path = folder.join(REVIEWS);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text.replacen(": 95", ": 59", 1)).unwrap();
    });
    for (what, bytes, status, verdict, finding) in [
        ("whole", WHOLE.clone(), 0, "intact, 23 documents", ""),
        (
            "packed again",
            packed_again(|_| {}),
            0,
            "intact, 23 documents, format 1, 2 notes",
            "note    seek table: there is no seek table",
        ),
        (
            "against a rule",
            reversed,
            1,
            "irregular, 23 documents",
            "warning manifest.json: `proxies` is not sorted",
        ),
        (
            "a number in a dump",
            changed,
            1,
            "damaged, 22 of 23 documents intact",
            "2k8ls.default/config_dump.json: altered: its",
        ),
        (
            "the first byte",
            altered(0, b"X"),
            1,
            "damaged, 1 error",
            "error   archive: damaged: it does not begin as a bundle",
        ),
        (
            "the manifest",
            altered(starts[1] - 2, b"XX"),
            1,
            "damaged, 1 error",
            "error   manifest.json: damaged: zstd",
        ),
        (
            "the seek table",
            altered(WHOLE.len() - 20, b"XX"),
            1,
            "damaged, 23 documents",
            "seek table",
        ),
        (
            "the end",
            WHOLE[..starts[2]].to_vec(),
            1,
            "damaged, 3 of 23 documents intact",
            "truncated: the file ends",
        ),
    ] {
        let desk = Desk::new(&[("x.xdsnap", &bytes)]);
        let ran = desk.run("verify x.xdsnap");
        assert_eq!((ran.status, ran.err.as_str()), (status, ""), "{what}");
        let last = ran.last_line();
        assert!(
            last.starts_with(&format!("x.xdsnap: {verdict}")),
            "{what}: {last}"
        );
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            words(&ran.out).contains(&words(finding)),
            "{what}: {}",
            ran.out
        );
        assert_eq!(desk.files(), ["x.xdsnap"], "{what}");
    }
}

#[test]
fn several_files_are_verified_and_what_is_no_bundle_among_them_is_an_error() {
    let cut = &WHOLE[..WHOLE.len() / 2];
    let desk = Desk::new(&[("a.xdsnap", &WHOLE), ("b.xdsnap", cut), ("c", b"{}")]);
    let ran = desk.run("verify a.xdsnap b.xdsnap");
    assert_eq!(ran.status, 1);
    assert_eq!(ran.last_line(), "1 of 2 files intact");
    let mut wrapped = (ran.out.lines()).filter(|line| !line.starts_with("b.xdsnap: damaged"));
    assert!(wrapped.all(|line| line.len() <= 83), "{}", ran.out);
    assert!(ran.out.contains("more of these (--full)"), "{}", ran.out);
    let full = desk.run("verify a.xdsnap b.xdsnap --full").out;
    assert!(full.lines().count() > ran.out.lines().count() && !full.contains("(--full)"));
    let ran = desk.run("verify c a.xdsnap");
    assert_eq!(ran.status, 2);
    assert_eq!(ran.out, "a.xdsnap: intact, 23 documents, format 1\n");
    assert!(
        ran.err.starts_with("xdsnap: c: JSON, but none"),
        "{}",
        ran.err
    );
    let stdin = run(xdsnap(["verify", "-"]).write_stdin(WHOLE.clone()));
    assert_eq!(stdin.status, 0);
    assert_eq!(stdin.out, "-: intact, 23 documents, format 1\n");
}

#[test]
fn findings_are_data() {
    let desk = Desk::new(&[("x.xdsnap", &altered(WHOLE.len() - 20, b"XX"))]);
    let ran = desk.run("verify x.xdsnap -o json");
    let file = &ran.json()["files"][0];
    assert_eq!((ran.status, &file["verdict"]), (1, &json!("damaged")));
    assert_eq!(
        file["bundle"],
        json!({"version": "1", "tool": "xdsnap 0.1.0", "members": 23, "intact": 23})
    );
    let finding = &file["findings"][0];
    assert_eq!(finding["level"], "error");
    assert_eq!(finding["rule"], "seek-table");
    assert!(finding.get("member").is_none());
    let desk = Desk::new(&[("x.xdsnap", &WHOLE)]);
    let file = &desk.run("verify x.xdsnap -o json").json()["files"][0];
    assert_eq!(
        (&file["verdict"], &file["findings"]),
        (&json!("intact"), &json!([]))
    );
}

#[test]
fn what_is_no_bundle_is_called_what_it_is_by_verify_and_by_extract() {
    let dump = recording(&format!("{BEFORE}/{REVIEWS}"));
    let newer = packed_again(|folder| edit_manifest(folder, |m| m["version"] = json!("2")));
    let other = zstd::encode_all(&b"hello"[..], 1).unwrap();
    let desk = Desk::new(&[
        ("dump.json", &dump),
        ("other.json", b"{}"),
        ("empty", b""),
        ("newer.xdsnap", &newer),
        ("hello.zst", &other),
    ]);
    fs::create_dir(desk.path("folder")).unwrap();
    let files = desk.files();
    for (file, expected) in [
        (
            "dump.json",
            "a `config_dump` of envoy, and no bundle; `xdsnap capture -o NEW",
        ),
        (
            "other.json",
            "JSON, but none that Envoy, istiod or istioctl prints",
        ),
        ("empty", "the file is empty"),
        ("newer.xdsnap", "bundle format version `2` is not supported"),
        ("hello.zst", "neither a bundle nor a dump"),
        ("folder", "a folder, and no bundle; `xdsnap capture -o NEW"),
        ("nothing", "No such file or directory"),
        ("http://127.0.0.1:1", "a URL, and no bundle"),
    ] {
        for command in ["verify", "verify --recover new", "extract --output-dir new"] {
            let ran = desk.run(&format!("{command} {file}"));
            assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{command} {file}");
            let is_said = ran.err.contains(file) && ran.err.contains(expected);
            assert!(is_said, "{command} {file}: {}", ran.err);
            assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
        }
    }
    assert_eq!(desk.files(), files);
    for args in [
        "verify",
        "verify --recover new",
        "verify - -",
        "verify --recover new a b",
    ] {
        let ran = desk.run(args);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{args}");
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    }
}

#[test]
fn a_partial_file_given_to_any_command_is_told_what_makes_a_bundle_of_it() {
    let desk = Desk::new(&[
        ("x.xdsnap.partial", &partial(&[REVIEWS])),
        ("x.xdsnap", &WHOLE),
    ]);
    for command in [
        "verify",
        "extract --output-dir new",
        "info",
        "diff",
        "diff x.xdsnap",
        "status",
        "show",
        "normalize",
        "capture -o new",
    ] {
        let ran = desk.run(&format!("{command} x.xdsnap.partial"));
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{command}");
        let is_said = ran.err.contains("`x.xdsnap.partial`")
            && ran.err.contains("what an interrupted capture left")
            && ran.err.contains("`xdsnap verify --recover NEW FILE`");
        assert!(is_said, "{command}: {}", ran.err);
    }
    assert_eq!(desk.files(), ["x.xdsnap", "x.xdsnap.partial"]);
}

#[test]
fn what_is_intact_becomes_a_new_bundle_and_what_was_lost_is_listed() {
    let starts = frame_starts();
    let stats = "envoy/productpage-v1-6b746f74dc-9stvs.default/stats.json";
    let partial = partial(&[REVIEWS, stats, "istiod/syncz.json"]);
    for (what, bytes, status, documents, finding, last) in [
        (
            "whole",
            WHOLE.clone(),
            0,
            23,
            "",
            "23 of 23 documents recovered, nothing lost",
        ),
        (
            "without the seek table",
            WHOLE[..*starts.last().unwrap() + 20].to_vec(),
            0,
            23,
            "",
            "23 of 23 documents recovered, nothing lost, 1 warning",
        ),
        (
            "cut",
            WHOLE[..starts[2]].to_vec(),
            1,
            3,
            "error   istiod/syncz.json: truncated: ",
            "3 of 23 documents recovered, 20 errors, 1 warning",
        ),
        (
            "without its manifest",
            altered(starts[1] - 2, b"XX"),
            1,
            23,
            "error   manifest.json: damaged: ",
            "23 documents recovered, ",
        ),
        (
            "a partial file",
            partial.clone(),
            0,
            3,
            "note    manifest.json: there is none, as in what an interrupted capture left",
            "3 documents recovered, nothing lost, 1 note",
        ),
        (
            "a partial file that is cut",
            partial[..partial.len() - 9].to_vec(),
            1,
            2,
            "error   frames: cut or damaged: what stood from byte ",
            "2 documents recovered, 1 error, 1 note",
        ),
    ] {
        let desk = Desk::new(&[("x.xdsnap.partial", &bytes)]);
        let ran = desk.run("verify --full --recover x.xdsnap x.xdsnap.partial");
        assert_eq!((ran.status, ran.err.as_str()), (status, ""), "{what}");
        assert!(ran.out.contains(finding), "{what}: {}", ran.out);
        let verdict = format!("x.xdsnap: {last}");
        assert!(ran.last_line().starts_with(&verdict), "{what}: {}", ran.out);
        // What it was made of is as it was, and nothing else is left.
        assert_eq!(desk.files(), ["x.xdsnap", "x.xdsnap.partial"], "{what}");
        assert!(fs::read(desk.path("x.xdsnap.partial")).unwrap() == bytes);
        let verified = desk.run("verify x.xdsnap -o json").json();
        assert_eq!(verified["files"][0]["findings"], json!([]), "{what}");
        assert_eq!(
            verified["files"][0]["bundle"]["members"], documents,
            "{what}"
        );
    }
}

#[test]
fn recovering_goes_over_no_file_and_leaves_none_where_nothing_is_intact() {
    let tiny = &WHOLE[..700];
    let desk = Desk::new(&[("x.xdsnap", &WHOLE), ("tiny", tiny), ("old", b"old")]);
    let files = desk.files();
    for (args, expected) in [
        ("--recover old x.xdsnap", "`old` exists and is not replaced"),
        (
            "--recover x.xdsnap x.xdsnap",
            "`x.xdsnap` exists and is not replaced",
        ),
        (
            "--recover new tiny",
            "tiny: nothing in it is intact, so no bundle was written",
        ),
        ("--recover no/new x.xdsnap", "there is no folder `no`"),
    ] {
        let ran = desk.run(&format!("verify {args}"));
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{args}");
        assert!(ran.err.contains(expected), "{args}: {}", ran.err);
        assert_eq!(desk.files(), files, "{args}");
    }
    assert_eq!(fs::read(desk.path("old")).unwrap(), b"old");
    assert!(fs::read(desk.path("x.xdsnap")).unwrap() == *WHOLE);
    let json = desk.run("verify --recover new x.xdsnap -o json").json();
    let recovered = &json["files"][0]["recovered"];
    assert_eq!(
        (&recovered["file"], &recovered["members"]),
        (&json!("new"), &json!(23))
    );
}

#[test]
fn no_name_in_a_bundle_reaches_the_terminal_as_it_is() {
    let bytes = packed_again(|folder| {
        edit_manifest(folder, |manifest| {
            manifest["members"][0]["path"] =
                json!("envoy/a b\u{202e}/\u{200b}\u{feff}\u{61c}x.json");
            manifest["members"][1]["sha256"] = json!("\u{1b}[2J");
        });
    });
    let desk = Desk::new(&[("x.xdsnap", &bytes)]);
    for args in [
        "verify x.xdsnap",
        "verify x.xdsnap -o json",
        "verify --recover new x.xdsnap",
        "extract x.xdsnap",
    ] {
        let ran = desk.run(args);
        let text = ran.out + &ran.err;
        assert!(
            text.contains("u{202e}") || text.contains("u202e"),
            "{text:?}"
        );
        let hidden = "\u{202e}\u{200b}\u{feff}\u{61c}";
        let is_raw = |c: char| c != '\n' && (c.is_control() || hidden.contains(c));
        assert!(!text.contains(is_raw), "{args}: {text:?}");
    }
}

#[test]
fn a_checksum_that_alone_is_wrong_is_told_by_every_command_that_reads_all() {
    let starts = frame_starts();
    for (index, next) in starts.iter().enumerate().skip(2) {
        let last = next - 1;
        let desk = Desk::new(&[("x.xdsnap", &altered(last, &[WHOLE[last] ^ 1]))]);
        // Before the frame with the end of the archive stands derived data, which is no document.
        let is_derived = index + 1 == starts.len();
        let readers = ["verify x.xdsnap", "info x.xdsnap", "extract x.xdsnap"];
        for args in &readers[..if is_derived { 1 } else { 3 }] {
            let ran = desk.run(args);
            let text = ran.out + &ran.err;
            assert_eq!(ran.status, 1, "frame {index}: {args}: {text}");
            assert!(
                text.contains("match checksum"),
                "frame {index}: {args}: {text}"
            );
        }
    }
}
