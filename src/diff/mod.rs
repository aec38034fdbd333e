//! Two sets of resources in, a [`Report`] out. Pure.

mod align;
mod api_version;
mod assignment;
mod compare;
mod equivalence;
mod excerpt;
mod fingerprint;
mod mesh;
mod pairing;
mod patch;
mod rejection;
mod rename;
mod report;
mod rules;
mod secret;
mod settle;
mod step;
mod typed_struct;
mod value;
mod verdict;
mod workload;

pub use compare::{Comparer, MoreReplicas, ONLY_WARMS, Options, ProxyPair, untold};
pub use excerpt::{Differing, Outcome, Rest, leave_out_equal};
pub use fingerprint::{Fingerprint, Fingerprints};
pub use mesh::{Lone, MatchedBy, ProxyMatch, pair_proxies};
pub use patch::{Operation, patch};
pub use rename::renames;
pub use report::{
    Cause, Change, ChangeKind, Class, Compared, ComparedProxy, DocumentPair, Hidden, Mode,
    NotCompared, PairedBy, Pairing, ProxyOnly, Rejection, Replica, Report, Runs, SideName, Summary,
};
pub use rules::{Group, rules};
pub use value::{Edit, diff};
pub use workload::{Facts, ProxyKind, Workload, workloads};
