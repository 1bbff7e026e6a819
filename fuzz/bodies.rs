//! What the fuzz targets do with their bytes: nothing may panic, hang, or eat memory, whatever they are.
//!
//! Compiled by the targets and by the replay test on the stable toolchain.

use std::io::{self, Cursor};
use std::path::Path;

use ftpwhy::finding::{Finding, SessionId};
use ftpwhy::frame::{CaptureId, Frame, FrameNo, InterfaceId, LinkType, Stamp, Timestamp};
use ftpwhy::ftp::dialogue::Dialogue;
use ftpwhy::ftp::{Event, Speaker};
use ftpwhy::pipeline::{Pipeline, Settings};
use ftpwhy::record::{SessionRecord, Sink, Summary};
use ftpwhy::redact::Secret;
use ftpwhy::source::{Capture, Timeline};
use ftpwhy::wire::Decoder;

/// The link types that the decoder knows, and one that nobody does.
const LINK_TYPES: [u32; 9] = [1, 113, 276, 101, 0, 108, 9, 51, 147];

/// Forgets everything.
struct Nowhere;

impl Sink for Nowhere {
    fn secret(&mut self, _: &Secret) {}

    fn session(&mut self, _: &SessionRecord) -> io::Result<()> {
        Ok(())
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        assert!(!finding.message.chars().any(char::is_control), "{:?}", finding.message);
        assert!(!finding.frames().is_empty(), "{} cites nothing", finding.diagnosis);
        Ok(())
    }

    fn end(&mut self, _: &[Capture], _: &Summary) -> io::Result<()> {
        Ok(())
    }
}

/// A capture file, read to its end and analysed.
pub fn reader(bytes: &[u8]) {
    let input = Box::new(Cursor::new(bytes.to_vec()));
    let Ok(mut timeline) = Timeline::from_reader(Path::new("fuzz"), input, CaptureId(0)) else { return };
    let mut pipeline = Pipeline::new(Settings::default(), SessionId(1));
    let mut given = 0;
    while timeline.step() {
        given += 1;
        if let Some(frame) = timeline.frame() {
            assert!(frame.bytes.len() <= bytes.len() || frame.bytes.len() <= 1 << 20);
            pipeline.push(&frame, timeline.captures(), &mut Nowhere).expect("nowhere takes everything");
        }
    }
    pipeline.finish(timeline.captures(), &mut Nowhere).expect("nowhere takes everything");
    assert_eq!(timeline.captures()[0].packets, given);
}

/// Frames for one decoder: a byte that chooses the link type, a byte of length, the frame; and so on.
pub fn decoder(bytes: &[u8]) {
    let mut decoder = Decoder::new();
    let (mut rest, mut number) = (bytes, 0);
    while let [link, len, more @ ..] = rest {
        let (frame, next) = more.split_at(more.len().min(usize::from(*len) * 2));
        number += 1;
        let time = Timestamp(i64::try_from(number).unwrap_or(0) * 1_000_000);
        let at = Stamp::new(CaptureId(0), FrameNo(number), time);
        let packet = decoder.decode(&Frame {
            at,
            interface: InterfaceId(0),
            link_type: LinkType(LINK_TYPES[usize::from(*link) % LINK_TYPES.len()]),
            bytes: frame,
            // The top bit makes it a frame that the snap length cut.
            wire_len: u32::try_from(frame.len()).unwrap_or(0) + if link & 0x80 == 0 { 0 } else { 1000 },
        });
        let wrapping = packet.wrapping;
        decoder.wrapping_name(wrapping);
        rest = next;
    }
    decoder.undecoded();
}

/// A control dialogue: a byte of what comes (who speaks, bytes or a gap or the end, whether a new dialogue begins), a
/// byte of length, the bytes; and so on.
pub fn control(bytes: &[u8]) {
    let mut dialogue = Dialogue::new(false);
    let (mut rest, mut number, mut events) = (bytes, 0, Vec::new());
    while let [what, len, more @ ..] = rest {
        let (said, next) = more.split_at(more.len().min(usize::from(*len)));
        number += 1;
        let at = Stamp::new(CaptureId(0), FrameNo(number), Timestamp(0));
        let speaker = if what & 1 == 0 { Speaker::Client } else { Speaker::Server };
        match what >> 1 & 7 {
            0 => dialogue.gap(speaker, u64::from(*len), at, &mut events),
            1 => dialogue.closed(speaker, at, &mut events),
            2 => dialogue = Dialogue::picked_up(),
            3 => dialogue = Dialogue::new(what & 0x80 != 0),
            _ => drop(dialogue.bytes(speaker, said, at, what & 0x80 != 0, &mut events)),
        }
        rest = next;
    }
    for event in &events {
        let lines = match event {
            Event::Command(command) => vec![command.line()],
            Event::Reply(reply) => vec![reply.line()],
            _ => vec![],
        };
        assert!(lines.iter().all(|line| !line.chars().any(char::is_control)), "{lines:?}");
    }
}
