//! This host: its clocks and the addresses of its interfaces. Linux only.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};

use crate::frame::Timestamp;

/// An address of one of its interfaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnAddress {
    /// The interface's name.
    pub interface: String,
    /// The address.
    pub address: IpAddr,
    /// Bits of its network.
    pub prefix: u8,
    /// The interface's MAC address, where it has one.
    pub mac: Option<[u8; 6]>,
}

/// The present, on the clock that stamps packets.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// Seconds on the clock that nobody sets.
pub fn monotonic() -> f64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0.0, |time| std::time::Duration::from(time).as_secs_f64())
}

/// Whether this process may do what only root may.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// The addresses of this network namespace, in the kernel's order.
pub fn own_addresses() -> io::Result<Vec<OwnAddress>> {
    let all: Vec<_> = nix::ifaddrs::getifaddrs()?.collect();
    let mac = |interface: &str| {
        let mut links = all.iter().filter(|one| one.interface_name == interface);
        let mac = links.find_map(|one| one.address.as_ref()?.as_link_addr()?.addr());
        mac.filter(|mac| *mac != [0; 6])
    };
    let own = all.iter().filter_map(|one| {
        let address = ip(one.address.as_ref()?)?;
        // Netmasks say no family on some systems; those of Linux do.
        let prefix = match ip(one.netmask.as_ref()?)? {
            IpAddr::V4(mask) => mask.to_bits().leading_ones(),
            IpAddr::V6(mask) => mask.to_bits().leading_ones(),
        };
        let (interface, prefix) = (one.interface_name.clone(), u8::try_from(prefix).unwrap_or(u8::MAX));
        Some(OwnAddress { mac: mac(&interface), interface, address, prefix })
    });
    Ok(own.collect())
}

/// The names of the interfaces, by their indexes.
pub fn interface_names() -> io::Result<BTreeMap<u32, String>> {
    let all = nix::net::if_::if_nameindex()?;
    Ok(all.iter().map(|one| (one.index(), one.name().to_string_lossy().into_owned())).collect())
}

fn ip(address: &nix::sys::socket::SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
    v4.or_else(|| Some(SocketAddr::V6((*address.as_sockaddr_in6()?).into()).ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_address_is_among_its_own() {
        let own = own_addresses().unwrap();
        let loopback = own.iter().find(|one| one.address == IpAddr::from([127, 0, 0, 1]));
        let loopback = loopback.expect("every machine has one");
        assert_eq!((loopback.prefix, loopback.mac), (8, None));
    }

    #[test]
    fn the_clock_that_nobody_sets_goes_on() {
        let before = monotonic();
        assert!(before > 0.0 && monotonic() >= before);
    }
}
