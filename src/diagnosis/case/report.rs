//! What the server says became of the data connection, and whether it says so at all.

use super::Case;
use crate::ftp::meaning::meaning;
use crate::ftp::texts::{Condition, Meaning};
use crate::ftp::{Command, Reply, Verb};
use crate::record::AttemptOutcome;
use crate::transfer::Direction;
use crate::transfer::attempt::Attempt;
use crate::transfer::departure::Sign;

/// Packets of two connections may be recorded in another order than they were sent, this many seconds apart at most.
const SWAPPED: f64 = 0.01;

impl<'a> Case<'a> {
    /// The final reply that reports on the data connection, and what it answers: the transfer command, or PORT itself where
    /// the server connects at once. What follows ABOR answers that.
    pub fn report(&self) -> Option<(&'a Command, &'a Reply)> {
        if let Some(offer) = self.offer().filter(|_| self.reported_at_once()) {
            return Some((&offer.command, offer.reply.as_ref()?));
        }
        let transfer = self.transfer?;
        let aborted = transfer.left.as_ref().is_some_and(|left| left.sign == Sign::Abor);
        Some((&transfer.command, transfer.reply.as_ref().filter(|_| !aborted)?))
    }

    /// Seconds from the command to the reply that reports on it.
    pub fn delay(&self) -> Option<f64> {
        let (command, reply) = self.report()?;
        Some(reply.frames[0].seconds_since(command.at()))
    }

    /// What that reply says by the knowledge base.
    pub fn meaning(&self) -> Option<&'static Meaning> {
        let (command, reply) = self.report()?;
        self.meaning_of(command.verb, reply)
    }

    /// What a reply to `verb` says by the knowledge base.
    pub fn meaning_of(&self, verb: Verb, reply: &Reply) -> Option<&'static Meaning> {
        meaning(verb, reply, self.session.software.family())
    }

    /// Whether the server answered PORT or EPRT, to which no transfer command followed, by the failure of a connection that
    /// it had tried at once.
    pub fn refused_after_trying(&self) -> bool {
        self.transfer.is_none()
            && self.reported_at_once()
            && self.concluded.established().is_none()
            && !self.fell_back()
    }

    fn reported_at_once(&self) -> bool {
        self.offer().is_some_and(|offer| offer.tried_at_once) || self.connected_at_once()
    }

    /// Whether the final reply reports a failed data connection rather than a refused command.
    pub fn is_data_failure(&self) -> bool {
        let Some(transfer) = self.transfer.filter(|_| self.failed()) else {
            return self.gave_up || self.refused_after_trying();
        };
        let Some(reply) = &transfer.reply else { return transfer.lost.is_some() };
        let of_data = self.meaning().is_some_and(|meaning| meaning.condition.is_about_data());
        match reply.code {
            421 | 425 | 426 | 435 => true,
            450 | 451 => transfer.preliminary.is_some() || of_data,
            _ => of_data || (self.tried_in_vain() && !self.speaks_of_the_file()),
        }
    }

    /// Whether a data connection was tried before the final reply, and none came to be.
    fn tried_in_vain(&self) -> bool {
        let Some(reply) = self.transfer.and_then(|transfer| transfer.reply.as_ref()) else { return false };
        let vain = |attempt: &Attempt<'_>| match attempt.outcome() {
            AttemptOutcome::Refused | AttemptOutcome::Icmp => attempt.connection.last.is_until(reply.at(), SWAPPED),
            AttemptOutcome::Unanswered => attempt.connection.syn_count >= 2 && attempt.at() < reply.at(),
            AttemptOutcome::Established
            | AttemptOutcome::Challenged
            | AttemptOutcome::Aborted
            | AttemptOutcome::Unknown => false,
        };
        self.concluded.established().is_none() && self.concluded.announced_attempts().any(vain)
    }

    /// Whether the final reply names the file or the login as the reason, in words: its code alone names nothing.
    fn speaks_of_the_file(&self) -> bool {
        let named = |meaning: &Meaning| match meaning.condition {
            Condition::NotLoggedIn => true,
            condition => condition == Condition::FileRefused && !meaning.pattern.is_empty(),
        };
        self.meaning().is_some_and(named)
    }

    /// Whether the server tried the data connection while it owed the reply to PORT or EPRT, in vain: it connects at
    /// once, and what it answered reports on that.
    pub fn connected_at_once(&self) -> bool {
        let Some(offer) = self.offer().filter(|offer| offer.direction == Direction::Active) else { return false };
        let Some(reply) = offer.reply.as_ref().filter(|reply| reply.code / 100 == 4) else { return false };
        let meanwhile = |attempt: &&Attempt<'_>| {
            let at = attempt.at();
            Some(attempt.to()) == offer.socket && at.is_since(offer.at(), SWAPPED) && at.is_until(reply.at(), SWAPPED)
        };
        self.concluded.established().is_none() && self.server_attempts().any(|attempt| meanwhile(&attempt))
    }

    /// Whether the reply may come from a failure inside the server: it names a local cause or none.
    pub fn reply_allows_local_cause(&self) -> bool {
        self.meaning().is_none_or(|meaning| meaning.condition.may_be_local())
    }

    /// Whether the reply may follow a data connection that was never tried or never seen: not when it speaks of a
    /// missing endpoint, TLS or the file. What the wire shows comes before words of a connection that was established,
    /// unless the capture may have left all data connections out.
    pub fn reply_allows_no_syn(&self) -> bool {
        let possible = |condition: Condition| {
            condition.is_about_connecting() || (condition.tells_of_established() && self.scene.shows_more_than_control)
        };
        self.meaning().is_none_or(|meaning| possible(meaning.condition))
    }

    /// The reply, where it tells of a data connection that was established and the capture shows none that was.
    pub fn tells_of_unseen(&self) -> Option<&'a Reply> {
        let established = self.meaning().is_some_and(|meaning| meaning.condition.tells_of_established());
        let (_, reply) = self.report()?;
        Some(reply).filter(|_| established && self.concluded.established().is_none())
    }
}
