//! What a link-layer address tells by itself.

use std::fmt;

use super::Mac;

impl Mac {
    /// Group address: multicast or broadcast.
    pub fn is_multicast(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// Set by software rather than by the manufacturer.
    pub fn is_locally_administered(self) -> bool {
        self.0[0] & 2 != 0
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ":" };
            write!(f, "{separator}{byte:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Mac;

    #[test]
    fn a_mac_reads_as_usual_and_tells_its_kind() {
        let mac = Mac([0, 0x11, 0x22, 0x33, 0x44, 0xfe]);
        assert_eq!(mac.to_string(), "00:11:22:33:44:fe");
        assert!(!mac.is_multicast() && !mac.is_locally_administered());
        assert!(Mac([0xff; 6]).is_multicast());
        assert!(Mac([0x02, 0, 0, 0, 0, 1]).is_locally_administered());
    }
}
