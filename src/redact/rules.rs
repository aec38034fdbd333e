//! What counts as a secret: one table.

mod pairs;
mod sources;

pub(super) use sources::FORMATS;

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
    /// The texts and numbers in these fields, and below them.
    Fields(&'static [&'static str]),
    /// Texts that quote rejected configuration: these fields, and members of these names where there is no schema.
    Reasons {
        /// Fields.
        fields: &'static [&'static str],
        /// Names of members.
        members: &'static [&'static str],
    },
    /// Literals in the programs in Lua that these fields hold.
    Lua(&'static [&'static str]),
    /// Literals in the configuration of plugins that these fields hold.
    Plugins(&'static [&'static str]),
    /// What texts hold, by its shape.
    Shapes(&'static str),
    /// Values that stand beside a name that tells, and entries of maps whose keys do.
    Named(&'static [Pair]),
    /// Members whose names tell where there is no schema, with the texts and numbers below them. Letter case
    /// and `_` are ignored.
    Members {
        /// These go, too.
        names: &'static [&'static str],
        /// And these, if they are sources of data such as `{"inline_string": …}`.
        sources: &'static [&'static str],
    },
    /// Members of objects without a schema that have a certain other member.
    Marked {
        /// The other member.
        by: &'static str,
        /// The members that go.
        members: &'static [&'static str],
    },
    /// Bytes that are no text, in these fields.
    Opaque(&'static [&'static str]),
    /// What cannot be read for certain.
    Unreadable,
}

/// Names beside values.
///
/// Paths lead from a message through its members; a list is gone through, and a last [`KEYS`] stands for the keys of a
/// map.
#[derive(Debug)]
pub struct Pair {
    /// The messages that are such; none stands for any object without a schema.
    pub messages: &'static [&'static str],
    /// Where the names are.
    pub names: &'static [&'static str],
    /// Where the values are.
    pub values: &'static [&'static str],
}

/// The keys of a map, in the path of a [`Pair`].
pub const KEYS: &str = "<key>";

/// The rule of what cannot be read for certain.
pub(super) const UNREADABLE: &str = "unreadable";
/// The rule of private keys.
pub(super) const PEM: &str = "private-key-pem";

/// Every rule, in the order in which they are documented.
pub static RULES: &[Rule] = &[
    Rule {
        name: "annotated-fields",
        reason: "the xDS API annotates the field as sensitive; Envoy redacts it, istiod does not",
        what: What::Annotated,
    },
    Rule {
        name: "credential-fields",
        reason: "the field is for a credential, though the xDS API does not annotate it; names of files are kept",
        what: What::Fields(&[
            "envoy.api.v2.core.GrpcService.GoogleGrpc.CallCredentials.GoogleIAMCredentials.authorization_token",
            "envoy.api.v2.core.GrpcService.GoogleGrpc.CallCredentials.ServiceAccountJWTAccessCredentials.json_key",
            "envoy.api.v2.core.GrpcService.GoogleGrpc.CallCredentials.access_token",
            "envoy.api.v2.core.GrpcService.GoogleGrpc.CallCredentials.google_refresh_token",
            "envoy.config.core.v3.GrpcService.GoogleGrpc.CallCredentials.GoogleIAMCredentials.authorization_token",
            "envoy.config.core.v3.GrpcService.GoogleGrpc.CallCredentials.ServiceAccountJWTAccessCredentials.json_key",
            "envoy.config.core.v3.GrpcService.GoogleGrpc.CallCredentials.access_token",
            "envoy.config.core.v3.GrpcService.GoogleGrpc.CallCredentials.google_refresh_token",
            "envoy.config.filter.http.ext_authz.v2.CheckSettings.context_extensions",
            "envoy.config.trace.v3.LightstepConfig.access_token",
            "envoy.extensions.common.aws.v3.InlineCredentialProvider.access_key_id",
            "envoy.extensions.filters.http.aws_lambda.v3.Credentials.access_key_id",
            "envoy.extensions.filters.http.aws_lambda.v3.Credentials.secret_access_key",
            "envoy.extensions.filters.http.aws_lambda.v3.Credentials.session_token",
            "envoy.extensions.filters.http.gcp_authn.v3.Audience.IAMAccessToken.authorization",
            "envoy.extensions.grpc_service.call_credentials.access_token.v3.AccessTokenCredentials.token",
            "envoy.extensions.grpc_service.call_credentials.google_iam.v3.GoogleIamCredentials.authorization_token",
            "envoy.extensions.grpc_service.call_credentials.google_refresh_token.v3.GoogleRefreshTokenCredentials.token",
            "envoy.extensions.grpc_service.call_credentials.service_account_jwt_access.v3.ServiceAccountJwtAccessCredentials.json_key",
            "envoy.extensions.http.injected_credentials.oauth2.v3.OAuth2.EndpointParameter.value",
        ]),
    },
    Rule {
        name: "wasm-environment",
        reason: "the environment of a Wasm plugin carries credentials, such as the pull secret of its image",
        what: What::Fields(&["envoy.extensions.wasm.v3.EnvironmentVariables.key_values"]),
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
        name: "named-values",
        reason: "a header, parameter, cookie, tag, variable or entry of metadata whose name tells a secret, in texts, too; where the \
                 name only hints at one, the value goes if it looks random; formats made of commands are kept",
        what: What::Named(pairs::VALUES),
    },
    Rule {
        name: "named-matches",
        reason: "what a header, parameter, cookie or entry of metadata is matched with, if its name tells a secret; \
                 how it is matched is kept",
        what: What::Named(pairs::MATCHES),
    },
    Rule {
        name: "secret-names",
        reason: "a member whose name tells a secret where there is no schema: metadata, Structs, JSON in texts, newer \
                 messages; where the name only hints at one, texts go that look random",
        what: What::Members {
            names: &[
                "auth_username",
                "context_extensions",
                "downstream_auth_username",
                "session_ticket_keys",
            ],
            sources: &["keys", "users"],
        },
    },
    Rule {
        name: "json-web-keys",
        reason: "the private members of a JSON Web Key; kind, id and public members are kept",
        what: What::Marked {
            by: "kty",
            members: &["d", "dp", "dq", "k", "oth", "p", "q", "qi"],
        },
    },
    Rule {
        name: "key-providers",
        reason: "the configuration of a provider of private keys, where there is no schema",
        what: What::Marked {
            by: "provider_name",
            members: &["config", "typed_config"],
        },
    },
    Rule {
        name: "error-details",
        reason: "the reason of a rejection quotes the rejected configuration in clear; its own words are kept, and \
                 the names of what the dump shows beside it",
        what: What::Reasons {
            fields: &[
                "envoy.admin.v2alpha.UpdateFailureState.details",
                "envoy.admin.v3.UpdateFailureState.details",
            ],
            members: &["lastError"],
        },
    },
    Rule {
        name: "lua-literals",
        reason: "no schema tells which literal of a program is a secret; names of headers and the program are kept",
        what: What::Lua(sources::LUA),
    },
    Rule {
        name: "wasm-literals",
        reason: "no schema tells which value of a plugin is a secret; names, numbers and common words are kept",
        what: What::Plugins(sources::PLUGINS),
    },
    Rule {
        name: PEM,
        reason: "a private key in PEM form, wherever it stands; the text around it is kept",
        what: What::Shapes("every text, and bytes that encode one"),
    },
    Rule {
        name: "token-shapes",
        reason: "it has the shape of a vendor's token, of a JSON web token or of credentials of HTTP; the scheme is kept",
        what: What::Shapes("every text, and bytes that encode one"),
    },
    Rule {
        name: "url-credentials",
        reason: "the user and the password of a URL; its host and path are kept",
        what: What::Shapes("every text, and bytes that encode one"),
    },
    Rule {
        name: "opaque-bytes",
        reason: "bytes of no known meaning, in which a serialized message may be; what is text is read as text",
        what: What::Opaque(&[
            "envoy.api.v2.core.SocketOption.buf_value",
            "envoy.config.core.v3.SocketOption.buf_value",
            "envoy.config.core.v3.TlvEntry.value",
            "google.protobuf.BytesValue.value",
            "opentelemetry.proto.common.v1.AnyValue.bytes_value",
        ]),
    },
    Rule {
        name: UNREADABLE,
        reason: "JSON in texts nested too deep to be read, and objects of two types: nobody can tell what is in them",
        what: What::Unreadable,
    },
];

#[test]
fn rules_have_names_of_their_own_and_reasons() {
    let mut names = std::collections::BTreeSet::new();
    for rule in RULES {
        assert!(names.insert(rule.name), "two rules called {}", rule.name);
        assert!(!rule.reason.is_empty(), "{}", rule.name);
    }
}
