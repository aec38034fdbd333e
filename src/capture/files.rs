//! Files and folders that a user names: what is in them, by content, and their bytes as they were before compression.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::bundle::MemberPath;

/// The largest document that is read, in bytes, after decompression.
pub(super) const MAX_DOCUMENT: u64 = 1 << 30;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// The first bytes of a zstd skippable frame, but for four bits of the first.
const ZSTD_SKIPPABLE: &[u8] = &[0x2a, 0x4d, 0x18];

/// The deepest that folders are searched: `istio/<namespace>/<pod>/debug/<file>` of a bug report and a folder around it.
const MAX_DEPTH: usize = 5;

/// What tells whether a file is as it was: its size in bytes, and when it was written last.
pub(super) type Stamp = (u64, SystemTime);

/// That of the file at `path`; `None` where the system does not tell.
pub(super) fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = path.metadata().ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

/// Opens a file, decompressed if its content says that it is compressed.
pub(super) fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    decompress(BufReader::new(File::open(path)?))
}

/// Decompresses `input` if its first bytes say that it is gzip or zstd; at most [`MAX_DOCUMENT`] bytes come out.
pub(super) fn decompress<'a>(input: impl BufRead + 'a) -> io::Result<Box<dyn BufRead + 'a>> {
    Ok(Box::new(BufReader::new(Bounded {
        reader: unpack(input)?,
        left: MAX_DOCUMENT,
    })))
}

/// Decompresses `input` if its first bytes say that it is gzip or zstd. How much comes out is not bounded.
pub(super) fn unpack<'a>(mut input: impl BufRead + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let start = input.fill_buf()?;
    Ok(if start.starts_with(GZIP) {
        Box::new(flate2::bufread::MultiGzDecoder::new(input))
    } else if is_zstd(start) {
        let mut decoder = zstd::Decoder::with_buffer(input)?;
        decoder.window_log_max(crate::bundle::MAX_WINDOW_LOG)?;
        Box::new(decoder)
    } else {
        Box::new(input)
    })
}

fn is_zstd(start: &[u8]) -> bool {
    start.starts_with(ZSTD) || start.get(1..4) == Some(ZSTD_SKIPPABLE)
}

/// A reader that fails rather than give more than it may.
struct Bounded<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => self.left = left,
            None => return Err(io::Error::other("larger than 1 GiB when decompressed")),
        }
        Ok(read)
    }
}

/// A tar archive, by how it is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Archive {
    /// With zstd, as bundles are.
    Zstd,
    /// With gzip or not at all.
    Other,
}

/// Whether this is a tar archive once it is decompressed.
pub(super) fn archive(mut input: impl BufRead) -> io::Result<Option<Archive>> {
    const MAGIC: (usize, &[u8]) = (257, b"ustar");
    let kind = match is_zstd(input.fill_buf()?) {
        true => Archive::Zstd,
        false => Archive::Other,
    };
    let mut header = Vec::new();
    decompress(input)?.take(512).read_to_end(&mut header)?;
    let magic = header.get(MAGIC.0..);
    Ok(magic
        .is_some_and(|rest| rest.starts_with(MAGIC.1))
        .then_some(kind))
}

/// A file below a folder.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// Its place in the layout of bundles, if it has one there.
    pub(super) member: Option<MemberPath>,
}

impl Found {
    /// Its path below `folder`, with slashes.
    pub(super) fn relative(&self, folder: &Path) -> Option<String> {
        let relative = self.path.strip_prefix(folder).ok()?;
        let names: Option<Vec<&str>> = relative.iter().map(|name| name.to_str()).collect();
        Some(names?.join("/"))
    }
}

/// The regular files below `folder`, sorted by path. Links are not followed.
pub(super) fn walk(folder: &Path) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((current, depth)) = folders.pop() {
        for entry in current.read_dir()? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() && depth < MAX_DEPTH {
                folders.push((entry.path(), depth + 1));
            } else if kind.is_file() {
                let path = entry.path();
                let member = path.strip_prefix(folder).ok().and_then(member_path);
                found.push(Found { path, member });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// The folders directly below `folder` that are laid out as bundles are, each of which is an input of its own.
pub(super) fn laid_out_below(folder: &Path, found: &[Found]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for file in found {
        let Ok(relative) = file.path.strip_prefix(folder) else {
            continue;
        };
        let mut parts = relative.components();
        let Some(name) = parts.next() else { continue };
        let name = name.as_os_str().to_string_lossy();
        if member_path(parts.as_path()).is_some() && names.last().is_none_or(|last| *last != name) {
            names.push(name.into_owned());
        }
    }
    names
}

/// The member that a file of a laid-out folder is, whether it is compressed or not.
fn member_path(relative: &Path) -> Option<MemberPath> {
    let names: Option<Vec<&str>> = relative.iter().map(|name| name.to_str()).collect();
    let path = names?.join("/");
    let stem = [".zst", ".gz"]
        .iter()
        .find_map(|suffix| path.strip_suffix(suffix));
    stem.unwrap_or(&path).parse().ok()
}

/// The name of a file without its folder and what its format adds: `web-1.json.gz` gives `web-1`.
pub(super) fn stem(path: &Path) -> Option<&str> {
    let mut name = path.file_name()?.to_str()?;
    for suffix in [".zst", ".gz", ".json"] {
        name = name.strip_suffix(suffix).unwrap_or(name);
    }
    Some(name)
}

#[test]
fn a_laid_out_file_is_known_whether_compressed_or_not() {
    for (path, member) in [
        (
            "envoy/web-1.shop/config_dump.json.zst",
            Some("envoy/web-1.shop/config_dump.json"),
        ),
        ("istiod/syncz.json", Some("istiod/syncz.json")),
        ("istiod/configz.json", None),
        ("record.json", None),
    ] {
        let found = member_path(Path::new(path)).map(|member| member.to_string());
        assert_eq!(found.as_deref(), member, "{path}");
    }
    assert_eq!(stem(Path::new("a/web-1.shop.json.gz")), Some("web-1.shop"));
}
