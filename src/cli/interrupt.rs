//! Ctrl-C and the signal to end: the first one ends a capture early, one more ends the program.

use std::{
    future::poll_fn,
    io::{self, IsTerminal},
    process,
    task::Poll,
    thread,
};

use tokio::runtime;

use super::terminal;
use crate::{bundle::Unfinished, capture::Stop, render};

/// From now on the first signal asks `stop`, and the second one ends the program, in both cases with a line on standard
/// error. Where signals cannot be waited for, each ends the program as ever.
pub(super) fn listen(stop: Stop) {
    let Ok(runtime) = runtime::Builder::new_current_thread().enable_io().build() else {
        return;
    };
    // Here and not in the thread, so that no signal comes before it is waited for.
    let signals = runtime.block_on(async { Signals::new() });
    let Ok(mut signals) = signals else { return };
    thread::spawn(move || {
        runtime.block_on(async move {
            signals.next().await;
            stop.ask();
            tell("interrupted: nothing more is asked for, what came is being saved; once more ends at once");
            let status = signals.next().await;
            tell(&match stop.kept() {
                Some(kept) => format!("interrupted; {}", keeping(&kept)),
                None => "interrupted; nothing was captured".to_owned(),
            });
            process::exit(status);
        })
    });
}

/// What was captured, where it is, and how it becomes a bundle.
pub(super) fn keeping(kept: &Unfinished) -> String {
    let Unfinished {
        path,
        members,
        size_bytes,
    } = kept;
    let documents = match members {
        1 => "1 document".to_owned(),
        _ => format!("{members} documents"),
    };
    format!(
        "what was captured ({documents}) is kept in `{0}`; `xdsnap verify --recover NEW {0}` makes a bundle of it, for \
         which up to {1} must be free",
        path.display(),
        // Its members once more as they come, and beside that the bundle.
        render::size(2 * size_bytes),
    )
}

fn tell(text: &str) {
    if io::stderr().is_terminal() {
        // Behind the `^C` that the terminal shows, and behind the progress.
        eprintln!();
    }
    terminal::tell(&format!("xdsnap: {text}"));
}

/// What asks a program to end.
#[cfg(unix)]
struct Signals(Vec<(tokio::signal::unix::Signal, i32)>);

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
        let signals = kinds.map(|kind| Ok((signal(kind)?, kind.as_raw_value())));
        Ok(Self(signals.into_iter().collect::<io::Result<_>>()?))
    }

    /// Waits for the next one; the exit status of a program that it ends.
    async fn next(&mut self) -> i32 {
        poll_fn(|context| {
            let mut signals = self.0.iter_mut();
            match signals.find_map(|(signal, number)| {
                signal.poll_recv(context).is_ready().then_some(*number)
            }) {
                Some(number) => Poll::Ready(128 + number),
                None => Poll::Pending,
            }
        })
        .await
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> i32 {
        let _ = tokio::signal::ctrl_c().await;
        130
    }
}
