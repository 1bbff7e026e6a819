//! `data-syn-unanswered`

use super::case::Case;
use super::{crossing, data_syn_icmp_rejected, data_syn_lost_in_transit, data_syn_refused, lines, timers, tls_control_opaque};
use crate::finding::{Cap, Confidence, Finding, Party};
use crate::record::AttemptOutcome;

diagnosis! {
    /// The server's SYNs to the announced endpoint got no reply of any kind: no SYN-ACK, no RST, no ICMP error.
    ///
    /// Needs: two or more SYNs on one 5-tuple with one initial sequence number, nothing back, and a transfer that
    /// failed because of it, a client that gave up after them, or 4xx or 5xx to PORT itself where the server connects
    /// at once. A single SYN with an instant 425 is not this.
    ///
    /// Helps: a reply delay that is the server's connect timeout; a control connection that works in that time.
    ///
    /// Refuted by: any answer in the reverse direction; a capture of one direction only.
    ///
    /// Confidence: at the client it is proven that the client's host dropped them; elsewhere it is proven that no
    /// answer came back to this point, but not where they were dropped.
    ///
    /// Remedy: in the network allow connections from the server's data port to the client, or use a stateful FTP
    /// helper; at the client use EPSV/PASV, or open its host firewall; at the server allow EPSV/PASV.
    "data-syn-unanswered", Error,
    "the data SYNs were never answered",
    ["RFC 1579", "RFC 6298", "Microsoft KB Q200770"],
    verdict: SynUnanswered,
    locus: Server,
    Transfer(check)
}

const CLIENT: &str =
    "Use passive mode (ftp -p, lftp: set ftp:passive-mode on), or open the announced ports in the client's firewall.";

const HERE: &str = "Let the server's connections through this host's INPUT rules (nft list ruleset), or use passive mode.";

fn check(case: &Case<'_>) -> Option<Finding> {
    if !case.failed_for_want_of_data() {
        return None;
    }
    let attempt = case.server_attempts().find(|attempt| {
        attempt.outcome() == AttemptOutcome::Unanswered && attempt.connection.syn_count >= 2
    })?;
    let connection = attempt.connection;
    let last = connection.syns.last()?.at.max(connection.last);
    let span = last.age_of(attempt.at());
    let client_silent = case.control.half(case.client_end()).segments == 0;
    if client_silent {
        return None;
    }
    let message = format!(
        "{} sent {} SYNs to {} within {span:.1} s and nothing came back",
        attempt.from(),
        connection.syn_count,
        attempt.to(),
    );
    let late = case.left_before(attempt).map(|left| format!("; the client had left before ({})", left.how));
    let message = format!("{message}{}", late.unwrap_or_default());
    let listens = data_syn_refused::listens(case, attempt);
    let heard = match listens.says() {
        Some(true) => "; a socket listened on that port",
        Some(false) => "; no socket listened on that port",
        None => "",
    };
    let message = format!("{message}{heard}");
    let caps = case.scene_caps(attempt.at());
    let at_client = case.vantage.sees_all_of_client();
    let where_dropped = if at_client {
        "The SYNs reached this capture point near the client: look for a firewall on the client's host first."
    } else {
        "Find what drops the SYNs between the server and the client; allow them, or use an FTP helper (Linux: nf_conntrack_ftp)."
    };
    let mut finding = DIAGNOSIS
        .finding(Confidence::Proven, message, lines::syns(attempt)?)
        .about(case)
        .support(case.dialogue())
        .support(timers::evidence(case))
        .host(listens.said())
        .caps(caps)
        .caps(opaque_cap(case))
        .rule_out(data_syn_refused::NAME, "no RST came back")
        .rule_out(data_syn_icmp_rejected::NAME, "no ICMP error quotes the SYN")
        .client(if case.vantage.is_here(Party::Client) { HERE } else { CLIENT })
        .server("Allow passive mode (EPSV, PASV): the client then opens the data connection.")
        .network(where_dropped);
    if !at_client && !case.vantage.is_here(Party::Client) && crossing::lost(case).is_none() {
        finding = finding.or(data_syn_lost_in_transit::NAME, "a capture at the client shows whether the SYNs arrive there");
    }
    Some(finding.done())
}

/// With an encrypted control channel the pairing is at most possible, what happened to the SYN may still be proven.
fn opaque_cap(case: &Case<'_>) -> Option<Cap> {
    (case.transfer().is_none() && case.offer().is_none()).then(|| Cap {
        diagnosis: Some(tls_control_opaque::NAME),
        ceiling: Confidence::Probable,
        why: "the control connection is encrypted, so it is a guess which transfer these SYNs belong to".to_owned(),
    })
}
