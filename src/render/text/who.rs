//! Proxies in few words: which of all that were compared have something, and which do not.

use std::collections::{BTreeMap, BTreeSet};

use super::page::count;
use crate::{
    diff::{Cause, Compared, ProxyKind, Report, Workload, workloads},
    model::ProxyId,
    render::{Style, escape},
};

/// So many proxies are named that are the exception.
const NAMED: usize = 3;
/// So many workloads or kinds of them are.
const GROUPS: usize = 3;

/// All proxies that were compared, and what they are.
pub(super) struct Everyone<'a> {
    known: BTreeMap<&'a ProxyId, Known>,
    /// Those of which something was not compared that should have been.
    incomplete: BTreeSet<&'a ProxyId>,
    kinds: BTreeMap<(Compared, ProxyKind), usize>,
    workloads: BTreeMap<(Compared, Workload), usize>,
    all: BTreeMap<Compared, usize>,
}

struct Known {
    kind: ProxyKind,
    workload: Option<Workload>,
    sources: BTreeSet<Compared>,
}

impl<'a> Everyone<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        let found = workloads(report.proxies.values().map(|proxy| &proxy.facts));
        let missing = report.not_compared.iter();
        let missing = missing.filter(|entry| entry.cause == Cause::Missing);
        let mut everyone = Self {
            known: BTreeMap::new(),
            incomplete: missing.map(|entry| &entry.proxy).collect(),
            kinds: BTreeMap::new(),
            workloads: BTreeMap::new(),
            all: BTreeMap::new(),
        };
        for ((id, proxy), workload) in report.proxies.iter().zip(found) {
            let kind = proxy.facts.kind;
            for source in &proxy.sources {
                *everyone.all.entry(*source).or_default() += 1;
                *everyone.kinds.entry((*source, kind)).or_default() += 1;
                if let Some(workload) = &workload {
                    let key = (*source, workload.clone());
                    *everyone.workloads.entry(key).or_default() += 1;
                }
            }
            let known = Known {
                kind,
                workload,
                sources: proxy.sources.clone(),
            };
            everyone.known.insert(id, known);
        }
        everyone
    }

    /// Which proxies `some` are, in pieces that are separated by spaces; by ID where they are at most `named`, or where
    /// all are to be named.
    pub(super) fn words(
        &self,
        some: &[&'a ProxyId],
        source: Compared,
        named: usize,
        style: Style,
    ) -> Vec<String> {
        if style.full || some.len() <= named {
            return joined(names(some, style));
        }
        let has: BTreeSet<&ProxyId> = some.iter().copied().collect();
        let all = self.all.get(&source).copied().unwrap_or_default();
        let of_source = self
            .known
            .iter()
            .filter(|(_, known)| known.sources.contains(&source));
        let rest = of_source.map(|(id, _)| *id).filter(|id| !has.contains(id));
        let (unknown, rest): (Vec<&ProxyId>, Vec<&ProxyId>) =
            rest.partition(|id| self.incomplete.contains(id));
        if has.len() + rest.len() + unknown.len() != all {
            // A report that does not say what was compared.
            let shown = some.len().min(NAMED - 1);
            let mut words = joined(names(&some[..shown], style));
            if let Some(last) = words.last_mut() {
                last.push(',');
            }
            let more = count(some.len() - shown, "more proxy", "more proxies");
            words.push(format!("and {more} (--full)"));
            return words;
        }
        if has.len() == all {
            return vec![format!("all {}", count(all, "proxy", "proxies"))];
        }
        let mut words = vec![format!(
            "{} of {}",
            has.len(),
            count(all, "proxy", "proxies")
        )];
        let mut add = |lead: &str, pieces: Vec<String>| {
            if let Some(last) = words.last_mut() {
                last.push_str(if lead.is_empty() { ":" } else { ";" });
            }
            words.extend((!lead.is_empty()).then(|| lead.to_owned()));
            words.extend(joined(pieces));
        };
        if has.len() < rest.len() {
            add("", self.pieces(some, source, style));
        } else if !rest.is_empty() {
            add("not on", self.pieces(&rest, source, style));
        }
        if !unknown.is_empty() {
            add("not known of", vec![unknown.len().to_string()]);
        }
        words
    }

    /// These in few words: by name, by kind or by workload.
    fn pieces(&self, some: &[&ProxyId], source: Compared, style: Style) -> Vec<String> {
        if some.len() <= NAMED {
            return names(some, style);
        }
        let mut kinds: BTreeMap<ProxyKind, usize> = BTreeMap::new();
        let mut workloads: BTreeMap<Option<&Workload>, usize> = BTreeMap::new();
        for known in some.iter().filter_map(|id| self.known.get(id)) {
            *kinds.entry(known.kind).or_default() += 1;
            *workloads.entry(known.workload.as_ref()).or_default() += 1;
        }
        let is_whole = |kind: &ProxyKind, number: usize| {
            self.kinds
                .get(&(source, *kind))
                .is_some_and(|all| *all == number)
        };
        let are_whole = kinds.iter().all(|(kind, number)| is_whole(kind, *number));
        if are_whole && kinds.len() < self.kinds.keys().filter(|(of, _)| *of == source).count() {
            let each = kinds.iter();
            return each
                .map(|(kind, number)| format!("the {}", kind_words(*kind, *number)))
                .collect();
        }
        let of_workload = |(workload, number): (&Option<&Workload>, &usize)| {
            let name = workload.map(|workload| {
                let name = escape::name(&workload.to_string(), style);
                match self.workloads.get(&(source, workload.clone())) {
                    Some(all) if all == number => format!("the {number} of {name}"),
                    Some(all) => format!("{number} of the {all} of {name}"),
                    None => format!("{number} of {name}"),
                }
            });
            (
                *number,
                name.unwrap_or_else(|| format!("{number} of no known workload")),
            )
        };
        let mut pieces: Vec<(usize, String)> = workloads.iter().map(of_workload).collect();
        if pieces.len() > GROUPS && kinds.len() > 1 {
            pieces = kinds
                .iter()
                .map(|(kind, number)| (*number, kind_words(*kind, *number)))
                .collect();
        }
        pieces.sort_by(|(a, _), (b, _)| b.cmp(a));
        let more: usize = pieces.iter().skip(GROUPS).map(|(number, _)| number).sum();
        let mut words: Vec<String> = pieces
            .into_iter()
            .take(GROUPS)
            .map(|(_, text)| text)
            .collect();
        if more > 0 {
            words.push(format!("{more} more"));
        }
        words
    }
}

fn kind_words(kind: ProxyKind, number: usize) -> String {
    let [one, many] = kind.nouns();
    count(number, one, many)
}

fn names(some: &[&ProxyId], style: Style) -> Vec<String> {
    let each = some.iter();
    each.map(|proxy| escape::name(proxy.as_str(), style))
        .collect()
}

/// With commas between them.
pub(super) fn joined(mut pieces: Vec<String>) -> Vec<String> {
    let last = pieces.len().saturating_sub(1);
    pieces
        .iter_mut()
        .take(last)
        .for_each(|piece| piece.push(','));
    pieces
}
