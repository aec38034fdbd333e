//! The only I/O with the outside: what is asked of Envoy and istiod, and what becomes of the
//! answers.
//!
//! [`http`] asks, [`envoy`] and [`istiod`] know what to ask, a [`sink::Sink`] takes each body as it
//! arrives. [`digests`] is what a bundle says of the content of its dumps, [`resources`] of each
//! resource in them, [`key_file`] where the key of redaction is.

pub mod digests;
pub mod envoy;
mod fetch;
mod files;
pub mod http;
mod input;
pub mod istiod;
pub mod key_file;
mod record;
pub mod resources;
mod run;
pub mod sink;
mod stop;

pub use input::{DumpDocument, Elements, Input, InputError, Named, Place, Unredacted, Versions};
pub use run::{CaptureError, Options, Outcome, Target, capture, open, redact, source_of};
pub use stop::Stop;
