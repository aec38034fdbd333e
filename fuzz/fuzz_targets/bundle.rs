//! Whatever a bundle's bytes are: what is read of it is what its manifest says, and what is recovered is the same and makes
//! a bundle without errors.
//!
//! Input: a letter, then
//!
//! - `r`: the file;
//! - `t`: a tar archive, whose headers get the right checksums, in one frame;
//! - `f`: the same, with a frame for each header;
//! - any other: entries to build an archive of, see [`Script`].

#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use xdsnap_fuzz::bundle::{BLOCK, check, entry, frame, framed, is_intact, listed, sign};

fuzz_target!(|data: &[u8]| {
    let Some((letter, rest)) = data.split_first() else {
        return;
    };
    match letter {
        b'r' => check(rest),
        b't' => check(&framed(&[&archive(rest).concat()])),
        b'f' => {
            let entries = archive(rest);
            let contents: Vec<&[u8]> = entries.iter().map(|entry| &entry[..]).collect();
            check(&framed(&contents));
        }
        _ => {
            let script = Script::run(rest);
            let bundle = script.bundle();
            check(&bundle);
            if script.is_harmless {
                assert!(is_intact(&bundle));
            }
        }
    }
});

/// The entries of a tar archive, each with its header signed; what is no header stands with what is before it.
fn archive(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    let mut rest = bytes;
    while rest.len() >= BLOCK {
        let (header, behind) = rest.split_at(BLOCK);
        let mut header = header.to_vec();
        let size = std::str::from_utf8(&header[124..136]).ok();
        let size =
            size.and_then(|text| usize::from_str_radix(text.trim_matches(['\0', ' ']), 8).ok());
        let padded = size.and_then(|size| size.checked_next_multiple_of(BLOCK));
        let length = padded.unwrap_or(0).min(behind.len());
        if header.iter().any(|byte| *byte != 0) {
            sign(&mut header);
        }
        header.extend(&behind[..length]);
        entries.push(header);
        rest = &behind[length..];
    }
    entries.push(rest.to_vec());
    entries
}

/// Paths by number; what is no number here is the length of a path.
const PATHS: [&str; 14] = [
    "envoy/web-1.shop/config_dump.json",
    "envoy/web-1.shop/stats.json",
    "envoy/web-1.shop/config_dump.dynamic_listeners.masked.json",
    "envoy/web-2.shop/config_dump.json",
    "envoy/WEB-2.shop/config_dump.json",
    "istiod/web-1.shop.config_dump.json",
    "istiod/syncz.json",
    "istiod/version.json",
    "istiod/b/syncz.json",
    "later/x.bin",
    "manifest.json",
    "manifest.d/1.json",
    "../x",
    "/etc/passwd",
];

/// What is put together to a bundle.
///
/// Each entry is a byte that says what it is, a number of [`PATHS`] or a path, and a content; texts are a byte for their
/// length, and then that many.
struct Script<'a> {
    rest: &'a [u8],
    /// The content of each frame behind the manifest.
    frames: Vec<Frame>,
    members: Vec<serde_json::Value>,
    paths: BTreeSet<String>,
    has_manifest: bool,
    /// Whether all that is listed can be read.
    is_harmless: bool,
}

#[derive(Default)]
struct Frame {
    content: Vec<u8>,
    /// A byte to be changed in what it is packed to.
    damage: Option<u8>,
    /// What is put behind it.
    behind: Vec<u8>,
}

impl<'a> Script<'a> {
    fn run(rest: &'a [u8]) -> Self {
        let mut script = Self {
            rest,
            frames: vec![Frame::default()],
            members: Vec::new(),
            paths: BTreeSet::new(),
            has_manifest: true,
            is_harmless: true,
        };
        while let Some(code) = script.byte() {
            script.entry(code);
        }
        script
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn text(&mut self) -> &'a [u8] {
        let length = self.byte().unwrap_or(0);
        let (text, rest) = self.rest.split_at(usize::from(length).min(self.rest.len()));
        self.rest = rest;
        text
    }

    fn path(&mut self) -> Vec<u8> {
        match self.rest.first() {
            Some(number) if usize::from(*number) < PATHS.len() => {
                self.rest = &self.rest[1..];
                PATHS[usize::from(*number)].into()
            }
            _ => self.text().to_vec(),
        }
    }

    fn entry(&mut self, code: u8) {
        if code & 0x10 != 0 {
            self.frames.push(Frame::default());
        }
        let place: usize = self.frames.iter().map(|frame| frame.content.len()).sum();
        let offset = (code & 0x20 != 0).then_some(place as u64);
        let frame = self.frames.len() - 1;
        let kind = code & 0x0f;
        let mut made = Vec::new();
        match kind {
            0..=3 => {
                let path = self.path();
                let content = self.text();
                let name = String::from_utf8_lossy(&path).into_owned();
                let is_new = self.paths.insert(name.to_lowercase());
                let is_known = PATHS[..10].contains(&&*name);
                self.is_harmless &= is_known && is_new && kind < 2;
                if kind == 1 {
                    let fragment = json!({
                        "format": "xdsnap.bundle",
                        "version": "1",
                        "member": listed(&name, content, None),
                    });
                    let fragment = fragment.to_string();
                    self.is_harmless = false;
                    made.extend(entry(b'0', b"manifest.d/1.json", fragment.as_bytes()));
                }
                if path.len() > 100 {
                    made.extend(entry(b'L', b"././@LongLink", &path));
                }
                made.extend(entry(b'0', &path, content));
                match kind {
                    2 => self.members.push(listed(&name, b"other", offset)),
                    3 => {}
                    _ => self.members.push(listed(&name, content, offset)),
                }
            }
            4 => {
                let path = self.path();
                self.is_harmless &= PATHS[..10].iter().any(|known| known.as_bytes() == path);
                made = entry(b'5', &path, b"");
            }
            5 | 6 | 7 => {
                self.is_harmless = false;
                let kind = [b'L', b'x', b'g'][usize::from(kind - 5)];
                made = entry(kind, b"x", self.text());
            }
            8 => {
                self.is_harmless = false;
                let kind = self.byte().unwrap_or(b'1');
                let path = self.path();
                made = entry(kind, &path, self.text());
            }
            9 => {
                self.is_harmless = false;
                made = self.text().to_vec();
                made.resize(made.len().next_multiple_of(BLOCK), 0);
                if let Some(header) = made.first_chunk_mut::<BLOCK>() {
                    sign(header);
                }
            }
            10 => {
                self.is_harmless = false;
                self.frames[frame].damage = self.byte();
            }
            11 => {
                let content = self.text();
                self.is_harmless &= content.is_empty();
                self.frames[frame].behind = content.to_vec();
            }
            12 => {
                let content = self.text();
                let length = content.len() as u32;
                let skippable = [
                    &0x184D_2A50_u32.to_le_bytes(),
                    &length.to_le_bytes(),
                    content,
                ];
                self.frames[frame].behind.extend(skippable.concat());
            }
            13 => {
                self.is_harmless = false;
                self.has_manifest = false;
            }
            14 => {
                // A member that is said to be somewhere else, or of another size.
                self.is_harmless = false;
                let content = self.text();
                if let (Some(member), Ok(fields)) =
                    (self.members.last_mut(), serde_json::from_slice(content))
                {
                    let fields: serde_json::Map<_, _> = fields;
                    for (name, value) in fields {
                        member[name] = value;
                    }
                }
            }
            _ => {
                self.is_harmless = false;
                made = vec![0; 2 * BLOCK];
            }
        }
        self.frames[frame].content.extend(made);
    }

    fn bundle(&self) -> Vec<u8> {
        let manifest = json!({
            "format": "xdsnap.bundle",
            "version": "1",
            "tool": "fuzz",
            "proxies": [],
            "istiods": [],
            "members": self.members,
            "failures": [],
            "redaction": { "rules": [], "values": 0 },
        });
        let manifest = entry(b'0', b"manifest.json", manifest.to_string().as_bytes());
        let mut contents: Vec<&[u8]> = Vec::new();
        if self.has_manifest {
            contents.push(&manifest);
        }
        contents.extend(self.frames.iter().map(|frame| &frame.content[..]));
        contents.push(&[0; 2 * BLOCK]);
        if (self.frames.iter()).all(|f| f.damage.is_none() && f.behind.is_empty()) {
            return framed(&contents);
        }
        // No table would be right.
        let mut bundle = Vec::new();
        if self.has_manifest {
            bundle.extend(frame(&manifest));
        }
        for part in &self.frames {
            let mut packed = frame(&part.content);
            if let Some(at) = part.damage {
                let at = usize::from(at) % packed.len();
                packed[at] ^= 1 << (at % 8);
            }
            bundle.extend(packed);
            bundle.extend(&part.behind);
        }
        bundle.extend(frame(&[0; 2 * BLOCK]));
        bundle
    }
}
