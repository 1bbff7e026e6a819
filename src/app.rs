//! Options to source, pipeline and report: the only place that knows all.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::SIGINT;
use signal_hook::flag;

use crate::cli::{FailOn, Grouping, HostsOptions, Input, Options, Progress, ShowOptions, reason, write_error};
use crate::diagnosis::case::Policy;
use crate::diagnosis::selection::Selection;
use crate::finding::{Finding, SessionId};
use crate::frame::CaptureId;
use crate::pipeline::{Pipeline, Settings};
use crate::points::{self, Arrange, Group, Plan};
use crate::record::{HostRecord, SessionRecord, Sink, Summary};
use crate::report;
use crate::source::{Capture, FilterError, Timeline, check_filter};

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

/// Shows what happened in what `options` name. The exit status.
pub fn show(options: &ShowOptions) -> u8 {
    let open = |grouping| {
        let mut views = Vec::new();
        for (view, path) in &options.views {
            views.push((*view, output(path.as_deref())?));
        }
        Ok(report::show(views, options.sessions.clone(), options.style.clone(), grouping))
    };
    let settings = settings(&options.input, options.selection.clone(), true);
    let judged = conduct(&options.input, &settings, FailOn::Never, open);
    let file = options.views.iter().find_map(|(_, path)| path.as_deref());
    let result = judged.map(|judged| {
        let unknown = options.sessions.iter().find(|id| **id > judged.last_session);
        if let Some(id) = unknown {
            complain(&format!("no session {}: the last one is {}", id.0, judged.last_session.0), None);
        }
        if judged.failed || unknown.is_some() { TROUBLE } else { CLEAN }
    });
    status(result, file)
}

/// Opens where a report goes: standard output if no path is given.
fn output(path: Option<&Path>) -> io::Result<Box<dyn Write>> {
    Ok(match path {
        Some(path) => Box::new(BufWriter::new(File::create(path)?)),
        None => Box::new(BufWriter::new(io::stdout())),
    })
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
    }
}

enum Trouble {
    Filter(FilterError),
    Output(io::Error),
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
    let open =
        |grouping| report::sink(options.format, options.style.clone(), grouping, output(options.output.as_deref())?);
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
    Settings { ports: input.ports.clone(), policy, selection, in_full }
}

/// What the exit status depends on.
struct Judged {
    /// Whether an input could not be read.
    failed: bool,
    /// Whether a finding reached `--fail-on`.
    reached: bool,
    transfers: u64,
    /// The highest number a session got; 0 if there is none.
    last_session: SessionId,
}

/// Reads the inputs, timeline after timeline, and tells the sink what is concluded. `open` makes the sink from
/// sentences on how the inputs were taken.
fn conduct(
    input: &Input,
    settings: &Settings,
    fail_on: FailOn,
    open: impl FnOnce(Vec<String>) -> io::Result<Box<dyn Sink>>,
) -> Result<Judged, Trouble> {
    if let Some(filter) = &input.filter {
        check_filter(filter).map_err(Trouble::Filter)?;
    }
    let arrange = match input.grouping {
        Grouping::Auto => Arrange::Auto,
        Grouping::Merge => Arrange::Merge,
        Grouping::PerFile => Arrange::PerFile,
    };
    let plan = points::plan(&input.files, arrange);
    let mut failed = !plan.errors.is_empty();
    for error in &plan.errors {
        complain(&error.to_string(), None);
    }
    let mut sink = open(sentences(&plan))?;
    let mut watched = Watched { inner: &mut *sink, fail_on, reached: false };
    let stop = interrupt();

    let mut captures: Vec<Capture> = Vec::new();
    let mut summary = Summary::default();
    let mut next = SessionId(1);
    for group in &plan.groups {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let first = CaptureId(u32::try_from(captures.len()).unwrap_or(u32::MAX));
        let (mut timeline, errors) = Timeline::open(&group.files, first, input.filter.as_deref());
        failed |= !errors.is_empty();
        for error in &errors {
            complain(&error.to_string(), None);
        }
        let mut pipeline = Pipeline::new(settings.clone(), next);
        read(&mut timeline, &mut pipeline, &mut watched, &stop, group)?;
        let part = pipeline.finish(timeline.captures(), &mut watched)?;
        next = pipeline.next_session();
        add(&mut summary, &part);
        captures.extend_from_slice(timeline.captures());
    }
    watched.end(&captures, &summary)?;
    Ok(Judged { failed, reached: watched.reached, transfers: summary.transfers, last_session: SessionId(next.0 - 1) })
}

/// How the inputs were taken, where that is not plain.
fn sentences(plan: &Plan) -> Vec<String> {
    let told = plan.to_string();
    if told.is_empty() { Vec::new() } else { vec![told] }
}

/// How many frames pass between two looks at the progress bar.
const FRAMES_PER_LOOK: u32 = 16_384;

fn read(
    timeline: &mut Timeline,
    pipeline: &mut Pipeline,
    sink: &mut dyn Sink,
    stop: &AtomicBool,
    group: &Group,
) -> io::Result<()> {
    let mut progress = Progress::new(true);
    let name = group.files.first().map_or(Path::new("-"), |file| file.as_path());
    let mut frames: u32 = 0;
    while !stop.load(Ordering::Relaxed) && timeline.step() {
        let Some(frame) = timeline.frame() else { break };
        pipeline.push(&frame, timeline.captures(), sink)?;
        frames = frames.wrapping_add(1);
        if frames.is_multiple_of(FRAMES_PER_LOOK)
            && let (read, Some(total)) = timeline.progress()
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
