//! What the server says became of the data connection, and whether it says so at all.

use super::Case;
use crate::flow::RstSeen;
use crate::frame::Interval;
use crate::ftp::meaning::meaning;
use crate::ftp::texts::{Condition, Meaning};
use crate::ftp::{Command, Reply, Verb};
use crate::record::AttemptOutcome;
use crate::transfer::Direction;
use crate::transfer::attempt::Attempt;
use crate::transfer::departure::Sign;

/// A server that answers a transfer command sooner has not waited for a data connection.
const WAITS: Interval = Interval::seconds(1);

/// Packets of two connections may be recorded in another order than they were sent, this far apart at most.
const SWAPPED: Interval = Interval::millis(10);

impl<'a> Case<'a> {
    /// The final reply that reports on the data connection, and what it answers: the transfer command, or PORT itself where
    /// the server connects at once. What follows ABOR answers that.
    pub fn report(&self) -> Option<(&'a Command, &'a Reply)> {
        if let Some(offer) = self.offer().filter(|_| self.reported_at_once()) {
            return Some((&offer.command, offer.reply.as_ref()?));
        }
        let transfer = self.transfer()?;
        let aborted = transfer.left.as_ref().is_some_and(|left| left.sign == Sign::Abor);
        Some((&transfer.command, transfer.reply.as_ref().filter(|_| !aborted)?))
    }

    /// The time from the command to the reply that reports on it, never negative.
    pub fn delay(&self) -> Option<Interval> {
        let (command, reply) = self.report()?;
        Some(reply.frames.first().age_of(command.at()).max(Interval::ZERO))
    }

    /// Whether the capture's clock went on evenly between the command and that reply.
    pub fn delay_is_known(&self) -> bool {
        self.report().is_some_and(|(command, reply)| self.clock_cap(command.at(), reply.at()).is_none())
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
        self.transfer().is_none()
            && self.reported_at_once()
            && self.concluded.established().is_none()
            && !self.fell_back()
    }

    fn reported_at_once(&self) -> bool {
        self.offer().is_some_and(|offer| offer.tried_at_once) || self.connected_at_once()
    }

    /// Whether the final reply reports a failed data connection rather than a refused command.
    pub fn is_data_failure(&self) -> bool {
        let Some(transfer) = self.transfer().filter(|_| self.failed()) else {
            return self.gave_up || self.refused_after_trying();
        };
        let Some(reply) = &transfer.reply else { return transfer.lost.is_some() };
        let condition = self.meaning().map(|meaning| meaning.condition);
        match reply.code {
            421 if self.ended_instead().is_some() => false,
            421 | 425 | 426 | 435 => true,
            // Who took no command and had no data connection speaks of another one that broke: to its disk, say.
            _ if condition.is_some_and(Condition::is_about_data) => {
                transfer.preliminary.is_some()
                    || self.concluded.established().is_some()
                    || !condition.is_some_and(Condition::tells_of_established)
            }
            _ if condition == Some(Condition::NotLoggedIn) => false,
            // 125 and 150 accept the command (RFC 959 5.4): what comes behind them judges the transfer.
            _ if transfer.preliminary.is_some() => true,
            450 | 451 => false,
            _ => (self.tried_in_vain() || self.client_reset_before(reply)) && !self.speaks_of_the_file(),
        }
    }

    /// The 421 by which the server ended the session instead of taking the transfer command: for a limit or a shutdown, by its
    /// words, or, with words that are not known, at once. No data connection was tried without success.
    pub fn ended_instead(&self) -> Option<&'a Reply> {
        let transfer = self.transfer().filter(|transfer| transfer.preliminary.is_none())?;
        let reply = transfer.reply.as_ref().filter(|reply| reply.code == 421 && !self.tried_in_vain())?;
        let ended = match self.meaning().map(|meaning| meaning.condition) {
            Some(Condition::ServerLimit | Condition::ServerGoes) => true,
            Some(_) => false,
            None => self.delay_is_known() && self.delay().is_some_and(|delay| delay < WAITS),
        };
        ended.then_some(reply)
    }

    /// Whether the client reset the data connection before that reply. A server that refuses the command may reset a
    /// connection that waits for it, on either side of its reply.
    fn client_reset_before(&self, reply: &Reply) -> bool {
        let Some(connection) = self.concluded.established().map(|attempt| attempt.connection) else { return false };
        let client = self.session.client.ip();
        let reset = |rst: &RstSeen| rst.at < reply.at() && connection.socket(rst.from).ip() == client;
        !connection.both_fins_acked() && connection.rsts.iter().any(reset)
    }

    /// Whether a data connection was tried before the final reply, and none came to be.
    fn tried_in_vain(&self) -> bool {
        let Some(reply) = self.transfer().and_then(|transfer| transfer.reply.as_ref()) else { return false };
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

    /// Whether the final reply names the file or the login as the reason, in words.
    fn speaks_of_the_file(&self) -> bool {
        let of_the_file = |condition| matches!(condition, Condition::NotLoggedIn | Condition::FileRefused);
        self.meaning().is_some_and(|meaning| of_the_file(meaning.condition) && !is_bare_code(meaning))
    }

    /// Whether the server tried the data connection while it owed the reply to PORT or EPRT, without success: it connects at
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
        self.meaning().is_none_or(|meaning| {
            let doubtful = meaning.condition.tells_of_established() || is_bare_code(meaning);
            meaning.condition.is_about_connecting() || (doubtful && self.scene.shows_more_than_control)
        })
    }

    /// The reply, where it tells of a data connection that was established and the capture shows none that was.
    pub fn tells_of_unseen(&self) -> Option<&'a Reply> {
        let (_, reply) = self.report().filter(|_| self.concluded.established().is_none())?;
        self.meaning().filter(|meaning| meaning.condition.tells_of_established()).map(|_| reply)
    }
}

/// Whether a meaning rests only on 550 and similar codes, which say nothing by themselves.
fn is_bare_code(meaning: &Meaning) -> bool {
    meaning.condition == Condition::FileRefused && meaning.pattern.is_empty()
}
