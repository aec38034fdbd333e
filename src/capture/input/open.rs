//! From names to documents: what is there, and which document of which proxy it is.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    path::Path,
};

use super::{
    Body, Entry, Input, InputError, Named, Place, archive,
    bug_report::{self, Of, ReportFile},
};
use crate::{
    bundle::{self, FailureEntry, MemberPath, Origin, Provenance},
    capture::files::{self, Archive},
    dump::{Content, Form, recognize},
    model::{Document, ProxyId, Source},
};

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
                    let mut part = Self::named("standard input");
                    part.stream("standard input", "stdin", stdin, named, &mut unplaced)?;
                    input.merge(part)?;
                }
                Place::Path(path) => {
                    let mut part = Self::named(path.display());
                    part.path(path, named, &mut unplaced)?;
                    input.merge(part)?;
                }
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
            Some(Archive::Zstd) => self.bundle(&name, open()?),
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
                // A bundle was redacted before it was written.
                let mut file = tempfile::tempfile().map_err(io)?;
                file.write_all(&received).map_err(io)?;
                return self.bundle(name, file);
            }
            Some(Archive::Other) => {
                let size = received.len() as u64;
                return self.archive(name, &Origin::file(origin), received.as_slice(), size);
            }
            None => {}
        }
        let decompressed = files::decompress(received.as_slice()).map_err(io)?;
        let content = content_of(name, decompressed, named.source)?;
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

    fn bundle(&mut self, name: &str, file: File) -> Result<(), InputError> {
        let size = file
            .metadata()
            .map_err(|error| InputError::io(name, error))?
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
            let provenance = Provenance {
                origin: member.origin.clone(),
                requested: member.requested,
                received: member.received,
                status: member.status,
                redacted: member.redacted,
            };
            let body = Body::Member {
                bundle: at,
                path: member.path.clone(),
            };
            let entry = Entry::new(provenance, body);
            self.insert(member_path, entry, name)?;
        }
        for proxy in &manifest.proxies {
            let versions = self.proxies.entry(proxy.id.clone()).or_default();
            versions.envoy.clone_from(&proxy.envoy_version);
            versions.istio.clone_from(&proxy.istio_version);
        }
        let noted = manifest.failures.iter().cloned();
        let (inherent, failures): (Vec<_>, Vec<_>) = noted.partition(bug_report::is_inherent);
        self.failures.extend(failures);
        self.inherent.extend(inherent);
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
                    let mut part = Self::named(file.path.display());
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

    /// Takes the documents of an archive that is no bundle. They are held in memory, compressed, for nothing goes to
    /// the disk unredacted.
    fn archive(
        &mut self,
        name: &str,
        origin: &Origin,
        archive: impl BufRead,
        packed: u64,
    ) -> Result<(), InputError> {
        let io = |error| InputError::io(name, error);
        let provenance = Provenance {
            origin: origin.clone(),
            ..Provenance::of_file("")
        };
        let mut files: Vec<(ReportFile, Entry)> = Vec::new();
        let mut is_laid_out = false;
        let mut leaves_out = false;
        let mut held = 0;
        let mut unread = None;
        let unpacked = files::unpack(archive).map_err(io)?;
        let seen = archive::each(unpacked, packed, |path, size, body| {
            is_laid_out |= path.parse::<MemberPath>().is_ok();
            leaves_out |= bug_report::is_not_kept(path);
            let Some(file) = ReportFile::at(path) else {
                return Ok(());
            };
            let place = format!("{name}: `{path}`");
            if size > files::MAX_DOCUMENT {
                self.skipped.push(format!("{place}: larger than 1 GiB"));
                return Ok(());
            }
            let mut packed = zstd::Encoder::new(Vec::new(), HELD_LEVEL).map_err(io)?;
            let copied = io::copy(body, &mut packed);
            let bytes = packed.finish().map_err(io)?;
            match copied {
                Ok(copied) if copied == size => {}
                // What is wrong with the archive is told where it ends.
                _ => {
                    unread.get_or_insert_with(|| path.to_owned());
                    return Ok(());
                }
            }
            held += bytes.len() as u64;
            if held > MAX_HELD {
                let reason = "larger than can be held in memory; unpack it and give the folder";
                return Err(InputError::unusable(name, reason));
            }
            let body = Body::Unredacted { name: place, bytes };
            let provenance = provenance.clone();
            files.push((file, Entry::new(provenance, body)));
            Ok(())
        })?;
        for refused in seen.refused {
            self.skipped.push(format!("{name}: {refused}"));
        }
        let cut = match (seen.cut, unread) {
            (Some(reason), Some(path)) => Some(format!("cut off or damaged at `{path}`: {reason}")),
            (Some(reason), None) => Some(format!("cut off or damaged: {reason}")),
            (None, Some(path)) => Some(format!("cut off at `{path}`")),
            (None, None) => None,
        };
        if !files.iter().any(|(file, _)| file.is_dump()) {
            let reason = match cut {
                Some(cut) => format!("the archive is {cut}; no dump stands before that"),
                None if is_laid_out => {
                    "the archive is laid out as a bundle, and no bundle (those are zstd-compressed); \
                     unpack it and give the folder"
                        .to_owned()
                }
                None => "the archive is neither a bundle nor a bug report of istioctl (expected \
                         `proxies/<namespace>/<pod>/config_dump`); unpack it and give the folder"
                    .to_owned(),
            };
            return Err(InputError::unusable(name, reason));
        }
        if let Some(cut) = cut {
            self.failures.push(FailureEntry {
                source: Source::Envoy.to_string(),
                proxy: None,
                document: None,
                part: None,
                origin: origin.clone(),
                time: None,
                status: None,
                reason: format!("the archive is {cut}"),
            });
        }
        self.bug_report(
            name,
            files,
            bug_report::inherent(origin.clone(), leaves_out),
        )
    }

    /// Takes the documents of a bug report; `inherent` is what it does not hold.
    fn bug_report(
        &mut self,
        name: &str,
        mut files: Vec<(ReportFile, Entry)>,
        inherent: FailureEntry,
    ) -> Result<(), InputError> {
        self.inherent.push(inherent);
        files.sort_by(|(a, _), (b, _)| a.cmp(b));
        if let [(first, _), .., (last, _)] = &files[..]
            && first.root != last.root
        {
            let reason = format!(
                "it holds several bug reports, from `{}` to `{}`; give one of them",
                first.root.escape_debug(),
                last.root.escape_debug()
            );
            return Err(InputError::unusable(name, reason));
        }
        // Of two names for one document the better one stands first.
        files.dedup_by(|(b, _), (a, _)| {
            (&a.of, a.document) == (&b.of, b.document) && a.rank != b.rank
        });
        let istiods = files
            .iter()
            .filter(|(file, _)| matches!(file.of, Of::Istiod(_)));
        let several = istiods.count() > 1;
        for (file, entry) in files {
            let member = match &file.of {
                Of::Proxy(proxy) => MemberPath::envoy(proxy.clone(), file.document, None),
                Of::Istiod(istiod) => {
                    let istiod = several.then_some(istiod.as_str());
                    MemberPath::istiod(istiod, None, file.document)
                }
            };
            let member = member.map_err(|error| InputError::unusable(name, error))?;
            match self.why_no_document(&member, &entry.body)? {
                None => self.insert(member, entry, name)?,
                Some(reason) => {
                    // Its proxy is there all the same.
                    if let Some(proxy) = member.proxy() {
                        self.proxies.entry(proxy.clone()).or_default();
                    }
                    self.failures
                        .push(failure(&member, entry.provenance.origin, reason));
                }
            }
        }
        Ok(())
    }

    /// Why these bytes of a stranger are not the document that they are said to be, if they are not.
    fn why_no_document(
        &mut self,
        member: &MemberPath,
        body: &Body,
    ) -> Result<Option<String>, InputError> {
        let mut reader = match body {
            Body::File(path) => files::open(path)
                .map_err(|error| InputError::io(&path.display().to_string(), error))?,
            Body::Unredacted { name, bytes } => {
                files::decompress(bytes.as_slice()).map_err(|error| InputError::io(name, error))?
            }
            Body::Redacted(_) | Body::Member { .. } => return Ok(None),
        };
        let start = match reader.fill_buf() {
            Ok(start) => start,
            Err(error) => return Ok(Some(error.to_string())),
        };
        if let Some(reason) = text_instead_of_json(member.document(), start) {
            return Ok(Some(reason));
        }
        if !starts_as_json(start) {
            return Ok(None);
        }
        Ok(match content_of("", reader, None) {
            Ok(content) if (content.document, content.form) == (member.document(), Form::Page) => {
                if let Some(proxy) = member.proxy() {
                    self.note_versions(proxy, &content);
                }
                None
            }
            Ok(content) => Some(format!("it is a `{}` document", content.document)),
            // Who asks has the name already.
            Err(InputError::Unusable { reason, .. }) => Some(reason),
            Err(InputError::Io { error, .. }) => Some(error.to_string()),
            Err(error) => return Err(error),
        })
    }

    fn file(
        &mut self,
        path: &Path,
        named: &Named,
        unplaced: &mut Vec<Unplaced>,
    ) -> Result<(), InputError> {
        let name = path.display().to_string();
        let reader = files::open(path).map_err(|error| InputError::io(&name, error))?;
        let content = content_of(&name, reader, named.source)?;
        let body = Body::File(path.to_owned());
        let entry = Entry {
            form: content.form,
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
}

/// Why the first bytes of a file cannot be had: the system does not give them, or they are compressed and damaged.
fn cannot_unpack(name: &str, error: io::Error) -> InputError {
    if error.raw_os_error().is_some() {
        return InputError::io(name, error);
    }
    let reason = format!(
        "compressed, and cut off or damaged at its beginning ({error}); take it again, or if it is a bundle, save what \
         is intact: xdsnap verify --recover NEW FILE"
    );
    InputError::unusable(name, reason)
}

/// The most that is read of what can be read only once, and so is held in memory.
const MAX_STREAM: u64 = 200 << 20;

/// The most that is held in memory of an archive's documents, which are compressed there, in bytes.
const MAX_HELD: u64 = 1 << 30;

/// The zstd level at which they are compressed: the quickest.
const HELD_LEVEL: i32 = 1;

/// The first line of a document that should be JSON and is neither that nor the text that it may be.
fn text_instead_of_json(document: Document, start: &[u8]) -> Option<String> {
    if document == Document::Version || starts_as_json(start) {
        return None;
    }
    let text = String::from_utf8_lossy(start);
    if bug_report::is_page(document, &text) {
        return None;
    }
    let line: String = text
        .lines()
        .next()
        .unwrap_or("")
        .chars()
        .take(200)
        .collect();
    Some(match line.is_empty() {
        true => "the document is empty".to_owned(),
        false => format!(
            "not JSON but text: {}",
            crate::redact::scrub_reason(&line).0
        ),
    })
}

fn starts_as_json(start: &[u8]) -> bool {
    let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(first, Some(b'{' | b'['))
}

/// What a document is; where its content says nothing, what the user says.
fn content_of(
    name: &str,
    mut reader: impl Read,
    source: Option<Source>,
) -> Result<Content, InputError> {
    let mut start = Vec::new();
    let read = reader.by_ref().take(MAX_START).read_to_end(&mut start);
    read.map_err(|error| InputError::io(name, error))?;
    let content = recognize(start.chain(reader)).map_err(|error| match error.io_error_kind() {
        Some(_) => InputError::io(name, error.into()),
        None => InputError::unusable(name, why_no_dump(&start, &error)),
    })?;
    let content = content.ok_or_else(|| {
        let reason = match start.split(u8::is_ascii_whitespace).collect::<Vec<_>>().concat() {
            empty if empty == b"[]" => {
                "an empty list, which does not tell what it is a list of; take the whole dump (`istioctl proxy-config all -o json`)"
            }
            _ => {
                "JSON, but none that Envoy, istiod or istioctl prints (expected a config dump: an object with a list `configs`)"
            }
        };
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
        false if is_binary(&line) => {
            "neither a bundle nor a dump, but binary data; of a bundle with a damaged beginning, \
             `xdsnap verify --recover NEW FILE` saves what is intact"
                .to_owned()
        }
        false => {
            let begin: String = line.chars().take(60).collect();
            format!("neither a bundle nor a dump: no JSON, it begins with `{begin}`")
        }
    }
}

/// Whether this is no text of which a beginning could be shown.
fn is_binary(line: &str) -> bool {
    line.contains(|c: char| c == char::REPLACEMENT_CHARACTER || (c.is_control() && c != '\t'))
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
