//! `--format ndjson`: one object a line, written and flushed as it becomes known.

use std::collections::HashMap;
use std::io;

use super::Out;
use super::collect::EXAMPLES;
use super::escape::safe_json;
use super::shape::{self, Closing, Completeness, Line, Meta, SCHEMA, Tool};
use crate::finding::{CauseId, Finding};
use crate::record::{Cause, Pending, PointRecord, SessionRecord, Sink, Summary, Superseded};
use crate::redact::Secret;
use crate::source::Capture;
use crate::text::printable_str;

/// Writes the lines; keeps no more than where the causes began. Wants everything [`crate::record::Redacted`].
pub(super) struct Lines {
    out: Box<dyn Out>,
    points: Vec<PointRecord>,
    /// How many findings were written.
    findings: usize,
    /// Which of them were the first of each cause.
    examples: HashMap<CauseId, Vec<usize>>,
}

impl Lines {
    /// Writes the first line.
    pub(super) fn start(grouping: &[String], out: Box<dyn Out>) -> io::Result<Self> {
        let mut lines = Self { out, points: Vec::new(), findings: 0, examples: HashMap::new() };
        let grouping = grouping.iter().map(|sentence| printable_str(sentence)).collect();
        lines.write(&Line::Meta(Meta { schema: SCHEMA, tool: Tool::this(), grouping }))?;
        Ok(lines)
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        let mut text = safe_json(serde_json::to_string(line)?);
        text.push('\n');
        // One write a line: who reads the pipe never sees half of one.
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

impl Sink for Lines {
    fn secret(&mut self, _: &Secret) {}

    fn session(&mut self, session: &SessionRecord) -> io::Result<()> {
        self.write(&Line::Session(session.into()))
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        let examples = finding.cause.map(|cause| self.examples.entry(cause).or_default());
        if let Some(examples) = examples.filter(|examples| examples.len() < EXAMPLES) {
            examples.push(self.findings);
        }
        self.findings += 1;
        let finding = shape::Finding::of(finding, &self.points);
        self.write(&Line::Finding(finding))
    }

    fn points(&mut self, points: &[PointRecord]) -> io::Result<()> {
        self.points.extend_from_slice(points);
        Ok(())
    }

    fn superseded(&mut self, superseded: &Superseded) -> io::Result<()> {
        self.write(&Line::Superseded(superseded.into()))
    }

    fn pending(&mut self, pending: &Pending) -> io::Result<()> {
        self.write(&Line::Pending(pending.into()))
    }

    fn causes(&mut self, causes: &[Cause]) -> io::Result<()> {
        causes.iter().try_for_each(|cause| {
            let examples = self.examples.remove(&cause.id).unwrap_or_default();
            self.write(&Line::Cause(shape::Cause::of(cause, &examples)))
        })
    }

    fn end(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        let completeness = Completeness::of(summary, captures);
        let captures = captures.iter().map(Into::into).collect();
        let points = summary.points.iter().map(Into::into).collect();
        let unreadable = summary.unreadable.iter().map(Into::into).collect();
        self.write(&Line::Summary(Closing { completeness, captures, unreadable, points, summary: summary.into() }))?;
        self.out.finish()
    }
}

#[cfg(test)]
mod tests {
    use crate::report::Format;
    use crate::report::testing::{Sample, expect, narrow};

    #[test]
    fn each_record_is_one_line() {
        expect("collision.ndjson", &Sample::collision().render(Format::Ndjson, &narrow()));
    }
}
