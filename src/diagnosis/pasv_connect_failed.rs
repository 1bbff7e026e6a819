//! `pasv-connect-failed`

use super::case::{Case, cap};
use super::{data_syn_icmp_rejected, lines, pasv_client_never_connects, timers, tls_control_opaque};
use crate::finding::{Confidence, DiagnosisName, Evidence, Finding, Party};
use crate::record::AttemptOutcome;
use crate::transfer::Direction;
use crate::transfer::attempt::Attempt;

diagnosis! {
    /// The client's SYN to the server's passive port was unanswered, reset, or answered by an ICMP error.
    ///
    /// Needs: 227 or 229; a SYN of the client to it, before the server's final reply, with no answer (to two or more
    /// SYNs), a RST or an ICMP error.
    ///
    /// On an encrypted control connection, where 227 cannot be read: such a SYN of the client to the server, right
    /// after the server's encrypted reply, and no data connection soon after.
    ///
    /// Helps: a server that answers 425 after its accept timeout; other ports of its passive range that work.
    ///
    /// Refuted by: a handshake that completes; a SYN after the server's 425 (the client came too late).
    ///
    /// Confidence: proven; possible on an encrypted control connection, because the client may connect there for
    /// another reason.
    ///
    /// Remedy: at the server fix a small passive port range and open it in its firewall (vsftpd pasv_min_port and
    /// pasv_max_port, ProFTPD PassivePorts, Pure-FTPd PassivePortRange, IIS Data Channel Port Range); in the network
    /// allow that range, and forward it on the server's NAT; at the client use active mode as a workaround.
    "pasv-connect-failed", Error,
    "the client could not connect to the server's passive port",
    ["RFC 1579", "RFC 2428 3"],
    verdict: SynUnanswered,
    locus: Server,
    Transfer(check)
}

const SERVER: &str = "Fix a small passive port range (vsftpd pasv_min_port, ProFTPD PassivePorts) and open it in the server's firewall.";

const HERE: &str = "On this host: let the passive ports through the INPUT rules (nft list ruleset), and see whether the server listens and its queue is full (ss -ltn, nstat TcpExtListenDrops).";

fn check(case: &Case<'_>) -> Option<Finding> {
    hidden(case).or_else(|| announced(case))
}

fn announced(case: &Case<'_>) -> Option<Finding> {
    case.concluded.in_force().filter(|offer| offer.direction == Direction::Passive)?;
    let ended = case.transfer().and_then(crate::transfer::Transfer::ended);
    let attempt = case.concluded.attempts.iter().find(|attempt| ended.is_none_or(|ended| attempt.at() <= ended))?;
    // The server may never report on a connection that the network or its host refused.
    let rejected = matches!(attempt.outcome(), AttemptOutcome::Refused | AttemptOutcome::Icmp);
    let wanted = match case.transfer() {
        Some(_) => case.is_data_failure() || (rejected && case.left_unanswered()),
        None => !case.fell_back(),
    };
    if !wanted || case.concluded.established().is_some() {
        return None;
    }
    finding(case, attempt)
}

/// A connection of the client's on an encrypted session.
fn hidden(case: &Case<'_>) -> Option<Finding> {
    if !case.failed_for_want_of_data() || case.transfer().is_some() || case.got_data_soon() {
        return None;
    }
    let attempt = case.concluded.attempts.iter().find(|attempt| case.session.solicited.binary_search(&attempt.connection.id).is_ok())?;
    finding(case, attempt)
}

fn finding(case: &Case<'_>, attempt: &Attempt<'_>) -> Option<Finding> {
    let (how, primary, wrong) = failure(attempt)?;
    let (from, to) = (attempt.from(), attempt.to());
    let opaque = case.offer().is_none().then(|| {
        let why = "the control connection is encrypted, so it is a guess that the server announced this port";
        cap(tls_control_opaque::NAME, Confidence::Possible, why.to_owned())
    });
    let message = format!("the client could not connect to the passive port {to}: {how}");
    let mut draft = DIAGNOSIS
        .finding(Confidence::Proven, message, primary)
        .about(case)
        .support(lines::syns(attempt))
        .support(case.dialogue())
        .support(timers::evidence(case))
        .caps(case.scene_caps(attempt.at()))
        .caps(opaque)
        .server(if case.vantage.is_here(Party::Server) { HERE } else { SERVER })
        .network(format!("Allow {} to {to} and the other passive ports, and forward them if the server is behind a NAT.", from.ip()));
    draft = draft.client("Use active mode (PORT, EPRT) until the passive ports are open, if the client has no firewall or NAT in front of it.");
    for (name, why) in wrong {
        draft = draft.rule_out(name, why);
    }
    Some(draft.done())
}

type Ruled = Vec<(DiagnosisName, &'static str)>;

fn failure(attempt: &Attempt<'_>) -> Option<(String, Evidence, Ruled)> {
    let (from, to) = (attempt.from(), attempt.to());
    match attempt.outcome() {
        AttemptOutcome::Unanswered if attempt.connection.syn_count >= 2 => {
            let count = attempt.connection.syn_count;
            let span = attempt.connection.last.age_of(attempt.at());
            Some((format!("{count} SYNs within {span:.1} s, no answer"), lines::syns(attempt)?, vec![(pasv_client_never_connects::NAME, "the client sent SYNs")]))
        }
        AttemptOutcome::Refused => {
            let rst = attempt.refusal()?;
            Some((
                "the SYN was answered by a RST: the port is closed (nothing listens there, or a firewall rejects)".to_owned(),
                Evidence::sent(rst.at, to, from, format!("RST, acknowledges the SYN, TTL {}", rst.ttl)),
                vec![(pasv_client_never_connects::NAME, "the client sent a SYN")],
            ))
        }
        AttemptOutcome::Icmp => {
            let icmp = attempt.icmp()?;
            let what = data_syn_icmp_rejected::meaning(&icmp.error);
            Some((
                format!("{} answered the SYN with ICMP {}/{}, {what}", icmp.from, icmp.error.kind, icmp.error.code),
                Evidence::seen(icmp.at, format!("ICMP {}/{} {what}, quotes the SYN", icmp.error.kind, icmp.error.code)),
                vec![(pasv_client_never_connects::NAME, "the client sent a SYN")],
            ))
        }
        AttemptOutcome::Aborted => {
            let last = attempt.connection.syn_acks.last()?;
            (attempt.connection.syn_acks.len() >= 2).then(|| {
                (
                    "the server's SYN-ACK was never acknowledged".to_owned(),
                    Evidence::sent(last.at, to, from, "SYN-ACK, never acknowledged"),
                    vec![(pasv_client_never_connects::NAME, "the client sent a SYN")],
                )
            })
        }
        AttemptOutcome::Established | AttemptOutcome::Unanswered | AttemptOutcome::Challenged | AttemptOutcome::Unknown => None,
    }
}
