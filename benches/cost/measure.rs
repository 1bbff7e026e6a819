//! Time and peak memory of child processes (Linux).

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

/// How often the memory's high-water mark is read; it only grows, so what is missed is the last moment.
const POLL: Duration = Duration::from_millis(2);

/// What several runs of one command took.
#[derive(Clone, Copy)]
pub struct Cost {
    /// User and system time of the cheapest run in seconds, all threads: what others take of the machine only adds.
    pub least: f64,
    /// Time on the clock of the quickest run in seconds.
    pub wall: f64,
    /// Peak resident memory in MiB.
    pub memory: f64,
}

/// What is measured: the binary that `FTPWHY_BENCH_PROGRAM` names, or else the one that was built with the benchmark.
pub fn program() -> Command {
    Command::new(std::env::var("FTPWHY_BENCH_PROGRAM").unwrap_or(env!("CARGO_BIN_EXE_ftpwhy").to_owned()))
}

/// A number from the environment.
pub fn number<T: FromStr>(name: &str, usual: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// A command, and the file that it reads through a pipe, if it reads one.
pub struct Run {
    pub command: Command,
    pub piped: Option<PathBuf>,
}

impl From<Command> for Run {
    fn from(command: Command) -> Self {
        Self { command, piped: None }
    }
}

/// The costs of some commands, which take turns so that a busy moment of the machine meets all of them; `None` for one
/// that is missing or fails.
pub fn in_turn(rounds: usize, commands: &[&dyn Fn() -> Run]) -> Vec<Option<Cost>> {
    let mut runs: Vec<Option<Vec<Cost>>> = vec![Some(Vec::new()); commands.len()];
    for _ in 0..rounds {
        for (command, runs) in commands.iter().zip(&mut runs) {
            let Some(so_far) = runs else { continue };
            match once(command()) {
                Some(run) => so_far.push(run),
                None => *runs = None,
            }
        }
    }
    runs.into_iter().map(|runs| runs?.into_iter().reduce(best)).collect()
}

fn best(one: Cost, other: Cost) -> Cost {
    Cost { least: one.least.min(other.least), wall: one.wall.min(other.wall), memory: one.memory.max(other.memory) }
}

/// What one run took.
fn once(Run { mut command, piped }: Run) -> Option<Cost> {
    let before = of_children()?;
    let begin = Instant::now();
    let stdin = if piped.is_some() { Stdio::piped() } else { Stdio::null() };
    let mut child = command.stdin(stdin).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
    if let (Some(path), Some(mut pipe)) = (piped, child.stdin.take()) {
        let mut file = File::open(path).ok()?;
        // Whoever has read enough closes the pipe: its status tells.
        thread::spawn(move || io::copy(&mut file, &mut pipe));
    }
    let mut memory = 0.0_f64;
    let status = loop {
        memory = memory.max(peak(child.id()).unwrap_or(0.0));
        match child.try_wait().ok()? {
            Some(status) => break status,
            None => sleep(POLL),
        }
    };
    let wall = begin.elapsed().as_secs_f64();
    let least = of_children()? - before;
    status.success().then_some(Cost { least, wall, memory })
}

/// The CPU time of all children that have ended.
#[expect(clippy::cast_precision_loss, reason = "seconds and microseconds")]
fn of_children() -> Option<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).ok()?;
    let times = [usage.user_time(), usage.system_time()];
    Some(times.iter().map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6).sum())
}

/// `VmHWM` in MiB.
fn peak(process: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kib| kib / 1024.0)
}
