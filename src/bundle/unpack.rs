//! Members as files below a folder, and never outside.

use std::{
    collections::HashMap,
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Component, Path, PathBuf},
};

use super::layout::unsafe_path;

/// A folder that members are unpacked to.
///
/// What is there is never replaced, and no link in it is followed.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    /// How each path and each folder on the way to it was spelled first, by its lowercase form.
    spelled: HashMap<String, String>,
}

/// Why a member is not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// It must not be: it would replace something, or stand outside the folder. Others may be.
    #[error("member `{}`: refused: {reason}", .member.escape_debug())]
    Refused {
        /// Its path.
        member: String,
        /// Why.
        reason: String,
    },
    /// A file or a folder could not be written.
    #[error("cannot write `{}`", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
}

impl Folder {
    /// The folder at `root`, which is made when the first member is written.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            spelled: HashMap::new(),
        }
    }

    /// Writes a member. Half of one is never left.
    ///
    /// # Errors
    ///
    /// [`UnpackError::Refused`] if something is at its place, a link or a file is where a folder on the way should be,
    /// or its path differs from an earlier one in letter case only; [`UnpackError::Io`] if it cannot be written.
    pub fn write(&mut self, member: &str, bytes: &[u8]) -> Result<(), UnpackError> {
        let refused = |reason: String| UnpackError::Refused {
            member: member.to_owned(),
            reason,
        };
        // Whoever calls this has checked it; what is written must not depend on that.
        let is_plain = |part| matches!(part, Component::Normal(_));
        if unsafe_path(member).is_some() || !Path::new(member).components().all(is_plain) {
            return Err(refused("its path leads out of the folder".to_owned()));
        }
        if cfg!(windows) && member.split('/').any(means_more_on_windows) {
            let reason = "Windows would take a part of its path for something else";
            return Err(refused(reason.to_owned()));
        }
        self.check_case(member).map_err(refused)?;
        let io = |path: &Path| {
            let path = path.to_owned();
            move |error| UnpackError::Io { path, error }
        };
        fs::create_dir_all(&self.root).map_err(io(&self.root))?;
        let mut path = self.root.clone();
        let mut parts = member.split('/').peekable();
        while let Some(part) = parts.next() {
            path.push(part);
            if parts.peek().is_none() {
                break;
            }
            match path.symlink_metadata() {
                Ok(found) if found.is_dir() => {}
                Ok(_) => {
                    let reason = format!("`{}` is a link or a file", path.display());
                    return Err(refused(reason));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    fs::create_dir(&path).map_err(io(&path))?;
                }
                Err(error) if is_too_long(&error) => return Err(refused(TOO_LONG.to_owned())),
                Err(error) => return Err(io(&path)(error)),
            }
        }
        let mut file = match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let reason = format!("`{}` exists, and is not replaced", path.display());
                return Err(refused(reason));
            }
            Err(error) if is_too_long(&error) => return Err(refused(TOO_LONG.to_owned())),
            Err(error) => return Err(io(&path)(error)),
        };
        file.write_all(bytes).map_err(|error| {
            drop(file);
            // What cannot be removed either is told by the same error.
            let _ = fs::remove_file(&path);
            io(&path)(error)
        })
    }

    /// Fails where a file system that does not tell letter case would take the member, or a folder on the way to it, for
    /// another one.
    fn check_case(&mut self, member: &str) -> Result<(), String> {
        let ends = member.match_indices('/').map(|(at, _)| at);
        for end in ends.chain([member.len()]) {
            let path = &member[..end];
            let first = self.spelled.entry(path.to_lowercase());
            let first = first.or_insert_with(|| path.to_owned());
            if first != path {
                return Err(format!(
                    "it differs from `{}` in letter case only",
                    first.escape_debug()
                ));
            }
        }
        Ok(())
    }
}

/// A proxy's ID of 253 bytes makes a file name of 270, and most file systems take 255.
const TOO_LONG: &str = "the file system does not take so long a name; give `--stdout`";

fn is_too_long(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidFilename
}

#[test]
fn a_name_that_the_file_system_does_not_take_is_refused_and_no_other() {
    let target = tempfile::tempdir().unwrap();
    let mut folder = Folder::new(target.path());
    let name = "x".repeat(253);
    for member in [
        format!("istiod/{name}.config_dump.json"),
        format!("later/{name}.json/x.json"),
    ] {
        let error = folder.write(&member, b"{}").unwrap_err();
        assert!(matches!(error, UnpackError::Refused { .. }), "{error}");
        assert!(error.to_string().contains("so long a name"), "{error}");
    }
    let member = format!("envoy/{name}/config_dump.json");
    folder.write(&member, b"{}").unwrap();
}

/// Whether Windows would not make a file or a folder of just this name: it is that of a device, with any ending, or
/// names a stream of a file, or is written with its end cut off. (Microsoft: "Naming Files, Paths, and Namespaces".)
fn means_more_on_windows(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let stem = stem.to_ascii_lowercase();
    let number = ["com", "lpt"]
        .iter()
        .find_map(|port| stem.strip_prefix(port));
    let mut digits = number.unwrap_or_default().chars();
    let is_port = matches!(
        (digits.next(), digits.next()),
        (Some('0'..='9' | '¹' | '²' | '³'), None)
    );
    is_port
        || ["con", "prn", "aux", "nul", "conin$", "conout$"].contains(&stem.as_str())
        || name.ends_with(['.', ' '])
        || name.contains([':', '<', '>', '"', '|', '?', '*'])
}

#[test]
fn what_windows_takes_for_something_else_is_known() {
    for name in [
        "CON",
        "nul.txt",
        "aux .json",
        "com1",
        "LPT9.x",
        "COM²",
        "a.",
        "a ",
        "a:b",
        "C:",
        "a*",
        "conout$",
    ] {
        assert!(means_more_on_windows(name), "{name}");
    }
    for name in [
        "config_dump.json",
        "console",
        "com",
        "com10",
        "a.con",
        " a",
        ".x",
        "web-1.shop",
    ] {
        assert!(!means_more_on_windows(name), "{name}");
    }
}

#[test]
fn a_path_that_leads_out_or_differs_in_letter_case_only_is_refused() {
    let target = tempfile::tempdir().unwrap();
    let root = target.path().join("new");
    let mut folder = Folder::new(&root);
    for (member, is_written) in [
        ("envoy/web/stats.json", true),
        ("envoy/web/certs.json", true),
        ("envoy/web/certs.json", false),
        ("envoy/web/Stats.json", false),
        ("envoy/Web/listeners.json", false),
        ("envoy/web/stats.json/x.json", false),
        ("../out.json", false),
        ("envoy/../../out.json", false),
        ("/tmp/out.json", false),
        ("", false),
    ] {
        let result = folder.write(member, b"{}");
        match (is_written, &result) {
            (true, Ok(())) | (false, Err(UnpackError::Refused { .. })) => {}
            _ => panic!("{member}: {result:?}"),
        }
    }
    assert_eq!(fs::read_dir(target.path()).unwrap().count(), 1);
    assert_eq!(fs::read_dir(root.join("envoy/web")).unwrap().count(), 2);
}
