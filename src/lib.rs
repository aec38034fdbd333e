//! xdsnap: capture and compare what Envoy proxies run and what istiod would send them.

pub mod bundle;
pub mod capture;
pub mod cli;
pub mod diff;
pub mod dump;
pub mod inspect;
pub mod model;
pub mod normalize;
pub mod redact;
pub mod render;
pub mod xds;
