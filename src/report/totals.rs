//! The last lines of the formats for people: how the inputs were taken, what held no FTP, and one line of totals.

use std::io::{self, Write};

use super::collect::{Run, path_of};
use super::escape::safe;
use super::paint::Ink;
use super::wrap::write_wrapped;
use super::{Style, Verbosity};
use crate::record::Outcome;
use crate::source::Capture;

/// How many captures without FTP, and how many groups, are named before the list is folded.
const MAX_LISTED: usize = 5;

pub(super) fn write(run: &Run, style: &Style, out: &mut dyn Write) -> io::Result<()> {
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
    if run.sessions.is_empty() {
        return Ok(());
    }
    let line = totals(run);
    let ink = if run.summary.failed + run.summary.error + run.summary.warning == 0 { Ink::Good } else { Ink::Strong };
    writeln!(out, "{}", style.paint(ink, &line))
}

/// One sentence for each capture that no session is in.
fn without_ftp(run: &Run) -> Vec<String> {
    let mut empty: Vec<&Capture> = run.captures.iter().collect();
    empty.retain(|capture| !run.sessions.iter().any(|session| session.captures.contains(&capture.id)));
    empty
        .into_iter()
        .map(|capture| {
            let advice = if capture.packets == 0 { "" } else { "; if FTP runs on an unusual port, try --port N" };
            format!("no FTP in {}: {}{advice}", path_of(capture), counted(capture.packets, "packet"))
        })
        .collect()
}

/// `3 transfers in 1 session: 2 completed, 1 failed; 1 error, 0 warnings`
fn totals(run: &Run) -> String {
    let summary = &run.summary;
    let sessions = counted(run.sessions.len() as u64, "session");
    let transfers = counted(summary.transfers, "transfer");
    let faultless = summary.failed == 0 && summary.error == 0;
    let mut outcomes = Vec::new();
    for (outcome, word) in
        [(Outcome::Completed, "completed"), (Outcome::Aborted, "aborted"), (Outcome::Unknown, "unfinished")]
    {
        let transfers = run.sessions.iter().flat_map(|session| &session.transfers);
        let count = transfers.filter(|transfer| transfer.outcome == outcome).count();
        if count > 0 || outcome == Outcome::Completed {
            outcomes.push(format!("{count} {word}"));
        }
    }
    outcomes.insert(1, format!("{} failed", summary.failed));
    let mut line = if summary.transfers == 0 {
        format!("no transfer in {sessions}")
    } else {
        let verdict = if faultless { "no failed transfer: " } else { "" };
        format!("{verdict}{transfers} in {sessions}: {}", outcomes.join(", "))
    };
    if !faultless || summary.warning > 0 {
        line = format!("{line}; {}, {}", counted(summary.error, "error"), counted(summary.warning, "warning"));
    }
    line
}

/// `1 packet`, `2 packets`
pub(super) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
