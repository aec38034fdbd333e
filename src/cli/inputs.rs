//! The arguments that name inputs, the same for every command.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, anyhow, bail};

use super::{missing, progress::Progress, terminal};
use crate::{
    capture::{self, Input, Named, Options, Place, Stop},
    model::{ProxyId, Source},
    redact::Redactor,
};

/// The program and its version, as manifests name it.
pub(super) const TOOL: &str = concat!("xdsnap ", env!("CARGO_PKG_VERSION"));

/// Why `-` is refused the second time.
pub(super) const STDIN_TWICE: &str = "standard input can be read once only; give `-` once";

/// Where to read from, beside the positional inputs.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Input")]
pub(super) struct InputArgs {
    /// Read X as an Envoy's; LABEL names the proxy
    #[arg(long, value_name = "[LABEL=]X")]
    envoy: Vec<String>,
    /// Read X as istiod's; LABEL is the proxy of a dump, or what to call a live istiod
    #[arg(long, value_name = "[LABEL=]X")]
    istiod: Vec<String>,
    /// The longest that one request may take
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
            bail!(STDIN_TWICE);
        }
        Ok(named)
    }

    /// How what was named is read or captured, through `redactor`.
    pub(super) fn options(&self, redactor: Arc<Redactor>) -> Options {
        Options {
            timeout: self.timeout,
            note: None,
            tool: TOOL.to_owned(),
            stop: Stop::default(),
            redactor,
        }
    }

    /// Opens what was named, for reading through `redactor`.
    pub(super) fn open(&self, named: &[Named], redactor: &Arc<Redactor>) -> anyhow::Result<Input> {
        let mut progress = Progress::aside();
        let opened = capture::open(named, &self.options(Arc::clone(redactor)), &mut |what| {
            progress.at(what);
        });
        progress.end();
        let input = opened.map_err(|error| with_reasons(error, ""))?;
        tell_skipped(&input.skipped);
        Ok(input)
    }
}

/// How many files that were passed over are named.
const MOST: usize = 20;

/// Warns of files that were passed over.
pub(super) fn tell_skipped(skipped: &[String]) {
    for skipped in skipped.iter().take(MOST) {
        terminal::warn(&format!("skipped {skipped}"));
    }
    if let Some(more @ 1..) = skipped.len().checked_sub(MOST) {
        terminal::warn(&format!("skipped {more} more files"));
    }
}

/// The error of a capture of which nothing came, with its consequence and with what each source said.
pub(super) fn with_reasons(error: capture::CaptureError, consequence: &str) -> anyhow::Error {
    let text = match &error {
        capture::CaptureError::Nothing(failures) if failures.is_empty() => {
            format!(
                "{error}{consequence}; give the URL or a dump of an Envoy, too (istiod is asked about the proxies of other inputs alone)"
            )
        }
        capture::CaptureError::Nothing(failures) => {
            format!(
                "{error}{consequence}: {}",
                missing::lines(failures).join("; ")
            )
        }
        _ => error.to_string(),
    };
    anyhow!(text)
}

#[test]
fn a_capture_of_nothing_tells_the_reasons_that_there_are() {
    let error = with_reasons(capture::CaptureError::Nothing(Vec::new()), ", so that");
    let text = error.to_string();
    assert!(
        text.starts_with("no config dump came, so that; give"),
        "{text}"
    );
}

fn place(text: &str) -> anyhow::Result<Place> {
    let place = text.parse()?;
    if let Place::Path(path) = &place
        && !path.exists()
    {
        if let Some((before, host)) = text.rsplit_once('@')
            && before.contains(':')
        {
            // What is before the host may be a password.
            bail!("...@{host}: no such file or folder; a URL begins with http://");
        }
        if let Some(hint) = hint(text) {
            bail!("{text}: no such file or folder; {hint}");
        }
    }
    Ok(place)
}

/// What somebody may have meant by the name of a file that is not there.
fn hint(text: &str) -> Option<String> {
    if let Some((kind, _)) = text.split_once('/')
        && ["pod", "deploy", "deployment", "svc", "service"].contains(&kind)
    {
        return Some(format!(
            "of a workload, forward its admin port (`kubectl port-forward {text} 15000`) and give http://127.0.0.1:15000"
        ));
    }
    let (host, rest) = text.split_once(':')?;
    let port = rest.split('/').next().unwrap_or_default();
    (!host.is_empty() && port.parse::<u16>().is_ok())
        .then(|| format!("as an address, write http://{text}"))
}

/// Reads `[LABEL=]X`; an `=` in a URL or after a slash belongs to X, and so does one in the name of a file that is
/// there.
fn labelled(text: &str, source: Source) -> anyhow::Result<Named> {
    let split = text
        .split_once('=')
        .filter(|(label, _)| !label.contains(['/', ':']) && !std::path::Path::new(text).exists());
    let (label, rest) = match split {
        Some((label, rest)) => {
            let id = ProxyId::new(label).with_context(|| format!("--{source} `{text}`"))?;
            (Some(id), rest)
        }
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
fn what_is_no_file_may_be_an_address_or_a_workload() {
    for (text, expected) in [
        ("127.0.0.1:15000", Some("http://127.0.0.1:15000")),
        (
            "localhost:15000/config_dump",
            Some("http://localhost:15000/config_dump"),
        ),
        ("pod/web-1", Some("kubectl port-forward pod/web-1 15000")),
        ("pods/web-1", None),
        ("c:\\dump.json", None),
        ("dump.json", None),
    ] {
        match (hint(text), expected) {
            (None, None) => {}
            (Some(hint), Some(expected)) if hint.contains(expected) => {}
            (hint, _) => panic!("{text}: {hint:?}"),
        }
    }
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
