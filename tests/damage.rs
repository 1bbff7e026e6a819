//! What networks and capture tools do to packets changes no verdict: every capture on which a diagnosis fires is cut into
//! other segments, doubled, put out of order, given sequence numbers that wrap, and robbed of one direction.
//!
//! The first four lose nothing, so every error and warning must stay as it is, and none may be added. Without one
//! direction less can be said, and nothing that was not said before. [`WEAKER`] lists what is allowed to fail, and why.
//! `FTPWHY_FIXTURE=part/of/a/path` narrows the run.

mod kit;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ftpwhy::check::Observed;
use ftpwhy::frame::Timestamp;
use ftpwhy::source::Capture;
use ftpwhy::wire::{Body, Decoder};
use kit::frames::{Owned, observed, read, renumber};

const CAPTURES: [&str; 6] = [".script", ".pcap", ".pcapng", ".pcap.gz", ".pcap.zst", ".pcap.lz4"];

/// Fixtures (or parts of their paths) and damages under which less is found, each for its reason; and what is found in
/// its stead.
const WEAKER: &[(&str, &str, &str)] = &[
    // What is known of a whole line in one segment is not known of its bytes in many; the stall itself is told.
    ("alg-broken-rewrite/fires-checksum", "split", "control-stalled"),
    ("alg-broken-rewrite/fires-shorter", "split", "control-stalled"),
    // A first copy that was overtaken is no repeat of a stall.
    ("alg-broken-rewrite/fires-longer-outside", "swap", "control-stalled"),
    ("alg-broken-rewrite/fires.script", "swap", "control-stalled"),
    // A single byte is too little to tell two replies apart by.
    ("reply-by-middlebox/fires-router-fin", "split 1", "transfer-failed-unexplained"),
    ("reply-by-middlebox/fires-router", "split 1", "data-syn-not-seen"),
    ("reply-by-middlebox/fires-bridge", "split 1", "data-syn-not-seen"),
    // Across a bridge only the clock tells where packets come in.
    ("reply-by-middlebox/fires-bridge", "swap", "data-syn-not-seen"),
    ("reply-by-middlebox/fires-lab-bridge", "swap", "data-syn-never-sent"),
    // In small segments it is no question of their size.
    ("path-mtu-blackhole/fires-control", "split", "control-stalled"),
    // More than a few segments of another TTL are a route, not a device that spoke once.
    ("reply-by-middlebox/fires", "split", ""),
    ("rst-injected/fires-other-router", "split", ""),
    // The order of the two connections' records is what tells that nothing was sent on the data connection.
    ("tls-session-reuse-required/fires-lab-ftplib", "swap", ""),
    ("tls-session-reuse-required/fires-opaque", "swap", ""),
    // A SYN recorded before the words that led to it belongs to nobody for sure; the verdict, which it follows, stays.
    ("pasv-address-mismatch/fires-lab-proftpd", "swap", ""),
    ("port-third-party/fires-lab-bounce", "swap", "no-data-endpoint"),
    // A warning of what went well in the end: an ACK before its SYN is not taken for the SYN's answer.
    ("time-wait-challenge/fires-lab-low-isn", "swap", ""),
    ("tuple-still-open/fires-lab-half-open", "swap", ""),
    // Without the second claim, a take-over and a beginning conflict look alike.
    ("arp-conflict/fires-lab-later", "without the client", "mac-changed"),
    // A reply to a command that was not captured is an orphan.
    ("time-wait-default-port/fires-midstream", "without the client", "transfer-failed-unexplained"),
    ("time-wait-collision/fires-begins-with-data", "without the client", "transfer-failed-unexplained"),
    // Without the 227 that asked for it, the third host is just a foreign address.
    ("port-third-party/fires-fxp", "without the server", "port-foreign-address"),
    // Not known to have failed a transfer, it is told of the hosts, and as such more certain.
    ("mac-stale-peer/fires-failed", "without", "mac-stale-peer"),
    ("mac-stale-peer/fires-data-stalled", "without", "mac-stale-peer"),
    ("mac-stale-peer/fires-stalled", "without", "mac-stale-peer"),
    ("mac-stale-peer/fires-syn-ack", "without", "mac-stale-peer"),
    ("arp-conflict/fires-refused", "without", "arp-conflict"),
    ("arp-conflict/fires-data-stalled", "without", "arp-conflict"),
];

/// Damage that the test kit does to the packets of a script.
const TO_SCRIPTS: [&str; 3] = ["split 1", "split 3", "renumber 4294967280"];

/// Damage to frames, of scripts and of real captures.
const TO_FRAMES: [(&str, Damage); 4] = [
    ("duplicate", duplicate),
    ("swap", swap),
    ("without the server's words", without_server),
    ("without the client's words", without_client),
];

type Damage = fn(Vec<Owned>) -> Vec<Owned>;

#[test]
fn damage_changes_no_verdict() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let wanted = std::env::var("FTPWHY_FIXTURE").unwrap_or_default();
    let root = kit::root().join("fixtures");
    let fires = kit::files_below(&root, &CAPTURES).into_iter().filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("fires") && path.to_string_lossy().contains(&wanted)
    });
    let mut said = String::new();
    for source in fires {
        let name = source.strip_prefix(&root).unwrap_or(&source).display().to_string();
        let (frames, captures) = read(&capture_of(&source, "", folder.path()));
        let whole = judged(&frames, &captures);
        let mut compare = |damage: &str, frames: &[Owned], captures: &[Capture]| {
            let damaged = judged(frames, captures);
            let weaker = WEAKER.iter().find(|(part, kind, _)| name.contains(part) && damage.contains(kind));
            let instead = weaker.map(|(_, _, instead)| *instead);
            for difference in differences(&whole, &damaged, damage.starts_with("without"), instead) {
                let _ = writeln!(said, "{name}, {damage}: {difference}");
            }
        };
        for (damage, hurt) in TO_FRAMES {
            compare(damage, &hurt(frames.clone()), &captures);
        }
        if source.extension().is_some_and(|extension| extension == "script") {
            for damage in TO_SCRIPTS {
                let (frames, captures) = read(&capture_of(&source, damage, folder.path()));
                compare(damage, &frames, &captures);
            }
        }
    }
    assert!(said.is_empty(), "\n{said}");
}

/// The capture itself, or what a script renders to, damaged.
fn capture_of(source: &Path, damage: &str, folder: &Path) -> PathBuf {
    if source.extension().is_none_or(|extension| extension != "script") {
        return source.to_path_buf();
    }
    let transform = if damage.is_empty() { String::new() } else { format!("transform {damage}\n") };
    let script = folder.join("damaged.script");
    std::fs::write(&script, format!("include {}\n{transform}", source.display())).expect("a script");
    let rendered = kit::render(&script).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    let path = folder.join(format!("damaged.{}", rendered.extension));
    std::fs::write(&path, rendered.file).expect("a capture");
    path
}

/// The errors and warnings of a capture.
fn judged(frames: &[Owned], captures: &[Capture]) -> Vec<Observed> {
    observed(frames, captures).findings.into_iter().filter(Observed::is_serious).collect()
}

/// `instead` is what may be found in the stead of what is lost.
fn differences(whole: &[Observed], damaged: &[Observed], deaf: bool, instead: Option<&str>) -> Vec<String> {
    let same = |one: &Observed, other: &Observed| {
        (&one.diagnosis, one.severity, one.role, one.transfer, one.confidence)
            == (&other.diagnosis, other.severity, other.role, other.transfer, other.confidence)
    };
    let known = |new: &&Observed| {
        let mut like = whole.iter().filter(|old| old.diagnosis == new.diagnosis);
        // A warning states a fact, an error that something failed by it, of which one may be less sure.
        let weaker = |old: &Observed| (old.severity, old.confidence) >= (new.severity, new.confidence);
        if deaf || instead.is_some() { like.any(weaker) } else { like.any(|old| same(old, new)) }
    };
    let new = damaged.iter().filter(|new| !known(new) && Some(new.diagnosis.as_str()) != instead);
    let mut all: Vec<String> = new.map(|new| format!("new: {new}")).collect();
    if !deaf && instead.is_none() {
        let lost = whole.iter().filter(|old| !damaged.iter().any(|new| same(old, new)));
        all.extend(lost.map(|old| format!("lost: {old}")));
    }
    all
}

/// Every frame twice, 0.2 ms apart.
fn duplicate(frames: Vec<Owned>) -> Vec<Owned> {
    let copy = |frame: &Owned| {
        let mut copy = frame.clone();
        copy.at.time = Timestamp(copy.at.time.0 + 200_000);
        copy
    };
    let mut all: Vec<Owned> = frames.into_iter().flat_map(|frame| [copy(&frame), frame]).collect();
    all.sort_by_key(|frame| (frame.at.epoch, frame.at.time));
    renumber(&mut all);
    all
}

/// Neighbours less than a millisecond apart change places; the times stay.
fn swap(mut frames: Vec<Owned>) -> Vec<Owned> {
    for pair in frames.chunks_mut(2) {
        if let [one, other] = pair
            && other.at.seconds_since(one.at) <= 0.001
        {
            std::mem::swap(one, other);
            std::mem::swap(&mut one.at, &mut other.at);
        }
    }
    frames
}

fn without_server(frames: Vec<Owned>) -> Vec<Owned> {
    without(frames, |source, _| source == 21)
}

fn without_client(frames: Vec<Owned>) -> Vec<Owned> {
    without(frames, |_, destination| destination == 21)
}

/// The frames but for the TCP segments between ports that are `deaf`.
fn without(frames: Vec<Owned>, deaf: fn(u16, u16) -> bool) -> Vec<Owned> {
    let mut decoder = Decoder::new();
    let mut heard = |frame: &Owned| match decoder.decode(&frame.frame()).body {
        Body::Tcp(_, tcp) => !deaf(tcp.source_port, tcp.destination_port),
        _ => true,
    };
    frames.into_iter().filter(|frame| heard(frame)).collect()
}
