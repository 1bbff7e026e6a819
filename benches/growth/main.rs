//! How the cost grows: `cargo bench --bench growth` makes captures of each kind in sizes that double, measures all of
//! them in one run, and prints CPU seconds with the ratio of each doubling.
//!
//! `FTPWHY_BENCH_MOST=200000` sets the largest size, `FTPWHY_BENCH_STEPS=4` how many sizes there are, and
//! `FTPWHY_BENCH_KIND=ABOR` takes only the kinds, `FTPWHY_BENCH_WAY=json` only the ways of reading whose names contain that.
//! `FTPWHY_BENCH_PROGRAM` measures another binary.
//! `FTPWHY_BENCH_KEEP=DIR` writes the captures there and measures nothing.

#[path = "../../tests/kit/mod.rs"]
mod kit;

mod capture;
mod kinds;
#[path = "../cost/measure.rs"]
mod measure;
mod ways;

use std::path::{Path, PathBuf};

use capture::Recording;
use kinds::{Kind, SESSIONS, TRANSFERS};
use measure::{Cost, in_turn, number};
use ways::{WAYS, Way};

/// The largest size, unless the environment says otherwise.
const MOST: usize = 40_000;
/// Sizes of each kind.
const STEPS: usize = 4;
/// Runs of each command that takes no longer than [`SHORT`] seconds; of others one.
const ROUNDS: usize = 3;
const SHORT: f64 = 3.0;
/// A run that would take longer is not begun: seconds, taken from the one before as if the cost grew with the square.
const LONGEST: f64 = 180.0;

fn main() {
    let (most, steps) = (number("FTPWHY_BENCH_MOST", MOST), number("FTPWHY_BENCH_STEPS", STEPS).max(1));
    let sizes: Vec<usize> = (0..steps).rev().map(|halvings| most >> halvings).collect();
    if let Ok(folder) = std::env::var("FTPWHY_BENCH_KEEP") {
        return keep(&sizes, Path::new(&folder));
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory for captures");
    let header: Vec<String> = sizes.iter().map(|size| format!("{size:>8} ratio")).collect();
    println!("{:<42} {:<16} {}  peak MiB", "CPU seconds", "way", header.join(" "));
    for (title, kinds) in [("one session, by its transfers", TRANSFERS), ("sessions, by their number", SESSIONS)] {
        println!("{title}");
        for kind in kinds {
            rows(kind, &sizes, folder.path());
        }
    }
}

/// Writes the captures of all kinds that are chosen.
fn keep(sizes: &[usize], folder: &Path) {
    let chosen = chosen("KIND");
    for kind in TRANSFERS.iter().chain(SESSIONS).filter(|kind| kind.name.contains(&chosen)) {
        let name = kind.name.replace([' ', ','], "-");
        for size in sizes {
            record(kind, *size, &folder.join(format!("{name}-{size}.pcap")));
        }
    }
}

fn chosen(what: &str) -> String {
    std::env::var(format!("FTPWHY_BENCH_{what}")).unwrap_or_default()
}

fn record(kind: &Kind, size: usize, path: &Path) {
    let mut recording = Recording::create(path, kind.damage);
    (kind.play)(size, &mut recording);
    recording.finish();
}

/// One kind of traffic, in every way that it is read.
fn rows(kind: &Kind, sizes: &[usize], folder: &Path) {
    let is_chosen =
        |way: &&Way| kind.name.contains(&chosen("KIND")) && way.name.contains(&chosen("WAY")) && way.measures(kind);
    let ways: Vec<&Way> = WAYS.iter().filter(is_chosen).collect();
    if ways.is_empty() {
        return;
    }
    let captures: Vec<PathBuf> = sizes.iter().map(|size| folder.join(format!("{size}.pcap"))).collect();
    sizes.iter().zip(&captures).for_each(|(size, path)| record(kind, *size, path));
    for way in ways {
        let mut row = format!("  {:<40} {:<16}", kind.name, way.name);
        let mut last: Option<Cost> = None;
        for path in &captures {
            let before = last.map_or(0.0, |cost| cost.least);
            let rounds = if 2.0 * before < SHORT { ROUNDS } else { 1 };
            let cost = (4.0 * before < LONGEST)
                .then(|| in_turn(rounds, &[&|| way.run(path)]))
                .and_then(|costs| costs.into_iter().next().flatten());
            let Some(cost) = cost else {
                row += "        -     -";
                continue;
            };
            let ratio = last.map_or(String::new(), |last| format!("{:.2}", cost.least / last.least));
            row.push_str(&format_args!(" {:>8.3} {ratio:>5}", cost.least).to_string());
            last = Some(cost);
        }
        println!("{row}  {:>8.0}", last.map_or(0.0, |cost| cost.memory));
    }
}
