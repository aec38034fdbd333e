//! The front page of an input.

use std::collections::BTreeMap;

use super::{Body, Input, InputError};
use crate::{
    bundle::{FailureEntry, MemberPath},
    inspect::{
        DocumentOverview, FailureOverview, IstiodOverview, Overview, PageOverview, ProxyOverview,
        SealOverview,
    },
    model::{Document, Sealer, Source},
};

impl Input {
    /// What the input, which was named as `label`, is, holds and lacks. Reads, and so verifies, all of it; a seal by the
    /// key of `sealer`.
    ///
    /// # Errors
    ///
    /// Where a bundle cannot be read any more.
    pub fn overview(
        &mut self,
        label: &str,
        sealer: Option<&Sealer>,
    ) -> Result<Overview, InputError> {
        let mut overview = Overview {
            label: label.to_owned(),
            proxies: self
                .proxies
                .iter()
                .map(|(id, versions)| ProxyOverview {
                    id: id.clone(),
                    envoy_version: versions.envoy.clone(),
                    istio_version: versions.istio.clone(),
                })
                .collect(),
            failures: self
                .failures
                .iter()
                .chain(&self.inherent)
                .map(failure_overview)
                .collect(),
            is_bug_report: self.never_holds(Source::Istiod).is_some(),
            ..Overview::default()
        };
        if let Some(manifest) = &self.manifest {
            overview.format = Some(manifest.version.to_string());
            overview.tool = Some(manifest.tool.clone());
            overview.size_bytes = self.size_bytes;
            overview.note.clone_from(&manifest.note);
            overview.captured = manifest
                .captured
                .map(|span| (span.start.to_string(), span.end.to_string()));
            overview
                .redaction_rules
                .clone_from(&manifest.redaction.rules);
            overview.redacted = manifest.redaction.values;
            overview.redacted_by.clone_from(&manifest.redaction.by_rule);
            overview.redaction_keys = manifest.redaction.keys.iter().cloned().collect();
            overview.holds_secrets = manifest.redaction.off;
            for istiod in &manifest.istiods {
                overview.istiods.push(IstiodOverview {
                    name: istiod.name.clone(),
                    version: istiod.version.clone(),
                });
            }
        }
        overview.seal = self.seal(sealer)?;
        // A bundle is read once, from its start to its end.
        let mut bodies: BTreeMap<(usize, String), Examined> = BTreeMap::new();
        for (at, bundle) in self.bundles.iter_mut().enumerate() {
            for member in bundle.members() {
                match member {
                    Ok(member) => {
                        // What this version does not know is no entry.
                        if let Ok(path) = member.path.parse::<MemberPath>() {
                            let examined = Examined::of(path.document(), &member.bytes);
                            bodies.insert((at, member.path), examined);
                        }
                    }
                    Err(error) => overview.damage.push(error.to_string()),
                }
            }
        }
        let paths: Vec<MemberPath> = self.entries.keys().cloned().collect();
        for path in paths {
            let name = path.to_string();
            let body = match &self.entries[&path].body {
                Body::Member { bundle, path } => bodies.remove(&(*bundle, path.clone())),
                _ => match self.read(&path) {
                    Ok(bytes) => Some(Examined::of(path.document(), &bytes)),
                    Err(error) => {
                        overview.damage.push(error.to_string());
                        None
                    }
                },
            };
            let provenance = &self.entries[&path].provenance;
            let is_whole = path.document() == Document::ConfigDump && path.part().is_none();
            overview.documents.push(DocumentOverview {
                source: path.source(),
                document: path.document(),
                proxy: path.proxy().cloned(),
                size_bytes: body.as_ref().map(|body| body.size_bytes),
                origin: provenance.origin.to_string(),
                requested: provenance.requested.map(|time| time.to_string()),
                redacted: provenance.redacted.as_ref().map(|found| found.values),
                has_endpoints: body
                    .as_ref()
                    .filter(|_| is_whole)
                    .map(|body| body.has_endpoints),
                page: body.map(|body| body.page).unwrap_or_default(),
                path: name,
            });
        }
        Ok(overview)
    }
}

impl Input {
    /// The seal, where this is one bundle.
    fn seal(&mut self, own: Option<&Sealer>) -> Result<Option<SealOverview>, InputError> {
        let sealed_with = match &self.bundles[..] {
            [bundle] => bundle.sealed_with(),
            _ => None,
        };
        let Some(key) = sealed_with else {
            return Ok(None);
        };
        let holds = match own.filter(|own| own.fingerprint() == key) {
            Some(own) => Some(self.bundles[0].is_sealed_by(own)?),
            None => None,
        };
        Ok(Some(SealOverview {
            key: key.to_string(),
            holds,
        }))
    }
}

/// What is told of a document whose bytes are not held.
struct Examined {
    size_bytes: u64,
    /// Whether it has a section of endpoints, as a config dump may.
    has_endpoints: bool,
    page: PageOverview,
}

impl Examined {
    fn of(document: Document, bytes: &[u8]) -> Self {
        let section = b"envoy.admin.v3.EndpointsConfigDump";
        Self {
            size_bytes: bytes.len() as u64,
            has_endpoints: memchr::memmem::find(bytes, section).is_some(),
            page: PageOverview::of(document, bytes),
        }
    }
}

fn failure_overview(failure: &FailureEntry) -> FailureOverview {
    let mut words = vec![failure.source.as_str()];
    words.extend(
        [&failure.proxy, &failure.document, &failure.part]
            .into_iter()
            .flatten()
            .map(String::as_str),
    );
    FailureOverview {
        what: words.join(" "),
        origin: failure.origin.to_string(),
        time: failure.time.map(|time| time.to_string()),
        status: failure.status,
        reason: failure.reason.clone(),
    }
}
