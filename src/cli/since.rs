//! `--since TIME`: what was typed, and the moment that it means for an input.

use std::str::FromStr;

use anyhow::{anyhow, bail};
use jiff::{
    SignedDuration, Span, SpanRelativeTo, Timestamp,
    civil::{DateTime, Time},
    tz::TimeZone,
};

use crate::inspect::envoy_time;

/// A time as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    /// `2026-11-21T02:40:00Z`, `2026-11-21`.
    At(Timestamp),
    /// `02:40`: the last one in UTC.
    Clock(Time),
    /// `30m`: that long ago.
    Ago(SignedDuration),
}

/// A text that is no time.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` is no time (expected a time of day in UTC such as 02:40, a date or RFC 3339 time such as 2026-11-21T02:40:00Z, or how long ago, such as 30m, 2h, 1d)"
)]
pub(super) struct InvalidSince(String);

impl FromStr for Since {
    type Err = InvalidSince;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidSince(text.to_owned());
        if let Ok(time) = text.parse::<Timestamp>() {
            return Ok(Self::At(time));
        }
        if text.contains('-') {
            let time: DateTime = text.parse().map_err(|_| invalid())?;
            let time = time.to_zoned(TimeZone::UTC).map_err(|_| invalid())?;
            return Ok(Self::At(time.timestamp()));
        }
        if text.contains(':') {
            let clock = text.strip_suffix('Z').unwrap_or(text);
            return clock.parse().map(Self::Clock).map_err(|_| invalid());
        }
        let span: Span = text.parse().map_err(|_| invalid())?;
        let has_calendar_units = span.get_years() != 0 || span.get_months() != 0;
        let duration = span
            .to_duration(SpanRelativeTo::days_are_24_hours())
            .map_err(|_| invalid())?;
        match has_calendar_units || !duration.is_positive() {
            true => Err(invalid()),
            false => Ok(Self::Ago(duration)),
        }
    }
}

/// What relative times are taken relative to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reference {
    /// When the input was captured, where it tells.
    pub(super) captured: Option<Timestamp>,
    /// The latest time that Envoy prints in it.
    pub(super) newest: Option<Timestamp>,
}

impl Since {
    /// The moment that is meant, and what the reader must know of how it was found.
    ///
    /// # Errors
    ///
    /// Where it is after the capture, or nothing tells what it is relative to.
    pub(super) fn resolve(self, of: Reference) -> anyhow::Result<(Timestamp, Option<String>)> {
        let base = of.captured.or(of.newest);
        let missing = || {
            anyhow!(
                "--since: nothing tells when the input was captured; give a date and a time, such as 2026-11-21T02:40:00Z"
            )
        };
        let time = match self {
            Self::At(time) => time,
            Self::Ago(duration) => base.ok_or_else(missing)?.checked_sub(duration)?,
            Self::Clock(clock) => {
                let base = base.ok_or_else(missing)?.to_zoned(TimeZone::UTC);
                let today = base.date().to_datetime(clock).to_zoned(TimeZone::UTC)?;
                match today <= base {
                    true => today.timestamp(),
                    false => today.yesterday()?.timestamp(),
                }
            }
        };
        // Envoy prints milliseconds and no more, so what it prints may seem earlier than it was.
        let time = Timestamp::from_millisecond(time.as_millisecond())?;
        if let Some(captured) = of.captured
            && time > captured
        {
            bail!(
                "--since: {} is after the input was captured ({})",
                envoy_time(time),
                envoy_time(captured)
            );
        }
        let note = match (self, of.captured, of.newest) {
            (Self::At(_), None, Some(newest)) if newest < time => Some(format!(
                "nothing tells when the input was captured, and its last update was at {}: it may be from before {}",
                envoy_time(newest),
                envoy_time(time)
            )),
            (Self::At(_), ..) | (_, Some(_), _) | (.., None) => None,
            (.., Some(newest)) => Some(format!(
                "nothing tells when the input was captured: --since is taken from its last update, {}, and so means {}",
                envoy_time(newest),
                envoy_time(time)
            )),
        };
        Ok((time, note))
    }
}

#[test]
fn every_form_of_a_time_is_read_and_others_are_refused() {
    let at = |text: &str| Since::At(text.parse().unwrap());
    let clock = |text: &str| Since::Clock(text.parse().unwrap());
    let ago = |seconds| Since::Ago(SignedDuration::from_secs(seconds));
    for (text, expected) in [
        ("02:40", clock("02:40:00")),
        ("02:40:10", clock("02:40:10")),
        ("02:40:10.500Z", clock("02:40:10.5")),
        ("2026-11-21T01:52:25.430Z", at("2026-11-21T01:52:25.430Z")),
        ("2026-11-21T01:52:25.430", at("2026-11-21T01:52:25.430Z")),
        ("2026-11-21T03:52+02:00", at("2026-11-21T01:52:00Z")),
        ("2026-11-21 01:52", at("2026-11-21T01:52:00Z")),
        ("2026-11-21", at("2026-11-21T00:00:00Z")),
        ("90s", ago(90)),
        ("30m", ago(1800)),
        ("2h", ago(7200)),
        ("1d", ago(86400)),
        ("1h30m", ago(5400)),
    ] {
        assert_eq!(text.parse(), Ok(expected), "{text}");
    }
    for text in [
        "",
        "25:00",
        "02:40x",
        "yesterday",
        "30",
        "0s",
        "-30m",
        "30m ago",
        "1mo",
        "1y",
        "2026-13-01",
        "2026-11-21T",
    ] {
        let error = text.parse::<Since>().unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("`{text}` is no time")),
            "{error}"
        );
    }
}

#[test]
fn a_relative_time_is_taken_from_the_capture_or_else_from_the_last_update() {
    let time = |text: &str| text.parse::<Timestamp>().unwrap();
    let captured = Reference {
        captured: Some(time("2026-11-21T01:52:29.093Z")),
        newest: Some(time("2026-11-21T01:52:25.595Z")),
    };
    let file = Reference {
        captured: None,
        ..captured
    };
    for (typed, reference, expected, is_told) in [
        ("30m", captured, "2026-11-21T01:22:29.093Z", false),
        ("30m", file, "2026-11-21T01:22:25.595Z", true),
        ("01:52:29", captured, "2026-11-21T01:52:29Z", false),
        ("02:40", captured, "2026-11-20T02:40:00Z", false),
        ("01:52:29", file, "2026-11-20T01:52:29Z", true),
        (
            "2026-11-21T01:00:00.0009Z",
            file,
            "2026-11-21T01:00:00Z",
            false,
        ),
        ("2030-01-01", file, "2030-01-01T00:00:00Z", true),
    ] {
        let (found, note) = typed.parse::<Since>().unwrap().resolve(reference).unwrap();
        assert_eq!(found, time(expected), "{typed}");
        assert_eq!(note.is_some(), is_told, "{typed}");
    }
    let late = "2030-01-01".parse::<Since>().unwrap();
    let error = late.resolve(captured).unwrap_err().to_string();
    assert!(error.contains("after the input was captured"), "{error}");
    let error = "30m"
        .parse::<Since>()
        .unwrap()
        .resolve(Reference::default());
    assert!(error.unwrap_err().to_string().contains("give a date"));
}
