//! A folder in which the program runs. Tests add to it what they alone do there.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::program::{Ran, run, xdsnap};

pub(crate) struct Desk(pub(crate) tempfile::TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs the program here; `args` are separated by spaces.
    pub(crate) fn run(&self, args: &str) -> Ran {
        self.run_in("", args)
    }

    /// The same in a folder in here.
    pub(crate) fn run_in(&self, folder: &str, args: &str) -> Ran {
        run(xdsnap(args.split_whitespace()).current_dir(self.path(folder)))
    }

    /// Makes the bundle `name` of `input`, whatever that lacks.
    pub(crate) fn keep(&self, name: &str, input: &Path) {
        let ran = run(xdsnap(["capture", "-q", "--allow-missing", "-o"])
            .arg(self.path(name))
            .arg(input));
        assert_eq!(ran.status, 0, "{}", ran.err);
    }

    /// The names of the files here.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}
