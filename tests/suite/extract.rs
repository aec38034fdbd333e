//! `xdsnap extract`: all of a bundle or some documents of it, what is damaged left out, and nothing outside the folder.

use std::{
    fs,
    io::Write,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use serde_json::json;
use sha2::{Digest, Sha256};
use tar::{EntryType, Header};

use crate::support::program::{BEFORE, Ran, recording, run, testdata, xdsnap};

const REVIEWS: &str = "envoy/reviews-v1-545db77b95-2k8ls.default/config_dump.json";

/// A bundle of three proxies.
static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.xdsnap");
    let ran = run(xdsnap(["capture", "-q", "-o"])
        .arg(&path)
        .arg(testdata(BEFORE)));
    assert_eq!(ran.status, 0, "{}", ran.err);
    fs::read(path).unwrap()
});

/// A folder with `web.xdsnap`, in which the program runs.
fn desk(bundle: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("web.xdsnap"), bundle).unwrap();
    folder
}

/// Runs the program; `args` are separated by spaces.
fn at(folder: &tempfile::TempDir, args: &str) -> Ran {
    run(xdsnap(args.split_whitespace()).current_dir(folder.path()))
}

/// The files below a folder.
fn files(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(below) = folders.pop() {
        for entry in folder.join(&below).read_dir().into_iter().flatten() {
            let entry = entry.unwrap();
            let path = below.join(entry.file_name());
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(path),
                false => files.push(path.to_str().unwrap().to_owned()),
            }
        }
    }
    files.sort();
    files
}

/// A bundle whose manifest lists `members`, all with the content `{}`, and in whose archive there are `entries`.
fn bundle_of(members: &[&str], entries: &[(&str, EntryType)]) -> Vec<u8> {
    let sha256: String = Sha256::digest(b"{}")
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let member =
        |path: &&str| json!({"path": path, "size": 2, "sha256": sha256, "origin": {"file": "x"}});
    let manifest = json!({
        "format": "xdsnap.bundle", "version": "1", "tool": "x",
        "proxies": [], "istiods": [], "failures": [],
        "members": members.iter().map(member).collect::<Vec<_>>(),
        "redaction": {"rules": [], "values": 0},
    });
    let manifest = manifest.to_string();
    let mut archive = Vec::new();
    let entries = entries.iter().map(|(path, kind)| (*path, *kind, "{}"));
    let first = ("manifest.json", EntryType::Regular, manifest.as_str());
    for (path, kind, content) in [first].into_iter().chain(entries) {
        let content = match kind {
            EntryType::Regular => content,
            _ => "",
        };
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        // Names and links that lead anywhere.
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.as_mut_bytes()[157..161].copy_from_slice(b"/tmp");
        header.set_cksum();
        archive.extend(header.as_bytes());
        archive.extend(content.as_bytes());
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.extend([0; 1024]);
    zstd::encode_all(&archive[..], 1).unwrap()
}

#[test]
fn all_of_a_bundle_is_an_input_like_the_bundle() {
    let desk = desk(&WHOLE);
    let ran = at(&desk, "extract web.xdsnap");
    assert_eq!(
        (ran.status, ran.out.as_str(), ran.err.as_str()),
        (0, "web\n", "")
    );
    let written = files(&desk.path().join("web"));
    assert_eq!(written.len(), 26);
    let is_made = |path: &str| path == "manifest.json" || path.starts_with("derived/");
    for path in written.iter().filter(|path| !is_made(path)) {
        let is_verbatim = fs::read(desk.path().join("web").join(path)).unwrap()
            == recording(&format!("{BEFORE}/{path}"));
        assert!(is_verbatim, "{path}");
    }
    let both = at(&desk, "diff web.xdsnap web --source both");
    assert_eq!(both.status, 0, "{}", both.out);
    assert!(
        both.last_line().starts_with("3 of 3 proxies compared"),
        "{}",
        both.out
    );
    for command in [
        "diff INPUT -o json",
        "status INPUT",
        "show INPUT",
        "normalize INPUT",
    ] {
        let [bundle, folder] = ["web.xdsnap", "web"].map(|input| {
            let ran = at(&desk, &command.replace("INPUT", input));
            (ran.status, ran.out.replace("web.xdsnap", "web"))
        });
        assert_eq!(bundle, folder, "{command}");
    }
    // And a bundle again, with the same documents.
    let ran = at(&desk, "capture -q -o again.xdsnap web");
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert_eq!(at(&desk, "verify again.xdsnap").status, 0);
}

#[test]
fn chosen_documents_are_added_to_a_folder_and_all_of_a_bundle_only_to_an_empty_one() {
    let desk = desk(&WHOLE);
    for (args, status, number) in [
        ("istiod/syncz.json", 0, 1),
        ("*/stats.json istiod/version.json", 0, 5),
        // They are there.
        ("*/stats.json", 1, 5),
        ("manifest.json", 0, 6),
        ("", 2, 6),
        ("istiod/synczz.json", 2, 6),
        ("istiod/version.json nothing", 2, 6),
    ] {
        let ran = at(
            &desk,
            &format!("extract web.xdsnap --output-dir out {args}"),
        );
        assert_eq!(ran.status, status, "{args}: {}", ran.err);
        assert_eq!(files(&desk.path().join("out")).len(), number, "{args}");
    }
    let ran = at(
        &desk,
        "extract web.xdsnap --output-dir out istiod/sync.json",
    );
    assert!(
        ran.err
            .contains("no document is at `istiod/sync.json` (nearest: `istiod/syncz.json`"),
        "{}",
        ran.err
    );
    let ran = at(&desk, "extract web.xdsnap --output-dir out");
    assert!(
        ran.err.contains("`out` is not empty; remove it or"),
        "{}",
        ran.err
    );
    fs::create_dir(desk.path().join("empty")).unwrap();
    let ran = at(&desk, "extract web.xdsnap --output-dir empty");
    assert_eq!(
        (ran.status, files(&desk.path().join("empty")).len()),
        (0, 26)
    );
}

#[test]
fn one_document_goes_to_standard_output_byte_for_byte() {
    let desk = desk(&WHOLE);
    let output = xdsnap(["extract", "web.xdsnap", "--stdout", REVIEWS])
        .current_dir(desk.path())
        .output()
        .unwrap();
    assert!(output.status.success() && output.stdout == recording(&format!("{BEFORE}/{REVIEWS}")));
    let stdin = run(xdsnap(["extract", "-", "--stdout", "istiod/v*"]).write_stdin(WHOLE.clone()));
    assert_eq!(
        stdin.out.as_bytes(),
        recording(&format!("{BEFORE}/istiod/version.json"))
    );
    for (args, expected) in [
        ("--stdout", "give one MEMBER"),
        ("--stdout a b", "give one MEMBER"),
        ("--stdout */stats.json", "and 3 are meant"),
        ("--stdout nothing", "no document is at `nothing`"),
        (
            "--stdout istiod/syncz.json --output-dir out",
            "exclude each other",
        ),
    ] {
        let ran = at(&desk, &format!("extract web.xdsnap {args}"));
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{args}");
        assert!(ran.err.contains(expected), "{args}: {}", ran.err);
    }
    assert_eq!(files(desk.path()), ["web.xdsnap"]);
}

#[test]
fn what_is_damaged_is_named_and_left_out_and_the_rest_is_there() {
    // The last frames: syncz, version, digests, the end of the archive.
    let magic = 0xFD2F_B528_u32.to_le_bytes();
    let starts = (0..WHOLE.len()).filter(|at| WHOLE[*at..].starts_with(&magic));
    let starts: Vec<usize> = starts.collect();
    let desk = desk(&WHOLE[..starts[starts.len() - 4]]);
    let ran = at(&desk, "extract web.xdsnap");
    assert_eq!((ran.status, ran.out.as_str()), (1, "web\n"));
    let left_out = "warning: left out: `web.xdsnap`: member `istiod/syncz.json`: truncated: ";
    assert!(ran.err.contains(left_out), "{}", ran.err);
    let written = files(&desk.path().join("web"));
    assert!(
        written.contains(&REVIEWS.to_owned()) && written.len() == 22,
        "{written:?}"
    );
    for (args, out) in [
        ("--output-dir out istiod/syncz.json", ""),
        ("--stdout istiod/syncz.json", ""),
    ] {
        let ran = at(&desk, &format!("extract web.xdsnap {args}"));
        assert_eq!((ran.status, ran.out.as_str()), (1, out), "{args}");
        assert!(ran.err.contains(left_out), "{args}: {}", ran.err);
    }
    assert!(!desk.path().join("out").exists());
    assert_eq!(
        at(
            &desk,
            &format!("extract web.xdsnap --output-dir out {REVIEWS}")
        )
        .status,
        0
    );
}

#[test]
fn no_link_in_the_folder_is_followed_and_no_file_replaced() {
    let desk = desk(&WHOLE);
    let path = |name: &str| desk.path().join(name);
    for folder in ["outside", "out/istiod", "out/envoy"] {
        fs::create_dir_all(path(folder)).unwrap();
    }
    let reviews = REVIEWS.rsplit_once('/').unwrap().0;
    symlink(path("outside"), path("out").join(reviews)).unwrap();
    symlink(path("outside/new"), path("out/istiod/syncz.json")).unwrap();
    fs::write(path("out/istiod/version.json"), "old").unwrap();
    let ran = at(
        &desk,
        "extract web.xdsnap --output-dir out envoy/reviews* istiod/syncz.json istiod/version.json",
    );
    assert_eq!((ran.status, ran.out.as_str()), (1, ""), "{}", ran.err);
    assert_eq!(
        ran.err.matches("is a link or a file").count(),
        6,
        "{}",
        ran.err
    );
    assert_eq!(
        ran.err.matches("exists, and is not replaced").count(),
        2,
        "{}",
        ran.err
    );
    assert_eq!(files(&path("outside")), [""; 0]);
    assert_eq!(fs::read(path("out/istiod/version.json")).unwrap(), b"old");
    symlink(path("nowhere"), path("dangling")).unwrap();
    let ran = at(&desk, "extract web.xdsnap --output-dir dangling");
    assert_eq!(ran.err, "xdsnap: cannot write `dangling`: File exists\n");
}

#[test]
fn a_hostile_archive_writes_nothing_but_what_its_manifest_lists_and_nothing_outside() {
    use EntryType::{Link, Regular, Symlink};
    let entries = [
        ("envoy/link", Symlink),
        ("envoy/hard", Link),
        ("../out.json", Regular),
        ("/tmp/xdsnap-out.json", Regular),
        ("envoy/a/../../../out.json", Regular),
        ("envoy/unlisted.json", Regular),
        ("envoy/link/x.json", Regular),
        ("istiod/syncz.json", Regular),
    ];
    let desk = desk(&bundle_of(&["istiod/syncz.json"], &entries));
    let ran = at(&desk, "extract web.xdsnap");
    assert_eq!((ran.status, ran.out.as_str()), (1, "web\n"), "{}", ran.err);
    assert_eq!(ran.err.matches("left out: ").count(), 7, "{}", ran.err);
    assert_eq!(
        files(desk.path()),
        ["web.xdsnap", "web/istiod/syncz.json", "web/manifest.json"]
    );
    assert!(!Path::new("/tmp/xdsnap-out.json").exists());
    // A manifest that lists such paths is no manifest.
    for path in ["../out.json", "/tmp/xdsnap-out.json", "a\\b", "envoy/./x"] {
        let desk = self::desk(&bundle_of(&[path], &[(path, Regular)]));
        let ran = at(&desk, "extract web.xdsnap");
        assert_eq!(
            (ran.status, files(desk.path()).len()),
            (2, 1),
            "{path}: {}",
            ran.err
        );
    }
}

#[test]
fn paths_that_differ_in_letter_case_only_are_not_both_written() {
    let paths = [
        "envoy/Web/stats.json",
        "envoy/web/certs.json",
        "istiod/syncz.json",
        "istiod/Syncz.json",
    ];
    let desk = desk(&bundle_of(
        &paths,
        &paths.map(|path| (path, EntryType::Regular)),
    ));
    let ran = at(&desk, "extract web.xdsnap");
    assert_eq!((ran.status, ran.out.as_str()), (1, "web\n"));
    assert_eq!(
        ran.err.matches("in letter case only").count(),
        2,
        "{}",
        ran.err
    );
    assert_eq!(
        files(&desk.path().join("web")),
        ["envoy/Web/stats.json", "istiod/syncz.json", "manifest.json"]
    );
}

#[test]
fn the_name_of_the_file_leads_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("inner")).unwrap();
    for name in ["...xdsnap", "..xdsnap", "plain"] {
        let mut file = fs::File::create(folder.path().join("inner").join(name)).unwrap();
        file.write_all(&WHOLE).unwrap();
        let ran = run(xdsnap(["extract", name]).current_dir(folder.path().join("inner")));
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{name}");
        assert!(ran.err.contains("--output-dir DIR"), "{}", ran.err);
    }
    assert_eq!(files(folder.path()).len(), 3);
}
