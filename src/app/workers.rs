//! Judges timelines at the same time, on threads of their own, and tells in their order what comes of them.
//!
//! What is told must not depend on how many threads there are. Captures are numbered when their files are opened, which is
//! done in the order of the groups; sessions when they are told. What a worker tells waits until it is its turn, in bounded
//! queues: a worker that is far ahead waits, too.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::alone::{self, Part};
use super::is_growing;
use super::outlet::Outlet;
use super::reading::Run;
use crate::finding::{Finding, SessionId};
use crate::frame::CaptureId;
use crate::points::Group;
use crate::record::{HostRecord, Pending, PointRecord, SessionRecord, Sink, Summary, Superseded};
use crate::redact::Secret;
use crate::source::{Capture, MAX_OPEN, OpenError};

/// What is told together, so that a queue is not asked for each.
const BATCH: usize = 64;

/// Batches of one timeline that wait for its turn. Captures of 100 MB full of failed transfers have some 20.
const BATCHES: usize = 32;

/// Whose turn it is.
pub(super) enum Turn<'a> {
    /// A group that is to be read on this thread.
    Here(&'a Group),
    /// One that is read by a worker.
    Elsewhere(&'a Group, Answers),
}

/// Gives every group its turn, in their order; `turn` gives the number of the next capture.
pub(super) fn in_turn(run: &Run<'_>, mut turn: impl FnMut(Turn<'_>) -> io::Result<CaptureId>) -> io::Result<()> {
    let workers = run.input.jobs.min(MAX_OPEN).min(run.plan.groups.iter().filter(|group| may_be_apart(group)).count());
    if workers < 2 || is_growing(run.input) {
        return run.plan.groups.iter().try_for_each(|group| turn(Turn::Here(group)).map(|_| ()));
    }
    let (tasks, open_tasks) = channel();
    let open_tasks = Mutex::new(open_tasks);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| work(&open_tasks, run));
        }
        let given = hand_out(run, workers, &tasks, &mut turn);
        // Then workers have nothing to wait for.
        drop(tasks);
        if given.is_err() {
            run.interrupt.give_up();
        }
        given
    })
}

/// Hands out groups to workers as far as it is near their turn.
fn hand_out<'a>(
    run: &Run<'a>,
    workers: usize,
    tasks: &Sender<Task<'a>>,
    turn: &mut impl FnMut(Turn<'_>) -> io::Result<CaptureId>,
) -> io::Result<()> {
    let mut groups = run.plan.groups.iter();
    let mut ahead = VecDeque::new();
    let (begin, mut first) = channel();
    let _ = begin.send(CaptureId(0));
    loop {
        while ahead.len() < 2 * workers
            && let Some(group) = groups.next()
        {
            let (then, after) = channel();
            let own = mem::replace(&mut first, after);
            let answers = if may_be_apart(group) && group.files.len() * workers <= MAX_OPEN {
                let (told, answers) = sync_channel(BATCHES);
                let _ = tasks.send(Task { group, first: own, then, told });
                Ok(Answers(answers))
            } else {
                Err(then)
            };
            ahead.push_back((group, answers));
        }
        match ahead.pop_front() {
            None => return Ok(()),
            Some((group, Ok(answers))) => {
                turn(Turn::Elsewhere(group, answers))?;
            }
            Some((group, Err(then))) => {
                let next = turn(Turn::Here(group))?;
                let _ = then.send(next);
            }
        }
    }
}

/// Whether a group is a timeline that has nothing to do with others.
fn may_be_apart(group: &Group) -> bool {
    group.points.is_empty()
}

/// A group that a worker is to judge.
struct Task<'a> {
    group: &'a Group,
    /// Tells the number of its first capture.
    first: Receiver<CaptureId>,
    /// Is told that of the first capture of the next group.
    then: Sender<CaptureId>,
    told: SyncSender<Answer>,
}

/// What a worker tells.
enum Answer {
    /// What the sink is to be told.
    Told(Vec<Told>),
    /// What came of it; `None` where a signal came first.
    Done(io::Result<Option<Part>>),
}

fn work(tasks: &Mutex<Receiver<Task<'_>>>, run: &Run<'_>) {
    let next = || tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok(Task { group, first, then, told }) = next() {
        // Without a number nobody wants the rest.
        let Ok(first) = first.recv() else { return };
        if run.interrupt.is_wanted() {
            let _ = then.send(first);
            let _ = told.send(Answer::Done(Ok(None)));
            continue;
        }
        let opened = |captures| {
            let captures = u32::try_from(captures).unwrap_or(u32::MAX);
            // Who has given up does not ask.
            let _ = then.send(CaptureId(first.0.saturating_add(captures)));
        };
        let mut outlet = Ahead { batch: Vec::new(), to: &told };
        let part = alone::judge(group, first, SessionId(1), run, &mut outlet, opened);
        let part = part.and_then(|part| outlet.flush().map(|()| Some(part)));
        let _ = told.send(Answer::Done(part));
    }
}

/// What a worker tells of a group, to be heard in its turn.
pub(super) struct Answers(Receiver<Answer>);

impl Answers {
    /// Tells `outlet` all of it, sessions numbered from `next` on. What came of the group; `None` if a signal came first.
    pub(super) fn tell(self, next: SessionId, outlet: &mut dyn Outlet) -> io::Result<Option<Part>> {
        let before = next.0 - 1;
        loop {
            match self.0.recv() {
                Ok(Answer::Told(batch)) => batch.into_iter().try_for_each(|told| told.tell(before, outlet))?,
                Ok(Answer::Done(part)) => return part,
                Err(_) => return Err(io::Error::other("a thread that judges captures has ended")),
            }
        }
    }
}

/// Something that a sink is told.
enum Told {
    Begins(Vec<Capture>),
    Secret(Secret),
    Points(Vec<PointRecord>),
    Session(Box<SessionRecord>),
    Finding(Box<Finding>),
    Superseded(Box<Superseded>),
    Pending(Box<Pending>),
    Hosts(Vec<HostRecord>),
    Unreadable(Vec<OpenError>),
    Overfull,
}

impl Told {
    /// Tells it; so many sessions were before.
    fn tell(self, before: u32, outlet: &mut dyn Outlet) -> io::Result<()> {
        let number = |id: &mut SessionId| id.0 += before;
        match self {
            Self::Begins(captures) => outlet.begins(&captures)?,
            Self::Secret(secret) => outlet.secret(&secret),
            Self::Points(points) => outlet.points(&points)?,
            Self::Session(mut session) => {
                number(&mut session.id);
                outlet.session(&session)?;
            }
            Self::Finding(mut finding) => {
                finding.session.iter_mut().for_each(number);
                outlet.finding(&finding)?;
            }
            Self::Superseded(mut superseded) => {
                superseded.session.iter_mut().for_each(number);
                outlet.superseded(&superseded)?;
            }
            Self::Pending(mut pending) => {
                number(&mut pending.session);
                outlet.pending(&pending)?;
            }
            Self::Hosts(hosts) => outlet.hosts(&hosts)?,
            Self::Unreadable(errors) => outlet.unreadable(&errors),
            Self::Overfull => outlet.overfull(),
        }
        Ok(())
    }
}

/// Keeps what is told for its turn.
struct Ahead<'a> {
    batch: Vec<Told>,
    to: &'a SyncSender<Answer>,
}

impl Ahead<'_> {
    fn put(&mut self, told: Told) -> io::Result<()> {
        self.batch.push(told);
        if self.batch.len() < BATCH { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> io::Result<()> {
        let nobody = |_| io::Error::other("nobody takes the report any more");
        self.to.send(Answer::Told(mem::take(&mut self.batch))).map_err(nobody)
    }
}

impl Outlet for Ahead<'_> {
    fn unreadable(&mut self, errors: &[OpenError]) {
        if !errors.is_empty() {
            self.batch.push(Told::Unreadable(errors.to_vec()));
        }
    }

    fn overfull(&mut self) {
        self.batch.push(Told::Overfull);
    }
}

impl Sink for Ahead<'_> {
    fn begins(&mut self, captures: &[Capture]) -> io::Result<()> {
        self.put(Told::Begins(captures.to_vec()))
    }

    fn secret(&mut self, secret: &Secret) {
        // Where nobody takes it, the next one that may fail does.
        let _ = self.put(Told::Secret(secret.clone()));
    }

    fn points(&mut self, points: &[PointRecord]) -> io::Result<()> {
        self.put(Told::Points(points.to_vec()))
    }

    fn session(&mut self, session: &SessionRecord) -> io::Result<()> {
        self.put(Told::Session(Box::new(session.clone())))
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        self.put(Told::Finding(Box::new(finding.clone())))
    }

    fn superseded(&mut self, superseded: &Superseded) -> io::Result<()> {
        self.put(Told::Superseded(Box::new(superseded.clone())))
    }

    fn pending(&mut self, pending: &Pending) -> io::Result<()> {
        self.put(Told::Pending(Box::new(pending.clone())))
    }

    fn hosts(&mut self, hosts: &[HostRecord]) -> io::Result<()> {
        self.put(Told::Hosts(hosts.to_vec()))
    }

    fn end(&mut self, _: &[Capture], _: &Summary) -> io::Result<()> {
        Ok(())
    }
}
