//! Which finding is the verdict of a failed transfer, and which are related (catalogue, "Which one is the verdict").

use crate::finding::{Finding, Role, Severity};

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
    &["pasv-ports-exhausted", "port-refused"],
    &["source-spoof-mismatch", "mac-stale-peer", "arp-conflict"],
    &["alg-broken-rewrite"],
    &["pasv-address-mismatch", "data-wrong-source-address", "data-wrong-destination", "pasv-bad-peer"],
    &["tls-session-reuse-required", "tls-protection-mismatch"],
    &["no-data-endpoint"],
    &["time-wait-collision", "time-wait-default-port", "tuple-still-open", "time-wait-passive-reuse"],
    &["abor-then-425", "data-port-bind-contention"],
    &["data-syn-icmp-rejected", "data-syn-refused"],
    &["time-wait-challenge", "time-wait-silent-drop"],
    &["data-handshake-aborted"],
    &["data-syn-lost-in-transit"],
    &["data-syn-unanswered", "pasv-connect-failed"],
    &["data-syn-never-sent"],
    &["pasv-client-never-connects"],
    &["data-syn-not-seen", "pasv-syn-not-seen"],
    &["control-stalled"],
    &["control-lost-during-transfer"],
    &["data-connection-broken"],
    &["login-refused", "command-refused"],
    &["transfer-failed-unexplained"],
];

/// The place of a diagnosis in the order; `None` when it never is a verdict.
pub fn rank(diagnosis: &str) -> Option<usize> {
    ORDER.iter().position(|rank| rank.contains(&diagnosis))
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
            Some((mere_warning, rank(finding.diagnosis)?, std::cmp::Reverse(finding.confidence), index))
        })
        .min()
        .map(|(_, _, _, index)| index);
    for (index, finding) in findings.iter_mut().enumerate() {
        finding.role = if Some(index) == verdict { Role::Verdict } else { Role::Related };
    }
    verdict.map(|index| findings[index].diagnosis)
}

/// Failures that are no fault of the data connection: their verdict is of severity info.
fn is_plain(diagnosis: &str) -> bool {
    matches!(diagnosis, "login-refused" | "command-refused")
}

#[cfg(test)]
mod tests {
    use super::{ORDER, rank};

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
