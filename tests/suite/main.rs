//! The integration tests: one binary, a module per concern.
//!
//! - `bundle`: the bundle file against stock tools, damage, hostile archives and its specification in `schema/`.
//! - `capture`: the command `capture` against a real Envoy, a replayed istiod and servers that die, and the way back by `diff` and `info`.
//! - `cli`: the command line: exit statuses, messages, the forms of output, choosing, the terminal.
//! - `live`: capturing from a real Envoy, and from servers that fail in every way.
//! - `redact`: what redaction takes out, what it leaves, and the laws of copying.
//! - `render`: what every output looks like, that its contract holds for any report, and that no dump reaches a terminal raw.
//! - `support`: no tests, but what they talk to.
//! - `xds_table`: the generated table of the xDS API is what its inputs generate.

mod bundle;
mod capture;
mod cli;
mod live;
mod redact;
mod render;
mod support;
mod xds_table;
