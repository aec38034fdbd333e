//! What a user names as INPUT, opened: which documents it holds, and the bytes of each, redacted.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    str::FromStr,
};

use super::{
    files,
    http::{Endpoint, InvalidEndpoint},
};
use crate::{
    bundle::{self, FailureEntry, Manifest, MemberPath, Origin, Provenance, ReadError},
    dump::{Content, SyncState, recognize},
    inspect::{DocumentOverview, FailureOverview, IstiodOverview, Overview, ProxyOverview},
    model::{Document, ProxyId, Source},
    redact::Redactor,
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
        let is_url = ["http://", "https://", "unix:"]
            .iter()
            .any(|scheme| text.starts_with(scheme));
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
    fn unusable(name: impl ToString, reason: impl ToString) -> Self {
        Self::Unusable {
            name: name.to_string(),
            reason: reason.to_string(),
        }
    }
}

/// Documents of proxies and istiods, from whatever was named.
#[derive(Default)]
pub struct Input {
    entries: BTreeMap<MemberPath, Entry>,
    bundles: Vec<bundle::Reader<File>>,
    /// The proxies that any document is about.
    pub proxies: BTreeMap<ProxyId, Versions>,
    /// What the makers of bundles noted, and what they could not capture.
    pub failures: Vec<FailureEntry>,
    /// What is said of the capture as a whole, from a bundle.
    pub manifest: Option<Manifest>,
    /// The size of the bundles, in bytes.
    size_bytes: Option<u64>,
    /// Files of a folder that hold nothing known, and why.
    pub skipped: Vec<String>,
}

/// A document of a config dump: the part it is, where the dump came in parts, and its bytes.
pub type DumpDocument = (Option<String>, Vec<u8>);

/// One document.
struct Entry {
    provenance: Provenance,
    body: Body,
}

/// Where a document's bytes are.
enum Body {
    /// A file, compressed or not, as it was received.
    File(PathBuf),
    /// What came by standard input, as it was received.
    Unredacted(Vec<u8>),
    /// What was captured from a live source, redacted.
    Redacted(Vec<u8>),
    /// A member of one of the bundles, redacted when it was captured.
    Member(usize),
}

/// A dump of istiod of which nothing has said yet what proxy it is about.
struct Unplaced {
    name: String,
    stem: Option<ProxyId>,
    entry: Entry,
}

impl Input {
    /// Opens what was named, except live sources: `live` are the proxies that those will bring.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read or holds nothing known, or two documents would be the same one.
    pub fn open(named: &[Named], live: &[ProxyId]) -> Result<Self, InputError> {
        let mut input = Self::default();
        let mut unplaced = Vec::new();
        for named in named {
            match &named.place {
                Place::Endpoint(_) => {}
                Place::Stdin => {
                    let stdin = io::stdin().lock();
                    input.stream("standard input", "stdin", stdin, named, &mut unplaced)?;
                }
                Place::Path(path) => input.path(path, named, &mut unplaced)?,
            }
        }
        input.place(unplaced, live)?;
        Ok(input)
    }

    fn path(
        &mut self,
        path: &Path,
        named: &Named,
        unplaced: &mut Vec<Unplaced>,
    ) -> Result<(), InputError> {
        let name = path.display().to_string();
        let metadata = path.metadata().map_err(|error| io_error(&name, error))?;
        if metadata.is_dir() {
            return self.folder(path, named, unplaced);
        }
        let open = || File::open(path).map_err(|error| io_error(&name, error));
        if !metadata.is_file() {
            // A pipe, as in `<(curl …)`: it can be read once.
            return self.stream(&name, "pipe", open()?, named, unplaced);
        }
        if metadata.len() == 0 {
            return Err(InputError::unusable(name, "the file is empty"));
        }
        let is_archive = files::is_archive(BufReader::new(open()?));
        if is_archive.map_err(|error| io_error(&name, error))? {
            return self.bundle(&name, open()?);
        }
        self.file(path, named, unplaced)
    }

    /// Takes what can be read only once. It is held in memory, for nothing goes to the disk unredacted.
    fn stream(
        &mut self,
        name: &str,
        origin: &str,
        stream: impl Read,
        named: &Named,
        unplaced: &mut Vec<Unplaced>,
    ) -> Result<(), InputError> {
        let io = |error| io_error(name, error);
        let read = |from: &mut dyn Read| {
            let mut bytes = Vec::new();
            from.take(MAX_STREAM + 1)
                .read_to_end(&mut bytes)
                .map_err(io)?;
            match bytes.len() as u64 > MAX_STREAM {
                true => {
                    let reason = "larger than 256 MiB; write it to a file first";
                    Err(InputError::unusable(name, reason))
                }
                false => Ok(bytes),
            }
        };
        let received = read(&mut { stream })?;
        if received.is_empty() {
            return Err(InputError::unusable(
                name,
                "nothing came; is what writes to it failing?",
            ));
        }
        if files::is_archive(received.as_slice()).map_err(io)? {
            // A bundle was redacted before it was written.
            let mut file = tempfile::tempfile().map_err(io)?;
            file.write_all(&received).map_err(io)?;
            return self.bundle(name, file);
        }
        let bytes = read(&mut files::decompress(received.as_slice()).map_err(io)?)?;
        let content = content_of(name, bytes.as_slice(), named.source)?;
        let entry = Entry {
            provenance: Provenance::of_file(origin),
            body: Body::Unredacted(bytes),
        };
        self.document(name, None, named, content, entry, unplaced)
    }

    fn bundle(&mut self, name: &str, file: File) -> Result<(), InputError> {
        let size = file
            .metadata()
            .map_err(|error| io_error(name, error))?
            .len();
        self.size_bytes = Some(self.size_bytes.unwrap_or(0) + size);
        let reader = bundle::Reader::open(name, file)?;
        let manifest = reader.manifest().clone();
        let at = self.bundles.len();
        self.bundles.push(reader);
        for member in &manifest.members {
            // A later version may hold members that this one does not know.
            let Ok(member_path) = member.path.parse::<MemberPath>() else {
                continue;
            };
            let entry = Entry {
                provenance: Provenance {
                    origin: member.origin.clone(),
                    requested: member.requested,
                    received: member.received,
                    status: member.status,
                    redacted: member.redacted,
                },
                body: Body::Member(at),
            };
            self.insert(member_path, entry, name)?;
        }
        for proxy in &manifest.proxies {
            let versions = self.proxies.entry(proxy.id.clone()).or_default();
            versions.envoy.clone_from(&proxy.envoy_version);
            versions.istio.clone_from(&proxy.istio_version);
        }
        self.failures.extend(manifest.failures.iter().cloned());
        self.manifest.get_or_insert(manifest);
        Ok(())
    }

    fn folder(
        &mut self,
        folder: &Path,
        named: &Named,
        unplaced: &mut Vec<Unplaced>,
    ) -> Result<(), InputError> {
        let name = folder.display().to_string();
        let found = files::walk(folder).map_err(|error| io_error(&name, error))?;
        let is_laid_out = found.iter().any(|file| file.member.is_some());
        if !is_laid_out && let [first, .., last] = &files::laid_out_below(folder, &found)[..] {
            let reason = format!(
                "the folder holds several captures, from `{first}` to `{last}`; give one of them"
            );
            return Err(InputError::unusable(name, reason));
        }
        for file in found {
            let Some(member) = file.member else {
                // Beside laid-out files, others are somebody's notes.
                if !is_laid_out && let Err(error) = self.path(&file.path, named, unplaced) {
                    self.skipped.push(error.to_string());
                }
                continue;
            };
            let entry = Entry {
                provenance: Provenance::of_file(&file.path),
                body: Body::File(file.path.clone()),
            };
            // What an Envoy said instead of a dump, and answers that name no resource, hold nothing.
            if let Some(reason) = self.text_instead_of_json(&member, &file.path)? {
                if !reason.contains("not found in config dump") {
                    self.failures
                        .push(failure(&member, entry.provenance.origin, reason));
                }
                continue;
            }
            if member.document() == Document::ServerInfo
                && let Ok(reader) = files::open(&file.path)
                && let Ok(Some(content)) = recognize(reader)
                && let Some(proxy) = member.proxy()
            {
                self.note_versions(proxy, &content);
            }
            self.insert(member, entry, &name)?;
        }
        if self.entries.is_empty() && unplaced.is_empty() {
            let mut reason = "the folder holds neither a dump nor a bundle".to_owned();
            if let Some(skipped) = self.skipped.first() {
                reason.push_str(&format!(
                    "; of {} files the first is {skipped}",
                    self.skipped.len()
                ));
            }
            return Err(InputError::unusable(name, reason));
        }
        Ok(())
    }

    /// The first line of a document that should be JSON and is not.
    fn text_instead_of_json(
        &self,
        member: &MemberPath,
        path: &Path,
    ) -> Result<Option<String>, InputError> {
        if member.document() == Document::Version {
            return Ok(None);
        }
        let error = |error| io_error(&path.display().to_string(), error);
        let mut reader = files::open(path).map_err(error)?;
        let start = reader.fill_buf().map_err(error)?;
        let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
        if matches!(first, Some(b'{' | b'[')) {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(start);
        let line: String = line
            .lines()
            .next()
            .unwrap_or("")
            .chars()
            .take(200)
            .collect();
        Ok(Some(match line.is_empty() {
            true => "the document is empty".to_owned(),
            false => format!(
                "not JSON but text: {}",
                crate::redact::scrub_reason(&line).0
            ),
        }))
    }

    fn file(
        &mut self,
        path: &Path,
        named: &Named,
        unplaced: &mut Vec<Unplaced>,
    ) -> Result<(), InputError> {
        let name = path.display().to_string();
        let reader = files::open(path).map_err(|error| io_error(&name, error))?;
        let content = content_of(&name, reader, named.source)?;
        let entry = Entry {
            provenance: Provenance::of_file(path),
            body: Body::File(path.to_owned()),
        };
        let stem = files::stem(path).and_then(|stem| ProxyId::new(stem).ok());
        self.document(&name, stem, named, content, entry, unplaced)
    }

    /// Finds the place of one document among the members.
    fn document(
        &mut self,
        name: &str,
        stem: Option<ProxyId>,
        named: &Named,
        content: Content,
        entry: Entry,
        unplaced: &mut Vec<Unplaced>,
    ) -> Result<(), InputError> {
        let source = named.source.unwrap_or(content.source);
        let fallback = stem.clone().or_else(|| ProxyId::new("stdin").ok());
        let invalid = |error| InputError::unusable(name, error);
        let member = match (source, content.document) {
            (Source::Envoy, document) => {
                let proxy = named.label.clone().or(content.proxy.clone()).or(fallback);
                let proxy =
                    proxy.ok_or_else(|| InputError::unusable(name, "no name for the proxy"))?;
                self.note_versions(&proxy, &content);
                MemberPath::envoy(proxy, document, None).map_err(invalid)?
            }
            (Source::Istiod, Document::ConfigDump) => match &named.label {
                Some(proxy) => MemberPath::istiod(None, Some(proxy.clone()), content.document)
                    .map_err(invalid)?,
                None => {
                    unplaced.push(Unplaced {
                        name: name.to_owned(),
                        stem,
                        entry,
                    });
                    return Ok(());
                }
            },
            (Source::Istiod, document) => {
                MemberPath::istiod(None, None, document).map_err(invalid)?
            }
        };
        self.insert(member, entry, name)
    }

    /// Gives istiod's dumps, which do not name their proxy, to the proxy they must be about.
    fn place(&mut self, unplaced: Vec<Unplaced>, live: &[ProxyId]) -> Result<(), InputError> {
        let mut envoys: Vec<ProxyId> = self
            .entries
            .keys()
            .filter(|path| {
                path.source() == Source::Envoy && path.document() == Document::ConfigDump
            })
            .filter_map(|path| path.proxy().cloned())
            .chain(live.iter().cloned())
            .collect();
        envoys.dedup();
        let is_only = unplaced.len() == 1;
        for Unplaced { name, stem, entry } in unplaced {
            let proxy = match (&envoys[..], is_only) {
                ([proxy], true) => Some(proxy.clone()),
                ([], _) => stem.or_else(|| ProxyId::new("stdin").ok()),
                _ => None,
            };
            let proxy = proxy.ok_or_else(|| {
                let reason = "istiod's dump does not say which proxy it is about; name it: --istiod PROXY=FILE";
                InputError::unusable(&name, reason)
            })?;
            let member = MemberPath::istiod(None, Some(proxy), Document::ConfigDump)
                .map_err(|error| InputError::unusable(&name, error))?;
            self.insert(member, entry, &name)?;
        }
        Ok(())
    }

    fn insert(&mut self, path: MemberPath, entry: Entry, name: &str) -> Result<(), InputError> {
        if let Some(proxy) = path.proxy() {
            self.proxies.entry(proxy.clone()).or_default();
        }
        if let Some(other) = self.entries.get(&path) {
            let reason = format!(
                "it holds `{path}`, which was read from `{}` already; give one of the two another name (--envoy LABEL=FILE)",
                other.provenance.origin
            );
            return Err(InputError::unusable(name, reason));
        }
        self.entries.insert(path, entry);
        Ok(())
    }

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
        self.entries.insert(path, Entry { provenance, body });
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
        let paths: Vec<MemberPath> = self
            .entries
            .keys()
            .filter(|path| {
                path.document() == Document::Syncz
                    && (istiod.is_none() || path.istiod_name() == istiod)
            })
            .cloned()
            .collect();
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

    /// The bundles that were opened.
    pub fn bundles(&mut self) -> &mut [bundle::Reader<File>] {
        &mut self.bundles
    }

    /// The bytes of a document, redacted.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or is not what it must be.
    pub fn read(&mut self, path: &MemberPath) -> Result<Vec<u8>, InputError> {
        let mut bytes = Vec::new();
        self.copy(path, &mut bytes)?;
        Ok(bytes)
    }

    /// Writes a document to `out`, redacted, and gives the number of values that were redacted now: `None` where
    /// that was done when it was captured.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, is not what it must be, or `out` fails.
    pub fn copy(
        &mut self,
        path: &MemberPath,
        out: &mut dyn Write,
    ) -> Result<Option<u64>, InputError> {
        let Some(entry) = self.entries.get(path) else {
            return Err(InputError::unusable(path, "there is no such document"));
        };
        let io = |error| io_error(&path.to_string(), error);
        let redact = |name: &str, body: &mut dyn Read, out: &mut dyn Write| {
            let redacted = Redactor::new().copy(path.document(), body, out);
            redacted
                .map(Some)
                .map_err(|error| InputError::unusable(name, error))
        };
        match &entry.body {
            Body::File(file) => {
                let name = file.display().to_string();
                let mut body = files::open(file).map_err(|error| io_error(&name, error))?;
                redact(&name, &mut body, out)
            }
            Body::Unredacted(bytes) => redact("standard input", &mut bytes.as_slice(), out),
            Body::Redacted(bytes) => out.write_all(bytes).map(|()| None).map_err(io),
            Body::Member(at) => {
                let bytes = self.bundles[*at].read(&path.to_string())?;
                out.write_all(&bytes).map(|()| None).map_err(io)
            }
        }
    }
}

impl Input {
    /// What the input, which was named as `label`, is, holds and lacks. Reads, and so verifies, all of it.
    ///
    /// # Errors
    ///
    /// Where a bundle cannot be read any more.
    pub fn overview(&mut self, label: &str) -> Result<Overview, InputError> {
        let mut overview = Overview {
            label: label.to_owned(),
            proxies: self
                .proxies
                .iter()
                .map(|(id, versions)| ProxyOverview {
                    id: id.clone(),
                    envoy_version: versions.envoy.clone(),
                    istio_version: versions.istio.clone(),
                })
                .collect(),
            failures: self.failures.iter().map(failure_overview).collect(),
            ..Overview::default()
        };
        if let Some(manifest) = &self.manifest {
            overview.format = Some(manifest.version.to_string());
            overview.tool = Some(manifest.tool.clone());
            overview.size_bytes = self.size_bytes;
            overview.note.clone_from(&manifest.note);
            overview.captured = manifest
                .captured
                .map(|span| (span.start.to_string(), span.end.to_string()));
            overview
                .redaction_rules
                .clone_from(&manifest.redaction.rules);
            overview.redacted = manifest.redaction.values;
            for istiod in &manifest.istiods {
                overview.istiods.push(IstiodOverview {
                    name: istiod.name.clone(),
                    version: istiod.version.clone(),
                });
            }
        }
        // A bundle is read once, from its start to its end.
        let mut bodies: BTreeMap<String, (u64, bool)> = BTreeMap::new();
        for bundle in &mut self.bundles {
            for member in bundle.members() {
                match member {
                    Ok(member) => {
                        let body = (member.bytes.len() as u64, has_endpoints(&member.bytes));
                        bodies.insert(member.path, body);
                    }
                    Err(error) => overview.damage.push(error.to_string()),
                }
            }
        }
        let paths: Vec<MemberPath> = self.entries.keys().cloned().collect();
        for path in paths {
            let name = path.to_string();
            let body = match (bodies.get(&name), &self.entries[&path].body) {
                (found, Body::Member(_)) => found.copied(),
                _ => match self.read(&path) {
                    Ok(bytes) => Some((bytes.len() as u64, has_endpoints(&bytes))),
                    Err(error) => {
                        overview.damage.push(error.to_string());
                        None
                    }
                },
            };
            let provenance = &self.entries[&path].provenance;
            let is_whole = path.document() == Document::ConfigDump && path.part().is_none();
            overview.documents.push(DocumentOverview {
                source: path.source(),
                document: path.document(),
                proxy: path.proxy().cloned(),
                size_bytes: body.map(|(size, _)| size),
                origin: provenance.origin.to_string(),
                requested: provenance.requested.map(|time| time.to_string()),
                redacted: provenance.redacted,
                has_endpoints: body.filter(|_| is_whole).map(|(_, has)| has),
                path: name,
            });
        }
        Ok(overview)
    }
}

/// Whether a config dump has a section of endpoints.
fn has_endpoints(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, b"envoy.admin.v3.EndpointsConfigDump").is_some()
}

fn failure_overview(failure: &FailureEntry) -> FailureOverview {
    let mut words = vec![failure.source.as_str()];
    words.extend(
        [&failure.proxy, &failure.document, &failure.part]
            .into_iter()
            .flatten()
            .map(String::as_str),
    );
    FailureOverview {
        what: words.join(" "),
        origin: failure.origin.to_string(),
        time: failure.time.map(|time| time.to_string()),
        status: failure.status,
        reason: failure.reason.clone(),
    }
}

/// The most that is read of what can be read only once, and so is held in memory.
const MAX_STREAM: u64 = 256 << 20;

fn io_error(name: &str, error: io::Error) -> InputError {
    InputError::Io {
        name: name.to_owned(),
        error,
    }
}

/// What a document is; where its content says nothing, what the user says.
fn content_of(
    name: &str,
    mut reader: impl Read,
    source: Option<Source>,
) -> Result<Content, InputError> {
    let mut start = Vec::new();
    let read = reader.by_ref().take(MAX_START).read_to_end(&mut start);
    read.map_err(|error| io_error(name, error))?;
    let content = recognize(start.chain(reader)).map_err(|error| match error.io_error_kind() {
        Some(_) => io_error(name, error.into()),
        None => InputError::unusable(name, why_no_dump(&start, &error)),
    })?;
    let content = content.ok_or_else(|| {
        let reason = "JSON, but none that Envoy or istiod prints (expected a config dump: an object with a list `configs`)";
        InputError::unusable(name, reason)
    })?;
    match source {
        Some(source) if !content.document.is_of(source) => {
            let reason = format!(
                "a `{}` document, which {source} does not print",
                content.document
            );
            Err(InputError::unusable(name, reason))
        }
        _ => Ok(content),
    }
}

/// How much of a document is looked at to tell what it may be, in bytes.
const MAX_START: u64 = 4096;

/// Why a document with this `start` is no dump.
fn why_no_dump(start: &[u8], error: &serde_json::Error) -> String {
    let text = String::from_utf8_lossy(start);
    let line: String = text
        .trim()
        .lines()
        .next()
        .unwrap_or("")
        .chars()
        .take(200)
        .collect();
    let line = crate::redact::scrub_reason(&line).0;
    if line.starts_with("Failed to convert protobuf message") {
        return format!(
            "Envoy could not print this dump ({line}); capture the Envoy by its URL, which takes the dump in parts"
        );
    }
    match text.trim_start().starts_with(['{', '[']) {
        true if error.is_eof() => format!(
            "neither a bundle nor a dump: JSON that is cut off, at line {} column {}; take it again",
            error.line(),
            error.column()
        ),
        true => format!("neither a bundle nor a dump: invalid JSON: {error}"),
        false if line.is_empty() => "neither a bundle nor a dump: nothing but blanks".to_owned(),
        false => {
            let begin: String = line.chars().take(60).collect();
            format!("neither a bundle nor a dump: no JSON, it begins with `{begin}`")
        }
    }
}

fn failure(member: &MemberPath, origin: Origin, reason: String) -> FailureEntry {
    FailureEntry {
        source: member.source().to_string(),
        proxy: member.proxy().map(ToString::to_string),
        document: Some(member.document().to_string()),
        part: member.part().map(str::to_owned),
        origin,
        time: None,
        status: None,
        reason,
    }
}
