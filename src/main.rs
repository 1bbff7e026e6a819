//! Parse, run, exit code.

use std::io::{ErrorKind, Write, stdout};
use std::process::ExitCode;

use ftpwhy::app;
use ftpwhy::cli::{Invocation, Screen, Surroundings, parse};
use ftpwhy::report::schema;

fn main() -> ExitCode {
    match parse(std::env::args_os(), &Screen::of_stdout(), &Surroundings::here()) {
        Invocation::Analyse(options) => ExitCode::from(app::run(&options)),
        Invocation::Check(options) => ExitCode::from(app::run_check(&options)),
        Invocation::Sessions(options) => ExitCode::from(app::run_sessions(&options)),
        Invocation::Schema => print(format!("{}\n", schema()).as_bytes()),
        Invocation::Print(text) => print(&text),
        Invocation::Done(status) => ExitCode::from(status),
    }
}

fn print(text: &[u8]) -> ExitCode {
    match stdout().write_all(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => ExitCode::from(2),
        _ => ExitCode::SUCCESS,
    }
}
