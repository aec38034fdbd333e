//! xdsnap: capture and compare what Envoy proxies run and what istiod would send them.
//!
//! The modules, in the order in which data flows through them:
//!
//! ```text
//! capture    asks Envoy and istiod, or reads files: documents, as bytes
//! redact     takes secrets out of them before any byte is written
//! bundle     keeps them in one file
//! dump       finds the resources in a document, as slices of it
//! normalize  brings a resource into canonical form
//! diff       compares two sets of resources: a report
//! inspect    answers questions: what an input holds, what is in sync, what was updated since
//! render     writes a report as text, JSON, lines or a patch
//! cli        knows arguments, terminal, environment and exit status
//! ```
//!
//! All of them build on the nouns in [`model`] and on what [`xds`] knows of the API.
//!
//! The library never prints, never exits and never reads the environment; [`cli`] alone does, and [`capture`] alone
//! speaks with the outside.
//!
//! What differs between two dumps, whatever their spelling:
//!
//! ```
//! use xdsnap::{
//!     diff::{Compared, Comparer, Mode, Options, ProxyPair},
//!     dump::Dump,
//!     model::ProxyId,
//!     render::{self, Style},
//! };
//!
//! let dump = |timeout: &str| {
//!     format!(
//!         r#"{{"configs": [{{
//!             "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
//!             "dynamic_active_clusters": [{{"cluster": {{
//!                 "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
//!                 "name": "web",
//!                 {timeout}
//!             }}}}]
//!         }}]}}"#
//!     )
//! };
//! let before = dump(r#""connect_timeout": "1s", "alt_stat_name": """#);
//! let after = dump(r#""connectTimeout": "2.000s""#);
//!
//! let proxy = ProxyId::new("web-1.shop")?;
//! let mut comparer = Comparer::new(
//!     Mode::Change,
//!     Options::default(),
//! );
//! comparer.proxy(&ProxyPair {
//!     before_id: &proxy,
//!     after_id: &proxy,
//!     before: &Dump::parse([(None, before.as_bytes())])?,
//!     after: &Dump::parse([(None, after.as_bytes())])?,
//!     compared: Compared::Envoy,
//!     last_errors: &[],
//! });
//! let report = comparer.finish();
//!
//! let mut line = Vec::new();
//! render::oneline(&mut line, &report, Style::default())?;
//! assert_eq!(
//!     String::from_utf8(line)?,
//!     "web-1.shop ~ cluster web active $.connect_timeout \"1s\" → \"2s\"\n"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
