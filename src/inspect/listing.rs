//! The resources of proxies, for a table.

use jiff::Timestamp;

use super::{Inventory, Item, envoy_time, updated::young};
use crate::model::{ProxyId, Source, XdsType};

/// What dumps list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Whose dumps.
    pub source: Source,
    /// The one type that is listed; `None` for all.
    pub xds_type: Option<XdsType>,
    /// Only what Envoy updated then and later.
    pub since: Option<Timestamp>,
    /// In the order of their IDs.
    pub proxies: Vec<Listed>,
    /// What could not be read.
    pub missing: Vec<Missing>,
    /// What the reader should know before believing the result, one sentence each.
    pub warnings: Vec<String>,
    /// How many resources were left out as they have no time.
    timeless: usize,
}

/// The resources of one proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The proxy.
    pub proxy: ProxyId,
    /// In the order of their keys.
    pub items: Vec<Item>,
}

/// A dump, or a part of one, that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The proxy.
    pub proxy: ProxyId,
    /// Why, in a sentence.
    pub reason: String,
}

impl Listing {
    /// An empty listing.
    pub fn new(source: Source, xds_type: Option<XdsType>, since: Option<Timestamp>) -> Self {
        Self {
            source,
            xds_type,
            since,
            proxies: Vec::new(),
            missing: Vec::new(),
            warnings: Vec::new(),
            timeless: 0,
        }
    }

    /// Lists one more proxy. Of an Envoy that started later than `since`, everything is listed: its times tell nothing.
    pub fn add(&mut self, inventory: &Inventory) {
        let mut items = inventory.items.clone();
        if let Some(since) = self.since {
            match inventory.started {
                Some(started) if inventory.is_younger_than(since) => {
                    let warning = format!("{}: {}", inventory.proxy, young(started));
                    self.warnings.push(warning);
                }
                _ => {
                    self.timeless += items.iter().filter(|item| item.time().is_none()).count();
                    items.retain(|item| item.time().is_some_and(|time| time >= since));
                }
            }
        }
        self.proxies.push(Listed {
            proxy: inventory.proxy.clone(),
            items,
        });
    }

    /// Ends the listing.
    pub fn finish(mut self) -> Self {
        if let (Some(since), true) = (self.since, self.timeless > 0) {
            self.warnings.push(format!(
                "{} resources without a time (endpoint assignments have none) are left out: nothing tells whether they were updated since {}",
                self.timeless,
                envoy_time(since)
            ));
        }
        self
    }

    /// How many resources are listed.
    pub fn resources(&self) -> usize {
        self.proxies.iter().map(|listed| listed.items.len()).sum()
    }
}
