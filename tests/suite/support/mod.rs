//! What tests talk to: a real Envoy, a server that answers as it is told, and the program itself, with a folder to run in; and bug reports.

pub(crate) mod desk;
pub(crate) mod envoy;
pub(crate) mod http;
pub(crate) mod program;
pub(crate) mod report;
