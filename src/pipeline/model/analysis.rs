//! What diagnoses see of the model: the one place where cases are made.

use std::net::IpAddr;

use super::Model;
use super::inventory::segment;
use crate::diagnosis::case::{CaptureCase, Case, NetworkCase, Scene, SessionCase};
use crate::diagnosis::siblings::Siblings;
use crate::flow::{Connection, ConnectionId, End, SynSeen, Table};
use crate::frame::{Interval, Stamp, Timestamp};
use crate::network::{Network, Place};
use crate::pipeline::settings::Places;
use crate::record::trace::Trace;
use crate::source::Capture;
use crate::transfer::conclude::Conclusions;
use crate::transfer::concluded::Concluded;
use crate::transfer::session::Session;
use crate::transfer::sessions::SessionIndex;
use crate::vantage::Vantage;
use crate::wire::{Decoder, Flags, LostDatagram};

/// The model at one moment.
#[derive(Clone, Copy)]
pub(in crate::pipeline) struct Analysis<'a> {
    model: &'a Model,
    decoder: &'a Decoder,
    scene: Scene<'a>,
}

/// A session as it is judged: as it was seen at one place.
pub(in crate::pipeline) struct View<'a> {
    pub(in crate::pipeline) index: SessionIndex,
    pub(in crate::pipeline) session: &'a Session,
    pub(in crate::pipeline) control: &'a Connection,
    pub(in crate::pipeline) conclusions: Conclusions<'a>,
    pub(in crate::pipeline) vantage: Vantage,
}

impl View<'_> {
    pub(in crate::pipeline) fn siblings<'b>(&'b self, all: Option<&'b [Concluded<'b>]>) -> Siblings<'b> {
        Siblings::of(self.session, &self.conclusions, all)
    }
}

/// One transfer or offer as a view shows it.
#[derive(Clone, Copy)]
pub(in crate::pipeline) struct Shown<'a> {
    pub(in crate::pipeline) view: &'a View<'a>,
    pub(in crate::pipeline) siblings: &'a Siblings<'a>,
    pub(in crate::pipeline) one: &'a Concluded<'a>,
}

impl Model {
    /// What was seen so far; `None` where nothing was, not even damage.
    pub(in crate::pipeline) fn analysis<'a>(
        &'a self,
        decoder: &'a Decoder,
        captures: &'a [Capture],
    ) -> Option<Analysis<'a>> {
        // Without any packet that passes a filter, damage is all there is to tell.
        let damaged = || captures.iter().find_map(|capture| capture.damage.as_ref()?.after).map(|at| (at, at));
        let (begins, ends) = self.coverage.span().or_else(damaged)?;
        let (lasts, shows_more_than_control) = (self.coverage.lasts(), self.shows_more_than_control);
        let scene = Scene { begins, ends, captures, lasts, shows_more_than_control };
        Some(Analysis { model: self, decoder, scene })
    }
}

impl<'a> Analysis<'a> {
    /// The same, where the capture is known to go on until that time.
    pub(in crate::pipeline) fn until(mut self, time: Timestamp) -> Self {
        self.scene.ends.time = self.scene.ends.time.max(time);
        self
    }

    /// The latest moment.
    pub(in crate::pipeline) fn ends(&self) -> Stamp {
        self.scene.ends
    }

    /// All connections.
    pub(in crate::pipeline) fn flows(&self) -> &'a Table {
        &self.model.flows
    }

    /// Who has which address.
    pub(in crate::pipeline) fn network(&self) -> &'a Network {
        &self.model.network
    }

    /// The length of TIME-WAIT in seconds, if the user knows it.
    pub(in crate::pipeline) fn time_wait(&self) -> Option<Interval> {
        self.model.policy.time_wait
    }

    /// The dialogue of a session, where reports want it.
    pub(in crate::pipeline) fn dialogue(&self, index: SessionIndex) -> Option<Trace> {
        self.model.dialogues.as_ref().map(|dialogues| dialogues.of(index))
    }

    /// Whether a connection is a control connection that is followed.
    pub(in crate::pipeline) fn is_control(&self, id: ConnectionId) -> bool {
        self.model.controls.contains(id)
    }

    /// The sessions under way that one of two hosts takes part in, of each host the newest.
    pub(in crate::pipeline) fn sessions_of(
        &self,
        hosts: [IpAddr; 2],
        newest: usize,
    ) -> impl Iterator<Item = (SessionIndex, &'a Session)> {
        let model = self.model;
        let indices = hosts.into_iter().flat_map(move |host| model.correlator.sessions_of(host).take(newest));
        indices.filter_map(move |index| Some((index, model.sessions.get(index)?)))
    }

    /// What a session concludes.
    pub(in crate::pipeline) fn conclusions(&self, index: SessionIndex, session: &'a Session) -> Conclusions<'a> {
        Conclusions::of(index, session, &self.model.flows, &self.model.correlator)
    }

    /// The views of a session that can be judged.
    pub(in crate::pipeline) fn views(&self, indices: &[SessionIndex]) -> Vec<View<'a>> {
        let view = |&index: &SessionIndex| {
            let session = self.model.sessions.get(index)?;
            let control = self.model.flows.connection(session.control)?;
            let origin = control.end_of(session.client).unwrap_or(End::Origin);
            let vantage = if self.model.places == Places::Several {
                Vantage::of_several_places()
            } else {
                Vantage::of(control, origin, &self.model.network, &self.model.policy.facts)
            };
            let vantage = if session.passive_syns { vantage.with_passive_syns() } else { vantage };
            Some(View { index, session, control, conclusions: self.conclusions(index, session), vantage })
        };
        indices.iter().filter_map(view).collect()
    }

    /// Hands out the case of one transfer or offer as one or two views show it.
    pub(in crate::pipeline) fn with_case<T>(
        &self,
        shown: Shown<'_>,
        other: Option<Shown<'_>>,
        look: impl FnOnce(&Case<'_>, Option<&Case<'_>>) -> T,
    ) -> T {
        // A loss limits what is claimed of its time, not of the week around it.
        let captures = [Some(shown), other].map(|shown| self.captures_around(shown?.one));
        let scenes = captures.each_ref().map(|captures| {
            let captures = captures.as_deref().unwrap_or(self.scene.captures);
            Scene { captures, ..self.scene }
        });
        let [scene, there] = &scenes;
        look(&self.case(shown, scene), other.map(|other| self.case(other, there)).as_ref())
    }

    /// The captures with the packets lost while `one` was under way, where that makes a difference.
    fn captures_around(&self, one: &Concluded<'_>) -> Option<Vec<Capture>> {
        let begins = one.offer.map(|offer| offer.command.at()).or_else(|| one.at())?;
        let until = one.transfer.and_then(crate::transfer::Transfer::ended).unwrap_or(self.scene.ends);
        self.model.drops.captures(begins.time, until.time, self.scene.captures)
    }

    fn case<'b>(&'b self, shown: Shown<'b>, scene: &'b Scene<'b>) -> Case<'b> {
        Case::of(self.session_case(shown.view, shown.siblings, scene), shown.one)
    }

    /// The case of a session, within what the capture allows.
    fn session_case<'b>(
        &'b self,
        view: &'b View<'b>,
        siblings: &'b Siblings<'b>,
        scene: &'b Scene<'b>,
    ) -> SessionCase<'b> {
        let (client, server) = (view.session.client.ip(), view.session.server);
        SessionCase {
            session: view.session,
            control: view.control,
            siblings,
            vantage: &view.vantage,
            network: &self.model.network,
            flows: &self.model.flows,
            scene,
            policy: &self.model.policy,
            reached_later: self.model.reached.behind(client, server, view.control.last),
            client_scans: self.model.scanners.is_scanner(client),
        }
    }

    /// The case of a session as a whole.
    pub(in crate::pipeline) fn of_session<'b>(
        &'b self,
        view: &'b View<'b>,
        siblings: &'b Siblings<'b>,
    ) -> SessionCase<'b> {
        self.session_case(view, siblings, &self.scene)
    }

    /// Hands out the cases of the hosts and of the capture itself.
    pub(in crate::pipeline) fn with_group<T>(&self, look: impl FnOnce(&NetworkCase<'_>, &CaptureCase<'_>) -> T) -> T {
        let Self { model, decoder, scene } = self;
        let mut parties: Vec<IpAddr> = model.contacts.iter().copied().collect();
        parties.sort_unstable();
        let hosts = NetworkCase { network: &model.network, parties: &parties, scene, policy: &model.policy };
        let undecoded = decoder.undecoded();
        let let_go = model.let_go();
        let lost = decoder.fragments_lost().datagrams.into_iter();
        let fragments: Vec<LostDatagram> = lost.filter(|lost| model.is_of_ftp(lost)).collect();
        let capture = CaptureCase { scene, undecoded: &undecoded, fragments: &fragments, let_go: &let_go };
        look(&hosts, &capture)
    }

    /// What tells the segment of a SYN apart on its interface.
    pub(in crate::pipeline) fn segment_of(&self, syn: &SynSeen) -> String {
        let SynSeen { at, interface, link, wrapping, .. } = *syn;
        segment(Place { capture: at.capture, interface, wrapping, if_index: link.if_index }, self.decoder)
    }

    /// The VLANs and tunnels around a SYN.
    pub(in crate::pipeline) fn wrapping_of(&self, syn: &SynSeen) -> String {
        self.decoder.wrapping_name(syn.wrapping)
    }
}

impl Model {
    /// Whether a datagram that never became whole holds a control segment, or a SYN of FTP hosts.
    fn is_of_ftp(&self, lost: &LostDatagram) -> bool {
        let hosts = self.contacts.contains(&lost.source) && self.contacts.contains(&lost.destination);
        lost.tcp.is_some_and(|(from, to, flags)| {
            // Where no segment of a control connection is whole, its hosts are not known for what they are.
            self.is_control_port(from) || self.is_control_port(to) || (hosts && flags.has(Flags::SYN))
        })
    }
}
