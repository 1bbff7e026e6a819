//! `data-syn-icmp-rejected`

use super::case::Case;
use super::{data_syn_unanswered, lines, time_wait_collision};
use crate::finding::{Confidence, Evidence, Finding};
use crate::wire::IcmpError;

diagnosis! {
    /// The data SYN was answered by an ICMP or ICMPv6 error.
    ///
    /// Needs: an ICMP error whose quoted addresses, ports and sequence number are those of this SYN; no handshake; a
    /// transfer that failed because of it.
    ///
    /// Helps: who sent it. The target itself: its host firewall. A router: a filter, or no route beyond it.
    ///
    /// Refuted by: a quote that does not match; a handshake that completes anyway.
    ///
    /// Traps: the quote may carry addresses from before or after NAT; errors are rate-limited, so one may answer many
    /// SYNs; old Windows stacks continue after such an error, Linux fails at once.
    ///
    /// Remedy: in the network open the filter that rejects, or fix the route to the unreachable host or network; at the
    /// client let a host firewall stop rejecting (port unreachable), announce an address that the server can reach, or
    /// use EPSV/PASV; at the server check the routes, allow EPSV/PASV.
    "data-syn-icmp-rejected", Error,
    "the data SYN was rejected by an ICMP error",
    ["RFC 792", "RFC 1122 3.2.2.1", "RFC 5927"],
    verdict: SynRejected,
    locus: Server,
    Transfer(check);
    would_decide: "a capture at the target shows which of the two answers it sent"
}

fn check(case: &Case<'_>) -> Option<Finding> {
    if !case.failed_for_want_of_data() {
        return None;
    }
    let (attempt, icmp) = case.server_attempts().find_map(|attempt| {
        attempt.refusal().is_none().then_some(())?;
        Some((attempt, attempt.icmp()?))
    })?;
    let what = meaning(&icmp.error);
    let who = if icmp.from == attempt.to().ip() { "the target itself".to_owned() } else { format!("{}", icmp.from) };
    let code = format!("ICMP{} {}/{}", if icmp.error.v6 { "v6" } else { "" }, icmp.error.kind, icmp.error.code);
    let message = format!("the SYN {} -> {} was rejected by {who}: {what} ({code})", attempt.from(), attempt.to());
    let route = crate::finding::Route {
        from: std::net::SocketAddr::new(icmp.from, 0),
        to: std::net::SocketAddr::new(attempt.from().ip(), 0),
    };
    let frames: Vec<_> = attempt.connection.icmp.iter().map(|seen| seen.at).take(6).collect();
    let primary = Evidence::seen_all(frames, Some(route), format!("{code} {what}, quotes the SYN"))?;
    let finding = DIAGNOSIS
        .finding(Confidence::Proven, message, primary)
        .about(case)
        .support(lines::syns(attempt))
        .support(case.dialogue())
        .rule_out(data_syn_unanswered::NAME, "an ICMP error answered the SYN")
        .rule_out(time_wait_collision::NAME, "a SYN was sent");
    let finding = if icmp.from == attempt.to().ip() {
        finding
            .client("Let the server's connections to the announced ports through the client's host firewall, or use passive mode.")
            .network("Nothing to change in the network: the SYN reached the host that rejects it.")
    } else {
        finding
            .network(format!("Look at {}: it sends this error for the server's connection to the client; open the filter or fix the route.", icmp.from))
            .client("Announce an address that the server can reach, or use passive mode (EPSV, PASV).")
    };
    Some(finding.server("Check the server's route to the announced address; allow passive mode (EPSV, PASV).").done())
}

/// The error in words (RFC 792, RFC 1812 5.2.7, RFC 4443).
pub fn meaning(error: &IcmpError) -> &'static str {
    match (error.v6, error.kind, error.code) {
        (false, 3, 0) | (true, 1, 0) => "network unreachable",
        (false, 3, 1) | (true, 1, 3) => "host unreachable",
        (false, 3, 2) => "protocol unreachable",
        (false, 3, 3) | (true, 1, 4) => "port unreachable",
        (false, 3, 4) | (true, 2, _) => "packet too big",
        (false, 3, 6) => "network unknown",
        (false, 3, 7) => "host unknown",
        (false, 3, 9 | 10 | 13) | (true, 1, 1) => "administratively prohibited",
        (true, 1, 5 | 6) => "rejected by policy or route",
        (false, 11, _) | (true, 3, _) => "time exceeded: a routing loop",
        (false, 12, _) | (true, 4, _) => "parameter problem",
        _ => "unreachable",
    }
}
