//! `data-handshake-aborted`

use super::case::Case;
use super::{data_syn_unanswered, lines};
use crate::finding::{Confidence, Evidence, Finding, Route};
use crate::flow::End;
use crate::record::AttemptOutcome;

diagnosis! {
    /// The data SYN was answered by a SYN-ACK, but the handshake never completed: the opener reset it, or its last ACK
    /// (or the SYN-ACK) never got through.
    ///
    /// Needs: SYN and SYN-ACK; then a RST of the opener, or SYN-ACKs that are repeated and never acknowledged; a
    /// transfer that failed because of it.
    ///
    /// Helps: an immediate RST (the server had given up: compare the time of its 425); SYN-ACKs that leave through
    /// another interface than the SYN came in (`source-spoof-mismatch`, anti-spoofing).
    ///
    /// Refuted by: the final ACK seen on another interface; a SYN-ACK that belongs to an old connection.
    ///
    /// Remedy: in the network look for a stateful firewall or reverse-path filter that sees only one direction; at the
    /// server compare its connect timeout with the time of the answer; at the client use passive mode.
    "data-handshake-aborted", Error,
    "the handshake of the data connection was not completed",
    ["RFC 9293 3.5", "RFC 3704"],
    verdict: HandshakeAborted,
    locus: Server,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    if !case.failed_for_want_of_data() {
        return None;
    }
    let attempt = case.server_attempts().find(|attempt| attempt.outcome() == AttemptOutcome::Aborted)?;
    let connection = attempt.connection;
    let rst = connection.rsts.iter().find(|rst| rst.from == End::Origin);
    let (how, confidence) = match rst {
        Some(_) => ("the server then reset it".to_owned(), Confidence::Proven),
        None if connection.syn_acks.len() >= 2 => {
            (format!("{} SYN-ACKs were sent and never acknowledged", connection.syn_acks.len()), Confidence::Proven)
        }
        None => return None,
    };
    let message = format!("the SYN {} -> {} was answered, but the handshake never completed: {how}", attempt.from(), attempt.to());
    let frames = connection.syn_acks.iter().map(|seen| seen.at).take(8).collect();
    let route = Some(Route { from: attempt.to(), to: attempt.from() });
    Some(
        DIAGNOSIS
            .finding(confidence, message, Evidence::seen_all(frames, route, "SYN-ACK")?)
            .about(case)
            .support(lines::syns(attempt))
            .support(rst.map(|rst| Evidence::sent(rst.at, attempt.from(), attempt.to(), "RST")))
            .support(case.dialogue())
            .rule_out(data_syn_unanswered::NAME, "the SYN was answered by a SYN-ACK")
            .network("Look for a stateful firewall or reverse-path filter that sees, or accepts, only one direction of this connection.")
            .server("Compare its connect timeout with the time of the answer: a server that has given up resets a late answer.")
            .client("Use passive mode (EPSV, PASV) while active connections do not get through.")
            .done(),
    )
}
