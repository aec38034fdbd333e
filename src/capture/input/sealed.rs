//! What a bundle tells of the resources in it, where its seal vouches for that: digests, and parts of documents.

use super::{Body, Input, InputError};
use crate::{
    bundle::MemberPath,
    capture::resources::{self, Index, Indexed},
    diff::leave_out_equal,
    dump::{ElementAt, Form, excerpt},
    model::{Document, ProxyId, Source},
};

/// Elements of a dump, as they are in a bundle or were received: they are shown only as an [excerpt](Input::excerpt).
pub struct Elements(pub(super) Vec<(u8, Vec<u8>)>);

impl Elements {
    /// Takes out of these of before and those of after what is [the same on both sides](leave_out_equal).
    pub fn leave_out_equal(&mut self, after: &mut Self) {
        leave_out_equal(&mut self.0, &mut after.0);
    }
}

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
        self.resources_path = Some(path);
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

    /// Where the resources of a dump stand, for [`Places`](resources::Places): nowhere, unless it was told of
    /// [resources](Self::resources).
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn places(&mut self, dump: &Indexed) -> Result<Vec<u8>, InputError> {
        match &self.resources_path {
            Some(path) => Ok(self.bundles[0].read_part(path, dump.places.clone())?),
            None => Ok(Vec::new()),
        }
    }

    /// These elements of the dump of `proxy` by `source`, as they are in the bundle; only of one that is
    /// [sealed](Self::is_sealed).
    ///
    /// # Errors
    ///
    /// Where they cannot be read.
    pub fn elements(
        &mut self,
        proxy: &ProxyId,
        source: Source,
        elements: &[ElementAt],
    ) -> Result<Elements, InputError> {
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
        let each = elements.iter().map(|element| {
            let range = element.range.start as u64..element.range.end as u64;
            Ok((element.list, bundle.read_part(&member, range)?))
        });
        let read: Result<_, InputError> = each.collect();
        Ok(Elements(read?))
    }

    /// A dump of these elements alone, redacted.
    ///
    /// # Errors
    ///
    /// Where they cannot be redacted.
    pub fn excerpt(&mut self, elements: &Elements) -> Result<Vec<u8>, InputError> {
        let elements = elements.0.iter();
        let whole = excerpt(elements.map(|(list, bytes)| (*list, bytes.as_slice())));
        let redacted = self.redactor.redact(Document::ConfigDump, whole);
        redacted
            .map(|(bytes, _)| bytes)
            .map_err(|error| InputError::unusable("an excerpt of a dump", error))
    }

    /// Whether a text that a dump holds is shown as it is.
    pub fn shows(&self, text: &str) -> bool {
        self.redactor.scrub(text).0 == text
    }
}
