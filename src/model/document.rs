//! The documents that make up a capture.

use std::fmt;

use super::Source;

/// One of the pages that Envoy's admin interface or istiod's debug interface serves, or what a proxy printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Document {
    /// `/config_dump` of Envoy, `/debug/config_dump` of istiod.
    ConfigDump,
    /// `/server_info` of Envoy.
    ServerInfo,
    /// `/clusters?format=json` of Envoy.
    Clusters,
    /// `/listeners?format=json` of Envoy.
    Listeners,
    /// `/certs` of Envoy.
    Certs,
    /// The part of `/stats` of Envoy that tells whether updates were accepted.
    Stats,
    /// What a proxy logged: lines of text.
    Log,
    /// `/debug/syncz` of istiod: what was sent and acknowledged.
    Syncz,
    /// `/version` of istiod.
    Version,
}

impl Document {
    /// Every document, in the order in which a bundle holds them.
    pub const ALL: [Self; 9] = [
        Self::ConfigDump,
        Self::ServerInfo,
        Self::Clusters,
        Self::Listeners,
        Self::Certs,
        Self::Stats,
        Self::Log,
        Self::Syncz,
        Self::Version,
    ];

    /// The name in member paths and manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConfigDump => "config_dump",
            Self::ServerInfo => "server_info",
            Self::Clusters => "clusters",
            Self::Listeners => "listeners",
            Self::Certs => "certs",
            Self::Stats => "stats",
            Self::Log => "log",
            Self::Syncz => "syncz",
            Self::Version => "version",
        }
    }

    /// Whether `source` serves this document.
    pub fn is_of(self, source: Source) -> bool {
        match source {
            Source::Envoy => !matches!(self, Self::Syncz | Self::Version),
            Source::Istiod => matches!(self, Self::ConfigDump | Self::Syncz | Self::Version),
        }
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no document.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown document `{0}`")]
pub struct UnknownDocument(String);

impl std::str::FromStr for Document {
    type Err = UnknownDocument;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|document| document.as_str() == text)
            .ok_or_else(|| UnknownDocument(text.to_owned()))
    }
}
