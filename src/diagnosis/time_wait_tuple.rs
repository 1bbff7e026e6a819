//! What `time-wait-collision` and `time-wait-default-port` share: a server that cannot open a data connection because
//! it still has the 5-tuple itself. They differ in who chose the port. Also why that is not the cause, for the
//! findings that stand in its place.

use std::net::SocketAddr;

use super::case::{Case, cap, cap_of_rule};
use super::siblings::Sent;
use super::two_msl::{self, Bite, System};
use super::{
    capture_gap, data_arp_unresolved, data_syn_not_seen, data_syn_refused, data_syn_unanswered, lines,
    time_wait_collision, time_wait_reuse_accepted, timers, tuple_still_open,
};
use crate::facts::{Answer, Moment, Said, Tuple};
use crate::finding::{Cap, Confidence, Evidence, Party, RuledOut};
use crate::flow::{Close, Connection, End, Holder};
use crate::frame::{Interval, Stamp};
use crate::ftp::texts::Condition;
use crate::transfer::concluded::Earlier;

/// A recovery tells the length of TIME-WAIT when the last failure and the first success are this close.
const RECOVERY_SPAN: Interval = Interval::seconds(30);

/// A tuple that the server holds in TIME-WAIT and was asked to use.
pub struct HeldTuple<'a> {
    /// The connection that left it.
    pub previous: &'a Connection,
    /// Seconds between the last segment of the close and the transfer command.
    pub age: Interval,
    /// What that age allows one to claim.
    pub bite: Bite,
    /// What the server's kernel says of it.
    pub kernel: Answer<Tuple>,
    /// The last segment that (re)started the timer.
    since: Stamp,
    holder: Holder,
    assassinated: Option<Stamp>,
    gapless: bool,
    system: System,
}

/// The tuple, when the transfer failed without a SYN while the server held it.
pub fn by_server<'a>(case: &Case<'a>) -> Option<HeldTuple<'a>> {
    let transfer = case.transfer()?;
    case.report()?;
    if !case.is_data_failure() || case.was_tried() || speaks_of_something_else(case) {
        return None;
    }
    let earlier = active(case)?;
    let Close::TimeWait { holder, since, assassinated, gapless } = earlier.close else { return None };
    // Active data connections are opened by the server: it is the origin of the earlier one. What the client alone holds
    // does not keep the server from sending its SYN.
    let age = transfer.at().age_of(since);
    if !holder.includes(End::Origin) || reused_younger(case, earlier, age) {
        return None;
    }
    let system = System::of_server(case);
    let bite = two_msl::bite_of_server(case, age)?;
    let kernel = asked(case, earlier.connection, since);
    if kernel.says() == Some(&Tuple::Free) {
        return None;
    }
    Some(HeldTuple { previous: earlier.connection, age, bite, kernel, since, holder, assassinated, gapless, system })
}

/// A tuple that the server's kernel held, and no packet of this capture shows why.
pub struct UnseenTuple {
    /// The server's data socket.
    pub from: SocketAddr,
    /// The socket that the client announced.
    pub to: SocketAddr,
    /// What the kernel says.
    pub said: Said,
    /// Whether it held it before the reply and still did behind it.
    pub through: bool,
}

/// Servers that listen on another port than 21 may still send data from this one (vsftpd: ftp_data_port).
const DATA_PORT: u16 = 20;

/// The tuple, when the transfer failed without a SYN, and the kernel of the server held the 5-tuple from its data port (RFC
/// 959 3.2) to the announced socket: the connection that left it ended before the capture began.
pub fn held_unseen(case: &Case<'_>) -> Option<UnseenTuple> {
    let (_, reply) = case.report()?;
    if !case.is_data_failure() || case.was_tried() || speaks_of_something_else(case) || by_server(case).is_some() {
        return None;
    }
    let to = case.active_offer()?.socket?;
    let moment = Moment { closed: None, wanted: reply.at().time, is_here: case.vantage.is_here(Party::Server) };
    [case.session.default_data_port(), DATA_PORT].into_iter().find_map(|port| {
        let from = SocketAddr::new(case.session.server.ip(), port);
        match case.policy.facts.tuple(from, to, moment) {
            Answer::Says(Tuple::Held { through }, said) => Some(UnseenTuple { from, to, said, through }),
            Answer::Says(Tuple::Free, _) | Answer::Silent | Answer::Open(_) => None,
        }
    })
}

impl HeldTuple<'_> {
    /// Why the confidence is not higher.
    pub fn caps(&self, case: &Case<'_>, confidence: Confidence) -> Vec<Cap> {
        if self.is_held_through() {
            return Vec::new();
        }
        let mut caps = case.absence_caps();
        caps.extend(self.bite.cap(self.age));
        caps.extend(case.transfer().and_then(|transfer| case.clock_cap(self.since, transfer.at())));
        if !case.would_show_server_syn() {
            let ceiling = if has_local_words(case) { Confidence::Probable } else { Confidence::Possible };
            let why = "this capture was not taken at the server: a SYN may have been lost before it got here";
            caps.push(cap(data_syn_not_seen::NAME, ceiling, why.to_owned()));
        }
        if self.assassinated.is_some() {
            let why = "a RST followed the close, which ends TIME-WAIT on Linux (RFC 1337)";
            caps.push(cap(tuple_still_open::NAME, Confidence::Possible, why.to_owned()));
        }
        if !self.gapless {
            let why = "bytes of the earlier connection are missing, so it is less certain who closed first";
            caps.push(cap(capture_gap::NAME, Confidence::Possible, why.to_owned()));
        }
        if case.would_show_server_syn() && confidence == Confidence::Probable {
            let why = "proof would be: the OS error text in the reply, a transfer on a new port that works in that time, or success after TIME-WAIT ends";
            caps.push(cap_of_rule(Confidence::Probable, why.to_owned()));
        }
        let timestamps = self.previous.from_origin.timestamps && self.previous.from_target.timestamps;
        if timestamps && !matches!(self.system, System::Windows | System::OldWindows) {
            let why = "the earlier connection used TCP timestamps, with which Linux recycles TIME-WAIT at once";
            caps.push(cap(time_wait_reuse_accepted::NAME, one_lower(confidence), why.to_owned()));
        }
        caps
    }

    /// Whether the server's kernel held it before the reply and still did behind it: nothing can have used it in between.
    fn is_held_through(&self) -> bool {
        self.kernel.says() == Some(&Tuple::Held { through: true })
    }

    /// How sure it is that this is the cause.
    pub fn confidence(&self, case: &Case<'_>) -> Confidence {
        let words = has_local_words(case);
        let is_held = self.kernel.says().is_some();
        let corroborated = words || is_held || fresh_port(case).is_some() || recovered(case).is_some();
        match (case.would_show_server_syn(), words) {
            _ if self.is_held_through() => Confidence::Proven,
            (true, _) if corroborated => Confidence::Proven,
            (true, _) | (false, true) => Confidence::Probable,
            (false, false) => Confidence::Possible,
        }
    }

    /// Who holds the tuple, since when and for how long, a sentence part.
    pub fn story(&self, case: &Case<'_>) -> String {
        let why = match self.holder {
            Holder::One(_) => "it closed the previous connection first",
            Holder::Both => "both ends closed the previous connection at once",
        };
        format!(
            "{} failed because the server still has {} -> {} in TIME-WAIT: {why}, {:.1} s earlier (frame {}), and TIME-WAIT lasts {}",
            case.transfer().map_or("the transfer", |transfer| &transfer.command.name),
            self.previous.origin,
            self.previous.target,
            self.age,
            self.since.number,
            self.bite.lasts,
        )
    }

    /// The packets that show it, and what corroborates it.
    pub fn evidence(&self, case: &Case<'_>) -> Vec<Evidence> {
        let (from, to) = (self.previous.origin, self.previous.target);
        let mut all = lines::close(self.previous);
        all.push(Evidence::sent(self.since, from, to, "last ACK of the earlier connection: TIME-WAIT begins"));
        all.extend(timers::evidence(case));
        all.extend(
            fresh_port(case).map(|one| Evidence::sent(one.at, one.from, one.to, "a new port works in that time")),
        );
        if let Some((at, age)) = recovered(case) {
            let note = format!("the same 5-tuple works again {age:.1} s after the close: TIME-WAIT has ended");
            all.push(Evidence::sent(at, from, to, note));
        }
        all
    }
}

/// What the server's kernel says of the 5-tuple of a connection that it opened, at the moment of the reply.
fn asked(case: &Case<'_>, connection: &Connection, since: Stamp) -> Answer<Tuple> {
    let Some((_, reply)) = case.report() else { return Answer::Silent };
    let moment =
        Moment { closed: Some(since.time), wanted: reply.at().time, is_here: case.vantage.is_here(Party::Server) };
    case.policy.facts.tuple(connection.origin, connection.target, moment)
}

/// What else was considered, and the fact that refutes it.
pub fn ruled_out(case: &Case<'_>) -> Vec<RuledOut> {
    let mut all = Vec::new();
    let mut refuted = |diagnosis, why: &str| all.push(RuledOut { diagnosis, why: why.to_owned() });
    refuted(tuple_still_open::NAME, "both FINs of the earlier connection were acknowledged");
    if case.would_show_server_syn() {
        refuted(data_syn_unanswered::NAME, "no data SYN lies between the command and the reply");
        refuted(data_syn_refused::NAME, "no RST came from the client: nothing was sent to it");
        let asked = case
            .window()
            .zip(case.offer().and_then(|offer| offer.socket))
            .and_then(|((from, until), socket)| case.network.unanswered_queries(socket.ip(), from, until));
        if asked.is_none() {
            refuted(data_arp_unresolved::NAME, "no unanswered ARP or ND request for the client in that time");
        }
    }
    all
}

/// Why a tuple held by the server does not explain a transfer that failed without a SYN.
pub fn why_not(case: &Case<'_>) -> Option<RuledOut> {
    let transfer = case.transfer()?;
    let why = match active(case).map(|earlier| (earlier, earlier.close)) {
        None => "this capture shows no earlier connection on the 5-tuple".to_owned(),
        Some((_, Close::Reset { at, .. })) => {
            format!(
                "the earlier connection on the 5-tuple was reset (frame {}): neither side is in TIME-WAIT",
                at.number
            )
        }
        Some((_, Close::TimeWait { holder: Holder::One(End::Target), since, .. })) => {
            format!(
                "the client closed the earlier connection first (frame {}): the server is not in TIME-WAIT",
                since.number
            )
        }
        Some((earlier, Close::TimeWait { since, .. })) => {
            let age = transfer.at().age_of(since);
            if let Answer::Says(Tuple::Free, said) = asked(case, earlier.connection, since) {
                format!("the server's kernel reports: {} ({})", said.fact, said.source)
            } else if reused_younger(case, earlier, age) {
                "the same 5-tuple was used again successfully after a shorter time".to_owned()
            } else if two_msl::bite_of_server(case, age).is_none() {
                format!("the earlier connection on the 5-tuple ended {age:.0} s earlier: TIME-WAIT is over")
            } else {
                "the reply names another cause".to_owned()
            }
        }
        Some((_, Close::Open | Close::Half { .. })) => return None,
    };
    Some(RuledOut { diagnosis: time_wait_collision::NAME, why })
}

/// The earlier connection on the tuple that the server was to open.
pub fn active<'a>(case: &Case<'a>) -> Option<&'a Earlier<'a>> {
    let passive = case.concluded.in_force().is_some() && case.active_offer().is_none();
    case.concluded.earlier.as_ref().filter(|_| !passive)
}

/// Whether the server's own words name a local address.
pub fn has_local_words(case: &Case<'_>) -> bool {
    case.meaning().is_some_and(|meaning| meaning.condition == Condition::LocalAddressError)
}

fn one_lower(confidence: Confidence) -> Confidence {
    match confidence {
        Confidence::Proven => Confidence::Probable,
        Confidence::Probable | Confidence::Possible => Confidence::Possible,
    }
}

/// A reply that names another cause.
fn speaks_of_something_else(case: &Case<'_>) -> bool {
    case.meaning().is_some_and(|meaning| {
        !matches!(meaning.condition, Condition::LocalAddressError | Condition::ConnectFailed | Condition::ServerError)
    })
}

/// Whether the same tuple was opened again with success at a younger age: then TIME-WAIT does not bite there.
fn reused_younger(case: &Case<'_>, earlier: &Earlier<'_>, age: Interval) -> bool {
    case.flows.history(&earlier.connection.key).filter(|later| later.established.is_some()).any(|later| {
        let before = later.previous.and_then(|id| case.flows.connection(id));
        before.is_some_and(|before| match before.close_before(later.first) {
            Close::TimeWait { since: then, holder, .. } => {
                holder.includes(End::Origin) && later.first.age_of(then) < age
            }
            Close::Open | Close::Half { .. } | Close::Reset { .. } => false,
        })
    })
}

/// A connection to a fresh port that worked behind a failure on the held tuple, while it was still held.
fn fresh_port(case: &Case<'_>) -> Option<Sent> {
    let Close::TimeWait { since, .. } = active(case)?.close else { return None };
    let failures = failures(case);
    let first_failure = *failures.get(failures.partition_point(|at| *at <= since))?;
    let (at, connection) = case.siblings.served_elsewhere(socket(case), first_failure)?;
    two_msl::bite_of_server(case, at.age_of(since)).map(|_| connection)
}

/// The transfers of the session that failed on the tuple without a SYN, in order.
fn failures<'a>(case: &Case<'a>) -> &'a [Stamp] {
    case.siblings.failures(socket(case))
}

/// What tells the tuple of one transfer from that of another: the socket that the offer in force names.
fn socket(case: &Case<'_>) -> Option<SocketAddr> {
    case.concluded.in_force().and_then(|offer| offer.socket)
}

/// The first success on the tuple behind its failures and its age, if that is when a usual TIME-WAIT ends.
fn recovered(case: &Case<'_>) -> Option<(Stamp, Interval)> {
    let earlier = active(case)?;
    let Close::TimeWait { since, .. } = earlier.close else { return None };
    let last_failure = failures(case).last().map_or(-Interval::MAX, |at| at.age_of(since));
    let success = case.flows.history(&earlier.connection.key).filter(|later| later.established.is_some());
    let (at, age) = success
        .map(|later| (later.first, later.first.age_of(since)))
        .filter(|(_, age)| *age > last_failure)
        .min_by_key(|(_, age)| *age)?;
    // The last failure lies within the limit and the success not before its end: it was this limit that ran out.
    let ends = |limit: Interval| last_failure <= limit + two_msl::COARSE && age >= limit - Interval::seconds(1);
    let known = two_msl::known(case, case.session.server.ip()).map(|(length, _)| length);
    let fits = known.map_or_else(|| two_msl::DEFAULTS.iter().any(|(limit, _)| ends(*limit)), ends);
    (fits && age - last_failure <= RECOVERY_SPAN).then_some((at, age))
}
