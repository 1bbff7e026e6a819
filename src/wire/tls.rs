//! Walks TLS records by their lengths (RFC 8446 5.1): of which type and size they are, and where clear text begins
//! again behind them.

/// Longest fragment of a record: 2^14 bytes and 2048 for the expansion of old ciphers (RFC 5246 6.2.3).
const RECORD_BYTES: u16 = (1 << 14) + 2048;
/// Type, version and length.
const HEADER_BYTES: usize = 5;

/// Whether a byte begins a TLS handshake, a TLS alert or an SSLv2 hello, which it does in no line of text.
pub fn begins(byte: u8) -> bool {
    matches!(byte, 0x15 | 0x16 | 0x80 | 0x81)
}

/// Whether these bytes are the head of any TLS record: for connections picked up in their midst.
pub fn is_record(bytes: &[u8]) -> bool {
    matches!(bytes, [kind, 3, minor, high, low, ..] if is_header([*kind, 3, *minor, *high, *low]))
}

fn is_header([kind, major, minor, high, low]: [u8; HEADER_BYTES]) -> bool {
    (0x14..=0x18).contains(&kind) && major == 3 && minor <= 4 && u16::from_be_bytes([high, low]) <= RECORD_BYTES
}

/// What a record's header tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// What it carries; from TLS 1.3 on most records say [`Kind::Application`], whatever they hold.
    pub kind: Kind,
    /// Bytes behind the header.
    pub len: u16,
    /// What it says, of an alert in clear.
    pub alert: Option<Alert>,
}

/// An alert (RFC 5246 7.2, RFC 8446 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Alert {
    /// Whether it ends the session.
    pub fatal: bool,
    /// Its number.
    pub description: u8,
}

impl Alert {
    /// Bytes of an alert; one that is encrypted has more.
    const BYTES: u16 = 2;

    /// Whether such a record holds one in clear.
    fn is_in(record: Record) -> bool {
        record.kind == Kind::Alert && record.len == Self::BYTES
    }

    fn of([level, description]: [u8; 2]) -> Option<Self> {
        matches!(level, 1 | 2).then_some(Self { fatal: level == 2, description })
    }
}

/// What a record carries (RFC 8446 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The sender encrypts from here on.
    ChangeCipherSpec,
    /// A warning, an error, or close_notify.
    Alert,
    /// Hellos and what follows until keys are known.
    Handshake,
    /// Anything encrypted.
    Application,
    /// Heartbeats (RFC 6520).
    Heartbeat,
    /// What looked like an alert by its size, and is none: that was seen when it was decrypted.
    NoAlert,
}

impl Record {
    /// What a header tells, if it is one.
    pub fn of([kind, _, _, high, low]: [u8; HEADER_BYTES]) -> Option<Self> {
        let kind = match kind {
            0x14 => Kind::ChangeCipherSpec,
            0x15 => Kind::Alert,
            0x16 => Kind::Handshake,
            0x17 => Kind::Application,
            0x18 => Kind::Heartbeat,
            _ => return None,
        };
        Some(Self { kind, len: u16::from_be_bytes([high, low]), alert: None })
    }

    /// The same, once it is known which alert it is.
    #[must_use]
    pub fn saying(self, alert: [u8; 2]) -> Self {
        Self { kind: Kind::Alert, alert: Alert::of(alert), ..self }
    }

    /// Whether it is an alert that was sent in clear.
    pub fn is_clear_alert(self) -> bool {
        Alert::is_in(self)
    }

    /// Whether it has the size of an alert that is encrypted, and nobody has looked what it says.
    pub fn may_be_an_alert(self) -> bool {
        match self.kind {
            Kind::Alert => self.alert.is_none(),
            Kind::Application => self.len == Self::HIDDEN_ALERT,
            Kind::ChangeCipherSpec | Kind::Handshake | Kind::Heartbeat | Kind::NoAlert => false,
        }
    }

    /// Bytes of an alert behind the disguise of TLS 1.3: its type and an AEAD tag of 16 bytes are added (RFC 8446 5.2).
    pub const HIDDEN_ALERT: u16 = Alert::BYTES + 1 + 16;

    /// Its type on the wire, if it is one that hides something.
    pub fn hiding_type(self) -> u8 {
        if self.kind == Kind::Alert { 0x15 } else { 0x17 }
    }
}

/// What a walk over records comes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// The header of a record, or an alert in clear.
    Record(Record),
    /// Bytes of the body of the record told last.
    Body(&'a [u8]),
}

/// Where in its records one direction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Records {
    /// At the boundary before the first record, which may be an SSLv2 hello.
    First,
    /// Within a header, with the bytes so far.
    Header([u8; HEADER_BYTES], usize),
    /// Within an alert in clear, with its first byte if that has come.
    Alert(Record, Option<u8>),
    /// Behind the first byte of an SSLv2 hello.
    OldHeader(u8),
    /// Within a body, with the bytes to come. 0 is a record boundary.
    Body(u64),
    /// The boundaries are lost: opaque until the end.
    Lost,
}

impl Records {
    /// Walks over `bytes` and tells the records whose headers end there, or the bytes of an alert in clear; gives the rest if clear text begins there.
    pub fn walk<'a>(&mut self, bytes: &'a [u8], tell: &mut dyn FnMut(Record)) -> Option<&'a [u8]> {
        self.walk_over(bytes, &mut |step| {
            if let Step::Record(record) = step {
                tell(record);
            }
        })
    }

    /// The same, and tells the bytes of bodies, too.
    pub fn walk_over<'a>(&mut self, mut bytes: &'a [u8], tell: &mut dyn FnMut(Step<'_>)) -> Option<&'a [u8]> {
        while let Some((byte, rest)) = bytes.split_first() {
            *self = match (*self, *byte) {
                (Self::Lost, _) => return None,
                (Self::First, 0x80..) => Self::OldHeader(*byte),
                (Self::OldHeader(high), low) => Self::Body(u64::from(high & 0x7f) << 8 | u64::from(low)),
                (Self::First | Self::Body(0), 0x14..=0x18) => Self::Header([*byte, 0, 0, 0, 0], 1),
                (Self::Alert(record, None), level) => Self::Alert(record, Some(level)),
                (Self::Alert(record, Some(level)), description) => {
                    tell(Step::Record(Record { alert: Alert::of([level, description]), ..record }));
                    Self::Body(0)
                }
                (Self::Body(0), b' '..=b'~' | 0xff) => return Some(bytes),
                (Self::First | Self::Body(0), _) => Self::Lost,
                (Self::Header(header, held), byte) => Self::header(header, held, byte, tell),
                (Self::Body(left), _) => {
                    let step = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    *self = Self::Body(left - step as u64);
                    tell(Step::Body(bytes.get(..step).unwrap_or_default()));
                    bytes = bytes.get(step..).unwrap_or_default();
                    continue;
                }
            };
            bytes = rest;
        }
        None
    }

    /// Bytes are missing here. Within a body that is long enough nothing is lost with them.
    pub fn skip(&mut self, len: u64) {
        *self = match *self {
            Self::Body(left) if len <= left => Self::Body(left - len),
            Self::Body(_) | Self::First | Self::Header(..) | Self::Alert(..) | Self::OldHeader(_) | Self::Lost => {
                Self::Lost
            }
        };
    }

    fn header(mut header: [u8; HEADER_BYTES], held: usize, byte: u8, tell: &mut dyn FnMut(Step<'_>)) -> Self {
        if let Some(slot) = header.get_mut(held) {
            *slot = byte;
        }
        if held + 1 < HEADER_BYTES {
            return Self::Header(header, held + 1);
        }
        match Record::of(header).filter(|_| is_header(header)) {
            Some(record) if Alert::is_in(record) => Self::Alert(record, None),
            Some(record) => {
                tell(Step::Record(record));
                Self::Body(u64::from(record.len))
            }
            None => Self::Lost,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Alert, Kind, Record, Records, begins, is_record};

    #[test]
    fn clear_text_is_found_at_a_boundary() {
        let mut records = Records::First;
        assert_eq!(records.walk(b"\x16\x03\x01\x00\x02ab\x15\x03\x03\x00", &mut |_| ()), None);
        assert_eq!(records.walk(b"\x02QU", &mut |_| ()), None);
        assert_eq!(records.walk(b"QUIT\r\n", &mut |_| ()), Some(&b"QUIT\r\n"[..]));
    }

    #[test]
    fn what_cannot_be_delimited_stays_opaque() {
        for bytes in [&b"\x16\x04\x01\x00\x02ab"[..], b"\x16\x03\x01\xff\xffab", b"\x01", b"USER"] {
            let mut records = Records::First;
            assert_eq!(records.walk(bytes, &mut |_| ()), None);
            assert_eq!(records.walk(b"USER x\r\n", &mut |_| ()), None, "{bytes:?}");
        }
    }

    #[test]
    fn an_old_hello_has_its_own_length() {
        let mut records = Records::First;
        assert_eq!(records.walk(b"\x80\x03\x01\x03\x00\x16\x03\x00\x00\x00NOOP", &mut |_| ()), Some(&b"NOOP"[..]));
    }

    #[test]
    fn a_loss_within_a_body_is_bridged() {
        let mut records = Records::First;
        records.walk(b"\x17\x03\x03\x00\x0aab", &mut |_| ());
        records.skip(7);
        assert_eq!(records.walk(b"cNOOP", &mut |_| ()), Some(&b"NOOP"[..]));
        records.skip(1);
        assert_eq!(records.walk(b"NOOP", &mut |_| ()), None);
    }

    #[test]
    fn records_are_told_by_type_and_length() {
        let mut records = Records::First;
        let mut told = Vec::new();
        records.walk(b"\x16\x03\x01\x00\x02ab\x14\x03\x03\x00\x01\x01\x17\x03", &mut |record| told.push(record));
        records.walk(b"\x03\x00\x13 and more", &mut |record| told.push(record));
        let record = |kind, len| Record { kind, len, alert: None };
        assert_eq!(
            told,
            [record(Kind::Handshake, 2), record(Kind::ChangeCipherSpec, 1), record(Kind::Application, 19)]
        );
    }

    #[test]
    fn an_alert_in_clear_tells_what_it_says() {
        let alert = |bytes: &[u8]| {
            let mut told = Vec::new();
            Records::First.walk(bytes, &mut |record| told.push(record));
            told.first().and_then(|record: &Record| record.alert)
        };
        let unknown_ca = Alert { fatal: true, description: 48 };
        assert_eq!(alert(b"\x15\x03\x03\x00\x02\x02\x30"), Some(unknown_ca));
        assert_eq!(alert(b"\x15\x03\x03\x00\x1a\x02\x30 encrypted"), None);
        assert_eq!(alert(b"\x15\x03\x03\x00\x02\x02"), None);
        assert_eq!(alert(b"\x16\x03\x03\x00\x02\x02\x30"), None);
    }

    #[test]
    fn handshakes_are_told_from_text() {
        assert!(begins(0x16) && begins(0x80));
        assert!(!begins(b'U') && !begins(0xff) && !begins(b'\r'));
        assert!(is_record(b"\x17\x03\x03\x00\x20x") && !is_record(b"\x17\x03\x03") && !is_record(b"220 hello"));
    }

    proptest! {
        #[test]
        fn segmentation_does_not_matter(bytes in proptest::collection::vec(any::<u8>(), 0..64), split in 0usize..64) {
            let mut whole = Records::First;
            let at_once = whole.walk(&bytes, &mut |_| ()).map(<[u8]>::len);
            let (head, tail) = bytes.split_at(split.min(bytes.len()));
            let mut parts = Records::First;
            let in_two = match parts.walk(head, &mut |_| ()) {
                Some(rest) => Some(rest.len() + tail.len()),
                None => parts.walk(tail, &mut |_| ()).map(<[u8]>::len),
            };
            prop_assert_eq!(at_once, in_two);
        }
    }
}
