//! Where the fields of the commonest headers are.

/// A field: how many bytes into its header it begins, and how many it has.
#[derive(Clone, Copy, Debug)]
pub struct Field<const LEN: usize>(pub usize);

impl<const LEN: usize> Field<LEN> {
    /// Its bytes; `None` if the header ends before.
    #[inline]
    pub fn of(self, header: &[u8]) -> Option<[u8; LEN]> {
        header.get(self.0..)?.first_chunk().copied()
    }

    /// Its bytes in a header that is long enough for it; else zeros.
    #[inline]
    pub fn within<const HEADER: usize>(self, header: &[u8; HEADER]) -> [u8; LEN] {
        self.of(header).unwrap_or([0; LEN])
    }
}

/// An Ethernet header (IEEE 802.3 3.1.1).
pub mod ethernet {
    use super::Field;

    /// MAC of the receiver.
    pub const DESTINATION: Field<6> = Field(0);
    /// MAC of the sender.
    pub const SOURCE: Field<6> = Field(6);
    /// An EtherType, or a length.
    pub const TYPE: Field<2> = Field(12);
    /// Bytes of the whole header.
    pub const LEN: usize = 14;
    /// What stands in [`TYPE`] at most if it is a length (IEEE 802.3 3.2.6); EtherTypes begin at 0x600.
    pub const LENGTH_MAX: u16 = 1500;
}

/// A VLAN tag (IEEE 802.1Q 9.3), from behind the EtherType that announces it.
pub mod vlan {
    use super::Field;

    /// Priority and VLAN id.
    pub const CONTROL: Field<2> = Field(0);
    /// What follows the tag, as in an Ethernet header.
    pub const TYPE: Field<2> = Field(2);
    /// Bytes of the whole tag.
    pub const LEN: usize = 4;
    /// The bits of [`CONTROL`] that are the id; 0 is none.
    pub const ID: u16 = 0x0fff;
}

/// An IPv4 header (RFC 791 3.1).
pub mod ipv4 {
    use super::Field;

    /// 4, and the length of the header in words of four bytes.
    pub const VERSION_AND_LENGTH: Field<1> = Field(0);
    /// Bytes of the packet.
    pub const TOTAL_LENGTH: Field<2> = Field(2);
    /// What fragments of one packet have in common.
    pub const IDENTIFICATION: Field<2> = Field(4);
    /// Flags and fragment offset.
    pub const FRAGMENT: Field<2> = Field(6);
    /// Time to live.
    pub const TTL: Field<1> = Field(8);
    /// The protocol of the payload.
    pub const PROTOCOL: Field<1> = Field(9);
    /// Checksum of the header.
    pub const CHECKSUM: Field<2> = Field(10);
    /// Address of the sender.
    pub const SOURCE: Field<4> = Field(12);
    /// Address of the receiver.
    pub const DESTINATION: Field<4> = Field(16);
    /// Without options.
    pub const LEN: usize = 20;
}

/// An IPv6 header (RFC 8200 3).
pub mod ipv6 {
    use super::Field;

    /// 6, and half of the traffic class.
    pub const VERSION: Field<1> = Field(0);
    /// Bytes behind this header.
    pub const PAYLOAD_LENGTH: Field<2> = Field(4);
    /// The protocol of the payload, or the kind of the extension header that follows.
    pub const NEXT_HEADER: Field<1> = Field(6);
    /// Time to live.
    pub const HOP_LIMIT: Field<1> = Field(7);
    /// Address of the sender.
    pub const SOURCE: Field<16> = Field(8);
    /// Address of the receiver.
    pub const DESTINATION: Field<16> = Field(24);
    /// Bytes of the whole header.
    pub const LEN: usize = 40;
}

/// A TCP header (RFC 9293 3.1); UDP has its ports in the same place.
pub mod tcp {
    use super::Field;

    /// Port of the sender.
    pub const SOURCE_PORT: Field<2> = Field(0);
    /// Port of the receiver.
    pub const DESTINATION_PORT: Field<2> = Field(2);
    /// Sequence number.
    pub const SEQUENCE: Field<4> = Field(4);
    /// Acknowledgement number.
    pub const ACKNOWLEDGEMENT: Field<4> = Field(8);
    /// The length of the header in words of four bytes, in the upper half.
    pub const DATA_OFFSET: Field<1> = Field(12);
    /// Flags, FIN in bit 0.
    pub const FLAGS: Field<1> = Field(13);
    /// Receive window.
    pub const WINDOW: Field<2> = Field(14);
    /// Without options.
    pub const LEN: usize = 20;
}
