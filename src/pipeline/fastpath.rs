//! Lets go by what concerns no FTP, without decoding it: most packets of most captures.
//!
//! Of a packet of the commonest kinds the [`Headers`] tell what it can concern ([`Pipeline::relevance`], which decoded
//! segments are asked too). If that is no FTP, all that can come of it is what it tells of its segment: who sends with
//! which address. The network says whether it knows that already.
//!
//! With [`Settings::fast_path`] off every packet is decoded, and results are the same.
//!
//! [`Settings::fast_path`]: super::Settings::fast_path

use super::settings::FastPath;
use super::strangers::is_telling;
use super::{Pipeline, is_orderly};
use crate::frame::Frame;
use crate::network::Place;
use crate::wire::{Flags, Headers, IpHeader};

/// How a frame is to be treated.
enum Class<'a> {
    /// It tells nothing.
    Skip,
    /// It tells something of its segment, and all that it tells is in its headers.
    Known(Headers<'a>, Place),
    /// It has to be decoded.
    Slow,
}

impl Pipeline {
    /// Whether a frame concerns no FTP, so that it need not be pushed: then all that is to be done with it is done. Frames
    /// are asked for in their order.
    #[inline]
    pub fn skips(&mut self, frame: &Frame<'_>) -> bool {
        match self.classify(frame) {
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
        self.saw(frame.at);
        true
    }

    #[inline]
    fn classify<'a>(&mut self, frame: &Frame<'a>) -> Class<'a> {
        if frame.at.time >= self.due || self.settings.fast_path == FastPath::Off {
            return Class::Slow;
        }
        let Some(headers) = Headers::of(frame) else { return Class::Slow };
        let Headers { ip, source_port, destination_port, flags, payload, .. } = &headers;
        if self.relevance(ip, [*source_port, *destination_port], *flags, payload) != Relevance::Nobody {
            return Class::Slow;
        }
        let Some(wrapping) = self.decoder.as_mut().and_then(|decoder| decoder.wrapping(headers.vlan)) else {
            return Class::Slow;
        };
        let place = self.place(frame, wrapping, None);
        if self.network.knows(frame.at, place, &headers.link, ip) {
            return Class::Skip;
        }
        // The first frame of an interface has more to tell.
        if !self.interfaces_told.contains(&(frame.at.capture.0, frame.interface.0)) {
            return Class::Slow;
        }
        // A MAC that comes after another tells something only if the file is in the order of time.
        let orderly = self.latest.is_none_or(|latest| is_orderly(frame.at, latest));
        if orderly { Class::Known(headers, place) } else { Class::Skip }
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
