//! `reader.py` and `writer.py`, which were made from `schema/bundle.md` alone, agree with this implementation.

use std::collections::HashMap;

use xdsnap::bundle::{Level, recover, verify};

use super::{stock_tools::python_zstandard, *};

/// What a program beside this file prints.
fn python<S: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = S>) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/bundle");
    let with_package = format!(
        "import runpy, sys; sys.path.insert(0, {:?}); del sys.argv[0]; \
         runpy.run_path(sys.argv[0], run_name='__main__')",
        python_zstandard().to_str().unwrap()
    );
    let mut all = vec!["-c".into(), with_package.into(), file.join(program).into()];
    all.extend(arguments.into_iter().map(|arg| arg.as_ref().to_owned()));
    serde_json::from_str(&run("python3", all)).unwrap()
}

fn golden(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/bundles");
    fs::read(folder.join(name)).unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

fn digests<'a>(members: impl IntoIterator<Item = (&'a String, &'a Vec<u8>)>) -> Value {
    let digests: HashMap<_, _> = (members.into_iter())
        .map(|(path, body)| (path, sha256(body)))
        .collect();
    json!(digests)
}

#[test]
fn the_reader_finds_the_same_members_also_by_seeking() {
    let folder = tempfile::tempdir().unwrap();
    let bundles = [
        golden("1-draft.xdsnap"),
        golden("1-draft-mesh.xdsnap"),
        golden("1-rc.xdsnap"),
        golden("1-rc-mesh.xdsnap"),
        golden("1.xdsnap"),
        bundle_of(&hard_members()),
        bundle_of(&few_members()),
    ];
    let files: Vec<PathBuf> = (bundles.iter().enumerate())
        .map(|(number, bytes)| write_file(folder.path(), &number.to_string(), bytes))
        .collect();
    let verified = python(
        "reader.py",
        [OsStr::new("verify")]
            .into_iter()
            .chain(files.iter().map(|f| f.as_os_str())),
    );
    let read = python(
        "reader.py",
        [OsStr::new("read")]
            .into_iter()
            .chain(files.iter().map(|f| f.as_os_str())),
    );
    for (number, bytes) in bundles.iter().enumerate() {
        let manifest = open(bytes).unwrap().manifest().clone();
        let members = read_all(bytes);
        let expected = digests(&members);
        let version = manifest.version.to_string();
        assert_eq!(verified[number], json!([version, expected, []]), "{number}");
        if version == "1-draft" {
            assert_eq!(read[number], json!({}));
            continue;
        }
        for (path, body) in &members {
            let found = &read[number][path];
            assert_eq!(found[0], sha256(body), "{number} {path}");
            // None of these is larger than a frame may be that xdsnap writes.
            assert_eq!(found[1], 1, "{number} {path}");
        }
    }
}

#[test]
fn the_reader_finds_the_same_intact_members_in_what_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let mut cases = Vec::new();
    for name in ["1-draft.xdsnap", "1.xdsnap", "1.partial"] {
        let bytes = golden(name);
        for at in (0..bytes.len()).step_by(23) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x55;
            cases.push((format!("{name} flipped at {at}"), flipped));
            cases.push((format!("{name} cut at {at}"), bytes[..at].to_vec()));
        }
    }
    let files: Vec<PathBuf> = (cases.iter().enumerate())
        .map(|(number, (_, bytes))| write_file(folder.path(), &number.to_string(), bytes))
        .collect();
    let verified = python(
        "reader.py",
        [OsStr::new("verify")]
            .into_iter()
            .chain(files.iter().map(|f| f.as_os_str())),
    );
    let mut damaged = 0;
    for (number, (case, bytes)) in cases.iter().enumerate() {
        let intact: Members = match recover("x", Cursor::new(&bytes[..])) {
            Ok(mut recovery) => (recovery.members().filter_map(Result::ok))
                .map(|found| (found.entry.path, found.bytes))
                .collect(),
            Err(_) => Members::new(),
        };
        assert_eq!(
            verified[number][1],
            digests(&intact),
            "{case}: {}",
            verified[number]
        );
        damaged += usize::from(intact.len() < 7);
    }
    assert!(damaged > cases.len() / 2, "{damaged} of {}", cases.len());
}

#[test]
fn what_the_writer_makes_in_any_form_verifies_clean() {
    let folder = tempfile::tempdir().unwrap();
    let expected = python("writer.py", [folder.path()]);
    let mut count = 0;
    for file in fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap().path();
        let bundle = fs::read(&file).unwrap();
        run("zstd", ["-t", "-q", file.to_str().unwrap()]);
        run("tar", ["--zstd", "-tf", file.to_str().unwrap()]);
        let mut members = read_all(&bundle);
        members.retain(|path, _| expected.get(path).is_some());
        assert_eq!(digests(&members), expected, "{}", file.display());
        let mut reader = open(&bundle).unwrap();
        for (path, body) in members.iter().rev() {
            assert!(&reader.read(path).unwrap() == body, "{path}");
        }
        let findings = verify("x", Cursor::new(&bundle[..])).unwrap();
        let notes = match file.file_stem().unwrap().to_str().unwrap() {
            // The version, and two members.
            "version_1.1" => 3,
            _ => 0,
        };
        assert!(
            findings.iter().all(|found| found.level == Level::Note),
            "{}: {findings:?}",
            file.display()
        );
        assert_eq!(findings.len(), notes, "{}: {findings:?}", file.display());
        count += 1;
    }
    assert_eq!(count, 8);
}
