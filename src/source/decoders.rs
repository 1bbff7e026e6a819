//! Both decoders of zstd give the same, whatever the bytes: [`super::libzstd`] and [`super::ruzstd`].

use std::io::{self, Cursor, Read};

use super::frames::{Codec, FramesBy};
use super::zstd::ZstdFrame;
use super::{libzstd, ruzstd};

/// What a block holds at most (RFC 8878 3.1.1.2.3).
const BLOCK: usize = 128 << 10;
const SKIPPABLE: &[u8] = &[0x5a, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9];

type Slow<'a> = ruzstd::Frame<Cursor<&'a [u8]>>;
type Fast<'a> = libzstd::Frame<Cursor<&'a [u8]>>;

/// The bytes before the end or the error, in readings of so many, and whether it was an error.
fn unpacked<'a, Z: ZstdFrame<Cursor<&'a [u8]>>>(packed: &'a [u8], step: usize) -> (Vec<u8>, bool) {
    let mut frames = FramesBy::<_, Z>::new(Codec::Zstd, Cursor::new(packed));
    let (mut all, mut buf) = (Vec::new(), vec![0; step]);
    loop {
        match frames.read(&mut buf) {
            Ok(0) => return (all, false),
            Ok(read) => all.extend_from_slice(&buf[..read]),
            Err(_) => return (all, true),
        }
    }
}

/// Numbers that look random, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// Text, numbers, and what repeats: literals and matches of all kinds.
fn content(dice: &mut Dice, len: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::new();
    while bytes.len() < len {
        match dice.below(4) {
            0 => bytes.extend((0..dice.below(5_000)).map(|_| dice.below(256).to_le_bytes()[0])),
            1 => bytes.extend((0..dice.below(5_000)).map(|_| b'a' + dice.below(9).to_le_bytes()[0])),
            2 => bytes.extend(std::iter::repeat_n(dice.below(256).to_le_bytes()[0], dice.below(300_000))),
            _ => {
                let from = dice.below(bytes.len() + 1);
                bytes.extend_from_within(from..(from + dice.below(9_000)).min(bytes.len()));
            }
        }
    }
    bytes.truncate(len);
    bytes
}

fn packed(bytes: &[u8], level: i32, checksum: bool) -> Vec<u8> {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), level).unwrap();
    encoder.include_checksum(checksum).unwrap();
    io::copy(&mut &*bytes, &mut encoder).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn whole_frames_of_every_level_one_behind_the_other() {
    let mut dice = Dice(1);
    let (mut all, mut stream) = (Vec::new(), Vec::new());
    for (level, len) in [(1, 0), (1, 1), (3, 700_000), (-5, 90_000), (9, 131_072), (19, 400_000), (22, 5_000)] {
        let bytes = content(&mut dice, len);
        stream.extend(packed(&bytes, level, len % 2 == 0));
        stream.extend_from_slice(SKIPPABLE);
        all.extend(bytes);
    }
    for step in [1 << 20, 1 << 17, 65_537, 4_000] {
        assert!(unpacked::<Fast<'_>>(&stream, step) == (all.clone(), false), "libzstd, {step}");
        assert!(unpacked::<Slow<'_>>(&stream, step) == (all.clone(), false), "ruzstd, {step}");
    }
}

#[test]
fn a_stream_that_is_cut_anywhere_gives_the_same() {
    let mut dice = Dice(2);
    let bytes = content(&mut dice, 1_500_000);
    let stream = [packed(&bytes[..900_000], 3, true), packed(&bytes[900_000..], 1, false)].concat();
    let places: Vec<usize> = (0..40).chain((0..60).map(|_| dice.below(stream.len()))).collect();
    for at in places.into_iter().chain(stream.len() - 40..stream.len()) {
        let fast = unpacked::<Fast<'_>>(&stream[..at], 50_000);
        assert!(fast == unpacked::<Slow<'_>>(&stream[..at], 50_000), "cut at {at}");
        assert!(bytes.starts_with(&fast.0), "cut at {at}");
    }
}

/// Damage is an error for both, and both give what is before its block. Where the damage is noticed the format does not
/// say: each decoder leaves some of it to the checksum at the end of the frame, and gives what it made of it until then.
#[test]
fn damage_is_an_error_behind_the_same_bytes() {
    let mut dice = Dice(3);
    let (mut same, mut failed) = (0, 0);
    for round in 0..400 {
        let len = 1 + dice.below(400_000);
        let bytes = content(&mut dice, len);
        let whole = packed(&bytes, 1 + (round % 5), true);
        let (mut stream, mut first) = (whole.clone(), whole.len());
        for _ in 0..=dice.below(3) {
            let at = dice.below(stream.len());
            stream[at] = dice.below(256).to_le_bytes()[0];
            first = first.min(at);
        }
        let (fast, fast_failed) = unpacked::<Fast<'_>>(&stream, BLOCK);
        let (slow, slow_failed) = unpacked::<Slow<'_>>(&stream, BLOCK);
        assert_eq!(fast_failed, slow_failed, "round {round}");
        let (before, _) = unpacked::<Fast<'_>>(&whole[..first], BLOCK);
        assert!(fast.starts_with(&before) && slow.starts_with(&before), "round {round}: damaged at {first}");
        same += usize::from(fast == slow);
        failed += usize::from(fast_failed);
    }
    assert!(failed > 300 && same > 200, "{failed} failed, {same} the same");
}
