//! What was found in a text, and what stands in its place.

use std::{collections::BTreeMap, ops::Range};

use super::{REDACTED, REDACTED_BYTES, base64_of, key::Key};
use crate::model::Token;

/// A part of a text that goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// Where it stands, in bytes.
    pub(super) range: Range<usize>,
    /// The rule that it goes by.
    pub(super) rule: &'static str,
    /// What stands there instead.
    pub(super) replacement: String,
}

/// `text` with what `cuts` say in the place of what they name. They are in order, and none is in another.
pub(super) fn apply(text: &str, cuts: &[Cut]) -> String {
    let mut result = String::with_capacity(text.len());
    let mut copied = 0;
    for cut in cuts {
        result.push_str(&text[copied..cut.range.start]);
        result.push_str(&cut.replacement);
        copied = cut.range.end;
    }
    result.push_str(&text[copied..]);
    result
}

/// Knows what stands for a secret.
#[derive(Clone, Debug, Default)]
pub(super) struct Hider {
    /// Without a key, all secrets look alike.
    pub(super) key: Option<Key>,
}

impl Hider {
    /// What stands for `secret`, unless that is nothing to hide: empty, or what stands for a secret already.
    pub(super) fn hide(&self, secret: &str) -> Option<String> {
        if is_harmless(secret) {
            return None;
        }
        Some(match &self.key {
            None => REDACTED.to_owned(),
            Some(key) => key.token(secret.as_bytes()).to_string(),
        })
    }

    /// The same for bytes that are written as `base64`, and stay base64.
    pub(super) fn hide_bytes(&self, base64: &str) -> Option<String> {
        if is_harmless(base64) {
            return None;
        }
        Some(match &self.key {
            None => REDACTED_BYTES.to_owned(),
            Some(key) => {
                // A secret is the same in whichever spelling it comes.
                let bytes = base64_of(base64);
                let secret = bytes.as_deref().unwrap_or(base64.as_bytes());
                super::to_base64(key.token(secret).to_string().as_bytes())
            }
        })
    }

    /// `range` of `text` as a cut by `rule`, if there is something to hide.
    pub(super) fn cut(&self, text: &str, range: Range<usize>, rule: &'static str) -> Option<Cut> {
        let replacement = self.hide(&text[range.clone()])?;
        Some(Cut {
            range,
            rule,
            replacement,
        })
    }
}

/// Whether `secret` is empty, or what other redactors or this one leave in the place of a secret.
pub(super) fn is_harmless(secret: &str) -> bool {
    let is_token = || {
        Token::of(secret).is_some()
            || secret.starts_with("W3JlZGFjdGVkO")
                && base64_of(secret)
                    .and_then(|bytes| String::from_utf8(bytes).ok())
                    .is_some_and(|text| Token::of(&text).is_some())
    };
    matches!(secret, "" | REDACTED | REDACTED_BYTES | "<Redacted>") || is_token()
}

/// How many values were replaced, by the name of the rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<&'static str, u64>);

impl Counts {
    /// Counts one more for the rule called `rule`.
    pub(super) fn count(&mut self, rule: &'static str) {
        *self.0.entry(rule).or_default() += 1;
    }

    /// The rules that replaced anything, by name, with how many values.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(rule, count)| (*rule, *count))
    }

    /// How many values were replaced by all rules.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

impl std::ops::AddAssign<&Self> for Counts {
    fn add_assign(&mut self, more: &Self) {
        for (rule, count) in &more.0 {
            *self.0.entry(rule).or_default() += count;
        }
    }
}
