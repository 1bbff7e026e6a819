//! Reads captures from elsewhere and compares with what Wireshark makes of them.
//!
//! `FTPWHY_CAPTURES` names a folder with `captures/edge.tsv` (path, number of packets or `-`, note) and captures
//! below it. Where it is unset, or tshark is missing, the tests say so and pass.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use ftpwhy::frame::CaptureId;
use ftpwhy::points::{Inputs, Why, plan};
use ftpwhy::source::{Capture, OpenError, Timeline, is_capture};

/// Of the many captures, every so many-th is compared; all with `FTPWHY_CAPTURES_ALL`.
const SAMPLE: usize = 8;

/// What both programs say of a frame.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    nanos: Option<i128>,
    section: u32,
    /// Not given by tshark for formats without interfaces.
    interface: Option<u32>,
    captured: usize,
    wire_len: u32,
}

fn captures_folder() -> Option<PathBuf> {
    let folder = std::env::var_os("FTPWHY_CAPTURES").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: FTPWHY_CAPTURES is not set");
    }
    folder
}

/// Reads a whole file: its frames by number.
fn read(path: &Path) -> Result<(BTreeMap<u64, Seen>, Capture), OpenError> {
    let (mut timeline, mut errors) = Timeline::open(&[path.to_owned()], CaptureId(0), None);
    if let Some(error) = errors.pop() {
        return Err(error);
    }
    let mut frames = Vec::new();
    while let Some(frame) = timeline.next() {
        frames.push((frame.at, frame.interface, frame.bytes.len(), frame.wire_len));
    }
    let capture = timeline.captures()[0].clone();
    let several = capture.format.starts_with("pcapng");
    let seen = frames.into_iter().map(|(at, interface, captured, wire_len)| {
        let interface = &capture.interfaces[interface.0 as usize];
        let in_section = several.then_some(interface.in_section);
        let nanos = Some(i128::from(at.time.0));
        (at.number.0, Seen { nanos, section: interface.section, interface: in_section, captured, wire_len })
    });
    Ok((seen.collect(), capture))
}

/// What tshark shows for a file, frame by frame.
fn tshark(path: &Path) -> Option<BTreeMap<u64, Seen>> {
    let fields = ["number", "time_epoch", "section_number", "interface_id", "cap_len", "len"];
    let mut command = Command::new("tshark");
    command.args(["-n", "-T", "fields", "-E", "separator=,", "-r"]).arg(path);
    for field in fields {
        command.args(["-e", &format!("frame.{field}")]);
    }
    let output = String::from_utf8(command.output().ok()?.stdout).expect("tshark prints UTF-8");
    let mut frames = BTreeMap::new();
    for line in output.lines() {
        let columns: Vec<&str> = line.split(',').collect();
        let [number, time, section, interface, captured, wire_len] = columns[..] else { continue };
        let frame = Seen {
            nanos: nanos(time),
            section: section.parse().unwrap_or(1),
            interface: interface.parse().ok(),
            captured: captured.parse().expect("a length"),
            wire_len: wire_len.parse().expect("a length"),
        };
        frames.insert(number.parse().expect("a number"), frame);
    }
    Some(frames)
}

/// `1600000000.123456789` in nanoseconds.
fn nanos(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.')?;
    let value = whole.trim_start_matches('-').parse::<i128>().ok()? * 1_000_000_000 + fraction.parse::<i128>().ok()?;
    let value = if whole.starts_with('-') { -value } else { value };
    // One public capture has a time of 600 000 million years, where ours stops.
    Some(value.clamp(i64::MIN.into(), i64::MAX.into()))
}

fn captures_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            captures_below(&path, found);
        } else if is_capture(&path).expect("it can be told") {
            found.push(path);
        }
    }
}

#[test]
fn every_edge_case_gives_its_packets_or_a_clear_error() {
    let Some(folder) = captures_folder() else { return };
    let folder = folder.join("captures");
    let table = std::fs::read_to_string(folder.join("edge.tsv")).expect("edge.tsv");
    let mut wrong = Vec::new();
    for line in table.lines().skip(1) {
        let mut columns = line.split('\t');
        let (Some(name), Some(packets)) = (columns.next(), columns.next()) else { continue };
        let read = read(&folder.join(name));
        let right = match (&read, packets.parse::<u64>()) {
            (Ok((frames, capture)), Ok(packets)) => capture.packets == packets && frames.len() as u64 == packets,
            (Err(error), Err(_)) => error.what.starts_with("it"),
            _ => false,
        };
        if !right {
            wrong.push(format!("{line}: {:?}", read.map(|(_, capture)| capture.packets)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn frames_are_numbered_timed_and_attributed_as_by_tshark() {
    let Some(folder) = captures_folder() else { return };
    if Command::new("tshark").arg("--version").output().is_err() {
        println!("skipped: there is no tshark");
        return;
    }
    let mut edge = Vec::new();
    captures_below(&folder.join("captures"), &mut edge);
    let mut lab = Vec::new();
    captures_below(&folder.join("lab"), &mut lab);
    let step = if std::env::var_os("FTPWHY_CAPTURES_ALL").is_some() { 1 } else { SAMPLE };
    let files: Vec<PathBuf> = edge.into_iter().step_by(step).chain(lab.into_iter().step_by(step)).collect();
    let mut wrong = Vec::new();
    for path in &files {
        let Ok((ours, capture)) = read(path) else { continue };
        let Some(mut theirs) = tshark(path) else { continue };
        if capture.format.starts_with("pcapng") {
            // What has a number but no interface is no packet: custom blocks, journal entries.
            theirs.retain(|_, frame| frame.interface.is_some());
        }
        for (number, frame) in &mut theirs {
            // Frames without a time of their own have ours lent.
            if frame.nanos.is_none() {
                frame.nanos = ours.get(number).and_then(|frame| frame.nanos);
            }
        }
        if let Some((number, _)) = theirs.iter().find(|(number, frame)| ours.get(number) != Some(frame)) {
            wrong.push(format!("{}: {:?} instead of {:?}", path.display(), ours.get(number), theirs.get(number)));
        } else if ours.len() != theirs.len() {
            wrong.push(format!("{}: {} frames instead of {}", path.display(), ours.len(), theirs.len()));
        }
    }
    println!("{} files compared", files.len());
    assert!(!files.is_empty(), "no captures below {}", folder.display());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn both_ends_of_a_connection_are_two_points_and_two_connections_are_not() {
    let Some(folder) = captures_folder() else { return };
    let mut lab = Vec::new();
    captures_below(&folder.join("lab"), &mut lab);
    let clients: Vec<PathBuf> = lab.into_iter().filter(|path| path.to_string_lossy().contains(".client.")).collect();
    assert!(!clients.is_empty(), "no captures below {}", folder.display());
    let mut wrong = Vec::new();
    let mut ask = |a: &Path, b: &Path, expected: Why| {
        let files = [a.to_owned(), b.to_owned()];
        let plan = plan(&Inputs { files: &files, ..Inputs::default() });
        if plan.groups[0].why != expected {
            wrong.push(format!("{} and {}: {plan}", a.display(), b.display()));
        }
    };
    for pair in clients.windows(2) {
        let server = PathBuf::from(pair[0].to_string_lossy().replace(".client.", ".server."));
        // In one lab the server got no TCP at all.
        if server.is_file() && !server.ends_with("dup_ip_server_from_start.server.pcap") {
            ask(&pair[0], &server, Why::Points);
        }
        ask(&pair[0], &pair[1], Why::Named);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
