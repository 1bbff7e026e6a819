//! Packets for the tests of this module, written as hex digits and put together header by header.

use crate::frame::{CaptureId, Frame, FrameNo, InterfaceId, LinkType, Stamp, Timestamp};

/// Ethernet addresses 00:00:00:00:00:02 <- 02:00:00:00:00:01, without the type.
pub const MACS: &str = "000000000002 020000000001";
/// A SYN from port 20 to port 50000.
pub const SYN: &str = "0014c350 00000001 00000000 5002faf0 6d880000";

/// The bytes of hex digits; blanks are for the reader.
pub fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// The digits of bytes.
pub fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"))
}

/// An IPv4 packet from 192.0.2.1 to 192.0.2.2, TTL 64, identification 0x1234.
pub fn v4(protocol: u8, payload: &str) -> String {
    v4_fragment(protocol, "0000", payload)
}

/// The same with flags and fragment offset.
pub fn v4_fragment(protocol: u8, flags_and_offset: &str, payload: &str) -> String {
    let len = 20 + hex(payload).len();
    format!("4500{len:04x} 1234{flags_and_offset} 40{protocol:02x}0000 c0000201 c0000202 {payload}")
}

/// An IPv6 packet from 2001:db8::1 to 2001:db8::2, hop limit 64.
pub fn v6(next_header: u8, payload: &str) -> String {
    let len = hex(payload).len();
    let (from, to) = ("20010db8000000000000000000000001", "20010db8000000000000000000000002");
    format!("60000000 {len:04x}{next_header:02x}40 {from} {to} {payload}")
}

/// A frame number with that many seconds.
pub fn at(number: u64, seconds: i64) -> Stamp {
    Stamp::new(CaptureId(0), FrameNo(number), Timestamp(seconds * 1_000_000_000))
}

/// A whole frame.
pub fn frame(number: u64, link_type: u32, bytes: &[u8]) -> Frame<'_> {
    let wire_len = u32::try_from(bytes.len()).unwrap();
    Frame { at: at(number, 0), interface: InterfaceId(0), link_type: LinkType(link_type), bytes, wire_len }
}

/// Frames that all hold the same SYN, wrapped in every known way: link type, name of the wrapping, bytes.
pub fn wrapped_syns() -> Vec<(u32, &'static str, String)> {
    let syn = v4(6, SYN);
    let ethernet = format!("{MACS} 0800 {syn}");
    let ppp_gre = |header: &str| v4(47, &format!("{header} ff030021 {syn}"));
    let udp = |port: &str, payload: &str| v4(17, &format!("c000{port}{:04x}0000 {payload}", 8 + hex(payload).len()));
    let four = v4(4, &v4(4, &v4(4, &v4(4, &syn))));
    let four_name = "IP tunnel 192.0.2.1 - 192.0.2.2 / IP tunnel 192.0.2.1 - 192.0.2.2 / \
                     IP tunnel 192.0.2.1 - 192.0.2.2 / IP tunnel 192.0.2.1 - 192.0.2.2";
    vec![
        (1, "", ethernet.clone()),
        (1, "", format!("{ethernet} 000000000000")),
        (1, "", format!("{MACS} 86dd {}", v6(6, SYN))),
        (1, "VLAN 10", format!("{MACS} 8100 600a 0800 {syn}")),
        (1, "", format!("{MACS} 8100 e000 0800 {syn}")),
        (1, "VLAN 100 / VLAN 10", format!("{MACS} 88a8 0064 8100 000a 0800 {syn}")),
        (1, "VLAN 1 / VLAN 2 / VLAN 3 / VLAN 4", format!("{MACS} 9100 0001 9200 0002 88a8 0003 8100 0004 0800 {syn}")),
        (1, "", format!("{MACS} 0030 aaaa03 000000 0800 {syn} 0000")),
        (1, "VLAN 10", format!("{MACS} 8100 000a 0030 aaaa03 000000 0800 {syn}")),
        (1, "", format!("{MACS} 002b 060603 {syn}")),
        (113, "", format!("0000 0001 0006 020000000001 0000 0800 {syn}")),
        (276, "", format!("0800 0000 00000003 0001 04 06 020000000001 0000 {syn}")),
        (12, "", syn.clone()),
        (14, "", syn.clone()),
        (101, "", v6(6, SYN)),
        (228, "", syn.clone()),
        (229, "", v6(6, SYN)),
        (0, "", format!("02000000 {syn}")),
        (0, "", format!("00000002 {syn}")),
        (0, "", format!("1e000000 {}", v6(6, SYN))),
        (108, "", format!("00000018 {}", v6(6, SYN))),
        (9, "", format!("ff030021 {syn}")),
        (9, "", format!("21 {syn}")),
        (9, "", format!("0057 {}", v6(6, SYN))),
        (50, "", format!("ff030021 {syn}")),
        (50, "", format!("0f000800 {syn}")),
        (1, "PPPoE 5", format!("{MACS} 8864 1100 0005 002a 0021 {syn}")),
        (51, "PPPoE 5", format!("1100 0005 002a 0021 {syn}")),
        (1, "", format!("{MACS} 8847 00010040 00020140 {syn}")),
        (1, "", format!("{MACS} 8847 00010140 00000000 {ethernet}")),
        (1, "", format!("{MACS} 8847 00010140 {ethernet}")),
        (1, "", format!("{MACS} 8847 00010140 0a{}", &ethernet[2..])),
        (101, "IP tunnel 192.0.2.1 - 192.0.2.2", v4(4, &syn)),
        (101, "IP tunnel 192.0.2.1 - 192.0.2.2", v4(41, &v6(6, SYN))),
        (101, "IP tunnel 2001:db8::1 - 2001:db8::2", v6(4, &syn)),
        (101, four_name, four),
        (101, "MPLS in IP 192.0.2.1 - 192.0.2.2", v4(137, &format!("00010140 {syn}"))),
        (101, "GRE 192.0.2.1 - 192.0.2.2", v4(47, &format!("00000800 {syn}"))),
        (101, "GRE key 7", v4(47, &format!("b0006558 00000000 00000007 00000001 {ethernet}"))),
        (101, "PPTP 192.0.2.1 - 192.0.2.2", ppp_gre("3081880b 002c0001 00000001 00000002")),
        (101, "ERSPAN 192.0.2.1 - 192.0.2.2", v4(47, &format!("000088be {ethernet}"))),
        (101, "ERSPAN 5", v4(47, &format!("100088be 00000001 10000805 00000001 {ethernet}"))),
        (101, "ERSPAN 6", v4(47, &format!("100022eb 00000001 20000806 00000000 00000000 {ethernet}"))),
        (101, "ERSPAN 6", v4(47, &format!("100022eb 00000001 20000806 00000000 00000001 0000000000000000 {ethernet}"))),
        (101, "VXLAN 42", udp("12b5", &format!("0800000000002a00 {ethernet}"))),
        (101, "VXLAN 42 / VLAN 7", udp("2118", &format!("0800000000002a00 {MACS} 8100 0007 0800 {syn}"))),
        (101, "VXLAN 42", udp("12b6", &format!("0c00000100002a00 {syn}"))),
        (101, "VXLAN 42", udp("12b6", &format!("0c00000300002a00 {ethernet}"))),
        (101, "Geneve 42", udp("17c1", &format!("0240655800002a00 0000000000000000 {ethernet}"))),
        // Options, and extension headers: hop-by-hop, routing, destination options, atomic fragment.
        (101, "", format!("4600 002c 12340000 40060000 c0000201 c0000202 01010100 {SYN}")),
        (101, "", v4(51, &format!("06040000 00000001 00000001 000000000000000000000000 {SYN}"))),
        (101, "", v6(0, &format!("2b00010400000000 3c00000000000000 2c00010400000000 0600000000000001 {SYN}"))),
        // Lengths that segmentation offload left empty.
        (101, "", format!("4500 0000 12340000 40060000 c0000201 c0000202 {SYN}")),
        (101, "", v6(6, SYN).replacen("0014", "0000", 1)),
    ]
}

/// Frames of every other kind.
pub fn others() -> Vec<(u32, String)> {
    let quote = v4(6, "0014c350 00000001");
    vec![
        (1, format!("{MACS} 0806 0001080006040001 020000000001 c0000201 000000000000 c0000202")),
        (101, v4(1, &format!("03010000 00000000 {quote}"))),
        (101, v6(58, &format!("01040000 00000000 {}", v6(6, "0014c350 00000001")))),
        (101, v6(58, "88000000 e0000000 20010db8000000000000000000000001 0201020000000001")),
        (101, v4_fragment(6, "2000", SYN)),
        (101, v6(44, "0600000100000009 0014c350 00000001")),
        (101, v4(17, "c00004d2 000c0000 01020304")),
        (101, v4(17, "c0000868 00140000 30ff000400000001 45000014")),
        (101, v4(50, "0000000100000001")),
        (1, format!("{MACS} 88e5 0000000000000000")),
        (127, "0000080000000000".to_owned()),
    ]
}
