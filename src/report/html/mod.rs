//! A page that needs nothing else: no scripts, nothing loaded. What happened in one sentence, causes with their ladders,
//! all findings, transfers, hosts, inputs.
//!
//! Everything that is not written here passes `markup` on its way into the page. Each part has bytes of its own ([`room`]),
//! so that the page stays small however much was found.

mod causes;
mod failures;
mod finding;
mod room;
mod strip;
mod style;
mod tables;
mod verdict;

use std::collections::HashMap;
use std::io::{self, Write};

use super::collect::Run;
use super::counted::counted;
use super::escape::markup;
use super::ladder::Traced;
use super::page::Page;
use super::time::rfc3339;
use super::totals::{totals, without_ftp};
use super::{Style, words};
use crate::finding::{CauseId, Finding, Role, SessionId, Severity, TransferId};
use crate::record::TransferRecord;
use crate::source::Capture;
use room::{Room, left_out};

/// What the page may load: its own style, and nothing from anywhere.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

pub(super) fn write(run: &Run, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let page = &Page::new(run, style);
    let title = title(run);
    let (verdict, class) = verdict::of(run);
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
    writeln!(out, "<header><h1 class=\"{class}\">{}</h1>\n<p class=\"dim\">{title}</p></header>", markup(&verdict))?;
    let mut told = Told::of(run);
    summary(run, &told, out)?;
    writeln!(out, "<main>")?;
    remarks(run, out)?;
    let mut shown = causes::write(page, &mut told, out)?;
    failures::write(page, &mut told, &mut shown, out)?;
    tables::transfers(run, style, &told, &shown, out)?;
    tables::hosts(run, out)?;
    notes(run, out)?;
    captures(run, out)?;
    writeln!(
        out,
        "</main>\n<footer class=\"dim\">Written by ftpwhy {}. Frame numbers are those of Wireshark.</footer>\n</body>\n</html>",
        env!("CARGO_PKG_VERSION")
    )
}

/// The findings that the page tells of, by their numbers, and the session that was drawn last.
struct Told<'a> {
    findings: Vec<&'a Finding>,
    /// By what stays: where they are in the run.
    numbers: HashMap<*const Finding, usize>,
    causes: HashMap<CauseId, Vec<&'a Finding>>,
    /// Of each transfer.
    verdicts: HashMap<(SessionId, TransferId), &'a Finding>,
    traced: Option<Traced<'a>>,
}

impl<'a> Told<'a> {
    fn of(run: &'a Run) -> Self {
        let findings: Vec<&Finding> =
            run.findings.iter().filter(|finding| finding.severity != Severity::Quality).collect();
        let mut causes: HashMap<CauseId, Vec<&Finding>> = HashMap::new();
        for finding in &findings {
            if let Some(cause) = finding.cause {
                causes.entry(cause).or_default().push(finding);
            }
        }
        let numbers = findings.iter().map(|finding| std::ptr::from_ref(*finding)).zip(1..).collect();
        let verdict = |one: &&'a Finding| Some(((one.session?, one.transfer?), *one));
        let verdicts = findings.iter().filter(|one| one.role == Role::Verdict).filter_map(verdict).collect();
        Self { findings, numbers, causes, verdicts, traced: None }
    }

    /// The number of a finding on the page, from 1.
    fn number(&self, finding: &Finding) -> usize {
        self.numbers.get(&std::ptr::from_ref(finding)).copied().unwrap_or(0)
    }

    fn of_cause(&self, cause: CauseId) -> Vec<&'a Finding> {
        self.causes.get(&cause).cloned().unwrap_or_default()
    }

    /// The finding that says why a transfer failed.
    fn verdict(&self, session: SessionId, transfer: &TransferRecord) -> Option<&'a Finding> {
        self.verdicts.get(&(session, transfer.id)).copied()
    }

    /// Those that no cause was found for: what holds beside a verdict.
    fn beside(&self) -> Vec<&'a Finding> {
        self.findings.iter().copied().filter(|finding| finding.cause.is_none()).collect()
    }

    /// The session of a finding. Findings stand session by session, mostly.
    fn traced(&mut self, page: &Page<'a>, finding: &Finding) -> Option<&Traced<'a>> {
        let session = finding.session.and_then(|id| page.run.session(id))?;
        if self.traced.as_ref().map(Traced::id) != Some(session.id) {
            self.traced = Some(Traced::of(session));
        }
        self.traced.as_ref()
    }
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

/// The counts and the parts of the page, which stay in sight.
fn summary(run: &Run, told: &Told<'_>, out: &mut dyn Write) -> io::Result<()> {
    let parts = [
        ("causes", "Causes", !run.causes.is_empty()),
        ("failures", "Findings", told.findings.len() > run.causes.len()),
        (
            "transfers",
            "Transfers",
            run.sessions.iter().any(|one| !one.transfers.is_empty() || !one.inferred.is_empty()),
        ),
        ("hosts", "Hosts", !run.hosts.is_empty()),
        ("captures", "Captures", true),
    ];
    writeln!(out, "<nav class=\"bar\"><p>{}</p>\n<p>", markup(&totals(run)))?;
    for (id, name, _) in parts.into_iter().filter(|(_, _, is_there)| *is_there) {
        writeln!(out, "<a href=\"#{id}\">{name}</a>")?;
    }
    writeln!(out, "</p></nav>")
}

/// What kept the run from being complete, and how the inputs were taken.
fn remarks(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    if let Some(why) = run.interrupted() {
        writeln!(out, "<p class=\"result bad\">incomplete: {}</p>", markup(&why))?;
    }
    let mut room = Room::of(room::REST);
    for (place, input) in run.summary.unreadable.iter().enumerate() {
        let class = if input.allowed { "dim" } else { "result bad" };
        let line = format!("<p class=\"{class}\">{}</p>\n", markup(&input.sentence()));
        if !room.write(line.as_bytes(), out)? {
            left_out(run.summary.unreadable.len() - place, "input", out)?;
            break;
        }
    }
    let sentences: Vec<String> = run.grouping.iter().cloned().chain(without_ftp(run)).collect();
    for (place, sentence) in sentences.iter().enumerate() {
        if !room.write(format!("<p>{}</p>\n", markup(sentence)).as_bytes(), out)? {
            left_out(sentences.len() - place, "remark", out)?;
            break;
        }
    }
    Ok(())
}

fn notes(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    let notes: Vec<&Finding> = run.findings.iter().filter(|one| one.severity == Severity::Quality).collect();
    let line = |note: &Finding| {
        let (message, frame) = (markup(&note.message), note.primary.first().number);
        format!("<li>{message} <span class=\"dim\">({}, frame {frame})</span></li>\n", note.diagnosis)
    };
    list(("notes", "Notes on the capture"), notes.iter().map(|note| line(note)), "note", out)
}

fn captures(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    let line = |capture| format!("<li>{}</li>\n", capture_line(run, capture));
    list(("captures", "Captures"), run.captures.iter().map(line), "capture", out)
}

/// A section with a list of which as much is shown as fits.
fn list(
    (id, title): (&str, &str),
    lines: impl ExactSizeIterator<Item = String>,
    noun: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let count = lines.len();
    if count == 0 {
        return Ok(());
    }
    writeln!(out, "<section id=\"{id}\">\n<h2>{title}</h2>\n<ul>")?;
    let (mut room, mut listed) = (Room::of(room::REST), 0);
    for line in lines {
        if !room.write(line.as_bytes(), out)? {
            break;
        }
        listed += 1;
    }
    writeln!(out, "</ul>")?;
    left_out(count - listed, noun, out)?;
    writeln!(out, "</section>")
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

/// `error`
fn word(severity: Severity) -> String {
    words::Severity::from(severity).to_string()
}

/// `<span class="badge error">error</span>`
fn badge(severity: Severity) -> String {
    let word = word(severity);
    format!("<span class=\"badge {word}\">{word}</span>")
}

#[cfg(test)]
mod tests {
    use crate::report::View;
    use crate::report::testing::{Sample, wide};

    fn page(sample: &Sample) -> String {
        sample.render_show(View::Html, &[], &wide())
    }

    #[test]
    fn twenty_thousand_failures_are_a_small_page_that_says_what_it_leaves_out() {
        let page = page(&Sample::failing(20_000));
        assert!(page.len() < 1_500_000, "{}", page.len());
        let left = page.lines().find(|line| line.contains("more findings left out")).expect("it says so");
        let left: usize =
            left.split_once('>').and_then(|(_, text)| text.split(' ').next()?.parse().ok()).expect("a count");
        // Each is there once, by its number, or left out.
        assert_eq!(page.matches(" id=\"finding-").count() + left, 20_000);
        assert!(page.contains("more transfers left out"), "{}", page.len());
    }

    #[test]
    fn a_few_failures_are_there_in_full() {
        let page = page(&Sample::failing(30));
        assert_eq!(page.matches(" id=\"finding-").count(), 30);
        assert_eq!(page.matches("<svg class=\"ladder\"").count(), 30);
        assert!(!page.contains("left out to keep"));
        assert_eq!(page.matches("<h4>What to do</h4>").count(), 1, "what to do is said once for a cause");
    }

    #[test]
    fn every_link_has_its_target() {
        for sample in
            [Sample::failing(1), Sample::failing(40), Sample::failing(3_000), Sample::collision(), Sample::clean()]
        {
            let page = page(&sample);
            for link in page.split("href=\"#").skip(1) {
                let id = link.split('"').next().expect("an end");
                assert_eq!(page.matches(&format!(" id=\"{id}\"")).count(), 1, "{id}");
            }
        }
    }

    #[test]
    fn the_heading_is_the_verdict() {
        let heading = |sample: &Sample| {
            let page = page(sample);
            let (_, rest) = page.split_once("<h1").expect("a heading");
            rest.split("</h1>").next().expect("its end").split_once('>').expect("its text").1.to_owned()
        };
        assert_eq!(heading(&Sample::clean()), "All 2 transfers worked");
        assert!(heading(&Sample::collision()).starts_with("The server cannot connect to 10.1.0.10:5000"));
        assert_eq!(heading(&Sample::without_ftp()), "No FTP found");
        assert_eq!(heading(&Sample::partly_read()), "No failed transfer in what could be read");
    }

    #[test]
    fn no_text_is_smaller_than_12_pixels() {
        let page = page(&Sample::failing(3));
        let style = page.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next()).expect("a style");
        for size in style.split("font-size:").skip(1).map(|rest| rest.split([';', '}']).next().unwrap_or_default()) {
            let large = match size.strip_suffix("rem") {
                Some(rem) => rem.parse::<f64>().expect("a number") * 16.0 >= 12.0,
                None => ["11pt", "inherit"].contains(&size),
            };
            assert!(large, "{size}");
        }
        assert!(page.matches("font:").count() > 0 && style.contains("font:12px"), "figures");
    }
}
