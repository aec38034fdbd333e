//! The nouns of the field, shared by every layer: xDS types, resources, states, proxies, paths, rules.
//!
//! No I/O, and nothing of ours is imported here.

mod document;
mod path;
mod problem;
mod proxy;
mod resource;
mod rule;
mod sealer;
mod token;
mod xds_type;

pub use document::{Document, UnknownDocument};
pub use path::{Path, Predicate, Scalar, Step};
pub use problem::json_problem;
pub use proxy::{InvalidProxyId, ProxyId, Source, UnknownSource};
pub use resource::{ResourceKey, State};
pub use rule::{Action, Rule, Rules, Scope, Tally};
pub use sealer::{Sealer, Sealing};
pub use token::{Fingerprint, InvalidFingerprint, Token};
pub use xds_type::{UnknownType, XdsType};
