//! Unpacks a zstd frame with a decoder in pure Rust: slower than [`super::libzstd`], for targets that lack C.

use std::io::{self, BufRead, Chain, Cursor, Read};

use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use super::zstd::{Header, ZstdFrame};

/// An empty raw block that is the last one (RFC 8878 3.1.1.2), and a checksum, if the frame wants one: nobody looks at it.
const LAST_BLOCK: &[u8] = &[1, 0, 0, 0, 0, 0, 0];

pub(super) struct Frame<R: BufRead> {
    decoder: StreamingDecoder<Ending<R>, FrameDecoder>,
    /// Why the decoder failed. What it holds back is still to come.
    failure: Option<io::Error>,
}

/// A frame that can be made to end early. The decoder holds back what later blocks may refer to (up to 8 MiB) until
/// it has seen the last block, so it is given one.
struct Ending<R> {
    frame: Chain<Cursor<Vec<u8>>, R>,
    end: Option<Cursor<&'static [u8]>>,
}

impl<R: Read> Read for Ending<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &mut self.end {
            Some(end) => end.read(buf),
            None => self.frame.read(buf),
        }
    }
}

impl<R: BufRead> ZstdFrame<R> for Frame<R> {
    fn begin(header: Header, rest: R) -> io::Result<Self> {
        let frame = Ending { frame: Cursor::new(header.to_bytes()).chain(rest), end: None };
        Ok(Self { decoder: StreamingDecoder::new(frame).map_err(io::Error::other)?, failure: None })
    }

    fn into_rest(self) -> R {
        self.decoder.into_inner().frame.into_inner().1
    }
}

impl<R: BufRead> Read for Frame<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.failure.is_none() {
            match self.decoder.read(buf) {
                Ok(0) => return self.check().map(|()| 0),
                Ok(read) => return Ok(read),
                Err(error) => {
                    self.decoder.get_mut().end = Some(Cursor::new(LAST_BLOCK));
                    self.failure = Some(error);
                }
            }
        }
        match self.decoder.read(buf).unwrap_or(0) {
            0 => self.failure.take().map_or(Ok(0), Err),
            read => Ok(read),
        }
    }
}

impl<R: BufRead> Frame<R> {
    /// Compares the checksum at the end of the frame, if there is one.
    fn check(&self) -> io::Result<()> {
        let decoder = &self.decoder.decoder;
        match decoder.get_checksum_from_data() {
            Some(told) if decoder.get_calculated_checksum().is_some_and(|sum| sum != told) => {
                Err(io::Error::other("the checksum is wrong"))
            }
            _ => Ok(()),
        }
    }
}
