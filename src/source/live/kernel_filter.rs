//! The capture filter that stands in the kernel unless the user gives one: it hides the bytes of data connections
//! and of everything that is not FTP, and no evidence.
//!
//! Needed are control connections whole; of all other TCP the segments without payload, for the holder of TIME-WAIT
//! shows itself by bare ACKs, and those that open and close; ICMP, ARP, ND; fragments, in which a command may lie.

use std::fmt::Write;

use crate::source::WITHOUT_PAYLOAD;

/// What is to be captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Control ports besides 21.
    pub ports: Vec<u16>,
    /// Control connections on any port: keeps short segments of all connections, among which commands are.
    pub any_port: bool,
    /// All of TCP, data connections too.
    pub full_data: bool,
}

/// Commands and replies fit into IP packets of this length: a line of 512 bytes with room for options.
const SHORT: u16 = 640;

impl Scope {
    /// Expressions to be tried one after the other: what a link type has no notion of does not compile on it.
    pub(super) fn expressions(&self) -> Vec<String> {
        let ip = self.over_ip();
        let link = format!("{ip} or arp");
        // `vlan` shifts every offset behind it, so it comes last and repeats what it shifts.
        vec![format!("{link} or (vlan and ({link} or vlan))"), link, ip]
    }

    fn over_ip(&self) -> String {
        let mut filter = String::from("icmp or icmp6");
        // Later and first fragments; IPv6 packets with extension headers, which offsets do not see through.
        filter.push_str(" or (ip[6:2] & 0x3fff != 0) or (ip6 and ip6[6] != 6 and ip6[6] != 17)");
        if self.full_data {
            filter.push_str(" or tcp");
            return filter;
        }
        for port in std::iter::once(21).chain(self.ports.iter().copied()) {
            // Writing to a string cannot fail.
            let _ = write!(filter, " or tcp port {port}");
        }
        // `tcp[...]` looks into IPv4 alone.
        let bare = format!("tcp[13] & 7 != 0 or {WITHOUT_PAYLOAD}");
        let bare6 = "ip6[53] & 7 != 0 or ip6[4:2] - ((ip6[52] & 0xf0) >> 2) = 0";
        let (short, short6) = if self.any_port {
            (format!(" or ip[2:2] <= {SHORT}"), format!(" or ip6[4:2] <= {SHORT}"))
        } else {
            Default::default()
        };
        let _ = write!(filter, " or (ip and tcp and ({bare}{short})) or (ip6 and ip6[6] = 6 and ({bare6}{short6}))");
        filter
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{CaptureId, Frame, FrameNo, InterfaceId, LinkType, Stamp, Timestamp};
    use crate::source::Interface;
    use crate::source::filter::Filter;

    const CONTROL: Scope = Scope { ports: Vec::new(), any_port: false, full_data: false };

    /// An IPv4 or IPv6 packet with a TCP segment.
    fn packet(version: u8, flags: u8, port: u16, payload: usize) -> Vec<u8> {
        let tcp_len = u16::try_from(20 + payload).unwrap();
        let mut packet = if version == 4 {
            let mut ip = vec![0x45, 0];
            ip.extend((tcp_len + 20).to_be_bytes());
            ip.extend([0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
            ip
        } else {
            let mut ip = vec![0x60, 0, 0, 0];
            ip.extend(tcp_len.to_be_bytes());
            ip.extend([6, 64]);
            ip.extend([0; 32]);
            ip
        };
        packet.extend(port.to_be_bytes());
        packet.extend([200, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 1, 0, 0, 0, 0, 0]);
        packet.extend(vec![b'x'; payload]);
        packet
    }

    fn ethernet(tags: &[u16], packet: &[u8]) -> Vec<u8> {
        let kind: u16 = if packet[0] >> 4 == 4 { 0x0800 } else { 0x86dd };
        let tags = tags.iter().flat_map(|tag| [0x81, 0, tag.to_be_bytes()[0], tag.to_be_bytes()[1]]);
        [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]
            .into_iter()
            .chain(tags)
            .chain(kind.to_be_bytes())
            .chain(packet.iter().copied())
            .collect()
    }

    fn passes(scope: &Scope, link_type: u32, bytes: &[u8]) -> bool {
        let link_type = LinkType(link_type);
        let mut fitting = scope.expressions().into_iter().filter_map(|expression| {
            let mut filter = Filter::new(&expression);
            filter.prepare(link_type).ok().map(|()| filter)
        });
        let at = Stamp::new(CaptureId(0), FrameNo(1), Timestamp(0));
        let wire_len = u32::try_from(bytes.len()).unwrap();
        let frame = Frame { at, interface: InterfaceId(0), link_type, bytes, wire_len };
        fitting.next().expect("one of them compiles").passes(&frame)
    }

    #[test]
    fn data_bytes_are_hidden_and_nothing_else_of_tcp() {
        for version in [4, 6] {
            for tags in [&[][..], &[5]] {
                let on =
                    |flags, port, payload| passes(&CONTROL, 1, &ethernet(tags, &packet(version, flags, port, payload)));
                let case = format!("IPv{version}, {} tags", tags.len());
                assert!(on(0x18, 21, 40), "control, {case}");
                assert!(on(0x10, 50_000, 0), "bare ACK, {case}");
                assert!(
                    on(0x02, 50_000, 0) && on(0x11, 50_000, 0) && on(0x04, 50_000, 0),
                    "opening and closing, {case}"
                );
                assert!(on(0x19, 50_000, 700), "last data with FIN, {case}");
                assert!(!on(0x18, 50_000, 700), "data, {case}");
            }
        }
    }

    #[test]
    fn two_tags_are_kept_whole() {
        assert!(passes(&CONTROL, 1, &ethernet(&[5, 6], &packet(4, 0x18, 50_000, 700))));
    }

    #[test]
    fn the_user_may_ask_for_more() {
        let data = ethernet(&[], &packet(4, 0x18, 50_000, 1000));
        let line = ethernet(&[], &packet(4, 0x18, 50_000, 100));
        let port = Scope { ports: vec![50_000], ..CONTROL };
        let any_port = Scope { any_port: true, ..CONTROL };
        let full = Scope { full_data: true, ..CONTROL };
        assert_eq!([&port, &any_port, &full].map(|scope| passes(scope, 1, &data)), [true, false, true]);
        assert!(!passes(&CONTROL, 1, &line) && passes(&any_port, 1, &line));
    }

    #[test]
    fn what_hides_payload_is_recognised_in_a_file() {
        let hides = |scope: &Scope| {
            let filter = scope.expressions().into_iter().next();
            Interface { filter, ..Interface::new(InterfaceId(0), LinkType::ETHERNET) }.hides_payload()
        };
        assert!(hides(&CONTROL));
        assert!(!hides(&Scope { full_data: true, ..CONTROL }));
    }

    #[test]
    fn every_own_filter_shows_syns_and_is_known_for_that() {
        let shows = |filter: String| {
            Interface { filter: Some(filter), ..Interface::new(InterfaceId(0), LinkType::ETHERNET) }.shows_every_syn()
        };
        let scopes = [CONTROL, Scope { any_port: true, ..CONTROL }, Scope { full_data: true, ..CONTROL }];
        for scope in scopes.iter().chain([&Scope { ports: vec![2121], ..CONTROL }]) {
            assert!(scope.expressions().into_iter().all(shows), "{scope:?}");
            assert!(passes(scope, 1, &ethernet(&[], &packet(4, 2, 50_000, 0))), "{scope:?}");
        }
        assert!(!shows("tcp port 21".to_owned()) && !shows("host 10.0.0.1 and tcp".to_owned()));
    }

    #[test]
    fn every_common_link_type_has_a_form() {
        let bare = packet(4, 0x10, 50_000, 0);
        assert!(passes(&CONTROL, 101, &bare));
        let cooked: Vec<u8> =
            [8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0].into_iter().chain(bare).collect();
        assert!(passes(&CONTROL, 276, &cooked));
    }
}
