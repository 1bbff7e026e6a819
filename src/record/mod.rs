//! What a run concluded, as reports see it: captures, sessions with their transfers, findings.
//!
//! Plain values without behaviour; the edge formats have their own types and are made from these.

mod between;
mod cause;
mod circumstances;
mod interruption;
mod pending;
mod recurrence;
mod redacted;
pub mod trace;

pub use between::{Between, Window};
pub use redacted::Redacted;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use crate::decrypt::Tls;
use crate::finding::{CauseId, DiagnosisName, Finding, Role, SessionId, Severity, TransferId};
use crate::frame::{CaptureId, FrameNo, InterfaceId, Interval, Stamp, Timestamp};
use crate::redact::Secret;
use crate::source::Capture;
use trace::Trace;

pub use cause::{Cause, CauseLocus, Clients, Prefix, Separation, Trait, Turn};
pub use circumstances::Circumstances;
pub use interruption::{Interruption, Signal};
pub use pending::{Pending, State};
pub use recurrence::{Recurrence, Recurring};

/// How close to an endpoint the capture was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nearness {
    /// On the host itself.
    At,
    /// On its link.
    Adjacent,
    /// Closer to it than to the other end.
    Near,
    /// Closer to the other end.
    Far,
    /// Cannot be told.
    Unknown,
}

/// Where a session was captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VantageRecord {
    /// Seen from the client.
    pub client: Nearness,
    /// Seen from the server.
    pub server: Nearness,
    /// The clues it rests on, printable sentences, for `-v`.
    pub clues: Vec<String>,
}

/// One control session.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionRecord {
    /// Identity within the run, from 1.
    pub id: SessionId,
    /// The captures it is in.
    pub captures: Vec<CaptureId>,
    /// The client's control socket.
    pub client: SocketAddr,
    /// The server's control socket.
    pub server: SocketAddr,
    /// First frame.
    pub first: Stamp,
    /// Last frame.
    pub last: Stamp,
    /// What the server says it is, or what its replies tell, printable.
    pub server_software: Option<String>,
    /// Under which circumstances it was held.
    pub circumstances: Circumstances,
    /// First opaque frame.
    pub encrypted_from: Option<Stamp>,
    /// Its TLS, as far as it was looked into.
    pub tls: Option<Tls>,
    /// Where it was captured.
    pub vantage: VantageRecord,
    /// The places where it was seen, the one that the sockets above are of first; empty where there is only one.
    pub views: Vec<ViewRecord>,
    /// The capture points that have it, by their numbers, the one nearest to the client first; empty where there is only
    /// one point.
    pub points: Vec<u32>,
    /// What became of its packets between these points.
    pub path: Vec<PathRecord>,
    /// The endpoints announced, in order.
    pub offers: Vec<OfferRecord>,
    /// The transfers asked for, in order.
    pub transfers: Vec<TransferRecord>,
    /// Transfers of encrypted spans, told from their data connections alone, in order; not among `transfers`.
    pub inferred: Vec<InferredRecord>,
    /// What happened line by line; `None` unless it was asked for.
    pub trace: Option<Box<Trace>>,
    /// Whether more of it follows, under the same number: while a capture goes on, a long session is told in chapters.
    pub continues: bool,
}

impl SessionRecord {
    /// Every text in it that may quote what was captured.
    pub fn texts(&mut self, mut change: impl FnMut(&mut String)) {
        self.server_software.iter_mut().for_each(&mut change);
        self.circumstances.texts(&mut change);
        self.vantage.clues.iter_mut().for_each(&mut change);
        self.offers.iter_mut().for_each(|offer| change(&mut offer.command));
        for transfer in &mut self.transfers {
            change(&mut transfer.command);
            transfer.reply.iter_mut().for_each(|reply| change(&mut reply.text));
        }
        self.trace.iter_mut().for_each(|trace| trace.texts(&mut change));
    }

    /// The client's and the server's control sockets at each place where it was seen.
    pub fn ends(&self) -> impl Iterator<Item = [SocketAddr; 2]> {
        let elsewhere = self.views.iter().map(|view| [view.client, view.server]);
        std::iter::once([self.client, self.server]).chain(elsewhere.filter(|ends| *ends != [self.client, self.server]))
    }

    /// Adds the next chapter of the same session.
    pub fn append(&mut self, next: &Self) {
        let before = self.offers.len();
        self.offers.extend_from_slice(&next.offers);
        self.transfers.extend(
            next.transfers
                .iter()
                .cloned()
                .map(|transfer| TransferRecord { offer: transfer.offer.map(|offer| offer + before), ..transfer }),
        );
        self.inferred.extend_from_slice(&next.inferred);
        self.captures.extend(&next.captures);
        self.captures.sort_unstable();
        self.captures.dedup();
        self.last = next.last;
        self.encrypted_from = self.encrypted_from.or(next.encrypted_from);
        self.vantage.clone_from(&next.vantage);
        self.views.clone_from(&next.views);
        self.points.clone_from(&next.points);
        self.path.clone_from(&next.path);
        self.continues = next.continues;
    }
}

/// A session as it was seen at one place, where there are several: before and behind a NAT.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewRecord {
    /// The capture point, where an incident was captured at several.
    pub point: Option<u32>,
    /// The client's control socket there.
    pub client: SocketAddr,
    /// The server's control socket there.
    pub server: SocketAddr,
    /// The capture with its first SYN.
    pub capture: CaptureId,
    /// The interface of that SYN.
    pub interface: InterfaceId,
    /// What tells segments of one interface apart, as for [`HostRecord::segment`].
    pub segment: String,
    /// Whether the sequence numbers are those of the first view all along, or differ behind a line that was rewritten.
    pub numbers: Numbers,
    /// First frame of the control connection there.
    pub first: Stamp,
    /// Its last frame there.
    pub last: Stamp,
    /// The data connections there: who opened each, and where to.
    pub data: Vec<(SocketAddr, SocketAddr)>,
    /// The announced sockets there.
    pub announced: Vec<SocketAddr>,
}

/// How the sequence numbers of a session at one place relate to those at another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Numbers {
    /// They are the same.
    Same,
    /// They differ by a constant behind a line that was made longer or shorter on the way.
    Shifted,
    /// A device on the way chose others.
    Rewritten,
    /// There are two TCP connections with one dialogue: a proxy stands between.
    Terminated,
}

/// A place where packets of one incident were captured.
#[derive(Clone, Debug, PartialEq)]
pub struct PointRecord {
    /// Its number within the run.
    pub id: u32,
    /// What it is called, printable.
    pub name: String,
    /// Its captures.
    pub captures: Vec<CaptureId>,
    /// Its interface in these captures, where others of them are points too.
    pub interface: Option<InterfaceId>,
    /// The frames of that interface that anything is told of.
    pub frames: BTreeSet<(CaptureId, FrameNo)>,
    /// Its clock beside that of another point, which all times are told by; `None` for that point itself.
    pub clock: Option<ClockRecord>,
}

/// The point that a frame was captured at, if there are several.
pub fn point_of(points: &[PointRecord], at: Stamp) -> Option<&PointRecord> {
    points.iter().find(|point| match point.interface {
        Some(_) => point.frames.contains(&(at.capture, at.number)),
        None => point.captures.contains(&at.capture),
    })
}

/// A clock beside a reference.
#[derive(Clone, Debug, PartialEq)]
pub struct ClockRecord {
    /// The point whose clock is the reference.
    pub reference: u32,
    /// By how many seconds it is ahead at its first frame.
    pub offset: f64,
    /// To how many seconds that is known; `None` where packets of one direction only were seen at both.
    pub uncertainty: Option<f64>,
    /// By how many seconds it gains in each second.
    pub skew: f64,
    /// Where it stepped, and by how many seconds.
    pub steps: Vec<(Stamp, f64)>,
}

/// What became of the packets of a session from one capture point to the next.
#[derive(Clone, Debug, PartialEq)]
pub struct PathRecord {
    /// The point that they passed first.
    pub from: u32,
    /// The next one.
    pub to: u32,
    /// Whether the client sent them.
    pub from_client: bool,
    /// Packets at the first point.
    pub packets: u64,
    /// Lost, and never made up for.
    pub lost: u64,
    /// Lost, and sent again with success.
    pub recovered: u64,
    /// Not recorded at the next point, though they arrived.
    pub missed_by_tap: u64,
    /// More often at the next point than they were sent.
    pub duplicated: u64,
    /// Overtaken on the way.
    pub reordered: u64,
    /// Least, median and greatest seconds from one point to the other.
    pub delay: Option<[f64; 3]>,
    /// To how many seconds the delay is known: the sum of both directions is exact.
    pub uncertainty: Option<f64>,
}

impl PathRecord {
    /// Between two points, nothing seen yet.
    pub fn between(from: u32, to: u32, from_client: bool) -> Self {
        Self {
            from,
            to,
            from_client,
            packets: 0,
            lost: 0,
            recovered: 0,
            missed_by_tap: 0,
            duplicated: 0,
            reordered: 0,
            delay: None,
            uncertainty: None,
        }
    }
}

/// An announced endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct OfferRecord {
    /// `PORT`, `EPRT`, `LPRT`, `PASV`, `EPSV`, `LPSV`.
    pub command: String,
    /// The endpoint, if it could be parsed; EPSV's with the server's control address.
    pub endpoint: Option<SocketAddr>,
    /// The frame with the endpoint: the command's for PORT and kin, the reply's for PASV and kin.
    pub at: Stamp,
    /// Whether the reply was 2xx; `None` when no reply was seen.
    pub accepted: Option<bool>,
}

/// Which side opens the data connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// The server, to the client's PORT.
    Active,
    /// The client, to the server's 227 or 229.
    Passive,
    /// The server, to the client's control port: no endpoint was ever announced (RFC 959 3.2).
    Default,
    /// Cannot be told.
    Unknown,
}

/// How a transfer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// 2xx
    Completed,
    /// 4xx, 5xx, or the control connection was lost before the final reply.
    Failed,
    /// The user asked for it (ABOR).
    Aborted,
    /// The capture does not show it.
    Unknown,
}

/// How an attempt to open a data connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttemptOutcome {
    /// Handshake complete.
    Established,
    /// RST.
    Refused,
    /// Nothing.
    Unanswered,
    /// ICMP error.
    Icmp,
    /// Bare ACK with other numbers, and nothing better after it.
    Challenged,
    /// SYN-ACK, but never a handshake.
    Aborted,
    /// Cannot be told.
    Unknown,
}

/// An attempt to open a data connection.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptRecord {
    /// Sender of the SYN.
    pub from: SocketAddr,
    /// Its destination.
    pub to: SocketAddr,
    /// The first SYN, or mid-stream the first segment.
    pub syn: Stamp,
    /// How it ended.
    pub outcome: AttemptOutcome,
}

/// Which way data went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Heading {
    /// To the server.
    Upload,
    /// To the client.
    Download,
    /// None were sent.
    Nothing,
}

/// A transfer whose command and replies are encrypted, as its data connection shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct InferredRecord {
    /// Which side opened the data connection.
    pub mode: Mode,
    /// The data connection.
    pub attempt: AttemptRecord,
    /// How it ended, as far as the data connection tells.
    pub outcome: Outcome,
    /// Bytes of data to the client: of TLS the sizes of records of application data, else payload.
    pub to_client: u64,
    /// Bytes of data to the server, likewise.
    pub to_server: u64,
    /// Whether TLS protected it; `None` when that cannot be told.
    pub protected: Option<bool>,
    /// Which way the data went; `None` when that cannot be told.
    pub heading: Option<Heading>,
}

/// A reply.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplyRecord {
    /// Three digits.
    pub code: u16,
    /// Its text, printable.
    pub text: String,
    /// The frame that completed it.
    pub at: Stamp,
}

/// A transfer.
#[derive(Clone, Debug, PartialEq)]
pub struct TransferRecord {
    /// Identity within the session, from 1.
    pub id: TransferId,
    /// `RETR`, `LIST`, …
    pub command: String,
    /// Which side opens the data connection.
    pub mode: Mode,
    /// Index into the session's offers.
    pub offer: Option<usize>,
    /// The frame that completed the command.
    pub at: Stamp,
    /// The final reply.
    pub reply: Option<ReplyRecord>,
    /// The data connections tried.
    pub attempts: Vec<AttemptRecord>,
    /// Whether TLS protected its data connection; `None` where that cannot be told.
    pub protected: Option<bool>,
    /// Bytes that were to be transferred: as the server announced them, or as they came where it completed.
    pub size: Option<u64>,
    /// How it ended.
    pub outcome: Outcome,
    /// The diagnosis of its verdict.
    pub verdict: Option<DiagnosisName>,
}

/// The hosts a finding is about, in the order in which they matter.
pub type Hosts = Vec<IpAddr>;

/// An address that somebody has, or uses, at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRecord {
    /// The address.
    pub ip: IpAddr,
    /// The capture; of a rotated set the first one.
    pub capture: CaptureId,
    /// The interface; `None` for a host whose link was not seen.
    pub interface: Option<InterfaceId>,
    /// What tells segments of one interface apart: VLANs, tunnels, the kernel's interface index; often empty.
    pub segment: String,
    /// By which MAC, as text; `None` where the capture shows none: the host lies behind a router, or the link has none.
    pub mac: Option<String>,
    /// The best sign of it, to be read after "known by".
    pub how: &'static str,
    /// The first frame with that sign; `None` when the file itself says so.
    pub at: Option<Stamp>,
    /// Whether the capturing host itself has it, by the direction marks of SLL.
    pub local: bool,
    /// Why its MAC does not stand for one host (a router, a virtual MAC), a sentence part.
    pub shared: Option<String>,
}

/// An input that could not be read, or not all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// As it was named or found; `-` is standard input.
    pub path: PathBuf,
    /// Why, to be read after "could not read PATH: ".
    pub why: String,
    /// Whether the user knows it for broken, so that it does not count.
    pub allowed: bool,
}

/// Counts over a run, whether it came to its end, and what it lacks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Transfers.
    pub transfers: u64,
    /// Failed ones.
    pub failed: u64,
    /// Findings of severity error whose role is not related.
    pub error: u64,
    /// Warnings, likewise.
    pub warning: u64,
    /// Infos, likewise.
    pub info: u64,
    /// Quality findings.
    pub quality: u64,
    /// What ended the run before its inputs did, if something did.
    pub interrupted: Option<Interruption>,
    /// The inputs that could not be read, in the order in which that showed.
    pub unreadable: Vec<Unreadable>,
    /// The cause whose findings and sessions alone are told and counted, where only one was wanted.
    pub only: Option<CauseId>,
    /// Findings that are counted and not told, because no more were wanted.
    pub left_out: u64,
    /// The points of incidents that were captured at several; empty where there is only one.
    pub points: Vec<PointRecord>,
}

impl Summary {
    /// The point that a frame was captured at, if there are several.
    pub fn point_of(&self, at: Stamp) -> Option<&PointRecord> {
        point_of(&self.points, at)
    }

    /// Whether nothing is missing but what the user knows for broken.
    pub fn is_all_read(&self) -> bool {
        self.unreadable.iter().all(|input| input.allowed)
    }

    /// Counts a finding.
    pub fn add(&mut self, severity: Severity, role: Role) {
        if let Some(count) = self.of(severity, role) {
            *count += 1;
        }
    }

    /// Takes a finding back.
    pub fn subtract(&mut self, severity: Severity, role: Role) {
        if let Some(count) = self.of(severity, role) {
            *count = count.saturating_sub(1);
        }
    }

    /// Where a finding is counted.
    fn of(&mut self, severity: Severity, role: Role) -> Option<&mut u64> {
        match severity {
            Severity::Quality => Some(&mut self.quality),
            _ if role == Role::Related => None,
            Severity::Error => Some(&mut self.error),
            Severity::Warning => Some(&mut self.warning),
            Severity::Info => Some(&mut self.info),
        }
    }
}

/// A finding that was said while the capture went on and no longer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Superseded {
    /// The diagnosis that was named.
    pub diagnosis: DiagnosisName,
    /// The part it played.
    pub role: Role,
    /// How much it mattered.
    pub severity: Severity,
    /// The session.
    pub session: Option<SessionId>,
    /// The transfer, once there is one.
    pub transfer: Option<TransferId>,
    /// The hosts it was about, if it was about no session.
    pub hosts: Hosts,
    /// The diagnosis that takes its place; `None` when nothing came of it.
    pub by: Option<DiagnosisName>,
}

/// A 5-tuple that somebody holds in TIME-WAIT.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeWaitEntry {
    /// Who opened the connection.
    pub from: SocketAddr,
    /// To where.
    pub to: SocketAddr,
    /// Who holds it.
    pub by: Vec<IpAddr>,
    /// When TIME-WAIT began.
    pub since: Timestamp,
    /// Seconds it lasts, and on which systems.
    pub lasts: Vec<(Interval, &'static str)>,
}

/// Receives what a run concludes, as it becomes known. Reports implement it, and what stands before them and passes on what
/// it does not change itself.
pub trait Sink {
    /// Whom everything is passed on to that this one does not look at. A report has nobody.
    fn inner(&mut self) -> Option<&mut dyn Sink> {
        None
    }
    /// A capture that is judged while it goes on has begun, or another has taken its place: what is known of them so far.
    fn begins(&mut self, captures: &[Capture]) -> std::io::Result<()> {
        self.inner().map_or(Ok(()), |inner| inner.begins(captures))
    }
    /// A secret was seen: nothing that is written from now on may tell it. Who keeps texts of records or findings, or
    /// writes them, has them redacted ([`crate::redact::Secrets`], [`Redacted`]).
    fn secret(&mut self, secret: &Secret);
    /// The capture points of an incident, before its sessions and findings are told.
    fn points(&mut self, points: &[PointRecord]) -> std::io::Result<()> {
        self.inner().map_or(Ok(()), |inner| inner.points(points))
    }
    /// A session has ended (or the capture has, or a chapter of a long one), all its transfers judged. Its findings follow.
    fn session(&mut self, session: &SessionRecord) -> std::io::Result<()>;
    /// A finding.
    fn finding(&mut self, finding: &Finding) -> std::io::Result<()>;
    /// A finding given before no longer holds. Only of captures that are judged while they go on.
    fn superseded(&mut self, superseded: &Superseded) -> std::io::Result<()> {
        self.inner().map_or(Ok(()), |inner| inner.superseded(superseded))
    }
    /// Trouble that is under way, and how it ended. Only of captures that are judged while they go on.
    fn pending(&mut self, pending: &Pending) -> std::io::Result<()> {
        self.inner().map_or(Ok(()), |inner| inner.pending(pending))
    }
    /// Who has which address in one capture group, in order of capture, interface, MAC and address; told when [`Settings`] ask for it.
    ///
    /// [`Settings`]: crate::pipeline::Settings::in_full
    fn hosts(&mut self, hosts: &[HostRecord]) -> std::io::Result<()> {
        self.inner().map_or(Ok(()), |inner| inner.hosts(hosts))
    }
    /// What the findings of the run have in common, in order of their numbers; told once, shortly before the end.
    fn causes(&mut self, causes: &[Cause]) -> std::io::Result<()> {
        self.inner().map_or(Ok(()), |inner| inner.causes(causes))
    }
    /// The end of the run: all captures, complete.
    fn end(&mut self, captures: &[Capture], summary: &Summary) -> std::io::Result<()>;
}
