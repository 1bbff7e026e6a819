//! `--format concise`: one line per finding, `file:frame: severity[diagnosis] message (…)`, then the totals.

use std::io::{self, Write};

use super::causes;
use super::collect::Run;
use super::escape::safe;
use super::paint::Ink;
use super::place::place;
use super::words::{Confidence, Role, Severity};
use super::{By, Style, totals, unread};
use crate::finding::{self, Finding};

pub(super) fn write(run: &Run, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut findings: Vec<&Finding> = match style.by {
        By::Finding => run.findings.iter().collect(),
        By::Cause => by_cause(run, style, out)?,
    };
    findings.sort_by_key(|finding| {
        let at = finding.primary.first();
        (at.capture, at.number)
    });
    for finding in findings {
        line(run, finding, style, out)?;
    }
    let unwrapped = Style { width: usize::MAX, ..style.clone() };
    if style.by == By::Finding {
        causes::write_lines(run, &unwrapped, out)?;
    }
    unread::write(&run.summary, &unwrapped, out)?;
    totals::write(run, &unwrapped, out)
}

/// A line for each cause, the worst first, with the place of the finding that stands for it. What is left: what is of no
/// cause and does not stand beside a failure.
fn by_cause<'a>(run: &'a Run, style: &Style, out: &mut dyn Write) -> io::Result<Vec<&'a Finding>> {
    let all: Vec<&Finding> = run.findings.iter().collect();
    for cause in causes::worst_first(&run.causes) {
        let Some(example) = causes::example(cause, &all) else { continue };
        let finding = Finding { message: cause.message.clone(), severity: cause.severity, ..example.clone() };
        let count = if cause.failed > 0 {
            format!("{} of {}", cause.failed, cause.comparable)
        } else {
            cause.findings.to_string()
        };
        write_line(run, &finding, &format!("cause {}, {count}", cause.id.0), style, out)?;
    }
    Ok(all.into_iter().filter(|finding| finding.cause.is_none() && finding.role != finding::Role::Related).collect())
}

/// Never wrapped: a line is a record here.
pub(super) fn line(run: &Run, finding: &Finding, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut aside = Confidence::from(finding.confidence).to_string();
    if finding.role == finding::Role::Related {
        aside = format!("{aside}, {}", Role::from(finding.role));
    }
    write_line(run, finding, &joined(aside, &place(finding)), style, out)
}

fn joined(aside: String, place: &str) -> String {
    if place.is_empty() { aside } else { format!("{aside}; {place}") }
}

fn write_line(run: &Run, finding: &Finding, aside: &str, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let at = finding.primary.first();
    let severity = Severity::from(finding.severity);
    writeln!(
        out,
        "{}:{}: {} {} {}",
        style.paint(Ink::Strong, &safe(&run.path(at.capture), style.ascii)),
        at.number,
        style.paint(Ink::of(finding.severity), &format!("{severity}[{}]", finding.diagnosis)),
        safe(&finding.message, style.ascii),
        style.paint(Ink::Dim, &format!("({aside})")),
    )
}

#[cfg(test)]
mod tests {
    use crate::report::testing::{Sample, expect, narrow, wide};
    use crate::report::{Format, Style, Verbosity};

    #[test]
    fn a_finding_is_a_line() {
        expect("collision.concise", &Sample::collision().render(Format::Concise, &narrow()));
    }

    #[test]
    fn the_width_does_not_matter() {
        let sample = Sample::collision();
        assert_eq!(sample.render(Format::Concise, &narrow()), sample.render(Format::Concise, &wide()));
        let sample = Sample::clean();
        assert_eq!(sample.render(Format::Concise, &narrow()), sample.render(Format::Concise, &wide()));
    }

    #[test]
    fn quiet_leaves_the_findings_alone() {
        let quiet = Style { verbosity: Verbosity::Quiet, ..narrow() };
        assert_eq!(Sample::clean().render(Format::Concise, &quiet), "");
        assert_eq!(Sample::collision().render(Format::Concise, &quiet).lines().count(), 4);
    }
}
