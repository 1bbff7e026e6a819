//! One control session: the events of its dialogue become offers, transfers and exchanges.

mod unclaimed;

use std::net::SocketAddr;

pub(super) use unclaimed::SWAPPED;
pub use unclaimed::Unclaimed;

use super::concluded::Concluded;
use super::departure::{Departure, Sign};
use super::first_and_last::FirstAndLast;
use super::offers::{OfferNumber, Offers};
use super::{ControlLoss, Direction, Exchange, Offer, OpenedConnection, OtherOffer, OtherView, Same, Transfer, Twin};
use crate::decrypt::Tls;
use crate::finding::{SessionId, TransferId};
use crate::flow::{ClockStep, Connection, ConnectionId, RECORDS_KEPT, SynSeen, Table};
use crate::frame::{Stamp, Timestamp};
use crate::ftp::meaning::meaning;
use crate::ftp::software::ServerSoftware;
use crate::ftp::{Command, CommandNo, Event, Reply, Speaker, Verb};
use crate::wire::tls::Record;

/// Commands that are neither endpoint nor transfer are remembered up to this many, half of them the first and half the
/// last ones: logins, AUTH, ABOR and QUIT decide verdicts, the hundred thousandth CWD does not.
const EXCHANGES_KEPT: usize = 512;

/// Spans of encryption that are remembered; nobody says AUTH and CCC in turns.
const OPAQUE_KEPT: usize = 64;

/// Steps of the capture's clock that are remembered per session; a clock that is set oftener tells no time.
const CLOCK_STEPS_KEPT: usize = 16;

/// A span in which the control connection is encrypted.
#[derive(Clone, Copy, Debug)]
pub struct Opaque {
    /// The first opaque frame.
    pub from: Stamp,
    /// The first clear frame after CCC.
    pub until: Option<Stamp>,
    /// TLS or GSSAPI.
    pub by: &'static str,
}

/// A control session.
#[derive(Clone, Debug)]
pub struct Session {
    /// Identity within the run.
    pub id: SessionId,
    /// Its control connection.
    pub control: ConnectionId,
    /// The client's control socket.
    pub client: SocketAddr,
    /// The server's control socket.
    pub server: SocketAddr,
    /// First frame of the control connection.
    pub first: Stamp,
    /// Last frame of the control connection.
    pub last: Stamp,
    /// The greeting.
    pub greeting: Option<Reply>,
    /// Offers in the order of their commands.
    pub offers: Offers,
    /// Transfers in the order of their commands.
    pub transfers: Vec<Transfer>,
    /// Transfers before those, which have been judged and let go.
    pub transfers_before: u32,
    /// The other commands, bounded.
    pub exchanges: FirstAndLast<Exchange>,
    /// Replies that answer no command (421 and orphans), bounded.
    pub unsolicited: FirstAndLast<Reply>,
    /// Encrypted spans.
    pub opaque: Vec<Opaque>,
    /// The first TLS records of the client and of the server on the control connection, with their frames.
    pub records: [Vec<(Record, Stamp)>; 2],
    /// Its TLS, where that was to be decrypted.
    pub tls: Option<Tls>,
    /// The frame from which on that could not be read.
    pub tls_unread: Option<Stamp>,
    /// How the control connection ended, unless by QUIT.
    pub end: Option<ControlLoss>,
    /// The session that may be the same control connection on the other side of a NAT.
    pub twin: Option<Twin>,
    /// What that one shows, once it is needed.
    pub other_view: Option<OtherView>,
    /// Copies of control bytes that differ: the frames of both copies, bounded.
    pub conflicts: Vec<(Stamp, Stamp)>,
    /// Where the clock of the capture was set, bounded.
    pub clock_steps: Vec<ClockStep>,
    /// Lines that exceeded the cap.
    pub long_lines: u32,
    /// Connections between the two hosts (or to a client's default data port) that answer no offer, bounded.
    pub unclaimed: Vec<Unclaimed>,
    /// Those of them that the client opened right behind encrypted words of the server, which may have named the port,
    /// ascending.
    pub solicited: Vec<ConnectionId>,
    /// Whether a SYN of the client to a passive port was seen.
    pub passive_syns: bool,
    /// Who spoke last on the encrypted control connection, and when.
    last_record: Option<(Speaker, Stamp)>,
    /// Whether anything that looks like FTP was said.
    pub spoke: bool,
    /// What the server says it is, or what its replies tell.
    pub software: ServerSoftware,
}

impl Session {
    /// A session about which nothing is known but its control connection.
    pub fn new(id: SessionId, control: ConnectionId, client: SocketAddr, server: SocketAddr, first: Stamp) -> Self {
        Self {
            id,
            control,
            client,
            server,
            first,
            last: first,
            greeting: None,
            offers: Offers::default(),
            transfers: Vec::new(),
            transfers_before: 0,
            exchanges: FirstAndLast::keeping(EXCHANGES_KEPT),
            unsolicited: FirstAndLast::keeping(EXCHANGES_KEPT),
            opaque: Vec::new(),
            tls: None,
            tls_unread: None,
            records: [Vec::new(), Vec::new()],
            end: None,
            twin: None,
            other_view: None,
            conflicts: Vec::new(),
            clock_steps: Vec::new(),
            long_lines: 0,
            unclaimed: Vec::new(),
            solicited: Vec::new(),
            passive_syns: false,
            last_record: None,
            spoke: false,
            software: ServerSoftware::default(),
        }
    }

    /// The port a server by the book opens data connections from: L-1 (RFC 959 3.2).
    pub fn default_data_port(&self) -> u16 {
        self.server.port().wrapping_sub(1)
    }

    /// The transfer that was asked for by the command with this number; commands come in the order of their numbers.
    pub fn transfer_of(&self, no: CommandNo) -> Option<&Transfer> {
        let place = self.transfers.binary_search_by_key(&no, |transfer| transfer.command.no).ok()?;
        self.transfers.get(place)
    }

    /// The last transfer before that one whose command came in an earlier frame.
    pub fn before(&self, transfer: &Transfer) -> Option<&Transfer> {
        let place = self.transfers.binary_search_by_key(&transfer.command.no, |one| one.command.no).ok()?;
        self.transfers.get(..place)?.iter().rev().find(|before| before.at() < transfer.at())
    }

    /// Whether the server opened a connection that begins there.
    pub fn is_opened_by_server(&self, from: SocketAddr) -> bool {
        from.ip() == self.server.ip() && from.port() != self.server.port()
    }

    /// Whether it is a default data port of the client. RFC 959 3.2: its control port; proftpd takes the one below.
    pub fn is_default_port(&self, to: SocketAddr) -> bool {
        let own = self.client.port();
        to.ip() == self.client.ip() && (to.port() == own || to.port() == own.wrapping_sub(1))
    }

    /// Whether the control connection was encrypted at `at`.
    pub fn is_opaque_at(&self, at: Stamp) -> bool {
        self.opaque.iter().any(|span| span.from <= at && span.until.is_none_or(|until| at < until))
    }

    /// Books a step of the capture's clock, if there was one.
    pub fn stepped(&mut self, step: Option<ClockStep>) {
        if self.clock_steps.len() < CLOCK_STEPS_KEPT {
            self.clock_steps.extend(step);
        }
    }

    /// Books what the dialogue told. Returns the index of an offer whose socket just became known.
    pub fn event(&mut self, event: Event) -> Option<OfferNumber> {
        match event {
            Event::Command(command) => {
                self.spoke = true;
                self.command(command)
            }
            Event::Reply(reply) => {
                self.spoke = true;
                self.reply(reply)
            }
            Event::Interrupt { at } => {
                self.leave(&Departure { at, sign: Sign::Abor, how: "Telnet interrupt".to_owned() });
                None
            }
            Event::Protected { at, by } => {
                self.spoke = true;
                if self.opaque.len() < OPAQUE_KEPT {
                    self.opaque.push(Opaque { from: at, until: None, by });
                }
                None
            }
            Event::Record { speaker, record, at } => {
                self.last_record = Some((speaker, at));
                let [client, server] = &mut self.records;
                let records = if speaker == Speaker::Client { client } else { server };
                if records.len() < RECORDS_KEPT {
                    records.push((record, at));
                }
                None
            }
            Event::Cleared { at } => {
                if let Some(span) = self.opaque.last_mut() {
                    span.until = Some(at);
                }
                None
            }
            Event::Lost { .. } => None,
            Event::LongLine { .. } => {
                self.long_lines = self.long_lines.saturating_add(1);
                None
            }
        }
    }

    fn command(&mut self, command: Command) -> Option<OfferNumber> {
        if let Some(sign) = Sign::of(command.verb) {
            self.leave(&Departure { at: command.at(), sign, how: command.name.clone() });
        }
        match command.verb {
            verb if verb.is_endpoint() => return self.endpoint_command(command),
            verb if verb.is_transfer() => self.transfer_command(command),
            Verb::Abor => {
                let at = command.at();
                if let Some(transfer) = self.transfers.last_mut()
                    && transfer.reply.is_none()
                {
                    transfer.abor = Some(at);
                }
                self.exchange(command);
            }
            Verb::Rein => {
                self.supersede(command.at());
                self.exchange(command);
            }
            _ => self.exchange(command),
        }
        None
    }

    /// The client turns away from the newest offer, and from the newest transfer if that had no final reply by then.
    fn leave(&mut self, departure: &Departure) {
        if let Some(offer) = self.offers.last_mut() {
            offer.left.get_or_insert_with(|| departure.clone());
        }
        let pending = |reply: &Option<Reply>| reply.as_ref().is_none_or(|reply| reply.at() > departure.at);
        if let Some(transfer) = self.transfers.last_mut().filter(|transfer| pending(&transfer.reply)) {
            transfer.left.get_or_insert_with(|| departure.clone());
        }
    }

    fn endpoint_command(&mut self, command: Command) -> Option<OfferNumber> {
        self.supersede(command.at());
        if let Some(transfer) = self.transfers.last_mut()
            && transfer.preliminary.is_some()
            && transfer.reply.is_none()
        {
            transfer.disturbed_by.get_or_insert_with(|| command.clone());
        }
        let direction = if command.verb.is_active_endpoint() { Direction::Active } else { Direction::Passive };
        let socket = match &command.endpoint {
            Some(Ok(endpoint)) => Some(endpoint.socket(self.client.ip())),
            _ => None,
        };
        let offer = Offer {
            command,
            reply: None,
            tried_at_once: false,
            direction,
            socket,
            superseded: None,
            left: None,
            connections: Vec::new(),
        };
        let number = self.offers.push(offer);
        socket.map(|_| number)
    }

    fn supersede(&mut self, at: Stamp) {
        if let Some(offer) = self.offers.last_mut() {
            offer.superseded.get_or_insert(at);
        }
    }

    fn transfer_command(&mut self, command: Command) {
        let latest_offer = self.offers.last_number();
        let first_on_offer = self.transfers.last().is_none_or(|before| before.latest_offer != latest_offer);
        let number = u32::try_from(self.transfers.len()).unwrap_or(u32::MAX);
        let number = number.saturating_add(self.transfers_before).saturating_add(1);
        self.transfers.push(Transfer {
            id: TransferId(number),
            command,
            latest_offer,
            first_on_offer,
            preliminary: None,
            reply: None,
            abor: None,
            disturbed_by: None,
            left: None,
            lost: None,
        });
    }

    fn exchange(&mut self, command: Command) {
        self.exchanges.push(Exchange { command, reply: None });
    }

    fn reply(&mut self, reply: Reply) -> Option<OfferNumber> {
        self.software.see(&reply);
        let Some(no) = reply.answers else {
            self.unsolicited_reply(reply);
            return None;
        };
        if let Some(transfer) = numbered(&mut self.transfers, no, |transfer| &transfer.command) {
            if reply.is_preliminary() {
                transfer.preliminary.get_or_insert(reply);
            } else {
                transfer.reply.get_or_insert(reply);
            }
            return None;
        }
        if let Some((index, offer)) = self.offers.of_command(no) {
            let server = self.server.ip();
            if reply.is_preliminary() {
                return None;
            }
            if let (Direction::Passive, Some(Ok(endpoint))) = (offer.direction, &reply.endpoint) {
                offer.socket = Some(endpoint.socket(server));
            }
            let learnt = offer.direction == Direction::Passive && offer.socket.is_some();
            if offer.direction == Direction::Active && offer.reply.is_none() && reply.is_failure() {
                let says = meaning(offer.command.verb, &reply, self.software.family());
                let of_an_attempt = says.is_some_and(|says| says.condition.tells_of_an_attempt());
                offer.tried_at_once = of_an_attempt && offer.socket.is_some();
            }
            offer.reply.get_or_insert(reply);
            return learnt.then_some(index);
        }
        if let Some(exchange) = self.exchanges.find_by_key(&no, |exchange| exchange.command.no)
            && !reply.is_preliminary()
        {
            exchange.reply.get_or_insert(reply);
        }
        None
    }

    fn unsolicited_reply(&mut self, reply: Reply) {
        if reply.code == 220 && self.greeting.is_none() {
            self.greeting = Some(reply);
            return;
        }
        if reply.code == 421
            && let Some(transfer) = self.transfers.last_mut()
            && transfer.reply.is_none()
        {
            transfer.lost.get_or_insert_with(|| ControlLoss {
                at: reply.at(),
                how: reply.line(),
                orderly_by_client: false,
                by_client: false,
            });
        }
        self.unsolicited.push(reply);
    }

    /// The transfer with this command, if it has succeeded.
    pub fn succeeded(&self, no: CommandNo) -> Option<&Transfer> {
        let mut last = self.transfers.iter().rev().take_while(|transfer| transfer.command.no >= no);
        let transfer = last.find(|transfer| transfer.command.no == no)?;
        let done = transfer.preliminary.is_some() && transfer.reply.as_ref().is_some_and(Reply::is_success);
        done.then_some(transfer)
    }

    /// This session, of which the capture shows that control connection and those data connections, as its twin sees it:
    /// by the numbers that the `same` has there.
    pub fn as_other_view(
        &self,
        flows: &Table,
        control: &Connection,
        concluded: &[Concluded<'_>],
        same: &Same,
    ) -> OtherView {
        let other = |offer: &Offer| OtherOffer { socket: offer.socket, at: offer.at(), line_len: offer.line_len() };
        let offers = self.offers.numbered();
        let offers = offers.filter_map(|(number, offer)| Some((*same.offers.get(&number)?, other(offer)))).collect();
        let claimed: usize = self.offers.iter().map(|offer| offer.connections.len()).sum();
        // What the client opens to other hosts serves no transfer.
        let of_the_client =
            |id: &ConnectionId| flows.connection(*id).is_some_and(|one| one.origin.ip() == self.client.ip());
        let unclaimed = self.unclaimed.iter().filter(|unclaimed| !of_the_client(&unclaimed.id)).count();
        OtherView {
            first: self.first,
            client: self.client,
            server: self.server,
            offers,
            data_connections: claimed + unclaimed,
            last: self.last,
            server_last: control.end_of(self.server).and_then(|end| control.half(end).last),
            side: control.syns.first().map(SynSeen::side),
            ttl: control.syns.first().map(|syn| syn.ttl),
            is_whole: !control.midstream
                && [&control.from_origin, &control.from_target]
                    .iter()
                    .all(|half| half.gaps().is_empty() && half.cut == 0)
                && self.opaque.is_empty()
                && self.long_lines == 0,
            failures: self.failures(),
            attempts: concluded
                .iter()
                .filter_map(|one| {
                    let ids = one.attempts.iter().map(|attempt| attempt.connection.id).collect();
                    Some((*same.transfers.get(&one.transfer?.id)?, ids))
                })
                .collect(),
        }
    }

    /// The negative replies that are remembered, by code and time.
    fn failures(&self) -> Vec<(u16, Timestamp)> {
        let failures = self.replies().filter(|reply| reply.is_failure());
        let mut failures: Vec<_> = failures.map(|reply| (reply.code, reply.at().time)).collect();
        failures.sort_unstable();
        failures
    }

    /// The last line before that moment, and whose it is.
    pub fn last_line(&self, before: Stamp) -> Option<(Stamp, Speaker)> {
        let offers = self.offers.iter().map(|offer| &offer.command);
        let transfers = self.transfers.iter().map(|transfer| &transfer.command);
        let exchanges = self.exchanges.iter().map(|exchange| &exchange.command);
        let commands = offers.chain(transfers).chain(exchanges).map(|command| (command.at(), Speaker::Client));
        let preliminary = self.transfers.iter().filter_map(|transfer| transfer.preliminary.as_ref());
        let replies = self.replies().chain(preliminary).chain(&self.greeting);
        let lines = commands.chain(replies.map(|reply| (reply.at(), Speaker::Server)));
        lines.filter(|(at, _)| *at < before).max_by_key(|(at, _)| *at)
    }

    /// All replies that are remembered, in no order.
    fn replies(&self) -> impl Iterator<Item = &Reply> {
        let offers = self.offers.iter().filter_map(|offer| offer.reply.as_ref());
        let transfers = self.transfers.iter().filter_map(|transfer| transfer.reply.as_ref());
        let exchanges = self.exchanges.iter().filter_map(|exchange| exchange.reply.as_ref());
        offers.chain(transfers).chain(exchanges).chain(self.unsolicited.iter())
    }

    /// Books how the control connection ended; a transfer that waits for its final reply is lost by it, unless
    /// the client had said QUIT, or the reply may be among the words of the server that were `missed` last there.
    /// `heard_all`: the server closed when it had all that the client ever said.
    pub fn ended(&mut self, end: ControlLoss, missed: Option<Stamp>, heard_all: bool) {
        let by_server = heard_all && !end.by_client;
        let quit = |exchange: &Exchange| exchange.is(Verb::Quit) && (by_server || exchange.command.at() <= end.at);
        if self.exchanges.iter().any(quit) {
            return;
        }
        if end.by_client {
            let (sign, how) = if end.orderly_by_client { (Sign::Closed, "FIN") } else { (Sign::Reset, "RST") };
            self.leave(&Departure { at: end.at, sign, how: how.to_owned() });
        }
        if let Some(transfer) = self.transfers.last_mut()
            && transfer.reply.is_none()
            && missed.is_none_or(|missed| missed < transfer.at())
        {
            transfer.lost.get_or_insert_with(|| end.clone());
        }
        self.end = Some(end);
    }

    /// When the client left: it said QUIT, or ended the control connection.
    pub fn left_at(&self) -> Option<Stamp> {
        let quit = self.exchanges.iter().find(|exchange| exchange.is(Verb::Quit)).map(|quit| quit.command.at());
        quit.or_else(|| self.end.as_ref().filter(|end| end.by_client).map(|end| end.at))
    }

    /// Takes no more room than it needs: little more will come.
    pub fn shrink(&mut self) {
        self.offers.shrink();
        self.transfers.shrink_to_fit();
        self.exchanges.shrink();
    }

    /// Bytes it takes, about.
    pub fn weight(&self) -> usize {
        let reply = |reply: &Option<Reply>| reply.as_ref().map_or(0, Reply::weight);
        let offers = self.offers.iter().map(|offer| {
            size_of::<Offer>()
                + offer.command.weight()
                + reply(&offer.reply)
                + offer.connections.len() * size_of::<OpenedConnection>()
        });
        let transfers = self.transfers.iter().map(|transfer| {
            size_of::<Transfer>() + transfer.command.weight() + reply(&transfer.preliminary) + reply(&transfer.reply)
        });
        let exchanges = self
            .exchanges
            .iter()
            .map(|exchange| size_of::<Exchange>() + exchange.command.weight() + reply(&exchange.reply));
        let unsolicited = self.unsolicited.iter().map(Reply::weight);
        let lists = offers.chain(transfers).chain(exchanges).chain(unsolicited).sum::<usize>();
        size_of::<Self>() + lists + self.unclaimed.len() * size_of::<Unclaimed>() + reply(&self.greeting)
    }
}

/// What was asked for by the command with this number; commands come in the order of their numbers.
fn numbered<T>(all: &mut [T], no: CommandNo, command: impl Fn(&T) -> &Command) -> Option<&mut T> {
    let place = all.binary_search_by_key(&no, |one| command(one).no).ok()?;
    all.get_mut(place)
}
