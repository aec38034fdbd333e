//! What Envoy 1.40 prints in clear: each entry of the measured list, by its number, and the paragraph before them.
//!
//! Where only a name or a shape tells a secret, the planted one has that name or shape, and what has neither is kept.

use prost_reflect::{DynamicMessage, Kind};
use serde_json::{Value, json};
use xdsnap::model::Document;

use super::{
    annotated::POOL,
    case::{
        Case, awkward, base64, bootstrap, cases, cluster, endpoints, filter, header, jwt, listener,
        manager, pem, plain, rejected, route, syncz, virtual_host,
    },
};

/// A bearer token as headers have it.
fn bearer() -> String {
    format!("Bearer {}", plain())
}

/// A URL with a secret before its host.
fn user_info() -> String {
    format!("https://user:{}@collector.example/v1", plain())
}

/// A URL with a secret among its parameters.
fn parameter() -> String {
    format!(
        "https://collector.example/v1?tenant=stays-here&access_token={}",
        plain()
    )
}

/// A program in Lua with a secret under a telling name.
fn lua() -> String {
    format!(
        "-- stays-here\nfunction envoy_on_request(handle)\n  local api_key = \"{0}\"\n  \
         handle:headers():add(\"authorization\", 'Bearer {0}')\n  handle:logInfo([[password={0}]])\nend\n",
        plain()
    )
}

const LUA_KEPT: [&str; 3] = [
    "stays-here",
    "function envoy_on_request(handle)",
    "local api_key = ",
];

/// A config dump that Envoy could print: each member is one of the API's.
fn real(name: &str, dump: Value) -> Case {
    let message = POOL
        .get_message_by_name("envoy.admin.v3.ConfigDump")
        .unwrap();
    DynamicMessage::deserialize(message, &dump)
        .unwrap_or_else(|error| panic!("{name} is no message of Envoy's: {error}: {dump}"));
    Case::dump(name, &dump)
}

/// The same, of one message in a cluster.
fn real_message(name: &str, message: &str, members: Value) -> Case {
    let mut any = json!({"@type": format!("type.googleapis.com/{message}")});
    any.as_object_mut()
        .unwrap()
        .extend(members.as_object().unwrap().clone());
    real(
        name,
        cluster(json!({"metadata": {"typed_filter_metadata": {"m": any}}})),
    )
}

fn inline(text: &str) -> Value {
    json!({"inline_string": text})
}

// The paragraph before the numbers.

fn in_clear_0_error_details() -> Vec<Case> {
    cases([
        real("details", rejected(&format!("password: \"{}\"", plain()))),
        syncz(&format!(
            "Error adding/updating listener(s) http: password: \"{}\"",
            plain()
        )),
    ])
}

fn in_clear_0_header_values() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, value) in [
        ("authorization", bearer()),
        (
            "Authorization",
            format!("Basic {}", base64(&format!("user:{}", plain()))),
        ),
        ("proxy-authorization", plain()),
        ("x-api-key", plain()),
        ("X-Auth-Token", awkward()),
        ("cookie", format!("session={}; theme=dark", plain())),
        ("set-cookie", format!("id={}; Secure", plain())),
        ("x-goog-iam-authorization-token", plain()),
        ("x-amz-security-token", plain()),
        ("x-envoy-anything", jwt()),
        ("x-other", bearer()),
    ] {
        let header = header(name, &value);
        let plain_header = header["header"].clone();
        let raw = json!({"key": name, "raw_value": base64(&value)});
        let google = json!({"initial_metadata": [plain_header], "google_grpc": {"target_uri": "stays.example", "stat_prefix": "g"}});
        for (place, dump) in [
            (
                "route request",
                route(json!({"match": {"prefix": "/"}, "request_headers_to_add": [header]})),
            ),
            (
                "route response",
                route(json!({"match": {"prefix": "/"}, "response_headers_to_add": [header]})),
            ),
            (
                "raw value",
                route(
                    json!({"match": {"prefix": "/"}, "request_headers_to_add": [{"header": raw}]}),
                ),
            ),
            (
                "virtual host",
                virtual_host(json!({"request_headers_to_add": [header]})),
            ),
            (
                "grpc initial metadata",
                filter("ext_authz.v3.ExtAuthz", json!({"grpc_service": google})),
            ),
            (
                "http service",
                filter(
                    "ext_authz.v3.ExtAuthz",
                    json!({"http_service": {"authorization_request": {"headers_to_add": [plain_header]}}}),
                ),
            ),
            (
                "http health check",
                cluster(
                    json!({"health_checks": [{"http_health_check": {"path": "/", "request_headers_to_add": [header]}}]}),
                ),
            ),
            (
                "grpc health check",
                cluster(
                    json!({"health_checks": [{"grpc_health_check": {"initial_metadata": [header]}}]}),
                ),
            ),
            (
                "tunneling",
                listener(
                    json!({"filter_chains": [{"filters": [{"name": "tcp", "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                        "stat_prefix": "t", "tunneling_config": {"hostname": "stays.example", "headers_to_add": [header]},
                    }}]}]}),
                ),
            ),
        ] {
            cases.push(real(&format!("{place}: {name}"), dump).keeping(&[name]));
        }
    }
    cases
}

/// Not only where somebody looked: each field of the API that holds headers.
fn in_clear_0_header_values_of_every_field_that_holds_any() -> Vec<Case> {
    let mut cases = Vec::new();
    for message in POOL.all_messages() {
        for field in message.fields() {
            let Kind::Message(of) = field.kind() else {
                continue;
            };
            let header = match of.full_name() {
                "envoy.config.core.v3.HeaderValueOption" => header("x-api-key", &plain()),
                "envoy.config.core.v3.HeaderValue" => json!({"key": "x-api-key", "value": plain()}),
                "envoy.config.core.v3.HeaderMap" => {
                    json!({"headers": [{"key": "x-api-key", "value": plain()}]})
                }
                _ => continue,
            };
            let value = match field.is_list() {
                true => json!([header]),
                false => header,
            };
            let name = field.full_name();
            cases.push(
                real_message(name, message.full_name(), json!({field.name(): value}))
                    .keeping(&["x-api-key"]),
            );
        }
    }
    assert!(cases.len() > 40, "{}", cases.len());
    cases
}

fn in_clear_0_local_jwks() -> Vec<Case> {
    let mut cases = Vec::new();
    for keys in [
        json!({"keys": [{"kty": "oct", "kid": "stays-here", "k": plain()}]}),
        json!({"keys": [{"kty": "RSA", "kid": "stays-here", "n": "abc", "e": "AQAB", "d": plain(), "p": plain(), "q": plain(), "dp": plain(), "dq": plain(), "qi": plain()}]}),
        json!({"keys": [{"kty": "EC", "kid": "stays-here", "crv": "P-256", "x": "a", "y": "b", "d": plain()}]}),
    ] {
        for text in [keys.to_string(), format!("{keys:#}")] {
            for source in [inline(&text), json!({"inline_bytes": base64(&text)})] {
                let jwt =
                    json!({"providers": {"p": {"issuer": "stays.example", "local_jwks": source}}});
                let mut case = real("jwt_authn", filter("jwt_authn.v3.JwtAuthentication", jwt));
                if source.get("inline_string").is_some() {
                    case = case.keeping(&["stays-here", "kty"]);
                }
                cases.push(case);
            }
        }
    }
    cases
}

fn in_clear_0_lua() -> Vec<Case> {
    let per_route = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.LuaPerRoute",
        "source_code": inline(&lua()),
    });
    let bytes = json!({"inline_bytes": base64(&lua())});
    cases([
        real(
            "inline_code",
            filter("lua.v3.Lua", json!({"inline_code": lua()})),
        )
        .keeping(&LUA_KEPT),
        real(
            "default_source_code",
            filter("lua.v3.Lua", json!({"default_source_code": inline(&lua())})),
        )
        .keeping(&LUA_KEPT),
        real(
            "inline_bytes",
            filter("lua.v3.Lua", json!({"default_source_code": bytes})),
        ),
        real(
            "source_codes",
            filter(
                "lua.v3.Lua",
                json!({"source_codes": {"a.lua": inline(&lua())}}),
            ),
        )
        .keeping(&LUA_KEPT),
        real(
            "per route",
            route(json!({"match": {"prefix": "/"}, "typed_per_filter_config": {"lua": per_route}})),
        )
        .keeping(&LUA_KEPT),
        real(
            "filter_context",
            filter(
                "lua.v3.Lua",
                json!({"filter_context": {"api_key": plain()}}),
            ),
        ),
    ])
}

fn in_clear_0_wasm() -> Vec<Case> {
    // Of a plugin, literals go and names stay.
    let settings =
        json!({"stays-here": "backend", "api_key": plain(), "nested": [{"clientSecret": plain()}]});
    let any = |message: &str, value: Value| json!({"@type": format!("type.googleapis.com/google.protobuf.{message}"), "value": value});
    let mut cases = Vec::new();
    for (form, configuration) in [
        (
            "JSON string",
            any("StringValue", json!(settings.to_string())),
        ),
        (
            "JSON string over lines",
            any("StringValue", json!(format!("{settings:#}"))),
        ),
        (
            "YAML string",
            any(
                "StringValue",
                json!(format!("stays-here: backend\napi_key: {}\n", plain())),
            ),
        ),
        ("Struct", any("Struct", settings.clone())),
        (
            "BytesValue",
            any("BytesValue", json!(base64(&settings.to_string()))),
        ),
    ] {
        for (place, plugin) in [
            ("plugin", json!({"configuration": configuration})),
            ("vm", json!({"vm_config": {"configuration": configuration}})),
        ] {
            let mut case = real(
                &format!("{place}: {form}"),
                filter("wasm.v3.Wasm", json!({"config": plugin})),
            );
            if !["YAML string", "BytesValue"].contains(&form) {
                case = case.keeping(&["stays-here"]);
            }
            cases.push(case);
        }
    }
    let key_values = json!({"ISTIO_META_WASM_IMAGE_PULL_SECRET": plain(), "DB_PASSWORD": plain(), "stays-here": "C"});
    let variables =
        json!({"config": {"vm_config": {"environment_variables": {"key_values": key_values}}}});
    cases.push(real("environment", filter("wasm.v3.Wasm", variables)).keeping(&["stays-here"]));
    let mut failed = rejected("bad");
    let state = "/configs/0/dynamic_listeners/0/error_state";
    failed.pointer_mut(state).unwrap()["failed_configuration"] = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {"vm_config": {"environment_variables": {"key_values": key_values}}},
    });
    cases.push(real("failed_configuration", failed).keeping(&["stays-here"]));
    cases
}

fn in_clear_0_google_grpc_and_lightstep() -> Vec<Case> {
    let key = json!({"type": "service_account", "project_id": "p", "private_key_id": "i", "private_key": pem()});
    let mut cases = Vec::new();
    for credentials in [
        json!({"access_token": plain()}),
        json!({"google_refresh_token": plain()}),
        json!({"service_account_jwt_access": {"json_key": key.to_string()}}),
        json!({"google_iam": {"authorization_token": plain(), "authority_selector": "stays-here"}}),
    ] {
        let service = json!({"google_grpc": {"target_uri": "stays.example", "stat_prefix": "g", "call_credentials": [credentials]}});
        cases.push(
            real(
                "call credentials",
                filter("ext_authz.v3.ExtAuthz", json!({"grpc_service": service})),
            )
            .keeping(&["stays.example"]),
        );
    }
    for token in [inline(&plain()), json!({"inline_bytes": base64(&plain())})] {
        let config = json!({"collector_cluster": "stays-here", "access_token": token});
        cases.push(
            real_message("lightstep", "envoy.config.trace.v3.LightstepConfig", config)
                .keeping(&["stays-here"]),
        );
    }
    cases
}

fn in_clear_0_opentelemetry_headers_and_uri() -> Vec<Case> {
    let service = |uri: &str| {
        json!({
            "http_uri": {"uri": uri, "cluster": "stays-here", "timeout": "1s"},
            "request_headers_to_add": [header("x-api-key", &plain())],
        })
    };
    let mut cases = Vec::new();
    for uri in [user_info(), parameter()] {
        let config = json!({"http_service": service(&uri), "service_name": "stays-here"});
        let kept = ["stays-here", "collector.example"];
        cases.push(
            real_message(
                "tracer",
                "envoy.config.trace.v3.OpenTelemetryConfig",
                config.clone(),
            )
            .keeping(&kept),
        );
        let tracer = json!({"name": "otel", "typed_config": {
            "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
            "http_service": service(&uri),
        }});
        cases.push(
            real("manager", manager(json!({"tracing": {"provider": tracer}}))).keeping(&kept),
        );
    }
    cases
}

fn in_clear_0_typed_struct_of_unknown_type() -> Vec<Case> {
    let value = json!({"password": plain(), "nested": [{"apiKey": plain(), "stays": "stays-here"}], "pem": pem()});
    let mut cases = Vec::new();
    for of in ["udpa.type.v1", "xds.type.v3"] {
        let config = json!({"type_url": "type.googleapis.com/istio.unknown.T", "value": value});
        cases.push(
            real_message(of, &format!("{of}.TypedStruct"), config)
                .keeping(&["stays-here", "istio.unknown.T"]),
        );
    }
    cases
}

fn in_clear_0_oauth2() -> Vec<Case> {
    let config = json!({"config": {
        "token_endpoint": {"uri": parameter(), "cluster": "stays-here", "timeout": "1s"},
        "authorization_endpoint": user_info(),
        "credentials": {"client_id": "client-stays", "token_secret": {"name": "secret-name-stays"}},
        "forward_bearer_token": true,
    }});
    // An id tells nothing without its secret, and is needed to see which client it is.
    cases([
        real("oauth2", filter("oauth2.v3.OAuth2", config)).keeping(&[
            "client-stays",
            "secret-name-stays",
            "collector.example",
        ]),
    ])
}

fn in_clear_0_filter_and_node_metadata() -> Vec<Case> {
    let metadata = json!({
        "db": {"password": plain(), "dsn": format!("postgres://u:{}@db.example/x", plain())},
        "pins": {"PIN": plain()},
        "spelled": [{"clientSecret": plain()}, {"API-KEY": plain()}, {"connection_string": format!("Server=db;Pwd={}", plain())}],
        "licence": {"license_key": plain()},
        "stays": "stays-here",
    });
    let node = json!({
        "id": "sidecar~10.0.0.1~web.shop~shop.svc.cluster.local",
        "metadata": {
            "ISTIO_META_DB_PASSWORD": plain(),
            "PROXY_CONFIG": {"proxyMetadata": {"ISTIO_META_WASM_IMAGE_PULL_SECRET": plain(), "API_TOKEN": plain()}, "discoveryAddress": "stays.example"},
            "ANNOTATIONS": {
                "kubectl.kubernetes.io/last-applied-configuration": json!({"env": [{"name": "DB_PASSWORD", "value": plain()}]}).to_string(),
                "proxy.istio.io/config": format!("proxyMetadata:\n  API_TOKEN: {}\n", plain()),
            },
            "LABELS": {"app": "stays-here"},
        },
    });
    cases([
        real(
            "filter metadata",
            cluster(json!({"metadata": {"filter_metadata": {"f": metadata}}})),
        )
        .keeping(&["stays-here"]),
        real("node metadata", bootstrap(json!({"node": node})))
            .keeping(&["stays-here", "stays.example"]),
        Case::new(
            "server_info",
            Document::ServerInfo,
            json!({"version": "1", "node": node}),
        )
        .keeping(&["stays-here"]),
    ])
}

fn in_clear_0_matchers() -> Vec<Case> {
    let exact = json!({"exact": plain()});
    let matched = |matcher: Value| route(json!({"match": matcher}));
    let regex = json!({"safe_regex": {"regex": format!("^{}$", plain())}});
    let mut cases = Vec::new();
    for (kind, name) in [
        ("headers", "authorization"),
        ("headers", "x-api-key"),
        ("query_parameters", "access_token"),
        ("query_parameters", "api_key"),
        ("cookies", "session_id"),
    ] {
        for value in [
            &exact,
            &regex,
            &json!({"prefix": plain()}),
            &json!({"suffix": plain()}),
            &json!({"contains": plain()}),
        ] {
            let matcher = json!({"name": name, "string_match": value});
            cases.push(
                real(
                    &format!("{kind}: {name}"),
                    matched(json!({"prefix": "/", kind: [matcher]})),
                )
                .keeping(&[name]),
            );
        }
    }
    for value in [
        "exact_match",
        "prefix_match",
        "suffix_match",
        "contains_match",
    ] {
        let matcher = json!({"name": "x-api-key", value: plain()});
        cases.push(real(
            value,
            matched(json!({"prefix": "/", "headers": [matcher]})),
        ));
    }
    let regex = json!({"name": "x-api-key", "safe_regex_match": {"regex": plain()}});
    cases.push(real(
        "safe_regex_match",
        matched(json!({"headers": [regex]})),
    ));
    cases.push(real("virtual cluster", virtual_host(json!({"virtual_clusters": [{"name": "v", "headers": [{"name": "authorization", "string_match": exact}]}]}))));
    cases
}

fn in_clear_0_direct_response_local_reply_redirect() -> Vec<Case> {
    let body = json!({"error": "stays-here", "token": plain()}).to_string();
    cases([
        real("direct response", route(json!({"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": inline(&body)}}))).keeping(&["stays-here"]),
        real("local reply", manager(json!({"local_reply_config": {"mappers": [{
            "filter": {"traceable_filter": {}},
            "body": inline(&body),
            "headers_to_add": [header("x-api-key", &plain())],
        }]}}))).keeping(&["stays-here"]),
        real("redirect", route(json!({"match": {"prefix": "/"}, "redirect": {"host_redirect": "stays.example", "path_redirect": format!("/login?token={}", plain())}}))).keeping(&["stays.example", "/login"]),
    ])
}

fn in_clear_0_rbac_header() -> Vec<Case> {
    let principal = json!({"header": {"name": "x-api-key", "string_match": {"exact": plain()}}});
    let rules = json!({"rules": {"policies": {"policy-stays": {"permissions": [{"any": true}], "principals": [principal]}}}});
    cases([real("rbac", filter("rbac.v3.RBAC", rules)).keeping(&["policy-stays", "x-api-key"])])
}

fn in_clear_0_endpoint_metadata() -> Vec<Case> {
    let metadata =
        json!({"filter_metadata": {"istio": {"workload": "stays-here", "token": plain()}}});
    cases([real(
        "endpoint",
        endpoints(json!({"endpoints": [{"lb_endpoints": [{"metadata": metadata}]}]})),
    )
    .keeping(&["stays-here"])])
}

fn in_clear_0_health_check_path() -> Vec<Case> {
    let path = format!("/health?api_key={}&stays=stays-here", plain());
    cases([real(
        "path",
        cluster(json!({"health_checks": [{"http_health_check": {"path": path}}]})),
    )
    .keeping(&["/health", "stays-here"])])
}

fn in_clear_0_generic_key() -> Vec<Case> {
    let action = json!({"generic_key": {"descriptor_key": "api_key", "descriptor_value": plain()}});
    let limits =
        json!([{"actions": [action, {"generic_key": {"descriptor_value": "tenant-stays"}}]}]);
    cases([
        real("generic_key", virtual_host(json!({"rate_limits": limits})))
            .keeping(&["tenant-stays"]),
    ])
}

fn in_clear_0_access_log_and_custom_tags() -> Vec<Case> {
    let file = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";
    let log = |format: Value| {
        let mut config = json!({"@type": file, "path": "/dev/stays"});
        config["log_format"] = format;
        manager(json!({"access_log": [{"name": "file", "typed_config": config}]}))
    };
    let text = format!(
        "%START_TIME% %REQ(:PATH)% api_key={0} \"authorization: Bearer {0}\" %RESPONSE_CODE%\n",
        plain()
    );
    let kept = [
        "%START_TIME%",
        "%REQ(:PATH)%",
        "%RESPONSE_CODE%",
        "/dev/stays",
    ];
    let tags = json!({"tracing": {"custom_tags": [
        {"tag": "api_key", "literal": {"value": plain()}},
        {"tag": "db.password", "environment": {"name": "STAYS", "default_value": plain()}},
        {"tag": "access_token", "request_header": {"name": "x-stays", "default_value": plain()}},
        {"tag": "zone", "literal": {"value": "literal-stays"}},
    ]}});
    cases([
        real("text_format", log(json!({"text_format": text}))).keeping(&kept),
        real(
            "text_format_source",
            log(json!({"text_format_source": inline(&text)})),
        )
        .keeping(&kept),
        real(
            "json_format",
            log(json!({"json_format": {"api_key": plain(), "code": "%RESPONSE_CODE%"}})),
        )
        .keeping(&["%RESPONSE_CODE%"]),
        real("custom tags", manager(tags)).keeping(&["literal-stays", "STAYS", "x-stays"]),
    ])
}

fn in_clear_0_runtime_and_stats_sink() -> Vec<Case> {
    let layer = json!({"layers": [{"name": "static", "static_layer": {"db": {"password": plain()}, "feature.api_key": plain(), "feature.stays": "stays-here"}}]});
    let sink = json!([{"name": "statsd", "typed_config": {
        "@type": "type.googleapis.com/envoy.config.metrics.v3.StatsdSink",
        "tcp_cluster_name": "stays-here",
        "prefix": format!("token={}", plain()),
    }}]);
    cases([
        real("static layer", bootstrap(json!({"layered_runtime": layer}))).keeping(&["stays-here"]),
        real("sink", bootstrap(json!({"stats_sinks": sink}))).keeping(&["stays-here"]),
    ])
}

// The numbers.

fn in_clear_1_config_yaml_on_the_command_line() -> Vec<Case> {
    let yaml = format!(
        "static_resources:\n  secrets:\n  - name: s\n    generic_secret:\n      secret:\n        inline_string: {}\n",
        plain()
    );
    let as_json = json!({"static_resources": {"secrets": [{"name": "s", "generic_secret": {"secret": inline(&awkward())}}]}}).to_string();
    let mut cases = Vec::new();
    for text in [yaml, as_json] {
        for (options, name) in [
            ("command_line_options", "config_yaml"),
            ("commandLineOptions", "configYaml"),
        ] {
            let page = json!({"version": "stays-here", "state": "LIVE", options: {name: text, "service_node": "node-stays"}});
            cases.push(
                Case::new(name, Document::ServerInfo, page).keeping(&["stays-here", "node-stays"]),
            );
        }
    }
    cases
}

/// Texts that Envoy 1.40 gives as the reason of a rejection, with `secret` where it quotes configuration.
pub(super) fn details(secret: &str) -> Vec<String> {
    let quoted = secret.escape_default().to_string();
    let users = json!({"users": secret});
    vec![
        format!("Duplicated credential key: '{secret}'"),
        format!("Duplicated credential key: 'it's {secret}'"),
        format!(
            "Unable to parse JSON as proto (INVALID_ARGUMENT: invalid name users: Cannot find field.): {users}"
        ),
        format!(
            "Unable to parse JSON as proto (INVALID_ARGUMENT: invalid value \"{quoted}\" near 1:14 (offset 13): expected string)"
        ),
        format!(
            "Proto constraint validation failed (RedisProxyValidationError.StatPrefix: value length must be at least 1 characters): goo.gle/debugproto   settings {{\n  op_timeout {{\n    seconds: 1\n  }}\n}}\ndownstream_auth_password {{\n  inline_string: \"{quoted}\"\n}}\n"
        ),
        format!(
            "Proto constraint validation failed (TlsCertificateValidationError): goo.gle/debugonly  private_key {{ inline_bytes: \"{quoted}\" }} password {{ inline_string: \"a \\\" {quoted}\" }}"
        ),
        format!(
            "Proto constraint validation failed (field: x): name: \"a\" secret: \"{quoted}\" tail: '{quoted}'"
        ),
        format!(
            "script load error: [string \"local api_key = \"{secret}\"...\"]:1: '=' expected near '{secret}'"
        ),
        format!("script load error: [string \"error(\"{secret}\")...\"]:1: {secret:?}"),
        format!("unfinished string near '\"{secret}'"),
        format!("http: '{secret}'\nother: \"{quoted}\""),
        format!("listener http: private key is not valid: {}", pem()),
        format!("Invalid header value: Authorization: Bearer {}", plain()),
        format!("invalid uri https://user:{}@collector.example", plain()),
        format!("could not parse {}", jwt()),
    ]
}

fn in_clear_2_error_details_of_every_kind() -> Vec<Case> {
    let mut cases = Vec::new();
    for secret in [
        plain(),
        awkward(),
        pem(),
        format!("{}{}", plain(), "x".repeat(5000)),
        format!("it's {}'s", plain()),
    ] {
        for text in details(&secret) {
            cases.push(real(&format!("details: {text:.60}"), rejected(&text)));
            let mut case = syncz(&format!("Error adding/updating listener(s) http: {text}\n"));
            case.name = format!("lastError: {text:.60}");
            cases.push(case);
            // As a proxy's status page, in camelCase.
            let page =
                json!({"configs": [{"dynamicListeners": [{"errorState": {"details": text}}]}]});
            cases.push(Case::dump(format!("untyped: {text:.60}"), &page));
        }
    }
    cases
}

fn in_clear_2_error_details_cut_off() -> Vec<Case> {
    let mut cases = Vec::new();
    for text in details(&awkward()) {
        for (end, _) in text.char_indices().rev().step_by(3) {
            cases.push(Case::dump(
                format!("{:.60} up to {end}", text),
                &rejected(&text[..end]),
            ));
        }
    }
    // What is cut before the secret has nothing to hide.
    cases.retain(|case| case.text.contains(super::search::HEAD));
    cases
}

fn in_clear_3_typed_struct_that_does_not_fit() -> Vec<Case> {
    let url = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.TlsCertificate";
    let chain = "-----BEGIN CERTIFICATE-----\nstays-here\n-----END CERTIFICATE-----\n";
    let mut cases = Vec::new();
    for secret in [plain(), awkward(), pem()] {
        for value in [
            json!({"private_key": secret, "certificate_chain": inline(chain)}),
            json!({"private_key": inline(&secret), "certificate_chain": inline(chain), "ocsp_staple": 7}),
            json!({"private_key": {"inline_bytes": base64(&secret)}, "certificate_chain": inline(chain), "password": secret}),
            json!({"privateKey": {"inlineString": secret, "filename": 5}, "certificateChain": inline(chain)}),
        ] {
            for of in ["udpa.type.v1", "xds.type.v3"] {
                let message = json!({"@type": format!("type.googleapis.com/{of}.TypedStruct"), "type_url": url, "value": value});
                cases.push(Case::message(of, message).keeping(&["stays-here"]));
            }
        }
    }
    cases
}

fn in_clear_4_v2_types_any_in_unknown_struct_and_bytes() -> Vec<Case> {
    let value = json!({"private_key": inline(&plain()), "password": inline(&awkward()), "name": "stays-here"});
    let with_type = |url: &str| {
        let mut any = value.clone();
        any["@type"] = json!(url);
        any
    };
    let tls = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.TlsCertificate";
    let old = "type.googleapis.com/envoy.api.v2.auth.TlsCertificate";
    let typed = |url: &str, value: &Value| json!({"@type": "type.googleapis.com/xds.type.v3.TypedStruct", "type_url": url, "value": value});
    // A TlsCertificate with a `private_key` of an `inline_string`, in binary protobuf.
    let inner = [&[0x1a, pem().len() as u8, 1][..], pem().as_bytes()].concat();
    let serialized = [&[0x12, inner.len() as u8, 1][..], &inner].concat();
    let binary = {
        use base64::{Engine, engine::general_purpose::STANDARD};
        STANDARD.encode(serialized)
    };
    cases([
        Case::message("v2 TypedStruct", typed(old, &value)).keeping(&["stays-here"]),
        Case::message("v2 Any", with_type(old)).keeping(&["stays-here"]),
        Case::message(
            "Any in an unknown TypedStruct",
            typed(
                "x/y",
                &json!({"tls": with_type(tls), "list": [with_type(old)]}),
            ),
        )
        .keeping(&["stays-here"]),
        Case::message(
            "Struct",
            json!({"@type": "type.googleapis.com/google.protobuf.Struct", "value": value}),
        )
        .keeping(&["stays-here"]),
        Case::message(
            "BytesValue",
            json!({"@type": "type.googleapis.com/google.protobuf.BytesValue", "value": binary}),
        ),
    ])
}

/// Logs are in no bundle, but their lines are quoted where something fails, and pages of text are kept.
fn in_clear_5_log_lines() -> Vec<Case> {
    let mut cases = Vec::new();
    for text in details(&plain()) {
        let line = text.replace('\n', "\\n");
        let log = format!(
            "2026-11-20T12:07:22.733Z\twarning\tenvoy config external/envoy/source/common/config/grpc_subscription.cc:120\tgRPC config \
             for type.googleapis.com/envoy.config.cluster.v3.Cluster rejected: Error adding/updating cluster(s) stays-here: {line}\n"
        );
        for document in [Document::ConfigDump, Document::ServerInfo, Document::Syncz] {
            cases.push(Case::new(format!("{document}: {text:.60}"), document, &log));
        }
    }
    cases
}

fn in_clear_6_aws_lambda_credentials() -> Vec<Case> {
    let credentials =
        json!({"access_key_id": plain(), "secret_access_key": plain(), "session_token": plain()});
    let config = json!({"arn": "arn:aws:lambda:stays-here", "credentials": credentials});
    let provider = json!({"access_key_id": plain(), "secret_access_key": plain()});
    cases([
        real("aws_lambda", filter("aws_lambda.v3.Config", config)).keeping(&["stays-here"]),
        real_message(
            "common",
            "envoy.extensions.common.aws.v3.InlineCredentialProvider",
            provider,
        ),
    ])
}

fn in_clear_7_endpoint_params_of_injected_oauth2() -> Vec<Case> {
    let config = json!({
        "token_endpoint": {"uri": "https://stays.example", "cluster": "c", "timeout": "1s"},
        "client_credentials": {"client_id": "client-stays"},
        "endpoint_params": [{"name": "password", "value": plain()}, {"name": "client_assertion", "value": jwt()}, {"name": "assertion", "value": plain()}],
    });
    cases([real_message(
        "oauth2",
        "envoy.extensions.http.injected_credentials.oauth2.v3.OAuth2",
        config,
    )
    .keeping(&["stays.example", "client-stays"])])
}

fn in_clear_8_initial_metadata_of_the_control_plane() -> Vec<Case> {
    let service = json!({"envoy_grpc": {"cluster_name": "stays-here"}, "initial_metadata": [{"key": "authorization", "value": bearer()}, {"key": "x-api-key", "value": plain()}]});
    let source = json!({"api_type": "GRPC", "grpc_services": [service]});
    cases([
        real(
            "ads_config",
            bootstrap(json!({"dynamic_resources": {"ads_config": source}})),
        )
        .keeping(&["stays-here"]),
        real(
            "cds_config",
            bootstrap(json!({"dynamic_resources": {"cds_config": {"api_config_source": source}}})),
        )
        .keeping(&["stays-here"]),
    ])
}

fn in_clear_9_mutations_and_metadata_filters() -> Vec<Case> {
    let append = |record: Value| json!({"append": {"record": record}});
    let mutations = json!({"mutations": {
        "query_parameter_mutations": [append(json!({"key": "access_token", "value": plain()})), append(json!({"key": "api_key", "value": {"nested": [plain()]}})), append(json!({"key": "page", "value": "stays-here"}))],
        "request_mutations": [{"append": header("x-api-key", &plain())}],
        "response_mutations": [{"append": header("set-cookie", &plain())}],
    }});
    let rule = json!({"header": "x-stays", "on_header_present": {"metadata_namespace": "n", "key": "api_key", "value": plain()}});
    let json_rule =
        json!({"on_missing": {"metadata_namespace": "n", "key": "password", "value": plain()}});
    let state = json!({"on_request_headers": [{"object_key": "api.token", "format_string": {"text_format_source": inline(&plain())}}]});
    cases([
        real("header_mutation", filter("header_mutation.v3.HeaderMutation", mutations)).keeping(&["stays-here", "access_token"]),
        real_message("QueryParameter", "envoy.config.core.v3.QueryParameter", json!({"key": "access_token", "value": plain()})),
        real_message("KeyValue", "envoy.config.core.v3.KeyValue", json!({"key": "api_key", "value": base64(&plain())})),
        real("set_metadata", filter("set_metadata.v3.Config", json!({"metadata": [{"metadata_namespace": "n-stays", "value": {"password": plain()}}]}))).keeping(&["n-stays"]),
        real("header_to_metadata", filter("header_to_metadata.v3.Config", json!({"request_rules": [rule]}))).keeping(&["x-stays"]),
        real("json_to_metadata", filter("json_to_metadata.v3.JsonToMetadata", json!({"request_rules": {"rules": [json_rule]}}))),
        real("set_filter_state", filter("set_filter_state.v3.Config", state)),
    ])
}

fn in_clear_10_limits_headers_and_map_keys() -> Vec<Case> {
    let descriptors = json!([{"entries": [{"key": "api_key", "value": plain()}, {"key": "path", "value": "stays-here"}]}]);
    let fault = json!({"headers": [{"name": "authorization", "string_match": {"exact": bearer()}}], "upstream_cluster": "stays-here"});
    let input = |name: &str| json!({"name": "in", "typed_config": {"@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput", "header_name": name}});
    let action = json!({"action": {"name": "stays-here"}});
    let tree = |header: &str, key: &str, map: &str| json!({"matcher_tree": {"input": input(header), map: {"map": {key: action}}}});
    let delegate = |matcher: Value| {
        json!({
            "name": "delegate",
            "typed_config": {"@type": "type.googleapis.com/envoy.extensions.common.matching.v3.ExtensionWithMatcher", "xds_matcher": matcher},
        })
    };
    let mut cases = vec![
        real(
            "local_ratelimit",
            filter(
                "local_ratelimit.v3.LocalRateLimit",
                json!({"stat_prefix": "l", "descriptors": descriptors}),
            ),
        )
        .keeping(&["stays-here"]),
        real("fault", filter("fault.v3.HTTPFault", fault)).keeping(&["stays-here"]),
    ];
    for map in ["exact_match_map", "prefix_match_map"] {
        for (header, key) in [
            ("authorization", bearer()),
            ("authorization", plain()),
            ("x-api-key", awkward()),
            ("x-any", bearer()),
        ] {
            let dump = manager(json!({"http_filters": [delegate(tree(header, &key, map))]}));
            cases.push(real(&format!("{map} on {header}"), dump).keeping(&["stays-here", header]));
            // The input may stand behind the map.
            let text = json!({"matcher_tree": tree(header, &key, map)["matcher_tree"]}).to_string();
            let (before, _) = text.split_once(",\"input\"").unwrap_or((&text, ""));
            if before != text {
                cases.push(Case::message(
                    format!("{map} before its input"),
                    tree(header, &key, map),
                ));
            }
        }
    }
    let rbac = json!({"matcher": tree("authorization", &bearer(), "exact_match_map")});
    cases.push(real("rbac matcher", filter("rbac.v3.RBAC", rbac)).keeping(&["authorization"]));
    cases
}

fn in_clear_11_opentelemetry_fluentd_json_format() -> Vec<Case> {
    let pair = |key: &str, value: &str| json!({"key": key, "value": {"string_value": value}});
    let log = json!({
        "http_service": {"http_uri": {"uri": user_info(), "cluster": "c", "timeout": "1s"}, "request_headers_to_add": [header("authorization", &bearer())]},
        "resource_attributes": {"values": [pair("api_key", &plain()), pair("host", "stays-here")]},
        "attributes": {"values": [pair("db.password", &plain())]},
        "body": {"string_value": format!("token={}", plain())},
    });
    let detector = json!({"attributes": {"api_key": plain(), "host": "stays-here"}});
    let fluentd = json!({"cluster": "stays-here", "tag": "t", "stat_prefix": "f", "record": {"password": plain(), "nested": {"api_key": plain()}}});
    cases([
        real_message("access log", "envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig", log).keeping(&["stays-here", "collector.example"]),
        real_message("resource detector", "envoy.extensions.tracers.opentelemetry.resource_detectors.v3.StaticConfigResourceDetectorConfig", detector).keeping(&["stays-here"]),
        real_message("fluentd", "envoy.extensions.access_loggers.fluentd.v3.FluentdAccessLogConfig", fluentd).keeping(&["stays-here"]),
        real_message("json_format", "envoy.config.core.v3.SubstitutionFormatString", json!({"json_format": {"a": {"token": plain()}, "b": bearer(), "c": "%REQ(X-STAYS)%"}})).keeping(&["%REQ(X-STAYS)%"]),
    ])
}

fn in_clear_12_addresses_with_secrets() -> Vec<Case> {
    let mut cases = Vec::new();
    for uri in [user_info(), parameter()] {
        let server = json!({"http_service": {"server_uri": {"uri": uri, "cluster": "stays-here", "timeout": "1s"}}});
        let google = json!({
            "http_uri": {"uri": uri, "cluster": "stays-here", "timeout": "1s"},
            "token_header": {"name": "x-stays", "value_prefix": format!("Basic {} ", base64(&format!("user:{}", plain())))},
        });
        cases.extend([
            real("ext_authz", filter("ext_authz.v3.ExtAuthz", server))
                .keeping(&["stays-here", "collector.example"]),
            real(
                "gcp_authn",
                filter("gcp_authn.v3.GcpAuthnFilterConfig", google),
            )
            .keeping(&["stays-here", "x-stays"]),
            real_message(
                "redirect policy",
                "envoy.extensions.http.custom_response.redirect_policy.v3.RedirectPolicy",
                json!({"uri": uri}),
            )
            .keeping(&["collector.example"]),
        ]);
    }
    let harmless = json!({"token_header": {"name": "authorization", "value_prefix": "Bearer "}});
    cases.push(Case {
        kept: vec!["\"Bearer \"".into()],
        ..real(
            "a prefix alone",
            filter("gcp_authn.v3.GcpAuthnFilterConfig", harmless),
        )
    });
    let of = "envoy.extensions.filters.http.gcp_authn.v3.Audience.IAMAccessToken";
    let iam = POOL.get_message_by_name(of).unwrap();
    assert!(iam.get_field_by_name("authorization").is_some());
    let value = match iam.get_field_by_name("authorization").unwrap().kind() {
        Kind::String => Some(json!(bearer())),
        _ => None,
    };
    if let Some(value) = value {
        cases.push(real_message(of, of, json!({"authorization": value})));
    }
    cases
}

fn in_clear_13_metadata_of_matches_localities_and_upstream_filters() -> Vec<Case> {
    let secret = json!({"password": plain(), "zone": "stays-here"});
    let matches = json!([{"name": "m", "match": secret}]);
    let locality = json!([{"metadata": {"filter_metadata": {"f": secret}}, "lb_endpoints": [{"metadata": {"filter_metadata": {"f": secret}}}]}]);
    let lua = json!({"name": "lua", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua", "default_source_code": inline(&lua())}});
    let options = json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "http_filters": [lua],
    }});
    cases([
        real(
            "transport socket matches",
            cluster(json!({"transport_socket_matches": matches})),
        )
        .keeping(&["stays-here"]),
        real(
            "locality and endpoint",
            endpoints(json!({"endpoints": locality})),
        )
        .keeping(&["stays-here"]),
        real(
            "upstream filters",
            cluster(json!({"typed_extension_protocol_options": options})),
        )
        .keeping(&LUA_KEPT),
    ])
}

fn in_clear_14_programs_modules_and_bytes() -> Vec<Case> {
    let mut cases = vec![
        real_message("string_matcher", "envoy.extensions.string_matcher.lua.v3.Lua", json!({"source_code": inline(&lua())})).keeping(&LUA_KEPT),
        real_message("cluster specifier", "envoy.extensions.router.cluster_specifiers.lua.v3.LuaConfig", json!({"source_code": inline(&lua()), "default_cluster": "stays-here"})).keeping(&LUA_KEPT),
        real_message("jwt handshake", "envoy.extensions.filters.common.jwks.v3.JwtHandshakeValidator", json!({"local_jwks": inline(&json!({"keys": [{"kty": "oct", "k": plain()}]}).to_string())})),
        real_message("channel args", "envoy.config.core.v3.GrpcService.GoogleGrpc.ChannelArgs", json!({"args": {"grpc.api_key": {"string_value": plain()}, "grpc.stays": {"string_value": "stays-here"}}})).keeping(&["stays-here"]),
        real_message("tlv", "envoy.config.core.v3.TlvEntry", json!({"type": 224, "value": base64(&bearer())})),
        real_message("socket option", "envoy.config.core.v3.SocketOption", json!({"description": "tcp md5 secret", "level": 6, "name": 14, "buf_value": base64(&pem())})),
    ];
    let mut modules = 0;
    for message in POOL
        .all_messages()
        .filter(|message| message.full_name().contains(".dynamic_modules."))
    {
        for field in message.fields() {
            let is_any = matches!(field.kind(), Kind::Message(of) if of.full_name() == "google.protobuf.Any");
            if !is_any || !field.name().ends_with("_config") {
                continue;
            }
            modules += 1;
            let settings = json!({"api_key": plain(), "upstream": "stays-here"});
            for (of, value) in [
                ("Struct", settings.clone()),
                ("StringValue", json!(settings.to_string())),
                ("BytesValue", json!(base64(&settings.to_string()))),
            ] {
                let config = json!({"@type": format!("type.googleapis.com/google.protobuf.{of}"), "value": value});
                cases.push(real_message(
                    &format!("{} as {of}", field.full_name()),
                    message.full_name(),
                    json!({field.name(): config}),
                ));
            }
        }
    }
    assert_eq!(modules, 24);
    cases
}

fn in_clear_15_names_that_become_statistics() -> Vec<Case> {
    let name = format!("api_key={}", plain());
    let stats = json!({"stats": [{"name": format!("cluster.{name}.upstream_cx"), "value": 1}, {"name": "stays-here", "value": 2}]});
    let text = format!("cluster.stays-here.upstream_cx: 1\ncluster.{name}.upstream_cx: 2\n");
    let prometheus = format!(
        "# TYPE envoy_x counter\nenvoy_x{{api_key=\"{}\",zone=\"stays-here\"}} 1\n",
        plain()
    );
    let clusters =
        json!({"cluster_statuses": [{"name": "stays-here", "observability_name": name}]});
    let clusters_text = format!("stays-here::observability_name::{name}\n");
    let runtime = json!({"layers": ["static"], "entries": {"db.password": {"final_value": plain(), "layer_values": [plain()]}}});
    cases([
        real("alt_stat_name", cluster(json!({"alt_stat_name": name}))),
        real("fixed_value", bootstrap(json!({"stats_config": {"stats_tags": [{"tag_name": "api_key", "fixed_value": plain()}, {"tag_name": "zone", "fixed_value": "stays-here"}]}}))).keeping(&["stays-here"]),
        real("text_format", bootstrap(json!({"application_log_config": {"log_format": {"text_format": format!("[%Y] password={} %v", plain())}}}))).keeping(&["%v"]),
        real("json_format", bootstrap(json!({"application_log_config": {"log_format": {"json_format": {"token": plain(), "Message": "%j"}}}}))).keeping(&["%j"]),
        Case::new("/stats", Document::Stats, stats).keeping(&["stays-here"]),
        Case::new("/stats as text", Document::Stats, text).keeping(&["cluster.stays-here.upstream_cx: 1"]),
        Case::new("Prometheus", Document::Stats, prometheus).keeping(&["stays-here"]),
        Case::new("/clusters", Document::Clusters, clusters).keeping(&["stays-here"]),
        Case::new("/clusters as text", Document::Clusters, clusters_text).keeping(&["stays-here"]),
        Case::new("/runtime", Document::ServerInfo, runtime),
    ])
}

fn in_clear_16_bad_regex_command_and_lua_error() -> Vec<Case> {
    let mut cases = Vec::new();
    for details in [
        format!("missing ): token=({}", plain()),
        format!("invalid regex '({}': missing )", plain()),
        format!("Not supported field in StreamInfo: api_key={}", plain()),
        format!("Invalid access log command: %BAD({})%", bearer()),
        format!(
            "script load error: [string \"error('x')\"]:1: password={}",
            plain()
        ),
        format!(
            "script load error: [string \"-- {}\"]:2: {}",
            plain(),
            jwt()
        ),
    ] {
        cases.push(real(&details, rejected(&details)));
        cases.push(syncz(&details));
    }
    cases
}

/// The paragraph behind the numbers: newer and contrib types.
fn in_clear_17_newer_api() -> Vec<Case> {
    let credentials = "envoy.extensions.grpc_service.call_credentials";
    let key = json!({"type": "service_account", "private_key": pem()}).to_string();
    cases([
        real_message(
            "file_based_metadata",
            &format!("{credentials}.file_based_metadata.v3.FileBasedMetadataCallCredentials"),
            json!({"secret_data": inline(&plain())}),
        ),
        real_message(
            "access_token",
            &format!("{credentials}.access_token.v3.AccessTokenCredentials"),
            json!({"token": plain()}),
        ),
        real_message(
            "google_refresh_token",
            &format!("{credentials}.google_refresh_token.v3.GoogleRefreshTokenCredentials"),
            json!({"token": plain()}),
        ),
        real_message(
            "service_account_jwt_access",
            &format!(
                "{credentials}.service_account_jwt_access.v3.ServiceAccountJwtAccessCredentials"
            ),
            json!({"json_key": key}),
        ),
        real_message(
            "google_iam",
            &format!("{credentials}.google_iam.v3.GoogleIamCredentials"),
            json!({"authorization_token": plain()}),
        ),
        real_message(
            "kae",
            "envoy.extensions.private_key_providers.kae.v3alpha.KaePrivateKeyMethodConfig",
            json!({"private_key": inline(&plain())}),
        ),
    ])
}

each_and_all! {
    in_clear_0_error_details,
    in_clear_0_header_values,
    in_clear_0_header_values_of_every_field_that_holds_any,
    in_clear_0_local_jwks,
    in_clear_0_lua,
    in_clear_0_wasm,
    in_clear_0_google_grpc_and_lightstep,
    in_clear_0_opentelemetry_headers_and_uri,
    in_clear_0_typed_struct_of_unknown_type,
    in_clear_0_oauth2,
    in_clear_0_filter_and_node_metadata,
    in_clear_0_matchers,
    in_clear_0_direct_response_local_reply_redirect,
    in_clear_0_rbac_header,
    in_clear_0_endpoint_metadata,
    in_clear_0_health_check_path,
    in_clear_0_generic_key,
    in_clear_0_access_log_and_custom_tags,
    in_clear_0_runtime_and_stats_sink,
    in_clear_1_config_yaml_on_the_command_line,
    in_clear_2_error_details_of_every_kind,
    in_clear_2_error_details_cut_off,
    in_clear_3_typed_struct_that_does_not_fit,
    in_clear_4_v2_types_any_in_unknown_struct_and_bytes,
    in_clear_5_log_lines,
    in_clear_6_aws_lambda_credentials,
    in_clear_7_endpoint_params_of_injected_oauth2,
    in_clear_8_initial_metadata_of_the_control_plane,
    in_clear_9_mutations_and_metadata_filters,
    in_clear_10_limits_headers_and_map_keys,
    in_clear_11_opentelemetry_fluentd_json_format,
    in_clear_12_addresses_with_secrets,
    in_clear_13_metadata_of_matches_localities_and_upstream_filters,
    in_clear_14_programs_modules_and_bytes,
    in_clear_15_names_that_become_statistics,
    in_clear_16_bad_regex_command_and_lua_error,
    in_clear_17_newer_api,
}
