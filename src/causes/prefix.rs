//! Address prefixes: the narrowest that holds some addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::record::Prefix;

/// The longest prefix that holds all addresses; `None` where they are of both families or have not one bit in common.
pub(super) fn common(addresses: impl IntoIterator<Item = IpAddr>) -> Option<Prefix> {
    let mut addresses = addresses.into_iter();
    let first = addresses.next()?;
    let length = addresses.try_fold(width(first), |length, other| {
        let differs = (bits(other) ^ bits(first)).leading_zeros();
        is_same_family(first, other).then(|| length.min(u8::try_from(differs).unwrap_or(u8::MAX)))
    })?;
    (length > 0).then(|| cut(first, length))
}

/// The longest prefix that holds all addresses, then the longest one that holds that many of 100 counts.
pub(super) fn narrowest(counts: &BTreeMap<IpAddr, u64>, of_100: u64) -> Vec<Prefix> {
    let all: u64 = counts.values().sum();
    let whole = common(counts.keys().copied());
    let mut found: Vec<Prefix> = whole.into_iter().collect();
    let longest = counts.keys().copied().map(width).max().unwrap_or(0);
    for length in (whole.map_or(1, |whole| whole.length.saturating_add(1))..=longest).rev() {
        let mut held: BTreeMap<Prefix, u64> = BTreeMap::new();
        for (address, count) in counts.iter().filter(|(address, _)| width(**address) >= length) {
            *held.entry(cut(*address, length)).or_default() += count;
        }
        let most = held.into_iter().max_by_key(|(_, count)| *count);
        if let Some((prefix, _)) = most.filter(|(_, count)| count.saturating_mul(100) >= all.saturating_mul(of_100)) {
            found.push(prefix);
            break;
        }
    }
    found
}

/// Whether an address lies in a network.
pub(super) fn holds(network: Prefix, address: IpAddr) -> bool {
    is_same_family(network.address, address) && cut(address, network.length).address == network.address
}

/// Whether both are IPv4, or both IPv6.
pub(super) fn is_same_family(one: IpAddr, other: IpAddr) -> bool {
    one.is_ipv4() == other.is_ipv4()
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The address, left aligned.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The prefix of that length that an address lies in.
fn cut(address: IpAddr, length: u8) -> Prefix {
    let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
    let value = bits(address) & mask;
    let address = match address {
        IpAddr::V4(_) => IpAddr::V4(u32::try_from(value >> 96).unwrap_or(0).into()),
        IpAddr::V6(_) => IpAddr::V6(value.into()),
    };
    Prefix { address, length }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn the_longest_prefix_holds_all() {
        let of = |all: &[&str]| common(all.iter().map(|one| address(one))).map(|prefix| prefix.to_string());
        assert_eq!(of(&["10.1.0.10", "10.1.200.3"]).as_deref(), Some("10.1.0.0/16"));
        assert_eq!(of(&["10.1.0.10"]).as_deref(), Some("10.1.0.10/32"));
        assert_eq!(of(&["2001:db8::1", "2001:db8:0:1::1"]).as_deref(), Some("2001:db8::/63"));
        assert_eq!(of(&["10.0.0.1", "192.0.2.1"]), None, "not one bit");
        assert_eq!(of(&["10.0.0.1", "::1"]), None, "both families");
    }

    #[test]
    fn nearly_all_may_be_held_by_a_longer_one() {
        let mut counts: BTreeMap<IpAddr, u64> = (1..=40).map(|host| (IpAddr::from([10, 1, 2, host]), 1)).collect();
        counts.insert(address("10.9.0.1"), 1);
        let found: Vec<String> = narrowest(&counts, 95).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["10.0.0.0/12", "10.1.2.0/26"]);
        assert!(holds(cut(address("10.1.2.9"), 26), address("10.1.2.63")));
        assert!(!holds(cut(address("10.1.2.9"), 26), address("10.1.2.64")));
    }
}
