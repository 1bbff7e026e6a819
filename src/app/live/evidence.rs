//! Writes an annotated capture for each finding: the frames of its connections, with what they show as comments.
//!
//! Keeps the newest frames of what is followed, within a share of the memory limit; a finding that cites older ones
//! has a file without them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use crate::finding::{self, Finding};
use crate::flow::ConnectionId;
use crate::frame::{Frame, FrameNo, InterfaceId, LinkType, Stamp};
use crate::source::Interface;
use crate::source::write::Writer;

/// The share of the memory limit that frames may take: one part of so many.
const SHARE: u64 = 4;

/// What a kept frame takes beside its bytes.
const OVERHEAD: usize = 96;

/// Files one run writes: a fault that repeats every second shall not fill the disk.
const FILES: u32 = 10_000;

/// What frames may take of the memory that is allowed.
pub(super) fn share(memory_limit: u64) -> u64 {
    memory_limit / SHARE
}

struct Kept {
    at: Stamp,
    interface: InterfaceId,
    link_type: LinkType,
    wire_len: u32,
    bytes: Box<[u8]>,
    connection: Option<ConnectionId>,
}

/// The newest frames, and where the captures go.
pub(super) struct Evidence {
    folder: PathBuf,
    interfaces: Vec<Interface>,
    frames: VecDeque<Kept>,
    bytes: usize,
    limit: usize,
    files: u32,
}

impl Evidence {
    pub(super) fn new(folder: PathBuf, interfaces: Vec<Interface>, memory_limit: u64) -> Self {
        let limit = usize::try_from(share(memory_limit)).unwrap_or(usize::MAX);
        Self { folder, interfaces, frames: VecDeque::new(), bytes: 0, limit, files: 0 }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps a frame. `connection` is the one it was booked on; frames of no connection (ARP, ICMP) are kept for those
    /// findings that cite them.
    pub(super) fn keep(&mut self, frame: &Frame<'_>, connection: Option<ConnectionId>) {
        self.bytes += frame.bytes.len() + OVERHEAD;
        self.frames.push_back(Kept {
            at: frame.at,
            interface: frame.interface,
            link_type: frame.link_type,
            wire_len: frame.wire_len,
            bytes: frame.bytes.into(),
            connection,
        });
        while self.bytes > self.limit
            && let Some(oldest) = self.frames.pop_front()
        {
            self.bytes -= oldest.bytes.len() + OVERHEAD;
        }
    }

    /// Writes the capture of a finding.
    pub(super) fn write(&mut self, finding: &Finding) -> io::Result<()> {
        if self.files >= FILES {
            return Ok(());
        }
        let notes = notes(finding);
        let connections: BTreeSet<ConnectionId> =
            notes.keys().filter_map(|number| self.at(*number)?.connection).collect();
        let belongs = |kept: &&Kept| {
            kept.connection.is_some_and(|id| connections.contains(&id)) || notes.contains_key(&kept.at.number)
        };
        self.files += 1;
        let out = BufWriter::new(File::create(self.folder.join(name(finding)))?);
        let about = format!("{}: {} ({:?})", finding.diagnosis, finding.message, finding.confidence).to_lowercase();
        let mut writer = Writer::new(out, &[about])?;
        let interfaces = self.interfaces.iter().map(|interface| writer.interface(interface));
        let interfaces = interfaces.collect::<io::Result<Vec<_>>>()?;
        for kept in self.frames.iter().filter(belongs) {
            let Some(interface) = interfaces.get(kept.interface.0 as usize) else { continue };
            let frame = Frame {
                at: kept.at,
                interface: kept.interface,
                link_type: kept.link_type,
                bytes: &kept.bytes,
                wire_len: kept.wire_len,
            };
            writer.frame(*interface, &frame, notes.get(&kept.at.number).map_or(&[], Vec::as_slice))?;
        }
        writer.finish().map(|_| ())
    }

    fn at(&self, number: FrameNo) -> Option<&Kept> {
        let place = self.frames.binary_search_by_key(&number, |kept| kept.at.number).ok()?;
        self.frames.get(place)
    }
}

/// What each cited frame shows.
fn notes(finding: &Finding) -> BTreeMap<FrameNo, Vec<String>> {
    let mut notes: BTreeMap<FrameNo, Vec<String>> = BTreeMap::new();
    for evidence in finding.evidence() {
        match evidence {
            finding::Evidence::Seen { frames, note, .. } => {
                for frame in frames {
                    notes.entry(frame.number).or_default().push(format!("{}: {note}", finding.diagnosis));
                }
            }
            finding::Evidence::Missing { after, until, note } => {
                let (from, to) = (after.number, until.number);
                let behind = format!("{}: behind this, up to frame {to} of the capture: {note}", finding.diagnosis);
                notes.entry(from).or_default().push(behind);
                notes.entry(to).or_default();
            }
        }
    }
    notes
}

/// `1767225600-s3-t2-time-wait-collision-f1042.pcapng`: seconds since 1970, session, transfer, frame.
fn name(finding: &Finding) -> String {
    let first = finding.primary.first();
    let session = finding.session.map_or_else(String::new, |id| format!("-s{}", id.0));
    let transfer = finding.transfer.map_or_else(String::new, |id| format!("-t{}", id.0));
    let seconds = first.time.0.div_euclid(1_000_000_000);
    format!("{seconds}{session}{transfer}-{}-f{}.pcapng", finding.diagnosis, first.number)
}
