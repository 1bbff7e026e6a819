//! Which servers a client has reached, and when: an attempt that came to nothing is judged when a later one may have worked.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use foldhash::fast::RandomState;

use crate::frame::Stamp;

/// Pairs of client and server that are remembered; when there are more, all of them begin anew.
const PAIRS: usize = 4_096;

/// Greetings of a pair that are remembered: the newest one, and those before it.
const NEWEST: usize = 4;

/// When a server greeted a client, the newest of it.
#[derive(Debug, Default)]
pub(super) struct Reached {
    pairs: HashMap<(IpAddr, SocketAddr), Vec<Stamp>, RandomState>,
}

impl Reached {
    /// `server` greeted `client` at that moment.
    pub(super) fn note(&mut self, client: IpAddr, server: SocketAddr, at: Stamp) {
        if self.pairs.len() >= PAIRS && !self.pairs.contains_key(&(client, server)) {
            self.pairs.clear();
        }
        let newest = self.pairs.entry((client, server)).or_default();
        if newest.len() >= NEWEST {
            newest.remove(0);
        }
        newest.push(at);
    }

    /// The first one known behind that moment.
    pub(super) fn behind(&self, client: IpAddr, server: SocketAddr, at: Stamp) -> Option<Stamp> {
        self.pairs.get(&(client, server))?.iter().find(|reached| **reached > at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::{NEWEST, PAIRS, Reached};
    use crate::frame::{CaptureId, FrameNo, Stamp, Timestamp};

    fn at(number: u64) -> Stamp {
        Stamp::new(CaptureId(0), FrameNo(number), Timestamp(i64::try_from(number).unwrap()))
    }

    #[test]
    fn the_first_one_behind_is_told() {
        let (client, server) = ([10, 0, 0, 1].into(), "10.0.0.2:21".parse().unwrap());
        let mut reached = Reached::default();
        assert_eq!(reached.behind(client, server, at(1)), None);
        for number in [3, 5, 9] {
            reached.note(client, server, at(number));
        }
        assert_eq!(reached.behind(client, server, at(3)), Some(at(5)));
        assert_eq!(reached.behind(client, server, at(9)), None);
        assert_eq!(reached.behind(client, "10.0.0.2:2121".parse().unwrap(), at(1)), None);
    }

    #[test]
    fn it_stays_small() {
        let mut reached = Reached::default();
        for number in 0..3 * PAIRS as u64 {
            let client = std::net::Ipv4Addr::from_bits(u32::try_from(number).unwrap()).into();
            reached.note(client, "10.0.0.2:21".parse().unwrap(), at(number));
        }
        let client = [10, 0, 0, 1].into();
        for number in 0..100 {
            reached.note(client, "10.0.0.2:21".parse().unwrap(), at(number));
        }
        assert!(reached.pairs.len() <= PAIRS && reached.pairs.values().all(|newest| newest.len() <= NEWEST));
    }
}
