//! The decoder against tshark: addresses, ports, numbers, flags, lengths and checksums of every TCP segment, and what
//! ICMP errors quote.
//!
//! Needs `FTPWHY_CAPTURES`, a directory of captures, and tshark; says so and passes without. Reads classic
//! little-endian pcap files only.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ftpwhy::frame::{CaptureId, Frame, FrameNo, InterfaceId, LinkType, Stamp, Timestamp};
use ftpwhy::wire::{Body, Checksum, Decoder};

/// Of a folder with many captures, one in so many is enough.
const ONE_IN: usize = 16;
/// A folder with so many captures is sampled.
const MANY: usize = 8;
/// tshark's name of protocols whose inside only tshark decodes, and of the routing header, behind which it verifies
/// the checksum against the last destination.
const NOT_DECODED: [&str; 4] = ["gtp", "wlan", "esp", "ipv6.routing"];

/// What both sides tell of a frame: "tcp SRC DST seq ack flags length ttl checksum" or "icmp ...".
type Facts = BTreeMap<u64, String>;

/// What stands for frames that are not compared.
const SKIPPED: &str = "skipped";

#[test]
fn every_segment_is_what_tshark_says() {
    let Some(root) = std::env::var_os("FTPWHY_CAPTURES") else {
        eprintln!("skipped: FTPWHY_CAPTURES is not set");
        return;
    };
    if Command::new("tshark").arg("-v").output().is_err() {
        eprintln!("skipped: tshark is not installed");
        return;
    }
    let (mut files, mut frames) = (0, 0);
    let mut differences = Vec::new();
    for path in captures(Path::new(&root)) {
        let Some((capture, undecoded)) = ours(&fs::read(&path).unwrap()) else { continue };
        let theirs = tshark(&path);
        files += 1;
        frames += theirs.len();
        for (number, facts) in &theirs {
            let ours = capture.get(number).map_or("nothing", String::as_str);
            if !agree(ours, facts) {
                differences
                    .push(format!("{} {number}\n  tshark {facts}\n  ours   {ours}\n  {undecoded:?}", path.display()));
            }
        }
        for (number, facts) in capture.iter().filter(|(number, _)| !theirs.contains_key(number)) {
            differences.push(format!("{} {number}\n  tshark nothing\n  ours   {facts}", path.display()));
        }
    }
    eprintln!("{files} files, {frames} frames compared");
    assert!(files > 0, "no capture under {}", Path::new(&root).display());
    differences.truncate(20);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Whether both tell the same. Where an IP length goes beyond the frame on the wire, tshark believes the frame and calls
/// the checksum bad; we believe IP and call the segment cut.
fn agree(ours: &str, theirs: &str) -> bool {
    let head = |facts: &str| facts.split(" len ").next().map(str::to_owned);
    let beyond = ours.ends_with("unknown") && theirs.ends_with("bad") && head(ours) == head(theirs);
    ours == theirs || theirs == SKIPPED || beyond
}

/// The captures below a folder in a stable order, sampled where there are many.
fn captures(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    entries.sort();
    let (folders, files): (Vec<_>, Vec<_>) = entries.into_iter().partition(|path| path.is_dir());
    let captures: Vec<_> = files.into_iter().filter(|path| path.extension().is_some_and(|e| e == "pcap")).collect();
    let step = if captures.len() > MANY { ONE_IN } else { 1 };
    let mut all: Vec<_> = captures.into_iter().step_by(step).collect();
    all.extend(folders.iter().flat_map(|folder| self::captures(folder)));
    all
}

/// Our facts of a classic little-endian pcap file, and what was not decoded.
fn ours(file: &[u8]) -> Option<(Facts, Vec<String>)> {
    let u32_at = |at: usize| file.get(at..)?.first_chunk().copied().map(u32::from_le_bytes);
    if !matches!(u32_at(0)?, 0xa1b2_c3d4 | 0xa1b2_3c4d) {
        return None;
    }
    let link_type = LinkType(u32_at(20)? & 0xffff);
    let mut decoder = Decoder::new();
    let mut facts = Facts::new();
    let (mut at, mut number) = (24, 0);
    while let (Some(seconds), Some(captured), Some(wire_len)) = (u32_at(at), u32_at(at + 8), u32_at(at + 12)) {
        let Some(bytes) = file.get(at + 16..at + 16 + captured as usize) else { break };
        at += 16 + captured as usize;
        number += 1;
        let time = Timestamp(i64::from(seconds) * 1_000_000_000);
        let stamp = Stamp::new(CaptureId(0), FrameNo(number), time);
        let frame = Frame { at: stamp, interface: InterfaceId(0), link_type, bytes, wire_len };
        match decoder.decode(&frame).body {
            Body::Tcp(ip, tcp) => {
                let checksum = match tcp.checksum(&ip) {
                    Checksum::Valid => "good",
                    Checksum::Bad => "bad",
                    Checksum::Unknown => "unknown",
                };
                facts.insert(
                    number,
                    format!(
                        "tcp {}:{} {}:{} seq {} ack {} flags {:#04x} len {} ttl {} {checksum}",
                        ip.source,
                        tcp.source_port,
                        ip.destination,
                        tcp.destination_port,
                        tcp.seq.0,
                        tcp.ack.0,
                        tcp.flags.0,
                        tcp.payload_len,
                        ip.ttl
                    ),
                );
            }
            Body::Icmp(_, icmp) => {
                let (from, to) = (icmp.quoted.source, icmp.quoted.destination);
                let text = format!(
                    "icmp {} {} {}:{} {}:{} seq {}",
                    icmp.kind,
                    icmp.code,
                    from.ip(),
                    from.port(),
                    to.ip(),
                    to.port(),
                    icmp.quoted.seq.0
                );
                facts.insert(number, text);
            }
            _ => {}
        }
    }
    Some((facts, decoder.undecoded().into_iter().map(|u| format!("{} x {}", u.count, u.kind)).collect()))
}

/// tshark's facts. The last occurrence of a field is the innermost one.
fn tshark(path: &Path) -> Facts {
    const FIELDS: [&str; 18] = [
        "frame.number",
        "frame.protocols",
        "ip.src",
        "ip.dst",
        "ipv6.src",
        "ipv6.dst",
        "ip.ttl",
        "ipv6.hlim",
        "tcp.srcport",
        "tcp.dstport",
        "tcp.seq",
        "tcp.ack_raw",
        "tcp.flags",
        "tcp.len",
        "tcp.checksum.status",
        "ip.opt.ptr",
        "icmp.type",
        "icmpv6.type",
    ];
    let mut command = Command::new("tshark");
    command.args([
        "-n",
        "-Y",
        "tcp",
        "-T",
        "fields",
        "-E",
        "occurrence=l",
        "-o",
        "tcp.check_checksum:TRUE",
        "-o",
        "tcp.relative_sequence_numbers:FALSE",
    ]);
    // Type and code come last, as ICMP has both or none.
    for field in FIELDS.iter().chain(&["icmp.code", "icmpv6.code"]) {
        command.args(["-e", field]);
    }
    let output = command.arg("-r").arg(path).output().unwrap();
    let mut facts = Facts::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let cells: Vec<&str> = line.split('\t').collect();
        let [
            number,
            protocols,
            src4,
            dst4,
            src6,
            dst6,
            ttl4,
            ttl6,
            sport,
            dport,
            seq,
            ack,
            flags,
            len,
            sum,
            route,
            icmp @ ..,
        ] = cells.as_slice()
        else {
            panic!("tshark wrote {line}")
        };
        let inside = NOT_DECODED.iter().any(|name| protocols.split(':').any(|protocol| protocol == *name));
        // Behind a source route, too, tshark shows the last destination.
        if inside || !route.is_empty() {
            facts.insert(number.parse().unwrap(), SKIPPED.to_owned());
            continue;
        }
        let v6 = protocols.rfind(":ipv6") > protocols.rfind(":ip:");
        let (src, dst, ttl) = if v6 { (src6, dst6, ttl6) } else { (src4, dst4, ttl4) };
        let text = match icmp {
            [kind, "", code, ""] | ["", kind, "", code] if !kind.is_empty() => {
                format!("icmp {kind} {code} {src}:{sport} {dst}:{dport} seq {seq}")
            }
            _ => {
                let flags = u32::from_str_radix(flags.trim_start_matches("0x"), 16).unwrap() & 0xff;
                let checksum = match *sum {
                    "0" => "bad",
                    "1" => "good",
                    _ => "unknown",
                };
                format!(
                    "tcp {src}:{sport} {dst}:{dport} seq {seq} ack {ack} flags {flags:#04x} len {len} ttl {ttl} {checksum}"
                )
            }
        };
        facts.insert(number.parse().unwrap(), text);
    }
    facts
}
