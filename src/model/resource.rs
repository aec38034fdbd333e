//! What names a resource within one proxy.

use std::{fmt, sync::Arc};

use super::XdsType;

/// The state in which a dump lists a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// In use.
    Active,
    /// Going away.
    Draining,
    /// Refused by Envoy: the configuration it did not accept.
    Rejected,
    /// From the bootstrap.
    Static,
    /// Accepted, but waiting for something before it is used.
    Warming,
}

impl State {
    /// The word in outputs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Draining => "draining",
            Self::Rejected => "rejected",
            Self::Static => "static",
            Self::Warming => "warming",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A resource's name within one proxy and source; outputs are sorted by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceKey {
    /// Its xDS type.
    pub xds_type: XdsType,
    /// Its name; empty for the bootstrap. Shared, for it can be long, and each change of the resource has it.
    pub name: Arc<str>,
    /// Its state; absent where dumps tell none (endpoints, extension configs, the bootstrap).
    pub state: Option<State>,
    /// Its number among those of the same type, name and state, from 0.
    pub occurrence: u32,
}
