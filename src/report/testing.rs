//! Hand-built runs, and what each format makes of them: `tests/expected/*`, rewritten by `UPDATE_EXPECTED=1 cargo test`.

use std::cell::RefCell;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;

use super::ladder::sample::trace;
use super::{By, Format, Out, Style, TimeStyle, Verbosity, View, hosts, show, sink};
use crate::causes::Caused;
use crate::diagnosis::{
    capture_midstream, data_syn_never_sent, data_syn_not_seen, data_syn_refused, mac_changed, time_wait_collision,
};
use crate::finding::{
    Alternative, Cap, Confidence, DiagnosisName, Evidence, Finding, HostFact, Locus, Party, Remedy, Role, RuledOut,
    SessionId, Severity, TransferId, Where,
};
use crate::frame::{CaptureId, FrameList, FrameNo, InterfaceId, LinkType, Stamp, Timestamp};
use crate::record::{
    AttemptOutcome, AttemptRecord, Circumstances, HostRecord, Mode, Nearness, OfferRecord, Outcome, ReplyRecord,
    SessionRecord, Sink, Summary, TransferRecord, Unreadable, VantageRecord,
};
use crate::source::{Capture, Damage, Interface};

/// Compares with the file, or rewrites it.
pub(super) fn expect(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expected").join(name);
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&path, actual).expect("the expected output can be written");
        return;
    }
    let expected = std::fs::read_to_string(&path).expect("the expected output is there (UPDATE_EXPECTED=1 writes it)");
    assert_eq!(actual, expected, "{} differs (UPDATE_EXPECTED=1 rewrites it)", path.display());
}

pub(crate) fn narrow() -> Style {
    Style {
        color: false,
        links: false,
        ascii: true,
        width: 80,
        time: TimeStyle::Utc,
        verbosity: Verbosity::Normal,
        by: By::Finding,
    }
}

pub(super) fn wide() -> Style {
    Style { width: 160, ascii: false, ..narrow() }
}

/// A run, in the order in which a sink is told.
#[derive(Clone)]
pub(crate) struct Sample {
    pub(crate) captures: Vec<Capture>,
    pub(crate) sessions: Vec<SessionRecord>,
    pub(crate) findings: Vec<Finding>,
    pub(super) hosts: Vec<HostRecord>,
    pub(crate) summary: Summary,
    pub(super) grouping: Vec<String>,
}

/// A writer whose bytes can be read while the sink owns it.
#[derive(Clone, Default)]
pub(super) struct Shared(Rc<RefCell<Vec<u8>>>);

impl Shared {
    /// What was written since it was last asked.
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.take()).expect("reports are UTF-8")
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Out for Shared {}

impl Sample {
    pub(super) fn all() -> [Self; 6] {
        [Self::collision(), Self::clean(), Self::without_ftp(), Self::merged(), Self::hostile(), Self::partly_read()]
    }

    /// What `format` makes of it.
    pub(super) fn render(&self, format: Format, style: &Style) -> String {
        self.written(|out| sink(format, style.clone(), self.grouping.clone(), out).expect("starts"))
    }

    /// What `ftpwhy hosts` makes of it.
    pub(super) fn render_hosts(&self, json: bool, style: &Style) -> String {
        self.written(|out| hosts(json, style.clone(), out))
    }

    /// What `ftpwhy show` makes of it.
    pub(super) fn render_show(&self, view: View, wanted: &[SessionId], style: &Style) -> String {
        self.written(|out| show(vec![(view, out)], wanted.to_vec(), style.clone(), self.grouping.clone()))
    }

    /// Writes it in `format` to any output.
    pub(super) fn written_to(&self, format: Format, style: &Style, out: Box<dyn Out>) -> io::Result<()> {
        self.tell(&mut *sink(format, style.clone(), self.grouping.clone(), out)?)
    }

    fn written(&self, open: impl FnOnce(Box<dyn Out>) -> Box<dyn Sink>) -> String {
        let out = Shared::default();
        let mut sink = open(Box::new(out.clone()));
        self.tell(&mut *sink).expect("takes everything");
        drop(sink);
        out.text()
    }

    fn tell(&self, sink: &mut dyn Sink) -> io::Result<()> {
        let mut caused = Caused::new(sink);
        let mut left: Vec<&Finding> = self.findings.iter().collect();
        for (number, session) in (1..).zip(&self.sessions) {
            caused.session(session)?;
            // Findings follow their session, all others the last one.
            let is_last = number == self.sessions.len();
            let (now, later) = left.into_iter().partition(|finding| is_last || finding.session == Some(session.id));
            left = later;
            let now: Vec<&Finding> = now;
            now.into_iter().try_for_each(|finding| caused.finding(finding))?;
        }
        left.into_iter().try_for_each(|finding| caused.finding(finding))?;
        caused.finish()?;
        sink.hosts(&self.hosts)?;
        sink.end(&self.captures, &self.summary)
    }

    /// One session with a transfer that failed by TIME-WAIT, a related finding, one of context and one of quality.
    pub(crate) fn collision() -> Self {
        Self {
            captures: vec![capture(0, "captures/collision.pcapng", 40)],
            sessions: vec![session()],
            findings: vec![quality(), context(), related(), verdict()],
            hosts: inventory(),
            summary: Summary {
                only: None,
                left_out: 0,
                points: Vec::new(),
                transfers: 2,
                failed: 1,
                error: 1,
                warning: 1,
                info: 0,
                quality: 1,
                interrupted: None,
                unreadable: Vec::new(),
            },
            grouping: Vec::new(),
        }
    }

    /// The same with its trace, as `ftpwhy show` wants it.
    pub(super) fn traced() -> Self {
        let mut sample = Self::collision();
        sample.sessions[0].trace = Some(Box::new(trace(None)));
        sample
    }

    /// One cause with so many failures, each in a session with a transfer that worked.
    pub(crate) fn failing(count: u32) -> Self {
        let mut sample = Self::traced();
        let (session, verdict) = (sample.sessions.remove(0), verdict());
        sample.findings.clear();
        for number in (1..=count).map(SessionId) {
            sample.sessions.push(SessionRecord { id: number, ..session.clone() });
            sample.findings.push(Finding { session: Some(number), ..verdict.clone() });
        }
        let failed = u64::from(count);
        sample.summary =
            Summary { transfers: 2 * failed, failed, error: failed, warning: 0, quality: 0, ..sample.summary };
        sample
    }

    /// Two transfers, nothing to say.
    pub(super) fn clean() -> Self {
        let mut sample = Self::collision();
        sample.findings.clear();
        sample.summary = Summary { transfers: 2, ..Summary::default() };
        for transfer in sample.sessions.iter_mut().flat_map(|session| &mut session.transfers) {
            transfer.outcome = Outcome::Completed;
            transfer.verdict = None;
            transfer.reply = Some(ReplyRecord { code: 226, text: "Transfer complete.".into(), at: at(30, 9_000_000) });
        }
        sample
    }

    /// 123 packets of something else.
    pub(super) fn without_ftp() -> Self {
        Self {
            captures: vec![capture(0, "other.pcap", 123)],
            sessions: Vec::new(),
            findings: Vec::new(),
            hosts: Vec::new(),
            summary: Summary::default(),
            grouping: Vec::new(),
        }
    }

    /// Evidence in two files of one timeline, and a third file without FTP.
    pub(super) fn merged() -> Self {
        let mut sample = Self::collision();
        sample.captures =
            vec![capture(0, "ring_00001.pcap", 20), capture(1, "ring_00002.pcap", 20), capture(2, "other.pcap", 0)];
        sample.grouping =
            vec!["ring_00001.pcap, ring_00002.pcap: one timeline".into(), "other.pcap: judged alone".into()];
        sample.sessions[0].captures = vec![CaptureId(0), CaptureId(1)];
        let second = |stamp: Stamp| Stamp { capture: CaptureId(1), number: FrameNo(stamp.number.0 - 17), ..stamp };
        sample.findings = vec![verdict()];
        let finding = &mut sample.findings[0];
        if let Evidence::Missing { until, .. } = &mut finding.primary {
            *until = second(*until);
        }
        for evidence in &mut finding.supporting {
            if let Evidence::Seen { frames, .. } = evidence {
                let moved = frames.iter().map(|frame| if frame.number.0 > 18 { second(*frame) } else { *frame });
                *frames = FrameList::of(moved.collect()).expect("frames");
            }
        }
        sample
    }

    /// Two transfers, nothing to say, and two more inputs that could not be read; one of them may be so.
    pub(super) fn partly_read() -> Self {
        let mut sample = Self::clean();
        let unreadable =
            |path: &str, why: &str, allowed| Unreadable { path: path.into(), why: why.to_owned(), allowed };
        sample.summary.unreadable = vec![
            unreadable("captures/broken.pcap", "it is empty (0 bytes)", false),
            unreadable("captures/old.pcap", "it ends in the middle of the pcap header", true),
        ];
        sample
    }

    /// Every text a stranger can write, full of what moves cursors, forges lines, turns directions and is not seen.
    pub(crate) fn hostile() -> Self {
        let evil = "\u{200b}\u{e0041}\u{fe0f}\u{3164}\u{2800}\u{feff}\u{ad}\u{fdd5}\u{ffff}\u{e000}\x1b[2J\x1b]0;pwned\x07\u{9b}31m\r\nerror[forged]: x\u{202e}gnp.exe\u{2066}\u{5d0}\u{2028}\x00\x7f|`<script>alert('1')</script>\"&amp;";
        let mut sample = Self::collision();
        sample.captures[0].path = format!("a\n{evil}.pcap").into();
        sample.captures[0].format = evil.into();
        sample.captures[0].interfaces[0].name = Some(evil.into());
        sample.captures[0].damage = Some(Damage::new(77, evil));
        sample.grouping = vec![evil.into()];
        sample.hosts[1].segment = evil.into();
        sample.hosts[1].shared = Some(evil.into());
        let session = &mut sample.sessions[0];
        session.trace = Some(Box::new(trace(Some(evil))));
        session.server_software = Some(evil.into());
        session.vantage.clues = vec![evil.into()];
        session.offers[0].command = evil.into();
        session.transfers[1].command = evil.into();
        if let Some(reply) = &mut session.transfers[1].reply {
            reply.text = evil.into();
        }
        for finding in &mut sample.findings {
            finding.message = evil.into();
            for evidence in std::iter::once(&mut finding.primary).chain(&mut finding.supporting) {
                match evidence {
                    Evidence::Seen { note, .. } | Evidence::Missing { note, .. } => *note = evil.into(),
                }
            }
            finding.caps.iter_mut().for_each(|cap| cap.why = evil.into());
            finding.ruled_out.iter_mut().for_each(|ruled_out| ruled_out.why = evil.into());
            finding.host_facts.push(HostFact { fact: evil.into(), at: Timestamp(0), source: evil.into() });
            finding.alternatives.iter_mut().for_each(|alternative| alternative.would_decide = evil.into());
            finding.remedies.iter_mut().for_each(|remedy| remedy.text = evil.into());
        }
        sample
    }
}

/// A frame of the first capture, `microseconds` after its start.
pub(super) fn at(number: u64, microseconds: i64) -> Stamp {
    let time = Timestamp(1_500_000_000_000_000_000 + microseconds * 1000);
    Stamp::new(CaptureId(0), FrameNo(number), time)
}

pub(super) fn client(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 1, 0, 10], port))
}

pub(super) fn server(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 2, 0, 20], port))
}

fn capture(id: u32, path: &str, packets: u64) -> Capture {
    let interface = Interface {
        name: Some("eth0".into()),
        snap_len: 262_144,
        dropped: Some(0),
        ..Interface::new(InterfaceId(0), LinkType::ETHERNET)
    };
    Capture {
        id: CaptureId(id),
        path: path.into(),
        format: "pcapng".into(),
        packets,
        first: (packets > 0).then_some(at(1, 0).time),
        last: (packets > 0).then_some(at(40, 20_000_000).time),
        damage: None,
        interfaces: vec![interface],
        backwards: Vec::new(),
        annotations: crate::source::Annotations::default(),
        timeline: CaptureId(id),
        unread: false,
        gaps: crate::source::Gaps::default(),
        keys: std::sync::Arc::default(),
    }
}

fn inventory() -> Vec<HostRecord> {
    let host = |ip: SocketAddr, mac: Option<&str>, how, at| HostRecord {
        ip: ip.ip(),
        capture: CaptureId(0),
        interface: mac.map(|_| InterfaceId(0)),
        segment: String::new(),
        mac: mac.map(str::to_owned),
        how,
        at,
        local: false,
        shared: None,
    };
    let router = SocketAddr::from(([10, 2, 0, 1], 0));
    vec![
        host(server(0), Some("02:00:00:00:02:20"), "ARP or ND reply", Some(at(2, 1_000))),
        HostRecord {
            segment: "VLAN 7".into(),
            shared: Some("router (forwards, frame 3)".into()),
            ..host(router, Some("02:00:00:00:02:01"), "ARP request", Some(at(1, 0)))
        },
        host(client(0), None, "FTP alone", None),
    ]
}

fn session() -> SessionRecord {
    let offer = |frame, microseconds| OfferRecord {
        command: "PORT".into(),
        endpoint: Some(client(5000)),
        at: at(frame, microseconds),
        accepted: Some(true),
    };
    let transfer = |id, offer, at, reply, attempts, outcome, verdict| TransferRecord {
        id: TransferId(id),
        command: "LIST".into(),
        mode: Mode::Active,
        offer: Some(offer),
        at,
        reply: Some(reply),
        attempts,
        protected: None,
        size: None,
        outcome,
        verdict,
    };
    let reply = |code, text: &str, at| ReplyRecord { code, text: text.into(), at };
    let attempt = AttemptRecord {
        from: server(20),
        to: client(5000),
        syn: at(9, 1_200_000),
        outcome: AttemptOutcome::Established,
    };
    SessionRecord {
        id: SessionId(1),
        captures: vec![CaptureId(0)],
        client: client(45856),
        server: server(21),
        first: at(1, 0),
        last: at(22, 14_000_000),
        tls: None,
        circumstances: Circumstances::default(),
        server_software: Some("vsFTPd 3.0.3".into()),
        encrypted_from: None,
        vantage: VantageRecord {
            client: Nearness::Far,
            server: Nearness::Adjacent,
            clues: vec!["the server's MAC answers its ARP requests in frame 2".into()],
        },
        views: Vec::new(),
        points: Vec::new(),
        path: Vec::new(),
        offers: vec![offer(7, 1_000_000), offer(16, 12_000_000)],
        transfers: vec![
            transfer(
                1,
                0,
                at(8, 1_100_000),
                reply(226, "Directory send OK.", at(14, 1_500_000)),
                vec![attempt],
                Outcome::Completed,
                None,
            ),
            transfer(
                2,
                1,
                at(18, 12_200_000),
                reply(425, "Failed to establish connection.", at(20, 13_200_457)),
                Vec::new(),
                Outcome::Failed,
                Some(time_wait_collision::NAME),
            ),
        ],
        inferred: Vec::new(),
        trace: None,
        continues: false,
    }
}

fn finding(diagnosis: DiagnosisName, role: Role, severity: Severity, message: &str, primary: Evidence) -> Finding {
    Finding {
        diagnosis,
        role,
        severity,
        confidence: Confidence::Proven,
        message: message.into(),
        place: None,
        capture: CaptureId(0),
        session: Some(SessionId(1)),
        transfer: None,
        hosts: Vec::new(),
        locus: Locus::Server(server(21)),
        cause: None,
        primary,
        supporting: Vec::new(),
        host_facts: Vec::new(),
        caps: Vec::new(),
        ruled_out: Vec::new(),
        alternatives: Vec::new(),
        remedies: Vec::new(),
        references: &[],
    }
}

fn verdict() -> Finding {
    let until = at(20, 13_200_457);
    let command =
        |frame, microseconds, line: &str| Evidence::sent(at(frame, microseconds), client(45856), server(21), line);
    Finding {
        confidence: Confidence::Probable,
        transfer: Some(TransferId(2)),
        place: Some(Where::OtherHost),
        hosts: vec![server(20).ip()],
        supporting: vec![
            Evidence::sent(until, server(21), client(45856), "425 Failed to establish connection."),
            Evidence::seen_all(
                vec![at(11, 1_300_000), at(12, 1_310_000), at(13, 1_320_000)],
                Some(crate::finding::Route { from: server(20), to: client(5000) }),
                "FIN, first to close: the server holds TIME-WAIT for 60 s from here",
            )
            .expect("frames"),
            command(16, 12_000_000, "PORT 10,1,0,10,19,136"),
            command(18, 12_200_000, "LIST"),
        ],
        caps: vec![Cap {
            diagnosis: Some(capture_midstream::NAME),
            ceiling: Confidence::Probable,
            why: "the control connection began before the capture, so an earlier data connection may be missing".into(),
        }],
        ruled_out: vec![RuledOut {
            diagnosis: data_syn_refused::NAME,
            why: "no RST and no ICMP error came back for the tuple".into(),
        }],
        alternatives: vec![Alternative {
            diagnosis: data_syn_never_sent::NAME,
            would_decide: "a capture on the server from before the first transfer".into(),
        }],
        remedies: vec![
            Remedy {
                side: Party::Client,
                text: "announce another port in every PORT, or use passive mode (PASV, EPSV)".into(),
            },
            Remedy { side: Party::Server, text: "connect from an ephemeral port instead of port 20".into() },
        ],
        references: &["Microsoft KB Q129395", "RFC 9293 3.6.1"],
        ..finding(
            time_wait_collision::NAME,
            Role::Verdict,
            Severity::Error,
            "the server cannot connect to 10.1.0.10:5000 because its previous connection from port 20 to there closed \
             11.9 s ago and is still in TIME-WAIT",
            Evidence::missing(at(18, 12_200_000), until, "no SYN from 10.2.0.20:20 to 10.1.0.10:5000"),
        )
    }
}

fn related() -> Finding {
    Finding {
        confidence: Confidence::Possible,
        transfer: Some(TransferId(2)),
        ..finding(
            data_syn_not_seen::NAME,
            Role::Related,
            Severity::Error,
            "no data connection was opened for LIST",
            Evidence::missing(at(18, 12_200_000), at(20, 13_200_457), "no SYN to 10.1.0.10:5000"),
        )
    }
}

fn context() -> Finding {
    Finding {
        session: None,
        hosts: vec![client(0).ip(), server(0).ip()],
        locus: Locus::Hosts(vec![client(0).ip()]),
        ..finding(
            mac_changed::NAME,
            Role::Context,
            Severity::Warning,
            "10.1.0.10 moved from 02:00:00:00:00:01 to 02:00:00:00:00:02 without announcing it",
            Evidence::seen(at(21, 13_500_000), "first frame from 02:00:00:00:00:02"),
        )
    }
}

fn quality() -> Finding {
    finding(
        capture_midstream::NAME,
        Role::Context,
        Severity::Quality,
        "the control connection was open before the capture began",
        Evidence::seen(at(1, 0), "first frame of the connection"),
    )
}
