//! Causes in words, for all formats that people read: how many, what separates them, since when.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::io::{self, Write};

use super::collect::Run;
use super::counted::counted;
use super::escape::safe;
use super::page::Page;
use super::wrap::write_wrapped;
use super::{Style, Verbosity};
use crate::finding::{CauseId, Finding, SessionId, TransferId};
use crate::frame::Timestamp;
use crate::record::{Cause, Separation, Trait};

/// Causes that have a line before the totals.
const MAX_LINES: usize = 10;

/// The causes, those first that matter most and that made most fail.
pub(super) fn worst_first(causes: &[Cause]) -> Vec<&Cause> {
    let mut all: Vec<&Cause> = causes.iter().collect();
    all.sort_by_key(|cause| (Reverse(cause.severity), Reverse(cause.failed), Reverse(cause.findings), cause.id));
    all
}

/// The causes of several findings, by their numbers: of the others there is nothing to tell but the finding.
pub(super) fn of_several(run: &Run) -> HashMap<CauseId, &Cause> {
    run.causes.iter().filter(|cause| cause.is_of_several()).map(|cause| (cause.id, cause)).collect()
}

/// The finding that stands for a cause: the first of the surest.
pub(super) fn example<'a>(cause: &Cause, findings: &[&'a Finding]) -> Option<&'a Finding> {
    let mut of_it = findings.iter().copied().filter(|finding| finding.cause == Some(cause.id)).peekable();
    let first = of_it.peek().copied();
    of_it.find(|one| one.confidence == cause.confidence && one.severity == cause.severity).or(first)
}

/// The causes of several findings by which transfers failed.
pub(super) fn of_transfers(run: &Run) -> HashMap<(SessionId, TransferId), CauseId> {
    let several = of_several(run);
    let failed = run.findings.iter().filter(|finding| finding.role == crate::finding::Role::Verdict);
    failed
        .filter_map(|one| Some(((one.session?, one.transfer?), one.cause.filter(|id| several.contains_key(id))?)))
        .collect()
}

/// What is said of a cause beside its message: how many failed, where and when; what separates them; since when. Sentences
/// without full stop, safe to print.
pub(super) fn sentences(page: &Page<'_>, cause: &Cause) -> Vec<String> {
    let mut all = vec![counts(page, cause)];
    all.extend(cause.separates.iter().map(|separation| separated(cause, separation)));
    if let Some(turn) = &cause.turn {
        let (worked, failed) = (turn.before_worked, turn.after_failed);
        let alike = if cause.separates.is_empty() { "" } else { " of those that are alike" };
        all.push(format!(
            "all {worked}{alike} before {} worked, all {failed} from then on failed",
            time(page, turn.at)
        ));
        all.extend(turn.lead.iter().map(|lead| format!("shortly before, a lead and no proof: {lead}")));
    }
    all.iter().map(|sentence| page.safe(sentence)).collect()
}

/// `183 of 281 comparable transfers failed, in 183 sessions of 57 clients in 10.1.0.0/16, from 22:13:20.123 to 22:40:01.456`
fn counts(page: &Page<'_>, cause: &Cause) -> String {
    let Cause { failed, comparable, sessions, findings, clients, .. } = cause;
    let unit = unit(cause);
    let mut text = match failed {
        0 => counted(*findings, "finding"),
        _ if failed == comparable => format!("all {} failed", counted(*failed, unit)),
        _ => format!("{failed} of {} failed", counted(*comparable, &format!("comparable {unit}"))),
    };
    if *sessions > 0 && !cause.of_sessions {
        text = format!("{text}, in {}", counted(*sessions, "session"));
    }
    if clients.count > 0 {
        text = format!("{text} of {}", counted(clients.count, "client"));
    }
    match (clients.examples.as_slice(), clients.prefix) {
        ([only], _) => text = format!("{text}, {only}"),
        (_, Some(prefix)) => text = format!("{text} in {prefix}"),
        _ => {}
    }
    format!("{text}, from {} to {}", time(page, cause.first), time(page, cause.last))
}

fn unit(cause: &Cause) -> &'static str {
    if cause.of_sessions { "session" } else { "transfer" }
}

fn time(page: &Page<'_>, at: Timestamp) -> String {
    let first = page.run.captures.iter().filter_map(|capture| capture.first).min();
    page.clock.milliseconds(at, first.unwrap_or(at))
}

/// `all 183 failures are active; 57 of 57 passive transfers worked`
fn separated(cause: &Cause, separation: &Separation) -> String {
    let Separation { by, failed_value, worked_value, failed, worked, beyond } = separation;
    let failures =
        if *failed == cause.failed { format!("all {failed}") } else { format!("{failed} of {}", cause.failed) };
    let units = format!("{}s", unit(cause));
    let failing = phrase(*by, failed_value);
    let working = match by {
        Trait::Mode | Trait::Family | Trait::Direction => format!("{worked_value} {units}"),
        _ => format!("{units} {}", phrase(*by, worked_value)),
    };
    format!("{failures} failures are {failing}; {worked} of {beyond} {working} worked")
}

/// A value in a sentence: `at 10.2.0.20:21`
fn phrase(by: Trait, value: &str) -> String {
    let lead = match by {
        Trait::Mode | Trait::Family => return value.to_owned(),
        Trait::Direction => return format!("{value}s"),
        Trait::Server => "at server",
        Trait::Client => "of client",
        Trait::ClientNetwork => "of clients in",
        Trait::Protection => "with protection",
        Trait::Size => "with a size of",
        Trait::PortRange => "with announced data port",
        Trait::ClientSoftware => "with client software",
        Trait::ServerSoftware => "with server software",
        Trait::GatewayMac => "by way of MAC",
        Trait::Vlan => "in VLAN or tunnel",
        Trait::Point => "at capture point",
    };
    format!("{lead} {value}")
}

/// `cause 2: 150 data-syn-refused, server 10.0.9.22:21`: for formats that have no block for each.
pub(super) fn write_lines(run: &Run, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let several: Vec<&Cause> = worst_first(&run.causes).into_iter().filter(|cause| cause.is_of_several()).collect();
    let most = match style.verbosity {
        Verbosity::Quiet => 0,
        Verbosity::Normal => MAX_LINES,
        Verbosity::Verbose => usize::MAX,
    };
    for cause in several.iter().take(most) {
        let count = if cause.failed > 0 { cause.failed } else { cause.findings };
        let line = format!("cause {}: {count} {}, {}", cause.id.0, cause.diagnosis, cause.locus);
        write_wrapped(out, style, "", "  ", &safe(&line, style.ascii))?;
    }
    if most > 0 && several.len() > most {
        writeln!(out, "and {} more causes (-v shows all)", several.len() - most)?;
    }
    Ok(())
}
