//! Parse, run, exit code.

use std::io::{ErrorKind, Write, stdout};
use std::process::ExitCode;

use ftpwhy::app;
use ftpwhy::cli::{Invocation, Screen, parse};
use ftpwhy::report::schema;

fn main() -> ExitCode {
    match parse(std::env::args_os(), &Screen::of_stdout()) {
        Invocation::Analyse(options) => ExitCode::from(app::run(&options)),
        #[cfg(all(feature = "live", target_os = "linux"))]
        Invocation::Live(options) => ExitCode::from(app::live::run(&options)),
        #[cfg(all(feature = "live", target_os = "linux"))]
        Invocation::Interfaces => ExitCode::from(app::live::interfaces()),
        Invocation::Schema => match writeln!(stdout(), "{}", schema()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => ExitCode::from(2),
            _ => ExitCode::SUCCESS,
        },
        Invocation::Done(status) => ExitCode::from(status),
    }
}
