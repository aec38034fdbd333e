//! The rules by which values do not count: what each hides, how that is counted, and that it is there without the rule.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use xdsnap::{
    diff::{self, Compared, Comparer, Mode, Options, ProxyPair, Report},
    dump::Dump,
    model::{ProxyId, Rules, Step},
    redact,
};

use crate::support::program::{Ran, run, testdata, xdsnap};

/// What a rule hides, on a pair of dumps that differ in nothing else.
struct Case {
    rule: &'static str,
    mode: Mode,
    before: Json,
    after: Json,
    /// What the report tells by all rules.
    on: &'static [&'static str],
    /// What it tells without this one.
    off: &'static [&'static str],
    /// How many values the rule hid.
    values: usize,
}

/// A section, and more of its members.
fn section(name: &str, members: Json) -> Json {
    let mut section = json!({"@type": format!("type.googleapis.com/envoy.admin.v3.{name}")});
    for (key, value) in members.as_object().unwrap() {
        section[key] = value.clone();
    }
    section
}

fn any(message: &str, members: Json) -> Json {
    let mut any = json!({"@type": format!("type.googleapis.com/{message}")});
    for (key, value) in members.as_object().unwrap() {
        any[key] = value.clone();
    }
    any
}

fn dump(sections: &[Json]) -> Json {
    // A dump with but one kind of section would be taken for one that `?mask` cut.
    let other = section("ScopedRoutesConfigDump", json!({}));
    let sections = [sections, &[other]].concat();
    json!({"configs": sections})
}

fn bootstrap(bootstrap: Json) -> Json {
    section("BootstrapConfigDump", json!({"bootstrap": bootstrap}))
}

/// A dump with one active cluster, whose element has more members.
fn cluster(cluster: Json, element: Json) -> Json {
    let mut element = element;
    element["cluster"] = any("envoy.config.cluster.v3.Cluster", cluster);
    dump(&[section(
        "ClustersConfigDump",
        json!({"dynamic_active_clusters": [element]}),
    )])
}

/// A dump with these elements of dynamic listeners.
fn listeners(elements: Json) -> Json {
    dump(&[section(
        "ListenersConfigDump",
        json!({"dynamic_listeners": elements}),
    )])
}

fn listener(members: Json) -> Json {
    any("envoy.config.listener.v3.Listener", members)
}

/// A dump with one assignment of `web`.
fn endpoint(members: Json) -> Json {
    let mut assignment = any("envoy.config.endpoint.v3.ClusterLoadAssignment", members);
    assignment["cluster_name"] = json!("web");
    dump(&[section(
        "EndpointsConfigDump",
        json!({"dynamic_endpoint_configs": [{"endpoint_config": assignment}]}),
    )])
}

/// A host at that address, with more members.
fn host(address: &str, members: Json) -> Json {
    let mut host = members;
    host["endpoint"]["address"] = json!({"socket_address": {"address": address, "port_value": 80}});
    host
}

/// A dump with one host of `web`.
fn with_host(members: Json) -> Json {
    endpoint(json!({"endpoints": [{"lb_endpoints": [host("10.0.0.1", members)]}]}))
}

/// A dump with one extension config.
fn extension(config: Json) -> Json {
    dump(&[section(
        "EcdsConfigDump",
        json!({"ecds_filters": [{"ecds_filter": config}]}),
    )])
}

/// A Wasm extension as Envoy has it, with that virtual machine.
fn wasm(name: &str, vm_config: Json) -> Json {
    extension(any(
        "envoy.config.core.v3.TypedExtensionConfig",
        json!({"name": name, "typed_config": bare_wasm(vm_config)}),
    ))
}

/// A Wasm extension as istiod shows it.
fn bare_wasm(vm_config: Json) -> Json {
    any(
        "envoy.extensions.filters.http.wasm.v3.Wasm",
        json!({"config": {"name": "plugin", "vm_config": vm_config}}),
    )
}

/// A dump with one route configuration that has this for a filter.
fn for_filter(config: Json) -> Json {
    let route = any(
        "envoy.config.route.v3.RouteConfiguration",
        json!({"name": "80", "typed_per_filter_config": {"f": config}}),
    );
    dump(&[section(
        "RoutesConfigDump",
        json!({"dynamic_route_configs": [{"route_config": route}]}),
    )])
}

/// The bootstrap of a dump that has clusters, listeners and secrets, with these static resources.
fn statics(resources: Json) -> Json {
    dump(&[
        bootstrap(json!({"static_resources": resources})),
        section("ClustersConfigDump", json!({})),
        section("ListenersConfigDump", json!({})),
        section("SecretsConfigDump", json!({})),
    ])
}

fn certificate(name: &str, chain: &str) -> Json {
    let secret = any(
        "envoy.extensions.transport_sockets.tls.v3.Secret",
        json!({"name": name, "tls_certificate": {"certificate_chain": {"inline_string": chain}}}),
    );
    dump(&[section(
        "SecretsConfigDump",
        json!({"dynamic_active_secrets": [{"name": name, "secret": secret}]}),
    )])
}

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    use Mode::{Change, Sync};
    let case = |rule, mode, before, after, on, off, values| {
        Case { rule, mode, before, after, on, off, values }
    };
    let web = || json!({"name": "web"});
    let nameless = |uuid: &str| listeners(json!([{"name": uuid, "active_state": {"listener": listener(
        json!({"address": {"socket_address": {"address": "::", "port_value": 80}}}),
    )}}]));
    let rejected = |error: Json| json!({"name": "in", "error_state": error});
    let failed = || listener(json!({"name": "in"}));
    let static_route = |domain: &str| dump(&[
        section("ListenersConfigDump", json!({})),
        section("RoutesConfigDump", json!({"static_route_configs": [{"route_config": any(
            "envoy.config.route.v3.RouteConfiguration",
            json!({"name": "in", "virtual_hosts": [{"name": "v", "domains": [domain]}]}),
        )}]})),
    ]);
    let pod = |name: &str| dump(&[bootstrap(json!({"node": {
        "id": format!("sidecar~10.0.0.1~{name}.shop~shop.svc.cluster.local"),
        "cluster": "web.shop", "metadata": {"NAME": name},
    }}))]);
    let fetched = |from: &str| json!({"code": {from: match from {
        "remote" => json!({"sha256": "00"}),
        _ => json!({"filename": "/var/lib/plugin.wasm"}),
    }}});
    let pulled = |variables: Json| json!({"environment_variables": {"key_values": variables}});
    let draining = |port: u16| listeners(json!([{"name": "in", "draining_state": {"listener": listener(
        json!({"name": "in", "address": {"socket_address": {"address": "::", "port_value": port}}}),
    )}}]));
    let adding = |names: [&str; 2]| {
        let headers = names.map(|name| json!({"header": {"key": name, "value": "v"}}));
        let members = json!({"name": "80", "request_headers_to_add": headers});
        let route = any("envoy.config.route.v3.RouteConfiguration", members);
        dump(&[section("RoutesConfigDump", json!({"dynamic_route_configs": [{"route_config": route}]}))])
    };
    let without_eds = |address: &str| {
        let mut sections = endpoint(json!({"endpoints": [{"lb_endpoints": [host(address, json!({}))]}]}));
        let clusters = cluster(json!({"name": "web", "type": "STRICT_DNS"}), json!({}));
        sections["configs"].as_array_mut().unwrap().push(clusters["configs"][0].clone());
        sections
    };
    vec![
        case("version-info", Change,
            cluster(web(), json!({"version_info": "1"})), cluster(web(), json!({"versionInfo": "2"})),
            &[], &["~ envoy.admin.v3.ClustersConfigDump.DynamicCluster web.version_info $"], 2),
        case("last-updated", Change,
            dump(&[section("BootstrapConfigDump", json!({"bootstrap": {}, "last_updated": "2026-01-01T00:00:00Z"}))]),
            dump(&[section("BootstrapConfigDump", json!({"bootstrap": {}, "last_updated": "2026-01-02T00:00:00Z"}))]),
            &[], &["~ envoy.admin.v3.BootstrapConfigDump last_updated $"], 2),
        case("client-status", Change,
            cluster(web(), json!({"client_status": "ACKED"})), cluster(web(), json!({"client_status": "NACKED"})),
            &[], &["~ envoy.admin.v3.ClustersConfigDump.DynamicCluster web.client_status $"], 2),
        case("envelope-name", Change, nameless("cdbd692c"), nameless("5bbc6b7e"),
            &[], &["~ envoy.admin.v3.ListenersConfigDump.DynamicListener ::_80.name $"], 2),
        case("rejection-time", Change,
            listeners(json!([rejected(json!({"failed_configuration": failed(), "last_update_attempt": "2026-01-01T00:00:00Z"}))])),
            listeners(json!([rejected(json!({"failed_configuration": failed(), "last_update_attempt": "2026-01-02T00:00:00Z"}))])),
            &[], &["~ envoy.admin.v3.ListenersConfigDump.DynamicListener in.error_state.last_update_attempt $"], 2),
        case("rejection-details", Change,
            listeners(json!([rejected(json!({"failed_configuration": failed(), "details": "no"}))])),
            listeners(json!([rejected(json!({"failed_configuration": failed(), "details": "no no"}))])),
            &[], &["~ envoy.admin.v3.ListenersConfigDump.DynamicListener in.error_state.details $"], 2),
        case("rejected-listener-copy", Change,
            listeners(json!([
                rejected(json!({"failed_configuration": failed(), "details": "no"})),
                {"error_state": {"failed_configuration": failed(), "details": "no"}},
            ])),
            listeners(json!([rejected(json!({"failed_configuration": failed(), "details": "no"}))])),
            &[], &["- listener in $"], 1),

        case("bootstrap-extensions", Change,
            dump(&[bootstrap(json!({"node": {"id": "a"}}))]),
            dump(&[bootstrap(json!({"node": {"id": "a", "extensions": [{"name": "x"}]}}))]),
            &[], &["+ bootstrap  $.node.extensions"], 1),
        case("bootstrap-user-agent", Change,
            dump(&[bootstrap(json!({"node": {"user_agent_name": "envoy", "user_agent_version": "1"}}))]),
            dump(&[bootstrap(json!({"node": {"user_agent_name": "envoy", "user_agent_version": "2"}}))]),
            &[], &["~ bootstrap  $.node.user_agent_version"], 4),
        case("bootstrap-static-clusters", Change,
            statics(json!({"clusters": [web()]})), statics(json!({"clusters": [{"name": "web", "alt_stat_name": "w"}]})),
            &[], &["+ bootstrap  $.static_resources.clusters[].alt_stat_name"], 2),
        case("bootstrap-static-listeners", Change,
            statics(json!({"listeners": [web()]})), statics(json!({"listeners": [{"name": "web", "stat_prefix": "w"}]})),
            &[], &["+ bootstrap  $.static_resources.listeners[].stat_prefix"], 2),
        case("bootstrap-static-secrets", Change,
            statics(json!({"secrets": [web()]})), statics(json!({"secrets": [{"name": "web", "generic_secret": {}}]})),
            &[], &["+ bootstrap  $.static_resources.secrets[]", "- bootstrap  $.static_resources.secrets[]"], 2),
        case("bootstrap-static-resources", Change,
            statics(json!({})), dump(&[bootstrap(json!({})), section("ClustersConfigDump", json!({})),
                section("ListenersConfigDump", json!({})), section("SecretsConfigDump", json!({}))]),
            &[], &["- bootstrap  $.static_resources"], 1),
        case("cidr-prefix-length", Change,
            for_filter(any("envoy.config.core.v3.CidrRange", json!({"address_prefix": "::"}))),
            for_filter(any("envoy.config.core.v3.CidrRange", json!({"address_prefix": "::", "prefix_len": 0}))),
            &[], &["+ route 80 $.typed_per_filter_config.f.prefix_len"], 1),
        case("xds-cidr-prefix-length", Change,
            for_filter(any("xds.core.v3.CidrRange", json!({"address_prefix": "::", "prefix_len": 0}))),
            for_filter(any("xds.core.v3.CidrRange", json!({"address_prefix": "::"}))),
            &[], &["- route 80 $.typed_per_filter_config.f.prefix_len"], 1),
        case("endpoint-overprovisioning", Sync,
            endpoint(json!({"policy": {"drop_overloads": [{"category": "c"}]}})),
            endpoint(json!({"policy": {"drop_overloads": [{"category": "c"}], "overprovisioning_factor": 140}})),
            &[], &["+ endpoint web $.policy.overprovisioning_factor"], 1),
        case("endpoint-zero-weight", Change,
            endpoint(json!({"endpoints": [{"priority": 1}]})),
            endpoint(json!({"endpoints": [{"priority": 1, "load_balancing_weight": 0}]})),
            &[], &["+ endpoint web $.endpoints[].load_balancing_weight"], 1),
        case("endpoint-healthy", Sync,
            with_host(json!({})), with_host(json!({"health_status": "HEALTHY"})),
            &[], &["not compared: a host's health is live state"], 1),
        case("endpoint-weight", Sync,
            with_host(json!({})), with_host(json!({"load_balancing_weight": 1})),
            &[], &["+ endpoint web $.endpoints[].lb_endpoints[].load_balancing_weight"], 1),
        case("endpoint-empty-messages", Sync,
            endpoint(json!({})), endpoint(json!({"policy": {}})),
            &[], &["+ endpoint web $.policy"], 1),
        case("unknown-section-versions", Change,
            dump(&[any("envoy.admin.v9.NewConfigDump", json!({"version_info": "1", "x": 1}))]),
            dump(&[any("envoy.admin.v9.NewConfigDump", json!({"version_info": "2", "x": 1}))]),
            &[], &["~ envoy.admin.v9.NewConfigDump  $.version_info"], 2),

        case("listener-routes", Change, static_route("a"), static_route("b"),
            &[], &["+ route in $.virtual_hosts[].domains[]", "- route in $.virtual_hosts[].domains[]"], 2),
        case("pod-identity", Change, pod("web-1"), pod("web-2"),
            &[], &["~ bootstrap  $.node.id", "~ bootstrap  $.node.metadata.NAME"], 4),
        case("extension-name", Sync,
            extension(bare_wasm(json!({}))), wasm("shop/plugin", json!({})),
            &[], &["~ extension_config shop/plugin $.name"], 2),
        case("wasm-code", Sync, wasm("plugin", fetched("remote")), wasm("plugin", fetched("local")),
            &["not compared: whether the agent fetched this code: only its file is shown"],
            &["+ extension_config plugin $.typed_config.config.vm_config.code.local",
              "- extension_config plugin $.typed_config.config.vm_config.code.remote"], 2),
        case("wasm-resource-version", Sync,
            wasm("plugin", pulled(json!({"ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION": "7"}))), wasm("plugin", json!({})),
            &[], &["- extension_config plugin $.typed_config.config.vm_config.environment_variables"], 1),
        case("endpoint-policy", Sync,
            endpoint(json!({"policy": {"endpoint_stale_after": "1s", "weighted_priority_health": true}})),
            endpoint(json!({})),
            &["not compared: Envoy does not show this of its hosts: endpoint_stale_after, weighted_priority_health"],
            &["- endpoint web $.policy"], 2),
        case("endpoint-drop-percentage", Sync,
            endpoint(json!({"policy": {"drop_overloads": [{"category": "c", "drop_percentage": {"numerator": 5}}]}})),
            endpoint(json!({"policy": {"drop_overloads": [{"category": "c", "drop_percentage":
                {"numerator": 50000, "denominator": "MILLION"}}]}})),
            &[],
            &["+ endpoint web $.policy.drop_overloads[].drop_percentage.denominator",
              "~ endpoint web $.policy.drop_overloads[].drop_percentage.numerator"], 1),
        case("endpoint-localities", Sync,
            endpoint(json!({"endpoints": [{"locality": {"zone": "a"}}]})), endpoint(json!({})),
            &[], &["- endpoint web $.endpoints"], 1),
        case("endpoint-duplicates", Sync,
            endpoint(json!({"endpoints": [{"lb_endpoints": [host("10.0.0.1", json!({})), host("10.0.0.1", json!({}))]}]})),
            with_host(json!({})),
            &[], &["- endpoint web $.endpoints[].lb_endpoints[]"], 1),
        case("endpoint-coarse-health", Sync,
            with_host(json!({"health_status": "TIMEOUT"})), with_host(json!({"health_status": "UNHEALTHY"})),
            &[], &["not compared: a host's health is live state"], 1),
        case("endpoint-health-check", Sync,
            with_host(json!({"endpoint": {"health_check_config": {"port_value": 81}}})), with_host(json!({})),
            &["not compared: Envoy does not show this of its hosts: health_check_config"],
            &["- endpoint web $.endpoints[].lb_endpoints[].endpoint.health_check_config"], 1),
        case("typed-struct-fields", Sync,
            for_filter(any("xds.type.v3.TypedStruct", json!({
                "type_url": "type.googleapis.com/envoy.config.core.v3.CidrRange",
                "value": {"address_prefix": "::", "typo": true},
            }))),
            for_filter(any("xds.type.v3.TypedStruct", json!({
                "type_url": "type.googleapis.com/envoy.config.core.v3.CidrRange",
                "value": {"address_prefix": "::"},
            }))),
            &["not compared: Envoy drops fields of a TypedStruct that its type does not have: \
               envoy.config.core.v3.CidrRange.typo"],
            &["- route 80 $.typed_per_filter_config.f.value.typo"], 1),
        case("unknown-field-names", Sync,
            cluster(json!({"name": "web", "brandNew": 1}), json!({})),
            cluster(json!({"name": "web", "brand_new": 1}), json!({})),
            &[], &["- cluster web $.brandNew", "+ cluster web $.brand_new"], 2),
        case("api-version", Change,
            for_filter(any("envoy.type.Percent", json!({"value": 5}))),
            for_filter(any("envoy.type.v3.Percent", json!({"value": 5.0}))),
            &[], &["~ route 80 $.typed_per_filter_config.f"], 1),
        case("header-order", Sync, adding(["a", "b"]), adding(["b", "a"]),
            &[], &["> route 80 $.request_headers_to_add[]"], 1),

        case("host-health", Change,
            with_host(json!({"health_status": "HEALTHY"})), with_host(json!({"health_status": "UNHEALTHY"})),
            &["live + endpoint web $.endpoints[].lb_endpoints[].health_status"],
            &["+ endpoint web $.endpoints[].lb_endpoints[].health_status"], 0),
        case("hosts-without-eds", Change, without_eds("10.0.0.1"), without_eds("10.0.0.2"),
            &["live + endpoint web $.endpoints[].lb_endpoints[]", "live - endpoint web $.endpoints[].lb_endpoints[]"],
            &["+ endpoint web $.endpoints[].lb_endpoints[]", "- endpoint web $.endpoints[].lb_endpoints[]"], 0),
        case("draining-listeners", Change, draining(80), draining(81),
            &["live ~ listener in $.address.socket_address.port_value"],
            &["~ listener in $.address.socket_address.port_value"], 0),
        case("workload-certificate", Change, certificate("default", "a"), certificate("default", "b"),
            &["live ~ secret default $.tls_certificate.certificate_chain.inline_string"],
            &["~ secret default $.tls_certificate.certificate_chain.inline_string"], 0),
    ]
}

fn report(case: &Case, rules: &Rules) -> Report {
    let [before, after] = [&case.before, &case.after].map(|dump| dump.to_string());
    let id = ProxyId::new("web-1.shop").unwrap();
    let options = Options {
        rules,
        ..Options::default()
    };
    let mut comparer = Comparer::new(case.mode, options);
    let parse = |dump: &'static str| Dump::parse_by([(None, dump.as_bytes())], rules).unwrap();
    let [before, after] = [before, after].map(|dump| parse(dump.leak()));
    comparer.proxy(&ProxyPair {
        before_id: &id,
        after_id: &id,
        before: &before,
        after: &after,
        compared: match case.mode {
            Mode::Change => Compared::Envoy,
            Mode::Sync => Compared::IstiodEnvoy,
        },
        last_errors: &[],
    });
    comparer.finish()
}

/// What a report tells, a line each; of an item in a list not which.
fn told(report: &Report) -> Vec<String> {
    let changes = report.changes.iter().map(|change| ("", change));
    let live = report.live.iter().map(|change| ("live ", change));
    let changes = changes.chain(live).map(|(live, change)| {
        let steps = change.path.0.iter().map(|step| match step {
            Step::Key(name) => format!(".{name}"),
            _ => "[]".to_owned(),
        });
        let path = format!("${}", steps.collect::<String>());
        let resource = &change.resource;
        let sign = change.kind.sign();
        format!(
            "{live}{sign} {} {} {path}",
            resource.xds_type, resource.name
        )
    });
    let not = report.not_compared.iter();
    let not = not.map(|not| format!("not compared: {}", not.reason));
    changes.chain(not).collect()
}

#[test]
fn each_rule_hides_what_is_there_without_it_and_counts_it() {
    let mut failed = Vec::new();
    for case in cases() {
        let by = |rules: Rules| report(&case, &rules.explained());
        let (on, off) = (by(Rules::default()), by(Rules::without([case.rule])));
        let values = |report: &Report| -> usize {
            let hidden = report.hidden.iter();
            let hidden = hidden.filter(|hidden| hidden.rule == case.rule);
            hidden.map(|hidden| hidden.values).sum()
        };
        let found = [&on, &off].map(|report| (told(report), values(report)));
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        let wanted: [(Vec<String>, usize); 2] =
            [(lines(case.on), case.values), (lines(case.off), 0)];
        if found != wanted {
            failed.push(format!("{}: {found:#?}", case.rule));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn no_rule_is_without_a_case() {
    let known: BTreeSet<&str> = diff::rules().map(|(_, rule)| rule.name).collect();
    let tested: BTreeSet<&str> = cases().iter().map(|case| case.rule).collect();
    assert_eq!(tested, known);
}

#[test]
fn nothing_is_explained_that_was_not_asked_for() {
    for case in cases() {
        let report = report(&case, Rules::all());
        assert!(report.hidden.is_empty(), "{}", case.rule);
        assert!(
            report
                .changes
                .iter()
                .all(|change| change.pairings.is_empty())
        );
    }
}

#[test]
fn what_two_sides_of_a_case_differ_in_is_what_strict_shows() {
    let strict = Rules::without(diff::rules().map(|(_, rule)| rule.name));
    for case in cases() {
        let told = told(&report(&case, &strict));
        assert!(
            told.iter().any(|line| !line.starts_with("live ")),
            "{}: {told:?}",
            case.rule
        );
    }
}

fn ran(args: &[&str]) -> Ran {
    run(&mut xdsnap(args))
}

/// One Envoy before and after a restart.
fn restarted() -> [String; 2] {
    ["1_before", "3_proxies_restarted"].map(|step| {
        let folder =
            format!("corpus/a_in_sync/{step}/envoy/productpage-v1-6b746f74dc-9stvs.default");
        testdata(&folder).to_str().unwrap().to_owned()
    })
}

#[test]
fn strict_shows_what_rules_hide_between_two_captures_of_one_envoy() {
    let [before, after] = restarted();
    let ran = |more: &[&str]| ran(&[&["diff", &before, &after, "-o", "json"], more].concat());
    let types = |ran: &Ran| -> BTreeSet<String> {
        let json = ran.json();
        let changes = json["changes"].as_array().unwrap().iter();
        changes
            .map(|change| {
                let name = change["name"].as_str().unwrap();
                let field = name.rsplit('.').next().unwrap();
                format!("{} {field}", change["type"].as_str().unwrap())
            })
            .collect()
    };
    assert_eq!((ran(&[]).status, types(&ran(&[]))), (0, BTreeSet::new()));
    let strict = ran(&["--strict"]);
    assert_eq!(strict.status, 1);
    let strict = types(&strict);
    for expected in [
        "secret default",
        "envoy.admin.v3.BootstrapConfigDump last_updated",
        "envoy.admin.v3.ClustersConfigDump.DynamicCluster last_updated",
        "envoy.admin.v3.ListenersConfigDump.DynamicListener last_updated",
    ] {
        assert!(strict.contains(expected), "{expected}: {strict:?}");
    }
    let times = types(&ran(&["--no-rule", "last-updated"]));
    assert!(!times.is_empty());
    assert!(
        times.iter().all(|found| found.ends_with(" last_updated")),
        "{times:?}"
    );
    let both = types(&ran(&["--no-rule", "last-updated,workload-certificate"]));
    let mut wanted = times.clone();
    wanted.insert("secret default".to_owned());
    assert_eq!(both, wanted);
}

#[test]
fn strict_makes_no_claim_about_what_istiod_cannot_know() {
    let step = testdata("corpus/b_canary/1_95_5");
    let ran = ran(&["diff", step.to_str().unwrap(), "--strict", "-o", "json"]);
    let json = ran.json();
    for change in json["changes"].as_array().unwrap() {
        let found = change["type"].as_str().unwrap();
        let ok = [
            "endpoint",
            "envoy.admin.v3.ClustersConfigDump",
            "envoy.admin.v3.ListenersConfigDump",
        ];
        assert!(ok.contains(&found), "{change}");
    }
    let reasons: BTreeSet<&str> = json["not_compared"]
        .as_array()
        .unwrap()
        .iter()
        .map(|not| not["reason"].as_str().unwrap())
        .collect();
    assert!(
        reasons.contains("istiod does not send the bootstrap"),
        "{reasons:?}"
    );
}

#[test]
fn normalize_prints_what_a_rule_that_is_off_would_leave_out() {
    let [before, _] = restarted();
    let lines = |more: &[&str]| {
        let ran = ran(&[&["normalize", &before], more].concat());
        assert_eq!(ran.status, 0, "{ran:?}");
        ran.out
    };
    let of_nodes = &["--type", "bootstrap"];
    assert!(!lines(of_nodes).contains("user_agent_name"));
    let off = lines(&[&of_nodes[..], &["--no-rule", "bootstrap-user-agent"]].concat());
    assert!(off.contains("user_agent_name"));
    assert!(!off.contains("\"category\":"));
    let (all, strict) = (lines(&[]), lines(&["--strict"]));
    assert!(strict.contains("BlackHoleCluster.last_updated") && !all.contains("last_updated"));
}

#[test]
fn why_says_which_rules_hid_how_many_values() {
    let [before, after] = restarted();
    let why = ran(&["diff", &before, &after, "--why"]);
    let (_, block) = why.out.split_once("\nhidden by rules:\n").unwrap();
    assert!(
        block.contains("  2 values    bootstrap-extensions: Envoy lists the extensions"),
        "{block}"
    );
    let json = ran(&["diff", &before, &after, "--why", "-o", "json"]).json();
    let hidden = json["hidden"].as_array().unwrap();
    assert!(
        hidden.contains(&json!({"rule": "bootstrap-user-agent", "values": 4})),
        "{hidden:?}"
    );
    let json = ran(&["diff", &before, &after, "-o", "json"]).json();
    assert!(json.get("hidden").is_none());
    // Only what was compared is counted.
    let json = ran(&[
        "diff", &before, &after, "--why", "-o", "json", "--type", "cluster",
    ])
    .json();
    let names: Vec<&str> = json["hidden"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hidden| hidden["rule"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["last-updated", "version-info"]);
    for form in [&["--oneline"][..], &["-o", "unified"]] {
        let ran = ran(&[&["diff", &before, &after, "--why"], form].concat());
        assert_eq!(ran.status, 2, "{form:?}");
    }
}

#[test]
fn the_command_rules_prints_every_rule_in_80_columns() {
    let ran = ran(&["rules"]);
    assert_eq!(ran.status, 0);
    let mut rules: Vec<&str> = diff::rules().map(|(_, rule)| rule.name).collect();
    rules.extend(redact::RULES.iter().map(|rule| rule.name));
    for name in &rules {
        assert!(ran.out.contains(&format!("\n  {name}\n")), "{name}");
    }
    for line in ran.out.lines() {
        let is_one_word = !line.trim_start().contains(' ');
        assert!(line.len() <= 80 || is_one_word, "{line}");
    }
    let json = self::ran(&["rules", "-o", "json"]).json();
    let printed: Vec<&str> = json["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["name"].as_str().unwrap())
        .collect();
    assert_eq!(printed, rules);
    for rule in json["rules"].as_array().unwrap() {
        assert_eq!(
            rule["switchable"],
            json!(rule["group"] != "redact"),
            "{rule}"
        );
    }
}

#[test]
fn a_rule_is_meant_by_its_name_and_a_wrong_name_is_answered_with_the_nearest() {
    let one = ran(&["rules", "endpoint-weight"]);
    assert_eq!(
        one.out,
        "normalize: on each side alone\n  endpoint-weight\n      \
         1 where it is absent, because Envoy prints weight 1 for a host that was\n      \
         sent without one\n      endpoint: endpoints[*].lb_endpoints[*].load_balancing_weight\n"
    );
    let nearest = "there is no rule `endpoint-wait` (nearest: `endpoint-weight`, ";
    for args in [
        &["rules", "endpoint-wait"][..],
        &["diff", "a", "b", "--no-rule", "endpoint-wait"],
        &["normalize", "a", "--no-rule", "host-health,endpoint-wait"],
    ] {
        let ran = ran(args);
        assert_eq!((ran.status, ran.err.lines().count()), (2, 1), "{ran:?}");
        assert!(ran.err.contains(nearest), "{}", ran.err);
    }
    let redaction = ran(&["diff", "a", "b", "--no-rule", "secret-names"]);
    assert!(
        redaction.err.contains("cannot be switched off"),
        "{redaction:?}"
    );
}
