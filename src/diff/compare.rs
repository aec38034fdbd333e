//! Two dumps of one proxy, resource by resource.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Cause, Change, ChangeKind, Class, Compared, DocumentPair, Mode, NotCompared, ProxyOnly,
    Rejection, Report, SideName,
    equivalence::equate,
    pairing::{envoy_name, pair_resources},
    rejection::error_of,
    value::{Comparison, Edit, Nodes, select_all},
    verdict::{Verdict, endpoints_replaced, is_redacted, judge},
};
use crate::{
    model::{Path, ProxyId, ResourceKey, State, XdsType},
    normalize::{Dump, Resource, Value, normalize},
};

/// What is compared, and how much of it is wanted.
pub struct Options<'a> {
    /// Which resources are compared at all.
    pub keep: &'a dyn Fn(&ResourceKey) -> bool,
    /// JSONPath queries: only changes at or below a node that one selects are kept; all where there is none.
    pub select: Vec<String>,
    /// JSONPath queries: nodes that one selects are left out of both sides.
    pub ignore: Vec<String>,
    /// Whether resources that differ are kept in whole.
    pub documents: bool,
}

/// One proxy on both sides.
pub struct ProxyPair<'a> {
    /// The proxy on the *before* side.
    pub before_id: &'a ProxyId,
    /// The proxy on the *after* side.
    pub after_id: &'a ProxyId,
    /// What it was, or what istiod would send it.
    pub before: &'a Dump<'a>,
    /// What it is, or what Envoy runs.
    pub after: &'a Dump<'a>,
    /// Whose configuration this is.
    pub compared: Compared,
    /// What Envoy answered to the updates that it rejected, by type, as istiod's sync state has it.
    pub last_errors: &'a [(XdsType, String)],
}

/// A comparison under way, proxy by proxy.
pub struct Comparer<'a> {
    options: Options<'a>,
    report: Report,
    /// The proxies that were compared; one may be compared by two sources.
    compared: BTreeSet<ProxyId>,
    /// Numbers of the queries, `select` before `ignore`, that have selected something.
    used: [BTreeSet<usize>; 2],
    /// Resources that have changes, so that each counts once.
    changed: BTreeSet<(ProxyId, Compared, ResourceKey)>,
}

/// One resource of one proxy, and where on either side it is.
struct Context<'a> {
    pair: &'a ProxyPair<'a>,
    key: ResourceKey,
    /// Endpoint assignments that come by EDS on either side; `None` where a dump does not tell.
    eds: Option<&'a BTreeSet<String>>,
    /// Why Envoy refused an update of it.
    reason: Option<String>,
    updated: Option<String>,
}

/// The resources of one type, name and state.
#[derive(Default)]
struct Group<'a> {
    before: Vec<&'a Resource<'a>>,
    after: Vec<&'a Resource<'a>>,
}

impl<'a> Comparer<'a> {
    /// Starts a comparison.
    pub fn new(mode: Mode, options: Options<'a>) -> Self {
        Self {
            options,
            report: Report::new(mode),
            compared: BTreeSet::new(),
            used: [BTreeSet::new(), BTreeSet::new()],
            changed: BTreeSet::new(),
        }
    }

    /// Notes a proxy that only one side has.
    pub fn only(&mut self, proxy: &ProxyId, side: SideName) {
        let only = ProxyOnly {
            proxy: proxy.clone(),
            side,
        };
        // Of two sources, one has said so already.
        if !self.report.proxies_only.contains(&only) {
            self.report.proxies_only.push(only);
            self.report.summary.proxies_found += 1;
        }
    }

    /// Notes a proxy that should have been compared and cannot be, and why.
    pub fn not_compared(&mut self, proxy: &ProxyId, compared: Compared, reason: String) {
        if !self.compared.contains(proxy) {
            self.report.summary.proxies_found += 1;
        }
        let entry = entry(proxy, compared, Cause::Missing, reason);
        self.report.not_compared.push(entry);
    }

    /// Adds something that the reader should know.
    pub fn warn(&mut self, warning: String) {
        if !self.report.warnings.contains(&warning) {
            self.report.warnings.push(warning);
        }
    }

    /// Compares one proxy.
    pub fn proxy(&mut self, pair: &ProxyPair<'_>) {
        if self.compared.insert(pair.after_id.clone()) {
            self.report.summary.proxies += 1;
            self.report.summary.proxies_found += 1;
        }
        self.check_sides(pair);
        match self.report.mode {
            Mode::Sync => self.sync(pair),
            Mode::Change => self.change(pair),
        }
    }

    /// Ends the comparison.
    pub fn finish(mut self) -> Report {
        let queries = [
            ("select", &self.options.select),
            ("ignore", &self.options.ignore),
        ];
        for ((flag, queries), used) in queries.into_iter().zip(&self.used) {
            for (i, query) in queries.iter().enumerate() {
                if !used.contains(&i) {
                    let warning = format!("--{flag} `{query}` selects nothing on either side");
                    self.report.warnings.push(warning);
                }
            }
        }
        self.report.sort();
        self.report
    }

    /// Warns of two dumps that are hardly what the user meant.
    fn check_sides(&mut self, pair: &ProxyPair<'_>) {
        if let (Mode::Change, Some(before), Some(after)) = (
            self.report.mode,
            &pair.before.last_updated,
            &pair.after.last_updated,
        ) && after < before
        {
            self.warn(format!(
                "{}: `after` was last updated at {after}, before `before` ({before}): are the two swapped?",
                pair.after_id
            ));
        }
        let clusters = |dump: &Dump<'_>| -> BTreeSet<String> {
            let of_type = |r: &&Resource<'_>| {
                r.key.xds_type == XdsType::Cluster && r.key.state != Some(State::Static)
            };
            dump.resources
                .iter()
                .filter(of_type)
                .map(|r| r.key.name.clone())
                .collect()
        };
        let (before, after) = (clusters(pair.before), clusters(pair.after));
        if !before.is_empty() && !after.is_empty() && before.is_disjoint(&after) {
            self.warn(format!(
                "{}: the two sides have no cluster in common: are they the same proxy?",
                pair.after_id
            ));
        }
    }

    /// Before against after.
    fn change(&mut self, pair: &ProxyPair<'_>) {
        let has_both = |xds_type: &XdsType| has_both(pair, xds_type);
        let mut groups: BTreeMap<ResourceKey, Group<'_>> = BTreeMap::new();
        let mut lacking = BTreeSet::new();
        for (dump, is_before) in [(pair.before, true), (pair.after, false)] {
            for resource in &dump.resources {
                let key = &resource.key;
                // Envoy repeats the route configurations that stand inside listeners.
                let repeated = key.xds_type == XdsType::Route
                    && key.state == Some(State::Static)
                    && has_both(&XdsType::Listener);
                if repeated || !(self.options.keep)(key) {
                    continue;
                }
                // A dump without extension configs, or without a section of a newer Envoy, has none.
                let may_lack = matches!(key.xds_type, XdsType::ExtensionConfig | XdsType::Other(_));
                if !may_lack && !has_both(&key.xds_type) {
                    lacking.insert((key.xds_type.clone(), is_before));
                    continue;
                }
                let key = ResourceKey {
                    occurrence: 0,
                    ..key.clone()
                };
                let group = groups.entry(key).or_default();
                match is_before {
                    true => group.before.push(resource),
                    false => group.after.push(resource),
                }
            }
        }
        for (xds_type, only_before) in lacking {
            let side = if only_before { "after" } else { "before" };
            self.type_not_compared(
                pair,
                &xds_type,
                Cause::Missing,
                match xds_type {
                    XdsType::Endpoint => {
                        format!("the dump on the {side} side was taken without `include_eds`")
                    }
                    _ => format!("the dump on the {side} side has no section of this type"),
                },
            );
        }
        let eds = eds_names(pair);
        for (_, group) in groups {
            for (before, after) in pair_resources(&group.before, &group.after, &pair.after.types) {
                let Some(resource) = after.or(before) else {
                    continue;
                };
                let error = after
                    .and_then(|r| r.error.clone())
                    .or(before.and_then(|r| r.error.clone()));
                let context = Context {
                    pair,
                    key: resource.key.clone(),
                    eds: eds.as_ref(),
                    reason: error,
                    updated: resource.last_updated.clone(),
                };
                self.resource(&context, before, after);
            }
        }
    }

    /// Istiod against Envoy.
    fn sync(&mut self, pair: &ProxyPair<'_>) {
        const ONE_PRINTER: &str = "only one of the two prints this";
        let has_both = |xds_type: &XdsType| has_both(pair, xds_type);
        let mut groups: BTreeMap<(XdsType, String), Group<'_>> = BTreeMap::new();
        let mut inherent = BTreeSet::new();
        let mut errors: BTreeMap<(XdsType, String), String> = BTreeMap::new();
        for resource in pair
            .before
            .resources
            .iter()
            .filter(|r| (self.options.keep)(&r.key))
        {
            let key = &resource.key;
            if matches!(key.xds_type, XdsType::Other(_)) && !has_both(&key.xds_type) {
                inherent.insert((key.xds_type.clone(), ONE_PRINTER));
                continue;
            }
            let name = envoy_name(resource, pair.after);
            groups
                .entry((key.xds_type.clone(), name))
                .or_default()
                .before
                .push(resource);
        }
        for resource in &pair.after.resources {
            let key = &resource.key;
            let id = (key.xds_type.clone(), key.name.clone());
            if key.state == Some(State::Rejected) {
                errors.extend(resource.error.clone().map(|error| (id, error)));
                continue;
            }
            if !(self.options.keep)(key) {
                continue;
            }
            let is_wanted = |state| {
                pair.after.resources.iter().any(|other| {
                    other.key.state == Some(state)
                        && other.key.name == key.name
                        && other.key.xds_type == key.xds_type
                })
            };
            let reason = match (&key.xds_type, key.state) {
                (XdsType::Bootstrap, _) => Some("istiod does not send the bootstrap"),
                (_, Some(State::Static)) => Some("static resources are not sent by istiod"),
                (_, Some(State::Draining)) => Some("draining listeners are live state"),
                (_, Some(State::Warming)) if is_wanted(State::Active) => {
                    Some("a newer version is still warming")
                }
                (XdsType::Secret, _) if !groups.contains_key(&id) => match key.state {
                    Some(State::Warming) if key.name.starts_with("kubernetes://") => {
                        // Istiod does not have it: nothing else tells that TLS cannot work.
                        let context = Context {
                            pair,
                            key: key.clone(),
                            eds: None,
                            reason: None,
                            updated: None,
                        };
                        let reason =
                            "Envoy waits for this secret, and istiod has none of that name";
                        self.resource_not_compared(&context, None, Cause::Missing, reason.into());
                        continue;
                    }
                    Some(State::Warming) => Some("Envoy is still waiting for the secret"),
                    _ if key.name.starts_with("kubernetes://") => None,
                    _ => Some("the certificates come from the agent, not from istiod"),
                },
                (XdsType::Other(_), _) if !has_both(&key.xds_type) => Some(ONE_PRINTER),
                _ => None,
            };
            match reason {
                Some(reason) => {
                    inherent.insert((key.xds_type.clone(), reason));
                }
                None => groups.entry(id).or_default().after.push(resource),
            }
        }
        let lacks = |xds_type: &XdsType, dump: &Dump<'_>| {
            !dump.types.contains(xds_type) && *xds_type != XdsType::ExtensionConfig
        };
        let mut lacking = BTreeSet::new();
        groups.retain(|(xds_type, _), _| {
            for (dump, who) in [(pair.before, "istiod"), (pair.after, "Envoy")] {
                if lacks(xds_type, dump) {
                    lacking.insert((xds_type.clone(), who));
                    return false;
                }
            }
            true
        });
        for (xds_type, who) in lacking {
            let reason = format!("{who}'s dump has no section of this type");
            self.type_not_compared(pair, &xds_type, Cause::Missing, reason);
        }
        let eds = eds_names(pair);
        if let Some(eds) = &eds {
            groups.retain(|(xds_type, name), _| {
                let sent = *xds_type != XdsType::Endpoint || eds.contains(name);
                if !sent {
                    inherent.insert((xds_type.clone(), "the cluster's hosts do not come by EDS"));
                }
                sent
            });
        }
        for (xds_type, reason) in inherent {
            self.type_not_compared(pair, &xds_type, Cause::Inherent, reason.to_owned());
        }

        let names: BTreeSet<&str> = groups.keys().map(|(_, name)| name.as_str()).collect();
        let mut named = BTreeSet::new();
        for ((xds_type, name), group) in &groups {
            let from_istiod = pair
                .last_errors
                .iter()
                .enumerate()
                .find_map(|(i, (of, text))| {
                    let error = error_of(text, name, &names).filter(|_| of == xds_type)?;
                    named.insert(i);
                    Some(error)
                });
            let error = errors.get(&(xds_type.clone(), name.clone())).cloned();
            let reason = error.or(from_istiod);
            for (before, after) in pair_resources(&group.before, &group.after, &pair.after.types) {
                let Some(resource) = after.or(before) else {
                    continue;
                };
                let context = Context {
                    pair,
                    key: resource.key.clone(),
                    eds: eds.as_ref(),
                    reason: reason.clone(),
                    updated: after.and_then(|r| r.last_updated.clone()),
                };
                self.resource(&context, before, after);
            }
        }
        for (i, (xds_type, reason)) in pair.last_errors.iter().enumerate() {
            if !named.contains(&i) {
                self.report.rejections.push(Rejection {
                    proxy: pair.after_id.clone(),
                    xds_type: xds_type.clone(),
                    reason: reason.clone(),
                });
            }
        }
    }

    /// Compares one resource that either side may lack.
    fn resource(
        &mut self,
        context: &Context<'_>,
        before: Option<&Resource<'_>>,
        after: Option<&Resource<'_>>,
    ) {
        self.report.summary.resources += 1;
        if let (Some(before), Some(after)) = (before, after)
            && (before.body.is_none() || after.body.is_none())
        {
            let reason = "a masked dump does not show the rejected configuration".to_owned();
            return self.resource_not_compared(context, None, Cause::Missing, reason);
        }
        let no_queries = self.options.select.is_empty() && self.options.ignore.is_empty();
        if let (true, Some(before), Some(after)) = (no_queries, before, after)
            && before.body == after.body
            && before.shape == after.shape
        {
            return;
        }
        let sides = [before, after];
        // What a dump says elsewhere too is left out only where both do so.
        let types: BTreeSet<XdsType> = {
            let pair = context.pair;
            pair.before
                .types
                .intersection(&pair.after.types)
                .cloned()
                .collect()
        };
        let normal = |found: Option<&Resource<'_>>| {
            found
                .map(|resource| normalize(resource, &types))
                .transpose()
        };
        let (mut before, mut after) = match (normal(before), normal(after)) {
            (Ok(before), Ok(after)) => (before, after),
            (Err(error), _) | (_, Err(error)) => {
                let reason = error.to_string();
                return self.resource_not_compared(context, None, Cause::Missing, reason);
            }
        };
        if let (Some(before), Some(after)) = (before.as_mut(), after.as_mut()) {
            for reason in equate(&context.key, self.report.mode, before, after) {
                self.resource_not_compared(context, None, Cause::Inherent, reason);
            }
        }
        let Comparison {
            edits,
            not_compared,
            ..
        } = self.comparison(before.as_ref(), after.as_ref());
        for (path, reason) in not_compared {
            let reason = reason.to_owned();
            self.resource_not_compared(context, Some(path), Cause::Inherent, reason);
        }
        let replaced =
            !edits.is_empty() && endpoints_replaced(&context.key, before.as_ref(), after.as_ref());
        let mut counts = false;
        for edit in edits {
            let verdict = judge(&context.key, self.report.mode, context.eds, &edit);
            match verdict {
                Verdict::NotCompared(reason) => {
                    self.resource_not_compared(context, Some(edit.path), Cause::Inherent, reason);
                }
                Verdict::Live => {
                    let change = self.change_of(context, edit, None);
                    self.report.live.push(change);
                }
                Verdict::Change => {
                    counts = true;
                    let class = replaced.then_some(Class::EndpointsReplaced);
                    let change = self.change_of(context, edit, class);
                    self.report.changes.push(change);
                }
            }
        }
        if counts {
            self.count(context, before.is_some(), after.is_some());
        }
        if self.options.documents {
            self.document(context, sides, before.zip(after), counts);
        }
    }

    /// Keeps a resource in whole, if it differs: `sides` are what the dumps have, `compared` what was compared.
    fn document(
        &mut self,
        context: &Context<'_>,
        sides: [Option<&Resource<'_>>; 2],
        compared: Option<(Value, Value)>,
        has_changes: bool,
    ) {
        let pair = context.pair;
        let normal = |side: Option<&Resource<'_>>, dump: &Dump<'_>| {
            side.and_then(|resource| normalize(resource, &dump.types).ok())
        };
        let before = normal(sides[0], pair.before);
        let after = normal(sides[1], pair.after);
        let is_sync = self.report.mode == Mode::Sync;
        if before == after || (is_sync && !has_changes) {
            return;
        }
        let before_key = sides[0].map(|resource| &resource.key);
        let equated = compared.filter(|_| is_sync);
        self.report.documents.push(DocumentPair {
            proxy: pair.after_id.clone(),
            before_proxy: (pair.before_id != pair.after_id).then(|| pair.before_id.clone()),
            source: pair.compared,
            resource: context.key.clone(),
            before_resource: before_key.filter(|key| **key != context.key).cloned(),
            before,
            after,
            equated: equated.map(|(before, after)| [before, after]),
            has_changes,
        });
    }

    /// Compares two values as the queries say.
    fn comparison(&mut self, before: Option<&Value>, after: Option<&Value>) -> Comparison<'static> {
        let mut nodes = |queries: &[String], which: usize| -> Option<Nodes> {
            let mut found = Nodes::new();
            for value in [before, after].into_iter().flatten() {
                found.extend(select_all(value, queries, &mut self.used[which]));
            }
            (!queries.is_empty()).then_some(found)
        };
        let selected = nodes(&self.options.select, 0);
        let ignored = nodes(&self.options.ignore, 1);
        let mut comparison = Comparison {
            selected: selected.as_ref(),
            ignored: ignored.as_ref(),
            fold_names: self.report.mode == Mode::Sync,
            is_opaque: Some(&is_redacted),
            ..Comparison::default()
        };
        comparison.run(before, after);
        Comparison {
            edits: comparison.edits,
            not_compared: comparison.not_compared,
            ..Comparison::default()
        }
    }

    fn count(&mut self, context: &Context<'_>, has_before: bool, has_after: bool) {
        let summary = &mut self.report.summary;
        let id = (
            context.pair.after_id.clone(),
            context.pair.compared,
            context.key.clone(),
        );
        if self.changed.insert(id) {
            match (has_before, has_after) {
                (true, true) => summary.changed_resources += 1,
                (true, false) => summary.removed_resources += 1,
                (false, _) => summary.added_resources += 1,
            }
        }
    }

    fn change_of(&self, context: &Context<'_>, edit: Edit, class: Option<Class>) -> Change {
        let pair = context.pair;
        let is_host = matches!(edit.kind, ChangeKind::Added | ChangeKind::Removed);
        Change {
            proxy: pair.after_id.clone(),
            before_proxy: (pair.before_id != pair.after_id).then(|| pair.before_id.clone()),
            source: pair.compared,
            resource: context.key.clone(),
            kind: edit.kind,
            path: edit.path,
            before_path: edit.before_path,
            before: edit.before,
            after: edit.after,
            updated: context.updated.clone(),
            reason: context.reason.clone(),
            class: class.filter(|_| is_host),
            default: edit.default,
            no_schema: edit.no_schema,
            pairings: edit.pairings,
        }
    }

    fn type_not_compared(
        &mut self,
        pair: &ProxyPair<'_>,
        xds_type: &XdsType,
        cause: Cause,
        reason: String,
    ) {
        let entry = NotCompared {
            xds_type: Some(xds_type.clone()),
            ..entry(pair.after_id, pair.compared, cause, reason)
        };
        self.report.not_compared.push(entry);
    }

    fn resource_not_compared(
        &mut self,
        context: &Context<'_>,
        path: Option<Path>,
        cause: Cause,
        reason: String,
    ) {
        let entry = NotCompared {
            resource: Some(context.key.clone()),
            path,
            ..entry(context.pair.after_id, context.pair.compared, cause, reason)
        };
        self.report.not_compared.push(entry);
    }
}

/// Whether both dumps have a section of a type, be it empty.
fn has_both(pair: &ProxyPair<'_>, xds_type: &XdsType) -> bool {
    pair.before.types.contains(xds_type) && pair.after.types.contains(xds_type)
}

fn entry(proxy: &ProxyId, compared: Compared, cause: Cause, reason: String) -> NotCompared {
    NotCompared {
        proxy: proxy.clone(),
        source: Some(compared),
        resource: None,
        xds_type: None,
        path: None,
        cause,
        reason,
    }
}

/// The endpoint assignments that come by EDS on either side, if any side's clusters are known.
fn eds_names(pair: &ProxyPair<'_>) -> Option<BTreeSet<String>> {
    let dumps = [pair.before, pair.after].into_iter();
    let known = dumps.filter(|dump| dump.types.contains(&XdsType::Cluster));
    let mut names = None;
    for dump in known {
        names
            .get_or_insert_with(BTreeSet::new)
            .extend(dump.eds_names().ok()?);
    }
    names
}
