//! Captures frames from interfaces: opens them, gives up the privileges that took, and hands on frames in order of
//! time with what happened to the interfaces.
//!
//! The only user of `pcap` beside `filter`, of `nix`, `caps` and `landlock`, and the only reader of the clock. Frames
//! are those of one [`super::Capture`] with an interface for each one that was named. Linux only.

mod arrivals;
mod devices;
mod kernel_filter;
mod lanes;
mod order;
mod presence;
mod reader;
mod sandbox;
mod tap;

use std::time::Duration;

pub use super::host::now;
pub use arrivals::{Arrival, Arrivals};
pub use devices::{Device, devices};
pub use kernel_filter::Scope;
pub use sandbox::{Confined, confine, environment, keep_looking, shed, user_exists};
pub use tap::{LiveError, Tap, Wanted};

/// The pseudo interface that stands for all of them.
pub const ANY: &str = "any";

/// What lies this far back has arrived: the kernel hands over a block after `BLOCK_TIMEOUT` at the latest, the rest
/// is for a busy machine.
pub const SETTLED: Duration = Duration::from_millis(120);

/// How long the kernel collects packets before it hands them over. Short, so that findings come at once; not zero,
/// for then every packet would take a slot as large as the largest (TPACKET_V2).
const BLOCK_TIMEOUT: Duration = Duration::from_millis(40);

/// Frames that one interface has received, and those it lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames that passed the kernel filter, lost ones included.
    pub received: u64,
    /// Lost: the kernel had no room for them because this program did not read fast enough, or nobody looked at them
    /// before the end.
    pub dropped: u64,
}
