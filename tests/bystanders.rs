//! Segments that matter to nobody are not decoded (`pipeline::bystanders`), and no result may depend on it.
//!
//! An IPv4 header with an option means the same as one without, but takes the long way: what is said of a capture must
//! not change when every header gets one.

#[path = "kit/mod.rs"]
mod kit;
#[path = "../benches/cost/traffic.rs"]
mod traffic;

use std::path::Path;
use std::process::Command;

use kit::packet::Link;

/// Four times "no operation" (RFC 791 3.1).
const OPTIONS: [u8; 4] = [1; 4];

#[test]
fn the_short_way_and_the_long_way_say_the_same_of_every_fixture() {
    let mut compared = 0;
    for script in kit::files_below(&kit::root().join("fixtures"), &[".script"]) {
        let packets = kit::render(&script).expect("a fixture").packets;
        let frames = packets.iter().map(|packet| (packet.at, packet.bytes(Link::Ethernet))).collect();
        assert_same(frames, &script);
        compared += 1;
    }
    assert!(compared > 100, "{compared} fixtures");
}

#[test]
fn the_short_way_and_the_long_way_say_the_same_of_mixed_traffic() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    for ftp_percent in [5, 30] {
        let path = folder.path().join("mixed.pcap");
        traffic::write(&path, 4 << 20, ftp_percent).expect("a capture");
        assert_same(records(&std::fs::read(&path).expect("what was written")), &path);
    }
}

type Frames = Vec<(i64, Vec<u8>)>;

fn assert_same(frames: Frames, what: &Path) {
    let short = analysed(&frames);
    let long = analysed(&frames.into_iter().map(|(at, frame)| (at, with_options(frame))).collect());
    assert!(short.len() > 2, "{}: nothing is said", what.display());
    assert_eq!(short, long, "{}", what.display());
}

/// What is said of frames, under the same name each time.
fn analysed(frames: &Frames) -> String {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let mut file = [&0xa1b2_3c4d_u32.to_le_bytes()[..], &[2, 0, 4, 0], &[0; 12], &[1, 0, 0, 0]].concat();
    for (at, frame) in frames {
        let word = |value: i64| u32::try_from(value).expect("a word").to_le_bytes();
        let len = word(i64::try_from(frame.len()).expect("a short frame"));
        file.extend([word(at / 1_000_000_000), word(at % 1_000_000_000), len, len].concat());
        file.extend(frame);
    }
    std::fs::write(folder.path().join("capture.pcap"), file).expect("a capture");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ftpwhy"));
    command.current_dir(folder.path()).args(["--isolated", "--format", "json", "capture.pcap"]);
    let output = command.output().expect("the program runs");
    String::from_utf8(output.stdout).expect("text")
}

/// Gives the IPv4 header of a frame options, if it has a plain one.
fn with_options(mut frame: Vec<u8>) -> Vec<u8> {
    let ip = if frame.get(12..14) == Some(&[0x81, 0]) { 18 } else { 14 };
    let Some([0x08, 0x00, 0x45, _, l0, l1]) = frame.get(ip - 2..ip + 4) else { return frame };
    let len = u16::from_be_bytes([*l0, *l1]);
    if usize::from(len) < 20 || frame.len() < ip + 20 {
        return frame;
    }
    frame[ip] = 0x46;
    frame[ip + 2..ip + 4].copy_from_slice(&len.saturating_add(4).to_be_bytes());
    frame.splice(ip + 20..ip + 20, OPTIONS);
    frame
}

/// The frames of a pcap in microseconds and little-endian.
fn records(mut file: &[u8]) -> Frames {
    let mut frames = Vec::new();
    file = &file[24..];
    while let [a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, _, _, _, _, rest @ ..] = file {
        let seconds = i64::from(u32::from_le_bytes([*a0, *a1, *a2, *a3]));
        let micros = i64::from(u32::from_le_bytes([*b0, *b1, *b2, *b3]));
        let len = u32::from_le_bytes([*c0, *c1, *c2, *c3]) as usize;
        frames.push((seconds * 1_000_000_000 + micros * 1000, rest[..len].to_vec()));
        file = &rest[len..];
    }
    frames
}
