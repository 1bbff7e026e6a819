//! The interfaces of this machine.

use std::net::IpAddr;

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

/// How an interface is: `None` when it is gone, else whether it is switched on and whether it has a carrier.
pub(super) fn state(name: &str) -> Option<(bool, bool)> {
    use nix::net::if_::InterfaceFlags;
    let mut interfaces = nix::ifaddrs::getifaddrs().ok()?;
    let flags = interfaces.find(|interface| interface.interface_name == name)?.flags;
    Some((flags.contains(InterfaceFlags::IFF_UP), flags.contains(InterfaceFlags::IFF_RUNNING)))
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
    fn an_interface_that_is_not_there_has_no_state() {
        assert_eq!(state("no-such-if0"), None);
        assert!(state("lo").is_some());
    }
}
