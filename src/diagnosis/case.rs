//! What a diagnosis sees: a concluded transfer with its session, hosts and vantage, and what the capture allows.

mod limits;

use std::net::SocketAddr;

pub use limits::cap;

use super::lines;
use super::siblings::Siblings;
use crate::finding::Evidence;
use crate::flow::Table;
use crate::flow::{Connection, End};
use crate::frame::Stamp;
use crate::ftp::meaning::meaning;
use crate::ftp::texts::{Condition, Meaning};
use crate::ftp::{Reply, Verb};
use crate::network::Network;
use crate::record::{AttemptOutcome, Outcome};
use crate::source::Capture;
use crate::transfer::attempt::Attempt;
use crate::transfer::concluded::Concluded;
use crate::transfer::session::Session;
use crate::transfer::{Direction, Exchange, Offer, Transfer};
use crate::vantage::Vantage;

/// A client that is refused one endpoint command falls back to another within this many seconds.
const FALLBACK: f64 = 10.0;

/// Packets of two connections may be recorded in another order than they were sent, this many seconds apart at most.
const SWAPPED: f64 = 0.01;

/// What the user knows better than the program.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Length of TIME-WAIT in seconds, overriding the ladder of system defaults.
    pub time_wait: Option<f64>,
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
    /// Packets that the capture itself counts as dropped.
    pub fn dropped(&self) -> u64 {
        self.captures.iter().flat_map(|capture| &capture.interfaces).filter_map(|interface| interface.dropped).sum()
    }
}

/// One offer with the transfer it served or failed to serve.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    /// The session.
    pub session: &'a Session,
    /// Its control connection.
    pub control: &'a Connection,
    /// What is judged.
    pub concluded: &'a Concluded<'a>,
    /// The transfer; `None` for an offer that no transfer followed.
    pub transfer: Option<&'a Transfer>,
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
}

impl<'a> Case<'a> {
    /// The endpoint command before the transfer, refused or not.
    pub fn offer(&self) -> Option<&'a Offer> {
        self.concluded.offer
    }

    /// The offer, if it is the server's to connect and was not refused.
    pub fn active_offer(&self) -> Option<&'a Offer> {
        self.concluded.in_force().filter(|offer| offer.direction == Direction::Active)
    }

    /// Whether an endpoint may have been announced where this capture does not hold the client's words.
    pub fn may_miss_an_offer(&self) -> bool {
        let from = self.offer().map_or(self.control.first, Offer::at);
        let until = self.transfer.and_then(Transfer::ended).unwrap_or(self.session.last);
        let client = self.control.half(self.client_end());
        (self.control.midstream && self.offer().is_none())
            || client.gaps().iter().any(|gap| gap.at >= from && gap.at <= until)
    }

    /// Where the capture lacks bytes of the client between the transfer command and its end: an ABOR may be among them.
    pub fn may_miss_an_abort(&self) -> Option<Stamp> {
        let (from, until) = self.window()?;
        let gaps = self.control.half(self.client_end()).gaps();
        gaps.iter().map(|gap| gap.at).find(|at| *at >= from && at.seconds_since(until) < 1.0)
    }

    /// Whether the final reply may have come and is not in this capture: it lacks words of the server behind the command.
    pub fn may_miss_the_reply(&self) -> bool {
        let server = self.control.half(self.client_end().peer());
        !self.transfer.is_some_and(|transfer| server.is_whole_since(transfer.at()))
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

    /// Whether the client left (QUIT) without waiting for the final reply to the transfer, after a data connection that
    /// never came to be: it failed, although nobody says so.
    pub fn gave_up(&self) -> bool {
        let Some(transfer) = self.transfer.filter(|one| one.reply.is_none()) else { return false };
        let tried = !self.concluded.attempts.is_empty() && self.concluded.established().is_none();
        let tried = tried && !self.may_miss_the_reply();
        let left = |exchange: &Exchange| exchange.is(Verb::Quit) && exchange.command.at() > transfer.at();
        tried && transfer.abor.is_none() && self.session.exchanges.iter().any(left)
    }

    /// What the final reply says by the knowledge base, taken as an answer to the transfer command.
    pub fn meaning(&self) -> Option<&'static Meaning> {
        let transfer = self.transfer?;
        let reply = transfer.reply.as_ref()?;
        meaning(transfer.command.verb, reply, self.session.software.family())
    }

    /// The span in which a data SYN would have to lie: from the transfer command to the final reply or, failing that, the
    /// end of the session; for an offer alone, until the next one or until the client left.
    pub fn window(&self) -> Option<(Stamp, Stamp)> {
        let last = self.session.last;
        match self.transfer {
            Some(transfer) => Some((transfer.at(), transfer.ended().unwrap_or_else(|| last.max(transfer.at())))),
            None => self.offer().map(|offer| (offer.at(), offer.superseded.or(self.session.left_at()).unwrap_or(last))),
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
        if let Some(transfer) = self.transfer {
            all.extend(lines::transfer(self.session, transfer));
        }
        all
    }

    /// Whether the capture may show data connections at all: not when other transfers of the session succeeded without
    /// any. A third host's data connection passes elsewhere.
    pub fn shows_data(&self) -> bool {
        !self.siblings.lack_data()
    }

    /// Whether the client left before the transfer command got any reply.
    pub fn left_unanswered(&self) -> bool {
        let Some(transfer) = self.transfer else { return false };
        let left = self.session.left_at().is_some_and(|left| left > transfer.at());
        left && transfer.preliminary.is_none() && transfer.reply.is_none()
    }

    /// Whether the final reply reports a failed data connection rather than a refused command.
    pub fn is_data_failure(&self) -> bool {
        let Some(transfer) = self.transfer.filter(|_| self.failed()) else { return self.gave_up() };
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
            AttemptOutcome::Refused | AttemptOutcome::Icmp => {
                attempt.connection.last.seconds_since(reply.at()) <= SWAPPED
            }
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
            let (behind, ahead) = (attempt.at().seconds_since(offer.at()), reply.at().seconds_since(attempt.at()));
            Some(attempt.to()) == offer.socket && behind >= -SWAPPED && ahead >= -SWAPPED
        };
        self.concluded.established().is_none() && self.server_attempts().any(|attempt| meanwhile(&attempt))
    }

    /// Whether a data connection was tried for it, as this side of a NAT or the other one shows.
    pub fn was_tried(&self) -> bool {
        let other = self.session.other_view.as_ref().zip(self.transfer);
        let there = other.and_then(|(other, transfer)| other.attempts.get(&transfer.id));
        !self.concluded.attempts.is_empty() || there.is_some_and(|attempts| !attempts.is_empty())
    }

    /// Whether the transfer failed because no data connection came to be; for a connection of an encrypted session,
    /// whether that connection did not.
    pub fn failed_for_want_of_data(&self) -> bool {
        let none = self.concluded.established().is_none();
        match self.transfer {
            Some(_) => none && self.is_data_failure(),
            None => none && self.offer().is_none() && self.at_opaque_moment(),
        }
    }

    fn at_opaque_moment(&self) -> bool {
        self.concluded.at().is_some_and(|at| self.session.is_opaque_at(at))
    }

    /// Whether the reply may come from a failure inside the server: it names a local cause or none.
    pub fn reply_allows_local_cause(&self) -> bool {
        self.meaning().is_none_or(|meaning| meaning.condition.may_be_local())
    }

    /// Whether the reply may follow a data connection that was never tried or never seen: not when it speaks of a
    /// missing endpoint, TLS or the file.
    pub fn reply_allows_no_syn(&self) -> bool {
        self.meaning().is_none_or(|meaning| meaning.condition.is_about_connecting())
    }

    /// What a reply to `verb` says by the knowledge base.
    pub fn meaning_of(&self, verb: Verb, reply: &Reply) -> Option<&'static Meaning> {
        meaning(verb, reply, self.session.software.family())
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
        self.concluded.listening.map(|at| Evidence::seen(at, format!("a server is told to listen on {socket}")))
    }

    /// Whether the client turned to another endpoint command at once and its transfer completed: the refusal did no
    /// harm.
    pub fn fell_back(&self) -> bool {
        let Some(own) = self.concluded.offer_index.filter(|_| self.transfer.is_none()) else { return false };
        self.siblings.completed_soon(own, self.offer_at(), FALLBACK)
    }

    /// Whether a data connection of the session was established soon after this one was tried.
    pub fn got_data_soon(&self) -> bool {
        let Some(at) = self.concluded.at() else { return false };
        self.siblings.established_behind(at).is_some_and(|later| later.seconds_since(at) < FALLBACK)
    }

    fn offer_at(&self) -> Stamp {
        self.offer().map_or(self.session.first, Offer::at)
    }

    /// Whether a SYN of the server would have been seen here, by position and by what this capture holds.
    pub fn would_show_server_syn(&self) -> bool {
        self.vantage.sees_all_of_server() && self.scene.shows_more_than_control
    }
}

/// One control session.
#[derive(Clone, Copy)]
pub struct SessionCase<'a> {
    /// The session.
    pub session: &'a Session,
    /// Its control connection.
    pub control: &'a Connection,
    /// Its offers and transfers, in order.
    pub concluded: &'a [Concluded<'a>],
    /// Where it was captured.
    pub vantage: &'a Vantage,
    /// Who has which address.
    pub network: &'a Network,
    /// All connections.
    pub flows: &'a Table,
    /// The capture around it.
    pub scene: &'a Scene<'a>,
    /// Whether the client knocks at many service ports: a port scan, not an FTP client.
    pub client_scans: bool,
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

    /// The data connections of the session, in order.
    pub fn data(&self) -> impl Iterator<Item = &'a Connection> {
        self.concluded.iter().flat_map(|one| &one.attempts).map(|attempt| attempt.connection)
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
