//! Two sets of resources in, a [`Report`] out. Pure.

mod align;
mod alike;
mod api_version;
mod assignment;
mod compare;
mod equivalence;
mod pairing;
mod patch;
mod rejection;
mod rename;
mod report;
mod rules;
mod secret;
mod step;
mod typed_struct;
mod value;
mod verdict;

pub use compare::{Comparer, ONLY_WARMS, Options, ProxyPair};
pub use patch::{Operation, patch};
pub use rename::renames;
pub use report::{
    Cause, Change, ChangeKind, Class, Compared, DocumentPair, Hidden, Mode, NotCompared, PairedBy,
    Pairing, ProxyOnly, Rejection, Report, SideName, Summary,
};
pub use rules::{Group, rules};
pub use value::{Edit, diff};
