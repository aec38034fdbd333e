//! From names to documents: what is there, and which document of which proxy it is.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    sync::Arc,
};

use super::{
    Body, Bytes, Entry, Input, InputError, Named, Place,
    bug_report::{self, ReportFile},
    content::{cannot_unpack, content_of, text_instead_of_json},
};
use crate::{
    bundle::{self, FailureEntry, MemberPath, Origin, Provenance},
    capture::files::{self, Archive},
    dump::{Content, recognize},
    model::{Document, ProxyId, Source},
    redact::Redactor,
};

/// A dump of istiod of which nothing has said yet what proxy it is about.
struct Unplaced {
    name: String,
    stem: Option<ProxyId>,
    entry: Entry,
}

impl Input {
    /// Opens what was named, except live sources: `live` are the proxies that those will bring. What is read later goes
    /// through `redactor`.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read or holds nothing known, or two documents would be the same one.
    pub fn open(
        named: &[Named],
        live: &[ProxyId],
        redactor: &Arc<Redactor>,
    ) -> Result<Self, InputError> {
        let mut input = Self {
            redactor: Arc::clone(redactor),
            ..Self::default()
        };
        let mut unplaced = Vec::new();
        for named in named {
            match &named.place {
                Place::Endpoint(_) => {}
                Place::Stdin => {
                    let stdin = io::stdin().lock();
                    let mut part = input.part("standard input");
                    part.stream("standard input", "stdin", stdin, named, &mut unplaced)?;
                    input.merge(part)?;
                }
                Place::Path(path) => {
                    let mut part = input.part(path.display());
                    part.path(path, named, &mut unplaced)?;
                    input.merge(part)?;
                }
            }
        }
        // Who names one document wants to have it at once; who names many, one after the other and others beside them.
        if input.entries.len() + unplaced.len() > 1 {
            input.held = None;
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
        let metadata = path
            .metadata()
            .map_err(|error| InputError::io(&name, error))?;
        if metadata.is_dir() {
            return self.folder(path, named, unplaced);
        }
        let open = || File::open(path).map_err(|error| InputError::io(&name, error));
        if !metadata.is_file() {
            // A pipe, as in `<(curl …)`: it can be read once.
            return self.stream(&name, "pipe", open()?, named, unplaced);
        }
        if metadata.len() == 0 {
            return Err(InputError::unusable(name, "the file is empty"));
        }
        let archive = files::archive(BufReader::new(open()?));
        match archive.map_err(|error| cannot_unpack(&name, error))? {
            Some(Archive::Zstd) => self.bundle(&name, Box::new(open()?), metadata.len()),
            Some(Archive::Other) => {
                let origin = Origin::file(path);
                self.archive(&name, &origin, BufReader::new(open()?), metadata.len())
            }
            None => self.file(path, named, unplaced),
        }
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
        let io = |error| InputError::io(name, error);
        let mut received = Vec::new();
        let read = stream.take(MAX_STREAM + 1).read_to_end(&mut received);
        read.map_err(io)?;
        if received.len() as u64 > MAX_STREAM {
            let reason = "larger than 200 MiB; write it to a file first";
            return Err(InputError::unusable(name, reason));
        }
        if received.is_empty() {
            return Err(InputError::unusable(
                name,
                "nothing came; is what writes to it failing?",
            ));
        }
        match files::archive(received.as_slice()).map_err(|error| cannot_unpack(name, error))? {
            Some(Archive::Zstd) => {
                let size = received.len() as u64;
                return self.bundle(name, Box::new(io::Cursor::new(received)), size);
            }
            Some(Archive::Other) => {
                let size = received.len() as u64;
                return self.archive(name, &Origin::file(origin), received.as_slice(), size);
            }
            None => {}
        }
        let decompressed = files::decompress(received.as_slice()).map_err(io)?;
        let (content, _) = content_of(name, decompressed, named.source, received.len() as u64)?;
        let body = Body::Unredacted {
            name: name.to_owned(),
            bytes: received,
        };
        let entry = Entry {
            form: content.form,
            ..Entry::new(Provenance::of_file(origin), body)
        };
        self.document(name, None, named, content, entry, unplaced)
    }

    fn bundle(&mut self, name: &str, file: Box<dyn Bytes>, size: u64) -> Result<(), InputError> {
        self.size_bytes = Some(self.size_bytes.unwrap_or(0) + size);
        let reader = bundle::Reader::open(name, file)?;
        let mut manifest = reader.manifest().clone();
        let at = self.bundles.len();
        self.bundles.push(reader);
        for member in &manifest.members {
            // A later version may hold members that this one does not know.
            let Ok(member_path) = member.path.parse::<MemberPath>() else {
                continue;
            };
            let body = Body::Member {
                bundle: at,
                path: member.path.clone(),
            };
            let mut provenance = Provenance::from(member);
            provenance.origin = self.scrubbed_origin(provenance.origin);
            let entry = Entry::new(provenance, body);
            self.insert(member_path, entry, name)?;
        }
        for proxy in &manifest.proxies {
            let versions = self.proxies.entry(proxy.id.clone()).or_default();
            versions.envoy.clone_from(&proxy.envoy_version);
            versions.istio.clone_from(&proxy.istio_version);
        }
        let noted = manifest
            .failures
            .iter()
            .map(|failure| self.scrubbed(failure));
        let (inherent, failures): (Vec<_>, Vec<_>) = noted.partition(bug_report::is_inherent);
        self.failures.extend(failures);
        self.inherent.extend(inherent);
        self.was_redacted |= !manifest.redaction.off;
        manifest.note = manifest.note.map(|note| self.redactor.scrub(&note).0);
        self.manifest.get_or_insert(manifest);
        Ok(())
    }

    /// What a bundle notes of a failure. Who made it may have known fewer rules, or none.
    fn scrubbed(&self, failure: &FailureEntry) -> FailureEntry {
        FailureEntry {
            origin: self.scrubbed_origin(failure.origin.clone()),
            reason: self
                .redactor
                .scrub(&self.redactor.scrub_reason(&failure.reason))
                .0,
            ..failure.clone()
        }
    }

    fn scrubbed_origin(&self, origin: Origin) -> Origin {
        Origin {
            url: origin.url.map(|url| self.redactor.scrub(&url).0),
            ..origin
        }
    }

    fn folder(
        &mut self,
        folder: &Path,
        named: &Named,
        unplaced: &mut Vec<Unplaced>,
    ) -> Result<(), InputError> {
        let name = folder.display().to_string();
        let found = files::walk(folder).map_err(|error| InputError::io(&name, error))?;
        let is_laid_out = found.iter().any(|file| file.member.is_some());
        if !is_laid_out && let [first, .., last] = &files::laid_out_below(folder, &found)[..] {
            let reason = format!(
                "the folder holds several captures, from `{first}` to `{last}`; give one of them"
            );
            return Err(InputError::unusable(name, reason));
        }
        if !is_laid_out {
            let files = found.iter().filter_map(|file| {
                let report = ReportFile::at(file.relative(folder)?.as_str())?;
                let provenance = Provenance::of_file(&file.path);
                let body = Body::File(file.path.clone());
                Some((report, Entry::new(provenance, body)))
            });
            let files: Vec<_> = files.collect();
            if files.iter().any(|(file, _)| file.is_dump()) {
                let mut paths = found.iter().filter_map(|file| file.relative(folder));
                let leaves_out = paths.any(|path| bug_report::is_not_kept(&path));
                let inherent = bug_report::inherent(Origin::file(folder), leaves_out);
                return self.bug_report(&name, files, inherent);
            }
        }
        for file in found {
            let Some(member) = file.member else {
                // Beside laid-out files, others are somebody's notes.
                if !is_laid_out {
                    let mut part = self.part(file.path.display());
                    let opened = part.path(&file.path, named, unplaced);
                    if let Err(error) = opened.and_then(|()| self.merge(part)) {
                        self.skipped.push(error.to_string());
                    }
                }
                continue;
            };
            let body = Body::File(file.path.clone());
            let entry = Entry::new(Provenance::of_file(&file.path), body);
            // What an Envoy said instead of a dump, and answers that name no resource, hold nothing.
            let io = |error| InputError::io(&file.path.display().to_string(), error);
            let mut reader = files::open(&file.path).map_err(io)?;
            let start = reader.fill_buf().map_err(io)?;
            if let Some(reason) = text_instead_of_json(member.document(), start) {
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

    fn file(
        &mut self,
        path: &Path,
        named: &Named,
        unplaced: &mut Vec<Unplaced>,
    ) -> Result<(), InputError> {
        let name = path.display().to_string();
        let recognized = files::stamp(path);
        let reader = files::open(path).map_err(|error| InputError::io(&name, error))?;
        let size = recognized.map_or(0, |(size, _)| size);
        let (content, held) = content_of(&name, reader, named.source, size)?;
        self.held = held.map(|bytes| (path.to_owned(), bytes));
        let body = Body::File(path.to_owned());
        let entry = Entry {
            form: content.form,
            recognized,
            ..Entry::new(Provenance::of_file(path), body)
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

    pub(super) fn insert(
        &mut self,
        path: MemberPath,
        entry: Entry,
        name: &str,
    ) -> Result<(), InputError> {
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
}

/// The most that is read of what can be read only once, and so is held in memory.
const MAX_STREAM: u64 = 200 << 20;

pub(super) fn failure(member: &MemberPath, origin: Origin, reason: String) -> FailureEntry {
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
