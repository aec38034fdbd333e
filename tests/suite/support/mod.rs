//! What tests talk to: a real Envoy, a server that answers as it is told, and the program itself; and bug reports.

pub(crate) mod envoy;
pub(crate) mod http;
pub(crate) mod program;
pub(crate) mod report;
