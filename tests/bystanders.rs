//! Packets that matter to nobody are not decoded (`pipeline::bystanders`), and no result may depend on it.
//!
//! An IPv4 header with an option, or an IPv6 header with an empty extension, means the same as one without, but takes
//! the long way: what is said of a capture must not change when every header gets one. Over the fixtures and made-up
//! traffic, and where `FTPWHY_CAPTURES` names a directory, over the captures below it.

#[path = "kit/mod.rs"]
mod kit;
#[path = "../benches/cost/traffic.rs"]
mod traffic;

use std::path::{Path, PathBuf};
use std::process::Command;

use ftpwhy::frame::{CaptureId, Frame};
use ftpwhy::source::write::Writer;
use ftpwhy::source::{Capture, Interface, Timeline};
use serde_json::Value;
use traffic::{Container, Mix, Rest};

/// Four times "no operation" (RFC 791 3.1).
const OPTIONS: [u8; 4] = [1; 4];
/// IPv6: the protocol number of destination options, and such a header without the protocol behind it: eight bytes with
/// padding (RFC 8200 4.2, 4.6).
const DESTINATION_OPTIONS: u8 = 60;
const NO_OPTION: [u8; 7] = [0, 1, 4, 0, 0, 0, 0];

#[test]
fn the_short_way_and_the_long_way_say_the_same_of_every_fixture() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let mut compared = 0;
    for source in kit::files_below(&kit::root().join("fixtures"), &[".script", ".pcap", ".pcapng"]) {
        let path = rendered(&source, folder.path());
        compared += usize::from(is_same(&path, &source));
    }
    assert!(compared > 100, "{compared} fixtures");
}

#[test]
fn the_short_way_and_the_long_way_say_the_same_of_real_captures() {
    let Some(root) = std::env::var_os("FTPWHY_CAPTURES") else {
        println!("skipped: FTPWHY_CAPTURES is not set");
        return;
    };
    let captures = kit::files_below(Path::new(&root), &[".pcap", ".pcapng", ".cap", ".dmp", ".gz", ".zst", ".lz4"]);
    let compared = captures.iter().filter(|path| is_same(path, path)).count();
    println!("{compared} of {} captures compared", captures.len());
    assert!(compared > 0, "no captures below {}", Path::new(&root).display());
}

#[test]
fn the_short_way_and_the_long_way_say_the_same_of_mixed_traffic() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let many =
        [(5, Rest::Office), (30, Rest::Office), (5, Rest::Small)].map(|(percent, rest)| (4 << 20, percent, rest));
    // Each packet is of two hosts of its own: few bytes are many hosts.
    let few = [(1 << 19, 5, Rest::Routed), (1 << 19, 5, Rest::Flat)];
    for (size, ftp_percent, rest) in many.into_iter().chain(few) {
        let mix = Mix { size, ftp_percent, rest, container: Container::Pcap };
        let pcap = written(folder.path(), mix);
        assert!(is_same(&pcap, &pcap));
        let pcapng = written(folder.path(), Mix { container: Container::Pcapng, ..mix });
        assert_eq!(findings(&pcap), findings(&pcapng));
    }
}

fn written(folder: &Path, mix: Mix) -> PathBuf {
    let path = folder.join("mixed");
    traffic::write(&path, mix).expect("a capture");
    path
}

fn rendered(source: &Path, folder: &Path) -> PathBuf {
    if source.extension().is_none_or(|extension| extension != "script") {
        return source.to_owned();
    }
    let rendered = kit::render(source).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    let path = folder.join(format!("rendered.{}", rendered.extension));
    std::fs::write(&path, rendered.file).expect("a rendered capture");
    path
}

/// A frame that outlives its source.
struct Taken {
    interface: usize,
    frame: Frame<'static>,
    bytes: Vec<u8>,
}

/// Compares what is said of a capture with and without the short way; whether it can be read at all.
fn is_same(path: &Path, name: &Path) -> bool {
    let (mut timeline, errors) = Timeline::open(&[path.to_owned()], CaptureId(0), None);
    let mut taken = Vec::new();
    while let Some(frame) = timeline.next() {
        let interface = frame.interface.0 as usize;
        taken.push(Taken { interface, frame: Frame { bytes: &[], ..frame }, bytes: frame.bytes.to_vec() });
    }
    let Some(Capture { interfaces, .. }) = timeline.captures().first().filter(|_| errors.is_empty()) else {
        return false;
    };
    // Some link types have numbers that pcapng cannot say.
    let Some(short) = analysed(interfaces, &taken) else { return false };
    for one in &mut taken {
        let before = one.bytes.len();
        one.bytes = with_options(std::mem::take(&mut one.bytes));
        one.frame.wire_len += u32::try_from(one.bytes.len() - before).expect("a few bytes");
    }
    assert_eq!(Some(short), analysed(interfaces, &taken), "{}", name.display());
    true
}

/// What is said of frames, under the same name each time.
fn analysed(interfaces: &[Interface], frames: &[Taken]) -> Option<String> {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let mut writer = Writer::new(Vec::new(), &[]).expect("a file");
    let described: Option<Vec<_>> = interfaces.iter().map(|interface| writer.interface(interface).ok()).collect();
    let described = described?;
    for Taken { interface, frame, bytes } in frames {
        writer.frame(described[*interface], &Frame { bytes, ..*frame }, &[]).expect("a frame");
    }
    std::fs::write(folder.path().join("capture"), writer.finish().expect("a file")).expect("a capture");
    let said = said(folder.path(), "capture");
    assert!(said.len() > 2, "nothing is said");
    Some(said)
}

fn said(folder: &Path, name: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ftpwhy"));
    command.current_dir(folder).args(["--isolated", "--format", "json", name]);
    String::from_utf8(command.output().expect("the program runs").stdout).expect("text")
}

fn findings(path: &Path) -> [Value; 2] {
    let said = said(path.parent().expect("a folder"), "mixed");
    let document: Value = serde_json::from_str(&said).expect("JSON");
    ["sessions", "findings"].map(|part| document[part].clone())
}

/// Gives the IP header of an Ethernet frame options, if it has a plain one.
fn with_options(mut frame: Vec<u8>) -> Vec<u8> {
    let ip = if frame.get(12..14) == Some(&[0x81, 0]) { 18 } else { 14 };
    let longer = |a: u8, b: u8, by: u16| u16::from_be_bytes([a, b]).saturating_add(by).to_be_bytes();
    match frame.get(ip - 2..).unwrap_or_default() {
        [0x08, 0x00, 0x45, _, l0, l1, ..] if u16::from_be_bytes([*l0, *l1]) >= 20 && frame.len() >= ip + 20 => {
            let len = longer(*l0, *l1, 4);
            frame[ip] = 0x46;
            frame[ip + 2..ip + 4].copy_from_slice(&len);
            frame.splice(ip + 20..ip + 20, OPTIONS);
        }
        [0x86, 0xdd, 0x60..=0x6f, _, _, _, l0, l1, next, ..] if [*l0, *l1] != [0, 0] && frame.len() >= ip + 40 => {
            let (len, next) = (longer(*l0, *l1, 8), *next);
            frame[ip + 4..ip + 6].copy_from_slice(&len);
            frame[ip + 6] = DESTINATION_OPTIONS;
            frame.splice(ip + 40..ip + 40, [&[next][..], &NO_OPTION].concat());
        }
        _ => {}
    }
    frame
}
