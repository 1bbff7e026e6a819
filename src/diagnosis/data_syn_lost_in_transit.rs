//! `data-syn-lost-in-transit`

use super::case::Case;
use super::crossing::{self, What};
use super::{data_syn_refused, data_syn_unanswered, time_wait_middlebox, tls_control_opaque};
use crate::finding::{Cap, Confidence, Finding};

/// The port from which a server connects (RFC 959 3.2).
const ACTIVE_DATA: u16 = 20;

diagnosis! {
    /// The data SYN, or the SYN-ACK that answered it, entered a router, firewall or NAT that was captured on both
    /// sides, and did not leave it on the other side.
    ///
    /// Needs: one capture with both sides (two interfaces of one host), the control connection seen on both sides
    /// before and after; a SYN sent twice or more, seen only on the side of its sender, or a SYN-ACK seen only on the
    /// side of its sender; and another data connection of the session, opened by the same host, that is seen on both
    /// sides. Packets of both sides are matched by their numbers and timestamps, not by addresses, which a NAT
    /// rewrites.
    ///
    /// Helps: the same 5-tuple that gets through at another time; an ARP request for the next hop that nobody answers
    /// (`data-arp-unresolved`); an earlier connection of the 5-tuple whose session may still be in the device's table
    /// (`time-wait-middlebox`).
    ///
    /// Refuted by: the SYN (SYN-ACK) seen on both sides; dropped packets or missing bytes in the capture, which may
    /// hide it.
    ///
    /// Confidence: probable; proven where the same 5-tuple gets through at another time.
    ///
    /// Traps: a third interface that is not in the capture, by which some of the packets leave (several links, ECMP); a
    /// capture filter that differs between the interfaces.
    ///
    /// Remedy: at the client, the mode in which the other side connects, until the device lets both through; at the
    /// server, data connections that a filter can expect: from port 20, or to a small range of passive ports; in the
    /// network, the filter rules, the session table and the FTP helper of the device between both sides.
    "data-syn-lost-in-transit", Error,
    "the data SYN, or its SYN-ACK, entered a device on the path and did not leave it",
    ["RFC 3704", "RFC 5382"],
    verdict: SynLost,
    locus: Server,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let lost = crossing::lost(case)?;
    let confidence = if lost.same_tuple_crosses() { Confidence::Proven } else { Confidence::Probable };
    let message = format!("{}, while other data connections of the session get through", lost.told(case));
    let [mode, ports] = if lost.attempt.from().ip() == case.session.client.ip() {
        [
            "Use active mode until the device lets these through.",
            "Offer passive ports from a small range and allow that range on the device.",
        ]
    } else if lost.attempt.from().port() == ACTIVE_DATA {
        ["Use passive mode until the device lets these through.", "Allow passive mode: the client then opens the data connection."]
    } else {
        [
            "Use passive mode until the device lets these through.",
            "Connect from port 20: filters and FTP helpers expect data connections from there.",
        ]
    };
    let mut draft = DIAGNOSIS
        .finding(confidence, message, lost.came_in()?)
        .about(case)
        .support(lost.did_not_leave(case))
        .support(case.dialogue())
        .caps(opaque(case))
        .network("Look at the filter rules, the session table and the FTP helper of the device between both interfaces: it, or its next hop, drops these packets.")
        .client(mode)
        .server(ports);
    draft = match lost.what {
        What::Syn => draft.rule_out(data_syn_refused::NAME, "nothing came back"),
        What::SynAck => draft.rule_out(data_syn_unanswered::NAME, "the SYN was answered by a SYN-ACK"),
    };
    if lost.what == What::Syn && lost.attempt.previous.is_some() {
        draft = draft.or(time_wait_middlebox::NAME, "the device's session table at the time of the failure");
    }
    Some(draft.done())
}

/// With an encrypted control channel the pairing is at most possible, what happened to the SYN may still be proven.
fn opaque(case: &Case<'_>) -> Option<Cap> {
    (case.transfer().is_none() && case.offer().is_none()).then(|| Cap {
        diagnosis: Some(tls_control_opaque::NAME),
        ceiling: Confidence::Probable,
        why: "the control connection is encrypted, so it is a guess which transfer this connection belongs to".to_owned(),
    })
}
