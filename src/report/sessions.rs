//! `ftpwhy sessions`: the sessions that are asked for, in the order that is asked for, and their transfers.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::io::{self, Write};
use std::net::IpAddr;

use super::collect::{Collecting, Run};
use super::counted::counted;
use super::escape::safe;
use super::time::Clock;
use super::totals::inferred;
use super::wrap::wrap;
use super::{Out, Style, TimeStyle, Verbosity, interrupted, table, unread};
use crate::finding::{Finding, SessionId};
use crate::frame::Timestamp;
use crate::record::{Outcome, SessionRecord, Sink, Summary};
use crate::redact::Secret;
use crate::source::Capture;

/// Which sessions are shown, and in which order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionChoice {
    /// Client or server; all if empty.
    pub hosts: Vec<IpAddr>,
    /// Sessions that last until then, or longer.
    pub since: Option<Timestamp>,
    /// Sessions that began until then.
    pub until: Option<Timestamp>,
    /// By number; all if empty.
    pub sessions: Vec<SessionId>,
    /// What they are sorted by.
    pub order: Order,
    /// From the last to the first.
    pub reverse: bool,
}

/// What sessions are sorted by; those that are equal stay in the order of their numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The first frame.
    #[default]
    Start,
    /// From the first frame to the last; the longest first.
    Duration,
    /// The client's address.
    Client,
    /// The server's address.
    Server,
    /// What the server says it is.
    Software,
    /// The number of transfers; the most first.
    Transfers,
    /// The number of failed ones; the most first.
    Failed,
}

/// A sink that writes the tables at the end.
pub fn sessions(selection: SessionChoice, style: Style, grouping: Vec<String>, out: Box<dyn Out>) -> Box<dyn Sink> {
    let run = Run { grouping, ..Run::default() };
    let collecting = Collecting::new(write, true, run, style, out);
    Box::new(Selecting { selection, collecting })
}

/// Keeps what is selected alone: a capture may hold very many sessions.
struct Selecting {
    selection: SessionChoice,
    collecting: Collecting,
}

impl Sink for Selecting {
    fn secret(&mut self, secret: &Secret) {
        self.collecting.secret(secret);
    }

    fn session(&mut self, session: &SessionRecord) -> io::Result<()> {
        if self.selection.holds(session) { self.collecting.session(session) } else { Ok(()) }
    }

    fn finding(&mut self, _: &Finding) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        let SessionChoice { order, reverse, .. } = self.selection;
        self.collecting.end_with(captures, summary, |run| sort(&mut run.sessions, order, reverse))
    }
}

impl SessionChoice {
    fn holds(&self, session: &SessionRecord) -> bool {
        let host = |ip: &IpAddr| session.ends().flatten().any(|end| end.ip() == *ip);
        (self.sessions.is_empty() || self.sessions.contains(&session.id))
            && (self.hosts.is_empty() || self.hosts.iter().any(host))
            && self.since.is_none_or(|since| session.last.time >= since)
            && self.until.is_none_or(|until| session.first.time <= until)
    }
}

fn sort(sessions: &mut [SessionRecord], order: Order, reverse: bool) {
    match order {
        Order::Start => sessions.sort_by_key(|session| session.first),
        Order::Duration => {
            sessions.sort_by_key(|session| Reverse(session.last.time.0.saturating_sub(session.first.time.0)));
        }
        Order::Client => sessions.sort_by_key(|session| session.client),
        Order::Server => sessions.sort_by_key(|session| session.server),
        Order::Software => sessions.sort_by(|a, b| a.server_software.cmp(&b.server_software)),
        Order::Transfers => sessions.sort_by_key(|session| Reverse(session.transfers.len())),
        Order::Failed => sessions.sort_by_key(|session| Reverse(failed(session))),
    }
    if reverse {
        sessions.reverse();
    }
}

fn failed(session: &SessionRecord) -> usize {
    session.transfers.iter().filter(|transfer| transfer.outcome == Outcome::Failed).count()
}

const COLUMNS: [&str; 6] = ["session", "first frame", "duration", "client\nserver", "transfers", "failed"];
/// Where the software of a server is broken, if its address is no longer.
const SOFTWARE: usize = 24;

fn write(run: &Run, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    unread::write(&run.summary, style, out)?;
    if run.sessions.is_empty() {
        writeln!(out, "no such session in {}", counted(run.captures.len() as u64, "capture"))?;
        return interrupted::write(run, style, out);
    }
    let clock = Clock::new(style.time);
    let grid = run.sessions.iter().map(|session| cells(run, session, &clock, style));
    table::write_grid(&COLUMNS, grid, &[0, 1, 2, 3, 4, 5], style, out)?;
    table::write_rows(&table::rows(run), &HashMap::new(), style, out)?;
    interrupted::write(run, style, out)?;
    if style.verbosity == Verbosity::Quiet {
        return Ok(());
    }
    let sessions = counted(run.sessions.len() as u64, "session");
    let failed: usize = run.sessions.iter().map(failed).sum();
    let transfers: usize = run.sessions.iter().map(|session| session.transfers.len()).sum();
    let hidden: usize = run.sessions.iter().map(|session| session.inferred.len()).sum();
    let (transfers, hidden) = (counted(transfers as u64, "transfer"), inferred(hidden as u64));
    writeln!(out, "{sessions}, {transfers}, {failed} failed{hidden}")
}

fn cells(run: &Run, session: &SessionRecord, clock: &Clock, style: &Style) -> [String; COLUMNS.len()] {
    let zero = session.captures.iter().filter_map(|id| run.capture(*id)?.first).min().unwrap_or(session.first.time);
    let time = clock.time(session.first.time, zero);
    let first = match clock.day(session.first.time) {
        Some(day) if style.time != TimeStyle::Relative => format!("{day}\n{time}"),
        _ => time,
    };
    let mut ends: Vec<String> = Vec::new();
    for end in session.ends().flatten().map(|end| end.to_string()) {
        if !ends.contains(&end) {
            ends.push(end);
        }
    }
    if let Some(software) = &session.server_software {
        let width = ends.iter().map(String::len).max().unwrap_or(0).max(SOFTWARE);
        ends.extend(wrap(&safe(software, style.ascii), width, width));
    }
    [
        session.id.0.to_string(),
        first,
        format!("{:.3} s", session.last.age_of(session.first)),
        ends.join("\n"),
        session.transfers.len().to_string(),
        failed(session).to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::{Order, SessionChoice, sessions};
    use crate::finding::SessionId;
    use crate::frame::Timestamp;
    use crate::record::SessionRecord;
    use crate::report::testing::{Sample, Shared, expect, narrow, wide};
    use crate::report::{Style, TimeStyle};

    /// Three sessions: of one second, failed; of ten seconds, later; of two seconds with another client.
    fn three() -> Vec<SessionRecord> {
        let one = Sample::collision().sessions.remove(0);
        let second = 1_000_000_000;
        let lasting = |mut session: SessionRecord, start: i64, seconds: i64| {
            session.first.time = Timestamp(one.first.time.0 + start * second);
            session.last.time = Timestamp(session.first.time.0 + seconds * second);
            session
        };
        let mut later = Sample::clean().sessions.remove(0);
        later.id = SessionId(2);
        later.server_software = None;
        let mut other = later.clone();
        other.id = SessionId(3);
        other.client = "10.9.9.9:1000".parse().expect("an address");
        other.transfers.clear();
        vec![lasting(one.clone(), 0, 1), lasting(later, 60, 10), lasting(other, 30, 2)]
    }

    fn listed(selection: SessionChoice, style: &Style) -> String {
        let out = Shared::default();
        let sample = Sample::collision();
        let mut sink = sessions(selection, style.clone(), Vec::new(), Box::new(out.clone()));
        for session in three() {
            sink.session(&session).expect("takes it");
        }
        sink.end(&sample.captures, &sample.summary).expect("ends");
        out.text()
    }

    /// The numbers of the sessions, in the order of the first table.
    fn numbers(selection: SessionChoice) -> Vec<u32> {
        let text = listed(selection, &wide());
        let first = text.split("\n\n").next().unwrap_or_default();
        first.lines().filter_map(|line| line.split(' ').next()?.parse().ok()).collect()
    }

    #[test]
    fn sessions_and_transfers_are_tables() {
        expect("sessions.160.table", &listed(SessionChoice::default(), &wide()));
        expect(
            "sessions.80.table",
            &listed(SessionChoice::default(), &Style { time: TimeStyle::Relative, ..narrow() }),
        );
    }

    #[test]
    fn they_can_be_sorted() {
        let by = |order, reverse| numbers(SessionChoice { order, reverse, ..SessionChoice::default() });
        assert_eq!(by(Order::Start, false), [1, 3, 2]);
        assert_eq!(by(Order::Start, true), [2, 3, 1]);
        assert_eq!(by(Order::Duration, false), [2, 3, 1]);
        assert_eq!(by(Order::Client, false), [1, 2, 3]);
        assert_eq!(by(Order::Server, false), [1, 2, 3]);
        assert_eq!(by(Order::Software, false), [2, 3, 1]);
        assert_eq!(by(Order::Transfers, false), [1, 2, 3]);
        assert_eq!(by(Order::Failed, false), [1, 2, 3]);
    }

    #[test]
    fn they_can_be_chosen() {
        let start = three()[0].first.time;
        let host = |ip: &str| vec![ip.parse().expect("an address")];
        let at = |seconds: i64| Some(Timestamp(start.0 + seconds * 1_000_000_000));
        assert_eq!(numbers(SessionChoice { hosts: host("10.9.9.9"), ..SessionChoice::default() }), [3]);
        assert_eq!(numbers(SessionChoice { hosts: host("10.2.0.20"), ..SessionChoice::default() }), [1, 3, 2]);
        assert_eq!(numbers(SessionChoice { since: at(31), ..SessionChoice::default() }), [3, 2]);
        assert_eq!(numbers(SessionChoice { since: at(33), ..SessionChoice::default() }), [2]);
        assert_eq!(numbers(SessionChoice { until: at(30), ..SessionChoice::default() }), [1, 3]);
        assert_eq!(numbers(SessionChoice { sessions: vec![SessionId(2)], ..SessionChoice::default() }), [2]);
        assert!(
            listed(SessionChoice { hosts: host("::1"), ..SessionChoice::default() }, &wide())
                .starts_with("no such session")
        );
    }
}
