//! `--format json`: the whole run as one object.

use std::io::{self, Write};

use super::Style;
use super::collect::Run;
use super::escape::SafeJson;
use super::shape::{
    Capture, Cause, Completeness, Each, Finding, Point, Report, SCHEMA, Session, Summary, Tool, Unreadable,
};
use crate::text::printable_str;

pub(super) fn write(run: &Run, _: &Style, out: &mut dyn Write) -> io::Result<()> {
    let examples = run.examples();
    let cause = |cause| Cause::of(cause, examples.get(&cause.id).map(Vec::as_slice).unwrap_or_default());
    let report = Report {
        schema: SCHEMA,
        tool: Tool::this(),
        grouping: run.grouping.iter().map(|sentence| printable_str(sentence)).collect(),
        completeness: Completeness::of(&run.summary, &run.captures),
        captures: run.captures.iter().map(Capture::from).collect(),
        unreadable: run.summary.unreadable.iter().map(Unreadable::from).collect(),
        sessions: Each { of: &run.sessions, shape: &Session::from },
        points: run.summary.points.iter().map(Point::from).collect(),
        findings: Each { of: &run.findings, shape: &|finding| Finding::of(finding, &run.summary.points) },
        causes: Each { of: &run.causes, shape: &cause },
        summary: Summary::from(&run.summary),
    };
    let mut out = SafeJson::to(out);
    serde_json::to_writer_pretty(&mut out, &report)?;
    writeln!(out)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use crate::report::Format;
    use crate::report::testing::{Sample, expect, narrow};

    #[test]
    fn the_shape_is_that_of_schema_1() {
        expect("collision.json", &Sample::collision().render(Format::Json, &narrow()));
    }

    #[test]
    fn a_run_without_anything_is_valid() {
        expect("empty.json", &Sample::without_ftp().render(Format::Json, &narrow()));
    }
}
