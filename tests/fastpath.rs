//! Packets that concern no FTP are not decoded (`pipeline/model/fastpath`), and those in files not even handed out; no
//! result may depend on it.
//!
//! What is said of a capture is the same, byte by byte, when every packet is decoded: over the fixtures as they are and
//! spoilt at random (`FTPWHY_MUTATIONS=20000 cargo test --release --test fastpath` looks at more), over made-up traffic, and
//! where `FTPWHY_CAPTURES` names a directory, over the captures below it.

#[path = "kit/mod.rs"]
mod kit;
#[path = "../benches/cost/traffic.rs"]
mod traffic;

use std::cell::RefCell;
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ftpwhy::finding::SessionId;
use ftpwhy::frame::{CaptureId, Frame};
use ftpwhy::pipeline::{FastPath, Pipeline, Settings};
use ftpwhy::record::Sink;
use ftpwhy::report::{self, By, Format, Out, Style, Tee, TimeStyle, Verbosity, View};
use ftpwhy::source::Timeline;
use kit::frames::specimens;
use kit::mutate::{Dice, spoilt};
use traffic::{Container, Mix, Rest};

/// Larger captures take longer and show no more.
const FRAMES: usize = 400;
const MUTATIONS: u64 = 500;

#[test]
fn with_and_without_the_fast_path_the_same_is_said_of_every_fixture() {
    let mut compared = 0;
    for source in kit::files_below(&kit::root().join("fixtures"), &[".script", ".pcap", ".pcapng"]) {
        let is_script = source.extension().is_some_and(|extension| extension == "script");
        let file = if is_script {
            kit::render(&source).unwrap_or_else(|error| panic!("{}: {error}", source.display())).file
        } else {
            std::fs::read(&source).expect("a fixture")
        };
        compared += usize::from(is_same(&|| open(&file), &source.display().to_string()).is_some());
    }
    assert!(compared > 100, "{compared} fixtures");
}

#[test]
fn with_and_without_the_fast_path_the_same_is_said_of_spoilt_captures() {
    let specimens = specimens(FRAMES);
    let count = std::env::var("FTPWHY_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(MUTATIONS);
    let mut compared = 0;
    for seed in 0..count {
        let mut dice = Dice::new(seed);
        let specimen = &specimens[dice.roll(specimens.len())];
        let (file, done) = spoilt(&specimen.frames, &specimen.captures, &mut dice);
        let name = format!("seed {seed}, {}: {done:?}", specimen.path.display());
        compared += u64::from(is_same(&|| open(&file), &name).is_some());
    }
    assert!(compared * 10 >= count * 9, "{compared} of {count} can be read");
}

#[test]
fn with_and_without_the_fast_path_the_same_is_said_of_real_captures() {
    let Some(root) = std::env::var_os("FTPWHY_CAPTURES") else {
        println!("skipped: FTPWHY_CAPTURES is not set");
        return;
    };
    let captures = kit::files_below(Path::new(&root), &[".pcap", ".pcapng", ".cap", ".dmp", ".gz", ".zst", ".lz4"]);
    let file = |path: &PathBuf| {
        let (timeline, errors) = Timeline::open(std::slice::from_ref(path), CaptureId(0), None);
        errors.is_empty().then_some(timeline)
    };
    let compared =
        captures.iter().filter(|path| is_same(&|| file(path), &path.display().to_string()).is_some()).count();
    println!("{compared} of {} captures compared", captures.len());
    assert!(compared > 0, "no captures below {}", Path::new(&root).display());
}

#[test]
fn with_and_without_the_fast_path_the_same_is_said_of_mixed_traffic() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    for (ftp_percent, rest) in
        [(5, Rest::Office), (30, Rest::Office), (5, Rest::Small), (5, Rest::Routed), (5, Rest::Flat)]
    {
        let mix = Mix { size: 4 << 20, ftp_percent, rest, container: Container::Pcap };
        for container in [Container::Pcap, Container::Pcapng] {
            let path = folder.path().join("mixed");
            traffic::write(&path, Mix { container, ..mix }).expect("a capture");
            let file = std::fs::read(path).expect("a capture");
            let skipped = is_same(&|| open(&file), "mixed traffic").expect("a capture");
            assert!(skipped > 1000, "{skipped} packets were skipped");
        }
    }
}

/// A capture by its bytes; `None` if they are none.
fn open(file: &[u8]) -> Option<Timeline> {
    Timeline::from_reader(Path::new("x"), Box::new(Cursor::new(file.to_vec())), CaptureId(0)).ok()
}

/// Compares what is said of a capture; how many packets were skipped where they are read, or `None` if it is no capture.
fn is_same(open: &dyn Fn() -> Option<Timeline>, name: &str) -> Option<usize> {
    let (decoded, _) = said(open()?, FastPath::Off, false);
    let (pushed, _) = said(open()?, FastPath::On, false);
    assert!(pushed == decoded, "{name}: {}", difference(&pushed, &decoded));
    let (read, skipped) = said(open()?, FastPath::On, true);
    assert!(read == decoded, "{name}: {}", difference(&read, &decoded));
    Some(skipped)
}

/// All that is said of a capture, and how many of its packets were skipped where they are read, if any are to be.
fn said(mut timeline: Timeline, fast_path: FastPath, over: bool) -> (String, usize) {
    let out = Shared::default();
    let style = Style {
        color: false,
        links: false,
        ascii: false,
        width: 400,
        time: TimeStyle::Utc,
        verbosity: Verbosity::Verbose,
        by: By::Finding,
    };
    let json = report::sink(Format::Json, style.clone(), Vec::new(), Box::new(out.clone())).expect("begins");
    // This one has the hosts too.
    let page = report::show(vec![(View::Html, Box::new(out.clone()))], Vec::new(), style, Vec::new());
    let mut sink = Tee::new(vec![json, page]);
    let settings = Settings { in_full: true, fast_path, ..Settings::default() };
    let mut pipeline = Pipeline::new(settings, SessionId(1));
    let mut skipped = 0;
    while timeline.step_over(&mut |frame: &Frame<'_>| {
        let skips = over && pipeline.skips(frame);
        skipped += usize::from(skips);
        skips
    }) {
        let frame = timeline.frame().expect("a frame");
        pipeline.push(&frame, timeline.captures(), &mut sink).expect("taken");
    }
    let summary = pipeline.finish(timeline.captures(), &mut sink).expect("taken");
    sink.end(timeline.captures(), &summary).expect("written");
    let text = String::from_utf8(out.0.borrow().clone()).expect("text");
    assert!(text.len() > 2, "nothing is said");
    (text, skipped)
}

/// The first lines that differ.
fn difference(one: &str, other: &str) -> String {
    let differing = one.lines().zip(other.lines()).find(|(one, other)| one != other);
    format!("{differing:?}, {} and {} lines", one.lines().count(), other.lines().count())
}

/// A report that is written into memory.
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
