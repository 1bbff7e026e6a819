//! `ftpwhy live`: interfaces to pipeline to report, for as long as it takes.

mod counters;
mod evidence;
mod lacking;
mod outage;
mod outfile;
mod recording;
mod reported;
mod shelf;
mod signals;
mod stop;

use std::fs;
use std::io::{self, Write, stderr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::facts::{Tables, Watching, beside, replace_beside};
use super::keylog::KeyLogs;
use super::output::{Files, Role, followed, replace};
use super::{CLEAN, FOUND, TROUBLE, complain, print};
use crate::cli::{LiveOptions, StatusLine};
use crate::finding::SessionId;
use crate::frame::{CaptureId, Timestamp};
use crate::pipeline::{Judging, Pipeline, Settings};
use crate::record::Sink;
use crate::report::{self, Verbosity, time_wait_table};
use crate::source::live::{Arrival, Arrivals, Confined, Tap, Wanted, confine, devices, now, user_exists};
use crate::source::reason;
use crate::source::write::Counted;
use evidence::Evidence;
use lacking::Lacking;
use outage::Outage;
use outfile::Outfile;
use recording::Recording;
use reported::Reported;
use signals::Signals;
use stop::Stop;

/// How often the status line, the metrics and the written file are brought up to date.
const BREATH: Duration = Duration::from_secs(1);

/// How often the metrics are written: nobody scrapes more often.
const METRICS: Duration = Duration::from_secs(10);

/// What has been captured when it is time to stop is still judged, but not longer than this; the rest is dropped.
const LAST_READ: Duration = Duration::from_secs(1);

/// The share of the memory limit that packets may take which wait to be judged: one part of so many, within bounds.
const WAITING: u64 = 16;

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
    told: Reported,
    report: Outfile,
    recording: Option<Recording>,
    evidence: Option<Evidence>,
    keys: KeyLogs,
    metrics: Outage,
    lacking: Lacking,
    /// What this host's kernel says.
    facts: Option<Watching>,
    /// What the interfaces counted when last looked at, for the files.
    counted: Vec<Counted>,
    stop: Stop,
    /// The last interface is gone for good.
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
        // Also those of other interfaces: a port of a bridge or bond has none itself.
        let own = devices().map_err(|error| Some((error.to_string(), error.help())))?;
        let here = own.into_iter().flat_map(|device| device.addresses).chain(options.here.iter().copied()).collect();
        if let Some(folder) = &options.evidence {
            fs::create_dir_all(folder).map_err(|error| failed("create", folder, &error))?;
        }
        // Open before the sandbox closes.
        let tables = if options.facts { Some(Tables::open().map_err(|why| Some((why, None)))?) } else { None };
        let keys = KeyLogs::open(&options.keylog).map_err(|error| Some((error.to_string(), None)))?;
        let confined = confine(options.user.as_deref(), &folders(options), &options.interfaces);
        let confined = confined.map_err(|why| Some((why, None)))?;

        let report = match &options.output {
            Some(path) => Outfile::create(path),
            None => Outfile::standard_output(),
        };
        let report = report.map_err(|error| output_failed(options, &error))?;
        let sink = report::live_sink(options.format, options.style.clone(), Box::new(report.clone()));
        let quiet = options.style.verbosity == Verbosity::Quiet;
        let name = options.write.clone().filter(|_| !options.rotation.is_wanted());
        let name = name.unwrap_or_else(|| PathBuf::from(options.interfaces.join(",")));
        let waiting = (options.memory_limit / WAITING).clamp(1 << 20, 16 << 20);
        let arrivals = Arrivals::start(taps, CaptureId(0), name, usize::try_from(waiting).unwrap_or(usize::MAX));
        let arrivals = arrivals.map_err(|error| Some((error.to_string(), None)))?;
        let interfaces: Vec<_> = arrivals.captures().iter().flat_map(|capture| capture.interfaces.clone()).collect();
        let recording = options.write.as_ref().map(|path| {
            let recording = Recording::create(path, options.rotation, interfaces.clone(), now());
            recording.map_err(|error| failed("write", path, &error))
        });
        let kept = options.evidence.as_ref().map_or(0, |_| evidence::share(options.memory_limit));
        let settings = Settings {
            judging: Judging::Promptly,
            memory: Some(options.memory_limit.saturating_sub(kept + waiting)),
            keys: Some(keys.keys()),
            keys_may_grow: !options.keylog.is_empty(),
            ..Settings::of(&options.scope.ports, options.time_wait, here)
        };
        let sink = sink.map_err(|error| output_failed(options, &error))?;
        let metrics = options.metrics.as_deref().unwrap_or(Path::new("")).display().to_string();
        let evidence = |folder: &PathBuf| Evidence::new(folder.clone(), interfaces, options.memory_limit);
        let mut watch = Self {
            options,
            signals,
            pipeline: Pipeline::new(settings, SessionId(1)),
            told: Reported::new(sink, options.fail_on, StatusLine::new(!quiet)),
            report,
            recording: recording.transpose()?,
            evidence: options.evidence.as_ref().map(evidence),
            keys,
            metrics: Outage::new(metrics, ["update", "updates"]),
            lacking: Lacking::default(),
            facts: tables.map(|tables| Watching::new(tables, &options.scope.ports)),
            counted: counted(&arrivals),
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
            Confined::Partly => self.notice("this kernel enforces only part of the sandbox (Landlock)"),
            Confined::Not => self.notice("this kernel has no Landlock: files are protected only by their permissions"),
        }
        self.notice(&format!("capturing on {}; stop with ^C", self.options.interfaces.join(", ")));
    }

    fn watch(mut self) -> Result<u8, Trouble> {
        self.told.begins(self.arrivals.captures()).map_err(|error| self.report_failed(&error))?;
        let (mut breath, mut metrics) = (Instant::now(), None::<Instant>);
        let mut ending: Option<Instant> = None;
        loop {
            match self.arrivals.next() {
                Arrival::Frame => self.frame()?,
                Arrival::Idle(time) => self.idle(time)?,
                Arrival::Notice(notice) => self.notice(&notice),
                Arrival::Ended => {
                    self.lost = ending.is_none();
                    break;
                }
            }
            if self.stop.is_enough(self.arrivals.captures(), self.recording.as_ref().map(Recording::written)) {
                break;
            }
            match ending {
                Some(since) if since.elapsed() >= LAST_READ => {
                    self.arrivals.abandon();
                    break;
                }
                None if self.signals.stop() || self.stop.is_time() => {
                    self.arrivals.end();
                    ending = Some(Instant::now());
                }
                _ => {}
            }
            if breath.elapsed() >= BREATH {
                breath = Instant::now();
                self.breathe();
            }
            if metrics.is_none_or(|metrics| metrics.elapsed() >= METRICS) {
                metrics = Some(Instant::now());
                self.write_metrics();
                self.write_facts();
            }
        }
        self.end()
    }

    fn frame(&mut self) -> Result<(), Trouble> {
        let Some(frame) = self.arrivals.frame() else { return Ok(()) };
        let captures = self.arrivals.captures();
        if let Some(facts) = self.facts.as_mut().and_then(|facts| facts.frame(&frame)) {
            self.pipeline.learn_facts(facts);
        }
        let notice = self.recording.as_mut().and_then(|recording| recording.frame(&frame, &self.counted));
        self.pipeline.push(&frame, captures, &mut self.told).map_err(|error| self.report_failed(&error))?;
        if let Some(evidence) = &mut self.evidence {
            evidence.keep(&frame, self.pipeline.booked());
        }
        self.keys.feed(&mut self.pipeline);
        self.stop.seen(&frame);
        self.write_evidence();
        self.notices(notice);
        Ok(())
    }

    fn idle(&mut self, time: Timestamp) -> Result<(), Trouble> {
        let ticked = self.pipeline.tick(time, self.arrivals.captures(), &mut self.told);
        ticked.map_err(|error| self.report_failed(&error))?;
        self.keys.feed(&mut self.pipeline);
        self.write_evidence();
        Ok(())
    }

    /// What is done from time to time, whether packets come or not.
    fn breathe(&mut self) {
        self.counted = counted(&self.arrivals);
        let is_reopening = self.signals.reopen();
        if is_reopening {
            self.report.reopen();
        }
        let mut notices = self.report.breathe();
        if let Some(recording) = &mut self.recording {
            if is_reopening {
                notices.extend(recording.reopen(now(), &self.counted));
            }
            notices.extend(recording.breathe(now(), &self.counted));
        }
        if let Some(evidence) = &mut self.evidence {
            evidence.breathe();
        }
        notices.extend(self.lacking.breathe(self.arrivals.captures()));
        self.notices(notices);
        let counters = self.counters();
        if self.signals.show() {
            self.notice(&counters.line());
            if self.options.statistics {
                self.show_time_wait_table();
            }
        }
        self.told.status().show(&counters.line());
    }

    fn counters(&self) -> counters::Counters {
        let files = [self.recording.as_ref().map(Recording::outage), self.evidence.as_ref().map(Evidence::outage)];
        let unwritten = files.into_iter().flatten().map(Outage::in_all).chain([self.report.lost()]);
        counters::Counters::of(&self.arrivals, &self.pipeline, &self.told, unwritten.collect())
    }

    fn write_metrics(&mut self) {
        let Some(path) = &self.options.metrics else { return };
        let notice = match replace(path, &self.counters().prometheus()) {
            Ok(()) => self.metrics.ends(),
            Err(error) => {
                self.metrics.lose(1);
                self.metrics.begins(&error)
            }
        };
        self.notices(notice);
    }

    /// Beside the files of `-w`, where there was FTP.
    fn write_facts(&mut self) {
        let (Some(path), Some(facts)) = (&self.options.write, &self.facts) else { return };
        if facts.host().readings.is_empty() {
            return;
        }
        if let Err(error) = replace_beside(path, facts.host()) {
            let text = format!("could not write {}: {}", beside(path, 0).display(), reason(&error));
            self.notice(&text);
        }
    }

    fn write_evidence(&mut self) {
        let mut findings = self.told.take_new();
        let Some(evidence) = self.evidence.as_mut().filter(|_| !findings.is_empty()) else { return };
        for (finding, server) in &mut findings {
            let of_session = || self.pipeline.server(finding.session?);
            *server = server.or_else(of_session).or_else(|| finding.hosts.first().copied());
        }
        let notices = evidence.write(&findings);
        self.notices(notices);
    }

    fn end(mut self) -> Result<u8, Trouble> {
        self.told.status().clear();
        let finished = self.pipeline.finish(self.arrivals.captures(), &mut self.told);
        let summary = finished.map_err(|error| self.report_failed(&error))?;
        if let Some(evidence) = &mut self.evidence {
            evidence.breathe();
        }
        self.write_evidence();
        let ended = self.told.end(self.arrivals.captures(), &summary);
        ended.map_err(|error| self.report_failed(&error))?;
        if self.options.statistics {
            self.show_time_wait_table();
        }
        self.write_metrics();
        self.write_facts();
        let counted = counted(&self.arrivals);
        let recording = self.recording.take().and_then(|recording| recording.finish(now(), &counted));
        let evidence = self.evidence.as_ref().and_then(|evidence| evidence.outage().verdict());
        // Metrics that could be written in the end are up to date.
        let metrics = self.metrics.verdict().filter(|_| self.metrics.is_on());
        let missing = [lacking::verdict(self.arrivals.captures()), recording, evidence, self.report.finish(), metrics];
        let lost = self.lost.then(|| "no interface is left to capture on".to_owned());
        let trouble: Vec<String> = missing.into_iter().flatten().chain(lost).collect();
        for message in &trouble {
            complain(message, None);
        }
        Ok(match (trouble.is_empty(), self.told.reached()) {
            (false, _) => TROUBLE,
            (true, true) => FOUND,
            (true, false) => CLEAN,
        })
    }

    /// Which 5-tuples are in TIME-WAIT, on standard error.
    fn show_time_wait_table(&mut self) {
        self.told.status().clear();
        let held = self.pipeline.time_wait_table(now());
        // When standard error is gone, nobody reads it.
        let _ = time_wait_table::write(&held, &self.options.style, &mut stderr());
    }

    fn notice(&mut self, text: &str) {
        self.told.status().clear();
        let _ = writeln!(stderr(), "ftpwhy: {}", crate::text::printable_str(text));
    }

    fn notices(&mut self, texts: impl IntoIterator<Item = String>) {
        texts.into_iter().for_each(|text| self.notice(&text));
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
    options.keylog.iter().for_each(|path| files.reads(Role::KeyLog, path));
    if options.output.is_none() {
        files.writes_standard_output()?;
    }
    // The files of a ring have other names.
    let write = options.write.iter().filter(|_| !options.rotation.is_wanted());
    let beside = options.write.iter().filter(|_| options.facts).map(|path| beside(path, 0)).collect::<Vec<_>>();
    let mut outputs =
        options.output.iter().chain(write).chain(&beside).chain(&options.metrics).chain(&options.evidence);
    outputs.try_for_each(|path| files.writes(path))
}

/// The directories in which files come to be, and those that links lead to. One that is removed and made again is another
/// one to the kernel: that those of a ring and of evidence can be written again, the directory around them has to be open
/// too.
fn folders(options: &LiveOptions) -> Vec<PathBuf> {
    let files = [&options.write, &options.output, &options.metrics].into_iter().flatten();
    let files = files.flat_map(|path| [Some(path.clone()), followed(path)]).flatten().map(|path| parent(&path));
    let ring = options.write.iter().filter(|_| options.rotation.is_wanted()).map(|path| parent(path));
    let made_again: Vec<PathBuf> = ring.chain(options.evidence.clone()).collect();
    let around = made_again.iter().map(|folder| parent(folder)).filter(|around| around != Path::new("/"));
    files.chain(around).chain(options.evidence.clone()).collect()
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}
