//! What this capture itself lacks: told when packets begin to be dropped, when that is over, and at the end.

use crate::source::Capture;

/// Breaths without a dropped packet, after which it is over.
const QUIET: u32 = 10;

/// How the counts of dropped packets go.
#[derive(Debug, Default)]
pub(super) struct Lacking {
    dropped: u64,
    /// Dropped when it began, and breaths since the last one; `None` while none are.
    dropping: Option<(u64, u32)>,
}

impl Lacking {
    /// Looks at the count; what is to be told.
    pub(super) fn breathe(&mut self, captures: &[Capture]) -> Option<String> {
        let dropped = dropped(captures);
        let before = std::mem::replace(&mut self.dropped, dropped);
        match &mut self.dropping {
            None if dropped > before => {
                self.dropping = Some((before, 0));
                let help = "a filter (-f) or a larger buffer (-B) helps";
                Some(format!("packets are being dropped: they arrive faster than they are analysed; {help}"))
            }
            None => None,
            Some((_, quiet)) if dropped > before => {
                *quiet = 0;
                None
            }
            Some((begun, quiet)) => {
                *quiet += 1;
                let (lost, is_over) = (dropped - *begun, *quiet >= QUIET);
                is_over.then(|| {
                    self.dropping = None;
                    format!("packets are no longer dropped; {lost} were")
                })
            }
        }
    }
}

/// Why what was said at the end does not rest on all that was there.
pub(super) fn verdict(captures: &[Capture]) -> Option<String> {
    if captures.iter().all(Capture::is_complete) {
        return None;
    }
    let judged: u64 = captures.iter().map(|capture| capture.packets).sum();
    let away: f64 = captures.iter().map(|capture| capture.gaps.seconds_away()).sum();
    Some(match dropped(captures) {
        0 => format!("the capture is not complete: an interface was down or removed for {away:.1} s"),
        lost => format!("the capture is not complete: {judged} packets were judged and {lost} dropped"),
    })
}

fn dropped(captures: &[Capture]) -> u64 {
    captures.iter().flat_map(|capture| &capture.interfaces).filter_map(|interface| interface.dropped).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{CaptureId, InterfaceId, LinkType, Timestamp};
    use crate::source::{Annotations, Gap, Gaps, Interface};

    fn capture(dropped: u64) -> [Capture; 1] {
        let interface = Interface { dropped: Some(dropped), ..Interface::new(InterfaceId(0), LinkType::ETHERNET) };
        [Capture {
            id: CaptureId(0),
            path: "eth0".into(),
            format: "live".to_owned(),
            packets: 90,
            first: None,
            last: None,
            damage: None,
            interfaces: vec![interface],
            backwards: Vec::new(),
            annotations: Annotations::default(),
            timeline: CaptureId(0),
            unread: false,
            gaps: Gaps::default(),
            keys: std::sync::Arc::default(),
        }]
    }

    #[test]
    fn it_is_told_once_that_packets_are_dropped_and_once_that_they_no_longer_are() {
        let mut lacking = Lacking::default();
        let mut told = Vec::new();
        for dropped in [0, 0, 5, 7, 7, 7, 9].into_iter().chain([9; 20]).chain([10]) {
            told.extend(lacking.breathe(&capture(dropped)));
        }
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].starts_with("packets are being dropped") && told[2] == told[0], "{told:?}");
        assert_eq!(told[1], "packets are no longer dropped; 9 were");
    }

    #[test]
    fn at_the_end_it_is_said_what_is_missing() {
        let mut captures = capture(0);
        assert_eq!(verdict(&captures), None);
        let second = Timestamp(1_000_000_000);
        captures[0].gaps.push(Gap { from: Timestamp(0), until: second, packets: 0, away: true });
        let away = "the capture is not complete: an interface was down or removed for 1.0 s";
        assert_eq!(verdict(&captures).as_deref(), Some(away));
        captures[0].interfaces[0].dropped = Some(10);
        let dropped = "the capture is not complete: 90 packets were judged and 10 dropped";
        assert_eq!(verdict(&captures).as_deref(), Some(dropped));
    }
}
