//! Changes, resource by resource, below the proxies that have them.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    io,
};

use jiff::Timestamp;

use super::{
    change,
    group::{Entry, entries},
    hint::hint,
    lone_words,
    page::{Ink, Line, Page, count},
    pattern::Pattern,
    who::{Everyone, joined},
};
use crate::{
    diff::{Change, ChangeKind, Class, Compared, Mode},
    model::{ProxyId, XdsType},
    render::escape,
};

/// Proxies that are named where they have the same changes; more are counted.
const NAMED: usize = 3;
/// What stands for the `*` of a pattern, as far as it is told.
const VARYING: usize = 6;
/// Names of one pattern that are told, or stand in its place.
const FEW: usize = 3;

/// Where a list of changes is written, and what is said of all of it.
pub(super) struct Listing<'a> {
    /// Whose changes these may be.
    pub(super) everyone: &'a Everyone<'a>,
    pub(super) mode: Mode,
    /// When *after* was captured: the day needs no words then.
    pub(super) captured: Option<&'a str>,
    /// The most entries that are shown.
    pub(super) limit: usize,
    pub(super) indent: usize,
}

/// Writes `changes`. What several proxies or resources have alike is written once, and first what most proxies have.
pub(super) fn listing(page: &mut Page, list: &Listing, changes: &[&Change]) -> io::Result<()> {
    let entries = entries(changes, page.style.full);
    let blocks = blocks(&entries);
    let limit = match page.style.full || entries.len() <= list.limit {
        true => entries.len(),
        false => list.limit,
    };
    let mut left = limit;
    let mut folded = Vec::new();
    for (i, block) in blocks.into_iter().enumerate() {
        let (shown, rest) = block.split_at(left.min(block.len()));
        left -= shown.len();
        folded.extend_from_slice(rest);
        if let Some(first) = shown.first() {
            if i > 0 {
                page.gap()?;
            }
            heading(page, list, first)?;
        }
        for entry in shown {
            resource(page, list.mode, entry, list.captured, list.indent + 2)?;
        }
    }
    if !folded.is_empty() {
        page.gap()?;
        rest(page, list.mode, &folded, list.indent)?;
    }
    Ok(())
}

/// The entries that share a heading: those of most proxies first, else in order of first appearance; in each, endpoints
/// last.
fn blocks<'e, 'a>(entries: &'e [Entry<'a>]) -> Vec<Vec<&'e Entry<'a>>> {
    let mut blocks: Vec<Vec<&Entry>> = Vec::new();
    let mut index: HashMap<(&[&ProxyId], Compared), usize> = HashMap::new();
    for entry in entries {
        let key = (entry.proxies.as_slice(), entry.first().source);
        let at = *index.entry(key).or_insert(blocks.len());
        match blocks.get_mut(at) {
            Some(block) => block.push(entry),
            None => blocks.push(vec![entry]),
        }
    }
    blocks.sort_by_key(|block| Reverse(block[0].proxies.len()));
    // Hosts come and go; who looks for what somebody changed looks for anything else.
    let is_endpoint = |entry: &&Entry| entry.first().resource.xds_type == XdsType::Endpoint;
    blocks
        .iter_mut()
        .for_each(|block| block.sort_by_key(is_endpoint));
    blocks
}

fn heading(page: &mut Page, list: &Listing, entry: &Entry) -> io::Result<()> {
    let style = page.style;
    let first = entry.first();
    let words = list
        .everyone
        .words(&entry.proxies, first.source, NAMED, style);
    let mut pieces: Vec<_> = words.into_iter().map(|text| (Ink::Heading, text)).collect();
    if first.source == Compared::Istiod {
        pieces.push((Ink::Plain, "(istiod's configuration)".to_owned()));
    }
    if let (Some(before), 1) = (&first.before_proxy, entry.proxies.len()) {
        let before = escape::name(before.as_str(), style);
        pieces.push((Ink::Faint, format!("(before: {before})")));
    }
    page.flow(Line::new(list.indent), " ", pieces, list.indent + 4)
}

fn resource(
    page: &mut Page,
    mode: Mode,
    entry: &Entry,
    captured: Option<&str>,
    indent: usize,
) -> io::Result<()> {
    let style = page.style;
    let change = entry.first();
    let key = &change.resource;
    let whole = entry.whole();
    let kind = whole.unwrap_or(ChangeKind::Changed);
    let value = change.after.as_ref().or(change.before.as_ref());

    let line = Line::new(indent).with(Ink::of(kind), format!("{} ", kind.sign()));
    let line = line.with(Ink::Plain, escape::name(key.xds_type.as_str(), style));
    // Few names that have nothing in common need no pattern.
    let few = entry.pattern.as_ref().map(|pattern| &pattern.names);
    let few = few.filter(|names| names.len() <= FEW && key_pattern(entry) == "*");
    let names_here = match few {
        Some(names) => names.iter().map(|name| escape::name(name, style)).collect(),
        None => match key_pattern(entry) {
            "" => Vec::new(),
            name => vec![escape::name(name, style)],
        },
    };
    let mut line = line;
    for name in joined(names_here) {
        line = line.with(Ink::Plain, " ").with(Ink::Heading, name);
    }
    let mut pieces = Vec::new();
    if let Some(state) = key.state {
        pieces.push((Ink::Plain, state.as_str().to_owned()));
    }
    if key.occurrence > 0 {
        pieces.push((Ink::Plain, format!("#{}", key.occurrence)));
    }
    if let Some(kind) = whole {
        if mode == Mode::Sync {
            let [in_envoy, in_istiod] = lone_words(mode);
            let only = match kind {
                ChangeKind::Added => in_envoy,
                _ => in_istiod,
            };
            pieces.push((Ink::Plain, only.to_owned()));
        }
        if let Some(hint) = value.and_then(|value| hint(&key.xds_type, value, style)) {
            pieces.push((Ink::Faint, hint));
        }
        if change.no_schema {
            pieces.push((Ink::Faint, "(no schema known)".to_owned()));
        }
    }
    if let Some(updated) = entry.updated {
        let updated = escape::name(&since(updated, captured), style);
        pieces.push((Ink::Faint, format!("updated {updated}")));
    }
    page.flow(line, "  ", pieces, indent + 6)?;

    if let (Some(pattern), None) = (&entry.pattern, few) {
        names(page, pattern, indent + 4)?;
    }
    if entry.variants > 1 {
        let values = format!(
            "{} different values, each proxy its own; these are of",
            entry.variants
        );
        let line = Line::new(indent + 4).with(Ink::Faint, values);
        let proxy = (Ink::Faint, escape::name(change.proxy.as_str(), style));
        page.flow(
            line,
            " ",
            [proxy, (Ink::Faint, "(--full)".to_owned())],
            indent + 6,
        )?;
    }
    if let Some(name) = entry.other_name {
        let said = match (mode, kind) {
            (Mode::Change, ChangeKind::Added) => "likely renamed from",
            (Mode::Change, _) => "likely renamed to",
            (Mode::Sync, ChangeKind::Added) => "likely what istiod calls",
            (Mode::Sync, _) => "likely what envoy calls",
        };
        let line = Line::new(indent + 4).with(Ink::Plain, said);
        let name = (Ink::Plain, escape::name(name, style));
        page.flow(line, " ", [name], indent + 6)?;
    }
    let reasons: BTreeSet<&str> = entry
        .changes
        .iter()
        .filter_map(|change| change.reason.as_deref())
        .collect();
    // What istiod alone has, Envoy never ran.
    let rejected = match (mode, whole) {
        (Mode::Sync, None) => "rejected by Envoy, which still runs what it had:",
        _ => "rejected by Envoy:",
    };
    for reason in reasons {
        let line = Line::new(indent + 4).with(Ink::Warning, rejected);
        let reason = escape::sentence(reason, style);
        page.sentence(line, Ink::Plain, &reason, indent + 6)?;
    }
    if let Some(does) = entry.changes.iter().find_map(|change| stand_in(change)) {
        let line =
            Line::new(indent + 4).with(Ink::Warning, "the agent could not fetch the Wasm code:");
        page.sentence(line, Ink::Plain, does, indent + 6)?;
    }
    match (whole, value) {
        (None, _) => {
            let changes: Vec<&Change> = entry.changes.iter().map(AsRef::as_ref).collect();
            change::tree(page, mode, &changes, indent + 4)
        }
        (Some(kind), Some(value)) if style.full => {
            change::value(page, Ink::of(kind), value, indent + 4)
        }
        (Some(kind), Some(value)) if key.xds_type == XdsType::Secret => {
            change::certificates(page, Ink::of(kind), value, indent + 4)
        }
        _ => Ok(()),
    }
}

/// The name of an entry's resource, or what the names of its resources have in common.
fn key_pattern<'e>(entry: &'e Entry<'_>) -> &'e str {
    match &entry.pattern {
        Some(pattern) => &pattern.text,
        None => &entry.first().resource.name,
    }
}

/// Writes which resources are of one pattern.
fn names(page: &mut Page, pattern: &Pattern, indent: usize) -> io::Result<()> {
    let style = page.style;
    let all = pattern.names.len();
    let (lead, found, most) = match &pattern.varying {
        Some(varying) => ("* is".to_owned(), varying, VARYING),
        None => (format!("{all} of them:"), &pattern.names, FEW),
    };
    let shown = match all <= most + 1 {
        true => all,
        false => most,
    };
    let mut names: Vec<String> = found[..shown]
        .iter()
        .map(|name| match *name {
            "" => "(nothing)".to_owned(),
            name => escape::name(name, style),
        })
        .collect();
    if shown < all {
        names.push(format!("and {} more (--full)", all - shown));
    }
    let names = joined(names).into_iter().map(|name| (Ink::Faint, name));
    page.flow(
        Line::new(indent).with(Ink::Faint, lead),
        " ",
        names,
        indent + 2,
    )
}

/// What Envoy does in the place of a Wasm extension whose code is missing.
fn stand_in(change: &Change) -> Option<&'static str> {
    if change.class != Some(Class::WasmStandIn) {
        return None;
    }
    let prefix = change.after.as_ref()?.get("rules_stat_prefix")?.as_str()?;
    Some(match prefix.ends_with("allow") {
        true => "Envoy lets every request pass without it",
        false => "Envoy denies every request",
    })
}

/// When, to the second: without the day where that is the one of the capture.
fn since(updated: &str, captured: Option<&str>) -> String {
    let Ok(time) = updated.parse::<Timestamp>() else {
        return updated.to_owned();
    };
    let day = |time: Timestamp| time.strftime("%Y-%m-%d").to_string();
    match captured.and_then(|captured| captured.parse::<Timestamp>().ok()) {
        Some(captured) if day(captured) == day(time) => time.strftime("%H:%M:%SZ").to_string(),
        _ => seconds(updated),
    }
}

/// An RFC 3339 time in UTC, without fractions; any other text as it is.
pub(in crate::render) fn seconds(text: &str) -> String {
    match text.parse::<Timestamp>() {
        Ok(time) => time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        Err(_) => text.to_owned(),
    }
}

/// Writes how many resources are not shown, by type.
fn rest(page: &mut Page, mode: Mode, entries: &[&Entry], indent: usize) -> io::Result<()> {
    #[derive(Default)]
    struct Counts<'a> {
        changed: usize,
        added: usize,
        removed: usize,
        proxies: BTreeSet<&'a ProxyId>,
    }
    let mut types: BTreeMap<&XdsType, Counts> = BTreeMap::new();
    let mut all = 0;
    for entry in entries {
        let counts = types.entry(&entry.first().resource.xds_type).or_default();
        let resources = entry.resources();
        all += resources;
        match entry.whole() {
            Some(ChangeKind::Added) => counts.added += resources,
            Some(ChangeKind::Removed) => counts.removed += resources,
            _ => counts.changed += resources,
        }
        counts.proxies.extend(&entry.proxies);
    }
    let what = count(all, "more resource differs", "more resources differ");
    page.folded(indent, &what)?;
    let longest = types.keys().map(|xds_type| xds_type.as_str().len());
    // A section that is not known can be called anything.
    let longest = longest.max().unwrap_or(0).min(40);
    let [added, removed] = lone_words(mode);
    for (xds_type, counts) in types {
        let mut parts = Vec::new();
        for (number, word) in [
            (counts.changed, "changed"),
            (counts.added, added),
            (counts.removed, removed),
        ] {
            if number > 0 {
                parts.push(format!("{number} {word}"));
            }
        }
        let proxies = count(counts.proxies.len(), "proxy", "proxies");
        let xds_type = escape::name(xds_type.as_str(), page.style);
        let text = format!("{xds_type:longest$}  {} on {proxies}", parts.join(", "));
        page.line(Line::new(indent + 4).with(Ink::Plain, text))?;
    }
    Ok(())
}
