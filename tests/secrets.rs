//! No output tells a secret: every place where one can stand, through everything that the program writes.

mod kit;
#[path = "secrets/places.rs"]
mod places;

use std::cell::RefCell;
use std::fs;
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;

use ftpwhy::extract::Collected;
use ftpwhy::finding::SessionId;
use ftpwhy::frame::CaptureId;
use ftpwhy::pipeline::{Judging, Pipeline, Settings};
use ftpwhy::record::Sink;
use ftpwhy::report::{self, By, Format, Out, Style, Tee, TimeStyle, Verbosity, View};
use ftpwhy::source::Timeline;
use places::{CLEAR, PLACES};
use proptest::prelude::*;

/// The secret in the captures of `fixtures/_secrets`.
const MARKER: &str = "LEAKME7391";

const FORMATS: [&str; 11] =
    ["full", "concise", "table", "json", "ndjson", "sarif", "junit", "github", "gitlab", "markdown", "csv"];

/// A whole capture around what was said: a greeting before it, a transfer that fails behind it.
fn capture(said: &str, leak: &str) -> Vec<u8> {
    let said = said.replace("@in", "C> USER u\nS> 331 ok\nC> PASS b\nS> 230 ok").replace("LONG", &"x".repeat(505));
    let (said, transforms): (Vec<&str>, Vec<&str>) =
        said.lines().partition(|statement| !statement.starts_with("transform"));
    let (head, tail) = leak.split_at(leak.len() / 2);
    let script = format!(
        "host C 10.0.0.1 02:00:00:00:00:01\nhost S 10.0.0.2 02:00:00:00:00:02\n@open C:1050 S:21\nuse C:1050 S:21\n\
         S> 220 ready\n{}\nC> PORT 10,9,9,9,4,1\nS> 200 ok\nC> RETR f\n\
         S> 425 Can't build data connection: Connection timed out\nC> QUIT\nS> 221 bye\n@close C:1050 S:21\n{}\n",
        said.join("\n").replace("LEAK", leak).replace("HEAD", head).replace("TAIL", tail),
        transforms.join("\n"),
    );
    kit::render_text(&script).unwrap_or_else(|error| panic!("{error}:\n{script}")).file
}

fn run(arguments: &[&str], capture: &Path) -> Vec<u8> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ftpwhy"));
    let output = command.args(arguments).arg(capture).stdin(Stdio::null()).output().expect("runs");
    let status = output.status.code().expect("a status");
    assert!(status < 2, "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    [output.stdout, output.stderr].concat()
}

/// The same from a pipe, which is judged while it comes.
fn run_piped(format: &str, capture: &Path) -> Vec<u8> {
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_ftpwhy");
    let line = format!("cat '{}' | '{program}' --isolated -v --format {format} -", capture.display());
    let output = command.args(["-c", &line]).output().expect("runs");
    [output.stdout, output.stderr].concat()
}

/// Everything that the program writes about a capture or a directory of them, by name; but for packets.
fn outputs(capture: &Path, folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
    for format in FORMATS {
        all.push((format.into(), run(&["--isolated", "-v", "--per-file", "--format", format], capture)));
    }
    let (svg, html, baseline) = (path("x.svg"), path("x.html"), path("baseline.toml"));
    let commands: [&[&str]; 8] = [
        &["show", "--isolated", "-v", "--per-file", "--transcript"],
        &["show", "--isolated", "-v", "--per-file", "--ladder"],
        &["show", "--isolated", "-v", "--per-file", "--ladder", "--ascii", "--anonymize"],
        &["show", "--isolated", "-v", "--per-file", "--svg", &svg, "--html", &html],
        &["hosts", "--isolated", "--per-file"],
        &["hosts", "--isolated", "--per-file", "--format", "json"],
        &["sessions", "--isolated", "--per-file"],
        &["--isolated", "--per-file", "--write-baseline", &baseline],
    ];
    for command in commands {
        all.push((command.join(" "), run(command, capture)));
    }
    let read = |name: &str| fs::read(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    all.extend([&svg, &html, &baseline].map(|name| (name.clone(), read(name))));
    all
}

/// Whether a text holds a secret in any of the forms that a format may give it.
fn tells(text: &[u8], secret: &str) -> bool {
    let text = String::from_utf8_lossy(text).to_lowercase();
    let each = |form: &dyn Fn(u8) -> String| secret.bytes().map(form).collect::<String>();
    let lower = secret.to_lowercase();
    let mut forms = vec![
        lower.clone(),
        each(&|byte| format!("%{byte:02x}")),
        each(&|byte| format!("\\u{byte:04x}")),
        each(&|byte| format!("\\x{byte:02x}")),
        each(&|byte| format!("&#{byte};")),
        each(&|byte| format!("&#x{byte:x};")),
        lower.chars().flat_map(|c| [c, '\0']).collect(),
        each(&|byte| format!("{}\\x00", char::from(byte).to_ascii_lowercase())),
    ];
    // In base64 it stands at one of three offsets, the letters at its edges belong to its neighbours too.
    for offset in 0..3 {
        let coded = data_encoding::BASE64_NOPAD.encode(&[&b"\0\0\0"[..offset], secret.as_bytes()].concat());
        forms.push(coded[4.min(offset * 4)..coded.len() - 2].to_lowercase());
    }
    forms.iter().any(|form| text.contains(form.as_str()))
}

fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// Every capture of `places`, with a secret of its own, in one directory.
fn captures(folder: &Path) -> Vec<(&'static str, String, PathBuf)> {
    let numbered = PLACES.iter().enumerate();
    numbered
        .map(|(number, (name, said))| {
            // Its halves are like no other.
            let secret = format!("{number:04}LeakMe{number:04}");
            let path = folder.join(format!("{number:04}.pcap"));
            fs::write(&path, capture(said, &secret)).expect("a capture");
            (*name, secret, path)
        })
        .collect()
}

#[test]
fn the_forms_of_a_secret_are_recognised() {
    for text in
        ["xLEAKme7391y", "%4c%45%41%4b%4D%45%37%33%39%31", "dTpMRUFLTUU3Mzkx", "TEVBS01FNzM5MQ==", "bTpMRUFLTUU3MzkxCg"]
    {
        assert!(tells(text.as_bytes(), MARKER), "{text}");
    }
    assert!(!tells(b"LEAKME739 1", MARKER));
}

#[test]
fn no_output_tells_a_secret_of_the_field() {
    let fixtures = kit::files_below(&kit::root().join("fixtures/_secrets"), &[".pcap"]);
    assert!(!fixtures.is_empty());
    for fixture in fixtures {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(tells(&fs::read(&fixture).expect("a capture"), MARKER));
        for (name, text) in outputs(&fixture, folder.path()) {
            assert!(!tells(&text, MARKER), "{} {name}:\n{}", fixture.display(), shown(&text));
        }
    }
}

#[test]
fn no_output_tells_a_secret_wherever_it_stands() {
    let (folder, written) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("another"));
    let captures = captures(folder.path());
    let mut told = Vec::new();
    let mut all = outputs(folder.path(), written.path());
    for (format, path) in
        ["full", "concise", "ndjson"].iter().flat_map(|format| captures.iter().map(move |one| (format, &one.2)))
    {
        all.push((format!("{format} from a pipe, {}", path.display()), run_piped(format, path)));
    }
    all.push(("check".into(), run(&["check", "--isolated", "--bless"], folder.path())));
    for path in kit::files_below(folder.path(), &[".expect.toml"]) {
        all.push((path.display().to_string(), fs::read(&path).expect("an expectation")));
    }
    for (place, secret, _) in &captures {
        for (name, text) in all.iter().filter(|(_, text)| tells(text, secret)) {
            let text = shown(text);
            let lines: Vec<&str> = text.lines().filter(|line| tells(line.as_bytes(), secret)).collect();
            told.push(format!(
                "{place} ({secret}), {name}: {}",
                lines.join("\n").chars().take(300).collect::<String>()
            ));
        }
    }
    assert!(told.is_empty(), "{}", told.join("\n"));
    // The dialogues are there, and something was hidden in them.
    let transcript = shown(&all.iter().find(|(name, _)| name.ends_with("--transcript")).expect("shown").1);
    assert!(
        transcript.matches("RETR f").count() >= captures.len() && transcript.matches("***").count() > captures.len()
    );
    for (name, text) in &all {
        assert!(!shown(text).contains(['\u{fdd0}', '\u{fdd1}', '\u{200b}']), "{name}");
    }
}

#[test]
fn comments_tell_no_secret_and_anonymised_packets_neither() {
    let (folder, written) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("another"));
    let captures = captures(folder.path());
    let count = |bytes: &[u8], secret: &str| {
        bytes.windows(secret.len()).filter(|part| part.eq_ignore_ascii_case(secret.as_bytes())).count()
    };
    let (annotated, public) = (written.path().join("annotated.pcapng"), written.path().join("public.pcapng"));
    let paths = [annotated.to_string_lossy().into_owned(), public.to_string_lossy().into_owned()];
    run(&["extract", "--isolated", "--per-file", "--annotate", "-w", &paths[0]], folder.path());
    run(&["extract", "--isolated", "--per-file", "--annotate", "--anonymize", "-w", &paths[1]], folder.path());
    let (annotated, public) = (fs::read(annotated).expect("written"), fs::read(public).expect("written"));
    assert!(shown(&annotated).contains("port-foreign-address"));
    for (place, secret, path) in &captures {
        let packets = count(&fs::read(path).expect("a capture"), secret);
        // The packets are those of the capture, and nothing beside them tells it.
        assert_eq!(count(&annotated, secret), packets, "{place}");
        assert!(!tells(&public, secret), "{place}");
    }
}

#[test]
fn what_is_no_secret_stays_readable() {
    let folder = tempfile::tempdir().expect("a folder");
    for (number, (said, expected)) in CLEAR.iter().enumerate() {
        let path = folder.path().join(format!("{number}.pcap"));
        fs::write(&path, capture(said, "none")).expect("a capture");
        // On one line, whatever the width of the terminal.
        let json = shown(&run(&["show", "--isolated", "--transcript", "--width", "400"], &path));
        assert!(json.contains(expected), "{said}\n{expected}\n{json}");
    }
}

#[test]
fn a_secret_of_one_session_is_hidden_in_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let login = |leak: &str| capture("C> USER u\nS> 331 ok\nC> PASS LEAK\nS> 230 ok", leak);
    let names = |leak: &str| capture("@in\nC> CWD /a/LEAK\nS> 550 LEAK: no\nC> XLEAK\nS> 500 XLEAK?", leak);
    for (name, bytes) in [("1.pcap", names(MARKER)), ("2.pcap", login(MARKER)), ("3.pcap", names(MARKER))] {
        fs::write(folder.path().join(name), bytes).expect("a capture");
    }
    let written = tempfile::tempdir().expect("another");
    for (name, text) in outputs(folder.path(), written.path()) {
        // Lines of the first capture are written before the secret is seen.
        let text = shown(&text);
        let later =
            if name == "ndjson" { text.split("\"session\":{\"id\":2").last().unwrap_or_default() } else { &text };
        assert!(!tells(later.as_bytes(), MARKER), "{name}:\n{text}");
    }
}

/// A sink's output.
#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Out for Shared {}

/// All reports on a capture, without a process for each. What streams is judged at the end, as of a file.
fn reports(capture: &[u8]) -> String {
    let style = Style {
        color: false,
        links: false,
        ascii: false,
        width: 400,
        time: TimeStyle::Utc,
        verbosity: Verbosity::Verbose,
        by: By::Finding,
    };
    let out = Shared::default();
    let open = || Box::new(out.clone()) as Box<dyn Out>;
    let views = || [View::Transcript, View::Ladder, View::Svg, View::Html].map(|view| (view, open()));
    let shows = || report::show(views().into(), Vec::new(), style.clone(), Vec::new());
    let finite = |format| report::sink(format, style.clone(), Vec::new(), open()).expect("begins");
    let live = |format| report::live_sink(format, style.clone(), open()).expect("begins");
    let every = Format::ALL.into_iter().flat_map(|format| [finite(format), live(format)]).chain([shows()]).collect();
    let whole =
        Format::ALL.into_iter().filter(|format| *format != Format::Ndjson).map(finite).chain([shows()]).collect();
    let (mut every, mut whole, mut collected) = (Tee::new(every), Tee::new(whole), Collected::default());
    let runs: [(Judging, &mut dyn Sink); 3] =
        [(Judging::AtEnd, &mut every), (Judging::Promptly, &mut whole), (Judging::AtEnd, &mut collected)];
    for (judging, sink) in runs {
        let settings = Settings { in_full: true, judging, ..Settings::default() };
        let mut pipeline = Pipeline::new(settings, SessionId(1));
        let input = Box::new(Cursor::new(capture.to_vec()));
        let mut timeline = Timeline::from_reader(Path::new("x"), input, CaptureId(0)).expect("a capture");
        while timeline.step() {
            let frame = timeline.frame().expect("a frame");
            pipeline.push(&frame, timeline.captures(), sink).expect("taken");
        }
        let summary = pipeline.finish(timeline.captures(), sink).expect("taken");
        sink.end(timeline.captures(), &summary).expect("written");
    }
    let comments: Vec<String> = collected.comments().into_values().flatten().collect();
    shown(&out.0.borrow()) + &comments.join("\n")
}

/// Lines that tell a secret, each of its own kind.
const TELLING: [&str; 14] = [
    "C> PASS LEAK",
    "C> pass LEAK",
    "C> PASSW LEAK",
    "C> PSAS LEAK",
    "C> ACCT LEAK",
    "C> USER u\\rPASS LEAK",
    "C> USER u:LEAK@h",
    "C> USER u LEAK",
    "C> ADAT LEAK",
    "C> SITE PSWD LEAK LEAK",
    "C> CWD ftp://u:LEAK@h/",
    "C> a1 LOGIN u LEAK",
    "C> Authorization: Basic LEAK",
    "C> AUTH PLAIN LEAK",
];

/// Lines that repeat it.
const REPEATING: [&str; 12] = [
    "C> RETR LEAK",
    "C> STOR /a/LEAK.txt",
    "C> CWD xLEAKx",
    "C> SITE HELP LEAK",
    "C> LEAK",
    "C> PORT LEAK",
    "S> 550 LEAK: No such file",
    "S> 230-Hello LEAK\nS> 230 you said 'LEAK'.",
    "S> 500 'PASS LEAK': command not understood",
    "S> 257 \"/LEAK\" is current directory",
    "S> 331 Password required for LEAK",
    "S> 421 LEAK",
];

/// Lines that have nothing to do with it.
const OTHERS: [&str; 7] =
    ["C> NOOP", "S> 200 ok", "S> 331 ok", "S> 230 ok", "C> USER u", "C> PASV", "S> 227 ok (10,0,0,2,200,1)"];

fn statement() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        prop::sample::select(&REPEATING[..]),
        prop::sample::select(&REPEATING[..]),
        prop::sample::select(&OTHERS[..]),
        prop::sample::select(&TELLING[..]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Wherever a secret is told, before or behind it, in whatever segments: no report has it.
    #[test]
    fn no_report_tells_a_secret(
        before in proptest::collection::vec(statement(), 0..6),
        telling in prop::sample::select(&TELLING[..]),
        behind in proptest::collection::vec(statement(), 0..6),
        around in ("[a-z0-9!#$%&'()*+,./:;<=>?^_{|}~-]{0,6}", "[a-z0-9!#$%&'()*+,./;<=>?^_{|}~-]{0,6}"),
        segment in 1..60_usize,
    ) {
        let said = [before, vec![telling], behind].concat().join("\n");
        let leak = format!("{}{MARKER}{}", around.0, around.1);
        let bytes = capture(&format!("{said}\ntransform split {segment}"), &leak);
        let mut written = reports(&bytes);
        if let Some(at) = written.find(MARKER) {
            written.drain(..at.saturating_sub(100));
            written.truncate(300);
            prop_assert!(false, "{leak}:\n{said}\n{written}");
        }
    }
}
