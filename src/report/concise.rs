//! `--format concise`: one line per finding, `file:frame: severity[diagnosis] message (…)`, then the totals.

use std::io::{self, Write};

use super::collect::Run;
use super::escape::safe;
use super::paint::Ink;
use super::place::place;
use super::words::{Confidence, Role, Severity};
use super::{Style, totals, unread};
use crate::finding::{self, Finding};

pub(super) fn write(run: &Run, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut findings: Vec<&Finding> = run.findings.iter().collect();
    findings.sort_by_key(|finding| {
        let at = finding.primary.first();
        (at.capture, at.number)
    });
    for finding in findings {
        line(run, finding, style, out)?;
    }
    let unwrapped = Style { width: usize::MAX, ..style.clone() };
    unread::write(&run.summary, &unwrapped, out)?;
    totals::write(run, &unwrapped, out)
}

/// Never wrapped: a line is a record here.
pub(super) fn line(run: &Run, finding: &Finding, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let at = finding.primary.first();
    let severity = Severity::from(finding.severity);
    let mut aside = Confidence::from(finding.confidence).to_string();
    if finding.role == finding::Role::Related {
        aside = format!("{aside}, {}", Role::from(finding.role));
    }
    let place = place(finding);
    if !place.is_empty() {
        aside = format!("{aside}; {place}");
    }
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
