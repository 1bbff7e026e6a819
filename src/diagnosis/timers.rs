//! Silent timers: the delay between a command and its reply names the timer that ran, and with it a cause, even where
//! the text says nothing. A corroboration, never a proof.

use super::case::Case;
use crate::finding::Evidence;
use crate::frame::Interval;
use crate::transfer::Direction;

/// A reply faster than a round trip and this time cannot follow a SYN that was silently dropped: a stack
/// retries for a second at least.
const FAST: Interval = Interval::millis(200);

/// How far off a timer may be: this much, and so many hundredths of it.
const TOLERANCE: Interval = Interval::millis(200);
const TOLERANCE_PERCENT: i64 = 1;

/// Delays of a server that opens the connection itself, by the sources of the servers and of Linux; the last but one by
/// Microsoft KB Q200770.
const OF_CONNECT: [(Interval, &str); 10] = [
    (Interval::seconds(1), "one retry of a server that tries again after a second"),
    (Interval::seconds(3), "three unanswered ARP requests, or two retries of a BSD server's bind()"),
    (Interval::seconds(5), "one retry of a BSD server's connect()"),
    (Interval::seconds(10), "two retries of a BSD server's connect()"),
    (Interval::seconds(15), "three retries of a BSD server's connect()"),
    (Interval::seconds(25), "five retries of a BSD server's connect()"),
    (Interval::seconds(55), "a BSD server's bind() that failed after ten retries"),
    (Interval::seconds(90), "a BSD server's connect() that failed after retries every 5 s"),
    (Interval::seconds(45), "a Windows NT connect() that failed after three retries of its SYN"),
    (Interval::seconds(127), "a Linux connect() that failed after six retries of its SYN"),
];

/// Delays that name a timer whoever opens the connection.
const TIMEOUTS: [(Interval, &str); 4] = [
    (Interval::seconds(20), "a timeout of 20 s"),
    (Interval::seconds(30), "a timeout of 30 s"),
    (Interval::seconds(60), "a timeout of 60 s, vsftpd's for accept and connect"),
    (Interval::seconds(120), "a timeout of 120 s"),
];

/// How long systems send SYNs before connect() fails, and which: Linux with its retries (tcp_syn_retries), doubled
/// from the first or, since 6.5, from the fifth on; 2.6 with a first pause of 3 s; Windows; the BSDs.
const OF_CONNECTING: [(Interval, &str); 10] = [
    (Interval::seconds(127), "Linux"),
    (Interval::seconds(131), "Linux"),
    (Interval::seconds(63), "Linux"),
    (Interval::seconds(67), "Linux"),
    (Interval::seconds(31), "Linux"),
    (Interval::seconds(35), "Linux"),
    (Interval::seconds(189), "an older Linux"),
    (Interval::seconds(93), "an older Linux"),
    (Interval::seconds(21), "Windows"),
    (Interval::seconds(75), "a BSD or macOS"),
];

/// After how many seconds servers end sessions that are idle, log in nobody or transfer nothing: pyftpdlib, IIS and
/// FileZilla, vsftpd and ProFTPD, the BSDs and Pure-FTPd, and round numbers that administrators choose.
const OF_SESSIONS: [Interval; 10] = [
    Interval::seconds(30),
    Interval::seconds(60),
    Interval::seconds(120),
    Interval::seconds(180),
    Interval::seconds(300),
    Interval::seconds(600),
    Interval::seconds(900),
    Interval::seconds(1200),
    Interval::seconds(1800),
    Interval::seconds(3600),
];

/// The length of the timer by which a server ends sessions, if it fits one: what its words name, or one that servers have.
pub fn of_session(lasted: Interval, named: Option<Interval>) -> Option<Interval> {
    named.into_iter().chain(OF_SESSIONS).find(|timer| is_near(lasted, *timer))
}

/// The system whose connect() gives up after that long.
pub fn connect_given_up(waited: Interval) -> Option<&'static str> {
    OF_CONNECTING.iter().find(|(timer, _)| is_near(waited, *timer)).map(|(_, system)| *system)
}

fn is_near(delay: Interval, timer: Interval) -> bool {
    (delay - timer).abs() <= TOLERANCE + timer.percent(TOLERANCE_PERCENT)
}

/// The timer that ran out after `delay`, of a server that opens the data connection itself or does not.
pub fn named(delay: Interval, active: bool) -> Option<&'static str> {
    let of_connect = OF_CONNECT.iter().filter(|_| active);
    of_connect.chain(&TIMEOUTS).find(|(timer, _)| is_near(delay, *timer)).map(|(_, name)| *name)
}

/// Whether a BSD server's bind() can have been retried for so long: its pauses are 1, 2, 3 … 10 s.
pub fn is_bind_retries(delay: Interval) -> bool {
    let mut sums = (1..=10).scan(Interval::ZERO, |sum, pause| {
        *sum = *sum + Interval::seconds(pause);
        Some(*sum)
    });
    sums.any(|sum| is_near(delay, sum))
}

/// Whether the reply came too fast for a SYN that was silently dropped.
pub fn is_fast(case: &Case<'_>) -> bool {
    // A SYN that is dropped silently costs its sender a second or more, a refusal no more than a round trip.
    let rtt = case.control.handshake_rtt().map_or(Interval::ZERO, |(out, back)| out + back);
    case.delay().is_some_and(|delay| delay < rtt + FAST) && case.delay_is_known()
}

/// What the delay of the final reply tells, a sentence part.
pub fn hint(case: &Case<'_>) -> Option<String> {
    let delay = case.delay()?;
    if !case.delay_is_known() {
        return Some("how long the reply took is not known: the capture's clock was set in between".to_owned());
    }
    if is_fast(case) {
        return Some(format!(
            "the reply came after {:.1} ms, too fast for a SYN that was silently dropped",
            delay.as_millis_f64()
        ));
    }
    Some(named(delay, is_active(case)).map_or_else(
        || format!("the reply came after {delay:.1} s"),
        |timer| format!("the reply came after {delay:.1} s, which fits {timer}"),
    ))
}

/// Whether the server opens the data connection.
fn is_active(case: &Case<'_>) -> bool {
    case.concluded.in_force().is_none_or(|offer| offer.direction == Direction::Active)
}

/// The same as evidence, where a timer has a name.
pub fn evidence(case: &Case<'_>) -> Option<Evidence> {
    let (_, reply) = case.report()?;
    let delay = case.delay().filter(|_| case.delay_is_known())?;
    let timer = named(delay, is_active(case))?;
    Some(Evidence::seen(reply.at(), format!("{delay:.1} s after the command: {timer}")))
}

#[cfg(test)]
mod tests {
    use super::{OF_CONNECT, TIMEOUTS, connect_given_up, is_bind_retries, named};
    use crate::frame::Interval;

    #[test]
    fn delays_name_their_timers() {
        assert!(named(Interval::millis(5020), true).is_some_and(|timer| timer.contains("BSD")));
        assert!(named(Interval::millis(60_300), true).is_some_and(|timer| timer.contains("60 s")));
        assert_eq!((named(Interval::from_secs_f64(0.0003), true), named(Interval::seconds(8), true)), (None, None));
        // Who waits for a connection retries nothing.
        assert_eq!(named(Interval::seconds(5), false), None);
        assert_eq!(named(Interval::seconds(60), false), named(Interval::seconds(60), true));
    }

    #[test]
    fn silences_as_long_as_connect_tries() {
        assert!(
            [127.3, 131.0, 63.2, 21.0, 75.1]
                .into_iter()
                .all(|waited| connect_given_up(Interval::from_secs_f64(waited)).is_some())
        );
        assert!(
            [8.0, 60.0, 120.0, 65.5]
                .into_iter()
                .all(|waited| connect_given_up(Interval::from_secs_f64(waited)).is_none())
        );
    }

    #[test]
    fn the_pauses_of_bind_add_up() {
        assert!([1.0, 3.0, 6.02, 10.0, 55.1].map(Interval::from_secs_f64).into_iter().all(is_bind_retries));
        assert!(![0.001, 2.0, 5.0, 30.0].map(Interval::from_secs_f64).into_iter().any(is_bind_retries));
    }

    #[test]
    fn no_timer_hides_another() {
        for (delay, name) in OF_CONNECT.into_iter().chain(TIMEOUTS) {
            assert_eq!(named(delay, true), Some(name));
        }
    }
}
