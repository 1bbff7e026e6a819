//! Names of link types, as `tcpdump --list-data-link-types` and `-y` spell them.

use std::borrow::Cow;

use crate::frame::LinkType;

/// The name without `LINKTYPE_` or `DLT_`; the number for one without a name here.
pub(super) fn name(link_type: LinkType) -> Cow<'static, str> {
    Cow::Borrowed(match link_type {
        LinkType::NULL => "NULL",
        LinkType::ETHERNET => "EN10MB",
        LinkType::PPP => "PPP",
        LinkType::RAW_12 | LinkType::RAW_14 | LinkType::RAW => "RAW",
        LinkType::PPP_HDLC => "PPP_SERIAL",
        LinkType::PPP_ETHER => "PPP_ETHER",
        LinkType::C_HDLC => "C_HDLC",
        LinkType::LOOP => "LOOP",
        LinkType::LINUX_SLL => "LINUX_SLL",
        LinkType::IPV4 => "IPV4",
        LinkType::IPV6 => "IPV6",
        LinkType::LINUX_SLL2 => "LINUX_SLL2",
        LinkType(number) => return name_of_unread(number),
    })
}

/// The name of one that is not read.
fn name_of_unread(number: u32) -> Cow<'static, str> {
    Cow::Borrowed(match number {
        6 => "IEEE802",
        8 => "SLIP",
        10 => "FDDI",
        100 => "ATM_RFC1483",
        105 => "IEEE802_11",
        107 => "FRELAY",
        119 => "PRISM_HEADER",
        127 => "IEEE802_11_RADIO",
        187 => "BLUETOOTH_HCI_H4",
        189 => "USB_LINUX",
        192 => "PPI",
        195 => "IEEE802_15_4",
        220 => "USB_LINUX_MMAPPED",
        230 => "IEEE802_15_4_NOFCS",
        239 => "NFLOG",
        240 => "NETANALYZER",
        249 => "USBPCAP",
        252 => "WIRESHARK_UPPER_PDU",
        number => return Cow::Owned(number.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::{LinkType, name};

    #[test]
    fn known_types_have_names_and_others_their_number() {
        assert_eq!(name(LinkType::ETHERNET), "EN10MB");
        assert_eq!(name(LinkType::RAW_14), "RAW");
        assert_eq!(name(LinkType(147)), "147");
        for read in LinkType::READ {
            assert!(!name(read).bytes().all(|byte| byte.is_ascii_digit()), "{read:?} has a name");
        }
    }
}
