//! Dumps are read by other threads while the next ones are captured.

use std::{
    num::NonZero,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

use super::{Computed, DumpOf, READY_BYTES, STACK_BYTES, derive_rest, digest};
use crate::{
    bundle::{Derive, Derived, MemberPath, Writer},
    normalize::KnownDigests,
};

/// The most threads beside the one that captures, which has as much to do as they.
const THREADS: usize = 2;

/// A dump that waits to be read.
type Waiting = (DumpOf, Vec<u8>);

/// Reads whole dumps as they come, and the others in the end.
pub(super) struct Deriver {
    shared: Arc<Shared>,
    queue: Option<SyncSender<Waiting>>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    known: Arc<KnownDigests>,
    computed: Mutex<Computed>,
}

impl Deriver {
    pub(super) fn new() -> Self {
        let computed = Computed::default();
        let shared = Arc::new(Shared {
            known: Arc::clone(&computed.known),
            computed: Mutex::new(computed),
        });
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        // One waits while one is read by each thread, and the next is captured: so many are held in memory.
        let (queue, waiting) = sync_channel(1);
        let waiting = Arc::new(Mutex::new(waiting));
        let threads = (1..cores).take(THREADS).filter_map(|_| {
            let (shared, waiting) = (Arc::clone(&shared), Arc::clone(&waiting));
            let thread = thread::Builder::new().stack_size(STACK_BYTES);
            thread.spawn(move || shared.read(&waiting)).ok()
        });
        let threads: Vec<_> = threads.collect();
        Self {
            queue: (!threads.is_empty()).then_some(queue),
            threads,
            shared,
        }
    }
}

impl Shared {
    /// Reads dumps until there are no more.
    fn read(&self, waiting: &Mutex<Receiver<Waiting>>) {
        loop {
            let next = waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .recv();
            let Ok((of, bytes)) = next else {
                return;
            };
            let found = digest(&of, &[(None, bytes)], &self.known);
            let mut computed = self.computed.lock().unwrap_or_else(PoisonError::into_inner);
            computed.add(of, found);
        }
    }
}

impl Derive for Deriver {
    fn wants(&self, path: &MemberPath, size: u64) -> bool {
        self.queue.is_some()
            && path.part().is_none()
            && size <= READY_BYTES
            && DumpOf::document(path).is_some()
    }

    fn take(&mut self, path: &MemberPath, bytes: Vec<u8>) {
        if let (Some(queue), Some(of)) = (&self.queue, DumpOf::document(path)) {
            // What no thread reads any more is read in the end.
            let _ = queue.send((of, bytes));
        }
    }

    fn derive(mut self: Box<Self>, writer: &mut Writer) -> Vec<Derived> {
        self.queue = None;
        for thread in self.threads.drain(..) {
            // One that failed has left a dump unread.
            let _ = thread.join();
        }
        let computed = &self.shared.computed;
        let computed =
            std::mem::take(&mut *computed.lock().unwrap_or_else(PoisonError::into_inner));
        derive_rest(writer, computed)
    }
}
