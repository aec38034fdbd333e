//! What the fuzz targets share: resources of every type, other spellings of JSON, bundles of any bytes, and the laws that
//! hold of them.

pub mod bundle;
pub mod json;
pub mod subject;
