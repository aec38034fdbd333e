//! Host names in a text, label by label.

use std::ops::Range;

/// What is known of a text by where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    /// It is a host, with or without a port.
    Host,
    /// It is the name of a type, or of a proxy, by which documents are told to be of one.
    Name,
    /// Nothing.
    Text,
}

/// Members that hold hosts, in lower case without `_`.
const MEMBERS: &[&str] = &[
    "address",
    "authority",
    "dns",
    "dnsname",
    "dnsnames",
    "domainname",
    "domains",
    "host",
    "hostname",
    "hostredirect",
    "hostrewrite",
    "hostrewriteliteral",
    "hosts",
    "requestedservername",
    "servername",
    "servernames",
    "sni",
    "trustdomain",
];
/// Members that name types and proxies.
const NAMES: &[&str] = &["@type", "proxy", "proxyid", "typeurl"];

impl Context {
    /// What the name of a member tells of its value.
    pub(super) fn of_member(name: &str) -> Self {
        let letters = name.bytes().filter(|byte| *byte != b'_');
        let letters: Vec<u8> = letters.map(|byte| byte.to_ascii_lowercase()).collect();
        let is_one_of = |names: &[&str]| names.iter().any(|name| name.as_bytes() == letters);
        match () {
            () if is_one_of(MEMBERS) => Self::Host,
            () if is_one_of(NAMES) => Self::Name,
            () => Self::Text,
        }
    }
}

/// Schemes of URLs of which the authority is a host.
const SCHEMES: &[&str] = &[
    "amqp",
    "amqps",
    "dns",
    "ftp",
    "grpc",
    "grpcs",
    "http",
    "https",
    "kafka",
    "mongodb",
    "mysql",
    "nats",
    "oci",
    "postgres",
    "postgresql",
    "redis",
    "rediss",
    "spiffe",
    "tcp",
    "tls",
    "udp",
    "ws",
    "wss",
];

/// Last labels that tell a host name, and that are kept.
const KEPT: &[&str] = &[
    "arpa",
    "biz",
    "com",
    "edu",
    "example",
    "gov",
    "info",
    "int",
    "internal",
    "invalid",
    "local",
    "localhost",
    "mil",
    "net",
    "org",
    "svc",
    "test",
];
/// Last labels that tell a host name, and may be names of somebody: they are replaced.
const TELLING: &[&str] = &[
    "agency",
    "app",
    "bank",
    "blog",
    "cloud",
    "company",
    "corp",
    "dev",
    "digital",
    "finance",
    "global",
    "group",
    "home",
    "host",
    "lan",
    "live",
    "online",
    "page",
    "shop",
    "site",
    "software",
    "solutions",
    "store",
    "systems",
    "tech",
    "tools",
    "work",
    "world",
    "xyz",
    "zone",
];
/// Top-level domains of countries.
const COUNTRIES: &str = "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt \
    bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm \
    fo fr ga gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo \
    jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt \
    mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw \
    sa sb sc sd se sg sh si sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug \
    uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw";
/// Those that end names of fields and files as well: of two labels they tell nothing.
const AMBIGUOUS: &[&str] = &[
    "as", "at", "be", "by", "cc", "do", "id", "in", "is", "it", "la", "md", "me", "my", "no", "pl",
    "ps", "py", "re", "rs", "sh", "so", "st", "to", "us",
];

/// Domains of projects, which label keys and types are named after: they are nobody's, and stay.
const PROJECTS: &[&str] = &[
    "cloud.google.com",
    "cncf.io",
    "eks.amazonaws.com",
    "envoyproxy.io",
    "goo.gle",
    "istio.io",
    "k8s.io",
    "karpenter.sh",
    "kubernetes.azure.com",
    "kubernetes.io",
    "opentelemetry.io",
    "prometheus.io",
    "type.googleapis.com",
    "w3.org",
];
/// What names of extensions and messages begin with.
const PACKAGES: &[&str] = &["envoy", "google", "io", "istio", "udpa", "xds"];

/// What of a pseudonym stands before its digits.
pub(super) const LABEL: &str = "host-";
pub(super) const ADDRESS: &str = "ip-";

/// Whether `label` is what stands for a label or an address already.
fn is_pseudonym(label: &str) -> bool {
    let digits = label.strip_prefix(LABEL).or(label.strip_prefix(ADDRESS));
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    digits.is_some_and(|digits| digits.len() == 16 && digits.bytes().all(is_digit))
}

/// The labels in `text` that name hosts and are to be replaced, in order; what is in `skipped`, in order too, is no host.
pub(super) fn find(text: &str, context: Context, skipped: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    if context == Context::Name {
        return found;
    }
    // A path of a file, or of a request.
    let is_path = ["/", "./", "../"]
        .iter()
        .any(|start| text.starts_with(start));
    let mut authority = 0..0;
    let mut skipped = skipped.iter().peekable();
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut tildes = 0;
    // Where the last skipped range ended; nothing can stand at the end of the text.
    let mut free_from = bytes.len();
    while at < bytes.len() {
        while skipped.next_if(|range| range.end <= at).is_some() {}
        if let Some(range) = skipped.peek()
            && range.contains(&at)
        {
            at = range.end;
            free_from = at;
            continue;
        }
        if !is_part(bytes[at]) {
            tildes += usize::from(bytes[at] == b'~');
            if bytes[at..].starts_with(b"://") {
                authority = authority_at(text, at);
            }
            at += 1;
            continue;
        }
        let limit = skipped.peek().map_or(bytes.len(), |range| range.start);
        let (labels, end) = labels_at(text, at, limit);
        // The name of a pod in the ID of a node: `sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local`.
        if tildes == 2 && bytes[at - 1] == b'~' {
            at = end;
            continue;
        }
        let is_host = context == Context::Host && !is_path
            // One URL may have several, and nothing else stands in it.
            || authority.contains(&at) && (at == authority.start || bytes[at - 1] == b',')
            || tildes == 3 && bytes[at - 1] == b'~'
            || follows_cluster(&bytes[..at]);
        if let Some(labels) = host(text, &labels, is_host, is_path) {
            // What touches an address is no label: `inbound_0.0.0.0`.
            let touches = |label: &Range<usize>| {
                label.start == free_from || label.end == limit && limit < bytes.len()
            };
            found.extend(labels.into_iter().filter(|label| !touches(label)));
        }
        at = end;
    }
    found
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'*' | b'.')
}

/// The labels of the name that begins at `start`, and where it ends. In patterns, dots are escaped.
fn labels_at(text: &str, start: usize, limit: usize) -> (Vec<Range<usize>>, usize) {
    let bytes = &text.as_bytes()[..limit];
    let mut labels = Vec::new();
    let mut label = start;
    let mut at = start;
    loop {
        let separator = match &bytes[at..] {
            [b'.', ..] => 1,
            [b'\\', b'.', ..] => 2,
            [byte, ..] if is_part(*byte) => {
                at += 1;
                continue;
            }
            _ => 0,
        };
        labels.push(label..at);
        at += separator;
        label = at;
        if separator == 0 {
            return (labels, at);
        }
    }
}

/// The host of the URL of which `://` stands at `colon`, if its scheme is one of hosts.
fn authority_at(text: &str, colon: usize) -> Range<usize> {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'+';
    let longest = colon.saturating_sub(12);
    let before = text.as_bytes()[longest..colon].iter().rev();
    let scheme = &text[colon - before.take_while(|byte| is_letter(byte)).count()..colon];
    let scheme = scheme.to_ascii_lowercase();
    if !SCHEMES.contains(&scheme.as_str()) {
        return 0..0;
    }
    let start = colon + 3;
    // Host names are shorter; what is before them is none.
    let is_end = |byte: &u8| {
        matches!(
            byte,
            b'/' | b'?' | b'#' | b'"' | b'\'' | b' ' | b'\n' | b'\\'
        )
    };
    let rest = &text.as_bytes()[start..];
    let rest = &rest[..rest.len().min(1024)];
    let end = rest.iter().position(is_end).unwrap_or(rest.len());
    let host = rest[..end]
        .iter()
        .rposition(|byte| *byte == b'@')
        .map_or(0, |at| at + 1);
    let port = rest[host..end].iter().position(|byte| *byte == b':');
    start + host..start + port.map_or(end, |port| host + port)
}

/// Whether what follows `before` is the host of a cluster or listener of Istio's: `outbound|80|v1|`.
fn follows_cluster(before: &[u8]) -> bool {
    let tail = &before[before.len().saturating_sub(128)..];
    let mut parts = tail.rsplitn(4, |byte| *byte == b'|');
    let (Some(b""), Some(_), Some(port), Some(direction)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    port.iter().all(u8::is_ascii_digit)
        && [&b"outbound"[..], b"inbound"]
            .iter()
            .any(|word| direction.ends_with(word))
}

/// The labels of a name that are to be replaced, if it is a host: as it is said to be, or as its end tells.
fn host(
    text: &str,
    labels: &[Range<usize>],
    is_host: bool,
    is_path: bool,
) -> Option<Vec<Range<usize>>> {
    let mut labels = labels;
    let mut is_host = is_host;
    let of = |range: &Range<usize>| &text[range.clone()];
    // `outbound_.80_.v1_.host`, as Istio has it in the names of servers.
    if let [direction, port, subset, host @ ..] = labels
        && matches!(of(direction), "outbound_" | "inbound_")
        && [port, subset].iter().all(|part| of(part).ends_with('_'))
    {
        labels = host;
        is_host = true;
    }
    // A dot at the end is the root's, or of a sentence.
    while let [rest @ .., last] = labels
        && last.is_empty()
    {
        labels = rest;
    }
    while let [first, rest @ ..] = labels
        && first.is_empty()
    {
        labels = rest;
    }
    let words: Vec<String> = labels
        .iter()
        .map(|label| of(label).to_ascii_lowercase())
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let name = words.join(".");
    let is_in = |domain: &&str| {
        let before = name.strip_suffix(domain);
        before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    if words.is_empty() || PROJECTS.iter().any(is_in) {
        return None;
    }
    let is_spelled = |at: usize| {
        let text = of(&labels[at]);
        text == words[at] || text == words[at].to_ascii_uppercase()
    };
    let end = (0..words.len()).rev().find(|&last| {
        let is_end = words.get(last + 1).is_none_or(|next| next.contains('_'));
        is_end && is_spelled(last) && tells(&words[..=last])
    });
    let length = match (end, is_host) {
        (Some(last), _) if is_host || !is_path => last + 1,
        (_, true) => {
            // In statistics, the name of one follows.
            let statistic = words.iter().skip(1).position(|word| word.contains('_'));
            statistic.map_or(words.len(), |at| at + 1)
        }
        _ => return None,
    };
    let words = &words[..length];
    let kept = match words {
        [.., "svc", "cluster", "local"] => 3,
        [.., "cluster", "local"] => 2,
        [.., last] if words.len() > 1 && is_kept(last) => 1,
        ["localhost"] => 1,
        _ => 0,
    };
    let is_replaced = |at: &usize| {
        let word = words[*at];
        let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
        // With a name there, a port would look like a password.
        let is_port = is_number && text[..labels[*at].start].ends_with(':');
        let stays = is_port || matches!(word, "" | "*") || (*at > 1 && word == "svc");
        !(stays || is_pseudonym(word) || is_number && words.len() == 1)
    };
    let replaced = (0..words.len() - kept).filter(is_replaced);
    Some(replaced.map(|at| labels[at].clone()).collect())
}

fn is_country(label: &str) -> bool {
    label.len() == 2
        && COUNTRIES
            .split_ascii_whitespace()
            .any(|country| country == label)
}

fn is_kept(label: &str) -> bool {
    KEPT.contains(&label) || is_country(label)
}

/// Whether a name is one of a host by its last label.
fn tells(words: &[&str]) -> bool {
    let [first, .., last] = words else {
        return false;
    };
    let is_public = matches!(*last, "com" | "net" | "org" | "io" | "local" | "svc");
    if PACKAGES.contains(first) && !is_public {
        return false;
    }
    match *last {
        "svc" => words.len() > 2,
        last if is_country(last) => words.len() > 2 || !AMBIGUOUS.contains(&last),
        // A pod may be in a namespace of that name.
        last if TELLING.contains(&last) => words.len() > 2,
        last => KEPT.contains(&last),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `text` with `#` in the place of what goes.
    fn hidden(text: &str, context: Context) -> String {
        let mut copy = text.to_owned();
        let addresses = super::super::address::find(text).into_iter();
        let addresses: Vec<_> = addresses.map(|found| found.range).collect();
        for range in find(text, context, &addresses).into_iter().rev() {
            copy.replace_range(range, "#");
        }
        copy
    }

    #[test]
    fn hosts_are_told_by_their_ends() {
        for (text, expected) in [
            ("reviews.default.svc.cluster.local", "#.#.svc.cluster.local"),
            (
                "reviews.default.svc.cluster.local:9080",
                "#.#.svc.cluster.local:9080",
            ),
            ("istiod.istio-system.svc:15012", "#.#.svc:15012"),
            (
                "outbound|9080|v1|reviews.default.svc.cluster.local",
                "outbound|9080|v1|#.#.svc.cluster.local",
            ),
            ("outbound|80||db", "outbound|80||#"),
            (
                "outbound_.80_.v1_.api.shop.example.com",
                "outbound_.80_.v1_.#.#.#.com",
            ),
            ("inbound|9080||", "inbound|9080||"),
            ("*.shop.example.com", "*.#.#.com"),
            ("https://u:p@jaeger:9411/api", "https://u:p@#:9411/api"),
            (
                "spiffe://corp.example.org/ns/a/sa/b",
                "spiffe://#.#.org/ns/a/sa/b",
            ),
            (
                "spiffe://cluster.local/ns/a/sa/b",
                "spiffe://cluster.local/ns/a/sa/b",
            ),
            ("kubernetes://web-tls", "kubernetes://web-tls"),
            (
                "sidecar~10.0.0.1~web-1.shop~shop.svc.corp",
                "sidecar~10.0.0.1~web-1.shop~#.#.#",
            ),
            (r"^(.+\.)?shop\.example\.com$", r"^(.+\.)?#\.#\.com$"),
            ("mail admin@example.co.uk.", "mail admin@#.#.uk."),
            (
                "cluster.outbound|80||a.b.svc.cluster.local.upstream_cx_total",
                "cluster.outbound|80||#.#.svc.cluster.local.upstream_cx_total",
            ),
            (
                "cluster.outbound|80||db.upstream_cx_total",
                "cluster.outbound|80||#.upstream_cx_total",
            ),
            ("Example.COM", "#.COM"),
            ("localhost:80", "localhost:80"),
            ("host-0123456789abcdef.com", "host-0123456789abcdef.com"),
        ] {
            assert_eq!(hidden(text, Context::Text), expected, "{text}");
        }
    }

    #[test]
    fn where_hosts_stand_any_name_is_one() {
        for (text, expected) in [
            ("reviews", "#"),
            ("reviews:9080", "#:9080"),
            ("reviews.default", "#.#"),
            ("*", "*"),
            ("localhost", "localhost"),
            ("8080", "8080"),
            ("inbound_10.0.0.1", "inbound_10.0.0.1"),
            ("10.0.0.1.nip.io", "10.0.0.1.#.io"),
            ("/var/run/x.sock", "/var/run/x.sock"),
            ("host-0123456789abcdef", "host-0123456789abcdef"),
        ] {
            assert_eq!(hidden(text, Context::Host), expected, "{text}");
        }
        assert_eq!(Context::of_member("serverNames"), Context::Host);
        assert_eq!(Context::of_member("server_names"), Context::Host);
        assert_eq!(Context::of_member("@type"), Context::Name);
    }

    #[test]
    fn what_is_no_host_stays() {
        for text in [
            "type.googleapis.com/envoy.config.core.v3.Address",
            "envoy.filters.http.router",
            "envoy.matching.inputs.destination_ip",
            "istio.stats",
            "io.istio.http.peer_metadata.Config",
            "com.example.Message",
            "/etc/certs/ca.example.com/root.pem",
            "./config.app",
            "1.30.3",
            "topology.istio.io/network",
            "app.kubernetes.io/name",
            "security.istio.io/tlsMode",
            "node.id",
            "string.format",
            "plugin.so",
            "2026-11-21T01:52:51.123Z",
            "",
            "...",
            "xds-grpc",
            "web-1.shop",
            "sidecar~10.0.0.1~web-1.example~svc.cluster.local",
        ] {
            assert_eq!(hidden(text, Context::Text), text);
        }
        assert_eq!(hidden("a.example.com", Context::Name), "a.example.com");
    }
}
