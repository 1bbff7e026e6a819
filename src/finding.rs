//! What the program says: a named diagnosis with its evidence, how sure it is, and what to do.
//!
//! A finding without primary evidence cannot be built. Knows nothing of how findings are made or shown.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::frame::{CaptureId, FrameList, Stamp, Timestamp};

/// The name of a diagnosis in the catalogue. Only the declaration of a diagnosis makes one, as the constant `NAME` of its
/// module: what refers to a diagnosis that is misspelt or gone does not compile.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiagnosisName(&'static str);

impl DiagnosisName {
    /// For `diagnosis!` alone (`tests/tidy.rs`).
    pub(crate) const fn declare(name: &'static str) -> Self {
        Self(name)
    }

    /// As users write it: lower case, words joined by hyphens.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for DiagnosisName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl fmt::Debug for DiagnosisName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// How much a finding matters. `Error` explains a failed transfer, `Warning` can fail or is a security concern,
/// `Info` is context or refutes a suspicion, `Quality` limits what may be claimed from the capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Limits what may be claimed; no reproach to anybody.
    Quality,
    /// Context.
    Info,
    /// Will or can fail.
    Warning,
    /// Explains a failure.
    Error,
}

/// How sure a finding is. Ordered: `Possible < Probable < Proven`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// Consistent with what was seen; so are other causes.
    Possible,
    /// The best explanation of what was seen.
    Probable,
    /// What was seen admits no other reading.
    Proven,
}

/// The part a finding plays (catalogue, "Which one is the verdict").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The one cause named for a failed transfer.
    Verdict,
    /// Holds too for a failed transfer, beside its verdict.
    Related,
    /// About a host, a session, the capture, or a transfer that worked.
    Context,
}

/// From where to where evidence travelled, where that helps the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Sender.
    pub from: SocketAddr,
    /// Receiver.
    pub to: SocketAddr,
}

/// A fact that can be looked up in the capture: frames that are there, or a span in which something is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// These frames show it, all of one capture, in order of time.
    Seen {
        /// The frames.
        frames: FrameList,
        /// Between whom, if it is a packet or a control line.
        route: Option<Route>,
        /// What they show, printable text.
        note: String,
    },
    /// Nothing of the kind lies between these two frames.
    Missing {
        /// The last frame before the span.
        after: Stamp,
        /// The first frame behind it.
        until: Stamp,
        /// What is missing, printable text.
        note: String,
    },
}

impl Evidence {
    /// One frame, and what it shows.
    pub fn seen(at: Stamp, note: impl Into<String>) -> Self {
        Self::Seen { frames: FrameList::one(at), route: None, note: note.into() }
    }

    /// One frame that travelled from one socket to another.
    pub fn sent(at: Stamp, from: SocketAddr, to: SocketAddr, note: impl Into<String>) -> Self {
        Self::Seen { frames: FrameList::one(at), route: Some(Route { from, to }), note: note.into() }
    }

    /// Several frames that show one thing; `None` when there is no frame. Where a timeline has several captures, the
    /// frames may be of several, until [`Evidence::by_capture`] parts them.
    pub fn seen_all(frames: Vec<Stamp>, route: Option<Route>, note: impl Into<String>) -> Option<Self> {
        FrameList::of(frames).map(|frames| Self::Seen { frames, route, note: note.into() })
    }

    /// The absence of something between two frames.
    pub fn missing(after: Stamp, until: Stamp, note: impl Into<String>) -> Self {
        Self::Missing { after, until, note: note.into() }
    }

    /// The same in parts of one capture each; never empty, and the part with the first frame comes first.
    pub fn by_capture(self) -> Vec<Self> {
        match self {
            Self::Seen { frames, route, note } => {
                let first = frames.first().capture;
                let mut frames = frames.to_vec();
                frames.sort_by_key(|frame| (frame.capture != first, frame.capture));
                let parts = frames.chunk_by(|a, b| a.capture == b.capture);
                parts.filter_map(|part| Self::seen_all(part.to_vec(), route, note.as_str())).collect()
            }
            // Says itself which captures its ends are in.
            Self::Missing { .. } => vec![self],
        }
    }

    /// The frame by which the evidence is sorted: the first one, or the one that opens the gap.
    pub fn first(&self) -> Stamp {
        match self {
            Self::Seen { frames, .. } => frames.first(),
            Self::Missing { after, .. } => *after,
        }
    }
}

/// Why a finding is not surer: a limit of the capture or of the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cap {
    /// The diagnosis that states the limit (`capture-…`, `tls-control-opaque`); `None` where the rule itself admits no more.
    pub diagnosis: Option<DiagnosisName>,
    /// The highest confidence it leaves.
    pub ceiling: Confidence,
    /// What it means here, a sentence part without full stop.
    pub why: String,
}

/// A cause that was considered and is refuted by a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuledOut {
    /// The diagnosis.
    pub diagnosis: DiagnosisName,
    /// The fact.
    pub why: String,
}

/// A cause of the same rank that this capture cannot exclude.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alternative {
    /// The diagnosis.
    pub diagnosis: DiagnosisName,
    /// What would decide between it and the finding.
    pub would_decide: String,
}

/// Who has to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// The FTP client, its host or its user.
    Client,
    /// The FTP server, its host or its admin.
    Server,
    /// Whatever lies between.
    Network,
}

/// Where the fault is, seen from the host that was captured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Where {
    /// On that host, not between it and the other one.
    ThisHost,
    /// On the host at the other end.
    OtherHost,
    /// In a filter of that host, or its queue of connections.
    ThisFilter,
    /// In a filter of the host at the other end.
    OtherFilter,
    /// Between the two.
    Path,
}

/// What the kernel of a host says, beside what the capture shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFact {
    /// What, a sentence part without full stop.
    pub fact: String,
    /// When it was read, on the clock of that host.
    pub at: Timestamp,
    /// Where it was read: a document of facts, or this host.
    pub source: String,
}

/// Something to change, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// Who.
    pub side: Party,
    /// What, an imperative sentence.
    pub text: String,
}

/// The session of a capture group, from 1 in order of the first frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u32);

/// A transfer of a session, from 1 in order of the commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransferId(pub u32);

/// A cause of a run, from 1 in the order in which they first show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CauseId(pub u32);

/// What the remedy of a finding is about. Findings of one diagnosis with the same locus have one cause. It holds no time,
/// no ephemeral port and no network: which clients are concerned is what separates a cause from what worked.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Locus {
    /// The capture, or nothing narrower.
    #[default]
    Capture,
    /// A server, by its control socket.
    Server(SocketAddr),
    /// A client.
    Client(IpAddr),
    /// What a client announces to a server: its own matter, unless other clients of that server announce the same address.
    Announced {
        /// Who announces.
        client: IpAddr,
        /// To whom.
        server: SocketAddr,
        /// Which address; `None` where it could not be read.
        address: Option<IpAddr>,
    },
    /// An account at a server: one matter, whoever logs in, unless its client is refused under other names, too. The name is
    /// marked as a stranger's text ([`crate::redact::foreign`]).
    Account {
        /// Who logs in.
        client: IpAddr,
        /// The server.
        server: SocketAddr,
        /// The argument of USER; empty where it was not seen.
        name: String,
    },
    /// Hosts, by their addresses, or the way between them.
    Hosts(Vec<IpAddr>),
    /// A station on a link: a host or a gateway, by its MAC.
    Station(String),
}

/// A diagnosis that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is diagnosed.
    pub diagnosis: DiagnosisName,
    /// The part it plays.
    pub role: Role,
    /// How much it matters here.
    pub severity: Severity,
    /// How sure it is, all caps applied.
    pub confidence: Confidence,
    /// One sentence for the person who has to act: what happened, to whom. Printable text, no full stop.
    pub message: String,
    /// Where the fault is, as sure as the finding; `None` where that is not known.
    pub place: Option<Where>,
    /// The capture it was found in (the first one of a merged set that it cites).
    pub capture: CaptureId,
    /// The session, unless it is about a host or the capture.
    pub session: Option<SessionId>,
    /// The transfer, if it is about one.
    pub transfer: Option<TransferId>,
    /// The hosts it is about.
    pub hosts: Vec<IpAddr>,
    /// What its remedy is about.
    pub locus: Locus,
    /// The cause it is grouped under, once a run is watched for causes; none for what merely stands beside a failure and
    /// what limits the capture.
    pub cause: Option<CauseId>,
    /// The evidence without which it would not have been said.
    pub primary: Evidence,
    /// What else bears on it.
    pub supporting: Vec<Evidence>,
    /// What hosts say that bears on it; empty without facts.
    pub host_facts: Vec<HostFact>,
    /// Why it is not surer.
    pub caps: Vec<Cap>,
    /// What was considered and refuted.
    pub ruled_out: Vec<RuledOut>,
    /// What was considered and cannot be excluded.
    pub alternatives: Vec<Alternative>,
    /// What to do.
    pub remedies: Vec<Remedy>,
    /// Where to read more: KB articles, RFC sections.
    pub references: &'static [&'static str],
}

impl Locus {
    /// Every text in it that may quote what was captured.
    pub fn texts(&mut self, change: impl FnOnce(&mut String)) {
        if let Self::Account { name, .. } = self {
            change(name);
        }
    }
}

impl Finding {
    /// All evidence in order of time.
    pub fn evidence(&self) -> Vec<&Evidence> {
        let mut all: Vec<&Evidence> = std::iter::once(&self.primary).chain(&self.supporting).collect();
        all.sort_by_key(|evidence| evidence.first());
        all
    }

    /// Whether a transfer or session failed by it. That a login was refused is no fault, but nothing works without.
    pub fn is_of_failure(&self) -> bool {
        match (self.role, self.transfer) {
            (Role::Verdict, _) => true,
            (_, Some(_)) | (Role::Related, _) => false,
            (Role::Context, None) => {
                let is_login = matches!(self.locus, Locus::Account { .. });
                self.session.is_some() && (self.severity == Severity::Error || is_login)
            }
        }
    }

    /// Every text in it that may quote what was captured.
    pub fn texts(&mut self, mut change: impl FnMut(&mut String)) {
        change(&mut self.message);
        self.locus.texts(&mut change);
        for evidence in std::iter::once(&mut self.primary).chain(&mut self.supporting) {
            match evidence {
                Evidence::Seen { note, .. } | Evidence::Missing { note, .. } => change(note),
            }
        }
        self.host_facts.iter_mut().for_each(|host| change(&mut host.fact));
        self.caps.iter_mut().for_each(|cap| change(&mut cap.why));
        self.ruled_out.iter_mut().for_each(|ruled_out| change(&mut ruled_out.why));
        self.alternatives.iter_mut().for_each(|alternative| change(&mut alternative.would_decide));
        self.remedies.iter_mut().for_each(|remedy| change(&mut remedy.text));
    }

    /// The frames that a reader should look at, without repetition, in order of number.
    pub fn frames(&self) -> Vec<Stamp> {
        let mut frames: Vec<Stamp> = std::iter::once(&self.primary)
            .chain(&self.supporting)
            .flat_map(|evidence| match evidence {
                Evidence::Seen { frames, .. } => frames.to_vec(),
                Evidence::Missing { after, until, .. } => vec![*after, *until],
            })
            .collect();
        frames.sort_unstable_by_key(|stamp| (stamp.capture, stamp.number));
        frames.dedup_by_key(|stamp| (stamp.capture, stamp.number));
        frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{FrameNo, Timestamp};

    #[test]
    fn evidence_in_two_files_is_cited_in_each() {
        let at = |capture, number| Stamp::new(CaptureId(capture), FrameNo(number), Timestamp(0));
        let evidence =
            Evidence::seen_all(vec![at(1, 20), at(1, 24), at(0, 1), at(2, 3), at(0, 2)], None, "SYN").unwrap();
        let parts: Vec<Vec<(u32, u64)>> = evidence
            .by_capture()
            .iter()
            .map(|part| match part {
                Evidence::Seen { frames, .. } => frames.iter().map(|at| (at.capture.0, at.number.0)).collect(),
                Evidence::Missing { .. } => Vec::new(),
            })
            .collect();
        assert_eq!(parts, [vec![(1, 20), (1, 24)], vec![(0, 1), (0, 2)], vec![(2, 3)]]);
        assert_eq!(Evidence::missing(at(0, 1), at(1, 1), "x").by_capture().len(), 1);
    }
}
