//! The outputs of a comparison: what they look like, their contracts, and that nothing from a dump acts on a terminal.

use std::{collections::BTreeMap, fs, path::Path as FilePath, process::Command, sync::LazyLock};

use proptest::prelude::*;
use serde_json::json;
use xdsnap::{
    diff::{
        self, Cause, Change, ChangeKind, Class, Compared, ComparedProxy, DocumentPair, Facts,
        Hidden, MatchedBy, Mode, NotCompared, PairedBy, Pairing, ProxyMatch, ProxyOnly, Rejection,
        Replica, Report, Runs, SideName, Summary, Workload,
    },
    dump::Dump,
    model::{Path, Predicate, ProxyId, ResourceKey, Scalar, State, Step, XdsType},
    normalize::{List, Number, Object, ObjectKind, Value},
    render::{self, Side, Sides, Style, names},
    xds::{ListRule, MatchBy, ORDERED},
};

const PRODUCTPAGE: &str = "productpage-v1-6b746f74dc-9stvs.default";

fn value(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(value),
        serde_json::Value::Number(number) => Value::Number(match number.as_i64() {
            Some(number) => Number::Int(number.into()),
            None => Number::from_f64(number.as_f64().unwrap()),
        }),
        serde_json::Value::String(text) => Value::String(text),
        serde_json::Value::Array(items) => list(items.into_iter().map(value).collect()),
        serde_json::Value::Object(members) => object(
            members
                .into_iter()
                .map(|(key, member)| (key, value(member)))
                .collect(),
        ),
    }
}

fn list(items: Vec<Value>) -> Value {
    Value::List(List {
        items,
        rule: &ORDERED,
    })
}

fn object(members: BTreeMap<String, Value>) -> Value {
    Value::Object(Object {
        members: members
            .into_iter()
            .map(|(key, value)| (key.into(), value))
            .collect(),
        kind: ObjectKind::Plain,
    })
}

/// A path: `a.b` are members, `[x]` is the item whose name is `x`, `[3]` an index.
fn path(text: &str) -> Path {
    let mut steps = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some((item, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            steps.push(match item.parse() {
                Ok(index) => Step::Index { index, label: None },
                Err(_) => Step::Filter(vec![Predicate {
                    keys: vec!["name".into()],
                    value: Some(Scalar::String(item.into())),
                }]),
            });
            rest = after;
        } else {
            rest = rest.strip_prefix('.').unwrap_or(rest);
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            steps.push(Step::Key(rest[..end].into()));
            rest = &rest[end..];
        }
    }
    Path(steps)
}

fn proxy(id: &str) -> ProxyId {
    ProxyId::new(id).unwrap()
}

fn key(xds_type: XdsType, name: &str, state: Option<State>) -> ResourceKey {
    ResourceKey {
        xds_type,
        name: name.into(),
        state,
        occurrence: 0,
    }
}

fn route() -> ResourceKey {
    key(XdsType::Route, "9080", Some(State::Active))
}

fn cluster(name: &str) -> ResourceKey {
    key(XdsType::Cluster, name, Some(State::Active))
}

/// A change of `resource` on productpage; what is `null` is absent.
fn change(
    resource: ResourceKey,
    kind: ChangeKind,
    at: &str,
    before: serde_json::Value,
    after: serde_json::Value,
) -> Change {
    let side = |json: serde_json::Value| (!json.is_null()).then(|| value(json));
    Change {
        proxy: proxy(PRODUCTPAGE),
        before_proxy: None,
        source: Compared::Envoy,
        resource,
        kind,
        path: path(at),
        before_path: None,
        before: side(before),
        after: side(after),
        updated: None,
        reason: None,
        class: None,
        hosts: None,
        default: None,
        no_schema: false,
        pairings: vec![],
    }
}

fn report(mode: Mode, changes: Vec<Change>) -> Report {
    Report {
        summary: Summary {
            proxies: 4,
            proxies_found: 4,
            resources: 184,
            added_resources: 0,
            removed_resources: 0,
            changed_resources: 1,
        },
        changes,
        ..Report::new(mode)
    }
}

fn sides() -> Sides {
    let side = |label: &str, captured: &str| Side {
        label: label.into(),
        captured: Some(captured.into()),
        proxies: 4,
        istio_version: Some("1.30.3".into()),
        envoy_version: None,
        notes: vec![],
    };
    Sides {
        before: side("before.xdsnap", "2026-11-21T01:52:22.5Z"),
        after: side("after.xdsnap", "2026-11-21T01:52:51Z"),
    }
}

fn text(report: &Report, style: Style) -> String {
    let mut out = Vec::new();
    render::text(&mut out, report, &sides(), style).unwrap();
    String::from_utf8(out).unwrap()
}

/// The text below the two sides.
fn body(report: &Report, style: Style) -> String {
    text(report, style).split_once("\n\n").unwrap().1.to_owned()
}

fn json_of(report: &Report) -> String {
    let mut out = Vec::new();
    render::json(&mut out, report, &sides()).unwrap();
    String::from_utf8(out).unwrap()
}

fn oneline(report: &Report) -> String {
    let mut out = Vec::new();
    render::oneline(&mut out, report, Style::default()).unwrap();
    String::from_utf8(out).unwrap()
}

fn canary() -> Report {
    let weight = |version: &str, before: i32, after: i32| {
        let mut change = change(
            route(),
            ChangeKind::Changed,
            &format!(
                "virtual_hosts[reviews.default.svc.cluster.local:9080].routes[0].route\
                 .weighted_clusters.clusters\
                 [outbound|9080|{version}|reviews.default.svc.cluster.local].weight"
            ),
            json!(before),
            json!(after),
        );
        change.updated = Some("2026-11-21T01:52:51.123Z".into());
        change
    };
    report(
        Mode::Change,
        vec![weight("v1", 95, 50), weight("v2", 5, 50)],
    )
}

#[test]
fn a_changed_weight_is_found_at_the_end_of_a_tree() {
    insta::assert_snapshot!(text(&canary(), Style::default()), @r"
    before  before.xdsnap  2026-11-21T01:52:22Z  4 proxies  istio 1.30.3
    after   after.xdsnap   2026-11-21T01:52:51Z  4 proxies  istio 1.30.3

    productpage-v1-6b746f74dc-9stvs.default
      ~ route 9080  active  updated 01:52:51Z
          virtual_hosts[reviews.default.svc.cluster.local:9080].routes[0].route
            .weighted_clusters
              .clusters[outbound|9080|v1|reviews.default.svc.cluster.local]
                .weight  95 → 50
              .clusters[outbound|9080|v2|reviews.default.svc.cluster.local]
                .weight  5 → 50

    4 of 4 proxies compared, 184 resources: 1 changed, 0 added, 0 removed
    ");
}

#[test]
fn a_wide_terminal_breaks_less() {
    let style = Style {
        width: 120,
        ..Style::default()
    };
    insta::assert_snapshot!(body(&canary(), style), @r"
    productpage-v1-6b746f74dc-9stvs.default
      ~ route 9080  active  updated 01:52:51Z
          virtual_hosts[reviews.default.svc.cluster.local:9080].routes[0].route.weighted_clusters
            .clusters[outbound|9080|v1|reviews.default.svc.cluster.local].weight  95 → 50
            .clusters[outbound|9080|v2|reviews.default.svc.cluster.local].weight  5 → 50

    4 of 4 proxies compared, 184 resources: 1 changed, 0 added, 0 removed
    ");
}

#[test]
fn an_ascii_terminal_gets_ascii() {
    let style = Style {
        ascii: true,
        ..Style::default()
    };
    let mut report = canary();
    report.changes[0].resource.name = "größe".into();
    let text = text(&report, style);
    assert!(text.is_ascii(), "{text}");
    insta::assert_snapshot!(body(&report, style), @r#"
    productpage-v1-6b746f74dc-9stvs.default
      ~ route "gr\u{f6}\u{df}e"  active  updated 01:52:51Z
          virtual_hosts[reviews.default.svc.cluster.local:9080].routes[0].route
            .weighted_clusters
              .clusters[outbound|9080|v1|reviews.default.svc.cluster.local]
                .weight  95 -> 50
      ~ route 9080  active  updated 01:52:51Z
          virtual_hosts[reviews.default.svc.cluster.local:9080].routes[0].route
            .weighted_clusters
              .clusters[outbound|9080|v2|reviews.default.svc.cluster.local]
                .weight  5 -> 50

    4 of 4 proxies compared, 184 resources: 1 changed, 0 added, 0 removed
    "#);
}

#[test]
fn istiod_against_envoy_has_no_arrow_of_time() {
    let mut changes = vec![
        change(
            cluster("outbound|9080||reviews.default.svc.cluster.local"),
            ChangeKind::Changed,
            "circuit_breakers.thresholds[0].max_connections",
            json!(3),
            json!(4294967295u32),
        ),
        change(
            cluster("outbound|9080||reviews.default.svc.cluster.local"),
            ChangeKind::Added,
            "connect_timeout",
            json!(null),
            json!("10s"),
        ),
        change(
            cluster("outbound|9080||reviews.default.svc.cluster.local"),
            ChangeKind::Removed,
            "outlier_detection",
            json!({"base_ejection_time": "30s", "consecutive_5xx": 5, "enforcing_consecutive_5xx": 100, "interval": "10s"}),
            json!(null),
        ),
        change(
            route(),
            ChangeKind::Removed,
            "",
            json!({"name": "9080", "virtual_hosts": [{"name": "a"}, {"name": "b"}]}),
            json!(null),
        ),
    ];
    for change in &mut changes {
        change.source = Compared::IstiodEnvoy;
    }
    changes[0].reason = Some("Proto constraint validation failed\nfield: lb_policy".into());
    insta::assert_snapshot!(text(&report(Mode::Sync, changes), Style::default()), @r"
    istiod  before.xdsnap  2026-11-21T01:52:22Z  4 proxies  istio 1.30.3
    envoy   after.xdsnap   2026-11-21T01:52:51Z  4 proxies  istio 1.30.3

    productpage-v1-6b746f74dc-9stvs.default
      ~ cluster outbound|9080||reviews.default.svc.cluster.local  active
          rejected by Envoy, which still runs what it had: Proto constraint
            validation failed field: lb_policy
          circuit_breakers.thresholds[0].max_connections  istiod 3, envoy 4294967295
        + connect_timeout  istiod (absent), envoy 10s
        - outlier_detection  only in istiod
            base_ejection_time: 30s
            consecutive_5xx: 5
            enforcing_consecutive_5xx: 100
            interval: 10s
      - route 9080  active  only in istiod  2 virtual hosts

    4 of 4 proxies compared, 184 resources: 1 changed
    ");
}

#[test]
fn a_default_an_unknown_schema_and_a_stand_in_are_said_beside_the_change() {
    let absent = json!(null);
    let mut changes = vec![
        change(
            cluster("a"),
            ChangeKind::Added,
            "lb_policy",
            absent.clone(),
            json!("RING_HASH"),
        ),
        change(
            cluster("a"),
            ChangeKind::Changed,
            "new_field.a",
            json!(1),
            json!({"b": [1, 2]}),
        ),
        change(
            cluster("a"),
            ChangeKind::Removed,
            "respect_dns_ttl",
            json!(true),
            absent,
        ),
        change(
            key(XdsType::ExtensionConfig, "plugin", None),
            ChangeKind::Changed,
            "typed_config",
            json!({"@type": "wasm"}),
            json!({"@type": "rbac", "rules_stat_prefix": "wasm-default-allow"}),
        ),
    ];
    changes[0].default = Some(value(json!("ROUND_ROBIN")));
    changes[1].no_schema = true;
    changes[2].default = Some(value(json!(false)));
    changes[3].class = Some(Class::WasmStandIn);
    let report = report(Mode::Sync, changes);
    insta::assert_snapshot!(body(&report, Style::default()), @r"
    productpage-v1-6b746f74dc-9stvs.default
      ~ cluster a  active
        + lb_policy  istiod ROUND_ROBIN (default), envoy RING_HASH
          new_field.a  istiod 1, envoy {b: [1, 2]}
            (no schema known: compared as plain JSON)
        - respect_dns_ttl  istiod true, envoy false (default)
      ~ extension_config plugin
          the agent could not fetch the Wasm code: Envoy lets every request pass
            without it
          typed_config
            - istiod, + envoy
            - {@type: wasm}
            + {@type: rbac, rules_stat_prefix: wasm-default-allow}

    4 of 4 proxies compared, 184 resources: 1 changed
    ");
    let lines = oneline(&report);
    assert!(
        lines.contains(r#"$.lb_policy istiod "ROUND_ROBIN" (default), envoy "RING_HASH""#),
        "{lines}"
    );
    let json: serde_json::Value = serde_json::from_str(&json_of(&report)).unwrap();
    let members = |member: &str| {
        json["changes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c[member].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        members("schema"),
        [json!(null), json!("unknown"), json!(null), json!(null)]
    );
    assert_eq!(members("class")[3], "wasm_stand_in");
}

#[test]
fn what_moved_came_and_went_is_told_apart() {
    let filter = json!({
        "name": "envoy.filters.http.lua",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": "function envoy_on_request(h)\n  h:logInfo('x')\nend\n"},
        },
    });
    let listener = || key(XdsType::Listener, "virtualInbound", Some(State::Active));
    let changes = vec![
        change(
            cluster("outbound|80||new.example"),
            ChangeKind::Added,
            "",
            json!(null),
            json!({"name": "x", "type": "EDS"}),
        ),
        change(
            key(XdsType::Endpoint, "outbound|80||new.example", None),
            ChangeKind::Added,
            "",
            json!(null),
            json!({"endpoints": [{"lb_endpoints": [{}, {}]}]}),
        ),
        change(
            key(XdsType::Listener, "0.0.0.0_81", Some(State::Draining)),
            ChangeKind::Removed,
            "",
            json!({"address": {"socket_address": {"address": "0.0.0.0", "port_value": 81}}}),
            json!(null),
        ),
        change(
            listener(),
            ChangeKind::Added,
            "filter_chains[a].filters[b].typed_config.http_filters[envoy.filters.http.lua]",
            json!(null),
            filter,
        ),
        change(
            listener(),
            ChangeKind::Moved,
            "filter_chains[a].filters[b].typed_config.http_filters[envoy.filters.http.rbac]",
            json!(3),
            json!(1),
        ),
        change(
            listener(),
            ChangeKind::Removed,
            "filter_chains[a].transport_socket_connect_timeout",
            json!("15s"),
            json!(null),
        ),
        change(
            listener(),
            ChangeKind::Changed,
            "traffic_direction",
            json!("INBOUND"),
            json!("OUTBOUND"),
        ),
    ];
    insta::assert_snapshot!(body(&report(Mode::Change, changes), Style::default()), @r"
    productpage-v1-6b746f74dc-9stvs.default
      + cluster outbound|80||new.example  active  EDS
      - listener 0.0.0.0_81  draining  0.0.0.0:81
      ~ listener virtualInbound  active
          filter_chains[a]
            .filters[b].typed_config
            + .http_filters[envoy.filters.http.lua]
                name: envoy.filters.http.lua
                typed_config:
                  @type: type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
                  default_source_code:
                    inline_string: |
                      function envoy_on_request(h)
                        h:logInfo('x')
                      end
            > .http_filters[envoy.filters.http.rbac]  position 3 → 1
          - .transport_socket_connect_timeout  15s
          traffic_direction  INBOUND → OUTBOUND
      + endpoint outbound|80||new.example  2 hosts

    4 of 4 proxies compared, 184 resources: 1 changed, 0 added, 0 removed
    ");
}

#[test]
fn a_long_text_is_compared_by_line_and_a_long_value_from_where_it_differs() {
    let lua = |line: &str| {
        let lines: Vec<String> = (0..20).map(|i| format!("  local a{i} = {i}\n")).collect();
        format!(
            "function envoy_on_request(handle)\n{}{line}\n{}end",
            lines[..10].concat(),
            lines[10..].concat()
        )
    };
    let key_text = |end: &str| format!("{}{end}{}", "MIIC".repeat(150), "AAAA".repeat(150));
    let changes = vec![
        change(
            cluster("a"),
            ChangeKind::Changed,
            "metadata.lua",
            json!(lua("\thandle:logInfo('old')")),
            json!(lua("\thandle:logInfo('new') ")),
        ),
        change(
            cluster("a"),
            ChangeKind::Changed,
            "metadata.key",
            json!(key_text("1")),
            json!(key_text("2")),
        ),
        change(
            cluster("a"),
            ChangeKind::Changed,
            "name",
            json!("outbound|9080|v1|reviews.default.svc.cluster.local"),
            json!("outbound|9080|v2|reviews.default.svc.cluster.local"),
        ),
    ];
    insta::assert_snapshot!(body(&report(Mode::Change, changes), Style::default()), @r"
    productpage-v1-6b746f74dc-9stvs.default
      ~ cluster a  active
          metadata
            .lua
                  local a8 = 8
                  local a9 = 9
              - \thandle:logInfo('old')
              + \thandle:logInfo('new')\u{20}
                  local a10 = 10
                  local a11 = 11
            .key
              - …MIICMIICMIICMIICMIICMIICMIICMIICMIICMIICMIICMIICMIICMIICMIIC1AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA… 421 more characters (--full)
              + …MIICMIICMIICMIICMIICMIICMIICMIICMIICMIICMIICMIICMIICMIICMIIC2AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA… 421 more characters (--full)
          name
            - outbound|9080|v1|reviews.default.svc.cluster.local
            + outbound|9080|v2|reviews.default.svc.cluster.local

    4 of 4 proxies compared, 184 resources: 1 changed, 0 added, 0 removed
    ");
}

#[test]
fn what_was_not_compared_is_said_with_its_reason() {
    let mut report = report(Mode::Change, vec![]);
    report.warnings = vec!["`--select $.nothing` selects nothing on either side".into()];
    report.summary.proxies = 2;
    let not = |proxy_id: &str, cause, reason: &str| NotCompared {
        proxy: proxy(proxy_id),
        source: Some(Compared::Envoy),
        resource: None,
        xds_type: None,
        path: None,
        cause,
        reason: reason.into(),
    };
    report.not_compared = vec![
        not(
            "reviews-v1-545db77b95-2k8ls.default",
            Cause::Missing,
            "after: connection refused (127.0.0.1:15000) when `/config_dump` was asked for",
        ),
        NotCompared {
            resource: Some(cluster("outbound|80||x")),
            path: Some(path("transport_socket.typed_config")),
            ..not(
                "reviews-v1-545db77b95-2k8ls.default",
                Cause::Missing,
                "changed while captured",
            )
        },
        NotCompared {
            xds_type: Some(XdsType::Secret),
            source: Some(Compared::IstiodEnvoy),
            ..not("a.b", Cause::Inherent, "istiod does not hold secrets")
        },
        not("c.d", Cause::Inherent, "istiod does not hold secrets"),
    ];
    report.proxies_only = vec![ProxyOnly {
        proxy: proxy("new.default"),
        side: SideName::After,
        replica: None,
    }];
    report.rejections = vec![Rejection {
        proxy: proxy("a.b"),
        xds_type: XdsType::Listener,
        reason: "duplicate listener".into(),
    }];
    insta::assert_snapshot!(text(&report, Style::default()), @r"
    warning: `--select $.nothing` selects nothing on either side

    before  before.xdsnap  2026-11-21T01:52:22Z  4 proxies  istio 1.30.3
    after   after.xdsnap   2026-11-21T01:52:51Z  4 proxies  istio 1.30.3

    only after:
      new.default

    not compared, but should have been:
      reviews-v1-545db77b95-2k8ls.default envoy: after: connection refused
          (127.0.0.1:15000) when `/config_dump` was asked for
      reviews-v1-545db77b95-2k8ls.default envoy cluster outbound|80||x active
          transport_socket.typed_config: changed while captured

    never comparable:
      2 on 2 proxies: istiod does not hold secrets

    rejected by Envoy, which still runs what it had:
      a.b listener: duplicate listener

    2 of 4 proxies compared, 184 resources: 1 changed, 0 added, 0 removed, 1 proxy only after, 2 not compared
    ");
}

#[test]
fn no_differences_is_said_in_the_last_line() {
    let report = report(Mode::Change, vec![]);
    insta::assert_snapshot!(text(&report, Style::default()), @r"
    before  before.xdsnap  2026-11-21T01:52:22Z  4 proxies  istio 1.30.3
    after   after.xdsnap   2026-11-21T01:52:51Z  4 proxies  istio 1.30.3

    4 of 4 proxies compared, 184 resources: no differences
    ");
}

#[test]
fn what_many_have_alike_is_said_once() {
    let mut changes = Vec::new();
    for i in 0..12 {
        for host in 0..3 {
            let mut replaced = change(
                key(
                    XdsType::Endpoint,
                    &format!("outbound|80||{host}.example"),
                    None,
                ),
                ChangeKind::Changed,
                "endpoints",
                json!([{"lb_endpoints": [i]}]),
                json!([{"lb_endpoints": [i + 1]}]),
            );
            replaced.class = Some(Class::EndpointsReplaced);
            replaced.proxy = proxy(&format!("web-{i}.shop"));
            changes.push(replaced);
        }
        let mut same = change(
            route(),
            ChangeKind::Changed,
            "virtual_hosts[a].require_tls",
            json!("ALL"),
            json!("NONE"),
        );
        same.proxy = proxy(&format!("web-{i}.shop"));
        changes.push(same);
    }
    insta::assert_snapshot!(body(&report(Mode::Change, changes), Style::default()), @r"
    web-0.shop, web-1.shop, and 10 more proxies (--full)
      ~ route 9080  active
          virtual_hosts[a].require_tls  ALL → NONE

    endpoints: addresses replaced in 3 clusters on 12 proxies, counts equal (--full)

    4 of 4 proxies compared, 184 resources: 1 changed, 0 added, 0 removed
    ");
}

#[test]
fn much_output_folds_by_type() {
    let mut changes = Vec::new();
    for i in 0..50 {
        changes.push(change(
            cluster(&format!("c{i:02}")),
            ChangeKind::Changed,
            "lb_policy",
            json!("A"),
            json!(format!("B{i}")),
        ));
    }
    changes.push(change(
        route(),
        ChangeKind::Added,
        "",
        json!(null),
        json!({}),
    ));
    let report = report(Mode::Change, changes);
    let folded = body(&report, Style::default());
    let (_, end) = folded.split_once("c39").unwrap();
    insta::assert_snapshot!(end, @r"
      active
          lb_policy  A → B39

    … 11 more resources differ (--full)
        cluster  10 changed on 1 proxy
        route    1 added on 1 proxy

    4 of 4 proxies compared, 184 resources: 1 changed, 0 added, 0 removed
    ");
    let full = Style {
        full: true,
        ..Style::default()
    };
    assert_eq!(body(&report, full).matches("~ cluster").count(), 50);
}

#[test]
fn a_large_value_folds_after_ten_lines() {
    let hosts: Vec<String> = (0..40).map(|i| format!("host-{i}.example.com")).collect();
    let at = "virtual_hosts[a].domains";
    let added = change(route(), ChangeKind::Added, at, json!(null), json!(hosts));
    insta::assert_snapshot!(body(&report(Mode::Change, vec![added]), Style::default()), @r"
    productpage-v1-6b746f74dc-9stvs.default
      ~ route 9080  active
        + virtual_hosts[a].domains
            - host-0.example.com
            - host-1.example.com
            - host-2.example.com
            - host-3.example.com
            - host-4.example.com
            - host-5.example.com
            - host-6.example.com
            - host-7.example.com
            - host-8.example.com
            - host-9.example.com
            … 30 more lines (--full)

    4 of 4 proxies compared, 184 resources: 1 changed, 0 added, 0 removed
    ");
}

#[test]
fn everything_is_shown_where_it_is_asked_for() {
    let mut replaced = change(
        key(XdsType::Endpoint, "outbound|80||x", None),
        ChangeKind::Changed,
        "endpoints",
        json!([1]),
        json!([2]),
    );
    replaced.class = Some(Class::EndpointsReplaced);
    replaced.before_proxy = Some(proxy("productpage-v1-6b746f74dc-zq7m4.default"));
    let mut added = change(
        cluster("outbound|80||new.example"),
        ChangeKind::Added,
        "",
        json!(null),
        json!({"connect_timeout": "10s", "name": "outbound|80||new.example", "type": "EDS"}),
    );
    added.source = Compared::Istiod;
    let style = Style {
        full: true,
        ..Style::default()
    };
    let report = report(Mode::Change, vec![replaced, added]);
    insta::assert_snapshot!(body(&report, style), @r"
    productpage-v1-6b746f74dc-9stvs.default
        (before: productpage-v1-6b746f74dc-zq7m4.default)
      ~ endpoint outbound|80||x
          endpoints  [1] → [2]

    productpage-v1-6b746f74dc-9stvs.default (istiod's configuration)
      + cluster outbound|80||new.example  active  EDS
          {connect_timeout: 10s, name: outbound|80||new.example, type: EDS}

    4 of 4 proxies compared, 184 resources: 1 changed, 0 added, 0 removed
    ");
}

#[test]
fn values_that_are_hard_to_tell_apart_are() {
    let mut changes = Vec::new();
    for (before, after) in [
        (
            json!("- one item of it\n- two"),
            json!(["one item of it", "two"]),
        ),
        (json!("a\nb"), json!("a\nb\n")),
        (json!("a\tb\nc"), json!("a\\tb\nc")),
        (
            json!({"k": "a\nb", "long": "x".repeat(70)}),
            json!({"k": "a\nb\n", "long": "x".repeat(70)}),
        ),
        (json!(5), json!("5")),
        (json!(["a, b"]), json!(["a", "b"])),
        (json!("admin"), json!("\u{200b}admin")),
    ] {
        changes.push(change(
            route(),
            ChangeKind::Changed,
            &format!("x{}", changes.len()),
            before,
            after,
        ));
    }
    insta::assert_snapshot!(body(&report(Mode::Change, changes.clone()), Style::default()), @r#"
    productpage-v1-6b746f74dc-9stvs.default
      ~ route 9080  active
          x0
            - |-
            -   - one item of it
            -   - two
            + ["one item of it", two]
          x1
              a
              b
            - \ no newline at end
          x2
            - a\tb
            + a\\tb
              c
          x3
            - k: |-
            + k: |
                a
                b
          x4  5 → "5"
          x5  ["a, b"] → [a, b]
          x6  admin → "\u{200b}admin"

    4 of 4 proxies compared, 184 resources: 1 changed, 0 added, 0 removed
    "#);
    changes.truncate(1);
    insta::assert_snapshot!(body(&report(Mode::Sync, changes), Style::default()), @r#"
    productpage-v1-6b746f74dc-9stvs.default
      ~ route 9080  active
          x0
            - istiod, + envoy
            - |-
            -   - one item of it
            -   - two
            + ["one item of it", two]

    4 of 4 proxies compared, 184 resources: 1 changed
    "#);
}

#[test]
fn an_index_of_before_is_not_taken_for_one_of_after() {
    let changes = vec![
        change(
            route(),
            ChangeKind::Removed,
            "routes[1]",
            json!({"name": "old"}),
            json!(null),
        ),
        change(
            route(),
            ChangeKind::Changed,
            "routes[1].timeout",
            json!("1s"),
            json!("2s"),
        ),
        change(
            route(),
            ChangeKind::Changed,
            "routes[1].name",
            json!("a"),
            json!("b"),
        ),
    ];
    insta::assert_snapshot!(body(&report(Mode::Change, changes), Style::default()), @r"
    productpage-v1-6b746f74dc-9stvs.default
      ~ route 9080  active
        - routes[1]  {name: old}
          routes[1]
            .timeout  1s → 2s
            .name  a → b

    4 of 4 proxies compared, 184 resources: 1 changed, 0 added, 0 removed
    ");
}

#[test]
fn the_time_of_an_update_is_told_where_all_agree() {
    let mut changes = Vec::new();
    for (name, times) in [
        ("both", ["2026-11-21T01:52:51Z", "2026-11-21T01:52:51Z"]),
        ("other", ["2026-11-21T01:52:51Z", "2026-11-21T01:52:52Z"]),
        ("then", ["2026-11-19T01:52:51.5Z", "2026-11-19T01:52:51.6Z"]),
    ] {
        for (i, time) in times.into_iter().enumerate() {
            let after = json!([name.len(), name.starts_with('t')]);
            let mut change = change(cluster(name), ChangeKind::Changed, "a", json!(1), after);
            change.proxy = proxy(&format!("web-{i}.shop"));
            change.updated = Some(time.into());
            changes.push(change);
        }
    }
    insta::assert_snapshot!(body(&report(Mode::Change, changes), Style::default()), @r"
    web-0.shop, web-1.shop
      ~ cluster both  active  updated 01:52:51Z
          a  1 → [4, false]
      ~ cluster other  active
          a  1 → [5, false]
      ~ cluster then  active  updated 2026-11-19T01:52:51Z
          a  1 → [4, true]

    4 of 4 proxies compared, 184 resources: 1 changed, 0 added, 0 removed
    ");
}

#[test]
fn live_state_stands_apart() {
    let mut report = report(Mode::Change, vec![]);
    report.summary.changed_resources = 0;
    report.live = vec![change(
        key(XdsType::Endpoint, "outbound|80||x", None),
        ChangeKind::Changed,
        "endpoints[0].lb_endpoints[0].health_status",
        json!("HEALTHY"),
        json!("UNHEALTHY"),
    )];
    insta::assert_snapshot!(body(&report, Style::default()), @r"
    live state, not counted:
      productpage-v1-6b746f74dc-9stvs.default
        ~ endpoint outbound|80||x
            endpoints[0].lb_endpoints[0].health_status  HEALTHY → UNHEALTHY

    4 of 4 proxies compared, 184 resources: no differences
    ");
    let counted = Style {
        counts_live: true,
        ..Style::default()
    };
    insta::assert_snapshot!(body(&report, counted), @r"
    live state:
      productpage-v1-6b746f74dc-9stvs.default
        ~ endpoint outbound|80||x
            endpoints[0].lb_endpoints[0].health_status  HEALTHY → UNHEALTHY

    4 of 4 proxies compared, 184 resources: 0 changed, 0 added, 0 removed, 1 in live state
    ");
}

#[test]
fn a_proxy_without_a_comparable_resource_was_not_compared() {
    let mut report = report(Mode::Change, vec![]);
    report.summary.proxies = 1;
    report.summary.proxies_found = 1;
    report.summary.resources = 0;
    insta::assert_snapshot!(body(&report, Style::default()), @"0 of 1 proxy compared, 0 resources: nothing could be compared");
}

#[test]
fn istiod_and_envoy_are_no_earlier_and_later_in_the_summary() {
    let mut report = report(Mode::Sync, vec![]);
    report.changes = canary().changes;
    report.summary.added_resources = 3;
    report.summary.removed_resources = 22;
    let line = render::summary_line(&report, Style::default());
    assert!(
        line.ends_with(": 1 changed, 22 only in istiod, 3 only in envoy"),
        "{line}"
    );
}

static SET: ListRule = ListRule {
    ordered: false,
    match_by: MatchBy::Composite,
    keys: &[],
};

static BY_NAME: ListRule = ListRule {
    ordered: false,
    match_by: MatchBy::Composite,
    keys: &["name"],
};

static ROUTES: ListRule = ListRule {
    ordered: true,
    match_by: MatchBy::Fallback,
    keys: &["name", "match"],
};

fn pairing(list: &str, rule: &'static ListRule, by: Option<PairedBy>) -> Pairing {
    Pairing {
        list: list.into(),
        rule,
        by,
    }
}

/// The changed weights and one more virtual host, explained.
fn explained() -> Report {
    let mut report = canary();
    let host = pairing("virtual_hosts", &BY_NAME, Some(PairedBy::Keys(&["name"])));
    for change in &mut report.changes {
        change.pairings = vec![
            host.clone(),
            pairing("routes", &ROUTES, Some(PairedBy::Keys(&["match"]))),
            pairing("clusters", &BY_NAME, Some(PairedBy::Keys(&["name"]))),
        ];
    }
    let mut timeout = change(
        route(),
        ChangeKind::Changed,
        "virtual_hosts[b].routes[1].route.timeout",
        json!("1s"),
        json!("2s"),
    );
    timeout.pairings = vec![host, pairing("routes", &ROUTES, Some(PairedBy::Position))];
    let mut added = change(
        route(),
        ChangeKind::Added,
        "virtual_hosts[c]",
        json!(null),
        json!({"name": "c"}),
    );
    added.pairings = vec![pairing("virtual_hosts", &BY_NAME, None)];
    let mut alt = change(
        cluster("outbound|80||x"),
        ChangeKind::Removed,
        "alt_stat_names[0]",
        json!("x"),
        json!(null),
    );
    alt.pairings = vec![
        pairing("a\u{9b}b", &ORDERED, Some(PairedBy::Content)),
        pairing("alt_stat_names", &SET, None),
    ];
    report.changes.extend([timeout, added, alt]);
    report.hidden = vec![
        Hidden {
            rule: "bootstrap-user-agent",
            values: 12,
        },
        Hidden {
            rule: "rejected-listener-copy",
            values: 1,
        },
    ];
    report
}

#[test]
fn how_items_were_paired_is_said_once_for_changes_that_follow_each_other() {
    insta::assert_snapshot!(body(&explained(), Style::default()), @r#"
    productpage-v1-6b746f74dc-9stvs.default
      ~ route 9080  active  updated 01:52:51Z
          virtual_hosts[reviews.default.svc.cluster.local:9080].routes[0].route
            .weighted_clusters
              .clusters[outbound|9080|v1|reviews.default.svc.cluster.local]
                .weight  95 → 50
                  paired: virtual_hosts by name (keyed); routes by match (ordered,
                    keyed); clusters by name (keyed)
              .clusters[outbound|9080|v2|reviews.default.svc.cluster.local]
                .weight  5 → 50
          virtual_hosts[b].routes[1].route.timeout  1s → 2s
            paired: virtual_hosts by name (keyed); routes by position (ordered,
              keyed)
        + virtual_hosts[c]  {name: c}
            paired: virtual_hosts without a pair by name (keyed)
      ~ cluster outbound|80||x  active
        - alt_stat_names[0]  x
            paired: "a\u{9b}b" by content (ordered); alt_stat_names without a pair
              (set)

    hidden by rules:
      12 values  bootstrap-user-agent: Envoy adds its own name and version to the
                 node
      1 value    rejected-listener-copy: Envoy lists a rejected listener twice, once
                 without its name

    4 of 4 proxies compared, 184 resources: 1 changed, 0 added, 0 removed
    "#);
}

#[test]
fn a_script_reads_how_items_were_paired_and_what_rules_hid() {
    let json: serde_json::Value = serde_json::from_str(&json_of(&explained())).unwrap();
    assert!(VALIDATOR.is_valid(&json));
    assert_eq!(
        json["changes"][0]["pairings"][1],
        json!({"list": "routes", "rule": "ordered_keyed", "keys": ["name", "match"], "by": "keys", "by_keys": ["match"]})
    );
    assert_eq!(
        json["changes"][3]["pairings"],
        json!([{"list": "virtual_hosts", "rule": "keyed", "keys": ["name"]}])
    );
    assert_eq!(
        json["changes"][4]["pairings"],
        json!([
            {"list": "a\u{9b}b", "rule": "ordered", "keys": [], "by": "content"},
            {"list": "alt_stat_names", "rule": "set", "keys": []},
        ])
    );
    assert_eq!(
        json["hidden"],
        json!([
            {"rule": "bootstrap-user-agent", "values": 12},
            {"rule": "rejected-listener-copy", "values": 1},
        ])
    );
    let json: serde_json::Value = serde_json::from_str(&json_of(&canary())).unwrap();
    assert!(json.get("hidden").is_none() && json["changes"][0].get("pairings").is_none());
}

#[test]
fn paths_name_items_as_a_person_would() {
    let filter = |predicates: &[(&str, Option<Scalar>)]| {
        Step::Filter(
            predicates
                .iter()
                .map(|(keys, value)| Predicate {
                    keys: keys.split('.').map(str::to_owned).collect(),
                    value: value.clone(),
                })
                .collect(),
        )
    };
    let text = |value: &str| Some(Scalar::String(value.into()));
    let key = |key: &str| Step::Key(key.into());
    let mut report = report(Mode::Change, vec![]);
    for steps in [
        vec![
            key("filter_metadata"),
            key("istio.io/x"),
            Step::Index {
                index: 3,
                label: Some("10.0.0.1:80".into()),
            },
        ],
        vec![
            key("a"),
            filter(&[
                ("socket_address.address", text("::1")),
                ("socket_address.port_value", Some(Scalar::Integer(80))),
            ]),
        ],
        vec![
            key("b"),
            filter(&[("x.name", text("1 2")), ("y.name", None)]),
            filter(&[("on", Some(Scalar::Bool(true)))]),
        ],
    ] {
        let mut change = change(route(), ChangeKind::Changed, "", json!(1), json!(2));
        change.path = Path(steps);
        report.changes.push(change);
    }
    insta::assert_snapshot!(body(&report, Style::default()), @r#"
    productpage-v1-6b746f74dc-9stvs.default
      ~ route 9080  active
          filter_metadata["istio.io/x"][3: 10.0.0.1:80]  1 → 2
          a[address=::1, port_value=80]  1 → 2
          b[x.name="1 2", no y.name][true]  1 → 2

    4 of 4 proxies compared, 184 resources: 1 changed, 0 added, 0 removed
    "#);
}

#[test]
fn a_line_for_grep_says_all_by_itself() {
    let mut report = canary();
    report.changes[1].source = Compared::Istiod;
    report.changes.push(change(
        key(XdsType::Bootstrap, "", None),
        ChangeKind::Added,
        "node.metadata",
        json!(null),
        json!({"a": "\u{9b}\t", "b": "x".repeat(300)}),
    ));
    report.changes.push(change(
        route(),
        ChangeKind::Moved,
        "a[1]",
        json!(3),
        json!(1),
    ));
    insta::assert_snapshot!(oneline(&report), @r#"
    productpage-v1-6b746f74dc-9stvs.default ~ route 9080 active $.virtual_hosts[?@.name=='reviews.default.svc.cluster.local:9080'].routes[0].route.weighted_clusters.clusters[?@.name=='outbound|9080|v1|reviews.default.svc.cluster.local'].weight 95 → 50
    productpage-v1-6b746f74dc-9stvs.default istiod ~ route 9080 active $.virtual_hosts[?@.name=='reviews.default.svc.cluster.local:9080'].routes[0].route.weighted_clusters.clusters[?@.name=='outbound|9080|v2|reviews.default.svc.cluster.local'].weight 5 → 50
    productpage-v1-6b746f74dc-9stvs.default + bootstrap $.node.metadata {"a":"\u009b\t","b":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
    productpage-v1-6b746f74dc-9stvs.default > route 9080 active $.a[1] position 3 → 1
    "#);
    report.mode = Mode::Sync;
    insta::assert_snapshot!(oneline(&report).lines().last().unwrap(), @r"
    productpage-v1-6b746f74dc-9stvs.default > route 9080 active $.a[1] position istiod 3, envoy 1
    ");
}

#[test]
fn a_script_reads_a_change_per_line() {
    let mut report = canary();
    report.changes.truncate(1);
    report.changes[0].before = Some(Value::Null);
    report.warnings = vec!["look out".into()];
    report.not_compared.push(NotCompared {
        proxy: proxy("a.b"),
        source: None,
        resource: None,
        xds_type: Some(XdsType::Secret),
        path: None,
        cause: Cause::Missing,
        reason: "not captured".into(),
    });
    insta::assert_snapshot!(json_of(&report), @r#"
    {
      "format": "xdsnap.diff/v1",
      "mode": "change",
      "before": {"label":"before.xdsnap","captured":"2026-11-21T01:52:22.5Z","proxies":4,"istio_version":"1.30.3"},
      "after": {"label":"after.xdsnap","captured":"2026-11-21T01:52:51Z","proxies":4,"istio_version":"1.30.3"},
      "summary": {"proxies":4,"resources":184,"added_resources":0,"removed_resources":0,"changed_resources":1,"changes":1,"live":0,"not_compared":1},
      "changes": [
        {"proxy":"productpage-v1-6b746f74dc-9stvs.default","source":"envoy","type":"route","name":"9080","state":"active","kind":"changed","path":"$.virtual_hosts[?@.name=='reviews.default.svc.cluster.local:9080'].routes[0].route.weighted_clusters.clusters[?@.name=='outbound|9080|v1|reviews.default.svc.cluster.local'].weight","before":null,"after":50,"updated":"2026-11-21T01:52:51.123Z"}
      ],
      "live": [],
      "proxies_only": [],
      "not_compared": [
        {"proxy":"a.b","type":"secret","cause":"missing","reason":"not captured"}
      ],
      "warnings": [
        "look out"
      ]
    }
    "#);
}

const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/diff.schema.json");

#[test]
fn the_committed_schema_of_the_json_output_is_what_the_code_writes() {
    let schema = serde_json::to_string_pretty(&render::diff_schema()).unwrap() + "\n";
    if std::env::var_os("XDSNAP_BLESS").is_some() {
        fs::write(SCHEMA, schema).unwrap();
        return;
    }
    assert!(
        fs::read_to_string(SCHEMA).unwrap_or_default() == schema,
        "schema/diff.schema.json is not the schema of the code; run `XDSNAP_BLESS=1 cargo test schema`"
    );
}

static VALIDATOR: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = serde_json::from_str(&fs::read_to_string(SCHEMA).unwrap()).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
});

/// What is done to a document, and how.
type Edit = (&'static str, fn(&mut serde_json::Value));

#[test]
fn the_schema_rejects_what_is_not_the_contract() {
    let good: serde_json::Value = serde_json::from_str(&json_of(&canary())).unwrap();
    assert!(VALIDATOR.is_valid(&good));
    let edits: [Edit; 15] = [
        ("an unknown list rule", |doc| {
            doc["changes"][0]["pairings"] = json!([{"list": "l", "rule": "bag", "keys": []}])
        }),
        ("a pairing by nobody knows what", |doc| {
            doc["changes"][0]["pairings"] =
                json!([{"list": "l", "rule": "set", "keys": [], "by": "luck"}])
        }),
        ("hidden values that are text", |doc| {
            doc["hidden"] = json!([{"rule": "host-health", "values": "1"}])
        }),
        ("another format", |doc| {
            doc["format"] = json!("xdsnap.diff/v2")
        }),
        ("no format", |doc| {
            drop(doc.as_object_mut().unwrap().remove("format"))
        }),
        ("another mode", |doc| doc["mode"] = json!("both")),
        ("no live", |doc| {
            drop(doc.as_object_mut().unwrap().remove("live"))
        }),
        ("a count that is text", |doc| {
            doc["summary"]["changes"] = json!("2")
        }),
        ("a negative count", |doc| {
            doc["summary"]["changes"] = json!(-1)
        }),
        ("an unknown kind", |doc| {
            doc["changes"][0]["kind"] = json!("renamed")
        }),
        ("a null state", |doc| {
            doc["changes"][0]["state"] = json!(null)
        }),
        ("an unknown state", |doc| {
            doc["changes"][0]["state"] = json!("idle")
        }),
        ("occurrence 0", |doc| {
            doc["changes"][0]["occurrence"] = json!(0)
        }),
        ("a path that is no query", |doc| {
            doc["changes"][0]["path"] = json!("a.b")
        }),
        ("no path", |doc| {
            drop(doc["changes"][0].as_object_mut().unwrap().remove("path"))
        }),
    ];
    for (what, edit) in edits {
        let mut bad = good.clone();
        edit(&mut bad);
        assert!(!VALIDATOR.is_valid(&bad), "{what}");
    }
    let mut later = good;
    later["changes"][0]["from_a_later_version"] = json!(1);
    assert!(VALIDATOR.is_valid(&later), "a minor version adds fields");
}

/// Strings as a hostile dump could hold them.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z0-9.|_/:-]{0,12}",
        2 => prop::sample::select(vec![
            "\u{1b}[31m", "\u{9b}2J", "\u{7f}", "\u{202e}", "\u{2066}", "\u{200b}", "\u{2028}", "\n", "\r\n",
            "\t", " ", "  \n", "\u{a0}", "\u{3000}", "\"", "'", "\\", "→", "日本", "é", "\0", "..", "/", "%",
        ])
        .prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i128>().prop_map(|number| Value::Number(Number::Int(number))),
        (-1e300..1e300).prop_map(|number| Value::Number(Number::from_f64(number))),
        "[1-9][0-9]{40,60}".prop_map(|digits| Value::Number(Number::Big(digits.into()))),
        hostile().prop_map(Value::String),
        ("[a-z]{1,3}", 100usize..500).prop_map(|(text, times)| Value::String(text.repeat(times))),
        prop::collection::vec(prop::sample::select(vec!["a", "b c", "d ", ""]), 0..30)
            .prop_map(|lines| Value::String(lines.join("\n"))),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(list),
            prop::collection::btree_map(hostile(), inner, 0..6).prop_map(object),
        ]
    })
}

fn any_path() -> impl Strategy<Value = Path> {
    let scalar = prop_oneof![
        hostile().prop_map(Scalar::String),
        any::<i32>().prop_map(|number| Scalar::Integer(number.into())),
        any::<bool>().prop_map(Scalar::Bool),
    ];
    let predicate = (
        prop::collection::vec(hostile(), 0..3),
        prop::option::of(scalar),
    )
        .prop_map(|(keys, value)| Predicate { keys, value });
    let step = prop_oneof![
        "[a-z_]{1,20}".prop_map(Step::Key),
        hostile().prop_map(Step::Key),
        (0usize..3, prop::option::of(hostile()))
            .prop_map(|(index, label)| Step::Index { index, label }),
        prop::collection::vec(predicate, 0..3).prop_map(Step::Filter),
    ];
    prop::collection::vec(step, 0..6).prop_map(Path)
}

fn any_proxy() -> impl Strategy<Value = ProxyId> {
    hostile().prop_filter_map("a valid ID", |id| ProxyId::new(id).ok())
}

fn any_type() -> impl Strategy<Value = XdsType> {
    prop_oneof![
        Just(XdsType::Bootstrap),
        Just(XdsType::Cluster),
        Just(XdsType::Endpoint),
        Just(XdsType::ExtensionConfig),
        Just(XdsType::Listener),
        Just(XdsType::Route),
        Just(XdsType::ScopedRoute),
        Just(XdsType::Secret),
        hostile().prop_map(XdsType::Other),
    ]
}

fn any_key() -> impl Strategy<Value = ResourceKey> {
    let name = prop_oneof![
        3 => hostile(),
        1 => ("[a-z|]{1,3}", 50usize..150).prop_map(|(text, times)| text.repeat(times)),
    ];
    let state = prop::option::of(prop::sample::select(vec![
        State::Active,
        State::Draining,
        State::Rejected,
        State::Static,
        State::Warming,
    ]));
    (any_type(), name, state, 0u32..3).prop_map(|(xds_type, name, state, occurrence)| ResourceKey {
        xds_type,
        name: name.into(),
        state,
        occurrence,
    })
}

fn any_source() -> impl Strategy<Value = Compared> {
    prop::sample::select(vec![
        Compared::Envoy,
        Compared::Istiod,
        Compared::IstiodEnvoy,
    ])
}

fn any_change() -> impl Strategy<Value = Change> {
    let kind = prop::sample::select(vec![
        ChangeKind::Added,
        ChangeKind::Changed,
        ChangeKind::Moved,
        ChangeKind::Removed,
    ]);
    let classes = vec![
        Class::EndpointsReplaced,
        Class::HostReplaced,
        Class::WasmStandIn,
    ];
    let class = prop::option::of(prop::sample::select(classes));
    let updated = prop_oneof![Just("2026-11-21T01:52:51.123Z".to_owned()), hostile()];
    let value = || prop::option::of(any_value());
    let option = prop::option::of::<BoxedStrategy<String>>;
    let rule = prop::sample::select(vec![&SET, &BY_NAME, &ROUTES, &ORDERED]);
    let by = prop::sample::select(vec![
        None,
        Some(PairedBy::Keys(&["name"])),
        Some(PairedBy::Content),
        Some(PairedBy::Position),
    ]);
    let pairing = (hostile(), rule, by).prop_map(|(list, rule, by)| pairing(&list, rule, by));
    (
        (any_proxy(), prop::option::of(any_proxy()), any_source()),
        (any_key(), kind, any_path(), prop::option::of(any_path())),
        (value(), value(), value(), any::<bool>()),
        (option(updated.boxed()), option(hostile().boxed()), class),
        prop::option::of([0usize..3, 0usize..3]),
        prop::collection::vec(pairing, 0..3),
    )
        .prop_map(
            |(
                (proxy, before_proxy, source),
                (resource, kind, path, before_path),
                (before, after, default, no_schema),
                (updated, reason, class),
                hosts,
                pairings,
            )| Change {
                proxy,
                before_proxy,
                source,
                resource,
                kind,
                path,
                before_path,
                before,
                after,
                updated,
                reason,
                class,
                hosts,
                default,
                no_schema,
                pairings,
            },
        )
}

/// Changes of which some are of the same resource.
fn any_changes() -> impl Strategy<Value = Vec<Change>> {
    let repeated = (
        any_change(),
        prop::collection::vec((any_path(), any_change()), 0..4),
    );
    prop::collection::vec(repeated, 0..4).prop_map(|groups| {
        let mut changes = Vec::new();
        for (first, others) in groups {
            for (path, mut other) in others {
                other.proxy = first.proxy.clone();
                other.source = first.source;
                other.resource = first.resource.clone();
                other.path = Path([first.path.0.clone(), path.0].concat());
                changes.push(other);
            }
            changes.push(first);
        }
        changes
    })
}

fn any_not_compared() -> impl Strategy<Value = NotCompared> {
    (
        (any_proxy(), prop::option::of(any_source())),
        prop::option::of(any_key()),
        prop::option::of(any_type()),
        prop::option::of(any_path()),
        prop::sample::select(vec![Cause::Inherent, Cause::Missing]),
        hostile(),
    )
        .prop_map(
            |((proxy, source), resource, xds_type, path, cause, reason)| NotCompared {
                proxy,
                source,
                resource,
                xds_type,
                path,
                cause,
                reason,
            },
        )
}

/// What a bootstrap of this owner tells of a proxy.
fn owned(proxy: &ProxyId, kind: &str, namespace: &str, name: &str) -> Facts {
    let owner = format!("kubernetes://apis/apps/v1/namespaces/{namespace}/deployments/{name}");
    let dump = json!({"configs": [{
        "@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump",
        "bootstrap": {"node": {"id": format!("{kind}~10.0.0.1~{proxy}~x"), "metadata": {"OWNER": owner}}},
    }]})
    .to_string();
    Facts::of(proxy, &Dump::parse([(None, dump.as_bytes())]).unwrap()).unwrap()
}

fn any_workload() -> impl Strategy<Value = Workload> {
    (hostile(), hostile()).prop_filter_map("an owner has a name", |(namespace, name)| {
        let proxy = proxy("a");
        diff::workloads([&owned(&proxy, "sidecar", &namespace, &name)]).pop()?
    })
}

/// Everybody who has a change, as a proxy that was compared.
fn compared(changes: &[Change]) -> BTreeMap<ProxyId, ComparedProxy> {
    let mut proxies = BTreeMap::new();
    for change in changes {
        let known = proxies
            .entry(change.proxy.clone())
            .or_insert_with(|| ComparedProxy {
                before: change.proxy.clone(),
                facts: Facts::of_id(&change.proxy),
                sources: Default::default(),
            });
        known.sources.insert(change.source);
    }
    proxies
}

fn any_report() -> impl Strategy<Value = Report> {
    let runs = prop_oneof![
        Just(Runs::Same),
        Just(Runs::Unknown),
        prop::collection::vec(any_key(), 1..6).prop_map(Runs::Other),
    ];
    let replica = (any_workload(), runs).prop_map(|(workload, runs)| Replica { workload, runs });
    let only = (
        any_proxy(),
        prop::sample::select(vec![SideName::Before, SideName::After]),
        prop::option::of(replica),
    )
        .prop_map(|(proxy, side, replica)| ProxyOnly {
            proxy,
            side,
            replica,
        });
    let by = prop::sample::select(vec![
        MatchedBy::Given,
        MatchedBy::Only,
        MatchedBy::Workload,
        MatchedBy::Content,
        MatchedBy::Likeness,
        MatchedBy::Order,
    ]);
    let matched = (
        any_proxy(),
        any_proxy(),
        by,
        prop::option::of(any_workload()),
    )
        .prop_map(|(before, after, by, workload)| ProxyMatch {
            before,
            after,
            by,
            workload,
        });
    let matches = prop::collection::vec(matched, 0..6);
    let rejection =
        (any_proxy(), any_type(), hostile()).prop_map(|(proxy, xds_type, reason)| Rejection {
            proxy,
            xds_type,
            reason,
        });
    (
        prop::sample::select(vec![Mode::Change, Mode::Sync]),
        any_changes(),
        any_changes(),
        prop::collection::vec(only, 0..3),
        prop::collection::vec(any_not_compared(), 0..3),
        prop::collection::vec(rejection, 0..3),
        prop::collection::vec(hostile(), 0..2),
        (matches, any::<bool>()),
    )
        .prop_map(
            |(
                mode,
                changes,
                live,
                proxies_only,
                not_compared,
                rejections,
                warnings,
                (matches, is_told),
            )| Report {
                proxies: match is_told {
                    true => compared(&changes),
                    false => BTreeMap::new(),
                },
                live,
                matches,
                proxies_only,
                not_compared,
                rejections,
                warnings,
                hidden: explained().hidden,
                ..report(mode, changes)
            },
        )
}

fn any_sides() -> impl Strategy<Value = Sides> {
    let option = || prop::option::of(hostile());
    let side = || {
        (
            (hostile(), option(), 0usize..3),
            (option(), option(), prop::collection::vec(hostile(), 0..2)),
        )
            .prop_map(
                |((label, captured, proxies), (istio_version, envoy_version, notes))| Side {
                    label,
                    captured,
                    proxies,
                    istio_version,
                    envoy_version,
                    notes,
                },
            )
    };
    [side(), side()].prop_map(|[before, after]| Sides { before, after })
}

fn any_style() -> impl Strategy<Value = Style> {
    (0usize..200, any::<[bool; 3]>()).prop_map(|(width, [ascii, full, counts_live])| Style {
        width,
        color: false,
        ascii,
        full,
        counts_live,
    })
}

/// Panics where a text could act on a terminal, hide something, or ends a line with a space.
fn assert_harmless(text: &str, ascii: bool) {
    for c in text.chars() {
        let acts = c.is_control() && c != '\n';
        let hides = matches!(c,
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}');
        assert!(!acts && !hides, "{c:?} in {text:?}");
        assert!(!ascii || c.is_ascii(), "{c:?} in {text:?}");
    }
    for line in text.lines() {
        assert_eq!(line, line.trim_end(), "{text:?}");
    }
    assert!(text.is_empty() || text.ends_with('\n'), "{text:?}");
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(80))]

    #[test]
    fn any_report_is_harmless_as_text_and_colour_only_repeats_it(
        report in any_report(), sides in any_sides(), style in any_style(),
    ) {
        let write = |style| {
            let mut out = Vec::new();
            render::text(&mut out, &report, &sides, style).unwrap();
            String::from_utf8(out).unwrap()
        };
        let plain = write(style);
        assert_harmless(&plain, style.ascii);
        let colored = write(Style { color: true, ..style });
        prop_assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain);
    }

    #[test]
    fn any_report_is_a_harmless_line_per_change(report in any_report(), style in any_style()) {
        let mut out = Vec::new();
        render::oneline(&mut out, &report, style).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_harmless(&text, style.ascii);
        let live = if style.counts_live { report.live.len() } else { 0 };
        prop_assert_eq!(text.lines().count(), report.changes.len() + live);
    }

    #[test]
    fn any_report_is_json_by_the_schema(report in any_report(), sides in any_sides()) {
        let mut out = Vec::new();
        render::json(&mut out, &report, &sides).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_harmless(&text, false);
        let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<String> = VALIDATOR.iter_errors(&parsed).map(|e| e.to_string()).collect();
        prop_assert!(errors.is_empty(), "{errors:?}");
        for (list, changes) in [("changes", &report.changes), ("live", &report.live)] {
            let list = parsed[list].as_array().unwrap();
            prop_assert_eq!(list.len(), changes.len());
            for (json, change) in list.iter().zip(changes) {
                prop_assert_eq!(json["path"].as_str().unwrap(), change.path.to_string());
                prop_assert_eq!(json.get("before").is_some(), change.before.is_some());
                prop_assert_eq!(json["name"].as_str().unwrap(), &*change.resource.name);
            }
        }
        let lines = text.lines().filter(|line| line.starts_with("    {\"proxy\":"));
        let items = report.changes.len() + report.live.len() + report.proxies_only.len()
            + report.not_compared.len() + report.rejections.len() + report.matches.len();
        prop_assert_eq!(lines.count(), items, "{}", text);
    }
}

/// The files that `documents` are on one side.
fn files(report: &Report, side: SideName) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for pair in &report.documents {
        let value = match side {
            SideName::Before => &pair.before,
            SideName::After => &pair.after,
        };
        let path = names::resource_path(&pair.proxy, pair.source.as_str(), &pair.resource);
        if let Some(value) = value {
            let mut bytes = Vec::new();
            render::document(&mut bytes, value).unwrap();
            assert!(
                files.insert(path, bytes).is_none(),
                "two documents share a path"
            );
        }
    }
    files
}

fn files_below(root: &FilePath, prefix: &str, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(root).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().into_string().unwrap());
        if entry.file_type().unwrap().is_dir() {
            files_below(&entry.path(), &format!("{name}/"), found);
        } else {
            found.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}

/// Applies the patch of `report` to a folder of its *before* with the real `patch`, and returns what is there then.
fn patched(report: &Report) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    fs::create_dir(&tree).unwrap();
    for (path, bytes) in files(report, SideName::Before) {
        let path = tree.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let mut patch = Vec::new();
    render::unified(&mut patch, report).unwrap();
    let file = folder.path().join("patch");
    fs::write(&file, &patch).unwrap();
    let output = Command::new("patch")
        .args(["-p1", "--forward", "--fuzz=0", "-i"])
        .arg(&file)
        .current_dir(&tree)
        .output()
        .expect(
            "the program `patch` runs (install GNU patch: the patches of `-o unified` are for it)",
        );
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&patch)
    );
    let mut found = BTreeMap::new();
    files_below(&tree, "", &mut found);
    found
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn any_patch_applies(
        documents in prop::collection::btree_map(
            (any_proxy(), any_source(), any_key()),
            (prop::option::of(any_value()), prop::option::of(any_value())),
            1..5,
        ),
    ) {
        let mut report = report(Mode::Change, vec![]);
        for ((proxy, source, resource), (before, after)) in documents {
            report.documents.push(DocumentPair {
                proxy,
                before_proxy: None,
                source,
                resource,
                before_resource: None,
                before,
                after,
                equated: None,
                has_changes: true,
            });
        }
        prop_assert_eq!(patched(&report), files(&report, SideName::After));
    }
}

#[test]
fn a_patch_shows_three_lines_around_what_changed() {
    let document = |resource, before: serde_json::Value, after: serde_json::Value| DocumentPair {
        proxy: proxy(PRODUCTPAGE),
        before_proxy: None,
        source: Compared::Envoy,
        resource,
        before_resource: None,
        before: (!before.is_null()).then(|| value(before)),
        after: (!after.is_null()).then(|| value(after)),
        equated: None,
        has_changes: true,
    };
    let long = |weight: i32| json!({"a": 1, "b": 2, "c": 3, "d": 4, "weight": weight, "x": 5, "y": 6, "z": [7, 8]});
    let mut report = report(Mode::Change, vec![]);
    report.documents = vec![
        document(
            cluster("outbound|80||new"),
            json!(null),
            json!({"name": "new"}),
        ),
        document(
            cluster("outbound|80||old"),
            json!({"name": "old"}),
            json!(null),
        ),
        document(route(), long(95), long(50)),
    ];
    assert_eq!(patched(&report), files(&report, SideName::After));
    let mut patch = Vec::new();
    render::unified(&mut patch, &report).unwrap();
    insta::assert_snapshot!(String::from_utf8(patch).unwrap(), @r#"
    --- /dev/null
    +++ b/productpage-v1-6b746f74dc-9stvs.default/envoy/cluster/outbound%7C80%7C%7Cnew.active.json
    @@ -0,0 +1,3 @@
    +{
    +  "name": "new"
    +}
    --- a/productpage-v1-6b746f74dc-9stvs.default/envoy/cluster/outbound%7C80%7C%7Cold.active.json
    +++ /dev/null
    @@ -1,3 +0,0 @@
    -{
    -  "name": "old"
    -}
    --- a/productpage-v1-6b746f74dc-9stvs.default/envoy/route/9080.active.json
    +++ b/productpage-v1-6b746f74dc-9stvs.default/envoy/route/9080.active.json
    @@ -3,7 +3,7 @@
       "b": 2,
       "c": 3,
       "d": 4,
    -  "weight": 95,
    +  "weight": 50,
       "x": 5,
       "y": 6,
       "z": [
    "#);
}
