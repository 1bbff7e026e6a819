//! The interfaces of this machine.

use std::net::IpAddr;

use nix::net::if_::InterfaceFlags;
use nix::sys::socket::LinkAddr;

use super::{ANY, LiveError};
use crate::text::printable_str;

/// An interface that can be captured on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// What libpcap says of it.
    pub description: Option<String>,
    /// Its addresses; of `any` those of all interfaces.
    pub addresses: Vec<IpAddr>,
    /// Whether it is switched on.
    pub up: bool,
    /// Whether it is switched on and has a carrier.
    pub running: bool,
    /// Whether it leads nowhere but here.
    pub loopback: bool,
}

/// Network interfaces in libpcap's order: the best first, `any` among them. What libpcap can capture on besides
/// (USB, D-Bus, netfilter logs) carries no FTP and is left out.
pub fn devices() -> Result<Vec<Device>, LiveError> {
    let found = pcap::Device::list().map_err(|error| LiveError::other("list the interfaces", &error))?;
    let mut devices: Vec<Device> = found.iter().filter(|device| carries_ip(&device.name)).map(device).collect();
    let all: Vec<IpAddr> = devices.iter().flat_map(|device| &device.addresses).copied().collect();
    if let Some(any) = devices.iter_mut().find(|device| device.name == ANY) {
        any.addresses = all;
    }
    Ok(devices)
}

fn carries_ip(name: &str) -> bool {
    !["usbmon", "dbus-", "nflog", "nfqueue", "bluetooth"].iter().any(|other| name.starts_with(other))
}

fn device(found: &pcap::Device) -> Device {
    Device {
        name: printable_str(&found.name),
        description: found.desc.as_deref().map(printable_str),
        addresses: found.addresses.iter().map(|address| address.addr).collect(),
        up: found.flags.is_up(),
        running: found.flags.is_running(),
        loopback: found.flags.is_loopback(),
    }
}

/// An interface as the kernel knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// Its number, which it keeps when it is renamed and does not get again when it is made again.
    pub(super) index: usize,
    /// Its name at present.
    pub(super) name: String,
    /// What its frames begin with (`ARPHRD_*`).
    pub(super) kind: u16,
    /// Whether it is switched on.
    pub(super) up: bool,
    /// Whether it has a carrier.
    pub(super) running: bool,
}

/// All interfaces; `None` when the kernel does not say.
pub(super) fn links() -> Option<Vec<Link>> {
    Some(addresses()?.map(|(link, _)| link).collect())
}

/// The address by which a packet socket is bound to an interface.
pub(super) fn address(index: usize) -> Option<LinkAddr> {
    addresses()?.find(|(link, _)| link.index == index).map(|(_, address)| address)
}

fn addresses() -> Option<impl Iterator<Item = (Link, LinkAddr)>> {
    Some(nix::ifaddrs::getifaddrs().ok()?.filter_map(|one| {
        let address = *one.address.as_ref()?.as_link_addr()?;
        let link = Link {
            index: address.ifindex(),
            name: one.interface_name,
            kind: address.hatype(),
            up: one.flags.contains(InterfaceFlags::IFF_UP),
            running: one.flags.contains(InterfaceFlags::IFF_RUNNING),
        };
        Some((link, address))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_is_there_and_any_has_its_address() {
        let devices = devices().unwrap();
        let of = |name: &str| devices.iter().find(|device| device.name == name);
        let loopback = of("lo").expect("every machine has one");
        assert!(loopback.loopback);
        assert!(loopback.addresses.iter().all(|address| of(ANY).unwrap().addresses.contains(address)));
    }

    #[test]
    fn the_kernel_knows_the_loopback_interface_by_number_too() {
        let links = links().unwrap();
        let loopback = links.iter().find(|link| link.name == "lo").expect("every machine has one");
        assert_eq!(address(loopback.index).map(|address| address.ifindex()), Some(loopback.index));
        assert_eq!(address(usize::MAX), None);
    }
}
