//! Long values cut short, so that what differs stays in sight.

use super::Style;

/// What stands where a text was cut at its end.
#[derive(Clone, Copy)]
pub(super) enum Tail {
    /// An ellipsis.
    Plain,
    /// How many characters are missing, and the flag that shows them.
    Counted,
}

/// `text` in at most `limit` characters and what says that it was cut.
pub(super) fn clip(text: &str, limit: usize, tail: Tail, style: Style) -> String {
    window(text, 0, limit, tail, style)
}

/// Both texts, each cut as [`clip`] does, but from shortly before their first difference where that is far in.
pub(super) fn clip_pair(
    before: &str,
    after: &str,
    limit: usize,
    tail: Tail,
    style: Style,
) -> (String, String) {
    let common = before
        .chars()
        .zip(after.chars())
        .take_while(|(b, a)| b == a)
        .count();
    let start =
        if style.full || common < limit / 2 || !(longer(before, limit) || longer(after, limit)) {
            0
        } else {
            common - limit / 4
        };
    (
        window(before, start, limit, tail, style),
        window(after, start, limit, tail, style),
    )
}

fn longer(text: &str, limit: usize) -> bool {
    text.len() > limit && text.chars().nth(limit).is_some()
}

/// `limit` characters of `text` from the `start`-th.
fn window(text: &str, start: usize, limit: usize, tail: Tail, style: Style) -> String {
    if style.full || (start == 0 && !longer(text, limit)) {
        return text.to_owned();
    }
    let mut cut = String::new();
    if start > 0 {
        cut.push_str(style.ellipsis());
    }
    let mut rest = text.chars().skip(start);
    cut.extend(rest.by_ref().take(limit));
    let missing = rest.count();
    if missing > 0 {
        cut.push_str(style.ellipsis());
        if matches!(tail, Tail::Counted) {
            let s = if missing == 1 { "" } else { "s" };
            cut.push_str(&format!(" {missing} more character{s} (--full)"));
        }
    }
    cut
}

#[test]
fn a_difference_far_into_a_long_value_stays_in_sight() {
    let style = Style::default();
    let text = |end: &str| format!("{}{end}{}", "é".repeat(500), "z".repeat(500));
    let (before, after) = clip_pair(&text("1"), &text("2"), 40, Tail::Counted, style);
    assert_eq!(
        before,
        format!(
            "…{}1{}… 471 more characters (--full)",
            "é".repeat(10),
            "z".repeat(29)
        )
    );
    assert_ne!(before, after);
    assert_eq!(clip("abcdef", 3, Tail::Plain, style), "abc…");
    assert_eq!(clip("abc", 3, Tail::Plain, style), "abc");
    let full = Style {
        full: true,
        ..style
    };
    assert_eq!(clip_pair("abc1", "abc2", 2, Tail::Plain, full).1, "abc2");
}
