//! What Envoy updated since a time, as text, as lines and as JSON.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;

use super::{
    Side, Style, escape,
    head::{field, head, warnings},
    json::{Header, STATES},
    layout::{self, Layout},
    page::{Ink, Line, Page, count},
    status::heading,
    table::Table,
    text::{items, seconds, title},
};
use crate::{
    diff::Cause,
    inspect::{STATUS_TYPES, Unknown, Updated, UpdatedResource, envoy_time},
    model::{ProxyId, ResourceKey, XdsType},
};

/// The format of the JSON document.
const FORMAT: &str = "xdsnap.updated/v1";

/// Resources that are shown.
const RESOURCES: usize = 40;

/// Writes what was updated as text.
///
/// # Errors
///
/// Where `out` fails.
pub fn updated(
    out: &mut dyn Write,
    updated: &Updated,
    input: &Side,
    style: Style,
) -> io::Result<()> {
    let page = &mut Page::new(out, style);
    warnings(page, &updated.warnings)?;
    head(page, "envoy", input)?;
    field(page, "since", &envoy_time(updated.since))?;
    listing(page, &updated.updated)?;
    unknown(page, updated)?;
    page.gap()?;
    summary(page, updated)
}

/// Writes a line for each resource that was updated: proxy, type, name, state, time.
///
/// # Errors
///
/// Where `out` fails.
pub fn updated_lines(out: &mut dyn Write, updated: &Updated, style: Style) -> io::Result<()> {
    for resource in &updated.updated {
        let mut words = vec![escape::name(resource.proxy.as_str(), style)];
        words.extend(words_of(&resource.key, style));
        words.push(escape::name(&resource.updated, style));
        writeln!(out, "{}", words.join(" "))?;
    }
    Ok(())
}

/// Writes a row for each proxy: how many resources of each type were updated, and the latest time.
///
/// # Errors
///
/// Where `out` fails.
pub fn updated_table(
    out: &mut dyn Write,
    updated: &Updated,
    input: &Side,
    style: Style,
) -> io::Result<()> {
    let page = &mut Page::new(out, style);
    warnings(page, &updated.warnings)?;
    head(page, "envoy", input)?;
    field(page, "since", &envoy_time(updated.since))?;
    if !updated.judged.is_empty() {
        page.gap()?;
        table(updated, style).write(page, 0)?;
    }
    unknown(page, updated)?;
    page.gap()?;
    summary(page, updated)
}

fn table(updated: &Updated, style: Style) -> Table {
    let mut types: Vec<&XdsType> = STATUS_TYPES.iter().collect();
    let mut counts: BTreeMap<(&ProxyId, &XdsType), usize> = BTreeMap::new();
    let mut newest: BTreeMap<&ProxyId, &UpdatedResource> = BTreeMap::new();
    for resource in &updated.updated {
        let xds_type = &resource.key.xds_type;
        if !types.contains(&xds_type) {
            types.push(xds_type);
        }
        *counts.entry((&resource.proxy, xds_type)).or_default() += 1;
        let latest = newest.entry(&resource.proxy).or_insert(resource);
        if resource.time() > latest.time() {
            *latest = resource;
        }
    }
    let timeless: BTreeSet<(&ProxyId, Option<&XdsType>)> = updated
        .unknown
        .iter()
        .map(|unknown| (&unknown.proxy, unknown.xds_type.as_ref()))
        .collect();
    let mut headings = vec!["PROXY".to_owned()];
    headings.extend(types.iter().map(|xds_type| heading(xds_type, style)));
    headings.push("NEWEST".to_owned());
    let mut table = Table::new(headings, 0);
    for proxy in &updated.judged {
        let mut row = vec![(Ink::Plain, escape::name(proxy.as_str(), style))];
        row.extend(
            types
                .iter()
                .map(|xds_type| match counts.get(&(proxy, *xds_type)) {
                    Some(number) => (Ink::Plain, number.to_string()),
                    None if timeless.contains(&(proxy, Some(xds_type))) => {
                        (Ink::Faint, "?".to_owned())
                    }
                    None => (Ink::Plain, "0".to_owned()),
                }),
        );
        let newest = newest.get(proxy).map(|resource| seconds(&resource.updated));
        let newest = newest.map(|time| escape::name(&time, style));
        row.push((Ink::Plain, newest.unwrap_or_default()));
        table.row(row);
    }
    table
}

/// Writes the last line.
fn summary(page: &mut Page, updated: &Updated) -> io::Result<()> {
    let line = format!(
        "{} of {} judged, {}: {} updated",
        updated.judged.len(),
        count(updated.proxies_found, "proxy", "proxies"),
        count(updated.resources, "resource", "resources"),
        updated.updated.len()
    );
    page.line(Line::new(0).with(Ink::Heading, line))
}

/// What names a resource.
fn words_of(key: &ResourceKey, style: Style) -> Vec<String> {
    let mut words = vec![escape::name(key.xds_type.as_str(), style)];
    if !key.name.is_empty() {
        words.push(escape::name(&key.name, style));
    }
    words.extend(key.state.map(|state| state.as_str().to_owned()));
    if key.occurrence > 0 {
        words.push(format!("#{}", key.occurrence));
    }
    words
}

/// Writes the resources below their proxies.
fn listing(page: &mut Page, all: &[UpdatedResource]) -> io::Result<()> {
    let style = page.style;
    let shown = match style.full {
        true => all.len(),
        false => all.len().min(RESOURCES),
    };
    for of_proxy in all[..shown].chunk_by(|a, b| a.proxy == b.proxy) {
        page.gap()?;
        let proxy = escape::name(of_proxy[0].proxy.as_str(), style);
        page.line(Line::new(0).with(Ink::Heading, proxy))?;
        for resource in of_proxy {
            let mut words = words_of(&resource.key, style).into_iter();
            let mut line = Line::new(2).with(Ink::Plain, words.next().unwrap_or_default());
            if !resource.key.name.is_empty() {
                let name = words.next().unwrap_or_default();
                line = line.with(Ink::Plain, " ").with(Ink::Plain, name);
            }
            let time = escape::name(&resource.updated, style);
            let pieces = words.map(|word| (Ink::Plain, word));
            page.flow(line, "  ", pieces.chain([(Ink::Faint, time)]), 6)?;
        }
    }
    if shown < all.len() {
        page.gap()?;
        rest(page, &all[shown..])?;
    }
    Ok(())
}

/// Writes how many resources are not shown, by type.
fn rest(page: &mut Page, rest: &[UpdatedResource]) -> io::Result<()> {
    let mut types: BTreeMap<&XdsType, (usize, BTreeSet<&str>)> = BTreeMap::new();
    for resource in rest {
        let (number, proxies) = types.entry(&resource.key.xds_type).or_default();
        *number += 1;
        proxies.insert(resource.proxy.as_str());
    }
    page.folded(0, &count(rest.len(), "more resource", "more resources"))?;
    for (xds_type, (number, proxies)) in types {
        let xds_type = escape::name(xds_type.as_str(), page.style);
        let proxies = count(proxies.len(), "proxy", "proxies");
        let text = format!("{xds_type}: {number} on {proxies}");
        page.line(Line::new(4).with(Ink::Plain, text))?;
    }
    Ok(())
}

/// Writes what could not be judged: one by one what could have been, and by type what never can.
fn unknown(page: &mut Page, updated: &Updated) -> io::Result<()> {
    let style = page.style;
    let of_cause = |cause| {
        updated
            .unknown
            .iter()
            .filter(move |unknown| unknown.cause == cause)
    };
    let missing: Vec<&Unknown> = of_cause(Cause::Missing).collect();
    if !missing.is_empty() {
        title(page, "not known, but should be:")?;
        items(page, missing, "more", |page, unknown| {
            let mut subject = escape::name(unknown.proxy.as_str(), style);
            if let Some(xds_type) = &unknown.xds_type {
                subject.push(' ');
                subject.push_str(&escape::name(xds_type.as_str(), style));
            }
            let line = Line::new(2).with(Ink::Plain, subject + ":");
            page.sentence(
                line,
                Ink::Plain,
                &escape::sentence(&unknown.reason, style),
                6,
            )
        })?;
    }
    let mut inherent: BTreeMap<(&XdsType, &str), (usize, usize)> = BTreeMap::new();
    for unknown in of_cause(Cause::Inherent) {
        if let Some(xds_type) = &unknown.xds_type {
            let (resources, proxies) = inherent.entry((xds_type, &unknown.reason)).or_default();
            *resources += unknown.resources.unwrap_or(0);
            *proxies += 1;
        }
    }
    if !inherent.is_empty() {
        title(page, "cannot be told:")?;
        let lines: Vec<_> = inherent.into_iter().collect();
        items(
            page,
            lines,
            "more",
            |page, ((xds_type, reason), (resources, proxies))| {
                let lead = format!(
                    "{} on {}:",
                    of_type(resources, xds_type, style),
                    count(proxies, "proxy", "proxies")
                );
                let line = Line::new(2).with(Ink::Plain, lead);
                page.sentence(line, Ink::Plain, &escape::sentence(reason, style), 6)
            },
        )?;
    }
    Ok(())
}

/// `1 endpoint`, `2 endpoints`; a name that is not xdsnap's own stays as it is.
fn of_type(number: usize, xds_type: &XdsType, style: Style) -> String {
    let name = escape::name(xds_type.as_str(), style);
    match xds_type {
        XdsType::Other(_) => format!("{} of {name}", count(number, "resource", "resources")),
        _ => count(number, &name, &format!("{name}s")),
    }
}

/// Writes what was updated as one JSON document.
///
/// # Errors
///
/// Where `out` fails.
pub fn updated_json(out: &mut dyn Write, updated: &Updated, input: &Side) -> io::Result<()> {
    layout::write(out, &Document::new(updated, input), Layout::item_per_line())?;
    out.write_all(b"\n")
}

/// The JSON Schema of what [`updated_json`] writes.
pub fn schema() -> Schema {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Document<'static>>()
}

/// What Envoy updated since a time.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "xdsnap.updated/v1")]
struct Document<'a> {
    /// The name and major version of this format. A minor version only adds fields.
    #[schemars(extend("const" = FORMAT))]
    format: &'static str,
    /// What was looked at.
    input: Header<'a>,
    /// Since when, inclusive: RFC 3339, in UTC.
    since: String,
    /// Counts.
    summary: Summary,
    /// What Envoy updated, in byte order of proxy, type, name, state and occurrence.
    updated: Vec<Resource<'a>>,
    /// Of what nothing tells whether it was updated.
    unknown: Vec<NotKnown<'a>>,
    /// What to know before believing the result, a sentence each.
    warnings: &'a [String],
}

/// Counts.
#[derive(Serialize, JsonSchema)]
struct Summary {
    /// Proxies that could be judged.
    proxies: usize,
    /// Resources that could be judged.
    resources: usize,
    /// The length of `updated`.
    updated: usize,
    /// The length of `unknown`.
    unknown: usize,
}

/// A resource that Envoy updated.
#[derive(Serialize, JsonSchema)]
struct Resource<'a> {
    /// The proxy.
    proxy: &'a str,
    /// The xDS type, or the full message name of a section that is not known.
    r#type: &'a str,
    /// The resource's name; empty for the bootstrap.
    name: &'a str,
    /// The state in which the dump lists the resource; absent where dumps tell none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("enum" = STATES))]
    state: Option<&'static str>,
    /// The resource's number among those of the same type, name and state; absent for the first, 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32", range(min = 1))]
    occurrence: Option<u32>,
    /// When, as Envoy printed it; of a rejected resource, when it last tried to.
    updated: &'a str,
}

/// Resources of which nothing tells whether they were updated.
#[derive(Serialize, JsonSchema)]
struct NotKnown<'a> {
    /// The proxy.
    proxy: &'a str,
    /// Their type; absent where all resources of the proxy are meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    r#type: Option<&'a str>,
    /// How many they are, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "usize")]
    resources: Option<usize>,
    /// When the proxy's Envoy started, where it is younger than `since`: RFC 3339, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    started: Option<String>,
    /// `inherent`: it never can be told. `missing`: it could have been.
    #[schemars(extend("enum" = ["inherent", "missing"]))]
    cause: &'static str,
    /// Why, in a sentence.
    reason: &'a str,
}

impl<'a> Document<'a> {
    fn new(updated: &'a Updated, input: &'a Side) -> Self {
        Self {
            format: FORMAT,
            input: input.into(),
            since: envoy_time(updated.since),
            summary: Summary {
                proxies: updated.judged.len(),
                resources: updated.resources,
                updated: updated.updated.len(),
                unknown: updated.unknown.len(),
            },
            updated: updated.updated.iter().map(Resource::from).collect(),
            unknown: updated.unknown.iter().map(NotKnown::from).collect(),
            warnings: &updated.warnings,
        }
    }
}

impl<'a> From<&'a UpdatedResource> for Resource<'a> {
    fn from(resource: &'a UpdatedResource) -> Self {
        let key = &resource.key;
        Self {
            proxy: resource.proxy.as_str(),
            r#type: key.xds_type.as_str(),
            name: &key.name,
            state: key.state.map(|state| state.as_str()),
            occurrence: (key.occurrence > 0).then_some(key.occurrence),
            updated: &resource.updated,
        }
    }
}

impl<'a> From<&'a Unknown> for NotKnown<'a> {
    fn from(unknown: &'a Unknown) -> Self {
        Self {
            proxy: unknown.proxy.as_str(),
            r#type: unknown.xds_type.as_ref().map(|xds_type| xds_type.as_str()),
            resources: unknown.resources,
            started: unknown.started.map(envoy_time),
            cause: unknown.cause.as_str(),
            reason: &unknown.reason,
        }
    }
}
