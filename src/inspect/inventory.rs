//! What a dump lists: names, states and times, without the resources themselves.

use jiff::Timestamp;

use crate::{
    model::{ProxyId, ResourceKey, Source, State, XdsType},
    normalize::Dump,
};

/// What a proxy's dump lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory {
    /// The proxy.
    pub proxy: ProxyId,
    /// Who says so.
    pub source: Source,
    /// When the process of its Envoy started: then it loads its bootstrap, and what is static in it.
    pub started: Option<Timestamp>,
    /// The latest time of any resource.
    pub newest: Option<Timestamp>,
    /// The resources, in the order of their keys.
    pub items: Vec<Item>,
    /// Whether the dump has the listeners, which hold what it repeats as static route configurations.
    has_listeners: bool,
}

/// A resource that a dump lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its name.
    pub key: ResourceKey,
    /// When Envoy last updated it, as it printed it; of a rejected one, when it last tried to.
    pub updated: Option<String>,
}

impl Inventory {
    /// What `dump`, by `source`, lists.
    pub fn of(proxy: &ProxyId, source: Source, dump: &Dump<'_>) -> Self {
        let mut items: Vec<Item> = dump
            .resources
            .iter()
            .map(|resource| Item {
                key: resource.key.clone(),
                updated: resource.last_updated.clone(),
            })
            .collect();
        items.sort_by(|a, b| a.key.cmp(&b.key));
        let of_type = |xds_type, state| {
            let items = items.iter();
            items.filter(move |item| item.key.xds_type == xds_type && item.key.state == state)
        };
        let started = of_type(XdsType::Bootstrap, None)
            .find_map(Item::time)
            .or_else(|| {
                let clusters = of_type(XdsType::Cluster, Some(State::Static));
                clusters.filter_map(Item::time).min()
            });
        Self {
            proxy: proxy.clone(),
            source,
            started,
            newest: items.iter().filter_map(Item::time).max(),
            items,
            has_listeners: dump.types.contains(&XdsType::Listener),
        }
    }

    /// Whether Envoy's process is younger than `since`: then all of its times are later, whatever changed.
    pub fn is_younger_than(&self, since: Timestamp) -> bool {
        self.started.is_some_and(|started| started >= since)
    }

    /// Whether `item` repeats what stands in a listener.
    pub(super) fn is_repeated(&self, item: &Item) -> bool {
        item.key.xds_type == XdsType::Route
            && item.key.state == Some(State::Static)
            && self.has_listeners
    }
}

/// A time as Envoy prints it: in UTC, with milliseconds unless there are none.
pub fn envoy_time(time: Timestamp) -> String {
    let format = match time.subsec_millisecond() {
        0 => "%Y-%m-%dT%H:%M:%SZ",
        _ => "%Y-%m-%dT%H:%M:%S%.3fZ",
    };
    time.strftime(format).to_string()
}

impl Item {
    /// When Envoy last updated it, where the dump tells a time.
    pub fn time(&self) -> Option<Timestamp> {
        self.updated.as_ref()?.parse().ok()
    }
}

#[test]
fn a_time_is_printed_as_envoy_prints_it() {
    for (text, expected) in [
        ("2026-11-21T01:52:25.430Z", "2026-11-21T01:52:25.430Z"),
        ("2026-11-21T02:52:25+01:00", "2026-11-21T01:52:25Z"),
        ("2026-11-21T01:52:25.0009Z", "2026-11-21T01:52:25Z"),
    ] {
        assert_eq!(envoy_time(text.parse().unwrap()), expected);
    }
}
