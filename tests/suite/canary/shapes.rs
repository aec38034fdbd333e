//! What a secret looks like, wherever it stands: every field of the API that can hold a text, and texts themselves.

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Value, json};
use xdsnap::model::Document;

use super::{
    annotated::POOL,
    case::{
        Case, awkward, base64, bootstrap, cases, cluster, jwt, manager, pem, plain, rejected, syncz,
    },
    search::{HEAD, Needles, TAIL},
};

/// 20 letters and digits of a planted secret, and as many more as `length` asks for.
fn body(length: usize) -> String {
    let middle: String = "0a1B2c3D4e5F6g7H8i9J"
        .chars()
        .cycle()
        .take(length - HEAD.len() - TAIL.len())
        .collect();
    format!("{HEAD}{middle}{TAIL}")
}

/// What vendors' tokens look like, and schemes, URLs and keys: what stands around it, and what it is.
fn shapes() -> Vec<(&'static str, String)> {
    vec![
        ("GitHub, personal", format!("ghp_{}", body(36))),
        ("GitHub, OAuth", format!("gho_{}", body(36))),
        ("GitHub, server", format!("ghs_{}", body(36))),
        ("GitHub, fine-grained", format!("github_pat_{}", body(82))),
        ("GitLab", format!("glpat-{}", body(20))),
        (
            "Slack, bot",
            format!("xoxb-123456789012-123456789012-{}", body(24)),
        ),
        ("Slack, user", format!("xoxp-123456789012-{}", body(24))),
        (
            "Slack, hook",
            format!(
                "https://hooks.slack.com/services/T00000000/B00000000/{}",
                body(24)
            ),
        ),
        ("Stripe", format!("sk_live_{}", body(24))),
        ("Stripe, restricted", format!("rk_live_{}", body(24))),
        ("Google", format!("AIza{}", body(35))),
        ("SendGrid", format!("SG.{}.{}", body(22), body(43))),
        ("npm", format!("npm_{}", body(36))),
        ("PyPI", format!("pypi-AgEIcHlwaS5vcmc{}", body(60))),
        ("Vault", format!("hvs.{}", body(90))),
        (
            "DigitalOcean",
            format!("dop_v1_{}", "0123456789abcdef".repeat(4)),
        ),
        ("JWT", jwt()),
        ("PEM", pem()),
        ("PEM, escaped", pem().replace('\n', "\\n")),
        ("PEM in base64", base64(&pem())),
        ("PEM of RSA", pem().replace("PRIVATE", "RSA PRIVATE")),
        (
            "PEM, encrypted",
            pem().replace("PRIVATE", "ENCRYPTED PRIVATE"),
        ),
        (
            "PEM of OpenSSH",
            pem().replace("PRIVATE", "OPENSSH PRIVATE"),
        ),
        ("Bearer", format!("Bearer {}", body(24))),
        ("bearer", format!("bearer {}", body(40))),
        (
            "Basic",
            format!("Basic {}", base64(&format!("user:{}", plain()))),
        ),
        (
            "user info",
            format!("https://user:{}@host.example/path", plain()),
        ),
        (
            "user info, escaped",
            format!("https://user:p%40{}%3A@host.example/path", plain()),
        ),
        (
            "user info without user",
            format!("redis://:{}@host.example:6379/0", plain()),
        ),
        (
            "user info of a database",
            format!(
                "postgresql://app:{}@db.example:5432/x?sslmode=require",
                plain()
            ),
        ),
        (
            "user info alone",
            format!("https://{}@host.example", plain()),
        ),
        (
            "token parameter",
            format!("https://host.example/x?a=b&access_token={}", plain()),
        ),
        ("key parameter", format!("/x?api_key={}&b=c", plain())),
        (
            "signature parameter",
            format!("https://blob.example/c?sv=2020&sig={}", body(44)),
        ),
        (
            "AWS signature",
            format!(
                "https://s3.example/k?X-Amz-Credential=a&X-Amz-Signature={}",
                body(64)
            ),
        ),
        (
            "connection string",
            format!("Server=db.example;User Id=app;Password={};", plain()),
        ),
        (
            "Azure storage",
            format!(
                "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={};EndpointSuffix=x",
                body(86)
            ),
        ),
        ("assignment", format!("password={}", plain())),
        ("assignment with a colon", format!("api_key: {}", plain())),
        (
            "assignment, quoted",
            format!("client_secret = \"{}\"", plain()),
        ),
        ("flag", format!("run --password {}", plain())),
        ("flag with =", format!("run --api-key={}", plain())),
        ("environment", format!("DB_PASSWORD={} LANG=C", plain())),
        ("header", format!("Authorization: Token {}", plain())),
    ]
}

/// The same where something is around it, which stays.
fn surrounded(shape: &str) -> String {
    format!("stays-before {shape} stays-after")
}

fn shape_in_a_struct_a_header_an_annotation_and_an_environment() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, shape) in shapes() {
        let metadata =
            |value: &Value| cluster(json!({"metadata": {"filter_metadata": {"f": {"x": value}}}}));
        cases.extend([
            Case::dump(format!("{name}: Struct"), &metadata(&json!(shape))),
            Case::dump(format!("{name}: list"), &metadata(&json!([[shape]]))),
            Case::dump(format!("{name}: surrounded"), &metadata(&json!(surrounded(&shape)))).keeping(&["stays-before", "stays-after"]),
            Case::dump(format!("{name}: annotation"), &bootstrap(json!({"node": {"metadata": {"ANNOTATIONS": {"a.example/b": shape}}}}))),
            Case::dump(format!("{name}: header"), &manager(json!({"request_headers_to_add": [{"header": {"key": "x-other", "value": shape}}]}))),
            Case::dump(format!("{name}: key"), &metadata(&json!({&*shape: 1}))),
            Case::dump(format!("{name}: JSON in a string"), &metadata(&json!(json!({"x": [shape]}).to_string()))),
        ]);
    }
    cases
}

fn shape_in_a_reason_and_on_every_page() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, shape) in shapes() {
        let text = surrounded(&shape);
        cases.push(
            Case::dump(format!("{name}: details"), &rejected(&text)).keeping(&["stays-before"]),
        );
        cases.push(syncz(&text));
        for document in [
            Document::ConfigDump,
            Document::ServerInfo,
            Document::Clusters,
            Document::Listeners,
            Document::Certs,
            Document::Stats,
            Document::Syncz,
            Document::Version,
        ] {
            cases.push(
                Case::new(format!("{name}: {document} as text"), document, &text)
                    .keeping(&["stays-before", "stays-after"]),
            );
            cases.push(
                Case::new(
                    format!("{name}: {document} as JSON"),
                    document,
                    json!({"x": text, "y": [{"z": shape}]}),
                )
                .keeping(&["stays-before", "stays-after"]),
            );
        }
    }
    cases
}

fn shape_on_the_page_of_certificates() -> Vec<Case> {
    let details = |path: &str| json!({"path": path, "serial_number": "stays-here", "subject_alt_names": [{"uri": format!("https://u:{}@san.example", plain())}]});
    let page = json!({"certificates": [{"ca_cert": [details(&format!("/etc/{}", pem()))], "cert_chain": [details("<inline>")]}]});
    cases([Case::new("/certs", Document::Certs, page).keeping(&[
        "stays-here",
        "<inline>",
        "san.example",
    ])])
}

/// What `message` holds of texts, each of them `shape`: two levels deep.
fn filled(message: &MessageDescriptor, shape: &str, depth: usize) -> Value {
    let mut members = serde_json::Map::new();
    let mut oneofs = Vec::new();
    for field in message.fields() {
        // One of each oneof can be set.
        let oneof = field
            .containing_oneof()
            .map(|oneof| oneof.full_name().to_owned());
        if oneof.is_some() && oneofs.contains(&oneof) {
            continue;
        }
        if let Some(value) = filled_field(&field, shape, depth) {
            oneofs.push(oneof);
            members.insert(field.name().to_owned(), value);
        }
    }
    Value::Object(members)
}

fn filled_field(field: &FieldDescriptor, shape: &str, depth: usize) -> Option<Value> {
    if field.is_map() {
        let Kind::Message(entry) = field.kind() else {
            return None;
        };
        let value = filled_kind(&entry.map_entry_value_field().kind(), shape, depth)?;
        return Some(json!({"k": value}));
    }
    let value = filled_kind(&field.kind(), shape, depth)?;
    Some(match field.is_list() {
        true => json!([value, value]),
        false => value,
    })
}

fn filled_kind(kind: &Kind, shape: &str, depth: usize) -> Option<Value> {
    match kind {
        Kind::String => Some(json!(shape)),
        Kind::Bytes => Some(json!(base64(shape))),
        Kind::Message(message) => match message.full_name() {
            "google.protobuf.Struct" => Some(json!({"password": plain(), "x": [shape]})),
            "google.protobuf.Value" => Some(json!([shape, {"apiKey": plain()}])),
            "google.protobuf.ListValue" => Some(json!([{"x": shape}])),
            "google.protobuf.StringValue" => Some(json!(shape)),
            "google.protobuf.BytesValue" => Some(json!(base64(shape))),
            "google.protobuf.Any" => Some(
                json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": shape}),
            ),
            name if name.starts_with("google.protobuf.") || depth == 0 => None,
            _ => Some(filled(message, shape, depth - 1)),
        },
        _ => None,
    }
}

/// No field is forgotten: the API has thousands that hold texts, and each can hold what looks like a secret.
fn shape_in_every_field_of_the_api() -> Vec<Case> {
    let pool: &DescriptorPool = &POOL;
    let mut cases = Vec::new();
    let shapes = [
        pem(),
        jwt(),
        format!("https://user:{}@host.example/path", plain()),
        format!("sk_live_{}", body(24)),
    ];
    let messages = pool.all_messages().filter(|message| {
        ["envoy.", "istio.", "xds.", "udpa."]
            .iter()
            .any(|package| message.full_name().starts_with(package))
            && !message.is_map_entry()
    });
    for (number, message) in messages.enumerate() {
        let mut any = json!({"@type": format!("type.googleapis.com/{}", message.full_name())});
        // All shapes in all fields are too many for a test: each message has one of them, each field has it in several.
        let Value::Object(members) = filled(&message, &shapes[number % shapes.len()], 1) else {
            continue;
        };
        if !members.is_empty() {
            any.as_object_mut().unwrap().extend(members);
            cases.push(Case::message(message.full_name(), any));
        }
    }
    assert!(cases.len() > 1500, "{}", cases.len());
    cases
}

/// Under a telling name whatever it is: words, numbers, a PIN.
fn telling_names_hide_words_and_numbers() -> Vec<Case> {
    let mut cases = Vec::new();
    for name in [
        "password",
        "passwd",
        "pwd",
        "passphrase",
        "secret",
        "client_secret",
        "clientSecret",
        "CLIENT-SECRET",
        "token",
        "accessToken",
        "refresh_token",
        "api_key",
        "apikey",
        "X-API-KEY",
        "bearer",
        "basic_auth",
        "connection_string",
        "license_key",
        "private_key",
        "privateKeyPem",
        "PIN",
        "pin_code",
        "hmac_secret",
        "aws_secret_access_key",
        "aws_access_key_id",
        "db.password",
        "spring.datasource.password",
        "credentials",
        "session_token",
        "otp",
    ] {
        for value in [
            json!(plain()),
            json!(awkward()),
            json!([plain()]),
            json!({"value": plain()}),
            json!({"nested": {"deeper": [plain(), 1]}}),
            json!(format!("{} two words", plain())),
        ] {
            let metadata = json!({"metadata": {"filter_metadata": {"f": {name: value, "name": "stays-here"}}}});
            cases.push(
                Case::dump(format!("{name}: {value}"), &cluster(metadata))
                    .keeping(&["stays-here", name]),
            );
        }
    }
    cases
}

#[test]
fn telling_names_hide_a_pin_in_every_spelling() {
    for value in [
        json!(7394),
        json!("7394"),
        json!(7394.0),
        json!([7394, "7394"]),
        json!({"x": 7394}),
    ] {
        for name in ["pin", "PIN", "card_pin", "passcode", "password"] {
            let dump = cluster(
                json!({"metadata": {"filter_metadata": {"f": {name: value, "port": 8080}}}}),
            )
            .to_string();
            let mut output = Vec::new();
            let redactor = xdsnap::redact::Redactor::default();
            redactor
                .copy(Document::ConfigDump, &mut dump.as_bytes(), &mut output)
                .unwrap();
            let text = String::from_utf8(output).unwrap();
            assert!(!text.contains("7394"), "{text}");
            assert!(text.contains("8080"), "{text}");
        }
    }
}

/// Small documents with one secret each, one for each way in which a secret goes.
fn one_of_each_kind() -> Vec<String> {
    let message = |name: &str, members: Value| {
        let mut any = json!({"@type": format!("type.googleapis.com/{name}")});
        let members = members.as_object().unwrap().clone();
        any.as_object_mut().unwrap().extend(members);
        json!([any]).to_string()
    };
    let free = |members: Value| json!([members]).to_string();
    let tls = "envoy.extensions.transport_sockets.tls.v3.TlsCertificate";
    let untyped = json!({"type_url": "x/new.Type", "value": {"token": plain()}});
    let predicate = json!({
        "input": {"typed_config": {"header_name": "authorization"}},
        "exact_match_map": {"map": {plain(): {}}},
    });
    vec![
        message(tls, json!({"private_key": {"inline_string": awkward()}})),
        message(
            tls,
            json!({"private_key": {"inline_bytes": base64(&plain())}}),
        ),
        message(
            "envoy.config.core.v3.HeaderValue",
            json!({"key": "x-api-key", "value": plain()}),
        ),
        message(
            "envoy.config.route.v3.HeaderMatcher",
            json!({"name": "authorization", "string_match": {"exact": plain()}}),
        ),
        message("xds.type.matcher.v3.Matcher.MatcherTree", predicate),
        message(
            "envoy.config.trace.v3.LightstepConfig",
            json!({"access_token": {"inline_string": plain()}}),
        ),
        message(
            "envoy.extensions.filters.http.lua.v3.Lua",
            json!({"inline_code": format!("local x = '{}'", plain())}),
        ),
        message(
            "envoy.extensions.wasm.v3.PluginConfig",
            json!({"configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": plain()}}),
        ),
        message(
            "envoy.admin.v3.UpdateFailureState",
            json!({"details": format!("near '{}'", plain())}),
        ),
        message("xds.type.v3.TypedStruct", untyped),
        message(
            "envoy.config.core.v3.TlvEntry",
            json!({"value": base64(&format!("\u{1}{}", plain()))}),
        ),
        message(
            "google.protobuf.Any",
            json!({"value": {"@type": format!("x/{tls}"), "private_key": {"inline_string": plain()}}}),
        ),
        free(json!({"password": plain()})),
        free(json!({"values": {"password": [plain(), {"x": plain()}]}})),
        free(json!({"kty": "oct", "k": plain()})),
        free(json!({"provider_name": "x", "config": {"y": plain()}})),
        free(json!({"lastError": format!("near '{}'", plain())})),
        free(json!({"x": json!({"password": plain()}).to_string()})),
        free(json!({"x": base64(&json!({"password": plain()}).to_string())})),
        free(json!({"x": pem()})),
        free(json!({"x": base64(&pem())})),
        free(json!({"x": jwt()})),
        free(json!({"x": format!("https://user:{}@host.example/", plain())})),
        free(json!({"x": format!("sk_live_{}", body(24))})),
        free(json!({format!("https://user:{}@host.example/", plain()): 1})),
        rejected(&format!("password: \"{}\"", plain())).to_string(),
    ]
}

/// A document that is cut off, at whatever byte from the first of its secret on, is refused, and what was written until
/// then, and why, has no part of the secret, however it is written.
#[test]
fn documents_cut_at_any_byte_leave_nothing_of_a_secret() {
    let redactor = xdsnap::redact::Redactor::default();
    // Two letters are anywhere, and what is encoded has as many for three.
    let needles = Needles::new(&[&HEAD[..4], &HEAD[4..], &TAIL[..4], TAIL]);
    for text in one_of_each_kind() {
        let copy = |text: &str| {
            let mut output = Vec::new();
            let result = redactor.copy(Document::ConfigDump, &mut text.as_bytes(), &mut output);
            let told = format!("{} {result:?}", String::from_utf8_lossy(&output));
            (result, told)
        };
        let (whole, told) = copy(&text);
        assert!(whole.is_ok_and(|counts| counts.total() > 0), "{text}");
        assert!(needles.find(told.as_bytes()).is_none(), "{told}");
        for end in 1..text.len() {
            let Some(cut) = text.get(..end) else { continue };
            // Nothing of it can be there before.
            if needles.find(cut.as_bytes()).is_none() {
                continue;
            }
            let (result, told) = copy(cut);
            let hit = needles.find(told.as_bytes());
            assert!(hit.is_none(), "cut at {end}: {hit:?}: {told}");
            assert!(result.is_err(), "cut at {end}: {told}");
        }
    }
}

/// A text has no end that it is known by: what is there goes as soon as it can be told.
#[test]
fn texts_cut_at_any_byte_leave_nothing_of_a_secret() {
    let redactor = xdsnap::redact::Redactor::default();
    for text in [
        format!("password={}", plain()),
        format!("Authorization: {}", plain()),
        format!("https://host.example/?access_token={}", plain()),
        pem(),
        format!(
            "2026-11-21T14:00:00.1Z\twarning\tenvoy config\tnear '{}'",
            plain()
        ),
        format!("{{\"password\": \"{}", plain()),
        format!("Bearer {}", plain()),
    ] {
        let start = text.find(HEAD).unwrap();
        for end in start + 1..text.len() {
            let Some(cut) = text.get(..end) else { continue };
            let mut output = Vec::new();
            let result = redactor.copy(Document::Log, &mut cut.as_bytes(), &mut output);
            let told = format!("{} {result:?}", String::from_utf8_lossy(&output));
            let there = end - start;
            // Two letters are anywhere, and a word after "Bearer" is not a token yet.
            let least = if text.starts_with("Bearer") { 16 } else { 4 };
            if there >= least {
                let begin = &HEAD[..there.min(HEAD.len())];
                assert!(!told.contains(begin), "cut at {end}: {told}");
            }
            assert!(!told.contains(TAIL), "cut at {end}: {told}");
        }
    }
}

each_and_all! {
    shape_in_a_struct_a_header_an_annotation_and_an_environment,
    shape_in_a_reason_and_on_every_page,
    shape_on_the_page_of_certificates,
    shape_in_every_field_of_the_api,
    telling_names_hide_words_and_numbers,
}
