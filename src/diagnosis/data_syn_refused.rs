//! `data-syn-refused`

use super::case::Case;
use super::lines;
use crate::finding::{Confidence, Evidence, Finding};
use crate::flow::RstSeen;
use crate::transfer::attempt::Attempt;

diagnosis! {
    /// The announced endpoint answered the SYN with a RST: nobody listens there, or something on the way resets.
    ///
    /// Needs: a SYN answered by a RST that acknowledges its initial sequence number plus one, no SYN-ACK, and a
    /// transfer that failed by it.
    ///
    /// Helps: the RST's TTL, IP identification and source MAC beside the host's other packets tell whether the host
    /// itself sent it or something in its name.
    ///
    /// Refuted by: a RST with another acknowledgement number (it belongs to an old connection); a RST behind a SYN-ACK.
    ///
    /// Traps: a client that closes its listener after ABOR; a server that connects to a previous PORT or, after a
    /// refused one, to its default data port.
    ///
    /// Remedy: at the client listen before PORT is sent and until the transfer is over, or use passive mode; at the
    /// server allow passive mode; in the network let the firewall that resets the connection let it through.
    "data-syn-refused", Error,
    "the data SYN was refused by a RST",
    ["RFC 9293 3.10.7.1"],
    Transfer(check)
}

const LISTEN: &str =
    "Listen on the announced port before sending PORT, and until the transfer is over; check the host's firewall.";

/// Who sent a RST, as far as TTL and MAC tell.
enum Sender {
    Host,
    OnTheWay(String),
    Unknown,
}

fn check(case: &Case<'_>) -> Option<Finding> {
    if !case.failed_for_want_of_data() {
        return None;
    }
    let (attempt, rst) = case.server_attempts().find_map(|attempt| Some((attempt, attempt.refusal()?)))?;
    let sender = sender(case, attempt, rst);
    let who = match &sender {
        Sender::Host => format!("{} itself refused it: nobody listens on port {}", attempt.to().ip(), attempt.to().port()),
        Sender::OnTheWay(why) => format!("something on the way reset it in the name of {} ({why})", attempt.to().ip()),
        Sender::Unknown => format!("{} or something on the way reset it", attempt.to().ip()),
    };
    let message = format!("the SYN {} -> {} was answered by a RST; {who}", attempt.from(), attempt.to());
    let primary = Evidence::sent(rst.at, attempt.to(), attempt.from(), format!("RST, acknowledges the SYN, TTL {}", rst.ttl));
    let finding = DIAGNOSIS
        .finding(Confidence::Proven, message, primary)
        .about(case)
        .support(lines::syns(attempt))
        .support(case.dialogue())
        .rule_out("data-syn-unanswered", "the SYN was answered")
        .rule_out("time-wait-collision", "a SYN was sent");
    let finding = match sender {
        Sender::OnTheWay(_) => finding
            .network("Find the firewall or NAT that resets the data connection; let it through or use a stateful FTP helper.")
            .client("Use passive mode (EPSV, PASV)."),
        Sender::Host => finding.client(LISTEN).network("Nothing to change on the way: the client itself refused."),
        Sender::Unknown => finding
            .client(LISTEN)
            .network("If the client does listen, find the firewall on the way that resets the connection in its name."),
    };
    Some(finding.server("Allow passive mode (EPSV, PASV): the client then needs no open port.").done())
}

/// Compares the RST with what the same host otherwise sends.
fn sender(case: &Case<'_>, attempt: &Attempt<'_>, rst: &RstSeen) -> Sender {
    if attempt.to().ip() != case.session.client.ip() {
        return Sender::Unknown;
    }
    let client = case.control.half(case.client_end());
    let Some((low, high)) = client.ttl else { return Sender::Unknown };
    if (low..=high).contains(&rst.ttl) {
        return match (rst.mac, client.first_mac) {
            (Some(rst), Some(own)) if rst != own && case.vantage.sees_all_of_client() => {
                Sender::OnTheWay(format!("its MAC is {rst}, the host's {own}"))
            }
            _ => Sender::Host,
        };
    }
    Sender::OnTheWay(format!("its TTL is {}, the host's {low}", rst.ttl))
}
