//! Bundles of any bytes, and what must hold of reading, verifying and recovering any of them.

use std::{
    collections::BTreeMap,
    fs,
    io::{Cursor, Write as _},
    path::PathBuf,
    sync::LazyLock,
};

use serde_json::json;
use sha2::{Digest, Sha256};
use xdsnap::bundle::{
    Finding, Head, Intact, Level, MANIFEST_PATH, MemberPath, Provenance, ReadError, Reader, Rule,
    Writer, recover, verify,
};

/// Tar counts in blocks of this many bytes.
pub const BLOCK: usize = 512;

/// Members by their paths.
pub type Members = BTreeMap<String, Vec<u8>>;

/// Where bundles are written: in memory, where the system has such a folder.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = std::path::Path::new("/dev/shm");
    let folder = match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    };
    folder.expect("a folder for scratch files").keep()
});

/// The path of a scratch file, of which this process has one.
fn scratch() -> PathBuf {
    FOLDER.join("x.xdsnap")
}

/// A zstd frame with a checksum.
pub fn frame(content: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("zstd works");
    encoder.include_checksum(true).expect("zstd has checksums");
    encoder
        .set_pledged_src_size(Some(content.len() as u64))
        .expect("zstd takes a size");
    encoder.write_all(content).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

/// The seek table of frames that are `(packed, unpacked, checksum)`.
pub fn seek_table(frames: &[(u32, u32, u32)]) -> Vec<u8> {
    let mut table = 0x184D_2A5E_u32.to_le_bytes().to_vec();
    table.extend((frames.len() as u32 * 12 + 9).to_le_bytes());
    for (packed, unpacked, checksum) in frames {
        for number in [packed, unpacked, checksum] {
            table.extend(number.to_le_bytes());
        }
    }
    table.extend((frames.len() as u32).to_le_bytes());
    table.push(0x80);
    table.extend(0x8F92_EAB1_u32.to_le_bytes());
    table
}

/// A bundle of these frames, with a seek table that is right.
pub fn framed(contents: &[&[u8]]) -> Vec<u8> {
    let mut bundle = Vec::new();
    let mut table = Vec::new();
    for content in contents {
        let frame = frame(content);
        let checksum = frame
            .last_chunk()
            .map_or(0, |bytes| u32::from_le_bytes(*bytes));
        table.push((frame.len() as u32, content.len() as u32, checksum));
        bundle.extend(frame);
    }
    bundle.extend(seek_table(&table));
    bundle
}

/// A tar entry of any type and path.
pub fn entry(kind: u8, path: &[u8], content: &[u8]) -> Vec<u8> {
    let mut header = [0; BLOCK];
    let length = path.len().min(100);
    header[..length].copy_from_slice(&path[..length]);
    header[100..108].copy_from_slice(b"0000644\0");
    header[108..116].copy_from_slice(b"0000000\0");
    header[116..124].copy_from_slice(b"0000000\0");
    header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    header[136..148].copy_from_slice(b"00000000000\0");
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar\x0000");
    sign(&mut header);
    let mut entry = header.to_vec();
    entry.extend(content);
    entry.resize(entry.len().next_multiple_of(BLOCK), 0);
    entry
}

/// Gives a tar header the checksum that it must have.
pub fn sign(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// What a manifest says of a member.
pub fn listed(path: &str, content: &[u8], offset: Option<u64>) -> serde_json::Value {
    let mut entry = json!({
        "path": path,
        "size": content.len(),
        "sha256": sha256(content),
        "origin": { "file": "x" },
    });
    if let Some(offset) = offset {
        entry["offset"] = offset.into();
    }
    entry
}

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A bundle by [`Writer`].
pub fn written(members: &Members) -> Vec<u8> {
    let mut writer = Writer::create(&scratch()).expect("a scratch file");
    for (path, content) in members {
        let path: MemberPath = path.parse().expect("a member's path");
        let provenance = Provenance::of_file("x");
        let added = writer.member(path, provenance, &mut &content[..]);
        added.expect("a member");
    }
    writer.finish(Head::default()).expect("a bundle");
    fs::read(scratch()).expect("the bundle is there")
}

/// What the seek table at the end of a bundle lists.
pub fn table_of(bundle: &[u8]) -> Vec<(u32, u32, u32)> {
    let number = |at: usize| {
        let bytes = bundle[at..].first_chunk().expect("it is within");
        u32::from_le_bytes(*bytes)
    };
    let end = bundle.len() - 9;
    let start = end - 12 * number(end) as usize;
    let entries = (start..end).step_by(12);
    entries
        .map(|at| (number(at), number(at + 4), number(at + 8)))
        .collect()
}

/// What each of the frames of a bundle holds.
pub fn unpacked(bundle: &[u8], frames: &[(u32, u32, u32)]) -> Vec<Vec<u8>> {
    let mut rest = bundle;
    let mut contents = Vec::new();
    for (packed, ..) in frames {
        let (frame, behind) = rest.split_at(*packed as usize);
        contents.push(zstd::decode_all(frame).expect("a frame"));
        rest = behind;
    }
    contents
}

/// Whether a bundle opens and every member in it is what is listed.
pub fn is_intact(bundle: &[u8]) -> bool {
    open(bundle).is_ok_and(|mut reader| check_reader(&mut reader).1)
}

fn open(bytes: &[u8]) -> Result<Reader<Cursor<&[u8]>>, ReadError> {
    Reader::open("x.xdsnap", Cursor::new(bytes))
}

/// Checks all that must hold of whatever these bytes are.
pub fn check(bytes: &[u8]) {
    let mut intact = Members::new();
    let mut is_intact = false;
    let opened = open(bytes);
    let opens = opened.is_ok();
    if let Ok(mut reader) = opened {
        (intact, is_intact) = check_reader(&mut reader);
        for (path, content) in &intact {
            // Also where nothing was read before.
            let alone = open(bytes).expect("it opened before").read(path);
            assert_eq!(alone.as_ref().ok(), Some(content), "{path}");
        }
    }
    let verified = verify("x.xdsnap", Cursor::new(bytes));
    assert_eq!(verified.is_ok(), opens, "{verified:?}");
    if let Ok(findings) = verified {
        let has = |rule| {
            let mut errors = findings.iter().filter(|f| f.level == Level::Error);
            errors.any(|finding| rule == finding.rule)
        };
        // What verifying reads beyond that are checksums, where there is a seek table.
        let is_wrong = [Rule::Member, Rule::Archive, Rule::Manifest]
            .into_iter()
            .any(has);
        assert!(
            is_intact || is_wrong || has(Rule::SeekTable),
            "{findings:?}"
        );
        assert!(!is_intact || !is_wrong, "{findings:?}");
    }
    check_recovery(bytes, opens.then_some(&intact));
}

/// Each member is what the manifest says, or its error is told. Returns what is intact, and whether all is.
fn check_reader(reader: &mut Reader<Cursor<&[u8]>>) -> (Members, bool) {
    let manifest = reader.manifest().clone();
    let mut intact = Members::new();
    let mut told = Vec::new();
    let mut is_intact = true;
    for member in reader.members() {
        match member {
            Ok(member) => {
                let entry = manifest.members.iter().find(|e| e.path == member.path);
                let entry = entry.expect("only what is listed is a member");
                assert_eq!(entry.size, member.bytes.len() as u64);
                assert_eq!(entry.sha256, sha256(&member.bytes));
                assert_eq!(intact.insert(member.path, member.bytes), None);
            }
            Err(error) => {
                is_intact = false;
                told.extend(error.member);
            }
        }
    }
    for entry in &manifest.members {
        let is_told = told.contains(&entry.path);
        assert!(
            is_told || intact.contains_key(&entry.path),
            "{}",
            entry.path
        );
    }
    for (path, content) in &intact {
        assert_eq!(reader.read(path).ok().as_ref(), Some(content), "{path}");
    }
    let bytes = reader.read(MANIFEST_PATH).expect("it was read before");
    assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
    (intact, is_intact)
}

/// What is recovered is what was intact, it makes a bundle without errors, and of that again the same is recovered.
fn check_recovery(bytes: &[u8], expected: Option<&Members>) {
    let Ok(mut recovery) = recover("x.xdsnap", Cursor::new(bytes)) else {
        assert_eq!(expected, None, "what opens can be recovered");
        return;
    };
    let mut members = Members::new();
    for member in recovery.members() {
        if let Ok(Intact { entry, bytes }) = member {
            assert_eq!(
                (entry.size, &*entry.sha256),
                (bytes.len() as u64, &*sha256(&bytes))
            );
            assert_eq!(members.insert(entry.path, bytes), None);
        }
    }
    if let Some(expected) = expected {
        assert_eq!(members, *expected);
    }
    // Writing is the slowest: a quarter of all inputs, always the same ones, has to do.
    if Sha256::digest(bytes)[0] >= 64 {
        return;
    }
    let writer = Writer::create(&scratch()).expect("a scratch file");
    let salvage = recovery
        .write(writer, "fuzz")
        .expect("a bundle of what was intact");
    assert_eq!(salvage.members, members.len());
    assert_eq!(salvage.written.is_some(), !members.is_empty());
    if salvage.written.is_none() {
        return;
    }
    let saved = fs::read(scratch()).expect("the bundle is there");
    let findings = verify("x.xdsnap", Cursor::new(&saved[..])).expect("what was written opens");
    // What a manifest said wrongly is kept.
    let is_wrong = |finding: &&Finding| {
        finding.level == Level::Error
            || finding.rule != Rule::Manifest && finding.level != Level::Note
    };
    let wrong: Vec<_> = findings.iter().filter(is_wrong).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    let mut reader = open(&saved).expect("what was written opens");
    let (again, _) = check_reader(&mut reader);
    assert_eq!(again, members);
}
