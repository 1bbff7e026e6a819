//! The formats for people while a capture goes on: each finding as it comes, the last transfers and the totals at the end.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::io::{self, Write};

use super::block::{self, Detail};
use super::collect::Run;
use super::concise;
use super::escape::safe;
use super::lasting::{Lasting, Telling};
use super::page::Page;
use super::paint::Ink;
use super::place::placed;
use super::time::Clock;
use super::{By, Out, Style, Verbosity, causes, table, totals, unread};
use crate::finding::{Finding, Severity};
use crate::frame::Timestamp;
use crate::record::{Cause, Pending, SessionRecord, Sink, State, Summary, Superseded};
use crate::redact::Secret;
use crate::source::Capture;

/// How one finding is written.
type WriteOne = fn(&Run, &Finding, &Style, &mut dyn Write) -> io::Result<()>;

/// Transfers that the table at the end shows: the newest, and rather those that failed.
const MAX_TRANSFERS: usize = 40;

/// Writes findings as they come; keeps counts and the rows of the table. Hides secrets itself, also in what it keeps.
pub(super) struct Stream {
    write: WriteOne,
    /// Its sessions are those of the rows, one transfer each.
    run: Run,
    /// Transfers in all.
    transfers: u64,
    /// The causes so far, where the same again is told by its number; none where each finding is written.
    lasting: Option<Lasting>,
    style: Style,
    out: Box<dyn Out>,
}

impl Stream {
    pub(super) fn full(style: Style, out: Box<dyn Out>) -> Self {
        let lasting = (style.verbosity < Verbosity::Verbose).then(Lasting::default);
        Self { write: as_block, run: Run::default(), transfers: 0, lasting, style, out }
    }

    pub(super) fn concise(style: Style, out: Box<dyn Out>) -> Self {
        let lasting = (style.by == By::Cause).then(Lasting::default);
        Self { write: concise::line, run: Run::default(), transfers: 0, lasting, style, out }
    }
}

impl Stream {
    fn write_line(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{}", safe(line, self.style.ascii))?;
        self.out.flush()
    }

    /// Keeps as many rows as are shown.
    fn drop_rows(&mut self) {
        let rows = &mut self.run.sessions;
        rows.sort_by_key(|row| (!table::has_failed(row), Reverse(table::begins(row))));
        rows.truncate(MAX_TRANSFERS);
    }

    fn write_table(&mut self) -> io::Result<()> {
        self.drop_rows();
        self.run.sessions.sort_by_key(|row| (row.id, table::begins(row)));
        let secrets = &self.run.secrets;
        self.run.sessions.iter_mut().for_each(|row| row.texts(|text| secrets.finish(text)));
        table::write_rows(&table::rows(&self.run), &HashMap::new(), &self.style, &mut self.out)?;
        let more = self.transfers - self.run.sessions.len() as u64;
        if more > 0 {
            writeln!(self.out, "and {more} earlier transfers\n")?;
        }
        Ok(())
    }
}

/// How the lines between the findings tell times.
fn writes_times(run: &Run, style: &Style) -> impl Fn(Timestamp) -> String + use<> {
    let clock = Clock::new(style.time);
    let zero = run.captures.iter().filter_map(|capture| capture.first).min();
    move |at| clock.milliseconds(at, zero.unwrap_or(at))
}

/// What a finding was about, as far as its readers need to find it again.
fn about(superseded: &Superseded) -> String {
    let hosts: Vec<String> = superseded.hosts.iter().map(ToString::to_string).collect();
    match superseded.session {
        None if hosts.is_empty() => "the capture".to_owned(),
        None => hosts.join(", "),
        session => placed(session, superseded.transfer),
    }
}

/// `withdrawn[a] now diagnosed as b (session 1)`. A finding that is reported again with another role, confidence or count
/// is updated, not withdrawn.
fn taken_back(superseded: &Superseded) -> String {
    let (diagnosis, about) = (superseded.diagnosis, about(superseded));
    match superseded.by {
        Some(by) if by == diagnosis => format!("updated[{diagnosis}] replaced by the finding above ({about})"),
        Some(by) => format!("withdrawn[{diagnosis}] now diagnosed as {by} ({about})"),
        None => format!("withdrawn[{diagnosis}] nothing failed after all ({about})"),
    }
}

/// `session 3 RETR: 4 SYNs unanswered for 7 s (10.2.0.20:20 -> 10.1.0.10:5001, frames 20 to 31)`, and how that ended.
fn standing(pending: &Pending) -> String {
    let (subject, matter) = (pending.subject(), pending.matter());
    match &pending.state {
        State::Open => {
            let frames = pending.frames.first().zip(pending.frames.last());
            let frames = frames
                .map_or_else(String::new, |(first, last)| format!(", frames {} to {}", first.number, last.number));
            format!("{subject}: {matter} ({} -> {}{frames})", pending.from, pending.to)
        }
        State::Ended(by) => format!("{subject}: {matter} ({} -> {}): ended by {by}", pending.from, pending.to),
        State::Withdrawn(why) => format!("{subject}: {matter} ({} -> {}): withdrawn, {why}", pending.from, pending.to),
    }
}

/// What limits claims is a note, everything else a block.
fn as_block(run: &Run, finding: &Finding, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let page = Page::new(run, style);
    match finding.severity {
        Severity::Quality => block::write_note(&page, finding, out),
        Severity::Error | Severity::Warning => block::write(&page, finding, Detail::Whole, out),
        Severity::Info => block::write(&page, finding, Detail::Short, out),
    }
}

impl Sink for Stream {
    fn begins(&mut self, captures: &[Capture]) -> io::Result<()> {
        self.run.captures = captures.to_vec();
        Ok(())
    }

    fn secret(&mut self, secret: &Secret) {
        self.run.secrets.learn(secret);
    }

    fn session(&mut self, session: &SessionRecord) -> io::Result<()> {
        if let Some(lasting) = &mut self.lasting {
            let lines = lasting.session(session, writes_times(&self.run, &self.style));
            lines.iter().try_for_each(|line| self.write_line(line))?;
        }
        self.run.tally.count(session);
        for row in table::of_session(session) {
            self.transfers += 1;
            let mut row = table::alone(row);
            // Once more at the end, for what is seen later.
            row.texts(|text| self.run.secrets.hide(text));
            self.run.sessions.push(row);
        }
        if self.run.sessions.len() > 2 * MAX_TRANSFERS {
            self.drop_rows();
        }
        Ok(())
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        if finding.severity == Severity::Quality && self.style.verbosity == Verbosity::Quiet {
            return Ok(());
        }
        let mut finding = finding.clone();
        finding.texts(|text| self.run.secrets.finish(text));
        let telling = match &mut self.lasting {
            Some(lasting) => lasting.finding(&finding, writes_times(&self.run, &self.style)),
            None => Telling::Whole,
        };
        match telling {
            Telling::Whole => {
                (self.write)(&self.run, &finding, &self.style, &mut self.out)?;
                self.out.flush()
            }
            Telling::Line(line) => self.write_line(&line),
            Telling::Nothing => Ok(()),
        }
    }

    fn superseded(&mut self, superseded: &Superseded) -> io::Result<()> {
        if superseded.severity == Severity::Quality && self.style.verbosity == Verbosity::Quiet {
            return Ok(());
        }
        if self.lasting.as_mut().is_some_and(|lasting| !lasting.was_told(superseded)) {
            return Ok(());
        }
        self.write_line(&taken_back(superseded))
    }

    fn pending(&mut self, pending: &Pending) -> io::Result<()> {
        if self.style.verbosity == Verbosity::Quiet {
            return Ok(());
        }
        if self.lasting.as_mut().is_some_and(|lasting| !lasting.pending(pending)) {
            return Ok(());
        }
        let mut pending = pending.clone();
        pending.command.iter_mut().for_each(|command| self.run.secrets.finish(command));
        let word = self.style.paint(Ink::Strong, "pending");
        writeln!(self.out, "{word}: {}", safe(&standing(&pending), self.style.ascii))?;
        self.out.flush()
    }

    fn causes(&mut self, causes: &[Cause]) -> io::Result<()> {
        self.run.causes = causes.to_vec();
        Ok(())
    }

    fn end(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        self.run.captures = captures.to_vec();
        self.run.summary = summary.clone();
        for cause in &mut self.run.causes {
            cause.texts(|text| self.run.secrets.finish(text));
        }
        if self.style.verbosity > Verbosity::Quiet {
            self.write_table()?;
            causes::write_lines(&self.run, &self.style, &mut self.out)?;
        }
        unread::write(summary, &self.style, &mut self.out)?;
        totals::write(&self.run, &self.style, &mut self.out)?;
        self.out.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;
    use crate::finding::{Role, SessionId, TransferId};
    use crate::record::Outcome;
    use crate::report::testing::{Sample, narrow};

    #[derive(Clone, Default)]
    struct Shared(Rc<RefCell<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Out for Shared {}

    #[test]
    fn each_finding_is_written_when_it_comes() {
        let out = Shared::default();
        let text = || String::from_utf8(out.0.borrow().clone()).expect("UTF-8");
        let sample = Sample::collision();
        let mut stream = Stream::concise(narrow(), Box::new(out.clone()));
        stream.begins(&sample.captures).expect("written");
        for (number, finding) in sample.findings.iter().enumerate() {
            stream.finding(finding).expect("written");
            assert_eq!(text().lines().count(), number + 1);
        }
        let superseded = Superseded {
            diagnosis: crate::diagnosis::port_reused_within_2msl::NAME,
            role: Role::Context,
            severity: Severity::Warning,
            session: Some(SessionId(1)),
            transfer: Some(TransferId(2)),
            hosts: Vec::new(),
            by: Some(crate::diagnosis::time_wait_collision::NAME),
        };
        stream.superseded(&superseded).expect("written");
        assert!(text().ends_with(
            "withdrawn[port-reused-within-2msl] now diagnosed as time-wait-collision (session 1, transfer 2)\n"
        ));
        stream.superseded(&Superseded { by: None, ..superseded }).expect("written");
        assert!(text().ends_with("nothing failed after all (session 1, transfer 2)\n"));
    }

    #[test]
    fn the_table_keeps_the_newest_transfers_and_those_that_failed() {
        let out = Shared::default();
        let sample = Sample::collision();
        let mut stream = Stream::full(narrow(), Box::new(out.clone()));
        let session = sample.sessions.iter().find(|one| one.transfers.iter().any(|one| one.outcome == Outcome::Failed));
        let session = session.expect("one with a failed transfer");
        let good: Vec<_> = session.transfers.iter().filter(|one| one.outcome != Outcome::Failed).cloned().collect();
        stream.session(session).expect("taken");
        for id in 100..300 {
            let mut transfers = good.clone();
            for transfer in &mut transfers {
                transfer.at.time = transfer.at.time.plus_seconds(f64::from(id));
                transfer.reply.iter_mut().for_each(|reply| reply.text = crate::redact::foreign("sent hunter2"));
            }
            stream.session(&SessionRecord { id: SessionId(id), transfers, ..session.clone() }).expect("taken");
            assert!(stream.run.sessions.len() <= 3 * MAX_TRANSFERS);
        }
        // Seen behind the replies that repeat it.
        stream.secret(&crate::redact::Secret::new(b"hunter2", true).expect("long enough"));
        stream.end(&sample.captures, &Summary::default()).expect("written");
        let text = String::from_utf8(out.0.take()).expect("UTF-8");
        assert_eq!(stream.run.sessions.len(), MAX_TRANSFERS);
        assert!(stream.run.sessions.iter().any(|row| row.id == session.id), "the failed one stays");
        assert!(stream.run.sessions.iter().any(|row| row.id == SessionId(299)), "and the newest");
        assert!(text.contains("earlier transfers") && text.contains("sent ***") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn nothing_is_superseded_by_itself() {
        let limit = Superseded {
            diagnosis: crate::diagnosis::capture_limit::NAME,
            role: Role::Context,
            severity: Severity::Quality,
            session: None,
            transfer: None,
            hosts: Vec::new(),
            by: Some(crate::diagnosis::capture_limit::NAME),
        };
        let written = |style: Style| {
            let out = Shared::default();
            Stream::concise(style, Box::new(out.clone())).superseded(&limit).expect("written");
            String::from_utf8(out.0.take()).expect("UTF-8")
        };
        assert_eq!(written(narrow()), "updated[capture-limit] replaced by the finding above (the capture)\n");
        assert_eq!(written(Style { verbosity: Verbosity::Quiet, ..narrow() }), "", "like the note itself");
    }
}
