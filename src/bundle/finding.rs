//! What is wrong with a bundle, as data.

use std::fmt;

use super::error::{ReadError, Reason};

/// Something that is wrong with a bundle, or worth knowing of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// Which rule of the format it is about, as a word for scripts.
    pub rule: Rule,
    /// The member's path, where it is about one.
    pub member: Option<String>,
    /// What was found, for a person.
    pub text: String,
}

/// How bad a [`Finding`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Nothing is wrong, but a reader may wonder.
    Note,
    /// The bundle reads right, but breaks a rule of the format.
    Warning,
    /// Something cannot be read, or is not what it was.
    Error,
}

/// The part of the format that a [`Finding`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The bytes of a member are what the manifest lists.
    Member,
    /// What `manifest.json` says.
    Manifest,
    /// The tar archive: its headers, order and end.
    Archive,
    /// The zstd frames.
    Frames,
    /// The seek table, and the offsets that go with it.
    SeekTable,
    /// The version of the format.
    Version,
    /// What was computed from members.
    Derived,
}

impl Level {
    /// The word for scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Rule {
    /// The word for scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Manifest => "manifest",
            Self::Archive => "archive",
            Self::Frames => "frames",
            Self::SeekTable => "seek-table",
            Self::Version => "version",
            Self::Derived => "derived",
        }
    }
}

impl Finding {
    pub(super) fn new(level: Level, rule: Rule, text: impl Into<String>) -> Self {
        Self {
            level,
            rule,
            member: None,
            text: text.into(),
        }
    }

    pub(super) fn of(self, member: &str) -> Self {
        Self {
            member: Some(member.to_owned()),
            ..self
        }
    }
}

impl From<ReadError> for Finding {
    fn from(error: ReadError) -> Self {
        let rule = match (&error.member, &error.reason) {
            (_, Reason::InvalidManifest(_)) => Rule::Manifest,
            (_, Reason::SeekTable(_)) => Rule::SeekTable,
            (Some(_), _) => Rule::Member,
            (None, _) => Rule::Archive,
        };
        Self {
            level: Level::Error,
            rule,
            text: error.reason.to_string(),
            member: error.member,
        }
    }
}

impl fmt::Display for Finding {
    /// One line, with what is not the program's own escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.level.as_str())?;
        if let Some(member) = &self.member {
            write!(f, "member `{}`: ", member.escape_debug())?;
        }
        f.write_str(&self.text)
    }
}
