//! `--format sarif`: SARIF 2.1.0 (OASIS), for code scanning.
//!
//! SARIF knows files and lines: a capture is the file, and a frame's number stands where a line's is wanted.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::collect::Run;
use super::escape::SafeJson;
use super::evidence::in_order;
use super::identity::identities;
use super::reference::first_of;
use super::shape::Each;
use super::words::{Confidence, Party, Role, Where};
use super::{Style, unread};
use crate::diagnosis::ALL;
use crate::finding::{self, CauseId, Evidence, Finding};
use crate::fingerprint;
use crate::frame::Stamp;
use crate::record::{Signal, Unreadable};
use crate::source::Capture;
use crate::text::printable_str;

/// The name of our fingerprints; another way to compute them gets another name.
const FINGERPRINT: &str = "ftpwhy/v1";

/// Results that GitHub keeps of a run; it refuses a run of five times as many.
const MOST: usize = 5_000;

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [SarifRun<'a>; 1],
}

#[derive(Serialize)]
struct SarifRun<'a> {
    tool: Tool,
    /// Empty where all went well.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    invocations: Vec<Invocation>,
    artifacts: Vec<Artifact>,
    /// Made one by one as they are written; with the identities of the findings.
    results: Each<'a, (&'a Finding, String), SarifResult>,
}

/// SARIF 3.20: what went wrong while this was found out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    #[serde(flatten)]
    exit: Option<Exit>,
    tool_execution_notifications: Vec<Notification>,
}

/// The end of an incomplete run.
#[derive(Serialize)]
struct Exit {
    #[serde(rename = "exitCode")]
    code: u8,
    #[serde(rename = "exitSignalName")]
    signal_name: &'static str,
    #[serde(rename = "exitSignalNumber")]
    signal_number: u8,
}

#[derive(Serialize)]
struct Notification {
    #[serde(skip_serializing_if = "Option::is_none")]
    descriptor: Option<Descriptor>,
    level: &'static str,
    message: Message,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<InputLocation>,
}

#[derive(Serialize)]
struct Descriptor {
    id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InputLocation {
    physical_location: InputFile,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InputFile {
    artifact_location: ArtifactLocation,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
struct Driver {
    name: &'static str,
    version: &'static str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: &'static str,
    short_description: Message,
    full_description: Message,
    help: Message,
    /// Where to read on.
    #[serde(skip_serializing_if = "Option::is_none")]
    help_uri: Option<String>,
    default_configuration: Configuration,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Message {
    text: String,
}

#[derive(Serialize)]
struct Artifact {
    location: ArtifactLocation,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult {
    rule_id: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    level: &'static str,
    message: Message,
    /// The same for all results of a cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_guid: Option<String>,
    locations: [Location; 1],
    related_locations: Vec<Location>,
    partial_fingerprints: BTreeMap<&'static str, String>,
    rank: f32,
    properties: Properties,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names are SARIF's")]
struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    physical_location: PhysicalLocation,
    /// The capture point, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    logical_locations: Option<[LogicalLocation; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message>,
}

#[derive(Serialize)]
struct LogicalLocation {
    name: String,
    kind: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: IndexedLocation,
    region: Region,
}

#[derive(Serialize)]
struct IndexedLocation {
    uri: String,
    index: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u64,
}

#[derive(Serialize)]
struct Properties {
    role: Role,
    confidence: Confidence,
    r#where: Option<Where>,
    session: Option<u32>,
    transfer: Option<u32>,
    cause: Option<u32>,
    hosts: Vec<String>,
}

pub(super) fn write(run: &Run, _: &Style, out: &mut dyn Write) -> io::Result<()> {
    // Rules in the order of the catalogue, those found alone.
    let found: BTreeSet<&str> = run.findings.iter().map(|finding| finding.diagnosis.as_str()).collect();
    let rules: Vec<Rule> = ALL
        .iter()
        .filter(|diagnosis| found.contains(diagnosis.name.as_str()))
        .map(|diagnosis| rule(diagnosis))
        .collect();
    let kept = kept(&run.findings);
    let guids: HashMap<CauseId, String> =
        run.causes.iter().map(|cause| (cause.id, guid(fingerprint::of_cause(cause.diagnosis, &cause.locus)))).collect();
    let named = run.findings.iter().zip(identities(run)).zip(&kept).filter(|(_, kept)| **kept);
    let named: Vec<(&Finding, String)> = named.map(|(named, _)| named).collect();
    let places: Vec<&str> = rules.iter().map(|rule| rule.id).collect();
    let artifacts =
        run.captures.iter().map(|capture| Artifact { location: ArtifactLocation { uri: uri(&capture.path) } });
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [SarifRun {
            invocations: invocation(run, left_out(&kept)).into_iter().collect(),
            artifacts: artifacts.collect(),
            results: Each { of: &named, shape: &|(finding, identity)| result(run, finding, identity, &places, &guids) },
            tool: Tool { driver: Driver { name: "ftpwhy", version: env!("CARGO_PKG_VERSION"), rules } },
        }],
    };
    let mut out = SafeJson::to(out);
    serde_json::to_writer_pretty(&mut out, &log)?;
    writeln!(out)?;
    out.flush()
}

/// Which findings are results: of too many those that matter most, and of these the first of each cause before the others.
fn kept(findings: &[Finding]) -> Vec<bool> {
    if findings.len() <= MOST {
        return vec![true; findings.len()];
    }
    let mut seen: HashMap<Option<CauseId>, usize> = HashMap::new();
    let mut ranked: Vec<(usize, &Finding, usize)> = Vec::with_capacity(findings.len());
    for (place, finding) in findings.iter().enumerate() {
        let before = seen.entry(finding.cause).or_default();
        ranked.push((place, finding, *before));
        *before += 1;
    }
    ranked.sort_by_key(|(place, finding, before)| {
        (finding.role == finding::Role::Related, Reverse(finding.severity), *before, *place)
    });
    let mut kept = vec![false; findings.len()];
    for (place, ..) in ranked.into_iter().take(MOST) {
        if let Some(kept) = kept.get_mut(place) {
            *kept = true;
        }
    }
    kept
}

/// That there are more findings than results, if there are.
fn left_out(kept: &[bool]) -> Option<Notification> {
    let count = kept.iter().filter(|kept| !**kept).count();
    let text = format!(
        "{count} of {} findings are left out: GitHub keeps {MOST} results of a run; --format json has all",
        kept.len()
    );
    (count > 0).then(|| Notification {
        descriptor: None,
        level: "note",
        message: Message::new(&text),
        locations: Vec::new(),
    })
}

/// A fingerprint in the form of a GUID (RFC 9562, by name): some bits say its kind.
fn guid(fingerprint: fingerprint::Fingerprint) -> String {
    let bits = fingerprint.bits();
    let named = (bits & !(0xf << 76) & !(0x3 << 62)) | (0x5 << 76) | (0x2 << 62);
    let text = format!("{named:032x}");
    let part = |from, until| text.get(from..until).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

/// What ended the run before its time, what could not be read, and what was `left_out`; `None` where all is there.
fn invocation(run: &Run, left_out: Option<Notification>) -> Option<Invocation> {
    let of_input = |input: &Unreadable| Notification {
        descriptor: Some(Descriptor { id: unread::NAME }),
        level: if input.allowed { "note" } else { "error" },
        message: Message::new(&input.sentence()),
        locations: vec![InputLocation {
            physical_location: InputFile { artifact_location: ArtifactLocation { uri: uri(&input.path) } },
        }],
    };
    let of_interruption = |why: String| Notification {
        descriptor: None,
        level: "error",
        message: Message::new(&why),
        locations: Vec::new(),
    };
    let unreadable = run.summary.unreadable.iter().map(of_input);
    let interrupted = run.interrupted().map(of_interruption);
    let notifications: Vec<_> = interrupted.into_iter().chain(unreadable).chain(left_out).collect();
    let signal = run.summary.interrupted.map(|interruption| interruption.signal);
    (!notifications.is_empty()).then(|| Invocation {
        execution_successful: signal.is_none() && run.summary.is_all_read(),
        exit: signal.map(exit),
        tool_execution_notifications: notifications,
    })
}

fn exit(by: Signal) -> Exit {
    Exit { code: by.status(), signal_name: by.name(), signal_number: by.number() }
}

fn rule(diagnosis: &crate::diagnosis::Diagnosis) -> Rule {
    // Each line of a doc comment begins with a space.
    let lines: Vec<&str> = diagnosis.explanation.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    let explanation = lines.join("\n").trim_end().to_owned();
    let help = match diagnosis.references {
        [] => explanation.clone(),
        references => format!("{explanation}\n\nReferences: {}", references.join(", ")),
    };
    Rule {
        id: diagnosis.name.as_str(),
        short_description: Message::new(diagnosis.summary),
        full_description: Message::new(&explanation),
        help: Message::new(&help),
        help_uri: first_of(diagnosis),
        default_configuration: Configuration { level: level(diagnosis.severity) },
    }
}

fn result(
    run: &Run,
    finding: &Finding,
    identity: &str,
    rules: &[&str],
    guids: &HashMap<CauseId, String>,
) -> SarifResult {
    let mut related = Vec::new();
    for evidence in in_order(finding) {
        match evidence {
            Evidence::Seen { frames, note, .. } => {
                related.extend(frames.iter().map(|stamp| (*stamp, note.clone())));
            }
            Evidence::Missing { after, until, note } => {
                related.push((*after, format!("missing from here on: {note}")));
                related.push((*until, format!("missing up to here: {note}")));
            }
        }
    }
    let located = related.into_iter().enumerate();
    let related_locations = located
        .map(|(id, (stamp, note))| {
            let point = run.summary.point_of(stamp).map(|point| format!(" at {}", point.name));
            let note = format!("frame {}{}: {note}", stamp.number, point.unwrap_or_default());
            Location { id: Some(id), message: Some(Message::new(&note)), ..location(run, stamp) }
        })
        .collect();
    let mut message = finding.message.clone();
    for remedy in &finding.remedies {
        message = format!("{message}\n{}: {}", Party::from(remedy.side), remedy.text);
    }
    SarifResult {
        rule_id: finding.diagnosis.as_str(),
        rule_index: rules.iter().position(|rule| *rule == finding.diagnosis.as_str()),
        // What is beside a verdict is no alert of its own.
        level: if finding.role == finding::Role::Related { "note" } else { level(finding.severity) },
        message: Message::new(&message),
        correlation_guid: finding.cause.and_then(|cause| guids.get(&cause).cloned()),
        locations: [location(run, finding.primary.first())],
        related_locations,
        partial_fingerprints: BTreeMap::from([(FINGERPRINT, identity.to_owned())]),
        rank: match finding.confidence {
            finding::Confidence::Proven => 100.0,
            finding::Confidence::Probable => 66.0,
            finding::Confidence::Possible => 33.0,
        },
        properties: Properties {
            role: finding.role.into(),
            confidence: finding.confidence.into(),
            r#where: finding.place.map(Into::into),
            session: finding.session.map(|id| id.0),
            transfer: finding.transfer.map(|id| id.0),
            cause: finding.cause.map(|id| id.0),
            hosts: finding.hosts.iter().map(ToString::to_string).collect(),
        },
    }
}

fn location(run: &Run, at: Stamp) -> Location {
    let place = run.captures.iter().position(|capture| capture.id == at.capture);
    let capture: Option<&Capture> = place.and_then(|place| run.captures.get(place));
    let artifact_location = IndexedLocation {
        uri: capture.map_or_else(String::new, |capture| uri(&capture.path)),
        index: place.unwrap_or(0),
    };
    let region = Region { start_line: at.number.0 };
    let point = run.summary.point_of(at);
    Location {
        id: None,
        physical_location: PhysicalLocation { artifact_location, region },
        logical_locations: point
            .map(|point| [LogicalLocation { name: printable_str(&point.name), kind: "capture point" }]),
        message: None,
    }
}

fn level(severity: finding::Severity) -> &'static str {
    match severity {
        finding::Severity::Error => "error",
        finding::Severity::Warning => "warning",
        finding::Severity::Info | finding::Severity::Quality => "note",
    }
}

impl Message {
    /// SARIF 3.11: braces are doubled, and text in brackets before a parenthesis would be a link.
    fn new(text: &str) -> Self {
        let lines: Vec<String> = text.lines().map(printable_str).collect();
        Self { text: lines.join("\n").replace('{', "{{").replace('}', "}}").replace("](", "] (") }
    }
}

/// The path as a URI reference (RFC 3986): every byte that is not plain is escaped.
fn uri(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    let bytes = bytes.strip_prefix(b"./").unwrap_or(bytes);
    let mut out = if path.is_absolute() { "file://".to_owned() } else { String::new() };
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(*byte)),
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use serde_json::Value;

    use super::uri;
    use crate::record::{Interruption, Signal};
    use crate::report::Format;
    use crate::report::testing::{Sample, expect, narrow};

    fn sarif(sample: &Sample) -> Value {
        serde_json::from_str(&sample.render(Format::Sarif, &narrow())).expect("JSON")
    }

    #[test]
    fn logs_obey_the_published_schema() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sarif/sarif-schema-2.1.0.json");
        let schema = std::fs::read_to_string(path).expect("the schema is there");
        let schema: Value = serde_json::from_str(&schema).expect("JSON");
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema");
        for sample in Sample::all() {
            let log = sarif(&sample);
            assert!(validator.validate(&log).is_ok(), "{:?}", validator.validate(&log));
        }
        let mut interrupted = Sample::collision();
        interrupted.summary.interrupted = Some(Interruption { signal: Signal::HangUp, not_read: 1 });
        let log = sarif(&interrupted);
        assert!(validator.validate(&log).is_ok(), "{:?}", validator.validate(&log));
        let invocation = &log["runs"][0]["invocations"][0];
        assert_eq!((&invocation["executionSuccessful"], &invocation["exitCode"]), (&false.into(), &129.into()));
        assert_eq!(invocation["exitSignalName"], "SIGHUP");
        let mut broken = sarif(&Sample::collision());
        broken["runs"][0]["results"][0]["level"] = "fatal".into();
        assert!(!validator.is_valid(&broken), "the schema must demand something");
    }

    #[test]
    fn every_frame_of_the_evidence_is_a_related_location() {
        let sample = Sample::collision();
        let log = sarif(&sample);
        let mut shown = log.clone();
        // The texts of the diagnoses are theirs to change.
        shown["runs"][0]["tool"]["driver"]["rules"] = Value::Null;
        expect("collision.sarif", &format!("{shown:#}\n"));
        for result in log["runs"][0]["results"].as_array().expect("results") {
            let related: Vec<u64> = result["relatedLocations"]
                .as_array()
                .expect("locations")
                .iter()
                .filter_map(|location| location["physicalLocation"]["region"]["startLine"].as_u64())
                .collect();
            let finding = sample.findings.iter().find(|finding| result["ruleId"] == finding.diagnosis.as_str());
            for stamp in finding.expect("its finding").frames() {
                assert!(related.contains(&stamp.number.0), "{stamp:?} of {result}");
            }
        }
    }

    #[test]
    fn every_rule_says_where_to_read_on() {
        let log = sarif(&Sample::collision());
        let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().expect("rules");
        assert!(!rules.is_empty());
        for rule in rules {
            assert!(rule["helpUri"].as_str().is_some_and(|uri| uri.starts_with("https://")), "{rule}");
        }
    }

    #[test]
    fn results_of_a_cause_have_one_guid() {
        let log = sarif(&Sample::failing(3));
        let results = log["runs"][0]["results"].as_array().expect("results");
        let guids: BTreeSet<&str> = results.iter().filter_map(|one| one["correlationGuid"].as_str()).collect();
        assert_eq!((results.len(), guids.len()), (3, 1));
        let other = sarif(&Sample::collision());
        let results = other["runs"][0]["results"].as_array().expect("results");
        let guids: BTreeSet<&str> = results.iter().filter_map(|one| one["correlationGuid"].as_str()).collect();
        assert_eq!(guids.len(), 2, "two causes; what is related or limits the capture has none: {other:#}");
    }

    #[test]
    fn no_more_results_than_github_keeps_and_it_says_so() {
        let mut sample = Sample::failing(6_000);
        let context = Sample::collision().findings.into_iter().find(|one| one.session.is_none()).expect("a warning");
        sample.findings.push(context);
        let log = sarif(&sample);
        let run = &log["runs"][0];
        assert_eq!(run["results"].as_array().map(Vec::len), Some(5_000));
        let note = &run["invocations"][0]["toolExecutionNotifications"][0];
        assert_eq!((&note["level"], &run["invocations"][0]["executionSuccessful"]), (&"note".into(), &true.into()));
        assert!(
            note["message"]["text"].as_str().is_some_and(|text| text.starts_with("1001 of 6001 findings")),
            "{note}"
        );
        let all = sarif(&Sample::failing(5_000));
        assert_eq!(all["runs"][0]["results"].as_array().map(Vec::len), Some(5_000));
        assert!(all["runs"][0]["invocations"].is_null());
    }

    #[test]
    fn strangers_write_no_links_and_no_placeholders() {
        let mut sample = Sample::collision();
        sample.findings.iter_mut().for_each(|finding| finding.message = "[a](http://e) {0}".into());
        let log = sarif(&sample);
        let text = log["runs"][0]["results"][0]["message"]["text"].as_str().expect("text");
        assert!(text.starts_with("[a] (http://e) {{0}}"), "{text}");
    }

    #[test]
    fn a_path_is_a_uri() {
        assert_eq!(uri(Path::new("./a b/c%.pcap")), "a%20b/c%25.pcap");
        assert_eq!(uri(Path::new("/tmp/x:y.pcap")), "file:///tmp/x%3Ay.pcap");
        assert_eq!(uri(Path::new("\u{e9}")), "%C3%A9");
    }
}
