//! The bundle file: it opens with stock tools, its bytes do not depend on chance, nothing is lost or half written,
//! nothing altered passes for true, and `schema/` says what it is.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    io::{self, Cursor, Read, Write},
    path::{Path, PathBuf},
    process::Command,
};

use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::EntryType;
use xdsnap::{
    bundle::{
        Captured, Failure, Head, IstiodEntry, MANIFEST_PATH, MAX_MEMBER_BYTES, Manifest,
        MemberPath, Origin, Provenance, ProxyEntry, ReadError, Reader, Reason, Redaction, Time,
        WriteError, Writer,
    },
    model::{Document, ProxyId, Source},
};

mod derived;
mod frames;
mod recovery;
#[cfg(unix)]
mod stopped;
mod stranger;
mod versions;

type Members = BTreeMap<String, Vec<u8>>;

const LISTENERS: &str = "envoy/web-1.shop/listeners.json";
const STATS: &str = "envoy/web-1.shop/stats.json";
const SYNCZ: &str = "istiod/syncz.json";

fn few_members() -> Members {
    [
        (LISTENERS, r#"{"listener_statuses":[]}"#),
        (STATS, r#"{"stats":[]}"#),
        (SYNCZ, "[]"),
    ]
    .map(|(path, body)| (path.to_owned(), body.as_bytes().to_vec()))
    .into()
}

/// Members with the names that are hardest on tar: long ones, and others than ASCII.
fn hard_members() -> Members {
    let mut members = few_members();
    for length in [60, 90, 120, 253] {
        let path = format!("envoy/{}/config_dump.json", "x".repeat(length));
        members.insert(path, vec![b'x'; 511 + length]);
    }
    members.insert("envoy/ünder läbel/certs.json".to_owned(), Vec::new());
    members.insert(
        "istiod/istiod-7/web-1.shop.config_dump.json".to_owned(),
        vec![0; 512],
    );
    members
}

fn id(text: &str) -> ProxyId {
    ProxyId::new(text).unwrap()
}

fn time(text: &str) -> Time {
    text.parse::<jiff::Timestamp>().unwrap().into()
}

fn head() -> Head {
    Head {
        tool: "xdsnap 0.1.0".to_owned(),
        ..Head::default()
    }
}

fn add(writer: &mut Writer, path: &str, mut body: &[u8]) {
    let member: MemberPath = path.parse().unwrap();
    writer
        .member(member, Provenance::of_file(path), &mut body)
        .unwrap();
}

/// Writes a bundle of `members` and returns its bytes.
fn bundle_of(members: &Members) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.xdsnap");
    let mut writer = Writer::create(&path).unwrap();
    for (path, body) in members {
        add(&mut writer, path, body);
    }
    writer.finish(head()).unwrap();
    fs::read(path).unwrap()
}

fn open(bundle: &[u8]) -> Result<Reader<Cursor<&[u8]>>, ReadError> {
    Reader::open("x.xdsnap", Cursor::new(bundle))
}

/// All members of a bundle, which must be intact.
fn read_all(bundle: &[u8]) -> Members {
    open(bundle)
        .unwrap()
        .members()
        .map(|member| member.unwrap())
        .map(|member| (member.path, member.bytes))
        .collect()
}

/// What is intact in a bundle, and what its reader says of the rest.
fn read_what_is_intact(reader: &mut Reader<Cursor<&[u8]>>) -> (Members, Vec<ReadError>) {
    let mut intact = Members::new();
    let mut errors = Vec::new();
    for member in reader.members() {
        match member {
            Ok(member) => assert_eq!(intact.insert(member.path, member.bytes), None),
            Err(error) => errors.push(error),
        }
    }
    (intact, errors)
}

/// Runs a program that the tests need, and returns what it prints.
fn run<S: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = S>) -> String {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|err| {
            panic!("this test needs `{program}`, install it (Debian: tar, zstd, python3): {err}")
        });
    assert!(
        output.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn write_file(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

mod stock_tools {
    use super::*;

    #[test]
    fn tar_zstd_and_python_open_a_bundle() {
        let folder = tempfile::tempdir().unwrap();
        let members = hard_members();
        let file = write_file(folder.path(), "x.xdsnap", &bundle_of(&members));
        let manifest = open(&fs::read(&file).unwrap()).unwrap().manifest().clone();
        let mut expected: Vec<&str> = (manifest.members.iter())
            .map(|entry| entry.path.as_str())
            .collect();
        assert_eq!(expected.len(), members.len());
        expected.insert(0, MANIFEST_PATH);

        run("zstd", ["-t", "-q", file.to_str().unwrap()]);
        let listed = run(
            "tar",
            [
                "--quoting-style=literal",
                "--zstd",
                "-tf",
                file.to_str().unwrap(),
            ],
        );
        assert_eq!(listed.lines().collect::<Vec<_>>(), expected);

        let plain = folder.path().join("x.tar");
        run(
            "zstd",
            [
                "-dcq",
                file.to_str().unwrap(),
                "-o",
                plain.to_str().unwrap(),
            ],
        );
        let listed = run(
            "python3",
            [
                "-c",
                "import json, sys, tarfile\n\
                 entries = tarfile.open(sys.argv[1], 'r:').getmembers()\n\
                 print(json.dumps([[e.name, e.size, e.isfile(), e.mode, e.mtime] for e in entries]))",
                plain.to_str().unwrap(),
            ],
        );
        let listed: Value = serde_json::from_str(&listed).unwrap();
        for (entry, path) in listed.as_array().unwrap().iter().zip(&expected) {
            let size = members.get(*path).map(Vec::len);
            assert_eq!(entry[0], *path);
            assert!(
                size.is_none_or(|size| entry[1] == size),
                "{path}: {}",
                entry[1]
            );
            assert_eq!((&entry[2], &entry[3]), (&json!(true), &json!(0o644)));
            assert_eq!(entry[4], 0);
        }
        assert_eq!(listed.as_array().unwrap().len(), expected.len());
    }

    /// The version of Python's `zstandard` that opens bundles here.
    const ZSTANDARD: &str = "0.25.0";

    /// Where the package is, which is installed below the build directory on first use.
    pub(super) fn python_zstandard() -> PathBuf {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let home = target.join(format!("zstandard-{ZSTANDARD}"));
        if !home.exists() {
            let partial = tempfile::tempdir_in(target).unwrap();
            let package = format!("zstandard=={ZSTANDARD}");
            let into = partial.path().to_str().unwrap();
            let pip = "-m pip install --quiet --no-input --no-deps --target";
            run("python3", pip.split(' ').chain([into, &package]));
            // Another test process may have installed it meanwhile.
            let _ = fs::rename(partial.keep(), &home);
        }
        home
    }

    #[test]
    fn python_reads_a_bundle_and_a_partial_file_as_they_are() {
        const LIST: &str = "import json, sys, tarfile; sys.path.insert(0, sys.argv[1])\n\
            import zstandard\n\
            file = zstandard.ZstdDecompressor().stream_reader(open(sys.argv[2], 'rb'), read_across_frames=True)\n\
            archive = tarfile.open(fileobj=file, mode='r|')\n\
            print(json.dumps({e.name: archive.extractfile(e).read().hex() for e in archive}))";
        let folder = tempfile::tempdir().unwrap();
        let members = hard_members();
        let path = folder.path().join("x.xdsnap");
        let mut writer = Writer::create(&path).unwrap();
        for (path, body) in &members {
            add(&mut writer, path, body);
        }
        let partial = write_file(
            folder.path(),
            "p",
            &fs::read(writer.partial_path()).unwrap(),
        );
        writer.finish(head()).unwrap();
        let package = python_zstandard();
        for file in [&path, &partial] {
            let arguments = [
                "-c",
                LIST,
                package.to_str().unwrap(),
                file.to_str().unwrap(),
            ];
            let listed: BTreeMap<String, String> =
                serde_json::from_str(&run("python3", arguments)).unwrap();
            for (path, body) in &members {
                let hex: String = body.iter().map(|byte| format!("{byte:02x}")).collect();
                assert_eq!(listed[path], hex, "{path}");
            }
        }
    }

    #[test]
    fn a_bundle_that_was_unpacked_and_packed_again_reads() {
        let members = hard_members();
        let bundle = bundle_of(&members);
        for (format, what) in [
            ("gnu", &["."][..]),
            ("posix", &["."]),
            ("gnu", &["istiod", "envoy", MANIFEST_PATH]),
            ("posix", &["envoy", MANIFEST_PATH, "istiod"]),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let file = write_file(folder.path(), "x.xdsnap", &bundle);
            let content = folder.path().join("content");
            fs::create_dir(&content).unwrap();
            let content = content.to_str().unwrap();
            run(
                "tar",
                ["--zstd", "-xf", file.to_str().unwrap(), "-C", content],
            );
            let again = folder.path().join("again.xdsnap");
            let format = format!("--format={format}");
            let arguments = [
                &format,
                "--zstd",
                "-cf",
                again.to_str().unwrap(),
                "-C",
                content,
            ];
            run("tar", arguments.iter().chain(what));

            let again = fs::read(again).unwrap();
            assert_eq!(read_all(&again), members, "{format} {what:?}");
            let mut reader = open(&again).unwrap();
            for (path, body) in &members {
                assert_eq!(&reader.read(path).unwrap(), body, "{path}");
            }
        }
    }

    #[test]
    fn what_an_interrupted_capture_left_opens_too() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::create(&folder.path().join("x.xdsnap")).unwrap();
        add(&mut writer, SYNCZ, b"[]");
        add(&mut writer, LISTENERS, b"{}");
        let partial = writer.partial_path().to_owned();
        // As if it had been killed.
        std::mem::forget(writer);

        let partial = partial.to_str().unwrap();
        run("zstd", ["-t", "-q", partial]);
        let listed = run("tar", ["--zstd", "-tf", partial]);
        assert_eq!(
            listed,
            format!("manifest.d/1.json\n{SYNCZ}\nmanifest.d/2.json\n{LISTENERS}\n")
        );
        assert_eq!(run("tar", ["--zstd", "-xOf", partial, SYNCZ]), "[]");
        let bytes = fs::read(partial).unwrap();
        let err = open(&bytes).unwrap_err();
        assert!(matches!(err.reason, Reason::Unfinished), "{err}");
    }
}

mod writing {
    use super::*;

    #[test]
    fn the_manifest_tells_what_was_given() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.xdsnap");
        let mut writer = Writer::create(&path).unwrap();
        let provenance = Provenance {
            origin: Origin::url("http://127.0.0.1:15000/listeners?format=json"),
            requested: Some(time("2026-11-21T01:52:51.1239Z")),
            received: Some(time("2026-11-21T01:52:51.5Z")),
            status: Some(200),
            redacted: Some([("private_key", 2)].into_iter().collect()),
        };
        writer
            .member(LISTENERS.parse().unwrap(), provenance, &mut &b"{}"[..])
            .unwrap();
        writer.failure(Failure {
            source: Source::Istiod,
            proxy: Some(id("web-1.shop")),
            document: Some(Document::ConfigDump),
            part: None,
            origin: Origin::url("http://127.0.0.1:15014/debug/config_dump?proxyID=web-1.shop"),
            time: Some(time("2026-11-21T01:52:52Z")),
            status: Some(404),
            reason: "istiod does not know the proxy".to_owned(),
        });
        let proxy = |text: &str| ProxyEntry {
            id: id(text),
            envoy_version: Some("1.40.0".to_owned()),
            istio_version: None,
            istiod: None,
        };
        let written = writer
            .finish(Head {
                tool: "xdsnap 0.1.0".to_owned(),
                note: Some("before the change".to_owned()),
                captured: Some(Captured {
                    start: time("2026-11-21T01:52:51Z"),
                    end: time("2026-11-21T01:52:52Z"),
                }),
                proxies: vec![proxy("web-1.shop"), proxy("api-1.shop")],
                istiods: [Some("istiod-2"), Some("istiod-1"), None]
                    .map(|name| IstiodEntry {
                        name: name.map(str::to_owned),
                        version: Some("1.30.3".to_owned()),
                    })
                    .into(),
                redaction: Redaction {
                    rules: vec!["private_key".to_owned()],
                    values: 3,
                    by_rule: [("private_key".to_owned(), 2)].into(),
                    keys: ["1a2b3c4d".to_owned()].into(),
                    off: false,
                },
            })
            .unwrap();
        assert_eq!(written.path, path);
        let bundle = fs::read(&path).unwrap();
        assert_eq!(written.size_bytes, bundle.len() as u64);

        let mut reader = open(&bundle).unwrap();
        let manifest = reader.read(MANIFEST_PATH).unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&manifest).unwrap(),
            json!({
                "format": "xdsnap.bundle",
                "version": "1",
                "tool": "xdsnap 0.1.0",
                "note": "before the change",
                "captured": {
                    "start": "2026-11-21T01:52:51.000Z",
                    "end": "2026-11-21T01:52:52.000Z"
                },
                "proxies": [
                    {"id": "api-1.shop", "envoy_version": "1.40.0"},
                    {"id": "web-1.shop", "envoy_version": "1.40.0"}
                ],
                "istiods": [
                    {"version": "1.30.3"},
                    {"name": "istiod-1", "version": "1.30.3"},
                    {"name": "istiod-2", "version": "1.30.3"}
                ],
                "members": [{
                    "path": LISTENERS,
                    "size": 2,
                    "sha256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
                    "origin": {"url": "http://127.0.0.1:15000/listeners?format=json"},
                    "requested": "2026-11-21T01:52:51.123Z",
                    "received": "2026-11-21T01:52:51.500Z",
                    "status": 200,
                    "redacted": 2,
                    "redacted_by": {"private_key": 2},
                    "offset": 0
                }],
                "failures": [{
                    "source": "istiod",
                    "proxy": "web-1.shop",
                    "document": "config_dump",
                    "origin": {
                        "url": "http://127.0.0.1:15014/debug/config_dump?proxyID=web-1.shop"
                    },
                    "time": "2026-11-21T01:52:52.000Z",
                    "status": 404,
                    "reason": "istiod does not know the proxy"
                }],
                "redaction": {
                    "rules": ["private_key"],
                    "values": 3,
                    "by_rule": {"private_key": 2},
                    "keys": ["1a2b3c4d"]
                }
            })
        );
        assert_eq!(
            serde_json::from_slice::<Manifest>(&manifest).unwrap(),
            *reader.manifest()
        );
    }

    #[test]
    fn the_same_members_in_another_order_give_the_same_bytes() {
        let failure = |reason: &str| Failure {
            source: Source::Envoy,
            proxy: Some(id("web-1.shop")),
            document: Some(Document::Certs),
            part: None,
            origin: Origin::file("x"),
            time: None,
            status: None,
            reason: reason.to_owned(),
        };
        let folder = tempfile::tempdir().unwrap();
        let members: Vec<_> = hard_members().into_iter().collect();
        let reversed: Vec<_> = members.iter().rev().cloned().collect();
        let write = |name: &str, members: &[(String, Vec<u8>)], reasons: [&str; 2]| {
            let path = folder.path().join(name);
            let mut writer = Writer::create(&path).unwrap();
            for (path, body) in members {
                add(&mut writer, path, body);
            }
            for reason in reasons {
                writer.failure(failure(reason));
            }
            writer.finish(head()).unwrap();
            fs::read(path).unwrap()
        };
        let one = write("one", &members, ["a", "b"]);
        let other = write("other", &reversed, ["b", "a"]);
        assert!(one == other);
    }

    #[test]
    fn a_member_that_does_not_fit_in_memory_goes_through_a_file() {
        let mut bytes = vec![0; (8 << 20) + 12_345];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = (index / 1000) as u8;
        }
        let members = Members::from([(STATS.to_owned(), bytes)]);
        assert!(read_all(&bundle_of(&members)) == members);
    }

    #[test]
    fn nothing_but_the_bundle_remains_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = write_file(folder.path(), "x.xdsnap", b"old");
        let mut writer = Writer::create(&path).unwrap();
        #[cfg(unix)]
        assert_eq!(mode(writer.partial_path()), 0o600);
        add(&mut writer, SYNCZ, b"[]");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        writer.finish(head()).unwrap();
        assert_eq!(read_all(&fs::read(&path).unwrap()).len(), 1);
        #[cfg(unix)]
        assert_eq!(mode(&path), 0o600);
        assert_eq!(names_in(folder.path()), ["x.xdsnap"]);
    }

    #[cfg(unix)]
    fn mode(path: &Path) -> u32 {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn names_in(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_dropped_writer_leaves_the_old_file_and_what_was_captured() {
        let folder = tempfile::tempdir().unwrap();
        let path = write_file(folder.path(), "x.xdsnap", b"old");
        let mut writer = Writer::create(&path).unwrap();
        add(&mut writer, SYNCZ, b"[]");
        drop(writer);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names_in(folder.path()), ["x.xdsnap", "x.xdsnap.partial"]);
    }

    #[test]
    fn a_writer_dropped_without_a_member_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        drop(Writer::create(&folder.path().join("x.xdsnap")).unwrap());
        assert_eq!(names_in(folder.path()), [""; 0]);
    }

    #[test]
    fn an_earlier_partial_file_is_never_touched() {
        let folder = tempfile::tempdir().unwrap();
        let earlier = write_file(folder.path(), "x.xdsnap.partial", b"captured earlier");
        let path = folder.path().join("x.xdsnap");
        let mut writer = Writer::create(&path).unwrap();
        assert_eq!(
            writer.partial_path(),
            folder.path().join("x.xdsnap.partial.2")
        );
        add(&mut writer, SYNCZ, b"[]");
        writer.finish(head()).unwrap();
        assert_eq!(fs::read(earlier).unwrap(), b"captured earlier");
        assert_eq!(names_in(folder.path()), ["x.xdsnap", "x.xdsnap.partial"]);
    }

    #[test]
    fn a_member_that_cannot_be_read_to_its_end_is_not_added() {
        struct Broken(usize);
        impl Read for Broken {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                match self.0 {
                    0 => Err(io::Error::other("connection reset")),
                    _ => {
                        let length = self.0.min(buffer.len());
                        buffer[..length].fill(b'x');
                        self.0 -= length;
                        Ok(length)
                    }
                }
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.xdsnap");
        let mut writer = Writer::create(&path).unwrap();
        add(&mut writer, SYNCZ, b"[]");
        for length in [0, 100, 9 << 20] {
            let before = fs::read(writer.partial_path()).unwrap();
            let err = writer
                .member(
                    STATS.parse().unwrap(),
                    Provenance::of_file("x"),
                    &mut Broken(length),
                )
                .unwrap_err();
            assert_eq!(
                err.to_string(),
                format!("member `{STATS}` could not be read: connection reset")
            );
            assert!(matches!(err, WriteError::Body { .. }));
            assert!(fs::read(writer.partial_path()).unwrap() == before);
        }
        add(&mut writer, STATS, b"now it works");
        writer.finish(head()).unwrap();
        let members = read_all(&fs::read(path).unwrap());
        assert_eq!(members[STATS], b"now it works");
        assert_eq!(members.len(), 2);
    }

    #[test]
    fn a_member_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::create(&folder.path().join("x.xdsnap")).unwrap();
        add(&mut writer, SYNCZ, b"[]");
        let again = writer.member(
            SYNCZ.parse().unwrap(),
            Provenance::of_file("x"),
            &mut &b"{}"[..],
        );
        assert!(matches!(again, Err(WriteError::Duplicate(path)) if path == SYNCZ));
    }

    #[test]
    fn a_bundle_can_be_kept_from_replacing_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.xdsnap");
        let mut writer = Writer::create_new(&path).unwrap();
        add(&mut writer, SYNCZ, b"[]");
        // It comes while the capture runs.
        fs::write(&path, b"someone else's").unwrap();
        let err = writer.finish(head()).unwrap_err();
        assert!(matches!(err, WriteError::Exists(_)), "{err}");
        assert_eq!(fs::read(&path).unwrap(), b"someone else's");
        assert_eq!(names_in(folder.path()), ["x.xdsnap", "x.xdsnap.partial"]);

        let err = Writer::create_new(&path).unwrap_err();
        assert!(matches!(err, WriteError::Exists(_)), "{err}");
        assert!(err.to_string().contains("x.xdsnap` exists"), "{err}");
    }

    #[test]
    fn a_path_that_no_bundle_can_have_is_refused_before_anything_is_captured() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("no/such/x.xdsnap");
        let err = Writer::create(&missing).unwrap_err();
        assert!(
            matches!(&err, WriteError::NoFolder { folder, .. } if folder.ends_with("no/such")),
            "{err}"
        );
        for path in [folder.path(), Path::new("/"), Path::new("..")] {
            let err = Writer::create(path).unwrap_err();
            assert!(matches!(err, WriteError::NotAFile(_)), "{err}");
        }
        assert_eq!(names_in(folder.path()), [""; 0]);
    }
}

mod reading {
    use super::*;

    fn member_path() -> impl Strategy<Value = String> {
        let proxy = prop_oneof!["[a-z0-9.-]{1,60}", "\\PC{1,80}", "[.x]{1,253}"]
            .prop_filter("not a proxy's ID", |id| ProxyId::new(id.clone()).is_ok());
        let document = proptest::sample::select(&Document::ALL[..]);
        let part = proptest::option::of("[a-z0-9_]{1,20}(\\.[a-z0-9_]{1,9})?");
        (proxy, document, part, any::<bool>()).prop_filter_map(
            "no such member",
            |(proxy, document, part, envoy)| {
                let proxy = ProxyId::new(proxy).ok()?;
                let path = match envoy {
                    true => MemberPath::envoy(proxy, document, part.as_deref()),
                    false => {
                        let proxy = (document == Document::ConfigDump).then_some(proxy);
                        MemberPath::istiod(part.as_deref(), proxy, document)
                    }
                };
                Some(path.ok()?.to_string())
            },
        )
    }

    fn body() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..1500),
            (any::<u8>(), 0..300_000_usize).prop_map(|(byte, length)| vec![byte; length]),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_read_is_what_was_written(
            members in proptest::collection::btree_map(member_path(), body(), 0..12)
        ) {
            let bundle = bundle_of(&members);
            prop_assert!(read_all(&bundle) == members);
            let mut reader = open(&bundle).unwrap();
            for (path, body) in members.iter().rev() {
                prop_assert!(&reader.read(path).unwrap() == body);
            }
        }
    }

    #[test]
    fn members_are_read_in_any_order_and_again() {
        let members = hard_members();
        let bundle = bundle_of(&members);
        let mut reader = open(&bundle).unwrap();
        reader.members().next().unwrap().unwrap();
        for _ in 0..2 {
            for (path, body) in members.iter().rev().chain(&members) {
                assert_eq!(&reader.read(path).unwrap(), body, "{path}");
            }
        }
        let err = reader.read("envoy/web-1.shop/clusters.json").unwrap_err();
        assert_eq!(
            err.to_string(),
            "`x.xdsnap`: member `envoy/web-1.shop/clusters.json`: not listed in the manifest"
        );
    }

    #[test]
    fn what_is_no_bundle_is_told_from_its_content() {
        let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 3).unwrap();
        let docker = tar_of(&[("manifest.json", EntryType::Regular, b"[]")]);
        let other = tar_of(&[("readme.txt", EntryType::Regular, b"hello")]);
        for bytes in [
            Vec::new(),
            b"{}".to_vec(),
            b"\x1f\x8b\x08".to_vec(),
            zstd(b""),
            zstd(b"{\"configs\": []}"),
            zstd(&[b'x'; 5000]),
            zstd(&[0; 1024]),
            docker,
            other,
        ] {
            let err = open(&bytes).unwrap_err();
            assert!(matches!(err.reason, Reason::NotABundle(_)), "{err}");
            assert!(
                err.to_string()
                    .starts_with("`x.xdsnap`: not an xdsnap bundle"),
                "{err}"
            );
        }
    }

    #[test]
    fn another_major_version_is_refused_with_what_to_do_and_a_minor_one_is_read() {
        let of = |version: &str| {
            let mut manifest = manifest_of(&few_members());
            manifest["version"] = json!(version);
            manifest["tool"] = json!("xdsnap 9.2.0");
            manifest["members"][0]["added_later"] = json!([1]);
            manifest["added_later"] = json!({"x": null});
            hostile(&manifest, &few_members())
        };
        for version in ["0", "2", "2.1", "3-draft"] {
            let err = open(&of(version)).unwrap_err();
            assert_eq!(
                err.to_string(),
                format!(
                    "`x.xdsnap`: bundle format version `{version}` is not supported, this release \
                     reads version 1; use a release that reads it, such as the one \
                     that wrote it: `xdsnap 9.2.0`"
                )
            );
        }
        for version in ["1-draft", "1-rc", "1", "1.7"] {
            assert_eq!(read_all(&of(version)), few_members(), "{version}");
        }
    }
}

mod damage {
    use super::*;

    /// Opens altered bytes and checks that nothing passes for what it is not; whether the bundle counts as intact.
    fn check(original: &Reader<Cursor<&[u8]>>, members: &Members, bytes: &[u8]) -> bool {
        let mut reader = match open(bytes) {
            Ok(reader) => reader,
            Err(err) => {
                assert!(err.to_string().starts_with("`x.xdsnap`: "), "{err}");
                return false;
            }
        };
        assert_eq!(reader.manifest(), original.manifest());
        let (intact, errors) = read_what_is_intact(&mut reader);
        for (path, body) in &intact {
            assert_eq!(body, &members[path], "{path}");
        }
        for path in members.keys().filter(|path| !intact.contains_key(*path)) {
            let named = |err: &ReadError| err.member.as_ref() == Some(path);
            assert!(errors.iter().any(named), "{path}: {errors:?}");
        }
        let mut reader = open(bytes).unwrap();
        for (path, body) in members.iter().rev() {
            match reader.read(path) {
                Ok(read) => assert_eq!(&read, body, "{path}"),
                Err(err) => assert!(err.to_string().contains(path.as_str()), "{err}"),
            }
        }
        errors.is_empty()
    }

    #[test]
    fn a_file_cut_anywhere_is_no_intact_bundle_and_what_remains_reads() {
        let members = few_members();
        let bundle = bundle_of(&members);
        let original = open(&bundle).unwrap();
        assert!(check(&original, &members, &bundle));
        // Cut off whole, the seek table is missed by nothing that is read.
        let without_table = bundle.len() - (5 * 12 + 17);
        for length in 0..bundle.len() {
            assert_eq!(
                check(&original, &members, &bundle[..length]),
                length == without_table,
                "cut at {length}"
            );
        }
    }

    #[test]
    fn an_altered_byte_anywhere_never_passes_for_the_original() {
        let members = few_members();
        let bundle = bundle_of(&members);
        let original = open(&bundle).unwrap();
        for index in 0..bundle.len() {
            for mask in [0x01, 0x04, 0x80, 0xFF] {
                let mut altered = bundle.clone();
                altered[index] ^= mask;
                check(&original, &members, &altered);
            }
        }
    }

    #[test]
    fn damage_to_one_member_leaves_the_others_readable() {
        let members = few_members();
        let bundle = bundle_of(&members);
        let magic = 0xFD2F_B528_u32.to_le_bytes();
        let starts: Vec<usize> = (0..bundle.len() - 4)
            .filter(|at| bundle[*at..].starts_with(&magic))
            .collect();
        // The manifest, three members and the end.
        assert_eq!(starts.len(), 5);
        for (number, damaged) in members.keys().enumerate() {
            let mut altered = bundle.clone();
            // The last byte before the next frame belongs to the checksum of this one.
            altered[starts[number + 2] - 5] ^= 0xFF;
            let mut reader = open(&altered).unwrap();
            let (intact, errors) = read_what_is_intact(&mut reader);
            let mut expected = members.clone();
            expected.remove(damaged);
            assert_eq!(intact, expected, "{errors:?}");
            assert!(
                errors
                    .iter()
                    .any(|err| err.member.as_ref() == Some(damaged))
            );
            for (path, body) in &expected {
                assert_eq!(&open(&altered).unwrap().read(path).unwrap(), body, "{path}");
            }
        }
    }

    #[test]
    fn a_truncated_bundle_is_called_so_with_the_members_that_are_lost() {
        let bundle = bundle_of(&few_members());
        let cut = &bundle[..bundle.len() - 177];
        let (_, errors) = read_what_is_intact(&mut open(cut).unwrap());
        let lost = errors.iter().find(|err| err.member.is_some()).unwrap();
        assert!(
            lost.to_string()
                .starts_with(&format!("`x.xdsnap`: member `{SYNCZ}`: truncated")),
            "{lost}"
        );
    }

    #[test]
    fn another_content_than_listed_is_altered() {
        let manifest = manifest_of(&few_members());
        for (body, what) in [(&b"{}"[..], "SHA-256"), (b"[ ]", "3 bytes")] {
            let mut members = few_members();
            members.insert(SYNCZ.to_owned(), body.to_vec());
            let bundle = hostile(&manifest, &members);
            let err = open(&bundle).unwrap().read(SYNCZ).unwrap_err();
            assert!(matches!(&err.reason, Reason::Altered(_)), "{err}");
            assert!(err.to_string().contains(what), "{err}");
            let (intact, errors) = read_what_is_intact(&mut open(&bundle).unwrap());
            assert_eq!((intact.len(), errors.len()), (2, 1));
        }
    }

    #[test]
    fn missing_and_unlisted_members_are_reported() {
        let mut members = few_members();
        let manifest = manifest_of(&members);
        members.remove(STATS);
        members.insert("notes.txt".to_owned(), b"hello".to_vec());
        let bundle = hostile(&manifest, &members);
        let mut reader = open(&bundle).unwrap();
        let (intact, errors) = read_what_is_intact(&mut reader);
        assert_eq!(intact.keys().collect::<Vec<_>>(), [LISTENERS, SYNCZ]);
        let [unlisted, missing] = &errors[..] else {
            panic!("{errors:?}")
        };
        assert!(matches!(unlisted.reason, Reason::NotListed), "{unlisted}");
        assert_eq!(unlisted.member.as_deref(), Some("notes.txt"));
        assert!(matches!(missing.reason, Reason::Missing), "{missing}");
        assert_eq!(missing.member.as_deref(), Some(STATS));
        let err = reader.read(STATS).unwrap_err();
        assert!(matches!(err.reason, Reason::Missing), "{err}");
    }
}

/// A zstd-compressed tar archive of whatever it is given, in one frame.
fn tar_of(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (path, kind, body) in entries {
        let size = body.len() as u64;
        tar_entry(&mut tar, path.as_bytes(), *kind, size, body);
    }
    tar.extend([0; 1024]);
    zstd::encode_all(&tar[..], 3).unwrap()
}

/// Appends an entry as a stranger would make it: nothing is checked.
fn tar_entry(tar: &mut Vec<u8>, path: &[u8], kind: EntryType, size: u64, body: &[u8]) {
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..path.len()].copy_from_slice(path);
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    if kind.is_symlink() || kind.is_hard_link() {
        header.set_link_name("/etc/passwd").unwrap();
    }
    header.set_cksum();
    tar.write_all(header.as_bytes()).unwrap();
    tar.write_all(body).unwrap();
    tar.resize(tar.len().next_multiple_of(512), 0);
}

fn manifest_of(members: &Members) -> Value {
    let entries: Vec<Value> = members
        .iter()
        .map(|(path, body)| entry_of(path, body))
        .collect();
    json!({
        "format": "xdsnap.bundle",
        "version": "1",
        "tool": "someone's",
        "proxies": [{"id": "web-1.shop"}],
        "istiods": [],
        "members": entries,
        "failures": [],
        "redaction": {"rules": [], "values": 0}
    })
}

fn entry_of(path: &str, body: &[u8]) -> Value {
    let sha256: String = Sha256::digest(body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    json!({"path": path, "size": body.len(), "sha256": sha256, "origin": {"file": "x"}})
}

/// A bundle of any manifest with any members.
fn hostile(manifest: &Value, members: &Members) -> Vec<u8> {
    let manifest = manifest.to_string();
    let mut entries = vec![(MANIFEST_PATH, EntryType::Regular, manifest.as_bytes())];
    for (path, body) in members {
        entries.push((path, EntryType::Regular, body));
    }
    tar_of(&entries)
}

mod hostile {
    use super::*;

    #[test]
    fn links_devices_and_sparse_files_are_refused_whatever_the_manifest_says() {
        let mut members = few_members();
        members.insert(STATS.to_owned(), Vec::new());
        let manifest = manifest_of(&members).to_string();
        for kind in [
            EntryType::Link,
            EntryType::Symlink,
            EntryType::Char,
            EntryType::Block,
            EntryType::Fifo,
            EntryType::GNUSparse,
            EntryType::Continuous,
            EntryType::new(b'V'),
        ] {
            let bundle = tar_of(&[
                (MANIFEST_PATH, EntryType::Regular, manifest.as_bytes()),
                (STATS, kind, b""),
                (SYNCZ, EntryType::Regular, &members[SYNCZ]),
                (LISTENERS, EntryType::Regular, &members[LISTENERS]),
            ]);
            let mut reader = open(&bundle).unwrap();
            let (intact, errors) = read_what_is_intact(&mut reader);
            assert_eq!(intact.keys().collect::<Vec<_>>(), [LISTENERS, SYNCZ]);
            let [err] = &errors[..] else {
                panic!("{errors:?}")
            };
            assert!(matches!(err.reason, Reason::Forbidden(_)), "{err}");
            assert_eq!(err.member.as_deref(), Some(STATS));
            let err = reader.read(STATS).unwrap_err();
            assert!(matches!(err.reason, Reason::Forbidden(_)), "{err}");
        }
    }

    #[test]
    fn a_path_that_leads_out_of_the_folder_is_refused_in_archive_and_manifest() {
        for path in [
            "/etc/passwd",
            "../outside.json",
            "envoy/../../outside.json",
            "envoy//x.json",
            "envoy/x\u{1b}[2J.json",
            "envoy\\x.json",
        ] {
            let mut members = few_members();
            let manifest = manifest_of(&members);
            members.insert(path.to_owned(), b"{}".to_vec());
            let in_archive = hostile(&manifest, &members);
            let mut reader = open(&in_archive).unwrap();
            let (intact, errors) = read_what_is_intact(&mut reader);
            assert_eq!(intact, few_members());
            assert_eq!(errors.len(), 1, "{errors:?}");
            assert!(!errors[0].to_string().contains('\u{1b}'));

            let in_manifest = hostile(&manifest_of(&members), &members);
            let err = open(&in_manifest).unwrap_err();
            assert!(matches!(err.reason, Reason::Forbidden(_)), "{err}");
            assert!(!err.to_string().contains('\u{1b}'));
        }
        let folder = tar_of(&[
            (
                MANIFEST_PATH,
                EntryType::Regular,
                manifest_of(&Members::new()).to_string().as_bytes(),
            ),
            ("./envoy/", EntryType::Directory, b""),
            ("../envoy/", EntryType::Directory, b""),
        ]);
        let (_, errors) = read_what_is_intact(&mut open(&folder).unwrap());
        assert_eq!(errors.len(), 1, "{errors:?}");
    }

    #[test]
    fn a_member_or_manifest_that_is_there_twice_is_reported() {
        let members = few_members();
        let manifest = manifest_of(&members).to_string();
        let other = manifest.replace("someone's", "x");
        let bundle = tar_of(&[
            (MANIFEST_PATH, EntryType::Regular, manifest.as_bytes()),
            (LISTENERS, EntryType::Regular, &members[LISTENERS]),
            (STATS, EntryType::Regular, &members[STATS]),
            (SYNCZ, EntryType::Regular, &members[SYNCZ]),
            (SYNCZ, EntryType::Regular, b"{}"),
            (MANIFEST_PATH, EntryType::Regular, other.as_bytes()),
        ]);
        let (intact, errors) = read_what_is_intact(&mut open(&bundle).unwrap());
        assert_eq!(intact, members);
        let twice: Vec<_> = errors
            .iter()
            .filter(|err| matches!(err.reason, Reason::Duplicate))
            .filter_map(|err| err.member.as_deref())
            .collect();
        assert_eq!(twice, [SYNCZ, MANIFEST_PATH]);

        let mut listed_twice = manifest_of(&members);
        let first = listed_twice["members"][0].clone();
        listed_twice["members"].as_array_mut().unwrap().push(first);
        let err = open(&hostile(&listed_twice, &members)).unwrap_err();
        assert!(matches!(err.reason, Reason::InvalidManifest(_)), "{err}");
    }

    #[test]
    fn a_huge_size_is_refused_before_memory_is_taken() {
        let members = few_members();
        let mut manifest = manifest_of(&members);
        for size in [MAX_MEMBER_BYTES + 1, 1 << 40] {
            let err = open(&claiming(&manifest, size))
                .unwrap()
                .read(STATS)
                .unwrap_err();
            assert!(matches!(err.reason, Reason::TooLarge { .. }), "{err}");
        }
        // These are within the limits, or no sizes at all, and the file does not hold them.
        for size in [MAX_MEMBER_BYTES, u64::MAX - 511, u64::MAX] {
            let err = open(&claiming(&manifest, size))
                .unwrap()
                .read(STATS)
                .unwrap_err();
            assert!(
                matches!(
                    err.reason,
                    Reason::TooLarge { .. } | Reason::Truncated | Reason::Missing
                ),
                "{err}"
            );
        }
        manifest["members"][0]["size"] = json!(MAX_MEMBER_BYTES + 1);
        let err = open(&hostile(&manifest, &members)).unwrap_err();
        assert!(matches!(err.reason, Reason::TooLarge { .. }), "{err}");
    }

    /// A bundle with a member that says it has `size` bytes and has two.
    fn claiming(manifest: &Value, size: u64) -> Vec<u8> {
        let mut tar = Vec::new();
        let text = manifest.to_string();
        let regular = EntryType::Regular;
        let path = MANIFEST_PATH.as_bytes();
        tar_entry(&mut tar, path, regular, text.len() as u64, text.as_bytes());
        tar_entry(&mut tar, STATS.as_bytes(), regular, size, b"{}");
        zstd::encode_all(&tar[..], 3).unwrap()
    }

    #[test]
    fn what_follows_a_member_that_is_too_large_is_not_searched_in_it() {
        let members = few_members();
        let manifest = manifest_of(&members);
        // The stranger would have gigabytes unpacked to find the next member.
        let mut bundle = claiming(&manifest, MAX_MEMBER_BYTES + 1);
        bundle.extend(tar_of(&[(SYNCZ, EntryType::Regular, &members[SYNCZ])]));
        assert_eq!(open(&bundle).unwrap().read(SYNCZ).unwrap(), members[SYNCZ]);
    }

    #[test]
    fn a_header_with_a_wrong_checksum_is_damage() {
        let manifest = manifest_of(&few_members()).to_string();
        let mut tar = Vec::new();
        let regular = EntryType::Regular;
        let path = MANIFEST_PATH.as_bytes();
        tar_entry(
            &mut tar,
            path,
            regular,
            manifest.len() as u64,
            manifest.as_bytes(),
        );
        let header = tar.len();
        tar_entry(&mut tar, STATS.as_bytes(), regular, 2, b"{}");
        tar[header] ^= 1;
        let bundle = zstd::encode_all(&tar[..], 3).unwrap();
        let (_, errors) = read_what_is_intact(&mut open(&bundle).unwrap());
        assert!(matches!(errors[0].reason, Reason::Damaged(_)), "{errors:?}");
        assert_eq!(errors[0].member, None);
    }

    #[test]
    fn a_manifest_or_header_larger_than_the_limits_is_refused() {
        let mut tar = Vec::new();
        let spaces = vec![b' '; (64 << 20) + 1];
        let regular = EntryType::Regular;
        tar_entry(
            &mut tar,
            MANIFEST_PATH.as_bytes(),
            regular,
            spaces.len() as u64,
            &spaces,
        );
        let err = open(&zstd::encode_all(&tar[..], 1).unwrap()).unwrap_err();
        assert!(matches!(err.reason, Reason::TooLarge { .. }), "{err}");
        assert_eq!(err.member.as_deref(), Some(MANIFEST_PATH));

        let members = Members::new();
        let manifest = manifest_of(&members).to_string();
        let long = vec![b'x'; 1 << 20];
        for kind in [
            EntryType::GNULongName,
            EntryType::XHeader,
            EntryType::XGlobalHeader,
        ] {
            let bundle = tar_of(&[
                (MANIFEST_PATH, regular, manifest.as_bytes()),
                ("x", kind, &long),
                ("y", regular, b""),
            ]);
            let (_, errors) = read_what_is_intact(&mut open(&bundle).unwrap());
            assert!(
                matches!(errors[0].reason, Reason::TooLarge { .. }),
                "{errors:?}"
            );
        }
    }

    #[test]
    fn a_mebibyte_of_zeros_may_follow_the_end_and_nothing_else() {
        let manifest = manifest_of(&Members::new()).to_string();
        let bundle = tar_of(&[(MANIFEST_PATH, EntryType::Regular, manifest.as_bytes())]);
        let tar = zstd::decode_all(&bundle[..]).unwrap();
        let zeros = |count: usize| vec![0; count];
        for (rest, is_intact) in [
            (vec![], true),
            (zeros(1 << 20), true),
            (zeros((1 << 20) + 1), false),
            ([zeros(1024), b"x".to_vec()].concat(), false),
        ] {
            let bundle = zstd::encode_all(&[&tar[..], &rest].concat()[..], 1).unwrap();
            let (_, errors) = read_what_is_intact(&mut open(&bundle).unwrap());
            let told = errors
                .iter()
                .any(|err| matches!(err.reason, Reason::Forbidden(_)));
            assert_eq!(
                (errors.is_empty(), told),
                (is_intact, !is_intact),
                "{errors:?}"
            );
        }
    }

    #[test]
    fn a_name_longer_than_the_limit_is_refused_and_shown_shortened() {
        let manifest = manifest_of(&Members::new()).to_string();
        let long = format!("envoy/{}", "x".repeat(5000));
        let bundle = tar_of(&[
            (MANIFEST_PATH, EntryType::Regular, manifest.as_bytes()),
            ("././@LongLink", EntryType::GNULongName, long.as_bytes()),
            ("envoy/x", EntryType::Regular, b"{}"),
        ]);
        let (_, errors) = read_what_is_intact(&mut open(&bundle).unwrap());
        let [err] = &errors[..] else {
            panic!("{errors:?}")
        };
        assert!(err.to_string().len() < 700, "{err}");
    }

    /// The record of an extended header of POSIX.
    fn pax(key: &str, value: &str) -> Vec<u8> {
        let rest = format!(" {key}={value}\n");
        let mut length = rest.len() + 1;
        while length.to_string().len() + rest.len() != length {
            length += 1;
        }
        format!("{length}{rest}").into_bytes()
    }

    #[test]
    fn an_extended_header_that_lies_about_size_or_holes_is_refused_with_its_member_alone() {
        let members = few_members();
        let manifest = manifest_of(&members).to_string();
        for (key, value, what) in [
            ("size", "1", "holds a size"),
            ("GNU.sparse.major", "1", "sparse"),
            ("GNU.sparse.realsize", "9999999999", "sparse"),
        ] {
            let record = pax(key, value);
            let entries = |kind| {
                tar_of(&[
                    (MANIFEST_PATH, EntryType::Regular, manifest.as_bytes()),
                    (LISTENERS, EntryType::Regular, &members[LISTENERS]),
                    ("pax", kind, &record),
                    (STATS, EntryType::Regular, &members[STATS]),
                    (SYNCZ, EntryType::Regular, &members[SYNCZ]),
                ])
            };
            let bundle = entries(EntryType::XHeader);
            let (intact, errors) = read_what_is_intact(&mut open(&bundle).unwrap());
            assert_eq!(intact.keys().collect::<Vec<_>>(), [LISTENERS, SYNCZ]);
            let [err] = &errors[..] else {
                panic!("{errors:?}")
            };
            assert_eq!(err.member.as_deref(), Some(STATS));
            assert!(matches!(err.reason, Reason::Forbidden(_)), "{err}");
            assert!(err.to_string().contains(what), "{err}");

            let bundle = entries(EntryType::XGlobalHeader);
            let (intact, errors) = read_what_is_intact(&mut open(&bundle).unwrap());
            assert_eq!(intact.keys().collect::<Vec<_>>(), [LISTENERS]);
            assert!(
                matches!(errors[0].reason, Reason::Forbidden(_)),
                "{errors:?}"
            );
        }
        let link = pax("linkpath", "/etc");
        let bundle = tar_of(&[("pax", EntryType::XGlobalHeader, &link)]);
        let err = open(&bundle).unwrap_err();
        assert!(matches!(err.reason, Reason::Forbidden(_)), "{err}");
        // As `git archive` writes one.
        let comment = pax("comment", "0123456789abcdef");
        let bundle = tar_of(&[
            ("pax", EntryType::XGlobalHeader, &comment),
            (MANIFEST_PATH, EntryType::Regular, manifest.as_bytes()),
            (LISTENERS, EntryType::Regular, &members[LISTENERS]),
            (STATS, EntryType::Regular, &members[STATS]),
            (SYNCZ, EntryType::Regular, &members[SYNCZ]),
        ]);
        assert_eq!(read_all(&bundle), members);
    }

    #[test]
    fn of_two_paths_that_differ_in_letter_case_only_the_second_is_refused() {
        let mut members = few_members();
        members.insert(LISTENERS.replace("web", "Web"), b"{}".to_vec());
        let bundle = hostile(&manifest_of(&members), &members);
        let mut reader = open(&bundle).unwrap();
        let (intact, errors) = read_what_is_intact(&mut reader);
        let [err] = &errors[..] else {
            panic!("{errors:?}")
        };
        assert_eq!(err.member.as_deref(), Some(LISTENERS));
        assert!(err.to_string().contains("letter case"), "{err}");
        assert_eq!(intact.len(), members.len() - 1);
        assert!(reader.read(LISTENERS).is_err());

        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::create(&folder.path().join("x.xdsnap")).unwrap();
        add(&mut writer, LISTENERS, b"{}");
        let path: MemberPath = LISTENERS.replace("web", "WEB").parse().unwrap();
        let err = writer
            .member(path, Provenance::of_file("x"), &mut &b"{}"[..])
            .unwrap_err();
        assert!(matches!(err, WriteError::CaseCollision { .. }), "{err}");
        assert!(err.to_string().contains(LISTENERS), "{err}");
    }

    #[test]
    fn a_manifest_that_is_nested_too_deep_is_refused_before_it_is_parsed() {
        let nested = |depth: usize| {
            let mut manifest = manifest_of(&few_members());
            manifest["later"] = json!("\"[[{{ is no depth");
            let text = manifest.to_string();
            let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            let text = format!("{},\"deep\":{deep}}}", &text[..text.len() - 1]);
            let mut entries = vec![(MANIFEST_PATH, EntryType::Regular, text.as_bytes())];
            let members = few_members();
            for (path, body) in &members {
                entries.push((path, EntryType::Regular, body));
            }
            tar_of(&entries)
        };
        assert_eq!(read_all(&nested(63)), few_members());
        for depth in [64, 100_000] {
            let err = open(&nested(depth)).unwrap_err();
            assert!(matches!(err.reason, Reason::TooLarge { .. }), "{err}");
            assert_eq!(err.member.as_deref(), Some(MANIFEST_PATH));
            assert!(err.to_string().contains("the depth of the JSON"), "{err}");
        }
    }

    #[test]
    fn a_proxy_id_that_is_no_folder_name_is_refused() {
        let mut manifest = manifest_of(&few_members());
        manifest["proxies"][0]["id"] = json!("../../etc");
        let err = open(&hostile(&manifest, &few_members())).unwrap_err();
        assert!(matches!(err.reason, Reason::InvalidManifest(_)), "{err}");
        assert!(err.to_string().contains("../../etc"), "{err}");
    }

    #[test]
    fn data_behind_the_end_of_the_archive_is_reported() {
        let members = few_members();
        let mut bundle = bundle_of(&members);
        bundle.extend(zstd::encode_all(&b"hidden"[..], 3).unwrap());
        let (intact, errors) = read_what_is_intact(&mut open(&bundle).unwrap());
        assert_eq!(intact, members);
        assert!(
            matches!(&errors[..], [err] if matches!(err.reason, Reason::Forbidden(_))),
            "{errors:?}"
        );
    }
}

mod schema {
    use super::*;

    fn file(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("schema")
            .join(name)
    }

    fn validator() -> jsonschema::Validator {
        let schema = serde_json::to_value(schemars::schema_for!(Manifest)).unwrap();
        jsonschema::draft202012::options()
            .should_validate_formats(true)
            .build(&schema)
            .unwrap()
    }

    #[test]
    fn the_committed_schema_is_what_the_structs_generate() {
        let mut generated = serde_json::to_string_pretty(&schemars::schema_for!(Manifest)).unwrap();
        generated.push('\n');
        let file = file("manifest.schema.json");
        if std::env::var_os("XDSNAP_BLESS").is_some() {
            fs::write(&file, generated).unwrap();
            return;
        }
        assert!(
            fs::read_to_string(&file).unwrap() == generated,
            "schema/manifest.schema.json differs from the structs in src/bundle/format.rs; run \
             `XDSNAP_BLESS=1 cargo test schema`"
        );
    }

    #[test]
    fn the_example_in_the_specification_is_a_manifest() {
        let specification = fs::read_to_string(file("bundle.md")).unwrap();
        let (_, rest) = specification.split_once("```json\n").unwrap();
        let (example, _) = rest.split_once("```").unwrap();
        let value: Value = serde_json::from_str(example).unwrap();
        let problems: Vec<String> = validator()
            .iter_errors(&value)
            .map(|err| err.to_string())
            .collect();
        assert_eq!(problems, [""; 0]);
        let manifest: Manifest = serde_json::from_str(example).unwrap();
        // Nothing in it is an unknown field, and it is spelled as the writer spells it.
        let printed = serde_json::to_string_pretty(&manifest).unwrap();
        assert_eq!(printed, example.trim_end());
    }

    #[test]
    fn the_schema_accepts_what_is_written_and_what_later_versions_add() {
        let validator = validator();
        let written = open(&bundle_of(&hard_members()))
            .unwrap()
            .read(MANIFEST_PATH)
            .unwrap();
        let minimal = manifest_of(&Members::new());
        let mut later = manifest_of(&few_members());
        later["version"] = json!("1.3");
        later["added"] = json!(true);
        later["members"][0]["origin"] = json!({"pod": "web-1"});
        for manifest in [serde_json::from_slice(&written).unwrap(), minimal, later] {
            let problem = validator.validate(&manifest).map_err(|err| err.to_string());
            assert_eq!(problem, Ok(()));
            serde_json::from_value::<Manifest>(manifest).unwrap();
        }
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/bundles");
        for name in [
            "1-draft",
            "1-draft-mesh",
            "1-rc",
            "1-rc-mesh",
            "1",
            "1-mesh",
        ] {
            let bundle = fs::read(golden.join(format!("{name}.xdsnap"))).unwrap();
            let manifest = open(&bundle).unwrap().read(MANIFEST_PATH).unwrap();
            let manifest = serde_json::from_slice(&manifest).unwrap();
            let problem = validator.validate(&manifest).map_err(|err| err.to_string());
            assert_eq!(problem, Ok(()), "{name}");
        }
    }

    #[test]
    fn the_schema_rejects_what_no_version_1_may_hold() {
        let validator = validator();
        for (pointer, value) in [
            ("/format", json!("xdsnap.diff")),
            ("/version", json!("2")),
            ("/version", json!(1)),
            ("/tool", Value::Null),
            ("/proxies", json!({})),
            ("/proxies/0/id", json!("")),
            ("/proxies/0/id", json!("x".repeat(254))),
            ("/members/0/path", json!("x".repeat(513))),
            ("/members/0/path", json!("")),
            ("/members/0/size", json!(-1)),
            ("/members/0/size", json!(1.5)),
            ("/members/0/size", json!(MAX_MEMBER_BYTES + 1)),
            ("/members/0/path", json!(MANIFEST_PATH)),
            ("/members/0/path", json!("/etc/x")),
            ("/members/0/path", json!("./x")),
            ("/members/0/path", json!("x/../y")),
            ("/members/0/path", json!("x//y")),
            ("/members/0/path", json!("x/")),
            ("/members/0/path", json!("x\\y")),
            ("/members/0/path", json!("x\u{85}y")),
            ("/proxies/0/id", json!("...")),
            ("/proxies/0/id", json!("a/b")),
            ("/proxies/0/id", json!("a\tb")),
            ("/istiods/0/name", json!("..")),
            ("/members/0/sha256", json!("00")),
            ("/members/0/sha256", json!("A".repeat(64))),
            ("/members/0/origin", json!("http://127.0.0.1:15000/")),
            ("/members/0/origin", json!({})),
            ("/members/0/origin", json!({"file": "/home/me/x.json"})),
            ("/members/0/origin", json!({"file": null})),
            ("/members/0/requested", json!("yesterday")),
            ("/members/0/requested", json!("2026-11-21T01:52:51Z")),
            (
                "/members/0/requested",
                json!("2026-11-21T02:52:51.000+01:00"),
            ),
            ("/members/0/status", json!("200")),
            ("/members/0/status", json!(70_000)),
            ("/failures/0/source", json!("kubectl")),
            ("/redaction/values", json!("3")),
            ("/captured/start", json!(1_763_690_000)),
        ] {
            let mut manifest = manifest_of(&few_members());
            manifest["captured"] =
                json!({"start": "2026-11-21T01:52:51.000Z", "end": "2026-11-21T01:52:52.000Z"});
            manifest["members"][0]["requested"] = json!("2026-11-21T01:52:51.000Z");
            manifest["members"][0]["status"] = json!(200);
            manifest["istiods"] = json!([{"name": "istiod-1"}]);
            manifest["failures"] =
                json!([{"source": "envoy", "origin": {"url": "http://x/"}, "reason": "none"}]);
            assert!(validator.is_valid(&manifest));
            *manifest.pointer_mut(pointer).unwrap() = value.clone();
            assert!(!validator.is_valid(&manifest), "{pointer} {value}");
        }
        for field in [
            "format",
            "version",
            "tool",
            "proxies",
            "istiods",
            "members",
            "failures",
            "redaction",
        ] {
            let mut manifest = manifest_of(&few_members());
            manifest.as_object_mut().unwrap().remove(field).unwrap();
            assert!(!validator.is_valid(&manifest), "without {field}");
        }
        let every = every_field();
        assert!(validator.is_valid(&every));
        let optional = assert_each_field_is_checked(&validator, &every, "");
        assert_eq!(optional, 19);
    }

    #[test]
    fn a_null_is_read_as_nothing_and_verify_warns_of_it() {
        let members = few_members();
        let mut manifest = manifest_of(&members);
        manifest["note"] = json!(null);
        let bundle = hostile(&manifest, &members);
        assert_eq!(open(&bundle).unwrap().manifest().note, None);
        let findings = xdsnap::bundle::verify("x", Cursor::new(&bundle[..])).unwrap();
        assert!(
            findings.iter().any(|found| found.text.contains("`null`")),
            "{findings:?}"
        );
    }

    /// A manifest with all fields that this version knows.
    fn every_field() -> Value {
        let time = "2026-11-21T01:52:51.000Z";
        let origin = json!({"file": "x.json", "url": "http://127.0.0.1:15000/"});
        json!({
            "format": "xdsnap.bundle", "version": "1", "tool": "xdsnap", "note": "x",
            "captured": {"start": time, "end": time},
            "proxies": [{"id": "a.b", "envoy_version": "1", "istio_version": "1", "istiod": "x"}],
            "istiods": [{"name": "x", "version": "1"}],
            "members": [{
                "path": LISTENERS, "size": 2, "sha256": "0".repeat(64), "origin": origin,
                "requested": time, "received": time, "status": 200, "redacted": 0, "offset": 0,
            }],
            "failures": [{
                "source": "envoy", "proxy": "a.b", "document": "config_dump", "part": "x",
                "origin": {"url": "x"}, "time": time, "status": 503, "reason": "x",
            }],
            "redaction": {"rules": ["x"], "values": 0},
        })
    }

    /// Takes out, and makes `null` and another type, each field below `pointer`; the count of those that may be absent.
    fn assert_each_field_is_checked(
        validator: &jsonschema::Validator,
        whole: &Value,
        pointer: &str,
    ) -> usize {
        let keys: Vec<String> = match whole.pointer(pointer).unwrap() {
            Value::Object(fields) => fields.keys().cloned().collect(),
            Value::Array(items) => (0..items.len()).map(|at| at.to_string()).collect(),
            _ => return 0,
        };
        let mut optional = 0;
        for key in keys {
            let field = format!("{pointer}/{key}");
            for wrong in [Value::Null, json!([[]])] {
                let mut other = whole.clone();
                *other.pointer_mut(&field).unwrap() = wrong.clone();
                assert!(!validator.is_valid(&other), "{field} {wrong}");
            }
            let mut other = whole.clone();
            if let Value::Object(fields) = other.pointer_mut(pointer).unwrap() {
                fields.remove(&key).unwrap();
                optional += usize::from(validator.is_valid(&other));
            }
            optional += assert_each_field_is_checked(validator, whole, &field);
        }
        optional
    }
}
