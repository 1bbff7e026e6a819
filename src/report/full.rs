//! `--format full`: a block for each cause of failed transfers, the worst first, with one of them and what relates to it,
//! then context, notes on the capture, the table of transfers and the totals.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::block::{self, Detail};
use super::collect::Run;
use super::entry::{self, Entry};
use super::page::Page;
use super::place::title;
use super::wrap::write_wrapped;
use super::{Style, Verbosity, table, totals, unread};
use crate::finding::{DiagnosisName, Finding, Role, SessionId, Severity};
use crate::record::Nearness;

/// How many failed transfers are told in full before the list is folded. Likewise below.
const MAX_VERDICTS: usize = 20;
const MAX_RELATED: usize = 4;
const MAX_CONTEXT: usize = 20;
const MAX_NOTES: usize = 8;
const MAX_TRANSFERS: usize = 40;
/// Where causes stand for many of them: a page should fit a screen.
const MAX_TRANSFERS_BESIDE: usize = 0;

pub(super) fn write(run: &Run, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let page = &Page::new(run, style);
    let (verdicts, others): (Vec<&Finding>, Vec<&Finding>) =
        run.findings.iter().partition(|finding| finding.role == Role::Verdict);
    let mut related: BTreeMap<_, Vec<&Finding>> = verdicts.iter().map(|finding| (of(finding), Vec::new())).collect();
    let (mut context, mut notes) = (Vec::new(), Vec::new());
    for finding in others {
        match related.get_mut(&of(finding)) {
            Some(related) if finding.role == Role::Related => related.push(finding),
            _ if finding.severity == Severity::Quality => notes.push(finding),
            _ => context.push(finding),
        }
    }

    let verdicts = entry::worst_first(entry::grouped(run, &verdicts));
    let context = entry::grouped(run, &related_last(context));
    let mut hidden = entry::hidden_sessions(page, verdicts.iter().chain(&context));
    hidden.extend(&run.hidden);
    let (shown, folded) = verdicts.split_at(page.most(MAX_VERDICTS).min(verdicts.len()));
    let causes = shown.iter().filter(|entry| matches!(entry, Entry::Cause(..))).count();
    for entry in shown {
        let is_example = causes > 1 && matches!(entry, Entry::Cause(..)) && style.verbosity < Verbosity::Verbose;
        entry.write(page, if is_example { Detail::Example } else { Detail::Whole }, out)?;
        for verdict in entry.shown(page) {
            // Taken out, so that a second verdict of the same transfer would not repeat them.
            let related = related.remove(&of(verdict)).unwrap_or_default();
            let related: Vec<Entry<'_>> = related.into_iter().map(Entry::Alone).collect();
            write_list(page, &related, MAX_RELATED, "related findings", out)?;
        }
    }
    write_fold(folded, "failed transfers", out)?;
    write_list(page, &without(context, &hidden), MAX_CONTEXT, "findings", out)?;
    unread::write(&run.summary, style, out)?;
    if style.verbosity == Verbosity::Quiet {
        return totals::write(run, style, out);
    }
    write_notes(page, &notes, &hidden, out)?;
    if style.verbosity == Verbosity::Verbose {
        write_sessions(page, out)?;
    }
    let most = if hidden.is_empty() { MAX_TRANSFERS } else { MAX_TRANSFERS_BESIDE };
    table::write_folded(run, style, page.most(most), &hidden, out)?;
    totals::write(run, style, out)
}

/// What is related to a failure that is not shown is not shown either.
fn without<'a>(mut entries: Vec<Entry<'a>>, hidden: &BTreeSet<SessionId>) -> Vec<Entry<'a>> {
    entries.retain(|entry| match entry {
        Entry::Alone(finding) => {
            finding.role != Role::Related || finding.session.is_none_or(|session| !hidden.contains(&session))
        }
        Entry::Cause(..) => true,
    });
    entries
}

/// What a finding is about, for putting related ones under their verdict.
fn of(finding: &Finding) -> (Option<u32>, Option<u32>) {
    (finding.session.map(|id| id.0), finding.transfer.map(|id| id.0))
}

/// Where there is no transfer, what is related stands behind the errors and warnings of its session.
fn related_last(mut context: Vec<&Finding>) -> Vec<&Finding> {
    let mut first_of = BTreeMap::new();
    for (place, session) in context.iter().enumerate().filter_map(|(place, one)| Some((place, one.session?))) {
        first_of.entry(session).or_insert(place);
    }
    let mut places: Vec<_> = context.drain(..).enumerate().collect();
    places.sort_by_key(|(place, one)| {
        let group = one.session.and_then(|session| first_of.get(&session)).unwrap_or(place);
        (*group, one.role == Role::Related, *place)
    });
    places.into_iter().map(|(_, finding)| finding).collect()
}

fn write_list(page: &Page<'_>, list: &[Entry<'_>], most: usize, what: &str, out: &mut dyn Write) -> io::Result<()> {
    let most = page.most(most).min(list.len());
    let (shown, folded) = list.split_at(most);
    for entry in shown {
        let short = entry.is_minor() && page.style.verbosity < Verbosity::Verbose;
        entry.write(page, if short { Detail::Short } else { Detail::Whole }, out)?;
    }
    write_fold(folded, what, out)
}

/// `and 38 more failed transfers (-v shows all): 30 time-wait-collision, 8 data-syn-refused`
fn write_fold(folded: &[Entry<'_>], what: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut names = BTreeMap::new();
    for entry in folded {
        let (name, count) = entry.counted();
        *names.entry(name).or_default() += count;
    }
    write_counts(&names, what, out)
}

fn write_counts(names: &BTreeMap<DiagnosisName, usize>, what: &str, out: &mut dyn Write) -> io::Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let count: usize = names.values().sum();
    let names: Vec<String> = names.iter().map(|(name, count)| format!("{count} {name}")).collect();
    writeln!(out, "and {count} more {what} (-v shows all): {}\n", names.join(", "))
}

/// Notes on the capture, but on sessions of which nothing is shown.
fn write_notes(
    page: &Page<'_>,
    notes: &[&Finding],
    hidden: &BTreeSet<SessionId>,
    out: &mut dyn Write,
) -> io::Result<()> {
    if notes.is_empty() && page.run.hidden_notes.is_empty() {
        return Ok(());
    }
    let is_shown = |note: &&&Finding| note.session.is_none_or(|session| !hidden.contains(&session));
    let (shown, beside): (Vec<&Finding>, Vec<&Finding>) = notes.iter().partition(|note| is_shown(note));
    let (shown, folded) = shown.split_at(page.most(MAX_NOTES).min(shown.len()));
    for note in shown {
        block::write_note(page, note, out)?;
    }
    let mut names = page.run.hidden_notes.clone();
    for note in folded.iter().copied().chain(beside) {
        *names.entry(note.diagnosis).or_default() += 1;
    }
    if names.is_empty() { writeln!(out) } else { write_counts(&names, "notes on the capture", out) }
}

/// `session 1: 10.1.0.10:45856 -> 10.2.0.20:21, vsFTPd 3.0.3; captured away from the client, on the link of the server`
fn write_sessions(page: &Page<'_>, out: &mut dyn Write) -> io::Result<()> {
    for session in &page.run.sessions {
        let mut text = title(page, session);
        let vantage = [(session.vantage.client, "client"), (session.vantage.server, "server")]
            .map(|(near, end)| seen_from(near, end));
        let vantage: Vec<String> = vantage.into_iter().flatten().collect();
        if !vantage.is_empty() {
            text = format!("{text}; captured {}", vantage.join(", "));
        }
        write_wrapped(out, page.style, "", "  ", &text)?;
        for clue in &session.vantage.clues {
            write_wrapped(out, page.style, "  - ", "    ", &page.safe(clue))?;
        }
    }
    if page.run.sessions.is_empty() { Ok(()) } else { writeln!(out) }
}

/// `at the client`; nothing where it cannot be told.
fn seen_from(nearness: Nearness, end: &str) -> Option<String> {
    let words = match nearness {
        Nearness::At => "at",
        Nearness::Adjacent => "on the link of",
        Nearness::Near => "nearer to",
        Nearness::Far => "away from",
        Nearness::Unknown => return None,
    };
    Some(format!("{words} the {end}"))
}

#[cfg(test)]
mod tests {
    use crate::finding::{Locus, Role, SessionId, TransferId};
    use crate::report::testing::{Sample, expect, narrow, wide};
    use crate::report::{Format, Style, TimeStyle, Verbosity};

    #[test]
    fn a_failed_transfer_is_a_block() {
        expect("collision.80.full", &Sample::collision().render(Format::Full, &narrow()));
        expect("collision.160.full", &Sample::collision().render(Format::Full, &wide()));
    }

    #[test]
    fn evidence_of_several_files_names_them() {
        let relative = Style { time: TimeStyle::Relative, ..wide() };
        expect("merged.160.full", &Sample::merged().render(Format::Full, &relative));
    }

    #[test]
    fn verbose_tells_all_and_quiet_only_findings() {
        let verbose = Style { verbosity: Verbosity::Verbose, ..wide() };
        expect("collision.verbose.full", &Sample::collision().render(Format::Full, &verbose));
        let quiet = Style { verbosity: Verbosity::Quiet, ..wide() };
        assert_eq!(Sample::clean().render(Format::Full, &quiet), "");
    }

    #[test]
    fn a_clean_capture_and_one_without_ftp_say_so() {
        expect("clean.full", &Sample::clean().render(Format::Full, &narrow()));
        expect("empty.full", &Sample::without_ftp().render(Format::Full, &narrow()));
    }

    #[test]
    fn colours_change_nothing_but_colours() {
        let colored = Sample::collision().render(Format::Full, &Style { color: true, ..wide() });
        expect("collision.color.full", &colored);
        assert!(colored.contains("\x1b["));
        // It starts with a colour, so every part but the empty first one is `CODEmTEXT`.
        let parts = colored.split("\x1b[").filter_map(|part| part.split_once('m'));
        let plain: String = parts.map(|(_, text)| text).collect();
        assert_eq!(plain, Sample::collision().render(Format::Full, &wide()));
    }

    #[test]
    fn without_a_transfer_related_findings_follow_their_error() {
        let mut sample = Sample::collision();
        let of = |session: u32, role| {
            let mut finding = sample.findings[3].clone();
            (finding.session, finding.transfer, finding.role) = (Some(SessionId(session)), None, role);
            finding.message = format!("{role:?} of {session}");
            finding.locus = Locus::Client([10, 9, 0, u8::try_from(session).expect("small")].into());
            finding
        };
        let findings = [of(1, Role::Related), of(2, Role::Related), of(1, Role::Context), of(2, Role::Context)];
        sample.findings = findings.into();
        let text = sample.render(Format::Full, &wide());
        let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what} is missing: {text}"));
        let places = ["Context of 1", "Related of 1", "Context of 2", "Related of 2"].map(at);
        assert!(places.is_sorted(), "{text}");
    }

    #[test]
    fn long_lists_are_folded() {
        let mut sample = Sample::collision();
        let (verdict, session) = (sample.findings.remove(3), sample.sessions[0].clone());
        sample.findings.clear();
        for number in 1..=58 {
            let mut finding = verdict.clone();
            (finding.session, finding.transfer) = (Some(SessionId(number)), Some(TransferId(2)));
            sample.findings.push(finding);
            let mut session = session.clone();
            session.id = SessionId(number);
            if number > 1 {
                sample.sessions.push(session);
            }
        }
        let text = sample.render(Format::Full, &wide());
        assert_eq!(text.matches("time-wait-collision]").count(), 1, "one cause: {text}");
        assert!(
            text.contains("58 of 116 comparable transfers failed, in 58 sessions of 1 client, 10.1.0.10"),
            "{text}"
        );
        assert!(text.contains("116 transfers are not listed here (--format table lists them)\n"), "{text}");
        let verbose = sample.render(Format::Full, &Style { verbosity: Verbosity::Verbose, ..wide() });
        assert!(!verbose.contains("-v shows all"));
        assert_eq!(verbose.matches("error[time-wait-collision]").count(), 59);
        for (number, finding) in (0..).zip(&mut sample.findings) {
            finding.locus = Locus::Client([10, 9, 0, number].into());
        }
        let text = sample.render(Format::Full, &wide());
        assert!(text.contains("and 38 more failed transfers (-v shows all): 38 time-wait-collision\n"), "{text}");
        assert!(text.contains("and 76 more transfers (-v shows all)\n"), "{text}");
    }
}
