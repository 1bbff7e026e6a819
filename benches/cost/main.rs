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

use measure::{Cost, Run, in_turn};
use traffic::{Container, Mix};

const MIB: u64 = 1 << 20;
/// Size of the mixed capture; the others are fractions of it.
const WHOLE: u64 = 1024;
/// Runs of each command, but for tshark's.
const ROUNDS: usize = 11;

fn main() {
    let whole = std::env::var("FTPWHY_BENCH_MIB").ok().and_then(|mib| mib.parse().ok()).unwrap_or(WHOLE) * MIB;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory for captures");
    let capture = |name: &str, mix: Mix| -> PathBuf {
        let path = folder.path().join(name);
        eprintln!("generating {name}: {} MiB, {} % FTP", mix.size / MIB, mix.ftp_percent);
        traffic::write(&path, mix).expect("a capture");
        path
    };
    let mixed = Mix { size: whole, ftp_percent: 5, small: false, container: Container::Pcap };

    println!(
        "{:<50} {:>6} {:>7} {:>9} {:>13}",
        format!("what (least and median of {ROUNDS} runs)"),
        "CPU s",
        "median",
        "peak MiB",
        "times ftpwhy"
    );
    for (title, name, mix, with_tshark) in [
        ("mixed, 5 % FTP", "mixed.pcap", mixed, true),
        ("the same as pcapng", "mixed.pcapng", Mix { container: Container::Pcapng, ..mixed }, false),
        ("small packets, 5 % FTP", "small.pcap", Mix { size: whole / 4, small: true, ..mixed }, false),
    ] {
        let path = capture(name, mix);
        println!("{title}, {} MiB", mix.size / MIB);
        let costs = in_turn(ROUNDS, &[&|| ftpwhy("json", &path), &|| tcpdump(&path)]);
        row("ftpwhy F", costs[0], costs[0]);
        row("tcpdump -r F -w /dev/null 'tcp port 21'", costs[1], costs[0]);
        if with_tshark {
            row("tshark -r F -Y ftp (one run)", in_turn(1, &[&|| tshark(&path)])[0], costs[0]);
        }
        std::fs::remove_file(path).expect("what was written");
    }
    println!("FTP only");
    let sizes = [16, 8, 4].map(|part| whole / part);
    let paths = sizes.map(|size| capture(&format!("ftp-{}.pcap", size / MIB), Mix { size, ftp_percent: 100, ..mixed }));
    let costs = in_turn(
        ROUNDS,
        &[&|| ftpwhy("ndjson", &paths[0]), &|| ftpwhy("ndjson", &paths[1]), &|| ftpwhy("ndjson", &paths[2])],
    );
    for (size, cost) in sizes.iter().zip(costs) {
        row(&format!("ftpwhy --format ndjson F, {} MiB", size / MIB), cost, None);
    }
}

fn ftpwhy(format: &str, capture: &Path) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ftpwhy"));
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

fn row(what: &str, cost: Option<Cost>, ftpwhy: Option<Cost>) {
    let Some(cost) = cost else { return println!("  {what:<48} not installed, or failed") };
    let times = ftpwhy.map_or(String::new(), |ftpwhy| format!("{:.2}", cost.least / ftpwhy.least));
    let line = format!("  {what:<48} {:>6.3} {:>7.3} {:>9.0} {times:>13}", cost.least, cost.median, cost.memory);
    println!("{}", line.trim_end());
}
