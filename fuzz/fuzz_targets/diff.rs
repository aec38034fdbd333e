//! The changes between two resources tell all that differs and nothing else, and their patch makes the second of the first.
//!
//! Input: a letter for the type, then the bodies of two resources, between them a newline. What does not begin as the second
//! body would is edits that make it of the first.

#![no_main]

use std::{io, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use serde_json::Value as Json;
use xdsnap::{
    diff::{Compared, Comparer, DocumentPair, Mode, Options, ProxyPair, Report, diff},
    dump::Dump,
    model::{ProxyId, ResourceKey, Rules},
    normalize::{KnownDigests, Value, dump_digests},
    render::{self, Sides, Style},
};
use xdsnap_fuzz::{
    json::{edited, respelled_with_floats},
    subject::Subject,
};

/// The law that edits tell all that differs, which the tests hold of recordings.
#[expect(dead_code, reason = "the tests also make edits with it")]
#[path = "../../tests/suite/laws/edit.rs"]
mod edit;

fuzz_target!(|data: &[u8]| {
    let Some((letter, bodies)) = data.split_first() else {
        return;
    };
    let Some(border) = bodies.iter().position(|byte| *byte == b'\n') else {
        return;
    };
    let (before, after) = (&bodies[..border], &bodies[border + 1..]);
    let mut made = String::new();
    if after.first() != Some(&b'{') {
        let Ok(before) = serde_json::from_slice::<Json>(before) else {
            return;
        };
        made = edited(&before, after).to_string();
    }
    let after = match made.is_empty() {
        true => after,
        false => made.as_bytes(),
    };
    let bodies = [before, after];
    let subject = Subject::of(*letter);
    if let [Ok(before), Ok(after)] = bodies.map(|body| subject.normal(body)) {
        check_values(&subject, &before, &after);
        check_values(&subject, &after, &before);
    }
    let dumps = bodies.map(|body| subject.dump(body));
    let [Ok(before), Ok(after)] =
        [&dumps[0], &dumps[1]].map(|dump| Dump::parse([(None, &dump[..])]))
    else {
        return;
    };
    check_dumps(&before, &after);
    if let Some(same) = respelled_with_floats(&dumps[0]) {
        let same = Dump::parse([(None, same.as_bytes())]).expect("the same dump in other words");
        let report = compare(Mode::Change, &before, &same);
        assert_eq!((report.changes, report.live), (Vec::new(), Vec::new()));
    }
});

fn check_values(subject: &Subject, before: &Value, after: &Value) {
    assert_eq!(diff(before, before), []);
    let edits = diff(before, after);
    assert_eq!(edits.is_empty(), before == after);
    // Numbers beyond 64 bits are JSON, but none that `serde_json::Value` holds.
    let [Ok(old), Ok(new)] = [before, after].map(serde_json::to_value) else {
        return;
    };
    let normal = |document: &Json| {
        let normal = subject.normal(document.to_string().as_bytes());
        normal.map_or(Json::Null, |value| edit::json(&value))
    };
    if let Err(error) = edit::check_explained(&edits, &old, &new, &normal) {
        panic!("{error}\n{old}\n{new}");
    }
    let Some(patch) = patch(subject.key(), before, after) else {
        return;
    };
    let mut made = old;
    json_patch::patch(&mut made, &patch).expect("the patch applies");
    assert_eq!(made, new);
}

/// The JSON Patch that is printed for two forms of a resource; none where it is nested deeper than serde_json reads.
fn patch(resource: ResourceKey, before: &Value, after: &Value) -> Option<json_patch::Patch> {
    let mut report = Report::new(Mode::Change);
    report.documents.push(DocumentPair {
        proxy: proxy(),
        before_proxy: None,
        source: Compared::Envoy,
        resource,
        before_resource: None,
        before: Some(before.clone()),
        after: Some(after.clone()),
        equated: None,
        has_changes: true,
    });
    let mut out = Vec::new();
    render::json_patch(&mut out, &report).expect("memory takes it");
    let mut document: Json = match serde_json::from_slice(&out) {
        Err(error) if error.to_string().starts_with("recursion limit") => return None,
        document => document.expect("it is JSON"),
    };
    let patch = serde_json::from_value(document["resources"][0]["patch"].take());
    Some(patch.expect("it is a patch"))
}

/// What is known of the inputs before must not count.
static KNOWN: LazyLock<KnownDigests> = LazyLock::new(KnownDigests::default);

/// Checks that digests are equal where nothing is found, that both ways find the same, and that all is printed.
fn check_dumps(before: &Dump<'_>, after: &Dump<'_>) {
    let report = compare(Mode::Change, before, after);
    let back = compare(Mode::Change, after, before);
    assert_eq!(report.changes.is_empty(), back.changes.is_empty());
    assert_eq!(report.live.is_empty(), back.live.is_empty());
    if let [Ok(old), Ok(new)] = [before, after].map(|dump| dump_digests(dump, &KNOWN))
        && old.keys().eq(new.keys())
        && report.not_compared.is_empty()
    {
        let is_equal = (old.iter()).all(|(of, old)| old.configuration == new[of].configuration);
        assert_eq!(is_equal, report.changes.is_empty(), "{:?}", report.changes);
    }
    for report in [report, compare(Mode::Sync, before, after)] {
        print(&report);
    }
}

/// Prints the report in every form: JSON where it is to be JSON, and nothing that a terminal obeys where people read.
fn print(report: &Report) {
    let sides = Sides::default();
    let style = Style {
        full: true,
        ..Style::default()
    };
    let printed = |print: &dyn Fn(&mut Vec<u8>) -> io::Result<()>| {
        let mut out = Vec::new();
        print(&mut out).expect("memory takes it");
        String::from_utf8(out).expect("outputs are UTF-8")
    };
    for text in [
        printed(&|out| render::text(out, report, &sides, Style::default())),
        printed(&|out| render::text(out, report, &sides, style)),
        printed(&|out| render::oneline(out, report, style)),
        printed(&|out| render::unified(out, report)),
    ] {
        let raw = text.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(raw, None, "{text:?}");
    }
    let json = printed(&|out| render::json(out, report, &sides));
    serde_json::from_str::<&serde_json::value::RawValue>(&json).expect("it is JSON");
}

fn compare(mode: Mode, before: &Dump<'_>, after: &Dump<'_>) -> Report {
    let proxy = proxy();
    let rules = Rules::default().explained();
    let options = Options {
        documents: true,
        rules: &rules,
        ..Options::default()
    };
    let mut comparer = Comparer::new(mode, options);
    comparer.proxy(&ProxyPair {
        before_id: &proxy,
        after_id: &proxy,
        before,
        after,
        compared: match mode {
            Mode::Change => Compared::Envoy,
            Mode::Sync => Compared::IstiodEnvoy,
        },
        last_errors: &[],
    });
    comparer.finish()
}

fn proxy() -> ProxyId {
    ProxyId::new("web-1.shop").expect("it names a proxy")
}
