//! A session as diagrams need it. What is the same for all of them is found once: a page may have hundreds of one long
//! session.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

use super::bars::{self, Span};
use super::moments::{Frames, Lanes, Moment, Rank, Shown, key, left_out, said, told};
use crate::finding::{Finding, SessionId, TransferId};
use crate::frame::{CaptureId, FrameNo, Stamp};
use crate::record::trace::Trace;
use crate::record::{SessionRecord, TransferRecord};

/// A session.
pub(in crate::report) struct Traced<'a> {
    pub(super) session: &'a SessionRecord,
    pub(super) trace: Option<&'a Trace>,
    pub(super) lanes: Lanes,
    pub(super) spans: Vec<Span>,
    transfers: HashMap<TransferId, &'a TransferRecord>,
    brief: OnceCell<Brief>,
}

/// The rows of a brief diagram in which nothing is cited, and what the frames of a trace are about.
struct Brief {
    /// In order.
    rows: Vec<Place>,
    lines: HashMap<(CaptureId, FrameNo), Vec<usize>>,
    connections: HashMap<(CaptureId, FrameNo), Vec<usize>>,
}

/// Where a row stands among all of a session, and what it tells of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    at: Stamp,
    rank: Rank,
    of: Of,
}

/// What a row tells of. Rows of one moment stand in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    Line(usize),
    LinesLeftOut,
    /// Which connection, and the how-manieth of its rows.
    Connection(usize, usize),
    /// The how-manieth of what the trace does not have.
    Finding(usize),
}

impl<'a> Traced<'a> {
    pub(in crate::report) fn of(session: &'a SessionRecord) -> Self {
        Self {
            session,
            trace: session.trace.as_deref(),
            lanes: Lanes::of(session),
            spans: bars::spans(session),
            transfers: session.transfers.iter().map(|transfer| (transfer.id, transfer)).collect(),
            brief: OnceCell::new(),
        }
    }

    /// Its number.
    pub(in crate::report) fn id(&self) -> SessionId {
        self.session.id
    }

    /// The transfer that a finding is about.
    pub(super) fn transfer(&self, finding: &Finding) -> Option<&'a TransferRecord> {
        self.transfers.get(&finding.transfer?).copied()
    }

    /// The frames of a brief diagram that some of `cited` are drawn by.
    pub(super) fn drawn(&self, cited: &Frames, lanes: &Lanes) -> Frames {
        let Some(trace) = self.trace else { return Frames::default() };
        let brief = self.brief(trace);
        let mut drawn: Frames = cited.iter().filter(|frame| brief.lines.contains_key(*frame)).copied().collect();
        drawn.extend(left_out(self.session, trace).map(|moment| key(moment.at)));
        for connection in brief.connections_of(cited).into_iter().filter_map(|place| trace.connections.get(place)) {
            let rows = told(connection, lanes, true, |at| cited.contains(&key(at)));
            drawn.extend(rows.iter().map(|moment| key(moment.at)));
        }
        drawn
    }

    /// The rows of a brief diagram: those between two frames, those that are cited, and `more` that the trace does not
    /// have; how many are left out between them.
    pub(super) fn between(
        &self,
        (from, until): (Stamp, Stamp),
        cited: &Frames,
        lanes: &Lanes,
        more: Vec<Moment>,
    ) -> Vec<Shown> {
        let mut shown: Vec<(Place, Moment)> = Vec::new();
        // Rows that take the place of others, and are not shown; and those others.
        let (mut hidden, mut replaced) = (Vec::new(), Vec::new());
        let none = Vec::new();
        let mut rows = &none;
        if let Some(trace) = self.trace {
            let brief = self.brief(trace);
            rows = &brief.rows;
            let named = brief.connections_of(cited);
            for place in named.iter().copied() {
                let Some(connection) = trace.connections.get(place) else { continue };
                replaced.extend(places(place, &told(connection, lanes, true, |_| false)));
                let anew = told(connection, lanes, true, |at| cited.contains(&key(at)));
                for (place, moment) in places(place, &anew).into_iter().zip(anew) {
                    let within = place.at >= from && place.at <= until;
                    if !moment.repeat && (within || is_cited(&moment, cited)) {
                        shown.push((place, moment));
                    } else {
                        hidden.push(place);
                    }
                }
            }
            shown.extend(self.of_brief(trace, brief, (from, until), cited, lanes, &named));
        }
        let more = more.into_iter().enumerate();
        shown.extend(more.map(|(number, moment)| (Place::of(&moment, Of::Finding(number)), moment)));
        shown.sort_by_key(|(place, _)| *place);
        hidden.sort_unstable();
        replaced.sort_unstable();
        let mut all = Vec::with_capacity(2 * shown.len());
        let mut last: Option<Place> = None;
        for (place, mut moment) in shown {
            let between = |places: &[Place]| last.map_or(0, |last| count_between(places, last, place));
            let left_out = (between(rows) + between(&hidden)).saturating_sub(between(&replaced));
            if left_out > 0 {
                all.push(Shown::Hidden(left_out));
            }
            last = Some(place);
            moment.row.cited = is_cited(&moment, cited);
            all.push(Shown::Row(moment));
        }
        all
    }

    /// The rows between two frames, and lines that are cited, without those of the connections that are named.
    fn of_brief(
        &self,
        trace: &Trace,
        brief: &Brief,
        (from, until): (Stamp, Stamp),
        cited: &Frames,
        lanes: &Lanes,
        named: &HashSet<usize>,
    ) -> Vec<(Place, Moment)> {
        let begin = brief.rows.partition_point(|place| place.at < from);
        let within = brief.rows.iter().skip(begin).take_while(|place| place.at <= until);
        let mut dialogue: HashSet<usize> =
            cited.iter().filter_map(|frame| brief.lines.get(frame)).flatten().copied().collect();
        let mut connections = HashSet::new();
        let mut found = Vec::new();
        for place in within {
            match place.of {
                Of::Line(line) => drop(dialogue.insert(line)),
                Of::Connection(number, _) if !named.contains(&number) => drop(connections.insert(number)),
                Of::LinesLeftOut => {
                    let moment = left_out(self.session, trace);
                    found.extend(moment.map(|moment| (*place, moment)));
                }
                Of::Connection(..) | Of::Finding(_) => {}
            }
        }
        for (number, line) in dialogue.into_iter().filter_map(|number| Some((number, trace.lines.get(number)?))) {
            let moment = said(self.session, lanes, line);
            found.push((Place::of(&moment, Of::Line(number)), moment));
        }
        for (number, one) in connections.into_iter().filter_map(|number| Some((number, trace.connections.get(number)?)))
        {
            let rows = told(one, lanes, true, |_| false);
            let placed = places(number, &rows).into_iter().zip(rows);
            found.extend(placed.filter(|(place, moment)| place.at >= from && place.at <= until && !moment.repeat));
        }
        found
    }

    fn brief(&self, trace: &Trace) -> &Brief {
        self.brief.get_or_init(|| {
            let mut brief = Brief { rows: Vec::new(), lines: HashMap::new(), connections: HashMap::new() };
            for (number, line) in trace.lines.iter().enumerate() {
                brief.rows.push(Place { at: line.at, rank: Rank::Packet, of: Of::Line(number) });
                brief.lines.entry(key(line.at)).or_default().push(number);
            }
            brief.rows.extend(left_out(self.session, trace).map(|moment| Place::of(&moment, Of::LinesLeftOut)));
            for (number, connection) in trace.connections.iter().enumerate() {
                brief.rows.extend(places(number, &told(connection, &self.lanes, true, |_| false)));
                for packet in &connection.packets {
                    let of_frame = brief.connections.entry(key(packet.at)).or_default();
                    if of_frame.last() != Some(&number) {
                        of_frame.push(number);
                    }
                }
            }
            brief.rows.sort_unstable();
            brief
        })
    }
}

impl Brief {
    /// The connections of which a packet is cited.
    fn connections_of(&self, cited: &Frames) -> HashSet<usize> {
        cited.iter().filter_map(|frame| self.connections.get(frame)).flatten().copied().collect()
    }
}

impl Place {
    fn of(moment: &Moment, of: Of) -> Self {
        Self { at: moment.at, rank: moment.rank, of }
    }
}

fn places(connection: usize, rows: &[Moment]) -> Vec<Place> {
    (0..).zip(rows).map(|(number, moment)| Place::of(moment, Of::Connection(connection, number))).collect()
}

fn is_cited(moment: &Moment, cited: &Frames) -> bool {
    moment.rank == Rank::Packet && cited.contains(&key(moment.at))
}

/// How many of the places, which are sorted, lie between two.
fn count_between(places: &[Place], from: Place, until: Place) -> usize {
    let behind = places.partition_point(|place| *place <= from);
    places.partition_point(|place| *place < until).saturating_sub(behind)
}
