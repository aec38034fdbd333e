//! The program itself, in an environment that is the same everywhere.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use assert_cmd::Command;

/// What a run of the program left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Standard output as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        let error = |error| panic!("{error}: {self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(error)
    }

    /// The last line of standard output.
    pub(crate) fn last_line(&self) -> &str {
        self.out.lines().next_back().unwrap_or_default()
    }
}

/// `xdsnap` as it is started without any help, but for where its key is.
pub(crate) fn bare() -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_xdsnap"));
    command.env("HOME", home()).env("XDG_STATE_HOME", home());
    command.env_remove("XDSNAP_REDACTION_KEY_FILE");
    command
}

/// `xdsnap` in 80 columns of UTF-8, without colour and pager, whatever the environment of the tests.
pub(crate) fn xdsnap<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xdsnap"));
    for name in [
        "NO_COLOR",
        "CLICOLOR_FORCE",
        "LC_ALL",
        "LC_CTYPE",
        "RUST_BACKTRACE",
        "XDSNAP_REDACTION_KEY_FILE",
    ] {
        command.env_remove(name);
    }
    command.env("LANG", "C.UTF-8").env("COLUMNS", "80");
    command.env("HOME", home()).env("XDG_STATE_HOME", home());
    command.args(args);
    command
}

/// Where the program keeps its key during this run of the tests: what it makes is not that of whoever runs them.
pub(crate) fn home() -> &'static Path {
    static HOME: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("home");
        let key = folder.join("xdsnap/redaction.key");
        fs::create_dir_all(key.parent().unwrap()).unwrap();
        // The same always, for the samples in documents hold what it makes.
        fs::write(&key, format!("{}\n", "5a".repeat(32))).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        folder
    });
    &HOME
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran {
        status: output.status.code().unwrap(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// The path of something in `testdata`.
pub(crate) fn testdata(path: &str) -> PathBuf {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("testdata").join(path)
}

/// A recording in `testdata`, which may be compressed.
pub(crate) fn recording(path: &str) -> Vec<u8> {
    let packed = testdata(&format!("{path}.zst"));
    match packed.exists() {
        true => zstd::decode_all(fs::File::open(packed).unwrap()).unwrap(),
        false => fs::read(testdata(path)).unwrap(),
    }
}

/// One step of the recorded canary: `istiod/…` and `envoy/…` of three proxies, in sync.
pub(crate) const BEFORE: &str = "corpus/b_canary/1_95_5";

/// The next one: `reviews` has weights of 50 and 50, no longer 95 and 5.
pub(crate) const AFTER: &str = "corpus/b_canary/2_50_50";
