//! What a diagnosis sees: a concluded transfer with its session, hosts and vantage, and what the capture allows.

mod given_up;
mod limits;
mod report;

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

pub use limits::{cap, cap_of_rule};

use super::lines;
use super::siblings::Siblings;
use crate::facts::Facts;
use crate::finding::Evidence;
use crate::flow::Table;
use crate::flow::{Connection, End};
use crate::frame::{Interval, Stamp};
use crate::ftp::Reply;
use crate::network::Network;
use crate::record::Outcome;
use crate::source::Capture;
use crate::transfer::attempt::Attempt;
use crate::transfer::concluded::Concluded;
use crate::transfer::session::Session;
use crate::transfer::standstill::Standstill;
use crate::transfer::{Direction, Offer, Transfer};
use crate::vantage::Vantage;

/// A client that is refused one endpoint command falls back to another within this time.
const FALLBACK: Interval = Interval::seconds(10);

/// What the user knows better than the program.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// What the kernels of hosts say; empty where nobody asked them.
    pub facts: Arc<Facts>,
    /// Length of TIME-WAIT, overriding the ladder of system defaults.
    pub time_wait: Option<Interval>,
}

/// The capture group around a case, as far as it has been read.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// First frame.
    pub begins: Stamp,
    /// Last frame.
    pub ends: Stamp,
    /// The captures.
    pub captures: &'a [Capture],
    /// The last frame of each capture.
    pub lasts: &'a [Stamp],
    /// Whether any TCP packet but those of control connections was seen: a capture of port 21 alone proves no
    /// absence.
    pub shows_more_than_control: bool,
}

impl Scene<'_> {
    /// How the capture itself says that it lacks packets, a sentence part; `None` where it does not.
    pub fn lacks(&self) -> Option<String> {
        let interfaces = self.captures.iter().flat_map(|capture| &capture.interfaces);
        let dropped: u64 = interfaces.filter_map(|interface| interface.dropped).sum();
        if dropped > 0 {
            return Some(format!("the capture counts {dropped} dropped packets"));
        }
        let away: f64 = self.captures.iter().map(|capture| capture.gaps.seconds_away()).sum();
        let gaps = self.captures.iter().any(|capture| !capture.gaps.is_empty());
        gaps.then(|| format!("an interface was down or removed for {away:.1} s"))
    }
}

/// One control session, as it was seen at one place.
#[derive(Clone, Copy)]
pub struct SessionCase<'a> {
    /// The session.
    pub session: &'a Session,
    /// Its control connection.
    pub control: &'a Connection,
    /// All offers and transfers of the session.
    pub siblings: &'a Siblings<'a>,
    /// Where the session was captured.
    pub vantage: &'a Vantage,
    /// Who has which address.
    pub network: &'a Network,
    /// All connections.
    pub flows: &'a Table,
    /// The capture around it.
    pub scene: &'a Scene<'a>,
    /// What the user knows better.
    pub policy: &'a Policy,
    /// When a later control connection of this client to this server was established, if one was by now.
    pub reached_later: Option<Stamp>,
    /// Whether the client knocks at many service ports: a port scan, not an FTP client.
    pub client_scans: bool,
}

/// One offer with the transfer it served or failed to serve. What holds of its session is asked as of the session:
/// `case.control`, `case.vantage`.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    /// The session that it is part of.
    pub of_session: SessionCase<'a>,
    /// What is judged.
    pub concluded: &'a Concluded<'a>,
    /// Whether the client gave up without having had a data connection.
    pub gave_up: bool,
}

impl<'a> Deref for Case<'a> {
    type Target = SessionCase<'a>;

    fn deref(&self) -> &SessionCase<'a> {
        &self.of_session
    }
}

impl<'a> Case<'a> {
    /// The case of an offer or transfer of a session.
    pub fn of(of_session: SessionCase<'a>, concluded: &'a Concluded<'a>) -> Self {
        let case = Self { of_session, concluded, gave_up: false };
        Self { gave_up: case.has_given_up(), ..case }
    }

    /// The transfer; `None` for an offer that no transfer followed.
    pub fn transfer(&self) -> Option<&'a Transfer> {
        self.concluded.transfer
    }

    /// The endpoint command before the transfer, refused or not.
    pub fn offer(&self) -> Option<&'a Offer> {
        self.concluded.offer
    }

    /// The client's and the server's control sockets as the other direction bears them, where each direction was captured
    /// on another side of a NAT.
    pub fn across_nat(&self) -> Option<[SocketAddr; 2]> {
        let translated = self.control.translated.as_ref()?;
        let sockets = [translated.origin, translated.target];
        Some(if self.client_end() == End::Origin { sockets } else { [sockets[1], sockets[0]] })
    }

    /// Whether lines of one end were made longer or shorter on the way, as the other end's acknowledgements show.
    pub fn is_rewritten(&self, speaker: End) -> bool {
        self.control.translated.as_ref().is_some_and(|translated| translated.shift(speaker).is_some())
    }

    /// The offer, if it is the server's to connect and was not refused.
    pub fn active_offer(&self) -> Option<&'a Offer> {
        self.concluded.in_force().filter(|offer| offer.direction == Direction::Active)
    }

    /// Whether an endpoint may have been announced where this capture does not hold the client's words.
    pub fn may_miss_an_offer(&self) -> bool {
        let from = self.offer().map_or(self.control.first, Offer::at);
        let until = self.transfer().and_then(Transfer::ended).unwrap_or(self.session.last);
        let client = self.control.half(self.client_end());
        (self.control.midstream && self.offer().is_none())
            || client.gaps().iter().any(|gap| gap.at >= from && gap.at <= until)
    }

    /// Where the capture lacks bytes of the client between the transfer command and its end: an ABOR may be among them.
    pub fn may_miss_an_abort(&self) -> Option<Stamp> {
        let (from, until) = self.window()?;
        let gaps = self.control.half(self.client_end()).gaps();
        gaps.iter().map(|gap| gap.at).find(|at| *at >= from && at.since(until) < Interval::seconds(1))
    }

    /// Whether the final reply may have come and is not in this capture: it lacks words of the server behind the command.
    pub fn may_miss_the_reply(&self) -> bool {
        let server = self.control.half(self.client_end().peer());
        !self.transfer().is_some_and(|transfer| server.is_whole_since(transfer.at()))
    }

    /// Whether the established data connection was reset before that moment, and not after both ends had closed it.
    pub fn data_was_reset_before(&self, moment: Stamp) -> bool {
        self.concluded.established().is_some_and(|attempt| {
            let one = attempt.connection;
            let closed = one.from_origin.fin.is_some() && one.from_target.fin.is_some();
            !closed && one.rsts.iter().any(|rst| rst.at < moment)
        })
    }

    /// Whether the transfer failed.
    pub fn failed(&self) -> bool {
        self.concluded.outcome() == Outcome::Failed
    }

    /// The span in which a data SYN would have to lie: from the transfer command to the final reply or, failing that, until
    /// the client turned away or the session ended; likewise for an offer alone.
    pub fn window(&self) -> Option<(Stamp, Stamp)> {
        let last = self.session.last;
        match self.transfer() {
            Some(transfer) => {
                let until = transfer.ended().or(self.left().map(|left| left.at));
                Some((transfer.at(), until.unwrap_or_else(|| last.max(transfer.at()))))
            }
            None => self.offer().map(|offer| (offer.at(), self.left().map_or(last, |left| left.at))),
        }
    }

    /// The absence of a data SYN, citable.
    pub fn no_syn(&self) -> Option<Evidence> {
        let (after, until) = self.window()?;
        let whom = self.offer().and_then(|offer| offer.socket);
        let note = match whom {
            Some(socket) => format!("no SYN to {socket} or any other data endpoint"),
            None => "no data SYN".to_owned(),
        };
        Some(Evidence::missing(after, until, note))
    }

    /// The control dialogue around the transfer: endpoint command and reply, transfer command, its replies.
    pub fn dialogue(&self) -> Vec<Evidence> {
        let mut all = self.offer().map(|offer| lines::offer(self.session, offer)).unwrap_or_default();
        if let Some(transfer) = self.transfer() {
            all.extend(lines::transfer(self.session, transfer));
        }
        all
    }

    /// Whether the capture may show data connections at all: not when other transfers of the session, or of its server,
    /// succeeded without any. A third host's data connection passes elsewhere.
    pub fn shows_data(&self) -> bool {
        !self.concluded.data_not_captured && !self.siblings.lack_data()
    }

    /// Whether the client left before the transfer command got any reply.
    pub fn left_unanswered(&self) -> bool {
        let Some(transfer) = self.transfer() else { return false };
        let left = self.session.left_at().is_some_and(|left| left > transfer.at());
        left && transfer.preliminary.is_none() && transfer.reply.is_none()
    }

    /// Whether it failed, by its replies, because the client gave up, or because its data stood still until somebody did:
    /// what explains it is its verdict.
    pub fn is_to_be_explained(&self) -> bool {
        self.failed() || self.gave_up || self.refused_after_trying() || self.standstill().is_some()
    }

    /// How its data connection stood still until somebody gave up, before it succeeded: not where the final reply may have
    /// come and was not captured.
    pub fn standstill(&self) -> Option<Standstill<'a>> {
        let replied = self.transfer().is_some_and(|transfer| transfer.reply.is_some());
        self.concluded.standstill().filter(|_| replied || !self.may_miss_the_reply())
    }

    /// Whether a data connection was tried for it, as this side of a NAT or the other one shows.
    pub fn was_tried(&self) -> bool {
        let other = self.session.other_view.as_ref().zip(self.transfer());
        let there = other.and_then(|(other, transfer)| other.attempts.get(&transfer.id));
        !self.concluded.attempts.is_empty() || there.is_some_and(|attempts| !attempts.is_empty())
    }

    /// Whether the transfer failed because no data connection came to be; for a connection of an encrypted session,
    /// whether that connection did not.
    pub fn failed_for_want_of_data(&self) -> bool {
        let none = self.concluded.established().is_none();
        match self.transfer() {
            None if self.offer().is_none() => none && self.at_opaque_moment(),
            Some(_) | None => none && self.is_data_failure(),
        }
    }

    fn at_opaque_moment(&self) -> bool {
        self.concluded.at().is_some_and(|at| self.session.is_opaque_at(at))
    }

    /// The attempts that the server opened.
    pub fn server_attempts(&self) -> impl Iterator<Item = &'a Attempt<'a>> {
        let client = self.session.client.ip();
        let passive = self.concluded.in_force().is_some_and(|offer| offer.direction == Direction::Passive);
        self.concluded.attempts.iter().filter(move |attempt| !passive && attempt.from().ip() != client)
    }

    /// The client's end of the control connection.
    pub fn client_end(&self) -> End {
        self.control.end_of(self.session.client).unwrap_or(End::Origin)
    }

    /// Where the server of another session said that it listens on the announced socket.
    pub fn listens_by_pasv(&self, socket: SocketAddr) -> Option<Evidence> {
        self.concluded.listening.map(|at| Evidence::seen(at, format!("a server is asked to listen on {socket}")))
    }

    /// Whether the client turned to another endpoint command at once and its transfer completed: the refusal did no
    /// harm.
    pub fn fell_back(&self) -> bool {
        let Some(own) = self.concluded.offer_number.filter(|_| self.transfer().is_none()) else { return false };
        self.siblings.completed_soon(own, self.offer_at(), FALLBACK)
    }

    /// Whether a data connection of the session was established soon after this one was tried.
    pub fn got_data_soon(&self) -> bool {
        let Some(at) = self.concluded.at() else { return false };
        self.siblings.established_behind(at).is_some_and(|later| later.since(at) < FALLBACK)
    }

    /// Whether no data connection of the session was established after this one.
    fn got_no_data_behind(&self) -> bool {
        self.concluded.at().is_none_or(|at| self.siblings.established_behind(at).is_none())
    }

    fn offer_at(&self) -> Stamp {
        self.offer().map_or(self.session.first, Offer::at)
    }

    /// Whether a SYN of the server would have been seen here, by position and by what this capture holds.
    pub fn would_show_server_syn(&self) -> bool {
        self.vantage.sees_all_of_server() && self.scene.shows_more_than_control
    }
}

impl<'a> SessionCase<'a> {
    /// The command or reply whose bytes came in that frame, as it is shown.
    pub fn line_at(&self, at: Stamp) -> Option<String> {
        let session = self.session;
        let commands = session
            .offers
            .iter()
            .map(|offer| &offer.command)
            .chain(session.transfers.iter().map(|transfer| &transfer.command))
            .chain(session.exchanges.iter().map(|exchange| &exchange.command));
        let mut commands = commands.filter(|command| command.frames.contains(&at)).map(crate::ftp::Command::line);
        let replies = session
            .offers
            .iter()
            .filter_map(|offer| offer.reply.as_ref())
            .chain(session.transfers.iter().flat_map(|transfer| transfer.preliminary.iter().chain(&transfer.reply)))
            .chain(session.exchanges.iter().filter_map(|exchange| exchange.reply.as_ref()))
            .chain(session.greeting.iter());
        let mut replies = replies.filter(|reply| reply.frames.contains(&at)).map(Reply::line);
        commands.next().or_else(|| replies.next())
    }

    /// Its offers and transfers, in order: none before it is judged as a whole.
    pub fn all_concluded(&self) -> &'a [Concluded<'a>] {
        self.siblings.known().unwrap_or_default()
    }

    /// The data connections of the session, in order.
    pub fn data(&self) -> impl Iterator<Item = &'a Connection> {
        self.all_concluded().iter().flat_map(|one| &one.attempts).map(|attempt| attempt.connection)
    }
}

/// The hosts of a capture group.
#[derive(Clone, Copy)]
pub struct NetworkCase<'a> {
    /// Who has which address.
    pub network: &'a Network,
    /// Addresses that take part in FTP: of control connections and announced endpoints, sorted.
    pub parties: &'a [std::net::IpAddr],
    /// The capture around it.
    pub scene: &'a Scene<'a>,
    /// What the user knows better.
    pub policy: &'a Policy,
}

/// A capture group.
#[derive(Clone, Copy)]
pub struct CaptureCase<'a> {
    /// The capture.
    pub scene: &'a Scene<'a>,
    /// What the decoder could not read.
    pub undecoded: &'a [crate::wire::Undecoded],
    /// Datagrams with a control segment or a SYN of FTP hosts that never became whole.
    pub fragments: &'a [crate::wire::LostDatagram],
    /// What was let go because a bound was reached: how many, and of what.
    pub let_go: &'a [(u64, &'static str)],
}
