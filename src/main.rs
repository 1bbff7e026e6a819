//! Parse, run, exit code.

use std::process::ExitCode;

use ftpwhy::app;
use ftpwhy::cli::{Invocation, Screen, parse};
use ftpwhy::diagnosis::ALL;
use ftpwhy::report::{rules, schema};

fn main() -> ExitCode {
    ExitCode::from(match parse(std::env::args_os(), &Screen::of_stdout()) {
        Invocation::Analyse(options) => app::run(&options),
        Invocation::Show(options) => app::show(&options),
        Invocation::Hosts(options) => app::hosts(&options),
        Invocation::Explain(options) => app::print(|out| rules::explain(&options.diagnoses(), &options.style, out)),
        Invocation::Rules(options) if options.json => app::print(|out| rules::list_json(ALL, out)),
        Invocation::Rules(options) => app::print(|out| rules::list(ALL, &options.style, out)),
        Invocation::Schema => app::print(|out| writeln!(out, "{}", schema())),
        Invocation::Done(status) => status,
    })
}
