//! A whole capture: everything that was named, in the order that disturbs the least.

use std::{io, path::Path, time::Duration};

use super::{
    digests, envoy,
    http::{Client, Endpoint},
    input::{Input, InputError, Named, Place},
    istiod,
    record::Recorder,
};
use crate::{
    bundle::{
        Captured, Failure, Head, IstiodEntry, Manifest, ProxyEntry, Redaction, WriteError, Writer,
    },
    model::{ProxyId, Source},
    redact::RULES,
};

/// How a capture is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// The longest that one request may take, retries included.
    pub timeout: Duration,
    /// The user's own words about the capture.
    pub note: Option<String>,
    /// The program and its version, for the manifest.
    pub tool: String,
}

/// Where a bundle goes.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// To this path, in the place of what is there.
    Replace(&'a Path),
    /// To this path, where nothing may be.
    New(&'a Path),
}

/// A capture that was made.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The size of the bundle, in bytes.
    pub size_bytes: u64,
    /// The proxies of which there is a dump.
    pub proxies: usize,
    /// What was asked for and is missing.
    pub failures: Vec<Failure>,
    /// Files of a folder that hold nothing known, and why.
    pub skipped: Vec<String>,
    /// How many values were redacted.
    pub redacted: u64,
}

/// A capture of which nothing came.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// An input cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The bundle cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// There is no network.
    #[error("cannot set up the network: {0}")]
    Client(io::Error),
    /// Nothing that was asked for came, and why.
    #[error("no config dump came")]
    Nothing(Vec<Failure>),
}

/// Captures everything that was named into a bundle. `progress` is told of each document before it is read.
///
/// # Errors
///
/// Where an input cannot be used, the bundle cannot be written, or no config dump came at all. A single source that
/// fails is no error: it is recorded in the bundle and in the outcome.
pub fn capture(
    named: &[Named],
    target: Target<'_>,
    options: &Options,
    progress: &mut dyn FnMut(&str),
) -> Result<Outcome, CaptureError> {
    let mut writer = match target {
        Target::Replace(path) => Writer::create(path)?,
        Target::New(path) => Writer::create_new(path)?,
    }
    .deriving(digests::derive);
    let client = Client::new(options.timeout).map_err(CaptureError::Client)?;
    let mut recorder = Recorder::new(&mut writer, progress);
    let lives = identify(&client, named, &mut recorder)?;
    let ids: Vec<ProxyId> = lives.iter().filter_map(|live| live.proxy.clone()).collect();
    let mut input = Input::open(named, &ids)?;
    recorder.keep_all(&mut input)?;
    fetch(&client, &lives, &input, &mut recorder)?;

    let Recorder {
        dumps,
        versions,
        istiods,
        failures,
        redacted,
        span,
        ..
    } = recorder;
    if dumps.is_empty() {
        // Without a dump the rest is of no use to anybody.
        let partial = writer.partial_path().to_owned();
        drop(writer);
        let _ = std::fs::remove_file(partial);
        return Err(CaptureError::Nothing(failures));
    }
    let earlier: Vec<Manifest> = input
        .bundles()
        .iter()
        .map(|bundle| bundle.manifest().clone())
        .collect();
    for failure in &failures {
        writer.failure(failure.clone());
    }
    let mut failures = failures;
    for entry in &input.failures {
        let failure = Failure {
            source: entry.source.parse().unwrap_or(Source::Envoy),
            proxy: entry.proxy.as_ref().and_then(|id| ProxyId::new(id).ok()),
            document: entry.document.as_ref().and_then(|name| name.parse().ok()),
            part: entry.part.clone(),
            origin: entry.origin.clone(),
            time: entry.time,
            status: entry.status,
            reason: entry.reason.clone(),
        };
        writer.failure(failure.clone());
        failures.push(failure);
    }
    let head = Head {
        tool: options.tool.clone(),
        note: options
            .note
            .clone()
            .or(earlier.iter().find_map(|manifest| manifest.note.clone())),
        captured: earlier
            .iter()
            .map(|manifest| manifest.captured)
            .fold(span, join),
        proxies: versions
            .into_iter()
            .map(|(id, versions)| ProxyEntry {
                id,
                envoy_version: versions.envoy,
                istio_version: versions.istio,
                istiod: None,
            })
            .collect(),
        istiods: istiods
            .into_iter()
            .map(|(name, version)| IstiodEntry { name, version })
            .collect(),
        redaction: Redaction {
            rules: RULES.iter().map(|rule| rule.name.to_owned()).collect(),
            values: redacted,
        },
    };
    let values = head.redaction.values;
    let proxies: std::collections::BTreeSet<_> = dumps.into_iter().map(|(id, _)| id).collect();
    let written = writer.finish(head)?;
    Ok(Outcome {
        size_bytes: written.size_bytes,
        proxies: proxies.len(),
        failures,
        skipped: input.skipped,
        redacted: values,
    })
}

/// Opens everything that was named for reading: files where they are, live sources captured into memory.
///
/// # Errors
///
/// Where an input cannot be used, or no config dump came from a live one.
pub fn open(
    named: &[Named],
    options: &Options,
    progress: &mut dyn FnMut(&str),
) -> Result<Input, CaptureError> {
    if named
        .iter()
        .all(|named| !matches!(named.place, Place::Endpoint(_)))
    {
        return Ok(Input::open(named, &[])?);
    }
    let client = Client::new(options.timeout).map_err(CaptureError::Client)?;
    let mut live = Input::default();
    let mut recorder = Recorder::new(&mut live, progress);
    let lives = identify(&client, named, &mut recorder)?;
    let ids: Vec<ProxyId> = lives.iter().filter_map(|live| live.proxy.clone()).collect();
    let mut input = Input::open(named, &ids)?;
    fetch(&client, &lives, &input, &mut recorder)?;
    let Recorder {
        dumps,
        versions,
        failures,
        ..
    } = recorder;
    if dumps.is_empty() && input.documents().next().is_none() {
        return Err(CaptureError::Nothing(failures));
    }
    input.adopt(live, versions, failures);
    Ok(input)
}

/// The span of two captures.
fn join(a: Option<Captured>, b: Option<Captured>) -> Option<Captured> {
    match (a, b) {
        (Some(a), Some(b)) => Some(Captured {
            start: a.start.min(b.start),
            end: a.end.max(b.end),
        }),
        (a, b) => a.or(b),
    }
}

/// A live source.
struct Live<'a> {
    endpoint: &'a Endpoint,
    source: Source,
    /// The proxy of an Envoy that answered.
    proxy: Option<ProxyId>,
    /// What the user calls it.
    label: Option<&'a ProxyId>,
}

/// Asks every live source who it is.
fn identify<'a>(
    client: &Client,
    named: &'a [Named],
    recorder: &mut Recorder<'_>,
) -> Result<Vec<Live<'a>>, CaptureError> {
    let mut lives = Vec::new();
    for named in named {
        let Place::Endpoint(endpoint) = &named.place else {
            continue;
        };
        let source = named.source.unwrap_or_else(|| probe(client, endpoint));
        let label = named.label.as_ref();
        let proxy = match source {
            Source::Envoy => stop(
                envoy::identify(client, endpoint, label.cloned(), recorder),
                recorder,
            )?,
            Source::Istiod => None,
        };
        lives.push(Live {
            endpoint,
            source,
            proxy,
            label,
        });
    }
    Ok(lives)
}

/// Whose interface answers at `endpoint`; Envoy's where nothing does.
///
/// # Errors
///
/// Where there is no network.
pub fn source_of(endpoint: &Endpoint, options: &Options) -> Result<Source, CaptureError> {
    let client = Client::new(options.timeout).map_err(CaptureError::Client)?;
    Ok(probe(&client, endpoint))
}

/// Tells an istiod from an Envoy by the pages that it has.
fn probe(client: &Client, endpoint: &Endpoint) -> Source {
    let status = |page| client.get(endpoint, page).ok().map(|answer| answer.status);
    let has = |page| status(page).is_some_and(|status| status != 404);
    match status("/server_info") {
        // Whoever does not answer here is not waited for twice.
        Some(404) if has("/debug/syncz") || has("/version") => Source::Istiod,
        _ => Source::Envoy,
    }
}

/// Fetches everything from live sources: istiod before Envoy, whose connection to it a dump has been seen to disturb.
fn fetch(
    client: &Client,
    lives: &[Live<'_>],
    input: &Input,
    recorder: &mut Recorder<'_>,
) -> Result<(), CaptureError> {
    let mut proxies: Vec<ProxyId> = input.proxies.keys().cloned().collect();
    proxies.extend(lives.iter().filter_map(|live| live.proxy.clone()));
    proxies.sort();
    proxies.dedup();
    let istiods = || lives.iter().filter(|live| live.source == Source::Istiod);
    let several = istiods().count() > 1;
    for live in istiods() {
        let name = match (live.label, several) {
            (Some(label), _) => Some(label.to_string()),
            (None, true) => Some(name_of(live.endpoint)),
            (None, false) => None,
        };
        stop(
            istiod::capture(client, live.endpoint, name, &proxies, recorder),
            recorder,
        )?;
    }
    for live in lives {
        if let Some(proxy) = &live.proxy {
            stop(
                envoy::capture(client, live.endpoint, proxy, recorder),
                recorder,
            )?;
        }
    }
    Ok(())
}

/// What an istiod without a label is called where there are several.
fn name_of(endpoint: &Endpoint) -> String {
    let text = endpoint.to_string();
    let name = text
        .trim_start_matches("http://")
        .trim_start_matches("unix:");
    name.replace(['/', '\\', ':'], "_")
}

/// Passes on what a source gave, or why the store takes no more.
fn stop<T>(result: io::Result<T>, recorder: &mut Recorder<'_>) -> Result<T, CaptureError> {
    result.map_err(|error| match recorder.stopped.take() {
        Some(stopped) => CaptureError::Write(stopped),
        None => CaptureError::Client(error),
    })
}
