//! The places without annotation that were known first: each entry of the measured list, by its number in it.
//!
//! Some hold no secrets but infrastructure: addresses, names, paths. These are kept, unless they look like a secret.

use serde_json::{Value, json};
use xdsnap::model::Document;

use super::case::{
    Case, awkward, base64, bootstrap, cases, cluster, endpoints, filter, header, jwt, listener,
    manager, pem, plain, rejected, route, virtual_host,
};
use crate::support::program::recording;

fn inline(text: &str) -> Value {
    json!({"inline_string": text})
}

fn tls(of: &str, members: Value) -> Value {
    let mut any = json!({"@type": format!("type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.{of}")});
    any.as_object_mut()
        .unwrap()
        .extend(members.as_object().unwrap().clone());
    cluster(json!({"transport_socket": {"name": "tls", "typed_config": any}}))
}

/// A dump of istiod: secrets as it holds them, replaced where it replaces them.
fn istiod_secret(secret: Value) -> Case {
    let mut secret = secret;
    secret["@type"] = json!("type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret");
    let dump = json!({"configs": [{
        "@type": "type.googleapis.com/envoy.admin.v3.SecretsConfigDump",
        "dynamicActiveSecrets": [{"name": "kubernetes://stays-here", "secret": secret}],
    }]});
    Case::dump("istiod", &dump).keeping(&["kubernetes://stays-here"])
}

fn not_annotated_01_error_details() -> Vec<Case> {
    let details = format!(
        "Proto constraint validation failed (Secret.Name): goo.gle/debugonly  name: \"a\" tls_certificate {{ private_key \
         {{ inline_string: \"{}\" }} password {{ inline_string: \"{}\" }} }}",
        pem().escape_default(),
        awkward().escape_default()
    );
    cases([
        Case::dump("details", &rejected(&details)).keeping(&["Proto constraint validation failed"])
    ])
}

fn not_annotated_02_header_values() -> Vec<Case> {
    let header = header("authorization", &format!("Bearer {}", plain()));
    let raw = json!({"header": {"key": "cookie", "raw_value": base64(&plain())}});
    cases([
        Case::dump(
            "request",
            &route(json!({"request_headers_to_add": [header, raw]})),
        )
        .keeping(&["authorization", "cookie"]),
        Case::dump(
            "response",
            &virtual_host(json!({"response_headers_to_add": [header, raw]})),
        ),
    ])
}

fn not_annotated_03_local_jwks() -> Vec<Case> {
    let keys = json!({"keys": [{"kty": "oct", "alg": "HS256", "k": plain()}]}).to_string();
    let of = |source: Value| {
        filter(
            "jwt_authn.v3.JwtAuthentication",
            json!({"providers": {"p": {"issuer": "stays.example", "local_jwks": source}}}),
        )
    };
    cases([
        Case::dump("string", &of(inline(&keys))).keeping(&["stays.example", "HS256"]),
        Case::dump("bytes", &of(json!({"inline_bytes": base64(&keys)}))),
    ])
}

fn not_annotated_04_lua() -> Vec<Case> {
    let code = format!("local token = \"{}\" -- stays-here", plain());
    cases(
        ["inline_code", "default_source_code", "source_codes"].map(|field| {
            let value = match field {
                "inline_code" => json!(code),
                "source_codes" => json!({"a": inline(&code)}),
                _ => inline(&code),
            };
            Case::dump(field, &filter("lua.v3.Lua", json!({field: value})))
                .keeping(&["local token = ", "stays-here"])
        }),
    )
}

fn not_annotated_05_wasm() -> Vec<Case> {
    let settings = json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": json!({"password": plain()}).to_string()});
    let variables = json!({"key_values": {"ISTIO_META_WASM_IMAGE_PULL_SECRET": plain()}});
    cases([
        Case::dump(
            "plugin",
            &filter(
                "wasm.v3.Wasm",
                json!({"config": {"configuration": settings}}),
            ),
        ),
        Case::dump(
            "vm",
            &filter(
                "wasm.v3.Wasm",
                json!({"config": {"vm_config": {"configuration": settings, "environment_variables": variables}}}),
            ),
        ),
    ])
}

fn not_annotated_06_wasm_remote_uri() -> Vec<Case> {
    let uri = format!("https://user:{}@modules.example/m.wasm?sig={0}", plain());
    let code = json!({"remote": {"http_uri": {"uri": uri, "cluster": "c"}, "sha256": "5f4dcc3b5aa765d61d8327deb882cf99"}});
    cases([Case::dump(
        "remote",
        &filter(
            "wasm.v3.Wasm",
            json!({"config": {"vm_config": {"code": code}}}),
        ),
    )
    .keeping(&["modules.example/m.wasm", "5f4dcc3b5aa765d61d8327deb882cf99"])])
}

fn not_annotated_07_call_credentials() -> Vec<Case> {
    let credentials = json!([
        {"access_token": plain()},
        {"google_refresh_token": awkward()},
        {"service_account_jwt_access": {"json_key": plain()}},
        {"google_iam": {"authorization_token": plain()}},
    ]);
    let service =
        json!({"google_grpc": {"target_uri": "stays.example", "call_credentials": credentials}});
    cases([Case::dump(
        "grpc",
        &filter("ext_authz.v3.ExtAuthz", json!({"grpc_service": service})),
    )
    .keeping(&["stays.example"])])
}

fn not_annotated_08_lightstep() -> Vec<Case> {
    let config = json!({"@type": "type.googleapis.com/envoy.config.trace.v3.LightstepConfig", "access_token": inline(&plain()), "collector_cluster": "stays-here"});
    cases([Case::message("lightstep", config).keeping(&["stays-here"])])
}

fn not_annotated_09_tracers() -> Vec<Case> {
    let service = json!({"http_uri": {"uri": "https://stays.example", "cluster": "c"}, "request_headers_to_add": [header("dd-api-key", &plain())]});
    cases([
        Case::message("opentelemetry", json!({"@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig", "http_service": service})).keeping(&["stays.example"]),
        Case::message("zipkin", json!({"@type": "type.googleapis.com/envoy.config.trace.v3.ZipkinConfig", "collector_service": service, "collector_endpoint": format!("/spans?token={}", plain())})).keeping(&["/spans"]),
        Case::message("datadog", json!({"@type": "type.googleapis.com/envoy.config.trace.v3.DatadogConfig", "collector_hostname": format!("https://u:{}@stays.example", plain())})).keeping(&["stays.example"]),
    ])
}

fn not_annotated_10_typed_struct_of_unknown_type() -> Vec<Case> {
    let value = json!({"users": inline(&plain()), "credentials": [{"key": plain()}], "secret": plain(), "stays": "stays-here"});
    cases(["udpa.type.v1", "xds.type.v3"].map(|of| {
        Case::message(of, json!({"@type": format!("type.googleapis.com/{of}.TypedStruct"), "type_url": "x/istio.Unknown", "value": value})).keeping(&["stays-here"])
    }))
}

fn not_annotated_11_oauth2() -> Vec<Case> {
    let config = json!({"config": {
        "credentials": {"client_id": "id-stays"},
        "token_endpoint": {"uri": format!("https://id:{}@stays.example", plain())},
        "authorization_endpoint": format!("https://stays.example/a?client_secret={}", plain()),
    }});
    cases([Case::dump("oauth2", &filter("oauth2.v3.OAuth2", config))
        .keeping(&["id-stays", "stays.example/a"])])
}

fn not_annotated_12_metadata() -> Vec<Case> {
    let node = json!({"id": "id-stays", "metadata": {
        "ISTIO_META_CLOUD_TOKEN": plain(),
        "LABELS": {"app": "app-stays"},
        "SERVICE_ACCOUNT": "account-stays",
        "NODE_NAME": "node-stays",
        "PLATFORM_METADATA": {"gcp_project": "project-stays"},
        "PROXY_CONFIG": {"proxyMetadata": {"DB_PASSWORD": plain()}},
    }});
    let kept = [
        "id-stays",
        "app-stays",
        "account-stays",
        "node-stays",
        "project-stays",
    ];
    let metadata = json!({"filter_metadata": {"f": {"apiKey": plain(), "name": "stays-here"}}});
    cases([
        Case::dump("node", &bootstrap(json!({"node": node}))).keeping(&kept),
        Case::new("server_info", Document::ServerInfo, json!({"node": node})).keeping(&kept),
        Case::dump("filter_metadata", &route(json!({"metadata": metadata})))
            .keeping(&["stays-here"]),
    ])
}

fn not_annotated_13_node_id_and_locality_are_kept() -> Vec<Case> {
    let node = json!({"id": "sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local", "cluster": "web.shop", "locality": {"region": "eu-1", "zone": "eu-1a"}});
    cases([
        Case::dump("node", &bootstrap(json!({"node": node}))).keeping(&[
            "sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local",
            "web.shop",
            "eu-1a",
        ]),
    ])
}

fn not_annotated_14_matchers() -> Vec<Case> {
    let by = |name: &str, value: &str| json!({"name": name, "string_match": {"exact": value}});
    let matcher = json!({
        "prefix": "/stays",
        "headers": [by("x-api-key", &plain()), by("x-version", "v2-stays"), by(":method", "POST")],
        "query_parameters": [by("token", &plain()), by("page", "page-stays")],
        "cookies": [by("session", &format!("{}0a1b2c3d4e", plain())), by("theme", "dark-stays")],
    });
    let clusters = json!([{"name": "v", "headers": [by("authorization", &plain())]}]);
    cases([
        Case::dump("route", &route(json!({"match": matcher}))).keeping(&[
            "/stays",
            "v2-stays",
            "POST",
            "page-stays",
            "dark-stays",
        ]),
        Case::dump(
            "virtual cluster",
            &virtual_host(json!({"virtual_clusters": clusters})),
        ),
    ])
}

fn not_annotated_15_bodies_and_redirects() -> Vec<Case> {
    cases([
        Case::dump("body", &route(json!({"direct_response": {"status": 403, "body": inline(&format!("body-stays, your token={}", plain()))}}))).keeping(&["body-stays"]),
        Case::dump("redirect", &route(json!({"redirect": {"host_redirect": "stays.example", "path_redirect": format!("/x?api_key={}", plain())}}))).keeping(&["stays.example", "/x"]),
    ])
}

fn not_annotated_16_principals() -> Vec<Case> {
    let principals = json!([
        {"authenticated": {"principal_name": {"exact": "spiffe://cluster.local/ns/shop/sa/web"}}},
        {"remote_ip": {"address_prefix": "10.1.2.0", "prefix_len": 24}},
        {"header": {"name": "authorization", "string_match": {"exact": format!("Basic {}", base64(&plain()))}}},
        {"metadata": {"filter": "jwt", "path": [{"key": "token"}], "value": {"string_match": {"exact": jwt()}}}},
        {"metadata": {"filter": "jwt", "path": [{"key": "email"}], "value": {"string_match": {"exact": "ann@stays.example"}}}},
    ]);
    let rules = json!({"rules": {"policies": {"p": {"principals": principals}}}});
    cases([
        Case::dump("rbac", &filter("rbac.v3.RBAC", rules)).keeping(&[
            "spiffe://cluster.local/ns/shop/sa/web",
            "10.1.2.0",
            "ann@stays.example",
        ]),
    ])
}

fn not_annotated_17_names_of_hosts_and_peers_are_kept() -> Vec<Case> {
    let context = json!({"sni": "outbound_.80_._.sni-stays", "common_tls_context": {"validation_context": {"match_typed_subject_alt_names": [{"san_type": "URI", "matcher": {"exact": "spiffe://san-stays"}}]}}});
    cases([
        Case::dump("upstream", &tls("UpstreamTlsContext", context)).keeping(&["sni-stays", "spiffe://san-stays"]),
        Case::dump("listener", &listener(json!({"filter_chains": [{"filter_chain_match": {"server_names": ["name.stays"]}}]}))).keeping(&["name.stays"]),
        Case::dump("domains", &virtual_host(json!({"domains": ["domain.stays"]}))).keeping(&["domain.stays"]),
    ])
}

fn not_annotated_18_certificates_are_kept_and_keys_beside_them_go() -> Vec<Case> {
    let chain = "-----BEGIN CERTIFICATE-----\nMIIchain-stays\n-----END CERTIFICATE-----\n";
    let both = format!("{chain}{}", pem());
    let certificate = json!({"common_tls_context": {"tls_certificates": [{"certificate_chain": inline(&both), "private_key": inline(&pem())}], "validation_context": {"trusted_ca": inline(chain)}}});
    let bytes = json!({"common_tls_context": {"tls_certificates": [{"certificate_chain": {"inline_bytes": base64(&both)}}], "validation_context": {"trusted_ca": {"inline_bytes": base64(chain)}}}});
    cases([
        Case::dump("string", &tls("UpstreamTlsContext", certificate)).keeping(&["MIIchain-stays"]),
        Case::dump("bytes", &tls("UpstreamTlsContext", bytes)).keeping(&[&base64(chain)]),
    ])
}

fn not_annotated_19_endpoints_are_kept() -> Vec<Case> {
    let host = json!({
        "endpoint": {"address": {"socket_address": {"address": "10.9.8.7", "port_value": 80}}, "hostname": "host.stays"},
        "metadata": {"filter_metadata": {"istio": {"workload": "web;shop;web;v1;Kubernetes"}}},
    });
    cases([Case::dump(
        "endpoint",
        &endpoints(json!({"endpoints": [{"lb_endpoints": [host]}]})),
    )
    .keeping(&["10.9.8.7", "host.stays", "web;shop;web;v1;Kubernetes"])])
}

fn not_annotated_20_health_checks() -> Vec<Case> {
    let custom = json!({"name": "redis", "typed_config": {"@type": "type.googleapis.com/google.protobuf.Struct", "value": {"password": plain(), "key": "key-stays"}}});
    cases([
        Case::dump("path", &cluster(json!({"health_checks": [{"http_health_check": {"path": format!("/stays?token={}", plain())}}]}))).keeping(&["/stays"]),
        // The bytes that are sent, in hexadecimal.
        Case::dump("send", &cluster(json!({"health_checks": [{"tcp_health_check": {"send": {"text": hexadecimal(&format!("GET / HTTP/1.1\r\nAuthorization: Bearer {}\r\n\r\n", plain()))}}}]}))),
        Case::dump("custom", &cluster(json!({"health_checks": [{"custom_health_check": custom}]}))).keeping(&["key-stays"]),
    ])
}

fn hexadecimal(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn not_annotated_21_rate_limit_descriptors() -> Vec<Case> {
    let actions = json!([
        {"generic_key": {"descriptor_key": "api_key", "descriptor_value": plain()}},
        {"generic_key": {"descriptor_key": "tenant", "descriptor_value": "tenant-stays"}},
        {"request_headers": {"header_name": "x-stays", "descriptor_key": "d-stays"}},
    ]);
    cases([Case::dump(
        "actions",
        &virtual_host(json!({"rate_limits": [{"actions": actions}]})),
    )
    .keeping(&["tenant-stays", "x-stays", "d-stays"])])
}

fn not_annotated_22_access_logs() -> Vec<Case> {
    let log = json!({"name": "file", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
        "path": "/var/log/stays",
        "log_format": {"json_format": {"client_secret": plain(), "path": "%REQ(:PATH)%", "token": "%REQ(AUTHORIZATION)%"}},
    }});
    let tags = json!([
        {"tag": "secret", "literal": {"value": plain()}},
        {"tag": "password", "environment": {"name": "ENV_STAYS", "default_value": plain()}},
    ]);
    // A command that logs a secret holds none.
    let kept = ["/var/log/stays", "%REQ(:PATH)%", "%REQ(AUTHORIZATION)%"];
    cases([
        Case::dump("file", &manager(json!({"access_log": [log]}))).keeping(&kept),
        Case::dump("tags", &manager(json!({"tracing": {"custom_tags": tags}})))
            .keeping(&["ENV_STAYS"]),
    ])
}

fn not_annotated_23_bootstrap() -> Vec<Case> {
    let members = json!({
        "layered_runtime": {"layers": [{"name": "s", "static_layer": {"x": {"api_token": plain(), "y": "layer-stays"}}}]},
        "stats_sinks": [{"name": "statsd", "typed_config": {"@type": "type.googleapis.com/envoy.config.metrics.v3.StatsdSink", "address": {"socket_address": {"address": "10.5.5.5", "port_value": 1}}}}],
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 15000}}},
        "static_resources": {"clusters": [{"name": "c", "transport_socket": {"name": "tls", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "common_tls_context": {"validation_context": {"trusted_ca": {"filename": "/etc/ssl/ca-stays.pem"}}},
        }}}]},
    });
    cases([Case::dump("bootstrap", &bootstrap(members)).keeping(&[
        "layer-stays",
        "10.5.5.5",
        "127.0.0.1",
        "/etc/ssl/ca-stays.pem",
    ])])
}

fn not_annotated_24_istiod_private_key_providers() -> Vec<Case> {
    let mut cases = Vec::new();
    for (provider, of) in [("cryptomb", "CryptoMb"), ("qat", "Qat")] {
        for key in [
            json!({"inlineString": pem()}),
            json!({"inlineBytes": base64(&pem())}),
            json!({"inlineString": plain()}),
        ] {
            cases.push(istiod_secret(json!({"name": "kubernetes://stays-here", "tlsCertificate": {
                "certificateChain": {"inlineBytes": base64("-----BEGIN CERTIFICATE-----")},
                "privateKeyProvider": {"providerName": provider, "typedConfig": {
                    "@type": format!("type.googleapis.com/envoy.extensions.private_key_providers.{provider}.v3alpha.{of}PrivateKeyMethodConfig"),
                    "pollDelay": "0.002s",
                    "privateKey": key,
                }},
            }})));
        }
    }
    cases
}

fn not_annotated_25_istiod_other_secrets() -> Vec<Case> {
    let listener = json!({"@type": "type.googleapis.com/envoy.config.listener.v3.Listener", "name": "l", "filterChains": [{"transportSocket": {"name": "tls", "typedConfig": {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "commonTlsContext": {"tlsCertificates": [{"privateKey": {"inlineString": plain()}, "password": {"inlineString": awkward()}}]},
        "sessionTicketKeys": {"keys": [{"inlineBytes": base64(&plain())}]},
    }}, "filters": [{"name": "wasm", "typedConfig": {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm",
        "config": {"vmConfig": {"environmentVariables": {"keyValues": {"ISTIO_META_WASM_IMAGE_PULL_SECRET": plain()}}}},
    }}]}]});
    let listeners = json!({"configs": [{
        "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump",
        "dynamicListeners": [{"name": "l", "activeState": {"listener": listener}}],
    }]});
    let users = json!({"users": {"inlineString": format!("stays:{{SHA}}{}", plain())}});
    cases([
        istiod_secret(
            json!({"name": "kubernetes://stays-here", "genericSecret": {"secret": {"inlineBytes": base64(&plain())}}}),
        ),
        istiod_secret(
            json!({"name": "kubernetes://stays-here", "genericSecret": {"secrets": {"a": {"inlineString": awkward()}}}}),
        ),
        istiod_secret(
            json!({"name": "kubernetes://stays-here", "sessionTicketKeys": {"keys": [{"inlineBytes": base64(&plain())}]}}),
        ),
        Case::dump("listener", &listeners),
        Case::dump("basic_auth", &filter("basic_auth.v3.BasicAuth", users)),
    ])
}

/// The numbers above are those of the list: each entry, in its order.
#[test]
fn not_annotated_places_are_all_there() {
    let places: Value = serde_json::from_slice(&recording("canary/places.json")).unwrap();
    let count = places["not_annotated"].as_array().unwrap().len();
    let source = include_str!("not_annotated.rs");
    let numbers: Vec<&str> = source
        .split("fn not_annotated_")
        .filter_map(|rest| rest.get(..2))
        .filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
        .collect();
    let expected: Vec<String> = (1..=count).map(|number| format!("{number:02}")).collect();
    assert_eq!(numbers, expected);
}

each_and_all! {
    not_annotated_01_error_details,
    not_annotated_02_header_values,
    not_annotated_03_local_jwks,
    not_annotated_04_lua,
    not_annotated_05_wasm,
    not_annotated_06_wasm_remote_uri,
    not_annotated_07_call_credentials,
    not_annotated_08_lightstep,
    not_annotated_09_tracers,
    not_annotated_10_typed_struct_of_unknown_type,
    not_annotated_11_oauth2,
    not_annotated_12_metadata,
    not_annotated_13_node_id_and_locality_are_kept,
    not_annotated_14_matchers,
    not_annotated_15_bodies_and_redirects,
    not_annotated_16_principals,
    not_annotated_17_names_of_hosts_and_peers_are_kept,
    not_annotated_18_certificates_are_kept_and_keys_beside_them_go,
    not_annotated_19_endpoints_are_kept,
    not_annotated_20_health_checks,
    not_annotated_21_rate_limit_descriptors,
    not_annotated_22_access_logs,
    not_annotated_23_bootstrap,
    not_annotated_24_istiod_private_key_providers,
    not_annotated_25_istiod_other_secrets,
}
