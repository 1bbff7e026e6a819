//! What a thinned file tells of its captures and their packets.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::frame::{CaptureId, Frame, FrameNo};
use crate::points::Plan;
use crate::source::thinned::{self, FrameNumbers, Thinned};
use crate::source::{Capture, Remarks};

/// What thinned captures say of themselves, for people.
const THINNED: &str = concat!(
    "thinned by ftpwhy ",
    env!("CARGO_PKG_VERSION"),
    " (extract --slim): payload that no finding rests on was removed, and no packet"
);

/// What is told of captures and packets that are thinned.
pub(super) struct Thinning {
    /// The captures as the file names them.
    sources: Vec<PathBuf>,
    /// The place of each capture among them, and how far its packets are numbered.
    places: BTreeMap<CaptureId, (u32, FrameNumbers)>,
}

impl Thinning {
    /// Of one timeline, `first` are all captures. Of several they are not known yet, and files are the captures.
    pub(super) fn of(plan: &Plan, first: &[Capture]) -> Self {
        let sources = match plan.groups.as_slice() {
            [_] => first.iter().map(|capture| capture.path.clone()).collect(),
            groups => groups.iter().flat_map(|group| group.files.clone()).collect(),
        };
        Self { sources, places: BTreeMap::new() }
    }

    /// The place of a capture; the next one is the first of the same name behind all that have a place.
    pub(super) fn place(&mut self, capture: &Capture) -> u32 {
        let next = self.places.values().map(|(place, _)| *place as usize + 1).max().unwrap_or(0);
        let (place, _) = self.places.entry(capture.id).or_insert_with(|| {
            let mut behind = self.sources.iter().enumerate().skip(next);
            let found = behind.find(|(_, source)| **source == capture.path || *source == capture.file());
            let place = found.map_or(next, |(place, _)| place);
            (u32::try_from(place).unwrap_or(u32::MAX), FrameNumbers::default())
        });
        *place
    }

    /// What a packet tells that is not to be seen from it.
    pub(super) fn tell(&mut self, frame: &Frame<'_>, remarks: &mut Remarks) {
        let FrameNo(number) = frame.at.number;
        if self.places.get_mut(&frame.at.capture).is_some_and(|(_, numbers)| numbers.tells(number)) {
            remarks.others.push(thinned::numbered(number));
        }
        if frame.bytes.len() != frame.wire_len as usize {
            remarks.others.push(thinned::captured(u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX)));
        }
        if remarks.is_untimed {
            remarks.others.push(thinned::untimed());
        }
    }

    /// What the section of the file says.
    pub(super) fn tell_section(&self, section: &mut Remarks, anonymous: bool) {
        let by = concat!("ftpwhy ", env!("CARGO_PKG_VERSION")).to_owned();
        let sources = self.sources.iter().map(|path| Some(path.clone()).filter(|_| !anonymous)).collect();
        section.others.extend(Thinned { by, sources, file: PathBuf::new(), part: 0 }.options());
        if !section.comments.iter().any(|comment| comment == THINNED) {
            section.comments.push(THINNED.to_owned());
        }
    }
}
