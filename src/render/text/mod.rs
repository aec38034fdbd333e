//! The default output: text for a person in a hurry.
//!
//! From the top: what to know first, the two sides, changes by proxies and resource, how many hosts clusters have, what is
//! said once for all, what does not count, which proxies took the place of which, what was not compared, what rules hid,
//! and the count.
//!
//! What is the same on several proxies, or in several resources of one pattern, is one entry, unless everything is to be
//! shown.

mod change;
mod group;
mod hint;
mod hosts;
mod listing;
mod outline;
mod pattern;
mod reading;
mod replicas;
mod rules;
mod steps;
mod who;
mod why;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

pub(super) use self::listing::seconds;
use self::{
    hosts::{Says, says},
    listing::{Listing, listing},
    who::Everyone,
};
use super::{
    Side, Sides, Style, escape, page,
    page::{Ink, Line, Page, count},
};
use crate::diff::{Cause, Change, Compared, Mode, NotCompared, Report, SideName};
pub use rules::{redaction_rules, rules};

/// Changed resources that are shown.
const RESOURCES: usize = 40;
/// Resources that are shown of those that differ in live state only.
const LIVE: usize = 10;
/// Lines of other lists that are shown.
const ITEMS: usize = 20;

/// Writes the report as text.
pub fn text(out: &mut dyn Write, report: &Report, sides: &Sides, style: Style) -> io::Result<()> {
    let page = &mut Page::new(out, style);
    for warning in &report.warnings {
        let line = Line::new(0).with(Ink::Warning, "warning:");
        page.sentence(line, Ink::Plain, &escape::sentence(warning, style), 4)?;
    }
    page.gap()?;
    head(page, report.mode, sides)?;

    let everyone = &Everyone::of(report);
    let list = Listing {
        everyone,
        mode: report.mode,
        captured: sides.after.captured.as_deref(),
        limit: RESOURCES,
        indent: 0,
    };
    let mut parts: [Vec<&Change>; 3] = Default::default();
    for change in &report.changes {
        let says = says(change);
        if style.full || says == Says::More {
            parts[0].push(change);
        }
        match says {
            Says::More if change.hosts.is_none() => {}
            Says::More | Says::Number => parts[1].push(change),
            Says::Addresses if change.hosts.is_some() => parts[1].push(change),
            Says::Addresses => parts[2].push(change),
        }
    }
    let [listed, counted, replaced] = parts;
    if !listed.is_empty() {
        page.gap()?;
        listing(page, &list, &listed)?;
    }
    hosts::numbers(page, everyone, report.mode, &counted)?;
    if !style.full {
        hosts::replaced(page, &replaced)?;
    }
    if !report.live.is_empty() {
        let heading = match style.counts_live {
            true => "live state:",
            false => "live state, not counted:",
        };
        title(page, heading)?;
        let live: Vec<&Change> = report.live.iter().collect();
        let list = Listing {
            limit: LIVE,
            indent: 2,
            ..list
        };
        listing(page, &list, &live)?;
    }
    replicas::only(page, report)?;
    replicas::matches(page, &report.matches)?;
    not_compared(page, report)?;
    rejections(page, report)?;
    why::hidden(page, &report.hidden)?;
    page.gap()?;
    let line = summary_line(report, style);
    // Scripts read the last line, so it is never broken.
    page.flow(Line::new(0), " ", [(Ink::Heading, line)], 4)
}

/// The last line of the text: how many proxies and resources were compared, and how many differ.
pub fn summary_line(report: &Report, style: Style) -> String {
    let counts = report.summary;
    let live: BTreeSet<_> = report
        .live
        .iter()
        .filter(|_| style.counts_live)
        .map(|change| (&change.proxy, change.source, &change.resource))
        .collect();
    let only = |side| {
        let only = report.proxies_only.iter();
        let only = only.filter(|only| only.replica.is_none());
        only.filter(|only| only.side == side).count()
    };
    let missing = of_cause(report, Cause::Missing).count();
    let mut parts = Vec::new();
    // A proxy of which nothing could be compared was not.
    let proxies = match counts.resources {
        0 => 0,
        _ => counts.proxies,
    };
    if proxies == 0 {
        parts.push("nothing could be compared".to_owned());
    } else if !report.differs() && live.is_empty() {
        let found = if missing > 0 { " found" } else { "" };
        parts.push(format!("no differences{found}"));
    } else {
        parts.push(format!("{} changed", counts.changed_resources));
        let [added, removed] = lone_words(report.mode);
        let added = (counts.added_resources, added);
        let removed = (counts.removed_resources, removed);
        let lone = match report.mode {
            Mode::Change => vec![added, removed],
            // The longer words leave no room to say zeros.
            Mode::Sync => [removed, added]
                .into_iter()
                .filter(|(number, _)| *number > 0)
                .collect(),
        };
        parts.extend(lone.iter().map(|(number, word)| format!("{number} {word}")));
    }
    if !live.is_empty() {
        parts.push(format!("{} in live state", live.len()));
    }
    for side in [SideName::Before, SideName::After] {
        if only(side) > 0 {
            let proxies = count(only(side), "proxy", "proxies");
            parts.push(format!("{proxies} only {}", side_word(report.mode, side)));
        }
    }
    if missing > 0 {
        parts.push(format!("{missing} not compared"));
    }
    format!(
        "{} of {} compared, {}: {}",
        proxies,
        count(counts.proxies_found, "proxy", "proxies"),
        count(counts.resources, "resource", "resources"),
        parts.join(", ")
    )
}

/// A section's title, below an empty line.
pub(super) fn title(page: &mut Page, text: &str) -> io::Result<()> {
    page.gap()?;
    page.line(Line::new(0).with(Ink::Heading, text))
}

/// What a side is called.
fn side_name(mode: Mode, side: SideName) -> &'static str {
    match (mode, side) {
        (Mode::Change, side) => side.as_str(),
        (Mode::Sync, SideName::Before) => "istiod",
        (Mode::Sync, SideName::After) => "envoy",
    }
}

/// What is said of resources that only *after* has, and of those that only *before* has: istiod and Envoy are no earlier
/// and later.
fn lone_words(mode: Mode) -> [&'static str; 2] {
    match mode {
        Mode::Change => ["added", "removed"],
        Mode::Sync => ["only in envoy", "only in istiod"],
    }
}

/// Where something is that only one side has.
fn side_word(mode: Mode, side: SideName) -> String {
    match mode {
        Mode::Change => side.as_str().to_owned(),
        Mode::Sync => format!("in {}", side_name(mode, side)),
    }
}

/// Writes what the sides are, in columns where they fit.
fn head(page: &mut Page, mode: Mode, sides: &Sides) -> io::Result<()> {
    let style = page.style;
    let sides = [
        (side_name(mode, SideName::Before), &sides.before),
        (side_name(mode, SideName::After), &sides.after),
    ];
    let mut rows = sides.map(|(name, side)| {
        let mut row = vec![(Ink::Plain, escape::name(&side.label, style))];
        row.extend(
            facts(side, style)
                .into_iter()
                .map(|fact| (Ink::Plain, fact)),
        );
        (name, row)
    });
    let label = |row: &Vec<page::Piece>| page::columns(&row[..1]);
    let longest = rows.iter().map(|(_, row)| label(row)).max().unwrap_or(0);
    let fits = rows.iter().all(|(_, row)| {
        8 + longest + page::columns(&row[1..]) + 2 * (row.len() - 1) <= style.width
    });
    if fits {
        for (_, row) in &mut rows {
            if row.len() > 1 {
                let pad = longest - label(row);
                row[0].1.push_str(&" ".repeat(pad));
            }
        }
    }
    for ((name, row), (_, side)) in rows.into_iter().zip(sides) {
        let line = Line::new(0).with(Ink::Heading, name);
        let mut row = row.into_iter();
        let line = line.with(Ink::Plain, " ".repeat(8 - name.len()));
        let line = row
            .next()
            .map_or(line.clone(), |(ink, text)| line.with(ink, text));
        page.flow(line, "  ", row, 8)?;
        for note in &side.notes {
            let note = escape::sentence(note, style);
            page.sentence(Line::new(8), Ink::Faint, &note, 8)?;
        }
    }
    Ok(())
}

pub(super) fn facts(side: &Side, style: Style) -> Vec<String> {
    let mut facts = Vec::new();
    if let Some(captured) = &side.captured {
        facts.push(escape::name(&seconds(captured), style));
    }
    facts.push(count(side.proxies, "proxy", "proxies"));
    for (what, version) in [
        ("istio", &side.istio_version),
        ("envoy", &side.envoy_version),
    ] {
        if let Some(version) = version {
            facts.push(format!("{what} {}", escape::name(version, style)));
        }
    }
    facts
}

/// Writes the first items, and how many there are more.
pub(super) fn items<T>(
    page: &mut Page,
    all: Vec<T>,
    more: &str,
    mut write: impl FnMut(&mut Page, T) -> io::Result<()>,
) -> io::Result<()> {
    let shown = match all.len() {
        all if page.style.full || all <= ITEMS => all,
        _ => ITEMS,
    };
    let rest = all.len() - shown;
    for item in all.into_iter().take(shown) {
        write(page, item)?;
    }
    match rest {
        0 => Ok(()),
        rest => page.folded(2, &format!("{rest} {more}")),
    }
}

fn of_cause(report: &Report, cause: Cause) -> impl Iterator<Item = &NotCompared> {
    let all = report.not_compared.iter();
    all.filter(move |not| not.cause == cause)
}

/// Writes what should have been compared item by item, and what never can be reason by reason.
fn not_compared(page: &mut Page, report: &Report) -> io::Result<()> {
    let style = page.style;
    let missing: Vec<&NotCompared> = of_cause(report, Cause::Missing).collect();
    if !missing.is_empty() {
        title(page, "not compared, but should have been:")?;
        items(page, missing, "more", |page, not| {
            let mut words = subject(not, style);
            if let Some(last) = words.last_mut() {
                last.push(':');
            }
            let reason = escape::sentence(&not.reason, style);
            words.extend(reason.split_whitespace().map(str::to_owned));
            let pieces = words.into_iter().map(|word| (Ink::Plain, word));
            page.flow(Line::new(2), " ", pieces, 6)
        })?;
    }
    let mut inherent: BTreeMap<&str, (usize, BTreeSet<&str>)> = BTreeMap::new();
    for not in of_cause(report, Cause::Inherent) {
        let (number, proxies) = inherent.entry(&not.reason).or_default();
        *number += 1;
        proxies.insert(not.proxy.as_str());
    }
    if !inherent.is_empty() {
        title(page, "never comparable:")?;
        let lines: Vec<_> = inherent.into_iter().collect();
        items(
            page,
            lines,
            "more reasons",
            |page, (reason, (number, proxies))| {
                let lead = format!("{number} on {}:", count(proxies.len(), "proxy", "proxies"));
                let line = Line::new(2).with(Ink::Plain, lead);
                page.sentence(line, Ink::Plain, &escape::sentence(reason, style), 6)
            },
        )?;
    }
    Ok(())
}

/// What was not compared, as pieces of a line.
fn subject(not: &NotCompared, style: Style) -> Vec<String> {
    let mut words = vec![escape::name(not.proxy.as_str(), style)];
    if let Some(source) = not.source
        && source != Compared::IstiodEnvoy
    {
        words.push(source.as_str().to_owned());
    }
    let resource = not.resource.as_ref();
    let xds_type = resource.map(|resource| &resource.xds_type);
    if let Some(xds_type) = xds_type.or(not.xds_type.as_ref()) {
        words.push(escape::name(xds_type.as_str(), style));
    }
    if let Some(resource) = resource {
        if !resource.name.is_empty() {
            words.push(escape::name(&resource.name, style));
        }
        words.extend(resource.state.map(|state| state.as_str().to_owned()));
        if resource.occurrence > 0 {
            words.push(format!("#{}", resource.occurrence));
        }
    }
    words.extend(not.path.as_ref().map(|path| steps::path(path, style)));
    words
}

fn rejections(page: &mut Page, report: &Report) -> io::Result<()> {
    if report.rejections.is_empty() {
        return Ok(());
    }
    let style = page.style;
    title(page, "rejected by Envoy, which still runs what it had:")?;
    items(
        page,
        report.rejections.iter().collect(),
        "more",
        |page, rejection| {
            let proxy = escape::name(rejection.proxy.as_str(), style);
            let xds_type = escape::name(rejection.xds_type.as_str(), style);
            let line = Line::new(2).with(Ink::Plain, format!("{proxy} {xds_type}:"));
            let reason = escape::sentence(&rejection.reason, style);
            page.sentence(line, Ink::Plain, &reason, 6)
        },
    )
}
