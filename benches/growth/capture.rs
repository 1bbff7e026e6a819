//! Writes a capture while it is being played: what grows to 2·10^5 transfers is never held whole.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use super::kit::Playing;
use super::kit::packet::{Link, Packet};
use super::kit::transform::Transform;

/// Nanosecond pcap, Ethernet.
const HEADER: [u32; 6] = [0xa1b2_3c4d, 0x0004_0002, 0, 0, 262_144, 1];

/// What becomes of packets on their way into the capture.
#[derive(Clone, Copy)]
pub enum Damage {
    None,
    /// What comes from a port is not captured.
    Deaf(u16),
    /// Every so-manieth packet is not captured.
    Lost(u64),
    /// Both sides of a NAT are captured: the client's address and what it becomes.
    Nat([u8; 4], [u8; 4]),
}

/// A capture that is being written.
pub struct Recording {
    playing: Playing,
    damage: Damage,
    out: BufWriter<File>,
    packets: u64,
}

impl Recording {
    pub fn create(path: &Path, damage: Damage) -> Self {
        let mut out = BufWriter::with_capacity(1 << 20, File::create(path).expect("a new file"));
        for word in HEADER {
            out.write_all(&word.to_le_bytes()).expect("room on the disk");
        }
        Self { playing: Playing::new(), damage, out, packets: 0 }
    }

    /// Plays some statements of a script.
    pub fn play(&mut self, script: &str) {
        let packets = self.playing.read(script).unwrap_or_else(|error| panic!("{error} in\n{script}"));
        let packets = match self.damage {
            Damage::Nat(inside, outside) => {
                let nat = Transform::Nat { inside: inside.into(), outside: outside.into() };
                nat.apply(packets).expect("packets of both sides")
            }
            Damage::None | Damage::Deaf(_) | Damage::Lost(_) => packets,
        };
        for packet in packets {
            self.write(&packet);
        }
    }

    fn write(&mut self, packet: &Packet) {
        self.packets += 1;
        let captured = match self.damage {
            Damage::Deaf(port) => packet.tcp().is_none_or(|tcp| tcp.source != port),
            Damage::Lost(every) => !self.packets.is_multiple_of(every),
            Damage::None | Damage::Nat(..) => true,
        };
        if !captured {
            return;
        }
        let bytes = packet.bytes(Link::Ethernet);
        let len = i64::try_from(bytes.len()).expect("a short frame");
        let (seconds, nanos) = (packet.at.div_euclid(1_000_000_000), packet.at.rem_euclid(1_000_000_000));
        for word in [seconds, nanos, len, len] {
            let word = u32::try_from(word).expect("a time before 2106");
            self.out.write_all(&word.to_le_bytes()).expect("room on the disk");
        }
        self.out.write_all(&bytes).expect("room on the disk");
    }

    pub fn finish(mut self) {
        self.out.flush().expect("room on the disk");
    }
}
