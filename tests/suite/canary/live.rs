//! A real Envoy that holds as many secrets as it takes, captured while it runs.

use std::fs;

use serde_json::{Value, json};

use super::{
    case::{base64, header, jwt, pem, plain},
    program::{assert_clean_bundle, clean},
    search::Needles,
};
use crate::support::envoy::{Envoy, PROXY, Setup};

fn inline(text: &str) -> Value {
    json!({"inline_string": text})
}

fn any(message: &str, members: Value) -> Value {
    let mut any = json!({"@type": format!("type.googleapis.com/envoy.{message}")});
    let members = members.as_object().unwrap().clone();
    any.as_object_mut().unwrap().extend(members);
    any
}

fn http_filter(message: &str, members: Value) -> Value {
    json!({"name": message, "typed_config": any(&format!("extensions.filters.http.{message}"), members)})
}

fn bearer() -> String {
    format!("Bearer {}", plain())
}

/// A listener with a secret in everything that it can hold.
fn listener(name: &str) -> Value {
    let lua = format!(
        "function envoy_on_request(handle)\n  local api_key = \"{0}\"\n  handle:headers():add(\"authorization\", \"Bearer {0}\")\nend\n",
        plain()
    );
    let jwks = json!({"keys": [{"kty": "oct", "kid": "a", "alg": "HS256", "k": base64(&plain()).trim_end_matches('=')}]}).to_string();
    let secret_header = header("x-api-key", &plain());
    let matched = |name: &str| json!({"name": name, "string_match": {"exact": plain()}});
    let action = json!({"name": "skip", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.common.matcher.action.v3.SkipFilter"}});
    let tree = json!({"matcher_tree": {
        "input": {"name": "in", "typed_config": {"@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput", "header_name": "authorization"}},
        "exact_match_map": {"map": {bearer(): {"action": action}}},
    }});
    let delegate = json!({"name": "delegate", "typed_config": any("extensions.common.matching.v3.ExtensionWithMatcher", json!({
        "extension_config": http_filter("fault.v3.HTTPFault", json!({})),
        "xds_matcher": tree,
    }))});
    let file = |name: &str, format: Value| json!({"name": name, "typed_config": any("extensions.access_loggers.file.v3.FileAccessLog", json!({"path": "/dev/null", "log_format": format}))});
    let filters = json!([
        delegate,
        http_filter(
            "lua.v3.Lua",
            json!({"default_source_code": inline(&lua), "source_codes": {"other.lua": inline(&lua)}})
        ),
        http_filter(
            "jwt_authn.v3.JwtAuthentication",
            json!({"providers": {"p": {"issuer": "issuer.example", "local_jwks": inline(&jwks)}}})
        ),
        http_filter(
            "rbac.v3.RBAC",
            json!({"rules": {"policies": {"p": {"permissions": [{"any": true}], "principals": [{"header": matched("x-api-key")}]}}}})
        ),
        http_filter(
            "header_mutation.v3.HeaderMutation",
            json!({"mutations": {
                "request_mutations": [{"append": secret_header}],
                "query_parameter_mutations": [{"append": {"record": {"key": "access_token", "value": plain()}}}],
            }})
        ),
        http_filter(
            "local_ratelimit.v3.LocalRateLimit",
            json!({
                "stat_prefix": "l",
                "token_bucket": {"max_tokens": 10, "fill_interval": "1s"},
                "descriptors": [{"entries": [{"key": "api_key", "value": plain()}], "token_bucket": {"max_tokens": 1, "fill_interval": "1s"}}],
            })
        ),
        http_filter(
            "ext_authz.v3.ExtAuthz",
            json!({"http_service": {
                "server_uri": {"uri": format!("https://user:{}@auth.example/?token={0}", plain()), "cluster": "c", "timeout": "1s"},
                "authorization_request": {"headers_to_add": [{"key": "authorization", "value": bearer()}]},
            }})
        ),
        http_filter(
            "basic_auth.v3.BasicAuth",
            json!({"users": inline("user:{SHA}tESsBmE/yNY3lb6a0L6vVQEZNqw=")})
        ),
        http_filter(
            "api_key_auth.v3.ApiKeyAuth",
            json!({"credentials": [{"key": plain(), "client": "c"}], "key_sources": [{"header": "x-api-key"}]})
        ),
        http_filter(
            "set_metadata.v3.Config",
            json!({"metadata": [{"metadata_namespace": "n", "value": {"password": plain()}}]})
        ),
        http_filter(
            "aws_lambda.v3.Config",
            json!({
                "arn": "arn:aws:lambda:us-west-2:987654321:function:f",
                "credentials": {"access_key_id": plain(), "secret_access_key": plain(), "session_token": plain()},
            })
        ),
        http_filter("router.v3.Router", json!({})),
    ]);
    let route = json!({
        "match": {"prefix": "/", "headers": [matched("authorization")], "query_parameters": [matched("token")]},
        "direct_response": {"status": 200, "body": inline(&json!({"token": plain()}).to_string())},
        "request_headers_to_add": [header("authorization", &bearer()), header("x-any", &jwt())],
        "response_headers_to_add": [header("set-cookie", &format!("session={}", plain()))],
        "metadata": {"filter_metadata": {"f": {"password": plain(), "pem": pem(), "dsn": format!("postgres://u:{}@db.example/x", plain())}}},
        "typed_per_filter_config": {"lua.v3.Lua": any("extensions.filters.http.lua.v3.LuaPerRoute", json!({"source_code": inline(&lua)}))},
    });
    let manager = any(
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        json!({
            "stat_prefix": "http",
            "http_filters": filters,
            "route_config": {"name": "r", "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [route], "request_headers_to_add": [header("cookie", &plain())]}]},
            "tracing": {"custom_tags": [
                {"tag": "api_key", "literal": {"value": plain()}},
                {"tag": "password", "environment": {"name": "NOT_SET", "default_value": plain()}},
                {"tag": "x", "request_header": {"name": "x", "default_value": bearer()}},
            ]},
            "access_log": [
                file("text", json!({"text_format_source": inline(&format!("%START_TIME% api_key={} %RESPONSE_CODE%\n", plain()))})),
                file("json", json!({"json_format": {"client_secret": plain(), "code": "%RESPONSE_CODE%"}})),
            ],
            "local_reply_config": {"mappers": [{
                "filter": {"status_code_filter": {"comparison": {"op": "EQ", "value": {"default_value": 500, "runtime_key": "k"}}}},
                "headers_to_add": [header("x-auth-token", &plain())],
            }]},
        }),
    );
    json!({
        "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 8081}},
        "bind_to_port": false,
        "filter_chains": [{"filters": [{"name": "hcm", "typed_config": manager}]}],
    })
}

/// A listener that is rejected with a reason that quotes all of its secrets.
fn rejected(name: &str) -> Value {
    let password = json!({"inline_bytes": base64(&format!("{}\"{}", plain(), plain()))});
    let redis = any(
        "extensions.filters.network.redis_proxy.v3.RedisProxy",
        json!({
            // Too short.
            "stat_prefix": "",
            "settings": {"op_timeout": "1s"},
            "downstream_auth_passwords": [inline(&plain()), password],
        }),
    );
    json!({
        "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 8082}},
        "bind_to_port": false,
        "filter_chains": [{"filters": [{"name": "redis", "typed_config": redis}]}],
    })
}

/// A listener whose Lua fails with a secret.
fn failing(name: &str) -> Value {
    let mut listener = listener(name);
    let filter = &mut listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"][1];
    filter["typed_config"]["default_source_code"] =
        inline(&format!("local password = \"{}\" error(password)", plain()));
    listener
}

#[test]
fn a_real_envoy_full_of_secrets_leaves_a_clean_bundle() {
    let cluster = json!({
        "name": "c",
        "type": "STATIC",
        "connect_timeout": "1s",
        "alt_stat_name": format!("api_key={}", plain()),
        "metadata": {"filter_metadata": {"f": {"clientSecret": plain(), "nested": [{"token": plain()}]}}},
        "health_checks": [{
            "timeout": "1s", "interval": "60s", "unhealthy_threshold": 1, "healthy_threshold": 1,
            "http_health_check": {"path": format!("/health?api_key={}", plain()), "request_headers_to_add": [header("authorization", &bearer())]},
        }],
        "load_assignment": {"cluster_name": "c", "endpoints": [{"lb_endpoints": [{
            "endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 9}}},
            "metadata": {"filter_metadata": {"istio": {"token": plain()}}},
        }]}]},
    });
    let secrets = json!([
        {"name": "generic", "generic_secret": {"secret": inline(&plain())}},
        {"name": "tickets", "session_ticket_keys": {"keys": [{"inline_bytes": base64(&format!("{}{}", plain(), "x".repeat(60)))}]}},
    ]);
    let mut fixed = listener("static");
    fixed.as_object_mut().unwrap().remove("@type");
    let bootstrap = json!({
        "node": {
            "id": format!("sidecar~10.0.0.1~{PROXY}~shop.svc.cluster.local"),
            "cluster": "web.shop",
            "metadata": {
                "ISTIO_META_DB_PASSWORD": plain(),
                "PROXY_CONFIG": {"proxyMetadata": {"ISTIO_META_WASM_IMAGE_PULL_SECRET": plain()}},
                "ANNOTATIONS": {"proxy.istio.io/config": format!("proxyMetadata:\n  API_TOKEN: {}\n", plain())},
                "LABELS": {"app": "web"},
            },
        },
        "static_resources": {"clusters": [cluster], "secrets": secrets, "listeners": [fixed]},
        "layered_runtime": {"layers": [{"name": "static", "static_layer": {"db": {"password": plain()}, "feature": "on"}}, {"name": "admin", "admin_layer": {}}]},
        "stats_config": {"stats_tags": [{"tag_name": "api_key", "fixed_value": plain()}]},
    });
    let yaml = format!(
        "static_resources:\n  secrets:\n  - name: yaml\n    generic_secret:\n      secret:\n        inline_string: {}\n",
        plain()
    );
    let envoy = Envoy::start_with(Setup::default(), &bootstrap, &["--config-yaml", &yaml]);
    envoy.write_xds(
        "lds",
        &json!([listener("dynamic"), rejected("redis"), failing("lua")]),
    );
    envoy.wait_until(|dump| {
        let text = dump.to_string();
        text.contains("script load error")
            && text.contains("StatPrefix")
            && text.contains("\"dynamic\"")
    });

    // It does print secrets in clear.
    for page in [
        "/config_dump?include_eds",
        "/server_info",
        "/clusters?format=json",
        "/stats?format=json",
    ] {
        let text = envoy.get(page).unwrap();
        assert!(Needles::planted().find(text.as_bytes()).is_some(), "{page}");
    }

    let desk = tempfile::tempdir().unwrap();
    let desk = desk.path();
    let url = envoy.url();
    for name in ["before.xdsnap", "same.xdsnap"] {
        let ran = clean(desk, &["capture", "-o", name, "--envoy", &url]);
        assert_eq!(ran.status, 0, "{}", ran.err);
        assert_clean_bundle(&desk.join(name));
    }
    for args in [
        &["info", "before.xdsnap"] as &[&str],
        &["show", "before.xdsnap"],
        &["status", "before.xdsnap"],
        &["normalize", "before.xdsnap"],
        &["diff", "before.xdsnap", "same.xdsnap"],
        // As it runs, not captured.
        &["show", &url],
        &["normalize", &url],
        &["diff", "before.xdsnap", &url],
        &["redact", "--dry-run", &url],
    ] {
        clean(desk, args);
    }

    // One secret changes: that shows, and nothing else does.
    let mut changed = listener("dynamic");
    let text = changed.to_string();
    let route = &mut changed["filter_chains"][0]["filters"][0]["typed_config"]["route_config"]["virtual_hosts"]
        [0];
    route["request_headers_to_add"][0]["header"]["value"] = json!(plain().replace("0417", "0418"));
    assert_ne!(changed.to_string(), text);
    envoy.write_xds("lds", &json!([changed, rejected("redis"), failing("lua")]));
    envoy.wait_until(|dump| dump.to_string().contains("0418"));
    let ran = clean(
        desk,
        &["capture", "-q", "-o", "after.xdsnap", "--envoy", &url],
    );
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert_clean_bundle(&desk.join("after.xdsnap"));
    let same = clean(
        desk,
        &["diff", "-o", "json", "before.xdsnap", "same.xdsnap"],
    );
    assert_eq!(same.status, 0, "{}", same.out);
    let diff = clean(
        desk,
        &["diff", "-o", "json", "before.xdsnap", "after.xdsnap"],
    );
    assert_eq!(diff.status, 1, "{}", diff.out);
    let paths: Vec<String> = diff.json()["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["path"].to_string())
        .collect();
    assert!(
        paths
            .iter()
            .any(|path| path.contains("request_headers_to_add")),
        "{paths:?}"
    );

    // Of what it says, too: Envoy's own words stay.
    let ran = clean(desk, &["extract", "before.xdsnap", "--output-dir", "out"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let text =
        fs::read_to_string(desk.join(format!("out/envoy/{PROXY}/config_dump.json"))).unwrap();
    for kept in [
        "function envoy_on_request(handle)",
        "script load error",
        "StatPrefix",
        "%RESPONSE_CODE%",
        "issuer.example",
        "auth.example",
        "local api_key = ",
    ] {
        assert!(text.contains(kept), "{kept} is lost");
    }
}
