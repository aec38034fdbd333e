//! The files of a tar archive from a stranger, read one after the other. Nothing of it is written to disk.

use std::io::{self, Read};

use tar::{EntryType, PaxExtensions};

use crate::bundle::{MAX_MEMBERS, MAX_PATH_BYTES, unsafe_path};

/// How large a header that extends the next one (with a long name) may be.
const MAX_EXTENSION_BYTES: u64 = 64 << 10;

/// How much an archive may unpack to, in bytes.
const MAX_UNPACKED_BYTES: u64 = 64 << 30;

/// How much it may unpack to whatever its size, in bytes.
const FREE_UNPACKED_BYTES: u64 = 2 << 30;

/// How much it may unpack to for each byte of it, beyond [`FREE_UNPACKED_BYTES`]. Text as dumps are has 20 to 60.
const MAX_RATIO: u64 = 256;

/// How many entries that were passed over are named.
const MOST: usize = 10;

/// What was seen of an archive beside the files that were taken.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Entries that were passed over because nobody should unpack them, and why; the last line counts the rest.
    pub(super) refused: Vec<String>,
    /// Why the rest of the archive could not be read, if it could not.
    pub(super) cut: Option<String>,
}

/// Calls `take` with the path and the bytes of every regular file of the archive `unpacked`, which takes `packed`
/// bytes as it is.
///
/// Links, devices and unsafe names are passed over; an error of `take` is passed on; whatever else goes wrong ends the
/// archive, and what was read before it counts.
pub(super) fn each<E>(
    unpacked: impl Read,
    packed: u64,
    mut take: impl FnMut(&str, u64, &mut dyn Read) -> Result<(), E>,
) -> Result<Seen, E> {
    let mut seen = Seen::default();
    let mut refused = 0;
    let limit = FREE_UNPACKED_BYTES.saturating_add(packed.saturating_mul(MAX_RATIO));
    let mut archive = tar::Archive::new(Metered {
        reader: unpacked,
        left: limit.min(MAX_UNPACKED_BYTES),
    });
    let entries = match archive.entries() {
        // Extensions of headers are bounded here, so they are read here.
        Ok(entries) => entries.raw(true),
        Err(error) => {
            seen.cut = Some(error.to_string());
            return Ok(seen);
        }
    };
    let mut extension = Extension::default();
    for (count, entry) in entries.enumerate() {
        let mut entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                seen.cut = Some(error.to_string());
                break;
            }
        };
        if count == MAX_MEMBERS {
            seen.cut = Some(format!("it has more than {MAX_MEMBERS} entries"));
            break;
        }
        let kind = entry.header().entry_type();
        if is_extension(kind) {
            if let Err(reason) = extension.read(kind, &mut entry) {
                seen.cut = Some(reason);
                break;
            }
            continue;
        }
        let Extension { path, refusal } = std::mem::take(&mut extension);
        let path = path.unwrap_or_else(|| entry.path_bytes().into_owned());
        let path = String::from_utf8_lossy(&path);
        let path = path.trim_start_matches("./");
        let refusal = match kind {
            EntryType::Regular | EntryType::Continuous => refusal.or_else(|| unsafe_path(path)),
            EntryType::Directory => continue,
            EntryType::Link | EntryType::Symlink => Some("it is a link"),
            EntryType::Char | EntryType::Block | EntryType::Fifo => {
                Some("it is a device or a pipe")
            }
            EntryType::GNUSparse => Some("it is a sparse file"),
            _ => Some("it is neither a file nor a folder"),
        };
        if let Some(refusal) = refusal {
            refused += 1;
            if refused <= MOST {
                let path: String = path.chars().take(MAX_PATH_BYTES).collect();
                seen.refused
                    .push(format!("`{}`: {refusal}", path.escape_debug()));
            }
            continue;
        }
        let size = entry.size();
        take(path, size, &mut entry)?;
    }
    if refused > MOST {
        let more = refused - MOST;
        seen.refused
            .push(format!("{more} more such entries of the archive"));
    }
    Ok(seen)
}

fn is_extension(kind: EntryType) -> bool {
    matches!(
        kind,
        EntryType::GNULongName
            | EntryType::GNULongLink
            | EntryType::XHeader
            | EntryType::XGlobalHeader
    )
}

/// What the headers before a file's own say of it.
#[derive(Default)]
struct Extension {
    path: Option<Vec<u8>>,
    /// Why the file must not be read. No document needs a size there or is sparse, and programs disagree on what they
    /// mean.
    refusal: Option<&'static str>,
}

impl Extension {
    fn read(&mut self, kind: EntryType, entry: &mut impl Read) -> Result<(), String> {
        let mut bytes = Vec::new();
        let read = entry.take(MAX_EXTENSION_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(|error| error.to_string())?;
        if bytes.len() as u64 > MAX_EXTENSION_BYTES {
            return Err("it has a tar header of more than 64 KiB".to_owned());
        }
        match kind {
            EntryType::GNULongName => {
                bytes.truncate(bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len()));
                self.path = Some(bytes);
            }
            // What holds for all files, such as a comment, matters to none.
            EntryType::GNULongLink | EntryType::XGlobalHeader => {}
            _ => {
                for record in PaxExtensions::new(&bytes) {
                    let record =
                        record.map_err(|_| "an extended tar header is damaged".to_owned())?;
                    match record.key_bytes() {
                        b"path" => self.path = Some(record.value_bytes().to_vec()),
                        b"size" => self.refusal = Some("an extended tar header holds a size"),
                        key if key.starts_with(b"GNU.sparse.") => {
                            self.refusal = Some("it is a sparse file");
                        }
                        _ => {}
                    }
                }
            }
        }
        Ok(())
    }
}

/// A reader that fails rather than give more than an archive of its size may hold.
struct Metered<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => self.left = left,
            None => {
                let reason = "it unpacks to more than an archive of its size may hold";
                return Err(io::Error::other(reason));
            }
        }
        Ok(read)
    }
}

#[test]
fn what_unpacks_to_more_than_it_may_ends_there() {
    let mut metered = Metered {
        reader: io::repeat(0),
        left: 1000,
    };
    let error = metered.read_to_end(&mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("more than"), "{error}");
}
