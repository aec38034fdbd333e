//! The names of the rules that secrets in texts go by, as [`RULES`](crate::redact::RULES) documents them.

/// A value under a name that tells.
pub(super) const NAMED: &str = "named-values";
/// The shapes of tokens.
pub(super) const TOKEN: &str = "token-shapes";
/// Who may use a URL.
pub(super) const URL: &str = "url-credentials";
/// Literals of Lua.
pub(super) const LUA: &str = "lua-literals";
/// Literals of a Wasm plugin's configuration.
pub(super) const WASM: &str = "wasm-literals";
/// Private keys.
pub(super) const PEM: &str = "private-key-pem";
/// Quotations in reasons.
pub(super) const REASON: &str = "error-details";
