//! Whether a data connection that was open stood still until somebody gave up, and who had fallen silent.

use std::net::SocketAddr;

use super::Transfer;
use super::concluded::Concluded;
use crate::flow::{Connection, End, Half};
use crate::frame::{Interval, Stamp};
use crate::record::Mode;

/// Silence that makes a standstill: disks and servers under load hesitate for less.
const STILL: Interval = Interval::seconds(5);

/// The same where nobody gave up and the capture ends: longer, for the transfer may have gone on behind it.
const STILL_AT_THE_END: Interval = Interval::seconds(30);

/// A segment that was sent this often in vain is not lost by chance.
const SENT: usize = 4;

/// A FIN comes this soon behind what the capture shows of its cause, seconds.
const SWAPPED: Interval = Interval::millis(10);

/// What stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// The sender of the data sends neither more bytes nor a FIN, and all that it sent was acknowledged.
    Sender,
    /// What the sender sends again and again is never acknowledged: the receiver is silent, or the way is broken.
    Receiver,
    /// The receiver is there, but takes no more: its window is zero.
    Window,
}

/// A data connection that stands still.
#[derive(Clone, Debug, PartialEq)]
pub struct Standstill<'a> {
    /// The connection.
    pub connection: &'a Connection,
    /// The end that sends the data.
    pub sender: End,
    /// Who is silent.
    pub silence: Silence,
    /// The last frame that made progress, or the segment that is never acknowledged.
    pub since: Stamp,
    /// When somebody gave up, or the capture ended.
    pub until: Stamp,
    /// The frames of the segment that is never acknowledged.
    pub repeats: Vec<Stamp>,
}

impl Standstill<'_> {
    /// How long it stood still.
    pub fn lasted(&self) -> Interval {
        self.until.age_of(self.since)
    }

    /// The socket that sends the data.
    pub fn from(&self) -> SocketAddr {
        self.connection.socket(self.sender)
    }

    /// The socket that the data goes to.
    pub fn to(&self) -> SocketAddr {
        self.connection.socket(self.sender.peer())
    }
}

impl<'a> Concluded<'a> {
    /// Whether its data connection stood still until the first sign that somebody gave up, before it succeeded.
    pub fn standstill(&self) -> Option<Standstill<'a>> {
        let transfer = self.transfer.filter(|transfer| !has_succeeded(transfer))?;
        self.still(transfer, transfer.at(), self.gave_up_at(transfer)?, STILL)
    }

    /// Whether its data connection stands still at the end of the capture, nobody having given up.
    pub fn standstill_at(&self, end: Stamp) -> Option<Standstill<'a>> {
        let transfer = self.transfer.filter(|transfer| transfer.reply.is_none())?;
        let nobody = self.gave_up_at(transfer).is_none();
        nobody.then(|| self.still(transfer, transfer.at(), end, STILL_AT_THE_END)).flatten()
    }

    /// Whether its data connection stood still behind the reply that reports success, until the client gave up waiting for
    /// the rest and closed it.
    pub fn standstill_behind_success(&self) -> Option<Standstill<'a>> {
        let transfer = self.transfer.filter(|transfer| has_succeeded(transfer) && !transfer.is_upload())?;
        let reply = transfer.reply.as_ref()?.at();
        let until = self.receiver_left(transfer).filter(|at| *at > reply)?;
        self.still(transfer, reply, until, STILL)
    }

    /// The first sign that one side waits no more: a failing reply, the loss of the control connection, the client's turning
    /// away, a close of the data connection by its receiver, a RST.
    fn gave_up_at(&self, transfer: &Transfer) -> Option<Stamp> {
        let reply = transfer.reply.as_ref().filter(|reply| reply.is_failure()).map(crate::ftp::Reply::at);
        let lost = transfer.lost.as_ref().map(|lost| lost.at);
        let left = transfer.left.as_ref().map(|left| left.at);
        [reply, lost, left].into_iter().flatten().chain(self.receiver_left(transfer)).min()
    }

    /// When the receiver closed the data connection, or either end reset it.
    fn receiver_left(&self, transfer: &Transfer) -> Option<Stamp> {
        let connection = self.established()?.connection;
        let fin = connection.half(self.sender(transfer).peer()).fin.map(|fin| fin.at);
        fin.into_iter().chain(connection.rsts.iter().map(|rst| rst.at)).min()
    }

    /// The end of the data connection that sends the data.
    pub fn sender(&self, transfer: &Transfer) -> End {
        let client = if self.mode() == Mode::Passive { End::Origin } else { End::Target };
        if transfer.is_upload() { client } else { client.peer() }
    }

    fn still(&self, transfer: &Transfer, from: Stamp, until: Stamp, least: Interval) -> Option<Standstill<'a>> {
        let connection = self.established()?.connection;
        let sender = self.sender(transfer);
        let (sending, taking) = (connection.half(sender), connection.half(sender.peer()));
        // Only a direction that was captured can be seen to be silent.
        let unseen = sending.segments == 0 || taking.segments == 0 || connection.payload_hidden;
        if unseen || connection.midstream && sending.bytes == 0 {
            return None;
        }
        let begun = [Some(from), connection.established, transfer.preliminary.as_ref().map(crate::ftp::Reply::at)];
        let begun = begun.into_iter().flatten().max()?;
        let repeats = in_vain(sending, until);
        let silence = match repeats.first() {
            _ if taking.window_zero => Silence::Window,
            Some(_) => Silence::Receiver,
            None => Silence::Sender,
        };
        let progress = sending.last_data.filter(|at| *at < until).map_or(begun, |at| at.max(begun));
        let since = repeats.first().copied().unwrap_or(progress);
        let closed = sending.fin.is_some_and(|fin| fin.at.is_until(until, SWAPPED));
        // Acknowledged bytes that the capture lacks: they moved, though nobody saw them.
        let came = sending.gaps().iter().any(|gap| gap.at >= since);
        // Where data came before the sign and comes behind it, nothing shows that it stood still.
        let goes_on = sending.last_data.is_some_and(|at| !at.is_until(until, SWAPPED))
            && sending.first_data.is_some_and(|at| at < until);
        let over = ((closed || goes_on) && repeats.is_empty()) || came || until.age_of(since) < least;
        (!over).then_some(Standstill { connection, sender, silence, since, until, repeats })
    }
}

/// The frames of a segment (or FIN) that was sent again and again before that moment, and never acknowledged.
fn in_vain(sending: &Half, until: Stamp) -> Vec<Stamp> {
    let repeats: Vec<Stamp> = sending.unacknowledged().iter().copied().filter(|at| *at < until).collect();
    if repeats.len() >= SENT { repeats } else { Vec::new() }
}

fn has_succeeded(transfer: &Transfer) -> bool {
    transfer.reply.as_ref().is_some_and(crate::ftp::Reply::is_success) && transfer.abor.is_none()
}
