//! The keys of TLS that are known: those that were given, and those that captures carry.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::decrypt::{self, Random, Secrets};
use crate::frame::CaptureId;
use crate::source::Capture;

/// All keys; none where nothing is to be decrypted.
#[derive(Debug, Default)]
pub(super) struct Keys {
    given: Option<Arc<decrypt::Keys>>,
    carried: HashMap<CaptureId, Arc<decrypt::Keys>, RandomState>,
}

impl Keys {
    pub(super) fn new(given: Option<Arc<decrypt::Keys>>) -> Self {
        Self { given, carried: HashMap::default() }
    }

    /// Whether anything is to be decrypted.
    pub(super) fn are_wanted(&self) -> bool {
        self.given.is_some()
    }

    /// Takes over what the capture of a frame carries.
    #[inline]
    pub(super) fn learn(&mut self, id: CaptureId, captures: &[Capture]) {
        let place = captures.first().map_or(0, |first| id.0.saturating_sub(first.id.0));
        let Some(capture) = captures.get(place as usize).filter(|capture| !capture.keys.is_empty()) else { return };
        if self.given.is_some() && !self.carried.get(&capture.id).is_some_and(|own| Arc::ptr_eq(own, &capture.keys)) {
            self.carried.insert(capture.id, Arc::clone(&capture.keys));
        }
    }

    /// The secrets of the connection with this client random.
    pub(super) fn of(&self, random: &Random) -> Option<Secrets> {
        self.given.iter().chain(self.carried.values()).find_map(|keys| keys.of(random)).cloned()
    }
}
