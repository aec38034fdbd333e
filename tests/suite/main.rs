//! The integration tests: one binary, a module per concern.
//!
//! - `bundle`: the bundle file against stock tools, damage, hostile archives and its specification in `schema/`.
//! - `capture`: the command `capture` against a real Envoy, a replayed istiod and servers that die, and the way back by `diff` and `info`.
//! - `cli`: the command line: exit statuses, messages, the forms of output, choosing, the terminal.
//! - `corpus`: recordings of a real mesh through the binary, each with exactly the differences that its story has.
//! - `laws`: what must hold of comparing for any recording and any edit of one.
//! - `layers`: which folder of `src/` may import which.
//! - `live`: capturing from a real Envoy, and from servers that fail in every way.
//! - `oracle`: random messages, printed and judged by an independent reader of protobuf's JSON.
//! - `readme`: what the README shows, links and asks to run.
//! - `redact`: what redaction takes out, what it leaves, and the laws of copying.
//! - `render`: what every output looks like, that its contract holds for any report, and that no dump reaches a terminal raw.
//! - `reported`: what users of other tools reported: false differences, and missed ones.
//! - `schemas`: the JSON Schemas of `normalize` and `info`, and the samples of `schema/outputs.md`.
//! - `support`: no tests, but what they talk to.
//! - `xds_table`: the generated table of the xDS API is what its inputs generate.

mod bundle;
mod capture;
mod cli;
mod corpus;
mod laws;
mod layers;
mod live;
mod oracle;
mod readme;
mod redact;
mod render;
mod reported;
mod schemas;
mod support;
mod xds_table;
