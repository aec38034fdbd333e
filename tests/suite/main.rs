//! The integration tests: one binary, a module per concern.
//!
//! - `xds_table`: the generated table of the xDS API is what its inputs generate.

mod xds_table;
