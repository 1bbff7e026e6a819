//! The anonymised capture gives the same findings, and nothing of the original is in it: over all fixtures and, where
//! `FTPWHY_CAPTURES` names a directory, over the captures below it.

mod kit;

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use aho_corasick::{AhoCorasick, Match};
use ftpwhy::frame::CaptureId;
use ftpwhy::source::Timeline;
use ftpwhy::wire::{Body, Decoder};
use serde_json::Value;

const KEY: &str = "000102030405060708090a0b0c0d0e0f";
const CAPTURES: [&str; 8] = [".script", ".pcap", ".pcapng", ".cap", ".pcap.gz", ".pcap.zst", ".pcap.lz4", ".dmp"];
/// Commands whose argument names something.
const NAMING: [&[u8]; 9] = [b"USER", b"PASS", b"RETR", b"STOR", b"APPE", b"SIZE", b"CWD", b"MKD", b"DELE"];
/// Too short to be told from chance.
const SHORTEST_NAME: usize = 4;
/// From this length on, in bytes, a written capture holds any few octets by chance.
const CHANCE: usize = 1 << 20;
/// A damaged file is whole when it is written anew.
const OF_THE_FILE: [&str; 1] = ["capture-truncated"];

/// `FTPWHY_PROGRAM` names another build of the same source: this starts thousands of them.
fn ftpwhy(arguments: &[&str], file: &Path) -> Output {
    let program = std::env::var_os("FTPWHY_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_ftpwhy").into());
    Command::new(program).args(arguments).arg(file).output().expect("ftpwhy runs")
}

fn json(arguments: &[&str], file: &Path) -> Option<Value> {
    let output = ftpwhy(arguments, file);
    serde_json::from_slice(&output.stdout).ok()
}

/// Every capture to look at once, and its copy in `folder`, scripts rendered.
fn captures(folder: &Path) -> Vec<(PathBuf, PathBuf)> {
    let mut sources = kit::files_below(&kit::root().join("fixtures"), &CAPTURES);
    assert!(sources.len() > 100, "the fixtures are gone");
    if let Some(more) = std::env::var_os("FTPWHY_CAPTURES") {
        sources.extend(kit::files_below(Path::new(&more), &CAPTURES));
    }
    let mut known = HashSet::new();
    let rendered = |(index, source): (usize, PathBuf)| {
        if source.extension().is_none_or(|extension| extension != "script") {
            // Reports name the file, and the names of some tell addresses.
            let path = folder.join(format!("{index}"));
            // What was decrypted is not anonymised, so nothing is.
            let copy = kit::without_secrets(std::fs::read(&source).expect("a capture"));
            std::fs::write(&path, &copy).expect("a copy");
            return known.insert(copy).then_some((source, path));
        }
        let rendered = kit::render(&source).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
        let path = folder.join(format!("{index}.{}", rendered.extension));
        std::fs::write(&path, rendered.file).expect("a rendered capture");
        Some((source, path))
    };
    sources.into_iter().enumerate().filter_map(rendered).collect()
}

/// What must not change: the findings with role, severity and confidence per transfer, and how transfers ended.
fn judged(document: &Value, but: &[&str]) -> Vec<String> {
    let findings = document["findings"].as_array().into_iter().flatten();
    let kept = findings.filter(|finding| !but.iter().any(|name| finding["diagnosis"] == *name));
    let mut lines: Vec<String> = kept
        .map(|finding| {
            let fields = ["diagnosis", "role", "severity", "confidence", "session", "transfer"];
            fields.map(|field| finding[field].to_string()).join(" ")
        })
        .collect();
    lines.sort();
    for session in document["sessions"].as_array().into_iter().flatten() {
        for transfer in session["transfers"].as_array().into_iter().flatten() {
            let attempts = transfer["attempts"].as_array().into_iter().flatten();
            let outcomes: Vec<String> = attempts.map(|attempt| attempt["outcome"].to_string()).collect();
            let verb = transfer["command"].as_str().unwrap_or_default().split(' ').next().unwrap_or_default();
            lines.push(format!(
                "{} {} {verb} {} {} {} {} {}",
                session["id"],
                transfer["id"],
                transfer["mode"],
                transfer["outcome"],
                transfer["verdict"],
                transfer["reply"]["code"],
                outcomes.join(","),
            ));
        }
    }
    lines
}

/// What of an original must not be found again: byte strings.
fn secrets(original: &[u8], analysis: &Value, hosts: &Value) -> BTreeSet<Vec<u8>> {
    let mut secrets = names(original);
    let sessions = || analysis["sessions"].as_array().into_iter().flatten();
    let sockets = sessions().flat_map(|session| {
        let offers = session["offers"].as_array().into_iter().flatten().map(|offer| &offer["endpoint"]);
        [&session["client"], &session["server"]].into_iter().chain(offers).cloned().collect::<Vec<_>>()
    });
    let sockets = sockets.filter_map(|socket| Some(socket.as_str()?.parse::<std::net::SocketAddr>().ok()?.ip()));
    let inventory = || hosts["hosts"].as_array().into_iter().flatten();
    let of_hosts = inventory().filter_map(|host| host["address"].as_str()?.parse::<IpAddr>().ok());
    for address in sockets.chain(of_hosts).filter(|address| names_a_host(*address)) {
        secrets.insert(address.to_string().into_bytes());
        match address {
            IpAddr::V4(v4) => {
                // Zeros are everywhere.
                if v4.octets().into_iter().filter(|octet| *octet == 0).count() < 2 {
                    secrets.insert(v4.octets().to_vec());
                }
                secrets.insert(v4.octets().map(|octet| octet.to_string()).join(",").into_bytes());
            }
            IpAddr::V6(v6) => drop(secrets.insert(v6.octets().to_vec())),
        }
    }
    for mac in inventory().filter_map(|host| host["mac"].as_str()) {
        let octets: Vec<u8> = mac.split(':').filter_map(|octet| u8::from_str_radix(octet, 16).ok()).collect();
        // Virtual ones are kept.
        if octets.len() == 6 && !matches!(octets[..], [0, 0, 0x5e | 0x0c, ..] | [0, 5, 0x73, ..] | [0, 7, 0xb4, ..]) {
            secrets.insert(mac.as_bytes().to_vec());
            secrets.insert(octets);
        }
    }
    secrets
}

fn names_a_host(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.octets()[0] != 0 && !v4.is_loopback() && !v4.is_broadcast() && !v4.is_multicast(),
        IpAddr::V6(v6) => {
            !v6.is_unspecified() && !v6.is_loopback() && !v6.is_multicast() && v6.to_ipv4_mapped().is_none()
        }
    }
}

/// The arguments of commands that stand as they are in the file, and the whole password lines.
fn names(original: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut names = BTreeSet::new();
    let search = AhoCorasick::new(NAMING).expect("few");
    for verb in search.find_overlapping_iter(original) {
        let at = verb.start();
        let Some(rest) = original[verb.end()..].strip_prefix(b" ") else { continue };
        let begins = at == 0 || !original[at - 1].is_ascii_graphic() && original[at - 1] != b' ';
        let len = rest.iter().take_while(|byte| byte.is_ascii_graphic()).count();
        let name = &rest[..len];
        // The second is what servers ask for.
        let is_nobodys = [&b"anonymous"[..], b"password"].iter().any(|word| name.eq_ignore_ascii_case(word));
        if begins && len >= SHORTEST_NAME && rest[len..].starts_with(b"\r\n") && !is_nobodys {
            names.insert(name.to_vec());
        }
    }
    names
}

/// Which of the secrets are in some bytes; one that begins or ends in a digit is not part of a longer number.
fn held<'a>(bytes: &[u8], secrets: &'a [Vec<u8>]) -> HashSet<&'a [u8]> {
    let search = AhoCorasick::new(secrets).expect("not too many");
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let is_whole = |found: &Match| {
        let secret = &secrets[found.pattern()];
        let before = digit(found.start().checked_sub(1).and_then(|at| bytes.get(at))) && digit(secret.first());
        let behind = digit(bytes.get(found.end())) && digit(secret.last());
        !secret.iter().all(u8::is_ascii_graphic) || !(before || behind)
    };
    let found = search.find_overlapping_iter(bytes).filter(is_whole);
    found.map(|found| secrets[found.pattern()].as_slice()).collect()
}

fn shown(secret: &[u8]) -> String {
    if secret.iter().all(u8::is_ascii_graphic) {
        String::from_utf8_lossy(secret).into()
    } else {
        format!("{secret:02x?}")
    }
}

/// The octets of the addresses in the headers of a file.
fn addresses(file: &Path) -> BTreeSet<Vec<u8>> {
    let (mut timeline, _) = Timeline::open(&[file.to_path_buf()], CaptureId(0), None);
    let mut decoder = Decoder::new();
    let mut addresses = BTreeSet::new();
    while let Some(frame) = timeline.next() {
        let packet = decoder.decode(&frame);
        let link = [packet.link.source, packet.link.destination].into_iter().flatten();
        addresses.extend(link.map(|mac| mac.0.to_vec()));
        let hosts = match packet.body {
            Body::Tcp(ip, _) | Body::Icmp(ip, _) | Body::Nd(ip, _) | Body::OtherIp(ip) | Body::Fragment(ip) => {
                [ip.source, ip.destination]
            }
            Body::Arp(arp) => [arp.sender_ip.into(), arp.target_ip.into()],
            Body::Nothing => continue,
        };
        addresses.extend(hosts.map(|address| match address {
            IpAddr::V4(v4) => v4.octets().to_vec(),
            IpAddr::V6(v6) => v6.octets().to_vec(),
        }));
    }
    addresses
}

/// Of every segment: where in the file, whether its checksum verifies, flags, TTL and identification.
fn segments(file: &Path) -> Vec<String> {
    let (mut timeline, _) = Timeline::open(&[file.to_path_buf()], CaptureId(0), None);
    let mut decoder = Decoder::new();
    let mut segments = Vec::new();
    while let Some(frame) = timeline.next() {
        if let Body::Tcp(ip, tcp) = decoder.decode(&frame).body {
            let (checksum, at) = (tcp.checksum(&ip), frame.at.time.0);
            segments.push(format!("{at} {checksum:?} {:?} {} {:?}", tcp.flags, ip.ttl, ip.identification));
        }
    }
    segments
}

/// There are many captures: each half is looked at beside the other.
const PARTS: usize = 2;

#[test]
fn anonymised_captures_give_the_same_findings_and_tell_of_nobody() {
    anonymised(0);
}

#[test]
fn the_other_half_of_the_captures_does_so_too() {
    anonymised(1);
}

fn anonymised(part: usize) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let anonymize = ["--json", "--anonymize", "--anonymize-key", KEY];
    let mut failures = Vec::new();
    let (mut looked_at, mut looked_for) = (0, 0);
    for (source, file) in captures(folder.path()).into_iter().skip(part).step_by(PARTS) {
        let Some(original) = json(&["--json"], &file) else { continue };
        looked_at += 1;
        let name = source.display();
        let target = folder.path().join("anonymised.pcapng");
        let target_name = target.to_str().expect("UTF-8");
        let seen = ftpwhy(&anonymize, &file);
        match serde_json::from_slice::<Value>(&seen.stdout) {
            Ok(seen) if judged(&seen, &[]) == judged(&original, &[]) => {}
            Ok(seen) => failures.push(format!("{name}: shown as {:#?}", judged(&seen, &[]))),
            Err(error) => failures.push(format!("{name}: {error}")),
        }
        let extract = ["extract", "--anonymize", "--anonymize-key", KEY, "--annotate", "-w", target_name];
        let written = ftpwhy(&extract, &file);
        if let Some(again) = json(&["--json"], &target).filter(|_| target.exists()) {
            if judged(&again, &OF_THE_FILE) != judged(&original, &OF_THE_FILE) {
                failures.push(format!("{name}: written as {:#?}", judged(&again, &OF_THE_FILE)));
            }
        } else {
            failures.push(format!("{name}: {}", String::from_utf8_lossy(&written.stderr)));
        }
        if segments(&file) != segments(&target) {
            failures.push(format!("{name}: checksums, flags, TTLs or identifications changed"));
        }
        let hosts = json(&["hosts", "--format", "json"], &file).unwrap_or_default();
        let raw = std::fs::read(&file).expect("the capture");
        let output = std::fs::read(&target).unwrap_or_default();
        let addresses = addresses(&target);
        let secrets: Vec<Vec<u8>> = secrets(&raw, &original, &hosts).into_iter().collect();
        looked_for += secrets.len();
        let (in_output, in_report) = (held(&output, &secrets), held(&seen.stdout, &secrets));
        for secret in &secrets {
            // Any few octets are somewhere in a large file: there they are looked for where addresses stand.
            let by_chance = output.len() > CHANCE && !secret.iter().all(u8::is_ascii_graphic);
            if addresses.contains(secret) || !by_chance && in_output.contains(secret.as_slice()) {
                failures.push(format!("{name}: {} is in the written capture", shown(secret)));
            }
            // Raw octets are no text.
            if secret.len() > SHORTEST_NAME && in_report.contains(secret.as_slice()) {
                failures.push(format!("{name}: {} is in the report", shown(secret)));
            }
        }
    }
    println!("{looked_at} captures, {looked_for} names and addresses looked for");
    assert!(looked_for > 10 * looked_at, "nothing was looked for");
    assert!(failures.is_empty(), "{} of {looked_at} captures:\n{}", failures.len(), failures.join("\n"));
}
