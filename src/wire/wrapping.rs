//! Interns the VLANs and tunnels around packets: each list of them becomes one number.
//!
//! A component is chosen so that both directions of a flow have the same one.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;

use foldhash::fast::RandomState;

use super::{IpHeader, Wrapping};

/// How many wrappings are told apart: an access network has one for each subscriber (PPPoE, QinQ), a hostile capture
/// any number. At some 150 bytes each.
const WRAPPINGS: usize = 1 << 16;

/// One VLAN or tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Component {
    /// An 802.1Q or 802.1ad tag with a VLAN id (not 0, which is a priority without a VLAN).
    Vlan(u16),
    /// A PPPoE session.
    Pppoe(u16),
    /// A tunnel between two addresses.
    Tunnel(Via, Ends),
}

/// What a tunnel is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Via {
    /// IPv4 or IPv6 in IPv4 or IPv6.
    Ip,
    /// MPLS in IP; the labels differ by direction and are left out.
    Mpls,
    /// GRE with its key.
    Gre(Option<u32>),
    /// PPP in GRE; the call ids differ by direction and are left out.
    Pptp,
    /// ERSPAN with its session; type I has none.
    Erspan(Option<u16>),
    /// VXLAN with its network identifier.
    Vxlan(u32),
    /// Geneve with its network identifier.
    Geneve(u32),
}

/// The ends of a tunnel, the lower address first: without direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ends(IpAddr, IpAddr);

impl Ends {
    /// The ends of the tunnel whose outer header this is.
    pub fn of(outer: &IpHeader) -> Self {
        Self(outer.source.min(outer.destination), outer.source.max(outer.destination))
    }
}

/// All wrappings seen. A wrapping is a wrapping around it plus one component.
#[derive(Debug, Default)]
pub(super) struct Wrappings {
    ids: HashMap<(Wrapping, Component), Wrapping, RandomState>,
    parts: Vec<(Wrapping, Component)>,
}

impl Wrappings {
    /// The wrapping of `component` inside `outer`; `None` if there are too many.
    pub fn inside(&mut self, outer: Wrapping, component: Component) -> Option<Wrapping> {
        if let Some(known) = self.ids.get(&(outer, component)) {
            return Some(*known);
        }
        if self.parts.len() >= WRAPPINGS {
            return None;
        }
        self.parts.push((outer, component));
        let new = Wrapping(u32::try_from(self.parts.len()).ok()?);
        self.ids.insert((outer, component), new);
        Some(new)
    }

    /// The components from the outermost one, empty for none.
    pub fn name(&self, wrapping: Wrapping) -> String {
        let mut names = Vec::new();
        let mut at = wrapping;
        // Ids grow inwards, so this ends.
        while let Some((outer, component)) = (at.0 as usize).checked_sub(1).and_then(|index| self.parts.get(index)) {
            names.push(component.to_string());
            at = *outer;
        }
        names.reverse();
        names.join(" / ")
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vlan(id) => write!(f, "VLAN {id}"),
            Self::Pppoe(session) => write!(f, "PPPoE {session}"),
            Self::Tunnel(Via::Gre(Some(key)), _) => write!(f, "GRE key {key}"),
            Self::Tunnel(Via::Erspan(Some(session)), _) => write!(f, "ERSPAN {session}"),
            Self::Tunnel(Via::Vxlan(network), _) => write!(f, "VXLAN {network}"),
            Self::Tunnel(Via::Geneve(network), _) => write!(f, "Geneve {network}"),
            Self::Tunnel(Via::Ip, ends) => write!(f, "IP tunnel {ends}"),
            Self::Tunnel(Via::Mpls, ends) => write!(f, "MPLS in IP {ends}"),
            Self::Tunnel(Via::Gre(None), ends) => write!(f, "GRE {ends}"),
            Self::Tunnel(Via::Pptp, ends) => write!(f, "PPTP {ends}"),
            Self::Tunnel(Via::Erspan(None), ends) => write!(f, "ERSPAN {ends}"),
        }
    }
}

impl fmt::Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} - {}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::{Component, Ends, Via, WRAPPINGS, Wrappings};
    use crate::wire::Wrapping;

    #[test]
    fn equal_lists_are_one_wrapping_and_have_a_name() {
        let mut wrappings = Wrappings::default();
        let ends = Ends("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let vxlan = wrappings.inside(Wrapping::NONE, Component::Tunnel(Via::Vxlan(42), ends)).unwrap();
        let both = wrappings.inside(vxlan, Component::Vlan(7)).unwrap();
        let seventh = wrappings.inside(Wrapping::NONE, Component::Vlan(7)).unwrap();
        assert_eq!(wrappings.inside(vxlan, Component::Vlan(7)), Some(both));
        assert_ne!(both, seventh);
        assert_eq!(wrappings.name(both), "VXLAN 42 / VLAN 7");
        assert_eq!(wrappings.name(Wrapping::NONE), "");
        assert_eq!(wrappings.name(Wrapping(9999)), "");
        let plain = wrappings.inside(seventh, Component::Tunnel(Via::Ip, ends)).unwrap();
        assert_eq!(wrappings.name(plain), "VLAN 7 / IP tunnel 10.0.0.1 - 10.0.0.2");
    }

    #[test]
    fn the_number_of_wrappings_is_bounded() {
        let mut wrappings = Wrappings::default();
        let mut outer = Wrapping::NONE;
        for n in 0..WRAPPINGS {
            outer = wrappings.inside(Wrapping::NONE, Component::Pppoe(u16::try_from(n).unwrap())).unwrap();
        }
        assert_eq!(wrappings.inside(outer, Component::Vlan(1)), None);
    }
}
