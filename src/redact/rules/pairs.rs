//! Where names stand beside values.

use super::Pair;

/// Values that are sent, set or written down.
pub(super) static VALUES: &[Pair] = &[
    Pair {
        messages: &[
            "envoy.api.v2.core.HeaderValue",
            "envoy.api.v2.ratelimit.RateLimitDescriptor.Entry",
            "envoy.config.core.v3.HeaderValue",
            "envoy.config.core.v3.KeyValue",
            "envoy.config.core.v3.KeyValuePair",
            "envoy.config.core.v3.QueryParameter",
            "envoy.config.filter.http.header_to_metadata.v2.Config.KeyValuePair",
            "envoy.extensions.common.ratelimit.v3.RateLimitDescriptor.Entry",
            "envoy.extensions.filters.http.aws_eventstream_parser.v3.AwsEventstreamParser.HeaderKeyValuePair",
            "envoy.extensions.filters.http.header_to_metadata.v3.Config.KeyValuePair",
            "envoy.extensions.filters.http.json_to_metadata.v3.JsonToMetadata.KeyValuePair",
            "envoy.extensions.filters.http.thrift_to_metadata.v3.KeyValuePair",
            "envoy.extensions.filters.network.thrift_proxy.filters.header_to_metadata.v3.HeaderToMetadata.KeyValuePair",
            "envoy.extensions.filters.network.thrift_proxy.filters.payload_to_metadata.v3.PayloadToMetadata.KeyValuePair",
            "opentelemetry.proto.common.v1.KeyValue",
        ],
        names: &["key"],
        values: &["value", "raw_value"],
    },
    Pair {
        messages: &[
            "envoy.config.route.v3.RouteAction.HashPolicy.CookieAttribute",
            "envoy.type.http.v3.CookieAttribute",
        ],
        names: &["name"],
        values: &["value"],
    },
    Pair {
        messages: &[
            "envoy.config.filter.http.header_to_metadata.v2.Config.Rule",
            "envoy.extensions.filters.http.header_to_metadata.v3.Config.Rule",
        ],
        names: &["header", "cookie"],
        values: &["on_header_present.value", "on_header_missing.value"],
    },
    Pair {
        messages: &[
            "envoy.extensions.filters.network.thrift_proxy.filters.header_to_metadata.v3.HeaderToMetadata.Rule",
        ],
        names: &["header"],
        values: &["on_present.value", "on_missing.value"],
    },
    Pair {
        messages: &["envoy.extensions.filters.http.json_to_metadata.v3.JsonToMetadata.Rule"],
        names: &["selectors.key"],
        values: &["on_present.value", "on_missing.value", "on_error.value"],
    },
    Pair {
        messages: &[
            "envoy.extensions.filters.http.set_metadata.v3.Config",
            "envoy.extensions.filters.http.set_metadata.v3.Metadata",
        ],
        names: &["metadata_namespace"],
        values: &["value"],
    },
    Pair {
        messages: &["envoy.extensions.filters.common.set_filter_state.v3.FilterStateValue"],
        names: &["object_key"],
        values: &["format_string"],
    },
    Pair {
        messages: &[
            "envoy.config.route.v3.RateLimit.Action.DynamicMetaData",
            "envoy.config.route.v3.RateLimit.Action.GenericKey",
            "envoy.config.route.v3.RateLimit.Action.HeaderValueMatch",
            "envoy.config.route.v3.RateLimit.Action.MetaData",
            "envoy.config.route.v3.RateLimit.Action.QueryParameterValueMatch",
            "envoy.config.route.v3.RateLimit.Action.RemoteAddressMatch",
            "envoy.extensions.rate_limit_descriptors.jwt_claim.v3.Descriptor",
        ],
        names: &["descriptor_key"],
        values: &["descriptor_value", "default_value"],
    },
    Pair {
        messages: &[
            "envoy.type.tracing.v2.CustomTag",
            "envoy.type.tracing.v3.CustomTag",
        ],
        names: &["tag"],
        values: &[
            "literal.value",
            "environment.default_value",
            "request_header.default_value",
            "metadata.default_value",
            "value",
        ],
    },
    Pair {
        messages: &[
            "envoy.type.tracing.v2.CustomTag.Environment",
            "envoy.type.tracing.v2.CustomTag.Header",
            "envoy.type.tracing.v3.CustomTag.Environment",
            "envoy.type.tracing.v3.CustomTag.Header",
        ],
        names: &["name"],
        values: &["default_value"],
    },
    Pair {
        messages: &[
            "envoy.config.metrics.v2.TagSpecifier",
            "envoy.config.metrics.v3.TagSpecifier",
        ],
        names: &["tag_name"],
        values: &["fixed_value"],
    },
    Pair {
        messages: &[],
        names: &["key", "name"],
        values: &[
            "value",
            "values",
            "raw_value",
            "default_value",
            "string_value",
            "literal.value",
        ],
    },
];

/// Values that are matched with.
pub(super) static MATCHES: &[Pair] = &[
    Pair {
        messages: &[
            "envoy.api.v2.route.HeaderMatcher",
            "envoy.config.route.v3.CookieMatcher",
            "envoy.config.route.v3.HeaderMatcher",
            "envoy.extensions.filters.network.generic_proxy.matcher.v3.KeyValueMatchEntry",
        ],
        names: &["name"],
        values: HEADER_MATCHES,
    },
    Pair {
        messages: &[
            "envoy.api.v2.route.QueryParameterMatcher",
            "envoy.config.route.v3.QueryParameterMatcher",
        ],
        names: &["name"],
        values: &["value", "string_match"],
    },
    Pair {
        messages: &["envoy.type.matcher.v3.FilterStateMatcher"],
        names: &["key"],
        values: &["string_match"],
    },
    Pair {
        messages: &[
            "envoy.type.matcher.MetadataMatcher",
            "envoy.type.matcher.v3.MetadataMatcher",
        ],
        names: &["path.key"],
        values: &["value"],
    },
    Pair {
        messages: &[
            "envoy.config.common.matcher.v3.Matcher.MatcherList.Predicate.SinglePredicate",
            "envoy.config.common.matcher.v3.Matcher.MatcherTree",
            "xds.type.matcher.v3.Matcher.MatcherList.Predicate.SinglePredicate",
            "xds.type.matcher.v3.Matcher.MatcherTree",
        ],
        names: INPUTS,
        values: INPUT_MATCHES,
    },
    Pair {
        messages: &[],
        names: &["key", "name"],
        values: HEADER_MATCHES,
    },
    Pair {
        messages: &[],
        names: INPUTS,
        values: INPUT_MATCHES,
    },
];

const HEADER_MATCHES: &[&str] = &[
    "string_match",
    "exact_match",
    "prefix_match",
    "suffix_match",
    "contains_match",
    "regex_match",
    "safe_regex_match",
    "range_match",
];

const INPUTS: &[&str] = &[
    "input.typed_config.header_name",
    "input.typed_config.query_param",
    "input.typed_config.key",
    "input.typed_config.name",
    "input.typed_config.property_name",
    "input.typed_config.path.key",
];

const INPUT_MATCHES: &[&str] = &["value_match", EXACT_KEYS, PREFIX_KEYS];
const EXACT_KEYS: &str = "exact_match_map.map.<key>";
const PREFIX_KEYS: &str = "prefix_match_map.map.<key>";

#[test]
fn keys_of_maps_are_spelt_as_they_are_read() {
    for path in [EXACT_KEYS, PREFIX_KEYS] {
        assert!(path.ends_with(super::KEYS));
    }
}
