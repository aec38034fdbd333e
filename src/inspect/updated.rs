//! What Envoy updated since a time, by the times in one dump.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Inventory, envoy_time};
use crate::{
    diff::Cause,
    model::{ProxyId, ResourceKey, XdsType},
};

/// What Envoys updated since a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Updated {
    /// Since when, inclusive.
    pub since: Timestamp,
    /// The proxies that could be judged.
    pub judged: Vec<ProxyId>,
    /// How many there are.
    pub proxies_found: usize,
    /// How many resources could be judged.
    pub resources: usize,
    /// What was updated, in the order of proxies and keys.
    pub updated: Vec<UpdatedResource>,
    /// What could not be judged.
    pub unknown: Vec<Unknown>,
    /// What the reader should know before believing the result, one sentence each.
    pub warnings: Vec<String>,
}

/// A resource that Envoy updated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdatedResource {
    /// The proxy.
    pub proxy: ProxyId,
    /// The resource.
    pub key: ResourceKey,
    /// When, as Envoy printed it.
    pub updated: String,
}

/// Resources of which nothing tells whether they were updated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The proxy.
    pub proxy: ProxyId,
    /// Their type, unless all of the proxy's are meant.
    pub xds_type: Option<XdsType>,
    /// How many they are, where that is known.
    pub resources: Option<usize>,
    /// When the proxy's Envoy started, if that is the reason.
    pub started: Option<Timestamp>,
    /// Whether it could ever be told.
    pub cause: Cause,
    /// Why, in a sentence.
    pub reason: String,
}

impl UpdatedResource {
    /// When, as a time.
    pub fn time(&self) -> Option<Timestamp> {
        self.updated.parse().ok()
    }
}

impl Updated {
    /// Nothing looked at yet.
    pub fn new(since: Timestamp) -> Self {
        Self {
            since,
            judged: Vec::new(),
            proxies_found: 0,
            resources: 0,
            updated: Vec::new(),
            unknown: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Judges what a proxy's Envoy lists.
    pub fn add(&mut self, inventory: &Inventory) {
        self.proxies_found += 1;
        let proxy = &inventory.proxy;
        if let Some(started) = inventory.started
            && inventory.is_younger_than(self.since)
        {
            self.unknown.push(Unknown {
                started: Some(started),
                ..unknown(proxy, young(started))
            });
            return;
        }
        self.judged.push(proxy.clone());
        let mut timeless: BTreeMap<&XdsType, usize> = BTreeMap::new();
        let (mut judged, mut updated) = (0, 0);
        for item in &inventory.items {
            match (item.time(), &item.updated) {
                _ if inventory.is_repeated(item) => {}
                (Some(time), Some(text)) => {
                    judged += 1;
                    if time >= self.since {
                        updated += 1;
                        self.updated.push(UpdatedResource {
                            proxy: proxy.clone(),
                            key: item.key.clone(),
                            updated: text.clone(),
                        });
                    }
                }
                _ => *timeless.entry(&item.key.xds_type).or_default() += 1,
            }
        }
        for (xds_type, resources) in timeless {
            let reason = match xds_type {
                XdsType::Endpoint => "Envoy prints no time of endpoint assignments",
                _ => "the dump tells no time of these",
            };
            self.unknown.push(Unknown {
                xds_type: Some(xds_type.clone()),
                resources: Some(resources),
                cause: Cause::Inherent,
                ..unknown(proxy, reason.to_owned())
            });
        }
        self.resources += judged;
        if inventory.started.is_none() && judged > 0 && judged == updated {
            self.warnings.push(format!(
                "{proxy}: all of its times are later, and nothing tells when its Envoy started: it may be younger"
            ));
        }
    }

    /// Notes a proxy of which there is no dump, or none that can be read.
    pub fn unread(&mut self, proxy: &ProxyId, reason: String) {
        self.proxies_found += 1;
        self.unknown.push(unknown(proxy, reason));
    }

    /// Notes that a part of a proxy's dump is missing: the resources of a type, where that is known.
    pub fn missing_part(&mut self, proxy: &ProxyId, xds_type: Option<XdsType>, reason: String) {
        self.unknown.push(Unknown {
            xds_type,
            ..unknown(proxy, reason)
        });
    }

    /// Whether something is not known that could be.
    pub fn lacks(&self) -> bool {
        self.unknown
            .iter()
            .any(|unknown| unknown.cause == Cause::Missing)
    }
}

/// Why the times of a process say nothing of what is before it `started`.
pub fn young(started: Timestamp) -> String {
    format!(
        "its Envoy started only at {}, so its times tell nothing of changes",
        envoy_time(started)
    )
}

fn unknown(proxy: &ProxyId, reason: String) -> Unknown {
    Unknown {
        proxy: proxy.clone(),
        xds_type: None,
        resources: None,
        started: None,
        cause: Cause::Missing,
        reason,
    }
}
