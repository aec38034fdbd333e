//! What tests talk to: a real Envoy, a server that answers as it is told, and the program itself.

pub(crate) mod envoy;
pub(crate) mod http;
pub(crate) mod program;
