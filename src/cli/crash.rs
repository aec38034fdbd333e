//! What a program that ends by a defect leaves: nothing of what it holds, neither in a message nor in a file.

use std::{panic, panic::Location};

use super::terminal;

/// From now on no panic prints what it is about, and no memory is written to a file.
pub(super) fn keep_quiet() {
    panic::set_hook(Box::new(|info| terminal::tell(&report(info.location()))));
    no_core_dumps();
}

/// What is said of a panic: where it is, for what it says may quote a document.
fn report(place: Option<&Location<'_>>) -> String {
    let place = place.map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    format!(
        "xdsnap: this is a defect of xdsnap {}, at {place}; please report this line and which command it was; what it \
         read is not printed",
        env!("CARGO_PKG_VERSION")
    )
}

/// Core dumps would hold what was read, secrets included. Where they cannot be switched off, that is no reason to stop.
#[cfg(unix)]
fn no_core_dumps() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = setrlimit(Resource::Core, none);
    // The limit does not hold for a program that the kernel pipes them to.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

#[cfg(not(unix))]
fn no_core_dumps() {}

#[test]
fn a_defect_is_told_by_its_place_and_its_command_is_asked_for() {
    let text = report(Some(Location::caller()));
    assert!(text.contains("at src/cli/crash.rs:"), "{text}");
    assert!(text.contains("report this line"), "{text}");
}
