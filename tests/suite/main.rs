//! The integration tests: one binary, a module per concern.
//!
//! - `corpus`: recordings of a real mesh through the binary, each with exactly the differences that its story has.
//! - `laws`: what must hold of comparing for any recording and any edit of one.
//! - `live`: capturing from a real Envoy, and from servers that fail in every way.
//! - `render`: what every output looks like, that its contract holds for any report, and that no dump reaches a terminal raw.
//! - `support`: no tests, but what they talk to.
//! - `xds_table`: the generated table of the xDS API is what its inputs generate.

mod corpus;
mod laws;
mod live;
mod render;
mod support;
mod xds_table;
