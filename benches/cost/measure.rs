//! CPU time and peak memory of a child process, read from `/proc` (Linux).

use std::fmt;
use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// Clock ticks a second in `/proc/PID/stat`, the same on every Linux that Rust runs on.
const TICKS: f64 = 100.0;
/// How often the memory's high-water mark is read; it only grows, so what is missed is the last moment.
const POLL: Duration = Duration::from_millis(2);

/// What one run took.
#[derive(Clone, Copy)]
pub struct Cost {
    /// User and system time in seconds, all threads.
    pub cpu: f64,
    /// Peak resident memory in MiB.
    pub memory: f64,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} | {:.0}", self.cpu, self.memory)
    }
}

/// The cheapest of several runs; `None` if the program is missing or fails.
pub fn best_of(runs: usize, command: impl Fn() -> Command) -> Option<Cost> {
    let costs: Option<Vec<Cost>> = (0..runs).map(|_| once(command())).collect();
    costs?.into_iter().min_by(|a, b| a.cpu.total_cmp(&b.cpu))
}

fn once(mut command: Command) -> Option<Cost> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
    let folder = format!("/proc/{}", child.id());
    let mut memory = 0.0_f64;
    // Until it is waited for, a process that has ended still tells its times.
    let cpu = loop {
        let stat = fs::read_to_string(format!("{folder}/stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
        if let Some(peak) = peak(&folder) {
            memory = memory.max(peak);
        }
        if fields.first() == Some(&"Z") {
            let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
            break ticks / TICKS;
        }
        sleep(POLL);
    };
    let status = child.wait().ok()?;
    status.success().then_some(Cost { cpu, memory })
}

/// `VmHWM` in MiB.
fn peak(folder: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("{folder}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kib| kib / 1024.0)
}
