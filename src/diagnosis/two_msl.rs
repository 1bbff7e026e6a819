//! How long TIME-WAIT can bite: the ladder of system defaults (RFC 9293 3.4.2; Microsoft KB Q129395, Microsoft KB Q149532; Linux, BSD, macOS
//! sources), and what an age on it allows one to claim.

use std::net::IpAddr;

use super::case::Case;
use super::time_wait_collision;
use crate::finding::{Cap, Confidence};
use crate::flow::{End, Half};
use crate::frame::Interval;
use crate::ftp::software::{Family, Software};

/// A 60 s TIME-WAIT was seen to bite at 61.0 s: timers tick coarsely and the clock runs at the holder.
pub const COARSE: Interval = Interval::millis(1500);

/// macOS: twice 15 s (net.inet.tcp.msl).
pub const MACOS: Interval = Interval::seconds(30);

/// Linux, the BSDs, Solaris 9 and later.
pub const MINUTE: Interval = Interval::seconds(60);

/// Windows Server 2003 and later, netfilter's own table.
const WINDOWS: Interval = Interval::seconds(120);

/// RFC 9293's nominal 2 x 2 minutes; Windows NT, 95 and 2000, Solaris 8.
pub const NOMINAL: Interval = Interval::seconds(240);

/// The highest value Windows lets one set (TcpTimedWaitDelay, Microsoft KB Q149532).
const RAISED: Interval = Interval::seconds(300);

/// The lengths that systems come with and which these are, the shortest first.
pub const DEFAULTS: [(Interval, &str); 4] =
    [(MACOS, "macOS"), (MINUTE, "Linux, BSD"), (WINDOWS, "Windows"), (NOMINAL, "Windows NT and 2000, RFC 9293")];

/// What a holder of TIME-WAIT seems to run. A hint, for banners lie and proxies answer for servers: it moves a claim
/// by one step, never by two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Windows NT or 2000: 240 s.
    OldWindows,
    /// A later Windows.
    Windows,
    /// Linux or a BSD.
    Unix,
    /// Nothing tells.
    Unknown,
}

impl System {
    /// The server's, by its banner, its wording and its TTL.
    pub fn of_server(case: &Case<'_>) -> Self {
        let software = case.session.software.known();
        let by_ttl = Self::by_ttl(case.control.half(case.client_end().peer()));
        match software.map(|software| (software.family, by_ttl)) {
            Some((Family::Iis, _)) if software.is_some_and(is_old) => Self::OldWindows,
            Some((Family::Iis, _)) => Self::Windows,
            Some((family, Self::Unix)) if runs_on_unix_alone(family) => Self::Unix,
            Some((family, _)) if runs_on_unix_alone(family) => Self::Unknown,
            _ if by_ttl == Self::Windows => Self::Windows,
            _ => Self::Unknown,
        }
    }

    /// The system of one end, as far as its first TTL tells.
    pub fn of_end(case: &Case<'_>, end: End) -> Self {
        Self::by_ttl(case.control.half(end))
    }

    fn by_ttl(half: &Half) -> Self {
        // Unix starts with 64 and Windows with 128, and each router takes one off.
        match half.first_ttl {
            Some(33..=64) => Self::Unix,
            Some(65..=128) => Self::Windows,
            _ => Self::Unknown,
        }
    }
}

/// Servers that nobody runs on Windows.
fn runs_on_unix_alone(family: Family) -> bool {
    matches!(
        family,
        Family::Vsftpd
            | Family::Proftpd
            | Family::Pureftpd
            | Family::Inetutils
            | Family::Wuftpd
            | Family::FreeBsd
            | Family::NetBsd
            | Family::OpenBsd
            | Family::Busybox
    )
}

/// IIS up to 5.0 came with Windows NT and 2000.
fn is_old(software: &Software) -> bool {
    let major = software.version.as_ref().and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    major.is_some_and(|major| major <= 5)
}

/// What an age allows one to claim.
#[derive(Clone, Debug, PartialEq)]
pub struct Bite {
    /// Highest confidence.
    pub ceiling: Confidence,
    /// How long TIME-WAIT lasts and on which systems, a sentence part.
    pub lasts: String,
}

impl Bite {
    /// The limit as a cap, where it limits.
    pub fn cap(&self, age: Interval) -> Option<Cap> {
        (self.ceiling < Confidence::Proven).then(|| Cap {
            diagnosis: Some(time_wait_collision::NAME),
            ceiling: self.ceiling,
            why: format!("after {age:.0} s TIME-WAIT is still in force only where it lasts {}", self.lasts),
        })
    }
}

/// How long the host with an address keeps TIME-WAIT, where that is known, and by whom: the user, or its own kernel.
pub fn known(case: &Case<'_>, host: IpAddr) -> Option<(Interval, &'static str)> {
    let kernel = || case.policy.facts.time_wait(host, case.session.last.time).says().copied();
    let by_user = case.policy.time_wait.map(|length| (length, "--time-wait"));
    by_user.or_else(|| Some((Interval::from_secs_f64(kernel()?), "Linux, by the facts of that host")))
}

/// Whether the server can still hold a tuple in TIME-WAIT `age` after it began; `None` when it cannot.
pub fn bite_of_server(case: &Case<'_>, age: Interval) -> Option<Bite> {
    bite(age, known(case, case.session.server.ip()), System::of_server(case))
}

/// Whether the client can.
pub fn bite_of_client(case: &Case<'_>, age: Interval) -> Option<Bite> {
    bite(age, known(case, case.session.client.ip()), System::of_end(case, case.client_end()))
}

/// Whether TIME-WAIT can still hold a tuple `age` after it began, as far as its length, and who says so, or the holder's
/// system is known: `None` when it cannot.
pub fn bite(age: Interval, known: Option<(Interval, &str)>, system: System) -> Option<Bite> {
    // The tuple was closed behind the command: nothing was held yet.
    if age < -COARSE {
        return None;
    }
    if let Some((limit, said)) = known {
        let lasts = format!("{limit:.0} s ({said})");
        return (age <= limit + COARSE).then_some(Bite { ceiling: Confidence::Proven, lasts });
    }
    let sure_if = |sure: bool| if sure { Confidence::Probable } else { Confidence::Possible };
    let (ceiling, lasts) = if age <= MINUTE + COARSE {
        (Confidence::Proven, own_length(system))
    } else if age <= WINDOWS + COARSE {
        (sure_if(matches!(system, System::Windows | System::OldWindows)), "120 s or more, as on Windows")
    } else if system == System::Unix {
        return None;
    } else if age <= NOMINAL + COARSE {
        (sure_if(system == System::OldWindows), "240 s, as on Windows NT and 2000 and by the RFC")
    } else if age <= RAISED {
        (Confidence::Possible, "longer than 240 s, where TcpTimedWaitDelay was raised")
    } else {
        return None;
    };
    Some(Bite { ceiling, lasts: lasts.to_owned() })
}

fn own_length(system: System) -> &'static str {
    match system {
        System::OldWindows => "240 s on Windows NT and 2000",
        System::Windows => "120 s on Windows, 240 s on NT and 2000",
        System::Unix => "60 s on Linux and the BSDs",
        System::Unknown => "60 s on Linux and the BSDs, 120 or 240 s on Windows",
    }
}

#[cfg(test)]
mod tests {
    use super::{System, bite};
    use crate::finding::Confidence;
    use crate::frame::Interval;

    #[test]
    fn the_ladder_descends_with_age() {
        let ceiling = |age| bite(age, None, System::Unknown).map(|bite| bite.ceiling);
        assert_eq!(ceiling(Interval::millis(300)), Some(Confidence::Proven));
        assert_eq!(ceiling(Interval::seconds(61)), Some(Confidence::Proven));
        assert_eq!(ceiling(Interval::seconds(100)), Some(Confidence::Possible));
        assert_eq!(ceiling(Interval::seconds(400)), None);
    }

    #[test]
    fn a_known_system_moves_a_claim_by_one_step() {
        let ceiling = |age, system| bite(age, None, system).map(|bite| bite.ceiling);
        assert_eq!(ceiling(Interval::seconds(100), System::Windows), Some(Confidence::Probable));
        assert_eq!(ceiling(Interval::seconds(200), System::Windows), Some(Confidence::Possible));
        assert_eq!(ceiling(Interval::seconds(200), System::OldWindows), Some(Confidence::Probable));
        assert_eq!(ceiling(Interval::seconds(280), System::OldWindows), Some(Confidence::Possible));
        assert_eq!(ceiling(Interval::seconds(100), System::Unix), Some(Confidence::Possible));
        assert_eq!(ceiling(Interval::seconds(130), System::Unix), None);
    }

    #[test]
    fn each_step_ends_with_what_coarse_timers_add() {
        let ceiling = |age, system| bite(age, None, system).map(|bite| bite.ceiling);
        let step = |age, system| (ceiling(age, system), ceiling(age + Interval::millis(100), system));
        let (proven, probable) = (Some(Confidence::Proven), Some(Confidence::Probable));
        let possible = Some(Confidence::Possible);
        assert_eq!(step(Interval::millis(61_500), System::Unknown), (proven, possible));
        assert_eq!(step(Interval::millis(61_500), System::Windows), (proven, probable));
        assert_eq!(step(Interval::millis(121_500), System::Windows), (probable, possible));
        assert_eq!(step(Interval::millis(121_500), System::Unix), (possible, None));
        assert_eq!(step(Interval::millis(241_500), System::OldWindows), (probable, possible));
        assert_eq!(step(Interval::seconds(300), System::OldWindows), (possible, None));
        assert_eq!(step(Interval::millis(-1600), System::Unknown), (None, proven));
    }

    #[test]
    fn the_users_value_overrides_it() {
        assert!(bite(Interval::millis(31_500), Some((Interval::seconds(30), "")), System::Unknown).is_some());
        assert!(bite(Interval::millis(31_600), Some((Interval::seconds(30), "")), System::Unknown).is_none());
    }
}
