//! `path-mtu-blackhole`

use std::net::{IpAddr, SocketAddr};

use super::case::{Case, SessionCase, cap};
use super::{Draft, lines};
use super::capture_drops;
use crate::finding::{Confidence, Evidence, Finding, Party, Route, Severity};
use crate::flow::{Connection, End, Half, Stuck};
use crate::frame::Stamp;
use crate::transfer::session::Session;
use crate::vantage::Vantage;

/// A packet that was sent this often and never acknowledged is not lost by chance.
const SENT: usize = 4;

/// Likewise where its bytes arrive in smaller packets.
const SENT_BEFORE_SMALLER: usize = 3;

/// Packets of up to this size pass any path, in bytes: RFC 791 3.2 and RFC 8200 5.
const ALWAYS_PASSES: [u32; 2] = [576, 1280];

/// What the headers of IP and TCP take at least, in bytes: a segment of the size that the peer named fills a packet.
const HEADERS: [u32; 2] = [40, 60];

/// Frames cited.
const CITED: usize = 8;

diagnosis! {
    /// Large packets are lost, small ones pass, and no ICMP message reaches the sender: the path MTU is smaller than
    /// the sender assumes, and path MTU discovery cannot work.
    ///
    /// Needs: one full segment that is sent four times or more and never acknowledged (or three times, and its bytes
    /// arrive in smaller segments); no packet of that size from that host acknowledged; and something smaller that
    /// passes in that time, on the data or the control connection.
    ///
    /// Helps: a tunnel, VPN or PPPoE on the path; an interface with a smaller MTU.
    ///
    /// Refuted by: ICMP 3/4 (IPv6: packet too big) about this connection; a packet as large that is acknowledged; small
    /// segments that are lost as well; a receiver that has closed, or whose window is zero; packets that any path must
    /// pass (576 bytes, IPv6 1280).
    ///
    /// Confidence: proven where the same bytes pass in smaller packets, otherwise probable.
    ///
    /// Remedy: in the network let ICMP 3/4 and packet-too-big pass, or clamp the MSS on the tunnel or PPPoE link; at
    /// the server and at the client, whichever sends the data, set a smaller MTU or turn on packetization-layer
    /// discovery (Linux: net.ipv4.tcp_mtu_probing=1).
    "path-mtu-blackhole", Error,
    "large packets are lost and no ICMP message reports it",
    ["RFC 2923 2.1", "RFC 1191 3", "RFC 4821"],
    verdict: PathMtu,
    locus: Server,
    Transfer(of_transfer),
    Session(of_session);
    reported_once: true
}

fn of_transfer(case: &Case<'_>) -> Option<Finding> {
    let data = case.concluded.established()?.connection;
    let hole = Hole::of(data, &[case.control, data]).filter(|hole| !hole.arrives(case.session, case.vantage))?;
    let failed = case.is_to_be_explained();
    let draft = hole.draft(case.session.client.ip())?.about(case).support(case.dialogue());
    let drops = case.scene.lacks().map(|why| cap(capture_drops::NAME, Confidence::Possible, why));
    Some(draft.severity(if failed { Severity::Error } else { Severity::Warning }).caps(drops).done())
}

/// Whether that is why data of a transfer do not arrive.
pub fn is_shown(case: &Case<'_>) -> bool {
    let data = case.concluded.established().map(|attempt| attempt.connection);
    let hole = data.and_then(|data| Hole::of(data, &[case.control, data]));
    hole.is_some_and(|hole| !hole.arrives(case.session, case.vantage))
}

fn of_session(case: &SessionCase<'_>) -> Vec<Finding> {
    let hole = Hole::of(case.control, &[case.control]);
    let Some(hole) = hole.filter(|hole| !hole.arrives(case.session, case.vantage)) else { return Vec::new() };
    let Some(draft) = hole.draft(case.session.client.ip()) else { return Vec::new() };
    let text = hole.stuck.frames.first().and_then(|at| Some((*at, case.line_at(*at)?)));
    let said = text.map(|(at, line)| Evidence::sent(at, hole.from().0, hole.from().1, line));
    let severity = if hole.stuck.passed.is_none() { Severity::Error } else { Severity::Warning };
    vec![draft.in_session(case.session).support(said).severity(severity).done()]
}

/// A connection on which large packets of one end do not arrive.
struct Hole<'a> {
    connection: &'a Connection,
    sender: End,
    stuck: &'a Stuck,
    /// Its frames before the receiver left.
    frames: Vec<Stamp>,
    /// The largest packet of that host that was acknowledged.
    passes: u32,
    /// A small packet that passed in that time.
    meanwhile: Stamp,
    /// Whether that was on the same connection.
    on_it: bool,
}

impl<'a> Hole<'a> {
    /// Of one connection, by what passes on all connections between these hosts.
    fn of(connection: &'a Connection, all: &[&'a Connection]) -> Option<Self> {
        [End::Origin, End::Target].into_iter().find_map(|sender| Self::from_end(connection, sender, all))
    }

    fn from_end(connection: &'a Connection, sender: End, all: &[&'a Connection]) -> Option<Self> {
        let (half, peer) = (connection.half(sender), connection.half(sender.peer()));
        let stuck = half.stuck()?;
        let left = peer.fin.map(|fin| fin.at).into_iter().chain(connection.rsts.iter().map(|rst| rst.at)).min();
        let frames: Vec<Stamp> =
            stuck.frames.iter().copied().filter(|at| left.is_none_or(|left| *at < left)).collect();
        let enough = if stuck.passed.is_some() { SENT_BEFORE_SMALLER } else { SENT };
        let told = connection.icmp.iter().any(|icmp| {
            icmp.about == sender && matches!((icmp.error.v6, icmp.error.kind, icmp.error.code), (false, 3, 4) | (true, 2, _))
        });
        let [always, _] = of_family(connection, [ALWAYS_PASSES, HEADERS]);
        if frames.len() < enough || told || peer.window_zero || stuck.size <= always {
            return None;
        }
        let host = connection.socket(sender).ip();
        let halves = || all.iter().filter_map(|one| Some((*one, end_of_host(one, host)?)));
        let passes = halves().map(|(one, end)| largest_passed(one, end)).max()?;
        let (first, last) = (*frames.first()?, *frames.last()?);
        let at_that_time = |other: &Stuck| other.frames.iter().any(|at| first <= *at && *at <= last);
        let small_lost = halves().any(|(one, end)| {
            let other = one.half(end).stuck().filter(|other| other.size < stuck.size && other.passed.is_none());
            other.is_some_and(at_that_time)
        });
        if passes >= stuck.size || small_lost {
            return None;
        }
        let since = *frames.get(1)?;
        let own = stuck.passed.or_else(|| small_passed(connection, sender, since));
        let meanwhile = own.or_else(|| halves().find_map(|(one, end)| small_passed(one, end, since)))?;
        Some(Self { connection, sender, stuck, frames, passes, meanwhile, on_it: own.is_some() })
    }

    /// Whether the capture was taken on the receiving host: what is in it has come through.
    fn arrives(&self, session: &Session, vantage: &Vantage) -> bool {
        let (_, to) = self.from();
        let receiver = if to.ip() == session.client.ip() { Party::Client } else { Party::Server };
        vantage.is_here(receiver)
    }

    fn from(&self) -> (SocketAddr, SocketAddr) {
        (self.connection.socket(self.sender), self.connection.socket(self.sender.peer()))
    }

    fn draft(&self, client: IpAddr) -> Option<Draft> {
        let (from, to) = self.from();
        let (size, times) = (self.stuck.size, self.frames.len());
        let seconds = self.frames.last()?.age_of(*self.frames.first()?);
        let smaller = self.stuck.smaller.filter(|_| self.stuck.passed.is_some());
        let passes = smaller.map_or(self.passes, |(size, _)| size.max(self.passes));
        let on = if self.on_it { "" } else { " on the control connection" };
        let message = format!(
            "{from} sent a packet of {size} bytes {times} times within {seconds:.1} s and {to} never acknowledged it; \
             packets of up to {passes} bytes pass{on}, and no ICMP message reports a smaller MTU"
        );
        let confidence = if smaller.is_some() { Confidence::Proven } else { Confidence::Probable };
        let frames = lines::some_of(self.frames.clone(), CITED);
        let primary =
            Evidence::seen_all(frames, Some(Route { from, to }), format!("{size} bytes, never acknowledged"))?;
        let smaller = smaller.map(|(size, at)| Evidence::sent(at, from, to, format!("the same bytes in a packet of {size} bytes")));
        let smaller_mtu = "Set a smaller MTU on its interface, or let TCP find it (Linux: net.ipv4.tcp_mtu_probing=1).";
        let draft = DIAGNOSIS
            .finding(confidence, message, primary)
            .support(smaller)
            .support([Evidence::seen(self.meanwhile, "something smaller passed")])
            .network("Let ICMP 3/4 (fragmentation needed) and ICMPv6 packet too big pass, or clamp the MSS where the MTU is smaller (tunnel, VPN, PPPoE).");
        let draft = draft.hosts([from.ip(), to.ip()]);
        Some(if from.ip() == client {
            draft.client(smaller_mtu).server("Nothing to change, unless a smaller MSS on its side is easier.")
        } else {
            draft.server(smaller_mtu).client("A smaller MTU at the client makes the server send smaller packets.")
        })
    }
}

fn of_family<const N: usize>(connection: &Connection, pairs: [[u32; 2]; N]) -> [u32; N] {
    pairs.map(|[v4, v6]| if connection.origin.is_ipv4() { v4 } else { v6 })
}

/// Which end of a connection a host is.
fn end_of_host(connection: &Connection, host: IpAddr) -> Option<End> {
    [End::Origin, End::Target].into_iter().find(|end| connection.socket(*end).ip() == host)
}

/// The largest packet that passed: what is larger than the segments that the peer takes was cut by the network card.
fn largest_passed(connection: &Connection, end: End) -> u32 {
    let passed = connection.half(end).largest_passed();
    let peer = match end {
        End::Origin => connection.syn_acks.first(),
        End::Target => connection.syns.first(),
    };
    let [headers] = of_family(connection, [HEADERS]);
    let full = peer.and_then(|syn| syn.options.mss).map(|mss| u32::from(mss) + headers);
    full.map_or(passed, |full| passed.min(full))
}

/// Something small of that end that arrived behind `since`: new bytes or a FIN that were acknowledged, or an acknowledgement
/// for which its peer did not repeat what it had said.
fn small_passed(connection: &Connection, end: End, since: Stamp) -> Option<Stamp> {
    let (own, peer) = (connection.half(end), connection.half(end.peer()));
    let own_fin = own.fin.filter(|fin| fin.at > since).and_then(|fin| fin.acked);
    let acked = |half: &Half| half.acked.is_some() && half.acked == half.next;
    let own_data = own.last_data.filter(|at| *at > since && acked(own));
    let once = peer.retransmitted().is_none_or(|(_, last)| last < since) && !peer.fin_repeated;
    let heard = peer.last_data.max(peer.fin.map(|fin| fin.at)).filter(|at| *at > since && acked(peer) && once);
    own_data.or(own_fin).or(heard)
}
