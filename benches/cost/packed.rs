//! Compressed captures, beside the program that unpacks them and ftpwhy on the plain file.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use super::measure::{Cost, in_turn};
use super::{ftpwhy, row};

/// The programs that compress and unpack, and how their files end.
const PROGRAMS: [(&str, &str); 3] = [("zstd", "zst"), ("gzip", "gz"), ("lz4", "lz4")];

/// One row for each program.
pub fn rows(plain: &Path, rounds: usize) {
    for (program, extension) in PROGRAMS {
        let packed = plain.with_extension(extension);
        let what = format!("  as .{extension}, beside {program} and plain");
        let is_packed = File::create(&packed).is_ok_and(|to| {
            let mut command = Command::new(program);
            command.arg("-c").arg(plain).stdout(to).stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        });
        if is_packed {
            let unpack = || {
                let mut command = Command::new(program);
                command.arg("-dc").arg(&packed);
                command.into()
            };
            let costs = in_turn(rounds, &[&|| ftpwhy("json", &packed), &|| ftpwhy("json", plain), &unpack]);
            let beside = costs[1].zip(costs[2]).map(both);
            row(&what, &packed, costs[0], beside);
        } else {
            println!("{what:<36}       skipped: {program} is not installed");
        }
        let _ = std::fs::remove_file(packed);
    }
}

/// Two programs side by side: their time, and the clock of the slower one.
fn both((one, other): (Cost, Cost)) -> Cost {
    Cost { least: one.least + other.least, wall: one.wall.max(other.wall), memory: one.memory + other.memory }
}
