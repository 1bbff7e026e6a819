//! Compresses what is written, where that is wanted.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

/// Headers shrink to a third with any effort, and with more effort hardly further.
const EFFORT: u32 = 3;

/// An output whose bytes may be compressed.
#[derive(Debug)]
pub enum Packing<W: Write> {
    /// As they are.
    Plain(W),
    /// By gzip, without name and time: the same bytes become the same bytes.
    Gzip(Box<GzEncoder<W>>),
}

impl<W: Write> Packing<W> {
    /// Compresses what goes to `out`.
    pub fn gzip(out: W) -> Self {
        Self::Gzip(Box::new(GzEncoder::new(out, Compression::new(EFFORT))))
    }

    /// Writes what is left; gives the output back.
    pub fn finish(self) -> io::Result<W> {
        match self {
            Self::Plain(out) => Ok(out),
            Self::Gzip(packed) => packed.finish(),
        }
    }
}

impl<W: Write> Write for Packing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(out) => out.write(bytes),
            Self::Gzip(packed) => packed.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.flush(),
            Self::Gzip(packed) => packed.flush(),
        }
    }
}
