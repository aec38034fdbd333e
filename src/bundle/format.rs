//! What `manifest.json` holds, and the limits of a bundle: a promise, specified in `schema/bundle.md`.
//!
//! The doc comments of the structs below are the descriptions in `schema/manifest.schema.json`, which a test
//! generates from them. A later minor version only adds fields; unknown fields are ignored when read.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::derived::{self, DerivedEntry};
use crate::model::ProxyId;

/// The value of [`Manifest::format`].
pub const FORMAT: &str = "xdsnap.bundle";

/// How many members a bundle may hold.
pub const MAX_MEMBERS: usize = 1_000_000;
/// How long a member's path may be, in bytes.
pub const MAX_PATH_BYTES: usize = 512;
/// How large a member may be, in bytes.
pub const MAX_MEMBER_BYTES: u64 = 1 << 30;
/// How large `manifest.json` may be, in bytes.
pub const MAX_MANIFEST_BYTES: u64 = 64 << 20;
/// How much a bundle may unpack to, in bytes.
pub const MAX_UNPACKED_BYTES: u64 = 1 << 40;
/// How much a bundle may unpack to for each byte of it, beyond [`FREE_UNPACKED_BYTES`].
pub const MAX_RATIO: u64 = 4096;
/// How much a bundle may unpack to whatever its size, in bytes: a member of any content and as much beside it.
pub const FREE_UNPACKED_BYTES: u64 = 2 * MAX_MEMBER_BYTES;
/// How many zstd frames a seek table may list.
pub const MAX_FRAMES: u64 = 1 << 20;
/// How much a frame that a seek table lists may hold, in bytes, as the zstd seekable format has it.
pub const MAX_FRAME_BYTES: u64 = 1 << 30;
/// How deep `manifest.json` may be nested.
pub const MAX_JSON_DEPTH: usize = 64;
/// The base-2 logarithm of the largest zstd window, which is what stock tools read without a flag (128 MiB).
pub const MAX_WINDOW_LOG: u32 = 27;

/// What the schema says of a member's path: no backslash or control character, no empty, `.` or `..` part, and not that
/// of the manifest.
const PATH: &str = r"^(?!manifest\.json$)(?!(.*/)?\.{0,2}(/|$))[^\\\u0000-\u001f\u007f-\u009f]+$";
/// What the schema says of what names a folder: no slash either, and not only dots.
const FOLDER: &str = r"^(?!\.+$)[^/\\\u0000-\u001f\u007f-\u009f]+$";

/// Whether a file must not unpack to so much by its first `packed` bytes.
pub(super) fn is_too_much(unpacked: u64, packed: u64) -> bool {
    unpacked > MAX_UNPACKED_BYTES
        || unpacked > FREE_UNPACKED_BYTES.saturating_add(packed.saturating_mul(MAX_RATIO))
}

/// What a bundle holds, when and from where each member came, and what is missing or was redacted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "manifest.json of an xdsnap bundle")]
pub struct Manifest<M = MemberEntry> {
    /// What this is: always `xdsnap.bundle`.
    #[schemars(extend("const" = FORMAT))]
    pub format: String,
    /// The version of the format.
    pub version: Version,
    /// The program that wrote the bundle, and its version.
    pub tool: String,
    /// The words of the person who made the bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub note: Option<String>,
    /// When the capture ran. Absent when it was made from files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Captured")]
    pub captured: Option<Captured>,
    /// The proxies, sorted by ID.
    pub proxies: Vec<ProxyEntry>,
    /// The istiods, sorted by name.
    pub istiods: Vec<IstiodEntry>,
    /// The members but for the manifest itself, in the order of the archive.
    #[schemars(length(max = MAX_MEMBERS))]
    pub members: Vec<M>,
    /// What was computed from the members, in the order of the archive. What a reader does not understand of it, it ignores.
    #[serde(default, deserialize_with = "derived::understood")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub derived: Vec<DerivedEntry>,
    /// What was asked for and is not in the bundle.
    pub failures: Vec<FailureEntry>,
    /// What was replaced before anything was written.
    pub redaction: Redaction,
}

/// From the first request to the last answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Captured {
    /// When the capture began.
    pub start: Time,
    /// When the last member was received.
    pub end: Time,
}

impl Captured {
    /// From the first beginning to the last end.
    pub(crate) fn join(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        match (a, b) {
            (Some(a), Some(b)) => Some(Self {
                start: a.start.min(b.start),
                end: a.end.max(b.end),
            }),
            (a, b) => a.or(b),
        }
    }
}

/// A proxy of which the bundle holds a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProxyEntry {
    /// `<pod>.<namespace>`, or the label it was given.
    #[serde(with = "proxy_id")]
    #[schemars(with = "String", length(min = 1, max = ProxyId::MAX_BYTES), extend("pattern" = FOLDER))]
    pub id: ProxyId,
    /// The version of its Envoy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub envoy_version: Option<String>,
    /// The version of its Istio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub istio_version: Option<String>,
    /// The name of the istiod it is connected to, where the bundle holds several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub istiod: Option<String>,
}

/// An istiod of which the bundle holds a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct IstiodEntry {
    /// Its name, where the bundle holds several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = ProxyId::MAX_BYTES), extend("pattern" = FOLDER))]
    pub name: Option<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub version: Option<String>,
}

/// A member of the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemberEntry {
    /// Its path in the archive.
    #[schemars(length(min = 1, max = MAX_PATH_BYTES), extend("pattern" = PATH))]
    pub path: String,
    /// Its size in bytes.
    #[schemars(range(max = MAX_MEMBER_BYTES))]
    pub size: u64,
    /// The SHA-256 digest of its bytes, in lowercase hexadecimal.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: String,
    /// Where it came from.
    pub origin: Origin,
    /// When it was asked for. Absent for a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Time")]
    pub requested: Option<Time>,
    /// When the last of it was received. Absent for a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Time")]
    pub received: Option<Time>,
    /// The HTTP status of the answer. Absent for a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u16")]
    pub status: Option<u16>,
    /// How many values were replaced in it. Absent if it was not redacted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    pub redacted: Option<u64>,
    /// How many of them each rule replaced, by its name; what an earlier release replaced is not told by rule.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub redacted_by: BTreeMap<String, u64>,
    /// Where its tar header begins: how many bytes of the unpacked archive stand before it, not counting the first
    /// zstd frame, which holds the manifest. Meaningless once the bundle was packed again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    pub offset: Option<u64>,
}

/// Something that was asked for and is not in the bundle.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct FailureEntry {
    /// Who was asked: `envoy` or `istiod`.
    #[schemars(extend("enum" = ["envoy", "istiod"]))]
    pub source: String,
    /// The ID of the proxy it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub proxy: Option<String>,
    /// The document that was asked for, as in member paths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub document: Option<String>,
    /// The section of it that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub part: Option<String>,
    /// Where it would have come from.
    pub origin: Origin,
    /// When it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Time")]
    pub time: Option<Time>,
    /// The HTTP status of the answer, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u16")]
    pub status: Option<u16>,
    /// Why it failed, for a person.
    pub reason: String,
}

/// Where a document came from: exactly one of the fields, or one of a later version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("minProperties" = 1))]
pub struct Origin {
    /// The base name of a file, never its folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("pattern" = r"^[^/\\]*$"))]
    pub file: Option<String>,
    /// The URL that was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub url: Option<String>,
}

impl Origin {
    /// From the file at `path`, of which only the base name is kept.
    pub fn file(path: impl AsRef<std::path::Path>) -> Self {
        let path = path.as_ref();
        let name = path.file_name().unwrap_or(path.as_os_str());
        Self {
            file: Some(name.to_string_lossy().into_owned()),
            url: None,
        }
    }

    /// From `url`.
    pub fn url(url: impl Into<String>) -> Self {
        Self {
            file: None,
            url: Some(url.into()),
        }
    }
}

impl fmt::Display for Origin {
    /// The URL, or the file's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.url.as_deref().or(self.file.as_deref());
        f.pad(text.unwrap_or("an unknown origin"))
    }
}

/// What was replaced in the members before they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Redaction {
    /// The rules that were applied, by name.
    pub rules: Vec<String>,
    /// How many values were replaced, in all members.
    pub values: u64,
    /// How many of them each rule replaced, by its name; what an earlier release replaced is not told by rule.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_rule: BTreeMap<String, u64>,
    /// The fingerprints of the keys that secrets were replaced with: the first half of what stands in
    /// `[redacted:1a2b3c4d-0123456789abcdef]`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(with = "Vec<String>", extend("items" = {"type": "string", "pattern": "^[0-9a-f]{8}$"}))]
    pub keys: BTreeSet<String>,
    /// Whether nothing was replaced, as the user wished: the bundle holds secrets in clear.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub off: bool,
}

/// The version of the bundle format: `<major>`, `<major>.<minor>`, or such a one before its release: `1-draft`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = r"^1(\.(0|[1-9][0-9]*))?(-[a-z]+)?$"))]
pub struct Version {
    text: Cow<'static, str>,
    major: u32,
    minor: u32,
}

impl Version {
    /// The version that this release writes; it reads every version of the same major number.
    ///
    /// # Changes
    ///
    /// - `1`: the first that is a promise: every later release reads it.
    /// - `1-rc`: members of one kind stand side by side, several in a zstd frame, with a seek table at the end of the
    ///   file and `offset` in the manifest; a `.partial` file says where its members came from. Still read.
    /// - `1-draft`: the first, a zstd frame for each member. Still read.
    pub const CURRENT: Self = Self {
        text: Cow::Borrowed("1"),
        major: 1,
        minor: 0,
    };

    /// The number that changes when older releases can no longer read the format.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// The number that changes when the format gains what older releases may ignore.
    pub fn minor(&self) -> u32 {
        self.minor
    }

    /// Whether a release of [`Version::CURRENT`] may lack what the version has: it ignores that, and keeps it when it
    /// writes the bundle again.
    pub fn is_newer(&self) -> bool {
        (self.major, self.minor, self.stage())
            > (
                Self::CURRENT.major,
                Self::CURRENT.minor,
                Self::CURRENT.stage(),
            )
    }

    /// How far the version has come: drafts, what may become the release, the release.
    fn stage(&self) -> u8 {
        match self.text.split_once('-') {
            Some((_, "draft")) => 0,
            Some(_) => 1,
            None => 2,
        }
    }

    /// Whether this release reads the version.
    pub fn is_supported(&self) -> bool {
        self.major == Self::CURRENT.major
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.text.into_owned()
    }
}

/// A text that is no version of the bundle format.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "invalid format version `{}` (expected `<major>`, `<major>.<minor>` or `<major>-<stage>`)",
    .0.escape_debug()
)]
pub struct InvalidVersion(String);

impl TryFrom<String> for Version {
    type Error = InvalidVersion;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (numbers, stage) = match text.split_once('-') {
            Some((numbers, stage)) => (numbers, Some(stage)),
            None => (text.as_str(), None),
        };
        let (major, minor) = match numbers.split_once('.') {
            Some((major, minor)) => (major, Some(minor)),
            None => (numbers, None),
        };
        let number = |digits: &str| {
            let canonical = digits == "0" || !digits.starts_with(['0', '+']);
            digits.parse::<u32>().ok().filter(|_| canonical)
        };
        let stage_is_word = stage
            .is_none_or(|stage| !stage.is_empty() && stage.bytes().all(|b| b.is_ascii_lowercase()));
        match (number(major), number(minor.unwrap_or("0"))) {
            (Some(major), Some(minor)) if stage_is_word => Ok(Self {
                text: Cow::Owned(text),
                major,
                minor,
            }),
            _ => Err(InvalidVersion(text)),
        }
    }
}

impl FromStr for Version {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.to_owned().try_into()
    }
}

/// A point in time as a bundle stores it: UTC, in whole milliseconds.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(
    with = "String",
    extend("format" = "date-time", "pattern" = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$")
)]
pub struct Time(jiff::Timestamp);

impl Time {
    /// The point in time, a whole number of milliseconds.
    pub fn timestamp(self) -> jiff::Timestamp {
        self.0
    }
}

impl From<jiff::Timestamp> for Time {
    /// Cuts what is below a millisecond off.
    fn from(time: jiff::Timestamp) -> Self {
        let whole = jiff::Timestamp::from_millisecond(time.as_millisecond());
        Self(whole.unwrap_or(time))
    }
}

impl fmt::Display for Time {
    /// RFC 3339 with three decimals: `2026-11-21T01:52:51.123Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl From<Time> for String {
    fn from(time: Time) -> Self {
        time.to_string()
    }
}

/// A text that is no RFC 3339 time.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "invalid time `{}` (expected RFC 3339, such as `2026-11-21T01:52:51.123Z`)",
    .0.escape_debug()
)]
pub struct InvalidTime(String);

impl TryFrom<String> for Time {
    type Error = InvalidTime;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.parse::<jiff::Timestamp>() {
            Ok(time) => Ok(time.into()),
            Err(_) => Err(InvalidTime(text)),
        }
    }
}

/// [`ProxyId`] as a JSON string, checked when read: it names a folder.
mod proxy_id {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::model::ProxyId;

    pub(super) fn serialize<S: Serializer>(id: &ProxyId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(id.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<ProxyId, D::Error> {
        ProxyId::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[test]
fn a_bundle_unpacks_to_no_more_than_its_size_allows_and_never_to_more_than_a_tebibyte() {
    const GIB: u64 = 1 << 30;
    for (unpacked, packed, expected) in [
        (2 * GIB, 0, false),
        (2 * GIB + 1, 0, true),
        (2 * GIB + 4096 * 1000, 1000, false),
        (2 * GIB + 4096 * 1000 + 1, 1000, true),
        (1024 * GIB, u64::MAX, false),
        (1024 * GIB + 1, u64::MAX, true),
    ] {
        assert_eq!(
            is_too_much(unpacked, packed),
            expected,
            "{unpacked} {packed}"
        );
    }
}

#[test]
fn every_version_of_this_major_number_is_supported_and_no_other() {
    for (text, major) in [
        ("1-draft", 1),
        ("1-rc", 1),
        ("1", 1),
        ("1.0", 1),
        ("1.12", 1),
        ("1.2-rc", 1),
        ("0", 0),
        ("2", 2),
        ("2-draft", 2),
        ("10.1", 10),
    ] {
        let version: Version = text.parse().unwrap();
        assert_eq!(version.major(), major, "{text}");
        assert_eq!(version.is_supported(), major == 1, "{text}");
        assert_eq!(version.to_string(), text);
    }
    assert_eq!(Version::CURRENT.to_string().parse(), Ok(Version::CURRENT));
}

#[test]
fn a_version_is_newer_by_its_numbers_and_then_by_its_stage() {
    for (text, newer) in [
        ("1-draft", false),
        ("1-rc", false),
        ("1", false),
        ("1.0", false),
        ("1.1-draft", true),
        ("2-draft", true),
        ("0", false),
    ] {
        let version: Version = text.parse().unwrap();
        assert_eq!(version.is_newer(), newer, "{text}");
    }
}

#[test]
fn a_text_that_is_no_version_is_refused() {
    for text in [
        "", "v1", "1.", ".1", "01", "+1", "1.2.3", "1-", "1-Draft", "1 ", "-1",
    ] {
        let err = text.parse::<Version>().unwrap_err();
        assert!(err.to_string().contains(&format!("`{text}`")), "{err}");
    }
}

#[test]
fn a_time_is_stored_in_whole_milliseconds() {
    for (text, stored) in [
        ("2026-11-21T01:52:51.123999Z", "2026-11-21T01:52:51.123Z"),
        ("2026-11-21T01:52:51Z", "2026-11-21T01:52:51.000Z"),
        ("2026-11-21T02:52:51.5+01:00", "2026-11-21T01:52:51.500Z"),
    ] {
        let time = Time::try_from(text.to_owned()).unwrap();
        assert_eq!(time.to_string(), stored);
        assert_eq!(Time::try_from(stored.to_owned()), Ok(time));
    }
    assert!(Time::try_from("yesterday".to_owned()).is_err());
}

#[test]
fn an_origin_keeps_the_base_name_of_a_file_alone() {
    let origin = Origin::file("captures/today/config_dump.json");
    assert_eq!(
        serde_json::to_string(&origin).unwrap(),
        r#"{"file":"config_dump.json"}"#
    );
}
