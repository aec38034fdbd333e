//! The integration tests: one binary, a module per concern.
//!
//! - `bundle`: the bundle file against stock tools, damage, hostile archives and its specification in `schema/`.
//! - `live`: capturing from a real Envoy, and from servers that fail in every way.
//! - `redact`: what redaction takes out, what it leaves, and the laws of copying.
//! - `render`: what every output looks like, that its contract holds for any report, and that no dump reaches a terminal raw.
//! - `support`: no tests, but what they talk to.
//! - `xds_table`: the generated table of the xDS API is what its inputs generate.

mod bundle;
mod live;
mod redact;
mod render;
mod support;
mod xds_table;
