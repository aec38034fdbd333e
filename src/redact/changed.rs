//! What a document became, if it became another one.

use std::io::{self, Write};

/// Takes what a document became.
pub(super) struct Changed<'a> {
    /// The document as it was.
    before: &'a [u8],
    /// How much of what was written is as it was.
    same: usize,
    /// All that was written, if not all is.
    after: Option<Vec<u8>>,
}

impl<'a> From<&'a [u8]> for Changed<'a> {
    fn from(before: &'a [u8]) -> Self {
        Self {
            before,
            same: 0,
            after: None,
        }
    }
}

impl Changed<'_> {
    /// All that was written, if it is not what the document was.
    pub(super) fn finish(self) -> Option<Vec<u8>> {
        let is_shorter = self.same < self.before.len();
        let written = || self.before[..self.same].to_vec();
        self.after.or_else(|| is_shorter.then(written))
    }
}

impl Write for Changed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.after {
            None if self.before[self.same..].starts_with(bytes) => self.same += bytes.len(),
            None => {
                // Tokens are longer than most of what they stand for.
                let mut after = Vec::with_capacity(self.before.len() + self.before.len() / 16);
                after.extend_from_slice(&self.before[..self.same]);
                after.extend_from_slice(bytes);
                self.after = Some(after);
            }
            Some(after) => after.extend_from_slice(bytes),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_was_written_is_told_if_it_is_something_else() {
    let written = |pieces: &[&str]| {
        let mut changed = Changed::from(&b"a document"[..]);
        for piece in pieces {
            changed.write_all(piece.as_bytes()).unwrap();
        }
        changed
            .finish()
            .map(|after| String::from_utf8(after).unwrap())
    };
    for same in [&["a document"][..], &["a ", "", "document"]] {
        assert_eq!(written(same), None);
    }
    for pieces in [
        &["a ", "[redacted]"][..],
        &["another", " document"],
        &["a doc"],
        &[],
        &["a document", "s"],
        &["a d", "ac", "ument"],
    ] {
        assert_eq!(written(pieces), Some(pieces.concat()));
    }
}
