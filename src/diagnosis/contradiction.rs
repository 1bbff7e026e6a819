//! Where the server's words and the wire contradict each other: said beside the verdict, never instead of it.

use super::case::Case;
use super::draft::FRAMES_CITED;
use crate::finding::{Evidence, Finding, Role};
use crate::ftp::meaning::errno;
use crate::ftp::texts::Errno;
use crate::record::AttemptOutcome;

/// Adds to the verdict of a failed transfer what its reply says otherwise. A server may report on something else
/// than what is seen: a connect within its own host, a second attempt, an older error.
pub fn note(case: &Case<'_>, findings: &mut [Finding]) {
    let verdict = findings.iter_mut().find(|finding| finding.role == Role::Verdict);
    if let (Some(verdict), Some(evidence)) = (verdict, of(case))
        && verdict.frames().len() < FRAMES_CITED
    {
        verdict.supporting.push(evidence);
    }
}

/// The reply, and what the wire shows instead of what it says.
fn of(case: &Case<'_>) -> Option<Evidence> {
    if let Some(reply) = case.tells_of_unseen() {
        let shown = if case.was_tried() { "no established data connection" } else { "no data SYN" };
        let note = format!("\"{}\"; but the capture has {shown}", reply.text);
        return Some(Evidence::sent(reply.at(), case.session.server, case.session.client, note));
    }
    let (_, reply) = case.report().filter(|_| case.is_to_be_explained())?;
    let said = errno(reply)?;
    let outcomes: Vec<AttemptOutcome> =
        case.server_attempts().map(crate::transfer::attempt::Attempt::outcome).collect();
    let shown = shown(&outcomes, case.would_show_server_syn() && case.active_offer().is_some())?;
    if agrees(said, shown) {
        return None;
    }
    let meant = case.meaning().map_or(String::new(), |meaning| format!(", which means {}", meaning.wire));
    let note = format!("\"{}\"{meant}; but the packets show {}", words(said), shown.words());
    Some(Evidence::sent(reply.at(), case.session.server, case.session.client, note))
}

/// What became of the server's SYNs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    NoSyn,
    Silence,
    Reset,
    Handshake,
}

impl Shown {
    fn words(self) -> &'static str {
        match self {
            Self::NoSyn => "no SYN, although the capture would have shown one",
            Self::Silence => "SYNs without an answer",
            Self::Reset => "a SYN that was answered by a RST",
            Self::Handshake => "a handshake that completed",
        }
    }
}

/// `None` where the attempts differ or tell nothing.
fn shown(outcomes: &[AttemptOutcome], would_show: bool) -> Option<Shown> {
    let Some(first) = outcomes.first() else { return would_show.then_some(Shown::NoSyn) };
    if outcomes.iter().any(|outcome| outcome != first) {
        return None;
    }
    match first {
        AttemptOutcome::Unanswered => Some(Shown::Silence),
        AttemptOutcome::Refused => Some(Shown::Reset),
        AttemptOutcome::Established => Some(Shown::Handshake),
        AttemptOutcome::Icmp | AttemptOutcome::Challenged | AttemptOutcome::Aborted | AttemptOutcome::Unknown => None,
    }
}

fn agrees(said: Errno, shown: Shown) -> bool {
    match said {
        Errno::ConnectionRefused => shown == Shown::Reset,
        Errno::TimedOut | Errno::InProgress | Errno::Interrupted => shown != Shown::Reset,
        Errno::NoRoute => shown != Shown::Reset && shown != Shown::Handshake,
        Errno::AddressInUse | Errno::CannotAssignAddress | Errno::NetUnreachable => shown == Shown::NoSyn,
        // These may come from the data connection while it carries data, and from policies of the server.
        Errno::PermissionDenied
        | Errno::NotPermitted
        | Errno::TryAgain
        | Errno::ConnectionReset
        | Errno::BrokenPipe => true,
    }
}

fn words(errno: Errno) -> &'static str {
    crate::ftp::texts::ERRNOS.iter().find(|(_, known)| *known == errno).map_or("", |(words, _)| words)
}

#[cfg(test)]
mod tests {
    use super::{Shown, agrees, shown};
    use crate::ftp::texts::Errno;
    use crate::record::AttemptOutcome as O;

    #[test]
    fn attempts_that_differ_show_nothing() {
        assert_eq!(shown(&[O::Unanswered, O::Unanswered], true), Some(Shown::Silence));
        assert_eq!(shown(&[O::Unanswered, O::Refused], true), None);
        assert_eq!((shown(&[], true), shown(&[], false)), (Some(Shown::NoSyn), None));
    }

    #[test]
    fn words_and_wire() {
        assert!(agrees(Errno::ConnectionRefused, Shown::Reset));
        assert!(!agrees(Errno::ConnectionRefused, Shown::Silence));
        assert!(!agrees(Errno::TimedOut, Shown::Reset) && agrees(Errno::TimedOut, Shown::Silence));
        assert!(!agrees(Errno::AddressInUse, Shown::Silence) && agrees(Errno::AddressInUse, Shown::NoSyn));
        assert!(agrees(Errno::NoRoute, Shown::NoSyn) && agrees(Errno::NotPermitted, Shown::Handshake));
    }
}
