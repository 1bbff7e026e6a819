//! Which finding is the verdict of a failed transfer, and which are related (catalogue, "Which one is the verdict").

use std::net::IpAddr;

use super::{Diagnosis, Relations, port_foreign_address};
use crate::finding::{Alternative, Confidence, DiagnosisName, Finding, Role, Severity};

/// Whether a diagnosis can be the verdict of a failed transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It can, before all of a later rank.
    Ranked(Rank),
    /// It never is: why.
    Never(&'static str),
}

/// Kinds of causes in the order in which they take precedence: a cause comes before its symptom. Findings of one rank
/// compete by confidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Nobody answers ARP for the announced host: nothing that was announced matters more.
    NoLinkAddress,
    /// The announced address cannot be reached by anybody.
    UnusableAddress,
    /// What was announced cannot be read, or is of another protocol.
    UnreadableEndpoint,
    /// The announced address is another host's, or another one of the client.
    WhoseAddress,
    /// It is not the client's, and whose it is does not show.
    ForeignAddress,
    /// The port is one that servers refuse.
    LowPort,
    /// There is no endpoint: it was refused, or the reply does not tell it.
    EndpointRefused,
    /// Packets go to or come from the wrong host or interface.
    HostFault,
    /// A device on the way breaks the control connection at the endpoint line.
    BrokenRewrite,
    /// The data connection goes to or comes from another endpoint than announced.
    WrongPeer,
    /// The two sides disagree on how TLS is to be used.
    TlsPolicy,
    /// The TLS handshake fails.
    TlsHandshake,
    /// TLS ends without being closed.
    TlsClosure,
    /// No endpoint was announced.
    NoEndpoint,
    /// One side still holds the 5-tuple.
    HeldTuple,
    /// The server has no socket to connect from.
    ServerSocket,
    /// The SYN was refused.
    SynRejected,
    /// A client in TIME-WAIT answers or ignores the SYN.
    TimeWaitAnswer,
    /// The SYN is lost between two points that were captured.
    SynLost,
    /// The handshake is not completed.
    HandshakeAborted,
    /// The SYNs are not answered.
    SynUnanswered,
    /// The server sends no SYN.
    SynNeverSent,
    /// The client sends no SYN.
    ClientNeverConnects,
    /// No SYN is seen here.
    SynNotSeen,
    /// Somebody else resets the connection.
    ResetInjected,
    /// Large packets are lost.
    PathMtu,
    /// The data connection stands still.
    DataStalled,
    /// The control connection is lost.
    ControlLost,
    /// The data connection breaks.
    DataBroken,
    /// The server refuses the transfer command itself: no fault of the data connection, so severity info will do.
    CommandRefused,
    /// The failing reply is not the server's.
    ForgedReply,
    /// Nothing explains it.
    Unexplained,
}

impl Rank {
    /// Whether its diagnoses say whose the announced address is.
    pub fn is_of_whose_address(self) -> bool {
        matches!(self, Self::WhoseAddress | Self::ForeignAddress)
    }
}

/// The rank of a diagnosis; `None` when it never is a verdict.
pub fn rank(diagnosis: DiagnosisName) -> Option<Rank> {
    match Diagnosis::named(diagnosis)?.verdict {
        Verdict::Ranked(rank) => Some(rank),
        Verdict::Never(_) => None,
    }
}

/// The place of a finding. That nobody answers ARP comes first only where it is proven, else with the other silences; a
/// low port comes before whose address it is where the refusal is about the port.
fn place(finding: &Finding) -> Option<Rank> {
    let of_the_port = || finding.ruled_out.iter().any(|other| other.diagnosis == port_foreign_address::NAME);
    match rank(finding.diagnosis)? {
        Rank::NoLinkAddress if finding.confidence < Confidence::Proven => Some(Rank::SynUnanswered),
        Rank::LowPort if of_the_port() => Some(Rank::UnreadableEndpoint),
        // A suspicion explains nothing; that the server never said it does.
        Rank::ForgedReply if finding.confidence < Confidence::Proven => None,
        Rank::ResetInjected if finding.confidence < Confidence::Probable => None,
        rank => Some(rank),
    }
}

/// Gives the findings of one transfer their roles. When it failed, the first in order is the verdict and the others
/// are related; otherwise all are context. What explains the failure goes before what is merely worth a warning.
/// Returns the verdict's name.
pub fn assign(findings: &mut [Finding], failed: bool) -> Option<DiagnosisName> {
    if !failed {
        for finding in findings {
            finding.role = Role::Context;
        }
        return None;
    }
    let verdict = findings
        .iter()
        .enumerate()
        .filter_map(|(index, finding)| {
            let rank = place(finding)?;
            let mere_warning = finding.severity == Severity::Warning;
            let counts = finding.severity >= Severity::Warning || rank == Rank::CommandRefused;
            counts.then_some((mere_warning, rank, std::cmp::Reverse(finding.confidence), index))
        })
        .min()
        .map(|(_, _, _, index)| index);
    for (index, finding) in findings.iter_mut().enumerate() {
        finding.role = if Some(index) == verdict { Role::Verdict } else { Role::Related };
    }
    let verdict = verdict?;
    weigh(findings, verdict);
    findings.get(verdict).map(|finding| finding.diagnosis)
}

/// Where there was no transfer, what explains the failure is told of the session.
pub fn of_no_transfer(findings: &mut [Finding]) {
    for finding in findings.iter_mut().filter(|finding| finding.role == Role::Verdict) {
        finding.role = Role::Context;
    }
}

/// Names the causes of the verdict's rank that hold as well, and takes back that it would rule out what holds.
fn weigh(findings: &mut [Finding], verdict: usize) {
    let holding: Vec<DiagnosisName> = findings.iter().map(|finding| finding.diagnosis).collect();
    let Some(finding) = findings.get_mut(verdict) else { return };
    let own = rank(finding.diagnosis);
    // A check does not know what the others find: what holds is not ruled out.
    finding.ruled_out.retain(|ruled| !holding.contains(&ruled.diagnosis));
    let others = holding.into_iter().filter(|other| *other != finding.diagnosis && rank(*other) == own);
    for other in others.filter_map(Diagnosis::named) {
        if !finding.alternatives.iter().any(|known| known.diagnosis == other.name) {
            let would_decide = other.relations.would_decide.to_owned();
            finding.alternatives.push(Alternative { diagnosis: other.name, would_decide });
        }
    }
    let ruled: Vec<DiagnosisName> = finding.ruled_out.iter().map(|ruled| ruled.diagnosis).collect();
    finding.alternatives.retain(|other| !ruled.contains(&other.diagnosis));
}

/// The hosts a diagnosis names as the cause of failures.
pub type Blame = (DiagnosisName, Vec<IpAddr>);

fn relations(finding: &Finding) -> &'static Relations {
    Diagnosis::named(finding.diagnosis).map_or(&Relations::USUAL, |diagnosis| &diagnosis.relations)
}

/// Whom a finding names.
pub fn blame(finding: &Finding) -> Blame {
    (finding.diagnosis, finding.hosts.clone())
}

/// Whether a finding of a session or transfer names hosts as its cause.
pub fn is_blamed(finding: &Finding) -> bool {
    finding.role != Role::Related && relations(finding).reported_once
}

/// Gives the findings of a session their roles, beside those of its transfers: a cause is told before its symptom, and
/// once.
pub fn settle(mut of_session: Vec<Finding>, of_transfers: &[Finding]) -> Vec<Finding> {
    let told: Vec<Blame> = of_transfers.iter().filter(|finding| is_blamed(finding)).map(blame).collect();
    of_session.retain(|finding| !told.contains(&blame(finding)));
    // What did no harm explains no other failure.
    let explains = |finding: &Finding| is_blamed(finding) && finding.severity == Severity::Error;
    let caused = of_transfers.iter().chain(&of_session).any(explains);
    let likely = of_session.iter().filter(|finding| finding.confidence >= Confidence::Probable);
    let holding: Vec<DiagnosisName> = likely.map(|finding| finding.diagnosis).collect();
    let verdict = |name| of_transfers.iter().any(|one| one.role == Role::Verdict && one.diagnosis == name);
    let holds = |name: &DiagnosisName| verdict(*name) || holding.contains(name);
    for finding in &mut of_session {
        let relations = relations(finding);
        if caused && relations.is_symptom || relations.part_of.iter().any(holds) {
            finding.role = Role::Related;
        }
    }
    of_session.sort_by_key(|finding| finding.role == Role::Related);
    of_session
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::{Blame, Verdict, blame, settle};
    use crate::diagnosis::{ALL, Check, Diagnosis};
    use crate::finding::{Confidence, Evidence, Finding, Role};
    use crate::frame::{CaptureId, FrameNo, Stamp, Timestamp};

    fn named(name: &str) -> &'static Diagnosis {
        ALL.iter().copied().find(|one| one.name.as_str() == name).unwrap()
    }

    fn finding(diagnosis: &str, host: u8, role: Role) -> Finding {
        let diagnosis = named(diagnosis);
        let at = Stamp::new(CaptureId(0), FrameNo(1), Timestamp(0));
        let draft = diagnosis.finding(Confidence::Proven, String::new(), Evidence::seen(at, "here"));
        Finding { role, ..draft.hosts([[10, 0, 0, host].into()]).done() }
    }

    fn told(findings: &[Finding]) -> Vec<((&str, Vec<IpAddr>), Role)> {
        let named = |(name, hosts): Blame| (name.as_str(), hosts);
        findings.iter().map(|finding| (named(blame(finding)), finding.role)).collect()
    }

    #[test]
    fn a_cause_is_told_before_its_symptom_and_once() {
        let of_session =
            || vec![finding("control-stalled", 1, Role::Context), finding("mac-stale-peer", 2, Role::Context)];
        let alone = settle(of_session(), &[]);
        let symptom = (("control-stalled", vec![[10, 0, 0, 1].into()]), Role::Related);
        let cause = (("mac-stale-peer", vec![[10, 0, 0, 2].into()]), Role::Context);
        assert_eq!(told(&alone), [cause.clone(), symptom.clone()]);
        let by_transfer = settle(of_session(), &[finding("mac-stale-peer", 2, Role::Verdict)]);
        assert_eq!(told(&by_transfer), std::slice::from_ref(&symptom));
        let only_related = settle(of_session(), &[finding("mac-stale-peer", 2, Role::Related)]);
        assert_eq!(told(&only_related), [cause, symptom]);
    }

    #[test]
    fn one_event_is_one_error() {
        let lost = |role| [finding("control-lost-during-transfer", 1, role)];
        let roles = |findings: Vec<Finding>| findings.iter().map(|finding| finding.role).collect::<Vec<_>>();
        let stalled = || vec![finding("control-stalled", 1, Role::Context)];
        assert_eq!(roles(settle(stalled(), &lost(Role::Verdict))), [Role::Related]);
        assert_eq!(roles(settle(stalled(), &lost(Role::Related))), [Role::Context]);
        let both = [stalled(), vec![finding("control-lost", 1, Role::Context)]].concat();
        assert_eq!(roles(settle(both, &[])), [Role::Context, Role::Related]);
        assert_eq!(roles(settle(vec![finding("control-lost", 1, Role::Context)], &[])), [Role::Context]);
    }

    /// Roles are given to what is said of a transfer: a rank without such a check would never count.
    #[test]
    fn what_has_a_rank_is_said_of_transfers() {
        for diagnosis in ALL {
            let of_transfers = |check: &Check| matches!(check, Check::Transfer(_) | Check::Unexplained(_));
            match diagnosis.verdict {
                Verdict::Ranked(_) => assert!(diagnosis.checks.iter().any(of_transfers), "{}", diagnosis.name),
                Verdict::Never(why) => assert!(why.len() > 10, "{}: say why it never is a verdict", diagnosis.name),
            }
        }
    }

    #[test]
    fn what_port_announced_comes_before_what_the_syn_did() {
        let rank = |name: &str| super::rank(named(name).name);
        assert!(rank("port-foreign-address") < rank("data-syn-unanswered"));
        assert!(rank("port-refused") < rank("no-data-endpoint"));
        assert_eq!(rank("time-wait-reuse-accepted"), None);
    }
}
