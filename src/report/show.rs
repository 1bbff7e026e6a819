//! `ftpwhy show`: what happened, as a transcript, a ladder, a figure or a page.

use std::io::{self, Write};

use super::collect::Run;
use super::ladder::{Figure, Ladder, svg_file, write_text, write_transcript};
use super::page::Page;
use super::place::title;
use super::wrap::write_wrapped;
use super::{Style, Verbosity, html, unread};
use crate::finding::{Finding, SessionId, Severity};
use crate::record::{HostRecord, Outcome, SessionRecord, Sink, Summary};
use crate::source::Capture;

/// Sessions shown when none is named; the user names those of a larger capture.
const MOST: usize = 20;

/// A way to show what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// The control dialogue with the data connections in place, as lines.
    Transcript,
    /// A sequence diagram in the terminal.
    Ladder,
    /// The diagrams as one SVG file.
    Svg,
    /// A page with everything.
    Html,
}

impl View {
    /// Whether it is a document that nothing else may be written before or behind.
    pub fn is_document(self) -> bool {
        matches!(self, Self::Svg | Self::Html)
    }
}

/// Collects a run in full and writes its views at the end.
pub(super) struct Showing {
    pub(super) views: Vec<(View, Box<dyn Write>)>,
    /// The sessions that are wanted; empty for those that matter.
    pub(super) wanted: Vec<SessionId>,
    pub(super) run: Run,
    pub(super) style: Style,
}

impl Showing {
    fn wants(&self, id: SessionId) -> bool {
        self.wanted.is_empty() || self.wanted.contains(&id)
    }
}

impl Sink for Showing {
    fn session(&mut self, session: &SessionRecord) -> io::Result<()> {
        if self.wants(session.id) {
            self.run.add_session(session);
        } else {
            // Its captures are not without FTP.
            self.run.tally.captures.extend(&session.captures);
        }
        Ok(())
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        if finding.session.is_none_or(|id| self.wants(id)) {
            self.run.findings.push(finding.clone());
        }
        Ok(())
    }

    fn hosts(&mut self, hosts: &[HostRecord]) -> io::Result<()> {
        self.run.hosts.extend_from_slice(hosts);
        Ok(())
    }

    fn end(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        self.run.finish(captures, summary);
        if !self.wanted.is_empty() {
            self.run.recount();
        }
        for (view, out) in &mut self.views {
            let mut out = io::BufWriter::new(out);
            match view {
                View::Transcript => sessions(&self.run, &self.style, &mut out, transcript)?,
                View::Ladder => sessions(&self.run, &self.style, &mut out, ladder)?,
                View::Svg => svg(&self.run, &graphic(&self.style), &mut out)?,
                View::Html => html::write(&self.run, &graphic(&self.style), &mut out)?,
            }
            out.flush()?;
        }
        Ok(())
    }
}

/// The style of what is no terminal.
fn graphic(style: &Style) -> Style {
    Style { color: false, ascii: false, ..style.clone() }
}

/// The sessions to show: those with a failed transfer or a fault, or all of them if there are none.
fn chosen(run: &Run) -> Vec<&SessionRecord> {
    let at_fault = |session: &&SessionRecord| {
        session.transfers.iter().any(|transfer| transfer.outcome == Outcome::Failed)
            || of(run, session).iter().any(|finding| finding.severity >= Severity::Warning)
    };
    let chosen: Vec<&SessionRecord> = run.sessions.iter().filter(at_fault).collect();
    if chosen.is_empty() { run.sessions.iter().collect() } else { chosen }
}

/// The findings of a session.
fn of<'a>(run: &'a Run, session: &SessionRecord) -> Vec<&'a Finding> {
    run.findings.iter().filter(|finding| finding.session == Some(session.id)).collect()
}

type WriteSession = fn(&Page<'_>, &SessionRecord, &Ladder, &mut dyn Write) -> io::Result<()>;

fn sessions(run: &Run, style: &Style, out: &mut dyn Write, write: WriteSession) -> io::Result<()> {
    let page = Page::new(run, style);
    let chosen = chosen(run);
    let brief = style.verbosity < Verbosity::Verbose;
    let shown = page.most(MOST).min(chosen.len());
    for session in chosen.iter().take(shown) {
        let Some(ladder) = Ladder::of_session(session, &of(run, session), brief) else { continue };
        write_wrapped(out, style, "", "  ", &title(&page, session))?;
        write(&page, session, &ladder, out)?;
        writeln!(out)?;
    }
    unread::write(&run.summary, style, out)?;
    match run.sessions.len() - shown {
        0 if shown == 0 && run.tally.captures.is_empty() => writeln!(out, "no FTP session"),
        0 if shown == 0 => writeln!(out, "no such session"),
        0 => Ok(()),
        1 => writeln!(out, "and one more session (-s N shows one)"),
        more => writeln!(out, "and {more} more sessions (-s N shows one)"),
    }
}

fn transcript(page: &Page<'_>, session: &SessionRecord, ladder: &Ladder, out: &mut dyn Write) -> io::Result<()> {
    write_transcript(page, session, ladder, page.zero(Some(session), session.first.capture), out)
}

fn ladder(page: &Page<'_>, session: &SessionRecord, ladder: &Ladder, out: &mut dyn Write) -> io::Result<()> {
    write_text(page, ladder, page.zero(Some(session), session.first.capture), out)
}

fn svg(run: &Run, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let page = Page::new(run, style);
    let brief = style.verbosity < Verbosity::Verbose;
    let unread = run.summary.unreadable.iter();
    let mut figures: Vec<Figure> = unread.map(|input| Figure::of_text(&input.sentence())).collect();
    for session in chosen(run).into_iter().take(page.most(MOST)) {
        if let Some(ladder) = Ladder::of_session(session, &of(run, session), brief) {
            figures.push(Figure::of(&page, &ladder, &title(&page, session)));
        }
    }
    out.write_all(svg_file(&figures).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::View;
    use crate::finding::SessionId;
    use crate::record::Outcome;
    use crate::report::testing::{Sample, expect, narrow, wide};

    const VIEWS: [View; 4] = [View::Transcript, View::Ladder, View::Svg, View::Html];

    #[test]
    fn a_session_is_a_transcript() {
        expect("collision.80.transcript", &Sample::traced().render_show(View::Transcript, &[], &narrow()));
        expect("collision.160.transcript", &Sample::traced().render_show(View::Transcript, &[], &wide()));
    }

    #[test]
    fn a_session_is_a_ladder() {
        expect("collision.80.ladder", &Sample::traced().render_show(View::Ladder, &[], &narrow()));
        expect("collision.160.ladder", &Sample::traced().render_show(View::Ladder, &[], &wide()));
    }

    #[test]
    fn a_run_is_a_figure_and_a_page() {
        expect("collision.svg", &Sample::traced().render_show(View::Svg, &[], &wide()));
        expect("collision.html", &Sample::traced().render_show(View::Html, &[], &wide()));
        expect("clean.html", &Sample::clean().render_show(View::Html, &[], &wide()));
    }

    #[test]
    fn sessions_at_fault_are_shown_and_the_others_counted() {
        let mut sample = Sample::traced();
        let mut clean = sample.sessions[0].clone();
        clean.id = SessionId(2);
        for transfer in &mut clean.transfers {
            (transfer.outcome, transfer.verdict) = (Outcome::Completed, None);
        }
        sample.sessions.push(clean);
        let text = sample.render_show(View::Transcript, &[], &wide());
        assert!(text.starts_with("session 1:") && text.ends_with("and one more session (-s N shows one)\n"), "{text}");
        let text = sample.render_show(View::Transcript, &[SessionId(2)], &wide());
        assert!(text.starts_with("session 2:") && !text.contains("time-wait-collision"), "{text}");
        let page = sample.render_show(View::Html, &[SessionId(2)], &wide());
        assert!(page.contains("no failed transfer") && !page.contains("time-wait-collision"), "{page}");
    }

    #[test]
    fn a_run_without_sessions_says_so() {
        assert_eq!(Sample::without_ftp().render_show(View::Ladder, &[], &narrow()), "no FTP session\n");
        let page = Sample::without_ftp().render_show(View::Html, &[], &narrow());
        assert!(page.contains("no FTP in other.pcap"), "{page}");
    }

    #[test]
    fn what_strangers_write_is_text_in_every_view() {
        for view in VIEWS {
            let text = Sample::hostile().render_show(view, &[], &wide());
            let bad = text.chars().find(|c| {
                (c.is_control() && *c != '\n') || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            });
            assert_eq!(bad, None, "{view:?}:\n{text}");
            let graphic = matches!(view, View::Svg | View::Html);
            assert_eq!(text.contains("<script"), !graphic, "{view:?}:\n{text}");
            assert!(!text.lines().any(|line| line.trim_start().starts_with("error[forged]")), "{view:?}:\n{text}");
        }
    }

    #[test]
    fn a_terminal_gets_its_width_and_its_characters() {
        for sample in [Sample::traced(), Sample::hostile()] {
            for width in [60, 80, 160] {
                for view in [View::Transcript, View::Ladder] {
                    let text = sample.render_show(view, &[], &super::Style { width, ascii: true, ..wide() });
                    assert!(text.is_ascii(), "{text}");
                    let long = text.lines().find(|line| line.chars().count() > width);
                    assert_eq!(long, None, "{view:?} at {width}:\n{text}");
                }
            }
        }
    }

    #[test]
    fn a_page_loads_nothing_and_runs_nothing() {
        for sample in [Sample::traced(), Sample::hostile(), Sample::clean()] {
            let page = sample.render_show(View::Html, &[], &wide());
            for forbidden in ["<script", "<link", "<iframe", "<img", " src=", "url(", "@import", "http://", "https://"]
            {
                assert!(!page.contains(forbidden), "{forbidden}:\n{page}");
            }
        }
    }
}
