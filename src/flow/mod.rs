//! Turns TCP segments into connections: 5-tuples, their incarnations, handshakes, closes and who holds TIME-WAIT,
//! and the in-order bytes of control connections with the frames they came from.
//!
//! Knows nothing of FTP. Every fact is kept with the frame that shows it.

mod close;
mod connection;
mod conversation;
mod copy;
mod crossing;
mod denied;
mod habits;
mod half;
mod key;
#[cfg(test)]
mod kit;
mod pace;
mod records;
#[cfg(test)]
pub(crate) mod script;
pub mod seq;
mod sighting;
mod sizes;
mod stream;
mod table;

use std::hash::Hash;
use std::net::SocketAddr;
use std::num::NonZeroU64;

use crate::frame::{InterfaceId, Stamp};
use crate::wire::{Link, Mac, Options, Seq, Wrapping};

pub use connection::{FlowEvent, Verify};
pub use conversation::{Conversation, Piece};
pub use copy::FORWARDED;
pub use crossing::TRANSLATED;
pub use denied::Denied;
pub use habits::Unlike;
pub use key::FlowKey;
pub use pace::{ClockStep, Pace};
pub use records::{RECORDS_KEPT, TlsRecords};
pub use sizes::Stuck;
pub use stream::OverlapConflict;
pub use table::{Booked, CONNECTIONS_KEPT, Shift, Table, Translated};

/// One incarnation of a 5-tuple, by its place in the table. Never reused within a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// The two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// Who sent the SYN (or, mid-stream, the first segment seen).
    Origin,
    /// The other one.
    Target,
}

impl End {
    /// The other end.
    #[must_use]
    pub fn peer(self) -> Self {
        match self {
            Self::Origin => Self::Target,
            Self::Target => Self::Origin,
        }
    }

    /// Its number: 0 for the origin, 1 for the target.
    pub fn index(self) -> usize {
        usize::from(self == Self::Target)
    }
}

/// A SYN (or SYN-ACK) as it was seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SynSeen {
    /// The frame.
    pub at: Stamp,
    /// Interface it was seen on.
    pub interface: InterfaceId,
    /// Link addresses.
    pub link: Link,
    /// The VLANs and tunnels around it.
    pub wrapping: Wrapping,
    /// Initial sequence number.
    pub isn: Seq,
    /// Acknowledgement number (SYN-ACK only).
    pub ack: Seq,
    /// TTL or hop limit.
    pub ttl: u8,
    /// IPv4 identification.
    pub identification: Option<u16>,
    /// TCP options.
    pub options: Options,
}

impl SynSeen {
    /// The side it was seen on, of a connection with that wrapping.
    pub fn side(&self) -> Side {
        Side { interface: self.interface, if_index: self.link.if_index, wrapping: self.wrapping }
    }
}

/// A bare ACK that answered a SYN with other numbers than the handshake wants (challenge, RFC 5961 4.2; or a
/// TIME-WAIT holder repeating its last ACK).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StaleAck {
    /// The frame.
    pub at: Stamp,
    /// Who sent it.
    pub from: End,
    /// Its sequence number.
    pub seq: Seq,
    /// Its acknowledgement number.
    pub ack: Seq,
    /// Whether it was a SYN-ACK: an answer to another SYN than this one.
    pub syn: bool,
    /// TTL or hop limit.
    pub ttl: u8,
    /// IPv4 identification: a late duplicate of an old ACK carries an old one.
    pub identification: Option<u16>,
    /// `(TSval, TSecr)`: a late duplicate carries old ones.
    pub timestamps: Option<(u32, u32)>,
    /// The RST with which the SYN's sender answered it (RFC 9293 3.10.7.3); booked on the incarnation it belongs to.
    pub reset: Option<Stamp>,
}

/// A FIN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FinSeen {
    /// The frame in which it was first seen.
    pub at: Stamp,
    /// The sequence number of the FIN itself (behind its segment's payload).
    pub seq: Seq,
    /// What the same segment acknowledged.
    pub ack: Seq,
    /// The first frame of the peer that acknowledges it.
    pub acked: Option<Stamp>,
    /// The peer's last segment with payload before it.
    pub peer_said: Option<Stamp>,
}

/// An RST.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RstSeen {
    /// The frame.
    pub at: Stamp,
    /// Who sent it (or in whose name it was sent).
    pub from: End,
    /// Sequence number.
    pub seq: Seq,
    /// Acknowledgement number, if ACK is set.
    pub ack: Option<Seq>,
    /// TTL or hop limit.
    pub ttl: u8,
    /// IPv4 identification.
    pub identification: Option<u16>,
    /// Link-layer source.
    pub mac: Option<Mac>,
    /// Whether the receiver would take it: exactly `rcv_nxt`, or in SYN-SENT acknowledging the SYN (RFC 9293 3.10.7.3).
    pub acceptable: bool,
    /// Whether both FINs had been acknowledged before it.
    pub after_close: bool,
    /// In what it differs from all else that was sent in its sender's name.
    pub unlike: Unlike,
}

/// An ICMP error that quotes this connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IcmpSeen {
    /// The frame.
    pub at: Stamp,
    /// Who sent the error.
    pub from: std::net::IpAddr,
    /// TTL or hop limit of the error.
    pub ttl: u8,
    /// Whose segment it quotes.
    pub about: End,
    /// Type, code, family and the quoted numbers.
    pub error: crate::wire::IcmpError,
}

/// A stretch of one direction that the peer acknowledged and this capture does not hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GapSeen {
    /// First missing sequence number.
    pub seq: Seq,
    /// Missing bytes.
    pub len: u32,
    /// The acknowledgement that shows it.
    pub at: Stamp,
}

/// What one end of a connection sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Half {
    /// First sequence number seen: the ISN, or mid-stream the first segment's.
    pub first_seq: Option<Seq>,
    /// SND.NXT: behind the highest byte (or SYN, FIN) seen from this end.
    pub next: Option<Seq>,
    /// The highest acknowledgement the peer sent for this end's bytes.
    pub acked: Option<Seq>,
    /// Segments seen.
    pub segments: u64,
    /// Payload bytes on the wire, retransmissions not counted again.
    pub bytes: u64,
    /// First segment of any kind.
    pub first: Option<Stamp>,
    /// Last segment of any kind.
    pub last: Option<Stamp>,
    /// First segment with payload.
    pub first_data: Option<Stamp>,
    /// Last segment with payload.
    pub last_data: Option<Stamp>,
    /// Its FIN.
    pub fin: Option<FinSeen>,
    /// Whether the FIN was sent again, for want of an acknowledgement.
    pub fin_repeated: bool,
    /// Last segment that acknowledges the peer's FIN: restarts TIME-WAIT (RFC 9293 3.10.7.4).
    pub last_ack_of_fin: Option<Stamp>,
    /// Whether its SYN (or, mid-stream, any segment) carried TCP timestamps.
    pub timestamps: bool,
    /// Lowest and highest TTL seen.
    pub ttl: Option<(u8, u8)>,
    /// TTL of the first segment.
    pub first_ttl: Option<u8>,
    /// Link-layer source of the first segment.
    pub first_mac: Option<Mac>,
    /// The VLANs and tunnels around its first segment.
    pub first_wrapping: Option<Wrapping>,
    /// Segments sent again (same sequence range).
    pub retransmissions: u16,
    /// Segments whose checksum does not verify; only those that open and close and the first few are looked at.
    pub bad_checksums: u16,
    /// Segments whose checksum verifies, of the same ones.
    pub good_checksums: u16,
    /// Largest IP packet in bytes (IP extension headers not counted).
    pub largest_packet: u32,
    /// Segments cut by the snap length.
    pub cut: u32,
    /// The first payload bytes (at most [`HEAD_BYTES`]), in order: tells TLS and greetings. Given back when many
    /// newer connections have come (8192 of them).
    pub head: Vec<u8>,
    /// The last segment advertised a window of zero, or the last one before its FIN did.
    pub window_zero: bool,
    /// Where the next byte of `head` is.
    head_at: Option<Seq>,
    /// Its TLS records, if it begins with one.
    records: Option<Box<TlsRecords>>,
    /// The oldest segment with payload that is not acknowledged: its number and its first frame.
    oldest: Option<(Seq, Stamp)>,
    /// The number of the segment with the highest new bytes, once there is `last_data`.
    last_data_seq: Seq,
    /// The sizes of packets that pass.
    passed: sizes::Passed,
    /// How its packets look.
    habits: habits::Habits,
    /// What went wrong on the way, if anything did.
    anomalies: Option<Box<Anomalies>>,
}

/// What did not go straight in one direction: apart from [`Half`] because most connections have none of it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Anomalies {
    retransmitted: Option<(Stamp, Stamp)>,
    unacknowledged: Vec<Stamp>,
    unacknowledged_seq: Option<Seq>,
    reordered: Vec<Stamp>,
    reordered_count: u32,
    duplicates: Vec<(Stamp, Stamp)>,
    duplicate_count: u32,
    first_cut: Option<Stamp>,
    gaps: Vec<GapSeen>,
    holes: Vec<half::Hole>,
    other_ttl: Vec<(Stamp, u8)>,
    other_ttl_count: u32,
    crossing: Option<Crossing>,
    both_sides: denied::BothSides,
    intact_repeats: u32,
    stuck: Option<Stuck>,
    lag: Option<Lag>,
    ahead: Option<(Seq, Stamp)>,
}

/// Bare acknowledgements whose sequence number lies before what the peer has acknowledged, all by as much: their
/// sender says that it never sent what the peer says it has received.
#[derive(Clone, Debug, PartialEq)]
pub struct Lag {
    /// By how many bytes.
    pub bytes: u32,
    /// The segments, the first few.
    pub frames: Vec<Stamp>,
}

/// One side of the capture: an interface, or an interface within an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    /// The interface of the capture file.
    pub interface: InterfaceId,
    /// SLL2: the kernel's interface index.
    pub if_index: Option<u32>,
    /// VLANs and tunnels.
    pub wrapping: Wrapping,
}

/// What one end sends is seen twice: where it comes to a host that forwards it, and where it leaves that host.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crossing {
    /// Where it comes in.
    pub from: Side,
    /// Where it leaves.
    pub to: Side,
    /// Both sights of the first packet that was seen to cross: coming in, leaving.
    pub first: [Stamp; 2],
    /// Both sights of the last one.
    pub last: [Stamp; 2],
}

/// How many payload bytes of each direction are kept to recognise what it carries.
pub const HEAD_BYTES: usize = 512;

/// One incarnation of a 5-tuple.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    /// Identity.
    pub id: ConnectionId,
    /// 5-tuple.
    pub key: FlowKey,
    /// Sender of the SYN; mid-stream the sender of the first segment seen.
    pub origin: SocketAddr,
    /// The other one.
    pub target: SocketAddr,
    /// SYNs without ACK, oldest first, bounded; all of one ISN (another ISN without a close is another incarnation).
    pub syns: Vec<SynSeen>,
    /// SYNs seen, the ones beyond the bound too.
    pub syn_count: u32,
    /// SYN-ACKs that acknowledge the SYN, oldest first, bounded.
    pub syn_acks: Vec<SynSeen>,
    /// The ACK that completed the handshake (or the first later segment of the origin that proves it).
    pub established: Option<Stamp>,
    /// Whether `established` acknowledges the SYN-ACK and nothing behind it: its time tells the way there and back.
    pub established_at_once: bool,
    /// Whether neither SYN nor SYN-ACK was seen.
    pub midstream: bool,
    /// Bare ACKs with other numbers, bounded.
    pub stale_acks: Vec<StaleAck>,
    /// RSTs that belong to this incarnation, bounded.
    pub rsts: Vec<RstSeen>,
    /// ICMP errors that quote it, bounded.
    pub icmp: Vec<IcmpSeen>,
    /// What the origin sent.
    pub from_origin: Half,
    /// What the target sent.
    pub from_target: Half,
    /// First frame.
    pub first: Stamp,
    /// Last frame.
    pub last: Stamp,
    /// The incarnation before this one on the same tuple that was established, if it is still known. Mere attempts
    /// in between are not it.
    pub previous: Option<ConnectionId>,
    /// Last segment of its peer that made a TIME-WAIT holder start its timer anew after the close: Linux does so for
    /// every segment with ACK but without SYN and RST.
    pub rearmed: Option<Stamp>,
    /// Whether the capture left out segments that carry nothing but payload, on purpose: missing bytes then tell
    /// nothing, for what opens and closes is not among them.
    pub payload_hidden: bool,
    /// The sockets of one direction, where it was captured on another side of a NAT than the other one.
    pub translated: Option<Box<Translated>>,
    /// One more than the number of the same connection under other addresses: `None` takes no room.
    elsewhere: Option<NonZeroU64>,
    /// The ISN of the origin, from its SYN or from what the SYN-ACK acknowledges.
    isn: Option<Seq>,
}

/// Who holds TIME-WAIT after a complete close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The end that closed first.
    One(End),
    /// Both: simultaneous close.
    Both,
}

impl Holder {
    /// Whether `end` holds TIME-WAIT.
    pub fn includes(self, end: End) -> bool {
        match self {
            Self::One(holder) => holder == end,
            Self::Both => true,
        }
    }
}

/// How far a connection has been closed (RFC 9293 3.6; evidence by acknowledgement numbers, not by order).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Close {
    /// No FIN, no RST.
    Open,
    /// One FIN only, or a FIN never acknowledged: FIN-WAIT-2 or CLOSE-WAIT, not TIME-WAIT.
    Half {
        /// Who has not closed (or whose FIN nobody acknowledged).
        missing: End,
        /// The first FIN that was seen.
        since: Stamp,
        /// Whether the capture holds both directions without missing bytes around the FIN, and a FIN that nobody
        /// acknowledged was sent again: else the other FIN or the acknowledgement may merely not have been captured.
        gapless: bool,
    },
    /// Reset: the state is discarded at once (RFC 9293 3.10.7.4), nobody holds TIME-WAIT.
    Reset {
        /// Who reset it.
        by: End,
        /// The RST.
        at: Stamp,
    },
    /// Both FINs acknowledged.
    TimeWait {
        /// Who holds TIME-WAIT.
        holder: Holder,
        /// The last segment that restarted the timer.
        since: Stamp,
        /// An acceptable RST behind the close, which ends TIME-WAIT on Linux (RFC 1337).
        assassinated: Option<Stamp>,
        /// Whether no bytes of either direction are missing around the close; else the holder is less sure.
        gapless: bool,
    },
}
