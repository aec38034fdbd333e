//! The zstd frames and the seek table: what is read of them, and what is believed.

use std::{
    cell::Cell,
    io::{Seek, SeekFrom},
    rc::Rc,
};

use xdsnap::bundle::{Finding, Level, Rule, verify};

use super::*;

const MAX_ONE_PROXY_FRAME: u32 = 2_000_000;

/// Bytes that do not compress.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(next).collect()
}

/// Six proxies with dumps that do not compress, and their statistics.
fn mesh() -> Members {
    (0..6_u64)
        .flat_map(|number| {
            let path = |document: &str| format!("envoy/web-{number}.shop/{document}.json");
            [
                (path("config_dump"), noise(number + 1, 400_000)),
                (path("stats"), format!("{{\"stats\":[{number}]}}").into()),
            ]
        })
        .collect()
}

/// A file that counts what is read of it.
struct Counted<'a>(Cursor<&'a [u8]>, Rc<Cell<usize>>);

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.0.read(buffer)?;
        self.1.set(self.1.get() + length);
        Ok(length)
    }
}

impl Seek for Counted<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

/// The frames that a seek table lists: where each begins, its size, what it unpacks to, its checksum. Read here by the
/// specification of the format alone.
fn seek_table(bundle: &[u8]) -> Vec<(usize, u32, u32, u32)> {
    let number = |at: usize| u32::from_le_bytes(bundle[at..at + 4].try_into().unwrap());
    let end = bundle.len();
    assert_eq!(number(end - 4), 0x8F92_EAB1);
    assert_eq!(bundle[end - 5], 0x80);
    let count = number(end - 9) as usize;
    let start = end - 9 - 12 * count - 8;
    assert_eq!(number(start), 0x184D_2A5E);
    assert_eq!(number(start + 4) as usize, 12 * count + 9);
    let mut frames = Vec::new();
    let mut at = 0;
    for entry in (start + 8..end - 9).step_by(12) {
        frames.push((at, number(entry), number(entry + 4), number(entry + 8)));
        at += number(entry) as usize;
    }
    assert_eq!(at, start);
    frames
}

/// The bundle with the numbers of its seek table changed.
fn with_table(bundle: &[u8], change: impl Fn(&mut [[u32; 3]])) -> Vec<u8> {
    let frames = seek_table(bundle);
    let mut entries: Vec<[u32; 3]> = frames.iter().map(|f| [f.1, f.2, f.3]).collect();
    change(&mut entries);
    let mut bytes = bundle.to_vec();
    let start = bytes.len() - 9 - 12 * entries.len();
    for (index, number) in entries.iter().flatten().enumerate() {
        bytes[start + 4 * index..start + 4 * index + 4].copy_from_slice(&number.to_le_bytes());
    }
    bytes
}

#[test]
fn every_frame_of_the_seek_table_is_one_and_unpacks_alone() {
    let mut large = few_members();
    large.insert(
        "envoy/web-1.shop/config_dump.json".to_owned(),
        noise(9, 5_000_000),
    );
    for (members, one_proxy) in [(few_members(), true), (large, true), (mesh(), false)] {
        let bundle = bundle_of(&members);
        let frames = seek_table(&bundle);
        let mut tar = Vec::new();
        for (start, packed, unpacked, checksum) in &frames {
            let frame = &bundle[*start..start + *packed as usize];
            let content = zstd::decode_all(frame).unwrap();
            assert_eq!(content.len(), *unpacked as usize);
            assert_eq!(frame[frame.len() - 4..], checksum.to_le_bytes());
            assert!(!one_proxy || *unpacked <= MAX_ONE_PROXY_FRAME, "{unpacked}");
            tar.extend(content);
        }
        assert_eq!(tar, zstd::decode_all(&bundle[..]).unwrap());
        // Each offset in the manifest is that of a header with the member's path.
        let first = frames[0].2 as usize;
        for entry in &open(&bundle).unwrap().manifest().members {
            let at = first + entry.offset.unwrap() as usize;
            assert!(
                tar[at..].starts_with(entry.path.as_bytes()),
                "{}",
                entry.path
            );
        }
        assert!(verify("x", Cursor::new(&bundle[..])).unwrap().is_empty());
    }
}

#[test]
fn one_member_is_read_without_the_frames_of_others() {
    let members = mesh();
    let bundle = bundle_of(&members);
    assert!(bundle.len() > 2_400_000);
    for (path, most) in [
        ("envoy/web-5.shop/stats.json", 300_000),
        ("envoy/web-0.shop/config_dump.json", 700_000),
    ] {
        let count = Rc::new(Cell::new(0));
        let file = Counted(Cursor::new(&bundle[..]), count.clone());
        let mut reader = Reader::open("x.xdsnap", file).unwrap();
        assert!(reader.read(path).unwrap() == members[path]);
        assert!(count.get() < most, "{path}: {} bytes", count.get());
    }
}

#[test]
fn a_bundle_that_was_compressed_again_reads_and_verify_says_so() {
    let members = mesh();
    let bundle = bundle_of(&members);
    let tar = zstd::decode_all(&bundle[..]).unwrap();
    let again = zstd::encode_all(&tar[..], 1).unwrap();
    let mut reader = open(&again).unwrap();
    for (path, body) in members.iter().rev() {
        assert!(&reader.read(path).unwrap() == body, "{path}");
    }
    assert!(read_all(&again) == members);
    let findings = verify("x", Cursor::new(&again[..])).unwrap();
    let [finding] = &findings[..] else {
        panic!("{findings:?}")
    };
    assert_eq!(
        (finding.level, finding.rule),
        (Level::Note, Rule::SeekTable)
    );
}

#[test]
fn a_seek_table_that_lies_is_named_and_every_member_reads_all_the_same() {
    let members = mesh();
    let bundle = bundle_of(&members);
    type Change = fn(&mut [[u32; 3]]);
    let lies: [(&str, bool, Change); 7] = [
        ("sizes in the file exchanged", false, |t| {
            (t[0][0], t[1][0]) = (t[1][0], t[0][0]);
        }),
        ("unpacked sizes exchanged", false, |t| {
            (t[0][1], t[1][1]) = (t[1][1], t[0][1]);
        }),
        ("an unpacked size that is too small", false, |t| {
            t[1][1] -= 512
        }),
        ("an unpacked size of no frame", false, |t| t[2][1] = 0),
        ("another checksum", false, |t| t[2][2] ^= 1),
        ("a frame more than the file holds", true, |t| t[0][0] += 1),
        ("a frame larger than may be", true, |t| t[1][1] = u32::MAX),
    ];
    for (what, broken, change) in lies {
        let bytes = with_table(&bundle, change);
        for (path, body) in &members {
            let read = open(&bytes).unwrap().read(path).unwrap();
            assert!(&read == body, "{what}: {path}");
        }
        let (intact, errors) = read_what_is_intact(&mut open(&bytes).unwrap());
        assert!(intact == members, "{what}");
        assert_eq!(!errors.is_empty(), broken, "{what}: {errors:?}");
        let findings = verify("x", Cursor::new(&bytes[..])).unwrap();
        let is_named = findings.iter().any(|f| {
            f.level == Level::Error && f.text.contains("seek table") || f.rule == Rule::Frames
        });
        assert!(is_named, "{what}: {findings:?}");
    }
}

#[test]
fn an_offset_that_lies_is_named_and_every_member_reads_all_the_same() {
    let members = few_members();
    let mut manifest = manifest_of(&members);
    for (position, offset) in [u64::MAX, 0, 1].into_iter().enumerate() {
        manifest["members"][position]["offset"] = json!(offset);
    }
    let text = manifest.to_string();
    let frame = |entries: &[(&str, EntryType, &[u8])]| {
        let mut tar = Vec::new();
        for (path, kind, body) in entries {
            tar_entry(&mut tar, path.as_bytes(), *kind, body.len() as u64, body);
        }
        (zstd::encode_all(&tar[..], 3).unwrap(), tar.len())
    };
    let first = frame(&[(MANIFEST_PATH, EntryType::Regular, text.as_bytes())]);
    let rest: Vec<_> = (members.iter())
        .map(|(path, body)| (path.as_str(), EntryType::Regular, body.as_slice()))
        .collect();
    let rest = frame(&rest);
    let end = zstd::encode_all(&[0; 1024][..], 3).unwrap();
    let mut bundle = [&first.0[..], &rest.0, &end].concat();
    bundle.extend(0x184D_2A5E_u32.to_le_bytes());
    bundle.extend(33_u32.to_le_bytes());
    let frames = [
        (first.0.len(), first.1),
        (rest.0.len(), rest.1),
        (end.len(), 1024),
    ];
    for (packed, unpacked) in frames {
        bundle.extend((packed as u32).to_le_bytes());
        bundle.extend((unpacked as u32).to_le_bytes());
    }
    bundle.extend(3_u32.to_le_bytes());
    bundle.push(0);
    bundle.extend(0x8F92_EAB1_u32.to_le_bytes());
    let mut reader = open(&bundle).unwrap();
    for (path, body) in &members {
        assert_eq!(&reader.read(path).unwrap(), body, "{path}");
    }
    // The second has the offset of the first.
    let findings = verify("x", Cursor::new(&bundle[..])).unwrap();
    for path in members.keys() {
        let is_named = |finding: &Finding| {
            finding.member.as_ref() == Some(path) && finding.rule == Rule::SeekTable
        };
        assert!(findings.iter().any(is_named), "{path}: {findings:?}");
    }
}

/// A bundle of these members with offsets, its archive behind the manifest cut at these places into frames, of which a
/// skippable one is the first.
fn cut_at(members: &Members, places: &[usize]) -> Vec<u8> {
    let mut manifest = manifest_of(members);
    let mut archive = Vec::new();
    for (position, (path, body)) in members.iter().enumerate() {
        manifest["members"][position]["offset"] = json!(archive.len());
        tar_entry(
            &mut archive,
            path.as_bytes(),
            EntryType::Regular,
            body.len() as u64,
            body,
        );
    }
    archive.extend([0; 1024]);
    let text = manifest.to_string();
    let mut first = Vec::new();
    let size = text.len() as u64;
    tar_entry(
        &mut first,
        MANIFEST_PATH.as_bytes(),
        EntryType::Regular,
        size,
        text.as_bytes(),
    );
    let mut contents = vec![&first[..]];
    let mut start = 0;
    for end in places.iter().copied().chain([archive.len()]) {
        contents.push(&archive[start..end]);
        start = end;
    }
    let mut bundle = Vec::from([0x50, 0x2A, 0x4D, 0x18, 2, 0, 0, 0, b'h', b'i']);
    let mut table: Vec<[u32; 3]> = vec![[10, 0, 0]];
    for content in contents {
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
        encoder.include_checksum(true).unwrap();
        encoder.write_all(content).unwrap();
        let frame = encoder.finish().unwrap();
        let checksum = frame[frame.len() - 4..].try_into().unwrap();
        let sizes = [frame.len() as u32, content.len() as u32];
        table.push([sizes[0], sizes[1], u32::from_le_bytes(checksum)]);
        bundle.extend(frame);
    }
    bundle.extend(0x184D_2A5E_u32.to_le_bytes());
    bundle.extend((table.len() as u32 * 12 + 9).to_le_bytes());
    bundle.extend(
        table
            .iter()
            .flatten()
            .flat_map(|number| number.to_le_bytes()),
    );
    bundle.extend((table.len() as u32).to_le_bytes());
    bundle.push(0x80);
    bundle.extend(0x8F92_EAB1_u32.to_le_bytes());
    bundle
}

#[test]
fn frames_may_end_within_a_member_that_shares_none_and_nowhere_else() {
    // A header and the content of each are 1,536 bytes.
    let members: Members = ["certs", "clusters", "listeners"]
        .map(|name| (format!("envoy/web/{name}.json"), vec![b'x'; 1_000]))
        .into();
    let shared = "members that are cut share frames with others";
    for (places, expected) in [
        (&[1536, 3072, 4608][..], vec![]),
        (&[4608], vec![]),
        (&[1536, 1600, 2048, 3072, 4608], vec![]),
        (&[1600, 4608], vec![format!("{shared}: 1")]),
        (&[1536, 2048, 4608], vec![format!("{shared}: 1")]),
        (&[1000, 2000, 3000, 4608], vec![format!("{shared}: 2")]),
        (
            &[3072],
            vec!["the end of the archive is no frame of its own".to_owned()],
        ),
    ] {
        let bundle = cut_at(&members, places);
        assert!(read_all(&bundle) == members, "{places:?}");
        let findings = verify("x", Cursor::new(&bundle[..])).unwrap();
        let told: Vec<_> = (findings.iter())
            .filter(|finding| finding.rule == Rule::Frames && finding.level == Level::Warning)
            .map(|finding| finding.text.clone())
            .collect();
        assert_eq!(told, expected, "{places:?}");
    }
}

#[test]
fn what_unpacks_to_more_than_its_size_allows_is_refused_before_it_is_unpacked() {
    // Blocks of 128 KiB of zeros, of four bytes each, as zstd itself never makes so many.
    const GIB: usize = 1 << 30;
    const BLOCK: usize = 128 << 10;
    let paths = [
        "envoy/a/config_dump.json",
        "envoy/b/config_dump.json",
        "envoy/c/config_dump.json",
        "envoy/d/config_dump.json",
    ];
    let mut manifest = manifest_of(&Members::new());
    let entries = paths.map(|path| {
        let mut entry = entry_of(path, b"");
        entry["size"] = json!(GIB);
        entry
    });
    manifest["members"] = json!(entries);
    let text = manifest.to_string();
    let mut bundle = tar_of(&[(MANIFEST_PATH, EntryType::Regular, text.as_bytes())]);
    // Without the end of the archive.
    let whole = zstd::decode_all(&bundle[..]).unwrap();
    bundle = zstd::encode_all(&whole[..whole.len() - 1024], 3).unwrap();
    for path in paths {
        let mut header = Vec::new();
        tar_entry(
            &mut header,
            path.as_bytes(),
            EntryType::Regular,
            GIB as u64,
            b"",
        );
        bundle.extend(0xFD2F_B528_u32.to_le_bytes());
        // No content size, no checksum; a window of 128 KiB.
        bundle.extend([0x00, 0x38]);
        let block = |last: u32, kind: u32, size: usize| {
            let bytes = (last | kind << 1 | (size as u32) << 3).to_le_bytes();
            [bytes[0], bytes[1], bytes[2]]
        };
        bundle.extend(block(0, 0, header.len()));
        bundle.extend(&header);
        for number in 1..=GIB / BLOCK {
            bundle.extend(block(u32::from(number == GIB / BLOCK), 1, BLOCK));
            bundle.push(0);
        }
    }
    let mut reader = open(&bundle).unwrap();
    let err = reader.read("envoy/z/config_dump.json").unwrap_err();
    assert!(matches!(err.reason, Reason::NotListed), "{err}");
    let err = reader.read(paths[3]).unwrap_err();
    assert!(
        err.to_string().contains(paths[3]) && err.to_string().contains("too large"),
        "{err}"
    );
}

#[test]
fn a_window_that_stock_tools_refuse_is_refused_and_named() {
    let manifest = manifest_of(&Members::new()).to_string();
    let tar =
        zstd::decode_all(&tar_of(&[(MANIFEST_PATH, EntryType::Regular, manifest.as_bytes())])[..]);
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(28).unwrap();
    encoder.write_all(&tar.unwrap()).unwrap();
    let err = open(&encoder.finish().unwrap()).unwrap_err();
    assert!(matches!(err.reason, Reason::TooLarge { .. }), "{err}");
    assert!(
        err.to_string().contains("the window of a zstd frame"),
        "{err}"
    );
}
