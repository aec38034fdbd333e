//! States, rejections and what only one printer tells, on dumps that are made up to show one thing each.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use xdsnap::{
    diff::{Cause, Compared, Comparer, Facts, Lone, Mode, Options, ProxyPair, Report, SideName},
    dump::Dump,
    model::{ProxyId, XdsType},
};

const TIME: &str = "2026-11-21T01:52:51.123Z";

/// A dump of these sections by Envoy, with a bootstrap.
fn envoy(sections: Value) -> Value {
    let mut configs = vec![json!({
        "@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump",
        "bootstrap": {"node": {"id": "sidecar~10.0.0.1~web-1.shop~x"}, "dynamic_resources": {}},
        "last_updated": TIME,
    })];
    configs.extend(sections.as_array().unwrap().iter().cloned());
    json!({ "configs": configs })
}

/// A dump of these sections by istiod.
fn istiod(sections: Value) -> Value {
    json!({ "configs": sections })
}

fn section(name: &str, lists: Value) -> Value {
    let mut section = json!({"@type": format!("type.googleapis.com/envoy.admin.v3.{name}")});
    section
        .as_object_mut()
        .unwrap()
        .extend(lists.as_object().unwrap().clone());
    section
}

fn any(name: &str, members: Value) -> Value {
    let mut any = json!({"@type": format!("type.googleapis.com/{name}")});
    any.as_object_mut()
        .unwrap()
        .extend(members.as_object().unwrap().clone());
    any
}

fn listener(members: Value) -> Value {
    any("envoy.config.listener.v3.Listener", members)
}

fn compare(mode: Mode, [before, after]: [&Value; 2], last_errors: &[(XdsType, String)]) -> Report {
    let id = ProxyId::new("web-1.shop").unwrap();
    let options = Options::default();
    let texts = [before, after].map(Value::to_string);
    let [mut before, mut after] =
        [&texts[0], &texts[1]].map(|text| Dump::parse([(None, text.as_bytes())]).unwrap());
    before.check_cut(&after);
    after.check_cut(&before);
    let mut comparer = Comparer::new(mode, options);
    comparer.proxy(&ProxyPair {
        before_id: &id,
        after_id: &id,
        before: &before,
        after: &after,
        compared: match mode {
            Mode::Change => Compared::Envoy,
            Mode::Sync => Compared::IstiodEnvoy,
        },
        last_errors,
    });
    comparer.finish()
}

/// The changes of a report, a line each: kind, type, name, state, path.
fn changes(report: &Report) -> Vec<String> {
    let line = |change: &xdsnap::diff::Change| {
        let key = &change.resource;
        let state = key.state.map_or(String::new(), |state| format!(" {state}"));
        format!(
            "{} {} {}{state} {}",
            change.kind.sign(),
            key.xds_type,
            key.name,
            change.path
        )
    };
    report.changes.iter().map(line).collect()
}

/// What was not compared for a reason of this cause: type, path and reason.
fn not_compared(report: &Report, cause: Cause) -> BTreeSet<String> {
    let entries = report
        .not_compared
        .iter()
        .filter(|entry| entry.cause == cause);
    entries
        .map(|entry| {
            let of = entry.resource.as_ref().map(|key| &key.xds_type);
            let xds_type = of.or(entry.xds_type.as_ref()).map_or("-", XdsType::as_str);
            let path = entry
                .path
                .as_ref()
                .map_or(String::new(), |path| format!(" {path}"));
            format!("{xds_type}{path}: {}", entry.reason)
        })
        .collect()
}

#[test]
fn the_copy_of_a_rejected_listener_is_known_whatever_its_error_says() {
    let rejected = |details: &str| {
        let listener = listener(json!({"name": "in"}));
        let error = |details: &str| json!({"failed_configuration": listener, "details": details});
        let listeners = json!({"dynamic_listeners": [
            {"name": "in", "error_state": error("marker 1: no")},
            {"error_state": error(details)},
        ]});
        envoy(json!([section("ListenersConfigDump", listeners)]))
    };
    let [before, after] = ["marker 1: no", "marker 2: no"].map(rejected);
    let report = compare(Mode::Change, [&before, &after], &[]);
    assert_eq!(changes(&report), Vec::<String>::new());
    assert_eq!(report.summary.resources, 2);
}

#[test]
fn what_envoy_only_warms_is_compared_and_said_not_to_run() {
    let cluster = any("envoy.config.cluster.v3.Cluster", json!({"name": "web"}));
    let in_list = |list: &str| {
        let clusters = json!({list: [{"cluster": cluster}]});
        json!([section("ClustersConfigDump", clusters)])
    };
    let sent = istiod(in_list("dynamicActiveClusters"));
    let running = envoy(in_list("dynamic_warming_clusters"));
    let report = compare(Mode::Sync, [&sent, &running], &[]);
    assert_eq!(changes(&report), Vec::<String>::new());
    assert!(
        not_compared(&report, Cause::Inherent)
            .contains("cluster: Envoy has it, but is still warming it: it does not run yet")
    );
}

#[test]
fn a_bootstrap_that_istiod_prints_is_no_difference() {
    let bootstrap = json!({"bootstrap": {"node": {"id": "a"}}});
    let sent = istiod(json!([section("BootstrapConfigDump", bootstrap)]));
    let report = compare(Mode::Sync, [&sent, &envoy(json!([]))], &[]);
    assert_eq!(changes(&report), Vec::<String>::new());
    assert!(
        not_compared(&report, Cause::Inherent)
            .contains("bootstrap: istiod does not send the bootstrap")
    );
}

#[test]
fn a_redacted_value_shows_what_it_was_given_as_but_to_istiod_all_is_bytes() {
    let secret = |source: Value| {
        let name = "envoy.extensions.transport_sockets.tls.v3.Secret";
        let secret = any(
            name,
            json!({"name": "s", "generic_secret": {"secret": source}}),
        );
        json!([section(
            "SecretsConfigDump",
            json!({"dynamic_active_secrets": [
                {"name": "s", "secret": secret},
            ]})
        )])
    };
    let text = secret(json!({"inline_string": "[redacted]"}));
    let file = secret(json!({"filename": "[redacted]"}));
    let bytes = secret(json!({"inline_bytes": "W3JlZGFjdGVkXQ=="}));
    let report = compare(Mode::Change, [&envoy(text.clone()), &envoy(file)], &[]);
    assert_eq!(
        changes(&report),
        [
            "+ secret s active $.generic_secret.secret.filename",
            "- secret s active $.generic_secret.secret.inline_string",
        ]
    );
    let report = compare(Mode::Sync, [&istiod(bytes), &envoy(text)], &[]);
    assert_eq!(changes(&report), Vec::<String>::new());
}

#[test]
fn one_replica_more_is_no_difference_but_one_that_was_replaced_is() {
    let dump = envoy(json!([])).to_string();
    let dump = Dump::parse([(None, dump.as_bytes())]).unwrap();
    let id = |name: &str| ProxyId::new(format!("{name}.shop")).unwrap();
    for (before, after, differs) in [
        (None, Some("web-545db77b95-2k8ls"), false),
        (Some("web-545db77b95-2k8ls"), None, false),
        (
            Some("web-545db77b95-2k8ls"),
            Some("web-545db77b95-tq4rz"),
            true,
        ),
        (None, Some("api-545db77b95-2k8ls"), true),
        (None, Some("web"), true),
    ] {
        let mut comparer = Comparer::new(Mode::Change, Options::default());
        let both = id("web-545db77b95-9stvs");
        comparer.proxy(&ProxyPair {
            before_id: &both,
            after_id: &both,
            before: &dump,
            after: &dump,
            compared: Compared::Envoy,
            last_errors: &[],
        });
        for (only, side) in [(before, SideName::Before), (after, SideName::After)] {
            if let Some(proxy) = only.map(id) {
                let facts = Facts::of_id(&proxy);
                comparer.only(Lone { proxy, facts }, side);
            }
        }
        assert_eq!(comparer.finish().differs(), differs, "{before:?} {after:?}");
    }
}

#[test]
fn static_resources_that_are_gone_are_removed_unless_a_name_cut_what_is_sent_too() {
    let cluster = |name: &str| json!({"cluster": any("envoy.config.cluster.v3.Cluster", json!({"name": name}))});
    let with = |statics: &[&str], sent: &[&str]| {
        let list = |names: &[&str]| names.iter().map(|name| cluster(name)).collect::<Vec<_>>();
        let mut dump = envoy(json!([section(
            "ClustersConfigDump",
            json!({
                "static_clusters": list(statics),
                "dynamic_active_clusters": list(sent),
            })
        )]));
        dump["configs"][0]["bootstrap"]["static_resources"] =
            json!({"clusters": [{"name": "agent"}]});
        dump
    };
    let whole = with(&["agent"], &["a", "b"]);
    let report = compare(Mode::Change, [&whole, &with(&[], &["b"])], &[]);
    assert_eq!(
        changes(&report),
        ["- cluster a active $", "- cluster agent static $"]
    );
    let report = compare(Mode::Change, [&whole, &with(&[], &["c"])], &[]);
    assert_eq!(changes(&report), ["+ cluster c active $"]);
    let missing = not_compared(&report, Cause::Missing);
    assert!(
        missing.iter().any(|entry| entry.contains("name_regex")),
        "{missing:?}"
    );
}

#[test]
fn nothing_beside_the_sections_of_a_dump_is_lost() {
    let with = |value: Value| json!({"configs": [], "new_thing": value});
    let report = compare(Mode::Change, [&with(json!(1)), &with(json!(2))], &[]);
    assert_eq!(
        changes(&report),
        ["~ envoy.admin.v3.ConfigDump new_thing $"]
    );
    let twice = br#"{"configs": [], "configs": []}"#;
    let error = Dump::parse([(None, &twice[..])]).err().unwrap();
    assert_eq!(
        error.to_string(),
        "invalid JSON at byte 27: `configs` is given twice"
    );
}

#[test]
fn several_sections_of_extension_configs_are_one() {
    let filter = |name: &str, tokens: u32| {
        let limit = any(
            "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
            json!({"stat_prefix": "x", "token_bucket": {"max_tokens": tokens}}),
        );
        let config = any(
            "envoy.config.core.v3.TypedExtensionConfig",
            json!({"name": name, "typed_config": limit}),
        );
        json!({"ecds_filter": config, "last_updated": TIME})
    };
    let ecds = |filters: Value| section("EcdsConfigDump", json!({ "ecds_filters": filters }));
    let two = |tokens| {
        envoy(json!([
            ecds(json!([filter("http", 1)])),
            ecds(json!([filter("network", tokens)]))
        ]))
    };
    let one = envoy(json!([ecds(json!([
        filter("network", 2),
        filter("http", 1)
    ]))]));
    let none = envoy(json!([]));
    for (before, after, expected) in [
        (two(2), one.clone(), vec![]),
        (
            one.clone(),
            two(3),
            vec!["~ extension_config network $.typed_config.token_bucket.max_tokens"],
        ),
        // Envoy prints no section where it has none.
        (
            none,
            one,
            vec!["+ extension_config http $", "+ extension_config network $"],
        ),
    ] {
        let report = compare(Mode::Change, [&before, &after], &[]);
        assert_eq!(changes(&report), expected);
        assert_eq!(report.not_compared, []);
    }
}

/// Static listeners are called by their address where they have no name, and two may have the same.
#[test]
fn resources_of_one_name_are_paired_by_what_they_have_in_common() {
    let named = |prefix: &str, backlog: Value| {
        let listener = listener(json!({
            "address": {"socket_address": {"address": "0.0.0.0", "port_value": 80}},
            "stat_prefix": prefix,
            "tcp_backlog_size": backlog,
            "filter_chains": [{"name": format!("a filter chain that only {prefix} has")}],
        }));
        json!({"listener": listener, "last_updated": TIME})
    };
    let dump = |listeners: Value| {
        envoy(json!([section(
            "ListenersConfigDump",
            json!({"static_listeners": listeners})
        )]))
    };
    let [a, b] = ["a", "b"].map(|prefix| named(prefix, json!(1)));
    let [a_edited, b_edited] = ["a", "b"].map(|prefix| named(prefix, json!(2)));
    for (before, after, expected) in [
        (json!([a, b]), json!([b, a]), vec![]),
        (
            json!([a, b]),
            json!([b_edited, a]),
            vec!["~ listener 0.0.0.0_80 static $.tcp_backlog_size"],
        ),
        (
            json!([a, b]),
            json!([b_edited, a_edited]),
            vec!["~ listener 0.0.0.0_80 static $.tcp_backlog_size"; 2],
        ),
        (
            json!([a, b]),
            json!([b]),
            vec!["- listener 0.0.0.0_80 static $"],
        ),
        (
            json!([b]),
            json!([a, b_edited]),
            vec![
                "+ listener 0.0.0.0_80 static $",
                "~ listener 0.0.0.0_80 static $.tcp_backlog_size",
            ],
        ),
    ] {
        let report = compare(
            Mode::Change,
            [&dump(before.clone()), &dump(after.clone())],
            &[],
        );
        let mut found = changes(&report);
        found.sort();
        assert_eq!(found, expected, "{before} {after}");
    }
}

#[test]
fn a_rejection_beside_which_nothing_differs_is_told_all_the_same() {
    let secret = any(
        "envoy.extensions.transport_sockets.tls.v3.Secret",
        json!({"name": "kubernetes://tls", "tls_certificate": {"certificate_chain": {"inline_string": "garbage"}}}),
    );
    let secrets =
        |list: &str, element: Value| section("SecretsConfigDump", json!({ list: [element] }));
    let before = istiod(json!([secrets(
        "dynamicActiveSecrets",
        json!({"name": "kubernetes://tls", "secret": secret})
    )]));
    let after = envoy(json!([secrets(
        "dynamic_active_secrets",
        json!({"name": "kubernetes://tls", "version_info": "2", "last_updated": TIME, "secret": secret}),
    )]));
    let error = "Error adding/updating secret(s) kubernetes://tls: no certificate".to_owned();
    let report = compare(
        Mode::Sync,
        [&before, &after],
        &[(XdsType::Secret, error.clone())],
    );
    assert_eq!(changes(&report), [] as [String; 0]);
    let told: Vec<_> = report
        .rejections
        .iter()
        .map(|r| (&r.xds_type, &r.reason))
        .collect();
    assert_eq!(told, [(&XdsType::Secret, &error)]);
    // Envoy shows a rejected secret as active, so nobody can say that it is in force.
    let inherent = not_compared(&report, Cause::Inherent);
    let unknowable =
        "secret: whether Envoy uses a secret: it shows one that it rejected like any other";
    assert!(inherent.contains(unknowable), "{inherent:?}");

    // A rejected listener that istiod has taken back, and one that it still sends.
    let dump = |elements: Value| {
        section(
            "ListenersConfigDump",
            json!({"dynamic_listeners": elements}),
        )
    };
    let error_state = |name: &str| json!({"failed_configuration": listener(json!({"name": name})), "details": format!("{name} is bad"), "last_update_attempt": TIME});
    let active = |name: &str, backlog: u32| json!({"listener": listener(json!({"name": name, "tcp_backlog_size": backlog})), "last_updated": TIME});
    let before = istiod(json!([dump(
        json!([{"name": "old", "activeState": active("old", 2)}])
    )]));
    let after = envoy(json!([dump(json!([
        {"name": "old", "active_state": active("old", 1), "error_state": error_state("old")},
        {"name": "gone", "error_state": error_state("gone")},
    ]))]));
    let report = compare(Mode::Sync, [&before, &after], &[]);
    assert_eq!(
        changes(&report),
        ["~ listener old active $.tcp_backlog_size"]
    );
    assert_eq!(report.changes[0].reason.as_deref(), Some("old is bad"));
    let told: Vec<_> = report
        .rejections
        .iter()
        .map(|r| r.reason.as_str())
        .collect();
    assert_eq!(told, ["gone: gone is bad"]);
}

#[test]
fn what_one_printer_redacts_and_the_other_tells_is_no_difference_between_the_two() {
    let cluster = |key: Value| {
        let tls = any(
            "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            json!({"common_tls_context": {"tls_certificates": [{"private_key": key}]}}),
        );
        let cluster = any(
            "envoy.config.cluster.v3.Cluster",
            json!({"name": "a", "transport_socket": {"name": "tls", "typed_config": tls}}),
        );
        json!({"cluster": cluster, "last_updated": TIME})
    };
    let clear = json!({"filename": "/etc/key"});
    let hidden = json!({"inline_bytes": "W3JlZGFjdGVkXQ=="});
    let hidden_text = json!({"inline_string": "[redacted]"});
    let path = "cluster $.transport_socket.typed_config.common_tls_context.tls_certificates[0].private_key";
    let both = format!("{path}: the value is redacted on both sides: a rotation would not show");
    let bytes = both.replace(": the", ".inline_bytes: the");
    let one = format!("{path}: the value is redacted on one side");
    for (mode, before, after, is_changed, reason) in [
        (Mode::Sync, &clear, &clear, false, None),
        (Mode::Sync, &clear, &hidden, false, Some(&one)),
        (Mode::Sync, &hidden, &clear, false, Some(&one)),
        (Mode::Sync, &hidden, &hidden_text, false, Some(&both)),
        (Mode::Change, &hidden, &hidden, false, Some(&bytes)),
        (Mode::Change, &hidden, &hidden_text, true, None),
        // Of two dumps by one printer, the one tells another source of the key.
        (Mode::Change, &clear, &hidden, true, None),
    ] {
        let dump = |key: &Value| {
            section(
                "ClustersConfigDump",
                json!({"dynamic_active_clusters": [cluster(key.clone())]}),
            )
        };
        let sides = match mode {
            Mode::Sync => [istiod(json!([dump(before)])), envoy(json!([dump(after)]))],
            Mode::Change => [envoy(json!([dump(before)])), envoy(json!([dump(after)]))],
        };
        let report = compare(mode, [&sides[0], &sides[1]], &[]);
        assert_eq!(
            !report.changes.is_empty(),
            is_changed,
            "{before} {after} {:?}",
            report.changes
        );
        let inherent: Vec<_> = not_compared(&report, Cause::Inherent)
            .into_iter()
            .filter(|line| line.starts_with(path))
            .collect();
        assert_eq!(inherent.first(), reason, "{before} {after}");
    }
}

#[test]
fn endpoints_that_neither_dump_has_are_spoken_of_where_there_are_any() {
    let dump = |kind: &str| {
        let cluster = any(
            "envoy.config.cluster.v3.Cluster",
            json!({"name": "a", "type": kind}),
        );
        let element = json!({"cluster": cluster, "last_updated": TIME});
        envoy(json!([section(
            "ClustersConfigDump",
            json!({"dynamic_active_clusters": [element]})
        )]))
    };
    for (kind, expected) in [
        (
            "EDS",
            vec!["endpoint: neither dump was taken with `include_eds`"],
        ),
        ("STATIC", vec![]),
    ] {
        let report = compare(Mode::Change, [&dump(kind), &dump(kind)], &[]);
        let found: Vec<_> = not_compared(&report, Cause::Inherent).into_iter().collect();
        assert_eq!(found, expected, "{kind}");
        assert_eq!(not_compared(&report, Cause::Missing), BTreeSet::new());
    }
}

/// An edit of a dump is no query: of several static resources a single one is missing, or a cluster and not its
/// endpoints.
#[test]
fn a_dump_that_somebody_edited_is_no_cut_one() {
    let dump = |static_clusters: &[&str], endpoints: &[&str]| {
        let mut dump = envoy(json!([
            section(
                "ClustersConfigDump",
                json!({"static_clusters": static_clusters.iter().map(|name| {
                json!({"cluster": any("envoy.config.cluster.v3.Cluster", json!({"name": name})), "last_updated": TIME})
            }).collect::<Vec<_>>()})
            ),
            section(
                "EndpointsConfigDump",
                json!({"static_endpoint_configs": endpoints.iter().map(|name| {
                json!({"endpoint_config": any("envoy.config.endpoint.v3.ClusterLoadAssignment", json!({"cluster_name": name}))})
            }).collect::<Vec<_>>()})
            ),
        ]));
        dump["configs"][0]["bootstrap"]["static_resources"] =
            json!({"clusters": [{"name": "a"}, {"name": "b"}, {"name": "c"}]});
        dump
    };
    let all = ["a", "b", "c"];
    for (clusters, endpoints, query) in [
        (&all[..], &all[..], None),
        (&all[..2], &all[..2], None),
        (&all[..1], &all[..], None),
        (&all[..1], &all[..1], Some("name_regex")),
        (&all[..0], &all[..0], Some("name_regex")),
    ] {
        let text = dump(clusters, endpoints).to_string();
        let dump = Dump::parse([(None, text.as_bytes())]).unwrap();
        assert_eq!(dump.query(), query, "{clusters:?} {endpoints:?}");
    }
}

/// Where others of the cluster changed otherwise, or where there are more or fewer.
#[test]
fn a_host_that_took_the_place_of_one_like_it_is_told_from_one_that_did_not() {
    // Priority, address and weight of each host; hosts of one priority are one locality.
    let dump = |hosts: &[(u32, u8, u32)]| {
        let of = |priority: u32| {
            let here = hosts.iter().filter(|(of, _, _)| *of == priority);
            let hosts = here.map(|(_, address, weight)| {
                json!({
                    "endpoint": {"address": {"socket_address": {
                        "address": format!("10.0.0.{address}"), "port_value": 80,
                    }}},
                    "load_balancing_weight": weight,
                })
            });
            json!({
                "priority": priority,
                "locality": {"zone": "a"},
                "lb_endpoints": hosts.collect::<Vec<_>>(),
            })
        };
        envoy(json!([section(
            "EndpointsConfigDump",
            json!({"dynamic_endpoint_configs": [{"endpoint_config": any(
                "envoy.config.endpoint.v3.ClusterLoadAssignment",
                json!({"cluster_name": "c", "endpoints": [of(0), of(1)]}),
            )}]})
        )]))
    };
    let kept = (1, 9, 1);
    for (before, after, hosts, expected) in [
        // Each has its like.
        (
            &[(0, 1, 1), (0, 2, 1), kept][..],
            &[(0, 3, 1), (0, 4, 1), kept][..],
            None,
            &[
                "+ 3 endpoints_replaced",
                "+ 4 endpoints_replaced",
                "- 1 endpoints_replaced",
                "- 2 endpoints_replaced",
            ][..],
        ),
        // One has another weight.
        (
            &[(0, 1, 1), (0, 2, 1), kept],
            &[(0, 3, 1), (0, 4, 5), kept],
            None,
            &["+ 3 host_replaced", "+ 4 -", "- 1 host_replaced", "- 2 -"],
        ),
        // One is gone.
        (
            &[(0, 1, 1), (0, 2, 1), kept],
            &[(0, 3, 1), kept],
            Some([3, 2]),
            &["+ 3 host_replaced", "- 1 host_replaced", "- 2 -"],
        ),
        // Another priority is another place.
        (
            &[(0, 1, 1), (0, 2, 1), kept],
            &[(0, 1, 1), (1, 3, 1), kept],
            None,
            &["+ 3 -", "- 2 -"],
        ),
    ] {
        let report = compare(Mode::Change, [&dump(before), &dump(after)], &[]);
        let mut found: Vec<String> = report
            .changes
            .iter()
            .map(|change| {
                let host = change.before.as_ref().or(change.after.as_ref()).unwrap();
                let address = host.at(&["endpoint", "address", "socket_address", "address"]);
                let address = address.and_then(|address| address.as_str()).unwrap();
                let class = change.class.map_or("-", |class| class.as_str());
                let end = address.rsplit('.').next().unwrap();
                assert_eq!(change.hosts, hosts);
                format!("{} {end} {class}", change.kind.sign())
            })
            .collect();
        found.sort();
        assert_eq!(found, expected);
    }
}
