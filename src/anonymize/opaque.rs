//! TLS on a control connection: record headers stay, for they tell where it begins and ends; what they hold is blanked.

use super::script::What;

/// Type, version and length (RFC 8446 5.1).
const HEADER_BYTES: usize = 5;

/// Where in its records a direction stands.
#[derive(Debug, Default)]
pub(super) struct Records {
    header: Vec<u8>,
    /// Bytes of the body to come.
    body: u64,
    /// The boundaries are lost: all that follows is blanked.
    lost: bool,
}

impl Records {
    /// Whether these bytes, at the beginning of a line, begin TLS (or an SSLv2 hello) and no text.
    pub fn begin(bytes: &[u8]) -> bool {
        match bytes {
            [0x14 | 0x17 | 0x18, 3, ..] => true,
            [first, ..] => matches!(first, 0x15 | 0x16 | 0x80 | 0x81),
            [] => false,
        }
    }

    /// What the next bytes become, and how many they are; none where text begins again.
    pub fn next(&mut self, bytes: &[u8]) -> (What, usize) {
        let Some(first) = bytes.first() else { return (What::Blank(0), 0) };
        if self.lost {
            return (What::Blank(bytes.len() as u64), bytes.len());
        }
        if self.body > 0 {
            let len = usize::try_from(self.body).unwrap_or(usize::MAX).min(bytes.len());
            self.body -= len as u64;
            return (What::Blank(len as u64), len);
        }
        match (self.header.len(), first) {
            (0, b' '..=b'~' | 0xff) => (What::Blank(0), 0),
            (0, 0x80..) => {
                self.lost = true;
                (What::Kept(1), 1)
            }
            (_, byte) => {
                self.header.push(*byte);
                if let [kind, major, minor, high, low] = self.header[..] {
                    self.lost = !((0x14..=0x18).contains(&kind) && major == 3 && minor <= 4);
                    self.body = u64::from(u16::from_be_bytes([high, low]));
                    self.header.clear();
                }
                debug_assert!(self.header.len() < HEADER_BYTES);
                (What::Kept(1), 1)
            }
        }
    }

    /// Passes over missing bytes.
    pub fn skip(&mut self, len: u64) {
        self.lost |= len > self.body || !self.header.is_empty();
        self.body = self.body.saturating_sub(len);
    }
}

#[cfg(test)]
mod tests {
    use super::{Records, What};

    fn become_(bytes: &[u8]) -> (Vec<u8>, usize) {
        let (mut records, mut out, mut at) = (Records::default(), Vec::new(), 0);
        while at < bytes.len() {
            let (what, len) = records.next(&bytes[at..]);
            match what {
                What::Kept(_) => out.extend(&bytes[at..at + len]),
                What::Blank(_) => out.resize(out.len() + len, 0),
                What::Text(..) => panic!("no text"),
            }
            if len == 0 {
                break;
            }
            at += len;
        }
        (out, at)
    }

    #[test]
    fn headers_stay_and_bodies_go() {
        let bytes = b"\x16\x03\x01\x00\x03sni\x15\x03\x03\x00\x02\x01\x00QUIT\r\n";
        assert_eq!(become_(bytes), (b"\x16\x03\x01\x00\x03\0\0\0\x15\x03\x03\x00\x02\0\0".to_vec(), 15));
    }

    #[test]
    fn what_cannot_be_delimited_goes_as_a_whole() {
        assert_eq!(become_(b"\x16\x09\x01\x00\x03secret").0[5..], [0; 6]);
        assert_eq!(become_(b"\x80\x03secret").0[1..], [0; 7]);
    }

    #[test]
    fn text_is_no_tls() {
        assert!(Records::begin(b"\x16\x03") && Records::begin(b"\x17\x03\x03"));
        assert!(!Records::begin(b"USER") && !Records::begin(b"\xff\xf4") && !Records::begin(b"\x17x"));
    }
}
