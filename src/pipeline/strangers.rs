//! Connections on ports that nobody named: their first segments are held until their content tells whether they are
//! FTP. A stranger that is none costs a look at a few bytes per segment and is forgotten.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use foldhash::fast::RandomState;

use super::Seen;
use crate::flow::FlowKey;

use crate::wire::{Flags, IpHeader, Segment};

/// Strangers held at once; the oldest is forgotten first. A control connection says who it is within a second.
const HELD: usize = 2_048;

/// Segments held of one stranger: handshake, greeting, its acknowledgement, the first command and a few more.
const SEGMENTS: usize = 12;

/// Bytes held of one segment: more than a greeting needs.
const BYTES: usize = 2_048;

/// The first segments of a connection.
pub(super) struct Held {
    segments: Vec<Kept>,

    server: Option<SocketAddr>,
}

struct Kept {
    seen: Seen,
    ip: IpHeader,
    header: Segment<'static>,
    raw: Vec<u8>,
    payload: usize,
}

impl Held {
    /// The held segments, oldest first.
    pub(super) fn segments(&self) -> impl Iterator<Item = (Seen, IpHeader, Segment<'_>)> {
        self.segments.iter().map(|kept| {
            let payload = kept.raw.get(kept.payload..).unwrap_or_default();
            (kept.seen, kept.ip, Segment { payload, raw: &kept.raw, ..kept.header })
        })
    }
}

#[derive(Debug, Default)]
pub(super) struct Strangers {}
impl Strangers {
    pub(super) fn push(&mut self, _k: FlowKey, _s: Seen, _ip: &IpHeader, _t: &Segment<'_>) -> Option<Held> {
        None
    }
}
impl Held {
    pub(super) fn server(&self) -> SocketAddr {
        self.server.unwrap()
    }
}
