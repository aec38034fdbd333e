//! The integration tests: one binary, a module per concern.
//!
//! - `bundle`: the bundle file against stock tools, damage, hostile archives and its specification in `schema/`.
//! - `canary`: secrets planted wherever a dump can hold one: no copy, bundle, output or error has one.
//! - `capture`: the command `capture` against a real Envoy, a replayed istiod and servers that die, and the way back by `diff` and `info`.
//! - `cli`: the command line: exit statuses, messages, the forms of output, choosing, the terminal.
//! - `corpus`: recordings of a real mesh through the binary, each with exactly the differences that its story has.
//! - `derived`: the digests that a bundle holds: that no command believes them, `verify` computes them again, and their rules have a version.
//! - `extract`: the command `extract`: what it writes, what it leaves out, and that nothing gets outside the folder.
//! - `inputs`: what an INPUT may be beside a bundle, a dump and a folder: bug reports, what istioctl prints, several bundles at once.
//! - `laws`: what must hold of comparing for any recording and any edit of one.
//! - `layers`: which folder of `src/` may import which.
//! - `live`: capturing from a real Envoy, and from servers that fail in every way.
//! - `matrix`: every form of an INPUT in every command that takes one.
//! - `mesh`: many proxies: which are compared with which, and what they have alike is said once.
//! - `oracle`: random messages, printed and judged by an independent reader of protobuf's JSON.
//! - `over_redaction`: what redaction takes out of recordings, place by place, and that all else is as it was.
//! - `pages`: Envoy's clusters, listeners and statistics in all their forms, and what `info` tells of them.
//! - `patch`: applying the JSON Patch of two recordings, or of any edit of one, to what was gives what is.
//! - `pseudonyms`: names and addresses that are replaced: none is left, and recordings still compare.
//! - `raw`: dumps as they were received, compared by what differs and as a whole.
//! - `readings`: long strings as they are read, certificates by what they say, and likely renames, in text and JSON.
//! - `readme`: what the README shows, links and asks to run.
//! - `redact`: what redaction takes out, what it leaves, and the laws of copying.
//! - `redact_command`: the command `redact`, the page of `rules --redaction`, and the other ways by which a secret could get out.
//! - `redaction_key`: whose key makes tokens, what manifests say of it, and when nothing is taken out.
//! - `render`: what every output looks like, that its contract holds for any report, and that no dump reaches a terminal raw.
//! - `reported`: what users of other tools reported: false differences, and missed ones.
//! - `rules`: the rules by which values do not count: what each hides, and how to see it.
//! - `schemas`: the JSON Schemas of all outputs but `diff`, and the samples of `schema/outputs.md`.
//! - `scrub`: what goes of texts by their shape, by the names in them and by their language.
//! - `sealed`: sealed bundles: a diff by their digests is one of all that they hold, and nothing altered is believed.
//! - `show`: the command `show`: what it lists, and in which words it is asked.
//! - `since`: `--since` on `diff`, `show` and `status`: which moment is meant, what Envoy updated since, what cannot be told.
//! - `states`: states, rejections and what only one printer tells, on dumps made up to show one thing each.
//! - `status`: the command `status` on recordings of every verdict.
//! - `support`: no tests, but what they talk to.
//! - `tokens`: what tokens of redaction tell: equal secrets, changed ones, and what cannot be compared.
//! - `verify`: the command `verify`: what it finds, what it saves of a damaged bundle, and what it says of no bundle.
//! - `xds_table`: the generated table of the xDS API is what its inputs generate.

mod bundle;
mod canary;
mod capture;
mod cli;
mod corpus;
mod derived;
mod extract;
mod inputs;
mod laws;
mod layers;
mod live;
mod matrix;
mod mesh;
mod oracle;
mod over_redaction;
mod pages;
mod patch;
mod pseudonyms;
mod raw;
mod readings;
mod readme;
mod redact;
mod redact_command;
mod redaction_key;
mod render;
mod reported;
mod rules;
mod schemas;
mod scrub;
mod sealed;
mod show;
mod since;
mod states;
mod status;
mod support;
mod tokens;
mod verify;
mod xds_table;
