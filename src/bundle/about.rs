//! What a writer is told: of a member, of what could not be had, and of the whole bundle.

use std::{collections::BTreeMap, path::Path};

use crate::model::{Document, ProxyId, Source};

use super::format::{
    Captured, FailureEntry, IstiodEntry, MemberEntry, Origin, ProxyEntry, Redaction, Time,
};

/// Where a member came from, and what was done to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// Where it came from.
    pub origin: Origin,
    /// When it was asked for; absent for a file.
    pub requested: Option<Time>,
    /// When the last of it was received; absent for a file.
    pub received: Option<Time>,
    /// The HTTP status of the answer.
    pub status: Option<u16>,
    /// What was replaced in it; absent if nothing was looked for.
    pub redacted: Option<Replaced>,
}

/// How many values were replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replaced {
    /// By all rules together.
    pub values: u64,
    /// By each rule that replaced any, by its name. What an earlier release replaced is counted above alone.
    pub by_rule: BTreeMap<String, u64>,
}

impl Replaced {
    /// Adds what else was replaced.
    pub fn add(&mut self, more: &Self) {
        self.values = self.values.saturating_add(more.values);
        for (rule, values) in &more.by_rule {
            let sum = self.by_rule.entry(rule.clone()).or_default();
            *sum = sum.saturating_add(*values);
        }
    }
}

impl<'a> FromIterator<(&'a str, u64)> for Replaced {
    /// The sum of what each rule replaced.
    fn from_iter<I: IntoIterator<Item = (&'a str, u64)>>(counts: I) -> Self {
        let mut replaced = Self::default();
        for (rule, values) in counts {
            replaced.add(&Self {
                values,
                by_rule: BTreeMap::from([(rule.to_owned(), values)]),
            });
        }
        replaced
    }
}

impl From<&MemberEntry> for Provenance {
    /// As the manifest says.
    fn from(entry: &MemberEntry) -> Self {
        Self {
            origin: entry.origin.clone(),
            requested: entry.requested,
            received: entry.received,
            status: entry.status,
            redacted: entry.redacted.map(|values| Replaced {
                values,
                by_rule: entry.redacted_by.clone(),
            }),
        }
    }
}

impl Provenance {
    /// From the file at `path`, of which only the base name is kept; not redacted.
    pub fn of_file(path: impl AsRef<Path>) -> Self {
        Self {
            origin: Origin::file(path),
            requested: None,
            received: None,
            status: None,
            redacted: None,
        }
    }
}

/// Something that was asked for and could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Who was asked.
    pub source: Source,
    /// The proxy it is about.
    pub proxy: Option<ProxyId>,
    /// The document that was asked for.
    pub document: Option<Document>,
    /// The section of it that was asked for.
    pub part: Option<String>,
    /// Where it would have come from.
    pub origin: Origin,
    /// When it failed.
    pub time: Option<Time>,
    /// The HTTP status of the answer, if there was one.
    pub status: Option<u16>,
    /// Why, for a person.
    pub reason: String,
}

impl From<Failure> for FailureEntry {
    fn from(failure: Failure) -> Self {
        Self {
            source: failure.source.to_string(),
            proxy: failure.proxy.map(|id| id.to_string()),
            document: failure.document.map(|document| document.to_string()),
            part: failure.part,
            origin: failure.origin,
            time: failure.time,
            status: failure.status,
            reason: failure.reason,
        }
    }
}

/// What a manifest says of the whole bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The program and its version: `xdsnap 0.1.0`.
    pub tool: String,
    /// The words of the person who makes the bundle.
    pub note: Option<String>,
    /// When the capture ran; absent for a capture from files.
    pub captured: Option<Captured>,
    /// The proxies, in any order. Those of members that are missing here are added.
    pub proxies: Vec<ProxyEntry>,
    /// The istiods, in any order.
    pub istiods: Vec<IstiodEntry>,
    /// What was replaced.
    pub redaction: Redaction,
}
