//! A page that needs nothing else: no scripts, nothing loaded. Summary, findings with their ladders, hosts, inputs.
//!
//! Everything that is not written here passes `markup` on its way into the page.

mod finding;
mod style;
mod tables;

use std::io::{self, Write};

use super::collect::Run;
use super::counted::counted;
use super::escape::markup;
use super::ladder::Traced;
use super::page::Page;
use super::time::rfc3339;
use super::totals::{totals, without_ftp};
use super::{Style, words};
use crate::finding::{Finding, Severity};
use crate::source::Capture;

/// Findings that are told in full; more of them make a page that no browser likes to show.
const MOST: usize = 500;

/// What the page may load: its own style, and nothing from anywhere.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

pub(super) fn write(run: &Run, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let page = &Page::new(run, style);
    let title = title(run);
    writeln!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <title>ftpwhy: {title}</title>\n<style>{}{}</style>\n</head>\n<body>",
        style::PAGE_STYLE,
        super::ladder::FIGURE_STYLE,
    )?;
    writeln!(out, "<header><h1>FTP transfers</h1>\n<p class=\"dim\">{title}</p></header>\n<main>")?;
    summary(run, style, out)?;
    findings(page, out)?;
    tables::hosts(run, out)?;
    captures(run, out)?;
    writeln!(
        out,
        "</main>\n<footer class=\"dim\">Written by ftpwhy {}. Frame numbers are those of Wireshark.</footer>\n</body>\n</html>",
        env!("CARGO_PKG_VERSION")
    )
}

/// The inputs by name.
fn title(run: &Run) -> String {
    const NAMED: usize = 3;
    let names: Vec<String> = run.captures.iter().take(NAMED).map(|capture| markup(&run.path(capture.id))).collect();
    let more = match run.captures.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", names.join(", "))
}

fn summary(run: &Run, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let bad = run.summary.failed + run.summary.error > 0 || !run.summary.is_all_read();
    // Nothing transferred is no good news.
    let class = match run.summary.transfers {
        _ if bad => "result bad",
        _ if run.summary.interrupted.is_some() => "result none",
        0 => "result none",
        _ => "result",
    };
    writeln!(out, "<section>\n<h2>Summary</h2>")?;
    if let Some(why) = run.interrupted() {
        writeln!(out, "<p class=\"result bad\">incomplete: {}</p>", markup(&why))?;
    }
    writeln!(out, "<p class=\"{class}\">{}</p>", markup(&totals(run)))?;
    for input in &run.summary.unreadable {
        let class = if input.allowed { "dim" } else { "result bad" };
        writeln!(out, "<p class=\"{class}\">{}</p>", markup(&input.sentence()))?;
    }
    for sentence in run.grouping.iter().chain(&without_ftp(run)) {
        writeln!(out, "<p>{}</p>", markup(sentence))?;
    }
    tables::transfers(run, style, out)?;
    writeln!(out, "</section>")
}

fn findings(page: &Page<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (notes, told): (Vec<&Finding>, Vec<&Finding>) =
        page.run.findings.iter().partition(|finding| finding.severity == Severity::Quality);
    if !told.is_empty() {
        writeln!(out, "<section>\n<h2>Findings</h2>")?;
        // Findings stand session by session.
        let mut traced: Option<Traced<'_>> = None;
        for (index, finding) in told.iter().enumerate().take(MOST) {
            let session = finding.session.and_then(|id| page.run.session(id));
            if traced.as_ref().map(Traced::id) != session.map(|session| session.id) {
                traced = session.map(Traced::of);
            }
            finding::write(page, finding, traced.as_ref(), index + 1, out)?;
        }
        if told.len() > MOST {
            writeln!(out, "<p>And {} more findings.</p>", told.len() - MOST)?;
        }
        writeln!(out, "</section>")?;
    }
    if !notes.is_empty() {
        writeln!(out, "<section>\n<h2>Notes on the capture</h2>\n<ul>")?;
        for note in notes.iter().take(MOST) {
            let (message, frame) = (markup(&note.message), note.primary.first().number);
            writeln!(out, "<li>{message} <span class=\"dim\">({}, frame {frame})</span></li>", note.diagnosis)?;
        }
        writeln!(out, "</ul>\n</section>")?;
    }
    Ok(())
}

fn captures(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<section>\n<h2>Captures</h2>\n<ul>")?;
    for capture in &run.captures {
        writeln!(out, "<li>{}</li>", capture_line(run, capture))?;
    }
    writeln!(out, "</ul>\n</section>")
}

fn capture_line(run: &Run, capture: &Capture) -> String {
    let mut line = format!("<code>{}</code>: {}", markup(&run.path(capture.id)), markup(&capture.format));
    line = format!("{line}, {}", counted(capture.packets, "packet"));
    if let (Some(first), Some(last)) = (capture.first, capture.last) {
        line = format!("{line}, <time>{}</time> to <time>{}</time>", rfc3339(first), rfc3339(last));
    }
    if let Some(damage) = &capture.damage {
        line = format!("{line}; damaged: {}", markup(&damage.what));
    }
    line
}

/// `<span class="badge error">error</span>`
fn badge(severity: Severity) -> String {
    let word = words::Severity::from(severity);
    format!("<span class=\"badge {word}\">{word}</span>")
}
