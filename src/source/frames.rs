//! Decompresses a stream of zstd or lz4 frames, one after the other.
//!
//! The decoders stop behind one frame, but both formats allow any number of frames, with skippable ones in between. And
//! of a damaged frame everything before the damage is given.

use std::io::{self, BufRead, Chain, Cursor, Read};
use std::mem;

use lz4_flex::frame::FrameDecoder as Lz4;

#[cfg(feature = "fast-decompression")]
use super::libzstd::Frame as Zstd;
#[cfg(not(feature = "fast-decompression"))]
use super::ruzstd::Frame as Zstd;
use super::zstd::{Header, MAGIC as ZSTD, MAX_WINDOW, ZstdFrame};

/// The format of the frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    /// RFC 8878
    Zstd,
    /// lz4 frame format
    Lz4,
}

impl Codec {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
        }
    }
}

/// The concatenated content of all frames, by the decoder that was built in.
pub(super) type Frames<R> = FramesBy<R, Zstd<R>>;

/// The concatenated content of all frames.
pub(super) struct FramesBy<R: BufRead, Z: ZstdFrame<R>> {
    codec: Codec,
    state: State<R, Z>,
}

enum State<R: BufRead, Z: ZstdFrame<R>> {
    Between(R),
    Zstd(Box<Z>),
    /// A frame that begins with the magic that was read to tell what it is.
    Lz4(Box<Lz4<Chain<Cursor<Vec<u8>>, R>>>),
    Ended,
}

impl<R: BufRead, Z: ZstdFrame<R>> FramesBy<R, Z> {
    pub(super) fn new(codec: Codec, reader: R) -> Self {
        Self { codec, state: State::Between(reader) }
    }

    fn read_on(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match &mut self.state {
                State::Between(_) => 0,
                State::Zstd(frame) => frame.read(buf)?,
                State::Lz4(frame) => frame.read(buf)?,
                State::Ended => return Ok(0),
            };
            if read > 0 {
                return Ok(read);
            }
            // An error leaves the stream ended.
            let rest = match mem::replace(&mut self.state, State::Ended) {
                State::Between(rest) => rest,
                State::Zstd(frame) => frame.into_rest(),
                State::Lz4(frame) => frame.into_inner().into_inner().1,
                State::Ended => return Ok(0),
            };
            self.state = open_frame(self.codec, rest)?;
        }
    }
}

impl<R: BufRead, Z: ZstdFrame<R>> Read for FramesBy<R, Z> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let read = self.read_on(buf);
        if read.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Interrupted) {
            self.state = State::Ended;
        }
        read
    }
}

/// The decoder of the next frame, or the end of the stream.
fn open_frame<R: BufRead, Z: ZstdFrame<R>>(codec: Codec, mut rest: R) -> io::Result<State<R, Z>> {
    loop {
        if rest.fill_buf()?.is_empty() {
            return Ok(State::Ended);
        }
        let mut magic = [0; 4];
        rest.read_exact(&mut magic)?;
        if matches!(magic, [0x50..=0x5f, 0x2a, 0x4d, 0x18]) {
            let mut len = [0; 4];
            rest.read_exact(&mut len)?;
            io::copy(&mut rest.by_ref().take(u64::from(u32::from_le_bytes(len))), &mut io::sink())?;
            continue;
        }
        // A stream that begins with a skippable frame has not said yet which it is.
        let codec = match magic {
            ZSTD => Codec::Zstd,
            [0x04, 0x22, 0x4d, 0x18] => Codec::Lz4,
            _ => codec,
        };
        return Ok(match codec {
            Codec::Zstd => {
                let header = Header::read(magic, &mut rest)?;
                if header.window() > MAX_WINDOW {
                    return Err(too_large(header.window()));
                }
                State::Zstd(Box::new(Z::begin(header, rest)?))
            }
            Codec::Lz4 => State::Lz4(Box::new(Lz4::new(Cursor::new(magic.to_vec()).chain(rest)))),
        });
    }
}

fn too_large(window: u64) -> io::Error {
    let what = format!(
        "its zstd data take {} MiB of memory to unpack; unpack them first: `zstd --long=31 -dc FILE | ftpwhy -`",
        window >> 20
    );
    io::Error::new(io::ErrorKind::Unsupported, what)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use lz4_flex::frame::{BlockSize, FrameEncoder, FrameInfo};
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    const SKIPPABLE: &[u8] = &[0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];

    fn lz4(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = FrameEncoder::new(Vec::new());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        compress_to_vec(bytes, CompressionLevel::Fastest)
    }

    fn read_all(codec: Codec, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        Frames::new(codec, bytes).read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn frames_are_concatenated_and_skippable_ones_skipped() {
        for (codec, pack) in [(Codec::Zstd, zstd as fn(&[u8]) -> Vec<u8>), (Codec::Lz4, lz4)] {
            let bytes = [SKIPPABLE, &pack(b"one "), SKIPPABLE, &pack(&b"x".repeat(300_000)), &pack(b" two")].concat();
            let out = read_all(codec, &bytes).unwrap();
            assert_eq!(out.len(), 300_008, "{codec:?}");
            assert!(out.starts_with(b"one xxx") && out.ends_with(b"xxx two"), "{codec:?}");
            assert_eq!(read_all(Codec::Zstd, &bytes).unwrap(), out, "a skippable frame comes first");
        }
    }

    #[test]
    fn everything_before_the_damage_is_given() {
        // A block is there or not: 128 KiB of zstd, 64 KiB of lz4 as set here.
        const BLOCK: usize = 128 << 10;
        let bytes: Vec<u8> = (0..1_000_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        let mut encoder = FrameEncoder::with_frame_info(FrameInfo::new().block_size(BlockSize::Max64KB), Vec::new());
        encoder.write_all(&bytes).unwrap();
        for (codec, packed) in [(Codec::Zstd, zstd(&bytes)), (Codec::Lz4, encoder.finish().unwrap())] {
            for tenths in [2, 5, 9] {
                let cut = packed.len() * tenths / 10;
                let mut out = Vec::new();
                assert!(Frames::new(codec, &packed[..cut]).read_to_end(&mut out).is_err(), "{codec:?}");
                assert!(bytes.starts_with(&out), "{codec:?}");
                let whole = bytes.len() * tenths / 10;
                assert!(out.len() + 2 * BLOCK > whole, "{codec:?}: {} of {whole}", out.len());
            }
        }
    }

    #[test]
    fn a_frame_that_wants_too_much_memory_is_refused() {
        let block = |last: u32, kind: u32, len: u32| (last | kind << 1 | len << 3).to_le_bytes()[..3].to_vec();
        // RLE blocks of 128 KiB in four bytes each.
        let bomb = |window: u8| {
            [&[0x28, 0xb5, 0x2f, 0xfd, 0, window][..], &[block(0, 1, 128 << 10), vec![7], block(1, 0, 0)].concat()]
                .concat()
        };
        assert_eq!(read_all(Codec::Zstd, &bomb(0x88)).unwrap().len(), 128 << 10, "128 MiB are not too much");
        let error = read_all(Codec::Zstd, &bomb(0x89)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "its zstd data take 144 MiB of memory to unpack; unpack them first: `zstd --long=31 -dc FILE | ftpwhy -`"
        );
    }

    #[test]
    fn a_damaged_stream_is_an_error_and_then_ended() {
        let bytes = [&zstd(b"one"), &b"garbage, no frame"[..]].concat();
        let mut frames = Frames::new(Codec::Zstd, bytes.as_slice());
        let mut buf = [0; 16];
        assert_eq!(frames.read(&mut buf).unwrap(), 3);
        assert!(frames.read(&mut buf).is_err());
        assert_eq!(frames.read(&mut buf).unwrap(), 0);
    }
}
