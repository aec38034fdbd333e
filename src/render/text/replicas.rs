//! Proxies that were compared with others than themselves, and those that only one side has.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use super::{
    items,
    page::{Ink, Line, Page, count},
    side_word, title,
};
use crate::{
    diff::{MatchedBy, ProxyMatch, ProxyOnly, Replica, Report, Runs, SideName},
    model::ResourceKey,
    render::{Style, escape},
};

/// Pairs that are shown.
const PAIRS: usize = 3;
/// Resources in which a replica differs from its siblings that are named.
const RESOURCES: usize = 3;

/// Writes which proxies took whose place.
pub(super) fn matches(page: &mut Page, matches: &[ProxyMatch]) -> io::Result<()> {
    let style = page.style;
    for (heading, is_given) in [("paired as told:", true), ("paired by workload:", false)] {
        // Of the only one of each side, the headings say it.
        let found = matches.iter().filter(|m| m.by != MatchedBy::Only);
        let found = found.filter(|m| (m.by == MatchedBy::Given) == is_given);
        let found: Vec<&ProxyMatch> = found.collect();
        if found.is_empty() {
            continue;
        }
        title(page, heading)?;
        let shown = match style.full || found.len() <= PAIRS + 1 {
            true => found.len(),
            false => PAIRS,
        };
        for pair in &found[..shown] {
            one(page, pair)?;
        }
        if shown < found.len() {
            let rest = &found[shown..];
            let workloads: BTreeSet<_> = rest.iter().filter_map(|m| m.workload.as_ref()).collect();
            let mut what = count(rest.len(), "more pair", "more pairs");
            if !workloads.is_empty() {
                let workloads = count(workloads.len(), "workload", "workloads");
                what.push_str(&format!(" of {workloads}"));
            }
            page.folded(2, &what)?;
        }
    }
    Ok(())
}

fn one(page: &mut Page, pair: &ProxyMatch) -> io::Result<()> {
    let style = page.style;
    let workload = pair.workload.as_ref().filter(|_| !style.full);
    let short = workload.and_then(|workload| {
        let ends = (
            workload.suffix(&pair.before)?,
            workload.suffix(&pair.after)?,
        );
        Some((workload, ends))
    });
    let (line, before, after) = match short {
        Some((workload, (before, after))) => {
            let lead = format!("{}:", escape::name(&workload.to_string(), style));
            (Line::new(2).with(Ink::Plain, lead), before, after)
        }
        None => (Line::new(2), pair.before.as_str(), pair.after.as_str()),
    };
    let mut pieces = vec![
        (Ink::Plain, escape::name(before, style)),
        (
            Ink::Plain,
            format!("{} {}", style.arrow(), escape::name(after, style)),
        ),
    ];
    let note = match pair.by {
        MatchedBy::Content if style.full => "(they run the same)",
        MatchedBy::Likeness if style.full => "(most alike)",
        MatchedBy::Order => "(nothing tells which)",
        _ => "",
    };
    if !note.is_empty() {
        pieces.push((Ink::Faint, note.to_owned()));
    }
    page.flow(line, " ", pieces, 6)
}

/// Writes which proxies only one side has: a line for the replicas of a workload, and one for each that is none.
pub(super) fn only(page: &mut Page, report: &Report) -> io::Result<()> {
    let style = page.style;
    let mut replicas: BTreeMap<(SideName, &Replica), Vec<&ProxyOnly>> = BTreeMap::new();
    for only in &report.proxies_only {
        if let Some(replica) = &only.replica {
            replicas.entry((only.side, replica)).or_default().push(only);
        }
    }
    if !replicas.is_empty() {
        page.gap()?;
        let all = replicas.into_iter().collect();
        items(
            page,
            all,
            "more workloads",
            |page, ((side, replica), found)| {
                let number = match side {
                    SideName::Before => count(found.len(), "replica fewer", "replicas fewer"),
                    SideName::After => count(found.len(), "more replica", "more replicas"),
                };
                let workload = escape::name(&replica.workload.to_string(), style);
                let runs = match &replica.runs {
                    Runs::Same => "same configuration".to_owned(),
                    Runs::Unknown => "its configuration is not known".to_owned(),
                    Runs::Other(keys) => {
                        format!(
                            "configuration unlike its siblings': {}",
                            resources(keys, style)
                        )
                    }
                };
                let ink = match &replica.runs {
                    Runs::Other(_) => Ink::Warning,
                    _ => Ink::Plain,
                };
                let line = Line::new(0).with(Ink::Plain, format!("{number} of {workload},"));
                page.sentence(line, ink, &runs, 4)?;
                if style.full {
                    for only in found {
                        let name = escape::name(only.proxy.as_str(), style);
                        page.line(Line::new(2).with(Ink::Plain, name))?;
                    }
                }
                Ok(())
            },
        )?;
    }
    for side in [SideName::Before, SideName::After] {
        let only = report.proxies_only.iter();
        let only = only.filter(|only| only.side == side && only.replica.is_none());
        let names: Vec<String> = only
            .map(|only| escape::name(only.proxy.as_str(), style))
            .collect();
        if names.is_empty() {
            continue;
        }
        title(page, &format!("only {}:", side_word(report.mode, side)))?;
        items(page, names, "more proxies", |page, name| {
            page.line(Line::new(2).with(Ink::Plain, name))
        })?;
    }
    Ok(())
}

fn resources(keys: &[ResourceKey], style: Style) -> String {
    let shown = match style.full || keys.len() <= RESOURCES + 1 {
        true => keys.len(),
        false => RESOURCES,
    };
    let one = |key: &ResourceKey| {
        let xds_type = escape::name(key.xds_type.as_str(), style);
        match &*key.name {
            "" => xds_type,
            name => format!("{xds_type} {}", escape::name(name, style)),
        }
    };
    let mut words: Vec<String> = keys[..shown].iter().map(one).collect();
    if shown < keys.len() {
        words.push(format!("and {} more (--full)", keys.len() - shown));
    }
    words.join(", ")
}
