//! `--format json`: the whole run as one object.

use std::io::{self, Write};

use serde::Serialize;

use super::Style;
use super::collect::Run;
use super::escape::SafeJson;
use super::shape::{Capture, Cause, Completeness, Finding, Point, SCHEMA, Session, Summary, Tool, Unreadable};
use crate::text::printable_str;

/// [`super::shape::Report`] without its lists in memory: each item is made when it is written. The schema is that of `Report`.
#[derive(Serialize)]
struct Streamed<Captures, Points, Sessions, Findings, Causes> {
    schema: u32,
    tool: Tool,
    grouping: Vec<String>,
    #[serde(flatten)]
    completeness: Completeness,
    captures: Captures,
    unreadable: Vec<Unreadable>,
    #[serde(skip_serializing_if = "Option::is_none")]
    points: Option<Points>,
    sessions: Sessions,
    findings: Findings,
    causes: Causes,
    summary: Summary,
}

/// Items that are made one by one.
struct Each<'a, T, F>(&'a [T], F);

impl<'a, T, S: Serialize, F: Fn(&'a T) -> S> Serialize for Each<'a, T, F> {
    fn serialize<W: serde::Serializer>(&self, serializer: W) -> Result<W::Ok, W::Error> {
        serializer.collect_seq(self.0.iter().map(&self.1))
    }
}

pub(super) fn write(run: &Run, _: &Style, out: &mut dyn Write) -> io::Result<()> {
    let points = &run.summary.points;
    let examples = run.examples();
    let report = Streamed {
        schema: SCHEMA,
        tool: Tool::this(),
        grouping: run.grouping.iter().map(|sentence| printable_str(sentence)).collect(),
        completeness: Completeness::of(&run.summary, &run.captures),
        captures: Each(&run.captures, Capture::from),
        unreadable: run.summary.unreadable.iter().map(Unreadable::from).collect(),
        points: (!points.is_empty()).then_some(Each(points, Point::from)),
        sessions: Each(&run.sessions, Session::from),
        findings: Each(&run.findings, |finding| Finding::of(finding, points)),
        causes: Each(&run.causes, |cause| {
            Cause::of(cause, examples.get(&cause.id).map(Vec::as_slice).unwrap_or_default())
        }),
        summary: Summary::from(&run.summary),
    };
    serde_json::to_writer_pretty(SafeJson(out), &report)?;
    writeln!(out)
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
