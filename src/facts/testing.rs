//! Hand-made facts.

use super::*;

/// A host with one address, and what its tables showed at some seconds.
pub(crate) fn host(address: &str, readings: &[i64]) -> Host {
    let reading = |seconds: &i64| Reading {
        at: Timestamp(*seconds * 1_000_000_000),
        monotonic: 5.0,
        took: 0.001,
        peers: Vec::new(),
        time_wait: Vec::new(),
        left_out: 0,
        listeners: Vec::new(),
        neighbours: Vec::new(),
        counters: BTreeMap::from([("TCPTimeWaitOverflow".to_owned(), 0)]),
    };
    Host {
        facts: VERSION,
        tool: "ftpwhy 0".to_owned(),
        kernel: "Linux 6.1.0 x86_64".to_owned(),
        network_namespace: "net:[1]".to_owned(),
        addresses: vec![Address {
            interface: "eth0".to_owned(),
            address: address.parse().expect("an address"),
            prefix: 24,
            mac: Some("02:00:00:00:00:aa".to_owned()),
        }],
        routes: Vec::new(),
        routes_left_out: 0,
        rules: None,
        sysctls: BTreeMap::new(),
        firewall: None,
        readings: readings.iter().map(reading).collect(),
    }
}
