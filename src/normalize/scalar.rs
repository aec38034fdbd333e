//! The canonical spelling of scalars, as protobuf's JSON has it.
//!
//! Every function gives `None` for a text that is no such value; the caller then keeps it as it was written.

use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose},
};

use super::{Number, Value};

/// Seconds and nanoseconds with the sign on the whole: what a duration and a timestamp are made of.
const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// An integer, exact, from the text of a JSON number or of a string that holds one: `80`, `80.0`, `8e1`.
pub(super) fn integer(text: &str) -> Option<i128> {
    // `5.0` is read as `5` is: a float would lose the digits of large ones.
    let whole = match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => whole,
        _ => text,
    };
    if let Ok(number) = whole.parse() {
        return Some(number);
    }
    let float: f64 = number_text(text)?.parse().ok()?;
    match Number::from_f64(float) {
        Number::Int(number) => Some(number),
        _ => None,
    }
}

/// A `double` or, rounded to it, a `float`: a number, or one of protobuf's three names for what JSON cannot print.
pub(super) fn float(text: &str, single: bool) -> Option<Value> {
    if matches!(text, "NaN" | "Infinity" | "-Infinity") {
        return Some(Value::String(text.to_owned()));
    }
    let double: f64 = number_text(text)?.parse().ok()?;
    let value = match single {
        // The shortest text of the f32, read again: `0.1` stays `0.1`, 16777217 becomes 16777216.
        true => (double as f32).to_string().parse().ok()?,
        false => double,
    };
    value
        .is_finite()
        .then(|| Value::Number(Number::from_f64(value)))
}

/// `text` if it is a JSON number; Rust's parser would take `inf` and `+1` too.
fn number_text(text: &str) -> Option<&str> {
    let json_number = |c: u8| c.is_ascii_digit() || b"+-.eE".contains(&c);
    (text.bytes().all(json_number) && !text.starts_with('+')).then_some(text)
}

/// Bytes in any base64: standard or URL-safe, padded or not, to the padded standard alphabet.
pub(super) fn bytes(text: &str) -> Option<String> {
    decode(text).map(|bytes| general_purpose::STANDARD.encode(bytes))
}

/// The bytes that `text` is any base64 of.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    const ANY_PADDING: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    const STANDARD_ENGINE: GeneralPurpose = GeneralPurpose::new(&STANDARD, ANY_PADDING);
    const URL_ENGINE: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, ANY_PADDING);
    STANDARD_ENGINE
        .decode(text)
        .or_else(|_| URL_ENGINE.decode(text))
        .ok()
}

/// A `google.protobuf.Duration`: `1.5s` becomes `1.500s`.
pub(super) fn duration(text: &str) -> Option<String> {
    let nanos = decimal_nanos(text.strip_suffix('s')?)?;
    let (sign, nanos) = if nanos < 0 {
        ("-", -nanos)
    } else {
        ("", nanos)
    };
    Some(format!(
        "{sign}{}{}s",
        nanos / NANOS_PER_SECOND,
        fraction(nanos % NANOS_PER_SECOND)
    ))
}

/// A `google.protobuf.Timestamp`: RFC 3339 in UTC with `Z`, of the years 1 to 9999.
///
/// Read as civil time, as `jiff::Timestamp` ends a day before the year 9999 does.
pub(super) fn timestamp(text: &str) -> Option<String> {
    let pieces = jiff::fmt::temporal::Pieces::parse(text).ok()?;
    let local = pieces.date().to_datetime(pieces.time()?);
    let offset = i64::from(pieces.to_numeric_offset()?.seconds());
    let utc = local
        .checked_sub(jiff::SignedDuration::from_secs(offset))
        .ok()?;
    let whole = utc.strftime("%Y-%m-%dT%H:%M:%S");
    let is_in_range = (1..=9999).contains(&utc.year());
    is_in_range.then(|| format!("{whole}{}Z", fraction(i128::from(utc.subsec_nanosecond()))))
}

/// Nanoseconds from a decimal number of seconds with at most nine decimals.
fn decimal_nanos(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(whole) || !all_digits(decimals) || decimals.len() > 9 || digits.is_empty() {
        return None;
    }
    // Protobuf allows 315,576,000,000 seconds; thirteen digits are more than that and fit.
    if whole.len() > 13 {
        return None;
    }
    let seconds: i128 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let nanos: i128 = format!("{decimals:0<9}").parse().ok()?;
    let total = seconds * NANOS_PER_SECOND + nanos;
    Some(if negative { -total } else { total })
}

/// Nanoseconds below a second as a fraction of 0, 3, 6 or 9 digits.
fn fraction(nanos: i128) -> String {
    match nanos {
        0 => String::new(),
        n if n % 1_000_000 == 0 => format!(".{:03}", n / 1_000_000),
        n if n % 1_000 == 0 => format!(".{:06}", n / 1_000),
        n => format!(".{n:09}"),
    }
}

#[test]
fn durations_have_0_3_6_or_9_decimals() {
    for (text, expected) in [
        ("1s", Some("1s")),
        ("1.0s", Some("1s")),
        ("0.25s", Some("0.250s")),
        ("1.000000001s", Some("1.000000001s")),
        ("0.0000001s", Some("0.000000100s")),
        ("-0.5s", Some("-0.500s")),
        ("-0s", Some("0s")),
        ("3600.5s", Some("3600.500s")),
        ("100ms", None),
        ("1", None),
        ("s", None),
        ("1.0000000001s", None),
        ("99999999999999999999s", None),
    ] {
        assert_eq!(duration(text).as_deref(), expected, "{text}");
    }
}

#[test]
fn timestamps_are_in_utc() {
    for (text, expected) in [
        ("2026-11-20T11:57:49.5Z", Some("2026-11-20T11:57:49.500Z")),
        ("2026-11-20T13:57:49+02:00", Some("2026-11-20T11:57:49Z")),
        (
            "2026-11-20T11:57:49.000000100Z",
            Some("2026-11-20T11:57:49.000000100Z"),
        ),
        ("0001-01-01T00:00:00Z", Some("0001-01-01T00:00:00Z")),
        (
            "9999-12-31T23:59:59.99999Z",
            Some("9999-12-31T23:59:59.999990Z"),
        ),
        ("9999-12-31T23:59:59+01:00", Some("9999-12-31T22:59:59Z")),
        ("9999-12-31T23:59:59-01:00", None),
        ("2026-11-20T11:57:49", None),
        ("2026-11-20", None),
        ("yesterday", None),
    ] {
        assert_eq!(timestamp(text).as_deref(), expected, "{text}");
    }
}

#[test]
fn numbers_and_bytes_have_one_spelling() {
    for (text, expected) in [
        ("80", Some(80)),
        ("80.0", Some(80)),
        ("9007199254740993.00", Some(9_007_199_254_740_993)),
        ("8e1", Some(80)),
        ("12345678901234567890", Some(12_345_678_901_234_567_890)),
        ("0.5", None),
        ("inf", None),
        ("", None),
    ] {
        assert_eq!(integer(text), expected, "{text}");
    }
    let number = |value: f64| Some(Value::Number(Number::from_f64(value)));
    assert_eq!(float("16777217", true), number(16_777_216.0));
    assert_eq!(float("0.1", true), number(0.1));
    assert_eq!(float("-0.0", false), number(0.0));
    assert_eq!(float("1e999", false), None);
    for text in ["-_8", "-_8=", "+/8", "+/8="] {
        assert_eq!(bytes(text).as_deref(), Some("+/8="), "{text}");
    }
    assert_eq!(bytes("no base64!"), None);
}
