//! `xdsnap extract`

use std::{
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use wildmatch::WildMatch;

use super::{
    Exit,
    bundle_file::{self, Bytes},
    proxies, terminal,
};
use crate::{
    bundle::{Folder, MANIFEST_PATH, Manifest, Member, ReadError, Reader, Reason, UnpackError},
    render::is_unsafe,
};

/// Unpack a bundle, or some of its documents
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Every document is checked against its digest, and what is damaged is named and
left out. The folder is an INPUT like the bundle. All of a bundle goes to a new
or an empty folder, a MEMBER also beside other files. No file is replaced, and
no link is followed. The folder's path goes to standard output.

Exit status: 0 everything is there, 1 something was left out, 2 an error.

Examples:
  xdsnap extract web.xdsnap            below web/
  xdsnap extract web.xdsnap --output-dir /tmp/web '*/config_dump.json'
  xdsnap extract web.xdsnap --stdout istiod/syncz.json | jq length
  xdsnap info web.xdsnap --members     what a bundle holds")]
pub(super) struct Args {
    /// Bundle, or `-`
    #[arg(value_name = "FILE")]
    file: Option<String>,
    /// Only these (repeatable): the path of a document, or a glob in which `*` is any text
    #[arg(value_name = "MEMBER")]
    members: Vec<String>,
    /// The folder to write to; by default FILE's name without its ending, in the working folder
    #[arg(long, value_name = "DIR", conflicts_with = "stdout")]
    output_dir: Option<PathBuf>,
    /// Write the one MEMBER to standard output, byte for byte
    #[arg(long)]
    stdout: bool,
}

/// How many documents that were left out are named.
const MOST: usize = 20;

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let Some(text) = &args.file else {
        bail!("nothing to unpack; give a FILE");
    };
    if args.stdout && args.members.len() != 1 {
        bail!("--stdout writes one document; give one MEMBER");
    }
    let reader = Reader::open(text, bundle_file::open(text)?);
    let mut reader = reader.map_err(|error| bundle_file::refusal(text, error))?;
    let chosen = chosen(reader.manifest(), &args.members)?;
    if reader.manifest().redaction.off {
        terminal::warn(&format!(
            "{text}: was captured with --no-redact, so what is unpacked holds secrets in clear"
        ));
    }
    if args.stdout {
        return print(&mut reader, &chosen);
    }
    let folder = match args.output_dir {
        Some(folder) => folder,
        None => default_folder(text)?,
    };
    let mut unpacking = Unpacking {
        folder: Folder::new(&folder),
        written: 0,
        left_out: Vec::new(),
        passed_over: Vec::new(),
        is_damaged: false,
    };
    if args.members.is_empty() {
        check_empty(&folder)?;
        unpacking.take(reader.read(MANIFEST_PATH).map(|bytes| Member {
            path: MANIFEST_PATH.to_owned(),
            bytes,
        }))?;
        let mut members = reader.members().and_derived();
        while let Some(member) = members.next() {
            let derived = (member.as_ref().err())
                .and_then(|error| error.member.as_deref())
                .is_some_and(|path| members.is_derived(path));
            match member {
                Err(error) if derived => unpacking.pass_over(error)?,
                member => unpacking.take(member)?,
            }
        }
    } else {
        for path in chosen {
            let bytes = reader.read(&path);
            unpacking.take(bytes.map(|bytes| Member { path, bytes }))?;
        }
    }
    unpacking.tell();
    if unpacking.written > 0 {
        terminal::print(&format!("{}\n", folder.display()))?;
    }
    Ok(
        match unpacking.left_out.is_empty() && !unpacking.is_damaged {
            true => Exit::Same,
            false => Exit::Differs,
        },
    )
}

/// Members on their way to a folder.
struct Unpacking {
    folder: Folder,
    written: usize,
    /// What is damaged or refused, and why.
    left_out: Vec<String>,
    /// What is damaged of what can be computed again, and why.
    passed_over: Vec<String>,
    /// Whether there is damage that is about no member.
    is_damaged: bool,
}

impl Unpacking {
    /// Writes a member, or keeps why that cannot be.
    fn take(&mut self, member: Result<Member, ReadError>) -> anyhow::Result<()> {
        match member {
            Ok(member) => match self.folder.write(&member.path, &member.bytes) {
                Ok(()) => self.written += 1,
                Err(error @ UnpackError::Refused { .. }) => self.left_out.push(error.to_string()),
                Err(error) => return Err(error.into()),
            },
            Err(error) if matches!(error.reason, Reason::Io(_)) => return Err(error.into()),
            Err(error) if error.member.is_none() => {
                self.is_damaged = true;
                terminal::warn(&error.to_string());
            }
            Err(error) => self.left_out.push(error.to_string()),
        }
        Ok(())
    }

    /// Keeps why a derived member is not written. No document is left out with it.
    fn pass_over(&mut self, error: ReadError) -> anyhow::Result<()> {
        if matches!(error.reason, Reason::Io(_)) {
            return Err(error.into());
        }
        self.passed_over.push(error.to_string());
        Ok(())
    }

    fn tell(&self) {
        for error in self.left_out.iter().take(MOST) {
            terminal::warn(&format!("left out: {error}"));
        }
        if let Some(more @ 1..) = self.left_out.len().checked_sub(MOST) {
            terminal::warn(&format!(
                "left out: {more} more; `xdsnap verify` names them all"
            ));
        }
        // Where documents are left out, this is no news.
        let passed_over = self
            .passed_over
            .first()
            .filter(|_| self.left_out.is_empty());
        if let Some(error) = passed_over {
            terminal::warn(&format!("passed over, which takes nothing away: {error}"));
        }
    }
}

/// The members that are meant, in the order of the archive.
fn chosen(manifest: &Manifest, names: &[String]) -> anyhow::Result<Vec<String>> {
    let all: Vec<&str> = [MANIFEST_PATH]
        .into_iter()
        .chain(manifest.members.iter().map(|entry| entry.path.as_str()))
        .chain(manifest.derived.iter().map(|entry| entry.path.as_str()))
        .collect();
    let mut is_chosen = vec![false; all.len()];
    for name in names {
        // A path may hold what has a meaning in a glob.
        let found: Vec<usize> = match all.iter().position(|path| path == name) {
            Some(at) => vec![at],
            None => {
                let glob = WildMatch::new(name);
                let at = |(at, path): (usize, &&str)| glob.matches(path).then_some(at);
                all.iter().enumerate().filter_map(at).collect()
            }
        };
        if found.is_empty() {
            let nearest = proxies::nearest_of(name, all.into_iter());
            bail!("no document is at `{name}`{nearest}");
        }
        found.into_iter().for_each(|at| is_chosen[at] = true);
    }
    let chosen = all.into_iter().zip(is_chosen).filter(|(_, chosen)| *chosen);
    Ok(chosen.map(|(path, _)| path.to_owned()).collect())
}

/// Writes the one chosen member to standard output.
fn print(reader: &mut Reader<Box<dyn Bytes>>, chosen: &[String]) -> anyhow::Result<Exit> {
    let [path] = chosen else {
        bail!(
            "--stdout writes one document, and {} are meant (the first are `{}` and `{}`); give the path of one",
            chosen.len(),
            chosen[0],
            chosen[1]
        );
    };
    let bytes = match reader.read(path) {
        Ok(bytes) => bytes,
        Err(error) if matches!(error.reason, Reason::Io(_)) => return Err(error.into()),
        Err(error) => {
            terminal::warn(&format!("left out: {error}"));
            return Ok(Exit::Differs);
        }
    };
    let mut out = io::stdout().lock();
    if out.is_terminal() && acts_on_a_terminal(&bytes) {
        bail!("`{path}` holds characters that act on a terminal; write it to a file or a pipe");
    }
    match out.write_all(&bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(Exit::Same),
    }
}

fn acts_on_a_terminal(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    text.contains(|c: char| is_unsafe(c) && !matches!(c, '\n' | '\r' | '\t'))
}

/// Where a bundle goes that is not told where.
fn default_folder(text: &str) -> anyhow::Result<PathBuf> {
    let name = Path::new(text).file_name();
    let name = name.and_then(|name| Path::new(name).file_stem());
    match name {
        // The name of a file comes from its sender, too.
        Some(name) if text != "-" && ![".", ".."].contains(&&*name.to_string_lossy()) => {
            match Path::new(name).is_file() {
                true => bail!(
                    "{text}: its name without the ending is that of a file; name the folder: --output-dir DIR"
                ),
                false => Ok(name.into()),
            }
        }
        _ => bail!("{text}: no folder can be named after it; name one: --output-dir DIR"),
    }
}

/// Fails where there is anything in the folder: it would be taken for part of the capture.
fn check_empty(folder: &Path) -> anyhow::Result<()> {
    match folder.read_dir().map(|mut entries| entries.next()) {
        Ok(None) => Ok(()),
        Ok(Some(_)) => bail!(
            "`{}` is not empty; remove it or name another folder: --output-dir DIR",
            folder.display()
        ),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot write to `{}`", folder.display())),
    }
}

#[test]
fn the_default_folder_is_in_the_working_folder_and_named_after_the_file() {
    for (file, folder) in [
        ("web.xdsnap", Some("web")),
        ("/tmp/web-1.30.xdsnap", Some("web-1.30")),
        ("../x.xdsnap", Some("x")),
        ("..xdsnap", None),
        ("...xdsnap", None),
        ("..", None),
        ("-", None),
    ] {
        let found = default_folder(file).ok();
        assert_eq!(found.as_deref(), folder.map(Path::new), "{file}");
    }
}
