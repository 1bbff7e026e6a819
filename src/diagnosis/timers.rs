//! Silent timers: the delay between a command and its reply names the timer that ran, and with it a cause, even where
//! the text says nothing. A corroboration, never a proof.

use super::case::Case;
use crate::finding::Evidence;
use crate::transfer::Direction;

/// A reply faster than a round trip and this many seconds cannot follow a SYN that was silently dropped: a stack
/// retries for a second at least.
const FAST: f64 = 0.2;

/// How far off a timer may be: this many seconds and this share of it.
const TOLERANCE: (f64, f64) = (0.2, 0.01);

/// Delays of a server that opens the connection itself, by the sources of the servers and of Linux; the last but one by
/// Q200770.
const OF_CONNECT: [(f64, &str); 10] = [
    (1.0, "one retry of a server that tries again after a second"),
    (3.0, "three unanswered ARP requests, or two retries of a BSD server's bind()"),
    (5.0, "one retry of a BSD server's connect()"),
    (10.0, "two retries of a BSD server's connect()"),
    (15.0, "three retries of a BSD server's connect()"),
    (25.0, "five retries of a BSD server's connect()"),
    (55.0, "a BSD server's bind() given up after its ten retries"),
    (90.0, "a BSD server's connect() given up after its retries every 5 s"),
    (45.0, "a Windows NT connect() given up after three retries of its SYN"),
    (127.0, "a Linux connect() given up after six retries of its SYN"),
];

/// Delays that name a timer whoever opens the connection.
const TIMEOUTS: [(f64, &str); 4] = [
    (20.0, "a timeout of 20 s"),
    (30.0, "a timeout of 30 s"),
    (60.0, "a timeout of 60 s, vsftpd's for accept and connect"),
    (120.0, "a timeout of 120 s"),
];

/// How long systems send SYNs before connect() fails, in seconds, and which: Linux with its retries (tcp_syn_retries), doubled
/// from the first or, since 6.5, from the fifth on; 2.6 with a first pause of 3 s; Windows; the BSDs.
const OF_CONNECTING: [(f64, &str); 10] = [
    (127.0, "Linux"),
    (131.0, "Linux"),
    (63.0, "Linux"),
    (67.0, "Linux"),
    (31.0, "Linux"),
    (35.0, "Linux"),
    (189.0, "an older Linux"),
    (93.0, "an older Linux"),
    (21.0, "Windows"),
    (75.0, "a BSD or macOS"),
];

/// After how many seconds servers end sessions that are idle, log in nobody or transfer nothing: pyftpdlib, IIS and
/// FileZilla, vsftpd and ProFTPD, the BSDs and Pure-FTPd, and round numbers that administrators choose.
const OF_SESSIONS: [f64; 10] = [30.0, 60.0, 120.0, 180.0, 300.0, 600.0, 900.0, 1200.0, 1800.0, 3600.0];

/// The length of the timer by which a server ends sessions, if it fits one: what its words name, or one that servers have.
pub fn of_session(lasted: f64, named: Option<f64>) -> Option<f64> {
    named.into_iter().chain(OF_SESSIONS).find(|timer| is_near(lasted, *timer))
}

/// The system whose connect() gives up after so many seconds.
pub fn connect_given_up(waited: f64) -> Option<&'static str> {
    OF_CONNECTING.iter().find(|(timer, _)| is_near(waited, *timer)).map(|(_, system)| *system)
}

fn is_near(delay: f64, timer: f64) -> bool {
    (delay - timer).abs() <= TOLERANCE.0 + timer * TOLERANCE.1
}

/// The timer that ran out after `delay` seconds, of a server that opens the data connection itself or does not.
pub fn named(delay: f64, active: bool) -> Option<&'static str> {
    let of_connect = OF_CONNECT.iter().filter(|_| active);
    of_connect.chain(&TIMEOUTS).find(|(timer, _)| is_near(delay, *timer)).map(|(_, name)| *name)
}

/// Whether a BSD server's bind() can have been retried for so long: its pauses are 1, 2, 3 … 10 s.
pub fn is_bind_retries(delay: f64) -> bool {
    let mut pauses = (1..=10).scan(0.0, |sum, pause| {
        *sum += f64::from(pause);
        Some(*sum)
    });
    pauses.any(|sum| is_near(delay, sum))
}

/// Whether the reply came too fast for a SYN that was silently dropped.
pub fn is_fast(case: &Case<'_>) -> bool {
    let rtt = case.control.handshake_rtt().map_or(0.0, |(out, back)| out + back);
    case.delay().is_some_and(|delay| delay < rtt + FAST) && case.delay_is_known()
}

/// What the delay of the final reply tells, a sentence part.
pub fn hint(case: &Case<'_>) -> Option<String> {
    let delay = case.delay()?;
    if !case.delay_is_known() {
        return Some("how long the reply took is not known, for the capture's clock was set in between".to_owned());
    }
    if is_fast(case) {
        return Some(format!(
            "the reply came after {:.1} ms, too fast for a SYN that was silently dropped",
            delay * 1e3
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
    Some(Evidence::seen(reply.at(), format!("{delay:.1} s behind the command: {timer}")))
}

#[cfg(test)]
mod tests {
    use super::{OF_CONNECT, TIMEOUTS, connect_given_up, is_bind_retries, named};

    #[test]
    fn delays_name_their_timers() {
        assert!(named(5.02, true).is_some_and(|timer| timer.contains("BSD")));
        assert!(named(60.3, true).is_some_and(|timer| timer.contains("60 s")));
        assert_eq!((named(0.0003, true), named(8.0, true)), (None, None));
        // Who waits for a connection retries nothing.
        assert_eq!(named(5.0, false), None);
        assert_eq!(named(60.0, false), named(60.0, true));
    }

    #[test]
    fn silences_as_long_as_connect_tries() {
        assert!([127.3, 131.0, 63.2, 21.0, 75.1].into_iter().all(|waited| connect_given_up(waited).is_some()));
        assert!([8.0, 60.0, 120.0, 65.5].into_iter().all(|waited| connect_given_up(waited).is_none()));
    }

    #[test]
    fn the_pauses_of_bind_add_up() {
        assert!([1.0, 3.0, 6.02, 10.0, 55.1].into_iter().all(is_bind_retries));
        assert!(![0.001, 2.0, 5.0, 30.0].into_iter().any(is_bind_retries));
    }

    #[test]
    fn no_timer_hides_another() {
        for (delay, name) in OF_CONNECT.into_iter().chain(TIMEOUTS) {
            assert_eq!(named(delay, true), Some(name));
        }
    }
}
