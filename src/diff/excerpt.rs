//! Two dumps of one proxy of which only some resources are read: what is known of the others is that they are equal, or what
//! a comparison of others that are the same as they found.
//!
//! Law: the report is what it is when all resources are read.

use std::collections::BTreeSet;

use super::{Change, Compared, Comparer, Facts, Mode, NotCompared, ProxyPair, compare::Found};
use crate::model::{ProxyId, ResourceKey};

/// What is known of two dumps beside the resources that are read.
#[derive(Clone, Debug, Default)]
pub struct Rest {
    /// How many resources both have, equal, and with nothing to be told of them.
    pub equal: usize,
    /// What tells the workload, as the bootstraps have it.
    pub facts: Option<Facts>,
    /// Of the endpoint assignments that are read, those that come by EDS on either side.
    pub eds: BTreeSet<String>,
}

/// What the comparison of the resources of one type, name and state found.
#[derive(Clone, Debug)]
pub struct Outcome {
    resources: usize,
    changes: Vec<Change>,
    live: Vec<Change>,
    not_compared: Vec<NotCompared>,
    /// Whether they were added, removed, changed.
    counted: [bool; 3],
}

impl Comparer<'_> {
    /// Compares what was read of one proxy before with what was read of it after: `pair` are excerpts of two dumps that
    /// [are whole](crate::dump::Dump::is_whole), with sections of the same types, and `rest` is what is known of the rest.
    /// `found` is told of each type, name and state what was found.
    pub fn excerpt(
        &mut self,
        pair: &ProxyPair<'_>,
        rest: Rest,
        found: &mut dyn FnMut(ResourceKey, Outcome),
    ) {
        self.note(pair, rest.facts);
        self.check_times(pair);
        self.report.summary.resources += rest.equal;
        self.change_by(pair, Some(&rest.eds), &mut |comparer, key, before| {
            found(key, comparer.outcome(&before));
        });
    }

    /// Notes for a proxy what was found of other proxies' resources, which are the same as its own; `updated` is when its
    /// own was updated.
    pub fn again(
        &mut self,
        [before_id, after_id]: [&ProxyId; 2],
        compared: Compared,
        outcome: &Outcome,
        updated: Option<&str>,
    ) {
        debug_assert_eq!(self.report.mode, Mode::Change);
        let of = |change: &Change| Change {
            proxy: after_id.clone(),
            before_proxy: (before_id != after_id).then(|| before_id.clone()),
            source: compared,
            updated: updated.map(str::to_owned),
            ..change.clone()
        };
        let report = &mut self.report;
        report.changes.extend(outcome.changes.iter().map(of));
        report.live.extend(outcome.live.iter().map(of));
        let not_compared = outcome.not_compared.iter();
        report
            .not_compared
            .extend(not_compared.map(|entry| NotCompared {
                proxy: after_id.clone(),
                source: Some(compared),
                ..entry.clone()
            }));
        let summary = &mut report.summary;
        summary.resources += outcome.resources;
        let resource = outcome.changes.first().map(|change| &change.resource);
        if let Some(resource) = resource
            && (self.changed).insert((after_id.clone(), compared, resource.clone()))
        {
            let [added, removed, changed] = outcome.counted.map(usize::from);
            summary.added_resources += added;
            summary.removed_resources += removed;
            summary.changed_resources += changed;
        }
    }

    /// What was found since then.
    fn outcome(&self, then: &Found) -> Outcome {
        let report = &self.report;
        let (now, then_counted) = (&report.summary, &then.summary);
        Outcome {
            resources: now.resources - then_counted.resources,
            changes: report.changes[then.changes..].to_vec(),
            live: report.live[then.live..].to_vec(),
            not_compared: report.not_compared[then.not_compared..].to_vec(),
            counted: [
                now.added_resources > then_counted.added_resources,
                now.removed_resources > then_counted.removed_resources,
                now.changed_resources > then_counted.changed_resources,
            ],
        }
    }
}
