//! What reports draw of a session beside its dialogue: its connections.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use crate::diagnosis::data_syn_icmp_rejected::meaning;
use crate::diagnosis::two_msl;
use crate::finding::TransferId;
use crate::flow::{Close, Connection, ConnectionId, End, Table};
use crate::frame::{Interval, Stamp};
use crate::record::trace::{ConnectionTrace, DialogueSide, Does, Packet, Part, Peer, TimeWait};
use crate::transfer::Direction;
use crate::transfer::concluded::Concluded;
use crate::transfer::session::Session;

/// The connections of a session, the control connection first. `time_wait` is its length, if it is known.
pub(super) fn connections(
    session: &Session,
    concluded: &[Concluded<'_>],
    flows: &Table,
    time_wait: Option<Interval>,
) -> Vec<ConnectionTrace> {
    let one_host = session.client.ip() == session.server.ip();
    let offers = session.offers.iter().filter(|_| one_host);
    // Of several offers of one socket the newest counts.
    let announced = offers.filter_map(|offer| Some((offer.socket?, offer.direction))).collect();
    let tracer = Tracer {
        session,
        announced,
        lasts: time_wait.map_or((two_msl::MACOS, two_msl::NOMINAL), |lasts| (lasts, lasts)),
    };
    tracer.connections(concluded, flows)
}

struct Tracer<'a> {
    session: &'a Session,
    /// Where client and server are one host: who is to connect to the sockets that were announced.
    announced: HashMap<SocketAddr, Direction>,
    /// At least and at most, in seconds.
    lasts: (Interval, Interval),
}

impl Tracer<'_> {
    fn connections(&self, concluded: &[Concluded<'_>], flows: &Table) -> Vec<ConnectionTrace> {
        let earlier = concluded.iter().filter_map(|one| one.earlier.as_ref().map(|earlier| earlier.connection));
        let previous = concluded.iter().flat_map(|one| &one.attempts).filter_map(|attempt| attempt.previous);
        let wanted: Vec<&Connection> = earlier.chain(previous).collect();
        let wanted_again: HashSet<ConnectionId> = wanted.iter().map(|connection| connection.id).collect();

        let mut parts: Vec<(&Connection, Part, Option<DialogueSide>)> = Vec::new();
        for one in concluded {
            let transfer: Option<TransferId> = one.transfer.map(|transfer| transfer.id);
            for attempt in &one.attempts {
                parts.push((attempt.connection, Part::Data(transfer), self.opener(attempt.connection)));
            }
        }
        for connection in wanted {
            parts.push((connection, Part::Earlier, self.opener(connection)));
        }
        // A connection that served one transfer and stood in the way of another is told once, as the former.
        let mut told = HashSet::new();
        parts.retain(|(connection, _, _)| told.insert(connection.id));
        parts.sort_by_key(|(connection, _, _)| connection.first);
        let control = flows.connection(self.session.control);
        let side = control.and_then(|control| control.end_of(self.session.client)).map(|end| match end {
            End::Origin => DialogueSide::Client,
            End::Target => DialogueSide::Server,
        });
        let control = control.map(|control| (control, Part::Control, side));
        control
            .into_iter()
            .chain(parts)
            .map(|(connection, part, opener)| {
                self.trace(connection, part, opener, wanted_again.contains(&connection.id))
            })
            .collect()
    }

    /// Whose side opened a data connection, where the address does not tell: on one host, by the port it came from.
    fn opener(&self, connection: &Connection) -> Option<DialogueSide> {
        let (client, server) = (self.session.client.ip(), self.session.server.ip());
        let from = connection.origin.ip();
        if client != server {
            return match from {
                _ if from == client => Some(DialogueSide::Client),
                _ if from == server => Some(DialogueSide::Server),
                _ => None,
            };
        }
        let direction = self.announced.get(&connection.target)?;
        Some(if *direction == Direction::Active { DialogueSide::Server } else { DialogueSide::Client })
    }

    fn trace(
        &self,
        connection: &Connection,
        part: Part,
        opener: Option<DialogueSide>,
        wanted_again: bool,
    ) -> ConnectionTrace {
        let time_wait = self.time_wait(connection, wanted_again);
        let other = match opener {
            Some(DialogueSide::Client) => DialogueSide::Server,
            Some(DialogueSide::Server) | None => DialogueSide::Client,
        };
        let (client, server) = (self.session.client.ip(), self.session.server.ip());
        let target = match connection.target.ip() {
            _ if client == server => opener.map(|_| other),
            ip if ip == client => Some(DialogueSide::Client),
            ip if ip == server => Some(DialogueSide::Server),
            _ => None,
        };
        ConnectionTrace {
            part,
            origin: Peer { socket: connection.origin, side: opener },
            target: Peer { socket: connection.target, side: target },
            packets: packets(connection, part, time_wait.map(|held| held.since)),
            bytes: connection.from_origin.bytes.saturating_add(connection.from_target.bytes),
            smooth: is_smooth(connection),
            time_wait,
        }
    }

    fn time_wait(&self, connection: &Connection, wanted_again: bool) -> Option<TimeWait> {
        let Close::TimeWait { holder, since, .. } = connection.close() else { return None };
        let (least, most) = self.lasts;
        Some(TimeWait {
            by_origin: holder.includes(End::Origin),
            by_target: holder.includes(End::Target),
            since,
            at_least: since.time.plus(least),
            at_most: since.time.plus(most),
            wanted_again,
        })
    }
}

/// Opened at the first SYN, closed by both, and nothing odd between.
fn is_smooth(connection: &Connection) -> bool {
    connection.established.is_some()
        && connection.syn_count <= 1
        && connection.rsts.is_empty()
        && connection.icmp.is_empty()
        && connection.stale_acks.is_empty()
        && connection.both_fins_acked()
}

/// What opens, breaks and closes a connection, in order of time.
fn packets(connection: &Connection, part: Part, held_since: Option<Stamp>) -> Vec<Packet> {
    let mut packets = Vec::new();
    let mut add = |at: Stamp, by: End, does: Does| packets.push(Packet { at, by_origin: by == End::Origin, does });
    for (index, syn) in connection.syns.iter().enumerate() {
        add(syn.at, End::Origin, Does::Syn { again: index > 0 });
    }
    for syn_ack in &connection.syn_acks {
        add(syn_ack.at, End::Target, Does::SynAck);
    }
    if let Some(at) = connection.established {
        add(at, End::Origin, Does::Established);
    }
    for ack in &connection.stale_acks {
        add(ack.at, ack.from, Does::StaleAck);
        // The RST with which its receiver rejects it is booked on the connection it belongs to.
        if let Some(reset) = ack.reset {
            add(reset, ack.from.peer(), Does::Rst);
        }
    }
    for rst in &connection.rsts {
        add(rst.at, rst.from, Does::Rst);
    }
    for icmp in &connection.icmp {
        add(icmp.at, icmp.about, Does::Icmp { from: icmp.from, meaning: meaning(&icmp.error) });
    }
    for end in [End::Origin, End::Target] {
        let half = connection.half(end);
        if let Some(at) = half.first_data.filter(|_| part != Part::Control) {
            add(at, end, Does::Data(half.bytes));
        }
        if let Some(fin) = &half.fin {
            add(fin.at, end, Does::Fin);
            let last = fin.acked.filter(|acked| Some(*acked) == held_since);
            if let Some(at) = last {
                add(at, end.peer(), Does::LastAck);
            }
        }
    }
    packets.sort_by_key(|packet| packet.at);
    // The ACK that opens may carry data, a FIN may acknowledge the other one: one frame is told once for each end.
    packets.dedup_by(|later, earlier| {
        later.at == earlier.at
            && later.by_origin == earlier.by_origin
            && matches!(later.does, Does::LastAck | Does::Rst)
    });
    packets
}
