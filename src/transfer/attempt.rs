//! A data connection seen as an attempt to serve a transfer: what it was aimed at and how it ended.

use std::net::SocketAddr;

use crate::flow::{Connection, End, IcmpSeen, RstSeen};
use crate::frame::Stamp;
use crate::record::AttemptOutcome;

/// How the target of an attempt relates to what was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aim {
    /// Exactly the announced endpoint.
    Announced,
    /// The server chose the control peer's address with the announced port.
    ControlPeer,
    /// The client's default data port (RFC 959 3.2: its control port; proftpd: one below).
    DefaultPort,
    /// Something else.
    Elsewhere,
}

/// A data connection that was tried for a transfer.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The connection.
    pub connection: &'a Connection,
    /// The established incarnation before it on the same 5-tuple.
    pub previous: Option<&'a Connection>,
    /// What it was aimed at.
    pub aim: Aim,
}

impl<'a> Attempt<'a> {
    /// The first SYN or, mid-stream, the first segment.
    pub fn at(&self) -> Stamp {
        self.connection.syns.first().map_or(self.connection.first, |syn| syn.at)
    }

    /// Who opens it.
    pub fn from(&self) -> SocketAddr {
        self.connection.origin
    }

    /// Where to.
    pub fn to(&self) -> SocketAddr {
        self.connection.target
    }

    /// The RST by which the target (or something in its name) refused the SYN: no SYN-ACK, and the RST acknowledges
    /// ISN+1 (RFC 9293 3.10.7.1).
    pub fn refusal(&self) -> Option<&'a RstSeen> {
        let connection = self.connection;
        if connection.established.is_some() || !connection.syn_acks.is_empty() {
            return None;
        }
        let expected = connection.syns.first()?.isn.plus(1);
        connection.rsts.iter().find(|rst| rst.from == End::Target && rst.ack == Some(expected))
    }

    /// The first ICMP error about a segment of the opener, if no handshake came of it.
    pub fn icmp(&self) -> Option<&'a IcmpSeen> {
        let connection = self.connection;
        if connection.established.is_some() {
            return None;
        }
        connection.icmp.iter().find(|icmp| icmp.about == End::Origin)
    }

    /// How it ended.
    pub fn outcome(&self) -> AttemptOutcome {
        let connection = self.connection;
        // What came furthest counts, not what came last: a stale ACK may come before a RST, a RST before a SYN-ACK.
        if connection.established.is_some() || connection.midstream {
            AttemptOutcome::Established
        } else if !connection.syn_acks.is_empty() {
            AttemptOutcome::Aborted
        } else if self.refusal().is_some() {
            AttemptOutcome::Refused
        } else if self.icmp().is_some() {
            AttemptOutcome::Icmp
        } else if !connection.stale_acks.is_empty() {
            AttemptOutcome::Challenged
        } else if connection.syns.is_empty() {
            AttemptOutcome::Unknown
        } else {
            AttemptOutcome::Unanswered
        }
    }

    /// Whether the handshake completed.
    pub fn is_established(&self) -> bool {
        self.outcome() == AttemptOutcome::Established
    }

    /// All SYNs as evidence cites them.
    pub fn syn_stamps(&self) -> Vec<Stamp> {
        self.connection.syns.iter().map(|syn| syn.at).collect()
    }
}
