//! Options that several subcommands have.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, RangedU64ValueParser, TypedValueParser};
use clap::{Args, ValueEnum, ValueHint};

use super::{FailOn, Screen};
use crate::report::{Style, TimeStyle, Verbosity};

/// Below this the table of transfers goes over the edge.
const MIN_WIDTH: u64 = 60;

/// What captures are read as.
#[derive(Args)]
pub(super) struct Reading {
    /// Look only at packets that match this BPF expression (tcpdump's syntax, not Wireshark's)
    #[arg(short, long, value_name = "BPF", help_heading = "Input")]
    pub(super) filter: Option<String>,

    /// Take these ports for FTP control too, as in 2121,2122; port 21 and what looks like FTP always are
    #[arg(
        long = "port",
        value_name = "PORT",
        value_delimiter = ',',
        value_parser = clap::value_parser!(u16).range(1..),
        help_heading = "Input"
    )]
    pub(super) ports: Vec<u16>,

    /// How long TIME-WAIT lasts on the hosts in the capture, instead of the usual values of common systems
    #[arg(long, value_name = "SECONDS", value_parser = seconds, help_heading = "Input")]
    pub(super) time_wait: Option<Duration>,
}

/// How text is laid out.
#[derive(Args)]
pub(super) struct Looks {
    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    pub(super) color: Color,

    /// Write nothing but ASCII
    #[arg(long, help_heading = "Output")]
    pub(super) ascii: bool,

    /// Wrap text at this many columns [default: the terminal's width, else 80]
    #[arg(
        long,
        value_name = "COLUMNS",
        value_parser = RangedU64ValueParser::<usize>::new().range(MIN_WIDTH..=10_000),
        help_heading = "Output"
    )]
    pub(super) width: Option<usize>,
}

/// How packet times are shown.
#[derive(Args, Default)]
pub(super) struct Times {
    /// Show times in UTC (the default)
    #[arg(long, group = "time", help_heading = "Output")]
    utc: bool,

    /// Show times in the local time zone
    #[arg(long, group = "time", help_heading = "Output")]
    local: bool,

    /// Show times as seconds since the first frame
    #[arg(long, group = "time", help_heading = "Output")]
    relative: bool,
}

/// Where settings come from besides the command line.
#[derive(Args)]
pub(super) struct Settings {
    /// Read settings from FILE instead of .ftpwhy.toml in this directory
    #[arg(long, value_name = "FILE", conflicts_with = "isolated", help_heading = "Settings", value_hint = ValueHint::FilePath)]
    pub(super) config: Option<PathBuf>,

    /// Take no settings from .ftpwhy.toml and from FTPWHY_* variables
    #[arg(long, help_heading = "Settings")]
    pub(super) isolated: bool,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

/// The least severity that makes the exit status 1.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum FailOnName {
    Error,
    Warning,
    Info,
    Never,
}

impl From<FailOnName> for FailOn {
    fn from(name: FailOnName) -> Self {
        match name {
            FailOnName::Error => Self::Error,
            FailOnName::Warning => Self::Warning,
            FailOnName::Info => Self::Info,
            FailOnName::Never => Self::Never,
        }
    }
}

impl Times {
    fn style(&self) -> TimeStyle {
        match (self.local, self.relative) {
            (true, _) => TimeStyle::Local,
            (_, true) => TimeStyle::Relative,
            _ => TimeStyle::Utc,
        }
    }
}

impl Looks {
    /// What is left open is decided by what standard output is.
    pub(super) fn style(&self, times: &Times, verbosity: Verbosity, screen: &Screen) -> Style {
        Style {
            color: match self.color {
                Color::Auto => screen.color,
                Color::Always => true,
                Color::Never => false,
            },
            ascii: self.ascii,
            width: self.width.or(screen.width).unwrap_or(80),
            time: times.style(),
            verbosity,
        }
    }
}

/// A value of `-o`: `FORMAT=FILE`, or a file for the main report.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Target<F> {
    pub(super) format: Option<F>,
    pub(super) path: PathBuf,
}

impl<F> Target<F> {
    pub(super) fn is_stdout(&self) -> bool {
        self.path.as_os_str() == "-"
    }
}

/// Reads a value of `-o`. What looks like a format but is none is refused, for it would become the name of a file.
pub(super) fn target<F: ValueEnum + Clone + Send + Sync + 'static>() -> impl TypedValueParser<Value = Target<F>> {
    OsStringValueParser::new().try_map(|text| read_target(text))
}

fn read_target<F: ValueEnum>(text: OsString) -> Result<Target<F>, String> {
    let Some((name, path)) = split(&text) else { return Ok(Target { format: None, path: text.into() }) };
    match F::from_str(name, false) {
        _ if path.is_empty() => Err(format!("no file is named behind {name}=")),
        Ok(format) => Ok(Target { format: Some(format), path: path.into() }),
        Err(_) => {
            let names: Vec<String> = F::value_variants()
                .iter()
                .filter_map(|format| Some(format.to_possible_value()?.get_name().to_owned()))
                .collect();
            let guess = super::spelling::nearest(name, names.iter().map(String::as_str));
            let guess = guess.map_or_else(String::new, |guess| format!(", did you mean {guess}?"));
            Err(format!("{name} is no format{guess} (a file of that name is ./{name}=…)"))
        }
    }
}

/// Format and file of `FORMAT=FILE`; `None` where what is before the sign cannot be meant as a format.
fn split(text: &OsStr) -> Option<(&str, &OsStr)> {
    let bytes = text.as_encoded_bytes();
    let at = bytes.iter().position(|byte| *byte == b'=')?;
    let name = std::str::from_utf8(bytes.get(..at)?).ok()?;
    let path = text.to_str().and_then(|text| text.get(at + 1..)).map(OsStr::new);
    let path = path.or_else(|| unix_tail(text, at + 1))?;
    (!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some((name, path))
}

/// The rest of a name that is not UTF-8.
#[cfg(unix)]
fn unix_tail(text: &OsStr, from: usize) -> Option<&OsStr> {
    use std::os::unix::ffi::OsStrExt;
    text.as_bytes().get(from..).map(OsStr::from_bytes)
}

#[cfg(not(unix))]
fn unix_tail(_: &OsStr, _: usize) -> Option<&OsStr> {
    None
}

fn seconds(text: &str) -> Result<Duration, String> {
    let duration = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.filter(|duration| !duration.is_zero()).ok_or_else(|| "not a positive number of seconds".to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use clap::ValueEnum;

    use super::{Target, read_target};

    #[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
    enum Name {
        Sarif,
        Junit,
    }

    #[test]
    fn a_target_is_a_format_and_a_file() {
        let read = |text: &str| read_target::<Name>(text.into());
        let file = |path: &str| Ok(Target { format: None, path: PathBuf::from(path) });
        assert_eq!(read("sarif=a=b"), Ok(Target { format: Some(Name::Sarif), path: "a=b".into() }));
        assert_eq!(read("report.txt"), file("report.txt"));
        assert_eq!(read("./sarif=x"), file("./sarif=x"));
        assert_eq!(read("a.b=x"), file("a.b=x"));
        assert!(read("saref=x").expect_err("refused").contains("did you mean sarif?"));
        assert!(read("junit=").is_err());
    }
}
