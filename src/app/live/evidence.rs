//! Writes an annotated capture for the first findings of each cause, and some later ones: the frames of its connections, with what they show as comments.
//!
//! Keeps the newest frames of what is followed, within a share of the memory limit; a finding that cites older ones
//! has a file without them. Of the files the newest of each kind are kept; only those of this run are removed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind};
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::outage::Outage;
use super::shelf::{IN_ALL, Kind, OF_A_KIND, Shelf};
use crate::finding::{self, Finding};
use crate::flow::ConnectionId;
use crate::frame::{Frame, FrameNo, InterfaceId, LinkType, Stamp, Timestamp};
use crate::record::Recurrence;
use crate::report::words;
use crate::source::Interface;
use crate::source::write::Writer;

/// Files that are written of a cause; of later findings those whose number is told.
const FEW: u64 = 3;

/// The share of the memory limit that frames may take: one part of so many.
const SHARE: u64 = 4;

/// What a kept frame takes beside its bytes.
const OVERHEAD: usize = 96;

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
    shelf: Shelf<Written>,
    /// Findings of each cause, and those of them that were written.
    found: Recurrence,
    written: Recurrence,
    /// Whether it was told that older files make room for newer ones.
    is_told: bool,
    outage: Outage,
    /// Whether it is time to try again, where writing failed.
    is_to_be_tried: bool,
}

/// A file that was written.
#[derive(Debug)]
struct Written {
    path: PathBuf,
    /// Device and inode: who has its name now may be another.
    id: (u64, u64),
}

impl Evidence {
    pub(super) fn new(folder: PathBuf, interfaces: Vec<Interface>, memory_limit: u64) -> Self {
        let limit = usize::try_from(share(memory_limit)).unwrap_or(usize::MAX);
        let outage = Outage::new(folder.display().to_string(), ["file", "files"]);
        let shelf = Shelf::new(OF_A_KIND, IN_ALL);
        Self {
            folder,
            interfaces,
            frames: VecDeque::new(),
            bytes: 0,
            limit,
            shelf,
            found: Recurrence::default(),
            written: Recurrence::default(),
            is_told: false,
            outage,
            is_to_be_tried: false,
        }
    }

    /// How writing stands.
    pub(super) fn outage(&self) -> &Outage {
        &self.outage
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

    /// Writes the captures of findings, each with the server it is about; what is to be told.
    pub(super) fn write(&mut self, findings: &[(Finding, Option<IpAddr>)]) -> Vec<String> {
        let mut notices = Vec::new();
        for (finding, server) in findings {
            let (kind, time) = ((finding.diagnosis, *server), finding.primary.first().time);
            let is_told = Recurrence::is_told(self.found.count(finding));
            if !(is_told || self.written.so_far(finding) < FEW) || !self.shelf.wants(kind, time) {
                continue;
            }
            if self.outage.is_on() && !std::mem::take(&mut self.is_to_be_tried) {
                self.outage.lose(1);
                continue;
            }
            match self.write_whole(finding) {
                Ok(written) => {
                    self.written.count(finding);
                    notices.extend(self.outage.ends());
                    notices.extend(self.keep_file(kind, time, written));
                }
                Err(error) => {
                    self.outage.lose(1);
                    notices.extend(self.outage.begins(&error));
                }
            }
        }
        notices
    }

    /// Time has passed: where writing failed, it is tried again with the next finding.
    pub(super) fn breathe(&mut self) {
        self.is_to_be_tried = true;
    }

    /// Writes beside and renames, so that no part of a capture is left where there is no room for the rest.
    fn write_whole(&mut self, finding: &Finding) -> io::Result<Written> {
        let name = name(finding);
        let part = self.folder.join(format!("{name}.part"));
        let written = self.create(&part).and_then(|file| self.write_to(file, finding)).and_then(|id| {
            let path = self.folder.join(self.free(&name));
            fs::rename(&part, &path).map(|()| Written { path, id })
        });
        if written.is_err() {
            // Where it cannot be removed there is no directory any more.
            let _ = fs::remove_file(&part);
        }
        written
    }

    /// Creates a file; makes the directory again if that is gone.
    fn create(&self, path: &Path) -> io::Result<File> {
        match File::create(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                fs::create_dir(&self.folder)?;
                File::create(path)
            }
            created => created,
        }
    }

    /// A name that no other program has given to a file of its own.
    fn free(&self, name: &str) -> String {
        let numbered = |number: u32| match number {
            1 => format!("{name}.pcapng"),
            number => format!("{name}-{number}.pcapng"),
        };
        (1..100).map(numbered).find(|name| !self.folder.join(name).exists()).unwrap_or_else(|| numbered(100))
    }

    /// Writes the capture of a finding; device and inode of its file.
    fn write_to(&self, file: File, finding: &Finding) -> io::Result<(u64, u64)> {
        let notes = notes(finding);
        let connections: BTreeSet<ConnectionId> =
            notes.keys().filter_map(|number| self.at(*number)?.connection).collect();
        let belongs = |kept: &&Kept| {
            kept.connection.is_some_and(|id| connections.contains(&id)) || notes.contains_key(&kept.at.number)
        };
        let metadata = file.metadata()?;
        let about =
            format!("{}: {} ({})", finding.diagnosis, finding.message, words::Confidence::from(finding.confidence));
        let mut writer = Writer::new(BufWriter::new(file), &[about])?;
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
            // In this file it has another number than all reports of the run give it.
            let number = format!("frame {} of the capture", kept.at.number);
            let shown = notes.get(&kept.at.number).into_iter().flatten().cloned();
            writer.frame(*interface, &frame, &std::iter::once(number).chain(shown).collect::<Vec<_>>())?;
        }
        writer.finish()?;
        Ok((metadata.dev(), metadata.ino()))
    }

    /// Keeps a file, and removes the one that has to go for it; what is to be told.
    fn keep_file(&mut self, kind: Kind, time: Timestamp, written: Written) -> Option<String> {
        let oldest = self.shelf.put(kind, time, written)?;
        if fs::metadata(&oldest.path).is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == oldest.id) {
            // One that somebody removes just then is gone as well.
            let _ = fs::remove_file(&oldest.path);
        }
        (!std::mem::replace(&mut self.is_told, true)).then(|| {
            format!(
                "from now on the oldest files in {} are removed for new ones: {OF_A_KIND} for each diagnosis and server are kept, {IN_ALL} in all",
                self.folder.display()
            )
        })
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
                let behind = format!("{}: between this frame and frame {to} of the capture: {note}", finding.diagnosis);
                notes.entry(from).or_default().push(behind);
                notes.entry(to).or_default();
            }
        }
    }
    notes
}

/// `1767225600-s3-t2-time-wait-collision-f1042`: seconds since 1970, session, transfer, frame.
fn name(finding: &Finding) -> String {
    let first = finding.primary.first();
    let session = finding.session.map_or_else(String::new, |id| format!("-s{}", id.0));
    let transfer = finding.transfer.map_or_else(String::new, |id| format!("-t{}", id.0));
    let seconds = first.time.0.div_euclid(1_000_000_000);
    format!("{seconds}{session}{transfer}-{}-f{}", finding.diagnosis, first.number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{CauseId, Confidence, Role, SessionId, Severity};
    use crate::frame::CaptureId;
    use crate::source::Timeline;

    /// A frame a second.
    fn at(number: u64) -> Stamp {
        Stamp::new(CaptureId(0), FrameNo(number), Timestamp(i64::try_from(number).unwrap() * 1_000_000_000))
    }

    fn finding(number: u64) -> (Finding, Option<IpAddr>) {
        let finding = Finding {
            diagnosis: crate::diagnosis::data_syn_refused::NAME,
            role: Role::Verdict,
            severity: Severity::Error,
            confidence: Confidence::Proven,
            message: "refused".to_owned(),
            place: None,
            capture: CaptureId(0),
            session: Some(SessionId(1)),
            transfer: None,
            hosts: Vec::new(),
            locus: finding::Locus::default(),
            // Each of its own, unless a test says otherwise.
            cause: Some(CauseId(u32::try_from(number).unwrap())),
            primary: finding::Evidence::seen(at(number), "RST"),
            supporting: Vec::new(),
            host_facts: Vec::new(),
            caps: Vec::new(),
            ruled_out: Vec::new(),
            alternatives: Vec::new(),
            remedies: Vec::new(),
            references: &[],
        };
        (finding, Some(IpAddr::from([10, 0, 0, 21])))
    }

    /// Evidence in a folder of its own, with the frames 1 to 40.
    fn evidence(folder: &Path) -> Evidence {
        let mut evidence =
            Evidence::new(folder.to_owned(), vec![Interface::new(InterfaceId(0), LinkType::ETHERNET)], 1 << 20);
        for number in 1..=40 {
            let (interface, link_type) = (InterfaceId(0), LinkType::ETHERNET);
            evidence.keep(&Frame { at: at(number), interface, link_type, bytes: &[7; 60], wire_len: 60 }, None);
        }
        evidence
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = entries.collect();
        names.sort();
        names
    }

    #[test]
    fn the_newest_files_of_a_kind_are_kept_and_those_of_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let mut evidence = evidence(folder.path());
        fs::write(folder.path().join("mine.pcapng"), "another program's").unwrap();
        let mut notices = evidence.write(&[finding(1)]);
        // Somebody puts another file in the place of one that was written.
        let first = folder.path().join("1-s1-data-syn-refused-f1.pcapng");
        fs::rename(&first, folder.path().join("moved.pcapng")).unwrap();
        fs::write(&first, "not of this run").unwrap();
        for number in 2..=30 {
            notices.extend(evidence.write(&[finding(number)]));
        }
        assert_eq!(notices.len(), 1, "told once: {notices:?}");
        let mut expected: Vec<String> = (21..=30).map(|n| format!("{n}-s1-data-syn-refused-f{n}.pcapng")).collect();
        expected.extend(["1-s1-data-syn-refused-f1.pcapng", "mine.pcapng", "moved.pcapng"].map(str::to_owned));
        expected.sort();
        assert_eq!(names(folder.path()), expected);
        let (timeline, errors) =
            Timeline::open(&[folder.path().join("30-s1-data-syn-refused-f30.pcapng")], CaptureId(0), None);
        assert!(errors.is_empty() && timeline.captures().len() == 1, "{errors:?}");
    }

    #[test]
    fn a_few_files_of_a_cause_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut evidence = evidence(folder.path());
        for number in 1..=30 {
            let (finding, server) = finding(number);
            evidence.write(&[(Finding { cause: Some(CauseId(1)), ..finding }, server)]);
        }
        let expected = [1, 10, 2, 3].map(|n| format!("{n}-s1-data-syn-refused-f{n}.pcapng"));
        assert_eq!(names(folder.path()), expected);
    }

    #[test]
    fn a_name_that_is_taken_is_left_to_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("1-s1-data-syn-refused-f1.pcapng"), "another program's").unwrap();
        assert!(evidence(folder.path()).write(&[finding(1)]).is_empty());
        assert_eq!(names(folder.path()), ["1-s1-data-syn-refused-f1-2.pcapng", "1-s1-data-syn-refused-f1.pcapng"]);
    }

    #[test]
    fn a_directory_that_is_gone_is_made_again() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("cases");
        fs::create_dir(&folder).unwrap();
        let mut evidence = evidence(&folder);
        fs::remove_dir(&folder).unwrap();
        assert!(evidence.write(&[finding(1)]).is_empty());
        assert_eq!(names(&folder).len(), 1);
    }

    #[test]
    fn where_nothing_can_be_written_it_is_said_once_and_counted_and_tried_again() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("cases");
        let mut evidence = evidence(&folder);
        // A file stands where the directory was.
        fs::write(&folder, "").unwrap();
        let notices = evidence.write(&[finding(1), finding(2)]);
        assert_eq!(notices.len(), 1, "{notices:?}");
        fs::remove_file(&folder).unwrap();
        assert!(evidence.write(&[finding(3)]).is_empty(), "it is not tried with every finding");
        evidence.breathe();
        let notices = evidence.write(&[finding(4)]);
        assert_eq!(notices, [format!("{} is written again; 3 files are missing", folder.display())]);
        assert_eq!(names(&folder), ["4-s1-data-syn-refused-f4.pcapng"]);
        assert_eq!(evidence.outage().in_all(), ("files", 3));
    }
}
