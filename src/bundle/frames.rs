//! Reading what independent zstd frames hold, one after the other or from a known place.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom};

use zstd::stream::raw::{DParameter, Decoder, Operation, Status};

use super::format::{MAX_UNPACKED_BYTES, MAX_WINDOW_LOG, is_too_much};

/// The first bytes of a zstd frame.
const MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();

/// The first bytes of a frame without data, for others than zstd, but for the lowest four bits.
const SKIPPABLE: [u8; 4] = 0x184D_2A50_u32.to_le_bytes();

/// The bit of the first byte after the magic number that says that the frame ends with a checksum.
const HAS_CHECKSUM: u8 = 0x04;

/// How many places may be tried in any file when looking for the next intact frame. In compressed data a chance match
/// comes once in four gigabytes; a file full of them was made to waste time.
const FREE_TRIES: u64 = 2048;

/// How many bytes of a file allow for one try more: there may be as many damaged frames as fit into it, but hardly any
/// member is packed to less.
const BYTES_PER_TRY: u64 = 256;

/// The number of the run of places that come from a seek table, see [`Place::listed`].
const LISTED: usize = usize::MAX;

/// What zstd says of a frame whose window is larger than allowed.
const WINDOW_ERROR: &str = "Frame requires too much memory for decoding";

/// More than a reader may be asked to take.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{what} is too large")]
pub(super) struct TooMuch {
    pub(super) what: &'static str,
    pub(super) limit: u64,
}

impl TooMuch {
    pub(super) const UNPACKED: Self = Self {
        what: "what it unpacks to, for its size",
        limit: MAX_UNPACKED_BYTES,
    };

    const WINDOW: Self = Self {
        what: "the window of a zstd frame",
        limit: 1 << MAX_WINDOW_LOG,
    };
}

impl From<TooMuch> for io::Error {
    fn from(too_much: TooMuch) -> Self {
        Self::new(ErrorKind::FileTooLarge, too_much)
    }
}

/// A frame as it is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measured {
    /// Its size in the file.
    pub(super) packed: u64,
    /// The size of what it unpacks to.
    pub(super) unpacked: u64,
    /// The content checksum at its end, if it has one.
    pub(super) checksum: Option<u32>,
    /// Whether it holds data.
    pub(super) is_data: bool,
}

/// A place in the unpacked data, and the frame from which it is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// From which frame the unpacked bytes are counted: the one found by that many searches.
    run: usize,
    /// Where the frame begins in the file.
    frame: u64,
    /// How many bytes had been unpacked before the frame.
    frame_offset: u64,
    /// How many bytes had been unpacked before the place.
    offset: u64,
}

impl Place {
    /// Where the file begins.
    pub(super) const START: Self = Self {
        run: 0,
        frame: 0,
        frame_offset: 0,
        offset: 0,
    };

    /// The place that a seek table tells: `offset` in the unpacked data, in the frame at `frame` in the file, before
    /// which `frame_offset` bytes are unpacked. It is as true as the table.
    pub(super) fn listed(frame: u64, frame_offset: u64, offset: u64) -> Self {
        Self {
            run: LISTED,
            frame,
            frame_offset,
            offset,
        }
    }

    /// Where the frame begins in the file from which the place is reached.
    pub(super) fn frame(self) -> u64 {
        self.frame
    }

    /// How many bytes are unpacked before the place.
    pub(super) fn offset(self) -> u64 {
        self.offset
    }

    /// The place `bytes` later, reached from the same frame.
    pub(super) fn after(self, bytes: u64) -> Self {
        Self {
            offset: self.offset.saturating_add(bytes),
            ..self
        }
    }
}

/// The unpacked content of a file of zstd frames.
///
/// An error is [`ErrorKind::UnexpectedEof`] where the file ends within a frame, [`ErrorKind::InvalidData`] where a frame
/// is not what was written, and [`ErrorKind::FileTooLarge`] with [`TooMuch`] where it asks for more than it may; any
/// other comes from the file itself.
pub(super) struct Frames<R> {
    file: R,
    decoder: Decoder<'static>,
    /// Bytes of the file, of which `input[at..filled]` are not decoded yet.
    input: Box<[u8]>,
    at: usize,
    filled: usize,
    /// Where `input[at]` stands in the file.
    position: u64,
    in_frame: bool,
    /// Where the data stands that will be read next.
    place: Place,
    /// Whether reading failed, so that going on would make no sense.
    failed: bool,
    /// How often the next frame was searched for.
    tries: usize,
    /// How much was unpacked up to the searches since the file's beginning.
    spent: u64,
    /// How much was unpacked to measure frames since the one at the file's beginning.
    measured: u64,
}

impl<R: Read + Seek> Frames<R> {
    pub(super) fn new(mut file: R) -> io::Result<Self> {
        file.seek(SeekFrom::Start(0))?;
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG))?;
        Ok(Self {
            file,
            decoder,
            input: vec![0; 64 << 10].into_boxed_slice(),
            at: 0,
            filled: 0,
            position: 0,
            in_frame: false,
            place: Place::START,
            failed: false,
            tries: 0,
            spent: 0,
            measured: 0,
        })
    }

    /// Whether the file begins as zstd data does.
    pub(super) fn is_zstd(&mut self) -> io::Result<bool> {
        self.jump(Place::START)?;
        while self.filled < MAGIC.len() && self.fill()? {}
        let first = |n: usize| self.input[..self.filled].get(n).copied().unwrap_or(0);
        Ok([first(0), first(1), first(2), first(3)] == MAGIC
            || [first(0) & 0xF0, first(1), first(2), first(3)] == SKIPPABLE)
    }

    /// Whether all was unpacked that may be.
    pub(super) fn is_exhausted(&self) -> bool {
        is_too_much(self.spent.saturating_add(self.place.offset), self.position)
    }

    /// The size of the file. What is read next must be gone to.
    pub(super) fn size(&mut self) -> io::Result<u64> {
        self.failed = true;
        self.file.seek(SeekFrom::End(0))
    }

    /// The file itself. What is read next must be gone to.
    pub(super) fn file(&mut self) -> &mut R {
        self.failed = true;
        &mut self.file
    }

    /// Where the data stands that will be read next.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Goes to `place`, unpacking as little as possible.
    pub(super) fn go_to(&mut self, place: Place) -> io::Result<()> {
        let ahead = place.frame_offset..=place.offset;
        let same_run = self.place.run == place.run;
        if self.failed || !same_run || !ahead.contains(&self.place.offset) {
            self.jump(place)?;
        }
        let skipped = place.offset - self.place.offset;
        let found = io::copy(&mut Read::take(&mut *self, skipped), &mut io::sink())?;
        if found < skipped {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// Reads on to the end of the current frame, whose checksum is compared there, but no more than `limit` bytes.
    pub(super) fn finish_frame(&mut self, limit: u64) -> io::Result<()> {
        let frame = self.place.frame;
        let mut buffer = [0; 16 << 10];
        let mut left = limit;
        while self.in_frame && self.place.frame == frame && left > 0 {
            let length = self.read(&mut buffer)?;
            left = left.saturating_sub(length as u64);
        }
        Ok(())
    }

    /// Goes to the next place after the beginning of the frame at `place` where a frame seems to begin.
    pub(super) fn next_frame(&mut self, place: Place) -> io::Result<Option<Place>> {
        let allowed = FREE_TRIES + place.frame / BYTES_PER_TRY;
        if self.tries as u64 >= allowed || is_too_much(self.measured, place.frame) {
            return Ok(None);
        }
        self.tries += 1;
        self.spent = self.spent.saturating_add(self.place.offset);
        self.jump(Place {
            run: self.tries,
            frame: place.frame + 1,
            ..Place::START
        })?;
        loop {
            let waiting = &self.input[self.at..self.filled];
            if let Some(index) = waiting.windows(MAGIC.len()).position(|w| w == MAGIC) {
                self.consume(index);
                self.place.frame = self.position;
                return Ok(Some(self.place));
            }
            // The magic number may stand across the border of two fills.
            let tail = waiting.len().min(MAGIC.len() - 1);
            self.consume(waiting.len() - tail);
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// The frame that begins at `start` in the file, which must end before `end`, unpacked to its end. From the file's
    /// beginning on, no more is unpacked for this than may be.
    pub(super) fn measure(&mut self, start: u64, end: u64) -> io::Result<Measured> {
        if start == 0 {
            self.measured = 0;
        }
        self.jump(Place::listed(start, 0, 0))?;
        self.failed = true;
        let mut head = [0; 5];
        while self.filled < head.len() && self.fill()? {}
        let known = self.filled.min(head.len());
        head[..known].copy_from_slice(&self.input[..known]);
        let mut unpacked = 0;
        let mut scratch = vec![0; 128 << 10];
        loop {
            let more = self.at < self.filled || self.fill()?;
            let status = self.run(&mut scratch)?;
            unpacked += status.bytes_written as u64;
            self.measured = self.measured.saturating_add(status.bytes_written as u64);
            if is_too_much(self.measured, self.position) {
                return Err(TooMuch::UNPACKED.into());
            }
            if status.remaining == 0 {
                break;
            }
            if self.position > end {
                return Err(io::Error::new(
                    ErrorKind::InvalidData,
                    "the frame has no end",
                ));
            }
            if !more && status.bytes_written == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        let packed = self.position - start;
        let is_data = head[..4] == MAGIC;
        let mut checksum = None;
        if is_data && head[4] & HAS_CHECKSUM != 0 {
            let mut bytes = [0; 4];
            self.file.seek(SeekFrom::Start(self.position - 4))?;
            self.file.read_exact(&mut bytes)?;
            checksum = Some(u32::from_le_bytes(bytes));
        }
        Ok(Measured {
            packed,
            unpacked,
            checksum,
            is_data,
        })
    }

    fn jump(&mut self, place: Place) -> io::Result<()> {
        if place.run == Place::START.run {
            self.spent = 0;
        }
        self.file.seek(SeekFrom::Start(place.frame))?;
        self.decoder.reinit()?;
        (self.at, self.filled) = (0, 0);
        self.position = place.frame;
        self.in_frame = false;
        self.failed = false;
        self.place = Place {
            offset: place.frame_offset,
            ..place
        };
        Ok(())
    }

    fn consume(&mut self, bytes: usize) {
        self.at += bytes;
        self.position += bytes as u64;
    }

    /// Takes more of the file in; false at its end.
    fn fill(&mut self) -> io::Result<bool> {
        self.input.copy_within(self.at..self.filled, 0);
        self.filled -= self.at;
        self.at = 0;
        loop {
            match self.file.read(&mut self.input[self.filled..]) {
                Ok(length) => {
                    self.filled += length;
                    return Ok(length > 0);
                }
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                Err(err) => return Err(err),
            }
        }
    }

    fn decode(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !out.is_empty() {
            let more = self.at < self.filled || self.fill()?;
            if !self.in_frame {
                if !more {
                    break;
                }
                self.in_frame = true;
                self.place.frame = self.position;
                self.place.frame_offset = self.place.offset;
            }
            // At the end of the file there may still be unpacked data in the decoder.
            let status = self.run(out)?;
            self.place.offset += status.bytes_written as u64;
            self.in_frame = status.remaining != 0;
            if self.is_exhausted() {
                return Err(TooMuch::UNPACKED.into());
            }
            if status.bytes_written > 0 {
                return Ok(status.bytes_written);
            }
            if !more && self.in_frame {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(0)
    }
}

impl<R> Frames<R> {
    /// Unpacks some of the input.
    fn run(&mut self, out: &mut [u8]) -> io::Result<Status> {
        let input = &self.input[self.at..self.filled];
        let status = self.decoder.run_on_buffers(input, out).map_err(|err| {
            if err.to_string() == WINDOW_ERROR {
                return TooMuch::WINDOW.into();
            }
            io::Error::new(ErrorKind::InvalidData, err)
        })?;
        self.at += status.bytes_read;
        self.position += status.bytes_read as u64;
        Ok(status)
    }
}

impl<R: Read + Seek> Read for Frames<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let result = self.decode(out);
        self.failed |= result.is_err();
        result
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn frame(content: &[u8]) -> Vec<u8> {
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
        encoder.include_checksum(true).unwrap();
        io::copy(&mut &content[..], &mut encoder).unwrap();
        encoder.finish().unwrap()
    }

    fn read_all(frames: &mut Frames<Cursor<Vec<u8>>>) -> Vec<u8> {
        let mut out = Vec::new();
        frames.read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn frames_read_as_one_stream_and_from_any_known_place() {
        let file = [frame(b"first "), frame(b""), frame(b"second")].concat();
        let mut frames = Frames::new(Cursor::new(file)).unwrap();
        assert!(frames.is_zstd().unwrap());
        let mut start = [0; 8];
        frames.read_exact(&mut start).unwrap();
        assert_eq!(&start, b"first se");
        let place = frames.place();
        assert_eq!(read_all(&mut frames), b"cond");
        frames.go_to(place).unwrap();
        assert_eq!(read_all(&mut frames), b"cond");
        frames.go_to(Place::START.after(3)).unwrap();
        assert_eq!(read_all(&mut frames), b"st second");
    }

    #[test]
    fn a_cut_frame_is_an_unexpected_end_and_an_altered_one_invalid_data() {
        let whole = frame(b"some content that is long enough");
        for length in 1..whole.len() {
            let mut frames = Frames::new(Cursor::new(whole[..length].to_vec())).unwrap();
            let err = frames.read_to_end(&mut Vec::new()).unwrap_err();
            assert_eq!(err.kind(), ErrorKind::UnexpectedEof, "{length}");
        }
        let mut altered = whole;
        *altered.last_mut().unwrap() ^= 1;
        let mut frames = Frames::new(Cursor::new(altered)).unwrap();
        let err = frames.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::InvalidData);
    }

    #[test]
    fn after_a_broken_frame_the_next_one_is_found() {
        let mut broken = frame(b"first");
        let length = broken.len();
        broken[length - 1] ^= 1;
        // Padding moves the second magic number across the border of two fills of the buffer.
        for padding in [0, (64 << 10) - length - 2] {
            let file = [broken.clone(), vec![0; padding], frame(b"second")].concat();
            let mut frames = Frames::new(Cursor::new(file)).unwrap();
            assert!(frames.read_to_end(&mut Vec::new()).is_err());
            let place = frames.next_frame(Place::START).unwrap().unwrap();
            assert_eq!(read_all(&mut frames), b"second");
            frames.go_to(place).unwrap();
            assert_eq!(read_all(&mut frames), b"second");
            assert_eq!(frames.next_frame(place).unwrap(), None);
        }
    }

    #[test]
    fn a_place_before_the_damage_is_not_mistaken_for_one_behind_it() {
        let mut broken = frame(b"first");
        *broken.last_mut().unwrap() ^= 1;
        let mut frames = Frames::new(Cursor::new([broken, frame(b"second")].concat())).unwrap();
        frames.next_frame(Place::START).unwrap().unwrap();
        let mut byte = [0];
        frames.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"s");
        frames.go_to(Place::START.after(2)).unwrap();
        frames.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"r");
    }

    #[test]
    fn a_file_full_of_beginnings_is_given_up() {
        let file = MAGIC.repeat(2 * FREE_TRIES as usize);
        let mut frames = Frames::new(Cursor::new(file)).unwrap();
        let mut place = Place::START;
        let mut tries = 0;
        while let Some(next) = frames.next_frame(place).unwrap() {
            place = next;
            tries += 1;
        }
        // Each is four bytes behind the one before.
        assert_eq!(tries, FREE_TRIES + FREE_TRIES * 4 / (BYTES_PER_TRY - 4));
    }

    #[test]
    fn any_number_of_damaged_frames_is_passed() {
        let mut broken = frame(&[b'x'; 8]);
        *broken.last_mut().unwrap() ^= 1;
        broken.resize(300, 0);
        let last = frame(b"last");
        let file = [broken.repeat(6000), last].concat();
        let mut frames = Frames::new(Cursor::new(file.clone())).unwrap();
        let mut place = Place::START;
        while let Some(next) = frames.next_frame(place).unwrap() {
            place = next;
        }
        assert_eq!(place.frame, 6000 * 300);
    }

    #[test]
    fn frames_that_share_what_they_unpack_to_are_not_measured_for_ever() {
        // Each header stands in the content of the frame before it; all go on as one run of zeros without an end.
        const ZEROS: [u8; 4] = [0x02, 0x00, 0x10, 0x00]; // a block of 128 KiB
        let mut heads = Vec::new();
        for _ in 0..200_u32 {
            let [size @ .., _] = (u32::try_from(heads.len()).unwrap() << 3).to_le_bytes();
            heads.splice(0..0, [&MAGIC[..], &[0x00, 0x58], &size].concat());
        }
        let file = [heads.clone(), ZEROS.repeat(4096)].concat();
        let mut frames = Frames::new(Cursor::new(file)).unwrap();
        let mut unpacked = 0;
        let mut start = Some(Place::START);
        while let Some(place) = start {
            let err = frames.measure(place.frame, u64::MAX).unwrap_err();
            unpacked = frames.measured;
            start = frames.next_frame(place).unwrap();
            assert!(start.is_none() || err.kind() == ErrorKind::UnexpectedEof);
        }
        assert!(unpacked > 2 << 30 && unpacked < 3 << 30, "{unpacked}");
    }

    #[test]
    fn a_frame_that_wants_more_memory_than_allowed_is_refused() {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(MAX_WINDOW_LOG + 1).unwrap();
        io::copy(&mut &b"small"[..], &mut encoder).unwrap();
        let mut frames = Frames::new(Cursor::new(encoder.finish().unwrap())).unwrap();
        let err = frames.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::FileTooLarge);
        assert!(err.to_string().starts_with("the window"), "{err}");
    }

    #[test]
    fn a_frame_is_measured_to_its_end_and_no_further() {
        let mut plain = zstd::Encoder::new(Vec::new(), 3).unwrap();
        io::copy(&mut &b"plain"[..], &mut plain).unwrap();
        let files = [
            (frame(b"content"), 7, true, true),
            (frame(b""), 0, true, true),
            (plain.finish().unwrap(), 5, false, true),
            (
                [&SKIPPABLE[..], &[2, 0, 0, 0, b'h', b'i']].concat(),
                0,
                false,
                false,
            ),
        ];
        for (file, unpacked, has_checksum, is_data) in files {
            let packed = file.len() as u64;
            let file = [frame(b"before"), file, frame(b"after")].concat();
            let start = frame(b"before").len() as u64;
            let mut frames = Frames::new(Cursor::new(file.clone())).unwrap();
            let found = frames.measure(start, start + packed).unwrap();
            assert_eq!((found.packed, found.unpacked), (packed, unpacked));
            assert_eq!(
                (found.checksum.is_some(), found.is_data),
                (has_checksum, is_data)
            );
            let cut = file[..(start + packed - 1) as usize].to_vec();
            let err = Frames::new(Cursor::new(cut))
                .unwrap()
                .measure(start, start + packed);
            assert_eq!(err.unwrap_err().kind(), ErrorKind::UnexpectedEof);
        }
    }
}
