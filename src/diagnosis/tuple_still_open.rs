//! `tuple-still-open`

use super::case::{Case, cap};
use super::two_msl::MINUTE;
use super::{Draft, capture_gap, time_wait_tuple, lines, time_wait_challenge, time_wait_collision};
use crate::finding::{Cap, Confidence, DiagnosisName, Evidence, Finding, Severity};
use crate::flow::{Close, Connection};
use crate::frame::Stamp;

diagnosis! {
    /// The previous connection on this 5-tuple was never fully closed: one FIN is missing or was never acknowledged. It
    /// is in FIN-WAIT-2, CLOSE-WAIT or established, not in TIME-WAIT.
    ///
    /// Needs: an earlier connection on the tuple that lacks one FIN (or its acknowledgement) and was not reset; then a
    /// 425 without any SYN, or a SYN answered by a bare ACK with the old connection's numbers.
    ///
    /// Helps: the side without a FIN is a client that does not close its data socket after 226.
    ///
    /// Refuted by: a RST on the old connection; a capture gap where the missing FIN may be (then it is at most
    /// possible).
    ///
    /// Confidence: at most probable where both FINs are there and the last acknowledgement is not: it may only be
    /// missing from the capture. Otherwise proven if both directions have no gap since the first FIN (and, where no SYN
    /// was sent, the capture would have shown one), otherwise possible; probable if a half-closed socket is older than
    /// 60 s, after which Linux drops it.
    ///
    /// Remedy: at the client close the data socket when end of file is read, and use a new port for every transfer; at
    /// the server send data from ports that change; in the network find what dropped the missing FIN, if it was sent.
    "tuple-still-open", Error,
    "the previous connection on the 5-tuple was never fully closed",
    ["RFC 959 5.2", "RFC 5961 4.2", "RFC 9293 3.6"],
    verdict: HeldTuple,
    locus: Server,
    Transfer(check);
    would_decide: "the server's socket table (ss -tan) at the time of the failure"
}

fn check(case: &Case<'_>) -> Option<Finding> {
    answered_by_the_old(case).or_else(|| refused_without_syn(case))
}

fn answered_by_the_old(case: &Case<'_>) -> Option<Finding> {
    let (attempt, ack) = case
        .concluded
        .attempts
        .iter()
        .find_map(|attempt| Some((attempt, time_wait_challenge::old_numbers(attempt)?.0)))?;
    let previous = attempt.previous?;
    let open = Unfinished::at(previous, attempt.at())?;
    let severity = if case.failed() && !attempt.is_established() { Severity::Error } else { Severity::Warning };
    let message = format!(
        "{} still had the previous connection {} -> {} open ({}) and answered the SYN with that connection's ACK",
        attempt.to().ip(),
        attempt.from(),
        attempt.to(),
        open.what,
    );
    let primary = Evidence::sent(ack.at, attempt.to(), attempt.from(), "bare ACK with the old connection's numbers");
    let draft = DIAGNOSIS
        .finding(Confidence::Proven, message, primary)
        .about(case)
        .severity(severity)
        .support(lines::syns(attempt))
        .support(lines::close(previous))
        .caps(open.caps());
    Some(
        open.rule_out(draft, time_wait_challenge::NAME)
            .client("Close the data socket when end of file is read; use a new data port for every transfer.")
            .server("Send data from ports that change (not always 20), or reset data connections that their client does not close.")
            .network("If the missing FIN was sent, find what dropped it; otherwise nothing to change in the network.")
            .done(),
    )
}

fn refused_without_syn(case: &Case<'_>) -> Option<Finding> {
    let (previous, open) = of(case)?;
    let reply = case.transfer()?.reply.as_ref()?;
    let age = case.transfer()?.at().age_of(open.since);
    let confidence = if case.would_show_server_syn() { Confidence::Proven } else { Confidence::Possible };
    let message = format!(
        "the server did not open {} -> {} because the previous connection on that 5-tuple is still open since frame {}: {}",
        previous.origin, previous.target, open.since.number, open.what
    );
    let forgotten = (age > MINUTE).then(|| {
        let why = format!("Linux drops a half-closed connection that no program owns after 60 s, and this one is {age:.0} s old");
        cap(NAME, Confidence::Probable, why)
    });
    let draft = DIAGNOSIS
        .finding(confidence, message, lines::reply(case.session, reply))
        .about(case)
        .support(case.dialogue())
        .support(case.no_syn())
        .support(lines::close(previous))
        .support([Evidence::seen(previous.last, "last segment of the earlier connection")])
        .caps(open.caps())
        .caps(forgotten)
        .caps(case.absence_caps());
    Some(
        open.rule_out(draft, time_wait_collision::NAME)
            .client("Close the data socket when end of file is read; use a new data port for every transfer.")
            .server("Send data from ports that change (not always 20), or reset data connections that their client does not close.")
            .network("If the missing FIN was sent, find what dropped it; otherwise nothing to change in the network.")
            .done(),
    )
}

/// The tuple that was refused without a SYN while its earlier connection was open.
fn of<'a>(case: &Case<'a>) -> Option<(&'a Connection, Unfinished)> {
    let (_, reply) = case.report()?;
    if !case.is_data_failure() || case.was_tried() || !case.reply_allows_local_cause() {
        return None;
    }
    let previous = time_wait_tuple::active(case)?.connection;
    Some((previous, Unfinished::at(previous, reply.at())?))
}

/// What an earlier connection lacks of a close.
struct Unfinished {
    what: String,
    /// Since when: its first FIN, or its last segment.
    since: Stamp,
    /// Whether the capture would hold the missing FIN.
    gapless: bool,
    /// Both FINs are there, and only the last acknowledgement is missing.
    nearly_closed: bool,
}

impl Unfinished {
    /// What it lacked at `at`, if it was neither fully closed nor reset by then and both directions were captured.
    fn at(previous: &Connection, at: Stamp) -> Option<Self> {
        if previous.from_origin.segments == 0 || previous.from_target.segments == 0 {
            return None;
        }
        match previous.close_before(at) {
            Close::Half { missing, since, gapless } => {
                let ip = previous.socket(missing).ip();
                let fin = previous.half(missing).fin.filter(|fin| fin.at < at);
                let what = match fin {
                    Some(fin) => format!("the FIN of {ip} (frame {}) was not acknowledged", fin.at.number),
                    None => format!("{ip} never closed it"),
                };
                Some(Self { what, since, gapless, nearly_closed: fin.is_some() })
            }
            Close::Open => {
                let gapless = previous.from_origin.gaps().is_empty() && previous.from_target.gaps().is_empty();
                Some(Self { what: "neither side closed it".to_owned(), since: previous.last, gapless, nearly_closed: false })
            }
            Close::Reset { .. } | Close::TimeWait { .. } => None,
        }
    }

    fn caps(&self) -> Vec<Cap> {
        let why = match (self.nearly_closed, self.gapless) {
            (false, true) => return Vec::new(),
            (false, false) => "bytes of the earlier connection were not captured; the missing FIN may be among them",
            (true, true) => "the last acknowledgement of the earlier connection may have come after the FIN was repeated",
            (true, false) => {
                "neither side repeated the last FIN of the earlier connection: its acknowledgement may not have been captured"
            }
        };
        let ceiling = if self.gapless { Confidence::Probable } else { Confidence::Possible };
        vec![cap(capture_gap::NAME, ceiling, why.to_owned())]
    }

    /// What became of TIME-WAIT, then.
    fn rule_out(&self, draft: Draft, cause: DiagnosisName) -> Draft {
        if self.nearly_closed {
            return draft.or(cause, "whether the other end acknowledged the last FIN: if it did, it is in TIME-WAIT");
        }
        draft.rule_out(cause, "the earlier connection was not fully closed, so neither side is in TIME-WAIT")
    }
}

/// Whether it explains a transfer that failed without a SYN.
pub fn holds(case: &Case<'_>) -> bool {
    of(case).is_some()
}
