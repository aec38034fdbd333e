//! Questions to a capture; answers are data, for `render` to show.

pub mod base64_text;
pub mod certificate;
mod drift;
mod inventory;
mod listing;
mod overview;
mod pages;
mod status;
mod updated;

pub use certificate::Certificate;
pub use drift::{Drift, Drifted, Sibling, drift};
pub use inventory::{Inventory, Item, envoy_time};
pub use listing::{Listed, Listing, Missing};
pub use overview::{
    DocumentOverview, FailureOverview, IstiodOverview, Lack, Overview, ProxyOverview, SealOverview,
};
pub use pages::{HostsOverview, PageOverview};
pub use status::{Evidence, ProxyStatus, Pushed, STATUS_TYPES, Status, SyncStatus, TypeStatus};
pub use updated::{Unknown, Updated, UpdatedResource, young};
