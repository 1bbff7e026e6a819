//! Turns a byte stream into a window of contiguous bytes that a parser can look at, refilled in place.
//!
//! Knows no format. Grows only for a record that does not fit, and only up to [`MAX_WINDOW`].

use std::io::{self, Read};
use std::ops::Range;

use super::broken::Broken;
use super::error::words;
use super::input::Reader;

/// Size to begin with. Larger reads cost less by the byte, up to about here.
const INITIAL_WINDOW: usize = 1 << 19;

/// The longest record that is read; Wireshark refuses longer pcapng blocks as well.
pub(super) const MAX_WINDOW: usize = 16 << 20;

/// The bytes of a stream that have been read and not yet passed.
pub(super) struct Window {
    reader: Reader,
    buf: Vec<u8>,
    start: usize,
    end: usize,
    /// Where the buffer's first byte is in the stream.
    origin: u64,
    ended: bool,
    failure: Option<Failure>,
    /// While the buffer is let go: what of it is to be had again.
    let_go: Option<Range<usize>>,
}

/// Why a stream ended before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub what: String,
    /// Whether its data are at fault; otherwise the system failed, and there may be more.
    pub is_damage: bool,
}

impl Window {
    pub(super) fn new(reader: Reader) -> Self {
        let size = match &reader {
            Reader::Stream(_) => INITIAL_WINDOW,
            Reader::Lean(lean) => lean.window,
        };
        let (origin, failure) = (0, None);
        Self { reader, buf: vec![0; size], start: 0, end: 0, origin, ended: false, failure, let_go: None }
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
    pub(super) fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// Whether it is that of a reader which holds no file open.
    pub(super) fn is_lean(&self) -> bool {
        matches!(self.reader, Reader::Lean(_))
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
                    self.failure = Some(Failure { what: words(&error), is_damage: Broken::of(&error).is_some() });
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

    /// Gives a lean reader's buffer back if it has grown, until [`Window::take_up`]. Of what was passed, what lies from
    /// `kept` on stays to be had.
    pub(super) fn let_go(&mut self, kept: usize) {
        let Reader::Lean(lean) = &mut self.reader else { return };
        if self.buf.len() > lean.window {
            let kept = kept.min(self.start)..self.start;
            lean.go_to(self.origin + kept.start as u64);
            self.buf = Vec::new();
            // What has been read and not passed is read again.
            (self.end, self.ended, self.failure) = (self.start, false, None);
            self.let_go = Some(kept);
        }
    }

    /// Reads again what was let go.
    pub(super) fn take_up(&mut self) -> io::Result<()> {
        let (Some(kept), Reader::Lean(lean)) = (self.let_go.take(), &mut self.reader) else { return Ok(()) };
        self.buf.resize(self.start.max(lean.window), 0);
        let Some(again) = self.buf.get_mut(kept) else { return Ok(()) };
        lean.read_exact(again)
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
    use std::sync::Arc;

    use super::super::identity::Identity;
    use super::super::lean::Lean;
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
        let mut window = stream(Trickle(bytes.clone(), 0));
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
        let mut window = stream(io::repeat(7));
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
        let mut window = stream(Fails);
        assert!(!window.fill(1));
        assert_eq!(window.failure(), Some(&Failure { what: "disk on fire".to_owned(), is_damage: false }));
    }

    #[test]
    fn a_buffer_that_has_grown_is_let_go_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let bytes: Vec<u8> = (0..60_000_u32).flat_map(u32::to_le_bytes).collect();
        std::fs::write(&path, &bytes).unwrap();
        let identity = Identity::of(&std::fs::metadata(&path).unwrap()).unwrap();
        let mut window = Window::new(Reader::Lean(Lean::named(path.clone(), identity, Arc::default(), 1000)));
        assert!(window.fill(600));
        let small = window.pass(600, 100..200);
        window.let_go(small.start);
        assert_eq!(window.passed(&small), &bytes[100..200], "a small buffer stays");
        assert!(window.fill(10_000));
        let large = window.pass(9_000, 7_000..8_000);
        window.let_go(large.start);
        assert!(window.buf.is_empty() && window.data().is_empty());
        window.take_up().unwrap();
        assert_eq!(window.passed(&large), &bytes[7_600..8_600]);
        assert!(window.fill(50_000));
        assert_eq!((window.offset(), &window.data()[..50_000]), (9_600, &bytes[9_600..59_600]));
        window.pass(1, 0..1);
        window.let_go(window.start);
        std::fs::write(&path, b"").unwrap();
        assert!(window.take_up().is_ok(), "nothing was to be had again");
        assert!(!window.fill(1) && !window.failure().unwrap().is_damage);
    }

    fn stream(reader: impl Read + Send + 'static) -> Window {
        Window::new(Reader::Stream(Box::new(reader)))
    }
}
