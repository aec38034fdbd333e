//! What tokens tell: which secrets are equal, which have changed, and which cannot be compared.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use xdsnap::{
    diff::{Cause, Change, Mode, Report, diff},
    dump::{Dump, Resource},
    model::Token,
    normalize::{ObjectKind, Value},
    render::{self, Sides, Style},
};

use crate::{
    laws::{
        SAMPLES, Sample, check_digests, check_mirror, compare, compare_dumps,
        dice::Dice,
        edit::{self, Seg},
        edit_anywhere, parse,
    },
    patch,
};

/// Tokens of two secrets under a key, and of the first under another.
const A: &str = "[redacted:1a2b3c4d-0000000000000001]";
const B: &str = "[redacted:1a2b3c4d-0000000000000002]";
const OTHER: &str = "[redacted:5e6f7a8b-0000000000000003]";
const BARE: &str = "[redacted]";

const BOTH: &str = "the value is redacted on both sides: a rotation would not show";
const ONE_SIDE: &str = "the value is redacted on one side";
const TWO_KEYS: &str = "the value is redacted under two keys (1a2b3c4d, 5e6f7a8b): capture both with one key: \
                        --redaction-key-file";
const NO_KEY: &str =
    "the value is redacted on both sides, on one without a key, as Envoy and istiod do it";
const NAMES: &str = "the names of some members are redacted";

/// A dump of one cluster.
fn dump(cluster: &Json) -> String {
    let mut body =
        json!({"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "a"});
    let members = cluster.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(members);
    json!({"configs": [{
        "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
        "dynamic_active_clusters": [{"cluster": body}],
    }]})
    .to_string()
}

/// A cluster that holds this in a Struct, where anything may stand.
fn holding(value: &Json) -> Json {
    json!({"metadata": {"filter_metadata": {"x": {"v": value}}}})
}

/// A cluster with a private key from this data source.
fn with_key(source: &Json) -> Json {
    json!({"transport_socket": {"name": "tls", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        "common_tls_context": {"tls_certificates": [{"private_key": source}]},
    }}})
}

/// The changes between two clusters, the last step of each path with its sign.
fn changes(report: &Report) -> Vec<String> {
    let line = |change: &Change| {
        let path = change.path.to_string();
        let last = path.rsplit_once("x.v").map_or(&path[..], |(_, last)| last);
        format!("{}{last}", change.kind.sign())
    };
    report.changes.iter().map(line).collect()
}

/// What was not compared of a cluster.
fn not_compared(report: &Report) -> Vec<(Cause, &str)> {
    let of_resource = |entry: &&xdsnap::diff::NotCompared| entry.resource.is_some();
    let entries = report.not_compared.iter().filter(of_resource);
    entries.map(|entry| (entry.cause, &*entry.reason)).collect()
}

fn compared(mode: Mode, [before, after]: [&Json; 2]) -> Report {
    let [before, after] = [before, after].map(dump);
    compare(mode, before.as_bytes(), after.as_bytes())
}

#[test]
fn equal_tokens_are_equal_and_other_ones_are_a_change_where_the_key_is_one() {
    use Cause::{Inherent, Missing};
    let url = |token: &str| json!(format!("https://{token}@host/"));
    let base64 = |text: &str| json!(STANDARD.encode(text));
    for (before, after, change, hidden) in [
        (json!(A), json!(A), "", None),
        (json!(A), json!(B), "~", None),
        (json!(A), base64(A), "", None),
        (json!(A), base64(B), "~", None),
        (json!(A), json!(OTHER), "", Some((Missing, TWO_KEYS))),
        (json!(BARE), json!(BARE), "", Some((Inherent, BOTH))),
        (json!(BARE), json!("<Redacted>"), "", Some((Inherent, BOTH))),
        (json!(BARE), base64(BARE), "", Some((Inherent, BOTH))),
        (json!(A), json!(BARE), "", Some((Missing, NO_KEY))),
        (json!(A), json!("<Redacted>"), "", Some((Missing, NO_KEY))),
        (json!(A), base64(BARE), "", Some((Missing, NO_KEY))),
        // In clear; what is no scalar, or empty, is no secret that a token stands for.
        (json!(A), json!("hunter2"), "", Some((Missing, ONE_SIDE))),
        (json!(A), json!(1234), "", Some((Missing, ONE_SIDE))),
        (json!(A), json!(true), "", Some((Missing, ONE_SIDE))),
        (json!(BARE), json!("hunter2"), "", Some((Missing, ONE_SIDE))),
        (json!(A), json!(""), "~", None),
        (json!(BARE), json!(""), "", Some((Missing, ONE_SIDE))),
        (json!(A), json!(null), "~", None),
        (json!(A), json!({"a": 1}), "~", None),
        (json!([A]), json!("x"), "~", None),
        // In texts.
        (url(A), url(A), "", None),
        (url(A), url(B), "~", None),
        (url(A), url(OTHER), "", Some((Missing, TWO_KEYS))),
        (url(A), url(BARE), "", Some((Missing, NO_KEY))),
        (url(BARE), url(BARE), "", Some((Inherent, BOTH))),
        (url(A), url("u:p"), "", Some((Missing, ONE_SIDE))),
        (url(A), json!("https://host/"), "~", None),
        (url(A), json!(format!("https://{OTHER}@other/")), "~", None),
        (url(A), json!(format!("https://{B}@other/")), "~", None),
        (
            json!(format!("{A} {OTHER}")),
            json!(format!("{B} {OTHER}")),
            "~",
            None,
        ),
        (
            json!(format!("{A} {BARE}")),
            json!(format!("{A} {BARE}")),
            "",
            Some((Inherent, BOTH)),
        ),
        (json!(A), url(B), "~", None),
        (json!(A), url(OTHER), "", Some((Missing, TWO_KEYS))),
    ] {
        for (mut sides, is_back) in [([&before, &after], false), ([&after, &before], true)] {
            let clusters = sides.map(holding);
            let report = compared(Mode::Change, [&clusters[0], &clusters[1]]);
            let expected: Vec<_> = Some(change.to_owned())
                .filter(|c| !c.is_empty())
                .into_iter()
                .collect();
            assert_eq!(changes(&report), expected, "{sides:?}");
            let found = not_compared(&report);
            if is_back && hidden.is_some_and(|(_, reason)| reason == TWO_KEYS) {
                // The keys are named in their order.
                assert!(found[0].1.contains("(5e6f7a8b, 1a2b3c4d)"), "{found:?}");
                continue;
            }
            assert_eq!(found, Vec::from_iter(hidden), "{sides:?}");
            sides.swap(0, 1);
        }
    }
}

#[test]
fn a_changed_secret_shows_both_tokens_beside_its_path() {
    let [before, after] = [A, B].map(|token| holding(&json!(token)));
    let report = compared(Mode::Change, [&before, &after]);
    let values = |value: &Option<Value>| value.as_ref().and_then(Value::as_str).map(str::to_owned);
    let change = &report.changes[0];
    assert_eq!(
        [values(&change.before), values(&change.after)],
        [Some(A.to_owned()), Some(B.to_owned())]
    );
    let mut line = Vec::new();
    render::oneline(&mut line, &report, Style::default()).unwrap();
    let line = String::from_utf8(line).unwrap();
    assert!(line.contains(A) && line.contains(B), "{line}");
}

#[test]
fn a_changed_secret_is_seen_at_once_in_80_columns() {
    let bytes = |token: &str| with_key(&json!({"inline_bytes": STANDARD.encode(token)}));
    let report = compared(Mode::Change, [&bytes(A), &bytes(B)]);
    let mut text = Vec::new();
    render::text(&mut text, &report, &Sides::default(), Style::default()).unwrap();
    let text = String::from_utf8(text).unwrap();
    let expected = format!(
        "        .private_key.inline_bytes  (another secret)\n          - {A}\n          + {B}\n"
    );
    assert!(text.contains(&expected), "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

#[test]
fn of_istiod_and_envoy_a_data_source_is_what_it_holds() {
    use Cause::{Inherent, Missing};
    let text = |text: &str| json!({"inline_string": text});
    let bytes = |text: &str| json!({"inline_bytes": STANDARD.encode(text)});
    let lua = |token: &str| format!("local key = \"{token}\"");
    for (sent, run, change, hidden) in [
        (bytes(A), text(A), "", None),
        (bytes(A), bytes(A), "", None),
        (bytes(A), text(B), "private_key", None),
        (bytes(A), bytes(B), "private_key.inline_bytes", None),
        (bytes(A), text(OTHER), "", Some((Missing, TWO_KEYS))),
        (bytes(A), text(BARE), "", Some((Inherent, NO_KEY))),
        (bytes(BARE), text(BARE), "", Some((Inherent, BOTH))),
        (
            text(A),
            json!({"filename": "/etc/key"}),
            "",
            Some((Missing, ONE_SIDE)),
        ),
        (text("clear"), text(A), "", Some((Missing, ONE_SIDE))),
        (bytes("clear"), text(BARE), "", Some((Inherent, ONE_SIDE))),
        (bytes(&lua(A)), text(&lua(A)), "", None),
        (bytes(&lua(A)), text(&lua(B)), "private_key", None),
        (
            bytes(&lua(A)),
            text(&lua(OTHER)),
            "",
            Some((Missing, TWO_KEYS)),
        ),
    ] {
        let report = compared(Mode::Sync, [&with_key(&sent), &with_key(&run)]);
        let ends: Vec<_> = changes(&report);
        match change {
            "" => assert_eq!(ends, [""; 0], "{sent} {run}"),
            end => assert!(ends.len() == 1 && ends[0].ends_with(end), "{ends:?}"),
        }
        assert_eq!(
            not_compared(&report),
            Vec::from_iter(hidden),
            "{sent} {run}"
        );
    }
    // Of one printer, the variant is what it was sent.
    let report = compared(Mode::Change, [&with_key(&bytes(A)), &with_key(&text(A))]);
    assert_eq!(changes(&report).len(), 2);
}

#[test]
fn names_that_stand_for_secrets_pair_where_the_key_is_one() {
    for (before, after, expected, reason) in [
        (json!({A: 1}), json!({A: 1}), vec![], None),
        (
            json!({A: 1}),
            json!({A: 2}),
            vec![format!("~['{A}']")],
            None,
        ),
        (
            json!({A: 1}),
            json!({B: 1}),
            vec![format!("-['{A}']"), format!("+['{B}']")],
            None,
        ),
        (
            json!({A: 1}),
            json!({A: 1, B: 1}),
            vec![format!("+['{B}']")],
            None,
        ),
        (
            json!({A: 1, B: 2, "x": 1}),
            json!({OTHER: 3, "x": 2}),
            vec!["~.x".to_owned()],
            Some(
                " under two keys (1a2b3c4d, 5e6f7a8b): capture both with one key: --redaction-key-file",
            ),
        ),
        (
            json!({BARE: 1}),
            json!({BARE: 2}),
            vec![],
            Some(" on both sides: a rotation would not show"),
        ),
        (
            json!({BARE: 1}),
            json!({A: 1}),
            vec![],
            Some(" on both sides, on one without a key, as Envoy and istiod do it"),
        ),
        (
            json!({A: 1, "x": 1}),
            json!({"hunter2": 1, "x": 1}),
            vec![],
            Some(" on one side"),
        ),
        // Whoever hides one name hides all of them.
        (
            json!({A: 1, B: 1}),
            json!({A: 1, "y": 1}),
            vec![format!("-['{B}']"), "+.y".to_owned()],
            None,
        ),
        (
            json!({A: 1, "x": 1}),
            json!({"x": 1}),
            vec![format!("-['{A}']")],
            None,
        ),
        (
            json!({format!("key {A}"): 1}),
            json!({format!("other {OTHER}"): 1}),
            vec![format!("-['key {A}']"), format!("+['other {OTHER}']")],
            None,
        ),
    ] {
        let report = compared(Mode::Change, [&holding(&before), &holding(&after)]);
        let mut expected = expected;
        expected.sort_by_key(|line| line[1..].to_owned());
        assert_eq!(changes(&report), expected, "{before} {after}");
        let reason = reason.map(|end| format!("{NAMES}{end}"));
        let found: Vec<_> = not_compared(&report)
            .into_iter()
            .map(|(_, reason)| reason.to_owned())
            .collect();
        assert_eq!(found, Vec::from_iter(reason), "{before} {after}");
    }
}

#[test]
fn items_of_lists_pair_by_their_tokens_where_the_key_is_one_and_else_all_alike() {
    // The headers of a Struct are a list without keys; those of a cluster's SANs a set.
    let items = |tokens: &[&str]| {
        json!(
            tokens
                .iter()
                .map(|token| json!({"t": token}))
                .collect::<Vec<_>>()
        )
    };
    for (before, after, expected, hidden) in [
        (vec![A, B], vec![A, B], vec![], 0),
        (vec![A, B], vec![B, A], vec![">[1]"], 0),
        (vec![A], vec![B, A], vec!["+[0]"], 0),
        (vec![A, B], vec![OTHER, OTHER], vec![], 2),
        (vec![A, B], vec![OTHER], vec!["-[1]"], 1),
        (vec![A, BARE], vec![A, BARE], vec![], 1),
        (vec![A, BARE], vec![BARE, BARE], vec![], 2),
        (vec![A, B], vec!["x", "y"], vec![], 2),
    ] {
        let report = compared(
            Mode::Change,
            [&holding(&items(&before)), &holding(&items(&after))],
        );
        assert_eq!(changes(&report), expected, "{before:?} {after:?}");
        assert_eq!(not_compared(&report).len(), hidden, "{before:?} {after:?}");
    }
    let set = |names: &[&str]| {
        with_key(&json!({})).as_object_mut().map(|cluster| {
            cluster["transport_socket"]["typed_config"]["common_tls_context"] =
                json!({"alpn_protocols": [], "tls_params": {"cipher_suites": []},
                    "validation_context": {"verify_certificate_hash": names}});
            json!(cluster)
        }).unwrap()
    };
    for (before, after, expected, hidden) in [
        (vec![A, B], vec![B, A], 0, 0),
        (vec![A, "x"], vec![B, "y"], 4, 0),
        (vec![A, B], vec![OTHER, OTHER], 0, 2),
        (vec![A, "z"], vec!["x", "z"], 0, 1),
        (vec![A, A, "z"], vec!["x", "z"], 1, 1),
        (vec!["x", "z"], vec![A, B], 0, 2),
    ] {
        let report = compared(Mode::Change, [&set(&before), &set(&after)]);
        assert_eq!(
            report.changes.len(),
            expected,
            "{before:?} {after:?} {:?}",
            report.changes
        );
        assert_eq!(not_compared(&report).len(), hidden, "{before:?} {after:?}");
    }
}

/// Puts what stands for a secret in some places of `value`.
fn plant(value: &mut Value, dice: &mut Dice, words: &[String]) {
    let places = edit::places(value);
    let is_type = |seg: &Seg| matches!(seg, Seg::Key(key) if key == "@type" || key == "type_url");
    let is_text =
        |way: &&Vec<Seg>| edit::at(value, way).as_str().is_some() && !way.iter().any(is_type);
    let texts: Vec<_> = places.iter().filter(is_text).cloned().collect();
    let is_map = |way: &&Vec<Seg>| matches!(edit::at(value, way), Value::Object(object) if object.kind == ObjectKind::Plain && !object.members.is_empty());
    let maps: Vec<_> = places.iter().filter(is_map).cloned().collect();
    if !maps.is_empty() && dice.once_in(4) {
        if let Value::Object(object) = edit::at_mut(value, dice.pick::<Vec<Seg>>(&maps)) {
            let name = dice.pick(words).clone();
            if object.get(&name).is_none() {
                let at = dice.below(object.members.len());
                object.members[at].0 = name.into();
                object.members.sort_by(|(a, _), (b, _)| a.cmp(b));
            }
        }
    } else if !texts.is_empty() {
        let word = dice.pick(words).clone();
        let text = match dice.below(3) {
            0 => format!("https://{word}@host/"),
            _ => word,
        };
        *edit::at_mut(value, dice.pick::<Vec<Seg>>(&texts)) = Value::from(text.as_str());
    }
}

fn words(key: u32) -> Vec<String> {
    (0..3)
        .map(|tag| format!("[redacted:{key:08x}-{tag:016x}]"))
        .collect()
}

/// A text with every token under another key: one to one.
fn under_another_key(text: &str) -> String {
    let mut copy = String::new();
    let mut rest = 0;
    for (range, token) in Token::all_in(text) {
        copy.push_str(&text[rest..range.start]);
        copy.push_str(&format!(
            "[redacted:5e6f7a8b-{:016x}]",
            token.tag.wrapping_mul(3) + 7
        ));
        rest = range.end;
    }
    copy + &text[rest..]
}

/// Two dumps of nothing but one resource.
fn with_dumps<T>(sample: &Sample, bodies: [&str; 2], check: impl FnOnce([&Dump<'_>; 2]) -> T) -> T {
    let dumps = bodies.map(|body| {
        let mut dump = parse(b"{\"configs\":[]}");
        dump.types = BTreeSet::from([sample.key.xds_type.clone()]);
        dump.resources = vec![Resource {
            key: sample.key.clone(),
            shape: sample.shape,
            body: Some(body.as_bytes()),
            last_updated: None,
            error: None,
        }];
        dump
    });
    check([&dumps[0], &dumps[1]])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tokens_of_one_key_are_compared_like_any_text(which: usize, seed: u64, number in 0..3) {
        let sample = &SAMPLES[which % SAMPLES.len()];
        let mut dice = Dice(seed);
        let words = words(0x1a2b_3c4d);
        let mut before = sample.value.clone();
        (0..dice.below(5)).for_each(|_| plant(&mut before, &mut dice, &words));
        let before = sample.again(&before);
        let mut after = before.clone();
        (0..dice.below(3)).for_each(|_| plant(&mut after, &mut dice, &words));
        (0..number).for_each(|_| edit_anywhere(&mut after, &mut dice));
        let after = sample.again(&after);
        prop_assert_eq!(diff(&before, &before), []);
        prop_assert_eq!(diff(&before, &after).is_empty(), before == after);
        patch::check(&before, &after)?;

        if before.at(&["node", "id"]) != after.at(&["node", "id"]) {
            return Ok(());
        }
        let bodies = [&before, &after].map(|value| serde_json::to_string(value).unwrap());
        with_dumps(sample, [&bodies[0], &bodies[1]], |[old, new]| {
            let report = compare_dumps(Mode::Change, old, new);
            // A sample may hold what Envoy hid.
            let has_bare = bodies.iter().any(|body| xdsnap::normalize::may_hold_bare(body.as_bytes()));
            if !has_bare {
                let unknown: Vec<_> = not_compared(&report).into_iter().filter(|(_, reason)| {
                    !reason.ends_with("one side")
                }).collect();
                prop_assert_eq!(unknown, []);
            }
            check_mirror(old, new).map_err(TestCaseError::fail)?;
            check_digests(&report, old, new)
        })?;
    }

    #[test]
    fn tokens_of_two_keys_are_never_a_difference_and_never_equal(which: usize, seed: u64, number in 0..3) {
        let sample = &SAMPLES[which % SAMPLES.len()];
        let mut dice = Dice(seed);
        let words = words(0x1a2b_3c4d);
        let mut before = sample.value.clone();
        (0..1 + dice.below(5)).for_each(|_| plant(&mut before, &mut dice, &words));
        let before = sample.again(&before);
        // Whether this is another pod of one workload is decided by its name.
        if before.at(&["node", "id"]) != sample.value.at(&["node", "id"]) {
            return Ok(());
        }
        let before = serde_json::to_string(&before).unwrap();
        let after = under_another_key(&before);
        with_dumps(sample, [&before, &after], |[old, new]| {
            let report = compare_dumps(Mode::Change, old, new);
            prop_assert_eq!(&report.changes, &[]);
            prop_assert_eq!(&report.live, &[]);
            let is_told = not_compared(&report).iter().any(|(cause, reason)| {
                *cause == Cause::Missing && reason.contains("under two keys")
            });
            prop_assert_eq!(is_told, before != after, "{} {:?}", before, sample.key);
            check_mirror(old, new).map_err(TestCaseError::fail)
        })?;

        // Beside what else differs, too, either way round.
        let [old, new] = [&before, &after].map(|text| sample.normal(text));
        let mut edited = new.clone();
        (0..number).for_each(|_| edit_anywhere(&mut edited, &mut dice));
        let edited = sample.again(&edited);
        patch::check(&old, &edited)?;
        let bodies = [&old, &edited].map(|value| serde_json::to_string(value).unwrap());
        with_dumps(sample, [&bodies[0], &bodies[1]], |[old, new]| {
            check_mirror(old, new).map_err(TestCaseError::fail)
        })?;
    }
}
