//! One run, several reports.

use std::io;

use crate::finding::Finding;
use crate::record::{Cause, HostRecord, Pending, PointRecord, SessionRecord, Sink, Summary, Superseded};
use crate::redact::Secret;
use crate::source::Capture;

/// Passes everything to each of its sinks. One that fails gets nothing more, the others go on; the end tells of the
/// worst failure.
pub struct Tee {
    sinks: Vec<Box<dyn Sink>>,
    failed: Option<io::Error>,
}

impl Tee {
    /// A report to each of `sinks`, in this order.
    pub fn new(sinks: Vec<Box<dyn Sink>>) -> Self {
        Self { sinks, failed: None }
    }

    fn each(&mut self, mut tell: impl FnMut(&mut dyn Sink) -> io::Result<()>) {
        let failed = &mut self.failed;
        self.sinks.retain_mut(|sink| match tell(&mut **sink) {
            Ok(()) => true,
            Err(error) => {
                keep_worst(failed, error);
                false
            }
        });
    }

    /// With nobody left to tell, the run may as well end.
    fn anybody(&mut self) -> io::Result<()> {
        match self.failed.take_if(|_| self.sinks.is_empty()) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

/// Keeps the first failure, but rather that of a report that somebody misses than that of one whose reader has gone.
pub fn keep_worst(kept: &mut Option<io::Error>, error: io::Error) {
    if kept.as_ref().is_none_or(|kept| kept.kind() == io::ErrorKind::BrokenPipe) {
        *kept = Some(error);
    }
}

impl Sink for Tee {
    fn secret(&mut self, secret: &Secret) {
        self.sinks.iter_mut().for_each(|sink| sink.secret(secret));
    }

    fn points(&mut self, points: &[PointRecord]) -> io::Result<()> {
        self.each(|sink| sink.points(points));
        self.anybody()
    }

    fn begins(&mut self, captures: &[Capture]) -> io::Result<()> {
        self.each(|sink| sink.begins(captures));
        self.anybody()
    }

    fn session(&mut self, session: &SessionRecord) -> io::Result<()> {
        self.each(|sink| sink.session(session));
        self.anybody()
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        self.each(|sink| sink.finding(finding));
        self.anybody()
    }

    fn superseded(&mut self, superseded: &Superseded) -> io::Result<()> {
        self.each(|sink| sink.superseded(superseded));
        self.anybody()
    }

    fn pending(&mut self, pending: &Pending) -> io::Result<()> {
        self.each(|sink| sink.pending(pending));
        self.anybody()
    }

    fn hosts(&mut self, hosts: &[HostRecord]) -> io::Result<()> {
        self.each(|sink| sink.hosts(hosts));
        self.anybody()
    }

    fn causes(&mut self, causes: &[Cause]) -> io::Result<()> {
        self.each(|sink| sink.causes(causes));
        self.anybody()
    }

    fn end(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        self.each(|sink| sink.end(captures, summary));
        self.failed.take().map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, ErrorKind, Write};

    use super::Tee;
    use crate::record::{Sink, Summary};
    use crate::report::testing::{Shared, narrow};
    use crate::report::{Format, Out, sink};

    struct Gone;

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Out for Gone {}

    fn json(out: Box<dyn Out>) -> Box<dyn Sink> {
        sink(Format::Json, narrow(), Vec::new(), out).expect("starts")
    }

    #[test]
    fn a_reader_that_went_away_does_not_spoil_the_files() {
        let file = Shared::default();
        let mut tee = Tee::new(vec![json(Box::new(Gone)), json(Box::new(file.clone()))]);
        let ended = tee.end(&[], &Summary::default());
        assert_eq!(ended.expect_err("told").kind(), ErrorKind::BrokenPipe);
        assert!(file.text().starts_with('{'));
    }
}
