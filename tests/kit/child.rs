//! Programs under way: signals to them, and an end to those that do not end by themselves.

use std::process::Child;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Longer than any program takes that a test waits for.
const PATIENCE: Duration = Duration::from_secs(120);

fn pid(program: &Child) -> Pid {
    Pid::from_raw(program.id().try_into().expect("a process id"))
}

/// What ^C does. A program that cannot be told would be waited for without end.
pub fn interrupt(program: &Child) {
    kill(pid(program), Signal::SIGINT).expect("the program is there");
}

/// As long as it lives, the program is ended when it takes too long: whoever waits for it goes on then, and fails.
pub struct Guard {
    _alive: Sender<()>,
}

impl Guard {
    pub fn of(program: &Child) -> Self {
        let (alive, is_over) = channel::<()>();
        let pid = pid(program);
        std::thread::spawn(move || {
            if is_over.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                // It may have ended in this moment.
                let _ = kill(pid, Signal::SIGKILL);
            }
        });
        Self { _alive: alive }
    }
}
