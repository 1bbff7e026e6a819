//! Of connections, the segments that open and close them.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::parts::Pair;
use crate::wire::{Flags, Segment};

/// Connections whose stage is remembered. Of others the acknowledgements of SYN and FIN are missed.
const REMEMBERED: usize = 1 << 16;

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// A SYN was seen, and no data since.
    Opening,
    /// A FIN was seen.
    Closing,
}

/// The stages of connections.
#[derive(Debug, Default)]
pub(super) struct Handshakes {
    stages: HashMap<Pair, Stage, RandomState>,
}

impl Handshakes {
    /// Whether a segment opens or closes its connection, or acknowledges one that does.
    pub fn takes(&mut self, pair: Pair, tcp: &Segment<'_>) -> bool {
        let flags = tcp.flags;
        if flags.has(Flags::SYN) || flags.has(Flags::FIN) {
            let stage = if flags.has(Flags::SYN) { Stage::Opening } else { Stage::Closing };
            if self.stages.len() < REMEMBERED || self.stages.contains_key(&pair) {
                self.stages.insert(pair, stage);
            }
            return true;
        }
        if flags.has(Flags::RST) {
            return true;
        }
        match (self.stages.get(&pair), tcp.payload_len) {
            (Some(_), 0) => true,
            (Some(Stage::Opening), _) => {
                self.stages.remove(&pair);
                false
            }
            (Some(Stage::Closing) | None, _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Options, Seq};

    fn takes(handshakes: &mut Handshakes, flags: u8, payload_len: u32) -> bool {
        let pair = ("10.0.0.1:20".parse().unwrap(), "10.0.0.2:5000".parse().unwrap());
        let tcp = Segment {
            source_port: 20,
            destination_port: 5000,
            seq: Seq(0),
            ack: Seq(0),
            flags: Flags(flags),
            window: 0,
            options: Options::default(),
            payload: &[],
            payload_len,
            raw: &[],
        };
        handshakes.takes(pair, &tcp)
    }

    #[test]
    fn data_and_its_acknowledgements_are_left_out() {
        let mut handshakes = Handshakes::default();
        let segments = [
            (Flags::SYN, 0, true),
            (Flags::SYN | Flags::ACK, 0, true),
            (Flags::ACK, 0, true),
            (Flags::ACK, 100, false),
            (Flags::ACK, 0, false),
            (Flags::ACK | Flags::FIN, 10, true),
            (Flags::ACK, 0, true),
            (Flags::ACK, 10, false),
            (Flags::ACK | Flags::FIN, 0, true),
            (Flags::ACK, 0, true),
            (Flags::RST, 0, true),
        ];
        for (flags, payload_len, expected) in segments {
            assert_eq!(takes(&mut handshakes, flags, payload_len), expected, "{flags:#x} {payload_len}");
        }
    }
}
