//! Turns packet times into text.

use jiff::tz::TimeZone;

use super::TimeStyle;
use crate::frame::Timestamp;

/// RFC 3339 in UTC, with six digits, or nine where the capture has more than microseconds.
pub(super) fn rfc3339(time: Timestamp) -> String {
    let instant = instant(time);
    if time.0 % 1000 == 0 { format!("{instant:.6}") } else { format!("{instant:.9}") }
}

/// Reads RFC 3339 (`2024-03-01T12:00:00Z`), or a date with or without a time, which is taken as UTC.
pub fn parse_time(text: &str) -> Option<Timestamp> {
    let instant = match text.parse::<jiff::Timestamp>() {
        Ok(instant) => instant,
        Err(_) => text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp(),
    };
    i64::try_from(instant.as_nanosecond()).ok().map(Timestamp)
}

/// Writes the times of one page.
pub(super) struct Clock {
    style: TimeStyle,
    zone: TimeZone,
}

impl Clock {
    pub(super) fn new(style: TimeStyle) -> Self {
        let zone = match style {
            TimeStyle::Local => TimeZone::system(),
            TimeStyle::Utc | TimeStyle::Relative => TimeZone::UTC,
        };
        Self { style, zone }
    }

    /// The day and the zone; `None` when times are relative.
    pub(super) fn day(&self, time: Timestamp) -> Option<String> {
        let zoned = instant(time).to_zoned(self.zone.clone());
        match self.style {
            TimeStyle::Utc => Some(format!("{} UTC", zoned.date())),
            TimeStyle::Local => Some(format!("{} {}", zoned.date(), zoned.strftime("%Z"))),
            TimeStyle::Relative => None,
        }
    }

    /// The time of day, or the seconds since `zero`.
    pub(super) fn time(&self, time: Timestamp, zero: Timestamp) -> String {
        match self.style {
            TimeStyle::Utc | TimeStyle::Local => {
                let civil = instant(time).to_zoned(self.zone.clone()).time();
                if time.0 % 1000 == 0 { format!("{civil:.6}") } else { format!("{civil:.9}") }
            }
            TimeStyle::Relative => seconds(time.0.saturating_sub(zero.0)),
        }
    }

    /// The same to the millisecond, cut off, for where room is short.
    pub(super) fn milliseconds(&self, time: Timestamp, zero: Timestamp) -> String {
        let mut text = self.time(time, zero);
        if let Some(point) = text.find('.') {
            text.truncate(point + 4);
        }
        text
    }
}

/// Nanoseconds as seconds without going through floating point.
fn seconds(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let magnitude = nanoseconds.unsigned_abs();
    let (whole, fraction) = (magnitude / 1_000_000_000, magnitude % 1_000_000_000);
    if fraction.is_multiple_of(1000) {
        format!("{sign}{whole}.{:06}", fraction / 1000)
    } else {
        format!("{sign}{whole}.{fraction:09}")
    }
}

/// Every `i64` of nanoseconds lies within jiff's range; the default is there for the type only.
fn instant(time: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_nanosecond(i128::from(time.0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Clock, TimeStyle, Timestamp, parse_time, rfc3339};

    #[test]
    fn digits_follow_the_capture() {
        assert_eq!(rfc3339(Timestamp(1_500_000_000_123_456_000)), "2017-07-14T02:40:00.123456Z");
        assert_eq!(rfc3339(Timestamp(1_500_000_000_123_456_789)), "2017-07-14T02:40:00.123456789Z");
        assert_eq!(rfc3339(Timestamp(1_500_000_000_000_000_000)), "2017-07-14T02:40:00.000000Z");
    }

    #[test]
    fn times_are_read_as_they_are_written() {
        let time = Some(Timestamp(1_500_000_000_000_000_000));
        for text in ["2017-07-14T02:40:00Z", "2017-07-14T04:40:00+02:00", "2017-07-14 02:40", "2017-07-14T02:40:00"] {
            assert_eq!(parse_time(text), time, "{text}");
        }
        assert_eq!(parse_time("2017-07-14"), parse_time("2017-07-14T00:00:00Z"));
        for text in ["", "yesterday", "2017-07-32", "9999-01-01"] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    #[test]
    fn the_ends_of_the_range_are_times_too() {
        assert_eq!(rfc3339(Timestamp(i64::MAX)), "2262-04-11T23:47:16.854775807Z");
        assert_eq!(rfc3339(Timestamp(i64::MIN)), "1677-09-21T00:12:43.145224192Z");
    }

    #[test]
    fn a_page_shows_the_day_apart_from_the_time() {
        let (zero, time) = (Timestamp(1_500_000_000_000_000_000), Timestamp(1_500_000_001_000_001_000));
        let utc = Clock::new(TimeStyle::Utc);
        assert_eq!(utc.day(time).as_deref(), Some("2017-07-14 UTC"));
        assert_eq!(utc.time(time, zero), "02:40:01.000001");
        let relative = Clock::new(TimeStyle::Relative);
        assert_eq!(relative.day(time), None);
        assert_eq!(relative.time(time, zero), "1.000001");
        assert_eq!(relative.time(zero, time), "-1.000001");
    }
}
