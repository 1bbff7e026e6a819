//! Turns SIGINT, SIGTERM and SIGHUP into the end of the reading, into what the report says of it, and into the exit
//! status. `live` has its own signals: there ^C is how a capture ends.
//!
//! The first one ends the reading; the report of what was read is still written. The second ^C ends the program at once,
//! but no other second signal does, for `timeout` and a closed terminal send theirs twice. While nothing is read the
//! signals have their usual effect: a report that nobody takes must not keep the program.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use super::INTERRUPTED;
use crate::record::Signal;
use crate::source::stop_when;

/// Every signal that ends the reading, and its number here.
const SIGNALS: [(Signal, i32); 3] =
    [(Signal::Interrupt, SIGINT), (Signal::Terminate, SIGTERM), (Signal::HangUp, SIGHUP)];

/// Whether a signal has come, and what it cut off.
pub(super) struct Interrupt {
    /// The number of the signal that came last; 0 before.
    caught: Arc<AtomicUsize>,
    /// The reading is to end.
    stop: Arc<AtomicBool>,
    /// Nothing is being read: signals have their usual effect.
    usual: Arc<AtomicBool>,
    cut: OnceLock<Signal>,
}

/// Whether the program was started with a signal ignored: under `nohup` it is to outlive its terminal. Only Linux tells.
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (signal - 1)) != 0
}

impl Interrupt {
    /// Catches the signals. Where that fails they have their usual effect.
    pub(super) fn catch() -> Self {
        let interrupt = Self {
            caught: Arc::default(),
            stop: Arc::default(),
            usual: Arc::new(AtomicBool::new(true)),
            cut: OnceLock::new(),
        };
        // The order matters: what ends the program looks at its flag before that is set.
        let again = Arc::new(AtomicBool::new(false));
        let _ = flag::register_conditional_shutdown(SIGINT, INTERRUPTED, Arc::clone(&again));
        for (_, signal) in SIGNALS.into_iter().filter(|(_, signal)| *signal != SIGHUP || !is_ignored(SIGHUP)) {
            let _ = flag::register_conditional_default(signal, Arc::clone(&interrupt.usual));
            let _ = flag::register_usize(signal, Arc::clone(&interrupt.caught), usize::try_from(signal).unwrap_or(0));
            let _ = flag::register(signal, Arc::clone(&interrupt.stop));
            let _ = flag::register(signal, Arc::clone(&again));
        }
        stop_when(&interrupt.stop);
        interrupt
    }

    /// Does what reads inputs, and what a signal ends.
    pub(super) fn watch<T>(&self, read: impl FnOnce() -> T) -> T {
        self.usual.store(false, Ordering::Relaxed);
        let done = read();
        // After a signal the report of what was read is due all the same.
        self.usual.store(self.signal().is_none(), Ordering::Relaxed);
        done
    }

    /// The signal that came.
    pub(super) fn signal(&self) -> Option<Signal> {
        let caught = self.caught.load(Ordering::Relaxed);
        let same = |(_, number): &&(Signal, i32)| usize::try_from(*number) == Ok(caught);
        SIGNALS.iter().find(same).map(|(signal, _)| *signal)
    }

    /// Whether the reading is to end.
    #[inline]
    pub(super) fn is_wanted(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Ends the reading of all threads without a signal: nobody takes the report any more.
    pub(super) fn give_up(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// What tells so to those who wait for bytes.
    pub(super) fn flag(&self) -> &Arc<AtomicBool> {
        &self.stop
    }

    /// What has come so far is to be read nevertheless, unless another signal comes.
    pub(super) fn go_on(&self) {
        self.stop.store(false, Ordering::Relaxed);
    }

    /// The reading has been cut off by the signal that came; which one it was.
    pub(super) fn cut_off(&self) -> Option<Signal> {
        // The first one counts.
        if let Some(signal) = self.signal() {
            let _ = self.cut.set(signal);
        }
        self.cut()
    }

    /// The signal that has cut the reading off.
    pub(super) fn cut(&self) -> Option<Signal> {
        self.cut.get().copied()
    }
}
