//! Whether the reading is to end before the inputs do: asked for from outside, and looked at wherever the program may
//! wait for bytes.
//!
//! A process gets its signals once for all that it reads, so there is one such wish.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Ends all reading of this process as soon as `flag` is set, also where nothing comes. Only the first call counts.
pub fn stop_when(flag: &Arc<AtomicBool>) {
    let _ = ASKED.set(Arc::clone(flag));
}

/// Whether the reading is to end.
pub fn is_stopped() -> bool {
    ASKED.get().is_some_and(|flag| flag.load(Ordering::Relaxed))
}

/// The flag itself; one that stays unset where nobody asks.
pub(super) fn flag() -> Arc<AtomicBool> {
    ASKED.get().cloned().unwrap_or_default()
}
