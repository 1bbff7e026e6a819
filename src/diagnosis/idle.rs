//! How long a control connection had been idle when it stopped working, and whether a device on the way may have forgotten it.

use crate::finding::Evidence;
use crate::flow::{Connection, End};
use crate::frame::{Interval, Stamp};
use crate::ftp::Speaker;
use crate::transfer::session::Session;

/// NATs and firewalls are seen to forget established connections from a minute on (RFC 5382 5 wants 2 h 4 min).
const LONG: Interval = Interval::seconds(60);

/// Where the data connection works meanwhile, a pause of this length is worth naming.
const PAUSE: Interval = Interval::seconds(1);

/// Every path lets packets of 576 bytes pass (RFC 9293 3.7.1): a shorter segment is not lost for its size.
const PASSES_EVERYWHERE: i32 = 500;

/// An idle span of the control connection that ends with what was never answered.
#[derive(Clone, Copy, Debug)]
pub struct Idle {
    since: Stamp,
    until: Stamp,
    data_worked: bool,
    /// Whether nothing came through any more when it was over.
    is_dead: bool,
    /// Whether what came then is too large to pass everywhere.
    large: bool,
}

impl Idle {
    /// The span before the segment that is sent again and again and never acknowledged; `data` are the session's data
    /// connections.
    pub fn before_stall<'a>(
        session: &Session,
        control: &Connection,
        data: impl IntoIterator<Item = &'a Connection>,
    ) -> Option<Self> {
        let (end, stamps) = control.stalled()?;
        let until = *stamps.first()?;
        let heard = control.half(end.peer()).last.filter(|last| *last < until);
        let since = last_line(session, until).map(|(at, _)| at).max(heard)?;
        let data_worked = data.into_iter().any(|one| {
            [End::Origin, End::Target].into_iter().all(|end| one.half(end).last.is_some_and(|last| last > since))
        });
        let half = control.half(end);
        let outstanding = half.next.zip(half.unacknowledged_seq()).map(|(next, seq)| next.distance_from(seq));
        let large = outstanding.is_none_or(|bytes| bytes > PASSES_EVERYWHERE);
        Some(Self { since, until, data_worked, is_dead: true, large })
    }

    /// The span before the control connection was lost at `end`: before the last command, if that was never acknowledged; else
    /// since the last line. `by_rst_of_server`: it was lost by a RST in the server's name.
    pub fn before_loss(session: &Session, control: &Connection, end: Stamp, by_rst_of_server: bool) -> Option<Self> {
        let (last, speaker) = last_line(session, end)?;
        let client = control.half(control.end_of(session.client).unwrap_or(End::Origin));
        let unacknowledged = client.next.zip(client.acked).is_none_or(|(next, acked)| acked.is_before(next));
        let before = last_line(session, last).filter(|_| speaker == Speaker::Client && unacknowledged);
        let (since, until) = before.map_or((last, end), |(before, _)| (before, last));
        let is_dead = by_rst_of_server && (speaker == Speaker::Server || unacknowledged);
        Some(Self { since, until, data_worked: false, is_dead, large: false })
    }

    /// Its first moment.
    pub fn since(&self) -> Stamp {
        self.since
    }

    /// How long.
    pub fn lasted(&self) -> Interval {
        self.until.age_of(self.since)
    }

    /// Whether it was long.
    pub fn is_long(&self) -> bool {
        self.lasted() >= LONG
    }

    /// Whether a NAT or firewall that forgot the connection explains that nothing passes any more.
    pub fn is_forgotten(&self) -> bool {
        self.is_dead && !self.large && (self.is_long() || (self.data_worked && self.lasted() >= PAUSE))
    }

    /// Whether what got lost may be too large for the path.
    pub fn may_be_too_large(&self) -> bool {
        self.large
    }

    /// The same, a sentence part.
    pub fn story(&self) -> String {
        let seconds = self.lasted();
        let idle = format!("the control connection had been idle for {seconds:.1} s");
        let worked = if self.data_worked { ", and the data connection worked in that time" } else { "" };
        if self.is_forgotten() {
            format!("{idle}{worked}: a NAT or firewall on the path may have dropped its entry, or that host is down")
        } else {
            idle
        }
    }

    /// The same, citable.
    pub fn evidence(&self) -> Evidence {
        Evidence::missing(
            self.since,
            self.until,
            format!("nothing on the control connection for {:.1} s", self.lasted()),
        )
    }
}

/// The last line before that moment; `None` where lines may be encrypted.
fn last_line(session: &Session, before: Stamp) -> Option<(Stamp, Speaker)> {
    session.last_line(before).filter(|_| session.opaque.is_empty())
}
