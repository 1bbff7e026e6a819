//! `control-stalled`

use super::case::SessionCase;
use super::idle::Idle;
use super::{control_lost_during_transfer, lines};
use crate::finding::{Confidence, Evidence, Finding, Party, Route};

/// Frames cited.
const CITED: usize = 8;

diagnosis! {
    /// A segment of the control connection is retransmitted and never acknowledged: something drops this segment and
    /// lets others pass, or the path is down.
    ///
    /// Needs: a control segment with payload, two or more retransmissions of it, and no acknowledgement of its bytes to
    /// the end of the connection.
    ///
    /// Helps: the control connection had been idle, while the data connection worked (a NAT or firewall dropped its
    /// entry); it is a PORT split over two segments, or one without CRLF (an FTP helper that drops incomplete lines);
    /// it is a full-sized segment (path MTU); replies leave with a foreign source address (`source-spoof-mismatch`); a
    /// MAC has moved (`mac-changed`).
    ///
    /// Refuted by: a late acknowledgement.
    ///
    /// Remedy: in the network find what drops it: idle timeout, FTP helper, MTU, anti-spoofing filter, stale ARP entry;
    /// at the client send each command in one segment, try a smaller MTU; at the server capture, to see whether the
    /// segment arrives.
    "control-stalled", Error,
    "a control segment is retransmitted and never acknowledged",
    ["RFC 9293 3.8.1", "RFC 2923 2.1"],
    verdict: never("a finding of the session, which has no verdict"),
    locus: Server,
    Session(check);
    is_symptom: true,
    part_of: &[control_lost_during_transfer::NAME]
}

const HERE: &str = "Capture at the client too: it shows whether the segment is lost, or its acknowledgement.";

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    let Some((end, stamps)) = case.control.stalled() else { return Vec::new() };
    let (from, to) = (case.control.socket(end), case.control.socket(end.peer()));
    let Some((first, last)) = stamps.first().copied().zip(stamps.last().copied()) else { return Vec::new() };
    let text = case.line_at(first).unwrap_or_else(|| "a segment".to_owned());
    let idle = Idle::before_stall(case.session, case.control, case.data());
    let too_large = idle.is_none_or(|idle| idle.may_be_too_large());
    let idle = idle.filter(Idle::is_forgotten);
    let message = format!(
        "{from} sent {text} {} times within {:.1} s and {to} never acknowledged it{}",
        stamps.len(),
        last.age_of(first),
        idle.map_or_else(String::new, |idle| format!("; {}", idle.story())),
    );
    let frames = lines::some_of(stamps.to_vec(), CITED);
    let Some(primary) = Evidence::seen_all(frames, Some(Route { from, to }), format!("{text}, never acknowledged")) else {
        return Vec::new();
    };
    let icmp = case.control.icmp.iter().take(2).map(|seen| {
        let what = super::data_syn_icmp_rejected::meaning(&seen.error);
        Evidence::seen(seen.at, format!("ICMP {}/{} from {}: {what}", seen.error.kind, seen.error.code, seen.from))
    });
    let draft = DIAGNOSIS
        .finding(Confidence::Proven, message, primary)
        .in_session(case.session)
        .support(icmp)
        .support(idle.map(|idle| idle.evidence()))
        .server(if case.vantage.is_here(Party::Server) {
            HERE
        } else {
            "Capture at the server too: it shows whether the segment is lost, or its acknowledgement."
        });
    let mtu = if too_large { ", a path MTU" } else { "" };
    let drops = format!("Find what drops this segment: an FTP helper that needs whole lines{mtu}, an anti-spoofing filter, a stale ARP entry.");
    let forgets = "Raise the idle timeout of NAT and firewall for established connections (RFC 5382: 2 h 4 min).";
    let alive = "Keep the control connection alive (NOOP, TCP keep-alive; curl: --keepalive-time).";
    let draft = match idle {
        Some(idle) if idle.is_long() => draft.network(forgets).client(alive),
        // So short a silence is forgotten by few.
        Some(_) => draft.network(format!("{forgets} Otherwise: {drops}")).client(alive),
        None => draft.network(drops).client(if too_large {
            "Let the client send each command in one segment; try a smaller MTU or passive mode."
        } else {
            "Let the client send each command in one segment; try passive mode."
        }),
    };
    vec![draft.done()]
}
