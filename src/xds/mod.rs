//! What xdsnap knows of the xDS API: messages, fields, JSON names, kinds, presence, list semantics, sensitive fields.
//!
//! The facts stand in a generated table (`table`); this module gives them types. To regenerate the table from
//! `src/xds/input/` (see the README there), run `XDSNAP_BLESS=1 cargo test xds_table`; without the variable the same
//! test fails where the committed table is not what its inputs generate.

mod hash;
mod list;
mod schema;
mod table;

pub use list::{ListRule, MatchBy, ORDERED};
pub use schema::{Enum, Field, Kind, Message, Special};
