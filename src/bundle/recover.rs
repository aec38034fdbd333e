//! Getting back what is intact: of a cut or damaged bundle, and of what an interrupted capture left.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    io::{Read, Seek},
};

use serde_json::value::RawValue;

use crate::model::{ProxyId, Source, json_problem};

use super::{
    about::{Head, Provenance, Replaced},
    archive::Archive,
    derived::Kept,
    error::{ReadError, Reason},
    finding::{Finding, Level, Rule},
    format::{
        Captured, FailureEntry, IstiodEntry, Manifest, MemberEntry, Origin, ProxyEntry, Redaction,
        Version,
    },
    layout::{MANIFEST_PATH, MemberPath},
    reader::Reader,
    unlisted::Unlisted,
    write_error::WriteError,
    writer::{Entry, Fields, Writer, Written, raw},
};

/// A file from which to get back what is intact. See [`recover`].
#[derive(Debug)]
pub struct Recovery<R> {
    name: String,
    file: File<R>,
}

#[derive(Debug)]
enum File<R> {
    /// Its manifest is intact.
    Listed(Box<Reader<R>>),
    /// It has none, or a damaged one.
    Unlisted(Box<Unlisted<R>>),
}

/// A member that is what was written, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intact {
    /// What the manifest, or a fragment of one, says of it. Where both are lost, the file that is recovered from is
    /// its origin.
    pub entry: MemberEntry,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A bundle that was made of what was intact.
#[derive(Debug)]
pub struct Salvage {
    /// The new bundle; none where nothing was intact.
    pub written: Option<Written>,
    /// How many members it holds.
    pub members: usize,
    /// What was lost, and why: a [`Level::Error`] each. Below that nothing was lost.
    pub findings: Vec<Finding>,
}

/// Opens a cut or damaged bundle, or what an interrupted capture left, to get back what is intact.
///
/// A member is intact if its size and digest are what the manifest says. Where there is no manifest, or a damaged one, it
/// is intact if the checksums of all zstd frames that hold it agree, and also its size and digest with the fragment that
/// stands before it in a partial file.
///
/// # Errors
///
/// Where the file is no zstd-compressed tar archive, of another major version, or cannot be read.
pub fn recover<R: Read + Seek>(name: &str, mut file: R) -> Result<Recovery<R>, ReadError> {
    let why = match Reader::open(name, &mut file) {
        Ok(_) => {
            return Ok(Recovery {
                name: name.to_owned(),
                file: File::Listed(Box::new(Reader::open(name, file)?)),
            });
        }
        Err(
            error @ ReadError {
                reason: Reason::Io(_) | Reason::UnsupportedVersion { .. },
                ..
            },
        ) => {
            return Err(error);
        }
        Err(error) => error,
    };
    let damage = match why.reason {
        Reason::Unfinished => None,
        reason => {
            Some(Finding::new(Level::Error, Rule::Manifest, reason.to_string()).of(MANIFEST_PATH))
        }
    };
    let archive = Archive::damaged(file).map_err(|reason| ReadError {
        bundle: name.to_owned(),
        member: None,
        reason,
    })?;
    Ok(Recovery {
        name: name.to_owned(),
        file: File::Unlisted(Box::new(Unlisted::new(name, archive, damage))),
    })
}

impl<R: Read + Seek> Recovery<R> {
    /// The manifest, if it is intact.
    pub fn manifest(&self) -> Option<&Manifest> {
        match &self.file {
            File::Listed(reader) => Some(reader.manifest()),
            File::Unlisted(_) => None,
        }
    }

    /// The intact members, and what is wrong with the rest, in the order of the file.
    pub fn members(&mut self) -> Box<dyn Iterator<Item = Result<Intact, Finding>> + '_> {
        match &mut self.file {
            File::Listed(reader) => {
                let entries: HashMap<String, MemberEntry> = (reader.manifest().members.iter())
                    .map(|entry| (entry.path.clone(), entry.clone()))
                    .collect();
                Box::new(reader.members().map(move |member| match member {
                    Ok(member) => Ok(Intact {
                        entry: entries[&member.path].clone(),
                        bytes: member.bytes,
                    }),
                    Err(error) => Err(error.into()),
                }))
            }
            File::Unlisted(unlisted) => {
                unlisted.rewind();
                Box::new(std::iter::from_fn(|| {
                    let (entry, bytes) = match unlisted.next()? {
                        Ok(found) => found,
                        Err(finding) => return Some(Err(finding)),
                    };
                    Some(Ok(Intact {
                        entry: entry.known,
                        bytes,
                    }))
                }))
            }
        }
    }

    /// Writes what is intact as a bundle, by `tool`. What the manifest says and this release does not know is kept;
    /// what was lost stands in it as failures. Derived members are kept where all that they were made from is there.
    /// Where nothing is intact, nothing is written.
    ///
    /// # Errors
    ///
    /// Where the bundle cannot be written.
    pub fn write(self, mut writer: Writer, tool: &str) -> Result<Salvage, WriteError> {
        // What is recovered stays where it is.
        writer.leave_nothing();
        match self.file {
            File::Listed(reader) => write_listed(*reader, writer, tool, &self.name),
            File::Unlisted(unlisted) => write_unlisted(*unlisted, writer, tool),
        }
    }
}

fn write_listed<R: Read + Seek>(
    mut reader: Reader<R>,
    mut writer: Writer,
    tool: &str,
    name: &str,
) -> Result<Salvage, WriteError> {
    let unreadable = |what: String| WriteError::Body {
        path: MANIFEST_PATH.to_owned(),
        error: std::io::Error::other(what),
    };
    let bytes = reader
        .read(MANIFEST_PATH)
        .map_err(|err| unreadable(err.to_string()))?;
    let json = |err: serde_json::Error| unreadable(json_problem(&err));
    let mut manifest: Fields = serde_json::from_slice(&bytes).map_err(json)?;
    let entries: Vec<Fields> = serde_json::from_str(manifest["members"].get()).map_err(json)?;
    let failures: Vec<Box<RawValue>> =
        serde_json::from_str(manifest["failures"].get()).map_err(json)?;
    // They are sorted by what is known of them.
    let known = reader.manifest().failures.iter().cloned();
    let mut failures: Vec<(FailureEntry, Box<RawValue>)> = known.zip(failures).collect();
    drop(bytes);
    let mut entries: HashMap<String, Fields> = (reader.manifest().members.iter())
        .map(|entry| entry.path.clone())
        .zip(entries)
        .collect();
    let mut findings = Vec::new();
    let mut members = 0;
    let mut kept = Kept::new(&reader, manifest.remove("derived"));
    let mut all = reader.members().and_derived();
    while let Some(member) = all.next() {
        let path = match &member {
            Ok(member) => Some(&member.path),
            Err(error) => error.member.as_ref(),
        };
        if path.is_some_and(|path| all.is_derived(path)) {
            findings.extend(kept.take(member, &mut writer)?);
            continue;
        }
        match member {
            Ok(member) => {
                let entry = entries.remove(&member.path).unwrap_or_default();
                writer.copy(&member.path, Entry::Copied(entry), &member.bytes)?;
                members += 1;
            }
            Err(error) => {
                let mut finding = Finding::from(error);
                if finding.member.is_none() {
                    // What is lost, the manifest names.
                    finding.level = Level::Warning;
                }
                findings.push(finding);
            }
        }
    }
    if members == 0 {
        return Ok(Salvage {
            written: None,
            members,
            findings,
        });
    }
    findings.extend(kept.finish(&mut writer));
    // What is made anew is not missed.
    writer.derive_all()?;
    findings.retain(|finding| {
        finding.rule != Rule::Derived
            || !finding
                .member
                .as_ref()
                .is_some_and(|path| writer.has_derived(path))
    });
    let mut told = HashSet::new();
    for finding in &findings {
        let Some(path) = &finding.member else {
            continue;
        };
        let lost = entries.contains_key(path) && told.insert(path);
        if let (true, Ok(path)) = (lost, path.parse()) {
            let failure = lost_member(&path, name, &finding.text);
            failures.push((failure.clone(), raw(&failure)));
        }
    }
    if !told.is_empty() {
        failures.sort_by(|a, b| a.0.cmp(&b.0));
        let failures: Vec<_> = failures.into_iter().map(|(_, failure)| failure).collect();
        manifest.insert("failures".to_owned(), raw(&failures));
    }
    manifest.insert("tool".to_owned(), raw(&tool));
    if !reader.manifest().version.is_newer() {
        manifest.insert("version".to_owned(), raw(&Version::CURRENT));
    }
    Ok(Salvage {
        written: Some(writer.finish_copy(manifest)?),
        members,
        findings,
    })
}

fn write_unlisted<R: Read + Seek>(
    mut file: Unlisted<R>,
    mut writer: Writer,
    tool: &str,
) -> Result<Salvage, WriteError> {
    let mut head = Head {
        tool: tool.to_owned(),
        ..Head::default()
    };
    let mut proxies: BTreeSet<ProxyId> = BTreeSet::new();
    let mut istiods: BTreeSet<Option<String>> = BTreeSet::new();
    let mut findings = Vec::new();
    let mut members = 0;
    let mut replaced = Replaced::default();
    file.rewind();
    while let Some(member) = file.next() {
        let (entry, bytes) = match member {
            Ok(found) => found,
            Err(finding) => {
                let lost = finding.member.as_deref().and_then(|path| path.parse().ok());
                if let (Some(path), Level::Error) = (lost, finding.level) {
                    writer.failure_entry(lost_member(&path, &file.name, &finding.text));
                }
                findings.push(finding);
                continue;
            }
        };
        if let Ok(path) = entry.known.path.parse::<MemberPath>() {
            proxies.extend(path.proxy().cloned());
            if path.source() == Source::Istiod {
                istiods.insert(path.istiod_name().map(str::to_owned));
            }
        }
        if let (Some(start), Some(end)) = (entry.known.requested, entry.known.received) {
            head.captured = Captured::join(head.captured, Some(Captured { start, end }));
        }
        replaced.add(&Provenance::from(&entry.known).redacted.unwrap_or_default());
        writer.copy(&entry.known.path, Entry::Copied(entry.fields), &bytes)?;
        members += 1;
    }
    if members == 0 {
        return Ok(Salvage {
            written: None,
            members,
            findings,
        });
    }
    let known = file.known();
    for failure in known.failures {
        writer.failure_entry(failure);
    }
    head.note = known.note;
    head.captured = Captured::join(head.captured, known.captured);
    head.redaction = Redaction {
        rules: known.rules,
        values: replaced.values,
        by_rule: replaced.by_rule,
        // Nothing was replaced with a key that was not used.
        keys: match replaced.values {
            0 => BTreeSet::new(),
            _ => known.keys,
        },
        off: known.off,
    };
    head.proxies = versions_of(known.proxies, &proxies);
    head.istiods = (istiods.into_iter())
        .map(|name| {
            let mut told = known.istiods.iter().filter(|istiod| istiod.name == name);
            let version = told.rfind(|istiod| istiod.version.is_some());
            IstiodEntry {
                version: version.and_then(|istiod| istiod.version.clone()),
                name,
            }
        })
        .collect();
    Ok(Salvage {
        written: Some(writer.finish(head)?),
        members,
        findings,
    })
}

/// What was told of those proxies of which there is a member, each once.
fn versions_of(told: Vec<ProxyEntry>, there: &BTreeSet<ProxyId>) -> Vec<ProxyEntry> {
    let mut proxies: BTreeMap<ProxyId, ProxyEntry> = BTreeMap::new();
    for later in told {
        if !there.contains(&later.id) {
            continue;
        }
        match proxies.get_mut(&later.id) {
            Some(known) => {
                known.envoy_version = later.envoy_version.or(known.envoy_version.take());
                known.istio_version = later.istio_version.or(known.istio_version.take());
                known.istiod = later.istiod.or(known.istiod.take());
            }
            None => {
                proxies.insert(later.id.clone(), later);
            }
        }
    }
    proxies.into_values().collect()
}

fn lost_member(path: &MemberPath, file: &str, why: &str) -> FailureEntry {
    FailureEntry {
        source: path.source().to_string(),
        proxy: path.proxy().map(ToString::to_string),
        document: Some(path.document().to_string()),
        part: path.part().map(str::to_owned),
        origin: Origin::file(file),
        time: None,
        status: None,
        reason: format!("lost from a damaged bundle: {why}"),
    }
}
