//! Names of link types, as `tcpdump --list-data-link-types` and `-y` spell them.

use std::borrow::Cow;

use crate::frame::LinkType;

/// The name without `LINKTYPE_` or `DLT_`; the number for one without a name here.
pub(super) fn name(link_type: LinkType) -> Cow<'static, str> {
    Cow::Borrowed(match link_type.0 {
        0 => "NULL",
        1 => "EN10MB",
        6 => "IEEE802",
        8 => "SLIP",
        9 => "PPP",
        10 => "FDDI",
        // 12 and 14 are what some systems wrote for raw IP before the registry had 101.
        12 | 14 | 101 => "RAW",
        50 => "PPP_SERIAL",
        51 => "PPP_ETHER",
        100 => "ATM_RFC1483",
        104 => "C_HDLC",
        105 => "IEEE802_11",
        107 => "FRELAY",
        108 => "LOOP",
        113 => "LINUX_SLL",
        119 => "PRISM_HEADER",
        127 => "IEEE802_11_RADIO",
        187 => "BLUETOOTH_HCI_H4",
        189 => "USB_LINUX",
        192 => "PPI",
        195 => "IEEE802_15_4",
        220 => "USB_LINUX_MMAPPED",
        228 => "IPV4",
        229 => "IPV6",
        230 => "IEEE802_15_4_NOFCS",
        239 => "NFLOG",
        240 => "NETANALYZER",
        249 => "USBPCAP",
        252 => "WIRESHARK_UPPER_PDU",
        276 => "LINUX_SLL2",
        number => return Cow::Owned(number.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::{LinkType, name};

    #[test]
    fn known_types_have_names_and_others_their_number() {
        assert_eq!(name(LinkType(1)), "EN10MB");
        assert_eq!(name(LinkType(14)), "RAW");
        assert_eq!(name(LinkType(147)), "147");
    }
}
