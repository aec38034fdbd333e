//! The paths of a bundle's members, which are also the files of a directory of recordings.

use std::{fmt, str::FromStr};

use crate::model::{Document, ProxyId, Source};

use super::format::MAX_PATH_BYTES;

/// The path of the member that describes all others.
pub const MANIFEST_PATH: &str = "manifest.json";

/// The folder of what a partial file says of its members, which becomes the manifest.
pub(super) const FRAGMENTS: &str = "manifest.d/";

/// The folder of what was computed from members.
pub(super) const DERIVED: &str = "derived/";

/// What ends the file name of a dump that istiod gave for one proxy.
const ISTIOD_DUMP: &str = ".config_dump.json";

/// The path of one member: which document it is, from which source, of which proxy.
///
/// | path | member |
/// |---|---|
/// | `envoy/<proxy>/<document>.json` | a document of a proxy's Envoy |
/// | `envoy/<proxy>/config_dump.<part>.json` | a section of a dump that Envoy could not give whole |
/// | `istiod/<proxy>.config_dump.json` | what istiod would send a proxy |
/// | `istiod/syncz.json`, `istiod/version.json` | a document of istiod |
/// | `istiod/<istiod>/…` | the same, where a capture holds several istiods |
///
/// ```
/// use xdsnap::{bundle::MemberPath, model::Document};
///
/// let path: MemberPath = "istiod/web-1.shop.config_dump.json".parse()?;
/// assert_eq!(path.document(), Document::ConfigDump);
/// assert_eq!(path.proxy().map(|id| id.as_str()), Some("web-1.shop"));
/// # Ok::<(), xdsnap::bundle::InvalidMemberPath>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberPath {
    source: Source,
    istiod: Option<String>,
    proxy: Option<ProxyId>,
    document: Document,
    part: Option<String>,
}

/// A text, or a combination of parts, that is no member's path.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{}` is no member of a bundle: {reason}", .path.escape_debug())]
pub struct InvalidMemberPath {
    path: String,
    reason: &'static str,
}

impl MemberPath {
    /// The path of `document` of the Envoy of `proxy`; `part` names the section of a config dump that came in parts.
    ///
    /// # Errors
    ///
    /// Envoy serves no such document, it is not a config dump but has a part, or `part` is not made of
    /// `a-z`, `0-9` and `_` in words joined by dots.
    pub fn envoy(
        proxy: ProxyId,
        document: Document,
        part: Option<&str>,
    ) -> Result<Self, InvalidMemberPath> {
        Self {
            source: Source::Envoy,
            istiod: None,
            proxy: Some(proxy),
            document,
            part: part.map(str::to_owned),
        }
        .checked()
    }

    /// The path of `document` of an istiod: of `proxy` if it is a config dump, of none otherwise. `istiod` names
    /// the istiod where a capture holds several.
    ///
    /// # Errors
    ///
    /// Istiod serves no such document, a proxy is missing or too much, `istiod` could not be a folder's name (the
    /// rules of [`ProxyId`] hold), or the path would be longer than [`MAX_PATH_BYTES`].
    pub fn istiod(
        istiod: Option<&str>,
        proxy: Option<ProxyId>,
        document: Document,
    ) -> Result<Self, InvalidMemberPath> {
        Self {
            source: Source::Istiod,
            istiod: istiod.map(str::to_owned),
            proxy,
            document,
            part: None,
        }
        .checked()
    }

    /// Who gave the document.
    pub fn source(&self) -> Source {
        self.source
    }

    /// Which istiod gave it, where a capture holds several.
    pub fn istiod_name(&self) -> Option<&str> {
        self.istiod.as_deref()
    }

    /// The proxy it is about.
    pub fn proxy(&self) -> Option<&ProxyId> {
        self.proxy.as_ref()
    }

    /// Which document it is.
    pub fn document(&self) -> Document {
        self.document
    }

    /// Which section of the document it is (`dynamic_listeners.masked`), where the document came in parts.
    pub fn part(&self) -> Option<&str> {
        self.part.as_deref()
    }

    fn checked(self) -> Result<Self, InvalidMemberPath> {
        let reason = if !self.document.is_of(self.source) {
            match self.source {
                Source::Envoy => {
                    "expected `config_dump`, `server_info`, `clusters`, `listeners`, `certs` or \
                     `stats` of Envoy"
                }
                Source::Istiod => "expected `config_dump`, `syncz` or `version` of istiod",
            }
        } else if self.proxy.is_some()
            != (self.source == Source::Envoy || self.document == Document::ConfigDump)
        {
            "a config dump of istiod is of one proxy, its other documents are of none"
        } else if self.part.is_some() && self.document != Document::ConfigDump {
            "only a config dump has parts"
        } else if !self.part.as_deref().is_none_or(is_part) {
            "a part is made of `a-z`, `0-9` and `_`, in words joined by dots"
        } else if !self.istiod.as_deref().is_none_or(is_folder) {
            "the name of an istiod is 1 to 253 bytes without slash, backslash or control character"
        } else if self.to_string().len() > MAX_PATH_BYTES {
            "the path is longer than 512 bytes"
        } else {
            return Ok(self);
        };
        Err(InvalidMemberPath {
            path: self.to_string(),
            reason,
        })
    }
}

/// What may name a folder of the layout is what may name a proxy.
fn is_folder(name: &str) -> bool {
    ProxyId::new(name).is_ok()
}

fn is_part(part: &str) -> bool {
    part.split('.').all(|word| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    })
}

impl fmt::Display for MemberPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.source)?;
        if let Some(istiod) = &self.istiod {
            write!(f, "{istiod}/")?;
        }
        if let Some(proxy) = &self.proxy {
            let separator = match self.source {
                Source::Envoy => '/',
                Source::Istiod => '.',
            };
            write!(f, "{proxy}{separator}")?;
        }
        f.write_str(self.document.as_str())?;
        if let Some(part) = &self.part {
            write!(f, ".{part}")?;
        }
        f.write_str(".json")
    }
}

impl FromStr for MemberPath {
    type Err = InvalidMemberPath;

    fn from_str(path: &str) -> Result<Self, Self::Err> {
        let invalid = |reason| InvalidMemberPath {
            path: path.to_owned(),
            reason,
        };
        let proxy_id = |id: &str| {
            ProxyId::new(id).map_err(|_| invalid("the folder or file is not named after a proxy"))
        };
        let document = |name: &str| {
            name.parse()
                .map_err(|_| invalid("no document has this name"))
        };
        let folders: Vec<&str> = path.split('/').collect();
        match folders[..] {
            ["envoy", proxy, file] => {
                let name = file
                    .strip_suffix(".json")
                    .ok_or_else(|| invalid("expected a file name that ends in `.json`"))?;
                let (name, part) = match name.split_once('.') {
                    Some((name, part)) => (name, Some(part)),
                    None => (name, None),
                };
                Self::envoy(proxy_id(proxy)?, document(name)?, part)
            }
            ["istiod", ref istiod @ .., file] if istiod.len() <= 1 => {
                let istiod = istiod.first().copied();
                // A proxy's ID holds dots, so it is read from the other end.
                if let Some(proxy) = file.strip_suffix(ISTIOD_DUMP) {
                    return Self::istiod(istiod, Some(proxy_id(proxy)?), Document::ConfigDump);
                }
                let name = file
                    .strip_suffix(".json")
                    .ok_or_else(|| invalid("expected a file name that ends in `.json`"))?;
                Self::istiod(istiod, None, document(name)?)
            }
            _ => Err(invalid(
                "expected `envoy/<proxy>/<document>.json`, `istiod/<proxy>.config_dump.json` or \
                 `istiod/<document>.json`",
            )),
        }
    }
}

/// Why `path` must not stand in an archive, if it must not. A path of a later version of the layout may.
pub(crate) fn unsafe_path(path: &str) -> Option<&'static str> {
    if path.len() > MAX_PATH_BYTES {
        Some("its path is longer than 512 bytes")
    } else if path.starts_with('/') {
        Some("its path is absolute")
    } else if path.contains(|c: char| c == '\\' || c.is_control()) {
        Some("its path holds a backslash or a control character")
    } else if path
        .split('/')
        .any(|part| part.is_empty() || part == "." || part == "..")
    {
        Some("its path has a `..`, a `.` or an empty part")
    } else {
        None
    }
}

#[test]
fn every_path_of_the_layout_is_parsed_and_printed_alike() {
    let id = |id: &str| Some(ProxyId::new(id).unwrap());
    for (text, source, istiod, proxy, document, part) in [
        (
            "envoy/productpage-v1-6b746f74dc-9stvs.default/config_dump.json",
            Source::Envoy,
            None,
            id("productpage-v1-6b746f74dc-9stvs.default"),
            Document::ConfigDump,
            None,
        ),
        (
            "envoy/a/config_dump.dynamic_listeners.masked.json",
            Source::Envoy,
            None,
            id("a"),
            Document::ConfigDump,
            Some("dynamic_listeners.masked"),
        ),
        (
            "envoy/istiod/stats.json",
            Source::Envoy,
            None,
            id("istiod"),
            Document::Stats,
            None,
        ),
        (
            "istiod/productpage-v1-6b746f74dc-9stvs.default.config_dump.json",
            Source::Istiod,
            None,
            id("productpage-v1-6b746f74dc-9stvs.default"),
            Document::ConfigDump,
            None,
        ),
        (
            "istiod/x.config_dump.config_dump.json",
            Source::Istiod,
            None,
            id("x.config_dump"),
            Document::ConfigDump,
            None,
        ),
        (
            "istiod/syncz.json",
            Source::Istiod,
            None,
            None,
            Document::Syncz,
            None,
        ),
        (
            "istiod/istiod-1-30.istio-system/version.json",
            Source::Istiod,
            Some("istiod-1-30.istio-system"),
            None,
            Document::Version,
            None,
        ),
        (
            "istiod/istiod-7/web.shop.config_dump.json",
            Source::Istiod,
            Some("istiod-7"),
            id("web.shop"),
            Document::ConfigDump,
            None,
        ),
    ] {
        let path: MemberPath = text.parse().unwrap();
        assert_eq!(path.to_string(), text);
        assert_eq!(path.source(), source, "{text}");
        assert_eq!(path.istiod_name(), istiod, "{text}");
        assert_eq!(path.proxy(), proxy.as_ref(), "{text}");
        assert_eq!(path.document(), document, "{text}");
        assert_eq!(path.part(), part, "{text}");
    }
}

#[test]
fn a_path_has_no_more_than_512_bytes() {
    assert_eq!(unsafe_path(&"ü".repeat(256)), None);
    assert!(unsafe_path(&format!("{}x", "ü".repeat(256))).is_some());
}

#[test]
fn a_path_outside_the_layout_is_refused_with_the_path_in_the_message() {
    for text in [
        "",
        "manifest.json",
        "envoy",
        "envoy/config_dump.json",
        "envoy//config_dump.json",
        "envoy/../config_dump.json",
        "/envoy/a/config_dump.json",
        "./envoy/a/config_dump.json",
        "envoy/a/b/config_dump.json",
        "envoy/a/config_dump",
        "envoy/a/config_dump.json.zst",
        "envoy/a/syncz.json",
        "envoy/a/stats.masked.json",
        "envoy/a/config_dump..json",
        "envoy/a/config_dump.Bootstrap.json",
        "istiod/config_dump.json",
        "istiod/.config_dump.json",
        "istiod/clusters.json",
        "istiod/registryz.json",
        "istiod/../syncz.json",
        "istiod/a/b/syncz.json",
        "istiod/a/../x.config_dump.json",
        "mesh.yaml",
        "Envoy/a/config_dump.json",
    ] {
        let err = text.parse::<MemberPath>().unwrap_err();
        assert!(err.to_string().contains(&format!("`{text}`")), "{err}");
    }
}

#[test]
fn a_combination_that_no_path_spells_cannot_be_built() {
    let id = || ProxyId::new("a").unwrap();
    assert!(MemberPath::envoy(id(), Document::Syncz, None).is_err());
    assert!(MemberPath::envoy(id(), Document::Stats, Some("x")).is_err());
    assert!(MemberPath::envoy(id(), Document::ConfigDump, Some("a/../b")).is_err());
    assert!(MemberPath::istiod(None, None, Document::ConfigDump).is_err());
    assert!(MemberPath::istiod(None, Some(id()), Document::Syncz).is_err());
    assert!(MemberPath::istiod(Some("a/b"), None, Document::Syncz).is_err());
    let long = "x".repeat(253);
    let proxy = ProxyId::new(long.clone()).unwrap();
    assert!(MemberPath::istiod(Some(&long), Some(proxy), Document::ConfigDump).is_err());
}

#[test]
fn a_path_that_could_leave_its_folder_is_unsafe_and_an_unknown_one_is_not() {
    for path in [
        "",
        "/etc/passwd",
        "../x",
        "a/../b",
        "a//b",
        "./a",
        "a/",
        "a\\b",
        "a\u{1b}b",
        &"x".repeat(513),
    ] {
        assert!(unsafe_path(path).is_some(), "{path:?}");
    }
    for path in ["manifest.json", "digest/normalized.v3", "envoy/ü.x/a.json"] {
        assert_eq!(unsafe_path(path), None, "{path}");
    }
}
