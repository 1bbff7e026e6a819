//! Comments, names of addresses and other things that a pcapng file tells beside its packets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Anonymizer;
use super::line::comment;
use super::names::pseudonym;
use crate::source::remarks::{EUI48, IPV4, IPV6};
use crate::source::{Named, Remarks};
use crate::wire::Mac;

// Option codes of the pcapng draft, sections 4.2 and 4.3, whose values tell of nobody. All others are left out: a hash
// would confirm a guess at what it was taken of, and systems and cards are somebody's.
const IF_MAC_ADDRESS: u16 = 6;
const OF_INTERFACE: [u16; 4] = [8, 13, 16, 17];
const OF_PACKET: [u16; 4] = [2, 4, 5, 6];

/// What remarks are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemarksOn {
    /// A section.
    Section,
    /// An interface.
    Interface,
    /// A packet.
    Packet,
}

impl Anonymizer {
    /// Remarks as they may be shown.
    pub fn remarks(&mut self, remarks: &mut Remarks, on: RemarksOn) {
        for text in &mut remarks.comments {
            let hidden = comment(text.as_bytes(), self.scripts.words(), &mut self.addresses);
            *text = String::from_utf8_lossy(&hidden).into_owned();
        }
        let harmless = match on {
            RemarksOn::Section => &[][..],
            RemarksOn::Interface => &OF_INTERFACE,
            RemarksOn::Packet => &OF_PACKET,
        };
        let is_mac = |code: u16| on == RemarksOn::Interface && code == IF_MAC_ADDRESS;
        remarks.others.retain(|(code, _)| harmless.contains(code) || is_mac(*code));
        for (_, value) in remarks.others.iter_mut().filter(|(code, _)| is_mac(*code)) {
            *value = self.eui48(value);
        }
    }

    /// A name and its address, as they may be shown.
    pub fn named(&mut self, named: &mut Named) {
        let address = &named.address;
        named.address = match (named.kind, address.first_chunk::<4>(), address.first_chunk::<16>()) {
            (IPV4, Some(octets), _) => self.addresses.v4(Ipv4Addr::from(*octets)).octets().to_vec(),
            (IPV6, _, Some(octets)) => self.addresses.v6(Ipv6Addr::from(*octets)).octets().to_vec(),
            (EUI48, _, _) => self.eui48(address),
            _ => vec![0; address.len()],
        };
        for name in &mut named.names {
            // A name that is an address is its pseudonym.
            let is_address = std::str::from_utf8(name).ok().and_then(|name| name.parse::<IpAddr>().ok());
            *name = match is_address {
                Some(address) => self.addresses.ip(address).to_string().into_bytes(),
                None => pseudonym(self.addresses.key(), name),
            };
        }
    }

    fn eui48(&mut self, address: &[u8]) -> Vec<u8> {
        match address.first_chunk() {
            Some(octets) => self.addresses.mac(Mac(*octets)).0.to_vec(),
            None => vec![0; address.len()],
        }
    }
}
