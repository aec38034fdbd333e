//! The seal of a bundle: by whose key it was written, so that the holder of that key knows that nothing in it was altered.
//!
//! It is a skippable frame of its own, before the seek table, and covers every byte of the file but its own tag.
//!
//! ```text
//! 4 bytes    0x184D2A53, the magic number of a skippable frame
//! 4 bytes    48, the size of what follows
//! 12 bytes   "xdsnap seal1"
//! 4 bytes    the fingerprint of the key
//! 32 bytes   the tag
//! ```

use std::io::{self, Read, Seek, SeekFrom};

use super::seek_table::{Found, Frame};
use crate::model::{Fingerprint, Sealer};

/// The first bytes of a skippable frame that holds a seal.
const MAGIC: [u8; 4] = 0x184D_2A53_u32.to_le_bytes();

/// What tells it from what others put into such a frame.
const NAME: &[u8; 12] = b"xdsnap seal1";

/// The size of what stands before the tag.
const HEAD_BYTES: usize = 4 + 4 + NAME.len() + 4;

/// The size of the frame.
pub(super) const SEAL_BYTES: usize = HEAD_BYTES + Sealer::TAG_BYTES;

/// What stands before the tag.
pub(super) fn head(fingerprint: Fingerprint) -> Vec<u8> {
    let mut head = MAGIC.to_vec();
    head.extend(((SEAL_BYTES - 8) as u32).to_le_bytes());
    head.extend(NAME);
    head.extend(fingerprint.bytes());
    head
}

/// A seal, and where it stands in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seal {
    start: u64,
    pub(super) fingerprint: Fingerprint,
    tag: [u8; Sealer::TAG_BYTES],
}

impl Seal {
    /// The seal of `file`: its last frame before the seek table, if that is one.
    pub(super) fn find(file: &mut (impl Read + Seek), table: &Found) -> io::Result<Option<Self>> {
        let Found::Table(table) = table else {
            return Ok(None);
        };
        let is_one = |frame: &&Frame| frame.unpacked == 0 && frame.packed as usize == SEAL_BYTES;
        let Some(frame) = table.frames().last().filter(is_one) else {
            return Ok(None);
        };
        let mut bytes = [0; SEAL_BYTES];
        file.seek(SeekFrom::Start(frame.start))?;
        file.read_exact(&mut bytes)?;
        let (found, tag) = bytes.split_at(HEAD_BYTES);
        let mut key = [0; 4];
        key.copy_from_slice(&found[HEAD_BYTES - 4..]);
        let fingerprint = Fingerprint::new(key);
        let mut seal = Self {
            start: frame.start,
            fingerprint,
            tag: [0; Sealer::TAG_BYTES],
        };
        seal.tag.copy_from_slice(tag);
        Ok((found == head(fingerprint)).then_some(seal))
    }

    /// Whether every byte of `file` is as it was when a holder of this key sealed it.
    pub(super) fn holds(&self, file: &mut (impl Read + Seek), sealer: &Sealer) -> io::Result<bool> {
        if self.fingerprint != sealer.fingerprint() {
            return Ok(false);
        }
        let mut sealing = sealer.begin();
        let mut buffer = vec![0; 256 << 10];
        let end_of_head = self.start + HEAD_BYTES as u64;
        let behind = self.start + SEAL_BYTES as u64;
        file.seek(SeekFrom::Start(0))?;
        let mut before = file.by_ref().take(end_of_head);
        while let read @ 1.. = before.read(&mut buffer)? {
            sealing.update(&buffer[..read]);
        }
        file.seek(SeekFrom::Start(behind))?;
        while let read @ 1.. = file.read(&mut buffer)? {
            sealing.update(&buffer[..read]);
        }
        Ok(sealing.is(&self.tag))
    }
}
