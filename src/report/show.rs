//! `ftpwhy show`: what happened, as a transcript, a ladder, a figure or a page.

use std::collections::HashSet;
use std::io::{self, Write};

use super::collect::Run;
use super::ladder::{Figure, Ladder, Traced, svg_file, write_text, write_transcript};
use super::page::Page;
use super::place::title;
use super::tee::keep_worst;
use super::wrap::write_wrapped;
use super::{Out, Style, Verbosity, html, interrupted, path, unread};
use crate::finding::{CauseId, Finding, SessionId, Severity};
use crate::record::{Cause, HostRecord, Outcome, SessionRecord, Sink, Summary};
use crate::redact::Secret;
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

/// Collects a run in full and writes its views at the end. One that cannot be written does not spoil the others.
pub(super) struct Showing {
    pub(super) views: Vec<(View, Box<dyn Out>)>,
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
    fn secret(&mut self, secret: &Secret) {
        self.run.secrets.learn(secret);
    }

    fn session(&mut self, session: &SessionRecord) -> io::Result<()> {
        if self.wants(session.id) {
            self.run.add_session(session.clone());
        } else {
            // Its captures are not without FTP.
            self.run.tally.captures.extend(&session.captures);
        }
        Ok(())
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        if finding.session.is_none_or(|id| self.wants(id)) {
            self.run.add_finding(finding);
        }
        Ok(())
    }

    fn hosts(&mut self, hosts: &[HostRecord]) -> io::Result<()> {
        self.run.hosts.extend_from_slice(hosts);
        Ok(())
    }

    fn causes(&mut self, causes: &[Cause]) -> io::Result<()> {
        let told: HashSet<CauseId> = self.run.findings.iter().filter_map(|finding| finding.cause).collect();
        self.run.causes.extend(causes.iter().filter(|cause| told.contains(&cause.id)).cloned());
        Ok(())
    }

    fn end(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        self.run.finish(captures, summary);
        if !self.wanted.is_empty() {
            self.run.recount();
        }
        let mut failed = None;
        for (view, out) in &mut self.views {
            if let Err(error) = write(*view, &self.run, &self.style, &mut **out) {
                keep_worst(&mut failed, error);
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

fn write(view: View, run: &Run, style: &Style, out: &mut dyn Out) -> io::Result<()> {
    let mut buffered = io::BufWriter::new(&mut *out);
    match view {
        View::Transcript => sessions(run, style, &mut buffered, transcript)?,
        View::Ladder => sessions(run, style, &mut buffered, ladder)?,
        View::Svg => svg(run, &graphic(style), &mut buffered)?,
        View::Html => page(run, style, &mut buffered)?,
    }
    buffered.flush()?;
    drop(buffered);
    out.finish()
}

/// The page with everything.
pub(super) fn page(run: &Run, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    html::write(run, &graphic(style), out)
}

/// The style of what is no terminal.
fn graphic(style: &Style) -> Style {
    Style { color: false, links: false, ascii: false, ..style.clone() }
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
    run.findings_of(session.id).iter().collect()
}

type WriteSession = fn(&Page<'_>, &SessionRecord, &Ladder, &mut dyn Write) -> io::Result<()>;

fn sessions(run: &Run, style: &Style, out: &mut dyn Write, write: WriteSession) -> io::Result<()> {
    let page = Page::new(run, style);
    let chosen = chosen(run);
    let brief = style.verbosity < Verbosity::Verbose;
    let shown = page.most(MOST).min(chosen.len());
    for session in chosen.iter().take(shown) {
        let Some(ladder) = Ladder::of_session(&Traced::of(session), &of(run, session), brief) else { continue };
        write_wrapped(out, style, "", "  ", &title(&page, session))?;
        write(&page, session, &ladder, out)?;
        path::write(&page, session, out)?;
        writeln!(out)?;
    }
    unread::write(&run.summary, style, out)?;
    match run.sessions.len() - shown {
        0 if shown == 0 && run.tally.captures.is_empty() => writeln!(out, "no FTP session")?,
        0 if shown == 0 => writeln!(out, "no such session")?,
        0 => {}
        1 => writeln!(out, "and one more session (-s N shows one)")?,
        more => writeln!(out, "and {more} more sessions (-s N shows one)")?,
    }
    interrupted::write(run, style, out)
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
        if let Some(ladder) = Ladder::of_session(&Traced::of(session), &of(run, session), brief) {
            figures.push(Figure::of(&page, &ladder, &title(&page, session)));
        }
    }
    let note = run.interrupted().map(|why| format!("incomplete: {why}"));
    out.write_all(svg_file(&figures, note.as_deref()).as_bytes())
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
            let bad = text.chars().find(|c| (c.is_control() && *c != '\n') || crate::text::is_invisible(*c));
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
