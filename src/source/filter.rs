//! Applies a capture filter (BPF, compiled by libpcap) to frames of saved files.
//!
//! Without the feature `live` there is no libpcap, and every expression is refused.

use std::fmt;

use crate::frame::LinkType;

/// An expression that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    expression: String,
    why: String,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the filter `{}` cannot be used: {}", crate::text::printable_str(&self.expression), self.why)?;
        if is_display_filter(&self.expression) {
            f.write_str("; it looks like a Wireshark display filter; use a capture filter as in tcpdump")?;
        }
        Ok(())
    }
}

impl std::error::Error for FilterError {}

/// The error about an expression that libpcap refuses, in its words.
#[cfg(feature = "live")]
pub(super) fn refusal(expression: &str, why: String) -> FilterError {
    FilterError { expression: expression.to_owned(), why }
}

/// Whether the expression has what only display filters have: comparisons spelt out, or names with a dot.
fn is_display_filter(expression: &str) -> bool {
    const PROTOCOLS: [&str; 8] = ["ftp.", "ftp-data.", "tcp.", "ip.", "ipv6.", "frame.", "eth.", "_ws."];
    expression.contains("==")
        || expression
            .split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')))
            .any(|word| PROTOCOLS.iter().any(|protocol| word.starts_with(protocol)))
        || matches!(expression.trim(), "ftp" | "ftp-data")
}

/// Whether the expression can be used on any of the common link types; the reason it cannot on Ethernet otherwise.
///
/// To be asked before files are opened: a wrong expression is wrong for all of them.
pub fn check(expression: &str) -> Result<(), FilterError> {
    const COMMON: [LinkType; 4] = [LinkType::ETHERNET, LinkType::LINUX_SLL, LinkType::LINUX_SLL2, LinkType::RAW];
    let mut first_error = None;
    for link_type in COMMON {
        match Filter::new(expression).prepare(link_type) {
            Ok(()) => return Ok(()),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    first_error.map_or(Ok(()), Err)
}

pub(super) use imp::Filter;

#[cfg(feature = "live")]
mod imp {
    use pcap::{BpfProgram, Capture, Linktype};

    use super::FilterError;
    use crate::frame::{Frame, LinkType};

    /// BPF_LD|BPF_W|BPF_LEN and BPF_LDX|BPF_W|BPF_LEN: the instructions behind `len`, `less` and `greater`.
    const LOAD_LEN: [&str; 2] = ["128 ", "129 "];

    /// A wire length that is believed, for a filter that asks for it.
    const MAX_WIRE_LEN: usize = 1 << 18;

    /// An expression, compiled once for each link type that occurs.
    pub(in super::super) struct Filter {
        expression: String,
        /// `None` where it does not compile: no frame of that link type passes.
        programs: Vec<(LinkType, Option<Program>)>,
        refusals: Vec<(LinkType, FilterError)>,
        padded: Vec<u8>,
    }

    struct Program {
        code: BpfProgram,
        asks_for_len: bool,
    }

    /// How libpcap says that no packet of the link type can match, as none of raw IP is ARP. That is an answer.
    const NONE_CAN_MATCH: &str = "rejects all packets";

    impl Filter {
        pub(in super::super) fn new(expression: &str) -> Self {
            let (programs, refusals) = (Vec::new(), Vec::new());
            Self { expression: expression.to_owned(), programs, refusals, padded: Vec::new() }
        }

        /// Compiles the expression for a link type.
        pub(in super::super) fn prepare(&mut self, link_type: LinkType) -> Result<(), FilterError> {
            if self.programs.iter().any(|(known, _)| *known == link_type) {
                return Ok(());
            }
            let program = self.compile(link_type)?;
            self.programs.push((link_type, Some(program)));
            Ok(())
        }

        /// The same for a link type that turns up while a file is read, and lets none of its frames pass if it cannot
        /// be done.
        #[inline]
        pub(in super::super) fn prepare_late(&mut self, link_type: LinkType) {
            if let Err(error) = self.prepare(link_type) {
                self.programs.push((link_type, None));
                if !error.why.contains(NONE_CAN_MATCH) {
                    self.refusals.push((link_type, error));
                }
            }
        }

        /// Why frames were left out that nobody could apply the expression to.
        pub(in super::super) fn refusals(&self) -> &[(LinkType, FilterError)] {
            &self.refusals
        }

        fn compile(&self, link_type: LinkType) -> Result<Program, FilterError> {
            let compile = || Capture::dead(Linktype(dlt(link_type)))?.compile(&self.expression, true);
            let code = compile().map_err(|error| FilterError {
                expression: self.expression.clone(),
                why: match error {
                    pcap::Error::PcapError(text) => text,
                    error => error.to_string(),
                },
            })?;
            let asks_for_len = code.get_instructions().iter().any(|instruction| {
                let text = instruction.to_string();
                LOAD_LEN.iter().any(|load| text.starts_with(load))
            });
            Ok(Program { code, asks_for_len })
        }

        /// Whether the frame passes; its link type has been prepared.
        pub(in super::super) fn passes(&mut self, frame: &Frame<'_>) -> bool {
            let prepared = self.programs.iter().find(|(known, _)| *known == frame.link_type);
            let Some((_, Some(program))) = prepared else { return false };
            if program.asks_for_len && frame.is_cut() {
                // libpcap's binding takes the slice's length for the wire length.
                self.padded.clear();
                self.padded.extend_from_slice(frame.bytes);
                self.padded.resize((frame.wire_len as usize).min(MAX_WIRE_LEN).max(frame.bytes.len()), 0);
                return program.code.filter(&self.padded);
            }
            program.code.filter(frame.bytes)
        }
    }

    /// libpcap's own number (DLT) for a link type of the registry; most are the same.
    fn dlt(link_type: LinkType) -> i32 {
        match link_type.0 {
            100 => 11,
            101 => 12,
            number => i32::try_from(number).unwrap_or(-1),
        }
    }
}

#[cfg(not(feature = "live"))]
mod imp {
    use super::FilterError;
    use crate::frame::{Frame, LinkType};

    /// Stands for the filter that cannot be had.
    pub(in super::super) struct Filter {
        expression: String,
    }

    impl Filter {
        pub(in super::super) fn new(expression: &str) -> Self {
            Self { expression: expression.to_owned() }
        }

        pub(in super::super) fn prepare(&mut self, _: LinkType) -> Result<(), FilterError> {
            Err(FilterError {
                expression: self.expression.clone(),
                why: "this ftpwhy was built without libpcap (feature `live`)".to_owned(),
            })
        }

        #[expect(clippy::unused_self, reason = "has the signature of the filter that libpcap makes")]
        pub(in super::super) fn prepare_late(&mut self, _: LinkType) {}

        #[expect(clippy::unused_self, reason = "has the signature of the filter that libpcap makes")]
        pub(in super::super) fn refusals(&self) -> &[(LinkType, FilterError)] {
            &[]
        }

        #[expect(clippy::unused_self, reason = "has the signature of the filter that libpcap makes")]
        pub(in super::super) fn passes(&mut self, _: &Frame<'_>) -> bool {
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_filters_are_told_from_capture_filters() {
        for display in ["tcp.port == 21", "ftp.request", "ftp", "ip.addr==10.0.0.1", "frame.number in {1}"] {
            assert!(is_display_filter(display), "{display}");
        }
        for capture in ["tcp port 21", "host ftp.example.org", "tcp[13] = 2", "ip[2:2] > 60 and not arp"] {
            let wrongly = is_display_filter(capture);
            assert_eq!(wrongly, capture.contains("ftp."), "{capture}");
        }
    }

    #[cfg(not(feature = "live"))]
    #[test]
    fn without_libpcap_every_filter_is_refused() {
        assert_eq!(
            check("tcp").unwrap_err().to_string(),
            "the filter `tcp` cannot be used: this ftpwhy was built without libpcap (feature `live`)"
        );
    }

    #[cfg(feature = "live")]
    mod live {
        use super::super::*;
        use crate::frame::{CaptureId, Frame, FrameNo, InterfaceId, Stamp, Timestamp};

        fn frame(bytes: &[u8], link_type: u32, wire_len: u32) -> Frame<'_> {
            Frame {
                at: Stamp::new(CaptureId(0), FrameNo(1), Timestamp(0)),
                interface: InterfaceId(0),
                link_type: LinkType(link_type),
                bytes,
                wire_len,
            }
        }

        fn passes(expression: &str, frame: &Frame<'_>) -> bool {
            let mut filter = Filter::new(expression);
            filter.prepare(frame.link_type).unwrap_or_else(|error| panic!("{error}"));
            filter.passes(frame)
        }

        #[test]
        fn an_expression_is_compiled_for_the_link_type() {
            let mut ip = [0u8; 40];
            (ip[0], ip[9]) = (0x45, 6);
            assert!(passes("tcp", &frame(&ip, 101, 40)));
            assert!(!passes("udp", &frame(&ip, 101, 40)));
            assert!(!passes("tcp", &frame(&ip, 1, 40)));
        }

        #[test]
        fn the_length_on_the_wire_is_meant_by_len() {
            assert!(passes("greater 1000", &frame(&[0; 60], 1, 1500)));
            assert!(!passes("less 1000", &frame(&[0; 60], 1, 1500)));
        }

        #[test]
        fn a_wrong_expression_says_why_and_a_display_filter_is_recognised() {
            let text = check("tcp port fpt").unwrap_err().to_string();
            assert!(text.starts_with("the filter `tcp port fpt` cannot be used: ") && text.contains("fpt"), "{text}");
            let text = check("tcp.port == 21").unwrap_err().to_string();
            assert!(text.contains("display filter"), "{text}");
        }

        #[test]
        fn a_link_type_that_turns_up_late_passes_nothing_it_cannot_be_asked_for() {
            let mut filter = Filter::new("arp");
            filter.prepare_late(LinkType::RAW);
            assert!(!filter.passes(&frame(&[0x45; 40], 101, 40)));
            assert_eq!(filter.refusals(), [], "no packet of raw IP is ARP: nothing is left out that was asked for");
            let mut filter = Filter::new("ip or vlan");
            (0..3).for_each(|_| filter.prepare_late(LinkType::RAW));
            assert!(!filter.passes(&frame(&[0x45; 40], 101, 40)));
            assert_eq!(filter.refusals().len(), 1, "told once");
        }

        #[test]
        fn an_expression_that_only_ethernet_knows_is_an_error_elsewhere() {
            assert_eq!(check("vlan 5"), Ok(()));
            assert!(Filter::new("vlan 5").prepare(LinkType::LINUX_SLL).is_err());
        }
    }
}
