//! Questions to a capture; answers are data, for `render` to show.

mod overview;

pub use overview::{
    DocumentOverview, FailureOverview, IstiodOverview, Lack, Overview, ProxyOverview,
};
