//! Planted secrets: whatever a dump holds them in, none is found in the copy, the bundle or any output.

mod annotated;
mod case;
mod in_clear;
mod not_annotated;
mod search;
