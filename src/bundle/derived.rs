//! Derived data: what was computed from members. It saves time, and is never believed beyond that.
//!
//! An entry of the manifest's `derived` names the rules that made it and, by one digest, what it was made from. Nothing
//! here can make a bundle unreadable: what is not understood is ignored, and [`verify`](super::verify()) alone tells of it.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    io::{Read, Seek},
};

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::{
    digest,
    error::ReadError,
    finding::{Finding, Level, Rule},
    format::{MAX_MEMBER_BYTES, MAX_PATH_BYTES},
    layout::{DERIVED, MANIFEST_PATH, MemberPath, unsafe_path},
    reader::{Member, Reader},
    write_error::WriteError,
    writer::{Fields, Writer},
};

/// How many derived members a bundle may hold.
pub const MAX_DERIVED: usize = 1000;

/// A member that was computed from others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DerivedEntry {
    /// Its path in the archive, below `derived/`.
    #[schemars(length(min = 1, max = MAX_PATH_BYTES), regex(pattern = "^derived/"))]
    pub path: String,
    /// What it is, as a word.
    pub kind: String,
    /// The version of the rules that made it. Of another version than a reader knows, it is ignored.
    pub rules: u32,
    /// What it was made from: the SHA-256 digest, in lowercase hexadecimal, of a line for each entry of `members` in byte
    /// order of the paths: its `sha256`, two spaces, its `path`, a newline.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub from: String,
    /// Its size in bytes.
    #[schemars(range(max = MAX_MEMBER_BYTES))]
    pub size: u64,
    /// The SHA-256 digest of its bytes, in lowercase hexadecimal.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: String,
    /// Where its tar header begins, as `offset` of a member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
}

/// What was computed from the members of a bundle, to be written with them as `derived/<kind>.<extension>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derived {
    /// What it is, as a word of `a-z` and `-`.
    pub kind: &'static str,
    /// What its name ends with: `json`, or `bin`.
    pub extension: &'static str,
    /// The version of the rules that made it.
    pub rules: u32,
    /// Its bytes: a function of the members and the rules.
    pub bytes: Vec<u8>,
}

/// What computes something from the members that a writer holds. What cannot be computed is left out.
pub trait Derive: Send {
    /// Whether a member that is added, of this size in bytes, is wanted at once, to be looked at while others come.
    fn wants(&self, path: &MemberPath, size: u64) -> bool;

    /// Takes a member that it wants, which was added.
    fn take(&mut self, path: &MemberPath, bytes: Vec<u8>);

    /// What is derived, when all members are there.
    fn derive(self: Box<Self>, writer: &mut Writer) -> Vec<Derived>;
}

impl<F: FnOnce(&mut Writer) -> Vec<Derived> + Send> Derive for F {
    fn wants(&self, _: &MemberPath, _: u64) -> bool {
        false
    }

    fn take(&mut self, _: &MemberPath, _: Vec<u8>) {}

    fn derive(self: Box<Self>, writer: &mut Writer) -> Vec<Derived> {
        self(writer)
    }
}

/// The path in the archive of what this release makes of a kind.
pub(super) fn path_of(kind: &str, extension: &str) -> String {
    format!("{DERIVED}{kind}.{extension}")
}

/// The digest that names what something was made from: members, by path and SHA-256 digest.
pub(super) fn from<'a>(members: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut members: Vec<_> = members.into_iter().collect();
    members.sort();
    let mut hash = Sha256::new();
    for (path, sha256) in members {
        for part in [sha256, "  ", path, "\n"] {
            hash.update(part);
        }
    }
    digest::hex(hash)
}

/// What of a manifest's `derived` is understood; whatever it holds is no error.
pub(super) fn understood<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<DerivedEntry>, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    let listed = Listed::parse(&raw).entries.into_iter();
    Ok(listed.map(|(entry, _)| entry).collect())
}

/// What stands in a manifest's `derived`.
#[derive(Default)]
struct Listed<'a> {
    /// What is understood, and the same as it is spelled.
    entries: Vec<(DerivedEntry, &'a RawValue)>,
    /// What is ignored, and why.
    ignored: Vec<String>,
}

impl<'a> Listed<'a> {
    fn parse(raw: &'a RawValue) -> Self {
        let mut deserializer = serde_json::Deserializer::from_str(raw.get());
        match deserializer.deserialize_seq(FirstOf) {
            Ok((items, more)) => {
                let mut listed = Self::default();
                let mut paths = HashSet::new();
                for (at, item) in items.into_iter().enumerate() {
                    match understand(item, &mut paths) {
                        Ok(entry) => listed.entries.push((entry, item)),
                        Err(why) => listed.ignored.push(format!("entry {}: {why}", at + 1)),
                    }
                }
                if more > 0 {
                    let why = format!("{more} entries are ignored (at most {MAX_DERIVED})");
                    listed.ignored.push(why);
                }
                listed
            }
            Err(error) => Self {
                ignored: vec![format!("no list: {error}")],
                ..Self::default()
            },
        }
    }
}

/// Reads an entry; `paths` are those of the entries before, in lowercase.
fn understand(item: &RawValue, paths: &mut HashSet<String>) -> Result<DerivedEntry, String> {
    let entry: DerivedEntry =
        serde_json::from_str(item.get()).map_err(|error| error.to_string())?;
    let path = entry.path.escape_debug();
    if !entry.path.starts_with(DERIVED) {
        return Err(format!("`{path}` does not begin with `{DERIVED}`"));
    }
    if let Some(why) = unsafe_path(&entry.path) {
        return Err(format!("`{path}`: {why}"));
    }
    if entry.size > MAX_MEMBER_BYTES {
        return Err(format!("`{path}` has more than {MAX_MEMBER_BYTES} bytes"));
    }
    if !paths.insert(entry.path.to_lowercase()) {
        return Err(format!("`{path}` is listed twice"));
    }
    Ok(entry)
}

/// Visits a list: its first items as they are spelled, and how many more there are.
struct FirstOf;

impl<'de> Visitor<'de> for FirstOf {
    type Value = (Vec<&'de RawValue>, usize);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while items.len() < MAX_DERIVED {
            match seq.next_element()? {
                Some(item) => items.push(item),
                None => return Ok((items, 0)),
            }
        }
        let mut more = 0;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            more += 1;
        }
        Ok((items, more))
    }
}

/// `derived` of a manifest as it is spelled.
#[derive(Deserialize)]
struct OfManifest<'a> {
    #[serde(borrow)]
    derived: Option<&'a RawValue>,
}

/// Tells what is wrong with what the manifest says of derived members. Whether they hold what their rules make is told by
/// who knows the rules.
pub(super) fn verify<R: Read + Seek>(
    reader: &mut Reader<R>,
    findings: &mut Vec<Finding>,
) -> Result<(), ReadError> {
    let warning = |text: String| Finding::new(Level::Warning, Rule::Derived, text);
    let manifest = reader.read(MANIFEST_PATH)?;
    if let Ok(OfManifest { derived: Some(raw) }) = serde_json::from_slice(&manifest) {
        let ignored = Listed::parse(raw).ignored.into_iter();
        findings.extend(ignored.map(|why| warning(format!("`derived`: {why}")).of(MANIFEST_PATH)));
    }
    for entry in &reader.manifest().members {
        if entry.path.starts_with(DERIVED) {
            let text = "derived data is listed in `members`, and so ignored".to_owned();
            findings.push(warning(text).of(&entry.path));
        }
    }
    let from = reader.made_from();
    for entry in &reader.manifest().derived {
        if entry.from != from {
            findings.push(warning(OF_OTHERS.to_owned()).of(&entry.path));
        }
    }
    Ok(())
}

const OF_OTHERS: &str = "it was made from other members than these";

/// Derived members on their way from one bundle to another: whoever made them, by whatever rules.
pub(super) struct Kept {
    /// What the manifest says of them, and the same as it is spelled.
    entries: HashMap<String, (DerivedEntry, Fields)>,
    /// What is made from the members that the manifest lists.
    from: String,
    paths: Vec<String>,
}

impl Kept {
    /// `derived` is what the manifest of `reader` says.
    pub(super) fn new<R: Read + Seek>(reader: &Reader<R>, derived: Option<Box<RawValue>>) -> Self {
        let mut entries = HashMap::new();
        if let Some(raw) = derived {
            for (entry, raw) in Listed::parse(&raw).entries {
                if let Ok(fields) = serde_json::from_str(raw.get()) {
                    entries.insert(entry.path.clone(), (entry, fields));
                }
            }
        }
        Self {
            entries,
            from: reader.made_from(),
            paths: Vec::new(),
        }
    }

    /// Hands on a derived member, or tells why not.
    pub(super) fn take(
        &mut self,
        member: Result<Member, ReadError>,
        writer: &mut Writer,
    ) -> Result<Option<Finding>, WriteError> {
        let (path, why) = match member {
            Ok(Member { path, bytes }) => match self.entries.remove(&path) {
                Some((entry, fields)) if entry.from == self.from => {
                    writer.keep_derived(&entry, fields, &bytes)?;
                    self.paths.push(path);
                    return Ok(None);
                }
                _ => (path, OF_OTHERS.to_owned()),
            },
            Err(error) => (error.member.unwrap_or_default(), error.reason.to_string()),
        };
        Ok(Some(not_kept(&path, &why)))
    }

    /// Takes all of them back where a member that they were made from is lost.
    pub(super) fn finish(self, writer: &mut Writer) -> Vec<Finding> {
        if self.paths.is_empty() || writer.made_from() == self.from {
            return Vec::new();
        }
        writer.drop_derived();
        let paths = self.paths.iter();
        paths.map(|path| not_kept(path, OF_OTHERS)).collect()
    }
}

fn not_kept(path: &str, why: &str) -> Finding {
    Finding::new(Level::Note, Rule::Derived, format!("not kept: {why}")).of(path)
}

#[test]
fn what_something_was_made_from_is_told_as_sha256sum_tells_it() {
    // printf '11  a\n22  b\n' | sha256sum
    let expected = "416ccbb108242872";
    let found = from([("b", "22"), ("a", "11")]);
    assert!(found.starts_with(expected), "{found}");
    assert_eq!(found, from([("a", "11"), ("b", "22")]));
    assert_ne!(found, from([("a", "22"), ("b", "11")]));
}

#[test]
fn of_derived_data_whatever_is_not_understood_is_ignored() {
    let entry = |path: &str| {
        format!(r#"{{"path":"{path}","kind":"x","rules":1,"from":"","size":1,"sha256":""}}"#)
    };
    for (json, understood, ignored) in [
        ("null".to_owned(), 0, "no list"),
        (r#"{"a":1}"#.to_owned(), 0, "no list"),
        ("[]".to_owned(), 0, ""),
        ("[1]".to_owned(), 0, "entry 1: invalid type"),
        (format!("[{}]", entry("derived/a.json")), 1, ""),
        (
            format!("[{},{{}}]", entry("derived/a.json")),
            1,
            "entry 2: missing field",
        ),
        (
            format!("[{0},{0}]", entry("derived/a.json")),
            1,
            "entry 2: `derived/a.json` is listed twice",
        ),
        (
            format!("[{},{}]", entry("derived/a.json"), entry("derived/A.json")),
            1,
            "listed twice",
        ),
        (
            format!("[{}]", entry("envoy/a/stats.json")),
            0,
            "does not begin with",
        ),
        (format!("[{}]", entry("derived/../x")), 0, "`..`"),
        (
            format!(
                "[{}]",
                entry("derived/a").replace(":1,\"sha", ":99999999999,\"sha")
            ),
            0,
            "more than 1073741824 bytes",
        ),
        (
            format!(
                "[{}]",
                entry("derived/a").replace("\"rules\":1", "\"rules\":\"1\"")
            ),
            0,
            "entry 1: invalid type",
        ),
        (
            format!("[{}]", vec!["0"; MAX_DERIVED + 5].join(",")),
            0,
            "5 entries are ignored",
        ),
    ] {
        let raw = RawValue::from_string(json.clone()).unwrap();
        let listed = Listed::parse(&raw);
        assert_eq!(listed.entries.len(), understood, "{json}");
        let text = listed.ignored.join("; ");
        assert!(text.contains(ignored), "{json}: {text}");
        assert_eq!(text.is_empty(), ignored.is_empty(), "{json}: {text}");
    }
}
