//! Opens an interface for capturing.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::socket::{SockaddrStorage, bind, getsockname};
use pcap::{Active, Capture, Linktype, Precision};

use super::devices::{Device, Link, address, devices, links};
use super::{ANY, BLOCK_TIMEOUT, Scope};
use crate::frame::{InterfaceId, LinkType};
use crate::source::Interface;
use crate::source::filter::{self, FilterError};
use crate::text::printable_str;

/// How an interface is to be captured on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its name, or [`ANY`].
    pub interface: String,
    /// The user's filter.
    pub filter: Option<String>,
    /// What the default filter keeps.
    pub scope: Scope,
    /// Bytes of a frame that are kept.
    pub snap_len: u32,
    /// Whether frames for others are wanted too.
    pub promiscuous: bool,
    /// Bytes the kernel may hold back for this program.
    pub buffer: u32,
}

/// Why an interface cannot be captured on.
#[derive(Debug)]
pub enum LiveError {
    /// This user may not capture.
    Forbidden {
        /// The interface.
        interface: String,
    },
    /// There is no such interface.
    Unknown {
        /// As it was named.
        interface: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// The filter cannot be used.
    Filter(FilterError),
    /// Anything else, in libpcap's words.
    Other {
        /// What was tried.
        what: String,
        /// What came of it.
        why: String,
    },
}

impl LiveError {
    pub(super) fn other(what: impl Into<String>, error: &pcap::Error) -> Self {
        let why = match error {
            pcap::Error::PcapError(text) => printable_str(text),
            error => error.to_string(),
        };
        Self::Other { what: what.into(), why }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Forbidden { interface } => {
                let program = std::env::current_exe().map_or("ftpwhy".to_owned(), |path| path.display().to_string());
                Some(format!("sudo setcap cap_net_raw=ep {program}   or   dumpcap -i {interface} -w - | ftpwhy -"))
            }
            Self::Unknown { known, .. } => Some(format!("there are {}", known.join(", "))),
            Self::Filter(_) | Self::Other { .. } => None,
        }
    }
}

impl fmt::Display for LiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forbidden { interface } => {
                write!(f, "may not capture on {interface}: needs CAP_NET_RAW (and nothing else)")
            }
            Self::Unknown { interface, .. } => write!(f, "there is no interface {interface}"),
            Self::Filter(error) => error.fmt(f),
            Self::Other { what, why } => write!(f, "could not {what}: {why}"),
        }
    }
}

impl std::error::Error for LiveError {}

/// An interface that is open for capturing.
pub struct Tap {
    pub(super) handle: Capture<Active>,
    pub(super) device: Device,
    pub(super) link_type: LinkType,
    pub(super) snap_len: u32,
    /// The filter in the kernel.
    pub(super) filter: String,
    /// The interface as the kernel knows it; `any` is none.
    pub(super) link: Option<Link>,
    /// Whether frames for others are captured too.
    pub(super) promiscuous: bool,
}

impl Tap {
    /// Opens an interface with its filter in place.
    pub fn open(wanted: &Wanted) -> Result<Self, LiveError> {
        let name = &wanted.interface;
        let known = devices()?;
        let Some(device) = known.iter().find(|device| device.name == *name).cloned() else {
            let known = known.into_iter().map(|device| device.name).collect();
            return Err(LiveError::Unknown { interface: name.clone(), known });
        };
        let mut handle = Self::activate(wanted).map_err(|error| refused(name, &error))?;
        if name == ANY {
            // Names the interface of each packet, which the older form does not.
            let cooked = handle.set_datalink(Linktype(SLL2));
            cooked.map_err(|error| LiveError::other(format!("capture on {ANY} with interface numbers"), &error))?;
        }
        let filter = put_filter(&mut handle, wanted)?;
        let link_type = registered(handle.get_datalink().0);
        let handle = handle.setnonblock().map_err(|error| refused(name, &error))?;
        // A program that is started must not get it.
        let closed = fcntl(handle.as_fd(), FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC));
        closed.map_err(|error| LiveError::Other { what: format!("capture on {name}"), why: error.to_string() })?;
        let link = links().into_iter().flatten().find(|link| link.name == *name);
        let promiscuous = wanted.promiscuous && link.is_some();
        Ok(Self { handle, device, link_type, snap_len: wanted.snap_len, filter, link, promiscuous })
    }

    /// Whether the kernel still has it bound to an interface: one that is removed takes the capture off.
    pub(super) fn is_bound(&self) -> bool {
        let name = getsockname::<SockaddrStorage>(self.handle.as_raw_fd());
        let index = name.ok().and_then(|name| Some(name.as_link_addr()?.ifindex()));
        // The kernel's -1.
        index.is_some_and(|index| u32::try_from(index).is_ok())
    }

    /// Goes on at another interface, or at the same one after it was removed, which takes no privilege. Promiscuous mode
    /// would: it is lost.
    pub(super) fn bind(&mut self, index: usize) -> Result<(), String> {
        let address = address(index).ok_or("it is gone again")?;
        // Without a protocol the kernel keeps the one there was.
        bind(self.handle.as_raw_fd(), &address).map_err(|error| error.to_string())?;
        self.promiscuous = false;
        Ok(())
    }

    fn activate(wanted: &Wanted) -> Result<Capture<Active>, pcap::Error> {
        Capture::from_device(wanted.interface.as_str())?
            .promisc(wanted.promiscuous && wanted.interface != ANY)
            .snaplen(i32::try_from(wanted.snap_len).unwrap_or(i32::MAX))
            .buffer_size(i32::try_from(wanted.buffer).unwrap_or(i32::MAX))
            .timeout(i32::try_from(BLOCK_TIMEOUT.as_millis()).unwrap_or(i32::MAX))
            .precision(Precision::Nano)
            .open()
    }

    /// Whether this user may capture on an interface.
    pub fn is_permitted(interface: &str) -> bool {
        Capture::from_device(interface).and_then(Capture::open).is_ok()
    }

    /// What a capture says of it, as the interface of this number.
    pub fn described(&self, number: u32) -> Interface {
        Interface {
            in_section: number,
            name: Some(self.device.name.clone()),
            description: self.device.description.clone(),
            snap_len: self.snap_len,
            filter: Some(self.filter.clone()),
            addresses: self.device.addresses.clone(),
            dropped: Some(0),
            ..Interface::new(InterfaceId(number), self.link_type)
        }
    }

    /// The interface's name.
    pub fn name(&self) -> &str {
        &self.device.name
    }
}

/// `LINKTYPE_LINUX_SLL2`
const SLL2: i32 = 276;

fn refused(interface: &str, error: &pcap::Error) -> LiveError {
    let text = error.to_string().to_lowercase();
    if ["permission", "not permitted", "cap_net_raw"].iter().any(|word| text.contains(word)) {
        return LiveError::Forbidden { interface: interface.to_owned() };
    }
    LiveError::other(format!("capture on {interface}"), error)
}

fn put_filter(handle: &mut Capture<Active>, wanted: &Wanted) -> Result<String, LiveError> {
    let candidates = match &wanted.filter {
        Some(filter) => vec![filter.clone()],
        None => wanted.scope.expressions(),
    };
    let mut last = None;
    for expression in candidates {
        match handle.filter(&expression, true) {
            Ok(()) => return Ok(expression),
            Err(error) => last = Some((expression, error)),
        }
    }
    Err(match last {
        Some((expression, pcap::Error::PcapError(why))) => LiveError::Filter(filter::refusal(&expression, why)),
        Some((_, error)) => LiveError::other("set the filter", &error),
        None => LiveError::Other { what: "set the filter".to_owned(), why: "there is none".to_owned() },
    })
}

/// The registry's number for libpcap's own (DLT): they differ for raw IP and ATM.
fn registered(dlt: i32) -> LinkType {
    match LinkType(dlt.cast_unsigned()) {
        // ATM (RFC 1483)
        LinkType(11) => LinkType(100),
        LinkType::RAW_12 | LinkType::RAW_14 => LinkType::RAW,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_for_want_of_rights_are_recognised() {
        for text in [
            "socket: Operation not permitted",
            "eth0: You don't have permission to capture on that device",
            "Attempt to create packet socket failed - CAP_NET_RAW may be required",
        ] {
            let error = refused("eth0", &pcap::Error::PcapError(text.to_owned()));
            assert_eq!(error.to_string(), "may not capture on eth0: needs CAP_NET_RAW (and nothing else)");
            let help = error.help().unwrap();
            assert!(
                help.contains("setcap cap_net_raw=ep") && help.contains("dumpcap -i eth0 -w - | ftpwhy -"),
                "{help}"
            );
        }
        let other = refused("eth0", &pcap::Error::PcapError("eth0: That device is not up".to_owned()));
        assert_eq!(other.to_string(), "could not capture on eth0: eth0: That device is not up");
    }

    #[test]
    fn raw_ip_has_a_number_of_its_own() {
        assert_eq!([1, 12, 276].map(registered), [LinkType::ETHERNET, LinkType::RAW, LinkType::LINUX_SLL2]);
    }
}
