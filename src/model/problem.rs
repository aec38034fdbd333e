//! What is wrong with JSON, in words that may be shown.

/// What serde says of JSON that does not fit, without the value that it quotes: that may be a secret.
///
/// `invalid type: string "hunter2", expected a sequence at line 1 column 9` becomes
/// `invalid type: string, expected a sequence at line 1 column 9`.
pub fn json_problem(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let quotes = ["invalid type: ", "invalid value: ", "unknown variant "];
    let Some(begin) = quotes.iter().find(|begin| text.starts_with(**begin)) else {
        return text;
    };
    // Of a value that says `, expected` itself, too.
    let (quoted, expected) = match text.rfind(", expected ") {
        Some(at) => text.split_at(at),
        None => (text.as_str(), ""),
    };
    let kind = quoted[begin.len()..].split(['"', '`']).next();
    format!("{begin}{}", kind.unwrap_or_default())
        .trim_end_matches([' ', ':'])
        .to_owned()
        + expected
}

#[test]
fn a_problem_is_told_without_the_value() {
    fn problem<'a, T: serde::Deserialize<'a>>(json: &'a str) -> String {
        let error = serde_json::from_str::<T>(json).err().unwrap();
        json_problem(&error)
    }
    let secret = r#""hunter2\", expected \"x`y""#;
    let said = "invalid type: string, expected a sequence at line 1 column 27";
    assert_eq!(problem::<Vec<u8>>(secret), said);
    let said = "invalid type: integer, expected a string at line 1 column 4";
    assert_eq!(problem::<String>("1234"), said);
    let said = "invalid value: integer, expected u8 at line 1 column 4";
    assert_eq!(problem::<u8>("1234"), said);
    let said = "EOF while parsing a list at line 1 column 1";
    assert_eq!(problem::<Vec<u8>>("["), said);
    assert_eq!(
        problem::<std::net::IpAddr>(r#""hunter2""#),
        "invalid IP address syntax at line 1 column 9"
    );
}
