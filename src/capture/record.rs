//! What becomes of each document that is captured: redacted, and kept with where it came from.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read, Seek},
};

use jiff::Timestamp;
use tempfile::SpooledTempFile;

use super::{
    http::HttpError,
    input::{Input, Versions},
    sink::{self, Received, Request, Sink, SinkError},
    stop::Stop,
};
use crate::{
    bundle::{
        Captured, Failure, Head, IstiodEntry, MemberPath, Origin, Provenance, ProxyEntry, Replaced,
        Time, Unfinished, WriteError, Writer,
    },
    dump::recognize,
    model::{Document, ProxyId, Source},
    redact::{Counts, RedactError, Redactor},
};

/// How much of a redacted document is held in memory before it goes to a file without a name.
const SPOOL_BYTES: usize = 8 << 20;

/// Where captured documents are kept.
pub(super) trait Store {
    /// Keeps one document, redacted.
    fn member(
        &mut self,
        path: MemberPath,
        provenance: Provenance,
        body: &mut SpooledTempFile,
    ) -> Result<(), WriteError>;

    /// Notes what is known of the whole, for the case that nothing more comes.
    fn know(&mut self, _known: Head) {}

    /// Notes something that could not be had.
    fn failure(&mut self, _failure: &Failure) {}

    /// What stays if nothing more comes.
    fn unfinished(&self) -> Option<Unfinished> {
        None
    }
}

impl Store for Writer {
    fn member(
        &mut self,
        path: MemberPath,
        provenance: Provenance,
        body: &mut SpooledTempFile,
    ) -> Result<(), WriteError> {
        self.seekable_member(path, provenance, body)
    }

    fn know(&mut self, known: Head) {
        Self::know(self, known);
    }

    fn failure(&mut self, failure: &Failure) {
        Self::failure(self, failure.clone());
    }

    fn unfinished(&self) -> Option<Unfinished> {
        Self::unfinished(self)
    }
}

impl Store for Input {
    fn member(
        &mut self,
        path: MemberPath,
        provenance: Provenance,
        body: &mut SpooledTempFile,
    ) -> Result<(), WriteError> {
        let mut bytes = Vec::new();
        match body.read_to_end(&mut bytes) {
            Ok(_) => self.insert_captured(path, provenance, bytes),
            Err(error) => {
                let path = path.to_string();
                return Err(WriteError::Body { path, error });
            }
        }
        Ok(())
    }
}

/// Keeps what a capture brings in, and counts it.
pub(super) struct Recorder<'a> {
    store: &'a mut dyn Store,
    progress: &'a mut dyn FnMut(&str),
    stop: &'a Stop,
    pub(super) redactor: &'a Redactor,
    /// What kept the store from taking more.
    pub(super) stopped: Option<WriteError>,
    /// Proxies whose dump, of either source, was kept.
    pub(super) dumps: BTreeSet<(ProxyId, Source)>,
    pub(super) versions: BTreeMap<ProxyId, Versions>,
    /// The version of each istiod, by its name in the capture.
    pub(super) istiods: BTreeMap<Option<String>, Option<String>>,
    pub(super) failures: Vec<Failure>,
    /// What was redacted, now and before.
    pub(super) redacted: Replaced,
    /// Whether any of it was redacted now.
    pub(super) has_used_key: bool,
    /// From the first request to the last answer.
    pub(super) span: Option<Captured>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(
        store: &'a mut dyn Store,
        progress: &'a mut dyn FnMut(&str),
        stop: &'a Stop,
        redactor: &'a Redactor,
    ) -> Self {
        Self {
            store,
            progress,
            stop,
            redactor,
            stopped: None,
            dumps: BTreeSet::new(),
            versions: BTreeMap::new(),
            istiods: BTreeMap::new(),
            failures: Vec::new(),
            redacted: Replaced::default(),
            has_used_key: false,
            span: None,
        }
    }

    /// Keeps every document of `input` that was opened before; one that cannot be read becomes a failure.
    pub(super) fn keep_all(&mut self, input: &mut Input) -> Result<(), WriteError> {
        let documents: Vec<(MemberPath, Provenance)> = input
            .documents()
            .map(|(path, provenance)| (path.clone(), provenance.clone()))
            .collect();
        for (path, mut provenance) in documents {
            let mut spool = SpooledTempFile::new(SPOOL_BYTES);
            let copied = match self.stop.is_asked() {
                true => Err(HttpError::Interrupted.to_string()),
                false => {
                    (self.progress)(&path.to_string());
                    let copied = input.copy(&path, &mut spool);
                    copied.map_err(|error| error.to_string())
                }
            };
            let reason = match copied {
                Ok(redacted) => {
                    // A member of a bundle was redacted before.
                    if let (Some(now), false) = (redacted, self.redactor.is_off()) {
                        let now = self.replaced(&now);
                        provenance.redacted.get_or_insert_default().add(&now);
                    }
                    let is_dump = match input.is_recognized(&path) {
                        true => Ok(true),
                        false => is_what_it_should_be(&path, &mut spool),
                    };
                    match is_dump {
                        Ok(true) => None,
                        Ok(false) => Some(NO_DUMP.to_owned()),
                        Err(error) => Some(error.to_string()),
                    }
                }
                Err(reason) => Some(reason),
            };
            if let Some(reason) = reason {
                self.miss(Failure {
                    source: path.source(),
                    proxy: path.proxy().cloned(),
                    document: Some(path.document()),
                    part: path.part().map(str::to_owned),
                    origin: provenance.origin,
                    time: None,
                    status: None,
                    reason,
                });
                continue;
            }
            self.keep(path, provenance, &mut spool)?;
        }
        Ok(())
    }

    /// What was redacted now.
    fn replaced(&mut self, counts: &Counts) -> Replaced {
        self.has_used_key |= counts.total() > 0;
        counts.iter().collect()
    }

    /// Notes what could not be had.
    pub(super) fn miss(&mut self, failure: Failure) {
        self.store.failure(&failure);
        self.failures.push(failure);
    }

    /// Notes in the bundle what an input never holds; nothing failed.
    pub(super) fn note(&mut self, inherent: &[Failure]) {
        for failure in inherent {
            self.store.failure(failure);
        }
    }

    /// Notes what is known of the whole.
    pub(super) fn know(&mut self, known: Head) {
        self.store.know(known);
    }

    /// Keeps one redacted document.
    fn keep(
        &mut self,
        path: MemberPath,
        provenance: Provenance,
        spool: &mut SpooledTempFile,
    ) -> Result<(), WriteError> {
        let io = |error| WriteError::Body {
            path: path.to_string(),
            error,
        };
        match (path.source(), path.document(), path.proxy()) {
            (_, Document::ConfigDump, Some(proxy)) => {
                self.dumps.insert((proxy.clone(), path.source()));
            }
            (_, Document::ServerInfo, Some(proxy)) => {
                spool.rewind().map_err(io)?;
                if let Ok(Some(content)) = recognize(io::BufReader::new(&mut *spool)) {
                    let versions = Versions {
                        envoy: content.envoy_version,
                        istio: content.istio_version,
                    };
                    self.note_versions([(proxy, &versions)]);
                }
            }
            (Source::Istiod, document, _) => {
                let name = path.istiod_name().map(str::to_owned);
                let version = self.istiods.entry(name).or_default();
                if document == Document::Version {
                    spool.rewind().map_err(io)?;
                    let mut text = String::new();
                    // A version that is not text is no version; the document is kept all the same.
                    let _ = spool.take(MAX_VERSION).read_to_string(&mut text);
                    *version = text.trim().split('-').next().map(str::to_owned);
                    let istiod = IstiodEntry {
                        name: path.istiod_name().map(str::to_owned),
                        version: version.clone(),
                    };
                    self.store.know(Head {
                        istiods: vec![istiod],
                        ..Head::default()
                    });
                }
            }
            _ => {}
        }
        spool.rewind().map_err(io)?;
        if let Some(redacted) = &provenance.redacted {
            self.redacted.add(redacted);
        }
        self.store.member(path, provenance, spool)?;
        self.stop.keep(self.store.unfinished());
        Ok(())
    }

    pub(super) fn note_versions<'v>(
        &mut self,
        versions: impl IntoIterator<Item = (&'v ProxyId, &'v Versions)>,
    ) {
        let mut proxies = Vec::new();
        for (proxy, versions) in versions {
            let known = self.versions.entry(proxy.clone()).or_default();
            known.envoy = versions.envoy.clone().or(known.envoy.take());
            known.istio = versions.istio.clone().or(known.istio.take());
            proxies.push(proxy_entry(proxy.clone(), known.clone()));
        }
        self.store.know(Head {
            proxies,
            ..Head::default()
        });
    }
}

/// What a manifest says of a proxy.
pub(super) fn proxy_entry(id: ProxyId, versions: Versions) -> ProxyEntry {
    ProxyEntry {
        id,
        envoy_version: versions.envoy,
        istio_version: versions.istio,
        istiod: None,
    }
}

/// The longest version that is read, in bytes.
const MAX_VERSION: u64 = 200;

const NO_DUMP: &str =
    "the answer is no config dump (expected an object with a list `configs` that is not empty)";

/// Whether a document that is to be a whole config dump is one; all others are taken as they come.
fn is_what_it_should_be(path: &MemberPath, spool: &mut SpooledTempFile) -> io::Result<bool> {
    if path.document() != Document::ConfigDump || path.part().is_some() {
        return Ok(true);
    }
    spool.rewind()?;
    let content = recognize(io::BufReader::new(&mut *spool));
    spool.seek(io::SeekFrom::End(0))?;
    Ok(matches!(content, Ok(Some(content)) if content.document == Document::ConfigDump))
}

impl Sink for Recorder<'_> {
    fn document(
        &mut self,
        request: &Request,
        received: &Received,
        body: &mut dyn Read,
    ) -> Result<(), SinkError> {
        let path = match request.source {
            Source::Envoy => {
                let proxy = request.proxy.clone().ok_or_else(|| {
                    SinkError::Document("the answer does not say which proxy it is about".into())
                })?;
                MemberPath::envoy(proxy, request.document, request.part.as_deref())
            }
            Source::Istiod => {
                let proxy = request.proxy.clone();
                MemberPath::istiod(request.istiod.as_deref(), proxy, request.document)
            }
        };
        let path = path.map_err(|error| SinkError::Document(error.to_string()))?;
        let mut spool = SpooledTempFile::new(SPOOL_BYTES);
        let redacted = self.redactor.copy(request.document, body, &mut spool);
        let redacted = redacted.map_err(|error| match error {
            RedactError::Write(error) => SinkError::Sink(error),
            other => SinkError::Document(other.to_string()),
        })?;
        if !is_what_it_should_be(&path, &mut spool)? {
            return Err(SinkError::Document(NO_DUMP.to_owned()));
        }
        let now = Timestamp::now();
        let requested = Time::from(received.requested);
        let start = self.span.map_or(requested, |span| span.start);
        self.span = Some(Captured {
            start,
            end: Time::from(now),
        });
        let provenance = Provenance {
            origin: Origin::url(self.redactor.scrub(&request.url).0),
            requested: Some(requested),
            received: Some(Time::from(now)),
            status: Some(received.status),
            redacted: (!self.redactor.is_off()).then(|| self.replaced(&redacted)),
        };
        match self.keep(path, provenance, &mut spool) {
            Ok(()) => Ok(()),
            Err(
                error @ (WriteError::Duplicate(_)
                | WriteError::CaseCollision { .. }
                | WriteError::TooLarge { .. }),
            ) => Err(SinkError::Document(error.to_string())),
            Err(error) => {
                let stopped = io::Error::other(error.to_string());
                self.stopped = Some(error);
                Err(SinkError::Sink(stopped))
            }
        }
    }

    fn failure(&mut self, failure: sink::Failure) {
        let reason = self.redactor.scrub_reason(&failure.reason);
        self.miss(Failure {
            source: failure.source,
            proxy: failure.proxy,
            document: Some(failure.document),
            part: failure.part,
            origin: Origin::url(self.redactor.scrub(&failure.origin).0),
            time: failure.time.map(Time::from),
            status: failure.status,
            reason,
        });
    }

    fn progress(&mut self, request: &Request) {
        (self.progress)(&request.url);
    }
}
