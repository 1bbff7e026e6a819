//! Who knocks at many service ports: a port scan touches port 21 too, and nobody wants to hear that it was refused.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;

/// Sources watched; when there are more, those that are no scanners so far begin anew.
const SOURCES: usize = 4_096;

/// Distinct service ports that make a scan.
const PORTS: usize = 8;

/// The first port that no service has by registry: data connections go to these.
const FIRST_FREE: u16 = 1_024;

/// The service ports a source has sent a SYN to, each once; 0 where none is yet.
type Ports = [u16; PORTS];

/// Who has sent SYNs to service ports.
#[derive(Debug, Default)]
pub(super) struct Scanners {
    knocked: HashMap<IpAddr, Ports, RandomState>,
}

impl Scanners {
    /// `source` has sent a SYN to `port`.
    pub(super) fn knock(&mut self, source: IpAddr, port: u16) {
        if port == 0 || port >= FIRST_FREE {
            return;
        }
        if self.knocked.len() >= SOURCES && !self.knocked.contains_key(&source) {
            self.make_room();
        }
        let ports = self.knocked.entry(source).or_default();
        if let Some(place) = ports.iter_mut().find(|known| **known == 0 || **known == port) {
            *place = port;
        }
    }

    /// Most sources knock once; should most be scanners, all of them begin anew.
    fn make_room(&mut self) {
        self.knocked.retain(|_, ports| are_many(ports));
        if self.knocked.len() > SOURCES / 2 {
            self.knocked.clear();
        }
    }

    /// Whether `source` has knocked at many service ports.
    pub(super) fn is_scanner(&self, source: IpAddr) -> bool {
        self.knocked.get(&source).is_some_and(are_many)
    }
}

/// Whether they make a scan.
fn are_many(ports: &Ports) -> bool {
    !ports.contains(&0)
}

#[cfg(test)]
mod tests {
    use super::{PORTS, Scanners};

    #[test]
    fn many_service_ports_are_a_scan_and_many_data_ports_are_not() {
        let (scanner, server) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let mut scanners = Scanners::default();
        for step in 0..PORTS {
            let step = u16::try_from(step).unwrap_or_default();
            scanners.knock(scanner, 20 + step);
            scanners.knock(server, 50_000 + step);
        }
        assert!(scanners.is_scanner(scanner));
        assert!(!scanners.is_scanner(server));
    }
    #[test]
    fn a_scanner_is_known_among_many_who_knock_once() {
        let scanner: std::net::IpAddr = [10, 0, 0, 1].into();
        let mut scanners = Scanners::default();
        for step in 0..PORTS {
            scanners.knock(scanner, 20 + u16::try_from(step).unwrap_or_default());
        }
        for other in 0..3 * u32::try_from(super::SOURCES).unwrap_or_default() {
            scanners.knock(std::net::Ipv4Addr::from_bits(other).into(), 21);
        }
        assert!(scanners.is_scanner(scanner));
        assert!(scanners.knocked.len() <= super::SOURCES);
    }
}
