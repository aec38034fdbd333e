//! What counts as a secret: one table, and the lookups compiled from it.

use super::text::Language;
use crate::xds::{Field, Message};

/// A rule of redaction.
#[derive(Debug)]
pub struct Rule {
    /// The name that manifests and `rules` give it.
    pub name: &'static str,
    /// Why these values are taken out, or how much of them.
    pub reason: &'static str,
    /// The values it applies to.
    pub what: What,
}

/// The values that a rule applies to. Fields are written `<message>.<field>` with their names in the `.proto` files.
#[derive(Debug)]
pub enum What {
    /// Fields that the API itself annotates as sensitive, with all below them.
    Annotated,
    /// These fields, with all below them.
    Fields(&'static [&'static str]),
    /// Texts that quote rejected configuration: these fields, and members of these names where there is no schema.
    Reasons {
        /// Fields.
        fields: &'static [&'static str],
        /// Names of members.
        members: &'static [&'static str],
    },
    /// Private keys in PEM form, in any string and in base64.
    PrivateKeys,
    /// Parts of texts that code finds: in any text, or in those of a language.
    InTexts(&'static str),
    /// The values of headers, by the name of the header, letter case ignored.
    Headers {
        /// Messages with a `key` and a `value` or `raw_value`. Objects without a schema are taken for one.
        messages: &'static [&'static str],
        /// Names of headers.
        names: &'static [&'static str],
        /// Parts of names of headers.
        parts: &'static [&'static str],
    },
    /// Members of these names where there is no schema, with all below them; letter case and `_` ignored.
    Members(&'static [&'static str]),
}

/// Every rule, in the order in which they are documented.
pub static RULES: &[Rule] = &[
    Rule {
        name: "annotated-fields",
        reason: "the xDS API annotates the field as sensitive; Envoy redacts it, istiod does not",
        what: What::Annotated,
    },
    Rule {
        name: "private-key-pem",
        reason: "a private key in PEM form, wherever it stands; the text around it is kept",
        what: What::PrivateKeys,
    },
    Rule {
        name: "error-details",
        reason: "the reason of a rejection quotes the rejected configuration in clear; its own words are kept",
        what: What::Reasons {
            fields: &[
                "envoy.admin.v2alpha.UpdateFailureState.details",
                "envoy.admin.v3.UpdateFailureState.details",
            ],
            members: &["lastError"],
        },
    },
    Rule {
        name: "secret-headers",
        reason: "the value of a header that carries credentials by its name; matchers are kept",
        what: What::Headers {
            messages: &[
                "envoy.api.v2.core.HeaderValue",
                "envoy.config.core.v3.HeaderValue",
                "envoy.config.core.v3.KeyValue",
                "envoy.config.core.v3.KeyValuePair",
                "envoy.config.core.v3.QueryParameter",
                "opentelemetry.proto.common.v1.KeyValue",
            ],
            names: &[
                "authorization",
                "cookie",
                "proxy-authorization",
                "set-cookie",
            ],
            parts: &["key", "password", "secret", "token"],
        },
    },
    Rule {
        name: "config-yaml",
        reason: "the command line repeats a whole configuration as YAML, sensitive fields in clear",
        what: What::Fields(&[
            "envoy.admin.v2alpha.CommandLineOptions.config_yaml",
            "envoy.admin.v3.CommandLineOptions.config_yaml",
        ]),
    },
    Rule {
        name: "secret-names",
        reason: "a member called like a sensitive field where the type is unknown: Structs, newer messages",
        what: What::Members(&[
            "auth_password",
            "auth_username",
            "backend_token",
            "credentials_data_source",
            "downstream_auth_password",
            "downstream_auth_passwords",
            "downstream_auth_username",
            "generic_secret",
            "password",
            "pkcs12",
            "private_key",
            "secret_access_key",
            "secret_data",
            "session_ticket_keys",
            "session_token",
            "web_identity_token_data_source",
        ]),
    },
    Rule {
        name: "token-shapes",
        reason: "it has the shape of a vendor's token, of a JSON web token or of credentials of HTTP; the scheme is kept",
        what: What::InTexts("every string"),
    },
    Rule {
        name: "url-credentials",
        reason: "the user and the password of a URL; its host and path are kept",
        what: What::InTexts("every string"),
    },
    Rule {
        name: "named-values",
        reason: "a text has it after a name that tells a secret, or one that hints at it and the value looks random",
        what: What::InTexts("every string"),
    },
    Rule {
        name: "lua-literals",
        reason: "no schema tells which literal of a program is a secret; names of headers and the program are kept",
        what: What::InTexts("programs in Lua"),
    },
    Rule {
        name: "wasm-literals",
        reason: "no schema tells which value of a plugin is a secret; names, numbers and common words are kept",
        what: What::InTexts("configuration of Wasm plugins"),
    },
];

/// What happens to the strings of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Treatment {
    /// Read as a text of this kind, of which parts may go.
    Read(Language),
    /// Replaced by this rule, and numbers and booleans too.
    Hide(&'static str),
}

/// [`RULES`] compiled for the questions that are asked of every object.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// Addresses of fields in the table, sorted.
    fields: Vec<(usize, Treatment)>,
    /// Addresses of messages in the table, sorted.
    headers: Vec<usize>,
    header_names: Vec<&'static str>,
    header_parts: Vec<&'static str>,
    members: Vec<(&'static str, Treatment)>,
    /// The rule that annotated fields go by.
    annotated: &'static str,
    /// The rule that headers go by.
    headers_by: &'static str,
}

impl Treatment {
    /// What happens to values that nothing is known of.
    pub(super) const KEEP: Self = Self::Read(Language::Plain);
}

impl Rules {
    pub(super) fn new(table: &'static [Rule]) -> Self {
        let mut rules = Self::default();
        for rule in table {
            match rule.what {
                // Field by field, as the table of the API has it; strings are looked at in any case.
                What::Annotated => rules.annotated = rule.name,
                What::PrivateKeys | What::InTexts(_) => {}
                What::Fields(fields) => rules.add_fields(fields, Treatment::Hide(rule.name)),
                What::Reasons { fields, members } => {
                    rules.add_fields(fields, Treatment::Read(Language::Reason));
                    rules.add_members(members, Treatment::Read(Language::Reason));
                }
                What::Headers {
                    messages,
                    names,
                    parts,
                } => {
                    let found = messages.iter().filter_map(|name| Message::find(name));
                    rules.headers.extend(found.map(address));
                    rules.headers_by = rule.name;
                    rules.header_names.extend(names);
                    rules.header_parts.extend(parts);
                }
                What::Members(members) => rules.add_members(members, Treatment::Hide(rule.name)),
            }
        }
        rules.fields.sort_unstable_by_key(|(field, _)| *field);
        rules.headers.sort_unstable();
        rules
    }

    fn add_fields(&mut self, fields: &[&str], treatment: Treatment) {
        let found = fields.iter().filter_map(|path| field(path));
        self.fields
            .extend(found.map(|field| (address(field), treatment)));
    }

    fn add_members(&mut self, members: &[&'static str], treatment: Treatment) {
        self.members
            .extend(members.iter().map(|name| (*name, treatment)));
    }

    /// What happens to the value of `field`.
    pub(super) fn of_field(&self, field: &'static Field) -> Treatment {
        if field.is_sensitive() {
            return Treatment::Hide(self.annotated);
        }
        self.fields
            .binary_search_by_key(&address(field), |(field, _)| *field)
            .map_or(Treatment::KEEP, |found| self.fields[found].1)
    }

    /// What happens to the value of a member called `key` where there is no schema.
    pub(super) fn of_member(&self, key: &str) -> Treatment {
        self.members
            .iter()
            .find(|(name, _)| is_same_name(name, key))
            .map_or(Treatment::KEEP, |(_, treatment)| *treatment)
    }

    /// Whether `message` is a header, or a key and a value like one.
    pub(super) fn is_header(&self, message: &'static Message) -> bool {
        self.headers.binary_search(&address(message)).is_ok()
    }

    /// What happens to the value of a header that carries credentials.
    pub(super) fn of_secret_header(&self) -> Treatment {
        Treatment::Hide(self.headers_by)
    }

    /// Whether the header called `name` carries credentials.
    pub(super) fn is_secret_header(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        self.header_names.contains(&name.as_str())
            || self.header_parts.iter().any(|part| name.contains(part))
    }
}

/// The field at `<message>.<field>`.
fn field(path: &str) -> Option<&'static Field> {
    let (message, field) = path.rsplit_once('.')?;
    Message::find(message)?.field(field)
}

/// Entries of the table are statics, so an address is an identity.
fn address<T>(entry: &'static T) -> usize {
    std::ptr::from_ref(entry).addr()
}

/// `privateKey` and `PRIVATE_KEY` are `private_key`.
fn is_same_name(left: &str, right: &str) -> bool {
    fn letters(name: &str) -> impl Iterator<Item = u8> {
        let bytes = name.bytes().filter(|byte| *byte != b'_');
        bytes.map(|byte| byte.to_ascii_lowercase())
    }
    letters(left).eq(letters(right))
}

#[test]
fn the_table_names_only_what_the_api_has() {
    let mut names = std::collections::BTreeSet::new();
    for rule in RULES {
        assert!(names.insert(rule.name), "two rules called {}", rule.name);
        match rule.what {
            What::Fields(fields) | What::Reasons { fields, .. } => {
                for path in fields {
                    assert!(field(path).is_some(), "{path}");
                }
            }
            What::Headers { messages, .. } => {
                for name in messages {
                    let message = Message::find(name).unwrap_or_else(|| panic!("{name}"));
                    assert!(message.field("key").is_some(), "{name}");
                    assert!(message.field("value").is_some(), "{name}");
                }
            }
            What::Annotated | What::PrivateKeys | What::InTexts(_) | What::Members(_) => {}
        }
    }
}

#[test]
fn headers_are_secret_by_name_or_part_of_it() {
    let rules = Rules::new(RULES);
    for name in ["Authorization", "set-cookie", "X-API-Key", "x-auth-token"] {
        assert!(rules.is_secret_header(name), "{name}");
    }
    for name in ["x-forwarded-for", "cookies", "", "host"] {
        assert!(!rules.is_secret_header(name), "{name}");
    }
}

#[test]
fn members_are_found_in_any_spelling() {
    let rules = Rules::new(RULES);
    for name in ["private_key", "privateKey", "PRIVATE_KEY"] {
        assert_eq!(
            rules.of_member(name),
            Treatment::Hide("secret-names"),
            "{name}"
        );
    }
    assert_eq!(
        rules.of_member("lastError"),
        Treatment::Read(Language::Reason)
    );
    for name in ["private_key_provider", "key", ""] {
        assert_eq!(rules.of_member(name), Treatment::KEEP, "{name}");
    }
}
