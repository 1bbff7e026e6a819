//! Parse, run, exit code.

use std::process::ExitCode;

use ftpwhy::app;
use ftpwhy::cli::{Document, Environment, Invocation, Terminal, parse};
use ftpwhy::diagnosis::ALL;
use ftpwhy::facts;
use ftpwhy::report::{replies, rules, schema};

fn main() -> ExitCode {
    ExitCode::from(match parse(std::env::args_os(), &Terminal::of_stdout(), &Environment::here()) {
        Invocation::Analyse(options) => app::run(&options),
        Invocation::Demo(style) => app::demo(&style),
        Invocation::Show(options) => app::show(&options),
        Invocation::Hosts(options) => app::hosts(&options),
        Invocation::Extract(options) => app::extract(&options),
        #[cfg(all(feature = "live", target_os = "linux"))]
        Invocation::Live(options) => app::live::run(&options),
        #[cfg(all(feature = "live", target_os = "linux"))]
        Invocation::Run(options) => app::run::run(&options),
        #[cfg(all(feature = "live", target_os = "linux"))]
        Invocation::Interfaces => app::live::interfaces(),
        Invocation::Explain(options) => app::print(|out| {
            let diagnoses = options.diagnoses();
            rules::explain(&diagnoses, &options.style, out)?;
            replies::explain(&options.replies(), diagnoses.is_empty(), &options.style, out)
        }),
        Invocation::Rules(options) if options.json => app::print(|out| rules::list_json(ALL, out)),
        Invocation::Rules(options) => app::print(|out| rules::list(ALL, &options.style, out)),
        Invocation::Sessions(options) => app::sessions(&options),
        Invocation::Check(options) => app::check(&options),
        Invocation::Print(text) => app::print(|out| out.write_all(&text)),
        Invocation::Facts(options) => app::facts(&options),
        Invocation::Schema(Document::Report) => app::print(|out| writeln!(out, "{}", schema())),
        Invocation::Schema(Document::Facts) => app::print(|out| writeln!(out, "{}", facts::schema())),
        Invocation::Done(status) => status,
    })
}
