//! Parts of a text that go, as they are found: in any order, one in another.

use std::ops::Range;

use crate::{
    model::Token,
    redact::{
        REDACTED,
        cut::{Cut, Hider, is_harmless},
    },
};

/// A part of a text that goes.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) range: Range<usize>,
    /// The rule that it goes by.
    pub(super) rule: &'static str,
    /// The secret, where the text spells it otherwise: with escapes.
    pub(super) secret: Option<String>,
    pub(super) form: Form,
}

/// How what stands in for a secret is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As it is.
    Bare,
    /// As a string in double quotes: a number was there.
    Quoted,
    /// With a space after it: a bracket follows that would be read together with its own.
    Spaced,
}

impl Span {
    pub(super) fn new(range: Range<usize>, rule: &'static str) -> Self {
        Self {
            range,
            rule,
            secret: None,
            form: Form::Bare,
        }
    }

    /// The same, found in a part of the text that begins at `offset`.
    pub(super) fn shifted(mut self, offset: usize) -> Self {
        self.range = self.range.start + offset..self.range.end + offset;
        self
    }

    fn cut(self, text: &str, hider: &Hider) -> Option<Cut> {
        let written = &text[self.range.clone()];
        if is_harmless(written) {
            return None;
        }
        let token = hider.hide(self.secret.as_deref().unwrap_or(written))?;
        let replacement = match self.form {
            Form::Bare => token,
            Form::Quoted => format!("\"{token}\""),
            Form::Spaced if is_harmless(written.trim_end()) => return None,
            Form::Spaced => token + " ",
        };
        Some(Cut {
            range: self.range,
            rule: self.rule,
            replacement,
        })
    }
}

/// What stands for secrets in `text` already, with or without a tag.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = Range<usize>> {
    let prefix = &REDACTED[..REDACTED.len() - 1];
    text.match_indices(prefix)
        .filter_map(|(start, _)| token_at(text, start).map(|end| start..end))
}

/// Where what stands for a secret at `start` ends, if anything does.
pub(super) fn token_at(text: &str, start: usize) -> Option<usize> {
    let rest = text.get(start..)?;
    if rest.starts_with(REDACTED) {
        return Some(start + REDACTED.len());
    }
    Token::of(rest.get(..Token::LENGTH)?).map(|_| start + Token::LENGTH)
}

/// `spans` in order, those that overlap as one. What stands for a secret already goes with what overlaps it, and
/// stays by itself.
pub(super) fn settle(text: &str, mut spans: Vec<Span>, hider: &Hider) -> Vec<Cut> {
    if spans.is_empty() {
        return Vec::new();
    }
    spans.extend(tokens(text).map(|range| Span::new(range, "")));
    spans.sort_by_key(|span| (span.range.start, std::cmp::Reverse(span.range.end)));
    let mut cuts = Vec::new();
    let mut all = spans.into_iter();
    let Some(mut group) = all.next() else {
        return cuts;
    };
    for span in all {
        if span.range.start >= group.range.end {
            cuts.extend(std::mem::replace(&mut group, span).cut(text, hider));
        } else if span.range.end > group.range.end {
            let rule = match group.rule {
                "" => span.rule,
                rule => rule,
            };
            group = Span {
                form: span.form,
                ..Span::new(group.range.start..span.range.end, rule)
            };
        } else if span.range == group.range && group.rule.is_empty() {
            group.rule = span.rule;
        }
    }
    cuts.extend(group.cut(text, hider));
    cuts
}

/// `first`, cuts of `text`, and what was found in what they left of it, as cuts of `text`.
pub(super) fn compose(text: &str, first: &[Cut], more: &[Cut], hider: &Hider) -> Vec<Cut> {
    let mut result: Vec<Cut> = Vec::with_capacity(first.len() + more.len());
    let mut before = first.iter().cloned().peekable();
    // How much longer the text before the next of `before` was than what is left of it.
    let mut removed = 0_isize;
    let place = |at: usize, removed: isize| at.saturating_add_signed(removed);
    for cut in more {
        // Those that end before this one begins.
        while let Some(done) = before.next_if(|done| {
            let end = done.range.start.saturating_add_signed(-removed) + done.replacement.len();
            end <= cut.range.start
        }) {
            removed += done.range.len() as isize - done.replacement.len() as isize;
            result.push(done);
        }
        let mut start = place(cut.range.start, removed);
        let mut end = None;
        let mut is_mixed = false;
        while let Some(inside) =
            before.next_if(|inside| place(cut.range.end, removed) > inside.range.start)
        {
            let left = inside.range.start.saturating_add_signed(-removed);
            removed += inside.range.len() as isize - inside.replacement.len() as isize;
            start = start.min(inside.range.start);
            is_mixed = true;
            end = (left + inside.replacement.len() >= cut.range.end).then_some(inside.range.end);
        }
        let range = start..end.unwrap_or_else(|| place(cut.range.end, removed));
        if is_mixed {
            result.extend(hider.cut(text, range, cut.rule));
        } else {
            result.push(Cut {
                range,
                ..cut.clone()
            });
        }
    }
    result.extend(before);
    result
}

#[test]
fn overlapping_spans_become_one_cut_and_tokens_stay() {
    let hider = Hider::default();
    let text = "abcdefgh [redacted] xyz";
    let cuts = |ranges: &[[usize; 2]]| -> Vec<[usize; 2]> {
        let spans = ranges
            .iter()
            .map(|[start, end]| Span::new(*start..*end, "r"));
        let cuts = settle(text, spans.collect(), &hider);
        let ranges = cuts.into_iter().map(|cut| cut.range);
        ranges.map(|range| [range.start, range.end]).collect()
    };
    assert_eq!(cuts(&[[4, 6], [0, 3], [2, 5]]), [[0, 6]]);
    assert_eq!(cuts(&[[0, 2], [2, 4]]), [[0, 2], [2, 4]]);
    assert!(cuts(&[[9, 19]]).is_empty());
    assert!(cuts(&[[12, 14]]).is_empty());
    assert_eq!(cuts(&[[7, 12]]), [[7, 19]]);
    assert_eq!(cuts(&[[12, 21]]), [[9, 21]]);
}

#[test]
fn cuts_of_what_is_left_are_cuts_of_the_text() {
    let hider = Hider::default();
    let text = "one two three four five";
    let first = settle(
        text,
        vec![Span::new(4..7, "a"), Span::new(14..18, "a")],
        &hider,
    );
    let left = apply(text, &first);
    assert_eq!(left, "one [redacted] three [redacted] five");
    let again = |word: Range<usize>| {
        let more = vec![hider.cut(&left, word, "b").unwrap()];
        apply(text, &compose(text, &first, &more, &hider))
    };
    assert_eq!(again(0..3), "[redacted] [redacted] three [redacted] five");
    assert_eq!(again(15..20), "one [redacted] [redacted] [redacted] five");
    assert_eq!(again(32..36), "one [redacted] three [redacted] [redacted]");
    assert_eq!(again(10..20), "one [redacted] [redacted] five");
    assert_eq!(again(0..36), "[redacted]");
    assert_eq!(again(2..24), "on[redacted] five");
}

#[cfg(test)]
use crate::redact::cut::apply;
