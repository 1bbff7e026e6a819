//! Nothing interrupts a run that is embedded: whoever has enough of it ends the worker that it runs in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::record::Signal;

/// A signal that never comes.
pub(super) struct Interrupt {
    stop: Arc<AtomicBool>,
}

impl Interrupt {
    pub(super) fn catch() -> Self {
        Self { stop: Arc::default() }
    }

    #[expect(clippy::unused_self, reason = "elsewhere signals are watched for meanwhile")]
    pub(super) fn watch<T>(&self, read: impl FnOnce() -> T) -> T {
        read()
    }

    #[expect(clippy::unused_self, reason = "elsewhere a signal may have come")]
    pub(super) fn is_wanted(&self) -> bool {
        false
    }

    /// Also where nobody takes the report any more.
    pub(super) fn give_up(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(super) fn flag(&self) -> &Arc<AtomicBool> {
        &self.stop
    }

    #[expect(clippy::unused_self, reason = "elsewhere reading goes on after a signal")]
    pub(super) fn go_on(&self) {}

    #[expect(clippy::unused_self, reason = "elsewhere a signal may have come")]
    pub(super) fn cut_off(&self) -> Option<Signal> {
        None
    }

    #[expect(clippy::unused_self, reason = "elsewhere a signal may have come")]
    pub(super) fn cut(&self) -> Option<Signal> {
        None
    }
}
