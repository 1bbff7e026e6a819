//! The causes, the worst first: what failed, what separates it, when, what to do, and an example.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use super::super::causes::{example, sentences, worst_first};
use super::super::escape::markup;
use super::super::page::Page;
use super::super::place::place;
use super::room::{self, Room, left_out};
use super::{Told, badge, finding, strip};
use crate::finding::{CauseId, Finding, Severity};
use crate::record::Cause;

/// What the page shows already, for links.
#[derive(Default)]
pub(super) struct Shown {
    /// Causes.
    pub(super) causes: HashSet<CauseId>,
    /// Findings, by their numbers.
    pub(super) findings: HashSet<usize>,
    /// The remedies of each cause.
    pub(super) remedies: HashMap<CauseId, Vec<String>>,
}

pub(super) fn write<'a>(page: &Page<'a>, told: &mut Told<'a>, out: &mut dyn Write) -> io::Result<Shown> {
    let mut shown = Shown::default();
    let causes = worst_first(&page.run.causes);
    if causes.is_empty() {
        return Ok(shown);
    }
    writeln!(out, "<section id=\"causes\">\n<h2>Causes</h2>")?;
    let mut room = Room::of(room::CAUSES);
    for cause in &causes {
        let members = told.of_cause(cause.id);
        let Some(example) = example(cause, &members) else { continue };
        let number = told.number(example);
        if !room.write(&article(page, cause, &members, (number, example), told)?, out)? {
            break;
        }
        shown.causes.insert(cause.id);
        shown.findings.insert(number);
        shown.remedies.insert(cause.id, finding::remedies(example));
    }
    left_out(causes.len() - shown.causes.len(), "cause", out)?;
    writeln!(out, "</section>")?;
    Ok(shown)
}

fn article<'a>(
    page: &Page<'a>,
    cause: &Cause,
    members: &[&'a Finding],
    (number, example): (usize, &'a Finding),
    told: &mut Told<'a>,
) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let id = cause.id.0;
    writeln!(out, "<article class=\"cause {}\" id=\"cause-{id}\">", super::word(cause.severity))?;
    writeln!(out, "<h3>{} <code>{}</code></h3>", badge(cause.severity), cause.diagnosis)?;
    if super::verdict::told(page.run).is_none_or(|heading| heading.id != cause.id) {
        writeln!(out, "<p class=\"message\">{}.</p>", markup(&cause.message))?;
    }
    if cause.is_of_several() {
        writeln!(out, "<ul class=\"facts\">")?;
        for sentence in sentences(page, cause) {
            writeln!(out, "<li>{}</li>", markup(&sentence))?;
        }
        writeln!(out, "</ul>")?;
        out.write_all(strip::of(page, cause, members).unwrap_or_default().as_bytes())?;
    }
    finding::write_remedies(&finding::remedies(example), &mut out)?;
    // What refutes a suspicion, or only informs, is not looked at first.
    let closed = cause.severity <= Severity::Info;
    let title =
        if cause.is_of_several() { format!("Example: {}", markup(&place(example))) } else { "Evidence".to_owned() };
    if closed {
        writeln!(out, "<details id=\"finding-{number}\"><summary>{title}</summary>")?;
    } else {
        writeln!(out, "<div id=\"finding-{number}\">\n<h4>{title}</h4>")?;
    }
    if cause.is_of_several() {
        writeln!(out, "<p>{}.</p>", markup(&example.message))?;
    }
    let session = told.traced(page, example);
    finding::write_body(page, example, session, number, &mut out)?;
    writeln!(out, "{}", if closed { "</details>" } else { "</div>" })?;
    if members.len() > 1 {
        let count = members.len();
        writeln!(out, "<p><a href=\"#failures-{id}\">All {count} findings of this cause</a></p>")?;
    }
    writeln!(out, "</article>")?;
    Ok(out)
}
