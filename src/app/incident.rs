//! The points of one incident: each is read and judged by itself, then they are judged together.

use std::collections::BTreeMap;
use std::io;

use super::reading::{AllRead, Run, add};
use super::timeline::{self, Reader};
use crate::diagnosis::selection::Selection;
use crate::finding::{Finding, SessionId};
use crate::frame::{CaptureId, Frame, InterfaceId, Stamp, Timestamp};
use crate::pipeline::{Pipeline, Settings};
use crate::points::joint::{self, Joint, Told};
use crate::points::{Group, Point, Sampled};
use crate::record::{HostRecord, Outcome, SessionRecord, Sink, Summary};
use crate::redact::Secret;
use crate::source::{Capture, Interface, Timeline, is_stopped};

/// Reads the interfaces of one device as the timeline that they are, and tells with it which of them shows what.
fn read_device(
    group: &Group,
    next: SessionId,
    run: &Run<'_>,
    sink: &mut dyn Sink,
    all: &mut AllRead,
) -> io::Result<SessionId> {
    let timeline::Opened { mut frames, settings, .. } = all.open(&group.files, run)?;
    let selection = settings.selection.clone();
    let mut device = Device::new(group, settings, next, sink);
    timeline::read(&mut frames, &mut device, &group.files, &run.progress, run.interrupt)?;
    all.note(&frames.unreadable(), run);
    all.resumed.add_all(device.pipeline.resumed());
    all.captures.extend_from_slice(frames.captures());
    let first_point = u32::try_from(all.summary.points.len()).unwrap_or(u32::MAX);
    let (joint, next) = device.finish(frames.captures(), first_point)?;
    let (_, mut part) = tell(joint, next, &selection, sink)?;
    add(&mut all.summary, &part);
    all.summary.points.append(&mut part.points);
    Ok(next)
}

/// Judges the interfaces of one device together, and keeps the packets of each in samples.
struct Device<'a> {
    group: &'a Group,
    pipeline: Pipeline,
    sampled: Vec<Sampled>,
    collected: Collected<'a>,
}

impl<'a> Device<'a> {
    fn new(group: &'a Group, settings: Settings, next: SessionId, sink: &'a mut dyn Sink) -> Self {
        let sampled = group.points.iter().map(|_| Sampled::new(&settings.ports)).collect();
        let collected = Collected { sink, sessions: Vec::new(), findings: Vec::new() };
        Self { group, pipeline: Pipeline::new(settings, next), sampled, collected }
    }

    /// What the device tells, and the number of the next session.
    fn finish(mut self, captures: &[Capture], first_point: u32) -> io::Result<(Joint, SessionId)> {
        self.pipeline.finish(captures, &mut self.collected)?;
        self.sampled.iter_mut().for_each(Sampled::finish);
        let Collected { sessions, findings, .. } = self.collected;
        let points = self.group.points.iter().zip(self.sampled).map(|(point, sampled)| Told {
            name: point.name.clone(),
            files: point.files.clone(),
            interface: point.interface,
            captures: captures.iter().map(|capture| capture.id).collect(),
            clock: point.clock.clone(),
            sampled,
            sessions: Vec::new(),
            findings: Vec::new(),
            is_lossy: captures.iter().any(|capture| point.interface.is_none_or(|id| is_lossy_at(capture, id))),
        });
        let told = joint::along(points.collect(), sessions, findings, first_point);
        Ok((told, self.pipeline.next_session()))
    }
}

impl Reader for Device<'_> {
    fn push(&mut self, frame: &Frame<'_>, captures: &[Capture]) -> io::Result<()> {
        let own = self.group.points.iter().zip(&mut self.sampled).filter(|(point, _)| point.takes(frame));
        own.for_each(|(_, sampled)| sampled.push(frame));
        self.pipeline.push(frame, captures, &mut self.collected)
    }
}

/// Reads all points of a group; what they tell together goes to `sink`. The number of the next session.
pub(super) fn read(
    group: &Group,
    next: SessionId,
    run: &Run<'_>,
    sink: &mut dyn Sink,
    all: &mut AllRead,
) -> io::Result<SessionId> {
    if group.is_one_device {
        return read_device(group, next, run, sink, all);
    }
    let mut told = Vec::new();
    for point in &group.points {
        told.push(read_point(point, run, sink, all)?);
    }
    let first_point = u32::try_from(all.summary.points.len()).unwrap_or(u32::MAX);
    let (next, mut part) = tell(joint::judge(told, next, first_point), next, &run.settings.selection, sink)?;
    add(&mut all.summary, &part);
    all.summary.points.append(&mut part.points);
    Ok(next)
}

/// Tells what points tell together. The number of the next session, and the counts.
fn tell(joint: Joint, next: SessionId, selection: &Selection, sink: &mut dyn Sink) -> io::Result<(SessionId, Summary)> {
    sink.points(&joint.points)?;
    let mut part = Summary { points: joint.points, ..Summary::default() };
    let last = joint.sessions.last().map_or(next, |(session, _)| SessionId(session.id.0 + 1));
    let tell_all = |findings: &[Finding], part: &mut Summary, sink: &mut dyn Sink| {
        findings.iter().filter(|finding| selection.takes(finding.diagnosis)).try_for_each(|finding| {
            part.add(finding.severity, finding.role);
            sink.finding(finding)
        })
    };
    for (session, findings) in &joint.sessions {
        part.transfers += session.transfers.len() as u64;
        part.failed += session.transfers.iter().filter(|one| one.outcome == Outcome::Failed).count() as u64;
        sink.session(session)?;
        tell_all(findings, &mut part, sink)?;
    }
    tell_all(&joint.others, &mut part, sink)?;
    Ok((last, part))
}

fn read_point(point: &Point, run: &Run<'_>, sink: &mut dyn Sink, all: &mut AllRead) -> io::Result<Told> {
    let timeline::Opened { mut frames, settings, .. } = all.open(&point.files, run)?;
    let mut listener = Listener::new(point, settings, sink);
    timeline::read(&mut frames, &mut listener, &point.files, &run.progress, run.interrupt)?;
    all.note(&frames.unreadable(), run);
    all.resumed.add_all(listener.pipeline.resumed());
    let seen = listener.seen.clone();
    let told = listener.finish(frames.captures())?;
    let own = frames.captures().iter().map(|capture| of_point(capture, point, &seen));
    all.captures.extend(own);
    Ok(told)
}

/// What a capture holds of a point: its interface, if only that is meant.
fn of_point(capture: &Capture, point: &Point, seen: &BTreeMap<CaptureId, Seen>) -> Capture {
    let Some(id) = point.interface else { return capture.clone() };
    let mut own = capture.clone();
    own.interfaces.retain(|one| one.id == id);
    let seen = seen.get(&capture.id).copied().unwrap_or_default();
    (own.packets, own.first, own.last) = (seen.packets, seen.first, seen.last);
    own
}

/// The packets of a capture that a point shows.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    packets: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

/// What `sink` is told of points that are read without more ado. `None` if reading was told to stop before its end; the
/// error says what could not be read.
pub(super) fn observe(
    group: &Group,
    filter: Option<&str>,
    settings: &Settings,
    sink: &mut dyn Sink,
) -> Result<Option<()>, String> {
    let failed = |error: io::Error| error.to_string();
    if group.is_one_device {
        let (mut timeline, errors) = Timeline::open(&group.files, CaptureId(0), filter);
        if let Some(error) = errors.first() {
            return Err(error.to_string());
        }
        let mut device = Device::new(group, settings.clone(), SessionId(1), sink);
        while !is_stopped() && timeline.step() {
            let Some(frame) = timeline.frame() else { break };
            device.push(&frame, timeline.captures()).map_err(failed)?;
        }
        if is_stopped() {
            return Ok(None);
        }
        if let Some(error) = timeline.unreadable().first() {
            return Err(error.to_string());
        }
        let (joint, next) = device.finish(timeline.captures(), 0).map_err(failed)?;
        tell(joint, next, &settings.selection, sink).map_err(failed)?;
        return Ok(Some(()));
    }
    let (mut told, mut captures) = (Vec::new(), 0);
    for point in &group.points {
        let (mut timeline, errors) = Timeline::open(&point.files, CaptureId(captures), filter);
        if let Some(error) = errors.first() {
            return Err(error.to_string());
        }
        let mut listener = Listener::new(point, settings.clone(), sink);
        while !is_stopped() && timeline.step() {
            let Some(frame) = timeline.frame() else { break };
            listener.push(&frame, timeline.captures()).map_err(failed)?;
        }
        if is_stopped() {
            return Ok(None);
        }
        if let Some(error) = timeline.unreadable().first() {
            return Err(error.to_string());
        }
        told.push(listener.finish(timeline.captures()).map_err(failed)?);
        captures += u32::try_from(timeline.captures().len()).unwrap_or(0);
    }
    let first = SessionId(1);
    tell(joint::judge(told, first, 0), first, &settings.selection, sink).map_err(failed)?;
    Ok(Some(()))
}

/// Judges one point by itself, its clock corrected, and keeps its packets in samples.
struct Listener<'a> {
    point: &'a Point,
    pipeline: Pipeline,
    sampled: Sampled,
    collected: Collected<'a>,
    latest: Option<Stamp>,
    seen: BTreeMap<CaptureId, Seen>,
}

impl<'a> Listener<'a> {
    fn new(point: &'a Point, settings: Settings, sink: &'a mut dyn Sink) -> Self {
        let sampled = Sampled::new(&settings.ports);
        // What is not reported may still be what the points together contradict.
        let settings = Settings { selection: Selection::default(), ..settings };
        Self {
            point,
            pipeline: Pipeline::new(settings, SessionId(1)),
            sampled,
            collected: Collected { sink, sessions: Vec::new(), findings: Vec::new() },
            latest: None,
            seen: BTreeMap::new(),
        }
    }

    fn finish(mut self, captures: &[Capture]) -> io::Result<Told> {
        self.pipeline.finish(captures, &mut self.collected)?;
        self.sampled.finish();
        let Collected { sessions, findings, .. } = self.collected;
        Ok(Told {
            name: self.point.name.clone(),
            files: self.point.files.clone(),
            interface: self.point.interface,
            captures: captures.iter().map(|capture| capture.id).collect(),
            clock: self.point.clock.clone(),
            sampled: self.sampled,
            sessions,
            findings,
            is_lossy: captures.iter().any(|capture| is_lossy(&of_point(capture, self.point, &self.seen))),
        })
    }
}

impl Reader for Listener<'_> {
    fn skips(&mut self, frame: &Frame<'_>) -> bool {
        !self.point.takes(frame)
    }

    fn push(&mut self, frame: &Frame<'_>, captures: &[Capture]) -> io::Result<()> {
        if !self.point.takes(frame) {
            return Ok(());
        }
        let seen = self.seen.entry(frame.at.capture).or_default();
        seen.packets += 1;
        seen.first = Some(seen.first.map_or(frame.at.time, |first| first.min(frame.at.time)));
        seen.last = seen.last.max(Some(frame.at.time));
        let time = self.point.clock.by_reference(frame.at);
        let at = Stamp::new(frame.at.capture, frame.at.number, time);
        let at = self.latest.map_or(at, |latest| at.behind(latest));
        self.latest = Some(at);
        let frame = Frame { at, ..*frame };
        self.sampled.push(&frame);
        self.pipeline.push(&frame, captures, &mut self.collected)
    }
}

/// Whether a capture counts packets that it dropped.
fn is_lossy(capture: &Capture) -> bool {
    !capture.gaps.is_empty() || capture.interfaces.iter().any(|one| one.dropped.is_some_and(|dropped| dropped > 0))
}

/// The same of one of its interfaces.
fn is_lossy_at(capture: &Capture, interface: InterfaceId) -> bool {
    let dropped = |one: &Interface| one.id == interface && one.dropped.is_some_and(|dropped| dropped > 0);
    !capture.gaps.is_empty() || capture.interfaces.iter().any(dropped)
}

/// Keeps what one point tells. Secrets and hosts need no second point.
struct Collected<'a> {
    sink: &'a mut dyn Sink,
    sessions: Vec<SessionRecord>,
    findings: Vec<Finding>,
}

impl Sink for Collected<'_> {
    fn secret(&mut self, secret: &Secret) {
        self.sink.secret(secret);
    }

    fn session(&mut self, session: &SessionRecord) -> io::Result<()> {
        self.sessions.push(session.clone());
        Ok(())
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        self.findings.push(finding.clone());
        Ok(())
    }

    fn hosts(&mut self, hosts: &[HostRecord]) -> io::Result<()> {
        self.sink.hosts(hosts)
    }

    fn end(&mut self, _: &[Capture], _: &Summary) -> io::Result<()> {
        Ok(())
    }
}
