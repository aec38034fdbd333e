//! Taking the documents of a stranger's archive, or of a bug report that was unpacked.

use std::io::{self, BufRead};

use super::{
    Body, Entry, Input, InputError, archive,
    bug_report::{self, Of, ReportFile},
    content::{content_of, starts_as_json, text_instead_of_json},
    open::failure,
};
use crate::{
    bundle::{FailureEntry, MemberPath, Origin, Provenance},
    capture::files,
    dump::Form,
    model::Source,
};

/// The most that is held in memory of an archive's documents, which are compressed there, in bytes.
const MAX_HELD: u64 = 1 << 30;

/// The zstd level at which they are compressed: the quickest.
const HELD_LEVEL: i32 = 1;

impl Input {
    /// Takes the documents of an archive that is no bundle. They are held in memory, compressed, for nothing goes to
    /// the disk unredacted.
    pub(super) fn archive(
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
    pub(super) fn bug_report(
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
        Ok(match content_of("", reader, None, 0) {
            Ok((content, _))
                if (content.document, content.form) == (member.document(), Form::Page) =>
            {
                if let Some(proxy) = member.proxy() {
                    self.note_versions(proxy, &content);
                }
                None
            }
            Ok((content, _)) => Some(format!("it is a `{}` document", content.document)),
            // Who asks has the name already.
            Err(InputError::Unusable { reason, .. }) => Some(reason),
            Err(InputError::Io { error, .. }) => Some(error.to_string()),
            Err(error) => return Err(error),
        })
    }
}
