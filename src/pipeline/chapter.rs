//! Tells a session that goes on and on in chapters: what lies far back is judged for good, told and let go, so that a
//! session of weeks takes no more room than one of minutes.
//!
//! Only while a capture goes on. What is said of a session as a whole rests on its last chapter.

use std::io;

use super::Pipeline;
use super::judge::{ground, subject_of};
use super::prompt::{Judging, News, Subject};
use super::telling::record;
use crate::diagnosis::verdict;
use crate::frame::Stamp;
use crate::record::{Outcome, SessionRecord, Sink};
use crate::source::Capture;
use crate::transfer::Transfer;
use crate::transfer::concluded::Concluded;
use crate::transfer::correlator::SessionIndex;
use crate::transfer::session::Session;

/// Transfers, offers or unclaimed connections that make a session long.
const LONG: usize = 512;

/// As many of them are kept, the newest: what a TIME-WAIT of minutes is told from, unless a client moves more than one
/// file a second.
const KEPT: usize = 256;

/// Where a chapter ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End {
    /// Transfers before this belong to it.
    before: Stamp,
    /// Offers with a lower number do.
    offer: usize,
}

impl End {
    /// The end of the chapter that is due, if one is.
    fn of(session: &Session, first: impl Fn(crate::flow::ConnectionId) -> Option<Stamp>) -> Option<Self> {
        let old = |len: usize| (len > LONG).then(|| len - KEPT);
        let transfer = old(session.transfers.len()).and_then(|at| session.transfers.get(at)).map(Transfer::at);
        let offer = old(session.offers.len()).and_then(|at| session.offers.iter().nth(at)).map(|one| one.command.at());
        let unclaimed = old(session.unclaimed.len())
            .and_then(|at| session.unclaimed.iter().skip(at).find_map(|unclaimed| first(unclaimed.id)));
        let before = transfer.max(offer).max(unclaimed)?;
        let needed = session.transfers.iter().filter(|one| one.at() >= before).filter_map(|one| one.latest_offer).min();
        let young = session.offers.numbered().find(|(_, one)| one.command.at() >= before).map(|(number, _)| number);
        let last = session.offers.last_number();
        let offer = [needed, young, last].into_iter().flatten().min().unwrap_or(0);
        Some(Self { before, offer })
    }

    fn includes(self, one: &Concluded<'_>) -> bool {
        match (one.transfer, one.offer_index) {
            (Some(transfer), _) => transfer.at() < self.before,
            (None, Some(offer)) => offer < self.offer,
            (None, None) => one.at().is_some_and(|at| at < self.before),
        }
    }
}

impl Pipeline {
    /// Whether a session is due for the end of a chapter.
    pub(super) fn is_long(&self, session: &Session) -> bool {
        let most = session.transfers.len().max(session.offers.len()).max(session.unclaimed.len());
        self.settings.judging == Judging::Promptly && most > LONG
    }

    /// Ends the chapters that are due.
    #[inline]
    pub(super) fn turn_pages(&mut self, captures: &[Capture], sink: &mut dyn Sink) -> io::Result<()> {
        while let Some(index) = self.long.pop() {
            let mut sessions = self.take_views(index);
            let told = self.turn_page(&mut sessions, captures, sink);
            self.put_views_back(sessions);
            told?;
        }
        Ok(())
    }

    fn turn_page(
        &mut self,
        sessions: &mut [(SessionIndex, Box<Session>)],
        captures: &[Capture],
        sink: &mut dyn Sink,
    ) -> io::Result<()> {
        let Some((begins, ends)) = self.begins.zip(self.ends) else { return Ok(()) };
        let first = |id| self.flows.connection(id).map(|connection| connection.first);
        let page_ends: Vec<Option<End>> = sessions.iter().map(|(_, session)| End::of(session, first)).collect();
        let Some(end) = page_ends.first().copied().flatten() else { return Ok(()) };
        let ground = ground!(self, begins, ends, captures);
        let views = ground.views(sessions);
        let Some(lead) = views.first() else { return Ok(()) };
        let all: Vec<_> = views.iter().map(|view| view.conclusions.all()).collect();
        let siblings: Vec<_> = views.iter().zip(&all).map(|(view, all)| view.siblings(Some(all))).collect();
        let judged = ground.judge_all(&views, &siblings, &all, |view, one| {
            page_ends.get(view).copied().flatten().is_some_and(|end| end.includes(one))
        });
        let mut news = News::default();
        for judged in &judged {
            let Some(one) = judged.shown() else { continue };
            for seen in [judged.own, judged.other].into_iter().flatten() {
                news.pending.extend(self.open.judged(seen, &judged.findings));
            }
            news.extend(self.prompt.compare(subject_of(&views), lead.session.id, one, judged.findings.clone()));
        }
        self.blamed.extend(news.findings.iter().filter(|finding| verdict::is_blamed(finding)).map(verdict::blame));
        let offers = lead.session.offers.numbered().take_while(|(number, _)| *number < end.offer);
        let Some(chapter) = record(&views, offers.map(|(_, offer)| offer), &judged) else { return Ok(()) };
        let chapter = SessionRecord { continues: true, ..chapter };
        self.summary.transfers += chapter.transfers.len() as u64;
        let failed = chapter.transfers.iter().filter(|transfer| transfer.outcome == Outcome::Failed);
        self.summary.failed += failed.count() as u64;
        let subject = subject_of(&views);
        for ((index, session), end) in sessions.iter_mut().zip(page_ends) {
            if let Some(end) = end {
                self.let_go_before(*index, session, end, subject);
            }
        }
        sink.session(&chapter)?;
        self.tell_news(&news, sink)
    }

    fn let_go_before(&mut self, index: SessionIndex, session: &mut Session, end: End, subject: SessionIndex) {
        let over = session.transfers.iter().take_while(|transfer| transfer.at() < end.before).count();
        let first_kept = session.transfers.get(over).map(|transfer| transfer.id);
        session.transfers.drain(..over);
        session.transfers_before = session.transfers_before.saturating_add(u32::try_from(over).unwrap_or(u32::MAX));
        let gone = session.offers.cut(end.offer);
        self.correlator.forget_offers(index, end.offer, &gone);
        let young = |id| self.flows.connection(id).is_some_and(|connection| connection.first >= end.before);
        session.unclaimed.retain(|unclaimed| young(unclaimed.id));
        session.solicited.retain(|id| young(*id));
        // Both views of a session are compared with what was said as one.
        if subject != index {
            return;
        }
        self.prompt.forget(index, |subject| match subject {
            Subject::Transfer(id) => first_kept.is_none_or(|kept| id < kept),
            Subject::Offer(number) => number < end.offer,
        });
    }
}
