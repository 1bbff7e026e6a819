//! Which rows a diagram shows, and in which order: a session with what was found in it, or one finding.

use std::collections::HashSet;

use super::moments::{Frames, Lanes, Moment, Rank, Shown, key, moments};
use super::traced::Traced;
use super::{Arrow, Content, Hop, Ladder, Row, Tone, Wire, bars, remarks};
use crate::finding::{Evidence, Finding, Role, Severity};
use crate::frame::Stamp;

/// Seconds without anything that are folded into a row of their own.
const LONG: f64 = 1.0;

/// Rows of a session that are shown; of a longer one the first and the last, and what findings cite.
const MOST: usize = 400;

/// Rows that the diagram of a finding shows; of more the first and the last, and what it cites.
const MOST_OF_FINDING: usize = 80;

/// Rows shown around what a finding without a transfer cites.
const AROUND: usize = 2;

impl Ladder {
    /// A whole session with its findings; `None` if it was not traced. `brief`: connections that went as they should
    /// are a row each, and very long sessions are folded.
    pub(in crate::report) fn of_session(traced: &Traced<'_>, findings: &[&Finding], brief: bool) -> Option<Self> {
        let (session, trace, lanes) = (traced.session, traced.trace?, &traced.lanes);
        let told = |finding: &&&Finding| finding.severity >= Severity::Warning || finding.role == Role::Verdict;
        let findings: Vec<&Finding> = findings.iter().filter(told).copied().collect();
        let cited = frames(&findings, Some(traced));
        let mut all = moments(session, trace, lanes, brief, |at| cited.contains(&key(at)));
        for finding in findings.iter().filter(|finding| finding.role != Role::Related) {
            all.extend(missing(finding));
            let text = format!("{}: {}", finding.diagnosis, finding.message);
            let content = Content::Note(text);
            all.push(Moment::new(
                concluded_at(traced, finding),
                Rank::Behind,
                content,
                Tone::Finding(finding.severity),
            ));
        }
        let all = in_order(all, &cited);
        let edges = MOST / 2;
        let shown: Vec<bool> = (0..all.len())
            .map(|index| {
                let row = all.get(index).map(|moment| &moment.row);
                let marked = row.is_some_and(|row| row.cited || matches!(row.tone, Tone::Finding(_)));
                let repeat = all.get(index).is_some_and(|moment| moment.repeat);
                !brief || (!repeat && (index < edges || index + edges >= all.len() || marked))
            })
            .collect();
        Some(Self::laid_out(shown_and_hidden(all, &shown), lanes, Some(traced)))
    }

    /// What a finding rests on, within the transfer it is about. `session`: its own. `None` if nothing in it goes
    /// from one host to another.
    pub(in crate::report) fn of_finding(finding: &Finding, traced: Option<&Traced<'_>>) -> Option<Self> {
        let cited = frames(&[finding], traced);
        let mut lanes = match (traced, route(finding)) {
            (Some(traced), _) => traced.lanes.clone(),
            (None, Some(route)) => Lanes::between(route.from, route.to),
            (None, None) => return None,
        };
        for route in routes(finding) {
            lanes.add(route.from.ip(), "other", false);
            lanes.add(route.to.ip(), "other", false);
        }
        let drawn = traced.map(|traced| traced.drawn(&cited, &lanes)).unwrap_or_default();
        let mut more = evidence(finding, traced, &lanes, &drawn);
        more.extend(missing(finding));
        let window = traced.and_then(|traced| Some((traced, window(traced, finding)?)));
        let shown = if let Some((traced, window)) = window {
            traced.between(window, &cited, &lanes, more)
        } else {
            let trace = traced.and_then(|traced| Some((traced.session, traced.trace?)));
            let told = |(session, trace)| moments(session, trace, &lanes, true, |at| cited.contains(&key(at)));
            let mut all = trace.map(told).unwrap_or_default();
            all.extend(more);
            let all = in_order(all, &cited);
            let shown = around(&all);
            shown_and_hidden(all, &shown)
        };
        let mut ladder = Self::laid_out(folded(shown, MOST_OF_FINDING), &lanes, traced);
        ladder.besides = remarks::tell(&mut ladder.rows, finding, |at| drawn_at(at, traced));
        ladder.rows.iter().any(|row| matches!(row.content, Content::Arrow(_))).then_some(ladder)
    }

    /// The rows that are shown, with folds between them.
    fn laid_out(all: Vec<Shown>, lanes: &Lanes, traced: Option<&Traced<'_>>) -> Self {
        let mut rows: Vec<Row> = Vec::new();
        let (mut last, mut hidden): (Option<Stamp>, usize) = (None, 0);
        for one in all {
            let mut moment = match one {
                Shown::Row(moment) => moment,
                Shown::Hidden(more) => {
                    hidden += more;
                    continue;
                }
            };
            let seconds = last.map_or(0.0, |last| moment.at.seconds_since(last));
            // What is left out before the first row is no gap.
            if last.is_some() && (hidden > 0 || seconds >= LONG) {
                rows.push(Row {
                    at: None,
                    content: Content::Fold { seconds, hidden },
                    tone: Tone::Plain,
                    cited: false,
                    remarks: Vec::new(),
                });
            }
            (last, hidden) = (Some(moment.at), 0);
            let passages = traced.and_then(|traced| traced.trace).map(|trace| &trace.passages);
            if let Content::Arrow(arrow) = &mut moment.row.content
                && let Some(passage) = passages.and_then(|all| all.get(&key(moment.at)))
            {
                lanes.pass(arrow, *passage);
            }
            rows.push(moment.row);
        }
        let bars = traced.map(|traced| bars::of(&traced.spans, &rows, lanes)).unwrap_or_default();
        Self::new(lanes.named(), rows, bars)
    }
}

fn shown_and_hidden(all: Vec<Moment>, shown: &[bool]) -> Vec<Shown> {
    let all = all.into_iter().zip(shown);
    all.map(|(moment, shown)| if *shown { Shown::Row(moment) } else { Shown::Hidden(1) }).collect()
}

/// At most about `most` rows: of more, those in the middle are left out that nobody cites.
fn folded(all: Vec<Shown>, most: usize) -> Vec<Shown> {
    let count = all.iter().filter(|one| matches!(one, Shown::Row(_))).count();
    if count <= most {
        return all;
    }
    let mut place = 0;
    let fold = |one| {
        let Shown::Row(moment) = one else { return one };
        place += 1;
        let is_shown = place <= most / 2 || place + most / 2 > count || moment.row.cited || is_missing(&moment);
        if is_shown { Shown::Row(moment) } else { Shown::Hidden(1) }
    };
    all.into_iter().map(fold).collect()
}

/// The frames that findings cite.
fn frames(findings: &[&Finding], traced: Option<&Traced<'_>>) -> Frames {
    findings.iter().flat_map(|finding| finding.frames()).map(|at| key(drawn_at(at, traced))).collect()
}

/// Where a frame is drawn: a line that several points have is one arrow.
fn drawn_at(at: Stamp, traced: Option<&Traced<'_>>) -> Stamp {
    let trace = traced.and_then(|traced| traced.trace);
    trace.and_then(|trace| trace.same.get(&key(at)).copied()).unwrap_or(at)
}

/// Sorted, those in `cited` marked.
fn in_order(mut all: Vec<Moment>, cited: &Frames) -> Vec<Moment> {
    all.sort_by_key(|moment| (moment.at, moment.rank));
    for moment in &mut all {
        moment.row.cited = moment.rank == Rank::Packet && cited.contains(&key(moment.at));
    }
    all
}

fn is_missing(moment: &Moment) -> bool {
    moment.rank == Rank::Before
}

/// The rows cited, and a few around each.
fn around(all: &[Moment]) -> Vec<bool> {
    let near = |index: usize| {
        let around = all.get(index.saturating_sub(AROUND)..(index + AROUND + 1).min(all.len())).unwrap_or_default();
        around.iter().any(|moment| moment.row.cited || is_missing(moment))
    };
    all.iter().enumerate().map(|(index, moment)| !moment.repeat && near(index)).collect()
}

/// The span of the transfer a finding is about: from the endpoint command to the final reply.
fn window(traced: &Traced<'_>, finding: &Finding) -> Option<(Stamp, Stamp)> {
    let transfer = traced.transfer(finding)?;
    let offer = transfer.offer.and_then(|index| traced.session.offers.get(index)).map(|offer| offer.at);
    let syns = || transfer.attempts.iter().map(|attempt| attempt.syn);
    let from = offer.into_iter().chain(syns()).chain([transfer.at]).min()?;
    let reply = transfer.reply.as_ref().map(|reply| reply.at);
    let until = reply.into_iter().chain(syns()).chain([transfer.at]).max()?;
    Some((from, until))
}

/// Where the verdict stands in the diagram of a session: behind the final reply, else behind its last evidence.
fn concluded_at(traced: &Traced<'_>, finding: &Finding) -> Stamp {
    let reply = traced.transfer(finding).and_then(|transfer| transfer.reply.as_ref()).map(|reply| reply.at);
    let last = || finding.frames().into_iter().max();
    reply.or_else(last).unwrap_or_else(|| finding.primary.first())
}

fn routes(finding: &Finding) -> impl Iterator<Item = crate::finding::Route> {
    let of = |evidence: &Evidence| match evidence {
        Evidence::Seen { route, .. } => *route,
        Evidence::Missing { .. } => None,
    };
    std::iter::once(&finding.primary).chain(&finding.supporting).filter_map(of)
}

fn route(finding: &Finding) -> Option<crate::finding::Route> {
    routes(finding).next()
}

/// The evidence whose frames the trace does not show.
fn evidence(finding: &Finding, traced: Option<&Traced<'_>>, lanes: &Lanes, drawn: &Frames) -> Vec<Moment> {
    let session = traced.map(|traced| traced.session);
    let mut told: HashSet<(Stamp, &str)> = HashSet::new();
    let mut rows = Vec::new();
    for evidence in finding.evidence() {
        let Evidence::Seen { frames, route, note } = evidence else { continue };
        let mut shown = frames.iter().map(|at| drawn_at(*at, traced));
        let Some(at) = shown.find(|at| !drawn.contains(&key(*at))) else { continue };
        if !told.insert((at, note)) {
            continue;
        }
        let content = match route {
            Some(route) => {
                let hop = |socket| Hop { lane: lanes.of_socket(socket), socket };
                let ends = [route.from, route.to];
                let control =
                    session.is_some_and(|session| ends.contains(&session.client) && ends.contains(&session.server));
                let wire = if control { Wire::Control } else { Wire::Data };
                let (from, to) = (hop(route.from), hop(route.to));
                Content::Arrow(Arrow {
                    from,
                    to,
                    wire,
                    label: note.clone(),
                    opens: false,
                    more: Vec::new(),
                    lost: None,
                    added: None,
                })
            }
            None => Content::Note(note.clone()),
        };
        rows.push(Moment::new(at, Rank::Packet, content, Tone::Plain));
    }
    rows
}

/// What a finding says is not there.
fn missing(finding: &Finding) -> Vec<Moment> {
    let mut told: HashSet<(Stamp, &str)> = HashSet::new();
    let mut rows = Vec::new();
    for evidence in finding.evidence() {
        if let Evidence::Missing { until, note, .. } = evidence
            && told.insert((*until, note))
        {
            rows.push(Moment::new(*until, Rank::Before, Content::Missing(note.clone()), Tone::Plain));
        }
    }
    rows
}
