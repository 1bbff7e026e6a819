//! The options of an analysis.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::decrypt;
use crate::diagnosis::case::Policy;
use crate::diagnosis::selection::Selection;
use crate::frame::Interval;

/// When transfers are judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Judging {
    /// When their session is over.
    #[default]
    AtEnd,
    /// When their final reply has come, and again when their session is over.
    Promptly,
}

/// The options of an analysis.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Further control ports beside 21.
    pub ports: Vec<u16>,
    /// What the diagnoses are told.
    pub policy: Policy,
    /// The findings that are wanted.
    pub selection: Selection,
    /// Whether to hand out what only some reports show: the trace of each session, the inventory of hosts.
    pub in_full: bool,
    /// Addresses of the host that was captured on, beside those that a capture names itself.
    pub here: Vec<IpAddr>,
    /// Where the captures of the timeline were taken.
    pub places: Places,
    /// When transfers are judged.
    pub judging: Judging,
    /// Bytes that all tables together may take; without it, what their bounds come to ([`MEMORY`]).
    pub memory: Option<u64>,
    /// Whether packets that concern no FTP are spared decoding.
    pub fast_path: FastPath,
    /// Whether [`super::Pipeline::overheard`] is wanted.
    pub overhear: bool,
    /// The keys of TLS that are known beside those that captures carry; `None` where nothing is to be decrypted.
    pub keys: Option<Arc<decrypt::Keys>>,
    /// Whether more keys may become known while reading goes on ([`Pipeline::learn_keys`]).
    pub keys_may_grow: bool,
}

/// Where the captures of one timeline were taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Places {
    /// All at one place, as far as is known.
    #[default]
    One,
    /// At several: what one of them shows of its place does not hold of the others.
    Several,
}

/// Whether packets that concern no FTP are spared decoding: that changes no result, and only tests ask for the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FastPath {
    /// They are.
    #[default]
    On,
    /// All are decoded.
    Off,
}

/// What the bounds of all tables come to, in bytes: floods of SYNs and of sessions were measured to stay below 190 MiB.
pub const MEMORY: u64 = 256 << 20;

impl Settings {
    /// What the user knows of the network: further control ports, how long TIME-WAIT lasts, addresses of the host that was
    /// captured on. All else is as for a capture that has ended and whose findings all are wanted.
    pub fn of(ports: &[u16], time_wait: Option<Duration>, here: Vec<IpAddr>) -> Self {
        let policy = Policy {
            time_wait: time_wait.map(|length| Interval::from_secs_f64(length.as_secs_f64())),
            ..Policy::default()
        };
        Self { ports: ports.to_vec(), policy, here, ..Self::default() }
    }

    /// A bound as it is within the memory that is allowed.
    pub(super) fn scaled(&self, bound: usize) -> usize {
        let memory = self.memory.unwrap_or(MEMORY);
        let scaled = (bound as u128) * u128::from(memory) / u128::from(MEMORY);
        usize::try_from(scaled).unwrap_or(usize::MAX).max(1)
    }
}
