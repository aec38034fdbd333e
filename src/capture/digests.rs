//! The derived member `digests` of a bundle: digests of what its dumps hold, by xDS type.
//!
//! `schema/bundle.md` specifies it. It is computed from what the bundle holds, so after redaction, and again by whoever
//! verifies it; a dump of which nothing can be computed is not in it.

mod early;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    io::{Read, Seek},
    num::NonZero,
    sync::Arc,
    thread,
};

use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    bundle::{
        Derive, Derived, DerivedEntry, Finding, Level, MemberPath, ReadError, Reader, Reason, Rule,
        Writer,
    },
    model::{Document, ProxyId, Source},
    normalize::{
        DIGEST_RULES, Digest, Digests, Dump, KnownDigests, resource_digests, type_digests,
    },
};

use super::resources::{self, Builder, OfDump, what_is_untold};

/// The kind of this derived data.
pub const KIND: &str = "digests";

/// The largest dump that has digests, in bytes: it is held in memory whole.
pub const MAX_DUMP_BYTES: u64 = 128 << 20;

/// How much of dumps waits to be computed side by side, in bytes.
const READY_BYTES: u64 = 32 << 20;

/// The most of dumps in parts that is held while other parts are missing, in bytes.
const PARTLY_BYTES: u64 = 2 * MAX_DUMP_BYTES;

/// The most threads that compute.
const THREADS: usize = 8;

/// The stack of each, as large as that of a program: resources are nested.
const STACK_BYTES: usize = 8 << 20;

/// The largest member of this kind in which it is told what is wrong, in bytes.
const MAX_EXPLAINED: u64 = 64 << 20;

/// How many wrong dumps are named.
const MOST: usize = 20;

/// Digests of what the dumps of a bundle hold.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "derived/digests.json of an xdsnap bundle")]
struct Content {
    /// The dumps: those of Envoys, then those of istiods by name, each in byte order of the proxies.
    dumps: Vec<Entry>,
}

/// A dump: one document, or all parts of one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
struct Entry {
    /// The proxy that it is about.
    proxy: String,
    /// Who gave it: `envoy` or `istiod`.
    #[schemars(extend("enum" = ["envoy", "istiod"]))]
    source: String,
    /// The name of the istiod, where the bundle holds several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    istiod: Option<String>,
    /// The digests of each xDS type that the dump has a section of, by the type's name.
    types: BTreeMap<String, OfType>,
}

/// The digests of all resources of a type.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
struct OfType {
    /// Of configuration, in lowercase hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", regex(pattern = "^[0-9a-f]{64}$"))]
    configuration: Option<String>,
    /// Of live state, where there is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", regex(pattern = "^[0-9a-f]{64}$"))]
    live: Option<String>,
}

/// Which dump it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DumpOf {
    pub(super) source: Source,
    pub(super) istiod: Option<String>,
    pub(super) proxy: ProxyId,
}

impl DumpOf {
    /// The dump that a document is, or is a part of.
    fn document(path: &MemberPath) -> Option<Self> {
        let is_dump = path.document() == Document::ConfigDump;
        Some(Self {
            source: path.source(),
            istiod: path.istiod_name().map(str::to_owned),
            proxy: path.proxy().filter(|_| is_dump)?.clone(),
        })
    }

    /// The dump that an entry is about.
    fn entry(entry: &Entry) -> Option<Self> {
        Some(Self {
            source: entry.source.parse().ok()?,
            istiod: entry.istiod.clone(),
            proxy: ProxyId::new(entry.proxy.as_str()).ok()?,
        })
    }
}

impl fmt::Display for DumpOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source)?;
        if let Some(istiod) = &self.istiod {
            write!(f, " `{}`", istiod.escape_debug())?;
        }
        write!(f, "'s dump of `{}`", self.proxy.as_str().escape_debug())
    }
}

/// What computes the digests of all dumps of a bundle: of most of them while others are still captured.
pub fn derive() -> impl Derive {
    early::Deriver::new()
}

/// The digests of all dumps that `writer` holds; some are `computed` already.
fn derive_rest(writer: &mut Writer, computed: Computed) -> Vec<Derived> {
    let documents = writer.documents();
    let documents_of = documents.iter().map(|(path, size)| (path, *size));
    let mut digester = Digester::new(documents_of, computed);
    for (path, _) in &documents {
        // What cannot be read back cannot be packed either, which is told then.
        if digester.wants(path)
            && let Ok(bytes) = writer.read(path)
        {
            digester.take(path, bytes);
        }
    }
    let done = digester.finish();
    let digests = (!done.entries.is_empty()).then(|| Derived {
        kind: KIND,
        extension: "json",
        rules: DIGEST_RULES,
        bytes: spell(done.entries.into_values()),
    });
    let resources = done.resources.finish().map(|bytes| Derived {
        kind: resources::KIND,
        extension: "bin",
        rules: resources::RULES,
        bytes,
    });
    digests.into_iter().chain(resources).collect()
}

/// Computes derived members of a bundle again, and tells which of them are not what their rules make, and which cannot be
/// checked. What [`verify`](crate::bundle::verify()) tells of them is not told again.
///
/// # Errors
///
/// Where the bundle cannot be read any more.
pub fn check<R: Read + Seek>(reader: &mut Reader<R>) -> Result<Vec<Finding>, ReadError> {
    const KNOWN: [(&str, u32); 2] = [(KIND, DIGEST_RULES), (resources::KIND, resources::RULES)];
    let mut findings = Vec::new();
    let mut known: [Option<DerivedEntry>; 2] = [None, None];
    for entry in reader.manifest().derived.clone() {
        let kind = KNOWN.iter().position(|(kind, _)| *kind == entry.kind);
        let why = match (entry.kind.as_str(), kind) {
            (_, Some(kind)) if entry.rules == KNOWN[kind].1 && known[kind].is_none() => {
                known[kind] = Some(entry);
                continue;
            }
            (_, Some(kind)) if entry.rules == KNOWN[kind].1 => {
                "another one of its kind and rules is".to_owned()
            }
            (_, Some(kind)) => {
                format!(
                    "made by rules version {}, and this release has version {}",
                    entry.rules, KNOWN[kind].1
                )
            }
            (kind, _) => {
                let kind: String = kind.chars().take(40).collect();
                format!(
                    "this release does not know the kind `{}`",
                    kind.escape_debug()
                )
            }
        };
        findings.push(finding(Level::Note, &entry, format!("not checked: {why}")));
    }
    let from = reader.made_from();
    for known in &mut known {
        known.take_if(|entry| entry.from != from);
        let Some(entry) = known else { continue };
        match reader.read(&entry.path) {
            Ok(_) => {}
            Err(error) if matches!(error.reason, Reason::Io(_)) => return Err(error),
            Err(_) => *known = None,
        }
    }
    if known.iter().all(Option::is_none) {
        return Ok(findings);
    }
    let members = reader.manifest().members.iter();
    let documents: Vec<(MemberPath, u64)> = members
        .filter_map(|entry| Some((entry.path.parse().ok()?, entry.size)))
        .collect();
    let documents_of = documents.iter().map(|(path, size)| (path, *size));
    let mut digester = Digester::new(documents_of, Computed::default());
    for member in reader.members() {
        match member {
            Ok(member) => {
                if let Ok(path) = member.path.parse()
                    && digester.wants(&path)
                {
                    digester.take(&path, member.bytes);
                }
            }
            Err(error) if matches!(error.reason, Reason::Io(_)) => return Err(error),
            Err(_) => {}
        }
    }
    let Done {
        entries,
        resources,
        unread,
    } = digester.finish();
    let [digests, of_resources] = known;
    if let Some(entry) = digests {
        if !unread.is_empty() {
            let text = format!(
                "not checked for {} dumps, which are damaged or in parts far from each other",
                unread.len()
            );
            findings.push(finding(Level::Note, &entry, text));
        }
        compare(reader, &entry, &entries, &unread, &mut findings);
    }
    if let Some(entry) = of_resources {
        let wrong = match resources.finish() {
            _ if !unread.is_empty() => Some((
                Level::Note,
                "not checked: not all dumps can be read".to_owned(),
            )),
            Some(bytes) if hex(&bytes) == entry.sha256 => None,
            _ => Some((
                Level::Warning,
                "wrong digests: computed again, they differ".to_owned(),
            )),
        };
        findings.extend(wrong.map(|(level, text)| finding(level, &entry, text)));
    }
    Ok(findings)
}

/// Tells where a member of this kind differs from what was computed; `unread` are the dumps that could not be read.
fn compare<R: Read + Seek>(
    reader: &mut Reader<R>,
    listed: &DerivedEntry,
    computed: &BTreeMap<DumpOf, Entry>,
    unread: &BTreeSet<DumpOf>,
    findings: &mut Vec<Finding>,
) {
    if unread.is_empty() && hex(&spell(computed.values().cloned())) == listed.sha256 {
        return;
    }
    let mut wrong = Vec::new();
    let content = match reader.read(&listed.path) {
        // That is told already.
        Err(_) => return,
        Ok(_) if listed.size > MAX_EXPLAINED => None,
        Ok(bytes) => serde_json::from_slice::<Content>(&bytes).ok(),
    };
    match content {
        None => wrong.push("it is no list of digests".to_owned()),
        Some(content) => {
            let mut seen = BTreeSet::new();
            for entry in &content.dumps {
                let Some(of) = DumpOf::entry(entry) else {
                    wrong.push("an entry names no dump".to_owned());
                    continue;
                };
                match computed.get(&of) {
                    _ if unread.contains(&of) => {}
                    None => wrong.push(format!("{of} has no digests")),
                    Some(computed) => wrong.extend(difference(&of, computed, entry)),
                }
                if seen.replace(of).is_some() {
                    wrong.push("a dump is listed twice".to_owned());
                }
            }
            let missing = computed.keys().filter(|of| !seen.contains(of));
            wrong.extend(missing.map(|of| format!("the digests of {of} are missing")));
            if wrong.is_empty() && unread.is_empty() {
                wrong.push("it is not spelled as its rules spell it".to_owned());
            }
        }
    }
    let more = wrong.len().saturating_sub(MOST);
    wrong.truncate(MOST);
    if more > 0 {
        wrong.push(format!("{more} more of its digests are wrong"));
    }
    let each = wrong.into_iter();
    findings.extend(each.map(|text| finding(Level::Warning, listed, text)));
}

fn difference(of: &DumpOf, computed: &Entry, found: &Entry) -> Option<String> {
    let types = computed.types.iter();
    let mut differing: Vec<&str> = types
        .filter(|(name, digests)| found.types.get(*name) != Some(*digests))
        .map(|(name, _)| name.as_str())
        .collect();
    if found
        .types
        .keys()
        .any(|name| !computed.types.contains_key(name))
    {
        differing.push("a type that it has no section of");
    }
    let are_wrong = !differing.is_empty();
    are_wrong.then(|| {
        format!(
            "wrong digests of {of}: computed again, they differ for {}",
            differing.join(", ")
        )
    })
}

fn finding(level: Level, entry: &DerivedEntry, text: String) -> Finding {
    Finding {
        level,
        rule: Rule::Derived,
        member: Some(entry.path.clone()),
        text,
    }
}

/// Its bytes: a line for each dump.
fn spell(entries: impl IntoIterator<Item = Entry>) -> Vec<u8> {
    let lines: Vec<String> = entries
        .into_iter()
        .map(|entry| serde_json::to_string(&entry).expect("strings and maps of them are JSON"))
        .collect();
    format!("{{\"dumps\":[\n{}\n]}}\n", lines.join(",\n")).into_bytes()
}

fn hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The JSON Schema of its content.
pub fn schema() -> Schema {
    schema_for!(Content)
}

/// A document of a dump: the part that it is, and its bytes.
type Part = (Option<String>, Vec<u8>);

/// Computes the digests of dumps whose documents come one after another; few are held at a time.
struct Digester {
    /// The documents of each dump that are still to come.
    missing: BTreeMap<DumpOf, BTreeSet<MemberPath>>,
    partly: BTreeMap<DumpOf, Vec<Part>>,
    /// Those of which documents came and were too much to be held.
    lost: BTreeSet<DumpOf>,
    partly_bytes: u64,
    ready: Vec<(DumpOf, Vec<Part>)>,
    ready_bytes: u64,
    threads: usize,
    computed: Computed,
}

/// What was computed so far.
struct Computed {
    /// Of single resources.
    known: Arc<KnownDigests>,
    /// The dumps that were read, with or without a result.
    read: BTreeSet<DumpOf>,
    entries: BTreeMap<DumpOf, Entry>,
    resources: Builder,
}

impl Default for Computed {
    fn default() -> Self {
        Self {
            known: Arc::new(KnownDigests::and(what_is_untold)),
            read: BTreeSet::new(),
            entries: BTreeMap::new(),
            resources: Builder::default(),
        }
    }
}

impl Computed {
    fn add(&mut self, of: DumpOf, found: Option<(Entry, Option<OfDump>)>) {
        self.read.insert(of.clone());
        let Some((entry, resources)) = found else {
            return;
        };
        if let Some(resources) = resources {
            self.resources.add(of.clone(), resources);
        }
        self.entries.insert(of, entry);
    }
}

/// What was computed of all dumps.
struct Done {
    /// The digests of each dump that has any.
    entries: BTreeMap<DumpOf, Entry>,
    /// Those of their resources.
    resources: Builder,
    /// The dumps of which not all documents came.
    unread: BTreeSet<DumpOf>,
}

impl Digester {
    /// For these documents of these sizes, but for dumps that were read already.
    fn new<'a>(
        documents: impl IntoIterator<Item = (&'a MemberPath, u64)>,
        computed: Computed,
    ) -> Self {
        let mut dumps: BTreeMap<DumpOf, (BTreeSet<MemberPath>, u64)> = BTreeMap::new();
        for (path, size) in documents {
            let Some(of) = DumpOf::document(path) else {
                continue;
            };
            let (paths, total) = dumps.entry(of).or_default();
            let has_whole = paths.iter().any(|other| other.part().is_none());
            match (path.part(), has_whole) {
                // Where there is a whole dump, it alone is read.
                (Some(_), true) => continue,
                (None, _) => (*paths, *total) = (BTreeSet::new(), 0),
                _ => {}
            }
            *total = total.saturating_add(size);
            paths.insert(path.clone());
        }
        dumps.retain(|of, (_, total)| *total <= MAX_DUMP_BYTES && !computed.read.contains(of));
        let missing = dumps.into_iter().map(|(of, (paths, _))| (of, paths));
        Self {
            missing: missing.collect(),
            partly: BTreeMap::new(),
            lost: BTreeSet::new(),
            partly_bytes: 0,
            ready: Vec::new(),
            ready_bytes: 0,
            threads: thread::available_parallelism()
                .map_or(1, NonZero::get)
                .min(THREADS),
            computed,
        }
    }

    /// Whether the document is of a dump that is to have digests.
    fn wants(&self, path: &MemberPath) -> bool {
        let missing = DumpOf::document(path).and_then(|of| self.missing.get(&of));
        missing.is_some_and(|missing| missing.contains(path))
    }

    /// Takes a document that it wants.
    fn take(&mut self, path: &MemberPath, bytes: Vec<u8>) {
        let Some(of) = DumpOf::document(path) else {
            return;
        };
        let Some(missing) = self.missing.get_mut(&of) else {
            return;
        };
        missing.remove(path);
        let is_complete = missing.is_empty();
        self.partly_bytes += bytes.len() as u64;
        let part = (path.part().map(str::to_owned), bytes);
        self.partly.entry(of.clone()).or_default().push(part);
        if !is_complete {
            if self.partly_bytes > PARTLY_BYTES {
                // A bundle that was packed again, in a strange order.
                let lost = std::mem::take(&mut self.partly).into_keys();
                for of in lost {
                    self.missing.remove(&of);
                    self.lost.insert(of);
                }
                self.partly_bytes = 0;
            }
            return;
        }
        self.missing.remove(&of);
        let mut parts = self.partly.remove(&of).unwrap_or_default();
        parts.sort_by(|(a, _), (b, _)| a.cmp(b));
        let size: u64 = parts.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        self.partly_bytes -= size;
        self.ready_bytes += size;
        self.ready.push((of, parts));
        if self.ready.len() >= self.threads || self.ready_bytes >= READY_BYTES {
            self.compute();
        }
    }

    /// What was computed when all documents came that come.
    fn finish(mut self) -> Done {
        self.compute();
        self.lost.extend(self.missing.into_keys());
        Done {
            entries: self.computed.entries,
            resources: self.computed.resources,
            unread: self.lost,
        }
    }

    fn compute(&mut self) {
        self.ready_bytes = 0;
        let ready = std::mem::take(&mut self.ready);
        let known = &self.computed.known;
        let computed: Vec<Option<(Entry, Option<OfDump>)>> = match &ready[..] {
            [(of, parts)] => vec![digest(of, parts, known)],
            several => thread::scope(|scope| {
                let threads: Vec<_> = several
                    .iter()
                    .map(|(of, parts)| {
                        let thread = thread::Builder::new().stack_size(STACK_BYTES);
                        (
                            thread.spawn_scoped(scope, || digest(of, parts, known)),
                            of,
                            parts,
                        )
                    })
                    .collect();
                let each = threads.into_iter();
                each.map(|(thread, of, parts)| match thread {
                    Ok(thread) => thread.join().unwrap_or(None),
                    Err(_) => digest(of, parts, known),
                })
                .collect()
            }),
        };
        let dumps = ready.into_iter().map(|(of, _)| of);
        for (of, found) in dumps.zip(computed) {
            self.computed.add(of, found);
        }
    }
}

/// The digests of a dump, if it is one and each resource has a normal form; those of its resources, if it is one document.
fn digest(of: &DumpOf, parts: &[Part], known: &KnownDigests) -> Option<(Entry, Option<OfDump>)> {
    let documents = parts.iter();
    let documents = documents.map(|(part, bytes)| (part.as_deref(), bytes.as_slice()));
    let dump = Dump::parse(documents).ok()?;
    let found = resource_digests(&dump, known).ok()?;
    let resources = match parts {
        [(None, document)] => OfDump::new(of, &dump, document, &found),
        _ => None,
    };
    let types = type_digests(&dump, &found);
    let text = |digest: Option<Digest>| digest.map(|digest| digest.to_string());
    let types = types.into_iter().map(
        |(
            xds_type,
            Digests {
                configuration,
                live,
            },
        )| {
            let digests = OfType {
                configuration: text(configuration),
                live: text(live),
            };
            (xds_type.to_string(), digests)
        },
    );
    let entry = Entry {
        proxy: of.proxy.to_string(),
        source: of.source.to_string(),
        istiod: of.istiod.clone(),
        types: types.collect(),
    };
    Some((entry, resources))
}
