//! Turns packet scripts into captures, to look at them with other tools:
//! `cargo run --example render -- fixtures/time-wait-collision/fires.script /tmp/x.pcap`, or several of them into a
//! directory, where each is called like its own directory and itself: `time-wait-collision.fires.pcap`.

#[path = "../tests/kit/mod.rs"]
mod kit;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let (scripts, target) = match arguments.split_last() {
        Some((target, scripts)) if scripts.len() == 1 || (scripts.len() > 1 && target.is_dir()) => (scripts, target),
        _ => {
            eprintln!("usage: render SCRIPT CAPTURE\n       render SCRIPT... DIRECTORY");
            return ExitCode::from(2);
        }
    };
    for script in scripts {
        let capture = if target.is_dir() { target.join(name(script)) } else { target.clone() };
        let written = kit::render(script).and_then(|r| std::fs::write(&capture, r.file).map_err(|e| e.to_string()));
        if let Err(error) = written {
            eprintln!("{}: {error}", script.display());
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// What the capture of a script is called among those of others.
fn name(script: &Path) -> String {
    let folder = script.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    format!("{folder}.{}.pcap", script.file_stem().unwrap_or_default().to_string_lossy())
}
