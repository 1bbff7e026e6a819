//! Takes Telnet commands out of a control stream (RFC 854, RFC 959 5.3); what is left is FTP.

/// Interpret As Command.
pub(super) const IAC: u8 = 255;
/// Interrupt Process: comes before ABOR (RFC 959 4.1.3).
const IP: u8 = 244;
/// Start of a subnegotiation.
const SB: u8 = 250;
/// End of a subnegotiation.
const SE: u8 = 240;
/// Bytes of a subnegotiation after which it is taken for an accident: a file name may hold the two bytes that open one.
const SUBNEGOTIATION_BYTES: u16 = 512;

/// Where in a Telnet command the stream stands. It survives segment boundaries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Telnet {
    /// Between commands.
    #[default]
    Data,
    /// Behind IAC.
    Command,
    /// Behind IAC WILL, WONT, DO or DONT.
    Option,
    /// Behind IAC SB, with the bytes swallowed so far.
    Subnegotiation(u16),
    /// Behind IAC within a subnegotiation.
    SubnegotiationCommand(u16),
}

impl Telnet {
    /// Whether the next byte makes the command that interrupts.
    pub(super) fn is_interrupted_by(self, byte: u8) -> bool {
        self == Self::Command && byte == IP
    }

    /// Takes a byte and gives it back if it is data.
    pub(super) fn take(&mut self, byte: u8) -> Option<u8> {
        let (next, data) = match (*self, byte) {
            (Self::Data, IAC) => (Self::Command, None),
            (Self::Data, _) | (Self::Command, IAC) => (Self::Data, Some(byte)),
            (Self::Command, SB) => (Self::Subnegotiation(0), None),
            (Self::Command, 251..=254) => (Self::Option, None),
            // 236 (EOF) to 249 (GA) are commands of two bytes.
            (Self::Command, 236..=249) | (Self::Option, _) | (Self::SubnegotiationCommand(_), SE) => (Self::Data, None),
            // No command: the urgent half of a Synch was skipped on the way, and what follows is text.
            (Self::Command, _) => (Self::Data, Some(byte)),
            (Self::Subnegotiation(SUBNEGOTIATION_BYTES..) | Self::SubnegotiationCommand(SUBNEGOTIATION_BYTES..), _) => {
                (Self::Data, Some(byte))
            }
            (Self::Subnegotiation(n), IAC) => (Self::SubnegotiationCommand(n), None),
            (Self::Subnegotiation(n) | Self::SubnegotiationCommand(n), _) => (Self::Subnegotiation(n + 1), None),
        };
        *self = next;
        data
    }
}

#[cfg(test)]
mod tests {
    use super::Telnet;

    fn data(bytes: &[u8]) -> Vec<u8> {
        let mut telnet = Telnet::default();
        bytes.iter().filter_map(|byte| telnet.take(*byte)).collect()
    }

    #[test]
    fn a_doubled_iac_is_one_byte() {
        assert_eq!(data(b"RETR \xff\xffx"), b"RETR \xffx");
    }

    #[test]
    fn commands_options_and_subnegotiations_vanish() {
        assert_eq!(data(b"\xff\xf4\xff\xf2ABOR"), b"ABOR");
        assert_eq!(data(b"NO\xff\xf1OP"), b"NOOP");
        assert_eq!(data(b"\xff\xfb\x01\xff\xfd\xffPORT"), b"PORT");
        assert_eq!(data(b"A\xff\xfa\x25\x01\xff\xff\x02\xff\xf0B"), b"AB");
    }

    #[test]
    fn an_iac_whose_data_mark_was_skipped_takes_no_text() {
        assert_eq!(data(b"\xff\xf4\xffABOR"), b"ABOR");
    }

    #[test]
    fn an_endless_subnegotiation_ends() {
        let mut bytes = b"\xff\xfa".to_vec();
        bytes.extend([b'x'; 2000]);
        assert_eq!(data(&bytes).len(), 2000 - 512);
    }
}
