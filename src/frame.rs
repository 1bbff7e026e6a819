//! What a captured frame is, before anybody looks into it: number, time, link type, bytes.
//!
//! Knows nothing of files, protocols or FTP. Everything later in the program cites these values.

use std::fmt;
use std::ops::{Add, Deref, Neg, Sub};

/// Which of the inputs a frame comes from: an index into the run's captures, in the order in which they were opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaptureId(pub u32);

/// A frame's number in its file, from 1, counted as Wireshark counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameNo(pub u64);

/// An interface of a capture: for pcapng the index Wireshark shows, 0 for formats that know only one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceId(pub u32);

/// Packet time in nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// A length of time, to the nanosecond; negative from a later moment to an earlier one. Shown as seconds: `{:.1}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval(i64);

impl Interval {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// Longer than any capture.
    pub const MAX: Self = Self(i64::MAX);

    /// So many seconds.
    pub const fn seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// So many thousandths of a second.
    pub const fn millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// So many seconds and parts of one, to the nanosecond, stopping at the ends of the representable range.
    #[expect(clippy::cast_possible_truncation, reason = "float to integer casts saturate")]
    pub fn from_secs_f64(seconds: f64) -> Self {
        Self((seconds * 1e9) as i64)
    }

    /// Seconds and parts of one.
    #[expect(clippy::cast_precision_loss, reason = "for showing it, and for rates")]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Thousandths of a second and parts of one.
    pub fn as_millis_f64(self) -> f64 {
        self.as_secs_f64() * 1e3
    }

    /// The same, whichever moment came first.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }

    /// So many times as long.
    #[must_use]
    pub const fn times(self, factor: i64) -> Self {
        Self(self.0.saturating_mul(factor))
    }

    /// So many hundredths of it.
    #[must_use]
    pub const fn percent(self, percent: i64) -> Self {
        Self((self.0 / 100).saturating_mul(percent))
    }

    /// Whether it is neither negative nor as long as `end`.
    pub fn is_within(self, end: Self) -> bool {
        Self::ZERO <= self && self < end
    }
}

impl std::iter::Sum for Interval {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::ZERO, Add::add)
    }
}

impl Add for Interval {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Interval {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Interval {
    type Output = Self;

    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_secs_f64().fmt(f)
    }
}

impl Timestamp {
    /// The time from `earlier` to `self`; negative when `earlier` is the later one.
    pub const fn since(self, earlier: Self) -> Interval {
        Interval(self.0.saturating_sub(earlier.0))
    }

    /// This time moved by `span`, stopping at the ends of the representable range.
    #[must_use]
    pub const fn plus(self, span: Interval) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// Seconds from `earlier` to `self`; negative when `earlier` is the later one.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        self.since(earlier).as_secs_f64()
    }

    /// This time moved by `seconds`, stopping at the ends of the representable range.
    #[must_use]
    pub fn plus_seconds(self, seconds: f64) -> Self {
        self.plus(Interval::from_secs_f64(seconds))
    }
}

/// The number of a link type in the tcpdump registry (`LINKTYPE_*`), as pcapng files carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u32);

/// Those that are read or written here, by their names in the registry.
impl LinkType {
    /// BSD loopback, with the address family in the byte order of the host.
    pub const NULL: Self = Self(0);
    /// Ethernet
    pub const ETHERNET: Self = Self(1);
    /// PPP
    pub const PPP: Self = Self(9);
    /// Raw IP, as some systems number it.
    pub const RAW_12: Self = Self(12);
    /// Raw IP, as OpenBSD numbers it.
    pub const RAW_14: Self = Self(14);
    /// PPP in HDLC framing.
    pub const PPP_HDLC: Self = Self(50);
    /// PPP over Ethernet, without the Ethernet header.
    pub const PPP_ETHER: Self = Self(51);
    /// Raw IP
    pub const RAW: Self = Self(101);
    /// Cisco's HDLC framing.
    pub const C_HDLC: Self = Self(104);
    /// OpenBSD loopback, with the address family in the byte order of the network.
    pub const LOOP: Self = Self(108);
    /// Linux "cooked" capture.
    pub const LINUX_SLL: Self = Self(113);
    /// IPv4
    pub const IPV4: Self = Self(228);
    /// IPv6
    pub const IPV6: Self = Self(229);
    /// Linux "cooked" capture, version 2.
    pub const LINUX_SLL2: Self = Self(276);

    /// All of them.
    pub const READ: [Self; 14] = [
        Self::NULL,
        Self::ETHERNET,
        Self::PPP,
        Self::RAW_12,
        Self::RAW_14,
        Self::PPP_HDLC,
        Self::PPP_ETHER,
        Self::RAW,
        Self::C_HDLC,
        Self::LOOP,
        Self::LINUX_SLL,
        Self::IPV4,
        Self::IPV6,
        Self::LINUX_SLL2,
    ];
}

/// Clocks of two interfaces differ by this much at most: within it, what causes comes before what it causes, as
/// a SYN comes behind the words that announce its target.
pub const CLOCKS_APART: Interval = Interval::millis(1);

/// A frame's name and time: what evidence cites.
///
/// Stamps of a timeline compare as their frames come in it. That is the order of time as long as clocks run forward; a
/// clock that is set back begins a new epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// How many times the timeline's clock had stepped back before the frame.
    pub epoch: u32,
    /// Its time.
    pub time: Timestamp,
    /// The capture the frame is in.
    pub capture: CaptureId,
    /// Its number there.
    pub number: FrameNo,
}

impl Stamp {
    /// A frame of a clock that has not stepped back.
    pub const fn new(capture: CaptureId, number: FrameNo, time: Timestamp) -> Self {
        Self { epoch: 0, time, capture, number }
    }

    /// The same frame where it comes next after `before` in a timeline.
    #[must_use]
    pub fn behind(self, before: Self) -> Self {
        let same = Self { epoch: before.epoch, ..self };
        if same < before { Self { epoch: before.epoch.saturating_add(1), ..same } } else { same }
    }

    /// Seconds from `earlier` to `self` as the clock told them; negative where it was set back by more, or where `self`
    /// comes first.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        self.since(earlier).as_secs_f64()
    }

    /// The time from `earlier` to `self` as the clock told it; negative where it was set back by more, or where `self`
    /// comes first.
    pub const fn since(self, earlier: Self) -> Interval {
        self.time.since(earlier.time)
    }

    /// Behind every frame.
    pub const LAST: Self =
        Self { epoch: u32::MAX, time: Timestamp(i64::MAX), capture: CaptureId(u32::MAX), number: FrameNo(u64::MAX) };

    /// The moment that much before this frame, by a clock that was not set back since.
    #[must_use]
    pub fn before_by(self, span: Interval) -> Self {
        Self { time: self.time.plus(-span), capture: CaptureId(0), number: FrameNo(0), ..self }
    }

    /// The moment that much behind this frame, by a clock that is not set back meanwhile.
    #[must_use]
    pub fn after_by(self, span: Interval) -> Self {
        let (capture, number) = (CaptureId(u32::MAX), FrameNo(u64::MAX));
        Self { time: self.time.plus(span), capture, number, ..self }
    }

    /// Whether this frame came first, by more than the clocks of two interfaces differ.
    pub fn precedes(self, other: Self) -> bool {
        !self.is_since(other, CLOCKS_APART)
    }

    /// How old `earlier` was at this frame: zero where the clock was set back by more, so that nobody knows.
    /// Negative only where `self` comes first.
    pub fn age_of(self, earlier: Self) -> Interval {
        let age = self.since(earlier);
        if self >= earlier { age.max(Interval::ZERO) } else { age }
    }

    /// Whether this frame comes behind `from`, or before it by no more than `slack`.
    pub fn is_since(self, from: Self, slack: Interval) -> bool {
        self >= from || self.since(from).abs() <= slack
    }

    /// Whether this frame comes before `until`, or behind it by no more than `slack`.
    pub fn is_until(self, until: Self, slack: Interval) -> bool {
        until.is_since(self, slack)
    }
}

/// Frames that show one thing: at least one, in the order of the capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameList(Frames);

/// Most lists have one frame, and a run keeps very many of them.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Frames {
    One(Stamp),
    /// The first one stands beside all, which begin with it, so that no look-up can fail.
    Several(Stamp, Vec<Stamp>),
}

impl FrameList {
    /// A single frame.
    pub fn one(at: Stamp) -> Self {
        Self(Frames::One(at))
    }

    /// All of `frames`, if there are any.
    pub fn of(frames: Vec<Stamp>) -> Option<Self> {
        let first = *frames.first()?;
        Some(Self(if frames.len() == 1 { Frames::One(first) } else { Frames::Several(first, frames) }))
    }

    /// The first one.
    pub fn first(&self) -> Stamp {
        match &self.0 {
            Frames::One(at) | Frames::Several(at, _) => *at,
        }
    }

    /// The last one, which may be the first.
    pub fn last(&self) -> Stamp {
        self.iter().next_back().copied().unwrap_or(self.first())
    }
}

impl<'a> IntoIterator for &'a FrameList {
    type Item = &'a Stamp;
    type IntoIter = std::slice::Iter<'a, Stamp>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Deref for FrameList {
    type Target = [Stamp];

    fn deref(&self) -> &[Stamp] {
        match &self.0 {
            Frames::One(at) => std::slice::from_ref(at),
            Frames::Several(_, all) => all,
        }
    }
}

/// One captured frame, borrowed from the buffer it was read into.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Name and time.
    pub at: Stamp,
    /// The interface it was captured on.
    pub interface: InterfaceId,
    /// How its first header is to be read.
    pub link_type: LinkType,
    /// The captured bytes.
    pub bytes: &'a [u8],
    /// Length on the wire; larger than `bytes.len()` when the snap length cut it.
    pub wire_len: u32,
}

impl Frame<'_> {
    /// Whether the snap length cut bytes off.
    pub fn is_cut(&self) -> bool {
        self.wire_len as usize > self.bytes.len()
    }
}

impl fmt::Display for FrameNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(number: u64, seconds: i64) -> Stamp {
        Stamp::new(CaptureId(0), FrameNo(number), Timestamp(seconds * 1_000_000_000))
    }

    #[test]
    fn frames_come_one_behind_the_other_whatever_their_clock_says() {
        let times = [10, 11, 11, 8, 9, 12, 5];
        let mut stamps = vec![at(1, 10)];
        for (number, seconds) in (2..).zip(&times[1..]) {
            stamps.push(at(number, *seconds).behind(stamps[stamps.len() - 1]));
        }
        assert!(stamps.windows(2).all(|pair| pair[0] < pair[1]), "{stamps:?}");
        assert_eq!(stamps.iter().map(|at| at.epoch).collect::<Vec<_>>(), [0, 0, 0, 1, 1, 1, 2]);
    }

    #[test]
    fn an_age_is_never_negative_where_a_clock_was_set_back() {
        let (before, after) = (at(1, 10), at(2, 8).behind(at(1, 10)));
        assert_eq!((after.since(before), after.age_of(before)), (Interval::seconds(-2), Interval::ZERO));
        assert_eq!((at(2, 13).age_of(before), before.age_of(at(2, 13))), (Interval::seconds(3), Interval::seconds(-3)));
    }

    #[test]
    fn slack_counts_only_against_the_order_of_frames() {
        let (before, after) = (at(1, 10), at(2, 8).behind(at(1, 10)));
        assert!(after.is_since(before, Interval::seconds(0)) && before.is_until(after, Interval::seconds(0)));
        assert!(
            !before.is_since(after, Interval::seconds(1)) && !after.is_until(before, Interval::seconds(1)),
            "2 s apart"
        );
        assert!(before.is_since(after, Interval::seconds(2)) && after.is_until(before, Interval::seconds(2)));
    }

    #[test]
    fn a_span_is_shown_in_seconds_and_never_overflows() {
        assert_eq!(
            format!("{:.1} {:.0} {}", Interval::millis(-1_250), Interval::seconds(61), Interval::millis(500)),
            "-1.2 61 0.5"
        );
        assert_eq!(
            (Interval::MAX + Interval::seconds(1), -Interval::MAX - Interval::seconds(9)),
            (Interval::MAX, Interval(i64::MIN))
        );
        assert_eq!(Timestamp(i64::MAX).since(Timestamp(i64::MIN)), Interval::MAX);
        assert_eq!(
            (Interval::from_secs_f64(0.25), Interval::from_secs_f64(f64::INFINITY)),
            (Interval::millis(250), Interval::MAX)
        );
    }
}
