//! `ftpwhy live` and `ftpwhy interfaces`: capture, and list what can be captured on.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum, ValueHint};

use super::scope::ScopeArguments;
use super::{FailOn, Terminal};
use crate::report::{By, Format, Style, TimeStyle, Verbosity};
use crate::source::live::Scope;
use crate::source::write::Rotation;

/// List the interfaces that can be captured on
///
/// Names, addresses and state, and whether this user may capture there.
#[derive(Args)]
#[command(short_flag = 'D')]
pub(super) struct Interfaces {}

/// Capture, and say why transfers fail while they fail
///
/// Prints each finding as soon as its transfer has ended; findings about hosts follow after a few seconds. A finding
/// that is no longer true is withdrawn, a finding that changes is printed again as updated, and long sessions are
/// reported in parts. Of each cause, full prints the first finding; later ones are one line at the 2nd, 10th, 100th and
/// so on (-v prints each). It says when a cause has stopped: three transfers worked where it had failed, or it was not
/// seen for 10 minutes, longer each time that it comes back. SYNs of a data connection without an answer for 2.5 s are
/// reported as pending, and later how that ended; full prints two for one address within 10 minutes. By default file
/// contents are not stored; everything needed as evidence is. Needs only CAP_NET_RAW, and drops it when the interfaces are open. SIGINT and SIGTERM end it with a
/// table of the last transfers and a summary; SIGUSR1 prints the counters; SIGHUP reopens the files of -w and -o.
/// Packets that arrive faster than they are analysed are dropped by the kernel and counted. A full disk, a removed
/// directory or a removed interface do not end the capture: ftpwhy reports it, counts what is missing, and continues
/// when it is back.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Live {
    /// Capture on IFACE; may be repeated; any means all interfaces (see ftpwhy interfaces)
    #[arg(short, long = "interface", value_name = "IFACE", required = true, help_heading = "Capture")]
    interfaces: Vec<String>,

    /// Capture packets that match this BPF expression (tcpdump's syntax) instead of the default filter
    #[arg(short, long, value_name = "BPF", help_heading = "Capture")]
    filter: Option<String>,

    /// Store only the first BYTES of each packet
    #[arg(
        short,
        long,
        value_name = "BYTES",
        default_value = "262144",
        value_parser = clap::value_parser!(u32).range(64..=262_144),
        help_heading = "Capture"
    )]
    snaplen: u32,

    /// Do not use promiscuous mode
    #[arg(short = 'p', long, help_heading = "Capture")]
    no_promiscuous: bool,

    /// Size of the kernel's buffer for each interface; when it is full, packets are dropped
    #[arg(
        short = 'B',
        long,
        value_name = "MiB",
        default_value = "16",
        value_parser = clap::value_parser!(u32).range(1..=1024),
        help_heading = "Capture"
    )]
    buffer_size: u32,

    #[command(flatten)]
    scope: ScopeArguments,

    /// Stop after this many packets
    #[arg(short, long, value_name = "PACKETS", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Capture")]
    count: Option<u64>,

    /// Stop after duration:SECONDS, packets:N or filesize:KILOBYTES; may be repeated
    #[arg(short, long, value_name = "CONDITION", value_parser = stop_at, help_heading = "Capture")]
    autostop: Vec<StopAt>,

    /// Change to USER when the interfaces are open
    #[arg(short = 'Z', long, value_name = "USER", help_heading = "Capture")]
    user: Option<String>,

    /// How long TIME-WAIT lasts on the hosts, instead of the usual values of common systems
    #[arg(long, value_name = "SECONDS", value_parser = seconds, help_heading = "Capture")]
    time_wait: Option<Duration>,

    /// This host also has this address, in addition to those of its interfaces; may be repeated
    #[arg(long, value_name = "ADDR", help_heading = "Capture")]
    here: Vec<IpAddr>,

    /// Do not read this host's sockets, routes and neighbours (see ftpwhy facts); some findings are then less certain
    #[arg(long, help_heading = "Capture")]
    no_facts: bool,

    /// Decrypt FTPS with the keys in FILE, also with keys that are added later; the file must exist; may be repeated
    #[arg(long, value_name = "FILE", help_heading = "Capture", value_hint = ValueHint::FilePath)]
    keylog: Vec<PathBuf>,

    /// Use at most this much memory for all tables, including frames for --evidence and waiting packets
    #[arg(
        long,
        value_name = "MiB",
        default_value = "256",
        value_parser = clap::value_parser!(u64).range(16..=65_536),
        help_heading = "Capture"
    )]
    memory_limit: u64,

    /// Write the captured packets to FILE (pcapng)
    #[arg(short, long, value_name = "FILE", help_heading = "Files", value_hint = ValueHint::FilePath)]
    write: Option<PathBuf>,

    /// Start a new file of -w after filesize:KILOBYTES or duration:SECONDS; keep files:N; may be repeated
    #[arg(short = 'b', long, value_name = "CONDITION", value_parser = ring, requires = "write", help_heading = "Files")]
    ring_buffer: Vec<Ring>,

    /// Write annotated captures of a few findings of each cause into DIR: the frames of their connections with comments;
    /// the newest 10 for each diagnosis and server are kept
    #[arg(long, value_name = "DIR", help_heading = "Files", value_hint = ValueHint::DirPath)]
    evidence: Option<PathBuf>,

    /// Write counters to FILE and keep it up to date (Prometheus text format)
    #[arg(long, value_name = "FILE", help_heading = "Files", value_hint = ValueHint::FilePath)]
    metrics_file: Option<PathBuf>,

    /// How to write findings [default: full on a terminal, else concise]
    #[arg(long, value_name = "FORMAT", help_heading = "Output")]
    format: Option<LiveFormat>,

    /// Write the report to FILE
    #[arg(short, long, value_name = "FILE", help_heading = "Output", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,

    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    color: ColorWhen,

    /// Write only ASCII
    #[arg(long, help_heading = "Output")]
    ascii: bool,

    /// Wrap text at this many columns [default: the terminal's width, else 80]
    #[arg(
        long,
        value_name = "COLUMNS",
        value_parser = RangedU64ValueParser::<usize>::new().range(60..=10_000),
        help_heading = "Output"
    )]
    width: Option<usize>,

    /// Show times in the local time zone instead of UTC
    #[arg(long, help_heading = "Output")]
    local: bool,

    /// Show at the end, and on SIGUSR1, which 5-tuples are in TIME-WAIT, on which host and until when
    #[arg(long, help_heading = "Output")]
    statistics: bool,

    /// Show only findings: no status line, no totals, no notes on the capture
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Output")]
    quiet: bool,

    /// Show everything
    #[arg(short, long, help_heading = "Output")]
    verbose: bool,

    /// The lowest severity that makes the exit status 1; related and quality findings never do
    #[arg(long, value_name = "SEVERITY", default_value = "error", help_heading = "Result")]
    fail_on: Least,
}

#[derive(Clone, Copy, ValueEnum)]
enum LiveFormat {
    /// One block per finding
    Full,
    /// One line per finding
    Concise,
    /// One JSON object per line (see ftpwhy schema)
    Ndjson,
}

#[derive(Clone, Copy, ValueEnum)]
enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, ValueEnum)]
enum Least {
    Error,
    Warning,
    Info,
    Never,
}

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StopAt {
    /// Seconds of capturing.
    Duration(f64),
    /// Packets captured.
    Packets(u64),
    /// Bytes captured or, with `-w`, written.
    Size(u64),
}

/// A value of `-b`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ring {
    Duration(f64),
    Size(u64),
    Files(usize),
}

/// Everything `ftpwhy live` can be told.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveOptions {
    /// Interfaces, never empty.
    pub interfaces: Vec<String>,
    /// A BPF expression, not yet compiled.
    pub filter: Option<String>,
    /// What is captured without one.
    pub scope: Scope,
    /// Bytes of a packet that are kept.
    pub snap_len: u32,
    /// Whether packets to others are wanted.
    pub promiscuous: bool,
    /// Bytes the kernel may hold back.
    pub buffer: u32,
    /// When to stop, whichever comes first.
    pub stop_at: Vec<StopAt>,
    /// Whom to become.
    pub user: Option<String>,
    /// How long TIME-WAIT lasts.
    pub time_wait: Option<Duration>,
    /// Addresses of this host besides those of the interfaces.
    pub here: Vec<IpAddr>,
    /// Whether this host's kernel is asked.
    pub facts: bool,
    /// Key logs of TLS.
    pub keylog: Vec<PathBuf>,
    /// Bytes all tables may take.
    pub memory_limit: u64,
    /// Where frames go.
    pub write: Option<PathBuf>,
    /// When the next file begins.
    pub rotation: Rotation,
    /// Where annotated captures go.
    pub evidence: Option<PathBuf>,
    /// Where counters go.
    pub metrics: Option<PathBuf>,
    /// How findings are written: full, concise or ndjson.
    pub format: Format,
    /// How the formats for people are laid out.
    pub style: Style,
    /// Where the report goes; standard output if `None`.
    pub output: Option<PathBuf>,
    /// Whether to show the table of TIME-WAIT.
    pub statistics: bool,
    /// Which findings make the exit status 1.
    pub fail_on: FailOn,
    /// The file that settings were read from.
    pub config: Option<PathBuf>,
}

impl Live {
    pub(super) fn into_options(self, terminal: &Terminal, config: Option<PathBuf>) -> LiveOptions {
        let terminal = if self.output.is_some() { &Terminal::NONE } else { terminal };
        let mut rotation = Rotation::default();
        for ring in self.ring_buffer {
            match ring {
                Ring::Duration(seconds) => rotation.duration = Some(seconds),
                Ring::Size(bytes) => rotation.size = Some(bytes),
                Ring::Files(files) => rotation.files = Some(files),
            }
        }
        LiveOptions {
            interfaces: self.interfaces,
            filter: self.filter,
            scope: self.scope.into(),
            snap_len: self.snaplen,
            promiscuous: !self.no_promiscuous,
            buffer: self.buffer_size << 20,
            stop_at: self.autostop.into_iter().chain(self.count.map(StopAt::Packets)).collect(),
            user: self.user,
            time_wait: self.time_wait,
            here: self.here,
            facts: !self.no_facts,
            keylog: self.keylog,
            memory_limit: self.memory_limit << 20,
            write: self.write,
            rotation,
            evidence: self.evidence,
            metrics: self.metrics_file,
            format: match self.format {
                Some(LiveFormat::Full) => Format::Full,
                Some(LiveFormat::Ndjson) => Format::Ndjson,
                None if terminal.terminal => Format::Full,
                Some(LiveFormat::Concise) | None => Format::Concise,
            },
            style: Style {
                by: By::Finding,
                color: match self.color {
                    ColorWhen::Auto => terminal.color,
                    ColorWhen::Always => true,
                    ColorWhen::Never => false,
                },
                links: terminal.links,
                ascii: self.ascii,
                width: self.width.or(terminal.width).unwrap_or(80),
                time: if self.local { TimeStyle::Local } else { TimeStyle::Utc },
                verbosity: match (self.quiet, self.verbose) {
                    (true, _) => Verbosity::Quiet,
                    (_, true) => Verbosity::Verbose,
                    _ => Verbosity::Normal,
                },
            },
            output: self.output,
            statistics: self.statistics,
            fail_on: match self.fail_on {
                Least::Error => FailOn::Error,
                Least::Warning => FailOn::Warning,
                Least::Info => FailOn::Info,
                Least::Never => FailOn::Never,
            },
            config,
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let duration = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.filter(|duration| !duration.is_zero()).ok_or_else(|| "not a positive number of seconds".to_owned())
}

fn stop_at(text: &str) -> Result<StopAt, String> {
    match text.split_once(':') {
        Some(("duration", value)) => seconds(value).map(|duration| StopAt::Duration(duration.as_secs_f64())),
        Some(("packets", value)) => positive(value).map(StopAt::Packets),
        Some(("filesize", value)) => kilobytes(value).map(StopAt::Size),
        _ => Err("not duration:SECONDS, packets:N or filesize:KILOBYTES".to_owned()),
    }
}

fn ring(text: &str) -> Result<Ring, String> {
    match text.split_once(':') {
        Some(("duration", value)) => seconds(value).map(|duration| Ring::Duration(duration.as_secs_f64())),
        Some(("filesize", value)) => kilobytes(value).map(Ring::Size),
        Some(("files", value)) => {
            positive(value).map(|files| Ring::Files(usize::try_from(files).unwrap_or(usize::MAX)))
        }
        _ => Err("not filesize:KILOBYTES, duration:SECONDS or files:N".to_owned()),
    }
}

fn positive(text: &str) -> Result<u64, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "not a positive number".to_owned())
}

/// A kilobyte of dumpcap's is 1000 bytes.
fn kilobytes(text: &str) -> Result<u64, String> {
    positive(text)?.checked_mul(1000).ok_or_else(|| "too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Invocation, read};

    const PIPE: Terminal = Terminal::NONE;

    fn options(line: &str) -> LiveOptions {
        match read(format!("ftpwhy live {line}").split(' ').map(Into::into), &PIPE) {
            Ok(Invocation::Live(options)) => *options,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn the_defaults_capture_what_ftp_needs() {
        let options = options("-i eth0 -i eth1");
        assert_eq!(options.interfaces, ["eth0", "eth1"]);
        assert_eq!(options.scope, Scope { ports: Vec::new(), any_port: false, full_data: false });
        assert!(options.promiscuous && !options.rotation.is_wanted());
        assert_eq!((options.format, options.memory_limit), (Format::Concise, 256 << 20));
    }

    #[test]
    fn conditions_are_those_of_dumpcap() {
        let options = options("-i any -c 5 -a duration:2.5 -a filesize:3 -w x.pcapng -b filesize:100 -b files:4");
        assert_eq!(options.stop_at, [StopAt::Duration(2.5), StopAt::Size(3000), StopAt::Packets(5)]);
        assert_eq!(options.rotation, Rotation { size: Some(100_000), duration: None, files: Some(4) });
    }

    #[test]
    fn nonsense_is_refused() {
        for line in ["", "-i eth0 -b files:3", "-i eth0 -a packets:0", "-i eth0 -a later", "-i eth0 --format table"] {
            let read = read(format!("ftpwhy live {line}").trim().split(' ').map(Into::into), &PIPE);
            assert!(read.is_err(), "{line}");
        }
    }

    #[test]
    fn tcpdumps_letter_lists_interfaces() {
        for line in ["ftpwhy -D", "ftpwhy interfaces"] {
            assert_eq!(read(line.split(' ').map(Into::into), &PIPE).ok(), Some(Invocation::Interfaces));
        }
    }
}
