//! The heading: what happened, in one sentence.

use super::super::causes::worst_first;
use super::super::collect::Run;
use super::super::counted::counted;
use crate::finding::Severity;
use crate::record::Cause;

/// The sentence, and the class of its colour.
pub(super) fn of(run: &Run) -> (String, &'static str) {
    let summary = &run.summary;
    let errors = errors(run);
    let failed = format!("{} of {}", summary.failed, counted(summary.transfers, "transfer"));
    match errors.as_slice() {
        [only] => return (capital(&only.message), "bad"),
        [_, _, ..] if summary.failed > 0 => return (format!("{failed} failed, by {} causes", errors.len()), "bad"),
        [_, _, ..] => return (format!("{} faults found", errors.len()), "bad"),
        [] if summary.failed > 0 => return (format!("{failed} failed"), "bad"),
        [] => {}
    }
    let is_whole = summary.interrupted.is_none() && summary.is_all_read();
    match (summary.transfers, run.tally.completed) {
        _ if !is_whole => ("No failed transfer in what could be read".to_owned(), "bad"),
        (0, _) if run.tally.sessions == 0 => ("No FTP found".to_owned(), "none"),
        (0, _) => ("No transfer".to_owned(), "none"),
        (1, 1) => ("The only transfer worked".to_owned(), "good"),
        (all, completed) if all == completed => (format!("All {all} transfers worked"), "good"),
        (all, _) => (format!("None of {} failed", counted(all, "transfer")), "good"),
    }
}

/// The cause that the heading tells, if it tells one.
pub(super) fn told(run: &Run) -> Option<&Cause> {
    match errors(run).as_slice() {
        [only] => Some(only),
        _ => None,
    }
}

fn errors(run: &Run) -> Vec<&Cause> {
    worst_first(&run.causes).into_iter().filter(|cause| cause.severity == Severity::Error).collect()
}

/// A sentence as a heading begins.
fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
