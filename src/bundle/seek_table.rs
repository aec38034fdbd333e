//! The seek table at the end of a bundle: where each zstd frame begins, and how much it holds.
//!
//! This is the table of the [zstd seekable format]: a skippable frame, which stock tools pass over. It is a handful of
//! little-endian numbers, and written here rather than by the crate `zeekstd`: that one decides itself where frames
//! end, compresses without long-distance matching, puts no checksums into the table, and its decoder believes the
//! table, where a reader of strangers' files needs bounds before memory, sums that fit the file, and a way back.
//!
//! The checksums cost nothing: each is the content checksum with which the zstd frame itself ends.
//!
//! [zstd seekable format]: https://github.com/facebook/zstd/blob/dev/contrib/seekable_format/zstd_seekable_compression_format.md

use std::io::{self, Read, Seek, SeekFrom, Write};

use super::format::{MAX_FRAME_BYTES, MAX_FRAMES, is_too_much};

/// The first bytes of the skippable frame that holds the table.
const MAGIC: u32 = 0x184D_2A5E;

/// The last bytes of the table.
const FOOTER_MAGIC: u32 = 0x8F92_EAB1;

/// The size of what follows the entries: their number, the descriptor, [`FOOTER_MAGIC`].
const FOOTER_BYTES: u64 = 9;

/// The size of a skippable frame's header.
const HEADER_BYTES: u64 = 8;

/// The bit of the descriptor that says that entries have checksums.
const HAS_CHECKSUMS: u8 = 0x80;

/// The bits of the descriptor that a later version of the table may use.
const RESERVED: u8 = 0x7C;

/// A frame as the table describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Where it begins in the file.
    pub(super) start: u64,
    /// How many bytes are unpacked before it.
    pub(super) offset: u64,
    /// Its size in the file.
    pub(super) packed: u32,
    /// The size of what it unpacks to.
    pub(super) unpacked: u32,
    /// The lowest 32 bits of the XXH64 digest of what it unpacks to.
    pub(super) checksum: Option<u32>,
}

/// The frames of a file, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SeekTable {
    frames: Vec<Frame>,
}

/// What stands where a seek table may stand.
#[derive(Debug)]
pub(super) enum Found {
    /// Something else: a bundle without a table, or that was packed again.
    Nothing,
    /// A table whose sums fit the file.
    Table(SeekTable),
    /// A table that says what cannot be.
    Broken(&'static str),
}

impl SeekTable {
    pub(super) fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Adds the frame that follows the last one.
    pub(super) fn push(&mut self, packed: u32, unpacked: u32, checksum: Option<u32>) {
        let (start, offset) = self.end();
        self.frames.push(Frame {
            start,
            offset,
            packed,
            unpacked,
            checksum,
        });
    }

    /// Where the last frame ends, in the file and in what is unpacked.
    pub(super) fn end(&self) -> (u64, u64) {
        self.frames.last().map_or((0, 0), |last| {
            (
                last.start + u64::from(last.packed),
                last.offset + u64::from(last.unpacked),
            )
        })
    }

    /// How much the first frame holds that is not skippable: `manifest.json`, if nothing was packed again.
    pub(super) fn first_unpacked(&self) -> Option<u64> {
        let mut sizes = self.frames.iter().map(|frame| frame.unpacked);
        sizes.find(|size| *size > 0).map(u64::from)
    }

    /// The frame that holds the unpacked byte at `offset`.
    pub(super) fn holding(&self, offset: u64) -> Option<&Frame> {
        let after = self.frames.partition_point(|frame| frame.offset <= offset);
        let frame = &self.frames[after.checked_sub(1)?];
        (offset - frame.offset < u64::from(frame.unpacked)).then_some(frame)
    }

    /// Writes the table; every frame must have a checksum.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(self.frames.len() * 12 + 17);
        let number = |n: usize| u32::try_from(n).map_err(io::Error::other);
        let length = self.frames.len() * 12 + FOOTER_BYTES as usize;
        bytes.extend(MAGIC.to_le_bytes());
        bytes.extend(number(length)?.to_le_bytes());
        for frame in &self.frames {
            bytes.extend(frame.packed.to_le_bytes());
            bytes.extend(frame.unpacked.to_le_bytes());
            bytes.extend(frame.checksum.unwrap_or_default().to_le_bytes());
        }
        bytes.extend(number(self.frames.len())?.to_le_bytes());
        bytes.push(HAS_CHECKSUMS);
        bytes.extend(FOOTER_MAGIC.to_le_bytes());
        out.write_all(&bytes)
    }

    /// Looks for a table at the end of `file`; it is believed no further than its sums fit the file.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read.
    pub(super) fn find(file: &mut (impl Read + Seek)) -> io::Result<Found> {
        let length = file.seek(SeekFrom::End(0))?;
        if length < HEADER_BYTES + FOOTER_BYTES {
            return Ok(Found::Nothing);
        }
        file.seek(SeekFrom::Start(length - FOOTER_BYTES))?;
        let count = u64::from(read_u32(file)?);
        let mut descriptor = [0];
        file.read_exact(&mut descriptor)?;
        if read_u32(file)? != FOOTER_MAGIC {
            return Ok(Found::Nothing);
        }
        if descriptor[0] & RESERVED != 0 {
            return Ok(Found::Broken("it has a form that is not known"));
        }
        if count > MAX_FRAMES {
            return Ok(Found::Broken("it lists more than 1048576 frames"));
        }
        let has_checksums = descriptor[0] & HAS_CHECKSUMS != 0;
        let size = count * if has_checksums { 12 } else { 8 } + FOOTER_BYTES;
        let Some(start) = length.checked_sub(HEADER_BYTES + size) else {
            return Ok(Found::Broken("it is larger than the file"));
        };
        file.seek(SeekFrom::Start(start))?;
        if read_u32(file)? != MAGIC || u64::from(read_u32(file)?) != size {
            return Ok(Found::Broken("its size is not what it says"));
        }
        let mut table = Self::default();
        let mut entries = io::BufReader::new(file.take(size - FOOTER_BYTES));
        for _ in 0..count {
            let packed = read_u32(&mut entries)?;
            let unpacked = read_u32(&mut entries)?;
            let checksum = match has_checksums {
                true => Some(read_u32(&mut entries)?),
                false => None,
            };
            if packed == 0 || u64::from(unpacked) > MAX_FRAME_BYTES {
                return Ok(Found::Broken("it lists a frame of an impossible size"));
            }
            table.push(packed, unpacked, checksum);
        }
        let (end, unpacked) = table.end();
        Ok(if end != start {
            Found::Broken("its frames do not add up to the file")
        } else if is_too_much(unpacked, length) {
            Found::Broken("it lists more than a bundle may unpack to")
        } else {
            Found::Table(table)
        })
    }
}

fn read_u32(file: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    file.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// A file of frames of these sizes, packed and unpacked, with its table.
    fn file(sizes: &[(u32, u32)]) -> (SeekTable, Vec<u8>) {
        let mut table = SeekTable::default();
        for (packed, unpacked) in sizes {
            table.push(*packed, *unpacked, Some(*packed));
        }
        let mut bytes = vec![b'x'; table.end().0 as usize];
        table.write(&mut bytes).unwrap();
        (table, bytes)
    }

    fn find(bytes: &[u8]) -> Found {
        SeekTable::find(&mut Cursor::new(bytes)).unwrap()
    }

    #[test]
    fn what_is_written_is_found_and_each_byte_is_in_its_frame() {
        let (table, bytes) = file(&[(20, 100), (30, 0), (10, 7)]);
        let Found::Table(found) = find(&bytes) else {
            panic!()
        };
        assert_eq!(found, table);
        for (offset, start) in [
            (0, Some(0)),
            (99, Some(0)),
            (100, Some(50)),
            (106, Some(50)),
            (107, None),
            (u64::MAX, None),
        ] {
            assert_eq!(found.holding(offset).map(|frame| frame.start), start);
        }
    }

    #[test]
    fn a_table_that_cannot_be_is_broken_and_no_table_is_nothing() {
        let (_, good) = file(&[(20, 100), (30, 200)]);
        let end = good.len();
        let patched = |at: usize, value: u32| {
            let mut bytes = good.clone();
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
            bytes
        };
        for (bytes, what) in [
            (patched(end - 9, u32::MAX), "it lists more than"),
            (patched(end - 9, 1 << 20), "it is larger than the file"),
            (patched(end - 9, 1), "its size is not"),
            (patched(end - 5, 0xB1FF_FFFF), ""),
            (patched(58, 21), "its frames do not add up"),
            (patched(58, 0), "it lists a frame"),
            (patched(62, u32::MAX), "it lists a frame"),
            (patched(54, 8), "its size is not"),
            ([&b"y"[..], &good[..]].concat(), "its frames do not add up"),
        ] {
            match find(&bytes) {
                Found::Broken(reason) => assert!(reason.starts_with(what), "{reason}"),
                Found::Nothing if what.is_empty() => {}
                found => panic!("{what}: {found:?}"),
            }
        }
        let mut reserved = good.clone();
        reserved[end - 5] |= 0x40;
        assert!(matches!(find(&reserved), Found::Broken(_)));
        for bytes in [&b""[..], b"short", &good[..end - 1], &[0; 100]] {
            assert!(matches!(find(bytes), Found::Nothing));
        }
    }

    #[test]
    fn a_table_that_promises_terabytes_is_broken() {
        let (_, bytes) = file(&[(20, 1 << 30); 20]);
        assert!(
            matches!(find(&bytes), Found::Broken(reason) if reason.contains("more than a bundle"))
        );
    }
}
