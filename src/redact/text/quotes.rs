//! Where a quotation ends, however often it was escaped.

/// How many backslashes stand right before `at`, not before `start`.
pub(super) fn backslashes(bytes: &[u8], start: usize, at: usize) -> usize {
    let before = bytes[start..at].iter().rev();
    before.take_while(|byte| **byte == b'\\').count()
}

/// Where the quotation ends that the quote at `open` begins: the place of the closing quote, or of the backslashes
/// that belong to it; `None` if it goes on to the end of the text.
///
/// A quotation in a quotation has its quotes behind backslashes (`\"`, in the next one `\\\"`), and what is escaped in
/// it has more of them than its end.
pub(super) fn closing(bytes: &[u8], open: usize) -> Option<usize> {
    let quote = *bytes.get(open)?;
    let level = backslashes(bytes, 0, open);
    let mut run = 0;
    for (index, byte) in bytes.iter().enumerate().skip(open + 1) {
        match *byte {
            b'\\' => run += 1,
            byte if byte == quote
                && (run < level || (run - level).is_multiple_of(2 * (level + 1))) =>
            {
                return Some(index - run.min(level));
            }
            _ => run = 0,
        }
    }
    None
}

#[test]
fn a_quotation_ends_at_a_quote_as_escaped_as_its_own() {
    let cases = [
        (r#""abc" d"#, 0, Some(4)),
        (r#""a\"b" d"#, 0, Some(5)),
        (r#""a\\" d"#, 0, Some(4)),
        (r#"\"abc\" d"#, 1, Some(5)),
        (r#"\"a\\\"bc\" d"#, 1, Some(9)),
        (r#"\"a\\\\\" d"#, 1, Some(7)),
        (r#"\"abc" d"#, 1, Some(5)),
        (r#""abc"#, 0, None),
        (r#""abc\"#, 0, None),
        ("", 0, None),
    ];
    for (text, open, expected) in cases {
        assert_eq!(closing(text.as_bytes(), open), expected, "{text}");
    }
}
