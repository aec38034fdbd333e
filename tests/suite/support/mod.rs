//! What live tests talk to: a real Envoy, and a server that answers as it is told.

pub(crate) mod envoy;
pub(crate) mod http;
