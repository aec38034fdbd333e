//! What the order of a repeated field means, and what identifies one of its items.

/// The semantics of one repeated field.
#[derive(Debug, PartialEq, Eq)]
pub struct ListRule {
    /// Whether the order of the items has a meaning.
    pub ordered: bool,
    /// How [`ListRule::keys`] identify an item.
    pub match_by: MatchBy,
    /// Paths from an item to what identifies it, members joined by dots; empty where only its content does.
    /// `<oneof NAME>` stands for the name of the member that is set. A key that is absent is a key value too.
    pub keys: &'static [&'static str],
}

/// How several keys work together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchBy {
    /// All keys together identify an item.
    Composite,
    /// Whichever key is set identifies it.
    Either,
    /// The first key pairs items; what it leaves, or finds several times, is paired by the next.
    Fallback,
}

/// A list whose order counts and whose items have no name: the default, as protobuf has it.
pub static ORDERED: ListRule = ListRule {
    ordered: true,
    match_by: MatchBy::Composite,
    keys: &[],
};
