//! The front page of an input, as text and as JSON.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::{
    Style, escape, info_pages,
    layout::{self, Layout},
};
use crate::{
    inspect::{DocumentOverview, FailureOverview, HostsOverview, Overview, PageOverview},
    model::{ProxyId, Source},
};

/// The format of the JSON document.
const FORMAT: &str = "xdsnap.info/v1";

/// How many items of a list are shown.
const MOST: usize = 4;

/// What an input is, holds and lacks; `-o json`.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "xdsnap.info/v1")]
struct Info<'a> {
    /// Always `xdsnap.info/v1`.
    #[schemars(extend("const" = FORMAT))]
    format: &'static str,
    /// The input as it was named.
    input: &'a str,
    /// Absent for what is no bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Bundle")]
    bundle: Option<Bundle<'a>>,
    /// The words of the person who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    note: Option<&'a str>,
    /// Absent for a capture from files.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Span")]
    captured: Option<Span<'a>>,
    /// Whether everything could be read and every checksum holds.
    intact: bool,
    /// What is wrong, a sentence each.
    damage: &'a [String],
    /// Every proxy that the input is about.
    proxies: Vec<Proxy<'a>>,
    /// The istiods that it is from.
    istiods: Vec<Istiod<'a>>,
    /// Every document.
    documents: Vec<Document<'a>>,
    /// Documents that are there and cannot be read: their content is not that of the page.
    unreadable: Vec<Unreadable<'a>>,
    /// What could not be captured.
    failures: Vec<Failure<'a>>,
    /// What was taken out.
    redaction: Redaction<'a>,
    /// The questions that the input cannot answer.
    lacks: Vec<Lack>,
}

/// A bundle.
#[derive(Serialize, JsonSchema)]
struct Bundle<'a> {
    /// The version of its format.
    version: &'a str,
    /// The program that wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    tool: Option<&'a str>,
    /// Its size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    size_bytes: Option<u64>,
}

/// A time span, RFC 3339.
#[derive(Serialize, JsonSchema)]
struct Span<'a> {
    /// The first request.
    start: &'a str,
    /// The last answer.
    end: &'a str,
}

/// A proxy.
#[derive(Serialize, JsonSchema)]
struct Proxy<'a> {
    /// Its ID.
    id: &'a str,
    /// The version of its Envoy.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    envoy_version: Option<&'a str>,
    /// The version of its Istio.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    istio_version: Option<&'a str>,
    /// How its hosts are, by its `/clusters`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Hosts")]
    hosts: Option<Hosts<'a>>,
    /// The updates that it was sent since it started, by its statistics, for each type that was counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<Updates>")]
    updates: Option<Vec<Updates<'a>>>,
    /// Whether it is connected to the control plane, by its statistics.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    connected: Option<bool>,
}

/// How hosts are; one counts once in each cluster that it is in.
#[derive(Serialize, JsonSchema)]
struct Hosts<'a> {
    /// Those that requests go to.
    healthy: u64,
    /// Those that requests go to where too few are healthy.
    degraded: u64,
    /// Those that requests do not go to.
    unhealthy: u64,
    /// Why hosts are not healthy, in Envoy's words (`failed_outlier_check`), and how many; one may have several reasons.
    reasons: &'a BTreeMap<String, u64>,
    /// The clusters with hosts that are not healthy, and how many.
    clusters: &'a BTreeMap<String, u64>,
}

/// Updates of one type, whole responses each.
#[derive(Serialize, JsonSchema)]
struct Updates<'a> {
    /// The type: `cluster`, `listener`, …
    #[serde(rename = "type")]
    xds_type: &'a str,
    /// Those that were taken.
    accepted: u64,
    /// Those that were rejected, if only for one resource in them.
    rejected: u64,
}

/// A document that cannot be read.
#[derive(Serialize, JsonSchema)]
struct Unreadable<'a> {
    /// Its path in a bundle.
    path: &'a str,
    /// Why, in a sentence.
    reason: &'a str,
}

/// An istiod.
#[derive(Serialize, JsonSchema)]
struct Istiod<'a> {
    /// Its name, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    name: Option<&'a str>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    version: Option<&'a str>,
}

/// A document.
#[derive(Serialize, JsonSchema)]
struct Document<'a> {
    /// Its path in a bundle.
    path: &'a str,
    /// Its size in bytes; absent if it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    size_bytes: Option<u64>,
    /// Where it came from: a URL or the name of a file.
    origin: &'a str,
    /// When it was asked for: RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    requested: Option<&'a str>,
    /// How many values were taken out of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    redacted: Option<u64>,
}

/// Something that could not be captured.
#[derive(Serialize, JsonSchema)]
struct Failure<'a> {
    /// What: source, proxy, document and part.
    what: &'a str,
    /// Where it would have come from.
    origin: &'a str,
    /// When it was asked for: RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    time: Option<&'a str>,
    /// The HTTP status, if there was an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u16")]
    status: Option<u16>,
    /// Why, in a sentence.
    reason: &'a str,
}

/// What was taken out.
#[derive(Serialize, JsonSchema)]
struct Redaction<'a> {
    /// The names of the rules.
    rules: &'a [String],
    /// How many values were taken out.
    values: u64,
}

/// A question that the input cannot answer.
#[derive(Serialize, JsonSchema)]
struct Lack {
    /// The question.
    question: &'static str,
    /// For how many proxies.
    proxies: usize,
    /// How to capture it.
    remedy: &'static str,
}

impl<'a> From<&'a Overview> for Info<'a> {
    fn from(overview: &'a Overview) -> Self {
        let mut pages: BTreeMap<&ProxyId, Vec<&PageOverview>> = BTreeMap::new();
        for (proxy, page) in overview.pages() {
            pages.entry(proxy).or_default().push(page);
        }
        Self {
            format: FORMAT,
            input: &overview.label,
            bundle: overview.format.as_deref().map(|version| Bundle {
                version,
                tool: overview.tool.as_deref(),
                size_bytes: overview.size_bytes,
            }),
            note: overview.note.as_deref(),
            captured: overview
                .captured
                .as_ref()
                .map(|(start, end)| Span { start, end }),
            intact: overview.damage.is_empty(),
            damage: &overview.damage,
            proxies: overview
                .proxies
                .iter()
                .map(|proxy| {
                    let mut written = Proxy {
                        id: proxy.id.as_str(),
                        envoy_version: proxy.envoy_version.as_deref(),
                        istio_version: proxy.istio_version.as_deref(),
                        hosts: None,
                        updates: None,
                        connected: None,
                    };
                    for page in pages.get(&proxy.id).into_iter().flatten() {
                        written.tell(page);
                    }
                    written
                })
                .collect(),
            unreadable: overview
                .unreadable()
                .map(|(path, reason)| Unreadable { path, reason })
                .collect(),
            istiods: overview
                .istiods
                .iter()
                .map(|istiod| Istiod {
                    name: istiod.name.as_deref(),
                    version: istiod.version.as_deref(),
                })
                .collect(),
            documents: overview
                .documents
                .iter()
                .map(|document| Document {
                    path: &document.path,
                    size_bytes: document.size_bytes,
                    origin: &document.origin,
                    requested: document.requested.as_deref(),
                    redacted: document.redacted,
                })
                .collect(),
            failures: overview
                .failures
                .iter()
                .map(|failure| Failure {
                    what: &failure.what,
                    origin: &failure.origin,
                    time: failure.time.as_deref(),
                    status: failure.status,
                    reason: &failure.reason,
                })
                .collect(),
            redaction: Redaction {
                rules: &overview.redaction_rules,
                values: overview.redacted,
            },
            lacks: overview
                .lacks()
                .into_iter()
                .map(|lack| Lack {
                    question: lack.question,
                    proxies: lack.proxies,
                    remedy: lack.remedy,
                })
                .collect(),
        }
    }
}

impl<'a> Proxy<'a> {
    /// Takes over what one of its pages says.
    fn tell(&mut self, page: &'a PageOverview) {
        match page {
            PageOverview::Hosts(HostsOverview {
                healthy,
                degraded,
                unhealthy,
                reasons,
                clusters,
            }) => {
                self.hosts = Some(Hosts {
                    healthy: *healthy,
                    degraded: *degraded,
                    unhealthy: *unhealthy,
                    reasons,
                    clusters,
                });
            }
            PageOverview::Stats(stats) => {
                self.connected = stats.connected;
                let updates = stats.updates.iter();
                let updates = updates.map(|(xds_type, counts)| Updates {
                    xds_type: xds_type.as_str(),
                    accepted: counts.accepted,
                    rejected: counts.rejected,
                });
                self.updates = Some(updates.collect());
            }
            PageOverview::Silent | PageOverview::Unreadable(_) => {}
        }
    }
}

/// The JSON Schema of the document.
pub fn schema() -> Schema {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Info<'static>>()
}

/// Writes the front page as JSON.
///
/// # Errors
///
/// Where `out` fails.
pub fn info_json(out: &mut dyn Write, overview: &Overview) -> io::Result<()> {
    layout::write(out, &Info::from(overview), Layout::pretty())?;
    out.write_all(b"\n")
}

/// Writes the front page as text: in at most 24 lines, unless `style.full`.
///
/// # Errors
///
/// Where `out` fails.
pub fn info(out: &mut dyn Write, overview: &Overview, style: Style) -> io::Result<()> {
    let mut page = Page {
        style,
        fields: Vec::new(),
    };
    if let Some(note) = &overview.note {
        page.line("note", note);
    }
    match &overview.format {
        Some(version) => {
            let size = overview
                .size_bytes
                .map_or(String::new(), |b| format!("  {}", size(b)));
            let tool = overview
                .tool
                .as_deref()
                .map_or(String::new(), |tool| format!("  by {tool}"));
            let label = &overview.label;
            page.line("bundle", &format!("{label}{size}  format {version}{tool}"));
        }
        None => page.line("input", &overview.label),
    }
    match &overview.damage[..] {
        [] => {
            let checked = match overview.format.is_some() {
                true => ", every checksum holds",
                false => "",
            };
            let documents = count(overview.documents.len() as u64, "document", "documents");
            page.line("intact", &format!("{documents}, all read{checked}"));
        }
        damage => page.list("DAMAGED", damage),
    }
    match &overview.captured {
        Some((start, end)) => page.line("captured", &format!("{start} to {end}")),
        None => page.line("captured", "from files, at no known time"),
    }
    let found = overview.proxies.len();
    let of = |source| format!("{} of {found}", overview.dumps(source));
    let ids: Vec<&str> = overview
        .proxies
        .iter()
        .map(|proxy| proxy.id.as_str())
        .collect();
    page.line(
        "proxies",
        &format!(
            "Envoy's dump of {}, istiod's of {}",
            of(Source::Envoy),
            of(Source::Istiod)
        ),
    );
    page.list("", &ids);
    let versions = versions(overview);
    if !versions.is_empty() {
        page.line("versions", &versions);
    }
    page.list("hosts", &info_pages::hosts(overview));
    page.list("updates", &info_pages::updates(overview, style));
    let unreadable: Vec<String> = overview
        .unreadable()
        .map(|(path, reason)| format!("{path}: {reason}"))
        .collect();
    page.list("unread", &unreadable);
    page.list("failed", &failed(overview));
    if overview.format.is_some() {
        page.line("redacted", &count(overview.redacted, "value", "values"));
    }
    let lacks: Vec<String> = overview
        .lacks()
        .iter()
        .map(|lack| match lack.proxies == found {
            true => format!("{} {}", lack.question, lack.remedy),
            false => format!(
                "{} for {} of {found} proxies; {}",
                lack.question, lack.proxies, lack.remedy
            ),
        })
        .collect();
    match &lacks[..] {
        [] => page.line("lacks", "nothing that xdsnap captures"),
        lacks => page.list("lacks", lacks),
    }
    page.write(out)
}

/// What could not be captured; what failed for one reason, in one item.
fn failed(overview: &Overview) -> Vec<String> {
    let mut groups: Vec<(&FailureOverview, usize)> = Vec::new();
    for failure in &overview.failures {
        match groups
            .iter_mut()
            .find(|(first, _)| first.reason == failure.reason)
        {
            Some((_, more)) => *more += 1,
            None => groups.push((failure, 0)),
        }
    }
    groups
        .into_iter()
        .map(|(failure, more)| {
            let more = match more {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let FailureOverview {
                what,
                origin,
                reason,
                ..
            } = failure;
            format!("{what} ({origin}){more}: {reason}")
        })
        .collect()
}

/// Writes a line for each document.
///
/// # Errors
///
/// Where `out` fails.
pub fn info_members(out: &mut dyn Write, overview: &Overview, style: Style) -> io::Result<()> {
    let width = overview
        .documents
        .iter()
        .map(|document| document.path.len())
        .max()
        .unwrap_or(0);
    for DocumentOverview {
        path,
        size_bytes,
        origin,
        requested,
        redacted,
        ..
    } in &overview.documents
    {
        let size = size_bytes.map_or_else(|| "damaged".to_owned(), |bytes| bytes.to_string());
        let mut line = format!("{path:width$}  {size:>10}");
        if let Some(redacted) = redacted {
            line.push_str(&format!("  {redacted} redacted"));
        }
        if let Some(requested) = requested {
            line.push_str(&format!("  {requested}"));
        }
        line.push_str(&format!("  {origin}"));
        writeln!(out, "{}", escape::sentence(&line, style))?;
    }
    Ok(())
}

/// The versions in an input, each once.
fn versions(overview: &Overview) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut add = |name: &str, version: &Option<String>| {
        if let Some(version) = version {
            let word = format!("{name} {version}");
            if !words.contains(&word) {
                words.push(word);
            }
        }
    };
    overview
        .istiods
        .iter()
        .for_each(|istiod| add("istiod", &istiod.version));
    overview
        .proxies
        .iter()
        .for_each(|proxy| add("istio", &proxy.istio_version));
    overview
        .proxies
        .iter()
        .for_each(|proxy| add("envoy", &proxy.envoy_version));
    words.join(", ")
}

/// A size as a person reads it: `154.4 KB`, in powers of ten.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = "bytes";
    for next in UNITS {
        if value < 1000.0 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    match unit {
        "bytes" => format!("{bytes} bytes"),
        _ => format!("{value:.1} {unit}"),
    }
}

pub(super) fn count(number: u64, one: &str, many: &str) -> String {
    let noun = if number == 1 { one } else { many };
    format!("{number} {noun}")
}

/// The columns before the text of a field.
const INDENT: usize = 10;

/// How many lines the page has.
const LINES: usize = 24;

/// How many lines an item may take.
const ITEM_LINES: usize = 3;

/// The front page in the making.
struct Page {
    style: Style,
    fields: Vec<Field>,
}

/// A name, and what stands beside it.
struct Field {
    name: &'static str,
    /// The lines of each item.
    items: Vec<Vec<String>>,
    /// How many items are shown.
    shown: usize,
}

impl Field {
    fn lines(&self) -> usize {
        let items = self.items[..self.shown].iter().map(Vec::len).sum::<usize>();
        items + usize::from(self.shown < self.items.len())
    }
}

impl Page {
    fn line(&mut self, name: &'static str, text: &str) {
        self.list(name, &[text]);
    }

    fn list(&mut self, name: &'static str, items: &[impl AsRef<str>]) {
        let items: Vec<_> = items.iter().map(|item| self.wrap(item.as_ref())).collect();
        let shown = match self.style.full || items.len() <= MOST {
            true => items.len(),
            false => MOST - 1,
        };
        self.fields.push(Field { name, items, shown });
    }

    /// The lines of an item, broken between words.
    fn wrap(&self, text: &str) -> Vec<String> {
        let width = self.style.width.saturating_sub(INDENT);
        let text = escape::sentence(text, self.style);
        let mut lines: Vec<String> = Vec::new();
        for word in text.split(' ') {
            match lines.last_mut() {
                Some(line) if line.width() + 1 + word.width() <= width => {
                    line.push(' ');
                    line.push_str(word);
                }
                Some(_) => lines.push(format!("  {word}")),
                None => lines.push(word.to_owned()),
            }
        }
        if lines.len() > ITEM_LINES && !self.style.full {
            lines.truncate(ITEM_LINES);
            lines[ITEM_LINES - 1].push_str(self.style.ellipsis());
        }
        lines
    }

    /// Writes the fields, shortened until they fit.
    fn write(mut self, out: &mut dyn Write) -> io::Result<()> {
        while !self.style.full && self.fields.iter().map(Field::lines).sum::<usize>() > LINES {
            let longest = self.fields.iter_mut().filter(|field| field.shown > 1);
            match longest.max_by_key(|field| field.lines()) {
                // Where one item goes, a line that says so comes: the second one makes room.
                Some(field) => field.shown -= 1,
                None => break,
            }
        }
        for field in &self.fields {
            let mut name = field.name;
            for line in field.items[..field.shown].iter().flatten() {
                writeln!(out, "{}", format!("{name:INDENT$}{line}").trim_end())?;
                name = "";
            }
            match field.items.len() - field.shown {
                0 => {}
                more => {
                    let ellipsis = self.style.ellipsis();
                    writeln!(out, "{name:INDENT$}{ellipsis} {more} more (--full)")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
use crate::inspect::ProxyOverview;

#[test]
fn the_page_has_at_most_24_lines_of_80_columns() {
    let words = |word: &str, number: usize| vec![word; number].join(" ");
    let id = |i: usize| crate::model::ProxyId::new(format!("{}-{i}.shop", "x".repeat(50)));
    let failure = |i: usize| FailureOverview {
        what: format!("envoy {}.shop config_dump", "x".repeat(50)),
        origin: "http://127.0.0.1:15000/config_dump?include_eds".to_owned(),
        time: None,
        status: None,
        reason: format!("{i}: {}", words("Failed", 60)),
    };
    let overview = Overview {
        label: format!("{}.xdsnap", "x".repeat(60)),
        format: Some("1".to_owned()),
        tool: Some("xdsnap 1.0.0".to_owned()),
        note: Some(words("note", 200)),
        proxies: (0..1000)
            .map(|i| ProxyOverview {
                id: id(i).unwrap(),
                envoy_version: Some(format!("1.{i}.0")),
                istio_version: None,
            })
            .collect(),
        failures: (0..30).map(failure).collect(),
        damage: (0..30).map(|_| words("damaged", 60)).collect(),
        ..Overview::default()
    };
    for ascii in [false, true] {
        let style = Style {
            ascii,
            ..Style::default()
        };
        let mut out = Vec::new();
        info(&mut out, &overview, style).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().count() <= LINES, "{text}");
        assert!(text.lines().all(|line| line.width() <= 83), "{text}");
        assert!(text.starts_with("note      note note"), "{text}");
        assert_eq!(text.is_ascii(), ascii);
    }
    let full = Style {
        full: true,
        ..Style::default()
    };
    let mut out = Vec::new();
    info(&mut out, &overview, full).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.contains("-999.shop\n") && text.contains("include_eds): 29:"),
        "{text}"
    );
}
