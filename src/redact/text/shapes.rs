//! What goes of any text: secrets that tell by their shape or by the name before them.
//!
//! One pass looks for short literals that every secret has in it or before it, and what such a literal announces is
//! looked at where it stands. Nothing is looked at twice, but for a bounded stretch.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::{
    encoded, jwt, pairs, pem, scheme,
    span::Span,
    tags, url,
    vendors::{self, VENDORS},
};
use crate::redact::names;

/// What a literal announces.
#[derive(Clone, Copy, Debug)]
enum Trigger {
    /// A name that may tell.
    Name,
    /// A token of a vendor, by its place in the table.
    Vendor(usize),
    /// A JSON web token.
    Jwt,
    /// A private key in PEM form.
    Pem,
    /// A private key in PEM form, in base64.
    EncodedPem(encoded::Mark),
    /// A JSON web key.
    Jwk,
    /// Who may use a URL; whether its punctuation is written in `%` and digits.
    Authority { is_encoded: bool },
    /// A scheme of HTTP's authentication.
    Scheme,
}

static TRIGGERS: LazyLock<Vec<(&str, Trigger)>> = LazyLock::new(|| {
    let names = names::PARTS.iter().map(|part| (*part, Trigger::Name));
    let vendors = VENDORS.iter().enumerate();
    let vendors = vendors.map(|(index, vendor)| (vendor.prefix, Trigger::Vendor(index)));
    let encoded = encoded::MARKS.iter();
    let encoded = encoded.map(|(literal, mark)| (*literal, Trigger::EncodedPem(*mark)));
    let schemes = scheme::LITERALS.iter().map(|part| (*part, Trigger::Scheme));
    names
        .chain(vendors)
        .chain(encoded)
        .chain(schemes)
        .chain([
            (jwt::BEGIN, Trigger::Jwt),
            (pem::PRIVATE_KEY, Trigger::Pem),
            (jwt::KEY_TYPE, Trigger::Jwk),
            ("://", Trigger::Authority { is_encoded: false }),
            ("%3a%2f%2f", Trigger::Authority { is_encoded: true }),
        ])
        .collect()
});

static LITERALS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::Standard)
        .kind(Some(AhoCorasickKind::DFA))
        .build(TRIGGERS.iter().map(|(literal, _)| literal))
        .expect("a few short literals")
});

/// How literals begin: a bit for each hash of so many bytes, so that most texts need not be read byte after byte.
#[derive(Debug)]
struct Beginnings(Vec<u64>);

impl Beginnings {
    /// No literal that matters at the end of a text is shorter.
    const LENGTH: usize = 3;
    /// So many bits that few hash to those of literals.
    const BITS: u32 = 17;

    fn new() -> Self {
        let mut bits = vec![0; 1 << (Self::BITS - u64::BITS.ilog2())];
        let mut add = |three| {
            let hash = Self::hash(three);
            bits[hash / 64] |= 1_u64 << (hash % 64);
        };
        for (literal, _) in TRIGGERS.iter() {
            match *literal.as_bytes() {
                [first, second, third, ..] => add([first, second, third]),
                [first, second] => (0..=u8::MAX).for_each(|any| add([first, second, any])),
                _ => panic!("a literal that is in every other text: {literal}"),
            }
        }
        Self(bits)
    }

    /// Whether a literal may begin in `text`.
    fn are_in(&self, text: &str) -> bool {
        let mut threes = text.as_bytes().windows(Self::LENGTH);
        threes.any(|three| self.has([three[0], three[1], three[2]]))
    }

    fn has(&self, three: [u8; Self::LENGTH]) -> bool {
        let hash = Self::hash(three);
        self.0[hash / 64] >> (hash % 64) & 1 != 0
    }

    /// One hash for letters of both cases.
    fn hash([first, second, third]: [u8; Self::LENGTH]) -> usize {
        const CASE: u32 = 0x20_2020;
        /// Odd, and without a pattern.
        const FACTOR: u32 = 0x9e37_79b1;
        let three = u32::from_le_bytes([first, second, third, 0]) | CASE;
        (three.wrapping_mul(FACTOR) >> (u32::BITS - Self::BITS)) as usize
    }
}

static BEGINNINGS: LazyLock<Beginnings> = LazyLock::new(Beginnings::new);

/// What was found so far.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    pub(super) text: &'a str,
    pub(super) spans: Vec<Span>,
    /// Where the last of the spans ends.
    covered: usize,
    /// Where the last name that was looked at ends.
    pub(super) name_end: usize,
    /// Where the last run of letters that may be of a JSON web token ends.
    pub(super) jwt_end: usize,
    /// Up to where no URL has a user.
    pub(super) hosts_end: usize,
    /// Where the last base64 that was read for private keys ends.
    pub(super) encoded_end: usize,
    /// Where what followed the last scheme ends.
    pub(super) scheme_end: usize,
}

impl Scan<'_> {
    pub(super) fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The bytes from `from` on, `most` of them at most.
    pub(super) fn ahead(&self, from: usize, most: usize) -> &[u8] {
        let bytes = self.bytes();
        let from = from.min(bytes.len());
        &bytes[from..bytes.len().min(from + most)]
    }

    pub(super) fn push(&mut self, range: std::ops::Range<usize>, rule: &'static str) {
        if range.is_empty() {
            return;
        }
        self.covered = self.covered.max(range.end);
        self.spans.push(Span::new(range, rule));
    }

    /// Whether a token can begin at `at`: not within a word, but for escapes (`\n`, `%3D`) right before it.
    pub(super) fn begins(&self, at: usize) -> bool {
        let before = &self.bytes()[..at];
        match before {
            [] => true,
            [.., b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => true,
            [.., b'\\', b'n' | b'r' | b't'] => true,
            [.., last] => !last.is_ascii_alphanumeric(),
        }
    }
}

/// Whether any of the literals is in `text`: without one, nothing goes. One of two letters does not count at its end,
/// where nothing follows it.
pub(super) fn has_marks(text: &str) -> bool {
    BEGINNINGS.are_in(text) && LITERALS.is_match(text)
}

/// What goes of `text`.
pub(super) fn find(text: &str) -> Vec<Span> {
    let mut scan = Scan {
        text,
        spans: Vec::new(),
        covered: 0,
        name_end: 0,
        jwt_end: 0,
        encoded_end: 0,
        scheme_end: 0,
        hosts_end: 0,
    };
    let mut has_pem = false;
    let mut has_jwk = false;
    for found in LITERALS.find_overlapping_iter(text) {
        let (literal, trigger) = TRIGGERS[found.pattern().as_usize()];
        let is_exact = || text.as_bytes()[found.range()] == *literal.as_bytes();
        match trigger {
            // These may reach back over what was found.
            Trigger::Pem => has_pem |= is_exact(),
            Trigger::Jwk => has_jwk |= is_exact(),
            _ if found.end() <= scan.covered => {}
            Trigger::EncodedPem(mark) if is_exact() => encoded::at(&mut scan, found.range(), mark),
            Trigger::Name => pairs::at(&mut scan, found.range()),
            Trigger::Vendor(index) if is_exact() => {
                vendors::at(&mut scan, &VENDORS[index], found.start());
            }
            Trigger::Jwt if is_exact() => jwt::at(&mut scan, found.start()),
            Trigger::Authority { is_encoded: false } => url::at(&mut scan, found.range()),
            Trigger::Authority { is_encoded: true } => url::encoded_at(&mut scan, found.range()),
            Trigger::Scheme => scheme::at(&mut scan, found.range()),
            Trigger::EncodedPem(_) | Trigger::Vendor(_) | Trigger::Jwt => {}
        }
    }
    let mut spans = scan.spans;
    if has_pem {
        let keys = pem::find(text).into_iter();
        spans.extend(keys.map(|range| Span::new(range, tags::PEM)));
    }
    if has_jwk {
        spans.extend(jwt::keys(text));
    }
    spans
}

#[cfg(test)]
mod tests {
    use crate::redact::{
        cut::{Hider, apply},
        text::{self, Language},
    };

    fn scrub(text: &str) -> String {
        apply(text, &text::find(text, Language::Plain, &Hider::default()))
    }

    #[test]
    fn tokens_go_by_their_shape() {
        let secrets = [
            "ghp_0123456789abcdefABCDEF0123456789abcd",
            "github_pat_11ABCDEFG0123456789_abcdefghijklmnopqrstuvwxyz0123456789",
            "glpat-0123456789abcdefABCD",
            "xoxb-123456789012-abcdefABCDEF",
            "AKIAIOSFODNN7EXAMPLE",
            "AIzaSyA0123456789abcdefABCDEF0123456789",
            "ya29.a0AfH6SMBx0123456789abcdef",
            "sk_live_0123456789abcdef",
            "SK0123456789abcdef0123456789abcdef",
            "npm_0123456789abcdefABCDEF0123456789abcd",
            "dop_v1_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "sk-ant-api03-0123456789abcdefABCDEF",
            "dapi0123456789abcdef0123456789abcdef",
            "hvs.CAESI0123456789abcdefABCDEF",
            "AGE-SECRET-KEY-1QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZRY9X8GF2TVDW0S3JN54KHCE",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",
            "eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn",
        ];
        for secret in secrets {
            for (before, after) in [
                ("", ""),
                ("a ", " b"),
                ("(", ")."),
                ("x%3D", "&y"),
                ("\\n", "\\n"),
                ("/", "/a"),
            ] {
                // What a token may go on with is taken with it.
                let after = if secret.contains('.') && after == ")." {
                    ")"
                } else {
                    after
                };
                let text = format!("{before}{secret}{after}");
                assert_eq!(scrub(&text), format!("{before}[redacted]{after}"));
            }
            assert_eq!(scrub(&format!("a{secret}")), format!("a{secret}"));
        }
    }

    #[test]
    fn what_stands_under_a_telling_name_goes_to_its_end() {
        let cases = [
            ("password=hunter2 x", "password=[redacted]"),
            ("password=hunter2 x=1", "password=[redacted] x=1"),
            ("a password=hunter2 x", "a password=[redacted] x"),
            ("PGPASSWORD=hunter 2\nB=c", "PGPASSWORD=[redacted]\nB=c"),
            ("--api-key hunter2 --x", "--api-key [redacted] --x"),
            ("run --api-key=hunter2 -x", "run --api-key=[redacted] -x"),
            (
                "  password: correct horse\nuser: bob",
                "  password: [redacted]\nuser: bob",
            ),
            (
                r#"{"password":"hun\"ter2","a":1}"#,
                r#"{"password":"[redacted]","a":1}"#,
            ),
            (
                r#"{\"password\":\"hun\\\"ter2\",\"a\":1}"#,
                r#"{\"password\":\"[redacted]\",\"a\":1}"#,
            ),
            (
                r#"{"pin": 1234, "token": {"a": ["x", "}"]}, "b": 2}"#,
                r#"{"pin": [redacted], "token": {[redacted]}, "b": 2}"#,
            ),
            (
                "'secret' => 'hunter2', 'b' => 1",
                "'secret' => '[redacted]', 'b' => 1",
            ),
            (
                "':path', '/'\n'cookie', 'a=b; c=d'\n'pin', '1234'",
                "':path', '/'\n'cookie', '[redacted]'\n'pin', '[redacted]'",
            ),
            (
                "'authorization', 'Bearer hunter2'",
                "'authorization', 'Bearer [redacted]'",
            ),
            (
                "key: \"x-api-key\" value: \"hunter2\"",
                "key: \"x-api-key\" value: \"[redacted]\"",
            ),
            (
                r#"{"name":"authorization","value":"hunter2"}"#,
                r#"{"name":"authorization","value":"[redacted]"}"#,
            ),
            (
                "private_key { inline_string: \"x\" } y",
                "private_key { [redacted] } y",
            ),
            (
                "Server=a;Password=b;c;User Id=d",
                "Server=a;Password=[redacted];User Id=d",
            ),
            (
                "AccountKey=abc==;EndpointSuffix=x",
                "AccountKey=[redacted];EndpointSuffix=x",
            ),
            (
                "secret: |\n  line\n\n  more\nnext: x",
                "secret: |\n  [redacted]\nnext: x",
            ),
            (
                "a:\n  tokens:\n  - b\n  secret:\n  - one\n  - two\n  c: d",
                "a:\n  tokens:\n  - b\n  secret:\n  [redacted]\n  c: d",
            ),
            (
                "/a?x=1&access_token=hunter2&y=2 HTTP/1.1",
                "/a?x=1&access_token=[redacted]&y=2 HTTP/1.1",
            ),
            (
                "/a?code=4a0AX4XfWh&state=x#f",
                "/a?code=[redacted]&state=x#f",
            ),
            (
                "/cb?u=https%3A%2F%2Fh%2F%3Faccess%5Ftoken%3Dhunter2%26x",
                "/cb?u=https%3A%2F%2Fh%2F%3Faccess%5Ftoken%3D[redacted]%26x",
            ),
            (
                "X-Amz-Signature=fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024",
                "X-Amz-Signature=[redacted]",
            ),
            (
                "Authorization: Basic dXNlcjpwYXNz",
                "Authorization: Basic [redacted]",
            ),
            (
                "<password>hunter 2</password>",
                "<password>[redacted]</password>",
            ),
            ("Cookie: a=b; c=d\nHost: x", "Cookie: [redacted]\nHost: x"),
            ("x 'Basic dXNlcjpwYXNz' y", "x 'Basic [redacted]' y"),
            ("Bearer%20hunter2", "Bearer%20[redacted]"),
            (
                "postgres://bob:hunter2@db:5432/x?a=b",
                "postgres://[redacted]@db:5432/x?a=b",
            ),
            ("https://bob:hun/ter2@db/x", "https://[redacted]@db/x"),
            (
                "https%3A%2F%2Fbob%3Ahunter2%40db%2Fx",
                "https%3A%2F%2F[redacted]%40db%2Fx",
            ),
            (
                "https://hooks.slack.com/services/T000/B000/XXXXXXXXXXXX",
                "https://hooks.slack.com/[redacted]",
            ),
            (
                "AKIAIOSFODNN7EXAMPLE wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY x",
                "[redacted] [redacted] x",
            ),
            ("key=8f14e45fceea167a5a36dedd4bea2543", "key=[redacted]"),
            (
                r#"{"kty":"EC","x":"abc","d":"hunter2"}"#,
                r#"{"kty":"EC","x":"abc","d":"[redacted]"}"#,
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(scrub(text), expected);
        }
    }

    #[test]
    fn ordinary_texts_stay() {
        for text in [
            "outbound|80||reviews.default.svc.cluster.local",
            "spiffe://cluster.local/ns/default/sa/bookinfo-reviews-v1",
            "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.GenericSecret",
            "docker.io/istio/proxyv2@sha256:8f14e45fceea167a5a36dedd4bea25438f14e45fceea167a5a36dedd4bea2543",
            "oci://registry.example:5000/token/filter@sha256:8f14e45fceea167a5a36dedd4bea2543",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
            "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUIKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=",
            "x-request-id: 1b4e28ba-2fa1-11d2-883f-0016d3cca427",
            "http.inbound_0.0.0.0_8080;.jwt_authn.denied: 5",
            "http_local_rate_limit.token_bucket.max_tokens: 5",
            "cluster.auth-token-service.upstream_rq_total: 5",
            "token-service:8080 auth.example.com:443",
            "app.kubernetes.io/version=8f14e45f, pod-template-hash=6b746f74dc",
            "token=%REQ(X-TOKEN)% password=${PASSWORD} secret: \"\" token: null",
            "Bearer token is required; Bearer realm=\"x\", Basic authentication",
            "https://example.com/a@b?c=d ssh://git@example.com",
            "kubernetes://bookinfo-credential",
            "key: value, code: 503, session: 12",
            "allow_credentials: true, token_lifetime_seconds: 30",
        ] {
            assert_eq!(scrub(text), text);
        }
    }
}
