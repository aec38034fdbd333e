//! The canonical form of a resource: equal meaning, equal bytes.

mod value;

pub use value::{Key, List, Number, Object, ObjectKind, Value};
