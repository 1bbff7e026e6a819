//! Writes captures that are spoilt at random, the same again for the same numbers, in directories of 400:
//! `cargo run --release --example spoil -- DIR FIRST COUNT`

#[path = "../tests/kit/mod.rs"]
mod kit;

use std::path::Path;
use std::process::ExitCode;

use kit::frames::{Specimen, specimens};
use kit::mutate::{Dice, spoilt};

const IN_A_DIRECTORY: u64 = 400;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [target, first, count] = &arguments[..] else {
        eprintln!("usage: spoil DIR FIRST COUNT");
        return ExitCode::from(2);
    };
    let (Ok(first), Ok(count)) = (first.parse::<u64>(), count.parse::<u64>()) else {
        eprintln!("FIRST and COUNT are numbers");
        return ExitCode::from(2);
    };
    match write(Path::new(target), first, count) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn write(target: &Path, first: u64, count: u64) -> std::io::Result<()> {
    let specimens = specimens(usize::MAX);
    for seed in first..first + count {
        let folder = target.join(format!("{:04}", seed / IN_A_DIRECTORY));
        std::fs::create_dir_all(&folder)?;
        let mut dice = Dice::new(seed);
        let Specimen { frames, captures, .. } = &specimens[dice.roll(specimens.len())];
        let (file, _) = spoilt(frames, captures, &mut dice);
        std::fs::write(folder.join(format!("{seed:06}.pcapng")), file)?;
    }
    Ok(())
}
