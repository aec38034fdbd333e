//! Changes, resource by resource, below the proxies that have them.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use jiff::Timestamp;

use super::{
    change,
    hint::hint,
    lone_words,
    page::{Ink, Line, Page, count},
    why,
};
use crate::{
    diff::{Change, ChangeKind, Class, Compared, Mode, renames},
    model::{Path, ProxyId, ResourceKey, XdsType},
    normalize::Value,
    render::{Style, escape},
};

/// Proxies that are named where several have the same changes.
const PROXIES: usize = 2;

/// Writes `changes`, at most `limit` resources of them, indented by `indent`.
///
/// What several proxies have alike is written once. `captured` is when *after* was: the day needs no words then.
pub(super) fn listing(
    page: &mut Page,
    mode: Mode,
    changes: &[&Change],
    captured: Option<&str>,
    limit: usize,
    indent: usize,
) -> io::Result<()> {
    let entries = entries(changes);
    let shown = match entries.len() {
        all if page.style.full || all <= limit => all,
        _ => limit,
    };
    for (i, block) in blocks(&entries[..shown]).into_iter().enumerate() {
        if i > 0 {
            page.gap()?;
        }
        heading(page, block[0], indent)?;
        for entry in block {
            resource(page, mode, entry, captured, indent + 2)?;
        }
    }
    if shown < entries.len() {
        page.gap()?;
        rest(page, mode, &entries[shown..], indent)?;
    }
    Ok(())
}

/// The changes of one resource, and the proxies on which they are the same.
struct Entry<'a> {
    changes: &'a [&'a Change],
    proxies: Vec<&'a ProxyId>,
    /// The name that the resource likely has on the other side.
    other_name: Option<&'a str>,
    /// When Envoy updated the resource, where all proxies agree.
    updated: Option<&'a str>,
}

impl<'a> Entry<'a> {
    fn first(&self) -> &'a Change {
        self.changes[0]
    }

    /// Whether the resource as a whole came or went.
    fn whole(&self) -> Option<ChangeKind> {
        match self.changes {
            [only] if only.path.0.is_empty() => match only.kind {
                ChangeKind::Added | ChangeKind::Removed => Some(only.kind),
                _ => None,
            },
            _ => None,
        }
    }
}

/// All of a change that the proxies which share it have in common.
type Content<'a> = (
    ChangeKind,
    &'a Path,
    Option<&'a Path>,
    Option<&'a Value>,
    Option<&'a Value>,
    Option<&'a str>,
    Option<&'a str>,
    Vec<String>,
);

fn content(change: &Change) -> Content<'_> {
    (
        change.kind,
        &change.path,
        change.before_path.as_ref(),
        change.before.as_ref(),
        change.after.as_ref(),
        change.reason.as_deref(),
        change.class.map(Class::as_str),
        // Any style will do to tell two apart.
        why::pairings(change, Style::default()),
    )
}

/// Groups changes by resource, and equal groups of several proxies into one, in order of first appearance.
fn entries<'a>(changes: &'a [&'a Change]) -> Vec<Entry<'a>> {
    let mut entries: Vec<Entry> = Vec::new();
    type Alike<'a> = (Compared, &'a ResourceKey, Option<&'a str>, Vec<Content<'a>>);
    let mut index: BTreeMap<Alike, usize> = BTreeMap::new();
    let mut names = renames(changes).into_iter();
    let same_resource = |a: &&Change, b: &&Change| {
        (&a.proxy, a.source, &a.resource) == (&b.proxy, b.source, &b.resource)
    };
    for group in changes.chunk_by(same_resource) {
        let first = group[0];
        let updated = group.iter().find_map(|change| change.updated.as_deref());
        let other_name = names.by_ref().take(group.len()).fold(None, Option::or);
        let key = (
            first.source,
            &first.resource,
            other_name,
            group.iter().map(|change| content(change)).collect(),
        );
        let at = *index.entry(key).or_insert(entries.len());
        match entries.get_mut(at) {
            Some(entry) => {
                entry.proxies.push(&first.proxy);
                if entry.updated != updated {
                    entry.updated = None;
                }
            }
            None => entries.push(Entry {
                changes: group,
                proxies: vec![&first.proxy],
                other_name,
                updated,
            }),
        }
    }
    entries
}

/// The entries that share a heading, in order of first appearance.
fn blocks<'e, 'a>(entries: &'e [Entry<'a>]) -> Vec<Vec<&'e Entry<'a>>> {
    let mut blocks: Vec<Vec<&Entry>> = Vec::new();
    let mut index: BTreeMap<(&[&ProxyId], Compared), usize> = BTreeMap::new();
    for entry in entries {
        let key = (entry.proxies.as_slice(), entry.first().source);
        let at = *index.entry(key).or_insert(blocks.len());
        match blocks.get_mut(at) {
            Some(block) => block.push(entry),
            None => blocks.push(vec![entry]),
        }
    }
    blocks
}

fn heading(page: &mut Page, entry: &Entry, indent: usize) -> io::Result<()> {
    let style = page.style;
    let all = entry.proxies.len();
    let named = match all {
        all if style.full || all <= PROXIES + 1 => all,
        _ => PROXIES,
    };
    let mut pieces: Vec<_> = entry.proxies[..named]
        .iter()
        .enumerate()
        .map(|(i, proxy)| {
            let comma = if i + 1 < all { "," } else { "" };
            (Ink::Heading, escape::name(proxy.as_str(), style) + comma)
        })
        .collect();
    if named < all {
        let more = format!("and {} more proxies (--full)", all - named);
        pieces.push((Ink::Heading, more));
    }
    if entry.first().source == Compared::Istiod {
        pieces.push((Ink::Plain, "(istiod's configuration)".to_owned()));
    }
    if let (Some(before), 1) = (&entry.first().before_proxy, all) {
        let before = escape::name(before.as_str(), style);
        pieces.push((Ink::Faint, format!("(before: {before})")));
    }
    page.flow(Line::new(indent), " ", pieces, indent + 4)
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
    let line = match &*key.name {
        "" => line,
        name => line
            .with(Ink::Plain, " ")
            .with(Ink::Heading, escape::name(name, style)),
    };
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
        (None, _) => change::tree(page, mode, entry.changes, indent + 4),
        (Some(kind), Some(value)) if style.full => {
            change::value(page, Ink::of(kind), value, indent + 4)
        }
        (Some(kind), Some(value)) if key.xds_type == XdsType::Secret => {
            change::certificates(page, Ink::of(kind), value, indent + 4)
        }
        _ => Ok(()),
    }
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
fn rest(page: &mut Page, mode: Mode, entries: &[Entry], indent: usize) -> io::Result<()> {
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
        let resources = entry.proxies.len();
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
