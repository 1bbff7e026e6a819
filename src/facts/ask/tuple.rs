//! Whether a host held a 5-tuple in TIME-WAIT: what the tables of its sockets say of a moment, and what they do not.

use std::net::SocketAddr;

use super::{ANOTHER_CLOCK, Answer, Facts, Moment, Said, TICK, Tuple, open};
use crate::facts::{Held, HeldIn, Host, Reading, TIME_WAIT};
use crate::frame::Timestamp;

/// A TIME-WAIT that began this close to the end of the connection in the capture, in seconds, shows that the clocks agree.
const SAME_MOMENT: f64 = 1.0;

impl Facts {
    /// Whether the host with `local` held the 5-tuple to `remote` in TIME-WAIT.
    pub fn tuple(&self, local: SocketAddr, remote: SocketAddr, moment: Moment) -> Answer<Tuple> {
        let (source, host) = match self.of(local.ip()) {
            Ok(found) => found,
            Err(answer) => return answer.never(),
        };
        let Moment { closed, wanted, is_here } = moment;
        let entry = |reading: &'_ Reading| {
            let is_it = |held: &&Held| held.local == local && held.remote == remote && held.state == HeldIn::TimeWait;
            reading.time_wait.iter().find(is_it).copied()
        };
        let found: Vec<(&Reading, Held)> =
            host.readings.iter().filter_map(|reading| Some((reading, entry(reading)?))).collect();
        // The latest reading says most: whether it was held all the time.
        for (reading, held) in found.iter().rev() {
            let begun = reading.at.plus_seconds(held.left - TIME_WAIT + reading.took);
            let before = wanted.seconds_since(begun);
            let after = reading.at.plus_seconds(held.left).seconds_since(wanted);
            if before < -TICK || after < 0.0 {
                continue;
            }
            let Some(closed) = closed.or(is_here.then_some(begun)) else {
                return Answer::Open(open(ANOTHER_CLOCK, reading.at, source));
            };
            let apart = begun.seconds_since(closed);
            if !is_here && apart.abs() > SAME_MOMENT {
                let why = format!(
                    "its clock differs from the capture's: {local} to {remote} is in TIME-WAIT {:.1} s {} the close that the capture shows",
                    apart.abs(),
                    if apart > 0.0 { "after" } else { "before" },
                );
                return Answer::Open(open(&why, reading.at, source));
            }
            let fact = format!(
                "{local} to {remote} in TIME-WAIT with {:.2} s left: from {:.1} s before the reply until {after:.1} s after it",
                held.left,
                before.max(0.0),
            );
            let said = Said { fact, at: reading.at, source: source.to_owned() };
            return Answer::Says(Tuple::Held { through: reading.at >= wanted }, said);
        }
        closed.map_or(Answer::Silent, |closed| absent(host, source, (local, remote), closed, is_here))
    }
}

/// What it tells that no entry is found: that a tuple was free, if the table was whole and read while the entry of the
/// connection that the capture shows would have been in it.
fn absent(
    host: &Host,
    source: &str,
    (local, remote): (SocketAddr, SocketAddr),
    closed: Timestamp,
    is_here: bool,
) -> Answer<Tuple> {
    let age = |reading: &Reading| reading.at.seconds_since(closed);
    let telling = |reading: &&Reading| (TICK..TIME_WAIT - 1.0).contains(&age(reading));
    let Some(reading) = host.readings.iter().rfind(telling) else {
        let nearest = host.readings.iter().map(age).min_by(|one, other| one.abs().total_cmp(&other.abs()));
        let when = nearest.map_or_else(String::new, |age| {
            format!(" {:.0} s {} the close", age.abs(), if age < 0.0 { "before" } else { "after" })
        });
        let why = format!("read{when}, and TIME-WAIT lasts {TIME_WAIT:.0} s");
        return Answer::Open(open(&why, host.first_reading(), source));
    };
    let overflow = reading.counters.get("TCPTimeWaitOverflow").copied();
    let why = if !is_here {
        Some(format!("an entry is missing, and {ANOTHER_CLOCK}"))
    } else if overflow != Some(0) {
        let times = overflow.map_or("perhaps".to_owned(), |times| format!("{times} times"));
        Some(format!("an entry is missing, and the table of TIME-WAIT overflowed {times}"))
    } else if reading.left_out > 0 || !(reading.peers.is_empty() || reading.peers.contains(&remote.ip())) {
        Some("an entry is missing, and not all were kept".to_owned())
    } else {
        None
    };
    if let Some(why) = why {
        return Answer::Open(open(&why, reading.at, source));
    }
    let fact = format!("{local} to {remote} is not in TIME-WAIT, {:.1} s after the close", age(reading));
    Answer::Says(Tuple::Free, Said { fact, at: reading.at, source: source.to_owned() })
}
