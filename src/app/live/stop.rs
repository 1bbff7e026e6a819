//! When a capture is to stop by itself.

use std::time::Instant;

use crate::cli::StopAt;
use crate::frame::Frame;
use crate::source::Capture;

/// The conditions, and what they are compared with.
pub(super) struct Stop {
    conditions: Vec<StopAt>,
    began: Instant,
    bytes: u64,
}

impl Stop {
    pub(super) fn new(conditions: Vec<StopAt>) -> Self {
        Self { conditions, began: Instant::now(), bytes: 0 }
    }

    pub(super) fn seen(&mut self, frame: &Frame<'_>) {
        self.bytes += frame.bytes.len() as u64;
    }

    /// Whether nothing more is to be captured; what has been captured before is still looked at.
    pub(super) fn is_time(&self) -> bool {
        let elapsed = self.began.elapsed().as_secs_f64();
        self.conditions.iter().any(|condition| matches!(*condition, StopAt::Duration(seconds) if elapsed >= seconds))
    }

    /// Whether nothing more is to be looked at; `written` is the size of the file, if there is one.
    pub(super) fn is_enough(&self, captures: &[Capture], written: Option<u64>) -> bool {
        self.conditions.iter().any(|condition| match *condition {
            StopAt::Duration(_) => false,
            StopAt::Packets(packets) => captures.iter().map(|capture| capture.packets).sum::<u64>() >= packets,
            StopAt::Size(bytes) => written.unwrap_or(self.bytes) >= bytes,
        })
    }
}
