//! The integration tests: one binary, a module per concern.
//!
//! - `bundle`: the bundle file against stock tools, damage, hostile archives and its specification in `schema/`.
//! - `xds_table`: the generated table of the xDS API is what its inputs generate.

mod bundle;
mod xds_table;
