//! Which finding is the verdict of a failed transfer, and which are related (catalogue, "Which one is the verdict").

use std::net::IpAddr;

use crate::finding::{Alternative, Confidence, Finding, Role, Severity};

/// Causes in the order in which they take precedence; a cause comes before its symptom. Findings of one rank compete
/// by confidence. What is not listed is never a verdict.
const ORDER: &[&[&str]] = &[
    // Proven not to answer ARP: nothing that was announced matters more.
    &["data-arp-unresolved"],
    &["port-address-unusable"],
    &["eprt-protocol-mismatch", "port-malformed"],
    &["port-wrong-interface", "port-nat-unrewritten", "port-third-party"],
    &["port-foreign-address"],
    &["port-low-port"],
    &["pasv-ports-exhausted", "pasv-malformed", "port-refused"],
    &["source-spoof-mismatch", "mac-stale-peer", "arp-conflict"],
    &["alg-broken-rewrite"],
    &["pasv-address-mismatch", "data-wrong-source-address", "data-wrong-destination", "pasv-bad-peer"],
    &["tls-session-reuse-required", "tls-protection-mismatch"],
    &["tls-handshake-failed"],
    &["tls-closure-missing"],
    &["no-data-endpoint"],
    &["time-wait-collision", "time-wait-default-port", "tuple-still-open", "time-wait-passive-reuse"],
    &["abor-then-425", "data-port-bind-contention"],
    &["data-syn-icmp-rejected", "data-syn-refused"],
    &["time-wait-challenge", "time-wait-silent-drop"],
    &["data-syn-lost-in-transit"],
    &["data-handshake-aborted"],
    &["data-syn-unanswered", "pasv-connect-failed"],
    &["data-syn-never-sent"],
    &["pasv-client-never-connects"],
    &["data-syn-not-seen", "pasv-syn-not-seen"],
    &["rst-injected"],
    &["path-mtu-blackhole"],
    &["control-stalled"],
    &["data-stalled"],
    &["control-lost-during-transfer", "control-idle-timeout"],
    &["data-connection-broken"],
    &["login-refused", "command-refused"],
    &["reply-by-middlebox"],
    &["transfer-failed-unexplained"],
];

/// The place of a diagnosis in the order; `None` when it never is a verdict.
pub fn rank(diagnosis: &str) -> Option<usize> {
    ORDER.iter().position(|rank| rank.contains(&diagnosis))
}

/// The place of a finding. That nobody answers ARP comes first only where it is proven, else with the other silences; a
/// low port comes before whose address it is where the refusal is about the port.
fn place(finding: &Finding) -> Option<usize> {
    let of_the_port = || finding.ruled_out.iter().any(|other| other.diagnosis == "port-foreign-address");
    match finding.diagnosis {
        "data-arp-unresolved" if finding.confidence < Confidence::Proven => rank("data-syn-unanswered"),
        "port-low-port" if of_the_port() => rank("port-malformed"),
        // A suspicion explains nothing; that the server never said it does.
        "reply-by-middlebox" if finding.confidence < Confidence::Proven => None,
        "rst-injected" if finding.confidence < Confidence::Probable => None,
        other => rank(other),
    }
}

/// Gives the findings of one transfer their roles. When it failed, the first in order is the verdict and the others
/// are related; otherwise all are context. What explains the failure goes before what is merely worth a warning.
/// Returns the verdict's name.
pub fn assign(findings: &mut [Finding], failed: bool) -> Option<&'static str> {
    if !failed {
        for finding in findings {
            finding.role = Role::Context;
        }
        return None;
    }
    let verdict = findings
        .iter()
        .enumerate()
        .filter(|(_, finding)| finding.severity >= Severity::Warning || is_plain(finding.diagnosis))
        .filter_map(|(index, finding)| {
            let mere_warning = finding.severity == Severity::Warning;
            Some((mere_warning, place(finding)?, std::cmp::Reverse(finding.confidence), index))
        })
        .min()
        .map(|(_, _, _, index)| index);
    for (index, finding) in findings.iter_mut().enumerate() {
        finding.role = if Some(index) == verdict { Role::Verdict } else { Role::Related };
    }
    let index = verdict?;
    weigh(findings, index);
    Some(findings[index].diagnosis)
}

/// Where there was no transfer, what explains the failure is told of the session.
pub fn of_no_transfer(findings: &mut [Finding]) {
    for finding in findings.iter_mut().filter(|finding| finding.role == Role::Verdict) {
        finding.role = Role::Context;
    }
}

/// Names the causes of the verdict's rank that hold as well, and takes back that it would rule out what holds.
fn weigh(findings: &mut [Finding], verdict: usize) {
    let holding: Vec<&'static str> = findings.iter().map(|finding| finding.diagnosis).collect();
    let Some(finding) = findings.get_mut(verdict) else { return };
    let own = rank(finding.diagnosis);
    finding.ruled_out.retain(|ruled| !holding.contains(&ruled.diagnosis));
    for other in holding.iter().filter(|other| **other != finding.diagnosis && rank(other) == own) {
        if !finding.alternatives.iter().any(|known| known.diagnosis == *other) {
            let would_decide = decides(other).to_owned();
            finding.alternatives.push(Alternative { diagnosis: other, would_decide });
        }
    }
    let ruled: Vec<&str> = finding.ruled_out.iter().map(|ruled| ruled.diagnosis).collect();
    finding.alternatives.retain(|other| !ruled.contains(&other.diagnosis));
}

/// What would decide for a cause that holds beside another one of its rank.
fn decides(diagnosis: &str) -> &'static str {
    match diagnosis {
        "source-spoof-mismatch" => "a capture behind the next router shows whether it drops the foreign source",
        "mac-stale-peer" => "the peer's ARP cache at the time of the failure shows the MAC it used",
        "arp-conflict" => "the switches' MAC tables show which host had the address",
        "tls-protection-mismatch" | "tls-session-reuse-required" => {
            "the server's log of the data connection's handshake"
        }
        "tuple-still-open" | "time-wait-collision" => "the server's socket table (ss -tan) at the time of the failure",
        "data-syn-refused" | "data-syn-icmp-rejected" => "a capture at the target shows which of both answers it sent",
        _ => "a capture at the other side, of the same transfer",
    }
}

/// The hosts a diagnosis names as the cause of failures.
pub type Blame = (&'static str, Vec<IpAddr>);

/// Causes that are facts about hosts or about a session, and are told once: with the failure, or else with the session
/// or at the end of the capture.
const TOLD_ONCE: [&str; 5] =
    ["source-spoof-mismatch", "mac-stale-peer", "arp-conflict", "alg-broken-rewrite", "path-mtu-blackhole"];

/// What a session fails by when one of these causes holds: told, but not counted.
const SYMPTOMS: [&str; 2] = ["control-stalled", "control-unanswered"];

/// One event, one error: what is told of it first, and what then merely belongs to it.
const ONE_EVENT: [(&str, &str); 3] = [
    ("control-lost-during-transfer", "control-stalled"),
    ("control-stalled", "control-lost"),
    ("rst-injected", "control-lost"),
];

/// Whom a finding names.
pub fn blame(finding: &Finding) -> Blame {
    (finding.diagnosis, finding.hosts.clone())
}

/// Whether a finding of a session or transfer names hosts as its cause.
pub fn is_blamed(finding: &Finding) -> bool {
    finding.role != Role::Related && TOLD_ONCE.contains(&finding.diagnosis)
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
    let holding: Vec<&str> = likely.map(|finding| finding.diagnosis).collect();
    let belongs = |symptom: &str| {
        let verdict = |name: &str| of_transfers.iter().any(|one| one.role == Role::Verdict && one.diagnosis == name);
        let first = |name: &str| verdict(name) || holding.contains(&name);
        ONE_EVENT.iter().any(|(name, own)| *own == symptom && first(name))
    };
    for finding in &mut of_session {
        if caused && SYMPTOMS.contains(&finding.diagnosis) || belongs(finding.diagnosis) {
            finding.role = Role::Related;
        }
    }
    of_session.sort_by_key(|finding| finding.role == Role::Related);
    of_session
}

/// Failures that are no fault of the data connection: their verdict is of severity info.
fn is_plain(diagnosis: &str) -> bool {
    matches!(diagnosis, "login-refused" | "command-refused")
}

#[cfg(test)]
mod tests {
    use super::{Blame, ORDER, blame, rank, settle};
    use crate::finding::{Confidence, Evidence, Finding, Role};
    use crate::frame::{CaptureId, FrameNo, Stamp, Timestamp};

    fn finding(diagnosis: &str, host: u8, role: Role) -> Finding {
        let diagnosis = crate::diagnosis::ALL.iter().find(|one| one.name == diagnosis).unwrap();
        let at = Stamp::new(CaptureId(0), FrameNo(1), Timestamp(0));
        let draft = diagnosis.finding(Confidence::Proven, String::new(), Evidence::seen(at, "here"));
        Finding { role, ..draft.hosts([[10, 0, 0, host].into()]).done() }
    }

    fn told(findings: &[Finding]) -> Vec<(Blame, Role)> {
        findings.iter().map(|finding| (blame(finding), finding.role)).collect()
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

    #[test]
    fn a_cause_is_listed_once() {
        let mut all: Vec<&str> = ORDER.concat();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn what_port_announced_comes_before_what_the_syn_did() {
        assert!(rank("port-foreign-address") < rank("data-syn-unanswered"));
        assert!(rank("port-refused") < rank("no-data-endpoint"));
    }
}
