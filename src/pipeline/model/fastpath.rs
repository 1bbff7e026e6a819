//! Lets go by what concerns no FTP, without decoding it: most packets of most captures.
//!
//! Of a packet of the commonest kinds the [`Headers`] tell what it can concern ([`Model::relevance`], which decoded segments
//! are asked too). If that is no FTP, all that can come of it is what it tells of its segment: who sends with which
//! address. The network says whether it knows that already.
//!
//! With [`FastPath::Off`] every packet is decoded, and results are the same.

use super::strangers::is_telling;
use super::{FastPath, Model};
use crate::frame::Frame;
use crate::network::Place;
use crate::wire::{Decoder, Flags, Headers, IpHeader};

/// How a frame is to be treated.
enum Class<'a> {
    /// It tells nothing.
    Skip,
    /// It tells something of its segment, and all that it tells is in its headers.
    Known(Headers<'a>, Place),
    /// It has to be decoded.
    Slow,
}

/// What a packet is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relevance {
    /// A connection from or to a port of FTP.
    ControlPort,
    /// Another connection of a host that speaks FTP.
    Party,
    /// A connection that may turn out to be a control connection.
    Candidate,
    /// Anything else.
    Nobody,
}

impl Model {
    /// Whether a frame concerns no FTP; then all is done that is to be done with it.
    #[inline]
    pub(in crate::pipeline) fn skips(&mut self, decoder: &mut Decoder, frame: &Frame<'_>) -> bool {
        match self.classify(decoder, frame) {
            Class::Skip => {}
            Class::Known(headers, place) => {
                if self.repeats.original(frame).is_none() {
                    self.network.packet(frame.at, place, &headers.link, &headers.ip);
                }
            }
            Class::Slow => return false,
        }
        self.booked = None;
        self.shows_more_than_control = true;
        self.coverage.saw(frame.at);
        true
    }

    #[inline]
    fn classify<'a>(&self, decoder: &mut Decoder, frame: &Frame<'a>) -> Class<'a> {
        if self.fast_path == FastPath::Off {
            return Class::Slow;
        }
        let Some(headers) = Headers::of(frame) else { return Class::Slow };
        let Headers { ip, source_port, destination_port, flags, payload, .. } = &headers;
        if self.relevance(ip, [*source_port, *destination_port], *flags, payload) != Relevance::Nobody {
            return Class::Slow;
        }
        let Some(wrapping) = decoder.wrapping(headers.vlan) else { return Class::Slow };
        let place = self.place(frame, wrapping, None);
        if self.network.knows(frame.at, place, &headers.link, ip) {
            return Class::Skip;
        }
        // The first frame of an interface has more to tell.
        if !self.interfaces.has_met(frame) {
            return Class::Slow;
        }
        // A MAC that comes after another tells something only if the file is in the order of time.
        if self.coverage.is_orderly(frame.at) { Class::Known(headers, place) } else { Class::Skip }
    }

    /// What a packet concerns; without flags it is none of TCP.
    #[inline]
    pub(super) fn relevance(&self, ip: &IpHeader, ports: [u16; 2], flags: Option<Flags>, payload: &[u8]) -> Relevance {
        let Some(flags) = flags else { return Relevance::Nobody };
        let [source, destination] = [(ip.source, ports[0]), (ip.destination, ports[1])];
        if ports.iter().any(|port| self.is_control_port(*port)) {
            Relevance::ControlPort
        } else if self.parties.contains(&ip.source) || self.parties.contains(&ip.destination) {
            Relevance::Party
        } else if flags.has(Flags::SYN) || is_telling(payload) || self.strangers.holds(source, destination) {
            Relevance::Candidate
        } else {
            Relevance::Nobody
        }
    }
}
