//! Several inputs that are read as one.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use super::{Body, Input, InputError};
use crate::{
    bundle::MemberPath,
    capture::files,
    model::{ProxyId, Source},
};

impl Input {
    /// A part of this one, without any document yet, called so.
    pub(super) fn part(&self, name: impl ToString) -> Self {
        Self {
            redactor: Arc::clone(&self.redactor),
            names: vec![name.to_string()],
            ..Self::default()
        }
    }

    /// Takes over everything of `part`.
    ///
    /// What two istiods, or one at two times, say of themselves is kept side by side.
    ///
    /// # Errors
    ///
    /// Where both hold a document of one proxy by one source. Nothing was taken over then.
    pub(super) fn merge(&mut self, part: Self) -> Result<(), InputError> {
        let paths = self.paths_for(&part)?;
        let (first_name, first_bundle) = (self.names.len(), self.bundles.len());
        for ((_, mut entry), path) in part.entries.into_iter().zip(paths) {
            entry.of += first_name;
            if let Body::Member { bundle, .. } = &mut entry.body {
                *bundle += first_bundle;
            }
            self.entries.insert(path, entry);
        }
        self.held = part.held;
        self.names.extend(part.names);
        self.bundles.extend(part.bundles);
        for (proxy, versions) in part.proxies {
            let known = self.proxies.entry(proxy).or_default();
            known.envoy = versions.envoy.or(known.envoy.take());
            known.istio = versions.istio.or(known.istio.take());
        }
        self.failures.extend(part.failures);
        self.inherent.extend(part.inherent);
        self.manifest = self.manifest.take().or(part.manifest);
        self.size_bytes = match (self.size_bytes, part.size_bytes) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
        self.skipped.extend(part.skipped);
        self.was_redacted |= part.was_redacted;
        Ok(())
    }

    /// What the documents of `part` are called here, in their order.
    fn paths_for(&self, part: &Self) -> Result<Vec<MemberPath>, InputError> {
        let mut renamed: BTreeMap<Option<&str>, String> = BTreeMap::new();
        for (path, entry) in &part.entries {
            let Some(other) = self.entries.get(path) else {
                continue;
            };
            if path.proxy().is_some() {
                let reason = format!(
                    "it holds `{path}`, which was read from `{}` already; give one of the two, or \
                     another name to one of two files (--envoy LABEL=FILE)",
                    self.names[other.of]
                );
                return Err(InputError::unusable(&part.names[entry.of], reason));
            }
            let istiod = path.istiod_name();
            renamed
                .entry(istiod)
                .or_insert_with(|| self.free_name(istiod, &part.names[entry.of]));
        }
        let paths = part.entries.keys().map(|path| {
            let name = renamed.get(&path.istiod_name());
            match name.filter(|_| path.source() == Source::Istiod) {
                None => Ok(path.clone()),
                Some(name) => {
                    let proxy = path.proxy().cloned();
                    MemberPath::istiod(Some(name), proxy, path.document())
                        .map_err(|error| InputError::unusable(path, error))
                }
            }
        });
        paths.collect()
    }

    /// A name that no istiod has here, for the one called `istiod` in the input `of`.
    fn free_name(&self, istiod: Option<&str>, of: &str) -> String {
        let stem = files::stem(Path::new(of)).filter(|stem| ProxyId::new(*stem).is_ok());
        let stem = stem.unwrap_or("istiod");
        let first = match istiod {
            Some(istiod) => format!("{istiod}.{stem}"),
            None => stem.to_owned(),
        };
        let is_free = |name: &str| {
            let mut paths = self.entries.keys();
            !paths.any(|path| path.istiod_name() == Some(name))
        };
        let numbered = (2..).map(|number| format!("{first}-{number}"));
        let mut names = std::iter::once(first.clone()).chain(numbered);
        names.find(|name| is_free(name)).unwrap_or(first)
    }
}
