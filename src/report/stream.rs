//! The formats for people while a capture goes on: each finding as it comes, the totals at the end.

use std::io::{self, Write};

use super::block::{self, Detail};
use super::collect::Run;
use super::concise;
use super::escape::safe;
use super::page::Page;
use super::place::placed;
use super::{Style, Verbosity, totals, unread};
use crate::finding::{Finding, Severity};
use crate::record::{SessionRecord, Sink, Summary, Superseded};
use crate::source::Capture;

/// How one finding is written.
type WriteOne = fn(&Run, &Finding, &Style, &mut dyn Write) -> io::Result<()>;

/// Writes findings as they come; keeps only counts.
pub(super) struct Stream {
    write: WriteOne,
    run: Run,
    style: Style,
    out: Box<dyn Write>,
}

impl Stream {
    pub(super) fn full(style: Style, out: Box<dyn Write>) -> Self {
        Self { write: as_block, run: Run::default(), style, out }
    }

    pub(super) fn concise(style: Style, out: Box<dyn Write>) -> Self {
        Self { write: concise::line, run: Run::default(), style, out }
    }
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

    fn session(&mut self, session: &SessionRecord) -> io::Result<()> {
        self.run.tally.count(session);
        Ok(())
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        if finding.severity == Severity::Quality && self.style.verbosity == Verbosity::Quiet {
            return Ok(());
        }
        (self.write)(&self.run, finding, &self.style, &mut self.out)?;
        self.out.flush()
    }

    fn superseded(&mut self, superseded: &Superseded) -> io::Result<()> {
        let by = superseded.by.map_or("nothing came of it".to_owned(), |by| format!("now {by}"));
        let line = format!("superseded[{}] no longer holds: {by} ({})", superseded.diagnosis, about(superseded));
        writeln!(self.out, "{}", safe(&line, self.style.ascii))?;
        self.out.flush()
    }

    fn end(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        self.run.captures = captures.to_vec();
        self.run.summary = summary.clone();
        unread::write(summary, &self.style, &mut self.out)?;
        if self.style.verbosity > Verbosity::Quiet {
            totals::write(&self.run, &self.style, &mut self.out)?;
        }
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;
    use crate::finding::{Role, SessionId, TransferId};
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
            diagnosis: "port-reused-within-2msl",
            role: Role::Context,
            severity: Severity::Warning,
            session: Some(SessionId(1)),
            transfer: Some(TransferId(2)),
            hosts: Vec::new(),
            by: Some("time-wait-collision"),
        };
        stream.superseded(&superseded).expect("written");
        assert!(text().ends_with(
            "superseded[port-reused-within-2msl] no longer holds: now time-wait-collision (session 1, transfer 2)\n"
        ));
    }
}
