//! What a name tells of the value that stands under it: of a member, a header, a parameter, a variable.

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

/// Words, and words in a row, that tell a secret.
const SECRETS: &[&str] = &[
    "accesskey",
    "accountkey",
    "apikey",
    "apitoken",
    "authkey",
    "authorization",
    "authtoken",
    "basicauth",
    "bearer",
    "clientkey",
    "connectionstring",
    "connstr",
    "cookie",
    "cookies",
    "cred",
    "credential",
    "credentials",
    "creds",
    "csrf",
    "dsn",
    "encryptionkey",
    "hmac",
    "jwt",
    "licensekey",
    "masterkey",
    "otp",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "passwords",
    "pin",
    "pkcs12",
    "privatekey",
    "psk",
    "pwd",
    "sas",
    "secret",
    "secretkey",
    "secrets",
    "sessionid",
    "sessionkey",
    "sharedkey",
    "signingkey",
    "storagekey",
    "subscriptionkey",
    "token",
    "webhook",
    "xsrf",
];

/// Words that tell no secret by themselves.
const HINTS: &[&str] = &[
    "auth",
    "code",
    "hash",
    "key",
    "keys",
    "nonce",
    "pass",
    "salt",
    "session",
    "sig",
    "signature",
    "tokens",
];

/// Last words with which a name is about a secret and does not hold it: `token_endpoint`, `secret_name`.
const ABOUT: &[&str] = &[
    "alg",
    "algorithm",
    "audience",
    "audiences",
    "bucket",
    "config",
    "configs",
    "count",
    "dir",
    "duration",
    "enabled",
    "endpoint",
    "expiration",
    "expires",
    "expiry",
    "field",
    "file",
    "filename",
    "fill",
    "format",
    "header",
    "headers",
    "interval",
    "issuer",
    "length",
    "lifetime",
    "limit",
    "location",
    "mode",
    "name",
    "names",
    "namespace",
    "param",
    "params",
    "path",
    "policy",
    "prefix",
    "provider",
    "providers",
    "ref",
    "required",
    "scope",
    "scopes",
    "size",
    "source",
    "timeout",
    "ttl",
    "type",
    "types",
    "uri",
    "url",
    "version",
];

/// How many words in a row are taken together.
const MOST_WORDS: usize = 3;

/// What `name` tells.
pub(super) fn telling(name: &str) -> Telling {
    let words = words(name);
    let Some(last) = words.last() else {
        return Telling::Nothing;
    };
    if words.len() > 1 && ABOUT.contains(&last.as_str()) {
        return Telling::Nothing;
    }
    let in_a_row = |list: &[&str]| {
        (0..words.len()).any(|start| {
            (start + 1..=words.len().min(start + MOST_WORDS))
                .any(|end| list.contains(&words[start..end].concat().as_str()))
        })
    };
    if in_a_row(SECRETS) {
        Telling::Secret
    } else if in_a_row(HINTS) {
        Telling::Hint
    } else {
        Telling::Nothing
    }
}

/// The words of a name in lower case: `x-API-Key`, `apiKey` and `API_KEY` have `api` and `key`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars().take(200) {
        let begins =
            c.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit());
        if begins || !c.is_ascii_alphanumeric() {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_ascii_alphanumeric(), words.last_mut()) {
            word.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether `value` looks made by chance: long enough, of letters and digits in no order that a word has.
pub(super) fn is_random(value: &str) -> bool {
    let length = value.len();
    if !(16..=4096).contains(&length) || !value.bytes().all(|b| b.is_ascii_graphic()) {
        return false;
    }
    let mut counts = [0_u32; 128];
    value
        .bytes()
        .for_each(|byte| counts[usize::from(byte & 127)] += 1);
    let entropy: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / length as f64;
            -share * share.log2()
        })
        .sum();
    let has = |is: fn(&u8) -> bool| value.bytes().any(|byte| is(&byte));
    has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic) && entropy > 3.0
}

#[test]
fn names_tell_by_their_words() {
    for name in [
        "password",
        "X-API-Key",
        "apiKey",
        "api_key",
        "client_secret",
        "Authorization",
        "pwd",
        "passphrase",
        "basic_auth",
        "connection_string",
        "license_key",
        "ISTIO_META_DB_PASSWORD",
        "aws_access_key_id",
        "access_token",
    ] {
        assert_eq!(telling(name), Telling::Secret, "{name}");
    }
    for name in ["key", "sig", "public_key"] {
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
        "max_tokens_per_fill",
    ] {
        assert_eq!(telling(name), Telling::Nothing, "{name}");
    }
}

#[test]
fn random_values_have_letters_and_digits_in_no_order() {
    for value in [
        "8f14e45fceea167a5a36dedd4bea2543",
        "wJalrXUtnFEMI7K7MDENGbPxRfiCYEXAMPLEKEY",
    ] {
        assert!(is_random(value), "{value}");
    }
    for value in [
        "",
        "short1",
        "outbound|9080||",
        "aaaaaaaaaaaaaaaaaaaa1",
        "kubernetes-workload-entry",
    ] {
        assert!(!is_random(value), "{value}");
    }
}
