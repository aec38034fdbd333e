//! What each rule takes out, and what it leaves beside it.

use serde_json::{Value, json};
use xdsnap::{
    model::Document,
    redact::{Counts, Key, Policy, RULES, Redactor},
};

use super::{PEM, camel, dump_with, message_in, redact, redact_dump, type_last};

/// A message of this type, with these members.
fn message(name: &str, mut members: Value) -> Value {
    members["@type"] = format!("type.googleapis.com/{name}").into();
    members
}

/// `text` with `[redacted]` in the place of each secret: they are all called `SECRET`, in base64 `U0VDUkVU`.
fn expected(sent: &Value) -> Value {
    let text = sent.to_string();
    let text = text
        .replace("SECRET", "[redacted]")
        .replace("U0VDUkVU", "W3JlZGFjdGVkXQ==");
    serde_json::from_str(&text).unwrap()
}

/// Asserts that what is called a secret in `sent` goes, in every form, and nothing else.
fn assert_redacted(sent: &Value) {
    let wanted = expected(sent);
    for spell in [Value::clone, camel] {
        let dump = dump_with(spell(sent));
        let redacted = redact_dump(&dump);
        assert_eq!(message_in(&redacted), &spell(&wanted));
        let (late, _) = redact(Document::ConfigDump, &type_last(&dump));
        assert_eq!(serde_json::from_str::<Value>(&late).unwrap(), redacted);
    }
}

#[test]
fn credentials_go_that_the_api_does_not_annotate() {
    let google = "envoy.config.core.v3.GrpcService.GoogleGrpc.CallCredentials";
    for (name, members) in [
        (google, json!({"access_token": "SECRET"})),
        (google, json!({"google_refresh_token": "SECRET"})),
        (
            google,
            json!({"service_account_jwt_access": {"json_key": "SECRET", "token_lifetime_seconds": "60"}}),
        ),
        (
            google,
            json!({"google_iam": {"authorization_token": "SECRET", "authority_selector": "a"}}),
        ),
        (
            "envoy.extensions.grpc_service.call_credentials.access_token.v3.AccessTokenCredentials",
            json!({"token": "SECRET"}),
        ),
        (
            "envoy.extensions.filters.http.aws_lambda.v3.Credentials",
            json!({"access_key_id": "SECRET", "secret_access_key": "SECRET", "session_token": "SECRET"}),
        ),
        (
            "envoy.config.trace.v3.LightstepConfig",
            json!({"access_token": {"inline_bytes": "U0VDUkVU"}, "access_token_file": "/f"}),
        ),
        (
            "envoy.config.trace.v3.LightstepConfig",
            json!({"access_token": {"filename": "/etc/token"}}),
        ),
        (
            "envoy.extensions.http.injected_credentials.oauth2.v3.OAuth2",
            json!({
                "endpoint_params": [{"name": "x", "value": "SECRET"}],
                "client_credentials": {"client_id": "id"},
                "token_endpoint": {"uri": "https://a.example/t"},
            }),
        ),
        (
            "envoy.extensions.wasm.v3.VmConfig",
            json!({"environment_variables": {"host_env_keys": ["TOKEN"], "key_values": {"A": "SECRET"}}}),
        ),
    ] {
        assert_redacted(&message(name, members));
    }
}

#[test]
fn values_go_by_the_names_beside_them() {
    for (name, members) in [
        (
            "envoy.config.core.v3.HeaderValue",
            json!({"key": "x-api-key", "value": "SECRET"}),
        ),
        (
            "envoy.config.core.v3.HeaderValue",
            json!({"key": "Authorization", "value": "Bearer SECRET"}),
        ),
        (
            "envoy.config.core.v3.HeaderValue",
            json!({"key": "authorization", "value": "Bearer %REQ(x)%"}),
        ),
        (
            "envoy.config.core.v3.KeyValuePair",
            json!({"key": "password", "value": {"a": ["SECRET", true, null]}}),
        ),
        (
            "envoy.config.core.v3.KeyValue",
            json!({"key": "pwd", "value": "U0VDUkVU"}),
        ),
        (
            "opentelemetry.proto.common.v1.KeyValue",
            json!({"key": "api.token", "value": {"array_value": {"values": [{"string_value": "SECRET"}]}}}),
        ),
        (
            "envoy.extensions.common.ratelimit.v3.LocalRateLimitDescriptor",
            json!({"entries": [{"key": "api_key", "value": "SECRET"}, {"key": "path", "value": "/x"}]}),
        ),
        (
            "envoy.type.tracing.v3.CustomTag",
            json!({"tag": "session_token", "environment": {"name": "HOME", "default_value": "SECRET"}}),
        ),
        (
            "envoy.extensions.filters.http.header_to_metadata.v3.Config.Rule",
            json!({"header": "authorization", "on_header_missing": {"key": "k", "value": "SECRET", "type": "STRING"}}),
        ),
        (
            "envoy.extensions.filters.http.json_to_metadata.v3.JsonToMetadata.Rule",
            json!({"selectors": [{"key": "a"}, {"key": "password"}], "on_error": {"key": "k", "value": "SECRET"}}),
        ),
        (
            "envoy.extensions.filters.common.set_filter_state.v3.FilterStateValue",
            json!({"object_key": "token", "format_string": {"text_format_source": {"inline_string": "SECRET"}}}),
        ),
        (
            "envoy.extensions.tracers.opentelemetry.resource_detectors.v3.StaticConfigResourceDetectorConfig",
            json!({"attributes": {"api_key": "SECRET", "service": "s"}}),
        ),
        (
            "new.Type",
            json!({"env": [{"name": "DB_PASSWORD", "value": "SECRET"}, {"name": "LANG", "value": "C"}]}),
        ),
    ] {
        assert_redacted(&message(name, members));
    }
}

#[test]
fn a_name_that_only_hints_hides_what_looks_random() {
    let random = "8f14e45fceea167a5a36dedd4bea2543";
    let header = |value: &str| {
        message(
            "envoy.config.core.v3.HeaderValue",
            json!({"key": "x-signature", "value": value}),
        )
    };
    let value = |value: &str| {
        let redacted = redact_dump(&dump_with(header(value)));
        message_in(&redacted)["value"].clone()
    };
    assert_eq!(value(random), "[redacted]");
    assert_eq!(value("enabled"), "enabled");
}

#[test]
fn what_a_secret_is_matched_with_goes_and_how_it_is_matched_stays() {
    let header = "envoy.config.route.v3.HeaderMatcher";
    let input = |name: &str| json!({"name": "i", "typed_config": {"header_name": name, "@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput"}});
    for (name, members) in [
        (
            header,
            json!({"name": "authorization", "exact_match": "SECRET", "invert_match": true}),
        ),
        (
            header,
            json!({"name": "cookie", "string_match": {"safe_regex": {"regex": "SECRET"}, "ignore_case": true}}),
        ),
        (
            header,
            json!({"name": "x-pin", "range_match": {"start": "SECRET", "end": "SECRET"}}),
        ),
        (header, json!({"name": "x-api-key", "present_match": true})),
        (header, json!({"name": "x-version", "prefix_match": "v2"})),
        (
            "envoy.config.route.v3.QueryParameterMatcher",
            json!({"name": "token", "string_match": {"prefix": "SECRET"}}),
        ),
        (
            "envoy.type.matcher.v3.MetadataMatcher",
            json!({"filter": "f", "path": [{"key": "claims"}, {"key": "password"}], "value": {"string_match": {"exact": "SECRET"}}}),
        ),
        (
            "xds.type.matcher.v3.Matcher.MatcherTree",
            json!({"input": input("authorization"), "exact_match_map": {"map": {"SECRET": {"action": {"name": "a"}}}}}),
        ),
        (
            "xds.type.matcher.v3.Matcher.MatcherTree",
            json!({"input": input("x-user"), "exact_match_map": {"map": {"alice": {"action": {"name": "a"}}}}}),
        ),
        (
            "xds.type.matcher.v3.Matcher.MatcherList.Predicate.SinglePredicate",
            json!({"input": input("x-api-key"), "value_match": {"contains": "SECRET", "ignore_case": true}}),
        ),
    ] {
        // Keys are in the order of the alphabet once they were read.
        assert_redacted(&message(name, members));
    }
}

#[test]
fn free_form_members_go_by_their_names() {
    assert_redacted(&message(
        "new.Type",
        json!({
            "password": {"a": ["SECRET", "SECRET"], "on": true, "none": null},
            "users": {"inline_string": "SECRET"},
            "token_bucket": {"max_tokens": 3},
            "sds_secret_configs": [{"name": "n"}],
            "envoy.filters.http.jwt_authn": {"x": "y"},
            "kty": "none",
        }),
    ));
    let numbers = message("new.Type", json!({"pin": 1234, "port": 80}));
    let redacted = redact_dump(&dump_with(numbers));
    assert_eq!(message_in(&redacted)["pin"], "[redacted]");
    assert_eq!(message_in(&redacted)["port"], 80);
    // A field that is known is judged by the table alone.
    let known = message(
        "envoy.extensions.transport_sockets.tls.v3.CommonTlsContext",
        json!({"tls_certificate_sds_secret_configs": [{"name": "default", "sds_config": {"ads": {}}}]}),
    );
    assert_redacted(&known);
}

#[test]
fn json_in_texts_is_read_like_json() {
    let keys = r#" {"keys": [{"kty":"oct","kid":"a","k":"SECRET"},{"kty":"RSA","n":"abc","e":"AQAB","d":"SECRET"}] } "#;
    assert_redacted(&message(
        "envoy.extensions.filters.http.jwt_authn.v3.JwtProvider",
        json!({"local_jwks": {"inline_string": keys}}),
    ));
    // A text in a text in a text.
    let mut text = json!({"a": 1.0, "password": "SECRET"}).to_string();
    for _ in 0..5 {
        text = json!([text]).to_string();
    }
    assert_redacted(&message("new.Type", json!({"x": text})));
    let in_base64 = |text: &str| {
        use base64::{Engine, engine::general_purpose::STANDARD};
        message(
            "envoy.extensions.filters.http.jwt_authn.v3.JwtProvider",
            json!({"local_jwks": {"inline_bytes": STANDARD.encode(text)}}),
        )
    };
    let redacted = redact_dump(&dump_with(in_base64(keys)));
    let wanted = in_base64(&keys.replace("SECRET", "[redacted]"));
    assert_eq!(message_in(&redacted), &wanted);
}

#[test]
fn texts_in_each_other_without_end_go_as_a_whole() {
    for begin in ["[\"", "{\"a\":\""] {
        let mut text = "[1]".to_owned();
        for _ in 0..12 {
            text = format!("{begin}{}", &serde_json::Value::from(text).to_string()[1..]);
            text.push_str(if begin == "[\"" { "]" } else { "}" });
        }
        let dump = dump_with(message("new.Type", json!({"x": text})));
        let (redacted, replaced) = redact(Document::ConfigDump, &dump.to_string());
        assert_eq!(replaced, 1);
        assert_eq!(redact(Document::ConfigDump, &redacted), (redacted, 0));
    }
    let deep = "[".repeat(300) + &"]".repeat(300);
    let (redacted, replaced) = redact(Document::Syncz, &json!([deep]).to_string());
    assert_eq!((redacted.as_str(), replaced), (r#"["[redacted]"]"#, 1));
}

#[test]
fn bytes_go_unless_they_are_text() {
    let wrapper = |value: &str| message("google.protobuf.BytesValue", json!({"value": value}));
    for (bytes, stays) in [
        ("aGVsbG8gd29ybGQ=", true),
        ("AP8BAg==", false),
        ("CgVoZWxsbw==", false),
    ] {
        let redacted = redact_dump(&dump_with(wrapper(bytes)));
        let value = &message_in(&redacted)["value"];
        assert_eq!(value == bytes, stays, "{bytes}: {value}");
    }
}

#[test]
fn equal_secrets_have_one_token_in_any_spelling() {
    let key = Key::new([7; 32]);
    let token = key.token(b"SECRET").to_string();
    let dump = dump_with(json!([
        message(
            "envoy.config.core.v3.HeaderValue",
            json!({"key": "authorization", "value": "Bearer SECRET"})
        ),
        message(
            "envoy.config.core.v3.HeaderValue",
            json!({"key": "x-token", "raw_value": "U0VDUkVU"})
        ),
        message(
            "envoy.extensions.transport_sockets.tls.v3.GenericSecret",
            json!({"secret": {"inline_bytes": "U0VDUkVU"}})
        ),
        message(
            "new.Type",
            json!({"password": "SECRET", "x": "{\"password\":\"SECRET\"}"})
        ),
    ]));
    let mut output = Vec::new();
    let text = dump.to_string();
    Redactor::new(Policy::Tokens(key))
        .copy(Document::ConfigDump, &mut text.as_bytes(), &mut output)
        .unwrap();
    let output = String::from_utf8(output).unwrap();
    use base64::{Engine, engine::general_purpose::STANDARD};
    assert_eq!(output.matches(&token).count(), 3, "{output}");
    assert_eq!(
        output.matches(&STANDARD.encode(&token)).count(),
        2,
        "{output}"
    );
}

#[test]
fn names_that_are_there_twice_count_if_one_tells() {
    for text in [
        r#"{"key":"x","key":"authorization","value":"SECRET"}"#,
        r#"{"value":"SECRET","key":"authorization","key":"x"}"#,
        r#"{"\u006bey":"p\u0061ssword","value":"SECRET"}"#,
        r#"{"x":1,"password":"a","password":"SECRET"}"#,
        r#"{"@type":"t/new.Type","x":"SECRET","@type":"t/other.Type"}"#,
    ] {
        let text = format!(r#"{{"configs":[{{"@type":"x/new.Section","list":[{text}]}}]}}"#);
        let (redacted, _) = redact(Document::ConfigDump, &text);
        assert!(!redacted.contains("SECRET"), "{redacted}");
    }
}

#[test]
fn names_that_the_dump_shows_stay_in_reasons() {
    let dump = |details: &str| {
        json!({"configs": [{
            "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump",
            "dynamic_listeners": [{
                "error_state": {
                    "details": details,
                    "failed_configuration": message(
                        "envoy.config.listener.v3.Listener",
                        json!({"name": "edge", "metadata": {"filter_metadata": {"f": {"password": "hunter2", "cluster": "backend"}}}}),
                    ),
                },
            }],
        }]})
    };
    let sent = dump("'edge': no cluster 'backend' with 'hunter2' or 'other' in 'filter_chains'");
    let expected =
        dump("'edge': no cluster 'backend' with [redacted] or [redacted] in 'filter_chains'");
    let redacted = redact_dump(&sent);
    let path = "/configs/0/dynamic_listeners/0/error_state/details";
    assert_eq!(redacted.pointer(path), expected.pointer(path));
}

#[test]
fn every_rule_that_is_counted_is_in_the_table() {
    let mut all = Counts::default();
    let key = Redactor::new(Policy::Tokens(Key::new([1; 32])));
    let everything = json!({"configs": [{
        "@type": "x/new.Section",
        "a": PEM, "password": "x", "url": "https://u:secret@a.example", "ci": "ghp_0123456789abcdefghijABCDEFGHIJ012345", "jwk": {"kty": "oct", "k": "x"},
        "text": "password=hunter2 Authorization: Bearer abcdefgh12345678", "lastError": "'x'",
        "env": {"name": "token", "value": "x"}, "match": {"name": "token", "exact_match": "x"},
        "deep": "[".repeat(300) + &"]".repeat(300),
        "provider_name": "p", "config": {"x": "y"},
        "m": [
            message("envoy.extensions.filters.http.lua.v3.Lua", json!({"inline_code": "local t = 'hunter2secret'"})),
            message("envoy.extensions.wasm.v3.PluginConfig", json!({
                "configuration": message("google.protobuf.StringValue", json!({"value": "{\"token\":\"x\"}"})),
                "vm_config": {"environment_variables": {"key_values": {"A": "x"}}},
            })),
            message("google.protobuf.BytesValue", json!({"value": "AP8="})),
            message("envoy.extensions.transport_sockets.tls.v3.GenericSecret", json!({"secret": {"inline_string": "x"}})),
            message("envoy.extensions.filters.http.aws_lambda.v3.Credentials", json!({"access_key_id": "x"})),
            message("envoy.admin.v3.CommandLineOptions", json!({"config_yaml": "x"})),
        ],
    }]});
    for document in [Document::ConfigDump, Document::Syncz] {
        let text = everything.to_string();
        let counts = key
            .copy(document, &mut text.as_bytes(), &mut std::io::sink())
            .unwrap();
        all += &counts;
    }
    let counted: Vec<_> = all.iter().map(|(name, _)| name).collect();
    for name in &counted {
        assert!(RULES.iter().any(|rule| rule.name == *name), "{name}");
    }
    for rule in RULES {
        assert!(
            counted.contains(&rule.name),
            "{} is never counted",
            rule.name
        );
    }
}
