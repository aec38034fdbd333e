//! Two dumps of one proxy, resource by resource.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Cause, Change, ChangeKind, Class, Compared, ComparedProxy, DocumentPair, Facts, Hidden, Lone,
    Mode, NotCompared, ProxyMatch, ProxyOnly, Rejection, Replica, Report, Runs, SideName, Summary,
    Workload,
    equivalence::equate,
    pairing::{Pair, envoy_name, pair_resources},
    rejection::error_of,
    rules::{HEADER_ORDER, LISTENER_ROUTES, UNKNOWN_FIELD_NAMES},
    settle::Ways,
    value::{Comparison, Edit, Nodes, select_all},
    verdict::{
        Verdict, changed_hosts, endpoints_replaced, is_wasm_stand_in, judge, replaced_hosts,
    },
    workloads,
};
use crate::{
    model::{Path, ProxyId, ResourceKey, Rules, State, Tally, XdsType},
    normalize::{Cut, Dump, Resource, Value, alike, live_part, may_hold_bare, normalize_by},
};

/// Why a resource that Envoy has, but does not run, is named though nothing in it differs.
pub const ONLY_WARMS: &str = "Envoy has it, but is still warming it: it does not run yet";

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
    /// By which rules values do not count, and whether the report explains what the rules did. The dumps that are
    /// compared have to be parsed by the same.
    pub rules: &'a Rules,
}

impl Default for Options<'_> {
    /// Everything, by all rules, unexplained.
    fn default() -> Self {
        Self {
            keep: &|_| true,
            select: Vec::new(),
            ignore: Vec::new(),
            documents: false,
            rules: Rules::all(),
        }
    }
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
    pub(super) options: Options<'a>,
    pub(super) report: Report,
    /// What is known of the proxies that only one side has.
    lone: Vec<Lone>,
    /// Numbers of the queries, `select` before `ignore`, that have selected something.
    used: [BTreeSet<usize>; 2],
    /// Resources that have changes, so that each counts once.
    pub(super) changed: BTreeSet<(ProxyId, Compared, ResourceKey)>,
    hidden: Tally<'a>,
    /// Types and names of the resources that were compared of each side of a proxy, if rules are to be explained.
    seen: [BTreeSet<(XdsType, String)>; 2],
}

/// Proxies that are but replicas more of a workload that was compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoreReplicas {
    /// The side that has them.
    pub side: SideName,
    /// The proxies.
    pub proxies: Vec<ProxyId>,
    /// Their siblings on that side, which were compared.
    pub siblings: Vec<ProxyId>,
}

/// One resource of one proxy, and where on either side it is.
struct Context<'a> {
    pair: &'a ProxyPair<'a>,
    ways: &'a Ways<'a>,
    key: ResourceKey,
    /// Endpoint assignments that come by EDS on either side; `None` where a dump does not tell.
    eds: Option<&'a BTreeSet<String>>,
    /// Why Envoy refused an update of it.
    reason: Option<String>,
    updated: Option<String>,
}

/// How many resources of a type a side may only lack because its dump does not tell all, and why it does not.
type Unseen = BTreeMap<(XdsType, SideName, Cut), usize>;

/// How much a comparison has found.
pub(super) struct Found {
    pub(super) changes: usize,
    pub(super) live: usize,
    pub(super) not_compared: usize,
    pub(super) summary: Summary,
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
            hidden: Tally::new(options.rules),
            options,
            report: Report::new(mode),
            lone: Vec::new(),
            used: [BTreeSet::new(), BTreeSet::new()],
            changed: BTreeSet::new(),
            seen: [BTreeSet::new(), BTreeSet::new()],
        }
    }

    /// The rules by which the dumps have to be parsed.
    pub fn rules(&self) -> &'a Rules {
        self.options.rules
    }

    /// Notes a proxy that only one side has.
    pub fn only(&mut self, lone: Lone, side: SideName) {
        let only = ProxyOnly {
            proxy: lone.proxy.clone(),
            side,
            replica: None,
        };
        // Of two sources, one has said so already.
        if !self.report.proxies_only.contains(&only) {
            self.report.proxies_only.push(only);
            self.lone.push(lone);
            self.report.summary.proxies_found += 1;
        }
    }

    /// Notes that two proxies of two IDs are compared.
    pub fn matched(&mut self, matched: ProxyMatch) {
        self.report.matches.push(matched);
    }

    /// Notes a proxy that should have been compared and cannot be, and why.
    pub fn not_compared(&mut self, proxy: &ProxyId, compared: Compared, reason: String) {
        if !self.report.proxies.contains_key(proxy) {
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
        let ids = [pair.after_id, pair.before_id];
        let mut facts = ids.into_iter().zip([pair.after, pair.before]);
        let facts = facts.find_map(|(id, dump)| Facts::of(id, dump));
        self.note(pair, facts);
        self.check_times(pair);
        self.check_clusters(pair);
        match self.report.mode {
            Mode::Sync => self.sync(pair),
            Mode::Change => self.change(pair),
        }
        self.count_left_out(pair);
    }

    /// Notes what is known of a proxy, which may be compared by two sources.
    pub(super) fn note(&mut self, pair: &ProxyPair<'_>, facts: Option<Facts>) {
        let proxies = &mut self.report.proxies;
        let known = proxies.entry(pair.after_id.clone()).or_insert_with(|| {
            self.report.summary.proxies += 1;
            self.report.summary.proxies_found += 1;
            ComparedProxy {
                before: pair.before_id.clone(),
                facts: Facts::of_id(pair.after_id),
                sources: BTreeSet::new(),
            }
        });
        known.sources.insert(pair.compared);
        if let Some(facts) = facts {
            known.facts = facts;
        }
    }

    /// Counts what was left out of both dumps around the resources that were compared.
    fn count_left_out(&mut self, pair: &ProxyPair<'_>) {
        let seen = std::mem::take(&mut self.seen);
        for (dump, seen) in [pair.before, pair.after].into_iter().zip(seen) {
            for left_out in &dump.left_out {
                let was_compared = match &left_out.name {
                    Some(name) => seen.contains(&(left_out.xds_type.clone(), name.clone())),
                    None => seen.iter().any(|(of, _)| *of == left_out.xds_type),
                };
                self.hidden.hid(left_out.rule, usize::from(was_compared));
            }
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
        if self.options.rules.explain() {
            let hidden = self.hidden.hidden();
            self.report.hidden = hidden
                .map(|(rule, values)| Hidden { rule, values })
                .collect();
        }
        self.replicas();
        self.report.sort();
        self.report
    }

    /// Tells which of the proxies that only one side has are but replicas more of workloads that were compared, and what
    /// their siblings are: what they run can be compared, which [`runs`](Self::runs) notes.
    pub fn replicas(&mut self) -> Vec<MoreReplicas> {
        let compared = &self.report.proxies;
        let facts = compared.values().map(|proxy| &proxy.facts);
        let found = workloads(facts.chain(self.lone.iter().map(|lone| &lone.facts)));
        let (of_compared, of_lone) = found.split_at(compared.len());
        let mut siblings: BTreeMap<&Workload, Vec<(&ProxyId, &ComparedProxy)>> = BTreeMap::new();
        for (workload, proxy) in of_compared.iter().zip(compared) {
            if let Some(workload) = workload {
                siblings.entry(workload).or_default().push(proxy);
            }
        }
        let mut lone: BTreeMap<&Workload, BTreeMap<SideName, Vec<usize>>> = BTreeMap::new();
        for (at, workload) in of_lone.iter().enumerate() {
            if let Some(workload) = workload {
                let sides = lone.entry(workload).or_default();
                let side = self.report.proxies_only[at].side;
                sides.entry(side).or_default().push(at);
            }
        }
        let mut more = Vec::new();
        for (workload, sides) in lone {
            let mut sides = sides.into_iter();
            // Where both sides have one more, it was replaced, and its configuration with it.
            let (Some((side, positions)), None) = (sides.next(), sides.next()) else {
                continue;
            };
            let Some(siblings) = siblings.get(workload) else {
                continue;
            };
            let of_side = |(after, proxy): &(&ProxyId, &ComparedProxy)| match side {
                SideName::Before => proxy.before.clone(),
                SideName::After => (*after).clone(),
            };
            let mut proxies = Vec::new();
            for at in positions {
                let only = &mut self.report.proxies_only[at];
                proxies.push(only.proxy.clone());
                only.replica.get_or_insert_with(|| Replica {
                    workload: workload.clone(),
                    runs: Runs::Unknown,
                });
            }
            more.push(MoreReplicas {
                side,
                proxies,
                siblings: siblings.iter().map(of_side).collect(),
            });
        }
        more
    }

    /// Notes what replicas run beside their siblings.
    pub fn runs(&mut self, side: SideName, mut runs: BTreeMap<ProxyId, Runs>) {
        for only in self
            .report
            .proxies_only
            .iter_mut()
            .filter(|only| only.side == side)
        {
            if let Some(replica) = &mut only.replica
                && let Some(runs) = runs.remove(&only.proxy)
            {
                replica.runs = runs;
            }
        }
    }

    /// Warns of two dumps that may be swapped.
    pub(super) fn check_times(&mut self, pair: &ProxyPair<'_>) {
        if let (Mode::Change, Some(before), Some(after)) = (
            self.report.mode,
            &pair.before.last_updated,
            &pair.after.last_updated,
        ) && after < before
            && pair.before.query().is_none()
            && pair.after.query().is_none()
        {
            self.warn(format!(
                "{}: `after` was last updated at {after}, before `before` ({before}): are the two swapped?",
                pair.after_id
            ));
        }
    }

    /// Warns of two dumps that are hardly of one proxy.
    fn check_clusters(&mut self, pair: &ProxyPair<'_>) {
        let clusters = |dump: &Dump<'_>| -> BTreeSet<String> {
            let of_type = |r: &&Resource<'_>| {
                r.key.xds_type == XdsType::Cluster && r.key.state != Some(State::Static)
            };
            dump.resources
                .iter()
                .filter(of_type)
                .map(|r| r.key.name.to_string())
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
        let eds = eds_names(pair);
        self.change_by(pair, eds.as_ref(), &mut |_, _, _| {});
    }

    /// Before against after; `eds` are the endpoint assignments that come by EDS on either side, if that is known. `done` is
    /// told of the resources of each type, name and state, with what was there before these.
    pub(super) fn change_by(
        &mut self,
        pair: &ProxyPair<'_>,
        eds: Option<&BTreeSet<String>>,
        done: &mut dyn FnMut(&Self, ResourceKey, Found),
    ) {
        let mut groups: BTreeMap<ResourceKey, Group<'_>> = BTreeMap::new();
        for (dump, is_before) in [(pair.before, true), (pair.after, false)] {
            for resource in &dump.resources {
                let key = &resource.key;
                if !(self.options.keep)(key) {
                    continue;
                }
                if self.is_repeated(pair, key) {
                    self.hidden.hid(&LISTENER_ROUTES, 1);
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
        let mut unseen = Unseen::new();
        let ways = self.ways(pair);
        let paired = self.paired(&ways, &pair.after.types, groups.values());
        for (key, paired) in groups.keys().cloned().zip(paired) {
            let found = self.found();
            for ((before, after), is_settled) in paired {
                let Some(resource) = after.or(before) else {
                    continue;
                };
                let ResourceKey {
                    xds_type, state, ..
                } = &resource.key;
                if is_unseen(&mut unseen, pair, [before, after], xds_type, &[*state]) {
                    continue;
                }
                let error = after
                    .and_then(|r| r.error.clone())
                    .or(before.and_then(|r| r.error.clone()));
                let context = Context {
                    pair,
                    ways: &ways,
                    key: resource.key.clone(),
                    eds,
                    reason: error,
                    updated: resource.last_updated.clone(),
                };
                match is_settled {
                    true => self.report.summary.resources += 1,
                    false => self.resource(&context, before, after),
                }
            }
            done(self, key, found);
        }
        self.note_unseen(pair, unseen, eds);
    }

    /// Whether a resource is a route configuration that stands inside a listener, too: Envoy repeats those.
    pub(super) fn is_repeated(&self, pair: &ProxyPair<'_>, key: &ResourceKey) -> bool {
        key.xds_type == XdsType::Route
            && key.state == Some(State::Static)
            && has_both(pair, &XdsType::Listener)
            && self.options.rules.has(&LISTENER_ROUTES)
    }

    /// Whether a resource that both sides have need not be looked at beyond its bytes, if there is nothing else to tell than
    /// what differs: these are the same, or `are_alike`. Of what is redacted without a token, it is told that it is.
    pub(super) fn may_skip(
        &self,
        [before, after]: [&Resource<'_>; 2],
        are_alike: impl FnOnce() -> bool,
    ) -> bool {
        self.tells_changes_alone() && are_same([before, after], are_alike)
    }

    /// Whether nothing has to be counted, or explained, of what does not differ.
    fn tells_changes_alone(&self) -> bool {
        let options = &self.options;
        options.select.is_empty() && options.ignore.is_empty() && !options.rules.explain()
    }

    /// By what the resources of two dumps are compared.
    fn ways(&self, pair: &ProxyPair<'_>) -> Ways<'a> {
        let types = pair.before.types.intersection(&pair.after.types);
        Ways {
            mode: self.report.mode,
            rules: self.options.rules,
            types: types.cloned().collect(),
        }
    }

    /// The resources of each group, paired, with whether there is nothing to tell of a pair.
    fn paired<'r>(
        &self,
        ways: &Ways<'_>,
        types: &BTreeSet<XdsType>,
        groups: impl Iterator<Item = &'r Group<'r>>,
    ) -> Vec<Vec<(Pair<'r>, bool)>> {
        let paired: Vec<Vec<Pair<'r>>> = groups
            .map(|group| pair_resources(&group.before, &group.after, types, ways.rules))
            .collect();
        let settled = match self.tells_changes_alone() && !self.options.documents {
            true => ways.settled(&paired.concat()),
            false => vec![false; paired.iter().map(Vec::len).sum()],
        };
        let mut settled = settled.into_iter();
        let group = move |pairs: Vec<Pair<'r>>| pairs.into_iter().zip(settled.by_ref()).collect();
        paired.into_iter().map(group).collect()
    }

    /// How much was found so far.
    fn found(&self) -> Found {
        let report = &self.report;
        Found {
            changes: report.changes.len(),
            live: report.live.len(),
            not_compared: report.not_compared.len(),
            summary: report.summary,
        }
    }

    /// Istiod against Envoy.
    fn sync(&mut self, pair: &ProxyPair<'_>) {
        const ONE_PRINTER: &str = "only one of the two prints this";
        const NO_BOOTSTRAP: &str = "istiod does not send the bootstrap";
        let ways = self.ways(pair);
        let [istiods, envoys] = [pair.before, pair.after].map(without_schema);
        let both_print = |key: &ResourceKey| {
            let id = (&key.xds_type, &*key.name);
            has_both(pair, &key.xds_type) || (istiods.contains(&id) && envoys.contains(&id))
        };
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
            if matches!(key.xds_type, XdsType::Other(_)) && !both_print(key) {
                inherent.insert((key.xds_type.clone(), ONE_PRINTER));
                continue;
            }
            if key.xds_type == XdsType::Bootstrap {
                inherent.insert((key.xds_type.clone(), NO_BOOTSTRAP));
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
            let id = (key.xds_type.clone(), key.name.to_string());
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
                (XdsType::Bootstrap, _) => Some(NO_BOOTSTRAP),
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
                            ways: &ways,
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
                (XdsType::Other(_), _) if !both_print(key) => Some(ONE_PRINTER),
                _ => None,
            };
            match reason {
                Some(reason) => {
                    inherent.insert((key.xds_type.clone(), reason));
                }
                None => {
                    if key.state == Some(State::Warming) {
                        inherent.insert((key.xds_type.clone(), ONLY_WARMS));
                    }
                    groups.entry(id).or_default().after.push(resource);
                }
            }
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
        let has_secret = groups.iter().any(|((xds_type, name), group)| {
            let is_sent = *xds_type == XdsType::Secret && name.starts_with("kubernetes://");
            is_sent && !group.before.is_empty() && !group.after.is_empty()
        });
        if has_secret {
            inherent.insert((
                XdsType::Secret,
                "whether Envoy uses a secret: it shows one that it rejected like any other",
            ));
        }
        for (xds_type, reason) in inherent {
            self.type_not_compared(pair, &xds_type, Cause::Inherent, reason.to_owned());
        }

        let names: BTreeSet<&str> = groups.keys().map(|(_, name)| name.as_str()).collect();
        let mut unseen = Unseen::new();
        // Rejections that stand beside a change, by their position in `last_errors`.
        let mut said = BTreeSet::new();
        let paired = self.paired(&ways, &pair.after.types, groups.values());
        for ((xds_type, name), paired) in groups.keys().zip(paired) {
            let mut texts = pair.last_errors.iter().enumerate();
            let from_istiod = texts.find_map(|(at, (of, text))| {
                let error = error_of(text, name, &names).filter(|_| of == xds_type)?;
                Some((at, error))
            });
            let id = (xds_type.clone(), name.clone());
            let error = errors.get(&id).cloned();
            let reason = error.or(from_istiod.as_ref().map(|(_, error)| error.clone()));
            let changes = self.report.changes.len();
            for ((before, after), is_settled) in paired {
                let Some(resource) = after.or(before) else {
                    continue;
                };
                // What Envoy does not show as active it may show as warming.
                let state = resource.key.state;
                let states = [state, state.map(|_| State::Warming)];
                if is_unseen(&mut unseen, pair, [before, after], xds_type, &states) {
                    continue;
                }
                let context = Context {
                    pair,
                    ways: &ways,
                    key: resource.key.clone(),
                    eds: eds.as_ref(),
                    reason: reason.clone(),
                    updated: after.and_then(|r| r.last_updated.clone()),
                };
                match is_settled {
                    true => self.report.summary.resources += 1,
                    false => self.resource(&context, before, after),
                }
            }
            if self.report.changes.len() > changes {
                errors.remove(&id);
                said.extend(from_istiod.map(|(at, _)| at));
            }
        }
        self.note_unseen(pair, unseen, eds.as_ref());
        let unnamed = pair.last_errors.iter().enumerate();
        let unnamed = unnamed.filter(|(at, _)| !said.contains(at));
        let mut rejections: Vec<_> = unnamed.map(|(_, rejection)| rejection.clone()).collect();
        for ((xds_type, name), error) in errors {
            let is_said = |(of, text): &&(XdsType, String)| *of == xds_type && text.contains(&name);
            if !pair.last_errors.iter().any(|rejection| is_said(&rejection)) {
                rejections.push((xds_type, format!("{name}: {error}")));
            }
        }
        for (xds_type, reason) in rejections {
            self.report.rejections.push(Rejection {
                proxy: pair.after_id.clone(),
                xds_type,
                reason,
            });
        }
    }

    /// Says what was not compared for want of a whole dump.
    fn note_unseen(
        &mut self,
        pair: &ProxyPair<'_>,
        mut unseen: Unseen,
        eds: Option<&BTreeSet<String>>,
    ) {
        let keep = |xds_type: &XdsType, name: &str| {
            (self.options.keep)(&ResourceKey {
                xds_type: xds_type.clone(),
                name: name.into(),
                state: None,
                occurrence: 0,
            })
        };
        let endpoint = XdsType::Endpoint;
        let has_no_endpoints =
            |dump: &Dump<'_>| dump.cut(&endpoint, None) == Some(Cut::NoEndpoints);
        let mut neither = Vec::new();
        if has_no_endpoints(pair.before)
            && has_no_endpoints(pair.after)
            && eds.is_some_and(|names| names.iter().any(|name| keep(&endpoint, name)))
        {
            neither.push((
                Some(endpoint),
                "neither dump was taken with `include_eds`".to_owned(),
            ));
        }
        let sides = [
            (pair.before, SideName::Before),
            (pair.after, SideName::After),
        ];
        for (dump, side) in sides {
            for (part, xds_type) in dump.missing_parts().filter(|(_, of)| keep(of, "")) {
                unseen
                    .entry((xds_type.clone(), side, Cut::Part(part)))
                    .or_default();
            }
        }
        // Whatever a query left out may be new, too.
        let mut cut = Vec::new();
        match (pair.before.query(), pair.after.query()) {
            (Some(before), Some(after)) => {
                let queries = match before == after {
                    true => format!("`?{after}`"),
                    false => format!("`?{before}`, `?{after}`"),
                };
                neither.push((
                    None,
                    format!("both dumps were cut ({queries}): what neither shows"),
                ));
            }
            (None, None) => {}
            (before, after) => {
                let side = sides[usize::from(before.is_none())].1;
                if !unseen.keys().any(|(_, of, _)| *of == side) {
                    let query = before.or(after).map(Cut::Query);
                    cut.extend(query.map(|query| self.sentence(side, &query)));
                }
            }
        }
        for (xds_type, reason) in neither {
            let entry = entry(pair.after_id, pair.compared, Cause::Inherent, reason);
            self.report
                .not_compared
                .push(NotCompared { xds_type, ..entry });
        }
        for reason in cut {
            let entry = entry(pair.after_id, pair.compared, Cause::Missing, reason);
            self.report.not_compared.push(entry);
        }
        for ((xds_type, side, cut), number) in unseen {
            let mut reason = self.sentence(side, &cut);
            let other = match (self.report.mode, side) {
                (Mode::Change, _) => "the other side",
                (Mode::Sync, SideName::Before) => "Envoy",
                (Mode::Sync, SideName::After) => "istiod",
            };
            match number {
                0 => {}
                1 => reason.push_str(&format!(": 1 resource that only {other} has")),
                _ => reason.push_str(&format!(": {number} resources that only {other} has")),
            }
            self.type_not_compared(pair, &xds_type, Cause::Missing, reason);
        }
    }

    /// What is wrong with the dump of a side.
    fn sentence(&self, side: SideName, cut: &Cut) -> String {
        match (self.report.mode, side) {
            (Mode::Change, side) => format!("the dump on the {} side {cut}", side.as_str()),
            (Mode::Sync, SideName::Before) => format!("istiod's dump {cut}"),
            (Mode::Sync, SideName::After) => format!("Envoy's dump {cut}"),
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
        let rules = self.options.rules;
        if rules.explain() {
            for (seen, resource) in self.seen.iter_mut().zip([before, after]) {
                seen.extend(resource.map(|r| (r.key.xds_type.clone(), r.key.name.to_string())));
            }
        }
        if let (Some(before), Some(after)) = (before, after)
            && (before.body.is_none() || after.body.is_none())
        {
            let reason = "a masked dump does not show the rejected configuration".to_owned();
            return self.resource_not_compared(context, None, Cause::Missing, reason);
        }
        let bodies = [before, after].map(|resource| resource.and_then(|resource| resource.body));
        if context.key.xds_type == XdsType::Bootstrap && bodies[0] != bodies[1] {
            // A bootstrap of which fields are missing is no bootstrap without them.
            let cut = |dump: &Dump<'_>| dump.cut(&XdsType::Bootstrap, None);
            let cut_before = cut(context.pair.before).map(|cut| (SideName::Before, cut));
            let cut_after = cut(context.pair.after).map(|cut| (SideName::After, cut));
            // Of two that are cut alike, what is left is compared.
            if let (Some((side, cut)), None) | (None, Some((side, cut))) = (cut_before, cut_after) {
                let reason = self.sentence(side, &cut);
                return self.resource_not_compared(context, None, Cause::Missing, reason);
            }
        }
        if let (Some(before), Some(after)) = (before, after)
            && self.may_skip([before, after], || {
                self.report.mode == Mode::Change && is_alike(before, after)
            })
        {
            return;
        }
        let sides = [before, after];
        let mut tally = Tally::new(rules);
        let mut normal = |found: Option<&Resource<'_>>| {
            let normal = found.map(|resource| context.ways.normal(resource, &mut tally));
            normal.transpose()
        };
        let (mut before, mut after) = match (normal(before), normal(after)) {
            (Ok(before), Ok(after)) => (before, after),
            (Err(error), _) | (_, Err(error)) => {
                let reason = error.to_string();
                return self.resource_not_compared(context, None, Cause::Missing, reason);
            }
        };
        if let (Some(before), Some(after)) = (before.as_mut(), after.as_mut()) {
            for reason in equate(&context.key, self.report.mode, &mut tally, before, after) {
                self.resource_not_compared(context, None, Cause::Inherent, reason);
            }
        }
        let Comparison {
            edits,
            not_compared,
            folded,
            reordered,
            ..
        } = self.comparison(context.ways, &context.key, before.as_ref(), after.as_ref());
        tally.hid(&UNKNOWN_FIELD_NAMES, folded);
        tally.hid(&HEADER_ORDER, reordered);
        self.hidden.add(&tally);
        for (path, cause, reason) in not_compared {
            self.resource_not_compared(context, Some(path), cause, reason);
        }
        let replaced =
            !edits.is_empty() && endpoints_replaced(&context.key, before.as_ref(), after.as_ref());
        let hosts = changed_hosts(&context.key, before.as_ref(), after.as_ref());
        let hosts_replaced = match replaced {
            true => BTreeSet::new(),
            false => replaced_hosts(&context.key, before.as_ref(), after.as_ref(), &edits),
        };
        let mut counts = false;
        for (at, edit) in edits.into_iter().enumerate() {
            let verdict = judge(&context.key, self.report.mode, rules, context.eds, &edit);
            match verdict {
                Verdict::NotCompared(reason) => {
                    self.resource_not_compared(context, Some(edit.path), Cause::Inherent, reason);
                }
                Verdict::Live => {
                    let change = self.change_of(context, edit, None, None);
                    self.report.live.push(change);
                }
                Verdict::Change => {
                    counts = true;
                    let is_host = matches!(edit.kind, ChangeKind::Added | ChangeKind::Removed);
                    let class = if replaced && is_host {
                        Some(Class::EndpointsReplaced)
                    } else if hosts_replaced.contains(&at) {
                        Some(Class::HostReplaced)
                    } else {
                        is_wasm_stand_in(&context.key, &edit).then_some(Class::WasmStandIn)
                    };
                    let change = self.change_of(context, edit, class, hosts);
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
        let rules = self.options.rules;
        let normal = |side: Option<&Resource<'_>>, dump: &Dump<'_>| {
            side.and_then(|resource| {
                normalize_by(resource, &dump.types, &mut Tally::new(rules)).ok()
            })
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
    fn comparison(
        &mut self,
        ways: &Ways<'_>,
        key: &ResourceKey,
        before: Option<&Value>,
        after: Option<&Value>,
    ) -> Comparison<'static> {
        let mut nodes = |queries: &[String], which: usize| -> Option<Nodes> {
            let mut found = Nodes::new();
            for value in [before, after].into_iter().flatten() {
                found.extend(select_all(value, queries, &mut self.used[which]));
            }
            (!queries.is_empty()).then_some(found)
        };
        let selected = nodes(&self.options.select, 0);
        let ignored = nodes(&self.options.ignore, 1);
        ways.compare(key, [before, after], [selected.as_ref(), ignored.as_ref()])
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

    fn change_of(
        &self,
        context: &Context<'_>,
        edit: Edit,
        class: Option<Class>,
        hosts: Option<[usize; 2]>,
    ) -> Change {
        let pair = context.pair;
        let is_unknown = matches!(context.key.xds_type, XdsType::Other(_));
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
            class,
            hosts,
            default: edit.default,
            no_schema: edit.no_schema || is_unknown,
            pairings: match self.options.rules.explain() {
                true => edit.pairings,
                false => Vec::new(),
            },
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

/// Whether a resource that one side lacks may only be missing in its dump, of which none of `states` may be whole;
/// it is counted then.
fn is_unseen(
    unseen: &mut Unseen,
    pair: &ProxyPair<'_>,
    resource: [Option<&Resource<'_>>; 2],
    xds_type: &XdsType,
    states: &[Option<State>],
) -> bool {
    let (dump, side) = match resource {
        [None, Some(_)] => (pair.before, SideName::Before),
        [Some(_), None] => (pair.after, SideName::After),
        _ => return false,
    };
    let cut = states.iter().find_map(|state| dump.cut(xds_type, *state));
    match cut {
        Some(cut) => {
            *unseen.entry((xds_type.clone(), side, cut)).or_default() += 1;
            true
        }
        None => false,
    }
}

/// What cannot be told of a resource though it is equal on both sides, by default: where, and why. `value` is its normalized
/// form.
pub fn untold(resource: &Resource<'_>, value: &Value) -> Vec<(Path, Cause, String)> {
    if !resource.body.is_some_and(may_hold_bare) {
        return Vec::new();
    }
    let other = value.clone();
    let live = live_part(&resource.key).map(|part| {
        let nodes = [value, &other].into_iter();
        let nodes = nodes.flat_map(|value| part.nodes(value));
        nodes.map(std::ptr::from_ref).collect::<Nodes>()
    });
    let mut comparison = Comparison {
        live: live.as_ref(),
        secrets: Some(Mode::Change),
        ..Comparison::default()
    };
    comparison.run(Some(value), Some(&other));
    comparison.not_compared
}

/// Whether two resources tell the same in another order.
pub(super) fn is_alike(before: &Resource<'_>, after: &Resource<'_>) -> bool {
    let bodies = before.body.zip(after.body);
    bodies.is_some_and(|(before, after)| alike(before, after))
}

/// Whether two resources are the same, by their bytes or because they `are_alike`, and nothing in them has to be told all
/// the same.
pub(super) fn are_same(
    [before, after]: [&Resource<'_>; 2],
    are_alike: impl FnOnce() -> bool,
) -> bool {
    before.shape == after.shape
        && (before.body == after.body || are_alike())
        && !before.body.is_some_and(may_hold_bare)
}

/// Whether both dumps have a section of a type, be it empty.
fn has_both(pair: &ProxyPair<'_>, xds_type: &XdsType) -> bool {
    pair.before.types.contains(xds_type) && pair.after.types.contains(xds_type)
}

/// The sections, and the fields around resources, of which no schema is known: types and names.
fn without_schema<'d>(dump: &'d Dump<'_>) -> BTreeSet<(&'d XdsType, &'d str)> {
    let keys = dump.resources.iter().map(|resource| &resource.key);
    keys.filter(|key| matches!(key.xds_type, XdsType::Other(_)))
        .map(|key| (&key.xds_type, &*key.name))
        .collect()
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
pub(super) fn eds_names(pair: &ProxyPair<'_>) -> Option<BTreeSet<String>> {
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
