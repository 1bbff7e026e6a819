//! Runs the diagnoses over transfers, offers and sessions, as one or two views show them, and settles the verdict.

use crate::diagnosis::case::Case;
use crate::diagnosis::siblings::Siblings;
use crate::diagnosis::{ALL, contradiction, place, verdict, views as once};
use crate::finding::{DiagnosisName, Finding, TransferId};
use crate::pipeline::model::{Analysis, Shown, View, side_by_side};
use crate::record::Outcome;
use crate::transfer::concluded::Concluded;

/// A transfer or offer in each view that shows it, and what is said of it.
pub(super) struct Judged<'a> {
    pub(super) own: Option<&'a Concluded<'a>>,
    pub(super) other: Option<&'a Concluded<'a>>,
    /// The number of the transfer in the session.
    pub(super) number: Option<TransferId>,
    pub(super) findings: Vec<Finding>,
    pub(super) verdict: Option<DiagnosisName>,
}

impl<'a> Judged<'a> {
    /// As the view shows it that the session is told by, if that does.
    pub(super) fn shown(&self) -> Option<&'a Concluded<'a>> {
        self.own.or(self.other)
    }
}

/// Judges all that is `wanted` of what the views conclude, by their places, in order of time.
pub(super) fn judge_all<'a>(
    analysis: &Analysis<'_>,
    views: &'a [View<'a>],
    siblings: &'a [Siblings<'a>],
    all: &'a [Vec<Concluded<'a>>],
    wanted: impl Fn(usize, &Concluded<'_>) -> bool,
) -> Vec<Judged<'a>> {
    let of = |view: usize, place: Option<usize>| {
        Some(Shown { view: views.get(view)?, siblings: siblings.get(view)?, one: all.get(view)?.get(place?)? })
    };
    let places = match all {
        [own, other] => side_by_side(own, other),
        _ => (0..all.first().map_or(0, Vec::len)).map(|place| [Some(place), None]).collect(),
    };
    let last = all.first().into_iter().flatten().filter_map(|one| one.transfer).map(|transfer| transfer.id.0).max();
    let before = views.first().map_or(0, |lead| lead.session.transfers_before);
    let mut numbers = last.unwrap_or(before) + 1..;
    let pairs = places.into_iter().map(|[own, other]| [of(0, own), of(1, other)]);
    let pairs = pairs.filter(|[own, other]| match (own, other) {
        (Some(own), _) => wanted(0, own.one),
        (None, Some(other)) => wanted(1, other.one),
        (None, None) => false,
    });
    pairs
        .filter_map(|[own, other]| {
            let (first, second) = if own.is_some() { (own?, other) } else { (other?, None) };
            let number = match own {
                Some(own) => own.one.transfer.map(|transfer| transfer.id),
                // The view that the session is told by does not hold it.
                None => first.one.transfer.and_then(|_| numbers.next()).map(TransferId),
            };
            let (mut findings, verdict) = judge(analysis, first, second, |_| true);
            for finding in &mut findings {
                finding.session = finding.session.and(views.first().map(|lead| lead.session.id));
                finding.transfer = finding.transfer.and(number);
            }
            let [own, other] = [own, other].map(|shown| shown.map(|shown| shown.one));
            Some(Judged { own, other, number, findings, verdict })
        })
        .collect()
}

/// What the diagnoses chosen by name say of one transfer or offer, as one or two views show it, and the verdict.
pub(super) fn judge(
    analysis: &Analysis<'_>,
    shown: Shown<'_>,
    other: Option<Shown<'_>>,
    chosen: fn(DiagnosisName) -> bool,
) -> (Vec<Finding>, Option<DiagnosisName>) {
    analysis.with_case(shown, other, |case, other| judge_case(case, other, chosen))
}

/// What the diagnoses say of a session as a whole.
pub(super) fn of_session(analysis: &Analysis<'_>, views: &[View<'_>], siblings: &[Siblings<'_>]) -> Vec<Finding> {
    let mut views = views.iter().zip(siblings).map(|(view, siblings)| {
        let case = analysis.of_session(view, siblings);
        let mut findings: Vec<Finding> = ALL.iter().flat_map(|diagnosis| diagnosis.of_session(&case)).collect();
        for finding in &mut findings {
            place::of_session(&case, finding);
        }
        (findings, [view.session.client.ip(), view.session.server.ip()])
    });
    let Some((own, here)) = views.next() else { return Vec::new() };
    match views.next() {
        Some((other, there)) => once::of_session(own, other, here, there),
        None => own,
    }
}

/// What the diagnoses chosen by name say of one transfer or offer, with their roles, and the verdict.
fn judge_case(
    case: &Case<'_>,
    other: Option<&Case<'_>>,
    chosen: fn(DiagnosisName) -> bool,
) -> (Vec<Finding>, Option<DiagnosisName>) {
    let asked = || ALL.iter().filter(|diagnosis| chosen(diagnosis.name));
    let said = |case: &Case<'_>| asked().filter_map(|diagnosis| diagnosis.of_transfer(case)).collect();
    let mut findings = match other {
        Some(other) => once::of_transfer(said(case), said(other)),
        None => said(case),
    };
    // How it ended may be seen on one side alone, as may the data connection.
    let ended = other.filter(|_| case.concluded.outcome() == Outcome::Unknown && !case.gave_up).unwrap_or(case);
    let tried = other.filter(|_| case.concluded.attempts.is_empty()).unwrap_or(ended);
    let mut verdict = verdict::assign(&mut findings, ended.is_to_be_explained());
    if ended.failed() && verdict.is_none() {
        findings.extend(asked().filter_map(|diagnosis| diagnosis.of_unexplained(ended)));
        verdict = verdict::assign(&mut findings, true);
    }
    contradiction::note(tried, &mut findings);
    for finding in &mut findings {
        place::of_transfer(tried, finding);
    }
    if case.transfer().is_none() {
        verdict::of_no_transfer(&mut findings);
    }
    (findings, verdict)
}
