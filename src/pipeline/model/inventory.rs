//! Who has which address in the capture group, for people to look at.

use std::collections::HashSet;
use std::net::IpAddr;

use super::Model;
use crate::frame::CaptureId;
use crate::network::{Claim, Place, RouterSign};
use crate::record::HostRecord;
use crate::source::Capture;
use crate::wire::Decoder;

impl Model {
    /// Every address with its MACs, the addresses that the files name for their interfaces, and the parties of FTP
    /// that lie behind a router; in order of capture, interface, MAC and address.
    pub(in crate::pipeline) fn inventory(&self, decoder: &Decoder, captures: &[Capture]) -> Vec<HostRecord> {
        let claims = self.network.inventory();
        let mut hosts: Vec<HostRecord> = claims.iter().map(|claim| self.host(claim, decoder)).collect();
        let mut seen: HashSet<_> = hosts.iter().map(|host| (host.ip, host.capture, host.interface)).collect();
        for capture in captures {
            for interface in &capture.interfaces {
                for ip in &interface.addresses {
                    if seen.insert((*ip, capture.id, Some(interface.id))) {
                        let how = "the capture file";
                        hosts.push(HostRecord { interface: Some(interface.id), how, ..unseen(*ip, capture.id) });
                    }
                }
            }
        }
        let first = captures.first().map_or(CaptureId(0), |capture| capture.id);
        let known: HashSet<IpAddr> = hosts.iter().map(|host| host.ip).collect();
        let behind = self.parties.iter().filter(|ip| !known.contains(ip));
        hosts.extend(behind.map(|ip| unseen(*ip, first)));
        hosts.sort_by_cached_key(|host| {
            (host.capture, host.interface.is_none(), host.interface, host.segment.clone(), host.mac.clone(), host.ip)
        });
        hosts
    }

    fn host(&self, claim: &Claim, decoder: &Decoder) -> HostRecord {
        let sign = self.network.is_router(claim.place, claim.mac);
        HostRecord {
            ip: claim.ip,
            capture: claim.place.capture,
            interface: Some(claim.place.interface),
            segment: segment(claim.place, decoder),
            mac: Some(claim.mac.to_string()),
            how: claim.how.text(),
            at: Some(claim.at),
            local: claim.local,
            shared: sign.map(why_shared),
        }
    }
}

/// What tells a segment apart on its interface.
pub(super) fn segment(place: Place, decoder: &Decoder) -> String {
    let index = place.if_index.map(|index| format!("index {index}"));
    let wrapping = Some(decoder.wrapping_name(place.wrapping)).filter(|name| !name.is_empty());
    index.into_iter().chain(wrapping).collect::<Vec<_>>().join(", ")
}

/// A host of whose link nothing was seen.
fn unseen(ip: IpAddr, capture: CaptureId) -> HostRecord {
    HostRecord {
        ip,
        capture,
        interface: None,
        segment: String::new(),
        mac: None,
        how: "FTP alone",
        at: None,
        local: false,
        shared: None,
    }
}

fn why_shared(sign: RouterSign) -> String {
    match sign {
        RouterSign::Virtual(kind) => format!("virtual MAC ({kind})"),
        RouterSign::Forwards(at) => format!("router (forwards, frame {})", at.number),
        RouterSign::Advertises(at) => format!("router (says so, frame {})", at.number),
        RouterSign::BothEnds(at) => format!("sends for both ends (frame {})", at.number),
        RouterSign::ManyAddresses(count) => format!("shared by {count} addresses"),
    }
}
