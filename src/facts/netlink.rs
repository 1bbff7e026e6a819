//! What the kernel answers on its routing socket (rtnetlink(7)): neighbours, routes and rules of both families.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteNextHopFlags, RouteType, RouteVia,
};
use netlink_packet_route::rule::{RuleAction as Action, RuleAttribute, RuleFlags, RuleMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::{IpFamily, Neighbour, Resolution, RouteEntry, Rule, RuleAction, Subnet};

/// The table of own addresses: no ways out.
const LOCAL_TABLE: u32 = 255;

/// A table of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelTable {
    /// Who has which MAC address on the links.
    Neighbours,
    /// The routes of all tables.
    Routes,
    /// Which table of routes is looked at when.
    Rules,
}

/// An entry of one.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A neighbour.
    Neighbour(Neighbour),
    /// A route; one with several next hops comes as often.
    Route(RouteEntry),
    /// A route that depends on more than the destination, or entries that the kernel did not give.
    OtherRoute,
    /// A rule.
    Rule(Rule),
}

/// The request for all entries of a table.
pub fn request(table: KernelTable) -> Vec<u8> {
    let mut message = NetlinkMessage::from(match table {
        KernelTable::Neighbours => RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default()),
        KernelTable::Routes => RouteNetlinkMessage::GetRoute(RouteMessage::default()),
        KernelTable::Rules => RouteNetlinkMessage::GetRule(RuleMessage::default()),
    });
    message.header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    message.header.sequence_number = 1;
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// Reads a datagram of the answer; whether it is the last one. `name` tells the name of an interface. Messages that cannot
/// be read are left out.
pub fn answer(mut bytes: &[u8], name: &dyn Fn(u32) -> String, take: &mut dyn FnMut(Entry)) -> bool {
    while let Some(head) = bytes.first_chunk::<4>() {
        // A message is as long as it says, and aligned to four bytes.
        let len = usize::try_from(u32::from_ne_bytes(*head)).unwrap_or(usize::MAX).max(16);
        let Some(message) = bytes.get(..len) else { return true };
        match NetlinkMessage::<RouteNetlinkMessage>::deserialize(message).map(|message| message.payload) {
            Ok(NetlinkPayload::Done(_)) => return true,
            // What is missing may be anything.
            Ok(NetlinkPayload::Error(_) | NetlinkPayload::Overrun(_)) => {
                take(Entry::OtherRoute);
                return true;
            }
            Ok(NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewNeighbour(told))) => {
                neighbour(&told, name).map(Entry::Neighbour).into_iter().for_each(&mut *take);
            }
            Ok(NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewRoute(told))) => {
                routes(&told, name).into_iter().for_each(&mut *take);
            }
            Ok(NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewRule(told))) => {
                rule(&told).map(Entry::Rule).into_iter().for_each(&mut *take);
            }
            Ok(_) | Err(_) => {}
        }
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    false
}

fn neighbour(told: &NeighbourMessage, name: &dyn Fn(u32) -> String) -> Option<Neighbour> {
    let state = match told.header.state {
        NeighbourState::Incomplete | NeighbourState::Failed => Resolution::Unresolved,
        NeighbourState::Permanent => Resolution::Permanent,
        NeighbourState::Reachable | NeighbourState::Stale => Resolution::Resolved,
        NeighbourState::Delay | NeighbourState::Probe => Resolution::Probing,
        // Multicast addresses, and interfaces without ARP.
        _ => return None,
    };
    let address = told.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet(ip)) => Some(IpAddr::V4(*ip)),
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(ip)) => Some(IpAddr::V6(*ip)),
        _ => None,
    })?;
    let mac = told.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::LinkLayerAddress(octets) if !octets.is_empty() => Some(octets),
        _ => None,
    });
    let mac = mac.filter(|_| state != Resolution::Unresolved);
    let mac = mac.map(|octets| octets.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(":"));
    Some(Neighbour { interface: name(told.header.ifindex), address, mac, state })
}

fn routes(told: &RouteMessage, name: &dyn Fn(u32) -> String) -> Vec<Entry> {
    let header = &told.header;
    let (refused, next_rule) = match header.kind {
        RouteType::Unicast => (false, false),
        RouteType::BlackHole | RouteType::Unreachable | RouteType::Prohibit => (true, false),
        RouteType::Throw => (false, true),
        _ => return Vec::new(),
    };
    let network = match header.address_family {
        AddressFamily::Inet => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        AddressFamily::Inet6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => return Vec::new(),
    };
    let mut route = RouteEntry {
        network,
        prefix: header.destination_prefix_length,
        gateway: None,
        interface: "*".to_owned(),
        metric: 0,
        table: header.table.into(),
        refused,
        next_rule,
    };
    let mut hops = Vec::new();
    for attribute in &told.attributes {
        match attribute {
            RouteAttribute::Destination(to) => route.network = ip(to).unwrap_or(network),
            RouteAttribute::Priority(metric) => route.metric = *metric,
            RouteAttribute::Table(table) => route.table = *table,
            RouteAttribute::Oif(index) => route.interface = name(*index),
            RouteAttribute::MultiPath(all) => hops.extend(all),
            other => route.gateway = gateway(other).or(route.gateway),
        }
    }
    let is_gone = header.flags.intersects(RouteFlags::Dead | RouteFlags::Cloned);
    if route.table == LOCAL_TABLE || is_gone || route.network.is_multicast() {
        return Vec::new();
    }
    if header.source_prefix_length > 0 || header.tos != 0 {
        return vec![Entry::OtherRoute];
    }
    if hops.is_empty() {
        return vec![Entry::Route(route)];
    }
    let alive = hops.into_iter().filter(|hop| !hop.flags.contains(RouteNextHopFlags::Dead));
    let by = alive.map(|hop| RouteEntry {
        gateway: hop.attributes.iter().find_map(gateway),
        interface: name(hop.interface_index),
        ..route.clone()
    });
    by.map(Entry::Route).collect()
}

fn gateway(attribute: &RouteAttribute) -> Option<IpAddr> {
    match attribute {
        RouteAttribute::Gateway(by) => ip(by),
        RouteAttribute::Via(RouteVia::Inet6(by)) => Some(IpAddr::V6(*by)),
        RouteAttribute::Via(RouteVia::Inet(by)) => Some(IpAddr::V4(*by)),
        _ => None,
    }
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(ip) => Some(IpAddr::V4(*ip)),
        RouteAddress::Inet6(ip) => Some(IpAddr::V6(*ip)),
        _ => None,
    }
}

fn rule(told: &RuleMessage) -> Option<Rule> {
    let header = &told.header;
    let family = match header.family {
        AddressFamily::Inet => IpFamily::Ipv4,
        AddressFamily::Inet6 => IpFamily::Ipv6,
        _ => return None,
    };
    let mut rule = Rule {
        priority: 0,
        family,
        from: None,
        to: None,
        incoming: None,
        inverted: header.flags.contains(RuleFlags::Invert),
        conditions: Vec::new(),
        action: match header.action {
            Action::ToTable => RuleAction::Lookup,
            Action::Nop => RuleAction::Nothing,
            Action::Blackhole | Action::Unreachable | Action::Prohibit => RuleAction::Refuse,
            _ => RuleAction::Other,
        },
        table: (header.table != 0).then(|| header.table.into()),
        longer_than: None,
    };
    let mut condition = |name: &str| rule.conditions.push(name.to_owned());
    if header.tos != 0 {
        condition("tos");
    }
    for attribute in &told.attributes {
        match attribute {
            RuleAttribute::Source(address) => {
                rule.from = Some(Subnet { address: *address, prefix: header.src_len });
            }
            RuleAttribute::Destination(address) => {
                rule.to = Some(Subnet { address: *address, prefix: header.dst_len });
            }
            RuleAttribute::Priority(priority) => rule.priority = *priority,
            RuleAttribute::Table(table) => rule.table = (*table != 0).then_some(*table),
            RuleAttribute::SuppressPrefixLen(short) => rule.longer_than = u8::try_from(*short).ok(),
            RuleAttribute::Iifname(interface) => rule.incoming = Some(interface.clone()),
            RuleAttribute::Oifname(_) => condition("oif"),
            RuleAttribute::FwMark(_) => condition("fwmark"),
            RuleAttribute::TunId(_) => condition("tun_id"),
            RuleAttribute::SuppressIfGroup(group) if *group != u32::MAX => condition("suppress_ifgroup"),
            // Its table is that of the interface of the socket.
            RuleAttribute::L3MDev(true) => rule.action = RuleAction::Other,
            RuleAttribute::UidRange(_) => condition("uidrange"),
            RuleAttribute::IpProtocol(_) => condition("ipproto"),
            RuleAttribute::SourcePortRange(_) => condition("sport"),
            RuleAttribute::DestinationPortRange(_) => condition("dport"),
            _ => {}
        }
    }
    Some(rule)
}
