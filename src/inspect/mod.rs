//! Questions to a capture; answers are data, for `render` to show.

pub mod base64_text;
pub mod certificate;
mod overview;

pub use certificate::Certificate;
pub use overview::{
    DocumentOverview, FailureOverview, IstiodOverview, Lack, Overview, ProxyOverview,
};
