//! `ftpwhy run`: captures while a command runs, and reports when it has ended.
//!
//! The order is what matters: interfaces are open and the kernel keeps their packets before the command starts; the
//! command is started before this process confines itself, for it would inherit that; nothing is judged before the end,
//! so that the keys of TLS are known by then.

mod command;
mod held;
mod keylog;
mod mine;
mod owners;
mod private;

use std::cell::RefCell;
use std::io::{self, Write, stderr};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::facts::{Tables, Watching, beside, replace_beside};
use super::output::{Destination, Files, Role};
use super::{CLEAN, FOUND, TROUBLE, complain};
use crate::cli::RunOptions;
use crate::finding::SessionId;
use crate::frame::CaptureId;
use crate::pipeline::{Pipeline, Settings};
use crate::report::{self, Out};
use crate::source::live::{Arrival, Arrivals, Tap, Wanted, confine, devices, now, shed, user_exists};
use crate::source::reason;
use crate::source::write::{Rotating, Rotation};
use command::Running;
use held::Held;
use keylog::KeyLog;
use mine::Mine;
use owners::Watch;

/// Trouble of its own, before the command was started; `env` and `timeout` say the same.
const OWN_TROUBLE: u8 = 125;

/// How long is captured when the command has ended: for a late RST or the last reply.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// What was captured up to then is waited for, but not longer.
const LAST_READ: Duration = Duration::from_secs(1);

/// Bytes of a frame that are kept.
const SNAP_LEN: u32 = 262_144;

/// Bytes that the kernel may hold back for each interface.
const BUFFER: u32 = 16 << 20;

/// Bytes of what was captured that may wait to be read.
const WAITING: usize = 16 << 20;

/// Why nothing was judged: the exit status of the command it stands for, what to say, what helps.
struct Trouble {
    status: u8,
    message: String,
    help: Option<String>,
}

impl From<String> for Trouble {
    fn from(message: String) -> Self {
        Self { status: OWN_TROUBLE, message, help: None }
    }
}

fn failed(what: &str, path: &Path, error: &io::Error) -> Trouble {
    format!("could not {what} {}: {}", path.display(), reason(error)).into()
}

/// Runs the command and reports. The exit status.
pub fn run(options: &RunOptions) -> u8 {
    let done = Errand::begin(options).and_then(Errand::see_through);
    done.unwrap_or_else(|trouble| {
        complain(&trouble.message, trouble.help.as_deref());
        if options.verdict.is_some() { TROUBLE } else { trouble.status }
    })
}

/// A command that runs and is watched.
struct Errand<'a> {
    options: &'a RunOptions,
    running: Running,
    watch: Watch,
    keylog: Option<KeyLog>,
    arrivals: Arrivals,
    held: Held,
    pipeline: Pipeline,
    mine: Mine,
    recording: Option<Rotating>,
    facts: Option<Watching>,
    report: Option<Destination>,
    /// What happened to interfaces and files.
    notices: Vec<String>,
}

impl<'a> Errand<'a> {
    fn begin(options: &'a RunOptions) -> Result<Self, Trouble> {
        claim(options)?;
        if let Some(user) = options.user.as_ref().filter(|user| !user_exists(user)) {
            return Err(format!("there is no user {user}").into());
        }
        let taps = open(options)?;
        let own = devices().map_err(|error| Trouble { help: error.help(), ..error.to_string().into() })?;
        let here: Vec<_> = own.into_iter().flat_map(|device| device.addresses).collect();
        let tables = Tables::open()?;
        let facts = if options.facts { Some(Watching::new(Tables::open()?, &options.scope.ports)) } else { None };
        shed(options.user.as_deref())?;

        // Files come to be before the command runs, and are the user's.
        let report = options.output.as_deref().map(Destination::whole).transpose();
        let report =
            report.map_err(|error| failed("write", options.output.as_deref().unwrap_or(Path::new("")), &error))?;
        let interfaces = (0..).zip(&taps).map(|(number, tap)| tap.described(number)).collect();
        let recording = options.write.as_ref().map(|path| {
            let recording = Rotating::create(path, Rotation::default(), interfaces, now());
            recording.map_err(|error| failed("write", path, &error))
        });
        let recording = recording.transpose()?;
        let (keylog, mut file) = KeyLog::wanted().map_or((None, None), |(keylog, file)| (Some(keylog), file));

        let began = now();
        let running = Running::start(options, keylog.as_ref().map(KeyLog::variable))?;
        if let Some(file) = &mut file {
            file.is_given_to(running.process());
        }
        let watch = Watch::start(tables, running.process(), file);
        let confined = confine(None, &folders(options), &options.interfaces).map_err(Trouble::from);
        let name = PathBuf::from(options.interfaces.join(","));
        let arrivals = confined.and_then(|_| {
            let arrivals = Arrivals::start(taps, CaptureId(0), name, WAITING);
            arrivals.map_err(|error| error.to_string().into())
        });
        let arrivals = arrivals.inspect_err(|_| watch.signal(Signal::TERM))?;
        let settings = Settings {
            keys: keylog.is_some().then(Default::default),
            ..Settings::of(&options.scope.ports, None, here.clone())
        };
        Ok(Self {
            options,
            running,
            watch,
            keylog,
            arrivals,
            held: Held::default(),
            pipeline: Pipeline::new(settings, SessionId(1)),
            mine: Mine::new(here, began),
            recording,
            facts,
            report,
            notices: Vec::new(),
        })
    }

    /// Waits for the command, then for what still comes, then judges and reports.
    fn see_through(mut self) -> Result<u8, Trouble> {
        let mut ended: Option<(ExitStatus, Instant)> = None;
        let mut ending: Option<Instant> = None;
        loop {
            match self.arrivals.next() {
                Arrival::Frame => self.frame()?,
                Arrival::Idle(_) => {}
                Arrival::Notice(notice) => self.notices.push(notice),
                Arrival::Ended => break,
            }
            if ended.is_none() {
                ended = self.running.look(&self.watch).map(|status| (status, Instant::now()));
            }
            let is_over =
                ended.is_some_and(|(_, at)| at.elapsed() >= AFTERWARDS || self.running.is_interrupted_again());
            match ending {
                None if is_over => {
                    self.arrivals.end();
                    ending = Some(Instant::now());
                }
                Some(since) if since.elapsed() >= LAST_READ => {
                    self.arrivals.abandon();
                    break;
                }
                _ => {}
            }
        }
        // Without an interface the command still goes on.
        let status = ended.map_or_else(|| self.running.wait(&self.watch), |(status, _)| status);
        let is_verdict_wanted = self.options.verdict.is_some();
        let verdict = self.report()?;
        Ok(if is_verdict_wanted { verdict } else { command::status(status) })
    }

    fn frame(&mut self) -> Result<(), Trouble> {
        let Some(frame) = self.arrivals.frame() else { return Ok(()) };
        if let Some(facts) = self.facts.as_mut().and_then(|facts| facts.frame(&frame)) {
            self.pipeline.learn_facts(facts);
        }
        if let Some(recording) = &mut self.recording
            && let Err(error) = recording.frame(&frame, &[])
        {
            let path = self.options.write.as_deref().unwrap_or(Path::new(""));
            self.notices.push(failed("write all of", path, &error).message);
            self.recording = None;
        }
        self.held.keep(&frame);
        while let Some(old) = self.held.overflow() {
            self.learn_keys();
            self.judge(&old)?;
        }
        Ok(())
    }

    /// The keys that the command has written up to now.
    fn learn_keys(&mut self) {
        if let Some(keys) = self.keylog.as_mut().and_then(KeyLog::news) {
            self.arrivals.carry(keys);
        }
    }

    fn judge(&mut self, kept: &held::Kept) -> Result<(), Trouble> {
        let frame = kept.frame();
        self.mine.glance(&frame);
        let pushed = self.pipeline.push(&frame, self.arrivals.captures(), &mut self.mine);
        pushed.map_err(|error| error.to_string().into())
    }

    /// Judges what was captured and writes the report. 0, 1 or 2, as for a capture.
    fn report(mut self) -> Result<u8, Trouble> {
        let owners = self.watch.end();
        self.learn_keys();
        self.mine.knows(owners);
        while let Some(kept) = self.held.next() {
            self.judge(&kept)?;
        }
        let finished = self.pipeline.finish(self.arrivals.captures(), &mut self.mine);
        finished.map_err(|error| Trouble::from(error.to_string()))?;
        let counts: Vec<_> = self.arrivals.counts().iter().map(|counts| (counts.received, counts.dropped)).collect();
        if let Some(Err(error)) = self.recording.take().map(|recording| recording.finish(now(), &counts)) {
            let path = self.options.write.as_deref().unwrap_or(Path::new(""));
            self.notices.push(failed("write all of", path, &error).message);
        }
        if let (Some(path), Some(facts)) = (&self.options.write, &self.facts)
            && !facts.host().readings.is_empty()
            && let Err(error) = replace_beside(path, facts.host())
        {
            self.notices.push(failed("write", &beside(path, 0), &error).message);
        }
        let text = Text::default();
        let (options, captures) = (self.options, self.arrivals.captures());
        let sentences = self.mine.sentences();
        let sink = report::sink(options.format, options.style.clone(), sentences, Box::new(text.clone()));
        let told = sink.and_then(|mut sink| self.mine.tell(captures, &mut *sink));
        told.map_err(|error| Trouble::from(format!("could not write the report: {}", reason(&error))))?;
        self.notices.iter().for_each(|notice| complain(notice, None));
        let written = match &mut self.report {
            Some(file) => file.write_all(&text.take()).and_then(|()| file.finish()),
            None => stderr().write_all(&text.take()),
        };
        if let Err(error) = written {
            let path = options.output.as_deref().unwrap_or(Path::new("standard error"));
            complain(&failed("write", path, &error).message, None);
            return Ok(TROUBLE);
        }
        let reached = options.verdict.is_some_and(|least| self.mine.reaches(least));
        let is_whole = captures.iter().all(crate::source::Capture::is_complete) && self.mine.has_sessions();
        Ok(match (is_whole, reached) {
            (false, _) => TROUBLE,
            (true, true) => FOUND,
            (true, false) => CLEAN,
        })
    }
}

/// A report that is written when it is whole.
#[derive(Clone, Default)]
struct Text(Rc<RefCell<Vec<u8>>>);

impl Text {
    fn take(&self) -> Vec<u8> {
        self.0.take()
    }
}

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Out for Text {}

fn claim(options: &RunOptions) -> Result<(), Trouble> {
    let mut files = Files::default();
    options.config.iter().for_each(|path| files.reads(Role::Configuration, path));
    let beside: Option<PathBuf> = options.write.as_ref().filter(|_| options.facts).map(|path| beside(path, 0));
    Ok(options.output.iter().chain(&options.write).chain(&beside).try_for_each(|path| files.writes(path))?)
}

fn open(options: &RunOptions) -> Result<Vec<Tap>, Trouble> {
    let opened = options.interfaces.iter().map(|interface| {
        Tap::open(&Wanted {
            interface: interface.clone(),
            filter: None,
            scope: options.scope.clone(),
            snap_len: SNAP_LEN,
            promiscuous: false,
            buffer: BUFFER,
        })
    });
    let opened: Result<Vec<Tap>, _> = opened.collect();
    opened.map_err(|error| Trouble { help: error.help(), ..error.to_string().into() })
}

/// The directories of the files that are written.
fn folders(options: &RunOptions) -> Vec<PathBuf> {
    let files = options.output.iter().chain(&options.write);
    let folders = files.map(|path| path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new(".")));
    folders.map(Path::to_owned).collect()
}
