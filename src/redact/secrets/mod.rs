//! The secrets that a run has seen, and where they stand in a text.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::ops::{Bound, Range};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::{BEGIN, END, LONGEST, MASK, SHORTEST, Secret, head_of};

/// Bytes that secrets may take, the newest of them: several thousand passwords. Beyond that somebody is guessing.
const KEPT: usize = 512 << 10;
/// What one takes beside its bytes.
const OVERHEAD: usize = 96;
/// The beginning of a secret where a text was cut is told from other words by so many bytes even if no ellipsis shows
/// the cut.
const UNMISTAKABLE: usize = 16;

type Head = [u8; SHORTEST];

/// Secrets that were seen, the newest. Its `Debug` does not tell them.
#[derive(Default)]
pub struct Secrets {
    /// Lower case, each with whether it is whole.
    known: BTreeMap<Arc<str>, bool>,
    /// How many begin so: most places of a text need no further look.
    heads: HashMap<Head, usize, RandomState>,
    /// The oldest first.
    order: VecDeque<Arc<str>>,
    bytes: usize,
}

/// A text without its marks.
struct Unmarked {
    text: String,
    /// What strangers wrote of it, in order.
    foreign: Vec<Range<usize>>,
}

impl Secrets {
    /// Hides this one from now on.
    pub fn learn(&mut self, secret: &Secret) {
        if let Some(whole) = self.known.get_mut(secret.text.as_str()) {
            *whole &= secret.whole;
            return;
        }
        let Some(head) = head(secret.text.as_bytes()) else { return };
        let text: Arc<str> = secret.text.as_str().into();
        self.bytes += text.len() + OVERHEAD;
        *self.heads.entry(head).or_default() += 1;
        self.order.push_back(text.clone());
        self.known.insert(text, secret.whole);
        while self.bytes > KEPT {
            self.forget_oldest();
        }
    }

    /// Hides all that are known where strangers wrote them; the marks stay.
    pub fn hide(&self, text: &mut String) {
        if self.known.is_empty() || !may_be_marked(text) {
            return;
        }
        let unmarked = Unmarked::of(text);
        let hidden = self.places(&unmarked);
        if !hidden.is_empty() {
            *text = unmarked.marked_without(&hidden);
        }
    }

    /// Makes a text fit to be written: all that are known are hidden, and the marks are gone.
    pub fn finish(&self, text: &mut String) {
        self.hide(text);
        if may_be_marked(text) {
            *text = super::unmarked(text);
        }
    }

    /// Where secrets stand that a stranger wrote at least a part of; in order, none in another.
    fn places(&self, unmarked: &Unmarked) -> Vec<Range<usize>> {
        let lower = unmarked.text.to_ascii_lowercase();
        let mut found: Vec<Range<usize>> = Vec::new();
        let mut at = unmarked.foreign.first().map_or(0, |part| part.start.saturating_sub(LONGEST));
        for part in &unmarked.foreign {
            while at < part.end {
                match self.place(&lower, at, part) {
                    Some(place) => {
                        let behind = found.last().map_or(0, |last| last.end);
                        at = place.end;
                        found.push(place.start.max(behind)..place.end);
                    }
                    None => at += 1,
                }
            }
        }
        found
    }

    /// The secret that begins here, if any of it is in `part`, the first one that does not end before.
    fn place(&self, text: &str, at: usize, part: &Range<usize>) -> Option<Range<usize>> {
        let rest = text.get(at..)?;
        self.heads.get(&head(rest.as_bytes())?)?;
        if let Some((length, whole)) = self.longest(rest) {
            let place = at..at + length;
            let place = if whole { place } else { with_its_surroundings(text, place, part) };
            return (place.end > part.start).then_some(place);
        }
        // The text ends within it.
        let end = text.get(at..part.end)?;
        let cut = end.strip_suffix('\u{2026}');
        let least = if cut.is_some() { SHORTEST } else { UNMISTAKABLE };
        let end = cut.unwrap_or(end);
        (at >= part.start && end.len() >= least && self.any_begins_with(end)).then(|| at..at + end.len())
    }

    /// The longest secret at the beginning of a text: its length, and whether it is whole.
    fn longest(&self, text: &str) -> Option<(usize, bool)> {
        let mut start = head_of(text, LONGEST);
        // The secrets that begin `start` stand before it in order, and all that stand between share that beginning.
        while start.len() >= SHORTEST {
            let until = (Bound::Unbounded, Bound::Included(start));
            let (near, whole) = self.known.range::<str, _>(until).next_back()?;
            if start.starts_with(&**near) {
                return Some((near.len(), *whole));
            }
            let common = start.bytes().zip(near.bytes()).take_while(|(a, b)| a == b).count();
            start = head_of(start, common);
        }
        None
    }

    fn any_begins_with(&self, start: &str) -> bool {
        let from = (Bound::Included(start), Bound::Unbounded);
        self.known.range::<str, _>(from).next().is_some_and(|(near, _)| near.starts_with(start))
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.order.pop_front() else { return };
        self.known.remove(&oldest);
        self.bytes = self.bytes.saturating_sub(oldest.len() + OVERHEAD);
        if let Some(head) = head(oldest.as_bytes())
            && let Some(count) = self.heads.get_mut(&head)
        {
            *count -= 1;
            if *count == 0 {
                self.heads.remove(&head);
            }
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secrets", self.known.len())
    }
}

/// Whether a text has the first byte of marks: few texts of other people have it too.
fn may_be_marked(text: &str) -> bool {
    const FIRST: u8 = 0xef;
    text.as_bytes().contains(&FIRST)
}

fn head(text: &[u8]) -> Option<Head> {
    text.first_chunk().copied()
}

/// A part of a secret with what stands beside it up to a blank, and behind it up to where the stranger's words end.
fn with_its_surroundings(text: &str, place: Range<usize>, part: &Range<usize>) -> Range<usize> {
    let before = text.get(part.start.min(place.start)..place.start).unwrap_or_default();
    let beside = before.rfind(char::is_whitespace).map_or(before.len(), |blank| before.len() - blank - 1);
    place.start - beside..place.end.max(part.end)
}

impl Unmarked {
    fn of(marked: &str) -> Self {
        let mut text = String::with_capacity(marked.len());
        let mut foreign: Vec<Range<usize>> = Vec::new();
        let (mut begun, mut depth) = (0, 0_usize);
        for c in marked.chars() {
            match c {
                BEGIN => {
                    begun = if depth == 0 { text.len() } else { begun };
                    depth += 1;
                }
                END => {
                    foreign.extend((depth == 1).then_some(begun..text.len()));
                    depth = depth.saturating_sub(1);
                }
                c => text.push(c),
            }
        }
        foreign.extend((depth > 0).then_some(begun..text.len()));
        Self { text, foreign }
    }

    /// The text with its marks, and with the mask in the place of each of `hidden`.
    fn marked_without(&self, hidden: &[Range<usize>]) -> String {
        let mut out = String::with_capacity(self.text.len());
        let (mut hidden, mut foreign) = (hidden.iter().peekable(), self.foreign.iter().peekable());
        let (mut until, mut open) = (0, false);
        for (at, c) in self.text.char_indices() {
            if let Some(place) = hidden.next_if(|place| place.start == at) {
                out.extend(open.then_some(END));
                out.push_str(MASK);
                (until, open) = (place.end, false);
            }
            if at < until {
                continue;
            }
            while foreign.next_if(|part| part.end <= at).is_some() {}
            let inside = foreign.peek().is_some_and(|part| part.contains(&at));
            if inside != open {
                out.push(if inside { BEGIN } else { END });
                open = inside;
            }
            out.push(c);
        }
        out.extend(open.then_some(END));
        out
    }
}

#[cfg(test)]
mod tests;
