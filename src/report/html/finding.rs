//! What is known of a finding: ladder, evidence that the ladder does not show, what qualifies it, what to do.

use std::io::{self, Write};

use crate::finding::{Evidence, Finding};
use crate::report::block::location;
use crate::report::escape::markup;
use crate::report::evidence::{Exhibit, in_order};
use crate::report::filter::filters;
use crate::report::ladder::{Figure, Ladder, Traced};
use crate::report::page::Page;
use crate::report::words::{Confidence, Party, limit};

/// All but the message and the remedies. `session`: the one that the finding is about.
pub(super) fn write_body(
    page: &Page<'_>,
    finding: &Finding,
    session: Option<&Traced<'_>>,
    number: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "<p class=\"dim\">{}</p>", markup(&location(page, finding)))?;
    confidence(finding, out)?;
    if let Some(ladder) = Ladder::of_finding(finding, session) {
        let title = format!("Frames of finding {number}, {}", finding.diagnosis);
        writeln!(out, "<figure>{}", Figure::of(page, &ladder, &title).element())?;
        writeln!(out, "<figcaption class=\"dim\">{}</figcaption></figure>", markup(&caption(page, &ladder)))?;
        evidence(page, finding, &ladder.besides.iter().collect::<Vec<_>>(), out)?;
    } else {
        evidence(page, finding, &in_order(finding), out)?;
    }
    reasons(finding, out)?;
    for (capture, filter) in filters(finding) {
        let of = if page.run.captures.len() > 1 {
            format!(" of {}", markup(&page.run.path(capture)))
        } else {
            String::new()
        };
        writeln!(out, "<p>Wireshark{of}: <code>{}</code></p>", markup(&filter))?;
    }
    Ok(())
}

/// The remedies as markup.
pub(super) fn remedies(finding: &Finding) -> Vec<String> {
    let line =
        |remedy: &crate::finding::Remedy| format!("<b>{}:</b> {}", Party::from(remedy.side), markup(&remedy.text));
    finding.remedies.iter().map(line).collect()
}

pub(super) fn write_remedies(remedies: &[String], out: &mut dyn Write) -> io::Result<()> {
    if remedies.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h4>What to do</h4>\n<ul class=\"remedies\">")?;
    remedies.iter().try_for_each(|remedy| writeln!(out, "<li>{remedy}</li>"))?;
    writeln!(out, "</ul>")
}

/// From when on times count, and what the marks mean.
fn caption(page: &Page<'_>, ladder: &Ladder) -> String {
    let first = ladder.rows.iter().find_map(|row| row.at);
    let since = first.map(|at| {
        let zero = page.zero(None, at.capture);
        let day = page.clock.day(at.time).map_or_else(String::new, |day| format!(" of {day}"));
        format!("Times count in seconds from frame {}, {}{day}", at.number, page.clock.time(at.time, zero))
    });
    let mut parts: Vec<String> = since.into_iter().collect();
    parts.push("marked rows are evidence".to_owned());
    if !ladder.bars.is_empty() {
        parts.push("a thick bar is TIME-WAIT, broken where only some systems keep it so long".to_owned());
    }
    format!("{}.", parts.join("; "))
}

fn confidence(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let confidence = Confidence::from(finding.confidence);
    let caps: Vec<String> = finding.caps.iter().map(|cap| limit(&markup(&cap.why), cap.diagnosis)).collect();
    let because = if caps.is_empty() { String::new() } else { format!("; not higher because {}", caps.join("; ")) };
    writeln!(out, "<p><b>Confidence:</b> {confidence}{because}.</p>")
}

/// Evidence as lines; times count from the first.
fn evidence(page: &Page<'_>, finding: &Finding, list: &[&Evidence], out: &mut dyn Write) -> io::Result<()> {
    let Some(zero) = list.first().map(|first| first.first().time) else { return Ok(()) };
    writeln!(out, "<ol class=\"evidence\">")?;
    let exhibits = Exhibit::of(page, finding, list);
    // The capture that the finding is said to be in, above.
    let mut capture = finding.evidence().first().map(|first| first.first().capture);
    for (exhibit, one) in exhibits.iter().zip(list) {
        if capture != Some(exhibit.capture) {
            capture = Some(exhibit.capture);
            writeln!(out, "<li class=\"dim\">{}</li>", markup(&page.path(exhibit.capture)))?;
        }
        let (class, when) = match one {
            Evidence::Missing { .. } => (" class=\"absent\"", exhibit.when.clone()),
            Evidence::Seen { .. } => ("", format!("+{:.3} s", one.first().time.seconds_since(zero))),
        };
        writeln!(
            out,
            "<li{class}><b>{}</b> <span class=\"dim\">{}</span> <span class=\"route\">{}</span> <span class=\"what\">{}</span></li>",
            exhibit.number,
            markup(&when),
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
            writeln!(out, "<li><code>{}</code>. To tell them apart: {decided}</li>", alternative.diagnosis)?;
        }
        writeln!(out, "</ul>")?;
    }
    if !finding.references.is_empty() {
        writeln!(out, "<p class=\"dim\">See {}.</p>", markup(&finding.references.join(", ")))?;
    }
    Ok(())
}
