//! Dumps that are looked at before they are redacted: of two that are the same in most, that takes the most time.

use std::path::PathBuf;

use super::{Body, Elements, Input};
use crate::{
    dump::{ElementAt, Form},
    model::{Document, ProxyId, Source},
    redact::{Policy, Pseudonyms},
};

/// A dump as it was received, with its secrets: it is shown only as an [excerpt](Input::excerpt).
pub struct Unredacted {
    file: PathBuf,
    bytes: Vec<u8>,
}

impl Unredacted {
    /// All of it, to be looked at.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// These of its elements, as they are.
    pub fn elements(&self, elements: &[ElementAt]) -> Elements {
        let of = |at: &ElementAt| (at.list, self.bytes[at.range.clone()].to_vec());
        Elements(elements.iter().map(of).collect())
    }
}

impl Input {
    /// The dump of `proxy` by `source` as it was received, if it is one file that is in memory and was
    /// [recognized](crate::dump::recognize_slice()), if nothing is told of it elsewhere, and if what is equal when it is
    /// redacted is what was equal before.
    pub fn take_unredacted(&mut self, proxy: &ProxyId, source: Source) -> Option<Unredacted> {
        let is_plain = self.redactor.pseudonyms() == Pseudonyms::default();
        let tells_apart = is_plain && !matches!(self.redactor.policy(), Policy::Alike);
        if !tells_apart || !self.failures.is_empty() {
            return None;
        }
        let mut dumps = self.entries.iter().filter(|(path, _)| {
            path.source() == source
                && path.document() == Document::ConfigDump
                && path.proxy() == Some(proxy)
        });
        let (Some((_, entry)), None) = (dumps.next(), dumps.next()) else {
            return None;
        };
        let Body::File(file) = &entry.body else {
            return None;
        };
        let held = self.held.take_if(|(held, _)| held == file);
        let (file, bytes) = held.filter(|_| entry.form == Form::Page)?;
        Some(Unredacted { file, bytes })
    }

    /// Takes it back: it is still to be read.
    pub fn put_back(&mut self, Unredacted { file, bytes }: Unredacted) {
        self.held = Some((file, bytes));
    }
}
