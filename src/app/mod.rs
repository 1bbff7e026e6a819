//! Options to source, pipeline and report: the only place that knows all.
//!
//! Without feature `cli` it is embedded (see [`embedded`]): what a terminal, signals and files are for then comes from there.

// What only subcommands need is not taken out of every file one by one.
#![cfg_attr(not(feature = "cli"), allow(dead_code, reason = "a page asks for a part of it"))]

mod alone;
#[cfg_attr(not(feature = "cli"), path = "embedded/attend.rs")]
mod attend;
#[cfg(feature = "cli")]
mod check;
#[cfg(feature = "cli")]
mod demo;
#[cfg(not(feature = "cli"))]
pub mod embedded;
mod extract;
mod facts;
mod frames;
mod groups;
mod incident;
#[cfg_attr(not(feature = "cli"), path = "embedded/interrupt.rs")]
mod interrupt;
mod keylog;
#[cfg(all(feature = "live", target_os = "linux"))]
pub mod live;
mod outlet;
mod output;
mod reading;
#[cfg(all(feature = "live", target_os = "linux"))]
pub mod run;
#[cfg(feature = "cli")]
mod sessions;
mod timeline;
mod trouble;
mod unreadable;
mod watched;
mod workers;

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::causes::{Caused, Only};
use crate::check::{Baseline, Baselined};
use crate::diagnosis::selection::Selection;
use crate::finding::CauseId;
use crate::frame::CaptureId;
use crate::options::{AnalyseOptions, Grouping, HostsOptions, Input, ShowOptions};
use crate::pipeline::{Judging, Pipeline, Settings};
use crate::points::{self, Arrange, Plan};
use crate::record::{Between, Signal, Sink, Window};
use crate::report::{self, Capped, Format, Out, Style, Tee, Verbosity, View};
use crate::source::{
    Came, Following, check_filter, is_spooled, reason, spool_standard_input, standard_input_is_a_file,
    standard_input_is_cut,
};
use attend::{complain, note};
use interrupt::Interrupt;
use keylog::KeyLogs;
use output::{Destination, Files, Role};
use reading::AllRead;
use trouble::Trouble;
use watched::Watched;

#[cfg(feature = "cli")]
pub use check::check;
#[cfg(feature = "cli")]
pub use demo::demo;
pub use extract::extract;
#[cfg(feature = "cli")]
pub use facts::run as facts;
#[cfg(feature = "cli")]
pub use sessions::sessions;

/// Nothing at or above `--fail-on`.
const CLEAN: u8 = 0;
/// Such findings, or no transfer where one was required.
const FOUND: u8 = 1;
/// Usage, I/O, unreadable or unsupported input; wins over those above. Only a signal that cuts the reading off wins over
/// it (see [`reading`]).
const TROUBLE: u8 = 2;
/// Second interrupt: 128 + SIGINT, as shells count.
const INTERRUPTED: i32 = 130;

/// Analyses what `options` name and writes the report. The exit status.
pub fn run(options: &AnalyseOptions) -> u8 {
    reading(|interrupt| analyse(options, interrupt))
}

/// Lists the hosts of what `options` name. The exit status.
pub fn hosts(options: &HostsOptions) -> u8 {
    let settings = || settings(&options.input, Selection::default(), true);
    let open = |_| Ok(report::hosts(options.json, options.style.clone(), Box::new(Destination::standard_output())));
    reading(|interrupt| list(&options.input, &settings()?, None, interrupt, open))
}

/// Shows what happened in what `options` name. The exit status.
pub fn show(options: &ShowOptions) -> u8 {
    reading(|interrupt| shown(options, interrupt))
}

fn shown(options: &ShowOptions, interrupt: &Interrupt) -> Result<u8, Trouble> {
    let printed: Vec<View> = options.views.iter().filter(|(_, path)| path.is_none()).map(|(view, _)| *view).collect();
    if printed.len() > 1 && printed.iter().any(|view| view.is_document()) {
        let why = "an SVG or HTML document must be alone on standard output: name a file for it, or for the others";
        return Err(Trouble::Refused(why.to_owned()));
    }
    let plan = plan(&options.input, interrupt)?;
    let files = options.views.iter().filter_map(|(_, path)| path.as_deref());
    claim(&mut read_by(&options.input, &plan), !printed.is_empty(), files)?;
    let mut views: Vec<(View, Box<dyn Out>)> = Vec::new();
    for (view, path) in &options.views {
        views.push((*view, Box::new(whole(path.as_deref())?)));
    }
    let settings = settings(&options.input, options.selection.clone(), true)?;
    let mut sink = report::show(views, options.sessions.clone(), options.style.clone(), sentences(&plan));
    let read = read_all(&plan, &options.input, &settings, interrupt, &mut *sink)?;
    sink.end(&read.captures, &read.summary)?;
    // After an interrupt it may have been among what was not read.
    let unknown = options.sessions.iter().find(|id| **id > read.last_session && interrupt.cut().is_none());
    if let Some(id) = unknown {
        complain(&format!("no session {}: the last one is {}", id.0, read.last_session.0), None);
    }
    Ok(if read.complete && unknown.is_none() { CLEAN } else { TROUBLE })
}

/// The files that `input` says and the plan found: no output may be one of them.
fn read_by(input: &Input, plan: &Plan) -> Files {
    let mut files = Files::default();
    input.config.iter().for_each(|path| files.reads(Role::Configuration, path));
    let found = plan.groups.iter().flat_map(|group| &group.files).chain(plan.errors.iter().map(|error| &error.path));
    input.keylog.iter().for_each(|path| files.reads(Role::KeyLog, path));
    input.facts.iter().for_each(|path| files.reads(Role::Facts, path));
    let points = input.points.iter().flat_map(|point| &point.files);
    input.files.iter().chain(points).chain(found).for_each(|path| files.reads(Role::Input, path));
    files
}

/// Notes what will be written: standard output, if it is `printed` to, and `reports`. Refuses what would destroy a file
/// that is read, a capture or another output.
fn claim<'a>(files: &mut Files, printed: bool, mut reports: impl Iterator<Item = &'a Path>) -> Result<(), Trouble> {
    let standard = if printed { files.writes_standard_output() } else { Ok(()) };
    standard.and_then(|()| reports.try_for_each(|path| files.writes_report(path))).map_err(Trouble::Refused)
}

/// Opens where a report goes that is written at the end: standard output if no path is given.
fn whole(path: Option<&Path>) -> io::Result<Destination> {
    path.map_or_else(|| Ok(Destination::standard_output()), Destination::whole)
}

/// The same for a report that may be written as findings come.
fn opened(path: Option<&Path>, streamed: bool) -> io::Result<Box<dyn Out>> {
    let destination = match path {
        Some(path) if streamed => Destination::growing(path)?,
        path => whole(path)?,
    };
    Ok(Box::new(destination))
}

/// Prints what needs no capture. The exit status.
pub fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> u8 {
    let mut out = BufWriter::new(io::stdout());
    let written = write(&mut out).and_then(|()| out.flush());
    status(written.map(|()| CLEAN).map_err(Trouble::Print))
}

fn status(result: Result<u8, Trouble>) -> u8 {
    told(result).unwrap_or(TROUBLE)
}

/// The status of what `run` reads and reports. A signal that cuts the reading off makes it 128 and the signal's number,
/// unless the report could not be written: who waits for it has to know that it is not there.
fn reading(run: impl FnOnce(&Interrupt) -> Result<u8, Trouble>) -> u8 {
    let interrupt = Interrupt::catch();
    let status = told(run(&interrupt));
    status.map_or(TROUBLE, |status| interrupt.cut().map_or(status, Signal::status))
}

/// Says on standard error why there is no status, if there is none.
fn told(result: Result<u8, Trouble>) -> Option<u8> {
    match result {
        Ok(status) => Some(status),
        // Whoever read the report has seen enough of it.
        Err(Trouble::Output(error) | Trouble::Print(error)) if error.kind() == io::ErrorKind::BrokenPipe => Some(CLEAN),
        Err(trouble) => {
            complain(&trouble.to_string(), None);
            None
        }
    }
}

/// Every report that is asked for, the main one first.
fn reports(options: &AnalyseOptions, grouping: &[String]) -> Result<Box<dyn Sink>, Trouble> {
    let growing = is_growing(&options.input);
    let out = opened(options.output.as_deref(), growing && options.format.is_streamed())?;
    let main = if growing {
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
        let style = Style { color: false, links: false, ..options.style.clone() };
        let out = opened(Some(path), growing && *format == Format::Ndjson)?;
        sinks.push(report::sink(*format, style, grouping.to_vec(), out)?);
    }
    Ok(Box::new(Tee::new(sinks)))
}

fn read_baseline(path: Option<&Path>) -> Result<Baseline, Trouble> {
    let Some(path) = path else { return Ok(Baseline::default()) };
    let failed = |reason| Trouble::File { doing: "read", path: path.into(), reason };
    let text = fs::read_to_string(path).map_err(|error| failed(reason(&error)))?;
    Baseline::parse(&text).map_err(failed)
}

fn analyse(options: &AnalyseOptions, interrupt: &Interrupt) -> Result<u8, Trouble> {
    if options.between.is_some_and(|window| window.from >= window.to) {
        return Err(Trouble::Refused("--report-between: TO has to be later than FROM".to_owned()));
    }
    let plan = plan(&options.input, interrupt)?;
    let mut files = read_by(&options.input, &plan);
    options.baseline.iter().for_each(|path| files.reads(Role::Baseline, path));
    let named = options.output.iter().chain(options.beside.iter().map(|(_, path)| path)).chain(&options.write_baseline);
    claim(&mut files, options.output.is_none(), named.map(PathBuf::as_path))?;
    let known = read_baseline(options.baseline.as_deref())?;
    let baseline = options.write_baseline.as_deref().map(Destination::whole).transpose()?;
    let mut sink = Capped::new(reports(options, &sentences(&plan))?, options.max_findings);
    let mut watched = Watched { inner: &mut sink, fail_on: options.fail_on, reached: 0 };
    let baselined = Baselined::new(&mut watched, &known);
    let mut baselined = if options.write_baseline.is_some() { baselined } else { baselined.forgetful() };
    let in_full = options.format.needs_all() || options.beside.iter().any(|(format, _)| format.needs_all());
    let mut settings = settings(&options.input, options.selection.clone(), in_full)?;
    // What is told early may be taken back: only what is certain is chosen, counted off or kept.
    if options.cause.is_some()
        || options.between.is_some()
        || options.max_findings.is_some()
        || options.write_baseline.is_some()
    {
        settings.judging = Judging::AtEnd;
    }
    let mut only = Only::new(&mut baselined, options.cause);
    let read = read_between(options.between, &plan, &options.input, &settings, interrupt, &mut only)?;
    if lacks(&only, interrupt) {
        return Ok(TROUBLE);
    }
    let whole = options.write_baseline.as_deref().is_some_and(|path| is_whole(interrupt, path));
    let ended = only.end(&read.captures, &read.summary);
    let kept = baseline.filter(|_| whole).map_or(Ok(()), |mut file| {
        file.write_all(baselined.found.to_text().as_bytes())?;
        file.finish()
    });
    if baselined.left_out > 0 && options.format.is_for_people() && options.style.verbosity > Verbosity::Quiet {
        let known = if baselined.left_out == 1 { "finding" } else { "findings" };
        let _ = writeln!(io::stderr(), "{} known {known} left out (--baseline)", baselined.left_out);
    }
    if baselined.seen_from_one_point > 0 {
        let count = baselined.seen_from_one_point;
        let findings = if count == 1 { "finding is" } else { "findings are" };
        let why = format!(
            "{count} {findings} not in the baseline, which was written from one capture point: several points together show other causes; write a new one from all points (--write-baseline)"
        );
        note(&why);
    }
    // A reader of the report who has gone does not hide that there is no baseline.
    kept?;
    ended?;
    let is_reached = watched.reached > 0;
    let says_itself = options.format.is_for_people() && options.style.verbosity > Verbosity::Quiet;
    if sink.left_out() > 0 && !says_itself {
        let _ = writeln!(io::stderr(), "findings left out of the report (--max-findings): {}", sink.left_out());
    }
    let reached = is_reached && options.write_baseline.is_none();
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
    cause: Option<CauseId>,
    interrupt: &Interrupt,
    open: impl FnOnce(Vec<String>) -> io::Result<Box<dyn Sink>>,
) -> Result<u8, Trouble> {
    let plan = plan(input, interrupt)?;
    // As in a report: what is told early may be taken back.
    let judging = if cause.is_some() { Judging::AtEnd } else { settings.judging };
    let settings = &Settings { judging, ..settings.clone() };
    claim(&mut read_by(input, &plan), true, std::iter::empty())?;
    let mut sink = open(sentences(&plan))?;
    let mut only = Only::new(&mut *sink, cause);
    let read = read_all(&plan, input, settings, interrupt, &mut only)?;
    if lacks(&only, interrupt) {
        return Ok(TROUBLE);
    }
    only.end(&read.captures, &read.summary)?;
    Ok(if read.complete { CLEAN } else { TROUBLE })
}

/// Whether there is no such cause; says so. After an interrupt it may have been among what was not read.
fn lacks(only: &Only<'_>, interrupt: &Interrupt) -> bool {
    let lacking = only.lacking().filter(|_| interrupt.cut().is_none());
    if let Some(why) = &lacking {
        complain(why, None);
    }
    lacking.is_some()
}

fn settings(input: &Input, selection: Selection, in_full: bool) -> Result<Settings, Trouble> {
    let judging = if is_growing(input) { Judging::Promptly } else { Judging::AtEnd };
    // What was decrypted has names that nobody replaced.
    let keys = if input.anonymize.is_some() { None } else { Some(keylog::read(&input.keylog)?) };
    let mut known = Settings::of(&input.ports, input.time_wait, input.here.clone());
    known.policy.facts = facts::read(&input.facts, input.anonymize)?;
    let keys_may_grow = is_growing(input) && !input.keylog.is_empty();
    Ok(Settings { selection, in_full, judging, keys, keys_may_grow, ..known })
}

/// Plans the reading of `input`; a filter that does not compile is told before anything is read.
fn plan(input: &Input, interrupt: &Interrupt) -> Result<Plan, Trouble> {
    input.filter.as_deref().map_or(Ok(()), check_filter).map_err(Trouble::Filter)?;
    if input.anonymize.is_some() {
        interrupt.watch(|| keep_for_two_readings(input, interrupt))?;
    }
    let arrange = match input.grouping {
        Grouping::Auto => Arrange::Auto,
        Grouping::Merge => Arrange::Merge,
        Grouping::PerFile => Arrange::PerFile,
    };
    let looking = points::Looking { ports: &input.ports, filter: input.filter.as_deref() };
    let inputs = points::Inputs { files: &input.files, points: &input.points, arrange, looking };
    let plan = interrupt.watch(|| points::plan(&inputs));
    let captures: usize = plan.groups.iter().map(|group| group.files.len()).sum();
    if input.follow && captures > 1 {
        let why = format!("--follow reads one capture, the one that is still being written, and {captures} were named");
        return Err(Trouble::Refused(why));
    }
    Ok(plan)
}

/// Sees to it that all inputs can be read twice. What has been kept of standard input when a signal comes is what was
/// read of it: that is judged, unless another signal comes.
fn keep_for_two_readings(input: &Input, interrupt: &Interrupt) -> Result<(), Trouble> {
    input.files.iter().try_for_each(|file| must_be_read_again(file))?;
    if standard_input_is_cut() {
        interrupt.go_on();
    }
    Ok(())
}

/// Sees to it that an input can be read twice: standard input is copied, another pipe is refused.
fn must_be_read_again(file: &Path) -> Result<(), Trouble> {
    match file.metadata() {
        _ if file == Path::new("-") => spool_standard_input().map_err(|error| Trouble::Refused(error.to_string())),
        Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => Err(Trouble::Refused(format!(
            "{} can be read only once, but this reads the input twice: save it first, or pipe it into standard input (-)",
            file.display()
        ))),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Reads and judges all timelines; `sink` is told everything but the end.
fn read_all(
    plan: &Plan,
    input: &Input,
    settings: &Settings,
    interrupt: &Interrupt,
    sink: &mut dyn Sink,
) -> io::Result<AllRead> {
    read_between(None, plan, input, settings, interrupt, sink)
}

/// The same; `sink` is told only what belongs to a window of time, if there is one.
fn read_between(
    window: Option<Window>,
    plan: &Plan,
    input: &Input,
    settings: &Settings,
    interrupt: &Interrupt,
    sink: &mut dyn Sink,
) -> io::Result<AllRead> {
    interrupt.watch(|| {
        let mut caused = Caused::new(sink);
        let read = match window {
            Some(window) => {
                let mut between = Between::new(&mut caused, window);
                groups::read(plan, input, settings, interrupt, &mut between).map(|mut read| {
                    read.summary = between.counted(&read.summary);
                    read
                })
            }
            None => groups::read(plan, input, settings, interrupt, &mut caused),
        };
        let read = read.and_then(|read| caused.finish().map(|()| read));
        if read.is_err() && interrupt.is_wanted() {
            interrupt.cut_off();
        }
        read
    })
}

/// Whether all was read, so that the file of this name may be written; says so if it may not.
fn is_whole(interrupt: &Interrupt, path: &Path) -> bool {
    if interrupt.cut().is_some() {
        complain(&format!("{} was not written, because not everything was read", path.display()), None);
    }
    interrupt.cut().is_none()
}

/// How the inputs were taken, where that is not plain.
fn sentences(plan: &Plan) -> Vec<String> {
    let told = plan.to_string();
    if told.is_empty() { Vec::new() } else { vec![told] }
}

/// Whether the input is still being written: `--follow`, or a pipe.
fn is_growing(input: &Input) -> bool {
    let pipe = || !is_spooled() && !standard_input_is_a_file();
    // Pseudonyms are given to what has been read to its end.
    input.anonymize.is_none()
        && (input.follow || matches!(input.files.as_slice(), [file] if file == Path::new("-")) && pipe())
}

/// Judges a capture while it is being written.
fn follow(
    file: &Path,
    id: CaptureId,
    input: &Input,
    pipeline: &mut Pipeline,
    sink: &mut dyn Sink,
    interrupt: &Interrupt,
) -> io::Result<Following> {
    let mut following = Following::start(file, id, input.filter.as_deref(), interrupt.flag())?;
    let mut keys = KeyLogs::open(&input.keylog)?;
    let mut begun = 0;
    loop {
        let came = following.wait();
        for notice in following.take_notices() {
            complain(&notice, None);
        }
        match came {
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
        keys.feed(pipeline);
    }
}
