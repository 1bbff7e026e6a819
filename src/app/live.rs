//! `ftpwhy live`: interfaces to pipeline to report, for as long as it takes.

mod counters;
mod evidence;
mod outfile;
mod signals;
mod stop;
mod told;

use std::fs;
use std::io::{self, Write, stderr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::output::{Destination, Files, Role, followed, replace};
use super::{CLEAN, FOUND, TROUBLE, complain, print};
use crate::cli::{LiveOptions, StatusLine, reason};
use crate::diagnosis::case::Policy;
use crate::diagnosis::selection::Selection;
use crate::finding::SessionId;
use crate::frame::{CaptureId, Timestamp};
use crate::pipeline::{Judging, Pipeline, Settings};
use crate::record::Sink;
use crate::report::{self, Out, Verbosity, ledger};
use crate::source::live::{Arrival, Arrivals, Confined, Tap, Wanted, confine, devices, now, user_exists};
use crate::source::write::{Counted, Rotating};
use evidence::Evidence;
use outfile::Outfile;
use signals::Signals;
use stop::Stop;
use told::Told;

/// How often the status line, the metrics and the written file are brought up to date.
const BREATH: Duration = Duration::from_secs(1);

/// How often the metrics are written: nobody scrapes more often.
const METRICS: Duration = Duration::from_secs(10);

/// What has been captured when it is time to stop is still read, but not longer than this.
const LAST_READ: Duration = Duration::from_secs(1);

/// Lists the interfaces. The exit status.
pub fn interfaces() -> u8 {
    let devices = match devices() {
        Ok(devices) => devices,
        Err(error) => {
            complain(&error.to_string(), error.help().as_deref());
            return TROUBLE;
        }
    };
    print(|out| {
        devices.iter().try_for_each(|device| {
            let state = match (device.up, device.running) {
                (false, _) => "down",
                (true, false) => "no carrier",
                (true, true) => "up",
            };
            let permitted =
                if Tap::is_permitted(&device.name) { "may capture" } else { "may not capture (needs CAP_NET_RAW)" };
            let addresses: Vec<String> = device.addresses.iter().map(ToString::to_string).collect();
            let line = [device.name.as_str(), state, permitted, &addresses.join(" ")];
            writeln!(out, "{}", line.join("\t").trim_end())
        })
    })
}

/// Captures and judges until told to stop. The exit status.
pub fn run(options: &LiveOptions) -> u8 {
    match Watch::begin(options).and_then(Watch::watch) {
        Ok(status) => status,
        Err(trouble) => {
            if let Some((message, help)) = trouble {
                complain(&message, help.as_deref());
            }
            TROUBLE
        }
    }
}

/// What went wrong and what to do about it; nothing where nobody is left to be told.
type Trouble = Option<(String, Option<String>)>;

fn failed(what: &str, path: &Path, error: &io::Error) -> Trouble {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return None;
    }
    Some((format!("could not {what} {}: {}", path.display(), reason(error)), None))
}

/// A capture that goes on.
struct Watch<'a> {
    options: &'a LiveOptions,
    signals: Signals,
    arrivals: Arrivals,
    pipeline: Pipeline,
    told: Told,
    report: Option<Outfile>,
    file: Option<Rotating>,
    evidence: Option<Evidence>,
    stop: Stop,
    /// The last interface is gone.
    lost: bool,
}

impl<'a> Watch<'a> {
    fn begin(options: &'a LiveOptions) -> Result<Self, Trouble> {
        let signals = Signals::catch();
        if let Some(user) = options.user.as_ref().filter(|user| !user_exists(user)) {
            return Err(Some((format!("there is no user {user}"), None)));
        }
        claim(options).map_err(|why| Some((why, None)))?;
        let taps = open(options)?;
        if let Some(folder) = &options.evidence {
            fs::create_dir_all(folder).map_err(|error| failed("create", folder, &error))?;
        }
        let confined = confine(options.user.as_deref(), &folders(options)).map_err(|why| Some((why, None)))?;

        let report =
            options.output.as_ref().map(|path| Outfile::create(path).map_err(|error| failed("write", path, &error)));
        let report = report.transpose()?;
        let out: Box<dyn Out> = match &report {
            Some(file) => Box::new(file.clone()),
            None => Box::new(Destination::standard_output()),
        };
        let sink = report::live_sink(options.format, options.style.clone(), out);
        let quiet = options.style.verbosity == Verbosity::Quiet;
        let name = options.write.clone().filter(|_| !options.rotation.is_wanted());
        let name = name.unwrap_or_else(|| PathBuf::from(options.interfaces.join(",")));
        let arrivals = Arrivals::start(taps, CaptureId(0), name).map_err(|error| Some((error.to_string(), None)))?;
        let interfaces: Vec<_> = arrivals.captures().iter().flat_map(|capture| capture.interfaces.clone()).collect();
        let file = options.write.as_ref().map(|path| {
            let file = Rotating::create(path, options.rotation, interfaces.clone(), now());
            file.map_err(|error| failed("write", path, &error))
        });
        let settings = Settings {
            ports: options.scope.ports.clone(),
            policy: Policy { time_wait: options.time_wait.map(|length| length.as_secs_f64()) },
            judging: Judging::Promptly,
            memory: Some(
                options.memory_limit - options.evidence.as_ref().map_or(0, |_| evidence::share(options.memory_limit)),
            ),
            selection: Selection::default(),
            in_full: false,
            overhear: false,
        };
        let mut watch = Self {
            options,
            signals,
            pipeline: Pipeline::new(settings, SessionId(1)),
            told: Told::new(
                sink.map_err(|error| output_failed(options, &error))?,
                options.fail_on,
                StatusLine::new(!quiet),
            ),
            report,
            file: file.transpose()?,
            evidence: options
                .evidence
                .as_ref()
                .map(|folder| Evidence::new(folder.clone(), interfaces, options.memory_limit)),
            stop: Stop::new(options.stop_at.clone()),
            arrivals,
            lost: false,
        };
        watch.say_how_it_begins(confined, quiet);
        Ok(watch)
    }

    fn say_how_it_begins(&mut self, confined: Confined, quiet: bool) {
        if quiet {
            return;
        }
        match confined {
            Confined::Fully => {}
            Confined::Partly => self.notice("this kernel enforces only part of the confinement (Landlock)"),
            Confined::Not => self.notice("this kernel has no Landlock: files are guarded by permissions alone"),
        }
        self.notice(&format!("capturing on {}; stop with ^C", self.options.interfaces.join(", ")));
    }

    fn watch(mut self) -> Result<u8, Trouble> {
        self.told.begins(self.arrivals.captures()).map_err(|error| self.report_failed(&error))?;
        let (mut breath, mut metrics) = (Instant::now(), None::<Instant>);
        let mut stopping: Option<Instant> = None;
        loop {
            let arrival = self.arrivals.next();
            let idle = matches!(arrival, Arrival::Idle(_));
            match arrival {
                Arrival::Frame => self.frame()?,
                Arrival::Idle(time) => self.idle(time)?,
                Arrival::Notice(notice) => self.notice(&notice),
                Arrival::Ended => {
                    self.lost = true;
                    break;
                }
            }
            if let Some(since) = stopping {
                if idle || since.elapsed() >= LAST_READ {
                    break;
                }
            } else if self.signals.stop() {
                stopping = Some(Instant::now());
            } else if self.stop.is_reached(self.arrivals.captures(), self.file.as_ref().map(Rotating::written)) {
                break;
            }
            if breath.elapsed() >= BREATH {
                breath = Instant::now();
                self.breathe()?;
            }
            if metrics.is_none_or(|metrics| metrics.elapsed() >= METRICS) {
                metrics = Some(Instant::now());
                self.write_metrics()?;
            }
        }
        self.end()
    }

    fn frame(&mut self) -> Result<(), Trouble> {
        let Some(frame) = self.arrivals.frame() else { return Ok(()) };
        let captures = self.arrivals.captures();
        if let Some(file) = &mut self.file {
            let counted = counted(&self.arrivals);
            file.frame(&frame, &counted).map_err(|error| failed("write", file.current(), &error))?;
        }
        self.pipeline.push(&frame, captures, &mut self.told).map_err(|error| output_failed(self.options, &error))?;
        if let Some(evidence) = &mut self.evidence {
            evidence.keep(&frame, self.pipeline.booked());
        }
        self.stop.seen(&frame);
        self.write_evidence()
    }

    fn idle(&mut self, time: Timestamp) -> Result<(), Trouble> {
        let ticked = self.pipeline.tick(time, self.arrivals.captures(), &mut self.told);
        ticked.map_err(|error| self.report_failed(&error))?;
        self.write_evidence()
    }

    /// What is done from time to time, whether packets come or not.
    fn breathe(&mut self) -> Result<(), Trouble> {
        if let Some(file) = &mut self.file {
            file.flush().map_err(|error| failed("write", file.current(), &error))?;
        }
        if self.signals.reopen() {
            if let Some(report) = &self.report {
                report.reopen().map_err(|error| failed("write", report.path(), &error))?;
            }
            let counted = counted(&self.arrivals);
            if let Some(file) = &mut self.file {
                file.reopen(now(), &counted).map_err(|error| failed("write", file.current(), &error))?;
            }
        }
        let counters = counters::Counters::of(&self.arrivals, &self.pipeline, &self.told);
        if self.signals.show() {
            self.notice(&counters.line());
            if self.options.statistics {
                self.show_ledger();
            }
        }
        self.told.status().show(&counters.line());
        Ok(())
    }

    fn write_metrics(&mut self) -> Result<(), Trouble> {
        let Some(path) = &self.options.metrics else { return Ok(()) };
        let text = counters::Counters::of(&self.arrivals, &self.pipeline, &self.told).prometheus();
        replace(path, &text).map_err(|error| failed("write", path, &error))
    }

    fn write_evidence(&mut self) -> Result<(), Trouble> {
        let findings = self.told.take_new();
        let Some(evidence) = &mut self.evidence else { return Ok(()) };
        for finding in findings {
            evidence.write(&finding).map_err(|error| failed("write", evidence.folder(), &error))?;
        }
        Ok(())
    }

    fn end(mut self) -> Result<u8, Trouble> {
        self.told.status().clear();
        let finished = self.pipeline.finish(self.arrivals.captures(), &mut self.told);
        let summary = finished.map_err(|error| self.report_failed(&error))?;
        self.write_evidence()?;
        let ended = self.told.end(self.arrivals.captures(), &summary);
        ended.map_err(|error| self.report_failed(&error))?;
        if self.options.statistics {
            self.show_ledger();
        }
        self.write_metrics()?;
        let counted = counted(&self.arrivals);
        if let Some(file) = self.file.take() {
            let path = file.current().to_owned();
            file.finish(now(), &counted).map_err(|error| failed("write", &path, &error))?;
        }
        if self.lost {
            complain("no interface is left to capture on", None);
            return Ok(TROUBLE);
        }
        Ok(if self.told.reached() { FOUND } else { CLEAN })
    }

    /// Which 5-tuples are in TIME-WAIT, on standard error.
    fn show_ledger(&mut self) {
        self.told.status().clear();
        let held = self.pipeline.ledger(now());
        // When standard error is gone, nobody reads it.
        let _ = ledger::write(&held, &self.options.style, &mut stderr());
    }

    fn notice(&mut self, text: &str) {
        self.told.status().clear();
        let _ = writeln!(stderr(), "ftpwhy: {}", crate::text::printable_str(text));
    }

    fn report_failed(&self, error: &io::Error) -> Trouble {
        output_failed(self.options, error)
    }
}

fn output_failed(options: &LiveOptions, error: &io::Error) -> Trouble {
    failed("write", options.output.as_deref().unwrap_or(Path::new("standard output")), error)
}

fn counted(arrivals: &Arrivals) -> Vec<Counted> {
    arrivals.counts().iter().map(|counts| (counts.received, counts.dropped)).collect()
}

fn open(options: &LiveOptions) -> Result<Vec<Tap>, Trouble> {
    let mut taps = Vec::with_capacity(options.interfaces.len());
    for interface in &options.interfaces {
        let wanted = Wanted {
            interface: interface.clone(),
            filter: options.filter.clone(),
            scope: options.scope.clone(),
            snap_len: options.snap_len,
            promiscuous: options.promiscuous,
            buffer: options.buffer,
        };
        taps.push(Tap::open(&wanted).map_err(|error| Some((error.to_string(), error.help())))?);
    }
    Ok(taps)
}

/// Refuses what would be written over the configuration file or another output.
fn claim(options: &LiveOptions) -> Result<(), String> {
    let mut files = Files::default();
    options.config.iter().for_each(|path| files.reads(Role::Configuration, path));
    if options.output.is_none() {
        files.writes_standard_output()?;
    }
    // The files of a ring have other names.
    let write = options.write.iter().filter(|_| !options.rotation.is_wanted());
    let mut outputs = options.output.iter().chain(write).chain(&options.metrics).chain(&options.evidence);
    outputs.try_for_each(|path| files.writes(path))
}

/// The directories in which files come to be, and those that links lead to.
fn folders(options: &LiveOptions) -> Vec<PathBuf> {
    let files = [&options.write, &options.output, &options.metrics];
    let named = files.into_iter().flatten().flat_map(|path| [Some(path.clone()), followed(path)]);
    let of_files = named.flatten().map(|path| match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    });
    of_files.chain(options.evidence.clone()).collect()
}
