//! The inventory, for `ftpwhy hosts --format json`.

use serde::Serialize;

use super::{Completeness, SCHEMA, Unreadable};
use crate::record::{self, HostRecord};
use crate::text::printable_str;

/// All hosts.
#[derive(Serialize)]
pub(in crate::report) struct Inventory {
    schema: u32,
    #[serde(flatten)]
    completeness: Completeness,
    hosts: Vec<Host>,
    unreadable: Vec<Unreadable>,
}

impl Inventory {
    pub(in crate::report) fn new(
        completeness: Completeness,
        hosts: impl Iterator<Item = Host>,
        unreadable: &[record::Unreadable],
    ) -> Self {
        let unreadable = unreadable.iter().map(Unreadable::from).collect();
        Self { schema: SCHEMA, completeness, hosts: hosts.collect(), unreadable }
    }
}

/// An address that is in use, as seen at one place.
#[derive(Serialize)]
pub(in crate::report) struct Host {
    mac: Option<String>,
    address: String,
    capture: u32,
    interface: String,
    roles: Vec<String>,
    known_by: &'static str,
    /// The first frame that shows it.
    frame: Option<u64>,
}

impl Host {
    pub(in crate::report) fn new(host: &HostRecord, interface: &str, roles: &[String]) -> Self {
        Self {
            mac: host.mac.clone(),
            address: host.ip.to_string(),
            capture: host.capture.0,
            interface: printable_str(interface),
            roles: roles.iter().map(|role| printable_str(role)).collect(),
            known_by: host.how,
            frame: host.at.map(|at| at.number.0),
        }
    }
}
