//! Config-dump JSON in, resources out: from Envoy's `/config_dump` and istiod's `/debug/config_dump`.
//!
//! Nothing is built as a tree here: a [`Resource`] is a name and a slice of the document.

pub mod admin;
mod cut;
mod envelope;
mod istioctl;
mod json;
mod parse;
mod recognize;
mod rules;
mod server_info;
mod syncz;

pub use cut::{Cut, type_of_part};
pub use istioctl::Form;
pub use json::JsonError;
pub use parse::{Dump, DumpError, LeftOut, Resource, Shape};
pub use recognize::{Content, recognize};
pub use rules::RULES;
pub use server_info::uptime;
pub use syncz::{SyncState, TypeState};
