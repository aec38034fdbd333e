//! The front page of an input, as text and as JSON.

use std::io::{self, Write};

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;

use super::{
    Style, escape,
    layout::{self, Layout},
};
use crate::{
    inspect::{DocumentOverview, Overview},
    model::Source,
};

/// The format of the JSON document.
const FORMAT: &str = "xdsnap.info/v1";

/// How many failures, damages and lacks are listed; the page has at most 24 lines.
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
                .map(|proxy| Proxy {
                    id: proxy.id.as_str(),
                    envoy_version: proxy.envoy_version.as_deref(),
                    istio_version: proxy.istio_version.as_deref(),
                })
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

/// Writes the front page as text, in at most 24 lines.
///
/// # Errors
///
/// Where `out` fails.
pub fn info(out: &mut dyn Write, overview: &Overview, style: Style) -> io::Result<()> {
    let mut page = Page { out, style };
    if let Some(note) = &overview.note {
        page.line("note", note)?;
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
            page.line(
                "bundle",
                &format!("{}{size}  format {version}{tool}", overview.label),
            )?;
        }
        None => page.line("input", &overview.label)?,
    }
    match &overview.damage[..] {
        [] => {
            let checked = if overview.format.is_some() {
                ", every checksum holds"
            } else {
                ""
            };
            page.line(
                "intact",
                &format!("{} documents, all read{checked}", overview.documents.len()),
            )?;
        }
        damage => page.list("DAMAGED", damage)?,
    }
    match &overview.captured {
        Some((start, end)) => page.line("captured", &format!("{start} to {end}"))?,
        None => page.line("captured", "from files, at no known time")?,
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
    )?;
    page.list("", &ids)?;
    let versions = versions(overview);
    if !versions.is_empty() {
        page.line("versions", &versions)?;
    }
    let failures: Vec<String> = overview
        .failures
        .iter()
        .map(|failure| format!("{} ({}): {}", failure.what, failure.origin, failure.reason))
        .collect();
    match &failures[..] {
        [] => {}
        failures => page.list("failed", failures)?,
    }
    if overview.format.is_some() {
        page.line("redacted", &format!("{} values", overview.redacted))?;
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

struct Page<'a> {
    out: &'a mut dyn Write,
    style: Style,
}

impl Page<'_> {
    fn line(&mut self, name: &str, text: &str) -> io::Result<()> {
        let line = format!("{name:9} {}", escape::sentence(text, self.style));
        writeln!(self.out, "{}", line.trim_end())
    }

    /// Writes the first items, and how many more there are.
    fn list(&mut self, name: &str, items: &[impl AsRef<str>]) -> io::Result<()> {
        let shown = if items.len() > MOST {
            MOST - 1
        } else {
            items.len()
        };
        for (i, item) in items[..shown].iter().enumerate() {
            self.line(if i == 0 { name } else { "" }, item.as_ref())?;
        }
        match items.len() - shown {
            0 => Ok(()),
            more => self.line(
                "",
                &format!("{} {more} more (-o json lists all)", self.style.ellipsis()),
            ),
        }
    }
}
