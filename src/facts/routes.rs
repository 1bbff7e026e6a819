//! By which route a host sends a packet of its own: its rules in order, each table by its longest network (ip-rule(8)).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Host, IpFamily, MAIN_TABLE, RouteEntry, Rule, RuleAction, Subnet};

/// Why the tables do not tell the way of a packet, a sentence part.
pub type Undecided = String;

/// The first bits of an address, the others 0.
pub(super) fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(ip) => {
            let rest = 32_u32.saturating_sub(prefix.into());
            IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits().checked_shr(rest).unwrap_or(0).checked_shl(rest).unwrap_or(0)))
        }
        IpAddr::V6(ip) => {
            let rest = 128_u32.saturating_sub(prefix.into());
            IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits().checked_shr(rest).unwrap_or(0).checked_shl(rest).unwrap_or(0)))
        }
    }
}

impl Subnet {
    fn has(&self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4() && masked(address, self.prefix) == masked(self.address, self.prefix)
    }
}

impl Rule {
    /// Whether it is for packets that the host itself sends between two addresses, as far as these tell.
    fn is_for(&self, from: IpAddr, to: IpAddr) -> bool {
        // What the host itself sends comes in by its loopback interface.
        let is_own = self.incoming.as_ref().is_none_or(|interface| interface == "lo");
        let fits = |network: &Option<Subnet>, address| network.as_ref().is_none_or(|network| network.has(address));
        let fits = fits(&self.from, from) && fits(&self.to, to);
        (self.family == IpFamily::Ipv4) == to.is_ipv4() && is_own && fits != self.inverted
    }
}

impl Host {
    /// The route that its own packets from one address to another take; `None` where there is none, or where they are
    /// refused.
    pub fn route(&self, from: IpAddr, to: IpAddr) -> Result<Option<&RouteEntry>, Undecided> {
        // Its own table has these, and is not kept.
        if self.has(to) || to.is_loopback() {
            return Err(format!("{to} is its own address"));
        }
        if self.routes_left_out > 0 {
            return Err("not all of its routes were kept".to_owned());
        }
        let family = if to.is_ipv4() { IpFamily::Ipv4 } else { IpFamily::Ipv6 };
        // A kernel without policy routing has one table and no rules.
        let rules = self.rules.as_ref().filter(|rules| rules.iter().any(|rule| rule.family == family));
        let Some(rules) = rules else {
            return Ok(self.route_in(MAIN_TABLE, to, None)?.filter(|route| !route.refused));
        };
        let mut rules: Vec<&Rule> = rules.iter().filter(|rule| rule.is_for(from, to)).collect();
        rules.sort_by_key(|rule| rule.priority);
        for rule in rules {
            let found = match rule.action {
                RuleAction::Lookup => self.route_in(rule.table.unwrap_or(MAIN_TABLE), to, rule.longer_than)?,
                RuleAction::Refuse | RuleAction::Other => None,
                RuleAction::Nothing => continue,
            };
            if rule.action == RuleAction::Lookup && found.is_none_or(|route| route.next_rule) {
                continue;
            }
            if let Some(condition) = rule.conditions.first() {
                return Err(format!("its rule {} depends on more than addresses ({condition})", rule.priority));
            }
            if rule.action == RuleAction::Other {
                return Err(format!("its rule {} is of a kind that is not followed", rule.priority));
            }
            return Ok(found.filter(|route| !route.refused));
        }
        Ok(None)
    }

    /// Of equally long routes in a table the one with the lowest metric.
    fn route_in(&self, table: u32, to: IpAddr, longer_than: Option<u8>) -> Result<Option<&RouteEntry>, Undecided> {
        let network = |route: &RouteEntry| Subnet { address: route.network, prefix: route.prefix };
        let fitting = self.routes.iter().filter(|route| {
            route.table == table && network(route).has(to) && longer_than.is_none_or(|short| route.prefix > short)
        });
        let rank = |route: &RouteEntry| (u8::MAX - route.prefix, route.metric);
        let Some(best) = fitting.clone().min_by_key(|route| rank(route)) else { return Ok(None) };
        let mut equal = fitting.filter(|route| rank(route) == rank(best));
        if equal.any(|route| route.interface != best.interface) {
            return Err(format!("it has several equal routes to {to}"));
        }
        Ok(Some(best))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::host;
    use super::*;

    const FROM: &str = "192.0.2.2";

    fn network(text: &str) -> Subnet {
        let (address, prefix) = text.split_once('/').unwrap();
        Subnet { address: address.parse().unwrap(), prefix: prefix.parse().unwrap() }
    }

    fn route(to: &str, interface: &str, table: u32) -> RouteEntry {
        let Subnet { address, prefix } = network(to);
        let interface = interface.to_owned();
        let (gateway, metric, refused, next_rule) = Default::default();
        RouteEntry { network: address, prefix, gateway, interface, metric, table, refused, next_rule }
    }

    fn rule(priority: u32, table: u32) -> Rule {
        Rule {
            priority,
            family: IpFamily::Ipv4,
            from: None,
            to: None,
            incoming: None,
            inverted: false,
            conditions: Vec::new(),
            action: RuleAction::Lookup,
            table: Some(table),
            longer_than: None,
        }
    }

    /// The interface by which a packet leaves.
    fn by(host: &Host, to: &str) -> Result<Option<String>, Undecided> {
        let route = host.route(FROM.parse().unwrap(), to.parse().unwrap())?;
        Ok(route.map(|route| route.interface.clone()))
    }

    fn leaves(host: &Host, to: &str) -> Option<String> {
        by(host, to).unwrap()
    }

    #[test]
    fn the_longest_route_is_taken_then_the_lower_metric() {
        let mut host = host(FROM, &[]);
        let slow = RouteEntry { metric: 100, ..route("192.0.2.0/24", "eth1", MAIN_TABLE) };
        let refused = RouteEntry { refused: true, ..route("10.9.0.0/16", "*", MAIN_TABLE) };
        host.routes = vec![
            route("0.0.0.0/0", "eth0", MAIN_TABLE),
            slow,
            route("192.0.2.0/24", "eth0", MAIN_TABLE),
            refused,
            route("fd00::/64", "eth2", MAIN_TABLE),
        ];
        assert_eq!(leaves(&host, "192.0.2.77").as_deref(), Some("eth0"));
        assert_eq!(leaves(&host, "10.9.1.1"), None, "refused");
        assert_eq!(leaves(&host, "8.8.8.8").as_deref(), Some("eth0"));
        assert_eq!(leaves(&host, "fd00::1").as_deref(), Some("eth2"));
        assert_eq!(leaves(&host, "fd01::1"), None);
        host.routes.remove(0);
        assert_eq!(leaves(&host, "8.8.8.8"), None);
        // Nothing is concluded of itself, from a part of them, nor where two are equal.
        for own in [FROM, "127.0.0.1", "::1"] {
            assert!(by(&host, own).unwrap_err().ends_with("is its own address"), "{own}");
        }
        host.routes.push(route("8.8.8.0/24", "eth0", MAIN_TABLE));
        host.routes.push(route("8.8.8.0/24", "eth1", MAIN_TABLE));
        assert_eq!(by(&host, "8.8.8.8").unwrap_err(), "it has several equal routes to 8.8.8.8");
        host.routes_left_out = 1;
        assert_eq!(by(&host, "192.0.2.77").unwrap_err(), "not all of its routes were kept");
    }

    #[test]
    fn rules_choose_the_table() {
        let mut host = host(FROM, &[]);
        host.routes = vec![
            route("0.0.0.0/0", "eth0", MAIN_TABLE),
            route("10.0.0.0/8", "eth3", MAIN_TABLE),
            route("0.0.0.0/0", "eth1", 100),
            RouteEntry { next_rule: true, ..route("10.7.0.0/16", "*", 100) },
        ];
        let last = rule(32_766, MAIN_TABLE);
        let judged = |first: Rule, to: &str| by(&Host { rules: Some(vec![last.clone(), first]), ..host.clone() }, to);
        let by_source = |from: &str| Rule { from: Some(network(from)), ..rule(100, 100) };
        let out = |interface: &str| Ok(Some(interface.to_owned()));
        assert_eq!(judged(by_source("192.0.2.0/24"), "8.8.8.8"), out("eth1"));
        assert_eq!(judged(by_source("192.0.3.0/24"), "8.8.8.8"), out("eth0"));
        assert_eq!(judged(Rule { inverted: true, ..by_source("192.0.2.0/24") }, "8.8.8.8"), out("eth0"));
        assert_eq!(judged(Rule { to: Some(network("8.0.0.0/8")), ..rule(100, 100) }, "8.8.8.8"), out("eth1"));
        assert_eq!(judged(rule(100, 100), "10.7.0.1"), out("eth3"), "throw: the next rule decides");
        assert_eq!(judged(Rule { longer_than: Some(0), ..rule(100, MAIN_TABLE) }, "10.0.0.1"), out("eth3"));
        assert_eq!(judged(Rule { longer_than: Some(0), ..rule(100, 100) }, "8.8.8.8"), out("eth0"));
        assert_eq!(judged(Rule { action: RuleAction::Refuse, ..rule(100, 0) }, "8.8.8.8"), Ok(None));
        assert_eq!(judged(Rule { action: RuleAction::Nothing, ..rule(100, 0) }, "8.8.8.8"), out("eth0"));
        assert_eq!(judged(Rule { family: IpFamily::Ipv6, ..rule(100, 100) }, "8.8.8.8"), out("eth0"));
        let incoming = |interface: &str| Rule { incoming: Some(interface.to_owned()), ..rule(100, 100) };
        assert_eq!(judged(incoming("eth9"), "8.8.8.8"), out("eth0"), "for what it forwards");
        assert_eq!(judged(incoming("lo"), "8.8.8.8"), out("eth1"));
        // What cannot be known is said, and only where it would make a difference.
        let marked = |table: u32| Rule { conditions: vec!["fwmark".to_owned()], ..rule(100, table) };
        assert!(
            judged(marked(100), "8.8.8.8").unwrap_err().contains("rule 100 depends on more than addresses (fwmark)")
        );
        assert_eq!(judged(marked(77), "8.8.8.8"), out("eth0"), "that table has no route");
        assert!(judged(Rule { action: RuleAction::Other, ..rule(100, 0) }, "8.8.8.8").is_err());
    }
}
