//! Questions to a capture; answers are data, for `render` to show.

mod inventory;
mod overview;
mod updated;

pub use inventory::{Inventory, Item, envoy_time};
pub use overview::{
    DocumentOverview, FailureOverview, IstiodOverview, Lack, Overview, ProxyOverview,
};
pub use updated::{Unknown, Updated, UpdatedResource, young};
