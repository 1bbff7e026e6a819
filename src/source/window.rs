//! Turns a byte stream into a window of contiguous bytes that a parser can look at, refilled in place.
//!
//! Knows no format. Grows only for a record that does not fit, and only up to [`MAX_WINDOW`].

use std::io::{self, Read};
use std::ops::Range;

/// Size to begin with. Larger reads cost less by the byte, up to about here.
const INITIAL_WINDOW: usize = 1 << 19;

/// The longest record that is read; Wireshark refuses longer pcapng blocks as well.
pub(super) const MAX_WINDOW: usize = 16 << 20;

/// The bytes of a stream that have been read and not yet passed.
pub(super) struct Window {
    reader: Box<dyn Read + Send>,
    buf: Vec<u8>,
    start: usize,
    end: usize,
    /// Where the buffer's first byte is in the stream.
    origin: u64,
    ended: bool,
    failure: Option<String>,
}

impl Window {
    pub(super) fn new(reader: Box<dyn Read + Send>) -> Self {
        Self { reader, buf: vec![0; INITIAL_WINDOW], start: 0, end: 0, origin: 0, ended: false, failure: None }
    }

    /// The bytes at hand, from the current position on.
    #[inline]
    pub(super) fn data(&self) -> &[u8] {
        self.buf.get(self.start..self.end).unwrap_or_default()
    }

    /// Where the current position is in the (decompressed) stream.
    pub(super) fn offset(&self) -> u64 {
        self.origin + self.start as u64
    }

    /// Why the stream ended before its end, if it did.
    pub(super) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Reads until `want` bytes are at hand or the stream ends; tells whether they are.
    ///
    /// What [`Window::passed`] gave before is overwritten by this.
    #[inline]
    pub(super) fn fill(&mut self, want: usize) -> bool {
        self.end - self.start >= want || self.refill(want)
    }

    #[cold]
    fn refill(&mut self, want: usize) -> bool {
        self.make_room(want.min(MAX_WINDOW));
        while self.end - self.start < want && !self.ended {
            match self.buf.get_mut(self.end..).map(|free| self.reader.read(free)) {
                Some(Ok(read)) if read > 0 => self.end = (self.end + read).min(self.buf.len()),
                Some(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Some(Err(error)) => {
                    self.failure = Some(error.to_string());
                    self.ended = true;
                }
                Some(Ok(_)) | None => self.ended = true,
            }
        }
        self.end - self.start >= want
    }

    /// Moves on by `count` bytes.
    #[inline]
    pub(super) fn skip(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }

    /// Moves on by `count` bytes and says where in the buffer `part` of them stays until the next [`Window::fill`].
    #[inline]
    pub(super) fn pass(&mut self, count: usize, part: Range<usize>) -> Range<usize> {
        let kept = self.start + part.start..self.start + part.end;
        self.skip(count);
        kept
    }

    /// Bytes that have been passed since the last [`Window::fill`].
    #[inline]
    pub(super) fn passed(&self, part: &Range<usize>) -> &[u8] {
        self.buf.get(part.clone()).unwrap_or_default()
    }

    /// An empty buffer tail would read as the end of the stream, so there is always room after this.
    fn make_room(&mut self, want: usize) {
        if self.buf.len() - self.start >= want && self.end < self.buf.len() {
            return;
        }
        self.buf.copy_within(self.start..self.end, 0);
        self.origin += self.start as u64;
        self.end -= self.start;
        self.start = 0;
        if want > self.buf.len() {
            self.buf.resize(want.next_power_of_two().min(MAX_WINDOW), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Trickle(Vec<u8>, usize);

    impl Read for Trickle {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let mut step = &self.0[self.1..(self.1 + 7).min(self.0.len())];
            let read = step.read(buf)?;
            self.1 += read;
            Ok(read)
        }
    }

    #[test]
    fn short_reads_are_collected_and_the_tail_is_kept() {
        let bytes: Vec<u8> = (0..100u8).collect();
        let mut window = Window::new(Box::new(Trickle(bytes.clone(), 0)));
        assert!(window.fill(30));
        let kept = window.pass(30, 10..20);
        assert_eq!(window.passed(&kept), &bytes[10..20]);
        assert!(window.fill(70));
        assert_eq!(&window.data()[..70], &bytes[30..]);
        assert!(!window.fill(71));
        assert_eq!(window.offset(), 30);
        assert_eq!(window.failure(), None);
    }

    #[test]
    fn it_grows_for_a_long_record_but_not_beyond_the_limit() {
        let mut window = Window::new(Box::new(io::repeat(7)));
        assert!(window.fill(3 << 20));
        assert_eq!(window.buf.len(), 4 << 20);
        assert!(!window.fill(MAX_WINDOW + 1));
        assert_eq!(window.buf.len(), MAX_WINDOW);
    }

    #[test]
    fn a_failing_reader_is_an_end_with_a_reason() {
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("disk on fire"))
            }
        }
        let mut window = Window::new(Box::new(Fails));
        assert!(!window.fill(1));
        assert_eq!(window.failure(), Some("disk on fire"));
    }
}
