//! One side of a comparison: an input, opened, and what is known of what it lacks.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use anyhow::{Context, bail};
use jiff::Timestamp;

use super::{inputs::InputArgs, redaction::ShowArgs};
use crate::{
    bundle::{FailureEntry, Time},
    capture::{DumpDocument, Input, Named, Versions},
    diff::Facts,
    dump::Dump,
    inspect::Inventory,
    model::{ProxyId, Rules, Source},
    redact::Redactor,
    render,
};

/// An input, and what it is called in the head of the output.
pub(super) struct Side {
    pub(super) input: Input,
    pub(super) label: String,
    /// The proxies that have a dump, by source.
    dumps: HashMap<Source, BTreeSet<ProxyId>>,
    /// The positions in `input.failures` of what is about a proxy, by its ID: there may be as many as proxies.
    failures: HashMap<String, Vec<usize>>,
}

/// The documents that together are one config dump.
pub(super) struct Documents {
    documents: Vec<DumpDocument>,
    /// What stands before an error about them.
    name: String,
    /// Parts that could not be captured.
    pub(super) missing: Vec<MissingPart>,
}

/// A part of a dump that could not be captured, and why.
pub(super) type MissingPart = (String, String);

impl Side {
    pub(super) fn open(
        from: &InputArgs,
        show: &ShowArgs,
        redactor: &Arc<Redactor>,
        named: &[Named],
    ) -> anyhow::Result<Self> {
        let labels: Vec<_> = named.iter().map(|named| named.place.to_string()).collect();
        let input = from.open(named, redactor)?;
        show.tell_lost(&labels.join(" "), &input);
        let of = |source| (source, input.proxies_of(source).into_iter().collect());
        let mut failures: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, failure) in input.failures.iter().enumerate() {
            if let Some(proxy) = &failure.proxy {
                failures.entry(proxy.clone()).or_default().push(at);
            }
        }
        Ok(Self {
            label: labels.join(" "),
            dumps: [Source::Envoy, Source::Istiod].map(of).into(),
            failures,
            input,
        })
    }

    pub(super) fn proxies(&self, source: Source) -> BTreeSet<ProxyId> {
        self.dumps[&source].clone()
    }

    pub(super) fn dump(&mut self, proxy: &ProxyId, source: Source) -> anyhow::Result<Documents> {
        let documents = self.input.dump(proxy, source)?;
        Ok(Documents {
            missing: self.missing_parts(&documents, proxy, source),
            documents,
            name: format!("{}: {source}'s dump", self.label),
        })
    }

    /// What istiod would send a proxy, and what its Envoy runs.
    ///
    /// # Errors
    ///
    /// Where one of them is not there, with the reason that its capture noted, or cannot be read.
    pub(super) fn both(&mut self, proxy: &ProxyId) -> anyhow::Result<(Documents, Documents)> {
        for source in [Source::Istiod, Source::Envoy] {
            if let Some(reason) = self.lack(proxy, source) {
                bail!(reason);
            }
        }
        Ok((
            self.dump(proxy, Source::Istiod)?,
            self.dump(proxy, Source::Envoy)?,
        ))
    }

    /// That there is no dump of `proxy` by `source`, if so, and why.
    pub(super) fn lack(&self, proxy: &ProxyId, source: Source) -> Option<String> {
        if self.dumps[&source].contains(proxy) {
            return None;
        }
        let never = || self.input.never_holds(source).map(str::to_owned);
        Some(match self.failure(proxy, source).or_else(never) {
            Some(why) => format!("no dump by {source}: {why}"),
            None => format!("no dump by {source}"),
        })
    }

    /// Who of Envoy and istiod has a dump of `proxy`; Envoy, which runs it, where both do.
    pub(super) fn nearest_source(&self, proxy: &ProxyId) -> Option<Source> {
        let mut sources = [Source::Envoy, Source::Istiod].into_iter();
        sources.find(|source| self.dumps[source].contains(proxy))
    }

    /// What tells which workload `proxy` is of.
    pub(super) fn facts(&mut self, proxy: &ProxyId, rules: &Rules) -> Facts {
        let has_bootstrap = self.dumps[&Source::Envoy].contains(proxy);
        let documents = has_bootstrap.then(|| self.dump(proxy, Source::Envoy).ok());
        let documents = documents.flatten();
        let dump = documents.as_ref().and_then(|found| found.parse(rules).ok());
        let facts = dump.and_then(|dump| Facts::of(proxy, &dump));
        facts.unwrap_or_else(|| Facts::of_id(proxy))
    }

    /// What a dump of `proxy` lists, and the parts of it that could not be captured, with why.
    ///
    /// # Errors
    ///
    /// Where there is none, or it cannot be read.
    pub(super) fn inventory(
        &mut self,
        proxy: &ProxyId,
        source: Source,
    ) -> anyhow::Result<(Inventory, Vec<MissingPart>)> {
        if let Some(reason) = self.lack(proxy, source) {
            bail!(reason);
        }
        let documents = self.dump(proxy, source)?;
        let mut inventory = Inventory::of(proxy, source, &documents.parse(Rules::all())?);
        if source == Source::Envoy && inventory.started.is_none() {
            inventory.started = self.input.started(proxy);
        }
        Ok((inventory, documents.missing))
    }

    /// Every proxy that this side is about: of which it has a document, or of which a capture noted a failure.
    pub(super) fn all_proxies(&self) -> BTreeSet<ProxyId> {
        let failed = self.input.failures.iter();
        let failed = failed.filter_map(|failure| ProxyId::new(failure.proxy.clone()?).ok());
        failed.chain(self.input.proxies.keys().cloned()).collect()
    }

    /// Fails where there is no dump by `source`.
    pub(super) fn check_has(&self, source: Source) -> anyhow::Result<()> {
        match self.any_failure(source) {
            _ if !self.proxies(source).is_empty() => Ok(()),
            Some(why) => bail!("{}: {source}'s dump was not captured: {why}", self.label),
            None => match self.input.never_holds(source) {
                Some(why) => bail!("{}: holds no config dump by {source}: {why}", self.label),
                None => bail!("{}: holds no config dump by {source}", self.label),
            },
        }
    }

    /// When the last of it was received, where that is known.
    pub(super) fn captured(&self) -> Option<Timestamp> {
        let documents = self.input.documents();
        let received = documents.filter_map(|(_, provenance)| provenance.received);
        received.max().map(Time::timestamp)
    }

    /// What the head of the output says of this side.
    pub(super) fn head(&self, source: Source, istio: Option<&str>) -> render::Side {
        let versions = |of: fn(&Versions) -> &Option<String>| {
            let mut found: BTreeSet<&str> = BTreeSet::new();
            found.extend(self.input.proxies.values().filter_map(|v| of(v).as_deref()));
            (!found.is_empty()).then(|| found.into_iter().collect::<Vec<_>>().join(", "))
        };
        let manifest = self.input.manifest.as_ref();
        let note = manifest.and_then(|manifest| manifest.note.as_ref());
        render::Side {
            label: self.label.clone(),
            captured: self.captured().map(|time| Time::from(time).to_string()),
            proxies: self.proxies(source).len(),
            istio_version: istio.map(str::to_owned).or_else(|| versions(|v| &v.istio)),
            envoy_version: versions(|v| &v.envoy),
            notes: note
                .map(|note| format!("note: {note}"))
                .into_iter()
                .collect(),
        }
    }

    /// Why there is no dump of `proxy` by `source`, as its capture noted.
    pub(super) fn failure(&self, proxy: &ProxyId, source: Source) -> Option<String> {
        let mut failures = self.failures_of(proxy, source);
        let failure = failures.find(|failure| failure.part.is_none())?;
        Some(failure.reason.clone())
    }

    /// What a capture noted of the dump of `proxy` by `source`, or of parts of it.
    fn failures_of(&self, proxy: &ProxyId, source: Source) -> impl Iterator<Item = &FailureEntry> {
        let about = self.failures.get(proxy.as_str()).into_iter().flatten();
        let about = about.map(|at| &self.input.failures[*at]);
        about.filter(move |failure| {
            let document = failure.document.as_deref();
            failure.source == source.as_str() && document.is_none_or(|name| name == "config_dump")
        })
    }

    /// Why some source that might have been this proxy's gave nothing: it did not even say which proxy it is.
    pub(super) fn nameless_failure(&self, source: Source) -> Option<String> {
        let mut failures = self.input.failures.iter();
        let failure = failures
            .find(|failure| failure.source == source.as_str() && failure.proxy.is_none())?;
        Some(format!("{}: {}", failure.origin, failure.reason))
    }

    /// Why there is no dump by `source` at all, where a capture noted it.
    pub(super) fn any_failure(&self, source: Source) -> Option<String> {
        let mut failures = self.input.failures.iter();
        let failure = failures.find(|failure| failure.source == source.as_str())?;
        Some(format!("{}: {}", failure.origin, failure.reason))
    }

    fn missing_parts(
        &self,
        documents: &[DumpDocument],
        proxy: &ProxyId,
        source: Source,
    ) -> Vec<MissingPart> {
        let has = |part: &str| {
            let whole = |found: &str| found == part || found.strip_suffix(".masked") == Some(part);
            documents
                .iter()
                .any(|(found, _)| found.as_deref().is_none_or(whole))
        };
        self.failures_of(proxy, source)
            .filter_map(|failure| Some((failure.part.clone()?, failure.reason.clone())))
            .filter(|(part, _)| !has(part.trim_end_matches(".masked")))
            .collect()
    }
}

impl Documents {
    /// Reads them.
    pub(super) fn parse(&self, rules: &Rules) -> anyhow::Result<Dump<'_>> {
        let documents = self.documents.iter();
        let documents = documents.map(|(part, bytes)| (part.as_deref(), bytes.as_slice()));
        let mut dump = Dump::parse_by(documents, rules).with_context(|| self.name.clone())?;
        for (part, _) in &self.missing {
            dump.note_missing_part(part);
        }
        Ok(dump)
    }
}
