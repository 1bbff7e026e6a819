//! What the diagnoses about hosts and MACs share: evidence that may lie in several captures.

use std::net::IpAddr;

use crate::finding::Evidence;
use crate::frame::Stamp;
use crate::network::Place;
use crate::source::Capture;

/// Frames cited for one statement.
const CITED: usize = 12;

/// Frames as evidence, one for each capture they lie in, the earliest first.
pub fn cite(frames: &[Stamp], note: &str) -> Vec<Evidence> {
    let mut frames = frames.to_vec();
    frames.sort_unstable();
    frames.dedup();
    if frames.len() > CITED {
        // The first ones and the last one tell the story.
        frames.drain(CITED - 1..frames.len() - 1);
    }
    let mut captures: Vec<_> = Vec::new();
    for frame in &frames {
        if !captures.contains(&frame.capture) {
            captures.push(frame.capture);
        }
    }
    let of = |capture| frames.iter().copied().filter(|frame| frame.capture == capture).collect();
    captures.into_iter().filter_map(|capture| Evidence::seen_all(of(capture), None, note)).collect()
}

/// Splits evidence into what a finding rests on and what supports it.
pub fn primary(evidence: Vec<Evidence>) -> Option<(Evidence, Vec<Evidence>)> {
    let mut all = evidence.into_iter();
    let first = all.next()?;
    Some((first, all.collect()))
}

/// Whether an address takes part in FTP; `parties` are sorted.
pub fn is_party(parties: &[IpAddr], ip: IpAddr) -> bool {
    parties.binary_search(&ip).is_ok()
}

/// An interface by its name, where the capture gives one.
pub fn interface(captures: &[Capture], place: Place) -> String {
    let capture = captures.iter().find(|capture| capture.id == place.capture).filter(|_| place.if_index.is_none());
    let known = capture.and_then(|capture| capture.interfaces.iter().find(|one| one.id == place.interface));
    match known.and_then(|one| one.name.as_deref()) {
        Some(name) => format!("{name} ({place})"),
        None => place.to_string(),
    }
}

/// Addresses as a list, at most `limit` of them.
pub fn list(addresses: &[IpAddr], limit: usize) -> String {
    let shown: Vec<String> = addresses.iter().take(limit).map(ToString::to_string).collect();
    let more = addresses.len().saturating_sub(limit);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::{cite, list};
    use crate::finding::Evidence;
    use crate::frame::{CaptureId, FrameNo, Stamp, Timestamp};

    fn stamp(capture: u32, number: u64) -> Stamp {
        Stamp::new(CaptureId(capture), FrameNo(number), Timestamp(i64::try_from(number).unwrap()))
    }

    #[test]
    fn evidence_is_split_by_capture_and_shortened_in_the_middle() {
        let frames: Vec<Stamp> = (1..=20).map(|n| stamp(u32::from(n == 20), n)).collect();
        let cited = cite(&frames, "x");
        let [Evidence::Seen { frames: one, .. }, Evidence::Seen { frames: other, .. }] = cited.as_slice() else {
            panic!("{cited:?}")
        };
        assert_eq!(one.len(), 11);
        assert_eq!(other[..], [stamp(1, 20)]);
    }

    #[test]
    fn long_lists_are_cut() {
        let ips = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(|ip| ip.parse().unwrap());
        assert_eq!(list(&ips, 2), "10.0.0.1, 10.0.0.2 and 1 more");
        assert_eq!(list(&ips[..1], 2), "10.0.0.1");
    }
}
