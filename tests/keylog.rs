//! FTPS with its keys: the same findings from a key log and from the secrets in the file, opaque without them or with
//! the wrong ones, and no key in any output. `FTPWHY_CAPTURES` adds the captures below its `keylog/`.

#![cfg(feature = "tls")]

mod kit;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ftpwhy::decrypt::{Channel, Inside, Keys, Lookup, Master, Opened, Opener, Random, Sealed, Unread, random_in};
use ftpwhy::frame::CaptureId;
use ftpwhy::source::Timeline;
use ftpwhy::wire::tls::{Kind, Records, Step};
use ftpwhy::wire::{Body, Decoder};
use serde_json::Value;

const FORMATS: [&str; 11] =
    ["full", "table", "concise", "json", "ndjson", "sarif", "junit", "github", "gitlab", "markdown", "csv"];

/// A capture with its secrets in it, and a key log of the same.
struct Case {
    with_secrets: PathBuf,
    without: PathBuf,
    keys: PathBuf,
}

fn cases(folder: &Path) -> Vec<Case> {
    let mut captures = kit::files_below(&kit::root().join("fixtures/_keylog"), &[".pcapng"]);
    assert!(captures.len() >= 8, "the fixtures are gone");
    if let Some(more) = std::env::var_os("FTPWHY_CAPTURES") {
        captures.extend(kit::files_below(&Path::new(&more).join("keylog"), &[".dsb.pcapng"]));
    }
    let case = |(number, with_secrets): (usize, PathBuf)| {
        let without = folder.join(format!("{number}.pcapng"));
        fs::write(&without, kit::without_secrets(fs::read(&with_secrets).expect("a capture"))).expect("written");
        let name = with_secrets.to_string_lossy().replace(".dsb.pcapng", ".keys").replace(".pcapng", ".keys");
        Case { with_secrets, without, keys: PathBuf::from(name) }
    };
    // Where the handshake failed there is nothing to log.
    let has_keys = |case: &Case| fs::read_to_string(&case.keys).expect("a key log").contains("CLIENT_");
    captures.into_iter().enumerate().map(case).filter(has_keys).collect()
}

fn ftpwhy(arguments: &[&str]) -> Vec<u8> {
    let program = env!("CARGO_BIN_EXE_ftpwhy");
    Command::new(program).args(arguments).arg("--isolated").output().expect("ftpwhy runs").stdout
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_slice(&ftpwhy(&[&["--json"], arguments].concat())).expect("JSON")
}

fn name(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Diagnosis, severity, confidence, transfer and frames of each finding.
fn findings(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().expect("findings").iter();
    let mut told: Vec<String> = findings
        .map(|finding| {
            let of = |field: &str| finding[field].to_string();
            [of("diagnosis"), of("severity"), of("confidence"), of("transfer"), of("message"), of("evidence")].concat()
        })
        .collect();
    told.sort();
    told
}

fn is_opaque(report: &Value) -> bool {
    let findings = report["findings"].as_array().expect("findings");
    findings.iter().any(|finding| finding["diagnosis"] == "tls-control-opaque")
}

#[test]
fn keys_in_the_file_and_beside_it_tell_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    for case in cases(folder.path()) {
        let capture = name(&case.with_secrets);
        let inside = json(&[capture]);
        let beside = json(&["--keylog", name(&case.keys), name(&case.without)]);
        assert_eq!(findings(&inside), findings(&beside), "{capture}");
        assert!(!is_opaque(&inside), "{capture}");
        let without = json(&[name(&case.without)]);
        assert_eq!(inside["sessions"][0]["tls"]["decrypted"], true, "{capture}");
        assert!(is_opaque(&without), "{capture}");
        let why = without["sessions"][0]["tls"]["why"].as_str().expect("a reason");
        assert!(why.starts_with("no key for client random "), "{capture}: {why}");
        for chosen in ["version", "suite"] {
            let chosen = |report: &Value| report["sessions"][0]["tls"][chosen].clone();
            assert_eq!(chosen(&without), chosen(&inside), "{capture}");
        }
        let opaque = without["findings"].as_array().expect("findings").iter();
        let opaque = opaque.filter(|finding| finding["diagnosis"] == "tls-control-opaque");
        for finding in opaque {
            let message = finding["message"].as_str().expect("text");
            assert!(message.contains("; no key for client random ") && message.contains(" from frame "), "{message}");
        }
    }
}

/// What is said of a capture that comes through a pipe while its key log is written: behind so many bytes of the capture.
fn piped(capture: &[u8], log: &[u8], log_behind: usize, folder: &Path) -> Value {
    let growing = folder.join("growing.keys");
    fs::write(&growing, b"").expect("an empty log");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ftpwhy"));
    command.args(["--json", "--isolated", "--keylog", name(&growing), "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("ftpwhy runs");
    let mut pipe = child.stdin.take().expect("a pipe");
    let (first, rest) = capture.split_at(log_behind);
    pipe.write_all(first).expect("it reads");
    // In two pieces, as a program may write a line.
    let mut file = fs::File::options().append(true).open(&growing).expect("the log");
    for piece in [&log[..log.len() / 3], &log[log.len() / 3..]] {
        file.write_all(piece).expect("written");
    }
    pipe.write_all(rest).expect("it reads");
    drop(pipe);
    serde_json::from_slice(&child.wait_with_output().expect("it ends").stdout).expect("JSON")
}

#[test]
fn keys_that_are_written_meanwhile_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    for case in cases(folder.path()).iter().take(12) {
        let (capture, log) = (fs::read(&case.without).expect("a capture"), fs::read(&case.keys).expect("a key log"));
        let whole = piped(&capture, &log, 0, folder.path());
        assert_eq!(whole["sessions"][0]["tls"]["decrypted"], true, "{}", case.without.display());
        let begins =
            capture.windows(6).position(|bytes| matches!(bytes, [0x16, 3, _, _, _, 1])).expect("a ClientHello");
        for behind in [begins, begins + 600] {
            let later = piped(&capture, &log, behind.min(capture.len()), folder.path());
            assert_eq!(findings(&later), findings(&whole), "{}", case.without.display());
        }
        let never = piped(&capture, b"# nothing\n", begins, folder.path());
        let without = json(&[name(&case.without)]);
        assert!(is_opaque(&never) && never["sessions"][0]["tls"] == without["sessions"][0]["tls"]);
    }
}

/// A pcapng file of Ethernet and IPv4 with one TCP port in place of another.
fn with_port(mut file: Vec<u8>, old: u16, new: u16) -> Vec<u8> {
    const ENHANCED_PACKET: [u8; 4] = 6_u32.to_le_bytes();
    let mut at = 0;
    while let Some(len) = file.get(at + 4..at + 8).map(|len| u32::from_le_bytes(len.try_into().expect("4 bytes"))) {
        let ip = at + 28 + 14;
        if file[at..at + 4] == ENHANCED_PACKET && file.get(ip + 9) == Some(&6) {
            let tcp = ip + usize::from(file[ip] & 15) * 4;
            for port in [tcp, tcp + 2] {
                if file[port..port + 2] == old.to_be_bytes() {
                    file[port..port + 2].copy_from_slice(&new.to_be_bytes());
                }
            }
        }
        at += len as usize;
    }
    file
}

#[test]
fn implicit_tls_is_read_on_990_and_on_ports_that_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let moved = folder.path().join("moved.pcapng");
    let file = fs::read(kit::root().join("fixtures/_keylog/implicit.pcapng")).expect("a capture");
    fs::write(&moved, with_port(file.clone(), 990, 2990)).expect("written");
    let sessions = |arguments: &[&str]| json(arguments)["sessions"].as_array().expect("sessions").clone();
    let read = sessions(&["--port", "2990", name(&moved)]);
    assert_eq!(read[0]["tls"]["decrypted"], true, "{read:?}");
    assert_eq!(read[0]["transfers"][0]["outcome"], "completed", "{read:?}");
    assert_eq!(sessions(&[name(&moved)]).len(), 0, "nothing tells that it is FTP");
    fs::write(&moved, with_port(kit::without_secrets(file), 990, 2990)).expect("written");
    assert!(is_opaque(&json(&["--port", "2990", name(&moved)])));
}

#[test]
fn the_variable_of_programs_that_write_keys_is_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let case = &cases(folder.path())[0];
    let mut command = Command::new(env!("CARGO_BIN_EXE_ftpwhy"));
    command.args(["--json", "--isolated", name(&case.without)]).env("SSLKEYLOGFILE", &case.keys);
    let report: Value = serde_json::from_slice(&command.output().expect("runs").stdout).expect("JSON");
    assert!(is_opaque(&report), "it names a file to write");
}

#[test]
fn a_resumed_control_connection_is_read_by_the_master_of_the_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let fixture = |ending: &str| kit::root().join(format!("fixtures/_keylog/resumed-control.{ending}"));
    let (keys, bare) = (fixture("keys"), path("bare.pcapng"));
    fs::write(&bare, kit::without_secrets(fs::read(fixture("pcapng")).expect("a capture"))).expect("written");
    assert_eq!(fs::read_to_string(&keys).expect("a key log").lines().count(), 1, "the second one has no line");
    let told = |arguments: &[&str]| {
        let report = json(arguments);
        let sessions = report["sessions"].as_array().expect("sessions").iter();
        let read: Vec<bool> = sessions.map(|session| session["tls"]["decrypted"] == true).collect();
        let findings = report["findings"].as_array().expect("findings").iter();
        let names: Vec<String> =
            findings.filter_map(|finding| finding["diagnosis"].as_str().map(str::to_owned)).collect();
        (read, names)
    };
    let both = (vec![true, true], vec!["command-refused".to_owned()]);
    assert_eq!(told(&["--keylog", name(&keys), &bare]), both);
    let (read, names) = told(&[&bare]);
    assert!(read == [false, false] && names.iter().all(|name| name == "tls-control-opaque"), "{names:?}");
    // The master of another session opens neither.
    let other = kit::root().join("fixtures/_keylog/cbc.keys");
    assert_eq!(told(&["--keylog", name(&other), &bare]).0, [false, false]);
    // What is extracted of the second one alone has what it needs, and nothing of the first.
    let second = path("second.pcapng");
    ftpwhy(&["extract", "--session", "2", "--with-secrets", "--keylog", name(&keys), "-w", &second, &bare]);
    assert_eq!(told(&[&second]), (vec![true], vec!["command-refused".to_owned()]));
    let text = String::from_utf8_lossy(&fs::read(&second).expect("a capture")).into_owned();
    let first = fs::read_to_string(&keys).expect("a key log");
    let random = first.split(' ').nth(1).expect("a client random");
    assert!(text.matches("CLIENT_RANDOM ").count() == 1 && !text.contains(random), "only its own");
}

#[test]
fn a_resumed_session_is_opened_by_the_master_of_another() {
    let mut opened = 0;
    for fixture in kit::files_below(&kit::root().join("fixtures/_keylog"), &[".keys"]) {
        let mut keys = Keys::default();
        keys.read(&fs::read(&fixture).expect("a key log"));
        let payloads = payloads(&fixture.with_extension("pcapng"));
        let known = |random: &Random| keys.of(random).cloned();
        let (whole, channel) = read_with(&payloads, Lookup { known: &known, resumable: &[] });
        let Some(master) = channel.master().cloned() else { continue };
        let other = Master::of_log(&format!("CLIENT_RANDOM {} {}", "00".repeat(32), "11".repeat(48))).expect("a line");
        let nothing = |_: &Random| None;
        let masters = [other.clone(), master];
        let (resumed, channel) = read_with(&payloads, Lookup { known: &nothing, resumable: &masters });
        assert_eq!(resumed, whole, "{}", fixture.display());
        assert!(channel.tls().is_some_and(|tls| tls.decrypted));
        let (_, channel) = read_with(&payloads, Lookup { known: &nothing, resumable: &[other] });
        assert!(channel.tls().is_some_and(|tls| matches!(tls.unread, Some(Unread::NoKey(_))) && !tls.decrypted));
        opened += 1;
    }
    assert!(opened > 2, "{opened} of TLS 1.2");
}

/// Both ends' lines, and the channel that read them.
fn read_with(payloads: &[(usize, Vec<u8>)], find: Lookup<'_>) -> ([Vec<u8>; 2], Channel) {
    let (mut channel, mut said) = (Channel::default(), [const { Vec::new() }; 2]);
    for (end, payload) in payloads {
        channel.push(*end, payload, find, &mut |opened| match opened {
            Opened::Clear(part) => said[*end].extend_from_slice(&payload[part]),
            Opened::Text(text) => said[*end].extend_from_slice(text),
            Opened::Lost(_) | Opened::Records(_) | Opened::Header(..) => {}
        });
    }
    (said, channel)
}

/// A written capture, as it is without compression.
fn unpacked(path: &Path) -> Vec<u8> {
    let written = fs::read(path).expect("a written capture");
    if !written.starts_with(&[0x1f, 0x8b]) {
        return written;
    }
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(written.as_slice()).read_to_end(&mut plain).expect("gzip");
    plain
}

#[test]
fn an_extract_with_secrets_has_those_that_its_packets_need() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = folder.path().join("written.pcapng");
    for case in cases(folder.path()) {
        let log = fs::read_to_string(&case.keys).expect("a key log");
        let randoms: HashSet<&str> = log.lines().filter_map(|line| line.split(' ').nth(1)).collect();
        let extracted = |arguments: &[&str]| {
            let _ = fs::remove_file(&target);
            ftpwhy(&[&["extract", "--with-secrets", "-w", name(&target)], arguments].concat());
            let text = String::from_utf8_lossy(&unpacked(&target)).into_owned();
            randoms.iter().filter(|random| text.contains(&random.to_lowercase())).count()
        };
        let capture = name(&case.with_secrets);
        // Alerts of data connections are read with keys, and a thinned capture has them all.
        let given = &["--keylog", name(&case.keys), name(&case.without)][..];
        for arguments in [&[capture][..], given, &["--slim", capture]] {
            assert!(extracted(arguments) > 0, "{capture}");
            let said = [json(&[name(&target)]), json(&[capture])];
            assert_eq!(findings(&said[0]), findings(&said[1]), "{capture}");
        }
    }
}

#[test]
fn wrong_keys_open_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let swapped = folder.path().join("swapped.keys");
    for case in cases(folder.path()) {
        let log = fs::read_to_string(&case.keys).expect("a key log");
        // The last digits of each secret are others.
        let turned = |line: &str| match line.rsplit_once(' ') {
            Some((head, secret)) => format!("{head} {}\n", secret.chars().rev().collect::<String>()),
            None => format!("{line}\n"),
        };
        fs::write(&swapped, log.lines().map(turned).collect::<String>()).expect("written");
        let report = json(&["--keylog", name(&swapped), name(&case.without)]);
        let without = json(&[name(&case.without)]);
        let but_opaque = |report: &Value| {
            let told: Vec<String> = findings(report);
            told.into_iter().filter(|finding| !finding.contains("tls-control-opaque")).collect::<Vec<_>>()
        };
        assert_eq!(but_opaque(&report), but_opaque(&without), "{}", case.without.display());
        assert!(is_opaque(&report), "{}", case.with_secrets.display());
        assert_eq!(report["sessions"][0]["tls"]["why"], "the key for its client random does not decrypt it");
    }
}

#[test]
fn no_output_has_a_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = folder.path().join("written.pcapng");
    for case in cases(folder.path()) {
        let log = fs::read_to_string(&case.keys).expect("a key log");
        let secrets: Vec<&str> = log.lines().filter_map(|line| line.split(' ').nth(2)).collect();
        assert!(!secrets.is_empty());
        let lower = |bytes: &[u8]| String::from_utf8_lossy(bytes).to_lowercase();
        let mut outputs: Vec<(String, String)> = FORMATS
            .iter()
            .map(|format| ((*format).to_owned(), lower(&ftpwhy(&["--format", format, name(&case.with_secrets)]))))
            .collect();
        for lists in ["sessions", "hosts"] {
            outputs.push((lists.to_owned(), lower(&ftpwhy(&[lists, "--json", name(&case.with_secrets)]))));
        }
        for drawing in ["--svg", "--html"] {
            let _ = fs::remove_file(&target);
            ftpwhy(&["show", drawing, name(&target), name(&case.with_secrets)]);
            outputs.push((drawing.to_owned(), lower(&fs::read(&target).expect("a drawing"))));
        }
        outputs.push(("show".to_owned(), lower(&ftpwhy(&["show", name(&case.with_secrets)]))));
        outputs.push(("ladder".to_owned(), lower(&ftpwhy(&["show", "--ladder", name(&case.with_secrets)]))));
        for arguments in [
            &["extract", "-w"][..],
            &["extract", "--annotate", "-w"],
            &["extract", "--slim", "-w"],
            &["extract", "--anonymize", "-w"],
        ] {
            let _ = fs::remove_file(&target);
            ftpwhy(&[arguments, &[name(&target), name(&case.with_secrets)]].concat());
            outputs.push((arguments.join(" "), lower(&unpacked(&target))));
        }
        for (output, text) in outputs {
            let found = secrets.iter().find(|secret| text.contains(&secret.to_lowercase()));
            assert!(found.is_none(), "{}: a key is in {output}", case.with_secrets.display());
            assert!(!text.contains("labpw"), "{}: a password is in {output}", case.with_secrets.display());
        }
    }
}

/// The payloads of the first control connection in order, each with its end: 0 for the client.
fn payloads(capture: &Path) -> Vec<(usize, Vec<u8>)> {
    let (mut timeline, _) = Timeline::open(&[capture.to_path_buf()], CaptureId(0), None);
    let mut decoder = Decoder::new();
    let (mut payloads, mut seen, mut client) = (Vec::new(), HashSet::new(), None);
    while let Some(frame) = timeline.next() {
        if let Body::Tcp(_, tcp) = decoder.decode(&frame).body
            && (tcp.source_port == 21 || tcp.destination_port == 21)
            && !tcp.payload.is_empty()
            && *client.get_or_insert(tcp.source_port.max(tcp.destination_port))
                == tcp.source_port.max(tcp.destination_port)
            && seen.insert((tcp.source_port, tcp.seq))
        {
            payloads.push((usize::from(tcp.source_port == 21), tcp.payload.to_vec()));
        }
    }
    payloads
}

/// What a channel makes of payloads: the lines of both ends, and how many records were passed over.
fn lines(payloads: &[(usize, Vec<u8>)], keys: &Keys) -> ([String; 2], usize) {
    let known = |random: &Random| keys.of(random).cloned();
    let find = Lookup { known: &known, resumable: &[] };
    let (mut channel, mut said, mut lost) = (Channel::default(), [const { Vec::new() }; 2], 0);
    for (end, payload) in payloads {
        channel.push(*end, payload, find, &mut |opened| match opened {
            Opened::Clear(part) => said[*end].extend_from_slice(&payload[part]),
            Opened::Text(text) => said[*end].extend_from_slice(text),
            Opened::Lost(_) => lost += 1,
            Opened::Records(_) | Opened::Header(..) => {}
        });
    }
    (said.map(|said| String::from_utf8_lossy(&said).into_owned()), lost)
}

#[test]
fn a_spoilt_record_costs_its_lines_and_not_the_rest() {
    for name in ["cbc", "cbc-etm", "chacha", "active"] {
        let fixture = |ending: &str| kit::root().join(format!("fixtures/_keylog/{name}.{ending}"));
        let mut keys = Keys::default();
        keys.read(&fs::read(fixture("keys")).expect("a key log"));
        let payloads = payloads(&fixture("pcapng"));
        let (whole, lost) = lines(&payloads, &keys);
        assert!(whole[1].contains("226 ") && lost == 0, "{name}: {}", whole[1]);
        // The answer to PASS.
        let place = (0..payloads.len()).find(|place| lines(&payloads[..=*place], &keys).0[1].contains("\r\n230 "));
        let place = place.expect("230");
        // Records of other things may be in the same packet.
        let spoilt_at = |at: usize| {
            let mut spoilt = payloads.clone();
            spoilt[place].1[at] ^= 1;
            lines(&spoilt, &keys)
        };
        let missing = |(said, _): &([String; 2], usize)| !said[1].contains("\r\n230 ");
        let (spoilt, lost) = (0..payloads[place].1.len()).map(spoilt_at).find(missing).expect("its record");
        assert!(spoilt[1].contains("226 "), "{name}: {}", spoilt[1]);
        assert_eq!((&spoilt[0], lost), (&whole[0], 1), "{name}");
    }
}

/// The bytes of each direction of the data connections, by its sockets.
fn data(capture: &Path) -> BTreeMap<(SocketAddr, SocketAddr), Vec<u8>> {
    let (mut timeline, _) = Timeline::open(&[capture.to_path_buf()], CaptureId(0), None);
    let mut decoder = Decoder::new();
    let mut segments: BTreeMap<_, BTreeMap<u32, Vec<u8>>> = BTreeMap::new();
    let mut begins: BTreeMap<_, u32> = BTreeMap::new();
    while let Some(frame) = timeline.next() {
        if let Body::Tcp(ip, tcp) = decoder.decode(&frame).body
            && ![21, 990].contains(&tcp.source_port)
            && ![21, 990].contains(&tcp.destination_port)
        {
            let ends =
                (SocketAddr::new(ip.source, tcp.source_port), SocketAddr::new(ip.destination, tcp.destination_port));
            let begin = *begins.entry(ends).or_insert(tcp.seq.0);
            if !tcp.payload.is_empty() {
                segments.entry(ends).or_default().insert(tcp.seq.0.wrapping_sub(begin), tcp.payload.to_vec());
            }
        }
    }
    segments.into_iter().map(|(ends, parts)| (ends, parts.into_values().collect::<Vec<_>>().concat())).collect()
}

/// The records of a direction that may be alerts.
fn sealed(bytes: &[u8]) -> Vec<Sealed> {
    let (mut found, mut hidden, mut behind_change, mut open) = (Vec::new(), 0, None, false);
    Records::First.walk_over(bytes, &mut |step| match step {
        Step::Record(record) => {
            open = record.may_be_an_alert();
            if open {
                found.push(Sealed { kind: record.hiding_type(), hidden, behind_change, body: Vec::new() });
            }
            hidden += u64::from(record.kind == Kind::Application);
            let change = record.kind == Kind::ChangeCipherSpec;
            behind_change = if change { Some(0) } else { behind_change.map(|records| records + 1) };
        }
        Step::Body(bytes) if open => found.last_mut().expect("begun").body.extend_from_slice(bytes),
        Step::Body(_) => {}
    });
    found
}

#[test]
fn alerts_of_data_connections_are_read() {
    let (mut alerts, mut wrong) = (0, 0);
    for fixture in kit::files_below(&kit::root().join("fixtures/_keylog"), &[".keys"]) {
        let mut keys = Keys::default();
        keys.read(&fs::read(&fixture).expect("a key log"));
        let capture = fixture.with_extension("pcapng");
        let known = |random: &Random| keys.of(random).cloned();
        let find = Lookup { known: &known, resumable: &[] };
        let (_, control) = read_with(&payloads(&capture), find);
        let masters: Vec<Master> = control.master().cloned().into_iter().collect();
        let data = data(&capture);
        for ((from, to), bytes) in &data {
            let Some(peer) = data.get(&(*to, *from)) else { continue };
            let by_client = random_in(bytes).is_some();
            let (client, server) = if by_client { (bytes, peer) } else { (peer, bytes) };
            let Some(opener) = Opener::of(client, server, Lookup { known: &known, resumable: &masters }) else {
                continue;
            };
            for sealed in sealed(bytes) {
                let inside = opener.open(by_client, &sealed);
                assert!(inside.is_some(), "{}: {from} > {to}", fixture.display());
                alerts += usize::from(matches!(inside, Some(Inside::Alert([1, 0]))));
                // With the other side's keys, or another number, nothing opens.
                wrong += usize::from(opener.open(!by_client, &sealed).is_some());
            }
        }
    }
    assert!(alerts > 8 && wrong == 0, "{alerts} times close_notify, {wrong} opened by wrong keys");
}

/// Simple numbers in a fixed order.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % sides.max(1)
    }

    fn spoil(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.roll(6) {
            let at = self.roll(bytes.len());
            match self.roll(4) {
                0 => bytes.truncate(at),
                1 => drop(bytes.drain(at..(at + self.roll(40)).min(bytes.len()))),
                2 => bytes.splice(at..at, std::iter::repeat_n(b'a', self.roll(99))).for_each(drop),
                _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (at % 8)),
            }
        }
    }
}

/// Spoilt logs and spoilt bytes, in pieces of any length and with gaps: everything ends, and memory stays small.
/// `FTPWHY_SPOILT` sets how many.
#[test]
fn spoilt_keys_and_records_do_no_harm() {
    let times = std::env::var("FTPWHY_SPOILT").ok().and_then(|times| times.parse().ok()).unwrap_or(2_000);
    let log = fs::read(kit::root().join("fixtures/_keylog/chacha.keys")).expect("a key log");
    let capture = fs::read(kit::root().join("fixtures/_keylog/chacha.pcapng")).expect("a capture");
    let begins = capture.windows(6).position(|bytes| matches!(bytes, [0x16, 3, 1, _, _, 1])).expect("a ClientHello");
    let mut dice = Dice(7);
    for _ in 0..times {
        let (mut log, mut bytes) = (log.clone(), capture[begins..].to_vec());
        if dice.roll(2) == 0 {
            dice.spoil(&mut log);
        }
        dice.spoil(&mut bytes);
        let mut keys = Keys::default();
        keys.read(&log);
        let known = |random: &Random| keys.of(random).cloned();
        let find = Lookup { known: &known, resumable: &[] };
        let mut channel = Channel::default();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at((1 + dice.roll(600)).min(rest.len()));
            let end = usize::from(dice.roll(9) == 0);
            let mut told = 0;
            channel.push(end, piece, find, &mut |opened| {
                if let Opened::Clear(part) | Opened::Records(part) = opened {
                    assert_eq!(part.start, told, "each byte is told once");
                    told = part.end;
                }
            });
            assert_eq!(told, piece.len());
            if dice.roll(20) == 0 {
                channel.gap(end, dice.roll(3_000) as u64);
            }
            assert!(channel.held() < 1 << 19, "{} bytes are held", channel.held());
            rest = behind;
        }
    }
}
