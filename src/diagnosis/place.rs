//! Where the fault of a finding is, as far as the capture shows it, and what follows for what is said of it.
//!
//! A diagnosis knows which part of the session failed: a host, its filter, the way between. Which of them is this host
//! depends on where the session was captured. In one place for all diagnoses: what stands in no line here is not known.

use std::net::IpAddr;

use super::case::{Case, SessionCase};
use super::data_syn_refused::{self, Sender};
use super::{
    alg_broken_rewrite, control_closed_early, control_unanswered, data_port_bind_contention, data_syn_icmp_rejected,
    data_syn_lost_in_transit, data_syn_never_sent, data_syn_not_seen, data_syn_unanswered, data_wrong_destination,
    data_wrong_source_address, pasv_client_never_connects, pasv_connect_failed, pasv_malformed, pasv_ports_exhausted,
    pasv_syn_not_seen, port_address_unusable, port_malformed, port_nat_unrewritten, port_wrong_interface,
    time_wait_collision, time_wait_passive_reuse, timers,
};
use crate::finding::{DiagnosisName, Finding, Party, Severity, Where};
use crate::flow::Connection;
use crate::record::AttemptOutcome;
use crate::transfer::Direction;
use crate::transfer::attempt::{Aim, Attempt};
use crate::vantage::Vantage;

/// What is known of SYNs that were sent here and not answered.
const LEFT: &str = "the SYNs left this host";

/// The part of a session that is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// A host: its program, its routes, its TCP; where it refuses, perhaps its filter.
    Host(Party),
    /// The filter of a host, or its queue of connections.
    Filter(Party),
    /// What lies between.
    Path,
}

use Party::{Client, Server};

/// Says where the fault of a transfer's finding is.
pub fn of_transfer(case: &Case<'_>, finding: &mut Finding) {
    let unanswered = matches!(finding.diagnosis, data_syn_unanswered::NAME | pasv_connect_failed::NAME);
    let silent = untaken(case).filter(|attempt| unanswered && attempt.outcome() == AttemptOutcome::Unanswered);
    settle(finding, part_of_transfer(case, finding.diagnosis), case.vantage, silent.is_some());
    let host = case.vantage.this_host().map(|end| host(case, end));
    if silent.is_some_and(|attempt| Some(attempt.from().ip()) == host) {
        add(finding, LEFT);
    }
}

/// Says where the fault of a session's finding is.
pub fn of_session(case: &SessionCase<'_>, finding: &mut Finding) {
    let control = case.control;
    let attempt = Attempt { connection: control, previous: None, aim: Aim::Elsewhere };
    let unanswered = finding.diagnosis == control_unanswered::NAME;
    let part = match finding.diagnosis {
        control_unanswered::NAME => answered(&attempt, case.vantage, Server, control),
        control_closed_early::NAME => Some(Part::Host(Server)),
        _ => None,
    };
    let silence = unanswered && attempt.outcome() == AttemptOutcome::Unanswered;
    settle(finding, part, case.vantage, silence);
    if silence && case.vantage.is_here(Client) {
        add(finding, LEFT);
    }
}

fn part_of_transfer(case: &Case<'_>, diagnosis: DiagnosisName) -> Option<Part> {
    match diagnosis {
        time_wait_collision::NAME | data_port_bind_contention::NAME | pasv_ports_exhausted::NAME => {
            Some(Part::Host(Server))
        }
        time_wait_passive_reuse::NAME => Some(Part::Host(Client)),
        // Seen from elsewhere, a device between may have written it.
        data_wrong_source_address::NAME | data_wrong_destination::NAME | pasv_malformed::NAME => {
            written_here(case, Server)
        }
        port_wrong_interface::NAME | port_address_unusable::NAME | port_malformed::NAME => written_here(case, Client),
        port_nat_unrewritten::NAME | alg_broken_rewrite::NAME | data_syn_lost_in_transit::NAME => Some(Part::Path),
        data_syn_never_sent::NAME => leaves_by_here(case).then_some(Part::Host(Server)),
        pasv_client_never_connects::NAME => leaves_by_here(case).then_some(Part::Host(Client)),
        data_syn_not_seen::NAME => arrives_not(case, Client).filter(|_| !timers::is_fast(case)),
        pasv_syn_not_seen::NAME => arrives_not(case, Server).or_else(|| stopped_within(case)),
        data_syn_unanswered::NAME | data_syn_icmp_rejected::NAME => tried(case, Client),
        data_syn_refused::NAME => refused(case),
        pasv_connect_failed::NAME => tried(case, Server),
        _ => None,
    }
}

/// A host that was captured on itself, before anything could change what it sent.
fn written_here(case: &Case<'_>, at: Party) -> Option<Part> {
    case.vantage.is_here(at).then_some(Part::Host(at))
}

/// Whether the data connection was announced between the hosts of the control connection. Then its SYN takes the way of
/// that; to or from another address there may be another interface.
fn leaves_by_here(case: &Case<'_>) -> bool {
    let Some(offer) = case.concluded.in_force() else { return false };
    let host = match offer.direction {
        Direction::Active => case.session.client.ip(),
        Direction::Passive => case.session.server.ip(),
    };
    let both_ways = case.control.from_origin.segments > 0 && case.control.from_target.segments > 0;
    both_ways && offer.socket.is_some_and(|socket| socket.ip().to_canonical() == host.to_canonical())
}

/// A SYN that did not come to the host it was for: what stopped it stands before that host and its filter.
fn arrives_not(case: &Case<'_>, at: Party) -> Option<Part> {
    let shown = case.vantage.is_here(at) && case.scene.shows_more_than_control;
    (shown && !is_on_both_sides(case.control) && leaves_by_here(case)).then_some(Part::Path)
}

/// Whether packets of it were captured twice on their way, of which one place at most is this host.
fn is_on_both_sides(connection: &Connection) -> bool {
    connection.from_origin.crossing().is_some() || connection.from_target.crossing().is_some()
}

/// A client on this host that waited as long as a system tries to connect, and whose SYNs did not leave it.
fn stopped_within(case: &Case<'_>) -> Option<Part> {
    let waited = case.gave_up && case.waited().is_some_and(|waited| timers::connect_given_up(waited).is_some());
    let here = case.vantage.is_here(Client) && case.scene.shows_more_than_control;
    (here && waited && leaves_by_here(case)).then_some(Part::Filter(Client))
}

/// What became of the data connection that was tried with that end.
fn tried(case: &Case<'_>, target: Party) -> Option<Part> {
    let attempt = untaken(case)?;
    let part = answered(attempt, case.vantage, target, case.control)?;
    (part == Part::Path || attempt.to().ip() == host(case, target)).then_some(part)
}

/// The first data connection that was tried and did not come to be.
fn untaken<'a>(case: &Case<'a>) -> Option<&'a Attempt<'a>> {
    case.concluded.attempts.iter().find(|attempt| !attempt.is_established())
}

/// The address of an end of the control connection.
fn host(case: &Case<'_>, end: Party) -> IpAddr {
    if end == Client { case.session.client.ip() } else { case.session.server.ip() }
}

/// Where a SYN to `target` ended, by what answered it.
fn answered(attempt: &Attempt<'_>, vantage: &Vantage, target: Party, control: &Connection) -> Option<Part> {
    let is_here = vantage.is_here(target) && comes_here(attempt, control);
    match attempt.outcome() {
        AttemptOutcome::Unanswered => is_here.then_some(Part::Filter(target)),
        // Whether the host itself refuses, its own tap shows.
        AttemptOutcome::Refused => is_here.then_some(Part::Host(target)),
        AttemptOutcome::Icmp => {
            let icmp = attempt.icmp()?;
            let elsewhere = icmp.from != attempt.from().ip();
            if icmp.from != attempt.to().ip() {
                return elsewhere.then_some(Part::Path);
            }
            // Other codes are those of a NAT whose inner host is gone.
            let error = &icmp.error;
            let filters = matches!((error.v6, error.kind, error.code), (false, 3, 3 | 9 | 10 | 13) | (true, 1, 1 | 4));
            filters.then_some(Part::Filter(target))
        }
        AttemptOutcome::Established
        | AttemptOutcome::Challenged
        | AttemptOutcome::Aborted
        | AttemptOutcome::Unknown => None,
    }
}

/// Whether a SYN to this host comes as far as its control connection: seen as often, and sent to the MAC that it has.
fn comes_here(attempt: &Attempt<'_>, control: &Connection) -> bool {
    let (to, syn) = (attempt.to().ip(), attempt.connection.syns.first());
    let ends = [(control.origin.ip(), &control.from_origin), (control.target.ip(), &control.from_target)];
    let own = ends.into_iter().find(|(ip, _)| *ip == to).and_then(|(_, half)| half.first_mac);
    let astray = syn.and_then(|syn| syn.link.destination).zip(own).is_some_and(|(sent, own)| sent != own);
    !astray && (!is_on_both_sides(control) || is_on_both_sides(attempt.connection))
}

/// Who refused the server's SYN by a RST.
fn refused(case: &Case<'_>) -> Option<Part> {
    match data_syn_refused::by_whom(case)? {
        Sender::Host => Some(Part::Host(Client)),
        Sender::OnTheWay(_) => Some(Part::Path),
        Sender::Unknown => None,
    }
}

/// The part as it is seen from this host, which is one end of the session.
fn seen_from(part: Part, vantage: &Vantage) -> Option<Where> {
    let is_here = |end| vantage.this_host().map(|here| here == end);
    match part {
        Part::Host(end) => is_here(end).map(|here| if here { Where::ThisHost } else { Where::OtherHost }),
        Part::Filter(end) => is_here(end).map(|here| if here { Where::ThisFilter } else { Where::OtherFilter }),
        Part::Path => Some(Where::Path),
    }
}

/// Books where it is, says so in the headline of an error, and drops what cannot help there: nothing on the way does where
/// a host is at fault.
fn settle(finding: &mut Finding, part: Option<Part>, vantage: &Vantage, silence: bool) {
    let Some(part) = part else { return };
    finding.place = seen_from(part, vantage);
    let Some(place) = finding.place else { return };
    if place != Where::Path {
        finding.remedies.retain(|remedy| remedy.side != Party::Network);
    }
    if finding.severity == Severity::Error {
        add(finding, headline(finding.diagnosis, place, silence));
    }
}

/// What the headline says of it, a sentence part.
fn headline(diagnosis: DiagnosisName, place: Where, silence: bool) -> &'static str {
    match (diagnosis, place) {
        (data_syn_never_sent::NAME | pasv_client_never_connects::NAME, Where::ThisHost) => {
            "this host did not send it: its route, its OUTPUT rules or bind()"
        }
        (_, Where::ThisFilter) if silence => {
            "the SYNs arrived at this host: its filter or its backlog, not the network"
        }
        (pasv_syn_not_seen::NAME, Where::ThisFilter) => "no SYN left this host: probably its OUTPUT rules",
        (data_syn_not_seen::NAME | pasv_syn_not_seen::NAME, Where::Path) => {
            "neither this host nor its filter: something in front of it"
        }
        (_, Where::ThisHost) => "the fault is on this host",
        (_, Where::OtherHost) => "the fault is on the other host",
        (_, Where::ThisFilter) => "the fault is in this host's filter",
        (_, Where::OtherFilter) => "the fault is in the other host's filter",
        (_, Where::Path) => "the fault is in the network between the hosts",
    }
}

fn add(finding: &mut Finding, what: &str) {
    finding.message = format!("{}; {what}", finding.message);
}
