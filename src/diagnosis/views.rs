//! Tells once what a session shows that was captured on both sides of a NAT: the findings of both views become one list.
//!
//! What one view alone shows stays. Of what both say, the surer one is kept, with the evidence of the other.

use std::net::IpAddr;

use super::draft::FRAMES_CITED;
use super::verdict::{Rank, rank};
use super::{
    capture_control_only, data_syn_never_sent, data_syn_not_seen, pasv_client_never_connects, pasv_syn_not_seen,
};
use crate::finding::{DiagnosisName, Evidence, Finding};

/// That nothing was captured holds of the session only where it holds in both views.
const IN_BOTH: [DiagnosisName; 1] = [capture_control_only::NAME];

/// Of one event seen at two places: what the better place shows, and what that leaves nothing to add to.
const BETTER: [(DiagnosisName, DiagnosisName); 2] =
    [(data_syn_never_sent::NAME, data_syn_not_seen::NAME), (pasv_client_never_connects::NAME, pasv_syn_not_seen::NAME)];

/// The findings of one transfer or offer.
pub fn of_transfer(own: Vec<Finding>, other: Vec<Finding>) -> Vec<Finding> {
    let mut all = once(own, other, |_, _| true);
    for (better, other) in BETTER {
        if all.iter().any(|finding| finding.diagnosis == better) {
            all.retain(|finding| finding.diagnosis != other);
        }
    }
    // Whose the announced address is: one answer holds.
    let whose = |finding: &Finding| rank(finding.diagnosis).is_some_and(Rank::is_of_whose_address);
    let best = all.iter().filter(|finding| whose(finding));
    let best = best.max_by_key(|finding| (finding.confidence, std::cmp::Reverse(rank(finding.diagnosis))));
    if let Some(best) = best.map(|finding| finding.diagnosis) {
        all.retain(|finding| !whose(finding) || finding.diagnosis == best);
    }
    all
}

/// The findings of the session. `there` are the client's and the server's address in the other view, `here` in this one:
/// a finding about other hosts is another finding.
pub fn of_session(own: Vec<Finding>, other: Vec<Finding>, here: [IpAddr; 2], there: [IpAddr; 2]) -> Vec<Finding> {
    let hosts = |finding: &Finding| {
        let own = |ip: &IpAddr| there.iter().zip(here).find(|(other, _)| *other == ip).map_or(*ip, |(_, here)| here);
        let mut hosts: Vec<IpAddr> = finding.hosts.iter().map(own).collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts
    };
    let holds = |list: &[Finding], diagnosis: DiagnosisName| {
        list.iter().any(|finding: &Finding| finding.diagnosis == diagnosis)
    };
    let both = IN_BOTH.iter().filter(|name| holds(&own, **name) != holds(&other, **name));
    let one_sided: Vec<DiagnosisName> = both.copied().collect();
    let all = once(own, other, |one, other| hosts(one) == hosts(other));
    all.into_iter().filter(|finding| !one_sided.contains(&finding.diagnosis)).collect()
}

/// All of them, those of one diagnosis that are the `same` joined.
fn once(own: Vec<Finding>, other: Vec<Finding>, same: impl Fn(&Finding, &Finding) -> bool) -> Vec<Finding> {
    let mut joined = vec![false; own.len()];
    let mut all = own;
    for finding in other {
        let mut known = all.iter_mut().zip(&mut joined);
        let twin = known.find(|(one, joined)| !**joined && one.diagnosis == finding.diagnosis && same(one, &finding));
        if let Some((one, joined)) = twin {
            *joined = true;
            join(one, finding);
        } else {
            all.push(finding);
        }
    }
    all
}

/// Adds what the other view shows of the same; the surer one speaks.
fn join(own: &mut Finding, other: Finding) {
    let weight = |finding: &Finding| (finding.severity, finding.confidence);
    let other = if weight(&other) > weight(own) { std::mem::replace(own, other) } else { other };
    let cited = own.frames();
    let absent = own.evidence().into_iter().filter_map(absence).map(str::to_owned).collect::<Vec<_>>();
    let is_new = |evidence: &Evidence| match evidence {
        Evidence::Seen { frames, .. } => frames.iter().any(|frame| !cited.contains(frame)),
        Evidence::Missing { note, .. } => !absent.contains(note),
    };
    let mut room = FRAMES_CITED.saturating_sub(cited.len());
    for evidence in std::iter::once(other.primary).chain(other.supporting).filter(is_new) {
        let Some(left) = room.checked_sub(frames(&evidence)) else { continue };
        if !own.supporting.contains(&evidence) {
            room = left;
            own.supporting.push(evidence);
        }
    }
}

/// What is missing.
fn absence(evidence: &Evidence) -> Option<&str> {
    match evidence {
        Evidence::Missing { note, .. } => Some(note),
        Evidence::Seen { .. } => None,
    }
}

fn frames(evidence: &Evidence) -> usize {
    match evidence {
        Evidence::Seen { frames, .. } => frames.len(),
        Evidence::Missing { .. } => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::{of_session, of_transfer};
    use crate::finding::{Confidence, Evidence, Finding};
    use crate::frame::{CaptureId, FrameNo, Stamp, Timestamp};

    fn finding(diagnosis: &str, confidence: Confidence, frame: u64, hosts: &[u8]) -> Finding {
        let diagnosis = crate::diagnosis::ALL.iter().find(|one| one.name.as_str() == diagnosis).unwrap();
        let at = Stamp::new(CaptureId(0), FrameNo(frame), Timestamp(0));
        let hosts = hosts.iter().map(|host| [10, 0, 0, *host].into());
        let message = format!("frame {frame}");
        Finding { confidence, ..diagnosis.finding(confidence, message, Evidence::seen(at, "here")).hosts(hosts).done() }
    }

    fn told(findings: &[Finding]) -> Vec<(&str, &str, Vec<u64>)> {
        let frames = |finding: &Finding| finding.frames().iter().map(|at| at.number.0).collect();
        findings.iter().map(|one| (one.diagnosis.as_str(), one.message.as_str(), frames(one))).collect()
    }

    #[test]
    fn what_both_say_is_told_once_by_the_surer_one() {
        let own = vec![finding("data-syn-unanswered", Confidence::Probable, 1, &[])];
        let other = || {
            vec![
                finding("data-syn-unanswered", Confidence::Proven, 2, &[]),
                finding("data-syn-refused", Confidence::Proven, 3, &[]),
            ]
        };
        let all = of_transfer(own, other());
        assert_eq!(
            told(&all),
            [("data-syn-unanswered", "frame 2", vec![1, 2]), ("data-syn-refused", "frame 3", vec![3])]
        );
        assert_eq!(told(&of_transfer(Vec::new(), other())), told(&other()), "what one view alone shows stays");
    }

    #[test]
    fn of_two_answers_to_one_question_one_stays() {
        let own = vec![
            finding("data-syn-not-seen", Confidence::Possible, 1, &[]),
            finding("port-foreign-address", Confidence::Probable, 2, &[]),
        ];
        let other = vec![
            finding("data-syn-never-sent", Confidence::Probable, 3, &[]),
            finding("port-nat-unrewritten", Confidence::Proven, 4, &[]),
        ];
        let names: Vec<&str> = of_transfer(own, other).iter().map(|finding| finding.diagnosis.as_str()).collect();
        assert_eq!(names, ["data-syn-never-sent", "port-nat-unrewritten"]);
    }

    #[test]
    fn findings_about_other_hosts_are_others() {
        let [client, server, nat]: [std::net::IpAddr; 3] = [1, 2, 9].map(|host| [10, 0, 0, host].into());
        let of = |hosts: &[u8], frame| vec![finding("control-stalled", Confidence::Proven, frame, hosts)];
        let merged = |other| of_session(of(&[1, 2], 1), other, [client, server], [nat, server]).len();
        assert_eq!(merged(of(&[9, 2], 2)), 1);
        assert_eq!(merged(of(&[7, 2], 2)), 2);
    }

    #[test]
    fn what_was_not_captured_on_one_side_may_be_on_the_other() {
        let ends = || [[10, 0, 0, 1].into(), [10, 0, 0, 2].into()];
        let lacks = || vec![finding("capture-control-only", Confidence::Proven, 1, &[])];
        assert_eq!(of_session(lacks(), Vec::new(), ends(), ends()).len(), 0);
        assert_eq!(of_session(lacks(), lacks(), ends(), ends()).len(), 1);
    }
}
