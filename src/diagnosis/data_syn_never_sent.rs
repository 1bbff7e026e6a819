//! `data-syn-never-sent`

use std::net::SocketAddr;

use super::case::Case;
use super::{announced, data_syn_refused, data_syn_unanswered, time_wait_tuple, no_syn, timers};
use crate::facts::{Answer, RouteEntry};
use crate::finding::{Confidence, Finding, Party};

diagnosis! {
    /// The server reported a failed data connection without having sent any SYN, and no earlier connection on the
    /// 5-tuple explains it: a cause on the server itself.
    ///
    /// Needs: an accepted endpoint; a transfer command answered 425 or a similar reply, or a client that gave up more
    /// than a second later, or 4xx or 5xx to PORT itself whose text reports a connection attempt; no data SYN to any
    /// address in between; a capture at or near the server that would have shown it; no 5-tuple history. Away from the
    /// server only if the server's text names a local cause.
    ///
    /// Confidence: probable, proven at the server if the reply names an address error, or if its kernel has no route to
    /// the announced address (`--facts`). If the capture starts less than 240 s earlier, an older TIME-WAIT cannot be
    /// excluded.
    ///
    /// Helps: an errno text. `Permission denied` or `Operation not permitted`: port 20 needs privilege, or a host
    /// firewall rejects on output. `Cannot assign requested address`, `Address already in use`: bind, or a 5-tuple in
    /// TIME-WAIT that this capture does not show. `Network is unreachable`: no route. An instant reply: a local reject.
    /// A reply after many seconds: packets dropped on output.
    ///
    /// Refuted by: any SYN; an ICMP error; a refused PORT.
    ///
    /// Remedy: at the server read the log, let it bind to port 20 or use another port, check the firewall's OUTPUT
    /// rules and the routes; at the client use passive mode as a workaround; in the network nothing, the failure is
    /// local to the server.
    "data-syn-never-sent", Error,
    "the server failed to open the data connection without sending a SYN",
    ["RFC 959 3.2", "RFC 1122 4.2.4.1"],
    verdict: SynNeverSent,
    locus: Server,
    Transfer(check)
}

const SERVER: &str = "Read the server's log for this transfer; check its firewall's OUTPUT rules, its routes to the client, and whether it may bind its data port.";

const HERE: &str = "On this host: read the server's log, look at the route to the client (ip route get), at the OUTPUT rules (nft list ruleset), and at which process uses its data port (ss -tanp).";

/// By which route the server would have sent it.
fn route<'a>(case: &Case<'a>, to: SocketAddr) -> Answer<Option<&'a RouteEntry>> {
    case.policy.facts.route(case.session.server.ip(), to.ip(), case.session.last.time)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let gone = no_syn::unexplained(case)?;
    let local_words = time_wait_tuple::has_local_words(case);
    let at_server = case.would_show_server_syn();
    if !at_server && !local_words {
        return None;
    }
    let route = route(case, gone.socket);
    let has_none = route.says() == Some(&None);
    let confidence = if at_server && (local_words || has_none) { Confidence::Proven } else { Confidence::Probable };
    // Whatever was there before the capture began, without a route nothing is sent.
    let history = if has_none { Vec::new() } else { case.history_caps(no_syn::HISTORY) };
    let no_route = route.said().filter(|_| has_none).map_or_else(String::new, |said| format!("; {}", said.fact));
    let message = format!(
        "{} and the server had sent no SYN to {}: {}{no_route}",
        gone.story, gone.socket, gone.hint,
    );
    Some(
        DIAGNOSIS
            .finding(confidence, message, gone.primary)
            .about(case)
            .support(case.dialogue())
            .support(timers::evidence(case))
            .support(case.no_syn())
            .caps(case.absence_caps())
            .caps(history)
            .rule_out(data_syn_unanswered::NAME, "no data SYN lies between the command and the reply")
            .rule_out(data_syn_refused::NAME, "nothing was sent that could have been refused")
            .all_ruled_out(no_syn::refuted(case))
            .all_or(announced::nat_beyond(case))
            .host(route.said())
            .server(if case.vantage.is_here(Party::Server) { HERE } else { SERVER })
            .client("As a workaround, use passive mode (EPSV, PASV): the server then opens no connection.")
            .network("Nothing to change in the network: the failure is local to the server.")
            .done(),
    )
}
