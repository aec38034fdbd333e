//! What the dumps of several proxies list, and since when.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    side::{MissingPart, Side},
    since::{Reference, Since},
};
use crate::{
    dump::type_of_part,
    inspect::{Inventory, Updated},
    model::{ProxyId, ResourceKey, Source},
};

/// What one source's dumps list.
pub(super) struct Inventories {
    /// By proxy, with the parts that could not be captured.
    pub(super) found: Vec<(Inventory, Vec<MissingPart>)>,
    /// Proxies without a dump that can be read, and why.
    pub(super) unread: Vec<(ProxyId, String)>,
    captured: Option<Timestamp>,
}

impl Inventories {
    /// Reads the dumps of `proxies` by `source`.
    pub(super) fn read(side: &mut Side, proxies: &BTreeSet<ProxyId>, source: Source) -> Self {
        let mut inventories = Self {
            found: Vec::new(),
            unread: Vec::new(),
            captured: side.captured(),
        };
        for proxy in proxies {
            match side.inventory(proxy, source) {
                Ok(found) => inventories.found.push(found),
                Err(error) => {
                    let reason = format!("{error:#}");
                    inventories.unread.push((proxy.clone(), reason));
                }
            }
        }
        inventories
    }

    /// The moment that `since` means here, and what the reader must know of how it was found.
    ///
    /// # Errors
    ///
    /// Where it is after the capture, or nothing tells what it is relative to.
    pub(super) fn resolve(&self, since: Since) -> anyhow::Result<(Timestamp, Option<String>)> {
        since.resolve(Reference {
            captured: self.captured,
            newest: self
                .found
                .iter()
                .filter_map(|(found, _)| found.newest)
                .max(),
        })
    }

    /// Leaves out the resources that are not wanted; whether any is left.
    pub(super) fn retain(&mut self, keep: impl Fn(&ResourceKey) -> bool) -> bool {
        for (inventory, _) in &mut self.found {
            inventory.items.retain(|item| keep(&item.key));
        }
        self.found.iter().any(|(found, _)| !found.items.is_empty())
    }

    /// What Envoy updated at `since` and later.
    ///
    /// # Errors
    ///
    /// As [`Inventories::resolve`].
    pub(super) fn updated(&self, since: Since) -> anyhow::Result<Updated> {
        let (since, note) = self.resolve(since)?;
        let mut updated = Updated::new(since);
        updated.warnings.extend(note);
        for (inventory, missing) in &self.found {
            updated.add(inventory);
            for (part, reason) in missing {
                let reason = format!("`{part}` was not captured: {reason}");
                updated.missing_part(&inventory.proxy, type_of_part(part), reason);
            }
        }
        for (proxy, reason) in &self.unread {
            updated.unread(proxy, reason.clone());
        }
        Ok(updated)
    }
}
