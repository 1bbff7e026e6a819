//! What an analysis costs: `cargo bench` generates the captures, measures, and prints the table of the README.
//!
//! CPU time and peak memory of ftpwhy beside tcpdump (which reads the same file and filters) and tshark (which dissects
//! it), in one run on one machine. `FTPWHY_BENCH_MIB=64 cargo bench` makes everything smaller by the same factor.

#[path = "../../tests/kit/mod.rs"]
mod kit;

mod measure;
mod traffic;

use std::path::{Path, PathBuf};
use std::process::Command;

use measure::{Cost, best_of};

const MIB: u64 = 1 << 20;
/// Size of the mixed capture; the others are fractions of it.
const WHOLE: u64 = 1024;
/// tshark is measured on this part of the mixed capture and on half of it, and extrapolated in a straight line: it would
/// take minutes for the whole, and its start alone must not count sixteen times.
const TSHARK_PART: u64 = 16;

fn main() {
    let whole = std::env::var("FTPWHY_BENCH_MIB").ok().and_then(|mib| mib.parse().ok()).unwrap_or(WHOLE) * MIB;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory for captures");
    let capture = |name: &str, size: u64, ftp_percent: u64| -> PathBuf {
        let path = folder.path().join(name);
        eprintln!("generating {name}: {} MiB, {ftp_percent} % FTP", size / MIB);
        traffic::write(&path, size, ftp_percent).expect("a capture");
        path
    };
    let mixed = capture("mixed.pcap", whole, 5);
    let part = capture("part.pcap", whole / TSHARK_PART, 5);
    let half_part = capture("half-part.pcap", whole / TSHARK_PART / 2, 5);
    let ftp: Vec<(u64, PathBuf)> =
        [16, 8, 4].into_iter().map(|n| (whole / n, capture(&format!("ftp-{n}.pcap"), whole / n, 100))).collect();

    println!("| what | capture | CPU s | peak MiB | compared with ftpwhy |");
    println!("|---|---|---:|---:|---:|");
    let name = format!("mixed, {} MiB, 5 % FTP", whole / MIB);
    let ours = best_of(3, || ftpwhy("json", &mixed));
    row("`ftpwhy F`", &name, ours, 1.0);
    let tcpdump = best_of(3, || {
        let mut command = Command::new("tcpdump");
        command.arg("-r").arg(&mixed).args(["-w", "/dev/null", "tcp port 21"]);
        command
    });
    compare("`tcpdump -r F -w /dev/null 'tcp port 21'`", &name, tcpdump, ours);
    let tshark = [&half_part, &part].map(|path| best_of(1, || tshark(path)));
    let scaled = tshark[0].zip(tshark[1]).map(|(half, full)| scaled(half, full));
    let what = format!("`tshark -r F -Y ftp` (CPU extrapolated from 1/{} and 1/{TSHARK_PART} of it)", TSHARK_PART * 2);
    compare(&what, &name, scaled, ours);
    let costs: Vec<Option<Cost>> = ftp.iter().map(|(_, path)| best_of(3, || ftpwhy("ndjson", path))).collect();
    for ((size, _), cost) in ftp.iter().zip(&costs) {
        let (Some(cost), Some(smallest)) = (cost, costs[0]) else { continue };
        let name = format!("FTP only, {} MiB", size / MIB);
        let (ratio, times) = (cost.cpu / smallest.cpu, size / ftp[0].0);
        println!(
            "| `ftpwhy --format ndjson F` | {name} | {cost} | {ratio:.2} times the smallest, {times} times its size |"
        );
    }
}

fn tshark(capture: &Path) -> Command {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(capture).args(["-Y", "ftp"]);
    command
}

/// The cost of the whole, from that of a part and of half that part.
#[expect(clippy::cast_precision_loss, reason = "a small factor")]
fn scaled(half: Cost, part: Cost) -> Cost {
    let slope = (part.cpu - half.cpu) * 2.0;
    Cost { cpu: part.cpu + slope * (TSHARK_PART - 1) as f64, ..part }
}

fn ftpwhy(format: &str, capture: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ftpwhy"));
    command.args(["--fail-on", "never", "--format", format]).arg(capture);
    command
}

fn row(what: &str, capture: &str, cost: Option<Cost>, ratio: f64) {
    match cost {
        Some(cost) => println!("| {what} | {capture} | {cost} | {ratio:.2} |"),
        None => println!("| {what} | {capture} | not installed, or failed | | |"),
    }
}

fn compare(what: &str, capture: &str, cost: Option<Cost>, ours: Option<Cost>) {
    row(what, capture, cost, cost.zip(ours).map_or(0.0, |(cost, ours)| cost.cpu / ours.cpu));
}
