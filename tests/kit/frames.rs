//! Frames that outlive their file: read once, changed, judged as often as a test wants.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use ftpwhy::check::Observations;
use ftpwhy::finding::SessionId;
use ftpwhy::frame::{CaptureId, Frame, FrameNo, InterfaceId, LinkType, Stamp};
use ftpwhy::pipeline::{Pipeline, Settings};
use ftpwhy::source::{Capture, Timeline};

/// A frame with its bytes.
#[derive(Clone, Debug)]
pub struct Owned {
    pub at: Stamp,
    pub interface: InterfaceId,
    pub link_type: LinkType,
    pub bytes: Vec<u8>,
    pub wire_len: u32,
}

impl Owned {
    pub fn of(frame: &Frame<'_>) -> Self {
        let Frame { at, interface, link_type, bytes, wire_len } = *frame;
        Self { at, interface, link_type, bytes: bytes.to_vec(), wire_len }
    }

    pub fn frame(&self) -> Frame<'_> {
        let Self { at, interface, link_type, ref bytes, wire_len } = *self;
        Frame { at, interface, link_type, bytes, wire_len }
    }
}

/// A capture of the fixtures.
pub struct Specimen {
    pub path: PathBuf,
    pub frames: Vec<Owned>,
    pub captures: Vec<Capture>,
}

/// Every fixture with frames that can be read, but no more than `most` of them.
pub fn specimens(most: usize) -> Vec<Specimen> {
    const ENDINGS: [&str; 6] = [".script", ".pcap", ".pcapng", ".pcap.gz", ".pcap.zst", ".pcap.lz4"];
    let read = |path: PathBuf| {
        let is_script = path.extension().is_some_and(|extension| extension == "script");
        let file = if is_script { super::render(&path).ok()?.file } else { std::fs::read(&path).ok()? };
        let (frames, captures) = read_bytes(&file)?;
        (1..=most).contains(&frames.len()).then_some(Specimen { path, frames, captures })
    };
    let files = super::files_below(&super::root().join("fixtures"), &ENDINGS);
    let specimens: Vec<Specimen> = files.into_iter().filter_map(read).collect();
    assert!(specimens.len() > 100, "the fixtures are gone");
    specimens
}

/// All frames of a capture file, and what it says of itself.
pub fn read(path: &Path) -> (Vec<Owned>, Vec<Capture>) {
    let (timeline, errors) = Timeline::open(&[path.to_path_buf()], CaptureId(0), None);
    assert!(errors.is_empty(), "{}: {errors:?}", path.display());
    all_of(timeline)
}

/// The same of bytes; `None` if they are no capture.
pub fn read_bytes(file: &[u8]) -> Option<(Vec<Owned>, Vec<Capture>)> {
    let reader = Box::new(Cursor::new(file.to_vec()));
    Timeline::from_reader(Path::new("bytes"), reader, CaptureId(0)).ok().map(all_of)
}

fn all_of(mut timeline: Timeline) -> (Vec<Owned>, Vec<Capture>) {
    let mut frames = Vec::new();
    while let Some(frame) = timeline.next() {
        frames.push(Owned::of(&frame));
    }
    (frames, timeline.captures().to_vec())
}

/// Numbers the frames from 1, in the order in which they are.
pub fn renumber(frames: &mut [Owned]) {
    let mut before: Option<Stamp> = None;
    for (number, frame) in (1..).zip(frames) {
        let at = Stamp::new(frame.at.capture, FrameNo(number), frame.at.time);
        frame.at = before.map_or(at, |before| at.behind(before));
        before = Some(frame.at);
    }
}

/// What is found in a capture.
pub fn observed(frames: &[Owned], captures: &[Capture]) -> Observations {
    let mut pipeline = Pipeline::new(Settings::default(), SessionId(1));
    let mut seen = Observations::default();
    for frame in frames {
        pipeline.push(&frame.frame(), captures, &mut seen).expect("nothing is written");
    }
    pipeline.finish(captures, &mut seen).expect("nothing is written");
    seen
}
