//! Planted secrets: whatever a dump holds them in, none is found in the copy, the bundle or any output.
//!
//! - `annotated`: each field that the API annotates, in every form of its message.
//! - `in_clear`, `not_annotated`: what Envoy was measured to print in clear, entry by entry.
//! - `table`: every entry of the table of rules.
//! - `shapes`: what looks like a secret or stands under a telling name, in every field of the API and on every page.
//! - `program`: all of these at once through the program: bundles, outputs, errors.
//! - `live`: a real Envoy that holds as many of them as it takes.
//! - `guess`: what can be guessed from a bundle without its key.
//! - `case`: one document with a secret, and what must hold of its copy; `search`: looking for one in any spelling.

/// A test for each function, which gives cases.
macro_rules! each {
    ($($name:ident),* $(,)?) => {
        mod each {
            $(
                #[test]
                fn $name() {
                    crate::canary::case::check(super::$name());
                }
            )*
        }
    };
}

/// The same, and all cases together, for the program.
macro_rules! each_and_all {
    ($($name:ident),* $(,)?) => {
        each!($($name),*);

        pub(super) fn all() -> Vec<Case> {
            [$($name()),*].concat()
        }
    };
}

mod annotated;
mod case;
mod guess;
mod in_clear;
mod live;
mod not_annotated;
mod program;
mod search;
mod shapes;
mod table;
