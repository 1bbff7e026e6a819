//! What an analysis costs: `cargo bench --bench cost` generates captures of each kind of traffic, measures, and prints the
//! table of the README.
//!
//! CPU time and peak memory of ftpwhy beside tcpdump, which reads the same file and filters; of compressed files beside
//! the program that unpacks them and ftpwhy on the plain file. All in one run on one machine, in turns.
//!
//! `FTPWHY_BENCH_REAL=FILE` adds traffic that is not generated: a capture of yours, repeated between moved addresses.
//! `FTPWHY_BENCH_MIB=64` makes everything smaller by the same factor (a run of two minutes), `FTPWHY_BENCH_ROUNDS=9` takes
//! the best of more runs, `FTPWHY_BENCH_KIND=routed` measures only the kinds whose names contain that, and
//! `FTPWHY_BENCH_PROGRAM` measures another binary.

#[expect(dead_code, reason = "damage is for the other benchmark")]
#[path = "../growth/capture.rs"]
mod capture;
#[path = "../../tests/kit/mod.rs"]
mod kit;

mod kinds;
mod measure;
mod packed;
mod real;
#[cfg(feature = "tls")]
mod sealed;
mod traffic;

use std::path::Path;
use std::process::Command;

use kinds::{KINDS, Kind};
use measure::{Cost, Run, in_turn, number, program};

const MIB: u64 = 1 << 20;
/// Size of the mixed capture in MiB; the others are fractions of it.
const WHOLE: u64 = 1024;
/// Runs of each command, but for tshark's.
const ROUNDS: usize = 5;

fn main() {
    let whole = number("FTPWHY_BENCH_MIB", WHOLE) * MIB;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory for captures");
    println!(
        "{:<36} {:>5} {:>9} {:>9} {:>6} {:>8} {:>8} {:>9}",
        "traffic", "MiB", "CPU s", "other s", "ratio", "wall s", "other s", "peak MiB"
    );
    let chosen = std::env::var("FTPWHY_BENCH_KIND").unwrap_or_default();
    for kind in KINDS.iter().filter(|kind| kind.name.contains(&chosen)) {
        let path = folder.path().join("capture");
        eprintln!("generating: {}", kind.name);
        match (kind.write)(whole, &path) {
            Ok(()) => rows(kind, &path),
            Err(error) => println!("{:<36} skipped: {error}", kind.name),
        }
        let _ = std::fs::remove_file(path);
    }
    #[cfg(feature = "tls")]
    if "decrypted".contains(&chosen) {
        sealed::rows(folder.path(), kinds::many(whole), rounds());
    }
}

/// Runs of each command.
fn rounds() -> usize {
    number("FTPWHY_BENCH_ROUNDS", ROUNDS).max(1)
}

/// What a kind of traffic costs, plain and, where that is wanted, compressed.
fn rows(kind: &Kind, path: &Path) {
    let rounds = rounds();
    let costs = in_turn(rounds, &[&|| ftpwhy(kind.format, path), &|| tcpdump(path)]);
    row(&format!("{}, {}", kind.name, kind.format), path, costs[0], costs[1]);
    if kind.with_tshark {
        row("  the same by tshark -Y ftp, one run", path, in_turn(1, &[&|| tshark(path)])[0], costs[1]);
    }
    if kind.packed {
        packed::rows(path, rounds);
    }
}

fn ftpwhy(format: &str, capture: &Path) -> Run {
    let mut command = program();
    command.args(["--isolated", "--fail-on", "never", "--format", format]).arg(capture);
    command.into()
}

fn tcpdump(capture: &Path) -> Run {
    let mut command = Command::new("tcpdump");
    command.arg("-r").arg(capture).args(["-w", "/dev/null", "tcp port 21"]);
    command.into()
}

fn tshark(capture: &Path) -> Run {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(capture).args(["-Y", "ftp"]);
    command.into()
}

/// What something cost, and the ratio of it to what something else cost.
fn row(what: &str, capture: &Path, cost: Option<Cost>, other: Option<Cost>) {
    let size = capture.metadata().map_or(0, |metadata| metadata.len() / MIB);
    let Some(cost) = cost else { return println!("{what:<36} {size:>5} not installed, or failed") };
    let [least, ratio, wall] = other.map_or(["-", "-", "-"].map(str::to_owned), |other| {
        [format!("{:.3}", other.least), format!("{:.2}", cost.least / other.least), format!("{:.3}", other.wall)]
    });
    println!(
        "{what:<36} {size:>5} {:>9.3} {least:>9} {ratio:>6} {:>8.3} {wall:>8} {:>9.0}",
        cost.least, cost.wall, cost.memory
    );
}
