//! Ending a capture early, from another thread: nothing more is asked for, and what came is kept.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::bundle::Unfinished;

/// A way to end a capture early. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    asked: Arc<watch::Sender<bool>>,
    kept: Arc<Mutex<Option<Unfinished>>>,
}

impl Stop {
    /// Ends the capture: what is under way and all that is still to come fails as `interrupted`, and what came before
    /// becomes the bundle.
    pub fn ask(&self) {
        self.asked.send_replace(true);
    }

    /// Whether the capture was asked to end.
    pub fn is_asked(&self) -> bool {
        *self.asked.borrow()
    }

    /// What stays of the capture if the program ends now.
    pub fn kept(&self) -> Option<Unfinished> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clone()
    }

    pub(super) fn keep(&self, unfinished: Option<Unfinished>) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = unfinished;
    }

    /// Waits until it is asked.
    pub(super) async fn asked(&self) {
        // The sender lives as long as this.
        let _ = self.asked.subscribe().wait_for(|asked| *asked).await;
    }
}
