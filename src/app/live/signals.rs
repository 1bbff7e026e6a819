//! Signals as flags that the loop looks at.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;

use crate::app::INTERRUPTED;

/// What has been asked for from outside.
pub(super) struct Signals {
    stop: Arc<AtomicBool>,
    show: Arc<AtomicBool>,
    reopen: Arc<AtomicBool>,
}

impl Signals {
    /// Catches the signals. Where that fails they have their usual effect.
    pub(super) fn catch() -> Self {
        let signals = Self { stop: Arc::default(), show: Arc::default(), reopen: Arc::default() };
        // The order matters: the shutdown looks at the flag before it is set, so that the second one ends at once.
        let _ = flag::register_conditional_shutdown(SIGINT, INTERRUPTED, Arc::clone(&signals.stop));
        for (signal, flag) in
            [(SIGINT, &signals.stop), (SIGTERM, &signals.stop), (SIGUSR1, &signals.show), (SIGHUP, &signals.reopen)]
        {
            let _ = flag::register(signal, Arc::clone(flag));
        }
        signals
    }

    /// SIGINT or SIGTERM: end with the summary.
    pub(super) fn stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// SIGUSR1, once each: show the counters.
    pub(super) fn show(&self) -> bool {
        self.show.swap(false, Ordering::Relaxed)
    }

    /// SIGHUP, once each: the files may have been moved away.
    pub(super) fn reopen(&self) -> bool {
        self.reopen.swap(false, Ordering::Relaxed)
    }
}
