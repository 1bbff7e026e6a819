//! Which inputs are one timeline, and which are points of one incident: captures of the same connections, taken at
//! different places of one network.
//!
//! Turns the inputs as they were named into groups of files. Sorted into one timeline, what two points saw would be there
//! twice, so each point is judged by itself, and what they tell together is said once ([`joint`]).

mod alike;
mod allowed;
mod clock;
mod dialogue;
mod incidents;
mod interfaces;
pub mod joint;
mod lines;
mod related;
mod rotation;
mod sampled;
mod told;

use std::fmt;
use std::path::{Path, PathBuf};

pub use allowed::Glob;
pub use clock::{Clock, Stretch};
use incidents::Unit;
pub use incidents::{Common, Looking};
pub use sampled::Sampled;

use crate::frame::{Frame, InterfaceId};
use crate::source::{OpenError, is_capture, is_stopped};

/// What the user wants done with several files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arrange {
    /// Files named together are one timeline, those of a directory are judged alone.
    #[default]
    Auto,
    /// `--merge`: everything is one timeline.
    Merge,
    /// `--per-file`: every file is judged alone.
    PerFile,
}

/// Why files are together, or a file alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The only file, or one that has nothing to do with the others.
    Alone,
    /// Their names form one rotation.
    Rotation,
    /// They were named together.
    Named,
    /// They are points of one incident.
    Points,
    /// They hold one direction each of the same connections.
    Halves,
    /// It is one of a directory's captures.
    Directory,
    /// `--merge`
    Merged,
    /// `--per-file`
    PerFile,
}

/// Files that make up one timeline, or the points of one incident.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The files; their order says nothing, frames are sorted by time.
    pub files: Vec<PathBuf>,
    /// Why these.
    pub why: Why,
    /// The points that they were taken at, if there are several: each is a timeline of its own.
    pub points: Vec<Point>,
    /// The connections that these have in common.
    pub common: Common,
    /// Whether the points are interfaces of one router or bridge: its packets pass from one to the other within a moment, and
    /// are judged as the one timeline that they are.
    pub is_one_device: bool,
}

/// A place where packets were captured.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// What it is called, printable.
    pub name: String,
    /// Its files.
    pub files: Vec<PathBuf>,
    /// The interface of these files that is meant, where several of them are points.
    pub interface: Option<InterfaceId>,
    /// Its clock beside that of the first point.
    pub clock: Clock,
}

impl Point {
    /// Whether a frame of its files is its own.
    pub fn takes(&self, frame: &Frame<'_>) -> bool {
        self.interface.is_none_or(|interface| interface == frame.interface)
    }
}

impl Group {
    /// Whether it is one timeline of files that were taken at several places.
    pub fn is_of_several_places(&self) -> bool {
        self.points.is_empty() && self.common.at_each > 0
    }

    fn new(files: Vec<PathBuf>, why: Why) -> Self {
        Self { files, why, points: Vec::new(), common: Common::default(), is_one_device: false }
    }
}

/// Captures that the user names as one point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPoint {
    /// What it is called.
    pub name: String,
    /// Its files.
    pub files: Vec<PathBuf>,
}

/// What is to be planned.
#[derive(Clone, Copy, Debug, Default)]
pub struct Inputs<'a> {
    /// Files, directories and `-`.
    pub files: &'a [PathBuf],
    /// Points that the user names.
    pub points: &'a [NamedPoint],
    /// What is done with several files.
    pub arrange: Arrange,
    /// How they are compared.
    pub looking: Looking<'a>,
}

/// What is done with the inputs. Its `Display` says so in one line, empty when there is nothing to say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The timelines, in the order of the inputs.
    pub groups: Vec<Group>,
    /// Directories that cannot be listed or hold no capture, and what is in them that cannot be read, as far as that shows
    /// before it is opened.
    pub errors: Vec<OpenError>,
}

/// Decides what to do with the inputs.
///
/// Files that are named together are read once before, to see whether they hold the same connections.
pub fn plan(inputs: &Inputs<'_>) -> Plan {
    let mut plan = Plan::default();
    let mut named = Vec::new();
    let mut directories = Vec::new();
    for input in inputs.files {
        if !input.is_dir() {
            named.push(input.clone());
            continue;
        }
        let listed = captures_in(input);
        directories.push(listed.files);
        plan.errors.extend(listed.errors);
    }
    let all = || named.iter().chain(directories.iter().flatten()).cloned();
    match inputs.arrange {
        _ if all().next().is_none() && inputs.points.is_empty() => {}
        Arrange::Auto => {
            plan.groups.extend(arrange_named(named, inputs));
            let families = directories.into_iter().flat_map(|files| rotation::families(files, Why::Directory));
            plan.groups.extend(families.map(|family| apart(family, inputs.looking)));
        }
        Arrange::Merge => plan.groups.push(merged(all().collect(), inputs.looking)),
        Arrange::PerFile => {
            let files = all().map(|file| Group::new(vec![file], Why::PerFile));
            plan.groups.extend(files.map(|file| apart(file, inputs.looking)));
        }
    }
    plan
}

/// Everything is one timeline. What its files have in common is told, for they were not taken at one place then.
fn merged(files: Vec<PathBuf>, looking: Looking<'_>) -> Group {
    let families = rotation::families(files.clone(), Why::Alone).into_iter().map(Unit::of).collect();
    let incident = incidents::join(families, looking).into_iter().find(|group| group.why == Why::Points);
    Group { common: incident.map(|group| group.common).unwrap_or_default(), ..Group::new(files, Why::Merged) }
}

/// Files named together are points of one incident where they share connections, else one timeline.
fn arrange_named(files: Vec<PathBuf>, inputs: &Inputs<'_>) -> Vec<Group> {
    let given = inputs.points.iter().map(|point| {
        let why = if point.files.len() > 1 { Why::Named } else { Why::Alone };
        Unit { name: Some(point.name.clone()), ..Unit::of(Group::new(point.files.clone(), why)) }
    });
    let found = rotation::families(files, Why::Alone).into_iter().map(Unit::of);
    let mut groups: Vec<Group> = Vec::new();
    let mut together: Option<usize> = None;
    let units = given.chain(found).flat_map(|unit| interfaces::of(unit, inputs.looking)).collect();
    for group in incidents::join(units, inputs.looking) {
        if !group.points.is_empty() {
            groups.push(group);
        } else if let Some(known) = together.and_then(|place| groups.get_mut(place)) {
            known.files.extend(group.files);
            known.why = Why::Named;
        } else {
            together = Some(groups.len());
            groups.push(group);
        }
    }
    groups
}

/// A group whose interfaces are points becomes an incident, another one stays as it is.
fn apart(group: Group, looking: Looking<'_>) -> Group {
    let units = interfaces::of(Unit::of(group.clone()), looking);
    if units.len() < 2 {
        return group;
    }
    incidents::join(units, looking).into_iter().find(|joined| joined.why == Why::Points).unwrap_or(group)
}

/// What a directory gives.
#[derive(Default)]
struct Listed {
    files: Vec<PathBuf>,
    errors: Vec<OpenError>,
}

/// The captures of a directory, sorted by name; not those of directories below it, which are other collections.
fn captures_in(directory: &Path) -> Listed {
    let mut listed = Listed::default();
    let mut paths = Vec::new();
    match std::fs::read_dir(directory) {
        Ok(entries) => {
            for entry in entries.take_while(|_| !is_stopped()) {
                match entry {
                    Ok(entry) => paths.push(entry.path()),
                    Err(error) => listed.errors.push(OpenError::io(directory, &error)),
                }
            }
        }
        Err(error) => listed.errors.push(OpenError::io(directory, &error)),
    }
    paths.sort();
    for path in paths {
        match is_capture(&path) {
            Ok(true) => listed.files.push(path),
            Ok(false) => {}
            Err(error) => listed.errors.push(error),
        }
    }
    if listed.files.is_empty() && listed.errors.is_empty() {
        listed.errors.push(OpenError::new(directory, "it is a directory without captures"));
    }
    listed
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_one = self.groups.iter().map(|group| group.files.len()).sum::<usize>() < 2;
        if is_one && self.groups.iter().all(|group| group.points.is_empty()) {
            return Ok(());
        }
        let mut separator = "";
        for same in self.groups.chunk_by(|a, b| a.why == b.why && !a.why.is_one_timeline()) {
            if let [group] = same
                && !group.points.is_empty()
            {
                write!(f, "{separator}{}", told::incident(group))?;
                separator = "; ";
                continue;
            }
            let Some(why) = same.first().map(|group| group.why) else { continue };
            let count: usize = same.iter().map(|group| group.files.len()).sum();
            let files = if count == 1 { "file" } else { "files" };
            write!(f, "{separator}{count} {files} {}", why.words())?;
            separator = "; ";
        }
        Ok(())
    }
}

impl Why {
    fn is_one_timeline(self) -> bool {
        matches!(self, Self::Rotation | Self::Named | Self::Merged | Self::Halves | Self::Points)
    }

    fn words(self) -> &'static str {
        match self {
            Self::Alone => "read alone",
            Self::Rotation => "of one rotation read as one timeline",
            Self::Named => "read as one timeline, sorted by time",
            Self::Points => "of one incident",
            Self::Halves => "with one direction each of the same connections, read as one timeline",
            Self::Directory => "of a directory, each judged alone",
            Self::Merged => "read as one timeline (--merge)",
            Self::PerFile => "each judged alone (--per-file)",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A capture with a TCP segment for each of `seqs`, one a second from `start` on.
    fn capture(start: u32, seqs: &[u32], source_mac: u8) -> Vec<u8> {
        let mut file = Vec::new();
        file.extend(0xa1b2_c3d4_u32.to_le_bytes());
        file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
        for (second, seq) in (start..).zip(seqs) {
            let mut frame = vec![source_mac; 12];
            frame.extend([8, 0, 0x45, 0, 0, 40, 0, 7, 0, 0, 64 - source_mac, 6, source_mac, 0]);
            frame.extend([10, 0, 0, 1, 10, 0, 0, 2, 0, 21, 4, 1]);
            frame.extend(seq.to_be_bytes());
            frame.extend([0, 0, 0, 0, 0x50, 0x10, 0xff, 0xff, source_mac, 0, 0, 0]);
            for value in [second, 0, 54, 54] {
                file.extend(value.to_le_bytes());
            }
            file.extend(frame);
        }
        file
    }

    fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn planned(files: &[PathBuf], arrange: Arrange) -> Plan {
        plan(&Inputs { files, arrange, ..Inputs::default() })
    }

    fn names(plan: &Plan) -> Vec<Vec<String>> {
        let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        plan.groups.iter().map(|group| group.files.iter().map(name).collect()).collect()
    }

    #[test]
    fn files_named_together_are_one_timeline() {
        let folder = tempfile::tempdir().unwrap();
        let a = write(folder.path(), "a.pcap", &capture(100, &[1, 2, 3, 4, 5, 6], 1));
        let b = write(folder.path(), "b.pcap", &capture(200, &[11, 12, 13, 14, 15, 16], 1));
        let plan = planned(&[a, b], Arrange::Auto);
        assert_eq!(names(&plan), [["a.pcap", "b.pcap"]]);
        assert_eq!(plan.to_string(), "2 files read as one timeline, sorted by time");
    }

    #[test]
    fn files_that_saw_the_same_packets_are_points_of_one_incident() {
        let folder = tempfile::tempdir().unwrap();
        let client = write(folder.path(), "inc-client.pcap", &capture(100, &[1, 2, 3, 4, 5, 6], 1));
        let other = write(folder.path(), "inc-other.pcap", &capture(100, &[21, 22, 23, 24, 25, 26], 1));
        // Another hop: other addresses of the link, TTL and checksums, and a clock that is 7 s off.
        let server = write(folder.path(), "inc-server.pcap", &capture(107, &[1, 2, 3, 4, 5, 6], 9));
        let plan = planned(&[client, other, server], Arrange::Auto);
        assert_eq!(names(&plan), [vec!["inc-client.pcap", "inc-server.pcap"], vec!["inc-other.pcap"]]);
        assert_eq!(plan.groups.iter().map(|group| group.why).collect::<Vec<_>>(), [Why::Points, Why::Alone]);
        let points: Vec<&str> = plan.groups[0].points.iter().map(|point| point.name.as_str()).collect();
        assert_eq!(points, ["client", "server"]);
        assert_eq!(
            plan.to_string(),
            "2 points: client (clock 7.000 s behind server, not known exactly), server; 1 of 1 connection at both; 1 file read alone"
        );
    }

    #[test]
    fn a_directory_means_its_captures_each_alone() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "b.pcap", &capture(100, &[1, 2], 1));
        write(folder.path(), "a.pcap", &capture(100, &[1, 2], 1));
        write(folder.path(), "readme.txt", b"no capture");
        write(folder.path(), "old.snoop", b"snoop\0\0\0\0\0\0\x02");
        let directory = [folder.path().to_owned()];
        let found = planned(&directory, Arrange::Auto);
        assert_eq!(names(&found), [["a.pcap"], ["b.pcap"], ["old.snoop"]]);
        assert_eq!(found.to_string(), "3 files of a directory, each judged alone");
        let merged = planned(&directory, Arrange::Merge);
        assert_eq!(names(&merged), [["a.pcap", "b.pcap", "old.snoop"]]);
        assert_eq!(merged.to_string(), "3 files read as one timeline (--merge)");
    }

    #[test]
    fn rotations_in_a_directory_are_one_timeline_each() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["x.pcap", "x.pcap1", "x.pcap2", "y.pcap"] {
            write(folder.path(), name, &capture(100, &[1], 1));
        }
        let directory = [folder.path().to_owned()];
        let found = planned(&directory, Arrange::Auto);
        assert_eq!(names(&found), [vec!["x.pcap", "x.pcap1", "x.pcap2"], vec!["y.pcap"]]);
        assert_eq!(
            found.to_string(),
            "3 files of one rotation read as one timeline; 1 file of a directory, each judged alone"
        );
        assert_eq!(planned(&directory, Arrange::PerFile).to_string(), "4 files each judged alone (--per-file)");
    }

    #[test]
    fn a_directory_without_captures_is_an_error_and_a_single_file_needs_no_words() {
        let folder = tempfile::tempdir().unwrap();
        let plan_of_empty = planned(&[folder.path().to_owned()], Arrange::Auto);
        assert!(plan_of_empty.groups.is_empty());
        assert!(plan_of_empty.errors[0].to_string().ends_with("it is a directory without captures"));
        let single = planned(&[PathBuf::from("-")], Arrange::Auto);
        assert_eq!(single.groups, [Group::new(vec![PathBuf::from("-")], Why::Alone)]);
        assert_eq!(single.to_string(), "");
    }
}
