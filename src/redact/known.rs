//! Names that a reason may quote: they are no secrets, for the dump shows them beside it, or the API has them.

use std::{collections::HashSet, sync::LazyLock};

use super::found::Log;
use crate::xds::Message;

/// What the API calls the fields of its messages.
static FIELDS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    let fields = Message::all().flat_map(Message::fields);
    fields
        .flat_map(|field| [field.name(), field.json_name()])
        .collect()
});

/// Whether `name` is that of a field or a message of the API, or the URL of one.
pub(super) fn is_api_name(name: &str) -> bool {
    FIELDS.contains(name) || Message::find_url(name).is_some()
}

/// The names that a slice holds and does not hide: of resources, references to them, and types.
#[derive(Debug, Default)]
pub(super) struct Names {
    found: HashSet<String>,
    /// Whether texts are names, for each level.
    levels: Vec<bool>,
}

impl Names {
    pub(super) fn contains(&self, name: &str) -> bool {
        self.found.contains(name)
    }
}

impl Log for Names {
    const IS_FOR_NAMES: bool = true;

    fn enter_member(&mut self, key: &str) {
        self.levels.push(holds_names(key));
    }

    fn enter_item(&mut self, _index: usize) {
        let of_list = self.levels.last().copied();
        self.levels.push(of_list.unwrap_or_default());
    }

    fn leave(&mut self) {
        self.levels.pop();
    }

    fn kept(&mut self, text: &str) {
        if self.levels.last() == Some(&true) {
            self.found.insert(text.to_owned());
        }
    }

    fn gone(&mut self, _rule: &'static str) {}
}

/// Whether what stands under `key` is a name, or refers to one.
fn holds_names(key: &str) -> bool {
    matches!(key, "name" | "cluster" | "@type" | "type_url" | "typeUrl")
        || key.ends_with("_name")
        || key.ends_with("Name")
}
