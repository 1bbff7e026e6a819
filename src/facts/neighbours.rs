//! `/proc/net/arp`.

use super::{Neighbour, Resolution};

/// Flags of an entry: the MAC address is known (`ATF_COM`), it was set by hand (`ATF_PERM`).
const KNOWN: u32 = 0x2;
const PERMANENT: u32 = 0x4;

/// The neighbours in the text of the file. Lines that are none are left out.
pub fn neighbours(text: &str) -> Vec<Neighbour> {
    text.lines().skip(1).filter_map(neighbour).collect()
}

fn neighbour(line: &str) -> Option<Neighbour> {
    let columns: Vec<&str> = line.split_ascii_whitespace().collect();
    let [address, _, flags, mac, _, interface] = columns.as_slice() else { return None };
    let flags = u32::from_str_radix(flags.strip_prefix("0x")?, 16).ok()?;
    let state = match (flags & KNOWN != 0, flags & PERMANENT != 0) {
        (_, true) => Resolution::Permanent,
        (true, false) => Resolution::Resolved,
        (false, false) => Resolution::Unresolved,
    };
    let mac = (flags & KNOWN != 0).then(|| (*mac).to_owned());
    Some(Neighbour { interface: (*interface).to_owned(), address: address.parse().ok()?, mac, state })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unanswered_and_static_entries_are_told_apart() {
        let text = "IP address       HW type     Flags       HW address            Mask     Device\n\
            192.0.2.1        0x1         0x2         02:fc:00:00:00:05     *        eth0\n\
            192.0.2.9        0x1         0x0         00:00:00:00:00:00     *        eth0\n\
            192.0.2.7        0x1         0x6         02:fc:00:00:00:07     *        eth1\n\
            nonsense\n";
        let found = neighbours(text);
        let states: Vec<(Resolution, Option<&str>)> = found.iter().map(|one| (one.state, one.mac.as_deref())).collect();
        assert_eq!(
            states,
            [
                (Resolution::Resolved, Some("02:fc:00:00:00:05")),
                (Resolution::Unresolved, None),
                (Resolution::Permanent, Some("02:fc:00:00:00:07")),
            ]
        );
        assert_eq!(found[2].interface, "eth1");
    }
}
