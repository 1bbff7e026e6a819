//! What is said of a cause in words.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::record::{Cause, Clients, Prefix};

/// Servers and clients that are named of a cause.
pub(super) const EXAMPLES: usize = 5;

/// `the data SYN got no answer: 183 of 240 transfers at server 10.2.0.20:21`
pub(super) fn message(cause: &Cause, summary: &str, unit: &str) -> String {
    let Cause { failed, comparable, findings, locus, .. } = cause;
    match failed {
        0 => format!("{summary}: found {findings} times, {locus}"),
        failed if failed == comparable => format!("{summary}: all {failed} {unit}s, {locus}"),
        failed => format!("{summary}: {failed} of {comparable} {unit}s, {locus}"),
    }
}

/// The clients, by their number and some of them.
pub(super) fn clients(all: &BTreeSet<IpAddr>) -> Clients {
    Clients {
        count: all.len() as u64,
        examples: all.iter().copied().take(EXAMPLES).collect(),
        prefix: if all.len() > 1 { prefix(all.iter().copied()) } else { None },
    }
}

/// The longest prefix that holds all addresses; `None` where they are of both families or have not one bit in common.
pub(super) fn prefix(addresses: impl IntoIterator<Item = IpAddr>) -> Option<Prefix> {
    let mut addresses = addresses.into_iter();
    let first = addresses.next()?;
    let width = bits(first).1;
    let length = addresses.try_fold(width, |length, other| {
        let (value, of) = bits(other);
        (of == width).then(|| length.min(u8::try_from((value ^ bits(first).0).leading_zeros()).unwrap_or(0)))
    })?;
    (length > 0).then(|| Prefix { address: masked(first, length), length })
}

/// The address, left aligned, and how many bits it has.
fn bits(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}

fn masked(address: IpAddr, length: u8) -> IpAddr {
    let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
    let value = bits(address).0 & mask;
    match address {
        IpAddr::V4(_) => IpAddr::V4(u32::try_from(value >> 96).unwrap_or(0).into()),
        IpAddr::V6(_) => IpAddr::V6(value.into()),
    }
}
