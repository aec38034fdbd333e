//! Tokens that tell by how they begin whose they are.

use super::{shapes::Scan, tags};

/// The letters that the rest of a token is made of.
#[derive(Clone, Copy, Debug)]
enum Letters {
    /// Letters and digits.
    Alphanumeric,
    /// Capitals and digits.
    Upper,
    /// Hexadecimal digits in lower case.
    Hex,
    /// Letters, digits, `_` and `-`.
    Url,
    /// The same and `.`.
    Dotted,
    /// Letters, digits, `+`, `/` and `=`.
    Base64,
    /// What a URL has after its host.
    Path,
}

impl Letters {
    fn has(self, byte: u8) -> bool {
        match self {
            Self::Alphanumeric => byte.is_ascii_alphanumeric(),
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Hex => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            Self::Url => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Self::Dotted => Self::Url.has(byte) || byte == b'.',
            Self::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='),
            Self::Path => {
                byte.is_ascii_alphanumeric() || b"_-.~/:%+=?&@".contains(&byte) || byte >= 0x80
            }
        }
    }
}

/// What follows the prefix of a token.
#[derive(Debug)]
enum Rest {
    /// As many letters as that, and no letter after them.
    Exactly(usize),
    /// As many letters as that, or more.
    AtLeast(usize),
}

/// A shape of tokens.
#[derive(Debug)]
pub(super) struct Vendor {
    /// How each begins.
    pub(super) prefix: &'static str,
    letters: Letters,
    rest: Rest,
}

const fn exactly(prefix: &'static str, letters: Letters, count: usize) -> Vendor {
    Vendor {
        prefix,
        letters,
        rest: Rest::Exactly(count),
    }
}

const fn at_least(prefix: &'static str, letters: Letters, count: usize) -> Vendor {
    Vendor {
        prefix,
        letters,
        rest: Rest::AtLeast(count),
    }
}

use Letters::{Alphanumeric, Base64, Dotted, Hex, Path, Upper, Url};

/// The shapes, vendor by vendor, each with the page that tells it. Lengths are those of the pages or a little less:
/// long enough that no word has the shape.
pub(super) static VENDORS: &[Vendor] = &[
    // GitHub: docs.github.com/authentication, "About authentication to GitHub", token formats.
    at_least("ghp_", Alphanumeric, 30),
    at_least("gho_", Alphanumeric, 30),
    at_least("ghu_", Alphanumeric, 30),
    at_least("ghs_", Alphanumeric, 30),
    at_least("ghr_", Alphanumeric, 30),
    at_least("github_pat_", Url, 40),
    // GitLab: docs.gitlab.com/security/tokens, token prefixes.
    at_least("glpat-", Dotted, 20),
    at_least("gldt-", Dotted, 20),
    at_least("glrt-", Dotted, 20),
    at_least("glrtr-", Dotted, 20),
    at_least("glcbt-", Dotted, 20),
    at_least("glptt-", Dotted, 20),
    at_least("glft-", Dotted, 20),
    at_least("glimt-", Dotted, 20),
    at_least("glagent-", Dotted, 20),
    at_least("gloas-", Dotted, 20),
    at_least("glsoat-", Dotted, 20),
    // Slack: docs.slack.dev/authentication/tokens, and /messaging/sending-messages-using-incoming-webhooks.
    at_least("xoxa-", Url, 10),
    at_least("xoxb-", Url, 10),
    at_least("xoxe-", Url, 10),
    at_least("xoxe.", Dotted, 10),
    at_least("xoxo-", Url, 10),
    at_least("xoxp-", Url, 10),
    at_least("xoxr-", Url, 10),
    at_least("xoxs-", Url, 10),
    at_least("xapp-", Url, 10),
    at_least("xwfp-", Url, 10),
    at_least("hooks.slack.com/", Path, 20),
    // Other chats, by their pages on incoming webhooks and bots.
    at_least("discord.com/api/webhooks/", Path, 20),
    at_least("discordapp.com/api/webhooks/", Path, 20),
    at_least("webhook.office.com/webhookb2/", Path, 20),
    at_least("api.telegram.org/bot", Path, 30),
    // AWS: docs.aws.amazon.com/IAM, "IAM identifiers", unique identifiers; session tokens by how they all begin.
    exactly("AKIA", Upper, 16),
    exactly("ASIA", Upper, 16),
    exactly("ABIA", Upper, 16),
    exactly("ACCA", Upper, 16),
    at_least("IQoJb3JpZ2luX2Vj", Base64, 40),
    at_least("FwoGZXIvYXdz", Base64, 40),
    at_least("ABSKQmVkcm9ja0FQSUtleS", Base64, 20),
    // Google: cloud.google.com/docs/authentication/api-keys and /token-types.
    exactly("AIza", Url, 35),
    at_least("ya29.", Dotted, 20),
    at_least("GOCSPX-", Url, 20),
    at_least("1//0", Url, 40),
    // Stripe: docs.stripe.com/keys, and /webhooks on signing secrets.
    at_least("sk_live_", Alphanumeric, 10),
    at_least("sk_test_", Alphanumeric, 10),
    at_least("rk_live_", Alphanumeric, 10),
    at_least("rk_test_", Alphanumeric, 10),
    at_least("whsec_", Base64, 20),
    // Twilio: twilio.com/docs/iam/api-keys.
    exactly("SK", Hex, 32),
    // SendGrid: docs.sendgrid.com/ui/account-and-settings/api-keys.
    at_least("SG.", Dotted, 60),
    // Mailgun: documentation.mailgun.com, API keys.
    exactly("key-", Hex, 32),
    // Registries: docs.npmjs.com, "About access tokens"; pypi.org/help, API tokens; docs.docker.com/security/access-tokens;
    // guides.rubygems.org, API keys; crates.io/docs, tokens.
    at_least("npm_", Alphanumeric, 30),
    at_least("pypi-AgE", Url, 40),
    at_least("dckr_pat_", Url, 20),
    at_least("dckr_oat_", Url, 20),
    at_least("rubygems_", Hex, 40),
    exactly("cio", Alphanumeric, 32),
    // HashiCorp: developer.hashicorp.com/vault/docs/concepts/tokens.
    at_least("hvs.", Url, 20),
    at_least("hvb.", Url, 20),
    at_least("hvr.", Url, 20),
    // Clouds: docs.digitalocean.com/reference/api; devcenter.heroku.com, authorizations; planetscale.com/docs,
    // service tokens; supabase.com/docs, access tokens; tailscale.com/kb/1277/key-prefixes; alibabacloud.com, AccessKey.
    exactly("dop_v1_", Hex, 64),
    exactly("doo_v1_", Hex, 64),
    exactly("dor_v1_", Hex, 64),
    at_least("HRKU-", Url, 30),
    at_least("pscale_tkn_", Dotted, 30),
    at_least("pscale_pw_", Dotted, 30),
    at_least("pscale_oauth_", Dotted, 30),
    exactly("sbp_", Hex, 40),
    at_least("tskey-", Url, 20),
    exactly("LTAI", Alphanumeric, 20),
    // Monitoring: docs.newrelic.com/docs/apis, New Relic API keys; docs.dynatrace.com, access tokens; grafana.com/docs,
    // service account tokens; docs.sentry.io, auth tokens.
    at_least("NRAK-", Upper, 20),
    at_least("NRII-", Url, 20),
    at_least("NRJS-", Hex, 19),
    at_least("dt0c01.", Dotted, 60),
    at_least("glsa_", Url, 30),
    at_least("glc_", Base64, 30),
    at_least("sntrys_", Dotted, 30),
    at_least("sntryu_", Hex, 40),
    // Models: platform.openai.com/docs/api-reference/authentication; docs.anthropic.com/api; huggingface.co/docs/hub,
    // user access tokens; console.groq.com/docs; replicate.com/docs.
    at_least("sk-proj-", Url, 20),
    at_least("sk-svcacct-", Url, 20),
    at_least("sk-admin-", Url, 20),
    at_least("sk-ant-", Url, 20),
    at_least("sk-", Alphanumeric, 32),
    at_least("hf_", Alphanumeric, 30),
    at_least("gsk_", Alphanumeric, 40),
    exactly("r8_", Alphanumeric, 37),
    // Databricks: docs.databricks.com/dev-tools/auth/pat.
    at_least("dapi", Hex, 32),
    // Shopify: shopify.dev/docs/apps, access tokens.
    at_least("shpat_", Hex, 32),
    at_least("shpca_", Hex, 32),
    at_least("shppa_", Hex, 32),
    at_least("shpss_", Hex, 32),
    // Tools: id.atlassian.com, API tokens; doppler.com/docs, token formats; pulumi.com/docs, access tokens;
    // learning.postman.com, API keys; linear.app/developers; developers.notion.com; squareup.com, access tokens.
    at_least("ATATT3xFfGF0", Base64, 30),
    at_least("dp.pt.", Alphanumeric, 40),
    at_least("dp.st.", Dotted, 40),
    exactly("pul-", Hex, 40),
    at_least("PMAK-", Url, 50),
    at_least("lin_api_", Alphanumeric, 30),
    at_least("ntn_", Alphanumeric, 40),
    at_least("sq0atp-", Url, 22),
    at_least("sq0csp-", Url, 40),
    // age: age-encryption.org/v1, identities.
    exactly("AGE-SECRET-KEY-1", Upper, 58),
];

/// How far from its id the secret key of AWS is looked for, in bytes.
const BESIDE: usize = 256;
/// How long such a key is.
const AWS_KEY: usize = 40;

/// Looks at what begins at `start` like a token of `vendor`.
pub(super) fn at(scan: &mut Scan, vendor: &Vendor, start: usize) {
    let body = start + vendor.prefix.len();
    let is_url = matches!(vendor.letters, Path);
    if !is_url && !scan.begins(start) {
        return;
    }
    let rest = &scan.bytes()[body..];
    let is_letter = |byte: &&u8| vendor.letters.has(**byte);
    let length = match vendor.rest {
        // More letters than these are no longer looked at.
        Rest::Exactly(count) => {
            let length = rest.iter().take(count).take_while(is_letter).count();
            let goes_on = rest.get(count).is_some_and(u8::is_ascii_alphanumeric);
            (length == count && !goes_on).then_some(count)
        }
        Rest::AtLeast(count) => {
            let is_long = rest.iter().take(count).take_while(is_letter).count() == count;
            is_long.then(|| rest.iter().take_while(is_letter).count())
        }
    };
    let Some(length) = length else { return };
    if is_url {
        // Whose host it is stays.
        scan.push(body..body + length, tags::TOKEN);
        return;
    }
    scan.push(start..body + length, tags::TOKEN);
    if matches!(vendor.prefix, "AKIA" | "ASIA") {
        aws_keys(scan, start.saturating_sub(BESIDE), start);
        aws_keys(scan, body + length, body + length + BESIDE + AWS_KEY);
    }
}

/// Secret keys of AWS in a part of the text: nothing but their length and letters tells them, so they are looked for
/// only where an id is beside them.
fn aws_keys(scan: &mut Scan, from: usize, to: usize) {
    let bytes = scan.bytes();
    let to = to.min(bytes.len());
    let mut found = Vec::new();
    let mut start = from;
    for at in from..=to {
        if at < to && Base64.has(bytes[at]) && bytes[at] != b'=' {
            continue;
        }
        let run = &bytes[start..at];
        let has = |is: fn(&u8) -> bool| run.iter().any(is);
        let is_whole = start == 0 || start > from || !Base64.has(bytes[start - 1]);
        if run.len() == AWS_KEY
            && is_whole
            && has(u8::is_ascii_digit)
            && has(u8::is_ascii_uppercase)
            && has(u8::is_ascii_lowercase)
        {
            found.push(start..at);
        }
        start = at + 1;
    }
    found
        .into_iter()
        .for_each(|range| scan.push(range, tags::TOKEN));
}

/// How the tokens begin that must be found: a vendor that is lost is missed here.
#[cfg(test)]
const PREFIXES: &str = "\
    ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- gldt- glrt- glrtr- glcbt- glptt- glft- glimt- glagent- gloas- \
    glsoat- xoxa- xoxb- xoxe- xoxe. xoxo- xoxp- xoxr- xoxs- xapp- xwfp- hooks.slack.com/ \
    discord.com/api/webhooks/ discordapp.com/api/webhooks/ webhook.office.com/webhookb2/ api.telegram.org/bot \
    AKIA ASIA ABIA ACCA IQoJb3JpZ2luX2Vj FwoGZXIvYXdz ABSKQmVkcm9ja0FQSUtleS AIza ya29. GOCSPX- 1//0 sk_live_ \
    sk_test_ rk_live_ rk_test_ whsec_ SK SG. key- npm_ pypi-AgE dckr_pat_ dckr_oat_ rubygems_ cio hvs. hvb. hvr. \
    dop_v1_ doo_v1_ dor_v1_ HRKU- pscale_tkn_ pscale_pw_ pscale_oauth_ sbp_ tskey- LTAI NRAK- NRII- NRJS- \
    dt0c01. glsa_ glc_ sntrys_ sntryu_ sk-proj- sk-svcacct- sk-admin- sk-ant- sk- hf_ gsk_ r8_ dapi shpat_ \
    shpca_ shppa_ shpss_ ATATT3xFfGF0 dp.pt. dp.st. pul- PMAK- lin_api_ ntn_ sq0atp- sq0csp- AGE-SECRET-KEY-1";

#[test]
fn tokens_of_every_vendor_go() {
    use crate::redact::{
        cut::{Hider, apply},
        text::{Language, find},
    };
    let listed: Vec<_> = PREFIXES.split(' ').collect();
    let prefixes: Vec<_> = VENDORS.iter().map(|vendor| vendor.prefix).collect();
    assert_eq!(listed, prefixes);
    for vendor in VENDORS {
        let (Rest::Exactly(length) | Rest::AtLeast(length)) = vendor.rest;
        // Digits are in every alphabet.
        let body: String = "0123456789".chars().cycle().take(length).collect();
        let text = format!("a ({}{body}) b", vendor.prefix);
        let left = apply(&text, &find(&text, Language::Plain, &Hider::default()));
        let host = match vendor.letters {
            Path => vendor.prefix,
            _ => "",
        };
        assert_eq!(left, format!("a ({host}[redacted]) b"));
        // What is shorter is a word.
        let text = format!("a ({}{}) b", vendor.prefix, &body[1..]);
        let is_found = !find(&text, Language::Plain, &Hider::default()).is_empty();
        let is_of_another = prefixes
            .iter()
            .any(|other| *other != vendor.prefix && vendor.prefix.starts_with(other));
        assert!(!is_found || is_of_another, "{text}");
    }
}
