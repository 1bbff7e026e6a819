//! The points of one incident: each is read and judged by itself, then they are judged together.

use std::io;

use super::frames::Frames;
use super::interrupt::Interrupt;
use super::{AllRead, add, complain, unreadable};
use crate::cli::{Input, Progress};
use crate::finding::{Finding, SessionId};
use crate::frame::{CaptureId, Frame, Stamp};
use crate::pipeline::{Pipeline, Settings};
use crate::points::joint::{self, Told};
use crate::points::{Group, Point, Sampled};
use crate::record::{HostRecord, SessionRecord, Sink, Summary};
use crate::redact::Secret;
use crate::source::{Capture, Everything};

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
    let joint = joint::judge(told, next, first_point);
    let mut part = Summary { points: joint.points, ..Summary::default() };
    let last = joint.sessions.last().map_or(next, |(session, _)| SessionId(session.id.0 + 1));
    for (session, findings) in &joint.sessions {
        part.transfers += session.transfers.len() as u64;
        part.failed +=
            session.transfers.iter().filter(|one| one.outcome == crate::record::Outcome::Failed).count() as u64;
        sink.session(session)?;
        tell(findings, settings, &mut part, sink)?;
    }
    tell(&joint.others, settings, &mut part, sink)?;
    add(&mut all.summary, &part);
    all.summary.points.append(&mut part.points);
    Ok(last)
}

fn tell(findings: &[Finding], settings: &Settings, part: &mut Summary, sink: &mut dyn Sink) -> io::Result<()> {
    for finding in findings.iter().filter(|finding| settings.selection.takes(finding.diagnosis)) {
        part.add(finding.severity, finding.role);
        sink.finding(finding)?;
    }
    Ok(())
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
    // What is not reported may still be what the points together contradict.
    let selection = crate::diagnosis::selection::Selection::default();
    let mut pipeline = Pipeline::new(Settings { here, selection, ..settings.clone() }, SessionId(1));
    let mut sampled = Sampled::new(&settings.ports);
    let mut collected = Collected { sink, sessions: Vec::new(), findings: Vec::new() };
    let mut progress = Progress::new(true);
    let mut latest: Option<Stamp> = None;
    let mut left = FRAMES_PER_LOOK;
    while !interrupt.is_wanted()
        && let Some((frame, captures)) = frames.next(&mut Everything)
    {
        let time = point.clock.by_reference(frame.at);
        let at = Stamp::new(frame.at.capture, frame.at.number, time);
        let at = latest.map_or(at, |latest| at.behind(latest));
        latest = Some(at);
        let frame = Frame { at, ..frame };
        sampled.push(&frame);
        pipeline.push(&frame, captures, &mut collected)?;
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
    pipeline.finish(frames.captures(), &mut collected)?;
    let Collected { sessions, findings, .. } = collected;
    let captures = frames.captures();
    let told = Told {
        name: point.name.clone(),
        captures: captures.iter().map(|capture| capture.id).collect(),
        clock: point.clock.clone(),
        sampled,
        sessions,
        findings,
        is_lossy: captures.iter().any(is_lossy),
    };
    all.captures.extend_from_slice(captures);
    Ok(told)
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
