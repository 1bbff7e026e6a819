//! What tells the failures of a cause from what worked: said only where it separates.

use super::compared::Row;
use super::division::{Division, Sides, candidates, is_nearly_all};
use super::traits::Names;
use crate::record::{Separation, Trait};

/// With fewer cases on a side nothing is said.
pub(super) const LEAST: u64 = 3;

/// How likely it may be that chance alone puts the failures on their side: of few that worked elsewhere among many that
/// worked here, nothing follows.
const BY_CHANCE: f64 = 0.05;

/// The traits, in the order in which they are told where they separate alike.
const TRAITS: [Trait; 14] = [
    Trait::Mode,
    Trait::ClientNetwork,
    Trait::Client,
    Trait::Server,
    Trait::Family,
    Trait::Protection,
    Trait::Direction,
    Trait::Size,
    Trait::PortRange,
    Trait::ClientSoftware,
    Trait::ServerSoftware,
    Trait::GatewayMac,
    Trait::Vlan,
    Trait::Point,
];

/// The lines that part a cause from what worked, and what lies on their near side.
pub(super) struct Parted<'a> {
    drawn: Vec<Division>,
    rows: &'a [Row<'a>],
}

impl<'a> Parted<'a> {
    /// Draws each line that separates, among all or among those that are alike in what separates already.
    pub(super) fn of(rows: &'a [Row<'a>]) -> Self {
        let mut parted = Self { drawn: Vec::new(), rows };
        if rows.iter().map(Row::failures).sum::<u64>() < LEAST {
            return parted;
        }
        while let Some(division) = parted.next() {
            parted.drawn.push(division);
        }
        parted
    }

    /// The clearest line that is not drawn yet.
    fn next(&self) -> Option<Division> {
        let is_drawn = |by: &Trait| self.drawn.iter().any(|drawn| drawn.by() == *by);
        let mut best: Option<(f64, Division)> = None;
        for by in TRAITS.into_iter().filter(|by| !is_drawn(by)) {
            let all = self.comparable(by, |_| true);
            let alike = self.comparable(by, |row| self.is_near(row, None));
            let lines = candidates(by, &all);
            let chances = lines.into_iter().filter_map(|line| {
                let chance = [chance(&line, &all), chance(&line, &alike)].into_iter().flatten().reduce(f64::min)?;
                Some((chance, line))
            });
            // The first line of a trait that separates is its best.
            if let Some((chance, line)) = chances.into_iter().next()
                && best.as_ref().is_none_or(|(least, _)| chance < *least)
            {
                best = Some((chance, line));
            }
        }
        best.map(|(_, line)| line)
    }

    /// What is compared by a trait: what is elsewhere by where it is alone; by whom and where among addresses of one family;
    /// and ports among transfers of one mode, for in the other one it is the other side that announces.
    fn comparable(&self, by: Trait, wanted: impl Fn(&Row<'_>) -> bool) -> Vec<Row<'a>> {
        let is_by_place = matches!(by, Trait::Server | Trait::Client | Trait::ClientNetwork);
        let of_failures = |by| self.rows.iter().filter(|row| row.failed.is_some()).find_map(|row| row.traits.value(by));
        let (mode, family) = (of_failures(Trait::Mode), of_failures(Trait::Family));
        let is_alike = |row: &Row<'_>| {
            (by != Trait::PortRange || row.traits.value(Trait::Mode) == mode)
                && (!is_by_place || row.traits.value(Trait::Family) == family)
        };
        let rows = self.rows.iter().filter(|row| (row.is_at_locus || is_by_place) && is_alike(row));
        rows.filter(|row| wanted(row)).copied().collect()
    }

    /// Whether it lies on the side of the failures of all lines but one.
    fn is_near(&self, row: &Row<'_>, but: Option<Trait>) -> bool {
        let mut others = self.drawn.iter().filter(|drawn| Some(drawn.by()) != but);
        others.all(|drawn| drawn.is_here(row.traits) != Some(false))
    }

    /// What is alike in all that separates: what of it worked, worked at another time.
    pub(super) fn near(&self) -> Vec<Row<'a>> {
        self.rows.iter().filter(|row| row.is_at_locus && self.is_near(row, None)).copied().collect()
    }

    /// The lines as they are told, each with those that worked beyond it and are alike otherwise; where these are too few,
    /// with all that worked beyond it.
    pub(super) fn told(&self, names: &Names) -> Vec<Separation> {
        let told = self.drawn.iter().map(|line| {
            let all = self.comparable(line.by(), |_| true);
            let alike = self.comparable(line.by(), |row| self.is_near(row, Some(line.by())));
            let rows = if line.sides(&alike).worked_there >= LEAST { alike } else { all };
            let sides = line.sides(&rows);
            let (failed_value, worked_value) = line.values(&rows, names);
            Separation {
                by: line.by(),
                failed_value,
                worked_value,
                failed: sides.failed_here,
                worked: sides.worked_there,
                beyond: sides.beyond(),
            }
        });
        told.collect()
    }
}

/// How likely chance alone parts these so; `None` where they are not parted.
fn chance(line: &Division, rows: &[Row<'_>]) -> Option<f64> {
    let sides = line.sides(rows);
    let Sides { failed_here, worked_there, failed_there, .. } = sides;
    // What failed beyond the line for another reason did not work either.
    let is_parted = failed_here >= LEAST
        && worked_there >= LEAST
        && is_nearly_all(failed_here, failed_here + failed_there)
        && is_nearly_all(worked_there, sides.beyond());
    if !is_parted || (line.may_change() && !is_at_one_time(line, rows)) {
        return None;
    }
    Some(by_chance(sides)).filter(|chance| *chance <= BY_CHANCE)
}

/// Whether what worked beyond a line did so while others failed, not only before and afterwards.
fn is_at_one_time(line: &Division, rows: &[Row<'_>]) -> bool {
    let first = rows.iter().filter_map(|row| row.failed).map(|tally| tally.first).min();
    let last = rows.iter().filter_map(|row| row.failed).map(|tally| tally.last).max();
    let Some((first, last)) = first.zip(last) else { return false };
    let there = rows.iter().filter(|row| line.is_here(row.traits) == Some(false));
    let then = there.filter_map(|row| row.worked).filter(|worked| worked.last >= first && worked.first <= last);
    then.map(|worked| worked.count).sum::<u64>() >= LEAST
}

/// The hypergeometric probability that so few failures lie beyond the line, if they fell anywhere.
fn by_chance(sides: Sides) -> f64 {
    let Sides { failed_here, worked_here, failed_there, worked_there, .. } = sides;
    let number = |count: u64| u32::try_from(count).map_or(f64::from(u32::MAX), f64::from);
    // The fewer of both that are on the wrong side are counted: the other count follows from it.
    let (wrong, [one, other]) = if failed_there <= worked_here {
        (failed_there, [failed_here + failed_there, failed_there + worked_there])
    } else {
        (worked_here, [worked_here + worked_there, failed_here + worked_here])
    };
    let all = number(failed_here + worked_here + failed_there + worked_there);
    let (one, other) = (number(one), number(other));
    let (few, many) = if one < other { (one, other) } else { (other, one) };
    // In logarithms: none on the wrong side may be less likely than the least number, and some not.
    let (mut log, mut step) = (0.0_f64, 0.0);
    while step < few && (wrong > 0 || log > -700.0) {
        log += ((all - many - step) / (all - step)).ln();
        step += 1.0;
    }
    let mut sum = log.exp();
    for wrong in 0..wrong {
        let wrong = number(wrong);
        log += ((one - wrong) * (other - wrong) / ((wrong + 1.0) * (all - one - other + wrong + 1.0))).ln();
        sum += log.exp();
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of those here and of those there: how many failed and how many worked.
    fn sides(here: (u64, u64), there: (u64, u64)) -> Sides {
        Sides {
            failed_here: here.0,
            worked_here: here.1,
            failed_there: there.0,
            worked_there: there.1,
            otherwise_there: 0,
        }
    }

    #[test]
    fn chance_is_counted_as_in_a_draw_without_replacement() {
        let near = |one: f64, other: f64| assert!((one - other).abs() < 1e-6, "{one} {other}");
        near(by_chance(sides((3, 0), (0, 3))), 0.05);
        near(by_chance(sides((20, 0), (0, 3))), 1.0 / 1771.0);
        // 1 of 4 among 8, 4 beyond: (C(4,0) C(4,4) + C(4,1) C(4,3)) / C(8,4)
        near(by_chance(sides((3, 1), (1, 3))), 17.0 / 70.0);
        assert!(by_chance(sides((183, 0), (0, 57))) < 1e-9);
        near(by_chance(sides((19, 0), (1, 19))), 0.0);
        let many = by_chance(sides((2_000, 0), (100, 2_000)));
        assert!(many < 1e-9, "no product of many ratios runs over: {many}");
        assert!(by_chance(sides((20, 1000), (0, 3))) > 0.9, "that few would have worked anyway");
    }
}
