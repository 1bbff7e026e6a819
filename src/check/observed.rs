//! What a run said of a capture, as far as expectations can speak of it.

use std::fmt;
use std::io;

use crate::diagnosis::capture_truncated;
use crate::finding::{Confidence, Finding, Role, Severity};
use crate::fingerprint;
use crate::record::{SessionRecord, Sink, Summary};
use crate::redact::Secret;
use crate::report::words;
use crate::source::Capture;

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The name of its diagnosis.
    pub diagnosis: String,
    /// The part it plays.
    pub role: Role,
    /// How much it matters.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: Confidence,
    /// The session, if it is about one.
    pub session: Option<u32>,
    /// The transfer, if it is about one.
    pub transfer: Option<u32>,
    /// The fingerprints of the causes that it may be of, the narrower first.
    pub causes: Vec<String>,
    /// The number of every frame that its evidence cites, ascending.
    pub frames: Vec<u64>,
}

impl Observed {
    /// Whether it is an error or a warning.
    pub fn is_serious(&self) -> bool {
        self.severity >= Severity::Warning
    }

    /// Whether an expectation must name it: errors and warnings never pass silently, nor does a capture that is cut.
    pub fn must_be_named(&self) -> bool {
        self.is_serious() || self.is_cut()
    }

    /// Whether it says that the capture is damaged or cut, so that not all of it was judged.
    pub fn is_cut(&self) -> bool {
        self.diagnosis == capture_truncated::NAME.as_str()
    }
}

impl From<&Finding> for Observed {
    fn from(finding: &Finding) -> Self {
        let mut frames: Vec<u64> = finding.frames().iter().map(|stamp| stamp.number.0).collect();
        frames.sort_unstable();
        frames.dedup();
        Self {
            diagnosis: finding.diagnosis.to_string(),
            role: finding.role,
            severity: finding.severity,
            confidence: finding.confidence,
            session: finding.session.map(|id| id.0),
            transfer: finding.transfer.map(|id| id.0),
            causes: fingerprint::of_its_causes(finding).map(|one| one.to_string()).collect(),
            frames,
        }
    }
}

/// `error data-syn-refused (proven, verdict) of transfer 1.2 on frames [3, 7]`
impl fmt::Display for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (severity, role) = (words::Severity::from(self.severity), words::Role::from(self.role));
        let confidence = words::Confidence::from(self.confidence);
        write!(f, "{severity} {} ({confidence}, {role})", self.diagnosis)?;
        match (self.session, self.transfer) {
            (Some(session), Some(transfer)) => write!(f, " of transfer {session}.{transfer}")?,
            (Some(session), None) => write!(f, " of session {session}")?,
            (None, _) => {}
        }
        write!(f, " on frames {:?}", self.frames)
    }
}

/// A sink that keeps what expectations speak of.
#[derive(Debug, Default)]
pub struct Observations {
    /// The findings, in the order in which they became known.
    pub findings: Vec<Observed>,
    /// `VERB outcome` of every transfer, by session.
    pub transfers: Vec<String>,
}

impl Sink for Observations {
    /// Keeps no text.
    fn secret(&mut self, _: &Secret) {}

    fn session(&mut self, session: &SessionRecord) -> io::Result<()> {
        for transfer in &session.transfers {
            let verb = transfer.command.split(' ').next().unwrap_or_default();
            self.transfers.push(format!("{verb} {}", words::Outcome::from(transfer.outcome)));
        }
        Ok(())
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        self.findings.push(finding.into());
        Ok(())
    }

    fn end(&mut self, _: &[Capture], _: &Summary) -> io::Result<()> {
        Ok(())
    }
}
