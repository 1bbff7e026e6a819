//! What a run is asked to do, as plain values: [`crate::cli`] makes them of the command line, a page in the browser of what
//! was dropped on it.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::anonymize::Key;
use crate::diagnosis::Diagnosis;
use crate::diagnosis::replies::Question;
use crate::diagnosis::selection::{Pattern, Selection};
use crate::extract::Choice;
use crate::finding::{CauseId, Finding, Role, SessionId, Severity};
use crate::points::{Glob, NamedPoint};
use crate::record::Window;
use crate::report::{Format, Style, View};

/// What is read and how it is looked at: shared by all that read captures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Input {
    /// Files and directories in the order given, never empty unless there are points; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// Capture points that the user names, with their files.
    pub points: Vec<NamedPoint>,
    /// A BPF expression, not yet compiled.
    pub filter: Option<String>,
    /// Control ports besides 21 and what is recognised by content.
    pub ports: Vec<u16>,
    /// How long TIME-WAIT lasts, instead of the values known of common systems.
    pub time_wait: Option<Duration>,
    /// Addresses of the host that was captured on, as the user knows them.
    pub here: Vec<IpAddr>,
    /// Which inputs are one timeline.
    pub grouping: Grouping,
    /// The key of the pseudonyms that are shown instead of names and addresses.
    pub anonymize: Option<Key>,
    /// Whether the one file is read on behind its end.
    pub follow: bool,
    /// The file that settings were read from.
    pub config: Option<PathBuf>,
    /// Inputs that may be unreadable.
    pub allow_unreadable: Vec<Glob>,
    /// Key logs of TLS.
    pub keylog: Vec<PathBuf>,
    /// Facts of hosts.
    pub facts: Vec<PathBuf>,
    /// How many captures are judged at the same time; 0 is as good as 1. It changes no result.
    pub jobs: usize,
}

/// What `ftpwhy extract` is told.
#[derive(Clone, Debug, PartialEq)]
pub struct ExtractOptions {
    /// What is read.
    pub input: Input,
    /// Which packets.
    pub choice: Choice,
    /// Where they go; `-` is standard output.
    pub write: PathBuf,
    /// Where a thinned file is described, if that is wanted.
    pub manifest: Option<PathBuf>,
    /// Whether the TLS keys that the packets need are written, too.
    pub with_secrets: bool,
    /// Whether the findings are written to their frames.
    pub annotate: bool,
}

/// Everything `ftpwhy FILE...` can be told.
#[derive(Clone, Debug, PartialEq)]
pub struct AnalyseOptions {
    /// What is read.
    pub input: Input,
    /// Which findings are reported.
    pub selection: Selection,
    /// How findings are written.
    pub format: Format,
    /// How the formats for people are laid out.
    pub style: Style,
    /// Where the report goes; standard output if `None`.
    pub output: Option<PathBuf>,
    /// Further reports, and the files they go to.
    pub beside: Vec<(Format, PathBuf)>,
    /// Which findings make the exit status 1.
    pub fail_on: FailOn,
    /// Whether a run without any transfer has exit status 1.
    pub require_transfers: bool,
    /// The findings to leave out.
    pub baseline: Option<PathBuf>,
    /// Where to write the findings as known ones; they then do not count.
    pub write_baseline: Option<PathBuf>,
    /// The cause that is reported alone.
    pub cause: Option<CauseId>,
    /// How many findings are written at most.
    pub max_findings: Option<u64>,
    /// The window of time to which what is reported belongs; everything is reported without one.
    pub between: Option<Window>,
}

/// What `ftpwhy explain` is asked about.
#[derive(Clone, Debug, PartialEq)]
pub enum Topic {
    /// Diagnoses, at least one.
    Diagnoses(Pattern),
    /// A reply of a server.
    Reply(Question),
}

/// What `ftpwhy explain` is told.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplainOptions {
    /// What is asked about, never empty.
    pub topics: Vec<Topic>,
    /// How it is laid out.
    pub style: Style,
}

impl ExplainOptions {
    /// The diagnoses, in the order in which they were named, each once.
    pub fn diagnoses(&self) -> Vec<&'static Diagnosis> {
        let mut all: Vec<&'static Diagnosis> = Vec::new();
        let patterns = self.topics.iter().filter_map(|topic| match topic {
            Topic::Diagnoses(pattern) => Some(pattern),
            Topic::Reply(_) => None,
        });
        for diagnosis in patterns.flat_map(Pattern::diagnoses) {
            if !all.iter().any(|other| other.name == diagnosis.name) {
                all.push(diagnosis);
            }
        }
        all
    }

    /// The replies, in the order in which they were named.
    pub fn replies(&self) -> Vec<&Question> {
        let replies = self.topics.iter().filter_map(|topic| match topic {
            Topic::Reply(question) => Some(question),
            Topic::Diagnoses(_) => None,
        });
        replies.collect()
    }
}

/// What `ftpwhy rules` is told.
#[derive(Clone, Debug, PartialEq)]
pub struct RulesOptions {
    /// Whether to write JSON instead of a table.
    pub json: bool,
    /// How the table is laid out.
    pub style: Style,
}

/// What `ftpwhy hosts` is told.
#[derive(Clone, Debug, PartialEq)]
pub struct HostsOptions {
    /// What is read.
    pub input: Input,
    /// Whether to write JSON instead of a table.
    pub json: bool,
    /// How the table is laid out.
    pub style: Style,
}

/// What `ftpwhy show` is told.
#[derive(Clone, Debug, PartialEq)]
pub struct ShowOptions {
    /// What is read.
    pub input: Input,
    /// Which findings are shown.
    pub selection: Selection,
    /// Which sessions are shown; empty for those that matter.
    pub sessions: Vec<SessionId>,
    /// What to write, and where to; standard output if `None`.
    pub views: Vec<(View, Option<PathBuf>)>,
    /// How it is laid out.
    pub style: Style,
}

/// Which inputs are one timeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    /// By how they were named and what is in them.
    #[default]
    Auto,
    /// All of them are one.
    Merge,
    /// Each is its own.
    PerFile,
}

/// The lowest severity that makes the exit status 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailOn {
    /// Errors.
    Error,
    /// Warnings and errors.
    Warning,
    /// Every finding that is not about quality.
    Info,
    /// None.
    Never,
}

impl FailOn {
    /// Whether `finding` makes the exit status 1. Quality and related findings never do.
    pub fn reached_by(self, finding: &Finding) -> bool {
        self.is_reached(finding.role, finding.severity)
    }

    /// The same, by what a finding comes to.
    pub fn is_reached(self, role: Role, severity: Severity) -> bool {
        let least = match self {
            Self::Error => Severity::Error,
            Self::Warning => Severity::Warning,
            Self::Info => Severity::Info,
            Self::Never => return false,
        };
        // Quality is the lowest severity, so it reaches none of them.
        role != Role::Related && severity >= least
    }
}

#[cfg(test)]
mod tests {
    use super::FailOn;
    use crate::finding::{Confidence, Evidence, Finding, Locus, Role, Severity};
    use crate::frame::{CaptureId, FrameNo, Stamp, Timestamp};

    fn finding(role: Role, severity: Severity) -> Finding {
        let at = Stamp::new(CaptureId(0), FrameNo(1), Timestamp(0));
        Finding {
            diagnosis: crate::diagnosis::mac_changed::NAME,
            role,
            severity,
            confidence: Confidence::Proven,
            message: String::new(),
            place: None,
            capture: CaptureId(0),
            session: None,
            transfer: None,
            hosts: Vec::new(),
            locus: Locus::default(),
            cause: None,
            primary: Evidence::seen(at, ""),
            supporting: Vec::new(),
            host_facts: Vec::new(),
            caps: Vec::new(),
            ruled_out: Vec::new(),
            alternatives: Vec::new(),
            remedies: Vec::new(),
            references: &[],
        }
    }

    #[test]
    fn the_least_severity_counts() {
        let warning = finding(Role::Context, Severity::Warning);
        let reached = [FailOn::Error, FailOn::Warning, FailOn::Info, FailOn::Never].map(|on| on.reached_by(&warning));
        assert_eq!(reached, [false, true, true, false]);
    }

    #[test]
    fn related_and_quality_never_count() {
        assert!(!FailOn::Info.reached_by(&finding(Role::Related, Severity::Error)));
        assert!(!FailOn::Info.reached_by(&finding(Role::Context, Severity::Quality)));
        assert!(FailOn::Error.reached_by(&finding(Role::Verdict, Severity::Error)));
    }
}
