//! What a bundle tells of the resources in it, where its seal vouches for that: digests, and parts of documents.

use super::{Body, Input, InputError};
use crate::{
    bundle::MemberPath,
    capture::resources::{self, Index, Indexed},
    dump::{ElementAt, Form, excerpt},
    model::{Document, ProxyId, Source},
};

impl Input {
    /// Whether it is one bundle that was sealed by the key that this redacts by, and of which nothing was altered since.
    /// `None` where it is no bundle, or there is no such key.
    ///
    /// # Errors
    ///
    /// Where the bundle cannot be read any more.
    pub fn is_sealed(&mut self) -> Result<Option<bool>, InputError> {
        match (self.is_bundle(), self.redactor.sealer()) {
            (true, Some(sealer)) => Ok(Some(self.bundles[0].is_sealed_by(&sealer)?)),
            _ => Ok(None),
        }
    }

    /// What the bundle tells of each resource, if it is [sealed](Self::is_sealed) and does.
    ///
    /// # Errors
    ///
    /// Where the bundle cannot be read any more.
    pub fn resources(&mut self) -> Result<Option<Index>, InputError> {
        // Of several istiods, their sync states tell whose dump counts.
        let mut paths = self.entries.keys();
        if paths.any(|path| path.istiod_name().is_some()) || self.is_sealed()? != Some(true) {
            return Ok(None);
        }
        let Some((path, size)) = self.resources_member() else {
            return Ok(None);
        };
        let bundle = &mut self.bundles[0];
        if size < Index::START_BYTES {
            return Ok(None);
        }
        let start = bundle.read_part(&path, 0..Index::START_BYTES)?;
        let Ok(head) = Index::head_bytes(&start) else {
            return Ok(None);
        };
        if head > size {
            return Ok(None);
        }
        let bytes = bundle.read_part(&path, 0..head)?;
        Ok(Index::read(bytes, size).ok())
    }

    /// The derived member that tells of resources, and its size.
    fn resources_member(&self) -> Option<(String, u64)> {
        let bundle = self.bundles.first()?;
        let mut derived = bundle.manifest().derived.iter();
        let entry = derived
            .find(|entry| entry.kind == resources::KIND && entry.rules == resources::RULES)?;
        let is_of_these = entry.from == bundle.made_from();
        is_of_these.then(|| (entry.path.clone(), entry.size))
    }

    /// Where the resources of a dump stand, for [`Places`](resources::Places); only of a bundle that is
    /// [sealed](Self::is_sealed).
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn places(&mut self, dump: &Indexed) -> Result<Vec<u8>, InputError> {
        let Some((path, _)) = self.resources_member() else {
            return Ok(Vec::new());
        };
        Ok(self.bundles[0].read_part(&path, dump.places.clone())?)
    }

    /// A dump of these elements of the dump of `proxy` by `source` alone, redacted; only of a bundle that is
    /// [sealed](Self::is_sealed).
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn excerpt(
        &mut self,
        proxy: &ProxyId,
        source: Source,
        elements: &[ElementAt],
    ) -> Result<Vec<u8>, InputError> {
        let path = match source {
            Source::Envoy => MemberPath::envoy(proxy.clone(), Document::ConfigDump, None),
            Source::Istiod => MemberPath::istiod(None, Some(proxy.clone()), Document::ConfigDump),
        };
        let path = path.map_err(|error| InputError::unusable(proxy, error))?;
        let member = match self.entries.get(&path) {
            Some(entry) if entry.form == Form::Page => match &entry.body {
                Body::Member { path, .. } => path.clone(),
                _ => return Err(InputError::unusable(&path, "it is in no bundle")),
            },
            _ => return Err(InputError::unusable(&path, "there is no such document")),
        };
        let bundle = &mut self.bundles[0];
        let mut read = Vec::with_capacity(elements.len());
        for element in elements {
            let range = element.range.start as u64..element.range.end as u64;
            read.push((element.list, bundle.read_part(&member, range)?));
        }
        let whole = excerpt(read.iter().map(|(list, bytes)| (*list, bytes.as_slice())));
        let mut redacted = Vec::with_capacity(whole.len());
        (self.redactor)
            .copy(Document::ConfigDump, &mut &whole[..], &mut redacted)
            .map_err(|error| InputError::unusable(&member, error))?;
        Ok(redacted)
    }

    /// Whether a text that a dump holds is shown as it is.
    pub fn shows(&self, text: &str) -> bool {
        self.redactor.scrub(text).0 == text
    }
}
