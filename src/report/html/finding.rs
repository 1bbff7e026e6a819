//! A finding as an article: headline, ladder, evidence, what qualifies it, what to do.

use std::io::{self, Write};

use super::badge;
use crate::finding::{Finding, Role};
use crate::report::block::location;
use crate::report::escape::markup;
use crate::report::evidence::{Exhibit, in_order};
use crate::report::filter::filters;
use crate::report::ladder::{Figure, Ladder, Traced};
use crate::report::page::Page;
use crate::report::words::{Confidence, Party, limit};

/// `session`: the one that the finding is about.
pub(super) fn write(
    page: &Page<'_>,
    finding: &Finding,
    session: Option<&Traced<'_>>,
    number: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let related = if finding.role == Role::Related { "<span class=\"dim\">related</span> " } else { "" };
    writeln!(out, "<article id=\"finding-{number}\">")?;
    writeln!(out, "<h3>{related}{} <code>{}</code></h3>", badge(finding.severity), finding.diagnosis)?;
    writeln!(out, "<p class=\"message\">{}.</p>", markup(&finding.message))?;
    writeln!(out, "<p class=\"dim\">{}</p>", markup(&location(page, finding)))?;
    confidence(finding, out)?;
    remedies(finding, out)?;
    if let Some(ladder) = Ladder::of_finding(finding, session) {
        let title = format!("Frames of finding {number}, {}", finding.diagnosis);
        writeln!(out, "<figure>{}", Figure::of(page, &ladder, &title).element())?;
        writeln!(out, "<figcaption class=\"dim\">{}</figcaption></figure>", caption(&ladder))?;
    }
    evidence(page, finding, out)?;
    reasons(finding, out)?;
    for (capture, filter) in filters(finding) {
        let of = if page.run.captures.len() > 1 {
            format!(" of {}", markup(&page.run.path(capture)))
        } else {
            String::new()
        };
        writeln!(out, "<p>Wireshark{of}: <code>{}</code></p>", markup(&filter))?;
    }
    writeln!(out, "</article>")
}

fn caption(ladder: &Ladder) -> String {
    let first = ladder.rows.iter().find_map(|row| row.at);
    let mut parts = vec![first.map_or_else(String::new, |at| format!("Seconds since frame {}", at.number))];
    parts.push("marked rows are evidence".to_owned());
    if !ladder.bars.is_empty() {
        parts.push("a thick bar is TIME-WAIT, broken where only some systems keep it so long".to_owned());
    }
    format!("{}.", parts.join("; "))
}

fn confidence(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let confidence = Confidence::from(finding.confidence);
    let caps: Vec<String> = finding.caps.iter().map(|cap| limit(&markup(&cap.why), cap.diagnosis)).collect();
    let because = if caps.is_empty() { String::new() } else { format!(", not surer because {}", caps.join("; ")) };
    writeln!(out, "<p><b>Confidence:</b> {confidence}{because}.</p>")
}

fn remedies(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    if finding.remedies.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h4>What to do</h4>\n<ul class=\"remedies\">")?;
    for remedy in &finding.remedies {
        writeln!(out, "<li><b>{}:</b> {}</li>", Party::from(remedy.side), markup(&remedy.text))?;
    }
    writeln!(out, "</ul>")
}

fn evidence(page: &Page<'_>, finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<h4>Evidence</h4>\n<ol class=\"evidence\">")?;
    let exhibits = Exhibit::of(page, finding, &in_order(finding));
    let (mut capture, mut day) = (exhibits.first().map(|exhibit| exhibit.capture), None);
    for exhibit in &exhibits {
        if capture != Some(exhibit.capture) {
            capture = Some(exhibit.capture);
            writeln!(out, "<li class=\"dim\">{}</li>", markup(&page.path(exhibit.capture)))?;
        }
        if exhibit.day.is_some() && exhibit.day != day {
            day.clone_from(&exhibit.day);
            writeln!(out, "<li class=\"dim\">{}</li>", markup(day.as_deref().unwrap_or_default()))?;
        }
        let class = if exhibit.number.is_empty() { " class=\"absent\"" } else { "" };
        writeln!(
            out,
            "<li{class}><b>{}</b> <span class=\"dim\">{}</span> <span class=\"route\">{}</span> <span class=\"what\">{}</span></li>",
            exhibit.number,
            markup(&exhibit.when),
            markup(&exhibit.direction),
            markup(&exhibit.text)
        )?;
    }
    writeln!(out, "</ol>")
}

/// What hosts say, what was ruled out, what could not be, and where to read more.
fn reasons(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    if !finding.host_facts.is_empty() {
        writeln!(out, "<h4>What hosts say</h4>\n<ul>")?;
        for host in &finding.host_facts {
            writeln!(out, "<li>{}: {}</li>", markup(&host.source), markup(&host.fact))?;
        }
        writeln!(out, "</ul>")?;
    }
    if !finding.ruled_out.is_empty() {
        writeln!(out, "<h4>Ruled out</h4>\n<ul>")?;
        for ruled_out in &finding.ruled_out {
            writeln!(out, "<li><code>{}</code>: {}</li>", ruled_out.diagnosis, markup(&ruled_out.why))?;
        }
        writeln!(out, "</ul>")?;
    }
    if !finding.alternatives.is_empty() {
        writeln!(out, "<h4>Could also be</h4>\n<ul>")?;
        for alternative in &finding.alternatives {
            let decided = markup(&alternative.would_decide);
            writeln!(out, "<li><code>{}</code>; decided by: {decided}</li>", alternative.diagnosis)?;
        }
        writeln!(out, "</ul>")?;
    }
    if !finding.references.is_empty() {
        writeln!(out, "<p class=\"dim\">See {}.</p>", markup(&finding.references.join(", ")))?;
    }
    Ok(())
}
