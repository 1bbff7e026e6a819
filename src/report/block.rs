//! One finding as a block: headline, place, evidence between gutter lines, then what qualifies it.

use std::io::{self, Write};

use super::causes;
use super::escape::safe;
use super::evidence::{Exhibit, in_order, write_exhibits};
use super::filter::filters;
use super::page::Page;
use super::paint::Ink;
use super::place::place;
use super::reference::first_of;
use super::words::{Confidence, Party, Severity, limit};
use super::wrap::{MIN_COLUMN, wrap, write_wrapped};
use crate::diagnosis::Diagnosis;
use crate::finding::{DiagnosisName, Evidence, Finding, HostFact, Role};
use crate::record::Cause;

/// So that blocks of small captures line up.
const MIN_GUTTER: usize = 2;
/// The label of what can be read elsewhere.
const NOTE: &str = "note";

/// Pieces of evidence of an example.
const EXHIBITS: usize = 3;

/// How much of a finding a block shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// Everything.
    Whole,
    /// The evidence that comes first and what to do: what stands for many, where there are several such.
    Example,
    /// The primary evidence and the confidence: what stands beside something that is told in full.
    Short,
}

pub(super) fn write(page: &Page<'_>, finding: &Finding, detail: Detail, out: &mut dyn Write) -> io::Result<()> {
    let related = if finding.role == Role::Related { "related " } else { "" };
    let name = format!("{related}{}[{}]", Severity::from(finding.severity), finding.diagnosis);
    headline(page, finding.diagnosis, (&name, Ink::of(finding.severity)), &finding.message, out)?;
    body(page, finding, detail, out)
}

/// A cause of several findings: what is said of all of them, then one of them.
pub(super) fn write_cause(
    page: &Page<'_>,
    cause: &Cause,
    example: Option<&Finding>,
    detail: Detail,
    out: &mut dyn Write,
) -> io::Result<()> {
    let name = format!("{}[{}]", Severity::from(cause.severity), cause.diagnosis);
    headline(page, cause.diagnosis, (&name, Ink::of(cause.severity)), &cause.message, out)?;
    let mut lead = format!("  cause {}: ", cause.id.0);
    for sentence in causes::sentences(page, cause) {
        write_wrapped(out, page.style, &lead, "    ", &sentence)?;
        "  - ".clone_into(&mut lead);
    }
    let Some(example) = example else { return writeln!(out) };
    let name = format!("  one of {} (--cause {} shows all)", cause.findings, cause.id.0);
    headline(page, cause.diagnosis, (&name, Ink::Strong), &example.message, out)?;
    body(page, example, detail, out)
}

/// What stands below the headline of a finding.
fn body(page: &Page<'_>, finding: &Finding, detail: Detail, out: &mut dyn Write) -> io::Result<()> {
    let evidence = match detail {
        Detail::Whole => in_order(finding),
        Detail::Example => {
            let first: Vec<&Evidence> =
                std::iter::once(&finding.primary).chain(&finding.supporting).take(EXHIBITS).collect();
            in_order(finding).into_iter().filter(|one| first.iter().any(|first| std::ptr::eq(*first, *one))).collect()
        }
        Detail::Short => vec![&finding.primary],
    };
    let exhibits = Exhibit::of(page, finding, &evidence);
    let gutter = exhibits.iter().map(|exhibit| exhibit.number.len()).max().unwrap_or(0).max(MIN_GUTTER);
    let (indent, bar) = (" ".repeat(gutter), page.style.paint(Ink::Gutter, "|"));

    // What is related stands below the block that says where.
    if finding.role != Role::Related || detail != Detail::Short {
        let lead = format!("{indent}{} ", page.style.paint(Ink::Gutter, "-->"));
        prefixed(page, &lead, gutter + 4, &location(page, finding), out)?;
    }
    writeln!(out, "{indent} {bar}")?;
    write_exhibits(page, &exhibits, gutter, true, out)?;
    writeln!(out, "{indent} {bar}")?;
    for (label, text) in remarks(page, finding, detail) {
        let is_note = label == NOTE;
        let label = format!("{label}: ");
        let lead = format!("{indent} {} {}", page.style.paint(Ink::Gutter, "="), page.style.paint(Ink::Strong, &label));
        if is_note {
            let mut lines = Vec::new();
            prefixed(page, &lead, gutter + 3 + label.len(), &text, &mut lines)?;
            for line in String::from_utf8_lossy(&lines).lines() {
                writeln!(out, "{}", page.style.link_all(finding.references, line))?;
            }
            continue;
        }
        prefixed(page, &lead, gutter + 3 + label.len(), &text, out)?;
    }
    let filters = if detail == Detail::Example { Vec::new() } else { filters(finding) };
    for (capture, filter) in &filters {
        let of = if filters.len() == 1 { String::new() } else { format!(" of {}", page.path(*capture)) };
        // Not wrapped: it is there to be pasted.
        let label = page.style.paint(Ink::Strong, &format!("filter{of}:"));
        writeln!(out, "{indent} {} {label} {filter}", page.style.paint(Ink::Gutter, "="))?;
    }
    writeln!(out)
}

/// A name that leads to what explains its diagnosis, in terminals that can.
fn linked(page: &Page<'_>, diagnosis: DiagnosisName, name: &str) -> String {
    let address = Diagnosis::named(diagnosis).and_then(first_of);
    page.style.link(address.as_deref(), name)
}

fn headline(
    page: &Page<'_>,
    diagnosis: DiagnosisName,
    (name, ink): (&str, Ink),
    message: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let message = safe(message, page.style.ascii);
    let first = page.style.width.saturating_sub(name.chars().count() + 2).max(MIN_COLUMN);
    let rest = page.style.width.saturating_sub(2).max(MIN_COLUMN);
    let mut lead = format!("{}: ", linked(page, diagnosis, &page.style.paint(ink, name)));
    for line in wrap(&message, first, rest) {
        writeln!(out, "{lead}{}", page.style.paint(Ink::Strong, &line))?;
        "  ".clone_into(&mut lead);
    }
    Ok(())
}

/// File, session and transfer or hosts, and the control connection.
pub(super) fn location(page: &Page<'_>, finding: &Finding) -> String {
    let first = finding.evidence().first().map_or(finding.capture, |first| first.first().capture);
    let mut parts = vec![page.path(first)];
    parts.extend(Some(place(finding)).filter(|place| !place.is_empty()));
    let session = finding.session.and_then(|id| page.run.session(id));
    parts.extend(session.map(|session| format!("{} -> {}", session.client, session.server)));
    parts.join(", ")
}

/// What stands behind the equals signs, but for the filters: label and text.
pub(super) fn remarks(page: &Page<'_>, finding: &Finding, detail: Detail) -> Vec<(String, String)> {
    let mut remarks = vec![("confidence".to_owned(), confidence(page, finding))];
    if detail == Detail::Short {
        return remarks;
    }
    let session = finding.session.and_then(|id| page.run.session(id));
    let zero = page.zero(session, finding.primary.first().capture);
    for HostFact { fact, at, source } in &finding.host_facts {
        let read = page.clock.milliseconds(*at, zero);
        remarks.push(("host".into(), format!("{} ({}, read {read})", page.safe(fact), page.safe(source))));
    }
    let is_whole = detail == Detail::Whole;
    for ruled_out in finding.ruled_out.iter().filter(|_| is_whole) {
        remarks.push(("ruled out".into(), format!("{} - {}", ruled_out.diagnosis, page.safe(&ruled_out.why))));
    }
    for alternative in finding.alternatives.iter().filter(|_| is_whole) {
        let decided = page.safe(&alternative.would_decide);
        remarks.push(("could also be".into(), format!("{}. To tell them apart: {decided}", alternative.diagnosis)));
    }
    for remedy in &finding.remedies {
        remarks.push((format!("help: {}", Party::from(remedy.side)), page.safe(&remedy.text)));
    }
    if is_whole && !finding.references.is_empty() {
        remarks.push((NOTE.into(), finding.references.join(", ")));
    }
    remarks
}

fn confidence(page: &Page<'_>, finding: &Finding) -> String {
    let confidence = Confidence::from(finding.confidence).to_string();
    let caps: Vec<String> = finding.caps.iter().map(|cap| limit(&page.safe(&cap.why), cap.diagnosis)).collect();
    if caps.is_empty() { confidence } else { format!("{confidence} - {}", caps.join("; ")) }
}

/// Wraps `text` behind a lead that may hold colours and is `length` columns wide.
fn prefixed(page: &Page<'_>, lead: &str, length: usize, text: &str, out: &mut dyn Write) -> io::Result<()> {
    let room = page.style.width.saturating_sub(length).max(MIN_COLUMN);
    let hang = " ".repeat(length);
    for (index, line) in wrap(text, room, room).iter().enumerate() {
        writeln!(out, "{}{line}", if index == 0 { lead } else { &hang })?;
    }
    Ok(())
}

/// A note on the capture: one paragraph without evidence lines.
pub(super) fn write_note(page: &Page<'_>, finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let at = finding.primary.first();
    let mut parts = vec![page.path(at.capture), format!("frame {}", at.number)];
    parts.extend(Some(place(finding)).filter(|place| !place.is_empty()));
    let name = format!("{}[{}]: ", Severity::from(finding.severity), finding.diagnosis);
    let text = format!("{name}{} ({})", page.safe(&finding.message), parts.join(", "));
    write_wrapped(out, page.style, "", "  ", &text)
}
