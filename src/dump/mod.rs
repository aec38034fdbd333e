//! Config-dump JSON in, resources out: from Envoy's `/config_dump` and istiod's `/debug/config_dump`.
//!
//! Nothing is built as a tree here: a [`Resource`] is a name and a slice of the document.

pub mod admin;
mod blocks;
mod cut;
mod envelope;
mod excerpt;
mod index;
mod istioctl;
mod json;
mod parse;
mod recognize;
mod rules;
mod server_info;
mod syncz;
mod vectors;

pub(crate) use blocks::{BLOCK, Blocks};
pub use cut::{Cut, type_of_part};
pub use excerpt::{BOOTSTRAP_LIST, ElementAt, RouteHosts, excerpt, keep_items};
pub use istioctl::Form;
pub use json::JsonError;
pub use parse::{Dump, DumpError, LeftOut, Resource, Shape};
pub use recognize::{Content, recognize, recognize_slice};
pub use rules::RULES;
pub use server_info::uptime;
pub use syncz::{SyncState, TypeState};
pub(crate) use vectors::{Vectors, Widest, WithVectors};
