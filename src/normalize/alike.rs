//! Whether two resources are the same but for the order of members, told without reading them by their schema.
//!
//! Envoy prints the entries of maps in the order in which a hash table has them: in endpoint assignments another one
//! at each request, everywhere after a restart. Most resources that differ by bytes differ in nothing else, and to
//! bring both into their canonical form to find that out takes ten times as long.
//!
//! Law: what is alike has the same canonical form, whatever its type. Of what is not alike, nothing is said.

use std::{
    hash::{BuildHasher, RandomState},
    sync::LazyLock,
};

use jiter::{Jiter, Peek};
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// How deep values may be nested: deeper ones are left to who reads them by their schema.
const MAX_DEPTH: usize = 128;

/// Others in each process, so that nobody can write a dump in which different values have one hash.
static SEEDS: LazyLock<[u64; 5]> = LazyLock::new(|| {
    let state = RandomState::new();
    [0, 1, 2, 3, 4].map(|number| state.hash_one(number))
});

/// Whether `before` and `after` are the same JSON but for the order of members and the space between.
///
/// What is no JSON, or has an object with two members of one name, is like nothing.
pub fn alike(before: &[u8], after: &[u8]) -> bool {
    content_hash(before).is_some_and(|hash| content_hash(after) == Some(hash))
}

/// A hash that all have that are [alike], and in this process nothing else; `None` for what is like nothing.
pub fn content_hash(json: &[u8]) -> Option<u128> {
    Reader::read(json)
}

/// A hash of these texts.
pub(super) fn hash_of_texts<'a>(texts: impl IntoIterator<Item = &'a [u8]>) -> u128 {
    let texts = texts.into_iter();
    texts.fold(0, |hashed, text| join(hashed, hash(text), Kind::List))
}

/// Reads a value into a hash.
struct Reader<'a> {
    json: Jiter<'a>,
    /// Hashes of the names of the objects that are open, the innermost last.
    names: Vec<u128>,
}

impl<'a> Reader<'a> {
    /// The hash of all that `json` is; `None` if it is not one value.
    fn read(json: &'a [u8]) -> Option<u128> {
        let mut reader = Self {
            json: Jiter::new(json),
            names: Vec::new(),
        };
        let peek = reader.json.peek().ok()?;
        let hash = reader.value(peek, 0)?;
        reader.json.finish().ok()?;
        Some(hash)
    }

    fn value(&mut self, peek: Peek, depth: usize) -> Option<u128> {
        if depth == MAX_DEPTH {
            return None;
        }
        match peek {
            Peek::Object => self.object(depth),
            Peek::Array => {
                let mut hash = join(0, 0, Kind::List);
                let mut next = self.json.known_array().ok()?;
                while let Some(peek) = next {
                    hash = join(hash, self.value(peek, depth + 1)?, Kind::List);
                    next = self.json.array_step().ok()?;
                }
                Some(hash)
            }
            Peek::String => {
                let text = hash(self.json.known_str().ok()?.as_bytes());
                Some(join(text, 0, Kind::Text))
            }
            Peek::Null => {
                self.json.known_null().ok()?;
                Some(join(0, 0, Kind::Word))
            }
            Peek::True | Peek::False => {
                let word = self.json.known_bool(peek).ok()?;
                Some(join(1 + u128::from(word), 0, Kind::Word))
            }
            _ => {
                let number = hash(self.json.known_number_bytes(peek).ok()?);
                Some(join(number, 0, Kind::Number))
            }
        }
    }

    fn object(&mut self, depth: usize) -> Option<u128> {
        let start = self.names.len();
        // A sum, so that order does not matter: of hashes that depend on all of a member.
        let mut sum = 0_u128;
        let mut key = self
            .json
            .known_object()
            .ok()?
            .map(|key| hash(key.as_bytes()));
        while let Some(name) = key {
            self.names.push(name);
            let peek = self.json.peek().ok()?;
            let value = self.value(peek, depth + 1)?;
            sum = sum.wrapping_add(join(name, value, Kind::Member));
            key = self.json.next_key().ok()?.map(|key| hash(key.as_bytes()));
        }
        let names = &mut self.names[start..];
        names.sort_unstable();
        let has_double = names.windows(2).any(|pair| pair[0] == pair[1]);
        let count = names.len() as u128;
        self.names.truncate(start);
        (!has_double).then(|| join(sum, count, Kind::Object))
    }
}

/// What a hash is of.
#[derive(Clone, Copy)]
enum Kind {
    Word,
    Number,
    Text,
    List,
    Object,
    Member,
}

fn hash(bytes: &[u8]) -> u128 {
    xxh3_128_with_seed(bytes, SEEDS[0])
}

/// A hash of two. Each half depends on all of both: on both halves of products, of which each bit depends on many.
fn join(first: u128, second: u128, kind: Kind) -> u128 {
    let [_, seeds @ ..] = *SEEDS;
    let (first, second) = (halves(first), halves(second));
    let kind = (kind as u64) << 56;
    let low = multiply(first[0] ^ seeds[0], second[0].wrapping_add(seeds[1]) ^ kind);
    let high = multiply(first[1] ^ seeds[2], second[1].wrapping_add(seeds[3]) ^ kind);
    let [low, high] = [
        multiply(low ^ seeds[1], high.rotate_left(32) ^ seeds[2]) ^ low,
        multiply(high ^ seeds[3], low.rotate_left(32) ^ seeds[0]) ^ high,
    ];
    u128::from(high) << 64 | u128::from(low)
}

fn halves(value: u128) -> [u64; 2] {
    [value as u64, (value >> 64) as u64]
}

/// Both halves of a product.
fn multiply(first: u64, second: u64) -> u64 {
    let [low, high] = halves(u128::from(first) * u128::from(second));
    low ^ high
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value as Json};

    use super::*;

    fn json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            (-3..3).prop_map(Json::from),
            "[ab1\"\\\\é]{0,2}".prop_map(Json::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
                prop::collection::btree_map("[ab]{0,2}", inner, 0..4)
                    .prop_map(|members| Json::Object(members.into_iter().collect())),
            ]
        })
    }

    /// The same, with members the other way around.
    fn turned(value: &Json) -> String {
        match value {
            Json::Object(members) => {
                let member = |(name, value)| format!("{} : {}", Json::from(name), turned(value));
                let members: Vec<_> = members
                    .iter()
                    .map(|(name, value): (&String, &Json)| member((name.as_str(), value)))
                    .rev()
                    .collect();
                format!("{{\n{} }}", members.join(" ,"))
            }
            Json::Array(items) => {
                let items: Vec<_> = items.iter().map(turned).collect();
                format!("[{}]", items.join(", "))
            }
            other => other.to_string(),
        }
    }

    proptest! {
        #[test]
        fn values_are_alike_exactly_if_they_are_equal(one in json(), other in json()) {
            // Wrapped, so that no length tells them apart.
            let wrap = |text: String| format!("[\"{}\", {text}]", "x".repeat(4096));
            prop_assert!(alike(wrap(one.to_string()).as_bytes(), wrap(turned(&one)).as_bytes()));
            let is_alike = alike(wrap(one.to_string()).as_bytes(), wrap(turned(&other)).as_bytes());
            prop_assert_eq!(is_alike, one == other);
        }

        #[test]
        fn what_differs_in_a_leaf_is_not_alike(one in json(), at in 0_usize..8) {
            let mut changed = one.clone();
            change(&mut changed, at);
            prop_assert!(!alike(one.to_string().as_bytes(), changed.to_string().as_bytes()));
        }
    }

    /// Changes something in `value`.
    fn change(value: &mut Json, at: usize) {
        match value {
            Json::Object(members) if !members.is_empty() => {
                let at = at % members.len();
                match members.values_mut().nth(at) {
                    Some(value) if at.is_multiple_of(2) => change(value, at / 2),
                    _ => {
                        let moved: Map<String, Json> = members
                            .iter()
                            .map(|(name, value)| (format!("{name}."), value.clone()))
                            .collect();
                        *members = moved;
                    }
                }
            }
            Json::Array(items) if !items.is_empty() => {
                let at = at % items.len();
                change(&mut items[at], at / 2);
            }
            other => *other = Json::from(format!("{other}!")),
        }
    }

    #[test]
    fn order_counts_in_lists_and_names_count_once() {
        for (before, after, is_alike) in [
            ("[1,2]", "[2,1]", false),
            ("[1,2]", "[ 1 , 2 ]", true),
            (r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#, true),
            (r#"{"a":1,"b":2}"#, r#"{"a":2,"b":1}"#, false),
            (r#"{"a":1,"a":1}"#, r#"{"a":1,"a":1}"#, false),
            (r#"{"a":1}"#, r#"{"a":1.0}"#, false),
            (r#"{"a":"1"}"#, r#"{"a":1}"#, false),
            (r#"{"\u0061":[]}"#, r#"{"a":[]}"#, true),
            (r#"{"a":{}}"#, r#"{"a":[]}"#, false),
            ("[[],[]]", "[[[]]]", false),
            ("[1", "[1", false),
            ("[1] ", "[1]", true),
            ("[1]]", "[1]]", false),
            ("", "", false),
            (r#"["\ud800"]"#, r#"["\ud800"]"#, false),
        ] {
            assert_eq!(
                alike(before.as_bytes(), after.as_bytes()),
                is_alike,
                "{before} {after}"
            );
        }
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        assert!(!alike(deep.as_bytes(), deep.as_bytes()));
    }
}
