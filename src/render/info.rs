//! The front page of an input, as text.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::{Style, escape, info_pages};
use crate::{
    inspect::{DocumentOverview, FailureOverview, Overview, SealOverview},
    model::Source,
};

/// How many items of a list are shown.
const MOST: usize = 4;

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
            let sealed = match &overview.seal {
                Some(SealOverview {
                    holds: Some(true), ..
                }) => ", sealed with your key",
                Some(SealOverview {
                    holds: Some(false), ..
                }) => ", ALTERED since it was sealed with your key",
                Some(SealOverview { holds: None, .. }) => ", sealed with another key",
                None => "",
            };
            let documents = count(overview.documents.len() as u64, "document", "documents");
            page.line("intact", &format!("{documents}, all read{checked}{sealed}"));
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
        page.line("redacted", &redacted(overview));
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

/// What was taken out, or that nothing was.
fn redacted(overview: &Overview) -> String {
    if overview.holds_secrets {
        return "NOTHING: it holds private keys, passwords and tokens in clear, as its maker wished (--no-redact); \
                xdsnap redact takes them out"
            .to_owned();
    }
    let mut text = count(overview.redacted, "value", "values");
    match &overview.redaction_keys[..] {
        [] => {}
        [key] => text.push_str(&format!(" with key {key}")),
        keys => text.push_str(&format!(" with keys {}", keys.join(", "))),
    }
    let mut by_rule: Vec<(&str, u64)> = (overview.redacted_by.iter())
        .map(|(rule, values)| (rule.as_str(), *values))
        .collect();
    // Those that took out most, first.
    by_rule.sort_by_key(|(_, values)| std::cmp::Reverse(*values));
    let told = (by_rule.iter()).fold(0, |sum: u64, (_, values)| sum.saturating_add(*values));
    let mut words: Vec<String> = (by_rule.iter())
        .map(|(rule, values)| format!("{values} {rule}"))
        .collect();
    if let (Some(untold @ 1..), false) = (overview.redacted.checked_sub(told), words.is_empty()) {
        words.push(format!("{untold} by an earlier release"));
    }
    if !words.is_empty() {
        text.push_str(&format!(": {}", words.join(", ")));
    }
    text
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
