//! A captured segment as the rest of this module looks at it.

use std::net::SocketAddr;

use super::{FlowKey, SynSeen};
use crate::frame::{InterfaceId, Stamp};
use crate::wire::{Flags, IpHeader, Link, Segment, Seq, Wrapping};

/// A segment with everything around it, as it was captured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sighting<'a> {
    pub at: Stamp,
    pub interface: InterfaceId,
    pub link: &'a Link,
    pub wrapping: Wrapping,
    pub ip: &'a IpHeader,
    pub tcp: &'a Segment<'a>,
    /// Under which its connection is kept.
    pub key: FlowKey,
    /// Who sent it to whom, as the ends of its connection are called.
    pub from: SocketAddr,
    pub to: SocketAddr,
}

impl Sighting<'_> {
    pub fn source(&self) -> SocketAddr {
        self.from
    }

    pub fn destination(&self) -> SocketAddr {
        self.to
    }

    pub fn kind(&self) -> Kind {
        let flags = self.tcp.flags;
        if flags.has(Flags::RST) {
            Kind::Rst
        } else if flags.has(Flags::SYN | Flags::ACK) {
            Kind::SynAck
        } else if flags.has(Flags::SYN) {
            Kind::Syn
        } else {
            Kind::Later
        }
    }

    /// Its acknowledgement number, if it has one.
    pub fn ack(&self) -> Option<Seq> {
        self.tcp.flags.has(Flags::ACK).then_some(self.tcp.ack)
    }

    /// Neither payload nor SYN, FIN or RST.
    pub fn is_bare_ack(&self) -> bool {
        self.tcp.payload_len == 0 && self.kind() == Kind::Later && !self.tcp.flags.has(Flags::FIN)
    }

    /// It as a SYN or SYN-ACK.
    pub fn syn(&self) -> SynSeen {
        SynSeen {
            at: self.at,
            interface: self.interface,
            link: *self.link,
            wrapping: self.wrapping,
            isn: self.tcp.seq,
            ack: self.tcp.ack,
            ttl: self.ip.ttl,
            identification: self.ip.identification,
            options: self.tcp.options,
        }
    }
}

/// What a segment is to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Syn,
    SynAck,
    Rst,
    Later,
}
