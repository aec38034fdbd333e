//! The arguments that name inputs, the same for every command.

use std::time::Duration;

use anyhow::{Context, bail};

use super::terminal;
use crate::{
    capture::{self, Input, Named, Options, Place},
    model::{ProxyId, Source},
};

/// The program and its version, as manifests name it.
pub(super) const TOOL: &str = concat!("xdsnap ", env!("CARGO_PKG_VERSION"));

/// Where to read from, beside the positional inputs.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct InputArgs {
    /// Read X (file, folder, URL or `-`) as Envoy's, of the proxy LABEL
    #[arg(long, value_name = "[LABEL=]X")]
    envoy: Vec<String>,
    /// Read X as istiod's, about the proxy LABEL; of a URL, LABEL names the istiod
    #[arg(long, value_name = "[LABEL=]X")]
    istiod: Vec<String>,
    /// The longest that one request may take, retries included
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    timeout: Duration,
}

impl InputArgs {
    /// Everything that was named: `inputs`, and what `--envoy` and `--istiod` say.
    pub(super) fn named(&self, inputs: &[String]) -> anyhow::Result<Vec<Named>> {
        let mut named = Vec::new();
        for input in inputs {
            named.push(Named {
                place: place(input)?,
                source: None,
                label: None,
            });
        }
        for (source, texts) in [(Source::Envoy, &self.envoy), (Source::Istiod, &self.istiod)] {
            for text in texts {
                named.push(labelled(text, source)?);
            }
        }
        if named
            .iter()
            .filter(|named| named.place == Place::Stdin)
            .count()
            > 1
        {
            bail!("standard input can be read once only; give `-` once");
        }
        Ok(named)
    }

    /// Whether `--envoy` or `--istiod` was given.
    pub(super) fn has_flags(&self) -> bool {
        !self.envoy.is_empty() || !self.istiod.is_empty()
    }

    pub(super) fn options(&self, note: Option<String>) -> Options {
        Options {
            timeout: self.timeout,
            note,
            tool: TOOL.to_owned(),
        }
    }

    /// Opens what was named, for reading.
    pub(super) fn open(&self, named: &[Named]) -> anyhow::Result<Input> {
        let opened = capture::open(named, &self.options(None), &mut |_| ());
        let input = opened.map_err(with_reasons)?;
        for skipped in &input.skipped {
            anstream::eprintln!("xdsnap: warning: skipped {}", terminal::one_line(skipped));
        }
        Ok(input)
    }
}

/// The error of a capture of which nothing came, with what each source said.
pub(super) fn with_reasons(error: capture::CaptureError) -> anyhow::Error {
    let mut text = error.to_string();
    if let capture::CaptureError::Nothing(failures) = &error {
        for failure in failures {
            text.push_str(&format!("; {}: {}", failure.origin, failure.reason));
        }
    }
    anyhow::anyhow!(text)
}

fn place(text: &str) -> anyhow::Result<Place> {
    text.parse().with_context(|| format!("cannot use `{text}`"))
}

/// Reads `[LABEL=]X`; an `=` in a URL or after a slash belongs to X, and so does one in the name of a file that is
/// there.
fn labelled(text: &str, source: Source) -> anyhow::Result<Named> {
    let split = text
        .split_once('=')
        .filter(|(label, _)| !label.contains(['/', ':']) && !std::path::Path::new(text).exists());
    let (label, rest) = match split {
        Some((label, rest)) => (Some(ProxyId::new(label)?), rest),
        None => (None, text),
    };
    Ok(Named {
        place: place(rest)?,
        source: Some(source),
        label,
    })
}

/// A time such as `500ms`, `30s`, `2m`; a bare number is seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits
        .parse()
        .map_err(|_| format!("`{text}` is no time (expected e.g. 500ms, 30s or 2m)"))?;
    let duration = match &text[digits.len()..] {
        "ms" => Duration::from_millis(number),
        "s" | "" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.saturating_mul(60)),
        unit => return Err(format!("unknown unit `{unit}` (expected ms, s or m)")),
    };
    match duration.is_zero() {
        true => Err("the time must be more than 0".to_owned()),
        false => Ok(duration),
    }
}

#[test]
fn a_label_is_split_off_where_it_can_be_one() {
    for (text, label, rest) in [
        ("web-1.shop=dump.json", Some("web-1.shop"), "dump.json"),
        ("dump.json", None, "dump.json"),
        ("a/b=c.json", None, "a/b=c.json"),
        (
            "web=http://127.0.0.1:1/x",
            Some("web"),
            "http://127.0.0.1:1/x",
        ),
    ] {
        let named = labelled(text, Source::Istiod).unwrap();
        assert_eq!(named.label.as_ref().map(ProxyId::as_str), label, "{text}");
        assert_eq!(
            named.place.to_string().trim_end_matches('/'),
            rest,
            "{text}"
        );
    }
    assert!(labelled("=dump.json", Source::Istiod).is_err());
}

#[test]
fn times_have_a_unit() {
    assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
    assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
    assert_eq!(duration("7"), Ok(Duration::from_secs(7)));
    for text in ["", "s", "1h", "0s", "-1s", "1.5s"] {
        assert!(duration(text).is_err(), "{text}");
    }
}
