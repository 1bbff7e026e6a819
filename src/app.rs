//! Options to source, pipeline and report: the only place that knows all.

mod extract;
mod frames;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::SIGINT;
use signal_hook::flag;

use crate::cli::{FailOn, Grouping, HostsOptions, Input, Options, Progress, reason, write_error};
use crate::diagnosis::case::Policy;
use crate::diagnosis::selection::Selection;
use crate::finding::{Finding, SessionId};
use crate::frame::CaptureId;
use crate::pipeline::{Pipeline, Settings};
use crate::points::{self, Arrange, Group, Plan};
use crate::record::{HostRecord, SessionRecord, Sink, Summary};
use crate::report;
use crate::source::{Capture, FilterError, check_filter};
use frames::Frames;

pub use extract::extract;

/// Nothing at or above `--fail-on`.
const CLEAN: u8 = 0;
/// Such findings, or no transfer where one was required.
const FOUND: u8 = 1;
/// Usage, I/O, unreadable or unsupported input; wins over the others.
const TROUBLE: u8 = 2;
/// Second interrupt: 128 + SIGINT, as shells count.
const INTERRUPTED: i32 = 130;

/// Analyses what `options` name and writes the report. The exit status.
pub fn run(options: &Options) -> u8 {
    status(analyse(options), options.output.as_deref())
}

/// Lists the hosts of what `options` name. The exit status.
pub fn hosts(options: &HostsOptions) -> u8 {
    let settings = settings(&options.input, Selection::default(), true);
    let open = |_| Ok(report::hosts(options.json, options.style.clone(), Box::new(BufWriter::new(io::stdout()))));
    let judged = conduct(&options.input, &settings, FailOn::Never, open);
    status(judged.map(|judged| if judged.failed { TROUBLE } else { CLEAN }), None)
}

/// Prints what needs no capture. The exit status.
pub fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> u8 {
    let mut out = BufWriter::new(io::stdout());
    let written = write(&mut out).and_then(|()| out.flush());
    status(written.map(|()| CLEAN).map_err(Trouble::from), None)
}

fn status(result: Result<u8, Trouble>, output: Option<&Path>) -> u8 {
    match result {
        Ok(status) => status,
        // Whoever read the report has seen enough of it.
        Err(Trouble::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => CLEAN,
        Err(Trouble::Output(error)) => {
            let target = output.unwrap_or(Path::new("standard output"));
            complain(&format!("could not write {}: {}", target.display(), reason(&error)), None);
            TROUBLE
        }
        Err(Trouble::Filter(error)) => {
            complain(&error.to_string(), None);
            TROUBLE
        }
        Err(Trouble::Refused(why)) => {
            complain(&why, None);
            TROUBLE
        }
    }
}

enum Trouble {
    Filter(FilterError),
    Output(io::Error),
    /// What is asked for cannot be done, and why.
    Refused(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Passes everything on and remembers what the exit status depends on.
struct Watched<'a> {
    inner: &'a mut dyn Sink,
    fail_on: FailOn,
    reached: bool,
}

impl Sink for Watched<'_> {
    fn session(&mut self, session: &SessionRecord) -> io::Result<()> {
        self.inner.session(session)
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        self.reached |= self.fail_on.reached_by(finding);
        self.inner.finding(finding)
    }

    fn hosts(&mut self, hosts: &[HostRecord]) -> io::Result<()> {
        self.inner.hosts(hosts)
    }

    fn end(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        self.inner.end(captures, summary)
    }
}

fn analyse(options: &Options) -> Result<u8, Trouble> {
    let open = |grouping| {
        let out: Box<dyn Write> = match &options.output {
            Some(path) => Box::new(BufWriter::new(File::create(path)?)),
            None => Box::new(BufWriter::new(io::stdout())),
        };
        report::sink(options.format, options.style.clone(), grouping, out)
    };
    let settings = settings(&options.input, options.selection.clone(), false);
    let judged = conduct(&options.input, &settings, options.fail_on, open)?;
    let none = options.require_transfers && judged.transfers == 0;
    Ok(match (judged.failed, judged.reached || none) {
        (true, _) => TROUBLE,
        (false, true) => FOUND,
        (false, false) => CLEAN,
    })
}

fn settings(input: &Input, selection: Selection, in_full: bool) -> Settings {
    let policy = Policy { time_wait: input.time_wait.map(|length| length.as_secs_f64()) };
    Settings { ports: input.ports.clone(), policy, selection, in_full, overhear: false }
}

/// What the exit status depends on.
struct Judged {
    /// Whether an input could not be read.
    failed: bool,
    /// Whether a finding reached `--fail-on`.
    reached: bool,
    transfers: u64,
}

/// Reads the inputs, timeline after timeline, and tells the sink what is concluded. `open` makes the sink from
/// sentences on how the inputs were taken.
fn conduct(
    input: &Input,
    settings: &Settings,
    fail_on: FailOn,
    open: impl FnOnce(Vec<String>) -> io::Result<Box<dyn Sink>>,
) -> Result<Judged, Trouble> {
    let plan = plan(input)?;
    let mut sink = open(sentences(&plan))?;
    let mut watched = Watched { inner: &mut *sink, fail_on, reached: false };
    let read = read_all(&plan, input, settings, &mut watched)?;
    watched.end(&read.captures, &read.summary)?;
    Ok(Judged { failed: !read.complete, reached: watched.reached, transfers: read.summary.transfers })
}

/// Plans the reading of `input`; what cannot be done is told before anything is read.
fn plan(input: &Input) -> Result<Plan, Trouble> {
    input.filter.as_deref().map_or(Ok(()), check_filter).map_err(Trouble::Filter)?;
    let arrange = match input.grouping {
        Grouping::Auto => Arrange::Auto,
        Grouping::Merge => Arrange::Merge,
        Grouping::PerFile => Arrange::PerFile,
    };
    let plan = points::plan(&input.files, arrange);
    for error in &plan.errors {
        complain(&error.to_string(), None);
    }
    if input.anonymize.is_some() {
        plan.groups.iter().flat_map(|group| &group.files).try_for_each(|file| must_be_read_again(file))?;
    }
    Ok(plan)
}

/// Refuses what can be read only once.
fn must_be_read_again(file: &Path) -> Result<(), Trouble> {
    let stream = file == Path::new("-") || file.metadata().is_ok_and(|metadata| !metadata.is_file());
    if stream {
        let what = if file == Path::new("-") { "standard input".into() } else { file.display().to_string() };
        return Err(Trouble::Refused(format!("{what} can be read only once, and this takes two readings: save it first")));
    }
    Ok(())
}

/// What came of reading.
struct AllRead {
    captures: Vec<Capture>,
    summary: Summary,
    /// Whether every input could be read.
    complete: bool,
}

/// Reads and judges one timeline after the other; `sink` is told everything but the end.
fn read_all(plan: &Plan, input: &Input, settings: &Settings, sink: &mut dyn Sink) -> io::Result<AllRead> {
    let stop = interrupt();
    let mut all = AllRead { captures: Vec::new(), summary: Summary::default(), complete: plan.errors.is_empty() };
    let mut next = SessionId(1);
    for group in &plan.groups {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let first = CaptureId(u32::try_from(all.captures.len()).unwrap_or(u32::MAX));
        let (mut frames, errors) = Frames::open(&group.files, first, input, settings, &stop)?;
        all.complete &= errors.is_empty();
        for error in &errors {
            complain(&error.to_string(), None);
        }
        if frames.is_overfull() {
            complain("there is more control text than is anonymised word by word; the rest of it is masked", None);
        }
        let mut pipeline = Pipeline::new(settings.clone(), next);
        read(&mut frames, &mut pipeline, sink, &stop, group)?;
        let part = pipeline.finish(frames.captures(), sink)?;
        next = pipeline.next_session();
        add(&mut all.summary, &part);
        all.captures.extend_from_slice(frames.captures());
    }
    Ok(all)
}

/// How the inputs were taken, where that is not plain.
fn sentences(plan: &Plan) -> Vec<String> {
    let told = plan.to_string();
    if told.is_empty() { Vec::new() } else { vec![told] }
}

/// How many frames pass between two looks at the progress bar.
const FRAMES_PER_LOOK: u32 = 16_384;

fn read(
    frames: &mut Frames,
    pipeline: &mut Pipeline,
    sink: &mut dyn Sink,
    stop: &AtomicBool,
    group: &Group,
) -> io::Result<()> {
    let mut progress = Progress::new(true);
    let name = group.files.first().map_or(Path::new("-"), |file| file.as_path());
    let mut count: u32 = 0;
    while !stop.load(Ordering::Relaxed)
        && let Some((frame, captures)) = frames.next()
    {
        pipeline.push(&frame, captures, sink)?;
        count = count.wrapping_add(1);
        if count.is_multiple_of(FRAMES_PER_LOOK)
            && let (read, Some(total)) = frames.progress()
        {
            progress.at(name, read, total);
        }
    }
    progress.finish();
    Ok(())
}

/// A flag that the first ^C sets; the second one ends the program at once.
fn interrupt() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    // The order matters: the shutdown looks at the flag before it is set. Without handlers ^C still ends the program.
    let armed = flag::register_conditional_shutdown(SIGINT, INTERRUPTED, Arc::clone(&stop));
    if armed.is_ok() {
        let _ = flag::register(SIGINT, Arc::clone(&stop));
    }
    stop
}

fn add(sum: &mut Summary, part: &Summary) {
    sum.transfers += part.transfers;
    sum.failed += part.failed;
    sum.error += part.error;
    sum.warning += part.warning;
    sum.info += part.info;
    sum.quality += part.quality;
}

fn complain(message: &str, help: Option<&str>) {
    // When standard error is gone too, the exit status remains.
    let _ = write_error(&mut io::stderr(), false, message, help);
}
