//! What a dump does not tell, and how that shows.
//!
//! `/config_dump` takes queries that leave something out: `?mask` fields and lists, `?resource` all lists but one,
//! `?name_regex` resources by their names; and it leaves out endpoints unless it is asked with `include_eds`. No dump
//! says what it was asked, so it is told from what no whole dump lacks. Seen with Envoy 1.40:
//!
//! - a whole dump comes with a bootstrap, in which Envoy has filled in the node;
//! - a mask answers with sections of one kind, for it must fit all of them, and without times unless it names them;
//! - `?resource` answers with the elements of a list, without the section;
//! - `?name_regex` leaves the bootstrap as it is, which names all static resources.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{
    Dump, JsonError,
    envelope::{BOOTSTRAP, BOOTSTRAP_SECTION, LISTS, ListSpec, Name},
    json::Walker,
    parse::body_name,
};
use crate::model::{Source, State, XdsType};

/// Why a dump may lack resources that the proxy has.
///
/// Printed, it goes on with "the dump …".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cut {
    /// It has no section of this type.
    NoSection,
    /// It has no endpoints.
    NoEndpoints,
    /// It was asked for with this query parameter.
    Query(&'static str),
    /// The part of this name could not be captured.
    Part(&'static str),
    /// It lists resources of this type without their states: those that are active or static.
    Stateless,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSection => f.write_str("has no section of this type"),
            Self::NoEndpoints => f.write_str("was taken without `include_eds`"),
            Self::Query(parameter) => write!(f, "was cut (`?{parameter}`)"),
            Self::Part(part) => write!(f, "lacks `{part}`"),
            Self::Stateless => f.write_str("lists only active and static resources"),
        }
    }
}

/// What a dump does not tell.
#[derive(Debug, Default)]
pub(super) struct Cuts {
    /// The query that the dump as a whole answers, if it leaves anything out.
    query: Option<&'static str>,
    /// Lists of which the dump tells some, by their position in [`LISTS`].
    lists: BTreeMap<usize, Cut>,
    /// Lists that it tells whole, whatever the query left out.
    whole: BTreeSet<usize>,
    /// Whether the bootstrap has fewer fields than it was started with.
    bootstrap: bool,
    /// Whether the bootstrap, all there is, has so little that it may be cut: a whole dump beside it proves that.
    may_be_masked: bool,
}

/// What the documents of a dump show of how they were asked for.
#[derive(Debug, Default)]
pub(super) struct Evidence<'a> {
    /// The messages of the sections, in the documents that are no part of a dump.
    pub(super) sections: BTreeSet<String>,
    /// Whether such a document holds elements that are in no section.
    pub(super) bare_elements: bool,
    /// A bootstrap in such a document, and whether its section has a time.
    pub(super) bootstrap: Option<(&'a [u8], bool)>,
    /// By list: how many of its elements hold no resource; whether any has a time.
    pub(super) elements: BTreeMap<usize, (usize, bool)>,
}

/// Where `spec` is in [`LISTS`].
pub(super) fn index_of(spec: &'static ListSpec) -> usize {
    let found = LISTS.iter().position(|other| std::ptr::eq(other, spec));
    found.unwrap_or(LISTS.len())
}

/// The type of the resources in the part of a dump called `part` (`dynamic_active_clusters`).
pub fn type_of_part(part: &str) -> Option<XdsType> {
    let part = part.trim_end_matches(".masked");
    let list = LISTS.iter().find(|spec| spec.list[0] == part);
    let bootstrap = (part == BOOTSTRAP[0]).then_some(XdsType::Bootstrap);
    list.map(|spec| spec.xds_type.clone()).or(bootstrap)
}

impl Dump<'_> {
    /// Why the dump may lack a resource of this type in this state (of any state, where there is none) although the
    /// proxy has it; `None` where what is not in the dump is not in the proxy.
    ///
    /// Envoy prints no section of extension configs where it has none, nor does an older one of what it does not
    /// know.
    pub fn cut(&self, xds_type: &XdsType, state: Option<State>) -> Option<Cut> {
        let holds = |spec: &ListSpec| {
            let mut states = spec.bodies.iter().map(|body| body.state);
            spec.xds_type == *xds_type && (state.is_none() || states.any(|of| of == state))
        };
        let lists: Vec<usize> = (0..LISTS.len()).filter(|at| holds(&LISTS[*at])).collect();
        let has_type = self.types.contains(xds_type);
        let is_other = [State::Warming, State::Draining, State::Rejected]
            .map(Some)
            .contains(&state);
        if is_other && self.stateless.contains(xds_type) {
            return Some(Cut::Stateless);
        }
        if let Some(cut) = lists.iter().find_map(|at| self.cuts.lists.get(at)) {
            return Some(cut.clone());
        }
        match (self.cuts.query, xds_type) {
            (None | Some(NAME_REGEX), XdsType::Endpoint) if !has_type => Some(Cut::NoEndpoints),
            (Some(query), _) => {
                let is_whole = match xds_type {
                    XdsType::Bootstrap => has_type && !self.cuts.bootstrap,
                    XdsType::Other(_) => has_type,
                    _ => lists.iter().all(|at| self.cuts.whole.contains(at)),
                };
                (!is_whole).then_some(Cut::Query(query))
            }
            (None, XdsType::ExtensionConfig | XdsType::Other(_)) => None,
            (None, _) => (!has_type).then_some(Cut::NoSection),
        }
    }

    /// The query that the dump as a whole answers, where that leaves something out.
    pub fn query(&self) -> Option<&'static str> {
        self.cuts.query
    }

    /// Looks at `other`, a dump of the same proxy, for what proves or disproves that this one was cut.
    ///
    /// Takes back that a name cut the dump where `other`, a dump of the same proxy, shows that none did: of each type
    /// that comes to a proxy there is something that both have. Then somebody took static resources out.
    pub fn check_cut(&mut self, other: &Dump<'_>) {
        if self.cuts.may_be_masked && other.types.len() > 1 {
            self.cuts.query = Some(MASK);
            self.cuts.bootstrap = true;
        }
        if self.cuts.query != Some(NAME_REGEX) || other.cuts.query.is_some() {
            return;
        }
        let sent = |dump: &Dump<'_>| -> BTreeMap<XdsType, BTreeSet<String>> {
            let mut names: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
            for resource in &dump.resources {
                let key = &resource.key;
                let is_sent = !matches!(key.xds_type, XdsType::Bootstrap | XdsType::Other(_));
                if is_sent && key.state != Some(State::Static) {
                    names
                        .entry(key.xds_type.clone())
                        .or_default()
                        .insert(key.name.to_string());
                }
            }
            names
        };
        let (own, others) = (sent(self), sent(other));
        let is_known = |(xds_type, names): (&XdsType, &BTreeSet<String>)| {
            let own = own.get(xds_type);
            own.is_some_and(|own| !own.is_disjoint(names))
        };
        if !others.is_empty() && others.iter().all(is_known) {
            self.cuts.query = None;
        }
    }

    /// Whether it is known to tell all of the types of which it has a section, endpoints among them, whatever it is compared
    /// with: then that it lacks a resource means that the proxy does.
    pub fn is_whole(&self) -> bool {
        let Cuts {
            query,
            lists,
            may_be_masked,
            ..
        } = &self.cuts;
        query.is_none()
            && lists.is_empty()
            && !may_be_masked
            && self.stateless.is_empty()
            && [XdsType::Cluster, XdsType::Endpoint]
                .iter()
                .all(|xds_type| self.types.contains(xds_type))
    }

    /// The parts of which it is known that they are missing, with their types.
    pub fn missing_parts(&self) -> impl Iterator<Item = (&'static str, &XdsType)> {
        let lists = self.cuts.lists.iter();
        lists.filter_map(|(at, cut)| match cut {
            Cut::Part(part) => Some((*part, &LISTS[*at].xds_type)),
            _ => None,
        })
    }

    /// Notes that the part called `part` (`dynamic_active_clusters`) is missing.
    pub fn note_missing_part(&mut self, part: &str) {
        for (at, spec) in LISTS.iter().enumerate() {
            if spec.list[0] == part {
                self.cuts.lists.insert(at, Cut::Part(spec.list[0]));
            }
        }
    }

    /// Tells from what the documents show what the dump does not tell.
    pub(super) fn note_cuts(&mut self, evidence: &Evidence<'_>) -> Result<(), JsonError> {
        // Istiod knows none of these queries.
        if self.source() != Source::Envoy {
            return Ok(());
        }
        let sections = &evidence.sections;
        let has_bootstrap = sections.contains(BOOTSTRAP_SECTION);
        self.cuts.query = if evidence.bare_elements {
            for (&at, &(without_body, has_time)) in &evidence.elements {
                if without_body > 0 || !(has_time || is_timeless(at)) {
                    self.cuts.lists.insert(at, Cut::Query(MASK));
                }
            }
            Some("resource")
        } else if has_bootstrap && sections.len() == 1 {
            match evidence.bootstrap {
                Some((raw, false)) => {
                    self.cuts.may_be_masked = is_masked(raw)?;
                    names_envoy(raw)?.then_some(MASK)
                }
                Some((_, true)) => None,
                None => Some(MASK),
            }
        } else if has_bootstrap {
            lacks_static_resources(self, evidence)?.then_some(NAME_REGEX)
        } else {
            let mut elements = evidence.elements.iter();
            let is_printed = elements.any(|(at, (_, has_time))| *has_time || is_timeless(*at));
            let is_masked = match evidence.elements.is_empty() {
                true => !sections.is_empty(),
                // Without its times it was written by hand, and in lowerCamelCase istioctl printed the whole section.
                false => sections.len() == 1 && is_printed && self.by_envoy,
            };
            is_masked.then_some(MASK)
        };
        if self.cuts.query.is_some_and(|query| query != NAME_REGEX) {
            self.cuts.whole = evidence.elements.keys().copied().collect();
            self.cuts.bootstrap = match evidence.bootstrap {
                Some((raw, _)) => is_masked(raw)?,
                None => has_bootstrap,
            };
        }
        Ok(())
    }
}

const MASK: &str = "mask";
const NAME_REGEX: &str = "name_regex";

/// Whether the elements of the list at that position never have a time.
fn is_timeless(at: usize) -> bool {
    LISTS[at].xds_type == XdsType::Endpoint
}

/// The static resources of a bootstrap: their field, their type, and the list of a section that repeats them.
const STATIC_RESOURCES: [(Name, XdsType); 3] = [
    (["clusters", "clusters"], XdsType::Cluster),
    (["listeners", "listeners"], XdsType::Listener),
    (["secrets", "secrets"], XdsType::Secret),
];

/// Whether the sections lack the static resources that the bootstrap has.
///
/// That of several a single one is lacking is no work of a query: somebody edited the dump. Nor is it one where the
/// cluster is lacking and its endpoints are not.
fn lacks_static_resources(dump: &Dump<'_>, evidence: &Evidence<'_>) -> Result<bool, JsonError> {
    let Some((bootstrap, _)) = evidence.bootstrap else {
        return Ok(false);
    };
    let walker = Walker::new(bootstrap);
    let (mut all, mut lacking) = (0, 0);
    for (field, xds_type) in STATIC_RESOURCES {
        let path = [["static_resources", "staticResources"], field];
        let Some(list) = walker.find(bootstrap, &path)? else {
            continue;
        };
        walker.items(list, |raw| {
            let name = body_name(walker, &xds_type, raw)?.unwrap_or_default();
            let has = |xds_type: &XdsType, state: Option<State>| {
                let mut found = dump.resources.iter();
                found.any(|resource| {
                    let key = &resource.key;
                    key.xds_type == *xds_type && key.state == state && *key.name == *name
                })
            };
            let is_edited = xds_type == XdsType::Cluster && has(&XdsType::Endpoint, None);
            if dump.types.contains(&xds_type) {
                all += 1;
                lacking += usize::from(!has(&xds_type, Some(State::Static)) && !is_edited);
            }
            Ok::<_, JsonError>(())
        })?;
    }
    Ok(lacking > 1 || (lacking == 1 && all == 1))
}

/// Whether Envoy has filled in the node of a bootstrap: nobody else writes that.
fn names_envoy(bootstrap: &[u8]) -> Result<bool, JsonError> {
    const AGENT: [Name; 2] = [["node", "node"], ["user_agent_name", "userAgentName"]];
    let agent = Walker::new(bootstrap).find(bootstrap, &AGENT)?;
    Ok(agent == Some(b"\"envoy\""))
}

/// Whether a bootstrap lacks what every one has: its node, and something to run or someone to ask for it.
fn is_masked(bootstrap: &[u8]) -> Result<bool, JsonError> {
    let mut has = [false; 2];
    Walker::new(bootstrap).members(bootstrap, |key, _| {
        has[0] |= key == "node";
        has[1] |= [
            "static_resources",
            "staticResources",
            "dynamic_resources",
            "dynamicResources",
        ]
        .contains(&key);
        Ok::<_, JsonError>(())
    })?;
    Ok(has != [true; 2])
}
