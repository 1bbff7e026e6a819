//! The points of one incident: each is read and judged by itself, then they are judged together.

use std::io;

use super::frames::Frames;
use super::interrupt::Interrupt;
use super::{AllRead, Progress, add, complain, unreadable};
use crate::diagnosis::selection::Selection;
use crate::finding::{Finding, SessionId};
use crate::frame::{CaptureId, Frame, Stamp};
use crate::options::Input;
use crate::pipeline::{Pipeline, Settings};
use crate::points::joint::{self, Joint, Told};
use crate::points::{self, Group, Inputs, Looking, NamedPoint, Point, Sampled};
use crate::record::{HostRecord, Outcome, SessionRecord, Sink, Summary};
use crate::redact::Secret;
use crate::source::{Capture, Timeline, is_stopped};

/// How many frames are handed out between two looks at the progress bar.
const FRAMES_PER_LOOK: u32 = 256;

/// Reads all points of a group; what they tell together goes to `sink`. The number of the next session.
pub(super) fn read(
    group: &Group,
    next: SessionId,
    input: &Input,
    settings: &Settings,
    interrupt: &Interrupt,
    sink: &mut dyn Sink,
    all: &mut AllRead,
) -> io::Result<SessionId> {
    let mut told = Vec::new();
    for point in &group.points {
        told.push(read_point(point, input, settings, interrupt, sink, all)?);
    }
    let first_point = u32::try_from(all.summary.points.len()).unwrap_or(u32::MAX);
    let (next, mut part) = tell(joint::judge(told, next, first_point), next, &settings.selection, sink)?;
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

fn read_point(
    point: &Point,
    input: &Input,
    settings: &Settings,
    interrupt: &Interrupt,
    sink: &mut dyn Sink,
    all: &mut AllRead,
) -> io::Result<Told> {
    let first = CaptureId(u32::try_from(all.captures.len()).unwrap_or(u32::MAX));
    let (mut frames, errors) = Frames::open(&point.files, first, input, settings, interrupt)?;
    unreadable::note(&mut all.summary, &errors, input);
    if frames.is_overfull() {
        complain("there is more control text than is anonymised word by word; the rest of it is masked", None);
    }
    let here = settings.here.iter().map(|address| frames.shown(*address)).collect();
    let mut listener = Listener::new(point, Settings { here, ..settings.clone() }, sink);
    let mut progress = Progress::new(true);
    let mut left = FRAMES_PER_LOOK;
    while !interrupt.is_wanted()
        && let Some((frame, captures)) = frames.next(&mut |_| false)
    {
        listener.push(&frame, captures)?;
        left -= 1;
        if left == 0 {
            left = FRAMES_PER_LOOK;
            if let (read, Some(total)) = frames.progress()
                && let Some(name) = point.files.first()
            {
                progress.at(name, read, total);
            }
        }
    }
    progress.finish();
    unreadable::note(&mut all.summary, &frames.unreadable(), input);
    if interrupt.is_wanted() {
        frames.break_off();
    }
    let told = listener.finish(frames.captures())?;
    all.captures.extend_from_slice(frames.captures());
    Ok(told)
}

/// What `sink` is told of points that are read without more ado. `None` if reading was told to stop before its end; the
/// error says what could not be read.
pub(super) fn observe(
    points: &[NamedPoint],
    filter: Option<&str>,
    settings: &Settings,
    sink: &mut dyn Sink,
) -> Result<Option<()>, String> {
    let looking = Looking { ports: &settings.ports, filter };
    let plan = points::plan(&Inputs { points, looking, ..Inputs::default() });
    let [group] = plan.groups.as_slice() else { return Err("these points have nothing in common".to_owned()) };
    let failed = |error: io::Error| error.to_string();
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
        }
    }

    fn push(&mut self, frame: &Frame<'_>, captures: &[Capture]) -> io::Result<()> {
        let time = self.point.clock.by_reference(frame.at);
        let at = Stamp::new(frame.at.capture, frame.at.number, time);
        let at = self.latest.map_or(at, |latest| at.behind(latest));
        self.latest = Some(at);
        let frame = Frame { at, ..*frame };
        self.sampled.push(&frame);
        self.pipeline.push(&frame, captures, &mut self.collected)
    }

    fn finish(mut self, captures: &[Capture]) -> io::Result<Told> {
        self.pipeline.finish(captures, &mut self.collected)?;
        let Collected { sessions, findings, .. } = self.collected;
        Ok(Told {
            name: self.point.name.clone(),
            captures: captures.iter().map(|capture| capture.id).collect(),
            clock: self.point.clock.clone(),
            sampled: self.sampled,
            sessions,
            findings,
            is_lossy: captures.iter().any(is_lossy),
        })
    }
}

/// Whether a capture counts packets that it dropped.
fn is_lossy(capture: &Capture) -> bool {
    !capture.gaps.is_empty() || capture.interfaces.iter().any(|one| one.dropped.is_some_and(|dropped| dropped > 0))
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
