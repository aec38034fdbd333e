//! Writing tar entries into zstd frames.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Read, Write},
};

use zstd::stream::raw::CParameter;

use super::{
    archive::BLOCK,
    plan::SMALL_FRAME,
    seal::{self, SEAL_BYTES},
    seek_table::SeekTable,
};
use crate::model::{Fingerprint, Sealer, Sealing};

/// The zstd level: the bytes of a bundle depend on it, as on the parameters below.
const LEVEL: i32 = 9;

/// The level of frames that are packed again when the bundle is finished.
const PARTIAL_LEVEL: i32 = 3;

/// The base-2 logarithm of the window of frames with long-distance matching: all of what they hold.
const LONG_WINDOW_LOG: u32 = 27;

/// The base-2 logarithm of how many places are kept for long-distance matching (8 bytes each)…
const LONG_HASH_LOG: u32 = 22;

/// … and of how few of all places are: denser than zstd's default, because lists of two proxies differ every few
/// hundred bytes, in times and in the order of maps.
const LONG_HASH_RATE_LOG: u32 = 4;

/// The threads that pack such a frame beside the one that reads what it is made of. Its bytes depend on that there are
/// some, and not on how many: so they do not on the machine either.
const THREADS: u32 = 2;

/// Writes an archive into zstd frames of given sizes, and the seek table behind them.
pub(super) struct Packer<'a> {
    state: State<'a>,
    table: SeekTable,
    /// The sizes of the frames to come.
    sizes: VecDeque<u64>,
}

enum State<'a> {
    /// Between frames.
    Between(Tail<'a>),
    Frame {
        encoder: zstd::Encoder<'static, Tail<'a>>,
        /// Where it begins in the file.
        start: u64,
        size: u64,
        /// How much is missing in it.
        left: u64,
    },
    /// After an error.
    Failed,
}

impl<'a> Packer<'a> {
    /// Begins at the start of `file`, which will have a seal where there is a `sealer`.
    pub(super) fn new(file: &'a mut File, sealer: Option<&Sealer>) -> Self {
        Self {
            state: State::Between(Tail {
                file,
                written: 0,
                last: [0; 4],
                sealing: sealer.map(|sealer| (sealer.fingerprint(), sealer.begin())),
            }),
            table: SeekTable::default(),
            sizes: VecDeque::new(),
        }
    }

    /// Writes a file of the archive in a frame of its own.
    pub(super) fn member(&mut self, path: &str, content: &[u8]) -> io::Result<()> {
        let bytes = entry(path, content)?;
        self.sizes.push_back(bytes.len() as u64);
        self.write_all(&bytes)
    }

    /// Cuts what is written from now on into frames of these sizes.
    pub(super) fn cut(&mut self, sizes: Vec<u64>) {
        self.sizes.extend(sizes);
    }

    /// Writes the end of the archive and the seek table. How large the file is, and what it unpacks to.
    pub(super) fn finish(mut self) -> io::Result<(u64, u64)> {
        self.sizes.push_back(2 * BLOCK);
        self.write_all(&[0; 2 * BLOCK as usize])?;
        let (State::Between(mut out), true) = (self.state, self.sizes.is_empty()) else {
            return Err(io::Error::other("a member is not as large as it was"));
        };
        let mut table = Vec::new();
        match out.sealing.take() {
            Some((fingerprint, sealing)) => {
                let head = seal::head(fingerprint);
                self.table.push(SEAL_BYTES as u32, 0, Some(0));
                self.table.write(&mut table)?;
                let mut sealing = sealing;
                sealing.update(&head);
                sealing.update(&table);
                out.write_all(&head)?;
                out.write_all(&sealing.tag())?;
            }
            None => self.table.write(&mut table)?,
        }
        out.write_all(&table)?;
        out.flush()?;
        Ok((out.written, self.table.end().1))
    }

    /// Writes some of `bytes` into the frame that is open, or opens the next one.
    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Between(out) => {
                let size = self.sizes.pop_front();
                let size = size.ok_or_else(|| io::Error::other("a member has grown"))?;
                let start = out.written;
                self.state = State::Frame {
                    encoder: encoder(out, size)?,
                    start,
                    size,
                    left: size,
                };
                Ok(0)
            }
            State::Frame {
                mut encoder,
                start,
                size,
                left,
            } => {
                let length = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                encoder.write_all(&bytes[..length])?;
                let left = left - length as u64;
                self.state = if left > 0 {
                    State::Frame {
                        encoder,
                        start,
                        size,
                        left,
                    }
                } else {
                    let out = encoder.finish()?;
                    let number = |n: u64| u32::try_from(n).map_err(io::Error::other);
                    let checksum = u32::from_le_bytes(out.last);
                    let packed = number(out.written - start)?;
                    self.table.push(packed, number(size)?, Some(checksum));
                    State::Between(out)
                };
                Ok(length)
            }
            State::Failed => Err(io::Error::other("an earlier error")),
        }
    }
}

impl Write for Packer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = 0;
        while written < bytes.len() {
            written += self.write_some(&bytes[written..])?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file, how much was written to it, and the last bytes: a frame ends with the checksum of its content. What is written is
/// sealed on its way.
struct Tail<'a> {
    file: &'a mut File,
    written: u64,
    last: [u8; 4],
    sealing: Option<(Fingerprint, Sealing)>,
}

impl Write for Tail<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.file.write(bytes)?;
        self.written += length as u64;
        if let Some((_, sealing)) = &mut self.sealing {
            sealing.update(&bytes[..length]);
        }
        for byte in &bytes[length.saturating_sub(4)..length] {
            self.last.rotate_left(1);
            self.last[3] = *byte;
        }
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A frame for `size` bytes.
fn encoder<W: Write>(out: W, size: u64) -> io::Result<zstd::Encoder<'static, W>> {
    let mut encoder = zstd::Encoder::new(out, LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.set_pledged_src_size(Some(size))?;
    if size > SMALL_FRAME {
        encoder.multithread(THREADS)?;
        encoder.long_distance_matching(true)?;
        encoder.window_log(LONG_WINDOW_LOG)?;
        encoder.set_parameter(CParameter::LdmHashLog(LONG_HASH_LOG))?;
        encoder.set_parameter(CParameter::LdmHashRateLog(LONG_HASH_RATE_LOG))?;
    }
    Ok(encoder)
}

/// Writes a frame of a partial file: `head`, which ends with a member's header, its content of `size` bytes, and
/// padding.
pub(super) fn partial_frame(
    file: &mut File,
    head: &[u8],
    content: &mut dyn Read,
    size: u64,
) -> io::Result<()> {
    let padding = size.next_multiple_of(BLOCK) - size;
    let mut frame = zstd::Encoder::new(file, PARTIAL_LEVEL)?;
    frame.include_checksum(true)?;
    frame.set_pledged_src_size(Some(head.len() as u64 + size + padding))?;
    frame.write_all(head)?;
    io::copy(content, &mut frame)?;
    io::copy(&mut io::repeat(0).take(padding), &mut frame)?;
    frame.finish()?;
    Ok(())
}

/// A file of the archive: header, content and padding.
pub(super) fn entry(path: &str, content: &[u8]) -> io::Result<Vec<u8>> {
    let mut bytes = header(path, content.len() as u64)?;
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(BLOCK as usize), 0);
    Ok(bytes)
}

/// The tar header of a file: the same for the same path and size. A long path has a header of its own before.
pub(super) fn header(path: &str, size: u64) -> io::Result<Vec<u8>> {
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_data(&mut header, path, io::empty())?;
    let mut bytes = builder.into_inner()?;
    // The builder believes that the archive ends here.
    bytes.truncate(bytes.len() - 2 * BLOCK as usize);
    Ok(bytes)
}
