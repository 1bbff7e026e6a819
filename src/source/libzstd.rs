//! Unpacks a zstd frame with libzstd, the reference decoder.
//!
//! A call of the library that fails does not say how much it gave before it did. So each call gets one block at most, and
//! none as long as it has more to give.

use std::io::{self, BufRead, Read};

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use super::zstd::{Header, MAX_WINDOW, ZstdFrame};

/// Bytes of a block's header, and of the checksum at the end.
const BLOCK_HEADER: usize = 3;
const CHECKSUM: usize = 4;

pub(super) struct Frame<R> {
    decoder: Decoder<'static>,
    rest: R,
    next: Part,
    has_checksum: bool,
    /// Whether the library may have more to give.
    is_full: bool,
}

/// What comes next of the frame.
#[derive(Clone, Copy)]
enum Part {
    BlockHeader,
    /// So many bytes of a block.
    Block {
        left: usize,
        is_last: bool,
    },
    Checksum,
    Nothing,
}

impl<R: BufRead> ZstdFrame<R> for Frame<R> {
    fn begin(header: Header, rest: R) -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(MAX_WINDOW.ilog2()))?;
        let has_checksum = header.has_checksum();
        let mut frame = Self { decoder, rest, next: Part::BlockHeader, has_checksum, is_full: false };
        frame.feed(&header.to_bytes())?;
        Ok(frame)
    }

    fn into_rest(self) -> R {
        self.rest
    }
}

impl<R: BufRead> Read for Frame<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut output = OutBuffer::around(&mut *buf);
            if self.is_full {
                self.decoder.run(&mut InBuffer::around(&[]), &mut output)?;
            } else {
                match self.next {
                    Part::Nothing => return Ok(0),
                    Part::BlockHeader => self.begin_block()?,
                    Part::Checksum => {
                        let mut checksum = [0; CHECKSUM];
                        self.rest.read_exact(&mut checksum)?;
                        self.feed(&checksum)?;
                        self.next = Part::Nothing;
                    }
                    Part::Block { left: 0, is_last } => self.next = self.behind_block(is_last),
                    Part::Block { left, is_last } => {
                        let at_hand = self.rest.fill_buf()?;
                        let piece = at_hand.get(..left).unwrap_or(at_hand);
                        if piece.is_empty() {
                            return Err(io::ErrorKind::UnexpectedEof.into());
                        }
                        let mut input = InBuffer::around(piece);
                        self.decoder.run(&mut input, &mut output)?;
                        let taken = input.pos();
                        self.rest.consume(taken);
                        self.next = Part::Block { left: left - taken, is_last };
                    }
                }
            }
            let given = output.pos();
            self.is_full = given == buf.len();
            if given > 0 {
                return Ok(given);
            }
        }
    }
}

impl<R: BufRead> Frame<R> {
    /// Gives the library what makes it give nothing.
    fn feed(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut input = InBuffer::around(bytes);
        self.decoder.run(&mut input, &mut OutBuffer::around(&mut [0_u8; 0][..]))?;
        if input.pos() == bytes.len() { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
    }

    /// Reads the header of a block (RFC 8878 3.1.1.2).
    fn begin_block(&mut self) -> io::Result<()> {
        let mut header = [0; BLOCK_HEADER];
        self.rest.read_exact(&mut header)?;
        self.feed(&header)?;
        let [a, b, c] = header.map(usize::from);
        let (is_last, kind, len) = (a & 1 == 1, a >> 1 & 3, (a | b << 8 | c << 16) >> 3);
        // A repeated byte is one, whatever its number.
        let left = if kind == 1 { 1 } else { len };
        self.next = Part::Block { left, is_last };
        Ok(())
    }

    fn behind_block(&self, is_last: bool) -> Part {
        match (is_last, self.has_checksum) {
            (false, _) => Part::BlockHeader,
            (true, true) => Part::Checksum,
            (true, false) => Part::Nothing,
        }
    }
}
