//! Whether two TCP connections carry one dialogue: a proxy ends the one and opens the other.
//!
//! Words alone show nothing: logins and banners are the same everywhere. What is compared is when they were said: what goes
//! from one point to the other takes its time both ways, and hosts and people pause for as long as they please, so the
//! pauses of two dialogues agree only where they are one.

use super::clock::{self, Crossed, Fit};
use super::lines::{Line, announced};
use super::sampled::Flow;
use crate::flow::End;

/// Lines that must be the same.
const LINES: usize = 6;

/// So many in a hundred of the lines must be the same.
const SHARE: usize = 80;

/// Lines that are compared.
const COMPARED: usize = 512;

/// Pauses below are those of machines at work, pauses above those of timers: neither tells dialogues apart. In seconds.
const PAUSE: (f64, f64) = (0.003, 1.5);

/// By chance pauses of the same place in two dialogues differ by this part.
const USUAL: f64 = 0.3;

/// What one pause, and what all of them have to tell, in bits.
const BITS_OF_PAUSE: f64 = 5.0;
const BITS: f64 = 12.0;

/// Nobody knows shorter times, in seconds.
const RESOLUTION: f64 = 1e-5;

/// Two points that are known to be joined see a line within this many seconds.
const UNDER_WAY: f64 = 2.0;

/// Two connections with one dialogue.
pub(in crate::points) struct Dialogue {
    /// The lines that both have, from the client's side of the proxy to the server's and back.
    pub crossed: Vec<Crossed>,
}

/// A line, and who said it.
struct Said {
    by: End,
    line: Line,
}

fn said(flow: &Flow) -> Vec<Said> {
    let of = |by: End| flow.lines(by).into_iter().map(move |line| Said { by, line });
    let mut all: Vec<Said> = of(End::Origin).chain(of(End::Target)).collect();
    all.sort_by_key(|said| said.line.at);
    all.truncate(COMPARED);
    all
}

/// The lines that both have, in order.
fn common(one: &[Said], other: &[Said]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let (mut of_origin, mut of_target) = (0, 0);
    for (place, said) in one.iter().enumerate() {
        let from = if said.by == End::Origin { &mut of_origin } else { &mut of_target };
        let same = |there: &Said| there.by == said.by && there.line.text == said.line.text;
        let found = other.iter().enumerate().skip(*from).find(|(_, there)| same(there));
        if let Some((there, _)) = found {
            *from = there + 1;
            pairs.push((place, there));
        }
    }
    pairs
}

impl Dialogue {
    /// The dialogue of two control connections. With `near`, the points are known to be joined, and it tells whether two
    /// frames may be of one moment; else the pauses have to show it.
    pub fn of(one: &Flow, other: &Flow, near: Option<&dyn Fn(&Crossed) -> bool>) -> Option<Self> {
        let (here, there) = (said(one), said(other));
        let pairs = common(&here, &there);
        let enough = |lines: usize| pairs.len() * 100 >= lines * SHARE;
        if pairs.len() < LINES || !enough(here.len()) || !enough(there.len()) {
            return None;
        }
        let crossed: Vec<Crossed> = pairs
            .iter()
            .filter_map(|(i, j)| {
                let (one, other) = (here.get(*i)?, there.get(*j)?);
                Some(Crossed { a: one.line.at, b: other.line.at, from_client: one.by == End::Origin })
            })
            .collect();
        let fit = clock::fit(&crossed, None)?;
        if fit.order.is_none() || fit.clock.stretches.len() != 1 {
            return None;
        }
        let shown = if let Some(near) = near {
            crossed.iter().all(near)
        } else {
            let names_one =
                |(i, _): &(usize, usize)| here.get(*i).is_some_and(|one| announced(&one.line.text).is_some());
            pairs.iter().any(names_one) && bits(&crossed, &fit) >= BITS
        };
        shown.then_some(Self { crossed })
    }

    /// Whether two frames of joined points are of one moment, by a clock that is known to `slack` seconds.
    pub fn is_near(ahead: f64, crossed: &Crossed, slack: f64) -> bool {
        (crossed.b.seconds_since(crossed.a) - ahead).abs() <= UNDER_WAY + slack
    }
}

/// How much the pauses of two dialogues tell. What a line took from one point to the other beyond the shortest way is small
/// beside the pause before it where both dialogues are one, and as large where they are not.
fn bits(crossed: &[Crossed], fit: &Fit) -> f64 {
    let mut all: Vec<&Crossed> = crossed.iter().collect();
    all.sort_by_key(|one| one.a);
    let least = fit.round_trip.unwrap_or(0.0) / 2.0;
    let late = |one: &Crossed| {
        let took = fit.clock.by_reference(one.b).seconds_since(one.a.time).abs() - least;
        took.max(RESOLUTION)
    };
    let told = all.iter().zip(all.iter().skip(1)).filter_map(|(before, one)| {
        let paused = one.a.seconds_since(before.a).min(one.b.seconds_since(before.b));
        let tells = paused >= PAUSE.0 && paused <= PAUSE.1;
        let late = late(one);
        tells.then(|| (late, (USUAL * paused / late).log2().clamp(0.0, BITS_OF_PAUSE)))
    });
    // The clock was told from the two that were not late at all: they agree with it by themselves.
    let (at_once, others): (Vec<_>, Vec<_>) = told.partition(|(late, _)| *late <= RESOLUTION);
    let at_once = at_once.iter().map(|(_, bits)| *bits).skip(2);
    others.iter().map(|(_, bits)| *bits).chain(at_once).sum()
}
