//! What a user names as INPUT, opened: which documents it holds, and the bytes of each, redacted.

mod archive;
mod bug_report;
mod content;
mod merge;
mod open;
mod overview;
mod report;
mod sealed;
mod unredacted;

pub use sealed::Elements;
pub use unredacted::Unredacted;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    io::{self, Read, Seek, Write},
    path::PathBuf,
    str::FromStr,
    sync::Arc,
};

use jiff::Timestamp;

use super::{
    files,
    http::{Endpoint, InvalidEndpoint},
};
use crate::{
    bundle::{self, FailureEntry, Manifest, MemberPath, Provenance, ReadError},
    dump::{Content, Form, SyncState, uptime},
    model::{Document, ProxyId, Source},
    redact::{Counts, Found, Redactor},
};

/// One INPUT as the user named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Where it is.
    pub place: Place,
    /// Whose it is, where the user says so.
    pub source: Option<Source>,
    /// The proxy it is about; of an istiod's URL, what to call that istiod.
    pub label: Option<ProxyId>,
}

/// Where an INPUT is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Standard input.
    Stdin,
    /// A file or a folder.
    Path(PathBuf),
    /// An Envoy or an istiod.
    Endpoint(Endpoint),
}

impl FromStr for Place {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_url = ["http://", "https://", "unix:"].iter().any(|scheme| {
            let start = text.get(..scheme.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        });
        match text {
            "-" => Ok(Self::Stdin),
            url if is_url => url.parse().map(Self::Endpoint),
            path => Ok(Self::Path(path.into())),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stdin => f.write_str("-"),
            Self::Path(path) => path.display().fmt(f),
            Self::Endpoint(endpoint) => endpoint.fmt(f),
        }
    }
}

/// The versions that a proxy's documents tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    /// Of its Envoy.
    pub envoy: Option<String>,
    /// Of its Istio.
    pub istio: Option<String>,
}

/// An INPUT that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// A file cannot be read.
    #[error("{name}: {error}")]
    Io {
        /// The file.
        name: String,
        /// Why.
        error: io::Error,
    },
    /// A bundle cannot be read.
    #[error(transparent)]
    Bundle(#[from] ReadError),
    /// It is none of the things that can be read, and why.
    #[error("{name}: {reason}")]
    Unusable {
        /// The input.
        name: String,
        /// What is wrong with it, and what to do.
        reason: String,
    },
}

impl InputError {
    fn io(name: &str, error: io::Error) -> Self {
        Self::Io {
            name: name.to_owned(),
            error,
        }
    }

    pub(super) fn unusable(name: impl ToString, reason: impl ToString) -> Self {
        Self::Unusable {
            name: name.to_string(),
            reason: reason.to_string(),
        }
    }
}

/// What bundles are read from: a file, or what is held in memory, for nothing of it goes to the disk.
pub(super) trait Bytes: Send + Read + Seek {}

impl<T: Read + Seek + Send> Bytes for T {}

/// Documents of proxies and istiods, from whatever was named.
#[derive(Default)]
pub struct Input {
    redactor: Arc<Redactor>,
    /// The inputs that this is made of, as they were named, by the numbers that entries have.
    names: Vec<String>,
    entries: BTreeMap<MemberPath, Entry>,
    bundles: Vec<bundle::Reader<Box<dyn Bytes>>>,
    /// What the last file holds that was opened, until it is read.
    held: Option<(PathBuf, Vec<u8>)>,
    /// Whether any of the bundles was redacted when it was made.
    was_redacted: bool,
    /// The proxies that any document is about.
    pub proxies: BTreeMap<ProxyId, Versions>,
    /// What the makers of bundles noted, and what they could not capture.
    pub failures: Vec<FailureEntry>,
    /// What bug reports of istioctl never hold, or hold and no capture keeps: nothing that failed.
    pub(super) inherent: Vec<FailureEntry>,
    /// What is said of the capture as a whole, from a bundle.
    pub manifest: Option<Manifest>,
    /// The path of the derived member that is believed, see [`resources`](Self::resources).
    resources_path: Option<String>,
    /// The size of the bundles, in bytes.
    size_bytes: Option<u64>,
    /// Files of a folder, and of an archive, that are not used, and why.
    pub skipped: Vec<String>,
}

/// A document of a config dump: the part it is, where the dump came in parts, and its bytes.
pub type DumpDocument = (Option<String>, Vec<u8>);

/// One document.
struct Entry {
    provenance: Provenance,
    body: Body,
    /// How it is printed.
    form: Form,
    /// The file as it was when all of it was read to tell what it is.
    recognized: Option<files::Stamp>,
    /// The number of the input that it is of.
    of: usize,
}

impl Entry {
    fn new(provenance: Provenance, body: Body) -> Self {
        Self {
            provenance,
            body,
            form: Form::Page,
            recognized: None,
            of: 0,
        }
    }
}

/// Where a document's bytes are.
enum Body {
    /// A file, compressed or not, as it was received.
    File(PathBuf),
    /// What can be read only once and so is held, compressed or not, as it was received.
    Unredacted {
        /// What to call it in an error.
        name: String,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// What was captured from a live source, redacted.
    Redacted(Vec<u8>),
    /// A member of one of the bundles, redacted when it was captured.
    Member {
        /// The number of the bundle.
        bundle: usize,
        /// What the member is called there.
        path: String,
    },
}

impl Input {
    /// Adds a document that was captured, redacted.
    pub(super) fn insert_captured(
        &mut self,
        path: MemberPath,
        provenance: Provenance,
        bytes: Vec<u8>,
    ) {
        if let Some(proxy) = path.proxy() {
            self.proxies.entry(proxy.clone()).or_default();
        }
        let body = Body::Redacted(bytes);
        self.entries.insert(path, Entry::new(provenance, body));
    }

    /// Takes over what was captured from live sources.
    pub(super) fn adopt(
        &mut self,
        live: Self,
        versions: BTreeMap<ProxyId, Versions>,
        failures: Vec<bundle::Failure>,
    ) {
        self.entries.extend(live.entries);
        self.proxies.extend(live.proxies);
        self.proxies.extend(versions);
        self.failures
            .extend(failures.into_iter().map(FailureEntry::from));
    }

    pub(super) fn note_versions(&mut self, proxy: &ProxyId, content: &Content) {
        let versions = self.proxies.entry(proxy.clone()).or_default();
        if content.envoy_version.is_some() {
            versions.envoy.clone_from(&content.envoy_version);
        }
        if content.istio_version.is_some() {
            versions.istio.clone_from(&content.istio_version);
        }
    }

    /// Why there is no dump by `source`, where what was given never holds one.
    pub fn never_holds(&self, source: Source) -> Option<&'static str> {
        (source == Source::Istiod && !self.inherent.is_empty())
            .then_some(bug_report::NOTHING_EXPECTED)
    }

    /// The documents, in the order of their paths, with where each came from.
    pub fn documents(&self) -> impl Iterator<Item = (&MemberPath, &Provenance)> {
        self.entries
            .iter()
            .map(|(path, entry)| (path, &entry.provenance))
    }

    /// The proxies of which `source` has a dump here.
    pub fn proxies_of(&self, source: Source) -> Vec<ProxyId> {
        let dumps = self
            .entries
            .keys()
            .filter(|path| path.source() == source && path.document() == Document::ConfigDump);
        let mut proxies: Vec<ProxyId> = dumps.filter_map(|path| path.proxy().cloned()).collect();
        proxies.sort();
        proxies.dedup();
        proxies
    }

    /// The documents that together are the dump of `proxy` by `source`: the whole, or its parts with their names.
    ///
    /// Of several istiods, the one whose sync state lists the proxy is believed.
    ///
    /// # Errors
    ///
    /// Where one cannot be read.
    pub fn dump(
        &mut self,
        proxy: &ProxyId,
        source: Source,
    ) -> Result<Vec<DumpDocument>, InputError> {
        let mut paths: Vec<MemberPath> = self
            .entries
            .keys()
            .filter(|path| {
                path.source() == source
                    && path.document() == Document::ConfigDump
                    && path.proxy() == Some(proxy)
            })
            .cloned()
            .collect();
        if paths.iter().any(|path| path.part().is_none()) {
            paths.retain(|path| path.part().is_none());
        }
        if paths.len() > 1 && source == Source::Istiod {
            let mut owner = None;
            for path in &paths {
                if self.sync_state(proxy, path.istiod_name())?.is_some() {
                    owner = Some(path.clone());
                }
            }
            let first = paths[0].clone();
            paths = vec![owner.unwrap_or(first)];
        }
        let part = |path: &MemberPath| path.part().map(str::to_owned);
        paths
            .iter()
            .map(|path| Ok((part(path), self.read(path)?)))
            .collect()
    }

    /// What istiod says of the proxy: of the istiod of that name, or of any where there is no name.
    ///
    /// # Errors
    ///
    /// Where a sync state cannot be read.
    pub fn sync_state(
        &mut self,
        proxy: &ProxyId,
        istiod: Option<&str>,
    ) -> Result<Option<SyncState>, InputError> {
        let mut paths = self.syncz_paths();
        paths.retain(|path| istiod.is_none() || path.istiod_name() == istiod);
        paths.sort_by_cached_key(|path| self.distance(proxy, path));
        for path in paths {
            let bytes = self.read(&path)?;
            let states = SyncState::parse(&bytes)
                .map_err(|error| InputError::unusable(&path, format!("no sync state: {error}")))?;
            let found = states
                .into_iter()
                .find(|state| state.proxy == proxy.as_str());
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Every proxy's sync state, as the istiods have it.
    ///
    /// # Errors
    ///
    /// Where one cannot be read.
    pub fn sync_states(&mut self) -> Result<Vec<SyncState>, InputError> {
        let mut states = Vec::new();
        for path in self.syncz_paths() {
            let bytes = self.read(&path)?;
            let found = SyncState::parse(&bytes)
                .map_err(|error| InputError::unusable(&path, format!("no sync state: {error}")))?;
            states.extend(found.into_iter().map(|state| {
                let proxy = ProxyId::new(state.proxy.as_str()).ok();
                let distance = proxy.map(|proxy| self.distance(&proxy, &path));
                (distance, state)
            }));
        }
        // Of what several say of one proxy, the nearest is heard first.
        states.sort_by_key(|(distance, _)| *distance);
        let mut heard = BTreeSet::new();
        states.retain(|(_, state)| heard.insert(state.proxy.clone()));
        states.sort_by(|(_, a), (_, b)| a.proxy.cmp(&b.proxy));
        Ok(states.into_iter().map(|(_, state)| state).collect())
    }

    fn syncz_paths(&self) -> Vec<MemberPath> {
        let paths = self.entries.keys();
        let paths = paths.filter(|path| path.document() == Document::Syncz);
        paths.cloned().collect()
    }

    /// How little a sync state has to do with the dumps of a proxy: it is of the istiod that gave one, or of the same
    /// input, or neither; then its age.
    fn distance(&self, proxy: &ProxyId, path: &MemberPath) -> (u8, Reverse<Option<Timestamp>>) {
        let entry = &self.entries[path];
        let dumps = self.entries.iter().filter(|(dump, other)| {
            dump.document() == Document::ConfigDump
                && dump.proxy() == Some(proxy)
                && other.of == entry.of
        });
        let gave = |dump: &MemberPath| {
            dump.source() == Source::Istiod && dump.istiod_name() == path.istiod_name()
        };
        let distances = dumps.map(|(dump, _)| u8::from(!gave(dump)));
        let received = entry.provenance.received.map(|time| time.timestamp());
        (distances.min().unwrap_or(2), Reverse(received))
    }

    /// When the process of a proxy's Envoy started, at the latest: from its `/server_info`, where that and the time
    /// of its answer are there.
    pub fn started(&mut self, proxy: &ProxyId) -> Option<Timestamp> {
        let path = MemberPath::envoy(proxy.clone(), Document::ServerInfo, None).ok()?;
        let received = self.entries.get(&path)?.provenance.received?;
        let bytes = self.read(&path).ok()?;
        received.timestamp().checked_sub(uptime(&bytes)?).ok()
    }

    /// What the bundles that were opened say of themselves, as it is there.
    pub(super) fn bundles(&self) -> impl Iterator<Item = &Manifest> {
        self.bundles.iter().map(bundle::Reader::manifest)
    }

    /// Whether it is one bundle and nothing else.
    pub fn is_bundle(&self) -> bool {
        let mut bodies = self.entries.values().map(|entry| &entry.body);
        self.bundles.len() == 1 && bodies.all(|body| matches!(body, Body::Member { .. }))
    }

    /// How many members of its bundles this release does not know, so that they are no documents.
    pub fn unknown_members(&self) -> usize {
        let members = self.bundles().flat_map(|manifest| &manifest.members);
        members
            .filter(|member| member.path.parse::<MemberPath>().is_err())
            .count()
    }

    /// Whether any of it was redacted when it was captured, by whatever key.
    pub fn was_redacted(&self) -> bool {
        self.was_redacted
    }

    /// Whether a document was read to its end when it was opened, to tell what it is, and is the same still.
    pub(super) fn is_recognized(&self, path: &MemberPath) -> bool {
        let entry = self.entries.get(path);
        entry.is_some_and(|entry| match &entry.body {
            Body::File(file) => {
                entry.recognized.is_some() && files::stamp(file) == entry.recognized
            }
            _ => false,
        })
    }

    /// The bytes of a document, redacted.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or is not what it must be.
    pub fn read(&mut self, path: &MemberPath) -> Result<Vec<u8>, InputError> {
        if let Some((name, bytes)) = self.whole(path)? {
            let redacted = self.redactor.redact(path.document(), bytes);
            return match redacted {
                Ok((bytes, _)) => Ok(bytes),
                Err(error) => Err(InputError::unusable(name, error)),
            };
        }
        let mut bytes = Vec::new();
        self.copy(path, &mut bytes)?;
        Ok(bytes)
    }

    /// A document that is to be redacted, and what to call it: if it is in memory, or is read into it, and is printed as
    /// Envoy and istiod do.
    fn whole(&mut self, path: &MemberPath) -> Result<Option<(String, Vec<u8>)>, InputError> {
        let Some(entry) = self.entries.get(path) else {
            return Ok(None);
        };
        if entry.form != Form::Page {
            return Ok(None);
        }
        Ok(match &entry.body {
            Body::File(file) => {
                let held = self.held.take_if(|(held, _)| held == file);
                held.map(|(_, bytes)| (file.display().to_string(), bytes))
            }
            Body::Member { bundle, path } => {
                Some((path.clone(), self.bundles[*bundle].read(path)?))
            }
            Body::Unredacted { .. } | Body::Redacted(_) => None,
        })
    }

    /// Writes a document to `out`, redacted, and counts the values that were redacted now: `None` where
    /// that was done a moment ago, when it was captured.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, is not what it must be, or `out` fails.
    pub fn copy(
        &mut self,
        path: &MemberPath,
        out: &mut dyn Write,
    ) -> Result<Option<Counts>, InputError> {
        let is_done = |input: &Self| {
            let entry = input.entries.get(path);
            entry.is_some_and(|entry| matches!(entry.body, Body::Redacted(_)))
        };
        let redactor = Arc::clone(&self.redactor);
        if is_done(self) {
            return self.with_body(path, |_, body| {
                let copied = io::copy(body, out).map(|_| None);
                copied.map_err(|error| InputError::io(&path.to_string(), error))
            });
        }
        if let Some((name, bytes)) = self.whole(path)? {
            let redacted = redactor.copy_slice(path.document(), &bytes, out);
            return match redacted {
                Ok(counts) => Ok(Some(counts)),
                Err(error) => Err(InputError::unusable(name, error)),
            };
        }
        self.with_body(path, |name, body| {
            let redacted = redactor.copy(path.document(), body, out);
            redacted
                .map(Some)
                .map_err(|error| InputError::unusable(name, error))
        })
    }

    /// Hands each place of a document that `redactor` would replace to `found`; what was captured from a live source is
    /// looked at, too.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or is not what it must be.
    pub fn find(
        &mut self,
        path: &MemberPath,
        redactor: &Redactor,
        found: &mut dyn FnMut(&Found),
    ) -> Result<Counts, InputError> {
        self.with_body(path, |name, body| {
            let counts = redactor.find(path.document(), body, found);
            counts.map_err(|error| InputError::unusable(name, error))
        })
    }

    /// Calls `use_it` with what to call a document, and with what it is as Envoy or istiod print it.
    fn with_body<T>(
        &mut self,
        path: &MemberPath,
        use_it: impl FnOnce(&str, &mut dyn Read) -> Result<T, InputError>,
    ) -> Result<T, InputError> {
        let Some(entry) = self.entries.get(path) else {
            return Err(InputError::unusable(path, "there is no such document"));
        };
        let (name, body): (String, Box<dyn Read + '_>) = match &entry.body {
            Body::File(file) => {
                let name = file.display().to_string();
                let body = files::open(file).map_err(|error| InputError::io(&name, error))?;
                (name, Box::new(body))
            }
            Body::Unredacted { name, bytes } => {
                let body = files::decompress(bytes.as_slice());
                let body = body.map_err(|error| InputError::io(&path.to_string(), error))?;
                (name.clone(), Box::new(body))
            }
            Body::Redacted(bytes) => (path.to_string(), Box::new(bytes.as_slice())),
            // Whoever made the bundle may have known fewer rules, or none.
            Body::Member { bundle, path } => {
                let bytes = self.bundles[*bundle].read(path)?;
                (path.clone(), Box::new(io::Cursor::new(bytes)))
            }
        };
        let body = entry.form.enclose(body);
        let mut body = body.map_err(|error| InputError::io(&name, error))?;
        use_it(&name, &mut body)
    }
}

#[test]
fn a_file_that_is_another_one_now_is_not_what_was_recognized() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("web.shop.json");
    let section = r#"{"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump"}"#;
    std::fs::write(&file, format!(r#"{{"configs": [{section}]}}"#)).unwrap();
    let named = Named {
        place: Place::Path(file.clone()),
        source: Some(Source::Envoy),
        label: None,
    };
    let input = Input::open(&[named], &[], &Arc::default()).unwrap();
    let path = input.documents().next().unwrap().0.clone();
    assert!(input.is_recognized(&path));
    std::fs::write(&file, r#"{"error": "no dump"}"#).unwrap();
    assert!(!input.is_recognized(&path));
    std::fs::remove_file(&file).unwrap();
    assert!(!input.is_recognized(&path));
}
