//! Turns a finding's frames into a Wireshark display filter that can be pasted.

use std::fmt::Write as _;

use crate::finding::Finding;
use crate::frame::CaptureId;

/// How many terms a filter may have: what fits a terminal line or two and Wireshark's filter bar.
const MAX_TERMS: usize = 40;

/// One filter for each capture the finding cites, since frame numbers are per file; the finding's own capture first.
pub(super) fn filters(finding: &Finding) -> Vec<(CaptureId, String)> {
    let frames = finding.frames();
    let mut captures: Vec<CaptureId> = frames.iter().map(|stamp| stamp.capture).collect();
    captures.sort_unstable_by_key(|capture| (*capture != finding.capture, *capture));
    captures.dedup();
    captures
        .into_iter()
        .map(|capture| {
            let numbers = frames.iter().filter(|stamp| stamp.capture == capture).map(|stamp| stamp.number.0);
            (capture, display_filter(numbers))
        })
        .collect()
}

/// The filter for frames of one capture, in order of number without repetition. Three and more in a row become a
/// range; frames beyond [`MAX_TERMS`] terms are left out.
fn display_filter(numbers: impl Iterator<Item = u64>) -> String {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if last.saturating_add(1) == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let mut terms = runs.into_iter().flat_map(|(first, last)| match last - first {
        0 => vec![first.to_string()],
        1 => vec![first.to_string(), last.to_string()],
        _ => vec![format!("{first}..{last}")],
    });
    let mut set = terms.next().unwrap_or_default();
    for term in terms.take(MAX_TERMS - 1) {
        // Writing to a string cannot fail.
        let _ = write!(set, ", {term}");
    }
    format!("frame.number in {{{set}}}")
}

#[cfg(test)]
mod tests {
    use super::display_filter;

    #[test]
    fn single_frames_are_listed_and_runs_become_ranges() {
        assert_eq!(display_filter([18, 20].into_iter()), "frame.number in {18, 20}");
        assert_eq!(display_filter([1, 2, 4, 5, 6, 9].into_iter()), "frame.number in {1, 2, 4..6, 9}");
        assert_eq!(display_filter([u64::MAX].into_iter()), format!("frame.number in {{{}}}", u64::MAX));
    }

    #[test]
    fn the_length_is_bounded() {
        let filter = display_filter((0..1000).map(|n| n * 2));
        assert_eq!(filter.matches(',').count(), 39);
    }
}
