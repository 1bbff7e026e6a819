//! Turns a packet script into a capture, to look at it with other tools:
//! `cargo run --example render -- fixtures/time-wait-collision/fires.script /tmp/x.pcap`

#[path = "../tests/kit/mod.rs"]
mod kit;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [script, capture] = &arguments[..] else {
        eprintln!("usage: render SCRIPT CAPTURE");
        return ExitCode::from(2);
    };
    let written =
        kit::render(Path::new(script)).and_then(|r| std::fs::write(capture, r.file).map_err(|e| e.to_string()));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
