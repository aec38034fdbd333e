//! What a name tells of the value that stands under it: of a member, a header, a parameter, a variable.

use std::sync::LazyLock;

use aho_corasick::{Anchored, automaton::Automaton, dfa::DFA};

/// What a name tells of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Telling {
    /// That it is a secret, whatever it looks like: `password`, `x-api-key`.
    Secret,
    /// That it may be one, if it [looks random](is_random): `key`, `sig`.
    Hint,
    /// Nothing.
    Nothing,
}

/// Words, and words in a row, that tell a secret wherever they stand in a name.
const SECRETS: &[&str] = &[
    "accesskey",
    "accountkey",
    "apikey",
    "apipass",
    "appkey",
    "authkey",
    "basicauth",
    "clientkey",
    "connectionstring",
    "connectionurl",
    "connstr",
    "cred",
    "credential",
    "credentials",
    "creds",
    "databaseurl",
    "decryptionkey",
    "encryptionkey",
    "licensekey",
    "licencekey",
    "masterkey",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "passwords",
    "pincode",
    "pkcs12",
    "presharedkey",
    "privatekey",
    "psk",
    "pwd",
    "secret",
    "secretkey",
    "secrets",
    "servicekey",
    "sessionid",
    "sessionkey",
    "sharedkey",
    "signingkey",
    "sshkey",
    "storagekey",
    "subscriptionkey",
    "token",
];

/// Words that tell a secret as the last one of a name: `x-jwt` is one, `jwt_authn` and `cookie_ttl` hold none.
const LAST: &[&str] = &[
    "authorization",
    "bearer",
    "cookie",
    "cookies",
    "csrf",
    "dsn",
    "hmac",
    "jwt",
    "otp",
    "pin",
    "sas",
    "sid",
    "totp",
    "webhook",
    "xsrf",
];

/// Words that tell no secret by themselves.
const HINTS: &[&str] = &[
    "auth",
    "code",
    "key",
    "keys",
    "pass",
    "salt",
    "session",
    "sig",
    "signature",
    "tokens",
];

/// What other words are glued to without a mark: `dbpassword`, `PGPASSWORD`, `authtoken`.
const GLUED: &[&str] = &[
    "accesskey",
    "apikey",
    "credential",
    "credentials",
    "passphrase",
    "passwd",
    "password",
    "passwords",
    "privatekey",
    "pwd",
    "secret",
    "secretkey",
    "sessionid",
    "token",
];

/// What each name that tells has in it, in lower case: texts are searched for these.
pub(super) const PARTS: &[&str] = &[
    "auth", "bearer", "code", "conn", "cookie", "cred", "csrf", "database", "dsn", "hmac", "jwt",
    "key", "otp", "pass", "pin", "pkcs12", "psk", "pwd", "salt", "sas", "secret", "session", "sid",
    "sig", "token", "webhook", "xsrf",
];

/// Last words with which a name is about a secret and does not hold it: `token_endpoint`, `secret_name`.
const ABOUT: &[&str] = &[
    "alg",
    "algorithm",
    "algorithms",
    "attempts",
    "audience",
    "audiences",
    "bucket",
    "buckets",
    "chain",
    "chunking",
    "class",
    "config",
    "configs",
    "configuration",
    "count",
    "days",
    "details",
    "dir",
    "directory",
    "disabled",
    "domain",
    "duration",
    "enabled",
    "encryption",
    "endpoint",
    "error",
    "errors",
    "estimation",
    "exchange",
    "expiration",
    "expires",
    "expiry",
    "field",
    "fields",
    "file",
    "filename",
    "fill",
    "format",
    "header",
    "headers",
    "host",
    "in",
    "interval",
    "issuer",
    "issuers",
    "kind",
    "length",
    "lifetime",
    "limit",
    "limiting",
    "location",
    "locations",
    "manager",
    "max",
    "method",
    "methods",
    "min",
    "minutes",
    "mode",
    "ms",
    "name",
    "names",
    "namespace",
    "param",
    "params",
    "path",
    "paths",
    "plugin",
    "policy",
    "port",
    "prefix",
    "profile",
    "provider",
    "providers",
    "ref",
    "refs",
    "rejected",
    "required",
    "scheme",
    "scope",
    "scopes",
    "seconds",
    "server",
    "service",
    "size",
    "source",
    "specifier",
    "status",
    "success",
    "suffix",
    "svc",
    "timeout",
    "total",
    "ttl",
    "type",
    "types",
    "updates",
    "uri",
    "usage",
    "validation",
    "version",
];

/// Names that tell by their words and hold no secret: of the xDS API, Istio and Kubernetes, in lower case and without
/// marks.
const KNOWN: &[&str] = &[
    "clientcredentials",
    "dynamicactivesecrets",
    "dynamicwarmingsecrets",
    "fromcookies",
    "localcredentials",
    "oauthhmac",
    "staticsecrets",
    "tlssessionid",
    "tokenmetadatakey",
];

/// First words with which a name is a switch: `allow_credentials`, `disable_token_encryption`.
const SWITCHES: &[&str] = &[
    "allow", "disable", "enable", "forward", "has", "hide", "ignore", "include", "is", "preserve",
    "require", "skip", "strip", "supports", "use", "validate",
];

/// How many words in a row are taken together.
const MOST_WORDS: usize = 3;

/// [`PARTS`] without their digits: a name that has none of them in its letters does not tell.
static LETTERS: LazyLock<DFA> = LazyLock::new(|| {
    let parts = PARTS
        .iter()
        .map(|part| part.trim_end_matches(|c: char| c.is_ascii_digit()));
    let mut letters = DFA::builder();
    letters.ascii_case_insensitive(true);
    letters.build(parts).expect("a few short words")
});

/// What `name` tells.
pub(super) fn telling(name: &str) -> Telling {
    // Most names do not tell, and to look at their letters is cheaper than to look at their words.
    let parts = &*LETTERS;
    let begin = parts.start_state(Anchored::No);
    let mut state = begin.expect("an automaton that searches anywhere");
    let mut letters = name.bytes().filter(u8::is_ascii_alphabetic);
    let has_part = letters.any(|letter| {
        state = parts.next_state(Anchored::No, state, letter);
        parts.is_match(state)
    });
    match has_part {
        true => telling_by_words(name),
        false => Telling::Nothing,
    }
}

fn telling_by_words(name: &str) -> Telling {
    let mut words = words(name);
    // A `DataSource` holds what it is a source of.
    if words.len() > 2 && words[words.len() - 2..].concat() == "datasource" {
        words.truncate(words.len() - 2);
    }
    let Some(last) = words.last() else {
        return Telling::Nothing;
    };
    let is_switch = words.len() > 1 && SWITCHES.contains(&words[0].as_str());
    if is_switch || KNOWN.contains(&words.concat().as_str()) {
        return Telling::Nothing;
    }
    let in_a_row = |words: &[String], list: &[&str]| {
        (0..words.len()).any(|start| {
            (start + 1..=words.len().min(start + MOST_WORDS))
                .any(|end| list.contains(&words[start..end].concat().as_str()))
        })
    };
    // A connection's URL and a session's id are secrets all the same.
    let is_whole = in_a_row(
        &words[words.len().saturating_sub(2)..],
        &["connectionurl", "databaseurl"],
    );
    if words.len() > 1 && ABOUT.contains(&last.as_str()) && !is_whole {
        return Telling::Nothing;
    }
    let is_glued = |word: &String| GLUED.iter().any(|end| word.ends_with(end));
    if in_a_row(&words, SECRETS) || LAST.contains(&last.as_str()) || words.iter().any(is_glued) {
        Telling::Secret
    } else if in_a_row(&words, HINTS) {
        Telling::Hint
    } else {
        Telling::Nothing
    }
}

/// The words of a name in lower case: `x-API-Key`, `apiKey`, `APIKey` and `API_KEY_2` have `api` and `key`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    let mut letters = name.chars().take(200).peekable();
    while let Some(c) = letters.next() {
        let is_next_lower = letters.peek().is_some_and(char::is_ascii_lowercase);
        let begins = c.is_ascii_uppercase()
            && (before.is_ascii_lowercase()
                || before.is_ascii_digit()
                || before.is_ascii_uppercase() && is_next_lower);
        if begins || !c.is_ascii_alphanumeric() {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_ascii_alphanumeric(), words.last_mut()) {
            word.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    for word in &mut words {
        // Which of several it is does not matter, but `pkcs12` is a word.
        if word != "pkcs12" {
            word.truncate(word.trim_end_matches(|c: char| c.is_ascii_digit()).len());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// How many bytes of a value are looked at.
const LOOKED_AT: usize = 512;

/// Whether `value` looks made by chance: it has a long stretch of letters and digits in no order that words have.
///
/// UUIDs, which name things rather than open them, do not; nor do paths, hosts and names of Kubernetes' objects, whose
/// stretches are short, nor the pseudonyms of hosts and addresses.
pub(super) fn is_random(value: &str) -> bool {
    let bytes = &value.as_bytes()[..value.len().min(LOOKED_AT)];
    let is_letter = |byte: &u8| {
        byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'+' | b'/' | b'=' | b'~' | b'-' | b'_' | b'.' | b':' | b'%'
            )
    };
    if bytes.len() < 16 || !bytes.iter().all(is_letter) {
        return false;
    }
    let is_mark = |byte: &u8| !byte.is_ascii_alphanumeric() && !matches!(byte, b'+' | b'=');
    let mut before: &[u8] = b"";
    bytes.split(is_mark).any(|part| {
        let is_named = matches!(std::mem::replace(&mut before, part), b"host" | b"ip");
        let is_pseudonym = is_named && part.len() == 16 && part.iter().all(u8::is_ascii_hexdigit);
        part.len() >= 16 && is_mixed(part) && !is_pseudonym
    }) || bytes
        .split(|byte| matches!(byte, b'.' | b':' | b'%' | b'~'))
        .any(|part| part.len() >= 24 && is_base64(part))
}

/// Whether letters and digits take turns as they do not in a word with a number.
fn is_mixed(part: &[u8]) -> bool {
    let turns = turns(part);
    let digits = part.iter().filter(|byte| byte.is_ascii_digit()).count();
    digits > 0 && digits < part.len() && turns >= 4 && entropy(part) > 2.9
}

/// Whether `part` may be base64 with marks in it: both cases and digits take turns all along.
fn is_base64(part: &[u8]) -> bool {
    let has = |is: fn(&u8) -> bool| part.iter().any(is);
    has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_digit)
        && turns(part) * 3 >= part.len()
        && entropy(part) > 3.5
}

/// How often the kind of letter changes.
fn turns(part: &[u8]) -> usize {
    let kind = |byte: u8| match byte {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        _ => 3,
    };
    let pairs = part.windows(2);
    pairs.filter(|pair| kind(pair[0]) != kind(pair[1])).count()
}

/// How many bits a letter of `part` tells.
fn entropy(part: &[u8]) -> f64 {
    let mut counts = [0_u32; 128];
    part.iter()
        .for_each(|byte| counts[usize::from(byte & 127)] += 1);
    let shares = counts.iter().filter(|count| **count > 0);
    shares
        .map(|count| {
            let share = f64::from(*count) / part.len() as f64;
            -share * share.log2()
        })
        .sum()
}

#[test]
fn names_tell_by_their_words() {
    for name in [
        "password",
        "X-API-Key",
        "apiKey",
        "APIKey",
        "api_key",
        "client_secret",
        "Authorization",
        "pwd",
        "passphrase",
        "basic_auth",
        "connection_string",
        "DATABASE_URL",
        "license_key",
        "ISTIO_META_DB_PASSWORD",
        "aws_access_key_id",
        "access_token",
        "apikey",
        "authtoken",
        "dbpassword",
        "PGPASSWORD",
        "MYSQL_PWD",
        "password2",
        "Set-Cookie",
        "x-jwt",
        "PIN",
        "userPin",
        "X-Amz-Credential",
        "X-Amz-Security-Token",
        "AccountKey",
    ] {
        assert_eq!(telling(name), Telling::Secret, "{name}");
    }
    for name in [
        "key",
        "sig",
        "public_key",
        "X-Amz-Signature",
        "code",
        "keys",
    ] {
        assert_eq!(telling(name), Telling::Hint, "{name}");
    }
    for name in [
        "",
        "name",
        "token_endpoint",
        "sds_secret_configs",
        "secretName",
        "tokenizer",
        "cluster",
        "jwt_authn",
        "jwt_cache_config",
        "token_bucket",
        "cookie_ttl",
        "pinned",
        "mapping",
        "passthrough",
        "codec",
        "ext_authz",
        "allow_credentials",
        "token_lifetime_seconds",
        "dynamicActiveSecrets",
    ] {
        assert_eq!(telling(name), Telling::Nothing, "{name}");
    }
}

#[test]
fn no_word_that_tells_is_lost() {
    let secrets = "\
        accesskey accountkey apikey apipass appkey authkey basicauth clientkey connectionstring connectionurl \
        connstr cred credential credentials creds databaseurl decryptionkey encryptionkey licensekey licencekey \
        masterkey passcode passphrase passwd password passwords pincode pkcs12 presharedkey privatekey psk pwd \
        secret secretkey secrets servicekey sessionid sessionkey sharedkey signingkey sshkey storagekey \
        subscriptionkey token authorization bearer cookie cookies csrf dsn hmac jwt otp pin sas sid totp webhook \
        xsrf";
    let hints = "auth code key keys pass salt session sig signature tokens";
    let glued = "\
        accesskey apikey credential credentials passphrase passwd password passwords privatekey pwd secret \
        secretkey sessionid token";
    let split = |words: &'static str| words.split(' ');
    for name in split(secrets) {
        assert_eq!(telling(name), Telling::Secret, "{name}");
        assert_eq!(telling(&format!("x_{name}")), Telling::Secret, "{name}");
    }
    for name in split(hints) {
        assert_eq!(telling(&format!("x_{name}")), Telling::Hint, "{name}");
    }
    for name in split(glued) {
        assert_eq!(telling(&format!("xy{name}")), Telling::Secret, "{name}");
    }
    let listed = split(secrets).count() + split(hints).count() + split(glued).count();
    assert_eq!(listed, [SECRETS, LAST, HINTS, GLUED].concat().len());
}

#[test]
fn few_fields_of_the_api_tell_a_secret() {
    // Those that tell are listed for whoever adds a word: none may hold what everybody has to see.
    let telling: std::collections::BTreeSet<_> = crate::xds::Message::all()
        .flat_map(crate::xds::Message::fields)
        .map(crate::xds::Field::name)
        .filter(|name| telling(name) == Telling::Secret)
        .collect();
    let expected = [
        "access_key_id",
        "access_token",
        "auth_password",
        "authorization",
        "authorization_token",
        "backend_token",
        "bearer_token",
        "bound_access_token",
        "bound_jwt",
        "call_credentials",
        "channel_credentials",
        "client_secret",
        "cookie",
        "cookies",
        "credential",
        "credentials",
        "credentials_data_source",
        "downstream_auth_password",
        "downstream_auth_passwords",
        "fallback_credentials",
        "generic_secret",
        "generic_secrets",
        "google_refresh_token",
        "hmac_secret",
        "iam_access_token",
        "id_token",
        "inline_credential",
        "password",
        "pkcs12",
        "private_key",
        "refresh_token",
        "secret",
        "secret_access_key",
        "secret_data",
        "secrets",
        "session_token",
        "ssl_credentials",
        "token",
        "token_secret",
        "web_identity_token_data_source",
    ];
    assert_eq!(Vec::from_iter(telling), expected);
}

#[test]
fn what_is_searched_for_is_in_every_name_that_tells() {
    for name in SECRETS.iter().chain(LAST).chain(HINTS).chain(GLUED) {
        assert!(PARTS.iter().any(|part| name.contains(part)), "{name}");
    }
}

#[cfg(test)]
proptest::proptest! {
    #[test]
    fn names_without_the_letters_of_one_that_tells_do_not_tell(name in "([a-zA-Z0-9]{1,3}[-_. ]?){1,5}", at in 0_usize..200, by in "[-_.0-9A-Z]?") {
        let all: Vec<_> = SECRETS.iter().chain(LAST).chain(HINTS).chain(GLUED).collect();
        let secret = all[at % all.len()];
        let (first, last) = secret.split_at(at % secret.len());
        for name in [name.clone(), format!("{name}{first}{by}{last}"), format!("{first}{by}{last}_{name}")] {
            proptest::prop_assert_eq!(telling(&name), telling_by_words(&name));
        }
    }
}

#[test]
fn random_values_have_letters_and_digits_in_no_order() {
    for value in [
        "8f14e45fceea167a5a36dedd4bea2543",
        "wJalrXUtnFEMI7K7MDENGbPxRfiCYEXAMPLEKEY",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA==",
        "x7Gq2-Lm9Zp4_Rt6Wv1Yb8Kd3",
    ] {
        assert!(is_random(value), "{value}");
    }
    for value in [
        "",
        "short1",
        "outbound|9080||",
        "aaaaaaaaaaaaaaaaaaaa1",
        "kubernetes-workload-entry",
        "productpage-v1-6b746f74dc-9stvs.default",
        "spiffe://cluster.local/ns/default/sa/bookinfo-reviews-v1",
        "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
        "/etc/istio/proxy/envoy-rev0.json",
        "type.googleapis.com/envoy.config.core.v3.HttpProtocolOptions",
        "internal-a0b1.eu-west-1.elb.amazonaws.com:8443",
    ] {
        assert!(!is_random(value), "{value}");
    }
}
