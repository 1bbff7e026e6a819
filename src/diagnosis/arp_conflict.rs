//! `arp-conflict`

use super::case::NetworkCase;
use super::neighbours;
use crate::finding::{Confidence, Finding};
use crate::network::Conflict;

diagnosis! {
    /// Two hosts claim one address at the same time.
    ///
    /// Whoever spoke last gets the packets. Connections to the address break: segments reach the wrong host, which resets
    /// what it does not know or stays silent.
    ///
    /// Needs: on one segment, ARP or ND of the address from two MACs, one of them at least by a reply or announcement, and
    /// either one request that both answer, or the address going back and forth between them: an announcement by one and
    /// the other going on.
    ///
    /// Helps: resets of connections from the other MAC; a defence within 10 s.
    ///
    /// Refuted by: the address going over once (`mac-changed`); a router or proxy that answers for many; redundancy
    /// protocols and clusters; two cards of one host, which answer for each other's addresses too.
    ///
    /// Confidence: proven when the address went back at least twice; else probable.
    ///
    /// Traps: the sender of a probe is 0.0.0.0 and claims nothing. Bonds that balance their load use several MACs, but
    /// announce none of them.
    ///
    /// Remedy: find the host behind the unexpected MAC (switch tables) and give it another address.
    "arp-conflict", Error,
    "two hosts claim one address",
    ["RFC 5227 2.4", "RFC 4862 5.4", "Q120599", "Q174929"],
    Network(check)
}

fn check(case: &NetworkCase<'_>) -> Vec<Finding> {
    let conflicts = case.network.conflicts();
    conflicts.iter().filter(|conflict| neighbours::is_party(case.parties, conflict.ip)).filter_map(finding).collect()
}

fn finding(conflict: &Conflict) -> Option<Finding> {
    let Conflict { ip, claims: [(one, first), (other, second)], returns, .. } = conflict;
    let how = match conflict.answered_twice {
        Some([asked, ..]) => format!("both answer the request in frame {}", asked.number),
        None if *returns == 1 => format!("{one} defends it"),
        None => format!("the address changes sides {} times", returns + 1),
    };
    let message = format!("{one} and {other} both claim {ip}: {how}");
    let (primary, rest) = neighbours::primary(neighbours::cite(second, &format!("{other} claims {ip}")))?;
    let twice = conflict.answered_twice.map(|frames| neighbours::cite(&frames, "one request, two answers"));
    let confidence = if conflict.certain { Confidence::Proven } else { Confidence::Probable };
    Some(
        DIAGNOSIS
            .finding(confidence, message, primary)
            .hosts([*ip])
            .support(rest)
            .support(neighbours::cite(first, &format!("{one} claims {ip}")))
            .support(twice.into_iter().flatten())
            .rule_out("mac-changed", format!("{one} goes on using {ip} beside {other}"))
            .network(format!(
                "Find {one} and {other} in the switches' MAC tables and give one of them another address than {ip}."
            ))
            .done(),
    )
}
