//! `/proc/net/route` and `/proc/net/ipv6_route`, and where a packet goes by them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Host, RouteEntry};

/// The route is in use (`RTF_UP`), by way of a router (`RTF_GATEWAY`), refuses (`RTF_REJECT`), is an own address
/// (`RTF_LOCAL`).
const UP: u32 = 0x1;
const GATEWAY: u32 = 0x2;
const REJECT: u32 = 0x200;
const LOCAL: u32 = 0x8000_0000;

/// Routes of IPv4. Lines that are none are left out.
pub fn routes(text: &str) -> Vec<RouteEntry> {
    text.lines().skip(1).filter_map(route).collect()
}

fn route(line: &str) -> Option<RouteEntry> {
    let columns: Vec<&str> = line.split_ascii_whitespace().collect();
    let [interface, network, gateway, flags, _, _, metric, mask, ..] = columns.as_slice() else { return None };
    // In the byte order of the machine.
    let address = |text: &str| Some(Ipv4Addr::from(u32::from_str_radix(text, 16).ok()?.to_ne_bytes()));
    let flags = u32::from_str_radix(flags, 16).ok()?;
    let prefix = u8::try_from(address(mask)?.to_bits().leading_ones()).ok()?;
    let gateway = if flags & GATEWAY != 0 { Some(IpAddr::V4(address(gateway)?)) } else { None };
    (flags & UP != 0).then_some(RouteEntry {
        network: IpAddr::V4(address(network)?),
        prefix,
        gateway,
        interface: (*interface).to_owned(),
        metric: metric.parse().ok()?,
        refused: flags & REJECT != 0,
    })
}

/// Routes of IPv6, without those to own addresses.
pub fn routes6(text: &str) -> Vec<RouteEntry> {
    text.lines().filter_map(route6).collect()
}

fn route6(line: &str) -> Option<RouteEntry> {
    let columns: Vec<&str> = line.split_ascii_whitespace().collect();
    let [network, prefix, _, _, gateway, metric, _, _, flags, interface] = columns.as_slice() else { return None };
    let address = |text: &str| Some(Ipv6Addr::from(u128::from_str_radix(text, 16).ok()?));
    let number = |text: &str| u32::from_str_radix(text, 16).ok();
    let (flags, gateway) = (number(flags)?, address(gateway)?);
    let is_wanted = flags & UP != 0 && flags & LOCAL == 0 && !address(network)?.is_multicast();
    is_wanted.then_some(RouteEntry {
        network: IpAddr::V6(address(network)?),
        prefix: u8::try_from(number(prefix)?).ok().filter(|prefix| *prefix <= 128)?,
        gateway: (!gateway.is_unspecified()).then_some(IpAddr::V6(gateway)),
        interface: (*interface).to_owned(),
        metric: number(metric)?,
        refused: flags & REJECT != 0,
    })
}

/// The first bits of an address, the others 0.
pub(super) fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(ip) => {
            let rest = 32_u32.saturating_sub(prefix.into());
            IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits().checked_shr(rest).unwrap_or(0).checked_shl(rest).unwrap_or(0)))
        }
        IpAddr::V6(ip) => {
            let rest = 128_u32.saturating_sub(prefix.into());
            IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits().checked_shr(rest).unwrap_or(0).checked_shl(rest).unwrap_or(0)))
        }
    }
}

impl Host {
    /// The route a packet to this address takes; `None` where there is none. Of equally long ones the first with the
    /// lowest metric, and those to its own networks are among them.
    pub fn route(&self, to: IpAddr) -> Option<&RouteEntry> {
        let fitting = self.routes.iter().filter(|route| {
            route.network.is_ipv4() == to.is_ipv4() && masked(to, route.prefix) == masked(route.network, route.prefix)
        });
        fitting.min_by_key(|route| (u8::MAX - route.prefix, route.metric))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::host;
    use super::*;

    const TEXT: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
        eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
        eth1\t000200C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n\
        eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n\
        *\t0000090A\t00000000\t0201\t0\t0\t0\t0000FFFF\t0\t0\t0\n";

    #[test]
    fn the_longest_route_is_taken_then_the_lower_metric() {
        let mut host = host("192.0.2.2", &[]);
        host.routes = routes(TEXT);
        let by = |to: &str| host.route(to.parse().unwrap()).map(|route| (route.interface.as_str(), route.refused));
        assert_eq!(by("192.0.2.77"), Some(("eth0", false)));
        assert_eq!(by("10.9.1.1"), Some(("*", true)));
        assert_eq!(by("8.8.8.8"), Some(("eth0", false)));
        assert_eq!(host.route("8.8.8.8".parse().unwrap()).unwrap().gateway, Some("192.0.2.1".parse().unwrap()));
        assert_eq!(by("fd00::1"), None);
        host.routes.remove(0);
        assert_eq!(host.route("8.8.8.8".parse().unwrap()), None);
    }

    #[test]
    fn routes_to_own_addresses_are_no_ways_out() {
        let text = "fd000000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0\n\
            00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000000000000000000000000000001 00000400 00000002 00000000 00000003     eth0\n\
            fd000000000000000000000000000002 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000003 00000000 80200001     eth0\n\
            00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n";
        let found = routes6(text);
        assert_eq!(found.len(), 2, "the last one is not up: {found:?}");
        assert_eq!((found[0].prefix, found[0].gateway), (64, None));
        assert_eq!(found[1].gateway, Some("fd00::1".parse().unwrap()));
    }
}
