//! Which interfaces have been met, and what their captures say of them.

use std::collections::HashSet;

use foldhash::fast::RandomState;

use crate::frame::{CaptureId, Frame, InterfaceId};
use crate::source::{Capture, Interface};

/// An interface of a capture.
type Key = (CaptureId, InterfaceId);

/// The interfaces that frames have come from.
#[derive(Debug, Default)]
pub(super) struct Interfaces {
    met: HashSet<Key, RandomState>,
    /// Those whose capture filter leaves out what carries nothing but payload.
    hiding: HashSet<Key>,
}

impl Interfaces {
    /// What its capture says of the interface of a frame, the first time one comes from it.
    pub(super) fn meet<'a>(&mut self, frame: &Frame<'_>, captures: &'a [Capture]) -> Option<&'a Interface> {
        let key = (frame.at.capture, frame.interface);
        if !self.met.insert(key) {
            return None;
        }
        let capture = captures.iter().find(|capture| capture.id == key.0)?;
        let interface = capture.interfaces.iter().find(|interface| interface.id == key.1)?;
        if interface.hides_payload() {
            self.hiding.insert(key);
        }
        Some(interface)
    }

    /// Whether a frame has come from the interface of this one.
    pub(super) fn has_met(&self, frame: &Frame<'_>) -> bool {
        self.met.contains(&(frame.at.capture, frame.interface))
    }

    /// Whether the capture filter of an interface leaves payload out.
    pub(super) fn hides_payload(&self, capture: CaptureId, interface: InterfaceId) -> bool {
        self.hiding.contains(&(capture, interface))
    }
}
