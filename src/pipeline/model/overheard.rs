//! What control connections say, as it was read and before it was understood: for whoever is to hide it.

use std::net::SocketAddr;
use std::ops::Range;

use crate::flow::{ConnectionId, FlowKey, Piece};
use crate::frame::Stamp;
use crate::ftp::Speaker;
use crate::wire::Seq;

/// Something of a control connection, as it was read, before it was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overheard {
    /// Which one.
    pub connection: ConnectionId,
    /// What.
    pub heard: Heard,
}

/// What there is to overhear, in the order of the dialogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It was recognised as a control connection.
    Opened {
        /// Its 5-tuple.
        key: FlowKey,
        /// The socket that sends commands.
        client: SocketAddr,
        /// Its first frame.
        first: Stamp,
        /// The control connection that is the same one on the other side of a NAT.
        twin: Option<ConnectionId>,
    },
    /// Where the bytes of a direction begin; said again with every segment.
    Begins {
        /// Whose.
        speaker: Speaker,
        /// The sequence number of the first byte.
        seq: Seq,
    },
    /// The next bytes of a direction, which were read as lines.
    Text {
        /// Whose.
        speaker: Speaker,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// The next bytes of a direction, which were read as TLS.
    Records {
        /// Whose.
        speaker: Speaker,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// The next bytes of a direction, which are missing.
    Gap {
        /// Whose.
        speaker: Speaker,
        /// How many.
        len: u64,
    },
}

impl Heard {
    /// What is heard of a piece: as records where it is `opaque`.
    pub(super) fn of(piece: Piece<'_>, speaker: Speaker, opaque: &[Range<usize>], mut hear: impl FnMut(Self)) {
        match piece {
            Piece::Bytes { bytes, .. } => {
                let ends = opaque.iter().map(|records| records.end);
                let begins = opaque.iter().map(|records| records.start).chain([bytes.len()]);
                let text = std::iter::once(0).chain(ends).zip(begins).map(|(from, until)| from..until);
                let records = opaque.iter().cloned().map(Some).chain([None]);
                let part = |range: Range<usize>| bytes.get(range).filter(|part| !part.is_empty()).map(<[u8]>::to_vec);
                for (text, records) in text.zip(records) {
                    if let Some(bytes) = part(text) {
                        hear(Self::Text { speaker, bytes });
                    }
                    if let Some(bytes) = records.and_then(part) {
                        hear(Self::Records { speaker, bytes });
                    }
                }
            }
            Piece::Gap { len, .. } => hear(Self::Gap { speaker, len }),
            Piece::Closed { .. } => {}
        }
    }
}
