//! `data-syn-not-seen`

use super::case::Case;
use super::{announced, data_syn_icmp_rejected, data_syn_never_sent, data_syn_unanswered, time_wait_tuple, no_syn, timers};
use crate::finding::{Confidence, Finding, Party};

diagnosis! {
    /// The server reported a failed data connection and no SYN passed this capture point, which cannot tell whether one
    /// was never sent or was lost before it got here.
    ///
    /// Needs: an accepted endpoint; a transfer command answered 425 or a similar reply, or a client that gave up more
    /// than a second later, or 4xx or 5xx to PORT itself whose text reports a connection attempt; no data SYN in
    /// between; a capture that is not at or near the server; no text of the server that names a local cause.
    ///
    /// Helps: the delay. Less than a round trip and 0.2 s cannot be a SYN that was silently dropped: it is a local
    /// refusal or a fast reject (RST or ICMP) between the server and this point. Seconds mean retries.
    ///
    /// Refuted by: any data SYN; a capture at the server (`data-syn-never-sent`); transfers of the server that succeed
    /// without any data connection in the capture. A text that says that the connection was established refutes nothing
    /// if the capture has none: the contradiction is reported.
    ///
    /// Remedy: at the server capture during one failing transfer, without a port filter; at the client use passive mode
    /// if a firewall or NAT lies between; in the network let the server's data connections through, or use an FTP
    /// helper.
    "data-syn-not-seen", Error,
    "no data SYN reached this capture point",
    ["RFC 959 3.2"],
    verdict: SynNotSeen,
    locus: Server,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let gone = no_syn::unexplained(case)?;
    if case.would_show_server_syn() || time_wait_tuple::has_local_words(case) {
        return None;
    }
    let message = format!(
        "{} and no SYN to {} was seen here: never sent, or dropped before this capture point; {}",
        gone.story, gone.socket, gone.hint,
    );
    let here = case.vantage.is_here(Party::Server);
    let capture = if here { "a capture here without a port filter" } else { "a capture at the server" };
    let mut finding = DIAGNOSIS
        .finding(Confidence::Probable, message, gone.primary)
        .about(case)
        .support(case.dialogue())
        .support(timers::evidence(case))
        .support(case.no_syn())
        .caps(case.absence_caps())
        .all_ruled_out(no_syn::refuted(case))
        .all_or(announced::nat_beyond(case))
        .or(data_syn_never_sent::NAME, format!("{capture} shows whether a SYN left it"))
        .or(data_syn_icmp_rejected::NAME, format!("{capture} shows an ICMP error or RST from a device on the path"))
        .client("Use passive mode (EPSV, PASV) if a firewall or NAT lies between.")
        .server(if here { "Capture here again, without a port filter: this capture has only control connections." } else { "Capture on the server, without a port filter, during one failing transfer." })
        .network("Allow connections from the server's data port to the client's announced ports, or use an FTP helper.");
    finding = if timers::is_fast(case) {
        finding.rule_out(data_syn_unanswered::NAME, "the reply came too fast for a SYN that was silently dropped")
    } else {
        finding.or(data_syn_unanswered::NAME, format!("{capture} shows SYNs that are dropped on the path"))
    };
    Some(finding.done())
}
