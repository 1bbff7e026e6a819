//! The last lines of the formats for people: how the inputs were taken, what held no FTP, whether something kept the
//! report from being complete, and one line of totals.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::causes;
use super::collect::{Run, Tally, path_of};
use super::counted::counted;
use super::escape::safe;
use super::paint::Ink;
use super::unread;
use super::wrap::write_wrapped;
use super::{Style, Verbosity, interrupted};
use crate::finding::{CauseId, Severity};
use crate::frame::CaptureId;
use crate::record::Unreadable;
use crate::source::Capture;

/// How many captures without FTP, and how many groups, are named before the list is folded.
const MAX_LISTED: usize = 5;

pub(super) fn write(run: &Run, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if style.verbosity == Verbosity::Quiet {
        return interrupted::write(run, style, out);
    }
    let lists = [run.grouping.clone(), without_ftp(run)];
    for lines in lists {
        let shown = if style.verbosity == Verbosity::Verbose { lines.len() } else { MAX_LISTED };
        for line in lines.iter().take(shown) {
            write_wrapped(out, style, "", "  ", &safe(line, style.ascii))?;
        }
        if lines.len() > shown {
            writeln!(out, "and {} more (-v shows all)", lines.len() - shown)?;
        }
    }
    if run.summary.left_out > 0 {
        writeln!(out, "{} not shown (--max-findings)", counted(run.summary.left_out, "finding"))?;
    }
    interrupted::write(run, style, out)?;
    let summary = &run.summary;
    let found = summary.failed + summary.error + summary.warning > 0;
    if run.tally.sessions == 0 && !found {
        return Ok(());
    }
    let good = !found && summary.interrupted.is_none() && summary.is_all_read();
    writeln!(out, "{}", style.paint(if good { Ink::Good } else { Ink::Strong }, &totals(run)))
}

/// The same for a format that lays out its own lines.
pub(super) fn lines(run: &Run) -> Vec<String> {
    let mut lines: Vec<String> = run.summary.unreadable.iter().map(Unreadable::sentence).collect();
    lines.extend_from_slice(&run.grouping);
    let without = without_ftp(run);
    lines.extend(without.iter().take(MAX_LISTED).cloned());
    if without.len() > MAX_LISTED {
        lines.push(format!("and {} more captures without FTP", without.len() - MAX_LISTED));
    }
    if run.tally.sessions > 0 || !run.findings.is_empty() {
        lines.push(totals(run));
    }
    lines
}

/// One sentence for each timeline with captures that no session is in, and nothing else worth a finding.
pub(super) fn without_ftp(run: &Run) -> Vec<String> {
    // Of one cause alone not all sessions are known.
    if run.summary.only.is_some() {
        return Vec::new();
    }
    let serious = run.findings.iter().filter(|finding| finding.severity != Severity::Quality);
    let named: BTreeSet<CaptureId> = serious.map(|finding| finding.capture).collect();
    let holds_ftp = |capture: &&Capture| run.tally.captures.contains(&capture.id) || named.contains(&capture.id);
    let sentence = |timeline: &[Capture]| {
        let read: Vec<&Capture> = timeline.iter().filter(|capture| capture.unreadable().is_none()).collect();
        let without: Vec<&Capture> =
            read.iter().copied().filter(|capture| !capture.unread && !holds_ftp(capture)).collect();
        let packets = without.iter().map(|capture| capture.packets).sum();
        let named = match without.as_slice() {
            [] => return None,
            [one] => path_of(one),
            several => format!("{} of {} captures", several.len(), read.len()),
        };
        let elsewhere = without.len() < read.len();
        let advice = if packets == 0 || elsewhere { "" } else { "; if FTP runs on an unusual port, try --port N" };
        Some(format!("no FTP in {named}: {}{advice}", counted(packets, "packet")))
    };
    run.captures.chunk_by(|a, b| a.timeline == b.timeline).filter_map(sentence).collect()
}

/// `3 transfers in 1 session: 2 completed, 1 failed; 1 error, 0 warnings`, or
/// `no failed transfer: 2 transfers in 1 session, all completed`
pub(super) fn totals(run: &Run) -> String {
    let summary = &run.summary;
    let faultless = summary.failed == 0 && summary.error == 0;
    let mut line = format!(
        "{}{} in {}{}{}",
        if faultless && summary.transfers > 0 && summary.interrupted.is_none() && summary.is_all_read() {
            "no failed transfer: "
        } else {
            ""
        },
        if summary.transfers == 0 { "no transfer".to_owned() } else { counted(summary.transfers, "transfer") },
        counted(run.tally.sessions, "session"),
        outcomes(run),
        inferred(run.tally.inferred),
    );
    if !faultless || summary.warning > 0 {
        line = format!("{line}; {}, {}", counted(summary.error, "error"), counted(summary.warning, "warning"));
    }
    if causes::of_several(run).is_empty() && summary.only.is_none() {
        return line + &unread::count(summary);
    }
    let causes = match summary.only {
        Some(CauseId(id)) => format!("cause {id} alone"),
        None => counted(run.causes.len() as u64, "cause"),
    };
    format!("{line}; {causes}{}", unread::count(summary))
}

/// `: 2 completed, 1 failed`, or `, all completed`; empty when there is no transfer.
fn outcomes(run: &Run) -> String {
    let Tally { completed, failed, aborted, unknown, .. } = run.tally;
    if run.summary.transfers == 0 {
        return String::new();
    }
    if completed == run.summary.transfers {
        return ", all completed".to_owned();
    }
    let counts = [(completed, "completed"), (failed, "failed"), (aborted, "aborted"), (unknown, "unknown")];
    let listed = counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
    format!(": {}", listed.collect::<Vec<_>>().join(", "))
}

/// `; 2 more inferred from encrypted sessions`; empty when there is none.
pub(super) fn inferred(count: u64) -> String {
    if count == 0 { String::new() } else { format!("; {count} more inferred from encrypted sessions") }
}
