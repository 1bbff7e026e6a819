//! Options to source, pipeline and report: the only place that knows all.

mod check;
mod extract;
mod frames;
#[cfg(all(feature = "live", target_os = "linux"))]
pub mod live;
mod sessions;
mod unreadable;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::SIGINT;
use signal_hook::flag;

use crate::check::{Baseline, Baselined};
use crate::cli::{FailOn, Grouping, HostsOptions, Input, Options, Progress, ShowOptions, reason, write_error};
use crate::diagnosis::case::Policy;
use crate::diagnosis::selection::Selection;
use crate::finding::{Finding, SessionId};
use crate::frame::CaptureId;
use crate::pipeline::{Judging, Pipeline, Settings};
use crate::points::{self, Arrange, Group, Plan};
use crate::record::{HostRecord, SessionRecord, Sink, Summary, Superseded};
use crate::report::{self, Style, Tee, Verbosity, View};
use crate::source::{Came, Capture, FilterError, Following, check_filter, is_spooled, spool_standard_input};
use crate::text::printable;
use frames::Frames;

pub use check::check;
pub use extract::extract;
pub use sessions::sessions;

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
    status(analyse(options))
}

/// Lists the hosts of what `options` name. The exit status.
pub fn hosts(options: &HostsOptions) -> u8 {
    let settings = settings(&options.input, Selection::default(), true);
    let open = |_| Ok(report::hosts(options.json, options.style.clone(), Box::new(BufWriter::new(io::stdout()))));
    status(list(&options.input, &settings, open))
}

/// Shows what happened in what `options` name. The exit status.
pub fn show(options: &ShowOptions) -> u8 {
    status(shown(options))
}

fn shown(options: &ShowOptions) -> Result<u8, Trouble> {
    let printed: Vec<View> = options.views.iter().filter(|(_, path)| path.is_none()).map(|(view, _)| *view).collect();
    if printed.len() > 1 && printed.iter().any(|view| view.is_document()) {
        let why = "an SVG or HTML document on standard output stands alone: name a file for it, or for the others";
        return Err(Trouble::Refused(why.to_owned()));
    }
    let plan = plan(&options.input)?;
    let mut views = Vec::new();
    for (view, path) in &options.views {
        views.push((*view, output(path.as_deref())?));
    }
    let settings = settings(&options.input, options.selection.clone(), true);
    let mut sink = report::show(views, options.sessions.clone(), options.style.clone(), sentences(&plan));
    let read = read_all(&plan, &options.input, &settings, &mut *sink)?;
    sink.end(&read.captures, &read.summary)?;
    let unknown = options.sessions.iter().find(|id| **id > read.last_session);
    if let Some(id) = unknown {
        complain(&format!("no session {}: the last one is {}", id.0, read.last_session.0), None);
    }
    Ok(if read.complete && unknown.is_none() { CLEAN } else { TROUBLE })
}

/// Opens where a report goes: standard output if no path is given.
fn output(path: Option<&Path>) -> Result<Box<dyn Write>, Trouble> {
    path.map_or_else(|| Ok(Box::new(BufWriter::new(io::stdout())) as Box<dyn Write>), create)
}

/// Prints what needs no capture. The exit status.
pub fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> u8 {
    let mut out = BufWriter::new(io::stdout());
    let written = write(&mut out).and_then(|()| out.flush());
    status(written.map(|()| CLEAN).map_err(Trouble::from))
}

fn status(result: Result<u8, Trouble>) -> u8 {
    match result {
        Ok(status) => status,
        // Whoever read the report has seen enough of it.
        Err(Trouble::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => CLEAN,
        Err(trouble) => {
            complain(&trouble.to_string(), None);
            TROUBLE
        }
    }
}

/// Why a run came to no end.
enum Trouble {
    Filter(FilterError),
    /// Standard output or another stream that was open already.
    Output(io::Error),
    /// A file that could not be read or written, and the reason.
    File {
        doing: &'static str,
        path: PathBuf,
        reason: String,
    },
    /// What is asked for cannot be done, and why.
    Refused(String),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Filter(error) => error.fmt(f),
            Self::Output(error) => write!(f, "could not write the report: {}", reason(error)),
            Self::Refused(why) => f.write_str(why),
            Self::File { doing, path, reason } => write!(f, "could not {doing} {}: {reason}", path.display()),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

fn create(path: &Path) -> Result<Box<dyn Write>, Trouble> {
    let failed = |error| Trouble::File { doing: "write", path: path.into(), reason: reason(&error) };
    Ok(Box::new(BufWriter::new(File::create(path).map_err(failed)?)))
}

/// Every report that is asked for, the main one first.
fn reports(options: &Options, grouping: &[String]) -> Result<Box<dyn Sink>, Trouble> {
    let out = output(options.output.as_deref())?;
    let main = if is_growing(&options.input) {
        report::live_sink(options.format, options.style.clone(), out)?
    } else {
        report::sink(options.format, options.style.clone(), grouping.to_vec(), out)?
    };
    if options.beside.is_empty() {
        return Ok(main);
    }
    let mut sinks = vec![main];
    for (format, path) in &options.beside {
        // A file is no terminal, whatever standard output is.
        let style = Style { color: false, ..options.style.clone() };
        sinks.push(report::sink(*format, style, grouping.to_vec(), create(path)?)?);
    }
    Ok(Box::new(Tee::new(sinks)))
}

fn read_baseline(path: Option<&Path>) -> Result<Baseline, Trouble> {
    let Some(path) = path else { return Ok(Baseline::default()) };
    let failed = |reason| Trouble::File { doing: "read", path: path.into(), reason };
    let text = fs::read_to_string(path).map_err(|error| failed(reason(&error)))?;
    Baseline::parse(&text).map_err(failed)
}

/// Passes everything on and remembers what the exit status depends on.
struct Watched<'a> {
    inner: &'a mut dyn Sink,
    fail_on: FailOn,
    /// Findings that make the exit status 1 and still hold.
    reached: u64,
}

impl Sink for Watched<'_> {
    fn session(&mut self, session: &SessionRecord) -> io::Result<()> {
        self.inner.session(session)
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        self.reached += u64::from(self.fail_on.reached_by(finding));
        self.inner.finding(finding)
    }

    fn hosts(&mut self, hosts: &[HostRecord]) -> io::Result<()> {
        self.inner.hosts(hosts)
    }

    fn begins(&mut self, captures: &[Capture]) -> io::Result<()> {
        self.inner.begins(captures)
    }

    fn superseded(&mut self, superseded: &Superseded) -> io::Result<()> {
        let reached = self.fail_on.is_reached(superseded.role, superseded.severity);
        self.reached = self.reached.saturating_sub(u64::from(reached));
        self.inner.superseded(superseded)
    }

    fn end(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        self.inner.end(captures, summary)
    }
}

fn analyse(options: &Options) -> Result<u8, Trouble> {
    let plan = plan(&options.input)?;
    let known = read_baseline(options.baseline.as_deref())?;
    let mut sink = reports(options, &sentences(&plan))?;
    let mut watched = Watched { inner: &mut *sink, fail_on: options.fail_on, reached: 0 };
    let baselined = Baselined::new(&mut watched, &known);
    let mut baselined = if options.write_baseline.is_some() { baselined } else { baselined.forgetful() };
    let settings = settings(&options.input, options.selection.clone(), false);
    let read = read_all(&plan, &options.input, &settings, &mut baselined)?;
    if let Some(path) = &options.write_baseline {
        let failed = |error| Trouble::File { doing: "write", path: path.clone(), reason: reason(&error) };
        fs::write(path, baselined.found.to_text()).map_err(failed)?;
    }
    if baselined.left_out > 0 && options.format.is_for_people() && options.style.verbosity > Verbosity::Quiet {
        let known = if baselined.left_out == 1 { "finding" } else { "findings" };
        let _ = writeln!(io::stderr(), "{} known {known} left out (--baseline)", baselined.left_out);
    }
    baselined.end(&read.captures, &read.summary)?;
    let reached = watched.reached > 0 && options.write_baseline.is_none();
    let none = options.require_transfers && read.summary.transfers == 0;
    Ok(match (read.complete, reached || none) {
        (false, _) => TROUBLE,
        (true, true) => FOUND,
        (true, false) => CLEAN,
    })
}

/// Reads `input` into a sink that judges nothing. `open` makes it from sentences on how the inputs were taken.
fn list(
    input: &Input,
    settings: &Settings,
    open: impl FnOnce(Vec<String>) -> io::Result<Box<dyn Sink>>,
) -> Result<u8, Trouble> {
    let plan = plan(input)?;
    let mut sink = open(sentences(&plan))?;
    let read = read_all(&plan, input, settings, &mut *sink)?;
    sink.end(&read.captures, &read.summary)?;
    Ok(if read.complete { CLEAN } else { TROUBLE })
}

fn settings(input: &Input, selection: Selection, in_full: bool) -> Settings {
    let policy = Policy { time_wait: input.time_wait.map(|length| length.as_secs_f64()) };
    let judging = if is_growing(input) { Judging::Promptly } else { Judging::AtEnd };
    Settings { ports: input.ports.clone(), policy, judging, memory: None, selection, in_full, overhear: false }
}

/// Plans the reading of `input`; a filter that does not compile is told before anything is read.
fn plan(input: &Input) -> Result<Plan, Trouble> {
    input.filter.as_deref().map_or(Ok(()), check_filter).map_err(Trouble::Filter)?;
    if input.anonymize.is_some() {
        input.files.iter().try_for_each(|file| must_be_read_again(file))?;
    }
    let arrange = match input.grouping {
        Grouping::Auto => Arrange::Auto,
        Grouping::Merge => Arrange::Merge,
        Grouping::PerFile => Arrange::PerFile,
    };
    Ok(points::plan(&input.files, arrange))
}

/// Sees to it that an input can be read twice: standard input is copied, another pipe is refused.
fn must_be_read_again(file: &Path) -> Result<(), Trouble> {
    match file.metadata() {
        _ if file == Path::new("-") => spool_standard_input().map_err(|error| Trouble::Refused(error.to_string())),
        Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => Err(Trouble::Refused(format!(
            "{} can be read only once, and this takes two readings: save it first, or pipe it into standard input (-)",
            file.display()
        ))),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// What came of reading.
struct AllRead {
    captures: Vec<Capture>,
    summary: Summary,
    /// Whether every input could be read, but for what is allowed.
    complete: bool,
    /// The highest number a session got; 0 if there is none.
    last_session: SessionId,
}

/// Reads and judges one timeline after the other; `sink` is told everything but the end.
fn read_all(plan: &Plan, input: &Input, settings: &Settings, sink: &mut dyn Sink) -> io::Result<AllRead> {
    let stop = interrupt();
    let mut all =
        AllRead { captures: Vec::new(), summary: Summary::default(), complete: true, last_session: SessionId(0) };
    unreadable::note(&mut all.summary, &plan.errors, input);
    let mut next = SessionId(1);
    for group in &plan.groups {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let first = CaptureId(u32::try_from(all.captures.len()).unwrap_or(u32::MAX));
        if is_growing(input)
            && let [file] = group.files.as_slice()
        {
            let mut pipeline = Pipeline::new(settings.clone(), next);
            let following = follow(file, first, input.filter.as_deref(), &mut pipeline, sink, &stop)?;
            unreadable::note(&mut all.summary, following.failures(), input);
            unreadable::note_captures(&mut all.summary, following.captures(), input);
            let part = pipeline.finish(following.captures(), sink)?;
            next = pipeline.next_session();
            add(&mut all.summary, &part);
            all.captures.extend_from_slice(following.captures());
            continue;
        }
        let (mut frames, errors) = Frames::open(&group.files, first, input, settings, &stop)?;
        unreadable::note(&mut all.summary, &errors, input);
        if frames.is_overfull() {
            complain("there is more control text than is anonymised word by word; the rest of it is masked", None);
        }
        let mut pipeline = Pipeline::new(settings.clone(), next);
        read(&mut frames, &mut pipeline, sink, &stop, group)?;
        for error in frames.filter_refusals() {
            all.complete = false;
            complain(&format!("packets were left out: {error}"), None);
        }
        unreadable::note_captures(&mut all.summary, frames.captures(), input);
        if stop.load(Ordering::Relaxed) {
            frames.break_off();
            complain(&interrupted(plan, &all.captures, frames.captures()), None);
        }
        let part = pipeline.finish(frames.captures(), sink)?;
        next = pipeline.next_session();
        add(&mut all.summary, &part);
        all.captures.extend_from_slice(frames.captures());
        // After the last one the program ends, and the system takes all memory back at once.
        if plan.groups.last().is_some_and(|last| std::ptr::eq(last, group)) {
            std::mem::forget(pipeline);
        }
    }
    all.complete &= all.summary.is_all_read();
    all.last_session = SessionId(next.0 - 1);
    Ok(all)
}

/// What an interrupted run rests on.
fn interrupted(plan: &Plan, before: &[Capture], last: &[Capture]) -> String {
    let files: usize = plan.groups.iter().map(|group| group.files.len()).sum();
    if let (1, [capture]) = (files, last) {
        let path = printable(capture.path.as_os_str().as_encoded_bytes());
        return format!("interrupted: this is what the first {} packets of {path} tell", capture.packets);
    }
    let whole = before.iter().chain(last).filter(|capture| !capture.unread).count();
    format!("interrupted: this is what was found so far; {whole} of {files} captures were read to their end")
}

/// How the inputs were taken, where that is not plain.
fn sentences(plan: &Plan) -> Vec<String> {
    let told = plan.to_string();
    if told.is_empty() { Vec::new() } else { vec![told] }
}

/// How many frames are handed out between two looks at the progress bar: one at least of all that is read at once.
const FRAMES_PER_LOOK: u32 = 256;

fn read(
    frames: &mut Frames,
    pipeline: &mut Pipeline,
    sink: &mut dyn Sink,
    stop: &AtomicBool,
    group: &Group,
) -> io::Result<()> {
    let mut progress = Progress::new(true);
    let name = group.files.first().map_or(Path::new("-"), |file| file.as_path());
    let mut left = FRAMES_PER_LOOK;
    while !stop.load(Ordering::Relaxed)
        && let Some((frame, captures)) = frames.next(pipeline)
    {
        pipeline.push(&frame, captures, sink)?;
        left -= 1;
        if left == 0 {
            left = FRAMES_PER_LOOK;
            if let (read, Some(total)) = frames.progress() {
                progress.at(name, read, total);
            }
        }
    }
    progress.finish();
    Ok(())
}

/// Whether the input is still being written: `--follow`, or a pipe.
fn is_growing(input: &Input) -> bool {
    let pipe = || !is_spooled() && !fs::metadata("/dev/stdin").is_ok_and(|stdin| stdin.is_file());
    // Pseudonyms are given to what has been read to its end.
    input.anonymize.is_none()
        && (input.follow || matches!(input.files.as_slice(), [file] if file == Path::new("-")) && pipe())
}

/// Judges a capture while it is being written.
fn follow(
    file: &Path,
    id: CaptureId,
    filter: Option<&str>,
    pipeline: &mut Pipeline,
    sink: &mut dyn Sink,
    stop: &Arc<AtomicBool>,
) -> io::Result<Following> {
    let mut following = Following::start(file, id, filter, stop)?;
    let mut begun = 0;
    loop {
        match following.wait() {
            Came::Frame => {
                if std::mem::replace(&mut begun, following.captures().len()) < following.captures().len() {
                    sink.begins(following.captures())?;
                }
                if let Some(frame) = following.frame() {
                    pipeline.push(&frame, following.captures(), sink)?;
                }
            }
            Came::Nothing(time) => pipeline.wait(time, following.captures(), sink)?,
            Came::NothingYet => {}
            Came::End => return Ok(following),
        }
    }
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
