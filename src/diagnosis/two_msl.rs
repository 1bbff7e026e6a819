//! How long TIME-WAIT can bite: the ladder of system defaults (RFC 9293 3.4.2; Q129395, Q149532; Linux, BSD, macOS
//! sources), and what an age on it allows one to claim.

use crate::finding::{Cap, Confidence};
use crate::ftp::software::Family;

/// A 60 s TIME-WAIT was seen to bite at 61.0 s: timers tick coarsely and the clock runs at the holder.
const COARSE: f64 = 1.5;

/// Linux, the BSDs, Solaris 9 and later.
const MINUTE: f64 = 60.0;

/// Windows Server 2003 and later, netfilter's own table.
const WINDOWS: f64 = 120.0;

/// RFC 9293's nominal 2 x 2 minutes; Windows NT, 95 and 2000.
const NOMINAL: f64 = 240.0;

/// The highest value Windows lets one set (TcpTimedWaitDelay, Q149532).
const RAISED: f64 = 300.0;

/// What an age allows one to claim.
#[derive(Clone, Debug, PartialEq)]
pub struct Bite {
    /// Highest confidence.
    pub ceiling: Confidence,
    /// On which systems TIME-WAIT lasts that long, a sentence part.
    pub lasts: String,
}

impl Bite {
    /// The limit as a cap, where it limits.
    pub fn cap(&self, age: f64) -> Option<Cap> {
        (self.ceiling < Confidence::Proven).then(|| Cap {
            diagnosis: "time-wait-collision",
            ceiling: self.ceiling,
            why: format!("after {age:.0} s TIME-WAIT still lasts only {}", self.lasts),
        })
    }
}

/// Whether TIME-WAIT can still hold a tuple `age` seconds after it began, as far as the system is known: `None` when
/// it cannot.
pub fn bite(age: f64, known: Option<f64>, family: Option<Family>) -> Option<Bite> {
    if age < -COARSE {
        return None;
    }
    if let Some(limit) = known {
        let lasts = format!("{limit:.0} s (--time-wait)");
        return (age <= limit + COARSE).then_some(Bite { ceiling: Confidence::Proven, lasts });
    }
    let windows = family == Some(Family::Iis);
    let (ceiling, lasts) = if age <= MINUTE + COARSE {
        (Confidence::Proven, "60 s or more on Linux, the BSDs and Windows")
    } else if age <= WINDOWS + COARSE {
        (if windows { Confidence::Probable } else { Confidence::Possible }, "on Windows (120 s and more)")
    } else if age <= NOMINAL + COARSE {
        (
            if windows { Confidence::Probable } else { Confidence::Possible },
            "on Windows NT and 2000 and by the RFC (240 s)",
        )
    } else if age <= RAISED {
        (Confidence::Possible, "where TcpTimedWaitDelay was raised (up to 300 s)")
    } else {
        return None;
    };
    Some(Bite { ceiling, lasts: lasts.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::bite;
    use crate::finding::Confidence;

    #[test]
    fn the_ladder_descends_with_age() {
        let ceiling = |age| bite(age, None, None).map(|bite| bite.ceiling);
        assert_eq!(ceiling(0.3), Some(Confidence::Proven));
        assert_eq!(ceiling(61.0), Some(Confidence::Proven));
        assert_eq!(ceiling(100.0), Some(Confidence::Possible));
        assert_eq!(ceiling(400.0), None);
    }

    #[test]
    fn the_users_value_overrides_it() {
        assert!(bite(29.0, Some(30.0), None).is_some());
        assert!(bite(40.0, Some(30.0), None).is_none());
    }
}
