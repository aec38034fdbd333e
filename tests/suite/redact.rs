//! What is taken out of documents, what is not, and the laws of copying.

mod places;
mod rules;

use std::{
    io::{self, Read},
    path::Path,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use serde_json::{Value, json};
use xdsnap::{
    model::Document,
    redact::{RedactError, Redactor, scrub_reason},
    xds::Message,
};

const REDACTED: &str = "[redacted]";
const REDACTED_BYTES: &str = "W3JlZGFjdGVkXQ==";
const PEM: &str = "-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----";

fn recording(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/redact");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// What `document` comes out as, and how many values were replaced.
fn redact(document: Document, text: &str) -> (String, u64) {
    let mut output = Vec::new();
    let replaced = Redactor::default()
        .copy(document, &mut text.as_bytes(), &mut output)
        .unwrap_or_else(|error| panic!("{error}: {text:.300}"));
    let mut of_slice = Vec::new();
    let copied = Redactor::default().copy_slice(document, text.as_bytes(), &mut of_slice);
    assert!(
        of_slice == output && copied.unwrap() == replaced,
        "{text:.300}"
    );
    (String::from_utf8(output).unwrap(), replaced.total())
}

/// A config dump, redacted.
fn redact_dump(dump: &Value) -> Value {
    let (text, _) = redact(Document::ConfigDump, &dump.to_string());
    serde_json::from_str(&text).unwrap()
}

fn error_of(document: Document, input: &[u8]) -> (RedactError, Vec<u8>) {
    let mut output = Vec::new();
    let copied = Redactor::default().copy(document, &mut &*input, &mut output);
    let error = copied.unwrap_err();
    let of_slice = Redactor::default().copy_slice(document, input, &mut io::sink());
    assert_eq!(of_slice.unwrap_err().to_string(), error.to_string());
    (error, output)
}

/// A dump with one cluster that holds `message` in its metadata.
fn dump_with(message: Value) -> Value {
    json!({"configs": [{
        "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
        "version_info": "1",
        "dynamic_active_clusters": [{"cluster": {
            "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            "name": "c",
            "metadata": {"typed_filter_metadata": {"m": message}},
        }}],
    }]})
}

/// `message` as it stands in the redacted `dump` of [`dump_with`].
fn message_in(dump: &Value) -> &Value {
    let cluster = &dump["configs"][0]["dynamic_active_clusters"][0]["cluster"];
    &cluster["metadata"]["typed_filter_metadata"]["m"]
}

/// `message` with all keys in lowerCamelCase.
fn camel(message: &Value) -> Value {
    match message {
        Value::Object(members) => {
            let members = members.iter().map(|(key, value)| {
                let mut words = key.split('_');
                let first = words.next().unwrap_or_default().to_owned();
                let key = words.fold(first, |key, word| {
                    key + &word[..1].to_uppercase() + &word[1..]
                });
                (key, camel(value))
            });
            Value::Object(members.collect())
        }
        Value::Array(items) => items.iter().map(camel).collect(),
        other => other.clone(),
    }
}

/// The text of `message` with the member that tells its type at the end of every object.
fn type_last(message: &Value) -> String {
    match message {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(key, _)| matches!(key.as_str(), "@type" | "type_url" | "key"));
            let members: Vec<_> = members
                .into_iter()
                .map(|(key, value)| format!("{}:{}", json!(key), type_last(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(type_last).collect();
            format!("[{}]", items.join(","))
        }
        other => other.to_string(),
    }
}

fn assert_no_secret(text: &str, what: &str) {
    for secret in ["SECRET", "U0VDUkVU", "/etc/certs", "\"PW\""] {
        assert!(!text.contains(secret), "{secret} in {what}: {text}");
    }
    serde_json::from_str::<Value>(text).unwrap_or_else(|error| panic!("{what}: {error}: {text}"));
}

#[test]
fn annotated_fields_come_out_as_envoy_dumps_them() {
    let messages: Value = serde_json::from_str(&recording("sent_and_dumped.json")).unwrap();
    let messages = messages.as_object().unwrap();
    assert_eq!(messages.len(), 32);
    for (name, message) in messages {
        let redacted = redact_dump(&dump_with(message["in"].clone()));
        if !name.starts_with('n') && !name.starts_with("z3") {
            assert_eq!(message_in(&redacted), &message["out"], "{name}");
        }
        assert_no_secret(&redacted.to_string(), name);
    }
}

#[test]
fn secrets_are_found_in_every_form_of_a_message() {
    let messages: Value = serde_json::from_str(&recording("sent_and_dumped.json")).unwrap();
    for (name, message) in messages.as_object().unwrap() {
        let sent = &message["in"];
        let mut value = sent.clone();
        let url = value.as_object_mut().unwrap().remove("@type").unwrap();
        let any = "type.googleapis.com/google.protobuf.Any";
        let typed_struct = "type.googleapis.com/xds.type.v3.TypedStruct";
        let forms = [
            sent.clone(),
            json!({"@type": any, "value": sent}),
            json!({"@type": typed_struct, "type_url": url, "value": value}),
            // Of an unknown type, and an Any where the schema expects a text.
            json!({"@type": "type.googleapis.com/new.Type", "list": [{"config": sent}]}),
            json!({"@type": "type.googleapis.com/envoy.config.core.v3.Address", "pipe": {"path": sent}}),
        ];
        for form in forms {
            for dump in [dump_with(form.clone()), camel(&dump_with(form.clone()))] {
                for text in [dump.to_string(), type_last(&dump), format!("{dump:#}")] {
                    let (redacted, replaced) = redact(Document::ConfigDump, &text);
                    assert_no_secret(&redacted, &format!("{name} as {form}"));
                    assert!(replaced > 0);
                    assert_eq!(
                        redact(Document::ConfigDump, &redacted),
                        (redacted.clone(), 0)
                    );
                }
            }
        }
    }
}

#[test]
fn every_annotated_field_of_the_api_is_redacted_whatever_it_holds() {
    let everything = json!({
        "inline_string": "SECRET", "inline_bytes": "U0VDUkVU", "filename": "/etc/certs",
        "config": {"@type": "type.googleapis.com/new.Type", "key": 0, "x": ["SECRET", 7, true, null]},
    });
    let everything = everything.to_string();
    let messages = [
        (
            "envoy.extensions.transport_sockets.tls.v3.TlsCertificate",
            "pkcs12",
        ),
        (
            "envoy.extensions.private_key_providers.qat.v3alpha.QatPrivateKeyMethodConfig",
            "private_key",
        ),
        ("envoy.config.trace.v3.ClientConfig", "backendToken"),
        ("envoy.api.v2.auth.TlsSessionTicketKeys", "keys"),
    ];
    for (message, field) in messages {
        assert!(
            Message::find(message)
                .unwrap()
                .field(field)
                .unwrap()
                .is_sensitive()
        );
        for value in [
            everything.clone(),
            format!("[{everything}]"),
            "\"SECRET\"".into(),
        ] {
            let text = format!(r#"{{"configs":[{{"@type":"x/{message}","{field}":{value}}}]}}"#);
            assert_no_secret(&redact(Document::ConfigDump, &text).0, message);
        }
    }
}

#[test]
fn below_a_secret_only_names_types_and_presence_are_left() {
    let dump = dump_with(json!({
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.PrivateKeyProvider",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.private_key_providers.cryptomb.v3alpha.CryptoMbPrivateKeyMethodConfig",
            "private_key": {"inline_bytes": "AAEC"},
            "poll_delay": "0.02s",
            "unknown": [1, -2.5e3, "1", true, false, null, "", 0, {"@type": "hunter2", "type_url": "hunter2"}, {"@type": "type.googleapis.com/new.Type"}],
        },
    }));
    assert_eq!(
        message_in(&redact_dump(&dump))["typed_config"],
        json!({
            "@type": "type.googleapis.com/envoy.extensions.private_key_providers.cryptomb.v3alpha.CryptoMbPrivateKeyMethodConfig",
            "private_key": {"inline_bytes": REDACTED_BYTES},
            "poll_delay": REDACTED,
            "unknown": [REDACTED, REDACTED, REDACTED, REDACTED, REDACTED, null, "", REDACTED, {"@type": REDACTED, "type_url": REDACTED}, {"@type": "type.googleapis.com/new.Type"}],
        })
    );
}

#[test]
fn what_is_redacted_already_is_left_and_not_counted() {
    for (name, value) in [
        ("inline_string", REDACTED),
        ("inline_bytes", REDACTED_BYTES),
        ("inlineBytes", REDACTED_BYTES),
        ("inline_string", "<Redacted>"),
        ("inline_string", ""),
    ] {
        let dump = dump_with(json!({
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.TlsCertificate",
            "private_key": {name: value},
        }));
        let text = dump.to_string();
        assert_eq!(redact(Document::ConfigDump, &text), (text, 0));
    }
}

#[test]
fn only_the_secrets_of_a_recorded_dump_change() {
    type Changes = &'static [(&'static str, &'static str)];
    let cases: [(&str, Document, Changes, u64); 4] = [
        (
            "sensitive.config_dump.json",
            Document::ConfigDump,
            &[
                (r#""Bearer SECRET""#, r#""Bearer [redacted]""#),
                (r#""SECRET""#, r#""[redacted]""#),
                (r#""SECRET-NOT-REDACTED""#, r#""[redacted]""#),
                (r#""local k=\"SECRET\"""#, r#""local k=\"[redacted]\"""#),
                (r#"{\"token\":\"SECRET\"}"#, r#"{\"token\":\"[redacted]\"}"#),
                (r#""{\"private_key\":\"SECRET\"}""#, r#""[redacted]""#),
                (r#""AP8=""#, r#""W3JlZGFjdGVkXQ==""#),
            ],
            13,
        ),
        (
            "rejected.config_dump.json",
            Document::ConfigDump,
            &[
                (r#"[string \"this is not lua (\"]"#, "[string [redacted]]"),
                ("near 'is'", "near [redacted]"),
            ],
            // Two places in each of two reasons.
            4,
        ),
        (
            "rejected.syncz.json",
            Document::Syncz,
            &[
                (
                    r#"[string \"function envoy_on_request(handle)...\"]"#,
                    "[string [redacted]]",
                ),
                // A string that changes is written anew.
                (r"\u003ceof\u003e", "<eof>"),
            ],
            2,
        ),
        ("rejected_cluster.syncz.json", Document::Syncz, &[], 0),
    ];
    for (name, document, secrets, count) in cases {
        let recorded = recording(name);
        let mut expected = recorded.clone();
        for (secret, replacement) in secrets {
            assert!(expected.contains(secret), "{secret} in {name}");
            expected = expected.replace(secret, replacement);
        }
        let (redacted, replaced) = redact(document, &recorded);
        assert!(redacted == expected, "{name}: {redacted}");
        assert_eq!(replaced, count, "{name}");
        assert_eq!(redact(document, &redacted), (redacted, 0), "{name}");
    }
}

#[test]
fn spelling_that_is_no_secret_is_copied_as_it_is() {
    let texts = [
        "{}",
        "[]",
        " [ ] \n",
        "\u{feff}{\"a\" : [1.0 , -0, 1e-07,1E+300 , 12345678901234567890]}\r\n",
        "{\"configs\" :\t[ {\"@type\" : \"x/envoy.admin.v3.ClustersConfigDump\" , \"static_clusters\":[ ] } , {} , [] , 1 ] }",
        r#"{"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.ListenersConfigDump",
            "dynamic_listeners": [{"name":"\u003ca\u003E \/ \"é\ud83d\ude00"},null,true, "x"],"version_info":5}]}"#,
        r#"{"a":{"@type":1},"b":{"type_url":null},"key":{"key":{},"value":"v"},"@type":{}}"#,
        r#"{"stats":[{"name":"cluster.x.update_rejected","value":0}]}"#,
    ];
    for text in texts {
        for document in Document::ALL {
            assert_eq!(redact(document, text), (text.to_owned(), 0), "{document}");
        }
    }
}

#[test]
fn private_keys_are_found_in_any_string() {
    let escaped = PEM.replace('\n', "\\n");
    let with_key = |text: &str| {
        json!([{
            "text": text, "name": {text: [text]}, "node": {"metadata": {"x": text}},
            "@type": "type.googleapis.com/new.Type",
        }, {
            "@type": "type.googleapis.com/google.protobuf.Struct", "value": {"x": text},
        }])
    };
    for key in [PEM, &escaped, PEM.split_once("\n-----END").unwrap().0] {
        // A log is lines of text.
        for document in Document::ALL.into_iter().filter(|it| *it != Document::Log) {
            let text = json!({"configs": with_key(key), "other": with_key(key)}).to_string();
            let expected = json!({"configs": with_key(REDACTED), "other": with_key(REDACTED)});
            let (redacted, replaced) = redact(document, &text);
            assert_eq!(serde_json::from_str::<Value>(&redacted).unwrap(), expected);
            assert_eq!(replaced, 10);
        }
    }
    let around = format!("certificate\n{PEM}\nmore");
    let keys =
        |key: &str| format!(r#"{{"configs":[{{"@type":"x/new.Section",{key}:1}}],{key}:2}}"#);
    let (text, replaced) = redact(Document::ConfigDump, &keys(&json!(PEM).to_string()));
    assert_eq!((text, replaced), (keys("\"[redacted]\""), 2));
    let listener = json!({"configs": with_key(&around)});
    let expected = json!({"configs": with_key("certificate\n[redacted]\nmore")});
    assert_eq!(redact_dump(&listener), expected);
}

#[test]
fn private_keys_are_found_in_bytes() {
    let certificate = |bytes: &str| {
        dump_with(json!({
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.TlsCertificate",
            "certificate_chain": {"inline_bytes": bytes},
        }))
    };
    let public = STANDARD.encode("-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n");
    assert_eq!(redact_dump(&certificate(&public)), certificate(&public));
    let secret = STANDARD.encode(format!("-----BEGIN CERTIFICATE-----\n{PEM}"));
    let scrubbed = STANDARD.encode(format!("-----BEGIN CERTIFICATE-----\n{REDACTED}"));
    assert_eq!(redact_dump(&certificate(&secret)), certificate(&scrubbed));
    assert_eq!(
        redact_dump(&camel(&certificate(&secret))),
        camel(&certificate(&scrubbed))
    );
    let binary = STANDARD.encode(format!("\u{0}{PEM}"));
    assert_eq!(
        redact_dump(&certificate(&binary)),
        certificate(REDACTED_BYTES)
    );
    let unknown =
        |bytes: &str| dump_with(json!({"@type": "x/new.Type", "chain": {"inlineBytes": bytes}}));
    assert_eq!(redact_dump(&unknown(&secret)), unknown(&scrubbed));
    let wrapper =
        |bytes: &str| dump_with(json!({"@type": "x/google.protobuf.BytesValue", "value": bytes}));
    assert_eq!(redact_dump(&wrapper(&secret)), wrapper(&scrubbed));
    assert_eq!(redact_dump(&wrapper(&binary)), wrapper(REDACTED_BYTES));
}

#[test]
fn values_of_secret_headers_go_and_what_they_are_matched_with() {
    let route = |value: &str, bytes: &str| {
        let route = json!({
            "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
            "request_headers_to_add": [
                {"header": {"key": "Authorization", "value": value}},
                {"header": {"value": value, "key": "X-Api-Token"}, "append": true},
                {"header": {"key": "cookie", "raw_value": bytes}},
                {"header": {"key": "x-forwarded-host", "value": "%REQ(host)%"}},
            ],
            "virtual_hosts": [{"routes": [{"match": {"headers": [
                {"name": "authorization", "string_match": {"exact": value, "ignore_case": true}},
                {"string_match": {"prefix": "v"}, "name": "x-version"},
            ]}}]}],
        });
        json!({"configs": [{
            "@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump",
            "static_route_configs": [{"route_config": route}],
        }, {
            // Without a schema, by shape alone.
            "@type": "type.googleapis.com/new.Type",
            "headers": [{"key": "set-cookie", "value": value}, {"value": "v", "key": "k"}],
        }]})
    };
    let dump = route("SECRET", "U0VDUkVU");
    let expected = route(REDACTED, REDACTED_BYTES);
    assert_eq!(redact_dump(&dump), expected);
    let (text, _) = redact(Document::ConfigDump, &type_last(&dump));
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
    assert_eq!(redact_dump(&camel(&dump)), camel(&expected));
}

#[test]
fn the_configuration_on_the_command_line_goes() {
    let info = |yaml: &str| json!({"version": "v", "command_line_options": {"config_yaml": yaml, "log_level": "info"}});
    for spell in [Value::clone, camel] {
        let (text, replaced) = redact(Document::ServerInfo, &spell(&info("a: SECRET")).to_string());
        assert_eq!(text, spell(&info(REDACTED)).to_string());
        assert_eq!(replaced, 1);
        let empty = spell(&info("")).to_string();
        assert_eq!(redact(Document::ServerInfo, &empty), (empty, 0));
    }
}

#[test]
fn details_of_rejections_are_scrubbed_wherever_they_stand() {
    let dump = |details: &str| {
        json!({"configs": [
            {
                "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump",
                "dynamic_listeners": [{"name": "l", "error_state": {"details": details}}],
            },
            {"@type": "x/envoy.admin.v3.ListenersConfigDump.DynamicListener", "error_state": {"details": details}},
            {"@type": "x/new.Section", "elements": [{"error_state": {"details": details}}]},
        ]})
    };
    let secret = dump("bad: goo.gle/debugonly  users { inline_string: \"SECRET\" }");
    let expected = dump("bad: [redacted]");
    assert_eq!(redact_dump(&secret), expected);
    assert_eq!(redact_dump(&camel(&secret)), camel(&expected));
}

#[test]
fn sections_are_read_by_their_lists_if_their_type_is_missing_or_unknown() {
    let element = json!({
        "name": "s", "secret": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
            "generic_secret": {"secret": {"inline_bytes": "U0VDUkVU"}},
        },
        "error_state": {"details": "'SECRET'"},
    });
    let list = json!({"dynamic_warming_secrets": [element]});
    let unknown =
        json!({"@type": "x/new.Section", "dynamic_warming_secrets": [element], "more": [element]});
    let sections = [
        json!({"configs": [list]}),
        json!({"configs": [unknown]}),
        json!({"configs": [element]}),
        json!([element]),
        list,
        element,
    ];
    for section in sections {
        for section in [section.clone(), camel(&section)] {
            for text in [section.to_string(), type_last(&section)] {
                let (redacted, replaced) = redact(Document::ConfigDump, &text);
                assert_no_secret(&redacted, &text);
                assert!(redacted.contains(REDACTED_BYTES), "{redacted}");
                assert!(replaced >= 2);
            }
        }
    }
}

#[test]
fn a_document_that_is_one_message_is_read_by_its_type() {
    for (url, text) in [
        (
            "envoy.config.core.v3.HeaderValue",
            r#""key":"authorization","value":"SECRET""#,
        ),
        (
            "new.HeaderValue",
            r#""key":"authorization","value":"SECRET""#,
        ),
        (
            "udpa.type.v1.TypedStruct",
            r#""type_url":"x/envoy.extensions.transport_sockets.tls.v3.TlsSessionTicketKeys","value":{"keys":["SECRET"]}"#,
        ),
        (
            "google.protobuf.StringValue",
            r#""value":"-----BEGIN PRIVATE KEY-----SECRET""#,
        ),
    ] {
        let message = format!(r#"{{"@type":"type.googleapis.com/{url}",{text}}}"#);
        for text in [
            message.clone(),
            format!("[{message}]"),
            format!(r#"{{"configs":[[{message}]]}}"#),
        ] {
            assert_no_secret(&redact(Document::ConfigDump, &text).0, &text);
        }
    }
}

#[test]
fn a_byte_order_mark_makes_no_text_of_json() {
    let members = |error: &str| format!("\u{feff} [{{\"lastError\": \"{error}\"}}]");
    assert_eq!(
        redact(Document::Syncz, &members("'SECRET'")),
        (members(REDACTED), 1)
    );
}

#[test]
fn text_is_copied_but_for_private_keys() {
    let page = "Failed to convert protobuf message to JSON string: INVALID_ARGUMENT: could not find @type 'x.y/a.B'";
    for text in ["", " \n", "1.30.3-abcdef-Clean\n", "null", page] {
        for document in Document::ALL {
            assert_eq!(redact(document, text), (text.to_owned(), 0));
        }
    }
    let (redacted, replaced) = redact(Document::ConfigDump, &format!("error\n{PEM}\nin a\n{PEM}"));
    assert_eq!(
        (redacted.as_str(), replaced),
        ("error\n[redacted]\nin a\n[redacted]", 2)
    );
}

#[test]
fn what_is_neither_json_nor_text_is_refused() {
    let long = "x".repeat(100_000);
    let cases: [(&[u8], u64); 3] = [
        (b"\x1f\x8b\x08 gzip", 1),
        (b"text \xff", 5),
        (long.as_bytes(), 65_536),
    ];
    for (input, expected) in cases {
        let (error, output) = error_of(Document::ConfigDump, input);
        assert!(
            matches!(error, RedactError::NotText { offset, .. } if offset == expected),
            "{error}"
        );
        assert_eq!(output, b"");
    }
    assert_eq!(redact(Document::Stats, &long), (long, 0));
}

#[test]
fn malformed_json_is_refused_with_its_place() {
    let section = r#"{"@type":"x/envoy.admin.v3.ClustersConfigDump","static_clusters""#;
    let cases = [
        ("{".to_owned(), 1),
        ("[1,]".to_owned(), 3),
        ("[1 2]".to_owned(), 3),
        ("[1x]".to_owned(), 2),
        ("{}x".to_owned(), 2),
        ("{} {}".to_owned(), 3),
        (r#"{"configs":}"#.to_owned(), 11),
        (r#"{"configs":[{"a":[}]}]}"#.to_owned(), 18),
        (r#"{"configs" []}"#.to_owned(), 11),
        (r#"{"configs":[],}"#.to_owned(), 14),
        (r#"{configs:[]}"#.to_owned(), 1),
        (r#"{"configs":["\x"]}"#.to_owned(), 14),
        (r#"{"configs":[{"a":tru}]}"#.to_owned(), 20),
        (r#"{"configs":[{"a":01}]}"#.to_owned(), 18),
        (format!("{{\"configs\":[{section}:[{{\"a\":1]}}"), 84),
    ];
    for (text, place) in cases {
        let (error, _) = error_of(Document::ConfigDump, text.as_bytes());
        assert!(
            matches!(error, RedactError::Json { offset, .. } if offset == place),
            "{error}: {text}"
        );
    }
    let (error, _) = error_of(Document::Syncz, b"[\"\xff\"]");
    assert!(
        matches!(error, RedactError::Json { offset: 2, .. }),
        "{error}"
    );
}

#[test]
fn a_document_that_is_cut_off_is_refused_and_leaks_nothing() {
    let messages: Value = serde_json::from_str(&recording("sent_and_dumped.json")).unwrap();
    let messages: Vec<_> = messages.as_object().unwrap().values().collect();
    let messages: Value = messages
        .iter()
        .map(|message| message["in"].clone())
        .collect();
    let text = json!({"configs": messages}).to_string();
    // At every byte, secrets of each kind are cut in `canary::shapes`.
    for end in (1..text.len()).step_by(5) {
        let (error, output) = error_of(Document::ConfigDump, &text.as_bytes()[..end]);
        assert!(
            matches!(error, RedactError::Json { offset, .. } if offset as usize <= end),
            "{error}"
        );
        let output = String::from_utf8(output).unwrap();
        assert!(
            !output.contains("SECRET") && !output.contains("U0VD"),
            "{output}"
        );
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert_eq!(redact(Document::Syncz, &nested(256)), (nested(256), 0));
    for text in [
        nested(257),
        "[".repeat(1 << 20),
        format!("[{}]", r#"{"a":"#.repeat(1 << 20)),
    ] {
        let (error, _) = error_of(Document::Syncz, text.as_bytes());
        assert!(matches!(error, RedactError::TooDeep { .. }), "{error}");
    }
}

#[test]
fn a_value_may_be_large_but_not_a_whole_document_in_memory() {
    const MIB: u64 = 1 << 20;
    let head = br#"{"configs":[{"@type":"x/envoy.admin.v3.ClustersConfigDump","static_clusters":["#;
    let mut endless = head.chain(&b"\""[..]).chain(io::repeat(b'x'));
    let error = Redactor::default().copy(Document::ConfigDump, &mut endless, &mut io::sink());
    let start = head.len() as u64;
    assert!(matches!(error, Err(RedactError::TooLarge { offset }) if offset == start));

    let element = format!("\"{}\",", "x".repeat(MIB as usize));
    let mut input: Box<dyn Read> = Box::new(&head[..]);
    for _ in 0..72 {
        input = Box::new(input.chain(element.as_bytes()));
    }
    let mut input = input.chain(&b"0]}]}"[..]);
    let copied = Redactor::default().copy(Document::ConfigDump, &mut input, &mut io::sink());
    assert_eq!(copied.unwrap().total(), 0);
}

#[test]
fn failures_of_input_and_output_are_told_apart() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let redactor = Redactor::default();
    let mut broken = (&b"[1"[..]).chain(Broken);
    let error = redactor.copy(Document::Syncz, &mut broken, &mut io::sink());
    assert!(matches!(error, Err(RedactError::Read(_))));
    let error = redactor.copy(Document::Syncz, &mut &b"[1]"[..], &mut &mut [0_u8; 1][..]);
    assert!(matches!(error, Err(RedactError::Write(_))));
}

/// Reads as many bytes at a time as it is told, in turn.
struct Chunks<'a> {
    text: &'a [u8],
    sizes: std::iter::Cycle<std::slice::Iter<'a, usize>>,
}

impl Read for Chunks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes.next().map_or(1, |size| *size);
        let size = size.min(self.text.len()).min(buffer.len());
        let (chunk, rest) = self.text.split_at(size);
        buffer[..size].copy_from_slice(chunk);
        self.text = rest;
        Ok(size)
    }
}

/// JSON made of the names and texts that rules look for.
fn documents() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec![
        "@type",
        "type_url",
        "key",
        "value",
        "raw_value",
        "configs",
        "dynamic_listeners",
        "secret",
        "secrets",
        "static_clusters",
        "cluster",
        "metadata",
        "typed_filter_metadata",
        "private_key",
        "inline_bytes",
        "inlineString",
        "error_state",
        "details",
        "lastError",
        "name",
        "keys",
        "kty",
        "k",
        "password",
        "sig",
        "users",
        "string_match",
        "header",
        "provider_name",
        "config",
        "input",
        "typed_config",
        "header_name",
        "value_match",
        "x",
        PEM,
    ]);
    let text = prop::sample::select(vec![
        "type.googleapis.com/envoy.admin.v3.ListenersConfigDump",
        "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
        "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.GenericSecret",
        "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.TlsCertificate",
        "type.googleapis.com/envoy.config.core.v3.HeaderValue",
        "type.googleapis.com/xds.type.v3.TypedStruct",
        "type.googleapis.com/google.protobuf.Any",
        "type.googleapis.com/google.protobuf.Duration",
        "type.googleapis.com/google.protobuf.BytesValue",
        "type.googleapis.com/envoy.config.route.v3.HeaderMatcher",
        "type.googleapis.com/envoy.extensions.wasm.v3.PluginConfig",
        "type.googleapis.com/new.Type",
        "authorization",
        "x-signature",
        "8f14e45fceea167a5a36dedd4bea2543",
        "Bearer abcdefghijklmnop1234",
        "Basic %REQ(x)%",
        "{\"password\":[\"a\",1,{\"kty\":\"oct\",\"k\":\"b\"}]}",
        "[\"{\\\"token\\\":\\\"a\\\"}\"]",
        "eyJwYXNzd29yZCI6ImEifQ==",
        "{",
        "it's 'a \"text\"' <é>",
        "AAEC",
        "",
        REDACTED,
        REDACTED_BYTES,
        PEM,
    ]);
    let leaf = prop_oneof![
        4 => text.prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    let value = leaf.prop_recursive(6, 80, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..6).prop_map(|members| {
                let members = members
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value));
                Value::Object(members.collect())
            }),
        ]
    });
    prop_oneof![
        value.clone().prop_map(|value| json!([value])),
        value.prop_map(|value| json!({"configs": [value]})),
    ]
}

/// `value` with its texts, numbers and keys of private keys left out.
fn outline(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.iter().map(|(key, value)| {
                let key = if key == PEM { REDACTED } else { key };
                (key.to_owned(), outline(value))
            });
            Value::Object(members.collect())
        }
        Value::Array(items) => items.iter().map(outline).collect(),
        // What stands for a number or a boolean is a text.
        Value::String(_) | Value::Number(_) | Value::Bool(_) => "".into(),
        Value::Null => Value::Null,
    }
}

proptest! {
    #[test]
    fn redacting_twice_is_redacting_once(value in documents(), is_pretty: bool) {
        let text = if is_pretty { format!("{value:#}") } else { type_last(&value) };
        for document in [Document::ConfigDump, Document::Syncz] {
            let (once, replaced) = redact(document, &text);
            prop_assert_eq!(replaced == 0, once == text);
            prop_assert!(!once.contains("SECRET"));
            let redacted: Value = serde_json::from_str(&once).unwrap();
            prop_assert_eq!(outline(&redacted), outline(&value));
            prop_assert_eq!(redact(document, &once), (once, 0));
        }
    }

    #[test]
    fn how_the_input_is_cut_into_reads_does_not_matter(
        value in documents(),
        sizes in prop::collection::vec(1_usize..40, 1..8),
    ) {
        let text = format!("\u{feff} {value:#}\n");
        let mut chunks = Chunks { text: text.as_bytes(), sizes: sizes.iter().cycle() };
        let mut output = Vec::new();
        let copied = Redactor::default().copy(Document::ConfigDump, &mut chunks, &mut output).unwrap();
        let output = String::from_utf8(output).unwrap();
        prop_assert_eq!((output, copied.total()), redact(Document::ConfigDump, &text));
    }

    #[test]
    fn input_that_is_no_document_never_panics(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "{", "}", "[", "]", ",", ":", "\"", "\\", " ", "1", "-", "tru", "\"@type\"", "\"configs\"", "\\u00", "é",
            ]),
            0..24,
        ),
        bytes in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let mut input = pieces.concat().into_bytes();
        input.extend(bytes);
        let _ = Redactor::default().copy(Document::ConfigDump, &mut &*input, &mut io::sink());
    }

    #[test]
    fn scrubbing_a_reason_twice_is_scrubbing_it_once(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "near ", "'", "\"", "\\", "{", "\n", "goo.gle/debug", "[string \"", "\"]:1:", "'end'", "n't ", "'s ",
                "a", " ", "'envoy.x.Y'", "'<eof>'", "Duplicated credential key: ", "é", "-----BEGIN PRIVATE KEY-----",
                "-----END PRIVATE KEY-----", "_",
            ]),
            0..16,
        ),
    ) {
        let details = words.concat();
        let (once, changed) = scrub_reason(&details);
        prop_assert_eq!(changed, once != details);
        prop_assert_eq!(scrub_reason(&once), (once, false));
    }
}
