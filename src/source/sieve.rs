//! Which frames need not be handed out.

use crate::frame::{Frame, Stamp};

/// Dismisses frames where they are read, which is quicker than to hand them out. It is asked of frames in the order of
/// time, all those before were dismissed or handed out, but not of each.
pub trait Sieve {
    /// Whether a frame is dismissed at first sight: asked of nearly all of them, so this is to take no more than a look.
    fn lets_pass(&mut self, frame: &Frame<'_>) -> bool;

    /// Whether a frame is dismissed that did not pass; if so, this has done all that is to be done with it.
    fn dismisses(&mut self, frame: &Frame<'_>) -> bool;

    /// All frames up to this one are dismissed or have been handed out.
    fn is_past(&mut self, last: Stamp);
}

/// Dismisses none.
pub struct Everything;

impl Sieve for Everything {
    fn lets_pass(&mut self, _: &Frame<'_>) -> bool {
        false
    }

    fn dismisses(&mut self, _: &Frame<'_>) -> bool {
        false
    }

    fn is_past(&mut self, _: Stamp) {}
}
