//! `time-wait-collision`

use super::case::Case;
use super::time_wait_tuple::{self, HeldTuple, UnseenTuple};
use super::{data_syn_never_sent, data_syn_not_seen, lines, timers};
use crate::finding::{Confidence, Finding};

diagnosis! {
    /// The server's own system refused to open the data connection, and no packet was sent: the previous connection on
    /// exactly this 5-tuple (the server's address and data port, the client's address and PORT port) is still in
    /// TIME-WAIT on the server.
    ///
    /// The side that closes a TCP connection first keeps it in TIME-WAIT for 2MSL: 240 s by the RFC and on Windows NT,
    /// 120 s on later Windows, 60 s on Linux and the BSDs, 30 s on macOS. After RETR and LIST that side is the server.
    /// A client that announces the same port again within that time makes the server ask for a 5-tuple that it may not
    /// use yet: its connect() fails at once, and it answers 425.
    ///
    /// Needs: an accepted PORT or EPRT; a transfer command answered 425 (or another 4xx or 5xx whose text is about a
    /// local address); an earlier connection on the same 5-tuple, completely closed, with the server in TIME-WAIT
    /// according to the acknowledgement numbers of the FINs, and no RST after it; an age within 2MSL; no data SYN
    /// between command and reply; a capture point that would have shown that SYN.
    ///
    /// Helps: a reply that says `Address already in use` or `Cannot assign requested address`; a 425 at once, or after
    /// retries every 5 s (BSD) or 1 s; success with a new port in that time; success on the same tuple after 2MSL.
    ///
    /// Refuted by: any data SYN in the window; a RST on the old connection; a client that closed first; an age above
    /// 300 s; another source port or address of the server; the tuple reused successfully after a shorter time; a reply
    /// that names another cause.
    ///
    /// With the facts of the server (`--facts`): its kernel had an entry of exactly this 5-tuple from before the reply
    /// until after it: proven, wherever the capture was taken; in a capture of the server's own host also if no packet
    /// shows the earlier connection. A complete table without such an entry refutes it.
    ///
    /// Confidence: proven in a capture at the server if the reply names an address error, if a new port worked in that
    /// time, or if the tuple worked again at the expected age; otherwise probable. Away from the server possible, with
    /// such a reply probable. An age that only some systems reach is at most possible, or probable if the server seems
    /// to be such a system.
    ///
    /// A Linux server recycles its own TIME-WAIT when the old connection used TCP timestamps, so there the finding is
    /// one level less sure.
    ///
    /// Remedy: at the client let the system pick the port and send a new one with every PORT, or use EPSV/PASV; at the
    /// server use a data port other than 20, enable TCP timestamps (Linux), or lower TcpTimedWaitDelay (Windows); in
    /// the network nothing, the server refuses before it sends a packet.
    "time-wait-collision", Error,
    "the server still has the 5-tuple of the data connection in TIME-WAIT",
    ["Microsoft KB Q129395", "RFC 959 3.3", "RFC 1122 4.2.2.13", "RFC 1123 4.1.2.5", "RFC 9293 3.6.1"],
    verdict: HeldTuple,
    locus: Server,
    Transfer(check);
    would_decide: "the server's socket table (ss -tan) at the time of the failure"
}

fn check(case: &Case<'_>) -> Option<Finding> {
    by_packets(case).or_else(|| by_kernel(case))
}

const CLIENT: &str = "Let the system pick the data port and announce a new one with every PORT, or use passive mode (EPSV, PASV).";
const SERVER: &str = "Send data from other ports than 20 (vsftpd: connect_from_port_20=NO), enable TCP timestamps on both ends (Linux), or lower TcpTimedWaitDelay (Windows).";
const NETWORK: &str = "Nothing to change in the network: the server refuses before it sends a packet.";

/// What the server's kernel alone shows: the earlier connection had ended before the capture began.
fn by_kernel(case: &Case<'_>) -> Option<Finding> {
    let held = unseen(case)?;
    let transfer = case.transfer()?;
    let reply = transfer.reply.as_ref()?;
    let message = format!(
        "{} failed because the server still has {} -> {} in TIME-WAIT, as its kernel says: an earlier connection, which this capture does not show, left it; the client must announce a new port",
        transfer.command.name, held.from, held.to,
    );
    // One that was read before the reply may have been used again since.
    let confidence = if held.through { Confidence::Proven } else { Confidence::Probable };
    Some(
        DIAGNOSIS
            .finding(confidence, message, lines::reply(case.session, reply))
            .about(case)
            .support(case.dialogue())
            .support(case.no_syn())
            .support(timers::evidence(case))
            .host(Some(&held.said))
            .caps(if held.through { Vec::new() } else { case.absence_caps() })
            .all_ruled_out(time_wait_tuple::ruled_out(case))
            .client(CLIENT)
            .server(SERVER)
            .network(NETWORK)
            .done(),
    )
}

fn by_packets(case: &Case<'_>) -> Option<Finding> {
    let held = of(case)?;
    let transfer = case.transfer()?;
    let reply = transfer.reply.as_ref()?;
    let confidence = held.confidence(case);
    let message = format!("{}; the client must announce a new port", held.story(case));
    let mut finding = DIAGNOSIS
        .finding(confidence, message, lines::reply(case.session, reply))
        .about(case)
        .support(case.dialogue())
        .support(case.no_syn())
        .support(held.evidence(case))
        .host(held.kernel.said())
        .caps(held.caps(case, confidence))
        .all_ruled_out(time_wait_tuple::ruled_out(case))
        .client(CLIENT)
        .server(SERVER)
        .network(NETWORK);
    if !case.would_show_server_syn() {
        finding = finding.or(data_syn_not_seen::NAME, "a capture at the server shows whether a SYN left it");
    } else if confidence < Confidence::Proven {
        finding = finding.or(data_syn_never_sent::NAME, "the server's log names the error of its connect() or bind()");
    }
    Some(finding.done())
}

/// The tuple that the server holds, where a PORT chose it; without any, the port is the client's control port and the
/// story is `time-wait-default-port`.
fn of<'a>(case: &Case<'a>) -> Option<HeldTuple<'a>> {
    case.active_offer().filter(|offer| offer.accepted() == Some(true))?;
    time_wait_tuple::by_server(case).filter(|held| held.previous.target != case.session.client)
}

fn unseen(case: &Case<'_>) -> Option<UnseenTuple> {
    case.active_offer().filter(|offer| offer.accepted() == Some(true))?;
    time_wait_tuple::held_unseen(case)
}

/// Whether it holds for the case.
pub fn holds(case: &Case<'_>) -> bool {
    of(case).is_some() || unseen(case).is_some()
}
