//! The integration tests: one binary, a module per concern.
//!
//! - `live`: capturing from a real Envoy, and from servers that fail in every way.
//! - `oracle`: random messages, printed and judged by an independent reader of protobuf's JSON.
//! - `render`: what every output looks like, that its contract holds for any report, and that no dump reaches a terminal raw.
//! - `support`: no tests, but what they talk to.
//! - `xds_table`: the generated table of the xDS API is what its inputs generate.

mod live;
mod oracle;
mod render;
mod support;
mod xds_table;
