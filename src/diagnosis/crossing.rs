//! What a capture on both sides of a router, firewall or NAT shows of a data SYN: whether it left where the control
//! connection and other data connections leave.
//!
//! By what the sender chose (numbers, timestamps) and never by addresses, which a NAT rewrites. Absence counts only where
//! the far side is seen to show such packets, before and behind, and the capture lost none.

use super::case::Case;
pub use super::witnesses::What;
use super::witnesses::Witnesses;
use super::{lines, neighbours};
use crate::finding::{Evidence, Route};
use crate::flow::{Connection, ConnectionId, End, Side, SynSeen};
use crate::frame::Stamp;
use crate::network::Place;
use crate::record::AttemptOutcome;
use crate::transfer::OtherView;
use crate::transfer::attempt::{Aim, Attempt};

/// A data SYN, or its SYN-ACK, that came in on one side and did not leave on the other.
pub struct Lost<'a> {
    /// The attempt, as it is seen where its SYN comes in.
    pub attempt: Attempt<'a>,
    /// What was lost.
    pub what: What,
    /// The connection as it is seen on the other side, if it is another one there.
    far: Option<&'a Connection>,
    /// Where what was lost came in, and where it should have left.
    sides: [Option<Side>; 2],
    /// Data connections that do cross, opened by the same host.
    pub witnesses: &'a Witnesses,
}

/// The data connection of a failed transfer that got lost between the two sides of this capture.
pub fn lost<'a>(case: &Case<'a>) -> Option<Lost<'a>> {
    let whole = |control: &Connection| control.from_origin.gaps().is_empty() && control.from_target.gaps().is_empty();
    if !case.failed_for_want_of_data() || case.scene.lacks().is_some() || !whole(case.control) {
        return None;
    }
    match &case.session.other_view {
        Some(other) if other.is_whole => translated(case, other),
        Some(_) => None,
        None => case.concluded.attempts.iter().find_map(|attempt| forwarded(case, attempt)),
    }
    .filter(|lost| !lost.witnesses.are_none())
}

/// Whether the SYN is seen on both sides.
pub fn crossed(connection: &Connection) -> bool {
    connection.elsewhere().is_some() || connection.from_origin.crossing().is_some()
}

fn is_silent(attempt: &Attempt<'_>) -> bool {
    attempt.outcome() == AttemptOutcome::Unanswered && attempt.connection.syn_count >= 2
}

/// Whether SYN-ACKs are seen on the far side only, more than one, or one and the SYN again.
fn is_unheard(attempt: &Attempt<'_>, far: &Connection) -> bool {
    let again = far.syn_acks.len() >= 2 || attempt.connection.syn_count >= 2;
    attempt.outcome() == AttemptOutcome::Unanswered && !far.syn_acks.is_empty() && far.established.is_none() && again
}

/// The data connections of the session that were tried on the other side of a NAT.
pub fn seen_there<'a>(case: &Case<'a>) -> impl Iterator<Item = Attempt<'a>> {
    let other = case.session.other_view.as_ref();
    other.into_iter().flat_map(|other| other.attempts.values()).flatten().filter_map(|id| attempt(case, *id))
}

fn attempt<'a>(case: &Case<'a>, id: ConnectionId) -> Option<Attempt<'a>> {
    let connection = case.flows.connection(id)?;
    let previous = connection.previous.and_then(|id| case.flows.connection(id));
    Some(Attempt { connection, previous, aim: Aim::Elsewhere })
}

/// First and last SYN.
fn span(connection: &Connection) -> Option<(Stamp, Stamp)> {
    Some((connection.syns.first()?.at, connection.syns.last()?.at))
}

/// Whether the session is seen here on its client's side of the NAT.
pub fn is_client_side(case: &Case<'_>, other: &OtherView) -> bool {
    other.is_server_side(case.control.syns.first().map(|syn| syn.ttl), case.session.first)
}

/// Both sides are a NAT's, and the session was seen twice.
fn translated<'a>(case: &Case<'a>, other: &OtherView) -> Option<Lost<'a>> {
    let here_is_server_side = !is_client_side(case, other);
    let number = case.transfer().map(|transfer| transfer.id);
    let there = number.and_then(|number| other.attempts.get(&number)).into_iter().flatten();
    let there = there.filter_map(|id| Some((attempt(case, *id)?, false)));
    let here = case.concluded.attempts.iter().map(|attempt| (*attempt, true));
    here.chain(there).find_map(|(attempt, here)| {
        let client = if here { case.session.client } else { other.client };
        let by_client = attempt.from().ip() == client.ip();
        let at_server_side = here == here_is_server_side;
        let (first, last) = span(attempt.connection)?;
        let seen = |begins: Stamp, ends: Stamp| begins < first && ends > last;
        if at_server_side == by_client || !seen(case.session.first, case.session.last) || !seen(other.first, other.last)
        {
            return None;
        }
        let far = attempt.connection.elsewhere().and_then(|id| case.flows.connection(id));
        let what = match (attempt.connection.elsewhere(), far) {
            (None, _) if is_silent(&attempt) => What::Syn,
            (Some(_), Some(far)) if is_unheard(&attempt, far) => What::SynAck,
            (None | Some(_), _) => return None,
        };
        let own = case.control.syns.first().map(SynSeen::side);
        let sides = if here { [own, other.side] } else { [other.side, own] };
        let sides = if what == What::Syn { sides } else { [sides[1], sides[0]] };
        let witnesses = witnesses(case, by_client, what, |witness| {
            let twin = case.flows.connection(witness.elsewhere()?)?;
            let both = what == What::Syn || (witness.established.is_some() && twin.established.is_some());
            let [one, two] = [witness.first, twin.first];
            both.then_some([one.min(two), one.max(two)])
        })?;
        Some(Lost { attempt, what, far, sides, witnesses })
    })
}

/// Both sides are a router's or bridge's, and each packet was seen twice.
fn forwarded<'a>(case: &Case<'a>, attempt: &Attempt<'a>) -> Option<Lost<'a>> {
    let connection = attempt.connection;
    let by_client = attempt.from().ip() == case.session.client.ip();
    let opener = if by_client { case.client_end() } else { case.client_end().peer() };
    let usual = case.control.half(opener).crossing()?;
    let answers = case.control.half(opener.peer()).crossing()?;
    let (first, last) = span(connection)?;
    if !usual.spans(first, last) || !answers.spans(first, last) {
        return None;
    }
    let mut syns = connection.syns.iter().map(SynSeen::side);
    let mut syn_acks = connection.syn_acks.iter().map(SynSeen::side);
    let (what, sides) = match connection.from_origin.crossing() {
        None if is_silent(attempt) && syns.all(|side| side == usual.from) => (What::Syn, [usual.from, usual.to]),
        Some(_) if attempt.outcome() == AttemptOutcome::Aborted && connection.syn_acks.len() >= 2 => {
            let from = syn_acks.next()?;
            if connection.from_target.crossing().is_some() || from == usual.from || syn_acks.any(|side| side != from) {
                return None;
            }
            (What::SynAck, [from, usual.from])
        }
        None | Some(_) => return None,
    };
    let end = if what == What::Syn { End::Origin } else { End::Target };
    // Where they leave is told by the control connection, so it is the same for all of these attempts.
    let witnesses = witnesses(case, by_client, what, |witness| {
        let crossing = witness.half(end).crossing()?;
        (crossing.to == sides[1]).then_some(crossing.first)
    })?;
    let sides = sides.map(Some);
    Some(Lost { attempt: *attempt, what, far: None, sides, witnesses })
}

/// The data connections of the session that the client, or else the server, opened, which cross at the frames that
/// `crosses` tells. That must be the same for all attempts of one opener of which the same was lost.
fn witnesses<'a>(
    case: &Case<'a>,
    by_client: bool,
    what: What,
    crosses: impl Fn(&Connection) -> Option<[Stamp; 2]>,
) -> Option<&'a Witnesses> {
    let client = case.session.client.ip();
    case.siblings.witnesses(by_client, what, |all| {
        let data = all.iter().flat_map(|one| &one.attempts).map(|attempt| attempt.connection);
        let data = data.filter(|one| !one.syns.is_empty() && (one.origin.ip() == client) == by_client);
        let mut witnesses = Witnesses::default();
        data.filter_map(|one| Some((one, crosses(one)?))).for_each(|(one, at)| witnesses.add(one, what, at));
        witnesses
    })
}

impl Lost<'_> {
    /// Whether the very 5-tuple is seen to cross at another time: then nothing about it hides it from the far side.
    pub fn same_tuple_crosses(&self) -> bool {
        self.witnesses.have_tuple(&self.attempt.connection.key)
    }

    /// What happened, a clause.
    pub fn told(&self, case: &Case<'_>) -> String {
        let [one, other] = places(case, self.sides);
        let (from, to) = (self.attempt.from(), self.attempt.to());
        match self.what {
            What::Syn => {
                let count = self.attempt.connection.syn_count;
                format!("the SYN {from} -> {to} came in {one} {count} times and never left {other}")
            }
            What::SynAck => {
                format!("the SYN {from} -> {to} got through, but the SYN-ACK that came in {one} never left {other}")
            }
        }
    }

    /// The frames in which it came in.
    pub fn came_in(&self) -> Option<Evidence> {
        match self.what {
            What::Syn => lines::syns(&self.attempt),
            What::SynAck => {
                let answered = self.far.unwrap_or(self.attempt.connection);
                let frames = answered.syn_acks.iter().map(|seen| seen.at).collect();
                let route = Route { from: answered.target, to: answered.origin };
                Evidence::seen_all(frames, Some(route), "SYN-ACK")
            }
        }
    }

    /// That it did not leave, and what did.
    pub fn did_not_leave(&self, case: &Case<'_>) -> Vec<Evidence> {
        let began = self.attempt.at();
        let until = case.window().map_or(self.attempt.connection.last, |(_, until)| until);
        let what = if self.what == What::Syn { "SYN" } else { "SYN-ACK" };
        let note = match self.sides[1] {
            Some(side) => format!("this {what} does not leave on {}", named(case, side)),
            None => format!("this {what} does not leave"),
        };
        let missing = Evidence::missing(began, until.max(self.attempt.connection.last), note);
        let witnesses = self.witnesses.last().flat_map(|(route, [came, left])| {
            [
                Evidence::sent(*came, route.from, route.to, "this data connection comes in"),
                Evidence::seen(*left, "and leaves"),
            ]
        });
        std::iter::once(missing).chain(witnesses).collect()
    }
}

/// Where both sides are, in words.
pub fn places(case: &Case<'_>, sides: [Option<Side>; 2]) -> [String; 2] {
    match sides.map(|side| side.map(|side| named(case, side))) {
        [Some(one), Some(other)] if one != other => [format!("on {one}"), format!("on {other}")],
        _ => ["on one side".to_owned(), "on the other".to_owned()],
    }
}

fn named(case: &Case<'_>, side: Side) -> String {
    let capture = case.scene.begins.capture;
    let Side { interface, if_index, wrapping } = side;
    neighbours::interface(case.scene.captures, Place { capture, interface, wrapping, if_index })
}
