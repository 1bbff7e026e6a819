//! The command: how it is started, what it is sent, how it ended.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::flag;

use super::Trouble;
use super::owners::Watch;
use crate::cli::RunOptions;
use crate::source::live::environment;
use crate::source::reason;

/// It was found and could not be run, or was not found; shells say the same.
const NOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;

/// What a command that does not heed SIGTERM gets.
const PATIENCE: Duration = Duration::from_secs(2);

/// The command, as long as it runs.
pub(super) struct Running {
    child: Child,
    began: Instant,
    timeout: Option<Duration>,
    /// Since when it was sent SIGTERM for taking too long.
    overdue: Option<Instant>,
    is_killed: bool,
    /// SIGTERM came, which the terminal does not send.
    terminate: Arc<AtomicBool>,
    interrupted: Arc<AtomicBool>,
}

impl Running {
    /// Starts it with the identity this process has. `keylog`: where it is to write the keys of TLS.
    pub(super) fn start(options: &RunOptions, keylog: Option<&OsStr>) -> Result<Self, Trouble> {
        let (terminate, interrupted) = (Arc::default(), Arc::default());
        // A terminal sends its signals to the command, too, which decides what comes of them.
        for (signal, flagged) in
            [(SIGTERM, &terminate), (SIGINT, &interrupted), (SIGQUIT, &interrupted), (SIGHUP, &interrupted)]
        {
            let _ = flag::register(signal, Arc::clone(flagged));
        }
        let nothing = OsString::new();
        let (program, arguments) = options.command.split_first().unwrap_or((&nothing, &[]));
        let mut command = Command::new(program);
        command.args(arguments);
        if let Some(keylog) = keylog {
            command.env("SSLKEYLOGFILE", keylog);
        }
        command.envs(options.user.iter().flat_map(|user| environment(user)));
        let child = command.spawn().map_err(|error| {
            let status = if error.kind() == ErrorKind::NotFound { NOT_FOUND } else { NOT_RUN };
            let why = if status == NOT_FOUND { "no such command".to_owned() } else { reason(&error) };
            let message = format!("could not run {}: {why}", Path::new(program).display());
            Trouble { status, message, help: None }
        })?;
        let (began, timeout) = (Instant::now(), options.timeout);
        Ok(Self { child, began, timeout, overdue: None, is_killed: false, terminate, interrupted })
    }

    /// Its process.
    pub(super) fn process(&self) -> &Child {
        &self.child
    }

    /// Passes on what came for it, ends it when its time is over; how it ended, if it has.
    pub(super) fn look(&mut self, watch: &Watch) -> Option<ExitStatus> {
        if let Ok(Some(status)) = self.child.try_wait() {
            // What comes from now on is for this process.
            self.interrupted.store(false, Ordering::Relaxed);
            return Some(status);
        }
        if self.terminate.swap(false, Ordering::Relaxed) {
            watch.signal(Signal::TERM);
        }
        let is_overdue = self.timeout.is_some_and(|timeout| self.began.elapsed() >= timeout);
        match self.overdue {
            None if is_overdue => {
                watch.signal(Signal::TERM);
                self.overdue = Some(Instant::now());
            }
            Some(since) if since.elapsed() >= PATIENCE && !self.is_killed => {
                watch.signal(Signal::KILL);
                self.is_killed = true;
            }
            _ => {}
        }
        None
    }

    /// Whether ^C or SIGTERM came since it ended.
    pub(super) fn is_interrupted_again(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed) || self.terminate.load(Ordering::Relaxed)
    }

    /// Waits until it has ended.
    pub(super) fn wait(&mut self, watch: &Watch) -> ExitStatus {
        loop {
            if let Some(status) = self.look(watch) {
                return status;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// What a shell says of a command that ended so.
pub(super) fn status(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code & 0xff).ok()).unwrap_or(super::OWN_TROUBLE)
}
