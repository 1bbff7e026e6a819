//! `/proc/net/netstat` and `/proc/net/snmp`: names on one line, values on the next.

use std::collections::BTreeMap;

/// The counters that bear on FTP: entries of TIME-WAIT that had no room, packets whose source the reverse path filter
/// did not like, those for which there was no route, connections that a full backlog turned away.
pub const COUNTERS: [&str; 6] =
    ["TCPTimeWaitOverflow", "IPReversePathFilter", "OutNoRoutes", "ListenOverflows", "ListenDrops", "TCPChallengeACK"];

/// Those of [`COUNTERS`] that are in a text of this form.
pub fn counters(text: &str) -> BTreeMap<String, u64> {
    let lines: Vec<&str> = text.lines().collect();
    let pairs = lines.chunks_exact(2).filter_map(|pair| {
        let [names, values] = pair else { return None };
        Some((names.split_once(": ")?, values.split_once(": ")?))
    });
    let mut found = BTreeMap::new();
    for ((group, names), (same, values)) in pairs {
        if group != same {
            continue;
        }
        for (name, value) in names.split_ascii_whitespace().zip(values.split_ascii_whitespace()) {
            if let (true, Ok(value)) = (COUNTERS.contains(&name), value.parse()) {
                found.insert(name.to_owned(), value);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_paired() {
        let text = "TcpExt: TW TCPTimeWaitOverflow ListenDrops\nTcpExt: 525 7 0\nIpExt: InOctets\nIpExt: 9\n";
        let found = counters(text);
        assert_eq!(found.len(), 2);
        assert_eq!(found["TCPTimeWaitOverflow"], 7);
        assert!(counters("TcpExt: ListenDrops\nIpExt: 9\n").is_empty(), "values of another group");
        assert!(counters("x\n").is_empty());
    }
}
