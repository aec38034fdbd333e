//! The resources of proxies, as tables and as JSON.

use std::io::{self, Write};

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;

use super::{
    Side, Style, escape,
    head::{field, head, warnings},
    json::{Header, STATES},
    layout::{self, Layout},
    page::{Ink, Line, Page, count},
    table::Table,
    text::{items, seconds, title},
};
use crate::{
    inspect::{Item, Listing, envoy_time},
    model::ProxyId,
};

/// The format of the JSON document.
const FORMAT: &str = "xdsnap.show/v1";

/// Writes a table for each proxy.
///
/// # Errors
///
/// Where `out` fails.
pub fn show(out: &mut dyn Write, listing: &Listing, input: &Side, style: Style) -> io::Result<()> {
    let page = &mut Page::new(out, style);
    warnings(page, &listing.warnings)?;
    head(page, listing.source.as_str(), input)?;
    if let Some(since) = listing.since {
        field(page, "since", &envoy_time(since))?;
    }
    for listed in &listing.proxies {
        title(page, &escape::name(listed.proxy.as_str(), style))?;
        match listed.items.is_empty() {
            true => page.line(Line::new(2).with(Ink::Faint, "nothing"))?,
            false => table(listing, &listed.items, style).write(page, 2)?,
        }
    }
    if !listing.missing.is_empty() {
        title(page, "not known, but should be:")?;
        let missing = listing.missing.iter().collect();
        items(page, missing, "more", |page, missing| {
            let proxy = escape::name(missing.proxy.as_str(), style);
            let line = Line::new(2).with(Ink::Plain, proxy + ":");
            let reason = escape::sentence(&missing.reason, style);
            page.sentence(line, Ink::Plain, &reason, 6)
        })?;
    }
    page.gap()?;
    let line = format!(
        "{} of {} read, {}",
        listing.proxies.len(),
        count(listing.proxies.len() + unread(listing), "proxy", "proxies"),
        count(listing.resources(), "resource", "resources"),
    );
    page.line(Line::new(0).with(Ink::Heading, line))
}

/// How many proxies are not listed.
fn unread(listing: &Listing) -> usize {
    let is_listed = |proxy: &ProxyId| listing.proxies.iter().any(|listed| listed.proxy == *proxy);
    let missing = listing.missing.iter();
    missing.filter(|missing| !is_listed(&missing.proxy)).count()
}

/// The table of one proxy's resources, with their types where several may be.
fn table(listing: &Listing, items: &[Item], style: Style) -> Table {
    let with_types = listing.xds_type.is_none();
    let headings = ["TYPE", "NAME", "STATE", "UPDATED"].map(str::to_owned);
    let skipped = usize::from(!with_types);
    let mut table = Table::new(headings[skipped..].to_vec(), 1 - skipped);
    for item in items {
        let key = &item.key;
        let mut name = match &*key.name {
            "" => "-".to_owned(),
            name => escape::name(name, style),
        };
        if key.occurrence > 0 {
            name.push_str(&format!(" #{}", key.occurrence));
        }
        let updated = item.updated.as_deref().map(seconds);
        let updated = updated.map(|time| escape::name(&time, style));
        let row = [
            (Ink::Plain, escape::name(key.xds_type.as_str(), style)),
            (Ink::Plain, name),
            (
                Ink::Plain,
                key.state.map_or("", |state| state.as_str()).to_owned(),
            ),
            (Ink::Faint, updated.unwrap_or_default()),
        ];
        table.row(row[skipped..].to_vec());
    }
    table
}

/// Writes the resources as one JSON document.
///
/// # Errors
///
/// Where `out` fails.
pub fn show_json(out: &mut dyn Write, listing: &Listing, input: &Side) -> io::Result<()> {
    layout::write(out, &Document::new(listing, input), Layout::item_per_line())?;
    out.write_all(b"\n")
}

/// The JSON Schema of what [`show_json`] writes.
pub fn schema() -> Schema {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Document<'static>>()
}

/// The resources of proxies.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "xdsnap.show/v1")]
struct Document<'a> {
    /// The name and major version of this format. A minor version only adds fields.
    #[schemars(extend("const" = FORMAT))]
    format: &'static str,
    /// What was looked at.
    input: Header<'a>,
    /// Since when, inclusive: RFC 3339, in UTC; absent where that was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    since: Option<String>,
    /// In byte order of proxy, type, name, state and occurrence.
    resources: Vec<Resource<'a>>,
    /// Dumps, or parts of one, that could not be read.
    missing: Vec<Missing<'a>>,
    /// What to know before believing the result, a sentence each.
    warnings: &'a [String],
}

/// A resource.
#[derive(Serialize, JsonSchema)]
struct Resource<'a> {
    /// The proxy.
    proxy: &'a str,
    /// Who says so.
    #[schemars(extend("enum" = ["envoy", "istiod"]))]
    source: &'static str,
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
    /// When Envoy last updated the resource, as it printed it; of a rejected resource, when it last tried to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    updated: Option<&'a str>,
}

/// A dump, or a part of one, that could not be read.
#[derive(Serialize, JsonSchema)]
struct Missing<'a> {
    /// The proxy.
    proxy: &'a str,
    /// Why, in a sentence.
    reason: &'a str,
}

impl<'a> Document<'a> {
    fn new(listing: &'a Listing, input: &'a Side) -> Self {
        let proxies = listing.proxies.iter();
        let resources = proxies.flat_map(|listed| {
            listed.items.iter().map(|item| Resource {
                proxy: listed.proxy.as_str(),
                source: listing.source.as_str(),
                r#type: item.key.xds_type.as_str(),
                name: &item.key.name,
                state: item.key.state.map(|state| state.as_str()),
                occurrence: (item.key.occurrence > 0).then_some(item.key.occurrence),
                updated: item.updated.as_deref(),
            })
        });
        let missing = listing.missing.iter().map(|missing| Missing {
            proxy: missing.proxy.as_str(),
            reason: &missing.reason,
        });
        Self {
            format: FORMAT,
            input: input.into(),
            since: listing.since.map(envoy_time),
            resources: resources.collect(),
            missing: missing.collect(),
            warnings: &listing.warnings,
        }
    }
}
