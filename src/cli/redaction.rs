//! The arguments of redaction: whose key makes the tokens, and what may be kept or shown.

use std::{
    env,
    io::{self, BufRead, IsTerminal, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, anyhow, bail};

use super::terminal;
use crate::{
    capture::{
        Input,
        key_file::{self, KeyFile, KeyFileError},
    },
    model::Sealer,
    redact::{Key, Policy, Pseudonyms, Redactor},
};

/// What one has to write where nobody can be asked.
const YES: &str = "yes-it-holds-secrets";

/// The variable that names a key file as `--redaction-key-file` does.
const KEY_FILE: &str = "XDSNAP_REDACTION_KEY_FILE";

/// Whose key secrets are turned into tokens with.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Redaction")]
pub(super) struct KeyArgs {
    /// The key of a team [default: your own]
    #[arg(long, value_name = "FILE", conflicts_with = "redaction_key")]
    redaction_key_file: Option<PathBuf>,
    /// A key for this run alone
    #[arg(long, value_name = "none", value_parser = throwaway)]
    redaction_key: Option<Throwaway>,
}

/// Whose key, and whether a capture keeps secrets.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Redaction")]
pub(super) struct KeepArgs {
    /// Keep secrets in clear; asks first
    #[arg(
        long,
        value_name = "YES",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        conflicts_with_all = ["redact_hostnames", "redact_ips"],
        value_parser = consent
    )]
    no_redact: Option<Consent>,
    #[command(flatten)]
    names: NameArgs,
    #[command(flatten)]
    key: KeyArgs,
}

/// What is replaced beside secrets.
#[derive(Clone, Copy, Debug, clap::Args)]
#[command(next_help_heading = "Redaction")]
pub(super) struct NameArgs {
    /// Replace host names, too, consistently
    #[arg(long)]
    redact_hostnames: bool,
    /// Replace IP addresses, too, consistently
    #[arg(long)]
    redact_ips: bool,
}

impl NameArgs {
    /// Whether anything beside secrets is to be replaced.
    pub(super) fn is_any(self) -> bool {
        self.redact_hostnames || self.redact_ips
    }

    /// A redactor by `key` that replaces these.
    pub(super) fn redactor(self, key: &KeyArgs) -> anyhow::Result<Arc<Redactor>> {
        let redactor = Redactor::new(Policy::Tokens(key.load()?));
        Ok(Arc::new(redactor.with_pseudonyms(Pseudonyms {
            hostnames: self.redact_hostnames,
            ips: self.redact_ips,
        })))
    }
}

/// Whose key, and whether secrets are shown.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Redaction")]
pub(super) struct ShowArgs {
    /// Show secrets, on a terminal only
    #[arg(
        long,
        value_name = "YES",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        value_parser = consent
    )]
    show_secrets: Option<Consent>,
    #[command(flatten)]
    key: KeyArgs,
}

/// That a key of one run alone is wanted.
#[derive(Clone, Copy, Debug)]
struct Throwaway;

/// How far somebody has agreed to see or to keep secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Consent {
    /// Where a terminal tells that it is a person.
    OnTerminal,
    /// In so many words.
    Given,
}

/// What was typed is never repeated: it may be a key.
fn throwaway(text: &str) -> Result<Throwaway, String> {
    match text {
        "none" => Ok(Throwaway),
        _ => Err(
            "expected `none`, for a key that is thrown away; --redaction-key-file names a file with one"
                .to_owned(),
        ),
    }
}

fn consent(text: &str) -> Result<Consent, String> {
    match text {
        "" => Ok(Consent::OnTerminal),
        YES => Ok(Consent::Given),
        _ => Err(format!(
            "expected no value, on a terminal, or `{YES}`, where nobody can be asked"
        )),
    }
}

impl KeyArgs {
    /// A redactor that makes tokens by the key that was chosen.
    pub(super) fn redactor(&self) -> anyhow::Result<Arc<Redactor>> {
        Ok(Arc::new(Redactor::new(Policy::Tokens(self.load()?))))
    }

    fn load(&self) -> anyhow::Result<Key> {
        if let Some(Throwaway) = self.redaction_key {
            return random();
        }
        let variable = env::var_os(KEY_FILE).filter(|name| !name.is_empty());
        let of_variable = self.redaction_key_file.is_none() && variable.is_some();
        if let Some(path) = (self.redaction_key_file.clone()).or(variable.map(PathBuf::from)) {
            let flag = match of_variable {
                true => KEY_FILE,
                false => "--redaction-key-file",
            };
            let found = key_file::read(&path).map_err(|error| refused(flag, &path, error))?;
            if found.is_open_to_all {
                warn_open(&path, "o=");
            }
            return Ok(found.key);
        }
        let Some(path) = own_key_file() else {
            return thrown_away("there is no home directory to keep one in");
        };
        match key_file::read_or_make(&path) {
            Ok(KeyFile {
                key,
                is_open_to_group,
                is_open_to_all,
            }) => {
                if is_open_to_group || is_open_to_all {
                    warn_open(&path, "600");
                }
                Ok(key)
            }
            Err(error @ KeyFileError::CannotMake { .. }) => thrown_away(&error.to_string()),
            Err(error) => Err(broken(error)),
        }
    }
}

/// What seals by the key that this user goes by where nothing else is said, if there is one already.
pub(super) fn sealer() -> Option<Sealer> {
    let named = env::var_os(KEY_FILE).filter(|name| !name.is_empty());
    let path = named.map(PathBuf::from).or_else(own_key_file)?;
    key_file::read(&path).ok()?.key.sealer()
}

impl KeepArgs {
    /// A redactor as it was chosen; asks where it is to keep everything.
    pub(super) fn redactor(&self) -> anyhow::Result<Arc<Redactor>> {
        match self.no_redact {
            None => self.names.redactor(&self.key),
            Some(Consent::Given) => Ok(off()),
            Some(Consent::OnTerminal) => {
                if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
                    bail!(
                        "--no-redact: keeps private keys, passwords and tokens in clear; as nobody can be asked here, \
                         write --no-redact={YES}"
                    );
                }
                match ask(
                    "The bundle will hold private keys, passwords and tokens in clear. Keep them?",
                )? {
                    true => Ok(off()),
                    false => {
                        bail!("nothing was captured; without --no-redact, secrets are taken out")
                    }
                }
            }
        }
    }
}

impl ShowArgs {
    /// A redactor as it was chosen; `to_terminal` is whether the terminal is all that is written to.
    pub(super) fn redactor(&self, to_terminal: bool) -> anyhow::Result<Arc<Redactor>> {
        match self.show_secrets {
            None => self.key.redactor(),
            Some(Consent::OnTerminal) if !to_terminal => bail!(
                "--show-secrets: shows private keys, passwords and tokens in clear, on a terminal only; elsewhere write \
                 --show-secrets={YES}"
            ),
            Some(_) => Ok(off()),
        }
    }

    /// Says what `input`, called `label`, cannot show although it was asked for.
    pub(super) fn tell_lost(&self, label: &str, input: &Input) {
        if self.show_secrets.is_some() && input.was_redacted() {
            terminal::tell(&format!(
                "xdsnap: {label}: what was redacted when it was captured is not in it, so it cannot be shown"
            ));
        }
    }
}

/// Whether what is printed goes to a terminal.
pub(super) fn prints_to_terminal() -> bool {
    io::stdout().is_terminal()
}

/// A redactor that takes nothing out.
fn off() -> Arc<Redactor> {
    Arc::new(Redactor::new(Policy::Off))
}

fn random() -> anyhow::Result<Key> {
    Key::random().context("no random key can be made")
}

/// A key of this run alone, since there can be no other for this reason.
fn thrown_away(why: &str) -> anyhow::Result<Key> {
    terminal::warn(&format!(
        "{why}: secrets go by a key of this run alone, and compare with those of no other run; \
         --redaction-key-file FILE gives one (openssl rand -hex 32 > FILE)"
    ));
    random()
}

/// Where the user's own key is, by what the XDG Base Directory Specification says of state.
fn own_key_file() -> Option<PathBuf> {
    let absolute = |name| {
        let path = env::var_os(name).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    };
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
    state.map(|state| state.join("xdsnap").join("redaction.key"))
}

/// Why a key file that was named, by `flag`, gives no key.
fn refused(flag: &str, path: &Path, error: KeyFileError) -> anyhow::Error {
    let path = path.display();
    let todo = match &error {
        KeyFileError::Missing(_) => format!(
            "make one (openssl rand -hex 32 > {path}), or copy that of a colleague or your own"
        ),
        KeyFileError::NoKey { .. } => {
            "name another, or make a new one (openssl rand -hex 32 > NEW)".to_owned()
        }
        _ => "name a file with a key (openssl rand -hex 32 > FILE makes one)".to_owned(),
    };
    anyhow!("{flag}: {error}; {todo}")
}

/// Why the user's own key file gives no key.
fn broken(error: KeyFileError) -> anyhow::Error {
    anyhow!(
        "{error}; restore it, or move it away and a new one is made (secrets then compare with those of earlier \
         captures no more)"
    )
}

/// Warns of a key that others can read.
fn warn_open(path: &Path, mode: &str) {
    let path = path.display();
    terminal::warn(&format!(
        "`{path}`: others can read this key, and guess at secrets with it; type: chmod {mode} {path}"
    ));
}

/// Asks a question on standard error; everything but a yes is a no.
fn ask(question: &str) -> anyhow::Result<bool> {
    let mut err = io::stderr().lock();
    write!(err, "xdsnap: {question} [y/N] ").and_then(|()| err.flush())?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(
        answer.trim().to_ascii_lowercase().as_str(),
        "y" | "yes"
    ))
}
