//! What must hold of reading, normalizing and comparing for any recording, any respelling and any edit of one.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::LazyLock,
};

use proptest::prelude::*;
use serde_json::Value as Json;
use xdsnap::{
    diff::{Change, ChangeKind, Compared, Comparer, Edit, Mode, Options, ProxyPair, Report, diff},
    dump::{Dump, Resource, Shape},
    model::{ProxyId, ResourceKey, Rules, XdsType},
    normalize::{
        Digests, KnownDigests, List, Number, Object, ObjectKind, Value, dump_digests, live_part,
        normalize,
    },
    xds::MatchBy,
};

use dice::Dice;
use edit::{Reading, Seg};
use respell::Respeller;

pub(crate) mod dice;
pub(crate) mod edit;
mod lists;
mod respell;

const PRODUCTPAGE: &str = "productpage-v1-6b746f74dc-9stvs.default";
pub(crate) const REVIEWS: &str = "reviews-v1-545db77b95-2k8ls.default";
pub(crate) const GATEWAY: &str = "istio-ingressgateway-6d4bd4bc57-v7w5k.istio-system";

pub(crate) fn envoy(step: &str, proxy: &str) -> Vec<u8> {
    read(&format!("corpus/{step}/envoy/{proxy}/config_dump.json.zst"))
}

pub(crate) fn istiod(step: &str, proxy: &str) -> Vec<u8> {
    read(&format!(
        "corpus/{step}/istiod/{proxy}.config_dump.json.zst"
    ))
}

fn sample(name: &str) -> Vec<u8> {
    read(&format!("samples/{name}.json.zst"))
}

fn read(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(name);
    let file = std::fs::File::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    zstd::decode_all(file).unwrap()
}

/// Dumps that between them hold every type, state and printer.
pub(crate) static DUMPS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    vec![
        envoy("a_in_sync/1_before", GATEWAY),
        envoy("c_mtls/1_permissive", REVIEWS),
        istiod("h_jwks/3_jwks_inline", REVIEWS),
        envoy("k_ecds/4_wasm", REVIEWS),
        istiod("k_ecds/4_wasm", REVIEWS),
        envoy("n_routes/02_rich", PRODUCTPAGE),
        istiod("o_endpoints/8_locality_failover", GATEWAY),
        envoy("t_typedstruct/1_before", PRODUCTPAGE),
        istiod("t_typedstruct/1_before", PRODUCTPAGE),
        sample("01_all_dynamic/dump"),
        sample("01_all_dynamic/istiod_form"),
        sample("05_error_states/dump_1_lds_nack"),
        sample("06_warming_draining/dump_4_listener_updated"),
        sample("08_srds_ecds_kinds/dump"),
        sample("09_sensitive/dump"),
        sample("17_presence/dump"),
        sample("18_enum_alias/dump"),
        sample("go_forms/01_protojson"),
    ]
});

/// Steps before and after a change.
pub(crate) static PAIRS: LazyLock<Vec<[Vec<u8>; 2]>> = LazyLock::new(|| {
    let both = |case: &str, [a, b]: [&str; 2], proxy: &str| {
        [
            [a, b].map(|step| envoy(&format!("{case}/{step}"), proxy)),
            [a, b].map(|step| istiod(&format!("{case}/{step}"), proxy)),
        ]
    };
    let mut pairs: Vec<[Vec<u8>; 2]> = Vec::new();
    for (case, steps, proxy) in [
        ("c_mtls", ["1_permissive", "2_strict"], PRODUCTPAGE),
        ("c_mtls", ["2_strict", "4_strict_dr_disable"], GATEWAY),
        ("e_destination_rule", ["1_before", "5_small_edits"], REVIEWS),
        (
            "k_ecds",
            ["3_ecds_ratelimit_changed", "6_lua_extension"],
            REVIEWS,
        ),
        (
            "k_ecds",
            ["5_wasm_changed", "8_wasm_unfetchable_fail_open"],
            REVIEWS,
        ),
        ("n_routes", ["01_before", "02_rich"], PRODUCTPAGE),
        ("n_routes", ["10_regex", "11_order"], PRODUCTPAGE),
        ("n_routes", ["11_order", "12_redirect"], PRODUCTPAGE),
        ("o_endpoints", ["2_added", "8_locality_failover"], GATEWAY),
        ("t_typedstruct", ["1_before", "2_after"], REVIEWS),
    ] {
        pairs.extend(both(case, steps, proxy));
    }
    for (folder, steps) in [
        ("05_error_states", ["dump_0_ok", "dump_5_sds_nack"]),
        (
            "06_warming_draining",
            ["dump_0_ok", "dump_3_listener_warming"],
        ),
        (
            "06_warming_draining",
            ["dump_3_listener_warming", "dump_6_address_changed"],
        ),
    ] {
        pairs.push(steps.map(|step| sample(&format!("{folder}/{step}"))));
    }
    pairs
});

/// A resource, normalized, and how to normalize another body of it.
pub(crate) struct Sample {
    pub(crate) key: ResourceKey,
    pub(crate) shape: Shape,
    pub(crate) types: BTreeSet<XdsType>,
    pub(crate) value: Value,
}

/// Every resource of [`DUMPS`], once.
pub(crate) static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| {
    let mut samples = Vec::new();
    let mut seen = BTreeSet::new();
    for bytes in DUMPS.iter() {
        let dump = parse(bytes);
        for resource in &dump.resources {
            let value = normalize(resource, &dump.types).unwrap();
            if resource.body.is_some() && seen.insert(value.clone()) {
                samples.push(Sample {
                    key: resource.key.clone(),
                    shape: resource.shape,
                    types: dump.types.clone(),
                    value,
                });
            }
        }
    }
    samples
});

impl Sample {
    /// The normalized form of `body`, as if a dump had it in the place of this resource.
    pub(crate) fn normal(&self, body: &str) -> Value {
        let resource = Resource {
            key: self.key.clone(),
            shape: self.shape,
            body: Some(body.as_bytes()),
            last_updated: None,
            error: None,
        };
        normalize(&resource, &self.types).unwrap_or_else(|error| panic!("{error} in {body}"))
    }

    /// The normalized form of a normalized value that was edited.
    pub(crate) fn again(&self, value: &Value) -> Value {
        self.normal(&serde_json::to_string(value).unwrap())
    }

    /// The edits between the resource and `after`, which are checked to explain the difference.
    fn diff_checked(&self, after: &Value) -> Result<Vec<Edit>, TestCaseError> {
        let edits = diff(&self.value, after);
        let [a, b] = [&self.value, after].map(edit::json);
        let normal = |document: &Json| edit::json(&self.normal(&document.to_string()));
        edit::check_explained(&edits, &a, &b, &normal).map_err(TestCaseError::fail)?;
        Ok(edits)
    }
}

/// The digests of a dump, which are the same whatever is known of others.
pub(crate) fn digests_of(dump: &Dump<'_>) -> BTreeMap<XdsType, Digests> {
    static KNOWN: LazyLock<KnownDigests> = LazyLock::new(KnownDigests::default);
    let digests = dump_digests(dump, &KnownDigests::default()).unwrap();
    assert_eq!(dump_digests(dump, &KNOWN).unwrap(), digests);
    digests
}

/// Checks that what reads each resource, as an explained comparison does, finds the same as what passes over those that
/// are alike.
fn check_shortcuts(
    report: &Report,
    before: &Dump<'_>,
    after: &Dump<'_>,
) -> Result<(), TestCaseError> {
    let slow = compare_by(
        &Rules::all().clone().explained(),
        report.mode,
        before,
        after,
    );
    // Only what is explained tells how items were paired.
    let told = |changes: &[Change]| -> Vec<Change> {
        let told = changes.iter().map(|change| Change {
            pairings: Vec::new(),
            ..change.clone()
        });
        told.collect()
    };
    prop_assert_eq!(told(&report.changes), told(&slow.changes));
    prop_assert_eq!(told(&report.live), told(&slow.live));
    prop_assert_eq!(&report.not_compared, &slow.not_compared);
    prop_assert_eq!(&report.summary, &slow.summary);
    Ok(())
}

/// Checks that digests are equal exactly where the comparison found nothing, and had nothing that only one side hides.
pub(crate) fn check_digests(
    report: &Report,
    before: &Dump<'_>,
    after: &Dump<'_>,
) -> Result<(), TestCaseError> {
    check_shortcuts(report, before, after)?;
    let [old, new] = [before, after].map(digests_of);
    prop_assert!(
        old.keys().eq(new.keys()),
        "a section that only one dump has"
    );
    let mut is_hidden = report.not_compared.iter().map(|entry| &entry.reason);
    let is_hidden = is_hidden.any(|reason| !reason.ends_with("a rotation would not show"));
    let mut has_equal_configuration = true;
    for (xds_type, old) in &old {
        let [old, new]: [Digests; 2] = [*old, new[xds_type]];
        let of_type = |change: &&Change| change.resource.xds_type == *xds_type;
        let changes: Vec<_> = report.changes.iter().filter(of_type).collect();
        let live: Vec<_> = report.live.iter().filter(of_type).collect();
        let is_equal = old.configuration == new.configuration;
        has_equal_configuration &= is_equal;
        if is_equal {
            prop_assert!(changes.is_empty(), "equal digests: {:?}", changes);
        }
        if old.live == new.live {
            prop_assert!(live.is_empty(), "equal digests: {:?}", live);
        } else if is_equal && !is_hidden {
            prop_assert!(!live.is_empty(), "live digests of {} differ", xds_type);
        }
    }
    // Whether assignments are live depends on clusters: what holds of all types together may not of each.
    if !is_hidden || has_equal_configuration {
        prop_assert_eq!(report.changes.is_empty(), has_equal_configuration);
    }
    Ok(())
}

pub(crate) fn parse(bytes: &[u8]) -> Dump<'_> {
    Dump::parse([(None, bytes)]).unwrap()
}

pub(crate) fn compare(mode: Mode, before: &[u8], after: &[u8]) -> Report {
    compare_dumps(mode, &parse(before), &parse(after))
}

pub(crate) fn compare_dumps(mode: Mode, before: &Dump<'_>, after: &Dump<'_>) -> Report {
    compare_by(Rules::all(), mode, before, after)
}

fn compare_by(rules: &Rules, mode: Mode, before: &Dump<'_>, after: &Dump<'_>) -> Report {
    let id = ProxyId::new("web-1.shop").unwrap();
    let options = Options {
        documents: true,
        rules,
        ..Options::default()
    };
    let mut comparer = Comparer::new(mode, options);
    comparer.proxy(&ProxyPair {
        before_id: &id,
        after_id: &id,
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

#[test]
fn no_two_resources_of_a_dump_have_one_key() {
    for bytes in DUMPS.iter() {
        let mut keys = BTreeSet::new();
        for resource in parse(bytes).resources {
            assert!(
                !resource.key.name.is_empty()
                    || resource.key.xds_type == XdsType::Bootstrap
                    || resource.key.xds_type == XdsType::Route,
                "{:?}",
                resource.key
            );
            assert!(keys.insert(resource.key.clone()), "{:?}", resource.key);
        }
    }
}

#[test]
fn normalizing_twice_is_normalizing_once() {
    for sample in SAMPLES.iter() {
        let printed = serde_json::to_string(&sample.value).unwrap();
        let again = serde_json::to_string(&sample.normal(&printed)).unwrap();
        assert_eq!(printed, again, "{:?}", sample.key);
    }
}

#[test]
fn changes_explain_all_that_differs_between_two_steps_and_nothing_else() {
    for [before, after] in PAIRS.iter() {
        let report = compare(Mode::Change, before, after);
        let [old, new] = [parse(before), parse(after)];
        let find = |dump: &Dump<'_>, key: &ResourceKey| {
            let mut resources = dump.resources.iter();
            let found = resources.find(|resource| resource.key == *key)?;
            Some(normalize(found, &dump.types).unwrap())
        };
        assert!(!report.changes.is_empty());
        for document in &report.documents {
            let changes = report.changes.iter().chain(&report.live);
            let edits: Vec<Edit> = changes
                .filter(|change| change.resource == document.resource)
                .map(edit_of)
                .collect();
            let (Some(a), Some(b)) = (&document.before, &document.after) else {
                let side = document.before.as_ref().or(document.after.as_ref());
                assert_eq!(edits.len(), 1, "{:?}", document.resource);
                assert_eq!(edits[0].path.to_string(), "$");
                assert_eq!(edits[0].before.as_ref().or(edits[0].after.as_ref()), side);
                continue;
            };
            assert_eq!(Some(a), find(&old, &document.resource).as_ref());
            assert_eq!(Some(b), find(&new, &document.resource).as_ref());
            let sample = new
                .resources
                .iter()
                .find(|r| r.key == document.resource)
                .unwrap();
            let sample = Sample {
                key: sample.key.clone(),
                shape: sample.shape,
                types: new.types.clone(),
                value: a.clone(),
            };
            let normal = |document: &Json| edit::json(&sample.normal(&document.to_string()));
            edit::check_explained(&edits, &edit::json(a), &edit::json(b), &normal)
                .unwrap_or_else(|error| panic!("{:?}: {error}", document.resource));
        }
    }
}

#[test]
fn digests_of_two_steps_differ_exactly_where_a_comparison_finds_something() {
    for [before, after] in PAIRS.iter() {
        let report = compare(Mode::Change, before, after);
        let [old, new] = [parse(before), parse(after)];
        if old.types == new.types {
            check_digests(&report, &old, &new).unwrap();
        }
    }
}

#[test]
fn a_well_known_type_that_no_schema_tells_of_is_compared_as_it_is_spelled() {
    let dump = |any: &str| {
        format!(
            r#"{{"configs":[{{"@type":"x/envoy.admin.v3.EcdsConfigDump","ecds_filters":[{{"ecds_filter":
               {{"@type":"x/envoy.config.core.v3.TypedExtensionConfig","name":"m","typed_config":{any}}}}}]}}]}}"#
        )
    };
    let mask = dump(r#"{"@type":"type.googleapis.com/google.protobuf.FieldMask","value":"a,b"}"#);
    for (other, changes) in [
        (
            r#"{ "value" : "a,b", "@type" : "x/google.protobuf.FieldMask" }"#,
            0,
        ),
        (
            r#"{"@type":"type.googleapis.com/google.protobuf.FieldMask","value":"a"}"#,
            1,
        ),
    ] {
        let other = dump(other);
        let report = compare(Mode::Change, mask.as_bytes(), other.as_bytes());
        assert_eq!(report.changes.len(), changes, "{other}");
        let [old, new] = [&mask, &other].map(|text| parse(text.as_bytes()));
        check_digests(&report, &old, &new).unwrap();
    }
}

fn edit_of(change: &Change) -> Edit {
    Edit {
        kind: change.kind,
        path: change.path.clone(),
        before_path: change.before_path.clone(),
        before: change.before.clone(),
        after: change.after.clone(),
        default: change.default.clone(),
        no_schema: change.no_schema,
        pairings: change.pairings.clone(),
    }
}

#[test]
fn changes_are_in_byte_order_of_what_names_them() {
    for [before, after] in PAIRS.iter() {
        let report = compare(Mode::Change, before, after);
        let order = |change: &Change| {
            let key = &change.resource;
            let state = key.state.map(|state| state.as_str().to_owned());
            let words = [
                key.xds_type.to_string(),
                key.name.to_string(),
                state.unwrap_or_default(),
            ];
            (
                words,
                key.occurrence,
                change.path.to_string(),
                change.kind.as_str(),
            )
        };
        assert!(report.changes.is_sorted_by_key(order));
        assert!(report.live.is_sorted_by_key(order));
    }
}

#[test]
fn a_comparison_the_other_way_round_is_its_mirror() {
    for [before, after] in PAIRS.iter() {
        check_mirror(&parse(before), &parse(after)).unwrap();
    }
}

/// Checks that each resource's changes are the mirror of those of the other way round.
pub(crate) fn check_mirror(before: &Dump<'_>, after: &Dump<'_>) -> Result<(), String> {
    // How items were paired tells where the mirror has its exception.
    let rules = Rules::default().explained();
    let there = compare_by(&rules, Mode::Change, before, after);
    let back = compare_by(&rules, Mode::Change, after, before);
    let edits = |report: &Report| {
        let mut edits: BTreeMap<ResourceKey, Vec<Edit>> = BTreeMap::new();
        for change in report.changes.iter().chain(&report.live) {
            let of_resource = edits.entry(change.resource.clone()).or_default();
            of_resource.push(edit_of(change));
        }
        edits
    };
    let [there, back] = [&there, &back].map(edits);
    if !there.keys().eq(back.keys()) {
        return Err(format!("{:?} | {:?}", there.keys(), back.keys()));
    }
    there
        .values()
        .zip(back.values())
        .try_for_each(|(there, back)| edit::check_mirror(there, back))
}

#[test]
fn what_is_in_sync_stays_so_in_any_spelling() {
    for (step, proxy) in [
        ("k_ecds/4_wasm", REVIEWS),
        ("o_endpoints/8_locality_failover", GATEWAY),
        ("t_typedstruct/1_before", PRODUCTPAGE),
    ] {
        let [istiod, envoy] = [istiod(step, proxy), envoy(step, proxy)];
        for seed in 0..2 {
            let [expected, running] = [&istiod, &envoy]
                .map(|bytes| Respeller::new(seed).dump(&serde_json::from_slice(bytes).unwrap()));
            let report = compare(Mode::Sync, expected.as_bytes(), running.as_bytes());
            assert_eq!(report.changes, [], "{step} {seed}");
            assert!(report.summary.resources > 0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_dump_in_other_words_is_no_difference(which in 0..DUMPS.len(), seed: u64) {
        let bytes = &DUMPS[which];
        let respelled = Respeller::new(seed).dump(&serde_json::from_slice(bytes).unwrap());
        for [before, after] in [[bytes, respelled.as_bytes()], [respelled.as_bytes(), bytes]] {
            let report = compare(Mode::Change, before, after);
            prop_assert_eq!(&report.changes, &[]);
            prop_assert_eq!(&report.live, &[]);
            for entry in &report.not_compared {
                prop_assert!(entry.reason.starts_with("the value is redacted"), "{:?}", entry);
            }
            prop_assert!(report.summary.resources > 0);
        }
        let report = compare(Mode::Change, bytes, respelled.as_bytes());
        check_digests(&report, &parse(bytes), &parse(respelled.as_bytes()))?;
    }
}

/// Of several resources of one type, name and state none is lost, and none is compared with another.
#[test]
fn the_order_of_sections_and_of_their_elements_means_nothing() {
    let mut dice = Dice(1);
    let whole = DUMPS.iter().chain(PAIRS.iter().flatten());
    // Where a dump has its listeners, the route configurations inside them, many of one name, are not looked at.
    let cases = whole.map(|bytes| (bytes, true));
    for (bytes, has_listeners) in cases.chain(DUMPS.iter().map(|bytes| (bytes, false))) {
        let mut dump: Json = serde_json::from_slice(bytes).unwrap();
        let sections = dump["configs"].as_array_mut().unwrap();
        sections.retain(|section| {
            let name = section["@type"].as_str().unwrap();
            has_listeners || !name.ends_with(".ListenersConfigDump")
        });
        let printed = dump.to_string();
        let sections = dump["configs"].as_array_mut().unwrap();
        dice.shuffle(sections);
        for section in sections {
            for (_, list) in section.as_object_mut().unwrap() {
                if let Some(list) = list.as_array_mut() {
                    match has_listeners {
                        true => dice.shuffle(list),
                        // Of two, a shuffle may leave the order as it was.
                        false => list.reverse(),
                    }
                }
            }
        }
        let report = compare(
            Mode::Change,
            printed.as_bytes(),
            dump.to_string().as_bytes(),
        );
        assert_eq!(report.changes, []);
        assert_eq!(report.live, []);
        assert!(report.summary.resources > 0);
    }
}

/// A resource, one of its places of those that `fits`, by numbers that may be larger than there are.
fn choose<'a>(
    (which, place): (usize, usize),
    fits: &dyn Fn(&Sample, &[Seg]) -> bool,
) -> Option<(&'a Sample, Vec<Seg>)> {
    let sample = &SAMPLES[which % SAMPLES.len()];
    let places = edit::places(&sample.value);
    let places: Vec<_> = places.into_iter().filter(|way| fits(sample, way)).collect();
    (!places.is_empty()).then(|| (sample, places[place % places.len()].clone()))
}

/// A text that no recording holds and no kind of field reads otherwise.
const NEW_TEXT: &str = "law #1";
const NEW_NUMBER: i128 = 424_242;

fn kinds(edits: &[Edit]) -> Vec<(ChangeKind, Option<Value>, Option<Value>)> {
    let each = edits.iter();
    let mut kinds: Vec<_> = each
        .map(|e| (e.kind, e.before.clone(), e.after.clone()))
        .collect();
    kinds.sort();
    kinds
}

/// The item at `way` of both values, as the edit that removes it and the one that adds it.
fn item_replaced(
    before: &Value,
    edited: &Value,
    way: &[Seg],
) -> Vec<(ChangeKind, Option<Value>, Option<Value>)> {
    vec![
        (ChangeKind::Added, None, Some(sorted(edit::at(edited, way)))),
        (
            ChangeKind::Removed,
            Some(edit::at(before, way).clone()),
            None,
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_scalar_is_one_change(choice: (usize, usize)) {
        let is_scalar = |sample: &Sample, way: &[Seg]| {
            let value = edit::at(&sample.value, way);
            matches!(value, Value::Bool(_) | Value::Number(_) | Value::String(_))
                && edit::reading(&sample.value, way) != Reading::Unclear
        };
        let Some((sample, way)) = choose(choice, &is_scalar) else { return Ok(()) };
        let old = edit::at(&sample.value, &way).clone();
        let new = match &old {
            Value::Bool(value) => Value::Bool(!value),
            Value::Number(_) => Value::Number(Number::Int(NEW_NUMBER)),
            _ => Value::String(NEW_TEXT.into()),
        };
        let mut edited = sample.value.clone();
        *edit::at_mut(&mut edited, &way) = new.clone();
        let after = sample.again(&edited);
        let is_gone = new == Value::Bool(false) && edit::is_left_out_when_default(&sample.value, &way);
        let expected = match edit::reading(&sample.value, &way) {
            Reading::Item(item) => {
                if is_gone { return Ok(()) }
                item_replaced(&sample.value, &edited, &item)
            }
            _ if is_gone => vec![(ChangeKind::Removed, Some(old), None)],
            _ => vec![(ChangeKind::Changed, Some(old), Some(new))],
        };
        prop_assert_eq!(kinds(&sample.diff_checked(&after)?), expected, "{:?} {:?}", sample.key, way);
    }

    #[test]
    fn a_removed_member_is_one_removal(choice: (usize, usize)) {
        let is_member = |sample: &Sample, way: &[Seg]| {
            let (parent, last) = (&way[..way.len() - 1], way.last());
            let siblings = match edit::at(&sample.value, parent) {
                Value::Object(object) => object.members.len(),
                _ => 0,
            };
            // Of an endpoint assignment, Envoy fills in what is absent.
            sample.key.xds_type != XdsType::Endpoint
                && matches!(last, Some(Seg::Key(_)))
                && siblings > 1
                && edit::reading(&sample.value, way) != Reading::Unclear
        };
        let Some((sample, way)) = choose(choice, &is_member) else { return Ok(()) };
        let old = edit::at(&sample.value, &way).clone();
        let mut edited = sample.value.clone();
        remove(&mut edited, &way);
        let after = sample.again(&edited);
        let expected = match edit::reading(&sample.value, &way) {
            Reading::Item(item) => item_replaced(&sample.value, &edited, &item),
            _ => vec![(ChangeKind::Removed, Some(old), None)],
        };
        prop_assert_eq!(kinds(&sample.diff_checked(&after)?), expected, "{:?} {:?}", sample.key, way);
    }

    #[test]
    fn an_item_more_in_a_set_is_one_addition(choice: (usize, usize), which: usize) {
        let is_set = |sample: &Sample, way: &[Seg]| {
            let value = edit::at(&sample.value, way);
            matches!(value, Value::List(list) if !list.rule.ordered && new_item(list, 0).is_some())
                && edit::reading(&sample.value, way) != Reading::Unclear
        };
        let Some((sample, way)) = choose(choice, &is_set) else { return Ok(()) };
        let mut edited = sample.value.clone();
        let Value::List(list) = edit::at_mut(&mut edited, &way) else { unreachable!() };
        let Some(item) = new_item(list, which % list.items.len()) else { return Ok(()) };
        list.items.push(item.clone());
        let after = sample.again(&edited);
        let expected = match edit::reading(&sample.value, &way) {
            Reading::Item(outer) => item_replaced(&sample.value, &edited, &outer),
            _ => vec![(ChangeKind::Added, None, Some(item))],
        };
        prop_assert_eq!(kinds(&sample.diff_checked(&after)?), expected, "{:?} {:?}", sample.key, way);
    }

    #[test]
    fn two_items_that_change_places_have_moved(choice: (usize, usize), items: (usize, usize)) {
        let is_ordered = |sample: &Sample, way: &[Seg]| {
            let value = edit::at(&sample.value, way);
            matches!(value, Value::List(list)
                if list.rule.ordered && !list.rule.keys.is_empty() && list.items.len() > 1
                    && (0..list.items.len()).all(|i| edit::is_unique(list, i)))
                && edit::reading(&sample.value, way) == Reading::There
        };
        let Some((sample, way)) = choose(choice, &is_ordered) else { return Ok(()) };
        let mut edited = sample.value.clone();
        let Value::List(list) = edit::at_mut(&mut edited, &way) else { unreachable!() };
        let [first, second] = [items.0, items.1].map(|i| i % list.items.len());
        let distance = first.abs_diff(second);
        list.items.swap(first, second);
        let edits = sample.diff_checked(&sample.again(&edited))?;
        prop_assert!(edits.iter().all(|edit| edit.kind == ChangeKind::Moved), "{:?}", edits);
        prop_assert_eq!(edits.len(), distance.min(2), "{:?} {:?}", sample.key, way);
    }

    /// The places of a few edits may lie in each other; then what is left of them counts.
    #[test]
    fn any_edits_are_explained_and_mirrored(which: usize, seed: u64, number in 1..6) {
        let sample = &SAMPLES[which % SAMPLES.len()];
        let mut dice = Dice(seed);
        let mut edited = sample.value.clone();
        for _ in 0..number {
            edit_anywhere(&mut edited, &mut dice);
        }
        let after = sample.again(&edited);
        let there = sample.diff_checked(&after)?;
        prop_assert_eq!(there.is_empty(), after == sample.value);
        let back = diff(&after, &sample.value);
        edit::check_mirror(&there, &back).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn digests_of_two_resources_differ_exactly_where_a_comparison_finds_something(
        which: usize,
        seed: u64,
        number in 0..3,
    ) {
        let sample = &SAMPLES[which % SAMPLES.len()];
        let mut dice = Dice(seed);
        let mut before = sample.value.clone();
        for _ in 0..dice.below(4) {
            hide(&sample.key, &mut before, &mut dice);
        }
        let mut after = before.clone();
        for _ in 0..dice.below(4) {
            hide(&sample.key, &mut after, &mut dice);
        }
        for _ in 0..number {
            edit_anywhere(&mut after, &mut dice);
        }
        // Whether this is another pod of one workload is decided by both sides together.
        if before.at(&["node", "id"]) != after.at(&["node", "id"]) {
            return Ok(());
        }
        let bodies = [&before, &after].map(|value| serde_json::to_string(value).unwrap());
        let dumps = bodies.each_ref().map(|body| {
            let mut dump = parse(b"{\"configs\":[]}");
            dump.types = sample.types.clone();
            // With the clusters, an assignment would be one that does not come by EDS.
            if seed % 4 > 0 {
                dump.types.remove(&XdsType::Cluster);
                dump.types.insert(sample.key.xds_type.clone());
            }
            dump.resources = vec![Resource {
                key: sample.key.clone(),
                shape: sample.shape,
                body: Some(body.as_bytes()),
                last_updated: None,
                error: None,
            }];
            dump
        });
        let report = compare_dumps(Mode::Change, &dumps[0], &dumps[1]);
        check_digests(&report, &dumps[0], &dumps[1])?;
    }
}

/// Changes something that a comparison does not show as a change: live state, or the word for a redacted value.
fn hide(key: &ResourceKey, value: &mut Value, dice: &mut Dice) {
    const WORDS: [&str; 3] = ["[redacted]", "W3JlZGFjdGVkXQ==", "<Redacted>"];
    const HEALTH: [&str; 3] = ["UNHEALTHY", "DRAINING", "DEGRADED"];
    let places = edit::places(value);
    let is_redacted = |way: &&Vec<Seg>| {
        edit::at(value, way)
            .as_str()
            .is_some_and(|text| WORDS.contains(&text))
    };
    let redacted: Vec<_> = places.iter().filter(is_redacted).cloned().collect();
    let is_host = |way: &&Vec<Seg>| matches!(&way[..], [.., Seg::Key(list), Seg::Index(_)] if list == "lb_endpoints");
    let hosts: Vec<_> = places.iter().filter(is_host).cloned().collect();
    let chain = [
        Seg::Key("tls_certificate".into()),
        Seg::Key("certificate_chain".into()),
    ];
    if !hosts.is_empty() && live_part(key).is_some() && !dice.once_in(3) {
        if let Value::Object(host) = edit::at_mut(value, dice.pick::<Vec<Seg>>(&hosts)) {
            host.remove("health_status");
            if !dice.once_in(3) {
                let health = Value::from(*dice.pick(&HEALTH));
                host.members.push(("health_status".into(), health));
                host.members.sort_by(|(a, _), (b, _)| a.cmp(b));
            }
        }
    } else if places.iter().any(|way| *way == chain) && dice.once_in(2) {
        *edit::at_mut(value, &chain) = Value::empty();
    } else if !redacted.is_empty() && !dice.once_in(3) {
        *edit::at_mut(value, dice.pick::<Vec<Seg>>(&redacted)) = Value::from(*dice.pick(&WORDS));
    } else {
        let is_text = |way: &&Vec<Seg>| {
            let is_type =
                |seg: &Seg| matches!(seg, Seg::Key(key) if key == "@type" || key == "type_url");
            edit::at(value, way).as_str().is_some() && !way.iter().any(is_type)
        };
        let texts: Vec<_> = places.iter().filter(is_text).cloned().collect();
        if !texts.is_empty() {
            *edit::at_mut(value, dice.pick::<Vec<Seg>>(&texts)) = Value::from(*dice.pick(&WORDS));
        }
    }
}

/// An item that the list does not have: one of its items with another key.
fn new_item(list: &List, index: usize) -> Option<Value> {
    let mut item = list.items.get(index)?.clone();
    let key = match (list.rule.keys.first(), list.rule.match_by) {
        (None, _) => {
            return matches!(item, Value::String(_)).then(|| Value::String(NEW_TEXT.into()));
        }
        (Some(key), MatchBy::Composite) if !key.contains('<') => key,
        _ => return None,
    };
    let way: Vec<Seg> = key
        .split('.')
        .map(|name| Seg::Key(name.to_owned()))
        .collect();
    let mut found = &mut item;
    for seg in &way {
        let Seg::Key(name) = seg else { return None };
        let Value::Object(object) = found else {
            return None;
        };
        let member = object.members.iter_mut().find(|(key, _)| key == name)?;
        found = &mut member.1;
    }
    *found = match found {
        Value::String(_) => Value::String(NEW_TEXT.into()),
        _ => return None,
    };
    Some(item)
}

fn sorted(value: &Value) -> Value {
    let mut value = value.clone();
    xdsnap::normalize::sort(&mut value);
    value
}

fn remove(value: &mut Value, way: &[Seg]) {
    let (last, parent) = way.split_last().unwrap();
    match (edit::at_mut(value, parent), last) {
        (Value::Object(object), Seg::Key(key)) => object.members.retain(|(name, _)| name != key),
        (Value::List(list), Seg::Index(index)) => {
            list.items.remove(*index);
        }
        _ => {}
    }
}

/// Changes, removes, repeats or moves something.
pub(crate) fn edit_anywhere(value: &mut Value, dice: &mut Dice) {
    let places = edit::places(value);
    if places.is_empty() {
        return;
    }
    let way = dice.pick(&places).clone();
    if way
        .iter()
        .any(|seg| matches!(seg, Seg::Key(key) if key == "@type" || key == "type_url"))
    {
        return;
    }
    match (edit::at_mut(value, &way), dice.below(3)) {
        (Value::List(list), 0) => dice.shuffle(&mut list.items),
        (Value::List(list), 1) if !list.items.is_empty() => {
            let item = dice.pick(&list.items).clone();
            list.items.insert(dice.below(list.items.len() + 1), item);
        }
        (
            Value::Object(Object {
                members,
                kind: ObjectKind::Plain,
            }),
            0,
        ) => {
            members.retain(|(key, _)| key != "added");
            members.push(("added".into(), Value::String(format!("#{}", dice.below(3)))));
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        (value @ Value::String(_), 0) => *value = Value::String(format!("#{}", dice.below(3))),
        (value @ Value::Number(_), 0) => *value = Value::Number(Number::Int(dice.below(3) as i128)),
        _ => remove(value, &way),
    }
}
