//! What a comparison found: the border between comparing and showing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{Facts, ProxyMatch, Workload};
use crate::{
    model::{Path, ProxyId, ResourceKey},
    normalize::Value,
    xds::ListRule,
};

/// Everything that a comparison found.
#[derive(Clone, Debug)]
pub struct Report {
    /// Which comparison this is.
    pub mode: Mode,
    /// Counts.
    pub summary: Summary,
    /// Differences, in byte order of proxy, source, type, name, state, occurrence, path and kind.
    pub changes: Vec<Change>,
    /// Differences in live state, which is not configuration, in the same order.
    pub live: Vec<Change>,
    /// Proxies that only one side has.
    pub proxies_only: Vec<ProxyOnly>,
    /// Proxies that were compared although they have two IDs, in byte order of the *after* ones.
    pub matches: Vec<ProxyMatch>,
    /// What is known of each proxy that was compared, by its ID on the *after* side.
    pub proxies: BTreeMap<ProxyId, ComparedProxy>,
    /// What could not be compared, and why.
    pub not_compared: Vec<NotCompared>,
    /// Rejected updates that name no resource.
    pub rejections: Vec<Rejection>,
    /// The resources that differ in whole, for a patch; empty unless it was asked for.
    pub documents: Vec<DocumentPair>,
    /// What the reader should know before believing the result, one sentence each.
    pub warnings: Vec<String>,
    /// How many values each rule hid from the comparison; only rules that hid any.
    pub hidden: Vec<Hidden>,
}

impl Report {
    /// A comparison that has found nothing yet.
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            summary: Summary::default(),
            changes: Vec::new(),
            live: Vec::new(),
            proxies_only: Vec::new(),
            matches: Vec::new(),
            proxies: BTreeMap::new(),
            not_compared: Vec::new(),
            rejections: Vec::new(),
            documents: Vec::new(),
            warnings: Vec::new(),
            hidden: Vec::new(),
        }
    }

    /// Leaves out the changes that `keep` does not want, and counts the rest.
    pub fn retain(&mut self, keep: impl Fn(&Change) -> bool) {
        self.changes.retain(&keep);
        self.live.retain(&keep);
        let id = |change: &Change| {
            let Change {
                proxy,
                source,
                resource,
                ..
            } = change;
            (proxy.clone(), *source, resource.clone())
        };
        let mut kinds: BTreeMap<_, ChangeKind> = BTreeMap::new();
        for change in &self.changes {
            let kind = match change.path.0.is_empty() {
                true => change.kind,
                false => ChangeKind::Changed,
            };
            kinds.insert(id(change), kind);
        }
        let count = |wanted: fn(&ChangeKind) -> bool| kinds.values().filter(|k| wanted(k)).count();
        self.summary.added_resources = count(|kind| *kind == ChangeKind::Added);
        self.summary.removed_resources = count(|kind| *kind == ChangeKind::Removed);
        self.summary.changed_resources =
            kinds.len() - self.summary.added_resources - self.summary.removed_resources;
        self.documents.retain(|pair| {
            kinds.contains_key(&(pair.proxy.clone(), pair.source, pair.resource.clone()))
        });
    }

    /// Whether anything differs: a change, or a proxy that is more than one replica more.
    pub fn differs(&self) -> bool {
        !self.changes.is_empty() || self.proxies_only.iter().any(|only| only.replica.is_none())
    }

    /// Puts everything in the order that outputs promise.
    pub(super) fn sort(&mut self) {
        for changes in [&mut self.changes, &mut self.live] {
            changes.sort_by(|a, b| a.of().cmp(&b.of()));
            // Paths are written out for one resource at a time: of a mesh there may be a million.
            for changes in changes.chunk_by_mut(|a, b| a.of() == b.of()) {
                changes
                    .sort_by_cached_key(|change| (change.path.to_string(), change.kind.as_str()));
            }
        }
        self.proxies_only.sort();
        self.matches.sort_by(|a, b| a.after.cmp(&b.after));
        self.matches.dedup();
        self.rejections.sort();
        self.not_compared.sort_by_cached_key(|entry| {
            let path = entry.path.as_ref().map(Path::to_string);
            let xds_type = entry.xds_type.clone();
            (
                entry.proxy.clone(),
                xds_type,
                entry.resource.clone(),
                path,
                entry.reason.clone(),
            )
        });
        self.documents.sort_by(|a, b| a.order().cmp(&b.order()));
    }
}

impl Change {
    /// Whose change it is: what changes are sorted by first.
    fn of(&self) -> (&ProxyId, &'static str, &ResourceKey) {
        (&self.proxy, self.source.as_str(), &self.resource)
    }
}

/// Which comparison was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Before against after.
    Change,
    /// Istiod (`before`: what it would send) against Envoy (`after`: what the proxy runs).
    Sync,
}

impl Mode {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Sync => "sync",
        }
    }
}

/// Whose configuration was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compared {
    /// Envoy's before against Envoy's after.
    Envoy,
    /// Istiod's before against istiod's after.
    Istiod,
    /// Istiod's against Envoy's.
    IstiodEnvoy,
}

impl Compared {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Envoy => "envoy",
            Self::Istiod => "istiod",
            Self::IstiodEnvoy => "istiod-envoy",
        }
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Counts of a comparison. A resource counts once, whatever the number of changes in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Proxies compared.
    pub proxies: usize,
    /// Proxies that either side has, or should have had.
    pub proxies_found: usize,
    /// Resources of either side that were compared.
    pub resources: usize,
    /// Resources that only *after* has.
    pub added_resources: usize,
    /// Resources that only *before* has.
    pub removed_resources: usize,
    /// Resources that both sides have and that differ.
    pub changed_resources: usize,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The proxy; on the *after* side where two were paired.
    pub proxy: ProxyId,
    /// The proxy on the *before* side, where it has another ID.
    pub before_proxy: Option<ProxyId>,
    /// Whose configuration.
    pub source: Compared,
    /// Which resource.
    pub resource: ResourceKey,
    /// What happened.
    pub kind: ChangeKind,
    /// Where: on the *before* side for [`ChangeKind::Removed`], else on the *after* side.
    pub path: Path,
    /// Where on the *before* side, if that differs from `path`.
    pub before_path: Option<Path>,
    /// The value before; a position for [`ChangeKind::Moved`].
    pub before: Option<Value>,
    /// The value after; a position for [`ChangeKind::Moved`].
    pub after: Option<Value>,
    /// When Envoy last updated the resource, as it printed it.
    pub updated: Option<String>,
    /// Why Envoy refused an update of the resource, scrubbed of values.
    pub reason: Option<String>,
    /// What sort of change it is, where that is known.
    pub class: Option<Class>,
    /// How many hosts the endpoint assignment has before and after, where the resource is one and these differ.
    pub hosts: Option<[usize; 2]>,
    /// What Envoy takes the absent side for: the field's default, where it has one that needs not be written.
    pub default: Option<Value>,
    /// Whether the node is in a message or field of which no schema is known: it was compared as plain JSON.
    pub no_schema: bool,
    /// How the items of the lists on the way to the node were paired, from the root.
    pub pairings: Vec<Pairing>,
}

/// How the items of one list, on the way to a changed node, were paired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairing {
    /// The list's field.
    pub list: String,
    /// What the list's order means, and what identifies its items.
    pub rule: &'static ListRule,
    /// What paired the item on the way; `None` for one that only one side has.
    pub by: Option<PairedBy>,
}

/// What two items of a list have in common, so that they are compared with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairedBy {
    /// These keys of the list's rule.
    Keys(&'static [&'static str]),
    /// All of their content.
    Content,
    /// Their position among the items that nothing else pairs.
    Position,
}

/// How many values a rule hid.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hidden {
    /// The rule's name, as `xdsnap rules` prints it.
    pub rule: &'static str,
    /// Values of both sides.
    pub values: usize,
}

/// What happened to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// Only *after* has it.
    Added,
    /// Both have it, with other values.
    Changed,
    /// Both have it, at other positions of an ordered list.
    Moved,
    /// Only *before* has it.
    Removed,
}

impl ChangeKind {
    /// The word in outputs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Moved => "moved",
            Self::Removed => "removed",
        }
    }

    /// The sign in text.
    pub fn sign(self) -> char {
        match self {
            Self::Added => '+',
            Self::Changed => '~',
            Self::Moved => '>',
            Self::Removed => '-',
        }
    }
}

/// A sort of change that is said once for many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A cluster's hosts only changed their addresses.
    EndpointsReplaced,
    /// A host took the place of one that is alike but for its address, or gave it up, in a cluster of which other hosts
    /// changed otherwise.
    HostReplaced,
    /// The agent could not fetch the code of a Wasm extension, and has Envoy allow or deny all requests instead.
    WasmStandIn,
}

impl Class {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EndpointsReplaced => "endpoints_replaced",
            Self::HostReplaced => "host_replaced",
            Self::WasmStandIn => "wasm_stand_in",
        }
    }
}

/// A proxy that only one side has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProxyOnly {
    /// The proxy.
    pub proxy: ProxyId,
    /// `before` or `after`.
    pub side: SideName,
    /// What it is one more of, where replicas of its workload were compared and only this side has more of them: that is
    /// no difference.
    pub replica: Option<Replica>,
}

/// What a proxy is one more of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Replica {
    /// The workload.
    pub workload: Workload,
    /// What it runs.
    pub runs: Runs,
}

/// What a replica runs, beside its siblings on the same side.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Runs {
    /// What one of them runs.
    Same,
    /// What none of them runs: these resources differ from those of the one that has most in common with it.
    Other(Vec<ResourceKey>),
    /// It is not known, for a dump is missing or cut.
    Unknown,
}

/// A proxy that was compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedProxy {
    /// Its ID on the *before* side.
    pub before: ProxyId,
    /// What tells its workload.
    pub facts: Facts,
    /// Whose configuration was compared.
    pub sources: BTreeSet<Compared>,
}

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SideName {
    /// The first; istiod where it is compared with Envoy.
    Before,
    /// The second; Envoy where istiod is compared with it.
    After,
}

impl SideName {
    /// The word in outputs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

/// Something that was not compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotCompared {
    /// The proxy.
    pub proxy: ProxyId,
    /// Whose configuration, if it is not the whole proxy.
    pub source: Option<Compared>,
    /// The resource, if it is not a whole source.
    pub resource: Option<ResourceKey>,
    /// The xDS type, where all resources of one type are meant.
    pub xds_type: Option<crate::model::XdsType>,
    /// The node, if it is not the whole resource.
    pub path: Option<Path>,
    /// Whether it could ever have been compared.
    pub cause: Cause,
    /// Why, in a sentence.
    pub reason: String,
}

/// Why something was not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// It never can be: one side cannot know it.
    Inherent,
    /// It should have been: something is missing.
    Missing,
}

impl Cause {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inherent => "inherent",
            Self::Missing => "missing",
        }
    }
}

/// An update that a proxy rejected, of which the control plane's state names no resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rejection {
    /// The proxy.
    pub proxy: ProxyId,
    /// The xDS type.
    pub xds_type: crate::model::XdsType,
    /// Why, scrubbed of values.
    pub reason: String,
}

/// A resource that differs, in whole.
///
/// Before against after these are all resources whose normalized forms differ, be it in what does not count; istiod
/// against Envoy those that have changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentPair {
    /// The proxy.
    pub proxy: ProxyId,
    /// The proxy on the *before* side, where it has another ID.
    pub before_proxy: Option<ProxyId>,
    /// Whose configuration.
    pub source: Compared,
    /// The resource.
    pub resource: ResourceKey,
    /// What it is called on the *before* side, where that is something else: another of several of one name.
    pub before_resource: Option<ResourceKey>,
    /// The resource before, normalized as its dump has it.
    pub before: Option<Value>,
    /// The resource after, normalized as its dump has it.
    pub after: Option<Value>,
    /// Both as they were compared, where what is no difference between istiod and Envoy was first made equal.
    pub equated: Option<[Value; 2]>,
    /// Whether it has changes, and not only live state or what does not count.
    pub has_changes: bool,
}

impl DocumentPair {
    /// What documents are sorted by.
    fn order(&self) -> (&ProxyId, &'static str, &ResourceKey) {
        (&self.proxy, self.source.as_str(), &self.resource)
    }
}
