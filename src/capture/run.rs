//! A whole capture: everything that was named, in the order that disturbs the least.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{
    digests, envoy,
    http::{Client, Endpoint},
    input::{Input, InputError, Named, Place},
    istiod,
    record::{self, Recorder},
    stop::Stop,
};
use crate::{
    bundle::{
        Captured, Failure, FailureEntry, Head, IstiodEntry, Redaction, Unfinished, WriteError,
        Writer,
    },
    model::{ProxyId, Source, Token},
    redact::{Policy, RULES, Redactor},
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
    /// How it is ended early.
    pub stop: Stop,
    /// What takes the secrets out.
    pub redactor: Arc<Redactor>,
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
    /// What an input never holds, or is never kept of it; it is noted in the bundle, and nothing failed.
    pub inherent: Vec<Failure>,
    /// Files of a folder that hold nothing known, and why.
    pub skipped: Vec<String>,
    /// How many values were redacted, now and in bundles that were captured again.
    pub redacted: u64,
    /// How many parts of the note were taken out.
    pub scrubbed: u64,
    /// What earlier captures left beside the bundle that were not finished.
    pub earlier: Vec<PathBuf>,
}

/// A capture of which nothing came.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// An input cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The bundle cannot be written.
    #[error("{error}")]
    Write {
        /// Why.
        #[source]
        error: WriteError,
        /// What was captured before, if that is kept.
        kept: Option<Unfinished>,
    },
    /// There is no network.
    #[error("cannot set up the network: {0}")]
    Client(io::Error),
    /// A document cannot be held.
    #[error("cannot write a temporary file in `{}`: {error}", std::env::temp_dir().display())]
    Spool {
        /// Why.
        #[source]
        error: io::Error,
        /// What was captured before, if that is kept.
        kept: Option<Unfinished>,
    },
    /// Nothing that was asked for came, and why.
    #[error("no config dump came")]
    Nothing(Vec<Failure>),
}

impl From<WriteError> for CaptureError {
    fn from(error: WriteError) -> Self {
        Self::Write { error, kept: None }
    }
}

impl CaptureError {
    /// What was captured before it, if that is kept.
    pub fn kept(&self) -> Option<&Unfinished> {
        match self {
            Self::Write { kept, .. } | Self::Spool { kept, .. } => kept.as_ref(),
            _ => None,
        }
    }

    fn with(self, unfinished: Option<Unfinished>) -> Self {
        match self {
            Self::Write { error, .. } => Self::Write {
                error,
                kept: unfinished,
            },
            Self::Spool { error, .. } => Self::Spool {
                error,
                kept: unfinished,
            },
            other => other,
        }
    }
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
    .deriving(digests::derive())
    .sealing(options.redactor.sealer());
    let earlier = writer.earlier().to_vec();
    let (head, outcome) = match fill(&mut writer, named, options, progress) {
        Ok(filled) => filled,
        Err(error) => {
            if matches!(
                error,
                CaptureError::Input(_) | CaptureError::Client(_) | CaptureError::Nothing(_)
            ) {
                // Without a dump the rest is of no use to anybody.
                writer.leave_nothing();
            }
            return Err(error.with(writer.unfinished()));
        }
    };
    let unfinished = writer.unfinished();
    match writer.finish(head) {
        Ok(written) => Ok(Outcome {
            size_bytes: written.size_bytes,
            earlier,
            ..outcome
        }),
        Err(error) => Err(CaptureError::from(error).with(unfinished)),
    }
}

/// Captures into `writer`. What the manifest is to say of the whole, and the outcome but for the bundle.
fn fill(
    writer: &mut Writer,
    named: &[Named],
    options: &Options,
    progress: &mut dyn FnMut(&str),
) -> Result<(Head, Outcome), CaptureError> {
    let client = Client::new(options.timeout).map_err(CaptureError::Client)?;
    let client = client.until(options.stop.clone());
    let mut recorder = Recorder::new(writer, progress, &options.stop, &options.redactor);
    let mut told = Told::begin(&mut recorder, options);
    let lives = identify(&client, named, &mut recorder)?;
    let ids: Vec<ProxyId> = lives.iter().filter_map(|live| live.proxy.clone()).collect();
    let mut input = Input::open(named, &ids, &options.redactor)?;
    told.take_over(&mut recorder, &mut input, options)?;
    fetch(&client, &lives, &input, &mut recorder)?;
    if recorder.dumps.is_empty() {
        return Err(CaptureError::Nothing(recorder.failures));
    }
    Ok(told.end(recorder, input.skipped))
}

/// Writes `input`, a bundle, again: what was taken out of it before stays as it is, and what today's rules take out goes,
/// too.
///
/// # Errors
///
/// Where the bundle cannot be written. A document that cannot be redacted is left out and noted, unless `whole`: then it
/// is an error, and nothing is written.
pub fn redact(
    mut input: Input,
    target: &Path,
    whole: bool,
    options: &Options,
    progress: &mut dyn FnMut(&str),
) -> Result<Outcome, CaptureError> {
    let mut writer = Writer::create(target)?
        .deriving(digests::derive())
        .sealing(options.redactor.sealer());
    // All of it is in the input, too.
    writer.leave_nothing();
    let earlier = writer.earlier().to_vec();
    let mut recorder = Recorder::new(&mut writer, progress, &options.stop, &options.redactor);
    let mut told = Told::begin(&mut recorder, options);
    let noted = input.failures.len();
    told.take_over(&mut recorder, &mut input, options)?;
    let failures = recorder.failures[noted..].to_vec();
    let has_any = input.documents().count() > failures.len();
    if let (Some(failure), true) = (failures.first(), whole || !has_any) {
        return Err(InputError::unusable(&failure.origin, &failure.reason).into());
    }
    let (head, outcome) = told.end(recorder, input.skipped);
    let written = writer.finish(head)?;
    Ok(Outcome {
        size_bytes: written.size_bytes,
        failures,
        earlier,
        ..outcome
    })
}

/// What is to be told of a capture as a whole.
struct Told {
    head: Head,
    /// The fingerprint of the key that may be used.
    keys: BTreeSet<String>,
    /// How many parts of the note were taken out.
    scrubbed: u64,
    inherent: Vec<Failure>,
}

impl Told {
    /// What is known before anything was read.
    fn begin(recorder: &mut Recorder<'_>, options: &Options) -> Self {
        let note = options.note.as_deref();
        let note = note.map(|note| options.redactor.scrub(note));
        let scrubbed = note.as_ref().map_or(0, |(_, counts)| counts.total());
        let mut head = Head {
            tool: options.tool.clone(),
            note: note.map(|(note, _)| note),
            redaction: redaction(&options.redactor),
            ..Head::default()
        };
        recorder.know(head.clone());
        Self {
            keys: std::mem::take(&mut head.redaction.keys),
            head,
            scrubbed,
            inherent: Vec::new(),
        }
    }

    /// Keeps what `input` holds, and what it tells.
    fn take_over(
        &mut self,
        recorder: &mut Recorder<'_>,
        input: &mut Input,
        options: &Options,
    ) -> Result<(), CaptureError> {
        let head = &mut self.head;
        for manifest in input.bundles() {
            if head.note.is_none() {
                let note = manifest.note.as_ref();
                head.note = note.map(|note| options.redactor.scrub(note).0);
            }
            head.captured = Captured::join(head.captured, manifest.captured);
            let earlier = &manifest.redaction;
            head.redaction.keys.extend(earlier.keys.iter().cloned());
        }
        recorder.know(Head {
            note: head.note.clone(),
            captured: head.captured,
            redaction: Redaction {
                keys: head.redaction.keys.clone(),
                ..Redaction::default()
            },
            ..Head::default()
        });
        let versions = input.proxies.iter();
        recorder.know(Head {
            proxies: versions
                .map(|(id, versions)| record::proxy_entry(id.clone(), versions.clone()))
                .collect(),
            ..Head::default()
        });
        for entry in &input.failures {
            recorder.miss(noted_before(entry));
        }
        self.inherent = input.inherent.iter().map(noted_before).collect();
        recorder.note(&self.inherent);
        recorder.keep_all(input)?;
        recorder.note_versions(&input.proxies);
        Ok(())
    }

    /// What is known when all was recorded.
    fn end(self, recorder: Recorder<'_>, skipped: Vec<String>) -> (Head, Outcome) {
        let Self {
            mut head,
            keys,
            scrubbed,
            inherent,
        } = self;
        let Recorder {
            dumps,
            versions,
            istiods,
            failures,
            redacted,
            has_used_key,
            span,
            ..
        } = recorder;
        head.captured = Captured::join(span, head.captured);
        head.proxies = (versions.into_iter())
            .map(|(id, versions)| record::proxy_entry(id, versions))
            .collect();
        head.istiods = (istiods.into_iter())
            .map(|(name, version)| IstiodEntry { name, version })
            .collect();
        let mut reasons = failures.iter().map(|failure| failure.reason.as_str());
        let is_in_reasons = reasons.any(|reason| Token::all_in(reason).next().is_some());
        if has_used_key || is_in_reasons || scrubbed > 0 {
            head.redaction.keys.extend(keys);
        }
        head.redaction.values = redacted.values;
        head.redaction.by_rule = redacted.by_rule;
        let proxies: BTreeSet<ProxyId> = dumps.into_iter().map(|(id, _)| id).collect();
        let outcome = Outcome {
            size_bytes: 0,
            proxies: proxies.len(),
            failures,
            inherent,
            skipped,
            redacted: head.redaction.values,
            scrubbed,
            earlier: Vec::new(),
        };
        (head, outcome)
    }
}

/// What a manifest says of redaction before anything was redacted, with the key that may be used.
fn redaction(redactor: &Redactor) -> Redaction {
    let key = match redactor.policy() {
        Policy::Tokens(key) => Some(key.fingerprint().to_string()),
        Policy::Alike => None,
        Policy::Off => {
            return Redaction {
                off: true,
                ..Redaction::default()
            };
        }
    };
    let pseudonyms = redactor.pseudonyms();
    let more = [("hostnames", pseudonyms.hostnames), ("ips", pseudonyms.ips)];
    let more = more.into_iter().filter(|(_, is_on)| *is_on);
    let rules = RULES.iter().map(|rule| rule.name);
    Redaction {
        rules: (rules.chain(more.map(|(name, _)| name)))
            .map(str::to_owned)
            .collect(),
        keys: key.into_iter().collect(),
        ..Redaction::default()
    }
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
        return Ok(Input::open(named, &[], &options.redactor)?);
    }
    let client = Client::new(options.timeout).map_err(CaptureError::Client)?;
    let mut live = Input::default();
    let mut recorder = Recorder::new(&mut live, progress, &options.stop, &options.redactor);
    let lives = identify(&client, named, &mut recorder)?;
    let ids: Vec<ProxyId> = lives.iter().filter_map(|live| live.proxy.clone()).collect();
    let mut input = Input::open(named, &ids, &options.redactor)?;
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

/// A failure that an input noted.
fn noted_before(entry: &FailureEntry) -> Failure {
    Failure {
        source: entry.source.parse().unwrap_or(Source::Envoy),
        proxy: entry.proxy.as_ref().and_then(|id| ProxyId::new(id).ok()),
        document: entry.document.as_ref().and_then(|name| name.parse().ok()),
        part: entry.part.clone(),
        origin: entry.origin.clone(),
        time: entry.time,
        status: entry.status,
        reason: entry.reason.clone(),
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
            (None, true) => Some(name_of(live.endpoint, recorder.redactor)),
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
fn name_of(endpoint: &Endpoint, redactor: &Redactor) -> String {
    let text = redactor.rename(endpoint.to_string());
    let name = text
        .trim_start_matches("http://")
        .trim_start_matches("unix:");
    name.replace(['/', '\\', ':'], "_")
}

/// Passes on what a source gave, or why the store takes no more.
fn stop<T>(result: io::Result<T>, recorder: &mut Recorder<'_>) -> Result<T, CaptureError> {
    result.map_err(|error| match recorder.stopped.take() {
        Some(stopped) => stopped.into(),
        None => CaptureError::Spool { error, kept: None },
    })
}
