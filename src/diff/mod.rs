//! Two sets of resources in, a [`Report`] out. Pure.

mod report;

pub use report::{
    Cause, Change, ChangeKind, Class, Compared, DocumentPair, Mode, NotCompared, ProxyOnly,
    Rejection, Report, SideName, Summary,
};
