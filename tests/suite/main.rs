//! The integration tests: one binary, a module per concern.
//!
//! - `redact`: what is taken out of documents, what is not, and the laws of copying.
//! - `xds_table`: the generated table of the xDS API is what its inputs generate.

mod redact;
mod xds_table;
